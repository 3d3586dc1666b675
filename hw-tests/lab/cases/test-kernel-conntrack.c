// SPDX-License-Identifier: Apache-2.0
// Connection tracking of the kernel datapath in a real kernel: states that flows see, addresses translated, limits, timeouts, the
// table itself. To be run in a lab guest (hw-tests/lab/run): it makes network devices.
#include <check.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <stdio.h>
#include <unistd.h>

#include "core/netlink/rtnl.h"
#include "core/packet/packet.h"
#include "datapath/kernel/ct-message.h"
#include "datapath/kernel/kernel.h"
#include "hw-tests/lab/cases/frames.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/pipeline.h"
#include "hw-tests/lab/cases/segments.h"

enum { N_WIRES = 3, MANY = 3000 };

static struct wire wires[N_WIRES + 1]; // by datapath port number
static VEC(struct megaflow *) flows;

#define ANY_IP4 "packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=no)"
#define ANY_IP6 "packet_type(ns=0,id=0),eth(),eth_type(0x86dd),ipv6(frag=no)"

// ---- Flows ----

static struct megaflow *put_flow(const char *flow, const char *actions)
{
	// Flows must not overlap.
	AUTO_FREE char *whole =
		strstr(flow, "recirc_id(") ? xstrdup(flow) : xasprintf("recirc_id(0),%s", flow);
	struct megaflow *mf;
	struct match m;
	int error;

	flow_from_text(whole, &m);
	mf = megaflow_of(&m, actions);
	error = ops->flow_add(dp, mf);
	ck_assert_msg(!error, "%s: %s: %s", flow, actions, strerror(-error));
	VEC_PUSH(&flows, mf);
	return mf;
}

static uint64_t hits(struct megaflow *mf)
{
	ops->refresh(dp);
	return counts_of(mf).packets;
}

static void flush_all(void)
{
	struct ct_match all = { .has_zone = false };

	ck_assert_int_eq(ops->ct->flush(dp, &all, NULL), 0);
}

static void clean_up(void)
{
	while (flows.n)
		take_out(flows.v[--flows.n]);
	flush_all();
}

// ---- Packets ----

static void inject(unsigned int port, const struct segment *s)
{
	segment_send(&wires[port], s);
}

static void inject_udp(unsigned int port, uint16_t sport)
{
	inject(port, &(struct segment){ "10.0.0.1", "10.0.0.2", 17, sport, 53, 0, 0, 0, NULL });
}

static void expect_at(unsigned int port)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct flow_key key;

	frame_expect(&wires[port], &frame, &key);
}

// A marker goes to every wire behind what was sent before, and is the first that comes out.
static void expect_nothing(void)
{
	// To all, from an address of its own; an experimental EtherType (IEEE 802).
	static const uint8_t marker[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
					    0,	  0,	0,    0,    9,	  0x88, 0xb5 };
	AUTO(strbuf) frame = STRBUF_INIT;

	put_flow("in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x88b5)", "1,2,3");
	wire_send(&wires[1], marker, sizeof(marker));
	rcu_offline();
	for (unsigned int i = 1; i <= N_WIRES; i++) {
		ck_assert(wire_receive(&wires[i], &frame, WAIT_MSEC));
		ck_assert_msg(frame.len == sizeof(marker) &&
				      !memcmp(frame.s, marker, sizeof(marker)),
			      "something came out at %u", i);
	}
	rcu_online();
	take_out(flows.v[--flows.n]);
}

// ---- The table ----

typedef VEC(struct ct_entry) entry_vec;

static void take_entry(const struct ct_entry *e, void *aux)
{
	entry_vec *v = aux;

	if (e)
		VEC_PUSH(v, *e);
	else
		VEC_CLEAR(v);
}

static size_t entries(const uint16_t *zone, entry_vec *ret)
{
	struct error err = ERROR_INIT;

	VEC_CLEAR(ret);
	ck_assert_msg(!ops->ct->dump(dp, zone, take_entry, ret, &err), "%s", err.text);
	return ret->n;
}

