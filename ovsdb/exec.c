// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/exec-private.h"

#include "ovsdb/mutation.h"

static bool lookup_symbol(struct ovsdb_symbols *s, const char *name, struct uuid *ret)
{
	struct execution *x = CONTAINER_OF(s, struct execution, symbols);
	struct symbol *sym = strmap_get(&x->names, name);

	if (!sym) {
		sym = xzalloc(sizeof(*sym));
		uuid_generate(&sym->uuid);
		strmap_add(&x->names, name, sym);
	}
	*ret = sym->uuid;
	return true;
}

static int need_table(struct execution *x, struct operation *o)
{
	AUTO_FREE char *name = exec_string_member(x, o, OP_TABLE);

	if (x->err.tag)
		return -EINVAL;
	if (!name)
		return exec_syntax(x, "Required 'table' member is missing.");
	o->table = db_table(x->db, name);
	if (!o->table)
		return exec_syntax(x, "No table named %.100s.", name);
	return 0;
}

static int need_writable(struct execution *x, const struct operation *o)
{
	AUTO_FREE char *op = NULL;

	if (!x->ctx->read_only)
		return 0;
	op = exec_string_member(x, o, OP_OP);
	return ovsdb_error_set(&x->err, "not allowed",
			       "%s operation not allowed when database server is in read only mode",
			       op);
}

static int prohibited(struct execution *x, const char *what, const char *table)
{
	return ovsdb_error_set(&x->err, "permission error",
			       "RBAC rules for client \"%s\" role \"%s\" prohibit %s \"%s\".",
			       x->rbac.id ? x->rbac.id : "(none)", x->rbac.role, what, table);
}

static int may_touch(struct execution *x, const struct operation *o, const char *what)
{
	return rbac_may_touch(&x->rbac, o->table) ? 0 : prohibited(x, what, o->table->schema->name);
}

static void store_row(struct execution *x, struct db_row *row, const struct partial_row *p)
{
	for (size_t i = 0; i < p->columns.n; i++) {
		const struct ovsdb_column *c = p->columns.v[i];
		struct ovsdb_datum *d = db_txn_modify(x->txn, row, c);

		ovsdb_datum_uninit(d, &c->type);
		ovsdb_datum_clone(d, &p->values.v[i], &c->type);
	}
}

void ovsdb_row_write(const struct db_row *row, const struct ovsdb_column *const *columns, size_t n,
		     struct json_writer *w)
{
	const struct ovsdb_table_schema *ts = row->table->schema;

	jw_object_begin(w);
	for (size_t i = 0; i < (columns ? n : ts->n_columns); i++) {
		const struct ovsdb_column *c = columns ? columns[i] : ts->columns[i];

		jw_key(w, c->name);
		ovsdb_datum_write(&row->fields[c->index], &c->type, w);
	}
	jw_object_end(w);
}

// ---- Operations. Each returns 0 with its result written, or negative with x->err filled. ----

static int insert_uuid(struct execution *x, const struct operation *o, struct uuid *uuid)
{
	AUTO_FREE char *text = exec_string_member(x, o, OP_UUID);
	AUTO_FREE char *name = x->err.tag ? NULL : exec_string_member(x, o, OP_UUID_NAME);
	struct symbol *sym;

	if (x->err.tag)
		return -EINVAL;
	uuid_generate(uuid);
	if (text && !uuid_parse(uuid, text))
		return ovsdb_error_set(&x->err, OVSDB_SYNTAX, "bad uuid");
	if (!name)
		return 0;
	sym = strmap_get(&x->names, name);
	if (sym && sym->created)
		return ovsdb_error_set(
			&x->err, "duplicate uuid-name",
			"This \"uuid-name\" appeared on an earlier \"insert\" operation.");
	if (!sym) {
		sym = xzalloc(sizeof(*sym));
		sym->uuid = *uuid;
		strmap_add(&x->names, name, sym);
	}
	// References before the declaration have fixed the uuid already; a given one then replaces nothing.
	if (text && !uuid_equal(uuid, &sym->uuid))
		return ovsdb_error_set(&x->err, OVSDB_SYNTAX,
				       "uuid-name %s was used before \"uuid\" gave it another uuid",
				       name);
	*uuid = sym->uuid;
	sym->created = true;
	return 0;
}

