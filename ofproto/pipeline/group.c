// SPDX-License-Identifier: Apache-2.0
// The groups of a switch. The main thread changes them; a change makes a new group, so that a translation that holds the old one
// sees it as it was. What the old one counted goes with it, as OpenFlow has it.
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/refs.h"
#include "ofproto/pipeline/group-private.h"

// A group in the switch's table. Such nodes are copied when the table grows, groups are not.
struct group_node {
	struct rnode rnode;
	struct group *group;
};

static uint64_t hash_id(uint32_t id)
{
	return hash_u64(id, 0);
}

static bool is_visible(const struct group *g, uint64_t version)
{
	return version >= g->shown &&
	       version < atomic_load_explicit(&g->hidden, memory_order_relaxed);
}

struct group *switch_find_group(const struct of_switch *sw, uint64_t version, uint32_t id)
{
	for (struct rnode *n = rtable_first(&sw->groups, hash_id(id)); n; n = rtable_next(n)) {
		struct group *g = CONTAINER_OF(n, struct group_node, rnode)->group;

		if (g->desc.id == id && is_visible(g, version))
			return g;
	}
	return NULL;
}

static struct group *find(const struct of_switch *sw, uint32_t id)
{
	return switch_find_group(sw, CLS_NEWEST, id);
}

uint64_t switch_group_version(const struct of_switch *sw, uint64_t version, uint32_t id)
{
	const struct group *g = switch_find_group(sw, version, id);

	return g ? g->version : 0;
}

void switch_init_groups(struct of_switch *sw)
{
	rtable_init(&sw->groups, sizeof(struct group_node), NULL);
}

// ---- Life ----

// 'd' is taken over. A group that had been there before gives its age, and the rules that use it.
static struct group *create(struct of_switch *sw, struct group_desc *d, struct group *before)
{
	struct group *g = xzalloc(sizeof(*g) + d->buckets.n * sizeof(g->buckets[0]));

	g->desc = *d;
	group_desc_init(d);
	g->version = ++sw->group_version;
	g->hidden = CLS_NEVER;
	g->refs = 1;
	g->created = before ? before->created : clock_msec();
	list_init(&g->users);
	for (size_t i = 0; i < g->desc.buckets.n; i++)
		acts_in_set_order(acts_of(&g->desc.buckets.v[i].acts), &g->buckets[i].acts);
	return g;
}

static void free_group(void *g_)
{
	struct group *g = g_;

	for (size_t i = 0; i < g->desc.buckets.n; i++)
		strbuf_uninit(&g->buckets[i].acts);
	group_desc_uninit(&g->desc);
	free(g);
}

bool group_ref(struct group *g)
{
	return refs_try_get(&g->refs);
}

void group_unref(struct group *g)
{
	if (refs_put(&g->refs))
		rcu_defer(free_group, g);
}

void group_credit(struct group *g, uint32_t bucket, const struct traffic *t)
{
	struct group_count *c = bucket == GROUP_ITSELF ? &g->count : &g->buckets[bucket].count;

	atomic_fetch_add_explicit(&c->packets, t->packets, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->bytes, t->bytes, memory_order_relaxed);
}

static struct group_node *create_node(struct group *g)
{
	struct group_node *n = xzalloc(sizeof(*n));

	n->rnode.hash = hash_id(g->desc.id);
	n->group = g;
	return n;
}

void switch_insert_group(struct of_switch *sw, struct group *g)
{
	rtable_insert(&sw->groups, &create_node(g)->rnode);
}

void switch_take_out_group(struct of_switch *sw, struct group *g)
{
	for (struct rnode *n = rtable_first(&sw->groups, hash_id(g->desc.id)); n;
	     n = rtable_next(n)) {
		struct group_node *gn = CONTAINER_OF(n, struct group_node, rnode);

		if (gn->group != g)
			continue;
		rtable_remove(&sw->groups, n);
		rcu_free(gn);
		break;
	}
	group_unref(g);
}

typedef VEC(struct group *) group_vec;

// Those that are not hidden, in no order.
static void all_groups(const struct of_switch *sw, group_vec *ret)
{
	struct rnode *n;

	RTABLE_FOR_EACH(n, &sw->groups)
	{
		struct group *g = CONTAINER_OF(n, struct group_node, rnode)->group;

		if (is_visible(g, CLS_NEWEST))
			VEC_PUSH(ret, g);
	}
}

static void delete_one(struct switch_txn *t, struct group *g)
{
	txn_remove_grouped(t, &g->users);
	txn_remove_group(t, g);
}

void switch_delete_groups(struct switch_txn *t)
{
	group_vec all = VEC_INIT;
	struct group **g;

	all_groups(t->sw, &all);
	VEC_FOR_EACH (g, &all)
		delete_one(t, *g);
	VEC_FREE(&all);
}

// ---- Rules that use groups ----