static size_t count_in(uint16_t zone)
{
	entry_vec v = VEC_INIT;
	size_t n = entries(&zone, &v);

	VEC_FREE(&v);
	return n;
}

// ---- States ----

static const struct segment syn = { "10.0.0.1", "10.0.0.2", 6, 1000, 80, TCP_SYN, 100, 0, NULL };
static const struct segment syn_ack = { "10.0.0.2",	   "10.0.0.1", 6,   80,	 1000,
					TCP_SYN | TCP_ACK, 500,	       101, NULL };
static const struct segment ack = { "10.0.0.1", "10.0.0.2", 6, 1000, 80, TCP_ACK, 101, 501, NULL };

#define STATE(S) "ct_state(" S "),"

// An ICMP error about 'about', from the other side.
static void inject_error(unsigned int port, const struct segment *about)
{
	AUTO(strbuf) inner = STRBUF_INIT, frame = STRBUF_INIT;
	struct segment error = { about->dst, about->src, 1, 3, 1, 0, 0, 0, NULL };
	AUTO_FREE char *payload = xzalloc(29);
	struct flow_key key;
	struct packet p;

	segment_make(about, &inner);
	memset(payload, 'x', 28);
	error.payload = payload;
	segment_make(&error, &frame);
	frame_view(&frame, &p, &key);
	// IP header and eight bytes.
	memcpy(p.data + p.size - 28, inner.s + 14, 28);
	packet_fix_checksums(&p);
	wire_send(&wires[port], frame.s, frame.len);
}

START_TEST(flows_see_what_a_connection_is)
{
	struct megaflow *fresh, *known, *reply, *related, *invalid;
	struct segment bad = ack;
	entry_vec v = VEC_INIT;

	put_flow("in_port(1)," ANY_IP4, "ct(zone=5),recirc(1)");
	put_flow("in_port(2)," ANY_IP4, "ct(zone=5),recirc(2)");
	fresh = put_flow("recirc_id(1)," STATE("+trk+new-est-rpl-rel-inv") "in_port(1)," ANY_IP4,
			 "ct(commit,zone=5,mark=0x105/0xff,label=0x0102/0xffff),2");
	known = put_flow("recirc_id(1)," STATE("+trk-new+est-rpl-rel-inv") "in_port(1)," ANY_IP4,
			 "2");
	reply = put_flow("recirc_id(2)," STATE(
				 "+trk-new+est+rpl-rel-inv") "ct_zone(0x5),"
							     "ct_mark(0x5),ct_label(0x102),"
							     "ct_tuple4(src=10.0.0.1,dst=10.0.0.2,"
							     "proto=6,tp_src=1000,tp_dst=80),"
							     "in_port(2)," ANY_IP4,
			 "1");
	related = put_flow(
		"recirc_id(2)," STATE("+trk-new+rel+rpl-inv") "ct_mark(0x5),in_port(2)," ANY_IP4,
		"3");
	invalid = put_flow("recirc_id(1)," STATE("+trk+inv") "in_port(1)," ANY_IP4, "3");
	inject(1, &syn);
	expect_at(2);
	inject(2, &syn_ack);
	expect_at(1);
	inject(1, &ack);
	expect_at(2);
	inject_error(2, &ack);
	expect_at(3);
	bad.flags = TCP_SYN | TCP_RST;
	inject(1, &bad);
	expect_at(3);
	ck_assert_uint_eq(hits(fresh), 1);
	ck_assert_uint_eq(hits(known), 1);
	ck_assert_uint_eq(hits(reply), 1);
	ck_assert_uint_eq(hits(related), 1);
	ck_assert_uint_eq(hits(invalid), 1);
	ck_assert_uint_eq(entries(NULL, &v), 1);
	ck_assert_uint_eq(v.v[0].zone, 5);
	ck_assert_uint_eq(v.v[0].mark, 5);
	ck_assert_mem_eq(v.v[0].label, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2", 16);
	ck_assert_uint_eq(v.v[0].status & (CT_STATUS_SEEN_REPLY | CT_STATUS_ASSURED),
			  CT_STATUS_SEEN_REPLY | CT_STATUS_ASSURED);
	ck_assert(v.v[0].has_tcp && v.v[0].tcp[0].state == CT_TCP_ESTABLISHED);
	ck_assert_uint_eq(v.v[0].orig.src_port, htobe16(1000));
	ck_assert_uint_eq(v.v[0].reply.dst_port, htobe16(1000));
	VEC_FREE(&v);
}
END_TEST

START_TEST(misses_tell_the_connection)
{
	unsigned int before = count_of(&seen.misses);

	put_flow("in_port(1)," ANY_IP6, "ct(commit,zone=5,mark=0x7/0xff),recirc(1)");
	inject(1, &(struct segment){ "2001:db8::1", "2001:db8::2", 17, 7, 8, 0, 0, 0, NULL });
	wait_until_read(&seen.misses, before + 1);
	pthread_mutex_lock(&seen_lock);
	ck_assert_uint_eq(seen.key.recirc_id, 1);
	ck_assert_uint_eq(seen.key.ct_state, CS_TRK | CS_NEW);
	ck_assert_uint_eq(seen.key.ct_zone, 5);
	ck_assert_uint_eq(seen.key.ct_mark, 7);
	ck_assert_uint_eq(seen.key.ct_nw_proto, 17);
	ck_assert_uint_eq(seen.key.ct_tp_src, htobe16(7));
	ck_assert_uint_eq(seen.key.ct_tp_dst, htobe16(8));
	ck_assert_mem_eq(&seen.key.ct_ipv6_src, &seen.key.ipv6_src, 16);
	pthread_mutex_unlock(&seen_lock);
}
END_TEST

START_TEST(zones_are_apart)
{
	struct megaflow *fresh;

	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=5),ct(zone=6),recirc(1)");
	fresh = put_flow("recirc_id(1)," STATE("+trk+new") "ct_zone(0x6),in_port(1)," ANY_IP4, "2");
	for (int i = 0; i < 2; i++) {
		inject(1, &syn);
		expect_at(2);
	}
	ck_assert_uint_eq(hits(fresh), 2);
	ck_assert_uint_eq(count_in(5), 1);
	ck_assert_uint_eq(count_in(6), 0);
}
END_TEST

