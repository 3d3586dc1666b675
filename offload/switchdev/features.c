// SPDX-License-Identifier: Apache-2.0
// Features of a network device, as ethtool's netlink family tells them: a list of the names that are on.
#include <linux/ethtool_netlink.h>

#include "offload/switchdev/switchdev-private.h"

static const struct nl_policy features_policy[ETHTOOL_A_FEATURES_ACTIVE + 1] = {
	[ETHTOOL_A_FEATURES_HEADER] = { .type = MNL_TYPE_UNSPEC, .required = true },
	[ETHTOOL_A_FEATURES_ACTIVE] = { .type = MNL_TYPE_UNSPEC, .required = true },
};

static const struct nl_policy header_policy[ETHTOOL_A_HEADER_DEV_INDEX + 1] = {
	[ETHTOOL_A_HEADER_DEV_INDEX] = { .type = MNL_TYPE_U32, .required = true },
};

static const struct nl_policy bitset_policy[ETHTOOL_A_BITSET_BITS + 1] = {
	[ETHTOOL_A_BITSET_NOMASK] = { .type = MNL_TYPE_UNSPEC },
	[ETHTOOL_A_BITSET_BITS] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nl_policy bit_policy[ETHTOOL_A_BITSET_BIT_VALUE + 1] = {
	[ETHTOOL_A_BITSET_BIT_NAME] = { .type = MNL_TYPE_NUL_STRING },
	[ETHTOOL_A_BITSET_BIT_VALUE] = { .type = MNL_TYPE_UNSPEC },
};

// With a mask each bit says whether it is set; a list without one has only those that are. The compact form has no names.
static int find_bit(const struct nlattr *set, const char *name, enum switchdev_feature *ret,
		    struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(bitset_policy)], *b[ARRAY_SIZE(bit_policy)], *bit;
	int error = nl_parse_nested(set, bitset_policy, ARRAY_SIZE(bitset_policy), a,
				    "active features", err);

	*ret = FEATURE_UNKNOWN;
	if (error || !a[ETHTOOL_A_BITSET_BITS])
		return error;
	*ret = FEATURE_OFF;
	mnl_attr_for_each_nested(bit, a[ETHTOOL_A_BITSET_BITS])
	{
		error = nl_parse_nested(bit, bit_policy, ARRAY_SIZE(bit_policy), b, "feature", err);
		if (error)
			return error;
		if (b[ETHTOOL_A_BITSET_BIT_NAME] &&
		    !strcmp(nl_str(b[ETHTOOL_A_BITSET_BIT_NAME]), name))
			*ret = a[ETHTOOL_A_BITSET_NOMASK] || b[ETHTOOL_A_BITSET_BIT_VALUE]
				       ? FEATURE_ON
				       : FEATURE_OFF;
	}
	return 0;
}

int features_decode(const struct nlmsghdr *h, int *ret_ifindex,
		    enum switchdev_feature *ret_hw_tc_offload, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(features_policy)], *dev[ARRAY_SIZE(header_policy)];
	int error = nl_parse_msg(h, GENL_HDRLEN, features_policy, ARRAY_SIZE(features_policy), a,
				 "features", err);
	enum switchdev_feature found;

	if (!error)
		error = nl_parse_nested(a[ETHTOOL_A_FEATURES_HEADER], header_policy,
					ARRAY_SIZE(header_policy), dev, "features", err);
	if (!error)
		error = find_bit(a[ETHTOOL_A_FEATURES_ACTIVE], "hw-tc-offload", &found, err);
	if (error)
		return error;
	*ret_ifindex = nl_u32(dev[ETHTOOL_A_HEADER_DEV_INDEX]);
	*ret_hw_tc_offload = found;
	return 0;
}
