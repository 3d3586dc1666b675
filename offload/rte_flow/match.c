// SPDX-License-Identifier: Apache-2.0
// From a megaflow's key and mask to rte_flow pattern items. What is matched is taken off a copy of the mask; what is left
// at the end cannot be expressed and is named in the verdict.
#include <netinet/in.h>

#include "offload/leftover.h"
#include "offload/rte_flow/rte-private.h"

// Rows of key.def: items are those of DPDK.
struct key_row {
	const char *name;
	uint16_t offset, size; // in struct flow_key
	enum rte_flow_item_type item;
	uint16_t item_offset;
};

static const struct key_row rows[] = {
#define KEY(NAME, MEMBER, ITEM, STRUCT, ITEM_MEMBER) \
	{ #NAME, offsetof(struct flow_key, MEMBER), sizeof(((struct flow_key *)0)->MEMBER), \
	  RTE_FLOW_ITEM_TYPE_##ITEM, offsetof(struct STRUCT, ITEM_MEMBER) },
#define SPECIAL(NAME, MEMBER)
#include "offload/rte_flow/key.def"
#undef KEY
#undef SPECIAL
};

struct matching {
	struct compiled_rule *rule;
	const struct flow_key *key;
	struct flow_mask left; // not matched yet
	struct verdict *v;
};

static bool too_large(struct matching *m)
{
	return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED, "too many headers");
}

static bool refuse_mask(struct matching *m, const char *field)
{
	return verdict_refuse(m->v, REASON_MASK_UNSUPPORTED, field);
}

// Copies what the rows say about one item and takes it off the mask.
static void fill_item(struct matching *m, enum rte_flow_item_type type, uint8_t *spec,
		      uint8_t *mask)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *left = (uint8_t *)&m->left.m + rows[i].offset;
		const uint8_t *key = (const uint8_t *)m->key + rows[i].offset;

		if (rows[i].item != type)
			continue;
		memcpy(mask + rows[i].item_offset, left, rows[i].size);
		for (int b = 0; b < rows[i].size; b++)
			spec[rows[i].item_offset + b] = key[b] & left[b];
		memset(left, 0, rows[i].size);
	}
}

static bool match_port(struct matching *m, uint16_t ethdev)
{
	struct rte_flow_item_ethdev *spec, *mask;

	if (!rule_item(m->rule, RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT, sizeof(*spec), (void **)&spec,
		       (void **)&mask))
		return too_large(m);
	spec->port_id = ethdev;
	mask->port_id = UINT16_MAX;
	m->left.m.in_port = 0;
	return true;
}

static bool is_tag(struct flow_vlan v)
{
	return v.tci & htobe16(VLAN_PRESENT);
}

// Each header names the type of what follows it.
static be16 type_behind(const struct flow_key *key, int tags_before)
{
	return tags_before < FLOW_MAX_VLANS && is_tag(key->vlans[tags_before])
		       ? key->vlans[tags_before].tpid
		       : key->eth_type;
}

static bool match_tag(struct matching *m, int i)
{
	struct flow_vlan *left = &m->left.m.vlans[i];
	struct rte_flow_item_vlan *spec, *mask;

	if (!rule_item(m->rule, RTE_FLOW_ITEM_TYPE_VLAN, sizeof(*spec), (void **)&spec,
		       (void **)&mask))
		return too_large(m);
	mask->hdr.vlan_tci = left->tci & ~htobe16(VLAN_PRESENT);
	spec->hdr.vlan_tci = m->key->vlans[i].tci & mask->hdr.vlan_tci;
	mask->hdr.eth_proto = UINT16_MAX;
	spec->hdr.eth_proto = type_behind(m->key, i + 1);
	mask->has_more_vlan = 1;
	// Also one that a key has no place for.
	spec->has_more_vlan = spec->hdr.eth_proto == htobe16(RTE_ETHER_TYPE_VLAN) ||
			      spec->hdr.eth_proto == htobe16(RTE_ETHER_TYPE_QINQ);
	memset(left, 0, sizeof(*left));
	return true;
}

