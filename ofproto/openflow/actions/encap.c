// SPDX-License-Identifier: Apache-2.0
// encap and decap: whole headers put around packets and taken off; and dec_nsh_ttl.
#include "ofproto/openflow/act-private.h"

enum { NX_ENCAP = 46, NX_DECAP = 47, NX_DEC_NSH_TTL = 48 };
// Properties: classes and, of NSH, types.
enum { CLASS_NSH = 4, NSH_MD_TYPE = 1, NSH_TLV = 2, PROPERTY_HEAD = 4 };
// The length of the property around it has eight bits.
enum { MAX_TLV = 240 };
enum { NS_ETHERTYPE = 1, NS_MAX = 3 };

#define PACKET_TYPE(NS, TYPE) ((uint32_t)(NS) << 16 | (TYPE))

// Headers by name, as text has them.
static const struct header {
	const char *name;
	uint32_t packet_type;
} headers[] = {
	{ "nsh", PACKET_TYPE(NS_ETHERTYPE, 0x894f) },
	{ "ethernet", PACKET_TYPE_ETHERNET },
	{ "mpls", PACKET_TYPE(NS_ETHERTYPE, 0x8847) },
	{ "mpls_mc", PACKET_TYPE(NS_ETHERTYPE, 0x8848) },
};

static const struct header *header_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (!strcmp(headers[i].name, name))
			return &headers[i];
	return NULL;
}

static const struct header *header_by_type(uint32_t packet_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (headers[i].packet_type == packet_type)
			return &headers[i];
	return NULL;
}

// 'n' bytes of value behind the head, and padding.
static void put_tlv(struct strbuf *out, uint16_t class, uint8_t type, const void *p, size_t n)
{
	struct encap_tlv tlv = { htobe16(class), type, n };

	strbuf_put(out, &tlv, sizeof(tlv));
	strbuf_put(out, p, n);
	strbuf_put_zeros(out, ROUND_UP(n, 4) - n);
}

static const struct encap_tlv *next_tlv(const struct encap_tlv *tlv)
{
	return tlv + 1 + DIV_ROUND_UP(tlv->n, sizeof(*tlv));
}

static void finish_encap(struct strbuf *out, size_t start, const struct strbuf *tlvs)
{
	if (tlvs->len)
		act_put_nested_bytes(out, start, tlvs->s, tlvs->len);
}

// ---- encap on the wire ----

static enum ofperr decode_nsh(struct reader *p, uint8_t type, struct act *a, struct strbuf *tlvs)
{
	if (type == NSH_MD_TYPE) {
		a->encap.md_type = rd_u8(p);
		if (p->failed)
			return OFPERR_OFPBAC_BAD_LEN;
		return a->encap.md_type - 1u > 1 || rd_left(p) > 3 ? OFPERR_NXBAC_BAD_ED_PROP
								   : OFPERR_NONE;
	}
	if (type == NSH_TLV) {
		uint16_t class = rd_be16(p);
		uint8_t tlv_type = rd_u8(p), n = rd_u8(p);
		const void *value = rd_bytes(p, n);

		// Its padding counts as its own.
		if (!value || rd_left(p) != ROUND_UP(n, 8u) - n)
			return OFPERR_NXBAC_BAD_ED_PROP;
		put_tlv(tlvs, class, tlv_type, value, n);
		a->encap.n_tlvs++;
		return OFPERR_NONE;
	}
	return OFPERR_NXBAC_UNKNOWN_ED_PROP;
}

static enum ofperr decode_property(struct act_in *in, struct act *a, struct strbuf *tlvs)
{
	uint16_t class = rd_be16(&in->body);
	uint8_t type = rd_u8(&in->body), len = rd_u8(&in->body);
	struct reader p;

	if (rd_status(&in->body) || len < PROPERTY_HEAD ||
	    rd_left(&in->body) < ROUND_UP(len, 8u) - PROPERTY_HEAD)
		return OFPERR_OFPBAC_BAD_LEN;
	p = rd_sub(&in->body, len - PROPERTY_HEAD);
	p.parent = NULL;
	rd_skip(&in->body, ROUND_UP(len, 8u) - len);
	return class == CLASS_NSH ? decode_nsh(&p, type, a, tlvs) : OFPERR_NXBAC_UNKNOWN_ED_PROP;
}

enum ofperr encap_decode(struct act_in *in, struct strbuf *out)
{
	AUTO(strbuf) tlvs = STRBUF_INIT;
	struct act made;
	size_t start = out->len;
	uint32_t type;
	enum ofperr e = OFPERR_NONE;

