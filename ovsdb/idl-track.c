// SPDX-License-Identifier: Apache-2.0
// What has changed since the owner looked last: rows that came, went, or changed in a column that is tracked.
//
// A row that has gone moves from its table's rows to its graves, where it can be read until idl_track_clear(). What it refers to is what
// is there, or lies in a grave, too.
#include "ovsdb/idl-private.h"

static void list_row(struct idl_row_private *p)
{
	if (list_is_empty(&p->track_node))
		list_push_back(&p->table->tracked, &p->track_node);
}

void idl_track_came(struct idl_row_private *p)
{
	if (!p->table->tracks)
		return;
	p->track_new = true;
	list_row(p);
}

void idl_track_changed(struct idl_row_private *p, const struct ovsdb_column *c)
{
	struct idl_table *t = p->table;

	if (!(t->modes[c->index] & IDL_TRACK))
		return;
	if (!p->track_columns)
		p->track_columns = xcalloc(t->schema->n_columns, sizeof(bool));
	p->track_columns[c->index] = true;
	list_row(p);
}

void idl_track_forget(struct idl_row_private *p)
{
	list_remove(&p->track_node);
	p->track_new = false;
	free(p->track_columns);
	p->track_columns = NULL;
}

void idl_track_went(struct idl_row_private *p)
{
	struct idl_table *t = p->table;

	if (!t->tracks)
		return;
	if (p->track_new) {
		idl_track_forget(p); // came and went between two looks
		return;
	}
	hmap_remove(&t->rows, &p->node);
	hmap_insert(&t->graves, &p->node, uuid_hash(&p->row->uuid));
	p->grave = true;
	// Before the row that comes under the same uuid.
	list_remove(&p->track_node);
	list_push_front(&t->tracked, &p->track_node);
}

struct idl_row_private *idl_track_grave(const struct idl_table *t, const struct uuid *uuid)
{
	struct idl_row_private *p;

	HMAP_FOR_EACH_WITH_HASH (p, node, uuid_hash(uuid), &t->graves)
		if (uuid_equal(&p->row->uuid, uuid))
			return p;
	return NULL;
}

// ---- Public ----

static const struct idl_row *row_at(const struct idl_table *t, const struct list *node)
{
	if (node == &t->tracked)
		return NULL;
	return LIST_ENTRY((struct list *)node, struct idl_row_private, track_node)->row;
}

const struct idl_row *idl_track_first(const struct idl_table *t)
{
	return row_at(t, t->tracked.next);
}

const struct idl_row *idl_track_next(const struct idl_row *row)
{
	return row_at(row->table, row->priv->track_node.next);
}

bool idl_track_is_new(const struct idl_row *row)
{
	return row->priv->track_new;
}

bool idl_track_is_deleted(const struct idl_row *row)
{
	return row->priv->grave;
}

bool idl_track_is_changed(const struct idl_row *row, const struct ovsdb_column *column)
{
	return row->priv->track_columns && row->priv->track_columns[column->index];
}

void idl_track_clear(struct idl *idl)
{
	struct idl_row_private *p;
	size_t n = idl->schema->n_tables;

	// Graves refer to graves: all references go before the first of them.
	for (size_t i = 0; i < n; i++)
		HMAP_FOR_EACH (p, node, &idl->tables[i].graves)
			idl_row_clear_arcs(p);
	for (size_t i = 0; i < n; i++) {
		struct idl_table *t = &idl->tables[i];

		HMAP_FOR_EACH_SAFE (p, node, &t->graves)
			idl_row_free(p);
		while (!list_is_empty(&t->tracked))
			idl_track_forget(
				LIST_ENTRY(t->tracked.next, struct idl_row_private, track_node));
	}
}
