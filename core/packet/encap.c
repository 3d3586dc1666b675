// SPDX-License-Identifier: Apache-2.0
// Whole headers before packets: Ethernet, NSH (RFC 8300), labels before an Ethernet header.
#include "core/packet/header-action.h"
#include "core/packet/proto-private.h"

enum { NSH_BASE_LEN = 8, ETH_TYPE_TEB = 0x6558 };
enum { NSH_IPV4 = 1, NSH_IPV6 = 2, NSH_ETHERNET = 3, NSH_NSH = 4, NSH_MPLS = 5 };

static be32 bare(uint16_t type)
{
	return htobe32((uint32_t)1 << 16 | type);
}

void packet_put_with_place(const void *packet, size_t n, be32 packet_type, struct strbuf *out)
{
	be16 type = htobe16(be32toh(packet_type) & UINT16_MAX);

	if (packet_type) {
		strbuf_put_zeros(out, PACKET_PLACE_LEN - sizeof(type));
		strbuf_put(out, &type, sizeof(type));
	}
	strbuf_put(out, packet, n);
}

// Bytes that lie in the way of new ones move to the end of the buffer.
static bool make_headroom(struct packet *p, size_t n)
{
	uint8_t *to;

	if (p->headroom >= n)
		return true;
	if (p->headroom + p->tailroom < n)
		return false;
	to = p->data + (n - p->headroom);
	memmove(to, p->data, p->size);
	p->tailroom -= n - p->headroom;
	p->headroom = n;
	p->data = to;
	return true;
}

static void grow(struct packet *p, size_t n)
{
	p->data -= n;
	p->size += n;
	p->headroom -= n;
}

static void shrink(struct packet *p, size_t n)
{
	p->data += n;
	p->size -= n;
	p->headroom += n;
}

// What stands where an Ethernet header would.
static void write_place(struct packet *p, uint16_t type, be32 *packet_type)
{
	memset(p->data, 0, ETH_LEN - 2);
	put16(p->data + ETH_LEN - 2, htobe16(type));
	*packet_type = bare(type);
	p->l2_5 = p->l3 = p->l4 = UINT16_MAX;
}

// 'n' bytes come before all that the packet has; a place for an Ethernet header before them. Returns where they go.
static uint8_t *put_before(struct packet *p, size_t n, uint16_t type, be32 *packet_type)
{
	size_t more = *packet_type ? n : n + ETH_LEN;

	if (p->size < ETH_LEN || !make_headroom(p, more))
		return NULL;
	grow(p, more);
	write_place(p, type, packet_type);
	return p->data + ETH_LEN;
}

// ---- Ethernet ----

bool packet_push_eth(struct packet *p, struct eth_addr src, struct eth_addr dst, be32 *packet_type)
{
	if (!*packet_type || p->size < ETH_LEN)
		return false;
	memcpy(p->data, &dst, sizeof(dst));
	memcpy(p->data + sizeof(dst), &src, sizeof(src));
	*packet_type = 0;
	return true;
}

bool packet_pop_eth(struct packet *p, be32 *packet_type)
{
	static const struct packet_metadata none;
	struct packet parsed = *p;
	struct flow_key k;

	// Tags belong to the header that goes, and would stay. Where the type is not in its place it is as the key has it.
	if (*packet_type || packet_parse(&parsed, &none, &k) ||
	    k.vlans[0].tci & htobe16(VLAN_PRESENT))
		return false;
	memset(p->data, 0, ETH_LEN - 2);
	*packet_type = bare(be16toh(k.eth_type));
	return true;
}

// ---- NSH ----

bool packet_push_nsh(struct packet *p, const uint8_t *header, size_t n, be32 *packet_type)
{
	uint8_t *to = put_before(p, n, ETH_TYPE_NSH, packet_type);

	if (!to)
		return false;
	memcpy(to, header, n);
	p->l3 = ETH_LEN;
	return true;
}

