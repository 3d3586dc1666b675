// SPDX-License-Identifier: Apache-2.0
// One client: its requests and what the server keeps for it.
#include "ovsdb/server-private.h"

#include "core/base/log.h"

LOG_MODULE(ovsdb_session);

void session_note(struct session *c)
{
	if (list_is_empty(&c->attention_node))
		list_push_back(&c->server->attention, &c->attention_node);
}

size_t session_backlog(const struct session *c)
{
	struct jsonrpc *rpc = jsonrpc_session_rpc(c->js);

	return rpc ? jsonrpc_backlog(rpc) : 0;
}

// The connection, to send something on: what one iteration sends to a client goes in one piece.
static struct jsonrpc *connection(struct session *c)
{
	struct jsonrpc *rpc = jsonrpc_session_rpc(c->js);

	if (!rpc)
		return NULL;
	if (!c->corked)
		jsonrpc_cork(rpc, true);
	c->corked = true;
	session_note(c);
	return rpc;
}

void session_reply(struct session *c, struct json_span id, const struct strbuf *result)
{
	struct jsonrpc *rpc = connection(c);

	if (rpc)
		jsonrpc_send_reply(rpc, result->s, result->len, id);
}

void session_reply_error(struct session *c, struct json_span id, const struct ovsdb_error *err)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &text);
	ovsdb_error_write(err, &w);
	session_reply_raw_error(c, id, (struct json_span){ text.s, text.len });
}

void session_reply_shared(struct session *c, struct json_span id, const char *before,
			  struct shared_text *text, const char *after)
{
	struct jsonrpc *rpc = connection(c);

	if (rpc)
		jsonrpc_send_reply_shared(rpc, id, before, text, after);
}

void session_reply_raw_error(struct session *c, struct json_span id, struct json_span error)
{
	struct jsonrpc *rpc = connection(c);

	if (rpc)
		jsonrpc_send_error(rpc, error.p, error.n, id);
}

void session_notify(struct session *c, const char *method, const struct strbuf *params)
{
	struct jsonrpc *rpc = connection(c);

	if (rpc)
		jsonrpc_send_notify(rpc, method, params);
}

void session_send(struct session *c, const struct strbuf *message)
{
	struct jsonrpc *rpc = connection(c);

	if (rpc)
		jsonrpc_send_text(rpc, message);
}

static void reply_text(struct session *c, struct json_span id, const char *text)
{
	struct strbuf b = { (char *)text, strlen(text), 0 };

	session_reply(c, id, &b);
}

// ---- Parameters ----

// The elements of the params array, as many as 'max'; -1 when there are fewer than 'min' or more.
static int split_params(struct json_span params, struct json_span *out, size_t min, size_t max)
{
	struct json_reader r;
	size_t n = 0;
	bool ok = true;

	json_reader_init_span(&r, params);
	json_array(&r);
	while (json_element(&r)) {
		struct json_span s = json_skip(&r);

		if (n < max)
			out[n] = s;
		ok &= ++n <= max;
	}
	ok &= !json_failed(&r) && n >= min;
	json_reader_uninit(&r);
	return ok ? (int)n : -1;
}

static char *span_string(struct json_span s)
{
	struct json_reader r;
	char *text;

	json_reader_init_span(&r, s);
	text = json_string_dup(&r);
	if (json_failed(&r)) {
		free(text);
		text = NULL;
	}
	json_reader_uninit(&r);
	return text;
}

static bool span_uuid(struct json_span s, struct uuid *ret)
{
	AUTO_FREE char *text = span_string(s);

	return text && uuid_parse(ret, text);
}

static void syntax_error(struct session *c, const struct jsonrpc_message *m, const char *details)
{
	struct ovsdb_error err;

	ovsdb_error_set(&err, OVSDB_SYNTAX, "%s", details);
	session_reply_error(c, m->id, &err);
}

