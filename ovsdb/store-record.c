// SPDX-License-Identifier: Apache-2.0
// One record of a file is applied to the database in memory, at once or in slices.
#include "ovsdb/store-private.h"

void record_replay_begin(struct record_replay *p, struct db *db, struct json_span record,
			 bool salvaging)
{
	*p = (struct record_replay){ .salvaging = salvaging, .record = record };
	p->txn = db_txn_begin(db);
	json_reader_init_span(&p->reader, record);
	p->tables.reader = &p->reader;
	json_object(&p->reader);
}

// Steps: each returns 1 when there is more of it, and counts down '*n'.

// Whether differences are what it holds is said anywhere in it. Rows are stepped over.
static int look(struct record_replay *p, size_t *n, struct ovsdb_error *err)
{
	struct json_reader *r = &p->reader;
	const char *key;
	size_t len;

	for (; *n; --*n) {
		if (!json_member(r, &key, &len)) {
			if (!p->in_table)
				return 0;
			p->in_table = false;
			continue;
		}
		if (!p->in_table && json_key_is(key, len, "_is_diff") && json_peek(r) == JSON_TRUE)
			p->is_diff = true;
		if (!p->in_table && json_peek(r) == JSON_OBJECT) {
			json_object(r);
			p->in_table = true;
		} else {
			json_skip(r);
		}
	}
	return 1;
}

static int begin_again(struct record_replay *p, size_t *n, struct ovsdb_error *err)
{
	json_reader_uninit(&p->reader);
	json_reader_init_span(&p->reader, p->record);
	return 0;
}

static int apply_one(struct db_txn *txn, struct db_table *t, const struct uuid *uuid,
		     struct json_reader *r, void *replay_, struct ovsdb_error *err)
{
	const struct record_replay *p = replay_;

	if (json_peek(r) != JSON_NULL)
		return replay_row(txn, t, uuid, r, p->is_diff, err);
	json_null(r);
	// Gone is what it was to be.
	if (p->salvaging && !db_row_find(t, uuid))
		return 0;
	return replay_delete(txn, t, uuid, err);
}

static int apply(struct record_replay *p, size_t *n, struct ovsdb_error *err)
{
	return replay_some(&p->tables, p->txn, apply_one, p, n, err);
}

static int commit(struct record_replay *p, size_t *n, struct ovsdb_error *err)
{
	int rc = db_txn_commit_some(p->txn, *n, err);

	if (rc > 0)
		*n = 0;
	return rc;
}

static int finish(struct record_replay *p, size_t *n, struct ovsdb_error *err)
{
	if (db_txn_finish_some(p->txn, *n)) {
		*n = 0;
		return 1;
	}
	p->txn = NULL;
	return 0;
}

static int (*const steps[])(struct record_replay *p, size_t *n, struct ovsdb_error *err) = {
	look, begin_again, apply, commit, finish,
};

int record_replay_some(struct record_replay *p, size_t *n, struct ovsdb_error *err)
{
	struct db_txn *txn;
	int rc = 0;

	for (; p->step < ARRAY_SIZE(steps); p->step++) {
		rc = *n ? steps[p->step](p, n, err) : 1;
		if (rc)
			break;
	}
	if (rc > 0)
		return 1;
	txn = record_replay_abandon(p);
	if (txn)
		db_txn_rollback(txn);
	return rc;
}

struct db_txn *record_replay_abandon(struct record_replay *p)
{
	struct db_txn *txn = p->txn;

	json_reader_uninit(&p->reader);
	*p = (struct record_replay){ .txn = NULL };
	return txn;
}

int store_replay(struct db *db, struct json_span record, struct ovsdb_error *err)
{
	struct record_replay p;
	size_t n = SIZE_MAX;

	record_replay_begin(&p, db, record, false);
	return record_replay_some(&p, &n, err);
}
