// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/monitor.h"

#include <unistd.h>

#include "core/base/hash.h"
#include "ovsdb/condition.h"

#define OUT_CHUNK ((size_t)64 << 10)

enum select { ON_INITIAL = 1, ON_INSERT = 2, ON_DELETE = 4, ON_MODIFY = 8, ON_ALL = 15 };

struct monitored_column {
	const struct ovsdb_column *column;
	unsigned int select;
};

struct monitored_table {
	struct db_table *table;
	unsigned int select; // of all columns together
	VEC(struct monitored_column) columns;
	struct ovsdb_condition where; // none: every row
	bool unconditional; // a request for this table had no condition
	char *new_where; // JSON text of the conditions that a later request has set; NULL: those of the first
};

struct monitor {
	struct db *db;
	enum monitor_version version;
	char *id; // JSON text
	struct strbuf asks; // the first request, then new conditions
	size_t first_len; // bytes of the former
	uint64_t asks_hash;
	struct monitored_table **tables; // by position in the schema; NULL: not monitored
};

// A request for one table as it is read.
struct request_error {
	const char *table, *part; // "" or " select"
	struct ovsdb_error *err;
};

static int misplaced(const struct request_error *e, const char *key, size_t len)
{
	return ovsdb_error_set(e->err, OVSDB_SYNTAX,
			       "Parsing table %s%s failed: Member '%.*s' is present but not "
			       "allowed here.",
			       e->table, e->part, (int)MIN(len, 40u), key);
}

static int wrong_type(const struct request_error *e, const char *member)
{
	return ovsdb_error_set(e->err, OVSDB_SYNTAX,
			       "Parsing table %s%s failed: Type mismatch for member '%s'.",
			       e->table, e->part, member);
}

static int read_select(struct json_reader *r, const char *table, unsigned int *ret,
		       struct ovsdb_error *err)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} names[] = { { "initial", ON_INITIAL },
		      { "insert", ON_INSERT },
		      { "delete", ON_DELETE },
		      { "modify", ON_MODIFY } };
	const struct request_error e = { table, " select", err };
	const char *key;
	size_t len;

	*ret = ON_ALL;
	json_object(r);
	while (json_member(r, &key, &len)) {
		enum json_type next = json_peek(r);
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && !json_key_is(key, len, names[i].name))
			i++;
		if (i == ARRAY_SIZE(names))
			return misplaced(&e, key, len);
		if (next != JSON_TRUE && next != JSON_FALSE)
			return wrong_type(&e, names[i].name);
		if (!json_bool(r))
			*ret &= ~names[i].bit;
	}
	return json_failed(r) ? ovsdb_error_from_value(err, r) : 0;
}

static int add_column(struct monitored_table *mt, const struct ovsdb_column *c, unsigned int select,
		      struct ovsdb_error *err)
{
	struct monitored_column *mc;

	VEC_FOR_EACH (mc, &mt->columns) {
		if (mc->column == c)
			return ovsdb_error_set(err, OVSDB_SYNTAX,
					       "column %s mentioned more than once", c->name);
	}
	mc = VEC_PUSH_UNINIT(&mt->columns);
	*mc = (struct monitored_column){ c, select };
	mt->select |= select;
	return 0;
}

static int read_columns(struct monitored_table *mt, struct json_reader *r, unsigned int select,
			struct ovsdb_error *err)
{
	json_array(r);
	while (json_element(r)) {
		AUTO_FREE char *name = NULL;
		const struct ovsdb_column *c;

		if (json_peek(r) != JSON_STRING)
			return ovsdb_error_set(err, OVSDB_SYNTAX, "array of column names expected");
		name = json_string_dup(r);
		c = ovsdb_table_column(mt->table->schema, name);
		if (!c && !json_failed(r))
			return ovsdb_error_set(err, OVSDB_SYNTAX, "%s is not a valid column name",
					       name);
		if (c && add_column(mt, c, select, err))
			return -EINVAL;
	}
	return json_failed(r) ? ovsdb_error_from_value(err, r) : 0;
}

