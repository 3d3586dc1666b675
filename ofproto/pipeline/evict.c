// SPDX-License-Identifier: Apache-2.0
// Two levels of heaps: groups by how many rules they have, and rules by importance and by when they expire. A rule that is used expires
// later than its place in the heap says. That is found out when it comes to the front: it is put where it belongs, and the
// next one is looked at.
#include "ofproto/pipeline/evict.h"

#include "core/base/hash.h"
#include "core/base/vec.h"

// So many rules are put where they belong in one choice; then the one in front goes, though it may expire later than another.
#define MAX_REFRESHED 64

struct evict_group;

struct evict_entry {
	struct evict_group *group;
	struct rule *rule;
	size_t place; // in the group's heap
	uint16_t importance;
	int64_t deadline; // clock_msec(); not after that of the rule
};

struct evict_group {
	struct hmap_node node;
	VEC(struct evict_entry *) heap;
	size_t place; // in the heap of groups
	uint8_t value[]; // of the fields that make it one
};

struct evict_index {
	uint32_t flags;
	struct hmap by_value;
	VEC(struct evict_group *) heap;
	size_t value_size, n_groups;
	struct subfield groups[];
};

// ---- Order ----

static bool is_before(const struct evict_entry *a, const struct evict_entry *b)
{
	return a->importance != b->importance ? a->importance < b->importance
					      : a->deadline < b->deadline;
}

static bool group_is_before(const struct evict_group *a, const struct evict_group *b)
{
	if (a->heap.n != b->heap.n)
		return a->heap.n > b->heap.n;
	return a->heap.n && is_before(a->heap.v[0], b->heap.v[0]);
}

static void put_entry(struct evict_group *g, size_t place, struct evict_entry *e)
{
	g->heap.v[place] = e;
	e->place = place;
}

