// SPDX-License-Identifier: Apache-2.0
// The megaflow table of the userspace datapath: which megaflow does a packet's key match?
//
// One table for all threads. Readers are under RCU and pass a burst; writers (any RCU thread) take the table's lock.
// Inside: a subtable per mask, hashed by the masked key; subtables are tried in the order of their hits. Nothing of that shows
// here, so the algorithm can change.
#pragma once

#include "core/flow/megaflow.h"

struct flow_table;
struct subtable;

#define TABLE_BURST 32

// What the threads counted for a flow. One writer each.
struct flow_slot {
	uint64_t packets, bytes;
	int64_t used;
	uint16_t tcp_flags;
	uint16_t worker; // who writes it, plus 1; 0: nobody yet
	struct flow_slot *next; // of another worker
};

// A megaflow as the datapath keeps it (mf->dp). Memory is recycled for other flows only and never given back while the table
// lives, so a cache may keep a pointer and the generation it saw: when that still is the flow's, the flow is there.
struct flow_entry {
	uint32_t generation; // odd while the flow is in the table
	uint16_t size_class;
	uint16_t n_words;
	struct megaflow *mf;
	const struct subtable *subtable;
	uint64_t hash;
	struct flow_entry *next_free;
	struct flow_slot
		slot; // of the first thread that met the flow; the others' are chained behind it
	uint64_t words[]; // of the masked key, one per word of the mask
};

struct flow_table *flow_table_create(void);
// No readers any more. The megaflows are not freed.
void flow_table_destroy(struct flow_table *t);
// Sets mf->dp. -EEXIST when a flow with the same key and mask is there.
int flow_table_add(struct flow_table *t, struct megaflow *mf);
// Readers may still find it until a grace period has passed; the entry (mf->dp) is recycled after that.
void flow_table_del(struct flow_table *t, struct megaflow *mf);
size_t flow_table_count(const struct flow_table *t);
size_t flow_table_n_masks(const struct flow_table *t);

// Looks up 'n' <= TABLE_BURST keys where 'wanted' has a one-bit; results[i] is set for those found. Returns the bitmap of them, and
// adds the number of subtables probed for them to *probes. Keys have room for one word at least (struct miniflow_buf).
uint32_t flow_table_lookup_batch(const struct flow_table *t, const struct miniflow *const keys[],
				 uint32_t wanted, struct flow_entry *results[], uint64_t *probes);

// Where the words of a subtable's mask are in packed keys of one map. Packets of a burst are mostly alike, so what is worked out
// for one serves the next. Good until the thread's next quiescent state; begin with gather_init().
struct gather {
	const struct subtable *subtable; // NULL: none yet
	struct flowmap map; // of the keys
	unsigned int n; // words of the mask
	uint8_t at[FLOW_WORDS]; // place in the key's words
	uint64_t mask[FLOW_WORDS]; // 0 where such keys have no word
};

static inline void gather_init(struct gather *g)
{
	g->subtable = NULL;
}

void gather_prepare(struct gather *g, const struct subtable *s, const struct miniflow *key);

// True when the entry's megaflow matches 'key'.
static inline bool flow_entry_matches(const struct flow_entry *e, const struct miniflow *key,
				      struct gather *g)
{
	uint64_t diff = 0;

	if (UNLIKELY(g->subtable != e->subtable || !flowmap_equal(g->map, key->map)))
		gather_prepare(g, e->subtable, key);
	for (unsigned int i = 0; i < g->n; i++)
		diff |= (key->words[g->at[i]] & g->mask[i]) ^ e->words[i];
	return !diff;
}

// Sorts the subtables by the hits since the last call; gives up when another thread is changing the table.
void flow_table_rank(struct flow_table *t);

static inline uint32_t flow_entry_generation(const struct flow_entry *e)
{
	return __atomic_load_n(&e->generation, __ATOMIC_ACQUIRE);
}

// Counts for thread 'worker'.
void flow_entry_count(struct flow_entry *e, uint16_t worker, uint64_t packets, uint64_t bytes,
		      int64_t now, uint16_t tcp_flags);
void flow_entry_sum(const struct flow_entry *e, struct flow_counts *ret);
