// SPDX-License-Identifier: Apache-2.0
// A TC device: all ports of one eSwitch, and the filters that we have put on them. On its worker only.
#pragma once

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "offload/tc/senders.h"
#include "offload/tc/tc-private.h"

// A member of a bond, bound to the bond's block or not (somebody else's qdisc is there).
struct member {
	int ifindex;
	bool bound;
	bool told; // that it cannot be
};

// Two priorities an ethertype: where a rule goes first, and before it. IPv4, IPv6 and tags come first for good. Priority 1
// is left to others.
enum { PRIO_FIRST = 2, MAX_PROTOCOLS = 64, PRIO_LAST = PRIO_FIRST + 2 * MAX_PROTOCOLS - 1 };

struct hw_rule {
	struct hmap_node node; // by handle
	int port; // interface number
	int ifindex; // how the kernel is told of the place: the port's hook, or a block
	uint32_t parent;
	uint32_t handle, chain;
	uint16_t priority;
	be16 protocol;
	uint32_t flags; // TCA_CLS_FLAGS_*, as of the last look
	uint32_t asked; // those that we asked for
	uint32_t meters[TC_RULE_METERS]; // that it uses
	unsigned int n_meters;
	uint32_t samples[TC_RULE_SAMPLES]; // groups of psample that it uses
	unsigned int n_samples;
	uint64_t fingerprint;
	uint8_t cookie[TC_COOKIE_SIZE];
	uint64_t packets, bytes; // as of the last look
	uint32_t seen; // epoch of the last look that found it
	bool software_helps;
	uint64_t in_software; // packets, as of the last look
	unsigned int
		n_suspicious; // looks in a row that found more of them, although the NIC has the rule
	char text[128]; // the driver's, when it refused
};

// A port's hook. One that was there before is used, and left as it is. A bond has none itself: its members share a block.
struct qdisc {
	struct hmap_node node; // by ifindex
	int ifindex;
	uint32_t shared; // our block of the members, 0: this is no bond
	struct member members[PORT_MAX_MEMBERS];
	unsigned int n_members;
	bool ours;
	uint32_t flags_epoch; // of the look that last said how the kernel takes rules here...
	uint32_t flags; // ... and what it said: TCA_CLS_FLAGS_*
	uint32_t rules_epoch; // of the last look before which a rule of ours stood here
	bool looked; // for rules of a process before this one
	bool no_egress; // somebody's "ingress" qdisc has one side only
	uint32_t block; // somebody's shared block, 0: none. Filters cannot be put on the port then.
	uint32_t n_foreign; // filters of others, as of the last look
	char foreign[64]; // one of them: "u32, priority 10"
};

// A filter of a process before this one, which nobody has claimed.
struct leftover {
	struct hmap_node node; // by fingerprint
	int port; // interface number
	struct tc_filter f;
	bool is_understood; // 'key' and 'mask' say what it matches
	struct flow_key key;
	struct flow_mask mask;
};

struct protocol {
	be16 type;
	size_t n_rules;
};

struct tc_device {
	char name[64];
	struct nl_sock *sock;
	struct hmap rules, qdiscs, leftovers;
	struct protocol protocols[MAX_PROTOCOLS]; // the place is the priority
	uint32_t next_handle, epoch;
	_Atomic uint32_t adopted;
	bool leaving; // for the next process: the kernel is told nothing any more
	struct senders *senders;
	_Atomic uint32_t n_threads; // that may send rules at once
	_Atomic uint32_t policy; // TCA_CLS_FLAGS_SKIP_* of new filters, 0: none
	sampled_fn *sampled; // who takes sampled packets; sample.c locks it
	void *sampled_aux;
	_Atomic uint32_t n_foreign; // for capabilities(), which any thread asks
};

struct qdisc *tc_find_qdisc(struct tc_device *dev, int ifindex);
// Makes the port's hook, or takes what is there. NULL, *ret_error and a verdict: none can be made.
struct qdisc *tc_make_qdisc(struct tc_device *dev, int ifindex, int *ret_error, struct verdict *v);
// The port's hook, made when there is none; NULL and a verdict (and *ret_error) when filters cannot stand there.
struct qdisc *tc_need_qdisc(struct tc_device *dev, const struct compiled_rule *rule, int *ret_error,
			    struct verdict *v);
// How the kernel is told of filters at the hook.
void tc_address(const struct qdisc *q, bool egress, int *ret_ifindex, uint32_t *ret_parent);
// Binds the members of a bond to its block that are not, or are not any more. Warns once of those that cannot be.
void tc_bind_members(struct tc_device *dev, struct qdisc *q);
void tc_set_members(void *priv, const struct port_ref *port);
// Takes it away when it is ours, and forgets it.
void tc_drop_qdisc(struct tc_device *dev, struct qdisc *q);
// Forgets it: it has gone.
void tc_forget_qdisc(struct tc_device *dev, struct qdisc *q);

