// SPDX-License-Identifier: Apache-2.0
// The TC backend in a real kernel: what its filters do to packets is what the software would have done. To be run in a lab
// guest (hw-tests/lab/run): it makes network devices. Two programs are made of it, whose wires differ (wires.h): filters
// that the kernel executes, and rules in the simulated NIC.
#include <check.h>
#include <stdio.h>

#include "core/base/hash.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/frames.h"
#include "hw-tests/lab/cases/software.h"
#include "hw-tests/lab/cases/wires.h"
#include "offload/backend.h"

enum { N_WIRES = 3, IN = FRAMES_IN, N_RANDOM = 700 };

static struct wire wires[N_WIRES + 1]; // by datapath port number
static struct port_ref refs[N_WIRES + 1];
static void *device;

static const struct port_ref *find_port(dp_port_t n, void *aux)
{
	return n.n >= 1 && n.n <= N_WIRES ? &refs[n.n] : NULL;
}

static const struct port_lookup ports = { find_port, NULL };

// ---- Rules ----

static struct hw_rule *insert(const struct megaflow *mf, struct hw_rule *old)
{
	struct compiled_rule *rule;
	struct verdict v = { 0 };
	struct hw_rule *hw = NULL;
	AUTO(strbuf) why = STRBUF_INIT;
	uint64_t packets, bytes;
	int error;

	if (!backend_tc.compile(device, mf, &ports, &rule, &v)) {
		verdict_format(&v, &why);
		ck_abort_msg("refused: %s", why.s);
	}
	if (old)
		error = backend_tc.replace(device, old, rule, &hw, &packets, &bytes, &v);
	else
		error = backend_tc.insert(device, rule, &hw, &v);
	backend_tc.compiled_free(rule);
	verdict_format(&v, &why);
	ck_assert_msg(!error, "not inserted: %s", why.s);
	ck_assert_msg(v.reason == (wires_in_hardware ? REASON_NONE : REASON_TC_SOFTWARE), "%s",
		      why.s);
	return hw;
}

static void take_out(struct hw_rule *hw, uint64_t *packets, uint64_t *bytes)
{
	ck_assert_int_eq(backend_tc.remove(device, hw, packets, bytes), 0);
}

// ---- What the kernel does ----

static void run_in_kernel(const struct strbuf *frame, struct outcome *o)
{
	AUTO(strbuf) got = STRBUF_INIT;

	wire_send(&wires[IN], frame->s, frame->len);
	marker_send(&wires[IN]);
	for (unsigned int i = IN + 1; i <= N_WIRES; i++)
		for (;;) {
			ck_assert_msg(wire_receive(&wires[i], &got, 10000),
				      "port %u: the marker is lost", i);
			if (is_marker(&got))
				break;
			outcome_add(o, i, got.s, got.len);
		}
}

// Sends 'frame'; what comes is what 'actions' make of it, or nothing when the flow does not match.
static void expect(const struct strbuf *frame, struct dp_actions actions, bool matches,
		   const char *what)
{
	struct outcome want = { 0 }, have = { 0 };
	uint64_t before = wire_received(&wires[IN]);

	if (matches)
		run_in_software(frame, actions, (struct dp_actions){ NULL, 0 }, &want);
	run_in_kernel(frame, &have);
	outcome_compare(&want, &have, what);
	// The filter is in software too: what came may have come by it.
	if (matches && wires_in_hardware)
		ck_assert_msg(wire_received(&wires[IN]) == before, "%s: software saw it", what);
	outcome_free(&want);
	outcome_free(&have);
}

// ---- Cases ----

