// SPDX-License-Identifier: Apache-2.0
// Meters: whatever the datapath at hand has of them.
#include "datapath/provider.h"

void datapath_meter_features(struct datapath *dp, struct meter_features *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (dp->ops->meters)
		dp->ops->meters->features(dp, ret);
}

int datapath_meter_set(struct datapath *dp, const struct meter_config *config, uint32_t *id,
		       struct error *err)
{
	if (!dp->ops->meters)
		return error_set(err, -EOPNOTSUPP, "the datapath has no meters");
	return dp->ops->meters->set(dp, config, id, err);
}

int datapath_meter_get(struct datapath *dp, uint32_t id, struct meter_stats *ret, struct error *err)
{
	return dp->ops->meters->get(dp, id, ret, err);
}

void datapath_meter_del(struct datapath *dp, uint32_t id)
{
	dp->ops->meters->del(dp, id);
}
