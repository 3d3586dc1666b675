// SPDX-License-Identifier: Apache-2.0
// The stack: what push puts there pop takes, over tables, recirculation, clones and patches; tags that are pushed, and options that
// are deleted.
#include "ofproto/pipeline/tlv-map.h"
#include "tests/unit/pipeline/translated.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static void setup(void)
{
	patched_switches("ip,actions=pop:nw_src,pop:nw_tos,push:nw_dst,output:1", &sw, &other);
}

static void teardown(void)
{
	end_switches(sw, other);
}

#define UDP "in_port=1,udp,nw_src=1.2.3.4,nw_dst=5.6.7.8,dl_src=00:00:00:00:00:07,nw_tos=4"

static const struct translated_case cases[] = {
	{ "a new tag has nothing of the one that was outermost",
	  { "actions=push_vlan:0x88a8,2" },
	  UDP ",dl_vlan=7,dl_vlan_pcp=3",
	  "push_vlan(tpid=0x88a8,vid=0,pcp=0),2",
	  NULL },
	{ "the last in is the first out",
	  { "ip,actions=push:nw_src,push:nw_dst,pop:nw_src,pop:nw_dst,2" },
	  UDP,
	  "set(ipv4(src=5.6.7.8,dst=1.2.3.4)),2",
	  "ip,in_port=1,vlan_tci=0x0000/0x1000,nw_src=1.2.3.4,nw_dst=5.6.7.8,nw_frag=no" },
	{ "bits of a field",
	  { "ip,actions=push:NXM_OF_IP_SRC[0..15],pop:NXM_OF_IP_DST[16..31],2" },
	  UDP,
	  "set(ipv4(dst=3.4.0.0/255.255.0.0)),2",
	  "ip,in_port=1,vlan_tci=0x0000/0x1000,nw_src=0.0.3.4/0.0.255.255,nw_frag=no" },
	{ "a narrow value in a wide field",
	  { "ip,actions=push:NXM_OF_IP_SRC[0..7],pop:nw_dst,2" },
	  UDP,
	  "set(ipv4(dst=0.0.0.4)),2",
	  NULL },
	{ "a wide value in a narrow field",
	  { "ip,actions=push:eth_src,push:nw_src,pop:NXM_OF_IP_DST[0..3],pop:NXM_OF_IP_DST[4..7],"
	    "2" },
	  UDP,
	  "set(ipv4(dst=0.0.0.116/0.0.0.255)),2",
	  NULL },
	{ "of an empty stack nothing comes",
	  { "ip,actions=load:9->reg0,pop:nw_src,push:reg0,pop:nw_dst,pop:nw_dst,2" },
	  UDP,
	  "set(ipv4(dst=0.0.0.9)),2",
	  NULL },
	{ "tables share it",
	  { "table=0,ip,actions=push:nw_src,resubmit(,1),pop:nw_src,2",
	    "table=1,ip,actions=pop:nw_dst,push:in_port" },
	  UDP,
	  "set(ipv4(src=0.0.0.1,dst=1.2.3.4)),2",
	  NULL },
	{ "a clone has one of its own, that begins with what is there",
	  { "ip,actions=push:nw_src,clone(pop:nw_dst,push:in_port,3),pop:nw_dst,pop:nw_src,2" },
	  UDP,
	  "clone(set(ipv4(dst=1.2.3.4)),3),set(ipv4(dst=1.2.3.4)),2",
	  NULL },
	{ "behind a patch it is empty, and here as it was",
	  { "ip,actions=push:nw_src,output:10,pop:nw_dst,pop:nw_src,2" },
	  UDP,
	  "11,set(ipv4(dst=1.2.3.4)),2",
	  NULL },
	{ "both branches of a length have it",
	  { "ip,actions=push:nw_src,check_pkt_larger(100)->reg0[0],pop:nw_dst,2" },
	  UDP,
	  "check_pkt_len(size=100,gt(set(ipv4(dst=1.2.3.4)),2),le(set(ipv4(dst=1.2.3.4)),2))",
	  NULL },
	{ "it goes round with the packet",
	  { "ip,actions=push:nw_src,push:eth_src,ct(table=3),pop:eth_dst,2",
	    "table=3,ip,actions=pop:eth_dst,pop:nw_dst,pop:nw_src,3" },
	  UDP,
	  "ct,recirc(N),set(eth(dst=00:00:00:00:00:07)),2",
	  NULL,
	  "set(eth(dst=00:00:00:00:00:07)),set(ipv4(dst=1.2.3.4)),3",
	  "ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no" },
};

