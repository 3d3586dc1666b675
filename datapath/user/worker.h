// SPDX-License-Identifier: Apache-2.0
// A worker: a thread that handles packets (the main thread's is number 0, the others are PMD threads), with all it owns.
#pragma once

#include <pthread.h>

#include "datapath/provider.h"
#include "datapath/user/emc.h"
#include "datapath/user/meter.h"
#include "datapath/user/port.h"

#define BURST 32
#define MAX_RECIRCULATIONS 8
#define MAX_PORTS 4096

// A packet on its way through the actions.
struct dp_packet {
	struct rte_mbuf *m;
	struct packet p; // a view of m's bytes
	struct packet_metadata md;
};

// What one pass (from parsing to actions) works on; recirculation goes one level deeper.
struct level {
	struct dp_packet pkts[BURST];
	struct miniflow_buf keys[BURST];
};

struct tx_buffer {
	struct port *port; // NULL: free
	uint32_t room; // the longest packet that the port takes
	uint16_t n;
	struct rte_mbuf *pkts[BURST];
};

// Read by others, written by the worker: WORKER_ADD().
struct worker_stats {
	uint64_t rx_packets, recirculations, emc_hits, megaflow_hits, probes, misses, failed_misses;
	uint64_t tx_packets, tx_batches;
	uint64_t iterations, busy_iterations, sleeps, sleep_nsec;
	uint64_t idle_cycles, busy_cycles, miss_cycles;
};

#define WORKER_ADD(W, MEMBER, N) \
	__atomic_store_n(&(W)->stats.MEMBER, (W)->stats.MEMBER + (N), __ATOMIC_RELAXED)

// The queues that a PMD thread polls; replaced whole (RCU).
struct poll_list {
	size_t n;
	struct rxq *v[];
};

struct worker {
	struct user_datapath *dp;
	unsigned int index;
	int core; // -1: the main thread
	int64_t now; // clock_msec() when the burst began
	struct emc *emc;
	struct level *levels; // MAX_RECIRCULATIONS + 1 of them
	struct tx_buffer *tx; // all that were ever needed at once
	size_t n_tx, tx_in_use;
	uint16_t tx_of[MAX_PORTS]; // port number -> place in tx[] plus 1
	struct tx_buffer *tx_last; // of the last output in this burst, NULL: none yet
	uint32_t tx_last_port;
	struct worker_stats stats, base; // 'base': stats when they were last cleared; main thread
	int64_t cleared; // clock_wall_msec()

	pthread_t thread;
	bool started;
	bool stop; // relaxed
	uint64_t sleep_max_usec; // relaxed; what this thread's ports and the configuration allow
	struct poll_list *polls; // RCU
	struct usage usage; // all of the thread's cycles
};

struct user_datapath {
	struct datapath base;
	char *name;
	const struct upcall_ops *upcall;
	void *upcall_aux;
	struct flow_table *flows;
	struct port *ports[MAX_PORTS]; // RCU; the main thread writes
	struct worker **workers; // [0] is the main thread's
	size_t n_workers;
	uint64_t asked_mask, pmd_mask; // pmd-cpu-mask; the cores in use
	bool sleep_is_set;
	uint64_t sleep_max_usec;
	uint32_t
		emc_insert_min; // replace a cached flow when random_u32() is not above; 0: no cache. Relaxed
	uint64_t change_seq;
	int64_t next_state_check;
	int64_t next_interval;
	struct user_meters *meters; // RCU
	uint64_t lost; // packets whose miss failed
	struct datapath_stats ended; // lookups of threads that are no more
};

static inline struct user_datapath *user_datapath(struct datapath *base)
{
	return CONTAINER_OF(base, struct user_datapath, base);
}

struct worker *worker_create(struct user_datapath *dp, unsigned int index, int core);
// The thread has ended.
void worker_destroy(struct worker *w);

// Takes packets received from 'port' through parsing, lookup and actions (n <= BURST). The mbufs are consumed.
void worker_receive(struct worker *w, const struct port *port, struct rte_mbuf **mbufs, uint16_t n);
// One pass at 'depth' over levels[depth].pkts[0..n-1].
void worker_process(struct worker *w, unsigned int depth, unsigned int n);
// Runs a list on packets and consumes them.
void worker_execute(struct worker *w, unsigned int depth, struct dp_packet *pkts[], unsigned int n,
		    struct dp_actions actions);
// Packets for a port wait in a buffer until it is full or worker_flush() is called. The pointer is good until the
// next call of worker_buffer() or worker_flush().
// NULL when there is no such port.
struct tx_buffer *worker_buffer(struct worker *w, dp_port_t port);
void worker_send(struct worker *w, struct tx_buffer *b);
void worker_flush(struct worker *w);

static inline void worker_output(struct worker *w, struct tx_buffer *b, struct rte_mbuf *m)
{
	b->pkts[b->n++] = m;
	if (b->n == BURST)
		worker_send(w, b);
}

static inline struct port *dp_port(const struct user_datapath *dp, dp_port_t number)
{
	return number.n < MAX_PORTS ? RCU_GET(dp->ports[number.n]) : NULL;
}

// pmd.c
void pmd_start(struct worker *w);
void pmd_stop(struct worker *w);
// Gives each queue of each port a thread again and returns when the old lists are out of use. Main thread.
void pmd_assign_queues(struct user_datapath *dp);
// Every PMD_INTERVAL_MSEC: an interval of all usages ends. Main thread.
void pmd_turn_interval(struct user_datapath *dp);
#define PMD_INTERVAL_MSEC 5000

// commands.c: dpif-netdev/... and netdev-dummy/...
void commands_register(struct user_datapath *dp);
void commands_unregister(void);

static inline void packet_of_mbuf(struct packet *p, struct rte_mbuf *m)
{
	p->data = rte_pktmbuf_mtod(m, uint8_t *);
	p->size = rte_pktmbuf_data_len(m);
	p->headroom = rte_pktmbuf_headroom(m);
	p->tailroom = rte_pktmbuf_tailroom(m);
}

// What the NIC did with the packet before it gave up on it: the rule that jumps to the group of a recirculation id leaves
// the id as a mark, so that a packet without a rule there goes on in software where it was.
static inline uint32_t recirc_id_of_mbuf(const struct rte_mbuf *m)
{
	return m->ol_flags & RTE_MBUF_F_RX_FDIR_ID ? m->hash.fdir.hi : 0;
}

// After the view's beginning or length has moved.
static inline void packet_to_mbuf(const struct packet *p, struct rte_mbuf *m)
{
	m->data_off = p->data - (uint8_t *)m->buf_addr;
	m->data_len = m->pkt_len = p->size;
}
// For the commands of this room.
bool user_port_by_name(struct datapath *base, const char *name, dp_port_t *ret);
int user_port_set_admin(struct datapath *base, dp_port_t port, bool up, struct error *err);
