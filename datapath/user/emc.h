// SPDX-License-Identifier: Apache-2.0
// The cache in front of the megaflow table: hash of the connection -> megaflow. One per thread, no locks.
//
// An entry is 16 bytes and keeps no key: a hit is checked against the megaflow itself, so neither a collision nor a deleted
// flow can give a wrong answer. That makes room for far more connections than a cache of whole keys.
#pragma once

#include "datapath/user/table.h"

#define EMC_WAYS 4
#define EMC_SETS 32768

struct emc_entry {
	uint32_t tag, generation;
	struct flow_entry *flow;
};

struct emc_set {
	struct emc_entry e[EMC_WAYS];
} CACHE_ALIGNED;

struct emc {
	struct emc_set sets[EMC_SETS];
};

struct emc *emc_create(void);
void emc_destroy(struct emc *c);

// Hashes are packet_connection_hash().
static inline void emc_prefetch(const struct emc *c, uint64_t hash)
{
	__builtin_prefetch(&c->sets[hash % EMC_SETS]);
}

static inline bool emc_is_alive(const struct emc_entry *e)
{
	return e->flow && flow_entry_generation(e->flow) == e->generation;
}

// NULL when the cache does not know.
static inline struct flow_entry *emc_find(const struct emc *c, uint64_t hash,
					  const struct miniflow *key, struct gather *g)
{
	const struct emc_set *set = &c->sets[hash % EMC_SETS];

	for (int i = 0; i < EMC_WAYS; i++) {
		const struct emc_entry *e = &set->e[i];

		if (e->tag == hash >> 32 && emc_is_alive(e) && flow_entry_matches(e->flow, key, g))
			return e->flow;
	}
	return NULL;
}

// The flow that emc_find() will look at first, not checked yet: to be prefetched. NULL: none.
static inline const struct flow_entry *emc_candidate(const struct emc *c, uint64_t hash)
{
	const struct emc_set *set = &c->sets[hash % EMC_SETS];

	for (int i = 0; i < EMC_WAYS; i++)
		if (set->e[i].tag == hash >> 32)
			return set->e[i].flow;
	return NULL;
}

// A free place is always taken; with 'replace' also one that is in use.
void emc_insert(struct emc *c, uint64_t hash, struct flow_entry *flow, bool replace);
