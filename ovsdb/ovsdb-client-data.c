// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: dump, backup, wait.
#include "ovsdb/ovsdb-client.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/vec.h"
#include "ovsdb/store.h"

typedef VEC(const struct ovsdb_column *) column_vec;

static void select_op(struct json_writer *w, const struct ovsdb_table_schema *ts,
		      const column_vec *columns)
{
	jw_object_begin(w);
	jw_member_string(w, "op", "select");
	jw_member_string(w, "table", ts->name);
	jw_key(w, "where");
	jw_array_begin(w);
	jw_array_end(w);
	if (columns) {
		jw_key(w, "columns");
		jw_array_begin(w);
		for (size_t i = 0; i < columns->n; i++)
			jw_string(w, columns->v[i]->name);
		jw_array_end(w);
	}
	jw_object_end(w);
}

// One row of a "select" as cells, in the order of 'columns'.
static void add_row(struct table *t, struct json_reader *r, const struct ovsdb_table_schema *ts,
		    const column_vec *columns)
{
	struct ovsdb_datum *fields = xcalloc(ts->n_columns, sizeof(*fields));
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		const struct ovsdb_column *c = ovsdb_table_column(ts, name);

		if (!c)
			json_skip(r);
		else if (ovsdb_datum_read(&fields[c->index], &c->type, r, NULL, &err))
			fatal(0, "%s.%s: cannot read value: %s", ts->name, name, err.details);
	}
	table_add_row(t);
	for (size_t i = 0; i < columns->n; i++)
		table_add_datum(t, &fields[columns->v[i]->index], &columns->v[i]->type);
	for (size_t i = 0; i < ts->n_columns; i++)
		ovsdb_datum_uninit(&fields[i], &ts->columns[i]->type);
	free(fields);
}

// The result of one operation: {"rows":[...]}
static void add_rows(struct table *t, struct json_reader *r, const struct ovsdb_table_schema *ts,
		     const column_vec *columns)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (!json_key_is(key, len, "rows"))
			fatal(0, "%s: %s", ts->name, "the server returned an error");
		json_array(r);
		while (json_element(r))
			add_row(t, r, ts, columns);
	}
}

static int compare_columns(const void *a_, const void *b_)
{
	const struct ovsdb_column *const *a = a_, *const *b = b_;

	return strcmp((*a)->name, (*b)->name);
}

static void dump_columns(const struct ovsdb_table_schema *ts, int argc, char *argv[],
			 column_vec *columns)
{
	for (int i = 0; i < argc; i++) {
		const struct ovsdb_column *c = ovsdb_table_column(ts, argv[i]);

		if (!c)
			fatal(0, "Table \"%s\" has no column %s.", ts->name, argv[i]);
		VEC_PUSH(columns, c);
	}
	for (size_t i = 0; !argc && i < ts->n_columns; i++)
		if (i != OVSDB_COL_VERSION)
			VEC_PUSH(columns, ts->columns[i]);
	qsort(columns->v, columns->n, sizeof(columns->v[0]), compare_columns);
}

static void dump_table(struct json_reader *r, const struct ovsdb_table_schema *ts,
		       const column_vec *columns)
{
	AUTO_FREE char *caption = xasprintf("%s table", ts->name);
	struct table *t = table_create(caption);

	for (size_t i = 0; i < columns->n; i++)
		table_add_column(t, columns->v[i]->name);
	add_rows(t, r, ts, columns);
	print_table(t);
	table_destroy(t);
}

void client_dump(struct client *c, int argc, char *argv[])
{
	size_t first = 0, n = c->schema->n_tables;
	AUTO(strbuf) params = STRBUF_INIT;
	column_vec *columns;
	struct json_writer w;
	struct json_reader r;

	if (argc) {
		const struct ovsdb_table_schema *ts = ovsdb_schema_table(c->schema, argv[0]);

		if (!ts)
			fatal(0, "No table \"%s\" found.", argv[0]);
		first = ts->position;
		n = 1;
	}
	columns = xcalloc(n + 1, sizeof(*columns));
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, c->database);
	for (size_t i = 0; i < n; i++) {
		const struct ovsdb_table_schema *ts = c->schema->tables[first + i];

		dump_columns(ts, MAX(argc - 1, 0), argv + 1, &columns[i]);
		select_op(&w, ts, &columns[i]);
	}
	jw_array_end(&w);
	client_call(c, "transact", &params);
	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	for (size_t i = 0; i < n && json_element(&r); i++) {
		dump_table(&r, c->schema->tables[first + i], &columns[i]);
		VEC_FREE(&columns[i]);
	}
	json_reader_uninit(&r);
	free(columns);
}

