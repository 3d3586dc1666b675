// SPDX-License-Identifier: Apache-2.0
// What bundle, bundle_load and multipath have in common: words that stand for numbers, and arguments that stand in a row.
#pragma once

#include "ofproto/openflow/act-private.h"

// Names by number; NULL ends them.
extern const char *const hash_fields[];
extern const char *const bundle_algorithms[];
extern const char *const multipath_algorithms[];

// The number of a name; -1: none has it.
int hash_find(const char *const names[], const char *name);
size_t hash_count(const char *const names[]);

// Cuts the next argument off '*s': it ends at a comma, a blank or ':'. NULL at the end.
char *hash_next(char **s);

// The first three arguments. 'whole' is the text as it was, for errors.
struct hash_args {
	uint8_t fields, algorithm;
	uint16_t basis;
};
int hash_parse(const char *whole, char *words[3], const char *const algorithms[],
	       struct hash_args *ret, struct error *err);
