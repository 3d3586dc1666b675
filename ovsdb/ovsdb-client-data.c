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

// The rows that the next "select" of an answer has found, to be read one by one.
static void begin_rows(struct json_reader *answer, const struct ovsdb_table_schema *ts,
		       struct json_reader *rows)
{
	struct json_span result = { NULL, 0 };
	const char *key;
	size_t len;

	if (json_element(answer))
		result = json_skip(answer);
	json_reader_init_span(rows, result);
	json_object(rows);
	if (!json_member(rows, &key, &len) || !json_key_is(key, len, "rows"))
		fatal(0, "%s: the server did not send the rows", ts->name);
	json_array(rows);
}

static void check_rows(const struct json_reader *rows, const struct ovsdb_table_schema *ts)
{
	if (json_failed(rows))
		fatal(0, "%s: cannot read the rows: %s", ts->name, rows->err.text);
}

static void end_rows(struct json_reader *rows, const struct ovsdb_table_schema *ts)
{
	check_rows(rows, ts);
	json_reader_uninit(rows);
}

// One row, by index of the column; what it lacks is empty. Freed by free_fields().
static struct ovsdb_datum *read_fields(struct json_reader *r, const struct ovsdb_table_schema *ts)
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
	check_rows(r, ts);
	return fields;
}

static void free_fields(struct ovsdb_datum *fields, const struct ovsdb_table_schema *ts)
{
	for (size_t i = 0; i < ts->n_columns; i++)
		ovsdb_datum_uninit(&fields[i], &ts->columns[i]->type);
	free(fields);
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

static void dump_table(struct json_reader *answer, const struct ovsdb_table_schema *ts,
		       const column_vec *columns)
{
	AUTO_FREE char *caption = xasprintf("%s table", ts->name);
	struct table *t = table_create(caption);
	struct json_reader rows;

	for (size_t i = 0; i < columns->n; i++)
		table_add_column(t, columns->v[i]->name);
	begin_rows(answer, ts, &rows);
	while (json_element(&rows)) {
		struct ovsdb_datum *fields = read_fields(&rows, ts);

		table_add_row(t);
		for (size_t i = 0; i < columns->n; i++)
			table_add_datum(t, &fields[columns->v[i]->index], &columns->v[i]->type);
		free_fields(fields, ts);
	}
	end_rows(&rows, ts);
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
	client_check_results(c);
	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	for (size_t i = 0; i < n; i++) {
		dump_table(&r, c->schema->tables[first + i], &columns[i]);
		VEC_FREE(&columns[i]);
	}
	json_reader_uninit(&r);
	free(columns);
}

// ---- backup ----

static void insert_row(struct db_txn *txn, struct db_table *t, struct ovsdb_datum *fields)
{
	const struct ovsdb_datum *uuid = &fields[OVSDB_COL_UUID];
	struct db_row *row = uuid->n ? db_txn_insert(txn, t, &uuid->keys[0].uuid) : NULL;

	if (!row)
		fatal(0, "%s: the server sent a row without a uuid of its own", t->schema->name);
	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++) {
		const struct ovsdb_column *c = t->schema->columns[i];
		struct ovsdb_datum *to;

		if (!fields[i].n)
			continue; // as in a new row
		to = db_txn_modify(txn, row, c);
		ovsdb_datum_uninit(to, &c->type);
		*to = fields[i];
		fields[i] = (struct ovsdb_datum){ 0 };
	}
}

// Puts what "select" found into a database of our own.
static void fill_table(struct db_txn *txn, struct db_table *t, struct json_reader *answer)
{
	struct json_reader rows;

	begin_rows(answer, t->schema, &rows);
	while (json_element(&rows)) {
		struct ovsdb_datum *fields = read_fields(&rows, t->schema);

		insert_row(txn, t, fields);
		free_fields(fields, t->schema);
	}
	end_rows(&rows, t->schema);
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
	client_check_results(c);
	txn = db_txn_begin(db);
	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	for (size_t i = 0; i < c->schema->n_tables; i++)
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
	client_set_aware(c);
	if (!strcmp(argv[1], "added"))
		wait_for_rows(c, argv[0], "[]", "[{}]");
	else if (!strcmp(argv[1], "connected"))
		wait_for_rows(c, argv[0], "[\"connected\"]", "[{\"connected\":true}]");
	else if (!strcmp(argv[1], "removed"))
		wait_for_rows(c, argv[0], "[]", "[]");
	else
		fatal(0, "%s: unknown state", argv[1]);
}
