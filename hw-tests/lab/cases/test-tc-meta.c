// SPDX-License-Identifier: Apache-2.0
// Tunnels, connection tracking and MPLS as filters of a real kernel: it takes them as they were sent, and packets fare as the
// rules say. To be run in a lab guest (hw-tests/lab/run).
#include <arpa/inet.h>
#include <check.h>
#include <linux/if_link.h>
#include <stdio.h>

#include "core/netlink/rtnl.h"
#include "core/packet/packet.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/frames.h"
#include "hw-tests/lab/cases/segments.h"
#include "offload/backend.h"

enum { VXLAN = 4, N_PORTS = 5, VXLAN_UDP_PORT = 4789 };

static struct wire wires[4];
static struct port_ref refs[N_PORTS];
static struct eth_addr tc2_mac; // where outer packets are for
static void *device;

static const struct port_ref *find_port(dp_port_t n, void *aux)
{
	return n.n >= 1 && n.n < N_PORTS ? &refs[n.n] : NULL;
}

static const struct port_lookup ports = { find_port, NULL };

static void command(const char *text)
{
	ck_assert_msg(!system(text), "%s", text);
}

static struct hw_rule *insert(const char *flow, const char *actions)
{
	AUTO(strbuf) why = STRBUF_INIT;
	struct compiled_rule *rule;
	struct verdict v = { 0 };
	struct hw_rule *hw = NULL;
	struct megaflow *mf;
	struct match m;
	int error;

	flow_from_text(flow, &m);
	mf = megaflow_of(&m, actions);
	if (!backend_tc.compile(device, mf, &ports, &rule, &v)) {
		verdict_format(&v, &why);
		ck_abort_msg("%s: %s", flow, why.s);
	}
	error = backend_tc.insert(device, rule, &hw, &v);
	verdict_format(&v, &why);
	ck_assert_msg(!error, "%s: %s: %s", flow, actions, why.s);
	backend_tc.compiled_free(rule);
	megaflow_free(mf);
	return hw;
}

static uint64_t take_out(struct hw_rule *hw)
{
	uint64_t packets, bytes;

	ck_assert_int_eq(backend_tc.remove(device, hw, &packets, &bytes), 0);
	return packets;
}

static void check_as_sent(const char *what)
{
	struct audit_findings found;

	backend_tc.audit(device, &found);
	ck_assert_msg(!found.altered && !found.missing && !found.orphans && !found.foreign,
		      "%s: %u altered, %u missing, %u orphans", what, found.altered, found.missing,
		      found.orphans);
}

#define ANY_ETH "packet_type(ns=0,id=0),eth(),"
#define IP ANY_ETH "eth_type(0x0800),ipv4(proto=17,frag=no)"
#define IPV6 ANY_ETH "eth_type(0x86dd),ipv6(proto=17,frag=no)"
#define MPLS ANY_ETH "eth_type(0x8847),"

