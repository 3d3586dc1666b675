// SPDX-License-Identifier: Apache-2.0
#include "ofproto/openflow/ct-flush.h"

#include <arpa/inet.h>

#include "core/flow/fields.h"
#include "ofproto/openflow/print-private.h"

// Properties of the message.
enum { PROP_ORIG, PROP_REPLY, PROP_ZONE, PROP_MARK, PROP_MARK_MASK, PROP_LABEL, PROP_LABEL_MASK };

// Properties of a tuple, by their numbers. Addresses are 16 bytes, IPv4 ones mapped.
enum form { ADDRESS, PORT, BYTE };
static const struct tuple_prop {
	uint16_t field; // CT_MATCH_*
	enum form form;
	size_t offset; // in struct ct_tuple
} tuple_props[] = {
	{ CT_MATCH_SRC, ADDRESS, offsetof(struct ct_tuple, src) },
	{ CT_MATCH_DST, ADDRESS, offsetof(struct ct_tuple, dst) },
	{ CT_MATCH_SRC_PORT, PORT, offsetof(struct ct_tuple, src_port) },
	{ CT_MATCH_DST_PORT, PORT, offsetof(struct ct_tuple, dst_port) },
	{ CT_MATCH_ICMP_ID, PORT, offsetof(struct ct_tuple, src_port) },
	{ CT_MATCH_ICMP_TYPE, BYTE, offsetof(struct ct_tuple, icmp_type) },
	{ CT_MATCH_ICMP_CODE, BYTE, offsetof(struct ct_tuple, icmp_code) },
};

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
#define TYPE_IP htobe16(0x0800)
#define TYPE_IPV6 htobe16(0x86dd)

// ---- Decoding ----

static enum ofperr take_address(struct reader *r, be16 *eth_type, struct ipv6_addr *to)
{
	const uint8_t *p = rd_bytes(r, 16);
	be16 type;

	if (!p || rd_left(r))
		return OFPERR_OFPBPC_BAD_LEN;
	type = memcmp(p, mapped, sizeof(mapped)) ? TYPE_IPV6 : TYPE_IP;
	if (*eth_type && *eth_type != type)
		return OFPERR_OFPBPC_BAD_VALUE;
	*eth_type = type;
	memset(to, 0, sizeof(*to));
	if (type == TYPE_IP)
		memcpy(to, p + sizeof(mapped), 4);
	else
		memcpy(to, p, 16);
	return OFPERR_NONE;
}

// Numbers may have padding behind them that their length counts.
static enum ofperr take_tuple_prop(struct reader *r, const struct tuple_prop *p,
				   struct ct_tuple_match *m)
{
	uint8_t *at = (uint8_t *)&m->tuple + p->offset;

