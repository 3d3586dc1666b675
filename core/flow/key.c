// SPDX-License-Identifier: Apache-2.0
#include "core/flow/key.h"

#include "core/base/hash.h"

void flow_key_masked(struct flow_key *dst, const struct flow_key *key, const struct flow_mask *mask)
{
	const uint64_t *k = flow_words_const(key), *m = flow_words_const(&mask->m);
	uint64_t *d = flow_words(dst);

	for (size_t i = 0; i < FLOW_WORDS; i++)
		d[i] = k[i] & m[i];
}

bool flow_key_equal_masked(const struct flow_key *a, const struct flow_key *b,
			   const struct flow_mask *mask)
{
	const uint64_t *x = flow_words_const(a), *y = flow_words_const(b),
		       *m = flow_words_const(&mask->m);

	for (size_t i = 0; i < FLOW_WORDS; i++)
		if ((x[i] ^ y[i]) & m[i])
			return false;
	return true;
}

void flow_mask_or(struct flow_mask *dst, const struct flow_mask *src)
{
	uint64_t *d = flow_words(&dst->m);
	const uint64_t *s = flow_words_const(&src->m);

	for (size_t i = 0; i < FLOW_WORDS; i++)
		d[i] |= s[i];
}

bool flow_mask_contains(const struct flow_mask *super, const struct flow_mask *sub)
{
	const uint64_t *a = flow_words_const(&super->m), *b = flow_words_const(&sub->m);

	for (size_t i = 0; i < FLOW_WORDS; i++)
		if (b[i] & ~a[i])
			return false;
	return true;
}

bool flow_has_headers(const struct flow_key *mask)
{
	return !is_all_zeros(flow_words_const(mask) + FLOW_SEGMENT_L2,
			     (FLOW_WORDS - FLOW_SEGMENT_L2) * sizeof(uint64_t));
}

uint64_t flow_key_hash(const struct flow_key *k, uint64_t basis)
{
	return hash_bytes(k, sizeof(*k), basis);
}

// Which port a packet came in at says whether it has an outer header at all, and that is of one family.
static void exact_tunnel(struct flow_mask *m, const struct flow_key *k)
{
	struct flow_tunnel *t = &m->m.tunnel;

	if (!flow_tunnel_is_set(&k->tunnel))
		return;
	memset(t, 0xff, offsetof(struct flow_tunnel, metadata_present));
	memset(t->pad, 0, sizeof(t->pad));
	if (k->tunnel.ip_dst) {
		memset(&t->ipv6_src, 0, sizeof(t->ipv6_src));
		memset(&t->ipv6_dst, 0, sizeof(t->ipv6_dst));
	} else {
		t->ip_src = t->ip_dst = 0;
	}
	memset(t->metadata, 0xff, k->tunnel.opt_len);
	t->metadata_present = k->tunnel.metadata_present;
	for (int i = 0; i < 64; i++)
		if (k->tunnel.metadata_present >> i & 1)
			memset(&t->metadata[4 * i], 0xff, 4);
}

static void exact_icmpv6(struct flow_key *m, const struct flow_key *k)
{
	uint16_t type = be16toh(k->tp_src);

	if (k->tp_dst || (type != 135 && type != 136))
		return;
	memset(&m->nd_target, 0xff, sizeof(m->nd_target));
	m->nd_reserved = UINT32_MAX;
	m->nd_options_type = UINT8_MAX;
	if (type == 135)
		memset(&m->arp_sha, 0xff, sizeof(m->arp_sha));
	else
		memset(&m->arp_tha, 0xff, sizeof(m->arp_tha));
}

// Of other protocols' headers nothing is known.
static bool has_transport(uint8_t proto)
{
	static const uint8_t known[] = { 1, 2, 6, 17, 58, 132 };

	return memchr(known, proto, sizeof(known));
}

static void exact_ip(struct flow_key *m, const struct flow_key *k)
{
	if (k->eth_type == htobe16(0x0800)) {
		m->nw_src = m->nw_dst = UINT32_MAX;
	} else {
		memset(&m->ipv6_src, 0xff, sizeof(m->ipv6_src));
		memset(&m->ipv6_dst, 0xff, sizeof(m->ipv6_dst));
		m->ipv6_label = UINT32_MAX;
	}
	m->nw_frag = m->nw_tos = m->nw_ttl = m->nw_proto = UINT8_MAX;
	if (has_transport(k->nw_proto))
		m->tp_src = m->tp_dst = UINT16_MAX;
	if (k->nw_proto == 6)
		m->tcp_flags = UINT16_MAX;
	if (k->nw_proto == 58 && k->eth_type == htobe16(0x86dd))
		exact_icmpv6(m, k);
}