static size_t count_uses(struct acts list)
{
	const struct act *a;
	size_t n = 0;

	OFPACT_FOR_EACH (a, list) {
		n += a->type == ACT_GROUP;
		if (act_has_list(a))
			n += count_uses(act_nested_list(a));
	}
	return n;
}

bool switch_knows_groups(const struct of_switch *sw, struct acts list)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		if (a->type == ACT_GROUP && !find(sw, a->group.id))
			return false;
		if (act_has_list(a) && !switch_knows_groups(sw, act_nested_list(a)))
			return false;
	}
	return true;
}

static void enlist(struct rule *r, struct acts list, struct group_use **next)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		struct group *g = a->type == ACT_GROUP ? find(r->sw, a->group.id) : NULL;

		if (g) {
			(*next)->rule = r;
			list_push_back(&g->users, &(*next)++->node);
		}
		if (act_has_list(a))
			enlist(r, act_nested_list(a), next);
	}
}

void switch_list_grouped(struct rule *r)
{
	struct acts list = rule_acts_get(r);
	size_t n = count_uses(list);
	struct group_uses *uses;
	struct group_use *next;

	switch_unlist_grouped(r);
	if (!n)
		return;
	uses = xzalloc(sizeof(*uses) + n * sizeof(uses->v[0]));
	next = uses->v;
	enlist(r, list, &next);
	uses->n = next - uses->v;
	rule_need_extras(r)->group_uses = uses;
}

void switch_unlist_grouped(struct rule *r)
{
	struct group_uses *uses = r->extras ? r->extras->group_uses : NULL;

	if (!uses)
		return;
	for (size_t i = 0; i < uses->n; i++)
		list_remove(&uses->v[i].node);
	free(uses);
	r->extras->group_uses = NULL;
}

// ---- Changes ----

static enum ofperr check_buckets(const struct of_switch *sw, const struct group_desc *d)
{
	const struct bucket *b;

	if (d->type == GROUP_INDIRECT && d->buckets.n != 1)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	VEC_FOR_EACH (b, &d->buckets) {
		enum ofperr e = bucket_check(d->type, b);

		if (!e)
			e = switch_check_bucket(sw, acts_of(&b->acts));
		if (e)
			return e;
	}
	return OFPERR_NONE;
}

static enum ofperr add(struct switch_txn *t, struct group_desc *d)
{
	enum ofperr e = check_buckets(t->sw, d);

	if (d->id > GROUP_ID_MAX)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	if (e)
		return e;
	if (find(t->sw, d->id))
		return OFPERR_OFPGMFC_GROUP_EXISTS;
	txn_add_group(t, create(t->sw, d, NULL), NULL);
	return OFPERR_NONE;
}

static enum ofperr modify(struct switch_txn *t, struct group *old, struct group_desc *d)
{
	enum ofperr e = check_buckets(t->sw, d);

	if (e)
		return e;
	txn_add_group(t, create(t->sw, d, old), old);
	return OFPERR_NONE;
}

static enum ofperr remove_group(struct switch_txn *t, uint32_t id)
{
	struct group *g;

	if (id == GROUP_ID_ALL) {
		switch_delete_groups(t);
		return OFPERR_NONE;
	}
	if (id > GROUP_ID_MAX)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	// One that is not there is as good as deleted.
	g = find(t->sw, id);
	if (g)
		delete_one(t, g);
	return OFPERR_NONE;
}

// ---- Buckets that come and go ----

// Where the named bucket stands; 'n' for the one behind the last. False: there is none.
static bool find_bucket(const struct group_desc *d, uint32_t id, size_t *ret)
{
	*ret = 0;
	if (id == BUCKET_ID_FIRST)
		return true;
	if (id == BUCKET_ID_LAST) {
		*ret = d->buckets.n;
		return true;
	}
	for (; *ret < d->buckets.n; ++*ret)
		if (d->buckets.v[*ret].id == id)
			return true;
	return false;
}

static void copy_bucket(struct group_desc *to, const struct bucket *b)
{
	struct bucket *copy = VEC_PUSH_UNINIT(&to->buckets);

	*copy = *b;
	strbuf_init(&copy->acts);
	strbuf_put(&copy->acts, strbuf_cstr(&b->acts), b->acts.len);
}

// A copy of 'd' with 'more' (NULL: none) at 'at' in place of 'n' buckets.
static void copy_with(struct group_desc *ret, const struct group_desc *d, size_t at, size_t n,
		      const struct group_desc *more)
{
	const struct hash_field *f;

	group_desc_init(ret);
	ret->id = d->id;
	ret->type = d->type;
	memcpy(ret->selection.method, d->selection.method, sizeof(ret->selection.method));
	ret->selection.param = d->selection.param;
	VEC_FOR_EACH (f, &d->selection.fields)
		VEC_PUSH(&ret->selection.fields, *f);
	for (size_t i = 0; i < at; i++)
		copy_bucket(ret, &d->buckets.v[i]);
	for (size_t i = 0; more && i < more->buckets.n; i++)
		copy_bucket(ret, &more->buckets.v[i]);
	for (size_t i = at + n; i < d->buckets.n; i++)
		copy_bucket(ret, &d->buckets.v[i]);
}

