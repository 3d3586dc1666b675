// SPDX-License-Identifier: Apache-2.0
// Conjunctions: rules that match together. A lookup collects those that match on its way through the subtables; then, priority by
// priority, it sees which conjunctions are complete, and looks for what they do.
#include <limits.h>

#include "core/base/hash.h"
#include "core/flow/classifier-private.h"

#define SLOTS_ON_STACK 256 // room for half as many clauses

// A matching rule with clauses.
struct part {
	int priority;
	const struct cls_clauses *clauses;
};

typedef VEC(struct part) part_vec;

// A conjunction some of whose clauses match; in a hash table.
struct slot {
	uint64_t met; // clauses
	uint32_t id;
	uint8_t n_clauses; // 0: the slot is free
};

// ---- Which are complete ----

static bool is_complete(const struct slot *s)
{
	return s->met == UINT64_MAX >> (64 - s->n_clauses);
}

// Rules that disagree on the number of clauses mean different conjunctions.
static struct slot *find_slot(struct slot slots[], size_t n_slots, const struct cls_clause *c)
{
	size_t i = hash_u64(c->id, c->n_clauses);

	for (;; i++) {
		struct slot *s = &slots[i & (n_slots - 1)];

		if (!s->n_clauses || (s->id == c->id && s->n_clauses == c->n_clauses))
			return s;
	}
}

// Of the ids from 'from' on the lowest that the rules complete.
static bool find_complete(const struct part parts[], size_t n, uint64_t from, uint32_t *ret_id)
{
	struct slot few[SLOTS_ON_STACK], *slots = few;
	size_t n_clauses = 0, n_slots = 4;
	bool found = false;

	for (size_t i = 0; i < n; i++)
		n_clauses += parts[i].clauses->n;
	while (n_slots < 2 * n_clauses)
		n_slots *= 2;
	if (n_slots > SLOTS_ON_STACK)
		slots = xzalloc(n_slots * sizeof(*slots));
	else
		memset(few, 0, n_slots * sizeof(*few));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < parts[i].clauses->n; j++) {
			const struct cls_clause *c = &parts[i].clauses->v[j];
			struct slot *s = find_slot(slots, n_slots, c);

			s->id = c->id;
			s->n_clauses = c->n_clauses;
			s->met |= UINT64_C(1) << c->clause;
			if (c->id < from || (found && c->id >= *ret_id) || !is_complete(s))
				continue;
			*ret_id = c->id;
			found = true;
		}
	if (slots != few)
		free(slots);
	return found;
}

// ---- Lookup ----

// The list's first rule without clauses, above 'priority'; those with clauses before it are kept.
static struct cls_rule *take_list(struct cls_rule *n, uint64_t version, int priority,
				  part_vec *parts)
{
	for (; n && n->priority > priority; n = RCU_GET(n->lower)) {
		const struct cls_clauses *c = RCU_GET(n->clauses);

		if (!cls_rule_is_visible(n, version))
			continue;
		if (!c)
			return n;
		VEC_PUSH(parts, ((struct part){ n->priority, c }));
	}
	return NULL;
}

static int least_of(const struct cls_rule *r)
{
	return r ? r->priority : INT_MIN;
}

// A rule with clauses hides those below it that have its match here, though not in the first look-up; Open vSwitch's does.
static struct cls_rule *best_without_clauses(const struct cls_walk *w, const struct flow_key *key)
{
	struct cls_rule *best = NULL;
	struct cls_walk again;
	struct cls_rule *n;

	cls_walk_begin(&again, w->c, w->vec, w->version, key, w->mask);
	while ((n = cls_walk_next(&again, least_of(best))))
		if (n->priority > least_of(best) && !RCU_GET(n->clauses))
			best = n;
	return best;
}

// What conjunctions of the rules, all of one priority, do.
static struct cls_rule *resolve(const struct cls_walk *w, const struct part parts[], size_t n,
				struct cls_decision *ret)
{
	struct flow_key key;
	uint64_t from = 0;
	uint32_t id = 0;

	while (find_complete(parts, n, from, &id)) {
		struct cls_rule *r;

		key = *w->key;
		key.conj_id = id;
		r = best_without_clauses(w, &key);
		ret->by_conjunction = true;
		ret->least = MIN(ret->least, least_of(r));
		if (r)
			return r;
		from = (uint64_t)id + 1;
	}
	return NULL;
}

static int highest(const part_vec *parts)
{
	const struct part *p;
	int priority = INT_MIN;

	VEC_FOR_EACH (p, parts)
		priority = MAX(priority, p->priority);
	return priority;
}

// Takes those of a priority out of 'from'.
static void take_level(part_vec *from, int priority, part_vec *ret)
{
	size_t kept = 0;

	ret->n = 0;
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i].priority == priority)
			VEC_PUSH(ret, from->v[i]);
		else
			from->v[kept++] = from->v[i];
	from->n = kept;
}

// A priority is resolved as soon as all subtables have been asked that may have rules of it or above: where that gives the answer,
// those below decide nothing.
static struct cls_rule *resolve_by_priority(struct cls_walk *w, struct cls_rule *best,
					    part_vec *parts, struct cls_decision *ret)
{
	part_vec level = VEC_INIT;
	struct cls_rule *r = NULL;

	for (;;) {
		int top = highest(parts);
		bool open = top > least_of(best);
		struct cls_rule *n = cls_walk_next(w, open ? top - 1 : least_of(best));

		if (n) {
			r = take_list(n, w->version, least_of(best), parts);
			best = r ? r : best;
			continue;
		}
		if (!open) {
			ret->least = MIN(ret->least, least_of(best));
			r = best;
			break;
		}
		take_level(parts, top, &level);
		ret->least = MIN(ret->least, top);
		r = resolve(w, level.v, level.n, ret);
		if (r)
			break;
	}
	VEC_FREE(&level);
	return r;
}

struct cls_rule *lookup_with_clauses(struct cls_walk *w, struct cls_rule *best, struct cls_rule *n,
				     struct cls_decision *ret)
{
	part_vec parts = VEC_INIT;
	struct cls_rule *r = take_list(n, w->version, least_of(best), &parts);

	*ret = (struct cls_decision){ .least = INT_MAX };
	r = resolve_by_priority(w, r ? r : best, &parts, ret);
	VEC_FREE(&parts);
	return r;
}