// ---- backup ----

// Puts what "select" found into a database of our own.
static void fill_table(struct db_txn *txn, struct db_table *t, struct json_reader *r)
{
	const struct ovsdb_table_schema *ts = t->schema;
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		json_array(r);
		while (json_element(r)) {
			struct json_span text = json_skip(r);
			struct db_row *row = NULL;

			// The uuid is needed before the other columns can be stored.
			for (int pass = 0; pass < 2; pass++) {
				struct json_reader sub;

				json_reader_init_span(&sub, text);
				json_object(&sub);
				while (json_member(&sub, &key, &len)) {
					AUTO_FREE char *name = xstrndup(key, len);
					const struct ovsdb_column *c = ovsdb_table_column(ts, name);
					struct ovsdb_datum d, *to;

					if (!c || (c->index == OVSDB_COL_UUID) == (pass == 1) ||
					    c->index == OVSDB_COL_VERSION ||
					    (pass == 0 && c->index != OVSDB_COL_UUID)) {
						json_skip(&sub);
						continue;
					}
					if (ovsdb_datum_read(&d, &c->type, &sub, NULL, &err))
						fatal(0, "%s.%s: %s", ts->name, name, err.details);
					if (pass == 0) {
						row = db_txn_insert(txn, t, &d.keys[0].uuid);
						ovsdb_datum_uninit(&d, &c->type);
					} else {
						to = db_txn_modify(txn, row, c);
						ovsdb_datum_uninit(to, &c->type);
						*to = d;
					}
				}
				json_reader_uninit(&sub);
			}
		}
	}
}

void client_backup(struct client *c, int argc, char *argv[])
{
	struct db *db = db_create(ovsdb_schema_clone(c->schema));
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) params = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct db_txn *txn;
	struct json_writer w;
	struct json_reader r;

	if (isatty(STDOUT_FILENO))
		fatal(0, "not writing backup to a terminal; please redirect stdout to a file");
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, c->database);
	for (size_t i = 0; i < c->schema->n_tables; i++)
		select_op(&w, c->schema->tables[i], NULL);
	jw_array_end(&w);
	client_call(c, "transact", &params);
	txn = db_txn_begin(db);
	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	for (size_t i = 0; i < c->schema->n_tables && json_element(&r); i++)
		fill_table(txn, &db->tables[i], &r);
	json_reader_uninit(&r);
	if (db_txn_commit(txn, &err))
		fatal(0, "the server's data do not fit its schema: %s: %s", err.tag, err.details);
	db_txn_finish(txn);
	store_format_snapshot(db, "produced by \"ovsdb-client backup\"", &out);
	fwrite(out.s, 1, out.len, stdout);
	db_destroy(db);
}

// ---- wait ----

// Until _Server's rows about database 'name' are 'rows'; both are JSON arrays.
static void wait_for_rows(struct client *c, const char *name, const char *columns, const char *rows)
{
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, "_Server");
	jw_object_begin(&w);
	jw_member_string(&w, "op", "wait");
	jw_member_string(&w, "table", "Database");
	jw_key(&w, "where");
	jw_array_begin(&w);
	jw_array_begin(&w);
	jw_string(&w, "name");
	jw_string(&w, "==");
	jw_string(&w, name);
	jw_array_end(&w);
	jw_array_end(&w);
	jw_key(&w, "columns");
	jw_raw(&w, columns, strlen(columns));
	jw_member_string(&w, "until", "==");
	jw_key(&w, "rows");
	jw_raw(&w, rows, strlen(rows));
	jw_object_end(&w);
	jw_array_end(&w);
	client_call(c, "transact", &params);
	client_check_results(c);
}

void client_wait(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) aware = STRBUF_INIT;

	strbuf_puts(&aware, "[true]");
	client_call(c, "set_db_change_aware", &aware);
	if (!strcmp(argv[1], "added"))
		wait_for_rows(c, argv[0], "[]", "[{}]");
	else if (!strcmp(argv[1], "connected"))
		wait_for_rows(c, argv[0], "[\"connected\"]", "[{\"connected\":true}]");
	else if (!strcmp(argv[1], "removed"))
		wait_for_rows(c, argv[0], "[]", "[]");
	else
		fatal(0, "%s: unknown state", argv[1]);
}
