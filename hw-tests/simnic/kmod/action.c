// SPDX-License-Identifier: GPL-2.0
// Lists of actions: reading them from a rule, running them on a packet; and the actions that say where a packet goes.
#include "hw-tests/simnic/kmod/simnic.h"

int sn_refuse(struct netlink_ext_ack *extack, const char *text, int error)
{
	if (extack)
		extack->_msg = text;
	return -error;
}

// ---- Where to ----

static enum sn_verdict run_drop(struct sn_packet *p, const struct sn_action *a)
{
	return SN_DROP;
}

static const struct sn_action_type action_drop = {
	SN_ACTION_TEXTS("drop"),
	.last = true,
	.run = run_drop,
};

static enum sn_verdict run_slow(struct sn_packet *p, const struct sn_action *a)
{
	return SN_SLOW;
}

static const struct sn_action_type action_accept = {
	SN_ACTION_TEXTS("pass"),
	.last = true,
	.run = run_slow,
};

static const struct sn_action_type action_trap = {
	SN_ACTION_TEXTS("trap"),
	.last = true,
	.run = run_slow,
};

static int parse_goto(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		      struct sn_action *a, struct netlink_ext_ack *extack)
{
	if (nic->profile->no_chains)
		return sn_refuse(extack, "simnic: chains are not supported by this device",
				 EOPNOTSUPP);
	a->chain = e->chain_index;
	return 0;
}

static enum sn_verdict run_goto(struct sn_packet *p, const struct sn_action *a)
{
	p->chain = a->chain;
	return SN_GOTO;
}

static const struct sn_action_type action_goto = {
	SN_ACTION_TEXTS("goto"),
	.last = true,
	.parse = parse_goto,
	.run = run_goto,
};

static int parse_output(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
			struct sn_action *a, struct netlink_ext_ack *extack)
{
	const struct sn_port *port = sn_port_of(nic, e->dev);

	a->output.nic = port ? port->nic->index : nic->index;
	a->output.bond = sn_lag_is_bond(nic, e->dev);
	if (a->output.bond)
		return 0;
	if (!port)
		return sn_tunnel_check_output(rule, e->dev, &a->output.encap, extack);
	a->output.port = port->number;
	return 0;
}

static void output(struct sn_nic *nic, const struct sn_action *a, struct sk_buff *skb)
{
	if (a->output.encap)
		sn_tunnel_output(nic, a->output.encap, skb);
	else if (a->output.bond)
		sn_forward_uplink(nic, skb);
	else
		sn_forward_egress(sn_lag_nic(a->output.nic), a->output.port, skb);
}

static enum sn_verdict run_redirect(struct sn_packet *p, const struct sn_action *a)
{
	output(p->nic, a, p->skb);
	return SN_GONE;
}

static const struct sn_action_type action_redirect = {
	SN_ACTION_TEXTS("mirred_redirect"),
	.last = true,
	.parse = parse_output,
	.run = run_redirect,
};

static enum sn_verdict run_mirror(struct sn_packet *p, const struct sn_action *a)
{
	// A copy, not a clone: what follows changes the headers.
	struct sk_buff *copy = skb_copy(p->skb, GFP_ATOMIC);

	if (copy)
		output(p->nic, a, copy);
	return SN_NEXT;
}

static const struct sn_action_type action_mirror = {
	SN_ACTION_TEXTS("mirred_mirror"),
	.parse = parse_output,
	.run = run_mirror,
};

// Checksums are right after every rewriting, so there is nothing to do.
static enum sn_verdict run_csum(struct sn_packet *p, const struct sn_action *a)
{
	return SN_NEXT;
}

static const struct sn_action_type action_csum = {
	SN_ACTION_TEXTS("csum"),
	.run = run_csum,
};

// ---- All of them ----

static const struct sn_action_type *const types[NUM_FLOW_ACTIONS] = {
	[FLOW_ACTION_ACCEPT] = &action_accept,
	[FLOW_ACTION_DROP] = &action_drop,
	[FLOW_ACTION_TRAP] = &action_trap,
	[FLOW_ACTION_GOTO] = &action_goto,
	[FLOW_ACTION_REDIRECT] = &action_redirect,
	[FLOW_ACTION_MIRRED] = &action_mirror,
	[FLOW_ACTION_CSUM] = &action_csum,
	[FLOW_ACTION_VLAN_PUSH] = &sn_action_vlan_push,
	[FLOW_ACTION_VLAN_POP] = &sn_action_vlan_pop,
	[FLOW_ACTION_VLAN_MANGLE] = &sn_action_vlan_mangle,
	[FLOW_ACTION_VLAN_PUSH_ETH] = &sn_action_vlan_push_eth,
	[FLOW_ACTION_VLAN_POP_ETH] = &sn_action_vlan_pop_eth,
	[FLOW_ACTION_MANGLE] = &sn_action_mangle,
	[FLOW_ACTION_ADD] = &sn_action_add,
	[FLOW_ACTION_MPLS_PUSH] = &sn_action_mpls_push,
	[FLOW_ACTION_MPLS_POP] = &sn_action_mpls_pop,
	[FLOW_ACTION_MPLS_MANGLE] = &sn_action_mpls_mangle,
	[FLOW_ACTION_CT] = &sn_action_ct,
	[FLOW_ACTION_CT_METADATA] = &sn_action_ct_metadata,
	[FLOW_ACTION_TUNNEL_ENCAP] = &sn_action_encap,
	[FLOW_ACTION_TUNNEL_DECAP] = &sn_action_decap,
	[FLOW_ACTION_POLICE] = &sn_action_police,
	[FLOW_ACTION_SAMPLE] = &sn_action_sample,
};

