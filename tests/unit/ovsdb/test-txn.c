// SPDX-License-Identifier: Apache-2.0
// Undo: whatever transactions did, taking them back newest first restores the database, counts and indexes included.
#include <stdio.h>

#include "core/base/hash.h"
#include "core/base/vec.h"
#include "ovsdb/exec.h"
#include "ovsdb/store.h"
#include "tests/suite.h"

static const char schema_text[] =
	"{\"name\":\"T\",\"tables\":{\"R\":{\"isRoot\":true,\"indexes\":[[\"s\"]],\"columns\":{"
	"\"s\":{\"type\":\"string\"},\"i\":{\"type\":\"integer\"},"
	"\"c\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},\"min\":0,\"max\":"
	"\"unlimited\"}},"
	"\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\",\"refType\":\"weak\"},"
	"\"min\":0,"
	"\"max\":\"unlimited\"}}}},"
	"\"C\":{\"columns\":{\"i\":{\"type\":\"integer\"},"
	"\"n\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},\"min\":0}}}}}}";

static struct db *new_db(void)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *s;

	ck_assert(!ovsdb_schema_read(&s, (struct json_span){ schema_text, strlen(schema_text) },
				     &err));
	return db_create(s);
}

static int by_uuid(const void *a, const void *b)
{
	const struct db_row *const *x = a, *const *y = b;

	return uuid_compare(db_row_uuid(*x), db_row_uuid(*y));
}

// Every row, its version and its number of references, in order.
static char *picture(const struct db *db)
{
	struct strbuf out = STRBUF_INIT;
	struct json_writer w;

	for (size_t i = 0; i < db->schema->n_tables; i++) {
		VEC(struct db_row *) rows = VEC_INIT;
		struct db_row *row;

		DB_ROW_FOR_EACH(row, &db->tables[i])
		VEC_PUSH(&rows, row);
		if (rows.n)
			qsort(rows.v, rows.n, sizeof(rows.v[0]), by_uuid);
		ck_assert_uint_eq(rows.n, db->tables[i].n_rows);
		for (size_t j = 0; j < rows.n; j++) {
			strbuf_printf(&out, "%zu refs, %zu weak: ", rows.v[j]->n_refs,
				      list_size(&rows.v[j]->weak_in));
			json_writer_init(&w, &out);
			ovsdb_row_write(rows.v[j], NULL, 0, &w);
			strbuf_putc(&out, '\n');
		}
		VEC_FREE(&rows);
	}
	return strbuf_take(&out);
}

// Runs one transaction; NULL when it failed.
static struct db_txn *transact(struct db *db, const char *text, struct strbuf *results)
{
	struct exec_context ctx = { .elapsed_msec = INT64_MAX };
	struct db_txn *txn = NULL;
	int64_t timeout;

	ovsdb_execute(db, (struct json_span){ text, strlen(text) }, &ctx, results, &txn, &timeout);
	return txn;
}

static uint32_t pick(uint32_t n)
{
	return random_u32() % n;
}

// A random operation on few names, so that transactions meet.
static void random_op(struct strbuf *b)
{
	uint32_t s = pick(4), i = pick(5);

	switch (pick(7)) {
	case 0:
		strbuf_printf(b,
			      ",{\"op\":\"insert\",\"table\":\"R\",\"row\":{\"s\":\"%u\",\"c\":["
			      "\"named-uuid\",\"a\"],"
			      "\"w\":[\"named-uuid\",\"a\"]}},"
			      "{\"op\":\"insert\",\"table\":\"C\",\"uuid-name\":\"a\",\"row\":{"
			      "\"i\":%u,\"n\":"
			      "[\"named-uuid\",\"b\"]}},{\"op\":\"insert\",\"table\":\"C\",\"uuid-"
			      "name\":\"b\",\"row\":{}}",
			      s, i);
		break;
	case 1:
		strbuf_printf(b, ",{\"op\":\"insert\",\"table\":\"R\",\"row\":{\"s\":\"%u\"}}", s);
		break;
	case 2:
		strbuf_printf(
			b, ",{\"op\":\"delete\",\"table\":\"R\",\"where\":[[\"s\",\"==\",\"%u\"]]}",
			s);
		break;
	case 3:
		strbuf_printf(b,
			      ",{\"op\":\"update\",\"table\":\"R\",\"where\":[[\"s\",\"==\",\"%u\"]"
			      "],\"row\":{\"i\":%u,"
			      "\"c\":[\"set\",[]]}}",
			      s, i);
		break;
	case 4:
		strbuf_printf(b,
			      ",{\"op\":\"update\",\"table\":\"R\",\"where\":[[\"s\",\"==\",\"%u\"]"
			      "],\"row\":{\"s\":\"%u\"}}",
			      s, pick(4));
		break;
	case 5:
		strbuf_printf(
			b, ",{\"op\":\"delete\",\"table\":\"C\",\"where\":[[\"i\",\"==\",%u]]}", i);
		break;
	case 6:
		strbuf_printf(b,
			      ",{\"op\":\"mutate\",\"table\":\"C\",\"where\":[],\"mutations\":[["
			      "\"i\",\"+=\",%u]]}",
			      i);
	}
}

