// SPDX-License-Identifier: Apache-2.0
// Inside the simulated NIC. One struct esw per device; its ports; its rules (struct rte_flow); a packet on its way.
//
// Locks of an eSwitch: 'table_lock' is held for reading while packets are forwarded and for writing while rules or
// ports change; 'firmware_lock' serialises whoever changes rules or settings, and is taken first. The time a rule takes
// to be inserted passes under firmware_lock alone, so packets flow meanwhile.
#pragma once

#include <pthread.h>
#include <stdio.h>

#include <rte_ether.h>
#include <rte_flow.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "core/base/error.h"
#include "core/base/hmap.h"
#include "core/base/list.h"
#include "core/base/strbuf.h"
#include "core/base/util.h"

#define SIMNIC_MAX_VFS 64
#define SIMNIC_MAX_FRAME 9728
#define SIMNIC_HEADROOM 64
#define SIMNIC_MAX_JUMPS 32
#define SIMNIC_TX_QUEUES 64
#define SIMNIC_NAME_SIZE 64

extern int simnic_logtype;
#define SIMNIC_LOG(level, ...) rte_log(RTE_LOG_##level, simnic_logtype, __VA_ARGS__)

enum simnic_layer {
	LAYER_VLAN = 1 << 0,
	LAYER_VLAN2 = 1 << 1,
	LAYER_IPV4 = 1 << 2,
	LAYER_IPV6 = 1 << 3,
	LAYER_FRAG = 1 << 4, // an IPv6 fragment header
	LAYER_TCP = 1 << 5,
	LAYER_UDP = 1 << 6,
	LAYER_SCTP = 1 << 7,
	LAYER_ICMP = 1 << 8,
	LAYER_ICMP6 = 1 << 9,
};
#define LAYER_PORTS (LAYER_TCP | LAYER_UDP | LAYER_SCTP)

enum simnic_side {
	SIDE_FAR = 1, // from the VF or the wire: REPRESENTED_PORT
	SIDE_APP = 2, // from the application through the ethdev: PORT_REPRESENTOR
};

// What a rule can look at. The headers are held in the shape of DPDK's items, so that an item's spec and mask are copied
// field by field to the same offsets. Headers that a packet does not have are zero. Compared in 64-bit words.
struct simnic_key {
	uint16_t port; // index into struct esw's ports
	uint8_t side;
	uint8_t n_tags; // VLAN tags, at most 2 are looked into
	uint32_t layers;
	struct rte_flow_item_eth eth;
	struct rte_flow_item_vlan vlan[2];
	union {
		struct rte_flow_item_ipv4 ipv4;
		struct rte_flow_item_ipv6 ipv6;
	};
	struct rte_flow_item_ipv6_frag_ext frag;
	union {
		struct rte_flow_item_tcp tcp;
		struct rte_flow_item_udp udp;
		struct rte_flow_item_sctp sctp;
		struct rte_flow_item_icmp icmp;
		struct rte_flow_item_icmp6 icmp6;
	};
} __attribute__((aligned(8)));
#define KEY_WORDS (sizeof(struct simnic_key) / 8)

// A frame on its way, flat, with SIMNIC_HEADROOM bytes before it for tags to be pushed.
struct packet {
	uint8_t *data;
	uint32_t len;
	uint32_t headroom;
	uint32_t layers;
	uint16_t l3, l4; // offsets, 0 when there is no such header
	uint16_t l4_len; // bytes from l4 to the end of the IP payload
	bool routed; // IPv6 routing header with segments left: the L4 checksum does not cover this destination
	bool changed; // headers differ from the key that was last extracted
};

// Finds the headers of 'p' and fills the header part of 'key' (port and side stay). Never fails: what is malformed or
// cut is as if not there. 'p->len' must be at least an Ethernet header.
void simnic_packet_parse(struct packet *p, struct simnic_key *key);

enum simnic_item_id {
#define ITEM(type, ...) ITEM_##type,
#include "hw-tests/simnic/items.def"
	ITEM_MAX,
};

enum simnic_action_id {
#define ACTION(type, ...) ACTION_##type,
#include "hw-tests/simnic/actions.def"
	ACTION_MAX,
};

struct simnic_item {
	enum rte_flow_item_type type;
	const char *name;
	uint8_t level;
	uint32_t layer, needs;
	uint16_t key_ofs, size;
	const void *default_mask;
};

struct simnic_field {
	enum simnic_item_id item;
	const char *name;
	uint16_t ofs, size;
	uint32_t can;
};

