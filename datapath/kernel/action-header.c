// SPDX-License-Identifier: Apache-2.0
// Actions that put headers before a packet and take them off: MPLS, Ethernet, NSH; and samples for psample.
#include "datapath/kernel/action-private.h"
#include "datapath/kernel/key.h"

// ---- MPLS ----

// What is in the packet is behind a label now, where the kernel does not look.
static void key_push_mpls(struct putting *c, const struct dp_action *a)
{
	struct flow_key *k = putting_change_key(c);

	for (int i = FLOW_MAX_MPLS - 1; i > 0; i--)
		k->mpls_lse[i] = k->mpls_lse[i - 1];
	k->mpls_lse[0] = a->push_mpls.lse;
	k->eth_type = a->push_mpls.ethertype;
}

int kernel_put_push_mpls(struct putting *c, const struct dp_action *a)
{
	struct ovs_action_push_mpls p = { .mpls_lse = a->push_mpls.lse,
					  .mpls_ethertype = a->push_mpls.ethertype };

	nl_put(c->b, OVS_ACTION_ATTR_PUSH_MPLS, &p, sizeof(p));
	key_push_mpls(c, a);
	return 0;
}

// Before everything, the Ethernet header too.
int kernel_put_add_mpls(struct putting *c, const struct dp_action *a)
{
	struct ovs_action_add_mpls p = { .mpls_lse = a->push_mpls.lse,
					 .mpls_ethertype = a->push_mpls.ethertype };

	nl_put(c->b, OVS_ACTION_ATTR_ADD_MPLS, &p, sizeof(p));
	key_push_mpls(c, a);
	putting_change_key(c)->packet_type = htobe32(1u << 16 | be16toh(a->push_mpls.ethertype));
	return 0;
}

int kernel_put_pop_mpls(struct putting *c, const struct dp_action *a)
{
	struct flow_key *k = putting_change_key(c);
	bool more = !(k->mpls_lse[0] & htobe32(0x100));

	nl_put_be16(c->b, OVS_ACTION_ATTR_POP_MPLS, a->pop_mpls.ethertype);
	for (int i = 0; i < FLOW_MAX_MPLS - 1; i++)
		k->mpls_lse[i] = k->mpls_lse[i + 1];
	k->mpls_lse[FLOW_MAX_MPLS - 1] = 0;
	// What comes to light behind the last label must be looked at first, by recirculation.
	k->eth_type = more ? a->pop_mpls.ethertype : 0;
	return 0;
}

int kernel_get_push_mpls(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	struct dp_action *d = dp_put(out, DP_ACTION_PUSH_MPLS);
	struct ovs_action_push_mpls p;

	memcpy(&p, mnl_attr_get_payload(a), sizeof(p));
	d->push_mpls.lse = p.mpls_lse;
	d->push_mpls.ethertype = p.mpls_ethertype;
	return 0;
}

int kernel_get_add_mpls(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	struct ovs_action_add_mpls p;
	struct dp_action *d;

	memcpy(&p, mnl_attr_get_payload(a), sizeof(p));
	// Behind the Ethernet header it is the other action.
	d = dp_put(out, p.tun_flags & OVS_MPLS_L3_TUNNEL_FLAG_MASK ? DP_ACTION_PUSH_MPLS
								   : DP_ACTION_ADD_MPLS);
	d->push_mpls.lse = p.mpls_lse;
	d->push_mpls.ethertype = p.mpls_ethertype;
	return 0;
}

int kernel_get_pop_mpls(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	dp_put(out, DP_ACTION_POP_MPLS)->pop_mpls.ethertype = nl_be16(a);
	return 0;
}

// ---- Ethernet ----

int kernel_put_push_eth(struct putting *c, const struct dp_action *a)
{
	struct ovs_action_push_eth p;

	memcpy(p.addresses.eth_src, &a->push_eth.src, sizeof(p.addresses.eth_src));
	memcpy(p.addresses.eth_dst, &a->push_eth.dst, sizeof(p.addresses.eth_dst));
	nl_put(c->b, OVS_ACTION_ATTR_PUSH_ETH, &p, sizeof(p));
	putting_change_key(c)->packet_type = 0;
	return 0;
}

int kernel_put_pop_eth(struct putting *c, const struct dp_action *a)
{
	struct flow_key *k = putting_change_key(c);

	nl_put_flag(c->b, OVS_ACTION_ATTR_POP_ETH);
	k->packet_type = htobe32(1u << 16 | be16toh(k->eth_type));
	return 0;
}

int kernel_get_push_eth(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	struct dp_action *d = dp_put(out, DP_ACTION_PUSH_ETH);
	struct ovs_action_push_eth p;

	memcpy(&p, mnl_attr_get_payload(a), sizeof(p));
	memcpy(&d->push_eth.src, p.addresses.eth_src, sizeof(d->push_eth.src));
	memcpy(&d->push_eth.dst, p.addresses.eth_dst, sizeof(d->push_eth.dst));
	return 0;
}

// ---- NSH ----

// The action has the header as on the wire (RFC 8300): flags, TTL and length, type of metadata, next protocol, path, metadata.
enum { NSH_BASE = 8, NSH_MD1 = 16, NSH_MD2_MAX = 248 };

