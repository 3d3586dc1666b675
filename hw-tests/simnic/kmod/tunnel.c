// SPDX-License-Identifier: GPL-2.0
// VXLAN, Geneve and GRE: packets are wrapped on their way to the uplink, and opened when they come from there.
//
// The way to the other end is asked of the kernel for each packet; as long as it is not known, software has the packet.
#include <net/geneve.h>
#include <net/gre.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#include <net/neighbour.h>
#include <net/route.h>
#include <net/udp.h>
#include <net/vxlan.h>

#include "hw-tests/simnic/kmod/simnic.h"

struct sn_encap {
	struct rcu_head rcu;
	struct net *net; // of the tunnel device, which may go before the rule does: held
	enum sn_tunnel_kind kind;
	struct ip_tunnel_info info; // its options behind it
};

enum sn_tunnel_kind sn_tunnel_kind(const struct net_device *netdev)
{
	if (netif_is_vxlan(netdev))
		return SN_VXLAN;
	if (netif_is_geneve(netdev))
		return SN_GENEVE;
	return netif_is_gretap(netdev) ? SN_GRETAP : SN_NO_TUNNEL;
}

// ---- Opening ----

// What the outer headers say, while they are read.
struct outer {
	int at; // offset of what comes next
	bool ipv6;
	u8 proto;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
	__be16 tp_src, tp_dst, flags;
	__be64 id;
	unsigned int n_options;
	u8 options[FLOW_DIS_TUN_OPTS_MAX];
};

static bool pull(const struct sk_buff *skb, struct outer *o, void *to, unsigned int n)
{
	if (skb_copy_bits(skb, o->at, to, n))
		return false;
	o->at += n;
	return true;
}

static bool read_ip(struct sk_buff *skb, struct outer *o)
{
	__be16 type;

	o->at = sn_forward_l3_offset(skb, &type);
	if (o->at < 0)
		return false;
	o->ipv6 = type == htons(ETH_P_IPV6);
	if (o->ipv6) {
		o->proto = pull(skb, o, &o->v6, sizeof(o->v6)) ? o->v6.nexthdr : 0;
		return o->proto;
	}
	if (type != htons(ETH_P_IP) || !pull(skb, o, &o->v4, sizeof(o->v4)) || o->v4.ihl != 5 ||
	    ip_is_fragment(&o->v4))
		return false;
	o->proto = o->v4.protocol;
	return true;
}

static bool read_udp(struct sk_buff *skb, struct outer *o)
{
	struct udphdr udp;

	if (o->proto != IPPROTO_UDP || !pull(skb, o, &udp, sizeof(udp)))
		return false;
	o->tp_src = udp.source;
	o->tp_dst = udp.dest;
	o->flags |= udp.check ? TUNNEL_CSUM : 0;
	return true;
}

static bool read_vxlan(struct sk_buff *skb, struct outer *o)
{
	struct vxlanhdr h;

	if (!read_udp(skb, o) || !pull(skb, o, &h, sizeof(h)) || h.vx_flags != VXLAN_HF_VNI)
		return false;
	o->id = key32_to_tunnel_id(vxlan_vni(h.vx_vni));
	o->flags |= TUNNEL_KEY;
	return true;
}

static bool read_geneve(struct sk_buff *skb, struct outer *o)
{
	struct genevehdr h;

	if (!read_udp(skb, o) || !pull(skb, o, &h, sizeof(h)) || h.ver || h.oam ||
	    h.proto_type != htons(ETH_P_TEB))
		return false;
	o->id = cpu_to_be64(h.vni[0] << 16 | h.vni[1] << 8 | h.vni[2]);
	o->flags |= TUNNEL_KEY | (h.critical ? TUNNEL_CRIT_OPT : 0);
	o->n_options = h.opt_len * 4;
	return pull(skb, o, o->options, o->n_options);
}

static bool read_gre(struct sk_buff *skb, struct outer *o)
{
	struct gre_base_hdr h;
	__be32 key, sum;

	if (o->proto != IPPROTO_GRE || !pull(skb, o, &h, sizeof(h)) ||
	    h.protocol != htons(ETH_P_TEB) || h.flags & ~(GRE_KEY | GRE_CSUM))
		return false;
	if (h.flags & GRE_CSUM) {
		o->flags |= TUNNEL_CSUM;
		if (!pull(skb, o, &sum, sizeof(sum)))
			return false;
	}
	if (!(h.flags & GRE_KEY))
		return true;
	o->flags |= TUNNEL_KEY;
	if (!pull(skb, o, &key, sizeof(key)))
		return false;
	o->id = key32_to_tunnel_id(key);
	return true;
}

