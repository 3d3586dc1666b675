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

// What a member's value may be. A name is a string that RFC 7047 calls an <id>.
enum kind { KIND_STRING, KIND_NAME, KIND_OBJECT, KIND_ARRAY, KIND_INTEGER, KIND_BOOLEAN };

static const enum kind member_kinds[OP_MEMBER_MAX] = {
#define MEMBER(ID, NAME, KIND) [OP_##ID] = KIND_##KIND,
#include "ovsdb/op-members.def"
#undef MEMBER
};

static const char *const member_names[OP_MEMBER_MAX] = {
#define MEMBER(ID, NAME, KIND) [OP_##ID] = NAME,
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
		ovsdb_error_from_value(&x->err, &r);
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

static bool is_name(struct json_reader *r)
{
	AUTO_FREE char *text = json_string_dup(r);

	return !json_failed(r) && ovsdb_id_is_valid(text);
}

static bool is_of_kind(struct json_span value, enum kind kind)
{
	enum json_type next;
	struct json_reader r;
	bool ok;

	json_reader_init_span(&r, value);
	next = json_peek(&r);
	switch (kind) {
	case KIND_STRING:
		ok = next == JSON_STRING;
		break;
	case KIND_NAME:
		ok = next == JSON_STRING && is_name(&r);
		break;
	case KIND_OBJECT:
		ok = next == JSON_OBJECT;
		break;
	case KIND_ARRAY:
		ok = next == JSON_ARRAY;
		break;
	case KIND_INTEGER:
		ok = json_next_is_integer(&r);
		break;
	default:
		ok = next == JSON_TRUE || next == JSON_FALSE;
		break;
	}
	json_reader_uninit(&r);
	return ok;
}

int exec_check_member(struct execution *x, const struct operation *o, enum op_member m)
{
	if (!o->members[m].p || is_of_kind(o->members[m], member_kinds[m]))
		return 0;
	return exec_syntax(x, "Type mismatch for member '%s'.", member_names[m]);
}

int exec_check_members(struct execution *x, const struct operation *o, unsigned int allowed)
{
	if (o->has_unknown)
		return misplaced_member(x, o, allowed);
	for (enum op_member m = 0; m < OP_MEMBER_MAX; m++) {
		if (o->members[m].p && !(allowed >> m & 1))
			return misplaced_member(x, o, allowed);
		if (exec_check_member(x, o, m))
			return -EINVAL;
	}
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

static bool has_column(const column_vec *columns, const struct ovsdb_column *c)
{
	const struct ovsdb_column **old;

	VEC_FOR_EACH (old, columns)
		if (*old == c)
			return true;
	return false;
}

static void read_column(struct execution *x, const struct ovsdb_table_schema *ts,
			struct json_reader *r, column_vec *columns)
{
	AUTO_FREE char *name = json_peek(r) == JSON_STRING ? json_string_dup(r) : NULL;
	const struct ovsdb_column *c = name ? ovsdb_table_column(ts, name) : NULL;

	if (json_failed(r))
		ovsdb_error_from_value(&x->err, r);
	else if (name && !c)
		ovsdb_error_set(&x->err, OVSDB_SYNTAX, "%s is not a valid column name", name);
	else if (!c || has_column(columns, c))
		ovsdb_error_set(&x->err, OVSDB_SYNTAX, "array of distinct column names expected");
	else
		VEC_PUSH(columns, c);
}

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
	while (!x->err.tag && json_element(&r))
		read_column(x, ts, &r, columns);
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
	return json_failed(r) ? ovsdb_error_from_value(&x->err, r) : 0;
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
