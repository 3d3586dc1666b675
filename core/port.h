// SPDX-License-Identifier: Apache-2.0
// What a port is, for those that only need to name it: its datapath number and the device behind it.
#pragma once

#include "core/types.h"

#define PORT_NO_ETHDEV UINT16_MAX

struct port_ref {
	dp_port_t number;
	char name[64];
	uint16_t ethdev; // DPDK port id, PORT_NO_ETHDEV: none
	int ifindex; // Linux, 0: none
	bool is_representor, is_uplink;
	bool is_internal; // made by the kernel datapath: the host itself is behind it
	char device[64]; // the eSwitch it belongs to ("net_simnic0"); empty: none
};
