// SPDX-License-Identifier: Apache-2.0
// The megaflows' life after birth: counters go up to OpenFlow, dependencies are checked, idle ones go.
//
// A round goes down the list of all flows in slices, so that the loop never waits long. A flow that is taken out leaves its place
// to the last one, which was looked at already or is new. A flow whose dependencies are all current costs a few comparisons;
// only the others are translated again.
#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "ofproto/upcall/upcall-private.h"

LOG_MODULE(revalidator);

#define SLICE 2000 // flows looked at before the loop gets its turn
#define BATCH 128 // whose dependencies the crew looks at together
#define SOON_MSEC 5

static void free_removed(void *p)
{
	struct megaflow *mf = p;

	megaflow_free(mf);
}

static void finish_remove(struct upcall_engine *u, struct megaflow_deps *d)
{
	struct megaflow *mf = d->mf;

	engine_credit(u, mf);
	mf->deps = NULL;
	xlate_basis_uninit(&d->basis);
	free(d);
	rcu_defer(free_removed, mf);
}

static void finish_withdrawn(void *u)
{
	engine_finish_removed(u);
}

// From the device's worker: the rest belongs to the main thread.
static void withdrawn(struct megaflow *mf, void *aux)
{
	struct megaflow_deps *d = aux;
	struct upcall_engine *u = d->engine;
	bool first;

	pthread_mutex_lock(&u->lock);
	first = !u->withdrawn;
	d->next_withdrawn = u->withdrawn;
	u->withdrawn = d;
	pthread_mutex_unlock(&u->lock);
	if (first)
		loop_post(u->loop, finish_withdrawn, u);
}

void engine_finish_removed(struct upcall_engine *u)
{
	struct megaflow_deps *d, *next;

	pthread_mutex_lock(&u->lock);
	d = u->withdrawn;
	u->withdrawn = NULL;
	pthread_mutex_unlock(&u->lock);
	for (; d; d = next) {
		next = d->next_withdrawn;
		finish_remove(u, d);
	}
}

void engine_remove(struct upcall_engine *u, struct megaflow *mf)
{
	pthread_mutex_lock(&u->lock);
	engine_unlist(u, mf);
	pthread_mutex_unlock(&u->lock);
	if (engine_credit(u, mf) && xlate_is_current(&mf->deps->basis))
		engine_learn_if_due(u, mf->deps);
	datapath_flow_del(u->dp, mf);
	counter_inc(COUNTER_REVALIDATE_DELETED);
	offload_withdraw(u->offload, mf, withdrawn, mf->deps);
}

static void credit(const struct xlate_basis *basis, const struct traffic *t)
{
	struct xlate_credit *c;

	VEC_FOR_EACH (c, &basis->credits)
		xlate_credit_apply(c, t);
}

void engine_credit_packet(struct upcall_engine *u, const struct xlate_basis *basis, size_t bytes,
			  uint16_t tcp_flags)
{
	credit(basis, &(struct traffic){ .packets = 1,
					 .bytes = bytes,
					 .used = clock_msec(),
					 .tcp_flags = tcp_flags });
	engine_learn_soon(u);
}

// Of the growth in 't' what a NIC has handled. Both counts are read one after the other: it is never more than the growth.
static void take_hardware(struct megaflow *mf, struct traffic *t)
{
	struct megaflow_deps *d = mf->deps;
	uint64_t packets = __atomic_load_n(&mf->hw.packets, __ATOMIC_RELAXED),
		 bytes = __atomic_load_n(&mf->hw.bytes, __ATOMIC_RELAXED);

	if (atomic_load(&mf->placement) != PLACE_IN_TC_SOFTWARE) {
		t->hw_packets = MIN(packets - d->hw_packets, t->packets);
		t->hw_bytes = MIN(bytes - d->hw_bytes, t->bytes);
	}
	d->hw_packets = packets;
	d->hw_bytes = bytes;
}

bool engine_credit(struct upcall_engine *u, struct megaflow *mf)
{
	struct flow_counts now;
	struct traffic t = { 0 };

	upcall_flow_counts(u, mf, &now);
	t.packets = now.packets - mf->pushed.packets;
	t.bytes = now.bytes - mf->pushed.bytes;
	t.used = now.used;
	t.tcp_flags = now.tcp_flags;
	mf->pushed = now;
	if (!t.packets)
		return false;
	take_hardware(mf, &t);
	credit(&mf->deps->basis, &t);
	// Traffic keeps its source station known.
	xlate_apply_effects(&mf->deps->basis);
	mf->deps->learn_due |= now.packets > mf->deps->n_learned;
	engine_learn_soon(u);
	return true;
}

static bool take_actions(struct upcall_engine *u, struct megaflow *mf, struct dp_actions now)
{
	if (dp_actions_equal(megaflow_actions_get(mf), now))
		return true;
	megaflow_set_actions(mf, now);
	if (datapath_flow_update(u->dp, mf) < 0)
		return false;
	offload_update(u->offload, mf);
	return true;
}

