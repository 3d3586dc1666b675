// SPDX-License-Identifier: Apache-2.0
// learn on the wire: the packet makes a rule. What the rule matches and does stands in specs behind the fixed part.
#include "ofproto/openflow/actions/learn-private.h"

enum { NX_LEARN = 16, NX_LEARN2 = 45, WRITE_RESULT = 4 };
enum { FLAGS = ACT_LEARN_SEND_FLOW_REM | ACT_LEARN_DELETE_LEARNED };

// The header of a spec: 11 bits of width, then what the bits are for and where they come from.
enum { WIDTH_MASK = 0x7ff, KIND_SHIFT = 11, KIND_MASK = 3, FROM_VALUE = 1 << 13 };

void learn_put_specs(struct strbuf *out, size_t start, const learn_spec_vec *specs)
{
	((struct act *)(out->s + start))->learn.n_specs = specs->n;
	act_put_nested_bytes(out, start, specs->v, specs->n * sizeof(*specs->v));
}

// A VLAN id to match has a bit more than its width says.
bool learn_value_fits(const struct learn_spec *s)
{
	const struct subfield *dst = &s->dst;
	bool whole = subfield_is_whole(dst) && s->kind == LEARN_MATCH;
	unsigned int n_bits = whole ? dst->field->n_bytes * 8 : dst->n_bits;

	for (unsigned int i = n_bits; i < LEARN_VALUE_BYTES * 8; i++)
		if (s->value[LEARN_VALUE_BYTES - 1 - i / 8] >> i % 8 & 1)
			return false;
	return true;
}

// ---- Decoding ----

static enum ofperr decode_bits(struct act_in *in, unsigned int width, struct subfield *ret)
{
	enum ofperr e = act_get_short_field(in, &ret->field);

	if (e)
		return e;
	ret->ofs = rd_be16(&in->body);
	ret->n_bits = act_bits_from_wire(ret->field, width);
	return rd_status(&in->body) ? OFPERR_OFPBAC_BAD_LEN : OFPERR_NONE;
}

// Whole pairs of bytes, right-aligned.
static enum ofperr decode_value(struct act_in *in, unsigned int width, uint8_t value[])
{
	size_t n = 2 * DIV_ROUND_UP(width, 16u), extra;

	if (rd_left(&in->body) < n)
		return OFPERR_OFPBAC_BAD_LEN;
	extra = n > LEARN_VALUE_BYTES ? n - LEARN_VALUE_BYTES : 0;
	// Options of tunnels are wider here than what a packet of ours can have.
	if (!is_all_zeros(in->body.p, extra))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	rd_skip(&in->body, extra);
	rd_copy(&in->body, value + LEARN_VALUE_BYTES - (n - extra), n - extra);
	return OFPERR_NONE;
}

// 'head' is its first two bytes.
static enum ofperr decode_spec(struct act_in *in, uint16_t head, struct learn_spec *s)
{
	unsigned int width = head & WIDTH_MASK;
	enum ofperr e;

	memset(s, 0, sizeof(*s));
	s->kind = head >> KIND_SHIFT & KIND_MASK;
	if (head >= FROM_VALUE << 1 || s->kind > LEARN_OUTPUT ||
	    (s->kind == LEARN_OUTPUT && head & FROM_VALUE))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	e = head & FROM_VALUE ? decode_value(in, width, s->value) : decode_bits(in, width, &s->src);
	return e || s->kind == LEARN_OUTPUT ? e : decode_bits(in, width, &s->dst);
}

static enum ofperr decode_specs(struct act_in *in, learn_spec_vec *specs)
{
	while (rd_left(&in->body) >= 2) {
		uint16_t head = rd_be16(&in->body);
		enum ofperr e;

		// Zeros end the list.
		if (!(head & WIDTH_MASK))
			return head ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
		e = decode_spec(in, head, VEC_PUSH_UNINIT(specs));
		if (e)
			return e;
	}
	return OFPERR_NONE;
}

static enum ofperr decode_result(struct act_in *in, bool there, struct act *a)
{
	uint16_t ofs = rd_be16(&in->body), zero = rd_be16(&in->body);
	enum ofperr e;

