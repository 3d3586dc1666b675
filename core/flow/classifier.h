// SPDX-License-Identifier: Apache-2.0
// The classifier: rules with priorities and masks; finds the best one for a key and says which bits of the key it
// looked at (un-wildcarding), with staged lookup and prefix tries so that it looks at few.
//
// One writer at a time; any number of RCU readers (core/base/rcu.h) beside it. The algorithm is tuple space search for
// now and may change behind this header.
#pragma once

#include "core/base/rcu.h"
#include "core/flow/match.h"
#include "core/flow/miniflow.h"

struct classifier;

// One dimension of a match that several rules make together.
struct cls_clause {
	uint32_t id; // of the conjunction
	uint8_t clause, n_clauses; // 'clause' from 0
};

// What a rule is a part of; immutable.
struct cls_clauses {
	size_t n;
	struct cls_clause v[];
};

// Embedded by its owner (an OpenFlow rule). Immutable once inserted; a removed rule must outlive its readers.
struct cls_rule {
	int priority; // 0..65535 for rules of controllers; larger for the switch's own
	struct miniflow *match_key, *match_mask; // packed; owned by the rule
	struct cls_clauses *clauses; // RCU; NULL: the rule is found by itself. Owned by the rule
	void *entry; // the classifier's; NULL while not inserted
};

void cls_rule_init(struct cls_rule *r, const struct match *m, int priority);
// After removal and a grace period.
void cls_rule_uninit(struct cls_rule *r);
// Takes the clauses (from malloc, NULL: none) of a rule that is not inserted.
void cls_rule_set_clauses(struct cls_rule *r, struct cls_clauses *clauses);
void cls_rule_get_match(const struct cls_rule *r, struct match *m);

struct classifier *classifier_create(void);
void classifier_destroy(struct classifier *c); // must be empty
size_t classifier_count(const struct classifier *c);
bool classifier_is_empty(const struct classifier *c);
// A rule with same match and priority must not be there.
void classifier_insert(struct classifier *c, struct cls_rule *r);
// Puts 'new' in the place of 'old' (same match and priority): no reader misses both.
void classifier_replace(struct classifier *c, struct cls_rule *old, struct cls_rule *new);
void classifier_remove(struct classifier *c, struct cls_rule *r);
// Gives an inserted rule other clauses (taken; NULL: none).
void classifier_set_clauses(struct classifier *c, struct cls_rule *r, struct cls_clauses *clauses);
// Removes all rules, at a fraction of the cost of one after the other.
void classifier_clear(struct classifier *c);
// Exactly this match and priority, or NULL.
struct cls_rule *classifier_find_exactly(const struct classifier *c, const struct match *m,
					 int priority);
bool classifier_rule_overlaps(const struct classifier *c, const struct cls_rule *r);

// The best rule for 'key', or NULL. When 'mask' is not NULL, adds to it the bits that decided: any key equal in
// them gets the same answer. Lock-free reader.
//
// Rules with clauses are never the answer. Where those that match 'key', of one priority, have all clauses of a conjunction and
// no other rule of that priority or above matches, the answer is the best rule for 'key' with the conjunction's id as conj_id,
// if there is one. Of several conjunctions of one priority the one with the lowest id is taken.
struct cls_rule *classifier_lookup(const struct classifier *c, const struct flow_key *key,
				   struct flow_mask *mask);
// The same, and what the answer rests on beside the mask.
struct cls_decision {
	int least; // rules of lower priority do not matter; INT_MIN: all do
	bool by_conjunction; // rules of any conj_id may matter
};
struct cls_rule *classifier_decide(const struct classifier *c, const struct flow_key *key,
				   struct flow_mask *mask, struct cls_decision *ret);
// The same for a burst of 'n' keys; masks[] entries may be NULL.
void classifier_lookup_batch(const struct classifier *c, const struct flow_key *const keys[],
			     size_t n, struct flow_mask *const masks[], struct cls_rule *results[]);

// Version of what lookups can see: grows with each change. A translation remembers (classifier, version) and later asks
// whether any rule added, removed or replaced since could match a packet of its megaflow, and matter: one of a priority below
// 'found', the decision's least, does not. Says true when it does not know any more (some 500
// changes later). Readers may call both.
uint64_t classifier_version(const struct classifier *c);
bool classifier_changed_for(const struct classifier *c, uint64_t since, const struct flow_key *key,
			    const struct flow_mask *mask, int found);

// Rules whose match is a subset of 'criteria' (loose flow_mod, dump); NULL: all. Subtables that cannot hold one are skipped.
// The rules are collected before the first call. The callback may remove the rule it is given (writer only). Stops when it returns false.
void classifier_for_each(const struct classifier *c, const struct match *criteria,
			 bool (*cb)(struct cls_rule *r, void *aux), void *aux);
// Fields of which prefixes get a trie (at most 4; IPv4/IPv6 addresses...); Flow_Table.prefixes. Default: the
// IPv4 and IPv6 addresses. Writer only; waits for readers.
struct field;
int classifier_set_prefixes(struct classifier *c, const struct field *const fields[], size_t n,
			    struct error *err);
size_t classifier_n_masks(const struct classifier *c);
