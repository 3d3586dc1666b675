// SPDX-License-Identifier: Apache-2.0
// What the store's files share.
#pragma once

#include "ovsdb/replay.h"
#include "ovsdb/store.h"

// Is the column in the file?
bool store_keeps(const struct ovsdb_column *c);
// Reads the log again, after ovsdb_log_reread(), and compares it, with what was appended to it, to 's->db'.
int store_verify(struct store *s, struct error *err);

// ---- store-record.c ----
// A record that is applied in slices.
struct record_replay {
	struct db_txn *txn; // NULL: nothing is at work
	struct json_span record;
	bool salvaging; // what made a row may be lost
	bool is_diff;
	size_t step;
	struct json_reader reader;
	bool in_table;
	struct replay tables;
};
// 'record' is borrowed until the end; 'p' must stay where it is.
void record_replay_begin(struct record_replay *p, struct db *db, struct json_span record,
			 bool salvaging);
// As many rows as '*n' says, which is counted down: 1: there is more; 0: applied; else it did not fit and nothing has changed.
int record_replay_some(struct record_replay *p, size_t *n, struct ovsdb_error *err);
// Gives up in the middle; accepts one that is all zero, or through. Returns the transaction, the caller's to drop, or NULL.
struct db_txn *record_replay_abandon(struct record_replay *p);
