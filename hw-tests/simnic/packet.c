// SPDX-License-Identifier: Apache-2.0
// From bytes to struct simnic_key. The NIC's parser is strict: what it does not understand to the last byte gets no
// layer, so only rules on the layers below match it, and else the packet goes to the representor.
#include "hw-tests/simnic/simnic-private.h"

#include <rte_ip.h>

enum {
	IPPROTO_HOP = 0,
	IPPROTO_ICMP4 = 1,
	IPPROTO_TCP_ = 6,
	IPPROTO_UDP_ = 17,
	IPPROTO_ROUTE = 43,
	IPPROTO_FRAG = 44,
	IPPROTO_ESP_ = 50,
	IPPROTO_AH_ = 51,
	IPPROTO_ICMP6_ = 58,
	IPPROTO_DEST = 60,
	IPPROTO_SCTP_ = 132,
	IPPROTO_MOBIL = 135,
	IPPROTO_HIP_ = 139,
	IPPROTO_SHIM6_ = 140,
};

#define MAX_EXTENSIONS 8

static bool is_tpid(uint16_t type)
{
	return type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

static const struct l4_kind {
	uint8_t proto;
	bool v4, v6, on_fragment;
	uint32_t layer;
	uint16_t min, copy; // bytes that must be there; bytes that go into the key
} l4_kinds[] = {
	{ IPPROTO_TCP_, true, true, true, LAYER_TCP, 20, 20 },
	{ IPPROTO_UDP_, true, true, true, LAYER_UDP, 8, 8 },
	{ IPPROTO_SCTP_, true, true, false, LAYER_SCTP, 12, 12 },
	{ IPPROTO_ICMP4, true, false, true, LAYER_ICMP, 8, 8 },
	{ IPPROTO_ICMP6_, false, true, true, LAYER_ICMP6, 8, sizeof(struct rte_flow_item_icmp6) },
};

static void parse_l4(struct packet *p, struct simnic_key *key, uint8_t proto, bool v6,
		     bool fragment, uint32_t ofs, uint32_t end)
{
	for (const struct l4_kind *k = l4_kinds; k < l4_kinds + ARRAY_SIZE(l4_kinds); k++) {
		if (k->proto != proto || !(v6 ? k->v6 : k->v4) || (fragment && !k->on_fragment))
			continue;
		if (end - ofs < k->min)
			return;
		memcpy(&key->tcp, p->data + ofs, k->copy);
		p->layers |= k->layer;
		p->l4 = ofs;
		p->l4_len = end - ofs;
		return;
	}
}

static void parse_ipv4(struct packet *p, struct simnic_key *key, uint32_t ofs)
{
	struct rte_ipv4_hdr h;
	uint32_t header, total, frag;

	if (p->len - ofs < sizeof(h))
		return;
	memcpy(&h, p->data + ofs, sizeof(h));
	header = (h.version_ihl & 0xf) * 4;
	total = rte_be_to_cpu_16(h.total_length);
	if (h.version_ihl >> 4 != 4 || header < sizeof(h) || total < header || total > p->len - ofs)
		return;
	key->ipv4.hdr = h;
	p->layers |= LAYER_IPV4;
	p->l3 = ofs;
	frag = rte_be_to_cpu_16(h.fragment_offset);
	if (frag & RTE_IPV4_HDR_OFFSET_MASK)
		return;
	parse_l4(p, key, h.next_proto_id, false, frag & RTE_IPV4_HDR_MF_FLAG, ofs + header,
		 ofs + total);
}

// Marks that 'key' has the extension header 'proto'; false when 'proto' is none that can be walked over.
static bool mark_extension(struct rte_flow_item_ipv6 *ip, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_HOP:
		ip->has_hop_ext = 1;
		return true;
	case IPPROTO_ROUTE:
		ip->has_route_ext = 1;
		return true;
	case IPPROTO_FRAG:
		ip->has_frag_ext = 1;
		return true;
	case IPPROTO_AH_:
		ip->has_auth_ext = 1;
		return true;
	case IPPROTO_DEST:
		ip->has_dest_ext = 1;
		return true;
	case IPPROTO_MOBIL:
		ip->has_mobil_ext = 1;
		return true;
	case IPPROTO_HIP_:
		ip->has_hip_ext = 1;
		return true;
	case IPPROTO_SHIM6_:
		ip->has_shim6_ext = 1;
		return true;
	case IPPROTO_ESP_:
		ip->has_esp_ext = 1; // and nothing behind it can be read
		return false;
	default:
		return false;
	}
}

// Walks extension headers from 'ofs'; false when they are cut, too many, or this is not a first fragment.
static bool walk_extensions(struct packet *p, struct simnic_key *key, uint8_t *proto, uint32_t *ofs,
			    uint32_t end, bool *fragment)
{
	for (int n = 0; mark_extension(&key->ipv6, *proto); n++) {
		const uint8_t *h = p->data + *ofs;
		uint32_t size = 8;

		if (n == MAX_EXTENSIONS || end - *ofs < 8)
			return false;
		if (*proto == IPPROTO_FRAG) {
			memcpy(&key->frag, h, sizeof(key->frag));
			p->layers |= LAYER_FRAG;
			*fragment = key->frag.hdr.frag_data & RTE_BE16(0xfff9);
			if (key->frag.hdr.frag_data & RTE_BE16(0xfff8))
				return false;
		} else {
			size = *proto == IPPROTO_AH_ ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		}
		if (end - *ofs < size)
			return false;
		if (*proto == IPPROTO_ROUTE && h[3])
			p->routed = true;
		*proto = h[0];
		*ofs += size;
	}
	return true;
}

static void parse_ipv6(struct packet *p, struct simnic_key *key, uint32_t ofs)
{
	struct rte_ipv6_hdr h;
	bool fragment = false;
	uint32_t end;

	if (p->len - ofs < sizeof(h))
		return;
	memcpy(&h, p->data + ofs, sizeof(h));
	end = ofs + sizeof(h) + rte_be_to_cpu_16(h.payload_len);
	if (rte_be_to_cpu_32(h.vtc_flow) >> 28 != 6 || end > p->len)
		return;
	key->ipv6.hdr = h;
	p->layers |= LAYER_IPV6;
	p->l3 = ofs;
	ofs += sizeof(h);
	if (walk_extensions(p, key, &h.proto, &ofs, end, &fragment))
		parse_l4(p, key, h.proto, true, fragment, ofs, end);
}

void simnic_packet_parse(struct packet *p, struct simnic_key *key)
{
	uint32_t ofs = RTE_ETHER_HDR_LEN;
	uint16_t type;

	memset(&key->layers, 0, sizeof(*key) - offsetof(struct simnic_key, layers));
	p->layers = key->n_tags = p->l3 = p->l4 = p->l4_len = 0;
	p->routed = p->changed = false;
	memcpy(&key->eth, p->data, RTE_ETHER_HDR_LEN);
	type = key->eth.type;
	while (is_tpid(type) && key->n_tags < ARRAY_SIZE(key->vlan) && p->len - ofs >= 4) {
		struct rte_flow_item_vlan *v = &key->vlan[key->n_tags++];

		memcpy(v, p->data + ofs, 4);
		type = v->inner_type;
		ofs += 4;
		v->has_more_vlan = is_tpid(type);
	}
	if (key->n_tags) {
		key->eth.has_vlan = 1;
		p->layers |= LAYER_VLAN | (key->n_tags > 1 ? LAYER_VLAN2 : 0);
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		parse_ipv4(p, key, ofs);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		parse_ipv6(p, key, ofs);
	key->layers = p->layers;
}
