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
	struct hmap_node node; // in idl_table.rows
	struct idl_row *row;
	struct idl_table *table;
	bool exists; // the server has it; else it is inserted, or only referred to
	struct list out, in; // struct idl_arc
	struct ovsdb_datum *old; // the server's values, by column index
	uint64_t *column_seqno; // when each changed last
	bool dirty; // in idl.dirty
	struct list dirty_node;
	// What the open transaction did.
	struct list txn_node; // in idl_txn.rows
	bool in_txn, inserted, deleted;
	bool keep_uuid; // inserted with a uuid chosen here
	bool *written, *verify; // by column index
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
	uint64_t seqno;
};

enum { MODE_MONITORED = 2 }; // beside IDL_ALERT

enum idl_state { IDL_WAITING, IDL_SCHEMA_ASKED, IDL_MONITOR_ASKED, IDL_MONITORING };

struct idl {
	struct loop *loop;
	const struct idl_class *class;
	struct ovsdb_schema *schema;
	struct jsonrpc_session *js;
	char *remotes;
	bool retry, dead, use_v1;
	char *last_error;
	struct idl_table *tables;
	enum idl_state state;
	uint64_t next_id, state_id; // of requests
	uint64_t seqno;
	bool has_content, changed;
	int probe; // -1: default
	struct list dirty; // rows whose typed view must be made anew
	struct loop_hook hook;
	void (*on_change)(void *aux);
	void *on_change_aux;
	struct idl_txn *txn; // being built
	struct list outstanding; // sent
	char *lock;
	uint64_t lock_id;
	bool has_lock, lock_contended;
};

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

// ---- idl-update.c ----
void idl_update(struct idl *idl, struct json_span tables, bool v2);

// ---- idl-txn.c ----
struct idl *idl_txn_idl(const struct idl_txn *txn);
void idl_txn_reply(struct idl *idl, const struct jsonrpc_message *m);
void idl_txn_disconnected(struct idl *idl);
