// SPDX-License-Identifier: Apache-2.0
// Rows of a table in the order of some of their columns: a skip list whose nodes know their neighbours on every level, so that a row is
// taken out by what it is, not by what it was.
//
// Before new values count, idl_make_views() takes out all rows that have changed, then puts them in one after the other: those that stand
// are in order at any time.
#include "ovsdb/idl-private.h"

#include "core/base/hash.h"
#include "core/base/vec.h"

#define MAX_LEVELS 16 // a quarter of the nodes of a level is in the one above it

struct idl_index_node {
	struct idl_index *index;
	struct idl_row_private *row; // NULL: the head
	struct idl_index_node *next_of_row; // in another index
	uint64_t rank; // of the first column's value
	unsigned int n_levels;
	struct {
		struct idl_index_node *prev, *next;
	} level[];
};

struct key_column {
	const struct ovsdb_column *column;
	bool descending;
	int (*compare)(const struct ovsdb_datum *a, const struct ovsdb_datum *b);
};

struct idl_index {
	struct list node; // in idl_table.indexes
	struct idl_table *table;
	VEC(struct key_column) columns;
	struct idl_index_node *head;
};

struct idl_probe {
	struct idl_index *index;
	size_t n; // leading columns that count
	uint64_t rank; // of the first one's value
	bool *set;
	struct ovsdb_datum *values;
};

// ---- Order ----

static uint64_t string_rank(const char *s)
{
	uint64_t rank = 0;

	for (int i = 0; i < 8; i++) {
		rank = rank << 8 | (uint8_t)*s;
		s += *s != '\0';
	}
	return rank;
}

