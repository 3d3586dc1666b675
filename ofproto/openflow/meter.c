// SPDX-License-Identifier: Apache-2.0
// Meters on the wire: the same in OpenFlow 1.3 to 1.5.
#include "ofproto/openflow/wire-private.h"

enum { BAND_LEN = 16, CONFIG_LEN = 8, STATS_LEN = 40, COUNT_LEN = 16 };

// ---- Bands ----

static enum ofperr decode_band(struct reader *r, uint16_t flags, struct meter_config *c)
{
	uint16_t type = rd_be16(r), len = rd_be16(r);
	struct meter_band b = { .type = type, .rate = rd_be32(r), .burst = rd_be32(r) };

	b.prec_level = rd_u8(r);
	rd_skip(r, 3);
	if (rd_status(r) || len != BAND_LEN)
		return OFPERR_OFPBRC_BAD_LEN;
	if (type != METER_DROP && type != METER_DSCP_REMARK)
		return OFPERR_OFPMMFC_BAD_BAND;
	if (c->n_bands == METER_MAX_BANDS)
		return OFPERR_OFPMMFC_OUT_OF_BANDS;
	if (!(flags & METER_BURST))
		b.burst = 0;
	if (type == METER_DROP)
		b.prec_level = 0;
	c->bands[c->n_bands++] = b;
	return OFPERR_NONE;
}

static enum ofperr decode_bands(struct reader *r, struct meter_config *c)
{
	enum ofperr e = OFPERR_NONE;

	c->n_bands = 0;
	while (!e && rd_left(r))
		e = decode_band(r, c->flags, c);
	return e;
}

static void encode_bands(const struct meter_config *c, struct strbuf *out)
{
	for (size_t i = 0; i < c->n_bands; i++) {
		wr_be16(out, c->bands[i].type);
		wr_be16(out, BAND_LEN);
		wr_be32(out, c->bands[i].rate);
		wr_be32(out, c->bands[i].burst);
		wr_u8(out, c->bands[i].prec_level);
		strbuf_put_zeros(out, 3);
	}
}

// ---- Changes ----

enum ofperr meter_mod_decode(const struct msg *m, struct meter_mod *mm)
{
	struct reader r = m->body;
	uint16_t command, flags;

	r.parent = NULL;
	memset(mm, 0, sizeof(*mm));
	command = rd_be16(&r);
	flags = rd_be16(&r);
	mm->id = rd_be32(&r);
	if (rd_status(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (command > METER_DELETE)
		return OFPERR_OFPMMFC_BAD_COMMAND;
	mm->command = command;
	// What is deleted needs no more than its number.
	if (command == METER_DELETE)
		return OFPERR_NONE;
	mm->config.flags = flags;
	if (flags & METER_KBPS && flags & METER_PKTPS)
		return OFPERR_OFPMMFC_BAD_FLAGS;
	return decode_bands(&r, &mm->config);
}

void meter_mod_encode(const struct meter_mod *mm, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_METER_MOD, version, xid, out);

	wr_be16(out, mm->command);
	wr_be16(out, mm->config.flags);
	wr_be32(out, mm->id);
	encode_bands(&mm->config, out);
	msg_end(out, start);
}

// ---- Requests: one meter, or METER_ID_ALL ----

enum ofperr meter_request_decode(const struct msg *m, uint32_t *ret_id)
{
	struct reader r = m->body;

	r.parent = NULL;
	*ret_id = rd_be32(&r);
	rd_skip(&r, 4);
	return rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void meter_request_encode(enum msg_type type, uint32_t id, uint8_t version, uint32_t xid,
			  struct strbuf *out)
{
	size_t start = msg_begin(type, version, xid, out);

	wr_be32(out, id);
	wr_be32(out, 0);
	msg_end(out, start);
}

// ---- Replies ----

void mp_put_meter_config(struct mp_writer *w, uint32_t id, const struct meter_config *c)
{
	size_t len = CONFIG_LEN + c->n_bands * BAND_LEN;

	mp_make_room(w, len);
	wr_be16(w->out, len);
	wr_be16(w->out, c->flags);
	wr_be32(w->out, id);
	encode_bands(c, w->out);
}

int meter_config_decode_next(struct msg *m, uint32_t *ret_id, struct meter_config *c)
{
	struct reader *r = &m->body, body;
	uint16_t len;

	if (!rd_left(r))
		return 0;
	memset(c, 0, sizeof(*c));
	len = rd_be16(r);
	c->flags = rd_be16(r);
	*ret_id = rd_be32(r);
	if (r->failed || len < CONFIG_LEN)
		return -EPROTO;
	body = rd_sub(r, len - CONFIG_LEN);
	if (r->failed)
		return -EPROTO;
	body.parent = NULL;
	return decode_bands(&body, c) ? -EPROTO : 1;
}

void mp_put_meter_stats(struct mp_writer *w, uint32_t id, const struct meter_stats *s)
{
	struct strbuf *out = w->out;
	size_t len = STATS_LEN + s->n_bands * COUNT_LEN;

	mp_make_room(w, len);
	wr_be32(out, id);
	wr_be16(out, len);
	strbuf_put_zeros(out, 6);
	wr_be32(out, s->n_flows);
	wr_be64(out, s->in.packets);
	wr_be64(out, s->in.bytes);
	wr_be32(out, s->duration_sec);
	wr_be32(out, s->duration_nsec);
	for (size_t i = 0; i < s->n_bands; i++) {
		wr_be64(out, s->bands[i].packets);
		wr_be64(out, s->bands[i].bytes);
	}
}

int meter_stats_decode_next(struct msg *m, uint32_t *ret_id, struct meter_stats *s)
{
	struct reader *r = &m->body;
	uint16_t len;

	if (!rd_left(r))
		return 0;
	memset(s, 0, sizeof(*s));
	*ret_id = rd_be32(r);
	len = rd_be16(r);
	rd_skip(r, 6);
	s->n_flows = rd_be32(r);
	s->in.packets = rd_be64(r);
	s->in.bytes = rd_be64(r);
	s->duration_sec = rd_be32(r);
	s->duration_nsec = rd_be32(r);
	if (r->failed || len < STATS_LEN || (len - STATS_LEN) % COUNT_LEN ||
	    (len - STATS_LEN) / COUNT_LEN > METER_MAX_BANDS)
		return -EPROTO;
	s->n_bands = (len - STATS_LEN) / COUNT_LEN;
	for (size_t i = 0; i < s->n_bands; i++) {
		s->bands[i].packets = rd_be64(r);
		s->bands[i].bytes = rd_be64(r);
	}
	return r->failed ? -EPROTO : 1;
}

void meter_features_encode(const struct meter_features *f, const struct msg *request,
			   struct strbuf *out)
{
	struct mp_writer w;

	mp_begin(&w, request, out);
	wr_be32(out, f->max_meters);
	wr_be32(out, f->band_types);
	wr_be32(out, f->flags);
	wr_u8(out, f->max_bands);
	wr_u8(out, f->max_color);
	wr_be16(out, 0);
	mp_end(&w);
}

enum ofperr meter_features_decode(const struct msg *m, struct meter_features *f)
{
	struct reader r = m->body;

	r.parent = NULL;
	f->max_meters = rd_be32(&r);
	f->band_types = rd_be32(&r);
	f->flags = rd_be32(&r);
	f->max_bands = rd_u8(&r);
	f->max_color = rd_u8(&r);
	rd_skip(&r, 2);
	return rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
