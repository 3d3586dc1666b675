// SPDX-License-Identifier: Apache-2.0
// Finding tables, columns and records by the names people use, and values in arguments.
#include "utilities/db-ctl-private.h"

#include <ctype.h>

// ---- Names: any case, '-' for '_', unique abbreviations ----

// 0: no match; else the better the higher; UINT_MAX: exactly this one.
static unsigned int match_score(const char *name, const char *s)
{
	unsigned int score = 1;

	for (; *s; s++, name++, score++) {
		char a = tolower((unsigned char)*s), b = tolower((unsigned char)*name);

		if ((a == '-' ? '_' : a) != (b == '-' ? '_' : b))
			return 0;
	}
	return *name ? score : UINT_MAX;
}

NORETURN static void ambiguous_table(const struct ovsdb_schema *schema, const char *name)
{
	AUTO(strbuf) names = STRBUF_INIT;

	for (size_t i = 0; i < schema->n_tables; i++)
		if (match_score(schema->tables[i]->name, name))
			strbuf_printf(&names, "%s%s", names.len ? ", " : "",
				      schema->tables[i]->name);
	fatal(0, "\"%s\" matches multiple table names: %s", name, names.s);
}

struct idl_table *db_find_table(struct idl *idl, const char *name)
{
	const struct ovsdb_schema *schema = idl_schema(idl);
	const char *best = NULL;
	bool ambiguous = false;

	for (size_t i = 0; i < schema->n_tables; i++) {
		unsigned int score = match_score(schema->tables[i]->name, name);

		if (score == UINT_MAX)
			return idl_table(idl, schema->tables[i]->name);
		ambiguous |= score && best;
		if (score)
			best = schema->tables[i]->name;
	}
	if (ambiguous)
		ambiguous_table(schema, name);
	if (!best)
		fatal(0, "unknown table \"%s\"", name);
	return idl_table(idl, best);
}

NORETURN static void ambiguous_column(const struct ovsdb_table_schema *ts, const char *name)
{
	AUTO(strbuf) names = STRBUF_INIT;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (match_score(ts->columns[i]->name, name))
			strbuf_printf(&names, "%s%s", names.len ? ", " : "", ts->columns[i]->name);
	fatal(0, "%s contains more than one column whose name matches \"%s\": %s", ts->name, name,
	      names.s);
}

const struct ovsdb_column *db_find_column(const struct idl_table *t, const char *name)
{
	const struct ovsdb_table_schema *ts = idl_table_schema(t);
	const struct ovsdb_column *best = NULL;
	bool ambiguous = false;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		unsigned int score = match_score(ts->columns[i]->name, name);

		if (score == UINT_MAX)
			return ts->columns[i];
		ambiguous |= score && best;
		if (score)
			best = ts->columns[i];
	}
	if (ambiguous)
		ambiguous_column(ts, name);
	if (!best)
		fatal(0, "%s does not contain a column whose name matches \"%s\"", ts->name, name);
	return best;
}

const struct ovsdb_column *db_column(const struct idl_row *row, const char *name)
{
	return ovsdb_table_column(idl_table_schema(row->table), name);
}

const struct ovsdb_datum *db_value(const struct idl_row *row, const char *column)
{
	return idl_get(row, db_column(row, column));
}

void db_need_table(struct idl *idl, const char *table)
{
	const struct ovsdb_table_schema *ts = idl_table_schema(idl_table(idl, table));

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		idl_add_column(idl, table, ts->columns[i]->name, IDL_ALERT);
}

// ---- Records ----

void db_need_record(struct command *c, const struct idl_table *t)
{
	const char *table = idl_table_schema(t)->name;

	for (const struct record_name *rn = c->run->program->records; rn->table; rn++) {
		if (strcmp(rn->table, table) != 0)
			continue;
		if (rn->name_column)
			idl_add_column(c->run->idl, rn->name_table, rn->name_column, IDL_ALERT);
		if (rn->ref_column)
			idl_add_column(c->run->idl, rn->name_table, rn->ref_column, IDL_ALERT);
	}
}

struct found {
	const struct idl_row *row;
	bool ambiguous;
};

static void add_found(struct found *f, const struct idl_row *row)
{
	f->ambiguous |= f->row && f->row != row;
	f->row = row;
}

// Unique abbreviations of at least four digits.
static bool is_uuid_prefix(const char *s)
{
	size_t n = strlen(s);

	if (n < 4 || n > UUID_LEN)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : hex_digit(s[i]) < 0)
			return false;
	}
	return true;
}

