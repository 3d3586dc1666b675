// SPDX-License-Identifier: Apache-2.0
// A transaction as a list of steps. What only the main thread looks at (cookies, timeouts, who uses which meter and group) is
// changed with each step, so that the next one finds it; readers see versions.
#include "ofproto/pipeline/transaction.h"

#include "core/base/clock.h"
#include "ofproto/pipeline/group-private.h"
#include "ofproto/pipeline/switch-private.h"

// Steps for which memory is kept from one transaction to the next.
#define KEPT_STEPS 64

static struct classifier *table_of(const struct rule *r)
{
	return r->sw->tables[r->table].cls;
}

uint64_t switch_version(const struct of_switch *sw)
{
	return atomic_load_explicit(&sw->version, memory_order_acquire);
}

struct switch_txn *switch_txn_begin(struct of_switch *sw)
{
	struct switch_txn *t = &sw->txn;

	assert(!t->open);
	switch_reap(sw);
	t->sw = sw;
	t->open = true;
	return t;
}

uint64_t switch_txn_version(const struct switch_txn *t)
{
	return atomic_load_explicit(&t->sw->version, memory_order_relaxed) + 1;
}

// ---- Steps ----

void txn_add_rule(struct switch_txn *t, struct rule *r, struct rule *old, bool reset)
{
	uint64_t version = switch_txn_version(t);

	if (old) {
		classifier_hide(table_of(old), &old->cls, version);
		rule_strike_off(old);
	}
	classifier_insert(table_of(r), &r->cls, version);
	rule_enlist(r);
	VEC_PUSH(&t->steps,
		 ((struct txn_step){ .kind = TXN_ADD, .rule = r, .old = old, .reset = reset }));
}

void txn_remove_rule(struct switch_txn *t, struct rule *r, enum flow_removed_reason reason)
{
	classifier_hide(table_of(r), &r->cls, switch_txn_version(t));
	rule_strike_off(r);
	VEC_PUSH(&t->steps, ((struct txn_step){ .kind = TXN_REMOVE, .reason = reason, .rule = r }));
}

void txn_modify_rule(struct switch_txn *t, struct rule *r, const struct flow_mod *fm)
{
	struct rule_acts *old = r->acts;

	if (rule_has_clauses(r, acts_of(&fm->acts))) {
		// Clauses are found by matching: they are the rule's, not the list's.
		struct rule *now = rule_clone(r, acts_of(&fm->acts));

		txn_add_rule(t, now, r, false);
		r = now;
	} else {
		RCU_SET(r->acts, rule_acts_create(r, acts_of(&fm->acts), switch_txn_version(t)));
		rule_list_users(r, old);
		VEC_PUSH(&t->steps,
			 ((struct txn_step){ .kind = TXN_ACTS, .rule = r, .acts = old }));
	}
	if (fm->modify_cookie && fm->new_cookie != r->cookie) {
		VEC_PUSH(&t->steps,
			 ((struct txn_step){ .kind = TXN_COOKIE, .rule = r, .cookie = r->cookie }));
		rule_set_cookie(r, fm->new_cookie);
	}
	VEC_PUSH(&t->steps,
		 ((struct txn_step){
			 .kind = TXN_TOUCH, .rule = r, .reset = fm->flags & FM_RESET_COUNTS }));
}

void txn_add_group(struct switch_txn *t, struct group *g, struct group *old)
{
	g->shown = switch_txn_version(t);
	if (old) {
		atomic_store_explicit(&old->hidden, g->shown, memory_order_relaxed);
		list_splice(&g->users, &old->users);
	}
	switch_insert_group(t->sw, g);
	VEC_PUSH(&t->steps,
		 ((struct txn_step){ .kind = TXN_GROUP_ADD, .group = g, .old_group = old }));
}

void txn_remove_group(struct switch_txn *t, struct group *g)
{
	atomic_store_explicit(&g->hidden, switch_txn_version(t), memory_order_relaxed);
	VEC_PUSH(&t->steps, ((struct txn_step){ .kind = TXN_GROUP_REMOVE, .group = g }));
}

