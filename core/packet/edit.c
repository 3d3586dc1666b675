// SPDX-License-Identifier: Apache-2.0
// Changes to packet bytes. Checksums follow by difference, so a packet that was broken stays as broken as it was.
#include "core/flow/fields.h"
#include "core/packet/checksum-private.h"
#include "core/packet/packet.h"
#include "core/packet/proto-private.h"

// ---- VLAN tags ----

static void shift_offsets(struct packet *p, int by)
{
	uint16_t *offsets[] = { &p->l2_5, &p->l3, &p->l4 };

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		if (*offsets[i] != UINT16_MAX)
			*offsets[i] += by;
}

bool packet_push_vlan(struct packet *p, be16 tpid, be16 tci)
{
	if (p->headroom < VLAN_LEN || p->size < ETH_LEN)
		return false;
	memmove(p->data - VLAN_LEN, p->data, 12);
	p->data -= VLAN_LEN;
	p->size += VLAN_LEN;
	p->headroom -= VLAN_LEN;
	put16(p->data + 12, tpid);
	put16(p->data + 14, tci & ~htobe16(VLAN_PRESENT));
	shift_offsets(p, VLAN_LEN);
	return true;
}

static bool has_vlan(const struct packet *p)
{
	be16 type;

	if (p->size < ETH_LEN + VLAN_LEN)
		return false;
	type = get16(p->data + 12);
	return type == htobe16(ETH_TYPE_VLAN) || type == htobe16(ETH_TYPE_VLAN_AD);
}

void packet_pop_vlan(struct packet *p)
{
	if (!has_vlan(p))
		return;
	memmove(p->data + VLAN_LEN, p->data, 12);
	p->data += VLAN_LEN;
	p->size -= VLAN_LEN;
	p->headroom += VLAN_LEN;
	shift_offsets(p, -VLAN_LEN);
}

// ---- MPLS labels ----

// Where the header behind Ethernet's own and its tags begins; 0: the packet ends before.
static size_t behind_tags(const struct packet *p)
{
	size_t ofs = ETH_LEN;

	for (int i = 0; i < FLOW_MAX_VLANS && p->size >= ofs + VLAN_LEN; i++) {
		be16 type = get16(p->data + ofs - 2);

		if (type != htobe16(ETH_TYPE_VLAN) && type != htobe16(ETH_TYPE_VLAN_AD))
			break;
		ofs += VLAN_LEN;
	}
	return p->size < ofs ? 0 : ofs;
}

static bool is_mpls(be16 type)
{
	return type == htobe16(ETH_TYPE_MPLS) || type == htobe16(ETH_TYPE_MPLS_MC);
}

// What is behind the label is out of sight until the packet is parsed.
static void set_label_offset(struct packet *p, size_t ofs, bool there)
{
	p->l2_5 = there ? ofs : UINT16_MAX;
	p->l3 = p->l4 = UINT16_MAX;
}

bool packet_push_mpls(struct packet *p, be16 ethertype, be32 lse)
{
	size_t ofs = behind_tags(p);

	if (!ofs || p->headroom < MPLS_LEN)
		return false;
	memmove(p->data - MPLS_LEN, p->data, ofs);
	p->data -= MPLS_LEN;
	p->size += MPLS_LEN;
	p->headroom -= MPLS_LEN;
	put16(p->data + ofs - 2, ethertype);
	put32(p->data + ofs, lse);
	set_label_offset(p, ofs, true);
	return true;
}

void packet_pop_mpls(struct packet *p, be16 ethertype)
{
	size_t ofs = behind_tags(p);
	be16 type;

	if (!ofs || p->size < ofs + MPLS_LEN)
		return;
	type = get16(p->data + ofs - 2);
	if (!is_mpls(type))
		return;
	memmove(p->data + MPLS_LEN, p->data, ofs);
	p->data += MPLS_LEN;
	p->size -= MPLS_LEN;
	p->headroom += MPLS_LEN;
	put16(p->data + ofs - 2, ethertype);
	set_label_offset(p, ofs, is_mpls(ethertype));
}

