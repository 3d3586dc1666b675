// SPDX-License-Identifier: Apache-2.0
#include "core/base/strmap.h"

#include <strings.h>

#include "core/base/hash.h"

void strmap_init(struct strmap *m)
{
	hmap_init(&m->map);
}

void strmap_clear(struct strmap *m)
{
	struct strmap_node *n;

	HMAP_FOR_EACH_SAFE (n, node, &m->map)
		strmap_remove(m, n);
}

void strmap_uninit(struct strmap *m)
{
	strmap_clear(m);
	hmap_uninit(&m->map);
}

void strmap_uninit_free(struct strmap *m)
{
	struct strmap_node *n;

	HMAP_FOR_EACH (n, node, &m->map)
		free(n->data);
	strmap_uninit(m);
}

struct strmap_node *strmap_add(struct strmap *m, const char *name, void *data)
{
	struct strmap_node *n = xmalloc(sizeof(*n));

	n->name = xstrdup(name);
	n->data = data;
	hmap_insert(&m->map, &n->node, hash_string(name, 0));
	return n;
}

static struct strmap_node *find_n(const struct strmap *m, const char *name, size_t len)
{
	struct strmap_node *n;

	HMAP_FOR_EACH_WITH_HASH (n, node, hash_bytes(name, len, 0), &m->map)
		if (!strncmp(n->name, name, len) && !n->name[len])
			return n;
	return NULL;
}

struct strmap_node *strmap_find(const struct strmap *m, const char *name)
{
	return find_n(m, name, strlen(name));
}

bool strmap_add_once(struct strmap *m, const char *name, void *data)
{
	if (strmap_find(m, name))
		return false;
	strmap_add(m, name, data);
	return true;
}

void *strmap_replace(struct strmap *m, const char *name, void *data)
{
	struct strmap_node *n = strmap_find(m, name);
	void *old;

	if (!n) {
		strmap_add(m, name, data);
		return NULL;
	}
	old = n->data;
	n->data = data;
	return old;
}

void *strmap_get(const struct strmap *m, const char *name)
{
	struct strmap_node *n = strmap_find(m, name);

	return n ? n->data : NULL;
}

void *strmap_get_n(const struct strmap *m, const char *name, size_t len)
{
	struct strmap_node *n = find_n(m, name, len);

	return n ? n->data : NULL;
}

void strmap_remove(struct strmap *m, struct strmap_node *n)
{
	hmap_remove(&m->map, &n->node);
	free(n->name);
	free(n);
}

void *strmap_take(struct strmap *m, const char *name)
{
	struct strmap_node *n = strmap_find(m, name);
	void *data = n ? n->data : NULL;

	if (n)
		strmap_remove(m, n);
	return data;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct strmap_node *const *)a)->name,
		      (*(struct strmap_node *const *)b)->name);
}

struct strmap_node **strmap_sorted(const struct strmap *m)
{
	struct strmap_node **v = xcalloc(m->map.n, sizeof(*v)), *n;
	size_t i = 0;

	HMAP_FOR_EACH (n, node, &m->map)
		v[i++] = n;
	qsort(v, i, sizeof(*v), by_name);
	return v;
}

void smap_init(struct smap *m)
{
	hmap_init(&m->map);
}

static void smap_remove_node(struct smap *m, struct smap_node *n)
{
	hmap_remove(&m->map, &n->node);
	free(n->key);
	free(n->value);
	free(n);
}

void smap_clear(struct smap *m)
{
	struct smap_node *n;

	HMAP_FOR_EACH_SAFE (n, node, &m->map)
		smap_remove_node(m, n);
}

void smap_uninit(struct smap *m)
{
	smap_clear(m);
	hmap_uninit(&m->map);
}

static struct smap_node *smap_find(const struct smap *m, const char *key)
{
	struct smap_node *n;

	HMAP_FOR_EACH_WITH_HASH (n, node, hash_string(key, 0), &m->map)
		if (!strcmp(n->key, key))
			return n;
	return NULL;
}

static void smap_set_take(struct smap *m, const char *key, char *value)
{
	struct smap_node *n = smap_find(m, key);

	if (n) {
		free(n->value);
	} else {
		n = xmalloc(sizeof(*n));
		n->key = xstrdup(key);
		hmap_insert(&m->map, &n->node, hash_string(key, 0));
	}
	n->value = value;
}

void smap_set(struct smap *m, const char *key, const char *value)
{
	smap_set_take(m, key, xstrdup(value));
}

void smap_setf(struct smap *m, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	smap_set_take(m, key, xvasprintf(fmt, args));
	va_end(args);
}

void smap_clone(struct smap *dst, const struct smap *src)
{
	struct smap_node *n;

	smap_init(dst);
	SMAP_FOR_EACH (n, src)
		smap_set(dst, n->key, n->value);
}

bool smap_equal(const struct smap *a, const struct smap *b)
{
	struct smap_node *n;

	if (smap_count(a) != smap_count(b))
		return false;
	SMAP_FOR_EACH (n, a) {
		const char *v = smap_get(b, n->key);

		if (!v || strcmp(v, n->value))
			return false;
	}
	return true;
}

bool smap_remove(struct smap *m, const char *key)
{
	struct smap_node *n = smap_find(m, key);

	if (n)
		smap_remove_node(m, n);
	return n != NULL;
}

const char *smap_get(const struct smap *m, const char *key)
{
	return smap_get_def(m, key, NULL);
}

const char *smap_get_def(const struct smap *m, const char *key, const char *def)
{
	struct smap_node *n = smap_find(m, key);

	return n ? n->value : def;
}

bool smap_get_bool(const struct smap *m, const char *key, bool def)
{
	const char *v = smap_get(m, key);

	if (v && !strcasecmp(v, "true"))
		return true;
	if (v && !strcasecmp(v, "false"))
		return false;
	return def;
}

int64_t smap_get_int(const struct smap *m, const char *key, int64_t def)
{
	const char *v = smap_get(m, key);
	int64_t n;

	return v && parse_i64(v, 10, &n) ? n : def;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct smap_node *const *)a)->key, (*(struct smap_node *const *)b)->key);
}

struct smap_node **smap_sorted(const struct smap *m)
{
	struct smap_node **v = xcalloc(m->map.n, sizeof(*v)), *n;
	size_t i = 0;

	SMAP_FOR_EACH (n, m)
		v[i++] = n;
	qsort(v, i, sizeof(*v), by_key);
	return v;
}

void strset_init(struct strset *s)
{
	strmap_init(&s->map);
}

void strset_uninit(struct strset *s)
{
	strmap_uninit(&s->map);
}

bool strset_add(struct strset *s, const char *name)
{
	return strmap_add_once(&s->map, name, NULL);
}

bool strset_remove(struct strset *s, const char *name)
{
	struct strmap_node *n = strmap_find(&s->map, name);

	if (n)
		strmap_remove(&s->map, n);
	return n != NULL;
}

bool strset_contains(const struct strset *s, const char *name)
{
	return strmap_find(&s->map, name) != NULL;
}
