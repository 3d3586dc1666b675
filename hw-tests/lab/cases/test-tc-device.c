// SPDX-License-Identifier: Apache-2.0
// The TC backend among others who use traffic control, under placement: what somebody breaks is found and set right, what is
// somebody's is left alone, and ports come and go. To be run in a lab guest (hw-tests/lab/run).
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/netlink/rtnl.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/frames.h"
#include "offload/placement.h"

enum { N_FLOWS = 6, N_MANY = 2000 };

static const char *program;
static struct wire wires[4];
static struct offload *o;

static void command(const char *fmt, ...) PRINTF(1, 2);
static void command(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, args);
	va_end(args);
	ck_assert_msg(!system(text), "%s", text);
}

// Does the output of a command hold this?
static bool shows(const char *text, const char *what)
{
	AUTO_FREE char *both = xasprintf("%s | grep -q -- '%s'", text, what);

	return !system(both);
}

static void add_port(unsigned int i)
{
	struct port_ref ref = { .number = DP_PORT(i),
				.ifindex = wires[i].ifindex,
				.ethdev = PORT_NO_ETHDEV,
				.device = "lab" };
	struct error err = ERROR_INIT;

	snprintf(ref.name, sizeof(ref.name), "%s", wires[i].name);
	ck_assert_msg(!offload_add_port(o, &ref, &backend_tc, &err), "%s", err.text);
}

static void start_with(bool sweep)
{
	o = offload_create();
	if (sweep)
		offload_sweep(o);
	offload_set_enabled(o, true);
	for (unsigned int i = 1; i <= 3; i++)
		add_port(i);
	offload_wait_for_ports(o);
}

static void start(void)
{
	start_with(true);
}

static struct megaflow *flow_to(unsigned int in_port, uint32_t dst, const char *actions)
{
	AUTO_FREE char *text = xasprintf(
		"in_port(%u),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(dst=%u.%u.%u.%u,"
		"proto=17,frag=no),udp(dst=53)",
		in_port, dst >> 24, dst >> 16 & 255, dst >> 8 & 255, dst & 255);
	struct match m;

	flow_from_text(text, &m);
	return megaflow_of(&m, actions);
}

static void place(struct megaflow *flows[], size_t n, unsigned int in_port, const char *actions)
{
	for (size_t i = 0; i < n; i++) {
		flows[i] = flow_to(in_port, 0x0a000001 + i, actions);
		offload_place(o, flows[i]);
	}
	offload_flush(o);
}

static void check_reason(const struct megaflow *mf, enum offload_reason reason, const char *culprit)
{
	AUTO(strbuf) why = STRBUF_INIT;
	struct verdict v;
	char device[64];

	offload_get_verdict(o, mf, &v, device);
	verdict_format(&v, &why);
	ck_assert_msg(v.reason == reason, "%s", why.s);
	ck_assert_msg(strstr(v.culprit, culprit) != NULL, "%s", why.s);
}

