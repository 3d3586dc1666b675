// SPDX-License-Identifier: Apache-2.0
// From a file to a database in memory, whole or damaged.
#include "core/base/heap.h"
#include "core/base/log.h"
#include "ovsdb/replay.h"
#include "ovsdb/store-private.h"

LOG_MODULE(ovsdb_load);

// ---- One record ----

struct replay_how {
	bool is_diff;
	bool salvaging; // what made a row may be lost
};

static bool find_is_diff(struct json_span record)
{
	struct json_reader r;
	bool is_diff = false;
	const char *key;
	size_t len;

	json_reader_init_span(&r, record);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "_is_diff") && json_peek(&r) == JSON_TRUE)
			is_diff = true;
		json_skip(&r);
	}
	json_reader_uninit(&r);
	return is_diff;
}

static int replay_one(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		      struct json_reader *r, void *how_, struct ovsdb_error *err)
{
	const struct replay_how *how = how_;

	if (json_peek(r) != JSON_NULL)
		return replay_row(txn, t, uuid, r, how->is_diff, err);
	json_null(r);
	// Gone is what it was to be.
	if (how->salvaging && !db_row_find(t, uuid))
		return 0;
	return replay_delete(txn, t, uuid, err);
}

static int replay(struct db *db, struct json_span record, bool salvaging, struct ovsdb_error *err)
{
	struct replay_how how = { find_is_diff(record), salvaging };
	struct db_txn *txn = db_txn_begin(db);
	struct json_reader r;
	int rc;

	json_reader_init_span(&r, record);
	rc = replay_tables(txn, &r, replay_one, &how, err);
	json_reader_uninit(&r);
	if (rc) {
		db_txn_rollback(txn);
		return rc;
	}
	rc = db_txn_commit(txn, err);
	if (!rc)
		db_txn_finish(txn);
	return rc;
}

int store_replay(struct db *db, struct json_span record, struct ovsdb_error *err)
{
	return replay(db, record, false, err);
}

static int read_schema(struct store *s, struct db **ret, struct error *err)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct ovsdb_schema *schema;
	struct json_span record;
	int rc = ovsdb_log_read(s->log, &record, err);

	if (rc == OVSDB_LOG_DAMAGED) {
		struct error why = *err;

		return error_set(
			err, rc,
			"%s; without its schema nothing in it can be read: restore a copy, "
			"or put the schema's record of another file of this database there",
			why.text);
	}
	if (rc < 0)
		return rc;
	if (!rc)
		return error_set(err, -EPROTO, "%s: not a database: the file is empty",
				 ovsdb_log_path(s->log));
	if (ovsdb_schema_read(&schema, record, &oe))
		return error_set(err, -EPROTO, "%s: schema at offset 0: %s: %s",
				 ovsdb_log_path(s->log), oe.tag, oe.details);
	*ret = db_create(schema);
	return 0;
}

// ---- A file ----

struct load {
	struct store *store;
	enum ovsdb_on_corruption how;
	size_t kept; // records
	size_t ranges, bytes; // damaged
	size_t unfit; // records that are whole, but no longer apply
	bool ended; // what follows does not count
};

static void report(const struct load *l, struct json_span lost, const char *what)
{
	log_warn("%s: at offset %lld %zu bytes are lost: %s", ovsdb_log_path(l->store->log),
		 (long long)ovsdb_log_offset(l->store->log), lost.n, what);
}

static int refuse(const struct load *l, struct error *err)
{
	struct error why = *err;

	return error_set(err, why.code,
			 "%s; --on-corruption=salvage keeps all records that are whole and apply, "
			 "--on-corruption=rollback those before offset %lld",
			 why.text, (long long)ovsdb_log_offset(l->store->log));
}

// Nothing counts from the last record read, or found damaged, on.
static int roll_back(struct load *l, struct error *err)
{
	struct ovsdb_log *log = l->store->log;
	off_t offset = ovsdb_log_offset(log);
	AUTO_FREE char *copy = NULL;
	int rc;

	log_warn("%s", err->text);
	report(l, ovsdb_log_rest(log), "rolled back to what stands before");
	l->ended = true;
	if (ovsdb_log_is_read_only(log))
		return 0;
	rc = ovsdb_log_keep_copy(log, &copy, err);
	if (!rc)
		rc = ovsdb_log_cut(log, err);
	if (!rc)
		log_warn("%s: rolled back to offset %lld; the damaged file is %s",
			 ovsdb_log_path(log), (long long)offset, copy);
	return rc;
}

