// SPDX-License-Identifier: Apache-2.0
// A hash table with one writer and RCU readers. Nodes belong to the table's owner but are copied when it grows, so that
// readers of the old buckets are not disturbed.
#pragma once

#include "core/base/rcu.h"

struct rnode {
	uint64_t hash;
	struct rnode *next;
};

struct rbuckets {
	size_t mask;
	struct rnode *heads[];
};

struct rtable {
	struct rbuckets *buckets; // NULL while empty
	size_t n, node_size;
	void (*moved)(
		struct rnode *now); // told of the copy of a node that takes its place; may be NULL
};

void rtable_init(struct rtable *t, size_t node_size, void (*moved)(struct rnode *now));
// Must be empty.
void rtable_uninit(struct rtable *t);
void rtable_insert(struct rtable *t, struct rnode *n);
// The node lives until no reader can hold it; the caller defers its free.
void rtable_remove(struct rtable *t, struct rnode *n);
// Takes out all nodes at once and frees them when no reader can hold one.
void rtable_clear(struct rtable *t);
// 'now' has the same hash as 'old' and takes its place.
void rtable_replace(struct rtable *t, struct rnode *old, struct rnode *now);

static inline struct rnode *rtable_match_(struct rnode *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = RCU_GET(n->next);
	return n;
}

static inline struct rnode *rtable_first(const struct rtable *t, uint64_t hash)
{
	const struct rbuckets *b = RCU_GET(t->buckets);

	return b ? rtable_match_(RCU_GET(b->heads[hash & b->mask]), hash) : NULL;
}

static inline struct rnode *rtable_next(const struct rnode *n)
{
	return rtable_match_(RCU_GET(n->next), n->hash);
}

// Every node, in no order.
#define RTABLE_FOR_EACH(N, T) \
	for (const struct rbuckets *b_ = RCU_GET((T)->buckets); b_; b_ = NULL) \
		for (size_t i_ = 0; i_ <= b_->mask; i_++) \
			for (N = RCU_GET(b_->heads[i_]); N; N = RCU_GET(N->next))
