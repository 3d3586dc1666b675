// SPDX-License-Identifier: Apache-2.0
// Tuple space: a hash table per mask. A bucket is one cache line of six entries with 16-bit signatures; an entry that finds
// its bucket full goes to the next one, and the buckets it passed remember that somebody went by. Entries never move within
// an array; growing builds a new array and publishes it.
#include "datapath/user/table.h"

#include <pthread.h>

#include "core/base/hash.h"
#include "core/base/vec.h"

#define BUCKET_ENTRIES 6
#define MIN_BUCKETS 4

struct bucket {
	uint16_t sigs[BUCKET_ENTRIES];
	uint32_t passed; // entries that wanted this bucket or one before, and went on
	struct flow_entry *entries[BUCKET_ENTRIES];
} CACHE_ALIGNED;

struct bucket_array {
	uint64_t mask;
	struct bucket buckets[];
};

struct subtable {
	struct bucket_array *array; // RCU
	uint64_t hits; // since the last ranking
	size_t n_flows;
	struct miniflow *mask;
	uint16_t n_words;
	uint64_t words[]; // of the mask
};

struct subtable_list {
	size_t n;
	struct subtable *v[];
};

// Where entries of one size come from. Chunks stay until the table is destroyed.
struct chunk {
	char *entries;
	size_t bytes;
};

struct size_class {
	struct flow_entry *free;
	VEC(struct chunk) chunks; // each twice as large as the one before, up to a huge page
};

#define SIZE_CLASSES 5
// With the entry's head whole cache lines.
static const uint16_t class_words[SIZE_CLASSES] = { 6, 14, 22, 46, FLOW_WORDS };
#define MIN_CHUNK_ENTRIES 64

struct flow_table {
	struct subtable_list *subtables; // RCU, best first
	size_t n_flows; // relaxed for readers
	uint64_t factors[FLOW_WORDS]; // seeded, odd
	pthread_mutex_t lock; // for writers; below it nothing is called that could wait
	pthread_mutex_t pool_lock; // for the free lists (taken by the RCU thread as well)
	struct size_class classes[SIZE_CLASSES];
};

// ---- Hashing and comparing under a mask ----

void gather_prepare(struct gather *g, const struct subtable *s, const struct miniflow *key)
{
	unsigned int base = 0, n = 0;

	for (unsigned int half = 0; half < 2; half++) {
		uint64_t map = key->map.bits[half];

		for (uint64_t bits = s->mask->map.bits[half]; bits; bits &= bits - 1, n++) {
			uint64_t bit = bits & -bits;

			g->at[n] = map & bit ? base + __builtin_popcountll(map & (bit - 1)) : 0;
			g->mask[n] = map & bit ? s->words[n] : 0;
		}
		base += __builtin_popcountll(map);
	}
	g->n = n;
	g->map = key->map;
	g->subtable = s;
}

// Multilinear with seeded factors: the products do not wait for each other.
static inline uint64_t finish_hash(uint64_t sum)
{
	sum ^= sum >> 29;
	sum *= 0xbf58476d1ce4e5b9ULL;
	return sum ^ sum >> 32;
}

static inline uint64_t mask_and_hash(const struct flow_table *t, const struct subtable *s,
				     const struct miniflow *key, struct gather *g, uint64_t *masked)
{
	uint64_t sum = hash_seed;

	if (g->subtable != s || !flowmap_equal(g->map, key->map))
		gather_prepare(g, s, key);
	for (unsigned int i = 0; i < g->n; i++) {
		uint64_t v = key->words[g->at[i]] & g->mask[i];

		masked[i] = v;
		sum += (v ^ v >> 32) * t->factors[i];
	}
	return finish_hash(sum);
}

static inline bool words_equal(const uint64_t *a, const uint64_t *b, unsigned int n)
{
	uint64_t diff = 0;

	for (unsigned int i = 0; i < n; i++)
		diff |= a[i] ^ b[i];
	return !diff;
}

static inline uint16_t sig_of(uint64_t hash)
{
	return hash >> 48;
}

