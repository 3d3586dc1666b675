// SPDX-License-Identifier: Apache-2.0
// Tables that are full: who may come and who goes, also within transactions, and who is told of it.
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/vec.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/table.h"
#include "ofproto/pipeline/transaction.h"
#include "tests/unit/pipeline/switches.h"

#define TABLE 3

// ---- What happens is kept as text ----

static struct strbuf told;

static void on_removed(void *aux, const struct rule *r, enum flow_removed_reason reason)
{
	struct match m;

	cls_rule_get_match(&r->cls, &m);
	if (reason == REMOVED_EVICTION)
		strbuf_printf(&told, "-%u ", m.key.in_port);
}

static void on_status(void *aux, uint8_t table, enum table_status_reason reason)
{
	strbuf_printf(&told, "%s ", reason == TABLE_VACANCY_DOWN ? "down" : "up");
}

static const struct switch_events events = { .rule_removed = on_removed,
					     .table_status = on_status };

static struct of_switch *begin(void)
{
	struct of_switch *sw;

	clock_stop();
	rcu_thread_begin();
	sw = able_switch("br0", 1);
	switch_set_events(sw, &events, NULL);
	return sw;
}

static void end(struct of_switch *sw)
{
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
	strbuf_uninit(&told);
}

static void must_tell(const char *what)
{
	ck_assert_str_eq(told.len ? strbuf_cstr(&told) : "", what);
	strbuf_clear(&told);
}

static void configure(struct of_switch *sw, uint32_t limit, bool evict, const char *group)
{
	struct table_config c = { .have_limit = true, .flow_limit = limit, .evict = evict };
	struct subfield sf;

	if (group) {
		ck_assert_int_eq(subfield_parse(&group, &sf, NULL), 0);
		c.groups = &sf;
		c.n_groups = 1;
	}
	ck_assert_int_eq(switch_table_configure(sw, TABLE, &c, NULL), 0);
}

static enum ofperr add(struct of_switch *sw, unsigned int port, const char *words)
{
	AUTO_FREE char *text = xasprintf("table=%d,in_port=%u,%s,actions=drop", TABLE, port, words);

	return try_flow_mod(sw, FM_ADD, text);
}

static bool keep_rule(const struct rule *r, void *aux)
{
	*(const struct rule **)aux = r;
	return false;
}

static struct rule *rule_with_port(struct of_switch *sw, unsigned int port)
{
	struct flow_stats_request rq = { .table = TABLE,
					 .out_port = OF_PORT(OFPP_ANY),
					 .out_group = UINT32_MAX };
	struct rule *r = NULL;
	union field_value v = { .b = { 0 } };

	match_init_any(&rq.match);
	field_value_from_u64(field_get(FIELD_IN_PORT_OXM), port, &v);
	match_set_field(&rq.match, field_get(FIELD_IN_PORT_OXM), &v, NULL);
	switch_for_each_flow(sw, &rq, keep_rule, &r);
	return r;
}

static void use(struct of_switch *sw, unsigned int port)
{
	struct traffic t = { .packets = 1, .used = clock_msec() };
	struct rule *r = rule_with_port(sw, port);

	ck_assert_ptr_nonnull(r);
	rule_credit(r, &t);
}

// ---- Limits ----

START_TEST(a_full_table_takes_no_rule_but_in_place_of_its_like)
{
	struct of_switch *sw = begin();

	configure(sw, 2, false, NULL);
	ck_assert_int_eq(add(sw, 1, "idle_timeout=1"), 0);
	ck_assert_int_eq(add(sw, 2, "idle_timeout=1"), 0);
	ck_assert_int_eq(add(sw, 3, "idle_timeout=1"), OFPERR_OFPFMFC_TABLE_FULL);
	ck_assert_int_eq(add(sw, 1, "hard_timeout=7"), 0);
	ck_assert_uint_eq(switch_table_n_flows(sw, TABLE), 2);
	must_flow_mod(sw, FM_DELETE, "table=3,in_port=2");
	ck_assert_int_eq(add(sw, 3, "idle_timeout=1"), 0);
	// What is there stays when the limit falls.
	configure(sw, 1, false, NULL);
	ck_assert_uint_eq(switch_table_n_flows(sw, TABLE), 2);
	must_tell("");
	end(sw);
}
END_TEST

START_TEST(rules_that_never_expire_are_not_evicted)
{
	struct of_switch *sw = begin();

	configure(sw, 2, true, NULL);
	ck_assert_int_eq(add(sw, 1, "priority=1"), 0);
	ck_assert_int_eq(add(sw, 2, "idle_timeout=60"), 0);
	ck_assert_int_eq(add(sw, 3, "priority=1"), 0);
	must_tell("-2 ");
	ck_assert_int_eq(add(sw, 4, "idle_timeout=60"), OFPERR_OFPFMFC_TABLE_FULL);
	must_tell("");
	end(sw);
}
END_TEST

