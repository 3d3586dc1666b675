// SPDX-License-Identifier: Apache-2.0
// ovs-vsctl: commands on bridges, ports, bonds and interfaces.
#include "utilities/ovs-vsctl.h"

// ---- What may not be there twice ----

static void check_conflicts(struct run *r, const char *name, const char *what)
{
	struct vs_bridge *b = find_bridge(r, name, false);
	struct vs_port *p = strmap_get(&run_model(r)->ports, name);
	struct vs_iface *i = strmap_get(&run_model(r)->ifaces, name);

	if (b)
		fatal(0, "%s because a bridge named %s already exists", what, name);
	if (p)
		fatal(0, "%s because a port named %s already exists on bridge %s", what, name,
		      p->bridge->name);
	if (i)
		fatal(0, "%s because an interface named %s already exists on bridge %s", what, name,
		      i->port->bridge->name);
}

// Everything that decided what this command does must still be so when it is committed.
static void verify_ports(struct run *r)
{
	struct strmap_node *node;

	idl_verify(&run_ovs(r)->row,
		   idl_row_column(&run_ovs(r)->row, OVSREC_OPEN_VSWITCH_COL_BRIDGES));
	STRMAP_FOR_EACH (node, &run_model(r)->bridges) {
		struct vs_bridge *b = node->data;

		if (!b->fake)
			ovsrec_bridge_verify(b->row, OVSREC_BRIDGE_COL_PORTS);
	}
}

static struct ovsrec_interface *new_interface(struct run *r, const char *name, const char *type)
{
	struct ovsrec_interface *iface = ovsrec_interface_insert(r->txn);

	ovsrec_interface_set_name(iface, name);
	if (type)
		ovsrec_interface_set_type(iface, type);
	return iface;
}

static struct ovsrec_port *new_port(struct run *r, const struct ovsrec_bridge *bridge,
				    const char *name, struct ovsrec_interface *const *ifaces,
				    size_t n)
{
	struct ovsrec_port *port = ovsrec_port_insert(r->txn);

	ovsrec_port_set_name(port, name);
	ovsrec_port_set_interfaces(port, ifaces, n);
	add_reference(&bridge->row, OVSREC_BRIDGE_COL_PORTS, &port->row);
	strset_add(&r->added, name);
	return port;
}

static void delete_port_row(const struct ovsrec_bridge *bridge, const struct ovsrec_port *port)
{
	remove_reference(&bridge->row, OVSREC_BRIDGE_COL_PORTS, &port->row);
	while (port->n_interfaces) // what is deleted leaves the array
		ovsrec_interface_delete(port->interfaces[0]);
	ovsrec_port_delete(port);
}

// ---- Bridges ----

static void add_real_bridge(struct run *r, const char *name)
{
	struct ovsrec_interface *iface = new_interface(r, name, "internal");
	struct ovsrec_bridge *bridge = ovsrec_bridge_insert(r->txn);

	ovsrec_bridge_set_name(bridge, name);
	new_port(r, bridge, name, &iface, 1);
	add_reference(&run_ovs(r)->row, OVSREC_OPEN_VSWITCH_COL_BRIDGES, &bridge->row);
}

static void add_fake_bridge(struct run *r, const char *name, const char *parent_name, int64_t vlan)
{
	struct vs_bridge *parent = find_bridge(r, parent_name, false);
	struct ovsrec_interface *iface;
	struct ovsrec_port *port;
	struct strmap_node *node;

	if (parent && parent->fake)
		fatal(0, "cannot create bridge with fake bridge as parent");
	if (!parent)
		fatal(0, "parent bridge %s does not exist", parent_name);
	STRMAP_FOR_EACH (node, &run_model(r)->bridges) {
		struct vs_bridge *b = node->data;

		if (b->parent == parent && b->vlan == vlan)
			fatal(0, "bridge %s already has a child VLAN bridge %s on VLAN %d",
			      parent_name, b->name, b->vlan);
	}
	iface = new_interface(r, name, "internal");
	port = new_port(r, parent->row, name, &iface, 1);
	ovsrec_port_set_fake_bridge(port, true);
	ovsrec_port_set_tag(port, &vlan, 1);
}

