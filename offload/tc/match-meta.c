// SPDX-License-Identifier: Apache-2.0
// What a packet comes with beside its bytes: the tunnel it came through, its connection; and one label of MPLS.
#include "offload/tc/match-private.h"

// A member matched with any mask.
static void put_masked(struct matching *m, uint16_t value_attr, uint16_t mask_attr,
		       const void *value, void *left, size_t n)
{
	uint8_t masked[16];

	if (is_all_zeros(left, n))
		return;
	for (size_t i = 0; i < n; i++)
		masked[i] = ((const uint8_t *)value)[i] & ((uint8_t *)left)[i];
	tc_put(m, value_attr, masked, n);
	tc_put(m, mask_attr, left, n);
	m->rule->shape = hash_bytes(left, n, m->rule->shape);
	memset(left, 0, n);
}

// ---- Tunnels ----

static bool match_key_id(struct matching *m)
{
	struct flow_tunnel *left = &m->left.m.tunnel;
	uint64_t id = be64toh(m->key->tunnel.tun_id), mask = be64toh(left->tun_id);
	be32 low = htobe32(id);

	if (!mask)
		return true;
	// Tunnel devices have ids of 24 or 32 bits, and flower takes them whole.
	if ((mask & UINT32_MAX) != UINT32_MAX || id > UINT32_MAX)
		return tc_refuse_mask(m, "tun_id");
	tc_put(m, TCA_FLOWER_KEY_ENC_KEY_ID, &low, sizeof(low));
	left->tun_id = 0;
	return true;
}

// All packets of the device come to its port. Drivers know what kind of tunnel it is by it, and ask for it.
static void put_port(struct matching *m)
{
	be16 *left = &m->left.m.tunnel.tp_dst, port = m->key->tunnel.tp_dst;

	if (m->rule->tunnel_port && (!*left || !((port ^ m->rule->tunnel_port) & *left))) {
		port = m->rule->tunnel_port;
		*left = UINT16_MAX;
	}
	put_masked(m, TCA_FLOWER_KEY_ENC_UDP_DST_PORT, TCA_FLOWER_KEY_ENC_UDP_DST_PORT_MASK, &port,
		   left, 2);
}

bool tc_match_tunnel(struct matching *m)
{
	const struct flow_tunnel *key = &m->key->tunnel;
	struct flow_tunnel *left = &m->left.m.tunnel;

	if (!m->rule->from_tunnel) {
		if (is_all_zeros(key, sizeof(*key)) && is_all_zeros(left, sizeof(*left)))
			return true;
		return verdict_refuse(m->v, REASON_TUNNEL_UNSUPPORTED, "tun_id");
	}
	if (!match_key_id(m))
		return false;
	put_masked(m, TCA_FLOWER_KEY_ENC_IPV4_SRC, TCA_FLOWER_KEY_ENC_IPV4_SRC_MASK, &key->ip_src,
		   &left->ip_src, 4);
	put_masked(m, TCA_FLOWER_KEY_ENC_IPV4_DST, TCA_FLOWER_KEY_ENC_IPV4_DST_MASK, &key->ip_dst,
		   &left->ip_dst, 4);
	put_masked(m, TCA_FLOWER_KEY_ENC_IPV6_SRC, TCA_FLOWER_KEY_ENC_IPV6_SRC_MASK, &key->ipv6_src,
		   &left->ipv6_src, 16);
	put_masked(m, TCA_FLOWER_KEY_ENC_IPV6_DST, TCA_FLOWER_KEY_ENC_IPV6_DST_MASK, &key->ipv6_dst,
		   &left->ipv6_dst, 16);
	put_masked(m, TCA_FLOWER_KEY_ENC_IP_TOS, TCA_FLOWER_KEY_ENC_IP_TOS_MASK, &key->tos,
		   &left->tos, 1);
	put_masked(m, TCA_FLOWER_KEY_ENC_IP_TTL, TCA_FLOWER_KEY_ENC_IP_TTL_MASK, &key->ttl,
		   &left->ttl, 1);
	put_masked(m, TCA_FLOWER_KEY_ENC_UDP_SRC_PORT, TCA_FLOWER_KEY_ENC_UDP_SRC_PORT_MASK,
		   &key->tp_src, &left->tp_src, 2);
	put_port(m);
	// That there is an id is said by the id.
	left->flags &= ~FLOW_TNL_KEY;
	return tc_match_tunnel_opts(m);
}

// ---- Connections ----

