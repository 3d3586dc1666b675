// SPDX-License-Identifier: Apache-2.0
// show: the tree of what is configured.
#include "utilities/db-ctl-private.h"

static const struct shown *find_shown(const struct command *c, const char *table)
{
	for (const struct shown *s = c->run->program->shown; s->table; s++)
		if (!strcmp(s->table, table))
			return s;
	return NULL;
}

static const char *name_column(const struct command *c, const char *table);

static void need_shown_column(struct command *c, const struct shown *s, const char *column)
{
	const struct ovsdb_table_schema *ts = idl_table_schema(idl_table(c->run->idl, s->table));
	const char *ref = ovsdb_table_column(ts, column)->type.value.ref_table;

	idl_add_column(c->run->idl, s->table, column, IDL_ALERT);
	if (ref && name_column(c, ref))
		idl_add_column(c->run->idl, ref, name_column(c, ref), IDL_ALERT);
}

static void need_show(struct command *c)
{
	for (const struct shown *s = c->run->program->shown; s->table; s++) {
		if (s->name)
			idl_add_column(c->run->idl, s->table, s->name, IDL_ALERT);
		for (size_t j = 0; j < ARRAY_SIZE(s->columns) && s->columns[j]; j++)
			need_shown_column(c, s, s->columns[j]);
	}
}

static void show_row(struct command *c, const struct idl_row *row, int level);

static void show_references(struct command *c, const struct ovsdb_column *col,
			    const struct ovsdb_datum *d, int level)
{
	const struct idl_table *t = idl_table(c->run->idl, col->type.key.ref_table);

	for (unsigned int i = 0; i < d->n; i++) {
		const struct idl_row *ref = idl_find(t, &d->keys[i].uuid);

		if (ref)
			show_row(c, ref, level);
	}
}

// The table's column by which its rows are named in arguments, or NULL.
static const char *name_column(const struct command *c, const char *table)
{
	for (const struct record_name *rn = c->run->program->records; rn->table; rn++)
		if (!strcmp(rn->table, table) && !strcmp(rn->name_table, table) && rn->name_column)
			return rn->name_column;
	return NULL;
}

// A map to rows: one line for each, with the row's name.
static void show_map(struct command *c, const struct ovsdb_column *col, const struct ovsdb_datum *d,
		     int level)
{
	const struct idl_table *t = idl_table(c->run->idl, col->type.value.ref_table);
	const char *name = name_column(c, col->type.value.ref_table);

	strbuf_putc_n(&c->output, ' ', 4 * ((size_t)level + 1));
	strbuf_printf(&c->output, "%s:\n", col->name);
	for (unsigned int i = 0; i < d->n; i++) {
		const struct idl_row *ref = idl_find(t, &d->values[i].uuid);
		const struct ovsdb_column *nc = ref ? db_column(ref, name) : NULL;

		strbuf_putc_n(&c->output, ' ', 4 * ((size_t)level + 2));
		ovsdb_atom_format(&d->keys[i], col->type.key.type, &c->output);
		strbuf_putc(&c->output, '=');
		if (nc)
			ovsdb_datum_format(idl_get(ref, nc), &nc->type, &c->output);
		strbuf_putc(&c->output, '\n');
	}
}

static void show_column(struct command *c, const struct idl_row *row, const char *name, int level)
{
	const struct ovsdb_column *col = db_column(row, name);
	const struct ovsdb_datum *d = idl_get(row, col);

	if (col->type.key.ref_table && find_shown(c, col->type.key.ref_table)) {
		show_references(c, col, d, level + 1);
		return;
	}
	if (col->type.value.ref_table && name_column(c, col->type.value.ref_table)) {
		show_map(c, col, d, level);
		return;
	}
	if (ovsdb_datum_is_default(d, &col->type))
		return;
	strbuf_putc_n(&c->output, ' ', 4 * ((size_t)level + 1));
	strbuf_printf(&c->output, "%s: ", name);
	ovsdb_datum_format(d, &col->type, &c->output);
	strbuf_putc(&c->output, '\n');
}

static void show_row(struct command *c, const struct idl_row *row, int level)
{
	const char *table = idl_table_schema(row->table)->name;
	const struct shown *s = find_shown(c, table);

	strbuf_putc_n(&c->output, ' ', 4 * (size_t)level);
	if (s->name) {
		const struct ovsdb_column *col = db_column(row, s->name);

		strbuf_printf(&c->output, "%s ", table);
		ovsdb_datum_format(idl_get(row, col), &col->type, &c->output);
	} else {
		strbuf_printf(&c->output, UUID_FMT, UUID_ARGS(&row->uuid));
	}
	strbuf_putc(&c->output, '\n');
	for (size_t i = 0; i < ARRAY_SIZE(s->columns) && s->columns[i]; i++)
		show_column(c, row, s->columns[i], level);
}

static void cmd_show(struct command *c)
{
	const struct idl_table *t = idl_table(c->run->idl, c->run->program->root);

	for (const struct idl_row *row = idl_first(t); row; row = idl_next(row))
		show_row(c, row, 0);
}

const struct command_class show_commands[] = {
	{ "show", 0, 0, "", "", "print an overview of the database", false, need_show, cmd_show,
	  .group = "Overview" },
	{ NULL },
};
