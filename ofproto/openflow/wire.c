// SPDX-License-Identifier: Apache-2.0
// Ports and matches as the versions have them.
#include "ofproto/openflow/wire-private.h"

// ---- Ports ----

of_port_t port_from_10(uint16_t n)
{
	return OF_PORT(n >= OFPP10_MAX ? n | 0xffff0000u : n);
}

uint16_t port_to_10(of_port_t p)
{
	return p.n >= OFPP_MAX || p.n < OFPP10_MAX ? p.n & 0xffff : (OFPP_ANY & 0xffff);
}

enum ofperr port_from_11(uint32_t n, of_port_t *ret)
{
	if (n >= OFPP10_MAX && n < OFPP_MAX)
		return OFPERR_OFPBAC_BAD_OUT_PORT;
	*ret = OF_PORT(n);
	return OFPERR_NONE;
}

enum ofperr rd_port(struct reader *r, uint8_t version, of_port_t *ret)
{
	if (version > OFP10)
		return port_from_11(rd_be32(r), ret);
	*ret = port_from_10(rd_be16(r));
	return OFPERR_NONE;
}

void wr_text(struct strbuf *out, const char *s, size_t n)
{
	size_t len = strnlen(s, n - 1);

	strbuf_put(out, s, len);
	strbuf_put_zeros(out, n - len);
}

void rd_text(struct reader *r, char *s, size_t n)
{
	rd_copy(r, s, n);
	s[n - 1] = '\0';
}

enum ofperr ofperr_of_match(enum match_error e)
{
	static const enum ofperr errors[] = {
		[MATCH_OK] = OFPERR_NONE,
		[MATCH_BAD_LEN] = OFPERR_OFPBMC_BAD_LEN,
		[MATCH_BAD_FIELD] = OFPERR_OFPBMC_BAD_FIELD,
		[MATCH_BAD_VALUE] = OFPERR_OFPBMC_BAD_VALUE,
		[MATCH_BAD_MASK] = OFPERR_OFPBMC_BAD_MASK,
		[MATCH_BAD_PREREQ] = OFPERR_OFPBMC_BAD_PREREQ,
		[MATCH_DUP_FIELD] = OFPERR_OFPBMC_DUP_FIELD,
		[MATCH_BAD_WILDCARDS] = OFPERR_OFPBMC_BAD_WILDCARDS,
	};

	return errors[e];
}

// ---- OpenFlow 1.0's match ----

enum {
	W10_IN_PORT = 1 << 0,
	W10_DL_VLAN = 1 << 1,
	W10_DL_SRC = 1 << 2,
	W10_DL_DST = 1 << 3,
	W10_DL_TYPE = 1 << 4,
	W10_NW_PROTO = 1 << 5,
	W10_TP_SRC = 1 << 6,
	W10_TP_DST = 1 << 7,
	W10_NW_SRC_SHIFT = 8,
	W10_NW_DST_SHIFT = 14,
	W10_DL_VLAN_PCP = 1 << 20,
	W10_NW_TOS = 1 << 21,
	W10_ALL = (1 << 22) - 1,
	VLAN_NONE = 0xffff
};

static be32 prefix(unsigned int wild_bits)
{
	return wild_bits >= 32 ? 0 : htobe32(UINT32_MAX << wild_bits);
}

static void set_vlan10(struct match *m, uint32_t wild, uint16_t vid, uint8_t pcp)
{
	uint16_t tci = 0, mask = 0;

	if (!(wild & W10_DL_VLAN) && vid == VLAN_NONE) {
		mask = UINT16_MAX;
	} else {
		if (!(wild & W10_DL_VLAN)) {
			tci |= (vid & VLAN_VID_MASK) | VLAN_PRESENT;
			mask |= VLAN_VID_MASK | VLAN_PRESENT;
		}
		if (!(wild & W10_DL_VLAN_PCP)) {
			tci |= (pcp << VLAN_PCP_SHIFT & VLAN_PCP_MASK) | VLAN_PRESENT;
			mask |= VLAN_PCP_MASK | VLAN_PRESENT;
		}
	}
	m->key.vlans[0].tci = htobe16(tci);
	m->mask.m.vlans[0].tci = htobe16(mask);
}

