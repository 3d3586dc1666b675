// SPDX-License-Identifier: Apache-2.0
// The door of the userspace datapath: life, ports, flows, statistics.
#include "datapath/datapath.h"

#include <sched.h>

#include <rte_version.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "datapath/user/eal.h"
#include "datapath/user/worker.h"

LOG_MODULE(dpif_netdev);

#define STATE_CHECK_MSEC 250
#define FIRST_PORT 1 // 0 is the datapath's own, which the userspace datapath has no use for

// ---- Workers ----

// One CPU of those the process may use: not the one the main thread is on, where there are two.
static uint64_t default_pmd_mask(void)
{
	AUTO_FREE int *cpus = NULL;
	size_t n = eal_cpus(&cpus);

	for (size_t i = n; i-- > 1;)
		if (cpus[i] < 64)
			return 1ULL << cpus[i];
	return 1ULL << (n ? cpus[0] % 64 : 0);
}

static uint64_t usable_mask(struct user_datapath *dp, uint64_t asked)
{
	AUTO_FREE int *cpus = NULL;
	size_t n = eal_cpus(&cpus);
	uint64_t mask = 0;

	for (size_t i = 0; i < n; i++)
		if (cpus[i] < 64)
			mask |= 1ULL << cpus[i];
	if (asked & ~mask && asked != dp->asked_mask)
		log_warn("pmd-cpu-mask 0x%llx: the process may not run on cores 0x%llx, they are "
			 "left out",
			 (unsigned long long)asked, (unsigned long long)(asked & ~mask));
	dp->asked_mask = asked;
	return asked & mask;
}

static void add_lookups(const struct worker *w, struct datapath_stats *sum)
{
	const struct worker_stats *s = &w->stats;

	sum->hit += __atomic_load_n(&s->emc_hits, __ATOMIC_RELAXED) +
		    __atomic_load_n(&s->megaflow_hits, __ATOMIC_RELAXED);
	sum->missed += __atomic_load_n(&s->misses, __ATOMIC_RELAXED);
}

static void stop_pmds(struct user_datapath *dp)
{
	for (size_t i = 1; i < dp->n_workers; i++) {
		pmd_stop(dp->workers[i]);
		add_lookups(dp->workers[i], &dp->ended);
		worker_destroy(dp->workers[i]);
	}
	dp->n_workers = 1;
}

static void start_pmds(struct user_datapath *dp, uint64_t mask)
{
	stop_pmds(dp);
	dp->pmd_mask = mask;
	dp->workers =
		xrealloc(dp->workers, (1 + __builtin_popcountll(mask)) * sizeof(*dp->workers));
	for (uint64_t left = mask; left; left &= left - 1) {
		struct worker *w = worker_create(dp, dp->n_workers, __builtin_ctzll(left));

		dp->workers[dp->n_workers++] = w;
	}
	pmd_assign_queues(dp);
	for (size_t i = 1; i < dp->n_workers; i++)
		pmd_start(dp->workers[i]);
}

static void apply(struct user_datapath *dp, const struct datapath_config *c)
{
	double inv = c->emc_insert_inv_prob;
	uint32_t min = inv < 1 ? 0 : (uint32_t)(UINT32_MAX / inv);

	__atomic_store_n(&dp->emc_insert_min, min, __ATOMIC_RELAXED);
	dp->sleep_is_set = c->pmd_sleep_is_set;
	dp->sleep_max_usec = MIN(c->pmd_sleep_max_usec, 10000);
}

static void user_reconfigure(struct datapath *base, const struct datapath_config *config)
{
	struct user_datapath *dp = user_datapath(base);
	uint64_t mask = usable_mask(dp, config->pmd_cpu_mask);
	bool sleep_was_set = dp->sleep_is_set;
	uint64_t sleep_was = dp->sleep_max_usec;

	eal_note_change(config);
	apply(dp, config);
	if (!mask)
		mask = default_pmd_mask();
	if (mask != dp->pmd_mask)
		start_pmds(dp, mask);
	else if (sleep_was_set != dp->sleep_is_set || sleep_was != dp->sleep_max_usec)
		pmd_assign_queues(dp);
}

