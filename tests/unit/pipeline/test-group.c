// SPDX-License-Identifier: Apache-2.0
// Groups in translation: which bucket a packet takes, what megaflows rest on, what is counted, and what goes with a group.
#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

static struct of_switch *sw;
static unsigned int n_removed;
static enum flow_removed_reason last_reason;

static void on_removed(void *aux, const struct rule *r, enum flow_removed_reason reason)
{
	n_removed++;
	last_reason = reason;
}

static const struct switch_events events = { .rule_removed = on_removed };

static void setup(void)
{
	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	switch_set_events(sw, &events, NULL);
	add_ports(sw, 4);
	n_removed = 0;
}

static void teardown(void)
{
	end_switches(sw, NULL);
}

static enum ofperr change(enum group_command command, const char *text)
{
	struct error err = ERROR_INIT;
	struct group_mod gm;
	enum ofperr e;

	ck_assert_msg(!group_mod_parse(text, command, NULL, &gm, NULL, &err), "%s: %s", text,
		      err.text);
	e = switch_group_mod(sw, &gm);
	group_mod_uninit(&gm);
	return e;
}

static void must(enum group_command command, const char *text)
{
	ck_assert_str_eq(ofperr_name(change(command, text)), ofperr_name(OFPERR_NONE));
}

// A packet of connection 'n' in direction 0 or 1.
static struct flow_key connection(uint32_t n, bool back)
{
	struct flow_key k = {
		.in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6, .nw_ttl = 64
	};

	k.nw_src = htobe32(back ? 0x0a000001 : 0x0b000000 + n);
	k.nw_dst = htobe32(back ? 0x0b000000 + n : 0x0a000001);
	k.tp_src = htobe16(back ? 80 : 1000 + n % 5000);
	k.tp_dst = htobe16(back ? 1000 + n % 5000 : 80);
	return k;
}

static void translate(const struct flow_key *key, struct strbuf *text, struct xlate_result *r)
{
	struct xlate_input in = { .sw = sw, .key = key };

	xlate(&in, r);
	dp_actions_format(dp_actions_of(&r->actions), NULL, NULL, text);
}

static char *actions_of(const struct flow_key *key)
{
	struct strbuf text = STRBUF_INIT;
	struct xlate_result r;

	translate(key, &text, &r);
	xlate_result_uninit(&r);
	return strbuf_take(&text);
}

static void check(const char *want)
{
	struct flow_key key = connection(1, false);
	AUTO_FREE char *got = actions_of(&key);

	ck_assert_str_eq(got, want);
}

START_TEST(each_bucket_gets_the_packet_as_it_was)
{
	must(GROUP_ADD,
	     "group_id=1,type=all,bucket=set_field:1.2.3.4->ip_dst,output:2,bucket=output:3");
	add_rule(sw, "tcp,actions=group:1,output:4");
	check("set(ipv4(dst=1.2.3.4)),2,set(ipv4(dst=10.0.0.1)),3,4");
}
END_TEST

START_TEST(what_cannot_be_set_back_is_done_to_a_copy)
{
	must(GROUP_ADD, "group_id=1,type=all,bucket=ct(commit),bucket=output:3");
	add_rule(sw, "tcp,actions=group:1,output:4");
	check("clone(ct(commit)),3,4");
	must(GROUP_MODIFY, "group_id=1,type=all,bucket=output:3,bucket=ct(commit)");
	add_rule(sw, "tcp,actions=group:1");
	check("3,ct(commit)");
}
END_TEST

START_TEST(a_bucket_is_an_action_set)
{
	must(GROUP_ADD,
	     "group_id=1,type=indirect,bucket=output:2,set_field:1.2.3.4->ip_dst,output:3");
	add_rule(sw, "tcp,actions=group:1");
	check("set(ipv4(dst=1.2.3.4)),3");
	// A group in an action set is executed in place of its output.
	add_rule(sw, "tcp,actions=write_actions(output:4,group:1)");
	check("set(ipv4(dst=1.2.3.4)),3");
}
END_TEST

START_TEST(a_group_may_name_itself)
{
	must(GROUP_ADD, "group_id=1,type=all,bucket=group:1");
	add_rule(sw, "tcp,actions=group:1,output:2");
	check("drop");
}
END_TEST

