// SPDX-License-Identifier: Apache-2.0
// A device's worker: the only thread that talks to its driver. It holds the lock only between calls to the driver.
#include "core/base/clock.h"
#include "core/base/log.h"
#include "offload/placement-private.h"

LOG_MODULE(offload_worker);

// New rules that go to the driver together: enough for several threads' system calls.
enum { MAX_AT_ONCE = 256 };

void driver_begin(struct offload_device *dev)
{
	pthread_mutex_unlock(&dev->o->lock);
	rcu_offline();
}

void driver_end(struct offload_device *dev)
{
	rcu_online();
	pthread_mutex_lock(&dev->o->lock);
}

// A count that has gone back has wrapped, or begun anew: what was counted before stays counted, what came since the last look is
// not known.
static void add_counts(struct offload_record *rec, uint64_t packets, uint64_t bytes)
{
	struct flow_counts *hw = &rec->mf->hw;
	uint64_t total;

	rec->base_packets += rec->last_packets - MIN(packets, rec->last_packets);
	rec->base_bytes += rec->last_bytes - MIN(bytes, rec->last_bytes);
	rec->last_packets = packets;
	rec->last_bytes = bytes;
	total = rec->base_packets + packets;

	rec->recent_packets = total - hw->packets;
	if (total != hw->packets)
		__atomic_store_n(&hw->used, clock_msec(), __ATOMIC_RELAXED);
	__atomic_store_n(&hw->packets, total, __ATOMIC_RELAXED);
	__atomic_store_n(&hw->bytes, rec->base_bytes + bytes, __ATOMIC_RELAXED);
}

// The rule is gone: what it counted stays counted.
static void fold_counts(struct offload_record *rec, uint64_t packets, uint64_t bytes)
{
	add_counts(rec, packets, bytes);
	rec->base_packets += packets;
	rec->base_bytes += bytes;
	rec->last_packets = rec->last_bytes = 0;
}

static void remember_refusal(struct offload_device *dev, uint64_t shape, const struct verdict *v)
{
	struct refused_shape *s = xzalloc(sizeof(*s));

	s->verdict = *v;
	hmap_insert(&dev->refused, &s->node, shape);
}

static void refused_by_driver(struct offload_device *dev, struct offload_record *rec,
			      uint64_t shape, int err, struct verdict *v)
{
	if (err == -ENOSPC) {
		v->reason = REASON_TABLE_FULL;
		if (!rec->queued)
			list_push_back(&dev->full, &rec->queue);
	} else if (err == -ENOTSUP || err == -EINVAL || err == -EOPNOTSUPP) {
		// Of this kind, not of this rule: other errors may pass.
		remember_refusal(dev, shape, v);
	}
	record_refuse(rec, v);
}

static void is_placed(struct offload_record *rec, const struct verdict *v)
{
	rec->verdict = *v;
	record_set_state(rec, v->reason == REASON_NONE ? PLACE_IN_HW : PLACE_IN_TC_SOFTWARE);
}

// What the driver said to a rule that went in, or did not; with the lock. The record stays in this thread's hands until settle().
static void inserted(struct offload_device *dev, struct offload_record *rec, uint64_t shape,
		     int error, struct hw_rule *hw, struct verdict *v)
{
	if (error < 0) {
		refused_by_driver(dev, rec, shape, error, v);
		return;
	}
	if (!dev->ops->in_hw)
		verdict_accept(v);
	rec->hw = hw;
	rec->shape = shape;
	rec->shape_told = false;
	dev->inserted++;
	is_placed(rec, v);
	if (v->reason == REASON_NONE && dev->room)
		dev->room--;
}

// By what the record wants. Called with the lock, which it gives up around the driver.
static int call_replace(struct offload_device *dev, struct offload_record *rec,
			struct hw_rule **ret_hw, struct verdict *v)
{
	struct compiled_rule *rule = rec->want;
	struct hw_rule *old = rec->hw;
	uint64_t packets = 0, bytes = 0;
	int64_t start;
	int error;

