// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "core/io/json-private.h"
#include "core/io/json.h"

void json_reader_init(struct json_reader *r, const char *text, size_t n)
{
	r->start = r->p = text;
	r->end = text + n;
	r->depth = 0;
	r->fresh = r->is_checked = false;
	strbuf_init(&r->text);
	error_clear(&r->err);
}

void json_reader_init_span(struct json_reader *r, struct json_span s)
{
	json_reader_init(r, s.p, s.n);
}

void json_reader_init_checked(struct json_reader *r, struct json_span s)
{
	json_reader_init(r, s.p, s.n);
	r->is_checked = true;
}

void json_reader_uninit(struct json_reader *r)
{
	strbuf_uninit(&r->text);
}

void json_fail(struct json_reader *r, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (r->err.code)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error_set(&r->err, -EPROTO, "byte %zu: %s", (size_t)(r->p - r->start), text);
}

bool json_failed(const struct json_reader *r)
{
	return r->err.code != 0;
}

const char *json_failure(const struct json_reader *r)
{
	const char *p = strstr(r->err.text, ": ");

	return p ? p + 2 : r->err.text;
}

static void skip_space(struct json_reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NONE] = "nothing",  [JSON_NULL] = "null",	    [JSON_FALSE] = "false",
		[JSON_TRUE] = "true",	  [JSON_OBJECT] = "object", [JSON_ARRAY] = "array",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string",
	};

	return names[type];
}

enum json_type json_peek(struct json_reader *r)
{
	if (json_failed(r))
		return JSON_NONE;
	skip_space(r);
	if (r->p == r->end)
		return JSON_NONE;
	switch (*r->p) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	case '-':
	case '0' ... '9':
		return JSON_NUMBER;
	default:
		json_fail(r, "a value cannot begin with '%c' (0x%02x)", *r->p >= ' ' ? *r->p : '?',
			  (unsigned char)*r->p);
		return JSON_NONE;
	}
}

// Consumes the first byte when the next value is of 'type'.
static bool begin(struct json_reader *r, enum json_type type)
{
	enum json_type got = json_peek(r);

	if (json_failed(r))
		return false;
	if (got != type) {
		json_fail(r, "%s where %s is expected", json_type_name(got), json_type_name(type));
		return false;
	}
	r->p++;
	return true;
}

static void open_container(struct json_reader *r, enum json_type type)
{
	if (!begin(r, type))
		return;
	if (++r->depth > JSON_MAX_DEPTH)
		json_fail(r, "nested deeper than %d", JSON_MAX_DEPTH);
	r->fresh = true;
}

// Steps to the next item of the container that 'close' ends; false at its end or on error.
static bool next_item(struct json_reader *r, char close)
{
	if (json_failed(r))
		return false;
	skip_space(r);
	if (r->p == r->end) {
		json_fail(r, "text ends within %s", close == ']' ? "an array" : "an object");
		return false;
	}
	if (*r->p == close) {
		r->p++;
		r->depth--;
		r->fresh = false;
		return false;
	}
	if (!r->fresh) {
		if (*r->p != ',') {
			json_fail(r, "',' or '%c' expected", close);
			return false;
		}
		r->p++;
		skip_space(r);
		if (r->p < r->end && *r->p == close) {
			json_fail(r, "'%c' after ','", close);
			return false;
		}
	}
	r->fresh = false;
	return true;
}

void json_object(struct json_reader *r)
{
	open_container(r, JSON_OBJECT);
}

void json_array(struct json_reader *r)
{
	open_container(r, JSON_ARRAY);
}

bool json_element(struct json_reader *r)
{
	return next_item(r, ']');
}

bool json_member(struct json_reader *r, const char **ret_key, size_t *ret_len)
{
	*ret_key = "";
	*ret_len = 0;
	if (!next_item(r, '}'))
		return false;
	*ret_key = json_string(r, ret_len);
	skip_space(r);
	if (!json_failed(r) && (r->p == r->end || *r->p != ':'))
		json_fail(r, "':' expected");
	if (json_failed(r))
		return false;
	r->p++;
	return true;
}

