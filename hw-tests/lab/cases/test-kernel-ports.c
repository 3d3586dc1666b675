// SPDX-License-Identifier: Apache-2.0
// The kernel datapath's ports and features in a real kernel: devices come, go and come back, errors name what is in the way.
// To be run in a lab guest (hw-tests/lab/run): it makes network devices.
#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "core/netlink/rtnl.h"
#include "datapath/kernel/kernel.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/wire.h"

enum { N_WIRES = 3 };

static const struct datapath_ops *const ops = &datapath_kernel;
static struct datapath *dp;
static struct wire wires[N_WIRES + 1]; // by datapath port number
static struct nl_sock *route;

// Nothing is forwarded in these tests.
static int on_miss(void *aux, const struct upcall *u, struct strbuf *actions,
		   struct megaflow **ret_flow)
{
	return -ENODEV;
}

static int on_userspace(void *aux, const struct upcall *u, struct strbuf *actions)
{
	return -ENODEV;
}

static const struct upcall_ops upcalls = { on_miss, on_userspace };

static size_t flows_in_kernel(void)
{
	struct datapath_stats st;

	ops->stats(dp, &st);
	return st.flows;
}

// ---- Ports ----

static void add_fails(const char *name, const char *type, int code, const char *text)
{
	struct error err = ERROR_INIT;
	dp_port_t port = DP_PORT_NONE;

	ck_assert_int_eq(ops->port_add(dp, name, type, NULL, &port, &err), code);
	ck_assert_msg(strstr(err.text, text), "%s", err.text);
	ck_assert_uint_eq(port.n, DP_PORT_NONE.n);
}

static void list_port(dp_port_t port, void *aux)
{
	struct datapath_port_info info;

	ck_assert(ops->port_info(dp, port, &info));
	strbuf_printf(aux, "%u:%s(%s) ", port.n, info.name, info.type);
	smap_uninit(&info.status);
}

START_TEST(ports_come_and_go)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct datapath_port_info info;
	struct error err = ERROR_INIT;
	dp_port_t in, found;
	struct port_ref ref;

	ck_assert_msg(!ops->port_add(dp, "int0", "internal", NULL, &in, &err), "%s", err.text);
	ops->for_each_port(dp, list_port, &list);
	ck_assert_str_eq(list.s, "0:ovs-system(internal) 1:kd1(system) 2:kd2(system) 3:kd3(system) "
				 "4:int0(internal) ");
	ck_assert(ops->port_by_name(dp, "int0", &found) && found.n == in.n);
	ck_assert(!ops->port_by_name(dp, "int1", &found));
	ck_assert(ops->port_ref(dp, in, &ref));
	ck_assert(ref.is_internal && ref.ifindex == (int)if_nametoindex("int0"));
	ck_assert_uint_eq(ref.ethdev, PORT_NO_ETHDEV);
	ck_assert(!ops->port_ref(dp, DP_PORT(99), &ref));
	ck_assert_int_eq(ops->port_set_mtu(dp, in, 1300, NULL), 0);
	struct eth_addr mac = { { 2, 0, 0, 0, 9, 9 } };
	ck_assert_int_eq(ops->port_set_mac(dp, in, mac, NULL), 0);
	uint64_t seq = ops->port_change_seq(dp);
	ck_assert_int_eq(ops->port_set_admin(dp, in, true, NULL), 0);
	ck_assert_uint_ne(ops->port_change_seq(dp), seq);
	ck_assert(ops->port_info(dp, in, &info));
	ck_assert(info.admin_up && info.link_up && eth_addr_equal(info.mac, mac));
	ck_assert_uint_eq(info.mtu, 1300);
	ck_assert_str_eq(smap_get(&info.status, "driver_name"), "openvswitch");
	smap_uninit(&info.status);
	ck_assert(ops->port_info(dp, DP_PORT(2), &info));
	ck_assert_str_eq(smap_get(&info.status, "driver_name"), "veth");
	ck_assert_uint_eq(info.link_mbps, 10000);
	ck_assert(info.full_duplex);
	smap_uninit(&info.status);
	add_fails("int0", "internal", -EEXIST, "int0 is there already");
	add_fails("kd2", "system", -EEXIST, "kd2 is there already");
	add_fails("nobody", "system", -ENODEV, "network device nobody (No such device)");
	add_fails("x", "dpdk", -EOPNOTSUPP, "no ports of type \"dpdk\"");
	add_fails("averyveryverylongname", "internal", -ENAMETOOLONG, "15 characters");
	ops->port_del(dp, in);
	ck_assert(!ops->port_by_name(dp, "int0", &found));
	ck_assert_uint_eq(if_nametoindex("int0"), 0);
}
END_TEST

