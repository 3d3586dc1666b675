// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/learn.h"

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/base/refs.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(learn);

#define MAX_WAITING 8192

// One or the other.
struct wish {
	struct learn *learn; // held
	struct rule *rule; // held
	uint16_t idle_timeout, hard_timeout;
};

typedef VEC(struct wish) wish_vec;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static wish_vec waiting GUARDED_BY(lock);
static _Atomic size_t n_waiting;

// ---- Rules to learn ----

struct learn *learn_create(struct of_switch *sw, const struct match *m, struct acts list)
{
	struct learn *l = xzalloc(sizeof(*l));

	l->refs = 1;
	l->sw = sw;
	l->key = miniflow_create(&m->key);
	l->mask = miniflow_create(&m->mask.m);
	l->acts = rule_acts_copy(list);
	return l;
}

void learn_unref(struct learn *l)
{
	if (!l || !refs_put(&l->refs))
		return;
	free(l->key);
	free(l->mask);
	free(l->acts);
	free(l);
}

// ---- The queue ----

static void wish_uninit(struct wish *w)
{
	learn_unref(w->learn);
	rule_unref(w->rule);
}

static bool enqueue(const struct of_switch *sw, struct wish w)
{
	bool room;

	pthread_mutex_lock(&lock);
	room = waiting.n < MAX_WAITING && !sw->learns_nothing;
	if (room) {
		VEC_PUSH(&waiting, w);
		atomic_store(&n_waiting, waiting.n);
	}
	pthread_mutex_unlock(&lock);
	if (!room)
		counter_inc(COUNTER_LEARN_OVERFLOW);
	return room;
}

void learn_later(struct learn *l)
{
	if (atomic_exchange(&l->waits, true))
		return;
	atomic_fetch_add(&l->refs, 1);
	if (enqueue(l->sw, (struct wish){ .learn = l }))
		return;
	atomic_store(&l->waits, false);
	learn_unref(l);
}

static bool is_longer(uint16_t timeout, uint16_t than)
{
	return than && (!timeout || timeout > than);
}

void rule_shorten_later(struct rule *r, uint16_t idle_timeout, uint16_t hard_timeout)
{
	struct wish w = { .rule = r, .idle_timeout = idle_timeout, .hard_timeout = hard_timeout };

	if (!is_longer(r->idle_timeout, idle_timeout) && !is_longer(r->hard_timeout, hard_timeout))
		return;
	if (rule_ref(r) && !enqueue(r->sw, w))
		rule_unref(r);
}

bool learn_is_waiting(void)
{
	return atomic_load(&n_waiting) > 0;
}

void learn_forget_switch(struct of_switch *sw)
{
	wish_vec gone = VEC_INIT;
	struct wish *w;
	size_t kept = 0;

	pthread_mutex_lock(&lock);
	sw->learns_nothing = true;
	VEC_FOR_EACH (w, &waiting)
		if ((w->learn ? w->learn->sw : w->rule->sw) == sw)
			VEC_PUSH(&gone, *w);
		else
			waiting.v[kept++] = *w;
	waiting.n = kept;
	atomic_store(&n_waiting, kept);
	pthread_mutex_unlock(&lock);
	VEC_FOR_EACH (w, &gone)
		wish_uninit(w);
	VEC_FREE(&gone);
}

// ---- Carrying out ----

static void put_rule(struct learn *l, const struct match *m)
{
	static struct log_limit limit = LOG_LIMIT_INIT(10, 10);
	struct flow_mod fm;
	enum ofperr e;

	flow_mod_init(&fm);
	fm.match = *m;
	fm.command = FM_MODIFY_STRICT;
	fm.table = l->table;
	fm.priority = l->priority;
	fm.new_cookie = l->cookie;
	fm.modify_cookie = fm.add_missing = true;
	fm.idle_timeout = l->idle_timeout;
	fm.hard_timeout = l->hard_timeout;
	fm.flags = l->send_flow_rem ? FM_SEND_FLOW_REM : 0;
	strbuf_put(&fm.acts, l->acts->list, l->acts->size);
	e = switch_learn_flow(l->sw, &fm);
	if (e) {
		counter_inc(COUNTER_LEARN_REFUSED);
		log_warn_limited(&limit, "%s: a learned rule was refused (%s)", l->sw->name,
				 ofperr_name(e));
	} else {
		counter_inc(COUNTER_LEARN);
	}
	flow_mod_uninit(&fm);
}

static void apply_learn(struct learn *l)
{
	const struct acts list = { l->acts->list, l->acts->size };
	struct classifier *cls = l->sw->tables[MIN(l->table, SWITCH_N_TABLES - 1)].cls;
	struct cls_rule *found;
	struct match m;
	struct rule *r;

	miniflow_expand(l->key, &m.key);
	miniflow_expand(l->mask, &m.mask.m);
	found = classifier_find_exactly(cls, &m, l->priority);
	r = found ? CONTAINER_OF(found, struct rule, cls) : NULL;
	if (r && r->cookie == l->cookie && acts_equal(rule_acts_get(r), list))
		r->modified = clock_msec();
	else if (!r && l->limit && switch_learned(l->sw, l->table, l->cookie).n >= l->limit)
		counter_inc(COUNTER_LEARN_LIMIT);
	else
		put_rule(l, &m);
}

static void shorten(struct rule *r, uint16_t idle_timeout, uint16_t hard_timeout)
{
	if (!cls_rule_is_visible(&r->cls, CLS_NEWEST))
		return;
	if (is_longer(r->idle_timeout, idle_timeout))
		r->idle_timeout = idle_timeout;
	if (is_longer(r->hard_timeout, hard_timeout))
		r->hard_timeout = hard_timeout;
	rule_may_expire(r);
}

void learn_apply(void)
{
	wish_vec now;
	struct wish *w;

	pthread_mutex_lock(&lock);
	now = waiting;
	memset(&waiting, 0, sizeof(waiting));
	atomic_store(&n_waiting, 0);
	pthread_mutex_unlock(&lock);
	VEC_FOR_EACH (w, &now) {
		if (w->learn) {
			atomic_store(&w->learn->waits, false);
			apply_learn(w->learn);
		} else {
			shorten(w->rule, w->idle_timeout, w->hard_timeout);
		}
		wish_uninit(w);
	}
	VEC_FREE(&now);
}
