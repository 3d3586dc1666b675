// SPDX-License-Identifier: Apache-2.0
#include "core/base/counters.h"

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/vec.h"

#define TICK_MSEC 5000
#define MINUTE_TICKS (60000 / TICK_MSEC)
#define HOUR_MINUTES 60

__thread struct counter_set *counter_mine;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static VEC(struct counter_set *) sets;

// What happened in the last tick, the last 12 ticks and the last 60 minutes; main thread only.
static struct history {
	uint64_t last_total;
	uint32_t ticks[MINUTE_TICKS];
	uint32_t minutes[HOUR_MINUTES];
} history[COUNTER_MAX];
static unsigned int n_ticks;
static int64_t next_tick;

static const char *const names[COUNTER_MAX] = {
#define COUNTER(ID, NAME, TEXT) NAME,
#include "core/base/counters.def"
#undef COUNTER
};

struct counter_set *counter_set_create(void)
{
	struct counter_set *s = xzalloc_aligned(sizeof(*s));

	pthread_mutex_lock(&lock);
	VEC_PUSH(&sets, s);
	pthread_mutex_unlock(&lock);
	return s;
}

uint64_t counter_total(enum counter c)
{
	struct counter_set **s;
	uint64_t sum = 0;

	pthread_mutex_lock(&lock);
	VEC_FOR_EACH (s, &sets)
		sum += __atomic_load_n(&(*s)->n[c], __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	return sum;
}

const char *counter_name(enum counter c)
{
	return names[c];
}

int counter_find(const char *name)
{
	for (int c = 0; c < COUNTER_MAX; c++)
		if (!strcmp(names[c], name))
			return c;
	return -1;
}

static void tick_one(struct history *h, uint64_t total)
{
	unsigned int slot = n_ticks % MINUTE_TICKS;

	h->ticks[slot] = total - h->last_total;
	h->last_total = total;
	if (slot == MINUTE_TICKS - 1) {
		uint32_t sum = 0;

		for (int i = 0; i < MINUTE_TICKS; i++)
			sum += h->ticks[i];
		h->minutes[n_ticks / MINUTE_TICKS % HOUR_MINUTES] = sum;
	}
}

void counters_tick(void)
{
	int64_t now = clock_msec();

	if (now < next_tick)
		return;
	next_tick = now + TICK_MSEC;
	for (int c = 0; c < COUNTER_MAX; c++)
		tick_one(&history[c], counter_total(c));
	n_ticks++;
}

static double rate(const uint32_t *v, int n, double seconds)
{
	uint64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum / seconds;
}

// Tells runs with the same events apart from others at a glance.
static uint32_t hash_of_hits(void)
{
	uint64_t h = 0;

	for (int c = 0; c < COUNTER_MAX; c++)
		h = hash_u64(h, counter_total(c) ? 64 - __builtin_clzll(counter_total(c)) : 0);
	return h;
}

void counters_show(struct strbuf *out)
{
	unsigned int last = (n_ticks + MINUTE_TICKS - 1) % MINUTE_TICKS, never = 0;

	strbuf_printf(out,
		      "Event coverage, avg rate over last: 5 seconds, last minute, last hour,  "
		      "hash=%08x:\n",
		      hash_of_hits());
	for (int c = 0; c < COUNTER_MAX; c++) {
		uint64_t total = counter_total(c);

		if (!total) {
			never++;
			continue;
		}
		strbuf_printf(
			out, "%-24s %5.1f/sec %9.3f/sec %13.4f/sec   total: %llu\n", names[c],
			history[c].ticks[last] / 5.0, rate(history[c].ticks, MINUTE_TICKS, 60.0),
			rate(history[c].minutes, HOUR_MINUTES, 3600.0), (unsigned long long)total);
	}
	strbuf_printf(out, "%u events never hit\n", never);
}
