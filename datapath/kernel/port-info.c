// SPDX-License-Identifier: Apache-2.0
// What a port's device is like now, and that it has changed.
#include <stdio.h>

#include "core/base/log.h"
#include "core/netlink/rtnl.h"
#include "datapath/kernel/kernel.h"

LOG_MODULE(dpif_netlink_link);

static int find(struct kernel_datapath *dp, dp_port_t port, struct vport **ret, struct error *err)
{
	*ret = vport_find(dp, port);
	if (!*ret || !(*ret)->ifindex)
		return error_set(err, -ENODEV, "port %u: its device is not there", port.n);
	return 0;
}

// ---- Settings ----

int kernel_port_set_mac(struct datapath *base, dp_port_t port, struct eth_addr mac,
			struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v;
	int error = find(dp, port, &v, err);

	if (error)
		return error;
	v->has_mac = v->kernel_type == OVS_VPORT_TYPE_INTERNAL;
	v->mac = mac;
	return rtnl_link_set_mac(dp->route, v->ifindex, mac, err);
}

int kernel_port_set_mtu(struct datapath *base, dp_port_t port, uint32_t mtu, struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v;
	int error = find(dp, port, &v, err);

	return error ? error : rtnl_link_set_mtu(dp->route, v->ifindex, mtu, err);
}

int kernel_port_set_admin(struct datapath *base, dp_port_t port, bool up, struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v;
	int error = find(dp, port, &v, err);

	return error ? error : rtnl_link_set_up(dp->route, v->ifindex, up, err);
}

// ---- Changes ----

// Nobody else will: the device was ours. Its coming tells the rest.
static void make_again(struct kernel_datapath *dp, struct vport *v)
{
	struct error err = ERROR_INIT;
	int ifindex;
	bool made;

	if (tunnel_device_need(dp->route, v->name, v->type, &v->tunnel, &ifindex, &made, &err))
		log_warn("%s: port %s: %s", dp->name, v->name, err.text);
}

static void device_gone(struct kernel_datapath *dp, struct vport *v)
{
	log_warn("%s: port %s: its device has gone; the port waits for it", dp->name, v->name);
	pthread_mutex_lock(&dp->ports_lock);
	v->ifindex = 0;
	pthread_mutex_unlock(&dp->ports_lock);
	if (v->is_tunnel)
		make_again(dp, v);
	if (v->kernel_type == OVS_VPORT_TYPE_INTERNAL)
		dp->ports_doubtful = true;
}

// Attached by others, or detached.
static bool is_doubtful(const struct kernel_datapath *dp, const struct vport *v,
			const struct rtnl_link *l)
{
	bool is_attached = l->master == (int)dp->ifindex || !strcmp(l->kind, "openvswitch");

	return !l->deleted && is_attached != (v != NULL);
}

static bool can_come_back(const struct vport *v, const struct rtnl_link *l)
{
	return !v->ifindex && !l->deleted && v->kernel_type == OVS_VPORT_TYPE_NETDEV &&
	       !strcmp(v->name, l->name);
}

static void on_link_change(struct kernel_datapath *dp, const struct rtnl_link *l)
{
	struct vport *v;

	HMAP_FOR_EACH (v, node, &dp->ports) {
		if (v->ifindex == l->ifindex) {
			dp->change_seq++;
			dp->ports_doubtful |= is_doubtful(dp, v, l);
			if (l->deleted)
				device_gone(dp, v);
			return;
		}
		if (can_come_back(v, l)) {
			dp->change_seq++;
			vport_revive(dp, v, l->ifindex);
			return;
		}
	}
	dp->ports_doubtful |= is_doubtful(dp, NULL, l);
}

static void on_link(const struct nlmsghdr *h, void *aux)
{
	struct rtnl_link l;
	int error = 0;

	if (rtnl_link_decode(h, &l, &error, NULL) && !error)
		on_link_change(aux, &l);
}

// Notifications were lost: every port is looked at.
static void look_at_all(struct kernel_datapath *dp)
{
	struct rtnl_link l;
	struct vport *v;

	dp->change_seq++;
	HMAP_FOR_EACH (v, node, &dp->ports) {
		if (v->ifindex && rtnl_link_by_index(dp->route, v->ifindex, &l, NULL) == -ENODEV)
			device_gone(dp, v);
		if (!v->ifindex && !rtnl_link_by_name(dp->route, v->name, &l, NULL) &&
		    can_come_back(v, &l))
			vport_revive(dp, v, l.ifindex);
	}
}

uint64_t kernel_port_change_seq(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	int error;

	do {
		error = nl_receive(dp->links, on_link, dp);
		if (error == -ENOBUFS)
			look_at_all(dp);
	} while (!error || error == -ENOBUFS);
	if (dp->ports_doubtful)
		vports_reconcile(dp);
	return dp->change_seq;
}

// ---- Telling ----

static bool get_counters(struct kernel_datapath *dp, dp_port_t port, struct ovs_vport_stats *ret)
{
	AUTO(strbuf) msg = STRBUF_INIT, reply = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.vport, OVS_VPORT_CMD_GET, 0);
	struct vport_message v;

	nl_put_u32(&msg, OVS_VPORT_ATTR_PORT_NO, port.n);
	nl_msg_end(&msg, m);
	if (kernel_request(dp, &msg, &reply, NULL) || !reply.len ||
	    vport_message_decode((const struct nlmsghdr *)reply.s, &v, NULL))
		return false;
	*ret = v.stats;
	return true;
}

static void put_counters(const struct ovs_vport_stats *s, struct datapath_port_info *ret)
{
	ret->rx_packets = s->rx_packets;
	ret->tx_packets = s->tx_packets;
	ret->rx_bytes = s->rx_bytes;
	ret->tx_bytes = s->tx_bytes;
	ret->rx_dropped = s->rx_dropped;
	ret->tx_dropped = s->tx_dropped;
	ret->rx_errors = s->rx_errors;
	ret->tx_errors = s->tx_errors;
}

static void put_device_counters(const struct rtnl_link *l, struct datapath_port_info *ret)
{
	ret->has_device_counters = true;
	ret->collisions = l->collisions;
	ret->rx_crc_errors = l->rx_crc_errors;
	ret->rx_frame_errors = l->rx_frame_errors;
	ret->rx_missed_errors = l->rx_missed_errors;
	ret->rx_over_errors = l->rx_overruns;
	ret->rx_multicast = l->rx_multicast;
}

bool kernel_port_info(struct datapath *base, dp_port_t port, struct datapath_port_info *ret)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v;
	struct ovs_vport_stats counters;
	struct rtnl_link link;

	// Who asks is told of now.
	kernel_port_change_seq(base);
	v = vport_find(dp, port);
	if (!v)
		return false;
	memset(ret, 0, sizeof(*ret));
	smap_init(&ret->status);
	snprintf(ret->name, sizeof(ret->name), "%s", v->name);
	snprintf(ret->type, sizeof(ret->type), "%s", v->type);
	// The port of a device that has gone is down, and has nothing more to tell.
	ret->is_gone = !v->ifindex;
	if (!v->ifindex || rtnl_link_by_index(dp->route, v->ifindex, &link, NULL))
		return true;
	ret->mac = link.mac;
	ret->mtu = link.mtu;
	ret->admin_up = link.flags & IFF_UP;
	ret->link_up = link.flags & IFF_RUNNING;
	if (get_counters(dp, port, &counters))
		put_counters(&counters, ret);
	put_device_counters(&link, ret);
	device_info(v->name, ret);
	return true;
}
