// SPDX-License-Identifier: Apache-2.0
// A database error as RFC 7047 puts it on the wire: a name ("constraint violation") and details for a person.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"

// core/io/json.h: not included, for it has names that other libraries of JSON have, too, and this header is installed.
struct json_reader;
struct json_span;
struct json_writer;

struct ovsdb_error {
	const char *tag; // static text; NULL when there is no error
	char details[1000];
};

#define OVSDB_ERROR_INIT \
	{ \
		NULL, "" \
	}

#define OVSDB_SYNTAX "syntax error"
#define OVSDB_CONSTRAINT "constraint violation"
// What has no name of its own in RFC 7047; other servers call it so.
#define OVSDB_OTHER "ovsdb error"
#define OVSDB_REFERENTIAL "referential integrity violation"

// Fills 'err' (never NULL) and returns -EINVAL. 'tag' must be a static string.
int ovsdb_error_set(struct ovsdb_error *err, const char *tag, const char *fmt, ...) PRINTF(3, 4);
// When reading 'r' failed: a syntax error with what the reader says.
int ovsdb_error_from_json(struct ovsdb_error *err, const struct json_reader *r);
// The same without the byte: of a value whose text nobody has at hand.
int ovsdb_error_from_value(struct ovsdb_error *err, const struct json_reader *r);
// {"details":...,"error":...}
void ovsdb_error_write(const struct ovsdb_error *err, struct json_writer *w);
// "constraint violation: details".
void ovsdb_error_format(const struct ovsdb_error *err, struct strbuf *out);
