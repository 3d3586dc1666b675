// SPDX-License-Identifier: Apache-2.0
// Taking in what the server says: <table-updates> of both kinds.
#include "ovsdb/idl-private.h"

#include "core/base/log.h"

LOG_MODULE(ovsdb_idl);

static struct log_limit limit = LOG_LIMIT_INIT(6, 6);

// The server has checked values already, and its schema may allow more than ours.
static void relax(struct ovsdb_type *relaxed, const struct ovsdb_type *t)
{
	ovsdb_type_init_scalar(relaxed, t->key.type);
	ovsdb_base_type_init(&relaxed->value, t->value.type);
	relaxed->n_min = 0;
	relaxed->n_max = UINT_MAX;
}

static void column_changed(struct idl_row_private *p, const struct ovsdb_column *c)
{
	struct idl_table *t = p->table;

	idl_row_mark(p);
	idl_track_changed(p, c);
	if (!(t->modes[c->index] & IDL_ALERT))
		return;
	t->idl->changed = true;
	t->seqno = p->row->change_seqno = p->column_seqno[c->index] = t->idl->seqno + 1;
}

static void set_column(struct idl_row_private *p, const struct ovsdb_column *c,
		       struct ovsdb_datum *value)
{
	if (ovsdb_datum_equal(&p->old[c->index], value, &c->type)) {
		ovsdb_datum_uninit(value, &c->type);
		return;
	}
	ovsdb_datum_uninit(&p->old[c->index], &c->type);
	p->old[c->index] = *value;
	column_changed(p, c);
}

static void read_column(struct idl_row_private *p, const struct ovsdb_column *c,
			struct json_reader *r, bool is_diff)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_type relaxed, any = c->type;
	struct ovsdb_datum value, new;

	relax(&relaxed, &c->type);
	if (ovsdb_datum_read(&value, &relaxed, r, NULL, &err)) {
		json_fail(r, "%s.%s: %s", p->table->class->name, c->name, err.details);
		return;
	}
	if (is_diff && ovsdb_type_is_composite(&c->type)) {
		any.n_min = 0;
		any.n_max = UINT_MAX;
		ovsdb_datum_apply_diff(&new, &p->old[c->index], &value, &any, &err);
		ovsdb_datum_uninit(&value, &c->type);
		value = new;
	}
	set_column(p, c, &value);
}

// How an update tells of columns.
enum columns { COLUMNS_NEW, COLUMNS_WHOLE, COLUMNS_DIFF };

static bool is_in_replica(const struct idl_table *t, unsigned int column)
{
	return t->modes[column] & MODE_MONITORED && t->server_has_column[column];
}

// What is not named has its default.
static void set_others_to_default(struct idl_row_private *p)
{
	const struct idl_table *t = p->table;

	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++) {
		struct ovsdb_datum value;

		if (t->seen[i] || !is_in_replica(t, i))
			continue;
		ovsdb_datum_init_default(&value, &t->schema->columns[i]->type);
		set_column(p, t->schema->columns[i], &value);
	}
}

static void read_columns(struct idl_row_private *p, struct json_reader *r, enum columns how)
{
	struct idl_table *t = p->table;
	const char *key;
	size_t len;

	memset(t->seen, 0, t->schema->n_columns * sizeof(*t->seen));
	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		const struct ovsdb_column *c = ovsdb_table_column(t->schema, name);

		if (c && c->index >= OVSDB_COL_FIRST && t->server_has_column[c->index]) {
			t->seen[c->index] = true;
			read_column(p, c, r, how == COLUMNS_DIFF);
		} else {
			json_skip(r);
		}
	}
	if (how == COLUMNS_WHOLE && !json_failed(r))
		set_others_to_default(p);
}

static void row_came(struct idl_row_private *p)
{
	struct idl_table *t = p->table;

	p->exists = true;
	t->idl->changed = true;
	t->seqno = p->row->insert_seqno = p->row->change_seqno = t->idl->seqno + 1;
	idl_track_came(p);
	idl_row_mark(p);
	idl_row_mark_referrers(p);
}

