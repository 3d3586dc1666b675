// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/server-private.h"

#include <malloc.h>

#include "core/base/heap.h"
#include "core/base/log.h"

LOG_MODULE(ovsdb_server);

static void end_of_iteration(void *s_);

struct server *server_create(struct loop *l, bool relaxed_durability)
{
	struct server *s = xzalloc(sizeof(*s));

	s->loop = l;
	s->relaxed = relaxed_durability;
	strmap_init(&s->dbs);
	strmap_init(&s->locks);
	list_init(&s->sessions);
	list_init(&s->pending);
	list_init(&s->attention);
	list_init(&s->watching);
	list_init(&s->triggers);
	list_init(&s->graves);
	list_init(&s->leaving);
	list_init(&s->openings);
	uuid_generate(&s->id);
	server_db_create_own(s);
	loop_add_hook(l, &s->hook, end_of_iteration, s);
	return s;
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
	server_cancel_openings(s);
	STRMAP_FOR_EACH (node, &s->dbs)
		server_db_destroy(node->data);
	server_free_graves(s);
	child_reap_all(s);
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

int server_find_column(const struct server *s, const char *spec, const struct db_table **ret_table,
		       const struct ovsdb_column **ret_column, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(spec);
	char *save = NULL, *db_name = strtok_r(copy, ",", &save);
	char *table_name = strtok_r(NULL, ",", &save), *column_name = strtok_r(NULL, ",", &save);
	const struct ovsdb_column *c;
	const struct db_table *t;
	struct served_db *d;

	if (!db_name || !table_name || !column_name)
		return error_set(err, -EINVAL, "db:%s: not of the form db:DATABASE,TABLE,COLUMN",
				 spec);
	d = server_find_db(s, db_name);
	if (!d)
		return error_set(err, -ENOENT, "db:%s: no database named %s", spec, db_name);
	t = db_table(served_db_data(d), table_name);
	if (!t)
		return error_set(err, -ENOENT, "db:%s: no table named %s", spec, table_name);
	c = ovsdb_table_column(t->schema, column_name);
	if (!c)
		return error_set(err, -ENOENT, "db:%s: no column named %s", spec, column_name);
	*ret_table = t;
	*ret_column = c;
	return 0;
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

// ---- The commit pipeline ----

// Takes 'p' over.
void server_queue(struct server *s, struct pending *p)
{
	list_push_back(&s->pending, &p->node);
	if (p->session)
		p->session->gathered += p->results.len;
	if (!p->txn || db_txn_is_empty(p->txn))
		return;
	s->changed = true;
	uuid_generate(&p->state);
	contents_changed(p->db);
	store_append(p->db->store, p->txn);
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
	struct strmap_node *node;
	struct pending *p;

	STRMAP_FOR_EACH (node, &s->dbs) {
		struct served_db *d = node->data;

		if (d->relay)
			relay_forget_session(d, c);
	}
	LIST_FOR_EACH (p, node, &s->pending)
		if (p->session == c)
			p->session = NULL;
}

static void pending_free(struct pending *p)
{
	strbuf_uninit(&p->results);
	free(p->id);
	free(p);
}

static bool is_news(const struct pending *p)
{
	return p->txn && !db_txn_is_empty(p->txn);
}

static void count_batch(struct server *s)
{
	struct strmap_node *node;
	struct pending *p;

	STRMAP_FOR_EACH (node, &s->dbs)
		((struct served_db *)node->data)->n_txns = 0;
	LIST_FOR_EACH (p, node, &s->pending)
		if (is_news(p) && !p->db->n_txns++)
			p->db->before = *history_last(p->db->history);
}

static void finish_txn(struct server *s, struct pending *p)
{
	if (!is_news(p)) {
		if (p->txn)
			db_txn_finish(p->txn);
		return;
	}
	if (p->db->n_txns == 1)
		publish_one(s, p->db, p->txn, &p->state);
	report_txn(p->txn);
	history_take(p->db->history, p->txn, &p->state);
}

// What has come to the disk is told, updates before replies.
static void deliver_batch(struct server *s)
{
	struct strmap_node *node;
	struct pending *p;

	publish_begin(s);
	count_batch(s);
	LIST_FOR_EACH (p, node, &s->pending)
		finish_txn(s, p);
	STRMAP_FOR_EACH (node, &s->dbs) {
		struct served_db *d = node->data;

		if (d->n_txns > 1)
			publish_since(s, d, &d->before);
	}
	while (!list_is_empty(&s->pending)) {
		p = LIST_ENTRY(list_pop_front(&s->pending), struct pending, node);
		if (p->session) {
			p->session->gathered = 0;
			publish_reply(p->session, &p->id, &p->results);
		}
		pending_free(p);
	}
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
	deliver_batch(s);
	s->flushing = false;
}

void server_trim_memory(struct server *s)
{
	if (s->trims)
		malloc_trim(0);
}

void server_set_trim(struct server *s, bool trim)
{
	s->trims = trim;
}

static void uncork(struct session *c)
{
	struct jsonrpc *rpc = jsonrpc_session_rpc(c->js);

	c->corked = false;
	if (rpc)
		jsonrpc_cork(rpc, false);
}

// What is there for a client that does not read has a limit; what it was told first does not count.
static void check_backlog(struct session *c)
{
	size_t waiting = session_backlog(c);

	c->contents = MIN(c->contents, waiting);
	if (waiting - c->contents <= MAX_BACKLOG)
		return;
	log_warn("%s: does not read: %zu bytes are waiting; disconnecting",
		 jsonrpc_session_name(c->js), waiting);
	jsonrpc_session_force_reconnect(c->js);
}

static void look_at(struct session *c)
{
	if (c->corked)
		uncork(c);
	check_backlog(c);
	if (c->accepted && jsonrpc_session_is_dead(c->js))
		session_destroy(c);
}

static void look_at_sessions(struct server *s)
{
	// One that goes may have something told to others.
	while (!list_is_empty(&s->attention))
		look_at(LIST_ENTRY(list_pop_front(&s->attention), struct session, attention_node));
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
	heap_note_growth();
	if (server_do_slices(s))
		loop_wake(s->loop);
	publish_catch_up(s);
	if (changed) {
		server_compact_grown(s);
		if (s->on_change)
			s->on_change(s->on_change_aux);
		server_flush(s);
	}
	look_at_sessions(s);
}

void server_disable_monitor_cond(struct server *s)
{
	s->no_monitor_cond = true;
	server_disconnect(s, NULL);
}