static const struct {
	const char *flow, *actions;
} cases[] = {
	{ IP4 "frag=no)", "2" },
	{ IP4 "proto=17,tos=0x28,ttl=64,frag=no),udp(src=1000,dst=2000)", "2,3" },
	{ IP4 "proto=6,frag=no),tcp(src=1000,dst=2000),tcp_flags(0x12)", "3" },
	{ IP4 "proto=132,frag=no),sctp(src=1000,dst=2000)", "3" },
	{ IP4 "proto=1,frag=no),icmp(type=8,code=0)", "2" },
	{ IP4 "proto=17,frag=first)", "2" },
	{ IP4 "proto=17,frag=later)", "2" },
	{ IP4 "frag=no)", "drop" },
	{ IP4 "proto=17,frag=no)", "set(ipv4(src=1.2.3.4,dst=5.6.7.8,tos=0xb8,ttl=3)),2" },
	{ IP4 "proto=6,frag=no)", "set(tcp(src=7,dst=8)),set(ipv4(dst=9.9.9.9)),3" },
	{ IP4 "proto=17,frag=no)", "2,set(udp(dst=53)),3" },
	{ IP4 "proto=1,frag=no)", "set(ipv4(src=1.2.3.4)),set(eth(src=02:00:00:00:00:99)),2" },
	{ IP4 "frag=no)", "set(eth(src=02:00:00:00:00:99,dst=02:00:00:00:00:98)),2" },
	{ IP4 "frag=no)", "push_vlan(vid=7,pcp=5),2" },
	{ IP4 "frag=no)", "push_vlan(vid=7,pcp=0),push_vlan(tpid=0x88a8,vid=8,pcp=1),2" },
	{ IP4 "proto=17,frag=no)", "2,push_vlan(vid=7,pcp=0),set(ipv4(ttl=9)),3" },
	{ ETH
	  "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(src=10.0.0.1,frag=no))",
	  "2" },
	{ ETH
	  "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(src=10.0.0.1,frag=no))",
	  "pop_vlan,3" },
	{ ETH "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(proto=17,frag=no))",
	  "pop_vlan,push_vlan(vid=6,pcp=1),set(ipv4(src=1.1.1.1)),3" },
	{ ETH "eth_type(0x88a8),vlan(vid=5,pcp=3),encap(eth_type(0x8100),vlan(vid=6,pcp=0),encap("
	      "eth_type(0x0800),"
	      "ipv4(frag=no)))",
	  "pop_vlan,2" },
	{ IP6 "proto=17,hlimit=64,frag=no),udp(src=1000,dst=2000)", "2" },
	{ IP6 "proto=6,frag=no),tcp(src=1,dst=2)",
	  "set(ipv6(src=2001:db8::9,hlimit=2,tclass=0x20)),3" },
	{ IP6 "proto=58,frag=no),icmpv6(type=128,code=0)", "set(ipv6(dst=2001:db8::9)),3" },
	{ IP6 "proto=17,frag=no)", "set(ipv6(label=0x12345)),set(udp(src=9)),2" },
	{ ETH "eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=02:00:00:00:00:11)", "2,3" },
	{ ETH "eth_type(0x1234)", "2" },
	{ IP4 "proto=17,frag=no)", "2,clone(set(ipv4(ttl=3)),push_vlan(vid=7,pcp=0),3)" },
	{ IP4 "proto=17,frag=no)", "clone(set(ipv4(src=1.2.3.4)),3),2" },
	{ IP4 "proto=17,frag=no)", "clone(2,3),set(ipv4(src=1.2.3.4)),2" },
	{ IP4 "proto=17,frag=no)", "set(ipv4(ttl=9)),clone(2),clone(set(ipv4(ttl=8)),3)" },
	{ IP4 "frag=no)", "sample(sample=100.0%,actions(set(ipv4(ttl=8)),3)),2" },
	{ IP4 "frag=no)", "clone(drop),2" },
};

START_TEST(filters_do_what_software_does)
{
	struct audit_findings found;
	AUTO(strbuf) frame = STRBUF_INIT;
	uint64_t packets = 0, bytes = 0;
	struct megaflow *mf;
	struct hw_rule *hw;
	struct match m;

	flow_from_text(cases[_i].flow, &m);
	frame_for(&m, &frame);
	mf = megaflow_of(&m, cases[_i].actions);
	hw = insert(mf, NULL);
	expect(&frame, megaflow_actions_get(mf), true, cases[_i].flow);
	// The kernel says that it has what was sent.
	backend_tc.audit(device, &found);
	ck_assert_msg(!found.altered && !found.missing && !found.orphans && !found.foreign,
		      "%s: %u altered, %u missing", cases[_i].flow, found.altered, found.missing);
	take_out(hw, &packets, &bytes);
	ck_assert_uint_eq(packets, 1);
	ck_assert_uint_eq(bytes, frame.len);
	expect(&frame, megaflow_actions_get(mf), false, "after removal");
	megaflow_free(mf);
}
END_TEST

