// SPDX-License-Identifier: Apache-2.0
// What the reader, the writer and their neighbours share: eight bytes of a string at a time, numbers.
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "core/io/json.h"

#define JSON_BYTES(x) (UINT64_C(0x0101010101010101) * (x))
#define JSON_HIGH JSON_BYTES(0x80) // also stop at bytes from 0x80 on

// The first byte at 'p' that is '"', '\\' or a control character, or of those that 'also' says (0 or JSON_HIGH); 'end' when there
// is none.
static inline const char *json_plain_end(const char *p, const char *end, uint64_t also)
{
	while (end - p >= 8) {
		uint64_t w, quote, escape, control, found;

		memcpy(&w, p, sizeof(w));
		w = le64toh(w);
		// A byte is 0 where the subtraction borrows; the lowest one found is right, later ones may not be.
		quote = w ^ JSON_BYTES('"');
		escape = w ^ JSON_BYTES('\\');
		quote = (quote - JSON_BYTES(1)) & ~quote;
		escape = (escape - JSON_BYTES(1)) & ~escape;
		control = (w - JSON_BYTES(0x20)) & ~w;
		found = ((quote | escape | control) & JSON_HIGH) | (w & also);
		if (found)
			return p + __builtin_ctzll(found) / 8;
		p += 8;
	}
	for (; p < end; p++) {
		unsigned char c = *p;

		if (c < 0x20 || c == '"' || c == '\\' || (also && c >= 0x80))
			break;
	}
	return p;
}

struct json_number {
	bool is_integer;
	int64_t i;
	double d;
};

// False, with an error in 'r', when the next value is no number that can be kept.
bool json_read_number(struct json_reader *r, struct json_number *ret);
