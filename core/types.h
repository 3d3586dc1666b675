// SPDX-License-Identifier: Apache-2.0
// Numbers that must not be mixed up: each has a type of its own.
#pragma once

#include "core/base/util.h"

// OpenFlow port number, host order. 16-bit reserved numbers of OpenFlow 1.0 are widened to the 32-bit ones.
typedef struct {
	uint32_t n;
} of_port_t;

// Port number within a datapath, host order.
typedef struct {
	uint32_t n;
} dp_port_t;

#define OF_PORT(N) ((of_port_t){ N })
#define DP_PORT(N) ((dp_port_t){ N })
#define DP_PORT_NONE DP_PORT(UINT32_MAX)

enum {
	OFPP_MAX = 0xffffff00u, // first reserved number of OpenFlow 1.1+ (32 bits)
	OFPP_UNSET = 0xfffffff7u,
	OFPP_IN_PORT = 0xfffffff8u,
	OFPP_TABLE = 0xfffffff9u,
	OFPP_NORMAL = 0xfffffffau,
	OFPP_FLOOD = 0xfffffffbu,
	OFPP_ALL = 0xfffffffcu,
	OFPP_CONTROLLER = 0xfffffffdu,
	OFPP_LOCAL = 0xfffffffeu,
	OFPP_ANY = 0xffffffffu, // also "none"
};
// OpenFlow 1.0's 16-bit form of the same is (n & 0xffff); its first reserved one:
#define OFPP10_MAX 0xff00u

static inline bool of_port_equal(of_port_t a, of_port_t b)
{
	return a.n == b.n;
}

static inline bool dp_port_equal(dp_port_t a, dp_port_t b)
{
	return a.n == b.n;
}

struct eth_addr {
	uint8_t b[6];
};

#define ETH_ADDR_FMT "%02x:%02x:%02x:%02x:%02x:%02x"
#define ETH_ADDR_ARGS(a) (a).b[0], (a).b[1], (a).b[2], (a).b[3], (a).b[4], (a).b[5]

static inline bool eth_addr_equal(struct eth_addr a, struct eth_addr b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static inline bool eth_addr_is_multicast(struct eth_addr a)
{
	return a.b[0] & 1;
}

static inline uint64_t eth_addr_to_u64(struct eth_addr a)
{
	return (uint64_t)a.b[0] << 40 | (uint64_t)a.b[1] << 32 | (uint64_t)a.b[2] << 24 |
	       (uint64_t)a.b[3] << 16 | (uint64_t)a.b[4] << 8 | a.b[5];
}

static inline struct eth_addr eth_addr_from_u64(uint64_t v)
{
	return (struct eth_addr){ { v >> 40, v >> 32, v >> 24, v >> 16, v >> 8, v } };
}

struct ipv6_addr {
	uint8_t b[16];
};

// An IPv4 address in the form ::ffff:1.2.3.4.
static inline bool ipv6_is_mapped(const struct ipv6_addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a, prefix, sizeof(prefix));
}

static inline struct ipv6_addr ipv6_of_ipv4(be32 v)
{
	struct ipv6_addr a = { { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, &v, sizeof(v));
	return a;
}

static inline be32 ipv6_mapped(const struct ipv6_addr *a)
{
	be32 v;

	memcpy(&v, a->b + 12, sizeof(v));
	return v;
}
