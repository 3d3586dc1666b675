// SPDX-License-Identifier: Apache-2.0
#include "utilities/flow-file.h"

#include <ctype.h>
#include <errno.h>

#include "core/base/strbuf.h"
#include "core/base/util.h"

void flow_file_read(FILE *f, const char *name, flow_file_cb *cb, void *aux)
{
	AUTO(strbuf) where = STRBUF_INIT;
	AUTO_FREE char *line = NULL;
	size_t room = 0, n;
	uint64_t number = 0;

	strbuf_puts(&where, name);
	strbuf_putc(&where, ':');
	n = where.len;
	while (getline(&line, &room, f) > 0) {
		char *s = line;

		strbuf_truncate(&where, n);
		strbuf_put_u64(&where, ++number);
		strbuf_puts(&where, ": ");
		s[strcspn(s, "#\n")] = '\0';
		while (isspace((unsigned char)*s))
			s++;
		if (*s)
			cb(s, strbuf_cstr(&where), aux);
	}
	if (ferror(f))
		fatal(errno, "%s: read", name);
}
