// SPDX-License-Identifier: Apache-2.0
// Meters of the datapath, as devices are told of them, and what devices have counted.
#include "tests/unit/offload/fake-nic.h"

static const struct meter_config one_band = { METER_KBPS, 1, { { METER_DROP, .rate = 5 } } };
static const struct meter_config faster = { METER_KBPS, 1, { { METER_DROP, .rate = 6 } } };
static const struct meter_config two_bands = {
	METER_KBPS, 2, { { METER_DROP, .rate = 5 }, { METER_DROP, .rate = 6 } }
};

START_TEST(a_meter_that_changes_keeps_its_rules)
{
	struct megaflow *mf = make_metered_flow(80);

	start(true);
	offload_meter_set(o, 7, &one_band);
	offload_place(o, mf);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_uint_eq(nic.metered_rate, 5);
	offload_meter_set(o, 7, &faster);
	offload_flush(o);
	ck_assert_uint_eq(nic.metered_rate, 6);
	ck_assert_uint_eq(nic.meters_set, 2);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_int_eq(reason_of(mf), REASON_NONE);
	ck_assert_uint_eq(nic.inserts, 1);
	ck_assert_uint_eq(nic.removes, 0);
	offload_meter_del(o, 7);
	offload_flush(o);
	ck_assert_uint_eq(nic.meters_gone, 1);
	stop(&mf, 1);
}
END_TEST

START_TEST(a_meter_that_the_device_cannot_have_keeps_its_flows_out)
{
	struct megaflow *flows[] = { make_metered_flow(80), make_flow(1, 81) };

	start(true);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[0]), REASON_METER_UNSUPPORTED);
	offload_meter_set(o, 7, &one_band);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	offload_meter_set(o, 7, &two_bands);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_REFUSED);
	ck_assert_int_eq(reason_of(flows[0]), REASON_METER_UNSUPPORTED);
	ck_assert_uint_eq(nic.rules, 1);
	offload_meter_set(o, 7, &faster);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	stop(flows, 2);
}
END_TEST

START_TEST(a_device_that_comes_learns_the_meters)
{
	o = offload_create();
	offload_meter_set(o, 7, &one_band);
	offload_destroy(o);
	start(true);
	offload_meter_set(o, 7, &one_band);
	offload_meter_set(o, 8, &faster);
	offload_remove_port(o, DP_PORT(1));
	nic.meters_set = 0;
	ck_assert_int_eq(offload_add_port(o,
					  &(struct port_ref){ .number = DP_PORT(1),
							      .name = "rep0",
							      .device = "fake0" },
					  &fake_nic, NULL),
			 0);
	offload_flush(o);
	ck_assert_uint_eq(nic.meters_set, 2);
	stop(NULL, 0);
}
END_TEST

START_TEST(what_devices_have_metered_is_added)
{
	struct meter_stats s = { .in = { 1, 100 }, .n_bands = 1, .bands = { { 1, 60 } } };
	struct meter_stats unknown = { .in = { UINT64_MAX, UINT64_MAX }, .n_bands = 1 };

	start(true);
	offload_meter_set(o, 7, &one_band);
	offload_poll_stats(o);
	offload_flush(o);
	offload_meter_add_counts(o, 7, &s);
	ck_assert_uint_eq(s.in.packets, 11);
	ck_assert_uint_eq(s.in.bytes, 1100);
	ck_assert_uint_eq(s.bands[0].packets, 5);
	// It does not tell how many bytes it has dropped.
	ck_assert_uint_eq(s.bands[0].bytes, 60);
	offload_meter_add_counts(o, 7, &unknown);
	ck_assert_uint_eq(unknown.in.packets, UINT64_MAX);
	// Counts begin again with a change.
	offload_meter_set(o, 7, &faster);
	s = (struct meter_stats){ .n_bands = 1 };
	offload_meter_add_counts(o, 7, &s);
	ck_assert_uint_eq(s.in.packets, 0);
	stop(NULL, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/placement-meters");
	TCase *t = tcase_create("placement-meters");

	rcu_thread_begin();
	log_set("any:off", NULL);
	tcase_add_test(t, a_meter_that_changes_keeps_its_rules);
	tcase_add_test(t, a_meter_that_the_device_cannot_have_keeps_its_flows_out);
	tcase_add_test(t, a_device_that_comes_learns_the_meters);
	tcase_add_test(t, what_devices_have_metered_is_added);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
