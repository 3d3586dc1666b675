// SPDX-License-Identifier: Apache-2.0
#include "core/base/arena.h"

// Chunks grow from one size to the other: who takes little gets little.
#define MIN_CHUNK ((size_t)1 << 10)
#define MAX_CHUNK ((size_t)16 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	max_align_t bytes[];
};

void arena_init(struct arena *a)
{
	*a = (struct arena)ARENA_INIT;
}

static void use(struct arena *a, struct arena_chunk *c)
{
	a->p = (char *)c->bytes;
	a->end = a->p + c->size;
}

void arena_uninit(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *c = a->chunks, *next;

	if (!c)
		return;
	while ((next = c->next)) {
		c->next = next->next;
		free(next);
	}
	if (c->size > MAX_CHUNK)
		arena_uninit(a);
	else
		use(a, c);
}

static void *alloc_slow(struct arena *a, size_t size)
{
	size_t usual = a->chunks ? MIN(2 * a->chunks->size, MAX_CHUNK) : MIN_CHUNK;
	struct arena_chunk *c = xmalloc(sizeof(*c) + MAX(size, usual));

	c->size = MAX(size, usual);
	c->next = a->chunks;
	a->chunks = c;
	use(a, c);
	a->p += size;
	return c->bytes;
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *p = a->p;

	size = ROUND_UP(size, ALIGNMENT);
	if (size > (size_t)(a->end - p))
		return alloc_slow(a, size);
	a->p += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}
