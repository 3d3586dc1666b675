// SPDX-License-Identifier: Apache-2.0
// OVSDB's JSON: the first byte says what the rest is taken for: a transaction, a log record, a schema, monitor requests, a
// condition, or the text of a value.
#include <stdint.h>

#include "core/base/log.h"
#include "ovsdb/condition.h"
#include "ovsdb/exec.h"
#include "ovsdb/monitor.h"
#include "ovsdb/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
	"{\"name\":\"T\",\"tables\":{\"R\":{\"isRoot\":true,\"indexes\":[[\"s\"]],\"columns\":{"
	"\"s\":{\"type\":\"string\"},\"i\":{\"type\":{\"key\":{\"type\":\"integer\",\"minInteger\":"
	"0}}},"
	"\"e\":{\"type\":{\"key\":{\"type\":\"string\",\"enum\":[\"set\",[\"a\",\"b\"]]},\"min\":0}"
	"},"
	"\"r\":{\"type\":{\"key\":\"real\",\"min\":0,\"max\":3}},\"b\":{\"type\":\"boolean\"},"
	"\"m\":{\"type\":{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":\"unlimited\"}}"
	","
	"\"c\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},\"min\":0,\"max\":"
	"\"unlimited\"}},"
	"\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\",\"refType\":\"weak\"},"
	"\"min\":0,"
	"\"max\":\"unlimited\"}}}},"
	"\"C\":{\"columns\":{\"n\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},"
	"\"min\":0}}}}}}";

static struct ovsdb_schema *test_schema(void)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *s;
	int rc = ovsdb_schema_read(&s, (struct json_span){ schema_text, sizeof(schema_text) - 1 },
				   &err);

	assert(!rc);
	return s;
}

static void run_transaction(struct db *db, struct json_span text, bool undo)
{
	struct exec_context ctx = { .elapsed_msec = INT64_MAX };
	AUTO(strbuf) results = STRBUF_INIT;
	AUTO(strbuf) update = STRBUF_INIT;
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct json_span id = { "1", 1 }, all = { "{\"R\":{},\"C\":{}}", 15 };
	struct db_txn *txn = NULL;
	struct json_reader r;
	struct monitor *m;
	int64_t timeout;
	int rc = monitor_create(&m, db, MONITOR_V2, id, all, &err);

	assert(!rc);
	ovsdb_execute(db, text, &ctx, &results, &txn, &timeout);
	// Whatever came in, the answer is JSON.
	json_reader_init(&r, strbuf_cstr(&results), results.len);
	json_skip(&r);
	assert(!json_failed(&r) || timeout);
	json_reader_uninit(&r);
	if (txn) {
		monitor_write_update(m, txn, &update);
		if (undo)
			db_txn_rollback(txn);
		else
			db_txn_finish(txn);
	}
	monitor_destroy(m);
}

static void run_monitor(struct db *db, struct json_span text)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct json_span id = { "1", 1 }, other = { "{\"R\":[{\"where\":[false]}]}", 26 };
	AUTO(strbuf) out = STRBUF_INIT;
	struct monitor *m;
	bool any;

	if (!monitor_create(&m, db, MONITOR_V2, id, text, &err)) {
		monitor_write_initial(m, &out);
		monitor_change_conditions(m, id, other, &out, &any, &err);
		monitor_change_conditions(m, id, text, &out, &any, &err);
		monitor_destroy(m);
	}
	if (monitor_create(&m, db, MONITOR_V3, id, other, &err))
		return;
	monitor_change_conditions(m, id, text, &out, &any, &err);
	monitor_destroy(m);
}

static bool count_row(struct db_row *row, void *n)
{
	++*(size_t *)n;
	return true;
}

// Looking for rows by index or one by one finds the same ones.
static void run_condition(struct db *db, struct json_span text)
{
	struct db_table *t = db_table(db, "R");
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	size_t found = 0, holds = 0;
	struct ovsdb_condition c;
	struct db_row *row;
	struct json_reader r;

	json_reader_init_span(&r, text);
	if (!ovsdb_condition_read(&c, t->schema, &r, NULL, true, &err)) {
		ovsdb_condition_for_each(&c, t, count_row, &found);
		DB_ROW_FOR_EACH(row, t)
		{
			holds += ovsdb_condition_all(&c, row->fields);
			ovsdb_condition_any(&c, row->fields);
		}
		assert(found == holds);
		ovsdb_condition_uninit(&c);
	}
	json_reader_uninit(&r);
}

// Some rows to choose from.
static void fill(struct db *db)
{
	static const char text[] =
		"[\"T\",{\"op\":\"insert\",\"table\":\"C\",\"row\":{},\"uuid-name\":\"c\"},"
		"{\"op\":\"insert\",\"table\":\"R\",\"uuid\":\"00000000-0000-0000-0000-"
		"000000000001\","
		"\"row\":{\"s\":\"a\",\"i\":1,\"c\":[\"named-uuid\",\"c\"],\"m\":[\"map\",[[\"a\","
		"\"b\"]]]}},{\"op\":\"insert\",\"table\":\"R\",\"row\":{\"s\":\"b\",\"i\":2,\"r\":["
		"\"set\",[1,2.5]],\"e\":\"a\",\"b\":true}}]";

	run_transaction(db, (struct json_span){ text, sizeof(text) - 1 }, false);
	assert(db_row_first(db_table(db, "R")));
}

static void run_schema(struct json_span text)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct ovsdb_schema *s;
	struct json_writer w;

	if (ovsdb_schema_read(&s, text, &err))
		return;
	json_writer_init(&w, &out);
	ovsdb_schema_write(s, &w);
	ovsdb_schema_destroy(s);
}

static void run_text(const struct db *db, struct json_span text)
{
	const struct ovsdb_table_schema *ts = ovsdb_schema_table(db->schema, "R");
	AUTO_FREE char *copy = xstrndup(text.p, text.n);

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		struct ovsdb_error err = OVSDB_ERROR_INIT;
		AUTO(strbuf) out = STRBUF_INIT;
		struct ovsdb_datum d;

		if (ovsdb_datum_parse(&d, &ts->columns[i]->type, copy, NULL, &err))
			continue;
		ovsdb_datum_format(&d, &ts->columns[i]->type, &out);
		ovsdb_datum_uninit(&d, &ts->columns[i]->type);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct json_span text;
	struct db *db;

	if (!size)
		return 0;
	text = (struct json_span){ (const char *)data + 1, size - 1 };
	db = db_create(test_schema());
	switch (data[0]) {
	case 't':
		// Half of them are taken back, as after a failed write.
		run_transaction(db, text, !(text.n & 1));
		run_transaction(db, text, !(text.n & 1));
		break;
	case 'r':
		store_replay(db, text, &err);
		break;
	case 's':
		run_schema(text);
		break;
	case 'c':
		fill(db);
		run_condition(db, text);
		break;
	case 'm':
		fill(db);
		run_monitor(db, text);
		break;
	default:
		run_text(db, text);
	}
	db_destroy(db);
	return 0;
}
