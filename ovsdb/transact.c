// SPDX-License-Identifier: Apache-2.0
// "transact" and "cancel": running requests, and running those again that wait.
#include "core/base/clock.h"
#include "ovsdb/server-private.h"

// The operations in [db, op...], and the database's name.
static char *parse_params(struct json_span params, size_t *ret_n_ops)
{
	struct json_reader r;
	char *name = NULL;
	size_t n = 0;

	json_reader_init_span(&r, params);
	json_array(&r);
	if (json_element(&r) && json_peek(&r) == JSON_STRING)
		name = json_string_dup(&r);
	while (name && json_element(&r)) {
		json_skip(&r);
		n++;
	}
	if (json_failed(&r)) {
		free(name);
		name = NULL;
	}
	json_reader_uninit(&r);
	*ret_n_ops = n;
	return name;
}

static enum exec_status run(struct session *c, struct served_db *d, struct json_span params,
			    size_t n_ops, struct json_span id, int64_t elapsed,
			    int64_t *ret_timeout)
{
	struct exec_context ctx = {
		.read_only = d->read_only || (c->group && c->group->read_only),
		.role = c->group ? c->group->role : NULL,
		.client_id = session_client_id(c),
		.elapsed_msec = elapsed,
		.has_lock = session_has_lock,
		.aux = c,
	};
	struct pending *p = xzalloc(sizeof(*p));
	enum exec_status status =
		ovsdb_execute(d->store->db, params, &ctx, &p->results, &p->txn, ret_timeout);

	if (status == EXEC_WAITING) {
		strbuf_uninit(&p->results);
		free(p);
		return status;
	}
	p->db = d;
	p->session = c;
	p->id = xstrndup(id.p, id.n);
	p->n_ops = n_ops;
	server_queue(c->server, p);
	return status;
}

static void trigger_destroy(struct trigger *t)
{
	timer_cancel(&t->timer);
	list_remove(&t->node);
	list_remove(&t->server_node);
	strbuf_uninit(&t->params);
	free(t->id);
	free(t);
}

// True when it is through.
static bool trigger_run(struct trigger *t)
{
	struct json_span params = { t->params.s, t->params.len };
	int64_t elapsed = clock_msec() - t->created, timeout;

	if (t->db->conversion)
		return false;
	t->deferred = false;
	if (run(t->session, t->db, params, t->n_ops, (struct json_span){ t->id, strlen(t->id) },
		elapsed, &timeout) == EXEC_WAITING) {
		if (timeout != INT64_MAX)
			timer_in(&t->timer, timeout - elapsed);
		return false;
	}
	trigger_destroy(t);
	return true;
}

static void on_timeout(struct timer *timer)
{
	trigger_run(CONTAINER_OF(timer, struct trigger, timer));
}

static struct trigger *wait_for_it(struct session *c, struct served_db *d,
				   const struct jsonrpc_message *m, size_t n_ops, int64_t timeout)
{
	struct trigger *t = xzalloc(sizeof(*t));

	t->session = c;
	t->db = d;
	t->id = xstrndup(m->id.p, m->id.n);
	t->n_ops = n_ops;
	t->created = clock_msec();
	strbuf_put(&t->params, m->params.p, m->params.n);
	list_push_back(&c->triggers, &t->node);
	list_push_back(&c->server->triggers, &t->server_node);
	timer_init(&t->timer, c->server->loop, on_timeout);
	if (timeout != INT64_MAX)
		timer_in(&t->timer, timeout);
	return t;
}

// While a database is converted, who only looks at it sees it as it was, unless he has asked for a change before. That comes first even
// when the conversion is over and what was deferred has not run yet.
static bool must_be_deferred(const struct session *c, const struct served_db *d,
			     struct json_span params)
{
	const struct trigger *t;

	LIST_FOR_EACH (t, node, &c->triggers)
		if (t->deferred && t->db == d)
			return true;
	return d->conversion && !ovsdb_only_reads(params);
}

void session_transact(struct session *c, const struct jsonrpc_message *m)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct served_db *d;
	int64_t timeout;
	size_t n_ops;
	AUTO_FREE char *name = parse_params(m->params, &n_ops);

	if (!name) {
		ovsdb_error_set(&err, OVSDB_SYNTAX,
				"transact request params must begin with <db-name>");
		session_reply_error(c, m->id, &err);
		return;
	}
	d = server_find_db(c->server, name);
	if (!d) {
		ovsdb_error_set(&err, "unknown database",
				"transact request specifies unknown database %s", name);
		session_reply_error(c, m->id, &err);
		return;
	}
	if (session_check_available(d, m->method, &err)) {
		session_reply_error(c, m->id, &err);
		return;
	}
	if (must_be_deferred(c, d, m->params))
		wait_for_it(c, d, m, n_ops, INT64_MAX)->deferred = true;
	else if (!relay_forward(c, d, m) &&
		 run(c, d, m->params, n_ops, m->id, 0, &timeout) == EXEC_WAITING)
		wait_for_it(c, d, m, n_ops, timeout);
}

static void reply_canceled(struct trigger *t)
{
	session_reply_raw_error(t->session, (struct json_span){ t->id, strlen(t->id) },
				(struct json_span){ "\"canceled\"", 10 });
}

static bool cancel_forwarded(struct session *c, struct json_span id)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &c->server->dbs) {
		struct served_db *d = node->data;

		if (d->relay && relay_cancel(d, c, id))
			return true;
	}
	return false;
}

void session_cancel(struct session *c, struct json_span params)
{
	struct json_span id = { NULL, 0 };
	struct trigger *t, *next;
	struct json_reader r;

	json_reader_init_span(&r, params);
	json_array(&r);
	if (json_element(&r))
		id = json_skip(&r);
	json_reader_uninit(&r);
	if (!id.p)
		return;
	if (cancel_forwarded(c, id))
		return;
	LIST_FOR_EACH_SAFE (t, next, node, &c->triggers) {
		if (json_equal((struct json_span){ t->id, strlen(t->id) }, id)) {
			reply_canceled(t);
			trigger_destroy(t);
			return;
		}
	}
}

bool server_run_triggers(struct server *s)
{
	struct trigger *t, *next;
	bool any = false;

	LIST_FOR_EACH_SAFE (t, next, server_node, &s->triggers)
		any |= trigger_run(t);
	return any;
}

// 'db' NULL: all of them, unanswered since the client is gone; else those on one database, cancelled, but not those that have not
// begun, unless 'deferred_too'.
void session_drop_triggers(struct session *c, const struct served_db *db, bool deferred_too)
{
	struct trigger *t, *next;

	LIST_FOR_EACH_SAFE (t, next, node, &c->triggers) {
		if (db && (t->db != db || (t->deferred && !deferred_too)))
			continue;
		if (db)
			reply_canceled(t);
		trigger_destroy(t);
	}
}
