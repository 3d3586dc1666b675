// SPDX-License-Identifier: Apache-2.0
// What the files with commands on the kernel's datapaths from outside share.
#pragma once

#include "datapath/dpctl.h"
#include "datapath/kernel/admin.h"

// [type@]NAME: 0, or negative errno (no such type, no such datapath), which is not told.
int dpctl_find_dp(struct dpctl *d, const char *name, struct admin_dp *ret);
// The only one. False: there is none, or several, as was told.
bool dpctl_only_dp(struct dpctl *d, struct admin_dp *ret);
// The first argument when it is a datapath's (there are 'max' arguments then), else the only one that is there. On success
// *argc and *argv are what is left without the name. False: an error was told.
bool dpctl_take_dp(struct dpctl *d, int *argc, const char *const *argv[], int max,
		   struct admin_dp *ret);

bool dpctl_port_by_name(const char *name, dp_port_t *ret, void *ports);
const char *dpctl_port_name(dp_port_t port, void *ports);
