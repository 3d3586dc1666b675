// SPDX-License-Identifier: Apache-2.0
// What the files of ovs-vsctl share: a command, the run of all commands as one transaction, and lookups.
//
// A run may happen several times: when what it saw has changed before it was committed, or when "wait-until" is not satisfied
// yet. So commands keep nothing but their output. What is wrong ends the program through fatal().
#pragma once

#include "core/base/vec.h"
#include "ovsdb/table.h"
#include "ovsdb/vswitch-idl.h"

struct command;

// One row of the table of commands.
struct command_class {
	const char *name;
	int min_args, max_args; // -1: any number
	const char *arguments; // for --help and --commands
	const char *options; // "--may-exist,--id=": what may stand before the name
	bool modifies;
	void (*prerequisites)(
		struct command *c); // says which tables and columns it needs; NULL: the usual ones
	void (*run)(struct command *c);
	void (*after)(struct command *c); // after a successful commit; may be NULL
};

// One command of the command line.
struct command {
	const struct command_class *class;
	struct run *run;
	int argc;
	char **argv; // argv[0] is the name
	struct smap options; // "--may-exist" -> "" or the value
	struct strbuf output;
	struct table *table; // printed after 'output'
	struct uuid uuid; // "create": the provisional one
	bool done; // for "after"
};

// All commands, and the transaction they make.
struct run {
	struct idl *idl;
	struct idl_txn *txn;
	const struct ovsrec_open_vswitch *ovs; // the one row
	struct ovsdb_symbols symbols; // @name
	struct strmap names; // struct symbol
	struct model *model; // of bridges, made when first needed
	struct strset new_ports; // added by name in this transaction
	bool try_again; // a command waits
	struct table_style style;
};

struct symbol {
	struct uuid uuid;
	bool created, referenced;
};

static inline bool option(const struct command *c, const char *name)
{
	return smap_get(&c->options, name) != NULL;
}

// ---- tables of commands ----
extern const struct command_class bridge_commands[], config_commands[], db_commands[],
	show_commands[];

// ---- ovs-vsctl-db.c: the generic commands, and what others borrow of them ----
// Finds a table by name or abbreviation; fatal when there is none.
struct idl_table *db_find_table(struct idl *idl, const char *name);
const struct ovsdb_column *db_find_column(const struct idl_table *t, const char *name);
// "column[:key]=value", as "set" takes it.
void db_set_column(struct command *c, const struct idl_row *row, const char *arg);
// Marks what "set"-like arguments of a row of 'table' need.
void db_need_table(struct idl *idl, const char *table);
struct symbol *db_symbol(struct run *r, const char *name);

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
// Rows were changed: read them again when somebody asks.
void run_forget_model(struct run *r);
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
