// SPDX-License-Identifier: Apache-2.0
// A database's schema: tables, their columns and indexes, read from and written as JSON (RFC 7047 section 3.2).
#pragma once

#include "core/base/strmap.h"
#include "core/base/vec.h"
#include "ovsdb/datum.h"

struct ovsdb_column {
	char *name;
	unsigned int index; // in ovsdb_table_schema.columns and in every row
	struct ovsdb_type type;
	bool mutable, ephemeral;
};

enum { OVSDB_COL_UUID, OVSDB_COL_VERSION, OVSDB_COL_FIRST };

struct ovsdb_index {
	unsigned int *columns; // column indexes
	size_t n;
};

struct ovsdb_table_schema {
	char *name;
	struct strmap by_name; // struct ovsdb_column
	// [0] is _uuid and [1] _version; then the schema's, ordered by name.
	struct ovsdb_column **columns;
	size_t n_columns;
	unsigned int max_rows; // UINT_MAX without limit
	bool is_root;
	struct ovsdb_index *indexes;
	size_t n_indexes;
	unsigned int position; // in ovsdb_schema.tables
};

struct ovsdb_schema {
	char *name, *version, *cksum;
	struct strmap by_name; // struct ovsdb_table_schema
	struct ovsdb_table_schema **tables; // ordered by name
	size_t n_tables;
};

int ovsdb_schema_read(struct ovsdb_schema **ret, struct json_span text, struct ovsdb_error *err);
int ovsdb_schema_read_file(struct ovsdb_schema **ret, const char *path, struct error *err);
void ovsdb_schema_write(const struct ovsdb_schema *s, struct json_writer *w);
struct ovsdb_schema *ovsdb_schema_clone(const struct ovsdb_schema *s);
bool ovsdb_schema_equal(const struct ovsdb_schema *a, const struct ovsdb_schema *b);
void ovsdb_schema_destroy(struct ovsdb_schema *s);
// "X.Y.Z"
bool ovsdb_version_is_valid(const char *s);
// A letter or '_', then letters, digits and '_'.
bool ovsdb_id_is_valid(const char *s);

const struct ovsdb_table_schema *ovsdb_schema_table(const struct ovsdb_schema *s, const char *name);
const struct ovsdb_column *ovsdb_table_column(const struct ovsdb_table_schema *t, const char *name);
// The first 'len' characters of 'name'.
const struct ovsdb_column *ovsdb_table_column_n(const struct ovsdb_table_schema *t,
						const char *name, size_t len);
