// SPDX-License-Identifier: Apache-2.0
// Packets that go on behind actions, not in a table: what they depend on, what is told of them, and how long a chain of tables
// may be where they stop.
#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "ofproto/pipeline/continuation.h"
#include "tests/unit/pipeline/translated.h"

#define UDP "udp,nw_ttl=9,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,in_port=1"

static struct of_switch *sw;
static struct xlate_result result;

static void setup(void)
{
	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	add_ports(sw, 3);
}

static void teardown(void)
{
	end_switches(sw, NULL);
}

static void translate(uint32_t recirc_id, const struct recirc_state *resume)
{
	struct flow_key key = packet_of(UDP);
	struct xlate_input in = { .sw = sw, .key = &key, .resume = resume };

	key.recirc_id = recirc_id;
	xlate(&in, &result);
	ck_assert_int_eq(result.error, XLATE_OK);
}

// The pass behind debug_recirc.
static void translate_again(void)
{
	struct xlate_result first;

	translate(0, NULL);
	first = result;
	translate(last_recirc(dp_actions_of(&first.actions)), NULL);
	xlate_result_uninit(&first);
}

static const struct dp_action *told(void)
{
	const struct dp_action *a, *found = NULL;
	struct dp_actions list = dp_actions_of(&result.actions);

	DP_ACTION_FOR_EACH (a, list)
		if (a->type == DP_ACTION_USERSPACE)
			found = a;
	ck_assert_ptr_nonnull(found);
	return found;
}

START_TEST(a_pass_behind_actions_depends_on_ports)
{
	struct of_port *p = switch_port_find(sw, OF_PORT(2));

	add_rule(sw, "actions=debug_recirc,output:2");
	translate_again();
	ck_assert(xlate_is_current(&result.basis));
	switch_port_set_state(sw, p, PORT_CONFIG_NO_FWD, 0);
	ck_assert(!xlate_is_current(&result.basis));
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(a_controller_is_told_of_table_and_cookie_behind_actions)
{
	add_rule(sw, "actions=resubmit(,7)");
	add_rule(sw, "table=7,cookie=0x77,actions=debug_recirc,controller");
	translate_again();
	ck_assert_uint_eq(told()->userspace.cookie, 0x77);
	ck_assert_uint_eq(told()->userspace.table_id, 7);
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(a_packet_that_is_paused_behind_many_tables_goes_on)
{
	AUTO(strbuf) message = STRBUF_INIT;
	struct flow_key key = packet_of(UDP);
	struct recirc_state *s;
	size_t n_states;

	for (int i = 0; i < 250; i++) {
		AUTO_FREE char *rule = xasprintf("table=%d,actions=resubmit(,%d)", i, i + 1);

		add_rule(sw, rule);
	}
	add_rule(sw, "table=250,actions=controller(pause),output:2");
	translate(0, NULL);
	continuation_encode(recirc_find(told()->userspace.recirc_id), &message);
	xlate_result_uninit(&result);
	ck_assert_int_eq(continuation_decode(sw, (const uint8_t *)message.s, message.len, &key, &s),
			 OFPERR_NONE);
	n_states = recirc_count();
	translate(0, s);
	ck_assert_uint_eq(recirc_count(), n_states);
	ck_assert_uint_eq(dp_actions_of(&result.actions).first->output.port.n, 2);
	xlate_result_uninit(&result);
	recirc_destroy(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/resume");
	TCase *t = tcase_create("resume");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_pass_behind_actions_depends_on_ports);
	tcase_add_test(t, a_controller_is_told_of_table_and_cookie_behind_actions);
	tcase_add_test(t, a_packet_that_is_paused_behind_many_tables_goes_on);
	suite_add_tcase(s, t);
	return suite_run(s);
}
