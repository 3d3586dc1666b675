// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/replica.h"

#include "core/base/log.h"
#include "ovsdb/relay.h"
#include "ovsdb/replay.h"
#include "ovsdb/server-private.h"

LOG_MODULE(ovsdb_replica);

// When nothing could be made of the source's answers, it is asked again after that.
#define RETRY_MSEC 8000
#define USUAL_MAX_BACKOFF_MSEC 8000
#define USUAL_PROBE_MSEC 60000
#define USUAL_RELAY_PROBE_MSEC 5000

// What is asked, one after the other.
enum step { ASK_SERVER_ID, ASK_AWARE, ASK_SCHEMA, ASK_SINCE, ASK_COND, ASK_NOTHING };

struct replica {
	struct server *server;
	struct served_db *db;
	struct jsonrpc_session *js;
	char *source;
	struct strset exclude;
	bool is_relay;
	int dscp;
	enum step step;
	enum replica_state state;
	struct error error;
	struct timer retry; // while connected, in REPLICA_ERROR
	struct uuid last; // state of the source that this one is at
};

static void set_state(struct replica *r, enum replica_state state)
{
	r->state = state;
	if (r->is_relay)
		server_db_set_connected(r->server, r->db, state == REPLICA_FOLLOWS);
}

// The source, which does not say when what was wrong is right, is asked again later, on another connection.
static void fail(struct replica *r, const char *fmt, ...)
{
	va_list args;
	AUTO_FREE char *text = NULL;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	if (r->state != REPLICA_ERROR || strcmp(r->error.text, text) != 0)
		log_err("%s: cannot follow %s: %s", r->db->name, r->source, text);
	error_set(&r->error, -EPROTO, "%s", text);
	set_state(r, REPLICA_ERROR);
	r->step = ASK_NOTHING;
	timer_in(&r->retry, RETRY_MSEC);
}

// ---- Asking ----

static void put_table(struct json_writer *w, const struct ovsdb_table_schema *ts)
{
	jw_key(w, ts->name);
	jw_array_begin(w);
	jw_object_begin(w);
	jw_key(w, "columns");
	jw_array_begin(w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		jw_string(w, ts->columns[i]->name);
	jw_array_end(w);
	jw_object_end(w);
	jw_array_end(w);
}

static bool is_excluded(const struct replica *r, const char *table)
{
	AUTO_FREE char *name = xasprintf("%s:%s", r->db->name, table);

	return strset_contains(&r->exclude, name);
}

static void put_monitor(struct replica *r, struct json_writer *w)
{
	const struct ovsdb_schema *schema = r->db->store->db->schema;

	jw_string(w, r->db->name);
	jw_string(w, "replica");
	jw_object_begin(w);
	for (size_t i = 0; i < schema->n_tables; i++)
		if (!is_excluded(r, schema->tables[i]->name))
			put_table(w, schema->tables[i]);
	jw_object_end(w);
	if (r->step == ASK_SINCE) {
		AUTO_FREE char *last = xasprintf(UUID_FMT, UUID_ARGS(&r->last));

		jw_string(w, last);
	}
}

static void ask(struct replica *r, enum step step)
{
	static const char *const methods[] = { "get_server_id", "set_db_change_aware", "get_schema",
					       "monitor_cond_since", "monitor_cond" };
	struct jsonrpc *rpc = jsonrpc_session_rpc(r->js);
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;

	r->step = step;
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	if (step == ASK_AWARE)
		jw_bool(&w, true);
	else if (step == ASK_SCHEMA)
		jw_string(&w, r->db->name);
	else if (step >= ASK_SINCE)
		put_monitor(r, &w);
	jw_array_end(&w);
	if (rpc)
		jsonrpc_send_request(rpc, methods[step], &params, step);
}

// ---- What the source's rows are ----

static int apply_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		     struct json_reader *j, void *aux, struct ovsdb_error *err)
{
	const char *key;
	size_t len;
	int rc = 0;

	json_object(j);
	while (!rc && json_member(j, &key, &len)) {
		if (json_key_is(key, len, "delete")) {
			json_skip(j);
			rc = replay_delete(txn, t, uuid, err);
		} else if (json_key_is(key, len, "modify")) {
			rc = db_row_find(t, uuid)
				     ? replay_row(txn, t, uuid, j, true, err)
				     : ovsdb_error_set(err, OVSDB_SYNTAX,
						       "row " UUID_FMT
						       " of table %s is modified but not there",
						       UUID_ARGS(uuid), t->schema->name);
		} else if (json_key_is(key, len, "insert") || json_key_is(key, len, "initial")) {
			rc = replay_whole_row(txn, t, uuid, j, err);
		} else {
			json_fail(j, "unknown member \"%.*s\" in an update", (int)MIN(len, 40u),
				  key);
		}
	}
	return rc ? rc : json_failed(j) ? ovsdb_error_from_json(err, j) : 0;
}