// ---- Where things are ----

// Which header is at p->l3; 0 when there is none. MPLS and the like have no l3.
static uint16_t l3_type(const struct packet *p)
{
	return p->l3 == UINT16_MAX || p->l3 < 2 ? 0 : be16toh(get16(p->data + p->l3 - 2));
}

// The transport protocol, of an IPv6 packet behind its extension headers; 0 when there is no transport header.
static uint8_t l4_proto(const struct packet *p)
{
	const uint8_t *h = p->data + p->l3, *end = p->data + p->l4;
	uint8_t proto;

	if (p->l4 == UINT16_MAX)
		return 0;
	if (l3_type(p) == ETH_TYPE_IPV4)
		return h[9];
	proto = h[6];
	for (h += IPV6_LEN; h < end;) {
		uint8_t next = h[0];

		h += proto == IPV6_AH	      ? (h[1] + 2) * 4
		     : proto == IPV6_FRAGMENT ? 8
					      : (h[1] + 1) * 8;
		proto = next;
	}
	return proto;
}

// Place of the transport checksum that covers the pseudo header, NULL when there is none to keep.
static uint8_t *transport_checksum(struct packet *p)
{
	uint8_t *l4 = p->data + p->l4;

	switch (l4_proto(p)) {
	case PROTO_TCP:
		return l4 + 16;
	case PROTO_UDP:
		// Zero says that there is no checksum.
		return get16(l4 + 6) ? l4 + 6 : NULL;
	case PROTO_ICMPV6:
		return l4 + 2;
	default:
		return NULL;
	}
}

static void update16(uint8_t *sum, const void *old, const void *now, size_t n, size_t phase,
		     bool udp)
{
	uint16_t s = checksum_update(be16toh(get16(sum)), old, now, n, phase);

	put16(sum, htobe16(udp && !s ? UINT16_MAX : s));
}

// ---- Setting bytes ----

enum cover {
	COVER_NONE,
	COVER_IP, // the IPv4 header's checksum
	COVER_PSEUDO, // the transport checksum, by the pseudo header
	COVER_BOTH,
	COVER_L4 // the transport or ICMP checksum directly
};

static void fix_sctp(struct packet *p)
{
	size_t len = p->l3 == UINT16_MAX ? 0 : p->size - p->l4;
	uint8_t *l4 = p->data + p->l4;
	uint32_t crc;

	if (l3_type(p) == ETH_TYPE_IPV4)
		len = be16toh(get16(p->data + p->l3 + 2)) - (p->l4 - p->l3);
	else
		len = be16toh(get16(p->data + p->l3 + 4)) + IPV6_LEN - (p->l4 - p->l3);
	memset(l4 + 8, 0, 4);
	crc = htole32(crc32c(l4, len));
	memcpy(l4 + 8, &crc, 4);
}

// A fragment's SCTP checksum cannot be recomputed; nothing else is lost by leaving it.
static bool is_fragment(const struct packet *p)
{
	const uint8_t *h = p->data + p->l3;

	if (l3_type(p) == ETH_TYPE_IPV4)
		return be16toh(get16(h + 6)) & 0x3fff;
	for (const uint8_t *e = h + IPV6_LEN; e < p->data + p->l4; e += (e[1] + 1) * 8)
		if (h[6] == IPV6_FRAGMENT || e[0] == IPV6_FRAGMENT)
			return true;
	return false;
}

static void fix_transport(struct packet *p, const void *old, const void *now, size_t n,
			  size_t phase, bool direct)
{
	uint8_t proto = l4_proto(p), *sum = transport_checksum(p);

	if (direct && proto == PROTO_ICMP)
		sum = p->data + p->l4 + 2;
	if (sum)
		update16(sum, old, now, n, phase, proto == PROTO_UDP);
	else if (direct && proto == PROTO_SCTP && !is_fragment(p))
		fix_sctp(p);
}