static unsigned int bucket_of(const struct flow_key *key)
{
	AUTO_FREE char *actions = actions_of(key);

	return strtoul(actions, NULL, 10);
}

#define N 3000

START_TEST(connections_are_spread_by_weight)
{
	unsigned int n[5] = { 0 };

	must(GROUP_ADD, "group_id=1,type=select,bucket=weight:1,output:2,bucket=weight:2,output:3,"
			"bucket=weight:0,output:4");
	add_rule(sw, "tcp,actions=group:1");
	for (uint32_t i = 0; i < N; i++) {
		struct flow_key there = connection(i, false), back = connection(i, true);
		unsigned int bucket = bucket_of(&there);

		ck_assert_uint_eq(bucket_of(&back), bucket);
		n[bucket]++;
	}
	ck_assert_uint_eq(n[2] + n[3], N);
	// A third, give or take five of its standard deviations.
	ck_assert_uint_gt(n[2], 1000 - 130);
	ck_assert_uint_lt(n[2], 1000 + 130);
}
END_TEST

START_TEST(only_the_share_of_a_bucket_that_goes_moves)
{
	unsigned int before[N];

	must(GROUP_ADD, "group_id=1,type=select,bucket=output:2,bucket=output:3,bucket=output:4");
	add_rule(sw, "tcp,actions=group:1");
	for (uint32_t i = 0; i < N; i++) {
		struct flow_key key = connection(i, false);

		before[i] = bucket_of(&key);
	}
	must(GROUP_REMOVE_BUCKETS, "group_id=1,command_bucket_id=1");
	for (uint32_t i = 0; i < N; i++) {
		struct flow_key key = connection(i, false);
		unsigned int now = bucket_of(&key);

		ck_assert_uint_ne(now, 3);
		if (before[i] != 3)
			ck_assert_uint_eq(now, before[i]);
	}
}
END_TEST

static bool is_in_mask(const struct xlate_result *r, enum field_id id)
{
	return field_is_in(field_get(id), &r->mask.m);
}

START_TEST(only_the_fields_that_are_hashed_are_matched)
{
	struct flow_key key = connection(1, false);
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;

	must(GROUP_ADD, "group_id=1,type=select,selection_method=hash,fields(ip_src=255.255.0.0,"
			"udp_dst),bucket=output:2,bucket=output:3");
	add_rule(sw, "ip,actions=group:1");
	translate(&key, &text, &r);
	ck_assert_uint_eq(r.mask.m.nw_src, htobe32(0xffff0000));
	// That it is no UDP decides, too.
	ck_assert(is_in_mask(&r, FIELD_IP_PROTO));
	ck_assert(!is_in_mask(&r, FIELD_IP_DST));
	ck_assert_uint_eq(r.mask.m.tp_dst, 0);
	xlate_result_uninit(&r);
}
END_TEST

static void set_link(uint16_t port, bool up)
{
	switch_port_set_state(sw, switch_port_find(sw, OF_PORT(port)), 0,
			      up ? PORT_STATE_LIVE : PORT_STATE_LINK_DOWN);
}

