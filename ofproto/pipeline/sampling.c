// SPDX-License-Identifier: Apache-2.0
// What of a switch's packets IPFIX counts.
#include "ofproto/pipeline/switch-private.h"

static size_t size_of(const struct sampling *s)
{
	return sizeof(*s) + s->n * sizeof(s->sets[0]);
}

static bool is_same(const struct sampling *a, const struct sampling *b)
{
	return a == b || (a && b && a->n == b->n && !memcmp(a, b, size_of(a)));
}

void switch_set_sampling(struct of_switch *sw, const struct sampling *s)
{
	struct sampling *old = sw->sampling;

	if (is_same(old, s))
		return;
	RCU_SET(sw->sampling, s ? (struct sampling *)xmemdup(s, size_of(s)) : NULL);
	if (old)
		rcu_free(old);
	// Which every translation rests on.
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
}

const struct sampling *switch_sampling(const struct of_switch *sw)
{
	return RCU_GET(sw->sampling);
}

bool sampling_tells_tunnels(const struct sampling *s, uint32_t set)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->sets[i].id == set)
			return s->sets[i].tunnels;
	return false;
}

void switch_set_sampled(struct of_switch *sw, packet_sample_fn *f, void *aux)
{
	sw->sampled = f;
	sw->sampled_aux = aux;
}

void switch_give_sample(const struct of_switch *sw, const struct packet_sample *s)
{
	if (sw->sampled)
		sw->sampled(sw->sampled_aux, s);
}
