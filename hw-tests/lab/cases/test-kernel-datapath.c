// SPDX-License-Identifier: Apache-2.0
// The kernel datapath in a real kernel: what its flows do to packets is what software would have done, and misses, counts
// and ports are told as they are. To be run in a lab guest (hw-tests/lab/run): it makes network devices.
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/netlink/rtnl.h"
#include "datapath/kernel/kernel.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/frames.h"
#include "hw-tests/lab/cases/pipeline.h"
#include "hw-tests/lab/cases/software.h"

enum { N_WIRES = 3, IN = FRAMES_IN, N_RANDOM = 250, BURST = 2000 };

static struct wire wires[N_WIRES + 1]; // by datapath port number
static struct nl_sock *route;

// ---- Frames ----

// What has come out until the marker, which is sent when 'n' frames have come.
static void collect(size_t n, struct outcome *o)
{
	struct pollfd fds[N_WIRES - 1];
	AUTO(strbuf) got = STRBUF_INIT;

	for (unsigned int i = 0; i < N_WIRES - 1; i++)
		fds[i] = (struct pollfd){ .fd = wires[IN + 1 + i].fd, .events = POLLIN };
	while (o->n < n && poll(fds, N_WIRES - 1, WAIT_MSEC) > 0)
		for (unsigned int i = 0; i < N_WIRES - 1; i++)
			if (fds[i].revents && wire_receive(&wires[IN + 1 + i], &got, 0))
				outcome_add(o, IN + 1 + i, got.s, got.len);
	marker_send(&wires[IN]);
	for (unsigned int i = IN + 1; i <= N_WIRES; i++)
		for (;;) {
			ck_assert_msg(wire_receive(&wires[i], &got, WAIT_MSEC),
				      "port %u: the marker is lost", i);
			if (is_marker(&got))
				break;
			outcome_add(o, i, got.s, got.len);
		}
}

// Sends 'frame'; what comes is what the actions make of it.
static void expect(const struct strbuf *frame, const char *actions, const char *after,
		   const char *what)
{
	AUTO(strbuf) list = STRBUF_INIT, then = STRBUF_INIT;
	struct outcome want = { 0 }, have = { 0 };

	parse_actions(actions, &list);
	if (after)
		parse_actions(after, &then);
	run_in_software(frame, dp_actions_of(&list), dp_actions_of(&then), &want);
	wire_send(&wires[IN], frame->s, frame->len);
	rcu_offline();
	collect(want.n, &have);
	rcu_online();
	outcome_compare(&want, &have, what);
	outcome_free(&want);
	outcome_free(&have);
}

// ---- Cases ----

#define TAG ETH "eth_type(0x8100),vlan(vid=5,pcp=3),encap("
#define ARP ETH "eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=02:00:00:00:00:11)"

#define ECHO IP4 "proto=1,frag=no),icmp(type=8,code=0)"
#define MPLS ETH "eth_type(0x8847),"
#define PUSH_MPLS "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847)"

