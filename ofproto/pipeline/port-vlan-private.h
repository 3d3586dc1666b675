// SPDX-License-Identifier: Apache-2.0
// VLANs of ports: which one a packet belongs to, which ports take it, and with what tags it leaves them.
#pragma once

#include "ofproto/pipeline/xlate-private.h"

// A packet's tags as the switch sees them.
struct vlan_tags {
	struct flow_vlan
		outer; // of the VLAN that it belongs to, whether the packet has the tag or not; tpid 0: it needs none
	struct flow_vlan inner; // tpid 0: none
	bool is_tunnelled; // 'inner' is the packet's outermost tag, the customer's
};

bool port_carries(const struct port_settings *s, uint16_t vid);

uint16_t vlan_tags_vid(const struct vlan_tags *t);
// 'in' NULL: from nowhere, with tags that any trunk would take. False: the port does not take the packet, and the trace says so.
bool vlan_tags_receive(struct xlate_ctx *ctx, const struct of_port *in, struct vlan_tags *ret);
bool vlan_tags_fit(struct xlate_ctx *ctx, const struct port_settings *s, const struct vlan_tags *t);
// To a port that they fit.
void vlan_tags_output(struct xlate_ctx *ctx, struct of_port *out, const struct vlan_tags *t);
