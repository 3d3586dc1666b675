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
		log_warn_limited(&limit, "%s.%s: the server's value cannot be read: %s",
				 p->table->class->name, c->name, err.details);
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

static void read_columns(struct idl_row_private *p, struct json_reader *r, bool is_diff)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		const struct ovsdb_column *c = ovsdb_table_column(p->table->schema, name);

		if (c && c->index >= OVSDB_COL_FIRST)
			read_column(p, c, r, is_diff);
		else
			json_skip(r);
	}
}

static void row_came(struct idl_row_private *p)
{
	struct idl_table *t = p->table;

	p->exists = true;
	t->idl->changed = true;
	t->seqno = p->row->insert_seqno = p->row->change_seqno = t->idl->seqno + 1;
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
	t->seqno = t->idl->seqno + 1;
	idl_row_mark_referrers(p);
	idl_row_mark(p);
}

// One member of a row update, of either version.
static void read_change(struct idl_row_private *p, const char *key, size_t len,
			struct json_reader *r, bool v2, bool *ret_has_new)
{
	if (v2 && (json_key_is(key, len, "initial") || json_key_is(key, len, "insert"))) {
		if (!p->exists)
			row_came(p);
		read_columns(p, r, false);
		*ret_has_new = true;
	} else if (v2 && json_key_is(key, len, "modify")) {
		if (p->exists)
			read_columns(p, r, true);
		else
			json_skip(r);
		*ret_has_new = true;
	} else if (!v2 && json_key_is(key, len, "new") && json_peek(r) == JSON_OBJECT) {
		if (!p->exists)
			row_came(p);
		read_columns(p, r, false);
		*ret_has_new = true;
	} else {
		json_skip(r);
	}
}

static void read_row(struct idl_table *t, const struct uuid *uuid, struct json_reader *r, bool v2)
{
	struct idl_row_private *p = idl_row_get(t, uuid);
	bool has_new = false;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len))
		read_change(p, key, len, r, v2, &has_new);
	if (!has_new)
		row_went(p);
	idl_row_free_if_ghost(p);
}

static void read_table(struct idl_table *t, struct json_reader *r, bool v2)
{
	struct uuid uuid;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (len == UUID_LEN && uuid_parse_prefix(&uuid, key))
			read_row(t, &uuid, r, v2);
		else
			json_fail(r, "\"%.*s\" is not a row's uuid", (int)MIN(len, 40u), key);
	}
}

void idl_update(struct idl *idl, struct json_span tables, bool v2)
{
	struct json_reader r;
	const char *key;
	size_t len;

	json_reader_init_span(&r, tables);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct idl_table *t = idl_table(idl, name);

		if (t)
			read_table(t, &r, v2);
		else
			json_skip(&r);
	}
	if (json_failed(&r))
		log_warn_limited(&limit, "an update cannot be read: %s", r.err.text);
	json_reader_uninit(&r);
	idl_make_views(idl);
}
