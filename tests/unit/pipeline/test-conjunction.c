// SPDX-License-Identifier: Apache-2.0
// Conjunctions in a switch: rules that match together, and answers that notice when such rules change.
#include <stdio.h>

#include "core/base/rcu.h"
#include "core/base/util.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

#define SRC "priority=20,ip,nw_src=10.0.0.1,actions=conjunction(7,1/2)"
#define DST "priority=20,ip,nw_dst=10.0.0.2,actions=conjunction(7,2/2)"
#define DOES "priority=5,conj_id=7,actions=output:2"
#define OTHERS "priority=1,actions=output:3"
#define PACKET "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tcp_dst=80"

static struct of_switch *sw;
static struct xlate_result result;
static struct flow_key key;

static void setup(void)
{
	rcu_thread_begin();
	sw = able_switch("br0", 1);
	add_ports(sw, 4);
}

static void teardown(void)
{
	end_switches(sw, NULL);
}

static void translate(const char *packet)
{
	struct xlate_input in = { .sw = sw, .key = &key };

	key = packet_of(packet);
	key.in_port = 1;
	xlate(&in, &result);
	ck_assert_int_eq(result.error, XLATE_OK);
}

// The one port that the packet goes to; 0: none.
static uint32_t goes_to(const char *packet)
{
	const struct dp_action *a;
	uint32_t port = 0;

	translate(packet);
	DP_ACTION_FOR_EACH (a, dp_actions_of(&result.actions)) {
		ck_assert_int_eq(a->type, DP_ACTION_OUTPUT);
		port = a->output.port.n;
	}
	xlate_result_uninit(&result);
	return port;
}

static const struct {
	const char *name;
	const char *rules[7];
	uint32_t port;
} cases[] = {
	{ "all clauses met", { SRC, DST, DOES, OTHERS }, 2 },
	{ "one not met", { SRC, DOES, OTHERS }, 3 },
	{ "what it does may be above the clauses",
	  { SRC, DST, "priority=25,conj_id=7,actions=output:4", "priority=15,actions=output:3" },
	  4 },
	{ "what it does is looked up among all rules",
	  { SRC, DST, DOES, "priority=15,actions=output:4" },
	  4 },
	{ "a rule of the same priority comes first",
	  { SRC, DST, DOES, "priority=20,tcp,actions=output:4" },
	  4 },
	{ "nothing to do, and no other rule", { SRC, DST }, 0 },
	{ "the one below",
	  { SRC, "priority=20,ip,nw_dst=10.0.0.9,actions=conjunction(7,2/2)", DOES,
	    "priority=10,tcp,actions=conjunction(8,1/2)",
	    "priority=10,ip,nw_dst=10.0.0.2,actions=conjunction(8,2/2)",
	    "conj_id=8,actions=output:4" },
	  4 },
	{ "one rule of several conjunctions",
	  { "priority=20,ip,nw_src=10.0.0.1,actions=conjunction(8,1/2),conjunction(7,1/2)", DST,
	    "priority=20,udp,actions=conjunction(8,2/2)", DOES, "conj_id=8,actions=output:4",
	    OTHERS },
	  2 },
	{ "a rule that is two clauses",
	  { "priority=9,ip,actions=conjunction(7,1/2),conjunction(7,2/2)", DOES, OTHERS },
	  2 },
	{ "different numbers of clauses",
	  { SRC, "priority=20,ip,nw_dst=10.0.0.2,actions=conjunction(7,2/3)", DOES, OTHERS },
	  3 },
	{ "different priorities",
	  { SRC, "priority=21,ip,nw_dst=10.0.0.2,actions=conjunction(7,2/2)", DOES, OTHERS },
	  3 },
	{ "the rule below a clause with the same match",
	  { SRC, "priority=10,ip,nw_src=10.0.0.1,actions=output:4", OTHERS },
	  4 },
	{ "conjunctions do not nest",
	  { SRC, DST, "conj_id=7,actions=conjunction(9,1/2)", "ip,actions=conjunction(9,2/2)",
	    "conj_id=9,actions=output:2", OTHERS },
	  3 },
	{ "in a clone it does nothing",
	  { "priority=20,ip,actions=clone(conjunction(7,1/2),conjunction(7,2/2)),output:3", DOES },
	  3 },
};

START_TEST(rules_match_together)
{
	for (const char *const *r = cases[_i].rules; *r; r++)
		add_rule(sw, *r);
	ck_assert_msg(goes_to(PACKET) == cases[_i].port, "%s", cases[_i].name);
}
END_TEST

START_TEST(sixty_four_clauses)
{
	add_rule(sw, OTHERS);
	add_rule(sw, DOES);
	for (int i = 1; i <= 64; i++) {
		char text[100];

		snprintf(text, sizeof(text), "priority=20,reg%d=0/%#x,actions=conjunction(7,%d/64)",
			 i % 16, 1u << i / 16, i);
		ck_assert_uint_eq(goes_to(PACKET), 3);
		add_rule(sw, text);
	}
	ck_assert_uint_eq(goes_to(PACKET), 2);
}
END_TEST

