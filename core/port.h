// SPDX-License-Identifier: Apache-2.0
// What a port is, for those that only need to name it: its datapath number and the device behind it.
#pragma once

#include "core/base/error.h"
#include "core/base/util.h"
#include "core/types.h"

#define PORT_NO_ETHDEV UINT16_MAX
#define PORT_MAX_MEMBERS 8

struct port_ref {
	dp_port_t number;
	char name[64];
	uint16_t ethdev; // DPDK port id, PORT_NO_ETHDEV: none
	int ifindex; // Linux, 0: none
	bool is_representor, is_uplink;
	bool is_internal; // made by the kernel datapath: the host itself is behind it
	bool is_tunnel; // a tunnel device that takes and gives the outer header beside the packet
	be16 tunnel_port; // its UDP port, 0: none or not known
	bool takes_bare; // of a tunnel device: packets without an Ethernet header get through
	bool is_excluded; // its flows are not to go to hardware, whatever there is
	char device[64]; // the eSwitch it belongs to ("net_simnic0"); empty: none
	// A Linux bond over ports of eSwitches: their interface numbers, the smallest first. Its packets come in at those.
	int members[PORT_MAX_MEMBERS];
	unsigned int n_members;
};

// What a bareudp tunnel carries, as options:payload_type has it: "ip", "mpls" or the number of an Ethernet type.
static inline bool port_payload_parse(const char *text, uint16_t *ret)
{
	uint32_t n;

	if (!strcmp(text, "ip"))
		n = 0x0800;
	else if (!strcmp(text, "mpls"))
		n = 0x8847;
	else if (!parse_u32(text, 0, &n) || !n || n > UINT16_MAX)
		return false;
	*ret = n;
	return true;
}

// There is no such device, in the words that programs look for in Interface.error. -ENODEV.
static inline int port_error_no_device(struct error *err, const char *name)
{
	return error_set(err, -ENODEV, "could not open network device %s (No such device)", name);
}
