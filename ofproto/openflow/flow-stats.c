// SPDX-License-Identifier: Apache-2.0
// Flow and aggregate statistics, and flows that are gone.
#include "ofproto/openflow/act-private.h"

// ---- Requests ----

static enum ofperr request_10(struct reader *r, struct flow_stats_request *q)
{
	enum ofperr e = match10_decode(r, &q->match);

	q->table = rd_u8(r);
	rd_skip(r, 1);
	q->out_port = port_from_10(rd_be16(r));
	return e;
}

static enum ofperr request_nx(struct reader *r, struct flow_stats_request *q)
{
	uint16_t match_len;

	q->out_port = port_from_10(rd_be16(r));
	match_len = rd_be16(r);
	q->table = rd_u8(r);
	rd_skip(r, 3);
	return nxm_decode(r, match_len, &q->match, &q->cookie, &q->cookie_mask);
}

static enum ofperr request_11(struct reader *r, struct flow_stats_request *q)
{
	enum ofperr e;

	q->table = rd_u8(r);
	rd_skip(r, 3);
	e = port_from_11(rd_be32(r), &q->out_port);
	q->out_group = rd_be32(r);
	rd_skip(r, 4);
	q->cookie = rd_be64(r);
	q->cookie_mask = rd_be64(r);
	return e ? e : match11_decode(r, &q->match);
}

enum ofperr flow_stats_request_decode(const struct msg *m, struct flow_stats_request *q)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	memset(q, 0, sizeof(*q));
	q->aggregate = m->type == MSG_AGGREGATE_REQUEST;
	q->out_port = OF_PORT(OFPP_ANY);
	q->out_group = UINT32_MAX;
	if (msg_kind_of(m) == KIND_NXST)
		e = request_nx(&r, q);
	else
		e = m->version == OFP10 ? request_10(&r, q) : request_11(&r, q);
	q->cookie &= q->cookie_mask;
	return e ? e : rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void flow_stats_request_encode(const struct flow_stats_request *q, uint8_t version, uint32_t xid,
			       struct strbuf *out)
{
	enum msg_type type = q->aggregate ? MSG_AGGREGATE_REQUEST : MSG_FLOW_REQUEST;
	size_t start = msg_begin_kind(type, version, xid, version == OFP10, out), at, n;

	if (version == OFP10) {
		wr_be16(out, port_to_10(q->out_port));
		at = out->len;
		wr_be16(out, 0);
		wr_u8(out, q->table);
		strbuf_put_zeros(out, 3);
		n = nxm_encode(&q->match, q->cookie, q->cookie_mask, out);
		wr_patch_be16(out, at, n);
	} else {
		wr_u8(out, q->table);
		strbuf_put_zeros(out, 3);
		wr_be32(out, q->out_port.n);
		wr_be32(out, q->out_group);
		wr_be32(out, 0);
		wr_be64(out, q->cookie);
		wr_be64(out, q->cookie_mask);
		match11_encode(&q->match, version, out);
	}
	msg_end(out, start);
}

void flow_stats_request_encode_standard_10(const struct flow_stats_request *q, uint32_t xid,
					   struct strbuf *out)
{
	enum msg_type type = q->aggregate ? MSG_AGGREGATE_REQUEST : MSG_FLOW_REQUEST;
	size_t start = msg_begin_kind(type, OFP10, xid, false, out);

	match10_encode(&q->match, out);
	wr_u8(out, q->table);
	strbuf_put_zeros(out, 1);
	wr_be16(out, port_to_10(q->out_port));
	msg_end(out, start);
}

// ---- Flow entries, decoding ----

static enum ofperr entry_10(struct reader *r, struct flow_stats *fs)
{
	enum ofperr e;

	fs->table = rd_u8(r);
	rd_skip(r, 1);
	e = match10_decode(r, &fs->match_buf);
	fs->duration_sec = rd_be32(r);
	fs->duration_nsec = rd_be32(r);
	fs->priority = rd_be16(r);
	fs->idle_timeout = rd_be16(r);
	fs->hard_timeout = rd_be16(r);
	rd_skip(r, 6);
	fs->cookie = rd_be64(r);
	fs->n_packets = rd_be64(r);
	fs->n_bytes = rd_be64(r);
	return e;
}

