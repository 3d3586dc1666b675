// SPDX-License-Identifier: GPL-2.0
// Connection tracking: the kernel tracks, and tells each zone's established connections to the NIC by the zone's flow table.
//
// A connection is two rules (one for each direction) in the table of its zone. A packet that is of none of them is for
// software, from the beginning of the rule with the ct action: that is why ct must come first in its rule.
// Locks: ct_lock, then the flow table's own, then rules_lock. Rules drop their zone under rules_lock, so a zone that nobody
// uses any more is taken away afterwards, by sn_ct_reap().
#include <net/netfilter/nf_flow_table.h>
#include <net/tc_act/tc_ct.h>
#include <uapi/linux/tc_act/tc_ct.h>

#include "hw-tests/simnic/kmod/simnic.h"

struct sn_zone {
	struct list_head node; // sn_nic.zones, under ct_lock
	struct rcu_head rcu;
	struct nf_flowtable *flow_table;
	u16 zone;
	atomic_t users;
	struct sn_binding binding;
};

// ---- Zones ----

static struct sn_zone *find_zone(struct sn_nic *nic, const struct nf_flowtable *flow_table)
{
	struct sn_zone *z;

	list_for_each_entry(z, &nic->zones, node)
		if (z->flow_table == flow_table)
			return z;
	return NULL;
}

static struct sn_zone *add_zone(struct sn_nic *nic, const struct flow_action_entry *e,
				flow_setup_cb_t *callback)
{
	struct sn_zone *z = kzalloc(sizeof(*z), GFP_KERNEL);

	if (!z)
		return NULL;
	z->flow_table = e->ct.flow_table;
	z->zone = e->ct.zone;
	z->binding.nic = nic;
	z->binding.zone = z;
	if (nf_flow_table_offload_add_cb(z->flow_table, callback, &z->binding)) {
		kfree(z);
		return NULL;
	}
	list_add(&z->node, &nic->zones);
	return z;
}

int sn_ct_prepare(struct sn_nic *nic, const struct flow_action *list, flow_setup_cb_t *callback)
{
	const struct flow_action_entry *e;
	struct sn_zone *z;
	int i, err = 0;

	mutex_lock(&nic->ct_lock);
	flow_action_for_each(i, e, list) {
		if (e->id != FLOW_ACTION_CT || !e->ct.flow_table)
			continue;
		z = find_zone(nic, e->ct.flow_table) ?: add_zone(nic, e, callback);
		if (!z) {
			err = -ENOMEM;
			break;
		}
	}
	// ct_lock stays taken: the new zones have no users yet.
	return err;
}

void sn_ct_reap(struct sn_nic *nic, flow_setup_cb_t *callback)
{
	struct sn_zone *z, *next;

	list_for_each_entry_safe(z, next, &nic->zones, node) {
		if (atomic_read(&z->users))
			continue;
		list_del(&z->node);
		nf_flow_table_offload_del_cb(z->flow_table, callback, &z->binding);
		mutex_lock(&nic->rules_lock);
		sn_table_flush(nic, &z->binding.table);
		mutex_unlock(&nic->rules_lock);
		kfree_rcu(z, rcu);
	}
	mutex_unlock(&nic->ct_lock);
}

// ---- ct ----

static int parse_ct(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
		    struct sn_action *a, struct netlink_ext_ack *extack)
{
	a->ct.clear = e->ct.action & TCA_CT_ACT_CLEAR;
	a->ct.nat = e->ct.action & TCA_CT_ACT_NAT;
	if (a->ct.clear)
		return 0;
	if (e->ct.action & TCA_CT_ACT_FORCE)
		return sn_refuse(extack, "simnic: ct force is not supported", EOPNOTSUPP);
	if (rule->n_actions)
		return sn_refuse(extack, "simnic: ct must be the first action of its rule",
				 EOPNOTSUPP);
	a->ct.zone = find_zone(nic, e->ct.flow_table);
	if (!a->ct.zone)
		return sn_refuse(extack, "simnic: ct without a flow table is not supported",
				 EOPNOTSUPP);
	atomic_inc(&a->ct.zone->users);
	rule->zone = a->ct.zone;
	return 0;
}

static void release_ct(struct sn_nic *nic, struct sn_action *a)
{
	if (!a->ct.clear)
		atomic_dec(&a->ct.zone->users);
}

bool sn_ct_find(struct sn_packet *p)
{
	u32 chain = p->chain;

	p->chain = 0;
	p->connection = sn_table_lookup(&p->rule->zone->binding.table, p);
	p->chain = chain;
	return p->connection;
}

// Runs the connection's own list: what it says of the packet, and the rewriting when the rule wants NAT.
static enum sn_verdict run_ct(struct sn_packet *p, const struct sn_action *a)
{
	struct sn_rule *connection = p->connection;
	unsigned int i;

	memset(&p->ct, 0, sizeof(p->ct));
	p->ct_cookie = 0;
	if (a->ct.clear)
		return SN_NEXT;
	atomic64_inc(&connection->packets);
	atomic64_add(p->skb->len, &connection->bytes);
	WRITE_ONCE(connection->used, jiffies);
	for (i = 0; i < connection->n_actions; i++) {
		const struct sn_action *own = &connection->actions[i];

		if (own->type != &sn_action_ct_metadata && !a->ct.nat)
			continue;
		if (own->type->run(p, own) == SN_DROP)
			return SN_DROP;
	}
	p->ct.ct_zone = a->ct.zone->zone;
	return SN_NEXT;
}

const struct sn_action_type sn_action_ct = {
	SN_ACTION_TEXTS("ct"),
	.parse = parse_ct,
	.run = run_ct,
	.release = release_ct,
};

// ---- What a connection's rule says ----

static int parse_metadata(struct sn_nic *nic, struct sn_rule *rule,
			  const struct flow_action_entry *e, struct sn_action *a,
			  struct netlink_ext_ack *extack)
{
	if (!rule->is_connection)
		return sn_refuse(extack, "simnic: ct metadata outside a connection", EOPNOTSUPP);
	a->metadata.cookie = e->ct_metadata.cookie;
	a->metadata.mark = e->ct_metadata.mark;
	a->metadata.reply = !e->ct_metadata.orig_dir;
	memcpy(a->metadata.labels, e->ct_metadata.labels, sizeof(a->metadata.labels));
	return 0;
}

static enum sn_verdict run_metadata(struct sn_packet *p, const struct sn_action *a)
{
	p->ct.ct_state = TCA_FLOWER_KEY_CT_FLAGS_TRACKED | TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED;
	if (a->metadata.reply)
		p->ct.ct_state |= TCA_FLOWER_KEY_CT_FLAGS_REPLY;
	p->ct.ct_mark = a->metadata.mark;
	memcpy(p->ct.ct_labels, a->metadata.labels, sizeof(p->ct.ct_labels));
	p->ct_cookie = a->metadata.cookie;
	return SN_NEXT;
}

const struct sn_action_type sn_action_ct_metadata = {
	SN_ACTION_TEXTS("ct_metadata"),
	.parse = parse_metadata,
	.run = run_metadata,
};
