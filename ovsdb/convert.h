// SPDX-License-Identifier: Apache-2.0
// A database as another schema of the same name has it: at once, or in slices between which the old one is read, but not changed.
#pragma once

#include "ovsdb/db.h"

// A new database with the rows of 'old' in the tables and columns that both have; other columns have default values. Takes 'schema'
// over. NULL when the rows do not fit the schema: the first that does not is named.
struct db *db_convert(const struct db *old, struct ovsdb_schema *schema, struct ovsdb_error *err);

struct db_conversion;
// Takes 'schema' over, borrows 'old'.
struct db_conversion *db_conversion_begin(const struct db *old, struct ovsdb_schema *schema);
// Goes on with 'n' rows: 1: there is more to do, 0: done, negative: they do not fit.
int db_conversion_step(struct db_conversion *c, size_t n, struct ovsdb_error *err);
// The new database: after the last step the caller's for good, before only to be given to db_destroy() (after
// db_txn_finish_some() has dropped *ret_txn, when that is not NULL). 'c' is freed.
struct db *db_conversion_end(struct db_conversion *c, struct db_txn **ret_txn);