static void random_transaction(struct strbuf *b)
{
	strbuf_clear(b);
	strbuf_puts(b, "[\"T\"");
	// Names may be declared once a transaction only.
	random_op(b);
	if (!strstr(b->s, "uuid-name"))
		random_op(b);
	strbuf_putc(b, ']');
}

START_TEST(test_undo)
{
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) results = STRBUF_INIT;
	struct db *db = new_db();
	unsigned int committed = 0, failed = 0;

	random_seed(0x0ddb + _i);
	for (int round = 0; round < 300; round++) {
		struct db_txn *txns[4];
		char *before[5];
		int n = 0;

		for (int i = 0; i < 4; i++) {
			random_transaction(&text);
			strbuf_clear(&results);
			before[n] = picture(db);
			txns[n] = transact(db, text.s, &results);
			if (txns[n]) {
				committed++;
				n++;
				continue;
			}
			failed++;
			char *after = picture(db);
			ck_assert_msg(!strcmp(before[n], after), "%s\n%s", text.s, results.s);
			free(after);
			free(before[n]);
		}
		if (pick(2)) {
			for (int i = n - 1; i >= 0; i--) {
				char *after;

				db_txn_rollback(txns[i]);
				after = picture(db);
				ck_assert_str_eq(before[i], after);
				free(after);
			}
		} else {
			for (int i = 0; i < n; i++)
				db_txn_finish(txns[i]);
		}
		for (int i = 0; i < n; i++)
			free(before[i]);
	}
	ck_assert_uint_gt(committed, 100);
	ck_assert_uint_gt(failed, 10);
	db_destroy(db);
}
END_TEST

// The file, in slices of 'n' rows; NULL when given up after 'most' of them.
static struct store *open_in_slices(const char *path, size_t n, size_t most)
{
	struct error err = ERROR_INIT;
	struct store_opening *o;
	struct db_txn *txn;
	struct store *s;
	struct db *db;
	size_t i = 0;
	int rc = 1;

	ck_assert(!store_opening_begin(&o, path, OVSDB_LOG_READ, NULL, OVSDB_REFUSE, &err));
	while (i++ < most && (rc = store_opening_step(o, n, &err)) > 0)
		;
	ck_assert_msg(rc >= 0, "%s", err.text);
	s = store_opening_end(o, &db, &txn);
	ck_assert_int_eq(!s, rc);
	if (txn)
		db_txn_finish(txn);
	db_destroy(db);
	return s;
}

// What the log says about a transaction makes the same database again.
START_TEST(test_replay)
{
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) results = STRBUF_INIT;
	char dir[] = "/tmp/test-txn.XXXXXX";
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct error err = ERROR_INIT;
	struct ovsdb_schema *schema;
	struct store *s;

	random_seed(0x1ddb + _i);
	ck_assert(mkdtemp(dir));
	AUTO_FREE char *path = xasprintf("%s/t.db", dir);
	AUTO_FREE char *lock = xasprintf("%s/.t.db.~lock~", dir);
	ck_assert(!ovsdb_schema_read(&schema,
				     (struct json_span){ schema_text, strlen(schema_text) }, &oe));
	ck_assert_msg(!store_create_file(path, schema, &err), "%s", err.text);
	ovsdb_schema_destroy(schema);
	ck_assert_msg(!store_open(&s, path, OVSDB_LOG_WRITE, NULL, &err), "%s", err.text);
	for (int i = 0; i < 200; i++) {
		struct db_txn *txn;

		random_transaction(&text);
		strbuf_clear(&results);
		txn = transact(s->db, text.s, &results);
		if (!txn)
			continue;
		store_append(s, txn);
		ck_assert(!store_flush(s, false, &err));
		db_txn_finish(txn);
		if (!pick(50))
			ck_assert(!store_compact(s, NULL, &err));
	}
	// Versions are new after a restart: compare snapshots, which do not hold them.
	for (int i = 0; i < 2; i++) {
		struct store *again;

		again = open_in_slices(path, 1 + _i % 5, SIZE_MAX);
		for (size_t t = 0; t < s->db->schema->n_tables; t++) {
			struct db_row *row;

			ck_assert_uint_eq(s->db->tables[t].n_rows, again->db->tables[t].n_rows);
			DB_ROW_FOR_EACH(row, &s->db->tables[t])
			{
				struct db_row *other =
					db_row_find(&again->db->tables[t], db_row_uuid(row));

				ck_assert(other);
				ck_assert_uint_eq(row->n_refs, other->n_refs);
				for (size_t c = OVSDB_COL_FIRST; c < row->table->schema->n_columns;
				     c++)
					ck_assert(ovsdb_datum_equal(
						&row->fields[c], &other->fields[c],
						&row->table->schema->columns[c]->type));
			}
		}
		store_close(again);
		ck_assert(!store_compact(s, NULL, &err));
	}
	store_close(s);
	for (size_t i = 0; !(s = open_in_slices(path, 1, i)); i++)
		;
	store_close(s);
	remove(path);
	remove(lock);
	remove(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("txn");
	TCase *t = tcase_create("txn");

	program_init("test-txn");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, test_undo, 0, 4);
	tcase_add_loop_test(t, test_replay, 0, 4);
	suite_add_tcase(s, t);
	return suite_run(s);
}
