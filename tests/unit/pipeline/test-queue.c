// SPDX-License-Identifier: Apache-2.0
// Queues: what set_queue, pop_queue and enqueue make of a packet, and the marks that queues of a port give.
#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "core/flow/match.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static bool priority(void *aux, uint32_t queue, uint32_t *ret)
{
	*ret = 0x10001 + queue;
	return queue < 100;
}

static void setup(void)
{
	static const struct queue_mark marks[] = { { 0x10009, 3 },
						   { 0x10002, 12 },
						   { 0x10001, 9 } };

	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	other = able_switch("br1", 2);
	switch_set_queue_priority(sw, priority, NULL);
	switch_set_queue_priority(other, priority, NULL);
	add_port(sw, "p1", 1, DP_PORT(1));
	switch_port_set_queues(sw, add_port(sw, "p2", 2, DP_PORT(2)), marks, ARRAY_SIZE(marks));
	add_port(sw, "p3", 3, DP_PORT(3));
	add_port(other, "q1", 1, DP_PORT(11));
	patch(sw, other, 10);
}

static void teardown(void)
{
	end_switches(sw, other);
}

static const struct {
	const char *name;
	uint32_t came; // skb_priority
	uint8_t tos;
	bool is_ip;
	const char *rule, *other_rule; // of the switch behind the patch
	const char *actions;
	bool looks_at_priority, looks_at_dscp;
} cases[] = {
	{ "set_queue stays until pop_queue", 0, 0, false, "set_queue:4,1,3,pop_queue,3", NULL,
	  "set(skb_priority(0x10005)),3,set(skb_priority(0)),3", true, false },
	{ "without pop_queue nobody asks what it was", 7, 0, false, "set_queue:4,3", NULL,
	  "set(skb_priority(0x10005)),3", false, false },
	{ "pop_queue gives back what the packet came with", 7, 0, false,
	  "set_queue:4,set_queue:5,3,pop_queue,3", NULL,
	  "set(skb_priority(0x10006)),3,set(skb_priority(0x7)),3", true, false },
	{ "enqueue is for one output", 0, 0, false, "enqueue:3:4,3", NULL,
	  "set(skb_priority(0x10005)),3,set(skb_priority(0)),3", true, false },
	{ "enqueue gives back what set_queue has set", 0, 0, false, "set_queue:1,enqueue:3:4,3",
	  NULL, "set(skb_priority(0x10005)),3,set(skb_priority(0x10002)),3", false, false },
	{ "the same queue again", 0, 0, false, "set_queue:4,3,enqueue:3:4,set_queue:4,3", NULL,
	  "set(skb_priority(0x10005)),3,3,3", false, false },
	{ "no such queue", 0, 0, false, "set_queue:100,3,enqueue:3:4294967295", NULL, "3,3", false,
	  false },
	{ "enqueue to the input port", 0, 0, false, "enqueue:in_port:4,enqueue:1:4", NULL,
	  "set(skb_priority(0x10005)),1", true, false },
	{ "a mark is for one output", 0, 0x20, true, "set_queue:1,2,3", NULL,
	  "set(ipv4(tos=0x30/0xfc)),set(skb_priority(0x10002)),2,set(ipv4(tos=0x20/0xfc)),3", false,
	  true },
	{ "a mark that the packet has", 0, 0x31, true, "enqueue:2:1", NULL,
	  "set(skb_priority(0x10002)),2", true, true },
	{ "what comes for the queue is marked", 0x10002, 0, true, "2", NULL,
	  "set(ipv4(tos=0x30/0xfc)),2", true, true },
	{ "no other queue marks", 0x10003, 0, true, "2", NULL, "2", true, false },
	{ "only IP is marked", 0, 0, false, "enqueue:2:1", NULL, "set(skb_priority(0x10002)),2",
	  true, false },
	{ "a queue goes through a patch", 0, 0, false, "set_queue:4,10,3", "in_port=10,actions=1",
	  "clone(set(skb_priority(0x10005)),11),set(skb_priority(0x10005)),3", false, false },
	{ "one that is set behind a patch stays there", 0, 0, false, "10,3",
	  "in_port=10,actions=set_queue:4,1", "clone(set(skb_priority(0x10005)),11),3", false,
	  false },
};

static void check_case(size_t i)
{
	struct flow_key key = { .in_port = 1, .skb_priority = cases[i].came };
	struct xlate_input in = { .sw = sw, .key = &key };
	AUTO(strbuf) rule = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;

	key.eth_type = htobe16(cases[i].is_ip ? 0x0800 : 0x88b5);
	key.nw_tos = cases[i].tos;
	strbuf_printf(&rule, "actions=%s", cases[i].rule);
	add_rule(sw, rule.s);
	if (cases[i].other_rule)
		add_rule(other, cases[i].other_rule);
	xlate(&in, &r);
	dp_actions_format(dp_actions_of(&r.actions), NULL, NULL, &text);
	ck_assert_msg(!strcmp(strbuf_cstr(&text), cases[i].actions), "%s: %s", cases[i].name,
		      strbuf_cstr(&text));
	ck_assert_msg((r.mask.m.skb_priority == UINT32_MAX) == cases[i].looks_at_priority,
		      "%s: priority", cases[i].name);
	ck_assert_msg((r.mask.m.nw_tos == 0xfc) == cases[i].looks_at_dscp, "%s: dscp",
		      cases[i].name);
	xlate_result_uninit(&r);
}

START_TEST(a_packet_goes_through_the_queue_that_is_set)
{
	check_case(_i);
}
END_TEST

START_TEST(a_change_of_marks_is_a_change_of_ports)
{
	static const struct queue_mark marks[] = { { 0x10002, 12 }, { 0x10003, 13 } },
				       turned[] = { { 0x10003, 13 }, { 0x10002, 12 } };
	struct of_port *p = switch_port_find(sw, OF_PORT(2));
	uint64_t version = switch_ports_version(sw);

	switch_port_set_queues(sw, p, marks, 2);
	ck_assert_uint_gt(switch_ports_version(sw), version);
	version = switch_ports_version(sw);
	switch_port_set_queues(sw, p, turned, 2);
	ck_assert_uint_eq(switch_ports_version(sw), version);
	switch_port_set_queues(sw, p, NULL, 0);
	ck_assert_uint_gt(switch_ports_version(sw), version);
	ck_assert_ptr_null(p->queues);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/queue");
	TCase *t = tcase_create("queue");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_packet_goes_through_the_queue_that_is_set, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, a_change_of_marks_is_a_change_of_ports);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
