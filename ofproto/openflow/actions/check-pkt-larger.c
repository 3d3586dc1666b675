// SPDX-License-Identifier: Apache-2.0
// check_pkt_larger: one bit that says whether the packet is longer than so many bytes.
#include "ofproto/openflow/act-private.h"

enum { NX_CHECK_PKT_LARGER = 49 };

enum ofperr check_pkt_larger_decode(struct act_in *in, struct strbuf *out)
{
	struct subfield dst = { .n_bits = 1 };
	uint16_t len = rd_be16(&in->body);
	struct act *a;
	enum ofperr e;

	dst.ofs = rd_be16(&in->body);
	e = act_get_field(in, &dst.field);
	if (e)
		return e;
	if (!is_all_zeros(in->body.p, rd_left(&in->body)))
		return OFPERR_NXBRC_MUST_BE_ZERO;
	if (!dst.field->writable)
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	if (dst.ofs >= dst.field->n_bits)
		return OFPERR_OFPBAC_BAD_SET_LEN;
	a = act_put(out, ACT_CHECK_PKT_LARGER);
	a->check_pkt_larger.pkt_len = len;
	a->check_pkt_larger.dst = dst;
	return OFPERR_NONE;
}

void check_pkt_larger_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_CHECK_PKT_LARGER);

	wr_be16(o->out, a->check_pkt_larger.pkt_len);
	wr_be16(o->out, a->check_pkt_larger.dst.ofs);
	field_put_oxm_header(a->check_pkt_larger.dst.field, OFP10, o->out);
	act_end(o, start);
}

void check_pkt_larger_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "check_pkt_larger(%u)->", a->check_pkt_larger.pkt_len);
	subfield_format(&a->check_pkt_larger.dst, t->out);
}

int check_pkt_larger_parse(char *arg, const struct act_text *t)
{
	char *arrow = strstr(arg, "->");
	struct subfield dst;
	const char *s;
	struct act *a;
	uint64_t len;

	if (!arrow)
		return error_set(t->err, -EINVAL, "%s: missing `->'", arg);
	*arrow = '\0';
	s = arrow + 2;
	if (act_parse_number(arg, UINT16_MAX, "packet length", &len, t->err) ||
	    subfield_parse(&s, &dst, t->err))
		return -EINVAL;
	if (*s)
		return error_set(t->err, -EINVAL, "unexpected input following field syntax");
	if (dst.n_bits != 1)
		return error_set(t->err, -EINVAL, "Only 1-bit destination field is allowed");
	if (!dst.field->writable || !dst.field->oxm[0].name)
		return error_set(t->err, -EINVAL, "%s is read-only", dst.field->name);
	a = act_put(t->out, ACT_CHECK_PKT_LARGER);
	a->check_pkt_larger.pkt_len = len;
	a->check_pkt_larger.dst = dst;
	return 0;
}
