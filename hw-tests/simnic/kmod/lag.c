// SPDX-License-Identifier: GPL-2.0
// Two NICs whose uplinks are in one bond act as one eSwitch: rules of either send to the ports of both, and what goes out by
// the bond leaves by the member that the bond has chosen. Who is joined is asked of the bond each time.
#include "hw-tests/simnic/kmod/simnic.h"

static struct sn_nic __rcu *nics[SN_MAX_NICS];

void sn_lag_add(struct sn_nic *nic)
{
	rcu_assign_pointer(nics[nic->index], nic);
}

void sn_lag_remove(struct sn_nic *nic)
{
	RCU_INIT_POINTER(nics[nic->index], NULL);
}

struct sn_nic *sn_lag_nic(unsigned int index)
{
	return rcu_dereference(nics[index]);
}

// Under RCU; NULL: the uplink is in no bond.
static struct net_device *bond_of(const struct sn_nic *nic)
{
	const struct sn_port *uplink = rcu_dereference(nic->uplink);
	struct net_device *master = uplink ? netdev_master_upper_dev_get_rcu(uplink->netdev) : NULL;

	return master && netif_is_lag_master(master) ? master : NULL;
}

bool sn_lag_is_bond(const struct sn_nic *nic, const struct net_device *netdev)
{
	bool is;

	rcu_read_lock();
	is = netdev && bond_of(nic) == netdev;
	rcu_read_unlock();
	return is;
}

bool sn_lag_is_joined(const struct sn_nic *a, const struct sn_nic *b)
{
	const struct net_device *bond;
	bool is;

	rcu_read_lock();
	bond = bond_of(a);
	is = a == b || (bond && bond == bond_of(b));
	rcu_read_unlock();
	return is;
}

struct sn_nic *sn_lag_active(struct sn_nic *nic, struct sk_buff *skb)
{
	struct net_device *bond = bond_of(nic), *member;
	unsigned int i;

	if (!bond)
		return nic;
	member = netdev_get_xmit_slave(bond, skb, false);
	for (i = 0; member && i < SN_MAX_NICS; i++) {
		struct sn_nic *other = sn_lag_nic(i);
		struct sn_port *uplink = other ? rcu_dereference(other->uplink) : NULL;

		if (uplink && uplink->netdev == member)
			return other;
	}
	// A bond without a member that can send drops, as its software does.
	return NULL;
}
