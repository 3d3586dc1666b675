// SPDX-License-Identifier: Apache-2.0
#include "utilities/flow-file.h"

#include <ctype.h>
#include <errno.h>

#include "core/base/util.h"

void flow_file_read(FILE *f, const char *name, flow_file_cb *cb, void *aux)
{
	AUTO_FREE char *line = NULL;
	unsigned int number = 0;
	size_t room = 0;

	while (getline(&line, &room, f) > 0) {
		char *s = line;

		number++;
		s[strcspn(s, "#\n")] = '\0';
		while (isspace((unsigned char)*s))
			s++;
		if (*s)
			cb(s, number, aux);
	}
	if (ferror(f))
		fatal(errno, "%s: read", name);
}
