// SPDX-License-Identifier: Apache-2.0
// The ct action: connection tracking as the kernel's attributes say it.
#include <linux/netfilter/nf_conntrack_common.h>

#include "datapath/kernel/action-private.h"
#include "datapath/kernel/key.h"

// What listeners are told of connections that flows commit; without a word everything is told, each packet's state too.
#define EVENTS \
	(1u << IPCT_NEW | 1u << IPCT_RELATED | 1u << IPCT_DESTROY | 1u << IPCT_MARK | \
	 1u << IPCT_LABEL)

static const struct {
	uint16_t flag, attr;
} nat_flags[] = {
	{ NAT_SRC, OVS_NAT_ATTR_SRC },
	{ NAT_DST, OVS_NAT_ATTR_DST },
	{ NAT_PERSISTENT, OVS_NAT_ATTR_PERSISTENT },
	{ NAT_HASH, OVS_NAT_ATTR_PROTO_HASH },
	{ NAT_RANDOM, OVS_NAT_ATTR_PROTO_RANDOM },
};

// ---- Writing ----

static size_t address_size(const struct nat *n)
{
	return n->flags & NAT_IPV6 ? 16 : 4;
}

static void put_range(struct strbuf *b, const struct nat *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(nat_flags); i++)
		if (n->flags & nat_flags[i].flag)
			nl_put_flag(b, nat_flags[i].attr);
	if (n->flags & NAT_ADDRESS) {
		nl_put(b, OVS_NAT_ATTR_IP_MIN, &n->min, address_size(n));
		if (!is_all_zeros(&n->max, sizeof(n->max)))
			nl_put(b, OVS_NAT_ATTR_IP_MAX, &n->max, address_size(n));
	}
	if (n->port_min)
		nl_put_u16(b, OVS_NAT_ATTR_PROTO_MIN, n->port_min);
	if (n->port_max)
		nl_put_u16(b, OVS_NAT_ATTR_PROTO_MAX, n->port_max);
}

static void put_nat(struct strbuf *b, const struct dp_ct *ct)
{
	size_t nest = nl_nest_begin(b, OVS_CT_ATTR_NAT);

	// Connections that are there keep their translation: the kernel takes a range for new ones only.
	if (ct->flags & DP_CT_COMMIT)
		put_range(b, &ct->nat);
	nl_nest_end(b, nest);
}

static void put_masked(struct strbuf *b, uint16_t attr, const void *value, const void *mask,
		       size_t n)
{
	uint8_t both[32];

	memcpy(both, value, n);
	for (size_t i = 0; i < n; i++)
		both[i] &= ((const uint8_t *)mask)[i];
	memcpy(both + n, mask, n);
	nl_put(b, attr, both, 2 * n);
}

static void put_label(struct strbuf *b, const struct dp_ct *ct)
{
	uint8_t value[16], mask[16];

	kernel_turn_label(ct->label, value);
	kernel_turn_label(ct->label_mask, mask);
	put_masked(b, OVS_CT_ATTR_LABELS, value, mask, sizeof(value));
}

// What only new connections get.
static void put_commit(struct strbuf *b, const struct dp_ct *ct, const struct kernel_can *can)
{
	nl_put_flag(b, ct->flags & DP_CT_FORCE ? OVS_CT_ATTR_FORCE_COMMIT : OVS_CT_ATTR_COMMIT);
	if (can->ct_eventmask)
		nl_put_u32(b, OVS_CT_ATTR_EVENTMASK, EVENTS);
	if (ct->timeout[0])
		nl_put_str(b, OVS_CT_ATTR_TIMEOUT, ct->timeout);
	if (ct->mark_mask)
		put_masked(b, OVS_CT_ATTR_MARK, &ct->mark, &ct->mark_mask, sizeof(ct->mark));
	if (!is_all_zeros(ct->label_mask, sizeof(ct->label_mask)))
		put_label(b, ct);
	if (ct->helper[0])
		nl_put_str(b, OVS_CT_ATTR_HELPER, ct->helper);
}

int kernel_put_ct(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_CT);

	if (a->ct.flags & DP_CT_COMMIT)
		put_commit(c->b, &a->ct, c->can);
	if (a->ct.zone)
		nl_put_u16(c->b, OVS_CT_ATTR_ZONE, a->ct.zone);
	if (a->ct.flags & DP_CT_NAT)
		put_nat(c->b, &a->ct);
	return nl_nest_end(c->b, nest);
}

// The source stays, unless it clashes: an address of zeros says so where the kernel knows that.
static bool is_zero_snat(const struct nat *n)
{
	return n->flags & NAT_SRC && n->flags & NAT_ADDRESS &&
	       is_all_zeros(&n->min, address_size(n));
}

const char *kernel_ct_missing(const struct dp_ct *ct, const struct kernel_can *can)
{
	bool commit = ct->flags & DP_CT_COMMIT;

	if (ct->flags & DP_CT_NAT && !can->ct_nat)
		return "ct(nat)";
	if (!commit)
		return NULL;
	if (ct->timeout[0] && !can->ct_timeout)
		return "ct(timeout)";
	if (ct->mark_mask && !can->ct_mark)
		return "ct(mark)";
	if (!is_all_zeros(ct->label_mask, sizeof(ct->label_mask)) && !can->ct_label)
		return "ct(label)";
	if (ct->flags & DP_CT_NAT && is_zero_snat(&ct->nat) && !can->ct_zero_snat)
		return "ct(nat(src=0.0.0.0))";
	return NULL;
}

// ---- Reading ----

