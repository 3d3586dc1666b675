// SPDX-License-Identifier: Apache-2.0
// The configuration of tables: limits, eviction, vacancy, names, and what becomes of packets that meet no rule.
#include "ofproto/pipeline/table.h"

#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(ofproto);

// ---- Eviction ----

static bool evicts(const struct table *t)
{
	return t->evict_by_config || t->evict_by_openflow;
}

static bool add_to_index(struct cls_rule *cr, void *aux)
{
	struct rule *r = CONTAINER_OF(cr, struct rule, cls);

	if (cls_rule_is_visible(cr, CLS_NEWEST))
		evict_add(aux, r);
	return true;
}

// The index is made anew when what it is ordered by changes; otherwise it follows the rules.
static void index_rules(struct table *t)
{
	if (!evicts(t) ||
	    (t->evict && !evict_is_like(t->evict, t->groups, t->n_groups, t->evict_flags))) {
		evict_destroy(t->evict);
		t->evict = NULL;
	}
	if (!evicts(t) || t->evict)
		return;
	t->evict = evict_create(t->groups, t->n_groups, t->evict_flags);
	classifier_for_each(t->cls, NULL, add_to_index, t->evict);
}

enum ofperr txn_make_room(struct switch_txn *t, uint8_t table)
{
	struct table *tb = &t->sw->tables[table];

	while (tb->n_flows >= tb->limit) {
		struct rule *r = tb->evict ? evict_choose(tb->evict) : NULL;

		if (!r)
			return OFPERR_OFPFMFC_TABLE_FULL;
		txn_remove_rule(t, r, REMOVED_EVICTION);
	}
	return OFPERR_NONE;
}

static void evict_surplus(struct of_switch *sw, struct table *tb)
{
	struct switch_txn *t = switch_txn_begin(sw);
	struct rule *r;

	while (tb->n_flows > tb->limit && tb->evict && (r = evict_choose(tb->evict)))
		txn_remove_rule(t, r, REMOVED_EVICTION);
	switch_txn_commit(t);
}

void table_enlist(struct rule *r)
{
	struct table *t = &r->sw->tables[r->table];

	t->n_flows += !(r->flags & FM_HIDDEN);
	if (t->evict)
		evict_add(t->evict, r);
}

void table_strike_off(struct rule *r)
{
	struct table *t = &r->sw->tables[r->table];

	t->n_flows -= !(r->flags & FM_HIDDEN);
	if (t->evict)
		evict_remove(t->evict, r);
}

void table_timeouts_changed(struct rule *r)
{
	struct table *t = &r->sw->tables[r->table];

	if (t->evict)
		evict_update(t->evict, r);
}

// ---- Vacancy ----

// Percent of the limit.
static uint8_t vacancy_of(const struct table *t)
{
	uint64_t limit = t->limit == UINT32_MAX ? TABLE_DEFAULT_LIMIT : t->limit;

	return t->n_flows < limit ? (limit - t->n_flows) * 100 / limit : 0;
}

static void tell_vacancy(struct of_switch *sw, struct table *t)
{
	uint8_t now = vacancy_of(t);
	enum table_status_reason reason = t->vacancy_next;

	if (reason == TABLE_VACANCY_DOWN ? now >= t->vacancy_down : now <= t->vacancy_up)
		return;
	t->vacancy_next = reason == TABLE_VACANCY_DOWN ? TABLE_VACANCY_UP : TABLE_VACANCY_DOWN;
	if (sw->events && sw->events->table_status)
		sw->events->table_status(sw->events_aux, t - sw->tables, reason);
}

void switch_tell_vacancies(struct of_switch *sw)
{
	struct table *t;

	LIST_FOR_EACH (t, vacancy_node, &sw->vacancies)
		tell_vacancy(sw, t);
}

static void set_vacancy(struct of_switch *sw, struct table *t, const struct table_desc *d)
{
	if (t->vacancy && !d->vacancy)
		list_remove(&t->vacancy_node);
	else if (!t->vacancy && d->vacancy)
		list_push_back(&sw->vacancies, &t->vacancy_node);
	t->vacancy = d->vacancy;
	t->vacancy_down = d->vacancy_down;
	t->vacancy_up = d->vacancy_up;
	// What holds already is nothing new.
	t->vacancy_next = vacancy_of(t) < t->vacancy_up ? TABLE_VACANCY_UP : TABLE_VACANCY_DOWN;
}

// ---- Configuration ----

void switch_init_tables(struct of_switch *sw)
{
	list_init(&sw->vacancies);
	atomic_store(&sw->default_miss, TABLE_MISS_DROP);
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		struct table *t = &sw->tables[i];

		t->cls = classifier_create();
		t->limit = UINT32_MAX;
		t->evict_flags = EVICT_ALL;
		atomic_store(&t->miss, TABLE_MISS_UNSET);
	}
}

void switch_uninit_tables(struct of_switch *sw)
{
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		classifier_destroy(sw->tables[i].cls);
		evict_destroy(sw->tables[i].evict);
		free(sw->tables[i].groups);
	}
}

