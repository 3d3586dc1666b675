// SPDX-License-Identifier: Apache-2.0
// A replica's connection: schema, monitor, lock.
#include "ovsdb/idl-private.h"

#include <stdio.h>

#include "core/base/log.h"

LOG_MODULE(ovsdb_client);

static const struct jsonrpc_session_events callbacks;

static void end_of_iteration(void *idl_)
{
	struct idl *idl = idl_;

	if (!idl->changed || !idl->has_content)
		return;
	idl->changed = false;
	idl->seqno++;
	if (idl->on_change)
		idl->on_change(idl->on_change_aux);
}

static void init_tables(struct idl *idl)
{
	size_t n = idl->class->n_tables;

	assert(n == idl->schema->n_tables);
	idl->tables = xcalloc(n, sizeof(*idl->tables));
	for (size_t i = 0; i < n; i++) {
		struct idl_table *t = &idl->tables[i];

		t->idl = idl;
		t->class = &idl->class->tables[i];
		t->schema = idl->schema->tables[i];
		assert(!strcmp(t->class->name, t->schema->name));
		assert(t->class->n_columns + OVSDB_COL_FIRST == t->schema->n_columns);
		hmap_init(&t->rows);
		t->modes = xcalloc(t->schema->n_columns, sizeof(*t->modes));
		t->server_has_column = xcalloc(t->schema->n_columns, sizeof(bool));
	}
}

struct idl *idl_create(struct loop *l, const char *remotes, const struct idl_class *class,
		       bool retry)
{
	struct idl *idl = xzalloc(sizeof(*idl));
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	int rc;

	idl->loop = l;
	idl->class = class;
	idl->remotes = xstrdup(remotes);
	idl->retry = retry;
	idl->probe = -1;
	list_init(&idl->dirty);
	list_init(&idl->outstanding);
	rc = ovsdb_schema_read(&idl->schema,
			       (struct json_span){ class->schema, strlen(class->schema) }, &err);
	assert(!rc);
	init_tables(idl);
	loop_add_hook(l, &idl->hook, end_of_iteration, idl);
	return idl;
}

const struct ovsdb_schema *idl_schema(const struct idl *idl)
{
	return idl->schema;
}

const char *idl_class_version(const struct idl_class *class)
{
	static char version[32];
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *schema;

	if (ovsdb_schema_read(&schema, (struct json_span){ class->schema, strlen(class->schema) },
			      &err))
		return "";
	snprintf(version, sizeof(version), "%s", schema->version);
	ovsdb_schema_destroy(schema);
	return version;
}

void idl_destroy(struct idl *idl)
{
	if (!idl)
		return;
	assert(!idl->txn && list_is_empty(&idl->outstanding));
	jsonrpc_session_close(idl->js);
	loop_remove_hook(&idl->hook);
	idl_clear(idl);
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		hmap_uninit(&idl->tables[i].rows);
		free(idl->tables[i].modes);
		free(idl->tables[i].server_has_column);
	}
	free(idl->tables);
	ovsdb_schema_destroy(idl->schema);
	free(idl->remotes);
	free(idl->last_error);
	free(idl->lock);
	free(idl);
}

void idl_add_table(struct idl *idl, const char *table)
{
	struct idl_table *t = idl_table(idl, table);

	assert(t && !idl->js);
	t->monitored = true;
}

void idl_add_column(struct idl *idl, const char *table, const char *column, unsigned int flags)
{
	struct idl_table *t = idl_table(idl, table);
	const struct ovsdb_column *c;

	idl_add_table(idl, table);
	c = ovsdb_table_column(t->schema, column);
	assert(c);
	t->modes[c->index] |= MODE_MONITORED | flags;
	// Rows that the column refers to are to be found.
	if (c->type.key.ref_table)
		idl_add_table(idl, c->type.key.ref_table);
	if (c->type.value.ref_table)
		idl_add_table(idl, c->type.value.ref_table);
}

void idl_add_all(struct idl *idl)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		const struct ovsdb_table_schema *ts = idl->schema->tables[i];

		for (size_t j = OVSDB_COL_FIRST; j < ts->n_columns; j++)
			idl_add_column(idl, ts->name, ts->columns[j]->name, IDL_ALERT);
	}
}

static void open_session(struct idl *idl)
{
	idl->js = jsonrpc_session_open(idl->loop, idl->remotes, idl->retry, &callbacks, idl);
	if (idl->probe >= 0)
		jsonrpc_session_set_probe_interval(idl->js, idl->probe);
}

void idl_start(struct idl *idl)
{
	assert(!idl->js);
	open_session(idl);
}

void idl_on_change(struct idl *idl, void (*cb)(void *aux), void *aux)
{
	idl->on_change = cb;
	idl->on_change_aux = aux;
}

uint64_t idl_seqno(const struct idl *idl)
{
	return idl->seqno;
}

bool idl_has_content(const struct idl *idl)
{
	return idl->has_content;
}

bool idl_is_connected(const struct idl *idl)
{
	return idl->js && jsonrpc_session_is_connected(idl->js);
}

