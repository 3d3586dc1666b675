// SPDX-License-Identifier: Apache-2.0
// Matches as ovs-ofctl users write and read them.
#include "core/flow/match.h"

#include <stdio.h>

#include "core/flow/fields.h"
#include "core/flow/text-private.h"

static const struct {
	const char *name;
	uint16_t eth_type;
	uint8_t proto; // 0: any
	bool alias; // accepted, never printed
} words[] = {
	{ "ip", 0x0800, 0, false },	 { "ipv4", 0x0800, 0, true },
	{ "ip4", 0x0800, 0, true },	 { "ipv6", 0x86dd, 0, false },
	{ "ip6", 0x86dd, 0, true },	 { "icmp", 0x0800, 1, false },
	{ "tcp", 0x0800, 6, false },	 { "udp", 0x0800, 17, false },
	{ "sctp", 0x0800, 132, false },	 { "icmp6", 0x86dd, 58, false },
	{ "tcp6", 0x86dd, 6, false },	 { "udp6", 0x86dd, 17, false },
	{ "sctp6", 0x86dd, 132, false }, { "arp", 0x0806, 0, false },
	{ "rarp", 0x8035, 0, false },	 { "mpls", 0x8847, 0, false },
	{ "mplsm", 0x8848, 0, false },
};

static void set_eth_type(struct match *m, uint16_t type)
{
	union field_value v;

	field_value_from_u64(field_get(FIELD_ETH_TYPE), type, &v);
	match_set_field(m, field_get(FIELD_ETH_TYPE), &v, NULL);
}

static bool set_word(struct match *m, const char *key)
{
	static const union field_value ethernet;

	if (!strcmp(key, "eth")) {
		match_set_field(m, field_get(FIELD_PACKET_TYPE), &ethernet, NULL);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_equal(words[i].name, key)) {
			set_eth_type(m, words[i].eth_type);
			if (words[i].proto) {
				m->key.nw_proto = words[i].proto;
				m->mask.m.nw_proto = UINT8_MAX;
			}
			return true;
		}
	return false;
}

static int set_port(struct match *m, const struct field *f, const char *value,
		    const struct port_names *ports, struct error *err)
{
	union field_value v;
	of_port_t port;

	if (!strcmp(value, "*"))
		return 0;
	if (!of_port_parse(value, ports, &port))
		return error_set(err, -EINVAL, "%s: invalid or unknown port for %s", value,
				 f->name);
	field_value_from_u64(f, f->n_bytes == 2 ? port.n & 0xffff : port.n, &v);
	match_set_field(m, f, &v, NULL);
	return 0;
}

// "reg0[0..15]=5"
static int set_subfield(struct match *m, const char *key, const char *value, struct error *err)
{
	union field_value v, mask, old;
	struct subfield sf, low;
	struct flow_key scratch;
	const char *s = key;
	int error;

	error = subfield_parse(&s, &sf, err);
	if (error)
		return error;
	if (*s)
		return error_set(err, -EINVAL, "%s: trailing characters after the field", key);
	if (subfield_is_whole(&sf)) {
		error = field_parse(sf.field, value, &v, &mask, err);
		if (!error)
			match_set_field(m, sf.field, &v, &mask);
		return error;
	}
	low = (struct subfield){ sf.field, 0, sf.n_bits };
	if (!wide_number_parse(value, strlen(value), v.b, sf.field->n_bytes))
		return error_set(err, -EINVAL, "%s: bad syntax for %s value", value, key);
	memset(&scratch, 0, sizeof(scratch));
	field_write(sf.field, &v, &scratch);
	subfield_read(&low, &scratch, &mask);
	if (memcmp(mask.b, v.b, sf.field->n_bytes))
		return error_set(err, -EINVAL, "%s: value too large for %s", value, key);
	if (!sf.field->maskable)
		return error_set(err, -EINVAL, "%s: invalid mask for field %s", value,
				 sf.field->name);
	memset(&scratch, 0, sizeof(scratch));
	subfield_write(&sf, &v, &scratch);
	field_read(sf.field, &scratch, &v);
	memset(&mask, 0xff, sizeof(mask));
	subfield_write(&sf, &mask, &scratch);
	field_read(sf.field, &scratch, &mask);
	// Other slices of the same field stay.
	field_read(sf.field, &m->mask.m, &old);
	for (size_t i = 0; i < sf.field->n_bytes; i++)
		mask.b[i] |= old.b[i];
	field_read(sf.field, &m->key, &old);
	for (size_t i = 0; i < sf.field->n_bytes; i++)
		v.b[i] |= old.b[i];
	match_set_field(m, sf.field, &v, &mask);
	return 0;
}

