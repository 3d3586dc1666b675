// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/db-private.h"

static struct db_table *ref_table(const struct db *db, const struct ovsdb_base_type *b)
{
	return b->ref_table ? db_table(db, b->ref_table) : NULL;
}

static void find_refs(struct db_table *t)
{
	size_t n = t->schema->n_columns;

	t->key_refs = xcalloc(n, sizeof(*t->key_refs));
	t->value_refs = xcalloc(n, sizeof(*t->value_refs));
	t->ref_columns = xcalloc(n, sizeof(*t->ref_columns));
	for (size_t i = 0; i < n; i++) {
		t->key_refs[i] = ref_table(t->db, &t->schema->columns[i]->type.key);
		t->value_refs[i] = ref_table(t->db, &t->schema->columns[i]->type.value);
		if (t->key_refs[i] || t->value_refs[i])
			t->ref_columns[t->n_ref_columns++] = i;
	}
}

static void make_defaults(struct db_table *t)
{
	t->defaults = xcalloc(t->schema->n_columns, sizeof(*t->defaults));
	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++)
		ovsdb_datum_init_default(&t->defaults[i], &t->schema->columns[i]->type);
}

static void free_defaults(struct db_table *t)
{
	for (size_t i = OVSDB_COL_FIRST; i < t->schema->n_columns; i++)
		ovsdb_datum_uninit(&t->defaults[i], &t->schema->columns[i]->type);
	free(t->defaults);
}

struct db *db_create(struct ovsdb_schema *schema)
{
	struct db *db = xzalloc(sizeof(*db));

	db->schema = schema;
	db->tables = xcalloc(schema->n_tables, sizeof(*db->tables));
	for (size_t i = 0; i < schema->n_tables; i++) {
		struct db_table *t = &db->tables[i];

		t->schema = schema->tables[i];
		t->db = db;
		hmap_init(&t->rows);
		t->indexes = xcalloc(t->schema->n_indexes + 1, sizeof(*t->indexes));
		for (size_t j = 0; j < t->schema->n_indexes; j++)
			hmap_init(&t->indexes[j]);
	}
	for (size_t i = 0; i < schema->n_tables; i++) {
		find_refs(&db->tables[i]);
		make_defaults(&db->tables[i]);
	}
	return db;
}

static void destroy_table(struct db_table *t)
{
	hmap_uninit(&t->rows);
	for (size_t j = 0; j < t->schema->n_indexes; j++)
		hmap_uninit(&t->indexes[j]);
	free(t->indexes);
	free(t->key_refs);
	free(t->value_refs);
	free(t->ref_columns);
	free_defaults(t);
}

// The rows go without being taken out of their map.
static bool destroy_rows(struct db *db, struct db_table *t, size_t *n)
{
	struct hmap_node *node = db->destroy_next ? db->destroy_next : hmap_first(&t->rows);

	for (; *n && node; --*n) {
		struct hmap_node *next = hmap_next(&t->rows, node);

		db_row_free(CONTAINER_OF(node, struct db_row, node));
		node = next;
	}
	db->destroy_next = node;
	return node;
}

bool db_destroy_some(struct db *db, size_t n)
{
	for (; db->destroying < db->schema->n_tables; db->destroying++) {
		struct db_table *t = &db->tables[db->destroying];

		if (destroy_rows(db, t, &n))
			return true;
	}
	for (size_t i = 0; i < db->schema->n_tables; i++)
		destroy_table(&db->tables[i]);
	free(db->tables);
	ovsdb_schema_destroy(db->schema);
	free(db);
	return false;
}

void db_destroy(struct db *db)
{
	if (db)
		db_destroy_some(db, SIZE_MAX);
}

struct db_table *db_table(const struct db *db, const char *name)
{
	const struct ovsdb_table_schema *ts = ovsdb_schema_table(db->schema, name);

	return ts ? &db->tables[ts->position] : NULL;
}

void db_table_reserve(struct db_table *t, size_t n)
{
	hmap_reserve(&t->rows, n);
	for (size_t i = 0; i < t->schema->n_indexes; i++)
		hmap_reserve(&t->indexes[i], n);
}

struct db_row *db_row_find_any(const struct db_table *t, const struct uuid *uuid)
{
	struct db_row *row;

	HMAP_FOR_EACH_WITH_HASH (row, node, uuid_hash(uuid), &t->rows)
		if (uuid_equal(db_row_uuid(row), uuid))
			return row;
	return NULL;
}

struct db_row *db_row_find(const struct db_table *t, const struct uuid *uuid)
{
	struct db_row *row = db_row_find_any(t, uuid);

	return row && !row->deleted ? row : NULL;
}

static struct db_row *skip_deleted(const struct db_table *t, struct hmap_node *n)
{
	for (; n; n = hmap_next(&t->rows, n)) {
		struct db_row *row = CONTAINER_OF(n, struct db_row, node);

		if (!row->deleted)
			return row;
	}
	return NULL;
}

