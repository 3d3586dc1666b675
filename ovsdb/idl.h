// SPDX-License-Identifier: Apache-2.0
// The client side: a replica of chosen columns of a database in memory, kept true by the server, as typed C structs.
//
//	struct idl *idl = idl_create(loop, "unix:/run/openvswitch/db.sock", &ovsrec_class, true);
//	idl_on_change(idl, reconfigure, sw);                    // called from the loop
//	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_NAME);  // or idl_add_all(idl)
//	idl_start(idl);
//	...
//	const struct ovsrec_bridge *br;
//	OVSREC_BRIDGE_FOR_EACH (br, idl)
//		printf("%s has %zu ports\n", br->name, br->n_ports);
//
//	struct idl_txn *txn = idl_txn_create(idl);
//	ovsrec_interface_set_ofport(iface, &ofport, 1);
//	idl_txn_commit(txn, done, sw);      // done(txn, sw) comes from the loop; idl_txn_status(txn) tells
//
// Typed structs, accessors and the class are generated at build time by ovsdb/idlc.py from a schema: see
// "ovsdb/vswitch-idl.h" in the build directory. In a struct
//   - a column that holds exactly one value is that value: int64_t, double, bool, char * (never NULL), struct uuid;
//   - an optional string is a char * that may be NULL; a reference to a row is a pointer that is NULL when there is none,
//     or when the row is not replicated;
//   - other optional columns and sets are an array x and its length n_x; rows that are not replicated are left out;
//   - maps from string to string are a struct smap; other maps are arrays key_x, value_x of length n_x.
// All of it belongs to the replica and is read-only; it lives until the callback or function that got it returns to the
// loop, or the transaction changes that column. Row pointers live until the row goes away, at the earliest when the loop
// runs again: across loop iterations keep uuids (row->row.uuid) and look them up.
//
// Only columns that were added are monitored. idl_add_column(..., IDL_ALERT) ones make on_change fire; those added with 0
// are replicated silently (for columns that we write ourselves, so that our own writing does not wake us, and that equal
// writes are dropped before they are sent). A column that was not added can still be written, not read.
//
// Everything runs on the loop's thread.
#pragma once

#include "core/base/hmap.h"
#include "core/base/strmap.h"
#include "core/io/loop.h"
#include "ovsdb/datum.h"
#include "ovsdb/schema.h"

struct idl;
struct idl_txn;
struct idl_table;

// ---- What idlc.py generates. ----

struct idl_column_class {
	const char *name;
	size_t offset; // of the value, array, smap or key array in the row struct
	size_t value_offset; // of the value array of a map
	size_t n_offset; // of the length; 0 when there is none
};

struct idl_table_class {
	const char *name;
	size_t row_size;
	const struct idl_column_class *columns; // ordered by name
	size_t n_columns;
};

struct idl_class {
	const char *database;
	const char *schema; // JSON text
	const struct idl_table_class *tables; // ordered by name
	size_t n_tables;
};

// The head of every typed row.
struct idl_row {
	struct uuid uuid; // of a row inserted and not committed yet: provisional
	struct idl_table *table;
	uint64_t insert_seqno; // idl_seqno() when it came
	uint64_t change_seqno; // and when an alerting column of it changed last
	struct idl_row_private *priv;
};

// ---- A replica ----

enum { IDL_ALERT = 1 };

// Does not connect yet. 'remotes' is one name or several separated by commas. 'retry': reconnect for ever.
struct idl *idl_create(struct loop *l, const char *remotes, const struct idl_class *class,
		       bool retry);
