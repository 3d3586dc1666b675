// SPDX-License-Identifier: Apache-2.0
// The event loop: file descriptors (libev), timers on the virtual clock, and calls posted from other threads.
//
// One loop belongs to one thread; everything here but loop_post() and loop_wake() is called on that thread.
// Callbacks may start, stop and free any watcher, their own included.
#pragma once

#include "core/base/list.h"

struct loop;

struct loop *loop_create(void);
void loop_destroy(struct loop *l);
// Runs callbacks until loop_stop().
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
// Waits at most 'max_msec' (-1: without limit, 0: not at all) of real time for something, runs what is due, returns.
void loop_step(struct loop *l, int max_msec);
// Runs cb(aux) on the loop's thread soon. From any thread.
void loop_post(struct loop *l, void (*cb)(void *aux), void *aux);
void loop_wake(struct loop *l);
// Runs cb(aux) at the end of every iteration, in the order of registration; 'hook' is the caller's storage.
struct loop_hook {
	struct list node;
	void (*cb)(void *aux);
	void *aux;
};
void loop_add_hook(struct loop *l, struct loop_hook *hook, void (*cb)(void *aux), void *aux);
void loop_remove_hook(struct loop_hook *hook);

enum { IO_READ = 1, IO_WRITE = 2 };

// Watches a file descriptor; embed it. 'events' in the callback holds IO_READ and/or IO_WRITE.
struct io_watch {
	struct loop *loop;
	void (*cb)(struct io_watch *w, int events);
	int fd, events;
	void *ev; // libev's watcher while started
};

void io_watch_init(struct io_watch *w, struct loop *l, int fd,
		   void (*cb)(struct io_watch *w, int events));
// Watches for 'events' from now on; 0 stops watching. Cheap when nothing changes.
void io_watch_set(struct io_watch *w, int events);
// Stops; 'fd' stays open and is the caller's.
void io_watch_uninit(struct io_watch *w);

// One-shot timer on clock_msec(); embed it.
struct timer {
	struct loop *loop;
	void (*cb)(struct timer *t);
	int64_t due; // clock_msec(), INT64_MAX when not armed
	size_t slot; // place in the loop's heap while armed
};

void timer_init(struct timer *t, struct loop *l, void (*cb)(struct timer *t));
void timer_at(struct timer *t, int64_t msec);
// From now; INT64_MAX: as good as never.
void timer_in(struct timer *t, int64_t msec);
void timer_cancel(struct timer *t);
bool timer_is_armed(const struct timer *t);
