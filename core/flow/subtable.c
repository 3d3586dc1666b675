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

struct subtable *subtable_create(const struct classifier *c, const struct miniflow *mask)
{
	struct subtable *s = xzalloc(sizeof(*s));
	struct flow_key dense;

	s->mask = cls_mask_ref(mask);
	miniflow_expand(mask, &dense);
	memcpy(&s->ports_mask, &dense.tp_src, sizeof(s->ports_mask));
	s->ethernet_only = !dense.packet_type && flow_has_headers(&dense);
	find_stages(s);
	subtable_set_tries(c, s);
	s->gone = CLS_NEVER;
	return s;
}

static void subtable_free(void *p)
{
	struct subtable *s = p;

	cls_mask_unref(s->mask);
	VEC_FREE(&s->priorities);
	free(s);
}

void subtable_destroy(struct subtable *s)
{
	assert(!s->n_rules);
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		tally_clear(&s->stages[i]);
	ptable_clear(&s->rules);
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
	// As it is masked, it has no words but the mask's.
	const uint64_t *k = key->words;
	uint64_t h = 0;
	unsigned int i = 0;

	for (int stage = 0; stage < CLS_N_STAGES; stage++) {
		for (; i < s->stage_end[stage]; i++)
			h = mix(h, flowmap_has(key->map, next_word(&map)) ? *k++ : 0);
		hashes[stage] = hash_u64(h, stage);
	}
	hashes[CLS_N_STAGES - 1] = hash_u64(h, CLS_N_STAGES);
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

static struct cls_rule *find_head(const struct subtable *s, const struct miniflow *key,
				  uint64_t hash)
{
	struct pcursor at;
	struct cls_rule *r;

	for (r = ptable_first(&s->rules, hash, &at); r; r = ptable_next(&at))
		if (miniflow_equal(r->match_key, key))
			break;
	return r;
}

struct cls_rule *subtable_find_key(const struct subtable *s, const struct miniflow *key)
{
	uint64_t hashes[CLS_N_STAGES];

	hash_stages(s, key, hashes);
	return find_head(s, key, hashes[CLS_N_STAGES - 1]);
}

static void link_rule(struct subtable *s, struct cls_rule *r, uint64_t hash)
{
	struct cls_rule *head = find_head(s, r->match_key, hash), *at;

	if (!head) {
		r->lower = NULL;
		ptable_insert(&s->rules, hash, r);
		return;
	}
	// A newer rule stands before those of its priority that are hidden.
	if (r->priority >= head->priority) {
		r->lower = head;
		ptable_replace(&s->rules, hash, head, r);
		return;
	}
	for (at = head; at->lower && at->lower->priority > r->priority;)
		at = at->lower;
	r->lower = at->lower;
	RCU_SET(at->lower, r);
}

void subtable_insert(struct subtable *s, struct cls_rule *r)
{
	uint64_t hashes[CLS_N_STAGES];

	hash_stages(s, r->match_key, hashes);
	// Readers go through stages and ports first: those must know the rule before it is there.
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		if (stage_has_index(s, i))
			tally_add(&s->stages[i], hashes[i]);
	if (s->ports_mask) {
		be32 ports = ports_of(s, r->match_key);

		trie_insert(&s->ports, (const uint8_t *)&ports, 32);
	}
	r->entry = s;
	link_rule(s, r, hashes[CLS_N_STAGES - 1]);
	s->n_rules++;
	count_priority(s, r->priority);
}

static void unlink_rule(struct subtable *s, struct cls_rule *r, uint64_t hash)
{
	struct cls_rule *head = find_head(s, r->match_key, hash), *at;

	if (head != r) {
		for (at = head; at->lower != r;)
			at = at->lower;
		RCU_SET(at->lower, r->lower);
	} else if (r->lower) {
		ptable_replace(&s->rules, hash, r, r->lower);
	} else {
		ptable_remove(&s->rules, hash, r);
	}
}

void subtable_remove(struct subtable *s, struct cls_rule *r)
{
	uint64_t hashes[CLS_N_STAGES];

	hash_stages(s, r->match_key, hashes);
	unlink_rule(s, r, hashes[CLS_N_STAGES - 1]);
	r->entry = NULL;
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		if (stage_has_index(s, i))
			tally_remove(&s->stages[i], hashes[i]);
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
	struct cls_rule *head, *r;

	PTABLE_FOR_EACH(head, &s->rules)
	for (r = head; r; r = r->lower)
		r->entry = NULL;
	for (int i = 0; i < CLS_N_STAGES - 1; i++)
		tally_clear(&s->stages[i]);
	ptable_clear(&s->rules);
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

struct cls_rule *cls_rule_visible(struct cls_rule *r, uint64_t version)
{
	for (; r; r = RCU_GET(r->lower))
		if (cls_rule_is_visible(r, version))
			break;
	return r;
}

struct cls_rule *subtable_lookup(const struct subtable *s, uint64_t version,
				 const struct flow_key *key, unsigned int *ret_words)
{
	const uint64_t *words = flow_words_const(key);
	struct flowmap map = s->mask->map;
	unsigned int i = 0;
	struct cls_rule *r;
	struct pcursor at;
	uint64_t h = 0;

	for (int stage = 0; stage <= s->last_stage; stage++) {
		for (; i < s->stage_end[stage]; i++)
			h = mix(h, words[next_word(&map)] & s->mask->words[i]);
		*ret_words = i;
		if (stage_has_index(s, stage) && !tally_has(&s->stages[stage], hash_u64(h, stage)))
			return NULL;
	}
	for (r = ptable_first(&s->rules, hash_u64(h, CLS_N_STAGES), &at); r; r = ptable_next(&at))
		if (miniflow_equal_key_masked(r->match_key, s->mask, key))
			return cls_rule_visible(r, version);
	return NULL;
}

void subtable_unwildcard(const struct subtable *s, const struct flow_key *key, unsigned int n_words,
			 bool found, struct flow_mask *mask)
{
	bool last = n_words == s->stage_end[s->last_stage];

	if (found || !last || !explained_by_ports(s, key, mask))
		unwildcard_words(s, n_words, mask);
}
