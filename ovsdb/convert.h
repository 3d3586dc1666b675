// SPDX-License-Identifier: Apache-2.0
// A database as another schema of the same name has it.
#pragma once

#include "ovsdb/db.h"

// A new database with the rows of 'old' in the tables and columns that both have; other columns have default values. Takes 'schema'
// over. NULL when the rows do not fit the schema: the first that does not is named.
struct db *db_convert(const struct db *old, struct ovsdb_schema *schema, struct ovsdb_error *err);
