// SPDX-License-Identifier: Apache-2.0
// The meters of a switch. Each is one of the datapath's, whose number the rules that use it carry; for packets that go to controllers
// or through the slow path, translations ask for it.
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(meter);

struct meter {
	uint32_t id, datapath_id;
	struct meter_config config;
	int64_t created; // clock_msec()
	struct list rules; // that use it
};

// A meter in the switch's table. Such nodes are copied when the table grows, meters are not.
struct meter_node {
	struct rnode rnode;
	struct meter *meter; // main thread
	uint32_t id, datapath_id;
};

void switch_set_meter_ops(struct of_switch *sw, const struct switch_meter_ops *ops, void *aux)
{
	sw->meter_ops = ops;
	sw->meter_aux = aux;
}

static uint64_t hash_id(uint32_t id)
{
	return hash_u64(id, 0);
}

void switch_init_meters(struct of_switch *sw)
{
	rtable_init(&sw->meters, sizeof(struct meter_node), NULL);
}

// Readers too.
static struct meter_node *find_node(const struct of_switch *sw, uint32_t id)
{
	for (struct rnode *n = rtable_first(&sw->meters, hash_id(id)); n; n = rtable_next(n)) {
		struct meter_node *m = CONTAINER_OF(n, struct meter_node, rnode);

		if (m->id == id)
			return m;
	}
	return NULL;
}

static struct meter *find(const struct of_switch *sw, uint32_t id)
{
	struct meter_node *n = find_node(sw, id);

	return n ? n->meter : NULL;
}

uint64_t switch_meters_version(const struct of_switch *sw)
{
	return atomic_load(&sw->meters_version);
}

uint32_t switch_datapath_meter(const struct of_switch *sw, uint32_t id)
{
	const struct meter_node *n = find_node(sw, id);

	return n ? n->datapath_id : 0;
}

uint32_t switch_controller_meter(const struct of_switch *sw, uint32_t id)
{
	uint32_t own = id ? switch_datapath_meter(sw, id) : 0;

	return own ? own : switch_datapath_meter(sw, METER_ID_CONTROLLER);
}

uint32_t switch_slow_path_meter(const struct of_switch *sw)
{
	return switch_datapath_meter(sw, METER_ID_SLOWPATH);
}

// It comes first in a list, or not at all.
static uint32_t meter_of(struct acts a)
{
	return a.size && a.first->type == ACT_METER ? a.first->meter.id : 0;
}

bool switch_knows_meter(const struct of_switch *sw, struct acts a)
{
	return !meter_of(a) || find(sw, meter_of(a));
}

void switch_list_metered(struct rule *r)
{
	struct meter *m = find(r->sw, meter_of(rule_acts_get(r)));

	if (m)
		list_push_back(&m->rules, &rule_need_extras(r)->meter_node);
}

void switch_unlist_metered(struct rule *r)
{
	if (r->extras)
		list_remove(&r->extras->meter_node);
}

// ---- Changes ----

// Says why, once a change; 'e' is for the peer.
static enum ofperr refuse(const struct of_switch *sw, uint32_t id, enum ofperr e, const char *why)
{
	static struct log_limit limit = LOG_LIMIT_INIT(10, 10);

	log_warn_limited(&limit, "%s: meter %u refused: %s", sw->name, id, why);
	return e;
}

static enum ofperr check(const struct of_switch *sw, const struct meter_mod *mm)
{
	const struct meter_config *c = &mm->config;
	struct meter_features f;

	if (!switch_has(sw, SWITCH_FEATURE_METERS) || !sw->meter_ops)
		return refuse(sw, mm->id, OFPERR_OFPMMFC_INVALID_METER,
			      "the datapath does not have meters");
	if (!mm->id ||
	    (mm->id > METER_ID_MAX && mm->id != METER_ID_SLOWPATH && mm->id != METER_ID_CONTROLLER))
		return OFPERR_OFPMMFC_INVALID_METER;
	sw->meter_ops->features(sw->meter_aux, &f);
	if (c->flags & ~f.flags || !(c->flags & (METER_KBPS | METER_PKTPS)))
		return OFPERR_OFPMMFC_BAD_FLAGS;
	if (!c->n_bands || c->n_bands > f.max_bands)
		return OFPERR_OFPMMFC_OUT_OF_BANDS;
	for (size_t i = 0; i < c->n_bands; i++) {
		if (!(f.band_types >> c->bands[i].type & 1))
			return OFPERR_OFPMMFC_BAD_BAND;
		if (!c->bands[i].rate)
			return OFPERR_OFPMMFC_BAD_RATE;
	}
	return OFPERR_NONE;
}

static void changed(struct of_switch *sw)
{
	atomic_fetch_add(&sw->meters_version, 1);
	switch_notify_changed(sw);
}

static struct meter *create(struct of_switch *sw, uint32_t id, uint32_t datapath_id)
{
	struct meter_node *n = xzalloc(sizeof(*n));
	struct meter *m = xzalloc(sizeof(*m));

