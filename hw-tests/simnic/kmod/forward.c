// SPDX-License-Identifier: GPL-2.0
// The way of a packet through the NIC: by rules, by software (the slow path), or by addresses in legacy mode.
#include <net/tc_act/tc_ct.h>

#include "hw-tests/simnic/kmod/simnic.h"

#define MAX_JUMPS 32

void sn_forward_set_headers(struct sk_buff *skb)
{
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb_reset_mac_len(skb);
	skb->protocol = eth_hdr(skb)->h_proto;
	if (!eth_proto_is_802_3(skb->protocol))
		skb->protocol = htons(ETH_P_802_2);
}

int sn_forward_l3_offset(struct sk_buff *skb, __be16 *ret_type)
{
	__be16 type = eth_hdr(skb)->h_proto;
	int offset = ETH_HLEN;

	while (eth_type_vlan(type)) {
		struct vlan_hdr room, *tag = skb_header_pointer(skb, offset, sizeof(room), &room);

		if (!tag)
			return -1;
		type = tag->h_vlan_encapsulated_proto;
		offset += sizeof(*tag);
	}
	*ret_type = type;
	return offset;
}

// Software of a tunnel device needs what the tunnel said; everything else is forgotten.
static void scrub(struct sk_buff *skb, struct net_device *netdev)
{
	struct dst_entry *metadata = NULL;

	if (sn_tunnel_kind(netdev) && skb_metadata_dst(skb))
		metadata = dst_clone(skb_dst(skb));
	skb_scrub_packet(skb, true);
	if (metadata)
		skb_dst_set(skb, metadata);
	skb->priority = 0;
	skb->ip_summed = CHECKSUM_NONE;
}

void sn_forward_receive(struct net_device *netdev, struct sk_buff *skb, u32 chain,
			unsigned long ct_cookie)
{
	unsigned int len = skb->len;

	if (!is_skb_forwardable(netdev, skb)) {
		dev_core_stats_rx_dropped_inc(netdev);
		kfree_skb(skb);
		return;
	}
	scrub(skb, netdev);
	if (ct_cookie)
		tcf_ct_flow_table_restore_skb(skb, ct_cookie);
	if (chain) {
		struct tc_skb_ext *ext = tc_skb_ext_alloc(skb);

		if (!ext) {
			dev_core_stats_rx_dropped_inc(netdev);
			kfree_skb(skb);
			return;
		}
		ext->chain = chain;
	}
	skb->protocol = eth_type_trans(skb, netdev);
	dev_sw_netstats_rx_add(netdev, len);
	netif_rx(skb);
}

static void drop(struct sn_nic *nic, struct sk_buff *skb)
{
	atomic64_inc(&nic->counters.drops);
	kfree_skb(skb);
}

static void receive_or_drop(struct sn_nic *nic, struct sn_port *to, struct sk_buff *skb, u32 chain)
{
	if (to)
		sn_forward_receive(to->netdev, skb, chain, 0);
	else
		drop(nic, skb);
}

void sn_forward_egress(struct sn_nic *nic, unsigned int number, struct sk_buff *skb)
{
	struct sn_port *to;

	if (!nic) {
		kfree_skb(skb);
		return;
	}
	to = number ? rcu_dereference(nic->vfs[number - 1]) : rcu_dereference(nic->wire);
	receive_or_drop(nic, to, skb, 0);
}

void sn_forward_uplink(struct sn_nic *nic, struct sk_buff *skb)
{
	struct sn_nic *by = sn_lag_active(nic, skb);

	if (by)
		sn_forward_egress(by, 0, skb);
	else
		drop(nic, skb);
}

// ---- Legacy mode: a switch that knows its own addresses and sends the rest out ----

static bool is_for(const struct sn_port *port, const u8 *address)
{
	return port && ether_addr_equal(port->netdev->dev_addr, address);
}

static void copy_to(struct sn_port *to, const struct sn_port *from, const struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (!to || to == from)
		return;
	copy = skb_copy(skb, GFP_ATOMIC);
	if (copy)
		sn_forward_receive(to->netdev, copy, 0, 0);
}

static void switch_flood(struct sn_nic *nic, struct sn_port *from, struct sk_buff *skb)
{
	unsigned int i;

	for (i = 0; i < SN_MAX_VFS; i++)
		copy_to(rcu_dereference(nic->vfs[i]), from, skb);
	copy_to(rcu_dereference(nic->uplink), from, skb);
	copy_to(rcu_dereference(nic->wire), from, skb);
	consume_skb(skb);
}

static void switch_by_address(struct sn_nic *nic, struct sn_port *from, struct sk_buff *skb)
{
	struct sn_port *uplink = rcu_dereference(nic->uplink), *to = NULL;
	const u8 *address = eth_hdr(skb)->h_dest;
	unsigned int i;

	if (is_multicast_ether_addr(address)) {
		switch_flood(nic, from, skb);
		return;
	}
	for (i = 0; i < SN_MAX_VFS && !to; i++)
		if (is_for(rcu_dereference(nic->vfs[i]), address))
			to = rcu_dereference(nic->vfs[i]);
	// Who is not here is on the wire; what the wire brings for nobody, the PF sees.
	if (!to && (from->kind == SN_WIRE || is_for(uplink, address)))
		to = uplink;
	if (!to)
		to = rcu_dereference(nic->wire);
	if (to == from)
		to = NULL;
	receive_or_drop(nic, to, skb, 0);
}

