// SPDX-License-Identifier: Apache-2.0
// How many there are of each hash: a set of 32-bit hashes that says "maybe" where two have the same one. One writer, RCU readers;
// eight bytes and a spare part for each.
#pragma once

#include "core/base/rcu.h"

// Open addressing; a slot is hash << 32 | number, and 0 where a search ends.
struct tally_slots {
	uint32_t mask;
	uint32_t n_used; // not 0; writer only
	uint64_t v[];
};

struct tally {
	struct tally_slots *slots; // RCU; NULL while empty
	size_t n; // of hashes that there are
};

void tally_add(struct tally *t, uint64_t hash);
// One that was added.
void tally_remove(struct tally *t, uint64_t hash);
void tally_clear(struct tally *t);

static inline uint32_t tally_tag(uint64_t hash)
{
	uint32_t tag = hash;

	return tag ? tag : 1;
}

static inline bool tally_has(const struct tally *t, uint64_t hash)
{
	const struct tally_slots *s = RCU_GET(t->slots);
	uint32_t tag = tally_tag(hash), at = tag;

	for (; s; at++) {
		uint64_t v = __atomic_load_n(&s->v[at & s->mask], __ATOMIC_ACQUIRE);

		if (!v)
			return false;
		if (v >> 32 == tag && (uint32_t)v)
			return true;
	}
	return false;
}