static void cmd_add_br(struct command *c)
{
	const char *name = c->argv[1], *parent = c->argc >= 3 ? c->argv[2] : NULL;
	bool may_exist = option(c, "--may-exist");
	int64_t vlan = 0;
	struct vs_bridge *b;

	if (c->argc == 3)
		fatal(0, "'%s' command takes exactly 1 or 3 arguments", c->argv[0]);
	if (parent && (!parse_i64(c->argv[3], 10, &vlan) || vlan < 0 || vlan > 4095))
		fatal(0, "%s: vlan must be between 0 and 4095", c->argv[0]);
	b = find_bridge(c->run, name, false);
	if (may_exist && b) {
		if (!parent && b->fake)
			fatal(0, "\"--may-exist add-br %s\" but %s is a VLAN bridge for VLAN %d",
			      name, name, b->vlan);
		if (parent && !b->fake)
			fatal(0, "\"--may-exist add-br %s %s %lld\" but %s is not a VLAN bridge",
			      name, parent, (long long)vlan, name);
		if (parent && strcmp(b->parent->name, parent) != 0)
			fatal(0, "\"--may-exist add-br %s %s %lld\" but %s has the wrong parent %s",
			      name, parent, (long long)vlan, name, b->parent->name);
		if (parent && b->vlan != vlan)
			fatal(0,
			      "\"--may-exist add-br %s %s %lld\" but %s is a VLAN bridge for the "
			      "wrong VLAN %d",
			      name, parent, (long long)vlan, name, b->vlan);
		return;
	}
	AUTO_FREE char *what = xasprintf("cannot create a bridge named %s", name);
	check_conflicts(c->run, name, what);
	verify_ports(c->run);
	if (parent)
		add_fake_bridge(c->run, name, parent, vlan);
	else
		add_real_bridge(c->run, name);
	run_forget_model(c->run);
}

static void delete_ports(struct vs_bridge *b)
{
	for (size_t i = 0; i < b->ports.n; i++)
		delete_port_row(b->row, b->ports.v[i]->row);
}

static void delete_bridge(struct run *r, struct vs_bridge *b)
{
	const struct ovsrec_bridge *row = b->row;
	struct strmap_node *node;

	if (b->fake) {
		delete_ports(b);
		delete_port_row(row, b->fake);
		run_forget_model(r);
		return;
	}
	STRMAP_FOR_EACH (node, &run_model(r)->bridges) {
		struct vs_bridge *child = node->data;

		if (child->parent == b)
			delete_ports(child);
	}
	run_forget_model(r);
	remove_reference(&run_ovs(r)->row, OVSREC_OPEN_VSWITCH_COL_BRIDGES, &row->row);
	while (row->n_ports)
		delete_port_row(row, row->ports[0]);
	ovsrec_bridge_delete(row);
}

static void cmd_del_br(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], !option(c, "--if-exists"));

	if (b)
		delete_bridge(c->run, b);
}

static void cmd_list_br(struct command *c)
{
	bool real = option(c, "--real"), fake = option(c, "--fake");
	name_vec names = VEC_INIT;
	struct strmap_node *node;

	if (!real && !fake)
		real = fake = true;
	STRMAP_FOR_EACH (node, &run_model(c->run)->bridges) {
		struct vs_bridge *b = node->data;

		if (b->fake ? fake : real)
			VEC_PUSH(&names, b->name);
	}
	command_print_sorted(c, &names);
}

static void cmd_br_exists(struct command *c)
{
	if (!find_bridge(c->run, c->argv[1], false))
		exit(2);
}

static void cmd_br_to_vlan(struct command *c)
{
	strbuf_printf(&c->output, "%d\n", find_bridge(c->run, c->argv[1], true)->vlan);
}

static void cmd_br_to_parent(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], true);

	strbuf_printf(&c->output, "%s\n", b->fake ? b->parent->name : b->name);
}

