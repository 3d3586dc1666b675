// SPDX-License-Identifier: Apache-2.0
// encap and decap: headers that are put on and taken off, and packets that are bare.
#include "ofproto/openflow/group.h"
#include "tests/unit/pipeline/translated.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static void setup(void)
{
	struct error err = ERROR_INIT;
	struct group_mod gm;

	patched_switches("packet_type=(1,0x800),actions=encap(ethernet),output:1", &sw, &other);
	ck_assert_msg(!group_mod_parse("group_id=1,type=all,bucket=encap(ethernet),output:2",
				       GROUP_ADD, NULL, &gm, NULL, &err),
		      "%s", err.text);
	ck_assert_int_eq(switch_group_mod(sw, &gm), OFPERR_NONE);
	group_mod_uninit(&gm);
}

static void teardown(void)
{
	end_switches(sw, other);
}

#define UDP \
	"in_port=1,udp,dl_src=00:00:00:00:00:07,nw_src=1.2.3.4,nw_dst=5.6.7.8,nw_ttl=9,nw_tos=20"
#define UNTAGGED "in_port=1,vlan_tci=0x0000/0x1000"
#define IP_FLOW "ip," UNTAGGED ",nw_frag=no"
#define NSH_FLOW UNTAGGED ",dl_type=0x894f"
#define NSH(NP) "in_port=1,dl_type=0x894f,nsh_ttl=9,nsh_mdtype=1,nsh_np=" #NP
#define LABEL "in_port=1,mpls,mpls_bos=1,mpls_label=5,mpls_ttl=64"
#define PUSH_NSH_OF(NP, REST) "push_nsh(flags=0,ttl=63,mdtype=1,np=" #NP "," REST ")"
#define PUSH_NSH PUSH_NSH_OF(3, "spi=0x0,si=255,c1=0x0,c2=0x0,c3=0x0,c4=0x0")
#define PUSH_ETH "push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00)"
#define ADD_MPLS "add_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847)"

