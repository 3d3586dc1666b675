// SPDX-License-Identifier: Apache-2.0
// What a filter matches and does, as one number: the same for what we send and for what the kernel says it has, as long as
// nobody has changed it. What the kernel adds by itself (statistics, indexes, references) does not count.
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_ct.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_mpls.h>
#include <linux/tc_act/tc_pedit.h>
#include <linux/tc_act/tc_sample.h>
#include <linux/tc_act/tc_skbedit.h>
#include <linux/tc_act/tc_tunnel_key.h>
#include <linux/tc_act/tc_vlan.h>

#include "core/base/hash.h"
#include "offload/tc/tc-private.h"

// Attributes of each action: its parameters, which begin with tc_gen's members, and what to leave out.
static const struct kind {
	const char *name;
	uint16_t parms, time, pad, nest;
} kinds[] = {
	{ "gact", TCA_GACT_PARMS, TCA_GACT_TM, TCA_GACT_PAD, 0 },
	{ "mirred", TCA_MIRRED_PARMS, TCA_MIRRED_TM, TCA_MIRRED_PAD, 0 },
	{ "vlan", TCA_VLAN_PARMS, TCA_VLAN_TM, TCA_VLAN_PAD, 0 },
	{ "pedit", TCA_PEDIT_PARMS_EX, TCA_PEDIT_TM, TCA_PEDIT_PAD, TCA_PEDIT_KEYS_EX },
	{ "csum", TCA_CSUM_PARMS, TCA_CSUM_TM, TCA_CSUM_PAD, 0 },
	{ "tunnel_key", TCA_TUNNEL_KEY_PARMS, TCA_TUNNEL_KEY_TM, TCA_TUNNEL_KEY_PAD,
	  TCA_TUNNEL_KEY_ENC_OPTS },
	{ "ct", TCA_CT_PARMS, TCA_CT_TM, TCA_CT_PAD, 0 },
	{ "mpls", TCA_MPLS_PARMS, TCA_MPLS_TM, TCA_MPLS_PAD, 0 },
	{ "sample", TCA_SAMPLE_PARMS, TCA_SAMPLE_TM, TCA_SAMPLE_PAD, 0 },
	{ "skbedit", TCA_SKBEDIT_PARMS, TCA_SKBEDIT_TM, TCA_SKBEDIT_PAD, 0 },
};

// Attributes at one level come in any order.
static uint64_t hash_attr(const struct nlattr *a)
{
	return hash_bytes(mnl_attr_get_payload(a), nl_len(a), mnl_attr_get_type(a));
}

// Inside a nest the order counts; whether an inner attribute says that it is one does not.
static uint64_t hash_nest(const struct nlattr *nest, int depth)
{
	uint64_t h = mnl_attr_get_type(nest);
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
	{
		h = hash_u64(h, depth ? hash_nest(a, depth - 1) : hash_attr(a));
	}
	return h;
}

static uint64_t hash_parms(const struct nlattr *a)
{
	uint8_t copy[sizeof(struct tc_pedit_sel) + 128 * sizeof(struct tc_pedit_key)];
	size_t n = MIN(nl_len(a), sizeof(copy));
	struct tcf_gen {
		tc_gen;
	} gen = { 0 };

	memcpy(copy, mnl_attr_get_payload(a), n);
	memcpy(&gen, copy, MIN(n, sizeof(gen)));
	gen.index = gen.capab = gen.refcnt = gen.bindcnt = 0;
	memcpy(copy, &gen, MIN(n, sizeof(gen)));
	return hash_bytes(copy, n, mnl_attr_get_type(a));
}

// A shared action is what its number says: the meter. Another is what it does.
static uint64_t hash_police(const struct nlattr *options)
{
	uint64_t h = 0;
	struct tc_policer p;

	if (tc_policer_read(options, &p, NULL))
		return 0;
	if (tc_police_is_meter(p.index))
		return hash_u64(p.index, 0);
	h = hash_u64((uint64_t)(uint32_t)p.exceed << 32 | (uint32_t)p.conform, h);
	h = hash_u64((uint64_t)p.mtu << 32 | p.burst, h);
	return hash_u64(p.rate, hash_u64(p.packet_rate, hash_u64(p.packet_burst, h)));
}

static uint64_t hash_options(const char *kind, const struct nlattr *options)
{
	const struct kind *k = NULL;
	const struct nlattr *a;
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, kind))
			k = &kinds[i];
	if (!k)
		return strcmp(kind, "police") ? 0 : hash_police(options);
	mnl_attr_for_each_nested(a, options)
	{
		uint16_t type = mnl_attr_get_type(a);

		if (type == k->parms)
			sum += hash_parms(a);
		else if (k->nest && type == k->nest)
			sum += hash_nest(a, 2);
		else if (type != k->time && type != k->pad)
			sum += hash_attr(a);
	}
	return sum;
}

static const struct nl_policy action_policy[TCA_ACT_OPTIONS + 1] = {
	[TCA_ACT_KIND] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[TCA_ACT_OPTIONS] = { .type = MNL_TYPE_UNSPEC },
};

static uint64_t hash_actions(const struct nlattr *list)
{
	const struct nlattr *one, *a[ARRAY_SIZE(action_policy)];
	uint64_t h = 0;

	mnl_attr_for_each_nested(one, list)
	{
		if (nl_parse_nested(one, action_policy, ARRAY_SIZE(action_policy), a, "action",
				    NULL))
			return 0;
		h = hash_string(nl_str(a[TCA_ACT_KIND]), h);
		if (a[TCA_ACT_OPTIONS])
			h = hash_u64(hash_options(nl_str(a[TCA_ACT_KIND]), a[TCA_ACT_OPTIONS]), h);
	}
	return h;
}

static uint64_t print_of(const void *options, size_t n, bool with_actions)
{
	uint64_t sum = 0, type = 0;
	bool tagged = false;
	const struct nlattr *attr;

	mnl_attr_for_each_payload(options, n)
	{
		switch (mnl_attr_get_type(attr)) {
		case TCA_FLOWER_FLAGS:
		case TCA_FLOWER_IN_HW_COUNT:
			break;
		case TCA_FLOWER_ACT:
			if (with_actions)
				sum += hash_actions(attr);
			break;
		case TCA_FLOWER_KEY_ENC_OPTS:
		case TCA_FLOWER_KEY_ENC_OPTS_MASK:
		case TCA_FLOWER_KEY_MPLS_OPTS:
			sum += hash_nest(attr, 2);
			break;
		case TCA_FLOWER_KEY_ETH_TYPE:
			type = hash_attr(attr);
			break;
		case TCA_FLOWER_KEY_VLAN_ETH_TYPE:
			tagged = true;
			sum += hash_attr(attr);
			break;
		default:
			sum += hash_attr(attr);
		}
	}
	// Of tagged packets we say the outermost type, the kernel the innermost; the others are said beside.
	return tagged ? sum : sum + type;
}

uint64_t tc_fingerprint(const void *options, size_t n)
{
	return print_of(options, n, true);
}

uint64_t tc_match_print(const void *options, size_t n)
{
	return print_of(options, n, false);
}
