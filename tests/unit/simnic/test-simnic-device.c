// SPDX-License-Identifier: Apache-2.0
// Device arguments, ethdevs, representors by hot plug, control commands and faults of the simulated NIC.
#include "tests/unit/simnic/bench.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_bus_vdev.h>

#include "core/base/clock.h"
#include "hw-tests/simnic/simnic-private.h"

static struct rte_flow *all_to_vf1(struct rte_flow_error *e)
{
	const struct rte_flow_attr attr = { .transfer = 1 };
	const struct rte_flow_item items[] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action_ethdev vf1 = { .port_id = rep1 };
	const struct rte_flow_action actions[] = { { .type = RTE_FLOW_ACTION_TYPE_COUNT },
						   { .type = RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT,
						     .conf = &vf1 },
						   { .type = RTE_FLOW_ACTION_TYPE_END } };

	return rte_flow_create(rep0, &attr, items, actions, e);
}

static uint64_t hits(struct rte_flow *rule)
{
	const struct rte_flow_action count[] = { { .type = RTE_FLOW_ACTION_TYPE_COUNT },
						 { .type = RTE_FLOW_ACTION_TYPE_END } };
	struct rte_flow_query_count q = { 0 };
	struct rte_flow_error e;

	ck_assert_int_eq(rte_flow_query(uplink, rule, count, &q, &e), 0);
	return q.hits;
}

static struct frame a_frame(void)
{
	return frame_build(&(struct frame_spec){
		.proto = 17, .ttl = 64, .sport = 1, .dport = 2, .payload = 10 });
}

static const struct {
	const char *args, *message;
} devargs_cases[] = {
	{ "vfs=65", "device argument vfs=65: not a number from 0 to 64" },
	{ "vfs=x", "device argument vfs=x: not a number from 0 to 64" },
	{ "vf=2", "unknown device argument 'vf' (known: vfs, flows, insert_us, stats_lag_ms, taps, "
		  "thread, uplink_tap, "
		  "vf_tap_prefix, refuse, ctl, mac, representor)" },
	{ "mac=ff:ff:ff:ff:ff:ff",
	  "device argument mac=ff:ff:ff:ff:ff:ff: not a unicast Ethernet address" },
	{ "vfs=2,representor=vf[0-2]", "device argument representor: there is no VF 2 (vfs=2)" },
	{ "vfs=2,representor=sf1",
	  "device argument representor: not of the form vf2, vf[0-3] or vf[0,2]" },
	{ "thread=0", "device argument thread=0 needs taps=0: somebody has to read the taps" },
	{ "taps=0,thread=0,ctl=/x", "device argument ctl needs thread=1" },
};

START_TEST(bad_devargs)
{
	struct simnic_config cfg;
	struct error err = ERROR_INIT;

	ck_assert_int_eq(devargs_parse(devargs_cases[_i].args, &cfg, &err), -EINVAL);
	ck_assert_str_eq(err.text, devargs_cases[_i].message);
}
END_TEST

static const struct {
	const char *args;
	unsigned n;
	uint16_t vf[4];
} representor_cases[] = {
	{ "vfs=4", 0, { 0 } },
	{ "vfs=4,representor=vf2", 1, { 2 } },
	{ "vfs=4,representor=[0-3]", 4, { 0, 1, 2, 3 } },
	{ "vfs=4,representor=vf[0-3],flows=7", 4, { 0, 1, 2, 3 } },
	{ "representor=vf[0,2],vfs=3", 2, { 0, 2 } },
};

START_TEST(representor_argument)
{
	struct simnic_config cfg;
	struct error err = ERROR_INIT;

	ck_assert_msg(!devargs_parse(representor_cases[_i].args, &cfg, &err), "%s: %s",
		      representor_cases[_i].args, err.text);
	ck_assert_uint_eq(cfg.n_representors, representor_cases[_i].n);
	for (unsigned i = 0; i < cfg.n_representors; i++)
		ck_assert_uint_eq(cfg.representors[i], representor_cases[_i].vf[i]);
}
END_TEST

