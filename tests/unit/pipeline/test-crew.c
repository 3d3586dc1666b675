// SPDX-License-Identifier: Apache-2.0
// Threads that share a list: everything is done once, by no two at a time, however many there are, and what it cost is known.
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "core/base/util.h"
#include "ofproto/upcall/crew.h"
#include "tests/suite.h"

#define MOST 1000

struct job {
	_Atomic unsigned int times[MOST];
	_Atomic bool at_work[CREW_MAX];
	unsigned int most; // members
};

static void do_one(void *job_, size_t i, unsigned int member)
{
	struct job *job = job_;

	ck_assert_uint_lt(member, job->most);
	ck_assert(!atomic_exchange(&job->at_work[member], true));
	atomic_fetch_add(&job->times[i], 1);
	atomic_store(&job->at_work[member], false);
}

static void run(struct crew *c, size_t n)
{
	struct job *job = xzalloc(sizeof(*job));

	job->most = crew_size(c);
	crew_run(c, n, do_one, job);
	for (size_t i = 0; i < MOST; i++)
		ck_assert_uint_eq(job->times[i], i < n);
	free(job);
}

START_TEST(each_item_is_done_once)
{
	static const size_t lists[] = { 0, 1, 7, 8, 9, 100, MOST };
	struct crew *c = crew_create();

	crew_resize(c, _i);
	ck_assert_uint_eq(crew_size(c), _i);
	for (unsigned int round = 0; round < 50; round++)
		for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
			run(c, lists[i]);
	crew_destroy(c);
}
END_TEST

START_TEST(a_crew_grows_and_shrinks_between_two_lists)
{
	struct crew *c = crew_create();

	for (unsigned int round = 0; round < 40; round++) {
		crew_resize(c, 1 + round * 7 % 5);
		run(c, MOST);
	}
	crew_resize(c, 100000);
	ck_assert_uint_eq(crew_size(c), CREW_MAX);
	crew_resize(c, 0);
	ck_assert_uint_eq(crew_size(c), 1);
	run(c, 9);
	crew_destroy(c);
}
END_TEST

#define HEAVY_NSEC INT64_C(50000000)

// The thread that asks does nothing until another has worked hard.
static void let_others_work(void *worked_, size_t i, unsigned int member)
{
	_Atomic bool *worked = worked_;
	int64_t began = clock_thread_nsec();

	if (!member) {
		while (!atomic_load(worked))
			usleep(100);
	} else if (!atomic_load(worked)) {
		while (clock_thread_nsec() - began < HEAVY_NSEC)
			;
		atomic_store(worked, true);
	}
}

START_TEST(what_others_work_counts)
{
	struct crew *c = crew_create();
	_Atomic bool worked = false;
	int64_t mine, more;

	crew_resize(c, 2);
	mine = clock_thread_nsec();
	more = crew_run(c, MOST, let_others_work, &worked);
	mine = clock_thread_nsec() - mine;
	ck_assert_int_ge(more, HEAVY_NSEC - mine);
	atomic_store(&worked, true);
	ck_assert_int_eq(crew_run(c, 3, let_others_work, &worked), 0);
	crew_destroy(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upcall/crew");
	TCase *t = tcase_create("crew");

	rcu_thread_begin();
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_item_is_done_once, 1, 6);
	tcase_add_test(t, a_crew_grows_and_shrinks_between_two_lists);
	tcase_add_test(t, what_others_work_counts);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
