// SPDX-License-Identifier: Apache-2.0
// The rule table: tuple space search. A group holds one subtable per (priority, mask), the best priority first; a
// subtable is a hash of masked keys. Among matching rules of equal priority the oldest wins, so that a rule installed
// beside its predecessor takes over when that one goes, without a gap.
#include "hw-tests/simnic/simnic-private.h"

#include "core/base/hash.h"

struct group {
	struct hmap_node node; // in sw->groups
	uint32_t id;
	struct list subtables; // by priority
	struct hmap by_mask;
};

struct subtable {
	struct list node;
	struct hmap_node mask_node; // in group->by_mask
	struct group *group;
	uint32_t priority;
	struct simnic_key mask;
	uint8_t words[KEY_WORDS]; // which words of the mask are not zero
	unsigned n_words;
	struct hmap rules;
};

static uint64_t word(const struct simnic_key *k, unsigned i)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)k + i * 8, 8);
	return v;
}

static uint64_t hash_masked(const struct subtable *s, const struct simnic_key *key)
{
	uint64_t v[KEY_WORDS];

	for (unsigned i = 0; i < s->n_words; i++)
		v[i] = word(key, s->words[i]) & word(&s->mask, s->words[i]);
	return hash_bytes(v, s->n_words * 8, s->priority);
}

static bool key_matches(const struct subtable *s, const struct simnic_key *key,
			const struct simnic_key *masked)
{
	for (unsigned i = 0; i < s->n_words; i++) {
		unsigned w = s->words[i];

		if ((word(key, w) & word(&s->mask, w)) != word(masked, w))
			return false;
	}
	return true;
}

static struct group *find_group(const struct esw *sw, uint32_t id)
{
	struct group *g;

	HMAP_FOR_EACH_WITH_HASH (g, node, hash_u64(id, 0), &sw->groups)
		if (g->id == id)
			return g;
	return NULL;
}

struct rte_flow *table_lookup(const struct esw *sw, uint32_t group, const struct simnic_key *key)
{
	const struct group *g = find_group(sw, group);
	struct rte_flow *best = NULL, *rule;
	struct subtable *s;

	if (!g)
		return NULL;
	LIST_FOR_EACH (s, node, &g->subtables) {
		if (best && s->priority > best->priority)
			break;
		HMAP_FOR_EACH_WITH_HASH (rule, node, hash_masked(s, key), &s->rules)
			if (key_matches(s, key, &rule->key) && (!best || rule->seq < best->seq))
				best = rule;
	}
	return best;
}

static uint64_t hash_mask(const struct simnic_key *mask, uint32_t priority)
{
	return hash_bytes(mask, sizeof(*mask), priority);
}

static struct subtable *find_subtable(struct group *g, const struct rte_flow *rule)
{
	struct subtable *s;

	HMAP_FOR_EACH_WITH_HASH (s, mask_node, hash_mask(&rule->mask, rule->priority), &g->by_mask)
		if (s->priority == rule->priority &&
		    !memcmp(&s->mask, &rule->mask, sizeof(s->mask)))
			return s;
	return NULL;
}

static struct group *create_group(struct esw *sw, uint32_t id)
{
	struct group *g = xzalloc(sizeof(*g));

	g->id = id;
	list_init(&g->subtables);
	hmap_init(&g->by_mask);
	hmap_insert(&sw->groups, &g->node, hash_u64(id, 0));
	return g;
}

static struct subtable *create_subtable(struct group *g, const struct rte_flow *rule)
{
	struct subtable *s = xzalloc(sizeof(*s)), *next;
	struct list *pos = &g->subtables;

	s->group = g;
	s->priority = rule->priority;
	s->mask = rule->mask;
	for (unsigned i = 0; i < KEY_WORDS; i++)
		if (word(&s->mask, i))
			s->words[s->n_words++] = i;
	hmap_init(&s->rules);
	LIST_FOR_EACH (next, node, &g->subtables) {
		if (next->priority > s->priority) {
			pos = &next->node;
			break;
		}
	}
	list_insert(pos, &s->node);
	hmap_insert(&g->by_mask, &s->mask_node, hash_mask(&s->mask, s->priority));
	return s;
}

void table_insert(struct esw *sw, struct rte_flow *rule)
{
	struct group *g = find_group(sw, rule->group);
	struct subtable *s;

	if (!g)
		g = create_group(sw, rule->group);
	s = find_subtable(g, rule);
	if (!s)
		s = create_subtable(g, rule);
	rule->sub = s;
	rule->seq = sw->next_seq++;
	hmap_insert(&s->rules, &rule->node, hash_masked(s, &rule->key));
	sw->n_rules++;
}

void table_remove(struct esw *sw, struct rte_flow *rule)
{
	struct subtable *s = rule->sub;
	struct group *g = s->group;

	hmap_remove(&s->rules, &rule->node);
	rule->sub = NULL;
	sw->n_rules--;
	if (!hmap_is_empty(&s->rules))
		return;
	hmap_uninit(&s->rules);
	hmap_remove(&g->by_mask, &s->mask_node);
	list_remove(&s->node);
	free(s);
	if (!list_is_empty(&g->subtables))
		return;
	hmap_uninit(&g->by_mask);
	hmap_remove(&sw->groups, &g->node);
	free(g);
}

void table_uninit(struct esw *sw)
{
	assert(hmap_is_empty(&sw->groups)); // flow_flush_all() came first
	hmap_uninit(&sw->groups);
}
