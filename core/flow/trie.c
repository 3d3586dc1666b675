// SPDX-License-Identifier: Apache-2.0
#include "core/flow/trie.h"

// Nodes hold the whole prefix from the root, so a child can take its parent's place without being copied. Prefix
// and length never change; children and count do, and readers see either state.
struct trie_node {
	uint8_t prefix[TRIE_MAX_BITS / 8];
	unsigned int n_bits;
	unsigned int n_rules;
	struct trie_node *child[2];
};

static unsigned int bit_at(const uint8_t *v, unsigned int i)
{
	return v[i / 8] >> (7 - i % 8) & 1;
}

// Number of leading bits, at most 'max', in which both agree.
static unsigned int common_bits(const uint8_t *a, const uint8_t *b, unsigned int max)
{
	unsigned int i;

	for (i = 0; i < max; i += 8) {
		uint8_t diff = a[i / 8] ^ b[i / 8];

		if (diff) {
			i += __builtin_clz(diff) - 24;
			break;
		}
	}
	return MIN(i, max);
}

static struct trie_node *node_create(const uint8_t *value, unsigned int n_bits,
				     unsigned int n_rules)
{
	struct trie_node *n = xzalloc(sizeof(*n));

	memcpy(n->prefix, value, DIV_ROUND_UP(n_bits, 8));
	n->n_bits = n_bits;
	n->n_rules = n_rules;
	return n;
}

void trie_insert(struct trie *t, const uint8_t *value, unsigned int n_bits)
{
	struct trie_node **at = &t->root, *n, *new;

	for (;;) {
		unsigned int same;

		n = *at;
		if (!n) {
			RCU_SET(*at, node_create(value, n_bits, 1));
			return;
		}
		same = common_bits(value, n->prefix, MIN(n_bits, n->n_bits));
		if (same < n->n_bits) {
			// A node for what both share; and when that is not the new prefix itself, one for the latter.
			new = node_create(value, same, same == n_bits);
			new->child[bit_at(n->prefix, same)] = n;
			if (same < n_bits)
				new->child[bit_at(value, same)] = node_create(value, n_bits, 1);
			RCU_SET(*at, new);
			return;
		}
		if (n->n_bits == n_bits) {
			__atomic_store_n(&n->n_rules, n->n_rules + 1, __ATOMIC_RELAXED);
			return;
		}
		at = &n->child[bit_at(value, n->n_bits)];
	}
}

// Takes a node away that has no rules and at most one child.
static void prune(struct trie_node **at)
{
	struct trie_node *n = *at;

	if (!n || n->n_rules || (n->child[0] && n->child[1]))
		return;
	RCU_SET(*at, n->child[0] ? n->child[0] : n->child[1]);
	rcu_free(n);
}

void trie_remove(struct trie *t, const uint8_t *value, unsigned int n_bits)
{
	struct trie_node **at = &t->root, **parent = NULL;

	while (*at && (*at)->n_bits < n_bits) {
		parent = at;
		at = &(*at)->child[bit_at(value, (*at)->n_bits)];
	}
	assert(*at && (*at)->n_bits == n_bits && (*at)->n_rules);
	__atomic_store_n(&(*at)->n_rules, (*at)->n_rules - 1, __ATOMIC_RELAXED);
	prune(at);
	if (parent)
		prune(parent);
}

unsigned int trie_lookup(const struct trie *t, const uint8_t *value, unsigned int max_bits,
			 struct trie_lengths *ret)
{
	const struct trie_node *n = RCU_GET(t->root);
	unsigned int looked = 0;

	memset(ret, 0, sizeof(*ret));
	while (n) {
		unsigned int same = common_bits(value, n->prefix, n->n_bits);
		const struct trie_node *next;

		if (same < n->n_bits)
			return same + 1;
		if (__atomic_load_n(&n->n_rules, __ATOMIC_RELAXED))
			ret->bits[n->n_bits / 64] |= 1ULL << n->n_bits % 64;
		looked = n->n_bits;
		if (looked >= max_bits)
			return max_bits;
		// A node with children has looked at one more bit even when there is none on this side.
		next = RCU_GET(n->child[bit_at(value, looked)]);
		if (!next && !RCU_GET(n->child[!bit_at(value, looked)]))
			return looked;
		looked++;
		n = next;
	}
	return looked;
}

static void free_nodes(void *p)
{
	struct trie_node *n = p;

	if (!n)
		return;
	free_nodes(n->child[0]);
	free_nodes(n->child[1]);
	free(n);
}

void trie_clear(struct trie *t)
{
	struct trie_node *root = t->root;

	RCU_SET(t->root, NULL);
	if (root)
		rcu_defer(free_nodes, root);
}