static const struct {
	const char *flow, *actions, *after;
} cases[] = {
	{ IP4 "frag=no)", "2", NULL },
	{ IP4 "proto=17,tos=0x28,ttl=64,frag=no),udp(src=1000,dst=2000)", "2,3", NULL },
	{ IP4 "proto=6,frag=no),tcp(src=1000,dst=2000),tcp_flags(0x12)", "3", NULL },
	{ IP4 "proto=132,frag=no),sctp(src=1000,dst=2000)", "3", NULL },
	{ IP4 "proto=1,frag=no),icmp(type=8,code=0)", "2", NULL },
	{ IP4 "proto=17,frag=first)", "2", NULL },
	{ IP4 "proto=17,frag=later)", "2", NULL },
	{ IP4 "frag=no)", "drop", NULL },
	{ IP4 "proto=17,frag=no)", "set(ipv4(src=1.2.3.4,dst=5.6.7.8,tos=0xb8,ttl=3)),2", NULL },
	{ IP4 "proto=6,frag=no)", "set(tcp(src=7,dst=8)),set(ipv4(dst=9.9.9.9)),3", NULL },
	{ IP4 "proto=17,frag=no)", "2,set(udp(dst=53)),3", NULL },
	{ IP4 "proto=132,frag=no)", "set(sctp(dst=53)),3", NULL },
	{ IP4 "proto=1,frag=no)", "set(ipv4(src=1.2.3.4)),set(eth(src=02:00:00:00:00:99)),2",
	  NULL },
	{ IP4 "frag=no)", "set(eth(src=02:00:00:00:00:99,dst=02:00:00:00:00:98)),2", NULL },
	{ IP4 "frag=no)", "push_vlan(vid=7,pcp=5),2", NULL },
	{ IP4 "frag=no)", "push_vlan(vid=7,pcp=0),push_vlan(tpid=0x88a8,vid=8,pcp=1),2", NULL },
	{ IP4 "proto=17,frag=no)", "2,push_vlan(vid=7,pcp=0),set(ipv4(ttl=9)),3", NULL },
	{ TAG "eth_type(0x0800),ipv4(src=10.0.0.1,frag=no))", "2", NULL },
	{ TAG "eth_type(0x0800),ipv4(src=10.0.0.1,frag=no))", "pop_vlan,3", NULL },
	{ TAG "eth_type(0x0800),ipv4(proto=17,frag=no))",
	  "pop_vlan,push_vlan(vid=6,pcp=1),set(ipv4(src=1.1.1.1)),3", NULL },
	{ ETH "eth_type(0x88a8),vlan(vid=5,pcp=3),encap(eth_type(0x8100),vlan(vid=6,pcp=0),encap("
	      "eth_type(0x0800),ipv4(frag=no)))",
	  "pop_vlan,2", NULL },
	{ IP6 "proto=17,hlimit=64,frag=no),udp(src=1000,dst=2000)", "2", NULL },
	{ IP6 "proto=6,frag=no),tcp(src=1,dst=2)",
	  "set(ipv6(src=2001:db8::9,hlimit=2,tclass=0x20)),3", NULL },
	{ IP6 "proto=58,frag=no),icmpv6(type=128,code=0)", "set(ipv6(dst=2001:db8::9)),3", NULL },
	{ IP6 "proto=58,frag=no),icmpv6(type=135,code=0),nd(target=2001:db8::5,sll=02:00:00:00:00:"
	      "11)",
	  "2", NULL },
	{ IP6 "proto=58,frag=no),icmpv6(type=136,code=0),nd(target=2001:db8::5,tll=02:00:00:00:00:"
	      "11)",
	  "set(eth(dst=02:00:00:00:00:98)),3", NULL },
	{ IP6 "proto=17,frag=no)", "set(ipv6(label=0x12345)),set(udp(src=9)),2", NULL },
	{ ARP, "2,3", NULL },
	{ ETH "eth_type(0x1234)", "2", NULL },
	// Nested lists, and a second pass.
	{ IP4 "proto=17,frag=no)", "clone(set(ipv4(src=1.2.3.4)),2),3", NULL },
	{ IP4 "proto=17,frag=no)", "clone(push_vlan(vid=7,pcp=0),clone(pop_vlan,2)),3", NULL },
	{ IP4 "proto=17,frag=no)", "trunc(40),2,3", NULL },
	{ IP4 "proto=17,frag=no)", "sample(sample=100.0%,actions(2)),3", NULL },
	{ IP4 "proto=17,frag=no)", "2,recirc(0x11)", "set(ipv4(ttl=5)),3" },
	{ IP4 "proto=17,frag=no)", "set(ipv4(ttl=7)),recirc(0x12)", "2,3" },
	// What the kernel has no word for.
	{ ARP, "set(arp(sip=10.0.0.9)),2", NULL },
	{ ARP, "2,set(arp(sip=10.0.0.9,op=2)),3", NULL },
	{ ARP, "2,clone(set(arp(tip=10.9.9.9)),3),set(eth(dst=02:00:00:00:00:98)),2", NULL },
	{ IP6 "proto=58,frag=no),icmpv6(type=135,code=0),nd(target=2001:db8::5)",
	  "set(nd(target=2001:db8::6)),push_vlan(vid=7,pcp=0),2", NULL },
	{ ECHO, "set(icmp(type=0)),recirc(0x13)", "3" },
	{ ECHO, "set(icmp(type=0)),trunc(40),2,3", NULL },
	// Labels, and packets by their length and their time to live.
	{ IP4 "proto=17,frag=no)", PUSH_MPLS ",2", NULL },
	{ IP4 "proto=17,frag=no)",
	  PUSH_MPLS ",push_mpls(label=17,tc=0,ttl=3,bos=0,eth_type=0x8847),set(mpls(label=18,tc=1,"
		    "ttl=9,bos=0)),2",
	  NULL },
	{ MPLS "mpls(label=16,tc=2,ttl=64,bos=1)", "pop_mpls(eth_type=0x800),3", NULL },
	{ MPLS "mpls(label=16,tc=2,ttl=64,bos=1)", "set(mpls(label=17,tc=0,ttl=9,bos=1)),3,2",
	  NULL },
	{ ECHO, "set(icmp(type=0))," PUSH_MPLS ",2,pop_mpls(eth_type=0x800),3", NULL },
	{ IP4 "proto=17,frag=no)", "check_pkt_len(size=60,gt(2),le(3))", NULL },
	{ IP4 "proto=17,frag=no)", "check_pkt_len(size=2000,gt(drop),le(set(ipv4(ttl=3)),2)),3",
	  NULL },
	{ ECHO, "check_pkt_len(size=60,gt(set(icmp(type=0)),2),le(3)),3", NULL },
	{ ECHO, "check_pkt_len(size=2000,gt(3),le(set(icmp(type=0)),2))", NULL },
	{ IP4 "proto=17,ttl=64,frag=no)", "dec_ttl(le_1(3)),2", NULL },
	{ IP4 "proto=17,ttl=1,frag=no)", "dec_ttl(le_1(3)),2", NULL },
	{ IP6 "proto=17,hlimit=1,frag=no)", "dec_ttl(le_1(2,3)),2", NULL },
	{ IP4 "proto=1,ttl=64,frag=no),icmp(type=8,code=0)", "set(icmp(type=0)),dec_ttl(le_1(3)),2",
	  NULL },
	{ IP4 "proto=1,ttl=1,frag=no),icmp(type=8,code=0)", "set(icmp(type=0)),dec_ttl(le_1(3)),2",
	  NULL },
	// Through connection tracking, and on. What needs words that the kernel has not, behind it, comes back in between.
	{ IP4 "proto=17,frag=no),udp(src=1,dst=2)", "ct,2", NULL },
	{ IP4 "proto=17,frag=no),udp(src=1,dst=2)",
	  "ct(commit,zone=5,mark=0x1/0xff,label=0x1/0xff),2", NULL },
	{ IP6 "proto=6,frag=no),tcp(src=1,dst=2),tcp_flags(0x2)",
	  "ct(force_commit,zone=5),push_vlan(vid=7,pcp=0),3", NULL },
	{ IP4 "proto=17,frag=no),udp(src=1,dst=2)", "clone(ct(commit,zone=6),2),3", NULL },
	{ IP4 "proto=17,frag=no),udp(src=1,dst=2)", "2,ct(zone=8),recirc(0x21)", "3" },
	{ ECHO, "ct(commit,zone=7),set(icmp(type=0)),2,3", NULL },
	{ ECHO, "2,ct(commit,zone=7),ct_clear,set(icmp(code=1)),push_vlan(vid=7,pcp=0),3", NULL },
	{ ECHO,
	  "set(icmp(code=1)),ct(commit,zone=7),set(icmp(code=2)),ct(zone=9),set(icmp(code=3)),2",
	  NULL },
	{ ECHO, "ct(commit,zone=9),set(icmp(code=3)),recirc(0x22)", "set(ipv4(ttl=9)),2" },
	{ ECHO, "hash(l4(0)),set(icmp(code=1)),2", NULL },
	{ ECHO, "clone(ct(commit,zone=7),set(icmp(type=0)),2),3", NULL },
};