START_TEST(ethdev_facts)
{
	struct rte_eth_dev_info up, rep;
	struct rte_ether_addr mac;
	struct rte_flow_error e;
	struct rte_eth_link link;
	uint16_t proxy;

	bench_plug();
	ck_assert_int_eq(rte_eth_dev_info_get(uplink, &up), 0);
	ck_assert_int_eq(rte_eth_dev_info_get(rep1, &rep), 0);
	ck_assert_str_eq(up.switch_info.name, NIC);
	ck_assert_str_eq(rep.switch_info.name, NIC);
	ck_assert_uint_eq(up.switch_info.domain_id, rep.switch_info.domain_id);
	ck_assert_uint_eq(up.switch_info.port_id, 0);
	ck_assert_uint_eq(rep.switch_info.port_id, 2);
	ck_assert(!(*up.dev_flags & RTE_ETH_DEV_REPRESENTOR));
	ck_assert(*rep.dev_flags & RTE_ETH_DEV_REPRESENTOR);
	ck_assert_int_eq(rte_flow_pick_transfer_proxy(rep1, &proxy, &e), 0);
	ck_assert_uint_eq(proxy, uplink);
	ck_assert_int_eq(rte_eth_link_get_nowait(rep0, &link), 0);
	ck_assert_uint_eq(link.link_status, RTE_ETH_LINK_UP);
	ck_assert_int_eq(rte_eth_dev_set_mtu(rep0, 9000), 0);
	ck_assert_int_eq(rte_eth_dev_set_mtu(rep0, 9800), -EINVAL);
	ck_assert_int_eq(rte_eth_macaddr_get(uplink, &mac), 0);
	mac.addr_bytes[5] ^= 1;
	ck_assert_int_eq(rte_eth_dev_default_mac_addr_set(uplink, &mac), 0);
	ck_assert_int_eq(rte_eth_promiscuous_enable(rep0), 0);
	ck_assert_int_eq(rte_eth_allmulticast_disable(rep0), 0);
	bench_unplug();
	ck_assert(!esw_find(NIC));
}
END_TEST

