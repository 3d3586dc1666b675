// SPDX-License-Identifier: Apache-2.0
// Traffic control of ports: what leaves one goes through a queueing discipline and its queues, what enters one may be policed.
// A port that is a Linux device has Linux's (datapath/linux); which kinds there are, a row each, is in qos.def.
//
// Main thread, all of it but datapath_queue_priority(). Rates are in bit/s and bytes as the database has them; a setting that
// cannot be read is an error of the port, and what it had stays.
#pragma once

#include "datapath/datapath.h"

struct qos_queue {
	uint32_t id; // of OpenFlow and the database
	const struct smap *options; // Queue.other_config
};

struct qos_config {
	const char *type; // "linux-htb"
	const struct smap *options; // QoS.other_config
	const struct qos_queue *queues; // by id
	size_t n_queues;
};

// Puts a port's discipline in the state of 'config'; NULL: none of ours, where there was one. What is so already is not touched, a
// queue that changes keeps its packets. -ENOTSUP: no such kind for this port.
int datapath_port_set_qos(struct datapath *dp, dp_port_t port, const struct qos_config *config,
			  struct error *err);

struct qos_queue_stats {
	uint64_t tx_packets, tx_bytes, tx_errors; // UINT64_MAX: not counted
	int64_t created_msec; // clock_msec() when the queue came, INT64_MIN: unknown
};

// A queue that a port has. Borrowed.
struct qos_queue_state {
	uint32_t id;
	const struct smap *options; // what it is set to, as options that could have made it
	struct qos_queue_stats stats;
};

// Every queue that the port has, in the order of ids: one question to the kernel, none for a port without queues.
int datapath_port_queues(struct datapath *dp, dp_port_t port,
			 void (*cb)(const struct qos_queue_state *q, void *aux), void *aux,
			 struct error *err);
// What the port's discipline is, and is set to: its kind (static) or NULL where it has none.
const char *datapath_port_qos(struct datapath *dp, dp_port_t port, struct smap *ret_options);
// Kinds that the port may have, for qos/show-types: their names and how many queues each can have.
void datapath_port_qos_types(struct datapath *dp, dp_port_t port,
			     void (*cb)(const char *type, uint32_t max_queues, void *aux),
			     void *aux);

// What a port may receive; 0: unlimited, a burst of 0: what suits the rate.
struct policing_config {
	uint64_t kbps, kbits_burst; // Interface.ingress_policing_rate, _burst
	uint64_t kpkts, kpkts_burst; // Interface.ingress_policing_kpkts_rate, _burst
};

// In hardware too where the port's device takes it. -EOPNOTSUPP: the port's packets are not policed.
int datapath_port_set_policing(struct datapath *dp, dp_port_t port, const struct policing_config *c,
			       struct error *err);

// Whether the port's device does it: what a NIC forwards by itself no software polices. False: 'ret_why' has the driver's words, or
// is empty.
bool datapath_port_is_policed_in_hw(struct datapath *dp, dp_port_t port, const char **ret_why);

// skb_priority of the packets that set_queue sends into a queue; false: there can be no such queue. Any thread.
bool datapath_queue_priority(const struct datapath *dp, uint32_t queue, uint32_t *ret);
