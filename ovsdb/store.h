// SPDX-License-Identifier: Apache-2.0
// A database and its file: loading, appending committed transactions, flushing, compacting.
#pragma once

#include "ovsdb/db.h"
#include "ovsdb/log.h"

struct store {
	struct db *db;
	struct ovsdb_log *log; // NULL: in memory only
	size_t n_records; // since the last compaction
	off_t snapshot_size; // of the file when it was compacted last
	int64_t last_compaction; // clock_msec()
	struct error failure; // of the last flush; code 0: it succeeded
};

// Reads the whole file. 'how' says what is done when it is damaged or when a record does not fit. To salvage or to roll back
// (not with OVSDB_LOG_READ, which changes nothing) keeps a copy beside it, see ovsdb_log_keep_copy(), and writes it anew; each damaged
// range is logged. A file whose schema is damaged is always refused.
int store_open_damaged(struct store **ret, const char *path, enum ovsdb_log_mode mode,
		       const struct ovsdb_file_ops *ops, enum ovsdb_on_corruption how,
		       struct error *err);
// The same in slices. Takes the lock.
struct store_opening;
int store_opening_begin(struct store_opening **ret, const char *path, enum ovsdb_log_mode mode,
			const struct ovsdb_file_ops *ops, enum ovsdb_on_corruption how,
			struct error *err);
// As much work as 'n' rows are, give or take: 1: there is more, 0: that was all, or a negative errno.
int store_opening_step(struct store_opening *o, size_t n, struct error *err);
// The database's, borrowed; NULL before the file has said it.
const char *store_opening_name(const struct store_opening *o);
// Frees 'o'. The store, when the last step said 0; else NULL, nothing is open any more, and the caller has to drop *ret_txn and then *ret_db (either
// may be NULL).
struct store *store_opening_end(struct store_opening *o, struct db **ret_db,
				struct db_txn **ret_txn);
// With OVSDB_REFUSE.
int store_open(struct store **ret, const char *path, enum ovsdb_log_mode mode,
	       const struct ovsdb_file_ops *ops, struct error *err);
// Takes 'schema' over; no file.
struct store *store_create_in_memory(struct ovsdb_schema *schema);
// Writes a new file that holds only the schema.
int store_create_file(const char *path, const struct ovsdb_schema *schema, struct error *err);
void store_close(struct store *s);
// Puts a committed transaction into the log's buffer; false when it holds nothing that is kept on disk.
bool store_append(struct store *s, const struct db_txn *txn);
// Writes what was appended; with 'sync', to the platter. A broken log is first read again and compared with memory, and written
// anew from it when the two differ; memory must hold no transaction whose flush has not succeeded, but those appended.
int store_flush(struct store *s, bool sync, struct error *err);
// Rewrites the file as one snapshot. 'comment' may be NULL.
int store_compact(struct store *s, const char *comment, struct error *err);
// The same in three steps, for a process beside this one: begin here, write 'db' there, end here. Between, transactions are appended and
// flushed as ever; the end puts them behind what was written. 'result' is the writer's; when it is not 0, or the file has been
// written anew otherwise meanwhile, the file stays as it is.
struct store_rewrite;
int store_rewrite_begin(struct store *s, const char *comment, struct store_rewrite **ret,
			struct error *err);
int store_rewrite_write(const struct db *db, const struct store_rewrite *rw); // 0 or -errno
int store_rewrite_end(struct store *s, struct store_rewrite *rw, int result, struct error *err);
// Takes 'db' over, which the file holds already; returns the one it had before, the caller's now.
struct db *store_swap(struct store *s, struct db *db);
// Of its file; -1 when it has none. Borrowed.
int store_fd(const struct store *s);
// The file grew enough to be worth it.
bool store_wants_compaction(const struct store *s);
// Records (with headers) of the schema and all rows: also what "ovsdb-client backup" prints.
void store_format_snapshot(const struct db *db, const char *comment, struct strbuf *out);
// Applies one transaction record to 'db'. Refused as a whole when it does not fit.
int store_replay(struct db *db, struct json_span record, struct ovsdb_error *err);
