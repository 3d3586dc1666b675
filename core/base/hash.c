// SPDX-License-Identifier: Apache-2.0
#include "core/base/hash.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

uint64_t hash_seed = 0x9e3779b97f4a7c15ULL;
static __thread uint64_t random_state;

void hash_seed_init(void)
{
	const char *fixed = getenv("OES_HASH_SEED");

	if (fixed && parse_u64(fixed, 0, &hash_seed))
		return;
	if (getrandom(&hash_seed, sizeof(hash_seed), 0) != sizeof(hash_seed))
		hash_seed ^= (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t basis)
{
	return XXH3_64bits_withSeed(p, n, basis ^ hash_seed);
}

uint64_t hash_stable(const void *p, size_t n, uint64_t basis)
{
	return XXH3_64bits_withSeed(p, n, basis);
}

uint64_t hash_string(const char *s, uint64_t basis)
{
	return hash_bytes(s, strlen(s), basis);
}

void random_seed(uint64_t seed)
{
	random_state = seed ? seed : 1;
}

uint32_t random_u32(void)
{
	if (!random_state) {
		if (getrandom(&random_state, sizeof(random_state), 0) != sizeof(random_state))
			random_state = (uintptr_t)&random_state ^ (uint64_t)time(NULL);
		random_state |= 1;
	}
	// xorshift64*
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dULL) >> 32;
}