static const struct {
	const char *flow, *actions;
} cases[] = {
	{ "ct_state(+trk+new),in_port(1)," IP, "2" },
	{ "ct_state(+trk+est-rpl),ct_zone(0x5),ct_mark(0x1/0x3),in_port(1)," IP, "2" },
	{ "ct_state(+trk+inv),in_port(1)," IP, "drop" },
	{ "ct_state(-trk),in_port(1)," IP, "ct(zone=9),recirc(1)" },
	{ "ct_state(+trk),ct_label(0x0102030405060708090a0b0c0d0e0f10/"
	  "0xffffffffffffffffffffffffffffffff),in_port(1)," IP,
	  "2" },
	{ "in_port(1)," IP, "ct(commit,zone=5,mark=1/0xf),2" },
	{ "in_port(1)," IP, "ct(commit,label=0x5/0xff),2" },
	{ "in_port(1)," IP, "ct_clear,2" },
	{ "in_port(1)," IP, "ct(force_commit,zone=5),2" },
	{ "in_port(1)," IP, "ct(zone=5,nat),recirc(1)" },
	{ "in_port(1)," IP, "ct(commit,zone=5,nat),2" },
	{ "in_port(1)," IP, "ct(commit,nat(src=10.9.9.9)),2" },
	{ "in_port(1)," IP, "ct(commit,nat(src=10.9.9.1-10.9.9.9:1000-2000)),2" },
	{ "in_port(1)," IP, "ct(commit,mark=1/1,nat(dst=10.9.9.9:80)),2" },
	{ "in_port(1)," IP, "ct(commit,nat(dst)),2" },
	{ "in_port(1)," IPV6, "ct(commit,nat(src=2001:db8::9)),2" },
	{ "in_port(1)," IPV6, "ct(commit,nat(dst=[2001:db8::1]-[2001:db8::9]:80)),2" },
	{ "tunnel(tun_id=0x7,src=10.0.0.9,dst=10.0.0.1),in_port(4)," IP, "2" },
	{ "tunnel(tun_id=0x7,src=10.0.0.0/255.0.0.0,tos=0x10,ttl=64),in_port(4)," IP, "2,3" },
	{ "tunnel(tun_id=0x7,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2),in_port(4)," IP, "2" },
	{ "tunnel(tun_id=0x7),in_port(4)," IP, "recirc(3)" },
	{ "in_port(1)," IP,
	  "set(tunnel(tun_id=0x8,src=10.0.0.1,dst=10.0.0.9,tos=0x4,ttl=9,flags(key))),4" },
	{ "in_port(1)," IP, "set(tunnel(tun_id=0x8,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,ttl=9,"
			    "flags(key))),4,2" },
	{ "in_port(1)," MPLS "mpls(label=16,tc=3,ttl=64,bos=1)", "2" },
	{ "in_port(1)," MPLS "mpls(label=16,tc=0/0,ttl=0/0,bos=1)", "pop_mpls(eth_type=0x800),2" },
	{ "in_port(1)," IP, "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),2" },
};

START_TEST(the_kernel_takes_what_was_sent)
{
	struct hw_rule *hw = insert(cases[_i].flow, cases[_i].actions);

	check_as_sent(cases[_i].flow);
	take_out(hw);
}
END_TEST

// ---- Packets ----

static void compose(struct strbuf *frame, const char *src, const char *dst, uint16_t sport,
		    uint16_t dport, size_t payload)
{
	struct flow_key key = { .eth_type = htobe16(0x0800),
				.nw_proto = 17,
				.nw_ttl = 64,
				.nw_src = inet_addr(src),
				.nw_dst = inet_addr(dst),
				.tp_src = htobe16(sport),
				.tp_dst = htobe16(dport),
				.eth_src = { { 2, 0, 0, 0, 0, 0x11 } },
				.eth_dst = { { 2, 0, 0, 0, 0, 0x22 } } };

	packet_compose(&key, payload, frame);
}

static void send_udp(unsigned int port, const char *src, const char *dst, uint16_t sport,
		     uint16_t dport)
{
	AUTO(strbuf) frame = STRBUF_INIT;

	compose(&frame, src, dst, sport, dport, 32);
	wire_send(&wires[port], frame.s, frame.len);
}

static void expect_at(unsigned int port, struct strbuf *ret)
{
	ck_assert_msg(wire_receive(&wires[port], ret, 5000), "nothing came at port %u", port);
}

START_TEST(connections_become_established)
{
	AUTO(strbuf) got = STRBUF_INIT;
	struct hw_rule *out = insert("in_port(1)," IP, "ct(zone=5),recirc(1)"),
		       *fresh = insert("recirc_id(0x1),ct_state(+trk+new),in_port(1)," IP,
				       "ct(commit,zone=5,mark=0x7/0xff,label=0x102/0xffff),2"),
		       *back = insert("in_port(2)," IP, "ct(zone=5),recirc(2)"),
		       *reply = insert("recirc_id(0x2),ct_state(+trk+est+rpl),ct_zone(0x5),"
				       "ct_mark(0x7),ct_label(0x102/0xffff),in_port(2)," IP,
				       "1"),
		       *later = insert("recirc_id(0x1),ct_state(+trk+est-rpl),in_port(1)," IP, "3");

	check_as_sent("connections");
	send_udp(1, "10.1.0.1", "10.1.0.2", 1000, 2000);
	expect_at(2, &got);
	send_udp(2, "10.1.0.2", "10.1.0.1", 2000, 1000);
	expect_at(1, &got);
	send_udp(1, "10.1.0.1", "10.1.0.2", 1000, 2000);
	expect_at(3, &got);
	ck_assert_uint_eq(take_out(later), 1);
	ck_assert_uint_eq(take_out(reply), 1);
	ck_assert_uint_eq(take_out(back), 1);
	ck_assert_uint_eq(take_out(fresh), 1);
	ck_assert_uint_eq(take_out(out), 2);
}
END_TEST

