// SPDX-License-Identifier: Apache-2.0
// vtep-ctl: where MAC addresses of logical switches are. Four tables: of one place or of several (multicast), learned here
// (local) or told by a controller (remote).
#include "utilities/vtep-ctl.h"

static const struct mac_table {
	const char *name, *heading; // heading of list-*-macs, also what its commands end in
	bool multicast, local;
} tables[] = {
	{ "Ucast_Macs_Local", "ucast-mac-local", false, true },
	{ "Mcast_Macs_Local", "mcast-mac-local", true, true },
	{ "Ucast_Macs_Remote", "ucast-mac-remote", false, false },
	{ "Mcast_Macs_Remote", "mcast-mac-remote", true, false },
};

static void need_macs(struct command *c)
{
	static const char *const name[] = { "name", NULL };
	static const char *const unicast[] = { "MAC", "logical_switch", "locator", NULL };
	static const char *const multicast[] = { "MAC", "logical_switch", "locator_set", NULL };
	static const char *const locator[] = { "encapsulation_type", "dst_ip", NULL };
	static const char *const set[] = { "locators", NULL };

	need_columns(c, "Logical_Switch", name);
	need_columns(c, "Physical_Locator", locator);
	need_columns(c, "Physical_Locator_Set", set);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		need_columns(c, tables[i].name, tables[i].multicast ? multicast : unicast);
}

// "add-mcast-local" is about the second table.
static const struct mac_table *table_of(const struct command *c)
{
	bool multicast = strstr(c->argv[0], "mcast"), local = strstr(c->argv[0], "local");

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (tables[i].multicast == multicast && tables[i].local == local)
			return &tables[i];
	abort();
}

static bool refers_to(const struct idl_row *row, const char *column, const struct uuid *uuid)
{
	const struct ovsdb_datum *d = db_value(row, column);

	return d->n == 1 && uuid_equal(&d->keys[0].uuid, uuid);
}

// Takes 'uuids' (n of them) as the column's value; copied.
static void set_references(const struct idl_row *row, const char *column, const struct uuid *uuids,
			   size_t n)
{
	const struct ovsdb_column *col = db_column(row, column);
	struct ovsdb_datum d = { .n = n, .keys = xcalloc(n, sizeof(union ovsdb_atom)) };
	struct ovsdb_error err = OVSDB_ERROR_INIT;

	for (size_t i = 0; i < n; i++)
		d.keys[i].uuid = uuids[i];
	if (ovsdb_datum_sort(&d, &col->type, &err))
		fatal(0, "%s: %s", column, err.details);
	idl_write(row, col, &d);
}

static const struct idl_row *find_row(struct command *c, const struct mac_table *t,
				      const struct uuid *ls, const char *mac)
{
	const struct idl_row *row = idl_first(idl_table(c->run->idl, t->name));

	while (row && !(refers_to(row, "logical_switch", ls) &&
			!strcmp(db_value(row, "MAC")->keys[0].string, mac)))
		row = idl_next(row);
	return row;
}

// LS MAC [ENCAP] IP: a place that is there already is shared.
static const struct idl_row *find_place(struct command *c, bool make)
{
	const char *encap = c->argc > 4 ? c->argv[3] : "vxlan_over_ipv4",
		   *ip = c->argv[c->argc - 1];
	const struct idl_table *t = idl_table(c->run->idl, "Physical_Locator");
	const struct idl_row *row = idl_first(t);

	while (row && (strcmp(db_value(row, "dst_ip")->keys[0].string, ip) != 0 ||
		       strcmp(db_value(row, "encapsulation_type")->keys[0].string, encap) != 0))
		row = idl_next(row);
	if (!row && make) {
		row = idl_insert(c->run->txn, t, NULL);
		db_set_string(row, "encapsulation_type", encap);
		db_set_string(row, "dst_ip", ip);
	}
	return row;
}

typedef VEC(struct uuid) uuid_vec;

// The places of a multicast row.
static void places_of(struct command *c, const struct idl_row *row, uuid_vec *places)
{
	const struct idl_row *set = idl_find(idl_table(c->run->idl, "Physical_Locator_Set"),
					     &db_value(row, "locator_set")->keys[0].uuid);
	const struct ovsdb_datum *d = set ? db_value(set, "locators") : NULL;

	for (unsigned int i = 0; d && i < d->n; i++)
		VEC_PUSH(places, d->keys[i].uuid);
}

// The set itself cannot be changed: a new one takes its place.
static void set_places(struct command *c, const struct idl_row *row, const uuid_vec *places)
{
	const struct idl_row *set =
		idl_insert(c->run->txn, idl_table(c->run->idl, "Physical_Locator_Set"), NULL);

	set_references(set, "locators", places->v, places->n);
	set_references(row, "locator_set", &set->uuid, 1);
}

static ssize_t find_uuid(const uuid_vec *v, const struct uuid *uuid)
{
	for (size_t i = 0; i < v->n; i++)
		if (uuid_equal(&v->v[i], uuid))
			return i;
	return -1;
}

static const struct idl_row *new_row(struct command *c, const struct mac_table *t,
				     const struct uuid *ls)
{
	const struct idl_row *row = idl_insert(c->run->txn, idl_table(c->run->idl, t->name), NULL);

	db_set_string(row, "MAC", c->argv[2]);
	set_references(row, "logical_switch", ls, 1);
	return row;
}

