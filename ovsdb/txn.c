// SPDX-License-Identifier: Apache-2.0
// Transactions on a database in memory: change, check, commit, take back.
#include "ovsdb/db-private.h"

struct db_txn *db_txn_begin(struct db *db)
{
	struct db_txn *txn = xzalloc(sizeof(*txn));

	assert(!db->open);
	db->open = txn;
	txn->db = db;
	list_init(&txn->rows);
	arena_init(&txn->arena);
	strbuf_init(&txn->comment);
	return txn;
}

static struct db_txn_row *add_row(struct db_txn *txn, struct db_row *row, bool inserted)
{
	size_t n = row->table->schema->n_columns, n_old = inserted ? 0 : n;
	size_t size = sizeof(struct db_txn_row) + n_old * sizeof(struct ovsdb_datum) + n;
	struct db_txn_row *tr = memset(arena_alloc(&txn->arena, size), 0, size);

	tr->row = row;
	tr->inserted = inserted;
	tr->changed = (bool *)&tr->old[n_old];
	tr->old_version = row->id[1].uuid;
	row->txn = tr;
	row->n_txns++;
	list_push_back(&txn->rows, &tr->node);
	return tr;
}

static struct db_txn_row *touch(struct db_txn *txn, struct db_row *row)
{
	return row->txn ? row->txn : add_row(txn, row, false);
}

struct db_row *db_txn_insert(struct db_txn *txn, struct db_table *t, const struct uuid *uuid)
{
	struct db_row *row;

	if (db_row_find_any(t, uuid))
		return NULL;
	row = db_row_alloc(t, uuid);
	hmap_insert(&t->rows, &row->node, uuid_hash(uuid));
	t->n_rows++;
	add_row(txn, row, true);
	return row;
}

void db_txn_fill(struct db_row *row, const struct ovsdb_column *const *columns,
		 const struct ovsdb_datum *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ovsdb_datum *d = &row->fields[columns[i]->index];

		ovsdb_datum_uninit(d, &columns[i]->type);
		*d = values[i];
		d->borrowed = true;
	}
	db_row_pack_all(row);
}

struct ovsdb_datum *db_txn_modify(struct db_txn *txn, struct db_row *row,
				  const struct ovsdb_column *c)
{
	struct db_txn_row *tr = touch(txn, row);
	struct ovsdb_datum *d = &row->fields[c->index], before = *d;

	if (!tr->inserted && !tr->changed[c->index]) {
		tr->changed[c->index] = true;
		tr->old[c->index] = before;
		ovsdb_datum_clone(d, &before, &c->type);
	} else if (d->borrowed) {
		ovsdb_datum_clone(d, &before, &c->type);
	}
	return d;
}

void db_txn_delete(struct db_txn *txn, struct db_row *row)
{
	touch(txn, row)->deleted = true;
	row->deleted = true;
	row->table->n_rows--;
}

static void txn_row_uninit(struct db_txn_row *tr)
{
	const struct ovsdb_table_schema *ts = tr->row->table->schema;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (tr->changed[i])
			ovsdb_datum_uninit(&tr->old[i], &ts->columns[i]->type);
	if (tr->row->txn == tr)
		tr->row->txn = NULL;
	tr->row->n_txns--;
	list_remove(&tr->node);
}

static void txn_free(struct db_txn *txn)
{
	if (txn->db->open == txn)
		txn->db->open = NULL;
	VEC_FREE(&txn->garbage);
	arena_uninit(&txn->arena);
	strbuf_uninit(&txn->comment);
	free(txn);
}

static void remove_row(struct db_row *row)
{
	hmap_remove(&row->table->rows, &row->node);
	db_row_free(row);
}

// ---- Undo ----

static void restore_fields(struct db_txn_row *tr)
{
	const struct ovsdb_table_schema *ts = tr->row->table->schema;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		struct ovsdb_datum new = tr->row->fields[i];

		if (!tr->changed[i])
			continue;
		tr->row->fields[i] = tr->old[i];
		tr->old[i] = new;
	}
	tr->row->id[1].uuid = tr->old_version;
}

// Takes the row's references out of the counts (-1) or puts them in (+1).
static void count_row(struct db_row *row, int delta)
{
	const struct db_table *t = row->table;

	for (size_t j = 0; j < t->n_ref_columns; j++)
		db_adjust_refs(t, t->ref_columns[j], &row->fields[t->ref_columns[j]], delta, NULL,
			       NULL);
}

