// SPDX-License-Identifier: Apache-2.0
// What each item matches, and that nothing malformed hurts.
#include "hw-tests/simnic/simnic-private.h"

#include "tests/unit/simnic/rows.h"

struct match_case {
	const char *name;
	struct rte_flow_item items[6];
	struct frame_spec frame;
	bool match;
};

static const struct match_case match_cases[] = {
	{ "nothing matches all", { END_ITEM }, UDP4, true },
	{ "void", { ITEM_(VOID, NULL, NULL), END_ITEM }, UDP4, true },
	{ "eth dst",
	  { ITEM_(ETH, S(eth, .dst.addr_bytes = { 2, [5] = 0x22 }),
		  S(eth, .dst.addr_bytes = { 255, 255, 255, 255, 255, 255 })),
	    END_ITEM },
	  UDP4,
	  true },
	{ "eth other dst",
	  { ITEM_(ETH, S(eth, .dst.addr_bytes = { 2, [5] = 0x23 }),
		  S(eth, .dst.addr_bytes = { 255, 255, 255, 255, 255, 255 })),
	    END_ITEM },
	  UDP4,
	  false },
	{ "eth masked dst",
	  { ITEM_(ETH, S(eth, .dst.addr_bytes = { 2, [5] = 0x23 }),
		  S(eth, .dst.addr_bytes = { 255, 255, 255, 255, 255, 0xfe })),
	    END_ITEM },
	  UDP4,
	  true },
	{ "eth default mask: both addresses",
	  { ITEM_(ETH,
		  S(eth, .dst.addr_bytes = { 2, [5] = 0x22 }, .src.addr_bytes = { 2, [5] = 0x11 },
		    .type = RTE_BE16(1)),
		  NULL),
	    END_ITEM },
	  UDP4,
	  true },
	{ "eth type",
	  { ITEM_(ETH, S(eth, .type = RTE_BE16(0x800)), S(eth, .type = 0xffff)), END_ITEM },
	  UDP4,
	  true },
	{ "eth type is the outer one",
	  { ITEM_(ETH, S(eth, .type = RTE_BE16(0x800)), S(eth, .type = 0xffff)), END_ITEM },
	  TAGGED,
	  false },
	{ "eth type TPID",
	  { ITEM_(ETH, S(eth, .type = RTE_BE16(0x8100)), S(eth, .type = 0xffff)), END_ITEM },
	  TAGGED,
	  true },
	{ "has_vlan",
	  { ITEM_(ETH, S(eth, .has_vlan = 1), S(eth, .has_vlan = 1)), END_ITEM },
	  TAGGED,
	  true },
	{ "has_vlan on untagged",
	  { ITEM_(ETH, S(eth, .has_vlan = 1), S(eth, .has_vlan = 1)), END_ITEM },
	  UDP4,
	  false },
	{ "no vlan",
	  { ITEM_(ETH, S(eth, .has_vlan = 0), S(eth, .has_vlan = 1)), END_ITEM },
	  UDP4,
	  true },
	{ "no vlan on tagged",
	  { ITEM_(ETH, S(eth, .has_vlan = 0), S(eth, .has_vlan = 1)), END_ITEM },
	  TAGGED,
	  false },
	{ "has_vlan leaves the number of tags open",
	  { ITEM_(ETH, S(eth, .has_vlan = 1), S(eth, .has_vlan = 1)), IP4_, END_ITEM },
	  QINQ,
	  true },
	{ "vlan", { ETH_, VLAN_, END_ITEM }, TAGGED, true },
	{ "vlan on untagged", { ETH_, VLAN_, END_ITEM }, UDP4, false },
	{ "vlan id",
	  { ETH_, ITEM_(VLAN, S(vlan, .tci = RTE_BE16(0x64)), NULL), END_ITEM },
	  TAGGED,
	  true },
	{ "vlan other id",
	  { ETH_, ITEM_(VLAN, S(vlan, .tci = RTE_BE16(0x65)), NULL), END_ITEM },
	  TAGGED,
	  false },
	{ "vlan pcp",
	  { ETH_, ITEM_(VLAN, S(vlan, .tci = RTE_BE16(0x6000)), S(vlan, .tci = RTE_BE16(0xe000))),
	    END_ITEM },
	  TAGGED,
	  true },
	{ "vlan inner type",
	  { ETH_,
	    ITEM_(VLAN, S(vlan, .inner_type = RTE_BE16(0x800)), S(vlan, .inner_type = 0xffff)),
	    END_ITEM },
	  TAGGED,
	  true },
	{ "vlan then IP on two tags", { ETH_, VLAN_, IP4_, END_ITEM }, QINQ, false },
	{ "vlan then IP", { ETH_, VLAN_, IP4_, END_ITEM }, TAGGED, true },
	{ "two vlans",
	  { ETH_, ITEM_(VLAN, S(vlan, .tci = RTE_BE16(5)), NULL),
	    ITEM_(VLAN, S(vlan, .tci = RTE_BE16(0x64)), NULL), IP4_, END_ITEM },
	  QINQ,
	  true },
	{ "two vlans, inner differs",
	  { ETH_, ITEM_(VLAN, S(vlan, .tci = RTE_BE16(5)), NULL),
	    ITEM_(VLAN, S(vlan, .tci = RTE_BE16(0x65)), NULL), END_ITEM },
	  QINQ,
	  false },
	{ "has_more_vlan",
	  { ETH_, ITEM_(VLAN, S(vlan, .has_more_vlan = 1), S(vlan, .has_more_vlan = 1)), IP4_,
	    END_ITEM },
	  QINQ,
	  true },
	{ "no more vlan",
	  { ETH_, ITEM_(VLAN, S(vlan, .has_more_vlan = 0), S(vlan, .has_more_vlan = 1)), END_ITEM },
	  QINQ,
	  false },
	{ "ipv4", { ETH_, IP4_, END_ITEM }, UDP4, true },
	{ "ipv4 on a tagged frame", { ETH_, IP4_, END_ITEM }, TAGGED, false },
	{ "ipv4 without eth: any tags", { IP4_, END_ITEM }, TAGGED, true },
	{ "ipv4 on IPv6", { ETH_, IP4_, END_ITEM }, UDP6, false },
	{ "ipv4 addresses",
	  { ETH_,
	    ITEM_(IPV4,
		  S(ipv4,
		    .hdr = { .src_addr = RTE_BE32(0x0a000001), .dst_addr = RTE_BE32(0x0a000002) }),
		  NULL),
	    END_ITEM },
	  UDP4,
	  true },
	{ "ipv4 prefix",
	  { ETH_,
	    ITEM_(IPV4, S(ipv4, .hdr.src_addr = RTE_BE32(0x0a0000ff)),
		  S(ipv4, .hdr.src_addr = RTE_BE32(0xffffff00))),
	    END_ITEM },
	  UDP4,
	  true },
	{ "ipv4 other prefix",
	  { ETH_,
	    ITEM_(IPV4, S(ipv4, .hdr.src_addr = RTE_BE32(0x0a0001ff)),
		  S(ipv4, .hdr.src_addr = RTE_BE32(0xffffff00))),
	    END_ITEM },
	  UDP4,
	  false },
	{ "ipv4 tos",
	  { ETH_,
	    ITEM_(IPV4, S(ipv4, .hdr.type_of_service = 0x48), S(ipv4, .hdr.type_of_service = 0xfc)),
	    END_ITEM },
	  TCP4,
	  true },
	{ "ipv4 ttl",
	  { ETH_, ITEM_(IPV4, S(ipv4, .hdr.time_to_live = 63), S(ipv4, .hdr.time_to_live = 0xff)),
	    END_ITEM },
	  TCP4,
	  false },
	{ "ipv4 proto",
	  { ETH_, ITEM_(IPV4, S(ipv4, .hdr.next_proto_id = 6), S(ipv4, .hdr.next_proto_id = 0xff)),
	    END_ITEM },
	  TCP4,
	  true },
	{ "ipv4 no fragment",
	  { ETH_,
	    ITEM_(IPV4, S(ipv4, .hdr.fragment_offset = 0),
		  S(ipv4, .hdr.fragment_offset = RTE_BE16(0x3fff))),
	    END_ITEM },
	  { .proto = 17, .fragment = 0x2000 },
	  false },
	{ "ipv4 first fragment",
	  { ETH_,
	    ITEM_(IPV4, S(ipv4, .hdr.fragment_offset = RTE_BE16(0x2000)),
		  S(ipv4, .hdr.fragment_offset = RTE_BE16(0x3fff))),
	    ITEM_(UDP, NULL, NULL), END_ITEM },
	  { .proto = 17, .fragment = 0x2000 },
	  true },
	{ "later fragment has no ports",
	  { ETH_, IP4_, ITEM_(UDP, NULL, NULL), END_ITEM },
	  { .proto = 17, .fragment = 0x2005, .payload = 50 },
	  false },
	{ "udp dst",
	  { ETH_, IP4_,
	    ITEM_(UDP, S(udp, .hdr.dst_port = RTE_BE16(53)), S(udp, .hdr.dst_port = 0xffff)),
	    END_ITEM },
	  UDP4,
	  true },
	{ "udp other dst",
	  { ETH_, IP4_,
	    ITEM_(UDP, S(udp, .hdr.dst_port = RTE_BE16(54)), S(udp, .hdr.dst_port = 0xffff)),
	    END_ITEM },
	  UDP4,
	  false },
	{ "udp on TCP", { ETH_, IP4_, ITEM_(UDP, NULL, NULL), END_ITEM }, TCP4, false },
	{ "udp without items below", { ITEM_(UDP, NULL, NULL), END_ITEM }, UDP6, true },
	{ "tcp default mask: both ports",
	  { ETH_, IP4_,
	    ITEM_(TCP, S(tcp, .hdr = { .src_port = RTE_BE16(1000), .dst_port = RTE_BE16(80) }),
		  NULL),
	    END_ITEM },
	  TCP4,
	  true },
	{ "tcp flags",
	  { ETH_, IP4_, ITEM_(TCP, S(tcp, .hdr.tcp_flags = 0x02), S(tcp, .hdr.tcp_flags = 0x02)),
	    END_ITEM },
	  TCP4,
	  true },
	{ "tcp other flags",
	  { ETH_, IP4_, ITEM_(TCP, S(tcp, .hdr.tcp_flags = 0x02), S(tcp, .hdr.tcp_flags = 0x12)),
	    END_ITEM },
	  TCP4,
	  false },
	{ "sctp",
	  { ETH_, IP4_,
	    ITEM_(SCTP, S(sctp, .hdr.src_port = RTE_BE16(9)), S(sctp, .hdr.src_port = 0xffff)),
	    END_ITEM },
	  { .proto = 132, .sport = 9 },
	  true },
	{ "sctp fragment",
	  { ETH_, IP4_, ITEM_(SCTP, NULL, NULL), END_ITEM },
	  { .proto = 132, .fragment = 0x2000 },
	  false },
	{ "icmp type",
	  { ETH_, IP4_, ITEM_(ICMP, S(icmp, .hdr.icmp_type = 8), NULL), END_ITEM },
	  { .proto = 1, .sport = 0x0800 },
	  true },
	{ "icmp other type",
	  { ETH_, IP4_, ITEM_(ICMP, S(icmp, .hdr.icmp_type = 0), NULL), END_ITEM },
	  { .proto = 1, .sport = 0x0800 },
	  false },
	{ "icmp6 type and code",
	  { ETH_, IP6_,
	    ITEM_(ICMP6, S(icmp6, .type = 135, .code = 1), S(icmp6, .type = 255, .code = 255)),
	    END_ITEM },
	  { .v6 = true, .proto = 58, .sport = 0x8701 },
	  true },
	{ "icmp6 is not icmp",
	  { ETH_, IP4_, ITEM_(ICMP, NULL, NULL), END_ITEM },
	  { .proto = 58 },
	  false },
	{ "ipv6", { ETH_, IP6_, END_ITEM }, UDP6, true },
	{ "ipv6 on IPv4", { ETH_, IP6_, END_ITEM }, UDP4, false },
	{ "ipv6 src",
	  { ETH_,
	    ITEM_(IPV6,
		  S(ipv6,
		    .hdr = { .src_addr = { 0xfd, [15] = 1 }, .dst_addr = { 0xfd, [15] = 2 } }),
		  NULL),
	    END_ITEM },
	  UDP6,
	  true },
	{ "ipv6 other dst",
	  { ETH_,
	    ITEM_(IPV6,
		  S(ipv6,
		    .hdr = { .src_addr = { 0xfd, [15] = 1 }, .dst_addr = { 0xfd, [15] = 3 } }),
		  NULL),
	    END_ITEM },
	  UDP6,
	  false },
	{ "ipv6 traffic class",
	  { ETH_,
	    ITEM_(IPV6, S(ipv6, .hdr.vtc_flow = RTE_BE32(0x04800000)),
		  S(ipv6, .hdr.vtc_flow = RTE_BE32(0x0ff00000))),
	    END_ITEM },
	  UDP6,
	  true },
	{ "ipv6 flow label",
	  { ETH_,
	    ITEM_(IPV6, S(ipv6, .hdr.vtc_flow = RTE_BE32(0x12346)),
		  S(ipv6, .hdr.vtc_flow = RTE_BE32(0xfffff))),
	    END_ITEM },
	  UDP6,
	  false },
	{ "ipv6 hop limit",
	  { ETH_, ITEM_(IPV6, S(ipv6, .hdr.hop_limits = 64), S(ipv6, .hdr.hop_limits = 255)),
	    END_ITEM },
	  UDP6,
	  true },
	{ "ipv6 proto behind no extension",
	  { ETH_, ITEM_(IPV6, S(ipv6, .hdr.proto = 17), S(ipv6, .hdr.proto = 255)), END_ITEM },
	  UDP6,
	  true },
	{ "udp behind extensions",
	  { ETH_, IP6_,
	    ITEM_(UDP, S(udp, .hdr.dst_port = RTE_BE16(53)), S(udp, .hdr.dst_port = 0xffff)),
	    END_ITEM },
	  { .v6 = true, .hop_ext = true, .route_ext = true, .proto = 17, .dport = 53 },
	  true },
	{ "has_hop_ext",
	  { ETH_, ITEM_(IPV6, S(ipv6, .has_hop_ext = 1), S(ipv6, .has_hop_ext = 1)), END_ITEM },
	  { .v6 = true, .hop_ext = true, .proto = 17 },
	  true },
	{ "no frag ext",
	  { ETH_, ITEM_(IPV6, S(ipv6, .has_frag_ext = 0), S(ipv6, .has_frag_ext = 1)), END_ITEM },
	  { .v6 = true, .frag_ext = true, .fragment = 1, .proto = 17 },
	  false },
	{ "has_frag_ext",
	  { ETH_, ITEM_(IPV6, S(ipv6, .has_frag_ext = 1), S(ipv6, .has_frag_ext = 1)), END_ITEM },
	  { .v6 = true, .frag_ext = true, .fragment = 1, .proto = 17 },
	  true },
	{ "frag ext first",
	  { ETH_, IP6_,
	    ITEM_(IPV6_FRAG_EXT, S(ipv6_frag_ext, .hdr.frag_data = RTE_BE16(1)),
		  S(ipv6_frag_ext, .hdr.frag_data = 0xffff)),
	    ITEM_(UDP, NULL, NULL), END_ITEM },
	  { .v6 = true, .frag_ext = true, .fragment = 1, .proto = 17 },
	  true },
	{ "frag ext later",
	  { ETH_, IP6_, ITEM_(IPV6_FRAG_EXT, NULL, NULL), ITEM_(UDP, NULL, NULL), END_ITEM },
	  { .v6 = true, .frag_ext = true, .fragment = 0x10, .proto = 17 },
	  false },
};

