// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/replay.h"

#include "core/base/arena.h"
#include "core/base/vec.h"

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

static const struct ovsdb_column *find_column(const struct db_table *t, const char *key, size_t len,
					      struct ovsdb_error *err)
{
	const struct ovsdb_column *c = ovsdb_table_column_n(t->schema, key, len);

	if (c && c->index >= OVSDB_COL_FIRST)
		return c;
	ovsdb_error_set(err, "unknown column", "No column %.*s in table %s.", (int)MIN(len, 100u),
			key, t->schema->name);
	return NULL;
}

static int change_row(struct db_txn *txn, struct db_row *row, struct json_reader *r, bool is_diff,
		      struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		const struct ovsdb_column *c = find_column(row->table, key, len, err);

		if (!c || replay_column(txn, row, r, c, is_diff, err))
			return -EINVAL;
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

// What a new row is made of, until it has it.
struct new_row {
	struct arena arena;
	VEC(const struct ovsdb_column *) columns;
	VEC(struct ovsdb_datum) values;
};

static int read_new_row(struct new_row *n, const struct db_table *t, struct json_reader *r,
			struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		const struct ovsdb_column *c = find_column(t, key, len, err);
		struct ovsdb_datum d;

		if (!c || ovsdb_datum_read_in(&n->arena, &d, &c->type, r, NULL, err))
			return -EINVAL;
		VEC_PUSH(&n->columns, c);
		VEC_PUSH(&n->values, d);
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

static int insert_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		      struct json_reader *r, struct ovsdb_error *err)
{
	static struct new_row n; // its memory serves all rows
	struct db_row *row = db_txn_insert(txn, t, uuid);
	int rc;

	if (!row)
		return no_such_row(t, uuid, "deleted and inserted at once", err);
	rc = read_new_row(&n, t, r, err);
	if (!rc)
		db_txn_fill(row, n.columns.v, n.values.v, n.columns.n);
	VEC_CLEAR(&n.columns);
	VEC_CLEAR(&n.values);
	arena_reset(&n.arena);
	return rc;
}

int replay_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
	       struct json_reader *r, bool is_diff, struct ovsdb_error *err)
{
	struct db_row *row = db_row_find(t, uuid);

	return row ? change_row(txn, row, r, is_diff, err) : insert_row(txn, t, uuid, r, err);
}

int replay_whole_row(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		     struct json_reader *r, struct ovsdb_error *err)
{
	struct db_row *row = db_row_find(t, uuid);

	if (!row)
		return insert_row(txn, t, uuid, r, err);
	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++) {
		const struct ovsdb_column *c = t->schema->columns[i];
		struct ovsdb_datum *d;

		if (ovsdb_datum_is_default(&row->fields[i], &c->type))
			continue;
		d = db_txn_modify(txn, row, c);
		ovsdb_datum_uninit(d, &c->type);
		ovsdb_datum_init_default(d, &c->type);
	}
	return change_row(txn, row, r, false, err);
}

static int replay_member(struct db_txn *txn, struct db_table *t, const char *key, size_t len,
			 struct json_reader *r, replay_cb *cb, void *aux, struct ovsdb_error *err)
{
	struct uuid uuid;

	if (len != UUID_LEN || !uuid_parse_prefix(&uuid, key))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "table %s: \"%.*s\" is not a UUID",
				       t->schema->name, (int)MIN(len, 100u), key);
	return cb(txn, t, &uuid, r, aux, err) ? -EINVAL : 0;
}

// Some rows of the table at work.
static int replay_rows(struct replay *p, struct db_txn *txn, replay_cb *cb, void *aux, size_t *n,
		       struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	for (; *n; --*n) {
		if (!json_member(p->reader, &key, &len)) {
			p->table = NULL;
			return 0;
		}
		if (replay_member(txn, p->table, key, len, p->reader, cb, aux, err))
			return -EINVAL;
	}
	return 1;
}

// The next one; 0 when there is none.
static int next_table(struct replay *p, const struct db *db, struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	while (json_member(p->reader, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);

		if (*name == '_') {
			json_skip(p->reader);
			continue;
		}
		p->table = db_table(db, name);
		if (!p->table)
			return ovsdb_error_set(err, "unknown table", "No table named %s.", name);
		json_object(p->reader);
		return 1;
	}
	return 0;
}

int replay_some(struct replay *p, struct db_txn *txn, replay_cb *cb, void *aux, size_t *n,
		struct ovsdb_error *err)
{
	int rc;

	if (!p->begun)
		json_object(p->reader);
	p->begun = true;
	do {
		rc = p->table ? replay_rows(p, txn, cb, aux, n, err) : 0;
		if (rc)
			return rc;
		rc = next_table(p, txn->db, err);
	} while (rc > 0);
	if (!rc && json_failed(p->reader))
		return ovsdb_error_from_json(err, p->reader);
	return rc;
}

int replay_tables(struct db_txn *txn, struct json_reader *r, replay_cb *cb, void *aux,
		  struct ovsdb_error *err)
{
	struct replay p = { .reader = r };
	size_t n = SIZE_MAX;

	return replay_some(&p, txn, cb, aux, &n, err);
}
