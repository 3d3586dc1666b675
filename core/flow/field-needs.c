// SPDX-License-Identifier: Apache-2.0
// Prerequisites of fields: what must hold for a packet to have them.
#include <pthread.h>

#include "core/flow/fields.h"

#define MAX_NEED_WORDS 6

// One row per enum field_need; 0 means that nothing is asked for.
static const struct need {
	uint16_t eth_type[2];
	uint8_t proto;
	uint8_t icmp_type[2]; // ICMPv6, with code 0
	bool ethernet, vlan, first_fragment, ct, ct_ports;
} needs[NEED_MAX] = {
	[NEED_ETH] = { .ethernet = true },
	[NEED_VLAN] = { .ethernet = true, .vlan = true },
	[NEED_MPLS] = { .eth_type = { 0x8847, 0x8848 } },
	[NEED_IPV4] = { .eth_type = { 0x0800 } },
	[NEED_IPV6] = { .eth_type = { 0x86dd } },
	[NEED_IP] = { .eth_type = { 0x0800, 0x86dd } },
	[NEED_ARP] = { .eth_type = { 0x0806, 0x8035 } },
	[NEED_TCP] = { .eth_type = { 0x0800, 0x86dd }, .proto = 6, .first_fragment = true },
	[NEED_UDP] = { .eth_type = { 0x0800, 0x86dd }, .proto = 17, .first_fragment = true },
	[NEED_SCTP] = { .eth_type = { 0x0800, 0x86dd }, .proto = 132, .first_fragment = true },
	[NEED_ICMPV4] = { .eth_type = { 0x0800 }, .proto = 1, .first_fragment = true },
	[NEED_ICMPV6] = { .eth_type = { 0x86dd }, .proto = 58, .first_fragment = true },
	[NEED_ND] = { .eth_type = { 0x86dd },
		      .proto = 58,
		      .icmp_type = { 135, 136 },
		      .first_fragment = true },
	[NEED_ND_SOLICIT] = { .eth_type = { 0x86dd },
			      .proto = 58,
			      .icmp_type = { 135 },
			      .first_fragment = true },
	[NEED_ND_ADVERT] = { .eth_type = { 0x86dd },
			     .proto = 58,
			     .icmp_type = { 136 },
			     .first_fragment = true },
	[NEED_NSH] = { .eth_type = { 0x894f } },
	[NEED_CT] = { .eth_type = { 0x0800, 0x86dd }, .ct = true },
	[NEED_CT_IPV4] = { .eth_type = { 0x0800 }, .ct = true },
	[NEED_CT_IPV6] = { .eth_type = { 0x86dd }, .ct = true },
	[NEED_CT_PORTS] = { .eth_type = { 0x0800, 0x86dd }, .ct = true, .ct_ports = true },
};

static bool ct_has_tuple(uint8_t state)
{
	return state & (CS_NEW | CS_EST | CS_REL | CS_RPL) || (state & CS_TRK && !(state & CS_INV));
}

static bool ct_proto_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 1 || proto == 58;
}

static bool one_of16(be16 value, const uint16_t set[2])
{
	uint16_t v = be16toh(value);

	return v == set[0] || (set[1] && v == set[1]);
}

static bool icmp_type_holds(const struct flow_key *k, const uint8_t set[2])
{
	uint16_t type = be16toh(k->tp_src);

	return !k->tp_dst && (type == set[0] || (set[1] && type == set[1]));
}

static bool all_but_fragments_hold(const struct need *n, const struct flow_key *k)
{
	if (n->ethernet && k->packet_type)
		return false;
	if (n->vlan && !(k->vlans[0].tci & htobe16(VLAN_PRESENT)))
		return false;
	if (n->eth_type[0] && !one_of16(k->eth_type, n->eth_type))
		return false;
	if (n->proto && k->nw_proto != n->proto)
		return false;
	if (n->icmp_type[0] && !icmp_type_holds(k, n->icmp_type))
		return false;
	if (n->ct && !ct_has_tuple(k->ct_state))
		return false;
	return !n->ct_ports || ct_proto_has_ports(k->ct_nw_proto);
}

