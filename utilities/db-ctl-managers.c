// SPDX-License-Identifier: Apache-2.0
// Commands on the database's managers, and small helpers that commands of all programs use.
#include "core/io/stream.h"
#include "utilities/db-ctl-private.h"

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void names_sort(name_vec *names)
{
	if (names->n)
		qsort(names->v, names->n, sizeof(names->v[0]), compare_strings);
}

void command_print_sorted(struct command *c, name_vec *names)
{
	names_sort(names);
	for (size_t i = 0; i < names->n; i++)
		strbuf_printf(&c->output, "%s\n", names->v[i]);
	VEC_FREE(names);
}

void db_check_target(const struct run *r, const char *target)
{
	if (!stream_name_is_active(target) && !stream_name_is_passive(target))
		log_write(r->program->log, LEVEL_WARN, "target type \"%s\" is possibly erroneous",
			  target);
}

void db_set_string(const struct idl_row *row, const char *column, const char *value)
{
	struct ovsdb_datum d = { .n = 1, .keys = xmalloc(sizeof(union ovsdb_atom)) };

	d.keys[0].string = xstrdup(value);
	idl_write(row, db_column(row, column), &d);
}

void db_set_probe(struct command *c, const struct idl_row *row)
{
	const char *text = smap_get(&c->options, "--inactivity-probe");
	struct ovsdb_datum d = { .n = 1 };
	int64_t probe;

	if (!text)
		return;
	if (!parse_i64(text, 10, &probe))
		fatal(0, "--inactivity-probe: not a number of milliseconds");
	d.keys = xmalloc(sizeof(union ovsdb_atom));
	d.keys[0].integer = probe;
	idl_write(row, db_column(row, "inactivity_probe"), &d);
}

// ---- get-manager, del-manager, set-manager ----

static void need_managers(struct command *c)
{
	static const char *const columns[] = { "target", "inactivity_probe", NULL };
	const char *const root[] = { c->run->program->managers, NULL };

	need_columns(c, c->run->program->root, root);
	need_columns(c, "Manager", columns);
}

static const struct ovsdb_datum *managers(const struct command *c)
{
	return db_value(c->run->root, c->run->program->managers);
}

static const char *target_of(const struct idl_row *manager)
{
	return db_value(manager, "target")->keys[0].string;
}

static void cmd_get_manager(struct command *c)
{
	const struct idl_table *t = idl_table(c->run->idl, "Manager");
	const struct ovsdb_datum *d = managers(c);
	name_vec names = VEC_INIT;

	for (unsigned int i = 0; i < d->n; i++) {
		const struct idl_row *row = idl_find(t, &d->keys[i].uuid);

		if (row)
			VEC_PUSH(&names, target_of(row));
	}
	command_print_sorted(c, &names);
}

static void write_managers(struct command *c, const struct uuid *uuids, size_t n)
{
	const struct ovsdb_column *col = db_column(c->run->root, c->run->program->managers);
	const struct ovsdb_datum *old = managers(c);
	union ovsdb_atom key;

	// Element by element, so that those that stay are not written.
	idl_verify(c->run->root, col);
	for (unsigned int i = old->n; i > 0; i--) {
		size_t j = 0;

		key.uuid = old->keys[i - 1].uuid;
		while (j < n && !uuid_equal(&uuids[j], &key.uuid))
			j++;
		if (j == n)
			idl_remove_key(c->run->root, col, &key);
		old = managers(c);
	}
	for (size_t j = 0; j < n; j++) {
		key.uuid = uuids[j];
		if (ovsdb_datum_find(managers(c), &key, &col->type) < 0)
			idl_add_key(c->run->root, col, &key, NULL);
	}
}

static void cmd_del_manager(struct command *c)
{
	write_managers(c, NULL, 0);
}

// One that stays keeps its row and so its settings.
static const struct idl_row *manager_row(struct command *c, const char *target)
{
	const struct idl_table *t = idl_table(c->run->idl, "Manager");
	const struct ovsdb_datum *d = managers(c);
	const struct idl_row *row;

	for (unsigned int i = 0; i < d->n; i++) {
		row = idl_find(t, &d->keys[i].uuid);
		if (row && !strcmp(target_of(row), target))
			return row;
	}
	row = idl_insert(c->run->txn, t, NULL);
	db_set_string(row, "target", target);
	return row;
}

static void cmd_set_manager(struct command *c)
{
	size_t n = c->argc - 1;
	AUTO_FREE struct uuid *uuids = xcalloc(n, sizeof(*uuids));

	for (size_t i = 0; i < n; i++) {
		const struct idl_row *row;

		db_check_target(c->run, c->argv[1 + i]);
		row = manager_row(c, c->argv[1 + i]);
		db_set_probe(c, row);
		uuids[i] = row->uuid;
	}
	write_managers(c, uuids, n);
}

const struct command_class manager_commands[] = {
	{ "get-manager", 0, 0, "", "", "print the managers", false, need_managers, cmd_get_manager,
	  .group = "Managers" },
	{ "del-manager", 0, 0, "", "", "delete the managers", true, need_managers,
	  cmd_del_manager },
	{ "set-manager", 1, -1, "+TARGET", "--inactivity-probe=", "set the managers", true,
	  need_managers, cmd_set_manager },
	{ NULL },
};
