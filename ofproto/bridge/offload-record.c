// SPDX-License-Identifier: Apache-2.0
// The offload record in OVSDB: a row a device, a row a reason. Aggregates only, and only when something changed.
#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(offload_record);

static void write_device(const struct ovsrec_offload_device *row,
			 const struct offload_device_status *d)
{
	static const char *const keys[] = { "hw_bytes", "hw_packets", "inserted",
					    "lost",	"refused",    "removed" };
	const int64_t values[] = { d->hw_bytes, d->hw_packets, d->inserted,
				   d->lost,	d->refused,    d->removed };
	int64_t capacity = d->capacity;

	ovsrec_offload_device_set_name(row, d->name);
	ovsrec_offload_device_set_handle(row, d->handle);
	ovsrec_offload_device_set_backend(row, d->backend);
	ovsrec_offload_device_set_state(row, d->state);
	ovsrec_offload_device_set_capacity(row, &capacity, d->capacity ? 1 : 0);
	ovsrec_offload_device_set_rules(row, d->rules);
	ovsrec_offload_device_set_queued(row, d->queued);
	ovsrec_offload_device_set_insert_rate(
		row, d->insert_nsec ? d->inserted * 1000000000ull / d->insert_nsec : 0);
	ovsrec_offload_device_set_capabilities(row, &d->capabilities);
	ovsrec_offload_device_set_statistics(row, keys, values, ARRAY_SIZE(keys));
}

static const struct ovsrec_offload_device *find_device(struct idl *idl, const char *name)
{
	const struct ovsrec_offload_device *row;

	OVSREC_OFFLOAD_DEVICE_FOR_EACH(row, idl)
	if (!strcmp(row->name, name))
		return row;
	return NULL;
}

static void write_devices(struct vswitchd *vs, struct idl_txn *txn)
{
	const struct ovsrec_offload_device *row, *next;
	struct offload_device_status *d;
	struct plane_devices devs;

	planes_list_devices(vs, &devs);
	OVSREC_OFFLOAD_DEVICE_FOR_EACH_SAFE(row, next, vs->idl)
	{
		bool there = false;

		PLANE_DEVICE_FOR_EACH(d, &devs)
		there |= !strcmp(row->name, d->name);
		if (!there)
			ovsrec_offload_device_delete(row);
	}
	PLANE_DEVICE_FOR_EACH(d, &devs)
	{
		row = find_device(vs->idl, d->name);
		write_device(row ? row : ovsrec_offload_device_insert(txn), d);
	}
	plane_devices_free(&devs);
}

static bool same(const struct ovsrec_offload_verdict *row, const struct offload_verdict_count *v)
{
	return !strcmp(row->device, v->device) && !strcmp(row->field, v->verdict.culprit) &&
	       !strcmp(row->reason, offload_reason_name(v->verdict.reason));
}

static void write_verdict(const struct ovsrec_offload_verdict *row,
			  const struct offload_verdict_count *v)
{
	ovsrec_offload_verdict_set_device(row, v->device);
	ovsrec_offload_verdict_set_reason(row, offload_reason_name(v->verdict.reason));
	ovsrec_offload_verdict_set_field(row, v->verdict.culprit);
	ovsrec_offload_verdict_set_count(row, v->count);
	ovsrec_offload_verdict_set_flows(row, v->flows);
	ovsrec_offload_verdict_set_example(row, v->example);
	ovsrec_offload_verdict_set_driver_text(row, v->verdict.driver_text);
	ovsrec_offload_verdict_set_remedy(row, offload_reason_remedy(v->verdict.reason));
}

static void write_verdicts(struct vswitchd *vs, struct idl_txn *txn)
{
	const struct ovsrec_offload_verdict *row, *next;
	struct offload_verdict_count *all;
	size_t n = planes_list_verdicts(vs, &all);
	bool *done = xcalloc(n, sizeof(*done));

	OVSREC_OFFLOAD_VERDICT_FOR_EACH_SAFE(row, next, vs->idl)
	{
		size_t i = 0;

		while (i < n && !same(row, &all[i]))
			i++;
		if (i == n) {
			ovsrec_offload_verdict_delete(row);
		} else {
			write_verdict(row, &all[i]);
			done[i] = true;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!done[i])
			write_verdict(ovsrec_offload_verdict_insert(txn), &all[i]);
	free(done);
	free(all);
}

void offload_record_write(struct vswitchd *vs, struct idl_txn *txn)
{
	write_devices(vs, txn);
	write_verdicts(vs, txn);
}