// Writes the masked bits of 'n' bytes at 'ofs' and mends what covers them.
static void set_bytes(struct packet *p, size_t ofs, const uint8_t *value, const uint8_t *mask,
		      size_t n, enum cover cover)
{
	uint8_t old[16], *b = p->data + ofs;
	size_t phase;

	memcpy(old, b, n);
	for (size_t i = 0; i < n; i++)
		b[i] = (b[i] & ~mask[i]) | (value[i] & mask[i]);
	if (cover == COVER_NONE || !memcmp(old, b, n))
		return;
	if (cover == COVER_L4) {
		fix_transport(p, old, b, n, (ofs - p->l4) % 2, true);
		return;
	}
	phase = (ofs - p->l3) % 2;
	if (cover == COVER_IP || cover == COVER_BOTH)
		update16(p->data + p->l3 + 10, old, b, n, phase, false);
	if (cover != COVER_IP && p->l4 != UINT16_MAX)
		fix_transport(p, old, b, n, phase, false);
}

// A value of up to 32 bits within a big-endian word at 'ofs'.
static void set_word(struct packet *p, size_t ofs, size_t n_bytes, unsigned int shift,
		     uint32_t value, uint32_t mask, enum cover cover)
{
	uint8_t v[4], m[4];

	for (size_t i = 0; i < n_bytes; i++) {
		unsigned int s = 8 * (n_bytes - 1 - i);

		v[i] = value << shift >> s;
		m[i] = mask << shift >> s;
	}
	set_bytes(p, ofs, v, m, n_bytes, cover);
}

// ---- Per field ----

static uint32_t number(const uint8_t *b, size_t n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *b++;
	return v;
}

static bool set_vlan(struct packet *p, uint16_t value, uint16_t mask)
{
	if (!has_vlan(p))
		return false;
	// The presence bit is no bit of the packet.
	set_word(p, 14, 2, 0, value, mask & ~VLAN_PRESENT, COVER_NONE);
	return true;
}

static bool set_mpls(struct packet *p, unsigned int shift, uint32_t value, uint32_t mask)
{
	if (p->l2_5 == UINT16_MAX || p->l2_5 + 4u > p->size)
		return false;
	set_word(p, p->l2_5, 4, shift, value, mask, COVER_NONE);
	return true;
}

// TOS is one byte in IPv4, and lies across two in IPv6.
static bool set_tos(struct packet *p, uint8_t value, uint8_t mask)
{
	switch (l3_type(p)) {
	case ETH_TYPE_IPV4:
		set_bytes(p, p->l3 + 1, &value, &mask, 1, COVER_IP);
		return true;
	case ETH_TYPE_IPV6:
		set_word(p, p->l3, 2, 4, value, mask, COVER_NONE);
		return true;
	default:
		return false;
	}
}

static bool set_ttl(struct packet *p, const uint8_t *value, const uint8_t *mask)
{
	switch (l3_type(p)) {
	case ETH_TYPE_IPV4:
		set_bytes(p, p->l3 + 8, value, mask, 1, COVER_IP);
		return true;
	case ETH_TYPE_IPV6:
		set_bytes(p, p->l3 + 7, value, mask, 1, COVER_NONE);
		return true;
	default:
		return false;
	}
}

bool packet_dec_ttl(struct packet *p)
{
	static const uint8_t all = UINT8_MAX;
	uint16_t type = l3_type(p);
	uint8_t ttl;

	if (type != ETH_TYPE_IPV4 && type != ETH_TYPE_IPV6)
		return true;
	ttl = p->data[p->l3 + (type == ETH_TYPE_IPV4 ? 8 : 7)];
	if (ttl <= 1)
		return false;
	ttl--;
	return set_ttl(p, &ttl, &all);
}

static bool set_l3(struct packet *p, uint16_t type, size_t ofs, const uint8_t *value,
		   const uint8_t *mask, size_t n, enum cover cover)
{
	uint16_t have = l3_type(p);

	if (have != type && !(type == ETH_TYPE_ARP && have == ETH_TYPE_RARP))
		return false;
	set_bytes(p, p->l3 + ofs, value, mask, n, cover);
	return true;
}

