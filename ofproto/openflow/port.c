// SPDX-License-Identifier: Apache-2.0
// Ports: descriptions, status, modification, statistics.
#include "ofproto/openflow/wire-private.h"

// Configuration that 1.1 and later kept.
#define CONFIG_11 \
	(PORT_CONFIG_DOWN | PORT_CONFIG_NO_RECV | PORT_CONFIG_NO_FWD | PORT_CONFIG_NO_PACKET_IN)
#define PROP_ETHERNET 0
#define NAME_LEN 16

// Link modes: 1.0 has copper and so on where 1.1 has faster speeds.
static uint32_t modes_to_10(uint32_t m)
{
	return (m & 0x7f) | (m >> 11 & 0x1f) << 7;
}

static uint32_t modes_from_10(uint32_t m)
{
	return (m & 0x7f) | (m >> 7 & 0x1f) << 11;
}

// ---- Descriptions ----

static void put_desc_10(const struct port_desc *pd, struct strbuf *out)
{
	char name[NAME_LEN] = "";

	memcpy(name, pd->name, MIN(strlen(pd->name), sizeof(name) - 1));
	wr_be16(out, port_to_10(pd->port));
	strbuf_put(out, &pd->hw_addr, 6);
	strbuf_put(out, name, sizeof(name));
	wr_be32(out, pd->config);
	wr_be32(out, pd->state & PORT_STATE_LINK_DOWN);
	wr_be32(out, modes_to_10(pd->current));
	wr_be32(out, modes_to_10(pd->advertised));
	wr_be32(out, modes_to_10(pd->supported));
	wr_be32(out, modes_to_10(pd->peer));
}

static void put_modes(const struct port_desc *pd, struct strbuf *out)
{
	wr_be32(out, pd->current);
	wr_be32(out, pd->advertised);
	wr_be32(out, pd->supported);
	wr_be32(out, pd->peer);
	wr_be32(out, pd->current_kbps);
	wr_be32(out, pd->max_kbps);
}

static void put_desc_11(const struct port_desc *pd, uint8_t version, struct strbuf *out)
{
	char name[NAME_LEN] = "";
	size_t start = out->len, prop;

	memcpy(name, pd->name, MIN(strlen(pd->name), sizeof(name) - 1));
	wr_be32(out, pd->port.n);
	wr_be32(out, 0);
	strbuf_put(out, &pd->hw_addr, 6);
	wr_be16(out, 0);
	strbuf_put(out, name, sizeof(name));
	wr_be32(out, pd->config & CONFIG_11);
	wr_be32(out, pd->state);
	if (version < OFP14) {
		put_modes(pd, out);
		return;
	}
	prop = prop_begin(out, PROP_ETHERNET);
	wr_be32(out, 0);
	put_modes(pd, out);
	prop_end(out, prop);
	wr_patch_be16(out, start + 4, out->len - start);
}

static void put_desc(const struct port_desc *pd, uint8_t version, struct strbuf *out)
{
	if (version == OFP10)
		put_desc_10(pd, out);
	else
		put_desc_11(pd, version, out);
}

static void get_desc_10(struct reader *r, struct port_desc *pd)
{
	pd->port = port_from_10(rd_be16(r));
	rd_copy(r, &pd->hw_addr, 6);
	rd_copy(r, pd->name, NAME_LEN);
	pd->name[NAME_LEN - 1] = '\0';
	pd->config = rd_be32(r) & 0x7f;
	pd->state = rd_be32(r) & PORT_STATE_LINK_DOWN;
	pd->current = modes_from_10(rd_be32(r));
	pd->advertised = modes_from_10(rd_be32(r));
	pd->supported = modes_from_10(rd_be32(r));
	pd->peer = modes_from_10(rd_be32(r));
}

static void get_modes(struct reader *r, struct port_desc *pd)
{
	pd->current = rd_be32(r);
	pd->advertised = rd_be32(r);
	pd->supported = rd_be32(r);
	pd->peer = rd_be32(r);
	pd->current_kbps = rd_be32(r);
	pd->max_kbps = rd_be32(r);
}

static void get_props(struct reader *r, struct port_desc *pd)
{
	struct reader body;
	uint16_t type;

	while (prop_next(r, &type, &body))
		if (type == PROP_ETHERNET) {
			rd_skip(&body, 4);
			get_modes(&body, pd);
		}
}

static void get_desc_11(struct reader *r, uint8_t version, struct port_desc *pd)
{
	uint16_t length;

	if (port_from_11(rd_be32(r), &pd->port))
		rd_fail(r);
	length = rd_be16(r);
	rd_skip(r, 2);
	rd_copy(r, &pd->hw_addr, 6);
	rd_skip(r, 2);
	rd_copy(r, pd->name, NAME_LEN);
	pd->name[NAME_LEN - 1] = '\0';
	pd->config = rd_be32(r) & CONFIG_11;
	pd->state = rd_be32(r) & 7;
	if (version < OFP14) {
		get_modes(r, pd);
	} else if (length < 40) {
		rd_fail(r);
	} else {
		struct reader props = rd_sub(r, length - 40u);

		get_props(&props, pd);
	}
}

