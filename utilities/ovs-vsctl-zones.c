// SPDX-License-Identifier: Apache-2.0
// ovs-vsctl: zones of connection tracking, their timeouts and limits, and what datapaths can do.
//
// A zone's row is there as long as it says something: what takes away its timeouts keeps a limit, and the other way round.
#include "utilities/ovs-vsctl.h"

static void need_zones(struct command *c)
{
	static const char *const ovs[] = { "datapaths", NULL };
	static const char *const datapath[] = { "ct_zones", "capabilities", NULL };
	static const char *const zone[] = { "timeout_policy", "limit", NULL };
	static const char *const policy[] = { "timeouts", NULL };

	need_columns(c, "Open_vSwitch", ovs);
	need_columns(c, "Datapath", datapath);
	need_columns(c, "CT_Zone", zone);
	need_columns(c, "CT_Timeout_Policy", policy);
}

static void need_limits(struct command *c)
{
	static const char *const datapath[] = { "ct_zone_default_limit", NULL };

	need_zones(c);
	need_columns(c, "Datapath", datapath);
}

static const struct ovsrec_datapath *find_datapath(struct command *c, bool must)
{
	const struct ovsrec_open_vswitch *ovs = run_ovs(c->run);

	for (size_t i = 0; i < ovs->n_datapaths; i++)
		if (!strcmp(ovs->key_datapaths[i], c->argv[1]))
			return ovs->value_datapaths[i];
	if (must)
		fatal(0, "datapath %s does not exist", c->argv[1]);
	return NULL;
}

static int64_t zone_argument(struct command *c)
{
	int64_t zone;

	if (!str_starts(c->argv[2], "zone=") || !parse_i64(c->argv[2] + 5, 10, &zone) || zone < 0 ||
	    zone > 65535)
		fatal(0, "zone_id (%s) should be in the form zone=N with N from 0 to 65535",
		      c->argv[2]);
	return zone;
}

static const struct ovsrec_ct_zone *find_zone(const struct ovsrec_datapath *dp, int64_t id)
{
	for (size_t i = 0; i < dp->n_ct_zones; i++)
		if (dp->key_ct_zones[i] == id)
			return dp->value_ct_zones[i];
	return NULL;
}

// "tcp_established=30 udp_single=5"...
static struct ovsrec_ct_timeout_policy *new_policy(struct command *c)
{
	struct ovsrec_ct_timeout_policy *tp = ovsrec_ct_timeout_policy_insert(c->run->txn);

	for (int i = 3; i < c->argc; i++) {
		AUTO_FREE char *arg = xasprintf("timeouts:%s", c->argv[i]);

		if (!strchr(c->argv[i], '='))
			fatal(0, "%s: timeout policy must be in the form KEY=VALUE", c->argv[i]);
		db_set_column(c, &tp->row, arg);
	}
	return tp;
}

// The zone's row, made when there is none.
static const struct ovsrec_ct_zone *need_zone(struct command *c, const struct ovsrec_datapath *dp,
					      int64_t id)
{
	const struct ovsrec_ct_zone *zone = find_zone(dp, id);
	union ovsdb_atom key = { .integer = id }, value;

	if (zone)
		return zone;
	zone = ovsrec_ct_zone_insert(c->run->txn);
	value.uuid = zone->row.uuid;
	idl_add_key(&dp->row, idl_row_column(&dp->row, OVSREC_DATAPATH_COL_CT_ZONES), &key, &value);
	return zone;
}

static void remove_zone(const struct ovsrec_datapath *dp, int64_t id)
{
	union ovsdb_atom key = { .integer = id };

	idl_remove_key(&dp->row, idl_row_column(&dp->row, OVSREC_DATAPATH_COL_CT_ZONES), &key);
}

// ---- Timeouts ----

static void cmd_add_zone_tp(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, true);
	int64_t id = zone_argument(c);
	const struct ovsrec_ct_zone *zone = find_zone(dp, id);

	if (zone && zone->timeout_policy) {
		if (option(c, "--may-exist"))
			return;
		fatal(0, "zone id %lld already exists", (long long)id);
	}
	ovsrec_ct_zone_set_timeout_policy(need_zone(c, dp, id), new_policy(c));
}

static void cmd_del_zone_tp(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, true);
	int64_t id = zone_argument(c);
	const struct ovsrec_ct_zone *zone = find_zone(dp, id);

	if (!zone) {
		if (!option(c, "--if-exists"))
			fatal(0, "zone id %lld does not exist", (long long)id);
	} else if (!zone->n_limit) {
		remove_zone(dp, id);
	} else if (zone->timeout_policy) {
		ovsrec_ct_zone_set_timeout_policy(zone, NULL);
	} else if (!option(c, "--if-exists")) {
		fatal(0, "zone id %lld has no timeout policy", (long long)id);
	}
}

