// SPDX-License-Identifier: Apache-2.0
// Snapshots of placement for people and OVSDB.
#include <stdio.h>

#include "offload/placement-private.h"

void offload_get_verdict(struct offload *o, const struct megaflow *mf, struct verdict *ret,
			 char device[64])
{
	const struct offload_record *rec;

	pthread_mutex_lock(&o->lock);
	rec = mf->offload;
	memset(ret, 0, sizeof(*ret));
	device[0] = '\0';
	if (rec) {
		*ret = rec->verdict;
		if (rec->dev)
			snprintf(device, 64, "%s", rec->dev->name);
	} else {
		ret->reason = REASON_NO_DEVICE;
	}
	pthread_mutex_unlock(&o->lock);
}

static void fill_device(const struct offload_device *dev, struct offload_device_status *st)
{
	const struct offload_record *rec;

	memset(st, 0, sizeof(*st));
	snprintf(st->name, sizeof(st->name), "%s", dev->name);
	snprintf(st->handle, sizeof(st->handle), "%s", dev->limits.handle);
	snprintf(st->backend, sizeof(st->backend), "%s", dev->ops->name);
	st->state = dev->o->enabled ? dev->state : "disabled";
	st->capacity = dev->limits.capacity;
	st->rules = dev->n_rules;
	st->queued = dev->n_queued;
	st->inserted = dev->inserted;
	st->removed = dev->removed;
	st->refused = dev->n_refused;
	st->lost = dev->lost;
	st->altered = dev->altered;
	st->orphans = dev->orphans;
	st->foreign = dev->foreign;
	st->insert_nsec = dev->insert_nsec;
	LIST_FOR_EACH (rec, node, &dev->o->records) {
		if (rec->dev != dev)
			continue;
		st->hw_packets += rec->mf->hw.packets;
		st->hw_bytes += rec->mf->hw.bytes;
	}
	smap_init(&st->capabilities);
	dev->ops->capabilities(dev->priv, &st->capabilities);
}

size_t offload_list_devices(struct offload *o, struct offload_device_status **ret)
{
	struct offload_device *dev;
	size_t n = 0;

	pthread_mutex_lock(&o->lock);
	*ret = xcalloc(list_size(&o->devices), sizeof(**ret));
	LIST_FOR_EACH (dev, node, &o->devices)
		fill_device(dev, &(*ret)[n++]);
	pthread_mutex_unlock(&o->lock);
	return n;
}

static bool same_verdict(const struct offload_verdict_count *c, const char *device,
			 const struct verdict *v)
{
	return c->verdict.reason == v->reason && !strcmp(c->verdict.culprit, v->culprit) &&
	       !strcmp(c->device, device);
}

size_t offload_list_verdicts(struct offload *o, struct offload_verdict_count **ret)
{
	VEC(struct offload_verdict_count) all = VEC_INIT;
	const struct offload_record *rec;

	pthread_mutex_lock(&o->lock);
	LIST_FOR_EACH (rec, node, &o->records) {
		const char *device = rec->dev ? rec->dev->name : "";
		struct offload_verdict_count *c;

		if (rec->verdict.reason == REASON_NONE || rec->verdict.reason == REASON_TOO_NEW ||
		    rec->free_after)
			continue;
		VEC_FOR_EACH (c, &all)
			if (same_verdict(c, device, &rec->verdict))
				break;
		if (c == all.v + all.n) {
			c = VEC_PUSH_UNINIT(&all);
			memset(c, 0, sizeof(*c));
			snprintf(c->device, sizeof(c->device), "%s", device);
			c->verdict = rec->verdict;
			snprintf(c->example, sizeof(c->example), UUID_FMT,
				 UUID_ARGS(&rec->mf->ufid));
			c->count = o->refusals[rec->verdict.reason];
		}
		c->flows++;
	}
	pthread_mutex_unlock(&o->lock);
	*ret = all.v;
	return all.n;
}

uint64_t offload_change_seq(const struct offload *o)
{
	return atomic_load(&o->change_seq);
}
