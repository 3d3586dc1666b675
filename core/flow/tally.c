// SPDX-License-Identifier: Apache-2.0
#include "core/flow/tally.h"

#define MIN_SLOTS 4

static struct tally_slots *slots_create(size_t n)
{
	struct tally_slots *s = xzalloc(sizeof(*s) + n * sizeof(s->v[0]));

	s->mask = n - 1;
	return s;
}

static bool is_crowded(size_t n_used, size_t n_slots)
{
	return n_used > n_slots - n_slots / 4 + n_slots / 16;
}

// The slot of this hash, or the empty one where the search for it ends.
static uint64_t *find(struct tally_slots *s, uint32_t tag)
{
	uint32_t at = tag & s->mask;

	while (s->v[at] && s->v[at] >> 32 != tag)
		at = (at + 1) & s->mask;
	return &s->v[at];
}

static void set(uint64_t *slot, uint32_t tag, uint32_t n)
{
	__atomic_store_n(slot, (uint64_t)tag << 32 | n, __ATOMIC_RELEASE);
}

static void resize(struct tally *t, size_t n)
{
	struct tally_slots *old = t->slots, *now = slots_create(n);

	for (size_t i = 0; old && i <= old->mask; i++)
		if ((uint32_t)old->v[i]) {
			*find(now, old->v[i] >> 32) = old->v[i];
			now->n_used++;
		}
	RCU_SET(t->slots, now);
	rcu_free(old);
}

static void make_room(struct tally *t)
{
	size_t n = MIN_SLOTS;

	if (t->slots && !is_crowded(t->slots->n_used + 1, (size_t)t->slots->mask + 1))
		return;
	while (is_crowded((t->n + 1) * 4 / 3, n))
		n *= 2;
	resize(t, n);
}

void tally_add(struct tally *t, uint64_t hash)
{
	uint32_t tag = tally_tag(hash);
	uint64_t *slot;

	make_room(t);
	slot = find(t->slots, tag);
	t->slots->n_used += !*slot;
	t->n += !(uint32_t)*slot;
	set(slot, tag, (uint32_t)*slot + 1);
}

void tally_remove(struct tally *t, uint64_t hash)
{
	uint32_t tag = tally_tag(hash);
	uint64_t *slot = find(t->slots, tag);

	assert((uint32_t)*slot);
	set(slot, tag, (uint32_t)*slot - 1);
	t->n -= !(uint32_t)*slot;
	if (t->slots->mask + 1 > MIN_SLOTS && t->n < t->slots->mask / 8)
		resize(t, (t->slots->mask + 1) / 2);
}

void tally_clear(struct tally *t)
{
	struct tally_slots *old = t->slots;

	RCU_SET(t->slots, NULL);
	t->n = 0;
	rcu_free(old);
}
