// SPDX-License-Identifier: Apache-2.0
// Packets to and from controllers.
#include "ofproto/openflow/act-private.h"

enum {
	PIN2_PACKET,
	PIN2_FULL_LEN,
	PIN2_BUFFER_ID,
	PIN2_TABLE_ID,
	PIN2_COOKIE,
	PIN2_REASON,
	PIN2_METADATA,
	PIN2_USERDATA,
	PIN2_CONTINUATION
};

uint8_t packet_in_known_reason(uint8_t reason, uint8_t version)
{
	// Reasons came one after the other.
	if (reason == OFPR_EXPLICIT_MISS && version < OFP13)
		return OFPR_ACTION;
	if (reason >= OFPR_IMPLICIT_MISS)
		return OFPR_NO_MATCH;
	if (version < OFP14 && reason >= OFPR_ACTION_SET)
		return OFPR_ACTION;
	// 1.0 and 1.1 have none for a TTL that ran out; as a Nicira extension they understand it.
	return reason;
}

// ---- Encoding packet_in ----

static void put_standard(const struct packet_in *p, uint8_t version, struct strbuf *out)
{
	uint8_t reason = packet_in_known_reason(p->reason, version);

	wr_be32(out, OF_NO_BUFFER);
	if (version == OFP11) {
		wr_be32(out, p->metadata.key.in_port);
		wr_be32(out, p->metadata.key.in_port);
	}
	wr_be16(out, MIN(p->total_len, (size_t)UINT16_MAX));
	if (version == OFP10)
		wr_be16(out, port_to_10(OF_PORT(p->metadata.key.in_port)));
	wr_u8(out, reason);
	wr_u8(out, version == OFP10 ? 0 : p->table);
	if (version >= OFP13)
		wr_be64(out, p->cookie);
	if (version >= OFP12) {
		match11_encode(&p->metadata, version, out);
		wr_be16(out, 0);
	}
	strbuf_put(out, p->packet, p->len);
}

static void put_nxt(const struct packet_in *p, uint8_t version, struct strbuf *out)
{
	size_t at, n;

	wr_be32(out, OF_NO_BUFFER);
	wr_be16(out, MIN(p->total_len, (size_t)UINT16_MAX));
	wr_u8(out, packet_in_known_reason(p->reason, version));
	wr_u8(out, p->table);
	wr_be64(out, p->cookie);
	at = out->len;
	wr_be16(out, 0);
	strbuf_put_zeros(out, 6);
	n = nxm_encode(&p->metadata, 0, 0, out);
	wr_patch_be16(out, at, n);
	wr_be16(out, 0);
	strbuf_put(out, p->packet, p->len);
}

static void put_u8(struct strbuf *out, uint16_t type, uint8_t v)
{
	size_t start = prop_begin(out, type);

	wr_u8(out, v);
	prop_end(out, start);
}

static void put_nxt2(const struct packet_in *p, uint8_t version, struct strbuf *out)
{
	size_t start = prop_begin(out, PIN2_PACKET);

	strbuf_put(out, p->packet, p->len);
	prop_end(out, start);
	if (p->total_len != p->len) {
		start = prop_begin(out, PIN2_FULL_LEN);
		wr_be32(out, p->total_len);
		prop_end(out, start);
	}
	put_u8(out, PIN2_TABLE_ID, p->table);
	if (p->cookie != UINT64_MAX) {
		start = prop_begin(out, PIN2_COOKIE);
		wr_be32(out, 0);
		wr_be64(out, p->cookie);
		prop_end(out, start);
	}
	put_u8(out, PIN2_REASON, packet_in_known_reason(p->reason, OFP14));
	start = prop_begin(out, PIN2_METADATA);
	match_put_oxm(&p->metadata, version, out);
	prop_end(out, start);
	if (p->n_userdata) {
		start = prop_begin(out, PIN2_USERDATA);
		strbuf_put(out, p->userdata, p->n_userdata);
		prop_end(out, start);
	}
	if (p->n_continuation) {
		start = prop_begin(out, PIN2_CONTINUATION);
		wr_be32(out, 0);
		strbuf_put(out, p->continuation, p->n_continuation);
		prop_end(out, start);
	}
}

