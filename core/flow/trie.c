// SPDX-License-Identifier: Apache-2.0
#include "core/flow/trie.h"

// Prefixes stand in leaves of a few; a leaf that is full becomes a node with two leaves. So there is far less memory, and there
// are fewer steps, than with a node for each prefix. An answer depends on the prefixes only, not on which leaf has them.
//
// Readers see a leaf grow: an entry is written whole before it counts, and its value never changes. One whose last rule has gone
// stays, as nothing, until the leaf is written anew.
#define LEAF_MAX 16
#define SHORT_BYTES 4 // of values in leaves whose prefixes all are that short
#define LONG_BYTES (TRIE_MAX_BITS / 8)

struct trie_node {
	bool is_leaf;
};

struct fork {
	struct trie_node node;
	uint8_t n_bits; // that all below have in common
	uint32_t n_rules; // with exactly these
	struct trie_node *child[2]; // by the next bit; NULL: none
	uint8_t prefix[LONG_BYTES]; // only as long as it must be
};

struct leaf {
	struct trie_node node;
	uint8_t n, max, n_bytes; // entries, room for them, bytes of a value
	uint8_t n_live; // entries with rules; writer only
	uint32_t n_rules[]; // max of them; behind them the values, behind those the lengths in bits
};

struct entry {
	uint8_t value[LONG_BYTES];
	uint8_t n_bits;
	uint32_t n_rules;
};

static struct fork *fork_of(struct trie_node *n)
{
	return CONTAINER_OF(n, struct fork, node);
}

static struct leaf *leaf_of(struct trie_node *n)
{
	return CONTAINER_OF(n, struct leaf, node);
}

static uint8_t *leaf_value(const struct leaf *l, unsigned int i)
{
	return (uint8_t *)&l->n_rules[l->max] + i * l->n_bytes;
}

static uint8_t *leaf_bits(const struct leaf *l, unsigned int i)
{
	return leaf_value(l, l->max) + i;
}

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

// The same, of values with at least SHORT_BYTES.
static inline unsigned int common_bits_quickly(const uint8_t *a, const uint8_t *b, unsigned int max)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x != y)
		return MIN((unsigned int)__builtin_clz(be32toh(x ^ y)), max);
	return max <= 32 ? max : common_bits(a, b, max);
}

// ---- Writing ----

static void entry_init(struct entry *e, const uint8_t *value, unsigned int n_bits)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->value, value, DIV_ROUND_UP(n_bits, 8));
	e->n_bits = n_bits;
	e->n_rules = 1;
}

static void leaf_append(struct leaf *l, const struct entry *e)
{
	memcpy(leaf_value(l, l->n), e->value, l->n_bytes);
	*leaf_bits(l, l->n) = e->n_bits;
	l->n_rules[l->n] = e->n_rules;
	l->n_live++;
	__atomic_store_n(&l->n, l->n + 1, __ATOMIC_RELEASE);
}

// NULL for none.
static struct trie_node *leaf_create(const struct entry *v, unsigned int n)
{
	unsigned int max = 2, n_bytes = SHORT_BYTES;
	struct leaf *l;

	if (!n)
		return NULL;
	while (max <= n && max < LEAF_MAX)
		max *= 2;
	for (unsigned int i = 0; i < n; i++)
		if (v[i].n_bits > SHORT_BYTES * 8)
			n_bytes = LONG_BYTES;
	l = xzalloc(sizeof(*l) + max * (sizeof(l->n_rules[0]) + n_bytes + 1));
	l->node.is_leaf = true;
	l->max = max;
	l->n_bytes = n_bytes;
	for (unsigned int i = 0; i < n; i++)
		leaf_append(l, &v[i]);
	return &l->node;
}

static struct fork *fork_create(const uint8_t *value, unsigned int n_bits)
{
	size_t n_bytes = DIV_ROUND_UP(n_bits, 8);
	struct fork *f = xzalloc(offsetof(struct fork, prefix) + n_bytes);