static void set_groups(struct table *t, const struct table_config *c)
{
	size_t size = c->n_groups * sizeof(*c->groups);

	if (t->n_groups == c->n_groups && (!size || !memcmp(t->groups, c->groups, size)))
		return;
	free(t->groups);
	t->groups = size ? xmemdup(c->groups, size) : NULL;
	t->n_groups = c->n_groups;
}

static int set_prefixes(struct table *t, const struct table_config *c, struct error *err)
{
	const struct field *const usual[] = { field_get(FIELD_IP_SRC), field_get(FIELD_IP_DST),
					      field_get(FIELD_IPV6_SRC),
					      field_get(FIELD_IPV6_DST) };
	size_t size = c->n_prefixes * sizeof(c->prefixes[0]);

	// Changing them waits for readers.
	if (c->have_prefixes == t->have_prefixes && c->n_prefixes == t->n_prefixes &&
	    !memcmp(c->prefixes, t->prefixes, size))
		return 0;
	t->have_prefixes = c->have_prefixes;
	t->n_prefixes = c->n_prefixes;
	memcpy(t->prefixes, c->prefixes, size);
	return c->have_prefixes ? classifier_set_prefixes(t->cls, c->prefixes, c->n_prefixes, err)
				: classifier_set_prefixes(t->cls, usual, ARRAY_SIZE(usual), err);
}

int switch_table_configure(struct of_switch *sw, uint8_t table, const struct table_config *c,
			   struct error *err)
{
	struct table *t = &sw->tables[table];

	snprintf(t->config_name, sizeof(t->config_name), "%s", c->name);
	t->limit = c->have_limit ? c->flow_limit : UINT32_MAX;
	t->evict_by_config = c->evict;
	set_groups(t, c);
	index_rules(t);
	if (t->n_flows > t->limit && t->evict)
		evict_surplus(sw, t);
	return set_prefixes(t, c, err);
}

void switch_table_set_name(struct of_switch *sw, uint8_t table, const char *name)
{
	struct table *t = &sw->tables[table];

	snprintf(t->name, sizeof(t->name), "%s", name);
}

const char *switch_table_name(const struct of_switch *sw, uint8_t table)
{
	const struct table *t = &sw->tables[table];

	return *t->config_name ? t->config_name : t->name;
}

uint32_t switch_table_max_entries(const struct of_switch *sw, uint8_t table)
{
	return MIN(sw->tables[table].limit, (uint32_t)TABLE_DEFAULT_LIMIT);
}

size_t switch_table_n_flows(const struct of_switch *sw, uint8_t table)
{
	return sw->tables[table].n_flows;
}

// ---- By OpenFlow ----

static void misses_changed(struct of_switch *sw)
{
	// Every translation depends on that, however it goes on from a table.
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
}

static void mod_one(struct of_switch *sw, struct table *t, const struct table_mod *tm,
		    uint8_t version)
{
	if (version < OFP13) {
		atomic_store(&t->miss, tm->miss);
		return;
	}
	if (version < OFP14)
		return;
	if (tm->desc.eviction_flags != EVICTION_DEFAULT)
		t->evict_flags = tm->desc.eviction_flags & EVICT_ALL;
	t->evict_by_openflow = tm->desc.eviction;
	index_rules(t);
	set_vacancy(sw, t, &tm->desc);
}

enum ofperr switch_table_mod(struct of_switch *sw, const struct table_mod *tm, uint8_t version)
{
	if (tm->desc.table >= SWITCH_N_TABLES && tm->desc.table != 255)
		return OFPERR_OFPTMFC_BAD_TABLE;
	for (int i = 0; i < SWITCH_N_TABLES; i++)
		if (tm->desc.table == 255 || tm->desc.table == i)
			mod_one(sw, &sw->tables[i], tm, version);
	if (version < OFP13)
		misses_changed(sw);
	return OFPERR_NONE;
}

void switch_table_desc(const struct of_switch *sw, uint8_t table, struct table_desc *ret)
{
	const struct table *t = &sw->tables[table];

	*ret = (struct table_desc){
		.table = table,
		.eviction = evicts(t),
		.eviction_flags = t->evict_flags,
		.vacancy = t->vacancy,
	};
	if (!t->vacancy)
		return;
	ret->vacancy_down = t->vacancy_down;
	ret->vacancy_up = t->vacancy_up;
	ret->vacancy_now = vacancy_of(t);
}

static enum table_miss miss_or(const struct of_switch *sw, uint8_t table, enum table_miss unset)
{
	uint8_t miss = atomic_load_explicit(&sw->tables[table].miss, memory_order_relaxed);

	return miss == TABLE_MISS_UNSET ? unset : miss;
}

enum table_miss switch_table_miss(const struct of_switch *sw, uint8_t table)
{
	return miss_or(sw, table, atomic_load_explicit(&sw->default_miss, memory_order_relaxed));
}

enum table_miss switch_table_miss_asked(const struct of_switch *sw, uint8_t table)
{
	return miss_or(sw, table, TABLE_MISS_CONTROLLER);
}

void switch_set_default_miss(struct of_switch *sw, enum table_miss miss)
{
	if (atomic_exchange(&sw->default_miss, miss) != miss)
		misses_changed(sw);
}
