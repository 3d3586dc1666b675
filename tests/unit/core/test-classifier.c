// SPDX-License-Identifier: Apache-2.0
// The classifier against a linear search, the soundness of its masks, and readers beside a writer.
#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/flow/classifier.h"
#include "tests/unit/core/flow-testing.h"

#define N_RULES 400

struct rule {
	struct cls_rule cls;
	struct match match;
	bool in;
};

static struct rule rules[N_RULES];

// Few values and few masks, so that rules and keys meet often.
static void random_match(struct match *m)
{
	match_init_any(m);
	if (pick(2)) {
		m->key.in_port = pick(3);
		m->mask.m.in_port = UINT32_MAX;
	}
	if (pick(3) == 0) {
		m->key.regs[3] = pick(3);
		m->mask.m.regs[3] = 3;
	}
	if (pick(3) == 0) {
		m->key.eth_dst.b[5] = pick(3);
		memset(&m->mask.m.eth_dst, 0xff, 6);
	}
	if (pick(4)) {
		unsigned int plen = pick(4) * 8 + 8;

		m->key.eth_type = htobe16(0x0800);
		m->mask.m.eth_type = UINT16_MAX;
		if (pick(2)) {
			m->key.nw_src =
				htobe32(0x0a000000 | pick(3) << 16 | pick(3) << 8 | pick(3));
			m->mask.m.nw_src = htobe32(UINT32_MAX << (32 - plen));
		}
		if (pick(2)) {
			m->key.nw_dst = htobe32(0x0a000000 | pick(3));
			m->mask.m.nw_dst = pick(4) ? UINT32_MAX : htobe32(0xff0000ff);
		}
		if (pick(2)) {
			m->key.nw_proto = pick(2) ? 6 : 17;
			m->mask.m.nw_proto = UINT8_MAX;
			m->key.tp_dst = htobe16(pick(5));
			m->mask.m.tp_dst = pick(3) ? UINT16_MAX : htobe16(0xfffe);
		}
	} else if (pick(3) == 0) {
		m->key.eth_type = htobe16(0x86dd);
		m->mask.m.eth_type = UINT16_MAX;
		m->key.ipv6_dst.b[pick(16)] = pick(3);
		memset(&m->mask.m.ipv6_dst, 0xff, pick(2) ? 16 : 8);
	}
	flow_key_masked(&m->key, &m->key, &m->mask);
}

static void random_key(struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	k->in_port = pick(4);
	k->regs[3] = pick(4);
	k->eth_dst.b[5] = pick(3);
	k->eth_type = htobe16(pick(3) ? 0x0800 : 0x86dd);
	if (k->eth_type == htobe16(0x0800)) {
		k->nw_src = htobe32(0x0a000000 | pick(3) << 16 | pick(3) << 8 | pick(3));
		k->nw_dst = htobe32(0x0a000000 | pick(4));
	} else {
		k->ipv6_dst.b[pick(16)] = pick(3);
	}
	k->nw_proto = pick(2) ? 6 : 17;
	k->tp_dst = htobe16(pick(6));
}

static int linear_best(const struct flow_key *k)
{
	int best = -1;

	for (int i = 0; i < N_RULES; i++)
		if (rules[i].in && rules[i].cls.priority > best &&
		    flow_key_equal_masked(k, &rules[i].match.key, &rules[i].match.mask))
			best = rules[i].cls.priority;
	return best;
}

static void check_soundness(struct classifier *c, const struct flow_key *k,
			    const struct flow_mask *mask, const struct cls_rule *want)
{
	for (unsigned int bit = 0; bit < sizeof(*k) * 8; bit++) {
		struct flow_key flipped = *k;

		if (((const uint8_t *)&mask->m)[bit / 8] >> bit % 8 & 1)
			continue;
		((uint8_t *)&flipped)[bit / 8] ^= 1 << bit % 8;
		ck_assert_msg(classifier_lookup(c, CLS_NEWEST, &flipped, NULL) == want,
			      "bit %u of byte %zu is not in the mask, but decides", bit % 8,
			      (size_t)bit / 8);
	}
	// Many bits at once.
	for (int i = 0; i < 20; i++) {
		struct flow_key other;

		random_key(&other);
		key_under_mask(&other, k, mask);
		ck_assert(classifier_lookup(c, CLS_NEWEST, &other, NULL) == want);
	}
}

static void check_lookups(struct classifier *c, int n)
{
	while (n--) {
		struct cls_rule *r, *again;
		struct flow_mask mask;
		struct flow_key k;
		int best;

		random_key(&k);
		memset(&mask, 0, sizeof(mask));
		r = classifier_lookup(c, CLS_NEWEST, &k, &mask);
		again = classifier_lookup(c, CLS_NEWEST, &k, NULL);
		best = linear_best(&k);
		ck_assert_int_eq(r ? r->priority : -1, best);
		ck_assert(r == again);
		check_soundness(c, &k, &mask, r);
	}
}

