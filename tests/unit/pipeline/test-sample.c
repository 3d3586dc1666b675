// SPDX-License-Identifier: Apache-2.0
// What is counted by IPFIX, by what chance, with what it is told; and packets that are all translated (the slow path).
#include "core/base/counters.h"
#include "ofproto/upcall/upcall.h"
#include "tests/unit/pipeline/translated.h"

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static void setup(void)
{
	patched_switches("actions=sample(probability=65535,collector_set_id=9),1", &sw, &other);
}

static void teardown(void)
{
	end_switches(sw, other);
}

// Sets 1 and 2, the latter with tunnels.
static void count_samples(struct of_switch *s)
{
	struct sampling *counted = xzalloc(sizeof(*counted) + 2 * sizeof(counted->sets[0]));

	counted->n = 2;
	counted->sets[0].id = 1;
	counted->sets[1] = (struct sampling_set){ 2, 1 };
	switch_set_sampling(s, counted);
	free(counted);
}

#define NOWHERE "output_port=4294967295"
#define TELL(P, SET, DOMAIN, POINT, PORT) \
	"userspace(pid=0,flow_sample(probability=" #P ",collector_set_id=" #SET \
	",obs_domain_id=" #DOMAIN ",obs_point_id=" #POINT "," PORT "))"

static const struct translated_case cases[] = {
	{ "all packets",
	  { "actions=sample(probability=65535,collector_set_id=1,obs_domain_id=2,obs_point_id=3),"
	    "2" },
	  "in_port=1,udp",
	  TELL(65535, 1, 2, 3, NOWHERE) ",2",
	  "ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no" },
	{ "a share",
	  { "actions=sample(probability=655,collector_set_id=1),2" },
	  "in_port=1,udp",
	  "sample(sample=1.0%,actions(" TELL(655, 1, 0, 0, NOWHERE) ")),2",
	  "ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no" },
	{ "with ids from fields",
	  { "ip,actions=load:0xabc->reg3[],sample(probability=65535,collector_set_id=1,"
	    "obs_domain_id=reg3[4..11],obs_point_id=NXM_OF_IP_DST[0..15]),2" },
	  "in_port=1,udp,nw_dst=10.2.3.4",
	  TELL(65535, 1, 171, 772, NOWHERE) ",2",
	  "ip,in_port=1,vlan_tci=0x0000/0x1000,nw_dst=0.0.3.4/0.0.255.255,nw_frag=no" },
	{ "for nobody that is known",
	  { "actions=sample(probability=65535,collector_set_id=77),2" },
	  "in_port=1,udp",
	  TELL(65535, 77, 0, 0, NOWHERE) ",2" },
	{ "with a port",
	  { "actions=sample(probability=65535,collector_set_id=1,sampling_port=2),2" },
	  "in_port=1,udp",
	  TELL(65535, 1, 0, 0, "output_port=2") ",2" },
	{ "with a port and a direction",
	  { "actions=sample(probability=65535,collector_set_id=1,sampling_port=2,egress),2" },
	  "in_port=1,udp",
	  TELL(65535, 1, 0, 0, "output_port=2,egress") ",2" },
	{ "with the port that the packet comes from",
	  { "actions=sample(probability=65535,collector_set_id=1,sampling_port=1,ingress),2" },
	  "in_port=1,udp",
	  TELL(65535, 1, 0, 0, NOWHERE ",ingress") ",2" },
	{ "with a port that is not there",
	  { "actions=sample(probability=65535,collector_set_id=1,sampling_port=99),2" },
	  "in_port=1,udp",
	  "2" },
	{ "with a patch",
	  { "actions=sample(probability=65535,collector_set_id=1,sampling_port=10),2" },
	  "in_port=1,udp",
	  "2" },
	{ "behind a change",
	  { "ip,actions=mod_nw_src:1.1.1.1,sample(probability=65535,collector_set_id=1)" },
	  "in_port=1,udp,nw_src=2.2.2.2",
	  "set(ipv4(src=1.1.1.1))," TELL(65535, 1, 0, 0, NOWHERE) },
	{ "in a clone",
	  { "actions=clone(sample(probability=65535,collector_set_id=1)),2" },
	  "in_port=1,udp",
	  TELL(65535, 1, 0, 0, NOWHERE) ",2" },
	{ "in a clone that writes what this packet has by chance",
	  { "actions=clone(mod_dl_src:00:00:00:00:00:07,sample(probability=65535,"
	    "collector_set_id=1)),2" },
	  "in_port=1,udp,dl_src=00:00:00:00:00:07",
	  "clone(set(eth(src=00:00:00:00:00:07))," TELL(65535, 1, 0, 0, NOWHERE) "),2" },
	{ "in another bridge, where nobody counts", { "actions=10,2" }, "in_port=1,udp", "11,2" },
};