bool idl_is_dead(const struct idl *idl)
{
	return idl->dead || (idl->js && jsonrpc_session_is_dead(idl->js));
}

const char *idl_last_error(const struct idl *idl)
{
	if (idl->last_error)
		return idl->last_error;
	return idl->js ? jsonrpc_session_last_error(idl->js) : NULL;
}

static void connection_over(struct idl *idl)
{
	idl->state = IDL_WAITING;
	if (idl->has_lock && idl->has_content)
		idl->changed = true;
	idl->has_lock = idl->lock_contended = false;
	idl_txn_disconnected(idl);
}

void idl_set_remotes(struct idl *idl, const char *remotes)
{
	free(idl->remotes);
	idl->remotes = xstrdup(remotes);
	if (!idl->js)
		return;
	jsonrpc_session_close(idl->js);
	open_session(idl);
	connection_over(idl);
}

void idl_reconnect(struct idl *idl)
{
	if (idl->js)
		jsonrpc_session_force_reconnect(idl->js);
}

void idl_set_probe_interval(struct idl *idl, int msec)
{
	idl->probe = msec;
	if (idl->js)
		jsonrpc_session_set_probe_interval(idl->js, msec);
}

bool idl_server_has_table(const struct idl *idl, const char *table)
{
	struct idl_table *t = idl_table(idl, table);

	return t && t->server_has;
}

bool idl_server_has_column(const struct idl *idl, const char *table, const char *column)
{
	struct idl_table *t = idl_table(idl, table);
	const struct ovsdb_column *c = t ? ovsdb_table_column(t->schema, column) : NULL;

	return c && t->server_has_column[c->index];
}

// ---- Requests ----

static uint64_t send_request(struct idl *idl, const char *method, const struct strbuf *params)
{
	jsonrpc_send_request(jsonrpc_session_rpc(idl->js), method, params, ++idl->next_id);
	return idl->next_id;
}

static void send_get_schema(struct idl *idl)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_printf(&params, "[\"%s\"]", idl->class->database);
	idl->state_id = send_request(idl, "get_schema", &params);
	idl->state = IDL_SCHEMA_ASKED;
}

static void write_table_request(const struct idl_table *t, struct json_writer *w)
{
	jw_key(w, t->class->name);
	jw_array_begin(w);
	jw_object_begin(w);
	jw_key(w, "columns");
	jw_array_begin(w);
	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++)
		if ((t->modes[i] & MODE_MONITORED) && t->server_has_column[i])
			jw_string(w, t->schema->columns[i]->name);
	jw_array_end(w);
	jw_object_end(w);
	jw_array_end(w);
}

static void send_monitor(struct idl *idl)
{
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, idl->class->database);
	jw_string(&w, "replica");
	jw_object_begin(&w);
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		if (idl->tables[i].monitored && idl->tables[i].server_has)
			write_table_request(&idl->tables[i], &w);
	jw_object_end(&w);
	jw_array_end(&w);
	idl->state_id = send_request(idl, idl->use_v1 ? "monitor" : "monitor_cond", &params);
	idl->state = IDL_MONITOR_ASKED;
}

static void send_lock(struct idl *idl, const char *method)
{
	AUTO(strbuf) params = STRBUF_INIT;
	uint64_t id;

	if (!idl->lock || !idl_is_connected(idl))
		return;
	strbuf_putc(&params, '[');
	json_put_string(&params, idl->lock, strlen(idl->lock));
	strbuf_putc(&params, ']');
	id = send_request(idl, method, &params);
	if (!strcmp(method, "lock"))
		idl->lock_id = id;
}

// ---- What comes ----

static void set_error(struct idl *idl, const char *text, size_t n)
{
	free(idl->last_error);
	idl->last_error = xstrndup(text, n);
}

static bool id_is(const struct jsonrpc_message *m, uint64_t id)
{
	AUTO_FREE char *text = xasprintf("%llu", (unsigned long long)id);

	return m->id.n == strlen(text) && !memcmp(m->id.p, text, m->id.n);
}

static void learn_schema(struct idl *idl, const struct ovsdb_schema *theirs)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		struct idl_table *t = &idl->tables[i];
		const struct ovsdb_table_schema *ts = ovsdb_schema_table(theirs, t->class->name);

		t->server_has = ts != NULL;
		for (size_t j = OVSDB_COL_FIRST; j < t->schema->n_columns; j++)
			t->server_has_column[j] =
				ts && ovsdb_table_column(ts, t->schema->columns[j]->name);
	}
}

static void got_schema(struct idl *idl, const struct jsonrpc_message *m)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *theirs;

	if (m->type == JSONRPC_ERROR) {
		set_error(idl, m->error.p, m->error.n);
		log_warn("%s: the server has no database %s: %.*s", jsonrpc_session_name(idl->js),
			 idl->class->database, (int)MIN(m->error.n, 200u), m->error.p);
		idl->dead = !idl->retry;
		idl->state = IDL_WAITING;
		return;
	}
	if (ovsdb_schema_read(&theirs, m->result, &err)) {
		set_error(idl, err.details, strlen(err.details));
		log_warn("%s: schema cannot be read: %s", jsonrpc_session_name(idl->js),
			 err.details);
		idl->dead = !idl->retry;
		idl->state = IDL_WAITING;
		return;
	}
	learn_schema(idl, theirs);
	ovsdb_schema_destroy(theirs);
	send_monitor(idl);
	send_lock(idl, "lock");
}