START_TEST(flows_do_what_software_does)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct match m;

	flow_from_text(cases[_i].flow, &m);
	frame_for(&m, &frame);
	set_rule(&m, cases[_i].actions, cases[_i].after);
	unsigned int before = count_of(&seen.misses), first;
	expect(&frame, cases[_i].actions, cases[_i].after, cases[_i].flow);
	wait_until_read(&seen.misses, before + 1);
	first = count_of(&seen.misses);
	expect(&frame, cases[_i].actions, cases[_i].after, cases[_i].flow);
	ck_assert_msg(count_of(&seen.misses) == first, "the second packet has missed, too");
	no_flows();
}
END_TEST

START_TEST(a_miss_arrives_whole)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct flow_key want;
	struct match m;

	flow_from_text(cases[_i].flow, &m);
	frame_for(&m, &frame);
	set_rule(&m, "2", NULL);
	expect(&frame, "2", NULL, "miss");
	struct packet p = { .data = (uint8_t *)frame.s, .size = frame.len };
	struct packet_metadata md = { .in_port = IN };
	ck_assert_int_eq(packet_parse(&p, &md, &want), 0);
	pthread_mutex_lock(&seen_lock);
	ck_assert(flow_key_equal(&want, &seen.key));
	ck_assert_uint_eq(seen.bytes.len, frame.len);
	ck_assert(!memcmp(seen.bytes.s, frame.s, frame.len));
	pthread_mutex_unlock(&seen_lock);
	no_flows();
}
END_TEST