static const struct translated_case cases[] = {
	{ "NSH around an Ethernet packet",
	  { "actions=encap(nsh),encap(ethernet),2" },
	  UDP,
	  PUSH_NSH "," PUSH_ETH ",2",
	  IP_FLOW },
	{ "what is set is part of the header",
	  { "actions=encap(nsh),set_field:0x1234->nsh_spi,set_field:5->nsh_si,set_field:9->nsh_c2,"
	    "set_field:7->nsh_ttl,set_field:1->nsh_flags,encap(ethernet),"
	    "set_field:00:00:00:00:00:09->eth_dst,2" },
	  UDP,
	  "push_nsh(flags=1,ttl=7,mdtype=1,np=3,spi=0x1234,si=5,c1=0x0,c2=0x9,c3=0x0,c4=0x0),"
	  "push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:09),2",
	  IP_FLOW },
	{ "what is set behind an output is not",
	  { "actions=encap(nsh),encap(ethernet),2,set_field:6->nsh_si,dec_nsh_ttl,3" },
	  UDP,
	  PUSH_NSH "," PUSH_ETH ",2,set(nsh(ttl=62,si=6)),3",
	  IP_FLOW },
	{ "variable metadata",
	  { "actions=encap(nsh(md_type=2,tlv(0x1000,10,0x123456),tlv(0x2000,1,0xfe))),"
	    "encap(ethernet),2" },
	  UDP,
	  "push_nsh(flags=0,ttl=63,mdtype=2,np=3,spi=0x0,si=255,md2=0x10000a031234560020000101fe"
	  "000000)," PUSH_ETH ",2",
	  IP_FLOW },
	{ "no variable metadata",
	  { "actions=encap(nsh(md_type=2)),encap(ethernet),2" },
	  UDP,
	  "push_nsh(flags=0,ttl=63,mdtype=2,np=3,spi=0x0,si=255,md2=0)," PUSH_ETH ",2",
	  IP_FLOW },
	{ "metadata of type 1 has no variable part",
	  { "actions=encap(nsh(md_type=1,tlv(0x1000,10,0x123456))),encap(ethernet),2" },
	  UDP,
	  PUSH_NSH "," PUSH_ETH ",2",
	  IP_FLOW },
	{ "one in the other",
	  { "actions=encap(nsh),encap(nsh),encap(ethernet),2" },
	  UDP,
	  PUSH_NSH "," PUSH_NSH_OF(4, "spi=0x0,si=255,c1=0x0,c2=0x0,c3=0x0,c4=0x0") "," PUSH_ETH
										    ",2",
	  IP_FLOW },
	{ "around a bare packet",
	  { "actions=decap(),encap(nsh),encap(ethernet),2" },
	  UDP,
	  "pop_eth," PUSH_NSH_OF(1, "spi=0x0,si=255,c1=0x0,c2=0x0,c3=0x0,c4=0x0") "," PUSH_ETH ",2",
	  IP_FLOW },
	{ "what was set before is inside, tags too",
	  { "ip,actions=mod_nw_src:9.9.9.9,mod_dl_src:00:00:00:00:00:0a,mod_vlan_vid:5,encap(nsh),"
	    "encap(ethernet),2" },
	  UDP,
	  "push_vlan(vid=5,pcp=0),set(eth(src=00:00:00:00:00:0a)),set(ipv4(src=9.9.9.9))," PUSH_NSH
	  "," PUSH_ETH ",2",
	  NULL },
	{ "a tag goes behind the new header",
	  { "actions=encap(nsh),encap(ethernet),mod_vlan_vid:6,2" },
	  UDP ",dl_vlan=5",
	  PUSH_NSH "," PUSH_ETH ",push_vlan(vid=6,pcp=0),2",
	  NULL },
	{ "another Ethernet header",
	  { "actions=decap(),encap(ethernet),2" },
	  UDP,
	  "pop_eth," PUSH_ETH ",2",
	  IP_FLOW },
	{ "a label before the Ethernet header",
	  { "actions=encap(mpls),set_field:7->mpls_label,set_field:3->mpls_tc,encap(ethernet),2" },
	  UDP,
	  "add_mpls(label=7,tc=3,ttl=64,bos=1,eth_type=0x8847)," PUSH_ETH ",2",
	  IP_FLOW },
	{ "a second label is like the first",
	  { "actions=encap(mpls),set_field:7->mpls_label,encap(mpls_mc),encap(ethernet),2" },
	  UDP,
	  "add_mpls(label=7,tc=0,ttl=64,bos=1,eth_type=0x8847),"
	  "add_mpls(label=7,tc=0,ttl=64,bos=0,eth_type=0x8848)," PUSH_ETH ",2",
	  IP_FLOW },
	{ "explicit null of a bare IPv6 packet",
	  { "actions=decap(),encap(mpls),encap(ethernet),2" },
	  "in_port=1,ipv6",
	  "pop_eth,add_mpls(label=2,tc=0,ttl=64,bos=1,eth_type=0x8847)," PUSH_ETH ",2",
	  NULL },
	{ "a label around a packet that has labels inside",
	  { "actions=encap(mpls),encap(ethernet),2" },
	  LABEL,
	  ADD_MPLS "," PUSH_ETH ",2",
	  "mpls," UNTAGGED },
	{ "a label before those of a bare packet",
	  { "actions=decap(),encap(mpls),encap(ethernet),2" },
	  LABEL,
	  "pop_eth,add_mpls(label=5,tc=0,ttl=64,bos=0,eth_type=0x8847)," PUSH_ETH ",2",
	  NULL },
	{ "labels before another header",
	  { "ip,actions=push_mpls:0x8847,encap(nsh),encap(ethernet),2" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847)," PUSH_NSH "," PUSH_ETH ",2",
	  NULL },
	{ "a bare packet leaves by no port, but the translation goes on",
	  { "actions=encap(nsh),2,IN_PORT,ALL,encap(ethernet),3" },
	  UDP,
	  PUSH_NSH "," PUSH_ETH ",3",
	  IP_FLOW },
	{ "nothing leaves",
	  { "actions=decap(),output(port=2,max_len=100)" },
	  UDP,
	  "drop",
	  IP_FLOW },
	{ "rules about headers are not about bare packets",
	  { "actions=decap(),resubmit(,1)", "table=1,priority=9,ip,actions=drop",
	    "table=1,priority=8,dl_src=00:00:00:00:00:00/01:00:00:00:00:00,actions=drop",
	    "table=1,priority=7,eth,actions=drop",
	    "table=1,priority=6,packet_type=(1,0x800),nw_src=1.2.3.4,actions=dec_ttl,"
	    "encap(ethernet),2" },
	  UDP,
	  "pop_eth,set(ipv4(ttl=8))," PUSH_ETH ",2",
	  "ip," UNTAGGED ",nw_src=1.2.3.4,nw_ttl=9,nw_frag=no" },
	{ "rules about bare packets are not about others",
	  { "actions=resubmit(,1)", "table=1,priority=9,packet_type=(1,0x800),actions=drop",
	    "table=1,priority=8,packet_type=(0,0),actions=2" },
	  UDP,
	  "2",
	  IP_FLOW },
	{ "what a bare packet has not is not set",
	  { "actions=decap(),resubmit(,1)",
	    "table=1,actions=mod_vlan_vid:5,push_vlan:0x8100,mod_dl_src:00:00:00:00:00:09,"
	    "push_mpls:0x8847,resubmit(,2)",
	    "table=2,actions=encap(ethernet),2" },
	  UDP,
	  "pop_eth," PUSH_ETH ",2",
	  IP_FLOW },
	{ "a clone's header is its own",
	  { "ip,actions=clone(encap(nsh),encap(ethernet),2),dec_ttl,3" },
	  UDP,
	  "clone(" PUSH_NSH "," PUSH_ETH ",2),set(ipv4(ttl=8)),3",
	  NULL },
	{ "a clone of a packet whose header is to come",
	  { "actions=encap(nsh),clone(set_field:5->nsh_si,encap(ethernet),2),encap(ethernet),3" },
	  UDP,
	  PUSH_NSH ",clone(set(nsh(si=5))," PUSH_ETH ",2)," PUSH_ETH ",3",
	  NULL },
	{ "a clone goes round, and the packet goes on",
	  { "dl_type=0x894f,actions=clone(decap(),decap(),2),3" },
	  NSH(3),
	  "clone(pop_eth,pop_nsh(),recirc(N)),3",
	  NSH_FLOW ",nsh_np=3" },
	{ "through a patch, bare",
	  { "actions=decap(),10,encap(ethernet),2" },
	  UDP,
	  "clone(pop_eth," PUSH_ETH ",11),pop_eth," PUSH_ETH ",2",
	  IP_FLOW },
	{ "time to live of a bare packet",
	  { "dl_type=0x894f,actions=dec_nsh_ttl,decap(),encap(ethernet),2" },
	  NSH(3),
	  "set(nsh(ttl=8)),pop_eth," PUSH_ETH ",2",
	  UNTAGGED ",dl_type=0x894f,nsh_ttl=9" },
	{ "the set of actions: off, on, the rest",
	  { "actions=write_actions(set_field:00:00:00:00:00:09->eth_dst,encap(ethernet),decap(),"
	    "output:2)" },
	  UDP,
	  "pop_eth,push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:09),2",
	  IP_FLOW },
	{ "a bucket's header is its own",
	  { "actions=encap(nsh),group:1,set_field:7->nsh_si,encap(ethernet),3" },
	  UDP,
	  PUSH_NSH ",clone(" PUSH_ETH ",2),set(nsh(si=7))," PUSH_ETH ",3",
	  IP_FLOW },
	{ "a bare packet's header from the start",
	  { "packet_type=(1,0x800),actions=set_field:5->nw_ttl,encap(ethernet),2" },
	  "packet_type=(1,0x800),in_port=1,nw_src=1.2.3.4",
	  "set(ipv4(ttl=5))," PUSH_ETH ",2",
	  "packet_type=(1,0x800),in_port=1,nw_frag=no" },
};