static void stop(struct megaflow *flows[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		offload_withdraw(o, flows[i], NULL, NULL);
	offload_flush(o);
	for (size_t i = 0; i < n; i++)
		megaflow_free(flows[i]);
	offload_destroy(o);
}

static struct offload_device_status status(void)
{
	struct offload_device_status *list, one;

	ck_assert_uint_eq(offload_list_devices(o, &list), 1);
	one = list[0];
	free(list);
	return one;
}

// ---- Audit ----

static uint32_t n_lost;

static void on_audit(uint32_t checked, uint32_t lost, void *aux)
{
	__atomic_store_n(&n_lost, lost, __ATOMIC_SEQ_CST);
}

static uint32_t audit(void)
{
	offload_audit(o, on_audit, NULL);
	offload_flush(o);
	return __atomic_load_n(&n_lost, __ATOMIC_SEQ_CST);
}

#define DEV "dev tc1 ingress "
#define RULE DEV "protocol ip prio 3 handle 0x1 flower "
#define MATCH "dst_ip 10.0.0.1 ip_proto udp dst_port 53 ip_flags nofrag "
#define SHOW "tc filter show dev tc1 ingress"

static const struct {
	const char *name, *command;
	uint32_t lost, altered, orphans, foreign;
} faults[] = {
	{ "one rule is taken away", "tc filter del " RULE, 1, 0, 0, 0 },
	{ "all of a priority are", "tc filter del " DEV "protocol ip prio 3", N_FLOWS, 0, 0, 0 },
	{ "all of a side are", "tc filter del " DEV, N_FLOWS, 0, 0, 0 },
	{ "the qdisc is", "tc qdisc del dev tc1 clsact", N_FLOWS, 0, 0, 0 },
	{ "the qdisc is another one",
	  "tc qdisc del dev tc1 clsact && tc qdisc add dev tc1 handle ffff: ingress", N_FLOWS, 0, 0,
	  0 },
	{ "it drops", "tc filter replace " RULE MATCH "action drop", 1, 1, 0, 0 },
	{ "it goes elsewhere",
	  "tc filter replace " RULE MATCH "action mirred egress redirect dev tc3", 1, 1, 0, 0 },
	{ "it matches more",
	  "tc filter del " RULE "&& tc filter add " RULE
	  "dst_ip 10.0.0.0/8 ip_proto udp action mirred egress "
	  "redirect dev tc2",
	  1, 1, 0, 0 },
	{ "it matches something else",
	  "tc filter replace " RULE "dst_ip 10.9.9.9 ip_proto udp dst_port 53 ip_flags nofrag "
	  "action mirred egress redirect dev tc2",
	  1, 1, 0, 0 },
	{ "its cookie is somebody's",
	  "tc filter replace " RULE MATCH "action mirred egress redirect dev tc2 cookie "
	  "00112233445566778899aabbccddeeff",
	  1, 1, 0, 0 },
	{ "a copy of it, with our cookie, is elsewhere",
	  "tc filter add " DEV "protocol ip prio 3 handle 0x777 flower dst_ip 10.7.7.7 action drop "
	  "cookie 0011223344556677889900110e5f1234",
	  0, 0, 1, 0 },
	{ "one with our cookie is in a chain that we do not use",
	  "tc filter add " DEV "protocol ip prio 2 chain 77 handle 0x778 flower dst_ip 10.7.7.7 "
	  "action drop cookie 0011223344556677889900110e5f1234",
	  0, 0, 1, 0 },
	{ "somebody's stands before ours",
	  "tc filter add " DEV "protocol all prio 1 matchall action continue", 0, 0, 0, 1 },
	{ "the port is policed",
	  "tc filter add " DEV "protocol all prio 1 matchall action police rate 1gbit burst 1m "
	  "conform-exceed drop/continue cookie 6f65733a706f6c696365",
	  0, 0, 0, 0 },
	{ "somebody's stands among ours",
	  "tc filter add " DEV "protocol ip prio 3 handle 0x999 flower dst_ip 10.7.7.7 action drop",
	  0, 0, 0, 1 },
};

static void check_all_in(struct megaflow *flows[], const char *what)
{
	AUTO_FREE char *count = xasprintf(
		"test $(tc filter show dev tc1 ingress | grep -c 'not_in_hw\\|in_hw') -ge %d",
		N_FLOWS);

	for (size_t i = 0; i < N_FLOWS; i++)
		ck_assert_msg(flows[i]->placement == PLACE_IN_TC_SOFTWARE, "%s: flow %zu is %s",
			      what, i, placement_state_name(flows[i]->placement));
	ck_assert_msg(!system(count), "%s", what);
}

START_TEST(what_an_adversary_does_is_found_and_set_right)
{
	struct offload_device_status before, after;
	struct megaflow *flows[N_FLOWS];
	uint32_t lost;

	start();
	place(flows, N_FLOWS, 1, "2");
	check_all_in(flows, "start");
	ck_assert_uint_eq(audit(), 0);
	before = status();
	ck_assert_uint_eq(before.altered + before.orphans + before.foreign, 0);
	command("%s", faults[_i].command);
	lost = audit();
	after = status();
	ck_assert_msg(lost == faults[_i].lost, "%s: %u lost", faults[_i].name, lost);
	ck_assert_msg(after.altered == faults[_i].altered, "%s: %" PRIu64 " altered",
		      faults[_i].name, after.altered);
	ck_assert_msg(after.orphans == faults[_i].orphans, "%s: %" PRIu64 " orphans",
		      faults[_i].name, after.orphans);
	ck_assert_msg(after.foreign == faults[_i].foreign, "%s: %u foreign", faults[_i].name,
		      after.foreign);
	// Set right, and it stays so.
	check_all_in(flows, faults[_i].name);
	ck_assert_uint_eq(audit(), 0);
	after = status();
	ck_assert_uint_eq(after.altered, faults[_i].altered);
	ck_assert_uint_eq(after.orphans, faults[_i].orphans);
	ck_assert_uint_eq(after.foreign, faults[_i].foreign);
	ck_assert_int_eq(shows(SHOW, "0x777\\|0x778"), false);
	stop(flows, N_FLOWS);
	// What is somebody's is still there, and our qdisc below it.
	(void)!system("tc qdisc del dev tc1 clsact 2>/dev/null; tc qdisc del dev tc1 ingress "
		      "2>/dev/null");
}
END_TEST

// ---- Others ----

START_TEST(a_qdisc_of_others_is_used_and_stays)
{
	struct megaflow *flows[2];

	command("tc qdisc add dev tc1 clsact");
	command("tc filter add " DEV "protocol ip prio 900 flower dst_ip 10.7.7.7 action drop");
	start();
	place(flows, 2, 1, "2");
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	stop(flows, 2);
	ck_assert(shows("tc qdisc show dev tc1", "clsact"));
	ck_assert(shows(SHOW, "10.7.7.7"));
	ck_assert(!shows(SHOW, "10.0.0.1"));
	command("tc qdisc del dev tc1 clsact");
}
END_TEST

START_TEST(a_shared_block_of_others_is_named)
{
	struct megaflow *flows[1];

	command("tc qdisc add dev tc1 ingress_block 22 clsact");
	start();
	place(flows, 1, 1, "2");
	check_reason(flows[0], REASON_DEVICE_REFUSED, "qdisc of others: block 22");
	// It goes: the next offer is taken.
	command("tc qdisc del dev tc1 clsact");
	offload_forget_refusals(o);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	stop(flows, 1);
}
END_TEST

START_TEST(a_filter_of_others_in_the_way_is_named)
{
	struct megaflow *flows[1];

	command("tc qdisc add dev tc1 clsact");
	start();
	command("tc filter add " DEV "protocol ip prio 3 u32 match u32 0 0 action drop");
	place(flows, 1, 1, "2");
	check_reason(flows[0], REASON_DEVICE_REFUSED, "filter of others: u32, pref 3");
	ck_assert(shows(SHOW, "u32"));
	command("tc filter del " DEV "prio 3");
	offload_forget_refusals(o);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	stop(flows, 1);
	command("tc qdisc del dev tc1 clsact");
}
END_TEST

// ---- Ports ----

START_TEST(a_port_that_leaves_takes_its_rules_and_our_qdisc_along)
{
	struct megaflow *one[2], *two[2];
	struct offload_device_status st;

	start();
	place(one, 2, 1, "2");
	place(two, 2, 2, "1");
	ck_assert(shows("tc qdisc show dev tc1", "clsact"));
	offload_remove_port(o, DP_PORT(1));
	ck_assert(!shows("tc qdisc show dev tc1", "clsact"));
	ck_assert(shows("tc qdisc show dev tc2", "clsact"));
	check_reason(one[0], REASON_NO_DEVICE, "");
	ck_assert_int_eq(two[0]->placement, PLACE_IN_TC_SOFTWARE);
	st = status();
	ck_assert_uint_eq(st.rules, 2);
	// It comes again, and flows that come with it.
	add_port(1);
	struct megaflow *again = flow_to(1, 0x0a0a0a0a, "2");

	offload_place(o, again);
	offload_flush(o);
	ck_assert_int_eq(again->placement, PLACE_IN_TC_SOFTWARE);
	offload_withdraw(o, again, NULL, NULL);
	for (int i = 0; i < 2; i++)
		offload_withdraw(o, two[i], NULL, NULL);
	offload_flush(o);
	megaflow_free(again);
	for (int i = 0; i < 2; i++)
		megaflow_free(two[i]);
	stop(one, 2);
	ck_assert(!shows("tc qdisc show dev tc2", "clsact"));
}
END_TEST

START_TEST(a_device_that_vanishes_does_no_harm)
{
	struct megaflow *flows[2];

	start();
	place(flows, 2, 3, "1");
	command("ip link del tc3");
	audit();
	offload_remove_port(o, DP_PORT(3));
	wire_create(&wires[3], "tc3");
	add_port(3);
	stop(flows, 2);
}
END_TEST

// ---- Restart ----

static struct {
	size_t n;
	struct found_rule rules[2 * N_FLOWS];
} found;

static void take_found(const struct found_rule *r, void *aux)
{
	ck_assert_uint_lt(found.n, ARRAY_SIZE(found.rules));
	found.rules[found.n++] = *r;
}

// Another process places flows and dies without a word. Leaves them on ports 1 (to 2) and 2 (to 1).
START_TEST(leave_rules)
{
	struct megaflow *flows[N_FLOWS];

	for (unsigned int i = 1; i <= 3; i++) {
		struct error err = ERROR_INIT;
		struct rtnl_link l;
		struct nl_sock *s;

		snprintf(wires[i].name, sizeof(wires[i].name), "tc%u", i);
		if (nl_open(NETLINK_ROUTE, &s, &err) ||
		    rtnl_link_by_name(s, wires[i].name, &l, &err))
			_exit(1);
		wires[i].ifindex = l.ifindex;
		nl_close(s);
	}
	start();
	place(flows, N_FLOWS, 1, "2");
	place(flows, 2, 2, "1");
	_exit(flows[0]->placement == PLACE_IN_TC_SOFTWARE ? 0 : 1);
}
END_TEST

static char *handles(void)
{
	static char text[8192];
	FILE *f = popen("tc filter show dev tc1 ingress | grep -o 'handle 0x[0-9a-f]*\\|cookie .*' "
			"| sort",
			"r");
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	text[n] = '\0';
	pclose(f);
	return text;
}

START_TEST(what_a_killed_process_left_is_adopted)
{
	struct megaflow *flows[N_FLOWS], *wanted;
	struct offload_device_status st;
	uint32_t lost;

	command("%s --leave", program);
	AUTO_FREE char *before = xstrdup(handles());
	start_with(false);
	found.n = 0;
	offload_list_found(o, DP_PORT(1), take_found, NULL);
	ck_assert_uint_eq(found.n, N_FLOWS);
	// What was found is what was placed.
	for (size_t i = 0; i < N_FLOWS; i++) {
		const struct flow_key *k = &found.rules[i].key;

		ck_assert_uint_eq(k->in_port, 1);
		ck_assert_uint_eq(k->eth_type, htobe16(0x0800));
		ck_assert_uint_eq(k->nw_proto, 17);
		ck_assert_uint_eq(k->tp_dst, htobe16(53));
		ck_assert_uint_eq(be32toh(k->nw_dst) & 0xffffff00, 0x0a000000);
		ck_assert_uint_eq(found.rules[i].mask.m.nw_dst, UINT32_MAX);
		ck_assert_uint_eq(found.rules[i].mask.m.nw_src, 0);
	}
	// The same flows: nothing changes in the kernel. (The last two have no flow any more.)
	place(flows, N_FLOWS - 2, 1, "2");
	ck_assert_str_eq(handles(), before);
	for (size_t i = 0; i < N_FLOWS - 2; i++)
		ck_assert_int_eq(flows[i]->placement, PLACE_IN_TC_SOFTWARE);
	st = status();
	ck_assert_str_eq(smap_get_def(&st.capabilities, "adopted", ""), "4");
	// An audit finds nothing to set right.
	lost = audit();
	st = status();
	ck_assert_uint_eq(lost + st.altered + st.orphans + st.foreign, 0);
	// One for the same packets with other actions replaces it.
	wanted = flow_to(1, 0x0a000001 + N_FLOWS - 2, "3");
	offload_place(o, wanted);
	offload_flush(o);
	ck_assert_int_eq(wanted->placement, PLACE_IN_TC_SOFTWARE);
	ck_assert(shows(SHOW " | grep -A3 'dst_ip 10.0.0.5'", "10.0.0.5"));
	ck_assert(!shows("tc filter show dev tc1 ingress | grep -A9 'dst_ip 10.0.0.5'",
			 "tc2) .*STOLEN"));
	// The last one and those of port 2 have no flow.
	ck_assert(shows(SHOW, "10.0.0.6"));
	ck_assert(shows("tc filter show dev tc2 ingress", "10.0.0.1"));
	offload_sweep(o);
	offload_flush(o);
	ck_assert(!shows(SHOW, "10.0.0.6"));
	ck_assert(shows(SHOW, "10.0.0.1"));
	ck_assert(!shows("tc filter show dev tc2 ingress", "10.0.0.1"));
	ck_assert_uint_eq(audit(), 0);
	flows[N_FLOWS - 2] = wanted;
	stop(flows, N_FLOWS - 1);
	// The qdiscs were ours all the time.
	ck_assert(!shows("tc qdisc show dev tc1", "clsact"));
	ck_assert(!shows("tc qdisc show dev tc2", "clsact"));
}
END_TEST

START_TEST(after_a_restart_ports_are_swept_as_they_come)
{
	command("%s --leave", program);
	ck_assert(shows(SHOW, "10.0.0.6"));
	start();
	offload_flush(o);
	ck_assert(!shows(SHOW, "10.0.0"));
	ck_assert(!shows("tc filter show dev tc2 ingress", "10.0.0"));
	stop(NULL, 0);
	ck_assert(!shows("tc qdisc show dev tc1", "clsact"));
}
END_TEST

// While a qdisc is made Linux drops what leaves by the device.
START_TEST(a_port_has_its_qdisc_before_a_flow_depends_on_it)
{
	struct megaflow *flows[1];

	start();
	ck_assert(shows("tc qdisc show dev tc1", "clsact"));
	ck_assert(shows("tc qdisc show dev tc3", "clsact"));
	offload_set_enabled(o, false);
	offload_remove_port(o, DP_PORT(1));
	ck_assert(!shows("tc qdisc show dev tc1", "clsact"));
	// Nothing is done to a port while there is no offload.
	add_port(1);
	ck_assert(!shows("tc qdisc show dev tc1", "clsact"));
	offload_set_enabled(o, true);
	offload_wait_for_ports(o);
	ck_assert(shows("tc qdisc show dev tc1", "clsact"));
	place(flows, 1, 1, "2");
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	stop(flows, 1);
	ck_assert(!shows("tc qdisc show dev tc1", "clsact"));
}
END_TEST

// ---- Policy ----

START_TEST(the_policy_changes_while_flows_run)
{
	struct error err = ERROR_INIT;
	struct megaflow *flows[2];

	start();
	place(flows, 2, 1, "2");
	ck_assert(shows(SHOW, "not_in_hw"));
	ck_assert(!shows(SHOW, "skip_hw"));
	ck_assert(!offload_set_policy(o, "skip_hw", &err));
	offload_flush(o);
	ck_assert(shows(SHOW, "skip_hw"));
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	ck_assert_uint_eq(audit(), 0);
	// Nothing here has a NIC: the rules must go, the kernel must not run them.
	ck_assert(!offload_set_policy(o, "skip_sw", &err));
	offload_flush(o);
	check_reason(flows[0], REASON_DEVICE_REFUSED, "");
	ck_assert(!shows(SHOW, "10.0.0.1"));
	ck_assert(!offload_set_policy(o, "none", &err));
	offload_flush(o);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_TC_SOFTWARE);
	ck_assert(!shows(SHOW, "skip_hw"));
	ck_assert_int_eq(offload_set_policy(o, "skip_all", &err), -EINVAL);
	stop(flows, 2);
}
END_TEST

