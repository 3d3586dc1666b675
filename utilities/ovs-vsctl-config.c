// SPDX-License-Identifier: Apache-2.0
// ovs-vsctl: controllers, TLS keys, auto-attach, init and emer-reset.
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
	{ "init", 0, 0, "", "", "make the database's first row if it is missing", true,
	  need_open_vswitch, cmd_init, .group = "Switch" },
	{ "emer-reset", 0, 0, "", "", "back to a configuration that is known to work", true,
	  need_emer_reset, cmd_emer_reset },
	{ "get-controller", 1, 1, "!BRIDGE", "", "print BRIDGE's controllers", false,
	  need_controller, cmd_get_controller, .group = "Controllers" },
	{ "del-controller", 1, 1, "!BRIDGE", "", "delete BRIDGE's controllers", true,
	  need_controller, cmd_del_controller },
	{ "set-controller", 1, -1, "!BRIDGE +TARGET", "--inactivity-probe=",
	  "set BRIDGE's controllers", true, need_controller, cmd_set_controller },
	{ "get-fail-mode", 1, 1, "!BRIDGE", "", "print what BRIDGE does without a controller",
	  false, need_controller, cmd_get_fail_mode },
	{ "del-fail-mode", 1, 1, "!BRIDGE", "", "back to the default fail mode", true,
	  need_controller, cmd_del_fail_mode },
	{ "set-fail-mode", 2, 2, "!BRIDGE !MODE", "", "set it to standalone or secure", true,
	  need_controller, cmd_set_fail_mode },
	{ "get-ssl", 0, 0, "", "", "print the files of keys and certificates", false, need_ssl,
	  cmd_get_ssl, .group = "TLS" },
	{ "del-ssl", 0, 0, "", "", "delete the configuration of TLS", true, need_ssl, cmd_del_ssl },
	{ "set-ssl", 3, 3, "!PRIVATE-KEY !CERTIFICATE !CA-CERT", "--bootstrap",
	  "set the files of keys and certificates", true, need_ssl, cmd_set_ssl },
	{ "add-aa-mapping", 3, 3, "!BRIDGE !ISID !VLAN", "", "add a mapping to BRIDGE", true,
	  need_auto_attach, cmd_add_aa_mapping, .group = "Auto attach" },
	{ "del-aa-mapping", 3, 3, "!BRIDGE !ISID !VLAN", "", "delete a mapping from BRIDGE", true,
	  need_auto_attach, cmd_del_aa_mapping },
	{ "get-aa-mapping", 1, 1, "!BRIDGE", "", "print BRIDGE's mappings", false, need_auto_attach,
	  cmd_get_aa_mapping },
	{ NULL },
};