START_TEST(addresses_are_translated_there_and_back)
{
	const struct nat_case *c = &nat_cases[_i];
	bool v6 = strchr(c->out.src, ':');
	AUTO_FREE char *any = xasprintf(ANY_ETH "eth_type(0x%s),ipv%d(frag=no)",
					v6 ? "86dd" : "0800", v6 ? 6 : 4);
	AUTO_FREE char *in1 = xasprintf("in_port(1),%s", any);
	AUTO_FREE char *in2 = xasprintf("in_port(2),%s", any);
	AUTO_FREE char *reply =
		xasprintf("recirc_id(0x2),ct_state(+trk+est+rpl),in_port(2),%s", any);
	AUTO_FREE char *commit = xasprintf("ct(commit,zone=%d,%s),2", 20 + _i, c->nat);
	AUTO_FREE char *back = xasprintf("ct(zone=%d,nat),recirc(2)", 20 + _i);
	struct hw_rule *rules[3];

	// The rest is not for traffic control.
	if (strstr(c->nat, "persistent") || strstr(c->nat, "random"))
		return;
	rules[0] = insert(in1, commit);
	rules[1] = insert(in2, back);
	rules[2] = insert(reply, "1");
	check_as_sent(c->name);
	nat_exchange(c, &wires[1], &wires[2]);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		ck_assert_uint_eq(take_out(rules[i]), 1);
}
END_TEST

// Ethernet, IPv4, UDP, VXLAN.
enum { OUTER = 14 + 20 + 8 + 8 };

START_TEST(packets_go_into_a_tunnel_and_come_out)
{
	AUTO(strbuf) inner = STRBUF_INIT, got = STRBUF_INIT, outer = STRBUF_INIT;
	struct hw_rule *in, *out;
	const uint8_t *p;

	compose(&inner, "192.168.0.1", "192.168.0.2", 7, 8, 32);
	in = insert("in_port(1)," IP,
		    "set(tunnel(tun_id=0x8,src=10.0.0.1,dst=10.0.0.9,ttl=9,flags(key))),4");
	wire_send(&wires[1], inner.s, inner.len);
	expect_at(2, &got);
	ck_assert_uint_eq(got.len, OUTER + inner.len);
	p = (const uint8_t *)got.s;
	ck_assert_uint_eq(p[22], 9); // TTL
	ck_assert_mem_eq(p + 30, "\x0a\x00\x00\x09", 4);
	ck_assert_uint_eq(p[36] << 8 | p[37], VXLAN_UDP_PORT);
	ck_assert_uint_eq(p[46] << 16 | p[47] << 8 | p[48], 8);
	ck_assert_mem_eq(p + OUTER, inner.s, inner.len);
	ck_assert_uint_eq(take_out(in), 1);

	// The same from the other side: addresses swapped, another id.
	strbuf_put(&outer, got.s, got.len);
	memcpy(outer.s, &tc2_mac, 6);
	memcpy(outer.s + 6, got.s, 6);
	memcpy(outer.s + 26, got.s + 30, 4);
	memcpy(outer.s + 30, got.s + 26, 4);
	out = insert("tunnel(tun_id=0x8,src=10.0.0.9,dst=10.0.0.1,ttl=9),in_port(4)," IP, "3");
	check_as_sent("tunnel");
	wire_send(&wires[2], outer.s, outer.len);
	expect_at(3, &got);
	ck_assert_uint_eq(got.len, inner.len);
	ck_assert_mem_eq(got.s, inner.s, inner.len);
	// Of another tunnel: not this flow.
	outer.s[48] = 9;
	wire_send(&wires[2], outer.s, outer.len);
	ck_assert(!wire_receive(&wires[3], &got, 300));
	ck_assert_uint_eq(take_out(out), 1);
}
END_TEST