struct named_rows {
	struct hmap uuids; // struct named_row
};

struct named_row {
	struct hmap_node node;
	struct uuid uuid;
};

static int note_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		    struct json_reader *j, void *rows_, struct ovsdb_error *err)
{
	struct named_rows *rows = rows_;
	struct named_row *n = xzalloc(sizeof(*n));

	json_skip(j);
	n->uuid = *uuid;
	hmap_insert(&rows->uuids, &n->node, uuid_hash(uuid));
	return 0;
}

static bool is_named(const struct named_rows *rows, const struct uuid *uuid)
{
	struct named_row *n;

	HMAP_FOR_EACH_WITH_HASH (n, node, uuid_hash(uuid), &rows->uuids)
		if (uuid_equal(&n->uuid, uuid))
			return true;
	return false;
}

// Rows that the source does not have go.
static void delete_others(struct replica *r, struct db_txn *txn, const struct named_rows *rows)
{
	struct db *db = txn->db;

	for (size_t i = 0; i < db->schema->n_tables; i++) {
		struct db_row *row, *next;

		if (is_excluded(r, db->schema->tables[i]->name))
			continue;
		for (row = db_row_first(&db->tables[i]); row; row = next) {
			next = db_row_next(&db->tables[i], row);
			if (!is_named(rows, db_row_uuid(row)))
				db_txn_delete(txn, row);
		}
	}
}

static bool has_rows(const struct db *db)
{
	for (size_t i = 0; i < db->schema->n_tables; i++)
		if (db->tables[i].n_rows)
			return true;
	return false;
}

static int apply_reset(struct replica *r, struct db_txn *txn, struct json_span updates,
		       struct ovsdb_error *err)
{
	struct named_rows rows;
	struct named_row *n;
	struct json_reader j;
	int rc;

	hmap_init(&rows.uuids);
	json_reader_init_checked(&j, updates);
	rc = replay_tables(txn, &j, note_row, &rows, err);
	json_reader_uninit(&j);
	if (!rc)
		delete_others(r, txn, &rows);
	HMAP_FOR_EACH_SAFE (n, node, &rows.uuids)
		free(n);
	hmap_uninit(&rows.uuids);
	return rc;
}

// To the disk at once: what cannot be written is undone, and the source does not tell it again by itself.
static int commit(struct replica *r, struct db_txn *txn, struct error *err)
{
	const struct ovsdb_log *log = r->db->store->log;
	const char *failure;

	if (server_commit(r->server, r->db, txn, err))
		return err->code;
	if (!log || !ovsdb_log_has_unflushed(log))
		return 0;
	server_flush(r->server);
	failure = served_db_failure(r->db);
	return failure ? error_set(err, -EIO, "%s", failure) : 0;
}

// 'reset': these are all rows that there are.
static int apply(struct replica *r, struct json_span updates, bool reset)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct error commit_err = ERROR_INIT;
	struct db_txn *txn = db_txn_begin(r->db->store->db);
	struct json_reader j;
	int rc = reset && has_rows(txn->db) ? apply_reset(r, txn, updates, &err) : 0;

	if (!rc) {
		json_reader_init_checked(&j, updates);
		rc = replay_tables(txn, &j, apply_row, NULL, &err);
		json_reader_uninit(&j);
	}
	if (rc) {
		db_txn_rollback(txn);
		fail(r, "%s: %s", err.tag, err.details);
	} else if ((rc = commit(r, txn, &commit_err))) {
		fail(r, "%s", commit_err.text);
	}
	return rc;
}

