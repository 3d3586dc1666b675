// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/types.h"

#include "core/io/json.h"

#include <float.h>
#include <inttypes.h>

#include "ovsdb/datum.h"

static const char *const atomic_names[OVSDB_ATOMIC_MAX] = {
	[OVSDB_VOID] = "void",	     [OVSDB_INTEGER] = "integer", [OVSDB_REAL] = "real",
	[OVSDB_BOOLEAN] = "boolean", [OVSDB_STRING] = "string",	  [OVSDB_UUID] = "uuid",
};

const char *ovsdb_atomic_type_name(enum ovsdb_atomic_type type)
{
	return atomic_names[type];
}

static bool atomic_type_parse(const char *name, enum ovsdb_atomic_type *ret)
{
	for (int i = OVSDB_INTEGER; i < OVSDB_ATOMIC_MAX; i++)
		if (!strcmp(name, atomic_names[i])) {
			*ret = i;
			return true;
		}
	return false;
}

static int atomic_type_read(struct json_reader *r, enum ovsdb_atomic_type *ret,
			    struct ovsdb_error *err)
{
	AUTO_FREE char *name = json_string_dup(r);

	if (json_failed(r))
		return ovsdb_error_from_json(err, r);
	if (!atomic_type_parse(name, ret))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "\"%s\" is not an atomic-type", name);
	return 0;
}

void ovsdb_base_type_init(struct ovsdb_base_type *b, enum ovsdb_atomic_type type)
{
	*b = (struct ovsdb_base_type){
		.type = type,
		.min_int = INT64_MIN,
		.max_int = INT64_MAX,
		.min_real = -DBL_MAX,
		.max_real = DBL_MAX,
		.max_len = UINT_MAX,
	};
}

// The type of an enumeration's values: a set of the bare atomic type.
static void enum_type(struct ovsdb_type *t, enum ovsdb_atomic_type type)
{
	ovsdb_type_init_scalar(t, type);
	t->n_max = UINT_MAX;
}

void ovsdb_base_type_uninit(struct ovsdb_base_type *b)
{
	struct ovsdb_type t;

	if (b->enums) {
		enum_type(&t, b->type);
		ovsdb_datum_uninit(b->enums, &t);
		free(b->enums);
	}
	free(b->ref_table);
	b->enums = NULL;
	b->ref_table = NULL;
}

void ovsdb_base_type_clone(struct ovsdb_base_type *dst, const struct ovsdb_base_type *src)
{
	struct ovsdb_type t;

	*dst = *src;
	if (src->enums) {
		enum_type(&t, src->type);
		dst->enums = xmalloc(sizeof(*dst->enums));
		ovsdb_datum_clone(dst->enums, src->enums, &t);
	}
	if (src->ref_table)
		dst->ref_table = xstrdup(src->ref_table);
}

static bool base_keyword_fits(const char *key, size_t len, enum ovsdb_atomic_type type)
{
	static const struct {
		const char *name;
		enum ovsdb_atomic_type type;
	} words[] = {
		{ "minInteger", OVSDB_INTEGER }, { "maxInteger", OVSDB_INTEGER },
		{ "minReal", OVSDB_REAL },	 { "maxReal", OVSDB_REAL },
		{ "minLength", OVSDB_STRING },	 { "maxLength", OVSDB_STRING },
		{ "refTable", OVSDB_UUID },	 { "refType", OVSDB_UUID },
	};

	if (json_key_is(key, len, "type") || json_key_is(key, len, "enum"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].type == type && json_key_is(key, len, words[i].name))
			return true;
	return false;
}

static unsigned int read_length(struct json_reader *r)
{
	int64_t v = json_integer(r);

	if (v < 0 || v > UINT_MAX) {
		json_fail(r, "a string length must be 0 to 4294967295");
		return 0;
	}
	return v;
}

