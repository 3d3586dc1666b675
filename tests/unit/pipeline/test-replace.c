// SPDX-License-Identifier: Apache-2.0
// A rule that is added again takes the place of the old one: a packet meanwhile meets either, never none.
#include <pthread.h>
#include <stdlib.h>

#include "core/base/rcu.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

#define N_READS 20000

static struct of_switch *sw;
static _Atomic bool done;

static void *read_tables(void *unused)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 17 };
	struct xlate_input in = { .sw = sw, .key = &key };
	uintptr_t missed = 0;

	rcu_thread_begin();
	for (int i = 0; i < N_READS; i++) {
		struct xlate_result r;

		xlate(&in, &r);
		missed += !r.actions.len;
		xlate_result_uninit(&r);
		rcu_quiesce();
	}
	rcu_thread_end();
	atomic_store(&done, true);
	return (void *)missed;
}

START_TEST(added_again)
{
	pthread_t reader;
	void *missed;
	int i = 0;

	rcu_thread_begin();
	sw = switch_create("br0", 1);
	add_rule(sw, "udp,priority=9,actions=controller");
	ck_assert_int_eq(pthread_create(&reader, NULL, read_tables, NULL), 0);
	while (!atomic_load(&done)) {
		add_rule(sw, i++ & 1 ? "udp,priority=9,cookie=1,idle_timeout=9,actions=controller"
				     : "udp,priority=9,actions=controller(max_len=9)");
		ck_assert_uint_eq(switch_n_rules(sw), 1);
		rcu_quiesce();
	}
	rcu_offline();
	pthread_join(reader, &missed);
	rcu_online();
	ck_assert_msg(!missed, "%zu packets met no rule", (size_t)missed);
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

static bool keep_rule(const struct rule *r, void *ret)
{
	*(const struct rule **)ret = r;
	return false;
}

static struct rule *only_rule(void)
{
	struct flow_stats_request rq = { .table = 255,
					 .out_port = OF_PORT(OFPP_ANY),
					 .out_group = UINT32_MAX };
	struct rule *r = NULL;

	match_init_any(&rq.match);
	switch_for_each_flow(sw, &rq, keep_rule, &r);
	ck_assert_ptr_nonnull(r);
	return r;
}

static void must_have_counted(uint64_t packets, uint64_t offloaded)
{
	const struct rule *r = only_rule();
	uint64_t hw_packets, hw_bytes;

	rule_get_offloaded(r, &hw_packets, &hw_bytes);
	ck_assert_uint_eq(r->packets, packets);
	ck_assert_uint_eq(r->bytes, 100 * packets);
	ck_assert_uint_eq(hw_packets, offloaded);
	ck_assert_uint_eq(hw_bytes, 100 * offloaded);
}

static void begin_with_traffic(void)
{
	struct traffic t = { .packets = 9, .bytes = 900, .hw_packets = 7, .hw_bytes = 700 };

	rcu_thread_begin();
	sw = switch_create("br0", 1);
	add_rule(sw, "udp,actions=drop");
	rule_credit(only_rule(), &t);
}

START_TEST(what_a_nic_has_counted_stays_when_a_rule_is_replaced)
{
	begin_with_traffic();
	add_rule(sw, "udp,actions=controller");
	must_have_counted(9, 7);
	add_rule(sw, "udp,reset_counts,actions=controller");
	must_have_counted(0, 0);
	end_switches(sw, NULL);
}
END_TEST

START_TEST(what_a_nic_has_counted_is_forgotten_with_the_rest)
{
	begin_with_traffic();
	must_flow_mod(sw, FM_MODIFY, "udp,actions=controller");
	must_have_counted(9, 7);
	must_flow_mod(sw, FM_MODIFY, "udp,reset_counts,actions=controller");
	must_have_counted(0, 0);
	end_switches(sw, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/replace");
	TCase *t = tcase_create("replace");

	tcase_add_test(t, added_again);
	tcase_add_test(t, what_a_nic_has_counted_stays_when_a_rule_is_replaced);
	tcase_add_test(t, what_a_nic_has_counted_is_forgotten_with_the_rest);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