static bool set_l4(struct packet *p, uint8_t proto, size_t ofs, const uint8_t *value,
		   const uint8_t *mask, size_t n)
{
	if (l4_proto(p) != proto)
		return false;
	set_bytes(p, p->l4 + ofs, value, mask, n, COVER_L4);
	return true;
}

static uint32_t nd_end(const struct packet *p)
{
	return p->l3 + IPV6_LEN + be16toh(get16(p->data + p->l3 + 4));
}

static bool is_nd(const struct packet *p, uint8_t type)
{
	const uint8_t *l4 = p->data + p->l4;

	return l4_proto(p) == PROTO_ICMPV6 && p->l4 + (uint32_t)ND_LEN <= nd_end(p) && !l4[1] &&
	       (l4[0] == type || (!type && (l4[0] == ND_SOLICIT || l4[0] == ND_ADVERT)));
}

// Offset of the link-layer address option that the parser took, 0: none.
static size_t nd_option(const struct packet *p, uint8_t option)
{
	uint32_t end = nd_end(p);

	for (uint32_t ofs = p->l4 + ND_LEN; ofs + 8 <= end; ofs += p->data[ofs + 1] * 8) {
		if (!p->data[ofs + 1])
			return 0;
		if (p->data[ofs] == option && p->data[ofs + 1] == 1)
			return ofs;
	}
	return 0;
}

static bool set_nd_address(struct packet *p, uint8_t type, uint8_t option, const uint8_t *value,
			   const uint8_t *mask)
{
	size_t ofs = is_nd(p, type) ? nd_option(p, option) : 0;

	if (!ofs)
		return false;
	set_bytes(p, ofs + 2, value, mask, 6, COVER_L4);
	return true;
}

static bool set_nd_option_type(struct packet *p, const uint8_t *value, const uint8_t *mask)
{
	size_t ofs = is_nd(p, ND_SOLICIT)  ? nd_option(p, ND_OPT_SLL)
		     : is_nd(p, ND_ADVERT) ? nd_option(p, ND_OPT_TLL)
					   : 0;

	if (!ofs)
		return false;
	set_bytes(p, ofs, value, mask, 1, COVER_L4);
	return true;
}

static bool set_nd(struct packet *p, size_t ofs, const uint8_t *value, const uint8_t *mask,
		   size_t n)
{
	if (!is_nd(p, 0))
		return false;
	set_bytes(p, p->l4 + ofs, value, mask, n, COVER_L4);
	return true;
}

// The header is all there where it was parsed. Its flags and time to live have fewer bits than their fields.
static bool set_nsh(struct packet *p, size_t ofs, size_t n, unsigned int shift, uint32_t value,
		    uint32_t mask)
{
	if (l3_type(p) != ETH_TYPE_NSH)
		return false;
	set_word(p, p->l3 + ofs, n, shift, value, mask, COVER_NONE);
	return true;
}

// Only metadata of type 1 has them.
static bool set_nsh_context(struct packet *p, unsigned int i, const uint8_t *v, const uint8_t *m)
{
	if (l3_type(p) != ETH_TYPE_NSH || (p->data[p->l3 + 2] & 0xf) != 1)
		return false;
	set_bytes(p, p->l3 + 8 + 4 * i, v, m, 4, COVER_NONE);
	return true;
}

