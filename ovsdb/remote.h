// SPDX-License-Identifier: Apache-2.0
// Where a server listens and connects: names given by the administrator, and rows of a database ("db:DB,TABLE,COLUMN"), whose
// is_connected and status columns are kept true.
#pragma once

#include "ovsdb/server.h"

struct remotes;

struct remotes *remotes_create(struct server *s);
void remotes_destroy(struct remotes *r);
struct remote_options {
	int probe, max_backoff; // milliseconds, -1: as usual
	int dscp; // 0..63, -1: as usual
	bool read_only;
	char *role; // NULL: none
};

#define REMOTE_OPTIONS_INIT \
	{ \
		.probe = -1, .max_backoff = -1, .dscp = -1 \
	}

// "punix:...", "tcp:...", "db:...". 'options' (NULL: as usual) are copied; those of a "db:" remote stand in its rows. False when it is
// there already.
bool remotes_add(struct remotes *r, const char *name, const struct remote_options *options);
bool remotes_remove(struct remotes *r, const char *name);
// Names as given, ordered.
const char **remotes_list(const struct remotes *r, size_t *ret_n);
// Looks at the databases again: opens and closes what changed. Errors are logged; the first one also fills 'err'.
int remotes_reconfigure(struct remotes *r, struct error *err);