static void exact_nsh(struct flow_key *m)
{
	m->nsh_flags = m->nsh_mdtype = m->nsh_np = m->nsh_ttl = UINT8_MAX;
	m->nsh_path = UINT32_MAX;
	memset(m->nsh_context, 0xff, sizeof(m->nsh_context));
}

void flow_mask_exact_for(struct flow_mask *mask, const struct flow_key *k)
{
	struct flow_key *m = &mask->m;

	memset(mask, 0, sizeof(*mask));
	exact_tunnel(mask, k);
	memset(&m->metadata, 0xff,
	       offsetof(struct flow_key, eth_dst) - offsetof(struct flow_key, metadata));
	if (!k->packet_type) {
		memset(&m->eth_dst, 0xff, sizeof(m->eth_dst));
		memset(&m->eth_src, 0xff, sizeof(m->eth_src));
		memset(m->vlans, 0xff, sizeof(m->vlans));
	}
	m->eth_type = UINT16_MAX;
	if (k->ct_nw_proto) {
		m->ct_nw_src = m->ct_nw_dst = UINT32_MAX;
		memset(&m->ct_ipv6_src, 0xff, sizeof(m->ct_ipv6_src));
		memset(&m->ct_ipv6_dst, 0xff, sizeof(m->ct_ipv6_dst));
		m->ct_tp_src = m->ct_tp_dst = UINT16_MAX;
	}
	switch (be16toh(k->eth_type)) {
	case 0x0800:
	case 0x86dd:
		exact_ip(m, k);
		break;
	case 0x0806:
	case 0x8035:
		m->nw_src = m->nw_dst = UINT32_MAX;
		m->nw_proto = UINT8_MAX;
		memset(&m->arp_sha, 0xff, sizeof(m->arp_sha));
		memset(&m->arp_tha, 0xff, sizeof(m->arp_tha));
		break;
	case 0x8847:
	case 0x8848:
		memset(m->mpls_lse, 0xff, sizeof(m->mpls_lse));
		break;
	case 0x894f:
		exact_nsh(m);
		break;
	}
}

uint64_t flow_hash_5tuple(const struct flow_key *k, uint64_t basis)
{
	struct {
		uint8_t src[16], dst[16];
		be16 tp_src, tp_dst;
		uint8_t proto, pad[3];
	} t;

	memset(&t, 0, sizeof(t));
	if (k->eth_type == htobe16(0x86dd)) {
		memcpy(t.src, &k->ipv6_src, 16);
		memcpy(t.dst, &k->ipv6_dst, 16);
	} else {
		memcpy(t.src, &k->nw_src, 4);
		memcpy(t.dst, &k->nw_dst, 4);
	}
	t.proto = k->nw_proto;
	if (flow_is_ip(k) && (k->nw_proto == 6 || k->nw_proto == 17 || k->nw_proto == 132)) {
		t.tp_src = k->tp_src;
		t.tp_dst = k->tp_dst;
	}
	return hash_bytes(&t, sizeof(t), basis);
}

void flow_fill_ct(struct flow_key *k, uint8_t byte)
{
	memset(&k->ct_state, byte, sizeof(k->ct_state));
	memset(&k->ct_zone, byte, sizeof(k->ct_zone));
	memset(&k->ct_mark, byte, sizeof(k->ct_mark));
	memset(&k->ct_label, byte, sizeof(k->ct_label));
	memset(&k->ct_nw_proto, byte, sizeof(k->ct_nw_proto));
	memset(&k->ct_nw_src, byte, sizeof(k->ct_nw_src));
	memset(&k->ct_nw_dst, byte, sizeof(k->ct_nw_dst));
	memset(&k->ct_ipv6_src, byte, sizeof(k->ct_ipv6_src));
	memset(&k->ct_ipv6_dst, byte, sizeof(k->ct_ipv6_dst));
	memset(&k->ct_tp_src, byte, sizeof(k->ct_tp_src));
	memset(&k->ct_tp_dst, byte, sizeof(k->ct_tp_dst));
}

void flow_key_clear_ct_tuple(struct flow_key *k)
{
	k->ct_nw_proto = 0;
	k->ct_nw_src = k->ct_nw_dst = 0;
	memset(&k->ct_ipv6_src, 0, sizeof(k->ct_ipv6_src));
	memset(&k->ct_ipv6_dst, 0, sizeof(k->ct_ipv6_dst));
	k->ct_tp_src = k->ct_tp_dst = 0;
}
