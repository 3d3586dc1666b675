// SPDX-License-Identifier: Apache-2.0
// The commands that work on any table.
#include "utilities/db-ctl-private.h"

#include "core/base/log.h"

LOG_MODULE(db_ctl_base);

static void need_table(struct command *c)
{
	struct idl_table *t = db_find_table(c->run->idl, c->argv[1]);

	db_need_table(c->run->idl, idl_table_schema(t)->name);
	db_need_record(c, t);
}

static struct idl_table *argument_table(struct command *c)
{
	return db_find_table(c->run->idl, c->argv[1]);
}

// argv[2]; NULL when it is not there and --if-exists allows that.
static const struct idl_row *argument_record(struct command *c)
{
	return db_find_record(c, argument_table(c), c->argv[2], !option(c, "--if-exists"));
}

// ---- list, find ----

typedef VEC(const struct ovsdb_column *) column_vec;

static const struct ovsdb_column *listed_column(const struct idl_table *t, const char *name)
{
	if (!strcmp(name, "_uuid"))
		return idl_table_schema(t)->columns[OVSDB_COL_UUID];
	return db_find_column(t, name);
}

static void listed_columns(struct command *c, const struct idl_table *t, column_vec *columns)
{
	const struct ovsdb_table_schema *ts = idl_table_schema(t);
	const char *arg = smap_get(&c->options, "--columns");
	char *save = NULL;

	if (!arg) {
		for (size_t i = 0; i < ts->n_columns; i++)
			if (i != OVSDB_COL_VERSION)
				VEC_PUSH(columns, ts->columns[i]);
		return;
	}
	AUTO_FREE char *copy = xstrdup(arg);
	for (char *name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save))
		VEC_PUSH(columns, listed_column(t, name));
	if (!columns->n)
		fatal(0, "must specify at least one column name");
}

static void list_row(struct command *c, const struct idl_row *row, const column_vec *columns)
{
	union ovsdb_atom id = { .uuid = row->uuid };
	struct ovsdb_datum uuid = { .n = 1, .keys = &id };

	table_add_row(c->table);
	for (size_t i = 0; i < columns->n; i++) {
		const struct ovsdb_column *col = columns->v[i];

		table_add_datum(c->table, col->index == OVSDB_COL_UUID ? &uuid : idl_get(row, col),
				&col->type);
	}
}

static void start_list(struct command *c, const column_vec *columns)
{
	c->table = table_create(NULL);
	for (size_t i = 0; i < columns->n; i++)
		table_add_column(c->table, columns->v[i]->name);
}

static void cmd_list(struct command *c)
{
	const struct idl_table *t = argument_table(c);
	column_vec columns = VEC_INIT;

	listed_columns(c, t, &columns);
	start_list(c, &columns);
	for (int i = 2; i < c->argc; i++) {
		const struct idl_row *row =
			db_find_record(c, t, c->argv[i], !option(c, "--if-exists"));

		if (row)
			list_row(c, row, &columns);
	}
	for (const struct idl_row *row = c->argc == 2 ? idl_first(t) : NULL; row;
	     row = idl_next(row))
		list_row(c, row, &columns);
	VEC_FREE(&columns);
}

// Sets compared as people expect: subset, superset.
static bool evaluate_sets(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
			  const struct ovsdb_type *t, const char *op)
{
	bool a_in_b = ovsdb_datum_includes(b, a, t), b_in_a = ovsdb_datum_includes(a, b, t);

	if (!strcmp(op, "{=}"))
		return a_in_b && b_in_a;
	if (!strcmp(op, "{!=}"))
		return !(a_in_b && b_in_a);
	if (!strcmp(op, "{<}"))
		return a_in_b && !b_in_a;
	if (!strcmp(op, "{<=}") || !strcmp(op, "{in}"))
		return a_in_b;
	if (!strcmp(op, "{>}"))
		return b_in_a && !a_in_b;
	if (!strcmp(op, "{>=}"))
		return b_in_a;
	return ovsdb_datum_excludes(b, a, t); // {not-in}
}

