// SPDX-License-Identifier: Apache-2.0
// Bridges, ports and interfaces as ovs-vsctl's commands see them.
//
// A fake bridge is a VLAN of a real one that looks like a bridge of its own: a port with fake_bridge set gives it its name and
// VLAN, and access ports of that VLAN are its ports.
#include "utilities/ovs-vsctl.h"

#include "core/base/log.h"

LOG_MODULE(vsctl_model);

void add_reference(const struct idl_row *row, unsigned int column, const struct idl_row *target)
{
	union ovsdb_atom key = { .uuid = target->uuid };

	idl_add_key(row, idl_row_column(row, column), &key, NULL);
}

void remove_reference(const struct idl_row *row, unsigned int column, const struct idl_row *target)
{
	union ovsdb_atom key = { .uuid = target->uuid };

	idl_remove_key(row, idl_row_column(row, column), &key);
}

void model_need(struct command *c)
{
	static const struct {
		const char *table, *columns[8];
	} needed[] = {
		{ "Open_vSwitch", { "bridges", "cur_cfg" } },
		{ "Bridge", { "name", "controller", "fail_mode", "external_ids", "ports" } },
		{ "Port", { "name", "fake_bridge", "tag", "interfaces", "external_ids" } },
		{ "Interface", { "name", "ofport", "error" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		for (size_t j = 0; needed[i].columns[j]; j++)
			idl_add_column(c->run->idl, needed[i].table, needed[i].columns[j],
				       IDL_ALERT);
}

static void free_bridge(struct vs_bridge *b)
{
	VEC_FREE(&b->ports);
	free(b->name);
	free(b);
}

void model_free(struct model *m)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &m->bridges)
		free_bridge(node->data);
	STRMAP_FOR_EACH (node, &m->ports)
		VEC_FREE(&((struct vs_port *)node->data)->ifaces);
	strmap_uninit(&m->bridges);
	strmap_uninit_free(&m->ports);
	strmap_uninit_free(&m->ifaces);
	free(m);
}

static bool is_fake_bridge(const struct ovsrec_port *port)
{
	return port->fake_bridge && port->n_tag == 1 && port->tag[0] >= 0 && port->tag[0] <= 4095;
}

static struct vs_bridge *add_bridge(struct model *m, const char *name,
				    const struct ovsrec_bridge *row)
{
	struct vs_bridge *b = xzalloc(sizeof(*b));

	b->name = xstrdup(name);
	b->row = row;
	if (!strmap_add_once(&m->bridges, name, b)) {
		log_warn("%s: database contains a bridge of that name twice", name);
		free_bridge(b);
		return NULL;
	}
	return b;
}

static struct vs_bridge *fake_bridge_of(struct model *m, struct vs_bridge *parent, int64_t vlan)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &m->bridges) {
		struct vs_bridge *b = node->data;

		if (b->parent == parent && b->vlan == vlan)
			return b;
	}
	return NULL;
}

static void add_port(struct model *m, struct vs_bridge *bridge, const struct ovsrec_port *row)
{
	struct vs_port *p;

	if (strmap_get(&m->ports, row->name)) {
		log_warn("%s: database contains a port of that name twice", row->name);
		return;
	}
	p = xzalloc(sizeof(*p));
	p->row = row;
	p->bridge = bridge;
	strmap_add(&m->ports, row->name, p);
	// The local ports of bridges do not count as theirs.
	if (!strmap_get(&m->bridges, row->name))
		VEC_PUSH(&bridge->ports, p);
	for (size_t i = 0; i < row->n_interfaces; i++) {
		struct vs_iface *iface = xzalloc(sizeof(*iface));

		iface->row = row->interfaces[i];
		iface->port = p;
		VEC_PUSH(&p->ifaces, iface);
		if (!strmap_add_once(&m->ifaces, iface->row->name, iface))
			log_warn("%s: database contains an interface of that name twice",
				 iface->row->name);
	}
}

static void add_fake_bridges(struct model *m, struct vs_bridge *real)
{
	for (size_t i = 0; i < real->row->n_ports; i++) {
		const struct ovsrec_port *port = real->row->ports[i];
		struct vs_bridge *fake;

		if (!is_fake_bridge(port))
			continue;
		fake = add_bridge(m, port->name, real->row);
		if (!fake)
			continue;
		fake->fake = port;
		fake->parent = real;
		fake->vlan = port->tag[0];
	}
}

// A port of a fake bridge's VLAN is that one's.
static void place_port(struct model *m, struct vs_bridge *real, const struct ovsrec_port *port)
{
	struct vs_bridge *owner = NULL;

	if (port->n_tag == 1)
		owner = fake_bridge_of(m, real, port->tag[0]);
	add_port(m, owner ? owner : real, port);
}

void model_port_added(struct run *r, struct vs_bridge *b, const struct ovsrec_port *port)
{
	place_port(run_model(r), b->fake ? b->parent : b, port);
}

static void add_ports(struct model *m, struct vs_bridge *real)
{
	for (size_t i = 0; i < real->row->n_ports; i++)
		place_port(m, real, real->row->ports[i]);
}

struct model *run_model(struct run *r)
{
	struct model *m = r->model;

	if (m)
		return m;
	m = r->model = xzalloc(sizeof(*m));
	strmap_init(&m->bridges);
	strmap_init(&m->ports);
	strmap_init(&m->ifaces);
	for (size_t i = 0; i < run_ovs(r)->n_bridges; i++)
		add_bridge(m, run_ovs(r)->bridges[i]->name, run_ovs(r)->bridges[i]);
	for (size_t i = 0; i < run_ovs(r)->n_bridges; i++)
		add_fake_bridges(m, strmap_get(&m->bridges, run_ovs(r)->bridges[i]->name));
	for (size_t i = 0; i < run_ovs(r)->n_bridges; i++)
		add_ports(m, strmap_get(&m->bridges, run_ovs(r)->bridges[i]->name));
	return m;
}

struct vs_bridge *find_bridge(struct run *r, const char *name, bool must)
{
	struct vs_bridge *b = strmap_get(&run_model(r)->bridges, name);

	if (!b && must)
		fatal(0, "no bridge named %s", name);
	return b;
}

struct vs_bridge *find_real_bridge(struct run *r, const char *name, bool must)
{
	struct vs_bridge *b = find_bridge(r, name, must);

	if (b && b->fake)
		fatal(0, "%s is a fake bridge", name);
	return b;
}

struct vs_port *find_port(struct run *r, const char *name, bool must)
{
	struct vs_port *p = strmap_get(&run_model(r)->ports, name);

	if (p && strmap_get(&run_model(r)->bridges, name))
		p = NULL; // a bridge's local port is no port of its own
	if (!p && must)
		fatal(0, "no port named %s", name);
	return p;
}

struct vs_iface *find_iface(struct run *r, const char *name, bool must)
{
	struct vs_iface *iface = strmap_get(&run_model(r)->ifaces, name);

	if (iface && strmap_get(&run_model(r)->bridges, name))
		iface = NULL;
	if (!iface && must)
		fatal(0, "no interface named %s", name);
	return iface;
}
