// SPDX-License-Identifier: Apache-2.0
// What other_config says of datapaths, and of DPDK below the userspace one.
#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(vswitchd);

static void set_arg(struct vswitchd *vs, int i, const char **where, const char *value)
{
	free(vs->dp_args[i]);
	vs->dp_args[i] = value && *value ? xstrdup(value) : NULL;
	*where = vs->dp_args[i];
}

// Known to users, not here yet: said once for each value.
static void refuse_others(struct vswitchd *vs, const struct smap *oc)
{
	static const char *const keys[] = {
		"vhost-sock-dir",    "vhost-iommu-support",  "vhost-postcopy-support",
		"per-port-memory",   "tx-flush-interval",    "pmd-perf-metrics",
		"smc-enable",	     "pmd-rxq-assign",	     "pmd-rxq-isolate",
		"pmd-auto-lb",	     "userspace-tso-enable", "n-handler-threads",
		"offload-rebalance",
	};
	AUTO(strbuf) text = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = smap_get(oc, keys[i]);

		if (value && strcmp(value, "false"))
			strbuf_printf(&text, " %s=%s", keys[i], value);
	}
	if (str_replace(&vs->dp_refused, strbuf_cstr(&text)) && text.len)
		log_warn("other_config: not supported yet and without effect:%s", text.s);
}

static enum dpdk_init read_init(const struct smap *oc)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	const char *text = smap_get_def(oc, "dpdk-init", "try");

	if (!strcasecmp(text, "true"))
		return DPDK_INIT_TRUE;
	if (!strcasecmp(text, "false"))
		return DPDK_INIT_FALSE;
	if (strcasecmp(text, "try"))
		log_warn_limited(&limit,
				 "other_config:dpdk-init \"%s\" is none of true, false, try", text);
	return DPDK_INIT_TRY;
}

void datapath_config_read(struct vswitchd *vs, const struct smap *oc)
{
	struct datapath_config *c = &vs->dp_config;
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	const char *mask = smap_get(oc, "pmd-cpu-mask");
	const char *sleep = smap_get_def(oc, "pmd-sleep-max", smap_get(oc, "pmd-maxsleep"));
	uint64_t v;

	vs->dpdk_init = read_init(oc);
	set_arg(vs, 0, &c->extra_eal_args, smap_get(oc, "dpdk-extra"));
	set_arg(vs, 1, &c->lcore_mask, smap_get(oc, "dpdk-lcore-mask"));
	set_arg(vs, 2, &c->socket_mem, smap_get(oc, "dpdk-socket-mem"));
	set_arg(vs, 3, &c->alloc_mem, smap_get(oc, "dpdk-alloc-mem"));
	set_arg(vs, 4, &c->socket_limit, smap_get(oc, "dpdk-socket-limit"));
	set_arg(vs, 5, &c->hugepage_dir, smap_get(oc, "dpdk-hugepage-dir"));
	c->pmd_cpu_mask = mask && parse_u64(mask, 16, &v) ? v : 0;
	if (mask && !c->pmd_cpu_mask)
		log_warn_limited(&limit, "other_config:pmd-cpu-mask \"%s\" is not a hex number",
				 mask);
	c->pmd_sleep_is_set = sleep && parse_u64(sleep, 10, &v);
	c->pmd_sleep_max_usec = c->pmd_sleep_is_set ? v : 0;
	c->emc_insert_inv_prob = smap_get_int(oc, "emc-insert-inv-prob", 100);
	c->restore_wait = !vs->restore.done && smap_get_bool(oc, "flow-restore-wait", false);
	refuse_others(vs, oc);
}
