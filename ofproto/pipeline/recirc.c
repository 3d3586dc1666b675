// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/recirc.h"

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "ofproto/pipeline/switch-private.h"

#define N_BUCKETS 16384
#define DYING UINT32_MAX

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct recirc_state *buckets[N_BUCKETS]; // RCU; written under the lock
static size_t n_states GUARDED_BY(lock);
static struct list idle GUARDED_BY(lock) = LIST_INIT(&idle); // nobody holds them; the longest first

static struct recirc_state **bucket_of(uint32_t id)
{
	return &buckets[id % N_BUCKETS];
}

// ---- Content ----

// The members of a key that are the pipeline's own. The tunnel's others come with the packet.
static void take_members(const struct recirc_frozen *f, struct flow_key *flow,
			 struct flow_mask *mask)
{
	const uint64_t *from = flow_words_const(f->flow), *bits = flow_words_const(&f->written->m);

	memset(flow, 0, sizeof(*flow));
	memset(mask, 0, sizeof(*mask));
	for (size_t i = 0; i < sizeof(flow->tunnel) / 8; i++) {
		flow_words(flow)[i] = from[i] & bits[i];
		flow_words(&mask->m)[i] = bits[i];
	}
	memcpy(flow->regs, f->flow->regs, sizeof(flow->regs));
	flow->metadata = f->flow->metadata;
}

static uint64_t hash_miniflow(const struct miniflow *m, uint64_t basis)
{
	return hash_stable(m, miniflow_size(m), basis);
}

static uint64_t hash_rest(const struct recirc_rest *r, uint64_t basis)
{
	const uint64_t numbers[] = { r->cookie, r->table };
	AUTO(strbuf) wire = STRBUF_INIT;

	acts_encode_instructions(r->acts, OFP15, &wire);
	return hash_stable(strbuf_cstr(&wire), wire.len,
			   hash_stable(numbers, sizeof(numbers), basis));
}

// Of content alone, without addresses: the action set as it would be sent.
static uint64_t hash_content(const struct recirc_state *s, struct acts action_set)
{
	const uint32_t numbers[] = { s->in_port.n, s->table, s->passes, s->tracked };
	AUTO(strbuf) wire = STRBUF_INIT;
	uint64_t h;

	acts_encode_actions(action_set, OFP15, &wire);
	h = hash_stable(s->sw->name, strlen(s->sw->name), 0);
	h = hash_stable(numbers, sizeof(numbers), h);
	h = hash_miniflow(s->flow, h);
	h = hash_miniflow(s->mask, h);
	h = hash_stable(strbuf_cstr(&wire), wire.len, h);
	if (s->stack_len)
		h = hash_stable(s->stack, s->stack_len, h);
	for (size_t i = 0; i < s->n_rest; i++)
		h = hash_rest(&s->rest[i], h);
	if (s->n_userdata)
		h = hash_stable(s->userdata, s->n_userdata, h);
	return h + s->paused;
}

static struct acts action_set_of(const struct recirc_state *s)
{
	return s->action_set ? (struct acts){ s->action_set->list, s->action_set->size }
			     : (struct acts){ NULL, 0 };
}

static bool same_rest(const struct recirc_state *a, const struct recirc_state *b)
{
	if (a->n_rest != b->n_rest)
		return false;
	for (size_t i = 0; i < a->n_rest; i++)
		if (a->rest[i].cookie != b->rest[i].cookie ||
		    a->rest[i].table != b->rest[i].table ||
		    !acts_equal(a->rest[i].acts, b->rest[i].acts))
			return false;
	return true;
}

static bool same_content(const struct recirc_state *a, const struct recirc_state *b,
			 struct acts b_action_set)
{
	return a->sw == b->sw && of_port_equal(a->in_port, b->in_port) && a->table == b->table &&
	       a->passes == b->passes && a->tracked == b->tracked &&
	       miniflow_equal(a->flow, b->flow) && miniflow_equal(a->mask, b->mask) &&
	       acts_equal(action_set_of(a), b_action_set) && a->stack_len == b->stack_len &&
	       (!a->stack_len || !memcmp(a->stack, b->stack, a->stack_len)) && same_rest(a, b) &&
	       a->paused == b->paused && a->n_userdata == b->n_userdata &&
	       (!a->n_userdata || !memcmp(a->userdata, b->userdata, a->n_userdata));
}

