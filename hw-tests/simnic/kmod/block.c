// SPDX-License-Identifier: GPL-2.0
// The door to TC: rules of flower, their statistics, policers by themselves.
//
// The callbacks may come without rtnl and several at a time; rules_lock makes them one after another, as hardware does.
#include "hw-tests/simnic/kmod/simnic.h"

static int parse_and_insert(struct sn_port *port, struct flow_cls_offload *cls,
			    struct sn_rule *rule)
{
	struct sn_nic *nic = port->nic;
	struct netlink_ext_ack *extack = cls->common.extack;
	struct sn_key mask;
	int err;

	if (cls->common.chain_index && nic->profile->no_chains)
		return sn_refuse(extack, "simnic: chains are not supported by this device",
				 EOPNOTSUPP);
	err = sn_match_parse(nic, cls, &rule->key, &mask);
	if (!err)
		err = sn_actions_parse(nic, rule, &cls->rule->action, extack);
	if (!err)
		err = sn_table_insert(&port->table, rule, &mask, cls->common.chain_index,
				      cls->common.prio, cls->common.protocol);
	return err;
}

static int replace(struct sn_port *port, struct flow_cls_offload *cls)
{
	struct sn_nic *nic = port->nic;
	struct sn_rule *rule;
	int err;

	err = sn_faults_before_insert(nic, cls->common.extack);
	if (err)
		return err;
	rule = kzalloc(struct_size(rule, actions, cls->rule->action.num_entries), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	rule->nic = nic;
	rule->cookie = cls->cookie;
	rule->deaf = nic->faults.ignore;
	rule->used = jiffies;
	rule->lagged_at = jiffies - MAX_JIFFY_OFFSET / 2;
	err = parse_and_insert(port, cls, rule);
	if (err)
		sn_rule_free(rule);
	return err;
}

static int destroy(struct sn_port *port, struct flow_cls_offload *cls)
{
	struct sn_rule *rule = sn_table_find(&port->table, port->nic, cls->cookie);

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

static int stats(struct sn_port *port, struct flow_cls_offload *cls)
{
	struct sn_nic *nic = port->nic;
	struct sn_rule *rule = sn_table_find(&port->table, nic, cls->cookie);

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

static int flower(struct sn_port *port, struct flow_cls_offload *cls)
{
	struct sn_nic *nic = port->nic;
	int err;

	mutex_lock(&nic->rules_lock);
	switch (cls->command) {
	case FLOW_CLS_REPLACE:
		err = replace(port, cls);
		break;
	case FLOW_CLS_DESTROY:
		err = destroy(port, cls);
		break;
	case FLOW_CLS_STATS:
		err = stats(port, cls);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	mutex_unlock(&nic->rules_lock);
	return err;
}

static int block_callback(enum tc_setup_type type, void *data, void *priv)
{
	struct sn_port *port = priv;
	struct flow_cls_common_offload *common = data;

	if (!tc_can_offload(port->netdev)) {
		if (type == TC_SETUP_CLSFLOWER)
			sn_refuse(common->extack, "simnic: hw-tc-offload is off on this device", 0);
		return -EOPNOTSUPP;
	}
	switch (type) {
	case TC_SETUP_CLSFLOWER:
		return flower(port, data);
	case TC_SETUP_CLSMATCHALL:
		return sn_refuse(common->extack, "simnic: only flower is supported, not matchall",
				 EOPNOTSUPP);
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
	return flow_block_cb_setup_simple(bo, &port->nic->blocks, block_callback, port, port, true);
}

// ---- What is not at a device of ours ----

static int indirect_callback(struct net_device *netdev, struct Qdisc *sch, void *priv,
			     enum tc_setup_type type, void *type_data, void *data,
			     void (*cleanup)(struct flow_block_cb *block_cb))
{
	// Actions by themselves come with their data in the place of a device's block.
	if (!netdev && type == TC_SETUP_ACT)
		return sn_meter_offload(priv, data);
	return -EOPNOTSUPP;
}

static void release_nothing(void *priv) {}

int sn_indirect_register(struct sn_nic *nic)
{
	return flow_indr_dev_register(indirect_callback, nic);
}

void sn_indirect_unregister(struct sn_nic *nic)
{
	flow_indr_dev_unregister(indirect_callback, nic, release_nothing);
}