// What decides now must be pinned down by the flow's mask.
static bool is_pinned_down(struct of_switch *sw, const struct flow_key *dp_key,
			   const struct flow_mask *mask, const struct flow_mask *decides)
{
	struct flow_mask need = *decides;

	engine_datapath_mask(sw, dp_key, &need);
	return flow_mask_contains(mask, &need);
}

// ---- Translating again ----

// A flow of the batch at hand, and what its dependencies say of it.
struct look {
	struct megaflow *mf;
	enum { STAYS, STAYS_WITH_EFFECTS, CHANGES, GOES } outcome;
	struct xlate_result *now; // CHANGES: a copy of its own
};

struct batch {
	struct upcall_engine *u;
	int64_t now; // clock_msec()
	struct look looks[BATCH];
	size_t n;
};

// By any thread of the crew: only the flow's own dependencies change. It goes when it would match other packets than it does, or
// when its port is gone.
static void translate(struct upcall_engine *u, struct look *l, struct xlate_result *r)
{
	struct megaflow *mf = l->mf;
	struct engine_entry e;
	AUTO(strbuf) slow = STRBUF_INIT;
	struct flow_key dp_key;
	struct flow_mask mask;

	counter_inc(COUNTER_REVALIDATE_DIRTY);
	l->outcome = GOES;
	miniflow_expand(mf->key, &dp_key);
	miniflow_expand(mf->mask, &mask.m);
	if (!engine_key(u, &dp_key, &e) || e.sw != mf->deps->sw)
		return;
	struct xlate_input in = { .sw = e.sw, .key = &e.key, .tunnel = engine_tunnel(&e) };
	xlate_again(&in, r);
	if (!xlate_error_passes(r->error) && is_pinned_down(e.sw, &dp_key, &mask, &r->mask)) {
		if (!dp_actions_equal(megaflow_actions_get(mf), xlate_flow_actions(r, &slow))) {
			l->outcome = CHANGES;
			l->now = xmemdup(r, sizeof(*r));
			memset(r, 0, sizeof(*r));
			return;
		}
		l->outcome = r->basis.effects.n ? STAYS_WITH_EFFECTS : STAYS;
		xlate_result_exchange_basis(r, &mf->deps->basis);
	}
	xlate_result_clear(r);
}

static void look_closely(void *aux, size_t i, unsigned int member)
{
	struct batch *b = aux;

	b->looks[i].outcome = STAYS;
	if (!xlate_is_current(&b->looks[i].mf->deps->basis))
		translate(b->u, &b->looks[i], &b->u->again[member]);
}

static bool take_change(struct upcall_engine *u, struct megaflow *mf, struct xlate_result *now)
{
	AUTO(strbuf) slow = STRBUF_INIT;
	bool ok;

	xlate_apply_effects(&now->basis);
	ok = take_actions(u, mf, xlate_flow_actions(now, &slow));
	if (ok)
		xlate_result_exchange_basis(now, &mf->deps->basis);
	xlate_result_uninit(now);
	free(now);
	return ok;
}

static void conclude(struct upcall_engine *u, struct look *l)
{
	switch (l->outcome) {
	case STAYS_WITH_EFFECTS:
		xlate_apply_effects(&l->mf->deps->basis);
		engine_learn_if_due(u, l->mf->deps);
		break;
	case STAYS:
		engine_learn_if_due(u, l->mf->deps);
		break;
	case CHANGES:
		if (take_change(u, l->mf, l->now))
			engine_learn_if_due(u, l->mf->deps);
		else
			engine_remove(u, l->mf);
		break;
	case GOES:
		engine_remove(u, l->mf);
	}
}

// ---- A round ----

static bool is_idle(struct upcall_engine *u, const struct megaflow *mf, int64_t now)
{
	int64_t last = MAX(mf->pushed.used, mf->created);

	return now - last >= flow_limit_idle(&u->limit, upcall_n_flows(u), u->max_idle);
}

// Software must not see packets of a flow that hardware has, but for those on their way when the rule went in: traffic
// in two rounds running says that the device has silently lost it.
#define SUSPICIOUS_ROUNDS 2

static void watch_for_loss(struct upcall_engine *u, struct megaflow *mf)
{
	struct megaflow_deps *d = mf->deps;
	struct flow_counts sw;

	if (atomic_load(&mf->placement) != PLACE_IN_HW) {
		d->was_in_hw = false;
		return;
	}
	datapath_flow_counts(u->dp, mf, &sw);
	d->sw_rounds = d->was_in_hw && sw.packets != d->sw_packets ? d->sw_rounds + 1 : 0;
	d->was_in_hw = true;
	d->sw_packets = sw.packets;
	if (d->sw_rounds < SUSPICIOUS_ROUNDS)
		return;
	d->sw_rounds = 0;
	offload_suspect(u->offload, mf);
}

