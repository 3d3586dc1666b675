// SPDX-License-Identifier: Apache-2.0
// Rules that the datapath beneath could never carry out are refused when they come.
#include "core/base/log.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(features);

static const char *const names[SWITCH_FEATURE_MAX] = {
#define SWITCH_FEATURE(ID, NAME) [SWITCH_FEATURE_##ID] = NAME,
#include "ofproto/pipeline/features.def"
#undef SWITCH_FEATURE
};

const char *switch_feature_name(enum switch_feature f)
{
	return names[f];
}

void switch_set_features(struct of_switch *sw, uint32_t features)
{
	if (sw->features == features)
		return;
	atomic_store(&sw->features, features);
	switch_notify_changed(sw);
}

bool switch_has(const struct of_switch *sw, enum switch_feature f)
{
	return atomic_load(&sw->features) >> f & 1;
}

// The first feature that is missing, of those asked for.
struct needs {
	const struct of_switch *sw;
	bool ipv6; // the rule is about IPv6
	const char *what; // what asked, NULL: nothing is missing
	enum switch_feature feature;
};

static void need(struct needs *n, enum switch_feature f, const char *what)
{
	if (n->what || switch_has(n->sw, f))
		return;
	n->what = what;
	n->feature = f;
}

static enum switch_feature orig_tuple(const struct needs *n)
{
	return n->ipv6 ? SWITCH_FEATURE_CT_ORIG_TUPLE6 : SWITCH_FEATURE_CT_ORIG_TUPLE;
}

// ---- Matches ----

static const struct {
	enum field_id field;
	enum switch_feature feature;
} fields[] = {
	{ FIELD_CT_STATE, SWITCH_FEATURE_CT_STATE },
	{ FIELD_CT_ZONE, SWITCH_FEATURE_CT_ZONE },
	{ FIELD_CT_MARK, SWITCH_FEATURE_CT_MARK },
	{ FIELD_CT_LABEL, SWITCH_FEATURE_CT_LABEL },
	{ FIELD_CT_NW_SRC, SWITCH_FEATURE_CT_ORIG_TUPLE },
	{ FIELD_CT_NW_DST, SWITCH_FEATURE_CT_ORIG_TUPLE },
	{ FIELD_CT_IPV6_SRC, SWITCH_FEATURE_CT_ORIG_TUPLE6 },
	{ FIELD_CT_IPV6_DST, SWITCH_FEATURE_CT_ORIG_TUPLE6 },
};

static void match_needs(struct needs *n, const struct match *m)
{
	static const enum field_id of_either[] = { FIELD_CT_NW_PROTO, FIELD_CT_TP_SRC,
						   FIELD_CT_TP_DST };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (field_is_in(field_get(fields[i].field), &m->mask.m))
			need(n, fields[i].feature, field_get(fields[i].field)->name);
	for (size_t i = 0; i < ARRAY_SIZE(of_either); i++)
		if (field_is_in(field_get(of_either[i]), &m->mask.m))
			need(n, orig_tuple(n), field_get(of_either[i])->name);
	if (m->mask.m.ct_state & (CS_SNAT | CS_DNAT))
		need(n, SWITCH_FEATURE_CT_STATE_NAT, "ct_state");
}

// ---- Actions ----

static void ct_needs(struct needs *n, const struct act *ct)
{
	const struct act *a;

	need(n, SWITCH_FEATURE_CT_STATE, "ct");
	if (ct->ct.table != 255)
		need(n, SWITCH_FEATURE_RECIRC, "ct with a table");
	if (ct->ct.zone || ct->ct.zone_src.field)
		need(n, SWITCH_FEATURE_CT_ZONE, "ct with a zone");
	OFPACT_FOR_EACH (a, act_nested_list(ct)) {
		const struct field *f =
			a->type == ACT_MOVE ? a->move.dst.field : a->set_field.field;

		if (a->type == ACT_NAT)
			need(n, SWITCH_FEATURE_CT_STATE_NAT, "nat");
		else
			need(n,
			     f->id == FIELD_CT_MARK ? SWITCH_FEATURE_CT_MARK
						    : SWITCH_FEATURE_CT_LABEL,
			     f->name);
	}
}

static void acts_need(struct needs *n, struct acts list)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, list) {
		if (a->type == ACT_CT)
			ct_needs(n, a);
		else if (a->type == ACT_RESUBMIT && a->resubmit.ct)
			need(n, orig_tuple(n), "resubmit with ct");
		else if (a->type == ACT_CHECK_PKT_LARGER)
			need(n, SWITCH_FEATURE_CHECK_PKT_LEN, act_name(a->type));
		else if (act_has_list(a))
			acts_need(n, act_nested_list(a));
	}
}

static void report(const struct needs *n)
{
	static struct log_limit limit = LOG_LIMIT_INIT(10, 10);

	log_warn_limited(&limit, "%s: refused: %s needs %s, which the datapath does not have",
			 n->sw->name, n->what, names[n->feature]);
}

enum ofperr switch_check_match(const struct of_switch *sw, const struct match *m)
{
	struct needs n = { .sw = sw, .ipv6 = m->key.eth_type == htobe16(0x86dd) };

	match_needs(&n, m);
	if (!n.what)
		return OFPERR_NONE;
	report(&n);
	return OFPERR_NXBMC_CT_DATAPATH_SUPPORT;
}

static enum ofperr check_needs(struct needs *n, struct acts list)
{
	acts_need(n, list);
	if (!n->what)
		return OFPERR_NONE;
	report(n);
	return n->feature == SWITCH_FEATURE_CHECK_PKT_LEN ? OFPERR_OFPBAC_BAD_TYPE
							  : OFPERR_NXBAC_CT_DATAPATH_SUPPORT;
}

enum ofperr switch_check_acts(const struct of_switch *sw, struct acts a, const struct match *m,
			      uint8_t table, bool consistent)
{
	struct needs n = { .sw = sw, .ipv6 = m && m->key.eth_type == htobe16(0x86dd) };
	bool inconsistent;
	enum ofperr e = acts_check(a, m, table, SWITCH_N_TABLES, OF_PORT(OFPP_MAX), &inconsistent);

	if (e)
		return e;
	if (consistent && inconsistent)
		return OFPERR_OFPBAC_MATCH_INCONSISTENT;
	if (!switch_knows_meter(sw, a))
		return OFPERR_OFPMMFC_INVALID_METER;
	if (!switch_knows_groups(sw, a))
		return OFPERR_OFPBAC_BAD_OUT_GROUP;
	return check_needs(&n, a);
}

enum ofperr switch_check_bucket(const struct of_switch *sw, struct acts list)
{
	struct needs n = { .sw = sw };
	enum ofperr e = acts_check(list, NULL, 255, SWITCH_N_TABLES, OF_PORT(OFPP_MAX), NULL);

	return e ? e : check_needs(&n, list);
}