static void find_by_uuid(const struct idl_table *t, const char *id, struct found *f)
{
	for (const struct idl_row *row = idl_first(t); row; row = idl_next(row)) {
		AUTO_FREE char *text = xasprintf(UUID_FMT, UUID_ARGS(&row->uuid));

		if (!strncasecmp(text, id, strlen(id)))
			add_found(f, row);
	}
}

static bool datum_is_name(const struct ovsdb_datum *d, const struct ovsdb_column *c, const char *id)
{
	int64_t v;

	if (d->n != 1)
		return false;
	if (c->type.key.type == OVSDB_INTEGER)
		return parse_i64(id, 10, &v) && v == d->keys[0].integer;
	return c->type.key.type == OVSDB_STRING && !strcmp(d->keys[0].string, id);
}

static void add_referenced(struct found *f, const struct idl_table *t, const struct idl_row *row,
			   const char *column)
{
	const struct ovsdb_datum *d = db_value(row, column);
	const struct idl_row *target = d->n == 1 ? idl_find(t, &d->keys[0].uuid) : NULL;

	if (target)
		add_found(f, target);
}

static void find_by_map_key(const struct idl_table *t, const struct idl_row *row,
			    const struct ovsdb_column *c, const char *id, struct found *f)
{
	const struct ovsdb_datum *d = idl_get(row, c);

	for (unsigned int i = 0; i < d->n; i++) {
		const struct idl_row *target = idl_find(t, &d->values[i].uuid);

		if (!strcmp(d->keys[i].string, id) && target)
			add_found(f, target);
	}
}

static void find_by_name(struct idl *idl, const struct idl_table *t, const struct record_name *rn,
			 const char *id, struct found *f)
{
	const struct idl_table *names = idl_table(idl, rn->name_table);
	const struct ovsdb_column *c =
		rn->name_column ? ovsdb_table_column(idl_table_schema(names), rn->name_column)
				: NULL;

	for (const struct idl_row *row = idl_first(names); row; row = idl_next(row)) {
		if (c && ovsdb_type_is_map(&c->type)) {
			find_by_map_key(t, row, c, id, f);
			continue;
		}
		if (c ? !datum_is_name(idl_get(row, c), c, id) : strcmp(id, ".") != 0)
			continue;
		if (rn->ref_column)
			add_referenced(f, t, row, rn->ref_column);
		else
			add_found(f, row);
	}
}

const struct idl_row *db_find_record(struct command *c, const struct idl_table *t, const char *id,
				     bool must)
{
	const char *table = idl_table_schema(t)->name;
	struct found f = { NULL, false };

	if (*id == '@') {
		const struct symbol *sym = strmap_get(&c->run->names, id);

		if (sym && sym->created) {
			f.row = idl_find(t, &sym->uuid);
			if (f.row)
				return f.row;
		}
	}
	for (const struct record_name *rn = c->run->program->records; rn->table && !f.row; rn++)
		if (!strcmp(rn->table, table))
			find_by_name(c->run->idl, t, rn, id, &f);
	if (!f.row && is_uuid_prefix(id))
		find_by_uuid(t, id, &f);
	if (f.ambiguous)
		fatal(0, "multiple rows in %s match \"%s\"", table, id);
	if (!f.row && must)
		fatal(0, "no row \"%s\" in table %s", id, table);
	return f.row;
}

// ---- Arguments: column[:key] OPERATOR value ----

static const char *const operators[] = { "{not-in}", "{in}", "{!=}", "{<=}", "{>=}", "{=}", "{<}",
					 "{>}",	     "!=",   "<=",   ">=",   "=",    "<",   ">" };

// In the order in which they are told of.
static const char *const shown_operators[] = { "=",    "!=",   "<",    ">",	  "<=",
					       ">=",   "{=}",  "{!=}", "{<}",	  "{>}",
					       "{<=}", "{>=}", "{in}", "{not-in}" };

static const char *match_operator(const char *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (str_starts(p, operators[i]))
			return operators[i];
	return NULL;
}

static char *column_word(const char **p)
{
	const char *start = *p;

	while (isalnum((unsigned char)**p) || **p == '_' || **p == '-')
		++*p;
	return xstrndup(start, *p - start);
}

