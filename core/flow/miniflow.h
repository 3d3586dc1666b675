// SPDX-License-Identifier: Apache-2.0
// A miniflow: the non-zero 64-bit words of a flow key, packed, with a bitmap that says which they are. The form
// in which caches, classifier and flow tables keep keys and masks.
#pragma once

#include "core/flow/key.h"

struct flowmap {
	uint64_t bits[2];
};

struct miniflow {
	struct flowmap map;
	uint64_t words[]; // flowmap_count(map) of them
};

// Large enough for any key; for the stack.
struct miniflow_buf {
	struct miniflow mf;
	uint64_t storage[FLOW_WORDS];
};

static inline unsigned int flowmap_count(struct flowmap m)
{
	return __builtin_popcountll(m.bits[0]) + __builtin_popcountll(m.bits[1]);
}

static inline bool flowmap_has(struct flowmap m, unsigned int word)
{
	return m.bits[word / 64] >> word % 64 & 1;
}

static inline void flowmap_add(struct flowmap *m, unsigned int word)
{
	m->bits[word / 64] |= UINT64_C(1) << word % 64;
}

static inline bool flowmap_equal(struct flowmap a, struct flowmap b)
{
	return a.bits[0] == b.bits[0] && a.bits[1] == b.bits[1];
}

static inline size_t miniflow_size(const struct miniflow *m)
{
	return sizeof(*m) + flowmap_count(m->map) * 8;
}

// Packs 'key'. 'dst' must have room for all its words (struct miniflow_buf has).
void miniflow_pack(struct miniflow *dst, const struct flow_key *key);
// A heap copy; the caller frees it.
struct miniflow *miniflow_create(const struct flow_key *key);
struct miniflow *miniflow_clone(const struct miniflow *m);
void miniflow_expand(const struct miniflow *m, struct flow_key *key);
// The word at index 'word' of the key; 0 when it is not in the map.
uint64_t miniflow_get(const struct miniflow *m, unsigned int word);
bool miniflow_equal(const struct miniflow *a, const struct miniflow *b);
uint64_t miniflow_hash(const struct miniflow *m, uint64_t basis);
// Compares and hashes 'key' under 'mask' (only the mask's words are looked at). 'flow' is a masked key.
bool miniflow_equal_key_masked(const struct miniflow *flow, const struct miniflow *mask,
			       const struct flow_key *key);
uint64_t flow_hash_masked(const struct flow_key *key, const struct miniflow *mask, uint64_t basis);
uint64_t miniflow_hash_masked(const struct miniflow *key, const struct miniflow *mask,
			      uint64_t basis);
// True when key & mask == flow, all three packed.
bool miniflow_equal_masked(const struct miniflow *flow, const struct miniflow *mask,
			   const struct miniflow *key);