	act_clear(&made);
	// How many bytes of the packet the header has: unused.
	rd_skip(&in->body, 2);
	type = rd_be32(&in->body);
	if (!header_by_type(type))
		return OFPERR_NXBAC_BAD_HEADER_TYPE;
	made.encap.packet_type = htobe32(type);
	while (!e && rd_left(&in->body))
		e = decode_property(in, &made, &tlvs);
	if (e)
		return e;
	act_put(out, ACT_ENCAP)->encap = made.encap;
	finish_encap(out, start, &tlvs);
	return OFPERR_NONE;
}

static size_t begin_property(struct strbuf *out, uint8_t type)
{
	size_t start = out->len;

	wr_be16(out, CLASS_NSH);
	wr_u8(out, type);
	wr_u8(out, 0);
	return start;
}

static void end_property(struct strbuf *out, size_t start)
{
	out->s[start + 3] = out->len - start;
	wr_pad(out, start, 8);
}

void encap_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_ENCAP), p;
	const struct encap_tlv *tlv = act_nested(a);

	wr_be16(o->out, 0);
	strbuf_put(o->out, &a->encap.packet_type, 4);
	if (a->encap.md_type) {
		p = begin_property(o->out, NSH_MD_TYPE);
		wr_u8(o->out, a->encap.md_type);
		end_property(o->out, p);
	}
	for (size_t i = 0; i < a->encap.n_tlvs; i++, tlv = next_tlv(tlv)) {
		p = begin_property(o->out, NSH_TLV);
		strbuf_put(o->out, tlv, sizeof(*tlv) + tlv->n);
		wr_pad(o->out, p, 8);
		end_property(o->out, p);
	}
	act_end(o, start);
}

// ---- encap in text ----

void encap_format(const struct act *a, const struct act_text *t)
{
	const struct encap_tlv *tlv = act_nested(a);
	bool more = a->encap.md_type || a->encap.n_tlvs;

	strbuf_printf(t->out, "encap(%s%s", header_by_type(be32toh(a->encap.packet_type))->name,
		      more ? "(" : "");
	if (a->encap.md_type)
		strbuf_printf(t->out, "md_type=%u,", a->encap.md_type);
	for (size_t i = 0; i < a->encap.n_tlvs; i++, tlv = next_tlv(tlv)) {
		const uint8_t *value = (const uint8_t *)(tlv + 1);

		strbuf_printf(t->out, "tlv(0x%04x,%u,0x", be16toh(tlv->class), tlv->type);
		for (size_t j = 0; j < tlv->n; j++)
			strbuf_printf(t->out, "%02x", value[j]);
		strbuf_puts(t->out, "),");
	}
	strbuf_chomp(t->out, ',');
	strbuf_puts(t->out, more ? "))" : ")");
}

// "0xCLASS,TYPE,0xVALUE"
static int parse_tlv(char *arg, struct strbuf *tlvs, struct error *err)
{
	AUTO_FREE char *whole = xstrdup(arg);
	AUTO(strbuf) value = STRBUF_INIT;
	char *type = strchr(arg, ','), *hex = type ? strchr(type + 1, ',') : NULL;
	uint32_t class, number;

	if (!hex)
		goto invalid;
	*type++ = *hex++ = '\0';
	if (strncmp(arg, "0x", 2) || !parse_u32(arg, 16, &class) || class > UINT16_MAX ||
	    !parse_u32(type, 10, &number) || number > UINT8_MAX || strncmp(hex, "0x", 2))
		goto invalid;
	for (hex += 2; *hex; hex += 2) {
		int byte = hex_byte(hex);

		if (byte < 0)
			goto invalid;
		wr_u8(&value, byte);
	}
	if (!value.len || value.len > MAX_TLV)
		goto invalid;
	put_tlv(tlvs, class, number, value.s, value.len);
	return 0;
invalid:
	return error_set(err, -EINVAL, "Invalid NSH TLV header: %s", whole);
}

static int parse_property(const char *key, char *value, bool nsh, struct act *a,
			  struct strbuf *tlvs, struct error *err)
{
	uint64_t n;

