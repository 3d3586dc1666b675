// SPDX-License-Identifier: Apache-2.0
// One pass of a burst: parse, cache, megaflow table, misses, actions by megaflow, output.
#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "datapath/user/worker.h"

#include <rte_cycles.h>

#define WORD_OF(MEMBER) (offsetof(struct flow_key, MEMBER) / 8)

struct pass {
	struct worker *w;
	unsigned int depth, n;
	struct level *level;
	const struct miniflow *keys[BURST];
	uint64_t hashes[BURST];
	struct flow_entry *flows[BURST];
	struct gather gather;
};

// ---- Parsing ----

static void drop_malformed(struct pass *s, uint64_t failed)
{
	struct level *l = s->level;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < s->n; i++) {
		if (failed >> i & 1) {
			counter_inc(COUNTER_DROP_MALFORMED);
			rte_pktmbuf_free(l->pkts[i].m);
			continue;
		}
		if (kept != i) {
			l->pkts[kept] = l->pkts[i];
			s->keys[kept] = s->keys[i];
			s->hashes[kept] = s->hashes[i];
		}
		kept++;
	}
	s->n = kept;
}

static void parse(struct pass *s)
{
	const struct packet_metadata *mds[BURST];
	struct packet *packets[BURST];
	uint64_t failed;

	for (unsigned int i = 0; i < s->n; i++) {
		packets[i] = &s->level->pkts[i].p;
		// Packets just received differ in nothing but their bytes.
		mds[i] = &s->level->pkts[s->depth ? i : 0].md;
	}
	counter_add(COUNTER_FLOW_EXTRACT, s->n);
	failed = packet_parse_burst(packets, mds, s->n, s->level->keys, s->keys, s->hashes);
	if (UNLIKELY(failed))
		drop_malformed(s, failed);
}

// ---- Lookup ----

// Packets of one connection come in trains. Only a hint: the key may differ.
static inline bool like_the_last(const struct pass *s, unsigned int i)
{
	return i && s->hashes[i] == s->hashes[i - 1];
}

static uint32_t lookup_cache(struct pass *s)
{
	const struct emc *emc = s->w->emc;
	uint32_t missed = 0;

	gather_init(&s->gather);
	for (unsigned int i = 0; i < s->n; i++)
		if (!like_the_last(s, i))
			emc_prefetch(emc, s->hashes[i]);
	for (unsigned int i = 0; i < s->n; i++) {
		const struct flow_entry *e =
			like_the_last(s, i) ? NULL : emc_candidate(emc, s->hashes[i]);

		if (e) {
			rte_prefetch0(e);
			rte_prefetch0(&e->words[0]);
		}
	}
	for (unsigned int i = 0; i < s->n; i++) {
		if (like_the_last(s, i) && s->flows[i - 1] &&
		    (s->keys[i] == s->keys[i - 1] ||
		     flow_entry_matches(s->flows[i - 1], s->keys[i], &s->gather))) {
			s->flows[i] = s->flows[i - 1];
			continue;
		}
		s->flows[i] = emc_find(emc, s->hashes[i], s->keys[i], &s->gather);
		missed |= (uint32_t)!s->flows[i] << i;
		if (s->flows[i])
			rte_prefetch0(&s->flows[i]->mf->actions);
	}
	// The megaflows have arrived; their actions are next.
	for (unsigned int i = 0; i < s->n; i++)
		if (s->flows[i] && !(i && s->flows[i] == s->flows[i - 1]))
			rte_prefetch0(megaflow_actions_get(s->flows[i]->mf).first);
	WORKER_ADD(s->w, emc_hits, s->n - __builtin_popcount(missed));
	return missed;
}

static void maybe_cache(struct worker *w, uint64_t hash, struct flow_entry *e)
{
	uint32_t min = __atomic_load_n(&w->dp->emc_insert_min, __ATOMIC_RELAXED);

	if (min)
		emc_insert(w->emc, hash, e, random_u32() <= min);
}