START_TEST(what_is_cleared_is_not_tracked)
{
	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=5,mark=0x7/0xff),ct_clear,recirc(1)");
	put_flow("recirc_id(1)," STATE("-trk") "ct_mark(0),in_port(1)," ANY_IP4, "2");
	inject(1, &syn);
	expect_at(2);
}
END_TEST

START_TEST(force_turns_a_connection_around)
{
	entry_vec v = VEC_INIT;

	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=5),2");
	put_flow("in_port(2)," ANY_IP4, "ct(force_commit,zone=5),1");
	inject_udp(1, 7);
	expect_at(2);
	inject(2, &(struct segment){ "10.0.0.2", "10.0.0.1", 17, 53, 7, 0, 0, 0, NULL });
	expect_at(1);
	ck_assert_uint_eq(entries(NULL, &v), 1);
	ck_assert_uint_eq(v.v[0].orig.src_port, htobe16(53));
	VEC_FREE(&v);
}
END_TEST

static void take_expected(const struct ct_expected *e, void *aux)
{
	*(struct ct_expected *)aux = *e;
}

START_TEST(a_helper_foretells_its_data_connection)
{
	struct segment port = ack,
		       data = { "10.0.0.2", "10.0.0.1", 6, 20, 1025, TCP_SYN, 9, 0, NULL };
	struct segment commands[3] = { syn, syn_ack, ack };
	AUTO(strbuf) text = STRBUF_INIT;
	struct ct_expected seen_one = { .id = 0 };
	struct megaflow *related;

	put_flow("in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(proto=6,frag=no)",
		 "ct(commit,zone=5,helper=ftp),2");
	put_flow("in_port(2),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(proto=6,frag=no)",
		 "ct(zone=5),recirc(2)");
	related = put_flow("recirc_id(2)," STATE("+trk+new+rel") "in_port(2)," ANY_IP4, "3");
	put_flow("recirc_id(2)," STATE("+trk+est") "in_port(2)," ANY_IP4, "1");
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			commands[i].sport = 21;
		else
			commands[i].dport = 21;
		inject(i == 1 ? 2 : 1, &commands[i]);
		expect_at(i == 1 ? 1 : 2);
	}
	port.dport = 21;
	port.flags = TCP_ACK | TCP_PSH;
	port.payload = "USER a\r\n";
	inject(1, &port);
	expect_at(2);
	port.seq += strlen(port.payload);
	port.payload = "PORT 10,0,0,1,4,1\r\n";
	inject(1, &port);
	expect_at(2);
	ck_assert_int_eq(ops->ct->dump_expected(dp, NULL, take_expected, &seen_one, NULL), 0);
	ck_assert_uint_le(seen_one.timeout, 300);
	seen_one.timeout = 300; // what is left of it
	ct_expected_format(&seen_one, &text);
	ck_assert_str_eq(text.s + strcspn(text.s, "("),
			 "(src=10.0.0.2,dst=10.0.0.1,sport=0,dport=1025),zone=5,timeout=300,helper="
			 "ftp,parent=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=21)");
	inject(2, &data);
	expect_at(3);
	ck_assert_uint_eq(hits(related), 1);
}
END_TEST