START_TEST(a_lower_limit_evicts_what_is_too_much)
{
	struct of_switch *sw = begin();

	configure(sw, 5, true, NULL);
	for (unsigned int i = 1; i <= 4; i++) {
		AUTO_FREE char *words = xasprintf("idle_timeout=%u", 10 * i);

		ck_assert_int_eq(add(sw, i, words), 0);
	}
	ck_assert_int_eq(add(sw, 5, "priority=9"), 0);
	configure(sw, 2, true, NULL);
	must_tell("-1 -2 -3 ");
	configure(sw, 0, true, NULL);
	must_tell("-4 ");
	ck_assert_uint_eq(switch_table_n_flows(sw, TABLE), 1);
	end(sw);
}
END_TEST

// ---- Order ----

START_TEST(what_is_used_expires_later)
{
	struct of_switch *sw = begin();

	configure(sw, 3, true, NULL);
	ck_assert_int_eq(add(sw, 1, "idle_timeout=10"), 0);
	ck_assert_int_eq(add(sw, 2, "idle_timeout=12"), 0);
	ck_assert_int_eq(add(sw, 3, "hard_timeout=14"), 0);
	clock_advance(5000);
	use(sw, 1);
	use(sw, 2);
	// 1 goes at 15 s, 2 at 17 s, 3 at 14 s however it is used.
	use(sw, 3);
	ck_assert_int_eq(add(sw, 4, "idle_timeout=100"), 0);
	must_tell("-3 ");
	clock_advance(1000);
	use(sw, 1);
	// 1 and 2 are used in turn: 16 s, 17 s; then 2 is the first again.
	clock_advance(2000);
	use(sw, 1);
	ck_assert_int_eq(add(sw, 5, "idle_timeout=100"), 0);
	must_tell("-2 ");
	end(sw);
}
END_TEST

START_TEST(a_timeout_that_gets_shorter_counts_at_once)
{
	struct of_switch *sw = begin();

	configure(sw, 2, true, NULL);
	ck_assert_int_eq(add(sw, 1, "idle_timeout=10"), 0);
	ck_assert_int_eq(add(sw, 2, "idle_timeout=20"), 0);
	rule_shorten_later(rule_with_port(sw, 2), 5, 0);
	learn_apply();
	ck_assert_int_eq(add(sw, 3, "idle_timeout=30"), 0);
	must_tell("-2 ");
	// One that had none may go once it has one.
	ck_assert_int_eq(add(sw, 1, "priority=32768"), 0);
	rule_shorten_later(rule_with_port(sw, 1), 1, 0);
	learn_apply();
	ck_assert_int_eq(add(sw, 4, "idle_timeout=30"), 0);
	must_tell("-1 ");
	end(sw);
}
END_TEST

START_TEST(importance_comes_before_time_and_groups_before_both)
{
	struct of_switch *sw = begin();

	configure(sw, 4, true, "NXM_OF_VLAN_TCI[0..11]");
	ck_assert_int_eq(add(sw, 1, "dl_vlan=7,idle_timeout=10,importance=5"), 0);
	ck_assert_int_eq(add(sw, 2, "dl_vlan=7,idle_timeout=90,importance=4"), 0);
	ck_assert_int_eq(add(sw, 3, "dl_vlan=8,idle_timeout=1"), 0);
	ck_assert_int_eq(add(sw, 4, "idle_timeout=1"), 0);
	ck_assert_int_eq(add(sw, 5, "idle_timeout=500,importance=9"), 0);
	must_tell("-2 ");
	// Without groups the least important one goes, of those that which expires first.
	configure(sw, 4, true, NULL);
	ck_assert_int_eq(add(sw, 6, "idle_timeout=2,importance=9"), 0);
	ck_assert_int_eq(add(sw, 7, "idle_timeout=2,importance=9"), 0);
	ck_assert_int_eq(add(sw, 8, "idle_timeout=900,importance=9"), 0);
	must_tell("-3 -4 -1 ");
	end(sw);
}
END_TEST

