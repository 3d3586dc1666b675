// SPDX-License-Identifier: Apache-2.0
// Interface options as tests write them: "remote_ip=1.1.1.1 key=5".
#pragma once

#include <string.h>

#include "core/base/strmap.h"

static inline void options_of(const char *text, struct smap *ret)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *save = NULL;

	smap_init(ret);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(w, '=');

		*eq = '\0';
		smap_set(ret, w, eq + 1);
	}
}
