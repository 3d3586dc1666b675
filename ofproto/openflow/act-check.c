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

static enum ofperr check_list(struct checker *c, struct acts list);

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
		return a->resubmit.table != 255 && a->resubmit.table >= c->n_tables
			       ? OFPERR_OFPBRC_BAD_TABLE_ID
			       : OFPERR_NONE;
	case ACT_GOTO_TABLE:
		if (a->goto_table.table >= c->n_tables ||
		    (c->table != 255 && a->goto_table.table <= c->table))
			return OFPERR_OFPBIC_BAD_TABLE_ID;
		return OFPERR_NONE;
	case ACT_CLONE:
	case ACT_WRITE_ACTIONS: {
		struct match before = c->m;

		e = check_list(c, act_nested_list(a));
		c->m = before;
		return e;
	}
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
