// SPDX-License-Identifier: Apache-2.0
// Datapath actions between our form and the attributes of the kernel's openvswitch module.
#pragma once

#include "core/flow/dp-action.h"
#include "core/netlink/nl.h"

// What this kernel's module takes, as probed (features.c).
struct kernel_can {
	bool action[DP_ACTION_MAX];
	bool ct_nat, ct_mark, ct_label, ct_timeout, ct_eventmask, ct_zero_snat;
};

// A kernel of whose lacks nothing is known.
extern const struct kernel_can kernel_can_all;

// Appends the list (what goes into OVS_FLOW_ATTR_ACTIONS or OVS_PACKET_ATTR_ACTIONS) for packets of 'key'. 'pid' is the
// netlink port that userspace actions go to. -ENOTSUP names an action that this kernel has no word for, -EMSGSIZE a list
// that is too long; then nothing is appended.
int kernel_put_actions(struct strbuf *b, struct dp_actions list, const struct flow_key *key,
		       const struct kernel_can *can, uint32_t pid, struct error *err);
// 0, or -ENOTSUP and the first action, nested ones too, that kernel_put_actions() has no word for whatever the packet.
int kernel_check_actions(struct dp_actions list, const struct kernel_can *can, struct error *err);
// The reverse, appended to 'out'. -EPROTO and 'err' when it is malformed or not known.
int kernel_get_actions(const struct nlattr *nest, struct strbuf *out, struct error *err);

// What a userspace action carries through the kernel and back (OVS_USERSPACE_ATTR_USERDATA).
void kernel_put_userdata(struct strbuf *b, uint16_t attr, const struct dp_action *a);
// Fills in 'a' (a userspace action); -EPROTO when it is not ours.
int kernel_get_userdata(const struct nlattr *data, struct dp_action *a, struct error *err);