// ---- Counts ----

START_TEST(every_packet_is_counted_once)
{
	static const char *const lists[] = { "2", "3", "2,3", "set(arp(sip=10.0.0.9)),2", "drop" };
	AUTO(strbuf) frame = STRBUF_INIT;
	struct megaflow *mf;
	struct flow_counts c;
	uint64_t sent = 0;
	struct match m;

	flow_from_text(ARP, &m);
	frame_for(&m, &frame);
	set_rule(&m, "2", NULL);
	unsigned int before = count_of(&seen.misses);
	expect(&frame, "2", NULL, "first");
	wait_until_read(&seen.misses, before + 1);
	sent++;
	ck_assert_uint_eq(installed.n, 1);
	mf = installed.v[0];
	ck_assert_uint_eq(counts_of(mf).packets, 1);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO(strbuf) list = STRBUF_INIT;

		parse_actions(lists[i], &list);
		megaflow_set_actions(mf, dp_actions_of(&list));
		ck_assert_int_eq(ops->flow_update(dp, mf), 0);
		for (int k = 0; k < 3; k++, sent++)
			expect(&frame, lists[i], NULL, lists[i]);
		ops->refresh(dp);
		c = counts_of(mf);
		ck_assert_uint_eq(c.packets, sent);
		ck_assert_uint_eq(c.bytes, sent * frame.len);
		ck_assert_int_le(llabs(clock_msec() - c.used), 10000);
	}
	// What came since the last look is told when the flow goes.
	expect(&frame, "drop", NULL, "last");
	ops->flow_del(dp, mf);
	c = counts_of(mf);
	ck_assert_uint_eq(c.packets, sent + 1);
	ck_assert_uint_eq(c.bytes, (sent + 1) * frame.len);
	installed.n = 0;
	release(mf);
	ck_assert_uint_eq(count_of(&seen.misses), before + 1);
	no_flows();
}
END_TEST

START_TEST(tcp_flags_are_gathered)
{
	static const uint16_t flags[] = { 0x002, 0x010, 0x011 };
	struct megaflow *mf;
	struct match m;

	flow_from_text(IP4 "proto=6,frag=no)", &m);
	set_rule(&m, "2", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		AUTO(strbuf) frame = STRBUF_INIT;
		struct match one = m;

		one.key.tcp_flags = htobe16(flags[i]);
		frame_for(&one, &frame);
		expect(&frame, "2", NULL, "flags");
	}
	ck_assert_uint_eq(installed.n, 1);
	mf = installed.v[0];
	ops->refresh(dp);
	ck_assert_uint_eq(counts_of(mf).packets, 3);
	ck_assert_uint_eq(counts_of(mf).tcp_flags, 0x013);
	no_flows();
}
END_TEST

// ---- Userspace actions ----

