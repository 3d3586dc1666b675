// SPDX-License-Identifier: Apache-2.0
// From datapath actions to rte_flow actions, or why not.
#include <stdio.h>

#include "offload/rte_flow/rte-private.h"

struct set_row {
	enum field_id field;
	int ip; // 4, 6, 0: any
	enum rte_flow_action_type type;
	size_t size, offset;
};

static const struct set_row set_rows[] = {
#define SET(FIELD, IP, ACTION, STRUCT, MEMBER) \
	{ FIELD_##FIELD, IP, RTE_FLOW_ACTION_TYPE_##ACTION, sizeof(struct STRUCT), \
	  offsetof(struct STRUCT, MEMBER) },
#include "offload/rte_flow/action.def"
#undef SET
};

struct acting {
	struct compiled_rule *rule;
	const struct flow_key *key;
	const struct rte_device *dev;
	const struct port_lookup *ports;
	struct verdict *v;
	bool ended; // nothing may follow
};

static bool too_many(struct acting *c)
{
	return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "too many actions");
}

static bool act_output(struct acting *c, const struct dp_action *a)
{
	const struct port_ref *port = c->ports->find(a->output.port, c->ports->aux);
	struct rte_flow_action_ethdev *conf;
	struct rte_eth_dev_info info;

	if (!port || port->ethdev == PORT_NO_ETHDEV || !port->device[0])
		return verdict_refuse(c->v, REASON_OUTPUT_NOT_ON_DEVICE,
				      port ? port->name : "unknown port");
	if (rte_eth_dev_info_get(port->ethdev, &info) ||
	    info.switch_info.domain_id != c->dev->domain)
		return verdict_refuse(c->v, REASON_OTHER_DEVICE, port->name);
	if (!rule_action(c->rule, RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, sizeof(*conf),
			 (void **)&conf))
		return too_many(c);
	conf->port_id = port->ethdev;
	return true;
}

static bool act_drop(struct acting *c, const struct dp_action *a)
{
	c->ended = true;
	return rule_action(c->rule, RTE_FLOW_ACTION_TYPE_DROP, 0, NULL) || too_many(c);
}

static bool act_push_vlan(struct acting *c, const struct dp_action *a)
{
	struct rte_flow_action_of_push_vlan *push;
	struct rte_flow_action_of_set_vlan_vid *vid;
	struct rte_flow_action_of_set_vlan_pcp *pcp;
	uint16_t tci = be16toh(a->push_vlan.tci);

	if (!rule_action(c->rule, RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN, sizeof(*push),
			 (void **)&push) ||
	    !rule_action(c->rule, RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID, sizeof(*vid),
			 (void **)&vid) ||
	    !rule_action(c->rule, RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP, sizeof(*pcp),
			 (void **)&pcp))
		return too_many(c);
	push->ethertype = a->push_vlan.tpid;
	vid->vlan_vid = htobe16(tci & VLAN_VID_MASK);
	pcp->vlan_pcp = (tci & VLAN_PCP_MASK) >> VLAN_PCP_SHIFT;
	return true;
}

static bool act_pop_vlan(struct acting *c, const struct dp_action *a)
{
	return rule_action(c->rule, RTE_FLOW_ACTION_TYPE_OF_POP_VLAN, 0, NULL) || too_many(c);
}

static bool act_set(struct acting *c, const struct dp_action *a)
{
	const struct field *f = field_get(a->set.field);
	int ip = c->key->eth_type == htobe16(0x0800)   ? 4
		 : c->key->eth_type == htobe16(0x86dd) ? 6
						       : 0;
	union field_value ones;
	uint8_t *conf;

	field_all_ones(f, &ones);
	for (size_t i = 0; i < ARRAY_SIZE(set_rows); i++) {
		const struct set_row *row = &set_rows[i];

		if (row->field != f->id || (row->ip && row->ip != ip))
			continue;
		if (memcmp(a->set.mask, &ones, f->n_bytes))
			return verdict_refuse(c->v, REASON_MASK_UNSUPPORTED, f->name);
		if (!rule_action(c->rule, row->type, row->size, (void **)&conf))
			return too_many(c);
		memcpy(conf + row->offset, a->set.value, f->n_bytes);
		return true;
	}
	AUTO_FREE char *culprit = xasprintf("set(%s)", f->name);
	return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, culprit);
}

// The rest of the flow is in the group of its recirculation id. A packet that finds no rule there comes to software as it
// is then; the mark tells which lookup it was at, so that software goes on from there.
static bool act_recirc(struct acting *c, const struct dp_action *a)
{
	struct rte_flow_action_mark *mark;
	struct rte_flow_action_jump *jump;

	if (c->dev->no_mark)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED,
				      "recirc: the device does not mark packets");
	if (!rule_action(c->rule, RTE_FLOW_ACTION_TYPE_MARK, sizeof(*mark), (void **)&mark) ||
	    !rule_action(c->rule, RTE_FLOW_ACTION_TYPE_JUMP, sizeof(*jump), (void **)&jump))
		return too_many(c);
	mark->id = a->recirc.id;
	jump->group = a->recirc.id;
	c->ended = true;
	return true;
}

static bool (*const functions[DP_ACTION_MAX])(struct acting *c, const struct dp_action *a) = {
	[DP_ACTION_OUTPUT] = act_output,
	[DP_ACTION_DROP] = act_drop,
	[DP_ACTION_PUSH_VLAN] = act_push_vlan,
	[DP_ACTION_POP_VLAN] = act_pop_vlan,
	[DP_ACTION_SET] = act_set,
	[DP_ACTION_RECIRC] = act_recirc,
};

static bool one_action(struct acting *c, const struct dp_action *a)
{
	if (a->type == DP_ACTION_USERSPACE)
		return verdict_refuse(c->v, REASON_NEEDS_SOFTWARE, "userspace");
	if (!functions[a->type] || c->ended)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, dp_action_name(a->type));
	return functions[a->type](c, a);
}

bool rte_compile_actions(struct compiled_rule *r, struct dp_actions list,
			 const struct flow_key *key, const struct rte_device *dev,
			 const struct port_lookup *ports, struct verdict *v)
{
	struct acting c = { r, key, dev, ports, v, false };
	const struct dp_action *a;

	if (!rule_action(r, RTE_FLOW_ACTION_TYPE_COUNT, sizeof(struct rte_flow_action_count), NULL))
		return too_many(&c);
	if (!list.size)
		return act_drop(&c, NULL);
	DP_ACTION_FOR_EACH (a, list)
		if (!one_action(&c, a))
			return false;
	return true;
}
