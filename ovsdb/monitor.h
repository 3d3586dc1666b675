// SPDX-License-Identifier: Apache-2.0
// One client's "monitor" request: which columns of which rows it wants to hear of, and the JSON that tells it.
//
// A monitor borrows the database; destroy it before. All output is appended to a strbuf as one JSON value.
#pragma once

#include "ovsdb/history.h"

enum monitor_version {
	MONITOR_V1, // RFC 7047: old and new
	MONITOR_V2, // monitor_cond: differences
	MONITOR_V3, // monitor_cond_since: as V2, another envelope
};

struct monitor;

// 'requests' is the JSON object that maps tables to request objects, 'id' the client's name for the monitor.
int monitor_create(struct monitor **ret, struct db *db, enum monitor_version version,
		   struct json_span id, struct json_span requests, struct ovsdb_error *err);
void monitor_destroy(struct monitor *m);
bool monitor_has_id(const struct monitor *m, struct json_span id);
enum monitor_version monitor_version(const struct monitor *m);
// What the client has asked for: monitors with the same text are told the same, MONITOR_V2 and MONITOR_V3 alike.
const char *monitor_asks(const struct monitor *m);
bool monitor_asks_as(const struct monitor *a, const struct monitor *b);
const char *monitor_id(const struct monitor *m);
// The initial contents: a <table-updates> object, perhaps empty.
void monitor_write_initial(const struct monitor *m, struct strbuf *out);
// The same to a file descriptor, which blocks; 0 or negative errno.
int monitor_write_initial_to(const struct monitor *m, int fd);
// Rows of the tables that it is about.
size_t monitor_n_rows(const struct monitor *m);
// What a committed transaction means to this client; false, and nothing appended, when nothing.
bool monitor_write_update(const struct monitor *m, const struct db_txn *txn, struct strbuf *out);
// Likewise for all that has happened since a state that 'h' knows, once for each row.
bool monitor_write_since(const struct monitor *m, const struct history *h, const struct uuid *id,
			 struct strbuf *out);
// New conditions for some tables and a new id; appends what comes and goes by that to 'out' (*ret_any: if anything).
int monitor_change_conditions(struct monitor *m, struct json_span new_id, struct json_span requests,
			      struct strbuf *out, bool *ret_any, struct ovsdb_error *err);