int kernel_put_push_nsh(struct putting *c, const struct dp_action *a)
{
	const uint8_t *h = a->push_nsh.header;
	size_t n = a->push_nsh.len, nest, words = h[1] & 0x3f;
	struct ovs_nsh_key_base base = { .flags = h[0] >> 4 & 3,
					 .ttl = (h[0] & 0xf) << 2 | h[1] >> 6,
					 .mdtype = h[2] & 0xf,
					 .np = h[3] };
	bool is_fixed = base.mdtype == 1;

	if (n < NSH_BASE || n != words * 4 || n > NSH_BASE + NSH_MD2_MAX ||
	    (is_fixed && n != NSH_BASE + NSH_MD1))
		return error_set(c->err, -ENOTSUP, "push_nsh: the header of %zu bytes is malformed",
				 n);
	memcpy(&base.path_hdr, h + 4, sizeof(base.path_hdr));
	nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_PUSH_NSH);
	nl_put(c->b, OVS_NSH_KEY_ATTR_BASE, &base, sizeof(base));
	if (n > NSH_BASE)
		nl_put(c->b, is_fixed ? OVS_NSH_KEY_ATTR_MD1 : OVS_NSH_KEY_ATTR_MD2, h + NSH_BASE,
		       n - NSH_BASE);
	putting_change_key(c)->eth_type = htobe16(0x894f);
	putting_change_key(c)->packet_type = htobe32(1u << 16 | 0x894f);
	return nl_nest_end(c->b, nest);
}

int kernel_put_pop_nsh(struct putting *c, const struct dp_action *a)
{
	nl_put_flag(c->b, OVS_ACTION_ATTR_POP_NSH);
	// What is behind must be looked at first.
	putting_change_key(c)->eth_type = 0;
	return 0;
}

static const struct nl_policy nsh_policy[OVS_NSH_KEY_ATTR_MD2 + 1] = {
	[OVS_NSH_KEY_ATTR_BASE] = { .min = sizeof(struct ovs_nsh_key_base), .required = true },
	[OVS_NSH_KEY_ATTR_MD1] = { .min = NSH_MD1, .max = NSH_MD1 },
	[OVS_NSH_KEY_ATTR_MD2] = { .min = 1, .max = NSH_MD2_MAX },
};

int kernel_get_push_nsh(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(nsh_policy)], *md;
	int error = nl_parse_nested(nest, nsh_policy, ARRAY_SIZE(nsh_policy), a, "push_nsh", err);
	struct ovs_nsh_key_base base;
	struct dp_action *d;
	uint8_t *h;

	if (error)
		return error;
	md = a[OVS_NSH_KEY_ATTR_MD1] ? a[OVS_NSH_KEY_ATTR_MD1] : a[OVS_NSH_KEY_ATTR_MD2];
	memcpy(&base, mnl_attr_get_payload(a[OVS_NSH_KEY_ATTR_BASE]), sizeof(base));
	d = dp_put(out, DP_ACTION_PUSH_NSH);
	d->push_nsh.len = NSH_BASE + (md ? ROUND_UP(nl_len(md), 4) : 0);
	h = d->push_nsh.header;
	if (d->push_nsh.len > sizeof(d->push_nsh.header))
		return error_set(err, -EPROTO, "push_nsh: %u bytes", d->push_nsh.len);
	h[0] = (base.flags & 3) << 4 | (base.ttl >> 2 & 0xf);
	h[1] = base.ttl << 6 | d->push_nsh.len / 4;
	h[2] = base.mdtype & 0xf;
	h[3] = base.np;
	memcpy(h + 4, &base.path_hdr, sizeof(base.path_hdr));
	if (md)
		memcpy(h + NSH_BASE, mnl_attr_get_payload(md), nl_len(md));
	return 0;
}

// ---- psample ----

int kernel_put_psample(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, KERNEL_ACTION_PSAMPLE);

	nl_put_u32(c->b, KERNEL_PSAMPLE_GROUP, a->psample.group);
	if (a->psample.cookie_len)
		nl_put(c->b, KERNEL_PSAMPLE_COOKIE, a->psample.cookie, a->psample.cookie_len);
	return nl_nest_end(c->b, nest);
}

static const struct nl_policy psample_policy[KERNEL_PSAMPLE_COOKIE + 1] = {
	[KERNEL_PSAMPLE_GROUP] = { .type = MNL_TYPE_U32, .required = true },
	[KERNEL_PSAMPLE_COOKIE] = { .min = 1,
				    .max = sizeof(((struct dp_action *)0)->psample.cookie) },
};

int kernel_get_psample(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(psample_policy)], *cookie;
	int error = nl_parse_nested(nest, psample_policy, ARRAY_SIZE(psample_policy), a, "psample",
				    err);
	struct dp_action *d;

	if (error)
		return error;
	d = dp_put(out, DP_ACTION_PSAMPLE);
	d->psample.group = nl_u32(a[KERNEL_PSAMPLE_GROUP]);
	cookie = a[KERNEL_PSAMPLE_COOKIE];
	if (cookie) {
		d->psample.cookie_len = nl_len(cookie);
		memcpy(d->psample.cookie, mnl_attr_get_payload(cookie), nl_len(cookie));
	}
	return 0;
}