// Returns the packets that no megaflow matches.
static uint32_t lookup(struct pass *s)
{
	uint32_t wanted = lookup_cache(s), found;
	uint64_t probes = 0;

	if (!wanted)
		return 0;
	found = flow_table_lookup_batch(s->w->dp->flows, s->keys, wanted, s->flows, &probes);
	WORKER_ADD(s->w, megaflow_hits, __builtin_popcount(found));
	WORKER_ADD(s->w, probes, probes);
	for (uint32_t left = found; left; left &= left - 1) {
		unsigned int i = __builtin_ctz(left);

		maybe_cache(s->w, s->hashes[i], s->flows[i]);
	}
	return wanted & ~found;
}

// ---- Actions by megaflow ----

#define FLAGS_BIT (1ULL << WORD_OF(tcp_flags) % 64)

_Static_assert(WORD_OF(tcp_flags) >= 64, "TCP flags are in the second word of the map");

static inline uint16_t tcp_flags_of(const struct miniflow *key)
{
	const uint64_t *word = key->words;
	be16 flags;

	if (!(key->map.bits[1] & FLAGS_BIT))
		return 0;
	word += __builtin_popcountll(key->map.bits[0]);
	word += __builtin_popcountll(key->map.bits[1] & (FLAGS_BIT - 1));
	memcpy(&flags, (const uint8_t *)word + offsetof(struct flow_key, tcp_flags) % 8,
	       sizeof(flags));
	return be16toh(flags);
}

// The packets of one burst that meet the same megaflow, in their order.
struct group {
	struct flow_entry *e; // NULL: free
	uint64_t bytes;
	uint16_t tcp_flags;
	uint8_t n, first, last;
};

#define GROUP_PLACES (2 * BURST)

struct groups {
	struct group places[GROUP_PLACES]; // by the entry's address, or the next free one
	uint8_t next[BURST]; // packet after this one in its group
};

static struct group *group_of(struct groups *g, struct flow_entry *e)
{
	unsigned int i = (uintptr_t)e / CACHE_LINE * 2654435761u >> 16;

	for (;; i++) {
		struct group *p = &g->places[i % GROUP_PLACES];

		if (p->e == e || !p->e)
			return p;
	}
}

static void add_to_group(struct pass *s, struct groups *g, struct group *to, unsigned int i)
{
	if (!to->e)
		*to = (struct group){ .e = s->flows[i], .first = i };
	else
		g->next[to->last] = i;
	to->last = i;
	to->n++;
	// None is received without an Ethernet header.
	to->bytes +=
		s->depth ? packet_length(s->level->pkts[i].p.size, s->level->pkts[i].md.packet_type)
			 : s->level->pkts[i].p.size;
	to->tcp_flags |= tcp_flags_of(s->keys[i]);
}

static void run_group(struct pass *s, const struct groups *g, const struct group *of)
{
	struct dp_packet *pkts[BURST];

	for (unsigned int n = 0, i = of->first; n < of->n; i = g->next[i])
		pkts[n++] = &s->level->pkts[i];
	flow_entry_count(of->e, s->w->index, of->n, of->bytes, s->w->now, of->tcp_flags);
	worker_execute(s->w, s->depth, pkts, of->n, megaflow_actions_get(of->e->mf));
}

static void run_groups(struct pass *s, uint32_t found)
{
	struct group *used[BURST], *last = NULL;
	unsigned int n_used = 0;
	struct groups g;

	for (unsigned int i = 0; i < GROUP_PLACES; i++)
		g.places[i].e = NULL;
	for (; found; found &= found - 1) {
		unsigned int i = __builtin_ctz(found);

		if (!last || last->e != s->flows[i])
			last = group_of(&g, s->flows[i]);
		if (!last->e)
			used[n_used++] = last;
		add_to_group(s, &g, last, i);
	}
	for (unsigned int i = 0; i < n_used; i++)
		run_group(s, &g, used[i]);
}

// ---- Misses ----