START_TEST(statistics_and_big_frames)
{
	struct frame f = frame_build(&(struct frame_spec){ .proto = 17, .payload = 1400 });
	struct rte_eth_stats stats;
	uint8_t big[9000] = { 2 };
	struct rte_mbuf *m;

	bench_plug();
	send_app(rep0, &f);
	send_far(0, &f);
	send_far(0, &f);
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	ck_assert_int_eq(rte_eth_stats_get(rep0, &stats), 0);
	ck_assert_uint_eq(stats.opackets, 1);
	ck_assert_uint_eq(stats.ipackets, 2);
	ck_assert_uint_eq(stats.ibytes, 2 * f.len);
	ck_assert_int_eq(rte_eth_stats_reset(rep0), 0);
	ck_assert_int_eq(rte_eth_stats_get(rep0, &stats), 0);
	ck_assert_uint_eq(stats.ipackets + stats.opackets, 0);
	ck_assert_int_eq(simnic_inject(NIC, 0, big, sizeof(big)), 0); // more than one mbuf holds
	ck_assert_uint_eq(rte_eth_rx_burst(rep0, 0, &m, 1), 1);
	ck_assert_uint_eq(m->pkt_len, sizeof(big));
	ck_assert_uint_gt(m->nb_segs, 1);
	ck_assert_uint_eq(rte_eth_tx_burst(rep0, 0, &m, 1), 1); // and back
	ck_assert_int_eq(simnic_drain(NIC, 0, big, sizeof(big)), f.len);
	ck_assert_int_eq(simnic_drain(NIC, 0, big, sizeof(big)), sizeof(big));
	ck_assert_int_eq(rte_eth_dev_stop(rep0), 0);
	ck_assert_int_eq(rte_eth_dev_configure(rep0, 1, 1, &(const struct rte_eth_conf){ 0 }), 0);
	ck_assert_int_eq(rte_eth_rx_queue_setup(rep0, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	ck_assert_int_eq(rte_eth_dev_start(rep0), 0);
	ck_assert_int_eq(simnic_inject(NIC, 0, big, sizeof(big)), 0); // without the scatter offload
	ck_assert_uint_eq(rte_eth_rx_burst(rep0, 0, &m, 1), 0);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_no_scatter"), 1);
	ck_assert_int_eq(simnic_inject(NIC, 2, big, 60), -ENODEV);
	ck_assert_int_eq(simnic_inject(NIC, 0, big, 10000), -EMSGSIZE);
	ck_assert_int_eq(simnic_inject("net_simnic9", 0, big, 60), -ENODEV);
	bench_unplug();
}
END_TEST

START_TEST(hot_plugged_representor)
{
	struct frame f = a_frame();
	uint64_t lost;

	ck_assert_int_lt(rte_vdev_init("net_simnic0_vf1", ""), 0); // nothing to attach to
	ck_assert_int_eq(rte_vdev_init(NIC, "vfs=2,taps=0,thread=0"), 0);
	lost = simnic_counter(NIC, "drop_no_representor");
	send_far(1, &f);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_no_representor"), lost + 1);
	ck_assert_int_eq(rte_vdev_init("net_simnic0_vf1", ""), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC "_representor_vf1", &rep1), 0);
	bench_start_ethdev(rep1);
	send_far(1, &f);
	ck_assert_uint_eq(take_app(rep1).len, f.len);
	ck_assert_int_lt(rte_vdev_init("net_simnic0_vf2", ""), 0);
	ck_assert_int_lt(rte_vdev_init("net_simnic0_vf0", "x=1"), 0);
	ck_assert_int_lt(rte_vdev_init("net_simnicx", ""), 0);
	ck_assert_int_eq(rte_vdev_uninit("net_simnic0_vf1"), 0);
	ck_assert_int_ne(rte_eth_dev_get_port_by_name(NIC "_representor_vf1", &rep1), 0);
	ck_assert_int_eq(rte_vdev_init("net_simnic0_vf1", ""), 0); // again, and the NIC goes first
	ck_assert_int_eq(rte_vdev_uninit(NIC), 0);
	ck_assert_int_eq(rte_vdev_uninit("net_simnic0_vf1"), 0);
	ck_assert(!esw_find(NIC));
}
END_TEST

START_TEST(closing_ethdevs_one_by_one)
{
	struct rte_flow_error e;

	bench_plug();
	ck_assert(all_to_vf1(&e));
	ck_assert_int_eq(rte_eth_dev_stop(uplink), 0);
	ck_assert_int_eq(rte_eth_dev_close(uplink), 0);
	ck_assert_int_eq(rte_eth_dev_stop(rep0), 0);
	ck_assert_int_eq(rte_eth_dev_close(rep0), 0);
	ck_assert(esw_find(NIC) != NULL);
	ck_assert_int_eq(rte_eth_dev_stop(rep1), 0);
	ck_assert_int_eq(rte_eth_dev_close(rep1), 0);
	ck_assert(!esw_find(NIC));
	ck_assert_int_eq(rte_vdev_uninit(NIC), 0);
}
END_TEST

static const struct {
	const char *command, *reply;
} bad_commands[] = {
	{ "", "error: empty command" },
	{ "explode", "error: unknown command 'explode' (known: refuse, allow, capacity, insert_us, "
		     "stats_lag_ms, fail-next, "
		     "lose, reset, silent-drop, show, stats, dump)" },
	{ "capacity", "error: usage: capacity RULES" },
	{ "capacity 1 2", "error: usage: capacity RULES" },
	{ "capacity -1", "error: '-1' is not a number up to 16777216" },
	{ "refuse vlan", "error: 'vlan' is neither item:NAME, item:NAME.FIELD nor action:NAME" },
	{ "refuse item:mpls", "error: 'item:mpls': no such name" },
	{ "refuse item:vlan.pcp", "error: 'item:vlan.pcp': no such name" },
	{ "fail-next 1 EWHAT", "error: 'EWHAT' is not the name of an errno" },
	{ "silent-drop maybe", "error: 'maybe' is neither on nor off" },
};

START_TEST(bad_command)
{
	bench_plug();
	ck_assert_str_eq(control(bad_commands[_i].command), bad_commands[_i].reply);
	bench_unplug();
	ck_assert_str_eq(control("show"), "error: there is no device " NIC);
}
END_TEST

START_TEST(failures)
{
	struct rte_flow_error e = { 0 };
	struct rte_flow *rule;

	bench_plug();
	ck_assert_str_eq(control("fail-next 2 EIO"), "ok");
	ck_assert(!all_to_vf1(&e));
	ck_assert_int_eq(rte_errno, EIO);
	ck_assert_str_eq(e.message, NIC ": firmware failed: Input/output error");
	ck_assert(!all_to_vf1(&e));
	rule = all_to_vf1(&e);
	ck_assert(rule != NULL);
	ck_assert_str_eq(control("capacity 1"), "ok");
	ck_assert(!all_to_vf1(&e));
	ck_assert_str_eq(e.message, NIC ": flow table full (1 rules)");
	ck_assert_int_eq(rte_flow_destroy(uplink, rule, &e), 0);
	ck_assert(all_to_vf1(&e));
	bench_unplug();
}
END_TEST

static int on_reset(uint16_t port, enum rte_eth_event_type type, void *aux, void *ret)
{
	struct rte_flow_error e;

	++*(int *)aux;
	ck_assert_int_eq(rte_flow_flush(port, &e), 0); // allowed from here
	return 0;
}

START_TEST(lost_rules)
{
	struct frame f = a_frame();
	struct rte_flow_error e;
	struct rte_flow *rule;
	int events = 0;

	bench_plug();
	rule = all_to_vf1(&e);
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	ck_assert_str_eq(control("lose 1"), "lost 1 rules\nok");
	send_far(0, &f);
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	ck_assert_uint_eq(hits(rule), 1); // the handle lives on and tells nothing
	ck_assert(strstr(control("dump"), "LOST") != NULL);
	ck_assert_int_eq(rte_flow_destroy(uplink, rule, &e), 0);
	ck_assert(all_to_vf1(&e) && all_to_vf1(&e));
	ck_assert_int_eq(
		rte_eth_dev_callback_register(rep0, RTE_ETH_EVENT_INTR_RESET, on_reset, &events),
		0);
	ck_assert_str_eq(control("reset"), "lost 2 rules\nok");
	ck_assert_int_eq(events, 1);
	ck_assert_str_eq(control("dump"), "ok");
	rte_eth_dev_callback_unregister(rep0, RTE_ETH_EVENT_INTR_RESET, on_reset, &events);
	bench_unplug();
}
END_TEST

START_TEST(silent_drop)
{
	struct frame f = a_frame();
	struct rte_flow_error e;

	bench_plug();
	ck_assert(all_to_vf1(&e));
	ck_assert_str_eq(control("silent-drop on"), "ok");
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, 0);
	ck_assert_uint_eq(simnic_counter(NIC, "drop_fault"), 1);
	ck_assert_str_eq(control("silent-drop off"), "ok");
	send_far(0, &f);
	ck_assert_uint_eq(take_far(1).len, f.len);
	bench_unplug();
}
END_TEST

