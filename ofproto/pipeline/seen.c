// SPDX-License-Identifier: Apache-2.0
// Each is a map of the words that differ from the one before, then for each of these the key's and the mask's.
#include "ofproto/pipeline/seen.h"

enum { MAP_WORDS = 2 };
_Static_assert(FLOW_WORDS <= MAP_WORDS * 64, "a map has a bit for each word");

void seen_pipeline_state(struct flow_mask *known)
{
	memset(known->m.regs, 0xff, sizeof(known->m.regs));
	memset(&known->m.metadata, 0xff, sizeof(known->m.metadata));
	memset(&known->m.actset_output, 0xff, sizeof(known->m.actset_output));
	memset(&known->m.conj_id, 0xff, sizeof(known->m.conj_id));
}

// Most of what is known at the first table is that nothing has been written yet.
void seen_begin(struct seen *s)
{
	memset(s, 0, sizeof(*s));
	seen_pipeline_state(&s->mask);
}

void seen_put(struct seen *s, const struct flow_key *flow, const struct flow_mask *a,
	      const struct flow_mask *b, seen_row *row)
{
	const uint64_t *f = flow_words_const(flow);
	const uint64_t *x = flow_words_const(&a->m), *y = flow_words_const(&b->m);
	uint64_t *key = flow_words(&s->key), *mask = flow_words(&s->mask.m);
	uint64_t packed[MAP_WORDS + 2 * FLOW_WORDS], *out = packed + MAP_WORDS;
	size_t n;

	memset(packed, 0, MAP_WORDS * sizeof(packed[0]));
	for (size_t i = 0; i < FLOW_WORDS; i++) {
		uint64_t m = x[i] | y[i], k = f[i] & m;

		if (m == mask[i] && k == key[i])
			continue;
		packed[i / 64] |= UINT64_C(1) << i % 64;
		*out++ = key[i] = k;
		*out++ = mask[i] = m;
	}
	n = out - packed;
	row->v = xgrow(row->v, &row->cap, row->n + n, sizeof(*row->v));
	memcpy(row->v + row->n, packed, n * sizeof(*packed));
	row->n += n;
}

const uint64_t *seen_take(struct seen *s, const uint64_t *p)
{
	uint64_t *key = flow_words(&s->key), *mask = flow_words(&s->mask.m);
	const uint64_t *map = p;

	p += MAP_WORDS;
	for (size_t w = 0; w < MAP_WORDS; w++)
		for (uint64_t left = map[w]; left; left &= left - 1) {
			size_t i = w * 64 + __builtin_ctzll(left);

			key[i] = *p++;
			mask[i] = *p++;
		}
	return p;
}