static void row_went(struct idl_row_private *p)
{
	struct idl_table *t = p->table;

	if (!p->exists)
		return;
	if (p->in_txn)
		idl_row_reset_txn(p);
	p->exists = false;
	t->idl->changed = true;
	t->seqno = p->row->delete_seqno = t->idl->seqno + 1;
	idl_row_mark_referrers(p);
	idl_row_mark(p);
	idl_track_went(p);
}

// All of the row.
static void read_whole(struct idl_row_private *p, struct json_reader *r)
{
	bool is_new = !p->exists;

	if (is_new)
		row_came(p);
	read_columns(p, r, is_new ? COLUMNS_NEW : COLUMNS_WHOLE);
}

// One member of a row update, of either version. Does it say that the row is there?
static bool read_change(struct idl_row_private *p, const char *key, size_t len,
			struct json_reader *r, bool v2)
{
	if (json_peek(r) != JSON_OBJECT) {
		json_skip(r);
		return false;
	}
	if (v2 ? json_key_is(key, len, "initial") || json_key_is(key, len, "insert")
	       : json_key_is(key, len, "new")) {
		read_whole(p, r);
		return true;
	}
	if (v2 && json_key_is(key, len, "modify")) {
		if (p->exists)
			read_columns(p, r, COLUMNS_DIFF);
		else
			json_fail(r, "a row that is not there is modified");
		return true;
	}
	json_skip(r);
	return false;
}

struct table_update {
	struct idl_table *table;
	bool v2;
};

static void read_row(void *update_, const struct uuid *uuid, struct json_reader *r)
{
	const struct table_update *update = update_;
	struct idl_table *t = update->table;
	struct idl_row_private *p = idl_row_get(t, uuid);
	bool is_there = false;
	const char *key;
	size_t len;

	p->generation = t->idl->generation;
	json_object(r);
	while (json_member(r, &key, &len))
		is_there |= read_change(p, key, len, r, update->v2);
	if (!json_failed(r) && !is_there)
		row_went(p);
	idl_row_free_if_ghost(p);
}

void idl_read_rows(struct json_reader *r,
		   void (*take)(void *aux, const struct uuid *uuid, struct json_reader *r),
		   void *aux)
{
	struct uuid uuid;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (len == UUID_LEN && uuid_parse_prefix(&uuid, key))
			take(aux, &uuid, r);
		else
			json_fail(r, "\"%.*s\" is not a row's uuid", (int)MIN(len, 40u), key);
	}
}

static bool read_tables(struct idl *idl, struct json_span tables, bool v2)
{
	struct json_reader r;
	const char *key;
	size_t len;
	bool ok;

	json_reader_init_span(&r, tables);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct table_update update = { idl_table(idl, name), v2 };

		if (update.table)
			idl_read_rows(&r, read_row, &update);
		else
			json_skip(&r);
	}
	ok = !json_failed(&r);
	if (!ok)
		log_warn_limited(&limit, "an update cannot be read: %s", r.err.text);
	json_reader_uninit(&r);
	return ok;
}

bool idl_update(struct idl *idl, struct json_span tables, bool v2)
{
	bool ok = read_tables(idl, tables, v2);

	idl_make_views(idl);
	return ok;
}

// Rows that the content just read does not have.
static void remove_old_rows(struct idl *idl)
{
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		struct idl_row_private *p;

		HMAP_FOR_EACH_SAFE (p, node, &idl->tables[i].rows)
			if (p->exists && p->generation != idl->generation)
				row_went(p);
	}
}

bool idl_replace(struct idl *idl, struct json_span tables, bool v2)
{
	bool ok;

	idl->generation++;
	ok = read_tables(idl, tables, v2);
	if (ok)
		remove_old_rows(idl);
	idl_make_views(idl);
	return ok;
}
