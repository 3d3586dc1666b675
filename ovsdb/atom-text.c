// SPDX-License-Identifier: Apache-2.0
// Atoms and datums as people write them: bare words, "quoted", [a, b], {k=v}, @name.
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "ovsdb/datum.h"

#include "core/io/json.h"

// A string stands bare when it cannot be taken for anything else.
static bool string_needs_quotes(const char *s)
{
	struct uuid u;

	if (!isalpha((unsigned char)*s) && *s != '_')
		return true;
	for (const char *p = s + 1; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-' && *p != '.')
			return true;
	if (!strcmp(s, "true") || !strcmp(s, "false"))
		return true;
	return uuid_parse_prefix(&u, s);
}

static void format_atom(const union ovsdb_atom *a, enum ovsdb_atomic_type type, bool bare,
			struct strbuf *out)
{
	struct json_writer w;

	switch (type) {
	case OVSDB_INTEGER:
		strbuf_printf(out, "%" PRId64, a->integer);
		break;
	case OVSDB_REAL:
		json_writer_init(&w, out);
		jw_real(&w, a->real);
		break;
	case OVSDB_BOOLEAN:
		strbuf_puts(out, a->boolean ? "true" : "false");
		break;
	case OVSDB_STRING:
		if (!bare && string_needs_quotes(a->string))
			json_put_string(out, a->string, strlen(a->string));
		else
			strbuf_puts(out, a->string);
		break;
	case OVSDB_UUID:
		strbuf_printf(out, UUID_FMT, UUID_ARGS(&a->uuid));
		break;
	default:
		abort();
	}
}

void ovsdb_atom_format(const union ovsdb_atom *a, enum ovsdb_atomic_type type, struct strbuf *out)
{
	format_atom(a, type, false, out);
}

void ovsdb_atom_format_bare(const union ovsdb_atom *a, enum ovsdb_atomic_type type,
			    struct strbuf *out)
{
	format_atom(a, type, true, out);
}

void ovsdb_datum_format(const struct ovsdb_datum *d, const struct ovsdb_type *t, struct strbuf *out)
{
	bool is_map = ovsdb_type_is_map(t);

	if (is_map || !d->n || t->n_max > 1)
		strbuf_putc(out, is_map ? '{' : '[');
	for (unsigned int i = 0; i < d->n; i++) {
		if (i)
			strbuf_puts(out, ", ");
		format_atom(&d->keys[i], t->key.type, false, out);
		if (is_map) {
			strbuf_putc(out, '=');
			format_atom(&d->values[i], t->value.type, false, out);
		}
	}
	if (is_map || !d->n || t->n_max > 1)
		strbuf_putc(out, is_map ? '}' : ']');
}

void ovsdb_datum_format_bare(const struct ovsdb_datum *d, const struct ovsdb_type *t,
			     struct strbuf *out)
{
	for (unsigned int i = 0; i < d->n; i++) {
		if (i)
			strbuf_putc(out, ' ');
		format_atom(&d->keys[i], t->key.type, true, out);
		if (ovsdb_type_is_map(t)) {
			strbuf_putc(out, '=');
			format_atom(&d->values[i], t->value.type, true, out);
		}
	}
}

static const char *skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static int quoted_token(const char **s, char **ret_token, struct ovsdb_error *err)
{
	const char *p = *s + 1;
	struct json_reader r;

	while (*p && *p != '"')
		p += *p == '\\' && p[1] ? 2 : 1;
	if (*p != '"')
		return ovsdb_error_set(err, OVSDB_SYNTAX,
				       "%s: missing quote at end of quoted string", *s);
	p++;
	json_reader_init(&r, *s, p - *s);
	*ret_token = json_string_dup(&r);
	if (json_failed(&r)) {
		ovsdb_error_set(err, OVSDB_SYNTAX, "%.*s: %s", (int)(p - *s), *s, r.err.text);
		free(*ret_token);
		*ret_token = NULL;
	}
	json_reader_uninit(&r);
	if (!*ret_token)
		return -EINVAL;
	*s = p;
	return 0;
}

int ovsdb_token_parse(const char **s, char **ret_token, struct ovsdb_error *err)
{
	const char *p = *s;

	if (*p == '"')
		return quoted_token(s, ret_token, err);
	while (*p && !strchr(":=, []{}!<>", *p) && !isspace((unsigned char)*p))
		p++;
	// A colon belongs to the word unless '=' ends it here; ovs-vsctl splits column:key before it comes to values.
	while (*p == ':' || (*p && !strchr("=, []{}!<>", *p) && !isspace((unsigned char)*p)))
		p++;
	*ret_token = xstrndup(*s, p - *s);
	*s = p;
	return 0;
}

static int parse_real(union ovsdb_atom *a, const char *s, struct ovsdb_error *err)
{
	char *end;

	errno = 0;
	a->real = strtod(s, &end);
	if (end == s || *end || errno || !isfinite(a->real))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "\"%s\" is not a valid real number", s);
	return 0;
}