	m->id = id;
	m->datapath_id = datapath_id;
	m->created = clock_msec();
	list_init(&m->rules);
	n->rnode.hash = hash_id(id);
	n->meter = m;
	n->id = id;
	n->datapath_id = datapath_id;
	rtable_insert(&sw->meters, &n->rnode);
	changed(sw);
	return m;
}

static enum ofperr set(struct of_switch *sw, const struct meter_mod *mm)
{
	struct meter *m = find(sw, mm->id);
	uint32_t datapath_id = m ? m->datapath_id : 0;
	struct error err = ERROR_INIT;
	enum ofperr e = check(sw, mm);

	if (e)
		return e;
	if (m && mm->command == METER_ADD)
		return OFPERR_OFPMMFC_METER_EXISTS;
	if (!m && mm->command == METER_MODIFY)
		return OFPERR_OFPMMFC_UNKNOWN_METER;
	if (sw->meter_ops->set(sw->meter_aux, &mm->config, &datapath_id, &err))
		return refuse(sw, mm->id, OFPERR_OFPMMFC_OUT_OF_METERS, err.text);
	if (!m)
		m = create(sw, mm->id, datapath_id);
	m->config = mm->config;
	return OFPERR_NONE;
}

static void delete (struct of_switch *sw, struct meter *m)
{
	struct meter_node *n = find_node(sw, m->id);

	switch_remove_metered(sw, &m->rules);
	rtable_remove(&sw->meters, &n->rnode);
	rcu_free(n);
	changed(sw);
	sw->meter_ops->del(sw->meter_aux, m->datapath_id);
	free(m);
}

// In no order; to be freed with VEC_FREE().
typedef VEC(struct meter *) meter_list;

static meter_list list_meters(const struct of_switch *sw)
{
	meter_list all = VEC_INIT;
	const struct rnode *n;

	RTABLE_FOR_EACH(n, &sw->meters)
	VEC_PUSH(&all, CONTAINER_OF(n, struct meter_node, rnode)->meter);
	return all;
}

void switch_delete_meters(struct of_switch *sw)
{
	meter_list all = list_meters(sw);
	struct meter **m;

	VEC_FOR_EACH (m, &all)
		delete (sw, *m);
	VEC_FREE(&all);
}

enum ofperr switch_meter_mod(struct of_switch *sw, const struct meter_mod *mm)
{
	struct meter *m;

	if (mm->command != METER_DELETE)
		return set(sw, mm);
	if (mm->id == METER_ID_ALL) {
		switch_delete_meters(sw);
		return OFPERR_NONE;
	}
	if (!mm->id || (mm->id > METER_ID_MAX && mm->id < METER_ID_SLOWPATH))
		return OFPERR_OFPMMFC_INVALID_METER;
	// One that is not there is as good as deleted.
	m = find(sw, mm->id);
	if (m)
		delete (sw, m);
	return OFPERR_NONE;
}

// ---- Statistics ----

void switch_meter_features(const struct of_switch *sw, struct meter_features *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (sw->meter_ops && switch_has(sw, SWITCH_FEATURE_METERS))
		sw->meter_ops->features(sw->meter_aux, ret);
}

static int by_id(const void *a, const void *b)
{
	const struct meter *x = *(struct meter *const *)a, *y = *(struct meter *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

enum ofperr switch_for_each_meter(const struct of_switch *sw, uint32_t id,
				  void (*cb)(const struct meter *m, void *aux), void *aux)
{
	meter_list all;
	struct meter *m = id == METER_ID_ALL ? NULL : find(sw, id);

	if (id != METER_ID_ALL) {
		if (m)
			cb(m, aux);
		return m ? OFPERR_NONE : OFPERR_OFPMMFC_UNKNOWN_METER;
	}
	all = list_meters(sw);
	if (all.n > 1)
		qsort(all.v, all.n, sizeof(*all.v), by_id);
	for (size_t i = 0; i < all.n; i++)
		cb(all.v[i], aux);
	VEC_FREE(&all);
	return OFPERR_NONE;
}

uint32_t meter_id(const struct meter *m)
{
	return m->id;
}

const struct meter_config *meter_config(const struct meter *m)
{
	return &m->config;
}

void switch_meter_stats(const struct of_switch *sw, const struct meter *m, struct meter_stats *ret)
{
	static struct log_limit limit = LOG_LIMIT_INIT(10, 10);
	int64_t lived = clock_msec() - m->created;
	struct error err = ERROR_INIT;

	memset(ret, 0, sizeof(*ret));
	ret->n_flows = list_size(&m->rules);
	ret->duration_sec = lived / 1000;
	ret->duration_nsec = lived % 1000 * 1000000;
	ret->n_bands = m->config.n_bands;
	if (!sw->meter_ops->get(sw->meter_aux, m->datapath_id, ret, &err))
		return;
	log_warn_limited(&limit, "%s: meter %u has no statistics: %s", sw->name, m->id, err.text);
	ret->in = (struct meter_count){ UINT64_MAX, UINT64_MAX };
	memset(ret->bands, 0xff, sizeof(ret->bands));
}
