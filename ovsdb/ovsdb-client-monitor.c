// SPDX-License-Identifier: Apache-2.0
// ovsdb-client monitor, monitor-cond, monitor-cond-since: prints rows as they come, change and go.
#include "ovsdb/ovsdb-client.h"

#include <stdio.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/vec.h"
#include "ovsdb/condition.h"

struct watched {
	const struct ovsdb_table_schema *ts;
	VEC(const struct ovsdb_column *) columns;
};

enum how { MONITOR, MONITOR_COND, MONITOR_COND_SINCE };

struct monitoring {
	VEC(struct watched) tables;
	enum how how;
	bool all; // tables are named above their rows
};

bool change_aware = true;

// ---- Output ----

static void set_time(struct table *t)
{
	int64_t now = clock_wall_msec();
	time_t secs = now / 1000;
	char buf[64], text[80];
	struct tm tm;

	if (!print_timestamps)
		return;
	gmtime_r(&secs, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03d", buf, (int)(now % 1000));
	table_set_time(t, text);
}

static struct table *start_table(const struct watched *w, bool with_caption)
{
	struct table *t = table_create(with_caption ? w->ts->name : NULL);

	set_time(t);
	table_add_column(t, "row");
	table_add_column(t, "action");
	for (size_t i = 0; i < w->columns.n; i++)
		table_add_column(t, w->columns.v[i]->name);
	return t;
}

// 'fields' may lack columns (n 0 and no keys where 'has' is false): those cells stay empty.
static void add_line(struct table *t, const struct watched *w, const char *uuid, const char *action,
		     const struct ovsdb_datum *fields, const bool *has)
{
	table_add_row(t);
	table_add_text(t, uuid);
	table_add_text(t, action);
	for (size_t i = 0; i < w->columns.n; i++) {
		const struct ovsdb_column *c = w->columns.v[i];

		if (has[c->index])
			table_add_datum(t, &fields[c->index], &c->type);
		else
			table_add_text(t, "");
	}
}

// ---- Reading ----

struct side {
	struct ovsdb_datum *fields;
	bool *has, present;
};

static void side_init(struct side *s, const struct ovsdb_table_schema *ts)
{
	s->fields = xcalloc(ts->n_columns, sizeof(*s->fields));
	s->has = xcalloc(ts->n_columns, sizeof(*s->has));
	s->present = false;
}

static void side_uninit(struct side *s, const struct ovsdb_table_schema *ts)
{
	for (size_t i = 0; i < ts->n_columns; i++)
		ovsdb_datum_uninit(&s->fields[i], &ts->columns[i]->type);
	free(s->fields);
	free(s->has);
}

static void side_read(struct side *s, const struct ovsdb_table_schema *ts, struct json_reader *r,
		      bool is_diff)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	const char *key;
	size_t len;

	s->present = true;
	if (json_peek(r) == JSON_NULL) {
		json_null(r);
		return;
	}
	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		const struct ovsdb_column *c = ovsdb_table_column(ts, name);
		struct ovsdb_type t;

		if (!c) {
			json_skip(r);
			continue;
		}
		t = c->type;
		if (is_diff && ovsdb_type_is_composite(&t)) {
			t.n_min = 0;
			t.n_max = UINT_MAX;
		}
		if (ovsdb_datum_read(&s->fields[c->index], &t, r, NULL, &err))
			fatal(0, "%s.%s: cannot read value: %s", ts->name, name, err.details);
		s->has[c->index] = true;
	}
}

static void line_of(struct table *t, const struct watched *w, const char *uuid, const char *action,
		    const struct side *s)
{
	add_line(t, w, uuid, action, s->fields, s->has);
}

// {"old":..., "new":...}
static void read_v1(struct table *t, struct watched *w, const char *uuid, struct json_reader *r,
		    bool initial)
{
	struct side old, new;
	const char *key;
	size_t len;

	side_init(&old, w->ts);
	side_init(&new, w->ts);
	json_object(r);
	while (json_member(r, &key, &len))
		side_read(json_key_is(key, len, "old") ? &old : &new, w->ts, r, false);
	if (initial) {
		line_of(t, w, uuid, "initial", &new);
	} else if (!old.present) {
		line_of(t, w, uuid, "insert", &new);
	} else if (!new.present) {
		line_of(t, w, uuid, "delete", &old);
	} else {
		line_of(t, w, uuid, "old", &old);
		line_of(t, w, "", "new", &new);
	}
	side_uninit(&old, w->ts);
	side_uninit(&new, w->ts);
}

// {"initial" | "insert" | "modify" | "delete": ...}: the columns as they are sent; of a change, the differences.
static void read_v2(struct table *t, struct watched *w, const char *uuid, struct json_reader *r)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *action = xstrndup(key, len);
		struct side s;

		side_init(&s, w->ts);
		side_read(&s, w->ts, r, !strcmp(action, "modify"));
		line_of(t, w, uuid, action, &s);
		side_uninit(&s, w->ts);
	}
}

static struct watched *find_watched(struct monitoring *m, const char *name)
{
	struct watched *w;

