// SPDX-License-Identifier: Apache-2.0
// The kernel datapath: opening and closing, and the one table that says what it can.
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/netlink/rtnl.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/kernel.h"
#include "datapath/linux/traffic.h"

LOG_MODULE(dpif_netlink);

bool kernel_upcalls_by_port;

static int probe(struct error *err)
{
	struct kernel_families families;
	struct nl_sock *s;
	int error = nl_open(NETLINK_GENERIC, &s, err);

	if (error)
		return error;
	error = kernel_families_find(s, &families, err);
	nl_close(s);
	return error;
}

// ---- The datapath's own object ----

static void put_pids(const struct kernel_datapath *dp, struct strbuf *b)
{
	uint32_t *pids;
	size_t n = handlers_pids_by_cpu(dp, &pids);

	nl_put(b, OVS_DP_ATTR_PER_CPU_PIDS, pids, n * sizeof(*pids));
	free(pids);
}

static int dp_request(struct kernel_datapath *dp, uint8_t cmd, uint32_t features,
		      struct dp_message *ret, struct strbuf *reply, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.dp, cmd, NLM_F_ECHO);
	int error;

	nl_put_str(&msg, OVS_DP_ATTR_NAME, dp->name);
	if (cmd == OVS_DP_CMD_NEW)
		nl_put_u32(&msg, OVS_DP_ATTR_UPCALL_PID,
			   features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU ? 0 : handler_pid(dp));
	if (cmd == OVS_DP_CMD_NEW || cmd == OVS_DP_CMD_SET) {
		nl_put_u32(&msg, OVS_DP_ATTR_USER_FEATURES, features);
		if (features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU)
			put_pids(dp, &msg);
	}
	nl_msg_end(&msg, m);
	error = kernel_request(dp, &msg, reply, err);
	if (error || !ret)
		return error;
	if (!reply->len)
		return error_set(err, -EPROTO, "datapath %s: no answer", dp->name);
	return dp_message_decode((const struct nlmsghdr *)reply->s, ret, err);
}

// With these features: made, or taken over from an earlier process.
static int make_with(struct kernel_datapath *dp, uint32_t features, struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct dp_message m;
	int error = dp_request(dp, OVS_DP_CMD_NEW, features, &m, &reply, err);

	if (error == -EEXIST) {
		dp->taken_over = true;
		error = dp_request(dp, OVS_DP_CMD_SET, features, &m, &reply, err);
	}
	if (error)
		return error_wrap(err, "datapath %s", dp->name);
	dp->ifindex = m.ifindex;
	dp->user_features = m.user_features;
	return 0;
}

static int make(struct kernel_datapath *dp, struct error *err)
{
	const uint32_t always = OVS_DP_F_UNALIGNED | OVS_DP_F_VPORT_PIDS,
		       by_cpu = OVS_DP_F_DISPATCH_UPCALL_PER_CPU;
	AUTO(strbuf) reply = STRBUF_INIT;
	struct dp_message m;
	int error = kernel_upcalls_by_port ? -EOPNOTSUPP : make_with(dp, always | by_cpu, err);

	// Kernels before 5.15 have upcalls by port only; some refuse the wish, some do not heed it.
	if (error || !(dp->user_features & by_cpu))
		error = make_with(dp, always, err);
	if (error)
		return error;
	if (!dp_request(dp, OVS_DP_CMD_SET,
			(dp->user_features & by_cpu) | always | OVS_DP_F_TC_RECIRC_SHARING, &m,
			&reply, NULL))
		dp->user_features = m.user_features;
	dp->shares_recirc = dp->user_features & OVS_DP_F_TC_RECIRC_SHARING;
	log_info("%s: upcalls by %s, %zu handlers%s", dp->name,
		 dp->user_features & by_cpu ? "CPU" : "port", dp->n_handlers,
		 dp->taken_over ? "; an earlier process had made the datapath" : "");
	return 0;
}

// ---- Life ----

// Ends the threads; may be called again.
static void halt(struct kernel_datapath *dp)
{
	uint64_t one = 1;

	atomic_store(&dp->stopping, true);
	if (dp->stop_fd >= 0 && write(dp->stop_fd, &one, sizeof(one)) < 0)
		log_err("%s: handlers cannot be told to end: %s", dp->name, strerror(errno));
	stats_stop(dp);
	handlers_stop(dp);
}

