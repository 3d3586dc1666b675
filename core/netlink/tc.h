// SPDX-License-Identifier: Apache-2.0
// Traffic control of the kernel, as far as several parts of the switch speak of it, and what they leave there for each other to know.
#pragma once

#include "core/netlink/nl.h"

// Cookie of the actions of the filter that polices a port (datapath/linux). It stands alone at priority 1; filters of flows come
// after it.
#define TC_POLICING_COOKIE "oes:police"

// Begins a message about a qdisc, class or filter; nl_msg_end() ends it.
size_t tc_begin(struct strbuf *b, uint16_t type, uint16_t flags, int ifindex, uint32_t parent,
		uint32_t handle, uint32_t info);

// A police action. What exceeds, or is longer than 'mtu', meets 'exceed', all else 'conform' (TC_ACT_*).
struct tc_policer {
	uint32_t index;
	int32_t exceed, conform;
	uint32_t mtu; // bytes
	uint32_t burst; // ticks of 64 ns
	uint64_t rate; // bytes/s, 0: any
	uint64_t packet_rate, packet_burst; // packets/s (0: any), ticks of 64 ns
};

// Into an action's options.
void tc_policer_put(struct strbuf *b, const struct tc_policer *p);
// Of an action's options; -EPROTO and 'err' when they cannot be understood.
int tc_policer_read(const struct nlattr *options, struct tc_policer *ret, struct error *err);
// Does the same: rates, bursts, what happens.
bool tc_policer_is_same(const struct tc_policer *a, const struct tc_policer *b);
