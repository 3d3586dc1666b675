// SPDX-License-Identifier: Apache-2.0
// Tables for people and scripts: what ovsdb-client and ovs-vsctl print with --format and --data.
#pragma once

#include <getopt.h>

#include "ovsdb/datum.h"

enum table_format { TABLE_TABLE, TABLE_LIST, TABLE_HTML, TABLE_CSV, TABLE_JSON };
enum table_data { TABLE_DATA_STRING, TABLE_DATA_BARE, TABLE_DATA_JSON, TABLE_DATA_UUID };

struct table_style {
	enum table_format format;
	enum table_data data;
	bool data_given;
	bool headings, pretty;
	unsigned int max_width; // of a column in format table; 0: any
};

#define TABLE_STYLE_DEFAULT(FORMAT) \
	{ \
		.format = (FORMAT), .headings = true \
	}

enum { OPT_TABLE_NO_HEADINGS = 0x6000, OPT_TABLE_PRETTY, OPT_TABLE_BARE, OPT_TABLE_MAX_WIDTH };
#define TABLE_LONG_OPTIONS \
	{ "format", required_argument, NULL, 'f' }, { "data", required_argument, NULL, 'd' }, \
		{ "no-headings", no_argument, NULL, OPT_TABLE_NO_HEADINGS }, \
		{ "pretty", no_argument, NULL, OPT_TABLE_PRETTY }, \
		{ "bare", no_argument, NULL, OPT_TABLE_BARE }, \
	{ \
		"max-column-width", required_argument, NULL, OPT_TABLE_MAX_WIDTH \
	}

// True when 'c' was one of the options; exits with a message on bad arguments.
bool table_handle_option(struct table_style *style, int c, const char *arg);
void table_usage(void);

struct table;

struct table *table_create(const char *caption); // NULL: none
void table_destroy(struct table *t);
// A line above the table; in JSON the member "time".
void table_set_time(struct table *t, const char *time);
void table_add_column(struct table *t, const char *heading);
void table_add_row(struct table *t);
// The cell after the last one of the current row.
void table_add_text(struct table *t, const char *text);
void table_add_datum(struct table *t, const struct ovsdb_datum *d, const struct ovsdb_type *type);
// JSON text, printed as it is.
void table_add_json(struct table *t, const char *json);
bool table_is_empty(const struct table *t);
// 'first' is false for every table after the first one printed: a blank line separates them.
void table_format(const struct table *t, const struct table_style *style, bool first,
		  struct strbuf *out);
// Indented JSON, two spaces a level.
void json_pretty(const char *json, size_t n, struct strbuf *out);
