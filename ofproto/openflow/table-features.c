// SPDX-License-Identifier: Apache-2.0
// Table features on the wire. An entry begins with 64 bytes; what its table can match and do is in properties.
#include "ofproto/openflow/table-features.h"
#include "ofproto/openflow/wire-private.h"

// An odd number says the same of the rule that matches all.
enum table_property {
	PROP_INSTRUCTIONS = 0,
	PROP_NEXT_TABLES = 2,
	PROP_WRITE_ACTIONS = 4,
	PROP_APPLY_ACTIONS = 6,
	PROP_MATCH = 8,
	PROP_WILDCARDS = 10,
	PROP_WRITE_SETFIELD = 12,
	PROP_APPLY_SETFIELD = 14,
	PROP_N = 16
};

// Those that an entry with properties must have.
#define PROPS_NEEDED 0x5555u
#define MISS_OF(PROP) ((PROP) + 1)

enum { HEAD_LEN = 64, CAPABILITY_EVICTION = 4, CAPABILITY_VACANCY = 8 };
enum { INSTRUCTION_GOTO = 1, INSTRUCTION_METER = 6 };
// goto_table (1) to meter (6); output, and 15 (set_mpls_ttl) to 25 (set_field).
enum { KNOWN_INSTRUCTIONS = 0x7e, KNOWN_ACTIONS = 0x3ff8001 };

// ---- Decoding ----

// Numbers of instructions or actions; those that are not known here are passed over.
static enum ofperr decode_numbers(struct reader *r, uint32_t known, uint32_t *ret)
{
	*ret = 0;
	while (rd_left(r)) {
		uint16_t number = rd_be16(r), len = rd_be16(r);

		if (rd_status(r) || len < 4 || len - 4u > rd_left(r))
			return OFPERR_OFPBPC_BAD_LEN;
		rd_skip(r, len - 4u);
		if (number < 32)
			*ret |= 1u << number & known;
	}
	return OFPERR_NONE;
}

static enum ofperr decode_tables(struct reader *r, uint64_t *next)
{
	while (rd_left(r)) {
		uint8_t table = rd_u8(r);

		if (table == 255)
			return OFPERR_OFPBPC_BAD_VALUE;
		next[table / 64] |= 1ULL << table % 64;
	}
	return OFPERR_NONE;
}

// 'mask' NULL: the fields may not say that they can be masked.
static enum ofperr decode_fields(struct reader *r, struct field_set *fields, struct field_set *mask)
{
	while (rd_left(r)) {
		const struct field *f;
		bool masked;

		if (field_get_oxm_id(r, &f, &masked, NULL))
			return OFPERR_OFPBMC_BAD_LEN;
		if (!f)
			continue;
		if (masked && !mask)
			return OFPERR_OFPBMC_BAD_MASK;
		field_set_add(fields, f->id);
		if (masked)
			field_set_add(mask, f->id);
	}
	return OFPERR_NONE;
}

static enum ofperr decode_property(uint16_t type, struct reader *body, struct table_features *tf)
{
	struct table_instruction_features *i = type & 1 ? &tf->miss : &tf->others;

	switch (type & ~1) {
	case PROP_INSTRUCTIONS:
		return decode_numbers(body, KNOWN_INSTRUCTIONS, &i->instructions);
	case PROP_NEXT_TABLES:
		return decode_tables(body, i->next);
	case PROP_WRITE_ACTIONS:
		return decode_numbers(body, KNOWN_ACTIONS, &i->write.actions);
	case PROP_APPLY_ACTIONS:
		return decode_numbers(body, KNOWN_ACTIONS, &i->apply.actions);
	case PROP_MATCH:
		return decode_fields(body, &tf->match, &tf->mask);
	case PROP_WILDCARDS:
		return decode_fields(body, &tf->wildcard, NULL);
	case PROP_WRITE_SETFIELD:
		return decode_fields(body, &i->write.set_fields, NULL);
	default:
		return decode_fields(body, &i->apply.set_fields, NULL);
	}
}

static bool is_known(uint16_t type)
{
	return type < PROP_N && type != MISS_OF(PROP_MATCH) && type != MISS_OF(PROP_WILDCARDS);
}

