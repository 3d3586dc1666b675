// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/store-private.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

LOG_MODULE(ovsdb_store);

int store_open_damaged(struct store **ret, const char *path, enum ovsdb_log_mode mode,
		       const struct ovsdb_file_ops *ops, enum ovsdb_on_corruption how,
		       struct error *err)
{
	struct store_opening *o;
	struct db_txn *txn;
	struct store *s;
	struct db *db;
	int rc = store_opening_begin(&o, path, mode, ops, how, err);

	if (rc)
		return rc;
	while ((rc = store_opening_step(o, SIZE_MAX, err)) > 0)
		;
	s = store_opening_end(o, &db, &txn);
	if (!s) {
		if (txn)
			db_txn_finish(txn);
		db_destroy(db);
		return rc;
	}
	*ret = s;
	return 0;
}

int store_open(struct store **ret, const char *path, enum ovsdb_log_mode mode,
	       const struct ovsdb_file_ops *ops, struct error *err)
{
	return store_open_damaged(ret, path, mode, ops, OVSDB_REFUSE, err);
}

struct store *store_create_in_memory(struct ovsdb_schema *schema)
{
	struct store *s = xzalloc(sizeof(*s));

	s->db = db_create(schema);
	return s;
}

int store_create_file(const char *path, const struct ovsdb_schema *schema, struct error *err)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct ovsdb_log *log;
	struct json_writer w;
	int rc = ovsdb_log_open(&log, path, OVSDB_LOG_CREATE, NULL, err);

	if (rc)
		return rc;
	json_writer_init(&w, &text);
	ovsdb_schema_write(schema, &w);
	ovsdb_log_append(log, text.s, text.len);
	rc = ovsdb_log_flush(log, true, err);
	if (rc)
		unlink(path);
	ovsdb_log_close(log);
	return rc;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_destroy(s->db);
	ovsdb_log_close(s->log);
	free(s);
}

// ---- Writing ----

bool store_keeps(const struct ovsdb_column *c)
{
	return !c->ephemeral && c->index >= OVSDB_COL_FIRST;
}

static void write_new_row(const struct db_row *row, struct json_writer *w)
{
	const struct ovsdb_table_schema *ts = row->table->schema;

	jw_object_begin(w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct ovsdb_column *c = ts->columns[i];

		if (!store_keeps(c) || ovsdb_datum_is_default(&row->fields[i], &c->type))
			continue;
		jw_key(w, c->name);
		ovsdb_datum_write(&row->fields[i], &c->type, w);
	}
	jw_object_end(w);
}

static void write_changes(const struct db_txn_row *tr, struct json_writer *w)
{
	const struct ovsdb_table_schema *ts = tr->row->table->schema;

	jw_object_begin(w);
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++) {
		const struct ovsdb_column *c = ts->columns[i];
		struct ovsdb_type any = c->type;
		struct ovsdb_datum diff;

		if (!store_keeps(c) || !tr->changed[i])
			continue;
		ovsdb_datum_diff(&diff, &tr->old[i], &tr->row->fields[i], &c->type);
		jw_key(w, c->name);
		ovsdb_datum_write(&diff, &any, w);
		ovsdb_datum_uninit(&diff, &c->type);
	}
	jw_object_end(w);
}

static bool writes_anything(const struct db_txn_row *tr)
{
	const struct ovsdb_table_schema *ts = tr->row->table->schema;

	if (tr->inserted || tr->deleted)
		return true;
	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (tr->changed[i] && store_keeps(ts->columns[i]))
			return true;
	return false;
}

static void write_txn_row(const struct db_txn_row *tr, struct json_writer *w)
{
	char key[UUID_LEN + 1];

	uuid_format(db_row_uuid(tr->row), key);
	jw_key(w, key);
	if (tr->deleted)
		jw_null(w);
	else if (tr->inserted)
		write_new_row(tr->row, w);
	else
		write_changes(tr, w);
}

static void write_table_changes(const struct db_txn *txn, const struct db_table *t,
				struct json_writer *w)
{
	const struct db_txn_row *tr;
	bool any = false;

	LIST_FOR_EACH (tr, node, &txn->rows) {
		if (tr->row->table != t || !writes_anything(tr))
			continue;
		if (!any) {
			jw_key(w, t->schema->name);
			jw_object_begin(w);
			any = true;
		}
		write_txn_row(tr, w);
	}
	if (any)
		jw_object_end(w);
}

static void write_trailer(const char *comment, bool is_diff, struct json_writer *w)
{
	if (comment && *comment)
		jw_member_string(w, "_comment", comment);
	jw_member_integer(w, "_date", clock_wall_msec());
	if (is_diff)
		jw_member_bool(w, "_is_diff", true);
	jw_object_end(w);
}

bool store_append(struct store *s, const struct db_txn *txn)
{
	AUTO(strbuf) text = STRBUF_INIT;
	const struct db_txn_row *tr;
	struct json_writer w;
	bool any = false;

	LIST_FOR_EACH (tr, node, &txn->rows)
		any |= writes_anything(tr);
	if (!any || !s->log)
		return false;
	strbuf_reserve(&text, 1000); // for most of them
	json_writer_init(&w, &text);
	jw_object_begin(&w);
	for (size_t i = 0; i < s->db->schema->n_tables; i++)
		write_table_changes(txn, &s->db->tables[i], &w);
	write_trailer(strbuf_cstr(&txn->comment), true, &w);
	ovsdb_log_append(s->log, text.s, text.len);
	s->n_records++;
	return true;
}