static void miss_failed(struct worker *w, struct dp_packet *p)
{
	WORKER_ADD(w, failed_misses, 1);
	counter_inc(COUNTER_DROP_UPCALL);
	__atomic_fetch_add(&w->dp->lost, 1, __ATOMIC_RELAXED);
	rte_pktmbuf_free(p->m);
}

static struct flow_entry *install(struct user_datapath *dp, struct megaflow *mf)
{
	if (!mf)
		return NULL;
	// The upcall may have done it itself already.
	if (!mf->dp && flow_table_add(dp->flows, mf))
		return NULL;
	return mf->dp;
}

static void miss(struct pass *s, unsigned int i)
{
	struct dp_packet *p = &s->level->pkts[i];
	struct worker *w = s->w;
	AUTO(strbuf) actions = STRBUF_INIT;
	struct megaflow *mf = NULL;
	uint64_t begin = rte_rdtsc();
	struct flow_entry *e;
	struct flow_key key;
	struct upcall u = { .packet = &p->p, .key = &key };
	int ret;

	miniflow_expand(s->keys[i], &key);
	ret = w->dp->upcall->miss(w->dp->upcall_aux, &u, &actions, &mf);
	WORKER_ADD(w, miss_cycles, rte_rdtsc() - begin);
	if (ret < 0) {
		miss_failed(w, p);
		return;
	}
	WORKER_ADD(w, misses, 1);
	e = install(w->dp, mf);
	if (e) {
		flow_entry_count(e, w->index, 1, p->p.size, w->now, tcp_flags_of(s->keys[i]));
		maybe_cache(w, s->hashes[i], e);
	}
	worker_execute(w, s->depth, &p, 1, dp_actions_of(&actions));
}

// A packet before this one in the burst may have brought the megaflow.
static void run_missed(struct pass *s, unsigned int i)
{
	uint64_t probes = 0;
	const uint32_t mine = 1u << i;

	if (flow_table_lookup_batch(s->w->dp->flows, s->keys, mine, s->flows, &probes)) {
		WORKER_ADD(s->w, megaflow_hits, 1);
		WORKER_ADD(s->w, probes, probes);
		run_groups(s, mine);
	} else {
		miss(s, i);
	}
}

// ---- The whole ----

void worker_process(struct worker *w, unsigned int depth, unsigned int n)
{
	struct pass s = { .w = w, .depth = depth, .n = n, .level = &w->levels[depth] };
	uint32_t missed;

	parse(&s);
	missed = lookup(&s);
	run_groups(&s, (uint32_t)((1ULL << s.n) - 1) & ~missed);
	for (; missed; missed &= missed - 1)
		run_missed(&s, __builtin_ctz(missed));
}

// One segment that nobody else holds, or the packet is gone.
static struct rte_mbuf *make_ours(struct rte_mbuf *m)
{
	struct rte_mbuf *copy = m;

	if (LIKELY(m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1))
		return m;
	if (m->nb_segs > 1 && rte_mbuf_refcnt_read(m) == 1 && !rte_pktmbuf_linearize(m))
		return m;
	// A packet that somebody shares is copied when it is changed, not before.
	if (m->nb_segs == 1)
		return m;
	if (m->pkt_len <= rte_pktmbuf_data_room_size(m->pool) - RTE_PKTMBUF_HEADROOM)
		copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (copy != m && copy)
		return copy;
	counter_inc(COUNTER_DROP_SEGMENTED);
	return NULL;
}

void worker_receive(struct worker *w, const struct port *port, struct rte_mbuf **mbufs, uint16_t n)
{
	struct level *l = &w->levels[0];
	unsigned int kept = 0;

	w->now = clock_msec();
	WORKER_ADD(w, rx_packets, n);
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = make_ours(mbufs[i]);
		struct dp_packet *p = &l->pkts[kept];

		if (!m)
			continue;
		p->m = m;
		packet_of_mbuf(&p->p, m);
		p->md = (struct packet_metadata){ .in_port = port->ref.number.n,
						  .recirc_id = recirc_id_of_mbuf(m) };
		kept++;
	}
	if (kept)
		worker_process(w, 0, kept);
	worker_flush(w);
}
