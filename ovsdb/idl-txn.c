// SPDX-License-Identifier: Apache-2.0
// Transactions of a replica: collecting changes and sending them. idl-reply.c understands the answer.
#include "ovsdb/idl-txn-private.h"

#include <stdio.h>

const char *idl_status_name(enum idl_status status)
{
	static const char *const names[] = {
		[IDL_UNCOMMITTED] = "uncommitted", [IDL_UNCHANGED] = "unchanged",
		[IDL_INCOMPLETE] = "incomplete",   [IDL_ABORTED] = "aborted",
		[IDL_SUCCESS] = "success",	   [IDL_TRY_AGAIN] = "try again",
		[IDL_NOT_LOCKED] = "not locked",   [IDL_ERROR] = "error",
	};

	return names[status];
}

struct idl_txn *idl_txn_create(struct idl *idl)
{
	struct idl_txn *txn = xzalloc(sizeof(*txn));

	assert(!idl->txn);
	idl->txn = txn;
	txn->idl = idl;
	list_init(&txn->rows);
	list_init(&txn->node);
	strbuf_init(&txn->comment);
	return txn;
}

struct idl_txn *idl_txn_current(const struct idl *idl)
{
	return idl->txn;
}

struct idl *idl_txn_idl(const struct idl_txn *txn)
{
	return txn->idl;
}

// Takes the changes out of the replica again: what is true comes from the server.
static void disassemble(struct idl_txn *txn)
{
	struct idl *idl = txn->idl;

	while (!list_is_empty(&txn->rows)) {
		struct idl_row_private *p =
			LIST_ENTRY(txn->rows.next, struct idl_row_private, txn_node);
		bool appears = p->deleted, goes = p->inserted;

		idl_row_reset_txn(p);
		if (appears || goes)
			idl_row_mark_referrers(p);
		idl_row_mark(p);
	}
	if (idl->txn == txn)
		idl->txn = NULL;
	idl_make_views(idl);
}

void idl_txn_destroy(struct idl_txn *txn)
{
	if (!txn)
		return;
	disassemble(txn);
	list_remove(&txn->node);
	strbuf_uninit(&txn->comment);
	if (txn->increment)
		free(txn->increment->column);
	free(txn->increment);
	VEC_FREE(&txn->inserted);
	free(txn->error);
	free(txn);
}

void idl_txn_abort(struct idl_txn *txn)
{
	if (txn->status != IDL_UNCOMMITTED)
		return;
	disassemble(txn);
	idl_txn_become(txn, IDL_ABORTED);
}

void idl_txn_comment(struct idl_txn *txn, const char *fmt, ...)
{
	va_list args;

	if (txn->comment.len)
		strbuf_putc(&txn->comment, '\n');
	va_start(args, fmt);
	strbuf_vprintf(&txn->comment, fmt, args);
	va_end(args);
}

void idl_txn_set_dry_run(struct idl_txn *txn)
{
	txn->dry_run = true;
}

enum idl_status idl_txn_status(const struct idl_txn *txn)
{
	return txn->status;
}

const char *idl_txn_error(const struct idl_txn *txn)
{
	return txn->error ? txn->error : idl_status_name(txn->status);
}

void idl_txn_increment(struct idl_txn *txn, const struct idl_row *row, const char *column,
		       bool force)
{
	assert(!txn->increment);
	txn->increment = xzalloc(sizeof(*txn->increment));
	txn->increment->row = row->uuid;
	txn->increment->table = row->table;
	txn->increment->column = xstrdup(column);
	txn->increment->force = force;
}

int64_t idl_txn_increment_value(const struct idl_txn *txn)
{
	return txn->increment_value;
}

const struct uuid *idl_txn_inserted_uuid(const struct idl_txn *txn, const struct uuid *provisional)
{
	const struct inserted *i;

	if (txn->status == IDL_SUCCESS)
		VEC_FOR_EACH (i, &txn->inserted)
			if (uuid_equal(&i->provisional, provisional))
				return &i->real;
	return NULL;
}

// ---- Changing rows ----

static void join(struct idl_row_private *p)
{
	struct idl_txn *txn = p->table->idl->txn;
	size_t n = p->table->schema->n_columns;

	assert(txn && txn->status == IDL_UNCOMMITTED);
	if (p->in_txn)
		return;
	p->in_txn = true;
	p->new = xcalloc(n, sizeof(*p->new));
	p->written = xcalloc(n, sizeof(*p->written));
	p->verify = xcalloc(n, sizeof(*p->verify));
	list_push_back(&txn->rows, &p->txn_node);
}

