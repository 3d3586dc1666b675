// SPDX-License-Identifier: Apache-2.0
// One mask's rules: a hash table, indices over the first stages, and a trie of ports.
#include "core/flow/classifier-private.h"

#include "core/base/hash.h"

#define PORTS_WORD (offsetof(struct flow_key, tp_src) / 8)

static const uint8_t segment_end[CLS_N_STAGES] = { FLOW_SEGMENT_L2, FLOW_SEGMENT_L3,
						   FLOW_SEGMENT_L4, FLOW_WORDS };

// Index of the lowest set bit, which is taken off the map.
static inline unsigned int next_word(struct flowmap *m)
{
	unsigned int half = !m->bits[0], bit = __builtin_ctzll(m->bits[half]);

	m->bits[half] &= m->bits[half] - 1;
	return half * 64 + bit;
}

static inline uint64_t mix(uint64_t h, uint64_t word)
{
	h ^= word * 0x9e3779b97f4a7c15ULL;
	return (h << 29 | h >> 35) * 0xbf58476d1ce4e5b9ULL;
}

static void find_stages(struct subtable *s)
{
	struct flowmap map = s->mask->map;
	unsigned int n = flowmap_count(map), i = 0, word = FLOW_WORDS;

	for (int stage = 0; stage < CLS_N_STAGES; stage++) {
		struct flowmap peek = map;

		while (i < n && (word = next_word(&peek)) < segment_end[stage]) {
			map = peek;
			i++;
		}
		s->stage_end[stage] = i;
		if (i > (stage ? s->stage_end[stage - 1] : 0))
			s->last_stage = stage;
	}
}

void subtable_set_tries(const struct classifier *c, struct subtable *s)
{
	struct flow_key mask;

	miniflow_expand(s->mask, &mask);
	for (int i = 0; i < CLS_MAX_TRIES; i++) {
		const struct cls_trie *t = &c->tries[i];
		const uint8_t *m = (const uint8_t *)&mask + t->offset;
		unsigned int bits = 0;

		s->trie_bits[i] = 0;
		if (!t->field)
			continue;
		while (bits < t->n_bits && m[bits / 8] >> (7 - bits % 8) & 1)
			bits++;
		for (unsigned int b = bits; b < t->n_bits; b++)
			if (m[b / 8] >> (7 - b % 8) & 1)
				bits = 0; // not a prefix
		s->trie_bits[i] = bits;
	}
}

static void node_moved(struct rnode *now)
{
	struct cls_node *n = CONTAINER_OF(now, struct cls_node, r);

	n->rule->entry = n;
}

struct subtable *subtable_create(const struct classifier *c, const struct miniflow *mask)
{
	struct subtable *s = xzalloc(sizeof(*s));
	struct flow_key dense;

	s->mask = miniflow_clone(mask);
	miniflow_expand(mask, &dense);
	memcpy(&s->ports_mask, &dense.tp_src, sizeof(s->ports_mask));
	find_stages(s);
	subtable_set_tries(c, s);
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		rtable_init(&s->stages[i], sizeof(struct stage_node), NULL);
	rtable_init(&s->rules, sizeof(struct cls_node), node_moved);
	s->gone = CLS_NEVER;
	return s;
}

static void subtable_free(void *p)
{
	struct subtable *s = p;

	free(s->mask);
	VEC_FREE(&s->priorities);
	free(s);
}

void subtable_destroy(struct subtable *s)
{
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		rtable_uninit(&s->stages[i]);
	rtable_uninit(&s->rules);
	trie_clear(&s->ports);
	rcu_defer(subtable_free, s);
}

// ---- Priorities ----

bool subtable_has_priority(const struct subtable *s, int priority)
{
	for (size_t i = 0; i < s->priorities.n; i++)
		if (s->priorities.v[i].priority == priority)
			return true;
	return false;
}

static void count_priority(struct subtable *s, int priority)
{
	size_t i = 0;

	while (i < s->priorities.n && s->priorities.v[i].priority > priority)
		i++;
	if (i < s->priorities.n && s->priorities.v[i].priority == priority) {
		s->priorities.v[i].n++;
		return;
	}
	(void)VEC_PUSH_UNINIT(&s->priorities);
	memmove(&s->priorities.v[i + 1], &s->priorities.v[i],
		(s->priorities.n - 1 - i) * sizeof(s->priorities.v[0]));
	s->priorities.v[i] = (struct priority_count){ priority, 1 };
}

