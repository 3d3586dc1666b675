// SPDX-License-Identifier: Apache-2.0
// Whether a list of actions makes sense for a match and a table.
#include "ofproto/openflow/act-private.h"

struct checker {
	struct match m; // as it is when the action comes: pushed tags count
	uint8_t table;
	unsigned int n_tables;
	of_port_t max_port;
};

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
		return port.n && port.n < c->max_port.n ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
	}
}

static enum ofperr check_field(const struct checker *c, const struct field *f)
{
	return field_prerequisites_hold(f, &c->m) ? OFPERR_NONE : OFPERR_OFPBAC_MATCH_INCONSISTENT;
}

static bool has_tag(const struct checker *c)
{
	return c->m.key.vlans[0].tci & htobe16(VLAN_PRESENT);
}

static enum ofperr check_set(const struct checker *c, const struct act *a)
{
	const struct field *f = a->set_field.field;

	// A TCI may be set on anything; so says the extension that knows it.
	if (f->id == FIELD_VLAN_VID && !has_tag(c))
		return OFPERR_OFPBAC_MATCH_INCONSISTENT;
	// 1.0's port actions do nothing to packets without ports.
	if (a->set_field.form == SET_FORM_MOD &&
	    (f->need == NEED_TCP || f->need == NEED_IP || f->need == NEED_IPV4))
		return OFPERR_NONE;
	return check_field(c, f);
}

static void pretend_tag(struct checker *c, bool there)
{
	c->m.key.vlans[0].tci = there ? htobe16(VLAN_PRESENT) : 0;
	c->m.mask.m.vlans[0].tci = htobe16(VLAN_PRESENT);
}

static enum ofperr check_nat(const struct checker *c, const struct nat *n)
{
	be16 want = htobe16(n->flags & NAT_IPV6 ? 0x86dd : 0x0800);

	return n->flags & NAT_ADDRESS && c->m.key.eth_type != want
		       ? OFPERR_OFPBAC_MATCH_INCONSISTENT
		       : OFPERR_NONE;
}

// Only IP has connections, each helper one protocol, and what is invalid is not of one that could be committed.
static enum ofperr check_ct(const struct checker *c, const struct act *a)
{
	const struct flow_key *k = &c->m.key;

	if (!flow_is_ip(k) || (k->ct_state & CS_INV && a->ct.flags & ACT_CT_COMMIT) ||
	    (a->ct.alg && k->nw_proto != (strcmp(act_ct_helper(a), "tftp") ? 6 : 17)))
		return OFPERR_OFPBAC_MATCH_INCONSISTENT;
	return a->ct.zone_src.field ? check_field(c, a->ct.zone_src.field) : OFPERR_NONE;
}

static enum ofperr check_resubmit(const struct checker *c, const struct act *a)
{
	if (a->resubmit.table != 255 && a->resubmit.table >= c->n_tables)
		return OFPERR_OFPBRC_BAD_TABLE_ID;
	return a->resubmit.ct ? check_field(c, field_get(FIELD_CT_NW_PROTO)) : OFPERR_NONE;
}

static enum ofperr check_list(struct checker *c, struct acts list);

static enum ofperr check_nested(struct checker *c, const struct act *a)
{
	struct match before = c->m;
	enum ofperr e = check_list(c, act_nested_list(a));

	c->m = before;
	return e;
}

static enum ofperr check_one(struct checker *c, const struct act *a)
{
	enum ofperr e = OFPERR_NONE;

	switch ((enum act_type)a->type) {
	case ACT_OUTPUT:
		return check_port(c, a->output.port);
	case ACT_OUTPUT_TRUNC:
		return check_port(c, a->output_trunc.port);
	case ACT_ENQUEUE:
		return check_port(c, a->enqueue.port);
	case ACT_OUTPUT_REG:
		return check_field(c, a->output_reg.src.field);
	case ACT_SET_FIELD:
		return check_set(c, a);
	case ACT_MOVE:
		e = check_field(c, a->move.src.field);
		return e ? e : check_field(c, a->move.dst.field);
	case ACT_SET_VLAN_VID:
	case ACT_SET_VLAN_PCP:
	case ACT_PUSH_VLAN:
		pretend_tag(c, true);
		return OFPERR_NONE;
	case ACT_STRIP_VLAN:
		// What is below is not known; a second tag counts as one.
		pretend_tag(c, false);
		return OFPERR_NONE;
	case ACT_RESUBMIT:
		return check_resubmit(c, a);
	case ACT_CHECK_PKT_LARGER:
		return check_field(c, a->check_pkt_larger.dst.field);
	case ACT_NAT:
		return check_nat(c, &a->nat);
	case ACT_METER:
		return !a->meter.id || a->meter.id > METER_ID_MAX ? OFPERR_OFPMMFC_INVALID_METER
								  : OFPERR_NONE;
	case ACT_GOTO_TABLE:
		if (a->goto_table.table >= c->n_tables ||
		    (c->table != 255 && a->goto_table.table <= c->table))
			return OFPERR_OFPBIC_BAD_TABLE_ID;
		return OFPERR_NONE;
	case ACT_CT:
		e = check_ct(c, a);
		return e ? e : check_nested(c, a);
	case ACT_CLONE:
	case ACT_WRITE_ACTIONS:
		return check_nested(c, a);
	default:
		return OFPERR_NONE;
	}
}

static enum ofperr check_list(struct checker *c, struct acts list)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		enum ofperr e = check_one(c, a);

		if (e)
			return e;
	}
	return OFPERR_NONE;
}

enum ofperr acts_check(struct acts a, const struct match *m, uint8_t table, unsigned int n_tables,
		       of_port_t max_port)
{
	struct checker c = { *m, table, n_tables, max_port };

	return check_list(&c, a);
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

static enum ofperr refuse(enum ofperr e, struct error *err, const char *what, const char *name)
{
	error_set(err, -EINVAL, "%s%s", what, name);
	return e;
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
		      a->type == ACT_SET_FIELD ? set_field_word(a) : act_name(a->type));
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
	const struct field *f;

	if (a->type == ACT_NAT)
		return refuse(OFPERR_OFPBAC_BAD_SET_ARGUMENT, err,
			      "Cannot have NAT action outside of \"ct\" action", "");
	if (sets_connection(a, &f))
		return refuse(OFPERR_OFPBAC_BAD_SET_ARGUMENT, err,
			      "cannot set CT fields outside of ct action", "");
	// An action set has no order in which something could be checked first.
	if (a->type == ACT_CHECK_PKT_LARGER && outer && outer->type == ACT_WRITE_ACTIONS)
		return refuse(OFPERR_OFPBAC_BAD_TYPE, err, act_name(a->type),
			      " is not allowed in an action set");
	return OFPERR_NONE;
}

enum ofperr acts_verify_nesting(struct acts list, const struct act *outer, struct error *err)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		enum ofperr e = outer && outer->type == ACT_CT ? verify_in_ct(a, err)
							       : verify_outside_ct(a, outer, err);

		if (!e && a->type == ACT_METER)
			e = verify_meter(a, list, outer, err);
		if (!e && act_has_list(a))
			e = acts_verify_nesting(act_nested_list(a), a, err);
		if (e)
			return e;
	}
	return OFPERR_NONE;
}
