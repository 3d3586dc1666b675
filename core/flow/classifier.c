// SPDX-License-Identifier: Apache-2.0
#include "core/flow/classifier.h"

#include <limits.h>
#include <stdatomic.h>

#include "core/base/hash.h"
#include "core/flow/classifier-private.h"
#include "core/flow/fields.h"

// ---- Rules ----

struct cls_mask {
	_Atomic uint32_t refs;
	struct miniflow packed;
};

static struct cls_mask *mask_of(const struct miniflow *mask)
{
	return (struct cls_mask *)((uint8_t *)mask - offsetof(struct cls_mask, packed));
}

const struct miniflow *cls_mask_create(const struct flow_mask *mask)
{
	struct miniflow_buf buf;
	struct cls_mask *m;

	miniflow_pack(&buf.mf, &mask->m);
	m = xmalloc(offsetof(struct cls_mask, packed) + miniflow_size(&buf.mf));
	m->refs = 1;
	memcpy(&m->packed, &buf.mf, miniflow_size(&buf.mf));
	return &m->packed;
}

const struct miniflow *cls_mask_ref(const struct miniflow *mask)
{
	atomic_fetch_add_explicit(&mask_of(mask)->refs, 1, memory_order_relaxed);
	return mask;
}

void cls_mask_unref(const struct miniflow *mask)
{
	if (mask && atomic_fetch_sub(&mask_of(mask)->refs, 1) == 1)
		free(mask_of(mask));
}

static void init(struct cls_rule *r, int priority, const struct miniflow *key,
		 const struct miniflow *mask)
{
	*r = (struct cls_rule){
		.priority = priority, .match_key = key, .match_mask = mask, .hidden = CLS_NEVER
	};
}

void cls_rule_init(struct cls_rule *r, const struct match *m, int priority)
{
	init(r, priority, miniflow_create(&m->key), cls_mask_create(&m->mask));
}

void cls_rule_init_packed(struct cls_rule *r, const struct miniflow *key,
			  const struct flow_mask *mask, int priority)
{
	init(r, priority, key, cls_mask_create(mask));
	r->key_is_owners = true;
}

void cls_rule_init_like(struct cls_rule *r, const struct miniflow *key, const struct cls_rule *like)
{
	init(r, like->priority, key, cls_mask_ref(like->match_mask));
	r->key_is_owners = true;
}

void cls_rule_uninit(struct cls_rule *r)
{
	assert(!r->entry);
	if (!r->key_is_owners)
		free((void *)r->match_key);
	cls_mask_unref(r->match_mask);
	free(r->clauses);
	r->match_key = r->match_mask = NULL;
	r->clauses = NULL;
}

void cls_rule_set_clauses(struct cls_rule *r, struct cls_clauses *clauses)
{
	assert(!r->entry);
	free(r->clauses);
	r->clauses = clauses;
}

void cls_rule_get_match(const struct cls_rule *r, struct match *m)
{
	miniflow_expand(r->match_key, &m->key);
	miniflow_expand(r->match_mask, &m->mask.m);
}

// ---- The list that readers walk ----

static int by_priority(const void *a, const void *b)
{
	const struct subtable *x = *(struct subtable *const *)a, *y = *(struct subtable *const *)b;
	int px = subtable_max_priority(x), py = subtable_max_priority(y);

	return px < py ? 1 : px > py ? -1 : x->serial < y->serial ? -1 : x->serial > y->serial;
}

static void publish(struct classifier *c)
{
	size_t n = hmap_count(&c->subtables), i = 0;
	AUTO_FREE struct subtable **sorted = xmalloc(n * sizeof(*sorted));
	struct subtable_vec *old = c->vec, *v = xmalloc(sizeof(*v) + n * sizeof(v->v[0]));
	struct subtable *s;

	HMAP_FOR_EACH (s, node, &c->subtables)
		sorted[i++] = s;
	qsort(sorted, n, sizeof(*sorted), by_priority);
	v->n = n;
	for (i = 0; i < n; i++) {
		v->v[i].s = sorted[i];
		v->v[i].max_priority = subtable_max_priority(sorted[i]);
	}
	RCU_SET(c->vec, v);
	rcu_free(old);
}

// ---- Tries ----

