// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/emc.h"

#include "core/base/hash.h"

// Words of the key that the hash is made of, and the bits that count. What changes from packet to packet of one connection
// (TTL, TCP flags, fragment bits) stays out.
static uint64_t hash_words[FLOW_WORDS];
static uint64_t factors[FLOW_WORDS];

#define USE(MEMBER) memset(&k->MEMBER, 0xff, sizeof(k->MEMBER))

__attribute__((constructor)) static void choose_words(void)
{
	struct flow_key *k = (struct flow_key *)hash_words;

	USE(in_port);
	USE(recirc_id);
	USE(tunnel.tun_id);
	USE(tunnel.ip_src);
	USE(tunnel.ip_dst);
	USE(ct_state);
	USE(ct_zone);
	USE(eth_dst);
	USE(eth_src);
	USE(eth_type);
	USE(vlans);
	USE(nw_src);
	USE(nw_dst);
	USE(ipv6_src);
	USE(ipv6_dst);
	USE(nw_proto);
	USE(tp_src);
	USE(tp_dst);
}

struct emc *emc_create(void)
{
	for (size_t i = 0; i < FLOW_WORDS; i++)
		factors[i] = hash_u64(i, 1) | 1;
	return xzalloc_aligned(sizeof(struct emc));
}

void emc_destroy(struct emc *c)
{
	free(c);
}

uint64_t emc_hash(const struct miniflow *key)
{
	const uint64_t *w = key->words;
	uint64_t sum = hash_seed;

	for (unsigned int half = 0; half < 2; half++)
		for (uint64_t bits = key->map.bits[half]; bits; bits &= bits - 1) {
			unsigned int i = half * 64 + __builtin_ctzll(bits);
			uint64_t v = *w++ & hash_words[i];

			sum += (v ^ v >> 32) * factors[i];
		}
	sum ^= sum >> 29;
	sum *= 0x94d049bb133111ebULL;
	return sum ^ sum >> 32;
}

static inline bool is_alive(const struct emc_entry *e)
{
	return e->flow && flow_entry_generation(e->flow) == e->generation;
}

struct flow_entry *emc_find(const struct emc *c, uint64_t hash, const struct miniflow *key)
{
	const struct emc_set *set = &c->sets[hash % EMC_SETS];

	for (int i = 0; i < EMC_WAYS; i++) {
		const struct emc_entry *e = &set->e[i];

		if (e->tag == hash >> 32 && is_alive(e) && flow_entry_matches(e->flow, key))
			return e->flow;
	}
	return NULL;
}

const struct flow_entry *emc_candidate(const struct emc *c, uint64_t hash)
{
	const struct emc_set *set = &c->sets[hash % EMC_SETS];

	for (int i = 0; i < EMC_WAYS; i++)
		if (set->e[i].tag == hash >> 32)
			return set->e[i].flow;
	return NULL;
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
		if (!victim && !is_alive(e))
			victim = e;
	}
	if (!victim && !replace)
		return;
	if (!victim)
		victim = &set->e[random_u32() % EMC_WAYS];
	*victim = (struct emc_entry){ .tag = hash >> 32, .generation = generation, .flow = flow };
}
