// SPDX-License-Identifier: Apache-2.0
// A port of the userspace datapath, and what each class of ports (ethdev, tap, packet socket, dummy) does.
//
// Opened, changed and closed by the main thread while no other thread can see it; rx() of one queue is called by one thread at a
// time, tx() by any.
#pragma once

#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include "datapath/datapath.h"

#define PORT_MAX_QUEUES 16

struct port;

// What has passed a port, for classes that count themselves.
struct port_counts {
	uint64_t rx_packets, rx_bytes, rx_dropped, rx_errors;
	uint64_t tx_packets, tx_bytes, tx_dropped, tx_errors;
};

struct port_class {
	const char *type;
	// Allocates and opens; NULL with 'err', and nothing is left behind.
	struct port *(*open)(const char *name, const struct smap *options, struct error *err);
	// Closes and frees; no thread can see the port any more.
	void (*close)(struct port *p);
	// At most 'n' packets; each is one contiguous segment of ours to change.
	uint16_t (*rx)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	// Sends; returns how many were taken (and freed or will be). The others stay the caller's. 'queue' < n_txq; the
	// caller holds its lock.
	uint16_t (*tx)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	int (*set_mac)(struct port *p, struct eth_addr mac, struct error *err);
	int (*set_mtu)(struct port *p, uint32_t mtu, struct error *err);
	int (*set_admin)(struct port *p, bool up, struct error *err);
	// -EOPNOTSUPP: the port must be opened anew for it.
	int (*set_options)(struct port *p, const struct smap *options, struct error *err);
	// Fills all but name and type; 'status' is initialised.
	void (*info)(struct port *p, struct datapath_port_info *info);
	// Adds what dpctl/show prints after the type (may be NULL).
	void (*config)(const struct port *p, struct smap *config);
	// A descriptor that becomes readable when packets wait, -1: none (may be NULL).
	int (*rx_fd)(struct port *p, uint16_t queue);
	bool main_thread; // rx() is not polled: the main thread hands packets in
};

// Cycles that were spent on something, by intervals.
#define USAGE_INTERVALS 12
struct usage {
	uint64_t cycles; // all; written by the thread that spends them
	uint64_t seen; // 'cycles' when the interval began; the others are the main thread's
	uint64_t past[USAGE_INTERVALS]; // spent in intervals before, the last one first
};

struct rxq {
	struct port *port;
	uint16_t queue;
	struct usage usage; // on its packets
	unsigned int empty_rounds, skip_rounds; // see pmd.c; its thread only
};

struct port {
	const struct port_class *class;
	struct port_ref ref;
	char type[16];
	uint32_t mtu; // relaxed
	bool held; // nobody polls it yet; main thread
	bool busy; // the thread that polls it does not rest unless told to
	uint16_t n_rxq, n_txq;
	struct rxq rxqs[PORT_MAX_QUEUES];
	rte_spinlock_t tx_locks[PORT_MAX_QUEUES];
	struct port_counts counts; // PORT_COUNT()
	uint64_t unsent; // packets that tx() did not take
	uint64_t seen_state; // digest of what port_change_seq last saw; main thread
};

#define PORT_COUNT(P, MEMBER, N) __atomic_fetch_add(&(P)->counts.MEMBER, N, __ATOMIC_RELAXED)

// "system" opens a port of class "xdp" or "packet".
extern const struct port_class port_class_ethdev, port_class_system, port_class_xdp,
	port_class_packet, port_class_tap, port_class_internal, port_class_dummy,
	port_class_dummy_pmd, port_class_dummy_internal;

// NULL when there is no such type.
const struct port_class *port_class_find(const char *type);
// Sets the members that every class needs; queues default to one.
void port_init(struct port *p, const struct port_class *class, const char *name);
// Copies 'counts' into 'info'.
void port_info_counts(const struct port *p, struct datapath_port_info *info);
// Sends through queue 'worker' modulo the number of queues; frees and counts what is not taken. Returns the number taken.
uint16_t port_send(struct port *p, unsigned int worker, struct rte_mbuf **pkts, uint16_t n);
// "options:KEY" as a number in [min, max]; 'def' when it is not there.
int port_option_int(const struct smap *options, const char *key, int64_t def, int64_t min,
		    int64_t max, int64_t *ret, struct error *err);

// dummy: a packet that netdev-dummy/receive was given. True when the caller (main thread) is to handle it; otherwise a PMD thread
// will, or the port is down or has no such queue and has counted a drop.
bool dummy_port_receive(struct port *p, uint16_t queue, struct rte_mbuf *m);
bool port_is_dummy(const struct port *p);
