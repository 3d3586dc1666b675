// SPDX-License-Identifier: Apache-2.0
// What each action does to a packet; checksums are computed anew from the bytes.
#include "tests/unit/simnic/rows.h"

struct rewrite_case {
	const char *name;
	struct rte_flow_item items[5];
	struct rte_flow_action actions[5];
	struct frame_spec in;
	struct frame_spec out; // before 'patch'
	struct {
		size_t ofs, n;
		uint8_t bytes[16];
	} patch; // where the frame differs from 'out', checksums apart
};

static const struct rewrite_case rewrite_cases[] = {
	{ "mac dst",
	  { ETH_, END_ITEM },
	  { ACT(SET_MAC_DST, C(set_mac, .mac_addr = { 6, 5, 4, 3, 2, 1 })), ACT(END, NULL) },
	  UDP4,
	  UDP4,
	  { 0, 6, { 6, 5, 4, 3, 2, 1 } } },
	{ "mac src",
	  { ETH_, END_ITEM },
	  { ACT(SET_MAC_SRC, C(set_mac, .mac_addr = { 6, 5, 4, 3, 2, 1 })), ACT(END, NULL) },
	  UDP4,
	  UDP4,
	  { 6, 6, { 6, 5, 4, 3, 2, 1 } } },
	{ "ipv4 src under udp",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_IPV4_SRC, C(set_ipv4, .ipv4_addr = RTE_BE32(0xc0a80107))), ACT(END, NULL) },
	  UDP4,
	  UDP4,
	  { L3 + 12, 4, { 192, 168, 1, 7 } } },
	{ "ipv4 dst under tcp",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_IPV4_DST, C(set_ipv4, .ipv4_addr = RTE_BE32(0xc0a80107))), ACT(END, NULL) },
	  TCP4,
	  TCP4,
	  { L3 + 16, 4, { 192, 168, 1, 7 } } },
	{ "ipv4 dst under icmp",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_IPV4_DST, C(set_ipv4, .ipv4_addr = RTE_BE32(0xc0a80107))), ACT(END, NULL) },
	  { .proto = 1, .sport = 0x800, .payload = 9 },
	  { .proto = 1, .sport = 0x800, .payload = 9 },
	  { L3 + 16, 4, { 192, 168, 1, 7 } } },
	{ "ipv4 src under sctp",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_IPV4_SRC, C(set_ipv4, .ipv4_addr = RTE_BE32(0xc0a80107))), ACT(END, NULL) },
	  { .proto = 132, .payload = 9 },
	  { .proto = 132, .payload = 9 },
	  { L3 + 12, 4, { 192, 168, 1, 7 } } },
	{ "ipv4 src, no udp checksum",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_IPV4_SRC, C(set_ipv4, .ipv4_addr = RTE_BE32(0xc0a80107))), ACT(END, NULL) },
	  { .proto = 17, .no_udp_checksum = true },
	  { .proto = 17, .no_udp_checksum = true },
	  { L3 + 12, 4, { 192, 168, 1, 7 } } },
	{ "ipv6 src under udp",
	  { ETH_, IP6_, END_ITEM },
	  { ACT(SET_IPV6_SRC, C(set_ipv6, .ipv6_addr = { 0xfe, 0x80, [15] = 9 })), ACT(END, NULL) },
	  UDP6,
	  UDP6,
	  { L3 + 8, 16, { 0xfe, 0x80, [15] = 9 } } },
	{ "ipv6 dst under icmp6",
	  { ETH_, IP6_, END_ITEM },
	  { ACT(SET_IPV6_DST, C(set_ipv6, .ipv6_addr = { 0xfe, 0x80, [15] = 9 })), ACT(END, NULL) },
	  { .v6 = true, .proto = 58, .sport = 0x8000, .payload = 5 },
	  { .v6 = true, .proto = 58, .sport = 0x8000, .payload = 5 },
	  { L3 + 24, 16, { 0xfe, 0x80, [15] = 9 } } },
	{ "ipv6 dst behind extensions",
	  { ETH_, IP6_, END_ITEM },
	  { ACT(SET_IPV6_DST, C(set_ipv6, .ipv6_addr = { 0xfe, 0x80, [15] = 9 })), ACT(END, NULL) },
	  { .v6 = true, .hop_ext = true, .route_ext = true, .proto = 6, .payload = 5 },
	  { .v6 = true, .hop_ext = true, .route_ext = true, .proto = 6, .payload = 5 },
	  { L3 + 24, 16, { 0xfe, 0x80, [15] = 9 } } },
	{ "set ttl",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_TTL, C(set_ttl, .ttl_value = 9)), ACT(END, NULL) },
	  TCP4,
	  TCP4,
	  { L3 + 8, 1, { 9 } } },
	{ "set hop limit",
	  { ETH_, IP6_, END_ITEM },
	  { ACT(SET_TTL, C(set_ttl, .ttl_value = 9)), ACT(END, NULL) },
	  UDP6,
	  UDP6,
	  { L3 + 7, 1, { 9 } } },
	{ "dec ttl",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(DEC_TTL, NULL), ACT(END, NULL) },
	  TCP4,
	  TCP4,
	  { L3 + 8, 1, { 63 } } },
	{ "dec hop limit",
	  { ETH_, IP6_, END_ITEM },
	  { ACT(DEC_TTL, NULL), ACT(END, NULL) },
	  UDP6,
	  UDP6,
	  { L3 + 7, 1, { 63 } } },
	{ "ipv4 dscp keeps ecn",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(SET_IPV4_DSCP, C(set_dscp, .dscp = 46)), ACT(END, NULL) },
	  { .proto = 6, .tos = 0x4b },
	  { .proto = 6, .tos = 0x4b },
	  { L3 + 1, 1, { 0xbb } } },
	{ "ipv6 dscp keeps ecn and label",
	  { ETH_, IP6_, END_ITEM },
	  { ACT(SET_IPV6_DSCP, C(set_dscp, .dscp = 46)), ACT(END, NULL) },
	  { .v6 = true, .proto = 6, .tos = 0x4b },
	  { .v6 = true, .proto = 6, .tos = 0x4b },
	  { L3, 2, { 0x6b, 0xb1 } } },
	{ "udp src",
	  { ETH_, IP4_, ITEM_(UDP, NULL, NULL), END_ITEM },
	  { ACT(SET_TP_SRC, C(set_tp, .port = RTE_BE16(0x1234))), ACT(END, NULL) },
	  UDP4,
	  UDP4,
	  { L4_4, 2, { 0x12, 0x34 } } },
	{ "udp dst, no checksum",
	  { ETH_, IP4_, ITEM_(UDP, NULL, NULL), END_ITEM },
	  { ACT(SET_TP_DST, C(set_tp, .port = RTE_BE16(0x1234))), ACT(END, NULL) },
	  { .proto = 17, .no_udp_checksum = true },
	  { .proto = 17, .no_udp_checksum = true },
	  { L4_4 + 2, 2, { 0x12, 0x34 } } },
	{ "tcp dst over IPv6",
	  { ETH_, IP6_, ITEM_(TCP, NULL, NULL), END_ITEM },
	  { ACT(SET_TP_DST, C(set_tp, .port = RTE_BE16(0x1234))), ACT(END, NULL) },
	  { .v6 = true, .proto = 6, .payload = 3 },
	  { .v6 = true, .proto = 6, .payload = 3 },
	  { L4_6 + 2, 2, { 0x12, 0x34 } } },
	{ "sctp src",
	  { ETH_, IP4_, ITEM_(SCTP, NULL, NULL), END_ITEM },
	  { ACT(SET_TP_SRC, C(set_tp, .port = RTE_BE16(0x1234))), ACT(END, NULL) },
	  { .proto = 132, .payload = 33 },
	  { .proto = 132, .payload = 33 },
	  { L4_4, 2, { 0x12, 0x34 } } },
	{ "pop vlan",
	  { ETH_, VLAN_, END_ITEM },
	  { ACT(OF_POP_VLAN, NULL), ACT(END, NULL) },
	  TAGGED,
	  { .proto = 17, .ttl = 64, .sport = 1000, .dport = 53 },
	  { 0 } },
	{ "pop outer of two",
	  { ETH_, VLAN_, END_ITEM },
	  { ACT(OF_POP_VLAN, NULL), ACT(END, NULL) },
	  QINQ,
	  TAGGED,
	  { 0 } },
	{ "pop both",
	  { ETH_, VLAN_, VLAN_, END_ITEM },
	  { ACT(OF_POP_VLAN, NULL), ACT(OF_POP_VLAN, NULL), ACT(END, NULL) },
	  QINQ,
	  { .proto = 17, .ttl = 64, .sport = 1000, .dport = 53 },
	  { 0 } },
	{ "push vlan",
	  { ETH_, END_ITEM },
	  { ACT(OF_PUSH_VLAN, C(of_push_vlan, .ethertype = RTE_BE16(0x8100))),
	    ACT(OF_SET_VLAN_VID, C(of_set_vlan_vid, .vlan_vid = RTE_BE16(0x64))),
	    ACT(OF_SET_VLAN_PCP, C(of_set_vlan_pcp, .vlan_pcp = 3)), ACT(END, NULL) },
	  { .proto = 17, .ttl = 64, .sport = 1000, .dport = 53 },
	  TAGGED,
	  { 0 } },
	{ "push second tag",
	  { ETH_, VLAN_, END_ITEM },
	  { ACT(OF_PUSH_VLAN, C(of_push_vlan, .ethertype = RTE_BE16(0x88a8))),
	    ACT(OF_SET_VLAN_VID, C(of_set_vlan_vid, .vlan_vid = RTE_BE16(5))),
	    ACT(OF_SET_VLAN_PCP, C(of_set_vlan_pcp, .vlan_pcp = 1)), ACT(END, NULL) },
	  TAGGED,
	  QINQ,
	  { 0 } },
	{ "vid keeps pcp",
	  { ETH_, VLAN_, END_ITEM },
	  { ACT(OF_SET_VLAN_VID, C(of_set_vlan_vid, .vlan_vid = RTE_BE16(0xabc))), ACT(END, NULL) },
	  TAGGED,
	  TAGGED,
	  { 14, 2, { 0x6a, 0xbc } } },
	{ "address behind a push",
	  { ETH_, IP4_, END_ITEM },
	  { ACT(OF_PUSH_VLAN, C(of_push_vlan, .ethertype = RTE_BE16(0x8100))),
	    ACT(SET_IPV4_SRC, C(set_ipv4, .ipv4_addr = RTE_BE32(0xc0a80107))), ACT(END, NULL) },
	  TCP4,
	  { .n_tags = 1,
	    .proto = 6,
	    .ttl = 64,
	    .tos = 0x48,
	    .sport = 1000,
	    .dport = 80,
	    .payload = 30 },
	  { L3 + 4 + 12, 4, { 192, 168, 1, 7 } } },
};

