// SPDX-License-Identifier: Apache-2.0
// move: bits from one field to another (copy_field of OpenFlow 1.5).
#include "ofproto/openflow/act-private.h"

enum { NX_MOVE = 6, ONF_COPY = 3200, OF_COPY = 28 };

static enum ofperr check(const struct subfield *src, const struct subfield *dst)
{
	enum ofperr e = act_check_bits(src);

	if (!e)
		e = act_check_bits(dst);
	return e || dst->field->writable ? e : OFPERR_OFPBAC_BAD_SET_ARGUMENT;
}

enum ofperr move_decode(struct act_in *in, struct strbuf *out)
{
	struct subfield src = { 0 }, dst = { 0 };
	struct act *a;
	enum ofperr e;

	if (in->kind == RAW_ONF)
		rd_skip(&in->body, 2);
	src.n_bits = dst.n_bits = rd_be16(&in->body);
	src.ofs = rd_be16(&in->body);
	dst.ofs = rd_be16(&in->body);
	e = in->kind == RAW_NX ? OFPERR_NONE : act_get_zeros(in, 2);
	if (!e)
		e = act_get_field(in, &src.field);
	if (!e)
		e = act_get_field(in, &dst.field);
	if (!e && rd_left(&in->body) >= 8)
		return OFPERR_OFPBAC_BAD_LEN;
	if (!e)
		e = check(&src, &dst);
	if (e)
		return e;
	a = act_put(out, ACT_MOVE);
	a->move.src = src;
	a->move.dst = dst;
	return OFPERR_NONE;
}

void move_encode(const struct act *a, struct act_out *o)
{
	bool nx = o->version < OFP15;
	size_t start = nx ? act_begin_nx(o, NX_MOVE) : act_begin_of(o, OF_COPY);

	wr_be16(o->out, a->move.src.n_bits);
	wr_be16(o->out, a->move.src.ofs);
	wr_be16(o->out, a->move.dst.ofs);
	if (!nx)
		wr_be16(o->out, 0);
	field_put_oxm_header(a->move.src.field, nx ? OFP10 : o->version, o->out);
	field_put_oxm_header(a->move.dst.field, nx ? OFP10 : o->version, o->out);
	act_end(o, start);
}

void move_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "move:");
	subfield_format(&a->move.src, t->out);
	strbuf_puts(t->out, "->");
	subfield_format(&a->move.dst, t->out);
}

int move_parse(char *arg, const struct act_text *t)
{
	struct subfield src, dst;
	const char *s = arg;
	struct act *a;

	if (subfield_parse(&s, &src, t->err))
		return -EINVAL;
	if (strncmp(s, "->", 2))
		return error_set(t->err, -EINVAL, "%s: missing `->' following source", arg);
	s += 2;
	if (subfield_parse(&s, &dst, t->err))
		return -EINVAL;
	if (*s)
		return error_set(t->err, -EINVAL, "%s: trailing garbage following destination",
				 arg);
	if (src.n_bits != dst.n_bits)
		return error_set(t->err, -EINVAL,
				 "%s: source field is %u bits wide but destination is %u bits wide",
				 arg, src.n_bits, dst.n_bits);
	if (!dst.field->writable)
		return error_set(t->err, -EINVAL, "%s is read-only", dst.field->name);
	if (!src.field->oxm[0].name || !dst.field->oxm[0].name)
		return error_set(t->err, -EINVAL, "%s: not a field of OpenFlow", arg);
	a = act_put(t->out, ACT_MOVE);
	a->move.src = src;
	a->move.dst = dst;
	return 0;
}
