// SPDX-License-Identifier: Apache-2.0
// Several PMD threads and several queues a port: who polls what, and changes while they poll.
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "datapath/user/eal.h"
#include "datapath/user/worker.h"
#include "tests/suite.h"

#define SKIPPED 77

static struct datapath *dp;
static uint64_t misses;

// Nothing is installed: each packet is a miss on the thread that polled it.
static int drop(void *aux, const struct upcall *u, struct strbuf *actions, struct megaflow **ret)
{
	__atomic_fetch_add(&misses, 1, __ATOMIC_RELAXED);
	return 0;
}

static int no_userspace(void *aux, const struct upcall *u, struct strbuf *actions)
{
	return -ENOENT;
}

static const struct upcall_ops ops = { drop, no_userspace };

static void configure(uint64_t mask)
{
	struct datapath_config config = { .extra_eal_args = "--log-level=*:4",
					  .emc_insert_inv_prob = 100,
					  .pmd_cpu_mask = mask };
	struct error err = ERROR_INIT;

	if (dp)
		datapath_reconfigure(dp, &config);
	else
		ck_assert_msg(!datapath_open("netdev", &ops, NULL, &config, &dp, &err), "%s",
			      err.text);
}

static void setup(void)
{
	configure(3);
	ck_assert_uint_eq(user_datapath(dp)->n_workers, 3);
}

static void teardown(void)
{
	struct error err = ERROR_INIT;

	datapath_close(dp);
	dp = NULL;
	rcu_drain();
	ck_assert_uint_eq(rte_mempool_in_use_count(eal_pool(1500, &err)), 0);
}

static dp_port_t add_port(const char *name, const char *type, const char *devargs, const char *rxqs)
{
	struct error err = ERROR_INIT;
	struct smap options;
	dp_port_t port;

	smap_init(&options);
	if (devargs)
		smap_set(&options, "dpdk-devargs", devargs);
	smap_set(&options, "n_rxq", rxqs);
	ck_assert_msg(!datapath_port_add(dp, name, type, &options, &port, &err), "%s", err.text);
	datapath_port_start(dp, port);
	smap_uninit(&options);
	return port;
}

static int set_queues(dp_port_t port, const char *devargs, const char *rxqs, struct error *err)
{
	struct smap options;
	int ret;

	smap_init(&options);
	if (devargs)
		smap_set(&options, "dpdk-devargs", devargs);
	smap_set(&options, "n_rxq", rxqs);
	ret = datapath_port_set_options(dp, port, &options, err);
	smap_uninit(&options);
	return ret;
}

static uint64_t received(size_t worker)
{
	return __atomic_load_n(&user_datapath(dp)->workers[worker]->stats.rx_packets,
			       __ATOMIC_RELAXED);
}

// Waits until 'condition' holds; the deadline only ends a test that has failed anyway.
#define WAIT(CONDITION) \
	do { \
		int64_t deadline_ = clock_real_nsec() + 20000000000LL; \
		while (!(CONDITION) && clock_real_nsec() < deadline_) \
			usleep(1000); \
		ck_assert(CONDITION); \
	} while (0)

static void receive(dp_port_t port, uint16_t queue)
{
	struct error err = ERROR_INIT;
	struct rte_mbuf *m = rte_pktmbuf_alloc(eal_pool(1500, &err));

	memset(rte_pktmbuf_append(m, 60), 0x42, 60);
	ck_assert(!dummy_port_receive(user_datapath(dp)->ports[port.n], queue, m));
}

// Each queue's packets are handled by the thread that has it in its list, and by no other.
START_TEST(queues_are_spread)
{
	dp_port_t p = add_port("p1", "dummy-pmd", NULL, "3");
	const struct poll_list *a = user_datapath(dp)->workers[1]->polls,
			       *b = user_datapath(dp)->workers[2]->polls;

	ck_assert_uint_eq(a->n + b->n, 3);
	ck_assert(a->n && b->n);
	for (uint16_t q = 0; q < 3; q++) {
		bool first = false;
		uint64_t before[2] = { received(1), received(2) };

		for (size_t i = 0; i < a->n; i++)
			first |= a->v[i]->queue == q;
		for (int i = 0; i < 10; i++)
			receive(p, q);
		WAIT(received(first ? 1 : 2) == before[!first] + 10);
		ck_assert_uint_eq(received(first ? 2 : 1), before[first]);
	}
	ck_assert_uint_eq(user_datapath(dp)->ports[p.n]->counts.rx_packets, 30);
}
END_TEST

