// SPDX-License-Identifier: Apache-2.0
// A packet from a key: the reverse of parse.c.
#include "core/base/bytes.h"
#include "core/packet/packet.h"
#include "core/packet/proto-private.h"

struct payload {
	const uint8_t *p;
	size_t n;
};

static void put_payload(struct strbuf *out, const struct payload *l7)
{
	strbuf_put(out, l7->p, l7->n);
}

static void put_tcp(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	strbuf_put(out, &k->tp_src, 2);
	strbuf_put(out, &k->tp_dst, 2);
	strbuf_put_zeros(out, 8);
	wr_be16(out, 0x5000 | (be16toh(k->tcp_flags) & 0xfff));
	wr_be16(out, 0);
	strbuf_put_zeros(out, 4);
	put_payload(out, l7);
}

static void put_udp(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	strbuf_put(out, &k->tp_src, 2);
	strbuf_put(out, &k->tp_dst, 2);
	wr_be16(out, UDP_LEN + l7->n);
	// Any but zero: so that a checksum is made.
	wr_be16(out, 0xffff);
	put_payload(out, l7);
}

static void put_sctp(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	strbuf_put(out, &k->tp_src, 2);
	strbuf_put(out, &k->tp_dst, 2);
	strbuf_put_zeros(out, 8);
	put_payload(out, l7);
}

static void put_icmp(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	wr_u8(out, be16toh(k->tp_src));
	wr_u8(out, be16toh(k->tp_dst));
	strbuf_put_zeros(out, 6);
	put_payload(out, l7);
}

static bool is_nd(const struct flow_key *k)
{
	uint16_t type = be16toh(k->tp_src);

	return !k->tp_dst && (type == ND_SOLICIT || type == ND_ADVERT);
}

static void put_nd(const struct flow_key *k, struct strbuf *out)
{
	bool solicit = be16toh(k->tp_src) == ND_SOLICIT;
	const struct eth_addr *a = solicit ? &k->arp_sha : &k->arp_tha;

	wr_u8(out, be16toh(k->tp_src));
	wr_u8(out, 0);
	wr_be16(out, 0);
	strbuf_put(out, &k->nd_reserved, 4);
	strbuf_put(out, &k->nd_target, 16);
	if (!k->nd_options_type && is_all_zeros(a, sizeof(*a)))
		return;
	wr_u8(out, solicit ? ND_OPT_SLL : ND_OPT_TLL);
	wr_u8(out, 1);
	strbuf_put(out, a, 6);
}

static void put_transport(const struct flow_key *k, bool v6, const struct payload *l7,
			  struct strbuf *out)
{
	switch (k->nw_proto) {
	case PROTO_TCP:
		put_tcp(k, l7, out);
		break;
	case PROTO_UDP:
		put_udp(k, l7, out);
		break;
	case PROTO_SCTP:
		put_sctp(k, l7, out);
		break;
	case PROTO_ICMP:
	case PROTO_IGMP:
		if (v6)
			put_payload(out, l7);
		else
			put_icmp(k, l7, out);
		break;
	case PROTO_ICMPV6:
		if (v6 && is_nd(k))
			put_nd(k, out);
		else if (v6)
			put_icmp(k, l7, out);
		else
			put_payload(out, l7);
		break;
	default:
		put_payload(out, l7);
	}
}

static void put_ipv4(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	size_t start = out->len;
	uint16_t frag = k->nw_frag & FLOW_FRAG_LATER ? 0x2000 | 100 : k->nw_frag ? 0x2000 : 0;

	wr_u8(out, 0x45);
	wr_u8(out, k->nw_tos);
	wr_be16(out, 0);
	wr_be16(out, 0);
	wr_be16(out, frag);
	wr_u8(out, k->nw_ttl);
	wr_u8(out, k->nw_proto);
	wr_be16(out, 0);
	strbuf_put(out, &k->nw_src, 4);
	strbuf_put(out, &k->nw_dst, 4);
	if (k->nw_frag & FLOW_FRAG_LATER)
		put_payload(out, l7);
	else
		put_transport(k, false, l7, out);
	wr_patch_be16(out, start + 2, out->len - start);
}

