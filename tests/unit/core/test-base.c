// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/heap.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/strmap.h"
#include "core/base/thread-memory.h"
#include "core/base/uuid.h"
#include "core/base/vec.h"
#include "tests/suite.h"

LOG_MODULE(testmodule);

struct item {
	struct hmap_node node;
	struct list link;
	int value;
};

START_TEST(hmap_finds_what_was_inserted_and_only_that)
{
	enum { N = 1000 };
	struct item *items = xcalloc(N, sizeof(*items)), *it;
	struct hmap h;
	size_t seen = 0;

	hmap_init(&h);
	for (int i = 0; i < N; i++) {
		items[i].value = i;
		hmap_insert(&h, &items[i].node, hash_u64(i, 0));
	}
	for (int i = 0; i < N; i += 2)
		hmap_remove(&h, &items[i].node);
	ck_assert_uint_eq(hmap_count(&h), N / 2);
	for (int i = 0; i < N; i++) {
		bool found = false;

		HMAP_FOR_EACH_WITH_HASH (it, node, hash_u64(i, 0), &h)
			found |= it->value == i;
		ck_assert_int_eq(found, i % 2);
	}
	HMAP_FOR_EACH (it, node, &h)
		seen++;
	ck_assert_uint_eq(seen, N / 2);
	hmap_uninit(&h);
	free(items);
}
END_TEST

START_TEST(hmap_swap_moves_the_inline_bucket)
{
	struct item one = { .value = 1 };
	struct hmap a, b;

	hmap_init(&a);
	hmap_init(&b);
	hmap_insert(&a, &one.node, 7);
	hmap_swap(&a, &b);
	ck_assert(hmap_is_empty(&a));
	ck_assert_ptr_eq(hmap_first(&b), &one.node);
	hmap_uninit(&a);
	hmap_uninit(&b);
}
END_TEST

START_TEST(list_splice_keeps_order)
{
	struct item v[4] = { { .value = 0 }, { .value = 1 }, { .value = 2 }, { .value = 3 } }, *it;
	struct list a, b;
	int expected = 0;

	list_init(&a);
	list_init(&b);
	list_push_back(&a, &v[0].link);
	list_push_back(&a, &v[1].link);
	list_push_back(&b, &v[2].link);
	list_push_back(&b, &v[3].link);
	list_splice(&a, &b);
	ck_assert(list_is_empty(&b));
	LIST_FOR_EACH (it, link, &a)
		ck_assert_int_eq(it->value, expected++);
	ck_assert_int_eq(expected, 4);
}
END_TEST

START_TEST(smap_compares_by_content)
{
	struct smap a, b;

	smap_init(&a);
	smap_set(&a, "x", "1");
	smap_setf(&a, "y", "%d", 2);
	smap_clone(&b, &a);
	ck_assert(smap_equal(&a, &b));
	smap_set(&b, "y", "3");
	ck_assert(!smap_equal(&a, &b));
	ck_assert_int_eq(smap_get_int(&b, "y", 0), 3);
	ck_assert_int_eq(smap_get_int(&b, "z", 9), 9);
	ck_assert(smap_remove(&b, "x"));
	ck_assert(!smap_remove(&b, "x"));
	smap_uninit(&a);
	smap_uninit(&b);
}
END_TEST

static const struct {
	const char *text;
	int base;
	bool ok;
	uint64_t value;
} numbers[] = {
	{ "0", 10, true, 0 },
	{ "18446744073709551615", 10, true, UINT64_MAX },
	{ "18446744073709551616", 10, false, 0 },
	{ "0x10", 0, true, 16 },
	{ "-1", 10, false, 0 },
	{ " 1", 10, false, 0 },
	{ "1 ", 10, false, 0 },
	{ "", 10, false, 0 },
};

START_TEST(numbers_are_parsed_whole_or_not_at_all)
{
	uint64_t v = 0;

	ck_assert_msg(parse_u64(numbers[_i].text, numbers[_i].base, &v) == numbers[_i].ok, "\"%s\"",
		      numbers[_i].text);
	if (numbers[_i].ok)
		ck_assert_uint_eq(v, numbers[_i].value);
}
END_TEST

START_TEST(a_text_is_replaced_by_another_only)
{
	AUTO_FREE char *kept = NULL;
	char *before;

	ck_assert(!str_replace(&kept, ""));
	ck_assert_ptr_null(kept);
	ck_assert(str_replace(&kept, "one"));
	before = kept;
	ck_assert(!str_replace(&kept, "one"));
	ck_assert_ptr_eq(kept, before);
	ck_assert(str_replace(&kept, ""));
	ck_assert_str_eq(kept, "");
	ck_assert(!str_replace(&kept, ""));
}
END_TEST

