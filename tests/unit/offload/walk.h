// SPDX-License-Identifier: Apache-2.0
// What the tests of every backend's compile step share: a port on paper, packets that have a field, one compilation.
#pragma once

#include "offload/backend.h"

// Port 1 is on the device; port 2 has nothing behind it; port 3 is the kernel's tunnel device, port 4 a representor, port 5
// one that no NIC is behind, port 6 the host's own, port 8 a representor whose interface number has more than 16 bits.
// Meters 3 (1 Mbit/s) and 8 (packets) can be police actions; 4 has two bands, 5 remarks, the bursts of 6 and 7 are too large.
extern const struct port_lookup walk_ports;

// A key that has the field: the first of some kinds of packets in which it is present. False: none has it by itself.
bool walk_key_with(const struct field *f, struct flow_key *key);
// What every megaflow matches.
void walk_common_mask(struct flow_mask *m, const struct flow_key *key);
bool walk_compile(const struct backend_ops *backend, void *priv, const struct flow_key *key,
		  const struct flow_mask *mask, struct dp_actions actions, struct verdict *v);
// Compiles a flow that matches field 'id' (where a datapath flow can) and checks that a refusal has a name.
void walk_field(const struct backend_ops *backend, void *priv, enum field_id id);