static enum ofperr entry_nx(struct reader *r, struct flow_stats *fs)
{
	uint16_t match_len;

	fs->table = rd_u8(r);
	rd_skip(r, 1);
	fs->duration_sec = rd_be32(r);
	fs->duration_nsec = rd_be32(r);
	fs->priority = rd_be16(r);
	fs->idle_timeout = rd_be16(r);
	fs->hard_timeout = rd_be16(r);
	match_len = rd_be16(r);
	fs->idle_age = rd_be16(r) - 1;
	fs->hard_age = rd_be16(r) - 1;
	fs->cookie = rd_be64(r);
	fs->n_packets = rd_be64(r);
	fs->n_bytes = rd_be64(r);
	return nxm_decode(r, match_len, &fs->match_buf, NULL, NULL);
}

static enum ofperr entry_11(struct reader *r, uint8_t version, struct flow_stats *fs)
{
	fs->table = rd_u8(r);
	rd_skip(r, 1);
	fs->duration_sec = rd_be32(r);
	fs->duration_nsec = rd_be32(r);
	fs->priority = rd_be16(r);
	fs->idle_timeout = rd_be16(r);
	fs->hard_timeout = rd_be16(r);
	fs->flags = rd_be16(r);
	fs->importance = rd_be16(r);
	rd_skip(r, 2);
	if (version < OFP13)
		fs->flags = 0;
	if (version < OFP14)
		fs->importance = 0;
	fs->cookie = rd_be64(r);
	fs->n_packets = rd_be64(r);
	fs->n_bytes = rd_be64(r);
	return match11_decode(r, &fs->match_buf);
}

static enum ofperr entry_15(struct reader *r, struct flow_stats *fs)
{
	struct oxs s = { .n_packets = UINT64_MAX, .n_bytes = UINT64_MAX };
	enum ofperr e;

	rd_skip(r, 2);
	fs->table = rd_u8(r);
	rd_skip(r, 1);
	fs->priority = rd_be16(r);
	fs->idle_timeout = rd_be16(r);
	fs->hard_timeout = rd_be16(r);
	fs->flags = rd_be16(r);
	fs->importance = rd_be16(r);
	fs->cookie = rd_be64(r);
	e = match11_decode(r, &fs->match_buf);
	if (!e)
		e = oxs_decode(r, &s);
	fs->duration_sec = s.duration_sec;
	fs->duration_nsec = s.duration_nsec;
	fs->n_packets = s.n_packets;
	fs->n_bytes = s.n_bytes;
	if (s.have_idle)
		fs->idle_age = s.idle_sec;
	return e;
}

int flow_stats_decode_next(struct msg *m, struct flow_stats *fs, struct strbuf *acts)
{
	struct reader r;
	uint16_t length;
	enum ofperr e;

	if (!rd_left(&m->body))
		return 0;
	memset(fs, 0, sizeof(*fs));
	fs->idle_age = fs->hard_age = -1;
	fs->match = &fs->match_buf;
	length = rd_be16(&m->body);
	if (length < 2)
		return -EPROTO;
	r = rd_sub(&m->body, length - 2u);
	r.parent = NULL;
	if (m->body.failed)
		return -EPROTO;
	if (msg_kind_of(m) == KIND_NXST_REPLY)
		e = entry_nx(&r, fs);
	else if (m->version == OFP10)
		e = entry_10(&r, fs);
	else
		e = m->version >= OFP15 ? entry_15(&r, fs) : entry_11(&r, m->version, fs);
	strbuf_clear(acts);
	if (e || rd_status(&r) || acts_decode_instructions(&r, m->version, acts))
		return -EPROTO;
	fs->acts = acts_of(acts);
	return 1;
}

// ---- Flow entries, encoding ----