	VEC_FOR_EACH (w, &m->tables)
		if (!strcmp(w->ts->name, name))
			return w;
	return NULL;
}

static void print_updates(struct monitoring *m, struct json_reader *r, bool initial)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct watched *w = find_watched(m, name);
		struct table *t;

		if (!w) {
			json_skip(r);
			continue;
		}
		t = start_table(w, m->all);
		json_object(r);
		while (json_member(r, &key, &len)) {
			AUTO_FREE char *uuid = xstrndup(key, len);

			if (m->how != MONITOR)
				read_v2(t, w, uuid, r);
			else
				read_v1(t, w, uuid, r, initial);
		}
		print_table(t);
		table_destroy(t);
	}
	fflush(stdout);
}

// What a later monitor-cond-since may begin with.
static void print_last_id(struct json_reader *r, const char *before)
{
	AUTO_FREE char *id = json_string_dup(r);

	printf("%slast_id: %s\n", before, id ? id : "");
	separate_tables = false;
}

static void check_rows(const struct client *c, const struct json_reader *r)
{
	if (json_failed(r))
		fatal(0, "%s: cannot read the rows: %s", c->server, r->err.text);
}

static void on_update(struct client *c, const struct jsonrpc_message *msg)
{
	bool since = !strcmp(msg->method, "update3");
	struct json_reader r;

	if (!strcmp(msg->method, "monitor_canceled"))
		fatal(0, "%s: %s database was removed", c->server, c->database);
	if (strcmp(msg->method, "update") != 0 && strcmp(msg->method, "update2") != 0 && !since)
		return;
	json_reader_init_span(&r, msg->params);
	json_array(&r);
	json_element(&r);
	json_skip(&r);
	if (since && json_element(&r))
		print_last_id(&r, "\n");
	if (json_element(&r))
		print_updates(c->aux, &r, false);
	check_rows(c, &r);
	json_reader_uninit(&r);
}

// The answer to monitor_cond_since: [found, last-id, rows].
static void print_initial(struct client *c, struct monitoring *m)
{
	struct json_reader r;

	json_reader_init(&r, c->reply.s, c->reply.len);
	if (m->how == MONITOR_COND_SINCE) {
		json_array(&r);
		json_element(&r);
		printf("found: %s, ", json_bool(&r) ? "true" : "false");
		json_element(&r);
		print_last_id(&r, "");
		json_element(&r);
	}
	print_updates(m, &r, true);
	check_rows(c, &r);
	json_reader_uninit(&r);
}

// ---- Asking ----

static const char *const events[] = { "initial", "insert", "delete", "modify" };

static int find_event(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(events[i], name))
			return i;
	return -1;
}

static void add_column(const struct client *c, struct watched *t, const struct ovsdb_column *col)
{
	const struct ovsdb_column **have;

	VEC_FOR_EACH (have, &t->columns)
		if (*have == col)
			fatal(0, "%s: column \"%s\" mentioned multiple times", c->server,
			      col->name);
	VEC_PUSH(&t->columns, col);
}

// One argument: columns and "!event"s separated by commas. No column stands for all.
static void parse_group(const struct client *c, struct watched *t, const char *arg, bool *off)
{
	AUTO_FREE char *copy = xstrdup(arg);
	size_t first = t->columns.n;
	char *save = NULL;

	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		int event = *s == '!' ? find_event(s + 1) : -1;
		const struct ovsdb_column *col = ovsdb_table_column(t->ts, s);

		if (event >= 0)
			off[event] = true;
		else if (col)
			add_column(c, t, col);
		else
			fatal(0, "%s: table \"%s\" in %s does not have a column named \"%s\"",
			      c->server, t->ts->name, c->database, s);
	}
	if (t->columns.n > first)
		return;
	for (size_t i = OVSDB_COL_FIRST; i < t->ts->n_columns; i++)
		add_column(c, t, t->ts->columns[i]);
	add_column(c, t, t->ts->columns[OVSDB_COL_VERSION]);
}

static void write_group(const struct client *c, struct json_writer *w, struct watched *t,
			const char *arg, const char *condition)
{
	bool off[ARRAY_SIZE(events)] = { false };
	size_t first = t->columns.n;

	parse_group(c, t, arg, off);
	jw_object_begin(w);
	jw_key(w, "columns");
	jw_array_begin(w);
	for (size_t i = first; i < t->columns.n; i++)
		jw_string(w, t->columns.v[i]->name);
	jw_array_end(w);
	jw_key(w, "select");
	jw_object_begin(w);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		jw_member_bool(w, events[i], !off[i]);
	jw_object_end(w);
	if (condition) {
		jw_key(w, "where");
		jw_raw(w, condition, strlen(condition));
	}
	jw_object_end(w);
}

static void write_table(const struct client *c, struct monitoring *m, struct json_writer *w,
			const struct ovsdb_table_schema *ts, int argc, char *argv[],
			const char *condition)
{
	struct watched *t = VEC_PUSH_UNINIT(&m->tables);

	memset(t, 0, sizeof(*t));
	t->ts = ts;
	jw_key(w, ts->name);
	jw_array_begin(w);
	if (!argc)
		write_group(c, w, t, "", condition);
	for (int i = 0; i < argc; i++)
		write_group(c, w, t, argv[i], condition);
	jw_array_end(w);
}

