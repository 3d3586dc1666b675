// SPDX-License-Identifier: Apache-2.0
// What a case's wires are, chosen when it is linked: veth pairs (wires-veth.c), whose filters the kernel executes, or
// representors and VFs of the simulated NIC (wires-simnic.c), which executes them itself.
#pragma once

#include "hw-tests/lab/cases/wire.h"

extern const bool wires_in_hardware;

// Makes 'n' of them. Ends the program on failure.
void wires_create(struct wire *wires, size_t n);
