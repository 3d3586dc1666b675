// SPDX-License-Identifier: Apache-2.0
// eSwitches of the machine: which network device is an uplink or a representor of which function, and how the eSwitch is
// set up. Follows hot plugging, renames, mode changes and the reuse of interface numbers.
//
// A struct switchdev belongs to one thread. Reading its tables asks no kernel; switchdev_run() and _poll() do.
#pragma once

#include <net/if.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

enum switchdev_role {
	SWITCHDEV_NONE, // not a port of an eSwitch
	SWITCHDEV_UPLINK, // the wire
	SWITCHDEV_PF, // representors of functions
	SWITCHDEV_VF,
	SWITCHDEV_SF,
	SWITCHDEV_BOND, // over ports of eSwitches
	SWITCHDEV_OTHER, // a port of an eSwitch of a kind that we do not know
	SWITCHDEV_ROLE_MAX
};

const char *switchdev_role_name(enum switchdev_role r); // "uplink", "vf"...

// Which function (or wire) a port stands for.
struct switchdev_function {
	enum switchdev_role role;
	uint32_t controller; // 0: this host's; others are hosts beyond a DPU
	uint32_t pf;
	uint32_t number; // of the VF or SF, or of the physical port
};

enum switchdev_feature { FEATURE_UNKNOWN, FEATURE_OFF, FEATURE_ON };

struct switchdev_port {
	int ifindex;
	char name[IFNAMSIZ];
	char handle[64]; // of its eSwitch: "pci/0000:03:00.0", or the switch id in hex
	struct switchdev_function function;
	bool is_external; // of another host's controller
	int bond; // ifindex of the bond (or team) that it is in, 0: none
	enum switchdev_feature hw_tc_offload;
};

// How an eSwitch is set up; -1 where the driver does not say.
struct switchdev_eswitch {
	char handle[64];
	int mode; // DEVLINK_ESWITCH_MODE_*
	int inline_mode; // DEVLINK_ESWITCH_INLINE_MODE_*
	int encap_mode; // DEVLINK_ESWITCH_ENCAP_MODE_*
};

const char *switchdev_mode_name(int mode); // "legacy", "switchdev", "unknown"
const char *switchdev_inline_mode_name(
	int mode); // "none", "link", "network", "transport", "unknown"
const char *switchdev_encap_mode_name(int mode); // "none", "basic", "unknown"

struct switchdev;

// Reads all there is and follows it from now on. A kernel without devlink or ethtool netlink is no failure: the links tell
// what they know.
int switchdev_open(struct switchdev **ret, struct error *err);
void switchdev_close(struct switchdev *sd);
// Descriptors that become readable when switchdev_run() has something to do: of links, and of devlink (-1: none).
void switchdev_fds(const struct switchdev *sd, int fds[2]);
// Takes in what has happened, without waiting. True when a port or an eSwitch has changed.
bool switchdev_run(struct switchdev *sd);
// Asks each eSwitch for its modes: not all kernels tell when one is set. True when one has changed.
bool switchdev_poll(struct switchdev *sd);

// False: the device is no port of an eSwitch. A bond over such ports has the eSwitch of its first member.
bool switchdev_port_get(const struct switchdev *sd, int ifindex, struct switchdev_port *ret);
bool switchdev_port_by_name(const struct switchdev *sd, const char *name,
			    struct switchdev_port *ret);
void switchdev_for_each_port(const struct switchdev *sd,
			     void (*cb)(const struct switchdev_port *p, void *aux), void *aux);
// False: devlink does not know it.
bool switchdev_eswitch_get(const struct switchdev *sd, const char *handle,
			   struct switchdev_eswitch *ret);
void switchdev_for_each_eswitch(const struct switchdev *sd,
				void (*cb)(const struct switchdev_eswitch *e, void *aux),
				void *aux);

// The representor that "[ESWITCH,][cN]pfNvfN", "...pfNsfN", "pfN", "vfN" or "sfN" names. ESWITCH is a handle with or without
// its bus ("pci/0000:03:00.0", "0000:03:00.0"), or the name of any port on it; without it all eSwitches are searched.
// -EINVAL: not such a text; -ENODEV: there is none; -ENOTUNIQ: several answer to it.
int switchdev_find_representor(const struct switchdev *sd, const char *text,
			       struct switchdev_port *ret, struct error *err);
