// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/table.h"

#include <stdio.h>

#include "core/base/vec.h"
#include "core/io/json.h"

struct cell {
	char *text; // NULL when it holds a datum
	bool is_json; // 'text' is JSON
	struct ovsdb_datum datum;
	struct ovsdb_type type;
};

struct table {
	char *caption, *time; // NULL: none
	VEC(char *) headings;
	VEC(struct cell) cells;
	size_t n_rows;
};

static const char *const formats[] = { "table", "list", "html", "csv", "json" };
static const char *const datas[] = { "string", "bare", "json", "uuid" };

static int find_name(const char *const *names, size_t n, const char *what, const char *arg)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], arg))
			return i;
	fatal(0, "unknown %s format \"%s\"", what, arg);
}

bool table_handle_option(struct table_style *style, int c, const char *arg)
{
	uint32_t width;

	switch (c) {
	case 'f':
		style->format = find_name(formats, ARRAY_SIZE(formats), "output", arg);
		return true;
	case 'd':
		style->data = find_name(datas, ARRAY_SIZE(datas), "data", arg);
		style->data_given = true;
		return true;
	case OPT_TABLE_NO_HEADINGS:
		style->headings = false;
		return true;
	case OPT_TABLE_PRETTY:
		style->pretty = true;
		return true;
	case OPT_TABLE_BARE:
		style->format = TABLE_LIST;
		style->data = TABLE_DATA_BARE;
		style->data_given = true;
		style->headings = false;
		return true;
	case OPT_TABLE_MAX_WIDTH:
		if (!parse_u32(arg, 10, &width))
			fatal(0, "--max-column-width=%s: not a number", arg);
		style->max_width = width;
		return true;
	default:
		return false;
	}
}

void table_usage(void)
{
	printf("\nOutput formatting options:\n"
	       "  -f, --format=FORMAT         table, list, html, csv or json\n"
	       "  -d, --data=FORMAT           string, bare, json or uuid\n"
	       "  --no-headings               omit the row of headings\n"
	       "  --pretty                    indent JSON in output\n"
	       "  --bare                      equal to --format=list --data=bare --no-headings\n"
	       "  --max-column-width=N        cut cells of table format to N characters\n");
}

struct table *table_create(const char *caption)
{
	struct table *t = xzalloc(sizeof(*t));

	t->caption = caption ? xstrdup(caption) : NULL;
	return t;
}

void table_destroy(struct table *t)
{
	struct cell *c;

	if (!t)
		return;
	VEC_FOR_EACH (c, &t->cells) {
		if (!c->text) {
			ovsdb_datum_uninit(&c->datum, &c->type);
			ovsdb_type_uninit(&c->type);
		}
		free(c->text);
	}
	VEC_FREE(&t->cells);
	for (size_t i = 0; i < t->headings.n; i++)
		free(t->headings.v[i]);
	VEC_FREE(&t->headings);
	free(t->caption);
	free(t->time);
	free(t);
}

void table_set_time(struct table *t, const char *time)
{
	free(t->time);
	t->time = xstrdup(time);
}

void table_add_column(struct table *t, const char *heading)
{
	VEC_PUSH(&t->headings, xstrdup(heading));
}

void table_add_row(struct table *t)
{
	t->n_rows++;
}

void table_add_text(struct table *t, const char *text)
{
	struct cell c = { .text = xstrdup(text) };

	VEC_PUSH(&t->cells, c);
}

void table_add_json(struct table *t, const char *json)
{
	struct cell c = { .text = xstrdup(json), .is_json = true };

	VEC_PUSH(&t->cells, c);
}

void table_add_datum(struct table *t, const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
	struct cell c = { .text = NULL };

	ovsdb_type_clone(&c.type, type);
	ovsdb_datum_clone(&c.datum, d, type);
	VEC_PUSH(&t->cells, c);
}

bool table_is_empty(const struct table *t)
{
	return !t->n_rows;
}