static const struct {
	uint8_t ours;
	uint16_t flower;
} states[] = {
	{ CS_NEW, TCA_FLOWER_KEY_CT_FLAGS_NEW },
	{ CS_EST, TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED },
	{ CS_REL, TCA_FLOWER_KEY_CT_FLAGS_RELATED },
	{ CS_RPL, TCA_FLOWER_KEY_CT_FLAGS_REPLY },
	{ CS_INV, TCA_FLOWER_KEY_CT_FLAGS_INVALID },
	{ CS_TRK, TCA_FLOWER_KEY_CT_FLAGS_TRACKED },
};

static void match_ct_state(struct matching *m)
{
	uint16_t value = 0, mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!(m->left.m.ct_state & states[i].ours))
			continue;
		mask |= states[i].flower;
		if (m->key->ct_state & states[i].ours)
			value |= states[i].flower;
		m->left.m.ct_state &= ~states[i].ours;
	}
	if (!mask)
		return;
	// The kernel wants to hear that what has a state is tracked.
	if (value) {
		value |= TCA_FLOWER_KEY_CT_FLAGS_TRACKED;
		mask |= TCA_FLOWER_KEY_CT_FLAGS_TRACKED;
	}
	tc_put(m, TCA_FLOWER_KEY_CT_STATE, &value, sizeof(value));
	tc_put(m, TCA_FLOWER_KEY_CT_STATE_MASK, &mask, sizeof(mask));
	m->rule->shape = hash_u64((uint64_t)value << 16 | mask, m->rule->shape);
}

uint8_t tc_read_ct_state(uint16_t flower)
{
	uint8_t state = 0;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (flower & states[i].flower)
			state |= states[i].ours;
	return state;
}

// Our labels are numbers, the kernel's bit N is in byte N / 8.
void tc_turn_label(const uint8_t label[16], uint8_t ret[16])
{
	for (int i = 0; i < 16; i++)
		ret[i] = label[15 - i];
}

void tc_match_connection(struct matching *m)
{
	struct flow_key *left = &m->left.m;
	uint8_t label[16], mask[16];

	match_ct_state(m);
	put_masked(m, TCA_FLOWER_KEY_CT_ZONE, TCA_FLOWER_KEY_CT_ZONE_MASK, &m->key->ct_zone,
		   &left->ct_zone, 2);
	put_masked(m, TCA_FLOWER_KEY_CT_MARK, TCA_FLOWER_KEY_CT_MARK_MASK, &m->key->ct_mark,
		   &left->ct_mark, 4);
	tc_turn_label(m->key->ct_label, label);
	tc_turn_label(left->ct_label, mask);
	put_masked(m, TCA_FLOWER_KEY_CT_LABELS, TCA_FLOWER_KEY_CT_LABELS_MASK, label, mask, 16);
	memset(left->ct_label, 0, sizeof(left->ct_label));
}

// ---- MPLS ----

bool tc_match_mpls(struct matching *m)
{
	uint32_t lse = be32toh(m->key->mpls_lse[0]), mask = be32toh(m->left.m.mpls_lse[0]),
		 label = lse >> 12;
	const struct part {
		uint32_t bits;
		uint16_t attr;
		uint8_t shift;
		const char *name;
	} parts[] = {
		{ 0x00000e00, TCA_FLOWER_KEY_MPLS_TC, 9, "mpls_tc" },
		{ 0x00000100, TCA_FLOWER_KEY_MPLS_BOS, 8, "mpls_bos" },
		{ 0x000000ff, TCA_FLOWER_KEY_MPLS_TTL, 0, "mpls_ttl" },
	};

	if (m->key->eth_type != htobe16(ETH_P_MPLS_UC) &&
	    m->key->eth_type != htobe16(ETH_P_MPLS_MC))
		return true;
	if (mask & 0xfffff000) {
		if ((mask & 0xfffff000) != 0xfffff000)
			return tc_refuse_mask(m, "mpls_label");
		tc_put(m, TCA_FLOWER_KEY_MPLS_LABEL, &label, sizeof(label));
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint8_t v = (lse & parts[i].bits) >> parts[i].shift;

		if (!(mask & parts[i].bits))
			continue;
		if ((mask & parts[i].bits) != parts[i].bits)
			return tc_refuse_mask(m, parts[i].name);
		tc_put(m, parts[i].attr, &v, sizeof(v));
	}
	m->left.m.mpls_lse[0] = 0;
	return true;
}
