// SPDX-License-Identifier: Apache-2.0
// VLANs of ports: what packets NORMAL takes and with what tags it sends them, which of their tags' bits decide that, and what becomes of
// the stations of a port whose VLANs change. That Debian's sends the same is tests/integration/switch/test_peer_port_vlans.py.
#include <stdio.h>

#include "ofproto/pipeline/mac-table.h"
#include "tests/unit/pipeline/translated.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static void setup(void)
{
	patched_switches("actions=drop", &sw, &other);
	add_rule(sw, "actions=NORMAL");
	// Who is flooded to says so.
	for (uint32_t port = 3; port <= 10; port += 7)
		switch_port_set_state(sw, switch_port_find(sw, OF_PORT(port)), PORT_CONFIG_NO_FLOOD,
				      0);
}

static void teardown(void)
{
	end_switches(sw, other);
}

// "dot1q-tunnel 5 never": mode, tag, priority tags. All VLANs, the types of 802.1ad.
static struct port_settings settings_of(const char *text)
{
	static const char *const modes[] = { "trunk", "access", "native-tagged", "native-untagged",
					     "dot1q-tunnel" };
	static const char *const priorities[] = { "never", "if-nonzero", "always" };
	struct port_settings s = { .qinq_tpid = htobe16(0x88a8) };
	char mode[16], priority[16] = "never";
	int tag = 0, m = 0, p = 0;

	sscanf(text, "%15s %d %15s", mode, &tag, priority);
	while (strcmp(modes[m], mode))
		ck_assert_int_lt(++m, ARRAY_SIZE(modes));
	while (strcmp(priorities[p], priority))
		ck_assert_int_lt(++p, ARRAY_SIZE(priorities));
	s.vlan_mode = m;
	s.tag = tag;
	s.priority_tags = p;
	memset(s.trunks, 0xff, sizeof(s.trunks));
	memset(s.cvlans, 0xff, sizeof(s.cvlans));
	return s;
}

static void set_port(uint32_t number, const char *text)
{
	struct port_settings s = settings_of(text);

	switch_port_set(sw, switch_port_find(sw, OF_PORT(number)), &s);
}

#define ARP "arp,in_port=1,dl_src=00:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff"

// With these tags, "88a8:5.3 8100:7": type, VLAN and priority, outermost first.
static struct flow_key tagged(const char *tags)
{
	struct flow_key key = packet_of(ARP);
	unsigned int tpid, vid, pcp;
	int n = 0;

	for (int i = 0; sscanf(tags, "%x:%u.%u%n", &tpid, &vid, &pcp, &n) == 3; i++, tags += n)
		key.vlans[i] = (struct flow_vlan){ htobe16(tpid), htobe16(VLAN_PRESENT | vid |
									  pcp << VLAN_PCP_SHIFT) };
	return key;
}

// What of the tags is looked at: "-" for a tag that is not there, v for its VLAN, p for its priority.
static void looked_at(const struct xlate_result *r, const struct flow_key *key, char ret[8])
{
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		uint16_t m = be16toh(r->mask.m.vlans[i].tci);

		ret += sprintf(ret, "%s%s%s%s", i ? " " : "", key->vlans[i].tci ? "" : "-",
			       key->vlans[i].tci && m & VLAN_VID_MASK ? "v" : "",
			       key->vlans[i].tci && m & VLAN_PCP_MASK ? "p" : "");
		if (!key->vlans[i].tci)
			break;
	}
}

