// SPDX-License-Identifier: Apache-2.0
// What the kernel says about a filter.
#include <linux/gen_stats.h>
#include <stdio.h>

#include "offload/tc/tc-private.h"

static const struct nl_policy filter_policy[TCA_CHAIN + 1] = {
	[TCA_KIND] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[TCA_OPTIONS] = { .type = MNL_TYPE_UNSPEC },
	[TCA_CHAIN] = { .type = MNL_TYPE_U32 },
};

static const struct nl_policy flower_policy[TCA_FLOWER_FLAGS + 1] = {
	[TCA_FLOWER_ACT] = { .type = MNL_TYPE_UNSPEC },
	[TCA_FLOWER_FLAGS] = { .type = MNL_TYPE_U32 },
};

static const struct nl_policy action_policy[TCA_ACT_COOKIE + 1] = {
	[TCA_ACT_KIND] = { .type = MNL_TYPE_NUL_STRING },
	[TCA_ACT_STATS] = { .type = MNL_TYPE_UNSPEC },
	[TCA_ACT_COOKIE] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nl_policy stats_policy[TCA_STATS_PKT64 + 1] = {
	[TCA_STATS_BASIC] = { .type = MNL_TYPE_UNSPEC, .min = 12 },
	[TCA_STATS_BASIC_HW] = { .type = MNL_TYPE_UNSPEC, .min = 12 },
	[TCA_STATS_QUEUE] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct gnet_stats_queue) },
	[TCA_STATS_PKT64] = { .type = MNL_TYPE_U64 },
};

static void read_basic(const struct nlattr *a, uint64_t *packets, uint64_t *bytes)
{
	struct gnet_stats_basic s = { 0 };

	if (!a)
		return;
	memcpy(&s, mnl_attr_get_payload(a), MIN(sizeof(s), nl_len(a)));
	*packets = s.packets;
	*bytes = s.bytes;
}

int tc_counts_read(const struct nlattr *nest, struct tc_counts *c, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(stats_policy)];
	struct gnet_stats_queue queue = { 0 };
	int error = nl_parse_nested(nest, stats_policy, ARRAY_SIZE(stats_policy), a,
				    "action statistics", err);

	if (error)
		return error;
	read_basic(a[TCA_STATS_BASIC], &c->packets, &c->bytes);
	read_basic(a[TCA_STATS_BASIC_HW], &c->hw_packets, &c->hw_bytes);
	if (a[TCA_STATS_QUEUE])
		memcpy(&queue, mnl_attr_get_payload(a[TCA_STATS_QUEUE]), sizeof(queue));
	c->dropped = queue.drops;
	if (a[TCA_STATS_PKT64])
		c->packets = nl_u64(a[TCA_STATS_PKT64]);
	return 0;
}

// 1: it is the filter's own. A meter is shared: its counts, and its cookie if it has one, tell of other filters, too.
static int decode_action(const struct nlattr *one, struct tc_filter *f, struct tc_counts *ret,
			 struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(action_policy)];
	int error =
		nl_parse_nested(one, action_policy, ARRAY_SIZE(action_policy), a, "action", err);

	if (error)
		return error;
	// Terse dumps do not show its number.
	if (a[TCA_ACT_KIND] && !strcmp(nl_str(a[TCA_ACT_KIND]), "police") && !a[TCA_ACT_COOKIE])
		return 0;
	if (!f->has_cookie && a[TCA_ACT_COOKIE] && nl_len(a[TCA_ACT_COOKIE]) == sizeof(f->cookie)) {
		memcpy(f->cookie, mnl_attr_get_payload(a[TCA_ACT_COOKIE]), sizeof(f->cookie));
		f->has_cookie = true;
	}
	error = a[TCA_ACT_STATS] ? tc_counts_read(a[TCA_ACT_STATS], ret, err) : 0;
	return error ? error : 1;
}

