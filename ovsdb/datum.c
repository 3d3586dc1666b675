// SPDX-License-Identifier: Apache-2.0
// Sets and maps: life, order, algebra, JSON.
#include "ovsdb/datum.h"

#include "core/base/arena.h"
#include "core/io/json.h"

void ovsdb_datum_init_empty(struct ovsdb_datum *d)
{
	*d = (struct ovsdb_datum){ .n = 0 };
}

static void default_atom(union ovsdb_atom *a, enum ovsdb_atomic_type type)
{
	memset(a, 0, sizeof(*a));
	if (type == OVSDB_STRING)
		a->string = xstrdup("");
}

// The default atom passes for an enumeration as its first value, so that a new row is valid.
static void default_for_base(union ovsdb_atom *a, const struct ovsdb_base_type *b)
{
	if (b->enums && b->enums->n)
		ovsdb_atom_clone(a, &b->enums->keys[0], b->type);
	else
		default_atom(a, b->type);
}

static bool is_default_for_base(const union ovsdb_atom *a, const struct ovsdb_base_type *b)
{
	static const union ovsdb_atom zero;

	// Other implementations' default for an enumeration is "", so a file must say which one is meant.
	if (b->enums)
		return false;
	return b->type == OVSDB_STRING ? !*a->string : !ovsdb_atom_compare(a, &zero, b->type);
}

void ovsdb_datum_init_default(struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	ovsdb_datum_init_empty(d);
	if (!t->n_min)
		return;
	d->n = 1;
	d->keys = xmalloc(sizeof(*d->keys));
	default_for_base(&d->keys[0], &t->key);
	if (ovsdb_type_is_map(t)) {
		d->values = xmalloc(sizeof(*d->values));
		default_for_base(&d->values[0], &t->value);
	}
}

bool ovsdb_datum_is_default(const struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	if (d->n != t->n_min)
		return false;
	return !d->n || (is_default_for_base(&d->keys[0], &t->key) &&
			 (!d->values || is_default_for_base(&d->values[0], &t->value)));
}

static void free_atoms(union ovsdb_atom *a, unsigned int n, enum ovsdb_atomic_type type)
{
	if (type == OVSDB_STRING)
		for (unsigned int i = 0; a && i < n; i++)
			free(a[i].string);
	free(a);
}

void ovsdb_datum_uninit(struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	if (!d->borrowed) {
		free_atoms(d->keys, d->n, t->key.type);
		free_atoms(d->values, d->n, t->value.type);
	}
	ovsdb_datum_init_empty(d);
}

static union ovsdb_atom *clone_atoms(const union ovsdb_atom *a, unsigned int n,
				     enum ovsdb_atomic_type type)
{
	union ovsdb_atom *copy;

	if (type == OVSDB_VOID || !n)
		return NULL;
	copy = xcalloc(n, sizeof(*copy));
	for (unsigned int i = 0; i < n; i++)
		ovsdb_atom_clone(&copy[i], &a[i], type);
	return copy;
}

void ovsdb_datum_clone(struct ovsdb_datum *dst, const struct ovsdb_datum *src,
		       const struct ovsdb_type *t)
{
	unsigned int n = src->n;

	*dst = (struct ovsdb_datum){
		.n = n,
		.keys = clone_atoms(src->keys, n, t->key.type),
		.values = clone_atoms(src->values, n, t->value.type),
	};
}

void ovsdb_datum_take(struct ovsdb_datum *dst, struct ovsdb_datum *src, const struct ovsdb_type *t)
{
	if (src->borrowed)
		ovsdb_datum_clone(dst, src, t);
	else
		*dst = *src;
	ovsdb_datum_init_empty(src);
}

int ovsdb_datum_compare(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
			const struct ovsdb_type *t)
{
	int c;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (unsigned int i = 0; i < a->n; i++) {
		c = ovsdb_atom_compare(&a->keys[i], &b->keys[i], t->key.type);
		if (!c && a->values)
			c = ovsdb_atom_compare(&a->values[i], &b->values[i], t->value.type);
		if (c)
			return c;
	}
	return 0;
}