static void destroy(struct kernel_datapath *dp)
{
	if (!dp)
		return;
	halt(dp);
	if (dp->ifindex && !dp->leaving && dp_request(dp, OVS_DP_CMD_DEL, 0, NULL, NULL, NULL))
		log_warn("%s: the kernel keeps the datapath", dp->name);
	kernel_flows_free(dp);
	vports_free(dp);
	nl_close(dp->netfilter);
	nl_close(dp->links);
	nl_close(dp->route);
	nl_close(dp->sock);
	if (dp->stop_fd >= 0)
		close(dp->stop_fd);
	hmap_uninit(&dp->flows);
	hmap_uninit(&dp->ports);
	strset_uninit(&dp->left_tunnels);
	hmap_uninit(&dp->strangers);
	smap_uninit(&dp->features);
	resume_free(dp);
	VEC_FREE(&dp->meters.taken);
	VEC_FREE(&dp->zone_policies);
	pthread_rwlock_destroy(&dp->zones_lock);
	pthread_mutex_destroy(&dp->request_lock);
	pthread_mutex_destroy(&dp->flows_lock);
	pthread_mutex_destroy(&dp->dump_lock);
	pthread_mutex_destroy(&dp->ports_lock);
	free(dp);
}

static struct kernel_datapath *create(const char *name, const struct upcall_ops *upcalls, void *aux)
{
	struct kernel_datapath *dp = xzalloc(sizeof(*dp));

	dp->base.ops = &datapath_kernel;
	dp->upcalls = upcalls;
	dp->aux = aux;
	snprintf(dp->name, sizeof(dp->name), "%s", name);
	pthread_mutex_init(&dp->request_lock, NULL);
	pthread_mutex_init(&dp->flows_lock, NULL);
	pthread_mutex_init(&dp->dump_lock, NULL);
	pthread_mutex_init(&dp->ports_lock, NULL);
	pthread_mutex_init(&dp->resumptions.lock, NULL);
	pthread_rwlock_init(&dp->zones_lock, NULL);
	hmap_init(&dp->flows);
	hmap_init(&dp->ports);
	strset_init(&dp->left_tunnels);
	hmap_init(&dp->strangers);
	smap_init(&dp->features);
	dp->can = kernel_can_all;
	dp->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return dp;
}

static int open_sockets(struct kernel_datapath *dp, struct error *err)
{
	int error = nl_open(NETLINK_GENERIC, &dp->sock, err);

	if (!error)
		error = nl_open(NETLINK_ROUTE, &dp->route, err);
	if (!error)
		error = nl_open(NETLINK_ROUTE, &dp->links, err);
	if (!error)
		error = nl_join(dp->links, RTNLGRP_LINK, err);
	if (!error)
		error = kernel_families_find(dp->sock, &dp->families, err);
	if (error)
		return error;
	dp->has_ct_limit = !genl_find(dp->sock, OVS_CT_LIMIT_FAMILY, &dp->families.ct_limit, NULL);
	return 0;
}

static int kernel_open(const char *name, const struct upcall_ops *upcalls, void *aux,
		       const struct datapath_config *config, struct datapath **ret,
		       struct error *err)
{
	struct kernel_datapath *dp = create(name, upcalls, aux);
	int error = open_sockets(dp, err);

	if (!error)
		error = handlers_open(dp, err);
	if (!error)
		error = make(dp, err);
	// What an earlier process translated, nobody knows any more. It may go on until the tables are filled.
	dp->waiting = config->restore_wait;
	dp->holding = dp->waiting && dp->taken_over;
	if (!error && dp->taken_over && !dp->holding)
		error = kernel_flow_flush(dp, err);
	if (!error)
		error = vports_load(dp, err);
	if (!error) {
		features_probe(dp);
		error = stats_start(dp, err);
	}
	if (error) {
		// Not ours to delete when the attempt fails.
		if (dp->taken_over)
			dp->ifindex = 0;
		destroy(dp);
		return error;
	}
	if (!dp->waiting)
		handlers_start(dp);
	*ret = &dp->base;
	return 0;
}

static void kernel_refresh(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);

	pthread_mutex_lock(&dp->request_lock);
	stats_refresh(dp, dp->sock);
	pthread_mutex_unlock(&dp->request_lock);
}

static void kernel_dump_tersely(struct datapath *base, bool enabled)
{
	atomic_store(&kernel_datapath(base)->dumps_whole, !enabled);
}

static void kernel_reconcile_ports(struct datapath *base)
{
	vports_reconcile(kernel_datapath(base));
}

static bool kernel_upcalls_by_cpu(struct datapath *base)
{
	return kernel_datapath(base)->user_features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU;
}

static void kernel_restored(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);

	if (dp->holding) {
		// Those that were seen twice go at once, the others soon.
		atomic_store(&dp->holding, false);
		kernel_refresh(base);
		vports_let_go(dp);
	}
	vports_sweep_tunnels(dp);
}

