// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: finding the server to ask.
#include "ovsdb/ovsdb-client.h"

#include "core/base/hash.h"
#include "core/base/vec.h"

bool leader_only = true;

// ---- The connection ----

static void keep_reply(struct client *c, const struct jsonrpc_message *m)
{
	const struct json_span *s = m->type == JSONRPC_ERROR ? &m->error : &m->result;

	c->waiting = false;
	c->failed = m->type == JSONRPC_ERROR;
	strbuf_clear(&c->reply);
	strbuf_put(&c->reply, s->p, s->n);
}

static void answer_caller(struct client *c)
{
	struct appctl_conn *caller = c->caller;

	c->caller = NULL;
	if (c->failed)
		appctl_reply_error(caller, strbuf_cstr(&c->reply));
	else
		c->answered(c, caller);
}

static void on_message(void *c_, const struct jsonrpc_message *m)
{
	struct client *c = c_;

	if (m->type == JSONRPC_REQUEST && !strcmp(m->method, "echo")) {
		jsonrpc_send_reply(c->rpc, m->params.p, m->params.n, m->id);
	} else if (m->type == JSONRPC_NOTIFY) {
		if (c->notify)
			c->notify(c, m);
	} else if (c->waiting) {
		keep_reply(c, m);
	} else if (c->caller) {
		keep_reply(c, m);
		answer_caller(c);
	}
}

static void on_closed(void *c_, int err, const char *reason)
{
	struct client *c = c_;

	if (!c->choosing)
		fatal(0, "%s: receive failed (%s)", c->server, err ? reason : "End of file");
	jsonrpc_close(c->rpc);
	c->rpc = NULL;
	c->waiting = false;
	c->failed = true;
}

static const struct jsonrpc_events events = { on_message, on_closed };

static void ignore(void *aux) {}
static void connect_closed(void *aux, int err) {}
static const struct stream_events connecting = { ignore, ignore, NULL, connect_closed };

bool client_try(struct client *c, const char *method, const struct strbuf *params)
{
	c->failed = true;
	if (!c->rpc)
		return false;
	jsonrpc_send_request(c->rpc, method, params, ++c->next_id);
	c->waiting = true;
	while (c->waiting)
		loop_step(c->loop, -1);
	return !c->failed;
}

static void drop_connection(struct client *c)
{
	jsonrpc_close(c->rpc);
	c->rpc = NULL;
}

// ---- What a server says of a database ----

// Column "model" and the booleans of the row, from {"rows":[{...}]} in [ ]. False when there is no row.
static bool read_database_row(const struct strbuf *reply, char **ret_model, bool *ret_connected,
			      bool *ret_leader)
{
	struct json_reader r;
	const char *key;
	bool any = false;
	size_t len;

	json_reader_init(&r, reply->s, reply->len);
	json_array(&r);
	json_element(&r);
	json_object(&r);
	if (json_member(&r, &key, &len) && json_key_is(key, len, "rows")) {
		json_array(&r);
		any = json_element(&r);
		if (any)
			json_object(&r);
		while (any && json_member(&r, &key, &len)) {
			if (json_key_is(key, len, "model")) {
				free(*ret_model);
				*ret_model = json_string_dup(&r);
			} else if (json_key_is(key, len, "connected")) {
				*ret_connected = json_bool(&r);
			} else if (json_key_is(key, len, "leader")) {
				*ret_leader = json_bool(&r);
			} else {
				json_skip(&r);
			}
		}
	}
	any = any && !json_failed(&r);
	json_reader_uninit(&r);
	return any;
}

static bool ask_about(struct client *c, const char *name)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_puts(&params, "[\"_Server\",{\"op\":\"select\",\"table\":\"Database\",\"columns\":"
			     "[\"model\",\"connected\",\"leader\"],\"where\":[[\"name\",\"==\",");
	json_put_string(&params, name, strlen(name));
	strbuf_puts(&params, "]]}]");
	return client_try(c, "transact", &params);
}

char *client_database_model(struct client *c, const char *name)
{
	bool connected, leader;
	char *model = NULL;

	if (!ask_about(c, name))
		return NULL; // a server without _Server has no clusters either
	read_database_row(&c->reply, &model, &connected, &leader);
	return model;
}

bool client_server_is_fit(struct client *c)
{
	bool connected = false, leader = false;
	AUTO_FREE char *model = NULL;

	if (!ask_about(c, c->database))
		return c->rpc != NULL;
	if (!read_database_row(&c->reply, &model, &connected, &leader))
		return false;
	return !model || strcmp(model, "clustered") != 0 || (connected && (leader || !leader_only));
}

// ---- Connecting ----

struct awaited {
	struct stream *stream;
};

static void on_accept(void *a_, struct stream *s)
{
	struct awaited *a = a_;

	if (a->stream)
		stream_close(s);
	else
		a->stream = s;
}

static struct stream *await_server(struct client *c, const char *name)
{
	struct error err = ERROR_INIT;
	struct awaited a = { NULL };
	struct listener *ls;

	if (listener_open(c->loop, name, 6640, -1, on_accept, &a, &ls, &err))
		fatal(0, "failed to connect or listen to \"%s\" (%s)", name, err.text);
	while (!a.stream)
		loop_step(c->loop, -1);
	listener_close(ls);
	return a.stream;
}

static void open_one(struct client *c, const char *name)
{
	struct error err = ERROR_INIT;
	struct stream *s;
	int rc = 0;

	free(c->server);
	c->server = xstrdup(name);
	if (stream_name_is_passive(name))
		s = await_server(c, name);
	else
		rc = stream_open_block(c->loop, name, 6640, -1, &connecting, c, &s, &err);
	if (rc && c->choosing)
		return;
	if (rc == -EINVAL)
		fatal(0, "%s", err.text);
	if (rc)
		fatal(0, "failed to connect to \"%s\" (%s)", name, strerror(-rc));
	c->rpc = jsonrpc_create(s, 0, &events, c);
}

static void choose(struct client *c, const char *remotes,
		   bool (*accept)(struct client *c, void *aux), void *aux)
{
	AUTO_FREE char *copy = xstrdup(remotes);
	VEC(char *) names = VEC_INIT;
	char *save = NULL;

	for (char *s = strtok_r(copy, ", ", &save); s; s = strtok_r(NULL, ", ", &save))
		VEC_PUSH(&names, s);
	c->choosing = true;
	while (names.n) {
		size_t i = random_u32() % names.n;

		open_one(c, names.v[i]);
		if (c->rpc && (!accept || accept(c, aux)) && c->rpc)
			break;
		drop_connection(c);
		names.v[i] = names.v[--names.n];
	}
	if (!c->rpc)
		fatal(0, "no servers were available");
	c->choosing = false;
	VEC_FREE(&names);
}

void client_open(struct client *c, const char *remotes, bool (*accept)(struct client *c, void *aux),
		 void *aux)
{
	c->loop = loop_create();
	strbuf_init(&c->reply);
	if (strchr(remotes, ',')) {
		choose(c, remotes, accept, aux);
		return;
	}
	open_one(c, remotes);
	if (accept)
		accept(c, aux);
}

void client_close(struct client *c)
{
	drop_connection(c);
	loop_destroy(c->loop);
	strbuf_uninit(&c->reply);
	ovsdb_schema_destroy(c->schema);
	free(c->database);
	free(c->server);
}
