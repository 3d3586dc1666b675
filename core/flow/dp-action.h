// SPDX-License-Identifier: Apache-2.0
// Datapath actions: what a megaflow does to a packet, as one contiguous list.
//
// Each element is a struct dp_action header, its payload, and for nested kinds (clone, sample, ct, ...) a list inside
// the element. Elements are 8-byte aligned; 'size' covers header, payload and nested list. Software executes the same
// list that hardware backends compile. All lists are immutable once in a megaflow.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/flow/fields.h"
#include "core/flow/nat.h"

enum dp_action_type {
#define DP_ACTION(ID, NAME, PAYLOAD, NESTED, EXECUTED) DP_ACTION_##ID,
#include "core/flow/dp-actions.def"
#undef DP_ACTION
	DP_ACTION_MAX
};

// Why a packet goes to a controller, the pipeline (SLOW_PATH), or those who count samples: of a rule (FLOW_SAMPLE) or a bridge (IPFIX);
// or goes on with the rest of its list (RESUME), for which a datapath that cannot do all itself keeps a number.
enum userspace_kind {
	USERSPACE_CONTROLLER,
	USERSPACE_SLOW_PATH,
	USERSPACE_FLOW_SAMPLE,
	USERSPACE_IPFIX,
	USERSPACE_RESUME,
	USERSPACE_KINDS
};

// As datapath actions say it.
const char *userspace_kind_name(enum userspace_kind kind);

// Which way a sampled packet goes, seen from the port that the sample is about.
enum sample_direction { SAMPLE_EITHER, SAMPLE_INGRESS, SAMPLE_EGRESS };

enum slow_path_reason {
	SLOW_CFM = 1,
	SLOW_BFD = 2,
	SLOW_LACP = 4,
	SLOW_STP = 8,
	SLOW_LLDP = 16,
	SLOW_ACTION = 32,
	SLOW_MATCH = 64
};

// dp_ct.flags. Marks, labels, helper, timeout and addresses are of no concern without COMMIT, but for a bare NAT.
enum { DP_CT_COMMIT = 1, DP_CT_FORCE = 2, DP_CT_NAT = 4 };
// Sends the packet through connection tracking.
struct dp_ct {
	uint16_t flags, zone;
	uint32_t mark, mark_mask;
	uint8_t label[16], label_mask[16]; // big-endian numbers, as in the key
	char helper[16]; // "ftp", "tftp"; empty: none
	char timeout[32]; // name of a timeout policy in the kernel; empty: none
	struct nat nat; // with DP_CT_NAT
};

struct dp_action {
	uint16_t type; // enum dp_action_type
	uint16_t nested; // offset of the nested list from this header, 0 when there is none
	uint32_t size;
	union {
		struct {
			dp_port_t port;
		} output;
		struct {
			uint32_t reason;
		} drop;
		struct {
			uint8_t kind; // enum userspace_kind
			uint8_t reason; // OFPR_*; for SLOW_PATH a bitmap of enum slow_path_reason
			uint16_t max_len, controller_id;
			uint32_t table_id;
			uint64_t cookie; // of the OpenFlow rule
			uint32_t recirc_id, meter_id;
			uint32_t continuation; // handle of what the pipeline keeps, 0: none
			// FLOW_SAMPLE; IPFIX has the ports only.
			uint16_t probability; // UINT16_MAX: always
			uint8_t direction; // enum sample_direction
			uint32_t collector_set, obs_domain, obs_point;
			dp_port_t output_port; // DP_PORT_NONE: not said
			dp_port_t tunnel_port; // whose outer header is to be told, 0: none
			uint32_t sampling_port; // OpenFlow's number of 'output_port'
			bool dropped; // the flow sends the packet nowhere
		} userspace;
		// Bits of one field: packet = (packet & ~mask) | (value & mask). Adjacent sets of one header print as one.
		struct {
			uint16_t field; // enum field_id
			uint8_t value[16], mask[16]; // like union field_value, first n_bytes
		} set;
		struct {
			be16 tpid, tci; // tci with VLAN_PRESENT
		} push_vlan;
		struct {
			uint32_t id;
		} recirc;
		struct {
			uint32_t probability; // UINT32_MAX: always
		} sample;
		struct {
			uint32_t max_len;
		} trunc;
		struct {
			uint32_t basis;
			uint16_t alg;
		} hash;
		struct {
			be32 lse;
			be16 ethertype;
		} push_mpls;
		struct {
			be16 ethertype;
		} pop_mpls;
		struct {
			struct eth_addr src, dst;
		} push_eth;
		struct {
			uint8_t header[256];
			uint16_t len;
		} push_nsh, tnl_push;
		struct {
			dp_port_t port;
		} tnl_pop;
		struct {
			uint32_t id;
		} meter;
		struct {
			uint16_t pkt_len;
			uint32_t
				larger_size; // bytes of the nested list that run for larger packets, the rest for others
		} check_pkt_len;
		struct dp_ct ct;
		struct {
			uint32_t group;
			uint8_t cookie[16];
			uint8_t cookie_len;
		} psample;
		// SET_TUNNEL: the outer header that the packet gets at the next tunnel port, all of it; what it had before is
		// gone. Options stand as in the datapath's keys.
		struct flow_tunnel tunnel;
		struct {
			uint8_t unused;
		} none;
	};
};

