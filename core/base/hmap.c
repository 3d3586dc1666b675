// SPDX-License-Identifier: Apache-2.0
#include "core/base/hmap.h"

void hmap_init(struct hmap *h)
{
	h->buckets = &h->one;
	h->one = NULL;
	h->mask = 0;
	h->n = 0;
}

void hmap_uninit(struct hmap *h)
{
	if (h && h->buckets != &h->one)
		free(h->buckets);
}

void hmap_clear(struct hmap *h)
{
	memset(h->buckets, 0, (h->mask + 1) * sizeof(*h->buckets));
	h->n = 0;
}

static void resize(struct hmap *h, size_t n_buckets)
{
	struct hmap_node **old = h->buckets;
	size_t old_n = h->mask + 1;
	struct hmap_node *single = h->one;
	bool old_inline = old == &h->one;

	h->buckets = xcalloc(n_buckets, sizeof(*h->buckets));
	h->mask = n_buckets - 1;
	if (old_inline)
		old = &single;
	for (size_t i = 0; i < old_n; i++) {
		for (struct hmap_node *n = old[i], *next; n; n = next) {
			next = n->next;
			n->next = h->buckets[n->hash & h->mask];
			h->buckets[n->hash & h->mask] = n;
		}
	}
	if (!old_inline)
		free(old);
}

void hmap_reserve(struct hmap *h, size_t n)
{
	size_t want = 1;

	while (want < n)
		want *= 2;
	if (want > h->mask + 1)
		resize(h, want);
}

// The one-bucket form lives inside the struct, so its address moves with a swap.
static void fix_inline(struct hmap *h, const struct hmap *from)
{
	if (h->buckets == &from->one)
		h->buckets = &h->one;
}

void hmap_swap(struct hmap *a, struct hmap *b)
{
	struct hmap tmp = *a;

	*a = *b;
	*b = tmp;
	fix_inline(a, b);
	fix_inline(b, a);
}

void hmap_insert(struct hmap *h, struct hmap_node *node, uint64_t hash)
{
	if (h->n > h->mask)
		resize(h, (h->mask + 1) * 4);
	node->hash = hash;
	node->next = h->buckets[hash & h->mask];
	h->buckets[hash & h->mask] = node;
	h->n++;
}

void hmap_remove(struct hmap *h, struct hmap_node *node)
{
	struct hmap_node **p = &h->buckets[node->hash & h->mask];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	h->n--;
}

static struct hmap_node *first_from(const struct hmap *h, size_t i)
{
	for (; i <= h->mask; i++)
		if (h->buckets[i])
			return h->buckets[i];
	return NULL;
}

struct hmap_node *hmap_first(const struct hmap *h)
{
	return h->n ? first_from(h, 0) : NULL;
}

struct hmap_node *hmap_next(const struct hmap *h, const struct hmap_node *node)
{
	return node->next ? node->next : first_from(h, (node->hash & h->mask) + 1);
}