// Priorities are unique, so that the best rule is one.
static void change(struct classifier *c)
{
	struct rule *r = &rules[pick(N_RULES)];

	if (r->in) {
		classifier_remove(c, &r->cls);
		r->in = false;
		return;
	}
	classifier_insert(c, &r->cls, 1);
	r->in = true;
}

// New matches for the rules that are out.
static void shuffle(void)
{
	rcu_drain();
	for (int i = 0; i < N_RULES; i++) {
		if (rules[i].in)
			continue;
		random_match(&rules[i].match);
		cls_rule_uninit(&rules[i].cls);
		cls_rule_init(&rules[i].cls, &rules[i].match, i * 7);
	}
}

static struct classifier *fill(void)
{
	struct classifier *c = classifier_create();

	for (int i = 0; i < N_RULES; i++) {
		random_match(&rules[i].match);
		cls_rule_init(&rules[i].cls, &rules[i].match, i * 7);
		rules[i].in = pick(2);
		if (rules[i].in)
			classifier_insert(c, &rules[i].cls, 1);
	}
	return c;
}

static void empty(struct classifier *c)
{
	for (int i = 0; i < N_RULES; i++) {
		if (rules[i].in)
			classifier_remove(c, &rules[i].cls);
		rules[i].in = false;
	}
	rcu_drain();
	for (int i = 0; i < N_RULES; i++)
		cls_rule_uninit(&rules[i].cls);
	ck_assert(classifier_is_empty(c));
	ck_assert_uint_eq(classifier_n_masks(c), 0);
	classifier_destroy(c);
}

START_TEST(oracle)
{
	const struct field *prefixes[] = { field_get(FIELD_IP_SRC), field_get(FIELD_IPV6_DST) };
	struct classifier *c;

	rcu_thread_begin();
	random_seed(20 + _i);
	c = fill();
	for (int round = 0; round < 12; round++) {
		shuffle();
		for (int i = 0; i < 60; i++)
			change(c);
		if (round == 6)
			classifier_set_prefixes(c, prefixes, _i % 3, NULL);
		check_lookups(c, 12);
	}
	empty(c);
	rcu_thread_end();
}
END_TEST

static bool count_one(struct cls_rule *r, void *aux)
{
	++*(int *)aux;
	return true;
}

START_TEST(finding)
{
	struct classifier *c;

	rcu_thread_begin();
	random_seed(5);
	c = fill();
	for (int i = 0; i < N_RULES; i++) {
		struct cls_rule *found =
			classifier_find_exactly(c, &rules[i].match, rules[i].cls.priority);
		int want = 0, got = 0;

		ck_assert(found == (rules[i].in ? &rules[i].cls : NULL));
		for (int j = 0; j < N_RULES; j++)
			want += rules[j].in && match_is_subset(&rules[j].match, &rules[i].match);
		classifier_for_each(c, &rules[i].match, count_one, &got);
		ck_assert_int_eq(got, want);
	}
	empty(c);
	rcu_thread_end();
}
END_TEST

// All at once: nothing is found, nothing is excluded afterwards that should not be, and flows of before are concerned.
START_TEST(clearing)
{
	struct flow_mask mask = { 0 };
	struct classifier *c;
	struct match any;

	rcu_thread_begin();
	random_seed(7);
	c = fill();
	classifier_announce_many(c, 2);
	classifier_clear(c);
	ck_assert(classifier_is_empty(c));
	match_init_any(&any);
	ck_assert(classifier_changed_for(c, 1, 2, &any.key, &any.mask, INT_MIN));
	for (int i = 0; i < N_RULES; i++) {
		ck_assert_ptr_null(rules[i].cls.entry);
		ck_assert_ptr_null(classifier_lookup(c, CLS_NEWEST, &rules[i].match.key, &mask));
		ck_assert(is_all_zeros(&mask, sizeof(mask)));
		rules[i].in = false;
	}
	classifier_clear(c);
	for (int i = 0; i < N_RULES; i += 3) {
		if (classifier_find_exactly(c, &rules[i].match, rules[i].cls.priority))
			continue;
		classifier_insert(c, &rules[i].cls, 1);
		rules[i].in = true;
		ck_assert_ptr_nonnull(classifier_lookup(c, CLS_NEWEST, &rules[i].match.key, &mask));
	}
	empty(c);
	rcu_thread_end();
}
END_TEST

