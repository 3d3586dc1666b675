// SPDX-License-Identifier: GPL-2.0
// pedit: rewriting words of headers. Checksums follow by the difference, so a packet that came damaged stays so.
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "hw-tests/simnic/kmod/simnic.h"

// Connections give addresses and ports as numbers of this machine, and ports at their own offset.
static void from_connection(struct sn_action *a)
{
	u32 value = a->edit.value, mask = a->edit.mask;

	if (a->edit.header == FLOW_ACT_MANGLE_HDR_TYPE_TCP ||
	    a->edit.header == FLOW_ACT_MANGLE_HDR_TYPE_UDP) {
		bool source = !a->edit.offset;

		value = source ? value << 16 : value & 0xffff;
		mask = source ? 0x0000ffff : 0xffff0000;
		a->edit.offset = 0;
	}
	a->edit.value = (__force u32)htonl(value);
	a->edit.mask = (__force u32)htonl(mask);
}

static int parse_edit(struct sn_rule *rule, const struct flow_action_entry *e, struct sn_action *a,
		      bool add, struct netlink_ext_ack *extack)
{
	switch (e->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		break;
	default:
		return sn_refuse(extack,
				 "simnic: pedit needs the extended form, with a header type",
				 EOPNOTSUPP);
	}
	if (e->mangle.offset > 60)
		return sn_refuse(extack, "simnic: pedit beyond the headers", EOPNOTSUPP);
	a->edit.header = e->mangle.htype;
	a->edit.offset = e->mangle.offset;
	a->edit.mask = e->mangle.mask;
	a->edit.value = e->mangle.val;
	a->edit.add = add;
	if (rule->is_connection)
		from_connection(a);
	return 0;
}

static int parse_mangle(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
			struct sn_action *a, struct netlink_ext_ack *extack)
{
	return parse_edit(rule, e, a, false, extack);
}

static int parse_add(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		     struct sn_action *a, struct netlink_ext_ack *extack)
{
	return parse_edit(rule, e, a, true, extack);
}

// ---- Where headers are ----

struct place {
	int l3, l4; // l4 is negative when there is none: a later fragment, or cut
	bool ipv4;
	u8 proto;
};

static bool find_ipv4(struct sk_buff *skb, struct place *at)
{
	struct iphdr room, *ip = skb_header_pointer(skb, at->l3, sizeof(room), &room);

	if (!ip || ip->ihl < 5)
		return false;
	at->ipv4 = true;
	at->proto = ip->protocol;
	at->l4 = ip->frag_off & htons(IP_OFFSET) ? -1 : at->l3 + ip->ihl * 4;
	return true;
}

static bool find_ipv6(struct sk_buff *skb, struct place *at)
{
	struct ipv6hdr room, *ip = skb_header_pointer(skb, at->l3, sizeof(room), &room);
	__be16 frag;

	if (!ip)
		return false;
	at->proto = ip->nexthdr;
	at->l4 = ipv6_skip_exthdr(skb, at->l3 + sizeof(*ip), &at->proto, &frag);
	if (frag & htons(IP6_OFFSET))
		at->l4 = -1;
	return true;
}

static bool find_headers(struct sk_buff *skb, struct place *at)
{
	__be16 type;

	memset(at, 0, sizeof(*at));
	at->l3 = sn_forward_l3_offset(skb, &type);
	if (at->l3 < 0)
		return false;
	if (type == htons(ETH_P_IP))
		return find_ipv4(skb, at);
	return type == htons(ETH_P_IPV6) && find_ipv6(skb, at);
}

// Offset of the edited word, or -1 when the packet has no such header.
static int word_offset(struct sk_buff *skb, const struct sn_action *a, struct place *at)
{
	bool ip = find_headers(skb, at);

	switch (a->edit.header) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		return a->edit.offset;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return ip && at->ipv4 ? at->l3 + a->edit.offset : -1;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		return ip && !at->ipv4 ? at->l3 + a->edit.offset : -1;
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
		return ip && at->l4 > 0 && at->proto == IPPROTO_TCP ? at->l4 + a->edit.offset : -1;
	default:
		return ip && at->l4 > 0 && at->proto == IPPROTO_UDP ? at->l4 + a->edit.offset : -1;
	}
}

