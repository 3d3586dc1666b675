// SPDX-License-Identifier: Apache-2.0
// Keys, masks and actions of the kernel datapath: what is written reads back the same, what is malformed is refused.
#include <linux/openvswitch.h>

#include "core/base/hash.h"
#include "core/flow/match.h"
#include "core/packet/packet.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/key.h"
#include "tests/suite.h"

#define ETH "eth(src=02:00:00:00:00:11,dst=02:00:00:00:00:22),"
#define IP4 ETH "eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,"
#define IP6 ETH "eth_type(0x86dd),ipv6(src=2001:db8::1,dst=2001:db8::2,"

static const char *const flows[] = {
	"recirc_id(0),in_port(1)," IP4 "frag=no)",
	"recirc_id(0x7),in_port(1),skb_mark(0x5/0xff)," IP4
	"proto=17,tos=0x28,ttl=64,frag=no),udp(src=1000,dst=2000)",
	"recirc_id(0),in_port(1)," IP4
	"proto=6,frag=first),tcp(src=1000/0xff00,dst=2000),tcp_flags(0x12)",
	"recirc_id(0),in_port(1)," IP4 "proto=17,frag=later)",
	"recirc_id(0),in_port(1)," IP4 "proto=132,frag=no),sctp(src=1000,dst=2000)",
	"recirc_id(0),in_port(1)," IP4 "proto=1,frag=no),icmp(type=8,code=0)",
	"recirc_id(0),in_port(1)," IP6
	"proto=58,frag=no),icmpv6(type=135,code=0),nd(target=2001:db8::9,sll=02:00:00:"
	"00:00:11)",
	"recirc_id(0),in_port(1)," IP6
	"label=0x12345,proto=17,tclass=0x20,hlimit=3,frag=no),udp(src=1)",
	"recirc_id(0),in_port(1)," ETH
	"eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=2,sha=02:00:00:00:00:11)",
	"recirc_id(0),in_port(1)," ETH
	"eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(src=10.0.0.1,"
	"frag=no))",
	"recirc_id(0),in_port(1)," ETH
	"eth_type(0x88a8),vlan(vid=5,pcp=3),encap(eth_type(0x8100),vlan(vid=6,pcp=0),"
	"encap(eth_type(0x0800),ipv4(frag=no)))",
	"recirc_id(0),in_port(1)," ETH "eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=1)",
	"recirc_id(0),ct_state(+est+trk),ct_zone(0x5),ct_mark(0x1/0x1),in_port(1)," IP4 "frag=no)",
	"recirc_id(0),ct_label(0x1/0xff),in_port(1)," IP4 "frag=no)",
	"recirc_id(0),in_port(1)," ETH "eth_type(0x1234)",
	"tunnel(tun_id=0x5,src=10.0.0.1,dst=10.0.0.2,tos=0x3/0x3,ttl=64,tp_src=7,tp_dst=4789,"
	"flags(-df+csum+key)),recirc_id(0),in_port(1)," IP4 "frag=no)",
	"tunnel(tun_id=0x5,dst=10.0.0.2),recirc_id(0),in_port(1)," IP4 "frag=no)",
	"tunnel(dst=10.0.0.2),recirc_id(0),in_port(1),packet_type(ns=1,id=0x800),ipv4(src=10.0.0.1,"
	"frag=no)",
	"tunnel(src=10.0.0.0/255.0.0.0,dst=10.0.0.2,flags(oam|df)),recirc_id(0),in_port(1)," IP4
	"frag=no)",
	"tunnel(tun_id=0x0,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,ttl=1),recirc_id(0),"
	"in_port(1)," IP4 "frag=no)",
	"tunnel(tun_id=0x5,dst=10.0.0.2,vxlan(gbp(id=5/"
	"0xff,flags=0x8))),recirc_id(0),in_port(1)," IP4 "frag=no)",
	"tunnel(tun_id=0x5,dst=10.0.0.2,geneve({class=0x102,type=0x80,len=4,0xa/0xff}{class=0x103,"
	"type=0x1,len=8,0x1122334455667788})),recirc_id(0),in_port(1)," IP4 "frag=no)",
	"tunnel(tun_id=0x5,dst=10.0.0.2,geneve()),recirc_id(0),in_port(1)," IP4 "frag=no)",
	"tunnel(tun_id=0x5,dst=10.0.0.2,erspan(ver=1,idx=0x7)),recirc_id(0),in_port(1)," IP4
	"frag=no)",
	"tunnel(tun_id=0x5,dst=10.0.0.2,erspan(ver=2,dir=1,hwid=0x3f)),recirc_id(0),in_port(1)," IP4
	"frag=no)",
	"recirc_id(0x1),ct_state(+new+est+rel+rpl-inv+trk+snat+dnat),in_port(1)," IP4 "frag=no)",
	"recirc_id(0x1),ct_state(+inv+trk),in_port(1)," IP4 "frag=no)",
	"recirc_id(0x1),ct_state(-trk),in_port(1)," IP4 "frag=no)",
	"recirc_id(0x1),ct_state(+est+trk-inv),ct_tuple4(src=10.1.0.0/"
	"255.255.0.0,dst=10.2.0.1,proto=6,"
	"tp_src=1000,tp_dst=80/0xff),in_port(1)," IP4 "proto=6,frag=no)",
	"recirc_id(0x1),ct_state(+new+trk),ct_tuple4(proto=17),in_port(1)," ETH
	"eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(frag=no))",
	"recirc_id(0x1),ct_state(+est+trk),ct_tuple6(src=2001:db8::1,dst=2001:db8::/"
	"ffff:ffff::,proto=58,"
	"tp_src=128,tp_dst=0),in_port(1)," IP6 "proto=58,frag=no)",
	"recirc_id(0),in_port(1)," ETH
	"eth_type(0x894f),nsh(mdtype=1,np=3,spi=0x123,si=0xff,c1=0x1)",
	"recirc_id(0),packet_type(ns=1,id=0x800),in_port(1),eth_type(0x0800),ipv4(src=10.0.0.1,"
	"frag=no)",
};