bool ovsdb_datum_equal(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
		       const struct ovsdb_type *t)
{
	return !ovsdb_datum_compare(a, b, t);
}

uint64_t ovsdb_datum_hash(const struct ovsdb_datum *d, const struct ovsdb_type *t, uint64_t basis)
{
	for (unsigned int i = 0; i < d->n; i++) {
		basis = ovsdb_atom_hash(&d->keys[i], t->key.type, basis);
		if (d->values)
			basis = ovsdb_atom_hash(&d->values[i], t->value.type, basis);
	}
	return basis ^ d->n;
}

struct pair {
	union ovsdb_atom key, value;
	unsigned int position; // keeps the sort stable
};

static int compare_pairs(const void *a_, const void *b_, void *type)
{
	const struct pair *a = a_, *b = b_;
	int c = ovsdb_atom_compare(&a->key, &b->key, *(enum ovsdb_atomic_type *)type);

	return c ? c : (a->position > b->position) - (a->position < b->position);
}

static bool is_sorted(const struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	for (unsigned int i = 1; i < d->n; i++)
		if (ovsdb_atom_compare(&d->keys[i - 1], &d->keys[i], t->key.type) >= 0)
			return false;
	return true;
}

static void sort_pairs(struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	enum ovsdb_atomic_type type = t->key.type;
	struct pair *p = xcalloc(d->n, sizeof(*p));

	for (unsigned int i = 0; i < d->n; i++) {
		p[i].key = d->keys[i];
		if (d->values)
			p[i].value = d->values[i];
		p[i].position = i;
	}
	qsort_r(p, d->n, sizeof(*p), compare_pairs, &type);
	for (unsigned int i = 0; i < d->n; i++) {
		d->keys[i] = p[i].key;
		if (d->values)
			d->values[i] = p[i].value;
	}
	free(p);
}

int ovsdb_datum_sort(struct ovsdb_datum *d, const struct ovsdb_type *t, struct ovsdb_error *err)
{
	if (d->n < 2 || is_sorted(d, t))
		return 0;
	sort_pairs(d, t);
	for (unsigned int i = 1; i < d->n; i++)
		if (!ovsdb_atom_compare(&d->keys[i - 1], &d->keys[i], t->key.type))
			return ovsdb_error_set(err, OVSDB_OTHER,
					       ovsdb_type_is_map(t) ? "map contains duplicate key"
								    : "set contains duplicate");
	return 0;
}

void ovsdb_datum_sort_unique(struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	unsigned int n = 0;

	if (d->n < 2 || is_sorted(d, t))
		return;
	sort_pairs(d, t);
	for (unsigned int i = 0; i < d->n; i++) {
		if (n && !ovsdb_atom_compare(&d->keys[n - 1], &d->keys[i], t->key.type)) {
			ovsdb_atom_uninit(&d->keys[i], t->key.type);
			if (d->values)
				ovsdb_atom_uninit(&d->values[i], t->value.type);
			continue;
		}
		d->keys[n] = d->keys[i];
		if (d->values)
			d->values[n] = d->values[i];
		n++;
	}
	d->n = n;
}

ssize_t ovsdb_datum_find(const struct ovsdb_datum *d, const union ovsdb_atom *key,
			 const struct ovsdb_type *t)
{
	ssize_t lo = 0, hi = (ssize_t)d->n - 1;

	while (lo <= hi) {
		ssize_t mid = lo + (hi - lo) / 2;
		int c = ovsdb_atom_compare(key, &d->keys[mid], t->key.type);

		if (!c)
			return mid;
		if (c < 0)
			hi = mid - 1;
		else
			lo = mid + 1;
	}
	return -1;
}

const char *ovsdb_datum_get_string(const struct ovsdb_datum *d, const char *key)
{
	for (unsigned int i = 0; d->values && i < d->n; i++)
		if (!strcmp(d->keys[i].string, key))
			return d->values[i].string;
	return NULL;
}

bool ovsdb_datum_has_element(const struct ovsdb_datum *b, const struct ovsdb_datum *a,
			     unsigned int i, const struct ovsdb_type *t)
{
	ssize_t j = ovsdb_datum_find(b, &a->keys[i], t);

	return j >= 0 && (!a->values || !b->values ||
			  !ovsdb_atom_compare(&a->values[i], &b->values[j], t->value.type));
}