START_TEST(a_controller_action_comes_back)
{
	AUTO(strbuf) frame = STRBUF_INIT, list = STRBUF_INIT;
	unsigned int before = count_of(&seen.userspace);
	struct dp_action *a;
	struct megaflow *mf;
	struct match m;

	flow_from_text(ARP, &m);
	memset(&m.mask.m.recirc_id, 0xff, sizeof(m.mask.m.recirc_id));
	frame_for(&m, &frame);
	a = dp_put(&list, DP_ACTION_USERSPACE);
	a->userspace.kind = USERSPACE_CONTROLLER;
	a->userspace.reason = 1;
	a->userspace.max_len = 128;
	a->userspace.controller_id = 7;
	a->userspace.table_id = 3;
	a->userspace.cookie = 0x123456789abcdef0;
	typeof(a->userspace) want = a->userspace;
	dp_put_output(&list, DP_PORT(2));
	mf = megaflow_create(&m.key, &m.mask, dp_actions_of(&list));
	ck_assert_int_eq(ops->flow_add(dp, mf), 0);
	ck_assert_int_eq(ops->flow_add(dp, mf), -EEXIST);
	expect(&frame, "2", NULL, "with a copy to the controller");
	wait_until_read(&seen.userspace, before + 1);
	pthread_mutex_lock(&seen_lock);
	ck_assert(!memcmp(&seen.action.userspace, &want, sizeof(want)));
	ck_assert_uint_eq(seen.bytes.len, frame.len);
	ck_assert(!memcmp(seen.bytes.s, frame.s, frame.len));
	ck_assert_uint_eq(seen.key.in_port, IN);
	pthread_mutex_unlock(&seen_lock);
	// The same from a packet of ours, that is from no port.
	struct flow_key key = { .in_port = DP_PORT_NONE.n };
	ck_assert_int_eq(ops->execute(dp, frame.s, frame.len, &key, dp_actions_of(&list), NULL), 0);
	struct outcome have = { 0 };
	collect(1, &have);
	ck_assert_uint_eq(have.n, 1);
	wait_until_read(&seen.userspace, before + 2);
	ck_assert_uint_eq(count_of(&seen.userspace), before + 2);
	outcome_free(&have);
	take_out(mf);
	no_flows();
}
END_TEST

START_TEST(a_packet_out_goes_where_it_should)
{
	AUTO(strbuf) frame = STRBUF_INIT, list = STRBUF_INIT;
	struct outcome want = { 0 }, have = { 0 };
	struct flow_key key = { .in_port = DP_PORT_NONE.n };
	struct error err = ERROR_INIT;
	struct match m;

	flow_from_text(ARP, &m);
	frame_for(&m, &frame);
	parse_actions("2,set(arp(sip=1.1.1.1)),push_vlan(vid=9,pcp=0),3", &list);
	run_in_software(&frame, dp_actions_of(&list), (struct dp_actions){ NULL, 0 }, &want);
	ck_assert_msg(!ops->execute(dp, frame.s, frame.len, &key, dp_actions_of(&list), &err), "%s",
		      err.text);
	collect(want.n, &have);
	outcome_compare(&want, &have, "packet-out");
	outcome_free(&want);
	outcome_free(&have);
	ck_assert_int_eq(ops->execute(dp, frame.s, 5, &key, dp_actions_of(&list), &err), -EINVAL);
	ck_assert(strstr(err.text, "5 bytes"));
}
END_TEST

// ---- What should not be ----

static size_t flows_in_kernel(void)
{
	struct datapath_stats st;

	ops->stats(dp, &st);
	return st.flows;
}

static void wait_for_flows(size_t n)
{
	rcu_offline();
	for (int i = 0; i < WAIT_MSEC / 50 && flows_in_kernel() != n; i++)
		usleep(50000);
	rcu_online();
	ck_assert_uint_eq(flows_in_kernel(), n);
}

START_TEST(flows_of_others_are_swept)
{
	struct kernel_datapath *k = kernel_datapath(dp);
	AUTO(strbuf) msg = STRBUF_INIT;
	struct megaflow *mf;
	struct match m;

	// Taken out of our books, a flow is somebody else's.
	flow_from_text(ARP, &m);
	mf = megaflow_create(&m.key, &m.mask, (struct dp_actions){ NULL, 0 });
	ck_assert_int_eq(ops->flow_add(dp, mf), 0);
	ck_assert_uint_eq(flows_in_kernel(), 1);
	pthread_mutex_lock(&k->flows_lock);
	struct kernel_flow *f = mf->dp;
	hmap_remove(&k->flows, &f->node);
	kernel_flow_unref(f);
	pthread_mutex_unlock(&k->flows_lock);
	wait_for_flows(0);
	megaflow_free(mf);
}
END_TEST

