// SPDX-License-Identifier: Apache-2.0
// What the facts about an mlx5 device mean for flows.
#include "offload/switchdev/mlx5.h"

static const struct {
	const char *name, *value, *what, *remedy;
} findings[] = {
	{ "mlx5_eswitch_manager", "0",
	  "this function does not manage the NIC's eSwitch: no flow is offloaded",
	  "use the physical function that the firmware lets manage it (mlxconfig: "
	  "ECPF_ESWITCH_MANAGER)" },
	{ "mlx5_flow_counters", "0",
	  "the firmware has no counters for flows of the eSwitch: no flow is offloaded",
	  "update the firmware" },
	{ "mlx5_flow_meters", "0", "the NIC has no meters: flows with one are not offloaded", "" },
	{ "mlx5_vxlan", "0",
	  "the firmware does not open or make tunnels in the eSwitch: no tunnel is offloaded",
	  "devlink dev eswitch set DEVICE encap-mode basic, or update the firmware" },
	{ "mlx5_merged_eswitch", "0",
	  "the NIC's ports are two eSwitches: flows from one to the other run in software",
	  "bond the uplinks, or update the firmware" },
};

void mlx5_findings(const struct smap *facts,
		   void (*cb)(const char *what, const char *remedy, void *aux), void *aux)
{
	for (size_t i = 0; i < ARRAY_SIZE(findings); i++)
		if (!strcmp(smap_get_def(facts, findings[i].name, ""), findings[i].value))
			cb(findings[i].what, findings[i].remedy, aux);
}
