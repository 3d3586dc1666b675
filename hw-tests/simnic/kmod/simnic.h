/* SPDX-License-Identifier: GPL-2.0 */
// A SmartNIC in software, as the kernel sees one: an eSwitch with an uplink, VFs, and a representor for each VF.
//
// Life: a platform device is a NIC; its struct sn_nic lives as long as its devlink instance.
// Locks, in the order they are taken: devlink's instance lock (ports and modes), rtnl, sn_nic.ct_lock (zones),
// sn_nic.rules_lock (tables, meters).
// Packets run under RCU with bottom halves off; everything they follow is freed a grace period later.
#ifndef SIMNIC_H
#define SIMNIC_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/rhashtable.h>
#include <net/devlink.h>
#include <net/dst_metadata.h>
#include <net/flow_dissector.h>
#include <net/flow_offload.h>
#include <net/ip_tunnels.h>
#include <net/pkt_cls.h>

#define SN_MAX_NICS 4
#define SN_MAX_VFS 64
#define SN_MAX_ACTIONS 32
#define SN_CHAIN_BUCKETS 64

struct sn_binding;
struct sn_encap;
struct sn_nic;
struct sn_packet;
struct sn_rule;
struct sn_zone;

// ---- Keys (match.c) ----

// What rules can look at; members as flower has them, but without unions.
struct sn_key {
	struct flow_dissector_key_control control;
	struct flow_dissector_key_basic basic;
	struct flow_dissector_key_eth_addrs eth;
	struct flow_dissector_key_vlan vlan;
	struct flow_dissector_key_vlan cvlan;
	struct flow_dissector_key_ipv4_addrs ipv4;
	struct flow_dissector_key_ipv6_addrs ipv6;
	struct flow_dissector_key_ports ports;
	struct flow_dissector_key_icmp icmp;
	struct flow_dissector_key_arp arp;
	struct flow_dissector_key_tcp tcp;
	struct flow_dissector_key_ip ip;
	struct flow_dissector_key_mpls mpls;
	struct flow_dissector_key_num_of_vlans num_of_vlans;
	struct flow_dissector_key_pppoe pppoe;
	struct flow_dissector_key_l2tpv3 l2tpv3;
	struct flow_dissector_key_ct ct;
	struct flow_dissector_key_control enc_control;
	struct flow_dissector_key_keyid enc_key_id;
	struct flow_dissector_key_ipv4_addrs enc_ipv4;
	struct flow_dissector_key_ipv6_addrs enc_ipv6;
	struct flow_dissector_key_ports enc_ports;
	struct flow_dissector_key_ip enc_ip;
	struct flow_dissector_key_enc_opts enc_opts;
} __aligned(sizeof(long));

#define SN_KEY_WORDS (sizeof(struct sn_key) / sizeof(long))

void sn_match_init(void);
// Reads a rule's match; a refusal names the key in 'extack'.
int sn_match_parse(const struct sn_binding *at, struct flow_cls_offload *cls, struct sn_key *key,
		   struct sn_key *mask);
// Sets p->key from the packet, and the headers' offsets in the skb.
void sn_match_dissect(struct sn_packet *p);
// Bit of a key by its name; -ENOENT.
int sn_match_key_by_name(const char *name);

// ---- Rules (table.c) ----

// The rules of one binding: a representor's, the uplink's, a tunnel device's.
struct sn_table {
	struct hlist_head chains[SN_CHAIN_BUCKETS]; // RCU
	unsigned int n_rules;
};

// Rules with the same mask and priority in a chain.
struct sn_mask {
	struct list_head node; // RCU; in the chain, by priority
	struct rcu_head rcu;
	struct sn_chain *chain;
	struct sn_key mask;
	unsigned int first, end; // words of the mask that are not zero
	u32 prio;
	__be16 protocol;
	unsigned int n_rules;
};

enum sn_verdict {
	SN_NEXT, // go on with the next action
	SN_JUMP, // go on with the rule's action p->jump
	SN_GOTO, // look up again, in p->chain
	SN_SLOW, // to software, by the representor
	SN_MISS, // as if no rule had been here: software does the whole rule
	SN_DROP,
	SN_GONE, // somebody else has the packet
};

struct sn_action;

struct sn_action_type {
	const char *name;
	const char *refusal, *injected; // texts for extack
	bool last; // nothing may stand behind it
	// Reads one entry of a rule's list.
	int (*parse)(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		     struct sn_action *a, struct netlink_ext_ack *extack);
	enum sn_verdict (*run)(struct sn_packet *p, const struct sn_action *a);
	// Under rules_lock, while packets may still run it. May be NULL.
	void (*release)(struct sn_nic *nic, struct sn_action *a);
};