static int add_all_columns(struct monitored_table *mt, unsigned int select, struct ovsdb_error *err)
{
	const struct ovsdb_table_schema *ts = mt->table->schema;

	for (size_t i = 0; i < ts->n_columns; i++)
		if (i != OVSDB_COL_UUID && add_column(mt, ts->columns[i], select, err))
			return -EINVAL;
	return 0;
}

// Joins the clauses of several requests for one table.
static void join_condition(struct monitored_table *mt, struct ovsdb_condition *c)
{
	struct ovsdb_clause *clause;

	VEC_FOR_EACH (clause, &c->clauses)
		VEC_PUSH(&mt->where.clauses, *clause);
	mt->unconditional |= !c->clauses.n;
	VEC_FREE(&c->clauses);
}

static int read_where(struct monitored_table *mt, struct json_span text, struct ovsdb_error *err)
{
	struct ovsdb_condition c = { VEC_INIT };
	struct json_reader r;
	int rc = 0;

	if (text.p) {
		json_reader_init_span(&r, text);
		rc = ovsdb_condition_read(&c, mt->table->schema, &r, NULL, true, err);
		json_reader_uninit(&r);
	}
	if (!rc)
		join_condition(mt, &c);
	return rc;
}

struct request {
	struct json_span columns, where, select;
};

// One request object; which members may stand there depends on the method.
static int read_request(struct json_reader *r, const char *table, bool conditional,
			struct request *q, struct ovsdb_error *err)
{
	const struct request_error e = { table, "", err };
	const char *key;
	size_t len;

	memset(q, 0, sizeof(*q));
	if (json_peek(r) != JSON_OBJECT)
		return ovsdb_error_set(err, OVSDB_SYNTAX,
				       "Parsing table %s failed: Object expected.", table);
	json_object(r);
	while (json_member(r, &key, &len)) {
		enum json_type next = json_peek(r);

		if (json_key_is(key, len, "columns")) {
			if (next != JSON_ARRAY)
				return wrong_type(&e, "columns");
			q->columns = json_skip(r);
		} else if (json_key_is(key, len, "select")) {
			if (next != JSON_OBJECT)
				return wrong_type(&e, "select");
			q->select = json_skip(r);
		} else if (conditional && json_key_is(key, len, "where")) {
			if (next != JSON_ARRAY && next != JSON_TRUE && next != JSON_FALSE)
				return wrong_type(&e, "where");
			q->where = json_skip(r);
		} else {
			return misplaced(&e, key, len);
		}
	}
	return json_failed(r) ? ovsdb_error_from_value(err, r) : 0;
}

static int add_request(struct monitored_table *mt, struct json_reader *r, bool conditional,
		       struct ovsdb_error *err)
{
	const char *table = mt->table->schema->name;
	unsigned int select = ON_ALL;
	struct json_reader sub;
	struct request q;
	int rc = 0;

	if (read_request(r, table, conditional, &q, err))
		return -EINVAL;
	if (q.select.p) {
		json_reader_init_span(&sub, q.select);
		rc = read_select(&sub, table, &select, err);
		json_reader_uninit(&sub);
	}
	if (rc)
		return rc;
	json_reader_init_span(&sub, q.columns);
	rc = q.columns.p ? read_columns(mt, &sub, select, err) : add_all_columns(mt, select, err);
	mt->select |= select;
	json_reader_uninit(&sub);
	return rc ? rc : read_where(mt, q.where, err);
}

static int add_requests(struct monitored_table *mt, struct json_reader *r, bool conditional,
			struct ovsdb_error *err)
{
	if (json_peek(r) != JSON_ARRAY)
		return add_request(mt, r, conditional, err);
	json_array(r);
	while (json_element(r))
		if (add_request(mt, r, conditional, err))
			return -EINVAL;
	return json_failed(r) ? ovsdb_error_from_value(err, r) : 0;
}

