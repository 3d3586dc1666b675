// SPDX-License-Identifier: Apache-2.0
// What the files of the TC backend share. TCA_* attributes and tcmsg stay in this folder.
#pragma once

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "core/netlink/nl.h"
#include "core/netlink/tc.h"
#include "offload/backend.h"

// Chain ids have 28 bits: they are the argument of an action code.
#define TC_CHAIN_MAX UINT32_C(0x0fffffff)
// The kernel takes 32 actions a filter; some of ours become two.
#define TC_MAX_ACTIONS 30

// Meters are police actions with these numbers: the base, which policy the rules have (TC_METER_POLICY_SHIFT), the datapath's
// number. Flows share the action of their meter. Others in this range are what a process before this one has left.
enum {
	TC_METER_BASE = 0x10000000,
	TC_METER_LAST = 0x1fffffff,
	TC_METER_POLICY_SHIFT = 26,
	TC_METER_MAX = (1 << TC_METER_POLICY_SHIFT) - 1
};
// Of one rule: a packet may go through several bridges.
#define TC_RULE_METERS 4

// A message of psample's about one packet. Pointers are into the message.
struct psample_message {
	uint32_t group;
	int ifindex; // where the packet came in, 0: not told
	const void *packet;
	size_t n;
};

// False when the message, one of psample's family, is about something else. -EPROTO in *ret_error when it cannot be understood.
bool tc_psample_decode(const struct nlmsghdr *h, struct psample_message *ret, int *ret_error,
		       struct error *err);

// Groups of psample whose packets are for this process: a number made of the userspace action that they are sampled for, so that
// the next process finds the same. Others' groups are their own business.
enum { TC_SAMPLE_BASE = 0x10000000, TC_SAMPLE_LAST = 0x1fffffff };
// psample tells of interfaces in 16 bits.
enum { TC_SAMPLE_MAX_IFINDEX = UINT16_MAX };
// Of one rule: a packet may go through several bridges.
#define TC_RULE_SAMPLES 4

// A userspace action that packets are sampled for.
struct sampled {
	uint32_t group;
	struct flow_vlan tag; // their only one; all zero: they have none
	struct dp_action action;
};

// Is it the same but for the group?
bool tc_sample_is_same(const struct sampled *a, const struct sampled *b);
// What was sampled, as the datapath would hand it over: the tag, which kernels keep beside a packet, is put into the bytes, unless
// a NIC has left it there, and a checksum that was left to a NIC is filled in.
// -EPROTO: too short for a packet.
int tc_sample_restore(const struct sampled *s, const struct psample_message *m, struct strbuf *out);
static inline bool tc_sample_is_ours(uint32_t group)
{
	return group >= TC_SAMPLE_BASE && group <= TC_SAMPLE_LAST;
}

// What we write into the first action of each filter that is its own: the beginning of the megaflow's ufid, a mark, and which process it was.
#define TC_COOKIE_SIZE 16
void tc_cookie_make(const struct uuid *ufid, uint8_t cookie[TC_COOKIE_SIZE]);
bool tc_cookie_is_ours(const uint8_t cookie[TC_COOKIE_SIZE]);
// Of this very process, not of one before it.
bool tc_cookie_is_of_now(const uint8_t cookie[TC_COOKIE_SIZE]);

// What a filter's options (attributes of TCA_OPTIONS) match and do, as a number of this process.
uint64_t tc_fingerprint(const void *options, size_t n);
// The same of what they match alone.
uint64_t tc_match_print(const void *options, size_t n);
// The flow that a filter's options (TCA_OPTIONS) match: the reverse of tc_compile_match(), with the mask in one form of those
// that compile to the same. False when the filter has what ours never have. The input port is not in it.
bool tc_read_match(const struct nlattr *options, be16 protocol, uint32_t chain,
		   struct flow_key *ret_key, struct flow_mask *ret_mask);