START_TEST(number_of_queues_changes)
{
	dp_port_t p = add_port("p1", "dummy-pmd", NULL, "1");
	struct error err = ERROR_INIT;

	ck_assert_int_eq(set_queues(p, NULL, "4", &err), 0);
	ck_assert_uint_eq(user_datapath(dp)->workers[1]->polls->n, 2);
	ck_assert_uint_eq(user_datapath(dp)->workers[2]->polls->n, 2);
	for (uint16_t q = 0; q < 4; q++)
		receive(p, q);
	WAIT(received(1) + received(2) == 4);
	ck_assert_int_eq(set_queues(p, NULL, "0", &err), -EINVAL);
	ck_assert_int_eq(set_queues(p, NULL, "2", &err), 0);
	ck_assert_uint_eq(user_datapath(dp)->workers[1]->polls->n +
				  user_datapath(dp)->workers[2]->polls->n,
			  2);
	receive(p, 3); // there is none any more
	ck_assert_uint_eq(user_datapath(dp)->ports[p.n]->counts.rx_dropped, 1);
	receive(p, 1);
	WAIT(received(1) + received(2) == 5);
}
END_TEST

#define NULL_DEVICE "net_null3,no-rx=0"

// net_null gives packets as fast as they are taken, on all queues.
START_TEST(mask_changes_under_load)
{
	static const uint64_t masks[] = { 1, 3, 2, 3, 1, 2, 3 };
	dp_port_t p = add_port("n1", "dpdk", NULL_DEVICE, "4");

	WAIT(received(1) > 1000 && received(2) > 1000);
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		struct datapath_stats before, after;
		size_t n = 0;

		datapath_stats(dp, &before);
		configure(masks[i]);
		datapath_stats(dp, &after);
		ck_assert(after.hit + after.missed >= before.hit + before.missed);
		ck_assert_uint_eq(user_datapath(dp)->n_workers, 1 + __builtin_popcountll(masks[i]));
		for (size_t w = 1; w < user_datapath(dp)->n_workers; w++) {
			n += user_datapath(dp)->workers[w]->polls->n;
			WAIT(received(w) > 1000);
		}
		ck_assert_uint_eq(n, 4);
	}
	datapath_port_del(dp, p);
}
END_TEST

START_TEST(ports_come_and_go_under_load)
{
	struct error err = ERROR_INIT;
	uint64_t before;

	for (int i = 0; i < 20; i++) {
		dp_port_t p = add_port("n1", "dpdk", NULL_DEVICE, "2");
		dp_port_t q = add_port("p1", "dummy-pmd", NULL, "2");

		before = received(1);
		WAIT(received(1) > before);
		ck_assert_int_eq(set_queues(p, NULL_DEVICE, i % 2 ? "1" : "5", &err), 0);
		ck_assert_int_eq(set_queues(p, "net_null4", "1", &err), -EOPNOTSUPP);
		receive(q, 1);
		before = received(1);
		WAIT(received(1) > before);
		datapath_port_del(dp, i % 3 ? p : q);
		datapath_port_del(dp, i % 3 ? q : p);
		ck_assert_uint_eq(user_datapath(dp)->workers[1]->polls->n +
					  user_datapath(dp)->workers[2]->polls->n,
				  0);
	}
}
END_TEST

// A change of what a device that is down will do leaves it down.
START_TEST(changes_leave_a_port_down)
{
	dp_port_t p = add_port("n1", "dpdk", NULL_DEVICE, "2");
	struct error err = ERROR_INIT;
	struct datapath_port_info i;

	ck_assert_int_eq(datapath_port_set_admin(dp, p, false, &err), 0);
	ck_assert_int_eq(set_queues(p, NULL_DEVICE, "3", &err), 0);
	ck_assert_msg(!datapath_port_set_mtu(dp, p, 2000, &err), "%s", err.text);
	ck_assert(datapath_port_info(dp, p, &i));
	smap_uninit(&i.status);
	ck_assert(!i.admin_up);
	ck_assert_uint_eq(i.mtu, 2000);
	ck_assert_int_lt(datapath_port_set_mtu(dp, p, 10, &err), 0);
	ck_assert_int_eq(datapath_port_set_admin(dp, p, true, &err), 0);
	WAIT(received(1) > 1000 && received(2) > 1000);
	datapath_port_del(dp, p);
}
END_TEST

// What the process may not use is left out; nothing usable is the default, one thread.
START_TEST(masks_beyond_the_machine)
{
	configure(UINT64_C(1) << 63 | 1);
	ck_assert_uint_eq(user_datapath(dp)->n_workers, 2);
	ck_assert_int_eq(user_datapath(dp)->workers[1]->core, 0);
	configure(UINT64_C(1) << 63);
	ck_assert_uint_eq(user_datapath(dp)->n_workers, 2);
	configure(0);
	ck_assert_uint_eq(user_datapath(dp)->n_workers, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pmd");
	TCase *t = tcase_create("pmd");
	cpu_set_t cpus;

	program_init("test-pmd");
	log_set("console:emer", NULL);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) || !CPU_ISSET(0, &cpus) ||
	    !CPU_ISSET(1, &cpus)) {
		printf("needs the right to run on CPUs 0 and 1: skipped\n");
		return SKIPPED;
	}
	// DPDK can be started once a process: all tests run in this one.
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, queues_are_spread);
	tcase_add_test(t, number_of_queues_changes);
	tcase_add_test(t, mask_changes_under_load);
	tcase_add_test(t, ports_come_and_go_under_load);
	tcase_add_test(t, changes_leave_a_port_down);
	tcase_add_test(t, masks_beyond_the_machine);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
