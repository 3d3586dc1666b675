// SPDX-License-Identifier: Apache-2.0
// Atoms: life, order, hash, constraints, JSON.
#include <inttypes.h>

#include "core/base/arena.h"
#include "core/base/hash.h"
#include "core/io/json.h"
#include "ovsdb/schema.h"

void ovsdb_atom_uninit(union ovsdb_atom *a, enum ovsdb_atomic_type type)
{
	if (type == OVSDB_STRING)
		free(a->string);
}

void ovsdb_atom_clone(union ovsdb_atom *dst, const union ovsdb_atom *src,
		      enum ovsdb_atomic_type type)
{
	if (type == OVSDB_STRING)
		dst->string = xstrdup(src->string);
	else
		*dst = *src;
}

int ovsdb_atom_compare(const union ovsdb_atom *a, const union ovsdb_atom *b,
		       enum ovsdb_atomic_type type)
{
	switch (type) {
	case OVSDB_INTEGER:
		return a->integer < b->integer ? -1 : a->integer > b->integer;
	case OVSDB_REAL:
		return a->real < b->real ? -1 : a->real > b->real;
	case OVSDB_BOOLEAN:
		return a->boolean - b->boolean;
	case OVSDB_STRING:
		return strcmp(a->string, b->string);
	case OVSDB_UUID:
		return uuid_compare(&a->uuid, &b->uuid);
	default:
		abort();
	}
}

uint64_t ovsdb_atom_hash(const union ovsdb_atom *a, enum ovsdb_atomic_type type, uint64_t basis)
{
	double zero = 0.0;

	switch (type) {
	case OVSDB_INTEGER:
		return hash_u64(a->integer, basis);
	case OVSDB_REAL: // -0.0 equals 0.0
		return hash_bytes(a->real == 0.0 ? &zero : &a->real, sizeof(a->real), basis);
	case OVSDB_BOOLEAN:
		return hash_u64(a->boolean, basis);
	case OVSDB_STRING:
		return hash_string(a->string, basis);
	case OVSDB_UUID:
		return hash_bytes(&a->uuid, sizeof(a->uuid), basis);
	default:
		abort();
	}
}

// Characters (code points), which is what minLength and maxLength count.
static size_t utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static int check_enum(const union ovsdb_atom *a, const struct ovsdb_base_type *base,
		      struct ovsdb_error *err)
{
	AUTO(strbuf) value = STRBUF_INIT, allowed = STRBUF_INIT;
	struct ovsdb_type t;

	ovsdb_type_init_scalar(&t, base->type);
	t.n_max = UINT_MAX;
	if (ovsdb_datum_find(base->enums, a, &t) >= 0)
		return 0;
	ovsdb_atom_format(a, base->type, &value);
	ovsdb_datum_format(base->enums, &t, &allowed);
	return ovsdb_error_set(err, OVSDB_CONSTRAINT, "%s is not one of the allowed values (%s)",
			       value.s, allowed.s);
}

static int check_integer(int64_t v, const struct ovsdb_base_type *b, struct ovsdb_error *err)
{
	if (v >= b->min_int && v <= b->max_int)
		return 0;
	if (b->min_int != INT64_MIN && b->max_int != INT64_MAX)
		return ovsdb_error_set(err, OVSDB_CONSTRAINT,
				       "%" PRId64 " is not in the valid range %" PRId64
				       " to %" PRId64 " (inclusive)",
				       v, b->min_int, b->max_int);
	if (v < b->min_int)
		return ovsdb_error_set(err, OVSDB_CONSTRAINT,
				       "%" PRId64 " is less than minimum allowed value %" PRId64, v,
				       b->min_int);
	return ovsdb_error_set(err, OVSDB_CONSTRAINT,
			       "%" PRId64 " is greater than maximum allowed value %" PRId64, v,
			       b->max_int);
}

static int check_real(double v, const struct ovsdb_base_type *b, struct ovsdb_error *err)
{
	if (v < b->min_real)
		return ovsdb_error_set(err, OVSDB_CONSTRAINT,
				       "%.*g is less than minimum allowed value %.*g", 17, v, 17,
				       b->min_real);
	if (v > b->max_real)
		return ovsdb_error_set(err, OVSDB_CONSTRAINT,
				       "%.*g is greater than maximum allowed value %.*g", 17, v, 17,
				       b->max_real);
	return 0;
}

static int check_string(const char *s, const struct ovsdb_base_type *b, struct ovsdb_error *err)
{
	size_t n = b->min_len || b->max_len != UINT_MAX ? utf8_length(s) : 0;

	if (n < b->min_len)
		return ovsdb_error_set(
			err, OVSDB_CONSTRAINT,
			"\"%.64s\" length %zu is less than minimum allowed length %u", s, n,
			b->min_len);
	if (n > b->max_len)
		return ovsdb_error_set(
			err, OVSDB_CONSTRAINT,
			"\"%.64s\" length %zu is greater than maximum allowed length %u", s, n,
			b->max_len);
	return 0;
}