// ---- Lookup ----

static struct flow_entry *bucket_find(const struct bucket *b, uint16_t sig, const uint64_t *masked,
				      unsigned int n)
{
	for (int i = 0; i < BUCKET_ENTRIES; i++) {
		struct flow_entry *e;

		if (__atomic_load_n(&b->sigs[i], __ATOMIC_RELAXED) != sig)
			continue;
		e = RCU_GET(b->entries[i]);
		if (e && words_equal(e->words, masked, n))
			return e;
	}
	return NULL;
}

static struct flow_entry *array_find(const struct bucket_array *a, uint64_t hash,
				     const uint64_t *masked, unsigned int n)
{
	for (uint64_t i = hash;; i++) {
		const struct bucket *b = &a->buckets[i & a->mask];
		struct flow_entry *e = bucket_find(b, sig_of(hash), masked, n);

		if (e || !__atomic_load_n(&b->passed, __ATOMIC_RELAXED))
			return e;
		if (i - hash > a->mask)
			return NULL;
	}
}

static uint32_t subtable_lookup(const struct flow_table *t, struct subtable *s,
				const struct miniflow *const keys[], uint32_t wanted,
				struct flow_entry *results[])
{
	uint64_t masked[TABLE_BURST * FLOW_WORDS], hashes[TABLE_BURST];
	const struct bucket_array *a = RCU_GET(s->array);
	struct gather g;
	uint32_t found = 0;

	gather_init(&g);
	// First all hashes and prefetches, then all probes: the cache misses overlap.
	for (uint32_t left = wanted; left; left &= left - 1) {
		unsigned int i = __builtin_ctz(left);

		hashes[i] = mask_and_hash(t, s, keys[i], &g, &masked[i * s->n_words]);
		__builtin_prefetch(&a->buckets[hashes[i] & a->mask]);
	}
	for (uint32_t left = wanted; left; left &= left - 1) {
		unsigned int i = __builtin_ctz(left);
		struct flow_entry *e =
			array_find(a, hashes[i], &masked[i * s->n_words], s->n_words);

		if (e) {
			results[i] = e;
			found |= 1u << i;
		}
	}
	return found;
}

uint32_t flow_table_lookup_batch(const struct flow_table *t, const struct miniflow *const keys[],
				 uint32_t wanted, struct flow_entry *results[], uint64_t *probes)
{
	const struct subtable_list *list = RCU_GET(t->subtables);
	uint32_t left = wanted;

	for (size_t i = 0; i < list->n && left; i++) {
		uint32_t found = subtable_lookup(t, list->v[i], keys, left, results);
		uint64_t hits = __builtin_popcount(found);

		if (!found)
			continue;
		// Racing threads may lose a few: it only ranks.
		__atomic_store_n(&list->v[i]->hits,
				 __atomic_load_n(&list->v[i]->hits, __ATOMIC_RELAXED) + hits,
				 __ATOMIC_RELAXED);
		*probes += hits * (i + 1);
		left &= ~found;
	}
	return wanted & ~left;
}

// ---- Entries ----

static void add_chunk(struct size_class *class, size_t entry_size)
{
	size_t bytes = MIN_CHUNK_ENTRIES * entry_size << MIN(class->chunks.n, (size_t)16);
	char *chunk;

	bytes = MIN(bytes, HUGE_PAGE);
	chunk = xzalloc_huge(bytes);
	VEC_PUSH(&class->chunks, ((struct chunk){ chunk, bytes }));
	for (size_t i = 0; i + entry_size <= bytes; i += entry_size) {
		struct flow_entry *e = (struct flow_entry *)(chunk + i);

		e->next_free = class->free;
		class->free = e;
	}
}

static struct flow_entry *entry_alloc(struct flow_table *t, unsigned int n_words)
{
	unsigned int c = 0;
	struct flow_entry *e;

	while (class_words[c] < n_words)
		c++;
	struct size_class *class = &t->classes[c];
	size_t size = sizeof(*e) + class_words[c] * sizeof(uint64_t);

