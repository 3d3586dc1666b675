// SPDX-License-Identifier: Apache-2.0
// Placement against a NIC that does what each case wants.
#include <sched.h>

#include "core/base/clock.h"
#include "tests/unit/offload/fake-nic.h"

START_TEST(accepted_flow_is_in_hardware_and_counted)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_int_eq(reason_of(mf), REASON_NONE);
	offload_poll_stats(o);
	offload_flush(o);
	ck_assert_uint_eq(mf->hw.packets, 5);
	ck_assert_uint_eq(mf->hw.bytes, 500);
	stop(&mf, 1);
}
END_TEST

START_TEST(caller_does_not_wait_for_a_driver_that_blocks)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	pthread_mutex_lock(&nic.lock); // the driver hangs in insert
	offload_place(o, mf);
	ck_assert_int_eq(mf->placement, PLACE_QUEUED);
	ck_assert_int_eq(reason_of(mf), REASON_TOO_NEW);
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	stop(&mf, 1);
}
END_TEST

START_TEST(withdrawal_during_insertion_leaves_no_rule)
{
	struct megaflow *mf = make_flow(1, 80);
	int before = __atomic_load_n(&n_done, __ATOMIC_SEQ_CST);

	start(true);
	pthread_mutex_lock(&nic.lock);
	offload_place(o, mf);
	// Whether the worker is in the driver already or not yet: both must end well.
	for (int spin = 0; spin < _i; spin++)
		sched_yield();
	offload_withdraw(o, mf, on_done, NULL);
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_int_eq(__atomic_load_n(&n_done, __ATOMIC_SEQ_CST), before + 1);
	ck_assert_uint_eq(nic.rules, 0);
	megaflow_free(mf);
	offload_destroy(o);
}
END_TEST

START_TEST(flow_without_device_or_with_offload_off_says_so)
{
	struct megaflow *flows[] = { make_flow(9, 80), make_flow(1, 80) };

	start(false);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ck_assert_int_eq(reason_of(flows[1]), REASON_DISABLED);
	offload_set_enabled(o, true);
	offload_flush(o);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	offload_set_enabled(o, false);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[1]), REASON_DISABLED);
	ck_assert_uint_eq(nic.rules, 0);
	stop(flows, 2);
}
END_TEST

START_TEST(flows_of_an_excluded_port_stay_in_software_and_say_so)
{
	struct port_ref ref = { .number = DP_PORT(9), .ethdev = PORT_NO_ETHDEV, .device = "nic0" };
	struct megaflow *flows[] = { make_flow(9, 80), make_flow(9, 81) };

	start(true);
	offload_place(o, flows[0]);
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ref.is_excluded = true;
	ck_assert_int_eq(offload_add_port(o, &ref, NULL, NULL), 0);
	offload_place(o, flows[1]);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(reason_of(flows[i]), REASON_PORT_EXCLUDED);
	// It may have hardware again.
	offload_remove_port(o, DP_PORT(9));
	ref.is_excluded = false;
	ck_assert_int_eq(offload_add_port(o, &ref, &fake_nic, NULL), 0);
	offload_flush(o);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(flows[i]->placement, PLACE_IN_HW);
	stop(flows, 2);
}
END_TEST

START_TEST(flow_goes_in_when_its_port_gets_hardware)
{
	struct port_ref ref = { .number = DP_PORT(9), .ethdev = PORT_NO_ETHDEV, .device = "nic0" };
	struct megaflow *flows[] = { make_flow(9, 80) };

	start(true);
	offload_place(o, flows[0]);
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ck_assert_int_eq(offload_add_port(o, &ref, &fake_nic, NULL), 0);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	offload_remove_port(o, DP_PORT(9));
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ck_assert_uint_eq(nic.rules, 0);
	stop(flows, 1);
}
END_TEST

START_TEST(refusal_of_a_kind_is_not_asked_again_until_forgotten)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81) };

	start(true);
	nic.insert_errno = ENOTSUP;
	offload_place(o, flows[0]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[0]), REASON_DEVICE_REFUSED);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[1]), REASON_DEVICE_REFUSED);
	ck_assert_uint_eq(nic.inserts, 1);
	nic.insert_errno = 0;
	offload_forget_refusals(o);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	stop(flows, 2);
}
END_TEST