// What is tagged, and lists: the longer one is not the first, edits that are several entries are jumped over, one does nothing.
static const struct {
	const char *flow;
	unsigned int tag; // bytes of the outer one
	const char *actions;
} by_length[] = {
#define TAGGED \
	ETH "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(proto=17,frag=no))"
#define TWICE \
	ETH "eth_type(0x88a8),vlan(vid=5,pcp=3),encap(eth_type(0x8100),vlan(vid=6,pcp=0),encap(" \
	    "eth_type(0x0800),ipv4(frag=no)))"
	{ IP4 "frag=no)", 0, "check_pkt_len(size=200,gt(3),le(2))" },
	{ IP4 "frag=no)", 0, "check_pkt_len(size=200,gt(drop),le(2))" },
	{ IP4 "frag=no)", 0, "check_pkt_len(size=200,gt(2,3),le(drop))" },
	{ IP4 "proto=17,frag=no)", 0,
	  "set(ipv4(ttl=9)),check_pkt_len(size=200,gt(3,set(ipv4(src=1.2.3.4)),2),"
	  "le(set(ipv4(src=1.2.3.5,dst=1.2.3.6)),set(udp(dst=53)),2))" },
	{ IP4 "frag=no)", 0,
	  "check_pkt_len(size=200,gt(push_vlan(vid=7,pcp=0),2),le(3,push_vlan(vid=8,pcp=0),2))" },
	{ TAGGED, 4, "check_pkt_len(size=200,gt(3),le(2))" },
	{ TAGGED, 4, "check_pkt_len(size=200,gt(pop_vlan,3),le(pop_vlan,2))" },
	{ TWICE, 4, "check_pkt_len(size=200,gt(pop_vlan,3),le(2))" },
};

START_TEST(longer_packets_take_the_other_branch)
{
	AUTO(strbuf) shortest = STRBUF_INIT;
	uint64_t packets = 0, bytes = 0, sent = 0;
	struct megaflow *mf;
	struct hw_rule *hw;
	struct match m;

	flow_from_text(by_length[_i].flow, &m);
	frame_for(&m, &shortest);
	mf = megaflow_of(&m, by_length[_i].actions);
	hw = insert(mf, NULL);
	// The tag does not count.
	for (size_t n = 199; n <= 201; n++) {
		AUTO(strbuf) frame = STRBUF_INIT;

		strbuf_put(&frame, shortest.s, shortest.len);
		while (frame.len < n + by_length[_i].tag)
			strbuf_putc(&frame, 'x');
		sent += frame.len;
		expect(&frame, megaflow_actions_get(mf), true, by_length[_i].actions);
	}
	take_out(hw, &packets, &bytes);
	ck_assert_uint_eq(packets, 3);
	ck_assert_uint_eq(bytes, sent);
	megaflow_free(mf);
}
END_TEST

START_TEST(a_changed_rule_takes_over_and_every_packet_is_counted)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	static const char *const actions[] = { "2", "3", "2,3", "drop", "2" };
	uint64_t packets = 0, bytes = 0;
	struct megaflow *mf;
	struct hw_rule *hw = NULL;
	struct match m;

	flow_from_text(cases[0].flow, &m);
	frame_for(&m, &frame);
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		mf = megaflow_of(&m, actions[i]);
		hw = insert(mf, hw);
		expect(&frame, megaflow_actions_get(mf), true, actions[i]);
		backend_tc.refresh(device);
		ck_assert_int_eq(backend_tc.query(device, hw, &packets, &bytes), 0);
		ck_assert_uint_eq(packets, 1);
		megaflow_free(mf);
	}
	take_out(hw, &packets, &bytes);
}
END_TEST

START_TEST(a_chain_goes_on_where_its_parent_ends)
{
	AUTO(strbuf) frame = STRBUF_INIT;
	struct megaflow *parent, *child, *whole;
	struct hw_rule *first, *second;
	uint64_t packets, bytes;
	struct match m;

	flow_from_text(cases[1].flow, &m);
	frame_for(&m, &frame);
	parent = megaflow_of(&m, "set(ipv4(ttl=5)),recirc(0x1234)");
	m.key.recirc_id = 0x1234;
	m.key.nw_ttl = 5;
	memset(&m.mask.m.recirc_id, 0xff, sizeof(m.mask.m.recirc_id));
	child = megaflow_of(&m, "push_vlan(vid=3,pcp=0),2");
	whole = megaflow_of(&m, "set(ipv4(ttl=5)),push_vlan(vid=3,pcp=0),2");
	first = insert(parent, NULL);
	second = insert(child, NULL);
	expect(&frame, megaflow_actions_get(whole), true, "two rules");
	take_out(second, &packets, &bytes);
	ck_assert_uint_eq(packets, 1);
	take_out(first, &packets, &bytes);
	ck_assert_uint_eq(packets, 1);
	megaflow_free(parent);
	megaflow_free(child);
	megaflow_free(whole);
}
END_TEST

