// SPDX-License-Identifier: Apache-2.0
// The kernel's datapaths from outside: what ovs-dpctl does without a switch. No threads, no upcalls, nothing is remembered;
// whoever runs a datapath finds out by the kernel.
//
// Every function waits for the kernel's answer: 0, or negative errno with 'err' in the kernel's own words. One thread.
#pragma once

#include <linux/openvswitch.h>
#include <net/if.h>

#include "core/base/strmap.h"
#include "core/base/uuid.h"
#include "core/base/vec.h"
#include "core/flow/match.h"
#include "core/flow/megaflow.h"

struct admin;
struct datapath;
struct rtnl_link;

// -ENOENT: the kernel has no openvswitch module.
int admin_open(struct admin **ret, struct error *err);
void admin_close(struct admin *a); // may be NULL

// ---- Datapaths ----

struct admin_dp {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	struct ovs_dp_stats stats;
	struct ovs_dp_megaflow_stats megaflow_stats;
	bool has_masks_cache;
	uint32_t masks_cache_size; // entries
};

struct admin_dps {
	VEC(struct admin_dp) all; // by name
};

int admin_dp_list(struct admin *a, struct admin_dps *ret, struct error *err);
void admin_dps_uninit(struct admin_dps *dps);
// -ENODEV: there is none of this name.
int admin_dp_find(struct admin *a, const char *name, struct admin_dp *ret, struct error *err);
int admin_dp_add(struct admin *a, const char *name, struct error *err);
int admin_dp_del(struct admin *a, const struct admin_dp *dp, struct error *err);
// Rounded up to a power of two: 'dp' has what the kernel made of it.
int admin_dp_set_masks_cache(struct admin *a, struct admin_dp *dp, uint32_t size,
			     struct error *err);

// The datapath for datapath_ct_*(), and nothing else: of its own it has no ports and no flows. Valid until the next call of this or
// admin_close().
struct datapath *admin_dp_tracker(struct admin *a, const struct admin_dp *dp);

// ---- Ports ----

struct admin_port {
	dp_port_t number;
	char name[IFNAMSIZ];
	const char *type; // "system", "internal", "vxlan"...
	int ifindex;
};

struct admin_ports {
	VEC(struct admin_port) all; // by number
};

int admin_port_list(struct admin *a, const struct admin_dp *dp, struct admin_ports *ret,
		    struct error *err);
void admin_ports_uninit(struct admin_ports *ports);
const struct admin_port *admin_port_by_number(const struct admin_ports *ports, dp_port_t number);
const struct admin_port *admin_port_by_name(const struct admin_ports *ports, const char *name);
// The port's device as the machine has it, with its counts.
int admin_port_link(struct admin *a, const struct admin_port *p, struct rtnl_link *ret,
		    struct error *err);
// How a tunnel's port is set up.
void admin_port_config(const struct admin_port *p, struct smap *config);
bool admin_type_is_tunnel(const char *type);
// 'type' "system", "internal", "tap" or a tunnel's. 'number' DP_PORT_NONE: the kernel's choice. The device is up afterwards.
// A tunnel's device, and so its port, has a name of its own: 'name' is without meaning then. Of 'options' (dst_port, payload_type, exts)
// the device is made, and one that is a port of this datapath already is left as it is. -ENODEV: there is no such device; -EAFNOSUPPORT:
// no such type; -EEXIST: a device of the name is there, and is not like this.
int admin_port_add(struct admin *a, const struct admin_dp *dp, const char *name, const char *type,
		   dp_port_t number, const struct smap *options, struct error *err);
// Whether the tunnel's device takes the option, and what 'options' want of it is what it has. -EOPNOTSUPP: it is set up otherwise.
bool admin_tunnel_has_option(const char *type, const char *option);
int admin_port_compare(struct admin *a, const struct admin_port *p, const struct smap *options,
		       struct error *err);
// The device of a tunnel goes with its port.
int admin_port_del(struct admin *a, const struct admin_dp *dp, dp_port_t number, struct error *err);

// ---- Flows ----

struct admin_flow {
	bool has_ufid;
	struct uuid ufid;
	struct flow_key key;
	struct flow_mask mask;
	struct flow_counts counts;
	struct strbuf actions; // struct dp_action list
};

void admin_flow_uninit(struct admin_flow *f);
// 'cb' borrows the flow. Those that cannot be read are left out, and are an error after all others.
int admin_flow_list(struct admin *a, const struct admin_dp *dp,
		    void (*cb)(const struct admin_flow *f, void *aux), void *aux,
		    struct error *err);

enum admin_put { ADMIN_CREATE, ADMIN_MODIFY, ADMIN_CREATE_OR_MODIFY };

struct admin_flow_put {
	enum admin_put how;
	bool clear; // its counts begin at 0 again
	const struct uuid *ufid; // NULL: the key is its name
	const struct match *match;
	struct dp_actions actions;
};

// 'ret_counts' (may be NULL): as they were before. -EEXIST and -ENOENT by 'how'.
int admin_flow_put(struct admin *a, const struct admin_dp *dp, const struct admin_flow_put *p,
		   struct flow_counts *ret_counts, struct error *err);
// By 'ufid', or where it is NULL by 'key'. -ENOENT: there is none. On success the caller frees '*ret'.
int admin_flow_get(struct admin *a, const struct admin_dp *dp, const struct uuid *ufid,
		   const struct flow_key *key, struct admin_flow *ret, struct error *err);
int admin_flow_del(struct admin *a, const struct admin_dp *dp, const struct uuid *ufid,
		   const struct flow_key *key, struct flow_counts *ret_counts, struct error *err);
int admin_flow_flush(struct admin *a, const struct admin_dp *dp, struct error *err);