START_TEST(the_flags_say_what_counts)
{
	struct of_switch *sw = begin();
	struct table_mod tm = { .desc = { .table = TABLE, .eviction = true } };
	struct table_desc d;

	configure(sw, 3, false, NULL);
	ck_assert_int_eq(add(sw, 1, "idle_timeout=50,importance=1"), 0);
	ck_assert_int_eq(add(sw, 2, "idle_timeout=10,importance=2"), 0);
	ck_assert_int_eq(add(sw, 3, "idle_timeout=40,importance=3"), 0);
	tm.desc.eviction_flags = 4; // lifetime
	ck_assert_int_eq(switch_table_mod(sw, &tm, OFP14), 0);
	switch_table_desc(sw, TABLE, &d);
	ck_assert_uint_eq(d.eviction_flags, 4);
	ck_assert_int_eq(add(sw, 4, "idle_timeout=60"), 0);
	must_tell("-2 ");
	tm.desc.eviction_flags = 2; // importance
	ck_assert_int_eq(switch_table_mod(sw, &tm, OFP14), 0);
	ck_assert_int_eq(add(sw, 5, "idle_timeout=60,importance=9"), 0);
	must_tell("-4 ");
	// What is not said stays.
	tm.desc.eviction = false;
	tm.desc.eviction_flags = EVICTION_DEFAULT;
	ck_assert_int_eq(switch_table_mod(sw, &tm, OFP14), 0);
	switch_table_desc(sw, TABLE, &d);
	ck_assert_uint_eq(d.eviction_flags, 2);
	ck_assert(!d.eviction);
	ck_assert_int_eq(add(sw, 6, "idle_timeout=60"), OFPERR_OFPFMFC_TABLE_FULL);
	end(sw);
}
END_TEST

// ---- Against the rule in words ----

struct expected {
	size_t sizes[8]; // of groups, by VLAN
	VEC(const struct rule *) rules;
};

static unsigned int vlan_of(const struct rule *r)
{
	const struct subfield vlan = { field_get(FIELD_VLAN_TCI), 0, 3, 0 };
	struct match m;

	cls_rule_get_match(&r->cls, &m);
	return subfield_get(&vlan, &m.key);
}

static bool note_rule(const struct rule *r, void *aux)
{
	struct expected *e = aux;

	if (!r->idle_timeout && !r->hard_timeout)
		return true;
	e->sizes[vlan_of(r)]++;
	VEC_PUSH(&e->rules, r);
	return true;
}

static int64_t deadline_of(const struct rule *r)
{
	int64_t hard = r->hard_timeout ? r->modified + r->hard_timeout * 1000 : INT64_MAX;
	int64_t idle = r->idle_timeout ? r->used + r->idle_timeout * 1000 : INT64_MAX;

	return MIN(hard, idle);
}

// Whether a rule may be the one that goes: there is none that comes before it.
static bool may_go(const struct expected *e, const struct rule *r)
{
	const struct rule **o;

	VEC_FOR_EACH (o, &e->rules) {
		size_t n = e->sizes[vlan_of(*o)], mine = e->sizes[vlan_of(r)];

		if (n > mine || (n == mine && ((*o)->importance < r->importance ||
					       ((*o)->importance == r->importance &&
						deadline_of(*o) < deadline_of(r)))))
			return false;
	}
	return true;
}

static struct expected *watched;
static size_t n_evicted;

static void on_evicted(void *aux, const struct rule *r, enum flow_removed_reason reason)
{
	if (reason != REMOVED_EVICTION)
		return;
	n_evicted++;
	ck_assert(may_go(watched, r));
}

START_TEST(the_one_that_goes_is_the_one_that_should)
{
	static const struct switch_events watching = { .rule_removed = on_evicted };
	struct of_switch *sw = begin();

	switch_set_events(sw, &watching, NULL);
	configure(sw, 40, true, "NXM_OF_VLAN_TCI[0..2]");
	n_evicted = 0;
	random_seed(7);
	for (int i = 0; i < 20000; i++) {
		struct expected e = { .rules = VEC_INIT };
		struct flow_stats_request rq = { .table = TABLE,
						 .out_port = OF_PORT(OFPP_ANY),
						 .out_group = UINT32_MAX };
		AUTO_FREE char *words = xasprintf(
			"dl_vlan=%u,idle_timeout=%u,hard_timeout=%u,importance=%u",
			random_u32() % 5, random_u32() % 40, random_u32() % 60, random_u32() % 3);

		clock_advance(random_u32() % 200);
		match_init_any(&rq.match);
		switch_for_each_flow(sw, &rq, note_rule, &e);
		watched = &e;
		for (size_t n = random_u32() % 8; n && e.rules.n; n--) {
			struct traffic t = { .packets = 1, .used = clock_msec() };

			rule_credit((struct rule *)e.rules.v[random_u32() % e.rules.n], &t);
		}
		add(sw, 1 + random_u32() % 200, words);
		ck_assert_uint_le(switch_table_n_flows(sw, TABLE), 40);
		VEC_FREE(&e.rules);
		if (random_u32() % 50 == 0)
			switch_expire(sw);
	}
	ck_assert_uint_gt(n_evicted, 3000);
	end(sw);
}
END_TEST

// ---- Transactions ----

static enum ofperr txn_add(struct switch_txn *t, unsigned int port, const char *words)
{
	AUTO_FREE char *text = xasprintf("table=%d,in_port=%u,%s,actions=drop", TABLE, port, words);
	struct flow_mod fm;
	enum ofperr e;