bool ovsdb_datum_includes(const struct ovsdb_datum *b, const struct ovsdb_datum *a,
			  const struct ovsdb_type *t)
{
	for (unsigned int i = 0; i < a->n; i++)
		if (!ovsdb_datum_has_element(b, a, i, t))
			return false;
	return true;
}

bool ovsdb_datum_excludes(const struct ovsdb_datum *b, const struct ovsdb_datum *a,
			  const struct ovsdb_type *t)
{
	for (unsigned int i = 0; i < a->n; i++)
		if (ovsdb_datum_has_element(b, a, i, t))
			return false;
	return true;
}

static void append_clone(struct ovsdb_datum *d, const struct ovsdb_datum *from, unsigned int i,
			 const struct ovsdb_type *t)
{
	ovsdb_atom_clone(&d->keys[d->n], &from->keys[i], t->key.type);
	if (from->values)
		ovsdb_atom_clone(&d->values[d->n], &from->values[i], t->value.type);
	d->n++;
}

void ovsdb_datum_union(struct ovsdb_datum *a, const struct ovsdb_datum *b,
		       const struct ovsdb_type *t, bool replace)
{
	unsigned int old_n = a->n;
	struct ovsdb_error err;

	if (!b->n)
		return;
	a->keys = xrealloc(a->keys, (size_t)(a->n + b->n) * sizeof(*a->keys));
	if (ovsdb_type_is_map(t))
		a->values = xrealloc(a->values, (size_t)(a->n + b->n) * sizeof(*a->values));
	for (unsigned int i = 0; i < b->n; i++) {
		struct ovsdb_datum old = { .n = old_n, .keys = a->keys, .values = a->values };
		ssize_t j = ovsdb_datum_find(&old, &b->keys[i], t);

		if (j < 0) {
			append_clone(a, b, i, t);
		} else if (replace && a->values) {
			ovsdb_atom_uninit(&a->values[j], t->value.type);
			ovsdb_atom_clone(&a->values[j], &b->values[i], t->value.type);
		}
	}
	ovsdb_datum_sort(a, t, &err);
}

// Keeps the elements for which 'drop' is false, frees the others.
static void compact(struct ovsdb_datum *d, const struct ovsdb_type *t, const bool *drop)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->n; i++) {
		if (drop[i]) {
			ovsdb_atom_uninit(&d->keys[i], t->key.type);
			if (d->values)
				ovsdb_atom_uninit(&d->values[i], t->value.type);
			continue;
		}
		d->keys[n] = d->keys[i];
		if (d->values)
			d->values[n] = d->values[i];
		n++;
	}
	d->n = n;
}

void ovsdb_datum_subtract(struct ovsdb_datum *a, const struct ovsdb_type *a_type,
			  const struct ovsdb_datum *b, const struct ovsdb_type *b_type)
{
	AUTO_FREE bool *drop = NULL;

	if (!a->n || !b->n)
		return;
	drop = xcalloc(a->n, sizeof(*drop));
	for (unsigned int i = 0; i < b->n; i++) {
		ssize_t j = ovsdb_datum_find(a, &b->keys[i], a_type);

		if (j >= 0 &&
		    (!ovsdb_type_is_map(b_type) ||
		     !ovsdb_atom_compare(&a->values[j], &b->values[i], a_type->value.type)))
			drop[j] = true;
	}
	compact(a, a_type, drop);
}

void ovsdb_datum_remove(struct ovsdb_datum *d, unsigned int i, const struct ovsdb_type *t)
{
	AUTO_FREE bool *drop = xcalloc(d->n, sizeof(*drop));

	drop[i] = true;
	compact(d, t, drop);
}

static void reserve(struct ovsdb_datum *d, unsigned int n, const struct ovsdb_type *t)
{
	ovsdb_datum_init_empty(d);
	if (!n)
		return;
	d->keys = xcalloc(n, sizeof(*d->keys));
	if (ovsdb_type_is_map(t))
		d->values = xcalloc(n, sizeof(*d->values));
}

