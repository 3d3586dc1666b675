// SPDX-License-Identifier: GPL-2.0
// Tags, Ethernet headers around packets, MPLS labels: what is put before a packet or taken away.
#include <net/mpls.h>
#include <net/tc_act/tc_mpls.h>

#include "hw-tests/simnic/kmod/simnic.h"

static enum sn_verdict changed(struct sn_packet *p, int err)
{
	if (err)
		return SN_DROP;
	sn_forward_set_headers(p->skb);
	return SN_NEXT;
}

static int parse_tag(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		     struct sn_action *a, struct netlink_ext_ack *extack)
{
	a->vlan.vid = e->vlan.vid;
	a->vlan.prio = e->vlan.prio;
	a->vlan.proto = e->vlan.proto;
	return 0;
}

static u16 tci_of(const struct sn_action *a)
{
	return a->vlan.vid | a->vlan.prio << VLAN_PRIO_SHIFT;
}

static enum sn_verdict run_push(struct sn_packet *p, const struct sn_action *a)
{
	// On failure the call has freed the packet.
	if (skb_vlan_push(p->skb, a->vlan.proto, tci_of(a)))
		return SN_GONE;
	return changed(p, 0);
}

const struct sn_action_type sn_action_vlan_push = {
	SN_ACTION_TEXTS("vlan_push"),
	.parse = parse_tag,
	.run = run_push,
};

static enum sn_verdict run_pop(struct sn_packet *p, const struct sn_action *a)
{
	return changed(p, skb_vlan_pop(p->skb));
}

const struct sn_action_type sn_action_vlan_pop = {
	SN_ACTION_TEXTS("vlan_pop"),
	.run = run_pop,
};

// The outer tag is always beside the data here, so there is none when none is there.
static enum sn_verdict run_mangle(struct sn_packet *p, const struct sn_action *a)
{
	if (skb_vlan_tag_present(p->skb))
		__vlan_hwaccel_put_tag(p->skb, a->vlan.proto, tci_of(a));
	return SN_NEXT;
}

const struct sn_action_type sn_action_vlan_mangle = {
	SN_ACTION_TEXTS("vlan_modify"),
	.parse = parse_tag,
	.run = run_mangle,
};

static int parse_eth(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		     struct sn_action *a, struct netlink_ext_ack *extack)
{
	ether_addr_copy(a->eth.dst, e->vlan_push_eth.dst);
	ether_addr_copy(a->eth.src, e->vlan_push_eth.src);
	return 0;
}

// The packet's own header stays below; software says by the next labels what it is.
static enum sn_verdict run_push_eth(struct sn_packet *p, const struct sn_action *a)
{
	return changed(p, skb_eth_push(p->skb, a->eth.dst, a->eth.src));
}

const struct sn_action_type sn_action_vlan_push_eth = {
	SN_ACTION_TEXTS("vlan_push_eth"),
	.parse = parse_eth,
	.run = run_push_eth,
};

static enum sn_verdict run_pop_eth(struct sn_packet *p, const struct sn_action *a)
{
	return changed(p, skb_eth_pop(p->skb));
}

const struct sn_action_type sn_action_vlan_pop_eth = {
	SN_ACTION_TEXTS("vlan_pop_eth"),
	.run = run_pop_eth,
};

// ---- MPLS ----

static int parse_mpls_push(struct sn_nic *nic, struct sn_rule *rule,
			   const struct flow_action_entry *e, struct sn_action *a,
			   struct netlink_ext_ack *extack)
{
	a->mpls.label = e->mpls_push.label;
	a->mpls.tc = e->mpls_push.tc;
	a->mpls.bos = e->mpls_push.bos;
	a->mpls.ttl = e->mpls_push.ttl;
	a->mpls.proto = e->mpls_push.proto;
	return 0;
}

// A label stack entry of what the action sets; the rest as 'old' has it.
static __be32 lse_of(const struct sn_action *a, u32 old)
{
	if (a->mpls.label != ACT_MPLS_LABEL_NOT_SET)
		old = (old & ~MPLS_LS_LABEL_MASK) | a->mpls.label << MPLS_LS_LABEL_SHIFT;
	if (a->mpls.tc != ACT_MPLS_TC_NOT_SET)
		old = (old & ~MPLS_LS_TC_MASK) | a->mpls.tc << MPLS_LS_TC_SHIFT;
	if (a->mpls.bos != ACT_MPLS_BOS_NOT_SET)
		old = (old & ~MPLS_LS_S_MASK) | a->mpls.bos << MPLS_LS_S_SHIFT;
	if (a->mpls.ttl)
		old = (old & ~MPLS_LS_TTL_MASK) | a->mpls.ttl << MPLS_LS_TTL_SHIFT;
	return cpu_to_be32(old);
}

static enum sn_verdict run_mpls_push(struct sn_packet *p, const struct sn_action *a)
{
	struct sk_buff *skb = p->skb;
	u32 bottom = eth_p_mpls(skb->protocol) ? 0 : MPLS_LS_S_MASK;

	return changed(p, skb_mpls_push(skb, lse_of(a, bottom), a->mpls.proto, ETH_HLEN, true));
}

const struct sn_action_type sn_action_mpls_push = {
	SN_ACTION_TEXTS("mpls_push"),
	.parse = parse_mpls_push,
	.run = run_mpls_push,
};

static int parse_mpls_pop(struct sn_nic *nic, struct sn_rule *rule,
			  const struct flow_action_entry *e, struct sn_action *a,
			  struct netlink_ext_ack *extack)
{
	a->mpls.proto = e->mpls_pop.proto;
	return 0;
}

static enum sn_verdict run_mpls_pop(struct sn_packet *p, const struct sn_action *a)
{
	return changed(p, skb_mpls_pop(p->skb, a->mpls.proto, ETH_HLEN, true));
}

const struct sn_action_type sn_action_mpls_pop = {
	SN_ACTION_TEXTS("mpls_pop"),
	.parse = parse_mpls_pop,
	.run = run_mpls_pop,
};

static int parse_mpls_mangle(struct sn_nic *nic, struct sn_rule *rule,
			     const struct flow_action_entry *e, struct sn_action *a,
			     struct netlink_ext_ack *extack)
{
	a->mpls.label = e->mpls_mangle.label;
	a->mpls.tc = e->mpls_mangle.tc;
	a->mpls.bos = e->mpls_mangle.bos;
	a->mpls.ttl = e->mpls_mangle.ttl;
	return 0;
}

static enum sn_verdict run_mpls_mangle(struct sn_packet *p, const struct sn_action *a)
{
	struct sk_buff *skb = p->skb;

	if (!eth_p_mpls(skb->protocol) || !pskb_may_pull(skb, ETH_HLEN + MPLS_HLEN))
		return SN_DROP;
	return changed(p, skb_mpls_update_lse(
				  skb, lse_of(a, be32_to_cpu(mpls_hdr(skb)->label_stack_entry))));
}

const struct sn_action_type sn_action_mpls_mangle = {
	SN_ACTION_TEXTS("mpls_modify"),
	.parse = parse_mpls_mangle,
	.run = run_mpls_mangle,
};
