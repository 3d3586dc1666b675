// SPDX-License-Identifier: Apache-2.0
// The bench on which the simulated NIC is tested: EAL with one NIC, no far-end devices and no threads, so that whatever
// is sent has arrived when the call returns.
#pragma once

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_mbuf.h>

#include "core/base/util.h"
#include "hw-tests/simnic/simnic.h"
#include "tests/suite.h"

#define NIC "net_simnic0"
#define ARGS "vfs=2,representor=vf[0-1],taps=0,thread=0"

extern uint16_t uplink, rep0, rep1; // ethdev port ids
extern struct rte_mempool *pool;

// Starts EAL with no device; exits on failure. 'argv0' names this program.
void bench_start_eal(const char *argv0);
// Plugs NIC with ARGS and starts its three ethdevs; unplugs it.
void bench_plug(void);
void bench_unplug(void);
void bench_start_ethdev(uint16_t port);

// Frames. Ethernet, tags, IP and transport header as asked for, checksums right.
struct frame_spec {
	unsigned n_tags;
	uint16_t tci[2];
	bool v6, hop_ext, route_ext, frag_ext;
	uint16_t
		fragment; // flags and offset as in the IPv4 header, host order; for IPv6 the frag_data
	uint8_t proto, tos, ttl;
	uint16_t sport, dport; // ICMP: type and code in sport's bytes
	bool no_udp_checksum;
	size_t payload;
};
struct frame {
	size_t len;
	uint8_t data[2048];
};
struct frame frame_build(const struct frame_spec *spec);
// Checks every checksum of 'f' by computing it anew from the bytes; returns text of what is wrong or NULL.
const char *frame_check(const struct frame *f);

// What arrived: on an ethdev or at a far end; f->len is 0 when nothing did.
struct frame take_app(uint16_t port);
struct frame take_far(int far_end);
// Sends 'f' through an ethdev; fails the test when it is not taken.
void send_app(uint16_t port, const struct frame *f);
void send_far(int far_end, const struct frame *f);

// Rules. The error of the last refusal is in last_error.
extern struct rte_flow_error last_error;
struct rte_flow *rule_create_in(uint32_t group, uint32_t priority,
				const struct rte_flow_item *items,
				const struct rte_flow_action *actions);
// In group 0 with "from VF 0" before 'items'; fails the test when it is refused.
struct rte_flow *rule_create(const struct rte_flow_item *items,
			     const struct rte_flow_action *actions);
// Asks for the rule's counters; 'bytes' may be NULL.
uint64_t rule_hits(struct rte_flow *rule, bool reset, uint64_t *bytes);
void rule_destroy(struct rte_flow *rule);

// One control command; its answer lasts until the next.
const char *control(const char *command);

// main() of every test program here: starts EAL and runs what 'add' puts into the suite.
int bench_main(const char *argv0, const char *suite, void (*add)(Suite *suite));
