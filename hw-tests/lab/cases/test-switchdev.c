// SPDX-License-Identifier: Apache-2.0
// The table of eSwitches against a real kernel: netdevsim plays the NIC. To be run in a lab guest (hw-tests/lab/run).
#include <check.h>
#include <fcntl.h>
#include <linux/ethtool_netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/netlink/genl.h"
#include "core/netlink/rtnl.h"
#include "hw-tests/lab/cases/guest.h"
#include "offload/switchdev/switchdev.h"

static struct switchdev *sd;
static struct nl_sock *rtnl;

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	ck_assert_msg(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s",
		      path, strerror(errno));
	close(fd);
}

static void command(const char *text)
{
	ck_assert_msg(!system(text), "%s", text);
}

// Takes in what has happened until nothing more comes. True when anything has changed.
static bool settle(void)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	bool changed = false;
	int fds[2];

	switchdev_fds(sd, fds);
	p[0].fd = fds[0];
	p[1].fd = fds[1];
	do
		changed |= switchdev_run(sd);
	while (poll(p, 2, 100) > 0);
	return changed;
}

static void count(const struct switchdev_port *p, void *aux)
{
	++*(size_t *)aux;
}

static size_t n_ports(void)
{
	size_t n = 0;

	switchdev_for_each_port(sd, count, &n);
	return n;
}

// As "ethtool -K" does it.
static void set_hw_tc_offload(int ifindex, bool on)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct genl_family ethtool;
	struct nl_sock *s;
	size_t m, nest, bits, bit;

	ck_assert_msg(!nl_open(NETLINK_GENERIC, &s, &err), "%s", err.text);
	ck_assert_msg(!genl_find(s, ETHTOOL_GENL_NAME, &ethtool, &err), "%s", err.text);
	m = genl_begin(&req, &ethtool, ETHTOOL_MSG_FEATURES_SET, 0);
	nest = nl_nest_begin(&req, ETHTOOL_A_FEATURES_HEADER);
	nl_put_u32(&req, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	nl_nest_end(&req, nest);
	nest = nl_nest_begin(&req, ETHTOOL_A_FEATURES_WANTED);
	bits = nl_nest_begin(&req, ETHTOOL_A_BITSET_BITS);
	bit = nl_nest_begin(&req, ETHTOOL_A_BITSET_BITS_BIT);
	nl_put_str(&req, ETHTOOL_A_BITSET_BIT_NAME, "hw-tc-offload");
	if (on)
		nl_put_flag(&req, ETHTOOL_A_BITSET_BIT_VALUE);
	nl_nest_end(&req, bit);
	nl_nest_end(&req, bits);
	nl_nest_end(&req, nest);
	nl_msg_end(&req, m);
	ck_assert_msg(!nl_transact(s, &req, NULL, &err), "%s", err.text);
	nl_close(s);
}

#define HANDLE "netdevsim/netdevsim1"
#define SYS "/sys/bus/netdevsim/"

START_TEST(it_follows_a_nic_through_its_life)
{
	struct switchdev_port up, vf, again;
	struct switchdev_eswitch e;
	struct error err = ERROR_INIT;

	ck_assert_uint_eq(n_ports(), 0);
	put_file(SYS "new_device", "1 2");
	ck_assert(settle());
	ck_assert_uint_eq(n_ports(), 2);
	ck_assert(switchdev_eswitch_get(sd, HANDLE, &e));
	ck_assert_str_eq(switchdev_mode_name(e.mode), "legacy");

	put_file(SYS "devices/netdevsim1/sriov_numvfs", "2");
	command("devlink dev eswitch set " HANDLE " mode switchdev");
	ck_assert(settle());
	ck_assert_uint_eq(n_ports(), 4);
	ck_assert(switchdev_eswitch_get(sd, HANDLE, &e));
	ck_assert_str_eq(switchdev_mode_name(e.mode), "switchdev");
	ck_assert_int_eq(e.inline_mode, -1);
	ck_assert_msg(!switchdev_find_representor(sd, "pf0vf1", &vf, &err), "%s", err.text);
	ck_assert_str_eq(vf.handle, HANDLE);
	ck_assert_int_eq(vf.function.role, SWITCHDEV_VF);
	ck_assert_uint_eq(vf.function.number, 1);
	ck_assert_int_ne(vf.hw_tc_offload, FEATURE_UNKNOWN);
	ck_assert(!switchdev_find_representor(sd, "netdevsim1,vf0", &again, &err));
	ck_assert_int_ne(again.ifindex, vf.ifindex);
	ck_assert_int_eq(switchdev_find_representor(sd, "vf2", &again, &err), -ENODEV);

	// A new name is noticed; the number stays.
	AUTO_FREE char *rename = xasprintf("ip link set %s name tenant", vf.name);
	command(rename);
	ck_assert(settle());
	ck_assert(switchdev_port_by_name(sd, "tenant", &again));
	ck_assert_int_eq(again.ifindex, vf.ifindex);
	ck_assert(!switchdev_port_by_name(sd, vf.name, &again));
	ck_assert(!switchdev_find_representor(sd, "tenant,vf1", &again, &err));

	// Somebody switches the feature.
	set_hw_tc_offload(vf.ifindex, vf.hw_tc_offload != FEATURE_ON);
	ck_assert(settle());
	ck_assert(switchdev_port_by_name(sd, "tenant", &again));
	ck_assert_int_eq(again.hw_tc_offload,
			 vf.hw_tc_offload == FEATURE_ON ? FEATURE_OFF : FEATURE_ON);

	// Back in legacy mode the representors are gone, and the wire stays.
	command("devlink dev eswitch set " HANDLE " mode legacy");
	ck_assert(settle());
	ck_assert_uint_eq(n_ports(), 2);
	ck_assert(!switchdev_port_get(sd, vf.ifindex, &again));
	ck_assert(switchdev_eswitch_get(sd, HANDLE, &e));
	ck_assert_str_eq(switchdev_mode_name(e.mode), "legacy");

	put_file(SYS "del_device", "1");
	ck_assert(settle());
	ck_assert_uint_eq(n_ports(), 0);
	ck_assert(!switchdev_eswitch_get(sd, HANDLE, &e));
	ck_assert(!switchdev_port_by_name(sd, "up", &up));
}
END_TEST