START_TEST(headers_are_put_on_and_taken_off)
{
	check_translated(sw, &cases[_i]);
}
END_TEST

// What comes to light is seen when the packet comes back.
static const struct {
	const char *name, *rules[3], *packet, *actions, *megaflow, *back, *again;
} rounds[] = {
	{ "an Ethernet packet out of NSH",
	  { "dl_type=0x894f,actions=decap(),decap(),resubmit(,1)",
	    "table=1,tcp,actions=dec_ttl,2" },
	  NSH(3),
	  "pop_eth,pop_nsh(),recirc(N)",
	  NSH_FLOW ",nsh_np=3",
	  "in_port=1,tcp,nw_ttl=5",
	  "set(ipv4(ttl=4)),2" },
	{ "a bare packet out of NSH",
	  { "dl_type=0x894f,actions=load:5->reg0,decap(),decap(),resubmit(,1)",
	    "table=1,packet_type=(1,0x800),reg0=5,actions=encap(ethernet),2" },
	  NSH(1),
	  "pop_eth,pop_nsh(),recirc(N)",
	  NSH_FLOW ",nsh_np=1",
	  "packet_type=(1,0x800),in_port=1",
	  PUSH_ETH ",2" },
	{ "NSH out of NSH",
	  { "dl_type=0x894f,actions=decap(),decap(),decap(),encap(ethernet),2" },
	  NSH(4),
	  "pop_eth,pop_nsh(),recirc(N)",
	  NSH_FLOW ",nsh_np=4",
	  "packet_type=(1,0x894f),in_port=1,nsh_np=2",
	  "pop_nsh(),recirc(N)" },
	{ "what was just put on",
	  { "actions=encap(nsh),decap(),2" },
	  UDP,
	  PUSH_NSH ",pop_nsh(),recirc(N)",
	  IP_FLOW,
	  UDP,
	  "2" },
	{ "an Ethernet packet from behind a label",
	  { "mpls,actions=decap(),decap(packet_type(ns=0,type=0)),2" },
	  LABEL,
	  "pop_eth,pop_mpls(eth_type=0x6558),recirc(N)",
	  "mpls," UNTAGGED ",mpls_bos=1",
	  UDP,
	  "2" },
	{ "a bare packet from behind a label",
	  { "mpls,actions=decap(),decap(packet_type(ns=1,type=0x800)),encap(ethernet),2" },
	  LABEL,
	  "pop_eth,pop_mpls(eth_type=0x800),recirc(N)",
	  "mpls," UNTAGGED ",mpls_bos=1",
	  "packet_type=(1,0x800),in_port=1",
	  PUSH_ETH ",2" },
	{ "a label that was not seen",
	  { "mpls,actions=decap(),decap(packet_type(ns=1,type=0x8847)),encap(ethernet),2" },
	  LABEL,
	  "pop_eth,pop_mpls(eth_type=0x8847),recirc(N)",
	  "mpls," UNTAGGED ",mpls_bos=1",
	  "packet_type=(1,0x8847),in_port=1,mpls_bos=1",
	  PUSH_ETH ",2" },
};