START_TEST(replace_and_overlap)
{
	struct cls_rule a, b, d;
	struct classifier *c;
	struct match m, n;
	struct flow_key k;

	rcu_thread_begin();
	c = classifier_create();
	match_from_text("ip,nw_src=10.0.0.0/8", &m, NULL);
	match_from_text("ip,nw_dst=10.0.0.0/8", &n, NULL);
	cls_rule_init(&a, &m, 5);
	cls_rule_init(&b, &m, 5);
	cls_rule_init(&d, &n, 5);
	classifier_insert(c, &a, 1);
	ck_assert(classifier_rule_overlaps(c, &d));
	d.priority = 6;
	ck_assert(!classifier_rule_overlaps(c, &d));
	classifier_hide(c, &a, 2);
	classifier_insert(c, &b, 2);
	ck_assert_uint_eq(classifier_count(c), 1);
	ck_assert_uint_eq(classifier_count_all(c), 2);
	ck_assert(classifier_find_exactly(c, &m, 5) == &b);
	memset(&k, 0, sizeof(k));
	k.eth_type = htobe16(0x0800);
	k.nw_src = htobe32(0x0a010203);
	ck_assert(classifier_lookup(c, CLS_NEWEST, &k, NULL) == &b);
	ck_assert(classifier_lookup(c, 1, &k, NULL) == &a);
	ck_assert(classifier_lookup(c, 2, &k, NULL) == &b);
	classifier_remove(c, &a);
	classifier_hide(c, &b, 3);
	ck_assert(!classifier_rule_overlaps(c, &b));
	ck_assert_ptr_null(classifier_lookup(c, CLS_NEWEST, &k, NULL));
	// As if it had never been hidden.
	classifier_show(c, &b);
	ck_assert(classifier_lookup(c, 3, &k, NULL) == &b);
	classifier_remove(c, &b);
	ck_assert_ptr_null(classifier_lookup(c, CLS_NEWEST, &k, NULL));
	rcu_drain();
	cls_rule_uninit(&a);
	cls_rule_uninit(&b);
	cls_rule_uninit(&d);
	classifier_destroy(c);
	rcu_thread_end();
}
END_TEST

static bool changed(const struct classifier *c, uint64_t since, uint64_t now, const struct match *m,
		    int found)
{
	return classifier_changed_for(c, since, now, &m->key, &m->mask, found);
}

START_TEST(changed_for)
{
	struct classifier *c;
	struct cls_rule a, b;
	struct match m, n, wide;

	rcu_thread_begin();
	c = classifier_create();
	match_from_text("in_port=1,ip", &m, NULL);
	match_from_text("in_port=2,ip", &n, NULL);
	match_from_text("ip", &wide, NULL);
	cls_rule_init(&a, &m, 5);
	cls_rule_init(&b, &n, 5);
	ck_assert(!changed(c, 1, 1, &m, INT_MIN));
	classifier_announce(c, &b, 2);
	// It waits for its version.
	ck_assert(!changed(c, 1, 1, &n, INT_MIN));
	ck_assert(!changed(c, 1, 2, &m, INT_MIN));
	ck_assert(changed(c, 1, 2, &n, INT_MIN));
	ck_assert(!changed(c, 2, 2, &n, INT_MIN));
	classifier_announce(c, &a, 3);
	ck_assert(changed(c, 1, 3, &m, INT_MIN));
	ck_assert(!changed(c, 1, 2, &m, INT_MIN));
	ck_assert(!changed(c, 3, 7, &m, INT_MIN));
	// Of a lookup that found a rule, only those matter that are not below it.
	ck_assert(changed(c, 1, 3, &m, 5));
	ck_assert(!changed(c, 1, 3, &m, 6));
	// A megaflow that did not look at in_port is concerned by both.
	ck_assert(changed(c, 2, 3, &wide, INT_MIN));
	ck_assert(changed(c, 1, 2, &wide, INT_MIN));
	rcu_drain();
	cls_rule_uninit(&a);
	cls_rule_uninit(&b);
	classifier_destroy(c);
	rcu_thread_end();
}
END_TEST

// What is not known any more counts as changed; what came behind is known again.
START_TEST(many_changes)
{
	struct classifier *c;
	struct cls_rule a, b;
	struct match m, n;

	rcu_thread_begin();
	c = classifier_create();
	match_from_text("in_port=1,ip", &m, NULL);
	match_from_text("in_port=2,ip", &n, NULL);
	cls_rule_init(&a, &m, 5);
	cls_rule_init(&b, &n, 5);
	classifier_announce_many(c, 10);
	ck_assert(!changed(c, 9, 9, &m, INT_MIN));
	ck_assert(changed(c, 9, 10, &m, INT_MIN));
	ck_assert(!changed(c, 10, 10, &m, INT_MIN));
	classifier_announce(c, &b, 12);
	ck_assert(!changed(c, 11, 12, &m, INT_MIN));
	ck_assert(!changed(c, 10, 12, &m, INT_MIN));
	ck_assert(changed(c, 9, 12, &m, INT_MIN));
	for (uint64_t v = 13; v < 13 + 3 * CLS_MANY_CHANGES; v++) {
		classifier_announce(c, &b, v);
		ck_assert(!changed(c, v - 1, v, &m, INT_MIN));
		ck_assert(changed(c, v - 1, v, &n, INT_MIN));
		ck_assert(!changed(c, MAX(v - 100, 12), v, &m, INT_MIN));
		if (v > 13 + CLS_MANY_CHANGES)
			ck_assert(changed(c, 13, v, &m, INT_MIN));
	}
	rcu_drain();
	cls_rule_uninit(&a);
	cls_rule_uninit(&b);
	classifier_destroy(c);
	rcu_thread_end();
}
END_TEST

