// SPDX-License-Identifier: Apache-2.0
#include "core/flow/rtable.h"

#define MIN_BUCKETS 4

void rtable_init(struct rtable *t, size_t node_size, void (*moved)(struct rnode *now))
{
	*t = (struct rtable){ .node_size = node_size, .moved = moved };
}

void rtable_uninit(struct rtable *t)
{
	struct rbuckets *old = t->buckets;

	assert(!t->n);
	// Unlinked first: a reader that comes between must not find what is on its way out.
	RCU_SET(t->buckets, NULL);
	rcu_free(old);
}

static struct rbuckets *buckets_create(size_t n)
{
	struct rbuckets *b = xzalloc(sizeof(*b) + n * sizeof(b->heads[0]));

	b->mask = n - 1;
	return b;
}

// The old buckets with all the nodes in them, in one deferred call.
static void free_old(void *p)
{
	struct rbuckets *b = p;

	for (size_t i = 0; i <= b->mask; i++)
		for (struct rnode *n = b->heads[i], *next; n; n = next) {
			next = n->next;
			free(n);
		}
	free(b);
}

void rtable_clear(struct rtable *t)
{
	struct rbuckets *old = t->buckets;

	RCU_SET(t->buckets, NULL);
	t->n = 0;
	if (old)
		rcu_defer(free_old, old);
}

static void resize(struct rtable *t, size_t n)
{
	struct rbuckets *old = t->buckets, *now = buckets_create(n);

	for (size_t i = 0; old && i <= old->mask; i++)
		for (struct rnode *o = old->heads[i]; o; o = o->next) {
			struct rnode *copy = xmemdup(o, t->node_size);

			copy->next = now->heads[copy->hash & now->mask];
			now->heads[copy->hash & now->mask] = copy;
			if (t->moved)
				t->moved(copy);
		}
	RCU_SET(t->buckets, now);
	if (old)
		rcu_defer(free_old, old);
}

void rtable_insert(struct rtable *t, struct rnode *n)
{
	struct rnode **head;

	if (!t->buckets || t->n > t->buckets->mask)
		resize(t, t->buckets ? (t->buckets->mask + 1) * 2 : MIN_BUCKETS);
	head = &t->buckets->heads[n->hash & t->buckets->mask];
	n->next = *head;
	RCU_SET(*head, n);
	t->n++;
}

static struct rnode **find_link(struct rtable *t, const struct rnode *n)
{
	struct rnode **at = &t->buckets->heads[n->hash & t->buckets->mask];

	while (*at != n) {
		assert(*at);
		at = &(*at)->next;
	}
	return at;
}

void rtable_remove(struct rtable *t, struct rnode *n)
{
	struct rnode **at = find_link(t, n);

	RCU_SET(*at, n->next);
	t->n--;
	if (t->buckets->mask + 1 > MIN_BUCKETS && t->n < t->buckets->mask / 4)
		resize(t, (t->buckets->mask + 1) / 2);
}

void rtable_replace(struct rtable *t, struct rnode *old, struct rnode *now)
{
	struct rnode **at = find_link(t, old);

	// Readers may still be on 'now' from when it was here before.
	RCU_SET(now->next, old->next);
	RCU_SET(*at, now);
}
