// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/mutation.h"

#include <math.h>

#include "ovsdb/triple.h"

struct mutator {
	const char *name;
	bool integers_only;
	// Arithmetic ones have both of these; 0, -ERANGE or -EDOM.
	int (*integer)(int64_t *x, int64_t y);
	int (*real)(double *x, double y);
};

static int add_integer(int64_t *x, int64_t y)
{
	return __builtin_add_overflow(*x, y, x) ? -ERANGE : 0;
}

static int sub_integer(int64_t *x, int64_t y)
{
	return __builtin_sub_overflow(*x, y, x) ? -ERANGE : 0;
}

static int mul_integer(int64_t *x, int64_t y)
{
	return __builtin_mul_overflow(*x, y, x) ? -ERANGE : 0;
}

static int div_integer(int64_t *x, int64_t y)
{
	if (!y)
		return -EDOM;
	if (*x == INT64_MIN && y == -1)
		return -ERANGE;
	*x /= y;
	return 0;
}

static int mod_integer(int64_t *x, int64_t y)
{
	if (!y)
		return -EDOM;
	*x = y == -1 ? 0 : *x % y;
	return 0;
}

static int set_real(double *x, double v)
{
	if (!isfinite(v))
		return -ERANGE;
	*x = v;
	return 0;
}

static int add_real(double *x, double y)
{
	return set_real(x, *x + y);
}

static int sub_real(double *x, double y)
{
	return set_real(x, *x - y);
}

static int mul_real(double *x, double y)
{
	return set_real(x, *x * y);
}

static int div_real(double *x, double y)
{
	return y == 0.0 ? -EDOM : set_real(x, *x / y);
}

static const struct mutator mutators[] = {
	{ "+=", false, add_integer, add_real }, { "-=", false, sub_integer, sub_real },
	{ "*=", false, mul_integer, mul_real }, { "/=", false, div_integer, div_real },
	{ "%=", true, mod_integer, NULL },	{ "insert", false, NULL, NULL },
	{ "delete", false, NULL, NULL },
};

static bool is_delete(const struct mutator *m)
{
	return !strcmp(m->name, "delete");
}

static int mismatch(const struct ovsdb_mutation *m, struct ovsdb_error *err)
{
	return triple_mismatch(m->mutator->name, m->column, err);
}

static int read_argument(struct ovsdb_mutation *m, struct json_reader *r,
			 struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	const struct ovsdb_type *t = &m->column->type;
	struct ovsdb_error not_pairs;
	struct json_reader again;
	struct json_span text;
	int rc;

	m->type = *t;
	if (m->mutator->integer) {
		if ((t->key.type != OVSDB_INTEGER &&
		     (t->key.type != OVSDB_REAL || m->mutator->integers_only)) ||
		    ovsdb_type_is_map(t))
			return mismatch(m, err);
		ovsdb_type_init_scalar(&m->type, t->key.type); // the operand's range is its own
		return ovsdb_datum_read(&m->arg, &m->type, r, symbols, err);
	}
	if (t->n_min == t->n_max)
		return mismatch(m, err);
	m->type.n_min = 0;
	if (is_delete(m->mutator))
		m->type.n_max = UINT_MAX;
	if (!is_delete(m->mutator) || !ovsdb_type_is_map(t))
		return ovsdb_datum_read(&m->arg, &m->type, r, symbols, err);
	// From a map pairs are deleted, or, when a set is given, keys.
	text = json_skip(r);
	json_reader_init_span(&again, text);
	rc = json_failed(r) ? ovsdb_error_from_value(err, r)
			    : ovsdb_datum_read(&m->arg, &m->type, &again, symbols, &not_pairs);
	if (rc && !json_failed(r)) {
		json_reader_uninit(&again);
		json_reader_init_span(&again, text);
		m->type.value.type = OVSDB_VOID;
		rc = ovsdb_datum_read(&m->arg, &m->type, &again, symbols, err);
	}
	json_reader_uninit(&again);
	return rc;
}

static int read_mutation(struct ovsdb_mutation *m, const struct ovsdb_table_schema *ts,
			 struct json_reader *r, struct ovsdb_symbols *symbols,
			 struct ovsdb_error *err)
{
	AUTO_FREE char *column = NULL, *name = NULL;

