// SPDX-License-Identifier: Apache-2.0
// MPLS labels. 1.0 knows them by extensions; since 1.2 label and traffic class are fields that are set.
#include "ofproto/openflow/act-private.h"

// ---- push_mpls, pop_mpls, dec_mpls_ttl ----

enum { NX_PUSH_MPLS = 23, NX_POP_MPLS = 24, NX_DEC_MPLS_TTL = 26 };
enum { OF_DEC_MPLS_TTL = 16, OF_PUSH_MPLS = 19, OF_POP_MPLS = 20 };

static bool is_mpls_type(uint16_t type)
{
	return type == 0x8847 || type == 0x8848;
}

// Begins what is an extension in 1.0.
static size_t begin(struct act_out *o, uint16_t nx, uint16_t of)
{
	return o->version == OFP10 ? act_begin_nx(o, nx) : act_begin_of(o, of);
}

static void put_type(struct act_out *o, uint16_t nx, uint16_t of, be16 type)
{
	size_t start = begin(o, nx, of);

	strbuf_put(o->out, &type, 2);
	act_end(o, start);
}

enum ofperr push_mpls_decode(struct act_in *in, struct strbuf *out)
{
	uint16_t type = rd_be16(&in->body);

	if (!is_mpls_type(type))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	act_put(out, ACT_PUSH_MPLS)->push_mpls.ethertype = htobe16(type);
	return OFPERR_NONE;
}

void push_mpls_encode(const struct act *a, struct act_out *o)
{
	put_type(o, NX_PUSH_MPLS, OF_PUSH_MPLS, a->push_mpls.ethertype);
}

void push_mpls_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "push_mpls:0x%04x", be16toh(a->push_mpls.ethertype));
}

int push_mpls_parse(char *arg, const struct act_text *t)
{
	uint64_t type;

	if (act_parse_number(arg, UINT16_MAX, "push_mpls", &type, t->err))
		return -EINVAL;
	if (!is_mpls_type(type))
		return error_set(t->err, -EINVAL, "%s: not a valid MPLS ethertype", arg);
	act_put(t->out, ACT_PUSH_MPLS)->push_mpls.ethertype = htobe16(type);
	return 0;
}

enum ofperr pop_mpls_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_POP_MPLS)->pop_mpls.ethertype = htobe16(rd_be16(&in->body));
	return OFPERR_NONE;
}

void pop_mpls_encode(const struct act *a, struct act_out *o)
{
	put_type(o, NX_POP_MPLS, OF_POP_MPLS, a->pop_mpls.ethertype);
}

void pop_mpls_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "pop_mpls:0x%04x", be16toh(a->pop_mpls.ethertype));
}

int pop_mpls_parse(char *arg, const struct act_text *t)
{
	uint64_t type;

	if (act_parse_number(arg, UINT16_MAX, "pop_mpls", &type, t->err))
		return -EINVAL;
	act_put(t->out, ACT_POP_MPLS)->pop_mpls.ethertype = htobe16(type);
	return 0;
}

enum ofperr dec_mpls_ttl_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_DEC_MPLS_TTL);
	return OFPERR_NONE;
}

void dec_mpls_ttl_encode(const struct act *a, struct act_out *o)
{
	act_end(o, begin(o, NX_DEC_MPLS_TTL, OF_DEC_MPLS_TTL));
}

void dec_mpls_ttl_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "dec_mpls_ttl");
}

int dec_mpls_ttl_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_DEC_MPLS_TTL);
	return 0;
}

// ---- set_mpls_label, set_mpls_tc, set_mpls_ttl ----

// The parts of a label that can be set. One without a field of OpenFlow keeps its action in all versions.
static const struct part {
	const char *arg, *what; // as errors call them
	uint32_t max;
	uint8_t type, field; // enum act_type, enum field_id
	uint8_t nx, of; // numbers
	uint8_t n_bytes;
	bool oxm;
} label = { "label", "label", 0xfffff, ACT_SET_MPLS_LABEL, FIELD_MPLS_LABEL, 30, 13, 4, true },
  tc = { "tc", "TC", 7, ACT_SET_MPLS_TC, FIELD_MPLS_TC, 31, 14, 1, true },
  ttl = { "ttl", "TTL", UINT8_MAX, ACT_SET_MPLS_TTL, FIELD_MPLS_TTL, 25, 15, 1, false };

static enum ofperr decode_part(struct act_in *in, const struct part *p, struct strbuf *out)
{
	uint32_t value;

	if (in->kind == RAW_NX && p->n_bytes == 4)
		rd_skip(&in->body, 2);
	value = p->n_bytes == 4 ? rd_be32(&in->body) : rd_u8(&in->body);
	if (value > p->max)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	act_put(out, p->type)->mpls.value = value;
	return OFPERR_NONE;
}

static void encode_part(const struct act *a, const struct part *p, struct act_out *o)
{
	const struct field *f = field_get(p->field);
	union field_value v;
	size_t start;

	if (o->version >= OFP12 && p->oxm) {
		field_value_from_u64(f, a->mpls.value, &v);
		act_encode_set_field(o, f, &v);
		return;
	}
	start = begin(o, p->nx, p->of);
	if (p->n_bytes == 1) {
		wr_u8(o->out, a->mpls.value);
	} else {
		if (o->version == OFP10)
			wr_be16(o->out, 0);
		wr_be32(o->out, a->mpls.value);
	}
	act_end(o, start);
}

static int parse_part(const char *arg, const struct part *p, const struct act_text *t)
{
	AUTO_FREE char *what = xasprintf("MPLS %s", p->what);
	uint64_t n;

	if (!*arg)
		return error_set(t->err, -EINVAL, "%s: expected %s.", act_name(p->type), p->arg);
	if (p->n_bytes == 4) {
		uint32_t value;

		if (act_parse_u32(arg, &value, t->err))
			return -EINVAL;
		n = value;
	} else if (act_parse_number(arg, UINT8_MAX, what, &n, t->err)) {
		return -EINVAL;
	}
	if (n > p->max)
		return error_set(t->err, -EINVAL, "%s: not a valid %s", arg, what);
	act_put(t->out, p->type)->mpls.value = n;
	return 0;
}

#define PART(NAME, PART) \
	enum ofperr NAME##_decode(struct act_in *in, struct strbuf *out) \
	{ \
		return decode_part(in, PART, out); \
	} \
	void NAME##_encode(const struct act *a, struct act_out *o) \
	{ \
		encode_part(a, PART, o); \
	} \
	void NAME##_format(const struct act *a, const struct act_text *t) \
	{ \
		strbuf_printf(t->out, #NAME "(%u)", a->mpls.value); \
	} \
	int NAME##_parse(char *arg, const struct act_text *t) \
	{ \
		return parse_part(arg, PART, t); \
	}
PART(set_mpls_label, &label)
PART(set_mpls_tc, &tc)
PART(set_mpls_ttl, &ttl)
#undef PART
