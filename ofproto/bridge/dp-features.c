// SPDX-License-Identifier: Apache-2.0
// What the datapath of a plane can: as it said when it was opened, and as tests have it (dpif/set-dp-features). The switches on
// it refuse rules that need more.
#include "core/base/log.h"
#include "ofproto/bridge/commands-private.h"

LOG_MODULE(dp_features);

enum kind { BOOLEAN, NUMBER };

static const struct {
	const char *name, *text;
	enum kind kind;
} rows[] = {
#define FEATURE(NAME, TEXT, KIND) { NAME, TEXT, KIND },
#include "datapath/features.def"
#undef FEATURE
};

// The datapath action without which a feature of the pipeline is none.
static const struct {
	enum switch_feature feature;
	enum dp_action_type action;
} carried_by[] = {
	{ SWITCH_FEATURE_RECIRC, DP_ACTION_RECIRC },
	{ SWITCH_FEATURE_CT_STATE, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_STATE_NAT, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_ZONE, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_MARK, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_LABEL, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE6, DP_ACTION_CT },
	{ SWITCH_FEATURE_CT_CLEAR, DP_ACTION_CT_CLEAR },
	{ SWITCH_FEATURE_METERS, DP_ACTION_METER },
	{ SWITCH_FEATURE_CHECK_PKT_LEN, DP_ACTION_CHECK_PKT_LEN },
};

static bool carries_out(struct datapath *dp, enum dp_action_type type)
{
	AUTO(strbuf) list = STRBUF_INIT;

	if (type == DP_ACTION_CHECK_PKT_LEN)
		dp_put_nested_end(&list, dp_put_nested_begin(&list, type));
	else if (type == DP_ACTION_RECIRC)
		dp_put(&list, type)->recirc.id = 1;
	else
		dp_put(&list, type);
	return !datapath_actions_check(dp, dp_actions_of(&list), NULL);
}

void plane_learn_features(struct plane *pl)
{
	struct smap told;

	smap_init(&told);
	datapath_features(pl->dp, &told);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		smap_set(&pl->features, rows[i].name,
			 smap_get_def(&told, rows[i].name, rows[i].kind == NUMBER ? "0" : "false"));
	smap_uninit(&pl->run_features);
	smap_clone(&pl->run_features, &pl->features);
	// A datapath that tells nothing of what it carries out can it; one that tells may still have no action for it. What users
	// have no name for (meters) is for the switches alone.
	for (size_t i = 0; i < ARRAY_SIZE(carried_by); i++) {
		const char *name = switch_feature_name(carried_by[i].feature);
		const char *value = carries_out(pl->dp, carried_by[i].action)
					    ? smap_get_def(&told, name, "true")
					    : "false";

		smap_set(&pl->run_features, name, value);
		if (smap_get(&pl->features, name))
			smap_set(&pl->features, name, value);
	}
	smap_uninit(&told);
}

uint32_t plane_switch_features(const struct plane *pl)
{
	uint32_t features = 0;

	for (enum switch_feature f = 0; f < SWITCH_FEATURE_MAX; f++)
		if (smap_get_bool(&pl->run_features, switch_feature_name(f), false))
			features |= 1u << f;
	return features;
}

static void tell_switches(struct plane *pl)
{
	struct strmap_node *n;

	STRMAP_FOR_EACH (n, &pl->vs->bridges) {
		struct bridge *br = n->data;

		if (br->plane == pl)
			switch_set_features(br->sw, plane_switch_features(pl));
	}
}

// ---- dpif/set-dp-features ----

static void put_feature(const struct plane *pl, size_t row, struct strbuf *out)
{
	strbuf_printf(out, "%s (%s) : [run time]:%s, [boot time]:%s\n", rows[row].name,
		      rows[row].text, smap_get(&pl->run_features, rows[row].name),
		      smap_get(&pl->features, rows[row].name));
}

// NULL and the value as the database has it, which is the caller's, or what is wrong with it. Tests with dummies may pretend
// that a datapath can more than it does.
static const char *read_value(const struct plane *pl, size_t row, const char *text, char **ret)
{
	const char *most = smap_get(&pl->features, rows[row].name);
	bool pretend = pl->vs->dummy;
	uint64_t n;

	if (rows[row].kind == BOOLEAN) {
		bool on = !strcasecmp(text, "true");

		if (!on && strcasecmp(text, "false"))
			return "Boolean value expected";
		if (on && strcmp(most, "true") && !pretend)
			return "Can not set value beyond the datapath capability";
		*ret = xstrdup(on ? "true" : "false");
		return NULL;
	}
	if (*text == '-' && parse_u64(text + 1, 0, &n))
		return "Negative number not expected";
	if (!parse_u64(text, 0, &n))
		return "Integer number expected";
	if (n > strtoull(most, NULL, 0) && !pretend)
		return "Can not set value beyond the datapath capability";
	*ret = xasprintf("%llu", (unsigned long long)n);
	return NULL;
}

static bool has_effect(const char *name)
{
	for (enum switch_feature f = 0; f < SWITCH_FEATURE_MAX; f++)
		if (!strcmp(switch_feature_name(f), name))
			return true;
	return false;
}

static void set_feature(struct appctl_conn *conn, const struct bridge *br, size_t row,
			const char *text)
{
	const char *name = rows[row].name, *before = smap_get(&br->plane->run_features, name),
		   *refusal;
	struct plane *pl = br->plane;
	AUTO_FREE char *value = NULL;

	refusal = read_value(pl, row, text, &value);
	if (refusal) {
		appctl_reply(conn, refusal);
		return;
	}
	if (!has_effect(name) && strcmp(value, before)) {
		appctl_reply_errorf(conn, "nothing here depends on %s: it stays %s", name, before);
		return;
	}
	smap_set(&pl->run_features, name, value);
	log_info("%s: %s is %s from now on", br->name, name, value);
	tell_switches(pl);
	appctl_reply(conn, "");
}

static void set_features(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct bridge *br = bridge_find(vs, argv[1]);
	AUTO(strbuf) out = STRBUF_INIT;

	if (!br) {
		appctl_reply_error(conn, "no such bridge");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (argc > 2 && strcmp(argv[2], rows[i].name))
			continue;
		if (argc < 4) {
			put_feature(br->plane, i, &out);
			continue;
		}
		set_feature(conn, br, i, argv[3]);
		return;
	}
	appctl_reply(conn, out.len || argc == 2 ? strbuf_cstr(&out) : "Unexpected support field");
}

static void show_features(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct bridge *br = bridge_find(vs, argv[1]);
	AUTO(strbuf) out = STRBUF_INIT;

	if (!br)
		appctl_reply_error(conn, "no such bridge");
	else if (!br->plane->dp || !datapath_features_format(br->plane->dp, &out))
		appctl_reply_error(conn, "this kind of datapath does not tell what it can");
	else
		appctl_reply(conn, strbuf_cstr(&out));
}

const struct appctl_command feature_commands[] = {
	{ "dpif/show-dp-features", "bridge", 1, 1, show_features },
	{ "dpif/set-dp-features", "bridge", 1, 3, set_features },
};
const size_t n_feature_commands = ARRAY_SIZE(feature_commands);
