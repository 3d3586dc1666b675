// SPDX-License-Identifier: Apache-2.0
// The pure step of the TC backend: every field and every action compiles or is refused with a name, and what comes out is the
// attributes that the kernel's flower classifier expects.
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_pedit.h>
#include <linux/tc_act/tc_sample.h>
#include <linux/tc_act/tc_tunnel_key.h>

#include "core/base/hash.h"
#include "offload/tc/tc-private.h"
#include "tests/suite.h"
#include "tests/unit/offload/walk.h"

START_TEST(every_field_compiles_or_is_refused_by_name)
{
	walk_field(&backend_tc, NULL, _i);
}
END_TEST

// A megaflow from dpctl's text, as a rule; NULL and a verdict when it is refused.
static struct compiled_rule *compile_text(const char *flow, const char *actions, struct verdict *v)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct compiled_rule *rule;
	struct megaflow *mf;
	struct match m;

	ck_assert_msg(!dp_key_parse(flow, NULL, NULL, &m, &err), "%s: %s", flow, err.text);
	m.mask.m.vlans[0].tci |= htobe16(VLAN_PRESENT);
	ck_assert_msg(!dp_actions_parse(actions, NULL, NULL, &list, &err), "%s: %s", actions,
		      err.text);
	mf = megaflow_create(&m.key, &m.mask, dp_actions_of(&list));
	if (!backend_tc.compile(NULL, mf, &walk_ports, &rule, v))
		rule = NULL;
	megaflow_free(mf);
	return rule;
}

#define IP "packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4("