START_TEST(flow_that_found_no_room_goes_in_when_there_is_some)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81) };

	start(true);
	nic.capacity = 1;
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[1]), REASON_TABLE_FULL);
	offload_withdraw(o, flows[0], NULL, NULL);
	offload_flush(o);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	megaflow_free(flows[0]);
	stop(flows + 1, 1);
}
END_TEST

START_TEST(new_rule_is_in_before_the_old_one_goes_and_counts_go_on)
{
	struct megaflow *mf = make_flow(1, 80);
	AUTO(strbuf) actions = STRBUF_INIT;

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	offload_poll_stats(o);
	offload_flush(o);
	megaflow_set_actions(mf, dp_actions_of(&actions));
	offload_update(o, mf);
	offload_flush(o);
	ck_assert_uint_eq(nic.replaces, 1);
	ck_assert(nic.old_was_there_when_new_came);
	ck_assert_uint_eq(mf->hw.packets, 5);
	offload_poll_stats(o);
	offload_flush(o);
	ck_assert_uint_eq(mf->hw.packets, 10);
	stop(&mf, 1);
}
END_TEST

START_TEST(update_that_cannot_be_compiled_takes_the_old_rule_out)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	nic.refuse_compile = true;
	offload_update(o, mf);
	offload_flush(o);
	ck_assert_uint_eq(nic.rules, 0);
	ck_assert_int_eq(mf->placement, PLACE_REFUSED);
	ck_assert_int_eq(reason_of(mf), REASON_FIELD_UNSUPPORTED);
	stop(&mf, 1);
}
END_TEST

START_TEST(reset_brings_all_rules_back_and_keeps_their_counts)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81) };
	struct offload_device_status *d;

	start(true);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	offload_poll_stats(o);
	offload_flush(o);
	__atomic_store_n(&nic.reset, true, __ATOMIC_RELEASE);
	offload_poll_stats(o);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	ck_assert_uint_ge(flows[0]->hw.packets, 5);
	ck_assert_uint_eq(offload_list_devices(o, &d), 1);
	ck_assert_uint_eq(d->lost, 2);
	ck_assert_uint_eq(d->rules, 2);
	smap_uninit(&d->capabilities);
	free(d);
	stop(flows, 2);
}
END_TEST

START_TEST(new_rules_go_in_together_and_in_order)
{
	enum { N = 600 };
	struct megaflow *flows[N];

	start(true);
	pthread_mutex_lock(&nic.lock); // the first one keeps the driver busy
	for (int i = 0; i < N; i++) {
		flows[i] = make_flow(1, i);
		offload_place(o, flows[i]);
	}
	// Changed and withdrawn ones are among them.
	offload_update(o, flows[N - 1]);
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_uint_eq(nic.rules, N);
	ck_assert_uint_gt(nic.most_at_once, 1);
	ck_assert_uint_le(nic.most_at_once, 256);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(flows[i]->placement, PLACE_IN_HW);
	stop(flows, N);
}
END_TEST

START_TEST(a_port_that_leaves_takes_its_flows_rules_along)
{
	struct port_ref ref = { .number = DP_PORT(2), .name = "rep1", .device = "fake0" };
	struct megaflow *flows[2] = { make_flow(1, 80), make_flow(2, 80) };
	struct offload_device_status *list;

	start(true);
	ck_assert_int_eq(offload_add_port(o, &ref, &fake_nic, NULL), 0);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_uint_eq(nic.rules, 2);
	offload_remove_port(o, DP_PORT(2));
	ck_assert_str_eq(nic.left, "rep1");
	ck_assert_uint_eq(nic.rules, 1);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_NONE);
	ck_assert_int_eq(reason_of(flows[1]), REASON_NO_DEVICE);
	// The device is there as long as a port of it is.
	ck_assert_uint_eq(offload_list_devices(o, &list), 1);
	smap_uninit(&list[0].capabilities);
	free(list);
	stop(flows, 2);
}
END_TEST

