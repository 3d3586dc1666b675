// SPDX-License-Identifier: Apache-2.0
// What the files of IPFIX share.
#pragma once

#include "core/flow/dp-action.h"
#include "core/packet/packet.h"
#include "ofproto/services/ipfix.h"

// What a record may tell of, and a template consists of.
enum ipfix_part {
	IPFIX_COMMON,
	IPFIX_EGRESS,
	IPFIX_VLAN,
	IPFIX_IP,
	IPFIX_IPV4,
	IPFIX_IPV6,
	IPFIX_PORTS,
	IPFIX_ICMPV4,
	IPFIX_ICMPV6,
	IPFIX_TUNNEL,
	IPFIX_VIRTUAL,
	IPFIX_COUNTS,
	IPFIX_IP_COUNTS,
	IPFIX_TCP_COUNTS,
	IPFIX_N_PARTS
};

enum ipfix_l3 { IPFIX_L3_OTHER, IPFIX_L3_IPV4, IPFIX_L3_IPV6, IPFIX_N_L3 };
enum ipfix_l4 {
	IPFIX_L4_OTHER,
	IPFIX_L4_TCP,
	IPFIX_L4_UDP,
	IPFIX_L4_SCTP,
	IPFIX_L4_ICMP,
	IPFIX_N_L4
};

// The kind of a flow, which says its template.
struct ipfix_kind {
	uint8_t vlan, l3, l4, egress, tunnel; // bool, enum ipfix_l3, enum ipfix_l4, bool, bool
};

// flowEndReason.
enum ipfix_end { IPFIX_END_ACTIVE_TIMEOUT = 2, IPFIX_END_FORCED = 4, IPFIX_END_NO_ROOM = 5 };

#define IPFIX_NAME_LEN 64

// What tells flows apart. All bytes count: it is zeroed first.
struct ipfix_key {
	uint32_t domain, point;
	struct ipfix_kind kind;
	uint8_t direction; // 0: ingress, 1: egress
	uint8_t ttl, proto, tos;
	struct eth_addr src, dst;
	be16 eth_type, tci;
	be16 tp_src, tp_dst; // or type and code of ICMP
	be32 nw_src, nw_dst, label;
	struct ipv6_addr ipv6_src, ipv6_dst;
	// The tunnel's.
	be32 tun_src, tun_dst;
	be64 tun_id;
	be16 tun_tp_src, tun_tp_dst;
	uint8_t tun_proto, tun_type, tun_key_len, pad;
	struct ipfix_interface {
		uint32_t index; // as the system has it, 0: none
		char name[IPFIX_NAME_LEN];
	} in, out;
};

// Of a flow since it came into the cache, or of an exporter.
struct ipfix_counts {
	uint64_t packets, octets, dropped; // octets of layer 2
	uint64_t ip_octets, ip_squares, ip_dropped, ip_min, ip_max;
	uint64_t unicast_in, multicast_in, broadcast_in, unicast_out, broadcast_out;
	uint64_t multicast_out, ip_multicast_out;
	uint64_t ack, fin, psh, rst, syn, urg;
};

struct ipfix_record {
	const struct ipfix_key *key;
	const struct ipfix_counts *flow, *total;
	uint32_t start, end; // microseconds before the message's time
	enum ipfix_end why;
	const char *virtual_obs_id; // NULL: none
};

// ipfix-message.c: appends to an empty or begun message; the header is complete when it ends.
void ipfix_message_begin(struct strbuf *b, uint32_t seconds, uint32_t sequence, uint32_t domain);
void ipfix_message_end(struct strbuf *b);
void ipfix_put_record(struct strbuf *b, const struct ipfix_record *r);
// Templates in turn, as many as a message takes; '*at' 0: from the first on. True: one has been put.
bool ipfix_put_templates(struct strbuf *b, bool virtual_obs_id, unsigned int *at);
// The exporter about itself: the template, and the record of 'process'.
void ipfix_put_options_template(struct strbuf *b);
void ipfix_put_options(struct strbuf *b, uint32_t process, uint64_t not_sent);

// ipfix-exporter.c: the main thread, or the only one that knows the exporter still; packets are counted on any.
struct ipfix_exporter;
struct ipfix_exporter *ipfix_exporter_create(const struct ipfix_config *c, struct strbuf *warnings);
void ipfix_exporter_configure(struct ipfix_exporter *e, const struct ipfix_config *c,
			      struct strbuf *warnings);
void ipfix_exporter_destroy(struct ipfix_exporter *e);
// One packet of a flow. True: there is something to tell, which ipfix_exporter_run() does.
bool ipfix_exporter_count(struct ipfix_exporter *e, const struct ipfix_key *key,
			  const struct ipfix_counts *packet);
void ipfix_exporter_run(struct ipfix_exporter *e);
void ipfix_exporter_stats(struct ipfix_exporter *e, struct ipfix_stats *ret);
