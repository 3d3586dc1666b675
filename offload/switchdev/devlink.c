// SPDX-License-Identifier: Apache-2.0
// What devlink says about ports and eSwitches.
#include <stdio.h>

#include "offload/switchdev/switchdev-private.h"

#define POLICY_MAX DEVLINK_ATTR_PORT_PCI_SF_NUMBER

static const struct nl_policy policy[POLICY_MAX + 1] = {
	[DEVLINK_ATTR_BUS_NAME] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[DEVLINK_ATTR_DEV_NAME] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[DEVLINK_ATTR_PORT_INDEX] = { .type = MNL_TYPE_U32 },
	[DEVLINK_ATTR_PORT_NETDEV_IFINDEX] = { .type = MNL_TYPE_U32 },
	[DEVLINK_ATTR_ESWITCH_MODE] = { .type = MNL_TYPE_U16 },
	[DEVLINK_ATTR_ESWITCH_INLINE_MODE] = { .type = MNL_TYPE_U8 },
	[DEVLINK_ATTR_ESWITCH_ENCAP_MODE] = { .type = MNL_TYPE_U8 },
	[DEVLINK_ATTR_PORT_FLAVOUR] = { .type = MNL_TYPE_U16 },
	[DEVLINK_ATTR_PORT_NUMBER] = { .type = MNL_TYPE_U32 },
	[DEVLINK_ATTR_PORT_PCI_PF_NUMBER] = { .type = MNL_TYPE_U16 },
	[DEVLINK_ATTR_PORT_PCI_VF_NUMBER] = { .type = MNL_TYPE_U16 },
	[DEVLINK_ATTR_PORT_EXTERNAL] = { .type = MNL_TYPE_U8 },
	[DEVLINK_ATTR_PORT_CONTROLLER_NUMBER] = { .type = MNL_TYPE_U32 },
	[DEVLINK_ATTR_PORT_PCI_SF_NUMBER] = { .type = MNL_TYPE_U32 },
};

static int parse(const struct nlmsghdr *h, const struct nlattr *a[], char handle[64],
		 struct error *err)
{
	int error = nl_parse_msg(h, GENL_HDRLEN, policy, ARRAY_SIZE(policy), a, "devlink", err);

	if (error)
		return error;
	if (snprintf(handle, 64, "%s/%s", nl_str(a[DEVLINK_ATTR_BUS_NAME]),
		     nl_str(a[DEVLINK_ATTR_DEV_NAME])) >= 64)
		return error_set(err, -EPROTO, "devlink: a handle longer than 63 bytes");
	return 0;
}

int devlink_handle_decode(const struct nlmsghdr *h, char handle[64], struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(policy)];

	return parse(h, a, handle, err);
}

static struct switchdev_function function_of(int flavour, const struct nlattr *a[])
{
	struct switchdev_function f = {
		.controller = nl_u32(a[DEVLINK_ATTR_PORT_CONTROLLER_NUMBER]),
		.pf = nl_u16(a[DEVLINK_ATTR_PORT_PCI_PF_NUMBER]),
	};

	switch (flavour) {
	case DEVLINK_PORT_FLAVOUR_PHYSICAL:
		f.role = SWITCHDEV_UPLINK;
		f.number = nl_u32(a[DEVLINK_ATTR_PORT_NUMBER]);
		break;
	case DEVLINK_PORT_FLAVOUR_PCI_PF:
		f.role = SWITCHDEV_PF;
		break;
	case DEVLINK_PORT_FLAVOUR_PCI_VF:
		f.role = SWITCHDEV_VF;
		f.number = nl_u16(a[DEVLINK_ATTR_PORT_PCI_VF_NUMBER]);
		break;
	case DEVLINK_PORT_FLAVOUR_PCI_SF:
		f.role = SWITCHDEV_SF;
		f.number = nl_u32(a[DEVLINK_ATTR_PORT_PCI_SF_NUMBER]);
		break;
	case DEVLINK_PORT_FLAVOUR_VIRTUAL: // the function itself, not its representor
	case DEVLINK_PORT_FLAVOUR_UNUSED:
		break;
	default:
		f.role = SWITCHDEV_OTHER;
	}
	return f;
}

int devlink_port_decode(const struct nlmsghdr *h, struct devlink_port *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(policy)];
	struct devlink_port p = { .flavour = -1 };
	int error = parse(h, a, p.handle, err);

	if (error)
		return error;
	if (!a[DEVLINK_ATTR_PORT_INDEX])
		return error_set(err, -EPROTO, "devlink: a port of %s without its index", p.handle);
	p.index = nl_u32(a[DEVLINK_ATTR_PORT_INDEX]);
	p.ifindex = nl_u32(a[DEVLINK_ATTR_PORT_NETDEV_IFINDEX]);
	p.is_external = nl_u8(a[DEVLINK_ATTR_PORT_EXTERNAL]);
	if (a[DEVLINK_ATTR_PORT_FLAVOUR])
		p.flavour = nl_u16(a[DEVLINK_ATTR_PORT_FLAVOUR]);
	p.function = function_of(p.flavour, a);
	*ret = p;
	return 0;
}

int devlink_eswitch_decode(const struct nlmsghdr *h, struct switchdev_eswitch *ret,
			   struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(policy)];
	struct switchdev_eswitch e = { .mode = -1, .inline_mode = -1, .encap_mode = -1 };
	int error = parse(h, a, e.handle, err);

	if (error)
		return error;
	if (a[DEVLINK_ATTR_ESWITCH_MODE])
		e.mode = nl_u16(a[DEVLINK_ATTR_ESWITCH_MODE]);
	if (a[DEVLINK_ATTR_ESWITCH_INLINE_MODE])
		e.inline_mode = nl_u8(a[DEVLINK_ATTR_ESWITCH_INLINE_MODE]);
	if (a[DEVLINK_ATTR_ESWITCH_ENCAP_MODE])
		e.encap_mode = nl_u8(a[DEVLINK_ATTR_ESWITCH_ENCAP_MODE]);
	*ret = e;
	return 0;
}