static void read_enum(struct ovsdb_base_type *b, struct json_reader *r, struct ovsdb_error *err)
{
	struct ovsdb_type t;

	if (b->enums) {
		json_fail(r, "enum given twice");
		return;
	}
	enum_type(&t, b->type);
	t.n_min = 1;
	b->enums = xmalloc(sizeof(*b->enums));
	ovsdb_datum_init_empty(b->enums);
	if (ovsdb_datum_read(b->enums, &t, r, NULL, err))
		json_fail(r, "enum: %s", err->details);
}

static void read_ref_type(struct ovsdb_base_type *b, struct json_reader *r)
{
	AUTO_FREE char *s = json_string_dup(r);

	if (!strcmp(s, "weak"))
		b->ref_weak = true;
	else if (strcmp(s, "strong") != 0)
		json_fail(r, "refType must be \"strong\" or \"weak\"");
}

static void read_base_member(struct ovsdb_base_type *b, struct json_reader *r, const char *key,
			     size_t len, struct ovsdb_error *err)
{
	if (!base_keyword_fits(key, len, b->type))
		json_fail(r, "unexpected member \"%.*s\" in a %s type", (int)len, key,
			  atomic_names[b->type]);
	else if (json_key_is(key, len, "enum"))
		read_enum(b, r, err);
	else if (json_key_is(key, len, "minInteger"))
		b->min_int = json_integer(r);
	else if (json_key_is(key, len, "maxInteger"))
		b->max_int = json_integer(r);
	else if (json_key_is(key, len, "minReal"))
		b->min_real = json_real(r);
	else if (json_key_is(key, len, "maxReal"))
		b->max_real = json_real(r);
	else if (json_key_is(key, len, "minLength"))
		b->min_len = read_length(r);
	else if (json_key_is(key, len, "maxLength"))
		b->max_len = read_length(r);
	else if (json_key_is(key, len, "refType"))
		read_ref_type(b, r);
	else if (json_key_is(key, len, "refTable")) {
		free(b->ref_table);
		b->ref_table = json_string_dup(r);
	} else
		json_skip(r);
}

// Members come in any order, and the others depend on "type": find that one first.
static int find_atomic_type(struct json_span text, enum ovsdb_atomic_type *ret,
			    struct ovsdb_error *err)
{
	struct json_reader r;
	const char *key;
	size_t len;
	int rc = 1;

	json_reader_init_span(&r, text);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (rc == 1 && json_key_is(key, len, "type"))
			rc = atomic_type_read(&r, ret, err);
		else
			json_skip(&r);
		if (rc < 0)
			break;
	}
	if (rc == 1)
		rc = ovsdb_error_set(err, OVSDB_SYNTAX, "a base type has no \"type\" member");
	json_reader_uninit(&r);
	return rc;
}

static int check_base(const struct ovsdb_base_type *b, struct ovsdb_error *err)
{
	if (b->min_int > b->max_int)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "minInteger exceeds maxInteger");
	if (b->min_real > b->max_real)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "minReal exceeds maxReal");
	if (b->min_len > b->max_len)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "minLength exceeds maxLength");
	if (b->ref_weak && !b->ref_table)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "refType without refTable");
	return 0;
}

int ovsdb_base_type_read(struct ovsdb_base_type *b, struct json_reader *r, struct ovsdb_error *err)
{
	enum ovsdb_atomic_type type;
	struct json_reader sub;
	struct json_span text;
	const char *key;
	size_t len;
	int rc;

	ovsdb_base_type_init(b, OVSDB_VOID);
	if (json_peek(r) == JSON_STRING) {
		rc = atomic_type_read(r, &type, err);
		if (!rc)
			b->type = type;
		return rc;
	}
	text = json_skip(r);
	if (json_failed(r))
		return ovsdb_error_from_json(err, r);
	rc = find_atomic_type(text, &type, err);
	if (rc)
		return rc;
	ovsdb_base_type_init(b, type);
	json_reader_init_span(&sub, text);
	json_object(&sub);
	while (json_member(&sub, &key, &len)) {
		if (json_key_is(key, len, "type"))
			json_skip(&sub);
		else
			read_base_member(b, &sub, key, len, err);
	}
	rc = json_failed(&sub) ? ovsdb_error_from_json(err, &sub) : check_base(b, err);
	json_reader_uninit(&sub);
	if (rc)
		ovsdb_base_type_uninit(b);
	return rc;
}

