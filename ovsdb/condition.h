// SPDX-License-Identifier: Apache-2.0
// <condition>s of RFC 7047 section 5.1, and booleans besides.
#pragma once

#include "core/base/vec.h"
#include "ovsdb/db.h"
#include "ovsdb/function.h"

struct ovsdb_clause {
	enum ovsdb_function function;
	const struct ovsdb_column *column; // NULL for a boolean
	struct ovsdb_type type; // of 'arg'; base types borrowed from the column
	struct ovsdb_datum arg;
};

struct ovsdb_condition {
	VEC(struct ovsdb_clause) clauses;
};

// On failure 'c' is empty. 'booleans': true or false may stand for the whole condition; a clause may always be one of them.
int ovsdb_condition_read(struct ovsdb_condition *c, const struct ovsdb_table_schema *ts,
			 struct json_reader *r, struct ovsdb_symbols *symbols, bool booleans,
			 struct ovsdb_error *err);
void ovsdb_condition_uninit(struct ovsdb_condition *c);
// 'fields' by column index. All clauses hold; true when there are none.
bool ovsdb_condition_all(const struct ovsdb_condition *c, const struct ovsdb_datum *fields);
// Any clause holds, as monitors have it; true when there are none.
bool ovsdb_condition_any(const struct ovsdb_condition *c, const struct ovsdb_datum *fields);

// Calls 'cb' for each live row that matches, until it returns false. 'cb' may modify or delete the row. Uses uuids
// and the schema's indexes where the condition names them.
void ovsdb_condition_for_each(const struct ovsdb_condition *c, struct db_table *t,
			      bool (*cb)(struct db_row *row, void *aux), void *aux);
