// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/convert.h"

#include "core/base/arena.h"
#include "core/base/vec.h"

struct db_conversion {
	const struct db *old;
	struct db *new;
	struct db_txn *txn; // that fills it; NULL: done
	size_t table; // of 'old', that is at work
	struct db_row *row; // its next one; NULL: the table has not begun
	const struct ovsdb_column *
		*columns; // by column of that table: where it goes, NULL: nowhere
	bool *same; // and whether values are as they were
	struct arena arena; // for values of one row
	bool filled, committed;
};

// Through JSON: what is written under one type is read under another.
static int convert_value(struct db_conversion *c, const struct ovsdb_type *to,
			 const struct ovsdb_datum *old, const struct ovsdb_type *from,
			 struct ovsdb_datum *ret, struct ovsdb_error *err)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct json_writer w;
	struct json_reader r;
	int rc;

	json_writer_init(&w, &text);
	ovsdb_datum_write(old, from, &w);
	json_reader_init(&r, text.s, text.len);
	rc = ovsdb_datum_read_in(&c->arena, ret, to, &r, NULL, err);
	json_reader_uninit(&r);
	return rc;
}

static int does_not_fit(const struct db_row *row, const struct ovsdb_column *c,
			struct ovsdb_error *err)
{
	AUTO_FREE char *why = xstrdup(err->details);

	return ovsdb_error_set(err, err->tag, "table %s, row " UUID_FMT ", column %s: %s",
			       row->table->schema->name, UUID_ARGS(db_row_uuid(row)), c->name, why);
}

static int convert_row(struct db_conversion *c, const struct db_row *old, struct db_table *to,
		       struct ovsdb_error *err)
{
	const struct ovsdb_table_schema *ts = old->table->schema;
	VEC(const struct ovsdb_column *) columns = VEC_INIT;
	VEC(struct ovsdb_datum) values = VEC_INIT;
	struct db_row *new = db_txn_insert(c->txn, to, db_row_uuid(old));
	int rc = 0;

	for (size_t i = OVSDB_COL_FIRST; !rc && i < ts->n_columns; i++) {
		struct ovsdb_datum value = old->fields[i];

		if (!c->columns[i])
			continue;
		if (!c->same[i])
			rc = convert_value(c, &c->columns[i]->type, &old->fields[i],
					   &ts->columns[i]->type, &value, err);
		if (rc)
			does_not_fit(old, ts->columns[i], err);
		VEC_PUSH(&columns, c->columns[i]);
		VEC_PUSH(&values, value);
	}
	if (!rc)
		db_txn_fill(new, columns.v, values.v, columns.n);
	VEC_FREE(&columns);
	VEC_FREE(&values);
	arena_reset(&c->arena);
	return rc;
}

static void begin_table(struct db_conversion *c, const struct db_table *from,
			const struct db_table *to)
{
	size_t n = from->schema->n_columns;

	c->columns = xcalloc(n, sizeof(*c->columns));
	c->same = xcalloc(n, sizeof(*c->same));
	for (size_t i = OVSDB_COL_FIRST; i < n; i++) {
		const struct ovsdb_column *column = from->schema->columns[i];

		c->columns[i] = ovsdb_table_column(to->schema, column->name);
		c->same[i] = c->columns[i] && ovsdb_type_equal(&c->columns[i]->type, &column->type);
	}
}

static void end_table(struct db_conversion *c)
{
	free(c->columns);
	free(c->same);
	c->columns = NULL;
	c->same = NULL;
}

// Some rows of one table: 1 when it has more.
static int convert_table(struct db_conversion *c, size_t *n, struct ovsdb_error *err)
{
	const struct db_table *from = &c->old->tables[c->table];
	struct db_table *to = db_table(c->new, from->schema->name);

	if (!to)
		return 0;
	if (!c->columns) {
		begin_table(c, from, to);
		c->row = db_row_first(from);
		db_table_reserve(to, from->n_rows);
	}
	for (; *n && c->row; --*n) {
		if (convert_row(c, c->row, to, err))
			return -EINVAL;
		c->row = db_row_next(from, c->row);
	}
	if (c->row)
		return 1;
	end_table(c);
	return 0;
}

static int convert_tables(struct db_conversion *c, size_t *n, struct ovsdb_error *err)
{
	for (; c->table < c->old->schema->n_tables; c->table++) {
		int rc = convert_table(c, n, err);

		if (rc)
			return rc;
	}
	c->filled = true;
	return 0;
}

struct db_conversion *db_conversion_begin(const struct db *old, struct ovsdb_schema *schema)
{
	struct db_conversion *c = xzalloc(sizeof(*c));

	arena_init(&c->arena);
	c->old = old;
	c->new = db_create(schema);
	c->txn = db_txn_begin(c->new);
	return c;
}

int db_conversion_step(struct db_conversion *c, size_t n, struct ovsdb_error *err)
{
	int rc;

	if (!c->filled) {
		rc = convert_tables(c, &n, err);
		return rc < 0 ? rc : 1;
	}
	if (!c->committed) {
		rc = db_txn_commit_some(c->txn, n, err);
		c->committed = !rc;
		return rc < 0 ? rc : 1;
	}
	if (db_txn_finish_some(c->txn, n))
		return 1;
	c->txn = NULL;
	return 0;
}

struct db *db_conversion_end(struct db_conversion *c, struct db_txn **ret_txn)
{
	struct db *new = c->new;

	*ret_txn = c->txn;
	end_table(c);
	arena_uninit(&c->arena);
	free(c);
	return new;
}

struct db *db_convert(const struct db *old, struct ovsdb_schema *schema, struct ovsdb_error *err)
{
	struct db_conversion *c = db_conversion_begin(old, schema);
	struct db_txn *txn;
	struct db *new;
	int rc;

	while ((rc = db_conversion_step(c, SIZE_MAX, err)) > 0)
		;
	new = db_conversion_end(c, &txn);
	if (!rc)
		return new;
	db_txn_finish(txn);
	db_destroy(new);
	return NULL;
}
