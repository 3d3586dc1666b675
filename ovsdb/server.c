// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/server-private.h"

#include "core/base/log.h"

LOG_MODULE(ovsdb_server);

static const char server_schema[] =
	"{\"name\":\"_Server\",\"version\":\"1.2.0\",\"cksum\":\"1094559590 "
	"0\",\"tables\":{\"Database\":{\"columns\":{"
	"\"name\":{\"type\":\"string\"},"
	"\"model\":{\"type\":{\"key\":{\"type\":\"string\",\"enum\":[\"set\",[\"standalone\","
	"\"clustered\",\"relay\"]]}}},"
	"\"connected\":{\"type\":\"boolean\"},\"leader\":{\"type\":\"boolean\"},"
	"\"schema\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":1}},"
	"\"cid\":{\"type\":{\"key\":\"uuid\",\"min\":0,\"max\":1}},"
	"\"sid\":{\"type\":{\"key\":\"uuid\",\"min\":0,\"max\":1}},"
	"\"index\":{\"type\":{\"key\":\"integer\",\"min\":0,\"max\":1}}},\"isRoot\":true}}}";

static void end_of_iteration(void *s_);

struct server *server_create(struct loop *l, bool relaxed_durability)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct server *s = xzalloc(sizeof(*s));
	struct ovsdb_schema *schema;
	int rc;

	s->loop = l;
	s->relaxed = relaxed_durability;
	strmap_init(&s->dbs);
	strmap_init(&s->locks);
	list_init(&s->sessions);
	list_init(&s->pending);
	uuid_generate(&s->id);
	rc = ovsdb_schema_read(&schema, (struct json_span){ server_schema, strlen(server_schema) },
			       &err);
	assert(!rc);
	s->server_db = xzalloc(sizeof(*s->server_db));
	s->server_db->name = xstrdup("_Server");
	s->server_db->store = store_create_in_memory(schema);
	s->server_db->read_only = true;
	publish_init_db(s, s->server_db);
	strmap_add(&s->dbs, "_Server", s->server_db);
	loop_add_hook(l, &s->hook, end_of_iteration, s);
	return s;
}

static void served_db_destroy(struct served_db *d)
{
	publish_uninit_db(d);
	store_close(d->store);
	free(d->name);
	free(d);
}

void server_destroy(struct server *s)
{
	struct strmap_node *node;

	if (!s)
		return;
	server_flush(s);
	while (!list_is_empty(&s->sessions))
		session_destroy(LIST_ENTRY(s->sessions.next, struct session, node));
	loop_remove_hook(&s->hook);
	STRMAP_FOR_EACH (node, &s->dbs)
		served_db_destroy(node->data);
	strmap_uninit(&s->dbs);
	strmap_uninit(&s->locks);
	free(s);
}

struct loop *server_loop(const struct server *s)
{
	return s->loop;
}

void server_on_change(struct server *s, void (*cb)(void *aux), void *aux)
{
	s->on_change = cb;
	s->on_change_aux = aux;
}

struct served_db *server_find_db(const struct server *s, const char *name)
{
	return strmap_get(&s->dbs, name);
}

struct db *served_db_data(const struct served_db *d)
{
	return d->store->db;
}

const char **server_db_names(const struct server *s, size_t *ret_n)
{
	AUTO_FREE struct strmap_node **sorted = strmap_sorted(&s->dbs);
	const char **names = xcalloc(strmap_count(&s->dbs) + 1, sizeof(*names));

	*ret_n = strmap_count(&s->dbs);
	for (size_t i = 0; i < *ret_n; i++)
		names[i] = sorted[i]->name;
	return names;
}

// ---- The row of each database in _Server ----

static void set_datum(struct db_txn *txn, struct db_row *row, const char *column,
		      union ovsdb_atom atom)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, column);
	struct ovsdb_datum *d = db_txn_modify(txn, row, c);

	ovsdb_datum_uninit(d, &c->type);
	d->n = 1;
	d->keys = xmemdup(&atom, sizeof(atom));
	if (c->type.key.type == OVSDB_STRING)
		d->keys[0].string = xstrdup(atom.string);
}

