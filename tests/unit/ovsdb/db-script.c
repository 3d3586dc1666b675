// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/ovsdb/db-script.h"

#include "core/base/hash.h"
#include "ovsdb/exec.h"

static const char schema_text[] =
	"{\"name\":\"T\",\"tables\":{\"R\":{\"isRoot\":true,\"indexes\":[[\"s\"]],\"columns\":{"
	"\"s\":{\"type\":\"string\"},\"i\":{\"type\":\"integer\"},"
	"\"m\":{\"type\":{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":\"unlimited\"}}"
	",\"n\":{\"type\":{\"key\":\"integer\",\"min\":0,\"max\":\"unlimited\"}},"
	"\"e\":{\"type\":\"integer\",\"ephemeral\":true},"
	"\"c\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},\"min\":0,\"max\":"
	"\"unlimited\"}},"
	"\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"R\",\"refType\":\"weak\"},"
	"\"min\":0,\"max\":\"unlimited\"}}}},"
	"\"C\":{\"columns\":{\"x\":{\"type\":\"string\"}}}}}";

struct ovsdb_schema *script_schema(void)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_schema *s;
	int rc =
		ovsdb_schema_read(&s, (struct json_span){ schema_text, strlen(schema_text) }, &err);

	assert(!rc);
	return s;
}

// Rows are named r0 to r9; what a transaction finds is what those before have left.
static void write_insert(struct strbuf *out, unsigned int i)
{
	unsigned int row = i % 10;

	strbuf_printf(out,
		      "{\"op\":\"delete\",\"table\":\"R\",\"where\":[[\"s\",\"==\",\"r%u\"]]},"
		      "{\"op\":\"insert\",\"table\":\"C\",\"row\":{\"x\":\"%u\"},\"uuid-name\":"
		      "\"c\"},"
		      "{\"op\":\"insert\",\"table\":\"R\",\"uuid-name\":\"r\",\"row\":{\"s\":"
		      "\"r%u\",\"i\":%u,"
		      "\"c\":[\"named-uuid\",\"c\"],\"e\":%u,\"m\":[\"map\",[[\"k\",\"",
		      row, i, row, i, i);
	// Some fill several sectors.
	strbuf_putc_n(out, 'x', i % 50 == 7 ? 700 : 20);
	strbuf_printf(out,
		      "\"]]]}},{\"op\":\"mutate\",\"table\":\"R\",\"where\":[],\"mutations\":[["
		      "\"w\",\"insert\",[\"named-uuid\",\"r\"]]]}");
}

static void write_operations(struct strbuf *out, unsigned int i)
{
	switch (i % 5) {
	case 0:
	case 2:
		write_insert(out, i);
		break;
	case 1:
		strbuf_printf(out,
			      "{\"op\":\"mutate\",\"table\":\"R\",\"where\":[[\"s\",\"!=\",\"r%u\"]"
			      "],\"mutations\":[[\"n\",\"insert\",[\"set\",[%u,%u]]],[\"n\","
			      "\"delete\",%u],"
			      "[\"m\",\"insert\",[\"map\",[[\"k%u\",\"%u\"]]]]]}",
			      i % 7, i + 100, i % 7, i % 4, i % 6, i);
		break;
	case 3:
		strbuf_printf(out,
			      "{\"op\":\"update\",\"table\":\"R\",\"where\":[],\"row\":{\"i\":%u,"
			      "\"e\":%u}},{\"op\":\"comment\",\"comment\":\"number %u\"}",
			      i, i, i);
		break;
	default:
		strbuf_printf(out,
			      "{\"op\":\"delete\",\"table\":\"R\",\"where\":[[\"s\",\"==\",\"r%u\"]"
			      "]},{\"op\":\"update\",\"table\":\"R\",\"where\":[[\"i\",\"<\",%u]],"
			      "\"row\":{\"m\":[\"map\",[[\"a\",\"%u\"]]]}}",
			      i % 10, i - 2, i);
	}
}

struct db_txn *script_transaction(struct db *db, unsigned int i)
{
	struct exec_context ctx = { .elapsed_msec = 0 };
	AUTO(strbuf) results = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct db_txn *txn = NULL;
	int64_t timeout;

	strbuf_puts(&text, "[\"T\",");
	write_operations(&text, i);
	strbuf_putc(&text, ']');
	if (ovsdb_execute(db, (struct json_span){ text.s, text.len }, &ctx, &results, &txn,
			  &timeout) != EXEC_COMMITTED)
		fatal(0, "transaction %u: %s", i, results.s);
	return txn;
}

uint64_t script_digest(const struct db *db)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < db->schema->n_tables; i++) {
		const struct db_table *t = &db->tables[i];
		const struct db_row *row;

		DB_ROW_FOR_EACH(row, t)
		{
			AUTO(strbuf) text = STRBUF_INIT;

			strbuf_put(&text, db_row_uuid(row), sizeof(struct uuid));
			for (size_t c = OVSDB_COL_FIRST; c < t->schema->n_columns; c++) {
				const struct ovsdb_column *column = t->schema->columns[c];

				if (column->ephemeral)
					continue;
				ovsdb_datum_format(&row->fields[c], &column->type, &text);
				strbuf_putc(&text, '\n');
			}
			sum += hash_bytes(text.s, text.len, i);
		}
	}
	return sum;
}