static int parse_boolean(union ovsdb_atom *a, const char *s, struct ovsdb_error *err)
{
	static const char *const yes[] = { "true", "yes", "on", "1" };
	static const char *const no[] = { "false", "no", "off", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcmp(s, yes[i]) || !strcmp(s, no[i])) {
			a->boolean = !strcmp(s, yes[i]);
			return 0;
		}
	}
	return ovsdb_error_set(err, OVSDB_SYNTAX,
			       "\"%s\" is not a valid boolean (use \"true\" or \"false\")", s);
}

static int parse_uuid(union ovsdb_atom *a, const char *s, struct ovsdb_symbols *symbols,
		      struct ovsdb_error *err)
{
	if (*s == '@' && symbols) {
		if (symbols->lookup(symbols, s, &a->uuid))
			return 0;
		return ovsdb_error_set(err, OVSDB_SYNTAX, "\"%s\" is not a known name", s);
	}
	if (!uuid_parse(&a->uuid, s))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "\"%s\" is not a valid UUID", s);
	return 0;
}

static int parse_token(union ovsdb_atom *a, const struct ovsdb_base_type *base, char *s,
		       struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	int rc = 0;

	memset(a, 0, sizeof(*a));
	switch (base->type) {
	case OVSDB_INTEGER:
		if (!parse_i64(s, 10, &a->integer))
			rc = ovsdb_error_set(err, OVSDB_SYNTAX,
					     "\"%s\" is not a valid integer or range", s);
		break;
	case OVSDB_REAL:
		rc = parse_real(a, s, err);
		break;
	case OVSDB_BOOLEAN:
		rc = parse_boolean(a, s, err);
		break;
	case OVSDB_STRING:
		if (!*s)
			break; // a bare empty word is "" as well
		break;
	default:
		rc = parse_uuid(a, s, symbols, err);
	}
	if (rc)
		return rc;
	if (base->type == OVSDB_STRING)
		a->string = xstrdup(s);
	rc = ovsdb_atom_check(a, base, err);
	if (rc)
		ovsdb_atom_uninit(a, base->type);
	return rc;
}

int ovsdb_atom_parse(union ovsdb_atom *a, const struct ovsdb_base_type *base, const char *s,
		     struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	AUTO_FREE char *token = NULL;

	if (*s == '"') {
		if (ovsdb_token_parse(&s, &token, err))
			return -EINVAL;
		if (*s)
			return ovsdb_error_set(err, OVSDB_SYNTAX, "trailing garbage \"%s\"", s);
		return parse_token(a, base, token, symbols, err);
	}
	token = xstrdup(s);
	return parse_token(a, base, token, symbols, err);
}

static int parse_one(union ovsdb_atom *a, const struct ovsdb_base_type *base, const char **p,
		     struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	AUTO_FREE char *token = NULL;
	const char *start = *p;

	if (ovsdb_token_parse(p, &token, err))
		return -EINVAL;
	if (!*token && *start != '"')
		return ovsdb_error_set(err, OVSDB_SYNTAX, "%s: unexpected \"%c\" parsing %s", start,
				       *start ? *start : ' ', ovsdb_atomic_type_name(base->type));
	return parse_token(a, base, token, symbols, err);
}

// "A-B" among integers is every number from A to B.
static bool parse_range(const char *p, int64_t *first, int64_t *last, const char **end)
{
	char *e;

	errno = 0;
	*first = strtoll(p, &e, 10);
	if (e == p || *e != '-' || errno)
		return false;
	p = e + 1;
	*last = strtoll(p, &e, 10);
	*end = e;
	return e != p && !errno && *first <= *last && *last - *first < 65536;
}

