// SPDX-License-Identifier: Apache-2.0
// Meters of the datapath, as devices are told of them, and what they have counted.
#include "core/base/hash.h"
#include "offload/placement-private.h"

// ---- The table ----

static struct offload_meter *find(const struct offload *o, uint32_t id)
{
	struct offload_meter *m;

	HMAP_FOR_EACH_WITH_HASH (m, node, hash_u64(id, 0), &o->meters)
		if (m->id == id)
			return m;
	return NULL;
}

const struct meter_config *offload_find_meter(const struct offload *o, uint32_t id)
{
	const struct offload_meter *m = find(o, id);

	return m ? &m->config : NULL;
}

void offload_free_meters(struct offload *o)
{
	struct offload_meter *m;

	HMAP_FOR_EACH_SAFE (m, node, &o->meters) {
		hmap_remove(&o->meters, &m->node);
		free(m);
	}
	hmap_uninit(&o->meters);
}

// ---- Devices ----

// NULL 'config': it is gone. What was counted of it counts no more.
static void tell_device(struct offload_device *dev, uint32_t id, const struct meter_config *config)
{
	struct meter_job job = { .id = id, .is_gone = !config };
	struct device_meter *m;

	if (!dev->ops->meter_set)
		return;
	if (config)
		job.config = *config;
	VEC_PUSH(&dev->meter_jobs, job);
	VEC_FOR_EACH (m, &dev->meters)
		if (m->id == id)
			m->in = m->dropped = (struct meter_count){ 0 };
	pthread_cond_signal(&dev->work);
}

void device_learn_meters(struct offload_device *dev)
{
	const struct offload_meter *m;

	HMAP_FOR_EACH (m, node, &dev->o->meters)
		tell_device(dev, m->id, &m->config);
}

void device_do_meter_jobs(struct offload_device *dev)
{
	VEC(struct meter_job) jobs = VEC_INIT;
	const struct meter_job *job;

	jobs.v = dev->meter_jobs.v;
	jobs.n = dev->meter_jobs.n;
	memset(&dev->meter_jobs, 0, sizeof(dev->meter_jobs));
	driver_begin(dev);
	VEC_FOR_EACH (job, &jobs) {
		if (job->is_gone)
			dev->ops->meter_del(dev->priv, job->id);
		else
			dev->ops->meter_set(dev->priv, job->id, &job->config);
	}
	driver_end(dev);
	VEC_FREE(&jobs);
}

typedef VEC(struct device_meter) counts_vec;

static void take_counts(uint32_t id, const struct meter_count *in,
			const struct meter_count *dropped, void *aux)
{
	counts_vec *counts = aux;

	VEC_PUSH(counts, ((struct device_meter){ id, *in, *dropped }));
}

static bool is_about_to_change(const struct offload_device *dev, uint32_t id)
{
	const struct meter_job *job;

	VEC_FOR_EACH (job, &dev->meter_jobs)
		if (job->id == id)
			return true;
	return false;
}

void device_poll_meters(struct offload_device *dev)
{
	counts_vec counts = VEC_INIT;
	const struct device_meter *m;

	if (!dev->ops->meter_counts)
		return;
	driver_begin(dev);
	dev->ops->meter_counts(dev->priv, take_counts, &counts);
	driver_end(dev);
	VEC_CLEAR(&dev->meters);
	VEC_FOR_EACH (m, &counts)
		// These are of before the change.
		if (!is_about_to_change(dev, m->id))
			VEC_PUSH(&dev->meters, *m);
	VEC_FREE(&counts);
}

// ---- Changes ----

static bool uses(struct dp_actions list, uint32_t id)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list)
		if ((a->type == DP_ACTION_METER && a->meter.id == id) ||
		    uses(dp_action_nested(a), id))
			return true;
	return false;
}

// The meter is another now. A rule that is in stays, as long as it could go in now.
static void revisit(struct offload *o, struct offload_record *rec)
{
	struct verdict before = rec->verdict;

	rec->withdraw = false;
	if (!rec->hw || rec->queued) {
		record_place(o, rec);
	} else if (record_compile(rec)) {
		rec->dev->ops->compiled_free(rec->want);
		rec->want = NULL;
		rec->verdict = before;
	}
	if (rec->hw && atomic_load(&rec->mf->placement) == PLACE_REFUSED) {
		rec->withdraw = true;
		device_queue(rec->dev, rec);
	}
}

static void revisit_users(struct offload *o, uint32_t id)
{
	struct offload_record *rec;

	LIST_FOR_EACH (rec, node, &o->records)
		if (rec->dev && rec->dev->ops->meter_set && !rec->free_after &&
		    uses(megaflow_actions_get(rec->mf), id))
			revisit(o, rec);
}

void offload_meter_set(struct offload *o, uint32_t id, const struct meter_config *config)
{
	struct offload_device *dev;
	struct offload_meter *m;

	pthread_mutex_lock(&o->lock);
	m = find(o, id);
	if (!m) {
		m = xzalloc(sizeof(*m));
		m->id = id;
		hmap_insert(&o->meters, &m->node, hash_u64(id, 0));
	}
	m->config = *config;
	LIST_FOR_EACH (dev, node, &o->devices)
		tell_device(dev, id, config);
	if (o->enabled)
		revisit_users(o, id);
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
}

void offload_meter_del(struct offload *o, uint32_t id)
{
	struct offload_device *dev;
	struct offload_meter *m;

	pthread_mutex_lock(&o->lock);
	m = find(o, id);
	if (m) {
		hmap_remove(&o->meters, &m->node);
		free(m);
		// Rules that use it go with the rules of OpenFlow that do.
		LIST_FOR_EACH (dev, node, &o->devices)
			tell_device(dev, id, NULL);
	}
	pthread_mutex_unlock(&o->lock);
}

// ---- Statistics ----

static void add(uint64_t *sum, uint64_t n)
{
	if (*sum != UINT64_MAX && n != UINT64_MAX)
		*sum += n;
}

void offload_meter_add_counts(struct offload *o, uint32_t id, struct meter_stats *stats)
{
	struct offload_device *dev;
	const struct device_meter *m;

	pthread_mutex_lock(&o->lock);
	LIST_FOR_EACH (dev, node, &o->devices)
		VEC_FOR_EACH (m, &dev->meters) {
			if (m->id != id)
				continue;
			add(&stats->in.packets, m->in.packets);
			add(&stats->in.bytes, m->in.bytes);
			// Those that drop have one band.
			if (stats->n_bands != 1)
				continue;
			add(&stats->bands[0].packets, m->dropped.packets);
			add(&stats->bands[0].bytes, m->dropped.bytes);
		}
	pthread_mutex_unlock(&o->lock);
}