static void put_entry_10(struct mp_writer *w, const struct flow_stats *fs)
{
	wr_u8(w->out, fs->table);
	wr_u8(w->out, 0);
	match10_encode(fs->match, w->out);
	wr_be32(w->out, fs->duration_sec);
	wr_be32(w->out, fs->duration_nsec);
	wr_be16(w->out, fs->priority);
	wr_be16(w->out, fs->idle_timeout);
	wr_be16(w->out, fs->hard_timeout);
	strbuf_put_zeros(w->out, 6);
	wr_be64(w->out, fs->cookie);
	wr_be64(w->out, fs->n_packets);
	wr_be64(w->out, fs->n_bytes);
}

static uint16_t age(int32_t seconds)
{
	return seconds < 0 ? 0 : MIN(seconds + 1, UINT16_MAX);
}

static void put_entry_nx(struct mp_writer *w, const struct flow_stats *fs)
{
	size_t at, n;

	wr_u8(w->out, fs->table);
	wr_u8(w->out, 0);
	wr_be32(w->out, fs->duration_sec);
	wr_be32(w->out, fs->duration_nsec);
	wr_be16(w->out, fs->priority);
	wr_be16(w->out, fs->idle_timeout);
	wr_be16(w->out, fs->hard_timeout);
	at = w->out->len;
	wr_be16(w->out, 0);
	wr_be16(w->out, age(fs->idle_age));
	wr_be16(w->out, age(fs->hard_age));
	wr_be64(w->out, fs->cookie);
	wr_be64(w->out, fs->n_packets);
	wr_be64(w->out, fs->n_bytes);
	n = nxm_encode(fs->match, 0, 0, w->out);
	wr_patch_be16(w->out, at, n);
}

static void put_entry_11(struct mp_writer *w, const struct flow_stats *fs)
{
	uint16_t flags = fs->flags & ~FM_HIDDEN;

	wr_u8(w->out, fs->table);
	wr_u8(w->out, 0);
	wr_be32(w->out, fs->duration_sec);
	wr_be32(w->out, fs->duration_nsec);
	wr_be16(w->out, fs->priority);
	wr_be16(w->out, fs->idle_timeout);
	wr_be16(w->out, fs->hard_timeout);
	wr_be16(w->out, w->version >= OFP13 ? flags : 0);
	wr_be16(w->out, w->version >= OFP14 ? fs->importance : 0);
	wr_be16(w->out, 0);
	wr_be64(w->out, fs->cookie);
	wr_be64(w->out, fs->n_packets);
	wr_be64(w->out, fs->n_bytes);
	match11_encode(fs->match, w->version, w->out);
}

static void put_entry_15(struct mp_writer *w, const struct flow_stats *fs)
{
	struct oxs s = {
		.duration_sec = fs->duration_sec,
		.duration_nsec = fs->duration_nsec,
		.idle_sec = fs->idle_age,
		.n_packets = fs->n_packets,
		.n_bytes = fs->n_bytes,
		.have_duration = true,
		.have_idle = fs->idle_age >= 0,
		.have_packets = fs->n_packets != UINT64_MAX,
		.have_bytes = fs->n_bytes != UINT64_MAX,
	};

	wr_be16(w->out, 0);
	wr_u8(w->out, fs->table);
	wr_u8(w->out, 0);
	wr_be16(w->out, fs->priority);
	wr_be16(w->out, fs->idle_timeout);
	wr_be16(w->out, fs->hard_timeout);
	wr_be16(w->out, fs->flags & ~FM_HIDDEN);
	wr_be16(w->out, fs->importance);
	wr_be64(w->out, fs->cookie);
	match11_encode(fs->match, w->version, w->out);
	oxs_encode(&s, w->out);
}

void mp_put_flow_stats(struct mp_writer *w, const struct flow_stats *fs)
{
	size_t start;

	// The fixed form cannot say this match; a peer that asked in it does not see the flow.
	if (w->version == OFP10 && !w->nx && !match10_fits(fs->match))
		return;
	start = w->out->len;
	wr_be16(w->out, 0);
	if (w->nx)
		put_entry_nx(w, fs);
	else if (w->version == OFP10)
		put_entry_10(w, fs);
	else if (w->version >= OFP15)
		put_entry_15(w, fs);
	else
		put_entry_11(w, fs);
	acts_encode_for_match(fs->acts, fs->match, w->version, w->out);
	wr_patch_be16(w->out, start, w->out->len - start);
	mp_end_entry(w, start);
}