// ---- Fragments ----

enum { HALF = 24 }; // bytes of each fragment behind its IP header

static void send_fragment(const struct strbuf *whole, unsigned int offset, bool more)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	uint16_t word = offset / 8 | (more ? 0x2000 : 0);
	struct packet p;
	struct flow_key key;
	uint8_t *ip;

	strbuf_put(&frame, whole->s, 34);
	strbuf_put(&frame, whole->s + 34 + offset, HALF);
	ip = (uint8_t *)frame.s + 14;
	ip[2] = 0;
	ip[3] = 20 + HALF;
	ip[4] = 0x12; // an identification
	ip[6] = word >> 8;
	ip[7] = word;
	frame_view(&frame, &p, &key);
	packet_fix_checksums(&p);
	wire_send(&wires[1], frame.s, frame.len);
}

static const struct {
	const char *name, *actions, *after; // of the whole, where they recirculate
	uint8_t code; // that the echo comes out with
} fragments[] = {
	{ "by the kernel", "ct(commit,zone=5),recirc(1)", "2", 0 },
	{ "with slow parts behind", "ct(commit,zone=5),set(icmp(code=3)),2", NULL, 3 },
	{ "by length", "ct(commit,zone=5),check_pkt_len(size=60,gt(drop),le(2))", NULL, 0 },
	{ "by length, slowly",
	  "ct(commit,zone=5),check_pkt_len(size=60,gt(drop),le(set(icmp(code=4)),2))", NULL, 4 },
};

// Tracking puts a datagram together; it leaves in pieces as large as those that it came in, and counts by those.
START_TEST(fragments_leave_as_fragments)
{
	struct segment echo = {
		"10.0.0.1", "10.0.0.2", 1, 8, 0, 0, 0, 0, "0123456789012345678901234567890123456789"
	};
	AUTO(strbuf) whole = STRBUF_INIT, out = STRBUF_INIT;
	const char *kinds[] = { "first", "later" };

	segment_make(&echo, &whole);
	ck_assert_uint_eq(whole.len, 34 + 2 * HALF);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_FREE char *flow =
			xasprintf("in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4("
				  "proto=1,frag=%s)%s",
				  kinds[i], i ? "" : ",icmp(type=8,code=0)");

		put_flow(flow, fragments[_i].actions);
	}
	if (fragments[_i].after)
		put_flow("recirc_id(1),in_port(1)," ANY_IP4, fragments[_i].after);
	send_fragment(&whole, 0, true);
	expect_nothing();
	send_fragment(&whole, HALF, false);
	for (int i = 0; i < 2; i++) {
		rcu_offline();
		ck_assert_msg(wire_receive(&wires[2], &out, WAIT_MSEC), "%s: fragment %d is lost",
			      fragments[_i].name, i);
		rcu_online();
		ck_assert_uint_eq(out.len, 34 + HALF);
		ck_assert_uint_eq((uint8_t)out.s[20] & 0x20, i ? 0 : 0x20);
		if (!i)
			ck_assert_uint_eq((uint8_t)out.s[35], fragments[_i].code);
		else
			ck_assert_mem_eq(out.s + 34, whole.s + 34 + HALF, HALF);
	}
	expect_nothing();
}
END_TEST

