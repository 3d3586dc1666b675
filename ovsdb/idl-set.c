// SPDX-License-Identifier: Apache-2.0
// What the generated setters are made of: C values into datums.
#include "ovsdb/idl-private.h"

static void write(const struct idl_row *row, unsigned int column, struct ovsdb_datum *d)
{
	const struct ovsdb_column *c = idl_row_column(row, column);

	ovsdb_datum_sort_unique(d, &c->type);
	idl_write(row, c, d);
}

static struct ovsdb_datum sized(size_t n)
{
	return (struct ovsdb_datum){ .keys = n ? xcalloc(n, sizeof(union ovsdb_atom)) : NULL };
}

void idl_set_integers(const struct idl_row *row, unsigned int column, const int64_t *v, size_t n)
{
	struct ovsdb_datum d = sized(n);

	for (; d.n < n; d.n++)
		d.keys[d.n].integer = v[d.n];
	write(row, column, &d);
}

void idl_set_reals(const struct idl_row *row, unsigned int column, const double *v, size_t n)
{
	struct ovsdb_datum d = sized(n);

	for (; d.n < n; d.n++)
		d.keys[d.n].real = v[d.n];
	write(row, column, &d);
}

void idl_set_bools(const struct idl_row *row, unsigned int column, const bool *v, size_t n)
{
	struct ovsdb_datum d = sized(n);

	for (; d.n < n; d.n++)
		d.keys[d.n].boolean = v[d.n];
	write(row, column, &d);
}

void idl_set_strings(const struct idl_row *row, unsigned int column, const char *const *v, size_t n)
{
	struct ovsdb_datum d = sized(n);

	for (; d.n < n; d.n++)
		d.keys[d.n].string = xstrdup(v[d.n]);
	write(row, column, &d);
}

void idl_set_uuids(const struct idl_row *row, unsigned int column, const struct uuid *v, size_t n)
{
	struct ovsdb_datum d = sized(n);

	for (; d.n < n; d.n++)
		d.keys[d.n].uuid = v[d.n];
	write(row, column, &d);
}

void idl_set_rows(const struct idl_row *row, unsigned int column, const struct idl_row *const *v,
		  size_t n)
{
	struct ovsdb_datum d = sized(n);

	for (size_t i = 0; i < n; i++)
		if (v[i])
			d.keys[d.n++].uuid = v[i]->uuid;
	write(row, column, &d);
}

void idl_set_smap(const struct idl_row *row, unsigned int column, const struct smap *v)
{
	struct ovsdb_datum d = sized(smap_count(v));
	struct smap_node *node;

	if (smap_count(v))
		d.values = xcalloc(smap_count(v), sizeof(*d.values));
	SMAP_FOR_EACH (node, v) {
		d.keys[d.n].string = xstrdup(node->key);
		d.values[d.n].string = xstrdup(node->value);
		d.n++;
	}
	write(row, column, &d);
}

// Element 'i' of a C array of the type that 'b' has there.
static void load_atom(union ovsdb_atom *a, const struct ovsdb_base_type *b, const void *array,
		      size_t i)
{
	switch (b->type) {
	case OVSDB_INTEGER:
		a->integer = ((const int64_t *)array)[i];
		break;
	case OVSDB_REAL:
		a->real = ((const double *)array)[i];
		break;
	case OVSDB_BOOLEAN:
		a->boolean = ((const bool *)array)[i];
		break;
	case OVSDB_STRING:
		a->string = xstrdup(((const char *const *)array)[i]);
		break;
	default:
		a->uuid = b->ref_table ? ((const struct idl_row *const *)array)[i]->uuid
				       : ((const struct uuid *)array)[i];
	}
}

void idl_set_map(const struct idl_row *row, unsigned int column, const void *keys,
		 const void *values, size_t n)
{
	const struct ovsdb_type *t = &idl_row_column(row, column)->type;
	struct ovsdb_datum d = sized(n);

	if (n)
		d.values = xcalloc(n, sizeof(*d.values));
	for (; d.n < n; d.n++) {
		load_atom(&d.keys[d.n], &t->key, keys, d.n);
		load_atom(&d.values[d.n], &t->value, values, d.n);
	}
	write(row, column, &d);
}

void idl_set_smap_key(const struct idl_row *row, unsigned int column, const char *key,
		      const char *value)
{
	union ovsdb_atom k = { .string = xstrdup(key) }, v = { .string = xstrdup(value) };

	idl_add_key(row, idl_row_column(row, column), &k, &v);
}

void idl_remove_smap_key(const struct idl_row *row, unsigned int column, const char *key)
{
	union ovsdb_atom k = { .string = xstrdup(key) };

	idl_remove_key(row, idl_row_column(row, column), &k);
}
