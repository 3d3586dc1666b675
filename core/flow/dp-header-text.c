// SPDX-License-Identifier: Apache-2.0
// Headers in the datapath's text form: the table of them, one printer and one parser.
#include <arpa/inet.h>

#include "core/flow/dp-text-private.h"
#include "core/flow/text-private.h"

static bool is_ipv4(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x0800);
}

static bool is_ipv6(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x86dd);
}

static bool is_arp(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x0806) || k->eth_type == htobe16(0x8035);
}

static bool is_mpls(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x8847) || k->eth_type == htobe16(0x8848);
}

static bool is_nsh(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x894f);
}

static bool is_proto(const struct flow_key *k, uint8_t proto)
{
	return flow_is_ip(k) && k->nw_proto == proto && !(k->nw_frag & FLOW_FRAG_LATER);
}

static bool is_tcp(const struct flow_key *k)
{
	return is_proto(k, 6);
}

static bool is_udp(const struct flow_key *k)
{
	return is_proto(k, 17);
}

static bool is_sctp(const struct flow_key *k)
{
	return is_proto(k, 132);
}

static bool is_icmp(const struct flow_key *k)
{
	return is_proto(k, 1) && is_ipv4(k);
}

static bool is_icmpv6(const struct flow_key *k)
{
	return is_proto(k, 58) && is_ipv6(k);
}

static bool is_nd(const struct flow_key *k)
{
	uint16_t type = be16toh(k->tp_src);

	return is_icmpv6(k) && !k->tp_dst && (type == 135 || type == 136);
}

static bool is_tunnelled(const struct flow_key *k)
{
	return flow_tunnel_is_set(&k->tunnel);
}

static bool is_tracked4(const struct flow_key *k)
{
	return k->ct_nw_proto && is_ipv4(k);
}

static bool is_tracked6(const struct flow_key *k)
{
	return k->ct_nw_proto && is_ipv6(k);
}

#define ONE(FIELD, FORM) .n = 1, .m = { { NULL, FIELD_##FIELD, FORM, 0 } }

const struct dp_header dp_metadata_headers[] = {
	{ "skb_priority", ONE(SKB_PRIORITY, DP_HEX) },
	{ "tunnel", is_tunnelled, .is_tunnel = true },
	{ "skb_mark", ONE(PKT_MARK, DP_HEX) },
	{ "ct_state", ONE(CT_STATE, DP_CT_STATE) },
	{ "ct_zone", ONE(CT_ZONE, DP_HEX) },
	{ "ct_mark", ONE(CT_MARK, DP_HEX) },
	{ "ct_label", ONE(CT_LABEL, DP_HEX) },
	{ "ct_tuple4", is_tracked4, .n = 5,
	  .m = { { "src", FIELD_CT_NW_SRC, DP_IPV4, 0 },
		 { "dst", FIELD_CT_NW_DST, DP_IPV4, 0 },
		 { "proto", FIELD_CT_NW_PROTO, DP_DEC, 0 },
		 { "tp_src", FIELD_CT_TP_SRC, DP_DEC, 0 },
		 { "tp_dst", FIELD_CT_TP_DST, DP_DEC, 0 } } },
	{ "ct_tuple6", is_tracked6, .n = 5,
	  .m = { { "src", FIELD_CT_IPV6_SRC, DP_IPV6, 0 },
		 { "dst", FIELD_CT_IPV6_DST, DP_IPV6, 0 },
		 { "proto", FIELD_CT_NW_PROTO, DP_DEC, 0 },
		 { "tp_src", FIELD_CT_TP_SRC, DP_DEC, 0 },
		 { "tp_dst", FIELD_CT_TP_DST, DP_DEC, 0 } } },
	{ "recirc_id", .always = true, ONE(RECIRC_ID, DP_HEX) },
	{ "dp_hash", ONE(DP_HASH, DP_HEX) },
	{ "in_port", .always = true, ONE(IN_PORT_OXM, DP_PORT) },
	{ "eth", .n = 2,
	  .m = { { "src", FIELD_ETH_SRC, DP_ETH, 0 }, { "dst", FIELD_ETH_DST, DP_ETH, 0 } } },
};
const size_t dp_n_metadata_headers = ARRAY_SIZE(dp_metadata_headers);

