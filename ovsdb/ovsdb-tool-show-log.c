// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool show-log: the records of a database file, for people.
#include <stdio.h>
#include <time.h>

#include "core/base/log.h"
#include "ovsdb/ovsdb-tool.h"

LOG_MODULE(ovsdb_tool);

// Names of rows as records give them, by uuid text.
struct show {
	struct ovsdb_schema *schema;
	struct strmap names;
	struct strset seen; // rows that exist
};

// As text; what does not fit the column as the JSON that it is.
static void show_value(const struct ovsdb_column *c, const char *name, struct json_span value)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_type t = c->type;
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_reader r;
	struct ovsdb_datum d;

	if (ovsdb_type_is_composite(&t)) {
		t.n_min = 0;
		t.n_max = UINT_MAX;
	}
	json_reader_init_span(&r, value);
	if (!ovsdb_datum_read(&d, &t, &r, NULL, &err)) {
		ovsdb_datum_format(&d, &c->type, &out);
		ovsdb_datum_uninit(&d, &t);
	} else {
		strbuf_put(&out, value.p, value.n);
	}
	json_reader_uninit(&r);
	printf("    %s=%s\n", name, strbuf_cstr(&out));
}

// Learns the row's "name", when it gives one as a string.
static void learn_name(struct show *s, const char *uuid, struct json_span row)
{
	struct json_reader r;
	const char *key;
	size_t len;

	json_reader_init_span(&r, row);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "name") && json_peek(&r) == JSON_STRING)
			free(strmap_replace(&s->names, uuid, json_string_dup(&r)));
		else
			json_skip(&r);
	}
	json_reader_uninit(&r);
}

static void show_columns(const struct ovsdb_table_schema *ts, struct json_span row)
{
	struct json_reader r;
	const char *key;
	size_t len;

	json_reader_init_span(&r, row);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		const struct ovsdb_column *c = ts ? ovsdb_table_column(ts, name) : NULL;
		struct json_span value = json_skip(&r);

		if (c)
			show_value(c, name, value);
		else
			printf("    %s=%.*s\n", name, (int)value.n, value.p);
	}
	json_reader_uninit(&r);
}

static void show_row(struct show *s, const char *table, const char *uuid, struct json_span row)
{
	bool is_delete = row.n && *row.p == 'n', is_new = strset_add(&s->seen, uuid);
	const char *name;

	if (!is_delete && !strmap_get(&s->names, uuid))
		learn_name(s, uuid, row);
	name = strmap_get(&s->names, uuid);
	printf("  table %s %s", table, is_new ? "insert row" : "row");
	if (name)
		printf(" \"%s\" (%.8s)", name, uuid);
	else if (is_new)
		printf(" %.8s", uuid);
	else
		printf(" %.8s (%.8s)", uuid, uuid);
	printf(is_new ? ":\n" : " diff:\n");
	if (is_delete) {
		printf("    delete row\n");
		strset_remove(&s->seen, uuid);
		free(strmap_take(&s->names, uuid));
	} else {
		learn_name(s, uuid, row); // the record calls the row by its name before
		if (verbosity > 1)
			show_columns(ovsdb_schema_table(s->schema, table), row);
	}
}

static void show_table(struct show *s, const char *table, struct json_span text)
{
	struct json_reader r;
	const char *key;
	size_t len;

	json_reader_init_span(&r, text);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		AUTO_FREE char *uuid = xstrndup(key, len);

		show_row(s, table, uuid, json_skip(&r));
	}
	json_reader_uninit(&r);
}

static void print_date(int64_t msec)
{
	time_t t = msec / 1000;
	char buf[64];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm);
	printf(" %s.%03d", buf, (int)(msec % 1000));
}

// "_date" and "_comment" stand in the heading, wherever they are in the record.
static void show_heading(struct json_span record)
{
	AUTO_FREE char *comment = NULL;
	struct json_reader r;
	int64_t date = -1;
	const char *key;
	size_t len;

	json_reader_init_span(&r, record);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "_date")) {
			date = json_integer(&r);
		} else if (json_key_is(key, len, "_comment") && !comment) {
			comment = json_string_dup(&r);
		} else {
			json_skip(&r);
		}
	}
	json_reader_uninit(&r);
	if (date >= 0)
		print_date(date < INT64_C(9999999999) ? date * 1000 : date);
	if (comment)
		printf(" \"%s\"", comment);
	putchar('\n');
}

static void show_record(struct show *s, struct json_span record)
{
	struct json_reader r;
	const char *key;
	size_t len;

	show_heading(record);
	if (!verbosity)
		return;
	json_reader_init_span(&r, record);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		AUTO_FREE char *table = xstrndup(key, len);

		if (*table == '_')
			json_skip(&r);
		else
			show_table(s, table, json_skip(&r));
	}
	json_reader_uninit(&r);
	putchar('\n');
}

static void show_schema(const struct ovsdb_schema *schema)
{
	printf(" \"%s\" schema, version=\"%s\", cksum=\"%s\"\n\n", schema->name, schema->version,
	       schema->cksum);
}

// The next record, as --on-corruption has it; false at the end.
static bool next_record(struct ovsdb_log *log, struct json_span *record)
{
	AUTO(strbuf) what = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct json_span lost;
	int rc = ovsdb_log_read(log, record, &err);

	if (rc >= 0)
		return rc;
	fflush(stdout);
	if (rc != OVSDB_LOG_DAMAGED || on_corruption == OVSDB_REFUSE)
		fatal(0, "%s", err.text);
	log_warn("%s", err.text);
	if (on_corruption == OVSDB_ROLLBACK)
		return false;
	ovsdb_log_skip_damage(log, &lost);
	ovsdb_log_describe_damage(lost, &what);
	printf("damage: offset %lld, %zu bytes: %s\n\n", (long long)ovsdb_log_offset(log), lost.n,
	       what.s);
	return next_record(log, record);
}

void cmd_show_log(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct error err = ERROR_INIT;
	struct show s = { NULL };
	struct json_span record;
	struct ovsdb_log *log;

	strmap_init(&s.names);
	strset_init(&s.seen);
	need_standalone(path);
	if (ovsdb_log_open(&log, path, OVSDB_LOG_READ, NULL, &err))
		fatal(0, "%s", err.text);
	for (int i = 0; next_record(log, &record); i++) {
		printf("record %d:", i);
		if (i) {
			show_record(&s, record);
			continue;
		}
		if (ovsdb_schema_read(&s.schema, record, &oe))
			fatal(0, "%s: %s: %s", path, oe.tag, oe.details);
		show_schema(s.schema);
	}
	fflush(stdout);
	ovsdb_log_close(log);
	ovsdb_schema_destroy(s.schema);
	strmap_uninit_free(&s.names);
	strset_uninit(&s.seen);
}