static void parse_flow(const char *text, struct match *m)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(!dp_key_parse(text, NULL, NULL, m, &err), "%s: %s", text, err.text);
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		// What the kernel always looks at.
		bool tagged = m->key.vlans[i].tci & htobe16(VLAN_PRESENT);

		m->mask.m.vlans[i].tci |= tagged ? htobe16(VLAN_PRESENT) : UINT16_MAX;
		m->mask.m.vlans[i].tpid = UINT16_MAX;
		if (!tagged)
			break;
	}
	m->mask.m.in_port = UINT32_MAX;
	m->mask.m.packet_type = 0;
}

static const struct nlattr *nest_of(struct strbuf *b)
{
	nl_nest_end(b, 0);
	return (const struct nlattr *)b->s;
}

START_TEST(a_flow_reads_back_as_written)
{
	AUTO(strbuf) key = STRBUF_INIT, mask = STRBUF_INIT, want = STRBUF_INIT, have = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m, back;

	parse_flow(flows[_i], &m);
	nl_nest_begin(&key, OVS_FLOW_ATTR_KEY);
	kernel_put_key(&key, &m.key, &m.mask);
	nl_nest_begin(&mask, OVS_FLOW_ATTR_MASK);
	kernel_put_mask(&mask, &m.key, &m.mask);
	memset(&back, 0, sizeof(back));
	ck_assert_msg(!kernel_get_key(nest_of(&key), &back.key, &err), "%s", err.text);
	ck_assert_msg(!kernel_get_mask(nest_of(&mask), &m.key, &back.mask, &err), "%s", err.text);
	match_format(&m, NULL, &want);
	match_format(&back, NULL, &have);
	ck_assert_str_eq(have.s, want.s);
	ck_assert_mem_eq(&back.key, &m.key, sizeof(m.key));
	ck_assert_ptr_null(kernel_mask_unsupported(&m.key, &m.mask));
}
END_TEST

