// SPDX-License-Identifier: Apache-2.0
// A hash table of pointers with one writer and RCU readers. What it points to is the owner's, never moves and needs no member for
// it; twelve bytes and a spare part for each. (rtable.h is for nodes that belong to the table.)
#pragma once

#include "core/base/rcu.h"

// Open addressing. A tag is 32 bits of the hash, PTABLE_EMPTY where a search ends, or PTABLE_GONE.
struct pslots {
	uint32_t mask;
	uint32_t n_used; // not empty; writer only
	uint32_t *tags; // behind the pointers
	void *v[];
};

struct ptable {
	struct pslots *slots; // RCU; NULL while empty
	size_t n;
};

enum { PTABLE_EMPTY, PTABLE_GONE, PTABLE_N_MARKS };

// A search for one hash. Others' pointers may come up, now and then, and one may be met that is on its way out: the caller compares.
struct pcursor {
	const struct pslots *slots;
	uint32_t tag, at;
};

// Keeps its place until the next call that changes the table; readers within their RCU section.
void ptable_insert(struct ptable *t, uint64_t hash, void *p);
// The object lives until no reader can hold it: the caller defers its free.
void ptable_remove(struct ptable *t, uint64_t hash, const void *p);
// 'now' has the same hash as 'old' and takes its place.
void ptable_replace(struct ptable *t, uint64_t hash, const void *old, void *now);
// Takes out all at once.
void ptable_clear(struct ptable *t);

static inline uint32_t ptable_tag(uint64_t hash)
{
	uint32_t tag = hash;

	return tag < PTABLE_N_MARKS ? tag + PTABLE_N_MARKS : tag;
}

static inline void *ptable_next(struct pcursor *c)
{
	if (!c->slots)
		return NULL;
	for (;;) {
		uint32_t at = c->at++ & c->slots->mask;
		// Written behind the pointer.
		uint32_t tag = __atomic_load_n(&c->slots->tags[at], __ATOMIC_ACQUIRE);

		if (tag == c->tag)
			return RCU_GET(c->slots->v[at]);
		if (tag == PTABLE_EMPTY)
			return NULL;
	}
}

static inline void *ptable_first(const struct ptable *t, uint64_t hash, struct pcursor *c)
{
	c->slots = RCU_GET(t->slots);
	c->tag = c->at = ptable_tag(hash);
	return ptable_next(c);
}

static inline void *ptable_at(const struct pslots *s, size_t i)
{
	return __atomic_load_n(&s->tags[i], __ATOMIC_ACQUIRE) >= PTABLE_N_MARKS ? RCU_GET(s->v[i])
										: NULL;
}

// Every pointer, in no order.
#define PTABLE_FOR_EACH(P, T) \
	for (const struct pslots *s_ = RCU_GET((T)->slots); s_; s_ = NULL) \
		for (size_t i_ = 0; i_ <= s_->mask; i_++) \
			if (((P) = ptable_at(s_, i_)))