// A row that was selected may be inserted as it came: it gets an identity and a version of its own.
static void drop_built_in(struct partial_row *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->columns.n; i++) {
		if (p->columns.v[i]->index < OVSDB_COL_FIRST)
			continue;
		p->columns.v[n] = p->columns.v[i];
		p->values.v[n++] = p->values.v[i];
	}
	p->columns.n = p->values.n = n;
}

static int op_insert(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct partial_row p = { VEC_INIT, VEC_INIT };
	struct db_row *row;
	struct uuid uuid;
	int rc = -EINVAL;

	if (need_writable(x, o) || insert_uuid(x, o, &uuid))
		return -EINVAL;
	if (exec_need_row(x, o, &p))
		goto out;
	drop_built_in(&p);
	row = db_txn_insert(x->txn, o->table, &uuid);
	if (!row) {
		ovsdb_error_set(
			&x->err, "duplicate uuid",
			"This UUID would duplicate a UUID already present within the table or "
			"deleted within the same transaction.");
		goto out;
	}
	db_txn_fill(row, p.columns.v, p.values.v, p.columns.n);
	if (!rbac_may_insert(&x->rbac, row)) {
		prohibited(x, "row insertion into table", o->table->schema->name);
		goto out;
	}
	jw_object_begin(w);
	jw_key(w, "uuid");
	ovsdb_atom_write(&row->id[0], OVSDB_UUID, w);
	jw_object_end(w);
	rc = 0;
out:
	exec_partial_row_uninit(&p);
	return rc;
}

bool exec_collect_row(struct db_row *row, void *c_)
{
	struct collected *c = c_;

	VEC_PUSH(&c->rows, row);
	return true;
}

int exec_compare_columns(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
			 const column_vec *columns)
{
	for (size_t i = 0; i < columns->n; i++) {
		const struct ovsdb_column *c = columns->v[i];
		int cmp = ovsdb_datum_compare(&a[c->index], &b[c->index], &c->type);

		if (cmp)
			return cmp;
	}
	return 0;
}

static int compare_rows(const void *a_, const void *b_, void *columns)
{
	const struct db_row *const *a = a_, *const *b = b_;

	return exec_compare_columns((*a)->fields, (*b)->fields, columns);
}

// Sorts by the columns and drops rows that look the same in them.
void exec_make_distinct(struct collected *c, column_vec *columns)
{
	size_t n = 0;

	if (!c->rows.n)
		return;
	qsort_r(c->rows.v, c->rows.n, sizeof(c->rows.v[0]), compare_rows, columns);
	for (size_t i = 0; i < c->rows.n; i++)
		if (!n ||
		    exec_compare_columns(c->rows.v[n - 1]->fields, c->rows.v[i]->fields, columns))
			c->rows.v[n++] = c->rows.v[i];
	c->rows.n = n;
}

static int op_select(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct collected found = { VEC_INIT };
	struct ovsdb_condition where;
	column_vec columns = VEC_INIT;
	bool given;
	int rc = -EINVAL;

	if (exec_need_where(x, o, &where))
		return -EINVAL;
	if (exec_read_columns(x, o, &columns, &given))
		goto out;
	ovsdb_condition_for_each(&where, o->table, exec_collect_row, &found);
	if (given)
		exec_make_distinct(&found, &columns);
	jw_object_begin(w);
	jw_key(w, "rows");
	jw_array_begin(w);
	for (size_t i = 0; i < found.rows.n; i++)
		ovsdb_row_write(found.rows.v[i], columns.v, columns.n, w);
	jw_array_end(w);
	jw_object_end(w);
	rc = 0;
out:
	ovsdb_condition_uninit(&where);
	VEC_FREE(&columns);
	VEC_FREE(&found.rows);
	return rc;
}

struct change {
	struct execution *x;
	const struct partial_row *row;
	const struct ovsdb_mutations *mutations;
	int64_t count;
	int rc;
};

