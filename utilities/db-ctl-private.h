// SPDX-License-Identifier: Apache-2.0
// Inside of the generic commands: records and arguments.
#pragma once

#include <getopt.h>

#include "utilities/db-ctl.h"

extern const struct command_class db_commands[], manager_commands[], show_commands[];

// The program's own tables of commands, then those that all have; NULL behind the last one.
const struct command_class *command_table(const struct db_ctl *program, size_t i);

#define FOR_EACH_CLASS(K, PROGRAM) \
	for (size_t i_ = 0; command_table(PROGRAM, i_); i_++) \
		for (const struct command_class *K = command_table(PROGRAM, i_); K->name; K++)

// ---- db-ctl-help.c: what a program says of itself ----
void help_print_usage(const struct db_ctl *program);
// For completion: "[OPTION] ,NAME,ARGUMENTS" of each command.
void help_print_commands(const struct db_ctl *program);
// Likewise: the options that stand before commands, and their letters as getopt() takes them.
void help_print_options(const struct option *options, size_t n, const char *letters);

// "column[:key]OPvalue"
struct argument {
	const struct ovsdb_column *column;
	char *key; // NULL when there is none
	const char *op; // NULL when there is none
	const char *value;
};

// "column[:key]", with "=value", or with any operator and a value. Fatal on anything else.
enum argument_need { ARGUMENT_PLAIN, ARGUMENT_VALUE, ARGUMENT_OPERATOR };
void db_parse_argument(const struct idl_table *t, const char *arg, enum argument_need need,
		       struct argument *a);
void argument_uninit(struct argument *a);
// The columns by which records of a table are found.
void db_need_record(struct command *c, const struct idl_table *t);
const struct idl_row *db_find_record(struct command *c, const struct idl_table *t, const char *id,
				     bool must);
void db_check_mutable(const struct idl_row *row, const struct ovsdb_column *c);
void db_parse_datum(struct command *c, const struct ovsdb_type *t, const char *s,
		    struct ovsdb_datum *d);
void db_parse_atom(struct command *c, const struct ovsdb_base_type *b, const char *s,
		   union ovsdb_atom *a);