START_TEST(labels_come_and_go)
{
	AUTO(strbuf) frame = STRBUF_INIT, got = STRBUF_INIT, labelled = STRBUF_INIT;
	struct hw_rule *push = insert("in_port(1)," IP,
				      "push_mpls(label=16,tc=2,ttl=64,bos=1,eth_type=0x8847),2"),
		       *pop = insert("in_port(1)," MPLS "mpls(label=16,tc=2,ttl=64,bos=1)",
				     "pop_mpls(eth_type=0x800),3");

	compose(&frame, "10.1.0.1", "10.1.0.2", 1000, 2000, 32);
	wire_send(&wires[1], frame.s, frame.len);
	expect_at(2, &labelled);
	ck_assert_uint_eq(labelled.len, frame.len + 4);
	ck_assert_mem_eq(labelled.s + 12, "\x88\x47\x00\x01\x05\x40", 6);
	ck_assert_mem_eq(labelled.s + 18, frame.s + 14, frame.len - 14);
	wire_send(&wires[1], labelled.s, labelled.len);
	expect_at(3, &got);
	ck_assert_uint_eq(got.len, frame.len);
	ck_assert_mem_eq(got.s, frame.s, frame.len);
	ck_assert_uint_eq(take_out(push), 1);
	ck_assert_uint_eq(take_out(pop), 1);
}
END_TEST

static void add_vxlan(struct nl_sock *s)
{
	AUTO(strbuf) data = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct rtnl_link l;

	nl_put_u8(&data, IFLA_VXLAN_COLLECT_METADATA, 1);
	nl_put_u8(&data, IFLA_VXLAN_LEARNING, 0);
	nl_put_be16(&data, IFLA_VXLAN_PORT, htobe16(VXLAN_UDP_PORT));
	ck_assert_msg(!rtnl_link_add(s, "vx", "vxlan", &data, &err), "%s", err.text);
	ck_assert(!rtnl_link_by_name(s, "vx", &l, &err));
	ck_assert(!rtnl_link_set_up(s, l.ifindex, true, &err));
	refs[VXLAN] = (struct port_ref){ .number = DP_PORT(VXLAN),
					 .name = "vx",
					 .ifindex = l.ifindex,
					 .is_tunnel = true,
					 .tunnel_port = htobe16(VXLAN_UDP_PORT),
					 .device = "lab" };
}

static void set_up(void)
{
	struct device_limits limits;
	struct error err = ERROR_INIT;
	struct rtnl_link l;
	struct nl_sock *s;

	ck_assert_msg(!nl_open(NETLINK_ROUTE, &s, &err), "%s", err.text);
	for (unsigned int i = 1; i <= 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "tc%u", i);
		wire_create(&wires[i], name);
		refs[i] = (struct port_ref){ .number = DP_PORT(i),
					     .ifindex = wires[i].ifindex,
					     .ethdev = PORT_NO_ETHDEV,
					     .device = "lab" };
		snprintf(refs[i].name, sizeof(refs[i].name), "%s", name);
	}
	// Where the outer packets go and come from.
	ck_assert(!rtnl_link_by_name(s, "tc2", &l, &err));
	tc2_mac = l.mac;
	command("ip addr add 10.0.0.1/24 dev tc2 && "
		"ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev tc2");
	add_vxlan(s);
	nl_close(s);
	ck_assert_msg(!backend_tc.open(&refs[1], &device, &limits, &err), "%s", err.text);
}

static void tear_down(void)
{
	backend_tc.close(device);
}

int main(void)
{
	Suite *s = suite_create("lab/tc-meta");
	TCase *t = tcase_create("tc-meta");

	rcu_thread_begin();
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, the_kernel_takes_what_was_sent, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, connections_become_established);
	tcase_add_loop_test(t, addresses_are_translated_there_and_back, 0, n_nat_cases);
	tcase_add_test(t, packets_go_into_a_tunnel_and_come_out);
	tcase_add_test(t, labels_come_and_go);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
