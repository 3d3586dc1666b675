// SPDX-License-Identifier: Apache-2.0
// ovs-vsctl: controllers, TLS keys, auto-attach, conntrack zones, init and emer-reset.
#include "utilities/ovs-vsctl.h"

static void cmd_init(struct command *c) {}

// ---- Controllers ----

static void need_controller(struct command *c)
{
	static const char *const columns[] = { "target", "inactivity_probe", NULL };

	model_need(c);
	need_columns(c, "Controller", columns);
}

static struct vs_bridge *controller_bridge(struct command *c)
{
	struct vs_bridge *b = find_bridge(c->run, c->argv[1], true);

	return b->fake ? b->parent : b;
}

static void cmd_get_controller(struct command *c)
{
	struct vs_bridge *b = controller_bridge(c);
	name_vec names = VEC_INIT;

	for (size_t i = 0; i < b->row->n_controller; i++)
		VEC_PUSH(&names, b->row->controller[i]->target);
	command_print_sorted(c, &names);
}

static void clear_controllers(const struct ovsrec_bridge *row)
{
	ovsrec_bridge_set_controller(row, NULL, 0);
}

static void cmd_del_controller(struct command *c)
{
	clear_controllers(find_real_bridge(c->run, c->argv[1], true)->row);
}

static void cmd_set_controller(struct command *c)
{
	const struct ovsrec_bridge *row = find_real_bridge(c->run, c->argv[1], true)->row;
	size_t n = c->argc - 2;
	AUTO_FREE struct ovsrec_controller **v = xcalloc(n, sizeof(struct ovsrec_controller *));

	for (size_t i = 0; i < n; i++) {
		db_check_target(c->run, c->argv[2 + i]);
		v[i] = ovsrec_controller_insert(c->run->txn);
		ovsrec_controller_set_target(v[i], c->argv[2 + i]);
		db_set_probe(c, &v[i]->row);
	}
	ovsrec_bridge_set_controller(row, v, n);
}

static void cmd_get_fail_mode(struct command *c)
{
	const char *mode = controller_bridge(c)->row->fail_mode;

	if (mode && *mode)
		strbuf_printf(&c->output, "%s\n", mode);
}

static void cmd_del_fail_mode(struct command *c)
{
	ovsrec_bridge_set_fail_mode(find_real_bridge(c->run, c->argv[1], true)->row, NULL);
}

static void cmd_set_fail_mode(struct command *c)
{
	const char *mode = c->argv[2];
	const struct ovsrec_bridge *row = find_real_bridge(c->run, c->argv[1], true)->row;

	if (strcmp(mode, "standalone") != 0 && strcmp(mode, "secure") != 0)
		fatal(0, "fail-mode must be \"standalone\" or \"secure\"");
	ovsrec_bridge_set_fail_mode(row, mode);
}

// ---- TLS keys ----

static void need_ssl(struct command *c)
{
	static const char *const ovs[] = { "ssl", NULL };
	static const char *const columns[] = { "private_key", "certificate", "ca_cert",
					       "bootstrap_ca_cert", NULL };

	need_columns(c, "Open_vSwitch", ovs);
	need_columns(c, "SSL", columns);
}

static void cmd_get_ssl(struct command *c)
{
	const struct ovsrec_ssl *ssl = run_ovs(c->run)->ssl;

	if (!ssl)
		return;
	strbuf_printf(&c->output,
		      "Private key: %s\nCertificate: %s\nCA Certificate: %s\nBootstrap: %s\n",
		      ssl->private_key, ssl->certificate, ssl->ca_cert,
		      ssl->bootstrap_ca_cert ? "true" : "false");
}

static void cmd_del_ssl(struct command *c)
{
	ovsrec_open_vswitch_set_ssl(run_ovs(c->run), NULL);
}

static void cmd_set_ssl(struct command *c)
{
	struct ovsrec_ssl *ssl = ovsrec_ssl_insert(c->run->txn);

	ovsrec_ssl_set_private_key(ssl, c->argv[1]);
	ovsrec_ssl_set_certificate(ssl, c->argv[2]);
	ovsrec_ssl_set_ca_cert(ssl, c->argv[3]);
	ovsrec_ssl_set_bootstrap_ca_cert(ssl, option(c, "--bootstrap"));
	ovsrec_open_vswitch_set_ssl(run_ovs(c->run), ssl);
}

// ---- Auto-attach ----

static void need_auto_attach(struct command *c)
{
	static const char *const bridge[] = { "auto_attach", NULL };
	static const char *const columns[] = { "mappings", NULL };

	model_need(c);
	need_columns(c, "Bridge", bridge);
	need_columns(c, "AutoAttach", columns);
}