static int read_tables(struct monitor *m, struct json_reader *r, struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	if (json_peek(r) != JSON_OBJECT)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "monitor-requests must be object");
	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct db_table *t = db_table(m->db, name);
		struct monitored_table *mt;

		if (!t)
			return ovsdb_error_set(err, OVSDB_SYNTAX, "no table named %s", name);
		if (m->tables[t->schema->position])
			return ovsdb_error_set(err, OVSDB_SYNTAX, "table %s mentioned twice", name);
		mt = xzalloc(sizeof(*mt));
		mt->table = t;
		m->tables[t->schema->position] = mt;
		if (add_requests(mt, r, m->version != MONITOR_V1, err))
			return -EINVAL;
		if (mt->unconditional)
			ovsdb_condition_uninit(&mt->where);
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

// However often conditions change, the text is as long as they are.
static void note_asks(struct monitor *m)
{
	strbuf_truncate(&m->asks, m->first_len);
	for (size_t i = 0; i < m->db->schema->n_tables; i++)
		if (m->tables[i] && m->tables[i]->new_where)
			strbuf_printf(&m->asks, "%zu:%s", i, m->tables[i]->new_where);
	m->asks_hash = hash_bytes(m->asks.s, m->asks.len, 0);
}

int monitor_create(struct monitor **ret, struct db *db, enum monitor_version version,
		   struct json_span id, struct json_span requests, struct ovsdb_error *err)
{
	struct monitor *m = xzalloc(sizeof(*m));
	struct json_reader r;
	int rc;

	m->db = db;
	m->version = version;
	m->id = xstrndup(id.p, id.n);
	strbuf_init(&m->asks);
	strbuf_printf(&m->asks, "%d:%s:", version != MONITOR_V1, db->schema->name);
	strbuf_put(&m->asks, requests.p, requests.n);
	m->first_len = m->asks.len;
	m->tables = xcalloc(db->schema->n_tables + 1, sizeof(*m->tables));
	json_reader_init_span(&r, requests);
	rc = read_tables(m, &r, err);
	json_reader_uninit(&r);
	note_asks(m);
	if (rc)
		monitor_destroy(m);
	else
		*ret = m;
	return rc;
}

void monitor_destroy(struct monitor *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->db->schema->n_tables; i++) {
		struct monitored_table *mt = m->tables[i];

		if (!mt)
			continue;
		ovsdb_condition_uninit(&mt->where);
		VEC_FREE(&mt->columns);
		free(mt->new_where);
		free(mt);
	}
	free(m->tables);
	strbuf_uninit(&m->asks);
	free(m->id);
	free(m);
}

bool monitor_has_id(const struct monitor *m, struct json_span id)
{
	return json_equal((struct json_span){ m->id, strlen(m->id) }, id);
}

enum monitor_version monitor_version(const struct monitor *m)
{
	return m->version;
}

const char *monitor_asks(const struct monitor *m)
{
	return strbuf_cstr(&m->asks);
}

bool monitor_asks_as(const struct monitor *a, const struct monitor *b)
{
	return a == b || (a->asks_hash == b->asks_hash && !strcmp(a->asks.s, b->asks.s));
}

const char *monitor_id(const struct monitor *m)
{
	return m->id;
}

// ---- Writing ----

// Where <table-updates> are written: opens the outer objects when the first row comes.
struct updates {
	struct json_writer w;
	const struct db_table *table; // whose object is open
	bool any;
};

static void begin_row(struct updates *u, const struct db_table *t, const struct uuid *uuid)
{
	char key[UUID_LEN + 1];

	if (!u->any)
		jw_object_begin(&u->w);
	if (u->table != t) {
		if (u->table)
			jw_object_end(&u->w);
		jw_key(&u->w, t->schema->name);
		jw_object_begin(&u->w);
		u->table = t;
	}
	u->any = true;
	uuid_format(uuid, key);
	jw_key(&u->w, key);
	jw_object_begin(&u->w);
}

static void end_row(struct updates *u)
{
	jw_object_end(&u->w);
}

static void end_updates(struct updates *u)
{
	if (u->table)
		jw_object_end(&u->w);
	if (u->any)
		jw_object_end(&u->w);
}

