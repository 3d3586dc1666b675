// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void mark_cut(struct error *err, int n)
{
	if (n >= (int)sizeof(err->text))
		strcpy(err->text + sizeof(err->text) - 4, "...");
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	assert(code < 0);
	if (!err)
		return code;
	err->code = code;
	va_start(args, fmt);
	mark_cut(err, vsnprintf(err->text, sizeof(err->text), fmt, args));
	va_end(args);
	return code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char context[sizeof(err->text)], whole[2 * sizeof(err->text) + 3];
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
	int n = snprintf(whole, sizeof(whole), "%s: %s", context, err->text);
	memcpy(err->text, whole, MIN((size_t)n + 1, sizeof(err->text)));
	err->text[sizeof(err->text) - 1] = '\0';
	mark_cut(err, n);
	return err->code;
}

void error_clear(struct error *err)
{
	err->code = 0;
	err->text[0] = '\0';
}
