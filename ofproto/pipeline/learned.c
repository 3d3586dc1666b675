// SPDX-License-Identifier: Apache-2.0
// Who learns into a table with a cookie, and how many rules there are with it: for limits, and for rules that go with what learned them.
#include "core/base/hash.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/switch-private.h"

// A table and cookie that some learn action asks about. The main thread writes; 'n_rules' and 'version' are read by any.
struct target {
	struct rnode r; // in the switch's 'learned'
	uint64_t cookie;
	uint8_t table;
	size_t n_learns; // actions that name it
	size_t n_deleting; // those of them with delete_learned
	size_t n_rules;
	uint64_t version;
};

void switch_init_learned(struct of_switch *sw)
{
	rtable_init(&sw->learned, sizeof(struct target), NULL);
}

void switch_free_learned(struct of_switch *sw)
{
	rtable_uninit(&sw->learned);
	VEC_FREE(&sw->unlearned);
}

static uint64_t target_hash(uint8_t table, uint64_t cookie)
{
	return hash_u64(cookie, table);
}

static struct target *find(const struct of_switch *sw, uint8_t table, uint64_t cookie)
{
	for (struct rnode *n = rtable_first(&sw->learned, target_hash(table, cookie)); n;
	     n = rtable_next(n)) {
		struct target *t = CONTAINER_OF(n, struct target, r);

		if (t->table == table && t->cookie == cookie)
			return t;
	}
	return NULL;
}

static void create(struct of_switch *sw, uint8_t table, uint64_t cookie)
{
	const struct cookie_rules *c = switch_find_cookie(sw, cookie);
	struct target *t = xzalloc(sizeof(*t));
	const struct rule *r;

	t->r.hash = target_hash(table, cookie);
	t->table = table;
	t->cookie = cookie;
	if (c)
		LIST_FOR_EACH (r, cookie_node, &c->rules)
			t->n_rules += r->table == table;
	rtable_insert(&sw->learned, &t->r);
}

static void drop_unused(struct of_switch *sw, struct target *t)
{
	if (t->n_learns)
		return;
	rtable_remove(&sw->learned, &t->r);
	rcu_free(t);
}

static bool asks(const struct act *a)
{
	return a->type == ACT_LEARN && a->learn.table < SWITCH_N_TABLES &&
	       (a->learn.limit || a->learn.flags & ACT_LEARN_DELETE_LEARNED);
}

void switch_list_learns(struct of_switch *sw, struct acts list)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		struct target *t;

		if (act_has_list(a))
			switch_list_learns(sw, act_nested_list(a));
		if (!asks(a))
			continue;
		if (!find(sw, a->learn.table, a->learn.cookie))
			create(sw, a->learn.table, a->learn.cookie);
		t = find(sw, a->learn.table, a->learn.cookie);
		t->n_learns++;
		t->n_deleting += (a->learn.flags & ACT_LEARN_DELETE_LEARNED) != 0;
	}
}

void switch_unlist_learns(struct of_switch *sw, struct acts list)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		struct target *t;

		if (act_has_list(a))
			switch_unlist_learns(sw, act_nested_list(a));
		if (!asks(a))
			continue;
		t = find(sw, a->learn.table, a->learn.cookie);
		t->n_learns--;
		if (a->learn.flags & ACT_LEARN_DELETE_LEARNED && !--t->n_deleting)
			VEC_PUSH(&sw->unlearned, ((struct unlearned){ t->cookie, t->table }));
		drop_unused(sw, t);
	}
}

bool switch_next_unlearned(struct of_switch *sw, uint8_t *ret_table, uint64_t *ret_cookie)
{
	while (sw->unlearned.n) {
		struct unlearned u = sw->unlearned.v[--sw->unlearned.n];
		const struct target *t = find(sw, u.table, u.cookie);

		// Meanwhile another may have come.
		if (t && t->n_deleting)
			continue;
		*ret_table = u.table;
		*ret_cookie = u.cookie;
		return true;
	}
	return false;
}

void switch_count_learned(struct of_switch *sw, uint8_t table, uint64_t cookie, int change)
{
	struct target *t = find(sw, table, cookie);

	if (!t)
		return;
	__atomic_store_n(&t->n_rules, t->n_rules + change, __ATOMIC_RELAXED);
	__atomic_store_n(&t->version, t->version + 1, __ATOMIC_RELEASE);
}

struct count {
	uint64_t cookie;
	size_t n;
};

static bool count_one(struct cls_rule *r, void *aux)
{
	struct count *c = aux;

	c->n += CONTAINER_OF(r, struct rule, cls)->cookie == c->cookie;
	return true;
}

struct learned switch_learned(const struct of_switch *sw, uint8_t table, uint64_t cookie)
{
	const struct target *t = find(sw, table, cookie);
	struct count c = { .cookie = cookie };

	if (t)
		return (struct learned){ __atomic_load_n(&t->n_rules, __ATOMIC_RELAXED),
					 __atomic_load_n(&t->version, __ATOMIC_ACQUIRE) };
	// The action is in no rule: a controller's packet. Buckets are carried out as action sets, which learn nothing.
	if (table < SWITCH_N_TABLES)
		classifier_for_each(sw->tables[table].cls, NULL, count_one, &c);
	return (struct learned){ .n = c.n };
}