const struct dp_header dp_payload_headers[] = {
	{ "eth_type", .always = true, ONE(ETH_TYPE, DP_HEX4) },
	{ "mpls", is_mpls, .whole = true, .n = 6,
	  .m = { { "label", FIELD_MPLS_LABEL, DP_DEC_PADDED, 0 },
		 { "tc", FIELD_MPLS_TC, DP_DEC_BARE, 0 },
		 { "ttl", FIELD_MPLS_TTL, DP_DEC_PADDED, 0 },
		 { "bos", FIELD_MPLS_BOS, DP_DEC_BARE, 0 },
		 { "lse1", FIELD_MPLS_LABEL, DP_LSE, 1 },
		 { "lse2", FIELD_MPLS_LABEL, DP_LSE, 2 } } },
	{ "ipv4", is_ipv4, .n = 6,
	  .m = { { "src", FIELD_IP_SRC, DP_IPV4, 0 },
		 { "dst", FIELD_IP_DST, DP_IPV4, 0 },
		 { "proto", FIELD_IP_PROTO, DP_DEC, 0 },
		 { "tos", FIELD_IP_TOS, DP_TOS, 0 },
		 { "ttl", FIELD_IP_TTL, DP_DEC, 0 },
		 { "frag", FIELD_IP_FRAG, DP_FRAG, 0 } } },
	{ "ipv6", is_ipv6, .n = 7,
	  .m = { { "src", FIELD_IPV6_SRC, DP_IPV6, 0 },
		 { "dst", FIELD_IPV6_DST, DP_IPV6, 0 },
		 { "label", FIELD_IPV6_LABEL, DP_HEX, 0 },
		 { "proto", FIELD_IP_PROTO, DP_DEC, 0 },
		 { "tclass", FIELD_IP_TOS, DP_TOS, 0 },
		 { "hlimit", FIELD_IP_TTL, DP_DEC, 0 },
		 { "frag", FIELD_IP_FRAG, DP_FRAG, 0 } } },
	{ "arp", is_arp, .n = 5,
	  .m = { { "sip", FIELD_ARP_SPA, DP_IPV4, 0 },
		 { "tip", FIELD_ARP_TPA, DP_IPV4, 0 },
		 { "op", FIELD_ARP_OP, DP_DEC, 0 },
		 { "sha", FIELD_ARP_SHA, DP_ETH, 0 },
		 { "tha", FIELD_ARP_THA, DP_ETH, 0 } } },
	{ "nsh", is_nsh, .n = 10,
	  .m = { { "flags", FIELD_NSH_FLAGS, DP_DEC, 0 },
		 { "ttl", FIELD_NSH_TTL, DP_DEC, 0 },
		 { "mdtype", FIELD_NSH_MDTYPE, DP_DEC, 0 },
		 { "np", FIELD_NSH_NP, DP_DEC, 0 },
		 { "spi", FIELD_NSH_SPI, DP_HEX, 0 },
		 { "si", FIELD_NSH_SI, DP_DEC, 0 },
		 { "c1", FIELD_NSH_C1, DP_HEX, 0 },
		 { "c2", FIELD_NSH_C2, DP_HEX, 0 },
		 { "c3", FIELD_NSH_C3, DP_HEX, 0 },
		 { "c4", FIELD_NSH_C4, DP_HEX, 0 } } },
	{ "tcp", is_tcp, .n = 2,
	  .m = { { "src", FIELD_TCP_SRC, DP_DEC, 0 }, { "dst", FIELD_TCP_DST, DP_DEC, 0 } } },
	{ "udp", is_udp, .n = 2,
	  .m = { { "src", FIELD_UDP_SRC, DP_DEC, 0 }, { "dst", FIELD_UDP_DST, DP_DEC, 0 } } },
	{ "sctp", is_sctp, .n = 2,
	  .m = { { "src", FIELD_SCTP_SRC, DP_DEC, 0 }, { "dst", FIELD_SCTP_DST, DP_DEC, 0 } } },
	{ "tcp_flags", is_tcp, ONE(TCP_FLAGS, DP_TCP_FLAGS) },
	{ "icmp", is_icmp, .n = 2,
	  .m = { { "type", FIELD_ICMP_TYPE, DP_DEC, 0 }, { "code", FIELD_ICMP_CODE, DP_DEC, 0 } } },
	{ "icmpv6", is_icmpv6, .n = 2,
	  .m = { { "type", FIELD_ICMPV6_TYPE, DP_DEC, 0 },
		 { "code", FIELD_ICMPV6_CODE, DP_DEC, 0 } } },
	{ "nd", is_nd, .n = 3,
	  .m = { { "target", FIELD_ND_TARGET, DP_IPV6, 0 },
		 { "sll", FIELD_ND_SLL, DP_ETH, 0 },
		 { "tll", FIELD_ND_TLL, DP_ETH, 0 } } },
	{ "nd_ext", is_nd, .n = 2,
	  .m = { { "nd_reserved", FIELD_ND_RESERVED, DP_HEX, 0 },
		 { "nd_options_type", FIELD_ND_OPTIONS_TYPE, DP_DEC, 0 } } },
};
const size_t dp_n_payload_headers = ARRAY_SIZE(dp_payload_headers);

