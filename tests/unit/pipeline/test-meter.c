// SPDX-License-Identifier: Apache-2.0
// A switch's meters: which are there, whose number of the datapath's rules carry, and what goes with them.
#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both
static bool taken[8]; // numbers of the datapath that are in use
static unsigned int n_sets;

static void features(void *aux, struct meter_features *ret)
{
	*ret = (struct meter_features){ 3, 1u << METER_DROP, METER_FLAGS, 1, 0 };
}

static int set(void *aux, const struct meter_config *config, uint32_t *id, struct error *err)
{
	n_sets++;
	if (*id)
		return 0;
	for (uint32_t i = 5; i < ARRAY_SIZE(taken); i++)
		if (!taken[i]) {
			taken[i] = true;
			*id = i;
			return 0;
		}
	return error_set(err, -ENOSPC, "no more");
}

static int get(void *aux, uint32_t id, struct meter_stats *ret, struct error *err)
{
	ret->in.packets = id;
	return 0;
}

static void del(void *aux, uint32_t id)
{
	ck_assert(taken[id]);
	taken[id] = false;
}

static const struct switch_meter_ops ops = { features, set, get, del };

static void setup(void)
{
	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	other = able_switch("br1", 2);
	switch_set_meter_ops(sw, &ops, NULL);
	switch_set_meter_ops(other, &ops, NULL);
	add_ports(sw, 2);
	add_port(other, "q1", 1, DP_PORT(11));
	patch(sw, other, 10);
}

static void teardown(void)
{
	switch_destroy(sw);
	switch_destroy(other);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		ck_assert(!taken[i]);
	rcu_drain();
	rcu_thread_end();
}

static enum ofperr change(struct of_switch *s, enum meter_command command, const char *text)
{
	struct meter_mod mm = { .command = command };
	struct error err = ERROR_INIT;

	ck_assert_msg(!meter_parse(text, &mm.id, command == METER_DELETE ? NULL : &mm.config, &err),
		      "%s: %s", text, err.text);
	return switch_meter_mod(s, &mm);
}

#define METER(N) "meter=" #N " kbps bands=type=drop rate=1"

static void check_translation(const char *want)
{
	struct flow_key key = { .in_port = 1 };
	struct xlate_input in = { .sw = sw, .key = &key };
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;

	xlate(&in, &r);
	dp_actions_format(dp_actions_of(&r.actions), NULL, NULL, &text);
	ck_assert_str_eq(strbuf_cstr(&text), want);
	xlate_result_uninit(&r);
}

START_TEST(rules_carry_the_datapath_s_number)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(70)), OFPERR_NONE);
	ck_assert_int_eq(change(sw, METER_ADD, METER(80)), OFPERR_NONE);
	add_rule(sw, "actions=meter:80,output:2");
	check_translation("meter(6),2");
	ck_assert_int_eq(change(sw, METER_MODIFY, METER(80)), OFPERR_NONE);
	ck_assert_uint_eq(n_sets, 3);
	check_translation("meter(6),2");
}
END_TEST

START_TEST(a_meter_behind_a_patch_ends_that_way_only)
{
	ck_assert_int_eq(change(other, METER_ADD, METER(1)), OFPERR_NONE);
	add_rule(sw, "actions=output:10,output:2");
	add_rule(other, "actions=meter:1,output:1");
	check_translation("clone(meter(5),11),2");
}
END_TEST

static uint32_t n_rules_of_meter;

static void count(const struct meter *m, void *aux)
{
	struct meter_stats stats;

	switch_meter_stats(sw, m, &stats);
	n_rules_of_meter = stats.n_flows;
}

static void check_count(uint32_t meter, uint32_t want)
{
	ck_assert_int_eq(switch_for_each_meter(sw, meter, count, NULL), OFPERR_NONE);
	ck_assert_uint_eq(n_rules_of_meter, want);
}

START_TEST(rules_are_counted_with_the_meter_that_they_have_now)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(1)), OFPERR_NONE);
	ck_assert_int_eq(change(sw, METER_ADD, METER(2)), OFPERR_NONE);
	add_rule(sw, "priority=1,actions=meter:1,output:2");
	add_rule(sw, "priority=2,actions=meter:1,output:2");
	check_count(1, 2);
	must_flow_mod(sw, FM_MODIFY_STRICT, "priority=2,actions=meter:2,output:2");
	check_count(1, 1);
	check_count(2, 1);
	add_rule(sw, "priority=1,actions=output:2");
	check_count(1, 0);
	must_flow_mod(sw, FM_DELETE, "");
	check_count(2, 0);
}
END_TEST

