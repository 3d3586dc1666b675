// SPDX-License-Identifier: Apache-2.0
#include "core/flow/megaflow.h"

#include "core/base/clock.h"
#include "core/base/hash.h"

const char *placement_state_name(enum placement_state s)
{
	static const char *const names[PLACE_MAX] = {
		[PLACE_NONE] = "software",
		[PLACE_CHECKED] = "checked",
		[PLACE_QUEUED] = "queued",
		[PLACE_IN_HW] = "in_hw",
		[PLACE_IN_TC_SOFTWARE] = "in_tc_software",
		[PLACE_REFUSED] = "refused",
		[PLACE_EVICTED] = "evicted",
		[PLACE_LOST] = "lost",
	};

	return names[s];
}

static struct megaflow_actions *actions_create(struct dp_actions a)
{
	struct megaflow_actions *copy = xmalloc(sizeof(*copy) + a.size);

	copy->size = a.size;
	if (a.size)
		memcpy(copy->list, a.first, a.size);
	return copy;
}

// The same key and mask have the same ufid for as long as the process lives (the hash is seeded).
static void make_ufid(struct megaflow *mf)
{
	uint64_t lo = miniflow_hash(mf->mask, miniflow_hash(mf->key, 0));
	uint64_t hi = miniflow_hash(mf->mask, miniflow_hash(mf->key, 0x9e3779b97f4a7c15ULL));

	mf->ufid = (struct uuid){ { hi >> 32, hi, lo >> 32, lo } };
}

struct megaflow *megaflow_create(const struct flow_key *key, const struct flow_mask *mask,
				 struct dp_actions actions)
{
	struct megaflow *mf = xzalloc(sizeof(*mf));
	struct flow_key masked;

	flow_key_masked(&masked, key, mask);
	mf->key = miniflow_create(&masked);
	mf->mask = miniflow_create(&mask->m);
	mf->hash = flow_hash_masked(&masked, mf->mask, 0);
	mf->actions = actions_create(actions);
	mf->created = clock_msec();
	make_ufid(mf);
	return mf;
}

void megaflow_free(struct megaflow *mf)
{
	if (!mf)
		return;
	free(mf->key);
	free(mf->mask);
	free(mf->actions);
	free(mf);
}

void megaflow_set_actions(struct megaflow *mf, struct dp_actions actions)
{
	struct megaflow_actions *old = mf->actions;

	RCU_SET(mf->actions, actions_create(actions));
	rcu_free(old);
}