static bool base_is_plain(const struct ovsdb_base_type *b)
{
	return !b->enums && b->min_int == INT64_MIN && b->max_int == INT64_MAX &&
	       b->min_real == -DBL_MAX && b->max_real == DBL_MAX && !b->min_len &&
	       b->max_len == UINT_MAX && !b->ref_table;
}

void ovsdb_base_type_write(const struct ovsdb_base_type *b, struct json_writer *w)
{
	struct ovsdb_type t;

	if (base_is_plain(b)) {
		jw_string(w, atomic_names[b->type]);
		return;
	}
	jw_object_begin(w);
	if (b->enums) {
		enum_type(&t, b->type);
		jw_key(w, "enum");
		ovsdb_datum_write(b->enums, &t, w);
	}
	if (b->max_int != INT64_MAX)
		jw_member_integer(w, "maxInteger", b->max_int);
	if (b->max_len != UINT_MAX)
		jw_member_integer(w, "maxLength", b->max_len);
	if (b->max_real != DBL_MAX) {
		jw_key(w, "maxReal");
		jw_real(w, b->max_real);
	}
	if (b->min_int != INT64_MIN)
		jw_member_integer(w, "minInteger", b->min_int);
	if (b->min_len)
		jw_member_integer(w, "minLength", b->min_len);
	if (b->min_real != -DBL_MAX) {
		jw_key(w, "minReal");
		jw_real(w, b->min_real);
	}
	if (b->ref_table)
		jw_member_string(w, "refTable", b->ref_table);
	if (b->ref_weak)
		jw_member_string(w, "refType", "weak");
	jw_member_string(w, "type", atomic_names[b->type]);
	jw_object_end(w);
}

void ovsdb_type_init_scalar(struct ovsdb_type *t, enum ovsdb_atomic_type type)
{
	ovsdb_base_type_init(&t->key, type);
	ovsdb_base_type_init(&t->value, OVSDB_VOID);
	t->n_min = t->n_max = 1;
}

void ovsdb_type_uninit(struct ovsdb_type *t)
{
	ovsdb_base_type_uninit(&t->key);
	ovsdb_base_type_uninit(&t->value);
}

void ovsdb_type_clone(struct ovsdb_type *dst, const struct ovsdb_type *src)
{
	ovsdb_base_type_clone(&dst->key, &src->key);
	ovsdb_base_type_clone(&dst->value, &src->value);
	dst->n_min = src->n_min;
	dst->n_max = src->n_max;
}

static void read_max(struct ovsdb_type *t, struct json_reader *r)
{
	int64_t v;

	if (json_peek(r) == JSON_STRING) {
		AUTO_FREE char *s = json_string_dup(r);

		if (strcmp(s, "unlimited") != 0)
			json_fail(r, "max must be an integer or \"unlimited\"");
		t->n_max = UINT_MAX;
		return;
	}
	v = json_integer(r);
	if (!json_failed(r) && (v < 1 || v >= UINT_MAX))
		json_fail(r, "max must be at least 1");
	t->n_max = v;
}

static void read_min(struct ovsdb_type *t, struct json_reader *r)
{
	int64_t v = json_integer(r);

	if (!json_failed(r) && (v < 0 || v > 1))
		json_fail(r, "min must be 0 or 1");
	t->n_min = v;
}

