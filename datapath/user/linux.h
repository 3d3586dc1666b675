// SPDX-License-Identifier: Apache-2.0
// Settings of a Linux network device, by name, in the process's network namespace.
#pragma once

#include "datapath/datapath.h"

// 0, or negative errno with 'err' filled.
int linux_set_mac(const char *name, struct eth_addr mac, struct error *err);
int linux_set_mtu(const char *name, uint32_t mtu, struct error *err);
int linux_set_up(const char *name, bool up, struct error *err);
// Fills mac, mtu, admin_up, link_up, speed, driver_name; what cannot be read stays.
void linux_get(const char *name, struct datapath_port_info *info);
// False: it is a device of software (veth, tap, bridge...), or it cannot be told.
bool linux_is_physical(const char *name);
// Queues that it receives on, at least 1.
uint32_t linux_rx_queues(const char *name);
// Whether VLAN tags are taken out of received frames; true when that was a change.
bool linux_set_rx_vlan(const char *name, bool on);
