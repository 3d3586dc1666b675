// SPDX-License-Identifier: Apache-2.0
#include "core/base/uuid.h"

#include <sys/random.h>

#include "core/base/hash.h"

void uuid_generate(struct uuid *u)
{
	if (getrandom(u, sizeof(*u), 0) != sizeof(*u))
		for (int i = 0; i < 4; i++)
			u->parts[i] = random_u32();
	u->parts[1] = (u->parts[1] & ~0xf000u) | 0x4000;
	u->parts[2] = (u->parts[2] & ~0xc0000000u) | 0x80000000;
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
