// SPDX-License-Identifier: Apache-2.0
// What conditions and mutations are made of: [column, verb, value].
#pragma once

#include "ovsdb/schema.h"

// Reads column and verb, the caller frees them, and stops before the value. False when that is not what comes.
bool triple_read(struct json_reader *r, char **ret_column, char **ret_verb);
// A syntax error: the verb is not for columns of that type.
int triple_mismatch(const char *verb, const struct ovsdb_column *c, struct ovsdb_error *err);
