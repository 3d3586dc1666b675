// SPDX-License-Identifier: Apache-2.0
// Nicira's statistics of IPFIX exporters: the bridge's one, and those of the flows' samples by their collector sets.
#pragma once

#include "ofproto/openflow/msg.h"

struct ipfix_stats {
	uint32_t collector_set; // 0 of a bridge
	uint64_t flows, current_flows;
	uint64_t sampled, ipv4, ipv6, errors, ipv4_errors, ipv6_errors; // packets
	uint64_t sent, send_errors; // messages of IPFIX
};

// Of IPFIX_BRIDGE and IPFIX_FLOW replies.
void mp_put_ipfix_stats(struct mp_writer *w, const struct ipfix_stats *s);
// Takes the next entry off m->body. 1: got one, 0: end, negative: malformed.
int ipfix_stats_decode_next(struct msg *m, struct ipfix_stats *s);
