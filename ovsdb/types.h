// SPDX-License-Identifier: Apache-2.0
// Column types (RFC 7047 section 3.2): a base type for keys, perhaps one for values, and how many there may be.
#pragma once

#include <limits.h>

#include "core/base/uuid.h"
#include "ovsdb/error.h"

enum ovsdb_atomic_type {
	OVSDB_VOID, // the value type of what is no map
	OVSDB_INTEGER,
	OVSDB_REAL,
	OVSDB_BOOLEAN,
	OVSDB_STRING,
	OVSDB_UUID,
	OVSDB_ATOMIC_MAX
};

struct ovsdb_datum;

struct ovsdb_base_type {
	enum ovsdb_atomic_type type;
	struct ovsdb_datum *enums; // the values allowed, or NULL for any
	int64_t min_int, max_int;
	double min_real, max_real;
	unsigned int min_len, max_len; // of strings, in characters
	char *ref_table; // uuids that refer to rows of this table, or NULL
	bool ref_weak;
};

struct ovsdb_type {
	struct ovsdb_base_type key, value;
	unsigned int n_min, n_max; // 0 or 1; at least 1, UINT_MAX without limit
};

const char *ovsdb_atomic_type_name(enum ovsdb_atomic_type type);

void ovsdb_base_type_init(struct ovsdb_base_type *b, enum ovsdb_atomic_type type);
void ovsdb_base_type_uninit(struct ovsdb_base_type *b);
void ovsdb_base_type_clone(struct ovsdb_base_type *dst, const struct ovsdb_base_type *src);
int ovsdb_base_type_read(struct ovsdb_base_type *b, struct json_reader *r, struct ovsdb_error *err);
void ovsdb_base_type_write(const struct ovsdb_base_type *b, struct json_writer *w);

// A scalar of one atomic type without constraints.
void ovsdb_type_init_scalar(struct ovsdb_type *t, enum ovsdb_atomic_type type);
void ovsdb_type_uninit(struct ovsdb_type *t);
void ovsdb_type_clone(struct ovsdb_type *dst, const struct ovsdb_type *src);
// On failure 't' is empty (nothing to free).
int ovsdb_type_read(struct ovsdb_type *t, struct json_reader *r, struct ovsdb_error *err);
void ovsdb_type_write(const struct ovsdb_type *t, struct json_writer *w);
// The same JSON text?
bool ovsdb_type_equal(const struct ovsdb_type *a, const struct ovsdb_type *b);
// For a person: "set of up to 4096 integers in the range 0 to 4095".
void ovsdb_type_describe(const struct ovsdb_type *t, struct strbuf *out);

static inline bool ovsdb_type_is_scalar(const struct ovsdb_type *t)
{
	return t->value.type == OVSDB_VOID && t->n_min == 1 && t->n_max == 1;
}

static inline bool ovsdb_type_is_optional_scalar(const struct ovsdb_type *t)
{
	return t->value.type == OVSDB_VOID && t->n_min == 0 && t->n_max == 1;
}

static inline bool ovsdb_type_is_map(const struct ovsdb_type *t)
{
	return t->value.type != OVSDB_VOID;
}

// More than one element possible.
static inline bool ovsdb_type_is_composite(const struct ovsdb_type *t)
{
	return t->n_max > 1;
}

static inline bool ovsdb_base_is_strong_ref(const struct ovsdb_base_type *b)
{
	return b->ref_table && !b->ref_weak;
}

static inline bool ovsdb_base_is_weak_ref(const struct ovsdb_base_type *b)
{
	return b->ref_table && b->ref_weak;
}
