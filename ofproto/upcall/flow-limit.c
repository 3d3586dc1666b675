// SPDX-License-Identifier: Apache-2.0
// How many megaflows there may be: no more than a round of the revalidator can look at within so much time of a processor (a busy machine
// alone is no reason to forget flows: they would miss again), and never more than the configuration allows. When there are too many, idle ones go early.
#include "core/base/clock.h"
#include "ofproto/upcall/upcall-private.h"

enum {
	ROUND_MSEC = 1000, // what a round may take
	LOWEST = 1000, // however slow it is
	CROWDED_IDLE_MSEC = 100,
};

void flow_limit_init(struct flow_limit *l, size_t configured)
{
	*l = (struct flow_limit){ .configured = configured };
	atomic_store(&l->now, configured);
}

void flow_limit_configure(struct flow_limit *l, size_t configured)
{
	if (l->configured == configured)
		return;
	l->configured = configured;
	atomic_store(&l->now, configured);
}

void flow_limit_round_begins(struct flow_limit *l, size_t n_flows)
{
	l->began = clock_msec();
	l->worked_nsec = 0;
	l->n_begun = n_flows;
	l->most = MAX(l->most, n_flows);
	l->average = l->average ? (l->average * 7 + n_flows) / 8 : n_flows;
}

void flow_limit_worked(struct flow_limit *l, int64_t nsec)
{
	l->worked_nsec += nsec;
}

// A round of 'n' flows took 'msec', so so many would have taken what a round may take. Grows again step by step.
void flow_limit_round_ends(struct flow_limit *l)
{
	size_t now = atomic_load(&l->now), fits;
	int64_t msec = l->worked_nsec / 1000000;

	if (msec > ROUND_MSEC) {
		fits = l->n_begun * ROUND_MSEC / (size_t)msec;
		now = MAX((size_t)LOWEST, MIN(now, fits));
	} else if (msec < ROUND_MSEC / 2) {
		now += MAX(now / 8, (size_t)1);
	}
	l->round_msec = clock_msec() - l->began;
	atomic_store(&l->now, MIN(now, l->configured));
}

int64_t flow_limit_idle(const struct flow_limit *l, size_t n_flows, int64_t max_idle)
{
	return n_flows >= atomic_load(&l->now) ? MIN(max_idle, (int64_t)CROWDED_IDLE_MSEC)
					       : max_idle;
}
