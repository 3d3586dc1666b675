// SPDX-License-Identifier: Apache-2.0
// What the last transactions on a database have changed: a client that comes back after a break, or reads slowly, is told of
// that at once, not of every row again.
//
// It begins, under an id of its own, when the database is opened, so that nothing older is ever taken for something it knows.
// One thread.
#pragma once

#include "ovsdb/db.h"

struct history;

// A row as it was after an earlier transaction and as it is, column by column: NULL where it was, or is, not there.
struct row_versions {
	const struct db_table *table;
	struct uuid uuid;
	const struct ovsdb_datum **old, **new; // one pointer per column
	union ovsdb_atom old_id[2]; // _uuid and _version, for old[0] and old[1]
	struct ovsdb_datum old_id_datum[2];
};

struct history *history_create(struct db *db);
void history_destroy(struct history *h);
// The state that the database is in: that of the last transaction taken.
const struct uuid *history_last(const struct history *h);
// Can history_changes() tell what has happened since?
bool history_knows(const struct history *h, const struct uuid *id);
// Will it still, after history_trim()?
bool history_keeps(const struct history *h, const struct uuid *id);
// What is remembered is added to '*n_txns' and '*n_rows'.
void history_count(const struct history *h, size_t *n_txns, size_t *n_rows);
// Takes a committed transaction, which nobody will undo, as what led to state 'id'; it is freed.
void history_take(struct history *h, struct db_txn *txn, const struct uuid *id);
// Forgets the oldest beyond 100 transactions, or more rows than the database has.
void history_trim(struct history *h);
// Calls 'cb' for every row that is not as it was in state 'id', which is known, tables together. What is shown is valid during the
// call. Every committed transaction must have been taken.
void history_changes(const struct history *h, const struct uuid *id,
		     void (*cb)(const struct row_versions *v, void *aux), void *aux);

// One row of a transaction, as history_changes() would show it; row_versions_uninit() frees.
void row_versions_of(struct row_versions *v, const struct db_txn_row *tr);
void row_versions_uninit(struct row_versions *v);
// The columns of a row as they are; free().
const struct ovsdb_datum **row_fields(const struct db_row *row);