// What is in only one of two composites; of a map's key that both have with different values, the second's. This makes
// a difference, and applies it.
static void merge_different(struct ovsdb_datum *out, const struct ovsdb_datum *a,
			    const struct ovsdb_datum *b, const struct ovsdb_type *t)
{
	unsigned int i = 0, j = 0;

	reserve(out, a->n + b->n, t);
	while (i < a->n || j < b->n) {
		int c = i >= a->n   ? 1
			: j >= b->n ? -1
				    : ovsdb_atom_compare(&a->keys[i], &b->keys[j], t->key.type);

		if (c < 0) {
			append_clone(out, a, i++, t);
		} else if (c > 0) {
			append_clone(out, b, j++, t);
		} else {
			if (b->values &&
			    ovsdb_atom_compare(&a->values[i], &b->values[j], t->value.type))
				append_clone(out, b, j, t);
			i++;
			j++;
		}
	}
}

void ovsdb_datum_diff(struct ovsdb_datum *diff, const struct ovsdb_datum *old,
		      const struct ovsdb_datum *new, const struct ovsdb_type *t)
{
	if (ovsdb_type_is_composite(t))
		merge_different(diff, old, new, t);
	else
		ovsdb_datum_clone(diff, new, t);
}

int ovsdb_datum_apply_diff(struct ovsdb_datum *new, const struct ovsdb_datum *old,
			   const struct ovsdb_datum *diff, const struct ovsdb_type *t,
			   struct ovsdb_error *err)
{
	if (!ovsdb_type_is_composite(t)) {
		ovsdb_datum_clone(new, diff, t);
		return 0;
	}
	merge_different(new, old, diff, t);
	if (ovsdb_datum_check_size(new, t, err)) {
		ovsdb_datum_uninit(new, t);
		return -EINVAL;
	}
	return 0;
}

int ovsdb_datum_check_size(const struct ovsdb_datum *d, const struct ovsdb_type *t,
			   struct ovsdb_error *err)
{
	if (d->n >= t->n_min && d->n <= t->n_max)
		return 0;
	const char *kind = ovsdb_type_is_map(t) ? "map" : "set";

	if (t->n_min == 1 && t->n_max == 1)
		return ovsdb_error_set(err, OVSDB_SYNTAX,
				       "%s must have exactly one member but %u are present", kind,
				       d->n);
	return ovsdb_error_set(err, OVSDB_SYNTAX,
			       "%s must have %u to %u members but %u are present", kind, t->n_min,
			       t->n_max, d->n);
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p) && *p)
		p++;
	return p;
}

// Is the array that comes next tagged "set", "map"...? Looks ahead in the text, consumes nothing.
static bool next_tag_is(struct json_reader *r, const char *tag)
{
	size_t len = strlen(tag);
	const char *p;

	if (json_peek(r) != JSON_ARRAY)
		return false;
	p = skip_space(r->p, r->end);
	if (p == r->end || *p != '[')
		return false;
	p = skip_space(p + 1, r->end);
	return (size_t)(r->end - p) >= len + 2 && p[0] == '"' && !memcmp(p + 1, tag, len) &&
	       p[len + 1] == '"';
}

// Elements as they are read, on the heap or in an arena.
struct reading {
	struct arena *arena;
	struct json_reader *r;
	struct ovsdb_symbols *symbols;
	struct ovsdb_error *err;
	size_t cap_keys, cap_values;
};

static union ovsdb_atom *grow(struct reading *g, union ovsdb_atom *atoms, size_t *cap, size_t n)
{
	union ovsdb_atom *bigger;

	if (n < *cap)
		return atoms;
	if (!g->arena)
		return xgrow(atoms, cap, n + 1, sizeof(*atoms));
	*cap = n ? 2 * n : 4;
	bigger = arena_alloc(g->arena, *cap * sizeof(*bigger));
	if (n)
		memcpy(bigger, atoms, n * sizeof(*bigger));
	return bigger;
}

static int read_atom(struct reading *g, union ovsdb_atom *a, const struct ovsdb_base_type *b)
{
	return ovsdb_atom_read_in(g->arena, a, b, g->r, g->symbols, g->err);
}