// Accepts NULL. Transactions must be gone.
void idl_destroy(struct idl *idl);
// Before idl_start(). 'column' is an index generated as PREFIX_TABLE_COL_NAME; flags 0 or IDL_ALERT. Adding twice joins flags.
void idl_add_column(struct idl *idl, const char *table, const char *column, unsigned int flags);
void idl_add_table(struct idl *idl, const char *table); // for references to its rows
void idl_add_all(struct idl *idl); // every column of every table, alerting
void idl_start(struct idl *idl);
// 'cb' comes from the loop after the replica has changed in an alerting column, after rows came or went, after
// the first complete content, and after the lock was won or lost.
void idl_on_change(struct idl *idl, void (*cb)(void *aux), void *aux);
// Counts what on_change reports; 0 before the first content.
uint64_t idl_seqno(const struct idl *idl);
bool idl_has_content(const struct idl *idl);
bool idl_is_connected(const struct idl *idl);
// No connection, and none will be tried ('retry' was false, or the server does not have the database).
bool idl_is_dead(const struct idl *idl);
// Why, for a person; NULL when nothing went wrong.
const char *idl_last_error(const struct idl *idl);
void idl_set_remotes(struct idl *idl, const char *remotes);
void idl_reconnect(struct idl *idl);
void idl_set_probe_interval(struct idl *idl, int msec);
// What the server's schema has; columns it lacks are read as their defaults and must not be written.
bool idl_server_has_table(const struct idl *idl, const char *table);
bool idl_server_has_column(const struct idl *idl, const char *table, const char *column);

// Only one client at a time holds a lock. Transactions of an idl that wants one fail with IDL_NOT_LOCKED when the server
// says it is another's. NULL: no lock.
void idl_set_lock(struct idl *idl, const char *name);
bool idl_has_lock(const struct idl *idl);
bool idl_is_lock_contended(const struct idl *idl);

// ---- Rows, by name of table and column: what generated code and generic tools use ----

struct idl_table *idl_table(const struct idl *idl, const char *name);
const struct ovsdb_schema *idl_schema(const struct idl *idl);
// "8.8.0". Not freed by the caller; lives for ever.
const char *idl_class_version(const struct idl_class *class);
const struct ovsdb_table_schema *idl_table_schema(const struct idl_table *t);
struct idl *idl_table_idl(const struct idl_table *t);
size_t idl_table_count(const struct idl_table *t);
// Changes when a row of the table comes, goes or changes in an alerting column.
uint64_t idl_table_seqno(const struct idl_table *t);
const struct idl_row *idl_first(const struct idl_table *t);
const struct idl_row *idl_next(const struct idl_row *row);
const struct idl_row *idl_find(const struct idl_table *t, const struct uuid *uuid);
// Borrowed; the transaction's value where it has written one, the column's default where it is not replicated.
const struct ovsdb_datum *idl_get(const struct idl_row *row, const struct ovsdb_column *column);
bool idl_row_is_new(const struct idl_row *row); // inserted by the open transaction
// Was the column's value changed by a server's update that came after idl_seqno() was 'seqno'?
bool idl_column_changed_since(const struct idl_row *row, const char *column, uint64_t seqno);

// ---- Transactions ----

enum idl_status {
	IDL_UNCOMMITTED, // being built
	IDL_UNCHANGED, // nothing to send
	IDL_INCOMPLETE, // sent, no answer yet
	IDL_ABORTED,
	IDL_SUCCESS,
	IDL_TRY_AGAIN, // what was verified had changed, or the connection broke: build it again from newer content
	IDL_NOT_LOCKED,
	IDL_ERROR, // see idl_txn_error()
};

const char *idl_status_name(enum idl_status status);

// At most one transaction per idl is being built at a time; any number may be on their way. While one is built, its changes
// are visible in the typed structs; they disappear when it is sent, and come back with the server's update.
struct idl_txn *idl_txn_create(struct idl *idl);
// The one being built, or NULL.
struct idl_txn *idl_txn_current(const struct idl *idl);
// In any state; accepts NULL. One on its way is cancelled: 'done' will not be called, its outcome is unknown.
void idl_txn_destroy(struct idl_txn *txn);
void idl_txn_abort(struct idl_txn *txn);
// Appends a line to the transaction's comment, kept in the log file.
void idl_txn_comment(struct idl_txn *txn, const char *fmt, ...) PRINTF(2, 3);
// Checks without changing.
void idl_txn_set_dry_run(struct idl_txn *txn);
// Sends. When there is nothing to do or it cannot be sent, the status is final at once and 'done' is NOT called; else
// the status is IDL_INCOMPLETE and done(txn, aux) comes from the loop (NULL: ask idl_txn_status()). 'done' may destroy 'txn'.
enum idl_status idl_txn_commit(struct idl_txn *txn, void (*done)(struct idl_txn *txn, void *aux),
			       void *aux);