static void free_state(void *p)
{
	struct recirc_state *s = p;

	free(s->flow);
	free(s->mask);
	free(s->action_set);
	free(s->stack);
	free(s->userdata);
	for (size_t i = 0; i < s->n_rest; i++)
		free((void *)s->rest[i].acts.first);
	free(s->rest);
	free(s);
}

// ---- Registry ----

struct recirc_state *recirc_find(uint32_t id)
{
	struct recirc_state *s = RCU_GET(*bucket_of(id));

	while (s && s->id != id)
		s = RCU_GET(s->next);
	return s;
}

static void link_state(struct recirc_state *s)
{
	struct recirc_state **b = bucket_of(s->id);

	s->next = *b;
	RCU_SET(*b, s);
	n_states++;
}

static void unlink_state(struct recirc_state *s)
{
	struct recirc_state **p = bucket_of(s->id);

	while (*p != s)
		p = &(*p)->next;
	RCU_SET(*p, s->next);
	n_states--;
}

// From '*id' onwards, which the content hashes to: the state itself, or (NULL) '*id' is free for it.
static struct recirc_state *probe(const struct recirc_state *want, struct acts action_set,
				  uint32_t *id)
{
	for (;; *id = (*id + 1) & RECIRC_ID_MAX) {
		struct recirc_state *s;

		if (!*id)
			continue;
		s = recirc_find(*id);
		if (!s || same_content(s, want, action_set))
			return s;
	}
}

static struct recirc_rest *copy_rest(const struct recirc_state *s)
{
	struct recirc_rest *copy = s->n_rest ? xmemdup(s->rest, s->n_rest * sizeof(*copy)) : NULL;

	for (size_t i = 0; i < s->n_rest; i++)
		copy[i].acts.first =
			copy[i].acts.size ? xmemdup(copy[i].acts.first, copy[i].acts.size) : NULL;
	return copy;
}

static struct recirc_state *copy(const struct recirc_state *want, struct acts action_set)
{
	struct recirc_state *s = xmemdup(want, sizeof(*want));

	s->refs = 1;
	s->flow = miniflow_clone(want->flow);
	s->mask = miniflow_clone(want->mask);
	s->action_set = action_set.size ? rule_acts_copy(action_set) : NULL;
	s->stack = want->stack_len ? xmemdup(want->stack, want->stack_len) : NULL;
	s->rest = copy_rest(want);
	s->userdata = want->n_userdata ? xmemdup(want->userdata, want->n_userdata) : NULL;
	return s;
}

// A state that borrows everything.
struct wanted {
	struct recirc_state s;
	struct miniflow_buf flow, mask;
};

static void describe(const struct recirc_frozen *f, struct wanted *w)
{
	struct flow_mask mask;
	struct flow_key flow;

	w->s = (struct recirc_state){ .sw = f->sw,
				      .in_port = f->in_port,
				      .table = f->table,
				      .passes = f->passes,
				      .tracked = f->tracked,
				      .stack = (char *)f->stack,
				      .stack_len = f->stack_len,
				      .rest = (struct recirc_rest *)f->rest,
				      .n_rest = f->n_rest,
				      .userdata = (uint8_t *)f->userdata,
				      .n_userdata = f->n_userdata,
				      .paused = f->paused };
	take_members(f, &flow, &mask);
	w->s.flow = &w->flow.mf;
	w->s.mask = &w->mask.mf;
	miniflow_pack(w->s.flow, &flow);
	miniflow_pack(w->s.mask, &mask.m);
}

struct recirc_state *recirc_intern(const struct recirc_frozen *f)
{
	struct recirc_state *s;
	struct wanted w;
	uint32_t id;

