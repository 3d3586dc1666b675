// SPDX-License-Identifier: Apache-2.0
// Short forms for rows of patterns, actions and frames.
#pragma once

#include "tests/unit/simnic/bench.h"

#define END_ITEM \
	{ \
		RTE_FLOW_ITEM_TYPE_END, NULL, NULL, NULL \
	}
#define ITEM_(t, spec_, mask_) \
	{ \
		.type = RTE_FLOW_ITEM_TYPE_##t, .spec = spec_, .mask = mask_ \
	}
#define ETH_ ITEM_(ETH, NULL, NULL)
#define VLAN_ ITEM_(VLAN, NULL, NULL)
#define IP4_ ITEM_(IPV4, NULL, NULL)
#define IP6_ ITEM_(IPV6, NULL, NULL)
#define S(type, ...) (&(const struct rte_flow_item_##type){ __VA_ARGS__ })
#define C(type, ...) (&(const struct rte_flow_action_##type){ __VA_ARGS__ })
#define ACT(t, conf_) \
	{ \
		.type = RTE_FLOW_ACTION_TYPE_##t, .conf = conf_ \
	}
#define UDP4 \
	{ \
		.proto = 17, .ttl = 64, .sport = 1000, .dport = 53, .payload = 21 \
	}
#define TCP4 \
	{ \
		.proto = 6, .ttl = 64, .tos = 0x48, .sport = 1000, .dport = 80, .payload = 30 \
	}
#define UDP6 \
	{ \
		.v6 = true, .proto = 17, .ttl = 64, .tos = 0x48, .sport = 1000, .dport = 53, \
		.payload = 21 \
	}
#define TAGGED \
	{ \
		.n_tags = 1, .tci = { 0x6064 }, .proto = 17, .ttl = 64, .sport = 1000, .dport = 53 \
	}
#define QINQ \
	{ \
		.n_tags = 2, .tci = { 0x2005, 0x6064 }, .proto = 17, .ttl = 64, .sport = 1000, \
		.dport = 53 \
	}
#define L3 14 // offsets in an untagged frame
#define L4_4 34
#define L4_6 54
