// SPDX-License-Identifier: Apache-2.0
// Where a message ends in a stream of them.
#include "core/io/json-private.h"

// Steps over what belongs to the string that 'f' is in.
static const char *frame_string(struct json_framer *f, const char *p, const char *end)
{
	if (f->escaped) {
		f->escaped = false;
		p++;
	}
	while ((p = json_plain_end(p, end, 0)) < end) {
		if (*p == '"') {
			f->in_string = false;
			return p + 1;
		}
		if (*p == '\\' && p + 1 == end) {
			f->escaped = true;
			return end;
		}
		p += *p == '\\' ? 2 : 1;
	}
	return end;
}

ssize_t json_frame(struct json_framer *f, const char *text, size_t n, bool *ret_complete)
{
	const char *end = text + n, *p = text;

	*ret_complete = false;
	while (p < end) {
		char c = *p;

		if (f->in_string) {
			p = frame_string(f, p, end);
			continue;
		}
		p++;
		if (c == '"' && f->started) {
			f->in_string = true;
		} else if (c == '{' || c == '[') {
			f->started = true;
			if (++f->depth > JSON_MAX_DEPTH)
				return -EPROTO;
		} else if (c == '}' || c == ']') {
			if (!f->depth)
				return -EPROTO;
			if (!--f->depth) {
				memset(f, 0, sizeof(*f));
				*ret_complete = true;
				return p - text;
			}
		} else if (!f->started && c != ' ' && c != '\n' && c != '\r' && c != '\t') {
			return -EPROTO;
		}
	}
	return n;
}
