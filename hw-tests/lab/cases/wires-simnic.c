// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/wires.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/util.h"

const bool wires_in_hardware = true;

static void run(const char *command)
{
	if (system(command))
		fatal(0, "failed: %s", command);
}

// Out of representor n goes what VF n receives.
void wires_create(struct wire *wires, size_t n)
{
	AUTO_FREE char *load = xasprintf("insmod ${SIMNIC_KO:?run this with --simnic} vfs=%zu", n);

	run(load);
	run("devlink dev eswitch set platform/simnic.0 mode switchdev");
	for (size_t i = 0; i < n; i++) {
		char near[32], far[32];

		snprintf(near, sizeof(near), "sn0r%zu", i);
		snprintf(far, sizeof(far), "sn0v%zu", i);
		wire_open(&wires[i], near, far);
	}
}
