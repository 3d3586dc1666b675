// SPDX-License-Identifier: Apache-2.0
// Keys and masks in the datapath's text form.
#include "core/flow/dp-text-private.h"

static bool is_matched(const struct dp_header *h, const struct flow_mask *mask)
{
	if (h->is_tunnel)
		return !is_all_zeros(&mask->m.tunnel, sizeof(mask->m.tunnel));
	for (size_t i = 0; i < h->n; i++) {
		const struct field *f = field_get(h->m[i].field);
		union field_value v;

		field_read(f, &mask->m, &v);
		if (!is_all_zeros(v.b, f->n_bytes) || (h->m[i].form == DP_TOS && mask->m.nw_tos))
			return true;
	}
	return false;
}

static void separate(const struct dp_text *t, size_t start)
{
	if (t->out->len > start && t->out->s[t->out->len - 1] != '(')
		strbuf_putc(t->out, ',');
}

static void put_headers(const struct dp_header *h, size_t n, const struct dp_text *t, size_t start)
{
	for (; n--; h++) {
		if (h->is_in && !h->is_in(t->key))
			continue;
		// The payload's type is told by the packet type where there is no Ethernet header.
		if (t->key->packet_type &&
		    (!strcmp(h->name, "eth") || !strcmp(h->name, "eth_type")))
			continue;
		// The rare ones print only when they say something.
		if (!is_matched(h, t->mask) &&
		    ((!t->verbose && !h->always) || h->is_tunnel || !strcmp(h->name, "nd_ext")))
			continue;
		separate(t, start);
		dp_header_format(h, t, t->verbose || h->always || h->whole);
		if (!strcmp(h->name, "in_port")) {
			uint32_t type = be32toh(t->key->packet_type);

			strbuf_printf(t->out, ",packet_type(ns=%u,id=%#x)", type >> 16,
				      type & 0xffff);
		}
	}
}

static void put_vlan(const struct dp_text *t, int i)
{
	uint16_t tci = be16toh(t->key->vlans[i].tci), mask = be16toh(t->mask->m.vlans[i].tci);

	strbuf_printf(t->out, "%seth_type(0x%04x),vlan(vid=%u", i ? "" : ",",
		      be16toh(t->key->vlans[i].tpid), tci & VLAN_VID_MASK);
	if ((mask & VLAN_VID_MASK) != VLAN_VID_MASK)
		strbuf_printf(t->out, "/0x%x", mask & VLAN_VID_MASK);
	strbuf_printf(t->out, ",pcp=%u", tci >> VLAN_PCP_SHIFT);
	if ((mask & VLAN_PCP_MASK) != VLAN_PCP_MASK)
		strbuf_printf(t->out, "/0x%x", mask >> VLAN_PCP_SHIFT);
	strbuf_puts(t->out, "),encap(");
}

void dp_key_format(const struct flow_key *key, const struct flow_mask *mask,
		   const char *(*port_name)(dp_port_t port, void *aux), void *aux, bool verbose,
		   struct strbuf *out)
{
	struct flow_mask all;
	struct dp_text t = { key, mask, verbose, port_name, aux, out };
	size_t start = out->len;
	int n = 0;

	if (!mask) {
		flow_mask_exact_for(&all, key);
		t.mask = &all;
	}
	put_headers(dp_metadata_headers, dp_n_metadata_headers, &t, start);
	for (; n < FLOW_MAX_VLANS && key->vlans[n].tci & htobe16(VLAN_PRESENT); n++)
		put_vlan(&t, n);
	put_headers(dp_payload_headers, dp_n_payload_headers, &t, start);
	while (n--)
		strbuf_putc(out, ')');
}

// ---- Parsing ----

struct parser {
	struct dp_cursor c;
	struct match *m;
	int n_vlans, depth;
};

static int parse_packet_type(struct parser *p)
{
	uint64_t ns, id;

	if (!dp_skip(&p->c, "ns="))
		return dp_error(&p->c, "ns= expected");
	if (dp_number(&p->c, UINT16_MAX, &ns))
		return -EINVAL;
	if (!dp_skip(&p->c, ",id="))
		return dp_error(&p->c, "id= expected");
	if (dp_number(&p->c, UINT16_MAX, &id))
		return -EINVAL;
	if (!dp_skip(&p->c, ")"))
		return dp_error(&p->c, "')' expected");
	p->m->key.packet_type = htobe32(ns << 16 | id);
	p->m->mask.m.packet_type = UINT32_MAX;
	if (ns == 1) {
		p->m->key.eth_type = htobe16(id);
		p->m->mask.m.eth_type = UINT16_MAX;
	}
	return 0;
}

// The Ethernet type before a tag was the tag's.
static int parse_vlan(struct parser *p)
{
	struct match *m = p->m;
	struct flow_vlan *v, *mask;
	struct match tag;
	int error;

	if (p->n_vlans == FLOW_MAX_VLANS)
		return dp_error(&p->c, "too many VLAN tags");
	match_init_any(&tag);
	error = dp_header_parse(&p->c, dp_header_by_name("vlan", 4), &tag.key, &tag.mask);
	if (error)
		return error;
	v = &m->key.vlans[p->n_vlans];
	mask = &m->mask.m.vlans[p->n_vlans];
	p->n_vlans++;
	v->tpid = m->key.eth_type;
	mask->tpid = m->mask.m.eth_type;
	v->tci = tag.key.vlans[0].tci | htobe16(VLAN_PRESENT);
	mask->tci = tag.mask.m.vlans[0].tci | htobe16(VLAN_PRESENT);
	m->key.eth_type = 0;
	m->mask.m.eth_type = 0;
	return 0;
}

static int parse_header(struct parser *p)
{
	size_t n = strcspn(p->c.p, "(,)");
	const char *name = p->c.p;
	const struct dp_header *h;

	if (name[n] != '(')
		return dp_error(&p->c, "name( expected");
	p->c.p += n + 1;
	if (n == 5 && !memcmp(name, "encap", 5)) {
		p->depth++;
		return 0;
	}
	if (n == 11 && !memcmp(name, "packet_type", 11))
		return parse_packet_type(p);
	if (n == 4 && !memcmp(name, "vlan", 4))
		return parse_vlan(p);
	h = dp_header_by_name(name, n);
	if (!h) {
		p->c.p = name;
		return dp_error(&p->c, "unknown header");
	}
	return dp_header_parse(&p->c, h, &p->m->key, &p->m->mask);
}

static void skip_ufid(struct parser *p)
{
	if (!dp_skip(&p->c, "ufid:"))
		return;
	p->c.p += strcspn(p->c.p, ", ");
	p->c.p += strspn(p->c.p, ", ");
}

int dp_key_parse(const char *text,
		 bool (*port_by_name)(const char *name, dp_port_t *ret, void *aux), void *aux,
		 struct match *m, struct error *err)
{
	struct parser p = { { text, text, port_by_name, aux, err }, m, 0, 0 };

	match_init_any(m);
	skip_ufid(&p);
	while (*p.c.p) {
		int error;

		p.c.p += strspn(p.c.p, ", \t\n");
		if (p.depth && dp_skip(&p.c, ")")) {
			p.depth--;
			continue;
		}
		if (!*p.c.p)
			break;
		error = parse_header(&p);
		if (error)
			return error;
	}
	if (p.depth)
		return dp_error(&p.c, "')' expected");
	// A key without tags says that there are none.
	if (!p.n_vlans && m->mask.m.eth_type)
		m->mask.m.vlans[0].tci = UINT16_MAX;
	flow_key_masked(&m->key, &m->key, &m->mask);
	return 0;
}
