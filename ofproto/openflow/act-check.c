// SPDX-License-Identifier: Apache-2.0
// Whether a list of actions makes sense for a match and a table.
#include "ofproto/openflow/act-private.h"

struct checker {
	struct match m; // as it is when the action comes: pushed tags count
	uint8_t table;
	unsigned int n_tables;
	of_port_t max_port;
	bool any; // nothing is known of the packets: 'm' says nothing
	bool inconsistent; // an action was met that does nothing to some of the packets
};

typedef enum ofperr check_fn(struct checker *c, const struct act *a);

// ---- Ports, fields ----

static enum ofperr check_port(const struct checker *c, of_port_t port)
{
	switch (port.n) {
	case OFPP_IN_PORT:
	case OFPP_TABLE:
	case OFPP_NORMAL:
	case OFPP_FLOOD:
	case OFPP_ALL:
	case OFPP_CONTROLLER:
	case OFPP_LOCAL:
		return OFPERR_NONE;
	default:
		return port.n < c->max_port.n ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
	}
}

static bool suits(const struct checker *c, const struct field *f)
{
	return c->any || field_prerequisites_hold(f, &c->m);
}

static enum ofperr check_field(const struct checker *c, const struct field *f)
{
	return suits(c, f) ? OFPERR_NONE : OFPERR_OFPBAC_MATCH_INCONSISTENT;
}

// 1.0 lets actions do nothing to packets that they are not for.
static enum ofperr prefer_field(struct checker *c, enum field_id id)
{
	if (!suits(c, field_get(id)))
		c->inconsistent = true;
	return OFPERR_NONE;
}

// What packets are known to be; NULL: they may be anything.
static const struct match *known(const struct checker *c)
{
	return c->any ? NULL : &c->m;
}

// Bits that are read, or matched.
static enum ofperr check_bits(const struct subfield *sf, const struct match *m)
{
	enum ofperr e = act_check_bits(sf);

	return e || !m || field_prerequisites_hold(sf->field, m) ? e
								 : OFPERR_OFPBAC_MATCH_INCONSISTENT;
}

static enum ofperr check_written(const struct subfield *sf, const struct match *m)
{
	enum ofperr e = check_bits(sf, m);

	return e || sf->field->writable ? e : OFPERR_OFPBAC_BAD_SET_ARGUMENT;
}

static bool has_tag(const struct checker *c)
{
	return c->m.key.vlans[0].tci & htobe16(VLAN_PRESENT);
}

static void pretend_tag(struct checker *c, bool there)
{
	c->m.key.vlans[0].tci = there ? htobe16(VLAN_PRESENT) : 0;
	c->m.mask.m.vlans[0].tci = htobe16(VLAN_PRESENT);
}

static enum ofperr push_tag(struct checker *c)
{
	struct flow_vlan *tags = c->m.key.vlans, *masks = c->m.mask.m.vlans;

	if (tags[FLOW_MAX_VLANS - 1].tci & htobe16(VLAN_PRESENT))
		return OFPERR_OFPBAC_BAD_TAG;
	memmove(tags + 1, tags, (FLOW_MAX_VLANS - 1) * sizeof(*tags));
	memmove(masks + 1, masks, (FLOW_MAX_VLANS - 1) * sizeof(*masks));
	pretend_tag(c, true);
	return OFPERR_NONE;
}

static void pop_tag(struct checker *c)
{
	struct flow_vlan *tags = c->m.key.vlans, *masks = c->m.mask.m.vlans;

	memmove(tags, tags + 1, (FLOW_MAX_VLANS - 1) * sizeof(*tags));
	memmove(masks, masks + 1, (FLOW_MAX_VLANS - 1) * sizeof(*masks));
	memset(&tags[FLOW_MAX_VLANS - 1], 0, sizeof(*tags));
	memset(&masks[FLOW_MAX_VLANS - 1], 0, sizeof(*masks));
}