static const struct {
	uint32_t sec, nsec;
	const char *text;
} durations[] = {
	{ 0, 0, "0s" },
	{ 5, 20000000, "5.020s" },
	{ 5, 1500000, "5.0015s" },
	{ 5, 1, "5.000000001s" },
	{ UINT32_MAX, 999999999, "4294967295.999999999s" },
};

START_TEST(durations_have_as_many_digits_as_it_takes)
{
	AUTO(strbuf) b = STRBUF_INIT;

	strbuf_put_duration(&b, durations[_i].sec, durations[_i].nsec);
	ck_assert_str_eq(strbuf_cstr(&b), durations[_i].text);
}
END_TEST

START_TEST(reader_error_sticks_and_reaches_the_parent)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };
	struct reader r = rd_init(bytes, sizeof(bytes)), sub = rd_sub(&r, 4);

	ck_assert_uint_eq(rd_be16(&sub), 0x0102);
	ck_assert_uint_eq(rd_be32(&sub), 0);
	ck_assert_uint_eq(rd_be16(&sub), 0);
	ck_assert_int_eq(rd_finish(&sub), -EPROTO);
	ck_assert_int_eq(rd_finish(&r), -EPROTO);
}
END_TEST

START_TEST(reader_that_leaves_bytes_is_not_finished)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct reader r = rd_init(bytes, sizeof(bytes));

	rd_be16(&r);
	ck_assert_int_eq(rd_status(&r), 0);
	ck_assert_int_eq(rd_finish(&r), -EPROTO);
}
END_TEST

START_TEST(uuid_text_round_trips)
{
	char text[UUID_LEN + 1], formatted[UUID_LEN + 1];
	struct uuid u, back;

	uuid_generate(&u);
	snprintf(text, sizeof(text), UUID_FMT, UUID_ARGS(&u));
	ck_assert(uuid_parse(&back, text));
	ck_assert(uuid_equal(&u, &back));
	uuid_format(&u, formatted);
	ck_assert_str_eq(formatted, text);
	text[0] = 'g';
	ck_assert(!uuid_parse(&back, text));
}
END_TEST

// Random bytes are taken from the system many at a time: parent and child must not use the same.
START_TEST(uuids_after_a_fork_differ)
{
	struct uuid mine, childs;
	int fds[2];
	pid_t pid;

	uuid_generate(&mine);
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		uuid_generate(&childs);
		_exit(write(fds[1], &childs, sizeof(childs)) != sizeof(childs));
	}
	ck_assert_int_eq(read(fds[0], &childs, sizeof(childs)), sizeof(childs));
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 200; i++) {
		uuid_generate(&mine);
		ck_assert(!uuid_equal(&mine, &childs));
	}
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(arena_keeps_what_was_taken_until_it_is_reset)
{
	struct arena a = ARENA_INIT;

	for (int round = 0; round < 3; round++) {
		char *small[500];

		for (int i = 0; i < 500; i++) {
			small[i] = arena_strndup(&a, "0123456789abcdef0123456789abcdef", i % 33);
			ck_assert_uint_eq((uintptr_t)small[i] % _Alignof(max_align_t), 0);
			// Larger than any chunk now and then.
			if (i % 100 == 50)
				memset(arena_alloc(&a, 100000), 'x', 100000);
		}
		for (int i = 0; i < 500; i++) {
			ck_assert_uint_eq(strlen(small[i]), i % 33);
			ck_assert(!strncmp(small[i], "0123456789abcdef0123456789abcdef", i % 33));
		}
		arena_reset(&a);
	}
	arena_uninit(&a);
	arena_reset(&a);
}
END_TEST

// Does the mapping that holds 'p' ask for huge pages?
static bool asks_for_huge_pages(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false, asks = false;
	unsigned long from, to;
	char line[1024];

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (inside && str_starts(line, "VmFlags:"))
			asks = strstr(line, " hg");
	}
	fclose(f);
	return asks;
}

START_TEST(heap_asks_for_huge_pages_where_it_grows)
{
	char *first, *second;

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		return;
	heap_use_huge_pages();
	first = sbrk(8 << 20);
	heap_note_growth();
	second = sbrk(8 << 20);
	ck_assert(asks_for_huge_pages(first + (4 << 20)));
	ck_assert(!asks_for_huge_pages(second + (4 << 20)));
	heap_note_growth();
	ck_assert(asks_for_huge_pages(second + (4 << 20)));
}
END_TEST

START_TEST(error_context_goes_in_front)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(error_set(&err, -ENOENT, "no %s", "port"), -ENOENT);
	ck_assert_int_eq(error_wrap(&err, "bridge %d", 1), -ENOENT);
	ck_assert_str_eq(err.text, "bridge 1: no port");
}
END_TEST

