// SPDX-License-Identifier: Apache-2.0
// MPLS: labels that are pushed, popped and set, and packets that are parsed again when the last one has been popped.
#include "core/packet/packet.h"
#include "tests/unit/pipeline/translated.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static void setup(void)
{
	patched_switches("ip,actions=dec_ttl,output:1", &sw, &other);
}

static void teardown(void)
{
	end_switches(sw, other);
}

#define UDP "in_port=1,udp,nw_src=1.2.3.4,nw_dst=5.6.7.8,nw_ttl=9,nw_tos=20"
#define UDP6 "in_port=1,udp6,ipv6_src=::1,ipv6_dst=::2,nw_ttl=9,nw_tos=0"
#define UNTAGGED "in_port=1,vlan_tci=0x0000/0x1000"

// What is pushed onto packets that have no label.
static const struct translated_case pushes[] = {
	{ "IPv4: explicit null, class and time to live of the packet",
	  { "ip,actions=push_mpls:0x8847,2" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),2",
	  "ip," UNTAGGED ",nw_tos=20,nw_ttl=9,nw_frag=no" },
	{ "IPv6: its explicit null",
	  { "ipv6,actions=push_mpls:0x8848,2" },
	  UDP6,
	  "push_mpls(label=2,tc=0,ttl=9,bos=1,eth_type=0x8848),2",
	  "ipv6," UNTAGGED ",nw_tos=0,nw_ttl=9,nw_frag=no" },
	{ "anything else",
	  { "arp,actions=push_mpls:0x8847,2" },
	  "in_port=1,arp",
	  "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2",
	  "arp," UNTAGGED },
	{ "a label as it is set",
	  { "ip,actions=push_mpls:0x8847,set_field:7->mpls_label,set_field:1->mpls_tc,set_mpls_ttl:"
	    "3,2" },
	  UDP,
	  "push_mpls(label=7,tc=1,ttl=3,bos=1,eth_type=0x8847),2",
	  NULL },
	{ "a label that is changed behind an output",
	  { "ip,actions=push_mpls:0x8847,2,set_field:7->mpls_label,3" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),2,set(mpls(label=7)),3",
	  NULL },
	{ "three at once repeat the first",
	  { "ip,actions=push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8848,set_field:7->mpls_label,"
	    "2" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8848),"
	  "push_mpls(label=0,tc=5,ttl=9,bos=0,eth_type=0x8848),"
	  "push_mpls(label=7,tc=5,ttl=9,bos=0,eth_type=0x8848),2",
	  NULL },
	{ "a fourth ends the translation",
	  { "ip,actions=2,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8848,push_mpls:0x8847,2" },
	  UDP,
	  "drop",
	  NULL },
	{ "what was changed before is behind the label",
	  { "ip,actions=dec_ttl,mod_nw_src:9.9.9.9,push_mpls:0x8847,2" },
	  UDP,
	  "set(ipv4(src=9.9.9.9,ttl=8)),push_mpls(label=0,tc=5,ttl=8,bos=1,eth_type=0x8847),2",
	  NULL },
	{ "a tag that is pushed before or behind is before the label",
	  { "ip,actions=mod_vlan_vid:5,push_mpls:0x8847,2" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),push_vlan(vid=5,pcp=0),2",
	  NULL },
	{ "a tag that goes is gone before the label comes",
	  { "dl_vlan=5,ip,actions=strip_vlan,push_mpls:0x8847,2" },
	  UDP ",dl_vlan=5",
	  "pop_vlan,push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),2",
	  NULL },
	{ "tables see a labelled packet",
	  { "ip,actions=push_mpls:0x8847,resubmit(,1)", "table=1,priority=2,ip,actions=3",
	    "table=1,priority=1,mpls,mpls_bos=1,mpls_ttl=9,mpls_label=0,actions=2" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),2",
	  "ip," UNTAGGED ",nw_tos=20,nw_ttl=9,nw_frag=no" },
	{ "pushed and popped: nothing but another look",
	  { "ip,actions=push_mpls:0x8847,pop_mpls:0x800,dec_ttl,2" },
	  UDP,
	  "recirc(N)",
	  NULL,
	  "set(ipv4(ttl=8)),2",
	  "ip," UNTAGGED ",nw_ttl=9,nw_frag=no" },
	{ "pushed and popped for another type",
	  { "ip,actions=push_mpls:0x8847,pop_mpls:0x88b5,2" },
	  UDP,
	  "push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),pop_mpls(eth_type=0x88b5),2",
	  NULL },
	{ "the set of actions: pop, push, the rest",
	  { "ip,actions=write_actions(output:2,push_mpls:0x8847,set_field:7->mpls_label)" },
	  UDP,
	  "push_mpls(label=7,tc=5,ttl=9,bos=1,eth_type=0x8847),2",
	  NULL },
	{ "a clone's labels are its own",
	  { "ip,actions=clone(push_mpls:0x8847,2),dec_ttl,3" },
	  UDP,
	  "clone(push_mpls(label=0,tc=5,ttl=9,bos=1,eth_type=0x8847),2),set(ipv4(ttl=8)),3",
	  NULL },
	{ "labels that a tag's packet does not have are not set",
	  { "ip,actions=set_mpls_label:5,set_mpls_tc:1,set_mpls_ttl:2,dec_mpls_ttl,pop_mpls:0x800,"
	    "2" },
	  UDP,
	  "2",
	  "ip," UNTAGGED ",nw_frag=no" },
};