// A list as its owner holds it.
struct dp_actions {
	const struct dp_action *first;
	size_t size; // bytes
};

#define DP_ACTION_FOR_EACH(A, LIST) \
	for (A = (LIST).first; (const uint8_t *)A < (const uint8_t *)(LIST).first + (LIST).size; \
	     A = (const struct dp_action *)((const uint8_t *)A + A->size))

// The list inside a nested kind; empty for the others.
static inline struct dp_actions dp_action_nested(const struct dp_action *a)
{
	if (!a->nested)
		return (struct dp_actions){ NULL, 0 };
	return (struct dp_actions){ (const struct dp_action *)((const uint8_t *)a + a->nested),
				    a->size - a->nested };
}

// The branches of check_pkt_len: for larger packets, and for the others.
static inline struct dp_actions dp_action_larger(const struct dp_action *a)
{
	return (struct dp_actions){ dp_action_nested(a).first, a->check_pkt_len.larger_size };
}

static inline struct dp_actions dp_action_smaller(const struct dp_action *a)
{
	struct dp_actions all = dp_action_nested(a);
	uint32_t larger = a->check_pkt_len.larger_size;

	return (struct dp_actions){ (const void *)((const uint8_t *)all.first + larger),
				    all.size - larger };
}

static inline struct dp_actions dp_actions_of(const struct strbuf *b)
{
	return (struct dp_actions){ (const struct dp_action *)b->s, b->len };
}

// Building: each call appends one element (payload zeroed) to the buffer and returns it for filling in; the pointer is
// valid until the next append.
struct dp_action *dp_put(struct strbuf *b, enum dp_action_type type);
void dp_put_output(struct strbuf *b, dp_port_t port);
void dp_put_set(struct strbuf *b, const struct field *f, const union field_value *value,
		const union field_value *mask);
// Nested lists: begin returns an offset that end takes; between them appends go inside.
size_t dp_put_nested_begin(struct strbuf *b, enum dp_action_type type);
void dp_put_nested_end(struct strbuf *b, size_t begin);

const char *dp_action_name(enum dp_action_type type);
// By the userspace datapath.
bool dp_action_is_executed(enum dp_action_type type);
bool dp_actions_equal(struct dp_actions a, struct dp_actions b);
// 0, or -ENOTSUP naming the first action (nested ones too) that is described but not executed yet.
int dp_actions_check(struct dp_actions a, struct error *err);
// As dpctl/dump-flows prints them: "set(eth(src=..,dst=..)),push_vlan(vid=5,pcp=0),2", "drop" for an empty list.
void dp_actions_format(struct dp_actions a, const char *(*port_name)(dp_port_t port, void *aux),
		       void *aux, struct strbuf *out);
// The reverse; 'port_by_name' may be NULL.
int dp_actions_parse(const char *text,
		     bool (*port_by_name)(const char *name, dp_port_t *ret, void *aux), void *aux,
		     struct strbuf *out, struct error *err);