static bool update_row(struct db_row *row, void *c_)
{
	const struct ovsdb_table_schema *ts = row->table->schema;
	struct change *c = c_;
	bool ok = rbac_may_modify(&c->x->rbac, row);

	for (size_t i = 0; ok && i < c->row->columns.n; i++) {
		const struct ovsdb_column *col = c->row->columns.v[i];

		ok = rbac_may_change(&c->x->rbac, ts, col, &row->fields[col->index],
				     &c->row->values.v[i]);
	}
	if (!ok) {
		c->rc = prohibited(c->x, "modification of table", ts->name);
		return false;
	}
	c->count++;
	store_row(c->x, row, c->row);
	return true;
}

// Did the mutations, which have been applied to copies of these columns, change what may be changed?
static bool may_mutate(const struct change *c, const struct db_row *row,
		       const struct ovsdb_datum *before)
{
	for (size_t i = 0; i < c->mutations->v.n; i++) {
		const struct ovsdb_column *col = c->mutations->v.v[i].column;

		if (!rbac_may_change(&c->x->rbac, row->table->schema, col, &before[i],
				     &row->fields[col->index]))
			return false;
	}
	return true;
}

static int mutate_checked(struct change *c, struct db_row *row)
{
	size_t n = c->mutations->v.n;
	AUTO_FREE struct ovsdb_datum *before = xcalloc(n + 1, sizeof(*before));
	const struct ovsdb_mutation *m = c->mutations->v.v;
	int rc;

	for (size_t i = 0; i < n; i++)
		ovsdb_datum_clone(&before[i], &row->fields[m[i].column->index], &m[i].column->type);
	rc = rbac_may_modify(&c->x->rbac, row)
		     ? ovsdb_mutations_apply(c->mutations, c->x->txn, row, &c->x->err)
		     : -EPERM;
	if (rc == -EPERM || (!rc && !may_mutate(c, row, before)))
		rc = prohibited(c->x, "mutate operation on table", row->table->schema->name);
	for (size_t i = 0; i < n; i++)
		ovsdb_datum_uninit(&before[i], &m[i].column->type);
	return rc;
}

static bool mutate_row(struct db_row *row, void *c_)
{
	struct change *c = c_;

	c->count++;
	c->rc = c->x->rbac.role ? mutate_checked(c, row)
				: ovsdb_mutations_apply(c->mutations, c->x->txn, row, &c->x->err);
	return !c->rc;
}

static bool delete_row(struct db_row *row, void *c_)
{
	struct change *c = c_;

	if (!rbac_may_delete(&c->x->rbac, row)) {
		c->rc = prohibited(c->x, "row deletion from table", row->table->schema->name);
		return false;
	}
	c->count++;
	db_txn_delete(c->x->txn, row);
	return true;
}

static void write_count(const struct change *c, struct json_writer *w)
{
	jw_object_begin(w);
	jw_member_integer(w, "count", c->count);
	jw_object_end(w);
}

static int op_update(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct partial_row p = { VEC_INIT, VEC_INIT };
	struct change c = { .x = x, .row = &p };
	struct ovsdb_condition where;
	int rc = -EINVAL;

	if (need_writable(x, o) || exec_need_where(x, o, &where))
		return -EINVAL;
	if (exec_need_row(x, o, &p))
		goto out;
	for (size_t i = 0; i < p.columns.n; i++)
		if (!p.columns.v[i]->mutable) {
			ovsdb_error_set(&x->err, OVSDB_CONSTRAINT,
					"Cannot update immutable column %s in table %s.",
					p.columns.v[i]->name, o->table->schema->name);
			goto out;
		}
	rc = may_touch(x, o, "modification of table");
	if (!rc) {
		ovsdb_condition_for_each(&where, o->table, update_row, &c);
		rc = c.rc;
	}
	if (!rc)
		write_count(&c, w);
out:
	exec_partial_row_uninit(&p);
	ovsdb_condition_uninit(&where);
	return rc;
}

static int op_mutate(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct ovsdb_mutations mutations = { VEC_INIT };
	struct change c = { .x = x, .mutations = &mutations };
	struct ovsdb_condition where;
	struct json_reader r;
	struct json_span s;
	int rc = -EINVAL;

	if (need_writable(x, o) || exec_need_where(x, o, &where))
		return -EINVAL;
	if (exec_need(x, o, OP_MUTATIONS, &s))
		goto out;
	json_reader_init_span(&r, s);
	rc = ovsdb_mutations_read(&mutations, o->table->schema, &r, &x->symbols, &x->err);
	json_reader_uninit(&r);
	if (!rc)
		rc = may_touch(x, o, "mutate operation on table");
	if (!rc) {
		ovsdb_condition_for_each(&where, o->table, mutate_row, &c);
		rc = c.rc;
	}
	if (!rc)
		write_count(&c, w);
out:
	ovsdb_mutations_uninit(&mutations);
	ovsdb_condition_uninit(&where);
	return rc;
}