struct hw_rule *tc_find_rule(struct tc_device *dev, uint32_t handle);
// Is this filter at the place where we have put the rule?
bool tc_is_at(const struct hw_rule *r, const struct tc_filter *f);
void tc_take_counts(struct hw_rule *r, const struct tc_filter *f);
// Takes a filter out by its place, whoever put it there. 0 when it is gone.
int tc_delete_filter(struct tc_device *dev, int ifindex, uint32_t parent, uint32_t chain,
		     uint16_t priority, be16 protocol, uint32_t handle);

int tc_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
	      struct verdict *v);
void tc_insert_many(void *priv, struct insertion *list, size_t n);
int tc_replace(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
	       struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
	       struct verdict *v);
int tc_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes);
void tc_forget(void *priv, struct hw_rule *hw);
bool tc_in_hw(void *priv, const struct hw_rule *hw, struct verdict *v);

// Shows each filter on the port's hook (or the bond's block) to 'cb', on both sides of it.
void tc_dump_port(struct tc_device *dev, int ifindex, bool terse,
		  void (*cb)(struct tc_device *dev, const struct tc_filter *f, void *aux),
		  void *aux);
void tc_refresh(void *priv);
void tc_audit(void *priv, struct audit_findings *ret);
int tc_query(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes);

// Looks once for what a process before this one has left on the port.
void tc_find_leftovers(struct tc_device *dev, struct qdisc *q);
bool tc_is_known_leftover(struct tc_device *dev, const struct tc_filter *f);
// The left-over that does just what the rule says, as ours from now on; NULL: there is none.
struct hw_rule *tc_adopt(struct tc_device *dev, const struct compiled_rule *rule);
// What was left for the same packets, with other actions; NULL: nothing.
const struct leftover *tc_find_in_the_way(struct tc_device *dev, const struct compiled_rule *rule);
// Takes all of that out.
void tc_remove_in_the_way(struct tc_device *dev, const struct compiled_rule *rule);
void tc_list(void *priv, const struct port_ref *port,
	     void (*cb)(const struct found_rule *found, void *aux), void *aux);
void tc_sweep(void *priv, const struct port_ref *port);
// 0: of all ports.
void tc_forget_leftovers(struct tc_device *dev, int ifindex);
// Counts a rule at a left-over's place; false when the place's ethertype is another's in this process.
bool tc_take_place(struct tc_device *dev, const struct tc_filter *f);

// The police actions of a rule's meters, made where they are not there: one that is put in, or adopted, needs them. Negative
// errno and 'v': none is taken.
int tc_meters_need(struct tc_device *dev, const struct compiled_rule *rule, struct verdict *v);
// The rule has them, and the groups of its samples, from now on.
void tc_take_shared(struct hw_rule *r, const struct compiled_rule *rule);
// What a rule shares with others: its meters and the groups of its samples, as tc_meters_need() and tc_samples_need() take them; and
// the end of both.
int tc_need_shared(struct tc_device *dev, const struct compiled_rule *rule, struct verdict *v);
void tc_let_go_shared(struct tc_device *dev, const struct hw_rule *r);
// The rule is gone. Actions of meters that the datapath has no more go with their last rule.
void tc_meters_let_go(struct tc_device *dev, const struct hw_rule *r);
void tc_meter_set(void *priv, uint32_t id, const struct meter_config *config);
void tc_meter_del(void *priv, uint32_t id);
void tc_meter_counts(void *priv,
		     void (*cb)(uint32_t id, const struct meter_count *in,
				const struct meter_count *dropped, void *aux),
		     void *aux);
void tc_meters_refresh(struct tc_device *dev);
// Sets right what somebody has changed, and takes out what nobody knows.
void tc_meters_audit(struct tc_device *dev, struct audit_findings *ret);
// Looks once a process for actions that one before it has left.
void tc_meters_open(struct tc_device *dev);
// Takes out those that nobody has claimed.
void tc_meters_sweep(struct tc_device *dev);
// The device goes, and has no rules any more.
void tc_meters_close(struct tc_device *dev);

// The groups of a rule's samples, made where they are not there, and a thread that hears them. Negative errno and 'v': none is
// taken.
int tc_samples_need(const struct compiled_rule *rule, struct verdict *v);
// The rule is gone.
void tc_samples_let_go(const struct hw_rule *r);
void tc_set_sampled(void *priv, sampled_fn *fn, void *aux);
void tc_samples_open(struct tc_device *dev);
// The device goes, and has no rules any more.
void tc_samples_close(struct tc_device *dev);

// Puts what the running kernel's classifier can do; asked once a process.
void tc_probe(struct nl_sock *sock);
void tc_probed_capabilities(struct smap *out);
