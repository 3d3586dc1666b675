// SPDX-License-Identifier: Apache-2.0
// The JSON reader and writer, with jansson as the oracle.
#include "core/base/hash.h"
#include "core/io/json.h"
#include "tests/suite.h"
#include "tests/unit/core/json-oracle.h"

static bool we_accept(const char *text, size_t n)
{
	struct error err = ERROR_INIT;
	struct json_reader r;
	bool ok;

	json_reader_init(&r, text, n);
	json_skip(&r);
	ok = json_finish(&r, &err) == 0;
	json_reader_uninit(&r);
	return ok;
}

static const char *const texts[] = {
	"{}",
	"[]",
	"null",
	"true",
	"false",
	"0",
	"-0",
	"1.5e3",
	"\"a\\u00e9\\n\"",
	"[1,2,[3,{\"a\":[]}]]",
	"{\"a\":1,\"b\":{\"c\":[true,false,null]}}",
	" [ 1 , 2 ] ",
	"",
	"[",
	"]",
	"[1,]",
	"{\"a\"}",
	"{\"a\":}",
	"{,}",
	"[01]",
	"[1.]",
	"[.5]",
	"[1e]",
	"[+1]",
	"[-]",
	"nul",
	"truex",
	"\"",
	"\"\\x\"",
	"\"\\u12\"",
	"\"\\ud800\"",
	"\"\\udc00\"",
	"\"\\ud83d\\ude00\"",
	"\"\xff\"",
	"\"\xc0\x80\"",
	"\"\xe2\x82\xac\"",
	"\"\t\"",
	"[1 2]",
	"{\"a\":1 \"b\":2}",
	"[1]]",
	"{}{}",
	"[1e400]",
	"\"\xf4\x90\x80\x80\"",
	"[\"\\/\\b\\f\"]",
};

START_TEST(reader_agrees_with_jansson_on_what_is_json)
{
	size_t n = strlen(texts[_i]);

	ck_assert_msg(we_accept(texts[_i], n) == oracle_accepts(texts[_i], n), "text %d: %s", _i,
		      texts[_i]);
}
END_TEST

// Random edits of good texts: both must agree on every one. A fixed seed, bounded in number.
START_TEST(reader_agrees_with_jansson_on_mutations)
{
	static const char alphabet[] = "{}[]\",:0123456789.eE+-truefalsn\\u \n\x80\xe2";

	random_seed(4711);
	for (int i = 0; i < 200000; i++) {
		char text[256];
		size_t n;

		strcpy(text, texts[random_u32() % 12]);
		n = strlen(text);
		for (unsigned int k = random_u32() % 3; n && k; k--)
			text[random_u32() % n] = alphabet[random_u32() % (sizeof(alphabet) - 1)];
		ck_assert_msg(we_accept(text, n) == oracle_accepts(text, n), "%.*s", (int)n, text);
	}
}
END_TEST

// A string of 'n' characters in which 'c' (quoted where it must be) stands at 'at'.
static void put_text(struct strbuf *b, size_t n, size_t at, char c)
{
	strbuf_puts(b, "[\"");
	for (size_t i = 0; i < n; i++) {
		if (i == at && (c == '"' || c == '\\'))
			strbuf_putc(b, '\\');
		strbuf_putc(b, i == at ? c : 'a');
	}
	strbuf_puts(b, "\",7]");
}

