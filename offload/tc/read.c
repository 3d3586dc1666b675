// SPDX-License-Identifier: Apache-2.0
// The reverse of match.c: from the kernel's words about a filter to the flow that it was made for. A filter that matches
// what ours never do is not understood.
#include "offload/tc/match-private.h"
#include "offload/tc/tc-private.h"

struct reading {
	struct flow_key *key;
	struct flow_mask *mask;
	const struct nlattr *a[TCA_FLOWER_KEY_CT_LABELS_MASK + 1];
	bool used[TCA_FLOWER_KEY_CT_LABELS_MASK + 1];
};

// NULL when it is absent or has another size; else it is taken as understood.
static const void *take(struct reading *r, uint16_t type, size_t n)
{
	if (!r->a[type] || nl_len(r->a[type]) != n)
		return NULL;
	r->used[type] = true;
	return mnl_attr_get_payload(r->a[type]);
}

// A value and its mask (all ones where the kernel shows none); bits outside the mask are cleared.
static void take_member(struct reading *r, uint16_t value, uint16_t mask, void *to, void *to_mask,
			size_t n)
{
	const uint8_t *v = take(r, value, n), *m = take(r, mask, n);

	if (!v)
		return;
	for (size_t i = 0; i < n; i++) {
		((uint8_t *)to_mask)[i] = m ? m[i] : 0xff;
		((uint8_t *)to)[i] = v[i] & ((uint8_t *)to_mask)[i];
	}
}

static void take_row(struct reading *r, const struct tc_key_row *row)
{
	size_t skip = row->low ? row->size - 1u : 0;

	take_member(r, row->value, row->mask, (uint8_t *)r->key + row->offset + skip,
		    (uint8_t *)&r->mask->m + row->offset + skip, row->size - skip);
	// The upper byte of what has one byte only is 0 in every packet.
	if (skip && r->used[row->value])
		memset((uint8_t *)&r->mask->m + row->offset, 0xff, skip);
}

static void take_tag(struct reading *r, int i, be16 tpid, uint16_t id_attr, uint16_t prio_attr)
{
	const uint16_t *vid = take(r, id_attr, 2);
	const uint8_t *pcp = take(r, prio_attr, 1);
	uint16_t tci = VLAN_PRESENT, mask = VLAN_PRESENT;

	if (vid) {
		tci |= *vid & VLAN_VID_MASK;
		mask |= VLAN_VID_MASK;
	}
	if (pcp) {
		tci |= (uint16_t)(*pcp << VLAN_PCP_SHIFT) & VLAN_PCP_MASK;
		mask |= VLAN_PCP_MASK;
	}
	r->key->vlans[i] = (struct flow_vlan){ tpid, htobe16(tci) };
	r->mask->m.vlans[i] = (struct flow_vlan){ UINT16_MAX, htobe16(mask) };
}

static void take_ethernet(struct reading *r, be16 protocol)
{
	const be16 *first, *second;

	take(r, TCA_FLOWER_KEY_ETH_TYPE, 2);
	r->key->eth_type = protocol;
	r->mask->m.eth_type = UINT16_MAX;
	r->mask->m.vlans[0].tci = htobe16(VLAN_PRESENT);
	if (protocol != htobe16(ETH_P_8021Q) && protocol != htobe16(ETH_P_8021AD))
		return;
	take_tag(r, 0, protocol, TCA_FLOWER_KEY_VLAN_ID, TCA_FLOWER_KEY_VLAN_PRIO);
	first = take(r, TCA_FLOWER_KEY_VLAN_ETH_TYPE, 2);
	second = take(r, TCA_FLOWER_KEY_CVLAN_ETH_TYPE, 2);
	r->mask->m.vlans[1].tci = htobe16(VLAN_PRESENT);
	if (first)
		r->key->eth_type = *first;
	if (first && second) {
		take_tag(r, 1, *first, TCA_FLOWER_KEY_CVLAN_ID, TCA_FLOWER_KEY_CVLAN_PRIO);
		r->key->eth_type = *second;
	}
}

static void take_ip(struct reading *r)
{
	be32 flags = 0, mask = 0;

	take_member(r, TCA_FLOWER_KEY_IP_PROTO, TCA_FLOWER_UNSPEC, &r->key->nw_proto,
		    &r->mask->m.nw_proto, 1);
	take_member(r, TCA_FLOWER_KEY_FLAGS, TCA_FLOWER_KEY_FLAGS_MASK, &flags, &mask, 4);
	if (!(mask & htobe32(TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT)))
		return;
	r->mask->m.nw_frag = FLOW_FRAG_ANY;
	if (!(flags & htobe32(TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT))) {
		r->mask->m.nw_frag |= FLOW_FRAG_LATER;
		return;
	}
	r->key->nw_frag = FLOW_FRAG_ANY;
	if (!(mask & htobe32(TCA_FLOWER_KEY_FLAGS_FRAG_IS_FIRST)))
		return;
	r->mask->m.nw_frag |= FLOW_FRAG_LATER;
	if (!(flags & htobe32(TCA_FLOWER_KEY_FLAGS_FRAG_IS_FIRST)))
		r->key->nw_frag |= FLOW_FRAG_LATER;
}