void db_txn_rollback(struct db_txn *txn)
{
	struct db_txn_row *tr, *next;
	size_t unused;

	LIST_FOR_EACH (tr, node, &txn->rows) {
		db_row_unindex(tr->row);
		db_row_clear_weak_out(tr->row);
		if (tr->counted && !tr->deleted)
			count_row(tr->row, -1);
	}
	LIST_FOR_EACH (tr, node, &txn->rows) {
		restore_fields(tr);
		if (tr->deleted) {
			tr->row->deleted = false;
			tr->row->table->n_rows++;
		}
		if (tr->inserted) {
			tr->row->deleted = true;
			tr->row->table->n_rows--;
		} else if (tr->counted) {
			count_row(tr->row, 1);
		}
	}
	LIST_FOR_EACH_SAFE (tr, next, node, &txn->rows) {
		struct db_row *row = tr->row;
		bool inserted = tr->inserted;

		txn_row_uninit(tr);
		if (inserted) {
			remove_row(row);
			continue;
		}
		db_row_rebuild_weak(row);
		db_row_index(row, &unused);
	}
	txn_free(txn);
}

bool db_txn_finish_some(struct db_txn *txn, size_t n)
{
	for (; n && !list_is_empty(&txn->rows); n--) {
		struct db_txn_row *tr = LIST_ENTRY(txn->rows.next, struct db_txn_row, node);
		struct db_row *row = tr->row;
		bool deleted = tr->deleted;

		txn_row_uninit(tr);
		if (deleted)
			remove_row(row);
		else if (!row->n_txns)
			db_row_pack(row);
	}
	if (!list_is_empty(&txn->rows))
		return true;
	txn_free(txn);
	return false;
}

void db_txn_finish(struct db_txn *txn)
{
	db_txn_finish_some(txn, SIZE_MAX);
}

// ---- Commit ----

// Forgets columns that were written with the value they had, a row that nothing happened to, and one that came and went.
static int drop_if_unchanged(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	const struct ovsdb_table_schema *ts = tr->row->table->schema;
	struct db_row *row = tr->row;
	bool any = tr->inserted || tr->deleted;

	for (size_t i = OVSDB_COL_FIRST; !tr->inserted && i < ts->n_columns; i++) {
		const struct ovsdb_type *type = &ts->columns[i]->type;

		if (!tr->changed[i])
			continue;
		if (ovsdb_datum_equal(&tr->old[i], &row->fields[i], type)) {
			ovsdb_datum_uninit(&row->fields[i], type);
			row->fields[i] = tr->old[i];
			tr->changed[i] = false;
		} else {
			any = true;
		}
	}
	if (tr->inserted && tr->deleted) {
		txn_row_uninit(tr);
		remove_row(row);
	} else if (!any) {
		txn_row_uninit(tr);
	}
	return 0;
}

// A row that lost its last reference: unless others come, it goes.
static void note_garbage(struct db_row *row, void *txn_)
{
	struct db_txn *txn = txn_;

	if (!row->table->schema->is_root)
		VEC_PUSH(&txn->garbage, row);
}

// Brings the reference counts up to date with one row's change.
static int count_change(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	struct db_row *row = tr->row;
	const struct db_table *t = row->table;

	for (size_t j = 0; j < t->n_ref_columns; j++) {
		unsigned int i = t->ref_columns[j];

		// New ones first, so that a row that moves between columns never seems dropped.
		if (!tr->deleted && (tr->inserted || tr->changed[i]))
			db_adjust_refs(t, i, &row->fields[i], 1, NULL, NULL);
	}
	for (size_t j = 0; j < t->n_ref_columns; j++) {
		unsigned int i = t->ref_columns[j];

		if (!tr->inserted && (tr->deleted || tr->changed[i]))
			db_adjust_refs(t, i, tr->changed[i] ? &tr->old[i] : &row->fields[i], -1,
				       note_garbage, txn);
	}
	tr->counted = true;
	if (tr->inserted && !row->n_refs)
		note_garbage(row, txn);
	return 0;
}

// Deletes what nobody refers to any more in tables that are not roots, and what hung on it.
static int collect_garbage(struct db_txn *txn, struct ovsdb_error *err)
{
	while (txn->garbage.n) {
		struct db_row *row = txn->garbage.v[--txn->garbage.n];

		if (row->deleted || row->n_refs)
			continue;
		touch(txn, row)->counted = true;
		db_txn_delete(txn, row);
		for (size_t j = 0; j < row->table->n_ref_columns; j++) {
			unsigned int i = row->table->ref_columns[j];

			db_adjust_refs(row->table, i, &row->fields[i], -1, note_garbage, txn);
		}
	}
	return 0;
}

static bool keeps(const struct db_table *dst, const struct ovsdb_base_type *b,
		  const union ovsdb_atom *atom)
{
	return !dst || !b->ref_weak || db_row_find(dst, &atom->uuid);
}

