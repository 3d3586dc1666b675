// SPDX-License-Identifier: Apache-2.0
// Policing of what enters a device: one filter that matches everything, before all others.
#pragma once

#include "datapath/linux/traffic.h"

struct nl_sock;
struct traffic_device;

// Filters of flows come after it.
enum { POLICE_PRIORITY = 1 };

int police_apply(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l,
		 const struct policing_config *c, struct error *err);
// The qdisc that the filter stood at goes, if it was made for that and no other filter is there.
void police_drop_hook(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l);
