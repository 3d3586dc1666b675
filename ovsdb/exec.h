// SPDX-License-Identifier: Apache-2.0
// The operations of a "transact" request (RFC 7047 section 5.2), run on a database in memory.
#pragma once

#include "ovsdb/db.h"

struct exec_context {
	bool read_only; // refuses insert, update, mutate, delete
	int64_t elapsed_msec; // since the request came: for "wait"
	// Does this client own the lock? NULL: it owns none.
	bool (*has_lock)(void *aux, const char *name);
	void *aux;
	// For role-based access control; may be NULL (rbac.h).
	const char *role, *client_id;
};

enum exec_status {
	EXEC_COMMITTED, // *ret_txn is a committed transaction (perhaps empty); results are final once it is durable
	EXEC_FAILED, // undone; the results say why
	EXEC_WAITING, // undone; a "wait" is not satisfied, run it again later
};

// 'params' is the JSON array [db-name, op...], the name already looked at. On COMMITTED and FAILED 'results' is the JSON array
// for the reply. On WAITING *ret_timeout_msec says how long to wait in all, INT64_MAX for ever.
enum exec_status ovsdb_execute(struct db *db, struct json_span params,
			       const struct exec_context *ctx, struct strbuf *results,
			       struct db_txn **ret_txn, int64_t *ret_timeout_msec);
// No operation in these 'params' changes anything or depends on anything but rows: "wait" and "assert" do.
bool ovsdb_only_reads(struct json_span params);
// The columns of 'row' as a JSON object: 'columns' (n of them), or all when NULL.
void ovsdb_row_write(const struct db_row *row, const struct ovsdb_column *const *columns, size_t n,
		     struct json_writer *w);
