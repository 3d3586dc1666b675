// SPDX-License-Identifier: Apache-2.0
// What the replica's files share, and what generated accessors need besides ovsdb/idl.h.
#pragma once

#include "core/io/jsonrpc.h"
#include "ovsdb/idl.h"

// Row -> row, because a column of 'src' refers to 'dst'.
struct idl_arc {
	struct list src_node, dst_node; // in src->out and dst->in
	struct idl_row_private *src, *dst;
};

// A key put into or taken out of a column by itself.
struct idl_partial {
	struct list node; // in idl_row_private.partials
	const struct ovsdb_column *column;
	union ovsdb_atom key, value;
	bool remove;
};

struct idl_row_private {
	struct hmap_node node; // in idl_table.rows, or in idl_table.graves
	struct idl_row *row;
	struct idl_table *table;
	bool exists; // the server has it; else it is inserted, or only referred to
	bool grave; // deleted, and kept until idl_track_clear()
	uint32_t generation; // idl.generation of the last content that had it
	struct list out, in; // struct idl_arc
	struct ovsdb_datum *old; // the server's values, by column index
	uint64_t *column_seqno; // when each changed last
	bool dirty; // in idl.dirty
	struct list dirty_node;
	struct list track_node; // in idl_table.tracked
	bool track_new;
	bool *track_columns; // by column index; NULL: none has changed
	struct idl_index_node *index_nodes; // its places in the table's indexes
	// What the open transaction did.
	struct list txn_node; // in idl_txn.rows
	bool in_txn, inserted, deleted;
	bool keep_uuid; // inserted with a uuid chosen here
	bool *written, *verify; // by column index; NULL while not in a transaction, and 'new' too
	struct ovsdb_datum *new; // where written
	struct list partials;
	size_t insert_index; // of its operation
};

struct idl_table {
	struct idl *idl;
	const struct idl_table_class *class;
	const struct ovsdb_table_schema *schema;
	struct hmap rows;
	bool monitored, server_has;
	uint8_t *modes; // by column index: MODE_*
	bool *server_has_column;
	bool *seen; // scratch: columns that an update has named
	uint64_t seqno;
	// Conditions as JSON text: what is to be sent, what the server is thinking about, what acts; NULL: all rows.
	char *condition, *condition_sent, *condition_acts;
	bool tracks; // some column has IDL_TRACK
	struct list tracked; // struct idl_row_private
	struct hmap graves;
	struct list indexes; // struct idl_index
};

enum { MODE_MONITORED = 4 }; // beside IDL_ALERT and IDL_TRACK

// The name of the monitor that brings the content, as JSON.
#define IDL_CONTENT "\"replica\""

enum idl_state {
	IDL_WAITING, // for a connection
	IDL_ASKED, // for the schema, and for what the server says of the database
	IDL_MONITOR_ASKED,
	IDL_MONITORING
};

// How the content is asked for, the best first.
enum idl_method { IDL_MONITOR_SINCE, IDL_MONITOR_COND, IDL_MONITOR };

// The database's row in _Server.
struct idl_database {
	bool known;
	struct uuid row;
	char *model;
	bool connected, leader;
	int64_t index; // -1: none
	struct uuid cid, sid; // zero: none
};

struct idl {
	struct loop *loop;
	const struct idl_class *class;
	struct ovsdb_schema *schema;
	struct jsonrpc_session *js;
	char *remotes;
	bool retry, dead, shuffle, leader_only;
	char *last_error;
	struct idl_table *tables;
	enum idl_state state;
	enum idl_method method;
	bool has_schema; // of this connection
	uint64_t next_id;
	// Requests on their way; 0: none.
	uint64_t server_id, schema_id, monitor_id, condition_id, lock_id;
	struct idl_database database;
	bool has_server; // it tells of its databases
	bool told_unfit;
	struct uuid cluster; // the only one to talk to; zero: any
	struct uuid index_cluster; // whose index was 'min_index'
	int64_t min_index;
	struct uuid
		last_id; // of the transaction that the content is the state after; zero: not known
	uint32_t generation; // of the content
	uint64_t seqno;
	// Of the conditions that act, of those that were sent, and the highest that a caller was told.
	uint64_t condition_seqno, condition_sent_seqno, condition_promised;
	bool conditions_refused; // those that were sent last
	bool has_content, changed;
	int probe, max_backoff; // -1, 0: default
	struct list dirty; // rows whose typed view must be made anew
	struct loop_hook hook;
	void (*on_change)(void *aux);
	void *on_change_aux;
	struct idl_txn *txn; // being built
	struct list outstanding; // sent
	char *lock;
	bool has_lock, lock_contended;
};

