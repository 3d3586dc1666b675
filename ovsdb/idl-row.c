// SPDX-License-Identifier: Apache-2.0
// Rows of a replica, and their typed view.
#include "ovsdb/idl-private.h"

#include "core/base/vec.h"

// ---- Life ----

struct idl_row_private *idl_row_lookup(const struct idl_table *t, const struct uuid *uuid)
{
	struct idl_row_private *p;

	HMAP_FOR_EACH_WITH_HASH (p, node, uuid_hash(uuid), &t->rows)
		if (uuid_equal(&p->row->uuid, uuid))
			return p;
	return NULL;
}

static const struct idl_column_class *class_column(const struct idl_row_private *p, size_t index)
{
	return &p->table->class->columns[index - OVSDB_COL_FIRST];
}

static void *at(const struct idl_row_private *p, size_t offset)
{
	return (char *)p->row + offset;
}

static bool is_smap(const struct ovsdb_type *t)
{
	return t->key.type == OVSDB_STRING && t->value.type == OVSDB_STRING;
}

static void init_view(struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (is_smap(&ts->columns[i]->type))
			smap_init(at(p, class_column(p, i)->offset));
}

struct idl_row_private *idl_row_get(struct idl_table *t, const struct uuid *uuid)
{
	size_t n = t->schema->n_columns;
	struct idl_row_private *p = idl_row_lookup(t, uuid);

	if (p)
		return p;
	p = xzalloc(sizeof(*p));
	p->table = t;
	p->row = xzalloc(t->class->row_size);
	p->row->uuid = *uuid;
	p->row->table = t;
	p->row->priv = p;
	list_init(&p->out);
	list_init(&p->in);
	list_init(&p->partials);
	list_init(&p->txn_node);
	list_init(&p->track_node);
	p->old = xcalloc(n, sizeof(*p->old));
	p->column_seqno = xcalloc(n, sizeof(*p->column_seqno));
	for (size_t i = OVSDB_COL_FIRST; i < n; i++)
		ovsdb_datum_init_default(&p->old[i], &t->schema->columns[i]->type);
	init_view(p);
	hmap_insert(&t->rows, &p->node, uuid_hash(uuid));
	return p;
}

static void clear_view(struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct idl_column_class *cc = class_column(p, i);

		if (is_smap(&ts->columns[i]->type)) {
			smap_clear(at(p, cc->offset));
			continue;
		}
		if (!cc->n_offset)
			continue;
		free(*(void **)at(p, cc->offset));
		*(void **)at(p, cc->offset) = NULL;
		*(size_t *)at(p, cc->n_offset) = 0;
		if (cc->value_offset) {
			free(*(void **)at(p, cc->value_offset));
			*(void **)at(p, cc->value_offset) = NULL;
		}
	}
}

static void free_arcs(struct idl_row_private *p, struct list *arcs)
{
	while (!list_is_empty(arcs)) {
		struct idl_arc *arc = LIST_ENTRY(arcs->next, struct idl_arc, src_node);
		struct idl_row_private *dst = arc->dst;

		list_remove(&arc->src_node);
		list_remove(&arc->dst_node);
		free(arc);
		if (dst != p)
			idl_row_free_if_ghost(dst);
	}
}

void idl_row_clear_arcs(struct idl_row_private *p)
{
	free_arcs(p, &p->out);
}

void idl_partial_free(struct idl_partial *partial)
{
	const struct ovsdb_type *t = &partial->column->type;

	list_remove(&partial->node);
	ovsdb_atom_uninit(&partial->key, t->key.type);
	if (!partial->remove && ovsdb_type_is_map(t))
		ovsdb_atom_uninit(&partial->value, t->value.type);
	free(partial);
}

// Forgets what the transaction did to the row.
void idl_row_reset_txn(struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;

	for (size_t i = OVSDB_COL_FIRST; p->in_txn && i < ts->n_columns; i++)
		if (p->written[i])
			ovsdb_datum_uninit(&p->new[i], &ts->columns[i]->type);
	free(p->new);
	free(p->written);
	free(p->verify);
	p->new = NULL;
	p->written = p->verify = NULL;
	while (!list_is_empty(&p->partials))
		idl_partial_free(LIST_ENTRY(p->partials.next, struct idl_partial, node));
	list_remove(&p->txn_node);
	p->in_txn = p->inserted = p->deleted = p->keep_uuid = false;
}

void idl_row_free(struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;

	idl_row_reset_txn(p);
	idl_index_leave(p);
	idl_track_forget(p);
	clear_view(p);
	idl_row_clear_arcs(p);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		ovsdb_datum_uninit(&p->old[i], &ts->columns[i]->type);
		if (is_smap(&ts->columns[i]->type))
			smap_uninit(at(p, class_column(p, i)->offset));
	}
	if (p->dirty)
		list_remove(&p->dirty_node);
	hmap_remove(p->grave ? &p->table->graves : &p->table->rows, &p->node);
	free(p->old);
	free(p->column_seqno);
	free(p->row);
	free(p);
}