// A filter, without what only the device knows: handle, priority, flags.
struct compiled_rule {
	int ifindex; // of the port it stands at
	bool from_tunnel; // the port is a tunnel's: packets have the tunnel's header beside
	be16 tunnel_port; // and come to this UDP port, 0: the tunnel has none
	bool egress; // of the clsact hook: packets that the host sends (internal ports)
	uint32_t chain; // the recirculation id
	uint32_t policy; // TCA_CLS_FLAGS_SKIP_* that it was made for
	uint32_t meters[TC_RULE_METERS]; // the datapath's numbers
	unsigned int n_meters;
	struct sampled *samples; // for this process; owned
	unsigned int n_samples;
	bool only_software; // no NIC is asked
	bool software_helps; // a NIC that has the rule may leave some of its packets to software
	be16 protocol; // of tcmsg: outermost ethertype
	struct strbuf options; // attributes for TCA_OPTIONS
	uint64_t shape; // of attributes and action kinds, without values
	unsigned int n_actions;
	uint64_t fingerprint, match_print; // of the options
	uint8_t cookie[TC_COOKIE_SIZE];
};

// Adds flower's attributes for key and mask, or says which field stands in the way.
bool tc_compile_match(struct compiled_rule *r, const struct flow_key *key,
		      const struct flow_mask *mask, struct verdict *v);
void tc_turn_label(const uint8_t label[16], uint8_t ret[16]);
// Adds the actions (TCA_FLOWER_ACT).
bool tc_compile_actions(struct compiled_rule *r, struct dp_actions list, const struct flow_key *key,
			const struct flow_mask *mask, const struct port_lookup *ports,
			struct verdict *v);
// What an action's statistics say: by all, and of that in hardware.
struct tc_counts {
	uint64_t packets, bytes, hw_packets, hw_bytes, dropped;
};
// Of a nest of statistics (TCA_ACT_STATS); -EPROTO when it cannot be understood.
int tc_counts_read(const struct nlattr *nest, struct tc_counts *ret, struct error *err);

// The action of a meter, without its number. NULL, or what a police action cannot express.
const char *tc_police_of_meter(const struct meter_config *config, struct tc_policer *ret);
uint32_t tc_police_index(uint32_t meter, uint32_t policy);
static inline bool tc_police_is_meter(uint32_t index)
{
	return index >= TC_METER_BASE && index <= TC_METER_LAST;
}
// The action's options for one that is there already: its number alone.
void tc_put_police_index(struct strbuf *b, uint32_t index);

// A police action as the kernel tells of it.
struct police {
	struct tc_policer does;
	struct tc_counts counts;
};

// Shows each police action of a message (RTM_*ACTION). False when it is about something else; -EPROTO in *ret_error when it
// cannot be understood: those before that have been shown.
bool tc_police_decode(const struct nlmsghdr *h, void (*cb)(const struct police *p, void *aux),
		      void *aux, int *ret_error, struct error *err);

// compile() of the backend contract.
bool tc_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
		struct compiled_rule **ret_rule, struct verdict *v);
void tc_compiled_free(struct compiled_rule *r);

// TCA_TUNNEL_KEY_NO_FRAG, the outer header's DF: not in the header files of kernels before 6.6.
enum { TC_TUNNEL_KEY_NO_FRAG = 14 };
// True when the kernel's tunnel_key can set DF. Any thread.
bool tc_probed_no_frag(void);
// False when the kernel is known to have no sample action. Any thread.
bool tc_probed_sample(void);

// Counters and state of a filter, from a message about it (RTM_NEWTFILTER).
struct tc_filter {
	int ifindex;
	uint32_t parent, handle, chain;
	uint16_t priority;
	be16 protocol;
	char kind[16];
	bool is_policing; // the port's: it is to come before all else
	bool is_flower; // else nothing below is known
	uint32_t flags; // TCA_CLS_FLAGS_*
	uint64_t fingerprint, match_print; // of what a full dump shows
	const struct nlattr *options; // in the message
	bool has_cookie;
	uint8_t cookie[TC_COOKIE_SIZE]; // of the first action
	uint64_t packets, bytes; // by all
	uint64_t hw_packets, hw_bytes; // of them in hardware
	uint64_t used_msec; // since the last packet
};

// False when the message is about something else (a chain, a classifier's head). -EPROTO in *ret_error when it
// cannot be understood.
bool tc_filter_decode(const struct nlmsghdr *h, struct tc_filter *ret, int *ret_error,
		      struct error *err);