static void uncount_priority(struct subtable *s, int priority)
{
	size_t i = 0;

	while (s->priorities.v[i].priority != priority)
		i++;
	if (--s->priorities.v[i].n)
		return;
	s->priorities.n--;
	memmove(&s->priorities.v[i], &s->priorities.v[i + 1],
		(s->priorities.n - i) * sizeof(s->priorities.v[0]));
}

// ---- Stages ----

// A stage is worth an index when it looks at words that the one before did not, and more follow.
static bool stage_has_index(const struct subtable *s, int stage)
{
	return stage < s->last_stage && s->stage_end[stage] > (stage ? s->stage_end[stage - 1] : 0);
}

// Hashes of a masked key up to each stage; hashes[CLS_N_STAGES - 1] is that of the whole.
static void hash_stages(const struct subtable *s, const struct miniflow *key,
			uint64_t hashes[CLS_N_STAGES])
{
	struct flowmap map = s->mask->map;
	uint64_t h = 0;
	unsigned int i = 0;

	for (int stage = 0; stage < CLS_N_STAGES; stage++) {
		for (; i < s->stage_end[stage]; i++) {
			unsigned int word = next_word(&map);

			h = mix(h, miniflow_get(key, word) & s->mask->words[i]);
		}
		hashes[stage] = hash_u64(h, stage);
	}
	hashes[CLS_N_STAGES - 1] = hash_u64(h, CLS_N_STAGES);
}

static void stage_add(struct rtable *t, uint64_t hash)
{
	struct rnode *found = rtable_first(t, hash);
	struct stage_node *n;

	if (found) {
		CONTAINER_OF(found, struct stage_node, r)->n_rules++;
		return;
	}
	n = xzalloc(sizeof(*n));
	n->r.hash = hash;
	n->n_rules = 1;
	rtable_insert(t, &n->r);
}

static void stage_remove(struct rtable *t, uint64_t hash)
{
	struct stage_node *n = CONTAINER_OF(rtable_first(t, hash), struct stage_node, r);

	if (--n->n_rules)
		return;
	rtable_remove(t, &n->r);
	rcu_free(n);
}

static be32 ports_of(const struct subtable *s, const struct miniflow *key)
{
	uint64_t word = miniflow_get(key, PORTS_WORD);
	be32 ports;

	memcpy(&ports, (const uint8_t *)&word + offsetof(struct flow_key, tp_src) % 8,
	       sizeof(ports));
	return ports & s->ports_mask;
}

// ---- Rules ----

struct cls_node *subtable_find_key(const struct subtable *s, const struct miniflow *key)
{
	uint64_t hashes[CLS_N_STAGES];

	hash_stages(s, key, hashes);
	for (struct rnode *n = rtable_first(&s->rules, hashes[CLS_N_STAGES - 1]); n;
	     n = rtable_next(n)) {
		struct cls_node *c = CONTAINER_OF(n, struct cls_node, r);

		if (miniflow_equal(c->rule->match_key, key))
			return c;
	}
	return NULL;
}

static void link_node(struct subtable *s, struct cls_node *n)
{
	struct cls_node *head = subtable_find_key(s, n->rule->match_key), *at;

	if (!head) {
		rtable_insert(&s->rules, &n->r);
		return;
	}
	// A newer rule stands before those of its priority that are hidden.
	if (n->priority >= head->priority) {
		n->lower = head;
		rtable_replace(&s->rules, &head->r, &n->r);
		return;
	}
	for (at = head; at->lower && at->lower->priority > n->priority;)
		at = at->lower;
	n->lower = at->lower;
	RCU_SET(at->lower, n);
}

void subtable_insert(struct subtable *s, struct cls_rule *r)
{
	struct cls_node *n = xzalloc(sizeof(*n));
	uint64_t hashes[CLS_N_STAGES];

	hash_stages(s, r->match_key, hashes);
	// Readers go through stages and ports first: those must know the rule before it is there.
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		if (stage_has_index(s, i))
			stage_add(&s->stages[i], hashes[i]);
	if (s->ports_mask) {
		be32 ports = ports_of(s, r->match_key);

		trie_insert(&s->ports, (const uint8_t *)&ports, 32);
	}
	n->r.hash = hashes[CLS_N_STAGES - 1];
	n->rule = r;
	n->priority = r->priority;
	r->entry = n;
	link_node(s, n);
	s->n_rules++;
	count_priority(s, r->priority);
}