static int add_element(struct reading *g, struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	static const char form[] = "expected 2-element array";
	struct json_reader *r = g->r;

	d->keys = grow(g, d->keys, &g->cap_keys, d->n);
	if (!ovsdb_type_is_map(t)) {
		if (read_atom(g, &d->keys[d->n], &t->key))
			return -EINVAL;
		d->n++;
		return 0;
	}
	d->values = grow(g, d->values, &g->cap_values, d->n);
	if (json_peek(r) != JSON_ARRAY)
		json_fail(r, "%s", form);
	json_array(r);
	if (!json_element(r))
		json_fail(r, "%s", form);
	if (read_atom(g, &d->keys[d->n], &t->key))
		return -EINVAL;
	if (!json_element(r))
		json_fail(r, "%s", form);
	if (read_atom(g, &d->values[d->n], &t->value)) {
		if (!g->arena)
			ovsdb_atom_uninit(&d->keys[d->n], t->key.type);
		return -EINVAL;
	}
	d->n++;
	if (json_element(r))
		json_fail(r, "%s", form);
	return json_failed(r) ? ovsdb_error_from_value(g->err, r) : 0;
}

static int wrong_form(struct reading *g, const struct ovsdb_type *t)
{
	json_fail(g->r, "expected [\"%s\", <array>]", ovsdb_type_is_map(t) ? "map" : "set");
	return ovsdb_error_from_value(g->err, g->r);
}

static int read_elements(struct reading *g, struct ovsdb_datum *d, const struct ovsdb_type *t)
{
	struct json_reader *r = g->r;

	json_array(r);
	json_element(r);
	json_skip(r); // the tag
	if (!json_element(r) || json_peek(r) != JSON_ARRAY)
		return wrong_form(g, t);
	json_array(r);
	while (json_element(r))
		if (add_element(g, d, t))
			return -EINVAL;
	if (json_element(r) || json_failed(r))
		return wrong_form(g, t);
	if (ovsdb_datum_sort(d, t, g->err) || ovsdb_datum_check_size(d, t, g->err))
		return -EINVAL;
	return 0;
}

int ovsdb_datum_read_in(struct arena *arena, struct ovsdb_datum *d, const struct ovsdb_type *t,
			struct json_reader *r, struct ovsdb_symbols *symbols,
			struct ovsdb_error *err)
{
	struct reading g = { .arena = arena, .r = r, .symbols = symbols, .err = err };
	bool is_map = ovsdb_type_is_map(t);
	int rc;

	ovsdb_datum_init_empty(d);
	d->borrowed = arena;
	if (is_map && !next_tag_is(r, "map"))
		return wrong_form(&g, t);
	if (is_map || (json_peek(r) == JSON_ARRAY && next_tag_is(r, "set"))) {
		rc = read_elements(&g, d, t);
	} else {
		d->keys = arena ? arena_alloc(arena, sizeof(*d->keys)) : xmalloc(sizeof(*d->keys));
		rc = read_atom(&g, &d->keys[0], &t->key);
		d->n = !rc;
	}
	if (rc)
		ovsdb_datum_uninit(d, t);
	return rc;
}

int ovsdb_datum_read(struct ovsdb_datum *d, const struct ovsdb_type *t, struct json_reader *r,
		     struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	return ovsdb_datum_read_in(NULL, d, t, r, symbols, err);
}

void ovsdb_datum_write(const struct ovsdb_datum *d, const struct ovsdb_type *t,
		       struct json_writer *w)
{
	bool is_map = ovsdb_type_is_map(t);

	if (d->n == 1 && !is_map) {
		ovsdb_atom_write(&d->keys[0], t->key.type, w);
		return;
	}
	jw_array_begin(w);
	jw_string(w, is_map ? "map" : "set");
	jw_array_begin(w);
	for (unsigned int i = 0; i < d->n; i++) {
		if (is_map)
			jw_array_begin(w);
		ovsdb_atom_write(&d->keys[i], t->key.type, w);
		if (is_map) {
			ovsdb_atom_write(&d->values[i], t->value.type, w);
			jw_array_end(w);
		}
	}
	jw_array_end(w);
	jw_array_end(w);
}
