// SPDX-License-Identifier: Apache-2.0
// A database's file is read in slices while others are served; nobody sees the database before all of it is there.
#include "core/base/counters.h"
#include "ovsdb/server-private.h"

struct opening {
	struct list node; // in server.openings
	struct server *server;
	char *path;
	struct store_opening *work;
	server_opened_cb *cb;
	void *aux;
};

static bool is_being_read(const struct server *s, const char *path)
{
	const struct opening *o;

	LIST_FOR_EACH (o, node, &s->openings)
		if (!strcmp(o->path, path))
			return true;
	return false;
}

int server_open_db(struct server *s, const char *path, server_opened_cb *cb, void *aux,
		   struct error *err)
{
	struct store_opening *work;
	struct opening *o;
	int rc;

	if (is_being_read(s, path))
		return error_set(err, -EBUSY, "%s: is being read already", path);
	rc = store_opening_begin(&work, path, OVSDB_LOG_WRITE, NULL, s->on_corruption, err);
	if (rc)
		return rc;
	o = xzalloc(sizeof(*o));
	o->server = s;
	o->path = xstrdup(path);
	o->work = work;
	o->cb = cb;
	o->aux = aux;
	list_push_back(&s->openings, &o->node);
	loop_wake(s->loop);
	return 0;
}

// 'why': what has failed, or NULL.
static void end(struct opening *o, const struct error *why)
{
	struct server *s = o->server;
	struct error err = ERROR_INIT;
	struct served_db *d = NULL;
	struct db_txn *txn;
	struct db *db;
	struct store *store = store_opening_end(o->work, &db, &txn);

	list_remove(&o->node);
	if (db)
		server_bury(s, db, txn);
	if (store)
		d = server_serve(s, store, o->path, &err);
	o->cb(o->aux, d ? d->name : NULL, d ? NULL : why ? why : &err);
	free(o->path);
	free(o);
}

bool opening_go_on(struct server *s, size_t n)
{
	struct error err = ERROR_INIT;
	struct opening *o;
	int rc;

	if (list_is_empty(&s->openings))
		return false;
	o = LIST_ENTRY(s->openings.next, struct opening, node);
	rc = store_opening_step(o->work, n, &err);
	counter_inc(COUNTER_OVSDB_OPEN_SLICE);
	if (rc <= 0)
		end(o, rc ? &err : NULL);
	return true;
}

static void cancel(struct opening *o, const char *why)
{
	struct error err = ERROR_INIT;

	error_set(&err, -ECANCELED, "%s: %s", o->path, why);
	end(o, &err);
}

bool opening_cancel(struct server *s, const char *name)
{
	struct opening *o;

	LIST_FOR_EACH (o, node, &s->openings) {
		const char *is = store_opening_name(o->work);

		if (!is || strcmp(is, name) != 0)
			continue;
		cancel(o, "removed while it was being read");
		return true;
	}
	return false;
}

void server_cancel_openings(struct server *s)
{
	while (!list_is_empty(&s->openings))
		cancel(LIST_ENTRY(s->openings.next, struct opening, node),
		       "the server ends before it has been read");
}