static void cmd_add(struct command *c)
{
	const struct uuid *ls = &find_logical_switch(c, c->argv[1], true)->row.uuid;
	const struct mac_table *t = table_of(c);
	const struct idl_row *row = find_row(c, t, ls, c->argv[2]), *place = find_place(c, true);
	uuid_vec places = VEC_INIT;

	if (t->multicast && row)
		places_of(c, row, &places);
	if (!row)
		row = new_row(c, t, ls);
	if (!t->multicast) {
		set_references(row, "locator", &place->uuid, 1);
	} else if (find_uuid(&places, &place->uuid) < 0) {
		VEC_PUSH(&places, place->uuid);
		set_places(c, row, &places);
	}
	VEC_FREE(&places);
}

static void cmd_del_unicast(struct command *c)
{
	const struct uuid *ls = &find_logical_switch(c, c->argv[1], true)->row.uuid;
	const struct idl_row *row = find_row(c, table_of(c), ls, c->argv[2]);

	if (row)
		idl_delete(row);
}

static void cmd_del_multicast(struct command *c)
{
	const struct uuid *ls = &find_logical_switch(c, c->argv[1], true)->row.uuid;
	const struct idl_row *row = find_row(c, table_of(c), ls, c->argv[2]);
	const struct idl_row *place = find_place(c, false);
	uuid_vec places = VEC_INIT;
	ssize_t at;

	if (!row || !place)
		return;
	places_of(c, row, &places);
	at = find_uuid(&places, &place->uuid);
	if (at >= 0) {
		places.v[at] = places.v[--places.n];
		if (places.n)
			set_places(c, row, &places);
		else
			idl_delete(row);
	}
	VEC_FREE(&places);
}

static void cmd_clear(struct command *c)
{
	const struct uuid *ls = &find_logical_switch(c, c->argv[1], true)->row.uuid;
	bool local = strstr(c->argv[0], "local");

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct idl_row *row = idl_first(idl_table(c->run->idl, tables[i].name)),
				     *next;

		for (; row && tables[i].local == local; row = next) {
			next = idl_next(row);
			if (refers_to(row, "logical_switch", ls))
				idl_delete(row);
		}
	}
}

static void add_line(struct command *c, const struct idl_row *row, const struct uuid *place,
		     name_vec *lines)
{
	const struct idl_row *l = idl_find(idl_table(c->run->idl, "Physical_Locator"), place);

	if (l)
		VEC_PUSH(lines, xasprintf("  %s -> %s/%s", db_value(row, "MAC")->keys[0].string,
					  db_value(l, "encapsulation_type")->keys[0].string,
					  db_value(l, "dst_ip")->keys[0].string));
}

static void list_table(struct command *c, const struct mac_table *t, const struct uuid *ls)
{
	const struct idl_row *row = idl_first(idl_table(c->run->idl, t->name));
	name_vec lines = VEC_INIT;

	for (; row; row = idl_next(row)) {
		uuid_vec places = VEC_INIT;

		if (!refers_to(row, "logical_switch", ls))
			continue;
		if (t->multicast)
			places_of(c, row, &places);
		else
			VEC_PUSH(&places, db_value(row, "locator")->keys[0].uuid);
		for (size_t i = 0; i < places.n; i++)
			add_line(c, row, &places.v[i], &lines);
		VEC_FREE(&places);
	}
	strbuf_printf(&c->output, "%s\n", t->heading);
	names_sort(&lines);
	for (size_t i = 0; i < lines.n; i++) {
		strbuf_printf(&c->output, "%s\n", lines.v[i]);
		free((char *)lines.v[i]);
	}
	VEC_FREE(&lines);
	strbuf_putc(&c->output, '\n');
}

static void cmd_list(struct command *c)
{
	const struct uuid *ls = &find_logical_switch(c, c->argv[1], true)->row.uuid;
	bool local = strstr(c->argv[0], "local");

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (tables[i].local == local)
			list_table(c, &tables[i], ls);
}

const struct command_class mac_commands[] = {
	{ "add-ucast-local", 3, 4, "!LS !MAC ?ENCAP !IP", "", "add a local unicast address to LS",
	  true, need_macs, cmd_add, .group = "MAC addresses" },
	{ "del-ucast-local", 2, 2, "!LS !MAC", "", "delete a local unicast address from LS", true,
	  need_macs, cmd_del_unicast },
	{ "add-mcast-local", 3, 4, "!LS !MAC ?ENCAP !IP", "", "add a local multicast address to LS",
	  true, need_macs, cmd_add },
	{ "del-mcast-local", 3, 4, "!LS !MAC ?ENCAP !IP", "",
	  "delete a local multicast address from LS", true, need_macs, cmd_del_multicast },
	{ "clear-local-macs", 1, 1, "!LS", "", "delete all local addresses of LS", true, need_macs,
	  cmd_clear },
	{ "list-local-macs", 1, 1, "!LS", "", "print all local addresses of LS", false, need_macs,
	  cmd_list },
	{ "add-ucast-remote", 3, 4, "!LS !MAC ?ENCAP !IP", "", "add a remote unicast address to LS",
	  true, need_macs, cmd_add },
	{ "del-ucast-remote", 2, 2, "!LS !MAC", "", "delete a remote unicast address from LS", true,
	  need_macs, cmd_del_unicast },
	{ "add-mcast-remote", 3, 4, "!LS !MAC ?ENCAP !IP", "",
	  "add a remote multicast address to LS", true, need_macs, cmd_add },
	{ "del-mcast-remote", 3, 4, "!LS !MAC ?ENCAP !IP", "",
	  "delete a remote multicast address from LS", true, need_macs, cmd_del_multicast },
	{ "clear-remote-macs", 1, 1, "!LS", "", "delete all remote addresses of LS", true,
	  need_macs, cmd_clear },
	{ "list-remote-macs", 1, 1, "!LS", "", "print all remote addresses of LS", false, need_macs,
	  cmd_list },
	{ NULL },
};