static bool match_ethernet(struct matching *m)
{
	struct rte_flow_item_eth *spec, *mask;

	// 0x05ff stands for frames with a length instead of a type: rte_flow has no word for them.
	if (m->key->eth_type == htobe16(0x05ff))
		return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED, "eth_type");
	if (!rule_item(m->rule, RTE_FLOW_ITEM_TYPE_ETH, sizeof(*spec), (void **)&spec,
		       (void **)&mask))
		return too_large(m);
	fill_item(m, RTE_FLOW_ITEM_TYPE_ETH, (uint8_t *)spec, (uint8_t *)mask);
	if (m->left.m.eth_type != UINT16_MAX)
		return refuse_mask(m, "eth_type");
	if (!(m->left.m.vlans[0].tci & htobe16(VLAN_PRESENT)))
		return refuse_mask(m, "vlan_tci");
	mask->hdr.ether_type = UINT16_MAX;
	spec->hdr.ether_type = type_behind(m->key, 0);
	mask->has_vlan = 1;
	spec->has_vlan = is_tag(m->key->vlans[0]);
	for (int i = 0; i < FLOW_MAX_VLANS && is_tag(m->key->vlans[i]); i++)
		if (!match_tag(m, i))
			return false;
	// That there is no (further) tag is said by has_vlan and has_more_vlan.
	memset(m->left.m.vlans, 0, sizeof(m->left.m.vlans));
	m->left.m.eth_type = 0;
	return true;
}

// L4 items that make the protocol number superfluous.
static enum rte_flow_item_type l4_item(const struct flow_key *key)
{
	bool v4 = key->eth_type == htobe16(0x0800);

	switch (key->nw_proto) {
	case IPPROTO_TCP:
		return RTE_FLOW_ITEM_TYPE_TCP;
	case IPPROTO_UDP:
		return RTE_FLOW_ITEM_TYPE_UDP;
	case IPPROTO_SCTP:
		return RTE_FLOW_ITEM_TYPE_SCTP;
	case IPPROTO_ICMP:
		return v4 ? RTE_FLOW_ITEM_TYPE_ICMP : RTE_FLOW_ITEM_TYPE_END;
	case IPPROTO_ICMPV6:
		return v4 ? RTE_FLOW_ITEM_TYPE_END : RTE_FLOW_ITEM_TYPE_ICMP6;
	default:
		return RTE_FLOW_ITEM_TYPE_END;
	}
}

static bool looks_at_l4(const struct matching *m)
{
	return m->left.m.tp_src || m->left.m.tp_dst || m->left.m.tcp_flags;
}

static bool match_ipv4(struct matching *m)
{
	struct rte_flow_item_ipv4 *spec, *mask;

	if (!rule_item(m->rule, RTE_FLOW_ITEM_TYPE_IPV4, sizeof(*spec), (void **)&spec,
		       (void **)&mask))
		return too_large(m);
	fill_item(m, RTE_FLOW_ITEM_TYPE_IPV4, (uint8_t *)spec, (uint8_t *)mask);
	mask->hdr.next_proto_id = m->left.m.nw_proto;
	spec->hdr.next_proto_id = m->key->nw_proto & mask->hdr.next_proto_id;
	m->left.m.nw_proto = 0;
	if (m->left.m.nw_frag) {
		if (m->left.m.nw_frag != (FLOW_FRAG_ANY | FLOW_FRAG_LATER))
			return refuse_mask(m, "ip_frag");
		if (m->key->nw_frag & FLOW_FRAG_LATER)
			return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED,
					      "ip_frag"); // "any offset but 0"
		mask->hdr.fragment_offset = htobe16(0x3fff); // offset and more-fragments
		spec->hdr.fragment_offset = m->key->nw_frag ? htobe16(0x2000) : 0;
		m->left.m.nw_frag = 0;
	}
	return true;
}

static bool is_extension_header(uint8_t proto)
{
	return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60;
}

static bool match_ipv6(struct matching *m)
{
	struct rte_flow_item_ipv6 *spec, *mask;
	struct flow_key *left = &m->left.m;

	if (!rule_item(m->rule, RTE_FLOW_ITEM_TYPE_IPV6, sizeof(*spec), (void **)&spec,
		       (void **)&mask))
		return too_large(m);
	fill_item(m, RTE_FLOW_ITEM_TYPE_IPV6, (uint8_t *)spec, (uint8_t *)mask);
	mask->hdr.vtc_flow = left->ipv6_label | htobe32((uint32_t)left->nw_tos << 20);
	spec->hdr.vtc_flow =
		(m->key->ipv6_label | htobe32((uint32_t)m->key->nw_tos << 20)) & mask->hdr.vtc_flow;
	left->ipv6_label = 0;
	left->nw_tos = 0;
	// An L4 item finds its header behind extension headers; the fixed header's number does not.
	if (left->nw_proto && l4_item(m->key) == RTE_FLOW_ITEM_TYPE_END) {
		if (left->nw_proto != UINT8_MAX || is_extension_header(m->key->nw_proto))
			return refuse_mask(m, "nw_proto");
		mask->hdr.proto = UINT8_MAX;
		spec->hdr.proto = m->key->nw_proto;
		left->nw_proto = 0;
	}
	if (left->nw_frag) {
		if (m->key->nw_frag)
			return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED, "ip_frag");
		mask->has_frag_ext = 1;
		left->nw_frag = 0;
	}
	return true;
}