bool packet_set_field(struct packet *p, unsigned int field, const uint8_t *v, const uint8_t *m)
{
	switch ((enum field_id)field) {
	case FIELD_ETH_DST:
		set_bytes(p, 0, v, m, 6, COVER_NONE);
		return true;
	case FIELD_ETH_SRC:
		set_bytes(p, 6, v, m, 6, COVER_NONE);
		return true;
	case FIELD_VLAN_TCI:
		return set_vlan(p, number(v, 2), number(m, 2));
	case FIELD_DL_VLAN:
	case FIELD_VLAN_VID:
		return set_vlan(p, number(v, 2), number(m, 2) & VLAN_VID_MASK);
	case FIELD_DL_VLAN_PCP:
	case FIELD_VLAN_PCP:
		return set_vlan(p, v[0] << VLAN_PCP_SHIFT, m[0] << VLAN_PCP_SHIFT);
	case FIELD_MPLS_LABEL:
		return set_mpls(p, 12, number(v, 4), number(m, 4));
	case FIELD_MPLS_TC:
		return set_mpls(p, 9, v[0], m[0]);
	case FIELD_MPLS_TTL:
		return set_mpls(p, 0, v[0], m[0]);
	case FIELD_IP_SRC:
		return set_l3(p, ETH_TYPE_IPV4, 12, v, m, 4, COVER_BOTH);
	case FIELD_IP_DST:
		return set_l3(p, ETH_TYPE_IPV4, 16, v, m, 4, COVER_BOTH);
	case FIELD_IPV6_SRC:
		return set_l3(p, ETH_TYPE_IPV6, 8, v, m, 16, COVER_PSEUDO);
	case FIELD_IPV6_DST:
		return set_l3(p, ETH_TYPE_IPV6, 24, v, m, 16, COVER_PSEUDO);
	case FIELD_IPV6_LABEL:
		return set_l3(p, ETH_TYPE_IPV6, 0, v, m, 4, COVER_NONE);
	case FIELD_IP_TOS:
		return set_tos(p, v[0], m[0] & 0xfc);
	case FIELD_IP_DSCP:
		return set_tos(p, v[0] << 2, m[0] << 2);
	case FIELD_IP_ECN:
		return set_tos(p, v[0], m[0] & 3);
	case FIELD_IP_TTL:
		return set_ttl(p, v, m);
	case FIELD_ARP_OP:
		return set_l3(p, ETH_TYPE_ARP, 6, v, m, 2, COVER_NONE);
	case FIELD_ARP_SHA:
		return set_l3(p, ETH_TYPE_ARP, 8, v, m, 6, COVER_NONE);
	case FIELD_ARP_SPA:
		return set_l3(p, ETH_TYPE_ARP, 14, v, m, 4, COVER_NONE);
	case FIELD_ARP_THA:
		return set_l3(p, ETH_TYPE_ARP, 18, v, m, 6, COVER_NONE);
	case FIELD_ARP_TPA:
		return set_l3(p, ETH_TYPE_ARP, 24, v, m, 4, COVER_NONE);
	case FIELD_TCP_SRC:
		return set_l4(p, PROTO_TCP, 0, v, m, 2);
	case FIELD_TCP_DST:
		return set_l4(p, PROTO_TCP, 2, v, m, 2);
	case FIELD_UDP_SRC:
		return set_l4(p, PROTO_UDP, 0, v, m, 2);
	case FIELD_UDP_DST:
		return set_l4(p, PROTO_UDP, 2, v, m, 2);
	case FIELD_SCTP_SRC:
		return set_l4(p, PROTO_SCTP, 0, v, m, 2);
	case FIELD_SCTP_DST:
		return set_l4(p, PROTO_SCTP, 2, v, m, 2);
	case FIELD_ICMP_TYPE:
		return set_l4(p, PROTO_ICMP, 0, v, m, 1);
	case FIELD_ICMP_CODE:
		return set_l4(p, PROTO_ICMP, 1, v, m, 1);
	case FIELD_ICMPV6_TYPE:
		return set_l4(p, PROTO_ICMPV6, 0, v, m, 1);
	case FIELD_ICMPV6_CODE:
		return set_l4(p, PROTO_ICMPV6, 1, v, m, 1);
	case FIELD_ND_TARGET:
		return set_nd(p, 8, v, m, 16);
	case FIELD_ND_RESERVED:
		return set_nd(p, 4, v, m, 4);
	case FIELD_ND_SLL:
		return set_nd_address(p, ND_SOLICIT, ND_OPT_SLL, v, m);
	case FIELD_ND_TLL:
		return set_nd_address(p, ND_ADVERT, ND_OPT_TLL, v, m);
	case FIELD_ND_OPTIONS_TYPE:
		return set_nd_option_type(p, v, m);
	case FIELD_NSH_FLAGS:
		return set_nsh(p, 0, 2, 12, v[0], m[0] & 3);
	case FIELD_NSH_TTL:
		return set_nsh(p, 0, 2, 6, v[0], m[0] & 0x3f);
	case FIELD_NSH_SPI:
		return set_nsh(p, 4, 4, 8, number(v, 4), number(m, 4));
	case FIELD_NSH_SI:
		return set_nsh(p, 4, 4, 0, v[0], m[0]);
	case FIELD_NSH_C1:
	case FIELD_NSH_C2:
	case FIELD_NSH_C3:
	case FIELD_NSH_C4:
		return set_nsh_context(p, field - FIELD_NSH_C1, v, m);
	default:
		return false;
	}
}