	describe(f, &w);
	id = hash_content(&w.s, f->action_set) & RECIRC_ID_MAX;
	pthread_mutex_lock(&lock);
	s = probe(&w.s, f->action_set, &id);
	if (s) {
		atomic_fetch_add(&s->refs, 1); // what is linked is not dying
	} else if (n_states < RECIRC_MAX_STATES && !f->sw->forgotten) {
		s = copy(&w.s, f->action_set);
		s->id = id;
		link_state(s);
	}
	pthread_mutex_unlock(&lock);
	return s;
}

struct recirc_state *recirc_create(const struct recirc_frozen *f)
{
	struct wanted w;

	describe(f, &w);
	return copy(&w.s, f->action_set);
}

void recirc_destroy(struct recirc_state *s)
{
	free_state(s);
}

bool recirc_ref(struct recirc_state *s)
{
	uint32_t n = atomic_load(&s->refs);

	do {
		if (n == DYING)
			return false;
	} while (!atomic_compare_exchange_weak(&s->refs, &n, n + 1));
	return true;
}

void recirc_unref(struct recirc_state *s)
{
	uint32_t n = atomic_load(&s->refs);

	while (n > 1)
		if (atomic_compare_exchange_weak(&s->refs, &n, n - 1))
			return;
	// The last one decides under the lock, so that nobody frees it meanwhile.
	pthread_mutex_lock(&lock);
	if (atomic_fetch_sub(&s->refs, 1) == 1) {
		if (s->is_idle)
			list_remove(&s->idle_node);
		s->is_idle = true;
		s->idle_since = clock_msec();
		list_push_back(&idle, &s->idle_node);
	}
	pthread_mutex_unlock(&lock);
}

void recirc_expire(void)
{
	int64_t now = clock_msec();
	struct recirc_state *s, *next;

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH_SAFE (s, next, idle_node, &idle) {
		uint32_t unheld = 0;

		if (now - s->idle_since < RECIRC_LINGER_MSEC)
			break;
		list_remove(&s->idle_node);
		s->is_idle = false;
		if (!atomic_compare_exchange_strong(&s->refs, &unheld, DYING))
			continue;
		if (!s->forgotten)
			unlink_state(s);
		rcu_defer(free_state, s);
	}
	pthread_mutex_unlock(&lock);
}

void recirc_forget_switch(struct of_switch *sw)
{
	pthread_mutex_lock(&lock);
	sw->forgotten = true;
	for (size_t i = 0; n_states && i < N_BUCKETS; i++)
		for (struct recirc_state *s = buckets[i], *next; s; s = next) {
			next = s->next;
			if (s->sw != sw)
				continue;
			unlink_state(s);
			s->forgotten = true;
		}
	pthread_mutex_unlock(&lock);
}

size_t recirc_count(void)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = n_states;
	pthread_mutex_unlock(&lock);
	return n;
}

// ---- Thawing ----

void recirc_thaw(const struct recirc_state *s, struct flow_key *flow, struct flow_mask *known)
{
	const uint64_t *bits, *value;
	struct flow_mask mask;
	struct flow_key kept;

	miniflow_expand(s->flow, &kept);
	miniflow_expand(s->mask, &mask.m);
	value = flow_words_const(&kept);
	bits = flow_words_const(&mask.m);
	for (size_t i = 0; i < sizeof(flow->tunnel) / 8; i++) {
		flow_words(flow)[i] = (flow_words(flow)[i] & ~bits[i]) | value[i];
		flow_words(&known->m)[i] |= bits[i];
	}
	memcpy(flow->regs, kept.regs, sizeof(flow->regs));
	flow->metadata = kept.metadata;
	flow->in_port = s->in_port.n;
	memset(&known->m.in_port, 0xff, sizeof(known->m.in_port));
	if (!s->tracked) {
		flow_fill_ct(flow, 0);
		flow_fill_ct(&known->m, 0xff);
	}
}
