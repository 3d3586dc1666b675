// SPDX-License-Identifier: Apache-2.0
// Tells the thread sanitizer of an order that it cannot see, because a library without instrumentation makes it. Nothing in
// other builds.
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>

// What this thread did before tsan_release(p) happened before what another does after tsan_acquire(p).
static inline void tsan_release(const void *p)
{
	__tsan_release((void *)p);
}

static inline void tsan_acquire(const void *p)
{
	__tsan_acquire((void *)p);
}
#else
static inline void tsan_release(const void *p) {}

static inline void tsan_acquire(const void *p) {}
#endif
