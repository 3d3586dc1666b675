// SPDX-License-Identifier: Apache-2.0
// The meters of a switch. Each is one of the datapath's, whose number the rules that use it carry.
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(meter);

struct meter {
	struct hmap_node node; // in the switch's 'meters'
	uint32_t id, datapath_id;
	struct meter_config config;
	int64_t created; // clock_msec()
	struct list rules; // that use it
};

void switch_set_meter_ops(struct of_switch *sw, const struct switch_meter_ops *ops, void *aux)
{
	sw->meter_ops = ops;
	sw->meter_aux = aux;
}

static struct meter *find(const struct of_switch *sw, uint32_t id)
{
	struct meter *m;

	HMAP_FOR_EACH_WITH_HASH (m, node, hash_u64(id, 0), &sw->meters)
		if (m->id == id)
			return m;
	return NULL;
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

void switch_bind_meter(const struct of_switch *sw, struct act *list, size_t size)
{
	struct meter *m = find(sw, meter_of((struct acts){ list, size }));

	if (m)
		list->meter.datapath_id = m->datapath_id;
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
	if (mm->id == METER_ID_SLOWPATH || mm->id == METER_ID_CONTROLLER)
		return refuse(sw, mm->id, OFPERR_OFPMMFC_INVALID_METER,
			      "the slow path and controllers cannot be metered yet");
	if (!mm->id || mm->id > METER_ID_MAX)
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
	if (!m) {
		m = xzalloc(sizeof(*m));
		m->id = mm->id;
		m->datapath_id = datapath_id;
		m->created = clock_msec();
		list_init(&m->rules);
		hmap_insert(&sw->meters, &m->node, hash_u64(m->id, 0));
	}
	m->config = mm->config;
	return OFPERR_NONE;
}

static void delete (struct of_switch *sw, struct meter *m)
{
	switch_remove_metered(sw, &m->rules);
	sw->meter_ops->del(sw->meter_aux, m->datapath_id);
	hmap_remove(&sw->meters, &m->node);
	free(m);
}

void switch_delete_meters(struct of_switch *sw)
{
	struct meter *m;

	HMAP_FOR_EACH_SAFE (m, node, &sw->meters)
		delete (sw, m);
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
	VEC(struct meter *) all = VEC_INIT;
	struct meter *m = id == METER_ID_ALL ? NULL : find(sw, id);

	if (id != METER_ID_ALL) {
		if (m)
			cb(m, aux);
		return m ? OFPERR_NONE : OFPERR_OFPMMFC_UNKNOWN_METER;
	}
	HMAP_FOR_EACH (m, node, &sw->meters)
		VEC_PUSH(&all, m);
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
