// SPDX-License-Identifier: Apache-2.0
// What the server's files share.
#pragma once

#include "core/base/vec.h"
#include "ovsdb/exec.h"
#include "ovsdb/monitor.h"
#include "ovsdb/relay.h"
#include "ovsdb/replica.h"
#include "ovsdb/server.h"

// What a client that does not read may have waiting before it is dropped.
#define MAX_BACKLOG ((size_t)256 << 20)
// The largest request a client may send.
#define MAX_REQUEST ((size_t)64 << 20)
// The same of one that has not sent a good one yet.
#define MAX_FIRST_REQUEST ((size_t)16 << 20)
// With more than that to be sent to a client, or gathered for it, its next requests wait.
#define OUTPUT_BUDGET ((size_t)1 << 20)

struct served_db {
	struct server *server;
	char *name;
	struct store *store;
	struct compaction *compaction; // at work
	struct conversion *conversion; // at work
	struct replica *replica; // follows another server's
	struct relay *relay; // its transactions are the source's
	bool connected; // has its contents
	bool read_only;
	struct uuid row; // in _Server
	// ---- contents.c ----
	struct list jobs; // struct contents_job
	// What a monitor that asked for 'contents_asked' was told at first; NULL once something has changed.
	struct shared_text *contents;
	char *contents_asked;
	struct timer contents_timer;
	// ---- publish.c ----
	struct history *history;
	// While a batch is delivered:
	size_t n_txns;
	struct uuid before; // the state before the first
};

// One executed transaction on its way to the disk.
struct pending {
	struct list node; // in server.pending
	struct served_db *db;
	struct db_txn *txn; // NULL when it failed
	struct uuid state; // that it leads to
	struct session *session; // who gets the reply; NULL: nobody
	char *id; // of the request, JSON text
	struct strbuf results;
	size_t n_ops;
};

// A transaction that waits for its "wait" operations to come true.
struct trigger {
	struct list node; // in session.triggers
	struct list server_node; // in server.triggers
	struct session *session;
	struct served_db *db;
	char *id;
	struct strbuf params;
	size_t n_ops;
	bool deferred; // waits for a conversion, and has not run yet
	int64_t created;
	struct timer timer;
};

struct lock_waiter {
	struct list node; // in lock.waiters; the first one owns it
	struct list session_node; // in session.locks
	struct lock *lock;
	struct session *session;
	bool stolen; // it owned it, and waits to get it back
};

struct lock {
	char *name;
	struct list waiters;
};

// What a client monitors.
struct watch {
	struct served_db *db;
	struct monitor *monitor;
	struct uuid told; // while it is behind: the state that it knows
};

struct held_reply {
	char *id;
	struct strbuf result;
};

struct session {
	struct list node; // in server.sessions
	struct list
		attention_node; // in server.attention, when it needs a look at the end of the iteration
	struct list watching_node; // in server.watching, while it monitors anything
	struct server *server;
	struct jsonrpc_session *js;
	struct session_group *group; // NULL: the server's own
	bool accepted, change_aware;
	VEC(struct watch) watches;
	bool behind; // it reads slowly: updates wait until they can be told together, and replies behind them
	VEC(struct held_reply) held;
	struct contents_job *awaits; // before anything else is told
	bool corked;
	bool trusted; // has sent a good request
	size_t gathered; // bytes of results that wait for the disk
	size_t contents; // bytes of first contents that are on their way
	struct list triggers;
	struct list locks;
};

struct server {
	struct loop *loop;
	struct strmap dbs; // struct served_db
	struct list sessions, pending;
	struct list attention, watching; // struct session
	struct list triggers; // struct trigger, of all sessions
	struct strmap locks; // struct lock
	struct list graves; // struct grave
	struct list leaving; // struct leaving_child
	struct list openings; // struct opening, the first is at work
	struct uuid id;
	bool relaxed;
	enum ovsdb_on_corruption on_corruption;
	bool trims; // memory is given back after compaction
	bool no_monitor_cond;
	bool changed; // something was committed: triggers may run
	bool flushing;
	struct loop_hook hook;
	struct served_db *server_db; // "_Server"
	void (*on_change)(void *aux);
	void *on_change_aux;
};

// ---- server.c ----
void server_queue(struct server *s, struct pending *p);
void server_forget_session(struct server *s, struct session *c);

void server_trim_memory(struct server *s);

// ---- server-report.c ----
// Logs the changes to tables that somebody wants logged.
void report_txn(const struct db_txn *txn);

// ---- server-db.c ----
// The database _Server.
void server_db_create_own(struct server *s);
void server_db_destroy(struct served_db *d);
// Serves what 'path' was read into, which is taken over; NULL, and an error, when there is one of that name.
struct served_db *server_serve(struct server *s, struct store *store, const char *path,
			       struct error *err);
// Empties a database in memory and gives it another schema, which is taken over. Its clients lose what they wait for and monitor.
void server_db_reset(struct server *s, struct served_db *d, struct ovsdb_schema *schema);
void server_db_set_connected(struct server *s, struct served_db *d, bool connected);
// Puts 'new' in the place of its rows, which go. All clients of the database lose what they wait for and monitor, but not transactions
// that waited for this; 'by' (or NULL) is not disconnected.
void server_db_replace(struct server *s, struct served_db *d, struct db *new,
		       const struct session *by);