static const struct {
	const char *flow, *actions;
	enum offload_reason reason; // NONE: it compiles
	const char *culprit;
} flows[] = {
	{ "in_port(1)," IP "dst=10.0.0.0/255.0.0.0,frag=no)", "1", REASON_NONE, "" },
	{ "in_port(1)," IP "proto=6,frag=first)", "drop", REASON_NONE, "" },
	{ "in_port(1)," IP "proto=6,frag=first),tcp(dst=80)", "drop", REASON_FIELD_UNSUPPORTED,
	  "ports of fragments" },
	{ "in_port(1)," IP "frag=later)", "1", REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_"
	  "type("
	  "0x0800),ipv4(frag=no))",
	  "pop_vlan,1", REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x8100),vlan(vid=4/"
	  "0xf,pcp=0),encap(eth_"
	  "type(0x0800),ipv4(frag=no))",
	  "1", REASON_MASK_UNSUPPORTED, "dl_vlan" },
	{ "recirc_id(0x10000000),in_port(1)," IP "frag=no)", "1", REASON_FIELD_UNSUPPORTED,
	  "recirc_id" },
	{ "in_port(1),skb_mark(0x5)," IP "frag=no)", "1", REASON_FIELD_UNSUPPORTED, "pkt_mark" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x86dd),ipv6(frag=first)", "1",
	  REASON_FIELD_UNSUPPORTED, "ip_frag" },
	{ "in_port(7)," IP "frag=no)", "1", REASON_NO_DEVICE, "" },
	{ "in_port(1)," IP "frag=no)", "7", REASON_OUTPUT_NOT_ON_DEVICE, "unknown port" },
	{ "in_port(1)," IP "frag=no)", "trunc(100),1", REASON_ACTION_UNSUPPORTED, "trunc" },
	{ "skb_priority(0),in_port(1)," IP "frag=no)", "1", REASON_FIELD_UNSUPPORTED,
	  "skb_priority" },
	// A NIC's port brings packets without one.
	{ "skb_priority(0),in_port(4)," IP "frag=no)", "1", REASON_NONE, "" },
	{ "skb_priority(1),in_port(4)," IP "frag=no)", "1", REASON_FIELD_UNSUPPORTED,
	  "skb_priority" },
	{ "in_port(1)," IP "frag=no)", "set(skb_priority(0x10002)),1", REASON_ACTION_UNSUPPORTED,
	  "set(skb_priority)" },
	{ "in_port(1)," IP "proto=17,frag=first)", "set(ipv4(src=1.2.3.4)),1",
	  REASON_ACTION_UNSUPPORTED, "set on fragments" },
	{ "in_port(1)," IP "proto=1,frag=first)", "set(ipv4(src=1.2.3.4)),1", REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)", "ct(zone=7),recirc(1)", REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)", "ct(commit,zone=7,mark=1/0xf,label=0x5/0xff),1", REASON_NONE,
	  "" },
	{ "in_port(1)," IP "frag=no)", "ct(zone=7,mark=1/0xf),1", REASON_ACTION_UNSUPPORTED,
	  "ct(mark) without commit" },
	{ "in_port(1)," IP "frag=no)", "ct(commit,helper=ftp),1", REASON_ACTION_UNSUPPORTED,
	  "ct(helper)" },
	{ "in_port(1)," IP "frag=no)", "ct(force_commit,zone=7,nat(src=10.0.0.1)),1", REASON_NONE,
	  "" },
	{ "in_port(1)," IP "frag=no)", "ct(commit,timeout=ovs_tp_1_tcp4),1",
	  REASON_ACTION_UNSUPPORTED, "ct(timeout)" },
	{ "in_port(1)," IP "frag=no)", "ct(commit,nat(src=10.0.0.1-10.0.0.9,persistent)),1",
	  REASON_ACTION_UNSUPPORTED, "ct(nat(persistent))" },
	{ "in_port(1)," IP "frag=no)", "ct(commit,nat(src=10.0.0.1-10.0.0.9,hash)),1",
	  REASON_ACTION_UNSUPPORTED, "ct(nat(hash))" },
	{ "in_port(1)," IP "frag=no)", "ct(commit,nat(dst=10.0.0.1,random)),1",
	  REASON_ACTION_UNSUPPORTED, "ct(nat(random))" },
	{ "in_port(1)," IP "frag=no)", "ct(nat(dst=10.0.0.1,random)),1", REASON_NONE, "" },
	{ "in_port(1),ct_state(+trk+est-new),ct_zone(0x5),ct_mark(0x1/0x3),ct_label(0x7/0xf)," IP
	  "frag=no)",
	  "ct_clear,1", REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(tun_id=0x7,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(key))),3", REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)", "3", REASON_TUNNEL_UNSUPPORTED, "output without a remote" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(tun_id=0x100000000,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(key))),3",
	  REASON_TUNNEL_UNSUPPORTED, "set(tun_id)" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(tun_id=0x7,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(oam))),3",
	  REASON_TUNNEL_UNSUPPORTED, "set(tunnel(flags(oam)))" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(tun_id=0x7,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(df|key))),3",
	  REASON_TUNNEL_UNSUPPORTED, "set(tunnel(flags(df)))" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(tun_id=0x7,dst=2.2.2.2,ttl=64,geneve({class=0x102,type=0x80,len=4,0xa}),"
	  "flags(key))),3",
	  REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(dst=2.2.2.2,ttl=64,erspan(ver=1,idx=0x3),flags(key))),3",
	  REASON_TUNNEL_UNSUPPORTED, "set(tunnel(erspan))" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2,geneve({class=0x102,type=0x80,len=4,0xa/0xff})),"
	  "in_port(3)," IP "frag=no)",
	  "1", REASON_NONE, "" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2,geneve()),in_port(3)," IP "frag=no)", "1",
	  REASON_MASK_UNSUPPORTED, "no Geneve options" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2,erspan(ver=1)),in_port(3)," IP "frag=no)", "1",
	  REASON_FIELD_UNSUPPORTED, "tun_erspan_ver" },
	{ "in_port(1)," IP "frag=no)", "set(tunnel(tun_id=0x7,dst=2.2.2.2,ttl=64,flags(key))),9",
	  REASON_TUNNEL_UNSUPPORTED, "packet_type" },
	{ "in_port(1)," IP "frag=no)",
	  "set(tunnel(tun_id=0x7,dst=2.2.2.2,ttl=64,flags(key))),pop_eth,9",
	  REASON_ACTION_UNSUPPORTED, "pop_eth" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2),in_port(9)," IP "frag=no)", "1",
	  REASON_TUNNEL_UNSUPPORTED, "packet_type" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2),in_port(9),packet_type(ns=1,id=0x800),ipv4(frag=no)", "1",
	  REASON_FIELD_UNSUPPORTED, "packet_type" },
	{ "tunnel(tun_id=0x7,src=1.1.1.1,dst=2.2.2.2),in_port(3)," IP "frag=no)", "1", REASON_NONE,
	  "" },
	{ "tunnel(tun_id=0x7/0xf,dst=2.2.2.2),in_port(3)," IP "frag=no)", "1",
	  REASON_MASK_UNSUPPORTED, "tun_id" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2),in_port(1)," IP "frag=no)", "1",
	  REASON_TUNNEL_UNSUPPORTED, "tun_id" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2),in_port(3)," IP "frag=no)", "1,recirc(2)",
	  REASON_ACTION_UNSUPPORTED, "recirc behind a tunnel" },
	{ "tunnel(tun_id=0x7,dst=2.2.2.2),in_port(3)," IP "frag=no)", "recirc(2)", REASON_NONE,
	  "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x8847),mpls(label=16,tc=0,ttl=64,bos="
	  "1)",
	  "pop_mpls(eth_type=0x800),1", REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)",
	  "push_mpls(label=16,tc=0,ttl=64,bos=1,eth_type=0x8847),set(eth(src=02:00:00:00:00:01)),1",
	  REASON_NONE, "" },
	{ "in_port(1)," IP "frag=no)",
	  "push_mpls(label=16,tc=0,ttl=64,bos=1,eth_type=0x8847),set(ipv4(ttl=1)),1",
	  REASON_ACTION_UNSUPPORTED, "set(nw_ttl)" },
};