// What is not said of a table miss holds for it as for other rules.
static void complete_miss(struct table_features *tf, uint32_t seen)
{
	struct table_instruction_features *m = &tf->miss;
	const struct table_instruction_features *o = &tf->others;

	if (!(seen >> MISS_OF(PROP_INSTRUCTIONS) & 1))
		m->instructions = o->instructions;
	if (!(seen >> MISS_OF(PROP_NEXT_TABLES) & 1))
		memcpy(m->next, o->next, sizeof(m->next));
	if (!(seen >> MISS_OF(PROP_WRITE_ACTIONS) & 1))
		m->write.actions = o->write.actions;
	if (!(seen >> MISS_OF(PROP_APPLY_ACTIONS) & 1))
		m->apply.actions = o->apply.actions;
	if (!(seen >> MISS_OF(PROP_WRITE_SETFIELD) & 1))
		m->write.set_fields = o->write.set_fields;
	if (!(seen >> MISS_OF(PROP_APPLY_SETFIELD) & 1))
		m->apply.set_fields = o->apply.set_fields;
}

static enum ofperr decode_properties(struct reader *r, uint8_t version, struct table_features *tf)
{
	struct reader body;
	uint32_t seen = 0;
	uint16_t type;

	if (!rd_left(r) && version >= OFP15)
		return OFPERR_NONE;
	while (prop_next(r, &type, &body)) {
		enum ofperr e;

		if (!is_known(type))
			continue;
		if (seen >> type & 1)
			return OFPERR_OFPTFFC_BAD_FEATURES;
		seen |= 1u << type;
		e = decode_property(type, &body, tf);
		if (e)
			return e;
	}
	if (r->failed)
		return OFPERR_OFPBPC_BAD_LEN;
	if (~seen & PROPS_NEEDED)
		return OFPERR_OFPTFFC_BAD_FEATURES;
	complete_miss(tf, seen);
	tf->have_properties = true;
	return OFPERR_NONE;
}

static enum ofperr decode_head(struct reader *r, uint8_t version, struct table_features *tf)
{
	uint32_t capabilities;

	tf->table = rd_u8(r);
	if (tf->table == 255)
		return OFPERR_OFPTFFC_BAD_TABLE;
	if (version >= OFP15) {
		tf->command = rd_u8(r);
		tf->features = rd_be32(r);
		if (tf->command > TABLE_FEATURES_DISABLE)
			return OFPERR_OFPTFFC_BAD_COMMAND;
	} else {
		rd_skip(r, 5);
	}
	rd_text(r, tf->name, sizeof(tf->name));
	tf->metadata_match = rd_be64(r);
	tf->metadata_write = rd_be64(r);
	capabilities = rd_be32(r);
	tf->evicts = version >= OFP14 && capabilities & CAPABILITY_EVICTION;
	tf->tells_vacancy = version >= OFP14 && capabilities & CAPABILITY_VACANCY;
	tf->max_entries = rd_be32(r);
	return OFPERR_NONE;
}

enum ofperr table_features_decode_next(struct msg *m, struct table_features *tf, bool *ret_more)
{
	struct reader *r = &m->body, entry;
	enum ofperr e;
	uint16_t len;

	*ret_more = rd_left(r);
	if (!*ret_more)
		return OFPERR_NONE;
	memset(tf, 0, sizeof(*tf));
	len = rd_be16(r);
	if (len < HEAD_LEN || len % 8 || len - 2u > rd_left(r))
		return OFPERR_OFPBPC_BAD_LEN;
	entry = rd_sub(r, len - 2u);
	entry.parent = NULL;
	e = decode_head(&entry, m->version, tf);
	return e ? e : decode_properties(&entry, m->version, tf);
}

// ---- Encoding ----

// Instructions and actions are listed by number and a length of 4: the identifier alone.
static void put_numbers(struct strbuf *b, uint16_t property, uint32_t numbers)
{
	size_t start = prop_begin(b, property);

	for (unsigned int i = 0; i < 32; i++)
		if (numbers >> i & 1) {
			wr_be16(b, i);
			wr_be16(b, 4);
		}
	prop_end(b, start);
}

static void put_tables(struct strbuf *b, uint16_t property, const uint64_t *next)
{
	size_t start = prop_begin(b, property);

	for (unsigned int t = 0; t < 255; t++)
		if (next[t / 64] >> t % 64 & 1)
			wr_u8(b, t);
	prop_end(b, start);
}