// 'command' with the name of the wire that frames come by.
static void run(const char *command)
{
	AUTO_FREE char *whole = xasprintf(command, wires[IN].name);

	ck_assert_int_eq(system(whole), 0);
}

START_TEST(a_rule_that_somebody_took_away_is_missed)
{
	uint64_t packets, bytes;
	struct megaflow *mf;
	struct hw_rule *hw;
	struct match m;

	flow_from_text(cases[0].flow, &m);
	mf = megaflow_of(&m, "2");
	hw = insert(mf, NULL);
	run("tc filter del dev %s ingress protocol ip prio 3");
	backend_tc.refresh(device);
	ck_assert_int_eq(backend_tc.query(device, hw, &packets, &bytes), -ENOENT);
	backend_tc.forget(device, hw);
	// The qdisc, too: the next rule makes it anew.
	run("tc qdisc del dev %s clsact");
	hw = insert(mf, NULL);
	take_out(hw, &packets, &bytes);
	megaflow_free(mf);
}
END_TEST

// ---- Random flows ----

// A case, of which some bits are not looked at.
static void random_match(size_t i, struct match *m)
{
	flow_from_text(cases[i].flow, m);
	if (random_u32() % 2)
		m->mask.m.nw_src &= htobe32(UINT32_MAX << random_u32() % 32);
	if (random_u32() % 2)
		memset(&m->mask.m.eth_src, 0, sizeof(m->mask.m.eth_src));
	if (random_u32() % 2)
		m->mask.m.tp_src &= htobe16(0xffff << random_u32() % 16);
	if (m->key.nw_proto == 1 || m->key.nw_proto == 58 || !flow_is_ip(&m->key))
		m->mask.m.tp_src = m->mask.m.tp_dst = 0;
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
		uint64_t packets, bytes;
		struct match m, near;
		struct megaflow *mf;
		struct hw_rule *hw;

		random_match(k, &m);
		mf = megaflow_of(&m, cases[random_u32() % 2].actions);
		frame_for(&m, &frame);
		hw = insert(mf, NULL);
		expect(&frame, megaflow_actions_get(mf), true, cases[k].flow);
		pairs++;
		near = m;
		if (flow_flip(&m, &near.key)) {
			frame_for(&near, &other);
			expect(&other, megaflow_actions_get(mf), false, cases[k].flow);
			pairs++;
		}
		take_out(hw, &packets, &bytes);
		megaflow_free(mf);
	}
}
END_TEST

static void set_up(void)
{
	struct device_limits limits;
	struct error err = ERROR_INIT;
	struct megaflow *marker;
	struct match m;

	wires_create(&wires[1], N_WIRES);
	for (unsigned int i = 1; i <= N_WIRES; i++) {
		refs[i] = (struct port_ref){ .number = DP_PORT(i),
					     .ifindex = wires[i].ifindex,
					     .ethdev = PORT_NO_ETHDEV,
					     .device = "lab" };
		snprintf(refs[i].name, sizeof(refs[i].name), "%s", wires[i].name);
	}
	ck_assert_msg(!backend_tc.open(&refs[IN], &device, &limits, &err), "%s", err.text);
	flow_from_text(ETH "eth_type(0x88b5)", &m);
	memset(&m.mask.m.eth_src, 0, sizeof(m.mask.m.eth_src));
	memset(&m.mask.m.eth_dst, 0, sizeof(m.mask.m.eth_dst));
	marker = megaflow_of(&m, "2,3");
	insert(marker, NULL);
	megaflow_free(marker);
}

static void tear_down(void)
{
	backend_tc.close(device);
}

int main(void)
{
	Suite *s = suite_create("lab/tc");
	TCase *t = tcase_create("tc");

	rcu_thread_begin();
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, filters_do_what_software_does, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, longer_packets_take_the_other_branch, 0, ARRAY_SIZE(by_length));
	tcase_add_test(t, a_changed_rule_takes_over_and_every_packet_is_counted);
	tcase_add_test(t, a_chain_goes_on_where_its_parent_ends);
	tcase_add_loop_test(t, random_flows_match_what_software_matches, 0, 3);
	tcase_add_test(t, a_rule_that_somebody_took_away_is_missed);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