static bool evaluate_order(int cmp, const char *op)
{
	if (!strcmp(op, "="))
		return !cmp;
	if (!strcmp(op, "!="))
		return cmp;
	if (!strcmp(op, "<"))
		return cmp < 0;
	if (!strcmp(op, "<="))
		return cmp <= 0;
	if (!strcmp(op, ">"))
		return cmp > 0;
	return cmp >= 0;
}

static bool evaluate(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
		     const struct ovsdb_type *t, const char *op)
{
	return *op == '{' ? evaluate_sets(a, b, t, op)
			  : evaluate_order(ovsdb_datum_compare(a, b, t), op);
}

// The type that a value compared with has: sets of any size.
static void any_size(struct ovsdb_type *t, const struct ovsdb_base_type *key)
{
	ovsdb_type_init_scalar(t, key->type);
	t->key = *key;
	t->n_min = 0;
	t->n_max = UINT_MAX;
}

static bool key_matches(struct command *c, const struct idl_row *row, const struct argument *a)
{
	const struct ovsdb_type *t = &a->column->type;
	const struct ovsdb_datum *map = idl_get(row, a->column);
	struct ovsdb_datum have, want;
	struct ovsdb_type value_type;
	union ovsdb_atom key;
	ssize_t i;
	bool ok;

	if (!ovsdb_type_is_map(t))
		fatal(0, "cannot specify key to check for non-map column %s", a->column->name);
	db_parse_atom(c, &t->key, a->key, &key);
	i = ovsdb_datum_find(map, &key, t);
	ovsdb_atom_uninit(&key, t->key.type);
	if (!a->op)
		return i >= 0;
	any_size(&value_type, &t->value);
	if (*a->op != '{' && i < 0)
		return false;
	db_parse_datum(c, &value_type, a->value, &want);
	have = (struct ovsdb_datum){ .n = i >= 0, .keys = i >= 0 ? &map->values[i] : NULL };
	ok = evaluate(&have, &want, &value_type, a->op);
	ovsdb_datum_uninit(&want, &value_type);
	return ok;
}

static bool row_matches(struct command *c, const struct idl_row *row, const char *arg)
{
	struct ovsdb_type relaxed;
	struct ovsdb_datum want;
	struct argument a;
	bool ok;

	if (str_starts(arg, "_uuid=")) {
		AUTO_FREE char *uuid = xasprintf(UUID_FMT, UUID_ARGS(&row->uuid));

		return !strcmp(uuid, arg + strlen("_uuid="));
	}
	db_parse_argument(row->table, arg, ARGUMENT_OPERATOR, &a);
	if (a.key) {
		ok = key_matches(c, row, &a);
	} else {
		relaxed = a.column->type;
		if (!ovsdb_type_is_map(&relaxed) && *a.op == '{')
			any_size(&relaxed, &a.column->type.key);
		db_parse_datum(c, &relaxed, a.value, &want);
		ok = evaluate(idl_get(row, a.column), &want, &relaxed, a.op);
		ovsdb_datum_uninit(&want, &relaxed);
	}
	argument_uninit(&a);
	return ok;
}

static bool row_matches_all(struct command *c, const struct idl_row *row, int first)
{
	for (int i = first; i < c->argc; i++)
		if (!row_matches(c, row, c->argv[i]))
			return false;
	return true;
}

static void cmd_find(struct command *c)
{
	const struct idl_table *t = argument_table(c);
	column_vec columns = VEC_INIT;

	listed_columns(c, t, &columns);
	start_list(c, &columns);
	for (const struct idl_row *row = idl_first(t); row; row = idl_next(row))
		if (row_matches_all(c, row, 2))
			list_row(c, row, &columns);
	VEC_FREE(&columns);
}

// ---- get ----