static const struct nl_policy nat_policy[OVS_NAT_ATTR_PROTO_RANDOM + 1] = {
	[OVS_NAT_ATTR_SRC] = { .type = MNL_TYPE_UNSPEC },
	[OVS_NAT_ATTR_DST] = { .type = MNL_TYPE_UNSPEC },
	[OVS_NAT_ATTR_IP_MIN] = { .min = 4, .max = 16 },
	[OVS_NAT_ATTR_IP_MAX] = { .min = 4, .max = 16 },
	[OVS_NAT_ATTR_PROTO_MIN] = { .type = MNL_TYPE_U16 },
	[OVS_NAT_ATTR_PROTO_MAX] = { .type = MNL_TYPE_U16 },
	[OVS_NAT_ATTR_PERSISTENT] = { .type = MNL_TYPE_UNSPEC },
	[OVS_NAT_ATTR_PROTO_HASH] = { .type = MNL_TYPE_UNSPEC },
	[OVS_NAT_ATTR_PROTO_RANDOM] = { .type = MNL_TYPE_UNSPEC },
};

static int get_address(const struct nlattr *a, struct nat *n, struct ipv6_addr *ret,
		       struct error *err)
{
	if (!a)
		return 0;
	if (nl_len(a) != 4 && nl_len(a) != 16)
		return error_set(err, -EPROTO, "nat: an address of %zu bytes", nl_len(a));
	n->flags |= NAT_ADDRESS | (nl_len(a) == 16 ? NAT_IPV6 : 0);
	memcpy(ret, mnl_attr_get_payload(a), nl_len(a));
	return 0;
}

static int get_nat(const struct nlattr *nest, struct nat *n, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(nat_policy)];
	int error = nl_parse_nested(nest, nat_policy, ARRAY_SIZE(nat_policy), a, "nat", err);

	if (error)
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(nat_flags); i++)
		if (a[nat_flags[i].attr])
			n->flags |= nat_flags[i].flag;
	error = get_address(a[OVS_NAT_ATTR_IP_MIN], n, &n->min, err);
	if (!error)
		error = get_address(a[OVS_NAT_ATTR_IP_MAX], n, &n->max, err);
	// One that is no range is said by its first address alone.
	if (!memcmp(&n->min, &n->max, sizeof(n->min)))
		memset(&n->max, 0, sizeof(n->max));
	n->port_min = nl_u16(a[OVS_NAT_ATTR_PROTO_MIN]);
	n->port_max = nl_u16(a[OVS_NAT_ATTR_PROTO_MAX]);
	if (n->port_max == n->port_min)
		n->port_max = 0;
	return error;
}

static const struct nl_policy ct_policy[OVS_CT_ATTR_TIMEOUT + 1] = {
	[OVS_CT_ATTR_COMMIT] = { .type = MNL_TYPE_UNSPEC },
	[OVS_CT_ATTR_FORCE_COMMIT] = { .type = MNL_TYPE_UNSPEC },
	[OVS_CT_ATTR_ZONE] = { .type = MNL_TYPE_U16 },
	[OVS_CT_ATTR_MARK] = { .min = 8, .max = 8 },
	[OVS_CT_ATTR_LABELS] = { .min = 32, .max = 32 },
	[OVS_CT_ATTR_HELPER] = { .type = MNL_TYPE_NUL_STRING,
				 .max = sizeof(((struct dp_ct *)0)->helper) },
	[OVS_CT_ATTR_NAT] = { .type = MNL_TYPE_UNSPEC },
	[OVS_CT_ATTR_EVENTMASK] = { .type = MNL_TYPE_U32 },
	[OVS_CT_ATTR_TIMEOUT] = { .type = MNL_TYPE_NUL_STRING,
				  .max = sizeof(((struct dp_ct *)0)->timeout) },
};

static void get_marks(const struct nlattr *mark, const struct nlattr *labels, struct dp_ct *ct)
{
	if (mark) {
		uint32_t both[2];

		memcpy(both, mnl_attr_get_payload(mark), sizeof(both));
		ct->mark = both[0];
		ct->mark_mask = both[1];
	}
	if (labels) {
		const uint8_t *p = mnl_attr_get_payload(labels);

		kernel_turn_label(p, ct->label);
		kernel_turn_label(p + 16, ct->label_mask);
	}
}

int kernel_get_ct(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(ct_policy)];
	int error = nl_parse_nested(nest, ct_policy, ARRAY_SIZE(ct_policy), a, "ct", err);
	struct dp_ct *ct;

	if (error)
		return error;
	ct = &dp_put(out, DP_ACTION_CT)->ct;
	if (a[OVS_CT_ATTR_COMMIT])
		ct->flags |= DP_CT_COMMIT;
	if (a[OVS_CT_ATTR_FORCE_COMMIT])
		ct->flags |= DP_CT_COMMIT | DP_CT_FORCE;
	ct->zone = nl_u16(a[OVS_CT_ATTR_ZONE]);
	get_marks(a[OVS_CT_ATTR_MARK], a[OVS_CT_ATTR_LABELS], ct);
	if (a[OVS_CT_ATTR_HELPER])
		memcpy(ct->helper, nl_str(a[OVS_CT_ATTR_HELPER]), nl_len(a[OVS_CT_ATTR_HELPER]));
	if (a[OVS_CT_ATTR_TIMEOUT])
		memcpy(ct->timeout, nl_str(a[OVS_CT_ATTR_TIMEOUT]), nl_len(a[OVS_CT_ATTR_TIMEOUT]));
	if (!a[OVS_CT_ATTR_NAT])
		return 0;
	ct->flags |= DP_CT_NAT;
	return get_nat(a[OVS_CT_ATTR_NAT], &ct->nat, err);
}