// ---- Back ----

static void undo_add(const struct txn_step *s)
{
	rule_strike_off(s->rule);
	classifier_remove(table_of(s->rule), &s->rule->cls);
	rule_unref(s->rule);
	if (s->old) {
		classifier_show(table_of(s->old), &s->old->cls);
		rule_enlist(s->old);
	}
}

static void undo_acts(const struct txn_step *s)
{
	struct rule_acts *now = s->rule->acts;

	RCU_SET(s->rule->acts, s->acts);
	rule_list_users(s->rule, now);
	rule_acts_free_later(now);
}

static void undo_group_add(struct of_switch *sw, const struct txn_step *s)
{
	if (s->old_group) {
		atomic_store_explicit(&s->old_group->hidden, CLS_NEVER, memory_order_relaxed);
		list_splice(&s->old_group->users, &s->group->users);
	}
	switch_take_out_group(sw, s->group);
}

static void undo(struct of_switch *sw, const struct txn_step *s)
{
	switch (s->kind) {
	case TXN_ADD:
		undo_add(s);
		return;
	case TXN_REMOVE:
		classifier_show(table_of(s->rule), &s->rule->cls);
		rule_enlist(s->rule);
		return;
	case TXN_ACTS:
		undo_acts(s);
		return;
	case TXN_COOKIE:
		rule_set_cookie(s->rule, s->cookie);
		return;
	case TXN_TOUCH:
		return;
	case TXN_GROUP_ADD:
		undo_group_add(sw, s);
		return;
	case TXN_GROUP_REMOVE:
		atomic_store_explicit(&s->group->hidden, CLS_NEVER, memory_order_relaxed);
	}
}

static void undo_to(struct switch_txn *t, size_t n)
{
	while (t->steps.n > n)
		undo(t->sw, &t->steps.v[--t->steps.n]);
	// Nothing has gone, and nothing goes with it.
	VEC_CLEAR(&t->sw->unlearned);
}

// ---- Forward ----

static const struct rule *shown_or_hidden(const struct txn_step *s)
{
	return s->kind == TXN_ADD || s->kind == TXN_REMOVE ? s->rule : NULL;
}

// Whoever holds a translation is told what the version changes, before there is the version.
static void announce(struct switch_txn *t)
{
	uint64_t version = switch_txn_version(t);
	size_t n_of[SWITCH_N_TABLES] = { 0 };
	const struct txn_step *s;

	if (t->steps.n > CLS_MANY_CHANGES) {
		VEC_FOR_EACH (s, &t->steps)
			if (shown_or_hidden(s))
				n_of[s->rule->table]++;
		for (int i = 0; i < SWITCH_N_TABLES; i++)
			if (n_of[i] > CLS_MANY_CHANGES)
				classifier_announce_many(t->sw->tables[i].cls, version);
	}
	VEC_FOR_EACH (s, &t->steps)
		if (shown_or_hidden(s) && n_of[s->rule->table] <= CLS_MANY_CHANGES)
			classifier_announce(table_of(s->rule), &s->rule->cls, version);
}

// Packets of the new version may count already.
static void carry_counters(struct rule *r, const struct rule *old)
{
	struct traffic before = { .packets = atomic_load(&old->packets),
				  .bytes = atomic_load(&old->bytes),
				  .used = atomic_load(&old->used) };

	rule_get_offloaded(old, &before.hw_packets, &before.hw_bytes);
	rule_credit(r, &before);
}

static bool is_told(const struct of_switch *sw, const struct rule *r)
{
	return sw->events && !(r->flags & FM_HIDDEN);
}

static void end_addition(struct of_switch *sw, const struct txn_step *s)
{
	if (s->old && !s->reset)
		carry_counters(s->rule, s->old);
	if (is_told(sw, s->rule) && sw->events->rule_added)
		sw->events->rule_added(sw->events_aux, s->rule, s->old);
	if (s->old)
		switch_bury(sw, s->old);
}