static bool is_later(const struct flow_key *k)
{
	return k->nw_frag & FLOW_FRAG_LATER;
}

bool field_need_holds(enum field_need need, const struct flow_key *k)
{
	const struct need *n = &needs[need];

	return all_but_fragments_hold(n, k) && !(n->first_fragment && is_later(k));
}

bool field_is_present(const struct field *f, const struct flow_key *k)
{
	return field_need_holds(f->need, k);
}

static bool masked_all(const struct flow_mask *mask, const struct need *n)
{
	const struct flow_key *m = &mask->m;

	if (n->vlan && !(m->vlans[0].tci & htobe16(VLAN_PRESENT)))
		return false;
	if (n->eth_type[0] && m->eth_type != UINT16_MAX)
		return false;
	if (n->proto && m->nw_proto != UINT8_MAX)
		return false;
	if (n->icmp_type[0] && (be16toh(m->tp_src) & 0xff) != 0xff)
		return false;
	return !n->ct_ports || m->ct_nw_proto == UINT8_MAX;
}

// In a match "-inv" must be asked for, where a key without CS_INV is enough.
static bool match_ct_holds(const struct match *m)
{
	uint8_t state = m->key.ct_state;

	if (state & (CS_NEW | CS_EST | CS_REL | CS_RPL))
		return true;
	return state & CS_TRK && !(state & CS_INV) && m->mask.m.ct_state & CS_INV;
}

bool field_need_is_matched(enum field_need need, const struct match *m)
{
	const struct need *n = &needs[need];
	// Ports may not be matched in later fragments. The type of an ICMP message may, though none of them has it.
	bool first = n->first_fragment && n->proto != 1 && n->proto != 58;

	return masked_all(&m->mask, n) && all_but_fragments_hold(n, &m->key) &&
	       !(first && is_later(&m->key)) && (!n->ct || match_ct_holds(m));
}

bool field_prerequisites_hold(const struct field *f, const struct match *m)
{
	return field_need_is_matched(f->need, m);
}

static void look_at_all(const struct need *n, struct flow_mask *mask)
{
	if (n->ethernet)
		mask->m.packet_type = UINT32_MAX;
	if (n->vlan)
		mask->m.vlans[0].tci |= htobe16(VLAN_PRESENT);
	if (n->eth_type[0])
		mask->m.eth_type = UINT16_MAX;
	if (n->proto)
		mask->m.nw_proto = UINT8_MAX;
	if (n->first_fragment)
		mask->m.nw_frag |= FLOW_FRAG_LATER;
	if (n->icmp_type[0]) {
		mask->m.tp_src |= htobe16(0xff);
		mask->m.tp_dst |= htobe16(0xff);
	}
	if (n->ct)
		mask->m.ct_state = UINT8_MAX;
	if (n->ct_ports)
		mask->m.ct_nw_proto = UINT8_MAX;
}

// Of each kind of prerequisites.
static struct {
	size_t n;
	struct word_bits words[MAX_NEED_WORDS];
} need_words[NEED_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_need_words(void)
{
	for (unsigned int need = 0; need < NEED_MAX; need++) {
		struct flow_mask m = { 0 };

		look_at_all(&needs[need], &m);
		for (size_t w = 0; w < FLOW_WORDS; w++) {
			uint64_t bits = flow_words(&m.m)[w];

			if (!bits)
				continue;
			assert(need_words[need].n < MAX_NEED_WORDS);
			need_words[need].words[need_words[need].n++] =
				(struct word_bits){ w, bits };
		}
	}
}

size_t field_needs(const struct field *f, const struct word_bits **ret)
{
	pthread_once(&once, find_need_words);
	*ret = need_words[f->need].words;
	return need_words[f->need].n;
}
