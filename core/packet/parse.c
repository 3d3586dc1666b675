// SPDX-License-Identifier: Apache-2.0
// Packet bytes to flow key: the parser that knows everything. parse-packed.c has a short cut for common packets.
#include "core/packet/parse-private.h"

#include <assert.h>

#include "core/base/counters.h"
#include "core/packet/proto-private.h"

// The bytes not yet read, and where they began.
struct cursor {
	const uint8_t *start, *p, *end;
};

static inline size_t left(const struct cursor *c)
{
	return c->end - c->p;
}

static inline uint16_t offset(const struct cursor *c)
{
	return c->p - c->start;
}

// ---- Ethernet ----

static unsigned int tag_limit = FLOW_MAX_VLANS;

void packet_set_tag_limit(unsigned int n)
{
	assert(n > 0 && n <= FLOW_MAX_VLANS);
	__atomic_store_n(&tag_limit, n, __ATOMIC_RELAXED);
}

unsigned int packet_tag_limit(void)
{
	return __atomic_load_n(&tag_limit, __ATOMIC_RELAXED);
}

static void parse_vlans(struct cursor *c, unsigned int max, struct flow_key *k)
{
	for (unsigned int i = 0; i < max; i++) {
		be16 tpid;

		// A tag is its tpid, its tci and the type that follows.
		if (left(c) < 6)
			return;
		tpid = get16(c->p);
		if (tpid != htobe16(ETH_TYPE_VLAN) && tpid != htobe16(ETH_TYPE_VLAN_AD))
			return;
		k->vlans[i].tpid = tpid;
		k->vlans[i].tci = get16(c->p + 2) | htobe16(VLAN_PRESENT);
		c->p += 4;
	}
}

static void parse_eth_type(struct cursor *c, struct flow_key *k)
{
	static const uint8_t snap[6] = { 0xaa, 0xaa, 0x03, 0, 0, 0 };
	be16 type = get16(c->p);

	c->p += 2;
	if (be16toh(type) >= ETH_TYPE_MIN) {
		k->eth_type = type;
		return;
	}
	k->eth_type = htobe16(ETH_TYPE_NONE);
	if (left(c) < 8 || memcmp(c->p, snap, sizeof(snap)) ||
	    be16toh(get16(c->p + 6)) < ETH_TYPE_MIN)
		return;
	k->eth_type = get16(c->p + 6);
	c->p += 8;
}

static void parse_mpls(struct cursor *c, struct packet *p, struct flow_key *k)
{
	p->l2_5 = offset(c);
	for (int i = 0; left(c) >= 4; i++) {
		be32 lse = get32(c->p);

		if (i < FLOW_MAX_MPLS)
			k->mpls_lse[i] = lse;
		c->p += 4;
		if (lse & htobe32(MPLS_BOS))
			return;
	}
}