	rec->want = NULL;
	rec->busy = true;
	driver_begin(dev);
	start = clock_real_nsec();
	error = dev->ops->replace(dev->priv, old, rule, ret_hw, &packets, &bytes, v);
	start = clock_real_nsec() - start;
	dev->ops->compiled_free(rule);
	driver_end(dev);
	dev->insert_nsec += start;
	if (error >= 0)
		fold_counts(rec, packets, bytes);
	return error;
}

static void do_replace(struct offload_device *dev, struct offload_record *rec)
{
	uint64_t shape = dev->ops->compiled_shape(rec->want);
	struct verdict v = { .reason = REASON_DEVICE_REFUSED };
	struct hw_rule *hw = NULL;
	int error = call_replace(dev, rec, &hw, &v);

	inserted(dev, rec, shape, error, hw, &v);
	if (error < 0)
		// The old rule does what the flow did before: it must go.
		rec->withdraw = true;
}

static void call_insert(struct offload_device *dev, struct insertion *list, size_t n)
{
	if (dev->ops->insert_many && n > 1) {
		dev->ops->insert_many(dev->priv, list, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		list[i].error = dev->ops->insert(dev->priv, list[i].rule, &list[i].hw, &list[i].v);
}

// New rules, several at once. Called with the lock, which it gives up around the driver.
static void do_insert(struct offload_device *dev, struct offload_record *recs[], size_t n)
{
	struct insertion list[MAX_AT_ONCE];
	uint64_t shapes[MAX_AT_ONCE];
	int64_t start;

	for (size_t i = 0; i < n; i++) {
		list[i] = (struct insertion){ .rule = recs[i]->want,
					      .v = { .reason = REASON_DEVICE_REFUSED } };
		shapes[i] = dev->ops->compiled_shape(recs[i]->want);
		recs[i]->want = NULL;
		recs[i]->busy = true;
	}
	driver_begin(dev);
	start = clock_real_nsec();
	call_insert(dev, list, n);
	start = clock_real_nsec() - start;
	for (size_t i = 0; i < n; i++)
		dev->ops->compiled_free((struct compiled_rule *)list[i].rule);
	driver_end(dev);
	dev->insert_nsec += start;
	for (size_t i = 0; i < n; i++) {
		dev->n_rules += list[i].error >= 0;
		inserted(dev, recs[i], shapes[i], list[i].error, list[i].hw, &list[i].v);
	}
}

static void try_one_that_waits(struct offload_device *dev)
{
	while (!list_is_empty(&dev->full)) {
		struct offload_record *rec =
			LIST_ENTRY(list_pop_front(&dev->full), struct offload_record, queue);

		if (!rec->free_after && record_compile(rec)) {
			record_set_state(rec, PLACE_QUEUED);
			device_queue(dev, rec);
			return;
		}
	}
}

static bool record_is_placed(const struct offload_record *rec)
{
	enum placement_state s = atomic_load(&rec->mf->placement);

	return s == PLACE_IN_HW || s == PLACE_IN_TC_SOFTWARE;
}

static void do_remove(struct offload_device *dev, struct offload_record *rec)
{
	struct hw_rule *hw = rec->hw;
	uint64_t packets = 0, bytes = 0;

	if (!hw)
		return;
	rec->hw = NULL;
	rec->busy = true;
	driver_begin(dev);
	dev->ops->remove(dev->priv, hw, &packets, &bytes);
	driver_end(dev);
	rec->busy = false;
	fold_counts(rec, packets, bytes);
	dev->n_rules--;
	dev->removed++;
	dev->room += atomic_load(&rec->mf->placement) == PLACE_IN_HW;
	if (!rec->free_after && record_is_placed(rec))
		record_set_state(rec, PLACE_NONE);
	try_one_that_waits(dev);
}

// The owner has let go of the flow: forget it, and tell.
static void finish(struct offload_device *dev, struct offload_record *rec)
{
	struct megaflow *mf = rec->mf;
	void (*done)(struct megaflow * mf, void *aux) = rec->done;
	void *aux = rec->done_aux;

	list_remove(&rec->node);
	list_remove(&rec->queue);
	if (rec->want)
		dev->ops->compiled_free(rec->want);
	RCU_SET(mf->offload, NULL);
	rcu_free(rec);
	pthread_mutex_unlock(&dev->o->lock);
	if (done)
		done(mf, aux);
	pthread_mutex_lock(&dev->o->lock);
}

// Withdrawals, after what went in: one may have been asked for while the driver worked. The record may be gone afterwards.
static void settle(struct offload_device *dev, struct offload_record *rec)
{
	rec->busy = false;
	if (rec->withdraw) {
		if (rec->want) {
			dev->ops->compiled_free(rec->want);
			rec->want = NULL;
		}
		do_remove(dev, rec);
		rec->withdraw = rec->free_after;
	}
	if (rec->free_after && !rec->hw) {
		if (rec->queued) {
			list_remove(&rec->queue);
			rec->queued = false;
			dev->n_queued--;
		}
		finish(dev, rec);
	}
}

bool device_offer(struct offload_device *dev, struct offload_record *rec)
{
	uint64_t shape = dev->ops->compiled_shape(rec->want);
	struct verdict v = { .reason = REASON_DEVICE_REFUSED };
	struct hw_rule *hw = NULL;
	bool in_nic;

	if (call_replace(dev, rec, &hw, &v) >= 0)
		inserted(dev, rec, shape, 0, hw, &v);
	in_nic = atomic_load(&rec->mf->placement) == PLACE_IN_HW;
	settle(dev, rec);
	return in_nic;
}

static struct offload_record *take_first(struct offload_device *dev)
{
	struct offload_record *rec =
		LIST_ENTRY(list_pop_front(&dev->queue), struct offload_record, queue);

	rec->queued = false;
	dev->n_queued--;
	return rec;
}

static bool is_new_rule(const struct offload_record *rec)
{
	return rec->want && !rec->hw && !rec->withdraw;
}

// The first of the queue; with it those behind it that are new rules, too.
static void handle_some(struct offload_device *dev)
{
	struct offload_record *recs[MAX_AT_ONCE], *rec = take_first(dev);
	size_t n = 0;

	if (!is_new_rule(rec)) {
		if (!rec->withdraw && rec->want)
			do_replace(dev, rec);
		settle(dev, rec);
	} else {
		recs[n++] = rec;
		while (n < MAX_AT_ONCE && !list_is_empty(&dev->queue)) {
			rec = LIST_ENTRY(dev->queue.next, struct offload_record, queue);
			if (!is_new_rule(rec))
				break;
			recs[n++] = take_first(dev);
		}
		do_insert(dev, recs, n);
		for (size_t i = 0; i < n; i++)
			settle(dev, recs[i]);
	}
	offload_bump(dev->o);
}

typedef VEC(struct offload_record *) record_vec;

static void collect_installed(struct offload_device *dev, record_vec *v)
{
	struct offload_record *rec;

	LIST_FOR_EACH (rec, node, &dev->o->records)
		if (rec->dev == dev && rec->hw)
			VEC_PUSH(v, rec);
}

static void rule_is_lost(struct offload_device *dev, struct offload_record *rec)
{
	dev->ops->forget(dev->priv, rec->hw);
	rec->hw = NULL;
	rec->base_packets = rec->mf->hw.packets;
	rec->base_bytes = rec->mf->hw.bytes;
	rec->last_packets = rec->last_bytes = 0;
	dev->n_rules--;
	dev->lost++;
	if (rec->free_after || rec->withdraw || !dev->o->enabled) {
		device_queue(dev, rec);
		return;
	}
	if (record_compile(rec)) {
		record_set_state(rec, PLACE_LOST);
		device_queue(dev, rec);
	}
}

static void look_closely(struct offload_device *dev)
{
	struct audit_findings found = { 0 };

	driver_begin(dev);
	dev->ops->audit(dev->priv, &found);
	driver_end(dev);
	dev->altered += found.altered;
	dev->orphans += found.orphans;
	dev->foreign = found.foreign;
	if (found.missing || found.altered || found.orphans)
		log_warn("%s: audit: %u rules were missing, %u altered, %u nobody's: set right",
			 dev->name, found.missing, found.altered, found.orphans);
}

// Ports are copied: the driver is called without a lock.
static void sweep_ports(struct offload_device *dev)
{
	const struct port_table *t = dev->o->ports;
	VEC(struct port_ref) refs = VEC_INIT;
	const struct port_ref *ref;

	for (size_t i = 0; i < t->n; i++) {
		struct offload_port *port = t->ports[i];

		if (port && port->dev == dev && !port->swept) {
			port->swept = true;
			VEC_PUSH(&refs, port->ref);
		}
	}
	driver_begin(dev);
	VEC_FOR_EACH (ref, &refs)
		dev->ops->sweep(dev->priv, ref);
	driver_end(dev);
	dev->sweep = false;
	VEC_FREE(&refs);
}

static void prepare_ports(struct offload_device *dev)
{
	VEC(struct port_ref) refs = VEC_INIT;
	const struct port_ref *ref;

	VEC_FOR_EACH (ref, &dev->new_ports)
		VEC_PUSH(&refs, *ref);
	VEC_FREE(&dev->new_ports);
	dev->prepares = true;
	driver_begin(dev);
	VEC_FOR_EACH (ref, &refs)
		dev->ops->add_port(dev->priv, ref);
	driver_end(dev);
	dev->prepares = false;
	pthread_cond_broadcast(&dev->o->idle);
	VEC_FREE(&refs);
}

static void do_port_job(struct offload_device *dev)
{
	const struct port_job *job = dev->job;

	driver_begin(dev);
	if (job->what == JOB_LEAVE)
		dev->ops->leave(dev->priv);
	else if (job->what == JOB_PORT_GOES && dev->ops->remove_port)
		dev->ops->remove_port(dev->priv, job->port);
	else if (job->what == JOB_LIST && dev->ops->list)
		dev->ops->list(dev->priv, job->port, job->cb, job->aux);
	else if (job->what == JOB_MEMBERS && dev->ops->set_members)
		dev->ops->set_members(dev->priv, job->port);
	driver_end(dev);
	dev->job = NULL;
}

// Only this thread frees records of installed rules, so that the list stays valid while the lock is given up.
static uint32_t query_all(struct offload_device *dev, bool audit, uint32_t *ret_checked)
{
	record_vec v = VEC_INIT;
	struct offload_record **rec;
	uint32_t lost = 0;

	collect_installed(dev, &v);
	if (audit && dev->ops->audit) {
		look_closely(dev);
	} else if (dev->ops->refresh) {
		driver_begin(dev);
		dev->ops->refresh(dev->priv);
		driver_end(dev);
	}
	VEC_FOR_EACH (rec, &v) {
		struct hw_rule *hw = (*rec)->hw;
		uint64_t packets = 0, bytes = 0;
		struct verdict verdict;
		int ret;

		driver_begin(dev);
		ret = dev->ops->query(dev->priv, hw, &packets, &bytes);
		driver_end(dev);
		if (!ret || ret == -ESTALE) {
			add_counts(*rec, packets, bytes);
			if (ret)
				record_suspect(*rec);
			if (dev->ops->in_hw && record_is_placed(*rec)) {
				dev->ops->in_hw(dev->priv, hw, &verdict);
				is_placed(*rec, &verdict);
				device_note_taken(dev, *rec);
			}
		} else if (ret == -ENOENT) {
			rule_is_lost(dev, *rec);
			lost++;
		}
	}
	*ret_checked = v.n;
	VEC_FREE(&v);
	device_poll_meters(dev);
	device_offer_again(dev);
	return lost;
}

static void handle_reset(struct offload_device *dev)
{
	record_vec v = VEC_INIT;
	struct offload_record **rec;

	collect_installed(dev, &v);
	log_warn("%s: the device was reset and lost %zu rules; installing them again", dev->name,
		 v.n);
	VEC_FOR_EACH (rec, &v)
		rule_is_lost(dev, *rec);
	VEC_FREE(&v);
}

static void answer_audit(struct offload_device *dev, struct audit_job *job, uint32_t checked,
			 uint32_t lost)
{
	job->checked += checked;
	job->lost += lost;
	if (--job->n_left)
		return;
	pthread_mutex_unlock(&dev->o->lock);
	job->done(job->checked, job->lost, job->aux);
	free(job);
	pthread_mutex_lock(&dev->o->lock);
}

static void poll_or_audit(struct offload_device *dev)
{
	VEC(struct audit_job *) audits = VEC_INIT;
	struct audit_job **job;
	uint32_t checked, lost;

	// Who asks from now on wants another look.
	VEC_FOR_EACH (job, &dev->audits)
		VEC_PUSH(&audits, *job);
	VEC_CLEAR(&dev->audits);
	dev->poll = false;
	lost = query_all(dev, audits.n, &checked);
	VEC_FOR_EACH (job, &audits)
		answer_audit(dev, *job, checked, lost);
	VEC_FREE(&audits);
}

// Software runs a flow meanwhile, so that nobody misses its rule for a moment; and many in one call cost a driver, and the
// kernel before it, much less than one by one.
#define GATHER_NSEC 2000000

static bool is_urgent(const struct offload_device *dev)
{
	return dev->n_queued >= OFFLOAD_ENOUGH || dev->o->n_flushing || dev->stop || dev->job ||
	       dev->new_ports.n || !dev->ops->insert_many;
}

// With the lock, which it gives up meanwhile.
static void gather(struct offload_device *dev)
{
	struct timespec end;

	if (is_urgent(dev))
		return;
	// Not the clock that tests stop: it decides nothing but when the same work is done. Nor one that somebody may set back.
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += GATHER_NSEC;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	dev->gathering = true;
	rcu_offline();
	while (!is_urgent(dev) && pthread_cond_clockwait(&dev->work, &dev->o->lock, CLOCK_MONOTONIC,
							 &end) != ETIMEDOUT)
		;
	rcu_online();
	dev->gathering = false;
}

void *device_worker(void *arg)
{
	struct offload_device *dev = arg;

	log_set_thread_name(dev->name);
	rcu_thread_begin();
	pthread_mutex_lock(&dev->o->lock);
	for (;;) {
		if (dev->ops->take_reset(dev->priv)) {
			handle_reset(dev);
		} else if (dev->meter_jobs.n) {
			device_do_meter_jobs(dev);
		} else if (dev->new_ports.n) {
			prepare_ports(dev);
		} else if (!list_is_empty(&dev->queue)) {
			handle_some(dev);
		} else if (dev->sweep) {
			sweep_ports(dev);
		} else if (dev->job) {
			do_port_job(dev);
		} else if (dev->poll || dev->audits.n) {
			poll_or_audit(dev);
		} else if (dev->stop) {
			break;
		} else {
			dev->resting = true;
			pthread_cond_broadcast(&dev->o->idle);
			rcu_offline();
			pthread_cond_wait(&dev->work, &dev->o->lock);
			rcu_online();
			dev->resting = false;
			gather(dev);
		}
		rcu_quiesce();
	}
	pthread_mutex_unlock(&dev->o->lock);
	rcu_thread_end();
	return NULL;
}