static void write_all_rows(const struct db *db, struct json_writer *w)
{
	for (size_t i = 0; i < db->schema->n_tables; i++) {
		const struct db_table *t = &db->tables[i];
		char key[UUID_LEN + 1];
		struct db_row *row;

		if (!t->n_rows)
			continue;
		jw_key(w, t->schema->name);
		jw_object_begin(w);
		DB_ROW_FOR_EACH(row, t)
		{
			uuid_format(db_row_uuid(row), key);
			jw_key(w, key);
			write_new_row(row, w);
		}
		jw_object_end(w);
	}
}

static bool is_empty(const struct db *db)
{
	for (size_t i = 0; i < db->schema->n_tables; i++)
		if (db->tables[i].n_rows)
			return false;
	return true;
}

void store_format_snapshot(const struct db *db, const char *comment, struct strbuf *out)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &text);
	ovsdb_schema_write(db->schema, &w);
	ovsdb_log_format(out, text.s, text.len);
	if (is_empty(db))
		return;
	strbuf_clear(&text);
	json_writer_init(&w, &text);
	jw_object_begin(&w);
	write_all_rows(db, &w);
	write_trailer(comment, false, &w);
	ovsdb_log_format(out, text.s, text.len);
}

int store_compact(struct store *s, const char *comment, struct error *err)
{
	AUTO(strbuf) content = STRBUF_INIT;
	int rc;

	if (!s->log)
		return 0;
	store_format_snapshot(s->db, comment, &content);
	rc = ovsdb_log_replace(s->log, &content, err);
	if (rc)
		return rc;
	s->n_records = 0;
	s->snapshot_size = ovsdb_log_size(s->log);
	s->last_compaction = clock_msec();
	return 0;
}

struct db *store_swap(struct store *s, struct db *db)
{
	struct db *old = s->db;

	s->db = db;
	return old;
}

int store_fd(const struct store *s)
{
	return s->log ? ovsdb_log_fd(s->log) : -1;
}

struct store_rewrite {
	struct ovsdb_log_rewrite *log;
	char *comment;
	size_t n_records; // that are in it
};

int store_rewrite_begin(struct store *s, const char *comment, struct store_rewrite **ret,
			struct error *err)
{
	struct ovsdb_log_rewrite *log;
	int rc;

	if (!s->log)
		return error_set(err, -EOPNOTSUPP, "%s is not in a file", s->db->schema->name);
	rc = ovsdb_log_rewrite_begin(s->log, &log, err);
	if (rc)
		return rc;
	*ret = xzalloc(sizeof(**ret));
	(*ret)->log = log;
	(*ret)->comment = xstrdup(comment);
	(*ret)->n_records = s->n_records;
	return 0;
}

int store_rewrite_write(const struct db *db, const struct store_rewrite *rw)
{
	AUTO(strbuf) content = STRBUF_INIT;

	store_format_snapshot(db, rw->comment, &content);
	return ovsdb_log_rewrite_write(rw->log, &content);
}

int store_rewrite_end(struct store *s, struct store_rewrite *rw, int result, struct error *err)
{
	off_t snapshot_size;
	int rc = ovsdb_log_rewrite_end(s->log, rw->log, result, &snapshot_size, err);

	if (!rc) {
		s->n_records -= rw->n_records;
		s->snapshot_size = snapshot_size;
		s->last_compaction = clock_msec();
	}
	free(rw->comment);
	free(rw);
	return rc;
}

// Memory holds everything that was acknowledged, and what is to be written now. When the disk has all of the former, the latter
// is flushed as ever; else a snapshot is the flush.
static int recover(struct store *s, bool sync, struct error *err)
{
	struct error why = ERROR_INIT;
	int rc;

	if (!ovsdb_log_reread(s->log, &why) && !store_verify(s, &why) &&
	    !ovsdb_log_trust(s->log, &why)) {
		log_info("%s: read again after the failed write: it holds what memory does",
			 ovsdb_log_path(s->log));
		return ovsdb_log_flush(s->log, sync, err);
	}
	rc = store_compact(s, "rewritten after a failed write", err);
	if (!rc)
		log_warn("%s; written anew from memory after the failed write", why.text);
	else
		ovsdb_log_drop(s->log);
	return rc;
}

int store_flush(struct store *s, bool sync, struct error *err)
{
	if (!s->log)
		return 0;
	// Who asks for durability and changes nothing may have read what is only written.
	if (!ovsdb_log_has_unflushed(s->log) && !(sync && ovsdb_log_has_unsynced(s->log)))
		return 0;
	error_clear(&s->failure);
	if ((ovsdb_log_is_broken(s->log) ? recover(s, sync, &s->failure)
					 : ovsdb_log_flush(s->log, sync, &s->failure)) == 0)
		return 0;
	return error_set(err, s->failure.code, "%s", s->failure.text);
}

// As users know it: worth it when the file is above 10 MiB, has twice the size and 100 records more than after the last time,
// and not within 10 minutes of it; or once a day.
bool store_wants_compaction(const struct store *s)
{
	int64_t age = clock_msec() - s->last_compaction;
	off_t size = s->log ? ovsdb_log_size(s->log) : 0;

	if (!s->log || s->n_records < 100 || age < 10 * 60 * 1000)
		return false;
	return age > 24 * 3600 * 1000 || (size > 10 * 1024 * 1024 && size > 2 * s->snapshot_size);
}