static const struct cell *cell_at(const struct table *t, size_t row, size_t column)
{
	return &t->cells.v[row * t->headings.n + column];
}

static void datum_json(const struct cell *c, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	ovsdb_datum_write(&c->datum, &c->type, &w);
}

// First eight digits stand for a uuid.
static void datum_short_uuid(const struct cell *c, struct strbuf *out)
{
	if (c->type.key.type == OVSDB_UUID && c->datum.n == 1 && c->type.value.type == OVSDB_VOID)
		strbuf_printf(out, "%08x", c->datum.keys[0].uuid.parts[0]);
	else
		ovsdb_datum_format(&c->datum, &c->type, out);
}

static void cell_text(const struct cell *c, const struct table_style *style, struct strbuf *out)
{
	if (c->text) {
		strbuf_puts(out, c->text);
		return;
	}
	switch (style->data) {
	case TABLE_DATA_STRING:
		ovsdb_datum_format(&c->datum, &c->type, out);
		break;
	case TABLE_DATA_BARE:
		ovsdb_datum_format_bare(&c->datum, &c->type, out);
		break;
	case TABLE_DATA_JSON:
		datum_json(c, out);
		break;
	case TABLE_DATA_UUID:
		datum_short_uuid(c, out);
		break;
	}
}

// ---- table ----

static size_t width_of(const char *s, const struct table_style *style)
{
	size_t n = 0;

	for (const char *p = s; *p; p++)
		n += (*p & 0xc0) != 0x80;
	return style->max_width ? MIN(n, style->max_width) : n;
}

static void put_cell(struct strbuf *out, const char *s, size_t width,
		     const struct table_style *style, bool last)
{
	size_t n = width_of(s, style), bytes = 0, chars = 0;

	while (s[bytes] && (chars < n || (s[bytes] & 0xc0) == 0x80))
		chars += (s[bytes++] & 0xc0) != 0x80;
	strbuf_put(out, s, bytes);
	if (!last)
		strbuf_putc_n(out, ' ', width - n + 1);
}

static void format_table(const struct table *t, const struct table_style *style, struct strbuf *out)
{
	size_t n = t->headings.n;
	AUTO_FREE size_t *widths = xcalloc(n + 1, sizeof(*widths));
	char **texts = xcalloc(t->n_rows * n + 1, sizeof(*texts));

	for (size_t i = 0; i < n && style->headings; i++) {
		struct table_style full = *style;

		full.max_width = 0; // headings are never cut
		widths[i] = width_of(t->headings.v[i], &full);
	}
	for (size_t i = 0; i < t->n_rows * n; i++) {
		struct strbuf s = STRBUF_INIT;

		cell_text(&t->cells.v[i], style, &s);
		texts[i] = strbuf_take(&s);
		widths[i % n] = MAX(widths[i % n], width_of(texts[i], style));
	}
	if (t->caption)
		strbuf_printf(out, "%s\n", t->caption);
	if (style->headings) {
		for (size_t i = 0; i < n; i++) {
			strbuf_puts(out, t->headings.v[i]);
			if (i + 1 < n)
				strbuf_putc_n(out, ' ', widths[i] - strlen(t->headings.v[i]) + 1);
		}
		strbuf_putc(out, '\n');
		for (size_t i = 0; i < n; i++) {
			strbuf_puts(out, i ? " " : "");
			strbuf_putc_n(out, '-', widths[i]);
		}
		strbuf_putc(out, '\n');
	}
	for (size_t i = 0; i < t->n_rows * n; i++) {
		put_cell(out, texts[i], widths[i % n], style, i % n == n - 1);
		if (i % n == n - 1) {
			// Empty cells at the end leave no blanks.
			while (out->len && out->s[out->len - 1] == ' ')
				strbuf_chomp(out, ' ');
			strbuf_putc(out, '\n');
		}
		free(texts[i]);
	}
	free(texts);
}

// ---- list ----

