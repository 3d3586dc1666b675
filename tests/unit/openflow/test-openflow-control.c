// SPDX-License-Identifier: Apache-2.0
// What a controller's connection says about itself: printed as the golden file has it, back and forth on the wire, and damaged.
#include <check.h>
#include <stdio.h>

#include "ofproto/openflow/async.h"
#include "tests/suite.h"
#include "tests/unit/core/flow-testing.h"

static void put_hex(struct strbuf *b, const char *hex)
{
	for (; hex_digit(*hex) >= 0; hex += 2)
		wr_u8(b, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
}

// Calls 'f' with each message of the golden file and with what is to be printed of it.
static int for_each_golden(void (*f)(const struct strbuf *message, const char *printed))
{
	AUTO_FREE char *path = xasprintf("%s/tests/golden/openflow-control.txt", test_srcdir());
	AUTO(strbuf) message = STRBUF_INIT, printed = STRBUF_INIT;
	FILE *file = fopen(path, "r");
	char line[4096];
	int n = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		if (*line != '>') {
			if (*line != '#')
				strbuf_puts(&printed, line);
			continue;
		}
		if (n++)
			f(&message, strbuf_cstr(&printed));
		strbuf_clear(&message);
		strbuf_clear(&printed);
		put_hex(&message, line + 2);
	}
	f(&message, strbuf_cstr(&printed));
	fclose(file);
	return n;
}

static void check_printed(const struct strbuf *message, const char *printed)
{
	AUTO(strbuf) out = STRBUF_INIT;

	msg_print(message->s, message->len, NULL, 1, &out);
	ck_assert_str_eq(strbuf_cstr(&out), printed);
}

START_TEST(messages_are_printed_as_the_golden_file_has_them)
{
	ck_assert_int_gt(for_each_golden(check_printed), 100);
}
END_TEST

static uint32_t random_below(uint32_t n)
{
	static uint32_t state = 1;

	state = state * 1103515245 + 12345;
	return state / 65536 % n;
}

// Some bytes are others, and sometimes it ends early; its length is right.
static void damage_one(const struct strbuf *message)
{
	AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT;
	size_t n = message->len;

	if (!random_below(3))
		n = 8 + random_below(n - 7);
	strbuf_put(&b, message->s, n);
	for (uint32_t i = random_below(4); i > 0 && n > 8; i--)
		b.s[8 + random_below(n - 8)] = (char)random_below(256);
	wr_patch_be16(&b, 2, b.len);
	msg_print(b.s, b.len, NULL, 3, &out);
	ck_assert_uint_gt(out.len, 0);
}

static void damage_often(const struct strbuf *message, const char *printed)
{
	for (int i = 0; i < 2000; i++)
		damage_one(message);
}

START_TEST(damaged_messages_do_no_harm)
{
	for_each_golden(damage_often);
}
END_TEST

// ---- Asynchronous configuration ----

static const struct {
	enum msg_type type;
	uint8_t version;
	int kinds; // that it has
} async_forms[] = {
	{ MSG_SET_ASYNC_CONFIG, OFP10, 3 },  { MSG_SET_ASYNC_CONFIG, OFP13, 3 },
	{ MSG_SET_ASYNC_CONFIG, OFP15, 3 },  { MSG_SET_ASYNC_CONFIG2, OFP10, 6 },
	{ MSG_SET_ASYNC_CONFIG2, OFP13, 6 }, { MSG_SET_ASYNC, OFP13, 3 },
	{ MSG_SET_ASYNC, OFP14, 6 },	     { MSG_SET_ASYNC, OFP15, 6 },
	{ MSG_GET_ASYNC_REPLY, OFP13, 3 },   { MSG_GET_ASYNC_REPLY, OFP15, 6 },
};

START_TEST(masks_arrive_as_they_are_and_kinds_that_are_not_said_keep_theirs)
{
	const struct async_masks sent = { { 1, 2, 3, 4, 8, 1 }, { 2, 1, 5, 1, 16, 2 } };
	const struct async_masks before = { { 7, 7, 7, 7, 24, 3 }, { 5, 5, 5, 5, 24, 3 } };
	struct async_masks got = before;
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;

	async_encode(async_forms[_i].type, &sent, async_forms[_i].version, 7, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(m.type, async_forms[_i].type);
	ck_assert_int_eq(async_decode(&m, &got), OFPERR_NONE);
	for (int kind = 0; kind < ASYNC_N; kind++) {
		const struct async_masks *want = kind < async_forms[_i].kinds ? &sent : &before;

		ck_assert_uint_eq(got.primary[kind], want->primary[kind]);
		ck_assert_uint_eq(got.secondary[kind], want->secondary[kind]);
	}
}
END_TEST

// ---- Tables ----

START_TEST(descriptions_of_tables_arrive_as_they_are)
{
	const struct table_desc sent[] = { { 0, false, false, EVICTION_DEFAULT, 0, 0, 0 },
					   { 253, true, true, 5, 10, 90, 35 } };
	AUTO(strbuf) b = STRBUF_INIT, request = STRBUF_INIT;
	struct table_desc got;
	struct mp_writer w;
	struct msg m;
	bool more;

	msg_put_plain(MSG_TABLE_DESC_REQUEST, _i, 7, &request);
	ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
	mp_begin(&w, &m, &b);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		mp_put_table_desc(&w, &sent[i]);
	mp_end(&w);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		ck_assert_int_eq(table_desc_decode_next(&m, &got, &more), OFPERR_NONE);
		ck_assert(more);
		ck_assert_uint_eq(got.table, sent[i].table);
		ck_assert_int_eq(got.eviction, sent[i].eviction);
		ck_assert_int_eq(got.vacancy, sent[i].vacancy);
		ck_assert_uint_eq(got.eviction_flags, sent[i].eviction_flags);
		ck_assert_uint_eq(got.vacancy_down, sent[i].vacancy_down);
		ck_assert_uint_eq(got.vacancy_up, sent[i].vacancy_up);
		ck_assert_uint_eq(got.vacancy_now, sent[i].vacancy_now);
	}
	ck_assert_int_eq(table_desc_decode_next(&m, &got, &more), OFPERR_NONE);
	ck_assert(!more);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("openflow/control");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, messages_are_printed_as_the_golden_file_has_them);
	tcase_add_test(t, damaged_messages_do_no_harm);
	tcase_add_loop_test(t, masks_arrive_as_they_are_and_kinds_that_are_not_said_keep_theirs, 0,
			    ARRAY_SIZE(async_forms));
	tcase_add_loop_test(t, descriptions_of_tables_arrive_as_they_are, OFP14, OFP15 + 1);
	suite_add_tcase(s, t);
	return suite_run(s);
}
