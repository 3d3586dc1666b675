// SPDX-License-Identifier: Apache-2.0
// Which rows of a table are replicated.
//
// A table has three conditions: the one that the owner wants, the one that the server was asked for and has not confirmed yet, and
// the one that the content is of. A change goes from the left to the right, one request at a time for all tables.
#include "ovsdb/idl-private.h"

#include "core/base/log.h"
#include "ovsdb/datum.h"

LOG_MODULE(ovsdb_client);

// ---- Making one ----

void idl_condition_init(struct idl_condition *c, struct idl_table *t)
{
	*c = (struct idl_condition){ .table = t };
}

void idl_condition_uninit(struct idl_condition *c)
{
	char **clause;

	VEC_FOR_EACH (clause, &c->clauses)
		free(*clause);
	VEC_FREE(&c->clauses);
}

void idl_condition_add_all(struct idl_condition *c)
{
	c->all = true;
}

void idl_condition_add(struct idl_condition *c, const struct ovsdb_column *column,
		       enum ovsdb_function function, struct ovsdb_datum *value)
{
	struct strbuf text = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &text);
	jw_array_begin(&w);
	jw_string(&w, column->name);
	jw_string(&w, ovsdb_function_name(function));
	ovsdb_datum_write(value, &column->type, &w);
	jw_array_end(&w);
	ovsdb_datum_uninit(value, &column->type);
	VEC_PUSH(&c->clauses, strbuf_take(&text));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// As the server wants it: NULL for all rows. The same for equal conditions. free().
static char *condition_text(const struct idl_condition *c)
{
	struct strbuf text = STRBUF_INIT;

	if (c->all)
		return NULL;
	if (!c->clauses.n)
		return xstrdup("[false]"); // an empty list lets all through
	qsort(c->clauses.v, c->clauses.n, sizeof(*c->clauses.v), compare_texts);
	for (size_t i = 0; i < c->clauses.n; i++)
		if (!i || strcmp(c->clauses.v[i], c->clauses.v[i - 1]) != 0)
			strbuf_printf(&text, "%s%s", i ? "," : "[", c->clauses.v[i]);
	strbuf_putc(&text, ']');
	return strbuf_take(&text);
}

// ---- What stands where ----

static bool same(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static void copy(char **dst, const char *src)
{
	free(*dst);
	*dst = src ? xstrdup(src) : NULL;
}

bool idl_conditions_all_act(const struct idl *idl)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		if (!same(idl->tables[i].condition, idl->tables[i].condition_acts))
			return false;
	return true;
}

static bool all_sent(const struct idl *idl)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		if (!same(idl->tables[i].condition, idl->tables[i].condition_sent))
			return false;
	return true;
}

static bool is_on_its_way(const struct idl *idl)
{
	return idl->state == IDL_MONITOR_ASKED || idl->condition_id;
}

uint64_t idl_set_condition(struct idl_condition *c)
{
	struct idl *idl = c->table->idl;
	uint64_t seqno;

	free(c->table->condition);
	c->table->condition = condition_text(c);
	idl->conditions_refused = false;
	if (is_on_its_way(idl))
		seqno = idl->condition_sent_seqno + !all_sent(idl);
	else
		seqno = idl->condition_seqno + !idl_conditions_all_act(idl);
	idl->condition_promised = MAX(idl->condition_promised, seqno);
	// At the end of the iteration, so that those of several tables go together.
	loop_wake(idl->loop);
	return seqno;
}

uint64_t idl_condition_seqno(const struct idl *idl)
{
	return idl->condition_seqno;
}

// ---- The server ----

void idl_conditions_asked(struct idl *idl)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		copy(&idl->tables[i].condition_sent, idl->tables[i].condition);
	idl->condition_sent_seqno = idl->condition_promised;
}

void idl_conditions_act(struct idl *idl)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		copy(&idl->tables[i].condition_acts, idl->tables[i].condition_sent);
	if (idl->condition_seqno != idl->condition_sent_seqno)
		idl->changed = true;
	idl->condition_seqno = idl->condition_sent_seqno;
}

void idl_conditions_reset(struct idl *idl)
{
	idl->condition_id = 0;
	idl->conditions_refused = false;
}

void idl_conditions_send(struct idl *idl)
{
	AUTO(strbuf) params = STRBUF_INIT;
	bool all_act = idl_conditions_all_act(idl);
	struct json_writer w;

	if (idl->state != IDL_MONITORING || is_on_its_way(idl) || idl->conditions_refused ||
	    (all_act && idl->condition_seqno == idl->condition_promised))
		return;
	idl_conditions_asked(idl);
	// Nothing to ask for where the last change took back those before it, and of a server that knows no conditions: all rows are there.
	if (all_act || idl->method == IDL_MONITOR) {
		idl_conditions_act(idl);
		return;
	}
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_raw(&w, IDL_CONTENT, strlen(IDL_CONTENT));
	jw_raw(&w, IDL_CONTENT, strlen(IDL_CONTENT));
	jw_object_begin(&w);
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		const struct idl_table *t = &idl->tables[i];
		const char *text = t->condition ? t->condition : "[true]";

		if (same(t->condition, t->condition_acts) || !t->monitored || !t->server_has)
			continue;
		jw_key(&w, t->class->name);
		jw_array_begin(&w);
		jw_object_begin(&w);
		jw_key(&w, "where");
		jw_raw(&w, text, strlen(text));
		jw_object_end(&w);
		jw_array_end(&w);
	}
	jw_object_end(&w);
	jw_array_end(&w);
	idl->condition_id = idl_send_request(idl, "monitor_cond_change", &params);
}

// What has changed has come before.
void idl_conditions_reply(struct idl *idl, const struct jsonrpc_message *m)
{
	if (m->type == JSONRPC_REPLY) {
		idl_conditions_act(idl);
		return;
	}
	idl->conditions_refused = true;
	idl_set_error(idl, m->error.p, m->error.n);
	log_warn("%s: conditions refused: %.*s", jsonrpc_session_name(idl->js),
		 (int)MIN(m->error.n, 200u), m->error.p);
}
