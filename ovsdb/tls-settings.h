// SPDX-License-Identifier: Apache-2.0
// TLS settings that stand in a served database: options of the form --private-key=db:DATABASE,TABLE,COLUMN and its like.
#pragma once

#include "ovsdb/server.h"

// Hands to core/io/tls.h what the columns hold now: the first string of a row that is not empty. No such string, or no such
// column (logged once): nothing is set. To be called after each change.
void tls_settings_follow(struct server *s);
// Frees what follow() keeps.
void tls_settings_forget(void);