static void got_monitor(struct idl *idl, const struct jsonrpc_message *m)
{
	if (m->type == JSONRPC_ERROR) {
		if (!idl->use_v1) {
			// An older server: ask as RFC 7047 has it.
			idl->use_v1 = true;
			send_monitor(idl);
			return;
		}
		set_error(idl, m->error.p, m->error.n);
		log_warn("%s: monitor refused: %.*s", jsonrpc_session_name(idl->js),
			 (int)MIN(m->error.n, 200u), m->error.p);
		idl->dead = !idl->retry;
		idl->state = IDL_WAITING;
		return;
	}
	idl_clear(idl);
	idl->has_content = true;
	idl->changed = true;
	idl->state = IDL_MONITORING;
	idl_update(idl, m->result, !idl->use_v1);
}

static void set_has_lock(struct idl *idl, bool has)
{
	if (has != idl->has_lock)
		idl->changed = true;
	idl->has_lock = has;
	idl->lock_contended = !has;
}

static void got_lock(struct idl *idl, const struct jsonrpc_message *m)
{
	struct json_reader r;
	bool locked = false;
	const char *key;
	size_t len;

	if (m->type != JSONRPC_REPLY)
		return;
	json_reader_init_span(&r, m->result);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "locked"))
			locked = json_bool(&r);
		else
			json_skip(&r);
	}
	json_reader_uninit(&r);
	set_has_lock(idl, locked);
}

// [id, updates]: the id is always ours, there is one monitor.
static void got_update(struct idl *idl, const struct jsonrpc_message *m, bool v2)
{
	struct json_span updates = { NULL, 0 };
	struct json_reader r;

	if (idl->state != IDL_MONITORING)
		return;
	json_reader_init_span(&r, m->params);
	json_array(&r);
	if (json_element(&r))
		json_skip(&r);
	if (json_element(&r))
		updates = json_skip(&r);
	if (!json_failed(&r) && updates.p)
		idl_update(idl, updates, v2);
	json_reader_uninit(&r);
}

static void got_lock_notification(struct idl *idl, const struct jsonrpc_message *m, bool locked)
{
	struct json_reader r;
	AUTO_FREE char *name = NULL;

	json_reader_init_span(&r, m->params);
	json_array(&r);
	if (json_element(&r))
		name = json_string_dup(&r);
	json_reader_uninit(&r);
	if (name && idl->lock && !strcmp(name, idl->lock))
		set_has_lock(idl, locked);
}

static void got_notification(struct idl *idl, const struct jsonrpc_message *m)
{
	if (!strcmp(m->method, "update2"))
		got_update(idl, m, true);
	else if (!strcmp(m->method, "update"))
		got_update(idl, m, false);
	else if (!strcmp(m->method, "locked"))
		got_lock_notification(idl, m, true);
	else if (!strcmp(m->method, "stolen"))
		got_lock_notification(idl, m, false);
}

static void on_message(void *idl_, const struct jsonrpc_message *m)
{
	struct idl *idl = idl_;

	if (m->type == JSONRPC_NOTIFY)
		got_notification(idl, m);
	else if (m->type == JSONRPC_REQUEST)
		return; // servers ask nothing but echo, which the session answers
	else if (idl->state == IDL_SCHEMA_ASKED && id_is(m, idl->state_id))
		got_schema(idl, m);
	else if (idl->state == IDL_MONITOR_ASKED && id_is(m, idl->state_id))
		got_monitor(idl, m);
	else if (idl->lock_id && id_is(m, idl->lock_id))
		got_lock(idl, m);
	else
		idl_txn_reply(idl, m);
}

static void on_connected(void *idl_)
{
	send_get_schema(idl_);
}

static void on_disconnected(void *idl_)
{
	connection_over(idl_);
}

static const struct jsonrpc_session_events callbacks = { on_connected, on_disconnected,
							 on_message };

// ---- Lock ----

void idl_set_lock(struct idl *idl, const char *name)
{
	bool ready = idl->state == IDL_MONITOR_ASKED || idl->state == IDL_MONITORING;

	if (idl->lock && name && !strcmp(idl->lock, name))
		return;
	if (ready)
		send_lock(idl, "unlock");
	free(idl->lock);
	idl->lock = name ? xstrdup(name) : NULL;
	idl->has_lock = idl->lock_contended = false;
	if (ready)
		send_lock(idl, "lock");
}

bool idl_has_lock(const struct idl *idl)
{
	return idl->has_lock;
}

bool idl_is_lock_contended(const struct idl *idl)
{
	return idl->lock_contended;
}