// The columns that 'select' asks for as one object under 'key'. 'sparse' leaves out default values.
static void write_columns(struct updates *u, const struct monitored_table *mt, const char *key,
			  const struct ovsdb_datum *const *fields, unsigned int select, bool sparse)
{
	const struct monitored_column *mc;

	jw_key(&u->w, key);
	jw_object_begin(&u->w);
	VEC_FOR_EACH (mc, &mt->columns) {
		const struct ovsdb_datum *d = fields[mc->column->index];

		if (!(mc->select & select) ||
		    (sparse && ovsdb_datum_is_default(d, &mc->column->type)))
			continue;
		jw_key(&u->w, mc->column->name);
		ovsdb_datum_write(d, &mc->column->type, &u->w);
	}
	jw_object_end(&u->w);
}

// ovsdb_condition_any() over pointers to the columns' values.
static bool matches(const struct monitored_table *mt, const struct ovsdb_datum *const *fields)
{
	size_t n = mt->table->schema->n_columns;
	struct ovsdb_datum *copy;
	bool is;

	if (!fields)
		return false;
	if (!mt->where.clauses.n)
		return true;
	copy = xcalloc(n, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = *fields[i];
	is = ovsdb_condition_any(&mt->where, copy);
	free(copy);
	return is;
}

static bool column_changed(const struct monitored_column *mc, const struct row_versions *v)
{
	unsigned int i = mc->column->index;

	return v->old[i] != v->new[i] &&
	       !ovsdb_datum_equal(v->old[i], v->new[i], &mc->column->type);
}

static bool any_reported_change(const struct monitored_table *mt, const struct row_versions *v)
{
	const struct monitored_column *mc;

	// A new _version alone is no news.
	VEC_FOR_EACH (mc, &mt->columns)
		if ((mc->select & ON_MODIFY) && mc->column->index != OVSDB_COL_VERSION &&
		    column_changed(mc, v))
			return true;
	return false;
}

static void write_old_values(struct updates *u, const struct monitored_table *mt,
			     const struct row_versions *v)
{
	const struct monitored_column *mc;

	jw_key(&u->w, "old");
	jw_object_begin(&u->w);
	VEC_FOR_EACH (mc, &mt->columns) {
		if (!(mc->select & ON_MODIFY) || !column_changed(mc, v))
			continue;
		jw_key(&u->w, mc->column->name);
		ovsdb_datum_write(v->old[mc->column->index], &mc->column->type, &u->w);
	}
	jw_object_end(&u->w);
}

static void write_differences(struct updates *u, const struct monitored_table *mt,
			      const struct row_versions *v)
{
	const struct monitored_column *mc;
	struct ovsdb_datum diff;

	jw_key(&u->w, "modify");
	jw_object_begin(&u->w);
	VEC_FOR_EACH (mc, &mt->columns) {
		unsigned int i = mc->column->index;

		if (!(mc->select & ON_MODIFY) || !column_changed(mc, v))
			continue;
		ovsdb_datum_diff(&diff, v->old[i], v->new[i], &mc->column->type);
		jw_key(&u->w, mc->column->name);
		ovsdb_datum_write(&diff, &mc->column->type, &u->w);
		ovsdb_datum_uninit(&diff, &mc->column->type);
	}
	jw_object_end(&u->w);
}

static void write_insert(struct updates *u, const struct monitor *m,
			 const struct monitored_table *mt, const struct uuid *uuid,
			 const struct ovsdb_datum *const *fields, unsigned int event)
{
	if (!(mt->select & event))
		return;
	begin_row(u, mt->table, uuid);
	if (m->version == MONITOR_V1)
		write_columns(u, mt, "new", fields, event, false);
	else
		write_columns(u, mt, event == ON_INITIAL ? "initial" : "insert", fields, event,
			      true);
	end_row(u);
}

static void write_delete(struct updates *u, const struct monitor *m,
			 const struct monitored_table *mt, const struct uuid *uuid,
			 const struct ovsdb_datum *const *fields)
{
	if (!(mt->select & ON_DELETE))
		return;
	begin_row(u, mt->table, uuid);
	if (m->version == MONITOR_V1) {
		write_columns(u, mt, "old", fields, ON_DELETE, false);
	} else {
		jw_key(&u->w, "delete");
		jw_null(&u->w);
	}
	end_row(u);
}

static void write_modify(struct updates *u, const struct monitor *m,
			 const struct monitored_table *mt, const struct row_versions *v)
{
	if (!any_reported_change(mt, v))
		return;
	begin_row(u, mt->table, &v->uuid);
	if (m->version == MONITOR_V1) {
		write_columns(u, mt, "new", v->new, ON_MODIFY, false);
		write_old_values(u, mt, v);
	} else {
		write_differences(u, mt, v);
	}
	end_row(u);
}

static void write_row_change(struct updates *u, const struct monitor *m,
			     const struct monitored_table *mt, const struct row_versions *v)
{
	bool was = matches(mt, v->old), is = matches(mt, v->new);

	if (was && is)
		write_modify(u, m, mt, v);
	else if (is)
		write_insert(u, m, mt, &v->uuid, v->new, ON_INSERT);
	else if (was)
		write_delete(u, m, mt, &v->uuid, v->old);
}

static void write_txn_row(struct updates *u, const struct monitor *m,
			  const struct monitored_table *mt, const struct db_txn_row *tr)
{
	struct row_versions v;

	row_versions_of(&v, tr);
	write_row_change(u, m, mt, &v);
	row_versions_uninit(&v);
}

static int put_out(struct strbuf *out, int fd)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = write(fd, out->s + done, out->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += MAX(n, 0);
	}
	strbuf_clear(out);
	return 0;
}