// Strings are looked at eight bytes at a time: what is special is found wherever it stands.
START_TEST(what_is_special_in_a_string_is_found_at_every_place)
{
	static const char specials[] = { '"',	 '\\',	 '\n', '\x1f', '\x80',
					 '\xff', '\x7f', ' ',  '!',    ']' };

	for (size_t n = 1; n < 20; n++) {
		for (size_t i = 0; i < n * ARRAY_SIZE(specials); i++) {
			char c = specials[i / n];
			AUTO(strbuf) b = STRBUF_INIT;
			struct json_framer f = { 0 };
			struct json_span skipped;
			struct json_reader r;
			bool complete;

			put_text(&b, n, i % n, c);
			ck_assert_msg(we_accept(b.s, b.len) == oracle_accepts(b.s, b.len), "%s",
				      b.s);
			ck_assert_int_eq(json_frame(&f, b.s, b.len, &complete), b.len);
			ck_assert(complete);
			if (!we_accept(b.s, b.len))
				continue;
			json_reader_init_checked(&r, (struct json_span){ b.s, b.len });
			json_array(&r);
			ck_assert(json_element(&r));
			skipped = json_skip(&r);
			ck_assert_uint_eq(skipped.n, b.len - 4);
			ck_assert(json_element(&r));
			ck_assert_int_eq(json_integer(&r), 7);
			json_reader_uninit(&r);
		}
	}
}
END_TEST

START_TEST(a_checked_reader_skips_what_another_does)
{
	static const char text[] = "{\"a\" : [1,{\"b\":\"}\\\\\"} , []] ,\"c\":-1.5e3 ,\"d\":true}";
	struct json_reader a, b;
	const char *ka, *kb;
	size_t na, nb;

	json_reader_init(&a, text, strlen(text));
	json_reader_init_checked(&b, (struct json_span){ text, strlen(text) });
	json_object(&a);
	json_object(&b);
	while (json_member(&a, &ka, &na)) {
		struct json_span sa = json_skip(&a), sb;

		ck_assert(json_member(&b, &kb, &nb));
		sb = json_skip(&b);
		ck_assert(sa.p == sb.p && sa.n == sb.n);
	}
	ck_assert(!json_member(&b, &kb, &nb));
	ck_assert_int_eq(json_finish(&a, NULL), 0);
	ck_assert_int_eq(json_finish(&b, NULL), 0);
	json_reader_uninit(&a);
	json_reader_uninit(&b);
}
END_TEST

START_TEST(values_are_read_as_typed)
{
	static const char text[] = "{\"i\":-9223372036854775808,\"r\":2.5,\"s\":\"x\\u20acy\","
				   "\"b\":true,\"e\":1e3,\"a\":[1,2]}";
	struct json_reader r;
	const char *key;
	int64_t sum = 0;
	size_t n;

	json_reader_init(&r, text, strlen(text));
	json_object(&r);
	while (json_member(&r, &key, &n)) {
		if (json_key_is(key, n, "i"))
			ck_assert_int_eq(json_integer(&r), INT64_MIN);
		else if (json_key_is(key, n, "r"))
			ck_assert_double_eq(json_real(&r), 2.5);
		else if (json_key_is(key, n, "s"))
			ck_assert_str_eq(json_string(&r, NULL), "x\xe2\x82\xacy");
		else if (json_key_is(key, n, "b"))
			ck_assert(json_bool(&r));
		else if (json_key_is(key, n, "e"))
			ck_assert_int_eq(json_integer(&r), 1000);
		else
			for (json_array(&r); json_element(&r);)
				sum += json_integer(&r);
	}
	ck_assert_int_eq(sum, 3);
	ck_assert_int_eq(json_finish(&r, NULL), 0);
	json_reader_uninit(&r);
}
END_TEST

START_TEST(error_names_the_byte)
{
	struct error err = ERROR_INIT;
	struct json_reader r;

	json_reader_init(&r, "[1, x]", 6);
	json_skip(&r);
	ck_assert_int_lt(json_finish(&r, &err), 0);
	ck_assert_str_eq(err.text, "byte 4: a value cannot begin with 'x' (0x78)");
	json_reader_uninit(&r);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	AUTO(strbuf) deep = STRBUF_INIT;

	strbuf_putc_n(&deep, '[', JSON_MAX_DEPTH);
	strbuf_putc_n(&deep, ']', JSON_MAX_DEPTH);
	ck_assert(we_accept(deep.s, deep.len));
	strbuf_clear(&deep);
	strbuf_putc_n(&deep, '[', JSON_MAX_DEPTH + 1);
	strbuf_putc_n(&deep, ']', JSON_MAX_DEPTH + 1);
	ck_assert(!we_accept(deep.s, deep.len));
}
END_TEST