START_TEST(what_comes_to_light_is_parsed)
{
	struct flow_key key = packet_of(rounds[_i].packet), back = packet_of(rounds[_i].back);
	AUTO(strbuf) megaflow = STRBUF_INIT;
	struct xlate_result r, again;

	for (size_t i = 0; i < ARRAY_SIZE(rounds[_i].rules) && rounds[_i].rules[i]; i++)
		add_rule(sw, rounds[_i].rules[i]);
	check_actions(sw, rounds[_i].name, &key, rounds[_i].actions, &r);
	megaflow_text(&r, &key, &megaflow);
	ck_assert_str_eq(megaflow.s, rounds[_i].megaflow);
	check_comes_back(rounds[_i].name, &r, &back);
	check_actions(sw, rounds[_i].name, &back, rounds[_i].again, &again);
	xlate_result_uninit(&again);
	xlate_result_uninit(&r);
}
END_TEST

#define MANY "tlv(0x1,1,0x" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN ")"
#define TEN "00010203040506070809"

static const struct {
	const char *rule, *packet, *words;
} refusals[] = {
	{ "actions=2,encap(ethernet)", UDP,
	  "Dropping packet as encap(ethernet) is not supported for packet type ethernet." },
	{ "actions=2,decap()", UDP ",dl_vlan=5",
	  "Dropping packet, cannot decap Ethernet if VLAN is present." },
	{ "actions=decap(),decap()", UDP,
	  "Dropping packet as the decap() does not support packet type (1,0x800)" },
	{ "actions=decap(),decap()", NSH(5),
	  "Dropping packet as NSH next protocol 5 is not supported" },
	{ "actions=decap(),encap(nsh)", "in_port=1,arp",
	  "Dropping packet as encap(nsh) is not supported for packet type (1,0x806)" },
	{ "actions=encap(mpls),encap(nsh)", UDP,
	  "Dropping packet as encap(nsh) is not supported for packet type (1,0x8847)" },
	{ "actions=2,encap(nsh(md_type=2," MANY "," MANY "," MANY "))", UDP,
	  "Dropping packet as an NSH header has 252 bytes at most" },
	{ "actions=2,clone(decap(),decap())", UDP,
	  "Dropping packet as the decap() does not support packet type (1,0x800)" },
};

START_TEST(what_cannot_be_done_drops_the_packet)
{
	struct flow_key key = packet_of(refusals[_i].packet);
	AUTO(strbuf) trace = STRBUF_INIT;
	struct xlate_input in = { .sw = sw, .key = &key, .trace = &trace };
	struct xlate_result r;

	add_rule(sw, refusals[_i].rule);
	xlate(&in, &r);
	ck_assert_int_eq(r.error, XLATE_UNSUPPORTED_PACKET_TYPE);
	ck_assert_str_eq(xlate_error_text(r.error), "Unsupported packet type");
	ck_assert_uint_eq(r.actions.len, 0);
	ck_assert_msg(strstr(trace.s, refusals[_i].words), "%s", trace.s);
	xlate_result_uninit(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/encap");
	TCase *t = tcase_create("encap");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, headers_are_put_on_and_taken_off, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, what_comes_to_light_is_parsed, 0, ARRAY_SIZE(rounds));
	tcase_add_loop_test(t, what_cannot_be_done_drops_the_packet, 0, ARRAY_SIZE(refusals));
	suite_add_tcase(s, t);
	return suite_run(s);
}
