// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/refs.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/switch-private.h"

struct rule_acts *rule_acts_copy(struct acts a)
{
	struct rule_acts *copy = xmalloc(sizeof(*copy) + a.size);

	copy->size = a.size;
	copy->number = 0;
	if (a.size)
		memcpy(copy->list, a.first, a.size);
	return copy;
}

static struct cls_clauses *clauses_of(struct acts list)
{
	struct cls_clauses *c;
	const struct act *a;
	size_t n = 0;

	OFPACT_FOR_EACH (a, list)
		n += a->type == ACT_CONJUNCTION;
	if (!n)
		return NULL;
	c = xmalloc(sizeof(*c) + n * sizeof(c->v[0]));
	c->n = 0;
	OFPACT_FOR_EACH (a, list)
		if (a->type == ACT_CONJUNCTION)
			c->v[c->n++] = (struct cls_clause){ .id = a->conjunction.id,
							    .clause = a->conjunction.clause,
							    .n_clauses = a->conjunction.n_clauses };
	return c;
}

struct rule_acts *rule_acts_create(const struct rule *r, struct acts a, uint64_t since)
{
	struct rule_acts_change *c = xmalloc(sizeof(*c) + a.size);

	c->since = since;
	c->before = r->acts;
	c->acts.size = a.size;
	c->acts.number = r->acts->number + 1;
	if (a.size)
		memcpy(c->acts.list, a.first, a.size);
	return &c->acts;
}

// NULL for the first list, which is behind its rule.
static void *memory_of(struct rule_acts *a)
{
	return a->number ? CONTAINER_OF(a, struct rule_acts_change, acts) : NULL;
}

void rule_acts_free_later(struct rule_acts *a)
{
	rcu_free(memory_of(a));
}

// The rule, its packed key and its first list of actions are one piece of memory.
static struct rule *allocate(const struct miniflow *key, struct acts a, struct miniflow **ret_key)
{
	size_t n_key = miniflow_size(key);
	struct rule *r = xmalloc(sizeof(*r) + n_key + sizeof(*r->acts) + a.size);

	memset(r, 0, sizeof(*r));
	*ret_key = memcpy(r + 1, key, n_key);
	r->acts = (struct rule_acts *)((uint8_t *)(r + 1) + n_key);
	*r->acts = (struct rule_acts){ .size = a.size };
	if (a.size)
		memcpy(r->acts->list, a.first, a.size);
	return r;
}

static void init(struct rule *r, struct of_switch *sw, uint8_t table)
{
	r->sw = sw;
	r->table = table;
	cls_rule_set_clauses(&r->cls, clauses_of(rule_acts_get(r)));
	r->refs = 1;
}

struct rule *rule_create(struct of_switch *sw, const struct flow_mod *fm, uint8_t table,
			 int priority)
{
	struct miniflow_buf packed;
	struct miniflow *key;
	struct rule *r;

	miniflow_pack(&packed.mf, &fm->match.key);
	r = allocate(&packed.mf, acts_of(&fm->acts), &key);
	cls_rule_init_packed(&r->cls, key, &fm->match.mask, priority);
	init(r, sw, table);
	r->cookie = fm->new_cookie;
	r->idle_timeout = fm->idle_timeout;
	r->hard_timeout = fm->hard_timeout;
	r->flags = fm->flags;
	r->importance = fm->importance;
	r->created = r->modified = clock_msec();
	r->used = r->created;
	return r;
}

bool rule_has_clauses(const struct rule *r, struct acts a)
{
	const struct act *act;

	OFPACT_FOR_EACH (act, a)
		if (act->type == ACT_CONJUNCTION)
			return true;
	return r->cls.clauses;
}

struct rule *rule_clone(const struct rule *old, struct acts a)
{
	struct miniflow *key;
	struct rule *r = allocate(old->cls.match_key, a, &key);

	cls_rule_init_like(&r->cls, key, &old->cls);
	init(r, old->sw, old->table);
	r->cookie = old->cookie;
	r->idle_timeout = old->idle_timeout;
	r->hard_timeout = old->hard_timeout;
	r->flags = old->flags;
	r->importance = old->importance;
	r->created = old->created;
	r->modified = old->modified;
	r->used = atomic_load(&old->used);
	return r;
}

struct rule_extras *rule_need_extras(struct rule *r)
{
	struct rule_extras *old = atomic_load(&r->extras), *e;

	if (old)
		return old;
	e = xzalloc(sizeof(*e));
	e->rule = r;
	list_init(&e->timeout_node);
	list_init(&e->meter_node);
	if (atomic_compare_exchange_strong(&r->extras, &old, e))
		return e;
	free(e);
	return old;
}

static void rule_free(void *p)
{
	struct rule *r = p;

	cls_rule_uninit(&r->cls);
	free(memory_of(r->acts));
	free(atomic_load(&r->extras));
	free(r);
}

bool rule_ref(struct rule *r)
{
	return refs_try_get(&r->refs);
}

void rule_unref(struct rule *r)
{
	if (r && refs_put(&r->refs))
		rcu_defer(rule_free, r);
}

static void free_chain(void *p)
{
	struct rule *r = p, *next;

	for (; r; r = next) {
		next = r->next_dead;
		rule_free(r);
	}
}

void rules_unref(struct rule *const v[], size_t n)
{
	struct rule *dead = NULL;

	for (size_t i = 0; i < n; i++)
		if (refs_put(&v[i]->refs)) {
			v[i]->next_dead = dead;
			dead = v[i];
		}
	if (dead)
		rcu_defer(free_chain, dead);
}

