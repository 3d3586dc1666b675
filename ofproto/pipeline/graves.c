// SPDX-License-Identifier: Apache-2.0
// Rules and groups that are removed, until no reader can have a version that sees them. One batch waits for its grace period while
// the next one gathers, so that a change costs no wait and there are few callbacks.
#include "core/base/refs.h"
#include "ofproto/pipeline/group-private.h"
#include "ofproto/pipeline/switch-private.h"

// So many may gather while no grace period ends, as in a long burst of changes; then the main thread waits for one.
#define MAX_GATHERED 65536

enum { GRAVE_WAITS, GRAVE_OVER, GRAVE_LEFT };

static void grave_free(struct grave *g)
{
	VEC_FREE(&g->rules);
	VEC_FREE(&g->groups);
	free(g);
}

static struct grave *open_grave(struct of_switch *sw)
{
	if (!sw->graves.open) {
		sw->graves.open = xzalloc(sizeof(struct grave));
		sw->graves.open->untidy = sw->untidy;
		sw->graves.open->untidy_aux = sw->untidy_aux;
	}
	return sw->graves.open;
}

void switch_bury(struct of_switch *sw, struct rule *r)
{
	VEC_PUSH(&open_grave(sw)->rules, r);
}

void switch_bury_group(struct of_switch *sw, struct group *g)
{
	VEC_PUSH(&open_grave(sw)->groups, g);
}

// On RCU's thread. Who comes second, this or the main thread that waits no longer, frees it.
static void grace_is_over(void *g_)
{
	struct grave *g = g_;
	void (*untidy)(void *aux) = g->untidy;
	void *aux = g->untidy_aux;

	if (atomic_exchange(&g->state, GRAVE_OVER) == GRAVE_LEFT)
		grave_free(g);
	else if (untidy)
		untidy(aux);
}

void switch_close_graves(struct of_switch *sw)
{
	struct graves *g = &sw->graves;

	if (g->waiting || !g->open)
		return;
	g->waiting = g->open;
	g->open = NULL;
	rcu_defer(grace_is_over, g->waiting);
}

static int by_address(const void *a, const void *b)
{
	const struct rule *x = *(struct rule *const *)a, *y = *(struct rule *const *)b;

	return x < y ? -1 : x > y;
}

// In about the order in which they were made: neighbours in the tables are then neighbours in memory. A table that loses
// all its rules is emptied as a whole.
static void take_out(struct of_switch *sw, const struct grave *g)
{
	size_t n_of[SWITCH_N_TABLES] = { 0 };
	struct group **group;
	struct rule **r;

	VEC_FOR_EACH (r, &g->rules)
		n_of[(*r)->table]++;
	for (int i = 0; i < SWITCH_N_TABLES; i++)
		if (n_of[i] > 1 && n_of[i] == classifier_count_all(sw->tables[i].cls))
			classifier_clear(sw->tables[i].cls);
	if (g->rules.n > 1)
		qsort(g->rules.v, g->rules.n, sizeof(*g->rules.v), by_address);
	VEC_FOR_EACH (r, &g->rules)
		if ((*r)->cls.entry)
			classifier_remove(sw->tables[(*r)->table].cls, &(*r)->cls);
	rules_unref(g->rules.v, g->rules.n);
	VEC_FOR_EACH (group, &g->groups)
		switch_take_out_group(sw, *group);
}

void switch_reap(struct of_switch *sw)
{
	struct graves *g = &sw->graves;

	if (g->waiting && atomic_load(&g->waiting->state) == GRAVE_OVER) {
		take_out(sw, g->waiting);
		grave_free(g->waiting);
		g->waiting = NULL;
		switch_close_graves(sw);
	}
	if (g->open && g->open->rules.n + g->open->groups.n > MAX_GATHERED)
		switch_reap_all(sw);
}

void switch_tidy(struct of_switch *sw)
{
	switch_reap(sw);
}

void switch_tidy_now(struct of_switch *sw)
{
	switch_reap_all(sw);
}

void switch_set_untidy(struct of_switch *sw, void (*f)(void *aux), void *aux)
{
	sw->untidy = f;
	sw->untidy_aux = aux;
}

void switch_reap_all(struct of_switch *sw)
{
	struct graves *g = &sw->graves;

	if (!g->open && !g->waiting)
		return;
	rcu_synchronize();
	if (g->waiting) {
		take_out(sw, g->waiting);
		if (atomic_exchange(&g->waiting->state, GRAVE_LEFT) == GRAVE_OVER)
			grave_free(g->waiting);
	}
	if (g->open) {
		take_out(sw, g->open);
		grave_free(g->open);
	}
	*g = (struct graves){ 0 };
}