static struct metadata_dst *metadata_of(const struct outer *o)
{
	struct metadata_dst *md;

	if (o->ipv6)
		md = __ipv6_tun_set_dst(&o->v6.saddr, &o->v6.daddr, ipv6_get_dsfield(&o->v6),
					o->v6.hop_limit, o->tp_dst, ip6_flowlabel(&o->v6), o->flags,
					o->id, o->n_options);
	else
		md = __ip_tun_set_dst(o->v4.saddr, o->v4.daddr, o->v4.tos, o->v4.ttl, o->tp_dst,
				      o->flags, o->id, o->n_options);
	if (!md)
		return NULL;
	md->u.tun_info.key.tp_src = o->tp_src;
	if (o->n_options)
		ip_tunnel_info_opts_set(&md->u.tun_info, o->options, o->n_options,
					TUNNEL_GENEVE_OPT);
	return md;
}

static struct sk_buff *inner_of(struct sk_buff *skb, const struct outer *o)
{
	struct metadata_dst *md = metadata_of(o);
	struct sk_buff *inner = md ? skb_copy(skb, GFP_ATOMIC) : NULL;

	if (!inner) {
		dst_release(md ? &md->dst : NULL);
		return NULL;
	}
	__vlan_hwaccel_clear_tag(inner);
	skb_pull(inner, o->at);
	skb_dst_drop(inner);
	skb_dst_set(inner, &md->dst);
	sn_forward_set_headers(inner);
	return sn_forward_take_tag(inner);
}

struct sk_buff *sn_tunnel_open(struct sk_buff *skb, enum sn_tunnel_kind kind)
{
	struct outer o = {};

	if (!read_ip(skb, &o))
		return NULL;
	switch (kind) {
	case SN_VXLAN:
		if (!read_vxlan(skb, &o))
			return NULL;
		break;
	case SN_GENEVE:
		if (!read_geneve(skb, &o))
			return NULL;
		break;
	default:
		if (!read_gre(skb, &o))
			return NULL;
	}
	return skb->len - o.at < ETH_HLEN ? NULL : inner_of(skb, &o);
}

static enum sn_verdict run_decap(struct sn_packet *p, const struct sn_action *a)
{
	skb_dst_drop(p->skb);
	return SN_NEXT;
}

const struct sn_action_type sn_action_decap = {
	SN_ACTION_TEXTS("tunnel_decap"),
	.run = run_decap,
};

// ---- The way to the other end ----

struct way {
	struct dst_entry *dst;
	union {
		struct flowi4 v4;
		struct flowi6 v6;
	};
	u8 mac[ETH_ALEN];
};

static bool is_ipv6(const struct sn_encap *e)
{
	return ip_tunnel_info_af(&e->info) == AF_INET6;
}

static u8 proto_of(const struct sn_encap *e)
{
	return e->kind == SN_GRETAP ? IPPROTO_GRE : IPPROTO_UDP;
}

static struct dst_entry *find_route(const struct sn_encap *e, struct way *way)
{
	const struct ip_tunnel_key *key = &e->info.key;
	struct rtable *rt;