static const uint8_t *rule_prefix(const struct cls_trie *t, const struct cls_rule *r,
				  uint64_t words[3])
{
	unsigned int first = t->offset / 8;

	for (unsigned int i = 0; i < 3 && first + i < FLOW_WORDS; i++)
		words[i] = miniflow_get(r->match_key, first + i);
	return (const uint8_t *)words + t->offset % 8;
}

static void tries_update(struct classifier *c, const struct subtable *s, const struct cls_rule *r,
			 void (*change)(struct trie *t, const uint8_t *value, unsigned int n_bits))
{
	for (int i = 0; i < CLS_MAX_TRIES; i++)
		if (s->trie_bits[i]) {
			uint64_t words[3];

			change(&c->tries[i].trie, rule_prefix(&c->tries[i], r, words),
			       s->trie_bits[i]);
		}
}

static void ask_trie(const struct cls_trie *t, const struct flow_key *key, struct trie_answer *a)
{
	if (a->asked)
		return;
	a->asked = true;
	a->looked = trie_lookup(&t->trie, (const uint8_t *)key + t->offset, t->n_bits, &a->lengths);
}

static void unwildcard_prefix(const struct cls_trie *t, unsigned int n_bits, struct flow_mask *mask)
{
	uint8_t *m = (uint8_t *)&mask->m + t->offset;

	memset(m, 0xff, n_bits / 8);
	if (n_bits % 8)
		m[n_bits / 8] |= 0xff00 >> n_bits % 8;
}

// True when some trie knows that no rule of the subtable can match: one that was asked, or any when 'ask'.
static bool tries_exclude(const struct classifier *c, const struct subtable *s,
			  const struct flow_key *key, struct trie_answer answers[CLS_MAX_TRIES],
			  bool ask, struct flow_mask *mask)
{
	for (int i = 0; i < CLS_MAX_TRIES; i++) {
		unsigned int bits = s->trie_bits[i];

		if (!bits || !(ask || answers[i].asked))
			continue;
		ask_trie(&c->tries[i], key, &answers[i]);
		if (trie_has_length(&answers[i].lengths, bits))
			continue;
		if (mask)
			unwildcard_prefix(&c->tries[i], MIN(bits, answers[i].looked), mask);
		return true;
	}
	return false;
}

static void set_trie(struct cls_trie *t, const struct field *f)
{
	*t = (struct cls_trie){ .field = f, .offset = f->offset, .n_bits = f->n_bits };
}

int classifier_set_prefixes(struct classifier *c, const struct field *const fields[], size_t n,
			    struct error *err)
{
	struct cls_rule *r;
	struct subtable *s;

	if (n > CLS_MAX_TRIES)
		return error_set(err, -EINVAL, "at most %d fields can have a prefix trie",
				 CLS_MAX_TRIES);
	for (size_t i = 0; i < n; i++)
		if ((fields[i]->at != FIELD_AT_BE && fields[i]->at != FIELD_AT_WIDE) ||
		    fields[i]->shift || fields[i]->n_bits != fields[i]->size * 8)
			return error_set(err, -EINVAL, "field %s cannot have a prefix trie",
					 fields[i]->name);
	// Readers go without tries until those are whole again.
	__atomic_store_n(&c->tries_ready, false, __ATOMIC_RELEASE);
	rcu_synchronize();
	for (int i = 0; i < CLS_MAX_TRIES; i++) {
		trie_clear(&c->tries[i].trie);
		c->tries[i].field = NULL;
	}
	for (size_t i = 0; i < n; i++)
		set_trie(&c->tries[i], fields[i]);
	HMAP_FOR_EACH (s, node, &c->subtables) {
		subtable_set_tries(c, s);
		PTABLE_FOR_EACH(r, &s->rules)
		for (struct cls_rule *l = r; l; l = l->lower)
			tries_update(c, s, l, trie_insert);
	}
	cmm_smp_wmb();
	__atomic_store_n(&c->tries_ready, true, __ATOMIC_RELEASE);
	return 0;
}

// ---- Memory of changes ----

// The first one is small: many tables see few changes.
#define FIRST_PAGE 4096
#define NEXT_PAGES (32 << 10)

_Static_assert(sizeof(struct cls_change) + 2 * sizeof(struct miniflow_buf) +
			       sizeof(struct change_page) <=
		       FIRST_PAGE,
	       "any change has room");

