// SPDX-License-Identifier: Apache-2.0
// Which datapath answers.
#include "core/base/counters.h"
#include "datapath/linux/traffic.h"
#include "datapath/provider.h"

static const struct datapath_ops *const providers[] = {
	&datapath_kernel,
#ifdef HAVE_DPDK
	&datapath_user,
#endif
	NULL,
};

static const struct datapath_ops *find_ops(const char *type)
{
	for (size_t i = 0; providers[i]; i++)
		if (!strcmp(providers[i]->type, type))
			return providers[i];
	return NULL;
}

size_t datapath_types(const char *ret[], size_t max)
{
	size_t n = 0;

	for (size_t i = 0; providers[i] && n < max; i++)
		ret[n++] = providers[i]->type;
	return n;
}

int datapath_probe(const char *type, struct error *err)
{
	const struct datapath_ops *ops = find_ops(type);

	if (ops)
		return ops->probe ? ops->probe(err) : 0;
	if (!strcmp(type, "netdev"))
		return error_set(err, -EOPNOTSUPP,
				 "this switch was built without DPDK and has no userspace datapath "
				 "(configure without --without-dpdk)");
	return error_set(err, -EOPNOTSUPP, "there is no datapath of type \"%s\"", type);
}

int datapath_open(const char *type, const struct upcall_ops *upcalls, void *aux,
		  const struct datapath_config *config, struct datapath **ret, struct error *err)
{
	const struct datapath_ops *ops = find_ops(type);
	int error = datapath_probe(type, err);

	return error ? error : ops->open(ops->default_name, upcalls, aux, config, ret, err);
}

int datapath_set_masks_cache(struct datapath *dp, uint32_t *size, struct error *err)
{
	if (!dp->ops->set_masks_cache)
		return error_set(err, -EOPNOTSUPP, "this datapath has no masks-cache");
	return dp->ops->set_masks_cache(dp, size, err);
}

void datapath_restored(struct datapath *dp)
{
	if (dp->ops->restored)
		dp->ops->restored(dp);
}

void datapath_serve(struct datapath *dp)
{
	if (dp->ops->serve)
		dp->ops->serve(dp);
}

void datapath_leave(struct datapath *dp)
{
	dp->leaves_traffic = true;
	if (dp->ops->leave)
		dp->ops->leave(dp);
}

const char *datapath_name(const struct datapath *dp)
{
	return dp->ops->default_name;
}

const char *datapath_type(const struct datapath *dp)
{
	return dp->ops->type;
}

void datapath_close(struct datapath *dp)
{
	if (!dp)
		return;
	traffic_close(dp->traffic);
	dp->ops->close(dp);
}

void datapath_reconfigure(struct datapath *dp, const struct datapath_config *config)
{
	dp->ops->reconfigure(dp, config);
}

int datapath_port_add(struct datapath *dp, const char *name, const char *type,
		      const struct smap *options, dp_port_t *ret_port, struct error *err)
{
	counter_inc(COUNTER_DPIF_PORT_ADD);
	return dp->ops->port_add(dp, name, type, options, ret_port, err);
}

void datapath_port_start(struct datapath *dp, dp_port_t port)
{
	if (dp->ops->port_start)
		dp->ops->port_start(dp, port);
}

void datapath_port_del(struct datapath *dp, dp_port_t port)
{
	counter_inc(COUNTER_DPIF_PORT_DEL);
	datapath_port_release_traffic(dp, port);
	dp->ops->port_del(dp, port);
}

int datapath_port_set_options(struct datapath *dp, dp_port_t port, const struct smap *options,
			      struct error *err)
{
	return dp->ops->port_set_options(dp, port, options, err);
}

bool datapath_port_ref(struct datapath *dp, dp_port_t port, struct port_ref *ret)
{
	return dp->ops->port_ref(dp, port, ret);
}

bool datapath_port_by_name(struct datapath *dp, const char *name, dp_port_t *ret)
{
	return dp->ops->port_by_name(dp, name, ret);
}

void datapath_port_config(struct datapath *dp, dp_port_t port, struct smap *config)
{
	if (dp->ops->port_config)
		dp->ops->port_config(dp, port, config);
}

bool datapath_port_info(struct datapath *dp, dp_port_t port, struct datapath_port_info *ret)
{
	return dp->ops->port_info(dp, port, ret);
}