static const char *const unknown[NUM_FLOW_ACTIONS] = {
	[FLOW_ACTION_REDIRECT_INGRESS] = "simnic: redirect to a device's ingress is not supported",
	[FLOW_ACTION_MIRRED_INGRESS] = "simnic: mirror to a device's ingress is not supported",
	[FLOW_ACTION_MARK] = "simnic: skbedit mark is not supported",
	[FLOW_ACTION_PTYPE] = "simnic: skbedit ptype is not supported",
	[FLOW_ACTION_PRIORITY] = "simnic: skbedit priority is not supported",
	[FLOW_ACTION_QUEUE] = "simnic: queue selection is not supported",
	[FLOW_ACTION_GATE] = "simnic: gate is not supported",
	[FLOW_ACTION_PPPOE_PUSH] = "simnic: pppoe push is not supported",
};

int sn_action_by_name(const char *name)
{
	int id;

	for (id = 0; id < NUM_FLOW_ACTIONS; id++)
		if (types[id] && !strcmp(types[id]->name, name))
			return id;
	return -ENOENT;
}

static int parse_one(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		     struct netlink_ext_ack *extack)
{
	const struct sn_action_type *type = e->id < NUM_FLOW_ACTIONS ? types[e->id] : NULL;
	struct sn_action *a = &rule->actions[rule->n_actions];
	int err;

	if (!type)
		return sn_refuse(extack,
				 (e->id < NUM_FLOW_ACTIONS ? unknown[e->id] : NULL)
					 ?: "simnic: unknown action",
				 EOPNOTSUPP);
	if (nic->faults.refuse_actions & BIT_ULL(e->id))
		return sn_refuse(extack, type->injected, EOPNOTSUPP);
	if (nic->profile->no_actions & BIT_ULL(e->id))
		return sn_refuse(extack, type->refusal, EOPNOTSUPP);
	if (rule->n_actions && rule->n_actions != rule->jump &&
	    rule->actions[rule->n_actions - 1].type->last)
		return sn_refuse(extack, "simnic: an action stands behind one that ends the rule",
				 EOPNOTSUPP);
	err = type->parse ? type->parse(nic, rule, e, a, extack) : 0;
	if (err)
		return err;
	a->type = type;
	rule->n_actions++;
	return 0;
}

static bool is_edit(const struct flow_action_entry *e)
{
	return e->id == FLOW_ACTION_MANGLE || e->id == FLOW_ACTION_ADD;
}

// A jump counts actions of TC. One of them may be several entries: the edits of a pedit, which share its index.
static int find_jump(struct sn_rule *rule, const struct flow_action *list,
		     struct netlink_ext_ack *extack)
{
	const struct flow_action_entry *e = list->entries;
	unsigned int i, n = 0;

	rule->jump = 0;
	for (i = 0; i < list->num_entries; i++) {
		if (e[i].id != FLOW_ACTION_POLICE || e[i].police.exceed.act_id != FLOW_ACTION_JUMP)
			continue;
		// From the beginning (software) or from here (some drivers): only there it is the same.
		if (i)
			return sn_refuse(extack,
					 "simnic: a police that jumps must be the first action",
					 EOPNOTSUPP);
	}
	if (e[0].id != FLOW_ACTION_POLICE || e[0].police.exceed.act_id != FLOW_ACTION_JUMP)
		return 0;
	for (i = 1; i < list->num_entries; i++) {
		n += !(is_edit(&e[i]) && is_edit(&e[i - 1]) && e[i].hw_index == e[i - 1].hw_index);
		if (n == e[0].police.exceed.extval) {
			rule->jump = i;
			return 0;
		}
	}
	return sn_refuse(extack, "simnic: police jumps out of its rule", EOPNOTSUPP);
}

int sn_actions_parse(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action *list,
		     struct netlink_ext_ack *extack)
{
	const struct flow_action_entry *e;
	int i, err;

	if (!flow_action_has_entries(list))
		return sn_refuse(extack, "simnic: a rule without actions is not supported",
				 EOPNOTSUPP);
	if (list->num_entries > nic->profile->max_actions)
		return sn_refuse(extack, "simnic: more actions than the device can take",
				 EOPNOTSUPP);
	// Connections do not say how they are counted.
	if (!rule->is_connection && !flow_action_basic_hw_stats_check(list, extack))
		return -EOPNOTSUPP;
	err = find_jump(rule, list, extack);
	if (err)
		return err;
	flow_action_for_each(i, e, list) {
		err = parse_one(nic, rule, e, extack);
		if (err)
			return err;
	}
	return 0;
}

void sn_actions_release(struct sn_rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->n_actions; i++)
		if (rule->actions[i].type->release)
			rule->actions[i].type->release(rule->nic, &rule->actions[i]);
}

enum sn_verdict sn_actions_run(struct sn_packet *p)
{
	struct sn_rule *rule = p->rule;
	unsigned int i;

	atomic64_inc(&rule->packets);
	atomic64_add(p->skb->len + (skb_vlan_tag_present(p->skb) ? VLAN_HLEN : 0), &rule->bytes);
	WRITE_ONCE(rule->used, jiffies);
	for (i = 0; i < rule->n_actions;) {
		enum sn_verdict verdict = rule->actions[i].type->run(p, &rule->actions[i]);

		if (verdict == SN_NEXT)
			i++;
		else if (verdict == SN_JUMP)
			i = p->jump;
		else
			return verdict;
	}
	return SN_SLOW;
}
