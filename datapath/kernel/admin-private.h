// SPDX-License-Identifier: Apache-2.0
// What the files of admin.h share.
#pragma once

#include "datapath/kernel/admin.h"
#include "datapath/kernel/kernel.h"

struct admin {
	struct nl_sock *sock, *route;
	struct kernel_families families;
	struct kernel_datapath *tracker; // what admin_dp_tracker() gave; NULL: nothing yet
};