// A key, as a word of values: quoted where it holds punctuation.
static char *key_word(const char **p)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	const char *start = *p;
	char *text;

	if (*start != '"') {
		while (**p && !strchr(":=, []{}!<>", **p))
			++*p;
		return xstrndup(start, *p - start);
	}
	if (ovsdb_token_parse(p, &text, &err)) {
		AUTO(strbuf) s = STRBUF_INIT;

		ovsdb_error_format(&err, &s);
		fatal(0, "%s", s.s);
	}
	return text;
}

// What the argument should have gone on with: all operators, or "=" only, behind which there must be something.
NORETURN static void no_value(const char *arg, enum argument_need need)
{
	AUTO(strbuf) list = STRBUF_INIT;

	for (size_t i = 0; need == ARGUMENT_OPERATOR && i < ARRAY_SIZE(shown_operators); i++)
		strbuf_printf(&list, "%s\"%s\"%s", i + 1 < ARRAY_SIZE(shown_operators) ? "" : "or ",
			      shown_operators[i], i + 1 < ARRAY_SIZE(shown_operators) ? ", " : "");
	fatal(0, "%s: argument does not end in %s followed by a value.", arg,
	      list.len ? list.s : "\"=\"");
}

void db_parse_argument(const struct idl_table *t, const char *arg, enum argument_need need,
		       struct argument *a)
{
	const char *p = arg;
	AUTO_FREE char *column = column_word(&p);

	memset(a, 0, sizeof(*a));
	if (!*column)
		fatal(0, "%s: missing column name", arg);
	a->column = db_find_column(t, column);
	if (*p == ':') {
		p++;
		a->key = key_word(&p);
		if (!*a->key && p[-1] != '"')
			fatal(0, "%s: missing key name", arg);
	}
	if (need == ARGUMENT_PLAIN) {
		if (*p)
			fatal(0, "%s: trailing garbage \"%s\" in argument", arg, p);
		return;
	}
	a->op = match_operator(p);
	if (!a->op || (need == ARGUMENT_VALUE && strcmp(a->op, "=") != 0) || !p[strlen(a->op)])
		no_value(arg, need);
	a->value = p + strlen(a->op);
}

void argument_uninit(struct argument *a)
{
	free(a->key);
}

// ---- Values ----

NORETURN static void value_error(const struct ovsdb_error *err)
{
	AUTO(strbuf) s = STRBUF_INIT;

	if (!strcmp(err->tag, OVSDB_SYNTAX))
		fatal(0, "%s", err->details);
	ovsdb_error_format(err, &s);
	fatal(0, "%s", s.s);
}

void db_parse_datum(struct command *c, const struct ovsdb_type *t, const char *s,
		    struct ovsdb_datum *d)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;

	if (ovsdb_datum_parse(d, t, s, &c->run->symbols, &err))
		value_error(&err);
}

void db_parse_atom(struct command *c, const struct ovsdb_base_type *b, const char *s,
		   union ovsdb_atom *a)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;

	if (ovsdb_atom_parse(a, b, s, &c->run->symbols, &err))
		value_error(&err);
}

void db_check_mutable(const struct idl_row *row, const struct ovsdb_column *c)
{
	if (!c->mutable && !idl_row_is_new(row))
		fatal(0, "cannot modify read-only column %s in table %s", c->name,
		      idl_table_schema(row->table)->name);
}

void db_set_column(struct command *c, const struct idl_row *row, const char *arg)
{
	union ovsdb_atom key, value;
	struct ovsdb_datum d;
	struct argument a;

	db_parse_argument(row->table, arg, ARGUMENT_VALUE, &a);
	db_check_mutable(row, a.column);
	if (!a.key) {
		db_parse_datum(c, &a.column->type, a.value, &d);
		idl_write(row, a.column, &d);
	} else {
		if (!ovsdb_type_is_map(&a.column->type))
			fatal(0, "cannot specify key to set for non-map column %s", a.column->name);
		db_parse_atom(c, &a.column->type.key, a.key, &key);
		db_parse_atom(c, &a.column->type.value, a.value, &value);
		idl_add_key(row, a.column, &key, &value);
	}
	argument_uninit(&a);
}

// ---- Symbols ----

struct symbol *db_symbol(struct run *r, const char *name)
{
	struct symbol *sym = strmap_get(&r->names, name);

	if (!sym) {
		sym = xzalloc(sizeof(*sym));
		uuid_generate(&sym->uuid);
		strmap_add(&r->names, name, sym);
	}
	return sym;
}