int match_parse_word(struct match *m, const char *key, const char *value,
		     const struct port_names *ports, struct error *err)
{
	union field_value v, mask;
	const struct field *f;
	int error;

	if (!value && set_word(m, key))
		return 0;
	if (strchr(key, '['))
		return value ? set_subfield(m, key, value, err)
			     : error_set(err, -EINVAL, "field %s missing value", key);
	f = field_by_name(key);
	// Wire names belong to actions.
	if (!f || (strcmp(f->name, key) && (!f->alias || strcmp(f->alias, key))))
		return -ENOENT;
	if (!value || !*value)
		return error_set(err, -EINVAL, "field %s missing value", key);
	if (f->format == FMT_OF_PORT)
		return set_port(m, f, value, ports, err);
	error = field_parse(f, value, &v, &mask, err);
	if (error)
		return error;
	match_set_field(m, f, &v, &mask);
	return 0;
}

// ---- Printing ----

struct printer {
	const struct match *m;
	const struct flow_key *k, *mask;
	const struct port_names *ports;
	struct strbuf *out;
	bool any; // something is printed already
};

static void begin(struct printer *p, const char *name, bool has_value)
{
	if (p->any)
		strbuf_putc(p->out, ',');
	p->any = true;
	strbuf_puts(p->out, name);
	if (has_value)
		strbuf_putc(p->out, '=');
}

// The field under a name of the printer's choice, when any of its bits are matched.
static void put_as(struct printer *p, enum field_id id, const char *name)
{
	const struct field *f = field_get(id);
	union field_value v, mask;

	if (!field_is_in(f, p->mask))
		return;
	field_read(f, p->mask, &mask);
	field_read(f, p->k, &v);
	begin(p, name, true);
	field_format(f, &v, &mask, p->out);
}

static void put(struct printer *p, enum field_id id)
{
	put_as(p, id, field_get(id)->name);
}

static void put_list(struct printer *p, const enum field_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(p, ids[i]);
}
#define PUT_LIST(P, LIST) put_list(P, LIST, ARRAY_SIZE(LIST))

static void put_port(struct printer *p, const char *name, uint32_t port, uint32_t mask)
{
	if (!mask)
		return;
	begin(p, name, true);
	of_port_format(OF_PORT(port), p->ports, p->out);
}

// Of a bare packet the type is told by the packet's type; megaflows tell it twice.
static bool says_type_once(const struct printer *p)
{
	return p->k->packet_type && !p->mask->recirc_id;
}

static void put_packet_type(struct printer *p)
{
	if (p->k->packet_type)
		put(p, FIELD_PACKET_TYPE);
	else if (p->mask->recirc_id && (p->mask->packet_type || flow_has_headers(p->mask)))
		begin(p, "eth", false);
}

