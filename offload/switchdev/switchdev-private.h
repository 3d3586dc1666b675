// SPDX-License-Identifier: Apache-2.0
// The table of offload/switchdev, and its decoders: pure, for messages of any origin.
#pragma once

#include <linux/devlink.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "core/netlink/genl.h"
#include "core/netlink/rtnl.h"
#include "offload/switchdev/switchdev.h"

struct devlink_port {
	char handle[64];
	uint32_t index;
	int ifindex; // 0: no network device
	int flavour; // DEVLINK_PORT_FLAVOUR_*, -1: not said
	struct switchdev_function function; // by the flavour
	bool is_external;
};

// A DEVLINK_CMD_PORT_* message; 0 or -EPROTO.
int devlink_port_decode(const struct nlmsghdr *h, struct devlink_port *ret, struct error *err);
// The device that a message is about: "bus/name".
int devlink_handle_decode(const struct nlmsghdr *h, char handle[64], struct error *err);
// An answer to DEVLINK_CMD_ESWITCH_GET.
int devlink_eswitch_decode(const struct nlmsghdr *h, struct switchdev_eswitch *ret,
			   struct error *err);

// ETHTOOL_MSG_FEATURES_GET_REPLY or _NTF: whether hw-tc-offload is on for *ret_ifindex. Notifications are short: they say
// which device it is about, and UNKNOWN.
int features_decode(const struct nlmsghdr *h, int *ret_ifindex,
		    enum switchdev_feature *ret_hw_tc_offload, struct error *err);

// "p0", "pf0", "pf0vf3", "c1pf0sf88", "vf3": false when it is none of these. 'ret_has_pf' may be NULL.
bool switchdev_name_parse(const char *name, struct switchdev_function *ret, bool *ret_has_pf);

// ---- The table ----

struct link {
	struct hmap_node node; // by ifindex
	struct rtnl_link l;
	enum switchdev_feature hw_tc_offload;
	bool seen; // in the dump under way
};

struct switchdev {
	struct nl_sock *rtnl, *genl; // requests
	struct nl_sock *link_events, *genl_events; // the latter NULL: neither devlink nor ethtool
	struct genl_family devlink, ethtool; // id 0: not in this kernel
	struct hmap links;
	VEC(struct devlink_port) ports; // by devlink, those without a network device too
	VEC(struct switchdev_eswitch) eswitches;
	bool reread_links, reread_devlink, changed;
};

static inline uint64_t switchdev_hash(int ifindex)
{
	return hash_u64(ifindex, 0);
}
struct link *switchdev_find_link(const struct switchdev *sd, int ifindex);
