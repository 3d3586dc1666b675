// SPDX-License-Identifier: Apache-2.0
// IP fragments in the tables, in each of the modes that a controller may set.
#include "tests/unit/pipeline/translated.h"

static struct of_switch *sw, *other;

static void setup(void)
{
	patched_switches("actions=drop", &sw, &other);
}

static void teardown(void)
{
	end_switches(sw, other);
}

#define FIRST "in_port=1,udp,udp_src=80,nw_frag=first"
#define LATER "in_port=1,udp,nw_frag=later"
#define UNTAGGED "in_port=1,vlan_tci=0x0000/0x1000"

static const struct {
	enum fragments mode;
	struct translated_case c;
} cases[] = {
	{ FRAGMENTS_NORMAL,
	  { "the first has no ports either",
	    { "priority=9,udp,udp_src=80,actions=2", "priority=8,udp,udp_src=0,actions=3" },
	    FIRST,
	    "3",
	    "udp," UNTAGGED ",nw_frag=first" } },
	{ FRAGMENTS_NORMAL,
	  { "nor has it those that it is given",
	    { "udp,actions=mod_tp_src:9,resubmit(,1)", "table=1,udp,udp_src=9,actions=2",
	      "table=1,priority=1,udp,udp_src=0,actions=3" },
	    FIRST,
	    "set(udp(src=9)),3",
	    NULL } },
	{ FRAGMENTS_NORMAL,
	  { "a whole packet has",
	    { "priority=9,udp,udp_src=80,actions=2", "priority=8,udp,udp_src=0,actions=3" },
	    "in_port=1,udp,udp_src=80",
	    "2",
	    NULL } },
	{ FRAGMENTS_DROP,
	  { "the first is dropped",
	    { "actions=2" },
	    FIRST,
	    "drop",
	    "ip," UNTAGGED ",nw_frag=first" } },
	{ FRAGMENTS_DROP,
	  { "a later one is", { "actions=2" }, LATER, "drop", "ip," UNTAGGED ",nw_frag=later" } },
	{ FRAGMENTS_DROP,
	  { "a whole packet is not", { "actions=2" }, "in_port=1,udp", "2", NULL } },
	{ FRAGMENTS_MATCH,
	  { "the first has the ports that it has",
	    { "priority=9,udp,udp_src=80,actions=2", "priority=8,udp,udp_src=0,actions=3" },
	    FIRST,
	    "2",
	    "udp," UNTAGGED ",nw_frag=first,tp_src=80" } },
};

START_TEST(a_fragment_meets_what_its_mode_lets_it_meet)
{
	switch_set_fragments(sw, cases[_i].mode);
	check_translated(sw, &cases[_i].c);
}
END_TEST

static bool stays(struct xlate_result *r)
{
	return xlate_is_current(&r->basis);
}

START_TEST(another_mode_makes_it_anew)
{
	struct flow_key first = packet_of(FIRST);
	struct xlate_result r;

	check_actions(sw, "no rule", &first, "drop", &r);
	switch_set_fragments(sw, FRAGMENTS_NORMAL);
	ck_assert(stays(&r));
	switch_set_fragments(sw, FRAGMENTS_DROP);
	ck_assert(!stays(&r));
	xlate_result_uninit(&r);
}
END_TEST

// The ports that it was looked up by are not the packet's, nor those that it was given.
START_TEST(a_rule_for_no_ports_makes_it_anew)
{
	struct flow_key first = packet_of(FIRST);
	struct xlate_result r;

	add_rule(sw, "udp,actions=mod_tp_src:9,resubmit(,1)");
	add_rule(sw, "table=1,priority=1,actions=2");
	check_actions(sw, "before", &first, "set(udp(src=9)),2", &r);
	add_rule(sw, "table=1,priority=2,udp,udp_src=0,actions=3");
	ck_assert(!stays(&r));
	xlate_result_uninit(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/fragments");
	TCase *t = tcase_create("fragments");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_fragment_meets_what_its_mode_lets_it_meet, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, another_mode_makes_it_anew);
	tcase_add_test(t, a_rule_for_no_ports_makes_it_anew);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
