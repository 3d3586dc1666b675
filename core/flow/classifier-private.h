// SPDX-License-Identifier: Apache-2.0
// The classifier's inside: subtables (all rules of one mask), their stages, and what a lookup learns on its way.
#pragma once

#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "core/flow/classifier.h"
#include "core/flow/ptable.h"
#include "core/flow/tally.h"
#include "core/flow/trie.h"

#define CLS_MAX_TRIES 4
#define CLS_N_STAGES 4

struct priority_count {
	int priority;
	size_t n;
};

struct subtable {
	struct hmap_node node; // by hash of the mask; writer only
	const struct miniflow *mask; // its rules have it, too
	uint8_t stage_end[CLS_N_STAGES]; // number of mask words up to and with this stage
	uint8_t last_stage; // the one in which the mask ends
	// The values of the words up to some stage that at least one rule has.
	struct tally stages[CLS_N_STAGES - 1];
	// Rules of the same masked key are a list by descending priority, newer before older ones of the same priority; its head
	// is here.
	struct ptable rules;
	unsigned int trie_bits
		[CLS_MAX_TRIES]; // length of the prefix that the mask has in that trie's field; 0: not in it
	// The rules match headers and say nothing of the packet's type: they are for packets that begin with an Ethernet header.
	bool ethernet_only;
	be32 ports_mask; // of tp_src and tp_dst, as they lie in the key
	struct trie ports;
	size_t n_rules;
	size_t n_shown; // of them, those that are not hidden
	uint64_t gone; // from this version on none is seen; CLS_NEVER: some are
	uint64_t serial; // subtables of one priority are asked in the order they were made
	VEC(struct priority_count) priorities; // descending
};

// What readers walk: by descending priority.
struct subtable_vec {
	size_t n;
	struct {
		int max_priority;
		struct subtable *s;
	} v[];
};

struct cls_trie {
	const struct field *field; // NULL: unused
	uint16_t offset; // bytes into the key
	unsigned int n_bits;
	struct trie trie;
};

// The answer of one trie, asked at most once per lookup.
struct trie_answer {
	bool asked;
	unsigned int looked;
	struct trie_lengths lengths;
};

// A past change, for classifier_changed_for().
struct cls_change {
	struct change_page *page;
	const struct miniflow *key, *mask; // behind the struct
	uint64_t number; // its place in the order of changes
	uint64_t version; // that made it visible; grows with the number, many may have the same
	int priority;
};

#define CLS_N_CHANGES 1024

// Changes one behind the other: a change is made and forgotten with every rule, so that memory for each would be costly, and would
// pile up in a burst of them until the readers are done.
struct change_page {
	size_t n_live; // changes in it that the ring has, and one while it takes new ones
	size_t used, size; // bytes
	uint8_t bytes[];
};

struct classifier {
	uint64_t number;
	struct subtable_vec *vec; // RCU
	struct cls_trie tries[CLS_MAX_TRIES];
	bool tries_ready; // cleared while the tries are rebuilt
	uint64_t changed; // the newest version that was announced
	uint64_t forgotten; // of changes up to this version not all are in the ring
	uint64_t n_changes;
	struct cls_change *changes[CLS_N_CHANGES]; // RCU; ring by number
	struct change_page *page; // takes the next one; NULL: none yet
	struct hmap subtables;
	uint64_t next_serial; // of a subtable
	size_t n; // not hidden
	size_t n_all;
};

// Takes a reference of the mask.
struct subtable *subtable_create(const struct classifier *c, const struct miniflow *mask);
// Empty, and unreachable for readers that come now.
void subtable_destroy(struct subtable *s);
void subtable_set_tries(const struct classifier *c, struct subtable *s);
void subtable_insert(struct subtable *s, struct cls_rule *r);
void subtable_remove(struct subtable *s, struct cls_rule *r);
// More or fewer rules that are not hidden, from a version on.
void subtable_count_shown(struct subtable *s, int n, uint64_t version);
// Removes all rules; nobody looks any more.
void subtable_clear(struct subtable *s);
// Head of the list of rules with exactly this masked key (packed), or NULL.
struct cls_rule *subtable_find_key(const struct subtable *s, const struct miniflow *key);
// Head of the list of rules that match 'key' and are visible at a version, or NULL; *ret_words is how many words of the subtable's mask were looked at.
struct cls_rule *subtable_lookup(const struct subtable *s, uint64_t version,
				 const struct flow_key *key, unsigned int *ret_words);
// The first of a list, from 'n' on, that a version sees, or NULL.
struct cls_rule *cls_rule_visible(struct cls_rule *r, uint64_t version);
// Adds to 'mask' what such an answer depended on.
void subtable_unwildcard(const struct subtable *s, const struct flow_key *key, unsigned int n_words,
			 bool found, struct flow_mask *mask);
bool subtable_has_priority(const struct subtable *s, int priority);

// A lookup's way over the subtables, those with the highest priorities first.
struct cls_walk {
	const struct classifier *c;
	const struct subtable_vec *vec;
	const struct flow_key *key;
	uint64_t version;
	struct flow_mask *mask; // gets the bits that decide; NULL: nobody asks
	size_t next;
	bool use_tries;
	struct trie_answer answers[CLS_MAX_TRIES];
};

void cls_walk_begin(struct cls_walk *w, const struct classifier *c, const struct subtable_vec *vec,
		    uint64_t version, const struct flow_key *key, struct flow_mask *mask);
// Head of the next list of rules that match, from a subtable that has one above 'priority'; NULL: there is none any more.
struct cls_rule *cls_walk_next(struct cls_walk *w, int priority);
// clauses.c: goes on with a lookup that has come to rules with clauses, 'n' and below. 'best' is what was found before, or NULL.
struct cls_rule *lookup_with_clauses(struct cls_walk *w, struct cls_rule *best, struct cls_rule *n,
				     struct cls_decision *ret);

// Masks are counted: all rules of a subtable share one.
const struct miniflow *cls_mask_create(const struct flow_mask *mask);
const struct miniflow *cls_mask_ref(const struct miniflow *mask);
void cls_mask_unref(const struct miniflow *mask); // any thread

static inline bool is_newest(const struct cls_rule *r)
{
	return cls_rule_is_visible(r, CLS_NEWEST);
}

static inline int subtable_max_priority(const struct subtable *s)
{
	return s->priorities.v[0].priority;
}
