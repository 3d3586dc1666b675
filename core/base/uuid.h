// SPDX-License-Identifier: Apache-2.0
// 128-bit identifiers (RFC 4122): OVSDB rows, unique flow ids.
#pragma once

#include "core/base/util.h"

#define UUID_LEN 36

struct uuid {
	uint32_t parts[4]; // parts[0] holds the first eight hex digits
};

#define UUID_FMT "%08x-%04x-%04x-%04x-%04x%08x"
#define UUID_ARGS(u) \
	(u)->parts[0], (u)->parts[1] >> 16, (u)->parts[1] & 0xffff, (u)->parts[2] >> 16, \
		(u)->parts[2] & 0xffff, (u)->parts[3]

// Random, version 4; from the system's generator, of which a thread takes many at once.
void uuid_generate(struct uuid *u);
// Writes UUID_LEN characters and a NUL.
void uuid_format(const struct uuid *u, char out[UUID_LEN + 1]);
// The whole of 's' must be a uuid; false otherwise.
bool uuid_parse(struct uuid *u, const char *s);
// As above from the first UUID_LEN characters.
bool uuid_parse_prefix(struct uuid *u, const char *s);
int uuid_compare(const struct uuid *a, const struct uuid *b);
// Seeded hash over all 128 bits.
uint64_t uuid_hash(const struct uuid *u);

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline bool uuid_is_zero(const struct uuid *u)
{
	return is_all_zeros(u, sizeof(*u));
}