struct sn_action {
	const struct sn_action_type *type;
	union {
		struct {
			unsigned int nic, port; // number of the NIC, and on its eSwitch
			bool bond; // out of the bond that the uplink is in
			struct sn_encap *encap; // or NULL
		} output;
		struct sn_encap *encap;
		struct {
			struct sn_zone *zone;
			bool clear, nat;
		} ct;
		struct {
			unsigned long cookie;
			u32 mark, labels[4];
			bool reply;
		} metadata;
		u32 chain;
		struct {
			u16 vid;
			u8 prio;
			__be16 proto;
		} vlan;
		struct {
			u8 header; // enum flow_action_mangle_base
			u32 offset, mask, value;
			bool add;
		} edit;
		struct {
			struct psample_group *group;
			u32 rate, trunc;
		} sample;
		struct {
			struct sn_meter *meter;
			bool accept; // what conforms goes to software
			unsigned int jump; // action for what exceeds, 0: it is dropped
		} police;
		struct {
			u32 label;
			u8 tc, bos, ttl;
			__be16 proto;
		} mpls;
		struct {
			u8 dst[ETH_ALEN], src[ETH_ALEN];
		} eth;
	};
};

struct sn_rule {
	struct rhlist_head node; // sn_nic.rules, by mask and masked key
	struct rhash_head by_cookie; // sn_nic.cookies
	struct rcu_head rcu;
	struct sn_nic *nic;
	struct sn_table *table;
	unsigned long cookie;
	struct sn_mask *mask;
	struct sn_key key;
	struct sn_encap *encap; // of the last encapsulation in the list; an action owns it
	struct sn_zone *zone; // of the ct action in the list, or NULL
	bool is_connection;
	bool polices_port; // matchall's: what conforms goes on to the port's rules
	bool lost; // the table has it no more, only its owner believes so
	bool deaf; // takes room, is never hit
	// Counters of the hardware, and what the owner was told of them. 'lagged' is what a query may see.
	atomic64_t packets, bytes, drops;
	u64 lagged[3], told[3];
	unsigned long used, lagged_at; // jiffies
	unsigned int n_actions;
	unsigned int jump; // action that an earlier one jumps to, 0: none
	struct sn_action actions[];
};

int sn_table_init(struct sn_nic *nic);
void sn_table_uninit(struct sn_nic *nic);
// All of these under rules_lock. Insertion takes 'rule' over when it succeeds.
int sn_table_insert(struct sn_table *t, struct sn_rule *rule, const struct sn_key *mask, u32 chain,
		    u32 prio, __be16 protocol);
struct sn_rule *sn_table_find(struct sn_table *t, struct sn_nic *nic, unsigned long cookie);
void sn_table_remove(struct sn_rule *rule);
// Takes all rules out of the hardware; who made them is not told.
void sn_table_lose_all(struct sn_nic *nic);
// Removes all rules of one binding.
void sn_table_flush(struct sn_nic *nic, struct sn_table *t);
// The rule that the packet hits in p->chain, or NULL. Under RCU.
struct sn_rule *sn_table_lookup(const struct sn_table *t, struct sn_packet *p);
// Under rules_lock; packets may still run it for a grace period.
void sn_rule_free(struct sn_rule *rule);

// ---- Ports (netdev.c) ----

enum sn_port_kind { SN_UPLINK, SN_WIRE, SN_VF, SN_REPRESENTOR };

enum sn_tunnel_kind { SN_NO_TUNNEL, SN_VXLAN, SN_GENEVE, SN_GRETAP };

// What rules stand at: a port of the eSwitch, a tunnel's device whose packets the uplink receives, a zone of connections.
struct sn_binding {
	struct sn_nic *nic;
	struct net_device *netdev;
	enum sn_tunnel_kind tunnel;
	struct sn_zone *zone; // the rules are its connections; then there is no device
	struct sn_table table;
	struct sn_rule __rcu *police; // before all rules, or NULL; written under rules_lock
	struct list_head node; // tunnels: sn_nic.tunnels, RCU
	struct rcu_head rcu;
};

struct sn_port {
	struct sn_nic *nic;
	struct net_device *netdev;
	enum sn_port_kind kind;
	unsigned int
		number; // on the eSwitch: 0 the uplink and the wire, n + 1 VF n and its representor
	struct sn_binding binding; // uplink and representors
	struct devlink_port devlink;
};

struct sn_port *sn_port_create(struct sn_nic *nic, enum sn_port_kind kind, unsigned int number);
// Readers may have it until then: call after it was taken out of the eSwitch. 'port' may be NULL.
void sn_port_destroy(struct sn_port *port);
// A cable has a link while both of its ends are up. Under rtnl or devlink's lock.
void sn_port_update_link(struct sn_nic *nic);
// The port behind a device, when it is the uplink or a representor of this eSwitch, or of one that is joined; else NULL.
struct sn_port *sn_port_of(struct sn_nic *nic, const struct net_device *netdev);

