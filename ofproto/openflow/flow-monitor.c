// SPDX-License-Identifier: Apache-2.0
#include "ofproto/openflow/flow-monitor.h"

#include "ofproto/openflow/wire-private.h"

// "No abbreviation" is bit 5, and in 1.4's standard as well. There Open vSwitch says it with bit 6 ("only own" changes), and refuses bit 5.
enum { OWN_14 = 0x40, SAME_FLAGS = 0x1f };
enum { ALL_FLAGS = SAME_FLAGS | FLOW_MONITOR_OWN, ALL_FLAGS_14 = SAME_FLAGS | OWN_14 };

// Numbers of events before 1.4, and from there on.
static const uint16_t numbers[][2] = {
	[FLOW_EVENT_INITIAL] = { 0, 0 },	  [FLOW_EVENT_ADDED] = { 0, 1 },
	[FLOW_EVENT_DELETED] = { 1, 2 },	  [FLOW_EVENT_MODIFIED] = { 2, 3 },
	[FLOW_EVENT_ABBREV] = { 3, 4 },		  [FLOW_EVENT_PAUSED] = { UINT16_MAX, 5 },
	[FLOW_EVENT_RESUMED] = { UINT16_MAX, 6 },
};

static bool is_standard(uint8_t version)
{
	return version >= OFP14;
}

static bool uses_nxm(uint8_t version)
{
	return version < OFP13;
}

// ---- Requests ----

static enum ofperr decode_match(struct reader *r, uint8_t version, uint16_t length, struct match *m)
{
	if (uses_nxm(version))
		return nxm_decode(r, length, m, NULL, NULL);
	return match11_decode(r, m);
}

// What there is already is told of by a monitor that goes on to tell of changes.
static enum ofperr check_flags(uint16_t flags, uint16_t known)
{
	uint16_t changes = FLOW_MONITOR_ADD | FLOW_MONITOR_DELETE | FLOW_MONITOR_MODIFY;

	return flags & ~known || !(flags & changes) ? OFPERR_OFPMOFC_BAD_FLAGS : OFPERR_NONE;
}

static enum ofperr decode_request_14(struct reader *r, struct flow_monitor_request *q)
{
	enum ofperr e, port_error;
	uint16_t flags;
	uint8_t command;

	q->id = rd_be32(r);
	port_error = rd_port(r, OFP14, &q->out_port);
	q->out_group = rd_be32(r);
	flags = rd_be16(r);
	q->table = rd_u8(r);
	command = rd_u8(r);
	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	e = command == FLOW_MONITOR_CMD_DELETE ? OFPERR_NONE : check_flags(flags, ALL_FLAGS_14);
	if (e)
		return e;
	if (command > FLOW_MONITOR_CMD_DELETE)
		return OFPERR_OFPMOFC_BAD_COMMAND;
	q->command = command;
	q->flags = (flags & SAME_FLAGS) | (flags & OWN_14 ? FLOW_MONITOR_OWN : 0);
	return port_error ? port_error : match11_decode(r, &q->match);
}

static enum ofperr decode_request_before(struct reader *r, uint8_t version,
					 struct flow_monitor_request *q)
{
	enum ofperr e, port_error = OFPERR_NONE;
	uint16_t length;

	q->id = rd_be32(r);
	q->flags = rd_be16(r);
	q->out_group = UINT32_MAX;
	if (uses_nxm(version)) {
		q->out_port = port_from_10(rd_be16(r));
		length = rd_be16(r);
		q->table = rd_u8(r);
		rd_skip(r, 5);
	} else {
		length = rd_be16(r);
		port_error = rd_port(r, version, &q->out_port);
		q->table = rd_u8(r);
		rd_skip(r, 3);
	}
	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	e = check_flags(q->flags, ALL_FLAGS);
	if (e || port_error)
		return e ? e : port_error;
	return decode_match(r, version, length, &q->match);
}

