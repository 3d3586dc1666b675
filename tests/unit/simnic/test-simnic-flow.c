// SPDX-License-Identifier: Apache-2.0
// Refusals word by word, lookup order, groups, outputs, counters of the simulated NIC.
#include "tests/unit/simnic/rows.h"

struct refusal_case {
	const char *name;
	struct rte_flow_attr attr;
	struct rte_flow_item items[6];
	struct rte_flow_action actions[4];
	const char *control; // run first; "allow all" undoes it
	int error;
	enum rte_flow_error_type type;
	const char *message;
};
#define TRANSFER \
	{ \
		.transfer = 1 \
	}
#define DROP_ \
	{ \
		ACT(DROP, NULL), ACT(END, NULL) \
	}

static const struct refusal_case refusal_cases[] = {
	{ "no transfer",
	  { .ingress = 1 },
	  { END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER,
	  NIC ": only transfer rules are supported" },
	{ "ingress",
	  { .transfer = 1, .ingress = 1 },
	  { END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ATTR,
	  NIC ": ingress and egress have no meaning with transfer" },
	{ "egress",
	  { .transfer = 1, .egress = 1 },
	  { END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ATTR,
	  NIC ": ingress and egress have no meaning with transfer" },
	{ "unknown item",
	  TRANSFER,
	  { ETH_, ITEM_(MPLS, NULL, NULL), END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": item MPLS not supported" },
	{ "item taken away",
	  TRANSFER,
	  { ETH_, VLAN_, END_ITEM },
	  DROP_,
	  "refuse item:vlan",
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": item VLAN not supported" },
	{ "field taken away",
	  TRANSFER,
	  { ETH_, ITEM_(VLAN, S(vlan, .tci = 1), NULL), END_ITEM },
	  DROP_,
	  "refuse item:vlan.tci",
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM_MASK,
	  NIC ": item VLAN field 'tci' mask 0x0fff not supported" },
	{ "range",
	  TRANSFER,
	  { { RTE_FLOW_ITEM_TYPE_ETH, S(eth, .type = 1), S(eth, .type = 2), NULL }, END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM_LAST,
	  NIC ": item ETH: ranges not supported" },
	{ "unsupported field",
	  TRANSFER,
	  { ETH_, ITEM_(IPV4, S(ipv4, .hdr.packet_id = 1), S(ipv4, .hdr.packet_id = 0xffff)),
	    END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM_MASK,
	  NIC ": item IPV4 field 'packet_id' mask 0xffff not supported" },
	{ "reserved bits",
	  TRANSFER,
	  { ITEM_(ETH, S(eth, .reserved = 1), S(eth, .reserved = 1)), END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM_MASK,
	  NIC ": item ETH field 'reserved' mask 0x01000000 not supported" },
	{ "reserved bits of a flag word",
	  TRANSFER,
	  { ITEM_(VLAN, S(vlan, .reserved = 1), S(vlan, .reserved = 1)), END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM_MASK,
	  NIC ": item VLAN field 'has_more_vlan' mask 0x02000000 not supported" },
	{ "mask without spec",
	  TRANSFER,
	  { ITEM_(ETH, NULL, S(eth, .type = 0xffff)), END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ITEM_SPEC,
	  NIC ": item ETH has a mask but no spec" },
	{ "order",
	  TRANSFER,
	  { IP4_, ETH_, END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": item ETH stands behind an item of its layer or above" },
	{ "twice",
	  TRANSFER,
	  { ETH_, IP4_, IP6_, END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": item IPV6 stands behind an item of its layer or above" },
	{ "three tags",
	  TRANSFER,
	  { ETH_, VLAN_, VLAN_, VLAN_, END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": more than 2 items VLAN not supported" },
	{ "icmp on IPv6",
	  TRANSFER,
	  { IP6_, ITEM_(ICMP, NULL, NULL), END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": item ICMP cannot follow IPV6" },
	{ "foreign port",
	  TRANSFER,
	  { ITEM_(REPRESENTED_PORT, S(ethdev, .port_id = 30), NULL), END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ITEM_SPEC,
	  NIC ": item REPRESENTED_PORT: ethdev 30 is not of this eSwitch" },
	{ "masked port",
	  TRANSFER,
	  { ITEM_(PORT_REPRESENTOR, S(ethdev, .port_id = 0), S(ethdev, .port_id = 1)), END_ITEM },
	  DROP_,
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ITEM_MASK,
	  NIC ": item PORT_REPRESENTOR field 'port_id' mask 0x0001 not supported" },
	{ "two ports",
	  TRANSFER,
	  { ITEM_(REPRESENTED_PORT, NULL, NULL), ITEM_(PORT_REPRESENTOR, NULL, NULL), END_ITEM },
	  DROP_,
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ITEM,
	  NIC ": item PORT_REPRESENTOR after another port item" },
	{ "unknown action",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(FLAG, NULL), ACT(END, NULL) },
	  NULL,
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ACTION,
	  NIC ": action FLAG not supported" },
	{ "action taken away",
	  TRANSFER,
	  { IP4_, END_ITEM },
	  { ACT(SET_TTL, C(set_ttl, .ttl_value = 1)), ACT(DROP, NULL), ACT(END, NULL) },
	  "refuse action:set_ttl",
	  ENOTSUP,
	  RTE_FLOW_ERROR_TYPE_ACTION,
	  NIC ": action SET_TTL not supported" },
	{ "no fate",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(COUNT, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION_NUM,
	  NIC ": no action says where the packet goes (a port, JUMP or DROP)" },
	{ "behind drop",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(DROP, NULL), ACT(COUNT, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION,
	  NIC ": action COUNT behind DROP is never reached" },
	{ "own group",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(JUMP, C(jump, .group = 0)), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION_CONF,
	  NIC ": action JUMP: a jump to the rule's own group" },
	{ "no conf",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(JUMP, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION_CONF,
	  NIC ": action JUMP without configuration" },
	{ "foreign out port",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(REPRESENTED_PORT, C(ethdev, .port_id = 30)), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION_CONF,
	  NIC ": action REPRESENTED_PORT: the ethdev is not of this eSwitch" },
	{ "pop needs vlan",
	  TRANSFER,
	  { ETH_, END_ITEM },
	  { ACT(OF_POP_VLAN, NULL), ACT(DROP, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION,
	  NIC ": action OF_POP_VLAN needs an item VLAN or an action OF_PUSH_VLAN before" },
	{ "address needs ipv4",
	  TRANSFER,
	  { ETH_, END_ITEM },
	  { ACT(SET_IPV4_SRC, C(set_ipv4, 1)), ACT(DROP, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION,
	  NIC ": action SET_IPV4_SRC needs an item IPV4" },
	{ "tp needs l4",
	  TRANSFER,
	  { IP4_, END_ITEM },
	  { ACT(SET_TP_SRC, C(set_tp, 1)), ACT(DROP, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION,
	  NIC ": action SET_TP_SRC needs an item TCP, UDP or SCTP" },
	{ "vid range",
	  TRANSFER,
	  { VLAN_, END_ITEM },
	  { ACT(OF_SET_VLAN_VID, C(of_set_vlan_vid, RTE_BE16(4096))), ACT(DROP, NULL),
	    ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION_CONF,
	  NIC ": action OF_SET_VLAN_VID: vlan_vid has more than 12 bits" },
	{ "push type",
	  TRANSFER,
	  { END_ITEM },
	  { ACT(OF_PUSH_VLAN, C(of_push_vlan, RTE_BE16(0x800))), ACT(DROP, NULL), ACT(END, NULL) },
	  NULL,
	  EINVAL,
	  RTE_FLOW_ERROR_TYPE_ACTION_CONF,
	  NIC ": action OF_PUSH_VLAN: ethertype must be 0x8100 or 0x88a8" },
	{ "full",
	  TRANSFER,
	  { END_ITEM },
	  DROP_,
	  "capacity 0",
	  ENOSPC,
	  RTE_FLOW_ERROR_TYPE_HANDLE,
	  NIC ": flow table full (0 rules)" },
};

START_TEST(refusal)
{
	const struct refusal_case *c = &refusal_cases[_i];
	struct rte_flow_error e = { 0 };
	int err;

	if (c->control)
		ck_assert_str_eq(control(c->control), "ok");
	err = rte_flow_validate(uplink, &c->attr, c->items, c->actions, &e);
	ck_assert_msg(err == -c->error, "%s: validate: %d (%s)", c->name, err, e.message);
	memset(&e, 0, sizeof(e));
	ck_assert_msg(!rte_flow_create(uplink, &c->attr, c->items, c->actions, &e), "%s: accepted",
		      c->name);
	ck_assert_msg(rte_errno == c->error, "%s: errno %d", c->name, rte_errno);
	ck_assert_str_eq(e.message, c->message);
	ck_assert_msg(e.type == c->type, "%s: type %d", c->name, e.type);
	if (c->type == RTE_FLOW_ERROR_TYPE_ITEM)
		ck_assert((const struct rte_flow_item *)e.cause >= c->items &&
			  (const struct rte_flow_item *)e.cause < c->items + ARRAY_SIZE(c->items));
	ck_assert_str_eq(control("allow all"), "ok");
	ck_assert_str_eq(control("capacity 65536"), "ok");
}
END_TEST

static const struct rte_flow_item any[] = { END_ITEM };

static struct rte_flow *to_port(uint32_t group, uint32_t priority,
				const struct rte_flow_item *items, uint16_t port)
{
	const struct rte_flow_action_ethdev dst = { .port_id = port };
	const struct rte_flow_action actions[] = { ACT(COUNT, NULL), ACT(REPRESENTED_PORT, &dst),
						   ACT(END, NULL) };
	struct rte_flow *rule = rule_create_in(group, priority, items, actions);

	ck_assert_msg(rule != NULL, "%s", last_error.message);
	return rule;
}

START_TEST(lower_priority_number_wins)
{
	const struct rte_flow_item ip[] = { ETH_, IP4_, END_ITEM };
	struct frame f = frame_build(&(struct frame_spec)UDP4);
	struct rte_flow *low = to_port(0, 5, any, uplink), *high = to_port(0, 1, ip, rep1), *old,
			*new;

	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, 0);
	rule_destroy(high);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len);
	rule_destroy(low);

	// Same match, same priority: the older one until it goes.
	old = to_port(0, 0, any, uplink);
	new = to_port(0, 0, any, rep1);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len);
	rule_destroy(old);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	rule_destroy(new);
}
END_TEST

START_TEST(groups)
{
	const struct rte_flow_item ip[] = { ETH_, IP4_, END_ITEM };
	const struct rte_flow_action jump[] = { ACT(SET_TTL, C(set_ttl, .ttl_value = 3)),
						ACT(JUMP, C(jump, .group = 7)), ACT(END, NULL) };
	const struct rte_flow_item ttl3[] = {
		ETH_, ITEM_(IPV4, S(ipv4, .hdr.time_to_live = 3), S(ipv4, .hdr.time_to_live = 255)),
		END_ITEM
	};
	const struct rte_flow_action back[] = { ACT(JUMP, C(jump, .group = 0)), ACT(END, NULL) };
	struct frame f = frame_build(&(struct frame_spec)TCP4), got;
	uint64_t misses = simnic_counter(NIC, "jump_misses"),
		 loops = simnic_counter(NIC, "drop_loop");
	struct rte_flow *first = rule_create_in(0, 0, ip, jump), *second;

	send_far(0, &f); // nothing in group 7: to the representor, as modified so far
	got = take_app(rep0);
	ck_assert_uint_eq(got.len, f.len);
	ck_assert_uint_eq(got.data[L3 + 8], 3);
	ck_assert_uint_eq(simnic_counter(NIC, "jump_misses"), misses + 1);
	second = to_port(7, 0, ttl3, rep1); // sees the packet as the first rule left it
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	rule_destroy(second);
	second = rule_create_in(7, 0, any, back);
	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_loop"), loops + 1);
	rule_destroy(second);
	rule_destroy(first);
}
END_TEST

START_TEST(several_outputs_and_the_two_sides)
{
	const struct rte_flow_item_ethdev r0 = { .port_id = rep0 };
	const struct rte_flow_item from_app[] = { ITEM_(PORT_REPRESENTOR, &r0, NULL), END_ITEM };
	const struct rte_flow_action_ethdev vf1 = { .port_id = rep1 }, up = { .port_id = uplink };
	const struct rte_flow_action actions[] = {
		ACT(REPRESENTED_PORT, &vf1), ACT(OF_PUSH_VLAN, C(of_push_vlan, RTE_BE16(0x8100))),
		ACT(REPRESENTED_PORT, &up), ACT(PORT_REPRESENTOR, &up), ACT(END, NULL)
	};
	struct frame f = frame_build(&(struct frame_spec)TCP4);
	struct rte_flow *rule;

	send_app(rep0, &f); // no rule: to the represented entity
	ck_assert_uint_eq(take_far(0).len, f.len);
	send_app(uplink, &f);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len);
	send_far(SIMNIC_WIRE, &f);
	ck_assert_uint_eq(take_app(uplink).len, f.len);
	rule = rule_create_in(0, 0, from_app, actions);
	send_app(rep0, &f);
	ck_assert_uint_eq(take_far(0).len, 0);
	ck_assert_uint_eq(take_far(1).len, f.len);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len + 4);
	ck_assert_uint_eq(take_app(uplink).len, f.len + 4);
	send_far(0, &f); // not from the application
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	rule_destroy(rule);
}
END_TEST

START_TEST(drops)
{
	const struct rte_flow_item ip[] = { ETH_, IP4_, END_ITEM };
	const struct rte_flow_action drop[] = { ACT(DROP, NULL), ACT(END, NULL) };
	const struct rte_flow_action_ethdev vf1 = { .port_id = rep1 };
	const struct rte_flow_action dec[] = { ACT(DEC_TTL, NULL), ACT(REPRESENTED_PORT, &vf1),
					       ACT(END, NULL) };
	struct frame f = frame_build(&(struct frame_spec){ .proto = 6, .ttl = 1 });
	uint64_t by_rule = simnic_counter(NIC, "drop_action"),
		 by_ttl = simnic_counter(NIC, "drop_ttl");
	uint64_t runts = simnic_counter(NIC, "drop_runt");
	struct rte_flow *rule = rule_create_in(0, 0, any, drop);

	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_action"), by_rule + 1);
	rule_destroy(rule);
	rule = rule_create_in(0, 0, ip, dec);
	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_ttl"), by_ttl + 1);
	rule_destroy(rule);
	f.len = 13;
	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_runt"), runts + 1);
	ck_assert_uint_eq(take_far(1).len + take_app(rep0).len, 0);
}
END_TEST

START_TEST(count_and_reset)
{
	const struct rte_flow_action drop[] = { ACT(DROP, NULL), ACT(END, NULL) };
	const struct rte_flow_action count[] = { ACT(COUNT, NULL), ACT(END, NULL) };
	struct frame f = frame_build(&(struct frame_spec)TCP4);
	struct rte_flow *rule = to_port(0, 0, any, rep1);
	struct rte_flow_query_count q = { 0 };
	uint64_t bytes;

	for (int i = 0; i < 3; i++)
		send_far(0, &f);
	ck_assert_uint_eq(rule_hits(rule, true, &bytes), 3);
	ck_assert_uint_eq(bytes, 3 * f.len);
	ck_assert_uint_eq(rule_hits(rule, false, &bytes), 0);
	send_far(0, &f);
	ck_assert_uint_eq(rule_hits(rule, false, &bytes), 1);
	rule_destroy(rule);
	ck_assert_int_eq(rte_flow_destroy(uplink, rule, &last_error), -EINVAL);
	ck_assert_str_eq(last_error.message, NIC ": no such rule");
	rule = rule_create_in(0, 0, any, drop);
	ck_assert_int_eq(rte_flow_query(uplink, rule, count, &q, &last_error), -EINVAL);
	ck_assert_str_eq(last_error.message, NIC ": the rule has no COUNT action");
	rule_destroy(rule);
	for (int i = 0; i < 4; i++)
		take_far(1);
}
END_TEST

START_TEST(many_rules)
{
	enum { N = 100000 };
	struct frame f = frame_build(&(struct frame_spec)UDP4);
	uint32_t src;

	ck_assert_str_eq(control("capacity 100000"), "ok");
	for (uint32_t i = 0; i < N; i++) {
		const struct rte_flow_item items[] = {
			ETH_,
			ITEM_(IPV4, S(ipv4, .hdr.src_addr = rte_cpu_to_be_32(0x14000000 + i)),
			      S(ipv4, .hdr.src_addr = 0xffffffff)),
			END_ITEM
		};

		to_port(0, 0, items, i % 2 ? uplink : rep1);
	}
	ck_assert(!rule_create_in(0, 0, any, (const struct rte_flow_action[])DROP_));
	ck_assert_str_eq(last_error.message, NIC ": flow table full (100000 rules)");
	for (uint32_t i = 0; i < N; i += 997) {
		src = rte_cpu_to_be_32(0x14000000 + i);
		memcpy(f.data + L3 + 12, &src, 4);
		send_far(0, &f);
		ck_assert_uint_eq(take_far(i % 2 ? SIMNIC_WIRE : 1).len, f.len);
	}
	ck_assert_int_eq(rte_flow_flush(uplink, &last_error), 0);
	send_far(0, &f);
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	ck_assert_str_eq(control("capacity 65536"), "ok");
}
END_TEST

static void add(Suite *suite)
{
	TCase *tc = tcase_create("flow");

	tcase_set_timeout(tc, 0);
	tcase_add_checked_fixture(tc, bench_plug, bench_unplug);
	tcase_add_loop_test(tc, refusal, 0, ARRAY_SIZE(refusal_cases));
	tcase_add_test(tc, lower_priority_number_wins);
	tcase_add_test(tc, groups);
	tcase_add_test(tc, several_outputs_and_the_two_sides);
	tcase_add_test(tc, drops);
	tcase_add_test(tc, count_and_reset);
	tcase_add_test(tc, many_rules);
	suite_add_tcase(suite, tc);
}

int main(int argc, char **argv)
{
	return bench_main(argv[0], "simnic-flow", add);
}
