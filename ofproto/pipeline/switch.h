// SPDX-License-Identifier: Apache-2.0
// An OpenFlow switch: tables of rules, ports, the MAC table. One per bridge; knows nothing of OVSDB or connections.
//
// The main thread is the only writer. PMD threads translate packets through it under RCU: rules, ports and port
// settings they meet stay valid until their next quiescent state; counters are atomics.
#pragma once

#include <stdatomic.h>

#include "core/base/list.h"
#include "core/base/rcu.h"
#include "core/base/strmap.h"
#include "core/flow/classifier.h"
#include "ofproto/openflow/msg.h"
#include "ofproto/pipeline/tunnel-config.h"

#define SWITCH_N_TABLES 254

struct of_switch;
struct mac_table;
struct dp_action;

// A list of actions that readers may hold; immutable.
struct rule_acts {
	uint32_t size;
	uint32_t
		number; // how many lists the rule had before: 0 for the first, others stand in a struct rule_acts_change
	struct act list[];
};

// A list that took the place of another: readers of older versions go on to that.
struct rule_acts_change {
	uint64_t since;
	struct rule_acts *before; // freed when nobody goes there any more
	struct rule_acts acts;
};

// That a rule uses groups: each in its group's list.
struct group_uses {
	size_t n;
	struct group_use {
		struct list node;
		struct rule *rule;
	} v[];
};

// What few rules have, of those that have any of it.
struct rule_extras {
	struct rule *rule;
	_Atomic uint64_t hw_packets, hw_bytes; // what a NIC has handled of its packets
	struct list timeout_node; // in the switch's list of rules that may expire
	struct list meter_node; // in its meter's list
	struct group_uses
		*group_uses; // of the groups that its actions name; NULL: none; main thread
};

// One piece of memory with its packed key and its first list of actions.
struct rule {
	struct cls_rule cls;
	struct of_switch *sw;
	struct rule_acts *acts; // RCU
	struct rule_extras *_Atomic extras; // NULL: none; stays once it is there
	uint64_t cookie;
	_Atomic uint16_t idle_timeout, hard_timeout; // s; 0: none
	uint16_t flags, importance;
	int64_t created, modified; // clock_msec()
	_Atomic uint64_t packets, bytes;
	_Atomic int64_t used;
	_Atomic uint32_t refs;
	uint8_t table;
	struct evict_entry *evict_entry; // NULL: it is not among those that its table may evict
	union {
		struct list cookie_node; // among the rules with this cookie
		struct rule *next_dead; // without references
	};
};

// The list of a version; readers.
static inline const struct rule_acts *rule_acts_at(const struct rule *r, uint64_t version)
{
	const struct rule_acts *a = RCU_GET(r->acts);

	while (a->number) {
		const struct rule_acts_change *c = CONTAINER_OF(a, struct rule_acts_change, acts);

		if (c->since <= version)
			break;
		a = c->before;
	}
	return a;
}

// The newest list: main thread.
static inline struct acts rule_acts_get(const struct rule *r)
{
	return (struct acts){ r->acts->list, r->acts->size };
}

// Megaflows that count into a rule hold a reference; the last one frees it after a grace period.
// A reader may still see a rule whose last reference has gone: false then, and it must not keep it.
bool rule_ref(struct rule *r);
void rule_unref(struct rule *r);

// What has come since the last time; hw_*: what of it a NIC has handled.
struct traffic {
	uint64_t packets, bytes, hw_packets, hw_bytes;
	int64_t used; // clock_msec() of the last packet
	uint16_t tcp_flags; // of packets since the flow began
};

// Credits traffic: any thread.
void rule_credit(struct rule *r, const struct traffic *t);
// What of a rule's packets a NIC has handled.
void rule_get_offloaded(const struct rule *r, uint64_t *ret_packets, uint64_t *ret_bytes);
// Begins to count anew. Traffic that is credited meanwhile may be lost of it.
void rule_reset_counters(struct rule *r);

struct evict_index;

// Main thread, but for what readers count and 'miss'.
struct table {
	struct classifier *cls;
	char name[32], config_name[32]; // as OpenFlow and the database name it; "": they do not
	_Atomic uint64_t lookups, matches;
	_Atomic uint8_t miss; // enum table_miss, or TABLE_MISS_UNSET
	size_t n_flows; // hidden ones do not count
	uint32_t limit; // UINT32_MAX: none
	bool evict_by_config, evict_by_openflow;
	uint32_t evict_flags; // what counts when one is chosen (evict.h)
	struct subfield *groups;
	size_t n_groups;
	struct evict_index *evict; // NULL: it does not evict
	const struct field *prefixes[3];
	size_t n_prefixes;
	bool have_prefixes;
	bool vacancy; // it is told when it gets full, and empty again
	uint8_t vacancy_down, vacancy_up; // percent
	enum table_status_reason vacancy_next; // what will be told next
	struct list vacancy_node; // in the switch's list of those
};