START_TEST(a_lost_flow_is_put_back_and_keeps_its_counts)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct megaflow *mf;
	struct match m;

	flow_from_text(ARP, &m);
	frame_for(&m, &frame);
	set_rule(&m, "2", NULL);
	expect(&frame, "2", NULL, "first");
	expect(&frame, "2", NULL, "second");
	mf = installed.v[0];
	ops->refresh(dp);
	ck_assert_uint_eq(counts_of(mf).packets, 2);
	ck_assert_int_eq(kernel_flow_flush(kernel_datapath(dp), NULL), 0);
	wait_for_flows(1);
	unsigned int misses = count_of(&seen.misses);
	expect(&frame, "2", NULL, "third");
	ck_assert_uint_eq(count_of(&seen.misses), misses);
	ops->refresh(dp);
	ck_assert_uint_eq(counts_of(mf).packets, 3);
	no_flows();
}
END_TEST

// ---- A burst ----

START_TEST(nothing_of_a_burst_is_lost)
{
	uint64_t lost = counter_total(COUNTER_UPCALL_LOST);
	AUTO(strbuf) frame = STRBUF_INIT, got = STRBUF_INIT;
	struct match m;
	unsigned int n = 0;

	flow_from_text(IP4 "proto=17,frag=no)", &m);
	m.mask.m.nw_src = 0;
	m.key.nw_src = 0;
	set_rule(&m, "2", NULL);
	widens = true;
	rcu_offline();
	for (unsigned int i = 0; i < BURST; i++) {
		struct match one = m;

		strbuf_clear(&frame);
		one.key.nw_src = htobe32(0x0b000000 + i);
		frame_for(&one, &frame);
		wire_send(&wires[IN], frame.s, frame.len);
	}
	while (n < BURST && wire_receive(&wires[2], &got, WAIT_MSEC))
		n++;
	rcu_online();
	widens = false;
	ck_assert_uint_eq(n, BURST);
	ck_assert_uint_eq(counter_total(COUNTER_UPCALL_LOST), lost);
	ck_assert_uint_eq(installed.n, BURST);
	wait_for_flows(BURST);
	no_flows();
	ck_assert_uint_eq(flows_in_kernel(), 0);
}
END_TEST

// ---- Random flows ----

static void random_mask(struct match *m)
{
	if (random_u32() % 2)
		m->mask.m.nw_src &= htobe32(UINT32_MAX << random_u32() % 32);
	if (random_u32() % 2)
		m->mask.m.nw_dst &= htobe32(random_u32());
	if (random_u32() % 2)
		memset(&m->mask.m.eth_src, 0, sizeof(m->mask.m.eth_src));
	if (random_u32() % 2)
		m->mask.m.ipv6_dst.b[random_u32() % 16] = random_u32();
	if (random_u32() % 2 && (m->key.nw_proto == 6 || m->key.nw_proto == 17))
		m->mask.m.tp_src &= htobe16(0xffff << random_u32() % 16);
	for (size_t w = 0; w < FLOW_WORDS; w++)
		flow_words(&m->key)[w] &= flow_words(&m->mask.m)[w];
}

START_TEST(random_flows_match_what_software_matches)
{
	size_t pairs = 0;

	random_seed(20261122 + _i);
	while (pairs < N_RANDOM) {
		size_t k = random_u32() % ARRAY_SIZE(cases);
		AUTO(strbuf) frame = STRBUF_INIT, other = STRBUF_INIT;
		struct match m, near;

		flow_from_text(cases[k].flow, &m);
		random_mask(&m);
		frame_for(&m, &frame);
		set_rule(&m, cases[k].actions, cases[k].after);
		unsigned int misses = count_of(&seen.misses);
		expect(&frame, cases[k].actions, cases[k].after, cases[k].flow);
		wait_until_read(&seen.misses, misses + 1);
		misses = count_of(&seen.misses);
		expect(&frame, cases[k].actions, cases[k].after, cases[k].flow);
		ck_assert_msg(count_of(&seen.misses) == misses, "%s: missed again", cases[k].flow);
		pairs += 2;
		near = m;
		if (flow_flip(&m, &near.key)) {
			// Not this flow's: it comes up here, where nobody wants it.
			frame_for(&near, &other);
			expect(&other, "drop", NULL, cases[k].flow);
			wait_until_read(&seen.misses, misses + 1);
			ck_assert_msg(count_of(&seen.misses) == misses + 1, "%s: the flow took it",
				      cases[k].flow);
			pairs++;
		}
		no_flows();
	}
}
END_TEST

