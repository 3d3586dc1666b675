// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/decided.h"

#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/thread-memory.h"

enum { N_SETS = 256, WAYS = 4 }; // tables share sets only when there are more

struct set {
	struct decided ways[WAYS];
	unsigned int next; // that makes room
};

static __thread struct set *sets; // NULL: this thread has not looked up anything yet

static struct set *set_of(const struct classifier *c)
{
	if (!sets)
		sets = thread_memory(N_SETS * sizeof(*sets), free);
	return &sets[classifier_number(c) % N_SETS];
}

static bool has_bits(const struct decided *d, const struct flow_key *key)
{
	const uint64_t *k = flow_words_const(key);

	for (size_t i = 0; i < d->n; i++)
		if ((k[d->words[i]] & d->bits[i]) != d->values[i])
			return false;
	return true;
}

const struct decided *decided_find(const struct classifier *c, uint64_t version,
				   const struct flow_key *key)
{
	uint64_t table = classifier_number(c), changed = classifier_version(c);
	struct set *s = set_of(c);

	if (changed > version)
		return NULL;
	for (size_t i = 0; i < WAYS; i++) {
		const struct decided *d = &s->ways[i];

		if (d->table == table && d->changed == changed && has_bits(d, key))
			return d;
	}
	return NULL;
}

void decided_keep(const struct classifier *c, uint64_t version, uint64_t changed,
		  const struct flow_key *key, const struct flow_mask *mask, struct cls_rule *rule,
		  const struct cls_decision *how)
{
	const uint64_t *m = flow_words_const(&mask->m), *k = flow_words_const(key);
	struct set *s = set_of(c);
	struct decided *d = &s->ways[s->next];

	if (changed > version)
		return;
	d->table = 0;
	d->n = 0;
	for (size_t i = 0; i < FLOW_WORDS; i++) {
		if (!m[i])
			continue;
		if (d->n == DECIDED_MAX_WORDS)
			return;
		d->words[d->n] = i;
		d->bits[d->n] = m[i];
		d->values[d->n++] = k[i] & m[i];
	}
	d->changed = changed;
	d->rule = rule;
	d->how = *how;
	d->table = classifier_number(c);
	s->next = (s->next + 1) % WAYS;
}