// Sends and runs the loop until the answer is there. For tools.
enum idl_status idl_txn_commit_block(struct idl_txn *txn);
enum idl_status idl_txn_status(const struct idl_txn *txn);
// After IDL_ERROR and IDL_ABORTED: the server's words as JSON, or ours.
const char *idl_txn_error(const struct idl_txn *txn);
// Adds 1 to an integer column of 'row' on the server as the transaction commits, provided that something else changes
// too, or 'force'; afterwards idl_txn_increment_value() is the new value.
void idl_txn_increment(struct idl_txn *txn, const struct idl_row *row, const char *column,
		       bool force);
int64_t idl_txn_increment_value(const struct idl_txn *txn);
// The real uuid of a row that the transaction inserted, after success; NULL for others.
const struct uuid *idl_txn_inserted_uuid(const struct idl_txn *txn, const struct uuid *provisional);

// The row becomes visible at once, with the columns' defaults. 'uuid' NULL: the server picks one.
struct idl_row *idl_insert(struct idl_txn *txn, const struct idl_table *t, const struct uuid *uuid);
// As above, with a provisional uuid of the caller's making (by which columns refer to the row before it is made); the
// server picks the real one.
struct idl_row *idl_insert_provisional(struct idl_txn *txn, const struct idl_table *t,
				       const struct uuid *uuid);
void idl_delete(const struct idl_row *row);
// Takes '*datum' over. A value equal to the replicated one is dropped.
void idl_write(const struct idl_row *row, const struct ovsdb_column *column,
	       struct ovsdb_datum *datum);
// The commit fails with IDL_TRY_AGAIN when the server's value is not the replica's any more.
void idl_verify(const struct idl_row *row, const struct ovsdb_column *column);
// Sends only the key (and value), as a mutation, not the whole column. Sets and maps; 'key' 'value' are taken over.
void idl_add_key(const struct idl_row *row, const struct ovsdb_column *column,
		 union ovsdb_atom *key, union ovsdb_atom *value);
void idl_remove_key(const struct idl_row *row, const struct ovsdb_column *column,
		    union ovsdb_atom *key);

// ---- Helpers of the generated accessors: by position in the class ----

const struct ovsdb_column *idl_row_column(const struct idl_row *row, unsigned int column);
void idl_set_integers(const struct idl_row *row, unsigned int column, const int64_t *v, size_t n);
void idl_set_reals(const struct idl_row *row, unsigned int column, const double *v, size_t n);
void idl_set_bools(const struct idl_row *row, unsigned int column, const bool *v, size_t n);
void idl_set_strings(const struct idl_row *row, unsigned int column, const char *const *v,
		     size_t n);
void idl_set_uuids(const struct idl_row *row, unsigned int column, const struct uuid *v, size_t n);
// NULL elements are left out.
void idl_set_rows(const struct idl_row *row, unsigned int column, const struct idl_row *const *v,
		  size_t n);
void idl_set_smap(const struct idl_row *row, unsigned int column, const struct smap *v);
// Maps: the arrays hold int64_t, char * or struct idl_row * by type.
void idl_set_map(const struct idl_row *row, unsigned int column, const void *keys,
		 const void *values, size_t n);
void idl_set_smap_key(const struct idl_row *row, unsigned int column, const char *key,
		      const char *value);
void idl_remove_smap_key(const struct idl_row *row, unsigned int column, const char *key);
