// SPDX-License-Identifier: Apache-2.0
// What the tests of core/flow and core/packet share.
#pragma once

#include "core/base/hash.h"
#include "core/flow/fields.h"
#include "tests/suite.h"

// Where the sources are: automake's srcdir, or the current directory.
static inline const char *test_srcdir(void)
{
	const char *dir = getenv("srcdir");

	return dir ? dir : ".";
}

// "a,b=c": words of a match, as flow text has them; without cookies, priorities and actions.
static inline int match_from_text(const char *text, struct match *m, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	int depth = 0;
	char *word = copy, *p = copy;

	match_init_any(m);
	for (bool last = false; !last; p++) {
		char *value;
		int error;

		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		if (*p && (*p != ',' || depth))
			continue;
		last = !*p;
		*p = '\0';
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		error = *word && strcmp(word, "priority")
				? match_parse_word(m, word, value, NULL, err)
				: 0;
		if (error == -ENOENT)
			error = error_set(err, -EINVAL, "unknown keyword %s", word);
		if (error)
			return error;
		word = p + 1;
	}
	return 0;
}

static inline uint32_t pick(uint32_t n)
{
	return random_u32() % n;
}

// Where the mask has bits, 'other' gets those of 'k'.
static inline void key_under_mask(struct flow_key *other, const struct flow_key *k,
				  const struct flow_mask *mask)
{
	for (size_t w = 0; w < FLOW_WORDS; w++) {
		uint64_t m = flow_words_const(&mask->m)[w];

		flow_words(other)[w] =
			(flow_words_const(k)[w] & m) | (flow_words_const(other)[w] & ~m);
	}
}

static inline int run_case(TCase *t)
{
	Suite *s = suite_create("flow");

	hash_seed_init();
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	return suite_run(s);
}