// ---- Aggregates ----

void aggregate_stats_encode(const struct aggregate_stats *s, const struct msg *request,
			    struct strbuf *out)
{
	struct mp_writer w;

	mp_begin(&w, request, out);
	if (request->version >= OFP15) {
		struct oxs x = { .n_flows = s->n_flows,
				 .n_packets = s->n_packets,
				 .n_bytes = s->n_bytes,
				 .have_flows = true,
				 .have_packets = true,
				 .have_bytes = true };

		oxs_encode(&x, out);
	} else {
		wr_be64(out, s->n_packets);
		wr_be64(out, s->n_bytes);
		wr_be32(out, s->n_flows);
		wr_be32(out, 0);
	}
	mp_end(&w);
}

enum ofperr aggregate_stats_decode(const struct msg *m, struct aggregate_stats *s)
{
	struct reader r = m->body;
	struct oxs x = { 0 };
	enum ofperr e;

	r.parent = NULL;
	if (m->version >= OFP15) {
		e = oxs_decode(&r, &x);
		*s = (struct aggregate_stats){ x.n_packets, x.n_bytes, x.n_flows };
		return e;
	}
	s->n_packets = rd_be64(&r);
	s->n_bytes = rd_be64(&r);
	s->n_flows = rd_be32(&r);
	return rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

// ---- flow_removed ----

static void removed_10(const struct flow_removed *fr, struct strbuf *out)
{
	match10_encode(&fr->match, out);
	wr_be64(out, fr->cookie);
	wr_be16(out, fr->priority);
	wr_u8(out, fr->reason);
	wr_u8(out, 0);
	wr_be32(out, fr->duration_sec);
	wr_be32(out, fr->duration_nsec);
	wr_be16(out, fr->idle_timeout);
	wr_be16(out, 0);
	wr_be64(out, fr->n_packets);
	wr_be64(out, fr->n_bytes);
}

static void removed_nx(const struct flow_removed *fr, struct strbuf *out)
{
	size_t at, n;

	wr_be64(out, fr->cookie);
	wr_be16(out, fr->priority);
	wr_u8(out, fr->reason);
	wr_u8(out, fr->table + 1);
	wr_be32(out, fr->duration_sec);
	wr_be32(out, fr->duration_nsec);
	wr_be16(out, fr->idle_timeout);
	at = out->len;
	wr_be16(out, 0);
	wr_be64(out, fr->n_packets);
	wr_be64(out, fr->n_bytes);
	n = nxm_encode(&fr->match, 0, 0, out);
	wr_patch_be16(out, at, n);
}

static void removed_11(const struct flow_removed *fr, uint8_t version, struct strbuf *out)
{
	wr_be64(out, fr->cookie);
	wr_be16(out, fr->priority);
	wr_u8(out, fr->reason);
	wr_u8(out, fr->table);
	wr_be32(out, fr->duration_sec);
	wr_be32(out, fr->duration_nsec);
	wr_be16(out, fr->idle_timeout);
	wr_be16(out, version >= OFP12 ? fr->hard_timeout : 0);
	wr_be64(out, fr->n_packets);
	wr_be64(out, fr->n_bytes);
	match11_encode(&fr->match, version, out);
}

static void removed_15(const struct flow_removed *fr, struct strbuf *out)
{
	struct oxs s = { .duration_sec = fr->duration_sec,
			 .duration_nsec = fr->duration_nsec,
			 .n_packets = fr->n_packets,
			 .n_bytes = fr->n_bytes,
			 .have_duration = true,
			 .have_packets = true,
			 .have_bytes = true };

	wr_u8(out, fr->table);
	wr_u8(out, fr->reason);
	wr_be16(out, fr->priority);
	wr_be16(out, fr->idle_timeout);
	wr_be16(out, fr->hard_timeout);
	wr_be64(out, fr->cookie);
	match11_encode(&fr->match, OFP15, out);
	oxs_encode(&s, out);
}

void flow_removed_encode(const struct flow_removed *fr, uint8_t version, struct strbuf *out)
{
	bool nx = version == OFP10 && !match10_fits(&fr->match);
	struct flow_removed known = *fr;
	size_t start = msg_begin_kind(MSG_FLOW_REMOVED, version, 0, nx, out);

	// Meters and eviction came later; before, such flows were just deleted.
	if (version < OFP14 && known.reason > REMOVED_GROUP_DELETE)
		known.reason = REMOVED_DELETE;
	if (nx)
		removed_nx(&known, out);
	else if (version == OFP10)
		removed_10(&known, out);
	else if (version >= OFP15)
		removed_15(&known, out);
	else
		removed_11(&known, version, out);
	msg_end(out, start);
}

static enum ofperr get_removed_nx(struct reader *r, struct flow_removed *fr)
{
	uint16_t match_len;

