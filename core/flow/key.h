// SPDX-License-Identifier: Apache-2.0
// The flow key: everything that a packet and its metadata can be matched by, in one dense struct.
//
// Members that come from the packet or a wire format are in network byte order (be16, be32, be64), the others
// in host order; fields.def says which bits of which member each OpenFlow field is. A mask has the same layout: a
// one-bit means "must match". The struct is made of 64-bit words in four segments (metadata, Ethernet, network,
// transport) so that the classifier can look at a packet in stages, and has no padding that is not a member.
#pragma once

#include <endian.h>
#include <string.h>

#include "core/types.h"

#define FLOW_MAX_VLANS 2
#define FLOW_MAX_MPLS 3
#define FLOW_N_REGS 32
#define TUN_METADATA_LEN 256

// vlan tci bit that says "there is a tag"; where a key's tci is 0 there is none.
#define VLAN_PRESENT 0x1000
#define VLAN_VID_MASK 0x0fff
#define VLAN_PCP_MASK 0xe000
#define VLAN_PCP_SHIFT 13

// nw_frag bits.
enum { FLOW_FRAG_ANY = 1, FLOW_FRAG_LATER = 2 };

// ct_state bits (host order).
enum {
	CS_NEW = 1,
	CS_EST = 2,
	CS_REL = 4,
	CS_RPL = 8,
	CS_INV = 16,
	CS_TRK = 32,
	CS_SNAT = 64,
	CS_DNAT = 128
};

struct flow_vlan {
	be16 tpid, tci;
};

struct flow_tunnel {
	be32 ip_src, ip_dst;
	struct ipv6_addr ipv6_src, ipv6_dst;
	be64 tun_id;
	uint16_t flags; // FLOW_TNL_*
	uint8_t tos, ttl;
	be16 gbp_id;
	uint8_t gbp_flags, gtpu_flags;
	be16 tp_src, tp_dst;
	uint32_t erspan_idx;
	uint8_t erspan_ver, erspan_dir, erspan_hwid, gtpu_msgtype;
	// Geneve's options. In the datapath they stand in 'metadata' as on the wire, one behind the other, 'opt_len' bytes of
	// them; a mask has the same places. In the pipeline 'opt_len' is 0, and tun_metadata<N> has four bytes at 4 * N; a
	// switch's TLV map says which option that is.
	uint8_t opt_len, pad[3];
	uint64_t metadata_present; // bit N: tun_metadata<N> holds something
	uint8_t metadata[TUN_METADATA_LEN];
};

enum {
	FLOW_TNL_OAM = 1,
	FLOW_TNL_DONT_FRAGMENT = 2,
	FLOW_TNL_CSUM = 4,
	FLOW_TNL_KEY = 8,
	FLOW_TNL_ALL = 15
};

// Has the packet come through a tunnel? Then there is an outer destination.
static inline bool flow_tunnel_is_ipv6(const struct flow_tunnel *t)
{
	uint64_t half[2];

	memcpy(half, &t->ipv6_dst, sizeof(half));
	return half[0] || half[1];
}

static inline bool flow_tunnel_is_set(const struct flow_tunnel *t)
{
	return t->ip_dst || flow_tunnel_is_ipv6(t);
}

// The destination, of the family that the header has: the kernel's form of a header tells it by that.
static inline void flow_tunnel_mask_dst(const struct flow_tunnel *t, struct flow_tunnel *mask)
{
	if (t->ip_dst)
		mask->ip_dst = UINT32_MAX;
	else
		memset(&mask->ipv6_dst, 0xff, sizeof(mask->ipv6_dst));
}

struct flow_key {
	// Metadata.
	struct flow_tunnel tunnel;
	be64 metadata;
	uint32_t regs[FLOW_N_REGS]; // host order; xregN is regs[2N] (high half), regs[2N+1]
	uint32_t skb_priority, pkt_mark, dp_hash;
	uint32_t in_port; // of_port_t in the pipeline, dp_port_t in the datapath
	uint32_t recirc_id;
	uint32_t conj_id;
	uint32_t actset_output;
	be32 packet_type; // 0: Ethernet
	uint32_t ct_mark;
	uint16_t ct_zone;
	uint8_t ct_state, ct_nw_proto;
	uint8_t ct_label[16]; // big-endian 128-bit number