// ---- Checksums ----

static int l4_checksum_offset(const struct place *at)
{
	if (at->l4 <= 0)
		return -1;
	switch (at->proto) {
	case IPPROTO_TCP:
		return at->l4 + offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return at->l4 + offsetof(struct udphdr, check);
	case IPPROTO_ICMPV6:
		return at->ipv4 ? -1 : at->l4 + 2;
	default:
		return -1;
	}
}

static void fix_l4(struct sk_buff *skb, const struct place *at, __be32 from, __be32 to)
{
	int offset = l4_checksum_offset(at);
	__sum16 *check;

	if (offset < 0 || skb_ensure_writable(skb, offset + sizeof(*check)))
		return;
	check = (__sum16 *)(skb->data + offset);
	// UDP over IPv4 may have none.
	if (at->proto == IPPROTO_UDP && !*check)
		return;
	csum_replace4(check, from, to);
	if (at->proto == IPPROTO_UDP && !*check)
		*check = CSUM_MANGLED_0;
}

// 'from' and 'to': the word without a checksum that may be in it.
static void fix_checksums(struct sk_buff *skb, const struct sn_action *a, const struct place *at,
			  __be32 from, __be32 to)
{
	unsigned int offset = a->edit.offset;

	switch (a->edit.header) {
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4: {
		struct iphdr *ip = (struct iphdr *)(skb->data + at->l3);

		csum_replace4(&ip->check, from, to);
		if (offset >= offsetof(struct iphdr, saddr) && offset < sizeof(*ip))
			fix_l4(skb, at, from, to);
		break;
	}
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		if (offset >= offsetof(struct ipv6hdr, saddr) && offset < sizeof(struct ipv6hdr))
			fix_l4(skb, at, from, to);
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		fix_l4(skb, at, from, to);
		break;
	}
}

// The bytes of the word that are the header's own checksum: whoever writes them knows what he does.
static __be32 checksum_bytes(const struct sn_action *a)
{
	switch (a->edit.header) {
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		return a->edit.offset == 8 ? htonl(0x0000ffff) : 0;
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
		return a->edit.offset == 16 ? htonl(0xffff0000) : 0;
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		return a->edit.offset == 4 ? htonl(0x0000ffff) : 0;
	default:
		return 0;
	}
}

static enum sn_verdict run_edit(struct sn_packet *p, const struct sn_action *a)
{
	struct sk_buff *skb = p->skb;
	struct place at;
	int offset = word_offset(skb, a, &at), needed;
	u32 from, to;
	__be32 without;

	// As in software: what is not there is not written.
	if (offset < 0 || offset + sizeof(u32) > skb->len)
		return SN_NEXT;
	needed = offset + sizeof(u32);
	if (a->edit.header == FLOW_ACT_MANGLE_HDR_TYPE_IP4)
		needed = max_t(int, needed, at.l3 + sizeof(struct iphdr));
	if (skb_ensure_writable(skb, needed))
		return SN_DROP;
	from = get_unaligned((u32 *)(skb->data + offset));
	to = a->edit.add ? (from + a->edit.value) & ~a->edit.mask : a->edit.value;
	to ^= from & a->edit.mask;
	without = ~checksum_bytes(a);
	put_unaligned(to, (u32 *)(skb->data + offset));
	fix_checksums(skb, a, &at, (__force __be32)from & without, (__force __be32)to & without);
	if (a->edit.header == FLOW_ACT_MANGLE_HDR_TYPE_ETH)
		sn_forward_set_headers(skb);
	return SN_NEXT;
}

const struct sn_action_type sn_action_mangle = {
	SN_ACTION_TEXTS("pedit"),
	.parse = parse_mangle,
	.run = run_edit,
};

const struct sn_action_type sn_action_add = {
	SN_ACTION_TEXTS("pedit_add"),
	.parse = parse_add,
	.run = run_edit,
};
