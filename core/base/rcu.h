// SPDX-License-Identifier: Apache-2.0
// Read-copy-update over liburcu's QSBR flavour: readers pay nothing, and say when they hold nothing.
//
// Every thread that reads RCU-protected data registers, and calls rcu_quiesce() between units of work
// (a burst, a loop iteration); before it sleeps it calls rcu_offline(), after it rcu_online().
#pragma once

#include <urcu-qsbr.h>

#include "core/base/tsan.h"
#include "core/base/util.h"

// Reading and publishing a pointer. Builtins of the compiler: liburcu's own are calls into the library for programs that do not
// take its licence, and tools that watch threads know nothing of them.
#define RCU_GET(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define RCU_SET(p, v) __atomic_store_n(&(p), v, __ATOMIC_RELEASE)

// Registers this thread (once, however often it is called); rcu_thread_end() undoes it.
void rcu_thread_begin(void);
void rcu_thread_end(void);

// Only its address counts, for the thread sanitizer: readers that leave their old state come before whoever waited for them.
extern const char rcu_grace;

static inline void rcu_quiesce(void)
{
	tsan_release(&rcu_grace);
	rcu_quiescent_state();
}

static inline void rcu_offline(void)
{
	tsan_release(&rcu_grace);
	rcu_thread_offline();
}

static inline void rcu_online(void)
{
	rcu_thread_online();
}

// Runs cb(p) (on another thread) once no reader can hold 'p'. From registered threads only.
void rcu_defer(void (*cb)(void *p), void *p);
// rcu_defer(free, p).
void rcu_free(void *p);
// Waits until every reader has been quiescent once: who saw the old state is done with it. From registered threads.
void rcu_synchronize(void);
// Waits until every deferred call has run: for orderly exit and tests.
void rcu_drain(void);