START_TEST(the_lowest_byte_of_a_label_comes_first)
{
	AUTO(strbuf) key = STRBUF_INIT;
	const struct nlattr *a;
	struct flow_key k = { .eth_type = htobe16(0x0800) };

	k.ct_label[15] = 0x5a;
	nl_nest_begin(&key, OVS_FLOW_ATTR_KEY);
	kernel_put_key(&key, &k, NULL);
	mnl_attr_for_each_nested(a,
				 nest_of(&key)) if (mnl_attr_get_type(a) == OVS_KEY_ATTR_CT_LABELS)
		ck_assert_uint_eq(*(const uint8_t *)mnl_attr_get_payload(a), 0x5a);
}
END_TEST

// It is payload here, which the kernel reads as a tag with whatever is behind it.
START_TEST(a_tag_beyond_the_limit_is_a_tag_to_the_kernel)
{
	AUTO(strbuf) key = STRBUF_INIT, mask = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct flow_mask back_mask;
	struct flow_key back;
	struct match m;

	parse_flow("in_port(1)," ETH "eth_type(0x88a8),vlan(vid=5,pcp=3),encap(eth_type(0x8100))",
		   &m);
	nl_nest_begin(&key, OVS_FLOW_ATTR_KEY);
	kernel_put_key(&key, &m.key, &m.mask);
	nl_nest_begin(&mask, OVS_FLOW_ATTR_MASK);
	kernel_put_mask(&mask, &m.key, &m.mask);
	ck_assert_msg(!kernel_get_key(nest_of(&key), &back, &err), "%s", err.text);
	ck_assert_msg(!kernel_get_mask(nest_of(&mask), &back, &back_mask, &err), "%s", err.text);
	ck_assert_mem_eq(&back.vlans[0], &m.key.vlans[0], sizeof(back.vlans[0]));
	ck_assert_uint_eq(be16toh(back.vlans[1].tpid), 0x8100);
	ck_assert_uint_eq(be16toh(back.vlans[1].tci), VLAN_PRESENT);
	ck_assert_uint_eq(be16toh(back_mask.m.vlans[1].tpid), UINT16_MAX);
	ck_assert_uint_eq(be16toh(back_mask.m.vlans[1].tci), VLAN_PRESENT);
	ck_assert_uint_eq(back_mask.m.eth_type, 0);
}
END_TEST

START_TEST(bits_that_the_kernel_does_not_see_are_named)
{
	struct match m;

	parse_flow(flows[0], &m);
	m.mask.m.regs[3] = 1;
	ck_assert_str_eq(kernel_mask_unsupported(&m.key, &m.mask), "reg3");
}
END_TEST