START_TEST(samples_are_told_of)
{
	count_samples(sw);
	check_translated(sw, &cases[_i]);
}
END_TEST

START_TEST(nobody_is_told_where_nobody_counts)
{
	struct translated_case c = cases[0];

	c.actions = "2";
	check_translated(sw, &c);
}
END_TEST

START_TEST(answers_end_when_others_count)
{
	struct flow_key key = packet_of("in_port=1,udp");
	struct xlate_result r;

	add_rule(sw, cases[0].rules[0]);
	count_samples(sw);
	check_actions(sw, "counted", &key, cases[0].actions, &r);
	count_samples(sw);
	ck_assert(xlate_is_current(&r.basis));
	switch_set_sampling(sw, NULL);
	ck_assert(!xlate_is_current(&r.basis));
	xlate_result_uninit(&r);
}
END_TEST

static void add_tunnel(const char *name, uint32_t number, enum tunnel_type type, const char *remote)
{
	struct port_settings s = { .vlan_mode = VLAN_TRUNK };
	AUTO(strbuf) warnings = STRBUF_INIT;
	struct error err = ERROR_INIT;
	AUTO(smap) options;

	smap_init(&options);
	smap_set(&options, "remote_ip", remote);
	if (type == TUNNEL_GRE)
		smap_set(&options, "packet_type", "legacy_l3");
	ck_assert_msg(!tunnel_config_parse(name, type, &options, &s.tunnel, &warnings, &err), "%s",
		      err.text);
	memset(s.trunks, 0xff, sizeof(s.trunks));
	switch_port_add(sw, name, OF_PORT(number), DP_PORT(60), (struct eth_addr){ { 2 } }, &s);
}

static const struct {
	const char *name, *rule, *want;
} aims[] = {
	{ "that it leads to",
	  "actions=sample(probability=65535,collector_set_id=2,sampling_port=5,egress),2",
	  "set(tunnel(dst=1.2.3.4,ttl=64,tp_dst=6081,flags(df))),userspace(pid=0,flow_sample("
	  "probability=65535,collector_set_id=2,obs_domain_id=0,obs_point_id=0,output_port=60,"
	  "egress),tunnel_out_port=60),2" },
	{ "that nobody asks for",
	  "actions=sample(probability=65535,collector_set_id=1,sampling_port=5),2",
	  TELL(65535, 1, 0, 0, "output_port=60") ",2" },
	{ "that leads nowhere",
	  "actions=sample(probability=65535,collector_set_id=2,sampling_port=6),2",
	  "userspace(pid=0,flow_sample(probability=65535,collector_set_id=2,obs_domain_id=0,"
	  "obs_point_id=0,output_port=60),tunnel_out_port=60),2" },
};

START_TEST(the_outer_header_is_told)
{
	struct flow_key key = packet_of("in_port=1,udp");
	struct xlate_result r;

	add_tunnel("t5", 5, TUNNEL_GENEVE, "1.2.3.4");
	add_tunnel("t6", 6, TUNNEL_GENEVE, "flow");
	count_samples(sw);
	add_rule(sw, aims[_i].rule);
	check_actions(sw, aims[_i].name, &key, aims[_i].want, &r);
	xlate_result_uninit(&r);
}
END_TEST

// By then it has an Ethernet header, by which its tunnel would not be found.
START_TEST(a_packet_that_came_bare_says_where_it_is)
{
	struct flow_key key = packet_of("in_port=7,packet_type=(1,0x800),tun_src=1.2.3.4");
	struct tunnel_lookup l = { .table = tunnel_table_create() };
	struct xlate_input in = { .sw = sw, .key = &key, .tunnel = &l };
	const struct dp_action *a;
	struct xlate_result r;
	unsigned int n = 0;

	add_tunnel("t7", 7, TUNNEL_GRE, "1.2.3.4");
	switch_set_sampling(sw, &(struct sampling){ UINT32_MAX, 1, 0 });
	add_rule(sw, "actions=2");
	xlate(&in, &r);
	DP_ACTION_FOR_EACH (a, dp_actions_of(&r.actions)) {
		if (a->type != DP_ACTION_USERSPACE)
			continue;
		n++;
		ck_assert_ptr_eq(recirc_find(a->userspace.recirc_id)->sw, sw);
	}
	ck_assert_uint_eq(n, 1);
	xlate_result_uninit(&r);
	tunnel_table_destroy((struct tunnel_table *)l.table);
}
END_TEST