START_TEST(a_tap_lives_as_long_as_its_port)
{
	struct datapath_port_info info;
	struct error err = ERROR_INIT;
	dp_port_t tap;

	// Debian's kernel has it as a module that the guest lacks.
	if (access("/dev/net/tun", F_OK))
		return;
	ck_assert_msg(!ops->port_add(dp, "tap0", "tap", NULL, &tap, &err), "%s", err.text);
	ck_assert(ops->port_info(dp, tap, &info));
	ck_assert_str_eq(info.type, "tap");
	ck_assert_str_eq(smap_get(&info.status, "driver_name"), "tun");
	smap_uninit(&info.status);
	ops->port_del(dp, tap);
	ck_assert_uint_eq(if_nametoindex("tap0"), 0);
}
END_TEST

static void set_master(int ifindex, int master)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	struct error err = ERROR_INIT;
	size_t m = nl_msg_begin(&msg, RTM_SETLINK, 0);
	struct ifinfomsg *i = nl_put_header(&msg, sizeof(*i));

	i->ifi_index = ifindex;
	nl_put_u32(&msg, IFLA_MASTER, master);
	nl_msg_end(&msg, m);
	ck_assert_msg(!nl_transact(route, &msg, NULL, &err), "%s", err.text);
}

static int make_bridge(const char *name)
{
	struct error err = ERROR_INIT;
	struct rtnl_link bridge;

	ck_assert_int_eq(rtnl_link_add(route, name, "bridge", NULL, &err), 0);
	ck_assert_int_eq(rtnl_link_by_name(route, name, &bridge, &err), 0);
	return bridge.ifindex;
}

START_TEST(a_device_of_a_bridge_stays_there)
{
	int bridge = make_bridge("brother");
	struct wire w;

	wire_create(&w, "spare");
	set_master(if_nametoindex("spare"), bridge);
	add_fails("spare", "system", -EBUSY, "spare belongs to brother");
	rtnl_link_del(route, if_nametoindex("spare"), NULL);
	rtnl_link_del(route, bridge, NULL);
	close(w.fd);
}
END_TEST

static void tunnel_fails(const struct smap *options, int code, const char *text)
{
	struct error err = ERROR_INIT;
	dp_port_t port;

	ck_assert_int_eq(ops->port_add(dp, "vxlan_sys_4789", "vxlan", options, &port, &err), code);
	ck_assert_msg(strstr(err.text, text), "%s", err.text);
}

START_TEST(a_tunnel_that_cannot_be_leaves_the_device_of_others)
{
	struct tunnel_params params = { .dst_port = 4789 };
	struct error err = ERROR_INIT;
	int bridge = make_bridge("brother"), device;
	struct smap options;
	dp_port_t port;
	bool made;

	smap_init(&options);
	// Debian's kernel has it as a module that the guest lacks.
	if (!tunnel_device_need(route, "vxlan_sys_4789", "vxlan", &params, &device, &made, &err)) {
		ck_assert(made);
		set_master(device, bridge);
		tunnel_fails(&options, -EBUSY, "vxlan_sys_4789 belongs to brother");
		ck_assert_int_eq(if_nametoindex("vxlan_sys_4789"), device);
		set_master(device, 0);
		ck_assert_msg(!ops->port_add(dp, "vxlan_sys_4789", "vxlan", &options, &port, &err),
			      "%s", err.text);
		tunnel_fails(&options, -EEXIST, "is there already");
		smap_set(&options, "exts", "gbp");
		tunnel_fails(&options, -EEXIST, "is there already");
		ck_assert_int_eq(if_nametoindex("vxlan_sys_4789"), device);
		ops->port_del(dp, port);
		ck_assert_int_eq(if_nametoindex("vxlan_sys_4789"), 0);
	}
	rtnl_link_del(route, bridge, NULL);
	smap_uninit(&options);
}
END_TEST

