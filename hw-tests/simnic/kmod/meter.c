// SPDX-License-Identifier: GPL-2.0
// police and sample. Policers have an index, by which several rules share one; "tc actions" makes, changes and shows them.
#include <net/psample.h>

#include "hw-tests/simnic/kmod/simnic.h"

struct sn_meter {
	struct list_head node; // packets do not look for it: their rule has it
	struct rcu_head rcu;
	u32 index;
	unsigned int users; // rules, and "tc actions" itself; under rules_lock
	bool standalone; // "tc actions" is one of them
	spinlock_t lock; // all below
	u64 byte_rate, packet_rate; // a second
	u64 byte_burst, packet_burst; // bytes, packets
	u32 mtu; // 0: any
	u64 byte_tokens, packet_tokens; // in units of a nanosecond's worth: times NSEC_PER_SEC
	u64 filled; // ns
	u64 packets, bytes, drops;
	u64 told_packets, told_bytes, told_drops;
	unsigned long used;
};

// ---- Tokens ----

static int meter_set(struct sn_meter *m, const struct flow_action_entry *e,
		     struct netlink_ext_ack *extack)
{
	if (e->police.exceed.act_id != FLOW_ACTION_DROP &&
	    e->police.exceed.act_id != FLOW_ACTION_JUMP)
		return sn_refuse(extack,
				 "simnic: police supports only drop and jump for what exceeds",
				 EOPNOTSUPP);
	if (e->police.notexceed.act_id != FLOW_ACTION_PIPE &&
	    e->police.notexceed.act_id != FLOW_ACTION_ACCEPT &&
	    e->police.notexceed.act_id != FLOW_ACTION_CONTINUE)
		return sn_refuse(extack,
				 "simnic: police supports only pipe or ok for what conforms",
				 EOPNOTSUPP);
	if (e->police.peakrate_bytes_ps || e->police.avrate || e->police.overhead)
		return sn_refuse(extack, "simnic: police supports no peakrate, avrate or overhead",
				 EOPNOTSUPP);
	spin_lock_bh(&m->lock);
	m->byte_rate = e->police.rate_bytes_ps;
	m->packet_rate = e->police.rate_pkt_ps;
	m->byte_burst = e->police.burst;
	m->packet_burst = min_t(u64, e->police.burst_pkt, U32_MAX);
	m->mtu = e->police.mtu == U32_MAX ? 0 : e->police.mtu;
	m->byte_tokens = m->byte_burst * NSEC_PER_SEC;
	m->packet_tokens = m->packet_burst * NSEC_PER_SEC;
	m->filled = ktime_get_ns();
	spin_unlock_bh(&m->lock);
	return 0;
}

static bool take(u64 *tokens, u64 rate, u64 burst, u64 elapsed, u64 n, bool commit)
{
	u64 limit = burst * NSEC_PER_SEC;
	// More than a burst's worth of time fills the bucket; below, the product cannot overflow.
	u64 have = elapsed > div64_u64(limit, rate) ? limit : min(limit, *tokens + elapsed * rate);

	if (have < n * NSEC_PER_SEC)
		return false;
	if (commit)
		*tokens = have - n * NSEC_PER_SEC;
	return true;
}

// As software measures a packet: with the Ethernet header, without the tag beside it.
static bool is_too_long(const struct sn_meter *m, const struct sk_buff *skb)
{
	return skb_is_gso(skb) ? !skb_gso_validate_mac_len(skb, m->mtu) : skb->len > m->mtu;
}

static bool conforms(struct sn_meter *m, const struct sk_buff *skb)
{
	// Rates without it.
	unsigned int len = skb->len - ETH_HLEN;
	u64 now = ktime_get_ns(), elapsed = now - m->filled;
	bool bytes_ok = !m->byte_rate, packets_ok = !m->packet_rate;

	if (m->mtu && is_too_long(m, skb))
		return false;
	if (m->byte_rate)
		bytes_ok = take(&m->byte_tokens, m->byte_rate, m->byte_burst, elapsed, len, false);
	if (m->packet_rate)
		packets_ok =
			take(&m->packet_tokens, m->packet_rate, m->packet_burst, elapsed, 1, false);
	if (!bytes_ok || !packets_ok)
		return false;
	if (m->byte_rate)
		take(&m->byte_tokens, m->byte_rate, m->byte_burst, elapsed, len, true);
	if (m->packet_rate)
		take(&m->packet_tokens, m->packet_rate, m->packet_burst, elapsed, 1, true);
	m->filled = now;
	return true;
}

// ---- Life ----

static struct sn_meter *find(struct sn_nic *nic, u32 index)
{
	struct sn_meter *m;

	list_for_each_entry(m, &nic->meters, node)
		if (m->index == index)
			return m;
	return NULL;
}

static struct sn_meter *need(struct sn_nic *nic, const struct flow_action_entry *e, u32 index,
			     struct netlink_ext_ack *extack, int *err)
{
	struct sn_meter *m = find(nic, index);
	bool new = !m;

	if (new) {
		m = kzalloc(sizeof(*m), GFP_KERNEL);
		if (!m) {
			*err = -ENOMEM;
			return NULL;
		}
		m->index = index;
		spin_lock_init(&m->lock);
	}
	// A shared one keeps its tokens; "tc actions change" comes separately.
	*err = new ? meter_set(m, e, extack) : 0;
	if (*err) {
		kfree(m);
		return NULL;
	}
	if (new)
		list_add(&m->node, &nic->meters);
	m->users++;
	return m;
}

static void put(struct sn_meter *m)
{
	if (--m->users)
		return;
	list_del(&m->node);
	kfree_rcu(m, rcu);
}

