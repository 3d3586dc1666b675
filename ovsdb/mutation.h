// SPDX-License-Identifier: Apache-2.0
// <mutation>s of RFC 7047 section 5.1.
#pragma once

#include "core/base/vec.h"
#include "ovsdb/db.h"

struct mutator;

struct ovsdb_mutation {
	const struct ovsdb_column *column;
	const struct mutator *mutator;
	struct ovsdb_type type; // of 'arg'; base types borrowed from the column
	struct ovsdb_datum arg;
};

struct ovsdb_mutations {
	VEC(struct ovsdb_mutation) v;
};

int ovsdb_mutations_read(struct ovsdb_mutations *m, const struct ovsdb_table_schema *ts,
			 struct json_reader *r, struct ovsdb_symbols *symbols,
			 struct ovsdb_error *err);
void ovsdb_mutations_uninit(struct ovsdb_mutations *m);
// Applies them in order to a row of an open transaction.
int ovsdb_mutations_apply(const struct ovsdb_mutations *m, struct db_txn *txn, struct db_row *row,
			  struct ovsdb_error *err);
