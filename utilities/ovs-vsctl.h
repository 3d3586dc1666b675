// SPDX-License-Identifier: Apache-2.0
// Inside of ovs-vsctl: its tables of commands, and bridges, ports and interfaces.
#pragma once

#include "ovsdb/vswitch-idl.h"
#include "utilities/db-ctl.h"

extern const struct command_class bridge_commands[], config_commands[], zone_commands[];

static inline const struct ovsrec_open_vswitch *run_ovs(const struct run *r)
{
	return CONTAINER_OF(r->root, const struct ovsrec_open_vswitch, row);
}

// ---- ovs-vsctl-model.c: bridges, ports and interfaces, fake bridges included ----
struct vs_bridge {
	char *name;
	const struct ovsrec_bridge *row; // of the real bridge
	const struct ovsrec_port *fake; // the port that makes it a fake bridge, or NULL
	struct vs_bridge *parent; // of a fake one
	int vlan; // of a fake one
	VEC(struct vs_port *) ports; // local ports not included
};

struct vs_port {
	const struct ovsrec_port *row;
	struct vs_bridge *bridge;
	VEC(struct vs_iface *) ifaces;
};

struct vs_iface {
	const struct ovsrec_interface *row;
	struct vs_port *port;
};

struct model {
	struct strmap bridges, ports, ifaces; // struct vs_bridge, vs_port, vs_iface
};

struct model *run_model(struct run *r);
void model_free(struct model *m);
// A new port of 'b' whose columns are set: cheaper than reading everything again.
void model_port_added(struct run *r, struct vs_bridge *b, const struct ovsrec_port *port);
// With 'must' fatal when there is none.
struct vs_bridge *find_bridge(struct run *r, const char *name, bool must);
// A real bridge only.
struct vs_bridge *find_real_bridge(struct run *r, const char *name, bool must);
struct vs_port *find_port(struct run *r, const char *name, bool must);
struct vs_iface *find_iface(struct run *r, const char *name, bool must);
void model_need(struct command *c);
// Adds to, or takes from, a set column without touching its other elements.
void add_reference(const struct idl_row *row, unsigned int column, const struct idl_row *target);
void remove_reference(const struct idl_row *row, unsigned int column, const struct idl_row *target);
