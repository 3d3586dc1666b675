// SPDX-License-Identifier: Apache-2.0
// vtep-ctl: physical switches and ports, logical switches and routers, and which VLAN of which port is in which logical switch.
#include "utilities/vtep-ctl.h"

// ---- Physical switches ----

static void need_switches(struct command *c)
{
	static const char *const global[] = { "switches", NULL };
	static const char *const sw[] = { "name", "ports", NULL };
	static const char *const port[] = { "name", "vlan_bindings", NULL };
	static const char *const logical[] = { "name", "replication_mode", NULL };

	need_columns(c, "Global", global);
	need_columns(c, "Physical_Switch", sw);
	need_columns(c, "Physical_Port", port);
	need_columns(c, "Logical_Switch", logical);
}

static const struct vteprec_physical_switch *find_switch(struct command *c, const char *name,
							 bool must)
{
	const struct vteprec_global *g = run_global(c->run);

	for (size_t i = 0; i < g->n_switches; i++)
		if (!strcmp(g->switches[i]->name, name))
			return g->switches[i];
	if (must)
		fatal(0, "no physical switch named %s", name);
	return NULL;
}

static void change_set(const struct idl_row *row, unsigned int column, const struct uuid *uuid,
		       bool add)
{
	union ovsdb_atom key = { .uuid = *uuid };

	if (add)
		idl_add_key(row, idl_row_column(row, column), &key, NULL);
	else
		idl_remove_key(row, idl_row_column(row, column), &key);
}

static void cmd_add_ps(struct command *c)
{
	const struct vteprec_global *g = run_global(c->run);
	const struct vteprec_physical_switch *sw;

	if (find_switch(c, c->argv[1], false)) {
		if (option(c, "--may-exist"))
			return;
		fatal(0, "cannot create physical switch %s because it already exists", c->argv[1]);
	}
	vteprec_global_verify(g, VTEPREC_GLOBAL_COL_SWITCHES);
	sw = vteprec_physical_switch_insert(c->run->txn);
	vteprec_physical_switch_set_name(sw, c->argv[1]);
	change_set(&g->row, VTEPREC_GLOBAL_COL_SWITCHES, &sw->row.uuid, true);
}

static void cmd_del_ps(struct command *c)
{
	const struct vteprec_physical_switch *sw =
		find_switch(c, c->argv[1], !option(c, "--if-exists"));

	// Ports go when nothing refers to them.
	if (!sw)
		return;
	change_set(c->run->root, VTEPREC_GLOBAL_COL_SWITCHES, &sw->row.uuid, false);
	vteprec_physical_switch_delete(sw);
}

static void cmd_list_ps(struct command *c)
{
	const struct vteprec_global *g = run_global(c->run);
	name_vec names = VEC_INIT;

	for (size_t i = 0; i < g->n_switches; i++)
		VEC_PUSH(&names, g->switches[i]->name);
	command_print_sorted(c, &names);
}

static void cmd_ps_exists(struct command *c)
{
	if (!find_switch(c, c->argv[1], false))
		exit(2);
}

// ---- Ports: each switch has names of its own ----

static const struct vteprec_physical_port *port_of(const struct vteprec_physical_switch *sw,
						   const char *name)
{
	for (size_t i = 0; sw && i < sw->n_ports; i++)
		if (!strcmp(sw->ports[i]->name, name))
			return sw->ports[i];
	return NULL;
}

static const struct vteprec_physical_port *must_find_port(struct command *c)
{
	const struct vteprec_physical_port *port =
		port_of(find_switch(c, c->argv[1], false), c->argv[2]);

	if (!port)
		fatal(0, "no port named %s", c->argv[2]);
	return port;
}

static void cmd_list_ports(struct command *c)
{
	const struct vteprec_physical_switch *sw = find_switch(c, c->argv[1], true);
	name_vec names = VEC_INIT;

	for (size_t i = 0; i < sw->n_ports; i++)
		VEC_PUSH(&names, sw->ports[i]->name);
	command_print_sorted(c, &names);
}

static void cmd_add_port(struct command *c)
{
	const struct vteprec_physical_switch *sw = find_switch(c, c->argv[1], true);
	const struct vteprec_physical_port *port = port_of(sw, c->argv[2]);

	if (port && option(c, "--may-exist"))
		return;
	if (port)
		fatal(0,
		      "cannot create a port named %s on %s because a port with that name already "
		      "exists",
		      c->argv[2], c->argv[1]);
	vteprec_physical_switch_verify(sw, VTEPREC_PHYSICAL_SWITCH_COL_PORTS);
	port = vteprec_physical_port_insert(c->run->txn);
	vteprec_physical_port_set_name(port, c->argv[2]);
	change_set(&sw->row, VTEPREC_PHYSICAL_SWITCH_COL_PORTS, &port->row.uuid, true);
}