// "eth_type" apart, its own field; set actions know VLAN tags, which keys print in another place.
static const struct dp_header vlan_header = {
	"vlan",
	.n = 2,
	.m = { { "vid", FIELD_DL_VLAN, DP_DEC_PADDED, 0 },
	       { "pcp", FIELD_DL_VLAN_PCP, DP_DEC_PADDED, 0 } },
};

const struct dp_header *dp_header_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < dp_n_metadata_headers + dp_n_payload_headers; i++) {
		const struct dp_header *h =
			i < dp_n_metadata_headers ? &dp_metadata_headers[i]
						  : &dp_payload_headers[i - dp_n_metadata_headers];

		if (strlen(h->name) == n && !memcmp(h->name, name, n))
			return h;
	}
	return n == 4 && !memcmp(name, "vlan", 4) ? &vlan_header : NULL;
}

static bool has_field(const struct dp_header *h, enum field_id id)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->m[i].field == id)
			return true;
	return false;
}

const struct dp_header *dp_header_of_field(enum field_id id)
{
	switch (id) {
	case FIELD_VLAN_VID:
	case FIELD_DL_VLAN:
	case FIELD_VLAN_PCP:
	case FIELD_DL_VLAN_PCP:
	case FIELD_VLAN_TCI:
		return &vlan_header;
	case FIELD_IN_PORT:
		id = FIELD_IN_PORT_OXM;
		break;
	case FIELD_IP_DSCP:
	case FIELD_IP_ECN:
		id = FIELD_IP_TOS;
		break;
	default:
		break;
	}
	for (size_t i = 0; i < dp_n_metadata_headers; i++)
		if (has_field(&dp_metadata_headers[i], id))
			return &dp_metadata_headers[i];
	for (size_t i = 0; i < dp_n_payload_headers; i++)
		if (has_field(&dp_payload_headers[i], id))
			return &dp_payload_headers[i];
	return NULL;
}

// ---- Members of a key ----

static void member_read(const struct dp_member *m, const struct flow_key *k, union field_value *v)
{
	if (m->form == DP_TOS)
		v->u8 = k->nw_tos;
	else if (m->form == DP_LSE)
		v->be32 = k->mpls_lse[m->index];
	else
		field_read(field_get(m->field), k, v);
}

static void member_write(const struct dp_member *m, const union field_value *v, struct flow_key *k)
{
	if (m->form == DP_TOS)
		k->nw_tos = v->u8;
	else if (m->form == DP_LSE)
		k->mpls_lse[m->index] = v->be32;
	else
		field_write(field_get(m->field), v, k);
}