static const struct {
	const char *name, *in, *out, *tags, *actions, *looked_at;
} cases[] = {
	{ "a trunk's packet passes whatever its priority", "trunk", "trunk", "8100:5.3", "2",
	  "v -" },
	{ "nor does the VLAN inside matter but for being one", "trunk", "trunk",
	  "88a8:5.3 8100:7.1", "2", "v v" },
	{ "a tag that goes is known", "trunk", "access 5", "8100:5.3", "pop_vlan,2", "vp -" },
	{ "a tag that changes is known", "native-tagged 5", "trunk", "88a8:0.3",
	  "pop_vlan,push_vlan(tpid=0x88a8,vid=5,pcp=3),2", "vp -" },
	{ "a priority stays between trunks", "trunk", "trunk", "8100:0.3", "2", "vp -" },
	{ "no priority does not", "trunk", "trunk", "8100:0.0", "pop_vlan,2", "vp -" },
	{ "unless it is asked for", "trunk", "trunk 0 always", "8100:0.0", "2", "vp -" },
	{ "a priority stays behind the tag that went", "trunk", "access 5 if-nonzero", "8100:5.3",
	  "pop_vlan,push_vlan(vid=0,pcp=3),2", "vp -" },
	{ "a tag of VLAN 0 takes the one inside with it", "trunk", "trunk", "8100:0.0 8100:7.0",
	  "pop_vlan,pop_vlan,2", "vp vp" },
	{ "an access port gets no customer's VLAN", "trunk", "access 5", "88a8:5.0 8100:7.0",
	  "drop", "v v" },
	{ "it gets a customer's priority, without the tag", "trunk", "access 5",
	  "88a8:5.0 8100:0.3", "pop_vlan,pop_vlan,2", "vp vp" },
	{ "an access port takes no tag", "access 5", "trunk", "8100:5.3", "drop", "v -" },
	{ "nor what is in one of VLAN 0", "access 5", "trunk", "8100:0.0 8100:7.0",
	  "pop_vlan,pop_vlan,push_vlan(vid=5,pcp=0),2", "vp vp" },
	{ "a tunnel's tag is put on top of one whose priority is of no concern", "dot1q-tunnel 5",
	  "trunk", "8100:7.3", "push_vlan(tpid=0x88a8,vid=5,pcp=0),2", "v -" },
	{ "of what has none", "dot1q-tunnel 5", "trunk", "", "push_vlan(tpid=0x88a8,vid=5,pcp=0),2",
	  "-" },
	{ "with the customer's priority where that is asked for", "dot1q-tunnel 5",
	  "trunk 0 if-nonzero", "8100:7.3", "push_vlan(tpid=0x88a8,vid=5,pcp=3),2", "vp -" },
	{ "in place of a second one of his", "dot1q-tunnel 5", "trunk", "8100:7.3 8100:8.1",
	  "pop_vlan,pop_vlan,push_vlan(vid=7,pcp=3),push_vlan(tpid=0x88a8,vid=5,pcp=0),2",
	  "vp vp" },
	{ "whose likeness is chance", "dot1q-tunnel 5", "trunk", "8100:7.3 8100:7.3",
	  "pop_vlan,push_vlan(tpid=0x88a8,vid=5,pcp=0),2", "vp vp" },
	{ "between tunnels nothing is put on", "dot1q-tunnel 5", "dot1q-tunnel 5", "8100:7.3", "2",
	  "v -" },
	{ "out of a tunnel what is inside stays", "trunk", "dot1q-tunnel 5", "88a8:5.1 8100:7.3",
	  "pop_vlan,2", "vp vp" },
	{ "VLANs of tunnels differ", "dot1q-tunnel 5", "dot1q-tunnel 6", "8100:7.3", "drop",
	  "v -" },
	{ "to an access port no customer's VLAN goes", "dot1q-tunnel 5", "access 5", "8100:7.3",
	  "drop", "v -" },
	{ "but his priority", "dot1q-tunnel 5", "access 5 if-nonzero", "88a8:0.3",
	  "pop_vlan,push_vlan(vid=0,pcp=3),2", "vp -" },
};

START_TEST(tags_are_those_of_the_ports)
{
	struct flow_key key = tagged(cases[_i].tags);
	struct xlate_result r;
	char looked[8];

	set_port(1, cases[_i].in);
	set_port(2, cases[_i].out);
	check_actions(sw, cases[_i].name, &key, cases[_i].actions, &r);
	looked_at(&r, &key, looked);
	ck_assert_msg(!strcmp(looked, cases[_i].looked_at), "%s: looked at %s instead of %s",
		      cases[_i].name, looked, cases[_i].looked_at);
	xlate_result_uninit(&r);
}
END_TEST

static void only_cvlan(uint32_t number, uint16_t vid)
{
	struct port_settings s = settings_of("dot1q-tunnel 5");

	memset(s.cvlans, 0, sizeof(s.cvlans));
	s.cvlans[vid / 64] = UINT64_C(1) << vid % 64;
	switch_port_set(sw, switch_port_find(sw, OF_PORT(number)), &s);
}

