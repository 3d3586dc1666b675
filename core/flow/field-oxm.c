// SPDX-License-Identifier: Apache-2.0
// Fields and matches on the wire: OXM and NXM TLVs.
#include "core/flow/fields.h"

#define BASIC_CLASS 0x8000
#define EXPERIMENTER_CLASS 0xffff
// Bytes of 'body' that the header's length counts for the experimenter id.
#define EXPERIMENTER_LEN 4

struct oxm_header {
	uint16_t class;
	uint8_t field, length; // length without the experimenter id
	bool has_mask;
	uint32_t experimenter;
};

// The code that peers of this version expect: the newest that they know.
static const struct field_oxm *choose_code(const struct field *f, uint8_t version)
{
	const struct field_oxm *best = &f->oxm[0];

	for (size_t i = 1; i < ARRAY_SIZE(f->oxm) && f->oxm[i].name; i++)
		if (f->oxm[i].min_version <= version && f->oxm[i].min_version > best->min_version)
			best = &f->oxm[i];
	return best->name ? best : NULL;
}

static void put_header(const struct field_oxm *c, size_t length, bool has_mask, struct strbuf *out)
{
	wr_be16(out, c->class);
	wr_u8(out, c->field << 1 | has_mask);
	wr_u8(out, length + (c->class == EXPERIMENTER_CLASS ? EXPERIMENTER_LEN : 0));
	if (c->class == EXPERIMENTER_CLASS)
		wr_be32(out, c->experimenter);
}

void field_put_oxm(const struct field *f, uint8_t version, const union field_value *value,
		   const union field_value *mask, struct strbuf *out)
{
	const struct field_oxm *c = choose_code(f, version);
	union field_value all;
	bool has_mask;

	if (!c)
		return;
	field_all_ones(f, &all);
	// A VLAN id's mask of 12 bits and the presence bit is what exact means.
	has_mask = mask && memcmp(mask->b, all.b, f->n_bytes) && !is_all_ones(mask->b, f->n_bytes);
	// There may be more flags some day: those that are known are not all.
	if (mask && f->format == FMT_TNL_FLAGS && !is_all_ones(mask->b, f->n_bytes))
		has_mask = true;
	put_header(c, f->n_bytes * (has_mask ? 2 : 1), has_mask, out);
	strbuf_put(out, value->b, f->n_bytes);
	if (has_mask)
		strbuf_put(out, mask->b, f->n_bytes);
}

void field_put_oxm_header(const struct field *f, uint8_t version, struct strbuf *out)
{
	const struct field_oxm *c = choose_code(f, version);

	if (c)
		put_header(c, f->n_bytes, false, out);
}

// A tunnel option may be as long as there is room for.
static size_t length_in_lists(const struct field *f)
{
	return f->at == FIELD_AT_TUN_METADATA ? 124 : f->n_bytes;
}

void field_put_oxm_id(const struct field *f, uint8_t version, bool masked, struct strbuf *out)
{
	const struct field_oxm *c = choose_code(f, version);

	if (c)
		put_header(c, length_in_lists(f) * (masked ? 2 : 1), masked, out);
}

int field_basic_number(const struct field *f, uint8_t version)
{
	const struct field_oxm *c = choose_code(f, version);

	return c && c->class == BASIC_CLASS ? c->field : -1;
}

static struct oxm_header get_header(struct reader *r)
{
	struct oxm_header h = { 0 };
	uint8_t b;

	h.class = rd_be16(r);
	b = rd_u8(r);
	h.field = b >> 1;
	h.has_mask = b & 1;
	h.length = rd_u8(r);
	if (h.class == EXPERIMENTER_CLASS) {
		h.experimenter = rd_be32(r);
		if (h.length < EXPERIMENTER_LEN)
			rd_fail(r);
		else
			h.length -= EXPERIMENTER_LEN;
	}
	return h;
}

// Reads 'n' bytes into the field's width; tunnel options may be shorter.
static void get_value(struct reader *r, const struct field *f, size_t n, union field_value *v)
{
	memset(v->b, 0, f->n_bytes);
	rd_copy(r, v->b + f->n_bytes - n, n);
}

