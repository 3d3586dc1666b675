// SPDX-License-Identifier: Apache-2.0
// Messages of IPFIX: templates, and records as their templates say.
#include "core/base/bytes.h"
#include "ofproto/services/ipfix-private.h"

enum {
	IPFIX_VERSION = 10,
	SET_TEMPLATES = 2,
	SET_OPTIONS_TEMPLATES = 3,
	FIRST_TEMPLATE = 256,
	SIDES = 4, // with and without an egress interface, with and without a tunnel
	N_TEMPLATES = 2 * IPFIX_N_L3 * IPFIX_N_L4 * SIDES,
	OPTIONS_TEMPLATE = 462,
	VARIABLE = 65535,
	ENTERPRISE = 0x8000,
	// A message of templates is sent when it has got so long.
	LONG_MESSAGE = 1024,
	EXPORTING_PROCESS_ID = 144,
	NOT_SENT_PACKETS = 167,
};

static const struct element {
	uint8_t part; // enum ipfix_part
	uint16_t number, bytes;
	uint32_t enterprise;
} elements[] = {
#define ELEMENT(PART, ENTERPRISE, NUMBER, BYTES) { IPFIX_##PART, NUMBER, BYTES, ENTERPRISE },
#include "ofproto/services/ipfix-elements.def"
#undef ELEMENT
};

void ipfix_message_begin(struct strbuf *b, uint32_t seconds, uint32_t sequence, uint32_t domain)
{
	strbuf_clear(b);
	wr_be16(b, IPFIX_VERSION);
	wr_be16(b, 0);
	wr_be32(b, seconds);
	wr_be32(b, sequence);
	wr_be32(b, domain);
}

void ipfix_message_end(struct strbuf *b)
{
	wr_patch_be16(b, 2, b->len);
}

static size_t begin_set(struct strbuf *b, uint16_t id)
{
	size_t at = b->len;

	wr_be16(b, id);
	wr_be16(b, 0);
	return at;
}

static void end_set(struct strbuf *b, size_t at)
{
	wr_patch_be16(b, at + 2, b->len - at);
}

// Bitmap of enum ipfix_part.
static uint32_t parts_of(const struct ipfix_kind *k, bool virtual_obs_id)
{
	static const uint32_t l4[IPFIX_N_L4] = {
		[IPFIX_L4_TCP] = 1u << IPFIX_PORTS | 1u << IPFIX_TCP_COUNTS,
		[IPFIX_L4_UDP] = 1u << IPFIX_PORTS,
		[IPFIX_L4_SCTP] = 1u << IPFIX_PORTS,
	};
	uint32_t parts = 1u << IPFIX_COMMON | 1u << IPFIX_COUNTS | l4[k->l4];

	if (k->egress)
		parts |= 1u << IPFIX_EGRESS;
	if (k->tunnel)
		parts |= 1u << IPFIX_TUNNEL;
	if (k->vlan)
		parts |= 1u << IPFIX_VLAN;
	if (virtual_obs_id)
		parts |= 1u << IPFIX_VIRTUAL;
	if (k->l3 != IPFIX_L3_OTHER)
		parts |= 1u << IPFIX_IP | 1u << IPFIX_IP_COUNTS;
	if (k->l3 == IPFIX_L3_IPV4)
		parts |= 1u << IPFIX_IPV4 | (k->l4 == IPFIX_L4_ICMP ? 1u << IPFIX_ICMPV4 : 0);
	if (k->l3 == IPFIX_L3_IPV6)
		parts |= 1u << IPFIX_IPV6 | (k->l4 == IPFIX_L4_ICMP ? 1u << IPFIX_ICMPV6 : 0);
	return parts;
}

// ---- Templates ----

static uint16_t template_of(const struct ipfix_kind *k)
{
	return FIRST_TEMPLATE + ((k->vlan * IPFIX_N_L3 + k->l3) * IPFIX_N_L4 + k->l4) * SIDES +
	       k->tunnel * 2 + k->egress;
}

static struct ipfix_kind kind_of(unsigned int i)
{
	return (struct ipfix_kind){
		.egress = i & 1,
		.tunnel = i >> 1 & 1,
		.l4 = i / SIDES % IPFIX_N_L4,
		.l3 = i / SIDES / IPFIX_N_L4 % IPFIX_N_L3,
		.vlan = i / SIDES / IPFIX_N_L4 / IPFIX_N_L3,
	};
}