static void put_ipv6(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	size_t start = out->len;

	wr_be32(out, 6u << 28 | (uint32_t)k->nw_tos << 20 | (be32toh(k->ipv6_label) & 0xfffff));
	wr_be16(out, 0);
	wr_u8(out, k->nw_frag ? IPV6_FRAGMENT : k->nw_proto);
	wr_u8(out, k->nw_ttl);
	strbuf_put(out, &k->ipv6_src, 16);
	strbuf_put(out, &k->ipv6_dst, 16);
	if (k->nw_frag) {
		wr_u8(out, k->nw_proto);
		wr_u8(out, 0);
		wr_be16(out, k->nw_frag & FLOW_FRAG_LATER ? 100 << 3 : 1);
		wr_be32(out, 0);
	}
	if (k->nw_frag & FLOW_FRAG_LATER)
		put_payload(out, l7);
	else
		put_transport(k, true, l7, out);
	wr_patch_be16(out, start + 4, out->len - start - IPV6_LEN);
}

static void put_arp(const struct flow_key *k, struct strbuf *out)
{
	wr_be16(out, 1);
	wr_be16(out, ETH_TYPE_IPV4);
	wr_u8(out, 6);
	wr_u8(out, 4);
	wr_be16(out, k->nw_proto);
	strbuf_put(out, &k->arp_sha, 6);
	strbuf_put(out, &k->nw_src, 4);
	strbuf_put(out, &k->arp_tha, 6);
	strbuf_put(out, &k->nw_dst, 4);
}

static void put_mpls(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	for (int i = 0; i < FLOW_MAX_MPLS; i++) {
		strbuf_put(out, &k->mpls_lse[i], 4);
		if (k->mpls_lse[i] & htobe32(MPLS_BOS))
			break;
	}
	put_payload(out, l7);
}

static void put_nsh(const struct flow_key *k, const struct payload *l7, struct strbuf *out)
{
	bool context = k->nsh_mdtype == 1;

	wr_be16(out, (k->nsh_flags & 3) << 12 | (k->nsh_ttl & 0x3f) << 6 | (context ? 6 : 2));
	wr_u8(out, k->nsh_mdtype & 0xf);
	wr_u8(out, k->nsh_np);
	strbuf_put(out, &k->nsh_path, 4);
	if (context)
		strbuf_put(out, k->nsh_context, 16);
	put_payload(out, l7);
}

static void put_ethernet(const struct flow_key *k, struct strbuf *out)
{
	strbuf_put(out, &k->eth_dst, 6);
	strbuf_put(out, &k->eth_src, 6);
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		if (!(k->vlans[i].tci & htobe16(VLAN_PRESENT)))
			break;
		wr_be16(out, k->vlans[i].tpid ? be16toh(k->vlans[i].tpid) : ETH_TYPE_VLAN);
		// The presence bit is no bit of the packet.
		wr_be16(out, be16toh(k->vlans[i].tci) & ~VLAN_PRESENT);
	}
}

static void fix_checksums(struct strbuf *out, size_t start)
{
	static const struct packet_metadata none;
	struct packet p = { .data = (uint8_t *)out->s + start, .size = out->len - start };
	struct flow_key k;

	if (!packet_parse(&p, &none, &k))
		packet_fix_checksums(&p);
}

void packet_compose_with(const struct flow_key *k, const void *payload, size_t n,
			 struct strbuf *out)
{
	struct payload bytes = { payload, n }, *l7 = &bytes;
	size_t start = out->len;

	put_ethernet(k, out);
	// Without a type there is a length, of what is no SNAP.
	if (be16toh(k->eth_type) < ETH_TYPE_MIN)
		wr_be16(out, l7->n);
	else
		strbuf_put(out, &k->eth_type, 2);
	switch (be16toh(k->eth_type)) {
	case ETH_TYPE_IPV4:
		put_ipv4(k, l7, out);
		break;
	case ETH_TYPE_IPV6:
		put_ipv6(k, l7, out);
		break;
	case ETH_TYPE_ARP:
	case ETH_TYPE_RARP:
		put_arp(k, out);
		break;
	case ETH_TYPE_MPLS:
	case ETH_TYPE_MPLS_MC:
		put_mpls(k, l7, out);
		break;
	case ETH_TYPE_NSH:
		put_nsh(k, l7, out);
		break;
	default:
		put_payload(out, l7);
	}
	fix_checksums(out, start);
}

void packet_compose(const struct flow_key *k, size_t payload, struct strbuf *out)
{
	AUTO_FREE uint8_t *bytes = xmalloc(payload + 1);

	for (size_t i = 0; i < payload; i++)
		bytes[i] = i;
	packet_compose_with(k, bytes, payload, out);
}
