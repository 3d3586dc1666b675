// SPDX-License-Identifier: Apache-2.0
// Queues of ports on the wire: their statistics, and which there are.
#include "ofproto/openflow/wire-private.h"

enum {
	STATS_LEN_14 = 48,
	DESC_LEN = 16, // of a queue with its port, from 1.2
	DESC_LEN_10 = 8,
	PROP_LEN_10 = 16, // up to 1.3
	PROP_LEN_14 = 8,
	MIN_RATE = 1,
	MAX_RATE = 2,
};

static void put_port(of_port_t port, uint8_t version, struct strbuf *out)
{
	if (version == OFP10) {
		wr_be16(out, port_to_10(port));
		wr_be16(out, 0);
	} else {
		wr_be32(out, port_to_11(port));
	}
}

static enum ofperr get_port(struct reader *r, uint8_t version, of_port_t *ret)
{
	enum ofperr e = rd_port(r, version, ret);

	if (version == OFP10)
		rd_skip(r, 2);
	return e;
}

// ---- Statistics ----

enum ofperr queue_stats_request_decode(const struct msg *m, of_port_t *ret_port,
				       uint32_t *ret_queue)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	e = get_port(&r, m->version, ret_port);
	*ret_queue = rd_be32(&r);
	// What is "any" since 1.1 was "all" in 1.0.
	if (m->version == OFP10 && ret_port->n == OFPP_ALL)
		ret_port->n = OFPP_ANY;
	return e;
}

void queue_stats_request_encode(of_port_t port, uint32_t queue, uint8_t version, uint32_t xid,
				struct strbuf *out)
{
	size_t start = msg_begin(MSG_QUEUE_REQUEST, version, xid, out);

	if (version == OFP10 && port.n == OFPP_ANY)
		port.n = OFPP_ALL;
	put_port(port, version, out);
	wr_be32(out, queue);
	msg_end(out, start);
}

void mp_put_queue_stats(struct mp_writer *w, const struct queue_stats *s)
{
	struct strbuf *out = w->out;

	mp_make_room(w, STATS_LEN_14);
	if (w->version >= OFP14) {
		wr_be16(out, STATS_LEN_14);
		strbuf_put_zeros(out, 6);
	}
	put_port(s->port, w->version, out);
	wr_be32(out, s->queue);
	wr_be64(out, s->tx_bytes);
	wr_be64(out, s->tx_packets);
	wr_be64(out, s->tx_errors);
	if (w->version >= OFP13) {
		wr_be32(out, s->duration_sec);
		wr_be32(out, s->duration_nsec);
	}
}

static void get_stats(struct reader *r, uint8_t version, struct queue_stats *s)
{
	if (get_port(r, version, &s->port))
		rd_fail(r);
	s->queue = rd_be32(r);
	s->tx_bytes = rd_be64(r);
	s->tx_packets = rd_be64(r);
	s->tx_errors = rd_be64(r);
	s->duration_sec = s->duration_nsec = UINT32_MAX;
	if (version >= OFP13) {
		s->duration_sec = rd_be32(r);
		s->duration_nsec = rd_be32(r);
	}
}

int queue_stats_decode_next(struct msg *m, struct queue_stats *s)
{
	struct reader *r = &m->body, entry;
	uint16_t length;

	if (!rd_left(r))
		return 0;
	memset(s, 0, sizeof(*s));
	if (m->version < OFP14) {
		get_stats(r, m->version, s);
		return r->failed ? -EPROTO : 1;
	}
	length = rd_be16(r);
	rd_skip(r, 6);
	if (r->failed || length < STATS_LEN_14)
		return -EPROTO;
	// Properties behind are experimenters'.
	entry = rd_sub(r, length - 8u);
	get_stats(&entry, m->version, s);
	return r->failed || entry.failed ? -EPROTO : 1;
}

// ---- Which there are ----

enum ofperr queue_desc_request_decode(const struct msg *m, of_port_t *ret_port, uint32_t *ret_queue)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	e = get_port(&r, m->version, ret_port);
	*ret_queue = QUEUE_ALL;
	if (m->version >= OFP14)
		*ret_queue = rd_be32(&r);
	else if (!e && ret_port->n >= OFPP_MAX && (m->version == OFP10 || ret_port->n != OFPP_ANY))
		e = OFPERR_OFPQOFC_BAD_PORT;
	return e;
}

