// SPDX-License-Identifier: Apache-2.0
// ovs-vsctl: queries and changes the switch's configuration.
#include "utilities/ovs-vsctl.h"

#include <stdio.h>

#include "core/io/appctl.h"

LOG_MODULE(vsctl);

// ovs-vswitchd says in a new port's interface when it could not set it up.
static void report_failed_ports(const struct run *r)
{
	const struct ovsrec_interface *iface;
	struct strmap_node *node;
	bool any = false;

	STRSET_FOR_EACH (node, &r->added) {
		OVSREC_INTERFACE_FOR_EACH(iface, r->idl)
		{
			if (strcmp(iface->name, node->name) != 0 || !iface->n_ofport ||
			    iface->ofport[0] >= 0)
				continue;
			fprintf(stderr, "%s: Error detected while setting up '%s'", program_name,
				node->name);
			if (iface->error && *iface->error)
				fprintf(stderr, ": %s", iface->error);
			fprintf(stderr, ".  See ovs-vswitchd log for details.\n");
			any = true;
		}
	}
	if (any)
		fprintf(stderr, "%s: The default log directory is \"%s\".\n", program_name,
			dir_log());
}

static const struct command_class *const commands[] = { bridge_commands, config_commands,
							zone_commands, NULL };

static const struct record_name records[] = {
	{ "Bridge", "Bridge", "name", NULL },
	{ "Port", "Port", "name", NULL },
	{ "Interface", "Interface", "name", NULL },
	{ "Mirror", "Mirror", "name", NULL },
	{ "Flow_Table", "Flow_Table", "name", NULL },
	{ "Manager", "Manager", "target", NULL },
	{ "Manager", "Open_vSwitch", NULL, "manager_options" },
	{ "Controller", "Bridge", "name", "controller" },
	{ "NetFlow", "Bridge", "name", "netflow" },
	{ "sFlow", "Bridge", "name", "sflow" },
	{ "IPFIX", "Bridge", "name", "ipfix" },
	{ "AutoAttach", "Bridge", "name", "auto_attach" },
	{ "QoS", "Port", "name", "qos" },
	{ "SSL", "Open_vSwitch", NULL, "ssl" },
	{ "Open_vSwitch", "Open_vSwitch", NULL, NULL },
	{ "Flow_Sample_Collector_Set", "Flow_Sample_Collector_Set", "id", NULL },
	{ "Datapath", "Open_vSwitch", "datapaths", NULL }, // by map key
	{ "Offload_Device", "Offload_Device", "name", NULL },
	{ NULL },
};

static const struct shown shown[] = {
	{ "Open_vSwitch", NULL, { "manager_options", "bridges", "ovs_version" } },
	{ "Bridge", "name", { "controller", "fail_mode", "datapath_type", "ports" } },
	{ "Port", "name", { "tag", "trunks", "interfaces" } },
	{ "Interface", "name", { "type", "options", "error" } },
	{ "Controller", "target", { "is_connected" } },
	{ "Manager", "target", { "is_connected" } },
	{ NULL },
};

static const struct db_ctl vsctl = {
	.class = &ovsrec_class,
	.purpose = "ovs-vswitchd management utility",
	.log = &log_module_,
	.root = "Open_vSwitch",
	.managers = "manager_options",
	.waits_for = "ovs-vswitchd",
	.report = report_failed_ports,
	.free_model = model_free,
	.commands = commands,
	.records = records,
	.shown = shown,
};

int main(int argc, char *argv[])
{
	return db_ctl_main(&vsctl, argc, argv);
}
