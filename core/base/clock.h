// SPDX-License-Identifier: Apache-2.0
// The one source of time. Tests stop it and warp it (appctl time/stop, time/warp), so nobody calls
// clock_gettime() beside it. Readable from any thread.
#pragma once

#include "core/base/util.h"

// Milliseconds and nanoseconds since an arbitrary start; never goes back.
int64_t clock_msec(void);
int64_t clock_nsec(void);
// Milliseconds since 1970 UTC.
int64_t clock_wall_msec(void);

// Virtual time: after clock_stop() only clock_advance() moves monotonic and wall clock.
void clock_stop(void);
void clock_resume(void);
bool clock_is_stopped(void);
void clock_advance(int64_t msec);
// Called (on the advancing thread) after every clock_advance(); the event loop uses it to wake its timers.
void clock_on_advance(void (*cb)(void *aux), void *aux);

// Real time, for measuring cost only (never for behaviour): CPU cycles or nanoseconds.
int64_t clock_real_nsec(void);
// How long the calling thread has run on a processor.
int64_t clock_thread_nsec(void);
