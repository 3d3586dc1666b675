// SPDX-License-Identifier: Apache-2.0
// Seeded full-width hashing (xxHash3). The seed is random per process: no peer can aim at a bucket.
#pragma once

#include "core/base/util.h"

// Set once by hash_seed_init(); the environment variable OES_HASH_SEED fixes it for reproduction.
extern uint64_t hash_seed;
void hash_seed_init(void);

uint64_t hash_bytes(const void *p, size_t n, uint64_t basis);
uint64_t hash_string(const char *s, uint64_t basis);
// Without the seed: the same in every process, for numbers that outlive one. Not for tables that a peer could fill.
uint64_t hash_stable(const void *p, size_t n, uint64_t basis);

// Mixes one 64-bit word; for keys that are a single integer or pointer.
static inline uint64_t hash_u64(uint64_t v, uint64_t basis)
{
	v ^= basis ^ hash_seed;
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccdULL;
	v ^= v >> 33;
	v *= 0xc4ceb9fe1a85ec53ULL;
	v ^= v >> 33;
	return v;
}

static inline uint64_t hash_ptr(const void *p)
{
	return hash_u64((uintptr_t)p, 0);
}

// Pseudo-random numbers for jitter and probabilities; not for secrets. One state per thread.
uint32_t random_u32(void);
// Fixes this thread's sequence (tests).
void random_seed(uint64_t seed);