// ---- Translation ----

START_TEST(addresses_are_translated_there_and_back)
{
	const struct nat_case *c = &nat_cases[_i];
	const char *any = strchr(c->out.src, ':') ? ANY_IP6 : ANY_IP4;
	AUTO_FREE char *commit = xasprintf("ct(commit,zone=5,%s),recirc(1)", c->nat);
	AUTO_FREE char *in1 = xasprintf("in_port(1),%s", any);
	AUTO_FREE char *in2 = xasprintf("in_port(2),%s", any);
	AUTO_FREE char *after1 = xasprintf("recirc_id(1),ct_state(+trk+new%s),in_port(1),%s",
					   c->is_source ? "+snat" : "+dnat", any);
	// What was the source is the destination of what comes back.
	AUTO_FREE char *after2 = xasprintf("recirc_id(2),ct_state(+trk+est+rpl%s),in_port(2),%s",
					   c->is_source ? "+dnat" : "+snat", any);

	put_flow(in1, commit);
	put_flow(after1, "2");
	put_flow(in2, "ct(zone=5,nat),recirc(2)");
	put_flow(after2, "1");
	nat_exchange(c, &wires[1], &wires[2]);
}
END_TEST

// A client talks to a public address that stands for itself: source and destination change, and the packet goes back where it
// came from.
START_TEST(a_hairpin_goes_back_where_it_came_from)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct flow_key key;

	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=1,nat(dst=10.0.0.1:8080)),recirc(1)");
	put_flow("recirc_id(1)," STATE("+trk+dnat") "in_port(1)," ANY_IP4,
		 "ct(commit,zone=2,nat(src=10.9.9.9)),recirc(2)");
	put_flow("recirc_id(2)," STATE("+trk+snat") "in_port(1)," ANY_IP4, "1");
	inject(1, &(struct segment){ "10.0.0.1", "10.9.9.9", 17, 7, 80, 0, 0, 0, NULL });
	frame_expect(&wires[1], &frame, &key);
	address_expect(&key, true, "10.9.9.9", NULL);
	address_expect(&key, false, "10.0.0.1", NULL);
	ck_assert_uint_eq(be16toh(key.tp_dst), 8080);
}
END_TEST

// ---- Limits ----

static void set_limit(uint16_t zone, uint32_t limit)
{
	struct ct_limits l = { .has_default = false };
	struct error err = ERROR_INIT;

	VEC_PUSH(&l.zones, ((struct ct_zone_limit){ zone, limit, 0 }));
	ck_assert_msg(!ops->ct->set_limits(dp, &l, &err), "%s", err.text);
	ct_limits_uninit(&l);
}

// The kernel forgets the connection that was refused some time later.
static void wait_for_count(uint16_t zone, uint32_t limit, uint32_t count)
{
	struct ct_zone_limit got = { 0 };
	struct ct_limits l = { 0 };

	for (int msec = 0; msec < WAIT_MSEC && (!msec || got.count > count); msec++) {
		ck_assert_int_eq(ops->ct->get_limits(dp, &zone, 1, &l, NULL), 0);
		ck_assert_uint_eq(l.zones.n, 1);
		ck_assert(l.has_default);
		got = l.zones.v[0];
		ct_limits_uninit(&l);
		usleep(1000);
	}
	ck_assert_uint_eq(got.limit, limit);
	ck_assert_uint_eq(got.count, count);
}

START_TEST(a_zone_s_limit_is_kept)
{
	uint16_t zone = 7;

	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=7),2");
	set_limit(zone, 2);
	inject_udp(1, 1);
	expect_at(2);
	inject_udp(1, 2);
	expect_at(2);
	inject_udp(1, 3);
	expect_nothing();
	wait_for_count(zone, 2, 2);
	ck_assert_int_eq(ops->ct->del_limits(dp, &zone, 1, NULL), 0);
	inject_udp(1, 3);
	expect_at(2);
}
END_TEST