START_TEST(the_policy_is_told_and_all_rules_follow)
{
	struct megaflow *mf = make_flow(1, 80);
	struct error err = ERROR_INIT;

	start(true);
	ck_assert_str_eq(nic.policy, "none");
	offload_place(o, mf);
	offload_flush(o);
	ck_assert_int_eq(offload_set_policy(o, "skip_sw", &err), 0);
	offload_flush(o);
	ck_assert_str_eq(nic.policy, "skip_sw");
	ck_assert_uint_eq(nic.replaces, 1);
	ck_assert_int_eq(offload_set_policy(o, "skip_sw", &err), 0);
	offload_flush(o);
	ck_assert_uint_eq(nic.replaces, 1);
	ck_assert_int_eq(offload_set_policy(o, "both", &err), -EINVAL);
	ck_assert_str_eq(err.text, "tc-policy: both is none of none, skip_sw and skip_hw");
	stop(&mf, 1);
}
END_TEST

START_TEST(a_rule_whose_packets_software_meets_is_put_in_again_but_not_too_often)
{
	// Seconds after which a look puts it in again: each attempt waits twice as long as the one before.
	static const struct {
		int64_t seconds;
		unsigned int attempts;
	} looks[] = { { 0, 1 }, { 0, 1 }, { 1, 2 }, { 1, 2 }, { 1, 3 }, { 3, 3 }, { 1, 4 } };
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	clock_stop();
	offload_place(o, mf);
	offload_flush(o);
	nic.stale = true;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		clock_advance(looks[i].seconds * 1000);
		poll_nic();
		ck_assert_uint_eq(nic.replaces, looks[i].attempts);
		ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	}
	nic.stale = false;
	stop(&mf, 1);
}
END_TEST

START_TEST(counts_that_go_back_are_not_taken_away)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	poll_nic();
	poll_nic();
	ck_assert_uint_eq(mf->hw.packets, 10);
	nic.counts_fall = true;
	poll_nic();
	ck_assert_uint_eq(mf->hw.packets, 10);
	ck_assert_uint_eq(mf->hw.bytes, 1000);
	nic.counts_fall = false;
	poll_nic();
	ck_assert_uint_eq(mf->hw.packets, 15);
	stop(&mf, 1);
}
END_TEST

START_TEST(the_number_of_threads_is_told_and_checked)
{
	struct error err = ERROR_INIT;

	start(true);
	ck_assert_uint_eq(nic.threads, 1);
	ck_assert_int_eq(offload_set_threads(o, 4, &err), 0);
	ck_assert_uint_eq(nic.threads, 4);
	ck_assert_int_eq(offload_set_threads(o, 11, &err), -EINVAL);
	ck_assert_str_eq(err.text, "n-offload-threads: 11 is not between 1 and 10");
	ck_assert_int_eq(offload_set_threads(o, 0, &err), -EINVAL);
	ck_assert_uint_eq(nic.threads, 4);
	stop(NULL, 0);
}
END_TEST

static void ignore_audit(uint32_t checked, uint32_t lost, void *aux) {}

START_TEST(what_audits_find_is_counted)
{
	struct megaflow *mf = make_flow(1, 80);
	struct offload_device_status *list;

	start(true);
	nic.altered = 2;
	offload_place(o, mf);
	for (int i = 0; i < 2; i++) {
		offload_audit(o, ignore_audit, NULL);
		offload_flush(o);
	}
	ck_assert_uint_eq(offload_list_devices(o, &list), 1);
	ck_assert_uint_eq(list[0].altered, 4);
	ck_assert_uint_eq(list[0].foreign, 3);
	smap_uninit(&list[0].capabilities);
	free(list);
	stop(&mf, 1);
}
END_TEST