static void add(_Atomic uint64_t *sum, uint64_t n)
{
	if (n)
		atomic_fetch_add_explicit(sum, n, memory_order_relaxed);
}

void rule_credit(struct rule *r, const struct traffic *t)
{
	int64_t old = atomic_load_explicit(&r->used, memory_order_relaxed);

	add(&r->packets, t->packets);
	add(&r->bytes, t->bytes);
	if (t->hw_packets || t->hw_bytes) {
		add(&rule_need_extras(r)->hw_packets, t->hw_packets);
		add(&rule_need_extras(r)->hw_bytes, t->hw_bytes);
	}
	while (t->used > old && !atomic_compare_exchange_weak(&r->used, &old, t->used))
		;
}

void rule_reset_counters(struct rule *r)
{
	struct rule_extras *e = atomic_load(&r->extras);

	atomic_store(&r->packets, 0);
	atomic_store(&r->bytes, 0);
	if (e) {
		atomic_store(&e->hw_packets, 0);
		atomic_store(&e->hw_bytes, 0);
	}
}

void rule_get_offloaded(const struct rule *r, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	const struct rule_extras *e = atomic_load(&r->extras);

	*ret_packets = e ? atomic_load(&e->hw_packets) : 0;
	*ret_bytes = e ? atomic_load(&e->hw_bytes) : 0;
}

struct cookie_rules *switch_find_cookie(const struct of_switch *sw, uint64_t cookie)
{
	struct cookie_rules *c;

	HMAP_FOR_EACH_WITH_HASH (c, node, hash_u64(cookie, 0), &sw->cookies)
		if (c->cookie == cookie)
			return c;
	return NULL;
}

static void add_to_cookie(struct rule *r)
{
	struct cookie_rules *c = switch_find_cookie(r->sw, r->cookie);

	if (!c) {
		c = xmalloc(sizeof(*c));
		c->cookie = r->cookie;
		list_init(&c->rules);
		hmap_insert(&r->sw->cookies, &c->node, hash_u64(c->cookie, 0));
	}
	list_push_back(&c->rules, &r->cookie_node);
	switch_count_learned(r->sw, r->table, r->cookie, 1);
}

static void remove_from_cookie(struct rule *r)
{
	struct cookie_rules *c = switch_find_cookie(r->sw, r->cookie);

	list_remove(&r->cookie_node);
	switch_count_learned(r->sw, r->table, r->cookie, -1);
	if (list_is_empty(&c->rules)) {
		hmap_remove(&r->sw->cookies, &c->node);
		free(c);
	}
}

void rule_set_cookie(struct rule *r, uint64_t cookie)
{
	remove_from_cookie(r);
	r->cookie = cookie;
	add_to_cookie(r);
}

static bool is_hidden(const struct rule *r)
{
	return r->flags & FM_HIDDEN;
}

void rule_may_expire(struct rule *r)
{
	struct rule_extras *e = rule_need_extras(r);

	if (list_is_empty(&e->timeout_node))
		list_push_back(&r->sw->expirable, &e->timeout_node);
	table_timeouts_changed(r);
}

void rule_list_users(struct rule *r, const struct rule_acts *before)
{
	// What is in both stays known throughout.
	switch_list_learns(r->sw, rule_acts_get(r));
	switch_unlist_learns(r->sw, (struct acts){ before->list, before->size });
	switch_unlist_metered(r);
	switch_list_metered(r);
	switch_list_grouped(r);
}

void rule_enlist(struct rule *r)
{
	struct of_switch *sw = r->sw;

	add_to_cookie(r);
	if (r->idle_timeout || r->hard_timeout)
		rule_may_expire(r);
	switch_list_learns(sw, rule_acts_get(r));
	switch_list_metered(r);
	switch_list_grouped(r);
	table_enlist(r);
	sw->n_rules += !is_hidden(r);
}

void rule_strike_off(struct rule *r)
{
	remove_from_cookie(r);
	if (r->extras)
		list_remove(&r->extras->timeout_node);
	switch_unlist_metered(r);
	switch_unlist_grouped(r);
	switch_unlist_learns(r->sw, rule_acts_get(r));
	table_strike_off(r);
	r->sw->n_rules -= !is_hidden(r);
}

void rule_fill_stats(const struct rule *r, struct match *match_storage, struct flow_stats *fs)
{
	int64_t now = clock_msec(), lived = now - r->created;

	// All but the room for a match, which is not used here.
	memset(fs, 0, offsetof(struct flow_stats, match_buf));
	cls_rule_get_match(&r->cls, match_storage);
	fs->match = match_storage;
	fs->cookie = r->cookie;
	fs->n_packets = atomic_load(&r->packets);
	fs->n_bytes = atomic_load(&r->bytes);
	fs->priority = r->cls.priority;
	fs->idle_timeout = r->idle_timeout;
	fs->hard_timeout = r->hard_timeout;
	fs->flags = r->flags;
	fs->importance = r->importance;
	fs->table = r->table;
	fs->duration_sec = lived / 1000;
	fs->duration_nsec = lived % 1000 * 1000000;
	fs->idle_age = (now - atomic_load(&r->used)) / 1000;
	fs->hard_age = (now - r->modified) / 1000;
	fs->acts = rule_acts_get(r);
}
