// SPDX-License-Identifier: Apache-2.0
#include "core/flow/miniflow.h"

#include "core/base/hash.h"

// Calls BODY with the index WORD of each set bit, in order.
#define FOR_EACH_WORD(WORD, MAP) \
	for (unsigned int half_ = 0; half_ < 2; half_++) \
		for (uint64_t bits_ = (MAP).bits[half_]; \
		     bits_ && ((WORD) = half_ * 64 + __builtin_ctzll(bits_), true); \
		     bits_ &= bits_ - 1)

// Order of hashing matters only within this file: every hash of the same words must come out the same.
static inline uint64_t hash_add(uint64_t h, uint64_t word)
{
	h ^= word * 0x9e3779b97f4a7c15ULL;
	h = (h << 29 | h >> 35) * 0xbf58476d1ce4e5b9ULL;
	return h;
}

static inline uint64_t hash_end(uint64_t h)
{
	return hash_u64(h, 0);
}

#define STRETCH 8 // words
_Static_assert(64 % STRETCH == 0, "a stretch is in one word of the map");

// Which of up to STRETCH words are not zero; most are, whole stretches of them.
static inline uint64_t which_are_set(const uint64_t *w, unsigned int n)
{
	uint64_t any = 0, which = 0;

#pragma GCC unroll 8
	for (unsigned int j = 0; j < n; j++)
		any |= w[j];
	if (!any)
		return 0;
#pragma GCC unroll 8
	for (unsigned int j = 0; j < n; j++)
		which |= (uint64_t)(w[j] != 0) << j;
	return which;
}

void miniflow_pack(struct miniflow *dst, const struct flow_key *key)
{
	const uint64_t *w = flow_words_const(key);
	uint64_t *out = dst->words, which;
	unsigned int i = 0;

	dst->map = (struct flowmap){ { 0, 0 } };
	for (; i < FLOW_WORDS; i += STRETCH) {
		which = i + STRETCH <= FLOW_WORDS ? which_are_set(w + i, STRETCH)
						  : which_are_set(w + i, FLOW_WORDS % STRETCH);
		dst->map.bits[i / 64] |= which << i % 64;
		for (; which; which &= which - 1)
			*out++ = w[i + __builtin_ctzll(which)];
	}
}

struct miniflow *miniflow_create(const struct flow_key *key)
{
	struct miniflow_buf buf;

	miniflow_pack(&buf.mf, key);
	return miniflow_clone(&buf.mf);
}

struct miniflow *miniflow_clone(const struct miniflow *m)
{
	return xmemdup(m, miniflow_size(m));
}

void miniflow_expand(const struct miniflow *m, struct flow_key *key)
{
	const uint64_t *in = m->words;
	unsigned int w;

	memset(key, 0, sizeof(*key));
	FOR_EACH_WORD(w, m->map)
	flow_words(key)[w] = *in++;
}

static unsigned int rank(struct flowmap map, unsigned int word)
{
	uint64_t below = (1ULL << word % 64) - 1;

	if (word < 64)
		return __builtin_popcountll(map.bits[0] & below);
	return __builtin_popcountll(map.bits[0]) + __builtin_popcountll(map.bits[1] & below);
}

uint64_t miniflow_get(const struct miniflow *m, unsigned int word)
{
	return flowmap_has(m->map, word) ? m->words[rank(m->map, word)] : 0;
}

bool miniflow_equal(const struct miniflow *a, const struct miniflow *b)
{
	return flowmap_equal(a->map, b->map) &&
	       !memcmp(a->words, b->words, flowmap_count(a->map) * 8);
}

uint64_t miniflow_hash(const struct miniflow *m, uint64_t basis)
{
	return hash_bytes(m, miniflow_size(m), basis);
}

bool miniflow_equal_key_masked(const struct miniflow *flow, const struct miniflow *mask,
			       const struct flow_key *key)
{
	const uint64_t *k = flow_words_const(key), *m = mask->words, *f = flow->words;
	unsigned int w;

	FOR_EACH_WORD(w, mask->map)
	{
		uint64_t want = flowmap_has(flow->map, w) ? *f++ : 0;

		if ((k[w] & *m++) != want)
			return false;
	}
	return true;
}

uint64_t flow_hash_masked(const struct flow_key *key, const struct miniflow *mask, uint64_t basis)
{
	const uint64_t *k = flow_words_const(key), *m = mask->words;
	uint64_t h = basis;
	unsigned int w;

	FOR_EACH_WORD(w, mask->map)
	h = hash_add(h, k[w] & *m++);
	return hash_end(h);
}

uint64_t miniflow_hash_masked(const struct miniflow *key, const struct miniflow *mask,
			      uint64_t basis)
{
	const uint64_t *m = mask->words;
	uint64_t h = basis;
	unsigned int w;

	FOR_EACH_WORD(w, mask->map)
	h = hash_add(h, miniflow_get(key, w) & *m++);
	return hash_end(h);
}

bool miniflow_equal_masked(const struct miniflow *flow, const struct miniflow *mask,
			   const struct miniflow *key)
{
	const uint64_t *m = mask->words, *f = flow->words;
	unsigned int w;

	FOR_EACH_WORD(w, mask->map)
	{
		uint64_t want = flowmap_has(flow->map, w) ? *f++ : 0;

		if ((miniflow_get(key, w) & *m++) != want)
			return false;
	}
	return true;
}
