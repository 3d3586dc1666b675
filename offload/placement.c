// SPDX-License-Identifier: Apache-2.0
#include "offload/placement.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "offload/placement-private.h"

LOG_MODULE(offload);

struct offload *offload_create(void)
{
	struct offload *o = xzalloc(sizeof(*o));

	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->sampled_lock, NULL);
	pthread_cond_init(&o->idle, NULL);
	o->ports = xzalloc(sizeof(*o->ports));
	snprintf(o->policy, sizeof(o->policy), "none");
	o->n_threads = 1;
	o->keep_found = true;
	list_init(&o->devices);
	list_init(&o->records);
	hmap_init(&o->meters);
	return o;
}

void offload_bump(struct offload *o)
{
	atomic_fetch_add(&o->change_seq, 1);
}

static void close_device(struct offload_device *dev)
{
	struct refused_shape *s;
	struct offload *o = dev->o;

	pthread_mutex_lock(&o->lock);
	// Other threads look at the list, and wait for all that are in it.
	list_remove(&dev->node);
	pthread_cond_broadcast(&o->idle);
	dev->stop = true;
	pthread_cond_signal(&dev->work);
	pthread_mutex_unlock(&o->lock);
	rcu_offline();
	pthread_join(dev->worker, NULL);
	dev->ops->close(dev->priv);
	rcu_online();
	HMAP_FOR_EACH_SAFE (s, node, &dev->refused) {
		hmap_remove(&dev->refused, &s->node);
		free(s);
	}
	hmap_uninit(&dev->refused);
	device_free_taken(dev);
	VEC_FREE(&dev->meter_jobs);
	VEC_FREE(&dev->meters);
	VEC_FREE(&dev->audits);
	VEC_FREE(&dev->new_ports);
	pthread_cond_destroy(&dev->work);
	free(dev);
	offload_bump(o);
}

