// SPDX-License-Identifier: Apache-2.0
// How many packets per second one PMD thread forwards: packets go round for ever from a net_ring port to itself, through
// hand-installed megaflows, for several numbers of flows and masks. One line a case.
//
//     dp-forward [SECONDS [FLOWS MASKS [INVERSE-EMC-PROBABILITY]]]
#include <stdio.h>
#include <unistd.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "datapath/user/worker.h"

#define RING_SIZE 131072
#define FRAME 60

static struct datapath *dp;
static struct rte_ring *ring;
static struct rte_mempool *pool;

static int on_miss(void *aux, const struct upcall *u, struct strbuf *actions, struct megaflow **ret)
{
	return -ENOENT;
}

static int on_userspace(void *aux, const struct upcall *u, struct strbuf *actions)
{
	return -ENOENT;
}

static const struct upcall_ops ops = { on_miss, on_userspace };

static be32 prefix(unsigned int bits)
{
	return bits ? htobe32(UINT32_MAX << (32 - bits)) : 0;
}

// The same for a packet and the megaflow it is to meet.
static void make_key(struct flow_key *k, dp_port_t port, uint32_t i)
{
	memset(k, 0, sizeof(*k));
	k->in_port = port.n;
	k->eth_src = eth_addr_from_u64(0x020000000001);
	k->eth_dst = eth_addr_from_u64(0x020000000002);
	k->eth_type = htobe16(0x0800);
	k->nw_src = htobe32(0x0a000000 | (i * 2654435761u & 0xffffff));
	k->nw_dst = htobe32(0x14000000 | i);
	k->nw_proto = 17;
	k->nw_ttl = 64;
	k->tp_src = htobe16(1024 + i % 60000);
	k->tp_dst = htobe16(53);
}

static void make_mask(struct flow_mask *m, uint32_t i)
{
	memset(m, 0, sizeof(*m));
	m->m.in_port = m->m.recirc_id = UINT32_MAX;
	m->m.eth_type = UINT16_MAX;
	m->m.nw_frag = 3;
	m->m.nw_dst = UINT32_MAX;
	m->m.nw_src = prefix(i % 32);
	m->m.tp_src = htobe16(0xffff << (i / 32));
}

static void fill_ring(dp_port_t port, uint32_t flows)
{
	for (uint32_t i = 0; i < MAX(flows, 512); i++) {
		AUTO(strbuf) bytes = STRBUF_INIT;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		struct flow_key k;

		make_key(&k, port, i % flows);
		packet_compose(&k, 18, &bytes);
		if (!m || bytes.len > FRAME)
			fatal(0, "no packet");
		memcpy(rte_pktmbuf_append(m, bytes.len), bytes.s, bytes.len);
		if (rte_ring_enqueue(ring, m))
			fatal(0, "ring is full");
	}
}

static struct megaflow **add_flows(dp_port_t port, uint32_t flows, uint32_t masks)
{
	struct megaflow **v = xcalloc(flows, sizeof(*v));
	AUTO(strbuf) actions = STRBUF_INIT;

	dp_put_output(&actions, port);
	for (uint32_t i = 0; i < flows; i++) {
		struct flow_mask m;
		struct flow_key k;

		make_key(&k, port, i);
		make_mask(&m, i % masks);
		v[i] = megaflow_create(&k, &m, dp_actions_of(&actions));
		if (datapath_flow_add(dp, v[i]))
			fatal(0, "flow %u", i);
	}
	return v;
}

static void free_flow(void *mf)
{
	megaflow_free(mf);
}

static uint64_t counted(size_t member)
{
	const uint64_t *p = (const uint64_t *)((const char *)&dp->workers[1]->stats + member);

	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

#define COUNTED(MEMBER) counted(offsetof(struct worker_stats, MEMBER))

static void run(dp_port_t port, uint32_t flows, uint32_t masks, double seconds)
{
	struct megaflow **v = add_flows(port, flows, masks);
	uint64_t rx, emc, probes, hits;
	struct rte_mbuf *m;
	int64_t begin;
	double took;

	fill_ring(port, flows);
	usleep(1000000); // caches fill
	begin = clock_real_nsec();
	rx = COUNTED(rx_packets);
	emc = COUNTED(emc_hits);
	probes = COUNTED(probes);
	hits = COUNTED(megaflow_hits);
	usleep(seconds * 1e6);
	took = (clock_real_nsec() - begin) / 1e9;
	rx = COUNTED(rx_packets) - rx;
	hits = COUNTED(megaflow_hits) - hits;
	printf("flows %6u masks %3u: %7.3f Mpps  %6.1f ns/packet  cache %5.1f %%  %.1f "
	       "probes/table hit\n",
	       flows, masks, rx / took / 1e6, took * 1e9 / rx,
	       100.0 * (COUNTED(emc_hits) - emc) / rx,
	       hits ? (double)(COUNTED(probes) - probes) / hits : 0);
	fflush(stdout);
	for (uint32_t i = 0; i < flows; i++) {
		datapath_flow_del(dp, v[i]);
		rcu_defer(free_flow, v[i]);
	}
	free(v);
	// Without flows the packets drop, and come back to their pool.
	while (rte_mempool_in_use_count(pool))
		usleep(10000);
	while (!rte_ring_dequeue(ring, (void **)&m))
		rte_pktmbuf_free(m);
}

static dp_port_t add_port(void)
{
	struct error err = ERROR_INIT;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct smap options;
	dp_port_t port;
	int id;

	ring = rte_ring_create("bench", RING_SIZE, SOCKET_ID_ANY, 0);
	pool = rte_pktmbuf_pool_create("bench", RING_SIZE - 1, 256, 0, 128 + RTE_PKTMBUF_HEADROOM,
				       SOCKET_ID_ANY);
	if (!ring || !pool)
		fatal(0, "no memory");
	id = rte_eth_from_rings("bench", &ring, 1, &ring, 1, 0);
	if (id < 0 || rte_eth_dev_get_name_by_port(id, name))
		fatal(0, "no net_ring device");
	smap_init(&options);
	smap_set(&options, "dpdk-devargs", name);
	if (datapath_port_add(dp, "ring", "dpdk", &options, &port, &err))
		fatal(0, "%s", err.text);
	datapath_port_start(dp, port);
	smap_uninit(&options);
	return port;
}

int main(int argc, char *argv[])
{
	static const uint32_t flows[] = { 1, 1000, 100000 }, masks[] = { 1, 10, 100 };
	struct datapath_config config = { .emc_insert_inv_prob = 100,
					  .extra_eal_args = "--log-level=*:4" };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	struct error err = ERROR_INIT;
	dp_port_t port;

	program_init(argv[0]);
	log_set("console:warn", NULL);
	if (argc > 4)
		config.emc_insert_inv_prob = strtod(argv[4], NULL);
	if (datapath_open("bench", &ops, NULL, &config, &dp, &err))
		fatal(0, "%s", err.text);
	port = add_port();
	if (argc > 3) {
		run(port, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), seconds);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
			for (size_t j = 0; j < ARRAY_SIZE(masks); j++)
				if (masks[j] <= flows[i])
					run(port, flows[i], masks[j], seconds);
	}
	datapath_close(dp);
	return 0;
}
