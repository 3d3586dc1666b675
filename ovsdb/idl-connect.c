// SPDX-License-Identifier: Apache-2.0
// A replica's connection: what is asked of a server, in which order, and what it answers.
//
//	connected:  set_db_change_aware, monitor_cond of the database's row in _Server, get_schema, all at once
//	both there: is it a server to talk to (idl-server.c)? Then monitor_cond_since, or what it knows instead, and the lock
//	content:    updates, monitor_cond_change, transactions
//	monitor_canceled, which comes when the database was converted or removed: get_schema again
#include "ovsdb/idl-private.h"

#include <stdio.h>

#include "core/base/log.h"

LOG_MODULE(ovsdb_client);

// The name of our second monitor, as JSON.
#define SERVER "\"server\""

uint64_t idl_send_request(struct idl *idl, const char *method, const struct strbuf *params)
{
	jsonrpc_send_request(jsonrpc_session_rpc(idl->js), method, params, ++idl->next_id);
	return idl->next_id;
}

void idl_set_error(struct idl *idl, const char *text, size_t n)
{
	free(idl->last_error);
	idl->last_error = xstrndup(text, n);
}

// This server will not do. On to another one, where there is one.
static void give_up(struct idl *idl, const char *why)
{
	idl->has_schema = false;
	if (jsonrpc_session_n_remotes(idl->js) == 1 && !idl->retry) {
		log_warn("%s: %s", jsonrpc_session_name(idl->js), why);
		idl->dead = true;
		return;
	}
	jsonrpc_session_reject(idl->js, why);
}

// ---- What is asked ----

static void ask_for_awareness(struct idl *idl)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_puts(&params, "[true]");
	idl_send_request(idl, "set_db_change_aware", &params);
}

static void ask_for_server(struct idl *idl)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_puts(&params, "[\"_Server\"," SERVER
			     ",{\"Database\":[{\"columns\":[\"model\",\"connected\",\"leader\","
			     "\"index\",\"cid\",\"sid\"],\"where\":[[\"name\",\"==\",");
	json_put_string(&params, idl->class->database, strlen(idl->class->database));
	strbuf_puts(&params, "]]}]}]");
	idl->server_id = idl_send_request(idl, "monitor_cond", &params);
}

static void ask_for_schema(struct idl *idl)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_printf(&params, "[\"%s\"]", idl->class->database);
	idl->has_schema = false;
	idl->schema_id = idl_send_request(idl, "get_schema", &params);
	idl->state = IDL_ASKED;
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
	if (t->condition && t->idl->method != IDL_MONITOR) {
		jw_key(w, "where");
		jw_raw(w, t->condition, strlen(t->condition));
	}
	jw_object_end(w);
	jw_array_end(w);
}

static void ask_for_content(struct idl *idl)
{
	static const char *const methods[] = {
		[IDL_MONITOR_SINCE] = "monitor_cond_since",
		[IDL_MONITOR_COND] = "monitor_cond",
		[IDL_MONITOR] = "monitor",
	};
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;

	// Changes since then are enough only when the content is what those conditions let through.
	if (!idl_conditions_all_act(idl))
		idl->last_id = (struct uuid){ { 0 } };
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, idl->class->database);
	jw_raw(&w, IDL_CONTENT, strlen(IDL_CONTENT));
	jw_object_begin(&w);
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		if (idl->tables[i].monitored && idl->tables[i].server_has)
			write_table_request(&idl->tables[i], &w);
	jw_object_end(&w);
	if (idl->method == IDL_MONITOR_SINCE)
		jw_stringf(&w, UUID_FMT, UUID_ARGS(&idl->last_id));
	jw_array_end(&w);
	idl_conditions_asked(idl);
	idl->monitor_id = idl_send_request(idl, methods[idl->method], &params);
	idl->state = IDL_MONITOR_ASKED;
	idl_send_lock(idl);
}

void idl_consider_server(struct idl *idl)
{
	AUTO_FREE char *why = NULL;

	if (!idl_is_connected(idl) || idl->server_id || idl->dead)
		return;
	why = idl_server_unfit(idl);
	if (why) {
		idl_set_error(idl, why, strlen(why));
		// The only one there is: wait until it is fit again, but with nothing that it said meanwhile.
		if (idl->state == IDL_ASKED && idl->retry &&
		    jsonrpc_session_n_remotes(idl->js) == 1) {
			if (!idl->told_unfit)
				log_info("%s: %s; waiting", jsonrpc_session_name(idl->js), why);
			idl->told_unfit = true;
			return;
		}
		give_up(idl, why);
		return;
	}
	if (idl->state != IDL_ASKED || idl->schema_id)
		return;
	if (!idl->has_schema)
		ask_for_schema(idl); // it had none when it was asked before
	else
		ask_for_content(idl);
}

// ---- Schema ----

