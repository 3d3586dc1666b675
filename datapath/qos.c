// SPDX-License-Identifier: Apache-2.0
// Which ports are Linux devices, and may have Linux's traffic control.
#include "datapath/qos.h"

#include <stdio.h>

#include "datapath/linux/traffic.h"
#include "datapath/provider.h"

// What is known of a port's device now; false: it has none that sends through the kernel's queues.
static bool find_link(struct datapath *dp, dp_port_t port, struct port_ref *ref,
		      struct traffic_link *ret)
{
	struct datapath_port_info info;

	if (!datapath_port_ref(dp, port, ref) || !ref->ifindex || ref->is_tunnel ||
	    ref->ethdev != PORT_NO_ETHDEV || !datapath_port_info(dp, port, &info))
		return false;
	*ret = (struct traffic_link){ .ifindex = ref->ifindex,
				      .name = ref->name,
				      .mtu = info.mtu,
				      .mbps = info.link_mbps,
				      .is_internal = ref->is_internal ||
						     !strcmp(info.type, "internal") ||
						     !strcmp(info.type, "tap") };
	smap_uninit(&info.status);
	return true;
}

static int need_link(struct datapath *dp, dp_port_t port, struct port_ref *ref,
		     struct traffic_link *ret, struct error *err)
{
	if (!find_link(dp, port, ref, ret))
		return error_set(err, -EOPNOTSUPP,
				 "not a port of a Linux device: it has no traffic control");
	return dp->traffic ? 0 : traffic_open(&dp->traffic, err);
}

// Enough to find again what was set up at a device: no question to the kernel. False: nothing was set up at any.
static bool known_link(struct datapath *dp, dp_port_t port, struct port_ref *ref,
		       struct traffic_link *ret)
{
	if (!dp->traffic || !datapath_port_ref(dp, port, ref))
		return false;
	*ret = (struct traffic_link){ .ifindex = ref->ifindex,
				      .name = ref->name,
				      .is_internal = ref->is_internal };
	return true;
}

// Most ports have none, and are asked for none at each change of the configuration: cheap.
static bool has_nothing(struct datapath *dp, dp_port_t port,
			bool (*has_none)(const struct traffic *t, const struct traffic_link *l))
{
	struct port_ref ref;
	struct traffic_link l;

	return known_link(dp, port, &ref, &l) && has_none(dp->traffic, &l);
}

int datapath_port_set_qos(struct datapath *dp, dp_port_t port, const struct qos_config *config,
			  struct error *err)
{
	struct traffic_link l;
	struct port_ref ref;

	if (!config &&
	    (has_nothing(dp, port, traffic_has_no_qos) || !find_link(dp, port, &ref, &l)))
		return 0;
	if (need_link(dp, port, &ref, &l, err))
		return error_wrap(err, "QoS");
	return traffic_set_qos(dp->traffic, &l, config, err);
}

static bool is_empty(const struct policing_config *c)
{
	return !c->kbps && !c->kpkts;
}

int datapath_port_set_policing(struct datapath *dp, dp_port_t port, const struct policing_config *c,
			       struct error *err)
{
	struct traffic_link l;
	struct port_ref ref;

	if (is_empty(c) &&
	    (has_nothing(dp, port, traffic_has_no_policing) || !find_link(dp, port, &ref, &l)))
		return 0;
	if (need_link(dp, port, &ref, &l, err))
		return error_wrap(err, "policing");
	// A packet socket has its packets before the kernel's traffic control.
	if (!dp->ops->is_policed && !l.is_internal)
		return is_empty(c) ? 0
				   : error_set(err, -EOPNOTSUPP,
					       "policing needs a bridge with datapath_type=system");
	return traffic_set_policing(dp->traffic, &l, c, err);
}

bool datapath_port_is_policed_in_hw(struct datapath *dp, dp_port_t port, const char **ret_why)
{
	struct traffic_link l;
	struct port_ref ref;

	*ret_why = "";
	return known_link(dp, port, &ref, &l) && traffic_is_policed_in_hw(dp->traffic, &l, ret_why);
}

int datapath_port_queues(struct datapath *dp, dp_port_t port,
			 void (*cb)(const struct qos_queue_state *q, void *aux), void *aux,
			 struct error *err)
{
	struct traffic_link l;
	struct port_ref ref;

	return known_link(dp, port, &ref, &l) ? traffic_queues(dp->traffic, &l, cb, aux, err) : 0;
}

const char *datapath_port_qos(struct datapath *dp, dp_port_t port, struct smap *ret_options)
{
	struct traffic_link l;
	struct port_ref ref;

	return known_link(dp, port, &ref, &l) ? traffic_qos(dp->traffic, &l, ret_options) : NULL;
}

void datapath_port_qos_types(struct datapath *dp, dp_port_t port,
			     void (*cb)(const char *type, uint32_t max_queues, void *aux),
			     void *aux)
{
	struct traffic_link l;
	struct port_ref ref;

	if (find_link(dp, port, &ref, &l))
		traffic_types(cb, aux);
}

void datapath_port_release_traffic(struct datapath *dp, dp_port_t port)
{
	struct traffic_link l;
	struct port_ref ref;

	if (dp->leaves_traffic || !known_link(dp, port, &ref, &l))
		return;
	find_link(dp, port, &ref, &l);
	traffic_release(dp->traffic, &l);
}

bool datapath_queue_priority(const struct datapath *dp, uint32_t queue, uint32_t *ret)
{
	return dp->ops->queue_priority(queue, ret);
}