extern const struct simnic_item simnic_items[ITEM_MAX];
extern const struct simnic_field simnic_fields[];
extern const size_t simnic_n_fields;

enum simnic_fate {
	FATE_NONE,
	FATE_OUTPUT,
	FATE_END,
};

struct simnic_action {
	enum simnic_action_id id;
	union {
		uint8_t bytes[16]; // the configuration as the application gave it
		uint32_t group;
		uint16_t port; // index, of a port action
		struct rte_flow_action_of_push_vlan push;
		struct rte_flow_action_of_set_vlan_vid vid;
		struct rte_flow_action_of_set_vlan_pcp pcp;
		struct rte_flow_action_set_tp tp;
		struct rte_flow_action_set_ttl ttl;
		struct rte_flow_action_set_dscp dscp;
		struct rte_flow_action_mark mark;
	};
};

struct esw;
struct rte_device;
struct journey;
struct compiled;

struct simnic_action_type {
	enum rte_flow_action_type type;
	const char *name;
	uint16_t size;
	uint32_t needs;
	enum simnic_fate fate;
	// Checks conf; 'out' already holds a copy of its bytes and may be changed. On refusal returns NULL-terminated text.
	const char *(*check)(struct compiled *c, struct simnic_action *out);
	// False when the packet goes no further in this rule.
	bool (*run)(struct journey *j, const struct simnic_action *a);
};
extern const struct simnic_action_type simnic_action_types[ACTION_MAX];

// A rule on its way from the application's arrays to the table.
struct compiled {
	struct esw *sw;
	uint32_t group, priority;
	struct simnic_key key, mask;
	uint32_t layers; // what the pattern, and then the actions so far, guarantee
	unsigned n_tags;
	unsigned n_vlan_items;
	uint32_t items; // bitmap of enum simnic_item_id, for printing
	bool counted;
	struct simnic_action actions[32];
	size_t n_actions;
};

// A rule. Once lost ('sub' is NULL) the handle still lives until the application destroys it.
struct rte_flow {
	struct hmap_node node; // in sub->rules
	struct hmap_node handle_node; // in sw->handles
	struct subtable *sub;
	uint64_t seq;
	uint32_t group, priority;
	struct simnic_key key;
	struct simnic_key mask;
	uint32_t items;
	bool counted;
	uint64_t packets, bytes; // atomic
	uint64_t seen_packets, seen_bytes, base_packets,
		base_bytes; // what a query shows; GUARDED_BY(firmware_lock)
	int64_t seen_at;
	size_t n_actions;
	struct simnic_action actions[];
};

struct esw_counters {
#define COUNTER(name, text) uint64_t name;
#include "hw-tests/simnic/esw-counters.def"
#undef COUNTER
};
#define ESW_COUNT(sw, name) __atomic_fetch_add(&(sw)->counters.name, 1, __ATOMIC_RELAXED)

struct port_stats {
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, rx_nombuf, tx_packets, tx_bytes,
		tx_errors; // atomic
};
#define PORT_ADD(port, name, n) __atomic_fetch_add(&(port)->stats.name, (n), __ATOMIC_RELAXED)

// One port of the eSwitch: far end (tap device or, with taps=0, a queue) and, where the application wants it, an ethdev.
struct simnic_port {
	struct esw *sw;
	unsigned index; // 0 is the uplink, 1 + n is VF n
	struct rte_eth_dev *dev; // NULL while there is no ethdev
	bool started; // GUARDED_BY(table_lock)
	struct rte_ring *rx;
	struct rte_mempool *pool;
	struct rte_ether_addr mac, far_mac;
	struct port_stats stats;
	int rx_event; // eventfd of rx interrupts
	bool rx_armed; // atomic
	int tap; // -1 with taps=0
	char tap_name[16];
	pthread_mutex_t far_lock;
	struct list far_frames; // struct far_frame, taps=0 only; GUARDED_BY(far_lock)
	unsigned n_far_frames;
};

// Settings: devargs give the first values, control commands change the run-time part.
struct simnic_config {
	uint32_t vfs, flows, insert_us, stats_lag_ms, taps, thread;
	char uplink_tap[64], vf_tap_prefix[64], refuse[512], ctl[128], mac_text[32];
	struct rte_ether_addr mac;
	uint16_t representors[SIMNIC_MAX_VFS];
	unsigned n_representors;
};

struct simnic_faults {
	bool refuse_item[ITEM_MAX];
	bool refuse_field[128];
	bool refuse_action[ACTION_MAX];
	bool silent_drop; // atomic
	uint32_t fail_next;
	int fail_errno;
};

