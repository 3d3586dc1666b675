// SPDX-License-Identifier: Apache-2.0
// From "options:dpdk-devargs" to an ethdev: one that is there already, or one that is attached for it.
#pragma once

#include "datapath/datapath.h"

// Finds or attaches. 'devargs' is an ethdev's name, "net_null0", "net_memif0,role=server", "0000:03:00.0" or a representor:
// "net_simnic0,representor=vf[2]" (or vf2). Main thread.
int devargs_attach(const char *devargs, uint16_t *ret_ethdev, struct error *err);
// The ethdev (stopped) is not used any more: detaches what devargs_attach() attached for it. Devices of one eSwitch stay
// until the last of their ethdevs is released.
void devargs_release(uint16_t ethdev);
// Fills in what 'ref' says about a device: eSwitch, uplink, representor.
void devargs_describe(uint16_t ethdev, struct port_ref *ref);