static int read_type_member(struct ovsdb_type *t, struct json_reader *r, const char *key,
			    size_t len, struct ovsdb_error *err)
{
	if (json_key_is(key, len, "key") && t->key.type == OVSDB_VOID)
		return ovsdb_base_type_read(&t->key, r, err);
	if (json_key_is(key, len, "value") && t->value.type == OVSDB_VOID)
		return ovsdb_base_type_read(&t->value, r, err);
	if (json_key_is(key, len, "min"))
		read_min(t, r);
	else if (json_key_is(key, len, "max"))
		read_max(t, r);
	else
		json_fail(r, "unexpected member \"%.*s\" in a type", (int)len, key);
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

int ovsdb_type_read(struct ovsdb_type *t, struct json_reader *r, struct ovsdb_error *err)
{
	const char *key;
	size_t len;
	int rc = 0;

	ovsdb_type_init_scalar(t, OVSDB_VOID);
	if (json_peek(r) == JSON_STRING)
		return ovsdb_base_type_read(&t->key, r, err);
	json_object(r);
	while (!rc && json_member(r, &key, &len))
		rc = read_type_member(t, r, key, len, err);
	if (!rc && json_failed(r))
		rc = ovsdb_error_from_json(err, r);
	if (!rc && t->key.type == OVSDB_VOID)
		rc = ovsdb_error_set(err, OVSDB_SYNTAX, "a type has no \"key\" member");
	if (!rc && t->n_min > t->n_max)
		rc = ovsdb_error_set(err, OVSDB_SYNTAX, "a type's min exceeds its max");
	if (rc)
		ovsdb_type_uninit(t);
	return rc;
}

void ovsdb_type_write(const struct ovsdb_type *t, struct json_writer *w)
{
	if (ovsdb_type_is_scalar(t) && base_is_plain(&t->key)) {
		ovsdb_base_type_write(&t->key, w);
		return;
	}
	jw_object_begin(w);
	jw_key(w, "key");
	ovsdb_base_type_write(&t->key, w);
	if (t->n_max == UINT_MAX)
		jw_member_string(w, "max", "unlimited");
	else if (t->n_max != 1)
		jw_member_integer(w, "max", t->n_max);
	if (t->n_min != 1)
		jw_member_integer(w, "min", t->n_min);
	if (t->value.type != OVSDB_VOID) {
		jw_key(w, "value");
		ovsdb_base_type_write(&t->value, w);
	}
	jw_object_end(w);
}

bool ovsdb_type_equal(const struct ovsdb_type *a, const struct ovsdb_type *b)
{
	AUTO(strbuf) sa = STRBUF_INIT, sb = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &sa);
	ovsdb_type_write(a, &w);
	json_writer_init(&w, &sb);
	ovsdb_type_write(b, &w);
	return !strcmp(strbuf_cstr(&sa), strbuf_cstr(&sb));
}

static void describe_base(const struct ovsdb_base_type *b, bool plural, struct strbuf *out)
{
	if (b->ref_table) {
		strbuf_printf(out, "%sreference%s to %s", b->ref_weak ? "weak " : "",
			      plural ? "s" : "", b->ref_table);
		return;
	}
	strbuf_printf(out, "%s%s", atomic_names[b->type], plural ? "s" : "");
	if (b->type == OVSDB_INTEGER && b->min_int != INT64_MIN && b->max_int != INT64_MAX)
		strbuf_printf(out, " in the range %" PRId64 " to %" PRId64, b->min_int, b->max_int);
	else if (b->type == OVSDB_INTEGER && b->min_int != INT64_MIN)
		strbuf_printf(out, ", at least %" PRId64, b->min_int);
	else if (b->type == OVSDB_INTEGER && b->max_int != INT64_MAX)
		strbuf_printf(out, ", at most %" PRId64, b->max_int);
}

void ovsdb_type_describe(const struct ovsdb_type *t, struct strbuf *out)
{
	bool many = t->n_max > 1;

	if (t->n_min == 0 && !many)
		strbuf_puts(out, "optional ");
	if (many) {
		strbuf_puts(out, ovsdb_type_is_map(t) ? "map of " : "set of ");
		if (t->n_min)
			strbuf_puts(out, "one or more ");
		else if (t->n_max != UINT_MAX)
			strbuf_printf(out, "up to %u ", t->n_max);
	}
	describe_base(&t->key, many, out);
	if (ovsdb_type_is_map(t)) {
		strbuf_puts(out, " to ");
		describe_base(&t->value, many, out);
	}
}
