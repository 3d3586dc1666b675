// SPDX-License-Identifier: Apache-2.0
// How tables are configured: TABLE_MOD, TABLE_DESC and TABLE_STATUS.
#include "ofproto/openflow/wire-private.h"

enum { PROP_EVICTION = 2, PROP_VACANCY = 3, CONFIG_EVICTION = 4, CONFIG_VACANCY = 8, DESC_LEN = 8 };
// The two lower bits of the configuration, in 1.1 and 1.2.
enum { MISS_MASK = 3 };

static enum ofperr decode_vacancy(struct reader *r, struct table_desc *d, bool is_mod)
{
	d->vacancy_down = rd_u8(r);
	d->vacancy_up = rd_u8(r);
	d->vacancy_now = rd_u8(r);
	rd_skip(r, 1);
	if (is_mod && (d->vacancy_down > d->vacancy_up || d->vacancy_up > 100 || d->vacancy_now))
		return OFPERR_OFPBPC_BAD_VALUE;
	return OFPERR_NONE;
}

static enum ofperr decode_prop(struct reader *r, struct table_desc *d, bool is_mod)
{
	uint16_t type = rd_be16(r), len = rd_be16(r);

	if (len < 4 || len - 4u > rd_left(r))
		return OFPERR_OFPBPC_BAD_LEN;
	// A switch may say more than is known here.
	if (type != PROP_EVICTION && type != PROP_VACANCY && !is_mod) {
		rd_skip(r, MIN(ROUND_UP(len, 8) - 4u, rd_left(r)));
		return OFPERR_NONE;
	}
	if (type != PROP_EVICTION && type != PROP_VACANCY)
		return OFPERR_OFPBRC_BAD_TYPE;
	if (len != 8)
		return OFPERR_OFPBPC_BAD_LEN;
	if (type == PROP_VACANCY)
		return decode_vacancy(r, d, is_mod);
	d->eviction_flags = rd_be32(r);
	return OFPERR_NONE;
}

// Configuration and properties, up to the end.
static enum ofperr decode_config(struct reader *r, struct table_desc *d, bool is_mod)
{
	uint32_t config = rd_be32(r);
	enum ofperr e = OFPERR_NONE;

	d->eviction = config & CONFIG_EVICTION;
	d->vacancy = config & CONFIG_VACANCY;
	d->eviction_flags = EVICTION_DEFAULT;
	while (!e && rd_left(r))
		e = decode_prop(r, d, is_mod);
	if (!d->vacancy)
		d->vacancy_down = d->vacancy_up = d->vacancy_now = 0;
	return e ? e : rd_status(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static void encode_config(const struct table_desc *d, struct strbuf *out)
{
	wr_be32(out, (d->eviction ? CONFIG_EVICTION : 0) | (d->vacancy ? CONFIG_VACANCY : 0));
	if (d->eviction_flags != EVICTION_DEFAULT) {
		wr_be16(out, PROP_EVICTION);
		wr_be16(out, 8);
		wr_be32(out, d->eviction_flags);
	}
	if (d->vacancy) {
		wr_be16(out, PROP_VACANCY);
		wr_be16(out, 8);
		wr_u8(out, d->vacancy_down);
		wr_u8(out, d->vacancy_up);
		wr_u8(out, d->vacancy_now);
		wr_u8(out, 0);
	}
}

enum ofperr table_mod_decode(const struct msg *m, struct table_mod *tm)
{
	struct reader r = m->body;
	uint32_t config;

	r.parent = NULL;
	memset(tm, 0, sizeof(*tm));
	tm->desc.table = rd_u8(&r);
	rd_skip(&r, 3);
	if (m->version >= OFP14)
		return decode_config(&r, &tm->desc, true);
	config = rd_be32(&r);
	if (rd_finish(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	// From 1.3 on it means nothing. What is no miss is as it was at the beginning.
	if (m->version < OFP13 && (config & MISS_MASK) <= TABLE_MISS_DROP)
		tm->miss = config & MISS_MASK;
	return OFPERR_NONE;
}

void table_mod_encode(const struct table_mod *tm, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_TABLE_MOD, version, xid, out);

	wr_u8(out, tm->desc.table);
	strbuf_put_zeros(out, 3);
	if (version >= OFP14)
		encode_config(&tm->desc, out);
	else
		wr_be32(out, version < OFP13 ? tm->miss : 0);
	msg_end(out, start);
}

static enum ofperr decode_desc(struct reader *r, struct table_desc *d)
{
	uint16_t len = rd_be16(r);
	struct reader body;

	memset(d, 0, sizeof(*d));
	if (len < DESC_LEN || len - 2u > rd_left(r))
		return OFPERR_OFPBRC_BAD_LEN;
	body = rd_sub(r, len - 2u);
	body.parent = NULL;
	d->table = rd_u8(&body);
	rd_skip(&body, 1);
	return decode_config(&body, d, false);
}

enum ofperr table_desc_decode_next(struct msg *m, struct table_desc *d, bool *ret_more)
{
	*ret_more = rd_left(&m->body);
	return *ret_more ? decode_desc(&m->body, d) : OFPERR_NONE;
}

static void encode_desc(const struct table_desc *d, struct strbuf *out)
{
	size_t start = out->len;

	wr_be16(out, 0);
	wr_u8(out, d->table);
	wr_u8(out, 0);
	encode_config(d, out);
	wr_patch_be16(out, start, out->len - start);
}

void mp_put_table_desc(struct mp_writer *w, const struct table_desc *d)
{
	mp_make_room(w, 3 * DESC_LEN);
	encode_desc(d, w->out);
}

enum ofperr table_status_decode(const struct msg *m, uint8_t *ret_reason, struct table_desc *d)
{
	struct reader r = m->body;

	r.parent = NULL;
	*ret_reason = rd_u8(&r);
	rd_skip(&r, 7);
	if (*ret_reason != TABLE_VACANCY_DOWN && *ret_reason != TABLE_VACANCY_UP)
		return OFPERR_OFPBPC_BAD_VALUE;
	return decode_desc(&r, d);
}

void table_status_encode(enum table_status_reason reason, const struct table_desc *d,
			 uint8_t version, struct strbuf *out)
{
	size_t start = msg_begin(MSG_TABLE_STATUS, version, 0, out);

	wr_u8(out, reason);
	strbuf_put_zeros(out, 7);
	encode_desc(d, out);
	msg_end(out, start);
}
