// SPDX-License-Identifier: Apache-2.0
// Locks (RFC 7047 sections 4.1.8 to 4.1.10): a queue of clients per name; the first one owns it.
#include "ovsdb/server-private.h"

static bool is_owner(const struct lock_waiter *w)
{
	return w->lock->waiters.next == &w->node;
}

static void notify(struct lock_waiter *w, const char *method)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_putc(&params, '[');
	json_put_string(&params, w->lock->name, strlen(w->lock->name));
	strbuf_putc(&params, ']');
	session_notify(w->session, method, &params);
}

static char *lock_name(const struct jsonrpc_message *m)
{
	struct json_reader r;
	char *name = NULL;

	json_reader_init_span(&r, m->params);
	json_array(&r);
	if (json_element(&r))
		name = json_string_dup(&r);
	if (json_element(&r) || json_failed(&r) || !name || !ovsdb_id_is_valid(name)) {
		free(name);
		name = NULL;
	}
	json_reader_uninit(&r);
	return name;
}

static struct lock_waiter *find_waiter(struct session *c, const char *name)
{
	struct lock_waiter *w;

	LIST_FOR_EACH (w, session_node, &c->locks)
		if (!strcmp(w->lock->name, name))
			return w;
	return NULL;
}

static void bad_name(struct session *c, const struct jsonrpc_message *m)
{
	struct ovsdb_error err;

	ovsdb_error_set(&err, OVSDB_SYNTAX, "%s request params must be <id>", m->method);
	session_reply_error(c, m->id, &err);
}

static struct lock *get_lock(struct server *s, const char *name)
{
	struct lock *lock = strmap_get(&s->locks, name);

	if (!lock) {
		lock = xzalloc(sizeof(*lock));
		lock->name = xstrdup(name);
		list_init(&lock->waiters);
		strmap_add(&s->locks, name, lock);
	}
	return lock;
}

void session_lock(struct session *c, const struct jsonrpc_message *m, bool steal)
{
	AUTO_FREE char *name = lock_name(m);
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct lock_waiter *w, *victim;
	AUTO(strbuf) out = STRBUF_INIT;

	if (!name) {
		bad_name(c, m);
		return;
	}
	if (find_waiter(c, name)) {
		ovsdb_error_set(&err, OVSDB_SYNTAX, "must issue \"unlock\" before new \"%s\"",
				m->method);
		session_reply_error(c, m->id, &err);
		return;
	}
	w = xzalloc(sizeof(*w));
	w->session = c;
	w->lock = get_lock(c->server, name);
	list_push_back(&c->locks, &w->session_node);
	if (steal && !list_is_empty(&w->lock->waiters)) {
		// Who is robbed waits right behind the thief.
		victim = LIST_ENTRY(w->lock->waiters.next, struct lock_waiter, node);
		notify(victim, "stolen");
		victim->stolen = true;
		list_push_front(&w->lock->waiters, &w->node);
	} else {
		list_push_back(&w->lock->waiters, &w->node);
	}
	strbuf_printf(&out, "{\"locked\":%s}", is_owner(w) ? "true" : "false");
	session_reply(c, m->id, &out);
}

static void drop_waiter(struct session *c, struct lock_waiter *w)
{
	struct lock *lock = w->lock;
	bool owned = is_owner(w);

	list_remove(&w->node);
	list_remove(&w->session_node);
	free(w);
	if (list_is_empty(&lock->waiters)) {
		strmap_take(&c->server->locks, lock->name);
		free(lock->name);
		free(lock);
	} else if (owned) {
		w = LIST_ENTRY(lock->waiters.next, struct lock_waiter, node);
		w->stolen = false;
		notify(w, "locked");
	}
}

void session_unlock(struct session *c, const struct jsonrpc_message *m)
{
	AUTO_FREE char *name = lock_name(m);
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct strbuf empty = { (char *)"{}", 2, 0 };
	struct lock_waiter *w;

	if (!name) {
		bad_name(c, m);
		return;
	}
	w = find_waiter(c, name);
	if (!w) {
		ovsdb_error_set(&err, OVSDB_SYNTAX,
				"unlock: \"unlock\" without \"lock\" or \"steal\"");
		session_reply_error(c, m->id, &err);
		return;
	}
	drop_waiter(c, w);
	session_reply(c, m->id, &empty);
}

void session_drop_locks(struct session *c)
{
	while (!list_is_empty(&c->locks))
		drop_waiter(c, LIST_ENTRY(c->locks.next, struct lock_waiter, session_node));
}

bool session_has_lock(void *session, const char *name)
{
	struct lock_waiter *w = find_waiter(session, name);

	return w && is_owner(w);
}

static int by_name(const void *a_, const void *b_)
{
	const char *const *a = a_, *const *b = b_;

	return strcmp(*a, *b);
}

static bool is_of_kind(const struct lock_waiter *w, enum lock_kind kind)
{
	switch (kind) {
	case LOCKS_HELD:
		return is_owner(w);
	case LOCKS_WAITING:
		return !is_owner(w);
	case LOCKS_LOST:
		return w->stolen;
	}
	return false;
}

void session_put_locks(const struct session *c, enum lock_kind kind, struct strbuf *out)
{
	AUTO_FREE const char **names = xcalloc(list_size(&c->locks) + 1, sizeof(*names));
	struct lock_waiter *w;
	size_t n = 0;

	LIST_FOR_EACH (w, session_node, &c->locks)
		if (is_of_kind(w, kind))
			names[n++] = w->lock->name;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, "%s%s", i ? " " : "", names[i]);
}