START_TEST(long_error_is_cut_and_says_so)
{
	struct error err = ERROR_INIT;
	char big[3000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", big);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_str_eq(err.text + strlen(err.text) - 3, "...");
}
END_TEST

START_TEST(stopped_clock_moves_only_when_advanced)
{
	int64_t before;

	clock_stop();
	before = clock_msec();
	ck_assert_int_eq(clock_msec(), before);
	clock_advance(12345);
	ck_assert_int_eq(clock_msec(), before + 12345);
	clock_resume();
	ck_assert_int_ge(clock_msec(), before + 12345);
}
END_TEST

START_TEST(log_spec_selects_module_destination_and_level)
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) out = STRBUF_INIT;

	ck_assert_int_eq(log_set("testmodule:file:dbg", &err), 0);
	ck_assert_int_eq(log_set("testmodule:console:off", &err), 0);
	log_list(&out);
	ck_assert_ptr_nonnull(strstr(out.s, "testmodule         OFF       INFO        DBG\n"));
	ck_assert_int_lt(log_set("nonsense", &err), 0);
	ck_assert_str_eq(err.text, "no destination, level, or module \"nonsense\"");
}
END_TEST

START_TEST(log_limit_drops_and_reports)
{
	struct log_limit limit = LOG_LIMIT_INIT(60, 2);

	clock_stop();
	log_set("console:off", NULL);
	limit.last = clock_msec();
	ck_assert(log_limit_pass(&log_module_, LEVEL_INFO, &limit));
	ck_assert(log_limit_pass(&log_module_, LEVEL_INFO, &limit));
	ck_assert(!log_limit_pass(&log_module_, LEVEL_INFO, &limit));
	clock_advance(1000);
	ck_assert(log_limit_pass(&log_module_, LEVEL_INFO, &limit));
}
END_TEST

static const void *released[2];
static size_t n_released;

static void note_release(void *p)
{
	released[n_released++] = p;
	free(p);
}

static void *take_two(void *aux)
{
	const void **taken = aux;

	for (size_t i = 0; i < 2; i++) {
		taken[i] = thread_memory(100, note_release);
		ck_assert(is_all_zeros(taken[i], 100));
	}
	return NULL;
}

START_TEST(memory_of_a_thread_goes_with_it)
{
	const void *taken[2];
	pthread_t thread;

	ck_assert(!pthread_create(&thread, NULL, take_two, taken));
	ck_assert(!pthread_join(thread, NULL));
	ck_assert_uint_eq(n_released, 2);
	ck_assert_ptr_eq(released[0], taken[1]);
	ck_assert_ptr_eq(released[1], taken[0]);
}
END_TEST

START_TEST(every_counter_has_a_name_of_its_own)
{
	for (int c = 0; c < COUNTER_MAX; c++)
		ck_assert_int_eq(counter_find(counter_name(c)), c);
	counter_add(COUNTER_XLATE, 3);
	ck_assert_uint_eq(counter_total(COUNTER_XLATE), 3);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/base");
	TCase *t = tcase_create("base");

	tcase_add_test(t, hmap_finds_what_was_inserted_and_only_that);
	tcase_add_test(t, hmap_swap_moves_the_inline_bucket);
	tcase_add_test(t, list_splice_keeps_order);
	tcase_add_test(t, smap_compares_by_content);
	tcase_add_loop_test(t, numbers_are_parsed_whole_or_not_at_all, 0, ARRAY_SIZE(numbers));
	tcase_add_test(t, a_text_is_replaced_by_another_only);
	tcase_add_loop_test(t, durations_have_as_many_digits_as_it_takes, 0, ARRAY_SIZE(durations));
	tcase_add_test(t, reader_error_sticks_and_reaches_the_parent);
	tcase_add_test(t, reader_that_leaves_bytes_is_not_finished);
	tcase_add_test(t, uuid_text_round_trips);
	tcase_add_test(t, uuids_after_a_fork_differ);
	tcase_add_test(t, arena_keeps_what_was_taken_until_it_is_reset);
	tcase_add_test(t, heap_asks_for_huge_pages_where_it_grows);
	tcase_add_test(t, error_context_goes_in_front);
	tcase_add_test(t, long_error_is_cut_and_says_so);
	tcase_add_test(t, stopped_clock_moves_only_when_advanced);
	tcase_add_test(t, log_spec_selects_module_destination_and_level);
	tcase_add_test(t, log_limit_drops_and_reports);
	tcase_add_test(t, memory_of_a_thread_goes_with_it);
	tcase_add_test(t, every_counter_has_a_name_of_its_own);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
