// SPDX-License-Identifier: Apache-2.0
// What ports on a descriptor of a Linux network device (tap, packet socket) have in common: sending, settings, information.
#pragma once

#include "datapath/user/port.h"

struct linux_port {
	struct port port; // its ref.name is the device's
	int fd;
	struct rte_mempool *pool; // buffers for a frame of the MTU
	// Goes before each frame that is written; NULL: nothing.
	const void *header;
	size_t header_len;
};

static inline struct linux_port *linux_port_of(struct port *p)
{
	return CONTAINER_OF(p, struct linux_port, port);
}

// Verbs of struct port_class.
uint16_t linux_port_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
int linux_port_set_mac(struct port *p, struct eth_addr mac, struct error *err);
int linux_port_set_mtu(struct port *p, uint32_t mtu, struct error *err);
int linux_port_set_admin(struct port *p, bool up, struct error *err);
void linux_port_info(struct port *p, struct datapath_port_info *info);
int linux_port_rx_fd(struct port *p, uint16_t queue);
