// SPDX-License-Identifier: Apache-2.0
// One "transact" request as it runs: what exec.c, exec-operation.c and exec-wait.c share.
#pragma once

#include "core/base/arena.h"
#include "core/base/vec.h"
#include "ovsdb/condition.h"
#include "ovsdb/exec.h"
#include "ovsdb/rbac.h"

struct symbol {
	struct uuid uuid;
	bool created;
};

// One request as it runs.
struct execution {
	struct ovsdb_symbols symbols; // first: lookups come back through it
	struct strmap names; // struct symbol
	struct db *db;
	struct db_txn *txn;
	struct arena *arena; // for what an operation reads
	const struct exec_context *ctx;
	struct json_span params; // of the request
	size_t n_begun; // operations, with the one that runs
	struct rbac rbac;
	struct ovsdb_error err;
	int64_t wait_until; // timeout of an unsatisfied wait
	bool waiting;
};

// Members of operations.
enum op_member {
#define MEMBER(ID, NAME, KIND) OP_##ID,
#include "ovsdb/op-members.def"
#undef MEMBER
	OP_MEMBER_MAX
};

// One operation; its members, which come in any order, are found before it runs.
struct operation {
	struct json_span text, members[OP_MEMBER_MAX]; // p NULL: not there
	bool has_unknown; // members
	struct db_table *table;
};

typedef VEC(const struct ovsdb_column *) column_vec;

// Columns with values, which are in the execution's arena: what "row" and "rows" hold.
struct partial_row {
	column_vec columns;
	VEC(struct ovsdb_datum) values;
};

struct collected {
	VEC(struct db_row *) rows;
};

// Each returns 0, or negative with x->err filled.
int exec_syntax(struct execution *x, const char *fmt, ...) PRINTF(2, 3);
// Reads one operation, without looking into its members.
void exec_read_operation(struct json_reader *r, struct operation *o);
// 'allowed' is a mask of enum op_member.
int exec_check_members(struct execution *x, const struct operation *o, unsigned int allowed);
// One that is there must be of its kind.
int exec_check_member(struct execution *x, const struct operation *o, enum op_member m);
// A member of the operation; false when it is not there.
bool exec_member(const struct operation *o, enum op_member m, struct json_span *ret);
int exec_need(struct execution *x, const struct operation *o, enum op_member m,
	      struct json_span *ret);
// NULL when it is not there, or with x->err filled when it is no string.
char *exec_string_member(struct execution *x, const struct operation *o, enum op_member m);
int exec_need_where(struct execution *x, const struct operation *o, struct ovsdb_condition *c);
// "columns", or all of them.
int exec_read_columns(struct execution *x, const struct operation *o, column_vec *columns,
		      bool *ret_given);
void exec_partial_row_uninit(struct partial_row *p);
int exec_need_row(struct execution *x, const struct operation *o, struct partial_row *p);
int exec_read_partial_row(struct execution *x, const struct ovsdb_table_schema *ts,
			  struct json_reader *r, struct partial_row *p);
// For ovsdb_condition_for_each(): adds the row to a struct collected.
bool exec_collect_row(struct db_row *row, void *c_);
int exec_compare_columns(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
			 const column_vec *columns);
// Sorts by the columns and drops rows that look the same in them.
void exec_make_distinct(struct collected *c, column_vec *columns);
int exec_op_wait(struct execution *x, struct operation *o, struct json_writer *w);
