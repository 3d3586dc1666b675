// SPDX-License-Identifier: Apache-2.0
// What ovs-vsctl and vtep-ctl share: commands on one command line that are one transaction, options, the generic database
// commands, "show". A program is a struct db_ctl.
//
// A run may happen several times: when what it saw has changed before it was committed, or when "wait-until" is not satisfied
// yet. So commands keep nothing but their output. What is wrong ends the program through fatal().
#pragma once

#include "core/base/log.h"
#include "core/base/vec.h"
#include "ovsdb/idl.h"
#include "ovsdb/table.h"

struct command;

// One row of the table of commands.
struct command_class {
	const char *name;
	int min_args, max_args; // -1: any number
	// For --help, --commands and completion: after its number ('!' one, '?' one or none, '*' any, '+' some) what
	// each argument is. In a word "?:KEY" and "?KEY=" are parts that may be left out.
	const char *arguments;
	const char *options; // "--may-exist,--id=": what may stand before the name
	const char *help;
	bool modifies;
	void (*prerequisites)(
		struct command *c); // says which tables and columns it needs; NULL: the usual ones
	void (*run)(struct command *c);
	void (*after)(struct command *c); // after a successful commit; may be NULL
	const char *group; // the heading in --help, of a group's first command
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
	const struct db_ctl *program;
	const struct idl_row *root; // the one row
	struct ovsdb_symbols symbols; // @name
	struct strmap names; // struct symbol
	struct model *model; // the program's, made when first needed
	struct strset added; // names in this transaction that the program wants to report on
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

// ---- Of the generic commands, what others borrow ----
// Finds a table by name or abbreviation; fatal when there is none.
struct idl_table *db_find_table(struct idl *idl, const char *name);
const struct ovsdb_column *db_find_column(const struct idl_table *t, const char *name);
// By its exact name; one of the schema.
const struct ovsdb_column *db_column(const struct idl_row *row, const char *name);
const struct ovsdb_datum *db_value(const struct idl_row *row, const char *column);
// "column[:key]=value", as "set" takes it.
void db_set_column(struct command *c, const struct idl_row *row, const char *arg);
// Marks what "set"-like arguments of a row of 'table' need.
void db_need_table(struct idl *idl, const char *table);
struct symbol *db_symbol(struct run *r, const char *name);

// Rows were changed: read them again when somebody asks.
void run_forget_model(struct run *r);
// Marks columns as needed; the list ends with NULL.
void need_columns(struct command *c, const char *table, const char *const *columns);

// Names that a command prints, sorted and one a line; frees 'names'.
typedef VEC(const char *) name_vec;
void names_sort(name_vec *names);
void command_print_sorted(struct command *c, name_vec *names);
// Warns of what is no way to connect.
void db_check_target(const struct run *r, const char *target);
// Of a value of one string; copied.
void db_set_string(const struct idl_row *row, const char *column, const char *value);
// Column "inactivity_probe", where the command has that option.
void db_set_probe(struct command *c, const struct idl_row *row);

// ---- A program ----

// A record of 'table' is found by the value of name_column in 'name_table' (NULL: by "."); when 'ref_column' is given, it
// is the one that this column of the found row refers to.
struct record_name {
	const char *table, *name_table, *name_column, *ref_column;
};

// What "show" tells of a table's rows: 'name' in the heading (NULL: the uuid), then columns; references to shown tables
// become sub-trees.
struct shown {
	const char *table, *name, *columns[4];
};

struct db_ctl {
	const struct idl_class *class;
	const char *purpose; // for --help
	struct log_module *log; // the program's, which --no-syslog silences
	const char *root; // the table with one row, which is made when it is not there
	const char *managers; // its column of references to the table Manager
	// next_cfg and cur_cfg of the root are this daemon's; NULL: nothing is waited for.
	const char *waits_for;
	void (*report)(const struct run *r); // after waiting; may be NULL
	void (*free_model)(struct model *m);
	const struct command_class *const *commands; // the program's own tables, ends with NULL
	const struct record_name *records; // ends with table NULL
	const struct shown *shown; // the root first; ends with table NULL
};

int db_ctl_main(const struct db_ctl *program, int argc, char *argv[]);
