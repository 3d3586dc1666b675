// SPDX-License-Identifier: Apache-2.0
// Changes to rows that were made elsewhere, as JSON: records of a log, updates of a monitor.
#pragma once

#include "ovsdb/db.h"

// 'r' stands before an object of columns: the row's values; every other column of a new row has its default. With 'is_diff', what has
// changed of a row that is there. A row that is not there is made.
int replay_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
	       struct json_reader *r, bool is_diff, struct ovsdb_error *err);
// As replay_row() without 'is_diff', and columns of a row that is there which are not named get their defaults.
int replay_whole_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		     struct json_reader *r, struct ovsdb_error *err);
// A row that is not there is an error.
int replay_delete(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		  struct ovsdb_error *err);
// Calls 'cb' for each member of the objects in {"TABLE": {"UUID": ...}}, with 'r' before what it is to read. Members whose
// names begin with '_' are no tables. The first error ends it.
typedef int replay_cb(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		      struct json_reader *r, void *aux, struct ovsdb_error *err);
// The same in slices: begin with { .reader = r }; '*n' rows at most, which are counted down: 1: there is more, 0: that was all, or negative.
struct replay {
	struct json_reader *reader;
	struct db_table *table; // at work; NULL: none
	bool begun;
};
int replay_some(struct replay *p, struct db_txn *txn, replay_cb *cb, void *aux, size_t *n,
		struct ovsdb_error *err);
int replay_tables(struct db_txn *txn, struct json_reader *r, replay_cb *cb, void *aux,
		  struct ovsdb_error *err);