START_TEST(flows_get_the_verdict_they_deserve)
{
	struct verdict v;
	struct compiled_rule *r = compile_text(flows[_i].flow, flows[_i].actions, &v);

	ck_assert_msg(v.reason == flows[_i].reason, "%s: %s (%s)", flows[_i].flow,
		      offload_reason_name(v.reason), v.culprit);
	ck_assert_str_eq(v.culprit, flows[_i].culprit);
	ck_assert_int_eq(!!r, v.reason == REASON_NONE);
	if (r)
		tc_compiled_free(r);
}
END_TEST

// ---- What comes out ----

static const struct nl_policy any[TCA_FLOWER_MAX + 1];

static const struct nlattr *attr_of(const void *p, size_t n, uint16_t type)
{
	static const struct nlattr *a[TCA_FLOWER_MAX + 1];

	ck_assert_int_eq(nl_parse(p, n, any, ARRAY_SIZE(any), a, "test", NULL), 0);
	return a[type];
}

static const struct nlattr *in_nest(const struct nlattr *nest, uint16_t type)
{
	ck_assert_ptr_nonnull(nest);
	return attr_of(mnl_attr_get_payload(nest), nl_len(nest), type);
}

// Number 'i' (from 1) of the rule's actions, NULL: there are fewer.
static const struct nlattr *action(const struct compiled_rule *r, uint16_t i, const char *kind)
{
	const struct nlattr *list = attr_of(r->options.s, r->options.len, TCA_FLOWER_ACT),
			    *a = in_nest(list, i);

	if (!a)
		return NULL;
	ck_assert_str_eq(nl_str(in_nest(a, TCA_ACT_KIND)), kind);
	return in_nest(a, TCA_ACT_OPTIONS);
}

START_TEST(a_match_has_the_attributes_of_flower)
{
	struct verdict v;
	struct compiled_rule *r =
		compile_text("recirc_id(0x7),in_port(1)," IP
			     "dst=10.1.0.0/255.255.0.0,proto=6,frag=no),tcp(dst=80)",
			     "1", &v);
	const uint8_t addr[] = { 10, 1, 0, 0 }, mask[] = { 255, 255, 0, 0 };
	const void *p = r->options.s;
	size_t n = r->options.len;

	ck_assert_uint_eq(r->chain, 7);
	ck_assert_uint_eq(r->protocol, htobe16(0x0800));
	ck_assert_int_eq(r->ifindex, 1);
	ck_assert_uint_eq(nl_be16(attr_of(p, n, TCA_FLOWER_KEY_ETH_TYPE)), htobe16(0x0800));
	ck_assert_mem_eq(mnl_attr_get_payload(attr_of(p, n, TCA_FLOWER_KEY_IPV4_DST)), addr, 4);
	ck_assert_mem_eq(mnl_attr_get_payload(attr_of(p, n, TCA_FLOWER_KEY_IPV4_DST_MASK)), mask,
			 4);
	ck_assert_ptr_null(attr_of(p, n, TCA_FLOWER_KEY_IPV4_SRC));
	ck_assert_uint_eq(nl_u8(attr_of(p, n, TCA_FLOWER_KEY_IP_PROTO)), 6);
	ck_assert_uint_eq(nl_be16(attr_of(p, n, TCA_FLOWER_KEY_TCP_DST)), htobe16(80));
	ck_assert_uint_eq(nl_be32(attr_of(p, n, TCA_FLOWER_KEY_FLAGS)), 0);
	ck_assert_uint_eq(nl_be32(attr_of(p, n, TCA_FLOWER_KEY_FLAGS_MASK)),
			  htobe32(TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT));
	tc_compiled_free(r);
}
END_TEST