static void aa_arguments(struct command *c, int64_t *isid, int64_t *vlan)
{
	if (!parse_i64(c->argv[2], 10, isid) || *isid < 0 || *isid > 16777215)
		fatal(0, "Invalid argument %s", c->argv[2]);
	if (!parse_i64(c->argv[3], 10, vlan) || *vlan < 0 || *vlan > 4095)
		fatal(0, "Invalid argument %s", c->argv[3]);
}

static void cmd_add_aa_mapping(struct command *c)
{
	const struct ovsrec_bridge *br = find_bridge(c->run, c->argv[1], true)->row;
	const struct ovsrec_autoattach *aa = br->auto_attach;
	union ovsdb_atom key, value;

	aa_arguments(c, &key.integer, &value.integer);
	if (!aa) {
		aa = ovsrec_autoattach_insert(c->run->txn);
		ovsrec_bridge_set_auto_attach(br, aa);
	}
	idl_add_key(&aa->row, idl_row_column(&aa->row, OVSREC_AUTOATTACH_COL_MAPPINGS), &key,
		    &value);
}

static void cmd_del_aa_mapping(struct command *c)
{
	const struct ovsrec_bridge *br = find_bridge(c->run, c->argv[1], true)->row;
	const struct ovsrec_autoattach *aa = br->auto_attach;
	union ovsdb_atom key, value;

	aa_arguments(c, &key.integer, &value.integer);
	for (size_t i = 0; aa && i < aa->n_mappings; i++) {
		if (aa->key_mappings[i] == key.integer && aa->value_mappings[i] == value.integer) {
			idl_remove_key(&aa->row,
				       idl_row_column(&aa->row, OVSREC_AUTOATTACH_COL_MAPPINGS),
				       &key);
			return;
		}
	}
}

static void cmd_get_aa_mapping(struct command *c)
{
	const struct ovsrec_autoattach *aa =
		find_bridge(c->run, c->argv[1], true)->row->auto_attach;

	for (size_t i = 0; aa && i < aa->n_mappings; i++)
		strbuf_printf(&c->output, "%lld %lld\n", (long long)aa->key_mappings[i],
			      (long long)aa->value_mappings[i]);
}

// ---- Conntrack zones and datapath capabilities ----

static void need_zones(struct command *c)
{
	static const char *const ovs[] = { "datapaths", NULL };
	static const char *const datapath[] = { "ct_zones", "capabilities", NULL };
	static const char *const zone[] = { "timeout_policy", NULL };
	static const char *const policy[] = { "timeouts", NULL };

	need_columns(c, "Open_vSwitch", ovs);
	need_columns(c, "Datapath", datapath);
	need_columns(c, "CT_Zone", zone);
	need_columns(c, "CT_Timeout_Policy", policy);
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

static void cmd_add_zone_tp(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, true);
	int64_t id = zone_argument(c);
	const struct ovsrec_ct_zone *zone = find_zone(dp, id);
	union ovsdb_atom key = { .integer = id }, value;

	if (zone && zone->timeout_policy) {
		if (option(c, "--may-exist"))
			return;
		fatal(0, "zone id %lld already exists", (long long)id);
	}
	if (!zone) {
		zone = ovsrec_ct_zone_insert(c->run->txn);
		value.uuid = zone->row.uuid;
		idl_add_key(&dp->row, idl_row_column(&dp->row, OVSREC_DATAPATH_COL_CT_ZONES), &key,
			    &value);
	}
	ovsrec_ct_zone_set_timeout_policy(zone, new_policy(c));
}