// Moves an entry, whose key has changed, to where it belongs.
static void sift_entry(struct evict_group *g, struct evict_entry *e)
{
	size_t i = e->place, child;

	while (i && is_before(e, g->heap.v[(i - 1) / 2])) {
		put_entry(g, i, g->heap.v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((child = 2 * i + 1) < g->heap.n) {
		if (child + 1 < g->heap.n && is_before(g->heap.v[child + 1], g->heap.v[child]))
			child++;
		if (!is_before(g->heap.v[child], e))
			break;
		put_entry(g, i, g->heap.v[child]);
		i = child;
	}
	put_entry(g, i, e);
}

static void put_group(struct evict_index *ix, size_t place, struct evict_group *g)
{
	ix->heap.v[place] = g;
	g->place = place;
}

static void sift_group(struct evict_index *ix, struct evict_group *g)
{
	size_t i = g->place, child;

	while (i && group_is_before(g, ix->heap.v[(i - 1) / 2])) {
		put_group(ix, i, ix->heap.v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((child = 2 * i + 1) < ix->heap.n) {
		if (child + 1 < ix->heap.n &&
		    group_is_before(ix->heap.v[child + 1], ix->heap.v[child]))
			child++;
		if (!group_is_before(ix->heap.v[child], g))
			break;
		put_group(ix, i, ix->heap.v[child]);
		i = child;
	}
	put_group(ix, i, g);
}

// ---- Groups ----

static void value_of(const struct evict_index *ix, const struct rule *r, uint8_t *value)
{
	union field_value v;
	struct match m;

	// What the rule does not match on is zero in its key.
	cls_rule_get_match(&r->cls, &m);
	for (size_t i = 0; i < ix->n_groups; i++) {
		subfield_read(&ix->groups[i], &m.key, &v);
		memcpy(value, v.b, ix->groups[i].field->n_bytes);
		value += ix->groups[i].field->n_bytes;
	}
}

static struct evict_group *find_group(struct evict_index *ix, const struct rule *r)
{
	AUTO_FREE uint8_t *value = xzalloc(ix->value_size + 1);
	struct evict_group *g;
	uint64_t hash;

	if (ix->flags & EVICT_OTHER)
		value_of(ix, r, value);
	hash = hash_bytes(value, ix->value_size, 0);
	HMAP_FOR_EACH_WITH_HASH (g, node, hash, &ix->by_value)
		if (!memcmp(g->value, value, ix->value_size))
			return g;
	g = xzalloc(sizeof(*g) + ix->value_size);
	memcpy(g->value, value, ix->value_size);
	hmap_insert(&ix->by_value, &g->node, hash);
	VEC_PUSH(&ix->heap, g);
	g->place = ix->heap.n - 1;
	return g;
}

static void drop_group(struct evict_index *ix, struct evict_group *g)
{
	struct evict_group *last = ix->heap.v[--ix->heap.n];

	hmap_remove(&ix->by_value, &g->node);
	if (last != g) {
		put_group(ix, g->place, last);
		sift_group(ix, last);
	}
	VEC_FREE(&g->heap);
	free(g);
}

// ---- Rules ----

static int64_t deadline_of(const struct evict_index *ix, const struct rule *r)
{
	uint16_t idle = atomic_load(&r->idle_timeout), hard = atomic_load(&r->hard_timeout);
	int64_t deadline = INT64_MAX;

	if (!(ix->flags & EVICT_LIFETIME))
		return 0;
	if (hard)
		deadline = r->modified + hard * 1000;
	if (idle)
		deadline = MIN(deadline, atomic_load(&r->used) + idle * 1000);
	return deadline;
}

void evict_add(struct evict_index *ix, struct rule *r)
{
	struct evict_group *g;
	struct evict_entry *e;

	if (r->evict_entry || !(atomic_load(&r->idle_timeout) || atomic_load(&r->hard_timeout)) ||
	    r->flags & FM_HIDDEN)
		return;
	g = find_group(ix, r);
	e = xmalloc(sizeof(*e));
	*e = (struct evict_entry){
		.group = g,
		.rule = r,
		.place = g->heap.n,
		.importance = ix->flags & EVICT_IMPORTANCE ? r->importance : 0,
		.deadline = deadline_of(ix, r),
	};
	r->evict_entry = e;
	VEC_PUSH(&g->heap, e);
	sift_entry(g, e);
	sift_group(ix, g);
}

void evict_remove(struct evict_index *ix, struct rule *r)
{
	struct evict_entry *e = r->evict_entry, *last;
	struct evict_group *g;

	if (!e)
		return;
	g = e->group;
	r->evict_entry = NULL;
	last = g->heap.v[--g->heap.n];
	if (last != e) {
		put_entry(g, e->place, last);
		sift_entry(g, last);
	}
	free(e);
	if (g->heap.n)
		sift_group(ix, g);
	else
		drop_group(ix, g);
}

static void refresh(struct evict_index *ix, struct evict_entry *e, int64_t deadline)
{
	e->deadline = deadline;
	sift_entry(e->group, e);
	sift_group(ix, e->group);
}

void evict_update(struct evict_index *ix, struct rule *r)
{
	if (r->evict_entry)
		refresh(ix, r->evict_entry, deadline_of(ix, r));
	else
		evict_add(ix, r);
}

struct rule *evict_choose(struct evict_index *ix)
{
	for (int i = 0; ix->heap.n; i++) {
		struct evict_entry *e = ix->heap.v[0]->heap.v[0];
		int64_t deadline = deadline_of(ix, e->rule);

		if (deadline == e->deadline || i == MAX_REFRESHED)
			return e->rule;
		refresh(ix, e, deadline);
	}
	return NULL;
}

// ---- The index ----

struct evict_index *evict_create(const struct subfield *groups, size_t n_groups, uint32_t flags)
{
	struct evict_index *ix = xzalloc(sizeof(*ix) + n_groups * sizeof(*groups));

	hmap_init(&ix->by_value);
	ix->flags = flags;
	ix->n_groups = n_groups;
	if (n_groups)
		memcpy(ix->groups, groups, n_groups * sizeof(*groups));
	for (size_t i = 0; i < n_groups; i++)
		ix->value_size += groups[i].field->n_bytes;
	return ix;
}

void evict_destroy(struct evict_index *ix)
{
	if (!ix)
		return;
	while (ix->heap.n) {
		const struct evict_group *g = ix->heap.v[0];

		evict_remove(ix, g->heap.v[0]->rule);
	}
	VEC_FREE(&ix->heap);
	hmap_uninit(&ix->by_value);
	free(ix);
}

bool evict_is_like(const struct evict_index *ix, const struct subfield *groups, size_t n_groups,
		   uint32_t flags)
{
	return ix->flags == flags && ix->n_groups == n_groups &&
	       (!n_groups || !memcmp(ix->groups, groups, n_groups * sizeof(*groups)));
}
