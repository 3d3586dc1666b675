// SPDX-License-Identifier: GPL-2.0
// Network devices: uplink, wire, VFs, representors.
//
// They announce no offloads of checksums or segments, so every frame in the NIC is as it would be on a wire.
#include <linux/ethtool.h>

#include "hw-tests/simnic/kmod/simnic.h"

static bool on_eswitch(const struct sn_port *port)
{
	return port->kind == SN_UPLINK || port->kind == SN_REPRESENTOR;
}

static void set_carrier(struct net_device *netdev, bool on)
{
	if (on)
		netif_carrier_on(netdev);
	else
		netif_carrier_off(netdev);
}

void sn_port_update_link(struct sn_nic *nic)
{
	const struct sn_port *uplink, *wire;
	bool up;

	rcu_read_lock();
	uplink = rcu_dereference(nic->uplink);
	wire = rcu_dereference(nic->wire);
	if (uplink && wire) {
		up = !nic->faults.reset && netif_running(uplink->netdev) &&
		     netif_running(wire->netdev);
		set_carrier(uplink->netdev, up);
		set_carrier(wire->netdev, up);
	}
	rcu_read_unlock();
}

static bool is_cable(const struct sn_port *port)
{
	return port->kind == SN_UPLINK || port->kind == SN_WIRE;
}

static int port_open(struct net_device *netdev)
{
	struct sn_port *port = netdev_priv(netdev);

	if (is_cable(port))
		sn_port_update_link(port->nic);
	else
		set_carrier(netdev, !port->nic->faults.reset);
	return 0;
}

static int port_stop(struct net_device *netdev)
{
	const struct sn_port *port = netdev_priv(netdev);

	netif_carrier_off(netdev);
	if (is_cable(port))
		sn_port_update_link(port->nic);
	return 0;
}

static netdev_tx_t port_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct sn_port *port = netdev_priv(netdev);

	if (!pskb_may_pull(skb, ETH_HLEN)) {
		dev_core_stats_tx_dropped_inc(netdev);
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	dev_sw_netstats_tx_add(netdev, 1, skb->len);
	skb_tx_timestamp(skb);
	skb_orphan(skb);
	skb_dst_drop(skb);
	rcu_read_lock();
	if (on_eswitch(port))
		sn_forward_out(port, skb);
	else
		sn_forward_in(port, skb);
	rcu_read_unlock();
	return NETDEV_TX_OK;
}

static struct devlink_port *port_devlink(struct net_device *netdev)
{
	struct sn_port *port = netdev_priv(netdev);

	return &port->devlink;
}

static const struct net_device_ops far_ops = {
	.ndo_open = port_open,
	.ndo_stop = port_stop,
	.ndo_start_xmit = port_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_get_stats64 = dev_get_tstats64,
};

static const struct net_device_ops eswitch_ops = {
	.ndo_open = port_open,
	.ndo_stop = port_stop,
	.ndo_start_xmit = port_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_get_stats64 = dev_get_tstats64,
	.ndo_setup_tc = sn_block_setup,
	.ndo_get_devlink_port = port_devlink,
};

static void get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct sn_port *port = netdev_priv(netdev);

	strscpy(info->driver, on_eswitch(port) && port->kind != SN_UPLINK ? "simnic_rep" : "simnic",
		sizeof(info->driver));
	strscpy(info->bus_info, dev_name(&port->nic->pdev->dev), sizeof(info->bus_info));
	strscpy(info->fw_version, "1.0.0", sizeof(info->fw_version));
}

static const struct ethtool_ops ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
};

static void setup(struct net_device *netdev)
{
	ether_setup(netdev);
	netdev->ethtool_ops = &ethtool_ops;
	netdev->priv_flags &= ~IFF_TX_SKB_SHARING;
	// Nothing waits here, and nothing is shared: frames go on in the sender's context, also one that sends meanwhile.
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_NO_QUEUE;
	netdev->features |= NETIF_F_HIGHDMA | NETIF_F_LLTX;
	netdev->max_mtu = 9600;
	// Room for a tunnel's headers.
	netdev->needed_headroom = 128;
	eth_hw_addr_random(netdev);
}

static void name_of(const struct sn_nic *nic, enum sn_port_kind kind, unsigned int number,
		    char *name)
{
	switch (kind) {
	case SN_UPLINK:
		snprintf(name, IFNAMSIZ, "sn%u", nic->index);
		break;
	case SN_WIRE:
		snprintf(name, IFNAMSIZ, "sn%uwire", nic->index);
		break;
	case SN_VF:
		snprintf(name, IFNAMSIZ, "sn%uv%u", nic->index, number - 1);
		break;
	case SN_REPRESENTOR:
		snprintf(name, IFNAMSIZ, "sn%ur%u", nic->index, number - 1);
		break;
	}
}

static int register_port(struct sn_port *port)
{
	struct net_device *netdev = port->netdev;
	int err;

	if (port->kind != SN_WIRE)
		SET_NETDEV_DEV(netdev, &port->nic->pdev->dev);
	if (!on_eswitch(port)) {
		netdev->netdev_ops = &far_ops;
		return register_netdev(netdev);
	}
	netdev->netdev_ops = &eswitch_ops;
	netdev->hw_features |= NETIF_F_HW_TC;
	netdev->features |= NETIF_F_HW_TC;
	err = sn_devlink_port_register(port);
	if (err)
		return err;
	err = register_netdev(netdev);
	if (err) {
		devl_port_unregister(&port->devlink);
		return err;
	}
	devlink_port_type_eth_set(&port->devlink, netdev);
	return 0;
}

struct sn_port *sn_port_create(struct sn_nic *nic, enum sn_port_kind kind, unsigned int number)
{
	char name[IFNAMSIZ];
	struct net_device *netdev;
	struct sn_port *port;
	int err;

	name_of(nic, kind, number, name);
	netdev = alloc_netdev(sizeof(*port), name, NET_NAME_USER, setup);
	if (!netdev)
		return ERR_PTR(-ENOMEM);
	port = netdev_priv(netdev);
	port->nic = nic;
	port->netdev = netdev;
	port->kind = kind;
	port->number = number;
	port->binding.nic = nic;
	port->binding.netdev = netdev;
	netdev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	err = netdev->tstats ? register_port(port) : -ENOMEM;
	if (!err)
		return port;
	free_percpu(netdev->tstats);
	free_netdev(netdev);
	return ERR_PTR(err);
}

void sn_port_destroy(struct sn_port *port)
{
	struct net_device *netdev;

	if (!port)
		return;
	netdev = port->netdev;
	if (on_eswitch(port))
		devlink_port_type_clear(&port->devlink);
	// Takes the TC block down, and with it the rules of the port.
	unregister_netdev(netdev);
	if (on_eswitch(port))
		devl_port_unregister(&port->devlink);
	free_percpu(netdev->tstats);
	free_netdev(netdev);
}

struct sn_port *sn_port_of(struct sn_nic *nic, const struct net_device *netdev)
{
	struct sn_port *port;

	if (!netdev || netdev->netdev_ops != &eswitch_ops)
		return NULL;
	port = netdev_priv(netdev);
	return sn_lag_is_joined(port->nic, nic) ? port : NULL;
}