// Nobody has said what becomes of packets that meet no rule.
#define TABLE_MISS_UNSET 255

enum vlan_mode {
	VLAN_TRUNK,
	VLAN_ACCESS,
	VLAN_NATIVE_TAGGED,
	VLAN_NATIVE_UNTAGGED,
	VLAN_DOT1Q_TUNNEL, // packets of customers, with their tags, in one VLAN
};

// What becomes of IP fragments in the tables; the numbers are OpenFlow's.
enum fragments {
	FRAGMENTS_NORMAL = 0, // they have no ports
	FRAGMENTS_DROP = 1,
	FRAGMENTS_MATCH = 3, // the first one has those that it has
};

// Whether NORMAL puts the priority that a packet came with into a tag of VLAN 0 where it takes a tag off: never, or where the priority is not
// 0. With _ALWAYS tags of VLAN 0 that are there stay, too, whatever their priority; else those without one go.
enum priority_tags { PRIORITY_TAGS_NEVER, PRIORITY_TAGS_IF_NONZERO, PRIORITY_TAGS_ALWAYS };

// What configuration says of a port; immutable, replaced whole (RCU).
struct port_settings {
	enum vlan_mode vlan_mode;
	uint16_t tag; // 0 of trunks
	be16 qinq_tpid; // of the tag that what comes in through a dot1q-tunnel gets elsewhere
	// Bitmaps: VLANs that trunks and native modes carry, and customers' VLANs that a dot1q-tunnel does; zeros in other modes.
	uint64_t trunks[4096 / 64], cvlans[4096 / 64];
	enum priority_tags priority_tags;
	bool protected;
	// What changes above here makes the switch forget the port's stations; what follows does not.
	char patch_peer[64]; // not empty: a patch port
	struct tunnel_config tunnel; // type TUNNEL_NONE: the port is none
};

// How packets that leave through a queue are marked.
struct queue_mark {
	uint32_t priority; // skb_priority that chooses the queue
	uint8_t dscp; // 6 bits
};

// Those of a port, in the order of priorities; immutable, replaced whole (RCU).
struct port_queues {
	size_t n;
	struct queue_mark marks[];
};

// NULL: packets of this priority are not marked.
const struct queue_mark *port_queues_find(const struct port_queues *q, uint32_t priority);

struct of_port {
	struct of_switch *sw;
	of_port_t number;
	dp_port_t dp_port; // DP_PORT_NONE for patch ports; tunnels share theirs
	char name[64];
	struct port_settings *settings; // RCU
	struct port_queues *queues; // RCU, NULL: none marks packets
	struct of_port *_Atomic peer; // patch ports that are wired
	_Atomic uint32_t config, state; // PORT_CONFIG_*, PORT_STATE_*
	struct eth_addr mac;
	_Atomic uint32_t ifindex; // of the Linux device that it is, 0: none, or not known
	int64_t created;
	_Atomic uint64_t rx_packets, rx_bytes, tx_packets,
		tx_bytes; // of patch ports and tunnels: what was translated through
	struct hmap_node number_node, name_node;
};

// What rules may need of the datapath beneath: features.def.
enum switch_feature {
#define SWITCH_FEATURE(ID, NAME) SWITCH_FEATURE_##ID,
#include "ofproto/pipeline/features.def"
#undef SWITCH_FEATURE
	SWITCH_FEATURE_MAX
};

// What happens to the switch, told to those who must send it on (connections); main thread.
struct switch_events {
	// A rule that is not hidden, when readers may see it so: it has come ('old' has given it its place, or NULL), has other actions
	// than 'before', or has gone. 'changed' follows behind all those of a transaction.
	void (*rule_added)(void *aux, const struct rule *r, const struct rule *old);
	void (*rule_modified)(void *aux, const struct rule *r, struct acts before);
	void (*rule_removed)(void *aux, const struct rule *r, enum flow_removed_reason reason);
	void (*port_status)(void *aux, const struct of_port *p, enum port_reason reason);
	// Fewer places are free in a table than wanted, or more again.
	void (*table_status)(void *aux, uint8_t table, enum table_status_reason reason);
	// Something changed that may alter translations: megaflows that depend on it must be looked at again.
	void (*changed)(void *aux);
};

