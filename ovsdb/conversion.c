// SPDX-License-Identifier: Apache-2.0
// A served database gets another schema, in slices: some of its rows in each iteration of the loop, then a child process writes the
// file. Transactions that would change it wait until that is done, all else goes on with the database as it was. What takes memory
// apart that nobody uses any more goes in slices, too.
#include "core/base/counters.h"
#include "core/base/log.h"
#include "ovsdb/convert.h"
#include "ovsdb/server-private.h"

LOG_MODULE(ovsdb_conversion);

// In one slice: these take some milliseconds at the most.
#define ROWS_AT_ONCE 250

struct conversion {
	struct served_db *db;
	struct session *session; // who asked; NULL: gone
	char *id; // of the request
	struct db_conversion *rows; // at work; NULL: through
	struct db *new; // then
	struct db_writer writer;
};

// ---- Databases that nobody uses any more ----

struct grave {
	struct list node; // in server.graves
	struct db *db;
	struct db_txn *txn; // on it, that is dropped first; or NULL
};

void server_bury(struct server *s, struct db *db, struct db_txn *txn)
{
	struct grave *g = xzalloc(sizeof(*g));

	g->db = db;
	g->txn = txn;
	list_push_back(&s->graves, &g->node);
}

static void dig(struct grave *g, size_t n)
{
	if (g->txn) {
		if (!db_txn_finish_some(g->txn, n))
			g->txn = NULL;
		return;
	}
	if (db_destroy_some(g->db, n))
		return;
	list_remove(&g->node);
	free(g);
}

void server_free_graves(struct server *s)
{
	while (!list_is_empty(&s->graves))
		dig(LIST_ENTRY(s->graves.next, struct grave, node), SIZE_MAX);
}

// ---- The end ----

static void conversion_free(struct conversion *c)
{
	struct db_txn *txn = NULL;

	if (c->rows)
		c->new = db_conversion_end(c->rows, &txn);
	if (c->new)
		server_bury(c->db->server, c->new, txn);
	if (c->session)
		session_go_on(c->session);
	c->db->conversion = NULL;
	// Transactions may go on.
	c->db->server->changed = true;
	free(c->id);
	free(c);
}

static void fail(struct conversion *c, const struct ovsdb_error *err)
{
	if (c->session)
		session_reply_error(c->session, (struct json_span){ c->id, strlen(c->id) }, err);
	conversion_free(c);
}

static void succeed(struct conversion *c)
{
	struct strbuf done = { (char *)"{}", 2, 0 };
	struct served_db *d = c->db;
	struct db *new = c->new;

	c->new = NULL;
	server_db_replace(d->server, d, new, c->session);
	log_info("%s: converted to schema version %s", d->name,
		 new->schema->version ? new->schema->version : "(none)");
	if (c->session)
		session_reply(c->session, (struct json_span){ c->id, strlen(c->id) }, &done);
	conversion_free(c);
}

static void on_written(struct db_writer *w, const struct error *err)
{
	struct conversion *c = CONTAINER_OF(w, struct conversion, writer);
	struct ovsdb_error oe = OVSDB_ERROR_INIT;

	if (!err) {
		succeed(c);
		return;
	}
	ovsdb_error_set(&oe, "I/O error", "%s", err->text);
	fail(c, &oe);
}

// ---- On its way ----

// All rows are there.
static void write_file(struct conversion *c)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct error err = ERROR_INIT;
	struct db_txn *txn;

	c->new = db_conversion_end(c->rows, &txn);
	c->rows = NULL;
	if (!c->db->store->log) {
		succeed(c);
		return;
	}
	// Both would write the same file.
	compaction_cancel(c->db, "the database is converted");
	c->writer.done = on_written;
	if (db_writer_start(&c->writer, c->db, c->new, "converted by ovsdb-server", &err)) {
		ovsdb_error_set(&oe, "I/O error", "%s", err.text);
		fail(c, &oe);
	}
}

static void go_on(struct conversion *c)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	int rc = db_conversion_step(c->rows, ROWS_AT_ONCE, &err);

	counter_inc(COUNTER_OVSDB_CONVERSION_SLICE);
	if (rc < 0)
		fail(c, &err);
	else if (!rc)
		write_file(c);
}

bool server_do_slices(struct server *s)
{
	bool more = opening_go_on(s, ROWS_AT_ONCE);
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &s->dbs) {
		struct conversion *c = ((struct served_db *)node->data)->conversion;

		if (!c || !c->rows)
			continue;
		go_on(c);
		more = true;
	}
	if (!list_is_empty(&s->graves)) {
		dig(LIST_ENTRY(s->graves.next, struct grave, node), ROWS_AT_ONCE);
		counter_inc(COUNTER_OVSDB_FREE_SLICE);
		more = true;
	}
	return more;
}

void server_convert(struct session *by, struct json_span id, struct served_db *d,
		    struct ovsdb_schema *schema)
{
	struct conversion *c = xzalloc(sizeof(*c));

	// What it begins with is durable, or is undone before.
	server_flush(by->server);
	c->db = d;
	c->session = by;
	c->id = xstrndup(id.p, id.n);
	c->rows = db_conversion_begin(d->store->db, schema);
	d->conversion = c;
	jsonrpc_session_hold(by->js, true);
	loop_wake(by->server->loop);
}

void conversion_cancel(struct served_db *d, const char *why)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;

	if (!d->conversion)
		return;
	db_writer_cancel(&d->conversion->writer);
	ovsdb_error_set(&err, "canceled", "%s: %s", d->name, why);
	fail(d->conversion, &err);
}

void conversion_forget_session(struct session *c)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &c->server->dbs) {
		struct served_db *d = node->data;

		if (d->conversion && d->conversion->session == c)
			d->conversion->session = NULL;
	}
}

bool served_db_is_converting(const struct served_db *d)
{
	return d->conversion;
}
