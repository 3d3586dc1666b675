// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/segments.h"

#include <arpa/inet.h>
#include <check.h>

#include "core/base/rcu.h"

enum { WAIT = 20000 };

static void parse_address(const char *text, void *ret)
{
	ck_assert_msg(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ret) == 1, "%s",
		      text);
}

void frame_view(const struct strbuf *frame, struct packet *p, struct flow_key *key)
{
	struct packet_metadata md = { .in_port = 0 };

	*p = (struct packet){ .data = (uint8_t *)frame->s, .size = frame->len };
	ck_assert_int_eq(packet_parse(p, &md, key), 0);
}

void segment_make(const struct segment *s, struct strbuf *frame)
{
	bool v6 = strchr(s->src, ':');
	size_t n = s->payload ? strlen(s->payload) : 0;
	struct flow_key key = { .eth_type = htobe16(v6 ? 0x86dd : 0x0800),
				.nw_proto = s->proto,
				.nw_ttl = 64,
				.eth_src = { { 2, 0, 0, 0, 0, 0x11 } },
				.eth_dst = { { 2, 0, 0, 0, 0, 0x22 } },
				.tp_src = htobe16(s->sport),
				.tp_dst = htobe16(s->dport),
				.tcp_flags = htobe16(s->flags) };
	struct packet p;
	be32 word;

	parse_address(s->src, v6 ? (void *)&key.ipv6_src : &key.nw_src);
	parse_address(s->dst, v6 ? (void *)&key.ipv6_dst : &key.nw_dst);
	packet_compose(&key, n, frame);
	frame_view(frame, &p, &key);
	if (s->proto == 6) {
		word = htobe32(s->seq);
		memcpy(p.data + p.l4 + 4, &word, 4);
		word = htobe32(s->ack);
		memcpy(p.data + p.l4 + 8, &word, 4);
		// A window, so that nothing is out of it.
		memcpy(p.data + p.l4 + 14, "\xff\xff", 2);
	}
	if (n)
		memcpy(p.data + p.size - n, s->payload, n);
	packet_fix_checksums(&p);
}

void segment_send(const struct wire *w, const struct segment *s)
{
	AUTO(strbuf) frame = STRBUF_INIT;

	segment_make(s, &frame);
	wire_send(w, frame.s, frame.len);
}

void frame_expect(const struct wire *w, struct strbuf *frame, struct flow_key *key)
{
	struct packet p;

	rcu_offline();
	ck_assert_msg(wire_receive(w, frame, WAIT), "nothing came out at %s", w->far);
	rcu_online();
	frame_view(frame, &p, key);
	ck_assert_msg(packet_fix_checksums(&p), "a checksum is wrong");
}

void address_expect(const struct flow_key *key, bool source, const char *min, const char *max)
{
	bool v6 = strchr(min, ':');
	const void *have = v6 ? (source ? (const void *)&key->ipv6_src : &key->ipv6_dst)
			      : (source ? (const void *)&key->nw_src : &key->nw_dst);
	struct ipv6_addr low, high;
	size_t n = v6 ? 16 : 4;

	parse_address(min, &low);
	parse_address(max ? max : min, &high);
	ck_assert(memcmp(have, &low, n) >= 0 && memcmp(have, &high, n) <= 0);
}

// ---- Translation ----

#define UDP4 .out = { "10.0.0.1", "10.0.0.2", 17, 7, 8 }
#define TCP4 .out = { "10.0.0.1", "10.0.0.2", 6, 7, 80, TCP_SYN, 1 }
#define UDP6 .out = { "2001:db8::1", "2001:db8::2", 17, 7, 80 }
#define TCP6 .out = { "2001:db8::1", "2001:db8::2", 6, 7, 80, TCP_SYN, 1 }
#define SOURCE .is_source = true, .src

