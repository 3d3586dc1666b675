// SPDX-License-Identifier: Apache-2.0
// The trie of prefixes against a list of them: which lengths cover a value, and that the bits it says it looked at are enough.
#include <check.h>

#include "core/flow/trie.h"
#include "tests/unit/core/flow-testing.h"

#define N_PREFIXES 400
#define N_STEPS 40000

static struct prefix {
	uint8_t value[16];
	unsigned int n_bits, n;
} prefixes[N_PREFIXES];

static bool covers(const struct prefix *p, const uint8_t *value)
{
	for (unsigned int i = 0; i < p->n_bits; i++)
		if ((p->value[i / 8] ^ value[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

// Near the others: few bytes differ, and those in few bits.
static void random_value(uint8_t value[16], unsigned int n_bits)
{
	memset(value, 0, 16);
	for (unsigned int i = 0; i < n_bits / 8; i++)
		value[i] = random_u32() % 3 ? 0x0a : random_u32() % 16;
	for (unsigned int i = n_bits; i < 128; i++)
		value[i / 8] &= ~(0x80 >> i % 8);
}

static void check_lookup(const struct trie *t, unsigned int max_bits)
{
	bool want[129] = { false }, found[129] = { false };
	struct trie_lengths l, again;
	uint8_t value[16], other[16];
	unsigned int looked;

	random_value(value, max_bits);
	if (random_u32() % 2)
		memcpy(value, prefixes[random_u32() % N_PREFIXES].value, 16);
	looked = trie_lookup(t, value, max_bits, &l);
	ck_assert_uint_le(looked, max_bits);
	for (int i = 0; i < N_PREFIXES; i++)
		if (prefixes[i].n && covers(&prefixes[i], value))
			want[prefixes[i].n_bits] = true;
	for (unsigned int n = 0; n <= max_bits; n++)
		found[n] = trie_has_length(&l, n);
	ck_assert_mem_eq(found, want, sizeof(found));
	random_value(other, max_bits);
	for (unsigned int i = 0; i < looked; i++) {
		uint8_t bit = 0x80 >> i % 8;

		other[i / 8] = (other[i / 8] & ~bit) | (value[i / 8] & bit);
	}
	ck_assert_uint_eq(trie_lookup(t, other, max_bits, &again), looked);
	ck_assert_mem_eq(&l, &again, sizeof(l));
}

static void check_trie(unsigned int max_bits)
{
	struct trie t = { NULL };

	for (int i = 0; i < N_PREFIXES; i++) {
		prefixes[i].n_bits = random_u32() % 3 ? max_bits : random_u32() % (max_bits + 1);
		prefixes[i].n = 0;
		random_value(prefixes[i].value, max_bits);
		for (unsigned int b = prefixes[i].n_bits; b < 128; b++)
			prefixes[i].value[b / 8] &= ~(0x80 >> b % 8);
	}
	for (int step = 0; step < N_STEPS; step++) {
		struct prefix *p = &prefixes[random_u32() % N_PREFIXES];
		// Fills, and then empties, again and again.
		bool insert = random_u32() % 8 ? step / (N_STEPS / 8) % 2 == 0 : random_u32() % 2;

		if (insert) {
			trie_insert(&t, p->value, p->n_bits);
			p->n++;
		} else if (p->n) {
			trie_remove(&t, p->value, p->n_bits);
			p->n--;
		}
		if (step % 8 == 0)
			check_lookup(&t, max_bits);
	}
	for (int i = 0; i < N_PREFIXES; i++)
		for (; prefixes[i].n; prefixes[i].n--)
			trie_remove(&t, prefixes[i].value, prefixes[i].n_bits);
	ck_assert_ptr_null(t.root);
	rcu_quiesce();
}

START_TEST(lengths_and_bits_are_those_of_a_list)
{
	rcu_thread_begin();
	for (int i = 0; i < 4; i++) {
		check_trie(32);
		check_trie(128);
		check_trie(16);
	}
	rcu_drain();
	rcu_thread_end();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("trie");

	tcase_add_test(t, lengths_and_bits_are_those_of_a_list);
	tcase_set_timeout(t, 60);
	return run_case(t);
}