static void find_uplink(const struct switchdev_port *p, void *aux)
{
	struct switchdev_port *ret = aux;

	if (p->function.role == SWITCHDEV_UPLINK &&
	    (!ret->ifindex || p->function.number < ret->function.number))
		*ret = *p;
}

START_TEST(a_bond_over_uplinks_has_their_eswitch)
{
	struct switchdev_port up = { 0 }, bond;

	put_file(SYS "new_device", "1 2");
	settle();
	switchdev_for_each_port(sd, find_uplink, &up);
	ck_assert_int_ne(up.ifindex, 0);
	ck_assert_int_eq(up.bond, 0);
	ck_assert(!switchdev_port_by_name(sd, "bond0", &bond));
	AUTO_FREE char *enslave = xasprintf("ip link set %s master bond0", up.name);
	command(enslave);
	ck_assert(settle());
	ck_assert(switchdev_port_by_name(sd, "bond0", &bond));
	ck_assert_int_eq(bond.function.role, SWITCHDEV_BOND);
	ck_assert_str_eq(bond.handle, HANDLE);
	ck_assert(switchdev_port_get(sd, up.ifindex, &up));
	ck_assert_int_eq(up.bond, bond.ifindex);
	AUTO_FREE char *release = xasprintf("ip link set %s nomaster", up.name);
	command(release);
	ck_assert(settle());
	ck_assert(!switchdev_port_by_name(sd, "bond0", &bond));
	put_file(SYS "del_device", "1");
	settle();
}
END_TEST

START_TEST(a_number_that_is_used_again_is_another_device)
{
	struct switchdev_port p;
	struct rtnl_link l;
	struct error err = ERROR_INIT;

	for (int i = 0; i < 3; i++) {
		put_file(SYS "new_device", "1 1");
		settle();
		p.ifindex = 0;
		switchdev_for_each_port(sd, find_uplink, &p);
		ck_assert_int_ne(p.ifindex, 0);
		put_file(SYS "del_device", "1");
		// Not settled in between: the number goes over to a device of another kind.
		AUTO_FREE char *make = xasprintf("ip link add dmy index %d type dummy", p.ifindex);
		command(make);
		settle();
		ck_assert(!rtnl_link_by_name(rtnl, "dmy", &l, &err));
		ck_assert_int_eq(l.ifindex, p.ifindex);
		ck_assert(!switchdev_port_get(sd, p.ifindex, &p));
		ck_assert(!rtnl_link_del(rtnl, l.ifindex, &err));
		settle();
	}
}
END_TEST

START_TEST(lost_notifications_are_made_up_for)
{
	struct switchdev_port p = { 0 };

	put_file(SYS "new_device", "1 1");
	settle();
	switchdev_for_each_port(sd, find_uplink, &p);
	// More than any buffer holds, unread.
	struct error err = ERROR_INIT;

	for (int i = 0; i < 20000; i++)
		ck_assert(!rtnl_link_set_mtu(rtnl, p.ifindex, 1000 + i % 2, &err));
	put_file(SYS "devices/netdevsim1/sriov_numvfs", "1");
	command("devlink dev eswitch set " HANDLE " mode switchdev");
	ck_assert(settle());
	ck_assert_uint_eq(n_ports(), 2);
	ck_assert(!switchdev_find_representor(sd, "pf0vf0", &p, &err));
	put_file(SYS "del_device", "1");
	ck_assert(settle());
	ck_assert_uint_eq(n_ports(), 0);
}
END_TEST

// The module lies beside the guest's first process, which the kernel was told of.
static void load_netdevsim(void)
{
	char line[4096] = "", *folder;
	FILE *f = fopen("/proc/cmdline", "r");

	if (!access("/sys/bus/netdevsim", F_OK))
		return;
	ck_assert(f && fgets(line, sizeof(line), f));
	fclose(f);
	folder = strstr(line, " init=");
	ck_assert_msg(folder != NULL, "%s", line);
	folder += strlen(" init=");
	AUTO_FREE char *path = xasprintf("%.*s/netdevsim.ko", (int)strcspn(folder, " \n"), folder);
	memmove(strstr(path, "/init/"), "/netdevsim.ko", sizeof("/netdevsim.ko"));
	int fd = open(path, O_RDONLY);

	ck_assert_msg(fd >= 0 && !syscall(SYS_finit_module, fd, "", 0), "%s: %s", path,
		      strerror(errno));
	close(fd);
}

static void set_up(void)
{
	struct error err = ERROR_INIT;

	load_netdevsim();
	ck_assert_msg(!nl_open(NETLINK_ROUTE, &rtnl, &err), "%s", err.text);
	ck_assert_msg(!switchdev_open(&sd, &err), "%s", err.text);
}

static void tear_down(void)
{
	switchdev_close(sd);
	nl_close(rtnl);
}

int main(void)
{
	Suite *s = suite_create("lab/switchdev");
	TCase *t = tcase_create("switchdev");

	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_test(t, it_follows_a_nic_through_its_life);
	tcase_add_test(t, a_bond_over_uplinks_has_their_eswitch);
	tcase_add_test(t, a_number_that_is_used_again_is_another_device);
	tcase_add_test(t, lost_notifications_are_made_up_for);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