// ---- Of all packets ----

#define IN "userspace(pid=0,ipfix(output_port=4294967295))"
#define OUT(PORT) "userspace(pid=0,ipfix(output_port=" #PORT "))"

static const struct {
	const char *name;
	struct sampling sampling;
	const char *rule, *want;
} whole[] = {
	{ "in and out", { UINT32_MAX, 1, 1 }, "actions=2,3", IN "," OUT(2) ",2," OUT(3) ",3" },
	{ "in only", { UINT32_MAX, 1, 0 }, "actions=2", IN ",2" },
	{ "out only", { UINT32_MAX, 0, 1 }, "actions=2", OUT(2) ",2" },
	{ "a share",
	  { UINT32_MAX / 2, 1, 0 },
	  "actions=2",
	  "sample(sample=50.0%,actions(" IN ")),2" },
	{ "of what is dropped", { UINT32_MAX, 1, 1 }, "actions=drop", IN },
	{ "behind changes",
	  { UINT32_MAX, 0, 1 },
	  "actions=mod_dl_src:00:00:00:00:00:09,2",
	  "set(eth(src=00:00:00:00:00:09))," OUT(2) ",2" },
	{ "the packet is cut, not its sample",
	  { UINT32_MAX, 0, 1 },
	  "actions=output(port=2,max_len=77)",
	  OUT(2) ",trunc(77),2" },
	{ "not into a patch", { UINT32_MAX, 0, 1 }, "actions=10", "11" },
};

