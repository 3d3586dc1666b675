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
		seen_put(&seen, &s.flow, &s.looked, &s.known, NULL, &row);
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

static struct flowmap difference(const struct state *a, const struct state *b)
{
	struct flowmap ret = { 0 };

	for (size_t w = 0; w < FLOW_WORDS; w++)
		if (flow_words_const(&a->flow)[w] != flow_words_const(&b->flow)[w] ||
		    flow_words_const(&a->looked.m)[w] != flow_words_const(&b->looked.m)[w] ||
		    flow_words_const(&a->known.m)[w] != flow_words_const(&b->known.m)[w])
			flowmap_add(&ret, w);
	return ret;
}

START_TEST(words_that_are_told_of_make_the_same_row)
{
	seen_row all = VEC_INIT, told = VEC_INIT;
	struct state s = { 0 }, before;
	struct seen seen, seen_told;
	struct flowmap touched;

	random_seed(_i + 1);
	seen_pipeline_state(&s.known);
	seen_begin(&seen);
	seen_begin(&seen_told);
	for (size_t i = 0; i < ROWS; i++) {
		before = s;
		change(&s, i % 3 ? counts[_i] : 0);
		touched = difference(&before, &s);
		seen_put(&seen, &s.flow, &s.looked, &s.known, NULL, &all);
		seen_put(&seen_told, &s.flow, &s.looked, &s.known, &touched, &told);
	}
	ck_assert_uint_eq(all.n, told.n);
	ck_assert_mem_eq(all.v, told.v, all.n * sizeof(*all.v));
	VEC_FREE(&all);
	VEC_FREE(&told);
}
END_TEST

START_TEST(what_does_not_change_takes_one_word)
{
	seen_row row = VEC_INIT;
	struct state s = { 0 };
	struct seen seen;

	seen_pipeline_state(&s.known);
	seen_begin(&seen);
	seen_put(&seen, &s.flow, &s.looked, &s.known, NULL, &row);
	ck_assert_uint_eq(row.n, 1);
	VEC_FREE(&row);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/seen");
	TCase *t = tcase_create("seen");

	tcase_add_loop_test(t, a_row_is_read_as_it_was_written, 0, ARRAY_SIZE(counts));
	tcase_add_loop_test(t, words_that_are_told_of_make_the_same_row, 0, ARRAY_SIZE(counts));
	tcase_add_test(t, what_does_not_change_takes_one_word);
	suite_add_tcase(s, t);
	return suite_run(s);
}