START_TEST(what_the_kernel_can_do_is_known)
{
	struct offload_device_status st;

	start();
	st = status();
	ck_assert_str_eq(smap_get_def(&st.capabilities, "multi_mask_per_prio", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "ct_state", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "ct_state_reply", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "ct_state_invalid", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "tunnel", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "vxlan_gbp", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "mpls", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "qinq", ""), "true");
	ck_assert_str_eq(smap_get_def(&st.capabilities, "ingress_block", ""), "true");
	// Linux has it since 6.11.
	ck_assert_str_eq(smap_get_def(&st.capabilities, "enc_flags", ""), "false");
	ck_assert(!shows("ip link", "oes"));
	smap_uninit(&st.capabilities);
	stop(NULL, 0);
}
END_TEST

// ---- Many ----

static const struct port_ref *find_port(dp_port_t n, void *aux)
{
	static struct port_ref refs[3];

	if (n.n < 1 || n.n > 2)
		return NULL;
	refs[n.n] = (struct port_ref){ .number = n, .ifindex = wires[n.n].ifindex };
	return &refs[n.n];
}

static double rate(void *device, struct insertion *list, size_t at_once)
{
	int64_t start = clock_real_nsec();

	for (size_t i = 0; i < N_MANY; i += at_once) {
		if (at_once > 1) {
			backend_tc.insert_many(device, &list[i], at_once);
			continue;
		}
		list[i].error = backend_tc.insert(device, list[i].rule, &list[i].hw, &list[i].v);
	}
	start = clock_real_nsec() - start;
	for (size_t i = 0; i < N_MANY; i++) {
		uint64_t packets, bytes;

		ck_assert_int_eq(list[i].error, 0);
		ck_assert_int_eq(list[i].v.reason, REASON_TC_SOFTWARE);
		ck_assert(!backend_tc.remove(device, list[i].hw, &packets, &bytes));
	}
	return N_MANY * 1e9 / start;
}