static void pretend_type(struct checker *c, be16 eth_type)
{
	c->m.key.eth_type = eth_type;
	c->m.mask.m.eth_type = UINT16_MAX;
}

static void pretend_packet_type(struct checker *c, uint32_t packet_type)
{
	c->m.key.packet_type = htobe32(packet_type);
	c->m.mask.m.packet_type = UINT32_MAX;
}

// ---- One check per kind ----

static enum ofperr check_output(struct checker *c, const struct act *a)
{
	return check_port(c, a->output.port);
}

static enum ofperr check_output_trunc(struct checker *c, const struct act *a)
{
	return check_port(c, a->output_trunc.port);
}

static enum ofperr check_enqueue(struct checker *c, const struct act *a)
{
	return check_port(c, a->enqueue.port);
}

static enum ofperr check_output_reg(struct checker *c, const struct act *a)
{
	return check_field(c, a->output_reg.src.field);
}

// Whether the action decides if there is a tag.
static bool sets_tag(const struct act *a)
{
	return a->set_field.field->id == FIELD_VLAN_TCI && act_set_mask(a)[0] & VLAN_PRESENT >> 8;
}

static enum ofperr check_set(struct checker *c, const struct act *a)
{
	const struct field *f = a->set_field.field;
	enum ofperr e;

	// A TCI may be set on anything; so says the extension that knows it.
	if (f->id == FIELD_VLAN_VID && !c->any && !has_tag(c))
		return OFPERR_OFPBAC_MATCH_INCONSISTENT;
	e = a->set_field.form == SET_FORM_MOD ? prefer_field(c, f->id) : check_field(c, f);
	if (!e && sets_tag(a))
		pretend_tag(c, act_set_value(a)[0] & VLAN_PRESENT >> 8);
	return e;
}

static enum ofperr check_move(struct checker *c, const struct act *a)
{
	enum ofperr e = check_field(c, a->move.src.field);

	return e ? e : check_field(c, a->move.dst.field);
}

static enum ofperr check_push_vlan(struct checker *c, const struct act *a)
{
	return push_tag(c);
}

static enum ofperr check_set_vlan(struct checker *c, const struct act *a)
{
	bool only_if_tagged = a->type == ACT_SET_VLAN_VID ? a->set_vlan_vid.only_if_tagged
							  : a->set_vlan_pcp.only_if_tagged;

	c->inconsistent |= only_if_tagged && !has_tag(c);
	pretend_tag(c, true);
	return OFPERR_NONE;
}

static enum ofperr check_strip_vlan(struct checker *c, const struct act *a)
{
	c->inconsistent |= !has_tag(c);
	pop_tag(c);
	return OFPERR_NONE;
}

static enum ofperr check_dec_ttl(struct checker *c, const struct act *a)
{
	return prefer_field(c, FIELD_IP_TTL);
}

static enum ofperr check_fin_timeout(struct checker *c, const struct act *a)
{
	return prefer_field(c, FIELD_TCP_SRC);
}

static enum ofperr check_label(struct checker *c, const struct act *a)
{
	return prefer_field(c, FIELD_MPLS_LABEL);
}

static enum ofperr check_push_mpls(struct checker *c, const struct act *a)
{
	pretend_type(c, a->push_mpls.ethertype);
	// What is below the labels is out of sight, also when they are gone.
	c->m.key.nw_proto = 0;
	return OFPERR_NONE;
}

static enum ofperr check_pop_mpls(struct checker *c, const struct act *a)
{
	check_label(c, a);
	pretend_type(c, a->pop_mpls.ethertype);
	return OFPERR_NONE;
}

static enum ofperr check_dec_nsh_ttl(struct checker *c, const struct act *a)
{
	return prefer_field(c, FIELD_NSH_TTL);
}

static enum ofperr check_encap(struct checker *c, const struct act *a)
{
	uint32_t type = be32toh(a->encap.packet_type);

