// SPDX-License-Identifier: Apache-2.0
// Transactions: packets see all of one or nothing, what fails leaves no trace, and translations that rest on older versions are
// found out.
#include <pthread.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "ofproto/openflow/flow-print.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/transaction.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

// ---- Changes as text ----

struct change {
	enum { FLOW, GROUP } kind;
	int command; // of its kind
	const char *text;
	enum ofperr error;
};

static enum ofperr try_change(struct switch_txn *t, const struct change *c)
{
	struct error err = ERROR_INIT;
	struct group_mod gm;
	struct flow_mod fm;
	enum ofperr e;

	if (c->kind == FLOW) {
		ck_assert_msg(!flow_mod_parse(c->text, c->command, NULL, &fm, NULL, &err), "%s: %s",
			      c->text, err.text);
		e = switch_txn_flow_mod(t, &fm);
		flow_mod_uninit(&fm);
		return e;
	}
	ck_assert_msg(!group_mod_parse(c->text, c->command, NULL, &gm, NULL, &err), "%s: %s",
		      c->text, err.text);
	e = switch_txn_group_mod(t, &gm);
	group_mod_uninit(&gm);
	return e;
}

static void must_change(struct switch_txn *t, const struct change *c)
{
	enum ofperr e = try_change(t, c);

	ck_assert_msg(e == c->error, "%s: %s", c->text, e ? ofperr_name(e) : "no error");
}

static void commit_all(struct of_switch *sw, const struct change *c, size_t n)
{
	struct switch_txn *t = switch_txn_begin(sw);

	for (size_t i = 0; i < n; i++)
		must_change(t, &c[i]);
	switch_txn_commit(t);
}

// ---- The whole state as text ----

typedef VEC(char *) lines;

static bool put_rule(const struct rule *r, void *aux)
{
	AUTO(strbuf) s = STRBUF_INIT;
	struct flow_stats fs;
	struct match m;

	rule_fill_stats(r, &m, &fs);
	flow_stats_format(&fs, NULL, true, &s);
	VEC_PUSH((lines *)aux, strbuf_take(&s));
	return true;
}

static void put_group(const struct group *g, void *aux)
{
	struct group_stats s;
	AUTO(strbuf) b = STRBUF_INIT;

	group_fill_stats(g, &s);
	strbuf_printf(&b, "group %u type %d buckets %zu users %u packets %llu", s.id,
		      group_desc(g)->type, s.buckets.n, s.ref_count, (unsigned long long)s.packets);
	group_stats_uninit(&s);
	VEC_PUSH((lines *)aux, strbuf_take(&b));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_sorted(lines *l, struct strbuf *out)
{
	char **s;

	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_text);
	VEC_FOR_EACH (s, l) {
		strbuf_printf(out, "%s\n", *s);
		free(*s);
	}
	VEC_FREE(l);
}

// Rules by table and by cookie, groups with those that use them, what packets meet, and counts.
static char *state_of(struct of_switch *sw)
{
	struct flow_stats_request rq = { .table = 255,
					 .out_port = OF_PORT(OFPP_ANY),
					 .out_group = GROUP_ID_ANY };
	struct strbuf s = STRBUF_INIT;
	lines rules = VEC_INIT, groups = VEC_INIT;

	match_init_any(&rq.match);
	switch_for_each_flow(sw, &rq, put_rule, &rules);
	for (uint64_t cookie = 0; cookie < 10; cookie++) {
		struct flow_stats_request by_cookie = rq;

		by_cookie.cookie = cookie;
		by_cookie.cookie_mask = UINT64_MAX;
		switch_for_each_flow(sw, &by_cookie, put_rule, &rules);
	}
	put_sorted(&rules, &s);
	switch_for_each_group(sw, GROUP_ID_ALL, put_group, &groups);
	put_sorted(&groups, &s);
	for (uint32_t port = 1; port < 6; port++) {
		struct flow_key key = { .in_port = port, .eth_type = htobe16(0x0800) };
		struct xlate_input in = { .sw = sw, .key = &key };
		struct xlate_result r;

		xlate(&in, &r);
		strbuf_printf(&s, "port %u: ", port);
		dp_actions_format(dp_actions_of(&r.actions), NULL, NULL, &s);
		strbuf_putc(&s, '\n');
		xlate_result_uninit(&r);
	}
	strbuf_printf(&s, "%zu rules, version %llu\n", switch_n_rules(sw),
		      (unsigned long long)switch_version(sw));
	return strbuf_take(&s);
}

