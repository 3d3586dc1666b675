// SPDX-License-Identifier: Apache-2.0
// The backend's other half: what talks to the kernel. On the device's worker only, but for open and close.
#include <stdio.h>

#include "offload/tc/device-private.h"

// ---- Life ----

static int tc_open(const struct port_ref *port, void **ret_priv, struct device_limits *ret_limits,
		   struct error *err)
{
	static const uint16_t fixed[] = { ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD };
	struct tc_device *dev;
	struct nl_sock *sock;
	int error = nl_open(NETLINK_ROUTE, &sock, err);

	if (error)
		return error_wrap(err, "%s", port->name);
	tc_probe(sock);
	dev = xzalloc(sizeof(*dev));
	dev->sock = sock;
	dev->senders = senders_create();
	dev->n_threads = 1;
	snprintf(dev->name, sizeof(dev->name), "%s", port->device);
	hmap_init(&dev->rules);
	hmap_init(&dev->qdiscs);
	hmap_init(&dev->leftovers);
	tc_meters_open(dev);
	tc_samples_open(dev);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		dev->protocols[i] = (struct protocol){ htobe16(fixed[i]), 1 };
	memset(ret_limits, 0, sizeof(*ret_limits));
	snprintf(ret_limits->handle, sizeof(ret_limits->handle), "%s", port->device);
	*ret_priv = dev;
	return 0;
}

static void tc_close(void *priv)
{
	struct tc_device *dev = priv;
	struct hw_rule *r;
	struct qdisc *q;

	HMAP_FOR_EACH_SAFE (q, node, &dev->qdiscs)
		tc_drop_qdisc(dev, q);
	HMAP_FOR_EACH_SAFE (r, node, &dev->rules)
		tc_forget(dev, r);
	tc_meters_close(dev);
	tc_samples_close(dev);
	hmap_uninit(&dev->rules);
	hmap_uninit(&dev->qdiscs);
	tc_forget_leftovers(dev, 0);
	hmap_uninit(&dev->leftovers);
	senders_destroy(dev->senders);
	nl_close(dev->sock);
	free(dev);
}

static void tc_add_port(void *priv, const struct port_ref *port)
{
	struct verdict not_yet; // the first rule will be told
	int error;

	if (!tc_find_qdisc(priv, port->ifindex))
		tc_make_qdisc(priv, port->ifindex, &error, &not_yet);
}

// Rules that could not be removed go with the port, whether the qdisc is ours or not.
static void tc_remove_port(void *priv, const struct port_ref *port)
{
	struct tc_device *dev = priv;
	struct qdisc *q = tc_find_qdisc(dev, port->ifindex);

	if (q)
		tc_drop_qdisc(dev, q);
}

// ---- The contract ----

static uint64_t tc_compiled_shape(const struct compiled_rule *r)
{
	return r->shape;
}

static bool tc_take_reset(void *priv)
{
	return false;
}

static const struct {
	const char *name;
	uint32_t flags;
} policies[] = {
	{ "none", 0 },
	{ "skip_sw", TCA_CLS_FLAGS_SKIP_SW },
	{ "skip_hw", TCA_CLS_FLAGS_SKIP_HW },
};

static void tc_set_policy(void *priv, const char *policy)
{
	struct tc_device *dev = priv;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (!strcmp(policies[i].name, policy))
			atomic_store(&dev->policy, policies[i].flags);
}

static void tc_leave(void *priv)
{
	struct tc_device *dev = priv;

	dev->leaving = true;
}

static void tc_set_threads(void *priv, unsigned int n)
{
	struct tc_device *dev = priv;

	atomic_store(&dev->n_threads, n);
}

static void tc_capabilities(void *priv, struct smap *out)
{
	struct tc_device *dev = priv;
	uint32_t policy = atomic_load(&dev->policy), foreign = atomic_load(&dev->n_foreign);

	smap_set(out, "recirculation", "true");
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (policies[i].flags == policy)
			smap_set(out, "tc_policy", policies[i].name);
	if (atomic_load(&dev->adopted))
		smap_setf(out, "adopted", "%u", atomic_load(&dev->adopted));
	if (foreign)
		smap_setf(out, "foreign_filters", "%u", foreign);
	tc_probed_capabilities(out);
}

const struct backend_ops backend_tc = {
	.name = "tc",
	.open = tc_open,
	.close = tc_close,
	.compile = tc_compile,
	.compiled_free = tc_compiled_free,
	.compiled_shape = tc_compiled_shape,
	.insert = tc_insert,
	.insert_many = tc_insert_many,
	.replace = tc_replace,
	.remove = tc_remove,
	.query = tc_query,
	.refresh = tc_refresh,
	.audit = tc_audit,
	.in_hw = tc_in_hw,
	.forget = tc_forget,
	.take_reset = tc_take_reset,
	.list = tc_list,
	.sweep = tc_sweep,
	.set_members = tc_set_members,
	.remove_port = tc_remove_port,
	.set_policy = tc_set_policy,
	.set_threads = tc_set_threads,
	.add_port = tc_add_port,
	.leave = tc_leave,
	.set_sampled = tc_set_sampled,
	.meter_set = tc_meter_set,
	.meter_del = tc_meter_del,
	.meter_counts = tc_meter_counts,
	.capabilities = tc_capabilities,
};