static const struct {
	const char *text, *error; // NULL: it reads back the same
} actions[] = {
	{ "1,2", NULL },
	{ "drop", "" }, // an empty list
	{ "push_vlan(vid=5,pcp=3),pop_vlan,1", NULL },
	{ "userspace(pid=0,flow_sample(probability=5,collector_set_id=6,obs_domain_id=7,"
	  "obs_point_id=8,output_port=9,egress),tunnel_out_port=9),1",
	  NULL },
	{ "sample(sample=100.0%,actions(meter(3),userspace(pid=0,slow_path(action))))", NULL },
	{ "set(eth(src=02:00:00:00:00:01)),1", NULL },
	{ "set(ipv4(src=1.2.3.4,dst=5.6.7.8,tos=0x20,ttl=3)),set(udp(src=1,dst=2)),1", NULL },
	{ "set(ipv4(src=0.0.0.0)),1", NULL },
	{ "set(skb_mark(0x7)),1", NULL },
	{ "recirc(0x5)", NULL },
	{ "clone(set(eth(dst=02:00:00:00:00:01)),2),1", NULL },
	{ "sample(sample=50.0%,actions(2)),1", NULL },
	{ "trunc(100),1", NULL },
	{ "pop_eth,1,push_eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),2", NULL },
	{ "set(tunnel(tun_id=0x7,src=1.1.1.2,dst=3.3.3.4,tos=0x4,ttl=64,tp_dst=4789,flags(df|csum|"
	  "key))),1",
	  NULL },
	{ "set(tunnel(ipv6_dst=2001::1,ttl=64)),1,set(tunnel(tun_id=0x0,dst=1.2.3.4,ttl=0,flags("
	  "key))),1",
	  NULL },
	{ "clone(set(tunnel(tun_id=0x7,dst=3.3.3.4,ttl=64,geneve({class=0x102,type=0x80,len=4,0xa})"
	  ","
	  "flags(key))),1),2",
	  NULL },
	{ "set(tunnel(tun_id=0x7,dst=3.3.3.4,ttl=64,vxlan(gbp(id=10,flags=0x8)),flags(key))),1",
	  NULL },
	{ "set(tunnel(tun_id=0x7,dst=3.3.3.4,ttl=64,erspan(ver=2,dir=1,hwid=0x33),flags(key))),1",
	  NULL },
	{ "set(tunnel(tun_id=0x7,ttl=64,flags(key))),1", "set(tunnel): without a remote" },
	{ "ct", NULL },
	{ "ct(zone=5),recirc(0x1)", NULL },
	{ "ct(commit),1", NULL },
	{ "ct(force_commit,zone=65535),1", NULL },
	{ "ct(commit,zone=5,mark=0x1/0xff),1", NULL },
	{ "ct(commit,label=0x102030405060708090a0b0c0d0e0f10),1", NULL },
	{ "ct(commit,label=0x1/0x1,helper=ftp,timeout=ovs_tp_0_tcp4),1", NULL },
	{ "ct(commit,nat),1", NULL },
	{ "ct(zone=3,nat),recirc(0x1)", NULL },
	{ "ct(commit,nat(src=10.0.0.1)),1", NULL },
	{ "ct(commit,nat(src=0.0.0.0)),1", NULL },
	{ "ct(commit,nat(src)),1", NULL },
	{ "ct(commit,nat(src=10.0.0.1-10.0.0.9:1000-2000,persistent,random)),1", NULL },
	{ "ct(commit,nat(dst=10.0.0.1:80,hash)),1", NULL },
	{ "ct(commit,nat(dst=fe80::1-fe80::9)),1", NULL },
	{ "ct(commit,nat(dst=[fe80::1]:80-90)),1", NULL },
	{ "ct_clear,1", NULL },
	{ "check_pkt_len(size=100,gt(1),le(2)),3", NULL },
	{ "check_pkt_len(size=1500,gt(drop),le(set(ipv4(ttl=3)),ct(commit),2))", NULL },
	{ "check_pkt_len(size=1500,gt(check_pkt_len(size=9000,gt(drop),le(1))),le(drop))", NULL },
	{ "dec_ttl(le_1(2)),1", NULL },
	{ "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),1", NULL },
	{ "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),set(mpls(label=17,tc=2,ttl=64,bos="
	  "1)),1",
	  NULL },
	{ "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),"
	  "push_mpls(label=17,tc=2,ttl=64,bos=0,eth_type=0x8847),set(mpls(label=18,tc=2,ttl=64,bos="
	  "0)),1",
	  NULL },
	{ "add_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),1", NULL },
	{ "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),pop_mpls(eth_type=0x800),recirc("
	  "0x1)",
	  NULL },
	{ "pop_eth,1", NULL },
	{ "push_eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),1", NULL },
	{ "push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x123,si=255,c1=0x1,c2=0x2,c3=0x3,c4=0x4),1",
	  NULL },
	{ "push_nsh(flags=0,ttl=63,mdtype=2,np=3,spi=0x123,si=255,md2=0x0001020201020304),1",
	  NULL },
	{ "push_nsh(flags=0,ttl=63,mdtype=3,np=3,spi=0x123,si=255,md2=0),1", NULL },
	{ "pop_nsh(),recirc(0x1)", NULL },
	{ "psample(group=7,cookie=0x0102),1", NULL },
	{ "psample(group=7)", NULL },
	{ "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),set(ipv4(ttl=3)),1",
	  "set(nw_ttl): the flow's packets need not have it" },
	{ "clone(push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),1),set(ipv4(ttl=3)),1",
	  NULL },
	{ "tnl_pop(2)", "tnl_pop: not in this kernel datapath" },
	{ "clone(lb_output(2)),1", "lb_output: not in this kernel datapath" },
	{ "set(tcp(src=1)),1", "set(tcp_src): the flow's packets need not have it" },
	{ "set(arp(sip=1.2.3.4)),1", "set(arp_spa): the flow's packets need not have it" },
};

