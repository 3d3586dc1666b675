// SPDX-License-Identifier: Apache-2.0
// What db.c and txn.c share.
#pragma once

#include "ovsdb/db.h"

struct weak_ref {
	struct list src_node, dst_node; // in src->weak_out and the target's weak_in
	struct db_row *src;
};

struct db_row *db_row_alloc(struct db_table *t, const struct uuid *uuid);
void db_row_free(struct db_row *row);
// Puts all values into one piece of memory: a row that nobody is changing takes half as much so. No transaction may remember old
// values of it.
void db_row_pack(struct db_row *row);
// The same of one whose values may borrow memory that is to go.
void db_row_pack_all(struct db_row *row);
// Deleted ones too.
struct db_row *db_row_find_any(const struct db_table *t, const struct uuid *uuid);

void db_row_unindex(struct db_row *row);
struct db_row *db_row_index(struct db_row *row, size_t *ret_index);
uint64_t db_index_hash(const struct db_row *row, const struct ovsdb_index *index);

void db_adjust_refs(const struct db_table *t, unsigned int column, const struct ovsdb_datum *d,
		    int delta, void (*dropped)(struct db_row *row, void *aux), void *aux);
void db_row_clear_weak_out(struct db_row *row);
void db_row_rebuild_weak(struct db_row *row);
