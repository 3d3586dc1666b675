// SPDX-License-Identifier: Apache-2.0
// learn and fin_timeout: what translation asks for, and what becomes of the tables when the main thread comes.
#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/rcu.h"
#include "core/base/util.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

#define PACKET "tcp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,tcp_src=80"

static struct of_switch *sw;
static struct xlate_result result;
static struct flow_key key;

static void setup(void)
{
	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	add_ports(sw, 4);
}

static void teardown(void)
{
	switch_destroy(sw);
	ck_assert(!learn_is_waiting());
	rcu_drain();
	rcu_thread_end();
}

static void translate(const char *packet, uint32_t in_port)
{
	struct xlate_input in = { .sw = sw, .key = &key };

	key = packet_of(packet);
	key.in_port = in_port;
	xlate(&in, &result);
	ck_assert_int_eq(result.error, XLATE_OK);
}

// As the first packet of a flow does.
static void send_packet(const char *packet, uint32_t in_port)
{
	translate(packet, in_port);
	xlate_learn_rules(&result.basis);
	xlate_result_uninit(&result);
	learn_apply();
}

struct listing {
	struct strbuf text;
	uint8_t table;
};

static bool list_rule(const struct rule *r, void *aux)
{
	struct listing *l = aux;
	struct match m;

	if (r->table != l->table)
		return true;
	cls_rule_get_match(&r->cls, &m);
	strbuf_printf(&l->text, "%d,%llx,%u,%u,%x:", r->cls.priority, (unsigned long long)r->cookie,
		      r->idle_timeout, r->hard_timeout, r->flags);
	match_format(&m, NULL, &l->text);
	strbuf_puts(&l->text, ":");
	acts_format(rule_acts_get(r), NULL, &l->text);
	strbuf_puts(&l->text, ";");
	return true;
}

// "priority,cookie,idle,hard,flags:match:actions;" of each rule.
static void assert_rules(uint8_t table, const char *want)
{
	struct flow_stats_request rq = { .table = 255,
					 .out_port = { OFPP_ANY },
					 .out_group = GROUP_ID_ANY };
	struct listing l = { .text = STRBUF_INIT, .table = table };

	match_init_any(&rq.match);
	switch_for_each_flow(sw, &rq, list_rule, &l);
	ck_assert_str_eq(strbuf_cstr(&l.text), want);
	strbuf_uninit(&l.text);
}

static struct rule *only_rule(uint8_t table, const char *match)
{
	AUTO_FREE char *text = xasprintf("%s,actions=drop", match);
	struct error err = ERROR_INIT;
	struct cls_rule *r;
	struct flow_mod fm;

	ck_assert_msg(!flow_mod_parse(text, FM_ADD, NULL, &fm, NULL, &err), "%s", err.text);
	r = classifier_find_exactly(switch_table(sw, table)->cls, &fm.match, fm.priority);
	flow_mod_uninit(&fm);
	ck_assert_ptr_nonnull(r);
	return CONTAINER_OF(r, struct rule, cls);
}

// ---- What is learned ----

static const struct {
	const char *rule, *learned;
} cases[] = {
	{ "actions=learn(table=1)", "32768,0,0,0,0::drop;" },
	{ "actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
	  "32768,0,0,0,0:dl_dst=00:00:00:00:00:01:output:1;" },
	{ "actions=learn(table=1,idle_timeout=5,hard_timeout=7,priority=9,cookie=0x55,send_flow_"
	  "rem,"
	  "fin_idle_timeout=2,fin_hard_timeout=3,eth_type=0x800,nw_src[0..7]=eth_dst[0..7])",
	  "9,55,5,7,1:ip,nw_src=0.0.0.2/0.0.0.255:fin_timeout(idle_timeout=2,hard_timeout=3);" },
	{ "tcp,actions=learn(table=1,eth_type=0x800,nw_proto=6,tcp_dst=tcp_src,load:NXM_OF_IP_SRC[]"
	  "->NXM_NX_REG1[],"
	  "load:5->NXM_NX_REG0[3..6])",
	  "32768,0,0,0,0:tcp,tp_dst=80:load:0xa000001->NXM_NX_REG1[],load:0x5->NXM_NX_REG0[3..6]"
	  ";" },
	{ "actions=load:0xfffb->NXM_NX_REG0[],learn(table=1,output:NXM_NX_REG0[]),load:0xfffd->NXM_"
	  "NX_REG0[],"
	  "learn(table=2,output:NXM_NX_REG0[])",
	  "32768,0,0,0,0::FLOOD;" },
	{ "actions=clone(mod_dl_src:00:00:00:00:00:09,learn(table=1,eth_src))",
	  "32768,0,0,0,0:dl_src=00:00:00:00:00:09:drop;" },
};

