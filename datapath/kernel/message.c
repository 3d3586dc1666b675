// SPDX-License-Identifier: Apache-2.0
#include "datapath/kernel/message.h"

#include <time.h>

enum { HEADER = GENL_HDRLEN + sizeof(struct ovs_header) };

size_t message_begin(struct strbuf *b, const struct genl_family *family, uint8_t cmd,
		     uint16_t flags, uint32_t dp_ifindex)
{
	size_t m = genl_begin(b, family, cmd, flags);
	struct ovs_header *o = nl_put_header(b, sizeof(*o));

	o->dp_ifindex = dp_ifindex;
	return m;
}

static uint32_t dp_ifindex(const struct nlmsghdr *h)
{
	const uint8_t *p = mnl_nlmsg_get_payload(h);
	struct ovs_header o;

	memcpy(&o, p + GENL_HDRLEN, sizeof(o));
	return o.dp_ifindex;
}

static void copy(void *dst, const struct nlattr *a, size_t n)
{
	if (a)
		memcpy(dst, mnl_attr_get_payload(a), n);
}

int upcall_message_decode(const struct nlmsghdr *h, struct upcall_message *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_PACKET_ATTR_HASH + 1] = {
		[OVS_PACKET_ATTR_PACKET] = { .type = MNL_TYPE_UNSPEC, .required = true },
		[OVS_PACKET_ATTR_KEY] = { .type = MNL_TYPE_UNSPEC, .required = true },
		[OVS_PACKET_ATTR_USERDATA] = { .type = MNL_TYPE_UNSPEC },
		[OVS_PACKET_ATTR_MRU] = { .type = MNL_TYPE_U16 },
		[OVS_PACKET_ATTR_LEN] = { .type = MNL_TYPE_U32 },
		[OVS_PACKET_ATTR_HASH] = { .min = 8, .max = 8 },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_msg(h, HEADER, policy, ARRAY_SIZE(policy), a, "upcall", err);

	if (error)
		return error;
	*ret = (struct upcall_message){
		.cmd = genl_cmd(h),
		.dp_ifindex = dp_ifindex(h),
		.packet = mnl_attr_get_payload(a[OVS_PACKET_ATTR_PACKET]),
		.n = nl_len(a[OVS_PACKET_ATTR_PACKET]),
		.key = a[OVS_PACKET_ATTR_KEY],
		.userdata = a[OVS_PACKET_ATTR_USERDATA],
		.mru = nl_u16(a[OVS_PACKET_ATTR_MRU]),
		.hash = nl_u64(a[OVS_PACKET_ATTR_HASH]),
	};
	ret->len = a[OVS_PACKET_ATTR_LEN] ? nl_u32(a[OVS_PACKET_ATTR_LEN]) : ret->n;
	return 0;
}

int vport_message_decode(const struct nlmsghdr *h, struct vport_message *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_VPORT_ATTR_IFINDEX + 1] = {
		[OVS_VPORT_ATTR_PORT_NO] = { .type = MNL_TYPE_U32, .required = true },
		[OVS_VPORT_ATTR_TYPE] = { .type = MNL_TYPE_U32, .required = true },
		[OVS_VPORT_ATTR_NAME] = { .type = MNL_TYPE_NUL_STRING, .required = true },
		[OVS_VPORT_ATTR_STATS] = { .min = sizeof(struct ovs_vport_stats) },
		[OVS_VPORT_ATTR_IFINDEX] = { .type = MNL_TYPE_U32 },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_msg(h, HEADER, policy, ARRAY_SIZE(policy), a, "vport", err);

	if (error)
		return error;
	*ret = (struct vport_message){
		.dp_ifindex = dp_ifindex(h),
		.number = nl_u32(a[OVS_VPORT_ATTR_PORT_NO]),
		.type = nl_u32(a[OVS_VPORT_ATTR_TYPE]),
		.name = nl_str(a[OVS_VPORT_ATTR_NAME]),
		.ifindex = nl_u32(a[OVS_VPORT_ATTR_IFINDEX]),
	};
	copy(&ret->stats, a[OVS_VPORT_ATTR_STATS], sizeof(ret->stats));
	return 0;
}

int flow_message_decode(const struct nlmsghdr *h, struct flow_message *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_FLOW_ATTR_UFID + 1] = {
		[OVS_FLOW_ATTR_KEY] = { .type = MNL_TYPE_UNSPEC },
		[OVS_FLOW_ATTR_ACTIONS] = { .type = MNL_TYPE_UNSPEC },
		[OVS_FLOW_ATTR_MASK] = { .type = MNL_TYPE_UNSPEC },
		[OVS_FLOW_ATTR_STATS] = { .min = sizeof(struct ovs_flow_stats) },
		[OVS_FLOW_ATTR_TCP_FLAGS] = { .type = MNL_TYPE_U8 },
		[OVS_FLOW_ATTR_USED] = { .type = MNL_TYPE_U64 },
		[OVS_FLOW_ATTR_UFID] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)], *ufid;
	int error = nl_parse_msg(h, HEADER, policy, ARRAY_SIZE(policy), a, "flow", err);
	struct ovs_flow_stats stats = { 0 };

	if (error)
		return error;
	ufid = a[OVS_FLOW_ATTR_UFID];
	if (!ufid && !a[OVS_FLOW_ATTR_KEY])
		return error_set(err, -EPROTO, "flow: neither its UFID nor its key is there");
	copy(&stats, a[OVS_FLOW_ATTR_STATS], sizeof(stats));
	*ret = (struct flow_message){ .dp_ifindex = dp_ifindex(h),
				      .id = ufid ? ufid : a[OVS_FLOW_ATTR_KEY],
				      .packets = stats.n_packets,
				      .bytes = stats.n_bytes,
				      .used = nl_u64(a[OVS_FLOW_ATTR_USED]),
				      .tcp_flags = nl_u8(a[OVS_FLOW_ATTR_TCP_FLAGS]),
				      .key = a[OVS_FLOW_ATTR_KEY],
				      .mask = a[OVS_FLOW_ATTR_MASK],
				      .actions = a[OVS_FLOW_ATTR_ACTIONS] };
	// Others may use identifiers of other lengths (1 to 16 bytes).
	if (ufid && nl_len(ufid) == sizeof(ret->ufid)) {
		ret->has_ufid = true;
		copy(&ret->ufid, ufid, sizeof(ret->ufid));
	}
	return 0;
}