// The meters of the datapath beneath, as datapath_meter_*() has them.
struct switch_meter_ops {
	void (*features)(void *aux, struct meter_features *ret);
	int (*set)(void *aux, const struct meter_config *config, uint32_t *id, struct error *err);
	int (*get)(void *aux, uint32_t id, struct meter_stats *ret, struct error *err);
	void (*del)(void *aux, uint32_t id);
};

// The version of all tables and groups, which a translation takes once: it grows with every change, and a change of any number of
// rules and groups is seen whole from its version on, before that not at all. Any thread.
uint64_t switch_version(const struct of_switch *sw);

struct of_switch *switch_create(const char *name, uint64_t datapath_id);
void switch_destroy(struct of_switch *sw);
void switch_set_events(struct of_switch *sw, const struct switch_events *events, void *aux);
const char *switch_name(const struct of_switch *sw);
uint64_t switch_datapath_id(const struct of_switch *sw);
void switch_set_datapath_id(struct of_switch *sw, uint64_t id);
// Rules of the switch's own in table 0, above those of controllers, who neither see nor change them: these, in place of the ones that
// their owner had before. One that stays keeps its counters. 'flow' as ovs-ofctl add-flow takes it, without a priority; borrowed.
enum own_rule_owner { OWN_IN_BAND, OWN_FAIL_OPEN };
struct own_rule {
	int priority; // above 65535
	const char *flow;
};
void switch_set_own_rules(struct of_switch *sw, enum own_rule_owner owner,
			  const struct own_rule *rules, size_t n);
void switch_for_each_own_rule(const struct of_switch *sw,
			      bool (*cb)(const struct rule *r, void *aux), void *aux);
// Without any rule or group of controllers.
void switch_clear(struct of_switch *sw);
// The datapath's features, bitmap 1 << enum switch_feature; none to begin with. Rules that need others are refused; rules that
// are there stay. Main thread.
void switch_set_features(struct of_switch *sw, uint32_t features);
// Names the timeout policy that a connection of this zone and kind gets when it is committed; false: none. Any thread.
#define CT_TIMEOUT_NAME_LEN 32
typedef bool ct_timeout_fn(void *aux, uint16_t zone, be16 eth_type, uint8_t nw_proto,
			   char ret[CT_TIMEOUT_NAME_LEN]);
// Main thread, before the switch has a rule. What was translated before a zone's policy changes must be translated again.
void switch_set_ct_timeouts(struct of_switch *sw, ct_timeout_fn *f, void *aux);
// Says which skb_priority chooses a queue; false: there can be no such queue. Any thread.
typedef bool queue_priority_fn(void *aux, uint32_t queue, uint32_t *ret);
// Main thread, before the switch has a rule; without it there are no queues.
void switch_set_queue_priority(struct of_switch *sw, queue_priority_fn *f, void *aux);
// 'f' is called, on any thread, when what was removed can leave the tables, and wants switch_tidy() soon: until then, or the next
// change, removed rules make megaflows narrower than they need to be. 'aux' outlives the switch. Main thread, before it has a rule.
void switch_set_untidy(struct of_switch *sw, void (*f)(void *aux), void *aux);
void switch_tidy(struct of_switch *sw);
void switch_tidy_now(struct of_switch *sw); // waits for readers
// Main thread, before the switch has a rule; without them there are no meters.
void switch_set_meter_ops(struct of_switch *sw, const struct switch_meter_ops *ops, void *aux);
bool switch_has(const struct of_switch *sw, enum switch_feature f);
const char *switch_feature_name(enum switch_feature f);
// Main thread only; any thread asks.
void switch_set_fragments(struct of_switch *sw, enum fragments fragments);
enum fragments switch_fragments(const struct of_switch *sw);
struct table *switch_table(const struct of_switch *sw, uint8_t id);
struct mac_table *switch_macs(const struct of_switch *sw);
// Grows with changes of ports and their settings, and of what becomes of fragments and of packets that no rule matches.
uint64_t switch_ports_version(const struct of_switch *sw);

// Ports. 'number' 0 in add: choose a free one. The settings are copied.
struct of_port *switch_port_add(struct of_switch *sw, const char *name, of_port_t number,
				dp_port_t dp_port, struct eth_addr mac,
				const struct port_settings *settings);
void switch_port_del(struct of_switch *sw, struct of_port *p);
void switch_port_set_mac(struct of_switch *sw, struct of_port *p, struct eth_addr mac);
void switch_port_set(struct of_switch *sw, struct of_port *p, const struct port_settings *settings);
// 'marks', one for a priority, are copied.
void switch_port_set_queues(struct of_switch *sw, struct of_port *p, const struct queue_mark *marks,
			    size_t n);
void switch_port_set_state(struct of_switch *sw, struct of_port *p, uint32_t config,
			   uint32_t state);