static void leave_page(struct change_page *p)
{
	if (p && !--p->n_live)
		rcu_free(p);
}

static struct cls_change *new_change(struct classifier *c, size_t n)
{
	struct change_page *p = c->page;
	struct cls_change *ch;

	if (!p || p->used + n > p->size) {
		size_t whole = p ? NEXT_PAGES : FIRST_PAGE;

		leave_page(p);
		c->page = p = xmalloc(whole);
		*p = (struct change_page){ .n_live = 1, .size = whole - sizeof(*p) };
	}
	ch = (struct cls_change *)(p->bytes + p->used);
	p->used += n;
	p->n_live++;
	ch->page = p;
	return ch;
}

// ---- Life ----

struct classifier *classifier_create(void)
{
	static _Atomic uint64_t n_created;
	struct classifier *c = xzalloc(sizeof(*c));

	c->number = ++n_created;
	hmap_init(&c->subtables);
	set_trie(&c->tries[0], field_get(FIELD_IP_DST));
	set_trie(&c->tries[1], field_get(FIELD_IP_SRC));
	set_trie(&c->tries[2], field_get(FIELD_IPV6_DST));
	set_trie(&c->tries[3], field_get(FIELD_IPV6_SRC));
	c->tries_ready = true;
	publish(c);
	return c;
}

void classifier_destroy(struct classifier *c)
{
	if (!c)
		return;
	assert(!c->n_all);
	for (int i = 0; i < CLS_MAX_TRIES; i++)
		trie_clear(&c->tries[i].trie);
	for (int i = 0; i < CLS_N_CHANGES; i++)
		if (c->changes[i])
			leave_page(c->changes[i]->page);
	leave_page(c->page);
	hmap_uninit(&c->subtables);
	free(c->vec);
	free(c);
}

size_t classifier_count(const struct classifier *c)
{
	return __atomic_load_n(&c->n, __ATOMIC_RELAXED);
}

size_t classifier_count_all(const struct classifier *c)
{
	return c->n_all;
}

bool classifier_is_empty(const struct classifier *c)
{
	return !classifier_count(c);
}

size_t classifier_n_masks(const struct classifier *c)
{
	return RCU_GET(c->vec)->n;
}

// ---- Versions ----

void classifier_announce(struct classifier *c, const struct cls_rule *r, uint64_t version)
{
	uint64_t number = c->n_changes + 1;
	size_t n_key = miniflow_size(r->match_key), n_mask = miniflow_size(r->match_mask);
	struct cls_change *ch = new_change(c, sizeof(*ch) + n_key + n_mask),
			  *old = c->changes[number % CLS_N_CHANGES];

	ch->key = memcpy(ch + 1, r->match_key, n_key);
	ch->mask = memcpy((uint8_t *)(ch + 1) + n_key, r->match_mask, n_mask);
	ch->number = number;
	ch->version = version;
	ch->priority = r->priority;
	RCU_SET(c->changes[number % CLS_N_CHANGES], ch);
	if (old)
		leave_page(old->page);
	__atomic_store_n(&c->n_changes, number, __ATOMIC_RELEASE);
	__atomic_store_n(&c->changed, version, __ATOMIC_RELEASE);
}

void classifier_announce_many(struct classifier *c, uint64_t version)
{
	__atomic_store_n(&c->forgotten, version, __ATOMIC_RELEASE);
	__atomic_store_n(&c->changed, version, __ATOMIC_RELEASE);
}

uint64_t classifier_number(const struct classifier *c)
{
	return c->number;
}

uint64_t classifier_version(const struct classifier *c)
{
	return __atomic_load_n(&c->changed, __ATOMIC_ACQUIRE);
}

// True when some packet can have both: the rule and the flow do not contradict each other in a bit that both match.
static bool concerns(const struct cls_change *ch, const struct flow_key *key,
		     const struct flow_mask *mask)
{
	const uint64_t *k = flow_words_const(key), *m = flow_words_const(&mask->m);
	const uint64_t *rule_mask = ch->mask->words;

	for (unsigned int i = 0; i < FLOW_WORDS; i++) {
		if (!flowmap_has(ch->mask->map, i))
			continue;
		if ((miniflow_get(ch->key, i) ^ k[i]) & *rule_mask++ & m[i])
			return false;
	}
	return true;
}