static bool read_state(struct json_reader *j, struct uuid *ret)
{
	AUTO_FREE char *text = json_string_dup(j);

	return text && uuid_parse(ret, text);
}

// [found, last-txn-id, updates] or (without 'since') updates.
static void take_contents(struct replica *r, struct json_span result, bool since)
{
	struct json_span updates = result;
	struct uuid last = { { 0 } };
	struct json_reader j;
	bool found = false, ok = true;

	if (since) {
		json_reader_init_checked(&j, result);
		json_array(&j);
		ok = json_element(&j);
		found = ok && json_bool(&j);
		ok = ok && json_element(&j) && read_state(&j, &last) && json_element(&j);
		if (ok)
			updates = json_skip(&j);
		ok = ok && !json_failed(&j);
		json_reader_uninit(&j);
	}
	if (!ok) {
		fail(r, "the answer to monitor_cond_since is not one");
		return;
	}
	r->step = ASK_NOTHING;
	if (apply(r, updates, !found))
		return;
	r->last = last;
	log_info("%s: follows %s", r->db->name, r->source);
	set_state(r, REPLICA_FOLLOWS);
	if (r->is_relay)
		relay_connected(r->db);
}

static void take_schema(struct replica *r, struct json_span text)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *schema;
	bool same;

	if (ovsdb_schema_read(&schema, text, &err)) {
		fail(r, "schema: %s", err.details);
		return;
	}
	same = ovsdb_schema_equal(schema, r->db->store->db->schema);
	if (!same && !r->is_relay) {
		ovsdb_schema_destroy(schema);
		fail(r, "its schema is another");
		return;
	}
	if (same) {
		ovsdb_schema_destroy(schema);
	} else {
		memset(&r->last, 0, sizeof(r->last));
		server_db_reset(r->server, r->db, schema);
	}
	ask(r, ASK_SINCE);
}

static bool is_own_id(struct replica *r, struct json_span result)
{
	AUTO_FREE char *own = xasprintf("\"" UUID_FMT "\"", UUID_ARGS(&r->server->id));

	return result.n == strlen(own) && !memcmp(result.p, own, result.n);
}

static void take_reply(struct replica *r, const struct jsonrpc_message *m)
{
	bool ok = m->type == JSONRPC_REPLY;

	switch (r->step) {
	case ASK_SERVER_ID:
		// An old server that has no id is another one.
		if (ok && is_own_id(r, m->result))
			fail(r, "this is the server itself");
		else
			ask(r, ASK_AWARE);
		break;
	case ASK_AWARE:
		ask(r, ASK_SCHEMA);
		break;
	case ASK_SCHEMA:
		if (ok)
			take_schema(r, m->result);
		else
			fail(r, "get_schema: %.*s", (int)MIN(m->error.n, 200u), m->error.p);
		break;
	case ASK_SINCE:
	case ASK_COND:
		if (ok)
			take_contents(r, m->result, r->step == ASK_SINCE);
		else if (r->step == ASK_SINCE)
			ask(r, ASK_COND);
		else
			fail(r, "monitor_cond: %.*s", (int)MIN(m->error.n, 200u), m->error.p);
		break;
	case ASK_NOTHING:
		break;
	}
}

// ["replica", updates] or ["replica", last-txn-id, updates].
static void take_update(struct replica *r, struct json_span params, bool with_state)
{
	struct uuid last = { { 0 } };
	struct json_span updates = { NULL, 0 };
	struct json_reader j;
	bool ok;

	json_reader_init_checked(&j, params);
	json_array(&j);
	ok = json_element(&j);
	if (ok)
		json_skip(&j);
	ok = ok && json_element(&j);
	if (ok && with_state)
		ok = read_state(&j, &last) && json_element(&j);
	if (ok)
		updates = json_skip(&j);
	ok = ok && !json_failed(&j);
	json_reader_uninit(&j);
	if (!ok)
		fail(r, "an update is not one");
	if (ok && !apply(r, updates, false)) {
		r->last = last;
		return;
	}
	// A copy that missed an update must be made anew.
	memset(&r->last, 0, sizeof(r->last));
	jsonrpc_session_force_reconnect(r->js);
}