	pthread_mutex_lock(&t->pool_lock);
	if (!class->free)
		add_chunk(class, size);
	e = class->free;
	class->free = e->next_free;
	pthread_mutex_unlock(&t->pool_lock);
	e->size_class = c;
	e->n_words = n_words;
	return e;
}

static void free_slots(struct flow_entry *e)
{
	struct flow_slot *next;

	for (struct flow_slot *s = e->slot.next; s; s = next) {
		next = s->next;
		free(s);
	}
	memset(&e->slot, 0, sizeof(e->slot));
}

static void entry_free(struct flow_table *t, struct flow_entry *e)
{
	struct size_class *class = &t->classes[e->size_class];

	free_slots(e);
	pthread_mutex_lock(&t->pool_lock);
	e->next_free = class->free;
	class->free = e;
	pthread_mutex_unlock(&t->pool_lock);
}

struct recycle {
	struct flow_table *t;
	struct flow_entry *e;
};

static void recycle(void *p)
{
	struct recycle *r = p;

	entry_free(r->t, r->e);
	free(r);
}

static struct flow_slot *slot_of(struct flow_entry *e, uint16_t worker)
{
	struct flow_slot *s = &e->slot, *mine, *first;
	uint16_t nobody = 0;

	if (__atomic_load_n(&s->worker, __ATOMIC_RELAXED) == worker + 1)
		return s;
	if (__atomic_compare_exchange_n(&s->worker, &nobody, worker + 1, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return s;
	for (s = __atomic_load_n(&s->next, __ATOMIC_ACQUIRE); s; s = s->next)
		if (s->worker == worker + 1)
			return s;
	mine = xzalloc(sizeof(*mine));
	mine->worker = worker + 1;
	first = __atomic_load_n(&e->slot.next, __ATOMIC_RELAXED);
	do
		mine->next = first;
	while (!__atomic_compare_exchange_n(&e->slot.next, &first, mine, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
	return mine;
}

#define SLOT_SET(S, MEMBER, V) __atomic_store_n(&(S)->MEMBER, V, __ATOMIC_RELAXED)
#define SLOT_GET(S, MEMBER) __atomic_load_n(&(S)->MEMBER, __ATOMIC_RELAXED)

void flow_entry_count(struct flow_entry *e, uint16_t worker, uint64_t packets, uint64_t bytes,
		      int64_t now, uint16_t tcp_flags)
{
	struct flow_slot *s = slot_of(e, worker);

	SLOT_SET(s, packets, s->packets + packets);
	SLOT_SET(s, bytes, s->bytes + bytes);
	SLOT_SET(s, used, now);
	if (tcp_flags & ~s->tcp_flags)
		SLOT_SET(s, tcp_flags, s->tcp_flags | tcp_flags);
}

void flow_entry_sum(const struct flow_entry *e, struct flow_counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (const struct flow_slot *s = &e->slot; s;
	     s = __atomic_load_n(&s->next, __ATOMIC_ACQUIRE)) {
		int64_t used = SLOT_GET(s, used);

		ret->packets += SLOT_GET(s, packets);
		ret->bytes += SLOT_GET(s, bytes);
		ret->used = MAX(ret->used, used);
		ret->tcp_flags |= SLOT_GET(s, tcp_flags);
	}
}

// ---- Changing ----

static struct bucket_array *array_create(size_t n)
{
	struct bucket_array *a =
		xzalloc_huge(ROUND_UP(sizeof(*a), CACHE_LINE) + n * sizeof(struct bucket));

	a->mask = n - 1;
	return a;
}

static void array_put(struct bucket_array *a, struct flow_entry *e)
{
	for (uint64_t i = e->hash;; i++) {
		struct bucket *b = &a->buckets[i & a->mask];

		for (int j = 0; j < BUCKET_ENTRIES; j++)
			if (!b->entries[j]) {
				__atomic_store_n(&b->sigs[j], sig_of(e->hash), __ATOMIC_RELAXED);
				RCU_SET(b->entries[j], e);
				return;
			}
		__atomic_store_n(&b->passed, b->passed + 1, __ATOMIC_RELAXED);
	}
}

static void array_take(struct bucket_array *a, const struct flow_entry *e)
{
	for (uint64_t i = e->hash;; i++) {
		struct bucket *b = &a->buckets[i & a->mask];

		for (int j = 0; j < BUCKET_ENTRIES; j++)
			if (b->entries[j] == e) {
				RCU_SET(b->entries[j], (struct flow_entry *)NULL);
				return;
			}
		__atomic_store_n(&b->passed, b->passed - 1, __ATOMIC_RELAXED);
	}
}

static void subtable_resize(struct subtable *s, size_t n_buckets)
{
	struct bucket_array *old = s->array, *new = array_create(n_buckets);

	for (uint64_t i = 0; old && i <= old->mask; i++)
		for (int j = 0; j < BUCKET_ENTRIES; j++)
			if (old->buckets[i].entries[j])
				array_put(new, old->buckets[i].entries[j]);
	RCU_SET(s->array, new);
	rcu_free(old);
}

static void subtable_free(void *p)
{
	struct subtable *s = p;

	free(s->array);
	free(s->mask);
	free(s);
}

static struct subtable *subtable_create(const struct miniflow *mask)
{
	unsigned int n = flowmap_count(mask->map);
	struct subtable *s = xzalloc(sizeof(*s) + n * sizeof(uint64_t));

	s->mask = miniflow_clone(mask);
	s->n_words = n;
	memcpy(s->words, mask->words, n * sizeof(uint64_t));
	subtable_resize(s, MIN_BUCKETS);
	return s;
}

static struct subtable *find_subtable(const struct flow_table *t, const struct miniflow *mask)
{
	for (size_t i = 0; i < t->subtables->n; i++)
		if (miniflow_equal(t->subtables->v[i]->mask, mask))
			return t->subtables->v[i];
	return NULL;
}

static void publish_list(struct flow_table *t, struct subtable_list *list)
{
	struct subtable_list *old = t->subtables;

	RCU_SET(t->subtables, list);
	rcu_free(old);
}

static struct subtable_list *copy_list(const struct flow_table *t, size_t room)
{
	const struct subtable_list *old = t->subtables;
	struct subtable_list *list =
		xmalloc(sizeof(*list) + (old->n + room) * sizeof(struct subtable *));

	list->n = old->n;
	memcpy(list->v, old->v, old->n * sizeof(struct subtable *));
	return list;
}

static void add_subtable(struct flow_table *t, struct subtable *s)
{
	struct subtable_list *list = copy_list(t, 1);

	list->v[list->n++] = s;
	publish_list(t, list);
}

static void remove_subtable(struct flow_table *t, struct subtable *s)
{
	struct subtable_list *list = copy_list(t, 0);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] != s)
			list->v[n++] = list->v[i];
	list->n = n;
	publish_list(t, list);
	rcu_defer(subtable_free, s);
}

static int insert(struct flow_table *t, struct subtable *s, struct flow_entry *e)
{
	struct miniflow_buf key; // with room, as lookups want it
	struct gather g;

	memcpy(&key.mf, e->mf->key, miniflow_size(e->mf->key));
	gather_init(&g);
	e->hash = mask_and_hash(t, s, &key.mf, &g, e->words);
	if (array_find(s->array, e->hash, e->words, e->n_words))
		return -EEXIST;
	e->subtable = s;
	// Set before any reader can find the flow.
	e->mf->dp = e;
	// At most three of the six places in use on average.
	if (s->n_flows >= (s->array->mask + 1) * (BUCKET_ENTRIES / 2))
		subtable_resize(s, (s->array->mask + 1) * 2);
	__atomic_store_n(&e->generation, e->generation + 1, __ATOMIC_RELEASE);
	array_put(s->array, e);
	s->n_flows++;
	__atomic_store_n(&t->n_flows, t->n_flows + 1, __ATOMIC_RELAXED);
	return 0;
}

int flow_table_add(struct flow_table *t, struct megaflow *mf)
{
	struct flow_entry *e = entry_alloc(t, flowmap_count(mf->mask->map));
	struct subtable *s;
	int ret;

	e->mf = mf;
	pthread_mutex_lock(&t->lock);
	s = find_subtable(t, mf->mask);
	if (!s) {
		s = subtable_create(mf->mask);
		add_subtable(t, s);
	}
	ret = insert(t, s, e);
	pthread_mutex_unlock(&t->lock);
	if (ret)
		entry_free(t, e);
	return ret;
}

void flow_table_del(struct flow_table *t, struct megaflow *mf)
{
	struct recycle *r = xmalloc(sizeof(*r));
	struct flow_entry *e = mf->dp;
	struct subtable *s = (struct subtable *)e->subtable;

	pthread_mutex_lock(&t->lock);
	__atomic_store_n(&e->generation, e->generation + 1, __ATOMIC_RELEASE);
	array_take(s->array, e);
	__atomic_store_n(&t->n_flows, t->n_flows - 1, __ATOMIC_RELAXED);
	if (!--s->n_flows)
		remove_subtable(t, s);
	else if (s->array->mask + 1 > MIN_BUCKETS &&
		 s->n_flows * 4 < (s->array->mask + 1) * (BUCKET_ENTRIES / 2))
		subtable_resize(s, (s->array->mask + 1) / 2);
	pthread_mutex_unlock(&t->lock);
	*r = (struct recycle){ t, e };
	rcu_defer(recycle, r);
}

static int by_hits(const void *a_, const void *b_)
{
	const struct subtable *a = *(struct subtable *const *)a_,
			      *b = *(struct subtable *const *)b_;
	uint64_t ha = __atomic_load_n(&a->hits, __ATOMIC_RELAXED);
	uint64_t hb = __atomic_load_n(&b->hits, __ATOMIC_RELAXED);

	return ha > hb ? -1 : ha < hb;
}

void flow_table_rank(struct flow_table *t)
{
	struct subtable_list *list;
	bool sorted = true;

	if (pthread_mutex_trylock(&t->lock))
		return;
	for (size_t i = 1; i < t->subtables->n; i++)
		sorted &= by_hits(&t->subtables->v[i - 1], &t->subtables->v[i]) <= 0;
	if (!sorted) {
		list = copy_list(t, 0);
		qsort(list->v, list->n, sizeof(struct subtable *), by_hits);
		publish_list(t, list);
	}
	for (size_t i = 0; i < t->subtables->n; i++)
		__atomic_store_n(&t->subtables->v[i]->hits, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&t->lock);
}

size_t flow_table_count(const struct flow_table *t)
{
	return __atomic_load_n(&t->n_flows, __ATOMIC_RELAXED);
}

size_t flow_table_n_masks(const struct flow_table *t)
{
	return RCU_GET(t->subtables)->n;
}

struct flow_table *flow_table_create(void)
{
	struct flow_table *t = xzalloc(sizeof(*t));

	t->subtables = xzalloc(sizeof(*t->subtables));
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->pool_lock, NULL);
	for (size_t i = 0; i < FLOW_WORDS; i++)
		t->factors[i] = hash_u64(i, 0) | 1;
	return t;
}

static void free_entries(struct flow_table *t)
{
	for (int c = 0; c < SIZE_CLASSES; c++) {
		size_t size = sizeof(struct flow_entry) + class_words[c] * sizeof(uint64_t);
		struct chunk *chunk;

		VEC_FOR_EACH (chunk, &t->classes[c].chunks) {
			for (size_t i = 0; i + size <= chunk->bytes; i += size)
				free_slots((struct flow_entry *)(chunk->entries + i));
			free(chunk->entries);
		}
		VEC_FREE(&t->classes[c].chunks);
	}
}

void flow_table_destroy(struct flow_table *t)
{
	if (!t)
		return;
	// Entries on their way back.
	rcu_drain();
	for (size_t i = 0; i < t->subtables->n; i++)
		subtable_free(t->subtables->v[i]);
	free(t->subtables);
	free_entries(t);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->pool_lock);
	free(t);
}
