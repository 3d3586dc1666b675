// SPDX-License-Identifier: Apache-2.0
// What store.c and store-load.c share.
#pragma once

#include "ovsdb/store.h"

// Is the column in the file?
bool store_keeps(const struct ovsdb_column *c);
// Fills 's->db' from the log, which has just been opened.
int store_load(struct store *s, enum ovsdb_on_corruption how, struct error *err);
// Reads the log again, after ovsdb_log_reread(), and compares it, with what was appended to it, to 's->db'.
int store_verify(struct store *s, struct error *err);