// Can what the server's column holds be read as ours? Constraints may differ.
static bool is_compatible(const struct ovsdb_column *ours, const struct ovsdb_column *theirs)
{
	return theirs && ours->type.key.type == theirs->type.key.type &&
	       ours->type.value.type == theirs->type.value.type;
}

static void learn_table(struct idl_table *t, const struct ovsdb_table_schema *theirs)
{
	bool changed = t->server_has != (theirs != NULL);

	t->server_has = theirs != NULL;
	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++) {
		const struct ovsdb_column *ours = t->schema->columns[i],
					  *c = theirs ? ovsdb_table_column(theirs, ours->name)
						      : NULL;
		bool has = is_compatible(ours, c);

		if (c && !has)
			log_warn("%s: column %s.%s has another type there: taken as missing",
				 jsonrpc_session_name(t->idl->js), t->class->name, ours->name);
		changed |= has != t->server_has_column[i];
		t->server_has_column[i] = has;
	}
	// What has not been asked for until now is not among the changes since then.
	if (changed)
		t->idl->last_id = (struct uuid){ { 0 } };
}

static void got_schema(struct idl *idl, const struct jsonrpc_message *m)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *theirs;
	AUTO_FREE char *why = NULL;

	if (m->type == JSONRPC_ERROR) {
		idl_set_error(idl, m->error.p, m->error.n);
		why = xasprintf("the server has no database %s: %.*s", idl->class->database,
				(int)MIN(m->error.n, 200u), m->error.p);
		// It tells when it has: nothing to do until then, unless there are others to ask.
		if (idl->has_server && idl->retry && jsonrpc_session_n_remotes(idl->js) == 1)
			log_warn("%s: %s", jsonrpc_session_name(idl->js), why);
		else
			give_up(idl, why);
		return;
	}
	if (ovsdb_schema_read(&theirs, m->result, &err)) {
		idl_set_error(idl, err.details, strlen(err.details));
		why = xasprintf("schema cannot be read: %s", err.details);
		give_up(idl, why);
		return;
	}
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		learn_table(&idl->tables[i],
			    ovsdb_schema_table(theirs, idl->tables[i].class->name));
	ovsdb_schema_destroy(theirs);
	idl->has_schema = true;
	idl_consider_server(idl);
}

static void take_server(struct idl *idl, struct json_span tables)
{
	static const char why[] = "what it says of its databases cannot be read";

	if (idl_server_update(idl, tables)) {
		idl_consider_server(idl);
		return;
	}
	idl_set_error(idl, why, strlen(why));
	give_up(idl, why);
}

static void got_server(struct idl *idl, const struct jsonrpc_message *m)
{
	idl->has_server = m->type == JSONRPC_REPLY;
	if (idl->has_server)
		take_server(idl, m->result);
	else
		idl_consider_server(idl);
}

// ---- Content ----

// [found, last id, updates], or updates alone.
static bool read_content(struct idl *idl, struct json_span result)
{
	struct json_span updates = { NULL, 0 };
	bool found = false, ok;
	AUTO_FREE char *id = NULL;
	struct json_reader r;

	if (idl->method != IDL_MONITOR_SINCE)
		return idl_replace(idl, result, idl->method == IDL_MONITOR_COND);
	json_reader_init_span(&r, result);
	json_array(&r);
	if (json_element(&r))
		found = json_bool(&r);
	if (json_element(&r))
		id = json_string_dup(&r);
	if (json_element(&r))
		updates = json_skip(&r);
	ok = !json_failed(&r) && updates.p;
	json_reader_uninit(&r);
	if (!ok || !(found ? idl_update(idl, updates, true) : idl_replace(idl, updates, true)))
		return false;
	return uuid_parse(&idl->last_id, id);
}

// {"error": "unknown method", ...}
static bool is_unknown_method(struct json_span error)
{
	static const char words[] = "unknown method";

	return memmem(error.p, error.n, words, strlen(words)) != NULL;
}

static void content_is_unreadable(struct idl *idl, const char *what)
{
	AUTO_FREE char *why = xasprintf("%s cannot be read", what);

	idl->last_id = (struct uuid){ { 0 } };
	idl_set_error(idl, why, strlen(why));
	give_up(idl, why);
}

static void got_monitor(struct idl *idl, const struct jsonrpc_message *m)
{
	if (m->type == JSONRPC_ERROR) {
		AUTO_FREE char *why =
			xasprintf("monitor refused: %.*s", (int)MIN(m->error.n, 200u), m->error.p);

		if (idl->method < IDL_MONITOR && is_unknown_method(m->error)) {
			idl->method++; // an older server
			ask_for_content(idl);
			return;
		}
		idl_set_error(idl, m->error.p, m->error.n);
		give_up(idl, why);
		return;
	}
	if (!read_content(idl, m->result)) {
		content_is_unreadable(idl, "its content");
		return;
	}
	idl_conditions_act(idl);
	idl->has_content = true;
	idl->changed = true;
	idl->state = IDL_MONITORING;
	free(idl->last_error);
	idl->last_error = NULL;
}