// Prints the protocol word; false when there is none and eth_type (and nw_proto) must be printed as numbers.
// *ret_proto tells that the word covers nw_proto.
static bool put_word(struct printer *p, bool *ret_proto)
{
	const char *plain = NULL;
	uint16_t type = be16toh(p->k->eth_type);

	*ret_proto = false;
	if (p->mask->eth_type != UINT16_MAX || says_type_once(p))
		return p->k->packet_type;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].eth_type != type || words[i].alias)
			continue;
		if (!words[i].proto) {
			plain = words[i].name;
		} else if (p->mask->nw_proto == UINT8_MAX && p->k->nw_proto == words[i].proto) {
			begin(p, words[i].name, false);
			*ret_proto = true;
			return true;
		}
	}
	if (plain)
		begin(p, plain, false);
	return plain;
}

static void put_regs(struct printer *p)
{
	for (unsigned int i = 0; i < FLOW_N_REGS; i++)
		if (p->mask->regs[i])
			put(p, FIELD_REG0 + i);
}

// NP: it is matched that the packet does not have it.
static void put_option(struct printer *p, unsigned int i)
{
	if (p->k->tunnel.metadata_present >> i & 1) {
		put(p, FIELD_TUN_METADATA0 + i);
		return;
	}
	begin(p, field_get(FIELD_TUN_METADATA0 + i)->name, true);
	strbuf_puts(p->out, "NP");
}

static void put_tunnel(struct printer *p)
{
	static const enum field_id list[] = {
		FIELD_TUN_ID,	       FIELD_TUN_SRC,	     FIELD_TUN_DST,
		FIELD_TUN_IPV6_SRC,    FIELD_TUN_IPV6_DST,   FIELD_TUN_GBP_ID,
		FIELD_TUN_GBP_FLAGS,   FIELD_TUN_TOS,	     FIELD_TUN_TTL,
		FIELD_TUN_ERSPAN_VER,  FIELD_TUN_ERSPAN_IDX, FIELD_TUN_ERSPAN_DIR,
		FIELD_TUN_ERSPAN_HWID,
	};
	uint16_t flags = p->mask->tunnel.flags & FLOW_TNL_ALL;

	if (is_all_zeros(&p->mask->tunnel, sizeof(p->mask->tunnel)))
		return;
	PUT_LIST(p, list);
	put_as(p, FIELD_TUN_GTPU_FLAGS, "gtpu_flags");
	put_as(p, FIELD_TUN_GTPU_MSGTYPE, "gtpu_msgtype");
	if (flags) {
		begin(p, "tun_flags", true);
		flags_format(dp_tnl_flag_names, p->k->tunnel.flags, flags, p->out);
	}
	for (unsigned int i = 0; i < 64; i++)
		if (p->mask->tunnel.metadata_present >> i & 1)
			put_option(p, i);
}

// The outermost tag has no number in its names: "dl_vlan", "dl_vlan1".
static void put_tag(struct printer *p, unsigned int i)
{
	uint16_t tci = be16toh(p->k->vlans[i].tci), mask = be16toh(p->mask->vlans[i].tci);
	bool vid = mask & VLAN_VID_MASK, pcp = mask & VLAN_PCP_MASK;
	bool plain = tci & mask & VLAN_PRESENT &&
		     (!vid || (mask & VLAN_VID_MASK) == VLAN_VID_MASK) &&
		     (!pcp || (mask & VLAN_PCP_MASK) == VLAN_PCP_MASK);
	char number[12] = "", name[24];

	if (!mask)
		return;
	if (i)
		snprintf(number, sizeof(number), "%u", i);
	if (plain && (vid || pcp)) {
		if (vid) {
			snprintf(name, sizeof(name), "dl_vlan%s", number);
			begin(p, name, true);
			strbuf_printf(p->out, "%u", tci & VLAN_VID_MASK);
		}
		if (pcp) {
			snprintf(name, sizeof(name), "dl_vlan_pcp%s", number);
			begin(p, name, true);
			strbuf_printf(p->out, "%u", tci >> VLAN_PCP_SHIFT);
		}
		return;
	}
	snprintf(name, sizeof(name), "vlan_tci%s", number);
	begin(p, name, true);
	strbuf_printf(p->out, "0x%04x", tci);
	if (mask != UINT16_MAX)
		strbuf_printf(p->out, "/0x%04x", mask);
}