START_TEST(statistics_lag)
{
	struct frame f = a_frame();
	struct rte_flow_error e;
	struct rte_flow *rule;

	clock_stop();
	bench_plug();
	ck_assert_str_eq(control("stats_lag_ms 1000"), "ok");
	rule = all_to_vf1(&e);
	send_far(0, &f);
	clock_advance(999);
	ck_assert_uint_eq(hits(rule), 0);
	clock_advance(1);
	ck_assert_uint_eq(hits(rule), 1);
	send_far(0, &f);
	ck_assert_uint_eq(hits(rule), 1);
	clock_advance(1000);
	ck_assert_uint_eq(hits(rule), 2);
	clock_resume();
	bench_unplug();
}
END_TEST

START_TEST(show_and_dump)
{
	struct rte_flow_error e;
	const char *shown;
	char *text;
	size_t size;
	FILE *file;

	bench_plug();
	ck_assert_str_eq(control("refuse item:ipv4.tos"), "ok");
	ck_assert(all_to_vf1(&e));
	shown = control("show");
	ck_assert(strstr(shown, "rules=1 capacity=65536 insert_us=0 stats_lag_ms=0\n") != NULL);
	ck_assert(strstr(shown, "port 1 vf0 far=queue") != NULL);
	ck_assert(strstr(shown, "ethdev=" NIC "_representor_vf0 started\n") != NULL);
	ck_assert(strstr(shown, "refuse item:ipv4.tos\nok") != NULL);
	ck_assert_str_eq(
		control("dump"),
		"group=0 priority=0 packets=0 bytes=0 any => count / represented_port vf1\nok");
	ck_assert(strstr(control("stats"), "hits=0\nmisses=0\n") != NULL);
	file = open_memstream(&text, &size);
	ck_assert_int_eq(rte_flow_dev_dump(uplink, NULL, file, &e), 0);
	fclose(file);
	ck_assert_str_eq(
		text, "group=0 priority=0 packets=0 bytes=0 any => count / represented_port vf1\n");
	free(text);
	bench_unplug();
}
END_TEST

