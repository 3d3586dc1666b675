// SPDX-License-Identifier: Apache-2.0
// Maps keyed by strings: strmap (string -> pointer), smap (string -> string), strset. Keys are copied.
#pragma once

#include <stdarg.h>

#include "core/base/hmap.h"

struct strmap_node {
	struct hmap_node node;
	char *name;
	void *data;
};

struct strmap {
	struct hmap map;
};

void strmap_init(struct strmap *m);
void strmap_uninit(struct strmap *m);
// Frees every 'data' too.
void strmap_uninit_free(struct strmap *m);
// Adds without looking for an equal name.
struct strmap_node *strmap_add(struct strmap *m, const char *name, void *data);
// False, and nothing changed, when the name is there.
bool strmap_add_once(struct strmap *m, const char *name, void *data);
// Sets or adds; returns the data replaced, or NULL.
void *strmap_replace(struct strmap *m, const char *name, void *data);
struct strmap_node *strmap_find(const struct strmap *m, const char *name);
void *strmap_get(const struct strmap *m, const char *name);
// The same of the first 'len' characters of 'name'.
void *strmap_get_n(const struct strmap *m, const char *name, size_t len);
// Removes and returns the data, or NULL.
void *strmap_take(struct strmap *m, const char *name);
void strmap_remove(struct strmap *m, struct strmap_node *node);
void strmap_clear(struct strmap *m);
// Nodes ordered by name; the array (not the nodes) is the caller's. strmap_count() elements.
struct strmap_node **strmap_sorted(const struct strmap *m);

static inline size_t strmap_count(const struct strmap *m)
{
	return m->map.n;
}

#define STRMAP_FOR_EACH(NODE, MAP) HMAP_FOR_EACH (NODE, node, &(MAP)->map)

struct smap_node {
	struct hmap_node node;
	char *key, *value;
};

struct smap {
	struct hmap map;
};

void smap_init(struct smap *m);
void smap_uninit(struct smap *m);
void smap_clear(struct smap *m);
void smap_clone(struct smap *dst, const struct smap *src);
bool smap_equal(const struct smap *a, const struct smap *b);
// Sets or adds.
void smap_set(struct smap *m, const char *key, const char *value);
void smap_setf(struct smap *m, const char *key, const char *fmt, ...) PRINTF(3, 4);
// False when it was not there.
bool smap_remove(struct smap *m, const char *key);
// NULL, or the default, when it is not there.
const char *smap_get(const struct smap *m, const char *key);
const char *smap_get_def(const struct smap *m, const char *key, const char *def);
// "true"/"false" compared without case; anything else is the default.
bool smap_get_bool(const struct smap *m, const char *key, bool def);
int64_t smap_get_int(const struct smap *m, const char *key, int64_t def);
// Nodes ordered by key; the array is the caller's.
struct smap_node **smap_sorted(const struct smap *m);

static inline size_t smap_count(const struct smap *m)
{
	return m->map.n;
}

#define SMAP_FOR_EACH(NODE, MAP) HMAP_FOR_EACH (NODE, node, &(MAP)->map)

struct strset {
	struct strmap map;
};

void strset_init(struct strset *s);
void strset_uninit(struct strset *s);
bool strset_add(struct strset *s, const char *name);
bool strset_remove(struct strset *s, const char *name);
bool strset_contains(const struct strset *s, const char *name);

static inline size_t strset_count(const struct strset *s)
{
	return strmap_count(&s->map);
}

// NODE is a struct strmap_node *; the string is NODE->name.
#define STRSET_FOR_EACH(NODE, SET) STRMAP_FOR_EACH (NODE, &(SET)->map)