START_TEST(labels_are_pushed)
{
	check_translated(sw, &pushes[_i]);
}
END_TEST

// ---- Packets with labels ----

// Labels from 100 on with class 1, 2, ... and time to live 64, 63, ...
static struct flow_key labelled(unsigned int n)
{
	struct flow_key k = { .in_port = 1, .eth_type = htobe16(0x8847) };

	for (unsigned int i = 0; i < MIN(n, FLOW_MAX_MPLS); i++)
		k.mpls_lse[i] = htobe32((100 + i) << 12 | (i + 1) << 9 | (i + 1 == n ? 0x100 : 0) |
					(64 - i));
	return k;
}

static const struct {
	const char *name;
	unsigned int n; // labels
	const char *rules[3];
	const char *actions;
	be32 look[3]; // at labels, in host order
	const char *again; // what the packet, that is UDP by then, comes to
} cases[] = {
	{ "the last one",
	  1,
	  { "mpls,actions=pop_mpls:0x800,2" },
	  "pop_mpls(eth_type=0x800),2",
	  { 0x100 },
	  NULL },
	{ "those below are looked at",
	  2,
	  { "mpls,actions=pop_mpls:0x8847,2" },
	  "pop_mpls(eth_type=0x8847),2",
	  { 0x100, UINT32_MAX },
	  NULL },
	{ "all, where what comes out has none",
	  3,
	  { "mpls,actions=pop_mpls:0x800,2" },
	  "pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x800),2",
	  { 0x100, UINT32_MAX, UINT32_MAX },
	  NULL },
	{ "more than are seen",
	  4,
	  { "mpls,actions=2,pop_mpls:0x8847,3" },
	  "drop",
	  { 0x100, 0x100, 0x100 },
	  NULL },
	{ "one after the other",
	  3,
	  { "mpls,actions=pop_mpls:0x8847,3,pop_mpls:0x8847,2,pop_mpls:0x800,3" },
	  "pop_mpls(eth_type=0x8847),3,pop_mpls(eth_type=0x8847),2,pop_mpls(eth_type=0x800),3",
	  { 0x100, UINT32_MAX, UINT32_MAX },
	  NULL },
	{ "the second is matched when the first is gone",
	  2,
	  { "mpls,actions=pop_mpls:0x8847,resubmit(,1)",
	    "table=1,priority=2,mpls,mpls_label=101,mpls_bos=1,actions=2",
	    "table=1,priority=1,actions=3" },
	  "pop_mpls(eth_type=0x8847),2",
	  { 0x100, UINT32_MAX },
	  NULL },
	{ "one onto another",
	  1,
	  { "mpls,actions=push_mpls:0x8847,set_mpls_label:7,2" },
	  "push_mpls(label=7,tc=1,ttl=64,bos=0,eth_type=0x8847),2",
	  { UINT32_MAX },
	  NULL },
	{ "a fourth",
	  3,
	  { "mpls,actions=push_mpls:0x8847,2" },
	  "drop",
	  { 0x100, 0x100, 0x100 },
	  NULL },
	{ "one in place of another is set",
	  2,
	  { "mpls,actions=pop_mpls:0x8847,push_mpls:0x8847,set_mpls_label:7,2" },
	  "set(mpls(label=7,tc=2,ttl=63)),2",
	  { 0x100, UINT32_MAX },
	  NULL },
	{ "of another type",
	  2,
	  { "mpls,actions=pop_mpls:0x8847,push_mpls:0x8848,2" },
	  "pop_mpls(eth_type=0x8847),push_mpls(label=101,tc=2,ttl=63,bos=0,eth_type=0x8848),2",
	  { 0x100, UINT32_MAX },
	  NULL },
	{ "another type alone",
	  1,
	  { "mpls,actions=push_mpls:0x8848,pop_mpls:0x8848,2" },
	  "pop_mpls(eth_type=0x8847),push_mpls(label=100,tc=1,ttl=64,bos=1,eth_type=0x8848),2",
	  { UINT32_MAX },
	  NULL },
	{ "pushed and popped",
	  1,
	  { "mpls,actions=push_mpls:0x8847,pop_mpls:0x8847,2" },
	  "2",
	  { UINT32_MAX },
	  NULL },
	{ "parts that are set are not looked at",
	  4,
	  { "mpls,actions=set_mpls_label:7,set_mpls_tc:2,2,set_mpls_ttl:5,3" },
	  "set(mpls(label=7,tc=2)),2,set(mpls(ttl=5)),3",
	  { 0 },
	  NULL },
	{ "a label that is set, and one pushed onto it",
	  1,
	  { "mpls,actions=set_mpls_label:7,push_mpls:0x8847,set_mpls_ttl:3,2" },
	  "set(mpls(label=7)),push_mpls(label=7,tc=1,ttl=3,bos=0,eth_type=0x8847),2",
	  { 0xfff },
	  NULL },
	{ "what is set in a label goes with it",
	  2,
	  { "mpls,actions=set_mpls_label:7,pop_mpls:0x8847,set_mpls_tc:5,2" },
	  "pop_mpls(eth_type=0x8847),set(mpls(tc=5)),2",
	  { 0x100, UINT32_MAX },
	  NULL },
	{ "a lower label that is set to what it was",
	  2,
	  { "mpls,actions=pop_mpls:0x8847,set_mpls_label:101,2" },
	  "pop_mpls(eth_type=0x8847),2",
	  { 0x100, UINT32_MAX },
	  NULL },
	{ "time to live",
	  2,
	  { "mpls,actions=dec_mpls_ttl,2" },
	  "set(mpls(ttl=63)),2",
	  { 0xff },
	  NULL },
	{ "which has run out",
	  1,
	  { "mpls,actions=set_mpls_ttl:1,dec_mpls_ttl,2" },
	  "set(mpls(ttl=1)),userspace(pid=0,controller(reason=2,dont_send=0,continuation=0,"
	  "recirc_id=0,rule_cookie=0,controller_id=0,max_len=65535))",
	  { 0 },
	  NULL },
	{ "which ends this list of actions, not the outer one",
	  1,
	  { "mpls,actions=set_mpls_ttl:1,resubmit(,1),3", "table=1,mpls,actions=dec_mpls_ttl,2" },
	  "set(mpls(ttl=1)),userspace(pid=0,controller(reason=2,dont_send=0,continuation=0,"
	  "recirc_id=0,rule_cookie=0,controller_id=0,max_len=65535)),3",
	  { 0 },
	  NULL },
	{ "a label is moved",
	  1,
	  { "mpls,actions=move:mpls_label->reg0[0..19],resubmit(,1)",
	    "table=1,mpls,reg0=100,actions=set_field:5->mpls_label,2" },
	  "set(mpls(label=5)),2",
	  { 0xfffff000 },
	  NULL },
	{ "beside the headers nothing is parsed again",
	  1,
	  { "mpls,actions=pop_mpls:0x800,load:5->reg0,mod_dl_dst:00:00:00:00:00:09,set_queue:1,2" },
	  "set(eth(dst=00:00:00:00:00:09)),pop_mpls(eth_type=0x800),2",
	  { 0x100 },
	  NULL },
	{ "before the network header is changed",
	  1,
	  { "mpls,actions=pop_mpls:0x800,3,dec_ttl,2" },
	  "pop_mpls(eth_type=0x800),3,recirc(N)",
	  { 0x100 },
	  "set(ipv4(ttl=8)),2" },
	{ "before another table",
	  1,
	  { "mpls,actions=load:5->reg0,pop_mpls:0x800,resubmit(,1),3",
	    "table=1,ip,nw_dst=5.6.7.8,reg0=5,actions=2" },
	  "pop_mpls(eth_type=0x800),recirc(N)",
	  { 0x100 },
	  "2,3" },
	{ "before a patch",
	  1,
	  { "mpls,actions=pop_mpls:0x800,10,2" },
	  "pop_mpls(eth_type=0x800),recirc(N)",
	  { 0x100 },
	  "clone(set(ipv4(ttl=8)),11),2" },
	{ "all that was to come comes then, in order",
	  1,
	  { "mpls,actions=resubmit(,1),3,write_actions(output:3,dec_ttl)",
	    "table=1,mpls,actions=resubmit(,2),mod_nw_src:7.7.7.7",
	    "table=2,mpls,actions=pop_mpls:0x800,dec_ttl,2" },
	  "pop_mpls(eth_type=0x800),recirc(N)",
	  { 0x100 },
	  "set(ipv4(ttl=8)),2,set(ipv4(src=7.7.7.7)),3,set(ipv4(ttl=7)),3" },
	{ "whatever version of OpenFlow has it",
	  1,
	  { "mpls,actions=pop_mpls:0x800,dec_ttl,enqueue:3:1,mod_vlan_vid:5,strip_vlan,mod_nw_tos:"
	    "32,"
	    "output(port=2,max_len=100),set_queue:1,pop_queue,note:01,ct_clear,2,set_tunnel:5,"
	    "exit" },
	  "pop_mpls(eth_type=0x800),recirc(N)",
	  { 0x100 },
	  "set(ipv4(ttl=8)),3,set(ipv4(tos=0x20/0xfc)),trunc(100),2,2" },
	{ "in a clone",
	  1,
	  { "mpls,actions=clone(pop_mpls:0x800,dec_ttl,2),set_mpls_ttl:9,3" },
	  "clone(pop_mpls(eth_type=0x800),recirc(N)),set(mpls(ttl=9)),3",
	  { 0x100 },
	  NULL },
	{ "where nobody can tell what a label is",
	  1,
	  { "mpls,actions=pop_mpls:0x8847,2,pop_mpls:0x8847,3" },
	  "pop_mpls(eth_type=0x8847),2,recirc(N)",
	  { 0x100 },
	  "3" },
};

