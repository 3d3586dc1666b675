// SPDX-License-Identifier: Apache-2.0
// A NIC that does what each case of placement wants: refuses, fills up, blocks, forgets; and flows to be placed on it.
#pragma once

#include <pthread.h>

#include "core/base/log.h"
#include "offload/placement.h"
#include "tests/suite.h"

// Everything under the lock, which the cases hold to make the driver block.
struct fake_nic {
	pthread_mutex_t lock;
	bool refuse_compile;
	int insert_errno;
	uint16_t refused; // port of the flow that the device does not take
	unsigned int capacity, rules, inserts, replaces, removes;
	bool reset;
	bool old_was_there_when_new_came;
	size_t most_at_once;
	char policy[16], left[64];
	unsigned int threads;
	bool stale; // software meets the packets of its rules
	bool counts_fall;
	uint32_t altered;
	unsigned int meters_set, meters_gone;
	uint32_t metered_rate; // as last told
	unsigned int in_kernel; // rules
	sampled_fn *sampled; // as it was told where to hand packets on
	void *sampled_aux;
	uint16_t hot; // port of the flow that has packets, 0: all have
};

extern struct fake_nic nic;
extern const struct backend_ops fake_nic; // its driver
extern struct offload *o;

// A flow to port 2, and one whose packets meet meter 7 before. The caller's.
struct megaflow *make_flow(uint32_t in_port, uint16_t tp_dst);
struct megaflow *make_metered_flow(uint16_t tp_dst);

// Port 1 is on the NIC, port 9 on none.
void start(bool enabled);
// ... with a driver of the case's own, which is this one but for some functions.
void start_on(const struct backend_ops *ops, bool enabled);
// ... on one with room for two rules, whose kernel runs what it does not take, with so many flows (made here); the clock stands.
void start_over_kernel(struct megaflow *flows[], size_t n);
// Withdraws and frees the flows, and sees that no rule is left.
void stop(struct megaflow *const flows[], size_t n);
void on_done(struct megaflow *mf, void *aux);
extern int n_done; // calls of it
enum offload_reason reason_of(const struct megaflow *mf);
// Reads counters, and waits until it is done.
void poll_nic(void);
