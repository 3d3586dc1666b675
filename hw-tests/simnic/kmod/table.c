// SPDX-License-Identifier: GPL-2.0
// The rule table of a NIC.
//
// A chain holds masks in the order of priority; the rules of all masks are in one hash table, found by mask and masked key.
// Writers hold rules_lock; packets read under RCU.
#include <linux/jhash.h>

#include "hw-tests/simnic/kmod/simnic.h"

struct sn_chain {
	struct hlist_node node; // RCU
	struct rcu_head rcu;
	u32 index;
	struct list_head masks; // RCU
};

// ---- The two hash tables ----

struct lookup {
	const struct sn_mask *mask;
	const struct sn_key *key; // masked
};

static u32 hash_key(const struct sn_mask *mask, const struct sn_key *key, u32 seed)
{
	u32 basis = jhash(&mask, sizeof(mask), seed);

	return jhash2((const u32 *)((const long *)key + mask->first),
		      (mask->end - mask->first) * (sizeof(long) / sizeof(u32)), basis);
}

static u32 hash_lookup(const void *data, u32 len, u32 seed)
{
	const struct lookup *l = data;

	return hash_key(l->mask, l->key, seed);
}

static u32 hash_rule(const void *data, u32 len, u32 seed)
{
	const struct sn_rule *rule = data;

	return hash_key(rule->mask, &rule->key, seed);
}

static int compare_rule(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct lookup *l = arg->key;
	const struct sn_rule *rule = obj;
	const struct sn_mask *mask = l->mask;

	return rule->mask != mask ||
	       memcmp((const long *)&rule->key + mask->first, (const long *)l->key + mask->first,
		      (mask->end - mask->first) * sizeof(long));
}

static const struct rhashtable_params rules_params = {
	.head_offset = offsetof(struct sn_rule, node),
	.hashfn = hash_lookup,
	.obj_hashfn = hash_rule,
	.obj_cmpfn = compare_rule,
	.automatic_shrinking = true,
};

// Table and cookie stand side by side in the rule.
struct identity {
	struct sn_table *table;
	unsigned long cookie;
};

static const struct rhashtable_params cookies_params = {
	.head_offset = offsetof(struct sn_rule, by_cookie),
	.key_offset = offsetof(struct sn_rule, table),
	.key_len = sizeof(struct identity),
	.automatic_shrinking = true,
};

int sn_table_init(struct sn_nic *nic)
{
	int err = rhltable_init(&nic->rules, &rules_params);

	if (err)
		return err;
	err = rhashtable_init(&nic->cookies, &cookies_params);
	if (err)
		rhltable_destroy(&nic->rules);
	return err;
}

void sn_table_uninit(struct sn_nic *nic)
{
	WARN_ON(nic->n_rules);
	rhltable_destroy(&nic->rules);
	rhashtable_destroy(&nic->cookies);
}

// ---- Chains and masks ----

static struct hlist_head *bucket_of(const struct sn_table *t, u32 index)
{
	return (struct hlist_head *)&t->chains[jhash_1word(index, 0) % SN_CHAIN_BUCKETS];
}

static struct sn_chain *find_chain(const struct sn_table *t, u32 index)
{
	struct sn_chain *chain;

	hlist_for_each_entry_rcu(chain, bucket_of(t, index), node, true)
		if (chain->index == index)
			return chain;
	return NULL;
}

static struct sn_chain *need_chain(struct sn_table *t, u32 index)
{
	struct sn_chain *chain = find_chain(t, index);

	if (chain)
		return chain;
	chain = kzalloc(sizeof(*chain), GFP_KERNEL);
	if (!chain)
		return NULL;
	chain->index = index;
	INIT_LIST_HEAD(&chain->masks);
	hlist_add_head_rcu(&chain->node, bucket_of(t, index));
	return chain;
}

static void drop_chain_if_empty(struct sn_chain *chain)
{
	if (!list_empty(&chain->masks))
		return;
	hlist_del_rcu(&chain->node);
	kfree_rcu(chain, rcu);
}

static void set_range(struct sn_mask *m)
{
	const long *words = (const long *)&m->mask;
	unsigned int i;

	for (i = 0; i < SN_KEY_WORDS; i++) {
		if (!words[i])
			continue;
		if (!m->end)
			m->first = i;
		m->end = i + 1;
	}
}

static struct sn_mask *need_mask(struct sn_chain *chain, const struct sn_key *mask, u32 prio,
				 __be16 protocol)
{
	struct list_head *before = &chain->masks;
	struct sn_mask *m;

	list_for_each_entry(m, &chain->masks, node) {
		if (m->prio == prio && m->protocol == protocol &&
		    !memcmp(&m->mask, mask, sizeof(*mask)))
			return m;
		if (m->prio > prio) {
			before = &m->node;
			break;
		}
	}
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return NULL;
	m->chain = chain;
	m->mask = *mask;
	m->prio = prio;
	m->protocol = protocol;
	set_range(m);
	list_add_tail_rcu(&m->node, before);
	return m;
}

static void drop_mask_if_empty(struct sn_mask *m)
{
	struct sn_chain *chain = m->chain;

	if (m->n_rules)
		return;
	list_del_rcu(&m->node);
	kfree_rcu(m, rcu);
	drop_chain_if_empty(chain);
}