START_TEST(labels_of_packets_that_have_some)
{
	struct flow_key key = labelled(cases[_i].n), back = packet_of(UDP);
	struct xlate_result r, again;

	for (size_t i = 0; i < ARRAY_SIZE(cases[_i].rules) && cases[_i].rules[i]; i++)
		add_rule(sw, cases[_i].rules[i]);
	check_actions(sw, cases[_i].name, &key, cases[_i].actions, &r);
	for (int i = 0; i < FLOW_MAX_MPLS; i++)
		ck_assert_msg(r.mask.m.mpls_lse[i] == htobe32(cases[_i].look[i]),
			      "%s: label %d: 0x%x", cases[_i].name, i,
			      be32toh(r.mask.m.mpls_lse[i]));
	if (cases[_i].again) {
		check_comes_back(cases[_i].name, &r, &back);
		check_actions(sw, cases[_i].name, &back, cases[_i].again, &again);
		xlate_result_uninit(&again);
	}
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(too_many_labels_are_an_error)
{
	struct flow_key key = labelled(4);
	struct xlate_input in = { .sw = sw, .key = &key };
	struct xlate_result r;

	add_rule(sw, _i ? "mpls,actions=push_mpls:0x8847,2" : "mpls,actions=pop_mpls:0x8847,2");
	xlate(&in, &r);
	ck_assert_int_eq(r.error, XLATE_TOO_MANY_LABELS);
	ck_assert_str_eq(xlate_error_text(r.error), "Too many MPLS labels");
	xlate_result_uninit(&r);
}
END_TEST

// ---- Others that end in another header, or in another pass ----

#define NSH UNTAGGED_NSH ",nsh_ttl=5,nsh_mdtype=1"
#define UNTAGGED_NSH "in_port=1,dl_type=0x894f"

static const struct translated_case others[] = {
	{ "time to live of NSH",
	  { "dl_type=0x894f,actions=dec_nsh_ttl,2" },
	  NSH,
	  "set(nsh(ttl=4)),2",
	  UNTAGGED ",dl_type=0x894f,nsh_ttl=5" },
	{ "members of NSH",
	  { "dl_type=0x894f,actions=set_field:7->nsh_spi,set_field:8->nsh_si,set_field:9->nsh_c2,"
	    "2" },
	  NSH,
	  "set(nsh(spi=0x7,si=8,c2=0x9)),2",
	  UNTAGGED ",dl_type=0x894f" },
	{ "another pass where one is asked for",
	  { "ip,actions=mod_nw_src:9.9.9.9,load:5->reg0,debug_recirc,move:reg0->nw_dst,2" },
	  UDP,
	  "set(ipv4(src=9.9.9.9)),recirc(N)",
	  "ip," UNTAGGED ",nw_frag=no",
	  "set(ipv4(dst=0.0.0.5)),2",
	  "ip," UNTAGGED ",nw_dst=5.6.7.8,nw_frag=no" },
	{ "for a clone alone",
	  { "ip,actions=clone(debug_recirc,dec_ttl,2),3" },
	  UDP,
	  "recirc(N),3",
	  NULL },
};

START_TEST(other_headers_and_passes)
{
	check_translated(sw, &others[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/mpls");
	TCase *t = tcase_create("mpls");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, labels_are_pushed, 0, ARRAY_SIZE(pushes));
	tcase_add_loop_test(t, labels_of_packets_that_have_some, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, other_headers_and_passes, 0, ARRAY_SIZE(others));
	tcase_add_loop_test(t, too_many_labels_are_an_error, 0, 2);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
