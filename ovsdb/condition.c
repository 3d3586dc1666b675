// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/condition.h"

#include "core/base/hash.h"
#include "ovsdb/db-private.h"
#include "ovsdb/triple.h"

static bool is_ordering(enum ovsdb_function f)
{
	return f == OVSDB_F_LT || f == OVSDB_F_LE || f == OVSDB_F_GE || f == OVSDB_F_GT;
}

static int find_function(const char *name, enum ovsdb_function *ret, struct ovsdb_error *err)
{
	for (int i = OVSDB_F_LT; i < OVSDB_F_MAX; i++)
		if (!strcmp(ovsdb_function_name(i), name)) {
			*ret = i;
			return 0;
		}
	return ovsdb_error_set(err, "unknown function", "No function named %s.", name);
}

static int check_function(const struct ovsdb_clause *c, struct ovsdb_error *err)
{
	const struct ovsdb_type *t = &c->column->type;

	if (!is_ordering(c->function))
		return 0;
	if ((t->key.type == OVSDB_INTEGER || t->key.type == OVSDB_REAL) &&
	    (ovsdb_type_is_scalar(t) || ovsdb_type_is_optional_scalar(t)))
		return 0;
	return triple_mismatch(ovsdb_function_name(c->function), c->column, err);
}

// What the clause's value may look like: of ordering functions one atom, of includes and excludes any number of them.
static void argument_type(struct ovsdb_clause *c)
{
	c->type = c->column->type;
	if (is_ordering(c->function)) {
		c->type.n_min = 1;
	} else if (c->function == OVSDB_F_INCLUDES || c->function == OVSDB_F_EXCLUDES) {
		if (!ovsdb_type_is_scalar(&c->type))
			c->type.n_min = 0;
		if (c->type.n_max > 1)
			c->type.n_max = UINT_MAX;
	}
	// A condition may ask for values that the column cannot hold.
	if (c->column->index == OVSDB_COL_UUID)
		c->type.key.ref_table = NULL;
}

static int read_triple(struct ovsdb_clause *c, const struct ovsdb_table_schema *ts,
		       struct json_reader *r, struct ovsdb_symbols *symbols,
		       struct ovsdb_error *err)
{
	AUTO_FREE char *column = NULL, *function = NULL;

	if (!triple_read(r, &column, &function))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "Parse error in condition.");
	c->column = ovsdb_table_column(ts, column);
	if (!c->column)
		return ovsdb_error_set(err, "unknown column", "No column %s in table %s.", column,
				       ts->name);
	if (find_function(function, &c->function, err) || check_function(c, err))
		return -EINVAL;
	argument_type(c);
	if (ovsdb_datum_read(&c->arg, &c->type, r, symbols, err))
		return -EINVAL;
	if (json_element(r) || json_failed(r)) {
		ovsdb_datum_uninit(&c->arg, &c->type);
		return ovsdb_error_set(err, OVSDB_SYNTAX, "Parse error in condition.");
	}
	return 0;
}

static int read_clause(struct ovsdb_clause *c, const struct ovsdb_table_schema *ts,
		       struct json_reader *r, struct ovsdb_symbols *symbols,
		       struct ovsdb_error *err)
{
	enum json_type next = json_peek(r);

	memset(c, 0, sizeof(*c));
	if (next == JSON_TRUE || next == JSON_FALSE) {
		c->function = json_bool(r) ? OVSDB_F_TRUE : OVSDB_F_FALSE;
		return 0;
	}
	return read_triple(c, ts, r, symbols, err);
}

int ovsdb_condition_read(struct ovsdb_condition *c, const struct ovsdb_table_schema *ts,
			 struct json_reader *r, struct ovsdb_symbols *symbols, bool booleans,
			 struct ovsdb_error *err)
{
	int rc = 0;

	memset(c, 0, sizeof(*c));
	if (booleans && (json_peek(r) == JSON_TRUE || json_peek(r) == JSON_FALSE)) {
		read_clause(VEC_PUSH_UNINIT(&c->clauses), ts, r, symbols, err);
		return 0;
	}
	json_array(r);
	while (!rc && json_element(r)) {
		rc = read_clause(VEC_PUSH_UNINIT(&c->clauses), ts, r, symbols, err);
		if (rc)
			c->clauses.n--;
	}
	if (!rc && json_failed(r))
		rc = ovsdb_error_from_value(err, r);
	if (rc)
		ovsdb_condition_uninit(c);
	return rc;
}