START_TEST(many_rules_go_in_at_once)
{
	static const struct port_lookup ports = { find_port, NULL };
	struct port_ref ref = { .ifindex = wires[1].ifindex, .device = "lab" };
	struct insertion *list = xcalloc(N_MANY, sizeof(*list));
	struct device_limits limits;
	struct error err = ERROR_INIT;
	void *device;

	ck_assert(!backend_tc.open(&ref, &device, &limits, &err));
	for (size_t i = 0; i < N_MANY; i++) {
		struct megaflow *mf = flow_to(1, 0x0a000000 + i, "2");

		ck_assert(backend_tc.compile(device, mf, &ports,
					     (struct compiled_rule **)&list[i].rule, &list[i].v));
		megaflow_free(mf);
	}
	for (int round = 0; round < 3; round++) {
		double one = rate(device, list, 1), many = rate(device, list, 250), four;

		backend_tc.set_threads(device, 4);
		four = rate(device, list, 250);
		backend_tc.set_threads(device, 1);
		printf("rules a second in this kernel: one by one %.0f, 250 at once %.0f (%.2fx), "
		       "by 4 "
		       "sockets %.0f (%.2fx)\n",
		       one, many, many / one, four, four / one);
	}
	for (size_t i = 0; i < N_MANY; i++)
		backend_tc.compiled_free((struct compiled_rule *)list[i].rule);
	backend_tc.close(device);
	free(list);
}
END_TEST