static int parse_police(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
			struct sn_action *a, struct netlink_ext_ack *extack)
{
	bool only_length = !e->police.rate_bytes_ps && !e->police.rate_pkt_ps;
	int err;

	if (nic->profile->no_police_mtu &&
	    (only_length || e->police.exceed.act_id != FLOW_ACTION_DROP))
		return sn_refuse(extack, "simnic: police by length is not supported by this device",
				 EOPNOTSUPP);
	if (e->police.notexceed.act_id == FLOW_ACTION_CONTINUE && !rule->polices_port)
		return sn_refuse(extack,
				 "simnic: police supports only pipe or ok for what conforms",
				 EOPNOTSUPP);
	a->police.meter = need(nic, e, e->hw_index, extack, &err);
	a->police.jump = e->police.exceed.act_id == FLOW_ACTION_JUMP ? rule->jump : 0;
	a->police.accept = e->police.notexceed.act_id == FLOW_ACTION_ACCEPT;
	return err;
}

static void release_police(struct sn_nic *nic, struct sn_action *a)
{
	put(a->police.meter);
}

static enum sn_verdict run_police(struct sn_packet *p, const struct sn_action *a)
{
	struct sn_meter *m = a->police.meter;
	bool ok;

	spin_lock(&m->lock);
	ok = conforms(m, p->skb);
	m->packets++;
	m->bytes += p->skb->len;
	m->drops += !ok && !a->police.jump;
	m->used = jiffies;
	spin_unlock(&m->lock);
	if (!ok && a->police.jump) {
		p->jump = a->police.jump;
		return SN_JUMP;
	}
	if (!ok)
		atomic64_inc(&p->rule->drops);
	if (!ok)
		return SN_DROP;
	return a->police.accept ? SN_SLOW : SN_NEXT;
}

const struct sn_action_type sn_action_police = {
	SN_ACTION_TEXTS("police"),
	.parse = parse_police,
	.run = run_police,
	.release = release_police,
};

// ---- "tc actions": policers without a rule ----

static int replace(struct sn_nic *nic, struct flow_offload_action *fl)
{
	struct sn_meter *m = find(nic, fl->index);
	int err;

	if (!m) {
		m = need(nic, &fl->action.entries[0], fl->index, fl->extack, &err);
		if (m)
			m->standalone = true;
		return err;
	}
	err = meter_set(m, &fl->action.entries[0], fl->extack);
	if (err)
		return err;
	m->users += !m->standalone;
	m->standalone = true;
	return 0;
}

static int destroy(struct sn_nic *nic, struct flow_offload_action *fl)
{
	struct sn_meter *m = find(nic, fl->index);

	if (!m || !m->standalone)
		return -ENOENT;
	m->standalone = false;
	put(m);
	return 0;
}

static int stats(struct sn_nic *nic, struct flow_offload_action *fl)
{
	struct sn_meter *m = find(nic, fl->index);

	if (!m || !m->standalone)
		return -ENOENT;
	spin_lock_bh(&m->lock);
	flow_stats_update(&fl->stats, m->bytes - m->told_bytes, m->packets - m->told_packets,
			  m->drops - m->told_drops, m->used, FLOW_ACTION_HW_STATS_IMMEDIATE);
	m->told_bytes = m->bytes;
	m->told_packets = m->packets;
	m->told_drops = m->drops;
	spin_unlock_bh(&m->lock);
	return 0;
}

int sn_meter_offload(struct sn_nic *nic, struct flow_offload_action *fl)
{
	int err = -EOPNOTSUPP;

	if (fl->id != FLOW_ACTION_POLICE)
		return -EOPNOTSUPP;
	if (fl->command == FLOW_ACT_REPLACE) {
		if (nic->faults.refuse_actions & BIT_ULL(FLOW_ACTION_POLICE))
			return sn_refuse(fl->extack, sn_action_police.injected, EOPNOTSUPP);
		if (nic->profile->no_actions & BIT_ULL(FLOW_ACTION_POLICE))
			return sn_refuse(fl->extack, sn_action_police.refusal, EOPNOTSUPP);
	}
	mutex_lock(&nic->rules_lock);
	switch (fl->command) {
	case FLOW_ACT_REPLACE:
		err = replace(nic, fl);
		break;
	case FLOW_ACT_DESTROY:
		err = destroy(nic, fl);
		break;
	case FLOW_ACT_STATS:
		err = stats(nic, fl);
		break;
	}
	mutex_unlock(&nic->rules_lock);
	return err;
}

// ---- sample ----

static int parse_sample(struct sn_nic *nic, struct sn_rule *rule, const struct flow_action_entry *e,
			struct sn_action *a, struct netlink_ext_ack *extack)
{
	a->sample.group = e->sample.psample_group;
	a->sample.rate = e->sample.rate;
	a->sample.trunc = e->sample.truncate ? e->sample.trunc_size : 0;
	psample_group_take(a->sample.group);
	return 0;
}

static void release_sample(struct sn_nic *nic, struct sn_action *a)
{
	psample_group_put(a->sample.group);
}

static enum sn_verdict run_sample(struct sn_packet *p, const struct sn_action *a)
{
	struct psample_metadata md = { .in_ifindex = p->in->netdev->ifindex };

	if (prandom_u32_max(a->sample.rate))
		return SN_NEXT;
	md.trunc_size = a->sample.trunc ?: p->skb->len;
	psample_sample_packet(a->sample.group, p->skb, a->sample.rate, &md);
	return SN_NEXT;
}

const struct sn_action_type sn_action_sample = {
	SN_ACTION_TEXTS("sample"),
	.parse = parse_sample,
	.run = run_sample,
	.release = release_sample,
};