// Of a method whose first parameter is a database.
static void bad_params(struct session *c, const struct jsonrpc_message *m)
{
	AUTO_FREE char *no_name = NULL, *name = NULL;
	struct json_span first = { NULL, 0 };

	split_params(m->params, &first, 1, 1);
	if (first.p)
		name = span_string(first);
	if (!name)
		no_name = xasprintf("%s request params must begin with <db-name>", m->method);
	syntax_error(c, m, no_name ? no_name : "invalid parameters");
}

int session_check_available(const struct served_db *d, const char *method, struct ovsdb_error *err)
{
	if (!d->relay || d->store->db->schema->n_tables)
		return 0;
	return ovsdb_error_set(
		err, "database not available",
		"%s request specifies database %s which is not yet available because "
		"its source has not been reached",
		method, d->name);
}

// The database that params[0] names; replies with an error and returns NULL when there is none.
static struct served_db *named_db(struct session *c, const struct jsonrpc_message *m,
				  struct json_span name)
{
	AUTO_FREE char *text = span_string(name);
	struct served_db *d = text ? server_find_db(c->server, text) : NULL;
	struct ovsdb_error err;

	if (d && !session_check_available(d, m->method, &err))
		return d;
	if (!d && text)
		ovsdb_error_set(&err, "unknown database",
				"%s request specifies unknown database %s", m->method, text);
	else if (!d)
		ovsdb_error_set(&err, OVSDB_SYNTAX, "%s request params must begin with <db-name>",
				m->method);
	session_reply_error(c, m->id, &err);
	return NULL;
}

// ---- Requests ----

static void req_list_dbs(struct session *c, const struct jsonrpc_message *m)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_writer w;
	const char **names;
	size_t n;

	names = server_db_names(c->server, &n);
	json_writer_init(&w, &out);
	jw_array_begin(&w);
	for (size_t i = 0; i < n; i++)
		jw_string(&w, names[i]);
	jw_array_end(&w);
	session_reply(c, m->id, &out);
	free(names);
}

static void req_get_schema(struct session *c, const struct jsonrpc_message *m)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_span name = { NULL, 0 };
	struct json_writer w;
	struct served_db *d;

	// What comes behind the name has no meaning.
	split_params(m->params, &name, 1, 1);
	if (!name.p) {
		bad_params(c, m);
		return;
	}
	d = named_db(c, m, name);
	if (!d)
		return;
	json_writer_init(&w, &out);
	ovsdb_schema_write(d->store->db->schema, &w);
	session_reply(c, m->id, &out);
}

static struct watch *find_watch(struct session *c, struct json_span id)
{
	struct watch *w;

	VEC_FOR_EACH (w, &c->watches)
		if (monitor_has_id(w->monitor, id))
			return w;
	return NULL;
}

static void stop_watching(struct session *c)
{
	list_remove(&c->watching_node);
}

static void add_watch(struct session *c, struct served_db *d, struct monitor *m)
{
	VEC_PUSH(&c->watches, ((struct watch){ .db = d, .monitor = m }));
	if (c->watches.n == 1)
		list_push_back(&c->server->watching, &c->watching_node);
}

static void remove_watch(struct session *c, struct watch *w)
{
	monitor_destroy(w->monitor);
	*w = c->watches.v[--c->watches.n];
	if (!c->watches.n)
		stop_watching(c);
}

// What a new monitor of the third kind is told: only what is new, when the client names a state that is known.
static void reply_since(struct session *c, const struct jsonrpc_message *m, struct served_db *d,
			const struct monitor *monitor, const struct uuid *last)
{
	AUTO(strbuf) out = STRBUF_INIT;

	if (!history_knows(d->history, last)) {
		contents_tell(c, m->id, d, monitor);
		return;
	}
	strbuf_printf(&out, "[true,\"" UUID_FMT "\",", UUID_ARGS(history_last(d->history)));
	if (!monitor_write_since(monitor, d->history, last, &out))
		strbuf_puts(&out, "{}");
	strbuf_putc(&out, ']');
	session_reply(c, m->id, &out);
}

void session_forget_monitor(struct session *c, const struct monitor *m)
{
	struct watch *w;

	VEC_FOR_EACH (w, &c->watches) {
		if (w->monitor == m) {
			remove_watch(c, w);
			return;
		}
	}
}

