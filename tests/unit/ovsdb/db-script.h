// SPDX-License-Identifier: Apache-2.0
// A database with all that a log has to keep, transactions on it, and a number that says whether two are the same.
#pragma once

#include "ovsdb/db.h"

// The caller's.
struct ovsdb_schema *script_schema(void);
// Runs the i-th transaction of the script; committed, the caller's.
struct db_txn *script_transaction(struct db *db, unsigned int i);
// Of what is kept in files; the same for the same rows and values.
uint64_t script_digest(const struct db *db);