void offload_destroy(struct offload *o)
{
	struct offload_device *dev, *next;
	struct offload_record *rec, *next_rec;

	if (!o)
		return;
	LIST_FOR_EACH_SAFE (dev, next, node, &o->devices)
		close_device(dev);
	LIST_FOR_EACH_SAFE (rec, next_rec, node, &o->records) {
		rec->mf->offload = NULL;
		free(rec);
	}
	for (size_t i = 0; i < o->ports->n; i++)
		free(o->ports->ports[i]);
	free(o->ports);
	offload_free_meters(o);
	pthread_mutex_destroy(&o->sampled_lock);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static const struct port_ref *find_port(dp_port_t number, void *aux)
{
	struct offload *o = aux;
	const struct port_table *t = RCU_GET(o->ports);

	return number.n < t->n && t->ports[number.n] ? &t->ports[number.n]->ref : NULL;
}

static const struct meter_config *find_meter(uint32_t id, void *o)
{
	return offload_find_meter(o, id);
}

static struct offload_port *port_entry(const struct offload *o, dp_port_t number)
{
	const struct port_table *t = RCU_GET(o->ports);

	return number.n < t->n ? t->ports[number.n] : NULL;
}

void record_set_state(struct offload_record *rec, enum placement_state s)
{
	atomic_store(&rec->mf->placement, s);
}

void record_refuse(struct offload_record *rec, const struct verdict *v)
{
	rec->verdict = *v;
	record_set_state(rec, v->reason == REASON_NO_DEVICE || v->reason == REASON_DISABLED
				      ? PLACE_NONE
				      : PLACE_REFUSED);
	rec->dev->n_refused++;
	rec->dev->o->refusals[v->reason]++;
}

void device_queue(struct offload_device *dev, struct offload_record *rec)
{
	if (rec->queued)
		return;
	list_remove(&rec->queue); // from the list of those that wait for room
	list_push_back(&dev->queue, &rec->queue);
	rec->queued = true;
	dev->n_queued++;
	counter_inc(COUNTER_OFFLOAD_QUEUED);
	// One that gathers wakes by itself, unless there is enough.
	if (!dev->gathering || dev->n_queued >= OFFLOAD_ENOUGH)
		pthread_cond_signal(&dev->work);
}

bool record_compile(struct offload_record *rec)
{
	struct offload_device *dev = rec->dev;
	struct port_lookup ports = { find_port, dev->o, find_meter };
	struct refused_shape *s;
	struct compiled_rule *rule;
	struct verdict v;

	// What was wanted before is not any more.
	if (rec->want)
		dev->ops->compiled_free(rec->want);
	rec->want = NULL;
	if (!dev->ops->compile(dev->priv, rec->mf, &ports, &rule, &v)) {
		counter_inc(COUNTER_OFFLOAD_REFUSED);
		record_refuse(rec, &v);
		return false;
	}
	HMAP_FOR_EACH_WITH_HASH (s, node, dev->ops->compiled_shape(rule), &dev->refused) {
		// The device has said no to the like: it is not asked again until something changes.
		dev->ops->compiled_free(rule);
		record_refuse(rec, &s->verdict);
		return false;
	}
	rec->want = rule;
	verdict_refuse(&rec->verdict, REASON_TOO_NEW, NULL);
	return true;
}

static enum offload_reason why_no_device(const struct offload *o, const struct offload_record *rec)
{
	const struct offload_port *port = port_entry(o, rec->in_port);

	return port && port->ref.is_excluded ? REASON_PORT_EXCLUDED : REASON_NO_DEVICE;
}

void record_place(struct offload *o, struct offload_record *rec)
{
	rec->verdict.reason = REASON_NONE;
	if (!rec->dev || !o->enabled) {
		verdict_refuse(&rec->verdict, rec->dev ? REASON_DISABLED : why_no_device(o, rec),
			       NULL);
		record_set_state(rec, PLACE_NONE);
		return;
	}
	if (!record_compile(rec))
		return;
	if (!rec->hw)
		record_set_state(rec, PLACE_QUEUED);
	device_queue(rec->dev, rec);
}

void offload_place(struct offload *o, struct megaflow *mf)
{
	struct offload_record *rec = xzalloc(sizeof(*rec));
	struct offload_port *in;
	struct flow_key key;

	miniflow_expand(mf->key, &key);
	rec->mf = mf;
	list_init(&rec->queue);
	pthread_mutex_lock(&o->lock);
	rec->in_port = DP_PORT(key.in_port);
	in = port_entry(o, rec->in_port);
	rec->dev = in ? in->dev : NULL;
	RCU_SET(mf->offload, rec);
	list_push_back(&o->records, &rec->node);
	record_place(o, rec);
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
}

void offload_update(struct offload *o, struct megaflow *mf)
{
	struct offload_record *rec;

	pthread_mutex_lock(&o->lock);
	rec = mf->offload;
	if (rec && !rec->free_after) {
		rec->withdraw = false;
		record_place(o, rec);
		// The device cannot do what the flow does now: software must have the packets again.
		if (rec->hw && atomic_load(&mf->placement) == PLACE_REFUSED) {
			rec->withdraw = true;
			device_queue(rec->dev, rec);
		}
	}
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
}

// Each time that it does not help, the next attempt waits twice as long, up to a minute.
enum { MAX_DOUBLINGS = 6 };

void record_suspect(struct offload_record *rec)
{
	int64_t now = clock_msec();

	if (!rec->hw || rec->free_after || rec->queued || now < rec->suspect_again ||
	    !record_compile(rec))
		return;
	rec->suspect_again = now + (INT64_C(1000) << MIN(rec->n_suspected, MAX_DOUBLINGS));
	rec->n_suspected++;
	rec->dev->lost++;
	record_set_state(rec, PLACE_LOST);
	device_queue(rec->dev, rec);
}

void offload_suspect(struct offload *o, struct megaflow *mf)
{
	pthread_mutex_lock(&o->lock);
	if (mf->offload)
		record_suspect(mf->offload);
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
}

void offload_withdraw(struct offload *o, struct megaflow *mf,
		      void (*done)(struct megaflow *mf, void *aux), void *aux)
{
	struct offload_record *rec;
	bool now;

	pthread_mutex_lock(&o->lock);
	rec = mf->offload;
	now = !rec || (!rec->hw && !rec->busy);
	if (rec && now) {
		if (rec->queued) {
			rec->queued = false;
			rec->dev->n_queued--;
		}
		list_remove(&rec->queue);
		list_remove(&rec->node);
		if (rec->want)
			rec->dev->ops->compiled_free(rec->want);
		RCU_SET(mf->offload, NULL);
		rcu_free(rec);
	} else if (rec) {
		rec->withdraw = rec->free_after = true;
		rec->done = done;
		rec->done_aux = aux;
		device_queue(rec->dev, rec);
	}
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
	if (now && done)
		done(mf, aux);
}

bool offload_is_enabled(const struct offload *o)
{
	return o->enabled;
}

static bool all_idle(struct offload *o)
{
	struct offload_device *dev;

	LIST_FOR_EACH (dev, node, &o->devices)
		// Who does not rest may have a rule in hand, or tell an owner (without the lock) that all is done.
		if (!dev->resting || dev->n_queued || dev->poll || dev->audits.n || dev->sweep ||
		    dev->job || dev->meter_jobs.n || dev->new_ports.n)
			return false;
	return true;
}

// With the lock, which it gives up meanwhile.
static void wait_until_idle(struct offload *o)
{
	struct offload_device *dev;

	rcu_offline();
	o->n_flushing++;
	LIST_FOR_EACH (dev, node, &o->devices)
		pthread_cond_signal(&dev->work);
	while (!all_idle(o))
		pthread_cond_wait(&o->idle, &o->lock);
	o->n_flushing--;
	rcu_online();
}

void offload_flush(struct offload *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	wait_until_idle(o);
	pthread_mutex_unlock(&o->lock);
}

// Returns when the worker has done it.
static void port_job(struct offload *o, struct offload_device *dev, const struct port_job *job)
{
	pthread_mutex_lock(&o->lock);
	dev->job = job;
	pthread_cond_signal(&dev->work);
	pthread_mutex_unlock(&o->lock);
	offload_flush(o);
}

// With the lock.
static void ask_preparation(struct offload_device *dev, const struct port_ref *port)
{
	if (!dev->ops->add_port)
		return;
	VEC_PUSH(&dev->new_ports, *port);
	pthread_cond_signal(&dev->work);
}

static bool any_prepares(const struct offload *o)
{
	const struct offload_device *dev;

	LIST_FOR_EACH (dev, node, &o->devices)
		if (dev->new_ports.n || dev->prepares)
			return true;
	return false;
}

void offload_wait_for_ports(struct offload *o)
{
	pthread_mutex_lock(&o->lock);
	if (any_prepares(o)) {
		rcu_offline();
		while (any_prepares(o))
			pthread_cond_wait(&o->idle, &o->lock);
		rcu_online();
	}
	pthread_mutex_unlock(&o->lock);
}

void offload_set_enabled(struct offload *o, bool enabled)
{
	struct offload_record *rec;

	pthread_mutex_lock(&o->lock);
	if (o->enabled != enabled) {
		for (size_t i = 0; enabled && i < o->ports->n; i++)
			if (o->ports->ports[i] && o->ports->ports[i]->dev)
				ask_preparation(o->ports->ports[i]->dev, &o->ports->ports[i]->ref);
		o->enabled = enabled;
		log_info("hw-offload is now %s", enabled ? "on" : "off");
		LIST_FOR_EACH (rec, node, &o->records) {
			if (rec->free_after)
				continue;
			rec->withdraw = false;
			record_place(o, rec);
			if (!enabled && rec->dev && (rec->hw || rec->busy || rec->queued)) {
				rec->withdraw = true;
				device_queue(rec->dev, rec);
			}
		}
	}
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
}

static void forget_refusals(struct offload *o)
{
	struct offload_device *dev;
	struct refused_shape *s;

	LIST_FOR_EACH (dev, node, &o->devices) {
		HMAP_FOR_EACH_SAFE (s, node, &dev->refused) {
			hmap_remove(&dev->refused, &s->node);
			free(s);
		}
	}
}

static struct offload_device *find_device(struct offload *o, const char *name)
{
	struct offload_device *dev;

	LIST_FOR_EACH (dev, node, &o->devices)
		if (!strcmp(dev->name, name))
			return dev;
	return NULL;
}

static int open_device(struct offload *o, const struct port_ref *port,
		       const struct backend_ops *ops, struct offload_device **ret,
		       struct error *err)
{
	struct offload_device *dev = xzalloc(sizeof(*dev));
	int r = ops->open(port, &dev->priv, &dev->limits, err);

	if (r < 0) {
		free(dev);
		return r;
	}
	dev->o = o;
	dev->ops = ops;
	dev->state = "ok";
	snprintf(dev->name, sizeof(dev->name), "%s", port->device);
	if (ops->set_policy)
		ops->set_policy(dev->priv, o->policy);
	if (ops->set_sampled)
		ops->set_sampled(dev->priv, offload_sampled, o);
	if (ops->set_threads)
		ops->set_threads(dev->priv, o->n_threads);
	pthread_cond_init(&dev->work, NULL);
	list_init(&dev->queue);
	list_init(&dev->full);
	hmap_init(&dev->refused);
	hmap_init(&dev->taken);
	r = pthread_create(&dev->worker, NULL, device_worker, dev);
	if (r) {
		ops->close(dev->priv);
		free(dev);
		return error_set(err, -r, "cannot start a worker thread (%s)", strerror(r));
	}
	pthread_mutex_lock(&o->lock);
	list_push_back(&o->devices, &dev->node);
	device_learn_meters(dev);
	pthread_mutex_unlock(&o->lock);
	log_info("%s: offload device opened (%s)", dev->name, ops->name);
	*ret = dev;
	return 0;
}

static void set_port(struct offload *o, dp_port_t number, struct offload_port *port)
{
	struct port_table *old = o->ports, *t;
	struct offload_port *gone;
	size_t n = MAX(old->n, (size_t)number.n + 1);

	t = xzalloc(sizeof(*t) + n * sizeof(t->ports[0]));
	t->n = n;
	memcpy(t->ports, old->ports, old->n * sizeof(t->ports[0]));
	gone = t->ports[number.n];
	t->ports[number.n] = port;
	RCU_SET(o->ports, t);
	// Only now that no new reader finds them.
	rcu_free(gone);
	rcu_free(old);
}

// Flows that came in at the port before it had hardware behind it. With the lock.
static void give_flows(struct offload *o, struct offload_device *dev, dp_port_t number)
{
	struct offload_record *rec;

	LIST_FOR_EACH (rec, node, &o->records) {
		if (rec->dev || rec->free_after || !dp_port_equal(rec->in_port, number))
			continue;
		rec->dev = dev;
		rec->withdraw = false;
		record_place(o, rec);
	}
}

static void ask_sweep(struct offload_device *dev)
{
	if (!dev->ops->sweep)
		return;
	dev->sweep = true;
	pthread_cond_signal(&dev->work);
}

int offload_add_port(struct offload *o, const struct port_ref *ref,
		     const struct backend_ops *backend, struct error *err)
{
	struct offload_port *port = xzalloc(sizeof(*port));
	struct offload_device *dev = NULL;
	int ret = 0;

	port->ref = *ref;
	if (backend && ref->device[0]) {
		dev = find_device(o, ref->device);
		if (!dev)
			ret = open_device(o, ref, backend, &dev, err);
		if (dev)
			dev->n_ports++;
	}
	port->dev = dev;
	// Before a rule can come.
	if (dev && ref->n_members)
		port_job(o, dev, &(struct port_job){ .what = JOB_MEMBERS, .port = ref });
	pthread_mutex_lock(&o->lock);
	if (dev && o->enabled)
		ask_preparation(dev, ref);
	set_port(o, ref->number, port);
	give_flows(o, dev, ref->number);
	if (dev && !o->keep_found)
		ask_sweep(dev);
	pthread_mutex_unlock(&o->lock);
	// A flow refused because this port had no hardware may be taken now.
	offload_forget_refusals(o);
	return ret;
}

static bool is_port_of(const struct offload_record *rec, const struct offload_device *dev,
		       dp_port_t number)
{
	return rec->dev == dev && dp_port_equal(rec->in_port, number);
}

// True when there are rules to be taken off, or on their way in.
static bool ask_withdrawal(struct offload *o, struct offload_device *dev, dp_port_t number)
{
	struct offload_record *rec;
	bool any = false;

	LIST_FOR_EACH (rec, node, &o->records) {
		if (!is_port_of(rec, dev, number) || (!rec->hw && !rec->queued && !rec->busy))
			continue;
		rec->withdraw = any = true;
		device_queue(dev, rec);
	}
	return any;
}

// Flows that come in at the port are taken off the device, and stay without one.
static void withdraw_port(struct offload *o, struct offload_device *dev, dp_port_t number)
{
	struct offload_record *rec;

	pthread_mutex_lock(&o->lock);
	// Again where a flow has changed meanwhile and wants to be in.
	while (ask_withdrawal(o, dev, number))
		wait_until_idle(o);
	LIST_FOR_EACH (rec, node, &o->records) {
		if (!is_port_of(rec, dev, number))
			continue;
		list_remove(&rec->queue);
		rec->dev = NULL;
		verdict_refuse(&rec->verdict, why_no_device(o, rec), NULL);
		record_set_state(rec, PLACE_NONE);
	}
	pthread_mutex_unlock(&o->lock);
}

void offload_list_found(struct offload *o, dp_port_t number,
			void (*cb)(const struct found_rule *found, void *aux), void *aux)
{
	struct offload_port *port = port_entry(o, number);

	if (port && port->dev)
		port_job(o, port->dev,
			 &(struct port_job){
				 .what = JOB_LIST, .port = &port->ref, .cb = cb, .aux = aux });
}

void offload_sweep(struct offload *o)
{
	struct offload_device *dev;

	pthread_mutex_lock(&o->lock);
	o->keep_found = false;
	LIST_FOR_EACH (dev, node, &o->devices)
		ask_sweep(dev);
	pthread_mutex_unlock(&o->lock);
}

void offload_remove_port(struct offload *o, dp_port_t number)
{
	struct offload_port *port = port_entry(o, number);
	struct offload_device *dev;
	struct port_ref ref;

	if (!port)
		return;
	dev = port->dev;
	ref = port->ref;
	pthread_mutex_lock(&o->lock);
	set_port(o, number, NULL);
	pthread_mutex_unlock(&o->lock);
	if (!dev)
		return;
	withdraw_port(o, dev, number);
	port_job(o, dev, &(struct port_job){ .what = JOB_PORT_GOES, .port = &ref });
	if (!--dev->n_ports)
		close_device(dev);
}

void offload_set_members(struct offload *o, const struct port_ref *ref)
{
	struct offload_port *old = port_entry(o, ref->number), *port;

	if (!old || !old->dev)
		return;
	port = xmemdup(old, sizeof(*old));
	port->ref = *ref;
	pthread_mutex_lock(&o->lock);
	set_port(o, ref->number, port);
	pthread_mutex_unlock(&o->lock);
	port_job(o, port->dev, &(struct port_job){ .what = JOB_MEMBERS, .port = ref });
}

void offload_leave(struct offload *o)
{
	struct offload_device *dev;

	LIST_FOR_EACH (dev, node, &o->devices)
		if (dev->ops->leave)
			port_job(o, dev, &(struct port_job){ .what = JOB_LEAVE });
}

int offload_set_policy(struct offload *o, const char *policy, struct error *err)
{
	struct offload_record *rec;
	struct offload_device *dev;

	if (strcmp(policy, "none") && strcmp(policy, "skip_sw") && strcmp(policy, "skip_hw"))
		return error_set(err, -EINVAL, "tc-policy: %s is none of none, skip_sw and skip_hw",
				 policy);
	pthread_mutex_lock(&o->lock);
	if (strcmp(o->policy, policy)) {
		snprintf(o->policy, sizeof(o->policy), "%s", policy);
		log_info("tc-policy is now %s", policy);
		LIST_FOR_EACH (dev, node, &o->devices)
			if (dev->ops->set_policy)
				dev->ops->set_policy(dev->priv, policy);
		forget_refusals(o);
		LIST_FOR_EACH (rec, node, &o->records)
			if (rec->dev && rec->dev->ops->set_policy && !rec->free_after)
				record_place(o, rec);
	}
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
	return 0;
}

int offload_set_threads(struct offload *o, int64_t n, struct error *err)
{
	struct offload_device *dev;

	if (n < 1 || n > OFFLOAD_MAX_THREADS)
		return error_set(err, -EINVAL, "n-offload-threads: %lld is not between 1 and %d",
				 (long long)n, OFFLOAD_MAX_THREADS);
	if (o->n_threads == n)
		return 0;
	pthread_mutex_lock(&o->lock);
	o->n_threads = n;
	LIST_FOR_EACH (dev, node, &o->devices)
		if (dev->ops->set_threads)
			dev->ops->set_threads(dev->priv, n);
	pthread_mutex_unlock(&o->lock);
	log_info("n-offload-threads is now %u", o->n_threads);
	return 0;
}

void offload_poll_stats(struct offload *o)
{
	struct offload_device *dev;

	pthread_mutex_lock(&o->lock);
	LIST_FOR_EACH (dev, node, &o->devices) {
		dev->poll = true;
		pthread_cond_signal(&dev->work);
	}
	pthread_mutex_unlock(&o->lock);
}

void offload_forget_refusals(struct offload *o)
{
	struct offload_record *rec;

	pthread_mutex_lock(&o->lock);
	forget_refusals(o);
	LIST_FOR_EACH (rec, node, &o->records)
		if (rec->dev && !rec->hw && !rec->busy && !rec->free_after)
			record_place(o, rec);
	pthread_mutex_unlock(&o->lock);
	offload_bump(o);
}

void offload_audit(struct offload *o, void (*done)(uint32_t checked, uint32_t lost, void *aux),
		   void *aux)
{
	struct audit_job *job = xzalloc(sizeof(*job));
	struct offload_device *dev;

	job->done = done;
	job->aux = aux;
	pthread_mutex_lock(&o->lock);
	LIST_FOR_EACH (dev, node, &o->devices) {
		VEC_PUSH(&dev->audits, job);
		job->n_left++;
		pthread_cond_signal(&dev->work);
	}
	// Afterwards it is the workers'.
	if (job->n_left)
		job = NULL;
	pthread_mutex_unlock(&o->lock);
	if (!job)
		return;
	free(job);
	done(0, 0, aux);
}
