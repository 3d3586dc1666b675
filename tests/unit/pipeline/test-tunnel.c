// SPDX-License-Identifier: Apache-2.0
// Tunnels in the pipeline: which port a packet comes in at and what that looked at, and packets translated into tunnels and out
// of them, to the datapath's actions and the megaflow.
#include "ofproto/pipeline/tlv-map.h"
#include "tests/unit/pipeline/tunnels.h"

static void map_options(void)
{
	struct tlv_table_mod mod = { .command = TLV_ADD };

	ck_assert(!tlv_mappings_parse("{class=0x102,type=0x80,len=4}->tun_metadata0,"
				      "{class=0x102,type=0x81,len=4}->tun_metadata5",
				      &mod));
	ck_assert_int_eq(switch_tlv_mod(sw, &mod), OFPERR_NONE);
}

// ---- The table ----

// From the most to the least particular, whatever the order in which they came.
static void add_all_kinds(void)
{
	must_add_tunnel(18, VXLAN, TUNNEL_VXLAN, "remote_ip=flow local_ip=flow key=flow");
	must_add_tunnel(17, VXLAN, TUNNEL_VXLAN, "remote_ip=flow key=flow");
	must_add_tunnel(16, VXLAN, TUNNEL_VXLAN, "remote_ip=flow local_ip=9.9.9.9 key=flow");
	must_add_tunnel(15, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 key=flow");
	must_add_tunnel(14, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 local_ip=9.9.9.9 key=flow");
	must_add_tunnel(13, VXLAN, TUNNEL_VXLAN, "remote_ip=flow key=5");
	must_add_tunnel(12, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 key=5");
	must_add_tunnel(11, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 local_ip=9.9.9.9 key=5");
	must_add_tunnel(21, GENEVE, TUNNEL_GENEVE, "remote_ip=flow key=flow");
	must_add_tunnel(22, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1");
	must_add_tunnel(23, GRE, TUNNEL_GRE, "remote_ip=2001:db8::1 key=7");
}

static const struct {
	const char *header;
	uint32_t dp_port, number; // number 0: nobody's
	const char *looked_at;
} lookups[] = {
	{ "tun_id=5,src=1.1.1.1,dst=9.9.9.9", VXLAN, 11,
	  "tunnel(tun_id=0x5,src=1.1.1.1,dst=9.9.9.9,flags(+key))" },
	{ "tun_id=5,src=1.1.1.1,dst=8.8.8.8", VXLAN, 12,
	  "tunnel(tun_id=0x5,src=1.1.1.1,dst=8.8.8.8,flags(+key))" },
	{ "tun_id=5,src=2.2.2.2,dst=9.9.9.9", VXLAN, 13,
	  "tunnel(tun_id=0x5,src=2.2.2.2,dst=9.9.9.9,flags(+key))" },
	{ "tun_id=6,src=1.1.1.1,dst=9.9.9.9", VXLAN, 14,
	  "tunnel(tun_id=0x6,src=1.1.1.1,dst=9.9.9.9,flags(+key))" },
	{ "tun_id=6,src=1.1.1.1,dst=8.8.8.8", VXLAN, 15,
	  "tunnel(tun_id=0x6,src=1.1.1.1,dst=8.8.8.8,flags(+key))" },
	{ "tun_id=6,src=2.2.2.2,dst=9.9.9.9", VXLAN, 16,
	  "tunnel(tun_id=0x6,src=2.2.2.2,dst=9.9.9.9,flags(+key))" },
	{ "tun_id=6,src=2.2.2.2,dst=8.8.8.8", VXLAN, 17,
	  "tunnel(tun_id=0x6,src=2.2.2.2,dst=8.8.8.8,flags(+key))" },
	{ "tun_id=5,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2", VXLAN, 13,
	  "tunnel(tun_id=0x5,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,flags(+key))" },
	// Where no tunnel asks for a key or remote, none is looked at.
	{ "tun_id=5,src=1.1.1.1,dst=9.9.9.9,tos=0x3", GENEVE, 21, "tunnel(dst=9.9.9.9)" },
	// No key is key 0, but another packet.
	{ "src=1.1.1.1,dst=9.9.9.9", GRE, 22,
	  "tunnel(tun_id=0x0,src=1.1.1.1,dst=9.9.9.9,flags(-key))" },
	{ "tun_id=0,src=1.1.1.1,dst=9.9.9.9", GRE, 22,
	  "tunnel(tun_id=0x0,src=1.1.1.1,dst=9.9.9.9,flags(+key))" },
	{ "tun_id=7,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2", GRE, 23,
	  "tunnel(tun_id=0x7,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,flags(+key))" },
	{ "tun_id=7,src=1.1.1.1,dst=9.9.9.9", GRE, 0, NULL },
	{ "tun_id=5,src=1.1.1.1,dst=9.9.9.9", 99, 0, NULL },
};

START_TEST(the_tunnel_that_asks_for_most_is_found)
{
	AUTO_FREE char *text =
		xasprintf("tunnel(%s),in_port(%u)", lookups[_i].header, lookups[_i].dp_port);
	AUTO(strbuf) seen = STRBUF_INIT;
	struct flow_mask mask = { 0 };
	struct tunnel_lookup l;
	struct of_switch *found;
	struct flow_key key;
	of_port_t number;

	add_all_kinds();
	parse_key(text, &key);
	if (!lookups[_i].number) {
		ck_assert(!tunnel_table_find(table, DP_PORT(key.in_port), &key.tunnel,
					     key.packet_type, &found, &number, &l));
		return;
	}
	ck_assert(tunnel_table_find(table, DP_PORT(key.in_port), &key.tunnel, key.packet_type,
				    &found, &number, &l));
	ck_assert_uint_eq(number.n, lookups[_i].number);
	ck_assert_ptr_eq(found, sw);
	mask.m.tunnel = l.mask;
	dp_key_format(&key, &mask, NULL, NULL, false, &seen);
	ck_assert_msg(strstr(seen.s, lookups[_i].looked_at), "%s: %s", lookups[_i].header, seen.s);
}
END_TEST

START_TEST(of_two_tunnels_alike_the_second_is_refused)
{
	struct error err = ERROR_INIT;

	must_add_tunnel(11, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 key=5");
	ck_assert_int_eq(add_tunnel(12, VXLAN, TUNNEL_VXLAN,
				    "remote_ip=1.1.1.1 in_key=5 out_key=6 ttl=3", &err),
			 -EEXIST);
	ck_assert_str_eq(err.text,
			 "t12: attempting to add tunnel port with same config as port 't11' "
			 "(::->1.1.1.1, key=0x5, legacy_l2, dp port=20)");
	must_add_tunnel(13, GENEVE, TUNNEL_GENEVE, "remote_ip=1.1.1.1 key=5");
	tunnel_table_remove(table, sw, OF_PORT(11));
	must_add_tunnel(14, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 key=5");
}
END_TEST

static bool is_found(uint64_t key)
{
	struct flow_tunnel header = { .tun_id = htobe64(key), .ip_src = 1, .ip_dst = 2 };
	struct tunnel_lookup l;
	struct of_switch *found;
	of_port_t number;

	return tunnel_table_find(table, DP_PORT(VXLAN), &header, false, &found, &number, &l) &&
	       number.n == key;
}

START_TEST(many_come_and_go)
{
	struct tunnel_config c = { .type = TUNNEL_VXLAN, .remote_flow = true };
	enum { N = 500 };

	for (int round = 0; round < 4; round++) {
		for (uint32_t i = 1; i <= N; i++) {
			c.in_key = i;
			ck_assert_int_eq(tunnel_table_add(table, DP_PORT(VXLAN), &c, sw, OF_PORT(i),
							  "t", NULL),
					 round && i % 3 ? -EEXIST : 0);
		}
		for (uint32_t i = 1; i <= N; i++)
			ck_assert(is_found(i));
		for (uint32_t i = 3; i <= N; i += 3)
			tunnel_table_remove(table, sw, OF_PORT(i));
		for (uint32_t i = 1; i <= N; i++)
			ck_assert(is_found(i) == !!(i % 3));
	}
	for (uint32_t i = 1; i <= N; i++)
		tunnel_table_remove(table, sw, OF_PORT(i));
	ck_assert(!tunnel_table_has_port(table, DP_PORT(VXLAN)));
}
END_TEST

START_TEST(a_change_makes_translations_outdated)
{
	struct tunnel_lookup l;
	struct of_switch *found;
	struct xlate_result r;
	struct flow_key key;
	of_port_t number;

	must_add_tunnel(11, VXLAN, TUNNEL_VXLAN, "remote_ip=flow key=flow");
	add_rule(sw, "actions=output:1");
	parse_key("tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9),in_port(20),eth_type(0x1234)", &key);
	ck_assert(tunnel_table_find(table, DP_PORT(20), &key.tunnel, false, &found, &number, &l));
	key.in_port = number.n;
	struct xlate_input in = { .sw = sw, .key = &key, .tunnel = &l };

	xlate(&in, &r);
	ck_assert(xlate_is_current(&r.basis));
	// In another switch: nothing but the table tells of it.
	tunnel_table_remove(table, sw, OF_PORT(99));
	ck_assert(xlate_is_current(&r.basis));
	struct tunnel_config c = RCU_GET(switch_port_find(sw, number)->settings)->tunnel;

	c.in_key_flow = false;
	c.in_key = 5;
	ck_assert(!tunnel_table_add(table, DP_PORT(20), &c, NULL, OF_PORT(1), "other", NULL));
	ck_assert(!xlate_is_current(&r.basis));
	xlate_result_uninit(&r);
}
END_TEST

// ---- Translation ----

#define CE ETH "eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,tos=0x23,ttl=9,frag=no)"
#define ECT1 ETH "eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,tos=0x1,ttl=9,frag=no)"
#define OTHER ETH "eth_type(0x1234)"

static const struct {
	const char *name, *flow, *packet, *actions,
		*megaflow; // megaflow: what it must have; NULL: is not looked at
} rows[] = {
	{ "all of the configuration's", "in_port=1,actions=output:11", "in_port(1)," IP,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20",
	  "eth_type(0x0800),ipv4(tos=0/0x3,frag=no)" },
	{ "not IP", "in_port=1,actions=output:11", "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20",
	  "recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x1234)" },
	{ "congestion is not told to the tunnel", "in_port=1,actions=output:11", "in_port(1)," CE,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,tos=0x2,ttl=64,tp_dst=4789,flags(df|key))),20",
	  "ipv4(tos=0x3/0x3,frag=no)" },
	{ "ECT(1) is kept", "in_port=1,actions=output:11", "in_port(1)," ECT1,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,tos=0x1,ttl=64,tp_dst=4789,flags(df|key))),20", NULL },
	{ "inherited TOS and TTL", "in_port=1,actions=output:13", "in_port(1)," IP,
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,tos=0x20,ttl=9,flags(csum|key))),22",
	  "ipv4(tos=0x20,ttl=9,frag=no)" },
	{ "nothing to inherit", "in_port=1,actions=output:13", "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key))),22", NULL },
	{ "no key", "in_port=1,actions=output:14", "in_port(1)," OTHER,
	  "set(tunnel(dst=2.2.2.2,ttl=64,flags(df))),22", NULL },
	{ "said once", "in_port=1,actions=output:11,output:2,output:11,output:13,output:11",
	  "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20,2,20,"
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key))),22,"
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20",
	  NULL },
	{ "of the flow",
	  "in_port=1,actions=set_field:9->tun_id,set_field:3.3.3.3->tun_dst,output:12",
	  "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x9,dst=3.3.3.3,ttl=64,tp_dst=6081,flags(df|key))),21", NULL },
	{ "of the flow, IPv6",
	  "in_port=1,actions=set_field:2001:db8::5->tun_ipv6_dst,set_field:oam->tun_flags,output:"
	  "12",
	  "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x0,ipv6_dst=2001:db8::5,ttl=64,tp_dst=6081,flags(oam|df|key))),21",
	  NULL },
	{ "no remote", "in_port=1,actions=output:12,output:2", "in_port(1)," OTHER, "2", NULL },
	{ "options",
	  "in_port=1,actions=set_field:3.3.3.3->tun_dst,set_field:7->tun_metadata5,set_field:6->"
	  "tun_"
	  "metadata0,output:12,output:11",
	  "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x0,dst=3.3.3.3,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len="
	  "4,0x6}"
	  "{class=0x102,type=0x81,len=4,0x7}),flags(df|key))),21,"
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20",
	  NULL },
	{ "policy",
	  "in_port=1,actions=set_field:5->tun_gbp_id,set_field:8->tun_gbp_flags,output:11,output:"
	  "13",
	  "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,vxlan(gbp(id=5,flags=0x8)),flags("
	  "df|key))),20,"
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key))),22",
	  NULL },
	{ "ERSPAN", "in_port=1,actions=output:15,output:16", "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x3,dst=1.1.1.1,ttl=64,erspan(ver=1,idx=0x9),flags(df|key))),23,"
	  "set(tunnel(tun_id=0x3,dst=2.2.2.2,ttl=64,erspan(ver=2,dir=1,hwid=0x5),flags(df|key))),"
	  "23",
	  NULL },
	{ "mark", "in_port=1,actions=output:17", "in_port(1)," OTHER,
	  "set(tunnel(dst=4.4.4.4,ttl=64,tp_dst=4789,flags(df))),set(skb_mark(0x7)),20", NULL },
	{ "the mark is of that copy alone", "in_port=1,actions=output:17,resubmit(,1),output:2",
	  "in_port(1)," OTHER,
	  "set(tunnel(dst=4.4.4.4,ttl=64,tp_dst=4789,flags(df))),set(skb_mark(0x7)),20,"
	  "set(skb_mark(0)),2",
	  "skb_mark(0)" },
	{ "behind a clone",
	  "in_port=1,actions=clone(set_field:00:00:00:00:00:09->eth_dst,output:11),output:2",
	  "in_port(1)," OTHER,
	  "clone(set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),set(eth(dst="
	  "00:00:00:"
	  "00:00:09)),20),2",
	  NULL },
	{ "a clone that changes nothing", "in_port=1,actions=clone(output:11),output:11",
	  "in_port(1)," OTHER,
	  "set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20,20", NULL },
	{ "matched without a tunnel", "in_port=1,tun_id=0,tun_dst=0.0.0.0,actions=output:2",
	  "in_port(1)," OTHER, "2",
	  "recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x1234)" },
	{ "without an Ethernet header, and with it again",
	  "in_port=1,actions=set_field:00:00:00:00:00:09->eth_dst,output:18,output:2",
	  "in_port(1)," OTHER,
	  "set(tunnel(dst=5.5.5.5,ttl=64,tp_dst=6635,flags(df))),pop_eth,24,"
	  "push_eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:09),2",
	  "eth(src=00:00:00:00:00:01),eth_type(0x1234)" },
	{ "bare as it is, and with a header of its own",
	  "in_port=1,actions=decap(),output:18,output:18,encap(ethernet),output:2",
	  "in_port(1)," OTHER,
	  "set(tunnel(dst=5.5.5.5,ttl=64,tp_dst=6635,flags(df))),pop_eth,24,24,"
	  "push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00),2",
	  NULL },
	{ "bare to a port that carries Ethernet", "in_port=1,actions=decap(),output:11,output:2",
	  "in_port(1)," OTHER, "drop", NULL },
	{ "the tag goes before the header it is in",
	  "in_port=1,dl_vlan=5,actions=strip_vlan,output:18",
	  "in_port(1)," ETH
	  "eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_type(0x0800),ipv4(frag=no))",
	  "set(tunnel(dst=5.5.5.5,ttl=64,tp_dst=6635,flags(df))),pop_vlan,pop_eth,24", NULL },
	{ "tagged, where there is no place for it",
	  "in_port=1,actions=push_vlan:0x8100,output:18,output:2", "in_port(1)," OTHER,
	  "push_vlan(vid=0,pcp=0),2", NULL },
	{ "all ports, those of layer 3 too", "in_port=2,actions=ALL", "in_port(2)," OTHER,
	  "1,set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20,"
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key))),22,"
	  "set(tunnel(dst=2.2.2.2,ttl=64,flags(df))),22,"
	  "set(tunnel(tun_id=0x3,dst=1.1.1.1,ttl=64,erspan(ver=1,idx=0x9),flags(df|key))),23,"
	  "set(tunnel(tun_id=0x3,dst=2.2.2.2,ttl=64,erspan(ver=2,dir=1,hwid=0x5),flags(df|key))),"
	  "23,"
	  "set(tunnel(dst=4.4.4.4,ttl=64,tp_dst=4789,flags(df))),set(skb_mark(0x7)),20,"
	  "set(tunnel(dst=5.5.5.5,ttl=64,tp_dst=6635,flags(df))),pop_eth,set(skb_mark(0)),24",
	  NULL },
	{ "where a switch that learns floods, not those of layer 3", "in_port=2,actions=NORMAL",
	  "in_port(2)," OTHER,
	  "1,set(tunnel(tun_id=0x5,dst=1.1.1.1,ttl=64,tp_dst=4789,flags(df|key))),20,"
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key))),22,"
	  "set(tunnel(dst=2.2.2.2,ttl=64,flags(df))),22,"
	  "set(tunnel(tun_id=0x3,dst=1.1.1.1,ttl=64,erspan(ver=1,idx=0x9),flags(df|key))),23,"
	  "set(tunnel(tun_id=0x3,dst=2.2.2.2,ttl=64,erspan(ver=2,dir=1,hwid=0x5),flags(df|key))),"
	  "23,"
	  "set(tunnel(dst=4.4.4.4,ttl=64,tp_dst=4789,flags(df))),set(skb_mark(0x7)),20",
	  NULL },
	// Out of tunnels.
	{ "received without an Ethernet header",
	  "in_port=18,actions=set_field:00:00:00:00:00:09->eth_dst,output:2",
	  "tunnel(src=5.5.5.5,dst=9.9.9.9),in_port(24),packet_type(ns=1,id=0x0800),ipv4(src=1.2.3."
	  "4,frag=no)",
	  "push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:09),2",
	  "in_port(24),packet_type(ns=1,id=0x800),ipv4(frag=no)" },
	{ "received without, and taken off nevertheless",
	  "in_port=18,ip,actions=decap(),dec_ttl,encap(ethernet),output:2",
	  "tunnel(src=5.5.5.5,dst=9.9.9.9),in_port(24),packet_type(ns=1,id=0x0800),ipv4(src=1.2.3."
	  "4,ttl=9,frag=no)",
	  "set(ipv4(ttl=8)),push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00),2", NULL },
	{ "from one without to another", "in_port=18,actions=in_port",
	  "tunnel(src=5.5.5.5,dst=9.9.9.9),in_port(24),packet_type(ns=1,id=0x0800),ipv4(src=1.2.3."
	  "4,frag=no)",
	  "set(tunnel(dst=5.5.5.5,ttl=64,tp_dst=6635,flags(df))),24", NULL },
	{ "received", "in_port=11,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,ttl=4,flags(df|csum|key)),in_port(20)," OTHER,
	  "2", "tunnel(tun_id=0x5,src=1.1.1.1,dst=9.9.9.9,flags(+key)),recirc_id(0),in_port(20)" },
	{ "a field goes to another of another width",
	  "in_port=11,actions=move:tun_id[0..31]->reg0[],move:reg0[0..15]->eth_dst[16..31],output:"
	  "2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,flags(key)),in_port(20)," OTHER,
	  "set(eth(dst=00:00:00:05:00:00/00:00:ff:ff:00:00)),2", NULL },
	{ "received, the flow's key matched",
	  "in_port=12,tun_id=5,tun_src=1.1.1.0/24,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,flags(df|csum|key)),in_port(21)," OTHER, "2",
	  "tunnel(tun_id=0x5,src=1.1.1.0/255.255.255.0,dst=9.9.9.9,flags(+key))" },
	{ "congestion comes in", "in_port=11,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,tos=0x3),in_port(20)," ECT1,
	  "set(ipv4(tos=0x3/0x3)),2",
	  "tos=0x3/"
	  "0x3,flags(+key)),recirc_id(0),in_port(20),packet_type(ns=0,id=0),eth_type(0x0800),"
	  "ipv4(tos=0x1/0x3,frag=no)" },
	{ "and is there already", "in_port=11,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,tos=0x3),in_port(20)," CE, "2", NULL },
	{ "nobody to be told of it", "in_port=11,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,tos=0x3),in_port(20)," IP, "drop",
	  "ipv4(tos=0/0x3,frag=no)" },
	{ "no congestion", "in_port=11,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,tos=0x21),in_port(20)," IP, "2",
	  "tos=0x1/"
	  "0x3,flags(+key)),recirc_id(0),in_port(20),packet_type(ns=0,id=0),eth_type(0x0800),"
	  "ipv4(frag=no)" },
	{ "from tunnel to tunnel", "in_port=11,actions=output:13",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9),in_port(20)," OTHER,
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key))),22", NULL },
	{ "not to ourselves", "in_port=11,actions=output:13,output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=1.1.1.1),in_port(20)," OTHER, "2", "dst=1.1.1.1" },
	{ "an option is matched", "in_port=12,tun_metadata0=6,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,geneve({class=0x999,type=1,len=4,0x1}{class="
	  "0x102,type="
	  "0x80,len=4,0x6}{class=0x102,type=0x81,len=4,0x1})),in_port(21)," OTHER,
	  "2",
	  "geneve({class=0x999,type=0x1,len=4,0/"
	  "0}{class=0x102,type=0x80,len=4,0x6}{class=0x102,type="
	  "0x81,len=4,0/0})" },
	{ "an option is not there", "in_port=12,tun_metadata0=0,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9),in_port(21)," OTHER, "drop", "geneve()" },
	{ "options that nobody looks at", "in_port=12,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,geneve({class=0x102,type=0x80,len=4,0x6})),in_"
	  "port(21)," OTHER,
	  "2", "tunnel(dst=9.9.9.9),recirc_id(0),in_port(21)" },
	{ "options go on, but for those without a field",
	  "in_port=12,actions=set_field:3.3.3.3->tun_dst,in_port",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,geneve({class=0x999,type=1,len=4,0x1}{class="
	  "0x102,type="
	  "0x80,len=4,0x6})),in_port(21)," OTHER,
	  "set(tunnel(tun_id=0x5,dst=3.3.3.3,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len="
	  "4,0x6}),"
	  "flags(df|key))),21",
	  NULL },
	{ "options in a tunnel that has none", "in_port=11,tun_metadata0=0,actions=output:2",
	  "tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9),in_port(20)," OTHER, "drop",
	  "tunnel(tun_id=0x5,src=1.1.1.1,dst=9.9.9.9,flags(+key)),recirc_id(0)" },
};

static void add_tunnels(void)
{
	must_add_tunnel(11, VXLAN, TUNNEL_VXLAN, "remote_ip=1.1.1.1 key=5");
	must_add_tunnel(12, GENEVE, TUNNEL_GENEVE, "remote_ip=flow key=flow");
	must_add_tunnel(
		13, GRE, TUNNEL_GRE,
		"remote_ip=1.1.1.1 local_ip=8.8.8.8 key=7 tos=inherit ttl=inherit df_default=false "
		"csum=true");
	must_add_tunnel(14, GRE, TUNNEL_GRE, "remote_ip=2.2.2.2");
	must_add_tunnel(15, GRE + 1, TUNNEL_ERSPAN,
			"remote_ip=1.1.1.1 key=3 erspan_ver=1 erspan_idx=9");
	must_add_tunnel(16, GRE + 1, TUNNEL_ERSPAN,
			"remote_ip=2.2.2.2 key=3 erspan_ver=2 erspan_dir=1 erspan_hwid=5");
	must_add_tunnel(17, VXLAN, TUNNEL_VXLAN, "remote_ip=4.4.4.4 egress_pkt_mark=7");
	must_add_tunnel(18, GRE + 2, TUNNEL_BAREUDP,
			"remote_ip=5.5.5.5 dst_port=6635 payload_type=ip");
}

START_TEST(an_outer_header_stays_behind_a_patch)
{
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_key dp_key, key;
	struct tunnel_lookup l;
	struct xlate_result r;

	add_tunnels();
	add_rule(sw, "in_port=11,actions=output:90,resubmit(,1)");
	add_rule(sw, "table=1,tun_id=5,actions=output:2");
	add_rule(other, "tun_id=5,actions=drop");
	add_rule(other, "tun_id=0,tun_dst=0.0.0.0,actions=output:1");
	parse_key("tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,flags(key)),in_port(20)," IP, &dp_key);
	translate(&dp_key, &key, &l, &r);
	dp_actions_format(dp_actions_of(&r.actions), NULL, NULL, &actions);
	ck_assert_str_eq(actions.s, "31,2");
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(packets_go_in_and_come_out)
{
	AUTO(strbuf) actions = STRBUF_INIT, megaflow = STRBUF_INIT;
	struct flow_key dp_key, key;
	struct tunnel_lookup l;
	struct of_switch *found;
	struct xlate_result r;
	of_port_t number;

	add_tunnels();
	map_options();
	add_rule(sw, rows[_i].flow);
	parse_key(rows[_i].packet, &dp_key);
	key = dp_key;
	struct xlate_input in = { .sw = sw, .key = &key };

	if (flow_tunnel_is_set(&key.tunnel)) {
		ck_assert(tunnel_table_find(table, DP_PORT(key.in_port), &key.tunnel,
					    key.packet_type, &found, &number, &l));
		key.in_port = number.n;
		in.tunnel = &l;
	}
	tlv_to_pipeline(switch_tlv_map(sw), &key.tunnel);
	xlate(&in, &r);
	dp_actions_format(dp_actions_of(&r.actions), NULL, NULL, &actions);
	ck_assert_msg(!strcmp(actions.s, rows[_i].actions), "%s: %s, expected %s", rows[_i].name,
		      actions.s, rows[_i].actions);
	tlv_mask_to_datapath(switch_tlv_map(sw), &dp_key.tunnel, &r.mask.m.tunnel);
	flow_key_masked(&key, &dp_key, &r.mask);
	dp_key_format(&key, &r.mask, NULL, NULL, false, &megaflow);
	ck_assert_msg(!rows[_i].megaflow || strstr(megaflow.s, rows[_i].megaflow), "%s: %s",
		      rows[_i].name, megaflow.s);
	xlate_result_uninit(&r);
}
END_TEST

// ---- Round through connection tracking ----

static const struct {
	const char *name, *first, *second, *header, *actions, *megaflow;
} rounds[] = {
	{ "the header that came is there again", "in_port=11,ip,actions=ct(table=1)",
	  "table=1,tun_id=5,actions=output:2", NULL, "2",
	  "tunnel(tun_id=0x5,dst=9.9.9.9,flags(+key))," },
	{ "and not sent to ourselves", "in_port=11,ip,actions=ct(table=1)",
	  "table=1,actions=output:13,output:2", "tunnel(src=1.1.1.1,dst=1.1.1.1),in_port(20)", "2",
	  "tunnel(dst=1.1.1.1)," },
	{ "what was set goes round", "in_port=11,ip,actions=set_field:77->tun_id,ct(table=1)",
	  "table=1,tun_id=77,actions=output:2", NULL, "2", "tunnel(dst=9.9.9.9)," },
	{ "a header set for a port is not the packet's",
	  "in_port=11,ip,actions=output:13,ct(table=1)",
	  "table=1,tun_id=5,tun_dst=9.9.9.9,actions=output:13",
	  "tunnel(tun_id=7,src=8.8.8.8,dst=1.1.1.1,ttl=64,flags(csum|key)),in_port(20)",
	  "set(tunnel(tun_id=0x7,src=8.8.8.8,dst=1.1.1.1,tos=0x20,ttl=9,flags(csum|key))),22",
	  "recirc_id(0x1)," },
	{ "nor is one that stayed behind a patch", "in_port=11,ip,actions=output:90",
	  "table=1,actions=output:2", NULL, "31", "recirc_id(0x1)," },
};

static uint32_t recirc_id_of(struct dp_actions actions)
{
	const struct dp_action *a;
	uint32_t id = 0;

	DP_ACTION_FOR_EACH (a, actions) {
		id = a->type == DP_ACTION_RECIRC ? a->recirc.id : recirc_id_of(dp_action_nested(a));
		if (id)
			break;
	}
	return id;
}

START_TEST(packets_go_round)
{
	AUTO(strbuf) actions = STRBUF_INIT, megaflow = STRBUF_INIT;
	struct xlate_result first, second;
	struct flow_key dp_key, key;
	struct tunnel_lookup l;

	add_tunnels();
	add_rule(sw, rounds[_i].first);
	add_rule(sw, rounds[_i].second);
	add_rule(other, "ip,actions=ct(table=1)");
	add_rule(other, "table=1,tun_id=0,tun_dst=0.0.0.0,actions=output:1");
	parse_key("tunnel(tun_id=5,src=1.1.1.1,dst=9.9.9.9,flags(key)),in_port(20)," IP, &dp_key);
	translate(&dp_key, &key, &l, &first);
	if (rounds[_i].header) {
		AUTO(strbuf) text = STRBUF_INIT;

		strbuf_printf(&text, "%s,%s", rounds[_i].header, IP);
		parse_key(strbuf_cstr(&text), &dp_key);
	}
	dp_key.recirc_id = recirc_id_of(dp_actions_of(&first.actions));
	ck_assert_uint_ne(dp_key.recirc_id, 0);
	dp_key.ct_state = CS_TRK | CS_NEW;
	translate(&dp_key, &key, NULL, &second);
	dp_actions_format(dp_actions_of(&second.actions), NULL, NULL, &actions);
	ck_assert_str_eq(actions.s, rounds[_i].actions);
	dp_key.recirc_id = 1;
	tlv_mask_to_datapath(NULL, &dp_key.tunnel, &second.mask.m.tunnel);
	flow_key_masked(&key, &dp_key, &second.mask);
	dp_key_format(&key, &second.mask, NULL, NULL, false, &megaflow);
	ck_assert_msg(strstr(megaflow.s, rounds[_i].megaflow) == megaflow.s, "%s: %s",
		      rounds[_i].name, megaflow.s);
	xlate_result_uninit(&first);
	xlate_result_uninit(&second);
}
END_TEST

// ---- The map of options ----

static const struct {
	const char *name, *text;
	uint16_t command;
	enum ofperr answer;
} changes[] = {
	{ "another field", "{class=0x103,type=0,len=4}->tun_metadata1", TLV_ADD, OFPERR_NONE },
	{ "the field is taken", "{class=0x103,type=0,len=4}->tun_metadata0", TLV_ADD,
	  OFPERR_NXTTMFC_ALREADY_MAPPED },
	{ "the option is taken", "{class=0x102,type=0x80,len=4}->tun_metadata9", TLV_ADD,
	  OFPERR_NXTTMFC_DUP_ENTRY },
	{ "twice in one",
	  "{class=0x103,type=0,len=4}->tun_metadata1,{class=0x103,type=0,len=4}->tun_metadata2",
	  TLV_ADD, OFPERR_NXTTMFC_DUP_ENTRY },
	{ "too long so far", "{class=0x103,type=0,len=8}->tun_metadata1", TLV_ADD,
	  OFPERR_NXTTMFC_BAD_OPT_LEN },
	{ "no such field", "{class=0x103,type=0,len=4}->tun_metadata64", TLV_ADD,
	  OFPERR_NXTTMFC_BAD_FIELD_IDX },
	{ "taken away", "{class=0x102,type=0x81,len=4}->tun_metadata5", TLV_DELETE, OFPERR_NONE },
	{ "not there", "{class=0x103,type=0x81,len=4}->tun_metadata5", TLV_DELETE, OFPERR_NONE },
	{ "matched by a rule", "{class=0x102,type=0x80,len=4}->tun_metadata0", TLV_DELETE,
	  OFPERR_NXTTMFC_INVALID_TLV_DEL },
};

START_TEST(the_map_changes)
{
	struct tlv_table_mod mod = { .command = changes[_i].command };

	map_options();
	add_rule(sw, "tun_metadata0=1,actions=drop");
	ck_assert_int_eq(tlv_mappings_parse(changes[_i].text, &mod), 0);
	ck_assert_msg(switch_tlv_mod(sw, &mod) == changes[_i].answer, "%s", changes[_i].name);
}
END_TEST

START_TEST(rules_need_the_map)
{
	struct tlv_table_mod clear = { .command = TLV_CLEAR };
	static const char *const texts[] = {
		"tun_metadata1=1,actions=drop",
		"actions=set_field:1->tun_metadata1",
		"actions=clone(move:NXM_NX_TUN_METADATA1[]->NXM_NX_REG0[])",
		"ip,actions=ct(commit,exec(move:NXM_NX_TUN_METADATA1[0..31]->NXM_NX_CT_MARK[]))",
		"ip,actions=ct(zone=NXM_NX_TUN_METADATA1[0..15])",
		"actions=check_pkt_larger(100)->NXM_NX_TUN_METADATA1[0]",
		"actions=push:NXM_NX_TUN_METADATA1[0..3]",
		"actions=pop:NXM_NX_TUN_METADATA1[0..3]",
		"actions=delete_field:tun_metadata1",
		"actions=output:NXM_NX_TUN_METADATA1[0..15]",
		"actions=multipath(eth_src,0,hrw,4,0,NXM_NX_TUN_METADATA1[0..3])",
		"actions=bundle_load(eth_src,0,hrw,ofport,NXM_NX_TUN_METADATA1[0..15],members:2)",
		"actions=learn(table=1,NXM_NX_TUN_METADATA1[])",
		"actions=learn(table=1,load:5->NXM_NX_TUN_METADATA1[])",
		"actions=learn(table=1,result_dst=NXM_NX_TUN_METADATA1[0])",
		"actions=sample(probability=1,obs_domain_id=NXM_NX_TUN_METADATA1[0..31])",
		"actions=sample(probability=1,obs_point_id=NXM_NX_TUN_METADATA1[0..31])",
	};

	map_options();
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(try_flow_mod(sw, FM_ADD, texts[i]) == OFPERR_NXFMFC_INVALID_TLV_FIELD,
			      "%s", texts[i]);
	add_rule(sw, "actions=set_field:1->tun_metadata5");
	ck_assert_int_eq(switch_tlv_mod(sw, &clear), OFPERR_NXTTMFC_INVALID_TLV_DEL);
	switch_flush(sw);
	ck_assert_int_eq(switch_tlv_mod(sw, &clear), OFPERR_NONE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/tunnel");
	TCase *t = tcase_create("tunnel");

	rcu_thread_begin();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, the_tunnel_that_asks_for_most_is_found, 0, ARRAY_SIZE(lookups));
	tcase_add_test(t, of_two_tunnels_alike_the_second_is_refused);
	tcase_add_test(t, many_come_and_go);
	tcase_add_test(t, a_change_makes_translations_outdated);
	tcase_add_loop_test(t, packets_go_in_and_come_out, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, an_outer_header_stays_behind_a_patch);
	tcase_add_loop_test(t, packets_go_round, 0, ARRAY_SIZE(rounds));
	tcase_add_loop_test(t, the_map_changes, 0, ARRAY_SIZE(changes));
	tcase_add_test(t, rules_need_the_map);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
