// SPDX-License-Identifier: Apache-2.0
// Numbers that are written without a format are what the format writes.
#include <inttypes.h>
#include <stdio.h>

#include "core/base/strbuf.h"
#include "tests/suite.h"

static const uint64_t numbers[] = {
	0,	    1,		9,	    10,
	15,	    16,		99,	    100,
	255,	    256,	999,	    1000,
	UINT16_MAX, INT32_MAX,	UINT32_MAX, UINT32_MAX + UINT64_C(1),
	INT64_MAX,  UINT64_MAX,
};

static void assert_text(struct strbuf *b, const char *expected)
{
	ck_assert_str_eq(strbuf_cstr(b), expected);
	strbuf_clear(b);
}

START_TEST(decimal_numbers_are_those_of_the_format)
{
	AUTO(strbuf) b = STRBUF_INIT;
	char expected[32];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
		strbuf_put_u64(&b, numbers[i]);
		assert_text(&b, expected);
		for (int width = 0; width <= 20; width++) {
			snprintf(expected, sizeof(expected), "%0*" PRIu64, width, numbers[i]);
			strbuf_put_u64_wide(&b, numbers[i], width);
			assert_text(&b, expected);
		}
	}
}
END_TEST

START_TEST(hexadecimal_numbers_are_those_of_the_format)
{
	AUTO(strbuf) b = STRBUF_INIT;
	char expected[32];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (int width = 0; width <= 16; width++) {
			snprintf(expected, sizeof(expected), "%0*" PRIx64, width, numbers[i]);
			strbuf_put_hex(&b, numbers[i], width);
			assert_text(&b, expected);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("strbuf");
	TCase *tc = tcase_create("numbers");

	tcase_add_test(tc, decimal_numbers_are_those_of_the_format);
	tcase_add_test(tc, hexadecimal_numbers_are_those_of_the_format);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