static void cmd_br_set_external_id(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], true);
	AUTO_FREE char *key = xasprintf("%s%s", b->fake ? "fake-bridge-" : "", c->argv[2]);

	if (c->argc < 4 && b->fake)
		ovsrec_port_update_external_ids_delkey(b->fake, key);
	else if (c->argc < 4)
		ovsrec_bridge_update_external_ids_delkey(b->row, key);
	else if (b->fake)
		ovsrec_port_update_external_ids_setkey(b->fake, key, c->argv[3]);
	else
		ovsrec_bridge_update_external_ids_setkey(b->row, key, c->argv[3]);
}

static void cmd_br_get_external_id(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], true);
	const struct smap *ids = b->fake ? &b->fake->external_ids : &b->row->external_ids;
	const char *prefix = b->fake ? "fake-bridge-" : "";
	AUTO_FREE struct smap_node **sorted = smap_sorted(ids);

	if (c->argc > 2) {
		AUTO_FREE char *key = xasprintf("%s%s", prefix, c->argv[2]);

		if (smap_get(ids, key))
			strbuf_printf(&c->output, "%s\n", smap_get(ids, key));
		return;
	}
	for (size_t i = 0; i < smap_count(ids); i++)
		if (str_starts(sorted[i]->key, prefix))
			strbuf_printf(&c->output, "%s=%s\n", sorted[i]->key + strlen(prefix),
				      sorted[i]->value);
}

// ---- Ports and bonds ----

static void cmd_list_ports(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], true);
	name_vec names = VEC_INIT;

	for (size_t i = 0; i < b->ports.n; i++)
		VEC_PUSH(&names, b->ports.v[i]->row->name);
	command_print_sorted(c, &names);
}

static bool same_ifaces(const struct vs_port *p, char *const *names, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < p->ifaces.n; i++)
		for (size_t j = 0; j < n; j++)
			if (!strcmp(p->ifaces.v[i]->row->name, names[j])) {
				found++;
				break;
			}
	return found == n && p->ifaces.n == n;
}

static void check_existing_port(struct vs_port *p, const char *bridge, char *const *ifaces,
				size_t n)
{
	AUTO(strbuf) command = STRBUF_INIT;
	AUTO(strbuf) has = STRBUF_INIT;
	name_vec names = VEC_INIT;

	strbuf_printf(&command, "\"--may-exist add-%s %s %s", n > 1 ? "bond" : "port", bridge,
		      p->row->name);
	for (size_t i = 0; n > 1 && i < n; i++)
		strbuf_printf(&command, " %s", ifaces[i]);
	strbuf_putc(&command, '"');
	if (strcmp(p->bridge->name, bridge) != 0)
		fatal(0, "%s but %s is actually attached to bridge %s", command.s, p->row->name,
		      p->bridge->name);
	if (same_ifaces(p, ifaces, n))
		return;
	for (size_t i = 0; i < p->ifaces.n; i++)
		VEC_PUSH(&names, p->ifaces.v[i]->row->name);
	names_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		strbuf_printf(&has, "%s%s", i ? ", " : "", names.v[i]);
	fatal(0, "%s but %s actually has interface(s) %s", command.s, p->row->name,
	      strbuf_cstr(&has));
}

static void add_port_command(struct command *c, const char *bridge_name, const char *name,
			     char *const *iface_names, size_t n, bool fake_iface,
			     char *const *settings, size_t n_settings)
{
	struct run *r = c->run;
	struct vs_port *existing = find_port(r, name, false);
	AUTO_FREE struct ovsrec_interface **ifaces = NULL;
	struct ovsrec_port *port;
	struct vs_bridge *b;

	if (option(c, "--may-exist") && existing) {
		check_existing_port(existing, bridge_name, iface_names, n);
		return;
	}
	AUTO_FREE char *what = xasprintf("cannot create a port named %s", name);
	check_conflicts(r, name, what);
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *iface =
			xasprintf("cannot create an interface named %s", iface_names[i]);

		check_conflicts(r, iface_names[i], iface);
	}
	b = find_bridge(r, bridge_name, true);
	verify_ports(r);
	ifaces = xcalloc(n, sizeof(struct ovsrec_interface *));
	for (size_t i = 0; i < n; i++)
		ifaces[i] = new_interface(r, iface_names[i], NULL);
	port = new_port(r, b->row, name, ifaces, n);
	if (fake_iface)
		ovsrec_port_set_bond_fake_iface(port, true);
	if (b->fake) {
		int64_t tag = b->vlan;

		ovsrec_port_set_tag(port, &tag, 1);
	}
	for (size_t i = 0; i < n_settings; i++)
		db_set_column(c, &port->row, settings[i]);
	model_port_added(r, b, port);
}

