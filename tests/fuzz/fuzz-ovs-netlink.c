// SPDX-License-Identifier: Apache-2.0
// What the kernel's openvswitch module says: whatever the bytes, decoding stays inside, and what is read can be written.
#include <stdint.h>

#include "core/packet/packet.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/key.h"
#include "datapath/kernel/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void upcall(const struct nlmsghdr *h)
{
	struct upcall_message m;
	struct dp_action a = { .type = DP_ACTION_USERSPACE };
	struct flow_key key;
	struct error err;

	if (upcall_message_decode(h, &m, &err))
		return;
	if (!kernel_get_key(m.key, &key, &err)) {
		AUTO(strbuf) again = STRBUF_INIT;

		kernel_put_key(&again, &key, NULL);
	}
	if (m.userdata)
		kernel_get_userdata(m.userdata, &a, &err);
}

// The parts of a flow that a terse dump leaves out.
static void flow(const struct nlmsghdr *h)
{
	static const struct nl_policy policy[OVS_FLOW_ATTR_MASK + 1] = {
		[OVS_FLOW_ATTR_KEY] = { .type = MNL_TYPE_UNSPEC, .required = true },
		[OVS_FLOW_ATTR_ACTIONS] = { .type = MNL_TYPE_UNSPEC },
		[OVS_FLOW_ATTR_MASK] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	AUTO(strbuf) list = STRBUF_INIT;
	struct flow_message m;
	struct flow_mask mask;
	struct flow_key key;
	struct error err;

	flow_message_decode(h, &m, &err);
	if (nl_parse_msg(h, GENL_HDRLEN + sizeof(struct ovs_header), policy, ARRAY_SIZE(policy), a,
			 "flow", &err) ||
	    kernel_get_key(a[OVS_FLOW_ATTR_KEY], &key, &err))
		return;
	if (!kernel_get_mask(a[OVS_FLOW_ATTR_MASK], &key, &mask, &err))
		kernel_mask_unsupported(&key, &mask);
	if (a[OVS_FLOW_ATTR_ACTIONS] &&
	    !kernel_get_actions(a[OVS_FLOW_ATTR_ACTIONS], &list, &err)) {
		AUTO(strbuf) again = STRBUF_INIT;

		kernel_put_actions(&again, dp_actions_of(&list), &key, &kernel_can_all, 77, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *h;
	struct vport_message v;
	struct dp_message d;
	struct meter_message meter;
	struct meter_features features;
	struct error err;

	// libmnl hands out whole messages only.
	if (size < sizeof(*h))
		return 0;
	h = xmemdup(data, size);
	h->nlmsg_len = size;
	upcall(h);
	flow(h);
	vport_message_decode(h, &v, &err);
	dp_message_decode(h, &d, &err);
	meter_message_decode(h, &meter, &err);
	meter_features_message_decode(h, &features, &err);
	free(h);
	return 0;
}