static void get_value(struct command *c, const struct idl_row *row, const char *arg)
{
	struct ovsdb_datum *d;
	union ovsdb_atom key;
	struct argument a;
	ssize_t i;

	if (!strcmp(arg, "_uuid")) {
		strbuf_printf(&c->output, UUID_FMT "\n", UUID_ARGS(&row->uuid));
		return;
	}
	db_parse_argument(row->table, arg, ARGUMENT_PLAIN, &a);
	d = (struct ovsdb_datum *)idl_get(row, a.column);
	idl_verify(row, a.column);
	if (!a.key) {
		ovsdb_datum_format(d, &a.column->type, &c->output);
	} else {
		if (!ovsdb_type_is_map(&a.column->type))
			fatal(0, "cannot specify key to get for non-map column %s", a.column->name);
		db_parse_atom(c, &a.column->type.key, a.key, &key);
		i = ovsdb_datum_find(d, &key, &a.column->type);
		ovsdb_atom_uninit(&key, a.column->type.key.type);
		if (i < 0 && !option(c, "--if-exists"))
			fatal(0, "no key \"%s\" in %s record \"%s\" column %s", a.key,
			      idl_table_schema(row->table)->name, c->argv[2], a.column->name);
		if (i >= 0)
			ovsdb_atom_format(&d->values[i], a.column->type.value.type, &c->output);
	}
	strbuf_putc(&c->output, '\n');
	argument_uninit(&a);
}

static void bind_symbol(struct command *c, const char *id, const struct uuid *uuid)
{
	struct symbol *sym;

	if (*id != '@')
		fatal(0, "row id \"%s\" does not begin with \"@\"", id);
	sym = db_symbol(c->run, id);
	if (sym->created)
		fatal(0, "row id \"%s\" may only be specified on one --id option", id);
	sym->created = true;
	if (uuid)
		sym->uuid = *uuid;
}

static void cmd_get(struct command *c)
{
	const char *id = smap_get(&c->options, "--id");
	const struct idl_row *row;

	if (id && option(c, "--if-exists"))
		fatal(0, "--if-exists and --id may not be specified together");
	row = argument_record(c);
	if (!row)
		return;
	if (id) {
		struct symbol *sym = strmap_get(&c->run->names, id);

		if (sym && sym->referenced && !sym->created)
			fatal(0,
			      "row id \"%s\" specified on \"get\" command was used before it was "
			      "defined",
			      id);
		bind_symbol(c, id, &row->uuid);
		db_symbol(c->run, id)->referenced = true; // it needs no reference to exist
	}
	for (int i = 3; i < c->argc; i++)
		get_value(c, row, c->argv[i]);
}

// ---- set, add, remove, clear ----

static void cmd_set(struct command *c)
{
	const struct idl_row *row = argument_record(c);

	for (int i = 3; row && i < c->argc; i++)
		db_set_column(c, row, c->argv[i]);
	if (row)
		run_forget_model(c->run);
}

static void check_size(const struct idl_row *row, const struct ovsdb_column *col, size_t n,
		       const char *op)
{
	if (n >= col->type.n_min && n <= col->type.n_max)
		return;
	if (!strcmp(op, "add"))
		fatal(0,
		      "\"add\" operation would put %zu %s in column %s of table %s but the maximum "
		      "number is %u",
		      n, ovsdb_type_is_map(&col->type) ? "pairs" : "values", col->name,
		      idl_table_schema(row->table)->name, col->type.n_max);
	fatal(0,
	      "\"remove\" operation would put %zu %s in column %s of table %s but the minimum "
	      "number is %u",
	      n, ovsdb_type_is_map(&col->type) ? "pairs" : "values", col->name,
	      idl_table_schema(row->table)->name, col->type.n_min);
}

static void add_elements(const struct idl_row *row, const struct ovsdb_column *col,
			 const struct ovsdb_datum *d)
{
	for (unsigned int i = 0; i < d->n; i++) {
		union ovsdb_atom key, value;

		ovsdb_atom_clone(&key, &d->keys[i], col->type.key.type);
		if (d->values)
			ovsdb_atom_clone(&value, &d->values[i], col->type.value.type);
		idl_add_key(row, col, &key, d->values ? &value : NULL);
	}
}