// A row that neither the server nor the transaction has, and nobody refers to.
void idl_row_free_if_ghost(struct idl_row_private *p)
{
	if (!p->exists && !p->inserted && !p->grave && list_is_empty(&p->in) && !p->dirty)
		idl_row_free(p);
}

// Everything goes: the replica is destroyed.
void idl_clear(struct idl *idl)
{
	struct idl_row_private *p;
	size_t n = idl->schema->n_tables;

	idl_track_clear(idl);
	// Breaking references must not free rows under this loop.
	for (size_t i = 0; i < n; i++)
		HMAP_FOR_EACH (p, node, &idl->tables[i].rows)
			p->exists = true;
	for (size_t i = 0; i < n; i++)
		HMAP_FOR_EACH (p, node, &idl->tables[i].rows)
			idl_row_clear_arcs(p);
	for (size_t i = 0; i < n; i++)
		HMAP_FOR_EACH_SAFE (p, node, &idl->tables[i].rows)
			idl_row_free(p);
}

// ---- Values ----

bool idl_row_is_visible(const struct idl_row_private *p)
{
	return (p->exists || p->inserted) && !p->deleted;
}

const struct ovsdb_datum *idl_row_datum(const struct idl_row_private *p,
					const struct ovsdb_column *c)
{
	return p->in_txn && p->written[c->index] ? &p->new[c->index] : &p->old[c->index];
}

void idl_row_mark(struct idl_row_private *p)
{
	if (p->dirty)
		return;
	p->dirty = true;
	list_push_back(&p->table->idl->dirty, &p->dirty_node);
}

void idl_row_mark_referrers(struct idl_row_private *p)
{
	struct idl_arc *arc;

	LIST_FOR_EACH (arc, dst_node, &p->in)
		idl_row_mark(arc->src);
}

// The row that a reference leads to, or NULL when it is not in the replica.
static struct idl_row *resolve(struct idl_row_private *p, const struct ovsdb_base_type *b,
			       const struct uuid *uuid)
{
	struct idl_table *t = idl_table(p->table->idl, b->ref_table);
	struct idl_row_private *dst = idl_row_get(t, uuid), *grave;
	struct idl_arc *arc = xmalloc(sizeof(*arc));

	// What has gone itself shows what has gone with it.
	if (p->grave && !idl_row_is_visible(dst) && (grave = idl_track_grave(t, uuid))) {
		idl_row_free_if_ghost(dst);
		dst = grave;
	}
	arc->src = p;
	arc->dst = dst;
	list_push_back(&p->out, &arc->src_node);
	list_push_back(&dst->in, &arc->dst_node);
	return idl_row_is_visible(dst) || dst->grave ? dst->row : NULL;
}

static size_t element_size(const struct ovsdb_base_type *b)
{
	switch (b->type) {
	case OVSDB_INTEGER:
		return sizeof(int64_t);
	case OVSDB_REAL:
		return sizeof(double);
	case OVSDB_BOOLEAN:
		return sizeof(bool);
	case OVSDB_STRING:
		return sizeof(char *);
	default:
		return b->ref_table ? sizeof(struct idl_row *) : sizeof(struct uuid);
	}
}

// Stores one atom in C form. False for a reference that leads nowhere.
static bool store_atom(struct idl_row_private *p, const struct ovsdb_base_type *b,
		       const union ovsdb_atom *a, void *dst)
{
	struct idl_row *row;

	switch (b->type) {
	case OVSDB_INTEGER:
		*(int64_t *)dst = a->integer;
		return true;
	case OVSDB_REAL:
		*(double *)dst = a->real;
		return true;
	case OVSDB_BOOLEAN:
		*(bool *)dst = a->boolean;
		return true;
	case OVSDB_STRING:
		*(char **)dst = a->string;
		return true;
	default:
		if (!b->ref_table) {
			*(struct uuid *)dst = a->uuid;
			return true;
		}
		row = resolve(p, b, &a->uuid);
		*(struct idl_row **)dst = row;
		return row != NULL;
	}
}

static void view_single(struct idl_row_private *p, const struct idl_column_class *cc,
			const struct ovsdb_type *t, const struct ovsdb_datum *d)
{
	void *dst = at(p, cc->offset);

	if (d->n)
		store_atom(p, &t->key, &d->keys[0], dst);
	else if (t->key.type == OVSDB_STRING && t->n_min)
		*(const char **)dst = "";
	else
		memset(dst, 0, element_size(&t->key));
}