// Rules of one key and priority, one version after the other: each version sees its own, also while the oldest are taken out.
START_TEST(one_rule_at_many_versions)
{
	struct cls_rule r[40], low;
	struct flow_key k = { 0 };
	struct classifier *c;
	struct match m;

	rcu_thread_begin();
	c = classifier_create();
	match_from_text("in_port=7", &m, NULL);
	k.in_port = 7;
	cls_rule_init(&low, &m, 1);
	classifier_insert(c, &low, 3);
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		if (i)
			classifier_hide(c, &r[i - 1], 2 * i + 9);
		cls_rule_init(&r[i], &m, 5);
		classifier_insert(c, &r[i], 2 * i + 10);
		ck_assert(classifier_find_exactly(c, &m, 5) == &r[i]);
		ck_assert_uint_eq(classifier_count(c), 2);
	}
	ck_assert_ptr_null(classifier_lookup(c, 2, &k, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		ck_assert(classifier_lookup(c, 2 * i + 9, &k, NULL) == &low);
		ck_assert(classifier_lookup(c, 2 * i + 10, &k, NULL) == &r[i]);
		if (i % 3 == 0 && i)
			classifier_remove(c, &r[i - 1]);
	}
	ck_assert(classifier_lookup(c, CLS_NEWEST, &k, NULL) == &r[ARRAY_SIZE(r) - 1]);
	classifier_clear(c);
	ck_assert_uint_eq(classifier_count_all(c), 0);
	rcu_drain();
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		cls_rule_uninit(&r[i]);
	cls_rule_uninit(&low);
	classifier_destroy(c);
	rcu_thread_end();
}
END_TEST

// A reader must always find the rule that is never touched, or a better one, while others come and go.
static _Atomic bool stop;

static void *reader(void *c)
{
	uint64_t n = 0;

	rcu_thread_begin();
	while (!atomic_load(&stop)) {
		struct cls_rule *r;
		struct flow_mask mask;
		struct flow_key k;

		random_key(&k);
		memset(&mask, 0, sizeof(mask));
		r = classifier_lookup(c, CLS_NEWEST, &k, &mask);
		if (!r || r->priority < 0)
			abort();
		n++;
		rcu_quiesce();
	}
	rcu_thread_end();
	return (void *)(uintptr_t)n;
}

START_TEST(reader_beside_writer)
{
	struct cls_rule base;
	struct classifier *c;
	struct match any;
	pthread_t t;
	void *n;

	rcu_thread_begin();
	random_seed(9);
	c = fill();
	match_init_any(&any);
	cls_rule_init(&base, &any, 0);
	// Priority 0 with this match may be taken.
	base.priority = 1;
	classifier_insert(c, &base, 1);
	atomic_store(&stop, false);
	ck_assert_int_eq(pthread_create(&t, NULL, reader, c), 0);
	for (int i = 0; i < 3000; i++) {
		struct rule *r = &rules[pick(N_RULES)];

		if (r->in) {
			classifier_remove(c, &r->cls);
		} else {
			// The reader may still be looking at it from when it was there.
			rcu_synchronize();
			classifier_insert(c, &r->cls, 1);
		}
		r->in = !r->in;
		rcu_quiesce();
	}
	atomic_store(&stop, true);
	rcu_offline();
	pthread_join(t, &n);
	rcu_online();
	ck_assert((uintptr_t)n > 0);
	classifier_remove(c, &base);
	empty(c);
	cls_rule_uninit(&base);
	rcu_thread_end();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("classifier");

	tcase_add_loop_test(t, oracle, 0, 6);
	tcase_add_test(t, finding);
	tcase_add_test(t, clearing);
	tcase_add_test(t, replace_and_overlap);
	tcase_add_test(t, changed_for);
	tcase_add_test(t, many_changes);
	tcase_add_test(t, one_rule_at_many_versions);
	tcase_add_test(t, reader_beside_writer);
	return run_case(t);
}