static int parse_element(struct ovsdb_datum *d, size_t *cap_k, size_t *cap_v,
			 const struct ovsdb_type *t, const char **p, struct ovsdb_symbols *symbols,
			 struct ovsdb_error *err)
{
	int64_t first, last;

	if (t->key.type == OVSDB_INTEGER && !ovsdb_type_is_map(t) &&
	    parse_range(*p, &first, &last, p)) {
		for (int64_t v = first; v <= last; v++) {
			d->keys = xgrow(d->keys, cap_k, d->n + 1, sizeof(*d->keys));
			d->keys[d->n].integer = v;
			if (ovsdb_atom_check(&d->keys[d->n], &t->key, err))
				return -EINVAL;
			d->n++;
		}
		return 0;
	}
	d->keys = xgrow(d->keys, cap_k, d->n + 1, sizeof(*d->keys));
	if (parse_one(&d->keys[d->n], &t->key, p, symbols, err))
		return -EINVAL;
	if (ovsdb_type_is_map(t)) {
		d->values = xgrow(d->values, cap_v, d->n + 1, sizeof(*d->values));
		*p = skip_blanks(*p);
		if (**p != '=') {
			if (**p)
				ovsdb_error_set(err, OVSDB_SYNTAX,
						"%s: syntax error at \"%c\" expecting \"=\"", *p,
						**p);
			else
				ovsdb_error_set(
					err, OVSDB_SYNTAX,
					"syntax error at the end, expecting \"=\" and a value");
			ovsdb_atom_uninit(&d->keys[d->n], t->key.type);
			return -EINVAL;
		}
		*p = skip_blanks(*p + 1);
		if (parse_one(&d->values[d->n], &t->value, p, symbols, err)) {
			ovsdb_atom_uninit(&d->keys[d->n], t->key.type);
			return -EINVAL;
		}
	}
	d->n++;
	return 0;
}

static int check_count(const struct ovsdb_datum *d, const struct ovsdb_type *t, const char *s,
		       struct ovsdb_error *err)
{
	const char *what = ovsdb_type_is_map(t) ? "pair(s)" : "value(s)";

	if (d->n < t->n_min)
		return ovsdb_error_set(err, OVSDB_SYNTAX,
				       "%s: %u %s specified but the minimum number is %u", s, d->n,
				       what, t->n_min);
	if (d->n > t->n_max)
		return ovsdb_error_set(err, OVSDB_SYNTAX,
				       "%s: %u %s specified but the maximum number is %u", s, d->n,
				       what, t->n_max);
	return 0;
}

static int parse_elements(struct ovsdb_datum *d, const struct ovsdb_type *t, const char *s,
			  struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	char open = ovsdb_type_is_map(t) ? '{' : '[', close = open + 2;
	const char *p = skip_blanks(s);
	size_t cap_k = 0, cap_v = 0;
	bool brackets = *p == open;

	if (brackets)
		p = skip_blanks(p + 1);
	while (*p && *p != close) {
		if (parse_element(d, &cap_k, &cap_v, t, &p, symbols, err))
			return -EINVAL;
		p = skip_blanks(p);
		if (*p == ',')
			p = skip_blanks(p + 1);
	}
	if (brackets && *p != close)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "%s: missing \"%c\" at end of data", s,
				       close);
	if (!brackets && *p)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "%s: \"%c\" without \"%c\" before it", s,
				       close, open);
	if (brackets && *skip_blanks(p + 1))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "%s: trailing garbage \"%s\"", s, p + 1);
	if (ovsdb_datum_sort(d, t, err))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "%s: %s", s,
				       ovsdb_type_is_map(t) ? "map contains duplicate key"
							    : "set contains duplicate value");
	return check_count(d, t, s, err);
}

int ovsdb_datum_parse(struct ovsdb_datum *d, const struct ovsdb_type *t, const char *s,
		      struct ovsdb_symbols *symbols, struct ovsdb_error *err)
{
	int rc;

	ovsdb_datum_init_empty(d);
	rc = parse_elements(d, t, s, symbols, err);
	if (rc)
		ovsdb_datum_uninit(d, t);
	return rc;
}