enum ofperr flow_monitor_request_decode_next(struct msg *m, struct flow_monitor_request *q,
					     bool *ret_more)
{
	struct reader *r = &m->body;
	enum ofperr e;

	*ret_more = rd_left(r);
	if (!*ret_more)
		return OFPERR_NONE;
	memset(q, 0, offsetof(struct flow_monitor_request, match));
	e = is_standard(m->version) ? decode_request_14(r, q)
				    : decode_request_before(r, m->version, q);
	return e ? e : rd_status(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static void encode_request_14(const struct flow_monitor_request *q, uint8_t version,
			      struct strbuf *out)
{
	wr_be32(out, q->id);
	wr_be32(out, port_to_11(q->out_port));
	wr_be32(out, q->out_group);
	wr_be16(out, (q->flags & SAME_FLAGS) | (q->flags & FLOW_MONITOR_OWN ? OWN_14 : 0));
	wr_u8(out, q->table);
	wr_u8(out, q->command);
	match11_encode(&q->match, version, out);
}

// The length of a match stands before it.
static size_t put_match(const struct match *m, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;

	if (uses_nxm(version))
		return nxm_encode(m, 0, 0, out);
	match11_encode(m, version, out);
	return (uint8_t)out->s[start + 2] << 8 | (uint8_t)out->s[start + 3];
}

static void encode_request_before(const struct flow_monitor_request *q, uint8_t version,
				  struct strbuf *out)
{
	size_t at;

	wr_be32(out, q->id);
	wr_be16(out, q->flags);
	if (uses_nxm(version)) {
		wr_be16(out, port_to_10(q->out_port));
		at = out->len;
		wr_be16(out, 0);
		wr_u8(out, q->table);
		strbuf_put_zeros(out, 5);
	} else {
		at = out->len;
		wr_be16(out, 0);
		wr_be32(out, port_to_11(q->out_port));
		wr_u8(out, q->table);
		strbuf_put_zeros(out, 3);
	}
	wr_patch_be16(out, at, put_match(&q->match, version, out));
}

void flow_monitor_request_encode(const struct flow_monitor_request *q, uint8_t version,
				 uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_FLOW_MONITOR_REQUEST, version, xid, out);

	if (is_standard(version))
		encode_request_14(q, version, out);
	else
		encode_request_before(q, version, out);
	msg_end(out, start);
}

enum ofperr flow_monitor_cancel_decode(const struct msg *m, uint32_t *ret_id)
{
	struct reader r = m->body;

	r.parent = NULL;
	*ret_id = rd_be32(&r);
	return rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void flow_monitor_cancel_encode(uint32_t id, uint8_t version, uint32_t xid, struct strbuf *out)
{
	struct flow_monitor_request q = {
		.id = id,
		.command = FLOW_MONITOR_CMD_DELETE,
		.out_port = OF_PORT(OFPP_ANY),
		.out_group = UINT32_MAX,
		.table = 255,
	};
	size_t start;

	if (is_standard(version)) {
		match_init_any(&q.match);
		flow_monitor_request_encode(&q, version, xid, out);
		return;
	}
	start = msg_begin(MSG_FLOW_MONITOR_CANCEL, version, xid, out);
	wr_be32(out, id);
	msg_end(out, start);
}

// ---- Updates ----

void flow_updates_begin(struct mp_writer *w, uint8_t version, uint32_t xid, struct strbuf *out)
{
	mp_begin_type(w, MSG_FLOW_MONITOR_REPLY, version, xid, out);
}

// Whether the event is no more than its name (and an xid).
static bool is_short(enum flow_event event)
{
	return event >= FLOW_EVENT_ABBREV;
}

static void put_full(const struct flow_update *u, uint8_t version, struct strbuf *out)
{
	size_t at = 0;

	if (is_standard(version)) {
		wr_u8(out, u->table);
		wr_u8(out, u->event == FLOW_EVENT_DELETED ? u->reason : 0);
		wr_be16(out, u->idle_timeout);
		wr_be16(out, u->hard_timeout);
		wr_be16(out, u->priority);
		wr_be32(out, 0);
		wr_be64(out, u->cookie);
		match11_encode(u->match, version, out);
	} else {
		wr_be16(out, u->event == FLOW_EVENT_DELETED ? u->reason : 0);
		wr_be16(out, u->priority);
		wr_be16(out, u->idle_timeout);
		wr_be16(out, u->hard_timeout);
		at = out->len;
		wr_be16(out, 0);
		wr_u8(out, u->table);
		wr_u8(out, 0);
		wr_be64(out, u->cookie);
		wr_patch_be16(out, at, put_match(u->match, version, out));
	}
	if (!u->acts.size)
		return;
	if (uses_nxm(version))
		acts_encode_actions(u->acts, version, out);
	else
		acts_encode_for_match(u->acts, u->match, version, out);
}

void mp_put_flow_update(struct mp_writer *w, const struct flow_update *u)
{
	size_t start = w->out->len;

	assert(numbers[u->event][is_standard(w->version)] != UINT16_MAX);
	wr_be16(w->out, 0);
	wr_be16(w->out, numbers[u->event][is_standard(w->version)]);
	if (is_short(u->event))
		wr_be32(w->out, u->event == FLOW_EVENT_ABBREV ? u->xid : 0);
	else
		put_full(u, w->version, w->out);
	wr_patch_be16(w->out, start, w->out->len - start);
	mp_end_entry(w, start);
}

static enum ofperr decode_full(struct reader *r, uint8_t version, struct flow_update *u,
			       struct strbuf *acts)
{
	uint16_t length = 0;
	enum ofperr e;

	if (is_standard(version)) {
		u->table = rd_u8(r);
		u->reason = rd_u8(r);
		u->idle_timeout = rd_be16(r);
		u->hard_timeout = rd_be16(r);
		u->priority = rd_be16(r);
		rd_skip(r, 4);
	} else {
		u->reason = rd_be16(r);
		u->priority = rd_be16(r);
		u->idle_timeout = rd_be16(r);
		u->hard_timeout = rd_be16(r);
		length = rd_be16(r);
		u->table = rd_u8(r);
		rd_skip(r, 1);
	}
	u->cookie = rd_be64(r);
	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	e = decode_match(r, version, length, &u->match_buf);
	if (e)
		return e;
	e = uses_nxm(version) ? acts_decode_actions(r, version, acts)
			      : acts_decode_instructions(r, version, acts);
	u->match = &u->match_buf;
	u->acts = acts_of(acts);
	return e;
}

static bool event_of(uint16_t number, uint8_t version, enum flow_event *ret)
{
	bool standard = is_standard(version);

	for (size_t i = standard ? 0 : FLOW_EVENT_ADDED; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i][standard] == number) {
			*ret = i;
			return true;
		}
	return false;
}

enum ofperr flow_update_decode_next(struct msg *m, struct flow_update *u, struct strbuf *acts,
				    bool *ret_more)
{
	uint16_t length, number;
	struct reader r;

	*ret_more = rd_left(&m->body);
	if (!*ret_more)
		return OFPERR_NONE;
	memset(u, 0, offsetof(struct flow_update, match_buf));
	strbuf_clear(acts);
	length = rd_be16(&m->body);
	number = rd_be16(&m->body);
	if (length < 8 || length % 8 || length - 4u > rd_left(&m->body))
		return OFPERR_OFPBRC_BAD_LEN;
	r = rd_sub(&m->body, length - 4u);
	r.parent = NULL;
	if (!event_of(number, m->version, &u->event))
		return OFPERR_NXBRC_FM_BAD_EVENT;
	if (!is_short(u->event))
		return decode_full(&r, m->version, u, acts);
	u->xid = rd_be32(&r);
	return rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void flow_monitor_paused_encode(bool resumed, uint8_t version, struct strbuf *out)
{
	struct flow_update u = { .event = resumed ? FLOW_EVENT_RESUMED : FLOW_EVENT_PAUSED };
	struct mp_writer w;

	if (!is_standard(version)) {
		msg_put_plain(resumed ? MSG_FLOW_MONITOR_RESUMED : MSG_FLOW_MONITOR_PAUSED, version,
			      0, out);
		return;
	}
	flow_updates_begin(&w, version, 0, out);
	mp_put_flow_update(&w, &u);
	mp_end(&w);
}
