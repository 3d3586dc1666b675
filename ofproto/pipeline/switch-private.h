// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/vec.h"
#include "core/flow/rtable.h"
#include "ofproto/pipeline/evict.h"
#include "ofproto/pipeline/mac-table.h"
#include "ofproto/pipeline/switch.h"
#include "ofproto/pipeline/tlv-map.h"
#include "ofproto/pipeline/transaction-private.h"

// Ports as readers see them: replaced whole by every change.
struct port_index {
	size_t n;
	struct of_port *ports[]; // by number, then NULL
};

// All rules with one cookie. Often that is every rule there is, so they are a list, not entries of a hash table that would
// all be in one bucket.
struct cookie_rules {
	struct hmap_node node; // in the switch's 'cookies'
	uint64_t cookie;
	struct list rules;
};

// Rules of a table with a cookie that go because nothing learns them any more.
struct unlearned {
	uint64_t cookie;
	uint8_t table;
};

// A rule of the switch's own, and what it was made of.
struct kept_own_rule {
	struct rule *rule;
	enum own_rule_owner owner;
	char *flow;
};

struct of_switch {
	char *name;
	uint64_t datapath_id;
	struct table tables[SWITCH_N_TABLES];
	_Atomic uint64_t version; // of tables and groups
	struct switch_txn txn; // the one that is open, if any
	void (*untidy)(void *aux);
	void *untidy_aux;
	struct graves graves;
	struct port_index *ports; // RCU
	_Atomic uint64_t ports_version;
	_Atomic(enum fragments) fragments;
	struct mac_table *macs;
	struct tlv_map *tlv; // RCU, NULL: no option is a field
	struct hmap cookies; // struct cookie_rules by cookie
	struct list expirable; // rules with a timeout
	struct list vacancies; // struct table that tell how full they are
	_Atomic uint8_t default_miss; // enum table_miss, of tables that have none of their own
	size_t n_rules; // those of controllers
	VEC(struct kept_own_rule) own; // own-rules.c: hidden ones
	of_port_t next_number;
	_Atomic uint32_t features; // bitmap of enum switch_feature
	ct_timeout_fn *ct_timeout; // NULL: no policies
	void *ct_timeout_aux;
	queue_priority_fn *queue_priority; // NULL: no queues
	void *queue_priority_aux;
	bool forgotten; // recirc.c: no packet goes on here any more; under its lock
	bool learns_nothing; // learn.c: any more; under its lock
	struct rtable learned; // learned.c
	VEC(struct unlearned) unlearned; // that are still to be looked at
	const struct switch_meter_ops *meter_ops; // NULL: there are no meters
	void *meter_aux;
	struct sampling *sampling; // RCU, NULL: none
	packet_sample_fn *sampled; // NULL: nobody takes them
	void *sampled_aux;
	struct rtable meters; // struct meter_node by id
	_Atomic uint64_t meters_version; // grows when one comes or goes
	struct rtable groups; // struct group_node by id
	uint64_t group_version; // of the group that was made last
	const struct switch_events *events;
	void *events_aux;
};