static uint64_t real_rank(double v)
{
	uint64_t bits;

	v = v == 0 ? 0 : v; // there are two zeros, which are equal
	memcpy(&bits, &v, sizeof(bits));
	return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static uint64_t atom_rank(const union ovsdb_atom *a, enum ovsdb_atomic_type type)
{
	switch (type) {
	case OVSDB_INTEGER:
		return (uint64_t)a->integer ^ 1ull << 63;
	case OVSDB_REAL:
		return real_rank(a->real);
	case OVSDB_BOOLEAN:
		return a->boolean;
	case OVSDB_STRING:
		return string_rank(a->string);
	default:
		return (uint64_t)a->uuid.parts[0] << 32 | a->uuid.parts[1];
	}
}

// A number in the order of the values (equal ones for values that differ farther behind): most comparisons need not look at rows, which
// lie all over the memory. Values of fewer elements come before those of more.
static uint64_t value_rank(const struct key_column *c, const struct ovsdb_datum *d)
{
	uint64_t rank = d->n > 1 ? UINT64_MAX : 0;

	if (c->compare)
		return 0;
	if (d->n == 1)
		rank = atom_rank(&d->keys[0], c->column->type.key.type);
	return c->descending ? ~rank : rank;
}

static int compare_column(const struct key_column *c, const struct ovsdb_datum *a,
			  const struct ovsdb_datum *b)
{
	int cmp = c->compare ? c->compare(a, b) : ovsdb_datum_compare(a, b, &c->column->type);

	return c->descending ? -cmp : cmp;
}

static int compare_rows(const struct idl_index *ix, const struct idl_row_private *a,
			const struct idl_row_private *b)
{
	const struct key_column *c;

	VEC_FOR_EACH (c, &ix->columns) {
		int cmp =
			compare_column(c, idl_row_datum(a, c->column), idl_row_datum(b, c->column));

		if (cmp)
			return cmp;
	}
	return uuid_compare(&a->row->uuid, &b->row->uuid);
}

static int compare_nodes(const struct idl_index_node *a, const struct idl_index_node *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return compare_rows(a->index, a->row, b->row);
}

static int compare_probe(const struct idl_row_private *row, const struct idl_probe *probe)
{
	for (size_t i = 0; i < probe->n; i++) {
		const struct key_column *c = &probe->index->columns.v[i];
		int cmp = compare_column(c, idl_row_datum(row, c->column), &probe->values[i]);

		if (cmp)
			return cmp;
	}
	return 0;
}

static bool is_before_probe(const struct idl_index_node *n, const struct idl_probe *probe)
{
	if (probe->n && n->rank != probe->rank)
		return n->rank < probe->rank;
	return compare_probe(n->row, probe) < 0;
}

// ---- The list ----

static struct idl_index_node *node_create(struct idl_index *ix, struct idl_row_private *row,
					  unsigned int n_levels)
{
	struct idl_index_node *n = xzalloc(sizeof(*n) + n_levels * sizeof(n->level[0]));

	n->index = ix;
	n->row = row;
	n->n_levels = n_levels;
	return n;
}

static unsigned int pick_levels(void)
{
	unsigned int n = 1;

	for (uint32_t r = random_u32(); n < MAX_LEVELS && !(r & 3); r >>= 2)
		n++;
	return n;
}

static void link_node(struct idl_index *ix, struct idl_index_node *n)
{
	struct idl_index_node *at = ix->head;

	for (unsigned int i = MAX_LEVELS; i-- > 0;) {
		while (at->level[i].next && compare_nodes(at->level[i].next, n) < 0)
			at = at->level[i].next;
		if (i >= n->n_levels)
			continue;
		n->level[i].prev = at;
		n->level[i].next = at->level[i].next;
		if (n->level[i].next)
			n->level[i].next->level[i].prev = n;
		at->level[i].next = n;
	}
}

static void unlink_node(struct idl_index_node *n)
{
	for (unsigned int i = 0; i < n->n_levels; i++) {
		n->level[i].prev->level[i].next = n->level[i].next;
		if (n->level[i].next)
			n->level[i].next->level[i].prev = n->level[i].prev;
	}
}

static void add_row(struct idl_index *ix, struct idl_row_private *p)
{
	struct idl_index_node *n = node_create(ix, p, pick_levels());
	const struct key_column *first = &ix->columns.v[0];

	n->rank = value_rank(first, idl_row_datum(p, first->column));
	link_node(ix, n);
	n->next_of_row = p->index_nodes;
	p->index_nodes = n;
}

void idl_index_leave(struct idl_row_private *p)
{
	struct idl_index_node *n;

	while ((n = p->index_nodes)) {
		p->index_nodes = n->next_of_row;
		unlink_node(n);
		free(n);
	}
}

void idl_index_enter(struct idl_row_private *p)
{
	struct idl_index *ix;

	if (!idl_row_is_visible(p))
		return;
	LIST_FOR_EACH (ix, node, &p->table->indexes)
		add_row(ix, p);
}

void idl_indexes_destroy(struct idl_table *t)
{
	struct idl_index *ix, *next;

	LIST_FOR_EACH_SAFE (ix, next, node, &t->indexes) {
		list_remove(&ix->node);
		VEC_FREE(&ix->columns);
		free(ix->head);
		free(ix);
	}
}

struct idl_index *idl_index_create(struct idl *idl, const char *table,
				   const struct idl_index_column *columns, size_t n)
{
	struct idl_index *ix = xzalloc(sizeof(*ix));
	struct idl_row_private *p;

	ix->table = idl_table(idl, table);
	assert(ix->table && n);
	for (size_t i = 0; i < n; i++) {
		struct key_column c = {
			.column = ovsdb_table_column(ix->table->schema, columns[i].name),
			.descending = columns[i].descending,
			.compare = columns[i].compare,
		};

		assert(c.column);
		VEC_PUSH(&ix->columns, c);
	}
	ix->head = node_create(ix, NULL, MAX_LEVELS);
	list_push_back(&ix->table->indexes, &ix->node);
	HMAP_FOR_EACH (p, node, &ix->table->rows)
		if (idl_row_is_visible(p))
			add_row(ix, p);
	return ix;
}

// ---- Walking ----

static const struct idl_row *row_of(const struct idl_index_node *n)
{
	return n ? n->row->row : NULL;
}

const struct idl_row *idl_index_first(const struct idl_index *ix)
{
	return row_of(ix->head->level[0].next);
}

const struct idl_row *idl_index_next(const struct idl_index *ix, const struct idl_row *row)
{
	for (const struct idl_index_node *n = row->priv->index_nodes; n; n = n->next_of_row)
		if (n->index == ix)
			return row_of(n->level[0].next);
	return NULL;
}

const struct idl_row *idl_index_at_least(const struct idl_probe *probe)
{
	const struct idl_index_node *at = probe->index->head;

	for (unsigned int i = MAX_LEVELS; i-- > 0;)
		while (at->level[i].next && is_before_probe(at->level[i].next, probe))
			at = at->level[i].next;
	return row_of(at->level[0].next);
}

const struct idl_row *idl_index_find(const struct idl_probe *probe)
{
	const struct idl_row *row = idl_index_at_least(probe);

	return row && !compare_probe(row->priv, probe) ? row : NULL;
}

const struct idl_row *idl_index_next_equal(const struct idl_probe *probe, const struct idl_row *row)
{
	row = idl_index_next(probe->index, row);
	return row && !compare_probe(row->priv, probe) ? row : NULL;
}

const struct idl_row *idl_index_next_until(const struct idl_probe *last, const struct idl_row *row)
{
	row = idl_index_next(last->index, row);
	return idl_index_check_until(last, row);
}

const struct idl_row *idl_index_check_until(const struct idl_probe *last, const struct idl_row *row)
{
	return row && compare_probe(row->priv, last) <= 0 ? row : NULL;
}

// ---- What is looked for ----

struct idl_probe *idl_probe_create(struct idl_index *ix)
{
	struct idl_probe *probe = xzalloc(sizeof(*probe));

	probe->index = ix;
	probe->set = xcalloc(ix->columns.n, sizeof(*probe->set));
	probe->values = xcalloc(ix->columns.n, sizeof(*probe->values));
	return probe;
}

static void clear_value(struct idl_probe *probe, size_t i)
{
	if (probe->set[i])
		ovsdb_datum_uninit(&probe->values[i], &probe->index->columns.v[i].column->type);
	probe->set[i] = false;
}

void idl_probe_destroy(struct idl_probe *probe)
{
	if (!probe)
		return;
	for (size_t i = 0; i < probe->index->columns.n; i++)
		clear_value(probe, i);
	free(probe->set);
	free(probe->values);
	free(probe);
}

const struct idl_table *idl_probe_table(const struct idl_probe *probe)
{
	return probe->index->table;
}

void idl_probe_set(struct idl_probe *probe, const struct ovsdb_column *column,
		   struct ovsdb_datum *value)
{
	size_t i = 0;

	while (i < probe->index->columns.n && probe->index->columns.v[i].column != column)
		i++;
	assert(i < probe->index->columns.n); // else the index has no such column
	clear_value(probe, i);
	ovsdb_datum_take(&probe->values[i], value, &column->type);
	probe->set[i] = true;
	if (!i)
		probe->rank = value_rank(&probe->index->columns.v[0], &probe->values[0]);
	for (probe->n = 0; probe->n < probe->index->columns.n && probe->set[probe->n]; probe->n++)
		;
}