START_TEST(a_bridge_samples_by_itself)
{
	struct flow_key key = packet_of("in_port=1,udp");
	struct xlate_result r;

	switch_set_sampling(sw, &whole[_i].sampling);
	add_rule(sw, whole[_i].rule);
	check_actions(sw, whole[_i].name, &key, whole[_i].want, &r);
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(a_bridge_behind_a_patch_samples_the_packet_as_it_comes)
{
	struct flow_key key = packet_of("in_port=1,udp");
	struct xlate_result r;

	switch_set_sampling(other, &(struct sampling){ UINT32_MAX, 1, 0 });
	add_rule(sw, "actions=mod_dl_src:00:00:00:00:00:09,10");
	check_actions(sw, "patch", &key,
		      "set(eth(src=00:00:00:00:00:09))," IN "," TELL(65535, 9, 0, 0, NOWHERE) ",11",
		      &r);
	xlate_result_uninit(&r);
}
END_TEST

START_TEST(a_bridge_behind_a_patch_samples_what_comes_to_it)
{
	struct flow_key key = packet_of("in_port=1,udp");
	const struct dp_action *a;
	struct xlate_result r;

	switch_set_sampling(other, &whole[0].sampling);
	add_rule(sw, "actions=10");
	check_actions(sw, "patch", &key, IN "," TELL(65535, 9, 0, 0, NOWHERE) "," OUT(11) ",11",
		      &r);
	// Which one it is a state says: the packet's key has the port of the first.
	DP_ACTION_FOR_EACH (a, dp_actions_of(&r.actions))
		if (a->type == DP_ACTION_USERSPACE)
			ck_assert_ptr_eq(recirc_find(a->userspace.recirc_id)->sw, other);
	xlate_result_uninit(&r);
}
END_TEST

static bool says_dropped(const char *rule)
{
	struct flow_key key = packet_of("in_port=1,udp");
	struct xlate_input in = { .sw = sw, .key = &key };
	struct xlate_result r;
	bool ret;

	must_flow_mod(sw, FM_DELETE, "");
	add_rule(sw, rule);
	xlate(&in, &r);
	ret = dp_actions_of(&r.actions).first->userspace.dropped;
	xlate_result_uninit(&r);
	return ret;
}

START_TEST(a_sample_says_whether_its_packet_goes_anywhere)
{
	count_samples(sw);
	ck_assert(says_dropped("actions=sample(probability=65535,collector_set_id=1)"));
	ck_assert(says_dropped("actions=sample(probability=65535,collector_set_id=1),controller"));
	ck_assert(!says_dropped("actions=sample(probability=65535,collector_set_id=1),2"));
	ck_assert(!says_dropped("actions=sample(probability=65535,collector_set_id=1),clone("
				"mod_dl_src:00:00:00:00:00:09,2),controller"));
}
END_TEST

// ---- The slow path ----

static const struct {
	const char *rule, *actions, *flow;
} slow[] = {
	{ "actions=debug_slow,2", "2", "userspace(pid=0,slow_path(action))" },
	{ "actions=2,clone(debug_slow,3)", "2,3", "userspace(pid=0,slow_path(action))" },
	{ "actions=debug_slow", "drop", "userspace(pid=0,slow_path(action))" },
	{ "actions=2", "2", "2" },
	// A packet that cannot be translated is dropped in the fast path.
	{ "actions=debug_slow,resubmit(,0)", "drop", "drop" },
};

static void check_flow(const struct xlate_result *r, const char *want)
{
	AUTO(strbuf) storage = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;

	dp_actions_format(xlate_flow_actions(r, &storage), NULL, NULL, &text);
	ck_assert_str_eq(strbuf_cstr(&text), want);
}

START_TEST(slow_flows_hand_their_packets_over)
{
	struct flow_key key = packet_of("in_port=1,udp");
	struct xlate_result r;

	add_rule(sw, slow[_i].rule);
	check_actions(sw, slow[_i].rule, &key, slow[_i].actions, &r);
	check_flow(&r, slow[_i].flow);
	xlate_result_uninit(&r);
}
END_TEST

static void no_packet_in(void *aux, const struct packet_in_event *e)
{
	ck_abort_msg("nobody is to be told");
}

START_TEST(their_packets_are_translated_one_by_one)
{
	static const uint8_t bytes[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	struct packet p = { .data = (uint8_t *)bytes, .size = sizeof(bytes) };
	struct dp_action a = { .type = DP_ACTION_USERSPACE,
			       .userspace = { .kind = USERSPACE_SLOW_PATH } };
	struct loop *l = loop_create();
	struct upcall_engine *u = upcall_create(l, no_packet_in, NULL);
	uint64_t before = counter_total(COUNTER_UPCALL_SLOW_PATH);
	struct packet_metadata md = { .in_port = 1 };
	AUTO(strbuf) actions = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct flow_key key;
	struct upcall up = { .packet = &p, .key = &key, .userspace = &a };

	upcall_map_port(u, DP_PORT(1), sw, OF_PORT(1));
	add_rule(sw, "actions=debug_slow,2,3");
	ck_assert(!packet_parse(&p, &md, &key));
	ck_assert(!upcall_ops()->userspace(u, &up, &actions));
	dp_actions_format(dp_actions_of(&actions), NULL, NULL, &text);
	ck_assert_str_eq(strbuf_cstr(&text), "2,3");
	ck_assert_uint_eq(counter_total(COUNTER_UPCALL_SLOW_PATH), before + 1);
	upcall_destroy(u);
	loop_destroy(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/sample");
	TCase *t = tcase_create("sample");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, samples_are_told_of, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, nobody_is_told_where_nobody_counts);
	tcase_add_test(t, answers_end_when_others_count);
	tcase_add_loop_test(t, the_outer_header_is_told, 0, ARRAY_SIZE(aims));
	tcase_add_test(t, a_packet_that_came_bare_says_where_it_is);
	tcase_add_loop_test(t, a_bridge_samples_by_itself, 0, ARRAY_SIZE(whole));
	tcase_add_test(t, a_bridge_behind_a_patch_samples_what_comes_to_it);
	tcase_add_test(t, a_bridge_behind_a_patch_samples_the_packet_as_it_comes);
	tcase_add_test(t, a_sample_says_whether_its_packet_goes_anywhere);
	tcase_add_loop_test(t, slow_flows_hand_their_packets_over, 0, ARRAY_SIZE(slow));
	tcase_add_test(t, their_packets_are_translated_one_by_one);
	suite_add_tcase(s, t);
	return suite_run(s);
}
