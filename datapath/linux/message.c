// SPDX-License-Identifier: Apache-2.0
// Messages of the kernel's traffic control, checked before they are believed.
#include <linux/gen_stats.h>
#include <stdio.h>

#include "core/netlink/tc.h"
#include "datapath/linux/police.h"
#include "datapath/linux/traffic-private.h"

static const struct nl_policy tca_policy[TCA_MAX + 1] = {
	[TCA_KIND] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[TCA_OPTIONS] = { .type = MNL_TYPE_UNSPEC },
	[TCA_STATS2] = { .type = MNL_TYPE_UNSPEC },
	[TCA_CHAIN] = { .type = MNL_TYPE_U32 },
};

// ---- Disciplines ----

int tc_qdisc_decode(const struct nlmsghdr *h, struct tc_qdisc *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(tca_policy)];
	const struct tcmsg *t;
	int error;

	if (h->nlmsg_type != RTM_NEWQDISC)
		return error_set(err, -EPROTO, "qdisc: message of type %u", h->nlmsg_type);
	error = nl_parse_msg(h, sizeof(*t), tca_policy, ARRAY_SIZE(tca_policy), a, "qdisc", err);
	if (error)
		return error;
	t = mnl_nlmsg_get_payload(h);
	memset(ret, 0, sizeof(*ret));
	ret->handle = t->tcm_handle;
	snprintf(ret->kind, sizeof(ret->kind), "%s", nl_str(a[TCA_KIND]));
	ret->options = a[TCA_OPTIONS];
	return 0;
}

// ---- Classes ----

static const struct nl_policy stats_policy[TCA_STATS_MAX + 1] = {
	[TCA_STATS_BASIC] = { .type = MNL_TYPE_UNSPEC, .min = 12 },
	[TCA_STATS_QUEUE] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct gnet_stats_queue) },
	[TCA_STATS_PKT64] = { .type = MNL_TYPE_U64 },
};

static int decode_stats(const struct nlattr *nest, struct qos_queue_stats *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(stats_policy)];
	struct gnet_stats_basic basic = { 0 };
	struct gnet_stats_queue queue;
	int error = nl_parse_nested(nest, stats_policy, ARRAY_SIZE(stats_policy), a,
				    "statistics of a class", err);

	if (error)
		return error;
	if (a[TCA_STATS_BASIC]) {
		memcpy(&basic, mnl_attr_get_payload(a[TCA_STATS_BASIC]), 12);
		ret->tx_bytes = basic.bytes;
		ret->tx_packets = a[TCA_STATS_PKT64] ? nl_u64(a[TCA_STATS_PKT64]) : basic.packets;
	}
	if (a[TCA_STATS_QUEUE]) {
		memcpy(&queue, mnl_attr_get_payload(a[TCA_STATS_QUEUE]), sizeof(queue));
		ret->tx_errors = queue.drops;
	}
	return 0;
}

int tc_class_decode(const struct nlmsghdr *h, const struct qos_kind *kind, struct tc_class *ret,
		    struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(tca_policy)];
	const struct tcmsg *t;
	int error;

	if (h->nlmsg_type != RTM_NEWTCLASS)
		return error_set(err, -EPROTO, "class: message of type %u", h->nlmsg_type);
	error = nl_parse_msg(h, sizeof(*t), tca_policy, ARRAY_SIZE(tca_policy), a, "class", err);
	if (error)
		return error;
	t = mnl_nlmsg_get_payload(h);
	memset(ret, 0, sizeof(*ret));
	ret->id = t->tcm_handle;
	ret->stats = (struct qos_queue_stats){ UINT64_MAX, UINT64_MAX, UINT64_MAX, INT64_MIN };
	if (a[TCA_STATS2])
		error = decode_stats(a[TCA_STATS2], &ret->stats, err);
	// The class that stands for a whole discipline of linux-hfsc has none.
	if (!error && a[TCA_OPTIONS] && kind->classes)
		error = kind->classes->get(a[TCA_OPTIONS], ret, err);
	return error;
}

