// SPDX-License-Identifier: Apache-2.0
// From a megaflow's key and mask to flower's attributes. What is matched is taken off a copy of the mask; what is left at the
// end cannot be expressed and is named in the verdict.

#include "offload/leftover.h"
#include "offload/tc/match-private.h"

const struct tc_key_row tc_key_rows[] = {
#define ROW(NAME, MEMBER, NEED) \
#NAME, offsetof(struct flow_key, MEMBER), sizeof(((struct flow_key *)0)->MEMBER), \
		NEED_##NEED
#define KEY(NAME, MEMBER, NEED, VALUE, MASK) \
	{ ROW(NAME, MEMBER, NEED), TCA_FLOWER_KEY_##VALUE, TCA_FLOWER_KEY_##MASK, false },
#define LOW(NAME, MEMBER, NEED, VALUE, MASK) \
	{ ROW(NAME, MEMBER, NEED), TCA_FLOWER_KEY_##VALUE, TCA_FLOWER_KEY_##MASK, true },
#define SPECIAL(NAME, MEMBER)
#include "offload/tc/key.def"
#undef KEY
#undef LOW
#undef SPECIAL
#undef ROW
};
const size_t tc_n_key_rows = ARRAY_SIZE(tc_key_rows);

bool tc_refuse_mask(struct matching *m, const char *field)
{
	return verdict_refuse(m->v, REASON_MASK_UNSUPPORTED, field);
}

void tc_put(struct matching *m, uint16_t type, const void *p, size_t n)
{
	nl_put(&m->rule->options, type, p, n);
	m->rule->shape = hash_u64(type, m->rule->shape);
}

// ---- Rows ----

static void match_row(struct matching *m, const struct tc_key_row *row)
{
	uint8_t *left = (uint8_t *)&m->left.m + row->offset, value[16];
	const uint8_t *key = (const uint8_t *)m->key + row->offset;
	// The upper byte of ICMP's type is always 0 in the key.
	size_t skip = row->low ? row->size - 1 : 0, n = row->size - skip;

	if (is_all_zeros(left, row->size))
		return;
	for (size_t i = 0; i < n; i++)
		value[i] = key[skip + i] & left[skip + i];
	tc_put(m, row->value, value, n);
	tc_put(m, row->mask, left + skip, n);
	m->rule->shape = hash_bytes(left + skip, n, m->rule->shape);
	memset(left, 0, row->size);
}

// ---- Ethernet type and tags ----

static bool is_tag(struct flow_vlan v)
{
	return v.tci & htobe16(VLAN_PRESENT);
}

static bool match_tag(struct matching *m, int i, uint16_t id_attr, uint16_t prio_attr,
		      uint16_t type_attr)
{
	struct flow_vlan *left = &m->left.m.vlans[i], tag = m->key->vlans[i];
	be16 next = i + 1 < FLOW_MAX_VLANS && is_tag(m->key->vlans[i + 1])
			    ? m->key->vlans[i + 1].tpid
			    : m->key->eth_type;
	uint16_t mask = be16toh(left->tci), tci = be16toh(tag.tci);

	if (mask & VLAN_VID_MASK) {
		uint16_t vid = tci & VLAN_VID_MASK;

		if ((mask & VLAN_VID_MASK) != VLAN_VID_MASK)
			return tc_refuse_mask(m, "dl_vlan");
		tc_put(m, id_attr, &vid, sizeof(vid));
	}
	if (mask & VLAN_PCP_MASK) {
		uint8_t pcp = (tci & VLAN_PCP_MASK) >> VLAN_PCP_SHIFT;

		if ((mask & VLAN_PCP_MASK) != VLAN_PCP_MASK)
			return tc_refuse_mask(m, "dl_vlan_pcp");
		tc_put(m, prio_attr, &pcp, sizeof(pcp));
	}
	tc_put(m, type_attr, &next, sizeof(next));
	memset(left, 0, sizeof(*left));
	return true;
}

static bool match_ethernet(struct matching *m)
{
	const struct flow_key *k = m->key;

	// 0x05ff stands for frames with a length instead of a type: flower has no word for them.
	if (k->eth_type == htobe16(0x05ff))
		return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED, "eth_type");
	if (m->left.m.eth_type != UINT16_MAX)
		return tc_refuse_mask(m, "eth_type");
	if (!(m->left.m.vlans[0].tci & htobe16(VLAN_PRESENT)))
		return tc_refuse_mask(m, "vlan_tci");
	m->rule->protocol = is_tag(k->vlans[0]) ? k->vlans[0].tpid : k->eth_type;
	tc_put(m, TCA_FLOWER_KEY_ETH_TYPE, &m->rule->protocol, sizeof(m->rule->protocol));
	if (is_tag(k->vlans[0]) &&
	    !match_tag(m, 0, TCA_FLOWER_KEY_VLAN_ID, TCA_FLOWER_KEY_VLAN_PRIO,
		       TCA_FLOWER_KEY_VLAN_ETH_TYPE))
		return false;
	if (is_tag(k->vlans[0]) && is_tag(k->vlans[1]) &&
	    !match_tag(m, 1, TCA_FLOWER_KEY_CVLAN_ID, TCA_FLOWER_KEY_CVLAN_PRIO,
		       TCA_FLOWER_KEY_CVLAN_ETH_TYPE))
		return false;
	// That there is no (further) tag is said by the type before.
	memset(m->left.m.vlans, 0, sizeof(m->left.m.vlans));
	m->left.m.eth_type = 0;
	return true;
}

// ---- IP ----

static bool match_frag(struct matching *m)
{
	uint8_t mask = m->left.m.nw_frag, frag = m->key->nw_frag & mask;
	uint32_t flags = 0, flags_mask = 0;

	if (!mask)
		return true;
	if (frag && m->key->eth_type == htobe16(ETH_P_IPV6))
		return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED, "ip_frag");
	// "Later" without "any" is true of whole packets too: flower's "first" is not the reverse of it.
	if (!(mask & FLOW_FRAG_ANY))
		return tc_refuse_mask(m, "ip_frag");
	flags_mask = TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT;
	if (frag & FLOW_FRAG_ANY) {
		flags |= TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT;
		if (mask & FLOW_FRAG_LATER) {
			flags_mask |= TCA_FLOWER_KEY_FLAGS_FRAG_IS_FIRST;
			if (!(frag & FLOW_FRAG_LATER))
				flags |= TCA_FLOWER_KEY_FLAGS_FRAG_IS_FIRST;
		}
	}
	be32 value = htobe32(flags), value_mask = htobe32(flags_mask);

	tc_put(m, TCA_FLOWER_KEY_FLAGS, &value, sizeof(value));
	tc_put(m, TCA_FLOWER_KEY_FLAGS_MASK, &value_mask, sizeof(value_mask));
	m->left.m.nw_frag = 0;
	return true;
}