	memset(m, 0, sizeof(*m));
	if (!triple_read(r, &column, &name))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "Parse error in mutation.");
	m->column = ovsdb_table_column(ts, column);
	if (!m->column)
		return ovsdb_error_set(err, "unknown column", "No column %s in table %s.", column,
				       ts->name);
	if (!m->column->mutable)
		return ovsdb_error_set(err, OVSDB_CONSTRAINT,
				       "Cannot mutate immutable column %s in table %s.", column,
				       ts->name);
	for (size_t i = 0; i < ARRAY_SIZE(mutators); i++)
		if (!strcmp(mutators[i].name, name))
			m->mutator = &mutators[i];
	if (!m->mutator)
		return ovsdb_error_set(err, "unknown mutator", "No mutator named %s.", name);
	if (read_argument(m, r, symbols, err))
		return -EINVAL;
	if (json_element(r) || json_failed(r)) {
		ovsdb_datum_uninit(&m->arg, &m->type);
		return ovsdb_error_set(err, OVSDB_SYNTAX, "Parse error in mutation.");
	}
	return 0;
}

int ovsdb_mutations_read(struct ovsdb_mutations *m, const struct ovsdb_table_schema *ts,
			 struct json_reader *r, struct ovsdb_symbols *symbols,
			 struct ovsdb_error *err)
{
	int rc = 0;

	memset(m, 0, sizeof(*m));
	json_array(r);
	while (!rc && json_element(r)) {
		rc = read_mutation(VEC_PUSH_UNINIT(&m->v), ts, r, symbols, err);
		if (rc)
			m->v.n--;
	}
	if (!rc && json_failed(r))
		rc = ovsdb_error_from_value(err, r);
	if (rc)
		ovsdb_mutations_uninit(m);
	return rc;
}

void ovsdb_mutations_uninit(struct ovsdb_mutations *m)
{
	struct ovsdb_mutation *mutation;

	VEC_FOR_EACH (mutation, &m->v)
		ovsdb_datum_uninit(&mutation->arg, &mutation->type);
	VEC_FREE(&m->v);
}

static int apply_arithmetic(const struct ovsdb_mutation *m, struct ovsdb_datum *d,
			    struct ovsdb_error *err)
{
	const struct ovsdb_type *t = &m->column->type;
	const union ovsdb_atom *arg = &m->arg.keys[0];

	for (unsigned int i = 0; i < d->n; i++) {
		int rc = t->key.type == OVSDB_INTEGER
				 ? m->mutator->integer(&d->keys[i].integer, arg->integer)
				 : m->mutator->real(&d->keys[i].real, arg->real);

		if (rc == -EDOM)
			return ovsdb_error_set(err, "domain error", "Division by zero.");
		if (rc)
			return ovsdb_error_set(err, "range error",
					       "Result of \"%s\" operation is out of range.",
					       m->mutator->name);
		if (ovsdb_atom_check(&d->keys[i], &t->key, err))
			return -EINVAL;
	}
	if (ovsdb_datum_sort(d, t, err))
		return ovsdb_error_set(err, OVSDB_CONSTRAINT,
				       "Result of \"%s\" operation contains duplicates.",
				       m->mutator->name);
	return 0;
}

static int apply(const struct ovsdb_mutation *m, struct ovsdb_datum *d, struct ovsdb_error *err)
{
	const struct ovsdb_type *t = &m->column->type;

	if (m->mutator->integer)
		return apply_arithmetic(m, d, err);
	if (is_delete(m->mutator))
		ovsdb_datum_subtract(d, t, &m->arg, &m->type);
	else
		ovsdb_datum_union(d, &m->arg, t, false);
	if (d->n >= t->n_min && d->n <= t->n_max)
		return 0;
	return ovsdb_error_set(
		err, OVSDB_CONSTRAINT,
		"Attempted to store %u elements in %s of %s where %u to %u are allowed.", d->n,
		m->column->name, ovsdb_type_is_map(t) ? "map" : "set", t->n_min, t->n_max);
}

int ovsdb_mutations_apply(const struct ovsdb_mutations *m, struct db_txn *txn, struct db_row *row,
			  struct ovsdb_error *err)
{
	const struct ovsdb_mutation *mutation;

	VEC_FOR_EACH (mutation, &m->v)
		if (apply(mutation, db_txn_modify(txn, row, mutation->column), err))
			return -EINVAL;
	return 0;
}
