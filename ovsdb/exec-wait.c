// SPDX-License-Identifier: Apache-2.0
// The "wait" operation: are the rows what the client expects?
#include "ovsdb/exec-private.h"

#include <inttypes.h>

typedef VEC(const struct ovsdb_datum *) fields_vec;

static void free_expected(fields_vec *v, const struct ovsdb_table_schema *ts)
{
	for (size_t i = 0; i < v->n; i++) {
		struct ovsdb_datum *fields = (struct ovsdb_datum *)v->v[i];

		for (size_t j = 0; j < ts->n_columns; j++)
			ovsdb_datum_uninit(&fields[j], &ts->columns[j]->type);
		free(fields);
	}
	VEC_FREE(v);
}

// One row of "rows" as a full array of fields, so that it compares like a real one.
static int read_expected_row(struct execution *x, const struct ovsdb_table_schema *ts,
			     struct json_reader *r, fields_vec *out)
{
	struct partial_row p = { VEC_INIT, VEC_INIT };
	struct ovsdb_datum *fields;
	int rc;

	if (json_peek(r) != JSON_OBJECT)
		return ovsdb_error_set(&x->err, OVSDB_SYNTAX, "row must be JSON object");
	rc = exec_read_partial_row(x, ts, r, &p);

	if (!rc) {
		fields = xcalloc(ts->n_columns, sizeof(*fields));
		for (size_t i = 0; i < ts->n_columns; i++)
			ovsdb_datum_init_default(&fields[i], &ts->columns[i]->type);
		for (size_t i = 0; i < p.columns.n; i++) {
			const struct ovsdb_column *c = p.columns.v[i];

			ovsdb_datum_uninit(&fields[c->index], &c->type);
			ovsdb_datum_clone(&fields[c->index], &p.values.v[i], &c->type);
		}
		VEC_PUSH(out, fields);
	}
	exec_partial_row_uninit(&p);
	return rc;
}

static int read_expected(struct execution *x, const struct operation *o, fields_vec *out)
{
	struct json_reader r;
	struct json_span s;
	int rc = 0;

	if (exec_need(x, o, OP_ROWS, &s))
		return -EINVAL;
	json_reader_init_span(&r, s);
	json_array(&r);
	while (!rc && json_element(&r))
		rc = read_expected_row(x, o->table->schema, &r, out);
	if (!rc && json_failed(&r))
		rc = ovsdb_error_from_value(&x->err, &r);
	json_reader_uninit(&r);
	return rc;
}

static int compare_fields(const void *a_, const void *b_, void *columns)
{
	const struct ovsdb_datum *const *a = a_, *const *b = b_;

	return exec_compare_columns(*a, *b, columns);
}

static bool same_sets(struct collected *found, const fields_vec *expected, column_vec *columns)
{
	fields_vec want = VEC_INIT;
	size_t n = 0;
	bool same;

	for (size_t i = 0; i < expected->n; i++)
		VEC_PUSH(&want, expected->v[i]);
	if (want.n)
		qsort_r(want.v, want.n, sizeof(want.v[0]), compare_fields, columns);
	for (size_t i = 0; i < want.n; i++)
		if (!n || exec_compare_columns(want.v[n - 1], want.v[i], columns))
			want.v[n++] = want.v[i];
	exec_make_distinct(found, columns);
	same = n == found->rows.n;
	for (size_t i = 0; same && i < n; i++)
		same = !exec_compare_columns(want.v[i], found->rows.v[i]->fields, columns);
	VEC_FREE(&want);
	return same;
}

struct wait_args {
	int64_t timeout; // milliseconds
	bool until_equal;
};

static int read_wait_args(struct execution *x, const struct operation *o, struct wait_args *a)
{
	AUTO_FREE char *until = NULL;
	struct json_reader r;
	struct json_span s;

	if (exec_need(x, o, OP_WHERE, &s) || exec_need(x, o, OP_UNTIL, &s) ||
	    exec_need(x, o, OP_ROWS, &s))
		return -EINVAL;
	until = exec_string_member(x, o, OP_UNTIL);
	if (x->err.tag)
		return -EINVAL;
	if (strcmp(until, "==") != 0 && strcmp(until, "!=") != 0)
		return ovsdb_error_set(&x->err, OVSDB_SYNTAX, "\"until\" must be \"==\" or \"!=\"");
	a->until_equal = *until == '=';
	a->timeout = INT64_MAX;
	if (!exec_member(o, OP_TIMEOUT, &s))
		return 0;
	json_reader_init_span(&r, s);
	a->timeout = json_integer(&r);
	json_reader_uninit(&r);
	if (a->timeout < 0)
		return ovsdb_error_set(&x->err, OVSDB_SYNTAX, "timeout must be nonnegative");
	return 0;
}

int exec_op_wait(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct collected found = { VEC_INIT };
	fields_vec expected = VEC_INIT;
	struct ovsdb_condition where;
	column_vec columns = VEC_INIT;
	struct wait_args a = { 0, false };
	bool given;
	int rc = -EINVAL;

	if (read_wait_args(x, o, &a) || exec_need_where(x, o, &where))
		return -EINVAL;
	if (exec_read_columns(x, o, &columns, &given) || read_expected(x, o, &expected))
		goto out;
	ovsdb_condition_for_each(&where, o->table, exec_collect_row, &found);
	if (same_sets(&found, &expected, &columns) == a.until_equal) {
		jw_object_begin(w);
		jw_object_end(w);
		rc = 0;
		goto out;
	}
	if (x->ctx->elapsed_msec >= a.timeout) {
		ovsdb_error_set(&x->err, "timed out",
				a.timeout ? "\"wait\" timed out after %" PRId64 " ms"
					  : "\"where\" clause test failed",
				x->ctx->elapsed_msec);
	} else {
		x->waiting = true;
		x->wait_until = a.timeout;
	}
out:
	free_expected(&expected, o->table->schema);
	ovsdb_condition_uninit(&where);
	VEC_FREE(&columns);
	VEC_FREE(&found.rows);
	return rc;
}
