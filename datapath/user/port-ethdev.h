// SPDX-License-Identifier: Apache-2.0
// A port on a DPDK device, for classes that put something of their own around it.
#pragma once

#include "datapath/user/port.h"

struct ethdev_port {
	struct port port;
	uint16_t id; // DPDK's number of the device
	uint16_t wanted_rxq, wanted_rxd, wanted_txd; // by options
	uint16_t n_rxd, n_txd; // as the device has them
	char *devargs; // what it was opened with
	bool admin_up, link_interrupt;
	uint64_t link_changes; // counted on DPDK's interrupt thread
};

// Finds or attaches the device, configures and starts it; 'e' is zeroed memory. On failure nothing is left behind.
int ethdev_init(struct ethdev_port *e, const struct port_class *class, const char *name,
		const char *devargs, const struct smap *options, struct error *err);
// Stops and detaches; the memory is the caller's.
void ethdev_uninit(struct ethdev_port *e);

// Verbs of struct port_class.
uint16_t ethdev_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t ethdev_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
int ethdev_set_admin(struct port *p, bool up, struct error *err);
void ethdev_info(struct port *p, struct datapath_port_info *info);
