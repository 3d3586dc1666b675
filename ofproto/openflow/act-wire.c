// SPDX-License-Identifier: Apache-2.0
// Lists of actions and instructions on the wire.
#include "ofproto/openflow/act-private.h"

static const struct raw {
	uint8_t type, kind, first, last; // enum act_type, enum raw_kind, wire versions
	uint16_t number;
} raws[] = {
#define RAW(ACT, KIND, FIRST, LAST, NUMBER) { ACT_##ACT, RAW_##KIND, FIRST, LAST, NUMBER },
#include "ofproto/openflow/raws.def"
#undef RAW
};

#define ACTION_MIN 8

static const struct raw *find_raw(enum raw_kind kind, uint16_t number, uint8_t version)
{
	for (size_t i = 0; i < ARRAY_SIZE(raws); i++)
		if (raws[i].kind == kind && raws[i].number == number && version >= raws[i].first &&
		    version <= raws[i].last)
			return &raws[i];
	return NULL;
}

// ---- Decoding ----

static enum ofperr identify(struct act_in *in, const struct raw **ret)
{
	enum ofperr unknown = OFPERR_OFPBAC_BAD_TYPE;

	in->kind = RAW_OF;
	if (in->number == 0xffff) {
		uint32_t vendor = rd_be32(&in->body);

		if (rd_status(&in->body))
			return OFPERR_OFPBAC_BAD_LEN;
		if (vendor != OF_NX_VENDOR && vendor != OF_ONF_VENDOR)
			return OFPERR_OFPBAC_BAD_VENDOR;
		in->kind = vendor == OF_NX_VENDOR ? RAW_NX : RAW_ONF;
		in->number = rd_be16(&in->body);
		if (rd_status(&in->body))
			return OFPERR_OFPBAC_BAD_LEN;
		unknown = OFPERR_OFPBAC_BAD_VENDOR_TYPE;
	}
	*ret = find_raw(in->kind, in->number, in->version);
	return *ret ? OFPERR_NONE : unknown;
}

static enum ofperr decode_one(struct reader *r, uint8_t version, struct strbuf *out)
{
	struct act_in in = { .version = version };
	const struct raw *raw;
	enum ofperr e;

	in.number = rd_be16(r);
	in.len = rd_be16(r);
	if (rd_status(r) || in.len < ACTION_MIN || in.len % 8)
		return OFPERR_OFPBAC_BAD_LEN;
	in.body = rd_sub(r, in.len - 4);
	// What runs over must not spoil the reader for its parent's other uses.
	in.body.parent = NULL;
	if (rd_status(r))
		return OFPERR_OFPBAC_BAD_LEN;
	e = identify(&in, &raw);
	if (e)
		return e;
	if (!act_ops[raw->type].decode)
		return act_unsupported_wire(raw->type);
	e = act_ops[raw->type].decode(&in, out);
	return !e && rd_status(&in.body) ? OFPERR_OFPBAC_BAD_LEN : e;
}

enum ofperr act_decode_list(struct reader *r, uint8_t version, struct strbuf *out)
{
	static __thread int depth;
	enum ofperr e = OFPERR_NONE;

	if (depth >= ACT_MAX_DEPTH)
		return OFPERR_OFPBAC_TOO_MANY;
	depth++;
	while (!e && rd_left(r))
		e = decode_one(r, version, out);
	depth--;
	return e;
}

static enum ofperr verify(const struct strbuf *out, size_t start)
{
	struct acts list = { (const struct act *)(strbuf_cstr(out) + start), out->len - start };

	return acts_verify_nesting(list, NULL, NULL);
}

enum ofperr acts_decode_actions(struct reader *r, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;
	enum ofperr e = act_decode_list(r, version, out);

	return e ? e : verify(out, start);
}

// ---- Encoding ----

size_t act_begin_of(struct act_out *o, uint16_t type)
{
	size_t start = o->out->len;

	wr_be16(o->out, type);
	wr_be16(o->out, 0);
	return start;
}

static size_t begin_vendor(struct act_out *o, uint32_t vendor, uint16_t subtype)
{
	size_t start = act_begin_of(o, 0xffff);

	wr_be32(o->out, vendor);
	wr_be16(o->out, subtype);
	return start;
}

size_t act_begin_nx(struct act_out *o, uint16_t subtype)
{
	return begin_vendor(o, OF_NX_VENDOR, subtype);
}

size_t act_begin_onf(struct act_out *o, uint16_t subtype)
{
	return begin_vendor(o, OF_ONF_VENDOR, subtype);
}

void act_end(struct act_out *o, size_t start)
{
	wr_pad(o->out, start, 8);
	wr_patch_be16(o->out, start + 2, o->out->len - start);
}

void act_encode_list(struct acts list, struct act_out *o)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list)
		if (act_ops[a->type].encode)
			act_ops[a->type].encode(a, o);
}

void acts_encode_actions(struct acts a, uint8_t version, struct strbuf *out)
{
	struct act_out o = { .out = out, .version = version };

	act_encode_list(a, &o);
}

// ---- Instructions ----

enum { INST_GOTO = 1, INST_METADATA, INST_WRITE, INST_APPLY, INST_CLEAR, INST_METER, INST_MAX };
#define INST_EXPERIMENTER 0xffff

struct instructions {
	struct reader body[INST_MAX];
	bool there[INST_MAX];
};