static struct of_switch *furnished_switch(void)
{
	static const struct change first[] = {
		{ GROUP, GROUP_ADD, "group_id=1,type=all,bucket=output:1", 0 },
		{ GROUP, GROUP_ADD, "group_id=2,type=all,bucket=output:2", 0 },
		{ FLOW, FM_ADD, "cookie=1,in_port=1,actions=group:1", 0 },
		{ FLOW, FM_ADD, "cookie=1,in_port=2,idle_timeout=10,actions=group:2,group:1", 0 },
		{ FLOW, FM_ADD, "cookie=2,in_port=3,actions=resubmit(,1)", 0 },
		{ FLOW, FM_ADD, "cookie=3,table=1,ip,actions=output:1", 0 },
		{ FLOW, FM_ADD, "cookie=3,table=1,priority=5,ip,send_flow_rem,actions=output:2",
		  0 },
	};
	struct of_switch *sw = able_switch("br0", 1);

	add_ports(sw, 5);
	commit_all(sw, first, ARRAY_SIZE(first));
	return sw;
}

// ---- No trace ----

static const struct change changes[] = {
	{ FLOW, FM_ADD, "cookie=1,in_port=1,actions=output:5", 0 },
	{ FLOW, FM_ADD, "cookie=4,in_port=4,hard_timeout=9,actions=output:5", 0 },
	{ FLOW, FM_MODIFY, "cookie=1/-1,actions=output:4,group:2", 0 },
	{ FLOW, FM_ADD, "cookie=5,in_port=4,reset_counts,actions=output:4", 0 },
	{ GROUP, GROUP_MODIFY, "group_id=2,type=select,bucket=output:3,bucket=output:4", 0 },
	{ FLOW, FM_MODIFY, "cookie=6,in_port=4,actions=output:3,group:2", 0 },
	{ GROUP, GROUP_ADD, "group_id=3,type=all,bucket=output:1", 0 },
	{ FLOW, FM_ADD, "cookie=7,table=2,priority=9,ip,actions=group:3", 0 },
	{ FLOW, FM_DELETE, "cookie=3/-1", 0 },
	{ FLOW, FM_ADD, "cookie=3,table=1,ip,actions=output:4", 0 },
	{ GROUP, GROUP_DELETE, "group_id=3", 0 },
	{ FLOW, FM_DELETE, "out_port=3", 0 },
	{ GROUP, GROUP_DELETE, "group_id=2", 0 },
	{ GROUP, GROUP_INSERT_BUCKETS,
	  "group_id=1,command_bucket_id=last,bucket=bucket_id=7,output:3", 0 },
	{ FLOW, FM_DELETE_STRICT, "table=1,priority=32768,ip", 0 },
	{ FLOW, FM_DELETE, "", 0 },
	{ GROUP, GROUP_DELETE, "group_id=all", 0 },
	{ FLOW, FM_ADD, "in_port=1,actions=output:1", 0 },
};

static const struct change refused[] = {
	{ FLOW, FM_ADD, "in_port=1,actions=group:99", OFPERR_OFPBAC_BAD_OUT_GROUP },
	{ GROUP, GROUP_MODIFY, "group_id=98,type=all", OFPERR_OFPGMFC_UNKNOWN_GROUP },
};

static unsigned int n_events;

static void on_removed(void *aux, const struct rule *r, enum flow_removed_reason reason)
{
	// As the flows ask for it.
	n_events += (r->flags & FM_SEND_FLOW_REM) != 0;
}

static const struct switch_events events = { .rule_removed = on_removed };