START_TEST(match)
{
	const struct match_case *c = &match_cases[_i];
	const struct rte_flow_action_ethdev vf1 = { .port_id = rep1 };
	const struct rte_flow_action actions[] = { ACT(COUNT, NULL), ACT(REPRESENTED_PORT, &vf1),
						   ACT(END, NULL) };
	struct frame f = frame_build(&c->frame), far, app;
	struct rte_flow *rule = rule_create(c->items, actions);
	uint64_t bytes;

	send_far(0, &f);
	far = take_far(1);
	app = take_app(rep0);
	ck_assert_msg(far.len == (c->match ? f.len : 0), "%s: at VF 1: %zu bytes", c->name,
		      far.len);
	ck_assert_msg(app.len == (c->match ? 0 : f.len), "%s: at the representor: %zu bytes",
		      c->name, app.len);
	ck_assert_msg(rule_hits(rule, false, &bytes) == c->match, "%s: hits", c->name);
	ck_assert_msg(bytes == (c->match ? f.len : 0), "%s: bytes", c->name);
	ck_assert_mem_eq(c->match ? far.data : app.data, f.data, f.len);
	send_far(1, &f); // not from VF 0
	ck_assert_msg(take_app(rep1).len == f.len, "%s: port", c->name);
	rule_destroy(rule);
}
END_TEST