uint64_t kernel_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

int64_t flow_message_used(const struct flow_message *m, int64_t now, uint64_t kernel_now)
{
	return m->used ? now - (int64_t)(kernel_now - MIN(m->used, kernel_now)) : 0;
}

int dp_message_decode(const struct nlmsghdr *h, struct dp_message *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_DP_ATTR_MASKS_CACHE_SIZE + 1] = {
		[OVS_DP_ATTR_NAME] = { .type = MNL_TYPE_NUL_STRING, .required = true },
		[OVS_DP_ATTR_STATS] = { .min = sizeof(struct ovs_dp_stats) },
		[OVS_DP_ATTR_MEGAFLOW_STATS] = { .min = sizeof(struct ovs_dp_megaflow_stats) },
		[OVS_DP_ATTR_USER_FEATURES] = { .type = MNL_TYPE_U32 },
		[OVS_DP_ATTR_MASKS_CACHE_SIZE] = { .type = MNL_TYPE_U32 },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_msg(h, HEADER, policy, ARRAY_SIZE(policy), a, "datapath", err);

	if (error)
		return error;
	*ret = (struct dp_message){ .ifindex = dp_ifindex(h),
				    .user_features = nl_u32(a[OVS_DP_ATTR_USER_FEATURES]),
				    .name = nl_str(a[OVS_DP_ATTR_NAME]),
				    .has_masks_cache = a[OVS_DP_ATTR_MASKS_CACHE_SIZE],
				    .masks_cache_size = nl_u32(a[OVS_DP_ATTR_MASKS_CACHE_SIZE]) };
	copy(&ret->stats, a[OVS_DP_ATTR_STATS], sizeof(ret->stats));
	copy(&ret->megaflow_stats, a[OVS_DP_ATTR_MEGAFLOW_STATS], sizeof(ret->megaflow_stats));
	return 0;
}

// ---- Meters ----

static struct meter_count count_of(const struct nlattr *a)
{
	struct ovs_flow_stats stats;

	if (!a)
		return (struct meter_count){ UINT64_MAX, UINT64_MAX };
	memcpy(&stats, mnl_attr_get_payload(a), sizeof(stats));
	return (struct meter_count){ stats.n_packets, stats.n_bytes };
}

static int parse_bands(const struct nlattr *bands, struct meter_message *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_BAND_ATTR_MAX + 1] = {
		[OVS_BAND_ATTR_STATS] = { .min = sizeof(struct ovs_flow_stats) },
	};
	const struct nlattr *band;

	mnl_attr_for_each_nested(band, bands)
	{
		const struct nlattr *a[ARRAY_SIZE(policy)];
		int error = nl_parse_nested(band, policy, ARRAY_SIZE(policy), a, "band", err);

		if (error)
			return error;
		if (ret->n_bands == METER_MAX_BANDS)
			return error_set(err, -EPROTO, "meter %u has too many bands", ret->id);
		ret->bands[ret->n_bands++] = count_of(a[OVS_BAND_ATTR_STATS]);
	}
	return 0;
}

int meter_message_decode(const struct nlmsghdr *h, struct meter_message *ret, struct error *err)
{
	static const struct nl_policy policy[OVS_METER_ATTR_BANDS + 1] = {
		[OVS_METER_ATTR_ID] = { .type = MNL_TYPE_U32, .required = true },
		[OVS_METER_ATTR_STATS] = { .min = sizeof(struct ovs_flow_stats) },
		[OVS_METER_ATTR_BANDS] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_msg(h, HEADER, policy, ARRAY_SIZE(policy), a, "meter", err);

	if (error)
		return error;
	memset(ret, 0, sizeof(*ret));
	ret->id = nl_u32(a[OVS_METER_ATTR_ID]);
	ret->in = count_of(a[OVS_METER_ATTR_STATS]);
	return a[OVS_METER_ATTR_BANDS] ? parse_bands(a[OVS_METER_ATTR_BANDS], ret, err) : 0;
}

int meter_features_message_decode(const struct nlmsghdr *h, struct meter_features *ret,
				  struct error *err)
{
	static const struct nl_policy policy[OVS_METER_ATTR_MAX + 1] = {
		[OVS_METER_ATTR_MAX_METERS] = { .type = MNL_TYPE_U32, .required = true },
		[OVS_METER_ATTR_MAX_BANDS] = { .type = MNL_TYPE_U32, .required = true },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_msg(h, HEADER, policy, ARRAY_SIZE(policy), a, "meters", err);
	uint32_t bands;

	if (error)
		return error;
	bands = nl_u32(a[OVS_METER_ATTR_MAX_BANDS]);
	*ret = (struct meter_features){
		.max_meters = nl_u32(a[OVS_METER_ATTR_MAX_METERS]),
		.band_types = 1u << METER_DROP,
		.flags = METER_FLAGS,
		.max_bands = MIN(bands, (uint32_t)METER_MAX_BANDS),
	};
	return 0;
}