static uint16_t type_inside(uint8_t next_protocol)
{
	switch (next_protocol) {
	case NSH_IPV4:
		return ETH_TYPE_IPV4;
	case NSH_IPV6:
		return ETH_TYPE_IPV6;
	case NSH_NSH:
		return ETH_TYPE_NSH;
	case NSH_MPLS:
		return ETH_TYPE_MPLS;
	default:
		return 0;
	}
}

// Takes 'n' bytes from behind the place of the Ethernet header, and that too where a whole packet comes out.
static bool take_before(struct packet *p, size_t n, uint16_t type, be32 *packet_type)
{
	if (type == ETH_TYPE_TEB && p->size < ETH_LEN + n + ETH_LEN)
		return false;
	if (type == ETH_TYPE_TEB) {
		shrink(p, ETH_LEN + n);
		*packet_type = 0;
		p->l2_5 = p->l3 = p->l4 = UINT16_MAX;
		return true;
	}
	shrink(p, n);
	write_place(p, type, packet_type);
	return true;
}

bool packet_pop_nsh(struct packet *p, be32 *packet_type)
{
	const uint8_t *h = p->data + ETH_LEN;
	uint16_t type;
	size_t n;

	if (*packet_type != bare(ETH_TYPE_NSH) || p->size < ETH_LEN + NSH_BASE_LEN)
		return false;
	n = (h[1] & 0x3f) * 4;
	type = h[3] == NSH_ETHERNET ? ETH_TYPE_TEB : type_inside(h[3]);
	if (!type || n < NSH_BASE_LEN || p->size < ETH_LEN + n)
		return false;
	return take_before(p, n, type, packet_type);
}

// ---- MPLS ----

bool packet_add_mpls(struct packet *p, be16 ethertype, be32 lse, be32 *packet_type)
{
	uint8_t *to = put_before(p, MPLS_LEN, be16toh(ethertype), packet_type);

	if (!to)
		return false;
	put32(to, lse);
	p->l2_5 = ETH_LEN;
	return true;
}

bool packet_pop_bare_mpls(struct packet *p, be16 ethertype, be32 *packet_type)
{
	bool more = ethertype == htobe16(ETH_TYPE_MPLS) || ethertype == htobe16(ETH_TYPE_MPLS_MC);

	if ((*packet_type != bare(ETH_TYPE_MPLS) && *packet_type != bare(ETH_TYPE_MPLS_MC)) ||
	    p->size < ETH_LEN + MPLS_LEN ||
	    !take_before(p, MPLS_LEN, be16toh(ethertype), packet_type))
		return false;
	if (more)
		p->l2_5 = ETH_LEN;
	return true;
}

// ---- Actions ----

bool packet_header_action(struct packet *p, const struct dp_action *a, be32 *packet_type)
{
	switch (a->type) {
	case DP_ACTION_PUSH_VLAN:
		return packet_push_vlan(p, a->push_vlan.tpid, a->push_vlan.tci);
	case DP_ACTION_POP_VLAN:
		packet_pop_vlan(p);
		return true;
	case DP_ACTION_PUSH_MPLS:
		return packet_push_mpls(p, a->push_mpls.ethertype, a->push_mpls.lse);
	case DP_ACTION_POP_MPLS:
		if (*packet_type)
			return packet_pop_bare_mpls(p, a->pop_mpls.ethertype, packet_type);
		packet_pop_mpls(p, a->pop_mpls.ethertype);
		return true;
	case DP_ACTION_ADD_MPLS:
		return packet_add_mpls(p, a->push_mpls.ethertype, a->push_mpls.lse, packet_type);
	case DP_ACTION_PUSH_ETH:
		return packet_push_eth(p, a->push_eth.src, a->push_eth.dst, packet_type);
	case DP_ACTION_POP_ETH:
		return packet_pop_eth(p, packet_type);
	case DP_ACTION_PUSH_NSH:
		return packet_push_nsh(p, a->push_nsh.header, a->push_nsh.len, packet_type);
	case DP_ACTION_POP_NSH:
		return packet_pop_nsh(p, packet_type);
	default:
		return false;
	}
}