static enum ofperr change(struct switch_txn *t, struct group *old, struct group_desc *d)
{
	enum ofperr e = modify(t, old, d);

	group_desc_uninit(d);
	return e;
}

static enum ofperr insert_buckets(struct switch_txn *t, struct group *g, const struct group_mod *gm)
{
	const struct group_desc *old = &g->desc;
	struct group_desc d;
	size_t at;

	// Behind the one that is named.
	if (!find_bucket(old, gm->command_bucket_id, &at))
		return OFPERR_OFPGMFC_UNKNOWN_BUCKET;
	if (gm->command_bucket_id <= BUCKET_ID_MAX)
		at++;
	copy_with(&d, old, at, 0, &gm->group);
	if (group_has_bucket_id_twice(&d)) {
		group_desc_uninit(&d);
		return OFPERR_OFPGMFC_BUCKET_EXISTS;
	}
	return change(t, g, &d);
}

static enum ofperr remove_buckets(struct switch_txn *t, struct group *g, const struct group_mod *gm)
{
	const struct group_desc *old = &g->desc;
	size_t at = 0, n_removed = old->buckets.n;
	struct group_desc d;

	if (gm->command_bucket_id != BUCKET_ID_ALL) {
		if (!find_bucket(old, gm->command_bucket_id, &at))
			return OFPERR_OFPGMFC_UNKNOWN_BUCKET;
		// The last one is the one before the end.
		if (gm->command_bucket_id == BUCKET_ID_LAST && at)
			at--;
		n_removed = MIN(1, old->buckets.n);
	}
	copy_with(&d, old, at, n_removed, NULL);
	return change(t, g, &d);
}

enum ofperr txn_group_mod(struct switch_txn *t, struct group_mod *gm)
{
	struct group *g = find(t->sw, gm->group.id);

	switch (gm->command) {
	case GROUP_ADD:
		return add(t, &gm->group);
	case GROUP_ADD_OR_MODIFY:
		return g ? modify(t, g, &gm->group) : add(t, &gm->group);
	case GROUP_DELETE:
		return remove_group(t, gm->group.id);
	default:
		break;
	}
	if (!g)
		return OFPERR_OFPGMFC_UNKNOWN_GROUP;
	switch (gm->command) {
	case GROUP_MODIFY:
		return modify(t, g, &gm->group);
	case GROUP_INSERT_BUCKETS:
		return insert_buckets(t, g, gm);
	case GROUP_REMOVE_BUCKETS:
		return remove_buckets(t, g, gm);
	default:
		return OFPERR_OFPGMFC_BAD_COMMAND;
	}
}

// ---- What is told of them ----

static int by_id(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

	return x->desc.id < y->desc.id ? -1 : x->desc.id > y->desc.id;
}

void switch_for_each_group(const struct of_switch *sw, uint32_t id,
			   void (*cb)(const struct group *g, void *aux), void *aux)
{
	struct group *one = find(sw, id);
	group_vec all = VEC_INIT;

	if (id != GROUP_ID_ALL) {
		if (one)
			cb(one, aux);
		return;
	}
	all_groups(sw, &all);
	if (all.n > 1)
		qsort(all.v, all.n, sizeof(*all.v), by_id);
	for (size_t i = 0; i < all.n; i++)
		cb(all.v[i], aux);
	VEC_FREE(&all);
}

const struct group_desc *group_desc(const struct group *g)
{
	return &g->desc;
}

void group_fill_stats(const struct group *g, struct group_stats *s)
{
	int64_t lived = clock_msec() - g->created;

	memset(s, 0, sizeof(*s));
	s->id = g->desc.id;
	s->ref_count = list_size(&g->users);
	s->packets = atomic_load(&g->count.packets);
	s->bytes = atomic_load(&g->count.bytes);
	s->duration_sec = lived / 1000;
	s->duration_nsec = lived % 1000 * 1000000;
	for (size_t i = 0; i < g->desc.buckets.n; i++)
		VEC_PUSH(&s->buckets,
			 ((struct bucket_stats){ atomic_load(&g->buckets[i].count.packets),
						 atomic_load(&g->buckets[i].count.bytes) }));
}

void switch_group_features(uint8_t version, struct group_features *f)
{
	memset(f, 0, sizeof(*f));
	// Weights of select groups, liveness, groups in groups.
	f->capabilities = 7;
	for (int i = 0; i < GROUP_N_TYPES; i++) {
		f->types |= 1u << i;
		f->max_groups[i] = GROUP_ID_MAX;
		f->actions[i] = act_standard_bitmap(version);
	}
}
