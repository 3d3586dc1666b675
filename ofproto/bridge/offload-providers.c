// SPDX-License-Identifier: Apache-2.0
// other_config:hw-offload-priority: which of the offload providers that Open vSwitch knows ("tc", "dpdk") may have the flows of a
// port. A datapath has one provider here, so that the order says nothing; names of others are ignored.
#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(offload_providers);

static bool lists(const char *list, const char *provider)
{
	AUTO_FREE char *copy = xstrdup(list);
	char *save;

	for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save))
		if (!strcmp(word, provider))
			return true;
	return false;
}

// An interface's own list, where there is one, goes before that of the switch. "none" names no provider.
bool offload_port_is_excluded(const struct plane *pl, const struct ovsrec_interface *iface)
{
	const char *list = iface ? smap_get(&iface->other_config, "hw-offload-priority") : NULL;

	if (!list)
		list = pl->vs->offload_providers;
	return list && !lists(list, strcmp(pl->type, "system") ? "dpdk" : "tc");
}

void offload_providers_configure(struct vswitchd *vs, const struct smap *oc)
{
	const char *list = smap_get(oc, "hw-offload-priority"), *old = vs->offload_providers;
	struct plane *pl;

	if (list ? old && !strcmp(list, old) : !old)
		return;
	if (list && !lists(list, "tc") && !lists(list, "dpdk"))
		log_warn("other_config:hw-offload-priority=%s: no provider that there is: no flow "
			 "goes to hardware",
			 list);
	free(vs->offload_providers);
	vs->offload_providers = list ? xstrdup(list) : NULL;
	PLANE_FOR_EACH(pl, vs)
	bridge_tunnels_identify(pl);
}
