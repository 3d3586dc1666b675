// SPDX-License-Identifier: Apache-2.0
// A packet in memory: a view of bytes that begin with the Ethernet header, and where its headers are.
//
// A bare packet, one without an Ethernet header (packet_type is not 0), has 14 bytes in its place, of which the last two say the type
// and the others nothing. So every header is where it is in other packets; who sends such a packet leaves these bytes out.
//
// The view owns nothing. The userspace datapath makes one over an mbuf; the pipeline over any buffer.
#pragma once

#include "core/base/strbuf.h"
#include "core/flow/key.h"
#include "core/flow/miniflow.h"

#define PACKET_PLACE_LEN 14

// How many bytes others see of 'size' that a packet has here.
static inline size_t packet_length(size_t size, be32 packet_type)
{
	return size - (packet_type ? PACKET_PLACE_LEN : 0);
}

// A packet as others have it, with what a bare one has in place of an Ethernet header here.
void packet_put_with_place(const void *packet, size_t n, be32 packet_type, struct strbuf *out);

struct packet {
	uint8_t *data;
	uint32_t size; // bytes at 'data'
	uint32_t headroom; // writable bytes before 'data'
	uint32_t tailroom; // writable bytes behind
	uint16_t l2_5, l3, l4; // offsets from 'data', UINT16_MAX: not there; set by packet_parse()
};

// Metadata that is not in the bytes.
struct packet_metadata {
	uint32_t in_port; // dp_port_t
	uint32_t recirc_id, dp_hash, skb_priority, pkt_mark, ct_mark;
	be32 packet_type; // 0: Ethernet
	uint16_t ct_zone;
	uint8_t ct_state;
	uint8_t ct_label[16];
	const struct flow_tunnel *tunnel; // NULL: none
	// Whose ct_nw_proto and other ct_ addresses and ports tell the connection's original direction; NULL: not tracked.
	const struct flow_key *ct_tuple;
};

// What a key says beside the headers. Its tunnel and its connection's tuple are borrowed from the key.
struct packet_metadata packet_metadata_of(const struct flow_key *key);

// How many tags a key may have, 1 to FLOW_MAX_VLANS; as many as there is room for until somebody says so. Those behind are payload:
// the type of a packet with more of them is that of a tag. Any thread; who has keys of before must see to them.
void packet_set_tag_limit(unsigned int n);
unsigned int packet_tag_limit(void);

// Reads all headers it knows (Ethernet, VLAN x2, MPLS, ARP, IPv4, IPv6 with extension headers and fragments, TCP, UDP, SCTP, ICMP,
// ICMPv6 with ND, IGMP) into 'key' (zeroed first) and sets the packet's offsets. Headers cut short leave their members zero,
// never read outside. Returns 0, or -EINVAL when not even an Ethernet header fits.
int packet_parse(struct packet *p, const struct packet_metadata *md, struct flow_key *key);
// The same straight into packed form, for the fast path. 'dst' has room for FLOW_WORDS words. Same result as packing
// packet_parse()'s key, bit by bit. '*hash' is that key's packet_connection_hash().
int packet_parse_mini(struct packet *p, const struct packet_metadata *md, struct miniflow *dst,
		      uint64_t *hash);
// Sets the offsets alone, behind all tags that there is room for, whatever the limit says: for who mends bytes. 0, or -EINVAL.
int packet_locate(struct packet *p);
// A burst; returns a bitmap of those that failed (n <= 64). keys[i] is in one of 'bufs' (n of them): packets with the same headers
// may share one. Fastest where neighbours share one 'md' (the same pointer).
uint64_t packet_parse_burst(struct packet *const p[], const struct packet_metadata *const md[],
			    size_t n, struct miniflow_buf bufs[], const struct miniflow *keys[],
			    uint64_t hashes[]);
// Seeded hash of what tells connections apart: input port, recirculation, tunnel, tracking state and zone, Ethernet addresses and
// type, tags, IP addresses, protocol and ports. TTL, TCP flags and the like stay out.
uint64_t packet_connection_hash(const struct flow_key *key);

// Changes to the bytes; checksums (IPv4 header, TCP, UDP, SCTP, ICMPv6) are kept right. Offsets must be set.
// Need 4 bytes of headroom; false when there is not enough.
bool packet_push_vlan(struct packet *p, be16 tpid, be16 tci);
void packet_pop_vlan(struct packet *p);
// The label goes behind the Ethernet header and its tags, before what is there. Here and when one is popped the offset of the outermost
// label is right afterwards, if there is one; network and transport headers are out of sight until the packet is parsed anew.
bool packet_push_mpls(struct packet *p, be16 ethertype, be32 lse);
// Without a label nothing happens.
void packet_pop_mpls(struct packet *p, be16 ethertype);
// Whole headers. '*packet_type' says as in a key whether the packet is bare, and is kept right. False, and nothing is changed: there
// is no room, the packet is not of the kind, or there is not all of it. Offsets are right for the outermost header afterwards; the
// others are out of sight until the packet is parsed anew.
bool packet_push_eth(struct packet *p, struct eth_addr src, struct eth_addr dst, be32 *packet_type);
// Not where there are tags.
bool packet_pop_eth(struct packet *p, be32 *packet_type);
// These two go before the Ethernet header where there is one.
bool packet_push_nsh(struct packet *p, const uint8_t *header, size_t n, be32 *packet_type);
bool packet_add_mpls(struct packet *p, be16 ethertype, be32 lse, be32 *packet_type);
bool packet_pop_nsh(struct packet *p, be32 *packet_type);
// Of type 0x6558 is an Ethernet packet, which then is bare no more.
bool packet_pop_bare_mpls(struct packet *p, be16 ethertype, be32 *packet_type);
// False: its TTL, 0 or 1, has run out, and stays. Packets without one are left as they are.
bool packet_dec_ttl(struct packet *p);
// Writes the bits of 'field' (enum field_id) that are in the packet; false when the packet has no such header.
bool packet_set_field(struct packet *p, unsigned int field, const uint8_t *value,
		      const uint8_t *mask);
// Recomputes all checksums from scratch (packets made by us, tests). False when one was wrong before.
bool packet_fix_checksums(struct packet *p);
// Fills in the checksum of TCP or UDP, where the kernel of the sender has left that to a NIC: the field has the pseudo header's sum.
// False: it is not so, or the packet is not all there. Offsets must be set.
bool packet_complete_checksum(struct packet *p);
uint16_t checksum(const void *p, size_t n, uint32_t partial);

// Makes a minimal valid packet for 'key' (ofproto/trace, packet-out tests, oracles), 'payload' bytes long behind the
// headers; appended to 'out'. Parsing it gives 'key' back for every field that can be in a packet.
void packet_compose(const struct flow_key *key, size_t payload, struct strbuf *out);
// The same with the bytes of the payload.
void packet_compose_with(const struct flow_key *key, const void *payload, size_t n,
			 struct strbuf *out);
