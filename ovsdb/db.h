// SPDX-License-Identifier: Apache-2.0
// A database in memory, and transactions on it: every change can be taken back until it is on disk.
//
// One transaction is open at a time (db_txn_begin ... db_txn_commit or db_txn_rollback); its changes are visible in the
// rows at once. A committed one has passed every check of RFC 7047 (references, weak references, garbage collection,
// indexes, row limits) and stays undoable until db_txn_finish(); undo committed ones newest first.
// One thread.
#pragma once

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/base/vec.h"
#include "core/io/json.h"
#include "ovsdb/schema.h"

struct db_row;

struct db_index_node {
	struct hmap_node node;
	struct db_row *row;
	bool present;
};

struct db_row {
	struct hmap_node node; // in db_table.rows, by uuid
	struct db_table *table;
	struct db_txn_row *txn; // what the open transaction did to it, or NULL
	size_t n_refs; // strong references to it
	void *packed; // what its fields borrow, or NULL
	unsigned int n_txns; // that have touched it and are not finished
	struct list weak_in, weak_out; // struct weak_ref
	struct db_index_node *index; // one per index of the table, behind the fields
	union ovsdb_atom id[2]; // _uuid and _version
	bool deleted; // not there any more, but undo may bring it back
	struct ovsdb_datum fields[]; // one per column; [0] and [1] borrow id[]
};

struct db_table {
	const struct ovsdb_table_schema *schema;
	struct db *db;
	bool logged; // transactions' changes go to the program's log
	struct hmap rows;
	size_t n_rows; // those not deleted
	struct hmap *indexes; // struct db_index_node, one map per index
	struct db_table **key_refs, **value_refs; // per column: table referred to, or NULL
	unsigned int *ref_columns; // those that refer to any
	size_t n_ref_columns;
	struct ovsdb_datum *defaults; // per column; rows borrow them
};

struct db {
	struct ovsdb_schema *schema;
	struct db_table *tables; // by ovsdb_table_schema.position
	struct db_txn *open;
	size_t destroying; // the table that is next
	struct hmap_node *destroy_next; // and the row
};

struct db_txn_row {
	struct list node; // in db_txn.rows
	struct db_row *row;
	bool inserted, deleted;
	bool counted; // its references are in n_refs
	struct uuid old_version;
	bool *changed; // per column: was written; old[] holds the value before
	struct ovsdb_datum old[]; // none when it was inserted
};

struct db_txn {
	struct db *db;
	struct list rows; // struct db_txn_row
	struct arena
		arena; // they are in it: as many small pieces of the heap would be given back slowly
	struct strbuf comment;
	bool durable; // a commit operation asked for it
	bool committed;
	// While it is being committed:
	size_t step;
	struct list *at; // node of the row that is next, NULL: the step has not begun
	VEC(struct db_row *) garbage; // rows that lost their last reference
};

static inline const struct uuid *db_row_uuid(const struct db_row *row)
{
	return &row->id[0].uuid;
}

// Takes 'schema' over.
struct db *db_create(struct ovsdb_schema *schema);
void db_destroy(struct db *db);
// The same in slices of 'n' rows: to be called while it says true, with nothing else between.
bool db_destroy_some(struct db *db, size_t n);
struct db_table *db_table(const struct db *db, const char *name);
// Makes room in its maps for so many rows.
void db_table_reserve(struct db_table *t, size_t n);
// Live rows only.
struct db_row *db_row_find(const struct db_table *t, const struct uuid *uuid);
struct db_row *db_row_first(const struct db_table *t);
struct db_row *db_row_next(const struct db_table *t, const struct db_row *row);

#define DB_ROW_FOR_EACH(ROW, TABLE) \
	for (ROW = db_row_first(TABLE); ROW; ROW = db_row_next(TABLE, ROW))

struct db_txn *db_txn_begin(struct db *db);
// A new row with default values; NULL when 'uuid' is in use.
struct db_row *db_txn_insert(struct db_txn *txn, struct db_table *t, const struct uuid *uuid);
// Gives a row that the open transaction has inserted 'n' values, which are copied, all into one piece of memory.
void db_txn_fill(struct db_row *row, const struct ovsdb_column *const *columns,
		 const struct ovsdb_datum *values, size_t n);
// The column's datum, to be changed in place; what it was is remembered.
struct ovsdb_datum *db_txn_modify(struct db_txn *txn, struct db_row *row,
				  const struct ovsdb_column *c);
void db_txn_delete(struct db_txn *txn, struct db_row *row);
// Checks everything. On failure the transaction is undone and freed.
int db_txn_commit(struct db_txn *txn, struct ovsdb_error *err);
// The same in slices of 'n' rows, of a database that nobody else looks at: 1: there is more to do, 0: committed. On failure
// the transaction is neither undone nor freed.
int db_txn_commit_some(struct db_txn *txn, size_t n, struct ovsdb_error *err);
// Undoes an open or committed transaction and frees it.
void db_txn_rollback(struct db_txn *txn);
// Frees what undo would need.
void db_txn_finish(struct db_txn *txn);
// The same in slices of 'n' rows; true: there is more to do. Also drops one that is not committed, of a database that goes with it.
bool db_txn_finish_some(struct db_txn *txn, size_t n);

// Did the (committed) transaction change anything?
static inline bool db_txn_is_empty(const struct db_txn *txn)
{
	return list_is_empty(&txn->rows);
}