START_TEST(modified_rules_become_clauses_and_rules_again)
{
	add_rule(sw, DST);
	add_rule(sw, DOES);
	add_rule(sw, OTHERS);
	add_rule(sw, "priority=20,ip,nw_src=10.0.0.1,actions=output:4");
	ck_assert_uint_eq(goes_to(PACKET), 4);
	must_flow_mod(sw, FM_MODIFY_STRICT, SRC);
	ck_assert_uint_eq(goes_to(PACKET), 2);
	must_flow_mod(sw, FM_MODIFY_STRICT,
		      "priority=20,ip,nw_src=10.0.0.1,actions=conjunction(8,1/2)");
	ck_assert_uint_eq(goes_to(PACKET), 3);
	must_flow_mod(sw, FM_MODIFY_STRICT, "priority=20,ip,nw_src=10.0.0.1,actions=output:4");
	ck_assert_uint_eq(goes_to(PACKET), 4);
}
END_TEST

// What happens to an answer that "priority=20: 7 complete" led to, by way of a rule of priority 5.
static const struct {
	const char *change;
	bool concerns;
} changes[] = {
	{ "priority=1,tcp,actions=drop", false },
	{ "priority=4,tcp,actions=conjunction(8,1/2)", false },
	{ "priority=6,tcp,actions=drop", true }, // is found instead
	{ "priority=6,arp,actions=drop", false },
	{ "priority=6,conj_id=7,actions=drop", true },
	{ "priority=30,tcp,actions=conjunction(8,1/2)", true }, // could complete one
	{ "priority=30,arp,actions=conjunction(8,1/2)", false },
	{ "priority=30,tcp,actions=drop", true },
	{ "priority=20,tcp,tcp_dst=81,actions=drop", true }, // the port decides nothing so far
};

START_TEST(answers_know_what_concerns_them)
{
	add_rule(sw, SRC);
	add_rule(sw, DST);
	add_rule(sw, DOES);
	add_rule(sw, OTHERS);
	translate(PACKET);
	ck_assert(xlate_is_current(&result.basis));
	add_rule(sw, changes[_i].change);
	ck_assert_msg(xlate_is_current(&result.basis) != changes[_i].concerns, "%s",
		      changes[_i].change);
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(answers_notice_that_a_clause_goes)
{
	add_rule(sw, SRC);
	add_rule(sw, DST);
	add_rule(sw, DOES);
	add_rule(sw, OTHERS);
	translate(PACKET);
	must_flow_mod(sw, FM_DELETE, "ip,nw_src=10.0.0.1");
	ck_assert(!xlate_is_current(&result.basis));
	xlate_result_uninit(&result);
}
END_TEST

static bool check_traffic(const struct rule *r, void *aux)
{
	unsigned int *n_rules = aux;

	(*n_rules)++;
	ck_assert_uint_eq(atomic_load(&r->packets), r->cls.clauses || !r->cls.priority ? 0 : 5);
	return true;
}

START_TEST(only_the_rule_that_acts_counts)
{
	static const struct flow_stats_request all = { .table = 255,
						       .out_port = { OFPP_ANY },
						       .out_group = GROUP_ID_ANY };
	struct flow_stats_request rq = all;
	unsigned int n_rules = 0;
	struct xlate_credit *c;

	match_init_any(&rq.match);
	add_rule(sw, SRC);
	add_rule(sw, DST);
	add_rule(sw, DOES);
	translate(PACKET);
	VEC_FOR_EACH (c, &result.basis.credits)
		xlate_credit_apply(c, &(struct traffic){ .packets = 5, .bytes = 500 });
	switch_for_each_flow(sw, &rq, check_traffic, &n_rules);
	ck_assert_uint_eq(n_rules, 3);
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(the_mask_has_what_decided_and_no_more)
{
	add_rule(sw, SRC);
	add_rule(sw, DST);
	add_rule(sw, DOES);
	add_rule(sw, OTHERS);
	translate(PACKET);
	ck_assert_uint_eq(result.mask.m.nw_src, UINT32_MAX);
	ck_assert_uint_eq(result.mask.m.nw_dst, UINT32_MAX);
	ck_assert_uint_eq(result.mask.m.tp_dst, 0);
	ck_assert_uint_eq(result.mask.m.conj_id, 0);
	xlate_result_uninit(&result);
	// What is below a conjunction that is complete decides nothing, unless its actions are there.
	add_rule(sw, "priority=10,tcp,tcp_dst=80,actions=conjunction(9,1/2)");
	must_flow_mod(sw, FM_DELETE, "conj_id=7");
	add_rule(sw, "priority=30,conj_id=7,actions=output:2");
	translate(PACKET);
	ck_assert_uint_eq(result.mask.m.tp_dst, 0);
	ck_assert_uint_eq(result.mask.m.nw_proto, 0);
	xlate_result_uninit(&result);
	// No clause's address begins like this.
	translate("tcp,nw_src=192.168.0.1,nw_dst=192.168.0.2");
	ck_assert_uint_eq(be32toh(result.mask.m.nw_src) & 0xffffff, 0);
	ck_assert_uint_eq(be32toh(result.mask.m.nw_dst) & 0xffffff, 0);
	xlate_result_uninit(&result);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/conjunction");
	TCase *t = tcase_create("conjunction");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, rules_match_together, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, sixty_four_clauses);
	tcase_add_test(t, modified_rules_become_clauses_and_rules_again);
	tcase_add_loop_test(t, answers_know_what_concerns_them, 0, ARRAY_SIZE(changes));
	tcase_add_test(t, answers_notice_that_a_clause_goes);
	tcase_add_test(t, only_the_rule_that_acts_counts);
	tcase_add_test(t, the_mask_has_what_decided_and_no_more);
	suite_add_tcase(s, t);
	return suite_run(s);
}
