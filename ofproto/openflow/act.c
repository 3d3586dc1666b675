// SPDX-License-Identifier: Apache-2.0
// Lists of actions: building, comparing, and the table of verbs.
#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/formats.h"

const struct act_type_ops act_ops[ACT_MAX] = {
#define ACT(ID, NAME, VERBS, MEMBER, FIRST, IN_SET) \
	[ACT_##ID] = { .name = NAME, \
		       .decode = VERBS##_decode, \
		       .encode = VERBS##_encode, \
		       .format = VERBS##_format, \
		       .first = FIRST, \
		       .in_set = IN_SET, \
		       .size = ACT_SIZE(MEMBER) },
#include "ofproto/openflow/actions.def"
#undef ACT
};

const char *act_name(enum act_type type)
{
	return type < ACT_MAX ? act_ops[type].name : "unknown";
}

// ---- Building ----

struct act *act_put(struct strbuf *b, enum act_type type)
{
	size_t size = ROUND_UP(act_ops[type].size, 8);
	struct act *a;

	assert(size);
	a = (struct act *)strbuf_put_uninit(b, size);
	memset(a, 0, size);
	a->type = type;
	a->size = size;
	return a;
}

void act_put_nested_bytes(struct strbuf *b, size_t act_ofs, const void *p, size_t n)
{
	struct act *a = (struct act *)(b->s + act_ofs);

	a->nested = b->len - act_ofs;
	strbuf_put(b, p, n);
	strbuf_put_zeros(b, ROUND_UP(n, 8) - n);
	a = (struct act *)(b->s + act_ofs);
	a->size = b->len - act_ofs;
}

size_t act_nested_begin(struct strbuf *b, enum act_type type)
{
	size_t begin = b->len;
	struct act *a = act_put(b, type);

	a->nested = a->size;
	return begin;
}

void act_nested_end(struct strbuf *b, size_t begin)
{
	((struct act *)(b->s + begin))->size = b->len - begin;
}

bool acts_equal(struct acts a, struct acts b)
{
	return a.size == b.size && (!a.size || !memcmp(a.first, b.first, a.size));
}

bool act_has_list(const struct act *a)
{
	return a->type == ACT_CLONE || a->type == ACT_WRITE_ACTIONS || a->type == ACT_CT;
}

bool acts_output_to(struct acts list, of_port_t port)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		if (a->type == ACT_OUTPUT && of_port_equal(a->output.port, port))
			return true;
		if (a->type == ACT_OUTPUT_TRUNC && of_port_equal(a->output_trunc.port, port))
			return true;
		if (a->type == ACT_ENQUEUE && of_port_equal(a->enqueue.port, port))
			return true;
		if (a->type == ACT_CONTROLLER && port.n == OFPP_CONTROLLER)
			return true;
		if (act_has_list(a) && acts_output_to(act_nested_list(a), port))
			return true;
	}
	return false;
}

bool acts_use_group(struct acts list, uint32_t id)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		if (a->type == ACT_GROUP && a->group.id == id)
			return true;
		if (act_has_list(a) && acts_use_group(act_nested_list(a), id))
			return true;
	}
	return false;
}

// Where an action has pointers to fields, NULL there: none.
static const uint16_t field_places[ACT_MAX][2] = {
#define AT(MEMBER) offsetof(struct act, MEMBER)
	[ACT_SET_FIELD] = { AT(set_field.field) },
	[ACT_MOVE] = { AT(move.src.field), AT(move.dst.field) },
	[ACT_STACK_PUSH] = { AT(stack.bits.field) },
	[ACT_STACK_POP] = { AT(stack.bits.field) },
	[ACT_DELETE_FIELD] = { AT(delete_field.field) },
	[ACT_OUTPUT_REG] = { AT(output_reg.src.field) },
	[ACT_CHECK_PKT_LARGER] = { AT(check_pkt_larger.dst.field) },
	[ACT_CT] = { AT(ct.zone_src.field) },
	[ACT_MULTIPATH] = { AT(multipath.dst.field) },
	[ACT_BUNDLE_LOAD] = { AT(bundle.dst.field) },
	[ACT_LEARN] = { AT(learn.result.field) },
	[ACT_SAMPLE] = { AT(sample.domain_src.field), AT(sample.point_src.field) },
#undef AT
};

static void fields_of_learn(const struct act *a, void (*cb)(const struct field *f, void *aux),
			    void *aux)
{
	const struct learn_spec *s = act_nested(a);

	for (size_t i = 0; i < a->learn.n_specs; i++) {
		if (s[i].src.field)
			cb(s[i].src.field, aux);
		if (s[i].dst.field)
			cb(s[i].dst.field, aux);
	}
}

void acts_for_each_field(struct acts list, void (*cb)(const struct field *f, void *aux), void *aux)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		const uint16_t *places = field_places[a->type];

		for (size_t i = 0; i < ARRAY_SIZE(field_places[0]) && places[i]; i++) {
			const struct field *f =
				*(const struct field *const *)((const char *)a + places[i]);

			if (f)
				cb(f, aux);
		}
		if (a->type == ACT_LEARN)
			fields_of_learn(a, cb, aux);
		if (act_has_list(a))
			acts_for_each_field(act_nested_list(a), cb, aux);
	}
}

// A field of set_field may be one that the format cannot match on; the older forms of setting one are actions of their own.
static uint32_t formats_of(const struct act *a)
{
	switch ((enum act_type)a->type) {
	case ACT_SET_FIELD:
		return a->set_field.form == SET_FORM_SET_FIELD
			       ? flow_formats_of_field(a->set_field.field, NULL)
			       : FORMATS_ANY;
	case ACT_WRITE_METADATA:
		return ~FORMATS_OF10;
	default:
		return FORMATS_ANY;
	}
}

uint32_t acts_formats(struct acts list)
{
	uint32_t formats = FORMATS_ANY;
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		formats &= flow_formats_of_versions(ALL_VERSIONS << act_ops[a->type].first >> 1);
		formats &= formats_of(a);
		if (act_has_list(a))
			formats &= acts_formats(act_nested_list(a));
	}
	return formats;
}