void queue_desc_request_encode(of_port_t port, uint32_t queue, uint8_t version, uint32_t xid,
			       struct strbuf *out)
{
	size_t start =
		msg_begin(version < OFP14 ? MSG_QUEUE_GET_CONFIG_REQUEST : MSG_QUEUE_DESC_REQUEST,
			  version, xid, out);

	put_port(port, version, out);
	if (version >= OFP14)
		wr_be32(out, queue);
	else if (version > OFP10)
		wr_be32(out, 0);
	msg_end(out, start);
}

static void put_rate(uint16_t type, uint16_t rate, uint8_t version, struct strbuf *out)
{
	size_t start;

	if (rate == UINT16_MAX)
		return;
	start = prop_begin(out, type);
	if (version < OFP14)
		wr_be32(out, 0);
	wr_be16(out, rate);
	strbuf_put_zeros(out, version < OFP14 ? 6 : 2);
	prop_end(out, start);
}

static void put_desc(const struct queue_desc *d, uint8_t version, struct strbuf *out)
{
	size_t start = out->len, length;

	if (version >= OFP14)
		wr_be32(out, port_to_11(d->port));
	wr_be32(out, d->queue);
	if (version == OFP12 || version == OFP13)
		wr_be32(out, port_to_11(d->port));
	length = out->len;
	wr_be16(out, 0);
	strbuf_put_zeros(out, version < OFP12 ? 2 : 6);
	put_rate(MIN_RATE, d->min_rate, version, out);
	// 1.0 and 1.1 have no other.
	if (version >= OFP12)
		put_rate(MAX_RATE, d->max_rate, version, out);
	wr_patch_be16(out, length, out->len - start);
}

void mp_put_queue_desc(struct mp_writer *w, const struct queue_desc *d)
{
	mp_make_room(w, DESC_LEN + 2 * PROP_LEN_14);
	put_desc(d, w->version, w->out);
}

size_t queue_config_begin(of_port_t port, const struct msg *request, struct strbuf *out)
{
	size_t start = msg_begin(MSG_QUEUE_GET_CONFIG_REPLY, request->version, request->xid, out);

	put_port(port, request->version, out);
	wr_be32(out, 0);
	return start;
}

bool queue_config_put(struct strbuf *out, size_t start, uint8_t version, const struct queue_desc *d)
{
	if (out->len - start + DESC_LEN + 2 * PROP_LEN_10 > UINT16_MAX)
		return false;
	put_desc(d, version, out);
	return true;
}

int queue_config_decode(struct msg *m, of_port_t *ret_port)
{
	if (rd_port(&m->body, m->version, ret_port))
		return -EPROTO;
	rd_skip(&m->body, m->version == OFP10 ? 6 : 4);
	return m->body.failed ? -EPROTO : 0;
}

static void get_rates(struct reader *r, uint8_t version, struct queue_desc *d)
{
	struct reader body;
	uint16_t type;

	d->min_rate = d->max_rate = UINT16_MAX;
	while (prop_next(r, &type, &body)) {
		if (type != MIN_RATE && type != MAX_RATE)
			continue;
		if (version < OFP14)
			rd_skip(&body, 4);
		*(type == MIN_RATE ? &d->min_rate : &d->max_rate) = rd_be16(&body);
		if (body.failed)
			rd_fail(r);
	}
}

int queue_desc_decode_next(struct msg *m, of_port_t port, struct queue_desc *d)
{
	struct reader *r = &m->body, props;
	size_t header = m->version < OFP12 ? DESC_LEN_10 : DESC_LEN;
	uint16_t length;

	if (!rd_left(r))
		return 0;
	memset(d, 0, sizeof(*d));
	d->port = port;
	if (m->version >= OFP14 && rd_port(r, m->version, &d->port))
		rd_fail(r);
	d->queue = rd_be32(r);
	if ((m->version == OFP12 || m->version == OFP13) && rd_port(r, m->version, &d->port))
		rd_fail(r);
	length = rd_be16(r);
	rd_skip(r, m->version < OFP12 ? 2 : 6);
	if (r->failed || length < header)
		return -EPROTO;
	props = rd_sub(r, length - header);
	get_rates(&props, m->version, d);
	return r->failed || props.failed ? -EPROTO : 1;
}
