// SPDX-License-Identifier: Apache-2.0
// Lists of actions and instructions on the wire.
#include "ofproto/openflow/act-private.h"

#include <pthread.h>

static const struct raw {
	uint8_t type, kind, first, last; // enum act_type, enum raw_kind, wire versions
	uint16_t number, shortest, longest; // bytes
} raws[] = {
#define MAX_LENGTH 0xfff8
#define RAW(ACT, KIND, FIRST, LAST, NUMBER, SHORTEST, LONGEST) \
	{ ACT_##ACT, RAW_##KIND, FIRST, LAST, NUMBER, SHORTEST, LONGEST },
#include "ofproto/openflow/raws.def"
#undef RAW
};

enum { ACTION_MIN = 8, OF_SET_FIELD = 25 };

static bool debug_allowed;

void acts_allow_debug(void)
{
	debug_allowed = true;
}

#define N_NUMBERS 64 // of each kind, by which rows are found; others share theirs

// The first row of each kind and number, and the first of the instructions, so that a decoder need not read the whole table.
static uint8_t first_row[RAW_INST + 1][N_NUMBERS], first_instruction;
static pthread_once_t first_once = PTHREAD_ONCE_INIT;

static void first_build(void)
{
	_Static_assert(ARRAY_SIZE(raws) < UINT8_MAX, "a row's number is a byte");
	memset(first_row, ARRAY_SIZE(raws), sizeof(first_row));
	for (size_t i = ARRAY_SIZE(raws); i--;) {
		first_row[raws[i].kind][raws[i].number % N_NUMBERS] = i;
		if (raws[i].kind == RAW_INST)
			first_instruction = i;
	}
}

static const struct raw *find_raw(enum raw_kind kind, uint16_t number, uint8_t version)
{
	pthread_once(&first_once, first_build);
	for (size_t i = first_row[kind][number % N_NUMBERS]; i < ARRAY_SIZE(raws); i++)
		if (raws[i].kind == kind && raws[i].number == number && version >= raws[i].first &&
		    version <= raws[i].last)
			return &raws[i];
	return NULL;
}

static const struct raw *find_instruction_raw(enum act_type type, uint8_t version)
{
	pthread_once(&first_once, first_build);
	for (size_t i = first_instruction; i < ARRAY_SIZE(raws); i++)
		if (raws[i].kind == RAW_INST && raws[i].type == type && version >= raws[i].first &&
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
	if (in.len < raw->shortest || in.len > raw->longest)
		return OFPERR_OFPBAC_BAD_LEN;
	if ((raw->type == ACT_DEBUG_SLOW || raw->type == ACT_DEBUG_RECIRC) && !debug_allowed)
		return OFPERR_OFPBAC_BAD_VENDOR_TYPE;
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

static enum ofperr decode_actions(struct reader *r, uint8_t version, bool instructions,
				  struct strbuf *out)
{
	size_t start = out->len;
	enum ofperr e = rd_left(r) % 8 ? OFPERR_OFPBRC_BAD_LEN : act_decode_list(r, version, out);

	if (!e && !instructions)
		e = acts_refuse_instructions(acts_from(out, start), NULL);
	return e ? e : acts_verify(acts_from(out, start), NULL);
}

enum ofperr acts_decode_actions(struct reader *r, uint8_t version, struct strbuf *out)
{
	return decode_actions(r, version, true, out);
}

enum ofperr acts_decode_actions_only(struct reader *r, uint8_t version, struct strbuf *out)
{
	return decode_actions(r, version, false, out);
}

enum ofperr act_get_field(struct act_in *in, const struct field **ret)
{
	int error = field_get_oxm_header(&in->body, ret, NULL);

	if (rd_status(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (error == -EDOM)
		return OFPERR_OFPBMC_BAD_MASK;
	return error || !*ret ? OFPERR_OFPBMC_BAD_FIELD : OFPERR_NONE;
}

enum ofperr act_get_short_field(struct act_in *in, const struct field **ret)
{
	struct reader head = rd_sub(&in->body, 4);

	if (rd_status(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	head.parent = NULL;
	return field_get_oxm_header(&head, ret, NULL) || !*ret ? OFPERR_OFPBAC_BAD_SET_TYPE
							       : OFPERR_NONE;
}

enum ofperr act_check_bits(const struct subfield *sf)
{
	return !sf->n_bits || sf->ofs + sf->n_bits > sf->field->n_bits ? OFPERR_OFPBAC_BAD_SET_LEN
								       : OFPERR_NONE;
}

enum ofperr act_get_range(struct act_in *in, struct subfield *ret)
{
	enum ofperr e;

	*ret = act_range_of(rd_be16(&in->body));
	e = act_get_short_field(in, &ret->field);
	return e ? e : act_check_bits(ret);
}

enum ofperr act_get_zeros(struct act_in *in, size_t n)
{
	if (rd_left(&in->body) < n)
		return OFPERR_OFPBAC_BAD_LEN;
	if (!is_all_zeros(in->body.p, n))
		return OFPERR_NXBRC_MUST_BE_ZERO;
	rd_skip(&in->body, n);
	return OFPERR_NONE;
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
		act_ops[a->type].encode(a, o);
}

void acts_encode_actions(struct acts a, uint8_t version, struct strbuf *out)
{
	struct act_out o = { .out = out, .version = version };

	act_encode_list(a, &o);
}

// What a tunnel's option has at most on the wire.
#define OPTION_BYTES 124

static bool is_option(const struct field *f)
{
	return f->at == FIELD_AT_TUN_METADATA;
}

void act_put_field(struct act_out *o, const struct field *f)
{
	size_t start = o->out->len;

	field_put_oxm_header(f, OFP10, o->out);
	if (is_option(f))
		o->out->s[start + 3] = OPTION_BYTES;
}

size_t act_header_size(const struct field *f)
{
	return f->oxm[0].class == 0xffff ? 8 : 4;
}

unsigned int act_bits_from_wire(const struct field *f, unsigned int n_bits)
{
	return is_option(f) && n_bits == OPTION_BYTES * 8 ? f->n_bits : n_bits;
}

unsigned int act_bits_to_wire(const struct subfield *sf)
{
	return is_option(sf->field) && sf->n_bits == sf->field->n_bits ? OPTION_BYTES * 8
								       : sf->n_bits;
}

void act_encode_set_field(struct act_out *o, const struct field *f, const union field_value *v)
{
	size_t start = act_begin_of(o, OF_SET_FIELD);

	field_put_oxm(f, o->version, v, NULL, o->out);
	act_end(o, start);
}

// ---- Instructions ----

enum { INST_APPLY = 4, INST_MAX = 7, INST_EXPERIMENTER = 0xffff };

// Bodies by number; 'p' NULL: not there.
struct instructions {
	struct act_in in[INST_MAX];
};

static enum ofperr find_instruction(struct reader *r, uint8_t version, struct instructions *all)
{
	struct act_in in = { .version = version, .kind = RAW_INST, .number = rd_be16(r) };
	const struct raw *raw;

	in.len = rd_be16(r);
	if (rd_status(r) || in.len < ACTION_MIN || in.len % 8)
		return OFPERR_OFPBIC_BAD_LEN;
	in.body = rd_sub(r, in.len - 4);
	if (rd_status(r))
		return OFPERR_OFPBIC_BAD_LEN;
	in.body.parent = NULL;
	if (in.number == INST_EXPERIMENTER)
		return OFPERR_OFPBIC_BAD_EXPERIMENTER;
	raw = find_raw(RAW_INST, in.number, version);
	if (in.number != INST_APPLY && !raw)
		return OFPERR_OFPBIC_UNKNOWN_INST;
	if (all->in[in.number].len)
		return OFPERR_OFPBIC_DUP_INST;
	if (raw && (in.len < raw->shortest || in.len > raw->longest))
		return OFPERR_OFPBIC_BAD_LEN;
	all->in[in.number] = in;
	return OFPERR_NONE;
}

static enum ofperr decode_apply(struct act_in *in, struct strbuf *out)
{
	rd_skip(&in->body, 4);
	return act_decode_list(&in->body, in->version, out);
}

// actions.def has the kinds in the order in which they are carried out; meter is the only one that comes before the actions.
static enum ofperr decode_instructions(struct reader *r, uint8_t version, struct strbuf *out)
{
	struct instructions all = { 0 };
	enum ofperr e = OFPERR_NONE;

	while (!e && rd_left(r))
		e = find_instruction(r, version, &all);
	for (enum act_type type = ACT_METER; !e && type < ACT_MAX; type++) {
		const struct raw *raw = find_instruction_raw(type, version);

		if (raw && all.in[raw->number].len)
			e = act_ops[type].decode(&all.in[raw->number], out);
		if (!e && type == ACT_METER && all.in[INST_APPLY].len)
			e = decode_apply(&all.in[INST_APPLY], out);
	}
	return e;
}

enum ofperr acts_decode_instructions(struct reader *r, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;
	enum ofperr e;

	if (version == OFP10)
		return acts_decode_actions(r, version, out);
	e = decode_instructions(r, version, out);
	return e ? e : acts_verify(acts_from(out, start), NULL);
}

// What stands in apply_actions.
static bool is_action(const struct act *a, uint8_t version)
{
	return a->type < ACT_METER || (a->type == ACT_METER && version >= OFP15);
}

static bool has_actions(struct acts list, uint8_t version)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list)
		if (is_action(a, version))
			return true;
	return false;
}

static void put_instruction(const struct act *a, struct act_out *o)
{
	if (!find_instruction_raw(a->type, o->version))
		return;
	o->instruction = true;
	act_ops[a->type].encode(a, o);
	o->instruction = false;
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
	// In the order of their execution, in which only a meter comes before the actions.
	OFPACT_FOR_EACH (a, list)
		if (a->type == ACT_METER)
			put_instruction(a, &o);
	if (has_actions(list, version)) {
		start = act_begin_of(&o, INST_APPLY);
		wr_be32(out, 0);
		OFPACT_FOR_EACH (a, list)
			if (is_action(a, version))
				act_ops[a->type].encode(a, &o);
		act_end(&o, start);
	}
	OFPACT_FOR_EACH (a, list)
		if (a->type != ACT_METER)
			put_instruction(a, &o);
}

void acts_encode_instructions(struct acts a, uint8_t version, struct strbuf *out)
{
	acts_encode_for_match(a, NULL, version, out);
}

uint32_t act_standard_bitmap(uint8_t version)
{
	// Since 1.2 set_field does what those before did, each for a field.
	uint16_t first = version >= OFP12 ? 15 : 0;
	uint32_t bitmap = 0;

	for (size_t i = 0; i < ARRAY_SIZE(raws); i++) {
		const struct raw *r = &raws[i];

		if (r->kind == RAW_OF && r->first <= version && r->last >= version &&
		    r->number < 32 && (!r->number || r->number >= first))
			bitmap |= 1u << r->number;
	}
	return bitmap;
}
