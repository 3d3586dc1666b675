// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/relay.h"

#include <stdio.h>

#include "ovsdb/rbac.h"
#include "ovsdb/server-private.h"

// Ids below are the replica's own.
#define FIRST_ID 100

struct forward {
	struct list node; // in relay.forwards, oldest first
	struct session *session; // NULL: gone
	char *id; // the client's
	uint64_t number; // ours
	struct strbuf params;
	bool sent;
};

struct relay {
	struct server *server;
	struct served_db *db;
	struct list forwards;
	uint64_t next_number;
};

struct relay *relay_create(struct server *s, struct served_db *d)
{
	struct relay *r = xzalloc(sizeof(*r));

	r->server = s;
	r->db = d;
	r->next_number = FIRST_ID;
	list_init(&r->forwards);
	return r;
}

static void forward_destroy(struct forward *f)
{
	list_remove(&f->node);
	strbuf_uninit(&f->params);
	free(f->id);
	free(f);
}

// ---- To the source ----

// What a client asks that has a role is run here first, to no effect: to the source we are the one who asks.
static enum exec_status try_here(struct session *c, struct served_db *d, struct json_span params)
{
	const struct exec_context ctx = {
		.role = c->group->role,
		.client_id = session_client_id(c),
		.has_lock = session_has_lock,
		.aux = c,
	};
	AUTO(strbuf) results = STRBUF_INIT;
	struct db_txn *txn;
	int64_t timeout;
	enum exec_status status =
		ovsdb_execute(d->store->db, params, &ctx, &results, &txn, &timeout);

	if (status == EXEC_COMMITTED)
		db_txn_rollback(txn);
	return status;
}

// False: it is refused here, where it has an answer.
static bool may_forward(struct session *c, struct served_db *d, const struct jsonrpc_message *m,
			bool *ret_answered)
{
	const struct session_group *g = c->group;
	struct ovsdb_error err;
	struct rbac rbac;

	if (!g)
		return true;
	if (g->read_only)
		return false;
	rbac_init(&rbac, d->store->db, g->role, NULL);
	if (!rbac.role)
		return true;
	switch (try_here(c, d, m->params)) {
	case EXEC_COMMITTED:
		return true;
	case EXEC_FAILED:
		return false;
	case EXEC_WAITING:
		break;
	}
	ovsdb_error_set(&err, "not supported",
			"a relay has no transactions that wait for clients with a role");
	session_reply_error(c, m->id, &err);
	*ret_answered = true;
	return false;
}

static void send(struct relay *r, struct forward *f)
{
	struct jsonrpc *rpc = replica_rpc(r->db->replica);

	if (!rpc || f->sent)
		return;
	jsonrpc_send_request(rpc, "transact", &f->params, f->number);
	f->sent = true;
	strbuf_uninit(&f->params);
	strbuf_init(&f->params);
}

bool relay_forward(struct session *c, struct served_db *d, const struct jsonrpc_message *m)
{
	struct relay *r = d->relay;
	bool answered = false;
	struct forward *f;

	if (!r || ovsdb_only_reads(m->params))
		return false;
	if (!may_forward(c, d, m, &answered))
		return answered;
	f = xzalloc(sizeof(*f));
	f->session = c;
	f->id = xstrndup(m->id.p, m->id.n);
	f->number = r->next_number++;
	strbuf_put(&f->params, m->params.p, m->params.n);
	list_push_back(&r->forwards, &f->node);
	send(r, f);
	return true;
}

void relay_connected(struct served_db *d)
{
	struct forward *f;

	LIST_FOR_EACH (f, node, &d->relay->forwards)
		send(d->relay, f);
}

// ---- Back ----

static void reply_error(struct forward *f, struct json_span error)
{
	if (f->session)
		session_reply_raw_error(f->session, (struct json_span){ f->id, strlen(f->id) },
					error);
}

// No answer of the source's will come: whether what was sent has been carried out is not known.
static void give_up(struct forward *f)
{
	static const char canceled[] = "\"canceled\"";
	static const char lost[] =
		"{\"error\":\"I/O error\",\"details\":\"the connection to the relay's source was "
		"lost before its answer came\"}";
	const char *why = f->sent ? lost : canceled;

	reply_error(f, (struct json_span){ why, strlen(why) });
	forward_destroy(f);
}

void relay_disconnected(struct served_db *d)
{
	struct forward *f, *next;

	LIST_FOR_EACH_SAFE (f, next, node, &d->relay->forwards)
		if (f->sent)
			give_up(f);
}

void relay_destroy(struct relay *r)
{
	if (!r)
		return;
	while (!list_is_empty(&r->forwards))
		give_up(LIST_ENTRY(r->forwards.next, struct forward, node));
	free(r);
}

static struct forward *find(struct relay *r, struct json_span id)
{
	struct forward *f;

	LIST_FOR_EACH (f, node, &r->forwards) {
		char text[24];
		int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)f->number);

		if (f->sent && id.n == (size_t)n && !memcmp(id.p, text, n))
			return f;
	}
	return NULL;
}

void relay_take_reply(struct served_db *d, const struct jsonrpc_message *m)
{
	struct forward *f = find(d->relay, m->id);
	AUTO(strbuf) result = STRBUF_INIT;

	if (!f)
		return;
	// The updates that came before it are told before it.
	server_flush(d->server);
	if (m->type == JSONRPC_ERROR) {
		reply_error(f, m->error);
	} else if (f->session) {
		strbuf_put(&result, m->result.p, m->result.n);
		publish_reply(f->session, &f->id, &result);
	}
	forward_destroy(f);
}

// ---- Clients that go ----

void relay_forget_session(struct served_db *d, const struct session *c)
{
	struct forward *f, *next;

	LIST_FOR_EACH_SAFE (f, next, node, &d->relay->forwards) {
		if (f->session != c)
			continue;
		f->session = NULL;
		if (!f->sent)
			forward_destroy(f);
	}
}

bool relay_cancel(struct served_db *d, struct session *c, struct json_span id)
{
	struct jsonrpc *rpc = replica_rpc(d->replica);
	AUTO(strbuf) params = STRBUF_INIT;
	struct forward *f;

	LIST_FOR_EACH (f, node, &d->relay->forwards) {
		if (f->session != c || !json_equal((struct json_span){ f->id, strlen(f->id) }, id))
			continue;
		if (f->sent && rpc) {
			// The source answers that it is cancelled.
			strbuf_printf(&params, "[%llu]", (unsigned long long)f->number);
			jsonrpc_send_notify(rpc, "cancel", &params);
		} else {
			give_up(f);
		}
		return true;
	}
	return false;
}