// Where checksums stand; set to zero before bytes are compared, after frame_check() has looked at them.
static void blank_checksums(struct frame *f)
{
	size_t l3 = 14, l4;
	uint8_t proto;

	while (f->data[l3 - 2] == 0x81 || (f->data[l3 - 2] == 0x88 && f->data[l3 - 1] == 0xa8))
		l3 += 4;
	l4 = l3 + 20;
	proto = f->data[l3 + 9];
	if (f->data[l3] >> 4 == 6) {
		proto = f->data[l3 + 6];
		for (l4 = l3 + 40; proto == 0 || proto == 43; l4 += 8)
			proto = f->data[l4];
	} else {
		memset(f->data + l3 + 10, 0, 2);
	}
	if (proto == 132)
		memset(f->data + l4 + 8, 0, 4);
	else
		memset(f->data + l4 + (proto == 6 ? 16 : proto == 17 ? 6 : 2), 0, 2);
}

START_TEST(rewrite)
{
	const struct rewrite_case *c = &rewrite_cases[_i];
	const struct rte_flow_action_ethdev wire = { .port_id = uplink };
	struct frame in = frame_build(&c->in), want = frame_build(&c->out), got;
	struct rte_flow_action actions[8] = { ACT(COUNT, NULL) };
	struct rte_flow *rule;
	const char *wrong;
	size_t n = 0;

	for (; c->actions[n].type != RTE_FLOW_ACTION_TYPE_END; n++)
		actions[n + 1] = c->actions[n];
	actions[n + 1] = (struct rte_flow_action)ACT(REPRESENTED_PORT, &wire);
	actions[n + 2] = (struct rte_flow_action)ACT(END, NULL);
	rule = rule_create(c->items, actions);
	ck_assert_msg(!frame_check(&in), "%s: the test's own frame: %s", c->name, frame_check(&in));
	send_far(0, &in);
	got = take_far(SIMNIC_WIRE);
	wrong = frame_check(&got);
	ck_assert_msg(got.len == want.len, "%s: %zu bytes instead of %zu", c->name, got.len,
		      want.len);
	ck_assert_msg(!wrong, "%s: wrong %s", c->name, wrong);
	memcpy(want.data + c->patch.ofs, c->patch.bytes, c->patch.n);
	blank_checksums(&got);
	blank_checksums(&want);
	for (size_t i = 0; i < want.len; i++)
		ck_assert_msg(got.data[i] == want.data[i], "%s: byte %zu is %02x, not %02x",
			      c->name, i, got.data[i], want.data[i]);
	rule_destroy(rule);
}
END_TEST

