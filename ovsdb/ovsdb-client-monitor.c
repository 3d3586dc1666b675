// SPDX-License-Identifier: Apache-2.0
// ovsdb-client monitor, monitor-cond: prints rows as they come, change and go.
#include "ovsdb/ovsdb-client.h"

#include <stdio.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/vec.h"
#include "core/io/daemon.h"

struct watched {
	const struct ovsdb_table_schema *ts;
	VEC(const struct ovsdb_column *) columns;
};

struct monitoring {
	VEC(struct watched) tables;
	bool v2;
};

// ---- Output ----

static void print_time(void)
{
	int64_t now = clock_wall_msec();
	time_t t = now / 1000;
	char buf[64];
	struct tm tm;

	if (!print_timestamps)
		return;
	gmtime_r(&t, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s.%03d\n", buf, (int)(now % 1000));
}

static struct table *start_table(const struct watched *w, bool with_caption)
{
	AUTO_FREE char *caption = xasprintf("%s table", w->ts->name);
	struct table *t = table_create(with_caption ? caption : NULL);

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
		t = start_table(w, m->tables.n > 1);
		json_object(r);
		while (json_member(r, &key, &len)) {
			AUTO_FREE char *uuid = xstrndup(key, len);

			if (m->v2)
				read_v2(t, w, uuid, r);
			else
				read_v1(t, w, uuid, r, initial);
		}
		print_time();
		print_table(t);
		table_destroy(t);
	}
	fflush(stdout);
}

static void on_update(struct client *c, const struct jsonrpc_message *msg)
{
	struct json_reader r;

	if (strcmp(msg->method, "update") != 0 && strcmp(msg->method, "update2") != 0)
		return;
	json_reader_init_span(&r, msg->params);
	json_array(&r);
	json_element(&r);
	json_skip(&r);
	if (json_element(&r))
		print_updates(c->aux, &r, false);
	json_reader_uninit(&r);
}

// ---- Asking ----

// One argument: columns and "!event"s separated by commas.
static void write_group(struct json_writer *w, struct watched *t, const char *arg,
			const char *condition)
{
	static const char *const events[] = { "initial", "insert", "delete", "modify" };
	AUTO_FREE char *copy = xstrdup(arg);
	bool off[ARRAY_SIZE(events)] = { false }, any = false;
	size_t first = t->columns.n;
	char *save = NULL;

	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		const struct ovsdb_column *c;
		size_t i = 0;

		if (*s == '!') {
			while (i < ARRAY_SIZE(events) && strcmp(events[i], s + 1) != 0)
				i++;
			if (i == ARRAY_SIZE(events))
				fatal(0, "%s: unknown event", s);
			off[i] = true;
			continue;
		}
		c = ovsdb_table_column(t->ts, s);
		if (!c)
			fatal(0, "table \"%s\" does not have a column named \"%s\"", t->ts->name,
			      s);
		VEC_PUSH(&t->columns, c);
		any = true;
	}
	for (size_t i = 0; !any && i < t->ts->n_columns; i++)
		if (i != OVSDB_COL_UUID)
			VEC_PUSH(&t->columns, t->ts->columns[i]);
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

static void write_table(struct monitoring *m, struct json_writer *w,
			const struct ovsdb_table_schema *ts, int argc, char *argv[],
			const char *condition)
{
	struct watched *t = VEC_PUSH_UNINIT(&m->tables);

	memset(t, 0, sizeof(*t));
	t->ts = ts;
	jw_key(w, ts->name);
	jw_array_begin(w);
	if (!argc)
		write_group(w, t, "", condition);
	for (int i = 0; i < argc; i++)
		write_group(w, t, argv[i], condition);
	jw_array_end(w);
}

static void monitor(struct client *c, int argc, char *argv[], const char *condition)
{
	struct monitoring m = { .v2 = condition != NULL };
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;
	struct json_reader r;

	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, c->database);
	jw_null(&w);
	jw_object_begin(&w);
	if (!strcmp(argv[0], "ALL") && argc == 1)
		for (size_t i = 0; i < c->schema->n_tables; i++)
			write_table(&m, &w, c->schema->tables[i], 0, NULL, condition);
	else
		write_table(&m, &w, client_table(c, argv[0]), argc - 1, argv + 1, condition);
	jw_object_end(&w);
	jw_array_end(&w);
	c->notify = on_update;
	c->aux = &m;
	client_call(c, m.v2 ? "monitor_cond" : "monitor", &params);
	json_reader_init(&r, c->reply.s, c->reply.len);
	print_updates(&m, &r, true);
	json_reader_uninit(&r);
	daemon_ready();
	for (;;)
		loop_step(c->loop, -1);
}

void client_monitor(struct client *c, int argc, char *argv[])
{
	monitor(c, argc, argv, NULL);
}

void client_monitor_cond(struct client *c, int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct json_reader r;

	json_reader_init(&r, argv[0], strlen(argv[0]));
	json_skip(&r);
	if (json_finish(&r, &err))
		fatal(0, "condition %s: %s", argv[0], err.text);
	json_reader_uninit(&r);
	monitor(c, argc - 1, argv + 1, argv[0]);
}
