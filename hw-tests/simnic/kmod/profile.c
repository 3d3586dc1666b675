// SPDX-License-Identifier: GPL-2.0
// Models of NIC: what TC drivers of known families take, seen from outside. They seed tests; real devices are probed.
#include "hw-tests/simnic/kmod/simnic.h"

#define K(ID) BIT_ULL(FLOW_DISSECTOR_KEY_##ID)
#define A(ID) BIT_ULL(FLOW_ACTION_##ID)

static const struct sn_profile profiles[] = {
	{ .name = "all", .max_actions = SN_MAX_ACTIONS },
	{
		.name = "cx5",
		.no_keys = K(NUM_OF_VLANS) | K(PPPOE) | K(L2TPV3) | K(ARP),
		.no_actions = A(VLAN_PUSH_ETH) | A(VLAN_POP_ETH) | A(MPLS_MANGLE),
		.no_police_mtu = true,
		.max_actions = 16,
	},
	{
		.name = "cx6dx",
		.no_keys = K(NUM_OF_VLANS) | K(PPPOE) | K(L2TPV3) | K(ARP),
		.no_actions = A(MPLS_MANGLE),
		.no_police_mtu = true,
		.max_actions = SN_MAX_ACTIONS,
	},
	{
		.name = "e810",
		.no_keys = K(CONTROL) | K(TCP) | K(CT) | K(MPLS) | K(ARP) | K(ICMP) | K(ENC_OPTS) |
			   K(NUM_OF_VLANS),
		.no_actions = A(VLAN_PUSH) | A(VLAN_POP) | A(VLAN_MANGLE) | A(VLAN_PUSH_ETH) |
			      A(VLAN_POP_ETH) | A(MANGLE) | A(ADD) | A(CSUM) | A(POLICE) |
			      A(SAMPLE) | A(MIRRED) | A(CT) | A(MPLS_PUSH) | A(MPLS_POP) |
			      A(MPLS_MANGLE),
		.no_chains = true,
		.no_stats = true,
		.max_actions = 2,
	},
};

const struct sn_profile *sn_profile_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(profiles); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}
