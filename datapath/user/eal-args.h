// SPDX-License-Identifier: Apache-2.0
// From the configuration to the command line that DPDK is started with.
#pragma once

#include "datapath/datapath.h"

struct eal_args {
	char **v; // [0] is the program's name; without a NULL at the end
	size_t n, cap;
	uint32_t memory_mb; // what DPDK will have, as far as the arguments say
};

// Fills 'a', which is empty. 'cpu' is where DPDK's main thread goes when nothing says otherwise. What dpdk-extra says goes before our
// defaults; hugepages are used when a key asks for them, else there are none. On failure (a key's value is no such thing) 'a' stays empty.
int eal_args_make(struct eal_args *a, const struct datapath_config *c, int cpu, struct error *err);
void eal_args_free(struct eal_args *a);
// All but the name, with a space before each; heap.
char *eal_args_text(const struct eal_args *a);
// Splits 'text' at white space; '...' and "..." keep it, a backslash takes the next character as it is. Returns the number of
// words appended to *argv (a growing array of heap strings), or -EINVAL for an open quote.
int eal_split_args(const char *text, char ***argv, size_t *n, size_t *cap, struct error *err);