START_TEST(rules_go_with_their_meter)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(1)), OFPERR_NONE);
	ck_assert_int_eq(change(sw, METER_ADD, METER(2)), OFPERR_NONE);
	add_rule(sw, "priority=1,actions=meter:1,output:2");
	add_rule(sw, "priority=2,actions=meter:2,output:2");
	ck_assert_int_eq(change(sw, METER_DELETE, "meter=2"), OFPERR_NONE);
	ck_assert_uint_eq(switch_n_rules(sw), 1);
	ck_assert_int_eq(change(sw, METER_DELETE, "meter=2"), OFPERR_NONE);
	ck_assert_int_eq(change(sw, METER_DELETE, "meter=all"), OFPERR_NONE);
	ck_assert_uint_eq(switch_n_rules(sw), 0);
}
END_TEST

#define TOLD \
	"userspace(pid=0,controller(reason=1,dont_send=0,continuation=0,recirc_id=0," \
	"rule_cookie=0,controller_id=0,max_len=65535))"

static const struct {
	const char *name, *meters[2], *rule, *want;
} told[] = {
	{ "by its own",
	  { METER(70) },
	  "in_port=1,actions=controller(meter_id=70),output:2",
	  "sample(sample=100.0%,actions(meter(5)," TOLD ")),2" },
	{ "that is not there", { METER(70) }, "in_port=1,actions=controller(meter_id=71)", TOLD },
	{ "by that of all",
	  { METER(controller) },
	  "in_port=1,actions=controller",
	  "sample(sample=100.0%,actions(meter(5)," TOLD "))" },
	{ "by that of all in place of its own",
	  { METER(controller) },
	  "in_port=1,actions=controller(meter_id=70)",
	  "sample(sample=100.0%,actions(meter(5)," TOLD "))" },
	{ "by its own in place of that of all",
	  { METER(controller), METER(70) },
	  "in_port=1,actions=controller(meter_id=70)",
	  "sample(sample=100.0%,actions(meter(6)," TOLD "))" },
	{ "not by the slow path's", { METER(slowpath) }, "in_port=1,actions=controller", TOLD },
};

START_TEST(packets_for_controllers_are_metered)
{
	for (size_t i = 0; i < ARRAY_SIZE(told[_i].meters) && told[_i].meters[i]; i++)
		ck_assert_int_eq(change(sw, METER_ADD, told[_i].meters[i]), OFPERR_NONE);
	add_rule(sw, told[_i].rule);
	check_translation(told[_i].want);
}
END_TEST

static void translate(struct xlate_result *r)
{
	struct flow_key key = { .in_port = 1 };
	struct xlate_input in = { .sw = sw, .key = &key };

	xlate(&in, r);
}

START_TEST(such_an_answer_ends_when_a_meter_comes_or_goes)
{
	struct xlate_result before, with;

	add_rule(sw, "in_port=1,actions=controller(meter_id=70)");
	translate(&before);
	ck_assert(xlate_is_current(&before.basis));
	ck_assert_int_eq(change(sw, METER_ADD, METER(70)), OFPERR_NONE);
	ck_assert(!xlate_is_current(&before.basis));
	translate(&with);
	ck_assert_int_eq(change(sw, METER_MODIFY, METER(70)), OFPERR_NONE);
	ck_assert(xlate_is_current(&with.basis));
	ck_assert_int_eq(change(sw, METER_DELETE, "meter=70"), OFPERR_NONE);
	ck_assert(!xlate_is_current(&with.basis));
	xlate_result_uninit(&before);
	xlate_result_uninit(&with);
}
END_TEST

START_TEST(other_answers_do_not)
{
	struct xlate_result r;

	add_rule(sw, "in_port=1,actions=output:2");
	translate(&r);
	ck_assert_int_eq(change(sw, METER_ADD, METER(70)), OFPERR_NONE);
	ck_assert(xlate_is_current(&r.basis));
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(a_rule_that_tells_controllers_stays_without_its_meter)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(1)), OFPERR_NONE);
	add_rule(sw, "in_port=1,actions=controller(meter_id=1)");
	check_count(1, 0);
	ck_assert_int_eq(change(sw, METER_DELETE, "meter=1"), OFPERR_NONE);
	check_translation(TOLD);
}
END_TEST

static void add_group(const char *text)
{
	struct error err = ERROR_INIT;
	struct group_mod gm;
	uint32_t usable;

	ck_assert_msg(!group_mod_parse(text, GROUP_ADD, NULL, &gm, &usable, &err), "%s", err.text);
	ck_assert_uint_eq(usable, 1u << FORMAT_OXM15);
	ck_assert_str_eq(ofperr_name(switch_group_mod(sw, &gm)), ofperr_name(OFPERR_NONE));
	group_mod_uninit(&gm);
}

