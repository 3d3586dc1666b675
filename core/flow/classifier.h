// SPDX-License-Identifier: Apache-2.0
// The classifier: rules with priorities and masks; finds the best one for a key and says which bits of the key it
// looked at (un-wildcarding), with staged lookup and prefix tries so that it looks at few.
//
// One writer at a time; any number of RCU readers (core/base/rcu.h) beside it. The algorithm is tuple space search for
// now and may change behind this header.
//
// Rules are visible from one version until another, so that changes of many rules, in many classifiers, become visible at once:
// the writer inserts and hides for a version that nobody has yet, announces each change, and then publishes the version (one
// store, the owner's). A reader takes the version once and sees in all classifiers what was there at that version. A hidden rule
// is taken out when no reader can have an older version any more: a grace period after the version was published.
#pragma once

#include "core/base/rcu.h"
#include "core/flow/match.h"
#include "core/flow/miniflow.h"

struct classifier;
struct subtable;

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

// Sees every rule that is not hidden: the newest state, also of changes whose version is not published. For the writer, and where
// there are no versions.
#define CLS_NEWEST (UINT64_MAX - 1)
#define CLS_NEVER UINT64_MAX

// Embedded by its owner (an OpenFlow rule). Immutable once inserted but for 'hidden'; a removed rule must outlive its readers.
struct cls_rule {
	int priority; // 0..65535 for rules of controllers; larger for the switch's own
	bool key_is_owners; // not to be freed with the rule
	const struct miniflow *match_key, *match_mask; // packed; the mask is shared with others
	struct cls_clauses *clauses; // RCU; NULL: the rule is found by itself. Owned by the rule
	struct subtable *entry; // the classifier's; NULL while not inserted
	struct cls_rule *lower; // the classifier's: RCU, the next one of the same match
	uint64_t shown, hidden; // the first version that sees it, and the first that does no more
};

// Any thread. A version that is not published yet gives the writer's view of it.
static inline bool cls_rule_is_visible(const struct cls_rule *r, uint64_t version)
{
	return version >= r->shown && version < __atomic_load_n(&r->hidden, __ATOMIC_RELAXED);
}

void cls_rule_init(struct cls_rule *r, const struct match *m, int priority);
// The same with a key that is packed already and stays the owner's, beside the rule: one piece of memory for both.
void cls_rule_init_packed(struct cls_rule *r, const struct miniflow *key,
			  const struct flow_mask *mask, int priority);
// And with the match of another rule.
void cls_rule_init_like(struct cls_rule *r, const struct miniflow *key,
			const struct cls_rule *like);
// After removal and a grace period.
void cls_rule_uninit(struct cls_rule *r);
// Takes the clauses (from malloc, NULL: none) of a rule that is not inserted.
void cls_rule_set_clauses(struct cls_rule *r, struct cls_clauses *clauses);
void cls_rule_get_match(const struct cls_rule *r, struct match *m);

struct classifier *classifier_create(void);
void classifier_destroy(struct classifier *c); // must be empty
// Rules that are not hidden; and with those that are.
size_t classifier_count(const struct classifier *c);
size_t classifier_count_all(const struct classifier *c);
bool classifier_is_empty(const struct classifier *c); // nothing is there that is not hidden
// Visible from 'version' on. A rule with same match and priority must be hidden, or never have been there.
void classifier_insert(struct classifier *c, struct cls_rule *r, uint64_t version);
// Visible until 'version'; the rule stays where it is. classifier_show() takes that back, before the version is published.
void classifier_hide(struct classifier *c, struct cls_rule *r, uint64_t version);
void classifier_show(struct classifier *c, struct cls_rule *r);
// Takes a rule out that no reader sees: its version was never published, or a grace period has gone since it was hidden. Another
// one goes by before it may be inserted again or freed.
void classifier_remove(struct classifier *c, struct cls_rule *r);
// Takes out all rules, at a fraction of the cost of one after the other. None is seen by a reader.
void classifier_clear(struct classifier *c);
// Exactly this match and priority, or NULL. Hidden rules count for nothing, here and in the next.
struct cls_rule *classifier_find_exactly(const struct classifier *c, const struct match *m,
					 int priority);
// With the match and priority of a rule that need not be there.
struct cls_rule *classifier_find_like(const struct classifier *c, const struct cls_rule *r);
bool classifier_rule_overlaps(const struct classifier *c, const struct cls_rule *r);

// The best rule for 'key' at a version, or NULL. When 'mask' is not NULL, adds to it the bits that decided: any key equal in
// them gets the same answer. Lock-free reader.
//
// Rules with clauses are never the answer. Where those that match 'key', of one priority, have all clauses of a conjunction and
// no other rule of that priority or above matches, the answer is the best rule for 'key' with the conjunction's id as conj_id,
// if there is one. Of several conjunctions of one priority the one with the lowest id is taken.
struct cls_rule *classifier_lookup(const struct classifier *c, uint64_t version,
				   const struct flow_key *key, struct flow_mask *mask);
// The same, and what the answer rests on beside the mask.
struct cls_decision {
	int least; // rules of lower priority do not matter; INT_MIN: all do
	bool by_conjunction; // rules of any conj_id may matter
};
struct cls_rule *classifier_decide(const struct classifier *c, uint64_t version,
				   const struct flow_key *key, struct flow_mask *mask,
				   struct cls_decision *ret);
// The same for a burst of 'n' keys; masks[] entries may be NULL.
void classifier_lookup_batch(const struct classifier *c, uint64_t version,
			     const struct flow_key *const keys[], size_t n,
			     struct flow_mask *const masks[], struct cls_rule *results[]);

// Keeps, for classifier_changed_for(), that 'version' shows or hides this rule. The writer does so before it publishes the version;
// versions never go back. A change of more rules than are kept is announced at less cost by the second.
#define CLS_MANY_CHANGES 512
void classifier_announce(struct classifier *c, const struct cls_rule *r, uint64_t version);
void classifier_announce_many(struct classifier *c, uint64_t version);
// No other classifier of this process has it, nor has 0.
uint64_t classifier_number(const struct classifier *c);
// The newest version that was announced: when it is 'since' or older, nothing has changed. Readers.
uint64_t classifier_version(const struct classifier *c);
// A translation at version 'since' remembers it and later asks, at version 'now' that has been published, whether any rule shown or
// hidden between could match a packet of its megaflow, and matter: one of a priority below 'found', that of the rule which the
// lookup gave (INT_MIN: none), does not. Says true when it does not know any more. Readers may call.
bool classifier_changed_for(const struct classifier *c, uint64_t since, uint64_t now,
			    const struct flow_key *key, const struct flow_mask *mask, int found);

// Rules, but hidden ones, whose match is a subset of 'criteria' (loose flow_mod, dump); NULL: all. Subtables that cannot hold one are skipped.
// The rules are collected before the first call. The callback may hide or remove the rule it is given (writer only). Stops when it returns false.
void classifier_for_each(const struct classifier *c, const struct match *criteria,
			 bool (*cb)(struct cls_rule *r, void *aux), void *aux);
// Fields of which prefixes get a trie (at most 4; IPv4/IPv6 addresses...); Flow_Table.prefixes. Default: the
// IPv4 and IPv6 addresses. Writer only; waits for readers.
struct field;
int classifier_set_prefixes(struct classifier *c, const struct field *const fields[], size_t n,
			    struct error *err);
size_t classifier_n_masks(const struct classifier *c);