START_TEST(what_is_pushed_is_popped)
{
	check_translated(sw, &cases[_i]);
}
END_TEST

// Of two packets that differ in what is on the stack alone.
START_TEST(states_differ_when_stacks_do)
{
	struct flow_key a = packet_of(UDP), b = a;
	struct xlate_input in = { .sw = sw, .key = &a };
	struct xlate_result x, y, z;

	add_rule(sw, "ip,actions=push:nw_src,ct(table=3)");
	xlate(&in, &x);
	xlate(&in, &y);
	in.key = &b;
	b.nw_src = htobe32(0x09020304);
	xlate(&in, &z);
	ck_assert_uint_ne(last_recirc(dp_actions_of(&x.actions)), 0);
	ck_assert_uint_eq(last_recirc(dp_actions_of(&x.actions)),
			  last_recirc(dp_actions_of(&y.actions)));
	ck_assert_uint_ne(last_recirc(dp_actions_of(&x.actions)),
			  last_recirc(dp_actions_of(&z.actions)));
	xlate_result_uninit(&x);
	xlate_result_uninit(&y);
	xlate_result_uninit(&z);
}
END_TEST

// 17 bytes each, in tables that call one another.
static void fill_stack(unsigned int n, const char *last)
{
	AUTO(strbuf) b = STRBUF_INIT;
	unsigned int table = 0;

	for (; n; table++) {
		strbuf_clear(&b);
		strbuf_printf(&b, "table=%u,actions=load:1->NXM_NX_REG0[31]", table);
		for (unsigned int i = 0; i < 1000 && n; i++, n--)
			strbuf_puts(&b, ",push:xxreg0");
		strbuf_printf(&b, ",resubmit(,%u)", table + 1);
		add_rule(sw, b.s);
	}
	strbuf_clear(&b);
	strbuf_printf(&b, "table=%u,%s", table, last);
	add_rule(sw, b.s);
}

START_TEST(no_packet_carries_more_than_64_kib_to_a_table)
{
	enum { FIT = 65536 / 17 };
	struct flow_key key = packet_of(UDP);
	AUTO(strbuf) trace = STRBUF_INIT;
	struct xlate_input in = { .sw = sw, .key = &key, .trace = &trace };
	struct xlate_result r;

	fill_stack(FIT + _i, "actions=output:2");
	xlate(&in, &r);
	ck_assert_int_eq(r.error, _i ? XLATE_STACK_TOO_DEEP : XLATE_OK);
	ck_assert_int_eq(r.actions.len == 0, _i);
	ck_assert_int_eq(strstr(trace.s, ">>>> resubmits yielded over 64 kB of stack <<<<") != NULL,
			 _i);
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(an_option_is_deleted)
{
	static const struct tlv_table_mod options = {
		.command = TLV_ADD,
		.n = 2,
		.list = { { .class = 0x102, .type = 0x80, .length = 4, .index = 0 },
			  { .class = 0x102, .type = 0x81, .length = 4, .index = 1 } },
	};
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x88b5) };
	struct xlate_result r;

	key.tunnel.metadata_present = 3;
	key.tunnel.metadata[3] = key.tunnel.metadata[7] = 5;
	ck_assert_int_eq(switch_tlv_mod(sw, &options), OFPERR_NONE);
	add_rule(sw, "actions=delete_field:tun_metadata1,resubmit(,1)");
	add_rule(sw, "table=1,priority=2,tun_metadata1=5,actions=output:2");
	add_rule(sw, "table=1,priority=1,tun_metadata0=5,actions=output:3");
	check_actions(sw, "the other option is left", &key, "3", &r);
	ck_assert_uint_eq(r.final.tunnel.metadata_present, 1);
	ck_assert_uint_eq(r.final.tunnel.metadata[3], 5);
	ck_assert_uint_eq(r.final.tunnel.metadata[7], 0);
	// What it was is of no concern.
	ck_assert_uint_eq(r.mask.m.tunnel.metadata[7], 0);
	xlate_result_uninit(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/stack");
	TCase *t = tcase_create("stack");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_is_pushed_is_popped, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, states_differ_when_stacks_do);
	tcase_add_loop_test(t, no_packet_carries_more_than_64_kib_to_a_table, 0, 2);
	tcase_add_test(t, an_option_is_deleted);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
