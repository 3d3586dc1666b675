// SPDX-License-Identifier: Apache-2.0
// Rules of the switch's own, above all of controllers.
#include "ofproto/pipeline/switch-private.h"
#include "ofproto/pipeline/transaction-private.h"

static void add(struct switch_txn *t, struct of_switch *sw, enum own_rule_owner owner,
		const struct own_rule *rule)
{
	struct kept_own_rule own = { .owner = owner, .flow = xstrdup(rule->flow) };
	struct error err = ERROR_INIT;
	struct flow_mod fm;

	if (flow_mod_parse(rule->flow, FM_ADD, NULL, &fm, NULL, &err))
		fatal(0, "rule of the switch's own: %s", err.text);
	fm.flags |= FM_HIDDEN;
	own.rule = rule_create(sw, &fm, 0, rule->priority);
	txn_add_rule(t, own.rule, NULL, false);
	VEC_PUSH(&sw->own, own);
	flow_mod_uninit(&fm);
}

static void take_away(struct switch_txn *t, struct of_switch *sw, size_t i)
{
	txn_remove_rule(t, sw->own.v[i].rule, REMOVED_DELETE);
	free(sw->own.v[i].flow);
	sw->own.v[i] = sw->own.v[--sw->own.n];
}

static bool is_like(const struct kept_own_rule *own, enum own_rule_owner owner,
		    const struct own_rule *rule)
{
	return own->owner == owner && own->rule->cls.priority == rule->priority &&
	       !strcmp(own->flow, rule->flow);
}

static bool is_there(const struct of_switch *sw, enum own_rule_owner owner,
		     const struct own_rule *rule)
{
	const struct kept_own_rule *own;

	VEC_FOR_EACH (own, &sw->own)
		if (is_like(own, owner, rule))
			return true;
	return false;
}

static bool stays(const struct kept_own_rule *own, enum own_rule_owner owner,
		  const struct own_rule *rules, size_t n)
{
	if (own->owner != owner)
		return true;
	for (size_t i = 0; i < n; i++)
		if (is_like(own, owner, &rules[i]))
			return true;
	return false;
}

static bool are_there(const struct of_switch *sw, enum own_rule_owner owner,
		      const struct own_rule *rules, size_t n)
{
	const struct kept_own_rule *own;

	VEC_FOR_EACH (own, &sw->own)
		if (!stays(own, owner, rules, n))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!is_there(sw, owner, &rules[i]))
			return false;
	return true;
}

void switch_set_own_rules(struct of_switch *sw, enum own_rule_owner owner,
			  const struct own_rule *rules, size_t n)
{
	struct switch_txn *t;

	// A change, even of nothing, has packets translated again.
	if (are_there(sw, owner, rules, n))
		return;
	t = switch_txn_begin(sw);
	for (size_t i = sw->own.n; i-- > 0;)
		if (!stays(&sw->own.v[i], owner, rules, n))
			take_away(t, sw, i);
	for (size_t i = 0; i < n; i++)
		if (!is_there(sw, owner, &rules[i]))
			add(t, sw, owner, &rules[i]);
	switch_txn_commit(t);
}

void switch_for_each_own_rule(const struct of_switch *sw,
			      bool (*cb)(const struct rule *r, void *aux), void *aux)
{
	const struct kept_own_rule *own;

	VEC_FOR_EACH (own, &sw->own)
		if (!cb(own->rule, aux))
			return;
}

void switch_forget_own_rules(struct of_switch *sw)
{
	struct switch_txn *t = switch_txn_begin(sw);

	while (sw->own.n)
		take_away(t, sw, sw->own.n - 1);
	switch_txn_commit(t);
	VEC_FREE(&sw->own);
}
