// SPDX-License-Identifier: Apache-2.0
// Conjunctions in the classifier against a linear search: answers, masks, and which changes a kept answer is told of.
#include <check.h>
#include <limits.h>

#include "core/flow/classifier.h"
#include "tests/unit/core/flow-testing.h"

#define N_RULES 60
#define N_IDS 3
#define N_CHANGES 60000

struct rule {
	struct cls_rule cls;
	struct match match;
	bool in;
};

static struct rule rules[N_RULES];
static size_t n_by_conjunction;

static void random_match(struct match *m, bool of_conjunction)
{
	match_init_any(m);
	if (of_conjunction) {
		m->key.conj_id = pick(N_IDS);
		m->mask.m.conj_id = UINT32_MAX;
	}
	if (pick(3) == 0) {
		m->key.in_port = pick(2);
		m->mask.m.in_port = UINT32_MAX;
	}
	if (pick(2)) {
		m->key.nw_src = htobe32(0x0a000000 | pick(3));
		m->mask.m.nw_src = htobe32(UINT32_MAX << (pick(2) ? 0 : 1));
	}
	if (pick(2)) {
		m->key.tp_dst = htobe16(pick(4));
		m->mask.m.tp_dst = pick(3) ? UINT16_MAX : htobe16(0xfffe);
	}
	flow_key_masked(&m->key, &m->key, &m->mask);
}

static struct cls_clauses *random_clauses(void)
{
	unsigned int n = 1 + pick(3);
	struct cls_clauses *c = xmalloc(sizeof(*c) + n * sizeof(c->v[0]));

	c->n = n;
	for (unsigned int i = 0; i < n; i++)
		c->v[i] = (struct cls_clause){ .id = pick(N_IDS),
					       .clause = pick(2),
					       .n_clauses = pick(4) ? 2 : 3 };
	return c;
}

static void random_key(struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	k->in_port = pick(2);
	k->nw_src = htobe32(0x0a000000 | pick(3));
	k->tp_dst = htobe16(pick(4));
}

// ---- What is said of conjunctions, rule by rule ----

static bool matches(const struct rule *r, const struct flow_key *k)
{
	return r->in && flow_key_equal_masked(k, &r->match.key, &r->match.mask);
}

static bool is_hidden(const struct rule *r)
{
	for (int i = 0; i < N_RULES; i++)
		if (rules[i].in && rules[i].cls.clauses &&
		    rules[i].cls.priority > r->cls.priority &&
		    match_equal(&rules[i].match, &r->match))
			return true;
	return false;
}

static struct cls_rule *linear_best(const struct flow_key *k, bool again)
{
	struct cls_rule *best = NULL;

	for (int i = 0; i < N_RULES; i++)
		if (matches(&rules[i], k) && !rules[i].cls.clauses &&
		    (!best || rules[i].cls.priority > best->priority) &&
		    !(again && is_hidden(&rules[i])))
			best = &rules[i].cls;
	return best;
}

static bool completes(const struct flow_key *k, int priority, uint32_t id, uint8_t n_clauses)
{
	uint64_t met = 0;

	for (int i = 0; i < N_RULES; i++) {
		const struct cls_clauses *c = rules[i].cls.clauses;

		if (!matches(&rules[i], k) || !c || rules[i].cls.priority != priority)
			continue;
		for (size_t j = 0; j < c->n; j++)
			if (c->v[j].id == id && c->v[j].n_clauses == n_clauses)
				met |= 1 << c->v[j].clause;
	}
	return met == (1u << n_clauses) - 1;
}

static struct cls_rule *linear_lookup(const struct flow_key *k)
{
	struct cls_rule *best = linear_best(k, false), *r;

	for (int priority = 9; priority > (best ? best->priority : -1); priority--)
		for (uint32_t id = 0; id < N_IDS; id++) {
			struct flow_key with_id = *k;

			with_id.conj_id = id;
			if (!completes(k, priority, id, 2) && !completes(k, priority, id, 3))
				continue;
			r = linear_best(&with_id, true);
			n_by_conjunction++;
			if (r)
				return r;
		}
	return best;
}

// Rules of one priority that overlap have no order: which of them is found is not compared.
static int priority_of(const struct cls_rule *r)
{
	return r ? r->priority : -1;
}

// ---- Changes ----

// No two rules without clauses have one priority, so that the best is one.
static void renew(struct rule *r, int i)
{
	bool clause = i % 2;

	random_match(&r->match, !clause && pick(2));
	cls_rule_init(&r->cls, &r->match, clause ? (int)pick(10) : i / 2 % 30);
	if (clause)
		cls_rule_set_clauses(&r->cls, random_clauses());
}

static bool may_be_in(const struct classifier *c, const struct rule *r)
{
	return !classifier_find_exactly(c, &r->match, r->cls.priority);
}

static uint64_t version;

static void change(struct classifier *c)
{
	int i = pick(N_RULES);
	struct rule *r = &rules[i];

	if (r->in && r->cls.clauses && pick(3) == 0) {
		classifier_remove(c, &r->cls);
		rcu_synchronize();
		cls_rule_set_clauses(&r->cls, random_clauses());
		classifier_insert(c, &r->cls, 1);
		classifier_announce(c, &r->cls, ++version);
		return;
	}
	if (r->in) {
		classifier_announce(c, &r->cls, ++version);
		classifier_remove(c, &r->cls);
		r->in = false;
		rcu_synchronize();
		cls_rule_uninit(&r->cls);
		renew(r, i);
	} else if (may_be_in(c, r)) {
		classifier_insert(c, &r->cls, 1);
		classifier_announce(c, &r->cls, ++version);
		r->in = true;
	}
}

static void check_soundness(const struct classifier *c, const struct flow_key *k,
			    const struct flow_mask *mask, const struct cls_rule *want)
{
	for (int i = 0; i < 20; i++) {
		struct flow_key other;

		random_key(&other);
		key_under_mask(&other, k, mask);
		ck_assert(classifier_lookup(c, CLS_NEWEST, &other, NULL) == want);
	}
}

START_TEST(answers_masks_and_changes)
{
	struct classifier *c = classifier_create();
	size_t n_unconcerned = 0;

	rcu_thread_begin();
	for (int i = 0; i < N_RULES; i++)
		renew(&rules[i], i);
	for (int n = 0; n < N_CHANGES; n++) {
		uint64_t before = version;
		struct cls_decision decision;
		struct flow_mask mask = { 0 };
		struct flow_key k;
		struct cls_rule *r;
		bool concerned;

		random_key(&k);
		r = classifier_decide(c, CLS_NEWEST, &k, &mask, &decision);
		ck_assert_int_eq(priority_of(r), priority_of(linear_lookup(&k)));
		check_soundness(c, &k, &mask, r);
		mask.m.conj_id = decision.by_conjunction ? 0 : UINT32_MAX;
		change(c);
		concerned = classifier_changed_for(c, before, version, &k, &mask, decision.least);
		n_unconcerned += !concerned;
		if (!concerned)
			ck_assert(classifier_lookup(c, CLS_NEWEST, &k, NULL) == r);
	}
	ck_assert_uint_ge(n_by_conjunction, 500);
	ck_assert_uint_ge(n_unconcerned, N_CHANGES / 4);
	classifier_clear(c);
	for (int i = 0; i < N_RULES; i++)
		cls_rule_uninit(&rules[i].cls);
	classifier_destroy(c);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("clauses");

	tcase_add_test(t, answers_masks_and_changes);
	return run_case(t);
}