static int check_length(const struct field *f, const struct oxm_header *h, size_t *ret_n,
			struct error *err)
{
	size_t n = h->has_mask ? h->length / 2 : h->length;
	bool fits = f->at == FIELD_AT_TUN_METADATA ? n >= 1 && n <= f->n_bytes : n == f->n_bytes;

	if (!fits || (h->has_mask && h->length % 2))
		return error_set(err, -EMSGSIZE, "field %s has %u bytes, not %zu", f->name,
				 f->n_bytes, n);
	*ret_n = n;
	return 0;
}

static int check_mask(const struct field *f, const union field_value *value,
		      const union field_value *mask, struct error *err)
{
	for (size_t i = 0; i < f->n_bytes; i++)
		if (value->b[i] & ~mask->b[i])
			return error_set(err, -EBADMSG, "field %s has value bits outside its mask",
					 f->name);
	return 0;
}

int field_get_oxm(struct reader *r, const struct field **ret_field, union field_value *ret_value,
		  union field_value *ret_mask, struct error *err)
{
	struct oxm_header h = get_header(r);
	struct reader body = rd_sub(r, h.length);
	const struct field *f;
	union field_value all;
	size_t n = 0;
	int error;

	*ret_field = NULL;
	if (rd_status(r))
		return error_set(err, -EMSGSIZE, "match field runs over the end");
	f = field_by_oxm(h.class, h.field, h.experimenter);
	if (!f)
		return 0;
	*ret_field = f;
	error = check_length(f, &h, &n, err);
	if (error)
		return error;
	get_value(&body, f, n, ret_value);
	field_all_ones(f, &all);
	memcpy(ret_mask, &all, f->n_bytes);
	if (h.has_mask) {
		get_value(&body, f, n, ret_mask);
		error = check_mask(f, ret_value, ret_mask, err);
		if (error)
			return error;
		for (size_t i = 0; i < f->n_bytes; i++)
			ret_mask->b[i] &= all.b[i];
	}
	if (!field_value_is_valid(f, ret_value))
		return error_set(err, -ERANGE, "field %s has a value out of range", f->name);
	return 0;
}

int field_get_oxm_header(struct reader *r, const struct field **ret_field, struct error *err)
{
	struct oxm_header h = get_header(r);
	const struct field *f;

	*ret_field = NULL;
	if (rd_status(r))
		return error_set(err, -EMSGSIZE, "field header is cut short");
	f = field_by_oxm(h.class, h.field, h.experimenter);
	if (!f)
		return 0;
	*ret_field = f;
	if (h.has_mask)
		return error_set(err, -EDOM, "header of field %s has a mask bit", f->name);
	if (f->at != FIELD_AT_TUN_METADATA && h.length != f->n_bytes)
		return error_set(err, -EMSGSIZE, "field %s has %u bytes, not %u", f->name,
				 f->n_bytes, h.length);
	return 0;
}

int field_get_oxm_id(struct reader *r, const struct field **ret_field, bool *ret_masked,
		     struct error *err)
{
	struct oxm_header h = get_header(r);
	const struct field *f;

	*ret_field = NULL;
	if (rd_status(r))
		return error_set(err, -EMSGSIZE, "field header is cut short");
	*ret_masked = h.has_mask;
	f = field_by_oxm(h.class, h.field, h.experimenter);
	if (f && (f->at == FIELD_AT_TUN_METADATA ||
		  (h.has_mask ? h.length / 2 : h.length) == f->n_bytes))
		*ret_field = f;
	return 0;
}

// ---- Matches ----

static bool is_whole(const struct field *f, const union field_value *mask)
{
	union field_value all;

	field_all_ones(f, &all);
	return !memcmp(mask, &all, f->n_bytes);
}

static enum match_error match_error_from(int error)
{
	switch (error) {
	case -EMSGSIZE:
		return MATCH_BAD_LEN;
	case -EDOM:
		return MATCH_BAD_MASK;
	case -EBADMSG:
		return MATCH_BAD_WILDCARDS;
	default:
		return MATCH_BAD_VALUE;
	}
}

