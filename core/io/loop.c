// SPDX-License-Identifier: Apache-2.0
#include "core/io/loop.h"

#include <pthread.h>

#include <ev.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/rcu.h"
#include "core/base/vec.h"

struct posted {
	void (*cb)(void *aux);
	void *aux;
};

struct loop {
	struct ev_loop *ev;
	ev_async wake;
	ev_timer sleep; // bounds how long libev waits
	VEC(struct timer *) heap; // binary heap by due time
	pthread_mutex_t lock; // posted
	VEC(struct posted) posted GUARDED_BY(lock);
	struct list hooks;
	bool stopping;
};

static void on_wake(struct ev_loop *ev, ev_async *w, int events) {}

static void on_sleep(struct ev_loop *ev, ev_timer *w, int events) {}

static struct loop *advance_loop; // the one that time/warp wakes

static void on_advance(void *aux)
{
	loop_wake(aux);
}

struct loop *loop_create(void)
{
	struct loop *l = xzalloc(sizeof(*l));

	rcu_thread_begin();
	l->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	assert(l->ev);
	ev_async_init(&l->wake, on_wake);
	ev_async_start(l->ev, &l->wake);
	ev_timer_init(&l->sleep, on_sleep, 0, 0);
	pthread_mutex_init(&l->lock, NULL);
	list_init(&l->hooks);
	if (!advance_loop) {
		advance_loop = l;
		clock_on_advance(on_advance, l);
	}
	return l;
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	if (advance_loop == l) {
		advance_loop = NULL;
		clock_on_advance(NULL, NULL);
	}
	ev_async_stop(l->ev, &l->wake);
	ev_timer_stop(l->ev, &l->sleep);
	ev_loop_destroy(l->ev);
	pthread_mutex_destroy(&l->lock);
	VEC_FREE(&l->heap);
	VEC_FREE(&l->posted);
	free(l);
}

// The heap: v[0] is due first; each timer knows its slot.
static void heap_set(struct loop *l, size_t i, struct timer *t)
{
	l->heap.v[i] = t;
	t->slot = i;
}