static void changed(struct idl_row_private *p)
{
	idl_row_mark(p);
	idl_make_views(p->table->idl);
}

struct idl_row *idl_insert(struct idl_txn *txn, const struct idl_table *t, const struct uuid *uuid)
{
	struct idl_row *row;
	struct uuid id;

	if (uuid)
		id = *uuid;
	else
		uuid_generate(&id);
	row = idl_insert_provisional(txn, t, &id);
	row->priv->keep_uuid = uuid != NULL;
	return row;
}

struct idl_row *idl_insert_provisional(struct idl_txn *txn, const struct idl_table *t,
				       const struct uuid *uuid)
{
	struct idl_row_private *p = idl_row_get((struct idl_table *)t, uuid);

	assert(!p->exists && !p->inserted);
	join(p);
	p->inserted = true;
	idl_row_mark_referrers(p);
	changed(p);
	return p->row;
}

void idl_delete(const struct idl_row *row)
{
	struct idl_row_private *p = row->priv;
	struct idl *idl = p->table->idl;

	if (p->inserted) {
		idl_row_reset_txn(p);
		idl_row_mark_referrers(p);
		idl_row_mark(p); // becomes a ghost, or goes
		idl_make_views(idl);
		return;
	}
	join(p);
	p->deleted = true;
	idl_row_mark_referrers(p);
	idl_row_mark(p);
	idl_make_views(idl);
}

static void drop_partials(struct idl_row_private *p, const struct ovsdb_column *c)
{
	struct idl_partial *partial, *next;

	LIST_FOR_EACH_SAFE (partial, next, node, &p->partials)
		if (partial->column == c)
			idl_partial_free(partial);
}

static bool is_replicated(const struct idl_row_private *p, const struct ovsdb_column *c)
{
	return p->table->modes[c->index] & MODE_MONITORED;
}

void idl_write(const struct idl_row *row, const struct ovsdb_column *c, struct ovsdb_datum *datum)
{
	struct idl_row_private *p = row->priv;

	join(p);
	drop_partials(p, c);
	if (p->written[c->index])
		ovsdb_datum_uninit(&p->new[c->index], &c->type);
	p->written[c->index] = true;
	p->new[c->index] = *datum;
	ovsdb_datum_init_empty(datum);
	if (p->exists && is_replicated(p, c) &&
	    ovsdb_datum_equal(&p->new[c->index], &p->old[c->index], &c->type)) {
		ovsdb_datum_uninit(&p->new[c->index], &c->type);
		p->written[c->index] = false;
	}
	changed(p);
}

void idl_verify(const struct idl_row *row, const struct ovsdb_column *column)
{
	struct idl_row_private *p = row->priv;

	if (!p->exists || !is_replicated(p, column))
		return;
	join(p);
	p->verify[column->index] = true;
}

// A one-element datum that borrows its atoms.
static struct ovsdb_datum single(union ovsdb_atom *key, union ovsdb_atom *value)
{
	return (struct ovsdb_datum){ .n = 1, .keys = key, .values = value };
}

static void add_partial(struct idl_row_private *p, const struct ovsdb_column *c,
			union ovsdb_atom *key, union ovsdb_atom *value, bool remove)
{
	struct idl_partial *partial = xzalloc(sizeof(*partial));

	partial->column = c;
	partial->key = *key;
	if (value)
		partial->value = *value;
	partial->remove = remove;
	list_push_back(&p->partials, &partial->node);
}

// What the column will hold, for the typed view. It is sent as a mutation unless the row is new or the whole column
// has been written.
static void preview(struct idl_row_private *p, const struct ovsdb_column *c,
		    struct ovsdb_datum *value)
{
	if (p->written[c->index])
		ovsdb_datum_uninit(&p->new[c->index], &c->type);
	p->written[c->index] = true;
	p->new[c->index] = *value;
	changed(p);
}

static bool has_partials(const struct idl_row_private *p, const struct ovsdb_column *c)
{
	const struct idl_partial *partial;

	LIST_FOR_EACH (partial, node, &p->partials)
		if (partial->column == c)
			return true;
	return false;
}

static bool is_whole_write(const struct idl_row_private *p, const struct ovsdb_column *c)
{
	return p->inserted || (p->in_txn && p->written[c->index] && !has_partials(p, c));
}