START_TEST(writer_writes_what_jansson_reads)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_writer w;
	char text[64];
	long long integer;
	double real;
	size_t n;

	json_writer_init(&w, &out);
	jw_object_begin(&w);
	jw_member_string(&w, "s", "a\"b\\c\n\x01");
	jw_member_integer(&w, "i", INT64_MIN);
	jw_key(&w, "r");
	jw_real(&w, 0.1);
	jw_key(&w, "list");
	jw_array_begin(&w);
	jw_null(&w);
	jw_bool(&w, true);
	jw_array_begin(&w);
	jw_array_end(&w);
	jw_array_end(&w);
	jw_object_end(&w);
	ck_assert(oracle_reads(out.s, out.len, text, &integer, &real, &n));
	ck_assert_str_eq(text, "a\"b\\c\n\x01");
	ck_assert(integer == INT64_MIN);
	ck_assert_double_eq(real, 0.1);
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(equality_ignores_the_order_of_members)
{
	struct json_span a = { "{\"a\":1,\"b\":[1,2]}", 17 },
			 b = { "{ \"b\":[1, 2],\"a\":1.0 }", 23 },
			 c = { "{\"a\":1,\"b\":[2,1]}", 17 };

	ck_assert(json_equal(a, b));
	ck_assert(!json_equal(a, c));
}
END_TEST

START_TEST(framer_finds_the_end_in_pieces)
{
	static const char stream[] = " {\"a\":\"}]\\\"\"}[1]";
	struct json_framer f = { 0 };
	bool complete = false;
	size_t used = 0;

	// One byte at a time: the first message ends where its closing brace is, not within the string.
	while (!complete)
		used += json_frame(&f, stream + used, 1, &complete);
	ck_assert_uint_eq(used, strlen(stream) - 3);
	ck_assert_int_eq(json_frame(&f, stream + used, 3, &complete), 3);
	ck_assert(complete);
	ck_assert_int_lt(json_frame(&f, "x", 1, &complete), 0);
}
END_TEST

START_TEST(framer_takes_a_message_however_it_is_cut)
{
	static const char text[] = "[\"long enough for words \\\\\",{\"a\\\"]\":\"\\\\\\\"\"}]";
	size_t n = strlen(text);

	for (size_t first = 0; first <= n; first++) {
		for (size_t second = first; second <= n; second++) {
			size_t cuts[] = { 0, first, second, n };
			struct json_framer f = { 0 };
			bool complete = false;

			for (int i = 0; i < 3; i++) {
				ck_assert(!complete || cuts[i] == n);
				if (cuts[i] == cuts[i + 1])
					continue;
				ck_assert_int_eq(json_frame(&f, text + cuts[i],
							    cuts[i + 1] - cuts[i], &complete),
						 cuts[i + 1] - cuts[i]);
			}
			ck_assert(complete);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core/io/json");
	TCase *t = tcase_create("json");

	tcase_add_loop_test(t, reader_agrees_with_jansson_on_what_is_json, 0, ARRAY_SIZE(texts));
	tcase_add_test(t, reader_agrees_with_jansson_on_mutations);
	tcase_add_test(t, what_is_special_in_a_string_is_found_at_every_place);
	tcase_add_test(t, a_checked_reader_skips_what_another_does);
	tcase_add_test(t, values_are_read_as_typed);
	tcase_add_test(t, error_names_the_byte);
	tcase_add_test(t, nesting_is_bounded);
	tcase_add_test(t, writer_writes_what_jansson_reads);
	tcase_add_test(t, equality_ignores_the_order_of_members);
	tcase_add_test(t, framer_finds_the_end_in_pieces);
	tcase_add_test(t, framer_takes_a_message_however_it_is_cut);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run(s);
}