	pretend_packet_type(c, type);
	if (type != PACKET_TYPE_ETHERNET)
		pretend_type(c, htobe16(type & 0xffff));
	return OFPERR_NONE;
}

// A bare packet comes out of Ethernet; what comes out of the others is seen when it is there.
static enum ofperr check_decap(struct checker *c, const struct act *a)
{
	if (!c->m.key.packet_type) {
		pretend_packet_type(c, 1 << 16 | be16toh(c->m.key.eth_type));
	} else {
		pretend_packet_type(c, UINT32_MAX);
		pretend_type(c, 0);
	}
	return OFPERR_NONE;
}

static enum ofperr check_push(struct checker *c, const struct act *a)
{
	return check_bits(&a->stack.bits, known(c));
}

static enum ofperr check_pop(struct checker *c, const struct act *a)
{
	return check_written(&a->stack.bits, known(c));
}

static enum ofperr check_delete_field(struct checker *c, const struct act *a)
{
	return a->delete_field.field->at == FIELD_AT_TUN_METADATA ? OFPERR_NONE
								  : OFPERR_OFPBAC_BAD_ARGUMENT;
}

static enum ofperr check_multipath(struct checker *c, const struct act *a)
{
	return check_written(&a->multipath.dst, known(c));
}

static enum ofperr check_bundle(struct checker *c, const struct act *a)
{
	const of_port_t *members = act_nested(a);

	for (size_t i = 0; i < a->bundle.n_members; i++) {
		of_port_t p = members[i];

		// It may be that none can be chosen, but not one that is many, or no port.
		if (p.n && p.n != OFPP_ANY && (p.n == OFPP_CONTROLLER || check_port(c, p)))
			return OFPERR_OFPBAC_BAD_OUT_PORT;
	}
	return a->bundle.dst.field ? check_written(&a->bundle.dst, known(c)) : OFPERR_NONE;
}

// A value to match becomes part of what the new rule's later fields may rest on.
static void learn_value(const struct learn_spec *s, struct match *rule)
{
	union field_value value, all;
	size_t n;

	if (s->kind != LEARN_MATCH || s->src.field)
		return;
	n = s->dst.field->n_bytes;
	memcpy(value.b, s->value + LEARN_VALUE_BYTES - n, n);
	memset(all.b, 0xff, n);
	subfield_write(&s->dst, &value, &rule->key);
	subfield_write(&s->dst, &all, &rule->mask.m);
}

static enum ofperr check_learn(struct checker *c, const struct act *a)
{
	const struct learn_spec *s = act_nested(a);
	enum ofperr e = OFPERR_NONE;
	struct match rule;

	match_init_any(&rule);
	for (size_t i = 0; !e && i < a->learn.n_specs; i++, s++) {
		if (s->src.field)
			e = check_bits(&s->src, known(c));
		if (!e && s->kind == LEARN_MATCH)
			e = check_bits(&s->dst, &rule);
		else if (!e && s->kind == LEARN_LOAD)
			e = check_written(&s->dst, &rule);
		if (!e)
			learn_value(s, &rule);
	}
	return e;
}

static enum ofperr check_sample(struct checker *c, const struct act *a)
{
	const struct subfield *domain = &a->sample.domain_src, *point = &a->sample.point_src;
	enum ofperr e = domain->field ? check_bits(domain, known(c)) : OFPERR_NONE;

	return e || !point->field ? e : check_bits(point, known(c));
}

static enum ofperr check_nat(struct checker *c, const struct act *a)
{
	const struct nat *n = &a->nat;
	be16 want = htobe16(n->flags & NAT_IPV6 ? 0x86dd : 0x0800);

	return n->flags & NAT_ADDRESS && !c->any && c->m.key.eth_type != want
		       ? OFPERR_OFPBAC_MATCH_INCONSISTENT
		       : OFPERR_NONE;
}