static void free_atoms(const struct ovsdb_column *c, union ovsdb_atom *key, union ovsdb_atom *value)
{
	ovsdb_atom_uninit(key, c->type.key.type);
	if (value)
		ovsdb_atom_uninit(value, c->type.value.type);
}

void idl_add_key(const struct idl_row *row, const struct ovsdb_column *c, union ovsdb_atom *key,
		 union ovsdb_atom *value)
{
	struct idl_row_private *p = row->priv;
	const struct ovsdb_datum *now = idl_row_datum(p, c);
	struct ovsdb_datum one = single(key, value), next;
	bool whole = is_whole_write(p, c);

	join(p);
	if (is_replicated(p, c) && ovsdb_datum_has_element(now, &one, 0, &c->type)) {
		free_atoms(c, key, value);
		return;
	}
	// The default of a column that must refer to something is the null uuid: what comes takes its place.
	if (p->inserted && !p->written[c->index] && c->type.key.ref_table)
		ovsdb_datum_init_empty(&next);
	else
		ovsdb_datum_clone(&next, now, &c->type);
	ovsdb_datum_union(&next, &one, &c->type, true);
	if (whole)
		free_atoms(c, key, value);
	else
		add_partial(p, c, key, value, false);
	preview(p, c, &next);
}

void idl_remove_key(const struct idl_row *row, const struct ovsdb_column *c, union ovsdb_atom *key)
{
	struct idl_row_private *p = row->priv;
	const struct ovsdb_datum *now = idl_row_datum(p, c);
	ssize_t i = ovsdb_datum_find(now, key, &c->type);
	bool whole = is_whole_write(p, c);
	struct ovsdb_datum next;

	join(p);
	if (i < 0 && is_replicated(p, c)) {
		free_atoms(c, key, NULL);
		return;
	}
	ovsdb_datum_clone(&next, now, &c->type);
	if (i >= 0)
		ovsdb_datum_remove(&next, i, &c->type);
	if (whole)
		free_atoms(c, key, NULL);
	else
		add_partial(p, c, key, NULL, true);
	preview(p, c, &next);
}

// ---- Sending ----

static void symbol_name(const struct uuid *u, char buf[48])
{
	snprintf(buf, 48, "row%08x_%04x_%04x_%04x_%04x%08x", UUID_ARGS(u));
}

// References to rows that this transaction inserts go by name.
static void write_atom(const struct idl *idl, const struct ovsdb_base_type *b,
		       const union ovsdb_atom *a, struct json_writer *w)
{
	const struct idl_table *t = b->ref_table ? idl_table(idl, b->ref_table) : NULL;
	const struct idl_row_private *p = t ? idl_row_lookup(t, &a->uuid) : NULL;
	char name[48];

	if (!p || !p->inserted || p->keep_uuid) {
		ovsdb_atom_write(a, b->type, w);
		return;
	}
	symbol_name(&a->uuid, name);
	jw_array_begin(w);
	jw_string(w, "named-uuid");
	jw_string(w, name);
	jw_array_end(w);
}

static void write_datum(const struct idl *idl, const struct ovsdb_type *t,
			const struct ovsdb_datum *d, struct json_writer *w)
{
	bool is_map = ovsdb_type_is_map(t);

	if (d->n == 1 && !is_map) {
		write_atom(idl, &t->key, &d->keys[0], w);
		return;
	}
	jw_array_begin(w);
	jw_string(w, is_map ? "map" : "set");
	jw_array_begin(w);
	for (unsigned int i = 0; i < d->n; i++) {
		if (is_map)
			jw_array_begin(w);
		write_atom(idl, &t->key, &d->keys[i], w);
		if (is_map) {
			write_atom(idl, &t->value, &d->values[i], w);
			jw_array_end(w);
		}
	}
	jw_array_end(w);
	jw_array_end(w);
}

// The message as it is written; counts operations so that results find their way back.
struct message {
	struct json_writer w;
	size_t n; // operations so far
	bool any; // that change something
};

static void begin_op(struct message *m, const char *op, const char *table)
{
	jw_object_begin(&m->w);
	jw_member_string(&m->w, "op", op);
	if (table)
		jw_member_string(&m->w, "table", table);
	m->n++;
}

static void end_op(struct message *m)
{
	jw_object_end(&m->w);
}

