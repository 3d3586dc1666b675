// SPDX-License-Identifier: Apache-2.0
// From a file to a database in memory, whole or damaged.
#include "core/base/clock.h"
#include "core/base/heap.h"
#include "core/base/log.h"
#include "ovsdb/store-private.h"

LOG_MODULE(ovsdb_load);

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

// Steps on the way to a store.
enum stage {
	LOAD_FILE, // into memory
	LOAD_SCHEMA,
	LOAD_CHECK, // the next record
	LOAD_RECORD,
	LOAD_END,
	LOADED,
};

// Work is counted in rows; that many bytes take as long.
#define BYTES_PER_ROW 1024
// And giving back some memory as long as that many.
#define SLICE_OF_MEMORY 250

struct store_opening {
	struct store *store;
	enum ovsdb_on_corruption how;
	enum stage stage;
	struct json_span record; // at work
	struct record_replay replay; // of it
	size_t kept; // records
	size_t ranges, bytes; // damaged
	size_t unfit; // records that are whole, but no longer apply
};

static void report(const struct store_opening *l, struct json_span lost, const char *what)
{
	log_warn("%s: at offset %lld %zu bytes are lost: %s", ovsdb_log_path(l->store->log),
		 (long long)ovsdb_log_offset(l->store->log), lost.n, what);
}

static int refuse(const struct store_opening *l, struct error *err)
{
	struct error why = *err;

	return error_set(err, why.code,
			 "%s; --on-corruption=salvage keeps all records that are whole and apply, "
			 "--on-corruption=rollback those before offset %lld",
			 why.text, (long long)ovsdb_log_offset(l->store->log));
}

// These say what comes next.

// Nothing counts from the last record read, or found damaged, on.
static int roll_back(struct store_opening *l, struct error *err)
{
	struct ovsdb_log *log = l->store->log;
	off_t offset = ovsdb_log_offset(log);
	AUTO_FREE char *copy = NULL;
	int rc;

	log_warn("%s", err->text);
	report(l, ovsdb_log_rest(log), "rolled back to what stands before");
	if (ovsdb_log_is_read_only(log))
		return LOADED;
	rc = ovsdb_log_keep_copy(log, &copy, err);
	if (!rc)
		rc = ovsdb_log_cut(log, err);
	if (!rc)
		log_warn("%s: rolled back to offset %lld; the damaged file is %s",
			 ovsdb_log_path(log), (long long)offset, copy);
	return rc ? rc : LOADED;
}

static int on_damage(struct store_opening *l, struct error *err)
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
	return LOAD_CHECK;
}

static int on_unfit(struct store_opening *l, struct json_span record, const struct ovsdb_error *why,
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
	return LOAD_CHECK;
}

static int finish_salvage(struct store_opening *l, struct error *err)
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

// ---- In slices ----

static void spend(size_t *n, size_t rows)
{
	*n -= MIN(*n, rows);
}

static int load_file(struct store_opening *l, size_t *n, struct error *err)
{
	int rc = ovsdb_log_open_some(l->store->log, err);

	spend(n, OVSDB_LOG_CHUNK / BYTES_PER_ROW);
	if (rc < 0)
		return rc;
	return rc ? LOAD_FILE : LOAD_SCHEMA;
}

static int load_schema(struct store_opening *l, size_t *n, struct error *err)
{
	int rc = read_schema(l->store, &l->store->db, err);

	return rc ? rc : LOAD_CHECK;
}

static int load_check(struct store_opening *l, size_t *n, struct error *err)
{
	struct ovsdb_log *log = l->store->log;
	size_t rows = MIN(*n, SIZE_MAX / BYTES_PER_ROW);
	int rc;

	if (ovsdb_log_check_some(log, rows * BYTES_PER_ROW)) {
		spend(n, rows);
		return LOAD_CHECK;
	}
	spend(n, 1);
	if (ovsdb_log_forget_some(log)) {
		spend(n, SLICE_OF_MEMORY);
		return LOAD_CHECK;
	}
	rc = ovsdb_log_read(log, &l->record, err);
	if (rc == OVSDB_LOG_DAMAGED)
		return on_damage(l, err);
	if (rc <= 0)
		return rc < 0 ? rc : LOAD_END;
	record_replay_begin(&l->replay, l->store->db, l->record, l->ranges || l->unfit);
	return LOAD_RECORD;
}

static int load_record(struct store_opening *l, size_t *n, struct error *err)
{
	struct ovsdb_error why = OVSDB_ERROR_INIT;
	int rc = record_replay_some(&l->replay, n, &why);

	heap_note_growth();
	if (rc < 0)
		return on_unfit(l, l->record, &why, err);
	if (rc)
		return LOAD_RECORD;
	l->store->n_records++;
	l->kept++;
	return LOAD_CHECK;
}

static int load_end(struct store_opening *l, size_t *n, struct error *err)
{
	int rc = finish_salvage(l, err);

	return rc ? rc : LOADED;
}

// Each returns the next stage or a negative errno, and counts down what may be done in this slice.
static int (*const stages[])(struct store_opening *l, size_t *n, struct error *err) = {
	[LOAD_FILE] = load_file,     [LOAD_SCHEMA] = load_schema, [LOAD_CHECK] = load_check,
	[LOAD_RECORD] = load_record, [LOAD_END] = load_end,
};

int store_opening_begin(struct store_opening **ret, const char *path, enum ovsdb_log_mode mode,
			const struct ovsdb_file_ops *ops, enum ovsdb_on_corruption how,
			struct error *err)
{
	struct ovsdb_log *log;
	struct store_opening *l;
	int rc = ovsdb_log_open_begin(&log, path, mode, ops, err);

	if (rc)
		return rc;
	l = xzalloc(sizeof(*l));
	l->store = xzalloc(sizeof(*l->store));
	l->store->log = log;
	l->how = how;
	*ret = l;
	return 0;
}

int store_opening_step(struct store_opening *l, size_t n, struct error *err)
{
	while (n && l->stage != LOADED) {
		int rc = stages[l->stage](l, &n, err);

		if (rc < 0)
			return rc;
		l->stage = rc;
	}
	return l->stage != LOADED;
}

const char *store_opening_name(const struct store_opening *l)
{
	return l->store->db ? l->store->db->schema->name : NULL;
}

struct store *store_opening_end(struct store_opening *l, struct db **ret_db,
				struct db_txn **ret_txn)
{
	struct store *s = l->store;
	bool loaded = l->stage == LOADED;

	*ret_txn = record_replay_abandon(&l->replay);
	*ret_db = loaded ? NULL : store_swap(s, NULL);
	free(l);
	if (!loaded) {
		store_close(s);
		return NULL;
	}
	s->snapshot_size = ovsdb_log_size(s->log);
	s->last_compaction = clock_msec();
	return s;
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
