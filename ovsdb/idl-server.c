// SPDX-License-Identifier: Apache-2.0
// What a server says of itself: the row of the replica's database in its database _Server; and whether that is good enough.
#include "ovsdb/idl-private.h"

#include "ovsdb/datum.h"

void idl_server_forget(struct idl *idl)
{
	free(idl->database.model);
	idl->database = (struct idl_database){ .index = -1 };
}

// ---- What comes ----

static void take_model(struct idl_database *db, struct ovsdb_datum *d)
{
	free(db->model);
	db->model = d->n ? xstrdup(d->keys[0].string) : NULL;
}

static void take_connected(struct idl_database *db, struct ovsdb_datum *d)
{
	db->connected = d->n && d->keys[0].boolean;
}

static void take_leader(struct idl_database *db, struct ovsdb_datum *d)
{
	db->leader = d->n && d->keys[0].boolean;
}

static void take_index(struct idl_database *db, struct ovsdb_datum *d)
{
	db->index = d->n ? d->keys[0].integer : -1;
}

static void take_cid(struct idl_database *db, struct ovsdb_datum *d)
{
	db->cid = d->n ? d->keys[0].uuid : (struct uuid){ { 0 } };
}

static void take_sid(struct idl_database *db, struct ovsdb_datum *d)
{
	db->sid = d->n ? d->keys[0].uuid : (struct uuid){ { 0 } };
}

static const struct {
	const char *name;
	enum ovsdb_atomic_type type;
	void (*take)(struct idl_database *db, struct ovsdb_datum *d);
} columns[] = {
	{ "cid", OVSDB_UUID, take_cid },	{ "connected", OVSDB_BOOLEAN, take_connected },
	{ "index", OVSDB_INTEGER, take_index }, { "leader", OVSDB_BOOLEAN, take_leader },
	{ "model", OVSDB_STRING, take_model },	{ "sid", OVSDB_UUID, take_sid },
};

static void read_column(struct idl_database *db, const char *key, size_t len, struct json_reader *r)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_datum d;
	struct ovsdb_type t;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!json_key_is(key, len, columns[i].name))
			continue;
		ovsdb_type_init_scalar(&t, columns[i].type);
		t.n_min = 0;
		if (ovsdb_datum_read(&d, &t, r, NULL, &err)) {
			json_fail(r, "%s: %s", columns[i].name, err.details);
			return;
		}
		columns[i].take(db, &d);
		ovsdb_datum_uninit(&d, &t);
		return;
	}
	json_skip(r);
}

// {"initial": {...}}, {"insert": ...}, {"modify": ...} or {"delete": null}: all columns are of one value at most, so what has
// changed comes as it is now.
static void read_row(void *idl_, const struct uuid *uuid, struct json_reader *r)
{
	struct idl *idl = idl_;
	struct idl_database *db = &idl->database;
	const char *key;
	bool is_delete;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		is_delete = json_key_is(key, len, "delete");
		if (is_delete || json_peek(r) != JSON_OBJECT) {
			json_skip(r);
			if (is_delete && db->known && uuid_equal(&db->row, uuid))
				idl_server_forget(idl);
			continue;
		}
		if (!json_key_is(key, len, "modify"))
			idl_server_forget(idl);
		db->known = true;
		db->row = *uuid;
		json_object(r);
		while (json_member(r, &key, &len))
			read_column(db, key, len, r);
	}
}

bool idl_server_update(struct idl *idl, struct json_span tables)
{
	struct json_reader r;
	const char *key;
	size_t len;
	bool ok;

	json_reader_init_span(&r, tables);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "Database"))
			idl_read_rows(&r, read_row, idl);
		else
			json_skip(&r);
	}
	ok = !json_failed(&r);
	json_reader_uninit(&r);
	return ok;
}

// ---- What is made of it ----

// Content never goes back: not to a server that has seen less of the cluster's log than the one before.
static bool is_behind(struct idl *idl)
{
	const struct idl_database *db = &idl->database;

	if (!uuid_equal(&db->cid, &idl->index_cluster)) {
		idl->index_cluster = db->cid;
		idl->min_index = 0;
	}
	if (db->index < idl->min_index)
		return true;
	idl->min_index = db->index;
	return false;
}

char *idl_server_unfit(struct idl *idl)
{
	const struct idl_database *db = &idl->database;

	if (!db->known || !db->model || strcmp(db->model, "clustered") != 0)
		return NULL;
	if (!uuid_is_zero(&idl->cluster) && !uuid_equal(&idl->cluster, &db->cid))
		return xasprintf("the database is of another cluster (" UUID_FMT ")",
				 UUID_ARGS(&db->cid));
	if (!db->connected)
		return xstrdup("the database server is not connected to its cluster");
	if (idl->leader_only && !db->leader)
		return xstrdup("the database server is not its cluster's leader");
	if (is_behind(idl))
		return xasprintf("the database server is behind what was seen of its cluster "
				 "(index %lld, not %lld)",
				 (long long)db->index, (long long)idl->min_index);
	return NULL;
}
