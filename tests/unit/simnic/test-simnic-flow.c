// SPDX-License-Identifier: Apache-2.0
// Items, actions, lookup order, checksums and refusals of the simulated NIC, as rows.
#include "tests/unit/simnic/bench.h"

#include <check.h>

#include "hw-tests/simnic/simnic-private.h"

#define END_ITEM \
	{ \
		RTE_FLOW_ITEM_TYPE_END, NULL, NULL, NULL \
	}
#define ITEM_(t, spec_, mask_) \
	{ \
		.type = RTE_FLOW_ITEM_TYPE_##t, .spec = spec_, .mask = mask_ \
	}
#define ETH_ ITEM_(ETH, NULL, NULL)
#define VLAN_ ITEM_(VLAN, NULL, NULL)
#define IP4_ ITEM_(IPV4, NULL, NULL)
#define IP6_ ITEM_(IPV6, NULL, NULL)
#define S(type, ...) (&(const struct rte_flow_item_##type){ __VA_ARGS__ })
#define C(type, ...) (&(const struct rte_flow_action_##type){ __VA_ARGS__ })
#define ACT(t, conf_) \
	{ \
		.type = RTE_FLOW_ACTION_TYPE_##t, .conf = conf_ \
	}
#define UDP4 \
	{ \
		.proto = 17, .ttl = 64, .sport = 1000, .dport = 53, .payload = 21 \
	}
#define TCP4 \
	{ \
		.proto = 6, .ttl = 64, .tos = 0x48, .sport = 1000, .dport = 80, .payload = 30 \
	}
#define UDP6 \
	{ \
		.v6 = true, .proto = 17, .ttl = 64, .tos = 0x48, .sport = 1000, .dport = 53, \
		.payload = 21 \
	}
#define TAGGED \
	{ \
		.n_tags = 1, .tci = { 0x6064 }, .proto = 17, .ttl = 64, .sport = 1000, .dport = 53 \
	}
#define QINQ \
	{ \
		.n_tags = 2, .tci = { 0x2005, 0x6064 }, .proto = 17, .ttl = 64, .sport = 1000, \
		.dport = 53 \
	}

static struct rte_flow_error last_error;

static struct rte_flow *create_in(uint32_t group, uint32_t priority,
				  const struct rte_flow_item *items,
				  const struct rte_flow_action *actions)
{
	struct rte_flow_attr attr = { .group = group, .priority = priority, .transfer = 1 };

	memset(&last_error, 0, sizeof(last_error));
	return rte_flow_create(uplink, &attr, items, actions, &last_error);
}

// The pattern 'items' behind "from VF 0"; a match goes to VF 1, no match to the representor of VF 0.
static struct rte_flow *create(const struct rte_flow_item *items,
			       const struct rte_flow_action *actions)
{
	const struct rte_flow_item_ethdev vf0 = { .port_id = rep0 };
	struct rte_flow_item all[12] = { ITEM_(REPRESENTED_PORT, &vf0, NULL) };
	struct rte_flow *rule;
	size_t n = 1;

	do
		all[n] = items[n - 1];
	while (all[n++].type != RTE_FLOW_ITEM_TYPE_END);
	rule = create_in(0, 0, all, actions);
	if (!rule)
		ck_abort_msg("%s", last_error.message);
	return rule;
}

static uint64_t hits(struct rte_flow *rule, bool reset, uint64_t *bytes)
{
	const struct rte_flow_action count[] = { ACT(COUNT, NULL), ACT(END, NULL) };
	struct rte_flow_query_count q = { .reset = reset };

	ck_assert_int_eq(rte_flow_query(uplink, rule, count, &q, &last_error), 0);
	ck_assert(q.hits_set && q.bytes_set);
	if (bytes)
		*bytes = q.bytes;
	return q.hits;
}

static void destroy(struct rte_flow *rule)
{
	ck_assert_int_eq(rte_flow_destroy(uplink, rule, &last_error), 0);
}

static const char *control(const char *command)
{
	static char reply[8192];

	simnic_control(NIC, command, reply, sizeof(reply));
	return reply;
}

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
	struct rte_flow *rule = create(c->items, actions);
	uint64_t bytes;

	send_far(0, &f);
	far = take_far(1);
	app = take_app(rep0);
	ck_assert_msg(far.len == (c->match ? f.len : 0), "%s: at VF 1: %zu bytes", c->name,
		      far.len);
	ck_assert_msg(app.len == (c->match ? 0 : f.len), "%s: at the representor: %zu bytes",
		      c->name, app.len);
	ck_assert_msg(hits(rule, false, &bytes) == c->match, "%s: hits", c->name);
	ck_assert_msg(bytes == (c->match ? f.len : 0), "%s: bytes", c->name);
	ck_assert_mem_eq(c->match ? far.data : app.data, f.data, f.len);
	send_far(1, &f); // not from VF 0
	ck_assert_msg(take_app(rep1).len == f.len, "%s: port", c->name);
	destroy(rule);
}
END_TEST

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