static size_t member_bytes(const struct dp_member *m)
{
	return m->form == DP_TOS ? 1 : m->form == DP_LSE ? 4 : field_get(m->field)->n_bytes;
}

static void member_all_ones(const struct dp_member *m, union field_value *v)
{
	if (m->form == DP_TOS)
		v->u8 = UINT8_MAX;
	else if (m->form == DP_LSE)
		v->be32 = UINT32_MAX;
	else
		field_all_ones(field_get(m->field), v);
}

static uint64_t member_number(const struct dp_member *m, const union field_value *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < member_bytes(m); i++)
		n = n << 8 | v->b[i];
	return n;
}

// ---- Printing ----

static void put_masked(struct strbuf *out, const char *value_fmt, uint64_t v, const char *mask_fmt,
		       uint64_t mask, bool exact)
{
	strbuf_printf(out, value_fmt, (unsigned int)v);
	if (!exact) {
		strbuf_putc(out, '/');
		strbuf_printf(out, mask_fmt, (unsigned int)mask);
	}
}

static void put_wide_hex(const union field_value *v, const union field_value *mask, size_t n,
			 bool exact, struct strbuf *out)
{
	wide_hex_format(v->b, n, out);
	if (!exact) {
		strbuf_putc(out, '/');
		wide_hex_format(mask->b, n, out);
	}
}

static void put_ip(int family, const union field_value *v, const union field_value *mask,
		   bool exact, struct strbuf *out)
{
	char buf[INET6_ADDRSTRLEN];

	strbuf_puts(out, inet_ntop(family, v, buf, sizeof(buf)));
	if (!exact)
		strbuf_printf(out, "/%s", inet_ntop(family, mask, buf, sizeof(buf)));
}

static void put_frag(uint8_t v, uint8_t mask, struct strbuf *out)
{
	strbuf_puts(out, v & FLOW_FRAG_LATER ? "later" : v & FLOW_FRAG_ANY ? "first" : "no");
	if (mask != (FLOW_FRAG_ANY | FLOW_FRAG_LATER))
		strbuf_printf(out, "/%#x", mask);
}

static void put_flags(const struct flag_name *names, uint64_t v, uint64_t mask, struct strbuf *out)
{
	if (mask)
		flags_format(names, v, mask, out);
	else
		put_masked(out, "%#x", v, "%#x", 0, false);
}

static void put_port(const struct dp_text *t, uint32_t port)
{
	const char *name = t->port_name ? t->port_name(DP_PORT(port), t->aux) : NULL;

	if (name)
		strbuf_puts(t->out, name);
	else
		strbuf_printf(t->out, "%u", port);
}

static void put_member(const struct dp_member *m, const struct dp_text *t,
		       const union field_value *v, const union field_value *mask, bool exact)
{
	uint64_t n = member_bytes(m) <= 8 ? member_number(m, v) : 0;
	uint64_t bits = member_bytes(m) <= 8 ? member_number(m, mask) : 0;

	switch (m->form) {
	case DP_DEC:
		put_masked(t->out, "%u", n, "%#x", bits, exact);
		break;
	case DP_DEC_PADDED:
		put_masked(t->out, "%u", n, "0x%x", bits, exact);
		break;
	case DP_DEC_BARE:
		put_masked(t->out, "%u", n, "%x", bits, exact);
		break;
	case DP_HEX:
	case DP_LSE:
		put_wide_hex(v, mask, member_bytes(m), exact, t->out);
		break;
	case DP_TOS:
		put_masked(t->out, "%#x", n, "%#x", bits, exact);
		break;
	case DP_HEX4:
		put_masked(t->out, "0x%04x", n, "0x%04x", bits, exact);
		break;
	case DP_ETH:
		eth_masked_format(v->eth, mask->eth, t->out);
		break;
	case DP_IPV4:
		put_ip(AF_INET, v, mask, exact, t->out);
		break;
	case DP_IPV6:
		put_ip(AF_INET6, v, mask, exact, t->out);
		break;
	case DP_FRAG:
		put_frag(v->u8, mask->u8, t->out);
		break;
	case DP_TCP_FLAGS:
		put_flags(tcp_flag_names, n, bits, t->out);
		break;
	case DP_CT_STATE:
		put_flags(ct_state_names, n, bits, t->out);
		break;
	case DP_PORT:
		put_port(t, n);
		break;
	}
}