static bool match_icmp(struct matching *m, enum rte_flow_item_type type)
{
	struct flow_key *left = &m->left.m;
	uint8_t *spec, *mask;

	// ICMP and ICMPv6 items both begin with type and code; the key has them in the low bytes of the ports.
	if (!rule_item(m->rule, type,
		       type == RTE_FLOW_ITEM_TYPE_ICMP ? sizeof(struct rte_flow_item_icmp)
						       : sizeof(struct rte_flow_item_icmp6),
		       (void **)&spec, (void **)&mask))
		return too_large(m);
	mask[0] = be16toh(left->tp_src);
	mask[1] = be16toh(left->tp_dst);
	spec[0] = be16toh(m->key->tp_src) & mask[0];
	spec[1] = be16toh(m->key->tp_dst) & mask[1];
	left->tp_src = left->tp_dst = 0;
	left->nw_proto = 0;
	return true;
}

static bool match_ports(struct matching *m, enum rte_flow_item_type type)
{
	size_t size = type == RTE_FLOW_ITEM_TYPE_TCP   ? sizeof(struct rte_flow_item_tcp)
		      : type == RTE_FLOW_ITEM_TYPE_UDP ? sizeof(struct rte_flow_item_udp)
						       : sizeof(struct rte_flow_item_sctp);
	struct flow_key *left = &m->left.m;
	uint8_t *spec, *mask;

	if (!rule_item(m->rule, type, size, (void **)&spec, (void **)&mask))
		return too_large(m);
	fill_item(m, type, spec, mask);
	if (type == RTE_FLOW_ITEM_TYPE_TCP && left->tcp_flags) {
		struct rte_flow_item_tcp *s = (void *)spec, *k = (void *)mask;

		if (left->tcp_flags & htobe16(0x0f00))
			return refuse_mask(
				m,
				"tcp_flags"); // reserved bits and NS are not in the byte that rte_flow has
		k->hdr.tcp_flags = be16toh(left->tcp_flags);
		s->hdr.tcp_flags = be16toh(m->key->tcp_flags) & k->hdr.tcp_flags;
		left->tcp_flags = 0;
	}
	left->nw_proto = 0;
	return true;
}

static bool match_l4(struct matching *m)
{
	enum rte_flow_item_type type = l4_item(m->key);

	if (type == RTE_FLOW_ITEM_TYPE_END || m->key->nw_frag & FLOW_FRAG_LATER)
		return true;
	// IPv4's protocol number is matched already; an item is needed only for what is in the header.
	if (!looks_at_l4(m) && !m->left.m.nw_proto)
		return true;
	if (type == RTE_FLOW_ITEM_TYPE_ICMP || type == RTE_FLOW_ITEM_TYPE_ICMP6)
		return match_icmp(m, type);
	return match_ports(m, type);
}

bool rte_compile_match(struct compiled_rule *r, const struct flow_key *key,
		       const struct flow_mask *mask, uint16_t in_ethdev, struct verdict *v)
{
	struct matching m = { .rule = r, .key = key, .left = *mask, .v = v };

	if (key->packet_type)
		return verdict_refuse(v, REASON_FIELD_UNSUPPORTED, "packet_type");
	if (key->tunnel.tun_id || key->tunnel.ip_dst ||
	    !is_all_zeros(&mask->m.tunnel, sizeof(mask->m.tunnel)))
		return verdict_refuse(v, REASON_TUNNEL_UNSUPPORTED, "tun_id");
	m.left.m.packet_type = 0;
	// A recirculation id is a group of rules.
	r->attr.group = key->recirc_id;
	m.left.m.recirc_id = 0;
	if (!match_port(&m, in_ethdev) || !match_ethernet(&m))
		return false;
	if (key->eth_type == htobe16(0x0800) && (!match_ipv4(&m) || !match_l4(&m)))
		return false;
	if (key->eth_type == htobe16(0x86dd) && (!match_ipv6(&m) || !match_l4(&m)))
		return false;
	return leftover_refuse(&m.left, key, v);
}
