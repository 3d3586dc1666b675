// SPDX-License-Identifier: Apache-2.0
// Fields set to values: set_field, load, and the mod_* actions, on the wire. All are one action inside.
#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/actions/set-field-private.h"

// Actions of their own for a whole field, by version. 0: none.
static const struct native {
	uint8_t field; // enum field_id
	uint8_t of10, of11; // type
	uint8_t n_bytes, pad;
} natives[] = {
	{ FIELD_ETH_SRC, 4, 3, 6, 6 }, { FIELD_ETH_DST, 5, 4, 6, 6 },
	{ FIELD_IP_SRC, 6, 5, 4, 0 },  { FIELD_IP_DST, 7, 6, 4, 0 },
	{ FIELD_IP_TOS, 8, 7, 1, 3 },  { FIELD_IP_ECN, 0, 8, 1, 3 },
	{ FIELD_TCP_SRC, 9, 9, 2, 2 }, { FIELD_TCP_DST, 10, 10, 2, 2 },
	{ FIELD_IP_TTL, 0, 23, 1, 3 },
};

enum { OF_SET_FIELD = 25, NX_LOAD = 7, NX_LOAD2 = 33 };

void act_put_set_field(struct strbuf *b, const struct field *f, enum act_set_form form,
		       const union field_value *value, const union field_value *mask)
{
	uint8_t nested[2 * sizeof(union field_value)];
	size_t start = b->len;
	struct act *a = act_put(b, ACT_SET_FIELD);

	a->set_field.field = f;
	a->set_field.form = form;
	for (size_t i = 0; i < f->n_bytes; i++) {
		nested[i] = value->b[i] & mask->b[i];
		nested[f->n_bytes + i] = mask->b[i];
	}
	act_put_nested_bytes(b, start, nested, 2 * f->n_bytes);
}

// ---- Decoding ----

static enum ofperr decode_native(struct act_in *in, struct strbuf *out)
{
	for (const struct native *n = natives; n < &natives[ARRAY_SIZE(natives)]; n++) {
		const struct field *f = field_get(n->field);
		union field_value v, all;

		if ((in->version == OFP10 ? n->of10 : n->of11) != in->number)
			continue;
		rd_copy(&in->body, v.b, n->n_bytes);
		rd_skip(&in->body, n->pad);
		if (rd_finish(&in->body))
			return OFPERR_OFPBAC_BAD_LEN;
		if (!field_value_is_valid(f, &v))
			return OFPERR_OFPBAC_BAD_ARGUMENT;
		field_all_ones(f, &all);
		act_put_set_field(out, f, SET_FORM_MOD, &v, &all);
		return OFPERR_NONE;
	}
	return OFPERR_OFPBAC_BAD_TYPE;
}

static enum ofperr decode_oxm(struct act_in *in, struct strbuf *out)
{
	bool nx = in->kind == RAW_NX;
	union field_value v, mask;
	const struct field *f;
	int error;

	// Before 1.5 OpenFlow sets a field as a whole.
	if (!nx && in->version < OFP15 && rd_left(&in->body) > 2 && in->body.p[2] & 1)
		return OFPERR_OFPBAC_BAD_SET_MASK;
	error = field_get_oxm(&in->body, &f, &v, &mask, NULL);
	// A header with another width is not that of the field.
	if (error == -EMSGSIZE)
		return rd_status(&in->body) ? OFPERR_OFPBAC_BAD_SET_LEN
					    : OFPERR_OFPBAC_BAD_SET_TYPE;
	if (error == -EDOM || error == -EBADMSG)
		return OFPERR_OFPBAC_BAD_SET_MASK;
	if (error)
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	if (!f || !f->writable)
		return OFPERR_OFPBAC_BAD_SET_TYPE;
	// Behind it there is padding only.
	if (rd_left(&in->body) >= 8)
		return OFPERR_OFPBAC_BAD_SET_LEN;
	if (!is_all_zeros(in->body.p, rd_left(&in->body)))
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	act_put_set_field(out, f, nx ? SET_FORM_LOAD2 : SET_FORM_SET_FIELD, &v, &mask);
	return OFPERR_NONE;
}

