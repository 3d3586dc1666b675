// SPDX-License-Identifier: Apache-2.0
// options:packet_type: tunnels are told apart by it, and packets with and without an Ethernet header go through as it says.
#include "tests/unit/pipeline/tunnels.h"

// The key says which port it is, but for 30, which three have.
static void add_packet_types(void)
{
	must_add_tunnel(33, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=30 packet_type=ptap");
	must_add_tunnel(31, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=30 packet_type=legacy_l2");
	must_add_tunnel(32, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=30 packet_type=legacy_l3");
	must_add_tunnel(34, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=34 packet_type=ptap");
	must_add_tunnel(35, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=35 packet_type=legacy_l2");
	must_add_tunnel(36, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=36 packet_type=legacy_l3");
	must_add_tunnel(37, GRE, TUNNEL_GRE, "remote_ip=flow key=flow packet_type=legacy_l3");
}

static const struct {
	uint64_t key;
	bool bare;
	uint32_t number; // 0: nobody's
} typed[] = {
	{ 30, false, 31 }, { 30, true, 32 }, { 34, false, 34 }, { 34, true, 34 }, { 35, false, 35 },
	{ 35, true, 37 },  { 36, false, 0 }, { 36, true, 36 },	{ 38, false, 0 }, { 38, true, 37 },
};

START_TEST(a_tunnel_is_found_by_what_it_carries)
{
	struct flow_tunnel header = { .tun_id = htobe64(typed[_i].key),
				      .ip_src = htobe32(0x01010101),
				      .ip_dst = htobe32(0x09090909) };
	struct tunnel_lookup l;
	struct of_switch *found;
	of_port_t number = OF_PORT(0);

	add_packet_types();
	ck_assert(tunnel_table_find(table, DP_PORT(GRE), &header, typed[_i].bare, &found, &number,
				    &l) == !!typed[_i].number);
	ck_assert_uint_eq(number.n, typed[_i].number);
}
END_TEST

START_TEST(tunnels_that_carry_the_same_are_alike)
{
	static const char *const types[] = { "legacy_l2", "legacy_l3", "ptap" };

	add_packet_types();
	for (uint32_t i = 0; i < ARRAY_SIZE(types); i++) {
		AUTO_FREE char *options =
			xasprintf("remote_ip=1.1.1.1 key=30 packet_type=%s", types[i]);
		AUTO_FREE char *text = xasprintf(
			"t40: attempting to add tunnel port with same config as port 't%u' "
			"(::->1.1.1.1, key=0x1e, %s, dp port=22)",
			31 + i, types[i]);
		struct error err = ERROR_INIT;

		ck_assert_int_eq(add_tunnel(40, GRE, TUNNEL_GRE, options, &err), -EEXIST);
		ck_assert_str_eq(err.text, text);
	}
}
END_TEST

#define CAME(KEY) "tunnel(tun_id=" KEY ",src=1.1.1.1,dst=9.9.9.9,flags(key)),in_port(22),"
#define BARE "packet_type(ns=1,id=0x800),ipv4(src=1.2.3.4,ttl=9,frag=no)"
#define INTO(KEY) "set(tunnel(tun_id=" KEY ",dst=1.1.1.1,ttl=64,flags(df|key)))"

static const struct {
	const char *name, *flow, *packet, *actions;
} typed_rows[] = {
	{ "ptap: bare in and out", "in_port=34,packet_type=(1,0x800),actions=in_port",
	  CAME("34") BARE, INTO("0x22") ",22" },
	{ "ptap: Ethernet in and out", "in_port=34,packet_type=(0,0),actions=in_port",
	  CAME("34") IP, INTO("0x22") ",22" },
	{ "ptap: bare is no Ethernet", "in_port=34,ip,actions=in_port", CAME("34") BARE, "drop" },
	{ "ptap: bare to a port of Ethernet", "in_port=34,actions=output:1,output:35",
	  CAME("34") BARE, "drop" },
	{ "ptap: with a header there, too",
	  "in_port=34,packet_type=(1,0x800),actions=encap(ethernet),output:1", CAME("34") BARE,
	  "push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00),1" },
	{ "ptap to legacy_l3, bare", "in_port=34,actions=output:36", CAME("34") BARE,
	  INTO("0x24") ",22" },
	{ "ptap to legacy_l3, Ethernet", "in_port=34,actions=output:36", CAME("34") IP,
	  INTO("0x24") ",pop_eth,22" },
	{ "legacy_l3 is Ethernet in the pipeline", "in_port=36,ip,actions=output:35,output:34",
	  CAME("36") BARE,
	  INTO("0x23") ",push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00),22," INTO(
		  "0x22") ",22" },
	{ "legacy_l3 is not bare there", "in_port=36,packet_type=(1,0x800),actions=output:34",
	  CAME("36") BARE, "drop" },
	{ "after legacy_l3 the header comes back", "in_port=35,actions=output:36,output:34",
	  CAME("35") IP,
	  INTO("0x24") ",pop_eth,22," INTO("0x22") ",push_eth(src=00:00:00:00:00:01,dst="
						   "00:00:00:00:00:02),22" },
	{ "a device of Ethernet alone takes no bare packet",
	  "in_port=34,actions=output:38,output:36", CAME("34") BARE, INTO("0x24") ",22" },
	{ "but others", "in_port=34,actions=output:38", CAME("34") IP, INTO("0x26") ",22" },
};

// What a datapath says of its device.
static void carries_ethernet_only(uint32_t number)
{
	struct of_port *p = switch_port_find(sw, OF_PORT(number));
	struct port_settings s = *RCU_GET(p->settings);

	s.tunnel.ethernet_only = true;
	switch_port_set(sw, p, &s);
}

START_TEST(packets_are_what_their_tunnels_carry)
{
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_key dp_key, key;
	struct tunnel_lookup l;
	struct xlate_result r;

	add_packet_types();
	must_add_tunnel(38, GRE, TUNNEL_GRE, "remote_ip=1.1.1.1 key=38 packet_type=ptap");
	carries_ethernet_only(38);
	add_rule(sw, typed_rows[_i].flow);
	parse_key(typed_rows[_i].packet, &dp_key);
	translate(&dp_key, &key, &l, &r);
	dp_actions_format(dp_actions_of(&r.actions), NULL, NULL, &actions);
	ck_assert_msg(!strcmp(actions.s, typed_rows[_i].actions), "%s: %s, expected %s",
		      typed_rows[_i].name, actions.s, typed_rows[_i].actions);
	ck_assert_uint_eq(r.mask.m.packet_type, UINT32_MAX);
	xlate_result_uninit(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/tunnel-packets");
	TCase *t = tcase_create("packet types");

	rcu_thread_begin();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, a_tunnel_is_found_by_what_it_carries, 0, ARRAY_SIZE(typed));
	tcase_add_test(t, tunnels_that_carry_the_same_are_alike);
	tcase_add_loop_test(t, packets_are_what_their_tunnels_carry, 0, ARRAY_SIZE(typed_rows));
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