START_TEST(tags_are_a_chain_of_types)
{
	struct verdict v;
	struct compiled_rule *r = compile_text(
		"in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x88a8),vlan(vid=5,pcp=3),encap("
		"eth_"
		"type(0x8100),vlan(vid=6,pcp=0),encap(eth_type(0x0800),ipv4(frag=no)))",
		"1", &v);
	const void *p;
	size_t n;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	p = r->options.s;
	n = r->options.len;
	ck_assert_uint_eq(r->protocol, htobe16(0x88a8));
	ck_assert_uint_eq(nl_u16(attr_of(p, n, TCA_FLOWER_KEY_VLAN_ID)), 5);
	ck_assert_uint_eq(nl_u8(attr_of(p, n, TCA_FLOWER_KEY_VLAN_PRIO)), 3);
	ck_assert_uint_eq(nl_be16(attr_of(p, n, TCA_FLOWER_KEY_VLAN_ETH_TYPE)), htobe16(0x8100));
	ck_assert_uint_eq(nl_u16(attr_of(p, n, TCA_FLOWER_KEY_CVLAN_ID)), 6);
	ck_assert_uint_eq(nl_be16(attr_of(p, n, TCA_FLOWER_KEY_CVLAN_ETH_TYPE)), htobe16(0x0800));
	tc_compiled_free(r);
}
END_TEST

START_TEST(sets_become_one_edit_with_its_checksums)
{
	struct verdict v;
	struct compiled_rule *r =
		compile_text("in_port(1)," IP "proto=17,tos=0x10,ttl=9,frag=no),udp(dst=53)",
			     "set(ipv4(src=1.2.3.4,ttl=8)),set(udp(dst=54)),1,pop_vlan", &v);
	const struct nlattr *o;
	const struct tc_pedit_sel *sel;
	const struct tc_csum *csum;
	const struct tc_mirred *out;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	o = action(r, 1, "pedit");
	sel = mnl_attr_get_payload(in_nest(o, TCA_PEDIT_PARMS_EX));
	ck_assert_uint_eq(sel->nkeys, 3);
	// word = (word & mask) ^ val: the TTL is the first byte of its word.
	ck_assert_uint_eq(sel->keys[0].off, 8);
	ck_assert_uint_eq(sel->keys[0].mask, htobe32(0x00ffffff));
	ck_assert_uint_eq(sel->keys[0].val, htobe32(0x08000000));
	ck_assert_uint_eq(sel->keys[1].off, 12);
	ck_assert_uint_eq(sel->keys[1].val, htobe32(0x01020304));
	ck_assert_uint_eq(sel->keys[2].off, 0);
	ck_assert_uint_eq(sel->keys[2].val, htobe32(54));
	csum = mnl_attr_get_payload(in_nest(action(r, 2, "csum"), TCA_CSUM_PARMS));
	ck_assert_uint_eq(csum->update_flags,
			  TCA_CSUM_UPDATE_FLAG_IPV4HDR | TCA_CSUM_UPDATE_FLAG_UDP);
	out = mnl_attr_get_payload(in_nest(action(r, 3, "mirred"), TCA_MIRRED_PARMS));
	ck_assert_int_eq(out->eaction, TCA_EGRESS_REDIR);
	ck_assert_int_eq(out->action, TC_ACT_STOLEN);
	// What comes behind the last output does nothing.
	ck_assert_ptr_null(action(r, 4, ""));
	tc_compiled_free(r);
}
END_TEST

static const struct {
	struct meter_config meter;
	uint64_t rate, packet_rate, ticks; // bytes/s, packets/s, 64 ns each
} meters[] = {
	// What a second brings may come at once, where no burst is said.
	{ { METER_KBPS, 1, { { METER_DROP, .rate = 1000 } } }, 125000, 0, 15625000 },
	{ { METER_KBPS | METER_BURST, 1, { { METER_DROP, .rate = 8, .burst = 4 } } },
	  1000,
	  0,
	  7812500 },
	{ { METER_KBPS, 1, { { METER_DROP, .rate = 34359738 } } },
	  UINT64_C(4294967250),
	  0,
	  15625000 },
	{ { METER_KBPS | METER_BURST, 1, { { METER_DROP, .rate = UINT32_MAX, .burst = 1 } } },
	  UINT64_C(536870911875),
	  0,
	  1 },
	{ { METER_PKTPS, 1, { { METER_DROP, .rate = 7 } } }, 0, 7, 15625000 },
	{ { METER_PKTPS | METER_BURST, 1, { { METER_DROP, .rate = 1, .burst = UINT32_MAX } } },
	  0,
	  1,
	  UINT64_C(67108863984375000) },
};