START_TEST(verdicts_are_summed_up_by_reason)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81), make_flow(9, 82) };
	struct offload_verdict_count *v;
	size_t n;

	start(true);
	nic.refuse_compile = true;
	for (int i = 0; i < 3; i++)
		offload_place(o, flows[i]);
	offload_flush(o);
	n = offload_list_verdicts(o, &v);
	ck_assert_uint_eq(n, 2);
	for (size_t i = 0; i < n; i++) {
		if (v[i].verdict.reason == REASON_FIELD_UNSUPPORTED) {
			ck_assert_uint_eq(v[i].flows, 2);
			ck_assert_str_eq(v[i].verdict.culprit, "pkt_mark");
		} else {
			ck_assert_int_eq(v[i].verdict.reason, REASON_NO_DEVICE);
			ck_assert_uint_eq(v[i].flows, 1);
		}
	}
	free(v);
	stop(flows, 3);
}
END_TEST

static uint32_t n_queued(void)
{
	struct offload_device_status *all;
	uint32_t n;

	ck_assert_uint_eq(offload_list_devices(o, &all), 1);
	n = all->queued;
	smap_uninit(&all->capabilities);
	free(all);
	return n;
}

START_TEST(an_update_that_is_refused_forgets_the_rule_that_waits)
{
	struct megaflow *mf = make_flow(1, 80), *first = make_flow(1, 79);

	start(true);
	pthread_mutex_lock(&nic.lock); // the driver is busy with another
	offload_place(o, first);
	while (n_queued())
		sched_yield();
	offload_place(o, mf);
	nic.refuse_compile = true;
	offload_update(o, mf);
	nic.refuse_compile = false;
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_uint_eq(nic.inserts, 1);
	ck_assert_int_eq(mf->placement, PLACE_REFUSED);
	ck_assert_int_eq(reason_of(mf), REASON_FIELD_UNSUPPORTED);
	stop((struct megaflow *[]){ first, mf }, 2);
}
END_TEST

START_TEST(every_reason_has_a_name_a_text_and_a_remedy)
{
	for (int r = 1; r < REASON_MAX; r++) {
		ck_assert_uint_gt(strlen(offload_reason_name(r)), 2);
		ck_assert_uint_gt(strlen(offload_reason_text(r)), 10);
		ck_assert_uint_gt(strlen(offload_reason_remedy(r)), 3);
		for (int q = 0; q < r; q++)
			ck_assert_str_ne(offload_reason_name(q), offload_reason_name(r));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/placement");
	TCase *t = tcase_create("placement");

	rcu_thread_begin();
	log_set("any:off", NULL);
	tcase_add_test(t, accepted_flow_is_in_hardware_and_counted);
	tcase_add_test(t, caller_does_not_wait_for_a_driver_that_blocks);
	tcase_add_loop_test(t, withdrawal_during_insertion_leaves_no_rule, 0, 50);
	tcase_add_test(t, flow_without_device_or_with_offload_off_says_so);
	tcase_add_test(t, flow_goes_in_when_its_port_gets_hardware);
	tcase_add_test(t, flows_of_an_excluded_port_stay_in_software_and_say_so);
	tcase_add_test(t, refusal_of_a_kind_is_not_asked_again_until_forgotten);
	tcase_add_test(t, flow_that_found_no_room_goes_in_when_there_is_some);
	tcase_add_test(t, new_rule_is_in_before_the_old_one_goes_and_counts_go_on);
	tcase_add_test(t, update_that_cannot_be_compiled_takes_the_old_rule_out);
	tcase_add_test(t, reset_brings_all_rules_back_and_keeps_their_counts);
	tcase_add_test(t, verdicts_are_summed_up_by_reason);
	tcase_add_test(t, new_rules_go_in_together_and_in_order);
	tcase_add_test(t, a_port_that_leaves_takes_its_flows_rules_along);
	tcase_add_test(t, the_policy_is_told_and_all_rules_follow);
	tcase_add_test(t, the_number_of_threads_is_told_and_checked);
	tcase_add_test(t, a_rule_whose_packets_software_meets_is_put_in_again_but_not_too_often);
	tcase_add_test(t, counts_that_go_back_are_not_taken_away);
	tcase_add_test(t, what_audits_find_is_counted);
	tcase_add_test(t, an_update_that_is_refused_forgets_the_rule_that_waits);
	tcase_add_test(t, every_reason_has_a_name_a_text_and_a_remedy);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
