// SPDX-License-Identifier: Apache-2.0
// The pure step of the rte_flow backend, walked over every field and every datapath action: each compiles, or is refused
// with a reason and a name.
#include "offload/rte_flow/rte-private.h"
#include "tests/suite.h"
#include "tests/unit/offload/walk.h"

static struct rte_device device; // on paper: domain 0

static bool compile(const struct flow_key *key, const struct flow_mask *mask,
		    struct dp_actions actions, struct verdict *v)
{
	return walk_compile(&backend_rte_flow, &device, key, mask, actions, v);
}

START_TEST(every_field_compiles_or_is_refused_by_name)
{
	walk_field(&backend_rte_flow, &device, _i);
}
END_TEST

static const struct {
	const char *flow;
	bool ok;
	enum offload_reason reason;
	const char *culprit;
} flows[] = {
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(dst=10.0.0.0/"
	  "255.0.0.0,frag=no)",
	  true, REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(src=00:00:00:00:00:01),eth_type(0x86dd),"
	  "ipv6(dst="
	  "2001:db8::1,frag=no)",
	  true, REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x8100),vlan(vid=5,pcp=0),"
	  "encap(eth_"
	  "type(0x0800),ipv4(frag=no))",
	  true, REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=later)", false,
	  REASON_FIELD_UNSUPPORTED, "ip_frag" },
	{ "in_port(1),skb_mark(0x5),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4("
	  "frag=no)",
	  false, REASON_FIELD_UNSUPPORTED, "pkt_mark" },
	{ "in_port(7),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=no)", false,
	  REASON_NO_DEVICE, "" },
	{ "in_port(1),packet_type(ns=1,id=0x800),ipv4(frag=no)", false, REASON_FIELD_UNSUPPORTED,
	  "packet_type" },
};

START_TEST(flows_get_the_verdict_they_deserve)
{
	struct error err = ERROR_INIT;
	struct verdict v;
	struct match m;

	ck_assert_msg(dp_key_parse(flows[_i].flow, NULL, NULL, &m, &err) == 0, "%s", err.text);
	m.mask.m.vlans[0].tci |= htobe16(VLAN_PRESENT);
	ck_assert_msg(compile(&m.key, &m.mask, (struct dp_actions){ NULL, 0 }, &v) == flows[_i].ok,
		      "%s: %s (%s)", flows[_i].flow, offload_reason_name(v.reason), v.culprit);
	ck_assert_int_eq(v.reason, flows[_i].reason);
	ck_assert_str_eq(v.culprit, flows[_i].culprit);
}
END_TEST

START_TEST(every_action_compiles_or_is_refused_by_name)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6 };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_mask mask;
	struct verdict v;

	walk_common_mask(&mask, &key);
	if (_i == DP_ACTION_SET) {
		union field_value value = { { 9 } }, ones;

		field_all_ones(field_get(FIELD_IP_TTL), &ones);
		dp_put_set(&actions, field_get(FIELD_IP_TTL), &value, &ones);
	} else {
		dp_put(&actions, _i);
	}
	if (compile(&key, &mask, dp_actions_of(&actions), &v)) {
		ck_assert(_i == DP_ACTION_DROP || _i == DP_ACTION_SET ||
			  _i == DP_ACTION_PUSH_VLAN || _i == DP_ACTION_POP_VLAN ||
			  _i == DP_ACTION_RECIRC);
		return;
	}
	ck_assert_str_ne(v.culprit, "");
	if (_i != DP_ACTION_OUTPUT && _i != DP_ACTION_USERSPACE)
		ck_assert_int_eq(v.reason, REASON_ACTION_UNSUPPORTED);
}
END_TEST

// The type of what is behind a key's last tag says so.
START_TEST(a_tag_that_a_key_has_no_place_for_is_matched_as_one)
{
	static const uint16_t types[] = { 0x88b5, 0x8100, 0x88a8 };
	struct flow_key key = { .in_port = 1,
				.eth_type = htobe16(types[_i]),
				.vlans[0] = { htobe16(0x8100), htobe16(VLAN_PRESENT | 5) } };
	struct compiled_rule rule = { .n_items = 0 };
	const struct rte_flow_item_vlan *tag;
	struct flow_mask mask;
	struct verdict v;

	walk_common_mask(&mask, &key);
	ck_assert(rte_compile_match(&rule, &key, &mask, 0, &v));
	ck_assert_int_eq(rule.items[rule.n_items - 1].type, RTE_FLOW_ITEM_TYPE_VLAN);
	tag = rule.items[rule.n_items - 1].spec;
	ck_assert_uint_eq(be16toh(tag->hdr.eth_proto), types[_i]);
	ck_assert_int_eq(tag->has_more_vlan, _i > 0);
}
END_TEST

// The mark is what lets software go on behind the jump, whatever was done before it; without marks there is no jump.
START_TEST(recirculation_needs_a_mark)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6 };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_mask mask;
	struct verdict v;

	walk_common_mask(&mask, &key);
	dp_put(&actions, DP_ACTION_POP_VLAN);
	dp_put(&actions, DP_ACTION_RECIRC)->recirc.id = 3;
	ck_assert(compile(&key, &mask, dp_actions_of(&actions), &v));
	device.no_mark = true;
	ck_assert(!compile(&key, &mask, dp_actions_of(&actions), &v));
	device.no_mark = false;
	ck_assert_int_eq(v.reason, REASON_ACTION_UNSUPPORTED);
	ck_assert_str_eq(v.culprit, "recirc: the device does not mark packets");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/rte_flow/compile");
	TCase *t = tcase_create("compile");

	tcase_add_loop_test(t, every_field_compiles_or_is_refused_by_name, 0, FIELD_MAX);
	tcase_add_loop_test(t, flows_get_the_verdict_they_deserve, 0, ARRAY_SIZE(flows));
	tcase_add_loop_test(t, every_action_compiles_or_is_refused_by_name, 0, DP_ACTION_MAX);
	tcase_add_test(t, recirculation_needs_a_mark);
	tcase_add_loop_test(t, a_tag_that_a_key_has_no_place_for_is_matched_as_one, 0, 3);
	suite_add_tcase(s, t);
	return suite_run(s);
}