static void put_utf8(struct strbuf *b, uint32_t c)
{
	if (c < 0x80) {
		strbuf_putc(b, c);
	} else if (c < 0x800) {
		strbuf_putc(b, 0xc0 | c >> 6);
		strbuf_putc(b, 0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		strbuf_putc(b, 0xe0 | c >> 12);
		strbuf_putc(b, 0x80 | (c >> 6 & 0x3f));
		strbuf_putc(b, 0x80 | (c & 0x3f));
	} else {
		strbuf_putc(b, 0xf0 | c >> 18);
		strbuf_putc(b, 0x80 | (c >> 12 & 0x3f));
		strbuf_putc(b, 0x80 | (c >> 6 & 0x3f));
		strbuf_putc(b, 0x80 | (c & 0x3f));
	}
}

static int hex4(struct json_reader *r)
{
	int v = 0;

	if (r->end - r->p < 4) {
		json_fail(r, "\\u needs four hex digits");
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(r->p[i]);

		if (d < 0) {
			json_fail(r, "\\u needs four hex digits");
			return -1;
		}
		v = v << 4 | d;
	}
	r->p += 4;
	return v;
}

// Behind "\u".
static void unicode_escape(struct json_reader *r)
{
	int v = hex4(r);

	if (v < 0)
		return;
	if (v >= 0xd800 && v < 0xdc00) {
		int low;

		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u') {
			json_fail(r, "high surrogate without a low one");
			return;
		}
		r->p += 2;
		low = hex4(r);
		if (low < 0xdc00 || low > 0xdfff) {
			json_fail(r, "high surrogate without a low one");
			return;
		}
		v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
	} else if (v >= 0xdc00 && v < 0xe000) {
		json_fail(r, "low surrogate without a high one");
		return;
	}
	if (!v)
		json_fail(r, "null bytes are not supported in strings");
	else
		put_utf8(&r->text, v);
}

static void escape(struct json_reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *e;
	char c;

	if (r->p == r->end) {
		json_fail(r, "text ends within a string");
		return;
	}
	c = *r->p++;
	if (c == 'u') {
		unicode_escape(r);
		return;
	}
	e = c ? strchr(from, c) : NULL;
	if (!e)
		json_fail(r, "unknown escape \\%c", c >= ' ' ? c : '?');
	else
		strbuf_putc(&r->text, to[e - from]);
}

// Length of the valid UTF-8 sequence at 'p', 0 when it is not one.
static unsigned int utf8_length(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned int n = p[0] < 0x80   ? 1
			 : p[0] < 0xc2 ? 0
			 : p[0] < 0xe0 ? 2
			 : p[0] < 0xf0 ? 3
			 : p[0] < 0xf5 ? 4
				       : 0;

	if (!n || end - s < n)
		return 0;
	for (unsigned int i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

// Steps over plain characters; true when it stands at '"' or '\\'.
static bool plain_run(struct json_reader *r)
{
	while ((r->p = json_plain_end(r->p, r->end, JSON_HIGH)) < r->end) {
		unsigned char c = *r->p;
		unsigned int n;

		if (c == '"' || c == '\\')
			return true;
		if (c < 0x20) {
			json_fail(r, "control character 0x%02x in a string", c);
			return false;
		}
		n = utf8_length(r->p, r->end);
		if (!n) {
			json_fail(r, "invalid UTF-8");
			return false;
		}
		r->p += n;
	}
	json_fail(r, "text ends within a string");
	return false;
}

const char *json_string(struct json_reader *r, size_t *ret_len)
{
	const char *start;

	if (ret_len)
		*ret_len = 0;
	if (!begin(r, JSON_STRING))
		return "";
	start = r->p;
	if (!plain_run(r))
		return "";
	if (*r->p == '"' && ret_len) {
		// No escapes, and the caller takes a length: the text itself will do.
		*ret_len = r->p++ - start;
		return start;
	}
	strbuf_clear(&r->text);
	strbuf_put(&r->text, start, r->p - start);
	while (*r->p == '\\') {
		r->p++;
		escape(r);
		start = r->p;
		if (json_failed(r) || !plain_run(r))
			return "";
		strbuf_put(&r->text, start, r->p - start);
	}
	r->p++;
	if (ret_len)
		*ret_len = r->text.len;
	return strbuf_cstr(&r->text);
}

char *json_string_dup(struct json_reader *r)
{
	size_t n;
	const char *s = json_string(r, &n);

	return xstrndup(s, n);
}

static bool literal(struct json_reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n)) {
		json_fail(r, "\"%s\" expected", word);
		return false;
	}
	r->p += n;
	return true;
}