static void take_notification(struct replica *r, const struct jsonrpc_message *m)
{
	if (r->state != REPLICA_FOLLOWS)
		return;
	if (!strcmp(m->method, "update2") || !strcmp(m->method, "update3"))
		take_update(r, m->params, m->method[6] == '3');
	else if (!strcmp(m->method, "monitor_canceled"))
		// The source has another schema, or no such database any more.
		jsonrpc_session_force_reconnect(r->js);
}

// ---- The connection ----

static void on_connected(void *r_)
{
	struct replica *r = r_;

	ask(r, ASK_SERVER_ID);
}

static void on_disconnected(void *r_)
{
	struct replica *r = r_;

	timer_cancel(&r->retry);
	r->step = ASK_NOTHING;
	// What was wrong is told until it is right.
	if (r->state == REPLICA_FOLLOWS)
		set_state(r, REPLICA_CONNECTING);
	if (r->is_relay)
		relay_disconnected(r->db);
}

static void on_retry(struct timer *t)
{
	jsonrpc_session_force_reconnect(CONTAINER_OF(t, struct replica, retry)->js);
}

static void on_message(void *r_, const struct jsonrpc_message *m)
{
	struct replica *r = r_;

	if (m->type == JSONRPC_NOTIFY)
		take_notification(r, m);
	else if (m->type != JSONRPC_REQUEST && r->step != ASK_NOTHING)
		take_reply(r, m);
	else if (m->type != JSONRPC_REQUEST && r->is_relay)
		relay_take_reply(r->db, m);
}

static const struct jsonrpc_session_events callbacks = { on_connected, on_disconnected,
							 on_message };

static void set_options(struct replica *r, const struct replica_options *o)
{
	int probe = r->is_relay ? USUAL_RELAY_PROBE_MSEC : USUAL_PROBE_MSEC;

	if (o->probe_msec >= 0)
		probe = o->probe_msec;
	jsonrpc_session_set_probe_interval(r->js, probe);
	jsonrpc_session_set_max_backoff(r->js, o->max_backoff_msec >= 0 ? o->max_backoff_msec
									: USUAL_MAX_BACKOFF_MSEC);
	if (o->dscp == r->dscp)
		return;
	r->dscp = o->dscp;
	jsonrpc_session_set_dscp(r->js, r->dscp);
	// It is marked when a connection is made.
	jsonrpc_session_force_reconnect(r->js);
}

struct replica *replica_create(struct server *s, struct served_db *d,
			       const struct replica_options *options)
{
	struct replica *r = xzalloc(sizeof(*r));
	struct strmap_node *node;

	r->server = s;
	r->db = d;
	r->source = xstrdup(options->source);
	r->is_relay = options->is_relay;
	r->step = ASK_NOTHING;
	timer_init(&r->retry, s->loop, on_retry);
	strset_init(&r->exclude);
	if (options->exclude)
		STRSET_FOR_EACH (node, options->exclude)
			strset_add(&r->exclude, node->name);
	r->js = jsonrpc_session_open(s->loop, r->source, true, &callbacks, r);
	set_options(r, options);
	return r;
}

void replica_destroy(struct replica *r)
{
	if (!r)
		return;
	jsonrpc_session_close(r->js);
	timer_cancel(&r->retry);
	strset_uninit(&r->exclude);
	free(r->source);
	free(r);
}

static bool same_set(const struct strset *a, const struct strset *b)
{
	struct strmap_node *node;

	if (strset_count(a) != (b ? strset_count(b) : 0))
		return false;
	STRSET_FOR_EACH (node, a)
		if (!strset_contains(b, node->name))
			return false;
	return true;
}

bool replica_adapt(struct served_db *d, const struct replica_options *options)
{
	struct replica *r = d->replica;

	if (!r || strcmp(r->source, options->source) != 0 ||
	    !same_set(&r->exclude, options->exclude))
		return false;
	set_options(r, options);
	return true;
}

enum replica_state replica_state(const struct replica *r)
{
	return r->state;
}

const char *replica_error(const struct replica *r)
{
	return r->error.text;
}

const struct strset *replica_exclude(const struct replica *r)
{
	return &r->exclude;
}

const char *replica_source(const struct replica *r)
{
	return r->source;
}

struct jsonrpc *replica_rpc(struct replica *r)
{
	return r->state == REPLICA_FOLLOWS ? jsonrpc_session_rpc(r->js) : NULL;
}