static enum ofperr check_list(struct checker *c, struct acts list);

static enum ofperr check_nested(struct checker *c, const struct act *a)
{
	struct match before = c->m;
	enum ofperr e = check_list(c, act_nested_list(a));

	c->m = before;
	return e;
}

// When the set is carried out the packet may have changed.
static enum ofperr check_write_actions(struct checker *c, const struct act *a)
{
	bool before = c->inconsistent;
	enum ofperr e = check_nested(c, a);

	c->inconsistent = before;
	return e;
}

// Only IP has connections, each helper one protocol, and what is invalid is not of one that could be committed.
static enum ofperr check_ct(struct checker *c, const struct act *a)
{
	const struct flow_key *k = &c->m.key;
	enum ofperr e = OFPERR_NONE;

	if (!c->any && (!flow_is_ip(k) || (k->ct_state & CS_INV && a->ct.flags & ACT_CT_COMMIT) ||
			(a->ct.alg && k->nw_proto != (strcmp(act_ct_helper(a), "tftp") ? 6 : 17))))
		return OFPERR_OFPBAC_MATCH_INCONSISTENT;
	if (a->ct.zone_src.field)
		e = check_field(c, a->ct.zone_src.field);
	return e ? e : check_nested(c, a);
}

static enum ofperr check_resubmit(struct checker *c, const struct act *a)
{
	if (a->resubmit.table != 255 && a->resubmit.table >= c->n_tables)
		return OFPERR_OFPBRC_BAD_TABLE_ID;
	return a->resubmit.ct ? check_field(c, field_get(FIELD_CT_NW_PROTO)) : OFPERR_NONE;
}

static enum ofperr check_pkt_larger(struct checker *c, const struct act *a)
{
	return check_field(c, a->check_pkt_larger.dst.field);
}

static enum ofperr check_meter(struct checker *c, const struct act *a)
{
	return !a->meter.id || a->meter.id > METER_ID_MAX ? OFPERR_OFPMMFC_INVALID_METER
							  : OFPERR_NONE;
}

static enum ofperr check_goto_table(struct checker *c, const struct act *a)
{
	if (a->goto_table.table >= c->n_tables ||
	    (c->table != 255 && a->goto_table.table <= c->table))
		return OFPERR_OFPBIC_BAD_TABLE_ID;
	return OFPERR_NONE;
}

// Kinds that are not here suit all packets.
static check_fn *const checks[ACT_MAX] = {
	[ACT_OUTPUT] = check_output,
	[ACT_OUTPUT_TRUNC] = check_output_trunc,
	[ACT_OUTPUT_REG] = check_output_reg,
	[ACT_ENQUEUE] = check_enqueue,
	[ACT_BUNDLE] = check_bundle,
	[ACT_BUNDLE_LOAD] = check_bundle,
	[ACT_MULTIPATH] = check_multipath,
	[ACT_SET_VLAN_VID] = check_set_vlan,
	[ACT_SET_VLAN_PCP] = check_set_vlan,
	[ACT_STRIP_VLAN] = check_strip_vlan,
	[ACT_PUSH_VLAN] = check_push_vlan,
	[ACT_SET_FIELD] = check_set,
	[ACT_MOVE] = check_move,
	[ACT_STACK_PUSH] = check_push,
	[ACT_STACK_POP] = check_pop,
	[ACT_DELETE_FIELD] = check_delete_field,
	[ACT_DEC_TTL] = check_dec_ttl,
	[ACT_PUSH_MPLS] = check_push_mpls,
	[ACT_POP_MPLS] = check_pop_mpls,
	[ACT_SET_MPLS_LABEL] = check_label,
	[ACT_SET_MPLS_TC] = check_label,
	[ACT_SET_MPLS_TTL] = check_label,
	[ACT_DEC_MPLS_TTL] = check_label,
	[ACT_RESUBMIT] = check_resubmit,
	[ACT_LEARN] = check_learn,
	[ACT_CLONE] = check_nested,
	[ACT_FIN_TIMEOUT] = check_fin_timeout,
	[ACT_CT] = check_ct,
	[ACT_NAT] = check_nat,
	[ACT_SAMPLE] = check_sample,
	[ACT_CHECK_PKT_LARGER] = check_pkt_larger,
	[ACT_ENCAP] = check_encap,
	[ACT_DECAP] = check_decap,
	[ACT_DEC_NSH_TTL] = check_dec_nsh_ttl,
	[ACT_METER] = check_meter,
	[ACT_WRITE_ACTIONS] = check_write_actions,
	[ACT_GOTO_TABLE] = check_goto_table,
};