enum ofperr match10_decode_raw(struct reader *r, struct match *m)
{
	uint32_t wild = rd_be32(r) & W10_ALL;
	struct flow_key *k = &m->key, *w = &m->mask.m;
	uint16_t vid;
	uint8_t pcp;

	match_init_any(m);
	k->in_port = port_from_10(rd_be16(r)).n;
	w->in_port = wild & W10_IN_PORT ? 0 : UINT32_MAX;
	rd_copy(r, &k->eth_src, 6);
	memset(&w->eth_src, wild & W10_DL_SRC ? 0 : 0xff, 6);
	rd_copy(r, &k->eth_dst, 6);
	memset(&w->eth_dst, wild & W10_DL_DST ? 0 : 0xff, 6);
	vid = rd_be16(r);
	pcp = rd_u8(r);
	rd_skip(r, 1);
	set_vlan10(m, wild, vid, pcp);
	rd_copy(r, &k->eth_type, 2);
	w->eth_type = wild & W10_DL_TYPE ? 0 : UINT16_MAX;
	k->nw_tos = rd_u8(r);
	w->nw_tos = wild & W10_NW_TOS ? 0 : 0xfc;
	k->nw_proto = rd_u8(r);
	w->nw_proto = wild & W10_NW_PROTO ? 0 : UINT8_MAX;
	rd_skip(r, 2);
	rd_copy(r, &k->nw_src, 4);
	w->nw_src = prefix(wild >> W10_NW_SRC_SHIFT & 63);
	rd_copy(r, &k->nw_dst, 4);
	w->nw_dst = prefix(wild >> W10_NW_DST_SHIFT & 63);
	rd_copy(r, &k->tp_src, 2);
	w->tp_src = wild & W10_TP_SRC ? 0 : UINT16_MAX;
	rd_copy(r, &k->tp_dst, 2);
	w->tp_dst = wild & W10_TP_DST ? 0 : UINT16_MAX;
	flow_key_masked(k, k, &m->mask);
	return rd_status(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr match10_decode(struct reader *r, struct match *m)
{
	enum ofperr e = match10_decode_raw(r, m);

	// Fields whose prerequisites are not matched are as good as wild.
	match_normalize(m);
	return e;
}

static unsigned int wild_bits(be32 mask)
{
	uint32_t m = be32toh(mask);

	return m ? __builtin_ctz(m) : 32;
}

void match10_encode(const struct match *m, struct strbuf *out)
{
	const struct flow_key *k = &m->key, *w = &m->mask.m;
	uint16_t tci = be16toh(k->vlans[0].tci), tci_mask = be16toh(w->vlans[0].tci);
	bool no_tag = tci_mask & VLAN_PRESENT && !(tci & VLAN_PRESENT);
	bool vid = no_tag || (tci_mask & VLAN_VID_MASK) == VLAN_VID_MASK;
	// Where there is no tag, both fields say so.
	bool pcp = no_tag || (tci_mask & VLAN_PCP_MASK) == VLAN_PCP_MASK;
	uint32_t wild = 0;

	wild |= w->in_port ? 0 : W10_IN_PORT;
	wild |= is_all_zeros(&w->eth_src, 6) ? W10_DL_SRC : 0;
	wild |= is_all_zeros(&w->eth_dst, 6) ? W10_DL_DST : 0;
	wild |= vid ? 0 : W10_DL_VLAN;
	wild |= pcp ? 0 : W10_DL_VLAN_PCP;
	wild |= w->eth_type ? 0 : W10_DL_TYPE;
	wild |= w->nw_tos ? 0 : W10_NW_TOS;
	wild |= w->nw_proto ? 0 : W10_NW_PROTO;
	wild |= w->tp_src ? 0 : W10_TP_SRC;
	wild |= w->tp_dst ? 0 : W10_TP_DST;
	wild |= wild_bits(w->nw_src) << W10_NW_SRC_SHIFT | wild_bits(w->nw_dst) << W10_NW_DST_SHIFT;
	wr_be32(out, wild);
	wr_be16(out, port_to_10(OF_PORT(k->in_port)));
	strbuf_put(out, &k->eth_src, 6);
	strbuf_put(out, &k->eth_dst, 6);
	wr_be16(out, no_tag ? VLAN_NONE : vid ? tci & VLAN_VID_MASK : 0);
	wr_u8(out, pcp && !no_tag ? tci >> VLAN_PCP_SHIFT : 0);
	wr_u8(out, 0);
	strbuf_put(out, &k->eth_type, 2);
	wr_u8(out, k->nw_tos);
	wr_u8(out, k->nw_proto);
	wr_be16(out, 0);
	strbuf_put(out, &k->nw_src, 4);
	strbuf_put(out, &k->nw_dst, 4);
	strbuf_put(out, &k->tp_src, 2);
	strbuf_put(out, &k->tp_dst, 2);
}

static bool all_or_none(const void *p, size_t n)
{
	return is_all_zeros(p, n) || is_all_ones(p, n);
}

// Bits of the mask that the fixed forms know at all.
static bool only_known_members(const struct flow_key *w, bool v11)
{
	struct flow_key rest = *w;

	rest.in_port = 0;
	memset(&rest.eth_src, 0, 6);
	memset(&rest.eth_dst, 0, 6);
	rest.vlans[0].tci = 0;
	rest.eth_type = 0;
	rest.nw_tos = 0;
	rest.nw_proto = 0;
	rest.nw_src = rest.nw_dst = 0;
	rest.tp_src = rest.tp_dst = 0;
	if (v11) {
		rest.metadata = 0;
		rest.mpls_lse[0] = 0;
	}
	return is_all_zeros(&rest, sizeof(rest));
}

static bool plain_vlan(uint16_t tci, uint16_t mask)
{
	if (!mask)
		return true;
	if (!(mask & VLAN_PRESENT))
		return false;
	if (!(tci & VLAN_PRESENT))
		return !tci && (mask == UINT16_MAX || mask == (VLAN_VID_MASK | VLAN_PRESENT));
	return (mask & ~VLAN_PRESENT) &&
	       ((mask & VLAN_VID_MASK) == VLAN_VID_MASK || !(mask & VLAN_VID_MASK)) &&
	       ((mask & VLAN_PCP_MASK) == VLAN_PCP_MASK || !(mask & VLAN_PCP_MASK));
}

bool match10_fits(const struct match *m)
{
	const struct flow_key *w = &m->mask.m, *k = &m->key;
	bool v6 = k->eth_type == htobe16(0x86dd);
	uint32_t src = ~be32toh(w->nw_src), dst = ~be32toh(w->nw_dst);

	// IPv6 has no fields here but its type; ICMP's type and code are bytes in words.
	if (!only_known_members(w, false) || k->packet_type ||
	    (v6 && (w->nw_tos || w->nw_proto || w->tp_src || w->tp_dst)))
		return false;
	return all_or_none(&w->eth_src, 6) && all_or_none(&w->eth_dst, 6) &&
	       plain_vlan(be16toh(k->vlans[0].tci), be16toh(w->vlans[0].tci)) &&
	       all_or_none(&w->eth_type, 2) && (w->nw_tos == 0 || w->nw_tos == 0xfc) &&
	       all_or_none(&w->nw_proto, 1) && !(src & (src + 1)) && !(dst & (dst + 1)) &&
	       (all_or_none(&w->tp_src, 2) || w->tp_src == htobe16(0xff)) &&
	       (all_or_none(&w->tp_dst, 2) || w->tp_dst == htobe16(0xff));
}

// ---- OpenFlow 1.1's match ----

enum {
	W11_IN_PORT = 1 << 0,
	W11_DL_VLAN = 1 << 1,
	W11_DL_VLAN_PCP = 1 << 2,
	W11_DL_TYPE = 1 << 3,
	W11_NW_TOS = 1 << 4,
	W11_NW_PROTO = 1 << 5,
	W11_TP_SRC = 1 << 6,
	W11_TP_DST = 1 << 7,
	W11_MPLS_LABEL = 1 << 8,
	W11_MPLS_TC = 1 << 9,
	W11_LEN = 88,
	VLAN11_ANY = 0xfffe
};

bool match11_fits(const struct match *m)
{
	const struct flow_key *w = &m->mask.m;
	uint32_t lse = be32toh(w->mpls_lse[0]);

	return only_known_members(w, true) && !m->key.packet_type &&
	       plain_vlan(be16toh(m->key.vlans[0].tci), be16toh(w->vlans[0].tci)) &&
	       !(lse & 0x1ff) && (w->nw_tos == 0 || w->nw_tos == 0xfc) &&
	       (all_or_none(&w->tp_src, 2) || w->tp_src == htobe16(0xff)) &&
	       (all_or_none(&w->tp_dst, 2) || w->tp_dst == htobe16(0xff));
}

static void rd_masked(struct reader *r, void *value, void *mask, size_t n)
{
	uint8_t *m = mask;

	rd_copy(r, value, n);
	rd_copy(r, mask, n);
	// 1.1's one-bits are "do not care".
	for (size_t i = 0; i < n; i++)
		m[i] = ~m[i];
}

static void set_vlan11(struct match *m, uint32_t wild, uint16_t vid, uint8_t pcp)
{
	uint32_t w10 = (wild & W11_DL_VLAN ? W10_DL_VLAN : 0) |
		       (wild & W11_DL_VLAN_PCP ? W10_DL_VLAN_PCP : 0);

	if (!(wild & W11_DL_VLAN) && vid == VLAN11_ANY) {
		set_vlan10(m, w10 | W10_DL_VLAN, 0, pcp);
		m->key.vlans[0].tci |= htobe16(VLAN_PRESENT);
		m->mask.m.vlans[0].tci |= htobe16(VLAN_PRESENT);
		return;
	}
	// Without a VLAN id 1.1 looks at no PCP.
	set_vlan10(m, wild & W11_DL_VLAN ? w10 | W10_DL_VLAN_PCP : w10, vid, pcp);
}

static enum ofperr match11_fixed(struct reader *r, struct match *m)
{
	struct flow_key *k = &m->key, *w = &m->mask.m;
	uint32_t wild, label;
	of_port_t port = OF_PORT(OFPP_ANY);
	uint16_t vid;
	uint8_t pcp, tc;
	enum ofperr e;

	match_init_any(m);
	e = port_from_11(rd_be32(r), &port);
	wild = rd_be32(r);
	if (e && !(wild & W11_IN_PORT))
		return OFPERR_OFPBMC_BAD_VALUE;
	if (!(wild & W11_IN_PORT)) {
		k->in_port = port.n;
		w->in_port = UINT32_MAX;
	}
	rd_masked(r, &k->eth_src, &w->eth_src, 6);
	rd_masked(r, &k->eth_dst, &w->eth_dst, 6);
	vid = rd_be16(r);
	pcp = rd_u8(r);
	rd_skip(r, 1);
	set_vlan11(m, wild, vid, pcp);
	rd_copy(r, &k->eth_type, 2);
	w->eth_type = wild & W11_DL_TYPE ? 0 : UINT16_MAX;
	k->nw_tos = rd_u8(r);
	w->nw_tos = wild & W11_NW_TOS ? 0 : 0xfc;
	k->nw_proto = rd_u8(r);
	w->nw_proto = wild & W11_NW_PROTO ? 0 : UINT8_MAX;
	rd_masked(r, &k->nw_src, &w->nw_src, 4);
	rd_masked(r, &k->nw_dst, &w->nw_dst, 4);
	rd_copy(r, &k->tp_src, 2);
	w->tp_src = wild & W11_TP_SRC ? 0 : UINT16_MAX;
	rd_copy(r, &k->tp_dst, 2);
	w->tp_dst = wild & W11_TP_DST ? 0 : UINT16_MAX;
	label = rd_be32(r);
	tc = rd_u8(r);
	rd_skip(r, 3);
	k->mpls_lse[0] = htobe32(label << 12 | (uint32_t)tc << 9);
	w->mpls_lse[0] = htobe32((wild & W11_MPLS_LABEL ? 0 : 0xfffff000) |
				 (wild & W11_MPLS_TC ? 0 : 0xe00));
	rd_masked(r, &k->metadata, &w->metadata, 8);
	flow_key_masked(k, k, &m->mask);
	match_normalize(m);
	return rd_status(r) ? OFPERR_OFPBMC_BAD_LEN : OFPERR_NONE;
}

static void wr_masked(struct strbuf *out, const void *value, const void *mask, size_t n)
{
	const uint8_t *m = mask;

	strbuf_put(out, value, n);
	while (n--)
		wr_u8(out, ~*m++);
}

static void match11_put_fixed(const struct match *m, struct strbuf *out)
{
	const struct flow_key *k = &m->key, *w = &m->mask.m;
	uint16_t tci = be16toh(k->vlans[0].tci), tci_mask = be16toh(w->vlans[0].tci);
	bool no_tag = tci_mask & VLAN_PRESENT && !(tci & VLAN_PRESENT);
	bool vid = (tci_mask & VLAN_VID_MASK) == VLAN_VID_MASK;
	bool pcp = !no_tag && (tci_mask & VLAN_PCP_MASK) == VLAN_PCP_MASK;
	uint32_t lse = be32toh(k->mpls_lse[0]), lse_mask = be32toh(w->mpls_lse[0]), wild = 0;

	wild |= w->in_port ? 0 : W11_IN_PORT;
	wild |= tci_mask ? 0 : W11_DL_VLAN;
	wild |= pcp ? 0 : W11_DL_VLAN_PCP;
	wild |= w->eth_type ? 0 : W11_DL_TYPE;
	// ECN, which has no place here, is left out.
	wild |= w->nw_tos & 0xfc ? 0 : W11_NW_TOS;
	wild |= w->nw_proto ? 0 : W11_NW_PROTO;
	wild |= w->tp_src ? 0 : W11_TP_SRC;
	wild |= w->tp_dst ? 0 : W11_TP_DST;
	wild |= lse_mask >> 12 ? 0 : W11_MPLS_LABEL;
	wild |= lse_mask & 0xe00 ? 0 : W11_MPLS_TC;
	wr_be32(out, k->in_port);
	wr_be32(out, wild);
	wr_masked(out, &k->eth_src, &w->eth_src, 6);
	wr_masked(out, &k->eth_dst, &w->eth_dst, 6);
	wr_be16(out, no_tag ? VLAN_NONE : vid ? tci & VLAN_VID_MASK : tci_mask ? VLAN11_ANY : 0);
	wr_u8(out, pcp ? tci >> VLAN_PCP_SHIFT : 0);
	wr_u8(out, 0);
	strbuf_put(out, &k->eth_type, 2);
	wr_u8(out, k->nw_tos & 0xfc);
	wr_u8(out, k->nw_proto);
	wr_masked(out, &k->nw_src, &w->nw_src, 4);
	wr_masked(out, &k->nw_dst, &w->nw_dst, 4);
	strbuf_put(out, &k->tp_src, 2);
	strbuf_put(out, &k->tp_dst, 2);
	wr_be32(out, lse >> 12);
	wr_u8(out, lse >> 9 & 7);
	strbuf_put_zeros(out, 3);
	wr_masked(out, &k->metadata, &w->metadata, 8);
}

// ---- ofp_match ----

enum { MATCH_STANDARD = 0, MATCH_OXM = 1 };

enum ofperr match11_decode(struct reader *r, struct match *m)
{
	uint16_t type = rd_be16(r), length = rd_be16(r);
	struct error ignored;
	struct reader body;
	enum match_error e;

	if (rd_status(r) || length < 4)
		return OFPERR_OFPBMC_BAD_LEN;
	if (type == MATCH_STANDARD) {
		if (length != W11_LEN)
			return OFPERR_OFPBMC_BAD_LEN;
		return match11_fixed(r, m);
	}
	if (type != MATCH_OXM)
		return OFPERR_OFPBMC_BAD_TYPE;
	body = rd_sub(r, length - 4u);
	rd_skip(r, ROUND_UP(length, 8) - length);
	if (rd_status(r))
		return OFPERR_OFPBMC_BAD_LEN;
	e = match_get_oxm(m, body.p, rd_left(&body), true, &ignored);
	return ofperr_of_match(e);
}

void match11_encode(const struct match *m, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;

	if (version == OFP11) {
		wr_be16(out, MATCH_STANDARD);
		wr_be16(out, W11_LEN);
		match11_put_fixed(m, out);
		return;
	}
	wr_be16(out, MATCH_OXM);
	wr_be16(out, 0);
	match_put_oxm(m, version, out);
	wr_patch_be16(out, start + 2, out->len - start);
	wr_pad(out, start, 8);
}

// ---- NXM ----

// The cookie shares its number with another field; its length tells them apart.
enum { NXM_COOKIE = 0x00013c08, NXM_COOKIE_MASKED = 0x00013d10 };

static bool take_cookie(struct reader *r, uint64_t *cookie, uint64_t *mask)
{
	struct reader peek = *r;
	uint32_t header;

	if (rd_left(r) < 4)
		return false;
	peek.parent = NULL;
	header = rd_be32(&peek);
	if (header != NXM_COOKIE && header != NXM_COOKIE_MASKED)
		return false;
	*cookie = rd_be64(&peek);
	*mask = header == NXM_COOKIE ? UINT64_MAX : rd_be64(&peek);
	if (peek.failed)
		return false;
	r->p = peek.p;
	return true;
}

// Takes the cookies out of the list. What is left of it stays where it is when there were none, and is put together in 'rest' otherwise.
static void take_cookies(struct reader *list, uint64_t *cookie, uint64_t *mask, struct strbuf *rest)
{
	const uint8_t *start = list->p;
	struct reader r = *list;
	bool found = false;

	while (rd_left(&r)) {
		size_t len = rd_left(&r) >= 4 ? 4u + r.p[3] : rd_left(&r);
		const uint8_t *p = r.p;

		if (take_cookie(&r, cookie, mask)) {
			if (!found)
				strbuf_put(rest, start, p - start);
			found = true;
			continue;
		}
		len = MIN(len, rd_left(&r));
		if (found)
			strbuf_put(rest, p, len);
		r.p += len;
	}
	if (found)
		*list = rd_init(strbuf_cstr(rest), rest->len);
}

enum ofperr nxm_decode_as(struct reader *r, size_t n, bool strict, struct match *m,
			  uint64_t *cookie, uint64_t *cookie_mask)
{
	struct reader body = rd_sub(r, n);
	AUTO(strbuf) rest = STRBUF_INIT;
	struct error ignored;

	rd_skip(r, ROUND_UP(n, 8) - n);
	if (rd_status(r))
		return OFPERR_OFPBMC_BAD_LEN;
	if (cookie)
		take_cookies(&body, cookie, cookie_mask, &rest);
	return ofperr_of_match(match_get_oxm(m, body.p, rd_left(&body), strict, &ignored));
}

enum ofperr nxm_decode(struct reader *r, size_t n, struct match *m, uint64_t *cookie,
		       uint64_t *cookie_mask)
{
	return nxm_decode_as(r, n, true, m, cookie, cookie_mask);
}

size_t nxm_encode(const struct match *m, uint64_t cookie, uint64_t cookie_mask, struct strbuf *out)
{
	size_t start = out->len, n;

	match_put_oxm(m, OFP10, out);
	if (cookie_mask) {
		bool exact = cookie_mask == UINT64_MAX;

		wr_be32(out, exact ? NXM_COOKIE : NXM_COOKIE_MASKED);
		wr_be64(out, cookie & cookie_mask);
		if (!exact)
			wr_be64(out, cookie_mask);
	}
	n = out->len - start;
	wr_pad(out, start, 8);
	return n;
}

// ---- OXS ----

enum {
	OXS_CLASS = 0x8002,
	OXS_DURATION = 0,
	OXS_IDLE = 1,
	OXS_FLOWS = 3,
	OXS_PACKETS = 4,
	OXS_BYTES = 5
};

static void take_oxs(struct reader *r, uint8_t field, struct oxs *s)
{
	switch (field) {
	case OXS_DURATION:
		s->duration_sec = rd_be32(r);
		s->duration_nsec = rd_be32(r);
		s->have_duration = true;
		break;
	case OXS_IDLE:
		s->idle_sec = rd_be32(r);
		rd_skip(r, 4);
		s->have_idle = true;
		break;
	case OXS_FLOWS:
		s->n_flows = rd_be32(r);
		s->have_flows = true;
		break;
	case OXS_PACKETS:
		s->n_packets = rd_be64(r);
		s->have_packets = true;
		break;
	case OXS_BYTES:
		s->n_bytes = rd_be64(r);
		s->have_bytes = true;
		break;
	}
}

enum ofperr oxs_decode(struct reader *r, struct oxs *s)
{
	uint16_t length;
	struct reader body;

	rd_skip(r, 2);
	length = rd_be16(r);
	if (rd_status(r) || length < 4)
		return OFPERR_OFPBRC_BAD_LEN;
	body = rd_sub(r, length - 4u);
	rd_skip(r, ROUND_UP(length, 8) - length);
	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	while (rd_left(&body)) {
		uint16_t class = rd_be16(&body);
		uint8_t field = rd_u8(&body) >> 1, n = rd_u8(&body);
		struct reader value = rd_sub(&body, n);

		if (class == OXS_CLASS)
			take_oxs(&value, field, s);
		if (rd_status(r))
			return OFPERR_OFPBRC_BAD_LEN;
	}
	return OFPERR_NONE;
}

static void put_oxs_header(struct strbuf *out, uint8_t field, uint8_t n)
{
	wr_be16(out, OXS_CLASS);
	wr_u8(out, field << 1);
	wr_u8(out, n);
}

void oxs_encode(const struct oxs *s, struct strbuf *out)
{
	size_t start = out->len;

	wr_be16(out, 0);
	wr_be16(out, 0);
	if (s->have_duration) {
		put_oxs_header(out, OXS_DURATION, 8);
		wr_be32(out, s->duration_sec);
		wr_be32(out, s->duration_nsec);
	}
	if (s->have_idle) {
		put_oxs_header(out, OXS_IDLE, 8);
		wr_be32(out, s->idle_sec);
		wr_be32(out, 0);
	}
	if (s->have_flows) {
		put_oxs_header(out, OXS_FLOWS, 4);
		wr_be32(out, s->n_flows);
	}
	if (s->have_packets) {
		put_oxs_header(out, OXS_PACKETS, 8);
		wr_be64(out, s->n_packets);
	}
	if (s->have_bytes) {
		put_oxs_header(out, OXS_BYTES, 8);
		wr_be64(out, s->n_bytes);
	}
	wr_patch_be16(out, start + 2, out->len - start);
	wr_pad(out, start, 8);
}

// ---- Properties ----

size_t prop_begin(struct strbuf *out, uint16_t type)
{
	size_t start = out->len;

	wr_be16(out, type);
	wr_be16(out, 0);
	return start;
}

void prop_end(struct strbuf *out, size_t start)
{
	wr_patch_be16(out, start + 2, out->len - start);
	wr_pad(out, start, 8);
}

bool prop_next(struct reader *r, uint16_t *ret_type, struct reader *ret_body)
{
	uint16_t length;

	if (!rd_left(r))
		return false;
	*ret_type = rd_be16(r);
	length = rd_be16(r);
	if (length < 4) {
		rd_fail(r);
		return false;
	}
	*ret_body = rd_sub(r, length - 4u);
	rd_skip(r, ROUND_UP(length, 8) - length);
	return !r->failed;
}