struct db_row *db_row_first(const struct db_table *t)
{
	return skip_deleted(t, hmap_first(&t->rows));
}

struct db_row *db_row_next(const struct db_table *t, const struct db_row *row)
{
	return skip_deleted(t, hmap_next(&t->rows, &row->node));
}

struct db_row *db_row_alloc(struct db_table *t, const struct uuid *uuid)
{
	size_t n = t->schema->n_columns;
	struct db_row *row = xzalloc(sizeof(*row) + n * sizeof(row->fields[0]) +
				     t->schema->n_indexes * sizeof(*row->index));

	row->table = t;
	list_init(&row->weak_in);
	list_init(&row->weak_out);
	row->index = (struct db_index_node *)&row->fields[n];
	row->id[0].uuid = *uuid;
	uuid_generate(&row->id[1].uuid);
	row->fields[OVSDB_COL_UUID] = (struct ovsdb_datum){ .n = 1, .keys = &row->id[0] };
	row->fields[OVSDB_COL_VERSION] = (struct ovsdb_datum){ .n = 1, .keys = &row->id[1] };
	for (size_t i = OVSDB_COL_FIRST; i < n; i++) {
		row->fields[i] = t->defaults[i];
		row->fields[i].borrowed = true;
	}
	return row;
}

// Forgets the weak references that 'row' makes.
void db_row_clear_weak_out(struct db_row *row)
{
	while (!list_is_empty(&row->weak_out)) {
		struct weak_ref *w = LIST_ENTRY(row->weak_out.next, struct weak_ref, src_node);

		list_remove(&w->src_node);
		list_remove(&w->dst_node);
		free(w);
	}
}

static void clear_weak_in(struct db_row *row)
{
	while (!list_is_empty(&row->weak_in)) {
		struct weak_ref *w = LIST_ENTRY(row->weak_in.next, struct weak_ref, dst_node);

		list_remove(&w->src_node);
		list_remove(&w->dst_node);
		free(w);
	}
}

void db_row_free(struct db_row *row)
{
	const struct ovsdb_table_schema *ts = row->table->schema;

	db_row_clear_weak_out(row);
	clear_weak_in(row);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		ovsdb_datum_uninit(&row->fields[i], &ts->columns[i]->type);
	free(row->packed);
	free(row);
}

// ---- Packed rows ----

static size_t string_bytes(const union ovsdb_atom *a, unsigned int n, enum ovsdb_atomic_type type)
{
	size_t bytes = 0;

	for (unsigned int i = 0; type == OVSDB_STRING && i < n; i++)
		bytes += strlen(a[i].string) + 1;
	return bytes;
}

// Where the next atoms and strings go.
struct packing {
	union ovsdb_atom *atoms;
	char *strings;
};

static union ovsdb_atom *pack_atoms(struct packing *p, const union ovsdb_atom *a, unsigned int n,
				    enum ovsdb_atomic_type type)
{
	union ovsdb_atom *to = p->atoms;

	if (type == OVSDB_VOID || !n)
		return NULL;
	p->atoms += n;
	for (unsigned int i = 0; i < n; i++) {
		to[i] = a[i];
		if (type != OVSDB_STRING)
			continue;
		to[i].string = p->strings;
		p->strings = stpcpy(p->strings, a[i].string) + 1;
	}
	return to;
}

static void pack_column(struct packing *p, struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	struct ovsdb_datum packed = {
		.n = d->n,
		.borrowed = true,
		.keys = pack_atoms(p, d->keys, d->n, t->key.type),
		.values = pack_atoms(p, d->values, d->n, t->value.type),
	};

	ovsdb_datum_uninit(d, t);
	*d = packed;
}

static bool is_default(const struct db_row *row, size_t column)
{
	return row->fields[column].keys == row->table->defaults[column].keys;
}

void db_row_pack_all(struct db_row *row)
{
	const struct ovsdb_table_schema *ts = row->table->schema;
	size_t n_atoms = 0, bytes = 0;
	struct packing p;
	void *before = row->packed;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct ovsdb_datum *d = &row->fields[i];
		const struct ovsdb_type *t = &ts->columns[i]->type;

		if (is_default(row, i))
			continue;
		n_atoms += (size_t)d->n * (t->value.type == OVSDB_VOID ? 1 : 2);
		bytes += string_bytes(d->keys, d->n, t->key.type) +
			 string_bytes(d->values, d->n, t->value.type);
	}
	row->packed = n_atoms ? xmalloc(n_atoms * sizeof(union ovsdb_atom) + bytes) : NULL;
	p.atoms = row->packed;
	p.strings = (char *)(p.atoms + n_atoms);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (!is_default(row, i))
			pack_column(&p, &row->fields[i], &ts->columns[i]->type);
	free(before);
}

