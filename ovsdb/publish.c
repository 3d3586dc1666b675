// SPDX-License-Identifier: Apache-2.0
// Who is told what of transactions. Those that come to the disk together are told together, clients that asked the same from one
// text; one that reads slowly is told later.
#include "ovsdb/server-private.h"

// With more than that on its way to a client, it is told no more until half of it has gone.
#define SLOW_BACKLOG ((size_t)4 << 20)

// What is told to every monitor that asked for the same.
struct news {
	const struct monitor *like; // one of them
	struct strbuf text; // empty: nothing
	// The last message that was made of it, and for whom.
	struct strbuf message;
	char *id;
	enum monitor_version version;
};

// ---- Telling ----

static void format(const char *id, enum monitor_version version, const struct uuid *state,
		   const struct strbuf *text, struct strbuf *out)
{
	static const char *const methods[] = { "update", "update2", "update3" };
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_reserve(&params, strlen(id) + text->len + UUID_LEN + 8);
	strbuf_printf(&params, "[%s,", id);
	if (version == MONITOR_V3)
		strbuf_printf(&params, "\"" UUID_FMT "\",", UUID_ARGS(state));
	strbuf_put(&params, text->s, text->len);
	strbuf_putc(&params, ']');
	jsonrpc_format_notify(out, methods[version], &params);
}

static void tell(struct session *c, const struct monitor *m, const struct uuid *state,
		 const struct strbuf *text)
{
	AUTO(strbuf) message = STRBUF_INIT;

	format(monitor_id(m), monitor_version(m), state, text, &message);
	session_send(c, &message);
}

// Clients that use the same name for what they monitor get the same bytes.
static void tell_news(struct session *c, const struct monitor *m, const struct uuid *state,
		      struct news *n)
{
	if (!n->id || n->version != monitor_version(m) || strcmp(n->id, monitor_id(m)) != 0) {
		free(n->id);
		n->id = xstrdup(monitor_id(m));
		n->version = monitor_version(m);
		strbuf_clear(&n->message);
		format(n->id, n->version, state, &n->text, &n->message);
	}
	session_send(c, &n->message);
}

void publish_fall_behind(struct session *c)
{
	struct watch *w;

	c->behind = true;
	VEC_FOR_EACH (w, &c->watches)
		w->told = *history_last(w->db->history);
}

// ---- What transactions mean ----

// A database's transactions that have come to the disk together.
struct bulletin {
	const struct served_db *db;
	const struct db_txn *txn; // when there is only one
	const struct uuid *since; // else the state before them, which are in the history
	const struct uuid *state; // that they lead to
	VEC(struct news *) news;
};

static struct news *get_news(struct bulletin *b, const struct monitor *m)
{
	struct news *n, **old;

	VEC_FOR_EACH (old, &b->news)
		if (monitor_asks_as(m, (*old)->like))
			return *old;
	n = xzalloc(sizeof(*n));
	n->like = m;
	strbuf_reserve(&n->text, 1000);
	if (b->txn)
		monitor_write_update(m, b->txn, &n->text);
	else
		monitor_write_since(m, b->db->history, b->since, &n->text);
	VEC_PUSH(&b->news, n);
	return n;
}

static void tell_all(struct server *s, struct bulletin *b)
{
	struct session *c;
	struct news **n;
	struct watch *w;

	LIST_FOR_EACH (c, watching_node, &s->watching) {
		VEC_FOR_EACH (w, &c->watches) {
			struct news *one;

			if (w->db != b->db || c->behind)
				continue;
			one = get_news(b, w->monitor);
			if (one->text.len)
				tell_news(c, w->monitor, b->state, one);
		}
	}
	VEC_FOR_EACH (n, &b->news) {
		strbuf_uninit(&(*n)->text);
		strbuf_uninit(&(*n)->message);
		free((*n)->id);
		free(*n);
	}
	VEC_FREE(&b->news);
}

void publish_begin(struct server *s)
{
	struct session *c;

	LIST_FOR_EACH (c, watching_node, &s->watching)
		if (!c->behind && session_backlog(c) > SLOW_BACKLOG)
			publish_fall_behind(c);
}

void publish_one(struct server *s, const struct served_db *d, const struct db_txn *txn,
		 const struct uuid *state)
{
	tell_all(s, &(struct bulletin){ .db = d, .txn = txn, .state = state });
}

void publish_since(struct server *s, const struct served_db *d, const struct uuid *since)
{
	tell_all(s,
		 &(struct bulletin){ .db = d, .since = since, .state = history_last(d->history) });
}

static void catch_up(struct session *c)
{
	struct held_reply *r;
	struct watch *w;

	c->behind = false;
	VEC_FOR_EACH (w, &c->watches) {
		AUTO(strbuf) text = STRBUF_INIT;

		if (monitor_write_since(w->monitor, w->db->history, &w->told, &text))
			tell(c, w->monitor, history_last(w->db->history), &text);
	}
	VEC_FOR_EACH (r, &c->held) {
		session_reply(c, (struct json_span){ r->id, strlen(r->id) }, &r->result);
		free(r->id);
		strbuf_uninit(&r->result);
	}
	VEC_FREE(&c->held);
}

void publish_reply(struct session *c, char **id, struct strbuf *result)
{
	struct held_reply *r;

	if (!c->behind) {
		session_reply(c, (struct json_span){ *id, strlen(*id) }, result);
		return;
	}
	r = VEC_PUSH_UNINIT(&c->held);
	*r = (struct held_reply){ *id, *result };
	*id = NULL;
	strbuf_init(result);
}

// Without telling: the connection is gone.
void publish_drop(struct session *c)
{
	struct held_reply *r;

	VEC_FOR_EACH (r, &c->held) {
		free(r->id);
		strbuf_uninit(&r->result);
	}
	VEC_FREE(&c->held);
	c->behind = false;
}

static bool is_forgotten_soon(const struct session *c)
{
	const struct watch *w;

	VEC_FOR_EACH (w, &c->watches)
		if (!history_keeps(w->db->history, &w->told))
			return true;
	return false;
}

void publish_catch_up(struct server *s)
{
	struct strmap_node *node;
	struct session *c;

	LIST_FOR_EACH (c, watching_node, &s->watching)
		if (c->behind && !c->awaits &&
		    (session_backlog(c) <= SLOW_BACKLOG / 2 || is_forgotten_soon(c)))
			catch_up(c);
	STRMAP_FOR_EACH (node, &s->dbs) {
		struct served_db *d = node->data;

		// Who waits for first contents is told of all that has happened since they were as they are.
		if (list_is_empty(&d->jobs))
			history_trim(d->history);
	}
}

void publish_catch_up_one(struct session *c)
{
	if (c->behind && !c->awaits)
		catch_up(c);
}

// ---- Databases ----

void publish_init_db(struct server *s, struct served_db *d)
{
	d->history = history_create(d->store->db);
	contents_init_db(s, d);
}

void publish_uninit_db(struct served_db *d)
{
	contents_cancel(d);
	history_destroy(d->history);
	d->history = NULL;
}