static void cmd_del_zone_tp(struct command *c)
{
	const struct ovsrec_datapath *dp = find_datapath(c, true);
	int64_t id = zone_argument(c);
	union ovsdb_atom key = { .integer = id };

	if (find_zone(dp, id)) {
		idl_remove_key(&dp->row, idl_row_column(&dp->row, OVSREC_DATAPATH_COL_CT_ZONES),
			       &key);
		return;
	}
	if (!option(c, "--if-exists"))
		fatal(0, "zone id %lld does not exist", (long long)id);
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

// ---- emer-reset: back to what a switch needs to run ----

static void need_emer_reset(struct command *c)
{
	static const char *const ovs[] = { "manager_options", "ssl", NULL };
	static const char *const bridge[] = { "other_config",  "mirrors", "netflow",
					      "sflow",	       "ipfix",	  "flood_vlans",
					      "datapath_type", NULL };
	static const char *const port[] = { "other_config", NULL };
	static const char *const iface[] = { "ingress_policing_rate", "ingress_policing_burst",
					     NULL };

	need_controller(c);
	need_columns(c, "Open_vSwitch", ovs);
	need_columns(c, "Bridge", bridge);
	need_columns(c, "Port", port);
	need_columns(c, "Interface", iface);
}

static void reset_bridge(const struct ovsrec_bridge *br)
{
	const char *hwaddr = smap_get(&br->other_config, "hwaddr");
	struct smap keep;

	smap_init(&keep);
	if (hwaddr)
		smap_set(&keep, "hwaddr", hwaddr);
	ovsrec_bridge_set_controller(br, NULL, 0);
	ovsrec_bridge_set_fail_mode(br, NULL);
	ovsrec_bridge_set_mirrors(br, NULL, 0);
	ovsrec_bridge_set_netflow(br, NULL);
	ovsrec_bridge_set_sflow(br, NULL);
	ovsrec_bridge_set_ipfix(br, NULL);
	ovsrec_bridge_set_flood_vlans(br, NULL, 0);
	ovsrec_bridge_set_other_config(br, &keep);
	smap_uninit(&keep);
}

static void cmd_emer_reset(struct command *c)
{
	const struct ovsrec_interface *iface;
	const struct ovsrec_bridge *br;
	const struct ovsrec_port *port;
	struct smap empty;

	smap_init(&empty);
	ovsrec_open_vswitch_set_manager_options(run_ovs(c->run), NULL, 0);
	ovsrec_open_vswitch_set_ssl(run_ovs(c->run), NULL);
	OVSREC_BRIDGE_FOR_EACH(br, c->run->idl)
	reset_bridge(br);
	OVSREC_PORT_FOR_EACH(port, c->run->idl)
	ovsrec_port_set_other_config(port, &empty);
	OVSREC_INTERFACE_FOR_EACH(iface, c->run->idl)
	{
		ovsrec_interface_set_ingress_policing_rate(iface, 0);
		ovsrec_interface_set_ingress_policing_burst(iface, 0);
	}
	smap_uninit(&empty);
}

static void need_open_vswitch(struct command *c)
{
	idl_add_column(c->run->idl, "Open_vSwitch", "cur_cfg", IDL_ALERT);
}

const struct command_class config_commands[] = {
	{ "init", 0, 0, "", "", true, need_open_vswitch, cmd_init },
	{ "emer-reset", 0, 0, "", "", true, need_emer_reset, cmd_emer_reset },
	{ "get-controller", 1, 1, "BRIDGE", "", false, need_controller, cmd_get_controller },
	{ "del-controller", 1, 1, "BRIDGE", "", true, need_controller, cmd_del_controller },
	{ "set-controller", 1, -1, "BRIDGE TARGET...", "--inactivity-probe=", true, need_controller,
	  cmd_set_controller },
	{ "get-fail-mode", 1, 1, "BRIDGE", "", false, need_controller, cmd_get_fail_mode },
	{ "del-fail-mode", 1, 1, "BRIDGE", "", true, need_controller, cmd_del_fail_mode },
	{ "set-fail-mode", 2, 2, "BRIDGE MODE", "", true, need_controller, cmd_set_fail_mode },
	{ "get-ssl", 0, 0, "", "", false, need_ssl, cmd_get_ssl },
	{ "del-ssl", 0, 0, "", "", true, need_ssl, cmd_del_ssl },
	{ "set-ssl", 3, 3, "PRIVATE-KEY CERTIFICATE CA-CERT", "--bootstrap", true, need_ssl,
	  cmd_set_ssl },
	{ "add-aa-mapping", 3, 3, "BRIDGE ISID VLAN", "", true, need_auto_attach,
	  cmd_add_aa_mapping },
	{ "del-aa-mapping", 3, 3, "BRIDGE ISID VLAN", "", true, need_auto_attach,
	  cmd_del_aa_mapping },
	{ "get-aa-mapping", 1, 1, "BRIDGE", "", false, need_auto_attach, cmd_get_aa_mapping },
	{ "add-zone-tp", 3, 18, "DATAPATH zone=ZONE [KEY=VALUE]...", "--may-exist", true,
	  need_zones, cmd_add_zone_tp },
	{ "del-zone-tp", 2, 2, "DATAPATH zone=ZONE", "--if-exists", true, need_zones,
	  cmd_del_zone_tp },
	{ "list-zone-tp", 1, 1, "DATAPATH", "", false, need_zones, cmd_list_zone_tp },
	{ "list-dp-cap", 1, 1, "DATAPATH", "", false, need_zones, cmd_list_dp_cap },
	{ NULL },
};