void db_row_pack(struct db_row *row)
{
	for (size_t i = OVSDB_COL_FIRST; i < row->table->schema->n_columns; i++) {
		if (!row->fields[i].borrowed) {
			db_row_pack_all(row);
			return;
		}
	}
}

// ---- Indexes ----

uint64_t db_index_hash(const struct db_row *row, const struct ovsdb_index *index)
{
	const struct ovsdb_table_schema *ts = row->table->schema;
	uint64_t hash = 0;

	for (size_t i = 0; i < index->n; i++)
		hash = ovsdb_datum_hash(&row->fields[index->columns[i]],
					&ts->columns[index->columns[i]]->type, hash);
	return hash;
}

static bool index_equal(const struct db_row *a, const struct db_row *b,
			const struct ovsdb_index *index)
{
	const struct ovsdb_table_schema *ts = a->table->schema;

	for (size_t i = 0; i < index->n; i++) {
		unsigned int c = index->columns[i];

		if (!ovsdb_datum_equal(&a->fields[c], &b->fields[c], &ts->columns[c]->type))
			return false;
	}
	return true;
}

void db_row_unindex(struct db_row *row)
{
	struct db_table *t = row->table;

	for (size_t i = 0; i < t->schema->n_indexes; i++) {
		if (row->index[i].present)
			hmap_remove(&t->indexes[i], &row->index[i].node);
		row->index[i].present = false;
	}
}

// Adds the row to its table's indexes. Returns a row that has the same values in one of them (and *ret_index
// says which), or NULL.
struct db_row *db_row_index(struct db_row *row, size_t *ret_index)
{
	struct db_table *t = row->table;

	for (size_t i = 0; i < t->schema->n_indexes; i++) {
		const struct ovsdb_index *index = &t->schema->indexes[i];
		uint64_t hash = db_index_hash(row, index);
		struct db_index_node *other;

		if (row->index[i].present)
			continue;
		HMAP_FOR_EACH_WITH_HASH (other, node, hash, &t->indexes[i]) {
			if (index_equal(other->row, row, index)) {
				*ret_index = i;
				return other->row;
			}
		}
		row->index[i].row = row;
		row->index[i].present = true;
		hmap_insert(&t->indexes[i], &row->index[i].node, hash);
	}
	return NULL;
}

// ---- References ----

static void adjust_refs(struct db_table *dst, const struct ovsdb_base_type *b,
			const union ovsdb_atom *atoms, unsigned int n, int delta,
			void (*dropped)(struct db_row *row, void *aux), void *aux)
{
	if (!dst || b->ref_weak)
		return;
	for (unsigned int i = 0; i < n; i++) {
		struct db_row *row = db_row_find_any(dst, &atoms[i].uuid);

		if (!row)
			continue;
		row->n_refs += delta;
		if (!row->n_refs && dropped)
			dropped(row, aux);
	}
}

// Adds 'delta' to the counts of the rows that this datum refers to; 'dropped' hears of those that come to 0.
void db_adjust_refs(const struct db_table *t, unsigned int column, const struct ovsdb_datum *d,
		    int delta, void (*dropped)(struct db_row *row, void *aux), void *aux)
{
	const struct ovsdb_type *type = &t->schema->columns[column]->type;

	adjust_refs(t->key_refs[column], &type->key, d->keys, d->n, delta, dropped, aux);
	if (d->values)
		adjust_refs(t->value_refs[column], &type->value, d->values, d->n, delta, dropped,
			    aux);
}

static void add_weak(struct db_row *src, struct db_table *dst_table,
		     const struct ovsdb_base_type *b, const union ovsdb_atom *atoms, unsigned int n)
{
	if (!dst_table || !b->ref_weak)
		return;
	for (unsigned int i = 0; i < n; i++) {
		struct db_row *dst = db_row_find_any(dst_table, &atoms[i].uuid);
		struct weak_ref *w;

		if (!dst || dst == src)
			continue;
		w = xmalloc(sizeof(*w));
		w->src = src;
		list_push_back(&src->weak_out, &w->src_node);
		list_push_back(&dst->weak_in, &w->dst_node);
	}
}

// Records the weak references that the row makes now.
void db_row_rebuild_weak(struct db_row *row)
{
	struct db_table *t = row->table;

	db_row_clear_weak_out(row);
	if (row->deleted)
		return;
	for (size_t j = 0; j < t->n_ref_columns; j++) {
		unsigned int i = t->ref_columns[j];
		const struct ovsdb_type *type = &t->schema->columns[i]->type;
		const struct ovsdb_datum *d = &row->fields[i];

		add_weak(row, t->key_refs[i], &type->key, d->keys, d->n);
		if (d->values)
			add_weak(row, t->value_refs[i], &type->value, d->values, d->n);
	}
}