static void start_monitor(struct session *c, const struct jsonrpc_message *m,
			  enum monitor_version version)
{
	size_t n_params = version == MONITOR_V3 ? 4 : 3;
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct monitor *monitor;
	struct json_span p[4];
	struct served_db *d;
	struct uuid last;

	if (split_params(m->params, p, n_params, n_params) < 0) {
		bad_params(c, m);
		return;
	}
	d = named_db(c, m, p[0]);
	if (!d)
		return;
	if (find_watch(c, p[1])) {
		syntax_error(c, m, "duplicate monitor ID");
		return;
	}
	if (version == MONITOR_V3 && !span_uuid(p[3], &last)) {
		syntax_error(c, m,
			     *p[3].p == '"' ? "last-txn-id must be UUID format."
					    : "last-txn-id must be string");
		return;
	}
	if (monitor_create(&monitor, d->store->db, version, p[1], p[2], &err)) {
		session_reply_error(c, m->id, &err);
		return;
	}
	// The first contents must not hold what is not durable yet.
	server_flush(c->server);
	publish_catch_up_one(c);
	add_watch(c, d, monitor);
	if (version == MONITOR_V3)
		reply_since(c, m, d, monitor, &last);
	else
		contents_tell(c, m->id, d, monitor);
}

static void req_monitor(struct session *c, const struct jsonrpc_message *m)
{
	start_monitor(c, m, MONITOR_V1);
}

static void req_monitor_cond(struct session *c, const struct jsonrpc_message *m)
{
	start_monitor(c, m, MONITOR_V2);
}

static void req_monitor_cond_since(struct session *c, const struct jsonrpc_message *m)
{
	start_monitor(c, m, MONITOR_V3);
}

// An error that is a string and no object, as clients that try one method after another compare it.
static void reply_word(struct session *c, struct json_span id, const char *error)
{
	AUTO_FREE char *text = xasprintf("\"%s\"", error);

	session_reply_raw_error(c, id, (struct json_span){ text, strlen(text) });
}

static void unknown_monitor(struct session *c, const struct jsonrpc_message *m)
{
	if (!strcmp(m->method, "monitor_cancel"))
		reply_word(c, m->id, "unknown monitor");
	else
		syntax_error(c, m, "unknown monitor session");
}

// The monitor that the first of 'n' parameters names; NULL when the answer, an error, has been sent. What it is to be told is.
static struct watch *watch_of_request(struct session *c, const struct jsonrpc_message *m,
				      struct json_span p[], size_t n)
{
	struct watch *w;

	if (split_params(m->params, p, n, n) < 0) {
		if (!strcmp(m->method, "monitor_cancel"))
			reply_word(c, m->id, "invalid parameters");
		else
			syntax_error(c, m, "invalid parameters");
		return NULL;
	}
	w = find_watch(c, p[0]);
	if (!w) {
		unknown_monitor(c, m);
		return NULL;
	}
	server_flush(c->server);
	publish_catch_up_one(c);
	return w;
}

static void req_monitor_cond_change(struct session *c, const struct jsonrpc_message *m)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) updates = STRBUF_INIT;
	AUTO(strbuf) params = STRBUF_INIT;
	struct monitor *monitor;
	struct json_span p[3];
	struct watch *w;
	bool any;

	w = watch_of_request(c, m, p, 3);
	if (!w)
		return;
	monitor = w->monitor;
	strbuf_printf(&params, "[%s,", monitor_id(monitor));
	if (monitor_version(monitor) == MONITOR_V3)
		strbuf_printf(&params, "\"" UUID_FMT "\",",
			      UUID_ARGS(history_last(w->db->history)));
	if (monitor_change_conditions(monitor, p[1], p[2], &updates, &any, &err)) {
		session_reply_error(c, m->id, &err);
		return;
	}
	strbuf_printf(&params, "%s]", strbuf_cstr(&updates));
	if (any)
		session_notify(c, monitor_version(monitor) == MONITOR_V3 ? "update3" : "update2",
			       &params);
	reply_text(c, m->id, "{}");
}