// ---- Life ----

static void user_port_del(struct datapath *base, dp_port_t port);

static int user_open(const char *name, const struct upcall_ops *ops, void *aux,
		     const struct datapath_config *config, struct datapath **ret, struct error *err)
{
	struct user_datapath *dp;
	int res = eal_start(config, err);

	if (res)
		return res;
	if (!eal_pool(1500, err))
		return err->code;
	rcu_thread_begin();
	dp = xzalloc_aligned(sizeof(*dp));
	dp->base.ops = &datapath_user;
	dp->name = xstrdup(name);
	dp->upcall = ops;
	dp->upcall_aux = aux;
	dp->flows = flow_table_create();
	dp->workers = xmalloc(sizeof(*dp->workers));
	dp->workers[0] = worker_create(dp, 0, -1);
	dp->n_workers = 1;
	user_reconfigure(&dp->base, config);
	commands_register(dp);
	*ret = &dp->base;
	return 0;
}

static void user_close(struct datapath *base)
{
	struct user_datapath *dp = user_datapath(base);

	commands_unregister();
	stop_pmds(dp);
	for (unsigned int i = 0; i < MAX_PORTS; i++)
		if (dp->ports[i])
			user_port_del(&dp->base, DP_PORT(i));
	worker_destroy(dp->workers[0]);
	free(dp->workers);
	flow_table_destroy(dp->flows);
	user_meters_free(dp->meters);
	free(dp->name);
	free(dp);
}

// ---- Ports ----

static int free_number(const struct user_datapath *dp, dp_port_t *ret, struct error *err)
{
	for (uint32_t i = FIRST_PORT; i < MAX_PORTS; i++)
		if (!dp->ports[i]) {
			*ret = DP_PORT(i);
			return 0;
		}
	return error_set(err, -ENOSPC, "there are %d ports already", MAX_PORTS - FIRST_PORT);
}

static int user_port_add(struct datapath *base, const char *name, const char *type,
			 const struct smap *options, dp_port_t *ret_port, struct error *err)
{
	struct user_datapath *dp = user_datapath(base);
	const struct port_class *class = port_class_find(type);
	dp_port_t number = DP_PORT_NONE;
	struct port *p;

	if (user_port_by_name(&dp->base, name, &number))
		return error_set(err, -EEXIST, "port %s: there is a port of this name", name);
	if (!class)
		return error_set(err, -EAFNOSUPPORT, "port %s: type '%s' is not known", name, type);
	if (strlen(name) >= sizeof(p->ref.name))
		return error_set(err, -ENAMETOOLONG, "port %s: the name is too long", name);
	if (free_number(dp, &number, err))
		return error_wrap(err, "port %s", name);
	p = class->open(name, options, err);
	// That there is no such device is said in the words that programs look for.
	if (!p)
		return err->code == -ENODEV ? err->code : error_wrap(err, "port %s", name);
	snprintf(p->type, sizeof(p->type), "%s", type);
	p->ref.number = number;
	p->held = true;
	RCU_SET(dp->ports[number.n], p);
	dp->change_seq++;
	log_info("%s: port %u, type %s", name, number.n, type);
	*ret_port = number;
	return 0;
}

static void user_port_start(struct datapath *base, dp_port_t number)
{
	struct user_datapath *dp = user_datapath(base);

	dp->ports[number.n]->held = false;
	pmd_assign_queues(dp);
}

// When it returns no other thread can see the port.
static struct port *take_port(struct user_datapath *dp, dp_port_t number)
{
	struct port *p = number.n < MAX_PORTS ? dp->ports[number.n] : NULL;

	if (p) {
		RCU_SET(dp->ports[number.n], (struct port *)NULL);
		pmd_assign_queues(dp);
	}
	return p;
}

static void put_port(struct user_datapath *dp, struct port *p)
{
	RCU_SET(dp->ports[p->ref.number.n], p);
	pmd_assign_queues(dp);
	dp->change_seq++;
}

static void user_port_del(struct datapath *base, dp_port_t port)
{
	struct user_datapath *dp = user_datapath(base);
	struct port *p = take_port(dp, port);

	if (!p)
		return;
	p->class->close(p);
	dp->change_seq++;
}

