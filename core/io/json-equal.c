// SPDX-License-Identifier: Apache-2.0
// Do two texts stand for the same value?
#include "core/base/vec.h"
#include "core/io/json-private.h"

struct member {
	char *key;
	struct json_span value;
};

typedef VEC(struct member) member_vec;

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void read_members(struct json_reader *r, member_vec *v)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		struct member *m = VEC_PUSH_UNINIT(v);

		m->key = xstrndup(key, len);
		m->value = json_skip(r);
	}
	if (v->n)
		qsort(v->v, v->n, sizeof(*v->v), by_key);
}

static bool equal_objects(struct json_reader *a, struct json_reader *b)
{
	member_vec va = VEC_INIT, vb = VEC_INIT;
	struct member *m;
	bool same;

	read_members(a, &va);
	read_members(b, &vb);
	same = va.n == vb.n && !json_failed(a) && !json_failed(b);
	for (size_t i = 0; same && i < va.n; i++)
		same = !strcmp(va.v[i].key, vb.v[i].key) &&
		       json_equal(va.v[i].value, vb.v[i].value);
	VEC_FOR_EACH (m, &va)
		free(m->key);
	VEC_FOR_EACH (m, &vb)
		free(m->key);
	VEC_FREE(&va);
	VEC_FREE(&vb);
	return same;
}

static bool equal_arrays(struct json_reader *a, struct json_reader *b)
{
	json_array(a);
	json_array(b);
	for (;;) {
		bool more = json_element(a);

		if (more != json_element(b))
			return false;
		if (!more)
			return !json_failed(a) && !json_failed(b);
		if (!json_equal(json_skip(a), json_skip(b)))
			return false;
	}
}

static bool equal_values(struct json_reader *a, struct json_reader *b)
{
	enum json_type t = json_peek(a);
	struct json_number na, nb;
	size_t la, lb;

	if (t != json_peek(b))
		return false;
	switch (t) {
	case JSON_OBJECT:
		return equal_objects(a, b);
	case JSON_ARRAY:
		return equal_arrays(a, b);
	case JSON_STRING: {
		const char *sa = json_string(a, &la), *sb = json_string(b, &lb);

		return la == lb && !memcmp(sa, sb, la);
	}
	case JSON_NUMBER:
		return json_read_number(a, &na) && json_read_number(b, &nb) &&
		       na.is_integer == nb.is_integer &&
		       (na.is_integer ? na.i == nb.i : na.d == nb.d);
	default:
		return true;
	}
}

bool json_equal(struct json_span a, struct json_span b)
{
	struct json_reader ra, rb;
	bool same;

	json_reader_init_span(&ra, a);
	json_reader_init_span(&rb, b);
	same = equal_values(&ra, &rb);
	json_reader_uninit(&ra);
	json_reader_uninit(&rb);
	return same;
}