// The size of the whole message.
static size_t put_packet_in(const struct packet_in *p, enum packet_in_format format,
			    uint8_t version, struct strbuf *out)
{
	enum msg_type type = format == PIN_NXT2 ? MSG_PACKET_IN2 : MSG_PACKET_IN;
	size_t start = msg_begin_kind(type, version, 0, format != PIN_STANDARD, out);

	if (format == PIN_NXT2)
		put_nxt2(p, version, out);
	else if (format == PIN_NXT)
		put_nxt(p, version, out);
	else
		put_standard(p, version, out);
	msg_end(out, start);
	return out->len - start;
}

// A packet that is cut says how long it was, in a property, and packets are padded.
#define CUT_MAX (8 + 7)

bool packet_in_encode(const struct packet_in *whole, enum packet_in_format format, uint8_t version,
		      struct strbuf *out)
{
	struct packet_in cut = *whole;
	size_t before = out->len, n, excess;

	while ((n = put_packet_in(&cut, format, version, out)) > UINT16_MAX) {
		strbuf_truncate(out, before);
		excess = n - UINT16_MAX + CUT_MAX;
		if (excess > cut.len)
			return false;
		cut.len -= excess;
	}
	return true;
}

// ---- Decoding packet_in ----

static void set_in_port(struct match *m, of_port_t port)
{
	match_init_any(m);
	m->key.in_port = port.n;
	m->mask.m.in_port = UINT32_MAX;
}

static enum ofperr get_standard(struct reader *r, uint8_t version, struct packet_in *p)
{
	of_port_t port = OF_PORT(OFPP_ANY);
	enum ofperr e = OFPERR_NONE;

	p->buffer_id = rd_be32(r);
	if (version == OFP11) {
		e = port_from_11(rd_be32(r), &port);
		rd_skip(r, 4);
	}
	p->total_len = rd_be16(r);
	if (version == OFP10)
		port = port_from_10(rd_be16(r));
	p->reason = rd_u8(r);
	p->table = rd_u8(r);
	if (version == OFP10)
		p->table = 0; // padding
	if (version >= OFP13)
		p->cookie = rd_be64(r);
	if (e)
		return e;
	if (version < OFP12) {
		set_in_port(&p->metadata, port);
	} else {
		e = match11_decode(r, &p->metadata);
		rd_skip(r, 2);
	}
	return e;
}

static enum ofperr get_nxt(struct reader *r, struct packet_in *p)
{
	uint16_t match_len;
	enum ofperr e;

	p->buffer_id = rd_be32(r);
	p->total_len = rd_be16(r);
	p->reason = rd_u8(r);
	p->table = rd_u8(r);
	p->cookie = rd_be64(r);
	match_len = rd_be16(r);
	rd_skip(r, 6);
	e = nxm_decode(r, match_len, &p->metadata, NULL, NULL);
	rd_skip(r, 2);
	return e;
}

static enum ofperr get_property(uint16_t type, struct reader *body, struct packet_in *p)
{
	struct error ignored;

	switch (type) {
	case PIN2_PACKET:
		p->packet = body->p;
		p->len = rd_left(body);
		break;
	case PIN2_FULL_LEN:
		p->total_len = rd_be32(body);
		break;
	case PIN2_TABLE_ID:
		p->table = rd_u8(body);
		break;
	case PIN2_COOKIE:
		rd_skip(body, 4);
		p->cookie = rd_be64(body);
		break;
	case PIN2_REASON:
		p->reason = rd_u8(body);
		break;
	case PIN2_METADATA:
		return ofperr_of_match(
			match_get_oxm(&p->metadata, body->p, rd_left(body), false, &ignored));
	case PIN2_USERDATA:
		p->userdata = body->p;
		p->n_userdata = rd_left(body);
		break;
	case PIN2_BUFFER_ID:
		p->buffer_id = rd_be32(body);
		break;
	case PIN2_CONTINUATION:
		rd_skip(body, 4);
		p->continuation = body->p;
		p->n_continuation = rd_left(body);
		break;
	default:
		return OFPERR_OFPBPC_BAD_TYPE;
	}
	return OFPERR_NONE;
}

