// SPDX-License-Identifier: Apache-2.0
// The database server: databases, client sessions, and the commit pipeline between them.
//
// A transaction runs as soon as its request is read; its log record, the clients' updates and the reply are queued. At the end of
// the loop's iteration everything queued is written with one fsync (inline, on the loop's thread), and only then updates
// and replies are sent, in order. When that fails, the queued transactions are undone, newest first, and answered with
// "I/O error": nothing that was ever sent is lost.
#pragma once

#include "core/base/strmap.h"
#include "core/io/jsonrpc.h"
#include "ovsdb/store.h"

struct server;
struct served_db;

struct server *server_create(struct loop *l, bool relaxed_durability);
void server_destroy(struct server *s);
struct loop *server_loop(const struct server *s);

// ---- Databases ----

// For files that are opened from now on; OVSDB_SALVAGE unless it is called.
void server_set_on_corruption(struct server *s, enum ovsdb_on_corruption how);
// Opens the file and serves it under its schema's name.
int server_add_db(struct server *s, const char *path, struct error *err);
// The same in slices, while others are served: begins. 'cb' is told the database's name (borrowed) once it is served, or NULL and an error; not at
// all when this returns one.
typedef void server_opened_cb(void *aux, const char *name, const struct error *err);
int server_open_db(struct server *s, const char *path, server_opened_cb *cb, void *aux,
		   struct error *err);
// Those that have begun are told of an error.
void server_cancel_openings(struct server *s);
// Its clients are told, or disconnected when they did not say that they understand. One that is being read is read no further.
int server_remove_db(struct server *s, const char *name, struct error *err);
// NULL when there is none.
struct served_db *server_find_db(const struct server *s, const char *name);
struct db *served_db_data(const struct served_db *d);
// Its rows are not to be changed now.
bool served_db_is_converting(const struct served_db *d);
// Why the file could not be written when that was tried last; NULL when it could.
const char *served_db_failure(const struct served_db *d);
// The table and column that 'spec', "DATABASE,TABLE,COLUMN", names; borrowed, until the next transaction or change of databases.
int server_find_column(const struct server *s, const char *spec, const struct db_table **ret_table,
		       const struct ovsdb_column **ret_column, struct error *err);
// Names in order, "_Server" included; the array (not the names) is the caller's. *ret_n elements.
const char **server_db_names(const struct server *s, size_t *ret_n);
// Begins to write the file anew, if that is not being done; service goes on. 'cb' (may be NULL) is told of the end, with NULL or an
// error, and not at all when this returns one. A database without a file is done at once.
typedef void compaction_cb(void *aux, const struct error *err);
int server_compact(struct server *s, const char *name, compaction_cb *cb, void *aux,
		   struct error *err);
// Whether memory that is free is given back to the system after compaction.
void server_set_trim(struct server *s, bool trim);

// ---- Copies of other servers' databases (replica.h) ----

struct replica;
struct replica_options;
// Serves a copy, in memory, of the database 'name' of the server at the source; transactions go there.
int server_add_relay(struct server *s, const char *name, const struct replica_options *options,
		     struct error *err);
// From now on 'd' is a backup, which clients cannot write; or no more.
void server_follow(struct server *s, struct served_db *d, const struct replica_options *options);
void server_unfollow(struct server *s, struct served_db *d);
// NULL when it follows nothing.
const struct replica *served_db_replica(const struct served_db *d);
bool served_db_is_relay(const struct served_db *d);

// A transaction of the server itself: build it on served_db_data(), then hand it over.
int server_commit(struct server *s, struct served_db *d, struct db_txn *txn, struct error *err);
// 'cb' is called after transactions have changed something, from the loop.
void server_on_change(struct server *s, void (*cb)(void *aux), void *aux);
// Makes everything queued durable and sends what waits for that.
void server_flush(struct server *s);

// ---- Clients ----

struct session;

// What clients of one remote have in common; belongs to the remote, and outlives them.
struct session_group {
	size_t n; // clients that have been accepted
	bool read_only; // they may change nothing
	char *role; // for role-based access control; NULL or "": none
};

struct session *server_accept(struct server *s, struct stream *stream, struct session_group *g);
struct session *server_connect(struct server *s, const char *remote, struct session_group *g);
void session_destroy(struct session *c);
struct jsonrpc_session *session_jsonrpc(struct session *c);
// The names of the client's locks of one kind, separated by blanks. A stolen one it waits for, too.
enum lock_kind { LOCKS_HELD, LOCKS_WAITING, LOCKS_LOST };
void session_put_locks(const struct session *c, enum lock_kind kind, struct strbuf *out);
// Drops the clients of a remote, or (NULL) makes every client connect again.
void server_disconnect(struct server *s, const struct session_group *g);
// Inactivity probe for the clients of a remote.
void server_set_probe(struct server *s, const struct session_group *g, int msec);
// memory/show: what there is of everything.
void server_report_memory(const struct server *s, struct smap *usage);
// Logs what transactions do to a table's rows, or no more. False: no such table.
bool server_log_table(struct served_db *d, const char *table, bool on);
// For tests of clients: no conditional monitors from now on. All clients are disconnected.
void server_disable_monitor_cond(struct server *s);
