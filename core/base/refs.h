// SPDX-License-Identifier: Apache-2.0
// Counting references to what readers under RCU find: one may meet an object whose last reference has just gone.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// One more, unless there is none left: false then, and the object must not be kept. Any thread.
static inline bool refs_try_get(_Atomic uint32_t *refs)
{
	uint32_t n = atomic_load_explicit(refs, memory_order_relaxed);

	do {
		if (!n)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(refs, &n, n + 1, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

// One less. True when that was the last: the object is freed after a grace period. Any thread.
static inline bool refs_put(_Atomic uint32_t *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}