// Those of the flows whose dependencies must be looked at.
static void look_at(struct batch *b, struct megaflow *mf)
{
	engine_credit(b->u, mf);
	watch_for_loss(b->u, mf);
	if (!mf->deps->sw) // put in by hand
		return;
	if (is_idle(b->u, mf, b->now))
		engine_remove(b->u, mf);
	else
		b->looks[b->n++].mf = mf;
}

static void begin_round(struct upcall_engine *u)
{
	u->todo = upcall_n_flows(u);
}

// The next flows of the round, with what will be read of them on its way into the cache.
static size_t take_batch(struct upcall_engine *u, struct megaflow *ret[BATCH])
{
	size_t n, listed = 0;

	pthread_mutex_lock(&u->lock);
	u->todo = MIN(u->todo, u->list.n);
	n = MIN(u->todo, (size_t)BATCH);
	u->todo -= n;
	memcpy(ret, &u->list.v[u->todo], n * sizeof(ret[0]));
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&ret[i]->deps);
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(ret[i]->deps);
	for (size_t i = 0; i < n; i++)
		if (atomic_load(&ret[i]->deps->listed))
			ret[listed++] = ret[i];
	pthread_mutex_unlock(&u->lock);
	for (size_t i = 0; i < listed; i++) {
		__builtin_prefetch(ret[i]->deps->basis.lookups.v);
		__builtin_prefetch(ret[i]->deps->basis.credits.v);
		__builtin_prefetch(ret[i]->key);
	}
	return listed;
}

static void do_slice(struct upcall_engine *u, size_t max)
{
	struct megaflow *flows[BATCH];
	struct batch b = { .u = u };

	for (size_t done = 0; u->todo && done < max; done += BATCH) {
		size_t n = take_batch(u, flows);

		b.n = 0;
		b.now = clock_msec();
		for (size_t i = 0; i < n; i++)
			look_at(&b, flows[i]);
		flow_limit_worked(&u->limit, crew_run(u->crew, b.n, look_closely, &b));
		for (size_t i = 0; i < b.n; i++)
			conclude(u, &b.looks[i]);
		learn_apply(); // so that a round's rules find room in the queue
	}
}

static void on_round(struct timer *t)
{
	struct upcall_engine *u = CONTAINER_OF(t, struct upcall_engine, round);
	int64_t began;

	if (u->paused)
		return; // resuming starts it again
	if (!u->dp) {
		timer_in(t, u->max_revalidator);
		return;
	}
	if (!u->todo) {
		offload_poll_stats(u->offload);
		begin_round(u);
		recirc_expire();
		flow_limit_round_begins(&u->limit, u->todo);
	}
	began = clock_thread_nsec();
	do_slice(u, SLICE);
	flow_limit_worked(&u->limit, clock_thread_nsec() - began);
	if (!u->todo)
		flow_limit_round_ends(&u->limit);
	timer_in(t, u->todo ? 0 : u->max_revalidator);
}

static void on_soon(struct timer *t)
{
	struct upcall_engine *u = CONTAINER_OF(t, struct upcall_engine, soon);

	// A change during a round starts it anew: what was looked at already may rest on what changed.
	u->todo = 0;
	timer_in(&u->round, 0);
}

static void changed_on_main(void *aux)
{
	struct upcall_engine *u = aux;

	atomic_store(&u->change_posted, false);
	if (!timer_is_armed(&u->soon))
		timer_in(&u->soon, SOON_MSEC);
}

void upcall_changed(struct upcall_engine *u)
{
	if (!atomic_exchange(&u->change_posted, true))
		loop_post(u->loop, changed_on_main, u);
}

static bool push_stats(struct megaflow *mf, void *u)
{
	engine_credit(u, mf);
	return true;
}

void upcall_push_stats(struct upcall_engine *u)
{
	if (!u->dp)
		return;
	offload_poll_stats(u->offload);
	datapath_refresh(u->dp);
	upcall_for_each(u, push_stats, u);
}

void upcall_revalidate_now(struct upcall_engine *u)
{
	if (!u->dp)
		return;
	offload_poll_stats(u->offload);
	offload_flush(u->offload);
	begin_round(u);
	do_slice(u, SIZE_MAX);
}

void upcall_pause(struct upcall_engine *u)
{
	u->paused = true;
}

void upcall_resume(struct upcall_engine *u)
{
	if (!u->paused)
		return;
	u->paused = false;
	u->todo = 0;
	timer_in(&u->round, 0);
}

bool upcall_is_paused(const struct upcall_engine *u)
{
	return u->paused;
}

void engine_start_revalidator(struct upcall_engine *u)
{
	timer_init(&u->round, u->loop, on_round);
	timer_init(&u->soon, u->loop, on_soon);
	timer_in(&u->round, u->max_revalidator);
}

void engine_stop_revalidator(struct upcall_engine *u)
{
	timer_cancel(&u->round);
	timer_cancel(&u->soon);
}
