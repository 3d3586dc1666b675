// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/rbac.h"

static bool is_strings(const struct ovsdb_column *c)
{
	return c && c->type.key.type == OVSDB_STRING && c->type.value.type == OVSDB_VOID;
}

static const struct ovsdb_datum *field(const struct db_row *row, const char *column)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, column);

	return c ? &row->fields[c->index] : NULL;
}

static const struct db_row *find_role(const struct db_table *roles, const char *name)
{
	const struct ovsdb_column *c = ovsdb_table_column(roles->schema, "name");
	struct db_row *row;

	if (!is_strings(c))
		return NULL;
	DB_ROW_FOR_EACH(row, roles)
	if (row->fields[c->index].n == 1 && !strcmp(row->fields[c->index].keys[0].string, name))
		return row;
	return NULL;
}

void rbac_init(struct rbac *r, const struct db *db, const char *role, const char *id)
{
	const struct db_table *roles = role && *role ? db_table(db, "RBAC_Role") : NULL;
	const struct ovsdb_column *c;

	memset(r, 0, sizeof(*r));
	if (!roles)
		return;
	r->role = role;
	r->id = id;
	c = ovsdb_table_column(roles->schema, "permissions");
	if (!c || c->type.key.type != OVSDB_STRING || !roles->value_refs[c->index])
		return;
	r->permissions = roles->value_refs[c->index];
	r->rules = find_role(roles, role);
}

// The row of the permission table for 't', or NULL.
static const struct db_row *permission(const struct rbac *r, const struct ovsdb_table_schema *ts)
{
	const struct ovsdb_datum *d = r->rules ? field(r->rules, "permissions") : NULL;

	for (unsigned int i = 0; d && i < d->n; i++)
		if (!strcmp(d->keys[i].string, ts->name))
			return db_row_find(r->permissions, &d->values[i].uuid);
	return NULL;
}

static bool has(const struct ovsdb_datum *strings, const char *s)
{
	for (unsigned int i = 0; i < strings->n; i++)
		if (!strcmp(strings->keys[i].string, s))
			return true;
	return false;
}

// One element of "authorization": "" for everybody, COLUMN, or COLUMN:KEY of a map.
static bool names_client(const struct rbac *r, const struct db_row *row, const char *what)
{
	const char *colon = strchr(what, ':');
	AUTO_FREE char *name = colon ? xstrndup(what, colon - what) : xstrdup(what);
	const struct ovsdb_column *c;
	const struct ovsdb_datum *d;

	if (!*what)
		return true;
	c = ovsdb_table_column(row->table->schema, name);
	if (!c || c->type.key.type != OVSDB_STRING)
		return false;
	d = &row->fields[c->index];
	if (colon) {
		const char *value = c->type.value.type == OVSDB_STRING
					    ? ovsdb_datum_get_string(d, colon + 1)
					    : NULL;

		return value && !strcmp(value, r->id);
	}
	return c->type.value.type == OVSDB_VOID && has(d, r->id);
}

static bool is_authorized(const struct rbac *r, const struct db_row *p, const struct db_row *row)
{
	const struct ovsdb_column *c = ovsdb_table_column(p->table->schema, "authorization");

	if (!is_strings(c) || !r->id)
		return false;
	for (unsigned int i = 0; i < p->fields[c->index].n; i++)
		if (names_client(r, row, p->fields[c->index].keys[i].string))
			return true;
	return false;
}

static bool may_insert_delete(const struct db_row *p)
{
	const struct ovsdb_column *c = ovsdb_table_column(p->table->schema, "insert_delete");

	return c && ovsdb_type_is_scalar(&c->type) && c->type.key.type == OVSDB_BOOLEAN &&
	       p->fields[c->index].keys[0].boolean;
}

bool rbac_may_touch(const struct rbac *r, const struct db_table *t)
{
	return !r->role || permission(r, t->schema);
}

bool rbac_may_insert(const struct rbac *r, const struct db_row *row)
{
	return rbac_may_delete(r, row);
}

bool rbac_may_delete(const struct rbac *r, const struct db_row *row)
{
	const struct db_row *p = r->role ? permission(r, row->table->schema) : NULL;

	return !r->role || (p && may_insert_delete(p) && is_authorized(r, p, row));
}

bool rbac_may_modify(const struct rbac *r, const struct db_row *row)
{
	const struct db_row *p = r->role ? permission(r, row->table->schema) : NULL;

	return !r->role || (p && is_authorized(r, p, row));
}

// Every element of 'a' that is not in 'b' has a key that is free.
static bool differs_freely(const struct ovsdb_datum *allowed, const struct ovsdb_column *c,
			   const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	for (unsigned int i = 0; i < a->n; i++) {
		AUTO_FREE char *name = NULL;

		if (ovsdb_datum_has_element(b, a, i, &c->type))
			continue;
		name = xasprintf("%s:%s", c->name, a->keys[i].string);
		if (!has(allowed, name))
			return false;
	}
	return true;
}

bool rbac_may_change(const struct rbac *r, const struct ovsdb_table_schema *ts,
		     const struct ovsdb_column *c, const struct ovsdb_datum *old,
		     const struct ovsdb_datum *new)
{
	const struct db_row *p = r->role ? permission(r, ts) : NULL;
	const struct ovsdb_column *update;

	if (!r->role)
		return true;
	update = p ? ovsdb_table_column(p->table->schema, "update") : NULL;
	if (!is_strings(update))
		return false;
	if (has(&p->fields[update->index], c->name))
		return true;
	return c->type.key.type == OVSDB_STRING && c->type.value.type != OVSDB_VOID &&
	       differs_freely(&p->fields[update->index], c, old, new) &&
	       differs_freely(&p->fields[update->index], c, new, old);
}
