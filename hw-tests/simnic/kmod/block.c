// SPDX-License-Identifier: GPL-2.0
// The door to TC: rules of flower, their statistics, policers by themselves.
//
// The callbacks may come without rtnl and several at a time; rules_lock makes them one after another, as hardware does.
#include "hw-tests/simnic/kmod/simnic.h"

static int parse_and_insert(struct sn_binding *at, struct flow_cls_offload *cls,
			    struct sn_rule *rule)
{
	struct sn_nic *nic = at->nic;
	struct netlink_ext_ack *extack = cls->common.extack;
	struct sn_key mask;
	int err;

	if (cls->common.chain_index && nic->profile->no_chains)
		return sn_refuse(extack, "simnic: chains are not supported by this device",
				 EOPNOTSUPP);
	err = sn_match_parse(at, cls, &rule->key, &mask);
	if (!err)
		err = sn_actions_parse(nic, rule, &cls->rule->action, extack);
	if (!err)
		err = sn_table_insert(&at->table, rule, &mask, cls->common.chain_index,
				      cls->common.prio,
				      at->zone ? htons(ETH_P_ALL) : cls->common.protocol);
	return err;
}

static int replace(struct sn_binding *at, struct flow_cls_offload *cls)
{
	struct sn_nic *nic = at->nic;
	struct sn_rule *rule;
	int err;

	// Tunnel devices have no such feature. What is in already is counted and taken out all the same.
	if (!at->zone && !at->tunnel && !tc_can_offload(at->netdev))
		return sn_refuse(cls->common.extack, "simnic: hw-tc-offload is off on this device",
				 EOPNOTSUPP);
	err = sn_faults_before_insert(nic, at->zone, cls->common.extack);
	if (err)
		return err;
	// A connection is given again when more is known of it.
	rule = at->zone ? sn_table_find(&at->table, nic, cls->cookie) : NULL;
	if (rule)
		sn_table_remove(rule);
	rule = kzalloc(struct_size(rule, actions, cls->rule->action.num_entries), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	rule->nic = nic;
	rule->cookie = cls->cookie;
	rule->is_connection = at->zone;
	rule->deaf = nic->faults.ignore;
	rule->used = jiffies;
	rule->lagged_at = jiffies - MAX_JIFFY_OFFSET / 2;
	err = parse_and_insert(at, cls, rule);
	if (err)
		sn_rule_free(rule);
	return err;
}

static int destroy(struct sn_binding *at, struct flow_cls_offload *cls)
{
	struct sn_rule *rule = sn_table_find(&at->table, at->nic, cls->cookie);

	if (!rule)
		return -ENOENT;
	sn_table_remove(rule);
	return 0;
}

// What a query sees of a counter: narrow ones begin again, and the difference to what was seen before is then enormous.
static u64 read_counter(const struct sn_nic *nic, const atomic64_t *counter)
{
	u32 bits = nic->faults.counter_bits;
	u64 value = atomic64_read(counter);

	return bits && bits < 64 ? value & (BIT_ULL(bits) - 1) : value;
}

static int stats(struct sn_binding *at, struct flow_cls_offload *cls)
{
	struct sn_nic *nic = at->nic;
	struct sn_rule *rule = sn_table_find(&at->table, nic, cls->cookie);

	if (!rule)
		return -ENOENT;
	if (nic->profile->no_stats)
		return -EOPNOTSUPP;
	if (!time_before(jiffies, rule->lagged_at + msecs_to_jiffies(nic->faults.stats_lag_ms))) {
		rule->lagged[0] = read_counter(nic, &rule->packets);
		rule->lagged[1] = read_counter(nic, &rule->bytes);
		rule->lagged[2] = read_counter(nic, &rule->drops);
		rule->lagged_at = jiffies;
	}
	flow_stats_update(&cls->stats, rule->lagged[1] - rule->told[1],
			  rule->lagged[0] - rule->told[0], rule->lagged[2] - rule->told[2],
			  READ_ONCE(rule->used), FLOW_ACTION_HW_STATS_DELAYED);
	memcpy(rule->told, rule->lagged, sizeof(rule->told));
	return 0;
}

static int run_command(struct sn_binding *at, struct flow_cls_offload *cls)
{
	struct sn_nic *nic = at->nic;
	int err;

	mutex_lock(&nic->rules_lock);
	switch (cls->command) {
	case FLOW_CLS_REPLACE:
		err = replace(at, cls);
		if (err)
			atomic64_inc(&nic->counters.refusals);
		break;
	case FLOW_CLS_DESTROY:
		err = destroy(at, cls);
		break;
	case FLOW_CLS_STATS:
		err = stats(at, cls);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	mutex_unlock(&nic->rules_lock);
	return err;
}

static int block_callback(enum tc_setup_type type, void *data, void *priv);

static int flower(struct sn_binding *at, struct flow_cls_offload *cls)
{
	static const struct flow_action nothing;
	struct sn_nic *nic = at->nic;
	int err;

	// Connections have no connections, and come with the flow table's lock held.
	if (at->zone || cls->command == FLOW_CLS_STATS)
		return run_command(at, cls);
	err = sn_ct_prepare(nic, cls->command == FLOW_CLS_REPLACE ? &cls->rule->action : &nothing,
			    block_callback);
	if (!err)
		err = run_command(at, cls);
	sn_ct_reap(nic, block_callback);
	return err;
}

static int block_callback(enum tc_setup_type type, void *data, void *priv)
{
	struct sn_binding *at = priv;
	switch (type) {
	case TC_SETUP_CLSFLOWER:
		return flower(at, data);
	case TC_SETUP_CLSMATCHALL:
		return sn_matchall(at, data);
	default:
		return -EOPNOTSUPP;
	}
}

int sn_block_setup(struct net_device *netdev, enum tc_setup_type type, void *data)
{
	struct sn_port *port = netdev_priv(netdev);
	struct flow_block_offload *bo = data;

	if (type != TC_SETUP_BLOCK)
		return -EOPNOTSUPP;
	// In legacy mode nothing would ever hit.
	if (bo->command == FLOW_BLOCK_BIND && !port->nic->switchdev)
		return -EOPNOTSUPP;
	bo->unlocked_driver_cb = true;
	return flow_block_cb_setup_simple(bo, &port->nic->blocks, block_callback, &port->binding,
					  &port->binding, true);
}

// ---- Devices that are not ours: tunnels, whose packets come and go by the uplink ----

static struct sn_binding *find_tunnel(struct sn_nic *nic, const struct net_device *netdev)
{
	struct sn_binding *at;

	list_for_each_entry(at, &nic->tunnels, node)
		if (at->netdev == netdev)
			return at;
	return NULL;
}

// All rules were taken out before.
static void release_tunnel(void *priv)
{
	struct sn_binding *at = priv;
	struct sn_nic *nic = at->nic;

	mutex_lock(&nic->rules_lock);
	list_del_rcu(&at->node);
	mutex_unlock(&nic->rules_lock);
	kfree_rcu(at, rcu);
}

static int bind_tunnel(struct sn_nic *nic, struct net_device *netdev, struct Qdisc *sch,
		       struct flow_block_offload *bo, void *data,
		       void (*cleanup)(struct flow_block_cb *block_cb))
{
	struct sn_binding *at = kzalloc(sizeof(*at), GFP_KERNEL);
	struct flow_block_cb *cb;

	if (!at)
		return -ENOMEM;
	at->nic = nic;
	at->netdev = netdev;
	at->tunnel = sn_tunnel_kind(netdev);
	cb = flow_indr_block_cb_alloc(block_callback, at, at, release_tunnel, bo, netdev, sch, data,
				      nic, cleanup);
	if (IS_ERR(cb)) {
		kfree(at);
		return PTR_ERR(cb);
	}
	mutex_lock(&nic->rules_lock);
	list_add_tail_rcu(&at->node, &nic->tunnels);
	mutex_unlock(&nic->rules_lock);
	flow_block_cb_add(cb, bo);
	list_add_tail(&cb->driver_list, &nic->blocks);
	return 0;
}

static int unbind_tunnel(struct sn_nic *nic, struct net_device *netdev,
			 struct flow_block_offload *bo)
{
	struct sn_binding *at = find_tunnel(nic, netdev);
	struct flow_block_cb *cb = at ? flow_block_cb_lookup(bo->block, block_callback, at) : NULL;

	if (!cb)
		return -ENOENT;
	flow_indr_block_cb_remove(cb, bo);
	list_del(&cb->driver_list);
	return 0;
}

static int indirect_callback(struct net_device *netdev, struct Qdisc *sch, void *priv,
			     enum tc_setup_type type, void *type_data, void *data,
			     void (*cleanup)(struct flow_block_cb *block_cb))
{
	struct sn_nic *nic = priv;
	struct flow_block_offload *bo = type_data;

	// Actions by themselves come with their data in the place of a device's block.
	if (!netdev)
		return type == TC_SETUP_ACT ? sn_meter_offload(nic, data) : -EOPNOTSUPP;
	if (type != TC_SETUP_BLOCK || !sn_tunnel_kind(netdev) ||
	    bo->binder_type != FLOW_BLOCK_BINDER_TYPE_CLSACT_INGRESS)
		return -EOPNOTSUPP;
	bo->unlocked_driver_cb = true;
	bo->driver_block_list = &nic->blocks;
	if (bo->command == FLOW_BLOCK_BIND)
		return find_tunnel(nic, netdev) ? -EEXIST
						: bind_tunnel(nic, netdev, sch, bo, data, cleanup);
	return unbind_tunnel(nic, netdev, bo);
}

int sn_indirect_register(struct sn_nic *nic)
{
	return flow_indr_dev_register(indirect_callback, nic);
}

void sn_indirect_unregister(struct sn_nic *nic)
{
	flow_indr_dev_unregister(indirect_callback, nic, release_tunnel);
}