static void get_desc(struct reader *r, uint8_t version, struct port_desc *pd)
{
	memset(pd, 0, sizeof(*pd));
	if (version == OFP10)
		get_desc_10(r, pd);
	else
		get_desc_11(r, version, pd);
}

void mp_put_port_desc(struct mp_writer *w, const struct port_desc *pd)
{
	mp_make_room(w, 128);
	put_desc(pd, w->version, w->out);
}

int port_desc_decode_next(struct msg *m, struct port_desc *pd)
{
	if (!rd_left(&m->body))
		return 0;
	get_desc(&m->body, m->version, pd);
	return m->body.failed ? -EPROTO : 1;
}

enum ofperr port_desc_request_decode(const struct msg *m, of_port_t *ret_port)
{
	struct reader r = m->body;

	r.parent = NULL;
	*ret_port = OF_PORT(OFPP_ANY);
	if (m->version < OFP15)
		return OFPERR_NONE;
	return port_from_11(rd_be32(&r), ret_port);
}

void port_desc_request_encode(of_port_t port, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_PORT_DESC_REQUEST, version, xid, out);

	if (version >= OFP15) {
		wr_be32(out, port.n);
		wr_be32(out, 0);
	}
	msg_end(out, start);
}

void port_status_encode(const struct port_desc *pd, enum port_reason reason, uint8_t version,
			struct strbuf *out)
{
	size_t start = msg_begin(MSG_PORT_STATUS, version, 0, out);

	wr_u8(out, reason);
	strbuf_put_zeros(out, 7);
	put_desc(pd, version, out);
	msg_end(out, start);
}

enum ofperr port_status_decode(const struct msg *m, struct port_desc *pd,
			       enum port_reason *ret_reason)
{
	struct reader r = m->body;
	uint8_t reason = rd_u8(&r);