static void unlink_node(struct subtable *s, struct cls_node *n)
{
	struct cls_node *head = subtable_find_key(s, n->rule->match_key), *at;

	if (head != n) {
		for (at = head; at->lower != n;)
			at = at->lower;
		RCU_SET(at->lower, n->lower);
	} else if (n->lower) {
		rtable_replace(&s->rules, &n->r, &n->lower->r);
	} else {
		rtable_remove(&s->rules, &n->r);
	}
}

void subtable_remove(struct subtable *s, struct cls_rule *r)
{
	struct cls_node *n = r->entry;
	uint64_t hashes[CLS_N_STAGES];

	unlink_node(s, n);
	rcu_free(n);
	r->entry = NULL;
	hash_stages(s, r->match_key, hashes);
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		if (stage_has_index(s, i))
			stage_remove(&s->stages[i], hashes[i]);
	if (s->ports_mask) {
		be32 ports = ports_of(s, r->match_key);

		trie_remove(&s->ports, (const uint8_t *)&ports, 32);
	}
	s->n_rules--;
	uncount_priority(s, r->priority);
}

void subtable_count_shown(struct subtable *s, int n, uint64_t version)
{
	s->n_shown += n;
	__atomic_store_n(&s->gone, s->n_shown ? CLS_NEVER : version, __ATOMIC_RELAXED);
}

void subtable_clear(struct subtable *s)
{
	const struct rnode *r;

	RTABLE_FOR_EACH(r, &s->rules)
	{
		struct cls_node *head = CONTAINER_OF(r, struct cls_node, r), *n, *lower;

		head->rule->entry = NULL;
		for (n = head->lower; n; n = lower) {
			lower = n->lower;
			n->rule->entry = NULL;
			rcu_free(n);
		}
	}
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		rtable_clear(&s->stages[i]);
	rtable_clear(&s->rules);
	s->n_rules = 0;
}

// ---- Lookup ----

static void unwildcard_words(const struct subtable *s, unsigned int n_words, struct flow_mask *mask)
{
	struct flowmap map = s->mask->map;

	for (unsigned int i = 0; i < n_words; i++)
		flow_words(&mask->m)[next_word(&map)] |= s->mask->words[i];
}

// When no rule here has the key's ports, the first bits in which they differ are the whole reason. False when some
// rule has them.
static bool explained_by_ports(const struct subtable *s, const struct flow_key *key,
			       struct flow_mask *mask)
{
	struct trie_lengths lengths;
	be32 ports, bits;
	unsigned int looked;

	if (!s->ports_mask)
		return false;
	memcpy(&ports, &key->tp_src, sizeof(ports));
	ports &= s->ports_mask;
	looked = trie_lookup(&s->ports, (const uint8_t *)&ports, 32, &lengths);
	if (trie_has_length(&lengths, 32))
		return false;
	bits = htobe32(looked ? UINT32_MAX << (32 - looked) : 0) & s->ports_mask;
	memcpy(&ports, &mask->m.tp_src, sizeof(ports));
	ports |= bits;
	memcpy(&mask->m.tp_src, &ports, sizeof(ports));
	return true;
}

struct cls_node *cls_node_visible(struct cls_node *n, uint64_t version)
{
	for (; n; n = RCU_GET(n->lower))
		if (cls_rule_is_visible(n->rule, version))
			break;
	return n;
}

struct cls_node *subtable_lookup(const struct subtable *s, uint64_t version,
				 const struct flow_key *key, unsigned int *ret_words)
{
	const uint64_t *words = flow_words_const(key);
	struct flowmap map = s->mask->map;
	unsigned int i = 0;
	uint64_t h = 0;

	for (int stage = 0; stage <= s->last_stage; stage++) {
		for (; i < s->stage_end[stage]; i++)
			h = mix(h, words[next_word(&map)] & s->mask->words[i]);
		*ret_words = i;
		if (stage_has_index(s, stage) &&
		    !rtable_first(&s->stages[stage], hash_u64(h, stage)))
			return NULL;
	}
	for (struct rnode *n = rtable_first(&s->rules, hash_u64(h, CLS_N_STAGES)); n;
	     n = rtable_next(n)) {
		struct cls_node *head = CONTAINER_OF(n, struct cls_node, r);

		if (miniflow_equal_key_masked(head->rule->match_key, s->mask, key))
			return cls_node_visible(head, version);
	}
	return NULL;
}

void subtable_unwildcard(const struct subtable *s, const struct flow_key *key, unsigned int n_words,
			 bool found, struct flow_mask *mask)
{
	bool last = n_words == s->stage_end[s->last_stage];

	if (found || !last || !explained_by_ports(s, key, mask))
		unwildcard_words(s, n_words, mask);
}
