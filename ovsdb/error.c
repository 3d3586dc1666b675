// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/error.h"

#include "core/io/json.h"

#include <stdio.h>

int ovsdb_error_set(struct ovsdb_error *err, const char *tag, const char *fmt, ...)
{
	va_list args;

	err->tag = tag;
	va_start(args, fmt);
	vsnprintf(err->details, sizeof(err->details), fmt, args);
	va_end(args);
	return -EINVAL;
}

int ovsdb_error_from_json(struct ovsdb_error *err, const struct json_reader *r)
{
	return ovsdb_error_set(err, OVSDB_SYNTAX, "%s", r->err.text);
}

int ovsdb_error_from_value(struct ovsdb_error *err, const struct json_reader *r)
{
	return ovsdb_error_set(err, OVSDB_SYNTAX, "%s", json_failure(r));
}

void ovsdb_error_write(const struct ovsdb_error *err, struct json_writer *w)
{
	jw_object_begin(w);
	if (err->details[0])
		jw_member_string(w, "details", err->details);
	jw_member_string(w, "error", err->tag);
	jw_object_end(w);
}

void ovsdb_error_format(const struct ovsdb_error *err, struct strbuf *out)
{
	strbuf_puts(out, err->tag);
	if (err->details[0])
		strbuf_printf(out, ": %s", err->details);
}