// ---- From scratch ----

static bool replace16(uint8_t *at, uint16_t want)
{
	bool same = get16(at) == htobe16(want);

	put16(at, htobe16(want));
	return same;
}

static bool fix_ip(struct packet *p)
{
	uint8_t *h = p->data + p->l3;
	be16 old = get16(h + 10);

	put16(h + 10, 0);
	put16(h + 10, htobe16(checksum(h, (h[0] & 0xf) * 4, 0)));
	return get16(h + 10) == old;
}

static bool fix_l4(struct packet *p, size_t len)
{
	bool v6 = l3_type(p) == ETH_TYPE_IPV6, udp = false;
	uint8_t proto = l4_proto(p), *l4 = p->data + p->l4, *at;
	uint32_t partial = pseudo_header_sum(p->data + p->l3, v6, proto, len);
	be16 old;
	uint16_t sum;

	switch (proto) {
	case PROTO_TCP:
		at = l4 + 16;
		break;
	case PROTO_UDP:
		udp = true;
		at = l4 + 6;
		if (!v6 && !get16(at))
			return true;
		break;
	case PROTO_ICMPV6:
		at = l4 + 2;
		break;
	case PROTO_ICMP:
	case PROTO_IGMP:
		at = l4 + 2;
		partial = 0;
		break;
	case PROTO_SCTP: {
		uint32_t before = get32(l4 + 8);

		fix_sctp(p);
		return get32(l4 + 8) == before;
	}
	default:
		return true;
	}
	old = get16(at);
	put16(at, 0);
	sum = checksum(l4, len, partial);
	put16(at, old);
	return replace16(at, udp && !sum ? UINT16_MAX : sum);
}

bool packet_fix_checksums(struct packet *p)
{
	uint16_t type = l3_type(p);
	bool ok = true;
	size_t total;

	if (type != ETH_TYPE_IPV4 && type != ETH_TYPE_IPV6)
		return true;
	if (type == ETH_TYPE_IPV4) {
		ok = fix_ip(p);
		total = be16toh(get16(p->data + p->l3 + 2));
	} else {
		total = be16toh(get16(p->data + p->l3 + 4)) + IPV6_LEN;
	}
	if (p->l4 != UINT16_MAX && !is_fragment(p))
		ok &= fix_l4(p, total - (p->l4 - p->l3));
	return ok;
}

bool packet_complete_checksum(struct packet *p)
{
	const uint8_t *l3 = p->data + p->l3, *at = transport_checksum(p);
	bool v6 = l3_type(p) == ETH_TYPE_IPV6;
	uint8_t proto = l4_proto(p);
	size_t total, headers = p->l4 - p->l3;

	if (!at || (proto != PROTO_TCP && proto != PROTO_UDP) || is_fragment(p))
		return false;
	total = v6 ? be16toh(get16(l3 + 4)) + IPV6_LEN : be16toh(get16(l3 + 2));
	if (total < headers || total > p->size - p->l3 ||
	    be16toh(get16(at)) != sum_fold(pseudo_header_sum(l3, v6, proto, total - headers)))
		return false;
	fix_l4(p, total - headers);
	return true;
}
