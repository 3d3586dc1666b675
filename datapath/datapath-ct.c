// SPDX-License-Identifier: Apache-2.0
// Connection tracking: whatever the datapath at hand has of it.
#include "datapath/provider.h"

static int unsupported(struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "%s", strerror(EOPNOTSUPP));
}

// The datapath's function, or the answer that it has none.
#define OP(DP, NAME) ((DP)->ops->ct ? (DP)->ops->ct->NAME : NULL)
#define CALL(DP, NAME, ...) (OP(DP, NAME) ? OP(DP, NAME)(__VA_ARGS__) : unsupported(err))

int datapath_ct_dump(struct datapath *dp, const uint16_t *zone, ct_entry_cb *cb, void *aux,
		     struct error *err)
{
	return CALL(dp, dump, dp, zone, cb, aux, err);
}

int datapath_ct_dump_expected(struct datapath *dp, const uint16_t *zone, ct_expected_cb *cb,
			      void *aux, struct error *err)
{
	return CALL(dp, dump_expected, dp, zone, cb, aux, err);
}

int datapath_ct_flush(struct datapath *dp, const struct ct_match *m, struct error *err)
{
	return CALL(dp, flush, dp, m, err);
}

int datapath_ct_get_limits(struct datapath *dp, const uint16_t zones[], size_t n,
			   struct ct_limits *ret, struct error *err)
{
	return CALL(dp, get_limits, dp, zones, n, ret, err);
}

int datapath_ct_set_limits(struct datapath *dp, const struct ct_limits *limits, struct error *err)
{
	return CALL(dp, set_limits, dp, limits, err);
}

int datapath_ct_del_limits(struct datapath *dp, const uint16_t zones[], size_t n, struct error *err)
{
	return CALL(dp, del_limits, dp, zones, n, err);
}

int datapath_ct_set_timeouts(struct datapath *dp, uint32_t id, const struct ct_timeouts *t,
			     struct error *err)
{
	return CALL(dp, set_timeouts, dp, id, t, err);
}

int datapath_ct_del_timeouts(struct datapath *dp, uint32_t id, struct error *err)
{
	return CALL(dp, del_timeouts, dp, id, err);
}

int datapath_ct_dump_timeouts(struct datapath *dp, void (*cb)(uint32_t id, void *aux), void *aux,
			      struct error *err)
{
	return CALL(dp, dump_timeouts, dp, cb, aux, err);
}

int datapath_ct_zone_timeouts(struct datapath *dp, uint16_t zone, const uint32_t *id,
			      struct error *err)
{
	return CALL(dp, zone_timeouts, dp, zone, id, err);
}

bool datapath_ct_timeout_name(struct datapath *dp, uint16_t zone, be16 dl_type, uint8_t nw_proto,
			      char ret[DATAPATH_CT_TIMEOUT_LEN])
{
	return OP(dp, timeout_name) && OP(dp, timeout_name)(dp, zone, dl_type, nw_proto, ret);
}

int datapath_ct_get(struct datapath *dp, enum ct_setting s, uint64_t *ret, struct error *err)
{
	return CALL(dp, get, dp, s, ret, err);
}

int datapath_ct_set(struct datapath *dp, enum ct_setting s, uint64_t value, struct error *err)
{
	return CALL(dp, set, dp, s, value, err);
}
