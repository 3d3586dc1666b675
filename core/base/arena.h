// SPDX-License-Identifier: Apache-2.0
// Memory that is taken piece by piece and given back all at once: for what is read, used and dropped. One thread.
#pragma once

#include "core/base/util.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; // the newest first
	char *p, *end; // what is free of it
};

#define ARENA_INIT \
	{ \
		NULL, NULL, NULL \
	}

void arena_init(struct arena *a);
void arena_uninit(struct arena *a);
// All that was taken is free again; some memory is kept for the next.
void arena_reset(struct arena *a);
// Not initialised; aligned for any object. Valid until arena_reset() or arena_uninit().
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