static void format_list(const struct table *t, const struct table_style *style, struct strbuf *out)
{
	if (t->caption)
		strbuf_printf(out, "%s\n", t->caption);
	for (size_t i = 0; i < t->n_rows; i++) {
		if (i)
			strbuf_putc(out, '\n');
		for (size_t j = 0; j < t->headings.n; j++) {
			if (style->headings)
				strbuf_printf(out, "%-20s: ", t->headings.v[j]);
			cell_text(cell_at(t, i, j), style, out);
			strbuf_putc(out, '\n');
		}
	}
}

// ---- html ----

static void put_html(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			strbuf_puts(out, "&amp;");
			break;
		case '<':
			strbuf_puts(out, "&lt;");
			break;
		case '>':
			strbuf_puts(out, "&gt;");
			break;
		case '"':
			strbuf_puts(out, "&quot;");
			break;
		default:
			strbuf_putc(out, *s);
		}
	}
}

// The first eight digits stand for a uuid.
static void put_html_uuid(struct strbuf *out, const char *attribute, const char *uuid)
{
	strbuf_printf(out, "<a %s%.*s\">%.8s</a>", attribute, UUID_LEN, uuid, uuid);
}

// Uuids lead to the row that they name.
static void put_html_links(struct strbuf *out, const char *s)
{
	while (*s) {
		AUTO_FREE char *word = xstrndup(s, UUID_LEN);
		char one[2] = { *s };
		struct uuid uuid;

		if (uuid_parse(&uuid, word)) {
			put_html_uuid(out, "href=\"#", s);
			s += UUID_LEN;
		} else {
			put_html(out, one);
			s++;
		}
	}
}

static void html_cell(struct strbuf *out, const char *heading, const char *s)
{
	struct uuid uuid;

	strbuf_puts(out, heading ? "    <td>" : "    <th>");
	if (!*s)
		strbuf_puts(out, "&nbsp;");
	else if (!heading)
		put_html(out, s);
	else if (!strcmp(heading, "_uuid") && uuid_parse(&uuid, s))
		put_html_uuid(out, "name=\"", s);
	else
		put_html_links(out, s);
	strbuf_puts(out, heading ? "</td>\n" : "</th>\n");
}

static void format_html(const struct table *t, const struct table_style *style, struct strbuf *out)
{
	strbuf_puts(out, "<table border=1>\n");
	if (t->caption) {
		strbuf_puts(out, "    <caption>");
		put_html(out, t->caption);
		strbuf_puts(out, "</caption>\n");
	}
	if (style->headings) {
		strbuf_puts(out, "  <tr>\n");
		for (size_t i = 0; i < t->headings.n; i++)
			html_cell(out, NULL, t->headings.v[i]);
		strbuf_puts(out, "  </tr>\n");
	}
	for (size_t i = 0; i < t->n_rows; i++) {
		strbuf_puts(out, "  <tr>\n");
		for (size_t j = 0; j < t->headings.n; j++) {
			AUTO(strbuf) s = STRBUF_INIT;

			cell_text(cell_at(t, i, j), style, &s);
			html_cell(out, t->headings.v[j], strbuf_cstr(&s));
		}
		strbuf_puts(out, "  </tr>\n");
	}
	strbuf_puts(out, "</table>\n");
}

// ---- csv ----

static void put_csv(struct strbuf *out, const char *s)
{
	if (!s[strcspn(s, "\n\r,\"")]) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_putc(out, '"');
		strbuf_putc(out, *s);
	}
	strbuf_putc(out, '"');
}