static void cmd_list_zone_tp(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, false);

	if (!dp)
		fatal(0, "datapath: %s record not found", c->argv[1]);
	for (size_t i = 0; i < dp->n_ct_zones; i++) {
		const struct ovsrec_ct_timeout_policy *tp = dp->value_ct_zones[i]->timeout_policy;

		strbuf_printf(&c->output,
			      "Zone:%lld, Timeout Policies: ", (long long)dp->key_ct_zones[i]);
		for (size_t j = 0; tp && j < tp->n_timeouts; j++)
			strbuf_printf(&c->output, "%s%s=%lld", j ? " " : "", tp->key_timeouts[j],
				      (long long)tp->value_timeouts[j]);
		strbuf_puts(&c->output, tp && tp->n_timeouts ? "\n" : "system default\n");
	}
}

// ---- Limits ----

// A server of an older schema has no place for limits.
static const struct ovsrec_datapath *limited_datapath(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, true);

	if (!idl_server_has_column(c->run->idl, "CT_Zone", "limit") ||
	    !idl_server_has_column(c->run->idl, "Datapath", "ct_zone_default_limit"))
		fatal(0, "the database has no column for limits of zones: its schema is older");
	return dp;
}

// "default", or zone=N in *ret.
static bool is_default(struct command *c, int64_t *ret)
{
	if (!strcmp(c->argv[2], "default"))
		return true;
	*ret = zone_argument(c);
	return false;
}

static void cmd_set_zone_limit(struct command *c)
{
	const struct ovsrec_datapath *dp = limited_datapath(c);
	int64_t id, limit;
	bool all = is_default(c, &id);

	if (!parse_i64(c->argv[3], 10, &limit) || limit < 0 || limit > UINT32_MAX)
		fatal(0, "limit (%s) should be a number from 0 to 4294967295", c->argv[3]);
	if (all)
		ovsrec_datapath_set_ct_zone_default_limit(dp, &limit, 1);
	else
		ovsrec_ct_zone_set_limit(need_zone(c, dp, id), &limit, 1);
}

static void cmd_del_zone_limit(struct command *c)
{
	const struct ovsrec_datapath *dp = limited_datapath(c);
	const struct ovsrec_ct_zone *zone;
	int64_t id;

	if (is_default(c, &id)) {
		if (!dp->n_ct_zone_default_limit && !option(c, "--if-exists"))
			fatal(0, "datapath %s has no default limit", c->argv[1]);
		ovsrec_datapath_set_ct_zone_default_limit(dp, NULL, 0);
		return;
	}
	zone = find_zone(dp, id);
	if (!zone || !zone->n_limit) {
		if (!option(c, "--if-exists"))
			fatal(0, "zone id %lld has no limit", (long long)id);
	} else if (zone->timeout_policy) {
		ovsrec_ct_zone_set_limit(zone, NULL, 0);
	} else {
		remove_zone(dp, id);
	}
}

static void cmd_list_zone_limits(struct command *c)
{
	const struct ovsrec_datapath *dp = limited_datapath(c);

	if (dp->n_ct_zone_default_limit)
		strbuf_printf(&c->output, "Zone:default, Limit: %lld\n",
			      (long long)dp->ct_zone_default_limit[0]);
	for (size_t i = 0; i < dp->n_ct_zones; i++)
		if (dp->value_ct_zones[i]->n_limit)
			strbuf_printf(&c->output, "Zone:%lld, Limit: %lld\n",
				      (long long)dp->key_ct_zones[i],
				      (long long)dp->value_ct_zones[i]->limit[0]);
}

// ---- Capabilities ----

static void cmd_list_dp_cap(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, false);
	AUTO_FREE struct smap_node **sorted = NULL;

	if (!dp)
		fatal(0, "datapath \"%s\" record not found", c->argv[1]);
	sorted = smap_sorted(&dp->capabilities);
	for (size_t i = 0; i < smap_count(&dp->capabilities); i++)
		strbuf_printf(&c->output, "%s=%s ", sorted[i]->key, sorted[i]->value);
	strbuf_chomp(&c->output, ' ');
	strbuf_putc(&c->output, '\n');
}

const struct command_class zone_commands[] = {
	{ "add-zone-tp", 3, 18, "!DATAPATH !zone=ZONE *KEY=VALUE", "--may-exist",
	  "give a zone timeouts", true, need_zones, cmd_add_zone_tp,
	  .group = "Connection tracking and datapaths" },
	{ "del-zone-tp", 2, 2, "!DATAPATH !zone=ZONE", "--if-exists",
	  "back to the default timeouts", true, need_zones, cmd_del_zone_tp },
	{ "list-zone-tp", 1, 1, "!DATAPATH", "", "print all zones' timeouts", false, need_zones,
	  cmd_list_zone_tp },
	{ "set-zone-limit", 3, 3, "!DATAPATH !zone=ZONE|default !LIMIT", "",
	  "limit a zone's connections", true, need_limits, cmd_set_zone_limit },
	{ "del-zone-limit", 2, 2, "!DATAPATH !zone=ZONE|default", "--if-exists",
	  "take a zone's limit away", true, need_limits, cmd_del_zone_limit },
	{ "list-zone-limits", 1, 1, "!DATAPATH", "", "print all limits", false, need_limits,
	  cmd_list_zone_limits },
	{ "list-dp-cap", 1, 1, "!DATAPATH", "", "print what DATAPATH can do", false, need_zones,
	  cmd_list_dp_cap },
	{ NULL },
};
