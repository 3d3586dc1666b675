// SPDX-License-Identifier: Apache-2.0
// Planes: each kind of datapath with its placement and its upcalls.
#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(plane);

static void on_sampled(void *pl_, dp_port_t in_port, const struct dp_action *userspace,
		       const void *packet, size_t n)
{
	struct plane *pl = pl_;

	upcall_sampled(pl->upcall, in_port, userspace, packet, n);
}

void planes_create(struct vswitchd *vs, packet_in_cb *packet_in)
{
	const char *types[MAX_PLANES];

	nic_facts_init(&vs->nics);
	vs->n_planes = datapath_types(types, MAX_PLANES);
	for (size_t i = 0; i < vs->n_planes; i++) {
		struct plane *pl = &vs->planes[i];

		pl->vs = vs;
		strmap_init(&pl->tunnel_devices);
		pl->type = types[i];
		pl->offload = offload_create();
		pl->upcall = upcall_create(vs->loop, packet_in, vs);
		upcall_set_datapath(pl->upcall, NULL, pl->offload);
		offload_set_sampled(pl->offload, on_sampled, pl);
		smap_init(&pl->features);
		smap_init(&pl->run_features);
	}
}

void planes_leave(struct vswitchd *vs)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	{
		if (!pl->dp)
			continue;
		datapath_leave(pl->dp);
		offload_leave(pl->offload);
		ct_zones_leave(pl);
		// Before ports go: flows that depend on them would change.
		upcall_flush(pl->upcall, NULL);
	}
}

void planes_close(struct vswitchd *vs)
{
	struct plane *pl;

	eswitch_stop(vs);
	PLANE_FOR_EACH(pl, vs)
	{
		if (!pl->dp)
			continue;
		upcall_flush(pl->upcall, NULL);
		offload_flush(pl->offload);
		offload_set_sampled(pl->offload, NULL, NULL);
		ct_zones_destroy(pl);
		datapath_close(pl->dp);
		pl->dp = NULL;
	}
}

void planes_destroy(struct vswitchd *vs)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	{
		offload_destroy(pl->offload);
		upcall_destroy(pl->upcall);
		strmap_uninit(&pl->tunnel_devices);
		smap_uninit(&pl->features);
		smap_uninit(&pl->run_features);
	}
	nic_facts_uninit(&vs->nics);
}

static struct plane *by_type(struct vswitchd *vs, const char *type)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (!strcmp(pl->type, type))
		return pl;
	return NULL;
}

struct plane *plane_for_bridge(struct vswitchd *vs, const char *datapath_type, struct error *err)
{
	struct plane *pl;

	// Without a wish: the kernel where it has the module, else userspace (decision 7). Tests with dummies mean userspace.
	if (!*datapath_type)
		return by_type(vs,
			       vs->dummy || datapath_probe("system", NULL) ? "netdev" : "system");
	pl = by_type(vs, datapath_type);
	if (!pl)
		datapath_probe(datapath_type, err);
	return pl;
}

bool plane_open(struct plane *pl)
{
	struct error err = ERROR_INIT;

	if (pl->dp)
		return true;
	if (datapath_open(pl->type, upcall_ops(), pl->upcall, &pl->vs->dp_config, &pl->dp, &err) <
	    0) {
		pl->dp = NULL;
		if (strcmp(pl->error, err.text))
			log_err("no datapath of type %s: %s", pl->type, err.text);
		snprintf(pl->error, sizeof(pl->error), "%s", err.text);
		return false;
	}
	pl->error[0] = '\0';
	if (!strcmp(pl->type, "system"))
		eswitch_start(pl->vs);
	upcall_set_datapath(pl->upcall, pl->dp, pl->offload);
	plane_learn_features(pl);
	return true;
}

struct plane *plane_userspace(struct vswitchd *vs)
{
	return by_type(vs, "netdev");
}

void plane_put_name(const struct plane *pl, struct strbuf *out)
{
	strbuf_printf(out, "%s@%s", pl->type, datapath_name(pl->dp));
}

struct plane *plane_by_name(struct vswitchd *vs, const char *name)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	{
		AUTO(strbuf) full = STRBUF_INIT;

		if (!pl->dp)
			continue;
		plane_put_name(pl, &full);
		if (!strcmp(name, full.s) || !strcmp(name, datapath_name(pl->dp)))
			return pl;
	}
	return NULL;
}

void plane_remove_port(struct plane *pl, dp_port_t port)
{
	rcu_synchronize();
	// Flows that came from or go to the port must not outlive it, in software and in the device.
	upcall_revalidate_now(pl->upcall);
	offload_flush(pl->offload);
	offload_remove_port(pl->offload, port);
	datapath_port_del(pl->dp, port);
}

void planes_list_devices(struct vswitchd *vs, struct plane_devices *ret)
{
	struct offload_device_status *d;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < vs->n_planes; i++) {
		ret->n[i] = offload_list_devices(vs->planes[i].offload, &ret->of[i]);
		for (d = ret->of[i]; d < ret->of[i] + ret->n[i]; d++)
			nic_facts_put(&vs->nics, d->handle, &d->capabilities);
	}
}

void plane_devices_free(struct plane_devices *d)
{
	for (size_t p = 0; p < MAX_PLANES; p++) {
		for (size_t i = 0; i < d->n[p]; i++)
			smap_uninit(&d->of[p][i].capabilities);
		free(d->of[p]);
	}
}

size_t planes_list_verdicts(struct vswitchd *vs, struct offload_verdict_count **ret)
{
	struct offload_verdict_count *all = NULL;
	struct plane *pl;
	size_t n = 0;

	PLANE_FOR_EACH(pl, vs)
	{
		struct offload_verdict_count *some;
		size_t k = offload_list_verdicts(pl->offload, &some);

		all = xrealloc(all, (n + k + 1) * sizeof(*all));
		if (k)
			memcpy(all + n, some, k * sizeof(*all));
		n += k;
		free(some);
	}
	*ret = all;
	return n;
}