START_TEST(failover_follows_ports_and_groups)
{
	struct flow_key key = connection(1, false);
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;

	must(GROUP_ADD, "group_id=2,type=ff,bucket=watch_port:4,output:4");
	must(GROUP_ADD,
	     "group_id=1,type=ff,bucket=watch_port:2,output:2,bucket=watch_group:2,output:3");
	add_rule(sw, "tcp,actions=group:1");
	translate(&key, &text, &r);
	ck_assert_str_eq(text.s, "2");
	ck_assert(xlate_is_current(&r.basis));
	set_link(2, false);
	ck_assert(!xlate_is_current(&r.basis));
	xlate_result_uninit(&r);
	strbuf_clear(&text);
	translate(&key, &text, &r);
	ck_assert_str_eq(text.s, "3");
	ck_assert(xlate_is_current(&r.basis));
	must(GROUP_MODIFY, "group_id=2,type=ff,bucket=watch_port:77,output:4");
	ck_assert(!xlate_is_current(&r.basis));
	check("drop");
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(groups_that_watch_each_other_are_dead)
{
	must(GROUP_ADD, "group_id=1,type=ff,bucket=watch_group:2,output:2");
	must(GROUP_ADD, "group_id=2,type=ff,bucket=watch_group:1,output:3");
	add_rule(sw, "tcp,actions=group:1");
	check("drop");
}
END_TEST

// Ten buckets each that watch the next group, and none that lives: 10^60 ways to find that out.
START_TEST(many_groups_that_watch_others_cost_little)
{
	for (unsigned int id = 1; id <= 60; id++) {
		AUTO(strbuf) text = STRBUF_INIT;

		strbuf_printf(&text, "group_id=%u,type=ff", id);
		for (int i = 0; i < 10; i++)
			strbuf_printf(&text, ",bucket=watch_group:%u,output:2", id + 1);
		must(GROUP_ADD, text.s);
	}
	add_rule(sw, "tcp,actions=group:1");
	check("drop");
}
END_TEST

// A rule's match says which headers there are; a bucket meets any packet.
START_TEST(that_a_packet_lacks_a_field_decides_too)
{
	static const struct {
		const char *bucket;
		enum field_id looked_at;
	} cases[] = {
		{ "set_field:5->tcp_dst,output:2", FIELD_IP_PROTO },
		{ "move:NXM_OF_TCP_DST[]->NXM_NX_REG0[0..15],output:2", FIELD_IP_PROTO },
		{ "move:NXM_NX_REG0[0..15]->NXM_OF_TCP_DST[],output:2", FIELD_IP_PROTO },
		{ "set_field:::1->nd_target,output:2", FIELD_ICMPV6_TYPE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *group = xasprintf("group_id=1,type=all,bucket=%s", cases[i].bucket);
		AUTO(strbuf) text = STRBUF_INIT;
		struct flow_key key = connection(1, false);
		struct xlate_result r;

		if (cases[i].looked_at == FIELD_ICMPV6_TYPE) {
			key = (struct flow_key){ .in_port = 1,
						 .eth_type = htobe16(0x86dd),
						 .nw_proto = 58 };
			key.tp_src = htobe16(128);
		} else {
			key.nw_proto = 17;
		}
		must(GROUP_ADD_OR_MODIFY, group);
		add_rule(sw, "actions=group:1");
		translate(&key, &text, &r);
		ck_assert_msg(!strcmp(text.s, "2"), "%s: %s", cases[i].bucket, text.s);
		ck_assert_msg(is_in_mask(&r, cases[i].looked_at), "%s", cases[i].bucket);
		xlate_result_uninit(&r);
	}
}
END_TEST

START_TEST(what_a_bucket_comes_by_writes_no_action_set_of_the_packet)
{
	must(GROUP_ADD, "group_id=1,type=all,bucket=resubmit(,1)");
	add_rule(sw, "table=1,tcp,actions=resubmit(,2),check_pkt_larger(100)->reg0[0],output:2");
	add_rule(sw, "table=2,tcp,actions=write_actions(output:3)");
	add_rule(sw, "tcp,actions=group:1,output:4");
	check("check_pkt_len(size=100,gt(2),le(2)),4");
}
END_TEST

START_TEST(a_change_of_another_group_is_of_no_concern)
{
	struct flow_key key = connection(1, false);
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;

	must(GROUP_ADD, "group_id=1,type=all,bucket=output:2");
	add_rule(sw, "tcp,actions=group:1");
	translate(&key, &text, &r);
	must(GROUP_ADD, "group_id=2,type=all,bucket=output:3");
	ck_assert(xlate_is_current(&r.basis));
	must(GROUP_INSERT_BUCKETS, "group_id=1,command_bucket_id=last,bucket=bucket_id=7,output:3");
	ck_assert(!xlate_is_current(&r.basis));
	check("2,3");
	xlate_result_uninit(&r);
}
END_TEST

static struct group_stats stats;

static void take_stats(const struct group *g, void *aux)
{
	group_stats_uninit(&stats);
	group_fill_stats(g, &stats);
}

START_TEST(groups_and_buckets_count_their_traffic)
{
	const struct traffic t = { .packets = 3, .bytes = 300 };
	struct flow_key key = connection(1, false);
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;
	struct xlate_credit *c;

	must(GROUP_ADD,
	     "group_id=1,type=ff,bucket=watch_port:77,output:2,bucket=watch_port:3,output:3");
	add_rule(sw, "tcp,actions=group:1");
	add_rule(sw, "udp,actions=clone(group:1),group:1");
	translate(&key, &text, &r);
	VEC_FOR_EACH (c, &r.basis.credits)
		xlate_credit_apply(c, &t);
	switch_for_each_group(sw, 1, take_stats, NULL);
	ck_assert_uint_eq(stats.packets, 3);
	ck_assert_uint_eq(stats.bytes, 300);
	ck_assert_uint_eq(stats.ref_count, 3);
	ck_assert_uint_eq(stats.buckets.v[0].packets, 0);
	ck_assert_uint_eq(stats.buckets.v[1].packets, 3);
	// A changed group begins to count anew, and the old one is still there for who counts into it.
	must(GROUP_MODIFY, "group_id=1,type=ff,bucket=watch_port:3,output:3");
	VEC_FOR_EACH (c, &r.basis.credits)
		xlate_credit_apply(c, &t);
	switch_for_each_group(sw, 1, take_stats, NULL);
	ck_assert_uint_eq(stats.packets, 0);
	ck_assert_uint_eq(stats.ref_count, 3);
	xlate_result_uninit(&r);
	group_stats_uninit(&stats);
}
END_TEST

START_TEST(rules_go_with_their_group)
{
	must(GROUP_ADD, "group_id=1,type=all");
	must(GROUP_ADD, "group_id=2,type=all,bucket=group:1");
	add_rule(sw, "tcp,send_flow_rem,actions=group:1,group:1,clone(group:2)");
	add_rule(sw, "udp,send_flow_rem,actions=write_actions(group:1)");
	add_rule(sw, "icmp,actions=group:2");
	ck_assert_uint_eq(switch_n_rules(sw), 3);
	must(GROUP_DELETE, "group_id=1");
	ck_assert_uint_eq(n_removed, 2);
	ck_assert_int_eq(last_reason, REMOVED_GROUP_DELETE);
	ck_assert_uint_eq(switch_n_rules(sw), 1);
	must(GROUP_DELETE, "");
	ck_assert_uint_eq(switch_n_rules(sw), 0);
	must(GROUP_DELETE, "group_id=5");
}
END_TEST

static bool count_one(const struct rule *r, void *n)
{
	++*(unsigned int *)n;
	return true;
}

static unsigned int count_flows(uint32_t group)
{
	struct flow_stats_request rq = { .table = 255,
					 .out_port = OF_PORT(OFPP_ANY),
					 .out_group = group };
	unsigned int n = 0;

	match_init_any(&rq.match);
	switch_for_each_flow(sw, &rq, count_one, &n);
	return n;
}

START_TEST(rules_are_found_by_their_group)
{
	must(GROUP_ADD, "group_id=1,type=all");
	must(GROUP_ADD, "group_id=2,type=all");
	add_rule(sw, "tcp,actions=group:1");
	add_rule(sw, "udp,actions=clone(group:1,output:2)");
	add_rule(sw, "icmp,actions=group:2");
	ck_assert_uint_eq(count_flows(1), 2);
	ck_assert_uint_eq(count_flows(2), 1);
	ck_assert_uint_eq(count_flows(3), 0);
	ck_assert_uint_eq(count_flows(GROUP_ID_ANY), 3);
	// A rule whose actions change uses other groups.
	add_rule(sw, "tcp,actions=output:2");
	ck_assert_uint_eq(count_flows(1), 1);
}
END_TEST

static const struct {
	enum group_command command;
	const char *text;
	enum ofperr want;
} refused[] = {
	{ GROUP_ADD, "group_id=1,type=all", OFPERR_OFPGMFC_GROUP_EXISTS },
	{ GROUP_MODIFY, "group_id=9,type=all", OFPERR_OFPGMFC_UNKNOWN_GROUP },
	{ GROUP_ADD, "group_id=9,type=indirect", OFPERR_OFPGMFC_INVALID_GROUP },
	{ GROUP_ADD, "group_id=9,type=all,bucket=watch_port:1,output:1",
	  OFPERR_OFPGMFC_WATCH_UNSUPPORTED },
	{ GROUP_ADD, "group_id=9,type=all,bucket=resubmit(,254)", OFPERR_OFPBRC_BAD_TABLE_ID },
	{ GROUP_INSERT_BUCKETS, "group_id=9,command_bucket_id=first,bucket=output:1",
	  OFPERR_OFPGMFC_UNKNOWN_GROUP },
	{ GROUP_INSERT_BUCKETS, "group_id=1,command_bucket_id=5,bucket=bucket_id=9,output:1",
	  OFPERR_OFPGMFC_UNKNOWN_BUCKET },
	{ GROUP_INSERT_BUCKETS, "group_id=1,command_bucket_id=first,bucket=bucket_id=0,output:1",
	  OFPERR_OFPGMFC_BUCKET_EXISTS },
	{ GROUP_INSERT_BUCKETS, "group_id=2,command_bucket_id=first,bucket=bucket_id=8,output:1",
	  OFPERR_OFPGMFC_INVALID_GROUP },
	{ GROUP_REMOVE_BUCKETS, "group_id=1,command_bucket_id=5", OFPERR_OFPGMFC_UNKNOWN_BUCKET },
};

START_TEST(what_makes_no_sense_is_refused_and_changes_nothing)
{
	must(GROUP_ADD, "group_id=1,type=all,bucket=output:2");
	must(GROUP_ADD, "group_id=2,type=indirect,bucket=output:2");
	add_rule(sw, "tcp,actions=group:1");
	ck_assert_str_eq(ofperr_name(change(refused[_i].command, refused[_i].text)),
			 ofperr_name(refused[_i].want));
	check("2");
}
END_TEST

START_TEST(a_rule_cannot_use_a_group_that_is_not_there)
{
	ck_assert_int_eq(try_flow_mod(sw, FM_ADD, "tcp,actions=clone(group:7)"),
			 OFPERR_OFPBAC_BAD_OUT_GROUP);
}
END_TEST

// Many groups: the table grows under those that are there.
START_TEST(there_may_be_many_groups)
{
	for (unsigned int i = 0; i < 5000; i++) {
		AUTO_FREE char *text =
			xasprintf("group_id=%u,type=all,bucket=output:%u", i, 2 + i % 3);

		must(GROUP_ADD, text);
	}
	add_rule(sw, "tcp,actions=group:4999");
	check("3");
	must(GROUP_DELETE, "");
	check("drop");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("group");
	TCase *t = tcase_create("group");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_bucket_gets_the_packet_as_it_was);
	tcase_add_test(t, what_cannot_be_set_back_is_done_to_a_copy);
	tcase_add_test(t, a_bucket_is_an_action_set);
	tcase_add_test(t, a_group_may_name_itself);
	tcase_add_test(t, connections_are_spread_by_weight);
	tcase_add_test(t, only_the_share_of_a_bucket_that_goes_moves);
	tcase_add_test(t, only_the_fields_that_are_hashed_are_matched);
	tcase_add_test(t, failover_follows_ports_and_groups);
	tcase_add_test(t, groups_that_watch_each_other_are_dead);
	tcase_add_test(t, many_groups_that_watch_others_cost_little);
	tcase_add_test(t, that_a_packet_lacks_a_field_decides_too);
	tcase_add_test(t, what_a_bucket_comes_by_writes_no_action_set_of_the_packet);
	tcase_add_test(t, a_change_of_another_group_is_of_no_concern);
	tcase_add_test(t, groups_and_buckets_count_their_traffic);
	tcase_add_test(t, rules_go_with_their_group);
	tcase_add_test(t, rules_are_found_by_their_group);
	tcase_add_loop_test(t, what_makes_no_sense_is_refused_and_changes_nothing, 0,
			    ARRAY_SIZE(refused));
	tcase_add_test(t, a_rule_cannot_use_a_group_that_is_not_there);
	tcase_add_test(t, there_may_be_many_groups);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