// Who asks has loaded 'now' from where it was published, so that all changes up to there are in the ring or were forgotten; later
// ones may be, too, and wait for their version: they are none yet. The translation saw exactly the rules of version 'since',
// however long it took and whatever was published meanwhile: any change behind 'since' is one that it may have missed. So the
// answer is wrong only when 'since' is not the version of the look-up but a later one; translation therefore takes it once,
// before its first look-up, and notes no other.
bool classifier_changed_for(const struct classifier *c, uint64_t since, uint64_t now,
			    const struct flow_key *key, const struct flow_mask *mask, int found)
{
	uint64_t last;

	if (now <= since || classifier_version(c) <= since)
		return false;
	if (__atomic_load_n(&c->forgotten, __ATOMIC_ACQUIRE) > since)
		return true;
	last = __atomic_load_n(&c->n_changes, __ATOMIC_ACQUIRE);
	for (uint64_t i = last; i && last - i < CLS_N_CHANGES / 2; i--) {
		const struct cls_change *ch = RCU_GET(c->changes[i % CLS_N_CHANGES]);

		// Another one there: the ring came round meanwhile.
		if (!ch || ch->number != i)
			return true;
		if (ch->version <= since)
			return false;
		if (ch->version <= now && ch->priority >= found && concerns(ch, key, mask))
			return true;
	}
	// Either the first change ever is behind 'since', or there were too many.
	return last >= CLS_N_CHANGES / 2;
}

// ---- Writing ----

static struct subtable *find_subtable(const struct classifier *c, const struct miniflow *mask)
{
	struct subtable *s;

	HMAP_FOR_EACH_WITH_HASH (s, node, miniflow_hash(mask, 0), &c->subtables)
		if (miniflow_equal(s->mask, mask))
			return s;
	return NULL;
}

static void count_shown(struct classifier *c, struct subtable *s, int n, uint64_t version)
{
	subtable_count_shown(s, n, version);
	__atomic_store_n(&c->n, c->n + n, __ATOMIC_RELAXED);
}

void classifier_insert(struct classifier *c, struct cls_rule *r, uint64_t version)
{
	struct subtable *s = find_subtable(c, r->match_mask);
	int before = s ? subtable_max_priority(s) : -1;

	assert(!r->entry);
	r->shown = version;
	r->hidden = CLS_NEVER;
	if (!s) {
		s = subtable_create(c, r->match_mask);
		s->serial = c->next_serial++;
		hmap_insert(&c->subtables, &s->node, miniflow_hash(s->mask, 0));
	}
	if (r->match_mask != s->mask) {
		cls_mask_unref(r->match_mask);
		r->match_mask = cls_mask_ref(s->mask);
	}
	// A trie may exclude only what is not there: it must know the rule first.
	tries_update(c, s, r, trie_insert);
	subtable_insert(s, r);
	if (before != subtable_max_priority(s) || s->n_rules == 1)
		publish(c);
	count_shown(c, s, 1, version);
	c->n_all++;
}

void classifier_hide(struct classifier *c, struct cls_rule *r, uint64_t version)
{
	assert(r->entry && is_newest(r));
	__atomic_store_n(&r->hidden, version, __ATOMIC_RELAXED);
	count_shown(c, r->entry, -1, version);
}

void classifier_show(struct classifier *c, struct cls_rule *r)
{
	assert(r->entry && !is_newest(r));
	__atomic_store_n(&r->hidden, CLS_NEVER, __ATOMIC_RELAXED);
	count_shown(c, r->entry, 1, CLS_NEVER);
}

void classifier_remove(struct classifier *c, struct cls_rule *r)
{
	struct subtable *s = r->entry;
	int before = subtable_max_priority(s);

	assert(s);
	// It was shown in a version that will not be: those before it still see what else is hidden from there on.
	if (is_newest(r))
		count_shown(c, s, -1, r->shown);
	subtable_remove(s, r);
	tries_update(c, s, r, trie_remove);
	if (!s->n_rules) {
		hmap_remove(&c->subtables, &s->node);
		publish(c);
		subtable_destroy(s);
	} else if (before != subtable_max_priority(s)) {
		publish(c);
	}
	c->n_all--;
}

