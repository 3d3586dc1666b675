// SPDX-License-Identifier: Apache-2.0
// jansson's opinion of a text, apart because its names are ours too.
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool oracle_accepts(const char *text, size_t n);
// Reads {"s": ..., "i": ..., "r": ..., "list": [...]}; false when it cannot.
bool oracle_reads(const char *text, size_t n, char s[64], long long *i, double *r,
		  size_t *list_size);