	if (zero)
		return OFPERR_NXBAC_MUST_BE_ZERO;
	if (!there)
		return ofs ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
	a->learn.result.ofs = ofs;
	a->learn.result.n_bits = 1;
	e = act_get_field(in, &a->learn.result.field);
	if (!e && !a->learn.result.field->writable)
		e = OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	return e ? e : act_check_bits(&a->learn.result);
}

static enum ofperr decode_head(struct act_in *in, struct act *a)
{
	uint16_t flags;
	enum ofperr e;

	a->learn.idle_timeout = rd_be16(&in->body);
	a->learn.hard_timeout = rd_be16(&in->body);
	a->learn.priority = rd_be16(&in->body);
	a->learn.cookie = rd_be64(&in->body);
	flags = rd_be16(&in->body);
	a->learn.table = rd_u8(&in->body);
	e = act_get_zeros(in, 1);
	a->learn.fin_idle_timeout = rd_be16(&in->body);
	a->learn.fin_hard_timeout = rd_be16(&in->body);
	a->learn.flags = flags & FLAGS;
	if (e || flags & ~(FLAGS | (in->number == NX_LEARN2 ? WRITE_RESULT : 0)) ||
	    a->learn.table == UINT8_MAX)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (in->number == NX_LEARN)
		return OFPERR_NONE;
	a->learn.limit = rd_be32(&in->body);
	return decode_result(in, flags & WRITE_RESULT, a);
}

enum ofperr learn_decode(struct act_in *in, struct strbuf *out)
{
	size_t start = out->len;
	enum ofperr e = decode_head(in, act_put(out, ACT_LEARN));
	learn_spec_vec specs = { 0 };

	if (!e)
		e = decode_specs(in, &specs);
	if (!e && !is_all_zeros(in->body.p, rd_left(&in->body)))
		e = OFPERR_OFPBAC_BAD_ARGUMENT;
	if (!e)
		learn_put_specs(out, start, &specs);
	VEC_FREE(&specs);
	return e;
}

// ---- Encoding ----

static void put_bits(const struct subfield *sf, struct act_out *o)
{
	act_put_field(o, sf->field);
	wr_be16(o->out, sf->ofs);
}

static void put_value(const struct learn_spec *s, unsigned int width, struct strbuf *out)
{
	size_t n = 2 * DIV_ROUND_UP(width, 16u), has = MIN(n, (size_t)LEARN_VALUE_BYTES);

	strbuf_put_zeros(out, n - has);
	strbuf_put(out, s->value + LEARN_VALUE_BYTES - has, has);
}

static void put_spec(const struct learn_spec *s, struct act_out *o)
{
	unsigned int width = act_bits_to_wire(s->src.field ? &s->src : &s->dst);

	wr_be16(o->out, width | s->kind << KIND_SHIFT | (s->src.field ? 0 : FROM_VALUE));
	if (s->src.field)
		put_bits(&s->src, o);
	else
		put_value(s, width, o->out);
	if (s->kind != LEARN_OUTPUT)
		put_bits(&s->dst, o);
}

void learn_encode(const struct act *a, struct act_out *o)
{
	const struct subfield *result = &a->learn.result;
	bool second = a->learn.limit || result->field;
	size_t start = act_begin_nx(o, second ? NX_LEARN2 : NX_LEARN);
	const struct learn_spec *s = act_nested(a);

	wr_be16(o->out, a->learn.idle_timeout);
	wr_be16(o->out, a->learn.hard_timeout);
	wr_be16(o->out, a->learn.priority);
	wr_be64(o->out, a->learn.cookie);
	wr_be16(o->out, a->learn.flags | (result->field ? WRITE_RESULT : 0));
	wr_u8(o->out, a->learn.table);
	wr_u8(o->out, 0);
	wr_be16(o->out, a->learn.fin_idle_timeout);
	wr_be16(o->out, a->learn.fin_hard_timeout);
	if (second) {
		wr_be32(o->out, a->learn.limit);
		wr_be16(o->out, result->ofs);
		wr_be16(o->out, 0);
	}
	if (result->field)
		act_put_field(o, result->field);
	for (size_t i = 0; i < a->learn.n_specs; i++)
		put_spec(&s[i], o);
	act_end(o, start);
}
