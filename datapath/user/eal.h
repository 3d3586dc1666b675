// SPDX-License-Identifier: Apache-2.0
// DPDK's environment layer: started once per process, its log in ours, and the mbuf pools that all ports share.
#pragma once

#include "datapath/datapath.h"

struct rte_mempool;

// Starts DPDK; later calls do nothing, or fail as the first one did. Main thread.
int eal_start(const struct datapath_config *config, struct error *err);
// DPDK runs: says once in the log when it would be started with other arguments now.
void eal_note_change(const struct datapath_config *config);
// The pool whose buffers hold a whole frame of 'mtu'; made on first use. NULL with 'err' when memory is out. Main thread.
struct rte_mempool *eal_pool(uint32_t mtu, struct error *err);
// For a thread of ours that will handle packets: pins it to 'core' and makes it known to DPDK. False when it could not be
// pinned (logged); it runs all the same.
bool eal_thread_begin(int core);
void eal_thread_end(void);
// CPUs that the process might run on when it started, in order; the result is the caller's.
size_t eal_cpus(int **ret);