// A change for which the port is out of use for a moment.
static int no_port(dp_port_t port, struct error *err)
{
	return error_set(err, -ENODEV, "there is no datapath port %u", port.n);
}

static int user_port_set_options(struct datapath *base, dp_port_t port, const struct smap *options,
				 struct error *err)
{
	struct user_datapath *dp = user_datapath(base);
	struct port *p = take_port(dp, port);
	int ret;

	if (!p)
		return no_port(port, err);
	ret = p->class->set_options(p, options, err);
	put_port(dp, p);
	return ret ? error_wrap(err, "port %s", p->ref.name) : 0;
}

static int user_port_set_mtu(struct datapath *base, dp_port_t port, uint32_t mtu, struct error *err)
{
	struct user_datapath *dp = user_datapath(base);
	struct port *p = dp_port(dp, port);
	int ret;

	if (p && p->mtu == mtu)
		return 0;
	p = take_port(dp, port);
	if (!p)
		return no_port(port, err);
	ret = p->class->set_mtu(p, mtu, err);
	put_port(dp, p);
	return ret ? error_wrap(err, "port %s", p->ref.name) : 0;
}

int user_port_set_admin(struct datapath *base, dp_port_t port, bool up, struct error *err)
{
	struct user_datapath *dp = user_datapath(base);
	struct port *p = take_port(dp, port);
	int ret;

	if (!p)
		return no_port(port, err);
	ret = p->class->set_admin(p, up, err);
	put_port(dp, p);
	return ret ? error_wrap(err, "port %s", p->ref.name) : 0;
}

static int user_port_set_mac(struct datapath *base, dp_port_t port, struct eth_addr mac,
			     struct error *err)
{
	struct user_datapath *dp = user_datapath(base);
	struct port *p = dp_port(dp, port);

	if (!p)
		return no_port(port, err);
	if (p->class->set_mac(p, mac, err))
		return error_wrap(err, "port %s", p->ref.name);
	dp->change_seq++;
	return 0;
}

static bool user_port_ref(struct datapath *base, dp_port_t port, struct port_ref *ret)
{
	struct user_datapath *dp = user_datapath(base);
	const struct port *p = dp_port(dp, port);

	if (!p)
		return false;
	*ret = p->ref;
	return true;
}

bool user_port_by_name(struct datapath *base, const char *name, dp_port_t *ret)
{
	struct user_datapath *dp = user_datapath(base);
	for (unsigned int i = 0; i < MAX_PORTS; i++)
		if (dp->ports[i] && !strcmp(dp->ports[i]->ref.name, name)) {
			*ret = DP_PORT(i);
			return true;
		}
	return false;
}

static void user_for_each_port(struct datapath *base, void (*cb)(dp_port_t port, void *aux),
			       void *aux)
{
	struct user_datapath *dp = user_datapath(base);
	for (unsigned int i = 0; i < MAX_PORTS; i++)
		if (dp->ports[i])
			cb(DP_PORT(i), aux);
}

static void get_info(struct port *p, struct datapath_port_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	smap_init(&ret->status);
	snprintf(ret->name, sizeof(ret->name), "%s", p->ref.name);
	snprintf(ret->type, sizeof(ret->type), "%s", p->type);
	p->class->info(p, ret);
	ret->tx_dropped += __atomic_load_n(&p->unsent, __ATOMIC_RELAXED);
}

static bool user_port_info(struct datapath *base, dp_port_t port, struct datapath_port_info *ret)
{
	struct user_datapath *dp = user_datapath(base);
	struct port *p = dp_port(dp, port);

	if (p)
		get_info(p, ret);
	return p;
}

static void user_port_config(struct datapath *base, dp_port_t port, struct smap *config)
{
	struct user_datapath *dp = user_datapath(base);
	const struct port *p = dp_port(dp, port);

	if (p && p->class->config)
		p->class->config(p, config);
}

static uint64_t state_digest(struct port *p)
{
	struct datapath_port_info i;
	uint64_t h;

	get_info(p, &i);
	h = hash_u64(eth_addr_to_u64(i.mac), i.mtu);
	h = hash_u64(h, i.admin_up | i.link_up << 1 | i.full_duplex << 2 | i.link_mbps << 8);
	smap_uninit(&i.status);
	return hash_u64(h, i.link_resets);
}

