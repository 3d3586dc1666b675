// SPDX-License-Identifier: Apache-2.0
// Changes of the flow tables, and walks over them in the sense of OpenFlow's loose and strict requests.
#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/base/vec.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/switch-private.h"

typedef VEC(struct rule *) rule_vec;

static struct rule *rule_of(struct cls_rule *cr)
{
	return cr ? CONTAINER_OF(cr, struct rule, cls) : NULL;
}

// What a loose request selects by, beside the match.
struct selection {
	const struct match *match;
	uint8_t table;
	uint64_t cookie, cookie_mask;
	of_port_t out_port;
	uint32_t out_group;
	rule_vec rules;
	bool hidden_too;
};

static bool selected(const struct selection *s, const struct rule *r)
{
	if ((r->flags & FM_HIDDEN) && !s->hidden_too)
		return false;
	if ((r->cookie ^ s->cookie) & s->cookie_mask)
		return false;
	if (s->out_port.n != OFPP_ANY && !acts_output_to(rule_acts_get(r), s->out_port))
		return false;
	return s->out_group == GROUP_ID_ANY || acts_use_group(rule_acts_get(r), s->out_group);
}

static bool collect(struct cls_rule *cr, void *aux)
{
	struct selection *s = aux;
	struct rule *r = rule_of(cr);

	if (selected(s, r))
		VEC_PUSH(&s->rules, r);
	return true;
}

// A whole cookie: its index instead of the tables.
static void collect_by_cookie(struct of_switch *sw, struct selection *s)
{
	struct cookie_rules *c = switch_find_cookie(sw, s->cookie);
	struct rule *r;

	if (!c)
		return;
	LIST_FOR_EACH (r, cookie_node, &c->rules) {
		struct match m;

		if ((s->table != 255 && r->table != s->table) || !selected(s, r))
			continue;
		cls_rule_get_match(&r->cls, &m);
		if (match_is_subset(&m, s->match))
			VEC_PUSH(&s->rules, r);
	}
}

static void collect_loose(struct of_switch *sw, struct selection *s)
{
	if (s->cookie_mask == UINT64_MAX) {
		collect_by_cookie(sw, s);
		return;
	}
	for (int i = 0; i < SWITCH_N_TABLES; i++)
		if ((s->table == 255 || s->table == i) && !classifier_is_empty(sw->tables[i].cls))
			classifier_for_each(sw->tables[i].cls, s->match, collect, s);
}

static void collect_strict(struct of_switch *sw, struct selection *s, int priority)
{
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		struct rule *r;

		if (s->table != 255 && s->table != i)
			continue;
		r = rule_of(classifier_find_exactly(sw->tables[i].cls, s->match, priority));
		if (r && selected(s, r))
			VEC_PUSH(&s->rules, r);
	}
}

static enum ofperr add(struct switch_txn *t, const struct flow_mod *fm)
{
	struct of_switch *sw = t->sw;
	uint8_t table = fm->table == 255 ? 0 : fm->table;
	struct classifier *cls;
	bool reset = fm->flags & FM_RESET_COUNTS;
	struct rule *old, *r;
	enum ofperr e = OFPERR_NONE;

	if (table >= SWITCH_N_TABLES)
		return OFPERR_OFPBRC_EPERM;
	cls = sw->tables[table].cls;
	r = rule_create(sw, fm, table, fm->priority);
	old = rule_of(classifier_find_like(cls, &r->cls));
	if (!old && (fm->flags & FM_CHECK_OVERLAP) && classifier_rule_overlaps(cls, &r->cls)) {
		rule_unref(r);
		return OFPERR_OFPFMFC_OVERLAP;
	}
	if (!old)
		e = txn_make_room(t, table);
	if (e) {
		rule_unref(r);
		return e;
	}
	// An identical rule is replaced; its counters go on unless they were to be reset. No packet misses both.
	if (old && !reset)
		r->used = atomic_load(&old->used);
	txn_add_rule(t, r, old, reset);
	return OFPERR_NONE;
}

static int by_address(const void *a, const void *b)
{
	const struct rule *x = *(struct rule *const *)a, *y = *(struct rule *const *)b;

	return x < y ? -1 : x > y;
}

// In about the order in which they were made: neighbours in the tables are then neighbours in memory.
static void remove_rules(struct switch_txn *t, rule_vec *rules, enum flow_removed_reason reason)
{
	struct rule **r;

	if (rules->n > 1)
		qsort(rules->v, rules->n, sizeof(*rules->v), by_address);
	VEC_FOR_EACH (r, rules)
		txn_remove_rule(t, *r, reason);
	VEC_FREE(rules);
}

// Rules went or were modified: with them may go what they had learned.
void txn_unlearn(struct switch_txn *t)
{
	struct of_switch *sw = t->sw;
	struct cookie_rules *c;
	uint64_t cookie;
	uint8_t table;

	while (switch_next_unlearned(sw, &table, &cookie)) {
		rule_vec rules = VEC_INIT;
		struct rule *r;

		c = switch_find_cookie(sw, cookie);
		if (c)
			LIST_FOR_EACH (r, cookie_node, &c->rules)
				if (r->table == table && !(r->flags & FM_HIDDEN))
					VEC_PUSH(&rules, r);
		remove_rules(t, &rules, REMOVED_DELETE);
	}
}

// Modifies what 'fm' selects; where OpenFlow 1.0 and 1.1 want it, adds when there was nothing.
static enum ofperr change(struct switch_txn *t, const struct flow_mod *fm)
{
	struct of_switch *sw = t->sw;
	bool strict = fm->command == FM_MODIFY_STRICT || fm->command == FM_DELETE_STRICT;
	bool delete = fm->command == FM_DELETE || fm->command == FM_DELETE_STRICT;
	struct selection s = {
		.match = &fm->match,
		.table = fm->table,
		.cookie = fm->cookie,
		.cookie_mask = fm->cookie_mask,
		.out_port = delete ? fm->out_port : OF_PORT(OFPP_ANY),
		.out_group = delete ? fm->out_group : GROUP_ID_ANY,
	};
	struct rule **r;
	bool none;