// ---- Life ----

static void set_up(void)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(nl_open(NETLINK_ROUTE, &route, &err), 0);
	for (unsigned int i = 1; i <= N_WIRES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "kd%u", i);
		wire_create(&wires[i], name);
	}
	open_datapath(wires, N_WIRES);
}

static void reopen_by_port(void)
{
	ops->close(dp);
	kernel_upcalls_by_port = true;
	open_datapath(wires, N_WIRES);
	ck_assert(!(kernel_datapath(dp)->user_features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU));
}

static void tear_down(void)
{
	ops->close(dp);
	ck_assert_uint_eq(if_nametoindex("ovs-system"), 0);
}

START_TEST(another_process_takes_over)
{
	struct kernel_datapath *k = kernel_datapath(dp);
	AUTO(strbuf) frame = STRBUF_INIT;
	uint32_t ifindex = k->ifindex, int_ifindex;
	dp_port_t port;
	struct match m;
	struct wire w;

	flow_from_text(cases[0].flow, &m);
	frame_for(&m, &frame);
	set_rule(&m, "2", NULL);
	expect(&frame, "2", NULL, "before");
	ck_assert_uint_eq(flows_in_kernel(), 1);
	// As if this process had been killed: the kernel keeps what it has.
	ck_assert_int_eq(ops->port_add(dp, "int0", "internal", NULL, &port, NULL), 0);
	int_ifindex = if_nametoindex("int0");
	wire_create(&w, "spare");
	ck_assert_int_eq(ops->port_add(dp, "spare", "system", NULL, &port, NULL), 0);
	k->ifindex = 0;
	ops->close(dp);
	while (installed.n)
		release(installed.v[--installed.n]);
	open_datapath(wires, N_WIRES);
	k = kernel_datapath(dp);
	ck_assert(k->taken_over);
	ck_assert_uint_eq(k->ifindex, ifindex);
	ck_assert_uint_eq(flows_in_kernel(), 0);
	// Internal ports are still there, and taken over when they are wanted; devices are free.
	ck_assert(!ops->port_by_name(dp, "spare", &port));
	ck_assert_int_eq(ops->port_add(dp, "int0", "internal", NULL, &port, NULL), 0);
	ck_assert_int_eq(if_nametoindex("int0"), int_ifindex);
	ops->port_del(dp, port);
	rtnl_link_del(route, w.ifindex, NULL);
	close(w.fd);
	unsigned int misses = count_of(&seen.misses);
	expect(&frame, "2", NULL, "after");
	wait_until_read(&seen.misses, misses + 1);
	ck_assert_uint_eq(count_of(&seen.misses), misses + 1);
	no_flows();
}
END_TEST

static void add_flow_tests(TCase *t)
{
	tcase_add_loop_test(t, flows_do_what_software_does, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, every_packet_is_counted_once);
	tcase_add_test(t, a_controller_action_comes_back);
	tcase_add_test(t, nothing_of_a_burst_is_lost);
	tcase_set_timeout(t, 0);
}

int main(void)
{
	Suite *s = suite_create("lab/kernel-datapath");
	TCase *t = tcase_create("by-cpu"), *by_port = tcase_create("by-port");

	rcu_thread_begin();
	tcase_add_unchecked_fixture(t, set_up, NULL);
	tcase_add_loop_test(t, a_miss_arrives_whole, 0, ARRAY_SIZE(cases));
	add_flow_tests(t);
	tcase_add_test(t, tcp_flags_are_gathered);
	tcase_add_test(t, a_packet_out_goes_where_it_should);
	tcase_add_test(t, flows_of_others_are_swept);
	tcase_add_test(t, a_lost_flow_is_put_back_and_keeps_its_counts);
	tcase_add_loop_test(t, random_flows_match_what_software_matches, 0, 3);
	tcase_add_test(t, another_process_takes_over);
	suite_add_tcase(s, t);
	tcase_add_unchecked_fixture(by_port, reopen_by_port, tear_down);
	add_flow_tests(by_port);
	suite_add_tcase(s, by_port);
	return guest_run(s);
}