START_TEST(the_default_limit_goes_for_zones_without_one)
{
	struct ct_limits l = { .has_default = true, .default_limit = 1 };

	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=8),2");
	ck_assert_int_eq(ops->ct->set_limits(dp, &l, NULL), 0);
	inject_udp(1, 1);
	expect_at(2);
	inject_udp(1, 2);
	expect_nothing();
	l.default_limit = 0;
	ck_assert_int_eq(ops->ct->set_limits(dp, &l, NULL), 0);
	inject_udp(1, 2);
	expect_at(2);
	ck_assert_int_eq(ops->ct->get_limits(dp, NULL, 0, &l, NULL), 0);
	ck_assert(l.has_default && !l.default_limit);
	ct_limits_uninit(&l);
}
END_TEST

// ---- Timeouts ----

static const struct {
	be16 eth_type;
	uint8_t proto;
	const char *name; // NULL: none
} names[] = {
	{ 0x0800, 6, "ovs_tp_3_tcp4" },
	{ 0x0800, 17, "ovs_tp_3_udp4" },
	{ 0x0800, 1, "ovs_tp_3_icmp4" },
	{ 0x86dd, 6, "ovs_tp_3_tcp6" },
	{ 0x86dd, 17, "ovs_tp_3_udp6" },
	{ 0x86dd, 58, "ovs_tp_3_icmpv6" },
	{ 0x0800, 132, NULL },
	{ 0x86dd, 1, NULL },
	{ 0x0806, 1, NULL },
};

// What the kernel has for one kind of policy 3's connections.
static struct ct_timeouts kernel_timeouts(const char *name)
{
	AUTO(strbuf) msg = STRBUF_INIT, reply = STRBUF_INIT;
	struct ct_timeout_message t;
	int error;
	size_t m = netfilter_begin(&msg, NFNL_SUBSYS_CTNETLINK_TIMEOUT, IPCTNL_MSG_TIMEOUT_GET, 0,
				   AF_UNSPEC);

	nl_put_str(&msg, CTA_TIMEOUT_NAME, name);
	nl_msg_end(&msg, m);
	ck_assert_int_eq(netfilter_request(kernel_datapath(dp), &msg, &reply, NULL), 0);
	ck_assert(ct_timeout_decode((const struct nlmsghdr *)reply.s, &t, &error, NULL) && !error);
	ck_assert_uint_eq(t.id, 3);
	return t.timeouts;
}

static void note_id(uint32_t id, void *aux)
{
	uint32_t *ids = aux;

	*ids |= 1u << id;
}