static void end_acts(struct of_switch *sw, const struct txn_step *s)
{
	struct acts before = { s->acts->list, s->acts->size };

	if (is_told(sw, s->rule) && sw->events->rule_modified &&
	    !acts_equal(before, rule_acts_get(s->rule)))
		sw->events->rule_modified(sw->events_aux, s->rule, before);
	rule_acts_free_later(s->acts);
}

static void end_removal(struct of_switch *sw, const struct txn_step *s)
{
	if (is_told(sw, s->rule) && sw->events->rule_removed)
		sw->events->rule_removed(sw->events_aux, s->rule, s->reason);
	switch_bury(sw, s->rule);
}

static void end_touch(const struct txn_step *s)
{
	if (s->reset)
		rule_reset_counters(s->rule);
	s->rule->modified = clock_msec();
}

static void end_step(struct of_switch *sw, const struct txn_step *s)
{
	switch (s->kind) {
	case TXN_ADD:
		end_addition(sw, s);
		return;
	case TXN_REMOVE:
		end_removal(sw, s);
		return;
	case TXN_ACTS:
		end_acts(sw, s);
		return;
	case TXN_COOKIE:
		return;
	case TXN_TOUCH:
		end_touch(s);
		return;
	case TXN_GROUP_ADD:
		if (s->old_group)
			switch_bury_group(sw, s->old_group);
		return;
	case TXN_GROUP_REMOVE:
		switch_bury_group(sw, s->group);
	}
}

static void end(struct switch_txn *t)
{
	if (t->steps.n > KEPT_STEPS)
		VEC_FREE(&t->steps);
	VEC_CLEAR(&t->steps);
	t->open = false;
}

void switch_txn_commit(struct switch_txn *t)
{
	struct of_switch *sw = t->sw;
	const struct txn_step *s;

	assert(t->open);
	txn_unlearn(t);
	if (!t->steps.n) {
		end(t);
		return;
	}
	announce(t);
	// From here on whoever begins a translation sees all of it.
	atomic_store_explicit(&sw->version, switch_txn_version(t), memory_order_release);
	VEC_FOR_EACH (s, &t->steps)
		end_step(sw, s);
	end(t);
	switch_tell_vacancies(sw);
	switch_close_graves(sw);
	switch_notify_changed(sw);
}

void switch_txn_abort(struct switch_txn *t)
{
	assert(t->open);
	undo_to(t, 0);
	end(t);
}

// ---- Changes ----

// Of a change that was refused nothing stays.
static enum ofperr keep_unless(struct switch_txn *t, enum ofperr e, size_t before)
{
	if (e)
		undo_to(t, before);
	else
		txn_unlearn(t);
	return e;
}

enum ofperr switch_txn_flow_mod(struct switch_txn *t, const struct flow_mod *fm)
{
	size_t before = t->steps.n;

	return keep_unless(t, txn_flow_mod(t, fm), before);
}

enum ofperr switch_txn_group_mod(struct switch_txn *t, struct group_mod *gm)
{
	size_t before = t->steps.n;

	return keep_unless(t, txn_group_mod(t, gm), before);
}

static enum ofperr commit_unless(struct switch_txn *t, enum ofperr e)
{
	if (e)
		switch_txn_abort(t);
	else
		switch_txn_commit(t);
	return e;
}

enum ofperr switch_flow_mod(struct of_switch *sw, const struct flow_mod *fm)
{
	struct switch_txn *t = switch_txn_begin(sw);

	return commit_unless(t, switch_txn_flow_mod(t, fm));
}

enum ofperr switch_group_mod(struct of_switch *sw, struct group_mod *gm)
{
	struct switch_txn *t = switch_txn_begin(sw);

	return commit_unless(t, switch_txn_group_mod(t, gm));
}