// ---- switchdev mode ----

static enum sn_verdict run_one(struct sn_packet *p)
{
	if (p->rule->encap && !sn_tunnel_ready(p->rule->encap))
		return SN_MISS;
	if (p->rule->zone && !sn_ct_find(p))
		return SN_MISS;
	return sn_actions_run(p);
}

// Runs the rules from p->chain on. SN_MISS: the packet is for software, in p->chain.
static enum sn_verdict run_rules(struct sn_packet *p)
{
	struct sn_nic *nic = p->nic;
	enum sn_verdict verdict = SN_GOTO;
	unsigned int jumps;

	for (jumps = 0; verdict == SN_GOTO && jumps < MAX_JUMPS; jumps++) {
		sn_match_dissect(p);
		p->rule = sn_table_lookup(&p->in->table, p);
		if (!p->rule)
			return SN_MISS;
		verdict = run_one(p);
		if (verdict != SN_MISS)
			atomic64_inc(&nic->counters.hits);
	}
	return verdict == SN_GOTO ? SN_DROP : verdict;
}

static void finish(struct sn_packet *p, enum sn_verdict verdict)
{
	struct sn_nic *nic = p->nic;

	switch (verdict) {
	case SN_GONE:
		return;
	case SN_DROP:
		drop(nic, p->skb);
		return;
	case SN_MISS:
		atomic64_inc(&nic->counters.misses);
		break;
	default:
		// The rule has spoken: software begins at its own beginning.
		p->chain = 0;
	}
	atomic64_inc(&nic->counters.to_software);
	sn_forward_receive(p->in->netdev, p->skb, p->chain, p->chain ? p->ct_cookie : 0);
}

// A frame from the wire may be a tunnel's, and what is in it met by the rules of the tunnel's device. False when not.
static bool run_tunnels(struct sn_nic *nic, struct sk_buff *skb)
{
	struct sn_binding *tunnel;

	list_for_each_entry_rcu(tunnel, &nic->tunnels, node) {
		struct sn_packet p = { .nic = nic, .in = tunnel };
		enum sn_verdict verdict;

		if (!tunnel->table.n_rules)
			continue;
		p.skb = sn_tunnel_open(skb, tunnel->tunnel);
		if (!p.skb)
			continue;
		p.skb->dev = tunnel->netdev;
		verdict = run_rules(&p);
		if (verdict == SN_MISS && !p.chain) {
			// Not changed yet: software opens the tunnel itself.
			kfree_skb(p.skb);
			continue;
		}
		consume_skb(skb);
		finish(&p, verdict);
		return true;
	}
	return false;
}

struct sk_buff *sn_forward_take_tag(struct sk_buff *skb)
{
	if (skb_vlan_tag_present(skb) || !eth_type_vlan(skb->protocol))
		return skb;
	skb_pull(skb, ETH_HLEN);
	skb = skb_vlan_untag(skb);
	if (!skb)
		return NULL;
	skb_push(skb, ETH_HLEN);
	sn_forward_set_headers(skb);
	return skb;
}

void sn_forward_in(struct sn_port *from, struct sk_buff *skb)
{
	struct sn_packet p = { .nic = from->nic };
	struct sn_nic *nic = from->nic;
	struct sn_port *in;

	if (READ_ONCE(nic->faults.reset)) {
		drop(nic, skb);
		return;
	}
	sn_forward_set_headers(skb);
	skb = sn_forward_take_tag(skb);
	if (!skb)
		return;
	if (!READ_ONCE(nic->switchdev)) {
		switch_by_address(nic, from, skb);
		return;
	}
	in = from->kind == SN_VF ? rcu_dereference(nic->reps[from->number - 1])
				 : rcu_dereference(nic->uplink);
	if (!in) {
		drop(nic, skb);
		return;
	}
	p.in = &in->binding;
	p.skb = skb;
	skb->dev = in->netdev;
	if (!sn_matchall_passes(&p)) {
		drop(nic, skb);
		return;
	}
	if (from->kind == SN_WIRE && run_tunnels(nic, skb))
		return;
	finish(&p, run_rules(&p));
}

void sn_forward_out(struct sn_port *from, struct sk_buff *skb)
{
	struct sn_nic *nic = from->nic;

	if (READ_ONCE(nic->faults.reset)) {
		drop(nic, skb);
		return;
	}
	sn_forward_set_headers(skb);
	skb = sn_forward_take_tag(skb);
	if (!skb)
		return;
	if (!READ_ONCE(nic->switchdev)) {
		switch_by_address(nic, from, skb);
		return;
	}
	atomic64_inc(&nic->counters.from_software);
	sn_forward_egress(nic, from->number, skb);
}