START_TEST(a_port_waits_for_its_device)
{
	struct datapath_port_info info;
	struct error err = ERROR_INIT;
	struct port_ref ref;
	dp_port_t port;
	struct wire w;
	uint64_t seq;

	wire_create(&w, "gone");
	ck_assert_msg(!ops->port_add(dp, "gone", "system", NULL, &port, &err), "%s", err.text);
	seq = ops->port_change_seq(dp);
	ck_assert_int_eq(rtnl_link_del(route, w.ifindex, &err), 0);
	close(w.fd);
	ck_assert_uint_ne(ops->port_change_seq(dp), seq);
	ck_assert(ops->port_ref(dp, port, &ref));
	ck_assert_int_eq(ref.ifindex, 0);
	ck_assert(ops->port_info(dp, port, &info));
	ck_assert(!info.link_up && !info.admin_up);
	smap_uninit(&info.status);
	ck_assert_int_eq(ops->port_set_mtu(dp, port, 1400, &err), -ENODEV);
	wire_create(&w, "gone");
	seq = ops->port_change_seq(dp);
	ck_assert(ops->port_ref(dp, port, &ref));
	ck_assert_int_eq(ref.ifindex, w.ifindex);
	ck_assert(ops->port_info(dp, port, &info));
	ck_assert(info.link_up);
	smap_uninit(&info.status);
	ops->port_del(dp, port);
	close(w.fd);
	rtnl_link_del(route, w.ifindex, NULL);
}
END_TEST

START_TEST(features_are_those_of_this_kernel)
{
	static const struct {
		const char *name, *value;
	} want[] = {
		{ "masked_set_action", "true" },
		{ "tnl_push_pop", "false" },
		{ "ufid", "true" },
		{ "trunc", "true" },
		{ "clone", "true" },
		{ "sample_nesting", "10" },
		{ "ct_eventmask", "true" },
		{ "ct_clear", "true" },
		{ "max_hash_alg", "0" },
		{ "check_pkt_len", "true" },
		{ "ct_timeout", "true" },
		{ "explicit_drop_action", "false" },
		{ "lb_output_action", "false" },
		{ "ct_zero_snat", "true" },
		{ "add_mpls", "true" },
		{ "max_vlan_headers", "2" },
		{ "max_mpls_depth", "3" },
		{ "recirc", "true" },
		{ "ct_state", "true" },
		{ "ct_zone", "true" },
		{ "ct_mark", "true" },
		{ "ct_label", "true" },
		{ "ct_state_nat", "true" },
		{ "ct_orig_tuple", "true" },
		{ "ct_orig_tuple6", "true" },
		{ "nd_ext", "false" },
	};
	struct smap f;

	smap_init(&f);
	ops->features(dp, &f);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		ck_assert_msg(!strcmp(smap_get_def(&f, want[i].name, "absent"), want[i].value),
			      "%s: %s", want[i].name, smap_get_def(&f, want[i].name, "absent"));
	smap_uninit(&f);
	ck_assert_uint_eq(flows_in_kernel(), 0);
}
END_TEST

// ---- Life ----

static void set_up(void)
{
	static const struct datapath_config config;
	struct error err = ERROR_INIT;
	dp_port_t port;

	ck_assert_int_eq(nl_open(NETLINK_ROUTE, &route, &err), 0);
	ck_assert_msg(!ops->open(ops->default_name, &upcalls, NULL, &config, &dp, &err), "%s",
		      err.text);
	for (unsigned int i = 1; i <= N_WIRES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "kd%u", i);
		wire_create(&wires[i], name);
		ck_assert_msg(!ops->port_add(dp, name, "system", NULL, &port, &err), "%s",
			      err.text);
		ck_assert_uint_eq(port.n, i);
	}
}

static void tear_down(void)
{
	ops->close(dp);
	ck_assert_uint_eq(if_nametoindex("ovs-system"), 0);
}

int main(void)
{
	Suite *s = suite_create("lab/kernel-ports");
	TCase *t = tcase_create("ports");

	rcu_thread_begin();
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_test(t, features_are_those_of_this_kernel);
	tcase_add_test(t, ports_come_and_go);
	tcase_add_test(t, a_tap_lives_as_long_as_its_port);
	tcase_add_test(t, a_device_of_a_bridge_stays_there);
	tcase_add_test(t, a_tunnel_that_cannot_be_leaves_the_device_of_others);
	tcase_add_test(t, a_port_waits_for_its_device);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