#define L3 14
#define L4_4 34
#define L4_6 54
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
	rule = create(c->items, actions);
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
	destroy(rule);
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
	struct rte_flow *rule = create(items, actions);

	f.data[L4_4 + 16] ^= 1;
	send_far(0, &f);
	got = take_far(SIMNIC_WIRE);
	ck_assert_str_eq(frame_check(&got), "transport checksum");
	destroy(rule);
}
END_TEST

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
	struct rte_flow *rule = create_in(group, priority, items, actions);

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
	destroy(high);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len);
	destroy(low);

	// Same match, same priority: the older one until it goes.
	old = to_port(0, 0, any, uplink);
	new = to_port(0, 0, any, rep1);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len);
	destroy(old);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	destroy(new);
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
	struct rte_flow *first = create_in(0, 0, ip, jump), *second;

	send_far(0, &f); // nothing in group 7: to the representor, as modified so far
	got = take_app(rep0);
	ck_assert_uint_eq(got.len, f.len);
	ck_assert_uint_eq(got.data[L3 + 8], 3);
	ck_assert_uint_eq(simnic_counter(NIC, "jump_misses"), misses + 1);
	second = to_port(7, 0, ttl3, rep1); // sees the packet as the first rule left it
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	destroy(second);
	second = create_in(7, 0, any, back);
	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_loop"), loops + 1);
	destroy(second);
	destroy(first);
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
	rule = create_in(0, 0, from_app, actions);
	send_app(rep0, &f);
	ck_assert_uint_eq(take_far(0).len, 0);
	ck_assert_uint_eq(take_far(1).len, f.len);
	ck_assert_uint_eq(take_far(SIMNIC_WIRE).len, f.len + 4);
	ck_assert_uint_eq(take_app(uplink).len, f.len + 4);
	send_far(0, &f); // not from the application
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	destroy(rule);
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
	struct rte_flow *rule = create_in(0, 0, any, drop);

	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_action"), by_rule + 1);
	destroy(rule);
	rule = create_in(0, 0, ip, dec);
	send_far(0, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_ttl"), by_ttl + 1);
	destroy(rule);
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
	ck_assert_uint_eq(hits(rule, true, &bytes), 3);
	ck_assert_uint_eq(bytes, 3 * f.len);
	ck_assert_uint_eq(hits(rule, false, &bytes), 0);
	send_far(0, &f);
	ck_assert_uint_eq(hits(rule, false, &bytes), 1);
	destroy(rule);
	ck_assert_int_eq(rte_flow_destroy(uplink, rule, &last_error), -EINVAL);
	ck_assert_str_eq(last_error.message, NIC ": no such rule");
	rule = create_in(0, 0, any, drop);
	ck_assert_int_eq(rte_flow_query(uplink, rule, count, &q, &last_error), -EINVAL);
	ck_assert_str_eq(last_error.message, NIC ": the rule has no COUNT action");
	destroy(rule);
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
	ck_assert(!create_in(0, 0, any, (const struct rte_flow_action[])DROP_));
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

	ck_assert(create_in(0, 0, tag, pop));
	ck_assert(create_in(
		0, 1, any,
		(const struct rte_flow_action[]){ ACT(JUMP, C(jump, 1)), ACT(END, NULL) }));
	ck_assert(create_in(1, 0, ip4, v4) && create_in(1, 0, ip6, v6) && create_in(2, 0, l4, tp));
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

int main(int argc, char **argv)
{
	Suite *suite = suite_create("simnic-flow");
	TCase *tc = tcase_create("flow");
	SRunner *sr = srunner_create(suite);
	int failed;

	bench_start_eal(argv[0]);
	tcase_set_timeout(tc, 0);
	tcase_add_checked_fixture(tc, bench_plug, bench_unplug);
	tcase_add_test(tc, fields_cover_items);
	tcase_add_loop_test(tc, match, 0, ARRAY_SIZE(match_cases));
	tcase_add_loop_test(tc, rewrite, 0, ARRAY_SIZE(rewrite_cases));
	tcase_add_test(tc, wrong_checksum_stays_wrong);
	tcase_add_loop_test(tc, refusal, 0, ARRAY_SIZE(refusal_cases));
	tcase_add_test(tc, lower_priority_number_wins);
	tcase_add_test(tc, groups);
	tcase_add_test(tc, several_outputs_and_the_two_sides);
	tcase_add_test(tc, drops);
	tcase_add_test(tc, count_and_reset);
	tcase_add_test(tc, many_rules);
	tcase_add_test(tc, noise);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(sr, CK_NOFORK); // EAL does not survive a fork
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	rte_eal_cleanup();
	return failed ? 1 : 0;
}