static void put_vlan(struct printer *p)
{
	for (unsigned int i = 0; i < FLOW_MAX_VLANS; i++)
		put_tag(p, i);
}

static void put_tos(struct printer *p)
{
	if (p->mask->nw_tos & 0xfc) {
		begin(p, "nw_tos", true);
		strbuf_printf(p->out, "%u", p->k->nw_tos & 0xfc);
	}
	put(p, FIELD_IP_ECN);
	put(p, FIELD_IP_TTL);
}

static void put_arp(struct printer *p)
{
	put(p, FIELD_ARP_SPA);
	put(p, FIELD_ARP_TPA);
	if (p->mask->nw_proto)
		put(p, FIELD_ARP_OP);
	put(p, FIELD_ARP_SHA);
	put(p, FIELD_ARP_THA);
}

// Zero has 0x, too.
static void put_hex(struct printer *p, const char *name, uint32_t value, uint32_t mask,
		    uint32_t all)
{
	if (!mask)
		return;
	begin(p, name, true);
	strbuf_printf(p->out, "0x%x", value & mask);
	if (mask != all)
		strbuf_printf(p->out, "/0x%x", mask);
}

static void put_nsh(struct printer *p)
{
	static const enum field_id list[] = { FIELD_NSH_FLAGS, FIELD_NSH_TTL, FIELD_NSH_MDTYPE,
					      FIELD_NSH_NP };

	PUT_LIST(p, list);
	put_hex(p, "nsh_spi", be32toh(p->k->nsh_path) >> 8, be32toh(p->mask->nsh_path) >> 8,
		0xffffff);
	put(p, FIELD_NSH_SI);
	for (unsigned int i = 0; i < 4; i++)
		put_hex(p, field_get(FIELD_NSH_C1 + i)->name, be32toh(p->k->nsh_context[i]),
			be32toh(p->mask->nsh_context[i]), UINT32_MAX);
}

static void put_ipv6_addresses(struct printer *p)
{
	put(p, FIELD_IPV6_SRC);
	put(p, FIELD_IPV6_DST);
	if (!p->mask->ipv6_label)
		return;
	begin(p, "ipv6_label", true);
	strbuf_printf(p->out, "0x%05x", be32toh(p->k->ipv6_label));
	if ((be32toh(p->mask->ipv6_label) & 0xfffff) != 0xfffff)
		strbuf_printf(p->out, "/0x%05x", be32toh(p->mask->ipv6_label));
}

static void put_icmp(struct printer *p, bool v6)
{
	static const enum field_id nd[] = { FIELD_ND_TARGET, FIELD_ND_SLL, FIELD_ND_TLL,
					    FIELD_ND_RESERVED, FIELD_ND_OPTIONS_TYPE };

	put_as(p, v6 ? FIELD_ICMPV6_TYPE : FIELD_ICMP_TYPE, "icmp_type");
	put_as(p, v6 ? FIELD_ICMPV6_CODE : FIELD_ICMP_CODE, "icmp_code");
	if (v6)
		PUT_LIST(p, nd);
}

static void put_transport(struct printer *p)
{
	bool v4 = p->k->eth_type == htobe16(0x0800);
	uint8_t proto = p->mask->nw_proto == UINT8_MAX ? p->k->nw_proto : 0;

	if ((v4 && proto == 1) || (!v4 && proto == 58)) {
		put_icmp(p, !v4);
		return;
	}
	// Packets of other protocols have no ports.
	if (p->mask->nw_proto == UINT8_MAX && proto != 6 && proto != 17 && proto != 132)
		return;
	put_as(p, FIELD_TCP_SRC, "tp_src");
	put_as(p, FIELD_TCP_DST, "tp_dst");
	put(p, FIELD_TCP_FLAGS);
}

