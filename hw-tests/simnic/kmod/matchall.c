// SPDX-License-Identifier: GPL-2.0
// matchall with police: a port's limit, before its rules. One for each port, at priority 1 and in chain 0, as drivers of NICs want it.
#include "hw-tests/simnic/kmod/simnic.h"

static int check(const struct sn_binding *at, const struct tc_cls_matchall_offload *mall)
{
	struct netlink_ext_ack *extack = mall->common.extack;
	const struct flow_action_entry *e;
	int i;

	if (at->zone || at->tunnel)
		return sn_refuse(extack, "simnic: matchall is for ports", EOPNOTSUPP);
	if (!tc_can_offload(at->netdev))
		return sn_refuse(extack, "simnic: hw-tc-offload is off on this device", EOPNOTSUPP);
	if (mall->common.prio != 1 || mall->common.chain_index)
		return sn_refuse(extack, "simnic: matchall only at priority 1 and in chain 0",
				 EOPNOTSUPP);
	if (rcu_access_pointer(at->police))
		return sn_refuse(extack, "simnic: the port has a matchall already", EEXIST);
	flow_action_for_each(i, e, &mall->rule->action)
		if (e->id != FLOW_ACTION_POLICE)
			return sn_refuse(extack, "simnic: matchall only with police", EOPNOTSUPP);
	return 0;
}

static int replace(struct sn_binding *at, struct tc_cls_matchall_offload *mall)
{
	struct sn_nic *nic = at->nic;
	struct sn_rule *rule;
	int err = check(at, mall);

	if (err)
		return err;
	rule = kzalloc(struct_size(rule, actions, mall->rule->action.num_entries), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	rule->nic = nic;
	rule->cookie = mall->cookie;
	rule->polices_port = true;
	rule->used = jiffies;
	err = sn_actions_parse(nic, rule, &mall->rule->action, mall->common.extack);
	if (err)
		sn_rule_free(rule);
	else
		rcu_assign_pointer(at->police, rule);
	return err;
}

static struct sn_rule *rule_of(struct sn_binding *at)
{
	return rcu_dereference_protected(at->police, lockdep_is_held(&at->nic->rules_lock));
}

static int destroy(struct sn_binding *at, unsigned long cookie)
{
	struct sn_rule *rule = rule_of(at);

	if (!rule || rule->cookie != cookie)
		return -ENOENT;
	RCU_INIT_POINTER(at->police, NULL);
	sn_rule_free(rule);
	return 0;
}

static int stats(struct sn_binding *at, struct tc_cls_matchall_offload *mall)
{
	struct sn_rule *rule = rule_of(at);
	u64 now[3];

	if (!rule || rule->cookie != mall->cookie)
		return -ENOENT;
	if (at->nic->profile->no_stats)
		return -EOPNOTSUPP;
	now[0] = atomic64_read(&rule->packets);
	now[1] = atomic64_read(&rule->bytes);
	now[2] = atomic64_read(&rule->drops);
	flow_stats_update(&mall->stats, now[1] - rule->told[1], now[0] - rule->told[0],
			  now[2] - rule->told[2], READ_ONCE(rule->used),
			  FLOW_ACTION_HW_STATS_DELAYED);
	memcpy(rule->told, now, sizeof(rule->told));
	return 0;
}

int sn_matchall(struct sn_binding *at, struct tc_cls_matchall_offload *mall)
{
	int err = -EOPNOTSUPP;

	mutex_lock(&at->nic->rules_lock);
	switch (mall->command) {
	case TC_CLSMATCHALL_REPLACE:
		err = replace(at, mall);
		break;
	case TC_CLSMATCHALL_DESTROY:
		err = destroy(at, mall->cookie);
		break;
	case TC_CLSMATCHALL_STATS:
		err = stats(at, mall);
		break;
	}
	mutex_unlock(&at->nic->rules_lock);
	return err;
}

bool sn_matchall_passes(struct sn_packet *p)
{
	p->rule = rcu_dereference(p->in->police);
	return !p->rule || sn_actions_run(p) != SN_DROP;
}
