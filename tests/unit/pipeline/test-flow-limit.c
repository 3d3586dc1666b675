// SPDX-License-Identifier: Apache-2.0
// The number of megaflows that there may be follows from how long a round of the revalidator takes.
#include "core/base/clock.h"
#include "ofproto/upcall/upcall-private.h"
#include "tests/suite.h"

static const struct {
	const char *name;
	size_t configured, before, flows;
	int64_t msec;
	size_t after;
} rows[] = {
	{ "a quick round leaves it", 200000, 200000, 1000, 10, 200000 },
	{ "twice as long as it may take", 200000, 200000, 100000, 2000, 50000 },
	{ "as long as it may take", 200000, 100000, 100000, 1000, 100000 },
	{ "quick again: grows by an eighth", 200000, 80000, 50000, 100, 90000 },
	{ "grows from next to nothing", 200000, 3, 2, 100, 4 },
	{ "never above the configuration", 200000, 199000, 50000, 100, 200000 },
	{ "never above it, even a small one", 500, 500, 400, 5000, 500 },
	{ "never below a thousand", 200000, 20000, 2000, 60000, 1000 },
};

START_TEST(limit)
{
	struct flow_limit l;

	clock_stop();
	flow_limit_init(&l, rows[_i].configured);
	atomic_store(&l.now, rows[_i].before);
	flow_limit_round_begins(&l, rows[_i].flows);
	// In slices; others had the processor in between.
	flow_limit_worked(&l, rows[_i].msec * 400000);
	clock_advance(5000);
	flow_limit_worked(&l, rows[_i].msec * 600000);
	flow_limit_round_ends(&l);
	ck_assert_msg(atomic_load(&l.now) == rows[_i].after, "%s: %zu instead of %zu",
		      rows[_i].name, atomic_load(&l.now), rows[_i].after);
	ck_assert_int_eq(l.round_msec, 5000);
}
END_TEST

START_TEST(idle_flows_go_early_when_there_are_too_many)
{
	struct flow_limit l;

	flow_limit_init(&l, 1000);
	ck_assert_int_eq(flow_limit_idle(&l, 999, 10000), 10000);
	ck_assert_int_eq(flow_limit_idle(&l, 1000, 10000), 100);
	ck_assert_int_eq(flow_limit_idle(&l, 1000, 50), 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upcall/flow-limit");
	TCase *t = tcase_create("flow-limit");

	tcase_add_loop_test(t, limit, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, idle_flows_go_early_when_there_are_too_many);
	suite_add_tcase(s, t);
	return suite_run(s);
}