	if (nsh && !strcmp(key, "md_type")) {
		if (act_parse_number(value, UINT8_MAX, "md_type", &n, err))
			return -EINVAL;
		if (n != 1 && n != 2)
			return error_set(err, -EINVAL, "invalid md_type");
		a->encap.md_type = n;
		return 0;
	}
	if (nsh && !strcmp(key, "tlv")) {
		a->encap.n_tlvs++;
		return parse_tlv(value, tlvs, err);
	}
	return error_set(err, -EINVAL, "Invalid property: %s", key);
}

int encap_parse(char *arg, const struct act_text *t)
{
	AUTO(strbuf) tlvs = STRBUF_INIT;
	const struct header *h;
	struct act made;
	size_t start = t->out->len;
	char *name, *properties, *key, *value;

	act_clear(&made);
	if (!act_next_word(&arg, &name, &properties))
		return error_set(t->err, -EINVAL, "Missing encap hdr: %s", arg);
	h = header_by_name(name);
	if (!h)
		return error_set(t->err, -EINVAL, "Encap hdr not supported: %s", name);
	if (act_next_word(&arg, &key, &value))
		return error_set(t->err, -EINVAL, "encap takes one header, not also %s", key);
	made.encap.packet_type = htobe32(h->packet_type);
	while (act_next_word(&properties, &key, &value))
		if (parse_property(key, value, h == &headers[0], &made, &tlvs, t->err))
			return -EINVAL;
	act_put(t->out, ACT_ENCAP)->encap = made.encap;
	finish_encap(t->out, start, &tlvs);
	return 0;
}

// ---- decap ----

enum ofperr decap_decode(struct act_in *in, struct strbuf *out)
{
	uint32_t type;

	rd_skip(&in->body, 2);
	type = rd_be32(&in->body);
	if (rd_left(&in->body))
		return OFPERR_NXBAC_UNKNOWN_ED_PROP;
	act_put(out, ACT_DECAP)->decap.packet_type = htobe32(type);
	return OFPERR_NONE;
}

void decap_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_DECAP);

	wr_be16(o->out, 0);
	strbuf_put(o->out, &a->decap.packet_type, 4);
	act_end(o, start);
}

void decap_format(const struct act *a, const struct act_text *t)
{
	uint32_t type = be32toh(a->decap.packet_type);

	strbuf_puts(t->out, "decap(");
	if (type != PACKET_TYPE_FROM_HEADER)
		strbuf_printf(t->out, "packet_type(ns=%u,type=%#x)", type >> 16, type & 0xffff);
	strbuf_putc(t->out, ')');
}

static int parse_packet_type(char *arg, uint32_t *ret, struct error *err)
{
	uint64_t ns = UINT64_MAX, type = UINT64_MAX;
	char *key, *value;

	while (act_next_word(&arg, &key, &value)) {
		if (!strcmp(key, "ns")) {
			if (act_parse_number(value, UINT16_MAX, "ns", &ns, err))
				return -EINVAL;
			if (ns >= NS_MAX)
				return error_set(err, -EINVAL, "Unsupported ns value: %llu",
						 (unsigned long long)ns);
		} else if (strcmp(key, "type")) {
			return error_set(err, -EINVAL, "Invalid packet_type attribute: %s", key);
		} else if (act_parse_number(value, UINT16_MAX, "type", &type, err)) {
			return -EINVAL;
		}
	}
	if (ns == UINT64_MAX || type == UINT64_MAX)
		return error_set(err, -EINVAL, "Missing packet_type attribute %s",
				 ns == UINT64_MAX ? "ns" : "type");
	*ret = PACKET_TYPE(ns, type);
	return 0;
}

int decap_parse(char *arg, const struct act_text *t)
{
	uint32_t type = PACKET_TYPE_FROM_HEADER;
	char *key, *value;

	while (act_next_word(&arg, &key, &value)) {
		if (strcmp(key, "packet_type"))
			return error_set(t->err, -EINVAL, "Invalid decap argument: %s", key);
		if (parse_packet_type(value, &type, t->err))
			return -EINVAL;
	}
	act_put(t->out, ACT_DECAP)->decap.packet_type = htobe32(type);
	return 0;
}

// ---- dec_nsh_ttl ----

enum ofperr dec_nsh_ttl_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_DEC_NSH_TTL);
	return OFPERR_NONE;
}

void dec_nsh_ttl_encode(const struct act *a, struct act_out *o)
{
	act_end(o, act_begin_nx(o, NX_DEC_NSH_TTL));
}

void dec_nsh_ttl_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "dec_nsh_ttl");
}

int dec_nsh_ttl_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_DEC_NSH_TTL);
	return 0;
}