START_TEST(rules_are_made_of_packets)
{
	AUTO_FREE char *rule = xasprintf("table=0,%s", cases[_i].rule);

	add_rule(sw, rule);
	translate(PACKET, 1);
	learn_apply();
	assert_rules(1, ""); // translation alone changes nothing
	xlate_learn_rules(&result.basis);
	ck_assert(learn_is_waiting());
	learn_apply();
	ck_assert(!learn_is_waiting());
	assert_rules(1, cases[_i].learned);
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(the_mask_has_what_was_read)
{
	add_rule(
		sw,
		"tcp,actions=learn(table=1,eth_src[0..7]=eth_dst[0..7],load:tcp_src->reg0[0..15])");
	translate(PACKET, 1);
	ck_assert_uint_eq(result.mask.m.eth_dst.b[5], 0xff);
	ck_assert_uint_eq(result.mask.m.eth_dst.b[4], 0);
	ck_assert_uint_eq(result.mask.m.tp_src, UINT16_MAX);
	ck_assert_uint_eq(result.mask.m.tp_dst, 0);
	xlate_result_uninit(&result);
}
END_TEST

#define LEARN_PORT "actions=learn(table=1,idle_timeout=5,cookie=9,eth_dst=eth_src,output:in_port)"

START_TEST(a_rule_that_is_there_is_modified)
{
	struct rule *r;

	add_rule(sw, "table=1,cookie=3,idle_timeout=60,dl_dst=00:00:00:00:00:01,actions=drop");
	r = only_rule(1, "dl_dst=00:00:00:00:00:01");
	r->packets = 7;
	add_rule(sw, LEARN_PORT);
	clock_advance(3000);
	send_packet(PACKET, 2);
	ck_assert_ptr_eq(only_rule(1, "dl_dst=00:00:00:00:00:01"), r);
	assert_rules(1, "32768,9,60,0,0:dl_dst=00:00:00:00:00:01:output:2;");
	ck_assert_uint_eq(r->packets, 7);
	ck_assert_int_eq(r->modified - r->created, 3000);
}
END_TEST

START_TEST(learning_the_same_again_renews_the_hard_timeout_and_nothing_else)
{
	uint64_t version;
	struct rule *r;

	add_rule(sw, "actions=learn(table=1,hard_timeout=10,eth_dst=eth_src,output:in_port)");
	send_packet(PACKET, 1);
	r = only_rule(1, "dl_dst=00:00:00:00:00:01");
	version = classifier_version(switch_table(sw, 1)->cls) + r->acts->number;
	for (int i = 0; i < 3; i++) {
		clock_advance(8000);
		switch_expire(sw);
		send_packet(PACKET, 1);
	}
	ck_assert_ptr_eq(only_rule(1, "dl_dst=00:00:00:00:00:01"), r);
	ck_assert_uint_eq(classifier_version(switch_table(sw, 1)->cls) + r->acts->number, version);
	clock_advance(10000);
	switch_expire(sw);
	assert_rules(1, "");
}
END_TEST

START_TEST(a_wish_that_waits_is_not_put_in_again)
{
	uint64_t before = counter_total(COUNTER_LEARN);

	add_rule(sw, LEARN_PORT);
	translate(PACKET, 1);
	for (int i = 0; i < 20000; i++)
		xlate_learn_rules(&result.basis);
	ck_assert_uint_eq(counter_total(COUNTER_LEARN_OVERFLOW), 0);
	learn_apply();
	ck_assert_uint_eq(counter_total(COUNTER_LEARN) - before, 1);
	xlate_learn_rules(&result.basis);
	ck_assert(learn_is_waiting());
	learn_apply();
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
	add_rule(sw, LEARN_PORT);
	for (int i = 0; i < 9000; i++) {
		translate(PACKET, 1);
		xlate_learn_rules(&result.basis);
		xlate_result_uninit(&result);
	}
	ck_assert_uint_eq(counter_total(COUNTER_LEARN_OVERFLOW), 9000 - 8192);
	learn_apply();
	assert_rules(1, "32768,9,5,0,0:dl_dst=00:00:00:00:00:01:output:1;");
}
END_TEST

static void *learn_in_thread(void *aux)
{
	struct xlate_input in = { .sw = sw, .key = &key };

	rcu_thread_begin();
	for (int i = 0; i < 2000; i++) {
		struct xlate_result r;

		xlate(&in, &r);
		xlate_learn_rules(&r.basis);
		xlate_result_uninit(&r);
		rcu_quiesce();
	}
	rcu_thread_end();
	return NULL;
}

START_TEST(other_threads_ask_while_the_main_thread_changes)
{
	pthread_t t[2];

	add_rule(sw, LEARN_PORT);
	translate(PACKET, 1);
	xlate_result_uninit(&result);
	for (int i = 0; i < 2; i++)
		ck_assert(!pthread_create(&t[i], NULL, learn_in_thread, NULL));
	for (int i = 0; i < 300; i++) {
		learn_apply();
		must_flow_mod(sw, FM_DELETE, "table=1");
		rcu_quiesce();
	}
	rcu_offline();
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	rcu_online();
	// The threads may have been done before the last deletion.
	translate(PACKET, 1);
	xlate_learn_rules(&result.basis);
	xlate_result_uninit(&result);
	learn_apply();
	assert_rules(1, "32768,9,5,0,0:dl_dst=00:00:00:00:00:01:output:1;");
}
END_TEST

START_TEST(what_waits_goes_with_its_switch)
{
	add_rule(sw, LEARN_PORT);
	translate(PACKET, 1);
	xlate_learn_rules(&result.basis);
	switch_destroy(sw);
	ck_assert(!learn_is_waiting());
	xlate_learn_rules(&result.basis);
	ck_assert(!learn_is_waiting());
	xlate_result_uninit(&result);
	sw = able_switch("br0", 1);
}
END_TEST

// ---- delete_learned ----

START_TEST(learned_rules_go_with_the_last_that_learns_them)
{
	add_rule(sw, "table=0,in_port=1,actions=learn(table=1,cookie=9,delete_learned,eth_src)");
	add_rule(sw,
		 "table=0,in_port=2,actions=clone(learn(table=1,cookie=9,delete_learned,eth_dst))");
	send_packet(PACKET, 1);
	send_packet(PACKET, 2);
	add_rule(sw, "table=1,cookie=8,arp,actions=drop");
	ck_assert_uint_eq(classifier_count(switch_table(sw, 1)->cls), 3);
	must_flow_mod(sw, FM_DELETE, "table=0,in_port=1");
	ck_assert_uint_eq(classifier_count(switch_table(sw, 1)->cls), 3);
	must_flow_mod(sw, FM_MODIFY, "table=0,in_port=2,actions=drop");
	assert_rules(1, "32768,8,0,0,0:arp:drop;");
}
END_TEST

START_TEST(replacing_a_rule_that_learns_keeps_what_it_learned)
{
	add_rule(sw, "table=0,actions=learn(table=1,cookie=9,delete_learned,eth_src)");
	send_packet(PACKET, 1);
	add_rule(sw, "table=0,actions=learn(table=1,cookie=9,delete_learned,eth_src),output:2");
	must_flow_mod(sw, FM_MODIFY,
		      "table=0,actions=output:2,learn(table=1,cookie=9,delete_learned,eth_src)");
	ck_assert_uint_eq(classifier_count(switch_table(sw, 1)->cls), 1);
	add_rule(sw, "table=0,actions=learn(table=1,cookie=9,eth_src)");
	ck_assert_uint_eq(classifier_count(switch_table(sw, 1)->cls), 0);
}
END_TEST

START_TEST(rules_that_learn_each_other_go_together)
{
	add_rule(sw, "table=0,cookie=1,hard_timeout=5,actions=learn(table=1,cookie=2,delete_"
		     "learned,eth_src)");
	add_rule(sw, "table=1,cookie=2,actions=learn(table=2,cookie=3,delete_learned,eth_src)");
	add_rule(sw, "table=2,cookie=3,actions=learn(table=0,cookie=1,delete_learned,eth_src)");
	clock_advance(6000);
	switch_expire(sw);
	ck_assert_uint_eq(switch_n_rules(sw), 0);
}
END_TEST

// ---- Limits ----

#define LIMITED \
	"table=0,actions=learn(table=1,cookie=9,limit=2,result_dst=reg0[3],eth_src),resubmit(,2)"

static uint32_t goes_to(const char *packet)
{
	const struct dp_action *a;
	uint32_t port = 0;

	translate(packet, 1);
	DP_ACTION_FOR_EACH (a, dp_actions_of(&result.actions))
		port = a->output.port.n;
	return port;
}

static uint32_t learn_from(int host)
{
	AUTO_FREE char *packet = xasprintf("dl_src=00:00:00:00:00:0%d", host);
	uint32_t port = goes_to(packet);

	xlate_learn_rules(&result.basis);
	xlate_result_uninit(&result);
	learn_apply();
	return port;
}

START_TEST(no_more_rules_than_the_limit)
{
	add_rule(sw, LIMITED);
	add_rule(sw, "table=2,priority=2,reg0=8,actions=output:2");
	add_rule(sw, "table=2,priority=1,actions=output:3");
	ck_assert_uint_eq(learn_from(1), 2);
	ck_assert_uint_eq(learn_from(2), 2);
	ck_assert_uint_eq(learn_from(3), 3);
	ck_assert_uint_eq(learn_from(1), 2); // it is there
	ck_assert_uint_eq(classifier_count(switch_table(sw, 1)->cls), 2);
	// Rules with that cookie count, whoever made them; those with another do not.
	must_flow_mod(sw, FM_DELETE, "table=1");
	add_rule(sw, "table=1,cookie=9,arp,actions=drop");
	add_rule(sw, "table=1,cookie=8,ip,actions=drop");
	add_rule(sw, "table=2,cookie=9,priority=0,ip,actions=drop");
	ck_assert_uint_eq(learn_from(1), 2);
	ck_assert_uint_eq(learn_from(2), 3);
}
END_TEST

START_TEST(answers_notice_that_there_is_room_again)
{
	add_rule(sw, LIMITED);
	add_rule(sw, "table=2,priority=2,reg0=8,actions=output:2");
	add_rule(sw, "table=2,priority=1,actions=output:3");
	ck_assert_uint_eq(goes_to("dl_src=00:00:00:00:00:09"), 2);
	learn_apply();
	add_rule(sw, "table=1,cookie=9,arp,actions=drop");
	ck_assert(xlate_is_current(&result.basis));
	add_rule(sw, "table=1,cookie=9,ip,actions=drop");
	ck_assert(!xlate_is_current(&result.basis));
	xlate_result_uninit(&result);
	ck_assert_uint_eq(goes_to("dl_src=00:00:00:00:00:09"), 3);
	ck_assert(xlate_is_current(&result.basis));
	must_flow_mod(sw, FM_DELETE, "table=1,arp");
	ck_assert(!xlate_is_current(&result.basis));
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(what_many_threads_ask_for_at_once_keeps_to_the_limit)
{
	struct xlate_result r[5];

	add_rule(sw, LIMITED);
	for (int i = 0; i < 5; i++) {
		AUTO_FREE char *packet = xasprintf("dl_src=00:00:00:00:00:0%d", i);

		translate(packet, 1);
		r[i] = result;
	}
	for (int i = 0; i < 5; i++)
		xlate_learn_rules(&r[i].basis);
	learn_apply();
	ck_assert_uint_eq(classifier_count(switch_table(sw, 1)->cls), 2);
	for (int i = 0; i < 5; i++)
		xlate_result_uninit(&r[i]);
}
END_TEST

// ---- fin_timeout ----

static const struct {
	const char *name, *rule;
	uint16_t tcp_flags, idle, hard;
} ends[] = {
	{ "FIN",
	  "tcp,idle_timeout=60,hard_timeout=90,actions=fin_timeout(idle_timeout=5,hard_timeout=10)",
	  0x11, 5, 10 },
	{ "RST",
	  "tcp,idle_timeout=60,hard_timeout=90,actions=fin_timeout(idle_timeout=5,hard_timeout=10)",
	  0x04, 5, 10 },
	{ "neither",
	  "tcp,idle_timeout=60,hard_timeout=90,actions=fin_timeout(idle_timeout=5,hard_timeout=10)",
	  0x1a, 60, 90 },
	{ "shorter already",
	  "tcp,idle_timeout=3,hard_timeout=90,actions=fin_timeout(idle_timeout=5,hard_timeout=10)",
	  0x11, 3, 10 },
	{ "none before", "tcp,actions=fin_timeout(idle_timeout=5)", 0x11, 5, 0 },
	{ "nothing asked", "tcp,idle_timeout=60,actions=fin_timeout()", 0x11, 60, 0 },
};

START_TEST(connections_that_end_shorten_their_rules)
{
	struct xlate_credit *c;
	struct rule *r;

	add_rule(sw, ends[_i].rule);
	translate("tcp", 1);
	ck_assert_uint_eq(result.mask.m.tcp_flags, 0);
	ck_assert_uint_eq(result.mask.m.nw_proto, UINT8_MAX);
	VEC_FOR_EACH (c, &result.basis.credits)
		xlate_credit_apply(
			c, &(struct traffic){ .packets = 1, .tcp_flags = ends[_i].tcp_flags });
	learn_apply();
	r = only_rule(0, "tcp");
	ck_assert_msg(r->idle_timeout == ends[_i].idle && r->hard_timeout == ends[_i].hard, "%s",
		      ends[_i].name);
	if (ends[_i].idle) {
		clock_advance(ends[_i].idle * 1000);
		switch_expire(sw);
		ck_assert_uint_eq(switch_n_rules(sw), 0);
	}
	xlate_result_uninit(&result);
}
END_TEST

START_TEST(packets_without_tcp_end_nothing)
{
	struct xlate_credit *c;

	add_rule(sw, "actions=fin_timeout(idle_timeout=5)");
	translate("udp", 1);
	VEC_FOR_EACH (c, &result.basis.credits)
		ck_assert_int_ne(c->kind, CREDIT_FIN_TIMEOUT);
	ck_assert_uint_eq(result.mask.m.nw_proto, UINT8_MAX);
	xlate_result_uninit(&result);
}
END_TEST

// Nor is another that came in its place.
START_TEST(a_rule_that_is_gone_is_not_shortened)
{
	static const char rule[] = "tcp,actions=fin_timeout(idle_timeout=5)";
	const struct rule *gone; // held by the translation

	add_rule(sw, rule);
	gone = only_rule(0, "tcp");
	translate("tcp", 1);
	xlate_end_connection(&result.basis, 1);
	ck_assert(learn_is_waiting());
	must_flow_mod(sw, FM_DELETE, "tcp");
	add_rule(sw, rule);
	learn_apply();
	ck_assert_uint_eq(gone->idle_timeout, 0);
	ck_assert_uint_eq(only_rule(0, "tcp")->idle_timeout, 0);
	clock_advance(6000);
	switch_expire(sw);
	ck_assert_uint_eq(switch_n_rules(sw), 1);
	xlate_result_uninit(&result);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/learn");
	TCase *t = tcase_create("learn");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, rules_are_made_of_packets, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, the_mask_has_what_was_read);
	tcase_add_test(t, a_rule_that_is_there_is_modified);
	tcase_add_test(t, learning_the_same_again_renews_the_hard_timeout_and_nothing_else);
	tcase_add_test(t, a_wish_that_waits_is_not_put_in_again);
	tcase_add_test(t, the_queue_is_bounded);
	tcase_add_test(t, other_threads_ask_while_the_main_thread_changes);
	tcase_add_test(t, what_waits_goes_with_its_switch);
	tcase_add_test(t, learned_rules_go_with_the_last_that_learns_them);
	tcase_add_test(t, replacing_a_rule_that_learns_keeps_what_it_learned);
	tcase_add_test(t, rules_that_learn_each_other_go_together);
	tcase_add_test(t, no_more_rules_than_the_limit);
	tcase_add_test(t, answers_notice_that_there_is_room_again);
	tcase_add_test(t, what_many_threads_ask_for_at_once_keeps_to_the_limit);
	tcase_add_loop_test(t, connections_that_end_shorten_their_rules, 0, ARRAY_SIZE(ends));
	tcase_add_test(t, packets_without_tcp_end_nothing);
	tcase_add_test(t, a_rule_that_is_gone_is_not_shortened);
	suite_add_tcase(s, t);
	return suite_run(s);
}
