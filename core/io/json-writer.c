// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "core/io/json-private.h"
#include "core/io/json.h"

void json_writer_init(struct json_writer *w, struct strbuf *out)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
	w->first[0] = 1;
}

static void newline(struct json_writer *w)
{
	if (!w->pretty || !w->depth)
		return;
	strbuf_putc(w->out, '\n');
	strbuf_putc_n(w->out, ' ', w->depth * 2);
}

// What stands before a value or key: nothing after a key, a comma unless it is the first.
static void separate(struct json_writer *w)
{
	uint64_t *word = &w->first[w->depth / 64], bit = UINT64_C(1) << w->depth % 64;

	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (*word & bit)
		*word &= ~bit;
	else if (w->depth)
		strbuf_putc(w->out, ',');
	newline(w);
}

static void open_container(struct json_writer *w, char c)
{
	separate(w);
	strbuf_putc(w->out, c);
	assert(w->depth < JSON_MAX_DEPTH);
	w->depth++;
	w->first[w->depth / 64] |= UINT64_C(1) << w->depth % 64;
}

static void close_container(struct json_writer *w, char c)
{
	bool empty = w->first[w->depth / 64] >> w->depth % 64 & 1;

	assert(w->depth && !w->after_key);
	w->depth--;
	if (!empty && w->pretty) {
		strbuf_putc(w->out, '\n');
		strbuf_putc_n(w->out, ' ', w->depth * 2);
	}
	strbuf_putc(w->out, c);
}

void jw_object_begin(struct json_writer *w)
{
	open_container(w, '{');
}

void jw_object_end(struct json_writer *w)
{
	close_container(w, '}');
}

void jw_array_begin(struct json_writer *w)
{
	open_container(w, '[');
}

void jw_array_end(struct json_writer *w)
{
	close_container(w, ']');
}

static void put_escape(struct strbuf *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *e = strchr(from, c);

	if (e)
		strbuf_printf(out, "\\%c", to[e - from]);
	else
		strbuf_printf(out, "\\u%04x", c);
}

void json_put_string(struct strbuf *out, const char *s, size_t n)
{
	const char *end = s + n, *p;

	strbuf_putc(out, '"');
	while ((p = json_plain_end(s, end, 0)) < end) {
		strbuf_put(out, s, p - s);
		put_escape(out, *p);
		s = p + 1;
	}
	strbuf_put(out, s, end - s);
	strbuf_putc(out, '"');
}

void jw_string_n(struct json_writer *w, const char *s, size_t n)
{
	separate(w);
	json_put_string(w->out, s, n);
}

void jw_string(struct json_writer *w, const char *s)
{
	jw_string_n(w, s, strlen(s));
}

void jw_stringf(struct json_writer *w, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	AUTO_FREE char *s = xvasprintf(fmt, args);
	va_end(args);
	jw_string(w, s);
}

void jw_key(struct json_writer *w, const char *key)
{
	jw_string(w, key);
	strbuf_putc(w->out, ':');
	if (w->pretty)
		strbuf_putc(w->out, ' ');
	w->after_key = true;
}

void jw_integer(struct json_writer *w, int64_t v)
{
	char text[24], *p = text + sizeof(text);
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--p = '0' + left % 10;
	while (left /= 10);
	if (v < 0)
		*--p = '-';
	separate(w);
	strbuf_put(w->out, p, text + sizeof(text) - p);
}

void jw_real(struct json_writer *w, double v)
{
	char text[64];

	separate(w);
	if (!isfinite(v)) {
		strbuf_puts(w->out, "null");
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	strbuf_puts(w->out, text);
}

void jw_bool(struct json_writer *w, bool v)
{
	separate(w);
	strbuf_puts(w->out, v ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
	separate(w);
	strbuf_puts(w->out, "null");
}

void jw_raw(struct json_writer *w, const char *text, size_t n)
{
	separate(w);
	strbuf_put(w->out, text, n);
}

void jw_member_string(struct json_writer *w, const char *key, const char *value)
{
	jw_key(w, key);
	jw_string(w, value);
}

void jw_member_integer(struct json_writer *w, const char *key, int64_t value)
{
	jw_key(w, key);
	jw_integer(w, value);
}

void jw_member_bool(struct json_writer *w, const char *key, bool value)
{
	jw_key(w, key);
	jw_bool(w, value);
}