	r.parent = NULL;
	rd_skip(&r, 7);
	get_desc(&r, m->version, pd);
	if (rd_finish(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (reason > PORT_MODIFIED)
		return OFPERR_NXBRC_BAD_REASON;
	*ret_reason = reason;
	return OFPERR_NONE;
}

// ---- port_mod ----

static enum ofperr get_mod_11(struct reader *r, uint8_t version, struct port_mod *pm)
{
	enum ofperr e = port_from_11(rd_be32(r), &pm->port);
	struct reader body;
	uint16_t type;

	if (e)
		return OFPERR_OFPPMFC_BAD_PORT;
	rd_skip(r, 4);
	rd_copy(r, &pm->hw_addr, 6);
	rd_skip(r, 2);
	pm->config = rd_be32(r) & CONFIG_11;
	pm->mask = rd_be32(r) & CONFIG_11;
	if (version < OFP14) {
		pm->advertise = rd_be32(r);
		rd_skip(r, 4);
		return OFPERR_NONE;
	}
	while (prop_next(r, &type, &body)) {
		if (type != PROP_ETHERNET)
			return OFPERR_OFPBPC_BAD_TYPE;
		pm->advertise = rd_be32(&body);
	}
	return OFPERR_NONE;
}

enum ofperr port_mod_decode(const struct msg *m, struct port_mod *pm)
{
	struct reader r = m->body;
	enum ofperr e = OFPERR_NONE;

	r.parent = NULL;
	memset(pm, 0, sizeof(*pm));
	if (m->version > OFP10) {
		e = get_mod_11(&r, m->version, pm);
	} else {
		pm->port = port_from_10(rd_be16(&r));
		rd_copy(&r, &pm->hw_addr, 6);
		pm->config = rd_be32(&r) & 0x7f;
		pm->mask = rd_be32(&r) & 0x7f;
		pm->advertise = modes_from_10(rd_be32(&r));
		rd_skip(&r, 4);
	}
	pm->config &= pm->mask;
	return e ? e : rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void port_mod_encode(const struct port_mod *pm, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_PORT_MOD, version, xid, out), prop;

	if (version == OFP10) {
		wr_be16(out, port_to_10(pm->port));
		strbuf_put(out, &pm->hw_addr, 6);
		wr_be32(out, pm->config);
		wr_be32(out, pm->mask);
		wr_be32(out, modes_to_10(pm->advertise));
		wr_be32(out, 0);
		msg_end(out, start);
		return;
	}
	wr_be32(out, pm->port.n);
	wr_be32(out, 0);
	strbuf_put(out, &pm->hw_addr, 6);
	wr_be16(out, 0);
	wr_be32(out, pm->config & CONFIG_11);
	wr_be32(out, pm->mask & CONFIG_11);
	if (version < OFP14) {
		wr_be32(out, pm->advertise);
		wr_be32(out, 0);
	} else if (pm->advertise) {
		prop = prop_begin(out, PROP_ETHERNET);
		wr_be32(out, pm->advertise);
		prop_end(out, prop);
	}
	msg_end(out, start);
}

// ---- Statistics ----

enum ofperr port_stats_request_decode(const struct msg *m, of_port_t *ret_port)
{
	struct reader r = m->body;

	r.parent = NULL;
	return rd_port(&r, m->version, ret_port);
}

void port_stats_request_encode(of_port_t port, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_PORT_REQUEST, version, xid, out);

	if (version == OFP10) {
		wr_be16(out, port_to_10(port));
		strbuf_put_zeros(out, 6);
	} else {
		wr_be32(out, port.n);
		wr_be32(out, 0);
	}
	msg_end(out, start);
}

static void put_counters(const struct port_stats *ps, struct strbuf *out)
{
	wr_be64(out, ps->rx_packets);
	wr_be64(out, ps->tx_packets);
	wr_be64(out, ps->rx_bytes);
	wr_be64(out, ps->tx_bytes);
	wr_be64(out, ps->rx_dropped);
	wr_be64(out, ps->tx_dropped);
	wr_be64(out, ps->rx_errors);
	wr_be64(out, ps->tx_errors);
}

static void put_ethernet(const struct port_stats *ps, struct strbuf *out)
{
	wr_be64(out, ps->rx_frame_err);
	wr_be64(out, ps->rx_over_err);
	wr_be64(out, ps->rx_crc_err);
	wr_be64(out, ps->collisions);
}

static void put_stats_14(const struct port_stats *ps, struct strbuf *out)
{
	size_t start = out->len, prop;

	wr_be16(out, 0);
	wr_be16(out, 0);
	wr_be32(out, ps->port.n);
	wr_be32(out, ps->duration_sec);
	wr_be32(out, ps->duration_nsec);
	put_counters(ps, out);
	prop = prop_begin(out, PROP_ETHERNET);
	wr_be32(out, 0);
	put_ethernet(ps, out);
	prop_end(out, prop);
	wr_patch_be16(out, start, out->len - start);
}

void mp_put_port_stats(struct mp_writer *w, const struct port_stats *ps)
{
	mp_make_room(w, 160);
	if (w->version >= OFP14) {
		put_stats_14(ps, w->out);
		return;
	}
	if (w->version == OFP10) {
		wr_be16(w->out, port_to_10(ps->port));
		strbuf_put_zeros(w->out, 6);
	} else {
		wr_be32(w->out, ps->port.n);
		wr_be32(w->out, 0);
	}
	put_counters(ps, w->out);
	put_ethernet(ps, w->out);
	if (w->version == OFP13) {
		wr_be32(w->out, ps->duration_sec);
		wr_be32(w->out, ps->duration_nsec);
	}
}

static void get_counters(struct reader *r, struct port_stats *ps)
{
	ps->rx_packets = rd_be64(r);
	ps->tx_packets = rd_be64(r);
	ps->rx_bytes = rd_be64(r);
	ps->tx_bytes = rd_be64(r);
	ps->rx_dropped = rd_be64(r);
	ps->tx_dropped = rd_be64(r);
	ps->rx_errors = rd_be64(r);
	ps->tx_errors = rd_be64(r);
}

static void get_ethernet(struct reader *r, struct port_stats *ps)
{
	ps->rx_frame_err = rd_be64(r);
	ps->rx_over_err = rd_be64(r);
	ps->rx_crc_err = rd_be64(r);
	ps->collisions = rd_be64(r);
}

static void get_stats_14(struct reader *r, struct port_stats *ps)
{
	uint16_t length = rd_be16(r), type;
	struct reader entry, body;

	if (length < 2) {
		rd_fail(r);
		return;
	}
	entry = rd_sub(r, length - 2u);
	rd_skip(&entry, 2);
	if (port_from_11(rd_be32(&entry), &ps->port))
		rd_fail(&entry);
	ps->duration_sec = rd_be32(&entry);
	ps->duration_nsec = rd_be32(&entry);
	get_counters(&entry, ps);
	while (prop_next(&entry, &type, &body))
		if (type == PROP_ETHERNET) {
			rd_skip(&body, 4);
			get_ethernet(&body, ps);
		}
}

int port_stats_decode_next(struct msg *m, struct port_stats *ps)
{
	struct reader *r = &m->body;

	if (!rd_left(r))
		return 0;
	memset(ps, 0, sizeof(*ps));
	ps->rx_frame_err = ps->rx_over_err = ps->rx_crc_err = ps->collisions = UINT64_MAX;
	ps->duration_sec = UINT32_MAX;
	if (m->version >= OFP14) {
		get_stats_14(r, ps);
		return r->failed ? -EPROTO : 1;
	}
	if (rd_port(r, m->version, &ps->port))
		rd_fail(r);
	rd_skip(r, m->version == OFP10 ? 6 : 4);
	get_counters(r, ps);
	get_ethernet(r, ps);
	if (m->version == OFP13) {
		ps->duration_sec = rd_be32(r);
		ps->duration_nsec = rd_be32(r);
	}
	return r->failed ? -EPROTO : 1;
}
