// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259) without a tree: a pull reader over text in memory, and a writer that appends to a strbuf.
//
// The reader's error sticks and names the byte: read on, check once with json_finish() or json_failed().
// Text must be UTF-8; nesting deeper than JSON_MAX_DEPTH is an error. Duplicate member names are not detected.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"

#define JSON_MAX_DEPTH 1000

enum json_type {
	JSON_NONE, // end of text, or error
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_NUMBER,
	JSON_STRING,
};

// A value as it stands in the text; valid as long as the text is.
struct json_span {
	const char *p;
	size_t n;
};

struct json_reader {
	const char *start, *p, *end;
	unsigned int depth;
	bool fresh; // just after '[' or '{'
	bool is_checked;
	struct strbuf text; // the last string that had escapes
	struct error err;
};

void json_reader_init(struct json_reader *r, const char *text, size_t n);
void json_reader_init_span(struct json_reader *r, struct json_span s);
// The syntax of 's' has been checked already, by json_skip() of another reader: this one's json_skip() only looks for the end.
void json_reader_init_checked(struct json_reader *r, struct json_span s);
void json_reader_uninit(struct json_reader *r);

// The type of the next value, without consuming it.
enum json_type json_peek(struct json_reader *r);
const char *json_type_name(enum json_type type);
// json_object(r); while (json_member(r, &key, &len)) { ... read exactly one value ... }
// The key is NUL-terminated only when its length says so: compare with json_key_is().
void json_object(struct json_reader *r);
bool json_member(struct json_reader *r, const char **ret_key, size_t *ret_len);
static inline bool json_key_is(const char *key, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(key, name, len);
}
// json_array(r); while (json_element(r)) { ... read exactly one value ... }
// Behind the last element json_element() returns false once: the next call is about what the array stands in.
void json_array(struct json_reader *r);
bool json_element(struct json_reader *r);
// The next value as the type asked for; on another type: error, and a zero value.
// A string is valid until the next call on 'r'; it may hold no NUL byte (\u0000 is refused).
const char *json_string(struct json_reader *r, size_t *ret_len);
char *json_string_dup(struct json_reader *r);
bool json_bool(struct json_reader *r);
void json_null(struct json_reader *r);
// An integer in [-2^63, 2^63): also written as 1e3 or 5.0. Anything else is an error.
int64_t json_integer(struct json_reader *r);
double json_real(struct json_reader *r);
// True when the number that comes next is an integer in the sense of json_integer().
bool json_next_is_integer(struct json_reader *r);
// Steps over one value of any type (checking its syntax) and returns its text.
struct json_span json_skip(struct json_reader *r);
// Records an error at the current byte, unless there is one already.
void json_fail(struct json_reader *r, const char *fmt, ...) PRINTF(2, 3);
bool json_failed(const struct json_reader *r);
// What went wrong, without the byte. Borrowed.
const char *json_failure(const struct json_reader *r);
// 0 when no error happened and only white space is left; else negative errno, 'err' filled.
int json_finish(struct json_reader *r, struct error *err);
// Compares two values by content (member order does not matter).
bool json_equal(struct json_span a, struct json_span b);

// Finds where one top-level object or array ends in a stream of bytes that comes in pieces.
struct json_framer {
	unsigned int depth;
	bool in_string, escaped, started;
};

// Looks at the 'n' bytes at 'p' that follow those seen before. Returns how many belong to the current message;
// *ret_complete says whether it ends there. Negative: the bytes cannot begin a message.
ssize_t json_frame(struct json_framer *f, const char *p, size_t n, bool *ret_complete);

// Writer: commas and quoting are its work. Nested begin/end pairs must match.
struct json_writer {
	struct strbuf *out;
	uint64_t first[JSON_MAX_DEPTH / 64 + 1]; // per depth: nothing written yet
	unsigned int depth;
	bool pretty;
	bool after_key;
};

void json_writer_init(struct json_writer *w, struct strbuf *out);
void jw_object_begin(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array_begin(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_string(struct json_writer *w, const char *s);
void jw_string_n(struct json_writer *w, const char *s, size_t n);
void jw_stringf(struct json_writer *w, const char *fmt, ...) PRINTF(2, 3);
void jw_integer(struct json_writer *w, int64_t v);
// Shortest decimal text that reads back as the same double.
void jw_real(struct json_writer *w, double v);
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
// Text that is JSON already.
void jw_raw(struct json_writer *w, const char *text, size_t n);
static inline void jw_span(struct json_writer *w, struct json_span s)
{
	jw_raw(w, s.p, s.n);
}
// key + value in one call.
void jw_member_string(struct json_writer *w, const char *key, const char *value);
void jw_member_integer(struct json_writer *w, const char *key, int64_t value);
void jw_member_bool(struct json_writer *w, const char *key, bool value);
// Appends 's' quoted, outside of any writer.
void json_put_string(struct strbuf *out, const char *s, size_t n);
