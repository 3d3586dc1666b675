// SPDX-License-Identifier: Apache-2.0
// The pure step: megaflow to rule. Touches no device but for its description of ports.
#include "core/base/hash.h"
#include "offload/rte_flow/rte-private.h"

void *rule_alloc(struct compiled_rule *r, size_t n)
{
	void *p = r->arena + r->used;

	n = ROUND_UP(n, 8);
	if (n > RULE_ARENA - r->used)
		return NULL;
	r->used += n;
	return p;
}

bool rule_item(struct compiled_rule *r, enum rte_flow_item_type type, size_t size, void **ret_spec,
	       void **ret_mask)
{
	struct rte_flow_item *it = &r->items[r->n_items];
	void *spec = size ? rule_alloc(r, size) : NULL, *mask = size ? rule_alloc(r, size) : NULL;

	// One place is kept for END.
	if (r->n_items + 1 >= RULE_MAX_ITEMS || (size && (!spec || !mask)))
		return false;
	it->type = type;
	it->spec = spec;
	it->mask = mask;
	r->n_items++;
	if (ret_spec)
		*ret_spec = spec;
	if (ret_mask)
		*ret_mask = mask;
	return true;
}

bool rule_action(struct compiled_rule *r, enum rte_flow_action_type type, size_t size,
		 void **ret_conf)
{
	struct rte_flow_action *a = &r->actions[r->n_actions];
	void *conf = size ? rule_alloc(r, size) : NULL;

	if (r->n_actions + 1 >= RULE_MAX_ACTIONS || (size && !conf))
		return false;
	a->type = type;
	a->conf = conf;
	r->n_actions++;
	if (ret_conf)
		*ret_conf = conf;
	return true;
}

static bool compile_into(const struct rte_device *dev, struct compiled_rule *r,
			 const struct megaflow *mf, const struct port_lookup *ports,
			 struct verdict *v)
{
	const struct port_ref *in;
	struct flow_mask mask;
	struct flow_key key;

	miniflow_expand(mf->key, &key);
	miniflow_expand(mf->mask, &mask.m);
	in = ports->find(DP_PORT(key.in_port), ports->aux);
	if (!in || in->ethdev == PORT_NO_ETHDEV)
		return verdict_refuse(v, REASON_NO_DEVICE, NULL);
	r->attr.transfer = 1;
	if (!rte_compile_match(r, &key, &mask, in->ethdev, v) ||
	    !rte_compile_actions(r, megaflow_actions_get(mf), &key, dev, ports, v))
		return false;
	r->items[r->n_items].type = RTE_FLOW_ITEM_TYPE_END;
	r->actions[r->n_actions].type = RTE_FLOW_ACTION_TYPE_END;
	return verdict_accept(v);
}

bool rte_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
		 struct compiled_rule **ret_rule, struct verdict *v)
{
	struct compiled_rule *r = xzalloc(sizeof(*r));

	if (!compile_into(priv, r, mf, ports, v)) {
		free(r);
		return false;
	}
	*ret_rule = r;
	return true;
}

static size_t item_size(enum rte_flow_item_type type)
{
	switch (type) {
	case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
		return sizeof(struct rte_flow_item_ethdev);
	case RTE_FLOW_ITEM_TYPE_ETH:
		return sizeof(struct rte_flow_item_eth);
	case RTE_FLOW_ITEM_TYPE_VLAN:
		return sizeof(struct rte_flow_item_vlan);
	case RTE_FLOW_ITEM_TYPE_IPV4:
		return sizeof(struct rte_flow_item_ipv4);
	case RTE_FLOW_ITEM_TYPE_IPV6:
		return sizeof(struct rte_flow_item_ipv6);
	case RTE_FLOW_ITEM_TYPE_TCP:
		return sizeof(struct rte_flow_item_tcp);
	default:
		return 4; // ports, or ICMP type and code, come first
	}
}

uint64_t rte_compiled_shape(const struct compiled_rule *r)
{
	uint64_t h = hash_u64(r->attr.group != 0, 0);

	for (unsigned int i = 0; i < r->n_items; i++)
		h = hash_bytes(r->items[i].mask, item_size(r->items[i].type),
			       hash_u64(r->items[i].type, h));
	for (unsigned int i = 0; i < r->n_actions; i++)
		h = hash_u64(r->actions[i].type, h);
	return h;
}