START_TEST(one_of_many_that_is_refused_does_not_harm_the_others)
{
	static const struct port_lookup ports = { find_port, NULL };
	struct port_ref ref = { .ifindex = wires[1].ifindex, .device = "lab" };
	struct insertion list[3] = { 0 };
	struct device_limits limits;
	uint64_t packets, bytes;
	struct error err = ERROR_INIT;
	void *device;

	ck_assert(!backend_tc.open(&ref, &device, &limits, &err));
	for (uint32_t i = 0; i < 3; i++) {
		// The second and the first are the same match: the kernel takes one of them only.
		struct megaflow *mf = flow_to(1, 0x0a000000 + i / 2, "2");

		ck_assert(backend_tc.compile(device, mf, &ports,
					     (struct compiled_rule **)&list[i].rule, &list[i].v));
		megaflow_free(mf);
	}
	backend_tc.insert_many(device, list, 3);
	ck_assert_int_eq(list[0].error, 0);
	ck_assert_int_eq(list[1].error, -EEXIST);
	ck_assert_int_eq(list[2].error, 0);
	for (size_t i = 0; i < 3; i++) {
		if (!list[i].error)
			ck_assert(!backend_tc.remove(device, list[i].hw, &packets, &bytes));
		backend_tc.compiled_free((struct compiled_rule *)list[i].rule);
	}
	backend_tc.close(device);
}
END_TEST