static void cmd_add_port(struct command *c)
{
	add_port_command(c, c->argv[1], c->argv[2], &c->argv[2], 1, false, c->argv + 3,
			 c->argc - 3);
}

static void cmd_add_bond(struct command *c)
{
	int n = 0;

	while (n < c->argc - 3 && !strchr(c->argv[3 + n], '='))
		n++;
	if (n < 2)
		fatal(0, "add-bond requires at least 2 interfaces, but only %d were specified", n);
	add_port_command(c, c->argv[1], c->argv[2], c->argv + 3, n, option(c, "--fake-iface"),
			 c->argv + 3 + n, c->argc - 3 - n);
}

static void cmd_del_port(struct command *c)
{
	const char *name = c->argv[c->argc - 1];
	bool must = !option(c, "--if-exists");
	struct run *r = c->run;
	struct vs_port *p;

	if (option(c, "--with-iface")) {
		struct vs_iface *iface;

		p = find_port(r, name, false);
		iface = p ? NULL : find_iface(r, name, false);
		if (iface)
			p = iface->port;
	} else {
		// A bridge's name is no port's: say so rather than "no port".
		if (must && find_bridge(r, name, false))
			fatal(0,
			      "cannot delete port %s because it is the local port for bridge %s "
			      "(deleting this port requires deleting the entire bridge)",
			      name, name);
		p = find_port(r, name, false);
	}
	if (!p && must)
		fatal(0, "no port%s named %s", option(c, "--with-iface") ? " or interface" : "",
		      name);
	if (!p)
		return;
	if (c->argc == 3) {
		struct vs_bridge *b = find_bridge(r, c->argv[1], true);

		if (p->bridge != b && strcmp(p->bridge->name, c->argv[1]) != 0) {
			if (b->parent && b->parent == p->bridge)
				fatal(0,
				      "bridge %s does not have a port %s (although its parent "
				      "bridge %s "
				      "does)",
				      c->argv[1], name, b->parent->name);
			fatal(0, "bridge %s does not have a port %s", c->argv[1], name);
		}
	}
	delete_port_row(p->bridge->row, p->row);
	run_forget_model(r);
}

static void cmd_port_to_br(struct command *c)
{
	strbuf_printf(&c->output, "%s\n", find_port(c->run, c->argv[1], true)->bridge->name);
}

static void cmd_add_bond_iface(struct command *c)
{
	struct run *r = c->run;
	struct vs_port *p = find_port(r, c->argv[1], true);
	struct vs_iface *existing = find_iface(r, c->argv[2], false);
	struct ovsrec_interface *iface;

	if (existing && option(c, "--may-exist")) {
		if (existing->port != p)
			fatal(0,
			      "\"--may-exist add-bond-iface %s %s\" but %s is actually attached to "
			      "port %s",
			      c->argv[1], c->argv[2], c->argv[2], existing->port->row->name);
		return;
	}
	AUTO_FREE char *what = xasprintf("cannot create an interface named %s", c->argv[2]);
	check_conflicts(r, c->argv[2], what);
	ovsrec_port_verify(p->row, OVSREC_PORT_COL_INTERFACES);
	iface = new_interface(r, c->argv[2], NULL);
	add_reference(&p->row->row, OVSREC_PORT_COL_INTERFACES, &iface->row);
	run_forget_model(r);
}

static void cmd_del_bond_iface(struct command *c)
{
	const char *name = c->argv[c->argc - 1];
	struct run *r = c->run;
	struct vs_iface *iface = find_iface(r, name, !option(c, "--if-exists"));

	if (!iface)
		return;
	if (c->argc == 3) {
		struct vs_port *p = find_port(r, c->argv[1], true);

		if (iface->port != p)
			fatal(0, "port %s does not have an interface %s", c->argv[1], name);
	}
	if (iface->port->ifaces.n == 1)
		fatal(0, "cannot delete last interface from port %s", iface->port->row->name);
	ovsrec_port_verify(iface->port->row, OVSREC_PORT_COL_INTERFACES);
	remove_reference(&iface->port->row->row, OVSREC_PORT_COL_INTERFACES, &iface->row->row);
	ovsrec_interface_delete(iface->row);
	run_forget_model(r);
}

