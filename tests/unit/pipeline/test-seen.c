// SPDX-License-Identifier: Apache-2.0
// What tables have seen comes out of its packed row as it went in.
#include <stdlib.h>

#include "core/base/hash.h"
#include "ofproto/pipeline/seen.h"
#include "tests/suite.h"

#define ROWS 50

struct state {
	struct flow_key flow;
	struct flow_mask looked, known;
};

static uint64_t random_u64(void)
{
	return (uint64_t)random_u32() << 32 | random_u32();
}

// Changes so many words, of everything that can be seen.
static void change(struct state *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t w = n == FLOW_WORDS ? i : random_u32() % FLOW_WORDS;

		flow_words(&s->flow)[w] = random_u64();
		flow_words(&s->looked.m)[w] |= random_u64() & random_u64();
		flow_words(&s->known.m)[w] ^= random_u64() & random_u64();
	}
}

static void check(const struct seen *have, const struct state *want)
{
	for (size_t w = 0; w < FLOW_WORDS; w++) {
		uint64_t m =
			flow_words_const(&want->looked.m)[w] | flow_words_const(&want->known.m)[w];

		ck_assert_uint_eq(flow_words_const(&have->mask.m)[w], m);
		ck_assert_uint_eq(flow_words_const(&have->key)[w],
				  flow_words_const(&want->flow)[w] & m);
	}
}

// Groups of packed words are full at 7.
static const size_t counts[] = { 0, 1, 2, 6, 7, 8, 13, 14, 15, FLOW_WORDS };

START_TEST(a_row_is_read_as_it_was_written)
{
	struct state *states = calloc(ROWS, sizeof(*states)), s = { 0 };
	seen_row row = VEC_INIT;
	const uint64_t *p;
	struct seen seen;

	random_seed(_i + 1);
	seen_pipeline_state(&s.known);
	seen_begin(&seen);
	for (size_t i = 0; i < ROWS; i++) {
		change(&s, i % 3 ? counts[_i] : 0);
		states[i] = s;
		seen_put(&seen, &s.flow, &s.looked, &s.known, &row);
		check(&seen, &s);
	}
	seen_begin(&seen);
	p = row.v;
	for (size_t i = 0; i < ROWS; i++) {
		p = seen_take(&seen, p);
		check(&seen, &states[i]);
	}
	ck_assert_ptr_eq(p, row.v + row.n);
	VEC_FREE(&row);
	free(states);
}
END_TEST

START_TEST(what_does_not_change_takes_one_word)
{
	seen_row row = VEC_INIT;
	struct state s = { 0 };
	struct seen seen;

	seen_pipeline_state(&s.known);
	seen_begin(&seen);
	seen_put(&seen, &s.flow, &s.looked, &s.known, &row);
	ck_assert_uint_eq(row.n, 1);
	VEC_FREE(&row);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/seen");
	TCase *t = tcase_create("seen");

	tcase_add_loop_test(t, a_row_is_read_as_it_was_written, 0, ARRAY_SIZE(counts));
	tcase_add_test(t, what_does_not_change_takes_one_word);
	suite_add_tcase(s, t);
	return suite_run(s);
}