// Removes from one column the weak references to rows that are not there.
static int prune_column(struct db_txn *txn, struct db_row *row, unsigned int c,
			struct ovsdb_error *err)
{
	struct db_table *t = row->table;
	const struct ovsdb_column *column = t->schema->columns[c];
	const struct ovsdb_type *type = &column->type;
	struct ovsdb_datum *d = &row->fields[c], before;
	bool first = true;

	for (unsigned int i = d->n; i-- > 0;) {
		if (keeps(t->key_refs[c], &type->key, &d->keys[i]) &&
		    (!d->values || keeps(t->value_refs[c], &type->value, &d->values[i])))
			continue;
		if (first) {
			d = db_txn_modify(txn, row, column);
			row->txn->counted = true;
			ovsdb_datum_clone(&before, d, type);
			first = false;
		}
		ovsdb_datum_remove(d, i, type);
	}
	if (first)
		return 0;
	db_adjust_refs(t, c, d, 1, NULL, NULL);
	db_adjust_refs(t, c, &before, -1, note_garbage, txn);
	ovsdb_datum_uninit(&before, type);
	if (d->n < type->n_min)
		return ovsdb_error_set(
			err, OVSDB_CONSTRAINT,
			"Weak reference column \"%s\" in \"%s\" row " UUID_FMT
			" has %u values after the rows it referred to were deleted, but at "
			"least %u are required.",
			column->name, t->schema->name, UUID_ARGS(db_row_uuid(row)), d->n,
			type->n_min);
	return 0;
}

static bool has_weak(const struct ovsdb_type *t)
{
	return ovsdb_base_is_weak_ref(&t->key) || ovsdb_base_is_weak_ref(&t->value);
}

static int prune_row(struct db_txn *txn, struct db_row *row, struct ovsdb_error *err)
{
	const struct db_table *t = row->table;

	for (size_t j = 0; j < t->n_ref_columns; j++) {
		unsigned int i = t->ref_columns[j];

		if (has_weak(&t->schema->columns[i]->type) && prune_column(txn, row, i, err))
			return -EINVAL;
	}
	return 0;
}

// A row written by the transaction, or the rows that refer weakly to one that it deleted. Ones that pruning adds stand at the end
// of the list and are visited too.
static int prune_weak(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	struct weak_ref *w;

	if (!tr->deleted)
		return prune_row(txn, tr->row, err);
	LIST_FOR_EACH (w, dst_node, &tr->row->weak_in)
		if (!w->src->deleted && prune_row(txn, w->src, err))
			return -EINVAL;
	return 0;
}

static int check_refs(const struct db_row *row, const struct ovsdb_column *c,
		      const struct db_table *dst, const struct ovsdb_base_type *b,
		      const union ovsdb_atom *atoms, struct ovsdb_error *err)
{
	const struct ovsdb_datum *d = &row->fields[c->index];

	if (!dst || b->ref_weak)
		return 0;
	for (unsigned int i = 0; i < d->n; i++)
		if (!db_row_find(dst, &atoms[i].uuid))
			return ovsdb_error_set(
				err, OVSDB_REFERENTIAL,
				"Table %s column %s row " UUID_FMT
				" references nonexistent row " UUID_FMT " in table %s.",
				row->table->schema->name, c->name, UUID_ARGS(db_row_uuid(row)),
				UUID_ARGS(&atoms[i].uuid), dst->schema->name);
	return 0;
}

static int check_deleted(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	const struct db_row *row = tr->row;

	if (!tr->deleted || !row->n_refs)
		return 0;
	return ovsdb_error_set(err, OVSDB_REFERENTIAL,
			       "cannot delete %s row " UUID_FMT
			       " because of %zu remaining reference(s)",
			       row->table->schema->name, UUID_ARGS(db_row_uuid(row)), row->n_refs);
}

static int check_references(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	const struct db_row *row = tr->row;
	const struct db_table *t = row->table;

	if (tr->deleted)
		return 0;
	for (size_t j = 0; j < t->n_ref_columns; j++) {
		unsigned int i = t->ref_columns[j];
		const struct ovsdb_column *c = t->schema->columns[i];
		const struct ovsdb_datum *d = &row->fields[i];

		if (!tr->inserted && !tr->changed[i])
			continue;
		if (check_refs(row, c, t->key_refs[i], &c->type.key, d->keys, err))
			return -EINVAL;
		if (d->values &&
		    check_refs(row, c, t->value_refs[i], &c->type.value, d->values, err))
			return -EINVAL;
	}
	return 0;
}

static int check_max_rows(struct db_txn *txn, struct ovsdb_error *err)
{
	for (size_t i = 0; i < txn->db->schema->n_tables; i++) {
		const struct db_table *t = &txn->db->tables[i];

		if (t->n_rows > t->schema->max_rows)
			return ovsdb_error_set(
				err, OVSDB_CONSTRAINT,
				"transaction causes \"%s\" table to contain %zu rows, greater "
				"than the schema-defined limit of %u row(s)",
				t->schema->name, t->n_rows, t->schema->max_rows);
	}
	return 0;
}