void dp_header_format(const struct dp_header *h, const struct dp_text *t, bool all)
{
	bool first = true;

	if (h->is_tunnel) {
		dp_tunnel_format(&t->key->tunnel, &t->mask->m.tunnel, t->out);
		return;
	}
	strbuf_printf(t->out, "%s(", h->name);
	for (size_t i = 0; i < h->n; i++) {
		const struct dp_member *m = &h->m[i];
		union field_value v, mask, ones;
		bool matched;

		member_read(m, t->key, &v);
		member_read(m, &t->mask->m, &mask);
		member_all_ones(m, &ones);
		matched = !is_all_zeros(&mask, member_bytes(m));
		if (!matched && (!all || m->form == DP_LSE))
			continue;
		if (!first)
			strbuf_putc(t->out, ',');
		first = false;
		if (m->name)
			strbuf_printf(t->out, "%s=", m->name);
		// Keys show the masks of MPLS members even when those are exact.
		put_member(m, t, &v, &mask,
			   !memcmp(&mask, &ones, member_bytes(m)) && !(all && h->whole));
	}
	strbuf_putc(t->out, ')');
}

// ---- Parsing ----

int dp_error(const struct dp_cursor *c, const char *what)
{
	return error_set(c->err, -EINVAL, "%s at character %zu (\"%.20s\")", what,
			 (size_t)(c->p - c->text) + 1, c->p);
}

bool dp_skip(struct dp_cursor *c, const char *s)
{
	size_t n = strlen(s);

	if (strncmp(c->p, s, n))
		return false;
	c->p += n;
	return true;
}

// The text up to ',', ')' or the end.
static char *take_token(struct dp_cursor *c)
{
	size_t n = strcspn(c->p, ",)");
	char *s = xstrndup(c->p, n);

	c->p += n;
	return s;
}

int dp_number(struct dp_cursor *c, uint64_t max, uint64_t *ret)
{
	const char *start = c->p;
	AUTO_FREE char *s = take_token(c);

	if (parse_u64(s, 0, ret) && *ret <= max)
		return 0;
	c->p = start;
	return dp_error(c, "number expected or out of range");
}

int dp_port_parse(struct dp_cursor *c, dp_port_t *ret)
{
	const char *start = c->p;
	AUTO_FREE char *s = take_token(c);

	if (parse_u32(s, 10, &ret->n) || (c->port_by_name && c->port_by_name(s, ret, c->aux)))
		return 0;
	c->p = start;
	return dp_error(c, "unknown port");
}

static int parse_frag(const char *s, union field_value *v, union field_value *mask)
{
	static const char *const names[] = { "no", "first", NULL, "later" };

	for (int i = 0; i < 4; i++)
		if (names[i] && !strcmp(s, names[i])) {
			v->u8 = i;
			mask->u8 = 3;
			return 0;
		}
	return -EINVAL;
}

static int parse_flag_member(const struct flag_name *names, const char *s, size_t n_bytes,
			     union field_value *v, union field_value *mask)
{
	uint32_t value, bits;

	if (flags_parse(s, names, "", &value, &bits, NULL))
		return -EINVAL;
	for (size_t i = 0; i < n_bytes; i++) {
		v->b[n_bytes - 1 - i] = value >> 8 * i;
		mask->b[n_bytes - 1 - i] = bits >> 8 * i;
	}
	return 0;
}

static int parse_plain_number(const struct dp_member *m, const char *s, union field_value *v,
			      union field_value *mask)
{
	const char *slash = strchr(s, '/');
	size_t n = member_bytes(m);