START_TEST(connections_have_their_zone_s_timeouts)
{
	struct ct_timeouts
		t = { .set = 1u << CT_TIMEOUT_UDP_SINGLE | 1u << CT_TIMEOUT_TCP_UNACK,
		      .seconds = { [CT_TIMEOUT_UDP_SINGLE] = 777, [CT_TIMEOUT_TCP_UNACK] = 55 } },
		tcp, udp;
	char name[DATAPATH_CT_TIMEOUT_LEN];
	struct error err = ERROR_INIT;
	entry_vec v = VEC_INIT;
	uint32_t id = 3, ids = 0;

	ck_assert_msg(!ops->ct->set_timeouts(dp, id, &t, &err), "%s", err.text);
	tcp = kernel_timeouts("ovs_tp_3_tcp4");
	udp = kernel_timeouts("ovs_tp_3_udp4");
	ck_assert_uint_eq((tcp.set | udp.set) & t.set, t.set);
	ck_assert_uint_eq(udp.seconds[CT_TIMEOUT_UDP_SINGLE], 777);
	ck_assert_uint_eq(tcp.seconds[CT_TIMEOUT_TCP_UNACK], 55);
	// What was not said is the kernel's own.
	ck_assert_uint_eq(tcp.seconds[CT_TIMEOUT_TCP_ESTABLISHED], 432000);
	ck_assert_int_eq(ops->ct->dump_timeouts(dp, note_id, &ids, NULL), 0);
	ck_assert_uint_eq(ids, 1u << id);
	ck_assert(!ops->ct->timeout_name(dp, 5, htobe16(0x0800), 17, name));
	ck_assert_int_eq(ops->ct->zone_timeouts(dp, 5, &id, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool has = ops->ct->timeout_name(dp, 5, htobe16(names[i].eth_type), names[i].proto,
						 name);

		ck_assert_int_eq(has, names[i].name != NULL);
		if (has)
			ck_assert_str_eq(name, names[i].name);
	}
	ck_assert(!ops->ct->timeout_name(dp, 6, htobe16(0x0800), 17, name));
	put_flow("in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(proto=17,frag=no)",
		 "ct(commit,zone=5,timeout=ovs_tp_3_udp4),2");
	inject_udp(1, 1);
	expect_at(2);
	ck_assert_uint_eq(entries(NULL, &v), 1);
	ck_assert(v.v[0].has_timeout && v.v[0].timeout > 700 && v.v[0].timeout <= 777);
	clean_up();
	ck_assert_int_eq(ops->ct->del_timeouts(dp, id, NULL), 0);
	ck_assert_int_eq(ops->ct->zone_timeouts(dp, 5, NULL, NULL), 0);
	ck_assert(!ops->ct->timeout_name(dp, 5, htobe16(0x0800), 17, name));
	ids = 0;
	ck_assert_int_eq(ops->ct->dump_timeouts(dp, note_id, &ids, NULL), 0);
	ck_assert_uint_eq(ids, 0);
	VEC_FREE(&v);
}
END_TEST

// ---- The table ----

static void make_some(void)
{
	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=5),ct(commit,zone=6,mark=0x3/0xff),2");
	put_flow("in_port(1)," ANY_IP6, "ct(commit,zone=6),2");
	for (uint16_t i = 1; i <= 4; i++) {
		inject_udp(1, i);
		expect_at(2);
	}
	inject(1, &syn);
	expect_at(2);
	inject(1, &(struct segment){ "10.0.0.1", "10.0.0.2", 1, 8, 0, 0, 0, 0, NULL });
	expect_at(2);
	inject(1, &(struct segment){ "10.0.0.1", "10.0.0.2", 47, 0, 0, 0, 0, 0, NULL });
	expect_at(2);
	inject(1, &(struct segment){ "2001:db8::1", "2001:db8::2", 17, 7, 8, 0, 0, 0, NULL });
	expect_at(2);
}

static const struct {
	const char *name;
	int zone; // -1: all
	const char *orig, *reply;
	uint32_t mark, mark_mask;
	size_t left5, left6;
	int error;
} flushes[] = {
	{ "all", -1, "", "", 0, 0, 0, 0, 0 },
	{ "a zone", 5, "", "", 0, 0, 0, 8, 0 },
	{ "a zone without any", 9, "", "", 0, 0, 7, 8, 0 },
	{ "one", 5, "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=17,ct_tp_src=1,ct_tp_dst=53",
	  "", 0, 0, 6, 8, 0 },
	{ "one that is in another zone", -1,
	  "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=17,ct_tp_src=1,ct_tp_dst=53", "", 0, 0,
	  7, 8, -ENOENT },
	{ "one of IPv6", 6,
	  "ct_ipv6_src=2001:db8::1,ct_ipv6_dst=2001:db8::2,ct_nw_proto=17,ct_tp_src=7,ct_tp_dst=8",
	  "", 0, 0, 7, 7, 0 },
	{ "one echo", 6,
	  "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=1,icmp_id=0,icmp_type=8,icmp_code=0",
	  "", 0, 0, 7, 7, 0 },
	{ "by protocol", -1, "ct_nw_proto=17", "", 0, 0, 3, 3, 0 },
	{ "by port", 6, "ct_nw_proto=6,ct_tp_dst=80", "", 0, 0, 7, 7, 0 },
	{ "by what replies", 6, "", "ct_nw_src=10.0.0.2,ct_nw_proto=17,ct_tp_dst=3", 0, 0, 7, 7,
	  0 },
	{ "a protocol without ports", -1, "ct_nw_proto=47", "", 0, 0, 6, 7, 0 },
	{ "echoes", -1, "ct_nw_proto=1,icmp_type=8", "", 0, 0, 6, 7, 0 },
	{ "by mark", -1, "", "", 0x13, 0xf, 7, 1, 0 },
	{ "by nothing that is there", -1, "ct_nw_src=10.0.0.7", "", 0, 0, 7, 8, 0 },
};

