// SPDX-License-Identifier: Apache-2.0
// Lists of actions: building, comparing, and the table of verbs.
#include "ofproto/openflow/act-private.h"

static const struct {
	const char *name;
	bool supported;
} types[ACT_MAX] = {
#define ACT(ID, NAME, SUPPORTED) [ACT_##ID] = { NAME, SUPPORTED },
#include "ofproto/openflow/actions.def"
#undef ACT
};

static uint32_t from_11(const struct act *a)
{
	return ALL_VERSIONS & ~(1u << OFP10);
}

#define OPS(NAME, SIZE) \
	{ \
		NAME##_decode, NAME##_encode, NAME##_format, NULL, SIZE \
	}

const struct act_type_ops act_ops[ACT_MAX] = {
	[ACT_OUTPUT] = OPS(output, ACT_SIZE(output)),
	[ACT_OUTPUT_TRUNC] = OPS(output_trunc, ACT_SIZE(output_trunc)),
	[ACT_OUTPUT_REG] = OPS(output_reg, ACT_SIZE(output_reg)),
	[ACT_ENQUEUE] = OPS(enqueue, ACT_SIZE(enqueue)),
	[ACT_CONTROLLER] = OPS(controller, ACT_SIZE(controller)),
	[ACT_SET_VLAN_VID] = OPS(set_vlan_vid, ACT_SIZE(set_vlan_vid)),
	[ACT_SET_VLAN_PCP] = OPS(set_vlan_pcp, ACT_SIZE(set_vlan_pcp)),
	[ACT_STRIP_VLAN] = OPS(strip_vlan, ACT_SIZE(strip_vlan)),
	// 1.0 tags by mod_vlan_vid.
	[ACT_PUSH_VLAN] = { push_vlan_decode, push_vlan_encode, push_vlan_format, from_11,
			    ACT_SIZE(push_vlan) },
	[ACT_SET_FIELD] = OPS(set_field, ACT_SIZE(set_field)),
	[ACT_MOVE] = OPS(move, ACT_SIZE(move)),
	[ACT_DEC_TTL] = OPS(dec_ttl, ACT_SIZE(dec_ttl)),
	[ACT_SET_TUNNEL] = OPS(set_tunnel, ACT_SIZE(tunnel)),
	[ACT_SET_QUEUE] = OPS(set_queue, ACT_SIZE(queue)),
	[ACT_POP_QUEUE] = OPS(pop_queue, 8),
	[ACT_RESUBMIT] = OPS(resubmit, ACT_SIZE(resubmit)),
	[ACT_EXIT] = OPS(exit_action, 8),
	[ACT_CLONE] = OPS(clone, 8),
	[ACT_NOTE] = OPS(note, ACT_SIZE(note)),
	[ACT_CT] = OPS(ct, ACT_SIZE(ct)),
	[ACT_NAT] = OPS(nat_action, ACT_SIZE(nat)),
	[ACT_CT_CLEAR] = OPS(ct_clear, 8),
	[ACT_CHECK_PKT_LARGER] = OPS(check_pkt_larger, ACT_SIZE(check_pkt_larger)),
	// OpenFlow 1.0 has no action set.
	[ACT_CLEAR_ACTIONS] = { NULL, NULL, clear_actions_format, from_11, 8 },
	[ACT_WRITE_ACTIONS] = { NULL, NULL, write_actions_format, from_11, 8 },
	[ACT_WRITE_METADATA] = OPS(write_metadata, ACT_SIZE(write_metadata)),
	[ACT_GOTO_TABLE] = { NULL, goto_table_encode, goto_table_format, NULL,
			     ACT_SIZE(goto_table) },
};

const char *act_name(enum act_type type)
{
	return type < ACT_MAX ? types[type].name : "unknown";
}

enum ofperr act_unsupported_wire(enum act_type type)
{
	assert(!types[type].supported);
	return OFPERR_OFPBAC_BAD_TYPE;
}

int act_unsupported_text(enum act_type type, struct error *err)
{
	assert(!types[type].supported);
	return error_set(err, -ENOTSUP, "action %s is not supported yet", types[type].name);
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

uint32_t acts_versions(struct acts list)
{
	uint32_t versions = ALL_VERSIONS;
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		if (act_ops[a->type].versions)
			versions &= act_ops[a->type].versions(a);
		if (act_has_list(a))
			versions &= acts_versions(act_nested_list(a));
	}
	return versions;
}
