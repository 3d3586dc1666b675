// SPDX-License-Identifier: Apache-2.0
// A pipeline for cases of the kernel datapath: one rule that misses are answered with, and what has come up so far.
#pragma once

#include <pthread.h>

#include "core/base/vec.h"
#include "datapath/kernel/kernel.h"
#include "hw-tests/lab/cases/wire.h"

enum { WAIT_MSEC = 20000 };

static const struct datapath_ops *const ops = &datapath_kernel;
extern struct datapath *dp; // that the case has opened with these
extern const struct upcall_ops pipeline_upcalls;

// What handlers have brought, and the last of it; with the lock.
struct seen {
	unsigned int misses, userspace;
	struct flow_key key;
	struct strbuf bytes;
	struct dp_action action;
};

extern pthread_mutex_t seen_lock;
extern struct seen seen;
typedef VEC(struct megaflow *) megaflow_vec;
extern megaflow_vec installed; // in the order of their misses; a case may take some
extern bool widens; // every source address gets a flow of its own

void parse_actions(const char *text, struct strbuf *out);
// Opens the case's datapath with wires[1..n] as its ports of those numbers.
void open_datapath(const struct wire *wires, size_t n);
// Packets that match get 'actions'; 'after' is for those that recirculate, NULL: none do.
void set_rule(const struct match *m, const char *actions, const char *after);
// &seen.misses or &seen.userspace, with the lock.
unsigned int count_of(const unsigned int *what);
// Until 'what' is 'n' and no flow is on its way: another handler than the one that had the marker may still be at work.
void wait_until_read(const unsigned int *what, unsigned int n);
struct flow_counts counts_of(struct megaflow *mf);
void release(struct megaflow *mf); // after a grace period
void take_out(struct megaflow *mf);
// Forgets the rule and takes out all flows.
void no_flows(void);
