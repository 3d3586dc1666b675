// SPDX-License-Identifier: Apache-2.0
// The backend's other half: what talks to the driver. On the device's worker only, but for open and close.
#include <stdio.h>

#include "core/base/log.h"
#include "offload/rte_flow/rte-private.h"

LOG_MODULE(rte_flow);

// A rule that replaces another goes before it, so that it takes over in one step; the first of a flow stands here.
#define FIRST_PRIORITY 8

static int on_reset(uint16_t port, enum rte_eth_event_type event, void *aux, void *ret)
{
	struct rte_device *dev = aux;

	__atomic_store_n(&dev->lost, true, __ATOMIC_RELEASE);
	return 0;
}

// Whether the device takes a rule that marks and jumps: asked once, with a rule that is not put in.
static bool can_mark(uint16_t proxy, uint16_t ethdev)
{
	static const struct rte_flow_action_count count = { 0 };
	static const struct rte_flow_action_mark mark = { .id = 1 };
	static const struct rte_flow_action_jump jump = { .group = 1 };
	const struct rte_flow_attr attr = { .transfer = 1, .priority = FIRST_PRIORITY };
	const struct rte_flow_item_ethdev port = { .port_id = ethdev };
	const struct rte_flow_item items[] = { { .type = RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT,
						 .spec = &port },
					       { .type = RTE_FLOW_ITEM_TYPE_ETH },
					       { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action actions[] = { { RTE_FLOW_ACTION_TYPE_COUNT, &count },
						   { RTE_FLOW_ACTION_TYPE_MARK, &mark },
						   { RTE_FLOW_ACTION_TYPE_JUMP, &jump },
						   { RTE_FLOW_ACTION_TYPE_END, NULL } };
	struct rte_flow_error fe;

	return !rte_flow_validate(proxy, &attr, items, actions, &fe);
}

static int rte_open(const struct port_ref *port, void **ret_priv, struct device_limits *ret_limits,
		    struct error *err)
{
	struct rte_device *dev;
	struct rte_eth_dev_info info;
	struct rte_flow_error fe = { 0 };
	uint16_t proxy = port->ethdev;

	if (rte_eth_dev_info_get(port->ethdev, &info) ||
	    info.switch_info.domain_id == RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		return error_set(err, -ENOTSUP, "%s: the device has no eSwitch", port->name);
	if (rte_flow_pick_transfer_proxy(port->ethdev, &proxy, &fe))
		return error_set(err, -ENOTSUP, "%s: no transfer proxy (%s)", port->name,
				 fe.message ? fe.message : rte_strerror(rte_errno));
	dev = xzalloc(sizeof(*dev));
	dev->proxy = proxy;
	dev->domain = info.switch_info.domain_id;
	dev->no_mark = !can_mark(proxy, port->ethdev);
	snprintf(dev->name, sizeof(dev->name), "%s", port->device);
	rte_eth_dev_callback_register(proxy, RTE_ETH_EVENT_INTR_RESET, on_reset, dev);
	memset(ret_limits, 0, sizeof(*ret_limits));
	snprintf(ret_limits->handle, sizeof(ret_limits->handle), "%s", port->device);
	*ret_priv = dev;
	return 0;
}

static void rte_close(void *priv)
{
	struct rte_device *dev = priv;

	while (rte_eth_dev_callback_unregister(dev->proxy, RTE_ETH_EVENT_INTR_RESET, on_reset,
					       dev) == -EAGAIN)
		;
	free(dev);
}

static void compiled_free(struct compiled_rule *rule)
{
	free(rule);
}

static int create(struct rte_device *dev, const struct compiled_rule *rule, uint32_t priority,
		  struct hw_rule **ret_hw, struct verdict *v)
{
	struct rte_flow_attr attr = rule->attr;
	struct rte_flow_error fe = { 0 };
	struct rte_flow *flow;
	struct hw_rule *hw;

	attr.priority = priority;
	flow = rte_flow_create(dev->proxy, &attr, rule->items, rule->actions, &fe);
	if (!flow) {
		int ret = rte_errno ? -rte_errno : -EIO;

		verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, ret, fe.message);
		return ret;
	}
	hw = xmalloc(sizeof(*hw));
	hw->flow = flow;
	hw->priority = priority;
	*ret_hw = hw;
	return 0;
}

static int rte_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
		      struct verdict *v)
{
	return create(priv, rule, FIRST_PRIORITY, ret_hw, v);
}

static int rte_query(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	static const struct rte_flow_action count[] = { { .type = RTE_FLOW_ACTION_TYPE_COUNT },
							{ .type = RTE_FLOW_ACTION_TYPE_END } };
	struct rte_flow_query_count q = { 0 };
	struct rte_device *dev = priv;
	struct rte_flow_error fe = { 0 };
	int ret = rte_flow_query(dev->proxy, hw->flow, count, &q, &fe);

	if (ret)
		return ret;
	*ret_packets = q.hits_set ? q.hits : 0;
	*ret_bytes = q.bytes_set ? q.bytes : 0;
	return 0;
}

static int rte_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct rte_device *dev = priv;
	struct rte_flow_error fe = { 0 };
	int ret;

	rte_query(priv, hw, ret_packets, ret_bytes);
	ret = rte_flow_destroy(dev->proxy, hw->flow, &fe);
	if (ret)
		log_warn("%s: a rule could not be removed (%s)", dev->name,
			 fe.message ? fe.message : strerror(-ret));
	free(hw);
	return ret;
}

// The new rule goes in front: from then on the old one counts nothing, so its last query is exact. Once the front is
// reached the new one goes behind and takes over when the old one is gone.
static int rte_replace(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
		       struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
		       struct verdict *v)
{
	int ret = create(priv, rule, old->priority ? old->priority - 1 : FIRST_PRIORITY, ret_hw, v);

	if (ret < 0)
		return ret;
	rte_remove(priv, old, ret_packets, ret_bytes);
	return 0;
}

static void rte_forget(void *priv, struct hw_rule *hw)
{
	struct rte_device *dev = priv;
	struct rte_flow_error fe;

	// The driver keeps the handle of a lost rule until it is destroyed.
	rte_flow_destroy(dev->proxy, hw->flow, &fe);
	free(hw);
}

static bool rte_take_reset(void *priv)
{
	struct rte_device *dev = priv;

	return __atomic_exchange_n(&dev->lost, false, __ATOMIC_ACQ_REL);
}

static void rte_capabilities(void *priv, struct smap *out)
{
	struct rte_device *dev = priv;
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(dev->proxy, &info))
		return;
	smap_set(out, "driver", info.driver_name);
	smap_setf(out, "switch_domain", "%u", dev->domain);
	smap_set(out, "transfer", "true");
	smap_set(out, "recirculation", dev->no_mark ? "false" : "true");
}

const struct backend_ops backend_rte_flow = {
	.name = "rte_flow",
	.open = rte_open,
	.close = rte_close,
	.compile = rte_compile,
	.compiled_free = compiled_free,
	.compiled_shape = rte_compiled_shape,
	.insert = rte_insert,
	.replace = rte_replace,
	.remove = rte_remove,
	.query = rte_query,
	.forget = rte_forget,
	.take_reset = rte_take_reset,
	.capabilities = rte_capabilities,
};