// The switch named, or the one that has the port.
static const struct vteprec_physical_switch *switch_with_port(struct command *c, const char *port)
{
	const struct vteprec_global *g = run_global(c->run);
	const struct vteprec_physical_switch *found = NULL;

	if (c->argc > 2)
		return find_switch(c, c->argv[1], false);
	for (size_t i = 0; i < g->n_switches; i++) {
		if (!port_of(g->switches[i], port))
			continue;
		if (found)
			fatal(0, "several physical switches have a port named %s", port);
		found = g->switches[i];
	}
	return found;
}

static void cmd_del_port(struct command *c)
{
	const char *name = c->argv[c->argc - 1];
	const struct vteprec_physical_switch *sw = switch_with_port(c, name);
	const struct vteprec_physical_port *port = port_of(sw, name);

	if (!port && option(c, "--if-exists"))
		return;
	if (!port)
		fatal(0, "no port named %s", name);
	change_set(&sw->row, VTEPREC_PHYSICAL_SWITCH_COL_PORTS, &port->row.uuid, false);
}

// ---- Logical switches ----

const struct vteprec_logical_switch *find_logical_switch(struct command *c, const char *name,
							 bool must)
{
	const struct vteprec_logical_switch *ls;

	VTEPREC_LOGICAL_SWITCH_FOR_EACH(ls, c->run->idl)
	if (!strcmp(ls->name, name))
		return ls;
	if (must)
		fatal(0, "no logical switch named %s", name);
	return NULL;
}

static void cmd_add_ls(struct command *c)
{
	if (!find_logical_switch(c, c->argv[1], false))
		vteprec_logical_switch_set_name(vteprec_logical_switch_insert(c->run->txn),
						c->argv[1]);
	else if (!option(c, "--may-exist"))
		fatal(0, "cannot create logical switch %s because it already exists", c->argv[1]);
}

static void cmd_del_ls(struct command *c)
{
	const struct vteprec_logical_switch *ls =
		find_logical_switch(c, c->argv[1], !option(c, "--if-exists"));

	if (ls)
		vteprec_logical_switch_delete(ls);
}

static void cmd_list_ls(struct command *c)
{
	const struct vteprec_logical_switch *ls;
	name_vec names = VEC_INIT;

	VTEPREC_LOGICAL_SWITCH_FOR_EACH(ls, c->run->idl)
	VEC_PUSH(&names, ls->name);
	command_print_sorted(c, &names);
}

static void cmd_ls_exists(struct command *c)
{
	if (!find_logical_switch(c, c->argv[1], false))
		exit(2);
}

static void cmd_set_replication_mode(struct command *c)
{
	const char *mode = c->argv[2];

	if (strcmp(mode, "service_node") != 0 && strcmp(mode, "source_node") != 0)
		fatal(0, "Replication mode must be 'service_node' or 'source_node'");
	vteprec_logical_switch_set_replication_mode(find_logical_switch(c, c->argv[1], true), mode);
}

static void cmd_get_replication_mode(struct command *c)
{
	const char *mode = find_logical_switch(c, c->argv[1], true)->replication_mode;

	strbuf_printf(&c->output, "%s\n", mode ? mode : "");
}

// ---- Bindings ----

static int64_t vlan_argument(const struct command *c)
{
	int64_t vlan;

	if (!parse_i64(c->argv[3], 10, &vlan) || vlan < 0 || vlan > 4095)
		fatal(0, "%s: VLAN must be between 0 and 4095", c->argv[3]);
	return vlan;
}

static bool is_bound(const struct vteprec_physical_port *port, int64_t vlan)
{
	for (size_t i = 0; i < port->n_vlan_bindings; i++)
		if (port->key_vlan_bindings[i] == vlan)
			return true;
	return false;
}

static const struct ovsdb_column *bindings_column(const struct vteprec_physical_port *port)
{
	return idl_row_column(&port->row, VTEPREC_PHYSICAL_PORT_COL_VLAN_BINDINGS);
}

static void cmd_bind_ls(struct command *c)
{
	const struct vteprec_physical_port *port = must_find_port(c);
	union ovsdb_atom key = { .integer = vlan_argument(c) }, value;

	value.uuid = find_logical_switch(c, c->argv[4], true)->row.uuid;
	if (is_bound(port, key.integer))
		fatal(0, "multiple bindings for vlan %s", c->argv[3]);
	idl_verify(&port->row, bindings_column(port));
	idl_add_key(&port->row, bindings_column(port), &key, &value);
}

static void cmd_unbind_ls(struct command *c)
{
	const struct vteprec_physical_port *port = must_find_port(c);
	union ovsdb_atom key = { .integer = vlan_argument(c) };

	if (!is_bound(port, key.integer))
		fatal(0, "no binding for vlan %s", c->argv[3]);
	idl_remove_key(&port->row, bindings_column(port), &key);
}