// The first action (behind a meter: what that lets through) sees every packet of software, as it came in. What hardware has counted, some kinds of action do not take
// (tunnel_key): one that does tells.
static int decode_actions(const struct nlattr *list, struct tc_filter *f, struct error *err)
{
	const struct nlattr *one;
	bool is_first = true;

	mnl_attr_for_each_nested(one, list)
	{
		struct tc_counts c = { 0 };
		int ret = decode_action(one, f, &c, err);

		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		if (is_first) {
			f->packets = c.packets - MIN(c.packets, c.hw_packets);
			f->bytes = c.bytes - MIN(c.bytes, c.hw_bytes);
			is_first = false;
		}
		if (c.hw_packets > f->hw_packets) {
			f->hw_packets = c.hw_packets;
			f->hw_bytes = c.hw_bytes;
		}
	}
	f->packets += f->hw_packets;
	f->bytes += f->hw_bytes;
	return 0;
}

// Of a matchall filter: its first action has the cookie.
static bool is_policing(const struct nlattr *options)
{
	static const struct nl_policy one[] = { { 0 }, { .type = MNL_TYPE_UNSPEC } };
	static const struct nl_policy list[TCA_MATCHALL_ACT + 1] = {
		[TCA_MATCHALL_ACT] = { .type = MNL_TYPE_UNSPEC },
	};
	static const struct nl_policy act[TCA_ACT_COOKIE + 1] = {
		[TCA_ACT_COOKIE] = { .type = MNL_TYPE_UNSPEC },
	};
	const size_t n = strlen(TC_POLICING_COOKIE);
	const struct nlattr *l[ARRAY_SIZE(list)], *o[ARRAY_SIZE(one)], *a[ARRAY_SIZE(act)];

	return !nl_parse_nested(options, list, ARRAY_SIZE(list), l, "matchall", NULL) &&
	       l[TCA_MATCHALL_ACT] &&
	       !nl_parse_nested(l[TCA_MATCHALL_ACT], one, ARRAY_SIZE(one), o, "actions", NULL) &&
	       o[1] && !nl_parse_nested(o[1], act, ARRAY_SIZE(act), a, "action", NULL) &&
	       a[TCA_ACT_COOKIE] && nl_len(a[TCA_ACT_COOKIE]) == n &&
	       !memcmp(mnl_attr_get_payload(a[TCA_ACT_COOKIE]), TC_POLICING_COOKIE, n);
}

bool tc_filter_decode(const struct nlmsghdr *h, struct tc_filter *ret, int *ret_error,
		      struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(filter_policy)], *o[ARRAY_SIZE(flower_policy)];
	struct tc_filter f = { 0 };
	int error;

	*ret_error = 0;
	if (h->nlmsg_type != RTM_NEWTFILTER && h->nlmsg_type != RTM_DELTFILTER)
		return false;
	error = nl_parse_msg(h, sizeof(struct tcmsg), filter_policy, ARRAY_SIZE(filter_policy), a,
			     "filter", err);
	if (!error) {
		const struct tcmsg *t = mnl_nlmsg_get_payload(h);

		if (!t->tcm_handle || !a[TCA_OPTIONS])
			return false;
		snprintf(f.kind, sizeof(f.kind), "%s", nl_str(a[TCA_KIND]));
		f.is_flower = !strcmp(f.kind, "flower");
		f.ifindex = t->tcm_ifindex;
		f.parent = t->tcm_parent;
		f.handle = t->tcm_handle;
		f.priority = t->tcm_info >> 16;
		f.protocol = t->tcm_info & UINT16_MAX;
		f.chain = nl_u32(a[TCA_CHAIN]);
		f.is_policing = !strcmp(f.kind, "matchall") && is_policing(a[TCA_OPTIONS]);
		if (f.is_flower)
			error = nl_parse_nested(a[TCA_OPTIONS], flower_policy,
						ARRAY_SIZE(flower_policy), o, "flower", err);
	}
	if (!error && f.is_flower) {
		f.match_print = tc_match_print(mnl_attr_get_payload(a[TCA_OPTIONS]),
					       nl_len(a[TCA_OPTIONS]));
		f.fingerprint = tc_fingerprint(mnl_attr_get_payload(a[TCA_OPTIONS]),
					       nl_len(a[TCA_OPTIONS]));
		f.flags = nl_u32(o[TCA_FLOWER_FLAGS]);
		f.options = a[TCA_OPTIONS];
		if (o[TCA_FLOWER_ACT])
			error = decode_actions(o[TCA_FLOWER_ACT], &f, err);
	}
	*ret_error = error;
	if (!error)
		*ret = f;
	return true;
}
