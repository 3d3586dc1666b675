// SPDX-License-Identifier: Apache-2.0
// Rules that the kernel runs because the NIC had no room for them are offered again when it may have some: the hottest first.
//
// A driver that has no room says so to the kernel only, in words of its own or in none. So a rule is thought to have found no room
// when the NIC has another one of its shape. Room is what rules leave behind when they go, and what a try now and then finds: after
// one that fits, the next round tries twice as many.
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/vec.h"
#include "offload/placement-private.h"

enum {
	MAX_OFFERS = 256, // in a round
	MAX_IN_VAIN = 4, // of a round: the NIC is full, whatever the reason was with one
	AGAIN_MSEC = 1000, // after a round in vain, twice as long each further time
	MAX_DOUBLINGS = 6
};

// ---- Shapes that the NIC takes ----

static bool takes(const struct offload_device *dev, uint64_t shape)
{
	struct taken_shape *s;

	HMAP_FOR_EACH_WITH_HASH (s, node, shape, &dev->taken)
		return true;
	return false;
}

void device_note_taken(struct offload_device *dev, struct offload_record *rec)
{
	if (rec->shape_told || atomic_load(&rec->mf->placement) != PLACE_IN_HW)
		return;
	rec->shape_told = true;
	rec->n_offers = 0;
	if (!takes(dev, rec->shape)) {
		struct taken_shape *s = xzalloc(sizeof(*s));

		hmap_insert(&dev->taken, &s->node, rec->shape);
	}
}

void device_free_taken(struct offload_device *dev)
{
	struct taken_shape *s;

	HMAP_FOR_EACH_SAFE (s, node, &dev->taken) {
		hmap_remove(&dev->taken, &s->node);
		free(s);
	}
	hmap_uninit(&dev->taken);
}

// ---- Offers ----

static bool is_candidate(const struct offload_device *dev, const struct offload_record *rec)
{
	return rec->dev == dev && rec->hw && !rec->free_after && !rec->withdraw && !rec->queued &&
	       atomic_load(&rec->mf->placement) == PLACE_IN_TC_SOFTWARE && takes(dev, rec->shape);
}

// Behind those that have not been offered yet: the reason may have been another than room.
static int hotter_first(const void *a, const void *b)
{
	const struct offload_record *x = *(struct offload_record *const *)a,
				    *y = *(struct offload_record *const *)b;

	if (x->n_offers != y->n_offers)
		return x->n_offers < y->n_offers ? -1 : 1;
	return x->recent_packets == y->recent_packets  ? 0
	       : x->recent_packets > y->recent_packets ? -1
						       : 1;
}

// The new rule is there before the old one goes. True when the NIC has it.
static bool offer(struct offload_device *dev, struct offload_record *rec)
{
	struct verdict before = rec->verdict;

	rec->n_offers++;
	if (!record_compile(rec)) {
		// Something else has changed: software has the packets.
		rec->withdraw = true;
		device_queue(dev, rec);
		return false;
	}
	rec->verdict = before;
	return device_offer(dev, rec);
}

// How many may be offered now.
static uint32_t budget(const struct offload_device *dev)
{
	if (!dev->ops->in_hw || !dev->o->enabled || !strcmp(dev->o->policy, "skip_hw"))
		return 0;
	return dev->room ? MIN(dev->room, (uint32_t)MAX_OFFERS) : dev->probe_at <= clock_msec();
}

static void learn(struct offload_device *dev, uint32_t fitted, uint32_t in_vain, bool more)
{
	if (fitted)
		dev->n_probes = 0;
	if (in_vain) {
		dev->room = 0;
		dev->probe_at = clock_msec() + ((int64_t)AGAIN_MSEC
						<< MIN(dev->n_probes, (unsigned int)MAX_DOUBLINGS));
		dev->n_probes++;
	} else if (more && !dev->room) {
		dev->room = 2 * fitted;
	}
}

void device_offer_again(struct offload_device *dev)
{
	VEC(struct offload_record *) all = VEC_INIT;
	uint32_t n = budget(dev), fitted = 0, in_vain = 0;
	struct offload_record *rec, **r;

	if (!n)
		return;
	LIST_FOR_EACH (rec, node, &dev->o->records)
		if (is_candidate(dev, rec))
			VEC_PUSH(&all, rec);
	if (all.n > 1)
		qsort(all.v, all.n, sizeof(*all.v), hotter_first);
	// Records with a rule in the device are freed on this thread only.
	VEC_FOR_EACH (r, &all) {
		if (fitted + in_vain == n || in_vain == MAX_IN_VAIN)
			break;
		if (!is_candidate(dev, *r))
			continue;
		if (offer(dev, *r))
			fitted++;
		else
			in_vain++;
	}
	learn(dev, fitted, in_vain, fitted < all.n);
	VEC_FREE(&all);
}
