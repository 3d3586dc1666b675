// SPDX-License-Identifier: Apache-2.0
// A NIC that is full, and a kernel that runs what it does not take: who gets room when there is some.
#include "core/base/clock.h"
#include "tests/unit/offload/fake-nic.h"

static size_t n_in_nic(struct megaflow *const flows[], size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += flows[i]->placement == PLACE_IN_HW;
	return sum;
}

START_TEST(rules_that_the_kernel_runs_get_the_room_that_others_leave)
{
	struct megaflow *flows[12];
	enum { N = ARRAY_SIZE(flows) };

	start_over_kernel(flows, N);
	poll_nic();
	ck_assert_uint_eq(n_in_nic(flows, N), 2);
	ck_assert_uint_eq(nic.in_kernel, N - 2);
	for (int i = 0; i < 2; i++) {
		offload_withdraw(o, flows[i], NULL, NULL);
		offload_flush(o);
		megaflow_free(flows[i]);
	}
	nic.hot = 80 + 7;
	poll_nic();
	// Of those that remain the hottest is among them, and nothing was lost meanwhile.
	ck_assert_uint_eq(n_in_nic(flows + 2, N - 2), 2);
	ck_assert(nic.old_was_there_when_new_came);
	poll_nic();
	ck_assert_int_eq(flows[7]->placement, PLACE_IN_HW);
	ck_assert_uint_eq(flows[7]->hw.packets, 15);
	stop(flows + 2, N - 2);
	ck_assert_uint_eq(nic.in_kernel, 0);
}
END_TEST

START_TEST(a_nic_that_is_full_is_asked_less_and_less)
{
	struct megaflow *flows[6];
	enum { N = ARRAY_SIZE(flows) };
	unsigned int replaces;

	start_over_kernel(flows, N);
	// Until its shape is known to be taken: from the first look.
	for (int i = 0; i < 20; i++)
		poll_nic();
	ck_assert_uint_eq(nic.replaces, 1);
	for (int i = 0; i < 100; i++) {
		clock_advance(1000);
		poll_nic();
	}
	ck_assert_uint_eq(nic.replaces, 7); // after 1, 3, 7, 15, 31 and 63 seconds again
	replaces = nic.replaces;
	// Somebody else has made room: once found, it is filled in rounds that double.
	nic.capacity = 100;
	clock_advance(64000);
	for (int i = 0; i < 3; i++)
		poll_nic();
	ck_assert_uint_eq(n_in_nic(flows, N), N);
	ck_assert_uint_eq(nic.replaces, replaces + N - 2);
	stop(flows, N);
}
END_TEST

START_TEST(a_kind_that_the_nic_has_never_taken_is_not_offered_again)
{
	struct megaflow *flows[3];

	start_over_kernel(flows, 0);
	nic.rules = 2; // of somebody else
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		flows[i] = make_flow(1, 80 + i);
		offload_place(o, flows[i]);
	}
	offload_flush(o);
	nic.rules = 0;
	for (int i = 0; i < 5; i++) {
		clock_advance(10000);
		poll_nic();
	}
	ck_assert_uint_eq(nic.replaces, 0);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	stop(flows, ARRAY_SIZE(flows));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/placement-room");
	TCase *t = tcase_create("placement-room");

	rcu_thread_begin();
	log_set("any:off", NULL);
	tcase_add_test(t, rules_that_the_kernel_runs_get_the_room_that_others_leave);
	tcase_add_test(t, a_nic_that_is_full_is_asked_less_and_less);
	tcase_add_test(t, a_kind_that_the_nic_has_never_taken_is_not_offered_again);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