// Asked often: what the ports say is looked at a few times a second.
static void check_states(struct user_datapath *dp)
{
	for (unsigned int i = 0; i < MAX_PORTS; i++) {
		struct port *p = dp->ports[i];
		uint64_t now = p ? state_digest(p) : 0;

		if (p && p->seen_state != now) {
			p->seen_state = now;
			dp->change_seq++;
		}
	}
}

static uint64_t user_port_change_seq(struct datapath *base)
{
	struct user_datapath *dp = user_datapath(base);
	int64_t now = clock_msec();

	if (now >= dp->next_state_check) {
		dp->next_state_check = now + STATE_CHECK_MSEC;
		check_states(dp);
	}
	if (now >= dp->next_interval) {
		dp->next_interval = now + PMD_INTERVAL_MSEC;
		pmd_turn_interval(dp);
	}
	return dp->change_seq;
}

// ---- Flows ----

static int user_actions_check(struct datapath *base, struct dp_actions list, struct error *err)
{
	return dp_actions_check(list, err);
}

static int user_flow_add(struct datapath *base, struct megaflow *mf)
{
	struct user_datapath *dp = user_datapath(base);
	int ret = dp_actions_check(megaflow_actions_get(mf), NULL);

	return ret ? ret : flow_table_add(dp->flows, mf);
}

static void user_flow_del(struct datapath *base, struct megaflow *mf)
{
	struct user_datapath *dp = user_datapath(base);

	if (!mf->dp || mf->dp_removed)
		return;
	// The entry counts for another flow after a grace period; this one may still be asked, while its device lets go.
	flow_entry_sum(mf->dp, &mf->sw);
	mf->dp_removed = true;
	flow_table_del(dp->flows, mf);
}

static void user_flow_counts(struct datapath *base, const struct megaflow *mf,
			     struct flow_counts *ret)
{
	if (mf->dp && !mf->dp_removed)
		flow_entry_sum(mf->dp, ret);
	else
		*ret = mf->sw;
}

static size_t user_flow_count(struct datapath *base)
{
	struct user_datapath *dp = user_datapath(base);
	return flow_table_count(dp->flows);
}

static void user_stats(struct datapath *base, struct datapath_stats *ret)
{
	struct user_datapath *dp = user_datapath(base);
	*ret = dp->ended;
	ret->handlers = dp->n_workers;
	for (size_t i = 0; i < dp->n_workers; i++)
		add_lookups(dp->workers[i], ret);
	ret->lost = __atomic_load_n(&dp->lost, __ATOMIC_RELAXED);
	ret->flows = flow_table_count(dp->flows);
	ret->masks = flow_table_n_masks(dp->flows);
}

// ---- Packets of others ----

static int user_execute(struct datapath *base, const void *packet, size_t n,
			const struct flow_key *key, struct dp_actions actions, struct error *err)
{
	struct user_datapath *dp = user_datapath(base);
	struct rte_mempool *pool = n <= UINT16_MAX ? eal_pool(MAX(n, 1500), err) : NULL;
	struct rte_mbuf *m = pool ? rte_pktmbuf_alloc(pool) : NULL;
	struct dp_packet p = { .m = m }, *one = &p;
	struct flow_key parsed;

	if (dp_actions_check(actions, err)) {
		rte_pktmbuf_free(m);
		return -EOPNOTSUPP;
	}
	if (!m)
		return error_set(err, -ENOMEM, "no buffer for a packet of %zu bytes", n);
	memcpy(rte_pktmbuf_append(m, n), packet, n);
	packet_of_mbuf(&p.p, m);
	p.md = packet_metadata_of(key);
	if (packet_parse(&p.p, &p.md, &parsed)) {
		rte_pktmbuf_free(m);
		return error_set(err, -EINVAL, "%zu bytes are no Ethernet packet", n);
	}
	dp->workers[0]->now = clock_msec();
	worker_execute(dp->workers[0], 0, &one, 1, actions);
	worker_flush(dp->workers[0]);
	return 0;
}

