// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/convert.h"

static int convert_column(struct db_txn *txn, struct db_row *row, const struct ovsdb_column *c,
			  const struct ovsdb_datum *old, const struct ovsdb_type *old_type,
			  struct ovsdb_error *err)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct ovsdb_datum new, *d;
	struct json_writer w;
	struct json_reader r;
	int rc;

	json_writer_init(&w, &text);
	ovsdb_datum_write(old, old_type, &w);
	json_reader_init(&r, text.s, text.len);
	rc = ovsdb_datum_read(&new, &c->type, &r, NULL, err);
	json_reader_uninit(&r);
	if (rc)
		return rc;
	d = db_txn_modify(txn, row, c);
	ovsdb_datum_uninit(d, &c->type);
	*d = new;
	return 0;
}

static int does_not_fit(const struct db_row *row, const struct ovsdb_column *c,
			struct ovsdb_error *err)
{
	AUTO_FREE char *why = xstrdup(err->details);

	return ovsdb_error_set(err, err->tag, "table %s, row " UUID_FMT ", column %s: %s",
			       row->table->schema->name, UUID_ARGS(db_row_uuid(row)), c->name, why);
}

static int convert_table(struct db_txn *txn, const struct db_table *from, struct db_table *to,
			 struct ovsdb_error *err)
{
	struct db_row *old;

	DB_ROW_FOR_EACH(old, from)
	{
		struct db_row *new = db_txn_insert(txn, to, db_row_uuid(old));

		for (size_t i = OVSDB_COL_FIRST; i < from->schema->n_columns; i++) {
			const struct ovsdb_column *c = from->schema->columns[i];
			const struct ovsdb_column *to_column =
				ovsdb_table_column(to->schema, c->name);

			if (to_column &&
			    convert_column(txn, new, to_column, &old->fields[i], &c->type, err))
				return does_not_fit(old, c, err);
		}
	}
	return 0;
}

static int convert_tables(const struct db *old, struct db *new, struct ovsdb_error *err)
{
	struct db_txn *txn = db_txn_begin(new);

	for (size_t i = 0; i < old->schema->n_tables; i++) {
		struct db_table *to = db_table(new, old->schema->tables[i]->name);

		if (to && convert_table(txn, &old->tables[i], to, err)) {
			db_txn_rollback(txn);
			return -EINVAL;
		}
	}
	if (db_txn_commit(txn, err))
		return -EINVAL;
	db_txn_finish(txn);
	return 0;
}

struct db *db_convert(const struct db *old, struct ovsdb_schema *schema, struct ovsdb_error *err)
{
	struct db *new = db_create(schema);

	if (!convert_tables(old, new, err))
		return new;
	db_destroy(new);
	return NULL;
}
