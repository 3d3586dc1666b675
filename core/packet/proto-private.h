// SPDX-License-Identifier: Apache-2.0
// Numbers and sizes of the protocols that this folder reads and writes.
#pragma once

#include "core/base/util.h"

enum {
	ETH_TYPE_IPV4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_RARP = 0x8035,
	ETH_TYPE_VLAN = 0x8100,
	ETH_TYPE_IPV6 = 0x86dd,
	ETH_TYPE_MPLS = 0x8847,
	ETH_TYPE_MPLS_MC = 0x8848,
	ETH_TYPE_VLAN_AD = 0x88a8,
	ETH_TYPE_NSH = 0x894f,
	ETH_TYPE_MIN = 0x0600, // smaller ones are lengths
	ETH_TYPE_NONE = 0x05ff // how a key says that there is no type
};

enum {
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMPV6 = 58,
	PROTO_SCTP = 132,
	IPV6_HOP_BY_HOP = 0,
	IPV6_ROUTING = 43,
	IPV6_FRAGMENT = 44,
	IPV6_AH = 51,
	IPV6_DEST_OPTIONS = 60,
	IPV6_MOBILITY = 135,
	IPV6_HIP = 139,
	IPV6_SHIM6 = 140
};

enum { ND_SOLICIT = 135, ND_ADVERT = 136, ND_OPT_SLL = 1, ND_OPT_TLL = 2 };

// Header sizes in bytes, without options.
enum {
	ETH_LEN = 14,
	VLAN_LEN = 4,
	MPLS_LEN = 4,
	ARP_LEN = 28,
	IPV4_LEN = 20,
	IPV6_LEN = 40,
	TCP_LEN = 20,
	UDP_LEN = 8,
	SCTP_LEN = 12,
	ND_LEN = 24
};

#define MPLS_BOS 0x100u

// Network-order words at any alignment.
static inline be16 get16(const void *p)
{
	be16 v;

	memcpy(&v, p, 2);
	return v;
}

static inline be32 get32(const void *p)
{
	be32 v;

	memcpy(&v, p, 4);
	return v;
}

static inline void put16(void *p, be16 v)
{
	memcpy(p, &v, 2);
}

static inline void put32(void *p, be32 v)
{
	memcpy(p, &v, 4);
}