static void cmd_list_ifaces(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], true);
	name_vec names = VEC_INIT;

	for (size_t i = 0; i < b->ports.n; i++)
		for (size_t j = 0; j < b->ports.v[i]->ifaces.n; j++)
			VEC_PUSH(&names, b->ports.v[i]->ifaces.v[j]->row->name);
	command_print_sorted(c, &names);
}

static void cmd_iface_to_br(struct command *c)
{
	strbuf_printf(&c->output, "%s\n", find_iface(c->run, c->argv[1], true)->port->bridge->name);
}

const struct command_class bridge_commands[] = {
	{ "add-br", 1, 3, "!NEW-BRIDGE ?PARENT ?NEW-VLAN", "--may-exist",
	  "make a bridge, or on PARENT's VLAN a fake one", true, model_need, cmd_add_br,
	  .group = "Bridges" },
	{ "del-br", 1, 1, "!BRIDGE", "--if-exists", "delete BRIDGE and its ports", true, model_need,
	  cmd_del_br },
	{ "list-br", 0, 0, "", "--real,--fake", "print the names of all bridges", false, model_need,
	  cmd_list_br },
	{ "br-exists", 1, 1, "!BRIDGE", "", "exit with 2 if there is no such bridge", false,
	  model_need, cmd_br_exists },
	{ "br-to-vlan", 1, 1, "!BRIDGE", "", "print a fake bridge's VLAN, 0 of a real one", false,
	  model_need, cmd_br_to_vlan },
	{ "br-to-parent", 1, 1, "!BRIDGE", "", "print the bridge that a fake one is on", false,
	  model_need, cmd_br_to_parent },
	{ "br-set-external-id", 2, 3, "!BRIDGE !KEY ?VALUE", "",
	  "set, or without VALUE remove, KEY of BRIDGE", true, model_need, cmd_br_set_external_id },
	{ "br-get-external-id", 1, 2, "!BRIDGE ?KEY", "",
	  "print KEY's value, or all pairs, of BRIDGE", false, model_need, cmd_br_get_external_id },
	{ "list-ports", 1, 1, "!BRIDGE", "", "print the names of BRIDGE's ports", false, model_need,
	  cmd_list_ports, .group = "Ports (a bond is one port)" },
	{ "add-port", 2, -1, "!BRIDGE !NEW-PORT *COLUMN?:KEY=VALUE", "--may-exist",
	  "add the device NEW-PORT to BRIDGE", true, model_need, cmd_add_port },
	{ "add-bond", 4, -1, "!BRIDGE !BOND +IFACE *COLUMN?:KEY=VALUE", "--may-exist,--fake-iface",
	  "add a bond of interfaces to BRIDGE", true, model_need, cmd_add_bond },
	{ "add-bond-iface", 2, 2, "!BOND !IFACE", "--may-exist", "add IFACE to BOND", true,
	  model_need, cmd_add_bond_iface },
	{ "del-bond-iface", 1, 2, "?BOND !IFACE", "--if-exists", "take IFACE out of its bond", true,
	  model_need, cmd_del_bond_iface },
	{ "del-port", 1, 2, "?BRIDGE !PORT|IFACE", "--if-exists,--with-iface",
	  "delete a port, and of a bond its interfaces", true, model_need, cmd_del_port },
	{ "port-to-br", 1, 1, "!PORT", "", "print the bridge that PORT is on", false, model_need,
	  cmd_port_to_br },
	{ "list-ifaces", 1, 1, "!BRIDGE", "", "print the names of BRIDGE's interfaces", false,
	  model_need, cmd_list_ifaces, .group = "Interfaces (a bond has several)" },
	{ "iface-to-br", 1, 1, "!IFACE", "", "print the bridge that IFACE is on", false, model_need,
	  cmd_iface_to_br },
	{ NULL },
};