static enum ofperr decode_load(struct act_in *in, struct strbuf *out)
{
	uint16_t bits = rd_be16(&in->body), ofs = bits >> 6, n = (bits & 63) + 1;
	union field_value v, mask;
	const struct field *f;
	uint64_t value;
	int error = field_get_oxm_header(&in->body, &f, NULL);

	value = rd_be64(&in->body);
	if (error || rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (!f || !f->writable)
		return OFPERR_OFPBAC_BAD_SET_TYPE;
	if (ofs + n > f->n_bytes * 8 || (n < 64 && value >> n))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	memset(&v, 0, sizeof(v));
	memset(&mask, 0, sizeof(mask));
	for (unsigned int i = 0; i < n; i++) {
		size_t byte = f->n_bytes - 1 - (ofs + i) / 8;

		mask.b[byte] |= 1 << (ofs + i) % 8;
		v.b[byte] |= (value >> i & 1) << (ofs + i) % 8;
	}
	if (!field_value_is_valid(f, &v))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	act_put_set_field(out, f, SET_FORM_LOAD, &v, &mask);
	return OFPERR_NONE;
}

enum ofperr set_field_decode(struct act_in *in, struct strbuf *out)
{
	if (in->kind == RAW_NX && in->number == NX_LOAD)
		return decode_load(in, out);
	return in->kind == RAW_NX || in->number == OF_SET_FIELD ? decode_oxm(in, out)
								: decode_native(in, out);
}

// ---- Encoding ----

static bool is_whole(const struct act *a)
{
	union field_value all;

	field_all_ones(a->set_field.field, &all);
	return !memcmp(act_set_mask(a), all.b, a->set_field.field->n_bytes);
}

static const struct native *find_native(enum field_id id, uint8_t version)
{
	switch (id) {
	case FIELD_UDP_SRC:
	case FIELD_SCTP_SRC:
		id = FIELD_TCP_SRC;
		break;
	case FIELD_UDP_DST:
	case FIELD_SCTP_DST:
		id = FIELD_TCP_DST;
		break;
	case FIELD_IP_DSCP:
		id = FIELD_IP_TOS;
		break;
	default:
		break;
	}
	for (const struct native *n = natives; n < &natives[ARRAY_SIZE(natives)]; n++)
		if (n->field == id)
			return (version == OFP10 ? n->of10 : n->of11) ? n : NULL;
	return NULL;
}

static void put_native(const struct native *n, const struct act *a, struct act_out *o)
{
	size_t start = act_begin_of(o, o->version == OFP10 ? n->of10 : n->of11);

	if (a->set_field.field->id == FIELD_IP_DSCP)
		wr_u8(o->out, act_set_value(a)[0] << 2);
	else
		strbuf_put(o->out, act_set_value(a), n->n_bytes);
	strbuf_put_zeros(o->out, n->pad);
	act_end(o, start);
}

// The field as OXM knows it: its TOS has no lower bits, and ports belong to a protocol.
static const struct field *oxm_field(const struct act *a, const struct act_out *o,
				     union field_value *v, union field_value *mask)
{
	const struct field *f = a->set_field.field;

