// SPDX-License-Identifier: Apache-2.0
// Each is the words that differ from the one before, in groups of up to GROUP: a word that says how many they are (its lowest byte) and
// which, then for each the key's and the mask's. Behind a full group is another one.
#include "ofproto/pipeline/seen.h"

enum { GROUP = 7 };
_Static_assert(FLOW_WORDS <= 256, "a byte has the number of a word");

// So many words are compared in one go, which most of them pass.
typedef uint64_t pair __attribute__((vector_size(16)));
enum { AT_ONCE = 8 };

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

struct packing {
	uint64_t words[2 * FLOW_WORDS + FLOW_WORDS / GROUP + 1];
	size_t n, group; // words so far, and where the last group begins
};

static void begin_group(struct packing *p)
{
	p->group = p->n;
	p->words[p->n++] = 0;
}

static void put_word(struct packing *p, uint64_t number, uint64_t key, uint64_t mask)
{
	uint64_t n;

	n = ++p->words[p->group] & UINT8_MAX;
	p->words[p->group] |= number << 8 * n;
	p->words[p->n++] = key;
	p->words[p->n++] = mask;
	if (n == GROUP)
		begin_group(p);
}

static pair load(const uint64_t *p)
{
	pair w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static bool differ(const uint64_t *f, const uint64_t *a, const uint64_t *b, const uint64_t *key,
		   const uint64_t *mask)
{
	pair d = { 0 };

	for (int i = 0; i < AT_ONCE; i += 2) {
		pair m = load(a + i) | load(b + i);

		d |= (m ^ load(mask + i)) | ((load(f + i) & m) ^ load(key + i));
	}
	return d[0] | d[1];
}

static void put_differing(struct seen *s, size_t i, uint64_t flow, uint64_t m, struct packing *p)
{
	uint64_t *key = flow_words(&s->key), *mask = flow_words(&s->mask.m);

	if (m == mask[i] && (flow & m) == key[i])
		return;
	key[i] = flow & m;
	mask[i] = m;
	put_word(p, i, key[i], m);
}

static void put_all(struct seen *s, const uint64_t *f, const uint64_t *a, const uint64_t *b,
		    struct packing *p)
{
	const uint64_t *key = flow_words(&s->key), *mask = flow_words(&s->mask.m);
	size_t i;

	for (i = 0; i + AT_ONCE <= FLOW_WORDS; i += AT_ONCE)
		if (differ(f + i, a + i, b + i, key + i, mask + i))
			for (size_t j = i; j < i + AT_ONCE; j++)
				put_differing(s, j, f[j], a[j] | b[j], p);
	for (; i < FLOW_WORDS; i++)
		put_differing(s, i, f[i], a[i] | b[i], p);
}

static void put_touched(struct seen *s, const uint64_t *f, const uint64_t *a, const uint64_t *b,
			const struct flowmap *touched, struct packing *p)
{
	for (size_t half = 0; half < ARRAY_SIZE(touched->bits); half++)
		for (uint64_t left = touched->bits[half]; left; left &= left - 1) {
			size_t i = 64 * half + __builtin_ctzll(left);

			put_differing(s, i, f[i], a[i] | b[i], p);
		}
#ifdef __SANITIZE_ADDRESS__
	// A word that nobody has told of would leave a megaflow where it should be looked at: all tests are tests of that.
	size_t n = p->n;

	put_all(s, f, a, b, p);
	assert(p->n == n);
#endif
}

void seen_put(struct seen *s, const struct flow_key *flow, const struct flow_mask *a,
	      const struct flow_mask *b, const struct flowmap *touched, seen_row *row)
{
	const uint64_t *f = flow_words_const(flow);
	const uint64_t *x = flow_words_const(&a->m), *y = flow_words_const(&b->m);
	struct packing p;

	p.n = 0;
	begin_group(&p);
	if (touched)
		put_touched(s, f, x, y, touched, &p);
	else
		put_all(s, f, x, y, &p);
	row->v = xgrow(row->v, &row->cap, row->n + p.n, sizeof(*row->v));
	memcpy(row->v + row->n, p.words, p.n * sizeof(*p.words));
	row->n += p.n;
}

const uint64_t *seen_take(struct seen *s, const uint64_t *p)
{
	uint64_t *key = flow_words(&s->key), *mask = flow_words(&s->mask.m), which, n;

	do {
		which = *p++;
		n = which & UINT8_MAX;
		for (uint64_t left = n; left; left--) {
			size_t i = (which >>= 8) & UINT8_MAX;

			key[i] = *p++;
			mask[i] = *p++;
		}
	} while (n == GROUP);
	return p;
}