	memcpy(f->prefix, value, n_bytes);
	f->n_bits = n_bits;
	return f;
}

// One entry more than a leaf may have.
static struct trie_node *split(const struct entry *v, unsigned int n)
{
	struct entry side[2][LEAF_MAX + 1];
	unsigned int n_of[2] = { 0, 0 }, same = v[0].n_bits;
	struct fork *f;

	for (unsigned int i = 1; i < n; i++)
		same = common_bits(v[0].value, v[i].value, MIN(same, v[i].n_bits));
	f = fork_create(v[0].value, same);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int bit;

		if (v[i].n_bits == same) {
			f->n_rules = v[i].n_rules;
			continue;
		}
		bit = bit_at(v[i].value, same);
		side[bit][n_of[bit]++] = v[i];
	}
	for (int bit = 0; bit < 2; bit++)
		f->child[bit] = leaf_create(side[bit], n_of[bit]);
	return &f->node;
}

// The leaf written anew, with one entry more and without those that are nothing.
static struct trie_node *leaf_remake(const struct leaf *l, const struct entry *more)
{
	struct entry v[LEAF_MAX + 1];
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->n; i++) {
		if (!l->n_rules[i])
			continue;
		entry_init(&v[n], leaf_value(l, i), *leaf_bits(l, i));
		v[n++].n_rules = l->n_rules[i];
	}
	v[n++] = *more;
	return n > LEAF_MAX ? split(v, n) : leaf_create(v, n);
}

// Its place, or -1.
static int leaf_find(const struct leaf *l, const struct entry *e)
{
	if (e->n_bits > l->n_bytes * 8)
		return -1;
	for (unsigned int i = 0; i < l->n; i++)
		if (*leaf_bits(l, i) == e->n_bits &&
		    common_bits_quickly(leaf_value(l, i), e->value, e->n_bits) == e->n_bits)
			return i;
	return -1;
}

static void count(uint32_t *n_rules, int more)
{
	__atomic_store_n(n_rules, *n_rules + more, __ATOMIC_RELAXED);
}

static void insert_into_leaf(struct trie_node **at, const struct entry *e)
{
	struct leaf *l = leaf_of(*at);
	int i = leaf_find(l, e);

	if (i >= 0) {
		l->n_live += !l->n_rules[i];
		count(&l->n_rules[i], 1);
	} else if (l->n < l->max && e->n_bits <= l->n_bytes * 8) {
		leaf_append(l, e);
	} else {
		RCU_SET(*at, leaf_remake(l, e));
		rcu_free(l);
	}
}

// Above a fork that the value does not go through.
static void insert_above(struct trie_node **at, const struct entry *e, unsigned int same)
{
	struct fork *below = fork_of(*at), *f = fork_create(e->value, same);

	f->child[bit_at(below->prefix, same)] = *at;
	if (same == e->n_bits)
		f->n_rules = 1;
	else
		f->child[bit_at(e->value, same)] = leaf_create(e, 1);
	RCU_SET(*at, &f->node);
}

void trie_insert(struct trie *t, const uint8_t *value, unsigned int n_bits)
{
	struct trie_node **at = &t->root;
	struct entry e;

	entry_init(&e, value, n_bits);
	while (*at && !(*at)->is_leaf) {
		struct fork *f = fork_of(*at);
		unsigned int same = common_bits(e.value, f->prefix, MIN(n_bits, f->n_bits));

		if (same < f->n_bits) {
			insert_above(at, &e, same);
			return;
		}
		if (f->n_bits == n_bits) {
			count(&f->n_rules, 1);
			return;
		}
		at = &f->child[bit_at(e.value, f->n_bits)];
	}
	if (*at)
		insert_into_leaf(at, &e);
	else
		RCU_SET(*at, leaf_create(&e, 1));
}

