// SPDX-License-Identifier: Apache-2.0
// Table features: what each table is called, holds, matches and does. OpenFlow 1.3+ has messages of their own for them, before they
// come with tables' statistics.
#pragma once

#include "core/flow/fields.h"
#include "ofproto/openflow/msg.h"

// Fields, by enum field_id.
struct field_set {
	uint64_t words[(FIELD_MAX + 63) / 64];
};

static inline bool field_set_has(const struct field_set *s, unsigned int id)
{
	return s->words[id / 64] >> id % 64 & 1;
}

static inline void field_set_add(struct field_set *s, unsigned int id)
{
	s->words[id / 64] |= 1ULL << id % 64;
}

struct table_action_features {
	uint32_t actions; // bit N: the standard action with this number
	struct field_set set_fields; // that set_field may set
};

struct table_instruction_features {
	uint64_t next[4]; // bit N: goto_table may name table N
	uint32_t instructions; // bit N: the instruction with this number
	struct table_action_features write, apply;
};

// What a request of OpenFlow 1.5 asks for.
enum table_features_command {
	TABLE_FEATURES_REPLACE,
	TABLE_FEATURES_MODIFY,
	TABLE_FEATURES_ENABLE,
	TABLE_FEATURES_DISABLE
};

struct table_features {
	uint8_t table;
	uint8_t command; // enum table_features_command; 1.5
	uint32_t features; // 1.5: bit 0 ingress, 1 egress, 2 the first of the egress tables
	char name[32];
	uint64_t metadata_match, metadata_write; // bits of the metadata field
	bool evicts, tells_vacancy; // 1.4+: it could
	uint32_t max_entries;
	uint8_t on_miss; // enum table_miss: of packets without a rule; 1.1 and 1.2
	bool have_properties; // all of those that follow; 1.5's requests may go without
	struct table_instruction_features others, miss; // of rules; of the rule that matches all
	struct field_set match, mask, wildcard; // can be matched, with any mask, left out
};

// Takes the next entry off m->body (request or reply); *ret_more false: there is none.
enum ofperr table_features_decode_next(struct msg *m, struct table_features *tf, bool *ret_more);
// Appends an entry, with its properties where it has them.
void mp_put_table_features(struct mp_writer *w, const struct table_features *tf);
// A request that sets features, for one table.
void table_features_request_encode(const struct table_features *tf, uint8_t version, uint32_t xid,
				   struct strbuf *out);
// What every table of this switch can, in a version: all of them, but for 'last', which has no next one.
void table_features_init(struct table_features *tf, uint8_t table, uint8_t last, uint8_t version);

struct table_stats {
	struct table_features can; // up to 1.2; later the table's number alone
	uint32_t active;
	uint64_t lookup, matched;
};

// Takes the next entry off m->body: 1, 0 when there is none, or -EPROTO.
int table_stats_decode_next(struct msg *m, struct table_stats *ts);
void mp_put_table_stats(struct mp_writer *w, const struct table_stats *ts);

// Appends entries' text. What is as before is said in a word.
struct table_features_printer {
	const struct table_features *previous; // NULL: none
	const struct table_stats *previous_stats; // NULL: it has none
	bool separate; // a blank line comes before whatever is next
	int ditto_first,
		ditto_last; // tables like the previous one that are still to be told of; -1: none
};
void table_features_print_begin(struct table_features_printer *p);
// The entry must stay until the next call.
void table_features_print(struct table_features_printer *p, const struct table_features *tf,
			  uint8_t version, struct strbuf *out);
void table_stats_print(struct table_features_printer *p, const struct table_stats *ts,
		       uint8_t version, struct strbuf *out);
void table_features_print_end(struct table_features_printer *p, struct strbuf *out);