START_TEST(actions_read_back_as_written)
{
	AUTO(strbuf) list = STRBUF_INIT, back = STRBUF_INIT, text = STRBUF_INIT, b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;
	int error;

	parse_flow(flows[1], &m);
	ck_assert_msg(!dp_actions_parse(actions[_i].text, NULL, NULL, &list, &err), "%s", err.text);
	nl_nest_begin(&b, OVS_FLOW_ATTR_ACTIONS);
	error = kernel_put_actions(&b, dp_actions_of(&list), &m.key, &kernel_can_all, 77, &err);
	if (actions[_i].error && *actions[_i].error) {
		ck_assert_int_eq(error, -ENOTSUP);
		ck_assert_str_eq(err.text, actions[_i].error);
		return;
	}
	ck_assert_msg(!error, "%s", err.text);
	ck_assert_msg(!kernel_get_actions(nest_of(&b), &back, &err), "%s", err.text);
	dp_actions_format(dp_actions_of(&back), NULL, NULL, &text);
	ck_assert_str_eq(text.s, actions[_i].text);
}
END_TEST

// Of connections that are there, nothing but their translation is asked for.
START_TEST(what_is_for_new_connections_is_not_said_without_commit)
{
	AUTO(strbuf) list = STRBUF_INIT, back = STRBUF_INIT, text = STRBUF_INIT, b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;

	parse_flow(flows[1], &m);
	ck_assert(!dp_actions_parse(
		"ct(zone=1,mark=1/1,label=1/1,helper=ftp,timeout=x,nat(src=1.1.1.1))", NULL, NULL,
		&list, &err));
	nl_nest_begin(&b, OVS_FLOW_ATTR_ACTIONS);
	ck_assert(!kernel_put_actions(&b, dp_actions_of(&list), &m.key, &kernel_can_all, 77, &err));
	ck_assert(!kernel_get_actions(nest_of(&b), &back, &err));
	dp_actions_format(dp_actions_of(&back), NULL, NULL, &text);
	ck_assert_str_eq(text.s, "ct(zone=1,nat)");
}
END_TEST

static const struct nlattr *find(const void *p, size_t n, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_payload(p, n) if (mnl_attr_get_type(attr) == type) return attr;
	return NULL;
}

static const struct nlattr *inside(const struct nlattr *nest, uint16_t type)
{
	return nest ? find(mnl_attr_get_payload(nest), nl_len(nest), type) : NULL;
}

// New, related, destroyed, mark and label: not the state of every packet.
START_TEST(listeners_hear_of_committed_connections_what_they_need)
{
	AUTO(strbuf) list = STRBUF_INIT, b = STRBUF_INIT, without = STRBUF_INIT;
	struct kernel_can can = kernel_can_all;
	struct error err = ERROR_INIT;
	const struct nlattr *a;
	struct match m;

	parse_flow(flows[1], &m);
	ck_assert(!dp_actions_parse("ct(commit)", NULL, NULL, &list, &err));
	ck_assert(!kernel_put_actions(&b, dp_actions_of(&list), &m.key, &can, 77, &err));
	a = inside(find(b.s, b.len, OVS_ACTION_ATTR_CT), OVS_CT_ATTR_EVENTMASK);
	ck_assert(a);
	ck_assert_uint_eq(nl_u32(a), 0x487);
	can.ct_eventmask = false;
	ck_assert(!kernel_put_actions(&without, dp_actions_of(&list), &m.key, &can, 77, &err));
	a = find(without.s, without.len, OVS_ACTION_ATTR_CT);
	ck_assert(a && !inside(a, OVS_CT_ATTR_EVENTMASK));
}
END_TEST

