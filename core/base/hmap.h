// SPDX-License-Identifier: Apache-2.0
// Intrusive chained hash map keyed by a full 64-bit hash that the caller computes (core/base/hash.h).
// Not for concurrent use: one thread, or one lock.
#pragma once

#include "core/base/util.h"

struct hmap_node {
	uint64_t hash;
	struct hmap_node *next;
};

struct hmap {
	struct hmap_node **buckets; // &one while small
	struct hmap_node *one;
	size_t mask;
	size_t n;
};

void hmap_init(struct hmap *h);
// Frees the buckets; the nodes belong to the caller.
void hmap_uninit(struct hmap *h);
void hmap_clear(struct hmap *h);
void hmap_reserve(struct hmap *h, size_t n);
void hmap_swap(struct hmap *a, struct hmap *b);
void hmap_insert(struct hmap *h, struct hmap_node *node, uint64_t hash);
void hmap_remove(struct hmap *h, struct hmap_node *node);
// First node in iteration order, or NULL; and the one after 'node'.
struct hmap_node *hmap_first(const struct hmap *h);
struct hmap_node *hmap_next(const struct hmap *h, const struct hmap_node *node);

static inline size_t hmap_count(const struct hmap *h)
{
	return h->n;
}

static inline bool hmap_is_empty(const struct hmap *h)
{
	return !h->n;
}

static inline struct hmap_node *hmap_match_from_(struct hmap_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

// First and next node with exactly 'hash', or NULL.
static inline struct hmap_node *hmap_first_with_hash(const struct hmap *h, uint64_t hash)
{
	return hmap_match_from_(h->buckets[hash & h->mask], hash);
}

static inline struct hmap_node *hmap_next_with_hash(const struct hmap_node *n)
{
	return hmap_match_from_(n->next, n->hash);
}

#define HMAP_OBJ_(node, VAR, MEMBER) ((node) ? CONTAINER_OF(node, typeof(*VAR), MEMBER) : NULL)

// VAR is NULL after a loop that ran to its end.
#define HMAP_FOR_EACH_WITH_HASH(VAR, MEMBER, HASH, HMAP) \
	for (struct hmap_node *n_ = hmap_first_with_hash(HMAP, HASH); \
	     (VAR = HMAP_OBJ_(n_, VAR, MEMBER)) != NULL; n_ = hmap_next_with_hash(n_))

#define HMAP_FOR_EACH(VAR, MEMBER, HMAP) \
	for (struct hmap_node *n_ = hmap_first(HMAP); (VAR = HMAP_OBJ_(n_, VAR, MEMBER)) != NULL; \
	     n_ = hmap_next(HMAP, n_))

// VAR may be removed and freed in the body; nothing else may be.
#define HMAP_FOR_EACH_SAFE(VAR, MEMBER, HMAP) \
	for (struct hmap_node *n_ = hmap_first(HMAP), *next_; \
	     (VAR = HMAP_OBJ_(n_, VAR, MEMBER)) != NULL && (next_ = hmap_next(HMAP, n_), true); \
	     n_ = next_)