static void kernel_serve(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);

	if (dp->waiting)
		handlers_start(dp);
	dp->waiting = false;
}

static void kernel_leave(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);

	atomic_store(&dp->leaving, true);
	// A packet that missed from now on would find bridges half taken down.
	halt(dp);
}

static void kernel_close(struct datapath *base)
{
	destroy(kernel_datapath(base));
}

// None of the settings is this datapath's.
static void kernel_reconfigure(struct datapath *base, const struct datapath_config *config) {}

static void kernel_stats(struct datapath *base, struct datapath_stats *ret)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	AUTO(strbuf) reply = STRBUF_INIT;
	struct dp_message m;

	memset(ret, 0, sizeof(*ret));
	ret->handlers = dp->n_handlers;
	if (dp_request(dp, OVS_DP_CMD_GET, 0, &m, &reply, NULL))
		return;
	ret->hit = m.stats.n_hit;
	ret->missed = m.stats.n_missed;
	ret->lost = m.stats.n_lost + atomic_load(&dp->lost);
	ret->flows = m.stats.n_flows;
	ret->masks = m.megaflow_stats.n_masks;
	ret->has_mask_stats = true;
	ret->mask_hit = m.megaflow_stats.n_mask_hit;
	ret->cache_hit = m.megaflow_stats.n_cache_hit;
	ret->has_masks_cache = m.has_masks_cache;
	ret->masks_cache_size = m.masks_cache_size;
}

static int set_masks_cache(struct datapath *base, uint32_t *size, struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	AUTO(strbuf) msg = STRBUF_INIT;
	AUTO(strbuf) reply = STRBUF_INIT;
	size_t n = kernel_begin(dp, &msg, &dp->families.dp, OVS_DP_CMD_SET, NLM_F_ECHO);
	struct dp_message m;
	int error;

	nl_put_u32(&msg, OVS_DP_ATTR_MASKS_CACHE_SIZE, round_up_pow2(*size));
	nl_msg_end(&msg, n);
	error = kernel_request(dp, &msg, &reply, err);
	if (!error && !reply.len)
		error = error_set(err, -EPROTO, "datapath %s: no answer", dp->name);
	if (!error)
		error = dp_message_decode((const struct nlmsghdr *)reply.s, &m, err);
	if (!error)
		*size = m.masks_cache_size;
	return error;
}

static int actions_check(struct datapath *base, struct dp_actions list, struct error *err)
{
	return kernel_check_actions(list, &kernel_datapath(base)->can, err);
}

static void kernel_features(struct datapath *base, struct smap *out)
{
	struct smap_node *n;

	SMAP_FOR_EACH (n, &kernel_datapath(base)->features)
		smap_set(out, n->key, n->value);
}

const struct datapath_ops datapath_kernel = {
	.type = "system",
	.default_name = "ovs-system",
	.probe = probe,
	.open = kernel_open,
	.close = kernel_close,
	.reconfigure = kernel_reconfigure,
	.restored = kernel_restored,
	.serve = kernel_serve,
	.leave = kernel_leave,
	.port_add = kernel_port_add,
	.port_del = kernel_port_del,
	.port_set_options = kernel_port_set_options,
	.port_ref = kernel_port_ref,
	.port_by_name = kernel_port_by_name,
	.port_info = kernel_port_info,
	.port_config = kernel_port_config,
	.port_set_mac = kernel_port_set_mac,
	.port_set_mtu = kernel_port_set_mtu,
	.port_set_admin = kernel_port_set_admin,
	.port_change_seq = kernel_port_change_seq,
	.reconcile_ports = kernel_reconcile_ports,
	.for_each_port = kernel_for_each_port,
	.actions_check = actions_check,
	.flow_add = kernel_flow_add,
	.flow_update = kernel_flow_update,
	.flow_del = kernel_flow_del,
	.flow_counts = kernel_flow_counts,
	.flow_count = kernel_flow_count,
	.batch_begin = kernel_batch_begin,
	.batch_end = kernel_batch_end,
	.refresh = kernel_refresh,
	.dump_tersely = kernel_dump_tersely,
	.upcalls_by_cpu = kernel_upcalls_by_cpu,
	.execute = kernel_execute,
	.stats = kernel_stats,
	.set_masks_cache = set_masks_cache,
	.features = kernel_features,
	.ct = &kernel_ct,
	.meters = &kernel_meters,
	.is_policed = true,
	.queue_priority = traffic_queue_priority,
};