START_TEST(a_range_s_ends_are_said_where_there_are_two)
{
	AUTO(strbuf) list = STRBUF_INIT, b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	const struct nlattr *nat;
	struct match m;

	parse_flow(flows[1], &m);
	ck_assert(!dp_actions_parse("ct(commit,nat(src=10.0.0.1-10.0.0.9:1000)),1", NULL, NULL,
				    &list, &err));
	ck_assert(!kernel_put_actions(&b, dp_actions_of(&list), &m.key, &kernel_can_all, 77, &err));
	nat = inside(find(b.s, b.len, OVS_ACTION_ATTR_CT), OVS_CT_ATTR_NAT);
	ck_assert(nat && inside(nat, OVS_NAT_ATTR_SRC) && !inside(nat, OVS_NAT_ATTR_DST));
	ck_assert_uint_eq(nl_be32(inside(nat, OVS_NAT_ATTR_IP_MIN)), htobe32(0x0a000001));
	ck_assert_uint_eq(nl_be32(inside(nat, OVS_NAT_ATTR_IP_MAX)), htobe32(0x0a000009));
	ck_assert_uint_eq(nl_u16(inside(nat, OVS_NAT_ATTR_PROTO_MIN)), 1000);
	ck_assert(!inside(nat, OVS_NAT_ATTR_PROTO_MAX));
}
END_TEST

#define ACTION(ID) offsetof(struct kernel_can, action[DP_ACTION_##ID])
#define PART(MEMBER) offsetof(struct kernel_can, MEMBER)

static const struct {
	size_t lack;
	const char *actions, *what; // NULL: it does not matter
} lacks[] = {
	{ ACTION(CT), "ct,1", "ct" },
	{ ACTION(CT), "clone(ct(commit),1)", "ct" },
	{ ACTION(CT_CLEAR), "ct_clear,1", "ct_clear" },
	{ ACTION(TRUNC), "trunc(100),1", "trunc" },
	{ ACTION(CLONE), "clone(1),2", "clone" },
	{ ACTION(CHECK_PKT_LEN), "check_pkt_len(size=1,gt(1),le(2))", "check_pkt_len" },
	{ ACTION(DEC_TTL), "dec_ttl(le_1(1)),2", "dec_ttl" },
	{ ACTION(ADD_MPLS), "add_mpls(label=1,tc=0,ttl=1,bos=1,eth_type=0x8847),1", "add_mpls" },
	{ ACTION(PSAMPLE), "check_pkt_len(size=1,gt(1),le(psample(group=1)))", "psample" },
	{ PART(ct_timeout), "ct(commit,timeout=x),1", "ct(timeout)" },
	{ PART(ct_timeout), "ct(timeout=x),1", NULL },
	{ PART(ct_nat), "ct(nat),1", "ct(nat)" },
	{ PART(ct_mark), "ct(commit,mark=1/1),1", "ct(mark)" },
	{ PART(ct_label), "ct(commit,label=1/1),1", "ct(label)" },
	{ PART(ct_zero_snat), "ct(commit,nat(src=0.0.0.0)),1", "ct(nat(src=0.0.0.0))" },
	{ PART(ct_zero_snat), "ct(commit,nat(src=::)),1", "ct(nat(src=0.0.0.0))" },
	{ PART(ct_zero_snat), "ct(commit,nat(src=0.0.0.1)),1", NULL },
	{ PART(ct_eventmask), "ct(commit),1", NULL },
};