static int op_delete(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct change c = { .x = x };
	struct ovsdb_condition where;

	if (need_writable(x, o) || exec_need_where(x, o, &where))
		return -EINVAL;
	c.rc = may_touch(x, o, "row deletion from table");
	if (!c.rc)
		ovsdb_condition_for_each(&where, o->table, delete_row, &c);
	ovsdb_condition_uninit(&where);
	if (!c.rc)
		write_count(&c, w);
	return c.rc;
}

// ---- commit, abort, comment, assert ----

static void empty_result(struct json_writer *w)
{
	jw_object_begin(w);
	jw_object_end(w);
}

static int op_commit(struct execution *x, struct operation *o, struct json_writer *w)
{
	struct json_reader r;
	struct json_span s;
	bool durable;

	if (exec_need(x, o, OP_DURABLE, &s))
		return -EINVAL;
	json_reader_init_span(&r, s);
	durable = json_bool(&r);
	json_reader_uninit(&r);
	x->txn->durable |= durable;
	empty_result(w);
	return 0;
}

static int op_abort(struct execution *x, struct operation *o, struct json_writer *w)
{
	return ovsdb_error_set(&x->err, "aborted", "aborted by request");
}

static int op_comment(struct execution *x, struct operation *o, struct json_writer *w)
{
	AUTO_FREE char *text = exec_string_member(x, o, OP_COMMENT);

	if (x->err.tag)
		return -EINVAL;
	if (!text)
		return exec_syntax(x, "Required 'comment' member is missing.");
	if (x->txn->comment.len)
		strbuf_putc(&x->txn->comment, '\n');
	strbuf_puts(&x->txn->comment, text);
	empty_result(w);
	return 0;
}

static int op_assert(struct execution *x, struct operation *o, struct json_writer *w)
{
	AUTO_FREE char *lock = exec_string_member(x, o, OP_LOCK);

	if (x->err.tag)
		return -EINVAL;
	if (!lock)
		return exec_syntax(x, "Required 'lock' member is missing.");
	if (!x->ctx->has_lock || !x->ctx->has_lock(x->ctx->aux, lock))
		return ovsdb_error_set(&x->err, "not owner", "Asserted lock %s not held.", lock);
	empty_result(w);
	return 0;
}

#define M(NAME) (1u << OP_##NAME)

static const struct op_class {
	const char *name;
	int (*run)(struct execution *x, struct operation *o, struct json_writer *w);
	unsigned int members; // besides "op": a mask of enum op_member
	bool only_reads; // changes nothing, and depends on nothing but rows
} op_classes[] = {
	{ "insert", op_insert, M(TABLE) | M(ROW) | M(UUID_NAME) | M(UUID) },
	{ "select", op_select, M(TABLE) | M(WHERE) | M(COLUMNS), .only_reads = true },
	{ "update", op_update, M(TABLE) | M(WHERE) | M(ROW) },
	{ "mutate", op_mutate, M(TABLE) | M(WHERE) | M(MUTATIONS) },
	{ "delete", op_delete, M(TABLE) | M(WHERE) },
	{ "wait", exec_op_wait,
	  M(TABLE) | M(WHERE) | M(COLUMNS) | M(UNTIL) | M(ROWS) | M(TIMEOUT) },
	{ "commit", op_commit, M(DURABLE) },
	{ "abort", op_abort, 0, .only_reads = true },
	{ "comment", op_comment, M(COMMENT), .only_reads = true },
	{ "assert", op_assert, M(LOCK) },
};

static const struct op_class *find_class(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(op_classes); i++)
		if (!strcmp(op_classes[i].name, name))
			return &op_classes[i];
	return NULL;
}