	m->fields |= p->field;
	if (p->form == ADDRESS)
		return take_address(r, &m->tuple.eth_type, (struct ipv6_addr *)at);
	rd_copy(r, at, p->form == PORT ? 2 : 1);
	return r->failed || rd_left(r) > 3 ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr take_tuple(struct reader *r, struct ct_tuple_match *m)
{
	struct reader body;
	uint16_t type;

	rd_skip(r, 4);
	while (prop_next(r, &type, &body)) {
		enum ofperr e;

		if (type >= ARRAY_SIZE(tuple_props))
			return OFPERR_OFPBPC_BAD_TYPE;
		body.parent = NULL;
		e = take_tuple_prop(&body, &tuple_props[type], m);
		if (e)
			return e;
	}
	return rd_status(r) ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr finish_value(const struct reader *r)
{
	return r->failed || rd_left(r) > 3 ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr take_prop(struct reader *r, uint16_t type, struct ct_match *m)
{
	switch (type) {
	case PROP_ORIG:
		return take_tuple(r, &m->orig);
	case PROP_REPLY:
		return take_tuple(r, &m->reply);
	case PROP_ZONE:
		m->has_zone = true;
		m->zone = rd_be16(r);
		return finish_value(r);
	case PROP_MARK:
		m->mark = rd_be32(r);
		m->mark_mask = m->mark_mask ? m->mark_mask : UINT32_MAX;
		return finish_value(r);
	case PROP_MARK_MASK:
		m->mark_mask = rd_be32(r);
		return finish_value(r);
	case PROP_LABEL:
		rd_copy(r, m->label, sizeof(m->label));
		if (is_all_zeros(m->label_mask, sizeof(m->label_mask)))
			memset(m->label_mask, 0xff, sizeof(m->label_mask));
		return finish_value(r);
	case PROP_LABEL_MASK:
		rd_copy(r, m->label_mask, sizeof(m->label_mask));
		return finish_value(r);
	default:
		return OFPERR_OFPBPC_BAD_TYPE;
	}
}

static void set_proto(struct ct_tuple_match *m, uint8_t proto)
{
	if (!proto)
		return;
	m->fields |= CT_MATCH_PROTO;
	m->tuple.proto = proto;
}

enum ofperr ct_flush_decode(const struct msg *m, struct ct_match *ret)
{
	struct reader r = m->body, body;
	const uint8_t *pad;
	enum ofperr e;
	uint16_t type;
	uint8_t proto;

	r.parent = NULL;
	memset(ret, 0, sizeof(*ret));
	proto = rd_u8(&r);
	pad = rd_bytes(&r, 7);
	if (!pad)
		return OFPERR_OFPBRC_BAD_LEN;
	if (!is_all_zeros(pad, 7))
		return OFPERR_NXBRC_MUST_BE_ZERO;
	while (prop_next(&r, &type, &body)) {
		body.parent = NULL;
		e = take_prop(&body, type, ret);
		if (e)
			return e;
	}
	if (rd_status(&r))
		return OFPERR_OFPBPC_BAD_LEN;
	set_proto(&ret->orig, proto);
	if (ret->reply.fields)
		set_proto(&ret->reply, proto);
	// Other versions take a tuple without a zone for one of zone 0.
	if (ret->orig.fields || ret->reply.fields)
		ret->has_zone = true;
	return OFPERR_NONE;
}

// ---- Encoding ----

// The length of a number of two bytes counts the padding behind it.
static void put_prop(struct strbuf *out, uint16_t type, const void *value, size_t n)
{
	size_t start = prop_begin(out, type);

	strbuf_put(out, value, n);
	if (n == 2)
		strbuf_put_zeros(out, 2);
	prop_end(out, start);
}

static void put_tuple_prop(struct strbuf *out, uint16_t type, const struct ct_tuple_match *m)
{
	const struct tuple_prop *p = &tuple_props[type];
	const uint8_t *at = (const uint8_t *)&m->tuple + p->offset;
	uint8_t address[16];

	if (p->form == ADDRESS && m->tuple.eth_type == TYPE_IP) {
		memcpy(address, mapped, sizeof(mapped));
		memcpy(address + sizeof(mapped), at, 4);
		at = address;
	}
	put_prop(out, type, at, p->form == ADDRESS ? 16 : p->form == PORT ? 2 : 1);
}

static void put_tuple(struct strbuf *out, uint16_t type, const struct ct_tuple_match *m)
{
	size_t start;

	if (!(m->fields & ~CT_MATCH_PROTO))
		return;
	start = prop_begin(out, type);
	strbuf_put_zeros(out, 4);
	for (uint16_t i = 0; i < ARRAY_SIZE(tuple_props); i++)
		if (m->fields & tuple_props[i].field)
			put_tuple_prop(out, i, m);
	prop_end(out, start);
}

void ct_flush_encode(const struct ct_match *match, uint8_t version, uint32_t xid,
		     struct strbuf *out)
{
	size_t start = msg_begin(MSG_CT_FLUSH, version, xid, out);
	be32 mark = htobe32(match->mark), mark_mask = htobe32(match->mark_mask);
	be16 zone = htobe16(match->zone);

	wr_u8(out, match->orig.fields & CT_MATCH_PROTO ? match->orig.tuple.proto
						       : match->reply.tuple.proto);
	strbuf_put_zeros(out, 7);
	put_tuple(out, PROP_ORIG, &match->orig);
	put_tuple(out, PROP_REPLY, &match->reply);
	if (match->has_zone)
		put_prop(out, PROP_ZONE, &zone, sizeof(zone));
	if (match->mark_mask) {
		put_prop(out, PROP_MARK, &mark, sizeof(mark));
		put_prop(out, PROP_MARK_MASK, &mark_mask, sizeof(mark_mask));
	}
	if (!is_all_zeros(match->label_mask, sizeof(match->label_mask))) {
		put_prop(out, PROP_LABEL, match->label, sizeof(match->label));
		put_prop(out, PROP_LABEL_MASK, match->label_mask, sizeof(match->label_mask));
	}
	msg_end(out, start);
}

// ---- Text ----

static void print_address(struct strbuf *out, be16 eth_type, bool has, const struct ipv6_addr *a)
{
	char text[INET6_ADDRSTRLEN];

	if (has)
		strbuf_puts(out, inet_ntop(eth_type == TYPE_IP ? AF_INET : AF_INET6, a, text,
					   sizeof(text)));
	else
		strbuf_puts(out, "::");
}

// All of a tuple is shown, also what it does not say: that is 0.
static void print_tuple(struct strbuf *out, be16 eth_type, uint8_t proto,
			const struct ct_tuple_match *m)
{
	const struct ct_tuple *t = &m->tuple;
	const char *family = eth_type == TYPE_IP ? "nw" : "ipv6";

	strbuf_printf(out, "ct_%s_src=", family);
	print_address(out, t->eth_type, m->fields & CT_MATCH_SRC, &t->src);
	strbuf_printf(out, ",ct_%s_dst=", family);
	print_address(out, t->eth_type, m->fields & CT_MATCH_DST, &t->dst);
	if (ct_proto_is_icmp(proto))
		strbuf_printf(out, ",icmp_id=%u,icmp_type=%u,icmp_code=%u", be16toh(t->src_port),
			      t->icmp_type, t->icmp_code);
	else
		strbuf_printf(out, ",ct_tp_src=%u,ct_tp_dst=%u", be16toh(t->src_port),
			      be16toh(t->dst_port));
}

enum ofperr print_ct_flush(struct print *p, struct msg *m)
{
	struct ct_match c;
	enum ofperr e = ct_flush_decode(m, &c);
	be16 eth_type;

	if (e)
		return e;
	eth_type = c.orig.tuple.eth_type ? c.orig.tuple.eth_type : c.reply.tuple.eth_type;
	strbuf_printf(p->out, " zone=%u '", c.zone);
	print_tuple(p->out, eth_type, c.orig.tuple.proto, &c.orig);
	strbuf_printf(p->out, ",ct_nw_proto=%u' '", c.orig.tuple.proto);
	print_tuple(p->out, eth_type, c.orig.tuple.proto, &c.reply);
	strbuf_putc(p->out, '\'');
	if (c.mark_mask)
		strbuf_printf(p->out, " mark=0x%x/0x%x", c.mark, c.mark_mask);
	if (!is_all_zeros(c.label_mask, sizeof(c.label_mask))) {
		union field_value value, mask;

		memcpy(value.b, c.label, sizeof(c.label));
		memcpy(mask.b, c.label_mask, sizeof(c.label_mask));
		strbuf_puts(p->out, " labels=");
		field_format(field_get(FIELD_CT_LABEL), &value, &mask, p->out);
	}
	return OFPERR_NONE;
}