int ovsdb_atom_check(const union ovsdb_atom *a, const struct ovsdb_base_type *base,
		     struct ovsdb_error *err)
{
	if (base->enums && check_enum(a, base, err))
		return -EINVAL;
	switch (base->type) {
	case OVSDB_INTEGER:
		return check_integer(a->integer, base, err);
	case OVSDB_REAL:
		return check_real(a->real, base, err);
	case OVSDB_STRING:
		return check_string(a->string, base, err);
	default:
		return 0;
	}
}

// ["uuid", "..."] or ["named-uuid", "..."], from behind the '['.
static void read_uuid(union ovsdb_atom *a, struct json_reader *r, struct ovsdb_symbols *symbols)
{
	static const char form[] = "expected [\"uuid\", <string>]";
	char tag[16] = "";
	const char *s;
	size_t len = 0;

	json_array(r);
	if (json_element(r) && json_peek(r) == JSON_STRING) {
		s = json_string(r, &len);
		if (len < sizeof(tag))
			memcpy(tag, s, len);
	}
	if (!*tag || !json_element(r) || json_peek(r) != JSON_STRING) {
		json_fail(r, "%s", form);
		return;
	}
	s = json_string(r, &len);
	if (!strcmp(tag, "uuid")) {
		if (len != UUID_LEN || !uuid_parse_prefix(&a->uuid, s))
			json_fail(r, "\"%.*s\" is not a valid UUID", (int)MIN(len, 100u), s);
	} else if (!strcmp(tag, "named-uuid") && symbols) {
		AUTO_FREE char *name = xstrndup(s, len);

		if (!ovsdb_id_is_valid(name))
			json_fail(r, "named-uuid string is not a valid <id>");
		else if (!symbols->lookup(symbols, name, &a->uuid))
			json_fail(r, "named-uuid \"%s\" is not known here", name);
	} else {
		json_fail(r, "%s", form);
	}
	if (json_element(r))
		json_fail(r, "%s", form);
}

static char *read_string(struct arena *arena, struct json_reader *r)
{
	size_t len;
	const char *s = json_string(r, &len);

	return arena ? arena_strndup(arena, s, len) : xstrndup(s, len);
}

static bool is_type(enum ovsdb_atomic_type type, enum json_type next)
{
	switch (type) {
	case OVSDB_INTEGER:
	case OVSDB_REAL:
		return next == JSON_NUMBER;
	case OVSDB_BOOLEAN:
		return next == JSON_TRUE || next == JSON_FALSE;
	case OVSDB_STRING:
		return next == JSON_STRING;
	default:
		return next == JSON_ARRAY;
	}
}

int ovsdb_atom_read_in(struct arena *arena, union ovsdb_atom *a, const struct ovsdb_base_type *base,
		       struct json_reader *r, struct ovsdb_symbols *symbols,
		       struct ovsdb_error *err)
{
	int rc = 0;

	if (!is_type(base->type, json_peek(r))) {
		if (base->type == OVSDB_UUID)
			json_fail(r, "expected [\"uuid\", <string>]");
		json_fail(r, "expected %s", ovsdb_atomic_type_name(base->type));
		return ovsdb_error_from_value(err, r);
	}
	memset(a, 0, sizeof(*a));
	if (base->type == OVSDB_INTEGER)
		a->integer = json_integer(r);
	else if (base->type == OVSDB_REAL)
		a->real = json_real(r);
	else if (base->type == OVSDB_BOOLEAN)
		a->boolean = json_bool(r);
	else if (base->type == OVSDB_STRING)
		a->string = read_string(arena, r);
	else
		read_uuid(a, r, symbols);
	if (json_failed(r) && base->type == OVSDB_INTEGER)
		rc = ovsdb_error_set(err, OVSDB_SYNTAX, "expected integer");
	else if (json_failed(r))
		rc = ovsdb_error_from_value(err, r);
	else if (ovsdb_atom_check(a, base, err))
		rc = -EINVAL;
	if (rc && !arena)
		ovsdb_atom_uninit(a, base->type);
	return rc;
}

int ovsdb_atom_read(union ovsdb_atom *a, const struct ovsdb_base_type *base, struct json_reader *r,
		    struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	return ovsdb_atom_read_in(NULL, a, base, r, symbols, err);
}

void ovsdb_atom_write(const union ovsdb_atom *a, enum ovsdb_atomic_type type, struct json_writer *w)
{
	char uuid[UUID_LEN + 1];

	switch (type) {
	case OVSDB_INTEGER:
		jw_integer(w, a->integer);
		break;
	case OVSDB_REAL:
		jw_real(w, a->real);
		break;
	case OVSDB_BOOLEAN:
		jw_bool(w, a->boolean);
		break;
	case OVSDB_STRING:
		jw_string(w, a->string);
		break;
	case OVSDB_UUID:
		jw_array_begin(w);
		jw_string(w, "uuid");
		uuid_format(&a->uuid, uuid);
		jw_string_n(w, uuid, UUID_LEN);
		jw_array_end(w);
		break;
	default:
		abort();
	}
}
