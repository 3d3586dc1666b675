// SPDX-License-Identifier: Apache-2.0
// What a switch says about itself: features, configuration, description; and roles and small settings.
#include "ofproto/openflow/wire-private.h"

// ---- Hello and echo ----

#define HELLO_BITMAP 1

void hello_encode(uint32_t versions, uint32_t xid, struct strbuf *out)
{
	uint8_t highest = 31 - __builtin_clz(versions | 1);
	size_t start = out->len;

	wr_u8(out, highest);
	wr_u8(out, 0);
	wr_be16(out, 0);
	wr_be32(out, xid);
	// All from 1.0 on is what a hello without a list of versions says.
	if (versions != (2u << highest) - 2) {
		wr_be16(out, HELLO_BITMAP);
		wr_be16(out, 8);
		wr_be32(out, versions);
	}
	msg_end(out, start);
}

uint32_t hello_decode(const struct msg *m)
{
	struct reader r = m->body, body;
	uint16_t type;

	r.parent = NULL;
	while (prop_next(&r, &type, &body))
		if (type == HELLO_BITMAP && rd_left(&body) >= 4)
			return rd_be32(&body);
	// Without a bitmap: everything up to the version of the message.
	return (2u << MIN(m->version, 30)) - 2;
}

void echo_reply_encode(const struct msg *request, struct strbuf *out)
{
	size_t start = msg_begin(MSG_ECHO_REPLY, request->version, request->xid, out);

	strbuf_put(out, request->body.p, rd_left(&request->body));
	msg_end(out, start);
}

// ---- Features and configuration ----

void features_reply_encode(const struct switch_features *f, const struct msg *request,
			   struct strbuf *out)
{
	size_t start = msg_begin(MSG_FEATURES_REPLY, request->version, request->xid, out);
	struct mp_writer w = { .out = out, .version = request->version, .start = start };

	wr_be64(out, f->datapath_id);
	wr_be32(out, f->n_buffers);
	wr_u8(out, f->n_tables);
	wr_u8(out, request->version >= OFP13 ? f->auxiliary_id : 0);
	wr_be16(out, 0);
	wr_be32(out, f->capabilities);
	wr_be32(out, request->version == OFP10 ? f->actions : 0);
	// What does not fit is asked for in a port description request.
	for (size_t i = 0; request->version < OFP13 && i < f->n_ports && out->len - start < 65400;
	     i++) {
		w.start = out->len;
		mp_put_port_desc(&w, &f->ports[i]);
	}
	msg_end(out, start);
}

enum ofperr features_reply_decode(const struct msg *m, struct switch_features *f,
				  struct strbuf *ports)
{
	struct msg rest = *m;
	struct reader *r = &rest.body;
	struct port_desc pd;
	int got = 0;

