// SPDX-License-Identifier: Apache-2.0
// A table's answer is had again by packets that are alike there, as long as its rules are the same, and never by others.
#include "ofproto/pipeline/decided.h"
#include "ofproto/pipeline/switch-private.h"
#include "ofproto/pipeline/transaction.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

static struct of_switch *sw;
static struct xlate_result result;

static void setup(void)
{
	rcu_thread_begin();
	sw = able_switch("br0", 1);
	add_ports(sw, 3);
}

static void teardown(void)
{
	end_switches(sw, NULL);
}

static const struct decided *answer_for(const char *packet)
{
	struct flow_key key = packet_of(packet);

	key.in_port = 1;
	return decided_find(sw->tables[0].cls, switch_version(sw), &key);
}

// Where it goes; with what it has looked at in 'result'.
static void translate_at(const char *packet, uint64_t version)
{
	struct flow_key key = packet_of(packet);
	struct xlate_input in = { .sw = sw, .key = &key, .version = version };

	key.in_port = 1;
	xlate(&in, &result);
}

static uint32_t port_of(const char *packet, uint64_t version)
{
	const struct dp_action *a;
	uint32_t port = 0;

	translate_at(packet, version);
	DP_ACTION_FOR_EACH (a, dp_actions_of(&result.actions))
		if (a->type == DP_ACTION_OUTPUT)
			port = a->output.port.n;
	xlate_result_uninit(&result);
	return port;
}

START_TEST(packets_that_are_alike_for_a_table_have_its_answer)
{
	struct flow_mask first;

	add_rule(sw, "ip,nw_dst=10.0.0.0/8,actions=output:2");
	ck_assert_ptr_null(answer_for("ip,nw_dst=10.0.0.1,nw_src=1.1.1.1"));
	translate_at("ip,nw_dst=10.0.0.1,nw_src=1.1.1.1", 0);
	first = result.mask;
	xlate_result_uninit(&result);
	ck_assert_ptr_nonnull(answer_for("ip,nw_dst=10.0.0.1,nw_src=2.2.2.2"));
	ck_assert_ptr_null(answer_for("ip,nw_dst=11.0.0.1,nw_src=1.1.1.1"));
	translate_at("ip,nw_dst=10.0.0.1,nw_src=2.2.2.2", 0);
	ck_assert(flow_key_equal(&first.m, &result.mask.m));
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(a_table_that_has_changed_is_asked)
{
	add_rule(sw, "priority=5,actions=output:2");
	ck_assert_uint_eq(port_of("ip", 0), 2);
	ck_assert_ptr_nonnull(answer_for("ip"));
	add_rule(sw, "priority=6,actions=output:3");
	ck_assert_ptr_null(answer_for("ip"));
	ck_assert_uint_eq(port_of("ip", 0), 3);
}
END_TEST

START_TEST(a_change_of_another_table_does_not_matter)
{
	add_rule(sw, "actions=output:2");
	ck_assert_uint_eq(port_of("ip", 0), 2);
	add_rule(sw, "table=1,actions=output:3");
	ck_assert_ptr_nonnull(answer_for("ip"));
}
END_TEST

START_TEST(what_is_not_published_is_neither_asked_for_nor_kept)
{
	struct error err = ERROR_INIT;
	struct switch_txn *t;
	struct flow_mod fm;

	add_rule(sw, "priority=5,actions=output:2");
	ck_assert_uint_eq(port_of("ip", 0), 2);
	t = switch_txn_begin(sw);
	ck_assert(!flow_mod_parse("priority=6,actions=output:3", FM_ADD, NULL, &fm, NULL, &err));
	ck_assert_int_eq(switch_txn_flow_mod(t, &fm), 0);
	ck_assert_uint_eq(port_of("ip", switch_txn_version(t)), 3);
	ck_assert_uint_eq(port_of("ip", 0), 2);
	switch_txn_abort(t);
	ck_assert_uint_eq(port_of("ip", 0), 2);
	flow_mod_uninit(&fm);
}
END_TEST

START_TEST(an_answer_is_not_another_switchs)
{
	struct of_switch *other = able_switch("br1", 2);

	add_rule(sw, "actions=output:2");
	ck_assert_uint_eq(port_of("ip", 0), 2);
	ck_assert_ptr_null(decided_find(other->tables[0].cls, switch_version(sw),
					&(struct flow_key){ .in_port = 1 }));
	switch_destroy(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/decided");
	TCase *t = tcase_create("decided");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, packets_that_are_alike_for_a_table_have_its_answer);
	tcase_add_test(t, a_table_that_has_changed_is_asked);
	tcase_add_test(t, a_change_of_another_table_does_not_matter);
	tcase_add_test(t, what_is_not_published_is_neither_asked_for_nor_kept);
	tcase_add_test(t, an_answer_is_not_another_switchs);
	suite_add_tcase(s, t);
	return suite_run(s);
}
