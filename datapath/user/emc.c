// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/emc.h"

#include "core/base/hash.h"

struct emc *emc_create(void)
{
	return xzalloc_huge(sizeof(struct emc));
}

void emc_destroy(struct emc *c)
{
	free(c);
}

void emc_insert(struct emc *c, uint64_t hash, struct flow_entry *flow, bool replace)
{
	struct emc_set *set = &c->sets[hash % EMC_SETS];
	uint32_t generation = flow_entry_generation(flow);
	struct emc_entry *victim = NULL;

	// Deleted since it was found: its memory will be another flow's.
	if (!(generation & 1))
		return;
	for (int i = 0; i < EMC_WAYS; i++) {
		struct emc_entry *e = &set->e[i];

		if (e->tag == hash >> 32) {
			victim = e;
			break;
		}
		if (!victim && !emc_is_alive(e))
			victim = e;
	}
	if (!victim && !replace)
		return;
	if (!victim)
		victim = &set->e[random_u32() % EMC_WAYS];
	*victim = (struct emc_entry){ .tag = hash >> 32, .generation = generation, .flow = flow };
}