// Ended behind each change: by the caller, and after a change that is refused.
START_TEST(what_is_taken_back_leaves_no_trace)
{
	struct of_switch *sw;
	char *before;

	clock_stop();
	rcu_thread_begin();
	sw = furnished_switch();
	switch_set_events(sw, &events, NULL);
	n_events = 0;
	before = state_of(sw);
	for (size_t n = 0; n <= ARRAY_SIZE(changes); n++)
		for (size_t with = 0; with <= ARRAY_SIZE(refused); with++) {
			struct switch_txn *t = switch_txn_begin(sw);
			char *after;

			for (size_t i = 0; i < n; i++)
				must_change(t, &changes[i]);
			if (with)
				must_change(t, &refused[with - 1]);
			switch_txn_abort(t);
			after = state_of(sw);
			ck_assert_msg(!strcmp(before, after), "after %zu changes:\n%s\nbefore:\n%s",
				      n, after, before);
			free(after);
		}
	ck_assert_uint_eq(n_events, 0);
	free(before);
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

// In one transaction or one by one, the tables are the same afterwards.
START_TEST(committed_at_once_is_as_one_by_one)
{
	clock_stop();
	rcu_thread_begin();
	for (size_t n = 1; n <= ARRAY_SIZE(changes); n++) {
		struct of_switch *x = furnished_switch(), *y = furnished_switch();
		char *a, *b;

		commit_all(x, changes, n);
		for (size_t i = 0; i < n; i++)
			commit_all(y, &changes[i], 1);
		a = state_of(x);
		b = state_of(y);
		*strstr(a, ", version") = *strstr(b, ", version") = '\0';
		ck_assert_str_eq(a, b);
		free(a);
		free(b);
		switch_destroy(x);
		switch_destroy(y);
	}
	rcu_drain();
	rcu_thread_end();
}
END_TEST

START_TEST(events_come_with_the_commit)
{
	static const struct change c = { FLOW, FM_DELETE, "table=1", 0 };
	struct of_switch *sw;
	struct switch_txn *t;

	rcu_thread_begin();
	sw = furnished_switch();
	switch_set_events(sw, &events, NULL);
	n_events = 0;
	t = switch_txn_begin(sw);
	must_change(t, &c);
	ck_assert_uint_eq(n_events, 0);
	switch_txn_commit(t);
	ck_assert_uint_eq(n_events, 1);
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

// ---- Translations of older versions ----

static void translate(struct of_switch *sw, uint32_t port, uint64_t version, struct xlate_result *r)
{
	struct flow_key key = { .in_port = port, .eth_type = htobe16(0x0800) };
	struct xlate_input in = { .sw = sw, .key = &key, .version = version };

	xlate(&in, r);
}

static const struct {
	uint32_t port;
	struct change c;
	bool concerned;
} rows[] = {
	{ 3, { FLOW, FM_ADD, "table=1,priority=40000,ip,actions=output:4", 0 }, true },
	{ 3, { FLOW, FM_ADD, "table=1,ip,actions=output:4", 0 }, true },
	{ 3, { FLOW, FM_MODIFY, "table=1,actions=output:4", 0 }, true },
	{ 3, { FLOW, FM_DELETE_STRICT, "table=1,ip", 0 }, true },
	{ 1, { GROUP, GROUP_MODIFY, "group_id=1,type=all,bucket=output:4", 0 }, true },
	{ 2, { GROUP, GROUP_DELETE, "group_id=1", 0 }, true },
	{ 3, { FLOW, FM_DELETE_STRICT, "table=1,priority=5,ip", 0 }, false },
	{ 3, { FLOW, FM_ADD, "table=1,priority=4,ip,actions=output:4", 0 }, false },
	{ 3, { FLOW, FM_ADD, "in_port=1,actions=output:4", 0 }, false },
	{ 3, { GROUP, GROUP_MODIFY, "group_id=1,type=all,bucket=output:4", 0 }, false },
};

// A translation that took its version before a change and ends behind it is stale, whatever kind the change is.
START_TEST(a_translation_of_an_older_version_is_stale)
{
	struct xlate_result before, late, now;
	struct of_switch *sw;
	uint64_t version;

	rcu_thread_begin();
	sw = furnished_switch();
	version = switch_version(sw);
	translate(sw, rows[_i].port, 0, &before);
	ck_assert(xlate_is_current(&before.basis));
	commit_all(sw, &rows[_i].c, 1);
	// It began when 'version' was there: it sees that, rules and groups alike.
	translate(sw, rows[_i].port, version, &late);
	ck_assert(dp_actions_equal(dp_actions_of(&before.actions), dp_actions_of(&late.actions)));
	ck_assert(xlate_is_current(&before.basis) == !rows[_i].concerned);
	ck_assert(xlate_is_current(&late.basis) == !rows[_i].concerned);
	translate(sw, rows[_i].port, 0, &now);
	ck_assert(xlate_is_current(&now.basis));
	ck_assert(dp_actions_equal(dp_actions_of(&before.actions), dp_actions_of(&now.actions)) ==
		  !rows[_i].concerned);
	xlate_result_uninit(&before);
	xlate_result_uninit(&late);
	xlate_result_uninit(&now);
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

// What a transaction has done so far is seen at its own version only.
START_TEST(an_open_transaction_is_seen_by_its_version_only)
{
	static const struct change c[] = {
		{ FLOW, FM_MODIFY, "table=1,actions=output:4", 0 },
		{ GROUP, GROUP_MODIFY, "group_id=1,type=all,bucket=output:4", 0 },
	};
	struct xlate_result before, seen, own;
	struct of_switch *sw;
	struct switch_txn *t;

	rcu_thread_begin();
	sw = furnished_switch();
	for (uint32_t port = 1; port <= 3; port += 2) {
		translate(sw, port, 0, &before);
		t = switch_txn_begin(sw);
		for (size_t i = 0; i < ARRAY_SIZE(c); i++)
			must_change(t, &c[i]);
		translate(sw, port, 0, &seen);
		translate(sw, port, switch_txn_version(t), &own);
		ck_assert(dp_actions_equal(dp_actions_of(&before.actions),
					   dp_actions_of(&seen.actions)));
		ck_assert(!dp_actions_equal(dp_actions_of(&before.actions),
					    dp_actions_of(&own.actions)));
		switch_txn_abort(t);
		xlate_result_uninit(&before);
		xlate_result_uninit(&seen);
		xlate_result_uninit(&own);
	}
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

// ---- No mix ----

#define N_FLIPS 1500

static struct of_switch *shared, *behind;
static _Atomic bool stop;

// Each state sends through both tables, a group, and the switch at the other end of a patch, and marks its steps with its own
// port: a packet that meets two states leaves through two.
static const struct change states[2][6] = {
	{ { FLOW, FM_ADD, "in_port=9,actions=output:1,resubmit(,1)", 0 },
	  { FLOW, FM_ADD, "table=1,actions=output:1,group:1,resubmit(,2)", 0 },
	  { GROUP, GROUP_ADD_OR_MODIFY, "group_id=1,type=all,bucket=output:1", 0 },
	  { FLOW, FM_MODIFY, "table=3,actions=output:1", 0 },
	  { FLOW, FM_ADD, "table=2,priority=2,ip,actions=output:1,resubmit(,3)", 0 },
	  { FLOW, FM_DELETE_STRICT, "table=2,priority=3,ip", 0 } },
	{ { FLOW, FM_ADD, "in_port=9,actions=output:2,resubmit(,1)", 0 },
	  { FLOW, FM_ADD, "table=1,actions=output:2,group:1,resubmit(,2)", 0 },
	  { GROUP, GROUP_ADD_OR_MODIFY, "group_id=1,type=all,bucket=output:2", 0 },
	  { FLOW, FM_MODIFY, "table=3,actions=output:2", 0 },
	  { FLOW, FM_DELETE_STRICT, "table=2,priority=2,ip", 0 },
	  { FLOW, FM_ADD, "table=2,priority=3,ip,actions=output:2,resubmit(,3)", 0 } },
};

static void *translate_on(void *unused)
{
	struct flow_key key = { .in_port = 9, .eth_type = htobe16(0x0800) };
	struct xlate_input in = { .sw = shared, .key = &key };
	uintptr_t n = 0;

	rcu_thread_begin();
	while (!atomic_load(&stop)) {
		const struct dp_action *a;
		struct xlate_result r;
		unsigned int first = 0, outputs = 0;

		xlate(&in, &r);
		DP_ACTION_FOR_EACH (a, dp_actions_of(&r.actions)) {
			if (a->type != DP_ACTION_OUTPUT)
				continue;
			if (!outputs++)
				first = a->output.port.n;
			if (a->output.port.n != first)
				abort();
		}
		// Table 0, table 1, the group, table 2, table 3.
		if (outputs != 5)
			abort();
		xlate_is_current(&r.basis);
		xlate_result_uninit(&r);
		n++;
		rcu_quiesce();
	}
	rcu_thread_end();
	return (void *)n;
}

START_TEST(no_translation_sees_half_of_a_bundle)
{
	pthread_t threads[2];
	uintptr_t total = 0;

	rcu_thread_begin();
	shared = able_switch("br0", 1);
	add_ports(shared, 2);
	add_port(shared, "p9", 9, DP_PORT(9));
	add_rule(shared, "table=3,actions=output:1");
	commit_all(shared, states[0] + 2, 1);
	commit_all(shared, states[0], ARRAY_SIZE(states[0]));
	atomic_store(&stop, false);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, translate_on, NULL), 0);
	for (int i = 1; i <= N_FLIPS; i++) {
		struct switch_txn *t = switch_txn_begin(shared);

		// In changing order, and now and then for nothing.
		if (i % 7 == 0) {
			for (size_t j = 0; j < 6; j++)
				must_change(t, &states[i & 1][j]);
			switch_txn_abort(t);
			t = switch_txn_begin(shared);
		}
		must_change(t, &states[i & 1][2]);
		for (size_t j = 0; j < 6; j++)
			if ((j + i) % 6 != 2)
				must_change(t, &states[i & 1][(j + i) % 6]);
		switch_txn_commit(t);
		rcu_quiesce();
	}
	atomic_store(&stop, true);
	rcu_offline();
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *n;

		pthread_join(threads[i], &n);
		total += (uintptr_t)n;
	}
	rcu_online();
	ck_assert_uint_gt(total, 0);
	switch_destroy(shared);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

// Across a patch each switch has its own version, taken when the packet first comes there.
START_TEST(a_switch_that_is_met_twice_is_seen_at_one_version)
{
	struct xlate_result r;

	rcu_thread_begin();
	shared = able_switch("br0", 1);
	behind = able_switch("br1", 2);
	add_port(shared, "p9", 9, DP_PORT(9));
	patch(shared, behind, 5);
	add_rule(shared, "in_port=9,actions=output:5,resubmit(,1)");
	add_rule(shared, "table=1,actions=output:5");
	add_rule(behind, "actions=drop");
	translate(shared, 9, 0, &r);
	ck_assert(xlate_is_current(&r.basis));
	add_rule(behind, "priority=40000,in_port=5,actions=in_port");
	ck_assert(!xlate_is_current(&r.basis));
	xlate_result_uninit(&r);
	// Back from the other switch at an older version of this one: it sees no rule that came since.
	uint64_t version = switch_version(shared);

	add_rule(shared, "in_port=5,actions=output:9");
	translate(shared, 9, version, &r);
	ck_assert_uint_eq(r.actions.len, 0);
	xlate_result_uninit(&r);
	translate(shared, 9, 0, &r);
	ck_assert_uint_gt(r.actions.len, 0);
	xlate_result_uninit(&r);
	switch_destroy(shared);
	switch_destroy(behind);
	rcu_drain();
	rcu_thread_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/transaction");
	TCase *t = tcase_create("transaction");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, what_is_taken_back_leaves_no_trace);
	tcase_add_test(t, committed_at_once_is_as_one_by_one);
	tcase_add_test(t, events_come_with_the_commit);
	tcase_add_loop_test(t, a_translation_of_an_older_version_is_stale, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, an_open_transaction_is_seen_by_its_version_only);
	tcase_add_test(t, no_translation_sees_half_of_a_bundle);
	tcase_add_test(t, a_switch_that_is_met_twice_is_seen_at_one_version);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
