// SPDX-License-Identifier: Apache-2.0
#include "core/base/uuid.h"

#include <pthread.h>
#include <sys/random.h>

#include "core/base/hash.h"

// Random bytes that have been taken and not been used: no more than getrandom() gives whole, whatever signals come.
static __thread uint8_t random_pool[256];
static __thread size_t n_random;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// Parent and child must not go on with the same.
static void forget_random(void)
{
	n_random = 0;
}

static void on_first(void)
{
	pthread_atfork(NULL, NULL, forget_random);
}

static void refill(void)
{
	pthread_once(&once, on_first);
	if (getrandom(random_pool, sizeof(random_pool), 0) != sizeof(random_pool))
		for (size_t i = 0; i < sizeof(random_pool); i += sizeof(uint32_t)) {
			uint32_t word = random_u32();

			memcpy(random_pool + i, &word, sizeof(word));
		}
	n_random = sizeof(random_pool);
}

void uuid_generate(struct uuid *u)
{
	if (!n_random)
		refill();
	n_random -= sizeof(*u);
	memcpy(u, random_pool + n_random, sizeof(*u));
	u->parts[1] = (u->parts[1] & ~0xf000u) | 0x4000;
	u->parts[2] = (u->parts[2] & ~0xc0000000u) | 0x80000000;
}

void uuid_format(const struct uuid *u, char out[UUID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0, nibble = 0; i < UUID_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			out[i] = '-';
			continue;
		}
		out[i] = digits[u->parts[nibble / 8] >> (28 - nibble % 8 * 4) & 15];
		nibble++;
	}
	out[UUID_LEN] = '\0';
}

bool uuid_parse_prefix(struct uuid *u, const char *s)
{
	struct uuid out = { { 0 } };
	int digit = 0;

	for (int i = 0; i < UUID_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return false;
			continue;
		}
		int v = hex_digit(s[i]);

		if (v < 0)
			return false;
		out.parts[digit / 8] = out.parts[digit / 8] << 4 | (uint32_t)v;
		digit++;
	}
	*u = out;
	return true;
}

bool uuid_parse(struct uuid *u, const char *s)
{
	return strlen(s) == UUID_LEN && uuid_parse_prefix(u, s);
}

int uuid_compare(const struct uuid *a, const struct uuid *b)
{
	for (int i = 0; i < 4; i++)
		if (a->parts[i] != b->parts[i])
			return a->parts[i] < b->parts[i] ? -1 : 1;
	return 0;
}

uint64_t uuid_hash(const struct uuid *u)
{
	return hash_bytes(u, sizeof(*u), 0);
}