// NULL when 'text' is a condition for rows of 'ts', else what is wrong. Freed by the caller.
static char *check_condition(const struct ovsdb_table_schema *ts, const char *text)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	AUTO(strbuf) why = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct ovsdb_condition cond;
	struct json_reader r;

	json_reader_init(&r, text, strlen(text));
	if (ovsdb_condition_read(&cond, ts, &r, NULL, true, &oe)) {
		ovsdb_error_format(&oe, &why);
	} else {
		ovsdb_condition_uninit(&cond);
		if (json_finish(&r, &err))
			strbuf_puts(&why, err.text);
	}
	json_reader_uninit(&r);
	return why.len ? xasprintf("condition %s: %s", text, why.s) : NULL;
}

// ---- Control of a detached monitor ----

static void cmd_block(struct appctl_conn *conn, int argc, const char *const argv[], void *c_)
{
	bool pause = !strcmp(argv[0], "ovsdb-client/block");
	struct client *c = c_;

	if (c->paused == pause) {
		appctl_reply(conn, pause ? "already blocking" : "already unblocked");
		return;
	}
	c->paused = pause;
	jsonrpc_hold(c->rpc, pause);
	appctl_reply(conn, NULL);
}

static void cond_changed(struct client *c, struct appctl_conn *caller)
{
	appctl_reply(caller, "condition changed");
}

static void cmd_cond_change(struct appctl_conn *conn, int argc, const char *const argv[], void *c_)
{
	AUTO(strbuf) params = STRBUF_INIT;
	struct client *c = c_;
	const struct ovsdb_table_schema *ts = ovsdb_schema_table(c->schema, argv[1]);
	AUTO_FREE char *why = ts ? check_condition(ts, argv[2]) : NULL;

	if (!ts) {
		appctl_reply_errorf(conn, "%s does not have a table named \"%s\"", c->database,
				    argv[1]);
		return;
	}
	if (why) {
		appctl_reply_error(conn, why);
		return;
	}
	strbuf_printf(&params, "[null,null,{\"%s\":[{\"where\":%s}]}]", ts->name, argv[2]);
	client_call_for(c, conn, "monitor_cond_change", &params, cond_changed);
}

static const struct appctl_command control[] = {
	{ "ovsdb-client/block", "", 0, 0, cmd_block },
	{ "ovsdb-client/unblock", "", 0, 0, cmd_block },
	{ "ovsdb-client/cond_change", "TABLE COND", 2, 2, cmd_cond_change },
};

// ---- Commands ----

static void monitor(struct client *c, enum how how, int argc, char *argv[], const char *condition,
		    const char *last_id)
{
	static const char *const methods[] = { "monitor", "monitor_cond", "monitor_cond_since" };
	struct monitoring m = { .how = how };
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;

	m.all = how == MONITOR && !strcmp(argv[0], "ALL");
	if (m.all && argc > 1)
		fatal(0, "monitor ALL takes no columns");
	if (change_aware)
		client_set_aware(c);
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, c->database);
	jw_null(&w);
	jw_object_begin(&w);
	for (size_t i = 0; m.all && i < c->schema->n_tables; i++)
		write_table(c, &m, &w, c->schema->tables[i], 0, NULL, condition);
	if (!m.all)
		write_table(c, &m, &w, client_table(c, argv[0]), argc - 1, argv + 1, condition);
	jw_object_end(&w);
	if (last_id)
		jw_string(&w, last_id);
	jw_array_end(&w);
	c->notify = on_update;
	c->aux = &m;
	client_call(c, methods[how], &params);
	print_initial(c, &m);
	client_serve(c, control, ARRAY_SIZE(control));
}

void client_monitor(struct client *c, int argc, char *argv[])
{
	monitor(c, MONITOR, argc, argv, NULL, NULL);
}

// CONDITIONS TABLE [COLUMN,...]...
static void monitor_with_condition(struct client *c, enum how how, int argc, char *argv[],
				   const char *last_id)
{
	AUTO_FREE char *why = check_condition(client_table(c, argv[1]), argv[0]);

	if (why)
		fatal(0, "%s", why);
	monitor(c, how, argc - 1, argv + 1, argv[0], last_id);
}

void client_monitor_cond(struct client *c, int argc, char *argv[])
{
	monitor_with_condition(c, MONITOR_COND, argc, argv, NULL);
}

void client_monitor_cond_since(struct client *c, int argc, char *argv[])
{
	const char *last_id = "00000000-0000-0000-0000-000000000000";
	struct uuid id;

	if (uuid_parse(&id, argv[0])) {
		last_id = argv[0];
		argc--;
		argv++;
	}
	if (argc < 2)
		fatal(0, "invalid syntax for 'monitor-cond-since' (use --help for help)");
	monitor_with_condition(c, MONITOR_COND_SINCE, argc, argv, last_id);
}
