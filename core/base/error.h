// SPDX-License-Identifier: Apache-2.0
// An error for a person: made where the knowledge is, given context on the way up, shown once at the top.
#pragma once

#include "core/base/util.h"

// Fixed size, so that reporting an error cannot fail; a longer text is cut and ends in "...".
struct error {
	int code; // negative errno, 0 when there is no error
	char text[1024];
};

#define ERROR_INIT \
	{ \
		0, "" \
	}

// Fills 'err' (when not NULL) and returns 'code', a negative errno.
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF(3, 4);
// Puts "context: " before the text; returns the code that is there.
int error_wrap(struct error *err, const char *fmt, ...) PRINTF(2, 3);
void error_clear(struct error *err);