static void take_tunnel(struct reading *r)
{
	struct flow_tunnel *k = &r->key->tunnel, *m = &r->mask->m.tunnel;
	const be32 *id = take(r, TCA_FLOWER_KEY_ENC_KEY_ID, 4);

	if (id) {
		k->tun_id = htobe64(be32toh(*id));
		m->tun_id = UINT64_MAX;
		k->flags = m->flags = FLOW_TNL_KEY;
	}
	take_member(r, TCA_FLOWER_KEY_ENC_IPV4_SRC, TCA_FLOWER_KEY_ENC_IPV4_SRC_MASK, &k->ip_src,
		    &m->ip_src, 4);
	take_member(r, TCA_FLOWER_KEY_ENC_IPV4_DST, TCA_FLOWER_KEY_ENC_IPV4_DST_MASK, &k->ip_dst,
		    &m->ip_dst, 4);
	take_member(r, TCA_FLOWER_KEY_ENC_IPV6_SRC, TCA_FLOWER_KEY_ENC_IPV6_SRC_MASK, &k->ipv6_src,
		    &m->ipv6_src, 16);
	take_member(r, TCA_FLOWER_KEY_ENC_IPV6_DST, TCA_FLOWER_KEY_ENC_IPV6_DST_MASK, &k->ipv6_dst,
		    &m->ipv6_dst, 16);
	take_member(r, TCA_FLOWER_KEY_ENC_IP_TOS, TCA_FLOWER_KEY_ENC_IP_TOS_MASK, &k->tos, &m->tos,
		    1);
	take_member(r, TCA_FLOWER_KEY_ENC_IP_TTL, TCA_FLOWER_KEY_ENC_IP_TTL_MASK, &k->ttl, &m->ttl,
		    1);
	take_member(r, TCA_FLOWER_KEY_ENC_UDP_SRC_PORT, TCA_FLOWER_KEY_ENC_UDP_SRC_PORT_MASK,
		    &k->tp_src, &m->tp_src, 2);
	take_member(r, TCA_FLOWER_KEY_ENC_UDP_DST_PORT, TCA_FLOWER_KEY_ENC_UDP_DST_PORT_MASK,
		    &k->tp_dst, &m->tp_dst, 2);
	if (r->a[TCA_FLOWER_KEY_ENC_OPTS] &&
	    tc_read_tunnel_opts(r->a[TCA_FLOWER_KEY_ENC_OPTS], r->a[TCA_FLOWER_KEY_ENC_OPTS_MASK],
				k, m))
		r->used[TCA_FLOWER_KEY_ENC_OPTS] = r->used[TCA_FLOWER_KEY_ENC_OPTS_MASK] = true;
}

static void take_connection(struct reading *r)
{
	uint16_t state = 0, state_mask = 0;
	uint8_t label[16] = { 0 }, mask[16] = { 0 };

	take_member(r, TCA_FLOWER_KEY_CT_STATE, TCA_FLOWER_KEY_CT_STATE_MASK, &state, &state_mask,
		    2);
	r->key->ct_state = tc_read_ct_state(state);
	r->mask->m.ct_state = tc_read_ct_state(state_mask);
	take_member(r, TCA_FLOWER_KEY_CT_ZONE, TCA_FLOWER_KEY_CT_ZONE_MASK, &r->key->ct_zone,
		    &r->mask->m.ct_zone, 2);
	take_member(r, TCA_FLOWER_KEY_CT_MARK, TCA_FLOWER_KEY_CT_MARK_MASK, &r->key->ct_mark,
		    &r->mask->m.ct_mark, 4);
	take_member(r, TCA_FLOWER_KEY_CT_LABELS, TCA_FLOWER_KEY_CT_LABELS_MASK, label, mask, 16);
	tc_turn_label(label, r->key->ct_label);
	tc_turn_label(mask, r->mask->m.ct_label);
}

static void take_mpls(struct reading *r)
{
	const uint32_t *label = take(r, TCA_FLOWER_KEY_MPLS_LABEL, 4);
	const uint8_t *tc = take(r, TCA_FLOWER_KEY_MPLS_TC, 1),
		      *bos = take(r, TCA_FLOWER_KEY_MPLS_BOS, 1),
		      *ttl = take(r, TCA_FLOWER_KEY_MPLS_TTL, 1);
	uint32_t lse = (label ? *label << 12 : 0) | (tc ? (*tc & 7) << 9 : 0) |
		       (bos ? (*bos & 1) << 8 : 0) | (ttl ? *ttl : 0);
	uint32_t mask =
		(label ? 0xfffff000 : 0) | (tc ? 0xe00 : 0) | (bos ? 0x100 : 0) | (ttl ? 0xff : 0);

	r->key->mpls_lse[0] = htobe32(lse);
	r->mask->m.mpls_lse[0] = htobe32(mask);
}

bool tc_read_match(const struct nlattr *options, be16 protocol, uint32_t chain,
		   struct flow_key *ret_key, struct flow_mask *ret_mask)
{
	struct reading r = { .key = ret_key, .mask = ret_mask };
	const struct nlattr *attr;

	memset(ret_key, 0, sizeof(*ret_key));
	memset(ret_mask, 0, sizeof(*ret_mask));
	mnl_attr_for_each_nested(attr, options)
	{
		if (mnl_attr_get_type(attr) < ARRAY_SIZE(r.a))
			r.a[mnl_attr_get_type(attr)] = attr;
		else
			return false;
	}
	r.used[TCA_FLOWER_ACT] = r.used[TCA_FLOWER_FLAGS] = r.used[TCA_FLOWER_IN_HW_COUNT] = true;
	ret_key->recirc_id = chain;
	ret_mask->m.recirc_id = ret_mask->m.in_port = UINT32_MAX;
	ret_mask->m.packet_type = UINT32_MAX;
	take_ethernet(&r, protocol);
	take_ip(&r);
	for (size_t i = 0; i < tc_n_key_rows; i++)
		take_row(&r, &tc_key_rows[i]);
	take_tunnel(&r);
	take_connection(&r);
	take_mpls(&r);
	for (size_t i = 0; i < ARRAY_SIZE(r.a); i++)
		if (r.a[i] && !r.used[i])
			return false;
	return true;
}