void ovsdb_condition_uninit(struct ovsdb_condition *c)
{
	struct ovsdb_clause *clause;

	VEC_FOR_EACH (clause, &c->clauses)
		if (clause->column)
			ovsdb_datum_uninit(&clause->arg, &clause->type);
	VEC_FREE(&c->clauses);
}

static bool evaluate(const struct ovsdb_clause *c, const struct ovsdb_datum *fields)
{
	const struct ovsdb_type *t;
	const struct ovsdb_datum *d;
	int cmp;

	if (!c->column)
		return c->function == OVSDB_F_TRUE;
	t = &c->column->type;
	d = &fields[c->column->index];
	switch (c->function) {
	case OVSDB_F_EQ:
		return ovsdb_datum_equal(d, &c->arg, t);
	case OVSDB_F_NE:
		return !ovsdb_datum_equal(d, &c->arg, t);
	case OVSDB_F_INCLUDES:
		return ovsdb_datum_includes(d, &c->arg, t);
	case OVSDB_F_EXCLUDES:
		return ovsdb_datum_excludes(d, &c->arg, t);
	default:
		break;
	}
	if (!d->n)
		return false; // an optional scalar that is not there compares with nothing
	cmp = ovsdb_atom_compare(&d->keys[0], &c->arg.keys[0], t->key.type);
	switch (c->function) {
	case OVSDB_F_LT:
		return cmp < 0;
	case OVSDB_F_LE:
		return cmp <= 0;
	case OVSDB_F_GE:
		return cmp >= 0;
	default:
		return cmp > 0;
	}
}

bool ovsdb_condition_all(const struct ovsdb_condition *c, const struct ovsdb_datum *fields)
{
	const struct ovsdb_clause *clause;

	VEC_FOR_EACH (clause, &c->clauses)
		if (!evaluate(clause, fields))
			return false;
	return true;
}

bool ovsdb_condition_any(const struct ovsdb_condition *c, const struct ovsdb_datum *fields)
{
	const struct ovsdb_clause *clause;

	VEC_FOR_EACH (clause, &c->clauses)
		if (evaluate(clause, fields))
			return true;
	return !c->clauses.n;
}

static const struct ovsdb_clause *find_equal(const struct ovsdb_condition *c, unsigned int column)
{
	const struct ovsdb_clause *clause;

	VEC_FOR_EACH (clause, &c->clauses)
		if (clause->function == OVSDB_F_EQ && clause->column->index == column)
			return clause;
	return NULL;
}

typedef VEC(struct db_row *) row_vec;

// The rows that the index holds under the values the condition gives; false when it does not give all of them. The
// index stands as it was before the open transaction: rows that one touched are looked at apart.
static bool index_candidates(const struct ovsdb_condition *c, struct db_table *t, size_t i,
			     row_vec *rows)
{
	const struct ovsdb_index *index = &t->schema->indexes[i];
	struct db_index_node *node;
	uint64_t hash = 0;

	for (size_t j = 0; j < index->n; j++) {
		const struct ovsdb_clause *clause = find_equal(c, index->columns[j]);

		if (!clause)
			return false;
		hash = ovsdb_datum_hash(&clause->arg, &clause->column->type, hash);
	}
	HMAP_FOR_EACH_WITH_HASH (node, node, hash, &t->indexes[i])
		if (!node->row->txn && !node->row->deleted)
			VEC_PUSH(rows, node->row);
	if (t->db->open) {
		struct db_txn_row *tr;

		LIST_FOR_EACH (tr, node, &t->db->open->rows)
			if (tr->row->table == t && !tr->row->deleted)
				VEC_PUSH(rows, tr->row);
	}
	return true;
}

static void candidates(const struct ovsdb_condition *c, struct db_table *t, row_vec *rows)
{
	const struct ovsdb_clause *by_uuid = find_equal(c, OVSDB_COL_UUID);
	struct db_row *row;

	if (by_uuid) {
		row = db_row_find(t, &by_uuid->arg.keys[0].uuid);
		if (row)
			VEC_PUSH(rows, row);
		return;
	}
	for (size_t i = 0; i < t->schema->n_indexes; i++)
		if (index_candidates(c, t, i, rows))
			return;
	DB_ROW_FOR_EACH(row, t)
	VEC_PUSH(rows, row);
}

void ovsdb_condition_for_each(const struct ovsdb_condition *c, struct db_table *t,
			      bool (*cb)(struct db_row *row, void *aux), void *aux)
{
	row_vec rows = VEC_INIT;
	struct db_row **row;

	candidates(c, t, &rows);
	VEC_FOR_EACH (row, &rows)
		if (ovsdb_condition_all(c, (*row)->fields) && !cb(*row, aux))
			break;
	VEC_FREE(&rows);
}
