// SPDX-License-Identifier: Apache-2.0
// Values: JSON and text in and out, differences, types and schemas.
#include "core/io/json.h"
#include "ovsdb/schema.h"
#include "tests/suite.h"

static struct ovsdb_type read_type(const char *text)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct json_reader r;
	struct ovsdb_type t;

	json_reader_init(&r, text, strlen(text));
	ck_assert_msg(!ovsdb_type_read(&t, &r, &err), "%s: %s", text, err.details);
	json_reader_uninit(&r);
	return t;
}

#define STRINGS "{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}"
#define INTEGERS "{\"key\":\"integer\",\"min\":0,\"max\":\"unlimited\"}"
#define MAP "{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":\"unlimited\"}"
#define PORT "{\"key\":{\"type\":\"integer\",\"minInteger\":1,\"maxInteger\":65279},\"min\":0}"
#define MODE \
	"{\"key\":{\"type\":\"string\",\"enum\":[\"set\",[\"standalone\",\"secure\"]]},\"min\":0}"

// JSON in, canonical JSON and text out; 'json_out' NULL: refused.
static const struct {
	const char *type, *json, *json_out, *text;
} json_cases[] = {
	{ "\"integer\"", "5", "5", "5" },
	{ "\"integer\"", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808" },
	{ "\"integer\"", "9223372036854775808", NULL, NULL },
	{ "\"integer\"", "1.5", NULL, NULL },
	{ "\"integer\"", "\"5\"", NULL, NULL },
	{ "\"integer\"", "[\"set\",[5]]", "5", "5" },
	{ "\"integer\"", "[\"set\",[]]", NULL, NULL },
	{ "\"integer\"", "[\"set\",[1,2]]", NULL, NULL },
	{ "\"real\"", "0.1", "0.1", "0.1" },
	{ "\"real\"", "1e999", NULL, NULL },
	{ "\"boolean\"", "true", "true", "true" },
	{ "\"boolean\"", "1", NULL, NULL },
	{ "\"string\"", "\"abc\"", "\"abc\"", "abc" },
	{ "\"string\"", "\"\"", "\"\"", "\"\"" },
	{ "\"string\"", "\"a b\"", "\"a b\"", "\"a b\"" },
	{ "\"string\"", "\"true\"", "\"true\"", "\"true\"" },
	{ "\"string\"", "\"1a\"", "\"1a\"", "\"1a\"" },
	{ "\"string\"", "\"a-b.c_d\"", "\"a-b.c_d\"", "a-b.c_d" },
	{ "\"string\"", "\"\\u00e9\"", "\"\u00e9\"", "\"\u00e9\"" },
	{ "\"uuid\"", "[\"uuid\",\"01234567-89ab-cdef-0123-456789abcdef\"]",
	  "[\"uuid\",\"01234567-89ab-cdef-0123-456789abcdef\"]",
	  "01234567-89ab-cdef-0123-456789abcdef" },
	{ "\"uuid\"", "[\"uuid\",\"0123\"]", NULL, NULL },
	{ "\"uuid\"", "[\"named-uuid\",\"x\"]", NULL, NULL },
	{ INTEGERS, "[\"set\",[3,1,2]]", "[\"set\",[1,2,3]]", "[1, 2, 3]" },
	{ INTEGERS, "[\"set\",[]]", "[\"set\",[]]", "[]" },
	{ INTEGERS, "7", "7", "[7]" },
	{ INTEGERS, "[\"set\",[1,1]]", NULL, NULL },
	{ INTEGERS, "[ \"set\" , [ 1 ] ]", "1", "[1]" },
	{ INTEGERS, "[\"map\",[]]", NULL, NULL },
	{ MAP, "[\"map\",[[\"b\",\"1\"],[\"a\",\"2\"]]]", "[\"map\",[[\"a\",\"2\"],[\"b\",\"1\"]]]",
	  "{a=\"2\", b=\"1\"}" },
	{ MAP, "[\"map\",[[\"a\",\"2\"],[\"a\",\"1\"]]]", NULL, NULL },
	{ MAP, "[\"map\",[[\"a\"]]]", NULL, NULL },
	{ MAP, "[\"map\",[[\"a\",\"b\",\"c\"]]]", NULL, NULL },
	{ MAP, "\"a\"", NULL, NULL },
	{ PORT, "65279", "65279", "65279" },
	{ PORT, "65280", NULL, NULL },
	{ PORT, "0", NULL, NULL },
	{ PORT, "[\"set\",[]]", "[\"set\",[]]", "[]" },
	{ MODE, "\"secure\"", "\"secure\"", "secure" },
	{ MODE, "\"other\"", NULL, NULL },
	{ "{\"key\":{\"type\":\"string\",\"maxLength\":2}}", "\"\u00e9\u00e9\"", "\"\u00e9\u00e9\"",
	  "\"\u00e9\u00e9\"" },
	{ "{\"key\":{\"type\":\"string\",\"maxLength\":2}}", "\"abc\"", NULL, NULL },
};

START_TEST(test_json)
{
	struct ovsdb_type t = read_type(json_cases[_i].type);
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct ovsdb_datum d, again;
	struct json_writer w;
	struct json_reader r;
	int rc;

	json_reader_init(&r, json_cases[_i].json, strlen(json_cases[_i].json));
	rc = ovsdb_datum_read(&d, &t, &r, NULL, &err);
	json_reader_uninit(&r);
	ck_assert_msg((rc == 0) == (json_cases[_i].json_out != NULL), "%s: %s", json_cases[_i].json,
		      err.details);
	if (rc) {
		ck_assert(err.tag && err.details[0]);
		ovsdb_type_uninit(&t);
		return;
	}
	json_writer_init(&w, &out);
	ovsdb_datum_write(&d, &t, &w);
	ck_assert_str_eq(out.s, json_cases[_i].json_out);
	ovsdb_datum_format(&d, &t, &text);
	ck_assert_str_eq(text.s, json_cases[_i].text);
	// The text reads back as the same value.
	ck_assert_msg(!ovsdb_datum_parse(&again, &t, text.s, NULL, &err), "%s", err.details);
	ck_assert(ovsdb_datum_equal(&d, &again, &t));
	ck_assert(ovsdb_datum_hash(&d, &t, 1) == ovsdb_datum_hash(&again, &t, 1));
	ovsdb_datum_uninit(&d, &t);
	ovsdb_datum_uninit(&again, &t);
	ovsdb_type_uninit(&t);
}
END_TEST

// What people type; 'out' NULL: refused.
static const struct {
	const char *type, *in, *out;
} text_cases[] = {
	{ INTEGERS, "1,2,3", "[1, 2, 3]" },
	{ INTEGERS, "1 3 2", "[1, 2, 3]" },
	{ INTEGERS, "1-4", "[1, 2, 3, 4]" },
	{ INTEGERS, "", "[]" },
	{ INTEGERS, "[1", NULL },
	{ INTEGERS, "1]", NULL },
	{ INTEGERS, "[1] 2", NULL },
	{ INTEGERS, "[1,1]", NULL },
	{ INTEGERS, "x", NULL },
	{ "\"integer\"", "1 2", NULL },
	{ "\"integer\"", "[]", NULL },
	{ "\"boolean\"", "yes", "true" },
	{ "\"boolean\"", "0", "false" },
	{ "\"boolean\"", "maybe", NULL },
	{ "\"string\"", "\"a\\\"b\"", "\"a\\\"b\"" },
	{ "\"string\"", "\"abc", NULL },
	{ "\"string\"", "tcp:1.2.3.4:5", "\"tcp:1.2.3.4:5\"" },
	{ STRINGS, "a, b", "[a, b]" },
	{ MAP, "a=b c=d", "{a=b, c=d}" },
	{ MAP, "{a=\"b c\",d=}", NULL },
	{ MAP, "a", NULL },
	{ MAP, "{a=b", NULL },
	{ "\"real\"", "1.5e3", "1500" },
	{ "\"real\"", "nan", NULL },
};

START_TEST(test_text)
{
	struct ovsdb_type t = read_type(text_cases[_i].type);
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct ovsdb_datum d;
	int rc = ovsdb_datum_parse(&d, &t, text_cases[_i].in, NULL, &err);

	ck_assert_msg((rc == 0) == (text_cases[_i].out != NULL), "%s", text_cases[_i].in);
	if (!rc) {
		ovsdb_datum_format(&d, &t, &out);
		if (t.key.type != OVSDB_REAL)
			ck_assert_str_eq(out.s, text_cases[_i].out);
		ovsdb_datum_uninit(&d, &t);
	}
	ovsdb_type_uninit(&t);
}
END_TEST

static struct ovsdb_datum parse(const struct ovsdb_type *t, const char *text)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_datum d;

	ck_assert_msg(!ovsdb_datum_parse(&d, t, text, NULL, &err), "%s: %s", text, err.details);
	return d;
}

