// SPDX-License-Identifier: Apache-2.0
// What psample says of a packet, read with suspicion. Asks no kernel.
#include <linux/psample.h>

#include "core/netlink/genl.h"
#include "offload/tc/tc-private.h"

static const struct nl_policy packet_policy[PSAMPLE_ATTR_DATA + 1] = {
	[PSAMPLE_ATTR_IIFINDEX] = { .type = MNL_TYPE_U16 },
	[PSAMPLE_ATTR_SAMPLE_GROUP] = { .type = MNL_TYPE_U32, .required = true },
	[PSAMPLE_ATTR_DATA] = { .type = MNL_TYPE_UNSPEC, .required = true },
};

bool tc_psample_decode(const struct nlmsghdr *h, struct psample_message *ret, int *ret_error,
		       struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(packet_policy)];

	*ret_error = 0;
	if (genl_cmd(h) != PSAMPLE_CMD_SAMPLE)
		return false;
	*ret_error = nl_parse_msg(h, GENL_HDRLEN, packet_policy, ARRAY_SIZE(packet_policy), a,
				  "sampled packet", err);
	if (!*ret_error)
		*ret = (struct psample_message){
			.group = nl_u32(a[PSAMPLE_ATTR_SAMPLE_GROUP]),
			.ifindex = nl_u16(a[PSAMPLE_ATTR_IIFINDEX]),
			.packet = mnl_attr_get_payload(a[PSAMPLE_ATTR_DATA]),
			.n = nl_len(a[PSAMPLE_ATTR_DATA]),
		};
	return true;
}
