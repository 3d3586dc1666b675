// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static atomic_bool stopped;
static atomic_int_least64_t stopped_at; // monotonic ns shown while stopped
static atomic_int_least64_t skew; // ns added to real time, grows by what was warped
static void (*advance_cb)(void *aux);
static void *advance_aux;

static int64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int64_t clock_real_nsec(void)
{
	return now(CLOCK_MONOTONIC);
}

int64_t clock_thread_nsec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t clock_nsec(void)
{
	if (atomic_load_explicit(&stopped, memory_order_acquire))
		return atomic_load_explicit(&stopped_at, memory_order_relaxed);
	return clock_real_nsec() + atomic_load_explicit(&skew, memory_order_relaxed);
}

int64_t clock_msec(void)
{
	return clock_nsec() / 1000000;
}

int64_t clock_wall_msec(void)
{
	return (now(CLOCK_REALTIME) + clock_nsec() - clock_real_nsec()) / 1000000;
}

void clock_stop(void)
{
	if (clock_is_stopped())
		return;
	atomic_store(&stopped_at, clock_nsec());
	atomic_store_explicit(&stopped, true, memory_order_release);
}

void clock_resume(void)
{
	if (!clock_is_stopped())
		return;
	atomic_store(&skew, atomic_load(&stopped_at) - clock_real_nsec());
	atomic_store_explicit(&stopped, false, memory_order_release);
}

bool clock_is_stopped(void)
{
	return atomic_load_explicit(&stopped, memory_order_acquire);
}

void clock_advance(int64_t msec)
{
	clock_stop();
	atomic_fetch_add(&stopped_at, msec * 1000000);
	if (advance_cb)
		advance_cb(advance_aux);
}

void clock_on_advance(void (*cb)(void *aux), void *aux)
{
	advance_cb = cb;
	advance_aux = aux;
}