static enum match_error add_field(struct match *m, const struct field *f, bool strict,
				  const union field_value *value, const union field_value *mask,
				  struct error *err)
{
	if (strict && !field_prerequisites_hold(f, m)) {
		error_set(err, -EINVAL, "prerequisites of field %s are not matched before it",
			  f->name);
		return MATCH_BAD_PREREQ;
	}
	if (field_is_in(f, &m->mask.m) && f->at != FIELD_AT_VLAN_PCP &&
	    f->at != FIELD_AT_VLAN_VID) {
		error_set(err, -EEXIST, "field %s is matched twice", f->name);
		return MATCH_DUP_FIELD;
	}
	match_set_field(m, f, value, mask);
	return MATCH_OK;
}

enum match_error match_get_oxm(struct match *m, const void *p, size_t n, bool strict,
			       struct error *err)
{
	struct reader r = rd_init(p, n);

	match_init_any(m);
	while (rd_left(&r)) {
		union field_value value, mask;
		const struct field *f;
		enum match_error bad;
		int error = field_get_oxm(&r, &f, &value, &mask, err);

		// A header with another length is not that of the field.
		if (error == -EMSGSIZE && f)
			error = 0, f = NULL;
		if (!error && f && !f->maskable && !is_whole(f, &mask))
			error = error_set(err, -EDOM, "field %s cannot be masked", f->name);

		if (error)
			return match_error_from(error);
		if (!f) {
			if (!strict)
				continue;
			error_set(err, -ENOENT, "unknown match field");
			return MATCH_BAD_FIELD;
		}
		bad = add_field(m, f, strict, &value, &mask, err);
		if (bad)
			return bad;
	}
	return MATCH_OK;
}

struct oxm_writer {
	const struct match *m;
	uint8_t version;
	struct strbuf *out;
};

static void put(struct oxm_writer *w, enum field_id id)
{
	const struct field *f = field_get(id);
	union field_value v, mask;

	if (!field_is_in(f, &w->m->mask.m))
		return;
	field_read(f, &w->m->mask.m, &mask);
	field_read(f, &w->m->key, &v);
	field_put_oxm(f, w->version, &v, &mask, w->out);
}

static void put_list(struct oxm_writer *w, const enum field_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(w, ids[i]);
}
#define PUT_LIST(W, ...) \
	put_list(W, (const enum field_id[]){ __VA_ARGS__ }, \
		 ARRAY_SIZE(((const enum field_id[]){ __VA_ARGS__ })))

static void put_vlan(struct oxm_writer *w)
{
	uint16_t mask = be16toh(w->m->mask.m.vlans[0].tci), tci = be16toh(w->m->key.vlans[0].tci);
	union field_value v, bits;

	if (!mask)
		return;
	// OXM has no way to ask for a PCP without a tag, nor for half a PCP; NXM's TCI has.
	if (w->version < 0x03 ||
	    (mask & VLAN_PCP_MASK && (mask & VLAN_PCP_MASK) != VLAN_PCP_MASK)) {
		put(w, FIELD_VLAN_TCI);
		return;
	}
	v.be16 = htobe16(tci & (VLAN_VID_MASK | VLAN_PRESENT));
	bits.be16 = htobe16(mask & (VLAN_VID_MASK | VLAN_PRESENT));
	if (bits.be16)
		field_put_oxm(field_get(FIELD_VLAN_VID), w->version, &v, &bits, w->out);
	if (mask & VLAN_PCP_MASK && tci & VLAN_PRESENT)
		put(w, FIELD_VLAN_PCP);
}

static void put_transport(struct oxm_writer *w, bool v4)
{
	switch (w->m->mask.m.nw_proto == UINT8_MAX ? w->m->key.nw_proto : 0) {
	case 6:
		PUT_LIST(w, FIELD_TCP_SRC, FIELD_TCP_DST, FIELD_TCP_FLAGS);
		break;
	case 17:
		PUT_LIST(w, FIELD_UDP_SRC, FIELD_UDP_DST);
		break;
	case 132:
		PUT_LIST(w, FIELD_SCTP_SRC, FIELD_SCTP_DST);
		break;
	case 1:
		if (v4)
			PUT_LIST(w, FIELD_ICMP_TYPE, FIELD_ICMP_CODE);
		break;
	case 58:
		if (v4)
			break;
		PUT_LIST(w, FIELD_ICMPV6_TYPE, FIELD_ICMPV6_CODE, FIELD_ND_TARGET);
		PUT_LIST(w, FIELD_ND_RESERVED, FIELD_ND_OPTIONS_TYPE);
		put(w, w->m->key.tp_src == htobe16(135) ? FIELD_ND_SLL : FIELD_ND_TLL);
		break;
	}
}

