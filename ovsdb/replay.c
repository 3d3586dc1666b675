// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/replay.h"

// One column of a row record: the value, or what changed of it.
static int replay_column(struct db_txn *txn, struct db_row *row, struct json_reader *r,
			 const struct ovsdb_column *c, bool is_diff, struct ovsdb_error *err)
{
	struct ovsdb_type relaxed = c->type;
	struct ovsdb_datum value, new, *d;

	if (is_diff && ovsdb_type_is_composite(&c->type)) {
		relaxed.n_min = 0; // a difference has any number of elements
		relaxed.n_max = UINT_MAX;
	}
	if (ovsdb_datum_read(&value, &relaxed, r, NULL, err))
		return -EINVAL;
	d = db_txn_modify(txn, row, c);
	if (is_diff) {
		int rc = ovsdb_datum_apply_diff(&new, d, &value, &c->type, err);

		ovsdb_datum_uninit(&value, &c->type);
		if (rc)
			return rc;
		value = new;
	}
	ovsdb_datum_uninit(d, &c->type);
	*d = value;
	return 0;
}

static int no_such_row(const struct db_table *t, const struct uuid *uuid, const char *what,
		       struct ovsdb_error *err)
{
	return ovsdb_error_set(err, OVSDB_SYNTAX, "row " UUID_FMT " of table %s is %s",
			       UUID_ARGS(uuid), t->schema->name, what);
}

int replay_delete(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		  struct ovsdb_error *err)
{
	struct db_row *row = db_row_find(t, uuid);

	if (!row)
		return no_such_row(t, uuid, "deleted but not there", err);
	db_txn_delete(txn, row);
	return 0;
}

int replay_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
	       struct json_reader *r, bool is_diff, struct ovsdb_error *err)
{
	struct db_row *row = db_row_find(t, uuid);
	const char *key;
	size_t len;

	if (!row) {
		is_diff = false;
		row = db_txn_insert(txn, t, uuid);
		if (!row)
			return no_such_row(t, uuid, "deleted and inserted at once", err);
	}
	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		const struct ovsdb_column *c = ovsdb_table_column(t->schema, name);

		if (!c || c->index < OVSDB_COL_FIRST)
			return ovsdb_error_set(err, "unknown column", "No column %s in table %s.",
					       name, t->schema->name);
		if (replay_column(txn, row, r, c, is_diff, err))
			return -EINVAL;
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

int replay_whole_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		     struct json_reader *r, struct ovsdb_error *err)
{
	struct db_row *row = db_row_find(t, uuid);

	for (size_t i = OVSDB_COL_FIRST; row && i < t->schema->n_columns; i++) {
		const struct ovsdb_column *c = t->schema->columns[i];
		struct ovsdb_datum *d;

		if (ovsdb_datum_is_default(&row->fields[i], &c->type))
			continue;
		d = db_txn_modify(txn, row, c);
		ovsdb_datum_uninit(d, &c->type);
		ovsdb_datum_init_default(d, &c->type);
	}
	return replay_row(txn, t, uuid, r, false, err);
}

static int replay_table(struct db_txn *txn, struct db_table *t, struct json_reader *r,
			replay_cb *cb, void *aux, struct ovsdb_error *err)
{
	const char *key;
	struct uuid uuid;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);

		if (!uuid_parse(&uuid, name))
			return ovsdb_error_set(err, OVSDB_SYNTAX, "table %s: \"%s\" is not a UUID",
					       t->schema->name, name);
		if (cb(txn, t, &uuid, r, aux, err))
			return -EINVAL;
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

int replay_tables(struct db_txn *txn, struct json_reader *r, replay_cb *cb, void *aux,
		  struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct db_table *t;

		if (*name == '_') {
			json_skip(r);
			continue;
		}
		t = db_table(txn->db, name);
		if (!t)
			return ovsdb_error_set(err, "unknown table", "No table named %s.", name);
		if (replay_table(txn, t, r, cb, aux, err))
			return -EINVAL;
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}