static void cmd_add(struct command *c)
{
	const struct idl_row *row = argument_record(c);
	const struct ovsdb_column *col;
	struct ovsdb_datum d, whole;
	struct ovsdb_type t;

	if (!row)
		return;
	col = db_find_column(row->table, c->argv[3]);
	db_check_mutable(row, col);
	t = col->type;
	t.n_max = UINT_MAX;
	ovsdb_datum_clone(&whole, idl_get(row, col), &col->type);
	for (int i = 4; i < c->argc; i++) {
		db_parse_datum(c, &t, c->argv[i], &d);
		ovsdb_datum_union(&whole, &d, &col->type, true);
		check_size(row, col, whole.n, "add");
		add_elements(row, col, &d);
		ovsdb_datum_uninit(&d, &t);
	}
	ovsdb_datum_uninit(&whole, &col->type);
	run_forget_model(c->run);
}

static void remove_elements(const struct idl_row *row, const struct ovsdb_column *col,
			    const struct ovsdb_datum *d)
{
	for (unsigned int i = 0; i < d->n; i++) {
		const struct ovsdb_datum *have = idl_get(row, col);
		ssize_t at = ovsdb_datum_find(have, &d->keys[i], &col->type);
		union ovsdb_atom key;

		if (at < 0 || (d->values && ovsdb_atom_compare(&d->values[i], &have->values[at],
							       col->type.value.type)))
			continue;
		ovsdb_atom_clone(&key, &d->keys[i], col->type.key.type);
		idl_remove_key(row, col, &key);
	}
}

static void cmd_remove(struct command *c)
{
	const struct idl_row *row = argument_record(c);
	const struct ovsdb_column *col;

	if (!row)
		return;
	col = db_find_column(row->table, c->argv[3]);
	db_check_mutable(row, col);
	for (int i = 4; i < c->argc; i++) {
		struct ovsdb_error err = OVSDB_ERROR_INIT;
		struct ovsdb_type t = col->type;
		struct ovsdb_datum d, rest;

		t.n_min = 1;
		t.n_max = UINT_MAX;
		// From a map go pairs or, given without values, keys.
		if (ovsdb_type_is_map(&t) &&
		    ovsdb_datum_parse(&d, &t, c->argv[i], &c->run->symbols, &err)) {
			t.value.type = OVSDB_VOID;
			db_parse_datum(c, &t, c->argv[i], &d);
		} else if (!ovsdb_type_is_map(&t)) {
			db_parse_datum(c, &t, c->argv[i], &d);
		}
		ovsdb_datum_clone(&rest, idl_get(row, col), &col->type);
		ovsdb_datum_subtract(&rest, &col->type, &d, &t);
		check_size(row, col, rest.n, "remove");
		ovsdb_datum_uninit(&rest, &col->type);
		remove_elements(row, col, &d);
		ovsdb_datum_uninit(&d, &t);
	}
	run_forget_model(c->run);
}

static void cmd_clear(struct command *c)
{
	const struct idl_row *row = argument_record(c);

	for (int i = 3; row && i < c->argc; i++) {
		const struct ovsdb_column *col = db_find_column(row->table, c->argv[i]);
		struct ovsdb_datum empty;

		db_check_mutable(row, col);
		if (col->type.n_min > 0)
			fatal(0,
			      "\"clear\" operation cannot be applied to column %s of table %s, "
			      "which is "
			      "not allowed to be empty",
			      col->name, idl_table_schema(row->table)->name);
		ovsdb_datum_init_empty(&empty);
		idl_write(row, col, &empty);
	}
	if (row)
		run_forget_model(c->run);
}

// ---- create, destroy ----

static void need_create(struct command *c)
{
	need_table(c);
}

