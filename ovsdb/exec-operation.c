// SPDX-License-Identifier: Apache-2.0
// What an operation of "transact" is made of: its members, and the conditions, columns and rows in them.
#include "ovsdb/exec-private.h"

static size_t count_operations(const struct execution *x)
{
	struct json_reader r;
	size_t n = 0;

	json_reader_init_span(&r, x->params);
	json_array(&r);
	for (; json_element(&r); n++)
		json_skip(&r);
	json_reader_uninit(&r);
	return n ? n - 1 : 0; // without the database's name
}

int exec_syntax(struct execution *x, const char *fmt, ...)
{
	AUTO_FREE char *what = NULL;
	va_list args;

	va_start(args, fmt);
	what = xvasprintf(fmt, args);
	va_end(args);
	return ovsdb_error_set(&x->err, OVSDB_SYNTAX,
			       "Parsing ovsdb operation %zu of %zu failed: %s", x->n_begun,
			       count_operations(x), what);
}

static const char *const member_names[OP_MEMBER_MAX] = {
#define MEMBER(ID, NAME) [OP_##ID] = NAME,
#include "ovsdb/op-members.def"
#undef MEMBER
};

static enum op_member find_name(const char *key, size_t len)
{
	enum op_member m = 0;

	while (m < OP_MEMBER_MAX && !json_key_is(key, len, member_names[m]))
		m++;
	return m;
}

void exec_read_operation(struct json_reader *r, struct operation *o)
{
	const char *key;
	size_t len;

	memset(o, 0, sizeof(*o));
	if (json_peek(r) != JSON_OBJECT) {
		o->text = json_skip(r);
		return;
	}
	o->text.p = r->p;
	json_object(r);
	while (json_member(r, &key, &len)) {
		enum op_member m = find_name(key, len);
		struct json_span value = json_skip(r);

		if (m < OP_MEMBER_MAX)
			o->members[m] = value;
		else
			o->has_unknown = true;
	}
	o->text.n = r->p - o->text.p;
}

bool exec_member(const struct operation *o, enum op_member m, struct json_span *ret)
{
	*ret = o->members[m];
	return ret->p;
}

int exec_need(struct execution *x, const struct operation *o, enum op_member m,
	      struct json_span *ret)
{
	if (exec_member(o, m, ret))
		return 0;
	return exec_syntax(x, "Required '%s' member is missing.", member_names[m]);
}

char *exec_string_member(struct execution *x, const struct operation *o, enum op_member m)
{
	struct json_reader r;
	struct json_span s;
	char *text;

	if (!exec_member(o, m, &s))
		return NULL;
	json_reader_init_span(&r, s);
	text = json_string_dup(&r);
	if (json_failed(&r)) {
		ovsdb_error_from_json(&x->err, &r);
		free(text);
		text = NULL;
	}
	json_reader_uninit(&r);
	return text;
}

// Names the first member that is not one of 'allowed', a mask of enum op_member.
static int misplaced_member(struct execution *x, const struct operation *o, unsigned int allowed)
{
	struct json_reader r;
	const char *key;
	size_t len;

	json_reader_init_span(&r, o->text);
	json_object(&r);
	while (!x->err.tag && json_member(&r, &key, &len)) {
		enum op_member m = find_name(key, len);

		if (m == OP_MEMBER_MAX || !(allowed >> m & 1))
			exec_syntax(x, "Member '%.*s' is present but not allowed here.",
				    (int)MIN(len, 100u), key);
		json_skip(&r);
	}
	json_reader_uninit(&r);
	return -EINVAL;
}

int exec_check_members(struct execution *x, const struct operation *o, unsigned int allowed)
{
	if (o->has_unknown)
		return misplaced_member(x, o, allowed);
	for (enum op_member m = 0; m < OP_MEMBER_MAX; m++)
		if (o->members[m].p && !(allowed >> m & 1))
			return misplaced_member(x, o, allowed);
	return 0;
}

int exec_need_where(struct execution *x, const struct operation *o, struct ovsdb_condition *c)
{
	struct json_reader r;
	struct json_span s;
	int rc;

	memset(c, 0, sizeof(*c));
	if (exec_need(x, o, OP_WHERE, &s))
		return -EINVAL;
	json_reader_init_span(&r, s);
	rc = ovsdb_condition_read(c, o->table->schema, &r, &x->symbols, false, &x->err);
	json_reader_uninit(&r);
	return rc;
}

// ---- Sets of columns and partial rows ----

int exec_read_columns(struct execution *x, const struct operation *o, column_vec *columns,
		      bool *ret_given)
{
	const struct ovsdb_table_schema *ts = o->table->schema;
	struct json_reader r;
	struct json_span s;

	*ret_given = exec_member(o, OP_COLUMNS, &s);
	if (!*ret_given) {
		for (size_t i = 0; i < ts->n_columns; i++)
			VEC_PUSH(columns, ts->columns[i]);
		return 0;
	}
	json_reader_init_span(&r, s);
	json_array(&r);
	while (!x->err.tag && json_element(&r)) {
		AUTO_FREE char *name = json_string_dup(&r);
		const struct ovsdb_column *c = ovsdb_table_column(ts, name);

		if (json_failed(&r))
			break;
		if (c)
			VEC_PUSH(columns, c);
		else
			ovsdb_error_set(&x->err, OVSDB_SYNTAX,
					"array of distinct column names expected: no column %s",
					name);
	}
	if (!x->err.tag && json_failed(&r))
		ovsdb_error_from_json(&x->err, &r);
	json_reader_uninit(&r);
	return x->err.tag ? -EINVAL : 0;
}

void exec_partial_row_uninit(struct partial_row *p)
{
	VEC_FREE(&p->columns);
	VEC_FREE(&p->values);
}

int exec_read_partial_row(struct execution *x, const struct ovsdb_table_schema *ts,
			  struct json_reader *r, struct partial_row *p)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		const struct ovsdb_column *c = ovsdb_table_column_n(ts, key, len);
		struct ovsdb_datum d;

		if (!c)
			return ovsdb_error_set(&x->err, "unknown column",
					       "No column %.*s in table %s.", (int)MIN(len, 100u),
					       key, ts->name);
		if (ovsdb_datum_read_in(x->arena, &d, &c->type, r, &x->symbols, &x->err))
			return -EINVAL;
		VEC_PUSH(&p->columns, c);
		VEC_PUSH(&p->values, d);
	}
	return json_failed(r) ? ovsdb_error_from_json(&x->err, r) : 0;
}

int exec_need_row(struct execution *x, const struct operation *o, struct partial_row *p)
{
	struct json_reader r;
	struct json_span s;
	int rc;

	if (exec_need(x, o, OP_ROW, &s))
		return -EINVAL;
	json_reader_init_span(&r, s);
	rc = exec_read_partial_row(x, o->table->schema, &r, p);
	json_reader_uninit(&r);
	return rc;
}