	memcpy(v->b, act_set_value(a), f->n_bytes);
	memcpy(mask->b, act_set_mask(a), f->n_bytes);
	if (f->id == FIELD_IP_TOS) {
		v->u8 >>= 2;
		mask->u8 >>= 2;
		return field_get(FIELD_IP_DSCP);
	}
	if (f->id == FIELD_TCP_SRC && o->nw_proto != 6 && a->set_field.form == SET_FORM_MOD)
		return field_get(o->nw_proto == 17    ? FIELD_UDP_SRC
				 : o->nw_proto == 132 ? FIELD_SCTP_SRC
						      : FIELD_TCP_SRC);
	if (f->id == FIELD_TCP_DST && o->nw_proto != 6 && a->set_field.form == SET_FORM_MOD)
		return field_get(o->nw_proto == 17    ? FIELD_UDP_DST
				 : o->nw_proto == 132 ? FIELD_SCTP_DST
						      : FIELD_TCP_DST);
	return f;
}

static void put_oxm(const struct act *a, struct act_out *o, bool nx)
{
	size_t start = nx ? act_begin_nx(o, NX_LOAD2) : act_begin_of(o, OF_SET_FIELD);
	union field_value v, mask;
	const struct field *f = oxm_field(a, o, &v, &mask);

	field_put_oxm(f, o->version, &v, &mask, o->out);
	act_end(o, start);
}

static bool mask_bit(const struct act *a, unsigned int i)
{
	return act_set_mask(a)[a->set_field.field->n_bytes - 1 - i / 8] >> i % 8 & 1;
}

static uint64_t value_bits(const struct act *a, unsigned int ofs, unsigned int n)
{
	const uint8_t *v = act_set_value(a);
	uint64_t value = 0;

	for (unsigned int i = 0; i < n; i++)
		value |= (uint64_t)(v[a->set_field.field->n_bytes - 1 - (ofs + i) / 8] >>
					    (ofs + i) % 8 &
				    1)
			 << i;
	return value;
}

bool set_field_next_run(const struct act *a, struct subfield *sf, uint64_t *ret_value)
{
	unsigned int n_bits = a->set_field.field->n_bytes * 8,
		     i = sf->field ? sf->ofs + sf->n_bits : 0, n = 0;

	// The whole of a field whose value has fewer bits than its width says.
	if (is_whole(a) && n_bits <= 64) {
		if (sf->field)
			return false;
		*sf = (struct subfield){ a->set_field.field, 0, a->set_field.field->n_bits };
		*ret_value = value_bits(a, 0, n_bits);
		return true;
	}
	while (i < n_bits && !mask_bit(a, i))
		i++;
	while (i + n < n_bits && n < 64 && mask_bit(a, i + n))
		n++;
	*sf = (struct subfield){ a->set_field.field, i, n };
	*ret_value = n ? value_bits(a, i, n) : 0;
	return n;
}

static void put_loads(const struct act *a, struct act_out *o)
{
	struct subfield sf = { 0 };
	uint64_t value;

	while (set_field_next_run(a, &sf, &value)) {
		size_t start = act_begin_nx(o, NX_LOAD);

		wr_be16(o->out, act_range(&sf));
		field_put_oxm_header(sf.field, OFP10, o->out);
		wr_be64(o->out, value);
		act_end(o, start);
	}
}

// A vendor's field has a longer header than the load action has room for, and an option's length is not in its header.
static bool is_never_loaded(const struct field *f)
{
	return act_header_size(f) > 4 || f->at == FIELD_AT_TUN_METADATA;
}

// The parts of a tag have actions of their own in 1.0 and 1.1.
static bool put_vlan(const struct act *a, struct act_out *o)
{
	size_t start;

	if (a->set_field.field->id != FIELD_VLAN_VID && a->set_field.field->id != FIELD_VLAN_PCP)
		return false;
	if (a->set_field.field->id == FIELD_VLAN_VID) {
		start = act_begin_of(o, 1);
		wr_be16(o->out, value_bits(a, 0, 12));
	} else {
		start = act_begin_of(o, 2);
		wr_u8(o->out, act_set_value(a)[0]);
	}
	act_end(o, start);
	return true;
}

void set_field_encode(const struct act *a, struct act_out *o)
{
	const struct field *f = a->set_field.field;
	bool load = a->set_field.form == SET_FORM_LOAD || !is_whole(a);
	const struct native *n = load ? NULL : find_native(f->id, o->version);

	if (a->set_field.form == SET_FORM_LOAD2) {
		put_oxm(a, o, o->version < OFP15);
		return;
	}
	if (o->version <= OFP11 && !load && put_vlan(a, o))
		return;
	if (n &&
	    (o->version <= OFP11 || (f->id == FIELD_IP_TTL && a->set_field.form == SET_FORM_MOD)))
		put_native(n, a, o);
	else if (o->version >= OFP15 || (o->version >= OFP12 && !load))
		put_oxm(a, o, false);
	else if (is_never_loaded(f))
		put_oxm(a, o, true);
	else
		put_loads(a, o);
}
