// SPDX-License-Identifier: Apache-2.0
// Table features (OpenFlow 1.3+): what each table is called, holds, matches and does. All tables are alike and cannot be
// reconfigured, so a request with a body is refused.
#include "ofproto/openflow/wire-private.h"

enum table_property {
	PROP_INSTRUCTIONS = 0,
	PROP_NEXT_TABLES = 2,
	PROP_WRITE_ACTIONS = 4,
	PROP_APPLY_ACTIONS = 6,
	PROP_MATCH = 8,
	PROP_WILDCARDS = 10,
	PROP_WRITE_SETFIELD = 12,
	PROP_APPLY_SETFIELD = 14,
};

#define LAST_TABLE 253

enum ofperr table_features_request_decode(const struct msg *m)
{
	return rd_left(&m->body) ? OFPERR_OFPTFFC_EPERM : OFPERR_NONE;
}

static size_t begin_property(struct strbuf *b, enum table_property type)
{
	size_t start = b->len;

	wr_be16(b, type);
	wr_be16(b, 0);
	return start;
}

static void end_property(struct strbuf *b, size_t start)
{
	wr_patch_be16(b, start + 2, b->len - start);
	wr_pad(b, start, 8);
}

// Instructions and actions are listed by type and a length of 4: the identifier alone.
static void put_types(struct strbuf *b, enum table_property property, const uint16_t *types,
		      size_t n)
{
	size_t start = begin_property(b, property);

	for (size_t i = 0; i < n; i++) {
		wr_be16(b, types[i]);
		wr_be16(b, 4);
	}
	end_property(b, start);
}

static void put_next_tables(struct strbuf *b, uint8_t table)
{
	size_t start = begin_property(b, PROP_NEXT_TABLES);

	for (int t = table + 1; t <= LAST_TABLE; t++)
		wr_u8(b, t);
	end_property(b, start);
}

static void put_fields(struct strbuf *b, enum table_property property, uint8_t version,
		       bool only_writable)
{
	size_t start = begin_property(b, property);

	for (int id = 0; id < FIELD_MAX; id++) {
		const struct field *f = field_get(id);

		if (!f->oxm[0].name || (only_writable && !f->writable))
			continue;
		field_put_oxm_header(f, version, b);
	}
	end_property(b, start);
}

static void put_properties(struct strbuf *b, uint8_t table, uint8_t version)
{
	// goto_table, write_metadata, write_actions, apply_actions, clear_actions.
	static const uint16_t instructions[] = { 1, 2, 3, 4, 5 };
	uint32_t known = act_standard_bitmap(version);
	uint16_t actions[32];
	size_t n = 0;
	bool last = table == LAST_TABLE;

	for (unsigned int i = 0; i < 32; i++)
		if (known >> i & 1)
			actions[n++] = i;

	put_types(b, PROP_INSTRUCTIONS, instructions + last, ARRAY_SIZE(instructions) - last);
	put_next_tables(b, table);
	put_types(b, PROP_WRITE_ACTIONS, actions, n);
	put_types(b, PROP_APPLY_ACTIONS, actions, n);
	put_fields(b, PROP_MATCH, version, false);
	put_fields(b, PROP_WILDCARDS, version, false);
	put_fields(b, PROP_WRITE_SETFIELD, version, true);
	put_fields(b, PROP_APPLY_SETFIELD, version, true);
}

void mp_put_table_features(struct mp_writer *w, const struct table_stats *ts)
{
	AUTO(strbuf) b = STRBUF_INIT;
	char name[32] = "";

	memcpy(name, ts->name, strnlen(ts->name, sizeof(name) - 1));
	wr_be16(&b, 0);
	wr_u8(&b, ts->table);
	strbuf_put_zeros(&b, 5); // padding; OpenFlow 1.5: command and features
	strbuf_put(&b, name, sizeof(name));
	wr_be64(&b, UINT64_MAX); // metadata that can be matched
	wr_be64(&b, UINT64_MAX); // and written
	wr_be32(&b, 0); // configuration or capabilities
	wr_be32(&b, ts->max_entries);
	put_properties(&b, ts->table, w->version);
	wr_patch_be16(&b, 0, b.len);
	mp_make_room(w, b.len);
	strbuf_put(w->out, b.s, b.len);
}
