// SPDX-License-Identifier: Apache-2.0
// The databases that are served: coming, going, conversion, and what the database _Server says of them.
#include "core/base/log.h"
#include "ovsdb/server-private.h"

LOG_MODULE(ovsdb_server_db);

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

static struct served_db *add(struct server *s, struct store *store)
{
	struct served_db *d = xzalloc(sizeof(*d));

	d->server = s;
	d->name = xstrdup(store->db->schema->name);
	d->store = store;
	d->connected = true;
	publish_init_db(s, d);
	strmap_add(&s->dbs, d->name, d);
	return d;
}

void server_db_destroy(struct served_db *d)
{
	replica_destroy(d->replica);
	relay_destroy(d->relay);
	compaction_cancel(d, "the database is no longer served");
	conversion_cancel(d, "the database is no longer served");
	publish_uninit_db(d);
	server_bury(d->server, store_swap(d->store, NULL), NULL);
	store_close(d->store);
	free(d->name);
	free(d);
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

// New, or after its schema has changed.
static void announce(struct server *s, struct served_db *d)
{
	struct db *db = s->server_db->store->db;
	struct error err = ERROR_INIT;
	AUTO(strbuf) schema = STRBUF_INIT;
	struct db_txn *txn = db_txn_begin(db);
	struct db_row *row = db_row_find(db_table(db, "Database"), &d->row);
	struct json_writer w;

	if (!row) {
		uuid_generate(&d->row);
		row = db_txn_insert(txn, db_table(db, "Database"), &d->row);
	}
	json_writer_init(&w, &schema);
	ovsdb_schema_write(d->store->db->schema, &w);
	set_datum(txn, row, "name", (union ovsdb_atom){ .string = d->name });
	set_datum(txn, row, "model",
		  (union ovsdb_atom){ .string = (char *)(d->relay ? "relay" : "standalone") });
	set_datum(txn, row, "connected", (union ovsdb_atom){ .boolean = d->connected });
	set_datum(txn, row, "leader", (union ovsdb_atom){ .boolean = !d->relay });
	// A relay has none before its source has told.
	if (d->store->db->schema->n_tables)
		set_datum(txn, row, "schema", (union ovsdb_atom){ .string = schema.s });
	if (server_commit(s, s->server_db, txn, &err))
		log_err("_Server: %s", err.text);
}

static void withdraw(struct server *s, struct served_db *d)
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

// ---- Coming and going ----

void server_db_create_own(struct server *s)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *schema;
	int rc = ovsdb_schema_read(
		&schema, (struct json_span){ server_schema, strlen(server_schema) }, &err);

	assert(!rc);
	s->server_db = add(s, store_create_in_memory(schema));
	s->server_db->read_only = true;
	announce(s, s->server_db);
}

const char *served_db_failure(const struct served_db *d)
{
	return d->store->failure.code ? d->store->failure.text : NULL;
}

// Clients that do not follow _Server learn of a change by losing the connection.
static void disconnect_unaware(struct server *s, const struct session *but)
{
	struct session *c, *next;

	LIST_FOR_EACH_SAFE (c, next, node, &s->sessions)
		if (!c->change_aware && c != but && jsonrpc_session_is_connected(c->js))
			jsonrpc_session_force_reconnect(c->js);
}

void server_set_on_corruption(struct server *s, enum ovsdb_on_corruption how)
{
	s->on_corruption = how;
}

struct served_db *server_serve(struct server *s, struct store *store, const char *path,
			       struct error *err)
{
	struct served_db *d;

	if (server_find_db(s, store->db->schema->name)) {
		error_set(err, -EEXIST, "%s: a database named %s is served already", path,
			  store->db->schema->name);
		server_bury(s, store_swap(store, NULL), NULL);
		store_close(store);
		return NULL;
	}
	d = add(s, store);
	announce(s, d);
	disconnect_unaware(s, NULL);
	return d;
}

int server_add_db(struct server *s, const char *path, struct error *err)
{
	struct store *store;
	int rc = store_open_damaged(&store, path, OVSDB_LOG_WRITE, NULL, s->on_corruption, err);

	if (rc)
		return rc;
	return server_serve(s, store, path, err) ? 0 : -EEXIST;
}

// Nobody waits for it, or hears of it, any more.
static void detach_clients(struct server *s, struct served_db *d, bool deferred_too)
{
	struct session *c;

	server_flush(s);
	LIST_FOR_EACH (c, node, &s->sessions) {
		session_drop_triggers(c, d, deferred_too);
		session_cancel_monitors(c, d);
	}
}

int server_remove_db(struct server *s, const char *name, struct error *err)
{
	struct served_db *d = server_find_db(s, name);

	if (!d && opening_cancel(s, name))
		return 0;
	if (!d || d == s->server_db)
		return error_set(err, -ENOENT, "Failed to find the database.");
	conversion_cancel(d, "the database is no longer served");
	detach_clients(s, d, true);
	strmap_take(&s->dbs, name);
	withdraw(s, d);
	disconnect_unaware(s, NULL);
	server_db_destroy(d);
	return 0;
}

// ---- Copies of other servers' ----

int server_add_relay(struct server *s, const char *name, const struct replica_options *options,
		     struct error *err)
{
	struct replica_options of_relay = *options;
	AUTO_FREE char *text =
		xasprintf("{\"name\":\"%s\",\"version\":\"0.0.0\",\"tables\":{}}", name);
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct ovsdb_schema *schema;
	struct served_db *d;

	if (!ovsdb_id_is_valid(name))
		return error_set(err, -EINVAL, "relay:%s: not a database's name", name);
	if (server_find_db(s, name))
		return error_set(err, -EEXIST, "a database named %s is served already", name);
	if (ovsdb_schema_read(&schema, (struct json_span){ text, strlen(text) }, &oe))
		return error_set(err, -EINVAL, "relay:%s: %s", name, oe.details);
	d = add(s, store_create_in_memory(schema));
	d->connected = false;
	d->relay = relay_create(s, d);
	of_relay.is_relay = true;
	d->replica = replica_create(s, d, &of_relay);
	announce(s, d);
	disconnect_unaware(s, NULL);
	return 0;
}

void server_follow(struct server *s, struct served_db *d, const struct replica_options *options)
{
	conversion_cancel(d, "the database becomes a backup");
	replica_destroy(d->replica);
	d->replica = replica_create(s, d, options);
	d->read_only = true;
}

void server_unfollow(struct server *s, struct served_db *d)
{
	replica_destroy(d->replica);
	d->replica = NULL;
	d->read_only = false;
}

const struct replica *served_db_replica(const struct served_db *d)
{
	return d->replica;
}

bool served_db_is_relay(const struct served_db *d)
{
	return d->relay;
}

void server_db_set_connected(struct server *s, struct served_db *d, bool connected)
{
	if (d->connected == connected)
		return;
	d->connected = connected;
	announce(s, d);
}

void server_db_reset(struct server *s, struct served_db *d, struct ovsdb_schema *schema)
{
	detach_clients(s, d, true);
	publish_uninit_db(d);
	store_close(d->store);
	d->store = store_create_in_memory(schema);
	publish_init_db(s, d);
	s->changed = true;
	announce(s, d);
	disconnect_unaware(s, NULL);
}

// ---- Conversion ----

void server_db_replace(struct server *s, struct served_db *d, struct db *new,
		       const struct session *by)
{
	detach_clients(s, d, false);
	publish_uninit_db(d);
	server_bury(s, store_swap(d->store, new), NULL);
	publish_init_db(s, d);
	s->changed = true;
	announce(s, d);
	disconnect_unaware(s, by);
}