START_TEST(a_meter_is_a_police_action)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct tc_policer p, again;
	size_t nest;

	ck_assert_ptr_null(tc_police_of_meter(&meters[_i].meter, &p));
	ck_assert_uint_eq(p.rate, meters[_i].rate);
	ck_assert_uint_eq(p.packet_rate, meters[_i].packet_rate);
	ck_assert_uint_eq(p.rate ? p.burst : p.packet_burst, meters[_i].ticks);
	ck_assert_uint_eq(p.mtu, UINT32_MAX);
	// And it is read as it was written.
	nest = nl_nest_begin(&b, TCA_ACT_OPTIONS);
	tc_policer_put(&b, &p);
	ck_assert_int_eq(nl_nest_end(&b, nest), 0);
	ck_assert_int_eq(tc_policer_read((const struct nlattr *)b.s, &again, NULL), 0);
	ck_assert(tc_policer_is_same(&p, &again));
	again.conform = TC_ACT_OK;
	ck_assert(!tc_policer_is_same(&p, &again));
}
END_TEST

START_TEST(a_metered_flow_names_the_meter_and_marks_an_action_of_its_own)
{
	struct verdict v;
	struct compiled_rule *r = compile_text("in_port(1)," IP "frag=no)", "meter(3),1", &v);
	const struct nlattr *list, *one;
	const struct tc_police *parms;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	parms = mnl_attr_get_payload(in_nest(action(r, 1, "police"), TCA_POLICE_TBF));
	ck_assert_uint_eq(parms->index, TC_METER_BASE + 3);
	action(r, 2, "mirred");
	ck_assert_uint_eq(r->n_meters, 1);
	ck_assert_uint_eq(r->meters[0], 3);
	list = attr_of(r->options.s, r->options.len, TCA_FLOWER_ACT);
	mnl_attr_for_each_nested(one, list)
	{
		ck_assert_int_eq(in_nest(one, TCA_ACT_COOKIE) != NULL, mnl_attr_get_type(one) == 2);
	}
	tc_compiled_free(r);
}
END_TEST

START_TEST(where_no_nic_is_asked_packets_are_counted_before_their_meter)
{
	struct verdict v;
	struct compiled_rule *r =
		compile_text("in_port(5)," IP "frag=no)", "meter(3),meter(8),1", &v);
	const struct tc_gact *parms;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	parms = mnl_attr_get_payload(in_nest(action(r, 1, "gact"), TCA_GACT_PARMS));
	ck_assert_int_eq(parms->action, TC_ACT_PIPE);
	action(r, 2, "police");
	action(r, 3, "police");
	action(r, 4, "mirred");
	ck_assert_ptr_null(action(r, 5, ""));
	tc_compiled_free(r);
}
END_TEST

START_TEST(a_tunnel_is_matched_written_and_taken_off)
{
	const uint8_t dst[] = { 2, 2, 2, 2 };
	struct verdict v;
	struct compiled_rule *r = compile_text(
		"tunnel(tun_id=0x7,dst=2.2.2.2),in_port(3)," IP "frag=no)",
		"1,set(tunnel(tun_id=0x9,src=1.1.1.1,dst=3.3.3.3,ttl=64,flags(key))),3,1", &v);
	const struct nlattr *o;
	const void *p;
	size_t n;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	p = r->options.s;
	n = r->options.len;
	ck_assert_uint_eq(nl_be32(attr_of(p, n, TCA_FLOWER_KEY_ENC_KEY_ID)), htobe32(7));
	ck_assert_mem_eq(mnl_attr_get_payload(attr_of(p, n, TCA_FLOWER_KEY_ENC_IPV4_DST)), dst, 4);
	o = action(r, 1, "tunnel_key"); // released for the first output
	ck_assert_ptr_null(in_nest(o, TCA_TUNNEL_KEY_ENC_KEY_ID));
	action(r, 2, "mirred");
	o = action(r, 3, "tunnel_key");
	ck_assert_uint_eq(nl_be32(in_nest(o, TCA_TUNNEL_KEY_ENC_KEY_ID)), htobe32(9));
	ck_assert_uint_eq(nl_u8(in_nest(o, TCA_TUNNEL_KEY_NO_CSUM)), 1);
	ck_assert_uint_eq(nl_u8(in_nest(o, TCA_TUNNEL_KEY_ENC_TTL)), 64);
	action(r, 4, "mirred");
	action(r, 5, "tunnel_key");
	action(r, 6, "mirred");
	tc_compiled_free(r);
}
END_TEST