static int duplicate_error(const struct db_row *a, const struct db_row *b,
			   const struct ovsdb_index *index, struct ovsdb_error *err)
{
	const struct ovsdb_table_schema *ts = a->table->schema;
	AUTO(strbuf) values = STRBUF_INIT, names = STRBUF_INIT;

	for (size_t i = 0; i < index->n; i++) {
		const struct ovsdb_column *c = ts->columns[index->columns[i]];

		strbuf_printf(&names, "%s\"%s\"", i ? ", " : "", c->name);
		strbuf_puts(&values, i ? ", " : "");
		ovsdb_datum_format(&a->fields[c->index], &c->type, &values);
	}
	return ovsdb_error_set(err, OVSDB_CONSTRAINT,
			       "Transaction causes multiple rows in \"%s\" table to have identical "
			       "values (%.300s) for "
			       "index on column%s %s.  First row, with UUID " UUID_FMT
			       ", %s.  Second row, with UUID " UUID_FMT ", %s.",
			       ts->name, values.s, index->n == 1 ? "" : "s", names.s,
			       UUID_ARGS(db_row_uuid(a)),
			       a->txn && a->txn->inserted ? "was inserted by this transaction"
			       : a->txn			  ? "was modified by this transaction"
							  : "existed in the database before this "
							    "transaction and was not modified by the transaction",
			       UUID_ARGS(db_row_uuid(b)),
			       b->txn && b->txn->inserted ? "was inserted by this transaction"
							  : "was modified by this transaction");
}

static int leave_indexes(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	db_row_unindex(tr->row);
	return 0;
}

static int enter_indexes(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	size_t which;
	struct db_row *other = tr->deleted ? NULL : db_row_index(tr->row, &which);

	if (!other)
		return 0;
	return duplicate_error(other, tr->row, &tr->row->table->schema->indexes[which], err);
}

static int seal(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err)
{
	db_row_rebuild_weak(tr->row);
	if (!tr->deleted && !tr->inserted)
		uuid_generate(&tr->row->id[1].uuid);
	tr->row->txn = NULL;
	return 0;
}

// What a commit does, one step after the other: first 'begin', then 'each' for every row. A step is repeated as long as it makes
// garbage.
static const struct commit_step {
	int (*begin)(struct db_txn *txn, struct ovsdb_error *err);
	int (*each)(struct db_txn *txn, struct db_txn_row *tr, struct ovsdb_error *err);
	bool repeat;
} steps[] = {
	{ .each = drop_if_unchanged },
	{ .each = count_change },
	// Asked before garbage is collected: a wrong reference is an error even in a row that vanishes at once.
	{ .each = check_deleted },
	{ .each = check_references },
	{ .begin = collect_garbage, .each = prune_weak, .repeat = true },
	// A row that came and was collected at once never was; pruning may have restored old values.
	{ .each = drop_if_unchanged },
	{ .begin = check_max_rows, .each = leave_indexes },
	{ .each = enter_indexes },
	{ .each = seal },
};

// Goes on with one step; *n rows at most.
static int run_step(struct db_txn *txn, const struct commit_step *step, size_t *n,
		    struct ovsdb_error *err)
{
	if (!txn->at) {
		if (step->begin && step->begin(txn, err))
			return -EINVAL;
		txn->at = txn->rows.next;
	}
	for (; *n && txn->at != &txn->rows; --*n) {
		struct list *node = txn->at, *before = node->prev;

		if (step->each(txn, LIST_ENTRY(node, struct db_txn_row, node), err))
			return -EINVAL;
		// It may be gone.
		txn->at = before->next == node ? node->next : before->next;
	}
	if (txn->at != &txn->rows)
		return 1;
	txn->at = NULL;
	return 0;
}

int db_txn_commit_some(struct db_txn *txn, size_t n, struct ovsdb_error *err)
{
	while (txn->step < ARRAY_SIZE(steps)) {
		const struct commit_step *step = &steps[txn->step];
		int rc = run_step(txn, step, &n, err);

		if (rc)
			return rc;
		if (!step->repeat || !txn->garbage.n)
			txn->step++;
	}
	txn->committed = true;
	txn->db->open = NULL;
	VEC_FREE(&txn->garbage);
	return 0;
}

int db_txn_commit(struct db_txn *txn, struct ovsdb_error *err)
{
	int rc = db_txn_commit_some(txn, SIZE_MAX, err);

	if (rc)
		db_txn_rollback(txn);
	return rc;
}