struct update {
	char *monitor;
	struct json_span updates;
	struct uuid last_id;
};

// [monitor, updates], or [monitor, last id, updates].
static bool read_update(const struct jsonrpc_message *m, bool has_id, struct update *u)
{
	AUTO_FREE char *id = NULL;
	struct json_reader r;
	bool ok;

	json_reader_init_span(&r, m->params);
	json_array(&r);
	if (json_element(&r)) {
		struct json_span s = json_skip(&r);

		u->monitor = xstrndup(s.p, s.n);
	}
	if (has_id && json_element(&r))
		id = json_string_dup(&r);
	if (json_element(&r))
		u->updates = json_skip(&r);
	ok = !json_failed(&r) && u->updates.p && (!has_id || (id && uuid_parse(&u->last_id, id)));
	json_reader_uninit(&r);
	return ok;
}

static void apply_update(struct idl *idl, const struct update *u, bool v2)
{
	if (!strcmp(u->monitor, SERVER)) {
		take_server(idl, u->updates);
	} else if (!strcmp(u->monitor, IDL_CONTENT) && idl->state == IDL_MONITORING) {
		if (idl_update(idl, u->updates, v2))
			idl->last_id = u->last_id;
		else
			content_is_unreadable(idl, "an update");
	}
}

static void got_update(struct idl *idl, const struct jsonrpc_message *m, bool v2, bool has_id)
{
	struct update u = { NULL };

	if (read_update(m, has_id, &u))
		apply_update(idl, &u, v2);
	else
		content_is_unreadable(idl, "an update");
	free(u.monitor);
}

// The database was converted or removed. What is here stays until there is something newer.
static void got_monitor_canceled(struct idl *idl, const struct jsonrpc_message *m)
{
	struct update u = { NULL };

	read_update(m, false, &u);
	if (u.monitor && !strcmp(u.monitor, IDL_CONTENT) && idl->state >= IDL_MONITOR_ASKED) {
		idl->monitor_id = idl->condition_id = 0;
		idl->last_id = (struct uuid){ { 0 } };
		idl_conditions_reset(idl);
		ask_for_schema(idl);
	}
	free(u.monitor);
}

// ---- The session ----

static void got_notification(struct idl *idl, const struct jsonrpc_message *m)
{
	if (!strcmp(m->method, "update3"))
		got_update(idl, m, true, true);
	else if (!strcmp(m->method, "update2"))
		got_update(idl, m, true, false);
	else if (!strcmp(m->method, "update"))
		got_update(idl, m, false, false);
	else if (!strcmp(m->method, "monitor_canceled"))
		got_monitor_canceled(idl, m);
	else if (!strcmp(m->method, "locked"))
		idl_lock_notification(idl, m, true);
	else if (!strcmp(m->method, "stolen"))
		idl_lock_notification(idl, m, false);
}

// Is it the answer to '*id'? Then that is no longer on its way.
static bool answers(const struct jsonrpc_message *m, uint64_t *id)
{
	char text[24];

	if (!*id)
		return false;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)*id);
	if (m->id.n != strlen(text) || memcmp(m->id.p, text, m->id.n) != 0)
		return false;
	*id = 0;
	return true;
}

static void on_message(void *idl_, const struct jsonrpc_message *m)
{
	struct idl *idl = idl_;

	if (m->type == JSONRPC_NOTIFY)
		got_notification(idl, m);
	else if (m->type == JSONRPC_REQUEST)
		return; // servers ask nothing but echo, which the session answers
	else if (answers(m, &idl->server_id))
		got_server(idl, m);
	else if (answers(m, &idl->schema_id))
		got_schema(idl, m);
	else if (answers(m, &idl->monitor_id))
		got_monitor(idl, m);
	else if (answers(m, &idl->condition_id))
		idl_conditions_reply(idl, m);
	else if (answers(m, &idl->lock_id))
		idl_lock_reply(idl, m);
	else
		idl_txn_reply(idl, m);
}

static void on_connected(void *idl_)
{
	struct idl *idl = idl_;

	idl->method = IDL_MONITOR_SINCE;
	ask_for_awareness(idl);
	ask_for_server(idl);
	ask_for_schema(idl);
}

static void on_disconnected(void *idl_)
{
	struct idl *idl = idl_;

	idl->state = IDL_WAITING;
	idl->server_id = idl->schema_id = idl->monitor_id = idl->condition_id = idl->lock_id = 0;
	idl->has_server = idl->has_schema = idl->told_unfit = false;
	idl_server_forget(idl);
	idl_conditions_reset(idl);
	if (idl->has_lock && idl->has_content)
		idl->changed = true;
	idl->has_lock = idl->lock_contended = false;
	idl_txn_disconnected(idl);
}

const struct jsonrpc_session_events idl_session_events = { on_connected, on_disconnected,
							   on_message };