// Ports of this datapath have no queues that a flow could choose; a number is what it says.
static bool user_queue_priority(uint32_t queue, uint32_t *ret)
{
	*ret = queue;
	return true;
}

// What hangs on an action.
static const struct {
	const char *name;
	enum dp_action_type action;
} features_by_action[] = {
	{ "masked_set_action", DP_ACTION_SET },
	{ "tnl_push_pop", DP_ACTION_TNL_PUSH },
	{ "trunc", DP_ACTION_TRUNC },
	{ "clone", DP_ACTION_CLONE },
	{ "ct_clear", DP_ACTION_CT_CLEAR },
	{ "check_pkt_len", DP_ACTION_CHECK_PKT_LEN },
	{ "explicit_drop_action", DP_ACTION_DROP },
	{ "lb_output_action", DP_ACTION_LB_OUTPUT },
	{ "add_mpls", DP_ACTION_ADD_MPLS },
	{ "recirc", DP_ACTION_RECIRC },
	{ "ct_eventmask", DP_ACTION_CT },
	{ "ct_timeout", DP_ACTION_CT },
	{ "ct_zero_snat", DP_ACTION_CT },
	{ "ct_state", DP_ACTION_CT },
	{ "ct_zone", DP_ACTION_CT },
	{ "ct_mark", DP_ACTION_CT },
	{ "ct_label", DP_ACTION_CT },
	{ "ct_state_nat", DP_ACTION_CT },
	{ "ct_orig_tuple", DP_ACTION_CT },
	{ "ct_orig_tuple6", DP_ACTION_CT },
};

static void user_features(struct datapath *base, struct smap *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(features_by_action); i++)
		smap_set(out, features_by_action[i].name,
			 dp_action_is_executed(features_by_action[i].action) ? "true" : "false");
	smap_set(out, "ufid", "true"); // flows have no other name here
	smap_set(out, "nd_ext", "true");
	smap_set(out, "sample_nesting", "10"); // any depth; more is asked nowhere
	smap_set(out, "max_hash_alg", "0"); // OVS_HASH_ALG_L4
	smap_setf(out, "max_vlan_headers", "%u", FLOW_MAX_VLANS);
	smap_setf(out, "max_mpls_depth", "%u", FLOW_MAX_MPLS);
}

// ---- Meters ----

static void meter_features(struct datapath *base, struct meter_features *ret)
{
	user_meter_features(ret);
}

static int meter_set(struct datapath *base, const struct meter_config *config, uint32_t *id,
		     struct error *err)
{
	return user_meter_set(&user_datapath(base)->meters, config, id, err);
}

static int meter_get(struct datapath *base, uint32_t id, struct meter_stats *ret, struct error *err)
{
	user_meter_get(user_datapath(base)->meters, id, ret);
	return 0;
}

static void meter_del(struct datapath *base, uint32_t id)
{
	user_meter_del(user_datapath(base)->meters, id);
}

static const struct meter_ops meters = { meter_features, meter_set, meter_get, meter_del };

const struct datapath_ops datapath_user = {
	.type = "netdev",
	.default_name = "ovs-netdev",
	.open = user_open,
	.reconfigure = user_reconfigure,
	.close = user_close,
	.port_add = user_port_add,
	.port_start = user_port_start,
	.port_del = user_port_del,
	.port_set_options = user_port_set_options,
	.port_ref = user_port_ref,
	.port_by_name = user_port_by_name,
	.port_config = user_port_config,
	.port_info = user_port_info,
	.port_set_mac = user_port_set_mac,
	.port_set_mtu = user_port_set_mtu,
	.port_set_admin = user_port_set_admin,
	.port_change_seq = user_port_change_seq,
	.for_each_port = user_for_each_port,
	.actions_check = user_actions_check,
	.flow_add = user_flow_add,
	.flow_del = user_flow_del,
	.flow_counts = user_flow_counts,
	.flow_count = user_flow_count,
	.execute = user_execute,
	.stats = user_stats,
	.features = user_features,
	.queue_priority = user_queue_priority,
	.meters = &meters,
};