// 'fd' -1: everything stays in 'out'.
static int write_initial(const struct monitor *m, struct strbuf *out, int fd)
{
	struct updates u = { .any = false };
	int rc = 0;

	json_writer_init(&u.w, out);
	for (size_t i = 0; i < m->db->schema->n_tables && !rc; i++) {
		const struct monitored_table *mt = m->tables[i];
		struct db_row *row;

		if (!mt || !(mt->select & ON_INITIAL))
			continue;
		DB_ROW_FOR_EACH(row, mt->table)
		{
			const struct ovsdb_datum **fields;

			if (!ovsdb_condition_any(&mt->where, row->fields))
				continue;
			fields = row_fields(row);
			write_insert(&u, m, mt, db_row_uuid(row), fields, ON_INITIAL);
			free(fields);
			if (fd >= 0 && out->len > OUT_CHUNK)
				rc = put_out(out, fd);
		}
	}
	end_updates(&u);
	if (!u.any)
		strbuf_puts(out, "{}");
	return rc;
}

void monitor_write_initial(const struct monitor *m, struct strbuf *out)
{
	write_initial(m, out, -1);
}

int monitor_write_initial_to(const struct monitor *m, int fd)
{
	AUTO(strbuf) out = STRBUF_INIT;
	int rc = write_initial(m, &out, fd);

	return rc ? rc : put_out(&out, fd);
}

size_t monitor_n_rows(const struct monitor *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->db->schema->n_tables; i++)
		n += m->tables[i] ? m->tables[i]->table->n_rows : 0;
	return n;
}

bool monitor_write_update(const struct monitor *m, const struct db_txn *txn, struct strbuf *out)
{
	struct updates u = { .any = false };

	json_writer_init(&u.w, out);
	for (size_t i = 0; i < m->db->schema->n_tables; i++) {
		const struct monitored_table *mt = m->tables[i];
		const struct db_txn_row *tr;

		if (!mt)
			continue;
		LIST_FOR_EACH (tr, node, &txn->rows)
			if (tr->row->table == mt->table)
				write_txn_row(&u, m, mt, tr);
	}
	end_updates(&u);
	return u.any;
}

struct since {
	const struct monitor *m;
	struct updates u;
};

static void write_past_change(const struct row_versions *v, void *since_)
{
	struct since *since = since_;
	const struct monitored_table *mt = since->m->tables[v->table->schema->position];

	if (mt)
		write_row_change(&since->u, since->m, mt, v);
}

bool monitor_write_since(const struct monitor *m, const struct history *h, const struct uuid *id,
			 struct strbuf *out)
{
	struct since since = { .m = m };

	json_writer_init(&since.u.w, out);
	history_changes(h, id, write_past_change, &since);
	end_updates(&since.u);
	return since.u.any;
}

