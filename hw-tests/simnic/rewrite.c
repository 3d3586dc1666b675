// SPDX-License-Identifier: Apache-2.0
// What each action does to a packet. Checksums are corrected by the difference (RFC 1624), so a packet that came with a
// wrong checksum leaves with a wrong one, and a UDP checksum of zero (none) stays zero.
#include "hw-tests/simnic/rewrite.h"

#include <rte_ip.h>

// The ones' complement sum of 'n' (even) bytes as they stand in memory; its byte order cancels out.
static uint32_t sum16(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	uint16_t word;

	for (; n; n -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// Corrects the checksum at 'csum' for 'n' (even) bytes that were 'old' and are 'new'.
static void fix_checksum(uint8_t *csum, const void *old, const void *new, size_t n)
{
	uint64_t sum;
	uint16_t v, not_old;

	memcpy(&v, csum, 2);
	sum = (uint16_t)~v + (uint64_t)sum16(new, n);
	for (size_t i = 0; i < n; i += 2) {
		memcpy(&not_old, (const uint8_t *)old + i, 2);
		sum += (uint16_t)~not_old;
	}
	v = ~fold(sum);
	memcpy(csum, &v, 2);
}

// The same for the checksum of the transport header, for a change under it or in its pseudo header.
static void fix_l4(struct packet *p, const void *old, const void *new, size_t n)
{
	uint8_t *l4 = p->data + p->l4;

	if (p->layers & LAYER_TCP) {
		fix_checksum(l4 + 16, old, new, n);
	} else if (p->layers & LAYER_UDP && (l4[6] || l4[7])) {
		fix_checksum(l4 + 6, old, new, n);
		if (!l4[6] && !l4[7])
			l4[6] = l4[7] = 0xff;
	} else if (p->layers & LAYER_ICMP6) {
		fix_checksum(l4 + 2, old, new, n);
	}
}

// Writes 'n' bytes at 'ofs' of the IPv4 header and corrects its checksum.
static void write_ipv4(struct packet *p, size_t ofs, const void *v, size_t n)
{
	size_t from = ofs & ~(size_t)1, len = ROUND_UP(ofs + n, 2) - from;
	uint8_t *ip = p->data + p->l3, old[20];

	memcpy(old, ip + from, len);
	memcpy(ip + ofs, v, n);
	fix_checksum(ip + 10, old, ip + from, len);
	p->changed = true;
}

static bool write_ipv4_address(struct journey *j, size_t ofs, const struct simnic_action *a)
{
	struct packet *p = j->p;
	uint8_t old[4];

	if (p->layers & LAYER_IPV4) {
		memcpy(old, p->data + p->l3 + ofs, 4);
		write_ipv4(p, ofs, a->bytes, 4);
		fix_l4(p, old, a->bytes, 4);
	}
	return true;
}

static bool write_ipv6_address(struct journey *j, size_t ofs, bool in_pseudo_header,
			       const struct simnic_action *a)
{
	struct packet *p = j->p;
	uint8_t old[16];

	if (p->layers & LAYER_IPV6) {
		memcpy(old, p->data + p->l3 + ofs, 16);
		memcpy(p->data + p->l3 + ofs, a->bytes, 16);
		if (in_pseudo_header)
			fix_l4(p, old, a->bytes, 16);
		p->changed = true;
	}
	return true;
}

static bool write_ttl(struct packet *p, uint8_t ttl)
{
	if (p->layers & LAYER_IPV4) {
		write_ipv4(p, offsetof(struct rte_ipv4_hdr, time_to_live), &ttl, 1);
	} else if (p->layers & LAYER_IPV6) {
		p->data[p->l3 + offsetof(struct rte_ipv6_hdr, hop_limits)] = ttl;
		p->changed = true;
	}
	return true;
}

// CRC32c (reflected 0x82f63b78), bit by bit: SCTP is rare here and clarity is worth more.
static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

// The CRC is linear: what changes in the data changes the CRC by the same, right or wrong as it was before.
static void write_sctp_port(struct packet *p, size_t ofs, uint16_t port)
{
	uint8_t *l4 = p->data + p->l4;
	uint32_t field, before;

	memcpy(&field, l4 + 8, 4);
	memset(l4 + 8, 0, 4);
	before = crc32c(l4, p->l4_len);
	memcpy(l4 + ofs, &port, 2);
	field ^= rte_cpu_to_le_32(before ^ crc32c(l4, p->l4_len));
	memcpy(l4 + 8, &field, 4);
}

static bool write_l4_port(struct journey *j, size_t ofs, uint16_t port)
{
	struct packet *p = j->p;
	uint8_t old[2];

	if (!(p->layers & LAYER_PORTS))
		return true;
	p->changed = true;
	if (p->layers & LAYER_SCTP) {
		write_sctp_port(p, ofs, port);
		return true;
	}
	memcpy(old, p->data + p->l4 + ofs, 2);
	memcpy(p->data + p->l4 + ofs, &port, 2);
	fix_l4(p, old, &port, 2);
	return true;
}

bool run_count(struct journey *j, const struct simnic_action *a)
{
	return true; // every rule counts; the action lets it be asked
}

bool run_drop(struct journey *j, const struct simnic_action *a)
{
	ESW_COUNT(j->sw, drop_action);
	return false;
}

bool run_mark(struct journey *j, const struct simnic_action *a)
{
	j->marked = true;
	j->mark = a->mark.id;
	return true;
}

bool run_jump(struct journey *j, const struct simnic_action *a)
{
	j->jump = true;
	j->group = a->group;
	return false;
}

bool run_represented_port(struct journey *j, const struct simnic_action *a)
{
	port_send_far(&j->sw->ports[a->port], j->p->data, j->p->len);
	return true;
}

bool run_port_representor(struct journey *j, const struct simnic_action *a)
{
	port_send_app(&j->sw->ports[a->port], j->p->data, j->p->len, j->marked ? &j->mark : NULL);
	return true;
}

static bool is_tagged(const struct packet *p)
{
	return p->layers & LAYER_VLAN;
}

// As OpenFlow says: the new tag begins with the priority and id of the tag that was there, or zeros.
bool run_push_vlan(struct journey *j, const struct simnic_action *a)
{
	struct packet *p = j->p;
	bool tagged = is_tagged(p);

	if (p->headroom < 4) {
		ESW_COUNT(j->sw, drop_long);
		return false;
	}
	p->data -= 4;
	p->headroom -= 4;
	p->len += 4;
	memmove(p->data, p->data + 4, 12);
	memcpy(p->data + 12, &a->push.ethertype, 2);
	if (tagged)
		memcpy(p->data + 14, p->data + 18, 2);
	else
		memset(p->data + 14, 0, 2);
	p->l3 += p->l3 ? 4 : 0;
	p->l4 += p->l4 ? 4 : 0;
	p->layers |= tagged ? LAYER_VLAN | LAYER_VLAN2 : LAYER_VLAN;
	p->changed = true;
	return true;
}

bool run_pop_vlan(struct journey *j, const struct simnic_action *a)
{
	struct packet *p = j->p;
	uint16_t type;

	if (!is_tagged(p))
		return true;
	memmove(p->data + 4, p->data, 12);
	p->data += 4;
	p->headroom += 4;
	p->len -= 4;
	p->l3 -= p->l3 ? 4 : 0;
	p->l4 -= p->l4 ? 4 : 0;
	memcpy(&type, p->data + 12, 2);
	p->layers &= ~(LAYER_VLAN | LAYER_VLAN2);
	if ((type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ)) &&
	    p->len >= 18)
		p->layers |= LAYER_VLAN;
	p->changed = true;
	return true;
}

static bool write_tci(struct journey *j, uint16_t bits, uint16_t mask)
{
	uint8_t *tci = j->p->data + RTE_ETHER_HDR_LEN;
	uint16_t v;

	if (is_tagged(j->p)) {
		memcpy(&v, tci, 2);
		v = (v & ~rte_cpu_to_be_16(mask)) | rte_cpu_to_be_16(bits);
		memcpy(tci, &v, 2);
		j->p->changed = true;
	}
	return true;
}

bool run_vid(struct journey *j, const struct simnic_action *a)
{
	return write_tci(j, rte_be_to_cpu_16(a->vid.vlan_vid), 0x0fff);
}

bool run_pcp(struct journey *j, const struct simnic_action *a)
{
	return write_tci(j, a->pcp.vlan_pcp << 13, 0xe000);
}

bool run_mac_dst(struct journey *j, const struct simnic_action *a)
{
	memcpy(j->p->data, a->bytes, 6);
	j->p->changed = true;
	return true;
}

bool run_mac_src(struct journey *j, const struct simnic_action *a)
{
	memcpy(j->p->data + 6, a->bytes, 6);
	j->p->changed = true;
	return true;
}

bool run_ipv4_src(struct journey *j, const struct simnic_action *a)
{
	return write_ipv4_address(j, offsetof(struct rte_ipv4_hdr, src_addr), a);
}

bool run_ipv4_dst(struct journey *j, const struct simnic_action *a)
{
	return write_ipv4_address(j, offsetof(struct rte_ipv4_hdr, dst_addr), a);
}

bool run_ipv6_src(struct journey *j, const struct simnic_action *a)
{
	return write_ipv6_address(j, offsetof(struct rte_ipv6_hdr, src_addr), true, a);
}

bool run_ipv6_dst(struct journey *j, const struct simnic_action *a)
{
	return write_ipv6_address(j, offsetof(struct rte_ipv6_hdr, dst_addr), !j->p->routed, a);
}

bool run_set_ttl(struct journey *j, const struct simnic_action *a)
{
	return write_ttl(j->p, a->ttl.ttl_value);
}

bool run_dec_ttl(struct journey *j, const struct simnic_action *a)
{
	const uint8_t *ip = j->p->data + j->p->l3;
	uint8_t ttl;

	if (!(j->p->layers & (LAYER_IPV4 | LAYER_IPV6)))
		return true;
	ttl = j->p->layers & LAYER_IPV4 ? ip[offsetof(struct rte_ipv4_hdr, time_to_live)]
					: ip[offsetof(struct rte_ipv6_hdr, hop_limits)];
	if (ttl <= 1) {
		ESW_COUNT(j->sw, drop_ttl);
		return false;
	}
	return write_ttl(j->p, ttl - 1);
}

bool run_tp_src(struct journey *j, const struct simnic_action *a)
{
	return write_l4_port(j, 0, a->tp.port);
}

bool run_tp_dst(struct journey *j, const struct simnic_action *a)
{
	return write_l4_port(j, 2, a->tp.port);
}

bool run_ipv4_dscp(struct journey *j, const struct simnic_action *a)
{
	size_t ofs = offsetof(struct rte_ipv4_hdr, type_of_service);
	uint8_t tos;

	if (j->p->layers & LAYER_IPV4) {
		tos = (j->p->data[j->p->l3 + ofs] & 3) | a->dscp.dscp << 2;
		write_ipv4(j->p, ofs, &tos, 1);
	}
	return true;
}

// The traffic class is the 8 bits after the 4 of the version; DSCP its upper 6.
bool run_ipv6_dscp(struct journey *j, const struct simnic_action *a)
{
	uint8_t *ip = j->p->data + j->p->l3;

	if (j->p->layers & LAYER_IPV6) {
		ip[0] = (ip[0] & 0xf0) | a->dscp.dscp >> 2;
		ip[1] = (ip[1] & 0x3f) | (a->dscp.dscp & 3) << 6;
		j->p->changed = true;
	}
	return true;
}