const struct nat_case nat_cases[] = {
	{ "source", "nat(src=10.9.9.9)", UDP4, SOURCE = "10.9.9.9" },
	{ "source range and ports", "nat(src=10.9.9.1-10.9.9.7:4000-4010)", TCP4,
	  SOURCE = "10.9.9.1", .src_max = "10.9.9.7", .sport_min = 4000, .sport_max = 4010 },
	{ "destination", "nat(dst=10.9.9.9)", UDP4, .dst = "10.9.9.9" },
	{ "destination and port", "nat(dst=10.9.9.9:8080)", TCP4, .dst = "10.9.9.9",
	  .dport = 8080 },
	{ "IPv6 source", "nat(src=2001:db8:9::9)", UDP6, SOURCE = "2001:db8:9::9" },
	{ "IPv6 source range and ports", "nat(src=[2001:db8:9::1]-[2001:db8:9::f]:4000-4001)", TCP6,
	  SOURCE = "2001:db8:9::1", .src_max = "2001:db8:9::f", .sport_min = 4000,
	  .sport_max = 4001 },
	{ "IPv6 destination and port", "nat(dst=[2001:db8:9::9]:8080)", UDP6,
	  .dst = "2001:db8:9::9", .dport = 8080 },
	{ "echo", "nat(src=10.9.9.9)", .out = { "10.0.0.1", "10.0.0.2", 1, 8, 0 },
	  SOURCE = "10.9.9.9" },
	// Low ports stay low.
	{ "source persistent", "nat(src=10.9.9.1-10.9.9.7,persistent,hash)", UDP4,
	  SOURCE = "10.9.9.1", .src_max = "10.9.9.7", .sport_min = 1, .sport_max = 511 },
	{ "source random", "nat(src=10.9.9.1:5000-6000,random)", UDP4, SOURCE = "10.9.9.1",
	  .sport_min = 5000, .sport_max = 6000 },
};
const size_t n_nat_cases = ARRAY_SIZE(nat_cases);

static void check_there(const struct nat_case *c, const struct flow_key *key)
{
	uint16_t sport = be16toh(key->tp_src);

	address_expect(key, true, c->src ? c->src : c->out.src, c->src_max);
	address_expect(key, false, c->dst ? c->dst : c->out.dst, NULL);
	ck_assert_uint_ge(sport, c->sport_min ? c->sport_min : c->out.sport);
	ck_assert_uint_le(sport, c->sport_max ? c->sport_max : c->out.sport);
	ck_assert_uint_eq(be16toh(key->tp_dst), c->dport ? c->dport : c->out.dport);
}

static void check_back(const struct nat_case *c, const struct flow_key *key)
{
	address_expect(key, true, c->out.dst, NULL);
	address_expect(key, false, c->out.src, NULL);
	if (c->out.proto == 1)
		return;
	ck_assert_uint_eq(be16toh(key->tp_src), c->out.dport);
	ck_assert_uint_eq(be16toh(key->tp_dst), c->out.sport);
}

// From where the packet went to where it seemed to come from.
static void reply_to(const struct wire *w, const struct flow_key *seen)
{
	bool v6 = seen->eth_type == htobe16(0x86dd), icmp = seen->nw_proto == 1;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	struct segment reply = { src,
				 dst,
				 seen->nw_proto,
				 icmp ? 0 : be16toh(seen->tp_dst),
				 icmp ? 0 : be16toh(seen->tp_src),
				 TCP_SYN | TCP_ACK,
				 77,
				 2,
				 "data" };

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)&seen->ipv6_dst : &seen->nw_dst, src,
		  sizeof(src));
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)&seen->ipv6_src : &seen->nw_src, dst,
		  sizeof(dst));
	segment_send(w, &reply);
}

void nat_exchange(const struct nat_case *c, const struct wire *client, const struct wire *server)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct flow_key key;

	segment_send(client, &c->out);
	frame_expect(server, &frame, &key);
	check_there(c, &key);
	reply_to(server, &key);
	frame_expect(client, &frame, &key);
	check_back(c, &key);
}