START_TEST(connections_are_matched_as_flower_has_them)
{
	struct verdict v;
	struct compiled_rule *r = compile_text(
		"in_port(1),ct_state(+est-rpl-inv),ct_zone(0x5),ct_label(0x102/0xffff)," IP
		"frag=no)",
		"1", &v);
	const void *p = r->options.s;
	size_t n = r->options.len;
	const uint8_t *label;

	ck_assert_uint_eq(nl_u16(attr_of(p, n, TCA_FLOWER_KEY_CT_STATE)),
			  TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED | TCA_FLOWER_KEY_CT_FLAGS_TRACKED);
	ck_assert_uint_eq(nl_u16(attr_of(p, n, TCA_FLOWER_KEY_CT_STATE_MASK)),
			  TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED | TCA_FLOWER_KEY_CT_FLAGS_TRACKED |
				  TCA_FLOWER_KEY_CT_FLAGS_REPLY | TCA_FLOWER_KEY_CT_FLAGS_INVALID);
	ck_assert_uint_eq(nl_u16(attr_of(p, n, TCA_FLOWER_KEY_CT_ZONE)), 5);
	// Bit 0 of the label is bit 0 of the kernel's first byte.
	label = mnl_attr_get_payload(attr_of(p, n, TCA_FLOWER_KEY_CT_LABELS));
	ck_assert_uint_eq(label[0], 2);
	ck_assert_uint_eq(label[1], 1);
	ck_assert_uint_eq(label[15], 0);
	tc_compiled_free(r);
}
END_TEST

// What is read from a rule compiles to the same rule.
START_TEST(what_is_compiled_can_be_read)
{
	struct verdict v;
	struct compiled_rule *r = compile_text(flows[_i].flow, flows[_i].actions, &v),
			     again = { 0 };
	AUTO(strbuf) b = STRBUF_INIT;
	struct flow_mask mask;
	struct flow_key key;
	size_t nest;

	if (!r)
		return;
	nest = nl_nest_begin(&b, TCA_OPTIONS);
	strbuf_put(&b, r->options.s, r->options.len);
	nl_nest_end(&b, nest);
	ck_assert_msg(tc_read_match((const struct nlattr *)b.s, r->protocol, r->chain, &key, &mask),
		      "%s", flows[_i].flow);
	again.from_tunnel = r->from_tunnel;
	ck_assert_msg(tc_compile_match(&again, &key, &mask, &v), "%s: %s", flows[_i].flow,
		      v.culprit);
	ck_assert_msg(tc_match_print(again.options.s, again.options.len) == r->match_print, "%s",
		      flows[_i].flow);
	ck_assert_uint_eq(again.chain, r->chain);
	ck_assert_uint_eq(again.protocol, r->protocol);
	strbuf_uninit(&again.options);
	tc_compiled_free(r);
}
END_TEST

START_TEST(all_outputs_but_the_last_are_copies)
{
	struct verdict v;
	struct compiled_rule *r = compile_text("in_port(1)," IP "frag=no)",
					       "1,set(eth(src=00:00:00:00:00:09)),1", &v);
	const struct tc_mirred *copy, *last;

	ck_assert_ptr_nonnull(r);
	copy = mnl_attr_get_payload(in_nest(action(r, 1, "mirred"), TCA_MIRRED_PARMS));
	last = mnl_attr_get_payload(in_nest(action(r, 3, "mirred"), TCA_MIRRED_PARMS));
	ck_assert_int_eq(copy->eaction, TCA_EGRESS_MIRROR);
	ck_assert_int_eq(copy->action, TC_ACT_PIPE);
	ck_assert_int_eq(last->eaction, TCA_EGRESS_REDIR);
	tc_compiled_free(r);
}
END_TEST