// ---- The NIC (nic.c) ----

// What a model of NIC can do (profile.c).
struct sn_profile {
	const char *name;
	u64 no_keys; // bits: FLOW_DISSECTOR_KEY_*
	u64 no_actions; // bits: FLOW_ACTION_*
	bool no_chains, no_stats;
	bool no_police_mtu; // policers limit rates only, and drop
	unsigned int max_actions;
};

// Written by debugfs (faults.c).
struct sn_faults {
	u32 capacity; // rules; 0 is without limit
	u32 refuse_next, refuse_errno;
	u64 refuse_keys, refuse_actions; // bits
	u32 insert_us;
	bool ignore; // rules are accepted and never hit
	u32 stats_lag_ms, counter_bits;
	bool reset; // the device is being reset: no traffic, no rules
};

struct sn_counters {
	atomic64_t hits, misses, to_software, from_software, drops;
	atomic64_t refusals; // rules that were asked for in vain
};

struct sn_nic {
	struct platform_device *pdev;
	struct devlink *devlink;
	unsigned int index;
	u8 switch_id[8];
	// Under devlink's lock; packets read with RCU.
	struct sn_port __rcu *uplink, *wire;
	struct sn_port __rcu *vfs[SN_MAX_VFS], *reps[SN_MAX_VFS];
	unsigned int n_vfs;
	bool switchdev;
	enum devlink_eswitch_encap_mode encap_mode;
	u8 inline_mode;
	const struct sn_profile *profile;

	struct mutex rules_lock;
	unsigned int n_rules;
	struct rhltable rules;
	struct rhashtable cookies;
	struct list_head blocks; // flow_block_cb.driver_list
	struct list_head meters;
	struct mutex ct_lock; // before rules_lock, and before flow tables' own
	struct list_head zones;
	struct list_head tunnels; // RCU; writers hold rules_lock

	struct sn_faults faults;
	struct sn_counters counters;
	struct dentry *debugfs;
};

int sn_nic_create(struct platform_device *pdev);
void sn_nic_destroy(struct sn_nic *nic);
// Under devlink's lock.
int sn_nic_set_vfs(struct sn_nic *nic, unsigned int n);
int sn_nic_set_switchdev(struct sn_nic *nic, bool on);
int sn_nic_add_representor(struct sn_nic *nic, unsigned int vf);
int sn_nic_remove_representor(struct sn_nic *nic, unsigned int vf);
extern const struct attribute_group *sn_nic_groups[];
extern unsigned int sn_initial_vfs;
extern char *sn_initial_profile;

extern const struct devlink_ops sn_devlink_ops;
// Sets what devlink shows of an uplink or representor, and registers it.
int sn_devlink_port_register(struct sn_port *port);

const struct sn_profile *sn_profile_find(const char *name);
void sn_faults_create(struct sn_nic *nic);
void sn_faults_destroy(struct sn_nic *nic);
// Told before a rule is looked at: 0, or the error that shall be.
int sn_faults_before_insert(struct sn_nic *nic, bool connection, struct netlink_ext_ack *extack);

// ---- Packets (forward.c, action.c) ----

// A packet on its way through the hardware. Its data begin at the Ethernet header; an outer tag is beside them.
struct sn_packet {
	struct sk_buff *skb;
	struct sn_nic *nic;
	struct sn_binding *in; // device whose rules it meets, and whose software gets it
	struct sn_key key;
	struct sn_rule *rule; // that is running
	struct sn_rule *connection; // that its ct action found
	struct flow_dissector_key_ct ct; // what ct said
	unsigned long ct_cookie;
	u32 chain;
	unsigned int jump; // with SN_JUMP
};

// A frame that a far end (VF, wire) sent into the NIC. Consumes it. Under RCU.
void sn_forward_in(struct sn_port *from, struct sk_buff *skb);
// A frame that software sent by a representor or the uplink.
void sn_forward_out(struct sn_port *from, struct sk_buff *skb);
// Hands a frame to a device of this NIC as received. Consumes it. 'chain': where software's rules go on.
// 'ct_cookie': the connection that hardware found it to be of, or 0.
void sn_forward_receive(struct net_device *to, struct sk_buff *skb, u32 chain,
			unsigned long ct_cookie);
