// SPDX-License-Identifier: Apache-2.0
// Table statistics on the wire. Up to OpenFlow 1.2 they also say what each table can: in bitmaps, which later are properties of features.
#include "ofproto/openflow/table-features.h"
#include "ofproto/openflow/wire-private.h"

// ---- Fields as bits ----

// Of a field in 1.0 (wildcards) and 1.1; an address has a length of wildcards in 1.0, which is six bits.
static const struct {
	enum field_id id;
	uint32_t in_10, in_11;
} early[] = {
	{ FIELD_IN_PORT, 1u << 0, 1u << 0 },	{ FIELD_VLAN_VID, 1u << 1, 1u << 1 },
	{ FIELD_ETH_SRC, 1u << 2, 1u << 11 },	{ FIELD_ETH_DST, 1u << 3, 1u << 12 },
	{ FIELD_ETH_TYPE, 1u << 4, 1u << 3 },	{ FIELD_IP_PROTO, 1u << 5, 1u << 5 },
	{ FIELD_TCP_SRC, 1u << 6, 1u << 6 },	{ FIELD_TCP_DST, 1u << 7, 1u << 7 },
	{ FIELD_IP_SRC, 0x3fu << 8, 1u << 13 }, { FIELD_IP_DST, 0x3fu << 14, 1u << 14 },
	{ FIELD_VLAN_PCP, 1u << 20, 1u << 2 },	{ FIELD_IP_TOS, 1u << 21, 1u << 4 },
	{ FIELD_MPLS_LABEL, 0, 1u << 8 },	{ FIELD_MPLS_TC, 0, 1u << 9 },
	{ FIELD_METADATA, 0, 1u << 15 },
};

// From 1.2 on a bit is the number of OXM's basic class. What 1.2 has are these; peers send newer ones as well.
#define FIELDS_OF_12 ((1ULL << 36) - 1)

static uint64_t field_bits(enum field_id id, uint8_t version)
{
	int number;

	if (version >= OFP12) {
		number = field_basic_number(field_get(id), version);
		return number >= 0 && number < 64 ? 1ULL << number : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(early); i++)
		if (early[i].id == id)
			return version == OFP10 ? early[i].in_10 : early[i].in_11;
	return 0;
}

static uint64_t bits_from_fields(const struct field_set *s, uint8_t version)
{
	uint64_t bits = 0;

	for (int id = 0; id < FIELD_MAX; id++)
		if (field_set_has(s, id))
			bits |= field_bits(id, version);
	return bits;
}

static void fields_from_bits(uint64_t bits, uint8_t version, struct field_set *ret)
{
	if (version >= OFP12)
		bits &= FIELDS_OF_12;
	for (int id = 0; id < FIELD_MAX; id++)
		if (bits & field_bits(id, version))
			field_set_add(ret, id);
}

// ---- Encoding ----

static void put_11(const struct table_features *tf, struct strbuf *out)
{
	wr_be32(out, bits_from_fields(&tf->wildcard, OFP11));
	wr_be32(out, bits_from_fields(&tf->match, OFP11));
	wr_be32(out, tf->others.instructions);
	wr_be32(out, tf->others.write.actions);
	wr_be32(out, tf->others.apply.actions);
	wr_be32(out, tf->on_miss);
}

static void put_12(const struct table_features *tf, struct strbuf *out)
{
	wr_be64(out, bits_from_fields(&tf->match, OFP12));
	wr_be64(out, bits_from_fields(&tf->wildcard, OFP12));
	wr_be32(out, tf->others.write.actions);
	wr_be32(out, tf->others.apply.actions);
	wr_be64(out, bits_from_fields(&tf->others.write.set_fields, OFP12));
	wr_be64(out, bits_from_fields(&tf->others.apply.set_fields, OFP12));
	wr_be64(out, tf->metadata_match);
	wr_be64(out, tf->metadata_write);
	wr_be32(out, tf->others.instructions);
	wr_be32(out, tf->on_miss);
}

void mp_put_table_stats(struct mp_writer *w, const struct table_stats *ts)
{
	const struct table_features *tf = &ts->can;
	struct strbuf *out = w->out;

	mp_make_room(w, 128);
	wr_u8(out, tf->table);
	strbuf_put_zeros(out, w->version == OFP10 || w->version >= OFP13 ? 3 : 7);
	if (w->version < OFP13) {
		wr_text(out, tf->name, sizeof(tf->name));
		if (w->version == OFP10)
			wr_be32(out, bits_from_fields(&tf->wildcard, OFP10));
		else if (w->version == OFP11)
			put_11(tf, out);
		else
			put_12(tf, out);
		wr_be32(out, tf->max_entries);
	}
	wr_be32(out, ts->active);
	wr_be64(out, ts->lookup);
	wr_be64(out, ts->matched);
}

// ---- Decoding ----

static uint8_t get_miss(struct reader *r)
{
	uint32_t config = rd_be32(r) & 3;

	return config == 3 ? TABLE_MISS_CONTROLLER : config;
}

// goto_table (1) to clear_actions (5).
static uint32_t get_instructions(struct reader *r)
{
	return rd_be32(r) & 0x3e;
}

static void get_11(struct reader *r, struct table_features *tf)
{
	uint32_t wildcards = rd_be32(r), known = act_standard_bitmap(OFP11);

	fields_from_bits(wildcards, OFP11, &tf->wildcard);
	// What can be left out can be matched.
	fields_from_bits(wildcards | rd_be32(r), OFP11, &tf->match);
	tf->others.instructions = get_instructions(r);
	tf->others.write.actions = rd_be32(r) & known;
	tf->others.apply.actions = rd_be32(r) & known;
	tf->on_miss = get_miss(r);
}

static void get_12(struct reader *r, struct table_features *tf)
{
	uint64_t match = rd_be64(r), wildcards = rd_be64(r);
	uint32_t known = act_standard_bitmap(OFP12);

	fields_from_bits(match | wildcards, OFP12, &tf->match);
	fields_from_bits(wildcards, OFP12, &tf->wildcard);
	tf->others.write.actions = rd_be32(r) & known;
	tf->others.apply.actions = rd_be32(r) & known;
	fields_from_bits(rd_be64(r), OFP12, &tf->others.write.set_fields);
	fields_from_bits(rd_be64(r), OFP12, &tf->others.apply.set_fields);
	tf->metadata_match = rd_be64(r);
	tf->metadata_write = rd_be64(r);
	tf->others.instructions = get_instructions(r);
	tf->on_miss = get_miss(r);
}

int table_stats_decode_next(struct msg *m, struct table_stats *ts)
{
	struct table_features *tf = &ts->can;
	struct reader *r = &m->body;

	if (!rd_left(r))
		return 0;
	memset(ts, 0, sizeof(*ts));
	tf->table = rd_u8(r);
	rd_skip(r, m->version == OFP10 || m->version >= OFP13 ? 3 : 7);
	if (m->version < OFP13) {
		rd_text(r, tf->name, sizeof(tf->name));
		if (m->version == OFP10) {
			fields_from_bits(rd_be32(r), OFP10, &tf->wildcard);
			tf->match = tf->wildcard;
		} else if (m->version == OFP11) {
			get_11(r, tf);
		} else {
			get_12(r, tf);
		}
		tf->miss = tf->others;
		tf->max_entries = rd_be32(r);
	}
	ts->active = rd_be32(r);
	ts->lookup = rd_be64(r);
	ts->matched = rd_be64(r);
	return r->failed ? -EPROTO : 1;
}