// Takes a fork away that has no rules and at most one child.
static void prune(struct trie_node **at)
{
	struct fork *f = fork_of(*at);

	if (f->n_rules || (f->child[0] && f->child[1]))
		return;
	RCU_SET(*at, f->child[0] ? f->child[0] : f->child[1]);
	rcu_free(f);
}

static void remove_from_leaf(struct trie_node **at, const struct entry *e)
{
	struct leaf *l = leaf_of(*at);
	int i = leaf_find(l, e);

	assert(i >= 0 && l->n_rules[i]);
	count(&l->n_rules[i], -1);
	l->n_live -= !l->n_rules[i];
	if (l->n_live)
		return;
	RCU_SET(*at, NULL);
	rcu_free(l);
}

void trie_remove(struct trie *t, const uint8_t *value, unsigned int n_bits)
{
	struct trie_node **at = &t->root, **parent = NULL;
	struct entry e;

	entry_init(&e, value, n_bits);
	while (*at && !(*at)->is_leaf && fork_of(*at)->n_bits < n_bits) {
		parent = at;
		at = &fork_of(*at)->child[bit_at(e.value, fork_of(*at)->n_bits)];
	}
	assert(*at);
	if ((*at)->is_leaf) {
		remove_from_leaf(at, &e);
	} else {
		assert(fork_of(*at)->n_bits == n_bits && fork_of(*at)->n_rules);
		count(&fork_of(*at)->n_rules, -1);
		prune(at);
	}
	if (parent)
		prune(parent);
}

// ---- Lookup ----

static void add_length(struct trie_lengths *l, unsigned int n_bits)
{
	l->bits[n_bits / 64] |= 1ULL << n_bits % 64;
}

// How many bits it takes to tell the value from each prefix here, or that the prefix covers it.
static unsigned int look_at_leaf(const struct leaf *l, const uint8_t *value, unsigned int looked,
				 struct trie_lengths *ret)
{
	unsigned int n = __atomic_load_n(&l->n, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int n_bits = *leaf_bits(l, i), same;

		if (!__atomic_load_n(&l->n_rules[i], __ATOMIC_RELAXED))
			continue;
		same = common_bits_quickly(leaf_value(l, i), value, n_bits);
		if (same == n_bits)
			add_length(ret, n_bits);
		looked = MAX(looked, MIN(same + 1, n_bits));
	}
	return looked;
}

unsigned int trie_lookup(const struct trie *t, const uint8_t *value, unsigned int max_bits,
			 struct trie_lengths *ret)
{
	struct trie_node *n = RCU_GET(t->root);
	uint8_t whole[LONG_BYTES] = { 0 };
	unsigned int looked = 0;

	memset(ret, 0, sizeof(*ret));
	memcpy(whole, value, DIV_ROUND_UP(max_bits, 8));
	while (n && !n->is_leaf) {
		struct fork *f = fork_of(n);
		unsigned int same = common_bits(whole, f->prefix, f->n_bits);

		if (same < f->n_bits)
			return same + 1;
		if (__atomic_load_n(&f->n_rules, __ATOMIC_RELAXED))
			add_length(ret, f->n_bits);
		looked = f->n_bits;
		if (looked >= max_bits)
			return max_bits;
		// What is below differs here, even when there is nothing on this side.
		n = RCU_GET(f->child[bit_at(whole, looked)]);
		if (!n && !RCU_GET(f->child[!bit_at(whole, looked)]))
			return looked;
		looked++;
	}
	return n ? look_at_leaf(leaf_of(n), whole, looked, ret) : looked;
}

static void free_nodes(void *p)
{
	struct trie_node *n = p;

	if (!n)
		return;
	if (n->is_leaf) {
		free(leaf_of(n));
		return;
	}
	free_nodes(fork_of(n)->child[0]);
	free_nodes(fork_of(n)->child[1]);
	free(fork_of(n));
}

void trie_clear(struct trie *t)
{
	struct trie_node *root = t->root;

	RCU_SET(t->root, NULL);
	if (root)
		rcu_defer(free_nodes, root);
}