START_TEST(what_is_flushed_is_gone_and_nothing_else)
{
	struct ct_match m = { .has_zone = flushes[_i].zone >= 0,
			      .zone = MAX(flushes[_i].zone, 0),
			      .mark = flushes[_i].mark,
			      .mark_mask = flushes[_i].mark_mask };

	make_some();
	ck_assert_uint_eq(count_in(5), 7);
	ck_assert_uint_eq(count_in(6), 8);
	ck_assert_int_eq(ct_tuple_match_parse(flushes[_i].orig, &m.orig, NULL), 0);
	ck_assert_int_eq(ct_tuple_match_parse(flushes[_i].reply, &m.reply, NULL), 0);
	ck_assert_int_eq(ops->ct->flush(dp, &m, NULL), flushes[_i].error);
	ck_assert_uint_eq(count_in(5), flushes[_i].left5);
	ck_assert_uint_eq(count_in(6), flushes[_i].left6);
}
END_TEST

START_TEST(many_are_told_and_flushed)
{
	struct ct_match m = { .has_zone = true, .zone = 9 };
	AUTO(strbuf) frame = STRBUF_INIT;

	put_flow("in_port(1)," ANY_IP4, "ct(commit,zone=9),2");
	inject(1, &syn);
	expect_at(2);
	for (uint16_t i = 1; i <= MANY; i++) {
		inject_udp(1, i);
		rcu_offline();
		ck_assert(wire_receive(&wires[2], &frame, WAIT_MSEC));
		rcu_online();
	}
	ck_assert_uint_eq(count_in(9), MANY + 1);
	ck_assert_int_eq(ct_tuple_match_parse("ct_nw_proto=17", &m.orig, NULL), 0);
	ck_assert_int_eq(ops->ct->flush(dp, &m, NULL), 0);
	ck_assert_uint_eq(count_in(9), 1);
}
END_TEST

// ---- Life ----

static void set_up(void)
{
	for (unsigned int i = 1; i <= N_WIRES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "kc%u", i);
		wire_create(&wires[i], name);
	}
	open_datapath(wires, N_WIRES);
}

static void tear_down(void)
{
	ops->close(dp);
	VEC_FREE(&flows);
}

int main(void)
{
	Suite *s = suite_create("lab/kernel-conntrack");
	TCase *t = tcase_create("conntrack");

	rcu_thread_begin();
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_checked_fixture(t, NULL, clean_up);
	tcase_add_test(t, flows_see_what_a_connection_is);
	tcase_add_test(t, misses_tell_the_connection);
	tcase_add_test(t, zones_are_apart);
	tcase_add_test(t, what_is_cleared_is_not_tracked);
	tcase_add_test(t, force_turns_a_connection_around);
	tcase_add_test(t, a_helper_foretells_its_data_connection);
	tcase_add_loop_test(t, fragments_leave_as_fragments, 0, ARRAY_SIZE(fragments));
	tcase_add_loop_test(t, addresses_are_translated_there_and_back, 0, n_nat_cases);
	tcase_add_test(t, a_hairpin_goes_back_where_it_came_from);
	tcase_add_test(t, a_zone_s_limit_is_kept);
	tcase_add_test(t, the_default_limit_goes_for_zones_without_one);
	tcase_add_test(t, connections_have_their_zone_s_timeouts);
	tcase_add_loop_test(t, what_is_flushed_is_gone_and_nothing_else, 0, ARRAY_SIZE(flushes));
	tcase_add_test(t, many_are_told_and_flushed);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
