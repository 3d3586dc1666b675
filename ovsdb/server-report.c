// SPDX-License-Identifier: Apache-2.0
// What an operator sees of the server: transactions in the log, and what is in memory.
#include "core/base/log.h"
#include "ovsdb/server-private.h"

LOG_MODULE(transaction);

// ---- Transactions ----

bool server_log_table(struct served_db *d, const char *table, bool on)
{
	struct db_table *t = db_table(d->store->db, table);

	if (t)
		t->logged = on;
	return t;
}

static void log_row(const struct db_txn_row *tr)
{
	const struct ovsdb_table_schema *ts = tr->row->table->schema;
	AUTO(strbuf) text = STRBUF_INIT;

	for (size_t i = 0; i < ts->n_columns; i++) {
		const struct ovsdb_column *c = ts->columns[i];

		strbuf_printf(&text, ",%s:", c->name);
		ovsdb_datum_format(&tr->row->fields[i], &c->type, &text);
	}
	log_info("table:%s,op:%s%s", ts->name,
		 tr->deleted	? "deleted"
		 : tr->inserted ? "inserted"
				: "updated",
		 strbuf_cstr(&text));
}

void report_txn(const struct db_txn *txn)
{
	const struct db_txn_row *tr;

	LIST_FOR_EACH (tr, node, &txn->rows)
		if (tr->row->table->logged)
			log_row(tr);
}

// ---- Memory ----

struct usage {
	size_t atoms, cells, weak_refs, history, history_rows;
	size_t sessions, monitors, triggers, backlog;
};

static void count_table(const struct db_table *t, struct usage *u)
{
	struct db_row *row;

	u->cells += t->n_rows * t->schema->n_columns;
	DB_ROW_FOR_EACH(row, t)
	{
		for (size_t i = 0; i < t->schema->n_columns; i++)
			u->atoms += row->fields[i].n * (row->fields[i].values ? 2 : 1);
		u->weak_refs += list_size(&row->weak_out);
	}
}

static void count_db(const struct served_db *d, struct usage *u)
{
	for (size_t i = 0; i < d->store->db->schema->n_tables; i++)
		count_table(&d->store->db->tables[i], u);
	history_count(d->history, &u->history, &u->history_rows);
}

static void count_session(const struct session *c, struct usage *u)
{
	u->sessions++;
	u->monitors += c->watches.n;
	u->triggers += list_size(&c->triggers);
	u->backlog += session_backlog(c);
}

static void put(struct smap *usage, const char *name, size_t n)
{
	if (n)
		smap_setf(usage, name, "%zu", n);
}

void server_report_memory(const struct server *s, struct smap *usage)
{
	struct usage u = { 0 };
	struct strmap_node *node;
	struct session *c;

	STRMAP_FOR_EACH (node, &s->dbs)
		count_db(node->data, &u);
	LIST_FOR_EACH (c, node, &s->sessions)
		count_session(c, &u);
	smap_setf(usage, "atoms", "%zu", u.atoms);
	smap_setf(usage, "cells", "%zu", u.cells);
	smap_setf(usage, "monitors", "%zu", u.monitors);
	smap_setf(usage, "n-weak-refs", "%zu", u.weak_refs);
	put(usage, "sessions", u.sessions);
	put(usage, "triggers", u.triggers);
	put(usage, "backlog", u.backlog);
	put(usage, "txn-history", u.history);
	put(usage, "txn-history-rows", u.history_rows);
}
