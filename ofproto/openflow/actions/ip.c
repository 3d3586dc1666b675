// SPDX-License-Identifier: Apache-2.0
// dec_ttl and tunnel keys.
#include "ofproto/openflow/act-private.h"

// ---- dec_ttl ----

enum { NX_DEC_TTL = 18, NX_DEC_TTL_IDS = 21, OF_DEC_TTL = 24 };

static void put_dec_ttl(struct strbuf *out, const uint16_t *ids, size_t n)
{
	size_t start = out->len;

	act_put(out, ACT_DEC_TTL)->dec_ttl.n_ids = n;
	act_put_nested_bytes(out, start, ids, n * sizeof(*ids));
}

static bool is_plain(const struct act *a)
{
	const uint16_t *ids = act_nested(a);

	return a->dec_ttl.n_ids == 1 && !ids[0];
}

enum ofperr dec_ttl_decode(struct act_in *in, struct strbuf *out)
{
	static const uint16_t zero[1];
	uint16_t ids[64];
	size_t n;

	if (in->kind == RAW_OF || in->number == NX_DEC_TTL) {
		put_dec_ttl(out, zero, 1);
		return OFPERR_NONE;
	}
	n = rd_be16(&in->body);
	if (act_get_zeros(in, 4))
		return OFPERR_NXBRC_MUST_BE_ZERO;
	// None: nobody is told of packets that have run out. OVN sends it so.
	if (n > ARRAY_SIZE(ids))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	for (size_t i = 0; i < n; i++)
		ids[i] = rd_be16(&in->body);
	if (rd_status(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (!is_all_zeros(in->body.p, rd_left(&in->body)))
		return OFPERR_NXBRC_MUST_BE_ZERO;
	put_dec_ttl(out, ids, n);
	return OFPERR_NONE;
}

void dec_ttl_encode(const struct act *a, struct act_out *o)
{
	const uint16_t *ids = act_nested(a);
	size_t start;

	if (is_plain(a)) {
		act_end(o, o->version == OFP10 ? act_begin_nx(o, NX_DEC_TTL)
					       : act_begin_of(o, OF_DEC_TTL));
		return;
	}
	start = act_begin_nx(o, NX_DEC_TTL_IDS);
	wr_be16(o->out, a->dec_ttl.n_ids);
	wr_be32(o->out, 0);
	for (size_t i = 0; i < a->dec_ttl.n_ids; i++)
		wr_be16(o->out, ids[i]);
	act_end(o, start);
}

void dec_ttl_format(const struct act *a, const struct act_text *t)
{
	const uint16_t *ids = act_nested(a);

	strbuf_puts(t->out, "dec_ttl");
	if (is_plain(a))
		return;
	strbuf_putc(t->out, '(');
	for (size_t i = 0; i < a->dec_ttl.n_ids; i++)
		strbuf_printf(t->out, "%s%u", i ? "," : "", ids[i]);
	strbuf_putc(t->out, ')');
}

int dec_ttl_parse(char *arg, const struct act_text *t)
{
	uint16_t ids[64] = { 0 };
	size_t n = 0;
	char *key, *value;

	while (act_next_word(&arg, &key, &value)) {
		uint64_t id;

		if (n == ARRAY_SIZE(ids))
			return error_set(t->err, -EINVAL, "dec_ttl takes at most %zu ids", n);
		if (act_parse_number(key, UINT16_MAX, "controller id", &id, t->err))
			return -EINVAL;
		ids[n++] = id;
	}
	put_dec_ttl(t->out, ids, MAX(n, (size_t)1));
	return 0;
}

// ---- set_tunnel ----

enum { NX_SET_TUNNEL = 2, NX_SET_TUNNEL64 = 9 };

static void put_tunnel(struct strbuf *out, uint64_t id, bool wide)
{
	struct act *a = act_put(out, ACT_SET_TUNNEL);

	a->tunnel.id = id;
	a->tunnel.wide = wide || id > UINT32_MAX;
}

enum ofperr set_tunnel_decode(struct act_in *in, struct strbuf *out)
{
	bool wide = in->number == NX_SET_TUNNEL64;
	uint64_t id;

	rd_skip(&in->body, wide ? 6 : 2);
	id = wide ? rd_be64(&in->body) : rd_be32(&in->body);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	put_tunnel(out, id, wide);
	return OFPERR_NONE;
}

void set_tunnel_encode(const struct act *a, struct act_out *o)
{
	const struct field *f = field_get(FIELD_TUN_ID);
	union field_value v;
	size_t start;

	if (o->version >= OFP12) {
		v.be64 = htobe64(a->tunnel.id);
		act_encode_set_field(o, f, &v);
		return;
	}
	if (a->tunnel.wide) {
		start = act_begin_nx(o, NX_SET_TUNNEL64);
		strbuf_put_zeros(o->out, 6);
		wr_be64(o->out, a->tunnel.id);
	} else {
		start = act_begin_nx(o, NX_SET_TUNNEL);
		wr_be16(o->out, 0);
		wr_be32(o->out, a->tunnel.id);
	}
	act_end(o, start);
}

void set_tunnel_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "set_tunnel%s:%#llx", a->tunnel.wide ? "64" : "",
		      (unsigned long long)a->tunnel.id);
}

int set_tunnel_parse(char *arg, const struct act_text *t)
{
	uint64_t id;

	if (act_parse_number(arg, UINT64_MAX, "tunnel id", &id, t->err))
		return -EINVAL;
	put_tunnel(t->out, id, false);
	return 0;
}

int set_tunnel64_parse(char *arg, const struct act_text *t)
{
	uint64_t id;

	if (act_parse_number(arg, UINT64_MAX, "tunnel id", &id, t->err))
		return -EINVAL;
	put_tunnel(t->out, id, true);
	return 0;
}