static const struct {
	const char *name, *tags;
	uint16_t in, out; // the one customer's VLAN of each
	const char *actions;
} customers[] = {
	{ "taken and let out", "8100:7.0", 7, 7, "2" }, { "not taken", "8100:8.0", 7, 8, "drop" },
	{ "not let out", "8100:7.0", 7, 8, "drop" },	{ "no tag is VLAN 0", "", 0, 0, "2" },
	{ "which is not VLAN 7", "", 7, 0, "drop" },
};

START_TEST(tunnels_take_and_let_out_their_customers_vlans)
{
	struct flow_key key = tagged(customers[_i].tags);
	struct xlate_result r;

	only_cvlan(1, customers[_i].in);
	only_cvlan(2, customers[_i].out);
	check_actions(sw, customers[_i].name, &key, customers[_i].actions, &r);
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(a_patch_carries_the_tunnels_tag)
{
	struct flow_key key = tagged("8100:7.3");
	struct xlate_result r;

	switch_port_set_state(sw, switch_port_find(sw, OF_PORT(10)), 0, 0);
	add_rule(other, "priority=65535,dl_vlan=5,dl_vlan_pcp=0,actions=strip_vlan,output:1");
	set_port(1, "dot1q-tunnel 5");
	check_actions(sw, "the other switch sees VLAN 5, and the customer's inside", &key,
		      "push_vlan(tpid=0x88a8,vid=5,pcp=0),2,pop_vlan,11", &r);
	xlate_result_uninit(&r);
}
END_TEST

static const struct eth_addr station = { { 0, 0, 0, 0, 0, 1 } };

static bool knows(uint16_t vlan)
{
	of_port_t port;

	return mac_table_find(switch_macs(sw), station, vlan, &port, NULL);
}

static void hear(const char *tags, struct xlate_result *ret)
{
	struct flow_key key = tagged(tags);
	struct xlate_input in = { .sw = sw, .key = &key };

	xlate(&in, ret);
	xlate_apply_effects(&ret->basis);
}

START_TEST(a_customer_is_learned_in_the_services_vlan)
{
	struct xlate_result r;

	set_port(1, "dot1q-tunnel 5");
	hear("8100:7.0", &r);
	ck_assert(knows(5) && !knows(7));
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(a_port_with_other_vlans_forgets_its_stations)
{
	struct xlate_result r;

	set_port(1, "trunk");
	hear("8100:7.0", &r);
	mac_table_add_static(switch_macs(sw), station, 8, OF_PORT(1));
	mac_table_add_static(switch_macs(sw), station, 9, OF_PORT(2));
	set_port(1, "trunk 0 always");
	ck_assert(!knows(7) && !knows(8) && knows(9));
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(a_port_with_another_peer_keeps_its_stations)
{
	struct port_settings s = settings_of("trunk");
	struct xlate_result r;

	set_port(1, "trunk");
	hear("8100:7.0", &r);
	s.patch_peer[0] = 'p';
	switch_port_set(sw, switch_port_find(sw, OF_PORT(1)), &s);
	ck_assert(knows(7));
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(packets_of_before_teach_no_vlan_that_the_port_has_left)
{
	struct xlate_result r;

	set_port(1, "access 5");
	hear("", &r);
	ck_assert(knows(5));
	set_port(1, "access 6");
	xlate_apply_effects(&r.basis);
	ck_assert(!knows(5));
	xlate_result_uninit(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/port-vlan");
	TCase *t = tcase_create("port-vlan");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, tags_are_those_of_the_ports, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, tunnels_take_and_let_out_their_customers_vlans, 0,
			    ARRAY_SIZE(customers));
	tcase_add_test(t, a_patch_carries_the_tunnels_tag);
	tcase_add_test(t, a_customer_is_learned_in_the_services_vlan);
	tcase_add_test(t, a_port_with_other_vlans_forgets_its_stations);
	tcase_add_test(t, a_port_with_another_peer_keeps_its_stations);
	tcase_add_test(t, packets_of_before_teach_no_vlan_that_the_port_has_left);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
