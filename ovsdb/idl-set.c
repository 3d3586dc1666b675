// SPDX-License-Identifier: Apache-2.0
// What the generated accessors are made of: C values into datums.
#include "ovsdb/idl.h"

static struct ovsdb_datum sized(size_t n, bool is_map)
{
	return (struct ovsdb_datum){
		.keys = n ? xcalloc(n, sizeof(union ovsdb_atom)) : NULL,
		.values = n && is_map ? xcalloc(n, sizeof(union ovsdb_atom)) : NULL,
	};
}

static bool is_null_row(enum idl_element e, const void *array, size_t i)
{
	return e == IDL_ROWS && !((const struct idl_row *const *)array)[i];
}

// Element 'i' of a C array, no row that is NULL.
static void load_atom(union ovsdb_atom *a, enum idl_element e, const void *array, size_t i)
{
	switch (e) {
	case IDL_INTEGERS:
		a->integer = ((const int64_t *)array)[i];
		break;
	case IDL_REALS:
		a->real = ((const double *)array)[i];
		break;
	case IDL_BOOLEANS:
		a->boolean = ((const bool *)array)[i];
		break;
	case IDL_STRINGS:
		a->string = xstrdup(((const char *const *)array)[i]);
		break;
	case IDL_UUIDS:
		a->uuid = ((const struct uuid *)array)[i];
		break;
	case IDL_ROWS:
		a->uuid = ((const struct idl_row *const *)array)[i]->uuid;
		break;
	}
}

// Without elements there are no arrays.
static struct ovsdb_datum trimmed(struct ovsdb_datum d)
{
	if (!d.n) {
		free(d.keys);
		free(d.values);
		d.keys = d.values = NULL;
	}
	return d;
}

struct ovsdb_datum idl_datum_set(enum idl_element e, const void *v, size_t n)
{
	struct ovsdb_datum d = sized(n, false);

	for (size_t i = 0; i < n; i++)
		if (!is_null_row(e, v, i))
			load_atom(&d.keys[d.n++], e, v, i);
	return trimmed(d);
}

struct ovsdb_datum idl_datum_map(enum idl_element k, const void *keys, enum idl_element v,
				 const void *values, size_t n)
{
	struct ovsdb_datum d = sized(n, true);

	for (size_t i = 0; i < n; i++) {
		if (is_null_row(k, keys, i) || is_null_row(v, values, i))
			continue;
		load_atom(&d.keys[d.n], k, keys, i);
		load_atom(&d.values[d.n], v, values, i);
		d.n++;
	}
	return trimmed(d);
}

struct ovsdb_datum idl_datum_smap(const struct smap *m)
{
	struct ovsdb_datum d = sized(smap_count(m), true);
	struct smap_node *node;

	SMAP_FOR_EACH (node, m) {
		d.keys[d.n].string = xstrdup(node->key);
		d.values[d.n].string = xstrdup(node->value);
		d.n++;
	}
	return d;
}

void idl_set_value(const struct idl_row *row, unsigned int column, struct ovsdb_datum value)
{
	const struct ovsdb_column *c = idl_row_column(row, column);

	ovsdb_datum_sort_unique(&value, &c->type);
	idl_write(row, c, &value);
}

void idl_add_value(const struct idl_row *row, unsigned int column, struct ovsdb_datum value)
{
	if (value.n)
		idl_add_key(row, idl_row_column(row, column), value.keys, value.values);
	free(value.keys);
	free(value.values);
}

void idl_remove_value(const struct idl_row *row, unsigned int column, struct ovsdb_datum key)
{
	if (key.n)
		idl_remove_key(row, idl_row_column(row, column), key.keys);
	free(key.keys);
}

static const struct ovsdb_column *table_column(const struct idl_table *t, unsigned int column)
{
	return idl_table_schema(t)->columns[OVSDB_COL_FIRST + column];
}

void idl_condition_add_value(struct idl_condition *c, unsigned int column,
			     enum ovsdb_function function, struct ovsdb_datum value)
{
	const struct ovsdb_column *oc = table_column(c->table, column);

	ovsdb_datum_sort_unique(&value, &oc->type);
	idl_condition_add(c, oc, function, &value);
}

void idl_probe_set_value(struct idl_probe *probe, unsigned int column, struct ovsdb_datum value)
{
	const struct ovsdb_column *oc = table_column(idl_probe_table(probe), column);

	ovsdb_datum_sort_unique(&value, &oc->type);
	idl_probe_set(probe, oc, &value);
}