static int on_damage(struct load *l, struct error *err)
{
	AUTO(strbuf) what = STRBUF_INIT;
	struct json_span lost;

	if (l->how == OVSDB_REFUSE)
		return refuse(l, err);
	if (l->how == OVSDB_ROLLBACK)
		return roll_back(l, err);
	log_warn("%s", err->text);
	ovsdb_log_skip_damage(l->store->log, &lost);
	ovsdb_log_describe_damage(lost, &what);
	report(l, lost, strbuf_cstr(&what));
	l->ranges++;
	l->bytes += lost.n;
	return 0;
}

static int on_unfit(struct load *l, struct json_span record, const struct ovsdb_error *why,
		    struct error *err)
{
	struct ovsdb_log *log = l->store->log;

	error_set(err, -EPROTO, "%s: record at offset %lld, %zu bytes, does not fit: %s: %s",
		  ovsdb_log_path(log), (long long)ovsdb_log_offset(log), record.n, why->tag,
		  why->details);
	if (l->how == OVSDB_REFUSE)
		return refuse(l, err);
	if (l->how == OVSDB_ROLLBACK)
		return roll_back(l, err);
	log_warn("%s; it is left out", err->text);
	ovsdb_log_note_damage(log);
	l->unfit++;
	return 0;
}

static int on_record(struct load *l, struct json_span record, struct error *err)
{
	struct ovsdb_error why = OVSDB_ERROR_INIT;

	if (replay(l->store->db, record, l->ranges || l->unfit, &why))
		return on_unfit(l, record, &why, err);
	l->store->n_records++;
	l->kept++;
	heap_note_growth();
	return 0;
}

static int finish_salvage(struct load *l, struct error *err)
{
	struct store *s = l->store;
	AUTO_FREE char *copy = NULL;
	int rc = 0;

	if (!l->ranges && !l->unfit)
		return 0;
	if (!ovsdb_log_is_read_only(s->log)) {
		rc = ovsdb_log_keep_copy(s->log, &copy, err);
		if (!rc)
			rc = store_compact(s, "salvaged from a damaged file", err);
	}
	if (!rc)
		log_warn("%s: salvaged: %zu records are kept; left out are %zu damaged ranges "
			 "(%zu bytes) and %zu records that do not fit%s%s",
			 ovsdb_log_path(s->log), l->kept, l->ranges, l->bytes, l->unfit,
			 copy ? "; the damaged file is " : "", copy ? copy : "");
	return rc;
}

int store_load(struct store *s, enum ovsdb_on_corruption how, struct error *err)
{
	struct load l = { .store = s, .how = how };
	struct json_span record;
	int rc = read_schema(s, &s->db, err);

	if (rc)
		return rc;
	while (!l.ended && (rc = ovsdb_log_read(s->log, &record, err))) {
		if (rc == OVSDB_LOG_DAMAGED)
			rc = on_damage(&l, err);
		else if (rc > 0)
			rc = on_record(&l, record, err);
		if (rc < 0)
			return rc;
	}
	return l.ended ? 0 : finish_salvage(&l, err);
}

// ---- What the disk holds, compared to memory ----

static bool same_row(const struct db_row *a, const struct db_row *b)
{
	const struct ovsdb_table_schema *ts = a->table->schema;

	for (size_t i = OVSDB_COL_FIRST; i < ts->n_columns; i++)
		if (store_keeps(ts->columns[i]) &&
		    !ovsdb_datum_equal(&a->fields[i], &b->fields[i], &ts->columns[i]->type))
			return false;
	return true;
}

// Both have the same schema.
static bool same_rows(const struct db *a, const struct db *b)
{
	for (size_t i = 0; i < a->schema->n_tables; i++) {
		const struct db_row *row, *other;

		if (a->tables[i].n_rows != b->tables[i].n_rows)
			return false;
		DB_ROW_FOR_EACH(row, &a->tables[i])
		{
			other = db_row_find(&b->tables[i], db_row_uuid(row));
			if (!other || !same_row(row, other))
				return false;
		}
	}
	return true;
}

static int apply(struct db *db, struct json_span record, struct error *err)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;

	return store_replay(db, record, &oe) ? error_set(err, -EPROTO, "%s: %s", oe.tag, oe.details)
					     : 0;
}

int store_verify(struct store *s, struct error *err)
{
	struct json_span unflushed = ovsdb_log_unflushed(s->log), record;
	struct db *disk;
	int rc = read_schema(s, &disk, err);

	if (rc)
		return rc;
	while (!rc && (rc = ovsdb_log_read(s->log, &record, err)) > 0)
		rc = apply(disk, record, err);
	while (!rc && ovsdb_log_take_record(&unflushed, &record))
		rc = apply(disk, record, err);
	if (!rc && !(ovsdb_schema_equal(disk->schema, s->db->schema) && same_rows(disk, s->db)))
		rc = error_set(err, -EIO, "%s: does not hold what memory does",
			       ovsdb_log_path(s->log));
	db_destroy(disk);
	return rc;
}