static void put_fields(struct strbuf *b, uint16_t property, uint8_t version,
		       const struct field_set *fields, const struct field_set *mask)
{
	size_t start = prop_begin(b, property);

	for (int id = 0; id < FIELD_MAX; id++)
		if (field_set_has(fields, id))
			field_put_oxm_id(field_get(id), version, mask && field_set_has(mask, id),
					 b);
	prop_end(b, start);
}

static void put_instructions(struct strbuf *b, uint8_t version, unsigned int miss,
			     const struct table_instruction_features *i)
{
	put_numbers(b, PROP_INSTRUCTIONS + miss, i->instructions);
	put_tables(b, PROP_NEXT_TABLES + miss, i->next);
	put_numbers(b, PROP_WRITE_ACTIONS + miss, i->write.actions);
	put_fields(b, PROP_WRITE_SETFIELD + miss, version, &i->write.set_fields, NULL);
	put_numbers(b, PROP_APPLY_ACTIONS + miss, i->apply.actions);
	put_fields(b, PROP_APPLY_SETFIELD + miss, version, &i->apply.set_fields, NULL);
}

static void put_entry(const struct table_features *tf, uint8_t version, struct strbuf *b)
{
	size_t start = b->len;

	wr_be16(b, 0);
	wr_u8(b, tf->table);
	wr_u8(b, version >= OFP15 ? tf->command : 0);
	wr_be32(b, version >= OFP15 ? tf->features : 0);
	wr_text(b, tf->name, sizeof(tf->name));
	wr_be64(b, tf->metadata_match);
	wr_be64(b, tf->metadata_write);
	wr_be32(b, version < OFP14 ? 0
				   : (tf->evicts ? CAPABILITY_EVICTION : 0) |
					     (tf->tells_vacancy ? CAPABILITY_VACANCY : 0));
	wr_be32(b, tf->max_entries);
	if (tf->have_properties) {
		put_instructions(b, version, 0, &tf->others);
		put_instructions(b, version, 1, &tf->miss);
		put_fields(b, PROP_MATCH, version, &tf->match, &tf->mask);
		put_fields(b, PROP_WILDCARDS, version, &tf->wildcard, NULL);
	}
	wr_patch_be16(b, start, b->len - start);
}

void mp_put_table_features(struct mp_writer *w, const struct table_features *tf)
{
	AUTO(strbuf) b = STRBUF_INIT;

	put_entry(tf, w->version, &b);
	mp_make_room(w, b.len);
	strbuf_put(w->out, b.s, b.len);
}

void table_features_request_encode(const struct table_features *tf, uint8_t version, uint32_t xid,
				   struct strbuf *out)
{
	size_t start = msg_begin(MSG_TABLE_FEATURES_REQUEST, version, xid, out);

	put_entry(tf, version, out);
	msg_end(out, start);
}

// ---- Of this switch ----

static void init_instructions(struct table_instruction_features *i, uint8_t table, uint8_t last,
			      uint8_t version)
{
	// goto_table, write_metadata, write_actions, apply_actions, clear_actions; a meter comes with 1.3 and is an action in 1.5.
	i->instructions = 0x3e;
	if (version == OFP13 || version == OFP14)
		i->instructions |= 1u << INSTRUCTION_METER;
	if (table == last)
		i->instructions &= ~(1u << INSTRUCTION_GOTO);
	for (unsigned int t = table + 1; t <= last; t++)
		i->next[t / 64] |= 1ULL << t % 64;
	i->write.actions = i->apply.actions = act_standard_bitmap(version);
}

void table_features_init(struct table_features *tf, uint8_t table, uint8_t last, uint8_t version)
{
	memset(tf, 0, sizeof(*tf));
	tf->table = table;
	tf->metadata_match = tf->metadata_write = UINT64_MAX;
	tf->have_properties = true;
	init_instructions(&tf->others, table, last, version);
	for (int id = 0; id < FIELD_MAX; id++) {
		const struct field *f = field_get(id);

		if (!f->oxm[0].name)
			continue;
		field_set_add(&tf->match, id);
		field_set_add(&tf->wildcard, id);
		if (f->maskable)
			field_set_add(&tf->mask, id);
		if (f->writable)
			field_set_add(&tf->others.write.set_fields, id);
	}
	tf->others.apply.set_fields = tf->others.write.set_fields;
	tf->miss = tf->others;
}