static enum ofperr get_nxt2(struct reader *r, struct packet_in *p)
{
	struct reader body;
	uint16_t type;

	while (prop_next(r, &type, &body)) {
		enum ofperr e = get_property(type, &body, p);

		if (e)
			return e;
	}
	p->total_len = MAX(p->total_len, p->len);
	return OFPERR_NONE;
}

static void packet_in_init(struct packet_in *p)
{
	memset(p, 0, sizeof(*p));
	p->cookie = UINT64_MAX;
	p->reason = OFPR_ACTION;
	p->buffer_id = OF_NO_BUFFER;
}

enum ofperr packet_in_decode(const struct msg *m, struct packet_in *p)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	packet_in_init(p);
	if (m->type == MSG_PACKET_IN2) {
		e = get_nxt2(&r, p);
	} else {
		e = msg_kind_of(m) == KIND_NXT ? get_nxt(&r, p) : get_standard(&r, m->version, p);
		p->packet = r.p;
		p->len = rd_left(&r);
	}
	return e ? e : rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr resume_decode(const struct msg *m, struct packet_in *p)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	packet_in_init(p);
	p->reason = OFPR_NO_MATCH; // where none is said
	match_init_any(&p->metadata);
	e = get_nxt2(&r, p);
	return e ? e : rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void resume_encode(const struct packet_in *p, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_RESUME, version, xid, out);

	put_nxt2(p, version, out);
	msg_end(out, start);
}

// ---- packet_out ----

static bool is_source(of_port_t port)
{
	return port.n < OFPP_MAX || port.n == OFPP_LOCAL || port.n == OFPP_ANY ||
	       port.n == OFPP_CONTROLLER;
}

enum ofperr packet_out_decode(const struct msg *m, struct packet_out *p)
{
	struct reader r = m->body, actions;
	of_port_t port = OF_PORT(OFPP_ANY);
	uint16_t n_actions;
	enum ofperr e = OFPERR_NONE;

	r.parent = NULL;
	p->buffer_id = rd_be32(&r);
	p->consistent = m->version > OFP10;
	if (m->version >= OFP15) {
		n_actions = rd_be16(&r);
		rd_skip(&r, 2);
		e = match11_decode(&r, &p->metadata);
		port = OF_PORT(p->metadata.key.in_port);
		if (!e && !p->metadata.mask.m.in_port)
			e = OFPERR_OFPBRC_BAD_PORT;
	} else {
		e = rd_port(&r, m->version, &port);
		n_actions = rd_be16(&r);
		if (m->version > OFP10)
			rd_skip(&r, 6);
		set_in_port(&p->metadata, port);
	}
	if (e)
		return e;
	if (!is_source(port))
		return OFPERR_OFPBRC_BAD_PORT;
	actions = rd_sub(&r, n_actions);
	actions.parent = NULL;
	if (rd_status(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	e = acts_decode_actions_only(&actions, m->version, &p->acts);
	p->packet = r.p;
	p->len = p->buffer_id == OF_NO_BUFFER ? rd_left(&r) : 0;
	return e;
}

void packet_out_encode(const struct packet_out *p, uint8_t version, uint32_t xid,
		       struct strbuf *out)
{
	size_t start = msg_begin(MSG_PACKET_OUT, version, xid, out), at, begin;
	of_port_t port = OF_PORT(p->metadata.key.in_port);

	wr_be32(out, p->buffer_id);
	if (version == OFP10)
		wr_be16(out, port_to_10(port));
	else if (version < OFP15)
		wr_be32(out, port.n);
	at = out->len;
	wr_be16(out, 0);
	if (version >= OFP15) {
		wr_be16(out, 0);
		match11_encode(&p->metadata, version, out);
	} else if (version > OFP10) {
		strbuf_put_zeros(out, 6);
	}
	begin = out->len;
	acts_encode_actions(acts_of(&p->acts), version, out);
	wr_patch_be16(out, at, out->len - begin);
	if (p->buffer_id == OF_NO_BUFFER)
		strbuf_put(out, p->packet, p->len);
	msg_end(out, start);
}

void packet_out_uninit(struct packet_out *p)
{
	strbuf_uninit(&p->acts);
}