int datapath_port_set_mac(struct datapath *dp, dp_port_t port, struct eth_addr mac,
			  struct error *err)
{
	return dp->ops->port_set_mac(dp, port, mac, err);
}

int datapath_port_set_mtu(struct datapath *dp, dp_port_t port, uint32_t mtu, struct error *err)
{
	return dp->ops->port_set_mtu(dp, port, mtu, err);
}

int datapath_port_set_admin(struct datapath *dp, dp_port_t port, bool up, struct error *err)
{
	return dp->ops->port_set_admin(dp, port, up, err);
}

void datapath_reconcile_ports(struct datapath *dp)
{
	if (dp->ops->reconcile_ports)
		dp->ops->reconcile_ports(dp);
}

uint64_t datapath_port_change_seq(struct datapath *dp)
{
	return dp->ops->port_change_seq(dp);
}

void datapath_for_each_port(struct datapath *dp, void (*cb)(dp_port_t port, void *aux), void *aux)
{
	dp->ops->for_each_port(dp, cb, aux);
}

int datapath_actions_check(struct datapath *dp, struct dp_actions list, struct error *err)
{
	return dp->ops->actions_check(dp, list, err);
}

void datapath_batch_begin(struct datapath *dp)
{
	if (dp->ops->batch_begin)
		dp->ops->batch_begin(dp);
}

void datapath_batch_end(struct datapath *dp)
{
	if (dp->ops->batch_end)
		dp->ops->batch_end(dp);
}

int datapath_flow_add(struct datapath *dp, struct megaflow *mf)
{
	counter_inc(COUNTER_DPIF_FLOW_PUT);
	return dp->ops->flow_add(dp, mf);
}

int datapath_flow_update(struct datapath *dp, struct megaflow *mf)
{
	counter_inc(COUNTER_DPIF_FLOW_PUT);
	return dp->ops->flow_update ? dp->ops->flow_update(dp, mf) : 0;
}

void datapath_flow_del(struct datapath *dp, struct megaflow *mf)
{
	counter_inc(COUNTER_DPIF_FLOW_DEL);
	dp->ops->flow_del(dp, mf);
}

void datapath_flow_counts(struct datapath *dp, const struct megaflow *mf, struct flow_counts *ret)
{
	dp->ops->flow_counts(dp, mf, ret);
}

void datapath_refresh(struct datapath *dp)
{
	if (dp->ops->refresh)
		dp->ops->refresh(dp);
}

void datapath_dump_tersely(struct datapath *dp, bool enabled)
{
	if (dp->ops->dump_tersely)
		dp->ops->dump_tersely(dp, enabled);
}

bool datapath_upcalls_by_cpu(struct datapath *dp)
{
	return dp->ops->upcalls_by_cpu && dp->ops->upcalls_by_cpu(dp);
}

size_t datapath_flow_count(struct datapath *dp)
{
	return dp->ops->flow_count(dp);
}

int datapath_execute(struct datapath *dp, const void *packet, size_t n, const struct flow_key *key,
		     struct dp_actions actions, struct error *err)
{
	counter_inc(COUNTER_DPIF_EXECUTE);
	return dp->ops->execute(dp, packet, n, key, actions, err);
}

void datapath_stats(struct datapath *dp, struct datapath_stats *ret)
{
	dp->ops->stats(dp, ret);
}

void datapath_features(struct datapath *dp, struct smap *out)
{
	if (dp->ops->features)
		dp->ops->features(dp, out);
}

bool datapath_features_format(struct datapath *dp, struct strbuf *out)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
#define FEATURE(NAME, TEXT, KIND) { NAME, TEXT },
#include "datapath/features.def"
#undef FEATURE
	};
	struct smap features;

	if (!dp->ops->features)
		return false;
	smap_init(&features);
	dp->ops->features(dp, &features);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = smap_get_def(&features, rows[i].name, "false");

		strbuf_printf(out, "%s: %s\n", rows[i].text,
			      !strcmp(value, "true")	? "Yes"
			      : !strcmp(value, "false") ? "No"
							: value);
	}
	smap_uninit(&features);
	return true;
}

#ifndef HAVE_DPDK
const char *datapath_version(void)
{
	return "none";
}
#endif
