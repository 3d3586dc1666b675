// SPDX-License-Identifier: Apache-2.0
// A megaflow: one datapath flow and everything that is known about it. The one object that the translator makes,
// placement places, software and hardware run, the dumper prints.
//
// The upcall module owns megaflows and is the only one to create and destroy them. Key, mask and ufid never change.
// Actions are replaced whole (RCU). Placement members belong to offload/; statistics of software to the datapath.
#pragma once

#include <stdatomic.h>

#include "core/base/hmap.h"
#include "core/base/list.h"
#include "core/base/rcu.h"
#include "core/base/uuid.h"
#include "core/flow/dp-action.h"
#include "core/flow/miniflow.h"

// Where a megaflow is, seen from its device; software always has it until IN_HW is confirmed.
enum placement_state {
	PLACE_NONE, // no hardware behind the input port, or offload is off
	PLACE_CHECKED, // compiled, not handed over yet
	PLACE_QUEUED, // in the device's queue
	PLACE_IN_HW, // the device confirmed: packets do not come to software
	PLACE_IN_TC_SOFTWARE,
	PLACE_REFUSED, // see the verdict
	PLACE_EVICTED, // a hotter flow took the room
	PLACE_LOST, // the device forgot it (reset); will be queued again
	PLACE_MAX
};

const char *placement_state_name(enum placement_state s); // "in_hw", "refused", ...

struct flow_counts {
	uint64_t packets, bytes;
	int64_t used; // clock_msec() of the last packet, 0: never
	uint16_t tcp_flags; // OR of those seen
};

// Actions as the datapath runs them: immutable, freed after a grace period.
struct megaflow_actions {
	size_t size; // bytes of list
	struct dp_action list[];
};

struct megaflow_deps; // what the translation consulted; upcall's

struct megaflow {
	struct uuid ufid;
	struct miniflow *key, *mask; // packed, immutable; key has no bit outside mask
	struct megaflow_actions *actions; // RCU
	uint64_t hash; // of the masked key under its mask; the datapath's tables use it
	int64_t created; // clock_msec()

	// Software (datapath): counters added up over its threads by datapath_flow_counts(). A datapath that runs flows
	// elsewhere (the kernel's) keeps in 'sw' what it last heard; written by its threads, read as atomics.
	void *dp;
	struct flow_counts sw;
	bool dp_removed; // the datapath has let go: 'sw' has its last word; main thread
	// Upcall: ownership, dependencies, statistics already pushed up to OpenFlow.
	struct megaflow_deps *deps;
	struct hmap_node ufid_node;
	size_t list_index;
	struct flow_counts pushed;
	// Offload: opaque record with state, rule handle and verdict; NULL while PLACE_NONE. RCU for readers.
	struct offload_record *offload;
	_Atomic uint8_t placement; // enum placement_state
	struct flow_counts hw; // from the device; written by its worker under the device's lock
};

static inline struct dp_actions megaflow_actions_get(const struct megaflow *mf)
{
	const struct megaflow_actions *a = RCU_GET(mf->actions);

	return (struct dp_actions){ a->list, a->size };
}

// Computes ufid (seeded hash of key and mask), packs; 'actions' are copied. The caller owns the result.
struct megaflow *megaflow_create(const struct flow_key *key, const struct flow_mask *mask,
				 struct dp_actions actions);
// Only when no reader can hold it any more (rcu_defer).
void megaflow_free(struct megaflow *mf);
// Publishes a copy of 'actions'; the old list goes after a grace period. Writer: the flow's owner.
void megaflow_set_actions(struct megaflow *mf, struct dp_actions actions);
