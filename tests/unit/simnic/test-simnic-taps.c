// SPDX-License-Identifier: Apache-2.0
// The far ends as tap devices, without a switch above: frames between a VF's tap and its representor, between the wire and the
// uplink, and past the application by a rule; the devices' names, state and MTU. Skipped without the right to make devices.
#include "tests/unit/simnic/bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_bus_vdev.h>

#include "core/base/clock.h"

#define SKIPPED 77
#define PATIENCE_NSEC 20000000000LL // only ends a test that has failed anyway

static int wire, vf0, vf1; // sockets on the taps

static void sh(const char *command)
{
	ck_assert_msg(!system(command), "%s", command);
}

static int tapped(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL)), one = 1;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void setup(void)
{
	ck_assert_int_eq(rte_vdev_init(NIC, "vfs=2,representor=vf[0-1],uplink_tap=towire,"
					    "vf_tap_prefix=tovf"),
			 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC, &uplink), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC "_representor_vf0", &rep0), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC "_representor_vf1", &rep1), 0);
	bench_start_ethdev(uplink);
	bench_start_ethdev(rep0);
	bench_start_ethdev(rep1);
	sh("for i in towire tovf0 tovf1; do ip link set $i addrgenmode none up; done");
	wire = tapped("towire");
	vf0 = tapped("tovf0");
	vf1 = tapped("tovf1");
}

static void teardown(void)
{
	close(wire);
	close(vf0);
	close(vf1);
	bench_unplug();
	ck_assert_uint_eq(if_nametoindex("tovf0"), 0);
	ck_assert_uint_eq(if_nametoindex("towire"), 0);
}

static void send_tap(int fd, const struct frame *f)
{
	ck_assert_int_eq(send(fd, f->data, f->len, 0), f->len);
}

static void expect_tap(int fd, const struct frame *f)
{
	int64_t deadline = clock_real_nsec() + PATIENCE_NSEC;
	uint8_t got[2048];

	while (clock_real_nsec() < deadline) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 1000) > 0 && recv(fd, got, sizeof(got), 0) == (ssize_t)f->len &&
		    !memcmp(got, f->data, f->len))
			return;
	}
	ck_abort_msg("the frame did not come out of the tap");
}

static void expect_app(uint16_t port, const struct frame *f)
{
	int64_t deadline = clock_real_nsec() + PATIENCE_NSEC;

	while (clock_real_nsec() < deadline) {
		struct frame got = take_app(port);

		if (got.len == f->len && !memcmp(got.data, f->data, f->len))
			return;
		if (!got.len)
			usleep(100);
	}
	ck_abort_msg("the frame did not come to the application");
}

// Whether a frame of ours (IPv4) waits; the kernel says something in IPv6 when a device comes up.
static bool app_has_ours(uint16_t port)
{
	struct frame got;

	while ((got = take_app(port)).len)
		if (got.data[12] == 0x08 && got.data[13] == 0x00)
			return true;
	return false;
}

static struct frame some_frame(uint16_t port)
{
	return frame_build(&(struct frame_spec){
		.proto = 17, .ttl = 64, .sport = port, .dport = 53, .payload = 50 });
}

START_TEST(tap_and_representor)
{
	for (uint16_t i = 0; i < 50; i++) {
		struct frame there = some_frame(i), back = some_frame(1000 + i);

		send_tap(vf0, &there);
		expect_app(rep0, &there);
		send_app(rep0, &back);
		expect_tap(vf0, &back);
		send_tap(vf1, &there);
		expect_app(rep1, &there);
		send_tap(wire, &there);
		expect_app(uplink, &there);
		send_app(uplink, &back);
		expect_tap(wire, &back);
	}
	ck_assert(!app_has_ours(rep0));
}
END_TEST

// Forwarded by the NIC's own thread: nothing comes to the application.
START_TEST(tap_to_tap_by_a_rule)
{
	const struct rte_flow_item any[] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action_ethdev to = { .port_id = rep1 };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_COUNT },
		{ .type = RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, .conf = &to },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow *rule = rule_create(any, actions);
	struct frame f;

	for (uint16_t i = 0; i < 50; i++) {
		f = some_frame(i);
		send_tap(vf0, &f);
		expect_tap(vf1, &f);
	}
	ck_assert_uint_eq(rule_hits(rule, false, NULL), 50);
	ck_assert(!app_has_ours(rep0));
	rule_destroy(rule);
	send_tap(vf0, &f);
	expect_app(rep0, &f);
}
END_TEST

// As a VF is given to a container: the device leaves this namespace and goes on.
START_TEST(tap_in_another_namespace)
{
	struct frame there = some_frame(1), back = some_frame(2);
	int here = open("/proc/self/ns/net", O_RDONLY), other;

	ck_assert_int_ge(here, 0);
	close(vf0);
	sh("ip netns add simnic-other && ip link set tovf0 netns simnic-other && "
	   "ip -n simnic-other link set tovf0 addrgenmode none up");
	other = open("/run/netns/simnic-other", O_RDONLY);
	ck_assert_int_eq(setns(other, CLONE_NEWNET), 0);
	vf0 = tapped("tovf0");
	ck_assert_int_eq(setns(here, CLONE_NEWNET), 0);
	send_tap(vf0, &there);
	expect_app(rep0, &there);
	send_app(rep0, &back);
	expect_tap(vf0, &back);
	close(here);
	close(other);
	sh("ip netns del simnic-other");
}
END_TEST

static unsigned int mtu_of(const char *name)
{
	struct ifreq r = { .ifr_flags = 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	ck_assert_int_eq(ioctl(vf0, SIOCGIFMTU, &r), 0);
	return r.ifr_mtu;
}

START_TEST(mtu_of_both_ends)
{
	ck_assert_int_eq(rte_eth_dev_stop(rep0), 0);
	ck_assert_int_eq(rte_eth_dev_set_mtu(rep0, 1300), 0);
	ck_assert_uint_eq(mtu_of("tovf0"), 1300);
	ck_assert_uint_eq(mtu_of("tovf1"), 1500);
	ck_assert_int_eq(rte_eth_dev_start(rep0), 0);
}
END_TEST

static void add(Suite *s)
{
	TCase *t = tcase_create("taps");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, tap_and_representor);
	tcase_add_test(t, tap_to_tap_by_a_rule);
	tcase_add_test(t, tap_in_another_namespace);
	tcase_add_test(t, mtu_of_both_ends);
	suite_add_tcase(s, t);
}

int main(int argc, char *argv[])
{
	if (access("/dev/net/tun", R_OK | W_OK) || unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    system("mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs none "
		   "/run/netns")) {
		printf("no right to make a network namespace and taps: skipped\n");
		return SKIPPED;
	}
	return bench_main(argv[0], "simnic taps", add);
}
