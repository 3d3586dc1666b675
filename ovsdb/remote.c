// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/remote.h"

#include <stdio.h>

#include "core/base/log.h"

LOG_MODULE(ovsdb_remote);

#define OVSDB_PORT 6640
#define STATUS_MSEC 2500

struct remote {
	struct remotes *owner;
	char *name;
	struct listener *listener; // passive ones
	struct session *session; // active ones
	struct session_group group;
	bool wanted; // while reconfiguring
	bool reported; // that it cannot be opened
	// The row it came from, if any.
	char *db, *table;
	struct uuid row;
	struct remote_options options;
};

struct remotes {
	struct server *server;
	struct strmap names; // as given: struct remote_options
	struct strmap remotes; // struct remote, expanded
	struct timer timer;
};

static void on_timer(struct timer *t);

struct remotes *remotes_create(struct server *s)
{
	struct remotes *r = xzalloc(sizeof(*r));

	r->server = s;
	strmap_init(&r->names);
	strmap_init(&r->remotes);
	timer_init(&r->timer, server_loop(s), on_timer);
	timer_in(&r->timer, STATUS_MSEC);
	return r;
}

static void remote_destroy(struct remote *m)
{
	listener_close(m->listener);
	if (m->listener)
		server_disconnect(m->owner->server, &m->group);
	if (m->session)
		session_destroy(m->session);
	free(m->options.role);
	free(m->name);
	free(m->db);
	free(m->table);
	free(m);
}

static void options_free(struct remote_options *options)
{
	if (options)
		free(options->role);
	free(options);
}

void remotes_destroy(struct remotes *r)
{
	struct strmap_node *node;

	if (!r)
		return;
	timer_cancel(&r->timer);
	STRMAP_FOR_EACH (node, &r->remotes)
		remote_destroy(node->data);
	strmap_uninit(&r->remotes);
	STRMAP_FOR_EACH (node, &r->names)
		options_free(node->data);
	strmap_uninit(&r->names);
	free(r);
}

bool remotes_add(struct remotes *r, const char *name, const struct remote_options *options)
{
	static const struct remote_options usual = REMOTE_OPTIONS_INIT;
	struct remote_options *copy;

	if (strmap_get(&r->names, name))
		return false;
	copy = xmemdup(options ? options : &usual, sizeof(*copy));
	copy->role = copy->role ? xstrdup(copy->role) : NULL;
	strmap_add(&r->names, name, copy);
	return true;
}

bool remotes_remove(struct remotes *r, const char *name)
{
	struct remote_options *options = strmap_take(&r->names, name);

	options_free(options);
	return options;
}

const char **remotes_list(const struct remotes *r, size_t *ret_n)
{
	AUTO_FREE struct strmap_node **sorted = strmap_sorted(&r->names);
	const char **names = xcalloc(strmap_count(&r->names) + 1, sizeof(*names));

	*ret_n = strmap_count(&r->names);
	for (size_t i = 0; i < *ret_n; i++)
		names[i] = sorted[i]->name;
	return names;
}

// ---- One remote ----

static void on_accept(void *m_, struct stream *s)
{
	struct remote *m = m_;
	struct session *c = server_accept(m->owner->server, s, &m->group);

	if (m->options.probe >= 0)
		jsonrpc_session_set_probe_interval(session_jsonrpc(c), m->options.probe);
	else if (str_starts(m->name, "punix:"))
		jsonrpc_session_set_probe_interval(session_jsonrpc(c), 0);
}

static void apply_options(struct remote *m)
{
	const struct remote_options *o = &m->options;
	struct jsonrpc_session *js;

	m->group.read_only = o->read_only;
	m->group.role = o->role;
	if (m->session) {
		js = session_jsonrpc(m->session);
		jsonrpc_session_set_probe_interval(js, o->probe >= 0 ? o->probe : 5000);
		jsonrpc_session_set_max_backoff(js, o->max_backoff >= 0 ? o->max_backoff : 8000);
		jsonrpc_session_set_dscp(js, o->dscp);
	} else if (m->listener && o->probe >= 0) {
		server_set_probe(m->owner->server, &m->group, o->probe);
	}
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static void set_options(struct remote *m, const struct remote_options *o)
{
	struct remote_options *now = &m->options;
	bool other_dscp = o->dscp != now->dscp;

	if (o->probe == now->probe && o->max_backoff == now->max_backoff && !other_dscp &&
	    o->read_only == now->read_only && same_text(o->role, now->role))
		return;
	free(now->role);
	*now = *o;
	now->role = o->role ? xstrdup(o->role) : NULL;
	apply_options(m);
	// It is marked when a connection is made.
	if (other_dscp && m->listener) {
		listener_close(m->listener);
		m->listener = NULL;
		server_disconnect(m->owner->server, &m->group);
	} else if (other_dscp && m->session) {
		jsonrpc_session_force_reconnect(session_jsonrpc(m->session));
	}
}

static int remote_open(struct remote *m, struct error *err)
{
	int rc = 0;

	if (m->listener || m->session)
		return 0;
	if (stream_name_is_passive(m->name)) {
		rc = listener_open(server_loop(m->owner->server), m->name, OVSDB_PORT,
				   m->options.dscp, on_accept, m, &m->listener, err);
		if (rc)
			m->listener = NULL;
	} else if (!stream_name_is_active(m->name)) {
		rc = error_set(err, -EINVAL, "%s: not a connection method", m->name);
	} else {
		m->session = server_connect(m->owner->server, m->name, &m->group);
	}
	if (rc && !m->reported)
		log_err("%s: cannot open: %s", m->name, err->text);
	m->reported = rc != 0;
	if (!rc)
		apply_options(m);
	return rc;
}

static struct remote *want(struct remotes *r, const char *name)
{
	struct remote *m = strmap_get(&r->remotes, name);

	if (!m) {
		m = xzalloc(sizeof(*m));
		m->owner = r;
		m->name = xstrdup(name);
		m->options = (struct remote_options)REMOTE_OPTIONS_INIT;
		strmap_add(&r->remotes, name, m);
	}
	m->wanted = true;
	return m;
}

// ---- Remotes that stand in a database ----

static const struct ovsdb_datum *get(const struct db_row *row, const char *column,
				     enum ovsdb_atomic_type type)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, column);

	return c && c->type.key.type == type ? &row->fields[c->index] : NULL;
}