	if (fm->table == SWITCH_N_TABLES && fm->command != FM_DELETE_STRICT)
		return OFPERR_OFPBRC_EPERM;
	if (strict)
		collect_strict(sw, &s, fm->priority);
	else
		collect_loose(sw, &s);
	if (delete) {
		remove_rules(t, &s.rules, REMOVED_DELETE);
		return OFPERR_NONE;
	}
	VEC_FOR_EACH (r, &s.rules)
		txn_modify_rule(t, *r, fm);
	none = !s.rules.n;
	VEC_FREE(&s.rules);
	if (none && !fm->cookie_mask && fm->add_missing)
		return add(t, fm);
	return OFPERR_NONE;
}

enum ofperr txn_flow_mod(struct switch_txn *t, const struct flow_mod *fm)
{
	const struct of_switch *sw = t->sw;
	enum ofperr err;

	if (fm->command == FM_ADD || fm->command == FM_MODIFY || fm->command == FM_MODIFY_STRICT) {
		uint8_t table = fm->table == 255 ? 0 : fm->table;

		err = switch_check_match(sw, &fm->match);
		if (!err)
			err = switch_check_acts(sw, acts_of(&fm->acts), &fm->match, table,
						fm->consistent);
		if (!err)
			err = switch_tlv_check(sw, &fm->match, acts_of(&fm->acts));
		if (err)
			return err;
	}
	return fm->command == FM_ADD ? add(t, fm) : change(t, fm);
}

enum ofperr switch_learn_flow(struct of_switch *sw, const struct flow_mod *fm)
{
	struct switch_txn *t = switch_txn_begin(sw);
	enum ofperr err = change(t, fm);

	if (err)
		switch_txn_abort(t);
	else
		switch_txn_commit(t);
	return err;
}

// A rule and the packed key behind it: memory that, most likely, nobody has read for long.
static void prefetch_rule(const struct rule *r)
{
	for (size_t ofs = 0; ofs < sizeof(*r) + 64; ofs += 64)
		__builtin_prefetch((const uint8_t *)r + ofs);
}

#define PREFETCH_AHEAD 8

void switch_for_each_flow(struct of_switch *sw, const struct flow_stats_request *rq,
			  bool (*cb)(const struct rule *r, void *aux), void *aux)
{
	struct selection s = {
		.match = &rq->match,
		.table = rq->table,
		.cookie = rq->cookie,
		.cookie_mask = rq->cookie_mask,
		.out_port = rq->out_port,
		.out_group = rq->out_group,
	};
	bool more = true;

	collect_loose(sw, &s);
	for (size_t i = 0; more && i < s.rules.n; i++) {
		if (i + PREFETCH_AHEAD < s.rules.n)
			prefetch_rule(s.rules.v[i + PREFETCH_AHEAD]);
		more = cb(s.rules.v[i], aux);
	}
	VEC_FREE(&s.rules);
}

static bool is_expired(const struct rule *r, int64_t now, enum flow_removed_reason *ret_reason)
{
	if (r->hard_timeout && now >= r->modified + r->hard_timeout * 1000) {
		*ret_reason = REMOVED_HARD;
		return true;
	}
	*ret_reason = REMOVED_IDLE;
	return r->idle_timeout && now >= atomic_load(&r->used) + r->idle_timeout * 1000;
}

void switch_expire(struct of_switch *sw)
{
	enum flow_removed_reason reason;
	int64_t now = clock_msec();
	struct switch_txn *t = switch_txn_begin(sw);
	struct rule_extras *e, *next;

	LIST_FOR_EACH_SAFE (e, next, timeout_node, &sw->expirable) {
		if (!is_expired(e->rule, now, &reason))
			continue;
		txn_remove_rule(t, e->rule, reason);
		counter_inc(COUNTER_OFPROTO_DPIF_EXPIRED);
	}
	switch_txn_commit(t);
	if (mac_table_expire(sw->macs))
		switch_notify_changed(sw);
}

void switch_remove_metered(struct of_switch *sw, struct list *list)
{
	struct switch_txn *t = switch_txn_begin(sw);
	rule_vec rules = VEC_INIT;
	struct rule_extras *e;

	LIST_FOR_EACH (e, meter_node, list)
		VEC_PUSH(&rules, e->rule);
	remove_rules(t, &rules, REMOVED_METER_DELETE);
	switch_txn_commit(t);
}

void txn_remove_grouped(struct switch_txn *t, struct list *users)
{
	rule_vec rules = VEC_INIT;
	struct group_use *u;

	// A rule that uses it twice stands there twice, one behind the other.
	LIST_FOR_EACH (u, node, users)
		if (!rules.n || rules.v[rules.n - 1] != u->rule)
			VEC_PUSH(&rules, u->rule);
	remove_rules(t, &rules, REMOVED_GROUP_DELETE);
}

void switch_flush(struct of_switch *sw)
{
	struct switch_txn *t = switch_txn_begin(sw);
	rule_vec rules = VEC_INIT;
	struct cookie_rules *c;
	struct rule *r;

	counter_inc(COUNTER_OFPROTO_FLUSH);
	HMAP_FOR_EACH (c, node, &sw->cookies)
		LIST_FOR_EACH (r, cookie_node, &c->rules)
			if (!(r->flags & FM_HIDDEN))
				VEC_PUSH(&rules, r);
	remove_rules(t, &rules, REMOVED_DELETE);
	switch_txn_commit(t);
}