static void write_where(struct message *m, const struct uuid *uuid)
{
	union ovsdb_atom a = { .uuid = *uuid };

	jw_key(&m->w, "where");
	jw_array_begin(&m->w);
	jw_array_begin(&m->w);
	jw_string(&m->w, "_uuid");
	jw_string(&m->w, "==");
	ovsdb_atom_write(&a, OVSDB_UUID, &m->w);
	jw_array_end(&m->w);
	jw_array_end(&m->w);
}

static void write_verify(struct message *m, const struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;
	bool any = false;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		any |= p->verify[i];
	if (!any)
		return;
	begin_op(m, "wait", ts->name);
	write_where(m, &p->row->uuid);
	jw_key(&m->w, "columns");
	jw_array_begin(&m->w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (p->verify[i])
			jw_string(&m->w, ts->columns[i]->name);
	jw_array_end(&m->w);
	jw_member_string(&m->w, "until", "==");
	jw_member_integer(&m->w, "timeout", 0);
	jw_key(&m->w, "rows");
	jw_array_begin(&m->w);
	jw_object_begin(&m->w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		if (!p->verify[i])
			continue;
		jw_key(&m->w, ts->columns[i]->name);
		ovsdb_datum_write(&p->old[i], &ts->columns[i]->type, &m->w);
	}
	jw_object_end(&m->w);
	jw_array_end(&m->w);
	end_op(m);
}

static bool has_whole_writes(const struct idl_row_private *p)
{
	for (size_t i = OVSDB_COL_FIRST; i < p->table->schema->n_columns; i++)
		if (p->written[i] && is_whole_write(p, p->table->schema->columns[i]))
			return true;
	return false;
}

static void write_row_member(struct message *m, const struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;

	jw_key(&m->w, "row");
	jw_object_begin(&m->w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct ovsdb_column *c = ts->columns[i];

		if (!p->written[i] || !is_whole_write(p, c) ||
		    (p->inserted && ovsdb_datum_is_default(&p->new[i], &c->type)))
			continue;
		jw_key(&m->w, c->name);
		write_datum(p->table->idl, &c->type, &p->new[i], &m->w);
	}
	jw_object_end(&m->w);
}

static void write_insert(struct message *m, struct idl_txn *txn, const struct idl_row_private *p)
{
	struct inserted in = { .provisional = p->row->uuid, .result = m->n };
	char name[48];

	begin_op(m, "insert", p->table->schema->name);
	if (p->keep_uuid) {
		jw_key(&m->w, "uuid");
		jw_stringf(&m->w, UUID_FMT, UUID_ARGS(&p->row->uuid));
	} else {
		symbol_name(&p->row->uuid, name);
		jw_member_string(&m->w, "uuid-name", name);
	}
	write_row_member(m, p);
	end_op(m);
	VEC_PUSH(&txn->inserted, in);
	m->any = true;
}

static void write_mutation(struct message *m, const struct idl *idl,
			   const struct idl_partial *partial, bool remove)
{
	struct ovsdb_type t = partial->column->type;
	struct ovsdb_datum d = single((union ovsdb_atom *)&partial->key, NULL);

	if (remove)
		t.value.type = OVSDB_VOID;
	else if (ovsdb_type_is_map(&t))
		d.values = (union ovsdb_atom *)&partial->value;
	jw_array_begin(&m->w);
	jw_string(&m->w, partial->column->name);
	jw_string(&m->w, remove ? "delete" : "insert");
	if (remove && ovsdb_type_is_map(&partial->column->type)) {
		// A set of keys must look like one.
		jw_array_begin(&m->w);
		jw_string(&m->w, "set");
		jw_array_begin(&m->w);
		write_atom(idl, &t.key, &partial->key, &m->w);
		jw_array_end(&m->w);
		jw_array_end(&m->w);
	} else {
		write_datum(idl, &t, &d, &m->w);
	}
	jw_array_end(&m->w);
}

static void write_partials(struct message *m, const struct idl_row_private *p)
{
	const struct idl_partial *partial;

	if (p->inserted || list_is_empty(&p->partials))
		return;
	begin_op(m, "mutate", p->table->schema->name);
	write_where(m, &p->row->uuid);
	jw_key(&m->w, "mutations");
	jw_array_begin(&m->w);
	LIST_FOR_EACH (partial, node, &p->partials) {
		// "insert" leaves a key that is there as it is: take it out before.
		if (!partial->remove && ovsdb_type_is_map(&partial->column->type))
			write_mutation(m, p->table->idl, partial, true);
		write_mutation(m, p->table->idl, partial, partial->remove);
	}
	jw_array_end(&m->w);
	end_op(m);
	m->any = true;
}

static void write_row(struct message *m, struct idl_txn *txn, const struct idl_row_private *p)
{
	const char *table = p->table->schema->name;

	if (p->deleted) {
		// Rows of other tables go when nothing refers to them any more.
		if (!p->table->schema->is_root)
			return;
		begin_op(m, "delete", table);
		write_where(m, &p->row->uuid);
		end_op(m);
		m->any = true;
		return;
	}
	if (p->inserted) {
		write_insert(m, txn, p);
		return;
	}
	if (has_whole_writes(p)) {
		begin_op(m, "update", table);
		write_where(m, &p->row->uuid);
		write_row_member(m, p);
		end_op(m);
		m->any = true;
	}
	write_partials(m, p);
}

static void write_increment(struct message *m, struct increment *i)
{
	begin_op(m, "mutate", i->table->schema->name);
	write_where(m, &i->row);
	jw_key(&m->w, "mutations");
	jw_array_begin(&m->w);
	jw_array_begin(&m->w);
	jw_string(&m->w, i->column);
	jw_string(&m->w, "+=");
	jw_integer(&m->w, 1);
	jw_array_end(&m->w);
	jw_array_end(&m->w);
	end_op(m);
	i->result = m->n;
	begin_op(m, "select", i->table->schema->name);
	write_where(m, &i->row);
	jw_key(&m->w, "columns");
	jw_array_begin(&m->w);
	jw_string(&m->w, i->column);
	jw_array_end(&m->w);
	end_op(m);
	m->any = true;
}

// The params of the request. False when there is nothing to do.
static bool write_params(struct idl_txn *txn, struct strbuf *out)
{
	const struct idl_row_private *p;
	struct message m = { .n = 0 };

	json_writer_init(&m.w, out);
	jw_array_begin(&m.w);
	jw_string(&m.w, txn->idl->class->database);
	if (txn->idl->lock) {
		begin_op(&m, "assert", NULL);
		jw_member_string(&m.w, "lock", txn->idl->lock);
		end_op(&m);
	}
	LIST_FOR_EACH (p, txn_node, &txn->rows)
		write_verify(&m, p);
	LIST_FOR_EACH (p, txn_node, &txn->rows)
		write_row(&m, txn, p);
	if (txn->increment && (m.any || txn->increment->force))
		write_increment(&m, txn->increment);
	else if (txn->increment)
		txn->increment->result = SIZE_MAX;
	if (txn->comment.len) {
		begin_op(&m, "comment", NULL);
		jw_member_string(&m.w, "comment", strbuf_cstr(&txn->comment));
		end_op(&m);
	}
	if (txn->dry_run) {
		begin_op(&m, "abort", NULL);
		end_op(&m);
	}
	jw_array_end(&m.w);
	return m.any;
}

enum idl_status idl_txn_commit(struct idl_txn *txn, void (*done)(struct idl_txn *txn, void *aux),
			       void *aux)
{
	struct idl *idl = txn->idl;
	AUTO(strbuf) params = STRBUF_INIT;
	bool any;

	if (txn->status != IDL_UNCOMMITTED)
		return txn->status;
	any = write_params(txn, &params);
	disassemble(txn);
	if (!any) {
		idl_txn_become(txn, IDL_UNCHANGED);
	} else if (!idl_is_up_to_date(idl)) {
		idl_txn_become(txn, IDL_TRY_AGAIN);
	} else if (idl->lock && !idl->has_lock) {
		idl_txn_become(txn, IDL_NOT_LOCKED);
	} else {
		idl_txn_become(txn, IDL_INCOMPLETE);
		txn->done = done;
		txn->aux = aux;
		txn->id = ++idl->next_id;
		list_push_back(&idl->outstanding, &txn->node);
		jsonrpc_send_request(jsonrpc_session_rpc(idl->js), "transact", &params, txn->id);
	}
	return txn->status;
}

enum idl_status idl_txn_commit_block(struct idl_txn *txn)
{
	enum idl_status status = idl_txn_commit(txn, NULL, NULL);

	while (status == IDL_INCOMPLETE) {
		loop_step(txn->idl->loop, -1);
		status = txn->status;
	}
	return status;
}