static int get_int(const struct db_row *row, const char *column)
{
	const struct ovsdb_datum *d = get(row, column, OVSDB_INTEGER);

	return d && d->n && d->keys[0].integer >= 0 && d->keys[0].integer <= INT32_MAX
		       ? (int)d->keys[0].integer
		       : -1;
}

static bool get_bool(const struct db_row *row, const char *column)
{
	const struct ovsdb_datum *d = get(row, column, OVSDB_BOOLEAN);

	return d && d->n && d->keys[0].boolean;
}

static char *get_string(const struct db_row *row, const char *column)
{
	const struct ovsdb_datum *d = get(row, column, OVSDB_STRING);

	return d && d->n && !d->values ? d->keys[0].string : NULL;
}

static int get_dscp(const struct db_row *row)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, "other_config");
	const char *text = NULL;
	int64_t dscp;

	if (c && c->type.key.type == OVSDB_STRING && c->type.value.type == OVSDB_STRING)
		text = ovsdb_datum_get_string(&row->fields[c->index], "dscp");
	return text && parse_i64(text, 10, &dscp) && dscp >= 0 && dscp <= 63 ? (int)dscp : -1;
}

static void want_row(struct remotes *r, const char *db, const struct db_row *row)
{
	const char *target = get_string(row, "target");
	struct remote *m;

	if (!target)
		return;
	m = want(r, target);
	if (!m->db) {
		m->db = xstrdup(db);
		m->table = xstrdup(row->table->schema->name);
	}
	m->row = *db_row_uuid(row);
	set_options(m, &(struct remote_options){
			       .probe = get_int(row, "inactivity_probe"),
			       .max_backoff = get_int(row, "max_backoff"),
			       .dscp = get_dscp(row),
			       .read_only = get_bool(row, "read_only"),
			       .role = get_string(row, "role"),
		       });
}

// 'spec' is "DB,TABLE,COLUMN"; COLUMN holds names, or refers to rows that have a "target".
static int want_db(struct remotes *r, const char *spec, struct error *err)
{
	AUTO_FREE char *db_name = xstrndup(spec, strcspn(spec, ","));
	struct served_db *d = server_find_db(r->server, db_name);
	const struct ovsdb_column *c;
	const struct db_table *t;
	struct db_row *row;
	int rc;

	// A relay has no tables before it has reached its source.
	if (d && served_db_is_relay(d) && !served_db_data(d)->schema->n_tables)
		return 0;
	rc = server_find_column(r->server, spec, &t, &c, err);
	if (rc < 0)
		return rc;
	if (c->type.key.type != OVSDB_STRING && !t->key_refs[c->index])
		return error_set(err, -ENOENT,
				 "db:%s: column %s holds neither strings nor references", spec,
				 c->name);
	DB_ROW_FOR_EACH(row, t)
	{
		const struct ovsdb_datum *v = &row->fields[c->index];

		for (unsigned int i = 0; i < v->n; i++) {
			struct db_row *ref;

			if (c->type.key.type == OVSDB_STRING) {
				want(r, v->keys[i].string);
				continue;
			}
			ref = db_row_find(t->key_refs[c->index], &v->keys[i].uuid);
			if (ref)
				want_row(r, db_name, ref);
		}
	}
	return 0;
}

