// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: convert, needs-conversion, restore: what changes a database as a whole.
#include "ovsdb/ovsdb-client.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "ovsdb/store.h"

LOG_MODULE(ovsdb_client);

bool force;

// ---- convert, needs-conversion ----

struct ovsdb_schema *client_read_schema_file(const char *path)
{
	struct error err = ERROR_INIT;
	struct ovsdb_schema *schema;

	if (ovsdb_schema_read_file(&schema, path, &err))
		fatal(0, "failed to read schema: %s", err.text);
	return schema;
}

// A cluster keeps all that it holds: no column is ephemeral there.
static void make_persistent(struct client *c, struct ovsdb_schema *schema, const char *path)
{
	AUTO_FREE char *model = client_database_model(c, schema->name);
	size_t n = 0;

	if (!model || strcmp(model, "clustered") != 0)
		return;
	for (size_t i = 0; i < schema->n_tables; i++) {
		struct ovsdb_table_schema *ts = schema->tables[i];

		for (size_t j = 0; j < ts->n_columns; j++) {
			n += ts->columns[j]->ephemeral;
			ts->columns[j]->ephemeral = false;
		}
	}
	if (n)
		log_warn("%s: %zu columns of database %s are made persistent, for clusters have no "
			 "ephemeral ones",
			 path, n, schema->name);
}

void client_convert(struct client *c, int argc, char *argv[])
{
	struct ovsdb_schema *schema = client_read_schema_file(argv[0]);
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_writer w;

	make_persistent(c, schema, argv[0]);
	client_set_aware(c);
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, schema->name);
	ovsdb_schema_write(schema, &w);
	jw_array_end(&w);
	client_call(c, "convert", &params);
	ovsdb_schema_destroy(schema);
}

void client_needs_conversion(struct client *c, int argc, char *argv[])
{
	struct ovsdb_schema *want = client_read_schema_file(argv[0]);

	make_persistent(c, want, argv[0]);
	free(c->database);
	c->database = xstrdup(want->name);
	client_get_schema(c);
	puts(ovsdb_schema_equal(want, c->schema) ? "no" : "yes");
	ovsdb_schema_destroy(want);
}

// ---- restore ----

// The file is read by position: what comes through a pipe is put aside first.
static void make_stdin_a_file(void)
{
	struct stat st;
	char buf[65536];
	ssize_t n;
	int fd;

	if (isatty(STDIN_FILENO))
		fatal(0, "not reading backup from a terminal; "
			 "please redirect stdin from a file");
	if (!fstat(STDIN_FILENO, &st) && S_ISREG(st.st_mode))
		return;
	fd = memfd_create("backup", MFD_CLOEXEC);
	if (fd < 0)
		fatal(errno, "cannot buffer the backup");
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			fatal(errno, "cannot buffer the backup");
	if (n < 0)
		fatal(errno, "cannot read the backup");
	dup2(fd, STDIN_FILENO);
	close(fd);
}

static void check_same_schema(const struct ovsdb_schema *backup, const struct ovsdb_schema *db)
{
	AUTO_FREE char *difference = NULL;

	if (ovsdb_schema_equal(backup, db))
		return;
	if (strcmp(backup->version, db->version) != 0)
		difference = xasprintf("backup schema has version \"%s\" but database schema has "
				       "version \"%s\"",
				       backup->version, db->version);
	else
		difference = xasprintf("backup schema and database schema are both version %s but "
				       "still differ",
				       backup->version);
	if (!force)
		fatal(0,
		      "%s (use --force to override differences, or \"ovsdb-client convert\" to "
		      "change the schema)",
		      difference);
	log_warn("%s", difference);
}

static char *row_symbol(const struct uuid *uuid)
{
	char *name = xasprintf("row" UUID_FMT, UUID_ARGS(uuid));

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

// A reference to a row of the backup goes to the row that will stand in for it.
static void put_atom(const struct db *db, const struct ovsdb_base_type *base,
		     const union ovsdb_atom *a, struct json_writer *w)
{
	const struct ovsdb_table_schema *ts =
		base->ref_table ? ovsdb_schema_table(db->schema, base->ref_table) : NULL;

	if (ts && db_row_find(&db->tables[ts->position], &a->uuid)) {
		AUTO_FREE char *name = row_symbol(&a->uuid);

		jw_array_begin(w);
		jw_string(w, "named-uuid");
		jw_string(w, name);
		jw_array_end(w);
		return;
	}
	ovsdb_atom_write(a, base->type, w);
}

static void put_datum(const struct db *db, const struct ovsdb_datum *d, const struct ovsdb_type *t,
		      struct json_writer *w)
{
	bool map = ovsdb_type_is_map(t);

	if (!ovsdb_type_is_composite(t)) {
		put_atom(db, &t->key, &d->keys[0], w);
		return;
	}
	jw_array_begin(w);
	jw_string(w, map ? "map" : "set");
	jw_array_begin(w);
	for (unsigned int i = 0; i < d->n; i++) {
		if (map)
			jw_array_begin(w);
		put_atom(db, &t->key, &d->keys[i], w);
		if (map) {
			put_atom(db, &t->value, &d->values[i], w);
			jw_array_end(w);
		}
	}
	jw_array_end(w);
	jw_array_end(w);
}

static void put_insert(const struct db *db, const struct db_row *row, struct json_writer *w)
{
	const struct ovsdb_table_schema *ts = row->table->schema;
	AUTO_FREE char *name = row_symbol(db_row_uuid(row));

	jw_object_begin(w);
	jw_member_string(w, "op", "insert");
	jw_member_string(w, "table", ts->name);
	jw_member_string(w, "uuid-name", name);
	jw_key(w, "row");
	jw_object_begin(w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct ovsdb_column *col = ts->columns[i];

		if (ovsdb_datum_is_default(&row->fields[i], &col->type))
			continue;
		jw_key(w, col->name);
		put_datum(db, &row->fields[i], &col->type, w);
	}
	jw_object_end(w);
	jw_object_end(w);
}

static void put_restore(const struct db *db, struct json_writer *w)
{
	for (size_t i = 0; i < db->schema->n_tables; i++) {
		struct db_row *row;

		jw_object_begin(w);
		jw_member_string(w, "op", "delete");
		jw_member_string(w, "table", db->schema->tables[i]->name);
		jw_key(w, "where");
		jw_array_begin(w);
		jw_array_end(w);
		jw_object_end(w);
		DB_ROW_FOR_EACH(row, &db->tables[i])
		put_insert(db, row, w);
	}
}

void client_restore(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) params = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct json_writer w;
	struct store *s;

	make_stdin_a_file();
	if (store_open(&s, "/dev/stdin", OVSDB_LOG_READ, NULL, &err))
		fatal(0, "%s", err.text);
	check_same_schema(s->db->schema, c->schema);
	json_writer_init(&w, &params);
	jw_array_begin(&w);
	jw_string(&w, c->database);
	put_restore(s->db, &w);
	jw_array_end(&w);
	client_call(c, "transact", &params);
	client_check_results(c);
	store_close(s);
}