static void parse_arp(struct cursor *c, struct packet *p, struct flow_key *k)
{
	static const uint8_t ethernet_ipv4[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *a = c->p;
	uint16_t op;

	if (left(c) < ARP_LEN || memcmp(a, ethernet_ipv4, sizeof(ethernet_ipv4)))
		return;
	p->l3 = offset(c);
	op = be16toh(get16(a + 6));
	k->nw_proto = op <= UINT8_MAX ? op : 0;
	memcpy(&k->arp_sha, a + 8, 6);
	k->nw_src = get32(a + 14);
	memcpy(&k->arp_tha, a + 18, 6);
	k->nw_dst = get32(a + 24);
}

static void parse_nsh(struct cursor *c, struct packet *p, struct flow_key *k)
{
	const uint8_t *h = c->p;
	uint16_t word;
	size_t len;

	if (left(c) < 8)
		return;
	word = be16toh(get16(h));
	len = (word & 0x3f) * 4;
	if (len < 8 || left(c) < len)
		return;
	if ((h[2] & 0xf) == 1) {
		if (len != 24)
			return;
		memcpy(k->nsh_context, h + 8, 16);
	}
	p->l3 = offset(c);
	k->nsh_flags = word >> 12 & 3;
	k->nsh_ttl = word >> 6 & 0x3f;
	k->nsh_mdtype = h[2] & 0xf;
	k->nsh_np = h[3];
	k->nsh_path = get32(h + 4);
}

// ---- Transport ----

static void parse_tcp(struct cursor *c, struct flow_key *k, bool *ok)
{
	size_t len;

	if (left(c) < TCP_LEN)
		return;
	len = (c->p[12] >> 4) * 4;
	if (len < TCP_LEN || len > left(c))
		return;
	*ok = true;
	k->tp_src = get16(c->p);
	k->tp_dst = get16(c->p + 2);
	k->tcp_flags = get16(c->p + 12) & htobe16(0x0fff);
}

static void parse_ports(struct cursor *c, struct flow_key *k, size_t min_len, bool *ok)
{
	if (left(c) < min_len)
		return;
	*ok = true;
	k->tp_src = get16(c->p);
	k->tp_dst = get16(c->p + 2);
}

// ICMP and IGMP: type and code where ports would be.
static void parse_type_code(struct cursor *c, struct flow_key *k, size_t min_len, bool *ok)
{
	if (left(c) < min_len)
		return;
	*ok = true;
	k->tp_src = htobe16(c->p[0]);
	k->tp_dst = htobe16(c->p[1]);
}

static void clear_nd(struct flow_key *k)
{
	memset(&k->nd_target, 0, sizeof(k->nd_target));
	memset(&k->arp_sha, 0, sizeof(k->arp_sha));
	memset(&k->arp_tha, 0, sizeof(k->arp_tha));
	k->nd_reserved = 0;
	k->nd_options_type = 0;
}

static bool parse_nd_option(const uint8_t *o, size_t len, uint8_t type, struct flow_key *k)
{
	bool solicit = type == ND_SOLICIT;
	struct eth_addr *addr = solicit ? &k->arp_sha : &k->arp_tha;

	if (o[0] != (solicit ? ND_OPT_SLL : ND_OPT_TLL) || len != 8)
		return true;
	// Two addresses contradict each other.
	if (k->nd_options_type)
		return false;
	memcpy(addr, o + 2, 6);
	k->nd_options_type = o[0];
	return true;
}

static void parse_nd(struct cursor *c, uint8_t type, struct flow_key *k)
{
	const uint8_t *o;

	if (left(c) < ND_LEN)
		return;
	k->nd_reserved = get32(c->p + 4);
	memcpy(&k->nd_target, c->p + 8, 16);
	for (o = c->p + ND_LEN; c->end - o >= 8;) {
		size_t len = o[1] * 8;

		if (!len || len > (size_t)(c->end - o) || !parse_nd_option(o, len, type, k)) {
			clear_nd(k);
			return;
		}
		o += len;
	}
}

static void parse_icmpv6(struct cursor *c, struct flow_key *k, bool *ok)
{
	parse_type_code(c, k, 4, ok);
	if (*ok && !c->p[1] && (c->p[0] == ND_SOLICIT || c->p[0] == ND_ADVERT))
		parse_nd(c, c->p[0], k);
}

static void parse_transport(struct cursor *c, struct packet *p, struct flow_key *k, bool v6)
{
	bool ok = false;

	switch (k->nw_proto) {
	case PROTO_TCP:
		parse_tcp(c, k, &ok);
		break;
	case PROTO_UDP:
		parse_ports(c, k, UDP_LEN, &ok);
		break;
	case PROTO_SCTP:
		parse_ports(c, k, SCTP_LEN, &ok);
		break;
	case PROTO_ICMP:
	case PROTO_IGMP:
		if (!v6)
			parse_type_code(c, k, 8, &ok);
		break;
	case PROTO_ICMPV6:
		if (v6)
			parse_icmpv6(c, k, &ok);
		break;
	}
	if (ok)
		p->l4 = offset(c);
}

// ---- IP ----

static void parse_ipv4(struct cursor *c, struct packet *p, struct flow_key *k)
{
	const uint8_t *h = c->p;
	size_t header, total;
	uint16_t frag;

	if (left(c) < IPV4_LEN)
		return;
	header = (h[0] & 0xf) * 4;
	total = be16toh(get16(h + 2));
	if (header < IPV4_LEN || total < header || total > left(c))
		return;
	p->l3 = offset(c);
	// What follows the datagram is padding.
	c->end = h + total;
	k->nw_src = get32(h + 12);
	k->nw_dst = get32(h + 16);
	k->nw_tos = h[1];
	k->nw_ttl = h[8];
	k->nw_proto = h[9];
	frag = be16toh(get16(h + 6));
	if (frag & 0x3fff) {
		k->nw_frag = FLOW_FRAG_ANY;
		if (frag & 0x1fff) {
			k->nw_frag |= FLOW_FRAG_LATER;
			return;
		}
	}
	c->p += header;
	parse_transport(c, p, k, false);
}

// Walks extension headers; false when there is no transport header to be read behind them.
static bool skip_ipv6_extensions(struct cursor *c, struct flow_key *k)
{
	for (;;) {
		size_t len;

		switch (k->nw_proto) {
		case IPV6_HOP_BY_HOP:
		case IPV6_ROUTING:
		case IPV6_DEST_OPTIONS:
		case IPV6_MOBILITY:
		case IPV6_HIP:
		case IPV6_SHIM6:
			len = left(c) >= 8 ? (c->p[1] + 1) * 8u : SIZE_MAX;
			break;
		case IPV6_AH:
			len = left(c) >= 8 ? (c->p[1] + 2) * 4u : SIZE_MAX;
			break;
		case IPV6_FRAGMENT:
			len = 8;
			if (left(c) < len)
				return false;
			if (c->p[2] || c->p[3] & 0xf8)
				k->nw_frag = FLOW_FRAG_ANY | FLOW_FRAG_LATER;
			else if (c->p[3] & 1)
				k->nw_frag = FLOW_FRAG_ANY;
			break;
		default:
			return true;
		}
		if (len > left(c))
			return false;
		k->nw_proto = c->p[0];
		c->p += len;
		if (k->nw_frag & FLOW_FRAG_LATER)
			return false;
	}
}

static void parse_ipv6(struct cursor *c, struct packet *p, struct flow_key *k)
{
	const uint8_t *h = c->p;
	uint32_t word;
	size_t payload;

	if (left(c) < IPV6_LEN)
		return;
	payload = be16toh(get16(h + 4));
	if (payload > left(c) - IPV6_LEN)
		return;
	p->l3 = offset(c);
	c->end = h + IPV6_LEN + payload;
	word = be32toh(get32(h));
	k->ipv6_label = htobe32(word & 0xfffff);
	k->nw_tos = word >> 20;
	k->nw_proto = h[6];
	k->nw_ttl = h[7];
	memcpy(&k->ipv6_src, h + 8, 16);
	memcpy(&k->ipv6_dst, h + 24, 16);
	c->p += IPV6_LEN;
	if (skip_ipv6_extensions(c, k))
		parse_transport(c, p, k, true);
}

// ---- The whole ----

int packet_parse_bytes(struct packet *p, bool bare, unsigned int max_tags, struct flow_key *k)
{
	struct cursor c = { p->data, p->data, p->data + p->size };

	p->l2_5 = p->l3 = p->l4 = UINT16_MAX;
	if (p->size < ETH_LEN)
		return -EINVAL;
	if (!bare) {
		memcpy(&k->eth_dst, c.p, 6);
		memcpy(&k->eth_src, c.p + 6, 6);
	}
	c.p += 12;
	if (!bare)
		parse_vlans(&c, max_tags, k);
	parse_eth_type(&c, k);
	switch (be16toh(k->eth_type)) {
	case ETH_TYPE_IPV4:
		parse_ipv4(&c, p, k);
		break;
	case ETH_TYPE_IPV6:
		parse_ipv6(&c, p, k);
		break;
	case ETH_TYPE_ARP:
	case ETH_TYPE_RARP:
		parse_arp(&c, p, k);
		break;
	case ETH_TYPE_MPLS:
	case ETH_TYPE_MPLS_MC:
		parse_mpls(&c, p, k);
		break;
	case ETH_TYPE_NSH:
		parse_nsh(&c, p, k);
		break;
	}
	return 0;
}

void packet_metadata_to_key(const struct packet_metadata *md, struct flow_key *k)
{
	if (md->tunnel)
		k->tunnel = *md->tunnel;
	k->skb_priority = md->skb_priority;
	k->pkt_mark = md->pkt_mark;
	k->dp_hash = md->dp_hash;
	k->in_port = md->in_port;
	k->recirc_id = md->recirc_id;
	k->packet_type = md->packet_type;
	k->ct_mark = md->ct_mark;
	k->ct_zone = md->ct_zone;
	k->ct_state = md->ct_state;
	memcpy(k->ct_label, md->ct_label, sizeof(k->ct_label));
}

void packet_ct_tuple_to_key(const struct packet_metadata *md, struct flow_key *k)
{
	const struct flow_key *t = md->ct_tuple;

	if (!t)
		return;
	k->ct_nw_proto = t->ct_nw_proto;
	k->ct_nw_src = t->ct_nw_src;
	k->ct_nw_dst = t->ct_nw_dst;
	k->ct_ipv6_src = t->ct_ipv6_src;
	k->ct_ipv6_dst = t->ct_ipv6_dst;
	k->ct_tp_src = t->ct_tp_src;
	k->ct_tp_dst = t->ct_tp_dst;
}

struct packet_metadata packet_metadata_of(const struct flow_key *k)
{
	struct packet_metadata md = { .in_port = k->in_port,
				      .recirc_id = k->recirc_id,
				      .dp_hash = k->dp_hash,
				      .skb_priority = k->skb_priority,
				      .pkt_mark = k->pkt_mark,
				      .packet_type = k->packet_type,
				      .ct_mark = k->ct_mark,
				      .ct_zone = k->ct_zone,
				      .ct_state = k->ct_state };

	memcpy(md.ct_label, k->ct_label, sizeof(md.ct_label));
	if (!is_all_zeros(&k->tunnel, sizeof(k->tunnel)))
		md.tunnel = &k->tunnel;
	if (k->ct_nw_proto)
		md.ct_tuple = k;
	return md;
}

int packet_parse(struct packet *p, const struct packet_metadata *md, struct flow_key *k)
{
	counter_inc(COUNTER_FLOW_EXTRACT);
	memset(k, 0, sizeof(*k));
	packet_metadata_to_key(md, k);
	packet_ct_tuple_to_key(md, k);
	return packet_parse_bytes(p, md->packet_type, packet_tag_limit(), k);
}

int packet_locate(struct packet *p)
{
	struct flow_key k = { .packet_type = 0 };

	return packet_parse_bytes(p, false, FLOW_MAX_VLANS, &k);
}
