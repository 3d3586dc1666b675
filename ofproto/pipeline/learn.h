// SPDX-License-Identifier: Apache-2.0
// What packets ask of the tables: rules to be learned, and rules whose time is to be short because a connection ends.
//
// Any thread translates such packets, and only the main thread changes tables: wishes wait in a queue until it comes. The queue is
// bounded; what finds no room is counted and comes again with the flow's next traffic.
#pragma once

#include "ofproto/pipeline/switch.h"

// A rule as a learn action makes it; immutable. Shared by those who hold a reference.
struct learn {
	_Atomic uint32_t refs;
	_Atomic bool waits; // in the queue
	struct of_switch *sw;
	struct miniflow *key, *mask;
	struct rule_acts *acts;
	uint64_t cookie;
	uint32_t limit; // of rules with this cookie in the table; 0: none
	uint16_t priority, idle_timeout, hard_timeout;
	uint8_t table;
	bool send_flow_rem;
};

// 'list' is copied. With one reference.
struct learn *learn_create(struct of_switch *sw, const struct match *m, struct acts list);
void learn_unref(struct learn *l);

// Wishes: any thread. One that waits already is not put in again.
void learn_later(struct learn *l);
// Timeouts in seconds; 0: that one stays as it is.
void rule_shorten_later(struct rule *r, uint16_t idle_timeout, uint16_t hard_timeout);
// Any thread: whether the main thread should come.
bool learn_is_waiting(void);
// Main thread: does what waits.
void learn_apply(void);
// Main thread: nothing is learned in this switch any more.
void learn_forget_switch(struct of_switch *sw);

// How many rules a learn action with a limit, or one whose rules go with it, sees: those of a table with a cookie. Any thread.
struct learned {
	size_t n;
	uint64_t version; // grows with every such rule that comes or goes
};
struct learned switch_learned(const struct of_switch *sw, uint8_t table, uint64_t cookie);

// Main thread, for rules that come and go. 'list' has the rule's actions.
void switch_list_learns(struct of_switch *sw, struct acts list);
void switch_unlist_learns(struct of_switch *sw, struct acts list);
void switch_count_learned(struct of_switch *sw, uint8_t table, uint64_t cookie, int change);
// The next table and cookie whose rules go because no learn action with delete_learned is left for them; false: there are none.
bool switch_next_unlearned(struct of_switch *sw, uint8_t *ret_table, uint64_t *ret_cookie);
// When there are no rules any more.
void switch_free_learned(struct of_switch *sw);
