// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/history.h"

#include "core/base/hmap.h"
#include "core/base/vec.h"

enum { MAX_TXNS = 100, MIN_ROWS = 1000 };

struct past_value {
	unsigned int column;
	struct ovsdb_datum datum;
};

// What a transaction has done to a row, and what it was before.
struct past_row {
	const struct db_table *table;
	struct uuid uuid, version;
	bool inserted;
	VEC(struct past_value) values; // every column of a row that was deleted
};

struct past_txn {
	struct list node; // in history.txns
	struct uuid id;
	VEC(struct past_row) rows;
};

struct history {
	struct db *db;
	struct uuid start; // the state before the first of 'txns'
	struct list txns; // oldest first
	size_t n, n_rows;
};

struct history *history_create(struct db *db)
{
	struct history *h = xzalloc(sizeof(*h));

	h->db = db;
	list_init(&h->txns);
	uuid_generate(&h->start);
	return h;
}

static void past_row_uninit(struct past_row *r)
{
	struct past_value *v;

	VEC_FOR_EACH (v, &r->values)
		ovsdb_datum_uninit(&v->datum, &r->table->schema->columns[v->column]->type);
	VEC_FREE(&r->values);
}

static void forget_oldest(struct history *h)
{
	struct past_txn *t = LIST_ENTRY(list_pop_front(&h->txns), struct past_txn, node);
	struct past_row *r;

	VEC_FOR_EACH (r, &t->rows)
		past_row_uninit(r);
	h->n_rows -= t->rows.n;
	h->n--;
	h->start = t->id;
	VEC_FREE(&t->rows);
	free(t);
}

void history_destroy(struct history *h)
{
	if (!h)
		return;
	while (h->n)
		forget_oldest(h);
	free(h);
}

const struct uuid *history_last(const struct history *h)
{
	return h->n ? &LIST_ENTRY(h->txns.prev, struct past_txn, node)->id : &h->start;
}

// The list's node after which everything happened since state 'id'; NULL when that is not known.
static const struct list *find(const struct history *h, const struct uuid *id)
{
	if (uuid_equal(id, &h->start))
		return &h->txns;
	for (const struct list *l = h->txns.prev; l != &h->txns; l = l->prev)
		if (uuid_equal(id, &LIST_ENTRY(l, struct past_txn, node)->id))
			return l;
	return NULL;
}

bool history_knows(const struct history *h, const struct uuid *id)
{
	return find(h, id);
}

void history_count(const struct history *h, size_t *n_txns, size_t *n_rows)
{
	*n_txns += h->n;
	*n_rows += h->n_rows;
}

// ---- Taking ----

static void take_value(struct past_row *r, unsigned int column, struct ovsdb_datum *d)
{
	struct past_value *v = VEC_PUSH_UNINIT(&r->values);

	v->column = column;
	ovsdb_datum_take(&v->datum, d, &r->table->schema->columns[column]->type);
}

static void take_row(struct past_txn *t, struct db_txn_row *tr)
{
	struct past_row *r = VEC_PUSH_UNINIT(&t->rows);

	*r = (struct past_row){
		.table = tr->row->table,
		.uuid = *db_row_uuid(tr->row),
		.version = tr->old_version,
		.inserted = tr->inserted,
	};
	for (size_t i = OVSDB_COL_FIRST; i < r->table->schema->n_columns; i++) {
		if (tr->changed[i])
			take_value(r, i, &tr->old[i]);
		else if (tr->deleted)
			take_value(r, i, &tr->row->fields[i]);
		tr->changed[i] = false;
	}
}

static size_t rows_in(const struct db *db)
{
	size_t n = 0;

	for (size_t i = 0; i < db->schema->n_tables; i++)
		n += db->tables[i].n_rows;
	return n;
}

void history_take(struct history *h, struct db_txn *txn, const struct uuid *id)
{
	struct past_txn *t = xzalloc(sizeof(*t));
	struct db_txn_row *tr;

	t->id = *id;
	LIST_FOR_EACH (tr, node, &txn->rows)
		take_row(t, tr);
	db_txn_finish(txn);
	list_push_back(&h->txns, &t->node);
	h->n++;
	h->n_rows += t->rows.n;
}

// How many are to be forgotten.
static size_t surplus(const struct history *h)
{
	size_t most = MAX((size_t)MIN_ROWS, rows_in(h->db)), n = h->n, rows = h->n_rows;
	const struct past_txn *t;

	LIST_FOR_EACH (t, node, &h->txns) {
		if (n <= MAX_TXNS && rows <= most)
			break;
		n--;
		rows -= t->rows.n;
	}
	return h->n - n;
}