// Onto the wire, or that of another member of the uplink's bond. Consumes it.
void sn_forward_uplink(struct sn_nic *nic, struct sk_buff *skb);
// Out of eSwitch port 'number': to the VF or onto the wire. Consumes it. NULL: the NIC has gone.
void sn_forward_egress(struct sn_nic *nic, unsigned int number, struct sk_buff *skb);
// Takes an outer tag out of the data, as hardware does on reception. NULL when the packet is broken, and freed.
struct sk_buff *sn_forward_take_tag(struct sk_buff *skb);
// Makes offsets and protocol those of the frame that begins at skb->data.
void sn_forward_set_headers(struct sk_buff *skb);
// Offset of the L3 header behind all tags, and the ethertype there; -1 when the packet is cut.
int sn_forward_l3_offset(struct sk_buff *skb, __be16 *ret_type);

// What a port's matchall does (matchall.c).
int sn_matchall(struct sn_binding *at, struct tc_cls_matchall_offload *mall);
// False: the packet is over the limit of the port that it came in at. Under RCU.
bool sn_matchall_passes(struct sn_packet *p);
int sn_actions_parse(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action *list,
		     struct netlink_ext_ack *extack);
void sn_actions_release(struct sn_rule *rule);
enum sn_verdict sn_actions_run(struct sn_packet *p);
int sn_action_by_name(const char *name);
// Sets a text that is not a literal.
int sn_refuse(struct netlink_ext_ack *extack, const char *text, int error);

extern const struct sn_action_type sn_action_vlan_push, sn_action_vlan_pop, sn_action_vlan_mangle,
	sn_action_vlan_push_eth, sn_action_vlan_pop_eth;
extern const struct sn_action_type sn_action_mangle, sn_action_add;
extern const struct sn_action_type sn_action_mpls_push, sn_action_mpls_pop, sn_action_mpls_mangle;
extern const struct sn_action_type sn_action_police, sn_action_sample;

#define SN_ACTION_TEXTS(NAME) \
	.name = NAME, .refusal = "simnic: action " NAME " is not supported by this device", \
	.injected = "simnic: action " NAME " is refused (fault injection)"

// ---- Tunnels (tunnel.c) ----

// The tunnel that packets are in which such a device receives.
enum sn_tunnel_kind sn_tunnel_kind(const struct net_device *netdev);
// What is in the frame, when it is a packet of that kind of tunnel: a new skb with metadata; else NULL.
struct sk_buff *sn_tunnel_open(struct sk_buff *skb, enum sn_tunnel_kind kind);
// Whether the way to the other end is known. If not, the kernel is asked to find it.
bool sn_tunnel_ready(const struct sn_encap *encap);
// Wraps the frame and sends it out of the uplink. Consumes it.
void sn_tunnel_output(struct sn_nic *nic, const struct sn_encap *encap, struct sk_buff *skb);
// The encapsulation that an output to 'netdev' takes; refuses what is no tunnel or not the right one.
int sn_tunnel_check_output(const struct sn_rule *rule, const struct net_device *netdev,
			   struct sn_encap **ret_encap, struct netlink_ext_ack *extack);
extern const struct sn_action_type sn_action_encap, sn_action_decap;

// ---- Bonds (lag.c) ----

void sn_lag_add(struct sn_nic *nic);
// Packets may still find it for a grace period.
void sn_lag_remove(struct sn_nic *nic);
// NULL: it has gone. Under RCU.
struct sn_nic *sn_lag_nic(unsigned int index);
// Whether the NIC's uplink is in this bond.
bool sn_lag_is_bond(const struct sn_nic *nic, const struct net_device *netdev);
// Whether the uplinks are in the same bond; a NIC is joined with itself.
bool sn_lag_is_joined(const struct sn_nic *a, const struct sn_nic *b);
// Whose wire a packet for the uplink leaves by: the NIC's own, or of the member that the bond has chosen for the packet;
// NULL: none. Under RCU.
struct sn_nic *sn_lag_active(struct sn_nic *nic, struct sk_buff *skb);

// ---- Connections (ct.c) ----

// Around everything that makes or removes rules: finds the zones that 'list' needs, and takes ct_lock ...
int sn_ct_prepare(struct sn_nic *nic, const struct flow_action *list, flow_setup_cb_t *callback);
// ... takes away what is not used any more, and releases ct_lock.
void sn_ct_reap(struct sn_nic *nic, flow_setup_cb_t *callback);
// Whether the packet is of a connection that the running rule's zone has.
bool sn_ct_find(struct sn_packet *p);
extern const struct sn_action_type sn_action_ct, sn_action_ct_metadata;

// ---- TC (block.c, meter.c) ----

int sn_block_setup(struct net_device *netdev, enum tc_setup_type type, void *data);
int sn_meter_offload(struct sn_nic *nic, struct flow_offload_action *fl);
int sn_indirect_register(struct sn_nic *nic);
void sn_indirect_unregister(struct sn_nic *nic);

#endif
