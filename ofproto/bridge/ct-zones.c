// SPDX-License-Identifier: Apache-2.0
// Zones of connection tracking as the Datapath row has them: limits and timeout policies, brought to the datapath.
//
// Zones with the same timeouts share a policy, and policies never change: other timeouts are another policy. Its number comes from
// the timeouts, so that a switch that starts again gives flows the names that those of an earlier process have. What cannot be
// deleted yet is tried again each second.
#include "core/base/log.h"
#include "datapath/conntrack.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(ct_zones);

struct zone {
	uint16_t number;
	bool has_limit, has_policy;
	uint32_t limit, policy;
};

struct policy {
	uint32_t id;
	struct ct_timeouts timeouts;
};

// By number, as the keys of a database's map come.
typedef VEC(struct zone) zone_vec;

// What the datapath has been told.
struct ct_zones {
	zone_vec zones;
	VEC(struct policy) policies;
	VEC(uint32_t) doomed; // policies that are to go
	bool has_default;
	uint32_t default_limit;
};

static int compare_number(const void *number, const void *zone)
{
	return *(const uint16_t *)number - ((const struct zone *)zone)->number;
}

static struct zone *find_zone(const zone_vec *zones, uint16_t number)
{
	return zones->n ? bsearch(&number, zones->v, zones->n, sizeof(*zones->v), compare_number)
			: NULL;
}

static void complain(const struct plane *pl, const struct error *err, const char *what)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);

	log_warn_limited(&limit, "%s: connection tracking: %s: %s", pl->type, what, err->text);
}

// ---- Policies ----

static void doom(uint32_t id, void *aux)
{
	struct ct_zones *c = aux;

	VEC_PUSH(&c->doomed, id);
}

static bool is_used(const struct ct_zones *c, uint32_t id)
{
	const struct policy *p;

	VEC_FOR_EACH (p, &c->policies)
		if (p->id == id)
			return true;
	return false;
}

static void spare(struct ct_zones *c, uint32_t id)
{
	for (size_t i = 0; i < c->doomed.n;)
		if (c->doomed.v[i] == id)
			c->doomed.v[i] = c->doomed.v[--c->doomed.n];
		else
			i++;
}

// The same in every process: 1 to 65535.
static uint32_t number_of(const struct ct_timeouts *t)
{
	uint32_t h = 2166136261u;

	for (enum ct_timeout k = 0; k < CT_TIMEOUT_MAX; k++)
		if (t->set >> k & 1)
			h = ((h ^ k) * 16777619u ^ t->seconds[k]) * 16777619u;
	return 1 + (h ^ h >> 16) % UINT16_MAX;
}

static bool timeouts_equal(const struct ct_timeouts *a, const struct ct_timeouts *b)
{
	if (a->set != b->set)
		return false;
	for (enum ct_timeout t = 0; t < CT_TIMEOUT_MAX; t++)
		if (a->set >> t & 1 && a->seconds[t] != b->seconds[t])
			return false;
	return true;
}

// The policy with these timeouts, made when there is none. False: the datapath will not have it.
static bool need_policy(struct plane *pl, const struct ct_timeouts *t, uint32_t *ret_id)
{
	struct ct_zones *c = pl->ct_zones;
	struct error err = ERROR_INIT;
	struct policy p = { .id = number_of(t), .timeouts = *t };
	const struct policy *known;

	VEC_FOR_EACH (known, &c->policies)
		if (timeouts_equal(&known->timeouts, t)) {
			*ret_id = known->id;
			return true;
		}
	while (is_used(c, p.id))
		p.id++;
	spare(c, p.id);
	if (datapath_ct_set_timeouts(pl->dp, p.id, t, &err)) {
		complain(pl, &err, "timeout policy");
		// What there is of it goes.
		doom(p.id, c);
		return false;
	}
	VEC_PUSH(&c->policies, p);
	*ret_id = p.id;
	return true;
}

static void drop_unused(struct ct_zones *c)
{
	for (size_t i = 0; i < c->policies.n;) {
		const struct zone *z;
		bool used = false;

		VEC_FOR_EACH (z, &c->zones)
			used |= z->has_policy && z->policy == c->policies.v[i].id;
		if (used) {
			i++;
			continue;
		}
		doom(c->policies.v[i].id, c);
		c->policies.v[i] = c->policies.v[--c->policies.n];
	}
}

void ct_zones_run(struct plane *pl)
{
	struct ct_zones *c = pl->ct_zones;

	for (size_t i = 0; c && pl->dp && i < c->doomed.n;) {
		if (datapath_ct_del_timeouts(pl->dp, c->doomed.v[i], NULL) == -EBUSY)
			i++;
		else
			c->doomed.v[i] = c->doomed.v[--c->doomed.n];
	}
}

// ---- What the row wants ----

static void read_timeouts(const struct ovsrec_ct_timeout_policy *row, struct ct_timeouts *ret)
{
	enum ct_timeout t;

	*ret = (struct ct_timeouts){ .set = 0 };
	for (size_t i = 0; i < row->n_timeouts; i++)
		if (ct_timeout_by_name(row->key_timeouts[i], &t)) {
			ret->set |= 1u << t;
			ret->seconds[t] = row->value_timeouts[i];
		}
}

static void read_zones(struct plane *pl, const struct ovsrec_datapath *row, zone_vec *ret)
{
	for (size_t i = 0; row && i < row->n_ct_zones; i++) {
		const struct ovsrec_ct_zone *from = row->value_ct_zones[i];
		struct zone z = { .number = row->key_ct_zones[i] };

		if (from->n_limit) {
			z.has_limit = true;
			z.limit = from->limit[0];
		}
		if (from->timeout_policy) {
			struct ct_timeouts t;

			read_timeouts(from->timeout_policy, &t);
			z.has_policy = need_policy(pl, &t, &z.policy);
		}
		VEC_PUSH(ret, z);
	}
}