static void cmd_list_bindings(struct command *c)
{
	const struct vteprec_physical_port *port = must_find_port(c);

	for (size_t i = 0; i < port->n_vlan_bindings; i++)
		strbuf_printf(&c->output, "%04lld %s\n", (long long)port->key_vlan_bindings[i],
			      port->value_vlan_bindings[i]->name);
}

// ---- Logical routers ----

static void need_routers(struct command *c)
{
	static const char *const columns[] = { "name", NULL };

	need_columns(c, "Logical_Router", columns);
}

static const struct vteprec_logical_router *find_router(struct command *c, bool must)
{
	const struct vteprec_logical_router *lr;

	VTEPREC_LOGICAL_ROUTER_FOR_EACH(lr, c->run->idl)
	if (!strcmp(lr->name, c->argv[1]))
		return lr;
	if (must)
		fatal(0, "no logical router named %s", c->argv[1]);
	return NULL;
}

static void cmd_add_lr(struct command *c)
{
	if (!find_router(c, false))
		vteprec_logical_router_set_name(vteprec_logical_router_insert(c->run->txn),
						c->argv[1]);
	else if (!option(c, "--may-exist"))
		fatal(0, "cannot create logical router %s because it already exists", c->argv[1]);
}

static void cmd_del_lr(struct command *c)
{
	const struct vteprec_logical_router *lr = find_router(c, !option(c, "--if-exists"));

	if (lr)
		vteprec_logical_router_delete(lr);
}

static void cmd_list_lr(struct command *c)
{
	const struct vteprec_logical_router *lr;
	name_vec names = VEC_INIT;

	VTEPREC_LOGICAL_ROUTER_FOR_EACH(lr, c->run->idl)
	VEC_PUSH(&names, lr->name);
	command_print_sorted(c, &names);
}

static void cmd_lr_exists(struct command *c)
{
	if (!find_router(c, false))
		exit(2);
}

const struct command_class switch_commands[] = {
	{ "add-ps", 1, 1, "!PS", "--may-exist", "make a physical switch", true, need_switches,
	  cmd_add_ps, .group = "Physical switches" },
	{ "del-ps", 1, 1, "!PS", "--if-exists", "delete PS and its ports", true, need_switches,
	  cmd_del_ps },
	{ "list-ps", 0, 0, "", "", "print the names of all physical switches", false, need_switches,
	  cmd_list_ps },
	{ "ps-exists", 1, 1, "!PS", "", "exit with 2 if there is no such switch", false,
	  need_switches, cmd_ps_exists },
	{ "list-ports", 1, 1, "!PS", "", "print the names of PS's ports", false, need_switches,
	  cmd_list_ports, .group = "Ports" },
	{ "add-port", 2, 2, "!PS !PORT", "--may-exist", "add PORT to PS", true, need_switches,
	  cmd_add_port },
	{ "del-port", 1, 2, "?PS !PORT", "--if-exists", "delete PORT", true, need_switches,
	  cmd_del_port },
	{ "add-ls", 1, 1, "!LS", "--may-exist", "make a logical switch", true, need_switches,
	  cmd_add_ls, .group = "Logical switches" },
	{ "del-ls", 1, 1, "!LS", "--if-exists", "delete LS and its bindings", true, need_switches,
	  cmd_del_ls },
	{ "list-ls", 0, 0, "", "", "print the names of all logical switches", false, need_switches,
	  cmd_list_ls },
	{ "ls-exists", 1, 1, "!LS", "", "exit with 2 if there is no such switch", false,
	  need_switches, cmd_ls_exists },
	{ "list-bindings", 2, 2, "!PS !PORT", "", "print the bindings of PORT of PS", false,
	  need_switches, cmd_list_bindings },
	{ "bind-ls", 4, 4, "!PS !PORT !VLAN !LS", "", "bind VLAN on PORT to LS", true,
	  need_switches, cmd_bind_ls },
	{ "unbind-ls", 3, 3, "!PS !PORT !VLAN", "", "unbind VLAN on PORT", true, need_switches,
	  cmd_unbind_ls },
	{ "set-replication-mode", 2, 2, "!LS !MODE", "", "set who copies LS's broadcasts", true,
	  need_switches, cmd_set_replication_mode },
	{ "get-replication-mode", 1, 1, "!LS", "", "print who copies LS's broadcasts", false,
	  need_switches, cmd_get_replication_mode },
	{ "add-lr", 1, 1, "!LR", "--may-exist", "make a logical router", true, need_routers,
	  cmd_add_lr, .group = "Logical routers" },
	{ "del-lr", 1, 1, "!LR", "--if-exists", "delete LR", true, need_routers, cmd_del_lr },
	{ "list-lr", 0, 0, "", "", "print the names of all logical routers", false, need_routers,
	  cmd_list_lr },
	{ "lr-exists", 1, 1, "!LR", "", "exit with 2 if there is no such router", false,
	  need_routers, cmd_lr_exists },
	{ NULL },
};