static void view_array(struct idl_row_private *p, const struct idl_column_class *cc,
		       const struct ovsdb_type *t, const struct ovsdb_datum *d)
{
	size_t key_size = element_size(&t->key), value_size = 0, n = 0;
	char *keys, *values = NULL;

	if (!d->n)
		return;
	keys = xcalloc(d->n, key_size);
	if (cc->value_offset) {
		value_size = element_size(&t->value);
		values = xcalloc(d->n, value_size);
	}
	for (unsigned int i = 0; i < d->n; i++) {
		bool ok = store_atom(p, &t->key, &d->keys[i], keys + n * key_size);

		if (values)
			ok = store_atom(p, &t->value, &d->values[i], values + n * value_size) && ok;
		n += ok;
	}
	*(void **)at(p, cc->offset) = keys;
	if (values)
		*(void **)at(p, cc->value_offset) = values;
	*(size_t *)at(p, cc->n_offset) = n;
}

static void view_smap(struct smap *m, const struct ovsdb_datum *d)
{
	for (unsigned int i = 0; i < d->n; i++)
		smap_set(m, d->keys[i].string, d->values[i].string);
}

static void make_view(struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;
	struct list old_arcs;

	// Targets must not vanish while the same references are made anew.
	list_init(&old_arcs);
	list_splice(&old_arcs, &p->out);
	clear_view(p);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct idl_column_class *cc = class_column(p, i);
		const struct ovsdb_type *t = &ts->columns[i]->type;
		const struct ovsdb_datum *d = idl_row_datum(p, ts->columns[i]);

		if (is_smap(t))
			view_smap(at(p, cc->offset), d);
		else if (cc->n_offset)
			view_array(p, cc, t, d);
		else
			view_single(p, cc, t, d);
	}
	free_arcs(p, &old_arcs);
}

// A ghost keeps no content: neither its view nor its references.
static void make_ghost(struct idl_row_private *p)
{
	const struct ovsdb_table_schema *ts = p->table->schema;

	clear_view(p);
	idl_row_clear_arcs(p);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		ovsdb_datum_uninit(&p->old[i], &ts->columns[i]->type);
		ovsdb_datum_init_default(&p->old[i], &ts->columns[i]->type);
	}
	idl_row_free_if_ghost(p);
}

// Makes the typed views anew of all rows that were marked.
void idl_make_views(struct idl *idl)
{
	struct idl_row_private *p;

	LIST_FOR_EACH (p, dirty_node, &idl->dirty)
		idl_index_leave(p);
	while (!list_is_empty(&idl->dirty)) {
		p = LIST_ENTRY(list_pop_front(&idl->dirty), struct idl_row_private, dirty_node);
		p->dirty = false;
		if (p->exists || p->inserted || p->grave) {
			make_view(p);
			idl_index_enter(p);
		} else {
			make_ghost(p);
		}
	}
}

// ---- Public: tables and rows ----

size_t idl_n_cells(const struct idl *idl)
{
	size_t n = 0;

	for (size_t i = 0; i < idl->class->n_tables; i++)
		n += hmap_count(&idl->tables[i].rows) * idl->tables[i].class->n_columns;
	return n;
}

struct idl_table *idl_table(const struct idl *idl, const char *name)
{
	const struct ovsdb_table_schema *ts = ovsdb_schema_table(idl->schema, name);

	return ts ? &idl->tables[ts->position] : NULL;
}

const struct ovsdb_table_schema *idl_table_schema(const struct idl_table *t)
{
	return t->schema;
}

struct idl *idl_table_idl(const struct idl_table *t)
{
	return t->idl;
}

uint64_t idl_table_seqno(const struct idl_table *t)
{
	return t->seqno;
}

static const struct idl_row *skip_hidden(const struct idl_table *t, struct hmap_node *n)
{
	for (; n; n = hmap_next(&t->rows, n)) {
		struct idl_row_private *p = CONTAINER_OF(n, struct idl_row_private, node);

		if (idl_row_is_visible(p))
			return p->row;
	}
	return NULL;
}

const struct idl_row *idl_first(const struct idl_table *t)
{
	return skip_hidden(t, hmap_first(&t->rows));
}

const struct idl_row *idl_next(const struct idl_row *row)
{
	return skip_hidden(row->table, hmap_next(&row->table->rows, &row->priv->node));
}

size_t idl_table_count(const struct idl_table *t)
{
	size_t n = 0;

	for (const struct idl_row *row = idl_first(t); row; row = idl_next(row))
		n++;
	return n;
}

const struct idl_row *idl_find(const struct idl_table *t, const struct uuid *uuid)
{
	struct idl_row_private *p = idl_row_lookup(t, uuid);

	return p && idl_row_is_visible(p) ? p->row : NULL;
}

const struct ovsdb_datum *idl_get(const struct idl_row *row, const struct ovsdb_column *column)
{
	return idl_row_datum(row->priv, column);
}

bool idl_row_is_new(const struct idl_row *row)
{
	return row->priv->inserted;
}

bool idl_column_changed_since(const struct idl_row *row, const char *column, uint64_t seqno)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, column);

	return c && row->priv->column_seqno[c->index] > seqno;
}

const struct ovsdb_column *idl_row_column(const struct idl_row *row, unsigned int column)
{
	return row->table->schema->columns[OVSDB_COL_FIRST + column];
}