// ---- idl-connect.c ----
extern const struct jsonrpc_session_events idl_session_events;
uint64_t idl_send_request(struct idl *idl, const char *method, const struct strbuf *params);
// Looks again whether the server is one to talk to: on to the next one, or on to the content.
void idl_consider_server(struct idl *idl);
void idl_set_error(struct idl *idl, const char *text, size_t n);

// ---- idl-lock.c ----
void idl_send_lock(struct idl *idl);
void idl_lock_reply(struct idl *idl, const struct jsonrpc_message *m);
void idl_lock_notification(struct idl *idl, const struct jsonrpc_message *m, bool locked);

// ---- idl-server.c ----
// Takes in <table-updates2> of _Server. False when they cannot be read.
bool idl_server_update(struct idl *idl, struct json_span tables);
void idl_server_forget(struct idl *idl);
// What speaks against the content of this server, or NULL. free().
char *idl_server_unfit(struct idl *idl);

// ---- idl-condition.c ----
// Is the content what the owner's conditions let through?
bool idl_conditions_all_act(const struct idl *idl);
// monitor_cond_change where conditions are not what acts and nothing is on its way.
void idl_conditions_send(struct idl *idl);
void idl_conditions_reply(struct idl *idl, const struct jsonrpc_message *m);
// The content is asked for with the conditions as they are now; and it has come.
void idl_conditions_asked(struct idl *idl);
void idl_conditions_act(struct idl *idl);
// No answer will come any more.
void idl_conditions_reset(struct idl *idl);

// ---- idl-track.c ----
void idl_track_came(struct idl_row_private *p);
void idl_track_changed(struct idl_row_private *p, const struct ovsdb_column *c);
// The row has gone: kept where its table is tracked.
void idl_track_went(struct idl_row_private *p);
void idl_track_forget(struct idl_row_private *p);
// The grave of such a row, or NULL.
struct idl_row_private *idl_track_grave(const struct idl_table *t, const struct uuid *uuid);

// ---- idl-index.c ----
// Takes the row out of its indexes, before others are put in by new values.
void idl_index_leave(struct idl_row_private *p);
void idl_index_enter(struct idl_row_private *p);
void idl_indexes_destroy(struct idl_table *t);

// ---- idl-row.c ----
struct idl_row_private *idl_row_get(struct idl_table *t,
				    const struct uuid *uuid); // a ghost when new
struct idl_row_private *idl_row_lookup(const struct idl_table *t, const struct uuid *uuid);
bool idl_row_is_visible(const struct idl_row_private *p);
const struct ovsdb_datum *idl_row_datum(const struct idl_row_private *p,
					const struct ovsdb_column *c);
void idl_row_mark(struct idl_row_private *p);
// It appeared or went: those that refer to it look different.
void idl_row_mark_referrers(struct idl_row_private *p);
void idl_make_views(struct idl *idl);
void idl_row_free_if_ghost(struct idl_row_private *p);
void idl_row_reset_txn(struct idl_row_private *p);
void idl_clear(struct idl *idl);
void idl_partial_free(struct idl_partial *partial);

void idl_row_clear_arcs(struct idl_row_private *p);
void idl_row_free(struct idl_row_private *p);

// ---- idl-update.c ----
// {UUID: <value>, ...}: 'take' reads one value at each call.
void idl_read_rows(struct json_reader *r,
		   void (*take)(void *aux, const struct uuid *uuid, struct json_reader *r),
		   void *aux);
// <table-updates>, or <table-updates2>. False when they cannot be read: the content is not to be trusted then.
bool idl_update(struct idl *idl, struct json_span tables, bool v2);
// Content anew: rows of the old one that it does not have go. Answers as idl_update() does.
bool idl_replace(struct idl *idl, struct json_span tables, bool v2);

// ---- idl-txn.c ----
void idl_txn_reply(struct idl *idl, const struct jsonrpc_message *m);
void idl_txn_disconnected(struct idl *idl);