	// Ethernet.
	struct eth_addr eth_dst, eth_src;
	be16 eth_type; // of the payload; 0x05ff where there is none (802.2 without SNAP)
	uint16_t pad_l2;
	struct flow_vlan vlans[FLOW_MAX_VLANS]; // outermost first; tci has VLAN_PRESENT
	be32 mpls_lse[FLOW_MAX_MPLS];
	uint32_t pad_mpls;

	// Network.
	be32 nw_src, nw_dst; // IPv4, or arp_spa and arp_tpa
	struct ipv6_addr ipv6_src, ipv6_dst;
	be32 ipv6_label;
	uint8_t nw_frag, nw_tos, nw_ttl, nw_proto; // nw_proto: also the ARP opcode (low byte)
	be32 ct_nw_src, ct_nw_dst;
	struct ipv6_addr ct_ipv6_src, ct_ipv6_dst;
	struct ipv6_addr nd_target;
	struct eth_addr arp_sha, arp_tha; // also nd_sll and nd_tll
	be16 tcp_flags;
	uint16_t pad_l3;
	uint8_t nsh_flags, nsh_mdtype, nsh_np, nsh_ttl;
	be32 nsh_path; // SPI in the upper 24 bits, SI in the lower 8
	be32 nsh_context[4];

	// Transport.
	be16 tp_src, tp_dst; // ICMP type and code are in the low byte of tp_src and tp_dst
	be16 ct_tp_src, ct_tp_dst;
	be32 nd_reserved;
	uint8_t nd_options_type, pad_l4[3];
};

// A mask is a key whose one-bits must match.
struct flow_mask {
	struct flow_key m;
};

#define FLOW_WORDS (sizeof(struct flow_key) / 8)
#define FLOW_SEGMENT_L2 (offsetof(struct flow_key, eth_dst) / 8)
#define FLOW_SEGMENT_L3 (offsetof(struct flow_key, nw_src) / 8)
#define FLOW_SEGMENT_L4 (offsetof(struct flow_key, tp_src) / 8)

_Static_assert(sizeof(struct flow_key) % 8 == 0, "whole words");
_Static_assert(offsetof(struct flow_key, eth_dst) % 8 == 0, "segment starts on a word");
_Static_assert(offsetof(struct flow_key, nw_src) % 8 == 0, "segment starts on a word");
_Static_assert(offsetof(struct flow_key, tp_src) % 8 == 0, "segment starts on a word");
_Static_assert(FLOW_WORDS <= 128, "a miniflow's map has 128 bits");

static inline uint64_t *flow_words(struct flow_key *k)
{
	return (uint64_t *)k;
}

static inline const uint64_t *flow_words_const(const struct flow_key *k)
{
	return (const uint64_t *)k;
}

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

// dst = key & mask.
void flow_key_masked(struct flow_key *dst, const struct flow_key *key,
		     const struct flow_mask *mask);
bool flow_key_equal_masked(const struct flow_key *a, const struct flow_key *b,
			   const struct flow_mask *mask);
// dst |= src.
void flow_mask_or(struct flow_mask *dst, const struct flow_mask *src);
// True when every bit of 'sub' is also in 'super'.
bool flow_mask_contains(const struct flow_mask *super, const struct flow_mask *sub);
uint64_t flow_key_hash(const struct flow_key *k, uint64_t basis);
// Sets every byte of the connection tracking members: 0 is what a packet has that was not tracked, 0xff looks at all of them.
void flow_fill_ct(struct flow_key *k, uint8_t byte);
// The mask that says exactly which members a packet of this key's type can have (what an exact match is).
void flow_mask_exact_for(struct flow_mask *m, const struct flow_key *key);
// The 5-tuple hash that multipath decisions use (same for both directions where 'symmetric').
uint64_t flow_hash_5tuple(const struct flow_key *k, uint64_t basis);
// Of no connection: clears the addresses and ports of its first packet.
void flow_key_clear_ct_tuple(struct flow_key *k);

// Of a mask: is anything matched from the Ethernet header on?
bool flow_has_headers(const struct flow_key *mask);

static inline bool flow_is_ip(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x0800) || k->eth_type == htobe16(0x86dd);
}