	fr->cookie = rd_be64(r);
	fr->priority = rd_be16(r);
	fr->reason = rd_u8(r);
	fr->table = rd_u8(r) - 1;
	fr->duration_sec = rd_be32(r);
	fr->duration_nsec = rd_be32(r);
	fr->idle_timeout = rd_be16(r);
	match_len = rd_be16(r);
	fr->n_packets = rd_be64(r);
	fr->n_bytes = rd_be64(r);
	return nxm_decode(r, match_len, &fr->match, NULL, NULL);
}

static enum ofperr get_removed_10(struct reader *r, struct flow_removed *fr)
{
	enum ofperr e = match10_decode(r, &fr->match);

	fr->cookie = rd_be64(r);
	fr->priority = rd_be16(r);
	fr->reason = rd_u8(r);
	rd_skip(r, 1);
	fr->duration_sec = rd_be32(r);
	fr->duration_nsec = rd_be32(r);
	fr->idle_timeout = rd_be16(r);
	rd_skip(r, 2);
	fr->n_packets = rd_be64(r);
	fr->n_bytes = rd_be64(r);
	fr->table = 255;
	return e;
}

static enum ofperr get_removed_11(struct reader *r, uint8_t version, struct flow_removed *fr)
{
	fr->cookie = rd_be64(r);
	fr->priority = rd_be16(r);
	fr->reason = rd_u8(r);
	fr->table = rd_u8(r);
	fr->duration_sec = rd_be32(r);
	fr->duration_nsec = rd_be32(r);
	fr->idle_timeout = rd_be16(r);
	fr->hard_timeout = rd_be16(r);
	if (version < OFP12)
		fr->hard_timeout = 0;
	fr->n_packets = rd_be64(r);
	fr->n_bytes = rd_be64(r);
	return match11_decode(r, &fr->match);
}

static enum ofperr get_removed_15(struct reader *r, struct flow_removed *fr)
{
	struct oxs s = { 0 };
	enum ofperr e;

	fr->table = rd_u8(r);
	fr->reason = rd_u8(r);
	fr->priority = rd_be16(r);
	fr->idle_timeout = rd_be16(r);
	fr->hard_timeout = rd_be16(r);
	fr->cookie = rd_be64(r);
	e = match11_decode(r, &fr->match);
	if (!e)
		e = oxs_decode(r, &s);
	fr->duration_sec = s.duration_sec;
	fr->duration_nsec = s.duration_nsec;
	fr->n_packets = s.n_packets;
	fr->n_bytes = s.n_bytes;
	return e;
}

enum ofperr flow_removed_decode(const struct msg *m, struct flow_removed *fr)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	memset(fr, 0, sizeof(*fr));
	if (msg_kind_of(m) == KIND_NXT)
		e = get_removed_nx(&r, fr);
	else if (m->version == OFP10)
		e = get_removed_10(&r, fr);
	else
		e = m->version >= OFP15 ? get_removed_15(&r, fr)
					: get_removed_11(&r, m->version, fr);
	return e ? e : rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
