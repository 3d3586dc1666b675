// SPDX-License-Identifier: Apache-2.0
#include "core/flow/ptable.h"

#define MIN_SLOTS 4

static struct pslots *slots_create(size_t n)
{
	struct pslots *s = xzalloc(sizeof(*s) + n * (sizeof(s->v[0]) + sizeof(s->tags[0])));

	s->mask = n - 1;
	s->tags = (uint32_t *)&s->v[n];
	return s;
}

// Three quarters and a little more: tags lie side by side, so a long search is in one or two lines of cache.
static bool is_crowded(size_t n_used, size_t n_slots)
{
	return n_used > n_slots - n_slots / 4 + n_slots / 16;
}

static void put(struct pslots *s, uint32_t tag, void *p)
{
	uint32_t at = tag & s->mask;

	while (s->tags[at] >= PTABLE_N_MARKS)
		at = (at + 1) & s->mask;
	s->n_used += s->tags[at] == PTABLE_EMPTY;
	RCU_SET(s->v[at], p);
	__atomic_store_n(&s->tags[at], tag, __ATOMIC_RELEASE);
}

static void resize(struct ptable *t, size_t n)
{
	struct pslots *old = t->slots, *now = slots_create(n);

	for (size_t i = 0; old && i <= old->mask; i++)
		if (old->tags[i] >= PTABLE_N_MARKS)
			put(now, old->tags[i], old->v[i]);
	RCU_SET(t->slots, now);
	rcu_free(old);
}

void ptable_insert(struct ptable *t, uint64_t hash, void *p)
{
	struct pslots *s = t->slots;

	if (!s) {
		resize(t, MIN_SLOTS);
	} else if (is_crowded(s->n_used + 1, (size_t)s->mask + 1)) {
		size_t n = MIN_SLOTS;

		// Perhaps by places of what has gone.
		while (is_crowded((t->n + 1) * 4 / 3, n))
			n *= 2;
		resize(t, n);
	}
	put(t->slots, ptable_tag(hash), p);
	t->n++;
}

static uint32_t place_of(const struct pslots *s, uint64_t hash, const void *p)
{
	uint32_t at = ptable_tag(hash) & s->mask;

	while (s->v[at] != p || s->tags[at] < PTABLE_N_MARKS) {
		assert(s->tags[at] != PTABLE_EMPTY);
		at = (at + 1) & s->mask;
	}
	return at;
}

void ptable_remove(struct ptable *t, uint64_t hash, const void *p)
{
	struct pslots *s = t->slots;
	uint32_t at = place_of(s, hash, p);

	// Searches go on past it only when something may be behind it.
	__atomic_store_n(&s->tags[at],
			 s->tags[(at + 1) & s->mask] == PTABLE_EMPTY ? PTABLE_EMPTY : PTABLE_GONE,
			 __ATOMIC_RELEASE);
	s->n_used -= s->tags[at] == PTABLE_EMPTY;
	t->n--;
	if (s->mask + 1 > MIN_SLOTS && t->n < s->mask / 8)
		resize(t, (s->mask + 1) / 2);
}

void ptable_replace(struct ptable *t, uint64_t hash, const void *old, void *now)
{
	RCU_SET(t->slots->v[place_of(t->slots, hash, old)], now);
}

void ptable_clear(struct ptable *t)
{
	struct pslots *old = t->slots;

	RCU_SET(t->slots, NULL);
	t->n = 0;
	rcu_free(old);
}