// ---- Samples ----

#define CONTROLLER(MAX_LEN) \
	"userspace(pid=0,controller(reason=1,dont_send=0,continuation=0,recirc_id=5," \
	"rule_cookie=0x9,controller_id=3,max_len=" #MAX_LEN "))"

START_TEST(a_sample_has_its_rate_and_its_group)
{
	struct verdict v;
	struct compiled_rule *r = compile_text(
		"in_port(1)," IP "frag=no)",
		"sample(sample=10.0%,actions(" CONTROLLER(128) ")),psample(group=3),1", &v);
	const struct tc_sample *parms;
	const struct nlattr *o;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	o = action(r, 1, "sample");
	parms = mnl_attr_get_payload(in_nest(o, TCA_SAMPLE_PARMS));
	ck_assert_int_eq(parms->action, TC_ACT_PIPE);
	ck_assert_uint_eq(nl_u32(in_nest(o, TCA_SAMPLE_RATE)), 10);
	ck_assert_uint_eq(r->n_samples, 1);
	ck_assert_uint_eq(nl_u32(in_nest(o, TCA_SAMPLE_PSAMPLE_GROUP)), r->samples[0].group);
	ck_assert(tc_sample_is_ours(r->samples[0].group));
	ck_assert_uint_eq(r->samples[0].action.userspace.max_len, 128);
	ck_assert_uint_eq(r->samples[0].action.userspace.cookie, 9);
	o = action(r, 2, "sample");
	ck_assert_uint_eq(nl_u32(in_nest(o, TCA_SAMPLE_RATE)), 1);
	ck_assert_uint_eq(nl_u32(in_nest(o, TCA_SAMPLE_PSAMPLE_GROUP)), 3);
	ck_assert_ptr_null(in_nest(o, TCA_SAMPLE_TRUNC_SIZE));
	action(r, 3, "mirred");
	tc_compiled_free(r);
}
END_TEST

static uint32_t group_of(const char *list)
{
	AUTO_FREE char *actions = xasprintf("sample(sample=10.0%%,actions(%s)),1", list);
	struct verdict v;
	struct compiled_rule *r = compile_text("in_port(1)," IP "frag=no)", actions, &v);
	uint32_t group;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	group = r->samples[0].group;
	tc_compiled_free(r);
	return group;
}

// The next process must find its rules as they are: the number does not depend on this one.
START_TEST(equal_userspace_actions_share_a_group_in_every_process)
{
	uint64_t seed = hash_seed;
	uint32_t group = group_of(CONTROLLER(128));

	ck_assert_uint_ne(group_of(CONTROLLER(129)), group);
	hash_seed ^= 0x123456789;
	ck_assert_uint_eq(group_of(CONTROLLER(128)), group);
	hash_seed = seed;
}
END_TEST

static const struct {
	uint32_t probability, rate; // 0: none
} rates[] = {
	{ UINT32_MAX, 1 },
	{ UINT32_MAX / 2, 2 },
	{ UINT32_MAX / 3, 3 },
	{ UINT32_MAX / 10, 10 },
	{ UINT32_MAX / 1000, 1000 },
	{ UINT32_MAX / 65535, 65535 },
	{ UINT32_MAX / 65536, 65536 },
	{ UINT32_MAX / 100000, 100000 },
	{ 1, 1U << 31 },
	{ UINT32_MAX - 1, 0 },
	{ UINT32_MAX / 2 + 1, 0 },
	{ UINT32_MAX / 2 - 1, 0 },
	{ UINT32_MAX / 5 * 2, 0 },
};

START_TEST(a_probability_is_a_rate_as_sflow_writes_it_or_refused)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6 };
	AUTO(strbuf) actions = STRBUF_INIT;
	size_t begin = dp_put_nested_begin(&actions, DP_ACTION_SAMPLE);
	struct compiled_rule *rule;
	struct megaflow *mf;
	struct flow_mask mask;
	struct verdict v;

	dp_put(&actions, DP_ACTION_PSAMPLE)->psample.group = 3;
	dp_put_nested_end(&actions, begin);
	((struct dp_action *)actions.s)->sample.probability = rates[_i].probability;
	walk_common_mask(&mask, &key);
	mf = megaflow_create(&key, &mask, dp_actions_of(&actions));
	if (backend_tc.compile(NULL, mf, &walk_ports, &rule, &v)) {
		ck_assert_uint_eq(nl_u32(in_nest(action(rule, 1, "sample"), TCA_SAMPLE_RATE)),
				  rates[_i].rate);
		tc_compiled_free(rule);
	} else {
		ck_assert_uint_eq(rates[_i].rate, 0);
		ck_assert_str_eq(v.culprit, "sample at no rate of 1 in N");
	}
	megaflow_free(mf);
}
END_TEST