static void put_ip(struct oxm_writer *w, bool v4)
{
	const struct flow_key *mask = &w->m->mask.m;

	put(w, FIELD_IP_FRAG);
	if (mask->nw_tos & 0xfc)
		put(w, w->version < 0x03 ? FIELD_IP_TOS : FIELD_IP_DSCP);
	PUT_LIST(w, FIELD_IP_ECN, FIELD_IP_TTL);
	if (v4)
		PUT_LIST(w, FIELD_IP_SRC, FIELD_IP_DST);
	else
		PUT_LIST(w, FIELD_IPV6_SRC, FIELD_IPV6_DST, FIELD_IPV6_LABEL);
	put(w, FIELD_IP_PROTO);
	put_transport(w, v4);
}

static void put_network(struct oxm_writer *w)
{
	if (w->m->mask.m.eth_type != UINT16_MAX)
		return;
	switch (be16toh(w->m->key.eth_type)) {
	case 0x0800:
	case 0x86dd:
		put_ip(w, w->m->key.eth_type == htobe16(0x0800));
		break;
	case 0x0806:
	case 0x8035:
		if (w->m->mask.m.nw_proto)
			put(w, FIELD_ARP_OP);
		PUT_LIST(w, FIELD_ARP_SPA, FIELD_ARP_TPA, FIELD_ARP_SHA, FIELD_ARP_THA);
		break;
	case 0x8847:
	case 0x8848:
		PUT_LIST(w, FIELD_MPLS_TC, FIELD_MPLS_BOS, FIELD_MPLS_TTL, FIELD_MPLS_LABEL);
		break;
	case 0x894f:
		PUT_LIST(w, FIELD_NSH_FLAGS, FIELD_NSH_TTL, FIELD_NSH_MDTYPE, FIELD_NSH_NP,
			 FIELD_NSH_SPI, FIELD_NSH_SI, FIELD_NSH_C1, FIELD_NSH_C2, FIELD_NSH_C3,
			 FIELD_NSH_C4);
		break;
	}
}

static void put_tunnel(struct oxm_writer *w)
{
	if (is_all_zeros(&w->m->mask.m.tunnel, sizeof(w->m->mask.m.tunnel)))
		return;
	for (unsigned int id = FIELD_TUN_ID; id < FIELD_TUN_METADATA0; id++)
		put(w, id);
	for (unsigned int i = 0; i < 64; i++)
		if (w->m->mask.m.tunnel.metadata_present >> i & 1)
			put(w, FIELD_TUN_METADATA0 + i);
}

// Written in an order in which prerequisites come before what needs them.
void match_put_oxm(const struct match *m, uint8_t version, struct strbuf *out)
{
	struct oxm_writer w = { m, version, out };

	PUT_LIST(&w, FIELD_DP_HASH, FIELD_RECIRC_ID, FIELD_CONJ_ID);
	put(&w, version < 0x03 ? FIELD_IN_PORT : FIELD_IN_PORT_OXM);
	PUT_LIST(&w, FIELD_ACTSET_OUTPUT, FIELD_PACKET_TYPE, FIELD_ETH_DST, FIELD_ETH_SRC);
	if (!m->key.packet_type)
		put(&w, FIELD_ETH_TYPE);
	put_vlan(&w);
	put_network(&w);
	put_tunnel(&w);
	for (unsigned int i = 0; i < FLOW_N_REGS; i++)
		if (m->mask.m.regs[i])
			put(&w, FIELD_REG0 + i);
	PUT_LIST(&w, FIELD_PKT_MARK, FIELD_CT_STATE, FIELD_CT_ZONE, FIELD_CT_MARK, FIELD_CT_LABEL);
	PUT_LIST(&w, FIELD_CT_NW_SRC, FIELD_CT_NW_DST, FIELD_CT_IPV6_SRC, FIELD_CT_IPV6_DST,
		 FIELD_CT_NW_PROTO, FIELD_CT_TP_SRC, FIELD_CT_TP_DST);
	put(&w, FIELD_METADATA);
}