static void set_up(void)
{
	for (unsigned int i = 1; i <= 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "tc%u", i);
		wire_create(&wires[i], name);
	}
}

static void add_cases(TCase *t)
{
	tcase_add_unchecked_fixture(t, set_up, NULL);
	tcase_add_test(t, what_the_kernel_can_do_is_known);
	tcase_add_loop_test(t, what_an_adversary_does_is_found_and_set_right, 0,
			    ARRAY_SIZE(faults));
	tcase_add_test(t, a_qdisc_of_others_is_used_and_stays);
	tcase_add_test(t, a_shared_block_of_others_is_named);
	tcase_add_test(t, a_filter_of_others_in_the_way_is_named);
	tcase_add_test(t, a_port_has_its_qdisc_before_a_flow_depends_on_it);
	tcase_add_test(t, a_port_that_leaves_takes_its_rules_and_our_qdisc_along);
	tcase_add_test(t, a_device_that_vanishes_does_no_harm);
	tcase_add_test(t, what_a_killed_process_left_is_adopted);
	tcase_add_test(t, after_a_restart_ports_are_swept_as_they_come);
	tcase_add_test(t, the_policy_changes_while_flows_run);
	tcase_add_test(t, many_rules_go_in_at_once);
	tcase_add_test(t, one_of_many_that_is_refused_does_not_harm_the_others);
}

int main(int argc, char *argv[])
{
	Suite *s = suite_create("lab/tc-device");
	TCase *t = tcase_create("tc-device");

	rcu_thread_begin();
	program = argv[0];
	if (argc > 1 && !strcmp(argv[1], "--leave"))
		tcase_add_test(t, leave_rules);
	else
		add_cases(t);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
