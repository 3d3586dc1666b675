// SPDX-License-Identifier: Apache-2.0
// A replica: making it, what it is to hold, and how it stands.
#include "ovsdb/idl-private.h"

#include <stdio.h>

#include "core/base/hash.h"
#include "core/base/vec.h"

static void end_of_iteration(void *idl_)
{
	struct idl *idl = idl_;

	idl_conditions_send(idl);
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
		t->seen = xcalloc(t->schema->n_columns, sizeof(bool));
		list_init(&t->tracked);
		hmap_init(&t->graves);
		list_init(&t->indexes);
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
	idl->database.index = -1;
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

static void uninit_table(struct idl_table *t)
{
	idl_indexes_destroy(t);
	hmap_uninit(&t->rows);
	hmap_uninit(&t->graves);
	free(t->modes);
	free(t->server_has_column);
	free(t->seen);
	free(t->condition);
	free(t->condition_sent);
	free(t->condition_acts);
}

void idl_destroy(struct idl *idl)
{
	if (!idl)
		return;
	assert(!idl->txn && list_is_empty(&idl->outstanding));
	jsonrpc_session_close(idl->js);
	loop_remove_hook(&idl->hook);
	idl_server_forget(idl);
	idl_clear(idl);
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		uninit_table(&idl->tables[i]);
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
	t->tracks |= flags & IDL_TRACK;
	// Rows that the column refers to are to be found.
	if (c->type.key.ref_table)
		idl_add_table(idl, c->type.key.ref_table);
	if (c->type.value.ref_table)
		idl_add_table(idl, c->type.value.ref_table);
}

void idl_add_all(struct idl *idl)
{
	idl_add_all_as(idl, IDL_ALERT);
}

void idl_add_all_as(struct idl *idl, unsigned int flags)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		const struct ovsdb_table_schema *ts = idl->schema->tables[i];

		for (size_t j = OVSDB_COL_FIRST; j < ts->n_columns; j++)
			idl_add_column(idl, ts->name, ts->columns[j]->name, flags);
	}
}

// ---- Where the content comes from ----

// The names in another order. free().
static char *shuffled(const char *remotes)
{
	AUTO_FREE char *copy = xstrdup(remotes);
	VEC(char *) names = VEC_INIT;
	struct strbuf out = STRBUF_INIT;
	char *save = NULL;

	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save))
		VEC_PUSH(&names, s);
	while (names.n) {
		size_t i = random_u32() % names.n;

		strbuf_printf(&out, "%s%s", out.len ? "," : "", names.v[i]);
		names.v[i] = names.v[--names.n];
	}
	VEC_FREE(&names);
	return strbuf_take(&out);
}

static char *remotes_in_order(const struct idl *idl)
{
	return idl->shuffle ? shuffled(idl->remotes) : xstrdup(idl->remotes);
}

void idl_start(struct idl *idl)
{
	AUTO_FREE char *remotes = remotes_in_order(idl);

	assert(!idl->js);
	idl->js = jsonrpc_session_open(idl->loop, remotes, idl->retry, &idl_session_events, idl);
	if (idl->probe >= 0)
		jsonrpc_session_set_probe_interval(idl->js, idl->probe);
	if (idl->max_backoff)
		jsonrpc_session_set_max_backoff(idl->js, idl->max_backoff);
}

void idl_set_shuffle(struct idl *idl, bool shuffle)
{
	idl->shuffle = shuffle;
}

void idl_set_leader_only(struct idl *idl, bool leader_only)
{
	idl->leader_only = leader_only;
	idl_consider_server(idl);
}

void idl_set_cluster(struct idl *idl, const struct uuid *cluster)
{
	idl->cluster = cluster ? *cluster : (struct uuid){ { 0 } };
	idl_consider_server(idl);
}

bool idl_server(const struct idl *idl, struct idl_server *ret)
{
	const struct idl_database *db = &idl->database;

	if (!idl_is_connected(idl) || !db->known)
		return false;
	*ret = (struct idl_server){
		.remote = jsonrpc_session_name(idl->js),
		.model = db->model ? db->model : "",
		.connected = db->connected,
		.leader = db->leader,
		.index = db->index,
		.cluster = db->cid,
		.server = db->sid,
	};
	return true;
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

bool idl_is_up_to_date(const struct idl *idl)
{
	return idl->state == IDL_MONITORING && idl_is_connected(idl);
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

void idl_set_remotes(struct idl *idl, const char *remotes)
{
	AUTO_FREE char *ordered = NULL;

	free(idl->remotes);
	idl->remotes = xstrdup(remotes);
	if (!idl->js)
		return;
	// Of a connection that was given up nothing comes any more, even where its remote stays.
	if (idl->dead)
		jsonrpc_session_force_reconnect(idl->js);
	idl->dead = false;
	ordered = remotes_in_order(idl);
	jsonrpc_session_set_remotes(idl->js, ordered);
	// The server that was waited for need not be the only one now.
	idl_consider_server(idl);
}

void idl_reconnect(struct idl *idl)
{
	if (idl->js)
		jsonrpc_session_force_reconnect(idl->js);
}

void idl_set_max_backoff(struct idl *idl, int msec)
{
	idl->max_backoff = msec;
	if (idl->js)
		jsonrpc_session_set_max_backoff(idl->js, msec);
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
