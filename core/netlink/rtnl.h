// SPDX-License-Identifier: Apache-2.0
// Network devices as rtnetlink(7) tells of them: listing, changing, following them.
//
// The socket is a NETLINK_ROUTE one of nl_open(); these functions run on the thread that has it.
#pragma once

#include <linux/rtnetlink.h>
#include <net/if.h>

#include "core/base/strmap.h"
#include "core/netlink/nl.h"

struct rtnl_link {
	int ifindex;
	char name[IFNAMSIZ];
	struct eth_addr mac;
	uint32_t mtu;
	uint32_t flags; // IFF_*
	int master; // ifindex of bridge, bond or datapath above, 0: none
	int link; // lower device of VLAN and tunnel devices, 0: none
	uint16_t type; // ARPHRD_*
	char kind[16]; // "vxlan", "veth", "" for hardware
	uint8_t switch_id[32]; // eSwitch that the port belongs to
	uint8_t switch_id_len; // 0: not a switch port
	char port_name[32]; // phys_port_name: "p0", "pf0vf3"
	bool deleted; // in a notification: the link has gone
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped,
		tx_dropped;
	uint64_t rx_overruns, rx_frame_errors, tx_aborted, tx_carrier_errors, collisions;
	uint64_t rx_crc_errors, rx_missed_errors, rx_multicast;
};

// False when the message is not about a link. -EPROTO in *ret_error when it cannot be understood.
bool rtnl_link_decode(const struct nlmsghdr *h, struct rtnl_link *ret, int *ret_error,
		      struct error *err);
int rtnl_link_by_name(struct nl_sock *s, const char *name, struct rtnl_link *ret,
		      struct error *err);
int rtnl_link_by_index(struct nl_sock *s, int ifindex, struct rtnl_link *ret, struct error *err);
int rtnl_link_dump(struct nl_sock *s, void (*cb)(const struct rtnl_link *l, void *aux), void *aux,
		   struct error *err);
int rtnl_link_set_up(struct nl_sock *s, int ifindex, bool up, struct error *err);
int rtnl_link_set_mtu(struct nl_sock *s, int ifindex, uint32_t mtu, struct error *err);
int rtnl_link_set_mac(struct nl_sock *s, int ifindex, struct eth_addr mac, struct error *err);
// Makes a link of 'kind' with the attributes in 'data' (what goes into IFLA_INFO_DATA; may be NULL). -EEXIST: the name is
// taken; -EOPNOTSUPP: the kernel does not know the kind.
int rtnl_link_add(struct nl_sock *s, const char *name, const char *kind, const struct strbuf *data,
		  struct error *err);
int rtnl_link_del(struct nl_sock *s, int ifindex, struct error *err);
// An address of a device, and how many bits of it are its network's. Addresses of IPv4 are mapped, ::ffff:1.2.3.4.
struct rtnl_address {
	int ifindex;
	struct ipv6_addr address;
	uint8_t prefix_len; // of the 32 or 128 bits that the address has
};
// In the order in which the kernel has those of a device.
int rtnl_address_dump(struct nl_sock *s, void (*cb)(const struct rtnl_address *a, void *aux),
		      void *aux, struct error *err);
// -EEXIST: the device has it. A network of IPv4 that has room for it gets a broadcast address.
int rtnl_address_add(struct nl_sock *s, const struct rtnl_address *a, struct error *err);
// -EADDRNOTAVAIL: the device does not have it.
int rtnl_address_del(struct nl_sock *s, const struct rtnl_address *a, struct error *err);
// -EEXIST: there is this very route; one by another gateway stays, behind this one.
int rtnl_default_route_add(struct nl_sock *s, int ifindex, const struct ipv6_addr *gateway,
			   struct error *err);
struct rtnl_route {
	int ifindex; // of the device by which packets leave
	struct ipv6_addr next_hop; // a gateway, or where they go
};
// Of packets to 'dst' with this mark. -ENETUNREACH, -EHOSTUNREACH: there is no way.
int rtnl_route_get(struct nl_sock *s, const struct ipv6_addr *dst, uint32_t mark,
		   struct rtnl_route *ret, struct error *err);
// The Ethernet address of a host on a device's network, as far as the kernel knows it. -ENOENT: it does not.
int rtnl_neighbor_get(struct nl_sock *s, int ifindex, const struct ipv6_addr *host,
		      struct eth_addr *ret, struct error *err);