// ---- New conditions ----

static void write_condition_change(struct updates *u, const struct monitor *m,
				   const struct monitored_table *mt,
				   const struct ovsdb_condition *old)
{
	struct db_row *row;

	DB_ROW_FOR_EACH(row, mt->table)
	{
		bool was = ovsdb_condition_any(old, row->fields);
		bool is = ovsdb_condition_any(&mt->where, row->fields);
		const struct ovsdb_datum **fields;

		if (was == is)
			continue;
		fields = row_fields(row);
		if (is)
			write_insert(u, m, mt, db_row_uuid(row), fields, ON_INSERT);
		else
			write_delete(u, m, mt, db_row_uuid(row), fields);
		free(fields);
	}
}

static int read_conditions(struct monitored_table *next, struct json_reader *r,
			   struct ovsdb_error *err)
{
	bool one = json_peek(r) != JSON_ARRAY;
	struct request q;

	if (!one)
		json_array(r);
	while (one || json_element(r)) {
		if (read_request(r, next->table->schema->name, true, &q, err))
			return -EINVAL;
		if (q.columns.p)
			return ovsdb_error_set(err, OVSDB_SYNTAX,
					       "changing columns is not supported: only \"where\"");
		if (read_where(next, q.where, err))
			return -EINVAL;
		if (one)
			break;
	}
	return json_failed(r) ? ovsdb_error_from_value(err, r) : 0;
}

static int read_new_where(struct monitored_table *next, struct db_table *t, struct json_span text,
			  struct ovsdb_error *err)
{
	struct json_reader r;
	int rc;

	next->table = t;
	free(next->new_where);
	next->new_where = xstrndup(text.p, text.n);
	json_reader_init_span(&r, text);
	rc = read_conditions(next, &r, err);
	json_reader_uninit(&r);
	return rc;
}

// The new conditions by the tables' positions, so that none counts when one is wrong.
static int read_new_conditions(const struct monitor *m, struct monitored_table *next,
			       struct json_span requests, struct ovsdb_error *err)
{
	struct json_reader r;
	const char *key;
	size_t len;
	int rc = 0;

	json_reader_init_span(&r, requests);
	json_object(&r);
	while (!rc && json_member(&r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct db_table *t = db_table(m->db, name);

		if (!t || !m->tables[t->schema->position]) {
			rc = ovsdb_error_set(err, OVSDB_SYNTAX, "table %s is not monitored", name);
			break;
		}
		rc = read_new_where(&next[t->schema->position], t, json_skip(&r), err);
	}
	if (!rc && json_failed(&r))
		rc = ovsdb_error_from_json(err, &r);
	json_reader_uninit(&r);
	return rc;
}

static void change_table(struct monitor *m, struct monitored_table *next, struct updates *u)
{
	struct monitored_table *mt = m->tables[next->table->schema->position];
	struct ovsdb_condition old = mt->where;

	if (next->unconditional)
		ovsdb_condition_uninit(&next->where);
	mt->where = next->where;
	next->where = old;
	free(mt->new_where);
	mt->new_where = next->new_where;
	next->new_where = NULL;
	write_condition_change(u, m, mt, &old);
}

int monitor_change_conditions(struct monitor *m, struct json_span new_id, struct json_span requests,
			      struct strbuf *out, bool *ret_any, struct ovsdb_error *err)
{
	size_t n = m->db->schema->n_tables;
	AUTO_FREE struct monitored_table *next = xcalloc(n + 1, sizeof(*next));
	struct updates u = { .any = false };
	int rc;

	if (m->version == MONITOR_V1)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "the monitor is not conditional");
	rc = read_new_conditions(m, next, requests, err);
	json_writer_init(&u.w, out);
	for (size_t i = 0; i < n; i++) {
		if (!rc && next[i].table)
			change_table(m, &next[i], &u);
		ovsdb_condition_uninit(&next[i].where);
		free(next[i].new_where);
	}
	end_updates(&u);
	*ret_any = u.any;
	if (rc)
		return rc;
	note_asks(m);
	free(m->id);
	m->id = xstrndup(new_id.p, new_id.n);
	return 0;
}
