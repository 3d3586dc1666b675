// SPDX-License-Identifier: Apache-2.0
// Limits of connections by zone: the kernel's generic netlink family ovs_ct_limit.
//
// An attribute holds rows of struct ovs_zone_limit, one behind the other; the one of zone -1 is the default.
#include "datapath/kernel/ct-message.h"
#include "datapath/kernel/kernel.h"

// ---- Messages ----

static void put_row(struct strbuf *b, int zone, uint32_t limit)
{
	struct ovs_zone_limit row = { .zone_id = zone, .limit = limit };

	strbuf_put(b, &row, sizeof(row));
}

static int put_rows(struct strbuf *b, const struct ct_limits *l)
{
	size_t nest = nl_nest_begin(b, OVS_CT_LIMIT_ATTR_ZONE_LIMIT);
	const struct ct_zone_limit *z;

	if (l->has_default)
		put_row(b, OVS_ZONE_LIMIT_DEFAULT_ZONE, l->default_limit);
	VEC_FOR_EACH (z, &l->zones)
		put_row(b, z->zone, z->limit);
	return nl_nest_end(b, nest);
}

int ct_limits_decode(const struct nlmsghdr *h, struct ct_limits *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_CT_LIMIT_ATTR_ZONE_LIMIT + 1] = {
		[OVS_CT_LIMIT_ATTR_ZONE_LIMIT] = { .type = MNL_TYPE_UNSPEC, .required = true },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_msg(h, GENL_HDRLEN + sizeof(struct ovs_header), policy,
				 ARRAY_SIZE(policy), a, "limits", err);
	const uint8_t *p;
	size_t n;

	if (error)
		return error;
	p = mnl_attr_get_payload(a[OVS_CT_LIMIT_ATTR_ZONE_LIMIT]);
	n = nl_len(a[OVS_CT_LIMIT_ATTR_ZONE_LIMIT]);
	for (; n >= sizeof(struct ovs_zone_limit);
	     p += sizeof(struct ovs_zone_limit), n -= sizeof(struct ovs_zone_limit)) {
		struct ovs_zone_limit row;

		memcpy(&row, p, sizeof(row));
		if (row.zone_id == OVS_ZONE_LIMIT_DEFAULT_ZONE) {
			ret->has_default = true;
			ret->default_limit = row.limit;
		} else if (row.zone_id < 0 || row.zone_id > UINT16_MAX) {
			return error_set(err, -EPROTO, "limits: there is no zone %d", row.zone_id);
		} else {
			VEC_PUSH(&ret->zones,
				 ((struct ct_zone_limit){ row.zone_id, row.limit, row.count }));
		}
	}
	return n ? error_set(err, -EPROTO, "limits: %zu bytes behind the last row", n) : 0;
}

// ---- Requests ----

static int request(struct kernel_datapath *dp, uint8_t cmd, const struct ct_limits *rows,
		   struct strbuf *reply, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	int error = 0;
	size_t m;

	// Kernels have it by configuration.
	if (!dp->has_ct_limit)
		return error_set(err, -EOPNOTSUPP, "the kernel does not limit connections");
	m = kernel_begin(dp, &msg, &dp->families.ct_limit, cmd, reply ? NLM_F_ECHO : 0);
	if (rows)
		error = put_rows(&msg, rows);
	nl_msg_end(&msg, m);
	return error ? error_set(err, error, "too many zones")
		     : kernel_request(dp, &msg, reply, err);
}

static void zones_only(const uint16_t zones[], size_t n, struct ct_limits *ret)
{
	for (size_t i = 0; i < n; i++)
		VEC_PUSH(&ret->zones, ((struct ct_zone_limit){ .zone = zones[i] }));
}

int kernel_ct_get_limits(struct datapath *base, const uint16_t zones[], size_t n,
			 struct ct_limits *ret, struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct ct_limits rows = { 0 }, found = { 0 };
	int error;

	// The default is told with all zones, and must be asked for with some.
	rows.has_default = true;
	zones_only(zones, n, &rows);
	error = request(kernel_datapath(base), OVS_CT_LIMIT_CMD_GET, n ? &rows : NULL, &reply, err);
	if (!error && !reply.len)
		error = error_set(err, -EPROTO, "limits: no answer");
	if (!error)
		error = ct_limits_decode((const struct nlmsghdr *)reply.s, &found, err);
	ct_limits_uninit(&rows);
	if (error)
		ct_limits_uninit(&found);
	else
		*ret = found;
	return error;
}

int kernel_ct_set_limits(struct datapath *base, const struct ct_limits *limits, struct error *err)
{
	return request(kernel_datapath(base), OVS_CT_LIMIT_CMD_SET, limits, NULL, err);
}

int kernel_ct_del_limits(struct datapath *base, const uint16_t zones[], size_t n, struct error *err)
{
	struct ct_limits rows = { 0 };
	int error;

	zones_only(zones, n, &rows);
	error = request(kernel_datapath(base), OVS_CT_LIMIT_CMD_DEL, &rows, NULL, err);
	ct_limits_uninit(&rows);
	return error;
}