// ---- Rules ----

void sn_rule_free(struct sn_rule *rule)
{
	sn_actions_release(rule);
	kfree_rcu(rule, rcu);
}

static void take_out(struct sn_rule *rule)
{
	rhltable_remove(&rule->nic->rules, &rule->node, rules_params);
	rule->mask->n_rules--;
	drop_mask_if_empty(rule->mask);
}

int sn_table_insert(struct sn_table *t, struct sn_rule *rule, const struct sn_key *mask, u32 chain,
		    u32 prio, __be16 protocol)
{
	struct sn_nic *nic = rule->nic;
	struct sn_chain *c;
	struct lookup l;
	int err = -ENOMEM;

	lockdep_assert_held(&nic->rules_lock);
	c = need_chain(t, chain);
	if (!c)
		return -ENOMEM;
	rule->mask = need_mask(c, mask, prio, protocol);
	if (!rule->mask) {
		drop_chain_if_empty(c);
		return -ENOMEM;
	}
	rule->table = t;
	l = (struct lookup){ rule->mask, &rule->key };
	rule->mask->n_rules++;
	// A second rule with the same match is there while the first is being replaced; the newest counts.
	err = rhltable_insert_key(&nic->rules, &l, &rule->node, rules_params);
	if (err) {
		rule->mask->n_rules--;
		drop_mask_if_empty(rule->mask);
		return err;
	}
	err = rhashtable_insert_fast(&nic->cookies, &rule->by_cookie, cookies_params);
	if (err) {
		take_out(rule);
		return err;
	}
	t->n_rules++;
	WRITE_ONCE(nic->n_rules, nic->n_rules + 1);
	return 0;
}

struct sn_rule *sn_table_find(struct sn_table *t, struct sn_nic *nic, unsigned long cookie)
{
	struct identity id = { t, cookie };

	lockdep_assert_held(&nic->rules_lock);
	return rhashtable_lookup_fast(&nic->cookies, &id, cookies_params);
}

void sn_table_remove(struct sn_rule *rule)
{
	struct sn_nic *nic = rule->nic;

	lockdep_assert_held(&nic->rules_lock);
	if (!rule->lost) {
		take_out(rule);
		WRITE_ONCE(nic->n_rules, nic->n_rules - 1);
	}
	rhashtable_remove_fast(&nic->cookies, &rule->by_cookie, cookies_params);
	rule->table->n_rules--;
	sn_rule_free(rule);
}

void sn_table_flush(struct sn_nic *nic, struct sn_table *t)
{
	struct rhashtable_iter it;
	struct sn_rule *rule;

	lockdep_assert_held(&nic->rules_lock);
	rhashtable_walk_enter(&nic->cookies, &it);
	rhashtable_walk_start(&it);
	while ((rule = rhashtable_walk_next(&it)))
		if (!IS_ERR(rule) && rule->table == t)
			sn_table_remove(rule);
	rhashtable_walk_stop(&it);
	rhashtable_walk_exit(&it);
}

void sn_table_lose_all(struct sn_nic *nic)
{
	struct rhashtable_iter it;
	struct sn_rule *rule;

	lockdep_assert_held(&nic->rules_lock);
	rhashtable_walk_enter(&nic->cookies, &it);
	rhashtable_walk_start(&it);
	// -EAGAIN: the table was resized meanwhile, and the walk begins again. What is lost stays lost.
	while ((rule = rhashtable_walk_next(&it))) {
		if (IS_ERR(rule) || rule->lost)
			continue;
		take_out(rule);
		rule->lost = true;
		WRITE_ONCE(nic->n_rules, nic->n_rules - 1);
	}
	rhashtable_walk_stop(&it);
	rhashtable_walk_exit(&it);
}

// ---- Packets ----

static struct sn_rule *find_rule(struct sn_nic *nic, const struct sn_mask *mask,
				 const struct sn_key *key)
{
	struct sn_key masked;
	struct lookup l = { mask, &masked };
	struct rhlist_head *list, *pos;
	struct sn_rule *rule;
	unsigned int i;

	for (i = mask->first; i < mask->end; i++)
		((long *)&masked)[i] = ((const long *)key)[i] & ((const long *)&mask->mask)[i];
	list = rhltable_lookup(&nic->rules, &l, rules_params);
	rhl_for_each_entry_rcu(rule, pos, list, node)
		if (!rule->deaf)
			return rule;
	return NULL;
}

struct sn_rule *sn_table_lookup(const struct sn_table *t, struct sn_packet *p)
{
	const struct sn_chain *chain = find_chain(t, p->chain);
	__be16 protocol = skb_protocol(p->skb, false);
	const struct sn_mask *mask;
	struct sn_rule *rule;

	if (!chain)
		return NULL;
	list_for_each_entry_rcu(mask, &chain->masks, node) {
		if (mask->protocol != htons(ETH_P_ALL) && mask->protocol != protocol)
			continue;
		rule = find_rule(p->nic, mask, &p->key);
		if (rule)
			return rule;
	}
	return NULL;
}
