// SPDX-License-Identifier: Apache-2.0
// What a peer asks of tables: statistics, features, configuration; and what it is told of how full they are.
#include <stdio.h>

#include "core/base/util.h"
#include "ofproto/control/control-private.h"
#include "ofproto/openflow/table-features.h"
#include "ofproto/pipeline/table.h"

// ---- Statistics ----

static void init_features(const struct of_switch *sw, uint8_t table, uint8_t version,
			  struct table_features *ret)
{
	table_features_init(ret, table, SWITCH_N_TABLES - 1, version);
	ret->max_entries = switch_table_max_entries(sw, table);
	ret->on_miss = switch_table_miss_asked(sw, table);
	snprintf(ret->name, sizeof(ret->name), "%s", switch_table_name(sw, table));
}

static void fill_stats(const struct of_switch *sw, uint8_t id, uint8_t version,
		       struct table_stats *ts)
{
	const struct table *t = switch_table(sw, id);

	init_features(sw, id, version, &ts->can);
	ts->active = classifier_count(t->cls);
	ts->lookup = atomic_load(&t->lookups);
	ts->matched = atomic_load(&t->matches);
}

enum ofperr on_table_stats(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct table_stats ts;
	struct mp_writer w;

	upcall_push_stats(p->control->upcall);
	mp_begin(&w, m, out);
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		fill_stats(p->control->sw, i, m->version, &ts);
		mp_put_table_stats(&w, &ts);
	}
	mp_end(&w);
	return OFPERR_NONE;
}

// ---- Features ----

// A request that sets features, in one message or several. All that can be set is names.
struct features_request {
	uint32_t xid;
	enum ofperr error; // what is wrong with the messages so far
	bool denied; // it asks for more than names
	size_t n; // tables that it has
	bool modify; // it need not have all
	bool has[SWITCH_N_TABLES];
	char names[SWITCH_N_TABLES][32];
};

static void put_features(const struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct table_features tf;
	struct mp_writer w;

	mp_begin(&w, m, out);
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		init_features(p->control->sw, i, m->version, &tf);
		mp_put_table_features(&w, &tf);
	}
	mp_end(&w);
}

// What a table can is as it is, and how much it holds the database says. The first entry says what becomes of tables that are
// not said.
static enum ofperr take_entry(const struct of_switch *sw, const struct table_features *tf,
			      struct features_request *q)
{
	if (tf->table >= SWITCH_N_TABLES) {
		q->denied = true;
		return OFPERR_NONE;
	}
	if (q->has[tf->table])
		return OFPERR_NXTFFC_DUP_TABLE;
	if (!q->n)
		q->modify = tf->command == TABLE_FEATURES_MODIFY;
	q->denied |= tf->evicts || tf->tells_vacancy ||
		     tf->max_entries != switch_table_max_entries(sw, tf->table) ||
		     (!q->n && tf->command > TABLE_FEATURES_MODIFY);
	q->has[tf->table] = true;
	memcpy(q->names[tf->table], tf->name, sizeof(tf->name));
	q->n++;
	return OFPERR_NONE;
}

static enum ofperr take_message(const struct of_switch *sw, const struct msg *m,
				struct features_request *q)
{
	struct msg rest = *m;
	struct table_features tf;
	enum ofperr e;
	bool more;

	while (!(e = table_features_decode_next(&rest, &tf, &more)) && more) {
		e = take_entry(sw, &tf, q);
		if (e)
			return e;
	}
	return e;
}

static enum ofperr set_names(struct of_switch *sw, const struct features_request *q)
{
	if (q->denied || (!q->modify && q->n != SWITCH_N_TABLES))
		return OFPERR_OFPTFFC_EPERM;
	for (int i = 0; i < SWITCH_N_TABLES; i++)
		if (q->has[i])
			switch_table_set_name(sw, i, q->names[i]);
	return OFPERR_NONE;
}

void peer_discard_features(struct peer *p)
{
	free(p->features);
	p->features = NULL;
}

enum ofperr on_table_features(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_switch *sw = p->control->sw;
	bool more = m->mp_flags & 1;
	enum ofperr e;

	if (p->features && p->features->xid != m->xid)
		peer_discard_features(p);
	if (!p->features && !more && !rd_left(&m->body)) {
		put_features(p, m, out);
		return OFPERR_NONE;
	}
	if (!p->features) {
		p->features = xzalloc(sizeof(*p->features));
		p->features->xid = m->xid;
		p->features->error = peer_may_write(p);
	}
	if (!p->features->error)
		p->features->error = take_message(sw, m, p->features);
	if (more)
		return OFPERR_NONE;
	e = p->features->error;
	if (!e)
		e = set_names(sw, p->features);
	peer_discard_features(p);
	if (!e)
		put_features(p, m, out);
	return e;
}

// ---- Configuration ----

enum ofperr on_table_mod(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct table_mod tm;
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = table_mod_decode(m, &tm);
	return e ? e : switch_table_mod(p->control->sw, &tm, m->version);
}

enum ofperr on_table_desc(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct table_desc d;
	struct mp_writer w;

	mp_begin(&w, m, out);
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		switch_table_desc(p->control->sw, i, &d);
		mp_put_table_desc(&w, &d);
	}
	mp_end(&w);
	return OFPERR_NONE;
}

void control_default_miss(struct of_control *c)
{
	enum table_miss miss = TABLE_MISS_DROP;
	const struct peer *p;

	LIST_FOR_EACH (p, node, &c->peers)
		if (p->ready && !p->service && of_conn_version(p->conn) < OFP13)
			miss = TABLE_MISS_CONTROLLER;
	switch_set_default_miss(c->sw, miss);
}

void control_table_status(struct of_control *c, uint8_t table, enum table_status_reason reason)
{
	struct table_desc d;
	struct peer *p;

	switch_table_desc(c->sw, table, &d);
	LIST_FOR_EACH (p, node, &c->peers) {
		AUTO(strbuf) out = STRBUF_INIT;

		if (of_conn_version(p->conn) < OFP14 || !peer_wants(p, ASYNC_TABLE_STATUS, reason))
			continue;
		table_status_encode(reason, &d, of_conn_version(p->conn), &out);
		of_conn_send(p->conn, out.s, out.len);
	}
}