static void req_monitor_cancel(struct session *c, const struct jsonrpc_message *m)
{
	struct json_span p[1];
	struct watch *w = watch_of_request(c, m, p, 1);

	if (!w)
		return;
	remove_watch(c, w);
	reply_text(c, m->id, "{}");
}

static void req_lock(struct session *c, const struct jsonrpc_message *m)
{
	session_lock(c, m, false);
}

static void req_steal(struct session *c, const struct jsonrpc_message *m)
{
	session_lock(c, m, true);
}

static bool may_convert(const struct session *c, const struct served_db *d,
			const struct ovsdb_schema *schema, struct ovsdb_error *err)
{
	const struct session_group *g = c->group;
	const char *why = NULL;

	if (d->read_only || d->relay || (g && (g->read_only || (g->role && *g->role))))
		why = "no schema %s: %s is not to be converted here";
	else if (strcmp(schema->name, d->name) != 0)
		why = "the schema is of %s, not of %s";
	else if (d->conversion)
		why = "no schema %s: %s is being converted to another";
	if (!why)
		return true;
	ovsdb_error_set(err, "not allowed", why, schema->name, d->name);
	return false;
}

static void req_convert(struct session *c, const struct jsonrpc_message *m)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *schema;
	struct json_span p[2];
	struct served_db *d;

	if (split_params(m->params, p, 2, 2) < 0) {
		bad_params(c, m);
		return;
	}
	d = named_db(c, m, p[0]);
	if (!d)
		return;
	if (ovsdb_schema_read(&schema, p[1], &err)) {
		session_reply_error(c, m->id, &err);
		return;
	}
	if (may_convert(c, d, schema, &err)) {
		server_convert(c, m->id, d, schema);
		return;
	}
	ovsdb_schema_destroy(schema);
	session_reply_error(c, m->id, &err);
}

static void req_set_db_change_aware(struct session *c, const struct jsonrpc_message *m)
{
	struct json_span p[1];

	if (split_params(m->params, p, 1, 1) < 0 || (*p[0].p != 't' && *p[0].p != 'f')) {
		syntax_error(c, m, "set_db_change_aware: true or false parameter expected");
		return;
	}
	c->change_aware = *p[0].p == 't';
	reply_text(c, m->id, "{}");
}

static void req_get_server_id(struct session *c, const struct jsonrpc_message *m)
{
	AUTO_FREE char *text = xasprintf("\"" UUID_FMT "\"", UUID_ARGS(&c->server->id));

	reply_text(c, m->id, text);
}

static const struct {
	const char *name;
	void (*run)(struct session *c, const struct jsonrpc_message *m);
} requests[] = {
	{ "transact", session_transact },
	{ "monitor", req_monitor },
	{ "monitor_cond", req_monitor_cond },
	{ "monitor_cond_since", req_monitor_cond_since },
	{ "monitor_cond_change", req_monitor_cond_change },
	{ "monitor_cancel", req_monitor_cancel },
	{ "lock", req_lock },
	{ "steal", req_steal },
	{ "unlock", session_unlock },
	{ "list_dbs", req_list_dbs },
	{ "get_schema", req_get_schema },
	{ "get_server_id", req_get_server_id },
	{ "set_db_change_aware", req_set_db_change_aware },
	{ "convert", req_convert },
};

static bool is_offered(const struct server *s, const char *method)
{
	return !s->no_monitor_cond || !str_starts(method, "monitor_cond");
}

static void on_request(struct session *c, const struct jsonrpc_message *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (!strcmp(requests[i].name, m->method) && is_offered(c->server, m->method)) {
			requests[i].run(c, m);
			return;
		}
	}
	reply_word(c, m->id, "unknown method");
}

void session_message(struct session *c, const struct jsonrpc_message *m)
{
	if (m->type == JSONRPC_REQUEST)
		on_request(c, m);
	else if (m->type == JSONRPC_NOTIFY && !strcmp(m->method, "cancel"))
		session_cancel(c, m->params);
}

// ---- Life ----

static void drop_watches(struct session *c)
{
	struct watch *w;

	VEC_FOR_EACH (w, &c->watches)
		monitor_destroy(w->monitor);
	VEC_FREE(&c->watches);
	stop_watching(c);
}