START_TEST(receive_interrupt)
{
	struct rte_eth_conf conf = { .intr_conf.rxq = 1 };
	struct frame f = a_frame();
	struct pollfd p = { .events = POLLIN };

	ck_assert_int_eq(rte_vdev_init(NIC, "vfs=1,representor=vf0,taps=0,thread=0"), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC "_representor_vf0", &rep0), 0);
	ck_assert_int_eq(rte_eth_dev_configure(rep0, 1, 1, &conf), 0);
	ck_assert_int_eq(rte_eth_rx_queue_setup(rep0, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	ck_assert_int_eq(rte_eth_tx_queue_setup(rep0, 0, 64, SOCKET_ID_ANY, NULL), 0);
	ck_assert_int_eq(rte_eth_dev_start(rep0), 0);
	p.fd = rte_eth_dev_rx_intr_ctl_q_get_fd(rep0, 0);
	ck_assert_int_ge(p.fd, 0);
	send_far(0, &f);
	ck_assert_int_eq(poll(&p, 1, 0), 0); // not armed
	ck_assert_int_eq(rte_eth_dev_rx_intr_enable(rep0, 0), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 1); // what waited already counts
	ck_assert_int_eq(rte_eth_dev_rx_intr_disable(rep0, 0), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_uint_eq(take_app(rep0).len, f.len);
	ck_assert_int_eq(rte_eth_dev_rx_intr_enable(rep0, 0), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	send_far(0, &f);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(rte_eth_dev_rx_intr_disable(rep0, 0), 0);
	ck_assert_int_eq(rte_vdev_uninit(NIC), 0);
}
END_TEST

START_TEST(control_socket)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/simnic-XXXXXX", args[128], buf[256];
	size_t used = 0;
	int fd;

	ck_assert(mkdtemp(dir) != NULL);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/ctl", dir);
	snprintf(args, sizeof(args), "vfs=1,taps=0,ctl=%s", sun.sun_path);
	ck_assert_int_eq(rte_vdev_init(NIC, args), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(write(fd, "capacity 5\nlose x\n", 18), 18);
	while (!memmem(buf, used, "16\n", 3) && used < sizeof(buf) - 1 &&
	       !memmem(buf, used, "4294967295\n", 11)) {
		ssize_t n = read(fd, buf + used, sizeof(buf) - 1 - used);

		ck_assert_int_gt(n, 0);
		used += n;
	}
	buf[used] = '\0';
	ck_assert_str_eq(buf, "ok\nerror: 'x' is not a number up to 4294967295\n");
	close(fd);
	ck_assert_int_eq(rte_vdev_uninit(NIC), 0);
	ck_assert_int_ne(access(sun.sun_path, F_OK), 0);
	rmdir(dir);
}
END_TEST

struct sender {
	pthread_t thread;
	bool stop; // atomic
	uint64_t sent;
};

static void *send_until_stopped(void *aux)
{
	struct sender *s = aux;
	struct frame f = a_frame();
	uint8_t buf[256];

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		simnic_inject(NIC, 0, f.data, f.len);
		while (simnic_drain(NIC, 1, buf, sizeof(buf)) > 0)
			;
		s->sent++;
	}
	return NULL;
}

// Rules come and go, the representor stops and starts, while another thread sends: each packet has one fate.
START_TEST(changes_under_traffic)
{
	uint64_t hits, misses, lost;
	struct sender s = { 0 };
	struct rte_flow_error e;
	struct rte_mbuf *pkts[32];

	bench_plug();
	ck_assert_int_eq(pthread_create(&s.thread, NULL, send_until_stopped, &s), 0);
	for (int i = 0; i < 300; i++) {
		struct rte_flow *rule = all_to_vf1(&e);

		rule_hits(rule, false, NULL);
		if (i % 3 == 0)
			control("lose 1");
		if (i % 20 == 0) {
			rte_eth_dev_stop(rep0);
			rte_eth_dev_start(rep0);
		}
		ck_assert_int_eq(rte_flow_destroy(uplink, rule, &e), 0);
		// One burst, not until empty: the sender may well be faster.
		rte_pktmbuf_free_bulk(pkts, rte_eth_rx_burst(rep0, 0, pkts, ARRAY_SIZE(pkts)));
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	pthread_join(s.thread, NULL);
	hits = simnic_counter(NIC, "hits");
	misses = simnic_counter(NIC, "misses");
	lost = simnic_counter(NIC, "drop_far_end");
	ck_assert_uint_eq(hits + misses, s.sent);
	ck_assert_uint_eq(lost, 0);
	bench_unplug();
}
END_TEST

static void add(Suite *suite)
{
	TCase *tc = tcase_create("device");

	tcase_set_timeout(tc, 0);
	tcase_add_loop_test(tc, bad_devargs, 0, ARRAY_SIZE(devargs_cases));
	tcase_add_loop_test(tc, representor_argument, 0, ARRAY_SIZE(representor_cases));
	tcase_add_test(tc, ethdev_facts);
	tcase_add_test(tc, statistics_and_big_frames);
	tcase_add_test(tc, hot_plugged_representor);
	tcase_add_test(tc, closing_ethdevs_one_by_one);
	tcase_add_loop_test(tc, bad_command, 0, ARRAY_SIZE(bad_commands));
	tcase_add_test(tc, failures);
	tcase_add_test(tc, lost_rules);
	tcase_add_test(tc, silent_drop);
	tcase_add_test(tc, statistics_lag);
	tcase_add_test(tc, show_and_dump);
	tcase_add_test(tc, receive_interrupt);
	tcase_add_test(tc, control_socket);
	tcase_add_test(tc, changes_under_traffic);
	suite_add_tcase(suite, tc);
}

int main(int argc, char **argv)
{
	return bench_main(argv[0], "simnic-device", add);
}