START_TEST(a_meter_ends_its_bucket_only)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(70)), OFPERR_NONE);
	add_group("group_id=1,type=all,bucket=meter:70,output:2,bucket=output:2");
	add_rule(sw, "actions=group:1");
	check_translation("clone(meter(5),2),2");
}
END_TEST

// In the order of action sets it belongs to what is done for quality of service, behind changes of the packet.
START_TEST(a_bucket_s_meter_counts_the_packet_as_changed)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(70)), OFPERR_NONE);
	add_group("group_id=1,type=indirect,bucket=meter:70,push_vlan:0x8100,output:2");
	add_rule(sw, "actions=group:1");
	check_translation("push_vlan(vid=0,pcp=0),meter(5),2");
}
END_TEST

START_TEST(a_group_stays_as_its_meters_come_and_go)
{
	struct xlate_result before, with;

	add_group("group_id=1,type=indirect,bucket=meter:70,output:2");
	add_rule(sw, "actions=group:1");
	check_translation("2");
	translate(&before);
	ck_assert_int_eq(change(sw, METER_ADD, METER(70)), OFPERR_NONE);
	ck_assert(!xlate_is_current(&before.basis));
	check_translation("meter(5),2");
	translate(&with);
	ck_assert_int_eq(change(sw, METER_DELETE, "meter=70"), OFPERR_NONE);
	ck_assert(!xlate_is_current(&with.basis));
	check_translation("2");
	xlate_result_uninit(&before);
	xlate_result_uninit(&with);
}
END_TEST

static const struct {
	enum meter_command command;
	const char *text;
	enum ofperr error;
} refusals[] = {
	{ METER_ADD, METER(1), OFPERR_OFPMMFC_METER_EXISTS },
	{ METER_MODIFY, METER(2), OFPERR_OFPMMFC_UNKNOWN_METER },
	{ METER_ADD, METER(all), OFPERR_OFPMMFC_INVALID_METER },
	{ METER_ADD, "meter=2 kbps bands=type=dscp_remark rate=1", OFPERR_OFPMMFC_BAD_BAND },
	{ METER_ADD, "meter=2 kbps bands=type=drop rate=1 type=drop rate=2",
	  OFPERR_OFPMMFC_OUT_OF_BANDS },
};

START_TEST(what_cannot_be_is_refused)
{
	ck_assert_int_eq(change(sw, METER_ADD, METER(1)), OFPERR_NONE);
	ck_assert_int_eq(change(sw, refusals[_i].command, refusals[_i].text), refusals[_i].error);
}
END_TEST

START_TEST(unknown_meters_and_too_many)
{
	ck_assert_int_eq(try_flow_mod(sw, FM_ADD, "actions=meter:1,output:2"),
			 OFPERR_OFPMMFC_INVALID_METER);
	ck_assert_int_eq(change(sw, METER_ADD, METER(1)), OFPERR_NONE);
	add_rule(sw, "actions=meter:1,output:2");
	ck_assert_int_eq(change(sw, METER_ADD, METER(2)), OFPERR_NONE);
	ck_assert_int_eq(change(other, METER_ADD, METER(2)), OFPERR_NONE);
	ck_assert_int_eq(change(sw, METER_ADD, METER(3)), OFPERR_OFPMMFC_OUT_OF_METERS);
}
END_TEST

START_TEST(none_for_a_datapath_without)
{
	struct meter_features f;

	switch_set_features(sw, UINT32_MAX & ~(1u << SWITCH_FEATURE_METERS));
	ck_assert_int_eq(change(sw, METER_ADD, METER(1)), OFPERR_OFPMMFC_INVALID_METER);
	switch_meter_features(sw, &f);
	ck_assert_uint_eq(f.max_meters, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/meter");
	TCase *t = tcase_create("meter");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, rules_carry_the_datapath_s_number);
	tcase_add_test(t, a_meter_behind_a_patch_ends_that_way_only);
	tcase_add_test(t, rules_are_counted_with_the_meter_that_they_have_now);
	tcase_add_test(t, rules_go_with_their_meter);
	tcase_add_loop_test(t, packets_for_controllers_are_metered, 0, ARRAY_SIZE(told));
	tcase_add_test(t, such_an_answer_ends_when_a_meter_comes_or_goes);
	tcase_add_test(t, other_answers_do_not);
	tcase_add_test(t, a_rule_that_tells_controllers_stays_without_its_meter);
	tcase_add_test(t, a_meter_ends_its_bucket_only);
	tcase_add_test(t, a_bucket_s_meter_counts_the_packet_as_changed);
	tcase_add_test(t, a_group_stays_as_its_meters_come_and_go);
	tcase_add_loop_test(t, what_cannot_be_is_refused, 0, ARRAY_SIZE(refusals));
	tcase_add_test(t, unknown_meters_and_too_many);
	tcase_add_test(t, none_for_a_datapath_without);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
