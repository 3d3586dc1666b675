// SPDX-License-Identifier: Apache-2.0
// Meters of the userspace datapath: a bucket of tokens for each band, filled as time goes by. A packet takes its bits, or itself,
// out of each; of the bands that do not have them, the one of the highest rate drops the packet. Threads share a meter, and have it
// for a burst at a time.
#include "datapath/user/meter.h"

#include <rte_spinlock.h>

#include "core/base/clock.h"
#include "core/base/rcu.h"

#define MAX_METERS 262144
#define MAX_BANDS 8
_Static_assert(MAX_BANDS <= METER_MAX_BANDS, "a configuration holds all bands");

// In thousandths of a bit or of a packet: what a band of rate 1 (kbit/s: bits) gains in a millisecond, or a millisecond's share.
struct bucket {
	uint64_t tokens, max, per_msec;
	struct meter_count over;
};

struct user_meter {
	rte_spinlock_t lock; // of all below
	uint16_t flags;
	int64_t filled; // clock_msec()
	struct meter_count in;
	size_t n_bands;
	struct bucket bands[MAX_BANDS]; // by falling rates
	uint8_t place[MAX_BANDS]; // of the band that is configured at this place
};

struct user_meters {
	uint32_t next; // all numbers up to it are taken
	struct user_meter *v[MAX_METERS]; // by number - 1, RCU; the main thread writes
};

// ---- Packets ----

static void fill(struct user_meter *m, int64_t now)
{
	uint64_t msecs = now - m->filled;

	// Threads read the clock at different times.
	if (now <= m->filled)
		return;
	m->filled = now;
	for (size_t i = 0; i < m->n_bands; i++) {
		struct bucket *b = &m->bands[i];

		if (msecs >= (b->max - b->tokens) / b->per_msec + 1)
			b->tokens = b->max;
		else
			b->tokens += msecs * b->per_msec;
		b->tokens = MIN(b->tokens, b->max);
	}
}

static bool passes(struct user_meter *m, uint32_t len)
{
	uint64_t cost = m->flags & METER_KBPS ? 1000ULL * 8 * len : 1000;
	struct bucket *over = NULL;

	m->in.packets++;
	m->in.bytes += len;
	for (size_t i = m->n_bands; i-- > 0;) {
		struct bucket *b = &m->bands[i];

		if (b->tokens >= cost)
			b->tokens -= cost;
		else
			over = b;
	}
	if (over) {
		over->over.packets++;
		over->over.bytes += len;
	}
	return !over;
}

uint32_t user_meter_run(const struct user_meters *all, uint32_t id, const uint32_t *lens,
			unsigned int n, int64_t now)
{
	struct user_meter *m = all && id && id <= MAX_METERS ? RCU_GET(all->v[id - 1]) : NULL;
	uint32_t dropped = 0;

	if (!m)
		return 0;
	rte_spinlock_lock(&m->lock);
	fill(m, now);
	for (unsigned int i = 0; i < n; i++)
		dropped |= (uint32_t)!passes(m, lens[i]) << i;
	rte_spinlock_unlock(&m->lock);
	return dropped;
}

// ---- Configuration ----

static struct bucket bucket_of(const struct meter_config *c, const struct meter_band *b)
{
	// A second's worth where no burst is said.
	uint64_t burst = c->flags & METER_BURST && b->burst ? b->burst : b->rate;
	uint64_t unit = c->flags & METER_KBPS ? 1000ULL * 1000 : 1000;
	struct bucket ret = { .max = burst * unit, .per_msec = b->rate * unit / 1000 };

	ret.tokens = ret.max;
	return ret;
}

static struct user_meter *create(const struct meter_config *c)
{
	struct user_meter *m = xzalloc(sizeof(*m));

	rte_spinlock_init(&m->lock);
	m->flags = c->flags;
	m->filled = clock_msec();
	m->n_bands = c->n_bands;
	for (size_t i = 0; i < c->n_bands; i++) {
		unsigned int before = 0;

		for (size_t j = 0; j < c->n_bands; j++)
			before += c->bands[j].rate > c->bands[i].rate ||
				  (c->bands[j].rate == c->bands[i].rate && j < i);
		m->bands[before] = bucket_of(c, &c->bands[i]);
		m->place[i] = before;
	}
	return m;
}

static uint32_t free_id(struct user_meters *all)
{
	while (all->next < MAX_METERS && all->v[all->next])
		all->next++;
	return all->next + 1;
}

int user_meter_set(struct user_meters **all, const struct meter_config *c, uint32_t *id,
		   struct error *err)
{
	struct user_meter *old;
	uint32_t n;

	if (c->n_bands > MAX_BANDS)
		return error_set(err, -EINVAL, "a meter has at most %d bands", MAX_BANDS);
	for (size_t i = 0; i < c->n_bands; i++)
		if (c->bands[i].type != METER_DROP)
			return error_set(err, -ENOTSUP, "the meters of this datapath only drop");
	if (!*all)
		RCU_SET(*all, xzalloc(sizeof(**all)));
	n = *id ? *id : free_id(*all);
	if (n > MAX_METERS)
		return error_set(err, -ENOSPC, "this datapath has %d meters", MAX_METERS);
	old = (*all)->v[n - 1];
	RCU_SET((*all)->v[n - 1], create(c));
	if (old)
		rcu_free(old);
	*id = n;
	return 0;
}

void user_meter_get(const struct user_meters *all, uint32_t id, struct meter_stats *ret)
{
	struct user_meter *m = all->v[id - 1];

	rte_spinlock_lock(&m->lock);
	ret->in = m->in;
	for (size_t i = 0; i < ret->n_bands && i < m->n_bands; i++)
		ret->bands[i] = m->bands[m->place[i]].over;
	rte_spinlock_unlock(&m->lock);
}

void user_meter_del(struct user_meters *all, uint32_t id)
{
	struct user_meter *m = all->v[id - 1];

	RCU_SET(all->v[id - 1], NULL);
	all->next = MIN(all->next, id - 1);
	rcu_free(m);
}

void user_meters_free(struct user_meters *all)
{
	for (uint32_t i = 0; all && i < MAX_METERS; i++)
		free(all->v[i]);
	free(all);
}

void user_meter_features(struct meter_features *ret)
{
	*ret = (struct meter_features){ .max_meters = MAX_METERS,
					.band_types = 1u << METER_DROP,
					.flags = METER_KBPS | METER_PKTPS | METER_BURST |
						 METER_STATS,
					.max_bands = MAX_BANDS };
}
