// SPDX-License-Identifier: Apache-2.0
// Event counters ("coverage" counters of coverage/show): one row each in counters.def, one array per
// thread, so that counting costs one add and no shared cache line.
#pragma once

#include "core/base/strbuf.h"

enum counter {
#define COUNTER(ID, NAME, TEXT) COUNTER_##ID,
#include "core/base/counters.def"
#undef COUNTER
	COUNTER_MAX
};

struct counter_set {
	uint64_t n[COUNTER_MAX];
};

// This thread's set; made on first use and kept (with its counts) after the thread ends.
extern __thread struct counter_set *counter_mine;
struct counter_set *counter_set_create(void);

static inline void counter_add(enum counter c, uint64_t n)
{
	if (UNLIKELY(!counter_mine))
		counter_mine = counter_set_create();
	__atomic_store_n(&counter_mine->n[c], counter_mine->n[c] + n, __ATOMIC_RELAXED);
}

static inline void counter_inc(enum counter c)
{
	counter_add(c, 1);
}

// Sum over all threads.
uint64_t counter_total(enum counter c);
const char *counter_name(enum counter c);
// -1 when no row has this name.
int counter_find(const char *name);
// Called by the main loop at most every 5 s of the clock; keeps the averages that coverage/show prints.
void counters_tick(void);
// What coverage/show prints.
void counters_show(struct strbuf *out);
