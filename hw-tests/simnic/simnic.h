// SPDX-License-Identifier: Apache-2.0
// The simulated NIC as the rest of the tree sees it: a DPDK virtual device "net_simnicN" that is one eSwitch with an
// uplink, VFs, representors and a rule table behind rte_flow. README.md has the device arguments and control commands.
//
// This header needs neither DPDK nor driver headers. All functions may be called from any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Far ends: what stands behind an ethdev. 0 and up is a VF.
#define SIMNIC_WIRE (-1)

// Does nothing but be referenced: a program that calls it has the driver linked in from the static library, and its
// constructor has registered it before main(). Call it before rte_eal_init() or hot-plugging "net_simnic0".
void simnic_link(void);

// Runs one command of the control language ("capacity 10", "lose all", "show" ...) on the eSwitch 'name'
// ("net_simnic0"). The reply, NUL-terminated and cut to 'size', ends with a line "ok" or "error: ...".
// Returns 0, or a negative errno: -ENODEV without such an eSwitch, -EINVAL for a bad command.
int simnic_control(const char *name, const char *command, char *reply, size_t size);

// The counter 'counter' (a row of esw-counters.def) of the eSwitch 'name'; UINT64_MAX when there is no such.
uint64_t simnic_counter(const char *name, const char *counter);

// As if 'far_end' (SIMNIC_WIRE or a VF) had sent the frame: it has been forwarded when the call returns. 'data' is
// copied. Returns 0, -ENODEV without such an eSwitch or far end, -EMSGSIZE for a frame longer than the NIC takes.
int simnic_inject(const char *name, int far_end, const void *data, size_t len);

// Takes the oldest frame that the eSwitch sent to 'far_end'. Only with the device argument taps=0. Returns its length
// (the copy is cut to 'size'), 0 when none waits, or -ENODEV, or -ENOTSUP when the far end is a tap device.
ssize_t simnic_drain(const char *name, int far_end, void *buf, size_t size);