// ---- Policing ----

static const struct nl_policy matchall_policy[TCA_MATCHALL_MAX + 1] = {
	[TCA_MATCHALL_ACT] = { .type = MNL_TYPE_UNSPEC },
	[TCA_MATCHALL_FLAGS] = { .type = MNL_TYPE_U32 },
};

static const struct nl_policy act_policy[TCA_ACT_MAX + 1] = {
	[TCA_ACT_KIND] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[TCA_ACT_OPTIONS] = { .type = MNL_TYPE_UNSPEC },
	[TCA_ACT_COOKIE] = { .type = MNL_TYPE_UNSPEC },
};

// What of an action list policing can be; anything else makes it somebody else's.
static int decode_action(const struct nlattr *nest, struct tc_policing *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(act_policy)], *cookie;
	int error = nl_parse_nested(nest, act_policy, ARRAY_SIZE(act_policy), a, "action", err);

	if (error)
		return error;
	cookie = a[TCA_ACT_COOKIE];
	ret->is_ours &= cookie && nl_len(cookie) == sizeof(TC_POLICING_COOKIE) - 1 &&
			!memcmp(mnl_attr_get_payload(cookie), TC_POLICING_COOKIE,
				sizeof(TC_POLICING_COOKIE) - 1);
	if (strcmp(nl_str(a[TCA_ACT_KIND]), "police") || !a[TCA_ACT_OPTIONS] ||
	    ret->n_actions == ARRAY_SIZE(ret->actions)) {
		ret->is_police = false;
		return 0;
	}
	return tc_policer_read(a[TCA_ACT_OPTIONS], &ret->actions[ret->n_actions++], err);
}

static int decode_matchall(const struct nlattr *options, struct tc_policing *ret, struct error *err)
{
	static const struct nl_policy list_policy[TCA_ACT_MAX_PRIO + 1] = {
		[1 ... TCA_ACT_MAX_PRIO] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(matchall_policy)], *acts[ARRAY_SIZE(list_policy)];
	int error = nl_parse_nested(options, matchall_policy, ARRAY_SIZE(matchall_policy), a,
				    "matchall", err);

	if (error || !a[TCA_MATCHALL_ACT])
		return error;
	ret->in_hw = nl_u32(a[TCA_MATCHALL_FLAGS]) & TCA_CLS_FLAGS_IN_HW;
	ret->is_police = ret->is_ours = true;
	error = nl_parse_nested(a[TCA_MATCHALL_ACT], list_policy, ARRAY_SIZE(list_policy), acts,
				"actions", err);
	for (size_t i = 1; !error && i < ARRAY_SIZE(acts); i++)
		if (acts[i])
			error = decode_action(acts[i], ret, err);
	ret->is_police &= ret->n_actions > 0;
	ret->is_ours &= ret->is_police;
	return error;
}

int tc_policing_decode(const struct nlmsghdr *h, struct tc_policing *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(tca_policy)];
	const struct tcmsg *t;
	int error;

	if (h->nlmsg_type != RTM_NEWTFILTER)
		return error_set(err, -EPROTO, "filter: message of type %u", h->nlmsg_type);
	error = nl_parse_msg(h, sizeof(*t), tca_policy, ARRAY_SIZE(tca_policy), a, "filter", err);
	if (error)
		return error;
	t = mnl_nlmsg_get_payload(h);
	memset(ret, 0, sizeof(*ret));
	ret->handle = t->tcm_handle;
	ret->priority = t->tcm_info >> 16;
	ret->chain = nl_u32(a[TCA_CHAIN]);
	if (!strcmp(nl_str(a[TCA_KIND]), "matchall") && a[TCA_OPTIONS])
		error = decode_matchall(a[TCA_OPTIONS], ret, err);
	return error;
}