// A wrong checksum must not become right on the way.
START_TEST(wrong_checksum_stays_wrong)
{
	const struct rte_flow_item items[] = { ETH_, IP4_, END_ITEM };
	const struct rte_flow_action_ethdev wire = { .port_id = uplink };
	const struct rte_flow_action actions[] = { ACT(SET_IPV4_SRC,
						       C(set_ipv4, .ipv4_addr = 0x01020304)),
						   ACT(REPRESENTED_PORT, &wire), ACT(END, NULL) };
	struct frame f = frame_build(&(struct frame_spec)TCP4), got;
	struct rte_flow *rule = rule_create(items, actions);

	f.data[L4_4 + 16] ^= 1;
	send_far(0, &f);
	got = take_far(SIMNIC_WIRE);
	ck_assert_str_eq(frame_check(&got), "transport checksum");
	rule_destroy(rule);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tc = tcase_create("rewrite");

	tcase_set_timeout(tc, 0);
	tcase_add_checked_fixture(tc, bench_plug, bench_unplug);
	tcase_add_loop_test(tc, rewrite, 0, ARRAY_SIZE(rewrite_cases));
	tcase_add_test(tc, wrong_checksum_stays_wrong);
	suite_add_tcase(suite, tc);
}

int main(int argc, char **argv)
{
	return bench_main(argv[0], "simnic-rewrite", add);
}