static enum ofperr find_instructions(struct reader *r, struct instructions *in)
{
	memset(in, 0, sizeof(*in));
	while (rd_left(r)) {
		uint16_t type = rd_be16(r), len = rd_be16(r);
		struct reader body;

		if (rd_status(r) || len < 8 || len % 8)
			return OFPERR_OFPBIC_BAD_LEN;
		body = rd_sub(r, len - 4u);
		if (rd_status(r))
			return OFPERR_OFPBIC_BAD_LEN;
		if (type == INST_EXPERIMENTER)
			return OFPERR_OFPBIC_BAD_EXPERIMENTER;
		if (!type || type >= INST_MAX)
			return OFPERR_OFPBIC_UNKNOWN_INST;
		if (in->there[type])
			return OFPERR_OFPBIC_DUP_INST;
		body.parent = NULL;
		in->body[type] = body;
		in->there[type] = true;
	}
	return OFPERR_NONE;
}

static enum ofperr decode_goto(struct reader *r, struct strbuf *out)
{
	uint8_t table = rd_u8(r);

	rd_skip(r, 3);
	if (rd_finish(r))
		return OFPERR_OFPBIC_BAD_LEN;
	act_put(out, ACT_GOTO_TABLE)->goto_table.table = table;
	return OFPERR_NONE;
}

static enum ofperr decode_metadata(struct reader *r, struct strbuf *out)
{
	struct act *a;
	be64 value, mask;

	rd_skip(r, 4);
	rd_copy(r, &value, 8);
	rd_copy(r, &mask, 8);
	if (rd_finish(r))
		return OFPERR_OFPBIC_BAD_LEN;
	a = act_put(out, ACT_WRITE_METADATA);
	a->write_metadata.metadata = value & mask;
	a->write_metadata.mask = mask;
	return OFPERR_NONE;
}

static enum ofperr decode_write(struct reader *r, uint8_t version, struct strbuf *out)
{
	size_t begin = act_nested_begin(out, ACT_WRITE_ACTIONS);
	enum ofperr e;

	rd_skip(r, 4);
	e = act_decode_list(r, version, out);
	if (!e)
		act_nested_end(out, begin);
	return e;
}

static enum ofperr decode_instructions(struct reader *r, uint8_t version, struct strbuf *out)
{
	struct instructions in;
	enum ofperr e = find_instructions(r, &in);

	if (e)
		return e;
	// In the order in which they are carried out.
	if (in.there[INST_METER])
		return act_unsupported_wire(ACT_METER);
	if (in.there[INST_APPLY]) {
		rd_skip(&in.body[INST_APPLY], 4);
		e = act_decode_list(&in.body[INST_APPLY], version, out);
	}
	if (!e && in.there[INST_CLEAR]) {
		if (rd_left(&in.body[INST_CLEAR]) != 4)
			return OFPERR_OFPBIC_BAD_LEN;
		act_put(out, ACT_CLEAR_ACTIONS);
	}
	if (!e && in.there[INST_WRITE])
		e = decode_write(&in.body[INST_WRITE], version, out);
	if (!e && in.there[INST_METADATA])
		e = decode_metadata(&in.body[INST_METADATA], out);
	if (!e && in.there[INST_GOTO])
		e = decode_goto(&in.body[INST_GOTO], out);
	return e;
}

enum ofperr acts_decode_instructions(struct reader *r, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;
	enum ofperr e;

	if (version == OFP10)
		return acts_decode_actions(r, version, out);
	e = decode_instructions(r, version, out);
	return e ? e : verify(out, start);
}

static bool is_instruction(const struct act *a)
{
	return a->type >= ACT_METER;
}

static void put_instruction(const struct act *a, struct act_out *o)
{
	size_t start;

	switch ((enum act_type)a->type) {
	case ACT_CLEAR_ACTIONS:
		start = act_begin_of(o, INST_CLEAR);
		wr_be32(o->out, 0);
		break;
	case ACT_WRITE_ACTIONS:
		start = act_begin_of(o, INST_WRITE);
		wr_be32(o->out, 0);
		act_encode_list(act_nested_list(a), o);
		break;
	case ACT_WRITE_METADATA:
		start = act_begin_of(o, INST_METADATA);
		wr_be32(o->out, 0);
		strbuf_put(o->out, &a->write_metadata.metadata, 8);
		strbuf_put(o->out, &a->write_metadata.mask, 8);
		break;
	case ACT_GOTO_TABLE:
		start = act_begin_of(o, INST_GOTO);
		wr_u8(o->out, a->goto_table.table);
		strbuf_put_zeros(o->out, 3);
		break;
	default:
		return;
	}
	act_end(o, start);
}

void acts_encode_for_match(struct acts list, const struct match *m, uint8_t version,
			   struct strbuf *out)
{
	struct act_out o = { .out = out, .version = version };
	const struct act *a;
	size_t start;

	if (m) {
		o.has_vlan = m->key.vlans[0].tci & htobe16(VLAN_PRESENT);
		o.nw_proto = m->mask.m.nw_proto == UINT8_MAX ? m->key.nw_proto : 0;
	}
	if (version == OFP10) {
		act_encode_list(list, &o);
		return;
	}
	if (list.size && !is_instruction(list.first)) {
		start = act_begin_of(&o, INST_APPLY);
		wr_be32(out, 0);
		OFPACT_FOR_EACH (a, list)
			if (!is_instruction(a))
				act_ops[a->type].encode(a, &o);
		act_end(&o, start);
	}
	OFPACT_FOR_EACH (a, list)
		put_instruction(a, &o);
}

void acts_encode_instructions(struct acts a, uint8_t version, struct strbuf *out)
{
	acts_encode_for_match(a, NULL, version, out);
}