static void heap_up(struct loop *l, size_t i)
{
	struct timer *t = l->heap.v[i];

	while (i && l->heap.v[(i - 1) / 2]->due > t->due) {
		heap_set(l, i, l->heap.v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_set(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
	struct timer *t = l->heap.v[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= l->heap.n)
			break;
		if (child + 1 < l->heap.n && l->heap.v[child + 1]->due < l->heap.v[child]->due)
			child++;
		if (l->heap.v[child]->due >= t->due)
			break;
		heap_set(l, i, l->heap.v[child]);
		i = child;
	}
	heap_set(l, i, t);
}

void timer_init(struct timer *t, struct loop *l, void (*cb)(struct timer *t))
{
	t->loop = l;
	t->cb = cb;
	t->due = INT64_MAX;
	t->slot = SIZE_MAX;
}

bool timer_is_armed(const struct timer *t)
{
	return t->slot != SIZE_MAX;
}

void timer_cancel(struct timer *t)
{
	struct loop *l = t->loop;
	size_t i = t->slot;

	if (i == SIZE_MAX)
		return;
	t->slot = SIZE_MAX;
	t->due = INT64_MAX;
	struct timer *last = l->heap.v[--l->heap.n];
	if (last == t)
		return;
	heap_set(l, i, last);
	heap_up(l, i);
	heap_down(l, last->slot);
}

void timer_at(struct timer *t, int64_t msec)
{
	struct loop *l = t->loop;

	timer_cancel(t);
	t->due = msec;
	VEC_PUSH(&l->heap, t);
	t->slot = l->heap.n - 1;
	heap_up(l, t->slot);
}

void timer_in(struct timer *t, int64_t msec)
{
	int64_t due;

	timer_at(t, __builtin_add_overflow(clock_msec(), msec, &due) ? INT64_MAX : due);
}

static void run_timers(struct loop *l)
{
	int64_t now = clock_msec();

	while (l->heap.n && l->heap.v[0]->due <= now) {
		struct timer *t = l->heap.v[0];

		timer_cancel(t);
		t->cb(t);
	}
}

static void run_posted(struct loop *l)
{
	VEC(struct posted) mine = VEC_INIT;
	struct posted *p;

	pthread_mutex_lock(&l->lock);
	memcpy(&mine, &l->posted, sizeof(mine));
	memset(&l->posted, 0, sizeof(l->posted));
	pthread_mutex_unlock(&l->lock);
	VEC_FOR_EACH (p, &mine)
		p->cb(p->aux);
	VEC_FREE(&mine);
}

static bool has_posted(struct loop *l)
{
	bool any;

	pthread_mutex_lock(&l->lock);
	any = l->posted.n > 0;
	pthread_mutex_unlock(&l->lock);
	return any;
}

static int wait_time(struct loop *l, int max_msec)
{
	int64_t left;

	if (has_posted(l))
		return 0;
	if (!l->heap.n)
		return max_msec;
	left = l->heap.v[0]->due - clock_msec();
	if (left <= 0)
		return 0;
	if (clock_is_stopped()) // time stands still: only a warp makes timers due
		return max_msec;
	return max_msec < 0 || left < max_msec ? (int)MIN(left, (int64_t)INT32_MAX) : max_msec;
}

void loop_step(struct loop *l, int max_msec)
{
	int wait = wait_time(l, max_msec);
	struct loop_hook *hook, *next;

	if (wait > 0) {
		ev_now_update(l->ev);
		ev_timer_set(&l->sleep, wait / 1000.0, 0);
		ev_timer_start(l->ev, &l->sleep);
	}
	rcu_offline();
	// libev calls watchers from inside ev_run(); they need to be online, see on_io().
	ev_run(l->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
	rcu_online();
	ev_timer_stop(l->ev, &l->sleep);
	counter_inc(COUNTER_LOOP_WAKEUP);
	run_posted(l);
	run_timers(l);
	LIST_FOR_EACH_SAFE (hook, next, node, &l->hooks)
		hook->cb(hook->aux);
	rcu_quiesce();
}

void loop_run(struct loop *l)
{
	l->stopping = false;
	while (!l->stopping)
		loop_step(l, -1);
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
	loop_wake(l);
}

void loop_wake(struct loop *l)
{
	ev_async_send(l->ev, &l->wake);
}

void loop_post(struct loop *l, void (*cb)(void *aux), void *aux)
{
	pthread_mutex_lock(&l->lock);
	VEC_PUSH(&l->posted, ((struct posted){ cb, aux }));
	pthread_mutex_unlock(&l->lock);
	loop_wake(l);
}

void loop_add_hook(struct loop *l, struct loop_hook *hook, void (*cb)(void *aux), void *aux)
{
	hook->cb = cb;
	hook->aux = aux;
	list_push_back(&l->hooks, &hook->node);
}

void loop_remove_hook(struct loop_hook *hook)
{
	list_remove(&hook->node);
}

static void on_io(struct ev_loop *ev, ev_io *e, int events)
{
	struct io_watch *w = e->data;
	int mine = (events & EV_READ ? IO_READ : 0) | (events & EV_WRITE ? IO_WRITE : 0);

	rcu_online();
	w->cb(w, mine);
	rcu_offline();
}

void io_watch_init(struct io_watch *w, struct loop *l, int fd,
		   void (*cb)(struct io_watch *w, int events))
{
	w->loop = l;
	w->cb = cb;
	w->fd = fd;
	w->events = 0;
	w->ev = NULL;
}

void io_watch_set(struct io_watch *w, int events)
{
	ev_io *e = w->ev;

	if (events == w->events)
		return;
	w->events = events;
	if (!e) {
		e = w->ev = xzalloc(sizeof(*e));
		ev_init(e, on_io);
		e->data = w;
	} else {
		ev_io_stop(w->loop->ev, e);
	}
	if (!events)
		return;
	ev_io_set(e, w->fd, (events & IO_READ ? EV_READ : 0) | (events & IO_WRITE ? EV_WRITE : 0));
	ev_io_start(w->loop->ev, e);
}

void io_watch_uninit(struct io_watch *w)
{
	if (!w->ev)
		return;
	ev_io_stop(w->loop->ev, w->ev);
	free(w->ev);
	w->ev = NULL;
	w->events = 0;
}