bool history_keeps(const struct history *h, const struct uuid *id)
{
	const struct list *l = find(h, id), *end = &h->txns;
	size_t age = 1; // with those that came after it

	if (!l)
		return false;
	for (l = l->next; l != end; l = l->next)
		age++;
	return age <= h->n - surplus(h) + 1;
}

void history_trim(struct history *h)
{
	for (size_t n = surplus(h); n > 0; n--)
		forget_oldest(h);
}

// ---- Telling ----

const struct ovsdb_datum **row_fields(const struct db_row *row)
{
	size_t n = row->table->schema->n_columns;
	const struct ovsdb_datum **v = xcalloc(n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = &row->fields[i];
	return v;
}

static void set_old_id(struct row_versions *v, const struct uuid *version)
{
	v->old_id[OVSDB_COL_UUID].uuid = v->uuid;
	v->old_id[OVSDB_COL_VERSION].uuid = *version;
	for (size_t i = 0; i < OVSDB_COL_FIRST; i++) {
		v->old_id_datum[i] = (struct ovsdb_datum){ .n = 1, .keys = &v->old_id[i] };
		v->old[i] = &v->old_id_datum[i];
	}
}

void row_versions_of(struct row_versions *v, const struct db_txn_row *tr)
{
	*v = (struct row_versions){ .table = tr->row->table, .uuid = *db_row_uuid(tr->row) };
	if (!tr->deleted)
		v->new = row_fields(tr->row);
	if (tr->inserted)
		return;
	v->old = row_fields(tr->row);
	for (size_t i = OVSDB_COL_FIRST; i < v->table->schema->n_columns; i++)
		if (tr->changed[i])
			v->old[i] = &tr->old[i];
	set_old_id(v, &tr->old_version);
}

void row_versions_uninit(struct row_versions *v)
{
	free(v->old);
	free(v->new);
}

// Several transactions together.
struct merged_row {
	struct hmap_node node;
	struct row_versions v;
};

struct merged {
	struct hmap rows;
	VEC(struct merged_row *) in_order;
};

static struct merged_row *merged_row(struct merged *m, const struct past_row *r)
{
	struct merged_row *mr;
	struct db_row *now;

	HMAP_FOR_EACH_WITH_HASH (mr, node, uuid_hash(&r->uuid), &m->rows)
		if (uuid_equal(&mr->v.uuid, &r->uuid) && mr->v.table == r->table)
			return mr;
	mr = xzalloc(sizeof(*mr));
	mr->v.table = r->table;
	mr->v.uuid = r->uuid;
	now = db_row_find(r->table, &r->uuid);
	if (now) {
		mr->v.new = row_fields(now);
		mr->v.old = row_fields(now);
	}
	hmap_insert(&m->rows, &mr->node, uuid_hash(&r->uuid));
	VEC_PUSH(&m->in_order, mr);
	return mr;
}

// Goes back over one transaction.
static void undo(struct merged *m, const struct past_row *r)
{
	struct row_versions *v = &merged_row(m, r)->v;
	const struct past_value *value;

	if (r->inserted) {
		free(v->old);
		v->old = NULL;
		return;
	}
	if (!v->old)
		v->old = xcalloc(r->table->schema->n_columns, sizeof(*v->old));
	VEC_FOR_EACH (value, &r->values)
		v->old[value->column] = &value->datum;
	set_old_id(v, &r->version);
}

static int by_table(const void *a_, const void *b_)
{
	const struct merged_row *a = *(struct merged_row *const *)a_;
	const struct merged_row *b = *(struct merged_row *const *)b_;

	if (a->v.table != b->v.table)
		return a->v.table < b->v.table ? -1 : 1;
	return uuid_compare(&a->v.uuid, &b->v.uuid);
}

void history_changes(const struct history *h, const struct uuid *id,
		     void (*cb)(const struct row_versions *v, void *aux), void *aux)
{
	struct merged m = { .in_order = VEC_INIT };
	const struct past_row *r;
	struct merged_row **mr;
	const struct list *since = find(h, id);

	assert(since);
	hmap_init(&m.rows);
	for (const struct list *l = h->txns.prev; l != since; l = l->prev)
		VEC_FOR_EACH (r, &LIST_ENTRY(l, struct past_txn, node)->rows)
			undo(&m, r);
	if (m.in_order.n)
		qsort(m.in_order.v, m.in_order.n, sizeof(*m.in_order.v), by_table);
	VEC_FOR_EACH (mr, &m.in_order) {
		if ((*mr)->v.old || (*mr)->v.new)
			cb(&(*mr)->v, aux);
		row_versions_uninit(&(*mr)->v);
		free(*mr);
	}
	VEC_FREE(&m.in_order);
	hmap_uninit(&m.rows);
}
