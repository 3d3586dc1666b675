// SPDX-License-Identifier: Apache-2.0
// From DPDK's actions to ours, driven by actions.def.
#include "hw-tests/simnic/rewrite.h"

#include <ethdev_driver.h>

static const char *check_port(struct compiled *c, struct simnic_action *out)
{
	struct rte_flow_action_ethdev conf;

	memcpy(&conf, out->bytes, sizeof(conf));
	for (unsigned i = 0; i < c->sw->n_ports; i++) {
		if (c->sw->ports[i].dev && c->sw->ports[i].dev->data->port_id == conf.port_id) {
			out->port = i;
			return NULL;
		}
	}
	return "the ethdev is not of this eSwitch";
}

static const char *check_jump(struct compiled *c, struct simnic_action *out)
{
	return out->group == c->group ? "a jump to the rule's own group" : NULL;
}

static const char *check_push_vlan(struct compiled *c, struct simnic_action *out)
{
	if (out->push.ethertype != RTE_BE16(RTE_ETHER_TYPE_VLAN) &&
	    out->push.ethertype != RTE_BE16(RTE_ETHER_TYPE_QINQ))
		return "ethertype must be 0x8100 or 0x88a8";
	c->n_tags++;
	c->layers |= LAYER_VLAN;
	return NULL;
}

static const char *check_vid(struct compiled *c, struct simnic_action *out)
{
	return rte_be_to_cpu_16(out->vid.vlan_vid) > 0xfff ? "vlan_vid has more than 12 bits"
							   : NULL;
}

static const char *check_pcp(struct compiled *c, struct simnic_action *out)
{
	return out->pcp.vlan_pcp > 7 ? "vlan_pcp has more than 3 bits" : NULL;
}

static const char *check_dscp(struct compiled *c, struct simnic_action *out)
{
	return out->dscp.dscp > 63 ? "dscp has more than 6 bits" : NULL;
}

const struct simnic_action_type simnic_action_types[ACTION_MAX] = {
#define ACTION(type_, text, size_, needs_, fate_, check_, run_) \
	[ACTION_##type_] = { .type = RTE_FLOW_ACTION_TYPE_##type_, \
			     .name = #text, \
			     .size = size_, \
			     .needs = needs_, \
			     .fate = fate_, \
			     .check = check_, \
			     .run = run_ },
#include "hw-tests/simnic/actions.def"
};

static const struct simnic_action_type *find_action(enum rte_flow_action_type type)
{
	for (size_t i = 0; i < ACTION_MAX; i++)
		if (simnic_action_types[i].type == type)
			return &simnic_action_types[i];
	return NULL;
}

static const char *action_name(const struct rte_flow_action *a)
{
	const char *name = NULL;

	if (rte_flow_conv(RTE_FLOW_CONV_OP_ACTION_NAME_PTR, &name, sizeof(name),
			  (void *)(uintptr_t)a->type, NULL) <= 0)
		return "of an unknown type";
	return name;
}

static const char *layer_names(uint32_t layers)
{
	if (layers & LAYER_VLAN)
		return "VLAN or an action OF_PUSH_VLAN before";
	if (layers & LAYER_PORTS)
		return "TCP, UDP or SCTP";
	if (layers == (LAYER_IPV4 | LAYER_IPV6))
		return "IPV4 or IPV6";
	return layers & LAYER_IPV4 ? "IPV4" : "IPV6";
}

static int compile_action(struct compiled *c, const struct rte_flow_action *a,
			  struct rte_flow_error *e)
{
	const struct simnic_action_type *type = find_action(a->type);
	struct simnic_action *out = &c->actions[c->n_actions];
	const char *complaint, *nic = c->sw->name;

	if (!type || c->sw->faults.refuse_action[type - simnic_action_types])
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, a,
			      "%s: action %s not supported", nic, action_name(a));
	if (c->n_actions == ARRAY_SIZE(c->actions))
		return refuse(e, E2BIG, RTE_FLOW_ERROR_TYPE_ACTION_NUM, a,
			      "%s: more than %zu actions", nic, ARRAY_SIZE(c->actions));
	if (type->size && !a->conf)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, a,
			      "%s: action %s without configuration", nic, action_name(a));
	if (type->needs && !(type->needs & c->layers))
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, a,
			      "%s: action %s needs an item %s", nic, action_name(a),
			      layer_names(type->needs));
	memset(out, 0, sizeof(*out));
	out->id = type - simnic_action_types;
	if (type->size)
		memcpy(out->bytes, a->conf, type->size);
	complaint = type->check ? type->check(c, out) : NULL;
	if (complaint)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, a->conf,
			      "%s: action %s: %s", nic, action_name(a), complaint);
	if (out->id == ACTION_OF_POP_VLAN && --c->n_tags == 0)
		c->layers &= ~LAYER_VLAN;
	c->counted |= out->id == ACTION_COUNT;
	c->n_actions++;
	return 0;
}

int compile_actions(struct compiled *c, const struct rte_flow_action *actions,
		    struct rte_flow_error *e)
{
	const struct rte_flow_action *end = NULL;
	bool fate = false;
	int err;

	if (!actions)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, NULL, "%s: no actions",
			      c->sw->name);
	for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
		if (actions->type == RTE_FLOW_ACTION_TYPE_VOID)
			continue;
		if (end)
			return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, actions,
				      "%s: action %s behind %s is never reached", c->sw->name,
				      action_name(actions), action_name(end));
		err = compile_action(c, actions, e);
		if (err)
			return err;
		switch (simnic_action_types[c->actions[c->n_actions - 1].id].fate) {
		case FATE_END:
			end = actions; // fall through
		case FATE_OUTPUT:
			fate = true; // fall through
		case FATE_NONE:
			break;
		}
	}
	if (!fate)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, actions,
			      "%s: no action says where the packet goes (a port, JUMP or DROP)",
			      c->sw->name);
	return 0;
}

void format_actions(const struct simnic_action *a, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++, a++) {
		const struct simnic_action_type *type = &simnic_action_types[a->id];

		strbuf_printf(out, "%s%s", i ? " / " : "", type->name);
		if (type->check == check_port && !a->port)
			strbuf_puts(out, " uplink");
		else if (type->check == check_port)
			strbuf_printf(out, " vf%u", a->port - 1);
		else if (a->id == ACTION_JUMP)
			strbuf_printf(out, " group %u", a->group);
		else if (type->size)
			strbuf_puts(out, " 0x");
		if (type->check == check_port || a->id == ACTION_JUMP)
			continue;
		for (size_t b = 0; b < type->size; b++)
			strbuf_printf(out, "%02x", a->bytes[b]);
	}
}