static const struct rte_flow_item any[] = { END_ITEM };

// Whatever comes in comes out somewhere or is counted, and nothing is read or written beside it.
START_TEST(noise)
{
	static const struct frame_spec seeds[] = {
		UDP4,	TCP4, UDP6,
		TAGGED, QINQ, { .v6 = true, .hop_ext = true, .frag_ext = true, .proto = 58 }
	};
	const struct rte_flow_item ip4[] = { IP4_, END_ITEM }, ip6[] = { IP6_, END_ITEM };
	const struct rte_flow_item tag[] = { VLAN_, END_ITEM },
				   l4[] = { ITEM_(TCP, NULL, NULL), END_ITEM };
	const struct rte_flow_action pop[] = { ACT(OF_POP_VLAN, NULL), ACT(JUMP, C(jump, 1)),
					       ACT(END, NULL) };
	const struct rte_flow_action v4[] = { ACT(SET_IPV4_SRC, C(set_ipv4, 9)), ACT(DEC_TTL, NULL),
					      ACT(JUMP, C(jump, 2)), ACT(END, NULL) };
	const struct rte_flow_action v6[] = { ACT(SET_IPV6_DST, C(set_ipv6, { 9 })),
					      ACT(OF_PUSH_VLAN, C(of_push_vlan, RTE_BE16(0x8100))),
					      ACT(JUMP, C(jump, 2)), ACT(END, NULL) };
	const struct rte_flow_action tp[] = { ACT(SET_TP_DST, C(set_tp, 9)), ACT(JUMP, C(jump, 0)),
					      ACT(END, NULL) };
	unsigned seed = 20221127;

	ck_assert(rule_create_in(0, 0, tag, pop));
	ck_assert(rule_create_in(
		0, 1, any,
		(const struct rte_flow_action[]){ ACT(JUMP, C(jump, 1)), ACT(END, NULL) }));
	ck_assert(rule_create_in(1, 0, ip4, v4) && rule_create_in(1, 0, ip6, v6) &&
		  rule_create_in(2, 0, l4, tp));
	for (int i = 0; i < 200000; i++) {
		struct frame f = frame_build(&seeds[i % ARRAY_SIZE(seeds)]);
		uint8_t *exact;

		for (int n = rand_r(&seed) % 4; n > 0; n--)
			f.data[12 + rand_r(&seed) % (f.len - 12)] = rand_r(&seed);
		f.len = rand_r(&seed) % 3 ? f.len : rand_r(&seed) % (f.len + 1);
		exact = xmemdup(f.data, f.len); // so that a sanitizer sees a read beyond
		ck_assert_int_eq(simnic_inject(NIC, 0, exact, f.len), 0);
		free(exact);
		while (take_app(rep0).len)
			;
	}
	ck_assert_int_eq(rte_flow_flush(uplink, &last_error), 0);
}
END_TEST