int remotes_reconfigure(struct remotes *r, struct error *err)
{
	struct strmap_node *node, **all;
	struct error one = ERROR_INIT, first = ERROR_INIT;
	size_t n;

	STRMAP_FOR_EACH (node, &r->remotes)
		((struct remote *)node->data)->wanted = false;
	STRMAP_FOR_EACH (node, &r->names) {
		if (!str_starts(node->name, "db:"))
			set_options(want(r, node->name), node->data);
		else if (want_db(r, node->name + 3, &one) && !first.code)
			first = one;
	}
	n = strmap_count(&r->remotes);
	all = strmap_sorted(&r->remotes);
	// What goes is closed first: a new one may want the same port.
	for (size_t i = 0; i < n; i++) {
		struct remote *m = all[i]->data;

		if (m->wanted)
			continue;
		strmap_take(&r->remotes, m->name);
		remote_destroy(m);
		all[i] = NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (all[i] && remote_open(all[i]->data, &one) && !first.code)
			first = one;
	free(all);
	if (first.code && err)
		*err = first;
	return first.code;
}

// ---- Status ----

static void put_locks(struct smap *status, const char *key, const struct session *c,
		      enum lock_kind kind)
{
	AUTO(strbuf) names = STRBUF_INIT;

	session_put_locks(c, kind, &names);
	if (names.len)
		smap_set(status, key, names.s);
}

// The keys of the column "status" as ovs-vswitchd.conf.db(5) has them: of those who connected to a listener, only how many.
static void put_status(struct smap *status, struct remote *m, bool *ret_connected)
{
	struct jsonrpc_session *js;

	if (m->listener) {
		uint16_t port = listener_port(m->listener);

		*ret_connected = m->group.n > 0;
		if (m->group.n > 1)
			smap_setf(status, "n_connections", "%zu", m->group.n);
		if (port)
			smap_setf(status, "bound_port", "%u", port);
		return;
	}
	if (!m->session) {
		*ret_connected = false;
		smap_set(status, "state", "VOID");
		return;
	}
	js = session_jsonrpc(m->session);
	*ret_connected = jsonrpc_session_is_connected(js);
	smap_set(status, "state", jsonrpc_session_state(js));
	if (jsonrpc_session_sec_connected(js) >= 0)
		smap_setf(status, "sec_since_connect", "%lld",
			  (long long)jsonrpc_session_sec_connected(js));
	if (jsonrpc_session_sec_disconnected(js) >= 0)
		smap_setf(status, "sec_since_disconnect", "%lld",
			  (long long)jsonrpc_session_sec_disconnected(js));
	if (!*ret_connected && jsonrpc_session_last_error(js))
		smap_set(status, "last_error", jsonrpc_session_last_error(js));
	put_locks(status, "locks_held", m->session, LOCKS_HELD);
	put_locks(status, "locks_waiting", m->session, LOCKS_WAITING);
	put_locks(status, "locks_lost", m->session, LOCKS_LOST);
}

static void write_connected(struct db_txn *txn, struct db_row *row, bool connected)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, "is_connected");

	if (c && ovsdb_type_is_scalar(&c->type) && c->type.key.type == OVSDB_BOOLEAN)
		db_txn_modify(txn, row, c)->keys[0].boolean = connected;
}

static void write_status(struct db_txn *txn, struct db_row *row, const struct smap *status)
{
	const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, "status");
	AUTO_FREE struct smap_node **sorted = smap_sorted(status);
	struct ovsdb_datum *d;

	if (!c || c->type.key.type != OVSDB_STRING || c->type.value.type != OVSDB_STRING)
		return;
	d = db_txn_modify(txn, row, c);
	ovsdb_datum_uninit(d, &c->type);
	d->keys = xcalloc(smap_count(status) + 1, sizeof(*d->keys));
	d->values = xcalloc(smap_count(status) + 1, sizeof(*d->values));
	for (; d->n < smap_count(status); d->n++) {
		d->keys[d->n].string = xstrdup(sorted[d->n]->key);
		d->values[d->n].string = xstrdup(sorted[d->n]->value);
	}
}

static void update_status(struct remotes *r, struct remote *m)
{
	struct served_db *d = m->db ? server_find_db(r->server, m->db) : NULL;
	struct db_table *t = d ? db_table(served_db_data(d), m->table) : NULL;
	struct db_row *row = t ? db_row_find(t, &m->row) : NULL;
	struct error err = ERROR_INIT;
	struct smap status;
	struct db_txn *txn;
	bool connected;

	// A copy is what its source is.
	if (!row || served_db_replica(d) || served_db_is_converting(d))
		return;
	smap_init(&status);
	put_status(&status, m, &connected);
	txn = db_txn_begin(served_db_data(d));
	write_connected(txn, row, connected);
	write_status(txn, row, &status);
	smap_uninit(&status);
	if (server_commit(r->server, d, txn, &err))
		log_warn("%s: cannot write status: %s", m->name, err.text);
}

static void on_timer(struct timer *timer)
{
	struct remotes *r = CONTAINER_OF(timer, struct remotes, timer);
	struct strmap_node *node;

	// Those that could not be opened are tried again.
	remotes_reconfigure(r, NULL);
	STRMAP_FOR_EACH (node, &r->remotes)
		update_status(r, node->data);
	timer_in(&r->timer, STATUS_MSEC);
}
