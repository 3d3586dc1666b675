// SPDX-License-Identifier: Apache-2.0
// Actions on what a packet comes with: into a tunnel and out of it, through connection tracking; and MPLS headers.
#include <linux/tc_act/tc_ct.h>
#include <linux/tc_act/tc_mpls.h>
#include <linux/tc_act/tc_tunnel_key.h>

#include "offload/tc/action-private.h"

// ---- Tunnels ----

bool act_set_tunnel(struct acting *c, const struct dp_action *a)
{
	c->tunnel = a->tunnel;
	c->tunnel_changed = true;
	return true;
}

static bool put_tunnel(struct acting *c, int what, const struct port_ref *port)
{
	struct tc_tunnel_key parms = { .action = TC_ACT_PIPE, .t_action = what };
	const struct flow_tunnel *t = &c->tunnel;
	struct strbuf *b = &c->rule->options;
	bool v6 = !is_all_zeros(&t->ipv6_dst, sizeof(t->ipv6_dst));
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	nest = tc_act_begin(c, "tunnel_key");
	nl_put(b, TCA_TUNNEL_KEY_PARMS, &parms, sizeof(parms));
	if (what == TCA_TUNNEL_KEY_ACT_SET) {
		nl_put(b, v6 ? TCA_TUNNEL_KEY_ENC_IPV6_SRC : TCA_TUNNEL_KEY_ENC_IPV4_SRC,
		       v6 ? (const void *)&t->ipv6_src : &t->ip_src, v6 ? 16 : 4);
		nl_put(b, v6 ? TCA_TUNNEL_KEY_ENC_IPV6_DST : TCA_TUNNEL_KEY_ENC_IPV4_DST,
		       v6 ? (const void *)&t->ipv6_dst : &t->ip_dst, v6 ? 16 : 4);
		if (t->flags & FLOW_TNL_KEY)
			nl_put_be32(b, TCA_TUNNEL_KEY_ENC_KEY_ID, htobe32(be64toh(t->tun_id)));
		if (port->tunnel_port)
			nl_put_be16(b, TCA_TUNNEL_KEY_ENC_DST_PORT, port->tunnel_port);
		nl_put_u8(b, TCA_TUNNEL_KEY_NO_CSUM, !(t->flags & FLOW_TNL_CSUM));
		if (t->tos)
			nl_put_u8(b, TCA_TUNNEL_KEY_ENC_TOS, t->tos);
		if (t->ttl)
			nl_put_u8(b, TCA_TUNNEL_KEY_ENC_TTL, t->ttl);
		if (t->flags & FLOW_TNL_DONT_FRAGMENT)
			nl_put_flag(b, TC_TUNNEL_KEY_NO_FRAG);
		tc_put_tunnel_opts(b, t);
	}
	tc_act_end(c, nest);
	return true;
}

static bool into_tunnel(struct acting *c, const struct port_ref *port)
{
	const struct flow_tunnel *t = &c->tunnel;

	// An Ethernet header would be taken off before it.
	if (port->takes_bare)
		return verdict_refuse(c->v, REASON_TUNNEL_UNSUPPORTED, "packet_type");
	if (!c->tunnel_changed && c->has_tunnel)
		return true;
	if (!t->ip_dst && is_all_zeros(&t->ipv6_dst, sizeof(t->ipv6_dst)))
		return verdict_refuse(c->v, REASON_TUNNEL_UNSUPPORTED, "output without a remote");
	if (be64toh(t->tun_id) > UINT32_MAX)
		return verdict_refuse(c->v, REASON_TUNNEL_UNSUPPORTED, "set(tun_id)");
	// The action has no words for these.
	if (t->flags & FLOW_TNL_DONT_FRAGMENT && !tc_probed_no_frag())
		return verdict_refuse(c->v, REASON_TUNNEL_UNSUPPORTED, "set(tunnel(flags(df)))");
	if (t->flags & FLOW_TNL_OAM)
		return verdict_refuse(c->v, REASON_TUNNEL_UNSUPPORTED, "set(tunnel(flags(oam)))");
	if (t->erspan_ver)
		return verdict_refuse(c->v, REASON_TUNNEL_UNSUPPORTED, "set(tunnel(erspan))");
	c->tunnel_changed = false;
	c->has_tunnel = true;
	return put_tunnel(c, TCA_TUNNEL_KEY_ACT_SET, port);
}

bool tunnel_before_output(struct acting *c, const struct port_ref *port)
{
	if (port->is_tunnel)
		return into_tunnel(c, port);
	if (!c->has_tunnel)
		return true;
	c->has_tunnel = false;
	c->tunnel_changed = true; // the next tunnel needs it anew
	c->released = true;
	return put_tunnel(c, TCA_TUNNEL_KEY_ACT_RELEASE, port);
}

// ---- Connections ----

static void put_label(struct strbuf *b, uint16_t type, const uint8_t label[16])
{
	uint8_t turned[16];

	tc_turn_label(label, turned);
	nl_put(b, type, turned, sizeof(turned));
}

// What the action has no word for, NULL: nothing.
static const char *ct_lacks(const struct dp_ct *ct)
{
	bool commit = ct->flags & DP_CT_COMMIT;

	if (ct->helper[0])
		return "ct(helper)";
	if (ct->timeout[0])
		return "ct(timeout)";
	if (!commit && (ct->mark_mask || !is_all_zeros(ct->label_mask, sizeof(ct->label_mask))))
		return "ct(mark) without commit";
	if (!commit || !(ct->flags & DP_CT_NAT))
		return NULL;
	return ct->nat.flags & NAT_PERSISTENT ? "ct(nat(persistent))"
	       : ct->nat.flags & NAT_HASH     ? "ct(nat(hash))"
	       : ct->nat.flags & NAT_RANDOM   ? "ct(nat(random))"
					      : NULL;
}

