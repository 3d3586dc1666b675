// SPDX-License-Identifier: Apache-2.0
// The steps of a transaction, and where what it removed waits for its readers.
#pragma once

#include "core/base/vec.h"
#include "ofproto/pipeline/transaction.h"

struct group;

// Each can be undone, the last one first, and has an end that comes once the version is published.
struct txn_step {
	enum {
		TXN_ADD, // 'rule'; 'old' has given it its place, or NULL
		TXN_REMOVE, // 'rule', told with 'reason'
		TXN_ACTS, // 'rule' had the actions 'acts'
		TXN_COOKIE, // 'rule' had 'cookie'
		TXN_TOUCH, // 'rule' counts as modified
		TXN_GROUP_ADD, // 'group'; 'old_group' has given it its place, or NULL
		TXN_GROUP_REMOVE, // 'group'
	} kind : 8;
	uint8_t reason; // enum flow_removed_reason
	bool reset; // counters start at zero
	union {
		struct rule *rule;
		struct group *group;
	};
	union {
		struct rule *old;
		struct rule_acts *acts;
		uint64_t cookie;
		struct group *old_group;
	};
};

struct switch_txn {
	struct of_switch *sw;
	VEC(struct txn_step) steps;
	bool open;
};

// What no version from now on sees, but readers of older ones may: it stays in its tables for a grace period.
struct grave {
	VEC(struct rule *) rules;
	VEC(struct group *) groups;
	_Atomic int state;
	void (*untidy)(void *aux); // NULL: nobody wants to know
	void *untidy_aux;
};

struct graves {
	struct grave *open; // takes what is removed now; NULL: nothing yet
	struct grave *waiting; // for its readers; NULL: none
};

// The steps. What they take out of the tables stays the transaction's.
void txn_add_rule(struct switch_txn *t, struct rule *r, struct rule *old, bool reset);
void txn_remove_rule(struct switch_txn *t, struct rule *r, enum flow_removed_reason reason);
void txn_modify_rule(struct switch_txn *t, struct rule *r, const struct flow_mod *fm);
void txn_add_group(struct switch_txn *t, struct group *g, struct group *old);
void txn_remove_group(struct switch_txn *t, struct group *g);
// flow-mod.c, group.c: of what is refused, steps may stay.
enum ofperr txn_flow_mod(struct switch_txn *t, const struct flow_mod *fm);
// flow-mod.c: removes what rules had learned that went, and wanted it to go with them.
void txn_unlearn(struct switch_txn *t);
enum ofperr txn_group_mod(struct switch_txn *t, struct group_mod *gm);
// group.c: in the switch's table, out of it, and the end of the switch's reference.
void switch_insert_group(struct of_switch *sw, struct group *g);
void switch_take_out_group(struct of_switch *sw, struct group *g);
// graves.c. Takes out and frees what no reader sees any more; called now and then.
void switch_reap(struct of_switch *sw);
// The same of all that is buried, after waiting for the readers.
void switch_reap_all(struct of_switch *sw);
void switch_bury(struct of_switch *sw, struct rule *r);
void switch_bury_group(struct of_switch *sw, struct group *g);
// Behind a transaction: what it buried begins to wait.
void switch_close_graves(struct of_switch *sw);