void classifier_clear(struct classifier *c)
{
	struct subtable_vec *old = c->vec;
	struct subtable *s;

	// First nobody finds a subtable any more, so that the tries may forget.
	RCU_SET(c->vec, (struct subtable_vec *)xzalloc(sizeof(*c->vec)));
	for (int i = 0; i < CLS_MAX_TRIES; i++)
		trie_clear(&c->tries[i].trie);
	HMAP_FOR_EACH_SAFE (s, node, &c->subtables) {
		hmap_remove(&c->subtables, &s->node);
		subtable_clear(s);
		subtable_destroy(s);
	}
	rcu_free(old);
	__atomic_store_n(&c->n, 0, __ATOMIC_RELAXED);
	c->n_all = 0;
}

// ---- Finding ----

static struct cls_rule *find_packed(const struct classifier *c, const struct miniflow *key,
				    const struct miniflow *mask, int priority)
{
	const struct subtable *s = find_subtable(c, mask);

	if (!s)
		return NULL;
	for (struct cls_rule *n = subtable_find_key(s, key); n && n->priority >= priority;
	     n = n->lower)
		if (n->priority == priority && is_newest(n))
			return n;
	return NULL;
}

struct cls_rule *classifier_find_exactly(const struct classifier *c, const struct match *m,
					 int priority)
{
	struct miniflow_buf mask, key;

	miniflow_pack(&mask.mf, &m->mask.m);
	miniflow_pack(&key.mf, &m->key);
	return find_packed(c, &key.mf, &mask.mf, priority);
}

struct cls_rule *classifier_find_like(const struct classifier *c, const struct cls_rule *r)
{
	return find_packed(c, r->match_key, r->match_mask, r->priority);
}

// Both rules could match one packet.
static bool rules_overlap(const struct cls_rule *a, const struct cls_rule *b)
{
	for (unsigned int i = 0; i < FLOW_WORDS; i++)
		if ((miniflow_get(a->match_key, i) ^ miniflow_get(b->match_key, i)) &
		    miniflow_get(a->match_mask, i) & miniflow_get(b->match_mask, i))
			return false;
	return true;
}

bool classifier_rule_overlaps(const struct classifier *c, const struct cls_rule *r)
{
	const struct subtable *s;
	const struct cls_rule *n;

	HMAP_FOR_EACH (s, node, &c->subtables) {
		if (!subtable_has_priority(s, r->priority))
			continue;
		PTABLE_FOR_EACH(n, &s->rules)
		for (const struct cls_rule *l = n; l; l = l->lower)
			if (l->priority == r->priority && l != r && is_newest(l) &&
			    rules_overlap(l, r))
				return true;
	}
	return false;
}

void cls_walk_begin(struct cls_walk *w, const struct classifier *c, const struct subtable_vec *vec,
		    uint64_t version, const struct flow_key *key, struct flow_mask *mask)
{
	w->c = c;
	w->vec = vec;
	w->version = version;
	w->key = key;
	w->mask = mask;
	w->next = 0;
	w->use_tries = __atomic_load_n(&c->tries_ready, __ATOMIC_ACQUIRE);
	for (int i = 0; i < CLS_MAX_TRIES; i++)
		w->answers[i].asked = false;
}

struct cls_rule *cls_walk_next(struct cls_walk *w, int priority)
{
	while (w->next < w->vec->n && w->vec->v[w->next].max_priority > priority) {
		const struct subtable *s = w->vec->v[w->next++].s;
		unsigned int n_words;
		struct cls_rule *n;

		// What waits to be taken out must not decide anything, nor cost bits of the mask.
		if (w->version >= __atomic_load_n(&s->gone, __ATOMIC_RELAXED))
			continue;
		if (s->ethernet_only && w->mask)
			w->mask->m.packet_type = UINT32_MAX;
		if (s->ethernet_only && w->key->packet_type)
			continue;
		if (w->use_tries && tries_exclude(w->c, s, w->key, w->answers, false, w->mask))
			continue;
		n = subtable_lookup(s, w->version, w->key, &n_words);
		// A trie is dearer than the table's hash: it is asked only for a better reason why nothing was found.
		if (w->mask && (n || !w->use_tries ||
				!tries_exclude(w->c, s, w->key, w->answers, true, w->mask)))
			subtable_unwildcard(s, w->key, n_words, n, w->mask);
		if (n)
			return n;
	}
	return NULL;
}

