// SPDX-License-Identifier: Apache-2.0
// Inside of vtep-ctl: its tables of commands, and lookups.
#pragma once

#include "ovsdb/vtep-idl.h"
#include "utilities/db-ctl.h"

extern const struct command_class switch_commands[], mac_commands[];

static inline const struct vteprec_global *run_global(const struct run *r)
{
	return CONTAINER_OF(r->root, const struct vteprec_global, row);
}

// ---- vtep-ctl-switch.c ----
// With 'must' fatal when there is none.
const struct vteprec_logical_switch *find_logical_switch(struct command *c, const char *name,
							 bool must);