bool json_bool(struct json_reader *r)
{
	enum json_type t = json_peek(r);

	if (t == JSON_TRUE)
		return literal(r, "true");
	if (t == JSON_FALSE)
		literal(r, "false");
	else
		json_fail(r, "%s where a boolean is expected", json_type_name(t));
	return false;
}

void json_null(struct json_reader *r)
{
	if (json_peek(r) == JSON_NULL)
		literal(r, "null");
	else
		json_fail(r, "null expected");
}

static const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

// The end of the number at r->p by the grammar of RFC 8259, NULL (and an error) when it is none.
static const char *number_end(struct json_reader *r)
{
	const char *p = r->p, *q;

	if (p < r->end && *p == '-')
		p++;
	q = digits(p, r->end);
	if (q == p) {
		json_fail(r, "digit expected");
		return NULL;
	}
	if (*p == '0' && q > p + 1) {
		json_fail(r, "number with leading zero");
		return NULL;
	}
	p = q;
	if (p < r->end && *p == '.') {
		q = digits(p + 1, r->end);
		if (q == p + 1) {
			json_fail(r, "digit expected after '.'");
			return NULL;
		}
		p = q;
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		q = digits(p, r->end);
		if (q == p) {
			json_fail(r, "digit expected in exponent");
			return NULL;
		}
		p = q;
	}
	return p;
}