static void put_template(struct strbuf *b, const struct ipfix_kind *k, bool virtual_obs_id)
{
	uint32_t parts = parts_of(k, virtual_obs_id);
	size_t at = b->len;
	uint16_t n = 0;

	wr_be16(b, template_of(k));
	wr_be16(b, 0);
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		const struct element *e = &elements[i];

		if (!(parts >> e->part & 1))
			continue;
		wr_be16(b, e->number | (e->enterprise ? ENTERPRISE : 0));
		wr_be16(b, e->bytes);
		if (e->enterprise)
			wr_be32(b, e->enterprise);
		n++;
	}
	wr_patch_be16(b, at + 2, n);
}

bool ipfix_put_templates(struct strbuf *b, bool virtual_obs_id, unsigned int *at)
{
	size_t set = begin_set(b, SET_TEMPLATES), before = b->len;

	for (; *at < N_TEMPLATES && b->len < LONG_MESSAGE; ++*at) {
		struct ipfix_kind k = kind_of(*at);

		// What is behind other protocols is not looked at.
		if (k.l3 != IPFIX_L3_OTHER || k.l4 == IPFIX_L4_OTHER)
			put_template(b, &k, virtual_obs_id);
	}
	end_set(b, set);
	return b->len > before;
}

void ipfix_put_options_template(struct strbuf *b)
{
	size_t set = begin_set(b, SET_OPTIONS_TEMPLATES);

	wr_be16(b, OPTIONS_TEMPLATE);
	wr_be16(b, 2); // fields
	wr_be16(b, 1); // of these the scope
	wr_be16(b, EXPORTING_PROCESS_ID);
	wr_be16(b, 4);
	wr_be16(b, NOT_SENT_PACKETS);
	wr_be16(b, 8);
	end_set(b, set);
}

void ipfix_put_options(struct strbuf *b, uint32_t process, uint64_t not_sent)
{
	size_t set = begin_set(b, OPTIONS_TEMPLATE);

	wr_be32(b, process);
	wr_be64(b, not_sent);
	end_set(b, set);
}

// ---- Records ----

static void put_bytes(struct strbuf *b, const void *p, size_t n)
{
	wr_u8(b, n);
	strbuf_put(b, p, n);
}

static void put_interface(struct strbuf *b, const struct ipfix_interface *i)
{
	wr_be32(b, i->index);
	wr_be32(b, 0);
	put_bytes(b, i->name, strlen(i->name));
	wr_u8(b, 0);
}

static void put_common(struct strbuf *b, const struct ipfix_record *r)
{
	const struct ipfix_key *k = r->key;

	wr_be32(b, k->point);
	wr_u8(b, k->direction);
	strbuf_put(b, &k->src, sizeof(k->src));
	strbuf_put(b, &k->dst, sizeof(k->dst));
	wr_be16(b, be16toh(k->eth_type));
	wr_u8(b, k->kind.vlan ? 18 : 14);
	put_interface(b, &k->in);
}

static void put_egress(struct strbuf *b, const struct ipfix_record *r)
{
	put_interface(b, &r->key->out);
}

static void put_vlan(struct strbuf *b, const struct ipfix_record *r)
{
	uint16_t tci = be16toh(r->key->tci);

	wr_be16(b, tci & VLAN_VID_MASK);
	wr_be16(b, tci & VLAN_VID_MASK);
	wr_u8(b, tci >> VLAN_PCP_SHIFT);
}

static void put_ip(struct strbuf *b, const struct ipfix_record *r)
{
	const struct ipfix_key *k = r->key;

	wr_u8(b, k->kind.l3 == IPFIX_L3_IPV4 ? 4 : 6);
	wr_u8(b, k->ttl);
	wr_u8(b, k->proto);
	wr_u8(b, k->tos >> 2);
	wr_u8(b, k->tos >> 5);
	wr_u8(b, k->tos);
}

static void put_ipv4(struct strbuf *b, const struct ipfix_record *r)
{
	wr_be32(b, be32toh(r->key->nw_src));
	wr_be32(b, be32toh(r->key->nw_dst));
}