	ck_assert_int_eq(flow_mod_parse(text, FM_ADD, NULL, &fm, NULL, NULL), 0);
	e = switch_txn_flow_mod(t, &fm);
	flow_mod_uninit(&fm);
	return e;
}

START_TEST(an_evicted_rule_goes_with_the_commit_and_comes_back_with_the_abort)
{
	struct of_switch *sw = begin();
	struct switch_txn *t;

	configure(sw, 2, true, NULL);
	ck_assert_int_eq(add(sw, 1, "idle_timeout=10"), 0);
	ck_assert_int_eq(add(sw, 2, "idle_timeout=20"), 0);
	t = switch_txn_begin(sw);
	// The first two go, then the one that the transaction itself has brought.
	ck_assert_int_eq(txn_add(t, 3, "idle_timeout=30"), 0);
	ck_assert_int_eq(txn_add(t, 4, "idle_timeout=40"), 0);
	ck_assert_int_eq(txn_add(t, 5, "idle_timeout=50"), 0);
	must_tell("");
	switch_txn_abort(t);
	must_tell("");
	ck_assert_ptr_nonnull(rule_with_port(sw, 1));
	ck_assert_ptr_nonnull(rule_with_port(sw, 2));
	ck_assert_uint_eq(switch_table_n_flows(sw, TABLE), 2);
	// They stand where they stood.
	ck_assert_int_eq(add(sw, 6, "idle_timeout=60"), 0);
	must_tell("-1 ");
	t = switch_txn_begin(sw);
	ck_assert_int_eq(txn_add(t, 7, "idle_timeout=70"), 0);
	ck_assert_int_eq(txn_add(t, 8, "idle_timeout=80"), 0);
	must_tell("");
	switch_txn_commit(t);
	must_tell("-2 -6 ");
	ck_assert_uint_eq(switch_table_n_flows(sw, TABLE), 2);
	end(sw);
}
END_TEST

// ---- Vacancy ----

START_TEST(vacancy_is_told_once_on_its_way_down_and_once_on_its_way_up)
{
	struct of_switch *sw = begin();
	struct table_mod tm = { .desc = { .table = TABLE,
					  .vacancy = true,
					  .vacancy_down = 30,
					  .vacancy_up = 60,
					  .eviction_flags = EVICTION_DEFAULT } };
	struct table_desc d;
	struct switch_txn *t;

	configure(sw, 10, false, NULL);
	ck_assert_int_eq(switch_table_mod(sw, &tm, OFP15), 0);
	for (unsigned int i = 1; i <= 7; i++)
		ck_assert_int_eq(add(sw, i, "priority=1"), 0);
	must_tell("");
	// What is taken back was never so.
	t = switch_txn_begin(sw);
	ck_assert_int_eq(txn_add(t, 8, "priority=1"), 0);
	switch_txn_abort(t);
	must_tell("");
	ck_assert_int_eq(add(sw, 8, "priority=1"), 0);
	must_tell("down ");
	ck_assert_int_eq(add(sw, 9, "priority=1"), 0);
	switch_table_desc(sw, TABLE, &d);
	ck_assert_uint_eq(d.vacancy_now, 10);
	for (unsigned int i = 1; i <= 5; i++) {
		AUTO_FREE char *text = xasprintf("table=%d,in_port=%u", TABLE, i);

		must_flow_mod(sw, FM_DELETE, text);
	}
	must_tell("");
	must_flow_mod(sw, FM_DELETE, "table=3,in_port=6");
	must_tell("up ");
	must_flow_mod(sw, FM_DELETE, "table=3");
	must_tell("");
	// Nobody is told of a table that nobody asks about.
	tm.desc.vacancy = false;
	ck_assert_int_eq(switch_table_mod(sw, &tm, OFP15), 0);
	for (unsigned int i = 1; i <= 10; i++)
		ck_assert_int_eq(add(sw, i, "priority=1"), 0);
	must_tell("");
	end(sw);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/tables");
	TCase *t = tcase_create("tables");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_full_table_takes_no_rule_but_in_place_of_its_like);
	tcase_add_test(t, rules_that_never_expire_are_not_evicted);
	tcase_add_test(t, a_lower_limit_evicts_what_is_too_much);
	tcase_add_test(t, what_is_used_expires_later);
	tcase_add_test(t, a_timeout_that_gets_shorter_counts_at_once);
	tcase_add_test(t, importance_comes_before_time_and_groups_before_both);
	tcase_add_test(t, the_flags_say_what_counts);
	tcase_add_test(t, the_one_that_goes_is_the_one_that_should);
	tcase_add_test(t, an_evicted_rule_goes_with_the_commit_and_comes_back_with_the_abort);
	tcase_add_test(t, vacancy_is_told_once_on_its_way_down_and_once_on_its_way_up);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