// RCU readers too.
struct of_port *switch_port_find(const struct of_switch *sw, of_port_t number);
struct of_port *switch_port_by_name(const struct of_switch *sw, const char *name);
// Ports ordered by number, NULL-terminated snapshot under RCU; do not free.
struct of_port *const *switch_ports(const struct of_switch *sw);
struct port_names switch_port_names(const struct of_switch *sw);

// Whether packets that 'm' says something of (NULL: any) can be sent through the actions: prerequisites, tables, what the datapath can.
// 'table' is the rule's (255 for packet_out). With 'consistent', actions that do nothing to some of the packets are an error.
enum ofperr switch_check_acts(const struct of_switch *sw, struct acts a, const struct match *m,
			      uint8_t table, bool consistent);

// What of a switch's packets IPFIX counts.
struct sampling {
	// Of all packets, UINT32_MAX: each; 0: none are chosen by the bridge itself. As they come in, and go out (0, 1).
	uint32_t probability;
	uint16_t input, output;
	size_t n;
	struct sampling_set {
		uint32_t id; // of a set of collectors
		uint32_t tunnels; // 1: it wants to know the outer headers of tunnels, else 0
	} sets[];
};

// A packet that a sample action has chosen.
struct packet;
struct packet_sample {
	const struct of_switch *sw; // whose action it was
	const struct flow_key *key; // of the packet as it was then, as the pipeline sees it
	const struct packet *packet;
	const struct dp_action *action; // its userspace action
};

typedef void packet_sample_fn(void *aux, const struct packet_sample *s);
// Whom such packets are given to, on any thread. Main thread, before the switch has a rule.
void switch_set_sampled(struct of_switch *sw, packet_sample_fn *f, void *aux);
void switch_give_sample(const struct of_switch *sw, const struct packet_sample *s);
// NULL: nothing is counted, so that sample does nothing. The lists are copied; when they change, all is translated again.
void switch_set_sampling(struct of_switch *sw, const struct sampling *s);
// Readers.
const struct sampling *switch_sampling(const struct of_switch *sw);
bool sampling_tells_tunnels(const struct sampling *s, uint32_t set);

// Meters. Rules that use one go with it. Main thread.
struct meter;
enum ofperr switch_meter_mod(struct of_switch *sw, const struct meter_mod *mm);
void switch_meter_features(const struct of_switch *sw, struct meter_features *ret);
// One, or METER_ID_ALL by their ids.
enum ofperr switch_for_each_meter(const struct of_switch *sw, uint32_t id,
				  void (*cb)(const struct meter *m, void *aux), void *aux);
uint32_t meter_id(const struct meter *m);
const struct meter_config *meter_config(const struct meter *m);
void switch_meter_stats(const struct of_switch *sw, const struct meter *m, struct meter_stats *ret);

// Groups. Rules that use one go with it. Main thread. Of 'gm' only the group is taken, where it succeeds: it stays the caller's to free.
struct group;
struct group_mod;
struct group_stats;
struct group_features;
enum ofperr switch_group_mod(struct of_switch *sw, struct group_mod *gm);
// One, or GROUP_ID_ALL by their ids.
void switch_for_each_group(const struct of_switch *sw, uint32_t id,
			   void (*cb)(const struct group *g, void *aux), void *aux);
const struct group_desc *group_desc(const struct group *g);
// To be freed with group_stats_uninit().
void group_fill_stats(const struct group *g, struct group_stats *ret);
// As a version of OpenFlow numbers the actions.
void switch_group_features(uint8_t version, struct group_features *ret);

// Flow table changes. Errors for the peer are OFPERR_*. 'fm' stays the caller's.
enum ofperr switch_flow_mod(struct of_switch *sw, const struct flow_mod *fm);
// Rules in the sense of a statistics request, in table order. Stops when 'cb' returns false.
void switch_for_each_flow(struct of_switch *sw, const struct flow_stats_request *rq,
			  bool (*cb)(const struct rule *r, void *aux), void *aux);
void rule_fill_stats(const struct rule *r, struct match *match_storage, struct flow_stats *fs);
// Removes rules whose time has come; call about once a second.
void switch_expire(struct of_switch *sw);
void switch_flush(struct of_switch *sw);
// Geneve's options as tun_metadata fields: changed, and listed by field.
enum ofperr switch_tlv_mod(struct of_switch *sw, const struct tlv_table_mod *mod);
void switch_tlv_get(const struct of_switch *sw, struct tlv_table_reply *ret);
struct tlv_map;
const struct tlv_map *switch_tlv_map(const struct of_switch *sw); // under RCU
size_t switch_n_rules(const struct of_switch *sw);