	r->parent = NULL;
	memset(f, 0, sizeof(*f));
	f->datapath_id = rd_be64(r);
	f->n_buffers = rd_be32(r);
	f->n_tables = rd_u8(r);
	f->auxiliary_id = rd_u8(r);
	rd_skip(r, 2);
	f->capabilities = rd_be32(r);
	f->actions = rd_be32(r);
	while (m->version < OFP13 && (got = port_desc_decode_next(&rest, &pd)) > 0)
		strbuf_put(ports, &pd, sizeof(pd));
	f->ports = (const struct port_desc *)ports->s;
	f->n_ports = ports->len / sizeof(pd);
	return got < 0 || rd_finish(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr switch_config_decode(const struct msg *m, struct switch_config *c)
{
	struct reader r = m->body;

	r.parent = NULL;
	c->flags = rd_be16(&r);
	c->miss_send_len = rd_be16(&r);
	if (rd_finish(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (c->flags & ~(CONFIG_FRAGMENTS | (m->version < OFP13 ? CONFIG_INVALID_TTL : 0)))
		return OFPERR_OFPSCFC_BAD_FLAGS;
	return OFPERR_NONE;
}

void switch_config_encode(const struct switch_config *c, enum msg_type type, uint8_t version,
			  uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(type, version, xid, out);

	wr_be16(out, c->flags);
	wr_be16(out, c->miss_send_len);
	msg_end(out, start);
}

void switch_desc_encode(const struct switch_desc *d, const struct msg *request, struct strbuf *out)
{
	struct mp_writer w;

	mp_begin(&w, request, out);
	wr_text(out, d->mfr, sizeof(d->mfr));
	wr_text(out, d->hw, sizeof(d->hw));
	wr_text(out, d->sw, sizeof(d->sw));
	wr_text(out, d->serial, sizeof(d->serial));
	wr_text(out, d->dp, sizeof(d->dp));
	mp_end(&w);
}

enum ofperr switch_desc_decode(const struct msg *m, struct switch_desc *d)
{
	struct reader r = m->body;

	r.parent = NULL;
	rd_text(&r, d->mfr, sizeof(d->mfr));
	rd_text(&r, d->hw, sizeof(d->hw));
	rd_text(&r, d->sw, sizeof(d->sw));
	rd_text(&r, d->serial, sizeof(d->serial));
	rd_text(&r, d->dp, sizeof(d->dp));
	return rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

// ---- Roles ----

enum ofperr role_request_decode(const struct msg *m, struct role_request *q)
{
	struct reader r = m->body;
	uint32_t role = rd_be32(&r);

	r.parent = NULL;
	memset(q, 0, sizeof(*q));
	if (msg_kind_of(m) == KIND_NXT) {
		if (role > 2)
			return OFPERR_OFPRRFC_BAD_ROLE;
		q->role = role + ROLE_EQUAL;
		return OFPERR_NONE;
	}
	rd_skip(&r, 4);
	q->generation_id = rd_be64(&r);
	if (rd_finish(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (role > ROLE_SECONDARY)
		return OFPERR_OFPRRFC_BAD_ROLE;
	q->role = role;
	q->have_generation_id = role != ROLE_NOCHANGE || m->type == MSG_ROLE_REPLY;
	return OFPERR_NONE;
}

void role_reply_encode(const struct role_request *q, const struct msg *request, struct strbuf *out)
{
	bool nx = msg_kind_of(request) == KIND_NXT;
	size_t start = msg_begin_kind(MSG_ROLE_REPLY, request->version, request->xid, nx, out);

	if (nx) {
		wr_be32(out, q->role - ROLE_EQUAL);
	} else {
		wr_be32(out, q->role);
		wr_be32(out, 0);
		wr_be64(out, q->have_generation_id ? q->generation_id : UINT64_MAX);
	}
	msg_end(out, start);
}

enum ofperr role_status_decode(const struct msg *m, struct role_status *s)
{
	struct reader r = m->body;
	uint32_t role = rd_be32(&r);

	r.parent = NULL;
	s->reason = rd_u8(&r);
	rd_skip(&r, 3);
	s->generation_id = rd_be64(&r);
	// Properties may follow; none is known.
	if (rd_status(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (role > ROLE_SECONDARY)
		return OFPERR_OFPRRFC_BAD_ROLE;
	s->role = role;
	return OFPERR_NONE;
}

void role_status_encode(const struct role_status *s, uint8_t version, struct strbuf *out)
{
	size_t start = msg_begin(MSG_ROLE_STATUS, version, 0, out);

	wr_be32(out, s->role);
	wr_u8(out, s->reason);
	strbuf_put_zeros(out, 3);
	wr_be64(out, s->generation_id);
	msg_end(out, start);
}

// ---- One number each ----

enum ofperr nx_number_decode(const struct msg *m, uint32_t *ret)
{
	struct reader r = m->body;

	r.parent = NULL;
	switch (m->type) {
	case MSG_FLOW_MOD_TABLE_ID:
		*ret = rd_u8(&r);
		break;
	case MSG_CT_FLUSH_ZONE:
	case MSG_SET_CONTROLLER_ID:
		rd_skip(&r, 6);
		*ret = rd_be16(&r);
		break;
	default:
		*ret = rd_be32(&r);
	}
	return rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void nx_number_encode(enum msg_type type, uint32_t value, uint8_t version, uint32_t xid,
		      struct strbuf *out)
{
	size_t start = msg_begin(type, version, xid, out);

	switch (type) {
	case MSG_FLOW_MOD_TABLE_ID:
		wr_u8(out, value);
		strbuf_put_zeros(out, 7);
		break;
	case MSG_CT_FLUSH_ZONE:
	case MSG_SET_CONTROLLER_ID:
		strbuf_put_zeros(out, 6);
		wr_be16(out, value);
		break;
	default:
		wr_be32(out, value);
	}
	msg_end(out, start);
}