static const struct {
	const char *actions, *kind;
} behind_outputs[] = {
	{ "1,ct(commit,zone=7)", "ct" },
	{ "1,meter(3)", "police" },
	{ "1,psample(group=3)", "sample" },
};

START_TEST(what_stands_behind_the_last_output_is_done_too)
{
	struct verdict v;
	struct compiled_rule *r =
		compile_text("in_port(1)," IP "frag=no)", behind_outputs[_i].actions, &v);
	const struct tc_mirred *copy;
	const struct tc_gact *end;

	ck_assert_msg(r != NULL, "%s", v.culprit);
	copy = mnl_attr_get_payload(in_nest(action(r, 1, "mirred"), TCA_MIRRED_PARMS));
	ck_assert_int_eq(copy->action, TC_ACT_PIPE);
	action(r, 2, behind_outputs[_i].kind);
	end = mnl_attr_get_payload(in_nest(action(r, 3, "gact"), TCA_GACT_PARMS));
	ck_assert_int_eq(end->action, TC_ACT_SHOT);
	tc_compiled_free(r);
}
END_TEST

START_TEST(every_action_compiles_or_is_refused_by_name)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6 };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_mask mask;
	struct verdict v;

	walk_common_mask(&mask, &key);
	if (_i == DP_ACTION_SET)
		return; // each field has its own answer
	dp_put(&actions, _i);
	// Behind the last output nothing is compiled.
	dp_put_output(&actions, DP_PORT(1));
	if (walk_compile(&backend_tc, NULL, &key, &mask, dp_actions_of(&actions), &v)) {
		ck_assert_msg(_i == DP_ACTION_DROP || _i == DP_ACTION_PUSH_VLAN ||
				      _i == DP_ACTION_POP_VLAN || _i == DP_ACTION_POP_MPLS ||
				      _i == DP_ACTION_CT || _i == DP_ACTION_CT_CLEAR ||
				      _i == DP_ACTION_SET_TUNNEL || _i == DP_ACTION_CLONE ||
				      _i == DP_ACTION_SAMPLE || _i == DP_ACTION_PSAMPLE,
			      "%s", dp_action_name(_i));
		return;
	}
	ck_assert_str_ne(v.culprit, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/tc/compile");
	TCase *t = tcase_create("compile");

	tcase_add_loop_test(t, every_field_compiles_or_is_refused_by_name, 0, FIELD_MAX);
	tcase_add_loop_test(t, flows_get_the_verdict_they_deserve, 0, ARRAY_SIZE(flows));
	tcase_add_loop_test(t, what_is_compiled_can_be_read, 0, ARRAY_SIZE(flows));
	tcase_add_test(t, a_match_has_the_attributes_of_flower);
	tcase_add_test(t, tags_are_a_chain_of_types);
	tcase_add_test(t, sets_become_one_edit_with_its_checksums);
	tcase_add_loop_test(t, a_meter_is_a_police_action, 0, ARRAY_SIZE(meters));
	tcase_add_test(t, where_no_nic_is_asked_packets_are_counted_before_their_meter);
	tcase_add_test(t, a_metered_flow_names_the_meter_and_marks_an_action_of_its_own);
	tcase_add_test(t, a_tunnel_is_matched_written_and_taken_off);
	tcase_add_test(t, connections_are_matched_as_flower_has_them);
	tcase_add_test(t, all_outputs_but_the_last_are_copies);
	tcase_add_test(t, a_sample_has_its_rate_and_its_group);
	tcase_add_test(t, equal_userspace_actions_share_a_group_in_every_process);
	tcase_add_loop_test(t, a_probability_is_a_rate_as_sflow_writes_it_or_refused, 0,
			    ARRAY_SIZE(rates));
	tcase_add_loop_test(t, what_stands_behind_the_last_output_is_done_too, 0,
			    ARRAY_SIZE(behind_outputs));
	tcase_add_loop_test(t, every_action_compiles_or_is_refused_by_name, 0, DP_ACTION_MAX);
	suite_add_tcase(s, t);
	return suite_run(s);
}