static void announce_db(struct server *s, struct served_db *d)
{
	struct db *db = s->server_db->store->db;
	struct error err = ERROR_INIT;
	AUTO(strbuf) schema = STRBUF_INIT;
	struct json_writer w;
	struct db_txn *txn = db_txn_begin(db);
	struct db_row *row;

	json_writer_init(&w, &schema);
	ovsdb_schema_write(d->store->db->schema, &w);
	uuid_generate(&d->row);
	row = db_txn_insert(txn, db_table(db, "Database"), &d->row);
	set_datum(txn, row, "name", (union ovsdb_atom){ .string = d->name });
	set_datum(txn, row, "model", (union ovsdb_atom){ .string = (char *)"standalone" });
	set_datum(txn, row, "connected", (union ovsdb_atom){ .boolean = true });
	set_datum(txn, row, "leader", (union ovsdb_atom){ .boolean = true });
	set_datum(txn, row, "schema", (union ovsdb_atom){ .string = schema.s });
	if (server_commit(s, s->server_db, txn, &err))
		log_err("_Server: %s", err.text);
}

static void withdraw_db(struct server *s, struct served_db *d)
{
	struct db *db = s->server_db->store->db;
	struct db_row *row = db_row_find(db_table(db, "Database"), &d->row);
	struct error err = ERROR_INIT;
	struct db_txn *txn;

	if (!row)
		return;
	txn = db_txn_begin(db);
	db_txn_delete(txn, row);
	if (server_commit(s, s->server_db, txn, &err))
		log_err("_Server: %s", err.text);
}

// Clients that do not follow _Server learn of a change by losing the connection.
static void disconnect_unaware(struct server *s)
{
	struct session *c, *next;

	LIST_FOR_EACH_SAFE (c, next, node, &s->sessions)
		if (!c->change_aware && jsonrpc_session_is_connected(c->js))
			jsonrpc_session_force_reconnect(c->js);
}

int server_add_db(struct server *s, const char *path, struct error *err)
{
	struct store *store;
	struct served_db *d;
	int rc = store_open(&store, path, OVSDB_LOG_WRITE, NULL, err);

	if (rc)
		return rc;
	if (server_find_db(s, store->db->schema->name)) {
		error_set(err, -EEXIST, "%s: a database named %s is served already", path,
			  store->db->schema->name);
		store_close(store);
		return -EEXIST;
	}
	d = xzalloc(sizeof(*d));
	d->name = xstrdup(store->db->schema->name);
	d->store = store;
	publish_init_db(s, d);
	strmap_add(&s->dbs, d->name, d);
	announce_db(s, d);
	disconnect_unaware(s);
	return 0;
}

int server_remove_db(struct server *s, const char *name, struct error *err)
{
	struct served_db *d = server_find_db(s, name);
	struct session *c, *next;

	if (!d || d == s->server_db)
		return error_set(err, -ENOENT, "%s: no database by that name is open", name);
	server_flush(s);
	LIST_FOR_EACH_SAFE (c, next, node, &s->sessions) {
		session_drop_triggers(c, d);
		session_cancel_monitors(c, d);
	}
	strmap_take(&s->dbs, name);
	withdraw_db(s, d);
	disconnect_unaware(s);
	served_db_destroy(d);
	return 0;
}

int server_compact(struct server *s, const char *name, struct error *err)
{
	struct served_db *d = server_find_db(s, name);

	if (!d || d == s->server_db)
		return error_set(err, -ENOENT, "%s: no database by that name is open", name);
	server_flush(s);
	return store_compact(d->store, "compacting database online", err);
}

// ---- The commit pipeline ----

// Takes 'p' over.
void server_queue(struct server *s, struct pending *p)
{
	list_push_back(&s->pending, &p->node);
	if (!p->txn || db_txn_is_empty(p->txn))
		return;
	s->changed = true;
	uuid_generate(&p->state);
	publish_changed(p->db);
	store_append(p->db->store, p->txn);
	publish_prepare(s, p);
}

int server_commit(struct server *s, struct served_db *d, struct db_txn *txn, struct error *err)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct pending *p;

	if (db_txn_commit(txn, &oe))
		return error_set(err, -EINVAL, "%s: %s", oe.tag, oe.details);
	p = xzalloc(sizeof(*p));
	p->db = d;
	p->txn = txn;
	server_queue(s, p);
	return 0;
}

// The session is going away: nothing may be sent to it any more.
void server_forget_session(struct server *s, struct session *c)
{
	struct pending *p;

	LIST_FOR_EACH (p, node, &s->pending) {
		if (p->session == c)
			p->session = NULL;
		for (size_t i = 0; i < p->updates.n; i++)
			if (p->updates.v[i].session == c)
				p->updates.v[i].session = NULL;
	}
}

static void pending_free(struct pending *p)
{
	publish_forget(p);
	strbuf_uninit(&p->results);
	free(p->id);
	free(p);
}