static const struct {
	const char *type, *old, *new, *diff;
} diff_cases[] = {
	{ INTEGERS, "[1,2]", "[2,3]", "[1, 3]" },
	{ INTEGERS, "[]", "[1]", "[1]" },
	{ INTEGERS, "[1,2]", "[1,2]", "[]" },
	{ MAP, "{a=b,c=d}", "{a=x,e=f}", "{a=x, c=d, e=f}" },
	{ MAP, "{a=b}", "{a=b}", "{}" },
	{ PORT, "[]", "5", "5" },
	{ PORT, "5", "[]", "[]" },
	{ "\"string\"", "a", "b", "b" },
};

START_TEST(test_diff)
{
	struct ovsdb_type t = read_type(diff_cases[_i].type);
	struct ovsdb_datum old = parse(&t, diff_cases[_i].old), new = parse(&t, diff_cases[_i].new),
			   diff, applied;
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) out = STRBUF_INIT;

	ovsdb_datum_diff(&diff, &old, &new, &t);
	ovsdb_datum_format(&diff, &t, &out);
	ck_assert_str_eq(out.s, diff_cases[_i].diff);
	ck_assert(!ovsdb_datum_apply_diff(&applied, &old, &diff, &t, &err));
	ck_assert(ovsdb_datum_equal(&applied, &new, &t));
	ovsdb_datum_uninit(&old, &t);
	ovsdb_datum_uninit(&new, &t);
	ovsdb_datum_uninit(&diff, &t);
	ovsdb_datum_uninit(&applied, &t);
	ovsdb_type_uninit(&t);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} schema_cases[] = {
	{ "{\"name\":\"A\",\"tables\":{}}", true },
	{ "{\"name\":\"A\",\"version\":\"1.2.3\",\"cksum\":\"1 "
	  "2\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":"
	  "\"integer\"}}}}}",
	  true },
	{ "{\"tables\":{}}", false },
	{ "{\"name\":\"A\"}", false },
	{ "{\"name\":\"1A\",\"tables\":{}}", false },
	{ "{\"name\":\"A\",\"version\":\"1.2\",\"tables\":{}}", false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{}}}", false },
	{ "{\"name\":\"A\",\"tables\":{\"_t\":{\"columns\":{\"c\":{\"type\":\"integer\"}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"_c\":{\"type\":\"integer\"}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":\"nope\"}}}}}", false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{}}}}}", false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":{\"key\":{\"type\":"
	  "\"uuid\",\"refTable\":"
	  "\"x\"}}}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":{\"key\":\"integer\","
	  "\"min\":2}}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":{\"key\":\"integer\","
	  "\"max\":0}}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":\"integer\"}},"
	  "\"indexes\":[[\"x\"]]}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":{\"key\":{\"type\":"
	  "\"integer\","
	  "\"minInteger\":5,\"maxInteger\":4}}}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{\"t\":{\"columns\":{\"c\":{\"type\":{\"key\":{\"type\":"
	  "\"integer\","
	  "\"maxLength\":4}}}}}}}",
	  false },
	{ "{\"name\":\"A\",\"tables\":{}} x", false },
};

START_TEST(test_schema)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *s, *copy;
	const char *text = schema_cases[_i].text;
	int rc = ovsdb_schema_read(&s, (struct json_span){ text, strlen(text) }, &err);

	ck_assert_msg((rc == 0) == schema_cases[_i].ok, "%s: %s", text, err.details);
	if (rc)
		return;
	copy = ovsdb_schema_clone(s);
	ck_assert(ovsdb_schema_equal(s, copy));
	ovsdb_schema_destroy(s);
	ovsdb_schema_destroy(copy);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datum");
	TCase *t = tcase_create("datum");

	program_init("test-datum");
	tcase_add_loop_test(t, test_json, 0, ARRAY_SIZE(json_cases));
	tcase_add_loop_test(t, test_text, 0, ARRAY_SIZE(text_cases));
	tcase_add_loop_test(t, test_diff, 0, ARRAY_SIZE(diff_cases));
	tcase_add_loop_test(t, test_schema, 0, ARRAY_SIZE(schema_cases));
	suite_add_tcase(s, t);
	return suite_run(s);
}