static void cmd_create(struct command *c)
{
	const char *id = smap_get(&c->options, "--id");
	struct idl_table *t = argument_table(c);
	const struct idl_row *row;
	struct uuid uuid;

	if (id && uuid_parse(&uuid, id)) {
		row = idl_insert(c->run->txn, t, &uuid);
	} else if (id) {
		bind_symbol(c, id, NULL);
		row = idl_insert_provisional(c->run->txn, t, &db_symbol(c->run, id)->uuid);
		if (idl_table_schema(t)->is_root)
			db_symbol(c->run, id)->referenced = true;
	} else {
		if (!idl_table_schema(t)->is_root)
			log_warn("applying \"create\" command to table %s without --id option will "
				 "have no effect",
				 idl_table_schema(t)->name);
		row = idl_insert(c->run->txn, t, NULL);
	}
	for (int i = 2; i < c->argc; i++)
		db_set_column(c, row, c->argv[i]);
	c->uuid = row->uuid;
	c->done = true;
}

static void after_create(struct command *c)
{
	const struct uuid *real = idl_txn_inserted_uuid(c->run->txn, &c->uuid);

	if (!c->done)
		return;
	strbuf_clear(&c->output);
	strbuf_printf(&c->output, UUID_FMT "\n", UUID_ARGS(real ? real : &c->uuid));
}

static void cmd_destroy(struct command *c)
{
	struct idl_table *t = argument_table(c);
	bool all = option(c, "--all");

	if (all && c->argc > 2)
		fatal(0, "--all and records argument should not be specified together");
	if (all && option(c, "--if-exists"))
		fatal(0, "--all and --if-exists should not be specified together");
	if (!all && c->argc == 2)
		log_warn("either --all or records argument should be specified");
	if (all) {
		for (const struct idl_row *row = idl_first(t), *next; row; row = next) {
			next = idl_next(row);
			idl_delete(row);
		}
	}
	for (int i = 2; i < c->argc; i++) {
		const struct idl_row *row =
			db_find_record(c, t, c->argv[i], !option(c, "--if-exists"));

		if (row)
			idl_delete(row);
	}
	run_forget_model(c->run);
}

// ---- wait-until, comment ----

static void cmd_wait_until(struct command *c)
{
	const struct idl_row *row = db_find_record(c, argument_table(c), c->argv[2], false);

	if (!row || !row_matches_all(c, row, 3))
		c->run->try_again = true;
}

static void need_nothing(struct command *c) {}
static void cmd_comment(struct command *c) {}

const struct command_class db_commands[] = {
	{ "comment", 0, -1, "*ARG", "", "note ARGs in the transaction", false, need_nothing,
	  cmd_comment, .group = "Any table" },
	{ "get", 2, -1, "!TABLE !RECORD *COLUMN?:KEY",
	  "--if-exists,--id=", "print values of RECORD's columns", false, need_table, cmd_get },
	{ "list", 1, -1, "!TABLE *RECORD", "--if-exists,--columns=", "print some or all records",
	  false, need_table, cmd_list },
	{ "find", 1, -1, "!TABLE *COLUMN?:KEY=VALUE", "--columns=",
	  "print the records that satisfy all conditions", false, need_table, cmd_find },
	{ "set", 3, -1, "!TABLE !RECORD +COLUMN?:KEY=VALUE", "--if-exists", "set columns' values",
	  true, need_table, cmd_set },
	{ "add", 4, -1, "!TABLE !RECORD !COLUMN +?KEY=VALUE", "--if-exists", "add to a column",
	  true, need_table, cmd_add },
	{ "remove", 4, -1, "!TABLE !RECORD !COLUMN +KEY|VALUE|KEY=VALUE", "--if-exists",
	  "take from a column", true, need_table, cmd_remove },
	{ "clear", 3, -1, "!TABLE !RECORD +COLUMN", "--if-exists", "make columns empty", true,
	  need_table, cmd_clear },
	{ "create", 2, -1, "!TABLE +COLUMN?:KEY=VALUE", "--id=", "make a record", true, need_create,
	  cmd_create, after_create },
	{ "destroy", 1, -1, "!TABLE *RECORD", "--if-exists,--all", "delete records", true,
	  need_table, cmd_destroy },
	{ "wait-until", 2, -1, "!TABLE !RECORD *COLUMN?:KEY=VALUE", "",
	  "wait until RECORD satisfies all conditions", false, need_table, cmd_wait_until },
	{ NULL },
};