// ---- The difference ----

// The zone has what it had; tried again with the next change of the database.
static void keep_policy(struct zone *z, const struct zone *old)
{
	z->has_policy = old && old->has_policy;
	z->policy = z->has_policy ? old->policy : 0;
}

// True when flows of a zone must be translated again.
static bool apply_policies(struct plane *pl, const zone_vec *before, zone_vec *now)
{
	struct error err = ERROR_INIT;
	bool changed = false;
	struct zone *z;

	VEC_FOR_EACH (z, before) {
		struct zone *wanted = find_zone(now, z->number);

		if (!z->has_policy || (wanted && wanted->has_policy))
			continue;
		changed = true;
		if (!datapath_ct_zone_timeouts(pl->dp, z->number, NULL, &err))
			continue;
		complain(pl, &err, "timeouts of a zone");
		if (wanted)
			keep_policy(wanted, z);
	}
	VEC_FOR_EACH (z, now) {
		const struct zone *old = find_zone(before, z->number);

		if (!z->has_policy || (old && old->has_policy && old->policy == z->policy))
			continue;
		changed = true;
		if (!datapath_ct_zone_timeouts(pl->dp, z->number, &z->policy, &err))
			continue;
		complain(pl, &err, "timeouts of a zone");
		keep_policy(z, old);
	}
	return changed;
}

static void delete_limits(struct plane *pl, const zone_vec *before, const zone_vec *now)
{
	VEC(uint16_t) gone = VEC_INIT;
	struct error err = ERROR_INIT;
	const struct zone *z;

	VEC_FOR_EACH (z, before) {
		const struct zone *wanted = find_zone(now, z->number);

		if (z->has_limit && !(wanted && wanted->has_limit))
			VEC_PUSH(&gone, z->number);
	}
	if (gone.n && datapath_ct_del_limits(pl->dp, gone.v, gone.n, &err))
		complain(pl, &err, "deleting limits of zones");
	VEC_FREE(&gone);
}

// The default that was ours goes back to none.
static bool default_changes(const struct ct_zones *c, const struct ovsrec_datapath *row,
			    uint32_t *ret)
{
	bool wanted = row && row->n_ct_zone_default_limit;

	*ret = wanted ? row->ct_zone_default_limit[0] : 0;
	return wanted ? !c->has_default || c->default_limit != *ret : c->has_default;
}

// Tried again with the next change of the database.
static void forget_limits(zone_vec *now, const struct ct_limits *refused)
{
	const struct ct_zone_limit *l;

	VEC_FOR_EACH (l, &refused->zones)
		find_zone(now, l->zone)->has_limit = false;
}

static void set_limits(struct plane *pl, const struct ovsrec_datapath *row, const zone_vec *before,
		       zone_vec *now)
{
	struct ct_zones *c = pl->ct_zones;
	struct ct_limits set = { .has_default = false };
	struct error err = ERROR_INIT;
	const struct zone *z;

	set.has_default = default_changes(c, row, &set.default_limit);
	VEC_FOR_EACH (z, now) {
		const struct zone *old = find_zone(before, z->number);

		if (z->has_limit && !(old && old->has_limit && old->limit == z->limit))
			VEC_PUSH(&set.zones, ((struct ct_zone_limit){ z->number, z->limit, 0 }));
	}
	if ((set.has_default || set.zones.n) && datapath_ct_set_limits(pl->dp, &set, &err)) {
		complain(pl, &err, "limits of zones");
		forget_limits(now, &set);
	} else if (set.has_default) {
		c->has_default = row && row->n_ct_zone_default_limit;
		c->default_limit = set.default_limit;
	}
	ct_limits_uninit(&set);
}

static const struct ovsrec_datapath *find_row(const struct ovsrec_open_vswitch *cfg,
					      const char *type)
{
	for (size_t i = 0; i < cfg->n_datapaths; i++)
		if (!strcmp(cfg->key_datapaths[i], type))
			return cfg->value_datapaths[i];
	return NULL;
}

void ct_zones_configure(struct plane *pl, const struct ovsrec_open_vswitch *cfg)
{
	const struct ovsrec_datapath *row = find_row(cfg, pl->type);
	zone_vec before, now = VEC_INIT;
	bool changed;

	if (!pl->dp)
		return;
	if (!pl->ct_zones) {
		pl->ct_zones = xzalloc(sizeof(*pl->ct_zones));
		// What a process before this one has left. A datapath without policies has none.
		(void)datapath_ct_dump_timeouts(pl->dp, doom, pl->ct_zones, NULL);
	}
	read_zones(pl, row, &now);
	before = pl->ct_zones->zones;
	changed = apply_policies(pl, &before, &now);
	delete_limits(pl, &before, &now);
	set_limits(pl, row, &before, &now);
	pl->ct_zones->zones = now;
	VEC_FREE(&before);
	drop_unused(pl->ct_zones);
	if (changed)
		upcall_flush(pl->upcall, NULL);
	ct_zones_run(pl);
}

void ct_zones_leave(struct plane *pl)
{
	struct ct_zones *c = pl->ct_zones;

	if (!c)
		return;
	VEC_FREE(&c->zones);
	VEC_FREE(&c->policies);
	VEC_FREE(&c->doomed);
	free(c);
	pl->ct_zones = NULL;
}

void ct_zones_destroy(struct plane *pl)
{
	if (!pl->ct_zones)
		return;
	VEC_CLEAR(&pl->ct_zones->zones);
	drop_unused(pl->ct_zones);
	ct_zones_run(pl);
	ct_zones_leave(pl);
}