static bool plain_integer(const char *p, const char *end, int64_t *ret)
{
	bool negative = *p == '-';
	uint64_t v = 0;

	for (p += negative; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *p - '0', &v))
			return false;
	}
	if (v > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

// The usual case: an integer of a few digits and nothing else.
static bool short_integer(struct json_reader *r, int64_t *ret)
{
	bool negative = *r->p == '-';
	const char *first = r->p + negative, *p = first;
	int64_t v = 0;

	for (; p < r->end && *p >= '0' && *p <= '9'; p++) {
		if (p - first == 18)
			return false;
		v = v * 10 + (*p - '0');
	}
	if (p == first || (*first == '0' && p - first > 1) ||
	    (p < r->end && (*p == '.' || *p == 'e' || *p == 'E')))
		return false;
	*ret = negative ? -v : v;
	r->p = p;
	return true;
}

bool json_read_number(struct json_reader *r, struct json_number *ret)
{
	char text[128], *heap = NULL, *copy = text;
	const char *end;
	enum json_type t = json_peek(r);

	memset(ret, 0, sizeof(*ret));
	if (t != JSON_NUMBER) {
		json_fail(r, "%s where a number is expected", json_type_name(t));
		return false;
	}
	if (short_integer(r, &ret->i)) {
		ret->is_integer = true;
		ret->d = ret->i;
		return true;
	}
	end = number_end(r);
	if (!end)
		return false;
	if (plain_integer(r->p, end, &ret->i)) {
		ret->is_integer = true;
		ret->d = ret->i;
		r->p = end;
		return true;
	}
	if ((size_t)(end - r->p) >= sizeof(text))
		copy = heap = xmalloc(end - r->p + 1);
	memcpy(copy, r->p, end - r->p);
	copy[end - r->p] = '\0';
	ret->d = strtod(copy, NULL);
	free(heap);
	if (!isfinite(ret->d)) {
		json_fail(r, "number too large");
		return false;
	}
	if (ret->d == floor(ret->d) && ret->d >= -0x1p63 && ret->d < 0x1p63) {
		ret->is_integer = true;
		ret->i = ret->d;
	}
	r->p = end;
	return true;
}

int64_t json_integer(struct json_reader *r)
{
	const char *start = r->p;
	struct json_number n;

	if (!json_read_number(r, &n))
		return 0;
	if (!n.is_integer) {
		r->p = start;
		json_fail(r, "number is not an integer in range");
	}
	return n.i;
}

double json_real(struct json_reader *r)
{
	struct json_number n;

	return json_read_number(r, &n) ? n.d : 0;
}

bool json_next_is_integer(struct json_reader *r)
{
	struct json_reader copy = *r;
	struct json_number n;

	return json_peek(&copy) == JSON_NUMBER && json_read_number(&copy, &n) && n.is_integer;
}

static void skip_scalar(struct json_reader *r, enum json_type t)
{
	struct json_number n;
	size_t len;

	switch (t) {
	case JSON_STRING:
		json_string(r, &len);
		return;
	case JSON_NUMBER:
		json_read_number(r, &n);
		return;
	case JSON_NULL:
		json_null(r);
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		json_bool(r);
		return;
	default:
		json_fail(r, "a value is expected");
	}
}

// Behind the quote that ends the string which begins at 'p', behind its first; 'end' when there is none.
static const char *string_end(const char *p, const char *end)
{
	while ((p = json_plain_end(p, end, 0)) < end) {
		if (*p == '"')
			return p + 1;
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	}
	return end;
}

static bool ends_scalar(char c)
{
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// json_skip() of text whose syntax is known to be right: only its brackets are looked at.
static struct json_span skip_checked(struct json_reader *r)
{
	const char *start = r->p, *p = start, *end = r->end;
	unsigned int depth = 0;

	do {
		if (p >= end) {
			json_fail(r, "a value is expected");
			return (struct json_span){ "", 0 };
		}
		if (*p == '"') {
			p = string_end(p + 1, end);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth -= depth > 0;
			p++;
		} else if (depth) {
			p++;
		} else {
			while (p < end && !ends_scalar(*p))
				p++;
		}
	} while (depth);
	r->p = p;
	return (struct json_span){ start, p - start };
}

struct json_span json_skip(struct json_reader *r)
{
	unsigned int base = r->depth;
	bool object[JSON_MAX_DEPTH + 2];
	const char *start;
	const char *key;
	size_t len;

	if (json_peek(r) != JSON_NONE && r->is_checked)
		return skip_checked(r);
	start = r->p;
	do {
		enum json_type t = json_peek(r);

		if (t == JSON_OBJECT || t == JSON_ARRAY) {
			open_container(r, t);
			if (!json_failed(r))
				object[r->depth] = t == JSON_OBJECT;
		} else {
			skip_scalar(r, t);
		}
		// Leave every container that ends here.
		while (!json_failed(r) && r->depth > base &&
		       !(object[r->depth] ? json_member(r, &key, &len) : json_element(r)))
			;
	} while (!json_failed(r) && r->depth > base);
	if (json_failed(r))
		return (struct json_span){ "", 0 };
	return (struct json_span){ start, r->p - start };
}

int json_finish(struct json_reader *r, struct error *err)
{
	skip_space(r);
	if (r->p != r->end)
		json_fail(r, "unexpected text after the value");
	if (!json_failed(r))
		return 0;
	return error_set(err, -EPROTO, "%s", r->err.text);
}