struct esw {
	struct list node; // in the list of all, esw.c
	char name[SIMNIC_NAME_SIZE];
	unsigned number; // N of net_simnicN
	uint16_t domain;
	struct simnic_config cfg;
	struct simnic_port *ports;
	unsigned n_ports;
	pthread_mutex_t firmware_lock;
	pthread_rwlock_t table_lock;
	struct simnic_faults faults; // GUARDED_BY(firmware_lock)
	struct hmap groups; // struct group, GUARDED_BY(table_lock)
	struct hmap
		handles; // struct rte_flow, all that the application holds; GUARDED_BY(firmware_lock)
	uint32_t n_rules; // in the table; GUARDED_BY(firmware_lock)
	uint64_t next_seq;
	struct esw_counters counters;
	struct service *service;
	struct control *control;
};

// esw.c: making, finding, forwarding.
struct esw *esw_create(const char *name, unsigned number, const struct simnic_config *cfg,
		       struct error *err);
void esw_destroy(struct esw *sw);
struct esw *esw_find(const char *name);
struct simnic_port *esw_far_end(struct esw *sw, int far_end);
// Forwards the frame at 'data' ('len' bytes, SIMNIC_HEADROOM writable bytes before it) that came from 'src' on 'side'.
// The caller holds table_lock for reading. The buffer is overwritten.
void esw_forward(struct simnic_port *src, enum simnic_side side, uint8_t *data, uint32_t len);
// Brings the frame to the entity behind 'port', or to the ethdev's receive ring.
void port_send_far(struct simnic_port *port, const uint8_t *data, uint32_t len);
// 'mark' is what a rule gave the packet on its way, NULL: nothing.
void port_send_app(struct simnic_port *port, const uint8_t *data, uint32_t len,
		   const uint32_t *mark);

// rewrite.c
struct journey {
	struct esw *sw;
	struct packet *p;
	bool jump;
	uint32_t group;
	bool marked; // the application shall see 'mark' with the packet
	uint32_t mark;
};

// table.c: all with the locks said at struct esw.
struct rte_flow *table_lookup(const struct esw *sw, uint32_t group, const struct simnic_key *key);
void table_insert(struct esw *sw, struct rte_flow *rule);
void table_remove(struct esw *sw, struct rte_flow *rule);
void table_uninit(struct esw *sw);

// item.c, action.c: compile the application's arrays. Negative errno with 'e' filled, naming 'sw', the item or action and
// the field. The text lives in a buffer of the calling thread until its next refusal.
int compile_pattern(struct compiled *c, const struct rte_flow_item *items,
		    struct rte_flow_error *e);
int compile_actions(struct compiled *c, const struct rte_flow_action *actions,
		    struct rte_flow_error *e);
int refuse(struct rte_flow_error *e, int error, enum rte_flow_error_type type, const void *cause,
	   const char *fmt, ...) PRINTF(5, 6);
void format_rule(const struct rte_flow *rule, struct strbuf *out);
void format_pattern(const struct simnic_key *key, const struct simnic_key *mask, uint32_t items,
		    struct strbuf *out);
void format_actions(const struct simnic_action *a, size_t n, struct strbuf *out);
// "item:vlan", "item:ipv4.tos" or "action:set_ttl".
int faults_refuse(struct simnic_faults *f, const char *what, bool on, struct error *err);

// flow.c
extern const struct rte_flow_ops simnic_flow_ops;
// Takes up to 'n' rules out of the table behind the application's back; returns how many.
uint32_t flow_lose(struct esw *sw, uint32_t n);
// Frees every rule and handle. The caller holds firmware_lock.
void flow_flush_all(struct esw *sw);

// ethdev.c
int ethdev_create(struct esw *sw, unsigned port_index, struct rte_device *device,
		  struct error *err);
void ethdev_raise_reset(struct esw *sw);

// devargs.c
int devargs_parse(const char *args, struct simnic_config *cfg, struct error *err);

// control.c
int control_run(struct esw *sw, const char *command, struct strbuf *reply, struct error *err);
int control_start(struct esw *sw, const char *path, struct error *err);
void control_stop(struct esw *sw);

// service.c: the thread that reads taps.
int service_start(struct esw *sw, struct error *err);
void service_stop(struct esw *sw);

// tap.c
int tap_open(const char *name, const struct rte_ether_addr *mac, struct error *err);
// 0 also when the device has moved to another network namespace, where this process does not reach it.
int tap_set_mtu(const char *name, uint16_t mtu);
