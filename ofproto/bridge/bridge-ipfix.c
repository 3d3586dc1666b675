// SPDX-License-Identifier: Apache-2.0
// Rows of Flow_Sample_Collector_Set and IPFIX into what is counted of a switch's packets.
#include "ofproto/bridge/vswitchd.h"

// One without targets counts for nobody.
static bool is_counted(const struct ovsrec_flow_sample_collector_set *row, const struct bridge *br)
{
	return row->bridge && uuid_equal(&row->bridge->row.uuid, &br->uuid) && row->ipfix &&
	       row->ipfix->n_targets;
}

static void add_set(struct sampling **s, const struct ovsrec_flow_sample_collector_set *row)
{
	size_t n = *s ? (*s)->n : 0;

	*s = xrealloc(*s, sizeof(**s) + (n + 1) * sizeof((*s)->sets[0]));
	(*s)->n = n + 1;
	(*s)->sets[n] = (struct sampling_set){
		.id = row->id,
		.tunnels = smap_get_bool(&row->ipfix->other_config, "enable-tunnel-sampling", true),
	};
}

void bridge_configure_ipfix(struct bridge *br, const struct ovsrec_bridge *row)
{
	const struct ovsrec_flow_sample_collector_set *set;
	struct sampling *s = NULL;

	OVSREC_FLOW_SAMPLE_COLLECTOR_SET_FOR_EACH (set, br->vs->idl)
		if (is_counted(set, br))
			add_set(&s, set);
	switch_set_sampling(br->sw, s);
	free(s);
}