	if (is_ipv6(e)) {
		way->v6 = (struct flowi6){ .daddr = key->u.ipv6.dst,
					   .saddr = key->u.ipv6.src,
					   .flowi6_proto = proto_of(e) };
		return ipv6_stub->ipv6_dst_lookup_flow(e->net, NULL, &way->v6, NULL);
	}
	way->v4 = (struct flowi4){ .daddr = key->u.ipv4.dst,
				   .saddr = key->u.ipv4.src,
				   .flowi4_tos = RT_TOS(key->tos),
				   .flowi4_proto = proto_of(e) };
	rt = ip_route_output_key(e->net, &way->v4);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

static bool find_mac(const struct sn_encap *e, struct way *way)
{
	const void *address = is_ipv6(e) ? (void *)&way->v6.daddr : (void *)&way->v4.daddr;
	struct neighbour *n = dst_neigh_lookup(way->dst, address);
	bool valid;

	if (!n)
		return false;
	// Also keeps an entry that is used alive.
	neigh_event_send(n, NULL);
	valid = READ_ONCE(n->nud_state) & NUD_VALID;
	neigh_ha_snapshot(way->mac, n, n->dev);
	neigh_release(n);
	return valid;
}

// The caller releases way->dst when this is true.
static bool find_way(const struct sn_encap *e, struct way *way)
{
	way->dst = find_route(e, way);
	if (IS_ERR(way->dst))
		return false;
	if (!(way->dst->dev->flags & IFF_LOOPBACK) && find_mac(e, way))
		return true;
	dst_release(way->dst);
	return false;
}

bool sn_tunnel_ready(const struct sn_encap *encap)
{
	struct way way;

	if (!find_way(encap, &way))
		return false;
	dst_release(way.dst);
	return true;
}

// ---- Wrapping ----

static void push_vxlan(struct sk_buff *skb, const struct ip_tunnel_info *info)
{
	struct vxlanhdr *h = skb_push(skb, sizeof(*h));

	h->vx_flags = VXLAN_HF_VNI;
	h->vx_vni = vxlan_vni_field(tunnel_id_to_key32(info->key.tun_id));
}

static void push_geneve(struct sk_buff *skb, const struct ip_tunnel_info *info)
{
	struct genevehdr *h = skb_push(skb, sizeof(*h) + info->options_len);
	u32 vni = be64_to_cpu(info->key.tun_id);

	memset(h, 0, sizeof(*h));
	h->opt_len = info->options_len / 4;
	h->critical = !!(info->key.tun_flags & TUNNEL_CRIT_OPT);
	h->proto_type = htons(ETH_P_TEB);
	h->vni[0] = vni >> 16;
	h->vni[1] = vni >> 8;
	h->vni[2] = vni;
	ip_tunnel_info_opts_get(h->options, info);
}

static void push_gre(struct sk_buff *skb, const struct ip_tunnel_info *info)
{
	bool key = info->key.tun_flags & TUNNEL_KEY, sum = info->key.tun_flags & TUNNEL_CSUM;
	struct gre_base_hdr *h;
	__be32 *room;

	if (key)
		*(__be32 *)skb_push(skb, sizeof(__be32)) = tunnel_id_to_key32(info->key.tun_id);
	if (sum)
		*(__be32 *)skb_push(skb, sizeof(__be32)) = 0;
	h = skb_push(skb, sizeof(*h));
	h->flags = (key ? GRE_KEY : 0) | (sum ? GRE_CSUM : 0);
	h->protocol = htons(ETH_P_TEB);
	room = (__be32 *)(h + 1);
	if (sum)
		*(__sum16 *)room = csum_fold(skb_checksum(skb, 0, skb->len, 0));
}

static void push_udp(struct sk_buff *skb, const struct sn_encap *e, const struct way *way,
		     __be16 source)
{
	struct udphdr *h = skb_push(skb, sizeof(*h));
	__wsum sum;

	h->source = source;
	h->dest = e->info.key.tp_dst;
	h->len = htons(skb->len);
	h->check = 0;
	if (!(e->info.key.tun_flags & TUNNEL_CSUM))
		return;
	sum = skb_checksum(skb, 0, skb->len, 0);
	if (is_ipv6(e))
		h->check =
			csum_ipv6_magic(&way->v6.saddr, &way->v6.daddr, skb->len, IPPROTO_UDP, sum);
	else
		h->check =
			csum_tcpudp_magic(way->v4.saddr, way->v4.daddr, skb->len, IPPROTO_UDP, sum);
	h->check = h->check ?: CSUM_MANGLED_0;
}

static void push_ipv4(struct sk_buff *skb, const struct sn_encap *e, const struct way *way)
{
	const struct ip_tunnel_key *key = &e->info.key;
	struct iphdr *h = skb_push(skb, sizeof(*h));

	*h = (struct iphdr){ .version = 4,
			     .ihl = 5,
			     .tos = key->tos,
			     .tot_len = htons(skb->len),
			     .ttl = key->ttl ?: ip4_dst_hoplimit(way->dst),
			     .protocol = proto_of(e),
			     .saddr = way->v4.saddr,
			     .daddr = way->v4.daddr };
	if (key->tun_flags & TUNNEL_DONT_FRAGMENT)
		h->frag_off = htons(IP_DF);
	__ip_select_ident(e->net, h, 1);
	ip_send_check(h);
}

static void push_ipv6(struct sk_buff *skb, const struct sn_encap *e, const struct way *way)
{
	const struct ip_tunnel_key *key = &e->info.key;
	unsigned int len = skb->len;
	struct ipv6hdr *h = skb_push(skb, sizeof(*h));

	ip6_flow_hdr(h, key->tos, key->label);
	h->payload_len = htons(len);
	h->nexthdr = proto_of(e);
	h->hop_limit = key->ttl ?: 64;
	h->saddr = way->v6.saddr;
	h->daddr = way->v6.daddr;
}

static void push_ethernet(struct sk_buff *skb, const struct sn_encap *e, const struct way *way)
{
	struct ethhdr *h = skb_push(skb, sizeof(*h));

	ether_addr_copy(h->h_dest, way->mac);
	ether_addr_copy(h->h_source, way->dst->dev->dev_addr);
	h->h_proto = is_ipv6(e) ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
}

// The tag of the packet is part of what is wrapped.
static struct sk_buff *prepare(struct sk_buff *skb)
{
	if (skb_vlan_tag_present(skb))
		skb = __vlan_hwaccel_push_inside(skb);
	if (skb && skb_cow_head(skb, 128 + FLOW_DIS_TUN_OPTS_MAX)) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

void sn_tunnel_output(struct sn_nic *nic, const struct sn_encap *encap, struct sk_buff *skb)
{
	struct way way;
	__be16 source;

	// The rule was looked at before it ran; this is for a way that was lost just now.
	if (!find_way(encap, &way)) {
		atomic64_inc(&nic->counters.drops);
		kfree_skb(skb);
		return;
	}
	// As software's devices choose it: from the ports of this machine, or from all.
	source = encap->kind == SN_GENEVE ? udp_flow_src_port(encap->net, skb, 1, USHRT_MAX, true)
					  : udp_flow_src_port(encap->net, skb, 0, 0, true);
	skb = prepare(skb);
	if (!skb)
		goto release;
	switch (encap->kind) {
	case SN_VXLAN:
		push_vxlan(skb, &encap->info);
		break;
	case SN_GENEVE:
		push_geneve(skb, &encap->info);
		break;
	default:
		push_gre(skb, &encap->info);
	}
	if (encap->kind != SN_GRETAP)
		push_udp(skb, encap, &way, source);
	if (is_ipv6(encap))
		push_ipv6(skb, encap, &way);
	else
		push_ipv4(skb, encap, &way);
	push_ethernet(skb, encap, &way);
	sn_forward_set_headers(skb);
	// An underlay in a VLAN.
	if (is_vlan_dev(way.dst->dev))
		__vlan_hwaccel_put_tag(skb, vlan_dev_vlan_proto(way.dst->dev),
				       vlan_dev_vlan_id(way.dst->dev));
	sn_forward_uplink(nic, skb);
release:
	dst_release(way.dst);
}

// ---- The action ----

static int parse_encap(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		       struct sn_action *a, struct netlink_ext_ack *extack)
{
	const struct ip_tunnel_info *info = e->tunnel;
	struct sn_encap *encap;

	if (nic->encap_mode == DEVLINK_ESWITCH_ENCAP_MODE_NONE)
		return sn_refuse(extack, "simnic: tunnels need encap-mode basic", EOPNOTSUPP);
	if (info->key.tun_flags & (TUNNEL_VXLAN_OPT | TUNNEL_ERSPAN_OPT | TUNNEL_SEQ))
		return sn_refuse(extack, "simnic: only Geneve's tunnel options are supported",
				 EOPNOTSUPP);
	encap = kzalloc(sizeof(*encap) + info->options_len, GFP_KERNEL);
	if (!encap)
		return -ENOMEM;
	memcpy(&encap->info, info, sizeof(*info) + info->options_len);
	a->encap = encap;
	rule->encap = encap;
	return 0;
}

static enum sn_verdict run_encap(struct sn_packet *p, const struct sn_action *a)
{
	return SN_NEXT;
}

static void release_encap(struct sn_nic *nic, struct sn_action *a)
{
	if (a->encap->net)
		put_net(a->encap->net);
	kfree_rcu(a->encap, rcu);
}

// The output behind it does the work.
const struct sn_action_type sn_action_encap = {
	SN_ACTION_TEXTS("tunnel_encap"),
	.parse = parse_encap,
	.run = run_encap,
	.release = release_encap,
};

int sn_tunnel_check_output(const struct sn_rule *rule, const struct net_device *netdev,
			   struct sn_encap **ret_encap, struct netlink_ext_ack *extack)
{
	enum sn_tunnel_kind kind = netdev ? sn_tunnel_kind(netdev) : SN_NO_TUNNEL;
	struct sn_encap *encap = rule->encap;

	if (!kind)
		return sn_refuse(extack, "simnic: the output device is not on this eSwitch",
				 EOPNOTSUPP);
	if (!encap)
		return sn_refuse(extack, "simnic: output to a tunnel needs tunnel_key set before",
				 EOPNOTSUPP);
	if (kind != SN_GENEVE && encap->info.options_len)
		return sn_refuse(extack, "simnic: only Geneve has tunnel options", EOPNOTSUPP);
	if (encap->kind && encap->kind != kind)
		return sn_refuse(extack, "simnic: one encapsulation for two kinds of tunnel",
				 EOPNOTSUPP);
	encap->kind = kind;
	if (!encap->net)
		encap->net = get_net(dev_net(netdev));
	*ret_encap = encap;
	return 0;
}