static int run_operation(struct execution *x, struct operation *o, struct strbuf *out)
{
	AUTO_FREE char *name = NULL;
	const struct op_class *class;
	struct json_writer w;
	int rc;

	if (!o->text.n || *o->text.p != '{')
		return exec_syntax(x, "Object expected.");
	name = exec_check_member(x, o, OP_OP) ? NULL : exec_string_member(x, o, OP_OP);
	if (!name)
		return x->err.tag ? -EINVAL : exec_syntax(x, "Required 'op' member is missing.");
	class = find_class(name);
	if (!class)
		return exec_syntax(x, "No operation \"%.100s\"", name);
	if (exec_check_members(x, o, class->members | M(OP)) ||
	    ((class->members & M(TABLE)) && need_table(x, o)))
		return -EINVAL;
	json_writer_init(&w, out);
	rc = class->run(x, o, &w);
	arena_reset(x->arena);
	return rc;
}

static void write_error(const struct ovsdb_error *err, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	ovsdb_error_write(err, &w);
}

// Runs operation after operation; after the first that fails, "null" stands for each one that did not run.
static int run_all(struct execution *x, struct json_reader *r, struct strbuf *results)
{
	bool failed = false;
	size_t n = 0;

	while (json_element(r)) {
		struct operation o;
		size_t start;

		exec_read_operation(r, &o);
		if (json_failed(r))
			break;
		strbuf_puts(results, n++ ? "," : "");
		x->n_begun = n;
		start = results->len;
		if (failed) {
			strbuf_puts(results, "null");
		} else if (run_operation(x, &o, results)) {
			if (x->waiting)
				return -EAGAIN;
			failed = true;
			strbuf_truncate(results, start);
			write_error(&x->err, results);
		}
	}
	if (json_failed(r) && !failed) {
		ovsdb_error_from_json(&x->err, r);
		strbuf_puts(results, n ? "," : "");
		write_error(&x->err, results);
		failed = true;
	}
	return failed ? -EINVAL : 0;
}

// Read as for run_operation(): of a member that is there twice the same one counts. What is no object fails, and does no harm.
static bool only_reads(const struct operation *o)
{
	AUTO_FREE char *name = NULL;
	const struct op_class *class;
	struct json_reader r;

	if (!o->text.n || *o->text.p != '{')
		return true;
	json_reader_init_span(&r, o->members[OP_OP]);
	if (json_peek(&r) == JSON_STRING)
		name = json_string_dup(&r);
	json_reader_uninit(&r);
	class = name ? find_class(name) : NULL;
	return class && class->only_reads;
}

bool ovsdb_only_reads(struct json_span params)
{
	struct json_reader r;
	bool is = true;

	json_reader_init_span(&r, params);
	json_array(&r);
	if (json_element(&r))
		json_skip(&r);
	while (is && json_element(&r)) {
		struct operation o;

		exec_read_operation(&r, &o);
		is = only_reads(&o);
	}
	is |= json_failed(&r);
	json_reader_uninit(&r);
	return is;
}

enum exec_status ovsdb_execute(struct db *db, struct json_span params,
			       const struct exec_context *ctx, struct strbuf *results,
			       struct db_txn **ret_txn, int64_t *ret_timeout_msec)
{
	static struct arena arena; // its memory serves all requests
	struct execution x = { .symbols.lookup = lookup_symbol,
			       .db = db,
			       .ctx = ctx,
			       .params = params,
			       .arena = &arena };
	enum exec_status status = EXEC_FAILED;
	struct json_reader r;
	int rc;

	strmap_init(&x.names);
	rbac_init(&x.rbac, db, ctx->role, ctx->client_id);
	x.txn = db_txn_begin(db);
	json_reader_init_span(&r, params);
	json_array(&r);
	json_element(&r);
	json_skip(&r); // the database's name
	strbuf_putc(results, '[');
	rc = run_all(&x, &r, results);
	if (rc) {
		db_txn_rollback(x.txn);
		if (rc == -EAGAIN) {
			*ret_timeout_msec = x.wait_until;
			status = EXEC_WAITING;
		}
	} else if (db_txn_commit(x.txn, &x.err)) {
		strbuf_puts(results, results->len > 1 ? "," : "");
		write_error(&x.err, results);
	} else {
		*ret_txn = x.txn;
		status = EXEC_COMMITTED;
	}
	strbuf_putc(results, ']');
	json_reader_uninit(&r);
	strmap_uninit_free(&x.names);
	return status;
}
