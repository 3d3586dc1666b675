// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/wires.h"

#include <stdio.h>

const bool wires_in_hardware = false;

void wires_create(struct wire *wires, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "tc%zu", i + 1);
		wire_create(&wires[i], name);
	}
}