static enum ofperr check_list(struct checker *c, struct acts list)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		enum ofperr e = checks[a->type] ? checks[a->type](c, a) : OFPERR_NONE;

		if (e)
			return e;
	}
	return OFPERR_NONE;
}

enum ofperr acts_check(struct acts a, const struct match *m, uint8_t table, unsigned int n_tables,
		       of_port_t max_port, bool *ret_inconsistent)
{
	struct checker c = {
		.table = table, .n_tables = n_tables, .max_port = max_port, .any = !m
	};
	enum ofperr e;

	if (m)
		c.m = *m;
	e = check_list(&c, a);

	if (ret_inconsistent)
		*ret_inconsistent = c.inconsistent;
	return e;
}

// ---- Nesting ----

static bool sets_connection(const struct act *a, const struct field **ret)
{
	if (a->type == ACT_SET_FIELD)
		*ret = a->set_field.field;
	else if (a->type == ACT_MOVE)
		*ret = a->move.dst.field;
	else if (a->type == ACT_CHECK_PKT_LARGER)
		*ret = a->check_pkt_larger.dst.field;
	else
		*ret = NULL;
	return *ret && ((*ret)->id == FIELD_CT_MARK || (*ret)->id == FIELD_CT_LABEL);
}

#define NOT_HERE " instruction not allowed here"

static enum ofperr refuse(enum ofperr e, struct error *err, const char *what, const char *name)
{
	error_set(err, -EINVAL, "%s%s", what, name);
	return e;
}

static const char *word_of(const struct act *a)
{
	return a->type == ACT_SET_FIELD ? set_field_word(a) : act_name(a->type);
}

static enum ofperr verify_in_ct(const struct act *a, struct error *err)
{
	const struct field *f;
	bool sets = sets_connection(a, &f);

	if (a->type == ACT_NAT || (sets && a->type != ACT_CHECK_PKT_LARGER))
		return OFPERR_NONE;
	// The mod_* family is known by the field it sets.
	if (a->type == ACT_MOVE || (a->type == ACT_SET_FIELD && a->set_field.form != SET_FORM_MOD))
		return refuse(OFPERR_OFPBAC_BAD_ARGUMENT, err,
			      "ct action doesn't support nested modification of ", f->name);
	return refuse(OFPERR_OFPBAC_BAD_ARGUMENT, err, "ct action doesn't support nested action ",
		      word_of(a));
}

// It comes before all else, once.
static enum ofperr verify_meter(const struct act *a, struct acts list, const struct act *outer,
				struct error *err)
{
	if (outer)
		error_set(err, -EINVAL, "%s action doesn't support nested action meter",
			  act_name(outer->type));
	else if (a != list.first)
		error_set(err, -EINVAL, "meter must come first");
	else
		return OFPERR_NONE;
	return outer ? OFPERR_OFPBAC_BAD_TYPE : OFPERR_OFPBAC_UNSUPPORTED_ORDER;
}

static enum ofperr verify_outside_ct(const struct act *a, const struct act *outer,
				     struct error *err)
{
	bool in_set = outer && outer->type == ACT_WRITE_ACTIONS;
	const struct field *f;