static struct cls_rule *lookup(const struct classifier *c, const struct subtable_vec *vec,
			       uint64_t version, const struct flow_key *key, struct flow_mask *mask,
			       struct cls_decision *ret)
{
	struct cls_rule *best = NULL;
	struct cls_walk w;
	struct cls_rule *n;

	cls_walk_begin(&w, c, vec, version, key, mask);
	while ((n = cls_walk_next(&w, best ? best->priority : INT_MIN))) {
		if (best && n->priority <= best->priority)
			continue;
		if (RCU_GET(n->clauses))
			return lookup_with_clauses(&w, best, n, ret);
		best = n;
	}
	ret->least = best ? best->priority : INT_MIN;
	ret->by_conjunction = false;
	return best;
}

struct cls_rule *classifier_lookup(const struct classifier *c, uint64_t version,
				   const struct flow_key *key, struct flow_mask *mask)
{
	struct cls_decision unused;

	return lookup(c, RCU_GET(c->vec), version, key, mask, &unused);
}

struct cls_rule *classifier_decide(const struct classifier *c, uint64_t version,
				   const struct flow_key *key, struct flow_mask *mask,
				   struct cls_decision *ret)
{
	return lookup(c, RCU_GET(c->vec), version, key, mask, ret);
}

void classifier_lookup_batch(const struct classifier *c, uint64_t version,
			     const struct flow_key *const keys[], size_t n,
			     struct flow_mask *const masks[], struct cls_rule *results[])
{
	const struct subtable_vec *vec = RCU_GET(c->vec);
	struct cls_decision unused;

	for (size_t i = 0; i < n; i++)
		results[i] = lookup(c, vec, version, keys[i], masks ? masks[i] : NULL, &unused);
}

// ---- Walking ----

typedef VEC(struct cls_rule *) rule_vec;

static bool rule_is_subset(const struct cls_rule *r, const struct miniflow *key,
			   const struct miniflow *mask)
{
	// The subtable's mask has all of the criteria's bits already.
	return miniflow_equal_masked(key, mask, r->match_key);
}

static void collect_list(struct cls_rule *head, const struct miniflow *key,
			 const struct miniflow *mask, rule_vec *out)
{
	for (struct cls_rule *l = head; l; l = RCU_GET(l->lower))
		if (is_newest(l) && (!mask || rule_is_subset(l, key, mask)))
			VEC_PUSH(out, l);
}

static bool mask_contains(const struct miniflow *super, const struct miniflow *sub)
{
	for (unsigned int i = 0; i < FLOW_WORDS; i++)
		if (flowmap_has(sub->map, i) && miniflow_get(sub, i) & ~miniflow_get(super, i))
			return false;
	return true;
}

static void collect_subtable(const struct subtable *s, const struct miniflow *key,
			     const struct miniflow *mask, rule_vec *out)
{
	struct cls_rule *n;

	if (mask && !mask_contains(s->mask, mask))
		return;
	if (mask && miniflow_equal(s->mask, mask)) {
		collect_list(subtable_find_key(s, key), key, mask, out);
		return;
	}
	PTABLE_FOR_EACH(n, &s->rules)
	collect_list(n, key, mask, out);
}

void classifier_for_each(const struct classifier *c, const struct match *criteria,
			 bool (*cb)(struct cls_rule *r, void *aux), void *aux)
{
	const struct subtable_vec *vec = RCU_GET(c->vec);
	struct miniflow_buf key, mask;
	rule_vec found = VEC_INIT;
	bool all = !criteria || is_all_zeros(&criteria->mask, sizeof(criteria->mask));

	if (!all) {
		miniflow_pack(&key.mf, &criteria->key);
		miniflow_pack(&mask.mf, &criteria->mask.m);
	}
	for (size_t i = 0; i < vec->n; i++)
		collect_subtable(vec->v[i].s, &key.mf, all ? NULL : &mask.mf, &found);
	for (size_t i = 0; i < found.n && cb(found.v[i], aux); i++)
		;
	VEC_FREE(&found);
}
