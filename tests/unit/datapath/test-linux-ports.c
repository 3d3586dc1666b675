// SPDX-License-Identifier: Apache-2.0
// Ports on Linux devices (system, tap, internal), in a network namespace of the test's own. Skipped without the right to make one.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "datapath/user/worker.h"
#include "tests/suite.h"

#define SKIPPED 77

static struct datapath *dp;

static int refuse(void *aux, const struct upcall *u, struct strbuf *actions, struct megaflow **ret)
{
	return -ENOENT;
}

static int no_userspace(void *aux, const struct upcall *u, struct strbuf *actions)
{
	return -ENOENT;
}

static const struct upcall_ops ops = { refuse, no_userspace };

static void sh(const char *command)
{
	ck_assert_msg(!system(command), "%s", command);
}

// The kernel takes a device away a moment after its last user has closed it.
static void wait_until_gone(const char *name)
{
	for (int i = 0; if_nametoindex(name) && i < 1000; i++)
		usleep(10000);
	ck_assert_uint_eq(if_nametoindex(name), 0);
}

static void setup(void)
{
	struct datapath_config config = { .extra_eal_args = "--log-level=*:4",
					  .emc_insert_inv_prob = 1 };
	struct error err = ERROR_INIT;

	ck_assert_msg(!datapath_open("netdev", &ops, NULL, &config, &dp, &err), "%s", err.text);
}

static void teardown(void)
{
	datapath_close(dp);
	rcu_drain();
}

static dp_port_t add_port(const char *name, const char *type)
{
	struct error err = ERROR_INIT;
	struct smap options;
	dp_port_t port;

	smap_init(&options);
	ck_assert_msg(!datapath_port_add(dp, name, type, &options, &port, &err), "%s", err.text);
	datapath_port_start(dp, port);
	smap_uninit(&options);
	return port;
}

// A socket at the other end of a device.
static int tapped(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	return fd;
}

static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5, 'h', 'i' };
static const uint8_t tagged[64] = { 2, 0, 0,	0,    0,    9,	  2,	0,    0,   0,
				    0, 8, 0x81, 0x00, 0x60, 0x07, 0x88, 0xb5, 'h', 'i' };

// Waits for exactly 'want', whatever else passes by.
static void expect(int fd, const void *want, size_t n)
{
	int64_t deadline = clock_real_nsec() + 20000000000LL;
	uint8_t got[2048];

	while (clock_real_nsec() < deadline) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t len;

		if (poll(&p, 1, 1000) <= 0)
			continue;
		len = recv(fd, got, sizeof(got), 0);
		if (len == (ssize_t)n && !memcmp(got, want, n))
			return;
	}
	ck_abort_msg("the packet did not come");
}

static struct megaflow *connect_ports(dp_port_t from, dp_port_t to)
{
	struct flow_mask mask = { .m = { .in_port = UINT32_MAX } };
	struct flow_key key = { .in_port = from.n };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct megaflow *mf;

	dp_put_output(&actions, to);
	mf = megaflow_create(&key, &mask, dp_actions_of(&actions));
	ck_assert_int_eq(datapath_flow_add(dp, mf), 0);
	return mf;
}

static void free_flow(void *mf)
{
	megaflow_free(mf);
}

static void del_flow(struct megaflow *mf)
{
	datapath_flow_del(dp, mf);
	rcu_defer(free_flow, mf);
}

START_TEST(system_to_tap)
{
	struct datapath_port_info i;
	struct megaflow *there, *back;
	dp_port_t sys, tap;
	int veth, tap_fd;

	sh("ip link add oesa type veth peer name oesb && ip link set oesb up");
	sys = add_port("oesa", "system");
	tap = add_port("oestap", "tap");
	there = connect_ports(sys, tap);
	back = connect_ports(tap, sys);
	veth = tapped("oesb");
	tap_fd = tapped("oestap");
	ck_assert_int_eq(send(veth, frame, sizeof(frame), 0), sizeof(frame));
	expect(tap_fd, frame, sizeof(frame));
	ck_assert_int_eq(send(tap_fd, frame, sizeof(frame), 0), sizeof(frame));
	expect(veth, frame, sizeof(frame));
	ck_assert(datapath_port_info(dp, sys, &i));
	ck_assert(i.admin_up && i.link_up);
	ck_assert_uint_eq(i.mtu, 1500);
	ck_assert_str_eq(smap_get_def(&i.status, "driver_name", ""), "veth");
	ck_assert(i.rx_packets > 0 && i.tx_packets > 0);
	smap_uninit(&i.status);
	del_flow(there);
	del_flow(back);
	datapath_port_del(dp, tap);
	wait_until_gone("oestap");
	close(veth);
	close(tap_fd);
	datapath_port_del(dp, sys);
	sh("ip link del oesa");
}
END_TEST

static uint64_t packets_of(const struct megaflow *mf)
{
	struct flow_counts c;

	datapath_flow_counts(dp, mf, &c);
	return c.packets;
}