// Tells of the monitors on 'd' that they end.
void session_cancel_monitors(struct session *c, const struct served_db *d)
{
	publish_catch_up_one(c);
	for (size_t i = c->watches.n; i-- > 0;) {
		struct watch *w = &c->watches.v[i];
		AUTO(strbuf) params = STRBUF_INIT;

		if (w->db != d)
			continue;
		strbuf_printf(&params, "[%s]", monitor_id(w->monitor));
		if (c->change_aware)
			session_notify(c, "monitor_canceled", &params);
		remove_watch(c, w);
	}
}

// What belongs to a connection goes with it.
static void connection_over(struct session *c)
{
	contents_forget_session(c);
	conversion_forget_session(c);
	server_forget_session(c->server, c);
	session_drop_triggers(c, NULL, true);
	session_drop_locks(c);
	drop_watches(c);
	publish_drop(c);
	c->change_aware = c->corked = c->trusted = false;
	c->gathered = c->contents = 0;
	jsonrpc_session_set_max_message(c->js, MAX_FIRST_REQUEST);
}

static void on_disconnected(void *c_)
{
	connection_over(c_);
	session_note(c_);
}

static void on_connected(void *c_) {}

static void on_message(void *c_, const struct jsonrpc_message *m)
{
	struct session *c = c_;

	if (!c->trusted) {
		c->trusted = true;
		jsonrpc_session_set_max_message(c->js, MAX_REQUEST);
	}
	session_message(c, m);
	// Else one that asks much, and asks on, would have all answers in memory.
	if (c->gathered > OUTPUT_BUDGET)
		server_flush(c->server);
}

static const struct jsonrpc_session_events callbacks = { on_connected, on_disconnected,
							 on_message };

static struct session *session_create(struct server *s, struct session_group *g)
{
	struct session *c = xzalloc(sizeof(*c));

	c->server = s;
	c->group = g;
	list_init(&c->triggers);
	list_init(&c->attention_node);
	list_init(&c->watching_node);
	list_init(&c->locks);
	list_push_back(&s->sessions, &c->node);
	return c;
}

static void set_budgets(struct session *c)
{
	jsonrpc_session_set_max_message(c->js, MAX_FIRST_REQUEST);
	jsonrpc_session_set_output_budget(c->js, OUTPUT_BUDGET);
}

struct session *server_accept(struct server *s, struct stream *stream, struct session_group *g)
{
	struct session *c = session_create(s, g);

	c->accepted = true;
	g->n++;
	c->js = jsonrpc_session_accept(s->loop, stream, &callbacks, c);
	set_budgets(c);
	return c;
}

struct session *server_connect(struct server *s, const char *remote, struct session_group *g)
{
	struct session *c = session_create(s, g);

	c->js = jsonrpc_session_open(s->loop, remote, true, &callbacks, c);
	set_budgets(c);
	return c;
}

const char *session_client_id(const struct session *c)
{
	return jsonrpc_session_peer_id(c->js);
}

void session_destroy(struct session *c)
{
	connection_over(c);
	list_remove(&c->node);
	list_remove(&c->attention_node);
	if (c->accepted)
		c->group->n--;
	jsonrpc_session_close(c->js);
	free(c);
}

void session_go_on(struct session *c)
{
	jsonrpc_session_hold(c->js, false);
}

struct jsonrpc_session *session_jsonrpc(struct session *c)
{
	return c->js;
}

void server_disconnect(struct server *s, const struct session_group *g)
{
	struct session *c, *next;

	LIST_FOR_EACH_SAFE (c, next, node, &s->sessions) {
		if (!g)
			jsonrpc_session_force_reconnect(c->js);
		else if (c->accepted && c->group == g)
			session_destroy(c);
	}
}

void server_set_probe(struct server *s, const struct session_group *g, int msec)
{
	struct session *c;

	LIST_FOR_EACH (c, node, &s->sessions)
		if (c->group == g)
			jsonrpc_session_set_probe_interval(c->js, msec);
}