static void put_ipv6(struct strbuf *b, const struct ipfix_record *r)
{
	strbuf_put(b, &r->key->ipv6_src, sizeof(r->key->ipv6_src));
	strbuf_put(b, &r->key->ipv6_dst, sizeof(r->key->ipv6_dst));
	wr_be32(b, be32toh(r->key->label));
}

static void put_ports(struct strbuf *b, const struct ipfix_record *r)
{
	wr_be16(b, be16toh(r->key->tp_src));
	wr_be16(b, be16toh(r->key->tp_dst));
}

static void put_icmp(struct strbuf *b, const struct ipfix_record *r)
{
	wr_u8(b, be16toh(r->key->tp_src));
	wr_u8(b, be16toh(r->key->tp_dst));
}

static void put_tunnel(struct strbuf *b, const struct ipfix_record *r)
{
	const struct ipfix_key *k = r->key;

	wr_be32(b, be32toh(k->tun_src));
	wr_be32(b, be32toh(k->tun_dst));
	wr_u8(b, k->tun_proto);
	wr_be16(b, be16toh(k->tun_tp_src));
	wr_be16(b, be16toh(k->tun_tp_dst));
	wr_u8(b, k->tun_type);
	put_bytes(b, (const uint8_t *)&k->tun_id + 8 - k->tun_key_len, k->tun_key_len);
}

static void put_virtual(struct strbuf *b, const struct ipfix_record *r)
{
	put_bytes(b, r->virtual_obs_id, strlen(r->virtual_obs_id));
}

static void put_counts(struct strbuf *b, const struct ipfix_record *r)
{
	const struct ipfix_counts *f = r->flow, *t = r->total;
	const uint64_t counts[] = { f->dropped,	      t->dropped,	f->packets,
				    t->packets,	      t->unicast_in,	t->multicast_in,
				    t->broadcast_in,  t->unicast_out,	t->broadcast_out,
				    f->multicast_out, t->multicast_out, f->octets,
				    t->octets };

	wr_be32(b, r->start);
	wr_be32(b, r->end);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		wr_be64(b, counts[i]);
	wr_u8(b, r->why);
}

static void put_ip_counts(struct strbuf *b, const struct ipfix_record *r)
{
	const struct ipfix_counts *f = r->flow, *t = r->total;
	const uint64_t counts[] = { f->ip_dropped,	t->ip_dropped, f->ip_octets,
				    t->ip_octets,	f->ip_squares, t->ip_squares,
				    f->ip_min,		f->ip_max,     f->ip_multicast_out,
				    t->ip_multicast_out };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		wr_be64(b, counts[i]);
}

static void put_tcp_counts(struct strbuf *b, const struct ipfix_record *r)
{
	const struct ipfix_counts *t = r->total;
	const uint64_t counts[] = { t->ack, t->fin, t->psh, t->rst, t->syn, t->urg };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		wr_be64(b, counts[i]);
}

static void (*const part_writers[IPFIX_N_PARTS])(struct strbuf *b, const struct ipfix_record *r) = {
	[IPFIX_COMMON] = put_common,	   [IPFIX_EGRESS] = put_egress,
	[IPFIX_VLAN] = put_vlan,	   [IPFIX_IP] = put_ip,
	[IPFIX_IPV4] = put_ipv4,	   [IPFIX_IPV6] = put_ipv6,
	[IPFIX_PORTS] = put_ports,	   [IPFIX_ICMPV4] = put_icmp,
	[IPFIX_ICMPV6] = put_icmp,	   [IPFIX_TUNNEL] = put_tunnel,
	[IPFIX_VIRTUAL] = put_virtual,	   [IPFIX_COUNTS] = put_counts,
	[IPFIX_IP_COUNTS] = put_ip_counts, [IPFIX_TCP_COUNTS] = put_tcp_counts,
};

void ipfix_put_record(struct strbuf *b, const struct ipfix_record *r)
{
	uint32_t parts = parts_of(&r->key->kind, r->virtual_obs_id);
	size_t set = begin_set(b, template_of(&r->key->kind));

	for (unsigned int i = 0; i < IPFIX_N_PARTS; i++)
		if (parts >> i & 1)
			part_writers[i](b, r);
	end_set(b, set);
}