START_TEST(what_this_kernel_lacks_is_refused_by_name)
{
	AUTO(strbuf) list = STRBUF_INIT, b = STRBUF_INIT;
	AUTO_FREE char *want = xasprintf("%s: not in this kernel datapath", lacks[_i].what);
	struct kernel_can can = kernel_can_all;
	struct error err = ERROR_INIT;
	struct match m;

	parse_flow(flows[1], &m);
	ck_assert(!dp_actions_parse(lacks[_i].actions, NULL, NULL, &list, &err));
	ck_assert(!kernel_check_actions(dp_actions_of(&list), &can, &err));
	*((bool *)&can + lacks[_i].lack) = false;
	if (!lacks[_i].what) {
		ck_assert(!kernel_check_actions(dp_actions_of(&list), &can, &err));
		return;
	}
	ck_assert_int_eq(kernel_check_actions(dp_actions_of(&list), &can, &err), -ENOTSUP);
	ck_assert_str_eq(err.text, want);
	ck_assert_int_eq(kernel_put_actions(&b, dp_actions_of(&list), &m.key, &can, 77, &err),
			 -ENOTSUP);
	ck_assert_str_eq(err.text, want);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(a_controller_action_goes_through_the_kernel_and_back)
{
	AUTO(strbuf) list = STRBUF_INIT, back = STRBUF_INIT, b = STRBUF_INIT;
	struct dp_action *a = dp_put(&list, DP_ACTION_USERSPACE);
	struct error err = ERROR_INIT;
	struct flow_key key = { 0 };

	a->userspace.kind = USERSPACE_CONTROLLER;
	a->userspace.reason = 1;
	a->userspace.max_len = 128;
	a->userspace.controller_id = 9;
	a->userspace.cookie = UINT64_C(0x123456789abcdef0);
	a->userspace.continuation = 5;
	nl_nest_begin(&b, OVS_FLOW_ATTR_ACTIONS);
	ck_assert_int_eq(
		kernel_put_actions(&b, dp_actions_of(&list), &key, &kernel_can_all, 77, &err), 0);
	ck_assert_int_eq(kernel_get_actions(nest_of(&b), &back, &err), 0);
	ck_assert(dp_actions_equal(dp_actions_of(&list), dp_actions_of(&back)));
}
END_TEST

// Any bytes in place of attributes: an error or a result, never a read outside (the sanitizers watch).
START_TEST(malformed_attributes_are_refused)
{
	random_seed(7);
	for (int i = 0; i < 20000; i++) {
		AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT, text = STRBUF_INIT;
		struct flow_key key;
		struct flow_mask mask;
		struct match m;

		AUTO(strbuf) list = STRBUF_INIT;

		parse_flow(flows[i % ARRAY_SIZE(flows)], &m);
		nl_nest_begin(&b, 1);
		if (i % 4 == 1)
			kernel_put_key(&b, &m.key, NULL);
		else if (i % 4 == 3 && !dp_actions_parse(actions[i / 4 % ARRAY_SIZE(actions)].text,
							 NULL, NULL, &list, NULL))
			kernel_put_actions(&b, dp_actions_of(&list), &m.key, &kernel_can_all, 77,
					   NULL);
		else
			for (int k = random_u32() % 40; k > 0; k--)
				nl_put_u8(&b, random_u32() % 40, random_u32());
		for (int k = random_u32() % 4; k > 0 && b.len > 4; k--)
			b.s[4 + random_u32() % (b.len - 4)] = random_u32();
		strbuf_truncate(&b, 4 + (b.len - 4) * (random_u32() % 4 ? 4 : 3) / 4);
		const struct nlattr *nest = nest_of(&b);
		struct strbuf exact = STRBUF_INIT; // so that nothing lies behind it

		strbuf_put(&exact, nest, b.len);
		nest = (const struct nlattr *)exact.s;
		if (!kernel_get_key(nest, &key, NULL))
			kernel_get_mask(nest, &key, &mask, NULL);
		kernel_get_actions(nest, &out, NULL);
		strbuf_uninit(&exact);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/kernel/codec");
	TCase *t = tcase_create("codec");

	tcase_add_loop_test(t, a_flow_reads_back_as_written, 0, ARRAY_SIZE(flows));
	tcase_add_test(t, the_lowest_byte_of_a_label_comes_first);
	tcase_add_test(t, a_tag_beyond_the_limit_is_a_tag_to_the_kernel);
	tcase_add_test(t, bits_that_the_kernel_does_not_see_are_named);
	tcase_add_loop_test(t, actions_read_back_as_written, 0, ARRAY_SIZE(actions));
	tcase_add_test(t, what_is_for_new_connections_is_not_said_without_commit);
	tcase_add_test(t, listeners_hear_of_committed_connections_what_they_need);
	tcase_add_test(t, a_range_s_ends_are_said_where_there_are_two);
	tcase_add_loop_test(t, what_this_kernel_lacks_is_refused_by_name, 0, ARRAY_SIZE(lacks));
	tcase_add_test(t, a_controller_action_goes_through_the_kernel_and_back);
	tcase_add_test(t, malformed_attributes_are_refused);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run(s);
}