// A field of DPDK's item that no row describes could be asked for and be ignored.
START_TEST(fields_cover_items)
{
	for (size_t i = 0; i < ITEM_MAX; i++) {
		uint8_t covered[64] = { 0 };
		size_t n = 0;

		for (size_t k = 0; k < simnic_n_fields; k++) {
			const struct simnic_field *f = &simnic_fields[k];

			for (size_t b = 0; f->item == i && b < f->size; b++) {
				ck_assert_msg(!covered[f->ofs + b]++, "%s.%s overlaps",
					      simnic_items[i].name, f->name);
				n++;
			}
		}
		ck_assert_msg(n == simnic_items[i].size - (i == ITEM_ETH ? 1 : 0),
			      "%s: %zu bytes described of %u", simnic_items[i].name, n,
			      simnic_items[i].size); // ETH has a byte of padding
	}
}
END_TEST

static void add(Suite *suite)
{
	TCase *tc = tcase_create("match");

	tcase_set_timeout(tc, 0);
	tcase_add_checked_fixture(tc, bench_plug, bench_unplug);
	tcase_add_test(tc, fields_cover_items);
	tcase_add_loop_test(tc, match, 0, ARRAY_SIZE(match_cases));
	tcase_add_test(tc, noise);
	suite_add_tcase(suite, tc);
}

int main(int argc, char **argv)
{
	return bench_main(argv[0], "simnic-match", add);
}
