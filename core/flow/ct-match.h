// SPDX-License-Identifier: Apache-2.0
// Which tracked connections are meant: by the addresses and ports of their directions, zone, mark and label. What commands,
// OpenFlow's ct_flush and the datapath have in common.
#pragma once

#include "core/base/error.h"
#include "core/types.h"

struct ct_tuple {
	be16 eth_type; // 0x0800, 0x86dd; 0: there is no tuple
	uint8_t proto;
	uint8_t icmp_type, icmp_code; // of ICMP and ICMPv6
	struct ipv6_addr src, dst; // IPv4 in the first four bytes
	be16 src_port, dst_port; // src_port: ICMP's id
};

static inline bool ct_proto_is_icmp(uint8_t proto)
{
	return proto == 1 || proto == 58;
}

// ct_tuple_match.fields: what of the tuple counts.
enum {
	CT_MATCH_SRC = 1,
	CT_MATCH_DST = 2,
	CT_MATCH_PROTO = 4,
	CT_MATCH_SRC_PORT = 8,
	CT_MATCH_DST_PORT = 16,
	CT_MATCH_ICMP_ID = 32,
	CT_MATCH_ICMP_TYPE = 64,
	CT_MATCH_ICMP_CODE = 128,
};

struct ct_tuple_match {
	struct ct_tuple tuple; // eth_type 0: of either kind
	uint16_t fields;
};

// Connections that have all that is set.
struct ct_match {
	bool has_zone;
	uint16_t zone;
	struct ct_tuple_match orig, reply;
	uint32_t mark, mark_mask;
	uint8_t label[16], label_mask[16];
};

// "ct_nw_src=10.0.0.1,ct_nw_proto=6,ct_tp_dst=80", also with spaces; "" matches all. -EINVAL names the field.
int ct_tuple_match_parse(const char *text, struct ct_tuple_match *ret, struct error *err);
bool ct_match_is_any(const struct ct_match *m);
// True when it says the whole original direction of one connection, and nothing else but the zone.
bool ct_match_is_exact(const struct ct_match *m);