static void deliver(struct pending *p)
{
	publish_deliver(p);
	if (p->session)
		publish_reply(p->session, &p->id, &p->results);
	if (p->txn && db_txn_is_empty(p->txn))
		db_txn_finish(p->txn);
	else if (p->txn)
		history_take(p->db->history, p->txn, &p->state);
	pending_free(p);
}

static void fail(struct pending *p, const struct error *why)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct json_writer w;

	if (p->session) {
		strbuf_clear(&p->results);
		strbuf_putc(&p->results, '[');
		for (size_t i = 0; i < p->n_ops; i++)
			strbuf_puts(&p->results, "null,");
		ovsdb_error_set(&err, "I/O error", "%s", why->text);
		json_writer_init(&w, &p->results);
		ovsdb_error_write(&err, &w);
		strbuf_putc(&p->results, ']');
		publish_reply(p->session, &p->id, &p->results);
	}
	pending_free(p);
}

static bool wants_sync(const struct server *s, const struct served_db *d)
{
	struct pending *p;

	if (!s->relaxed)
		return true;
	LIST_FOR_EACH (p, node, &s->pending)
		if (p->db == d && p->txn && p->txn->durable)
			return true;
	return false;
}

static void undo_pending(struct list *batch, const struct served_db *d)
{
	for (struct list *n = batch->prev; n != batch; n = n->prev) {
		struct pending *p = LIST_ENTRY(n, struct pending, node);

		if (p->db == d && p->txn) {
			db_txn_rollback(p->txn);
			p->txn = NULL;
		}
	}
}

// Flushes one database's part of the batch; on failure its transactions are undone and answered.
static void flush_db(struct server *s, struct served_db *d, struct list *batch)
{
	struct error err = ERROR_INIT;
	struct pending *p, *next;
	bool sync = wants_sync(s, d);

	if (!store_flush(d->store, sync, &err))
		return;
	log_err("%s; undoing what was not acknowledged", err.text);
	undo_pending(batch, d);
	LIST_FOR_EACH_SAFE (p, next, node, batch) {
		if (p->db != d)
			continue;
		list_remove(&p->node);
		fail(p, &err);
	}
}

void server_flush(struct server *s)
{
	struct strmap_node *node;

	if (s->flushing || list_is_empty(&s->pending))
		return;
	s->flushing = true;
	STRMAP_FOR_EACH (node, &s->dbs)
		flush_db(s, node->data, &s->pending);
	while (!list_is_empty(&s->pending))
		deliver(LIST_ENTRY(list_pop_front(&s->pending), struct pending, node));
	publish_catch_up(s);
	s->flushing = false;
}

static void compact_grown(struct server *s)
{
	struct strmap_node *node;
	struct error err;

	STRMAP_FOR_EACH (node, &s->dbs) {
		struct served_db *d = node->data;

		if (!store_wants_compaction(d->store))
			continue;
		if (store_compact(d->store, "compacting database online", &err))
			log_warn("%s: compaction failed: %s", d->name, err.text);
		else
			log_info("%s: database file compacted", d->name);
	}
}

static void reap_sessions(struct server *s)
{
	struct session *c, *next;

	LIST_FOR_EACH_SAFE (c, next, node, &s->sessions) {
		struct jsonrpc *rpc = jsonrpc_session_rpc(c->js);

		if (rpc && jsonrpc_backlog(rpc) > MAX_BACKLOG) {
			log_warn("%s: does not read: %zu bytes are waiting; disconnecting",
				 jsonrpc_session_name(c->js), jsonrpc_backlog(rpc));
			jsonrpc_session_force_reconnect(c->js);
		}
		if (c->accepted && jsonrpc_session_is_dead(c->js))
			session_destroy(c);
	}
}

static void end_of_iteration(void *s_)
{
	struct server *s = s_;
	bool changed = false;

	// Delivering makes nothing new, but triggers that now come true do.
	do {
		server_flush(s);
		changed |= s->changed;
		if (!s->changed)
			break;
		s->changed = false;
	} while (server_run_triggers(s) || s->changed);
	server_flush(s);
	publish_catch_up(s);
	if (changed) {
		compact_grown(s);
		if (s->on_change)
			s->on_change(s->on_change_aux);
		server_flush(s);
	}
	reap_sessions(s);
}

size_t server_n_sessions(const struct server *s)
{
	return list_size(&s->sessions);
}

size_t server_n_monitors(const struct server *s)
{
	struct session *c;
	size_t n = 0;

	LIST_FOR_EACH (c, node, &s->sessions)
		n += c->watches.n;
	return n;
}