static uint16_t ct_flags(const struct dp_ct *ct)
{
	bool commit = ct->flags & DP_CT_COMMIT;
	uint16_t flags = 0;

	if (commit)
		flags |= TCA_CT_ACT_COMMIT;
	if (commit && ct->flags & DP_CT_FORCE)
		flags |= TCA_CT_ACT_FORCE;
	if (ct->flags & DP_CT_NAT)
		flags |= TCA_CT_ACT_NAT;
	// Connections that are there keep the translation that they have.
	if (commit && ct->flags & DP_CT_NAT && ct->nat.flags & (NAT_SRC | NAT_DST))
		flags |= ct->nat.flags & NAT_SRC ? TCA_CT_ACT_NAT_SRC : TCA_CT_ACT_NAT_DST;
	return flags;
}

// Both ends of each range, as the kernel tells of them.
static void put_nat(struct strbuf *b, const struct nat *n)
{
	bool v6 = n->flags & NAT_IPV6, range = !is_all_zeros(&n->max, sizeof(n->max));
	size_t size = v6 ? 16 : 4;

	if (n->flags & NAT_ADDRESS) {
		nl_put(b, v6 ? TCA_CT_NAT_IPV6_MIN : TCA_CT_NAT_IPV4_MIN, &n->min, size);
		nl_put(b, v6 ? TCA_CT_NAT_IPV6_MAX : TCA_CT_NAT_IPV4_MAX, range ? &n->max : &n->min,
		       size);
	}
	if (!n->port_min)
		return;
	nl_put_be16(b, TCA_CT_NAT_PORT_MIN, htobe16(n->port_min));
	nl_put_be16(b, TCA_CT_NAT_PORT_MAX, htobe16(n->port_max ? n->port_max : n->port_min));
}

bool act_ct(struct acting *c, const struct dp_action *a)
{
	struct tc_ct parms = { .action = TC_ACT_PIPE };
	const char *lack = ct_lacks(&a->ct);
	struct strbuf *b = &c->rule->options;
	uint16_t flags = ct_flags(&a->ct);
	size_t nest;

	if (lack)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, lack);
	if (!tc_act_room(c, 1))
		return false;
	c->tracked = true;
	nest = tc_act_begin(c, "ct");
	nl_put(b, TCA_CT_PARMS, &parms, sizeof(parms));
	nl_put_u16(b, TCA_CT_ACTION, flags);
	nl_put_u16(b, TCA_CT_ZONE, a->ct.zone);
	if (a->ct.mark_mask) {
		nl_put_u32(b, TCA_CT_MARK, a->ct.mark & a->ct.mark_mask);
		nl_put_u32(b, TCA_CT_MARK_MASK, a->ct.mark_mask);
	}
	if (!is_all_zeros(a->ct.label_mask, 16)) {
		put_label(b, TCA_CT_LABELS, a->ct.label);
		put_label(b, TCA_CT_LABELS_MASK, a->ct.label_mask);
	}
	if (flags & (TCA_CT_ACT_NAT_SRC | TCA_CT_ACT_NAT_DST))
		put_nat(b, &a->ct.nat);
	tc_act_end(c, nest);
	return true;
}

bool act_ct_clear(struct acting *c, const struct dp_action *a)
{
	struct tc_ct parms = { .action = TC_ACT_PIPE };
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	nest = tc_act_begin(c, "ct");
	nl_put(&c->rule->options, TCA_CT_PARMS, &parms, sizeof(parms));
	nl_put_u16(&c->rule->options, TCA_CT_ACTION, TCA_CT_ACT_CLEAR);
	tc_act_end(c, nest);
	return true;
}

// ---- MPLS ----

bool act_push_mpls(struct acting *c, const struct dp_action *a)
{
	struct tc_mpls parms = { .action = TC_ACT_PIPE, .m_action = TCA_MPLS_ACT_PUSH };
	uint32_t lse = be32toh(a->push_mpls.lse);
	struct strbuf *b = &c->rule->options;
	size_t nest;

	if (!(lse & 0xff))
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "push_mpls(ttl=0)");
	if (!tc_act_room(c, 1))
		return false;
	c->moved = true;
	nest = tc_act_begin(c, "mpls");
	nl_put(b, TCA_MPLS_PARMS, &parms, sizeof(parms));
	nl_put_be16(b, TCA_MPLS_PROTO, a->push_mpls.ethertype);
	nl_put_u32(b, TCA_MPLS_LABEL, lse >> 12);
	nl_put_u8(b, TCA_MPLS_TC, lse >> 9 & 7);
	nl_put_u8(b, TCA_MPLS_TTL, lse & 0xff);
	nl_put_u8(b, TCA_MPLS_BOS, lse >> 8 & 1);
	tc_act_end(c, nest);
	return true;
}

bool act_pop_mpls(struct acting *c, const struct dp_action *a)
{
	struct tc_mpls parms = { .action = TC_ACT_PIPE, .m_action = TCA_MPLS_ACT_POP };
	struct strbuf *b = &c->rule->options;
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	c->moved = true;
	nest = tc_act_begin(c, "mpls");
	nl_put(b, TCA_MPLS_PARMS, &parms, sizeof(parms));
	nl_put_be16(b, TCA_MPLS_PROTO, a->pop_mpls.ethertype);
	tc_act_end(c, nest);
	return true;
}