static void put_ip(struct printer *p, bool proto_printed)
{
	if (p->k->eth_type == htobe16(0x0800)) {
		put_as(p, FIELD_IP_SRC, "nw_src");
		put_as(p, FIELD_IP_DST, "nw_dst");
	} else {
		put_ipv6_addresses(p);
	}
	if (!proto_printed)
		put(p, FIELD_IP_PROTO);
	put_tos(p);
	put_as(p, FIELD_IP_FRAG, "nw_frag");
	put_transport(p);
}

static void put_mpls(struct printer *p)
{
	static const enum field_id list[] = { FIELD_MPLS_LABEL, FIELD_MPLS_TC, FIELD_MPLS_TTL,
					      FIELD_MPLS_BOS };

	PUT_LIST(p, list);
	// Those below have no names of fields, and end with the last one of the stack.
	for (unsigned int i = 1; i < FLOW_MAX_MPLS; i++) {
		uint32_t lse = be32toh(p->k->mpls_lse[i]), mask = be32toh(p->mask->mpls_lse[i]);
		char name[16];

		if (p->k->mpls_lse[i - 1] & htobe32(0x100) || !mask)
			break;
		snprintf(name, sizeof(name), "mpls_lse%u", i);
		begin(p, name, true);
		if (mask == UINT32_MAX)
			strbuf_printf(p->out, "%u", lse);
		else
			strbuf_printf(p->out, "0x%08x/0x%08x", lse & mask, mask);
	}
}

static void put_network(struct printer *p, bool proto_printed)
{
	if (p->mask->eth_type != UINT16_MAX)
		return;
	switch (be16toh(p->k->eth_type)) {
	case 0x0800:
	case 0x86dd:
		put_ip(p, proto_printed);
		break;
	case 0x0806:
	case 0x8035:
		put_arp(p);
		break;
	case 0x8847:
	case 0x8848:
		put_mpls(p);
		break;
	case 0x894f:
		put_nsh(p);
		break;
	}
}

void match_format(const struct match *m, const struct port_names *ports, struct strbuf *out)
{
	static const enum field_id ct[] = {
		FIELD_CT_STATE,	   FIELD_CT_ZONE,     FIELD_CT_MARK,   FIELD_CT_LABEL,
		FIELD_CT_NW_SRC,   FIELD_CT_IPV6_SRC, FIELD_CT_NW_DST, FIELD_CT_IPV6_DST,
		FIELD_CT_NW_PROTO, FIELD_CT_TP_SRC,   FIELD_CT_TP_DST,
	};
	struct printer p = { m, &m->key, &m->mask.m, ports, out, false };
	bool proto_printed, word;

	put(&p, FIELD_PKT_MARK);
	put(&p, FIELD_RECIRC_ID);
	put(&p, FIELD_DP_HASH);
	put(&p, FIELD_CONJ_ID);
	put(&p, FIELD_SKB_PRIORITY);
	put_port(&p, "actset_output", m->key.actset_output, m->mask.m.actset_output);
	PUT_LIST(&p, ct);
	put_packet_type(&p);
	word = put_word(&p, &proto_printed);
	put_regs(&p);
	put_tunnel(&p);
	put(&p, FIELD_METADATA);
	put_port(&p, "in_port", m->key.in_port, m->mask.m.in_port);
	put_vlan(&p);
	put_as(&p, FIELD_ETH_SRC, "dl_src");
	put_as(&p, FIELD_ETH_DST, "dl_dst");
	if (!word && m->mask.m.eth_type) {
		begin(&p, "dl_type", true);
		strbuf_printf(out, "0x%04x", be16toh(m->key.eth_type));
	}
	put_network(&p, proto_printed);
}

char *match_to_string(const struct match *m, const struct port_names *ports)
{
	struct strbuf s = STRBUF_INIT;

	match_format(m, ports, &s);
	return strbuf_take(&s);
}
