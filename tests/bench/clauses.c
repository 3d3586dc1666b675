// SPDX-License-Identifier: Apache-2.0
// Look-ups in a table with conjunctions, beside one with the same policy as ordinary rules: 1,000 rules with clauses, of three
// dimensions (addresses, ports), in 100 conjunctions of ten values each; as ordinary rules these are 100,000.
//
//	clauses [SECONDS]	prints look-ups per second, with masks as translation asks for them, and the ratio.
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "core/base/hash.h"
#include "core/base/rcu.h"
#include "core/flow/classifier.h"

enum { N_CONJUNCTIONS = 100, N_VALUES = 10, N_KEYS = 4096, PRIORITY = 100 };

static const int pool[3] = { 334, 333, 333 }; // values of each dimension
static int wanted[N_CONJUNCTIONS][3][N_VALUES];

static void add_value(struct match *m, int dimension, int value)
{
	m->key.eth_type = htobe16(0x0800);
	m->mask.m.eth_type = UINT16_MAX;
	if (dimension == 0) {
		m->key.nw_src = htobe32(0x0a000000 + value);
		m->mask.m.nw_src = UINT32_MAX;
	} else if (dimension == 1) {
		m->key.nw_dst = htobe32(0x0a010000 + value);
		m->mask.m.nw_dst = UINT32_MAX;
	} else {
		m->key.nw_proto = 6;
		m->mask.m.nw_proto = UINT8_MAX;
		m->key.tp_dst = htobe16(1 + value);
		m->mask.m.tp_dst = UINT16_MAX;
	}
}

static void insert(struct classifier *c, const struct match *m, int priority,
		   struct cls_clauses *clauses)
{
	struct cls_rule *r;

	if (classifier_find_exactly(c, m, priority)) {
		free(clauses);
		return;
	}
	r = xmalloc(sizeof(*r));
	cls_rule_init(r, m, priority);
	cls_rule_set_clauses(r, clauses);
	classifier_insert(c, r, 1);
}

static void choose_policy(void)
{
	for (int i = 0; i < N_CONJUNCTIONS; i++)
		for (int d = 0; d < 3; d++)
			for (int v = 0; v < N_VALUES; v++)
				// So that each value is in about as many conjunctions.
				wanted[i][d][v] = (i * N_VALUES + v + i / 34 * 7 * d) % pool[d];
}

static bool wants(int conjunction, int dimension, int value)
{
	for (int v = 0; v < N_VALUES; v++)
		if (wanted[conjunction][dimension][v] == value)
			return true;
	return false;
}

static struct cls_clauses *clauses_of(int dimension, int value)
{
	struct cls_clauses *c = xmalloc(sizeof(*c) + N_CONJUNCTIONS * sizeof(c->v[0]));

	c->n = 0;
	for (int i = 0; i < N_CONJUNCTIONS; i++)
		if (wants(i, dimension, value))
			c->v[c->n++] = (struct cls_clause){ .id = i + 1,
							    .clause = dimension,
							    .n_clauses = 3 };
	return c;
}

static void fill_with_clauses(struct classifier *c)
{
	struct match m;

	for (int d = 0; d < 3; d++)
		for (int v = 0; v < pool[d]; v++) {
			match_init_any(&m);
			add_value(&m, d, v);
			insert(c, &m, PRIORITY, clauses_of(d, v));
		}
	for (int i = 0; i < N_CONJUNCTIONS; i++) {
		match_init_any(&m);
		m.key.conj_id = i + 1;
		m.mask.m.conj_id = UINT32_MAX;
		insert(c, &m, PRIORITY, NULL);
	}
}

static void fill_with_products(struct classifier *c)
{
	for (int i = 0; i < N_CONJUNCTIONS; i++)
		for (int n = 0; n < N_VALUES * N_VALUES * N_VALUES; n++) {
			struct match m;

			match_init_any(&m);
			add_value(&m, 0, wanted[i][0][n % N_VALUES]);
			add_value(&m, 1, wanted[i][1][n / N_VALUES % N_VALUES]);
			add_value(&m, 2, wanted[i][2][n / N_VALUES / N_VALUES]);
			insert(c, &m, PRIORITY, NULL);
		}
}

// Half of the packets are those of a conjunction.
static void make_keys(struct flow_key keys[])
{
	memset(keys, 0, N_KEYS * sizeof(keys[0]));
	for (int k = 0; k < N_KEYS; k++) {
		int i = random_u32() % N_CONJUNCTIONS;
		struct match m;

		match_init_any(&m);
		for (int d = 0; d < 3; d++)
			add_value(&m, d,
				  k % 2 ? wanted[i][d][random_u32() % N_VALUES]
					: (int)random_u32() % pool[d]);
		keys[k] = m.key;
	}
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double lookups_per_second(const struct classifier *c, const struct flow_key keys[],
				 double seconds, size_t *ret_found)
{
	double began = seconds_now(), now;
	uint64_t n = 0, n_found = 0;

	do {
		for (int k = 0; k < N_KEYS; k++) {
			struct flow_mask mask = { 0 };

			n_found += classifier_lookup(c, CLS_NEWEST, &keys[k], &mask) != NULL;
		}
		n += N_KEYS;
		*ret_found = n_found / (n / N_KEYS);
		now = seconds_now();
	} while (now - began < seconds);
	return n / (now - began);
}

int main(int argc, char *argv[])
{
	double seconds = argc > 1 ? atof(argv[1]) : 2, with_clauses, ordinary;
	struct classifier *a, *b;
	struct flow_key *keys;
	size_t found_a, found_b;

	hash_seed_init();
	rcu_thread_begin();
	a = classifier_create();
	b = classifier_create();
	keys = xmalloc(N_KEYS * sizeof(*keys));
	choose_policy();
	fill_with_clauses(a);
	fill_with_products(b);
	make_keys(keys);
	with_clauses = lookups_per_second(a, keys, seconds, &found_a);
	ordinary = lookups_per_second(b, keys, seconds, &found_b);
	printf("%zu rules with conjunctions: %.0f look-ups/s; %zu ordinary rules: %.0f look-ups/s; "
	       "ratio %.3f; "
	       "%zu and %zu of %d keys found\n",
	       classifier_count(a), with_clauses, classifier_count(b), ordinary,
	       with_clauses / ordinary, found_a, found_b, N_KEYS);
	// What it holds goes with the process.
	return found_a == found_b ? EXIT_SUCCESS : EXIT_FAILURE;
}