static bool match_ip(struct matching *m)
{
	const struct flow_key *left = &m->left.m;

	if (!flow_is_ip(m->key))
		return true;
	// The kernel's dissector does not look behind the IP header of a fragment, not even of the first.
	if (m->key->nw_frag && (left->tp_src || left->tp_dst || left->tcp_flags))
		return verdict_refuse(m->v, REASON_FIELD_UNSUPPORTED, "ports of fragments");
	if (m->left.m.nw_proto) {
		if (m->left.m.nw_proto != UINT8_MAX)
			return tc_refuse_mask(m, "nw_proto");
		tc_put(m, TCA_FLOWER_KEY_IP_PROTO, &m->key->nw_proto, 1);
		m->left.m.nw_proto = 0;
	}
	return match_frag(m);
}

bool tc_compile_match(struct compiled_rule *r, const struct flow_key *key,
		      const struct flow_mask *mask, struct verdict *v)
{
	struct matching m = { .rule = r, .key = key, .left = *mask, .v = v };

	if (key->packet_type)
		return verdict_refuse(v, REASON_FIELD_UNSUPPORTED, "packet_type");
	if (key->recirc_id > TC_CHAIN_MAX)
		return verdict_refuse(v, REASON_FIELD_UNSUPPORTED, "recirc_id");
	r->chain = key->recirc_id;
	m.left.m.packet_type = 0;
	m.left.m.in_port = 0;
	m.left.m.recirc_id = 0;
	if (!tc_match_tunnel(&m) || !match_ethernet(&m) || !tc_match_mpls(&m) || !match_ip(&m))
		return false;
	tc_match_connection(&m);
	for (size_t i = 0; i < ARRAY_SIZE(tc_key_rows); i++)
		if (field_need_holds(tc_key_rows[i].need, key))
			match_row(&m, &tc_key_rows[i]);
	return leftover_refuse(&m.left, key, v);
}