	if (!wide_number_parse(s, slash ? (size_t)(slash - s) : strlen(s), v->b, n))
		return -EINVAL;
	if (!slash)
		return 0;
	// The form whose masks have no 0x has hexadecimal ones all the same; they are single digits.
	return wide_number_parse(slash + 1, strlen(slash + 1), mask->b, n) ? 0 : -EINVAL;
}

static int parse_eth_member(const char *s, union field_value *v, union field_value *mask)
{
	const char *end;

	if (!eth_addr_parse(s, &v->eth, &end) ||
	    (*end == '/' && !eth_addr_parse(end + 1, &mask->eth, &end)) || *end)
		return -EINVAL;
	return 0;
}

static int parse_member(const struct dp_member *m, const char *s, union field_value *v,
			union field_value *mask)
{
	member_all_ones(m, mask);
	switch (m->form) {
	case DP_ETH:
		return parse_eth_member(s, v, mask);
	case DP_IPV4:
		return ipv4_masked_parse(s, &v->be32, &mask->be32, NULL);
	case DP_IPV6:
		return ipv6_masked_parse(s, v->b, mask->b, NULL);
	case DP_FRAG:
		return parse_frag(s, v, mask);
	case DP_TCP_FLAGS:
		return parse_flag_member(tcp_flag_names, s, 2, v, mask);
	case DP_CT_STATE:
		return parse_flag_member(ct_state_names, s, 4, v, mask);
	default:
		return parse_plain_number(m, s, v, mask);
	}
}

static int store_member(struct dp_cursor *c, const struct dp_member *m, const char *s,
			struct flow_key *key, struct flow_mask *mask)
{
	size_t n = member_bytes(m);
	union field_value v, bits, ones;

	if (m->form == DP_PORT) {
		struct dp_cursor sub = { s, s, c->port_by_name, c->aux, c->err };
		dp_port_t port;

		if (dp_port_parse(&sub, &port))
			return -EINVAL;
		v.be32 = htobe32(port.n);
		bits.be32 = UINT32_MAX;
	} else if (parse_member(m, s, &v, &bits)) {
		return dp_error(c, "bad value");
	}
	member_all_ones(m, &ones);
	for (size_t i = 0; i < n; i++)
		if (v.b[i] & ~ones.b[i])
			return dp_error(c, "value out of range");
	for (size_t i = 0; i < n; i++) {
		bits.b[i] &= ones.b[i];
		v.b[i] &= bits.b[i];
	}
	member_write(m, &v, key);
	member_write(m, &bits, &mask->m);
	return 0;
}

static const struct dp_member *find_member(const struct dp_header *h, const char *name, size_t n)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->m[i].name && strlen(h->m[i].name) == n && !memcmp(h->m[i].name, name, n))
			return &h->m[i];
	return NULL;
}

static int parse_one(struct dp_cursor *c, const struct dp_header *h, struct flow_key *key,
		     struct flow_mask *mask)
{
	const struct dp_member *m = &h->m[0];
	const char *start = c->p;
	AUTO_FREE char *value = NULL;

	if (m->name) {
		size_t n = strcspn(c->p, "=(,)");

		m = find_member(h, c->p, n);
		if (!m || c->p[n] != '=')
			return dp_error(c, "unknown member");
		c->p += n + 1;
	}
	value = take_token(c);
	return store_member(&(struct dp_cursor){ c->text, start, c->port_by_name, c->aux, c->err },
			    m, value, key, mask);
}

int dp_header_parse(struct dp_cursor *c, const struct dp_header *h, struct flow_key *key,
		    struct flow_mask *mask)
{
	if (h->is_tunnel)
		return dp_tunnel_parse(c, &key->tunnel, &mask->m.tunnel);
	if (dp_skip(c, ")"))
		return 0;
	do {
		int error = parse_one(c, h, key, mask);

		if (error)
			return error;
	} while (dp_skip(c, ","));
	return dp_skip(c, ")") ? 0 : dp_error(c, "')' expected");
}