void switch_notify_changed(struct of_switch *sw);
void switch_forget_own_rules(struct of_switch *sw);
// Does every tun_metadata field of a rule stand for an option?
enum ofperr switch_tlv_check(const struct of_switch *sw, const struct match *m, struct acts list);
// Whether the datapath can match on all that 'm' matches on.
enum ofperr switch_check_match(const struct of_switch *sw, const struct match *m);
struct rule_acts *rule_acts_copy(struct acts a);
// False when the list begins with a meter that is not there.
bool switch_knows_meter(const struct of_switch *sw, struct acts a);
void switch_init_meters(struct of_switch *sw);
void switch_delete_meters(struct of_switch *sw);
// Readers: the datapath's number of the meter for packets that go to controllers, by the action's own ('id', 0: none) or all of
// them; and for packets of the slow path. 0: there is none. Both hold as long as the version stays.
uint64_t switch_meters_version(const struct of_switch *sw);
uint32_t switch_controller_meter(const struct of_switch *sw, uint32_t id);
// That of any meter.
uint32_t switch_datapath_meter(const struct of_switch *sw, uint32_t id);
uint32_t switch_slow_path_meter(const struct of_switch *sw);
// table.c: the tables of a switch, and their end.
void switch_init_tables(struct of_switch *sw);
void switch_uninit_tables(struct of_switch *sw);
// A rule is in its table, or no more; or has other timeouts.
void table_enlist(struct rule *r);
void table_strike_off(struct rule *r);
void table_timeouts_changed(struct rule *r);
// Evicts what must go for one rule more, in the same transaction.
enum ofperr txn_make_room(struct switch_txn *t, uint8_t table);
// After rules came or went.
void switch_tell_vacancies(struct of_switch *sw);
// A rule goes to the list of its meter, if it has one.
void switch_list_metered(struct rule *r);
void switch_unlist_metered(struct rule *r);
// Like switch_flow_mod(), for a rule that a learn action has made: it was checked what that can make, and its ports need not exist.
enum ofperr switch_learn_flow(struct of_switch *sw, const struct flow_mod *fm);
void switch_init_learned(struct of_switch *sw);
// In 'groups' and 'group_version'.
void switch_init_groups(struct of_switch *sw);
void switch_delete_groups(struct switch_txn *t);
// Of the group with this id that a version of the switch sees; 0: there is none. Readers.
uint64_t switch_group_version(const struct of_switch *sw, uint64_t version, uint32_t id);
// False when a list, nested ones included, names a group that is not there.
bool switch_knows_groups(const struct of_switch *sw, struct acts list);
// A rule goes to the lists of the groups that it uses, and out of them.
void switch_list_grouped(struct rule *r);
void switch_unlist_grouped(struct rule *r);
// Removes the rules that use a group (struct group_use).
void txn_remove_grouped(struct switch_txn *t, struct list *users);
// Whether a bucket's actions can be carried out: it may meet any packet.
enum ofperr switch_check_bucket(const struct of_switch *sw, struct acts list);
// Appends a set of actions in OpenFlow's order, and last what sends the packet on; the last one written of each kind is in effect.
// Sets of different fields live side by side.
void acts_in_set_order(struct acts set, struct strbuf *out);
// Removes the rules of a meter's list.
void switch_remove_metered(struct of_switch *sw, struct list *rules);
struct rule *rule_create(struct of_switch *sw, const struct flow_mod *fm, uint8_t table,
			 int priority);
// rule_unref() of many that are in no list any more, at less cost.
void rules_unref(struct rule *const v[], size_t n);
// Those of the rule, made when it has none. Any thread.
struct rule_extras *rule_need_extras(struct rule *r);
// What a rule in its table is counted and listed by, beside the classifier: in, and out.
void rule_enlist(struct rule *r);
void rule_strike_off(struct rule *r);
// A list for a rule that exists, visible from a version on, in place of the one that it has.
struct rule_acts *rule_acts_create(const struct rule *r, struct acts a, uint64_t since);
// Once no reader can hold it.
void rule_acts_free_later(struct rule_acts *a);
// Puts the rule with the meters, groups and learned rules that its newest actions name, and those of 'before' no more.
void rule_list_users(struct rule *r, const struct rule_acts *before);
// Whether the rule is part of a conjunction, or would be with these actions.
bool rule_has_clauses(const struct rule *r, struct acts a);
// The same rule with other actions and no counters, to take its place.
struct rule *rule_clone(const struct rule *r, struct acts a);
void rule_set_cookie(struct rule *r, uint64_t cookie);
// The rule has got a timeout, perhaps its first.
void rule_may_expire(struct rule *r);
// NULL when no rule has it.
struct cookie_rules *switch_find_cookie(const struct of_switch *sw, uint64_t cookie);