// The kernel hands tags beside the bytes: the key must have them all the same.
START_TEST(tags_survive)
{
	struct flow_mask mask = { .m = { .in_port = UINT32_MAX,
					 .vlans = { { .tpid = UINT16_MAX, .tci = UINT16_MAX } } } };
	struct flow_key key = { .vlans = { { .tpid = htobe16(0x8100), .tci = htobe16(0x7007) } } };
	int64_t deadline = clock_real_nsec() + 20000000000LL;
	struct megaflow *mf;
	dp_port_t a;
	int in;

	sh("ip link add oesa type veth peer name oesb && ip link set oesb up");
	a = add_port("oesa", "system");
	key.in_port = a.n;
	mf = megaflow_create(&key, &mask, (struct dp_actions){ NULL, 0 });
	ck_assert_int_eq(datapath_flow_add(dp, mf), 0);
	in = tapped("oesb");
	ck_assert_int_eq(send(in, tagged, sizeof(tagged), 0), sizeof(tagged));
	while (!packets_of(mf) && clock_real_nsec() < deadline)
		usleep(1000);
	ck_assert_uint_eq(packets_of(mf), 1);
	del_flow(mf);
	close(in);
	datapath_port_del(dp, a);
	sh("ip link del oesa");
}
END_TEST

START_TEST(internal_is_configured)
{
	dp_port_t br = add_port("oesbr0", "internal");
	struct error err = ERROR_INIT;
	struct datapath_port_info i;
	uint64_t seq;

	ck_assert(if_nametoindex("oesbr0"));
	ck_assert_int_eq(datapath_port_set_mac(dp, br, eth_addr_from_u64(0x020000000077), &err), 0);
	ck_assert_int_eq(datapath_port_set_mtu(dp, br, 4000, &err), 0);
	ck_assert(datapath_port_info(dp, br, &i));
	ck_assert(!i.admin_up);
	ck_assert_uint_eq(eth_addr_to_u64(i.mac), 0x020000000077);
	ck_assert_uint_eq(i.mtu, 4000);
	smap_uninit(&i.status);
	seq = datapath_port_change_seq(dp);
	ck_assert_int_eq(datapath_port_set_admin(dp, br, true, &err), 0);
	ck_assert(datapath_port_change_seq(dp) > seq);
	ck_assert_int_lt(datapath_port_set_mtu(dp, br, 10, &err), 0);
	ck_assert_msg(strstr(err.text, "oesbr0") != NULL, "%s", err.text);
}
END_TEST

// Big TCP segments and unfinished checksums from a sender who relies on its device.
START_TEST(tcp_through)
{
	struct megaflow *there, *back;
	dp_port_t a, b;

	sh("ip netns add oes1 && ip netns add oes2");
	sh("ip link add oesa type veth peer name oesb && ip link set oesb netns oes1");
	sh("ip link add oesc type veth peer name oesd && ip link set oesd netns oes2");
	sh("ip -n oes1 addr add 10.77.0.1/24 dev oesb && ip -n oes1 link set oesb up");
	sh("ip -n oes2 addr add 10.77.0.2/24 dev oesd && ip -n oes2 link set oesd up");
	a = add_port("oesa", "system");
	b = add_port("oesc", "system");
	there = connect_ports(a, b);
	back = connect_ports(b, a);
	sh("ip netns exec oes2 /usr/bin/python3 -c '\n"
	   "import socket, os\n"
	   "s = socket.socket(); s.bind((\"10.77.0.2\", 0)); s.listen()\n"
	   "port = s.getsockname()[1]\n"
	   "if os.fork() == 0:\n"
	   "    n = os.open(\"/run/netns/oes1\", os.O_RDONLY)\n"
	   "    import ctypes; assert ctypes.CDLL(None).setns(n, 0) == 0\n"
	   "    c = socket.create_connection((\"10.77.0.2\", port), 20)\n"
	   "    c.sendall(b\"x\" * 3000000); c.close(); os._exit(0)\n"
	   "s.settimeout(60); c = s.accept()[0]; c.settimeout(60); n = 0\n"
	   "while True:\n"
	   "    d = c.recv(65536)\n"
	   "    if not d: break\n"
	   "    n += len(d)\n"
	   "assert n == 3000000, n\n'");
	del_flow(there);
	del_flow(back);
	datapath_port_del(dp, a);
	datapath_port_del(dp, b);
	sh("ip netns del oes1; ip netns del oes2");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath");
	TCase *t = tcase_create("linux ports");

	program_init("test-linux-ports");
	log_set("console:emer", NULL);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    system("mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs none "
		   "/run/netns")) {
		printf("no right to make a network namespace: skipped\n");
		return SKIPPED;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, system_to_tap);
	tcase_add_test(t, tags_survive);
	tcase_add_test(t, internal_is_configured);
	tcase_add_test(t, tcp_through);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