	if (a->type == ACT_NAT)
		return refuse(OFPERR_OFPBAC_BAD_SET_ARGUMENT, err,
			      "Cannot have NAT action outside of \"ct\" action", "");
	if (sets_connection(a, &f))
		return refuse(OFPERR_OFPBAC_BAD_SET_ARGUMENT, err,
			      "cannot set CT fields outside of ct action", "");
	if (outer && a->type > ACT_METER)
		return refuse(in_set ? OFPERR_OFPBAC_BAD_TYPE : OFPERR_OFPBAC_UNSUPPORTED_ORDER,
			      err, act_name(a->type), NOT_HERE);
	if (in_set && !act_ops[a->type].in_set)
		return refuse(OFPERR_OFPBAC_BAD_TYPE, err, act_name(a->type),
			      " is not allowed in an action set");
	return OFPERR_NONE;
}

// A rule is one clause of a conjunction, or does something.
static enum ofperr verify_conjunctions(struct acts list, struct error *err)
{
	const struct act *a, *conjunction = NULL, *other = NULL;

	OFPACT_FOR_EACH (a, list) {
		if (a->type == ACT_CONJUNCTION)
			conjunction = a;
		else if (a->type != ACT_NOTE && !other)
			other = a;
	}
	if (!conjunction || !other)
		return OFPERR_NONE;
	error_set(err, -EINVAL,
		  "\"conjunction\" actions may be used along with \"note\" but not any other kind "
		  "of action (such as the \"%s\" action used here)",
		  word_of(other));
	return OFPERR_NXBAC_BAD_CONJUNCTION;
}

// 'outer' is the action around the list, NULL: none.
static enum ofperr verify_nesting(struct acts list, const struct act *outer, struct error *err)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		enum ofperr e = OFPERR_NONE;

		if (a->type == ACT_METER)
			e = verify_meter(a, list, outer, err);
		if (!e)
			e = outer && outer->type == ACT_CT ? verify_in_ct(a, err)
							   : verify_outside_ct(a, outer, err);
		if (!e && act_has_list(a))
			e = verify_nesting(act_nested_list(a), a, err);
		if (e)
			return e;
	}
	return verify_conjunctions(list, err);
}

// ---- Order ----

static unsigned int rank(const struct act *a)
{
	if (a->type == ACT_METER)
		return 0;
	return a->type < ACT_METER ? 1 : a->type - ACT_METER + 1;
}

static const char *instruction_name(const struct act *a)
{
	return rank(a) == 1 ? "apply_actions" : act_name(a->type);
}

static enum ofperr verify_order(struct acts list, struct error *err)
{
	const struct act *a, *last = NULL;

	OFPACT_FOR_EACH (a, list) {
		if (last && rank(a) == rank(last) && rank(a) != 1) {
			error_set(err, -EINVAL,
				  "duplicate %s instruction not allowed, for OpenFlow 1.1+ "
				  "compatibility",
				  instruction_name(a));
			return OFPERR_OFPBAC_UNSUPPORTED_ORDER;
		}
		if (last && rank(a) < rank(last)) {
			error_set(err, -EINVAL,
				  "invalid instruction ordering: %s must appear before %s, for "
				  "OpenFlow 1.1+ compatibility",
				  instruction_name(a), instruction_name(last));
			return OFPERR_OFPBAC_UNSUPPORTED_ORDER;
		}
		last = a;
	}
	return OFPERR_NONE;
}

enum ofperr acts_refuse_instructions(struct acts list, struct error *err)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list)
		if (a->type > ACT_METER)
			return refuse(OFPERR_OFPBIC_UNSUP_INST, err, act_name(a->type), NOT_HERE);
	return OFPERR_NONE;
}

enum ofperr acts_verify(struct acts list, struct error *err)
{
	enum ofperr e = verify_order(list, err);

	return e ? e : verify_nesting(list, NULL, err);
}