static void format_csv(const struct table *t, const struct table_style *style, struct strbuf *out)
{
	if (t->caption)
		strbuf_printf(out, "%s\n", t->caption);
	for (size_t i = 0; style->headings && i < t->headings.n; i++) {
		strbuf_puts(out, i ? "," : "");
		put_csv(out, t->headings.v[i]);
	}
	if (style->headings)
		strbuf_putc(out, '\n');
	for (size_t i = 0; i < t->n_rows; i++) {
		for (size_t j = 0; j < t->headings.n; j++) {
			AUTO(strbuf) s = STRBUF_INIT;

			strbuf_puts(out, j ? "," : "");
			cell_text(cell_at(t, i, j), style, &s);
			put_csv(out, strbuf_cstr(&s));
		}
		strbuf_putc(out, '\n');
	}
}

// ---- json ----

static void put_json_cell(const struct cell *c, struct json_writer *w)
{
	if (!c->text)
		ovsdb_datum_write(&c->datum, &c->type, w);
	else if (c->is_json)
		jw_raw(w, c->text, strlen(c->text));
	else
		jw_string(w, c->text);
}

static void format_json(const struct table *t, const struct table_style *style, struct strbuf *out)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &text);
	jw_object_begin(&w);
	if (t->caption)
		jw_member_string(&w, "caption", t->caption);
	jw_key(&w, "data");
	jw_array_begin(&w);
	for (size_t i = 0; i < t->n_rows; i++) {
		jw_array_begin(&w);
		for (size_t j = 0; j < t->headings.n; j++)
			put_json_cell(cell_at(t, i, j), &w);
		jw_array_end(&w);
	}
	jw_array_end(&w);
	jw_key(&w, "headings");
	jw_array_begin(&w);
	for (size_t i = 0; i < t->headings.n; i++)
		jw_string(&w, t->headings.v[i]);
	jw_array_end(&w);
	if (t->time)
		jw_member_string(&w, "time", t->time);
	jw_object_end(&w);
	if (style->pretty)
		json_pretty(text.s, text.len, out);
	else
		strbuf_put(out, text.s, text.len);
	strbuf_putc(out, '\n');
}

void table_format(const struct table *t, const struct table_style *style, bool first,
		  struct strbuf *out)
{
	static void (*const functions[])(const struct table *t, const struct table_style *style,
					 struct strbuf *out) = {
		[TABLE_TABLE] = format_table, [TABLE_LIST] = format_list,
		[TABLE_HTML] = format_html,   [TABLE_CSV] = format_csv,
		[TABLE_JSON] = format_json,
	};

	if (!first && style->format != TABLE_HTML && style->format != TABLE_JSON)
		strbuf_putc(out, '\n');
	if (t->time && style->format != TABLE_JSON)
		strbuf_printf(out, "%s\n", t->time);
	functions[style->format](t, style, out);
}

// ---- Indented JSON ----

static void newline(struct strbuf *out, unsigned int depth)
{
	strbuf_putc(out, '\n');
	strbuf_putc_n(out, ' ', 2 * (size_t)depth);
}

static void pretty(struct json_reader *r, unsigned int depth, struct strbuf *out)
{
	enum json_type type = json_peek(r);
	struct json_span s;
	const char *key;
	bool any = false;
	size_t len;

	if (type == JSON_OBJECT) {
		strbuf_putc(out, '{');
		json_object(r);
		while (json_member(r, &key, &len)) {
			strbuf_puts(out, any ? "," : "");
			newline(out, depth + 1);
			json_put_string(out, key, len);
			strbuf_puts(out, ": ");
			pretty(r, depth + 1, out);
			any = true;
		}
		strbuf_puts(out, "}");
	} else if (type == JSON_ARRAY) {
		strbuf_putc(out, '[');
		json_array(r);
		while (json_element(r)) {
			strbuf_puts(out, any ? "," : "");
			newline(out, depth + 1);
			pretty(r, depth + 1, out);
			any = true;
		}
		strbuf_puts(out, "]");
	} else {
		s = json_skip(r);
		strbuf_put(out, s.p, s.n);
	}
}

void json_pretty(const char *json, size_t n, struct strbuf *out)
{
	struct json_reader r;

	json_reader_init(&r, json, n);
	pretty(&r, 0, out);
	json_reader_uninit(&r);
}
