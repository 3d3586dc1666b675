// SPDX-License-Identifier: Apache-2.0
// Rules by cookie: found whole, also after a change, and taken out one by one when all have the same.
#include <stdlib.h>

#include "core/base/rcu.h"
#include "core/base/util.h"
#include "tests/unit/pipeline/switches.h"

#define N_SAME 20000
#define N_OTHER 10

static struct of_switch *sw;

static void add(unsigned int i, uint64_t cookie)
{
	AUTO_FREE char *text =
		xasprintf("cookie=%llu,reg0=%u,actions=drop", (unsigned long long)cookie, i);

	must_flow_mod(sw, FM_ADD, text);
}

static void setup(void)
{
	sw = switch_create("br0", 1);
	for (unsigned int i = 0; i < N_SAME; i++)
		add(i, 0);
	for (unsigned int i = 0; i < N_OTHER; i++)
		add(N_SAME + i, 7);
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME + N_OTHER);
}

static void teardown(void)
{
	switch_destroy(sw);
	rcu_drain();
}

START_TEST(delete_by_cookie)
{
	must_flow_mod(sw, FM_DELETE, "cookie=8/-1");
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME + N_OTHER);
	must_flow_mod(sw, FM_DELETE, "cookie=7/-1,reg0=20003");
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME + N_OTHER - 1);
	must_flow_mod(sw, FM_DELETE, "cookie=7/-1");
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME);
	must_flow_mod(sw, FM_DELETE, "cookie=0/-1");
	ck_assert_uint_eq(switch_n_rules(sw), 0);
}
END_TEST

START_TEST(modify_by_cookie)
{
	// Modify leaves cookies alone where the new one is not given with a mask.
	must_flow_mod(sw, FM_MODIFY, "cookie=7/-1,actions=2");
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME + N_OTHER);
	must_flow_mod(sw, FM_DELETE, "cookie=7/-1,out_port=2");
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME);
}
END_TEST

START_TEST(replaced_rule_has_its_new_cookie)
{
	add(5, 9);
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME + N_OTHER);
	must_flow_mod(sw, FM_DELETE, "cookie=9/-1");
	ck_assert_uint_eq(switch_n_rules(sw), N_SAME + N_OTHER - 1);
	must_flow_mod(sw, FM_DELETE, "cookie=0/-1");
	ck_assert_uint_eq(switch_n_rules(sw), N_OTHER);
}
END_TEST

START_TEST(delete_all)
{
	must_flow_mod(sw, FM_DELETE, "");
	ck_assert_uint_eq(switch_n_rules(sw), 0);
	add(1, 0);
	switch_flush(sw);
	ck_assert_uint_eq(switch_n_rules(sw), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/cookies");
	TCase *t = tcase_create("cookies");

	rcu_thread_begin();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, delete_by_cookie);
	tcase_add_test(t, modify_by_cookie);
	tcase_add_test(t, replaced_rule_has_its_new_cookie);
	tcase_add_test(t, delete_all);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