// ---- opening.c ----
// A slice of 'n' rows of the file that is being read; false: there is none.
bool opening_go_on(struct server *s, size_t n);
// Of the database 'name'; false: it is not being read.
bool opening_cancel(struct server *s, const char *name);

// ---- conversion.c ----
// Begins to give 'd' another schema, which is taken over; no request of 'by' is taken until it is answered.
void server_convert(struct session *by, struct json_span id, struct served_db *d,
		    struct ovsdb_schema *schema);
void conversion_cancel(struct served_db *d, const char *why);
void conversion_forget_session(struct session *c);
// A slice of all that is done in slices; true: it is to be called again soon.
bool server_do_slices(struct server *s);
// Frees a database, after a transaction on it (or NULL), in slices.
void server_bury(struct server *s, struct db *db, struct db_txn *txn);
void server_free_graves(struct server *s);

// ---- child.c ----
#define CHILD_FD 3
// In a child process that has what the server had in memory: it ends with the server, and holds nothing of it open, neither
// connections nor the locks of files, but 'fd', which is CHILD_FD now, and 'other' (-1: nothing), the one behind that.
void child_begin(int fd, int other);
// One that is about to end by itself is waited for on the loop. Takes 'pidfd' over.
void child_reap(struct server *s, pid_t pid, int pidfd);
// Waits for them here and now.
void child_reap_all(struct server *s);

// ---- compaction.c ----
// A file that a child process writes anew; embed it.
struct db_writer {
	struct served_db *db;
	struct store_rewrite *rewrite;
	pid_t child; // 0: none
	int pidfd; // of it
	struct io_watch watch; // of what it says
	// The file is in place, or (with an error) as it was.
	void (*done)(struct db_writer *w, const struct error *err);
};
// Writes 'data' as the file of 'd'; 'done' is to be set. Nothing is to be done after an error.
int db_writer_start(struct db_writer *w, struct served_db *d, const struct db *data,
		    const char *comment, struct error *err);
// 'done' is not called.
void db_writer_cancel(struct db_writer *w);
void compaction_cancel(struct served_db *d, const char *why);
// Of the databases whose files have grown enough.
void server_compact_grown(struct server *s);

// ---- session.c: requests ----
// Something was, or is to be, sent to it, or it has gone: it is looked at when the iteration ends.
void session_note(struct session *c);
// The client does not monitor that, after all; nothing when it does not any more.
void session_forget_monitor(struct session *c, const struct monitor *m);
// Bytes that wait to be sent.
size_t session_backlog(const struct session *c);
void session_reply(struct session *c, struct json_span id, const struct strbuf *result);
void session_reply_error(struct session *c, struct json_span id, const struct ovsdb_error *err);
// 'text' between 'before' and 'after'.
void session_reply_shared(struct session *c, struct json_span id, const char *before,
			  struct shared_text *text, const char *after);
void session_reply_raw_error(struct session *c, struct json_span id, struct json_span error);
void session_notify(struct session *c, const char *method, const struct strbuf *params);
// A notification whose whole text is 'message'.
void session_send(struct session *c, const struct strbuf *message);
void session_message(struct session *c, const struct jsonrpc_message *m);
// A relay has no tables before it has reached its source.
int session_check_available(const struct served_db *d, const char *method, struct ovsdb_error *err);
// The name in the client's certificate, or NULL.
const char *session_client_id(const struct session *c);
void session_cancel_monitors(struct session *c, const struct served_db *d);
// Requests are taken again.
void session_go_on(struct session *c);

// ---- publish.c ----
void publish_init_db(struct server *s, struct served_db *d);
void publish_uninit_db(struct served_db *d);
// Before anything of a batch is told: who has too much waiting is told nothing.
void publish_begin(struct server *s);
// Tells of one transaction, while the rows are as it left them...
void publish_one(struct server *s, const struct served_db *d, const struct db_txn *txn,
		 const struct uuid *state);
// ...or of all that the history has taken since a state.
void publish_since(struct server *s, const struct served_db *d, const struct uuid *since);
// A reply that must not come before updates; takes '*id' and 'result' over when it has to wait.
void publish_reply(struct session *c, char **id, struct strbuf *result);
// When nothing is pending: tells slow clients what has gathered for them.
void publish_catch_up(struct server *s);
void publish_catch_up_one(struct session *c);
void publish_drop(struct session *c);
// Nothing more is told until publish_catch_up().
void publish_fall_behind(struct session *c);

// ---- contents.c ----
void contents_init_db(struct server *s, struct served_db *d);
// Nothing is kept, and nothing waited for, any more.
void contents_cancel(struct served_db *d);
// A transaction has changed the database, in memory.
void contents_changed(struct served_db *d);
// Answers a request for 'm', a new monitor of the client's on 'd', now or (no request of the client is taken until then) later.
// Nothing is pending.
void contents_tell(struct session *c, struct json_span id, struct served_db *d,
		   const struct monitor *m);
void contents_forget_session(struct session *c);

// ---- transact.c ----
void session_transact(struct session *c, const struct jsonrpc_message *m);
void session_cancel(struct session *c, struct json_span params);
// Runs the triggers again; true when one finished.
bool server_run_triggers(struct server *s);
void session_drop_triggers(struct session *c, const struct served_db *db, bool deferred_too);

// ---- lock.c ----
void session_lock(struct session *c, const struct jsonrpc_message *m, bool steal);
void session_unlock(struct session *c, const struct jsonrpc_message *m);
void session_drop_locks(struct session *c);
bool session_has_lock(void *session, const char *name);
