// SPDX-License-Identifier: Apache-2.0
// vtep-ctl: queries and changes the database of a VTEP, a switch that joins logical networks by tunnels (schema hardware_vtep).
#include "utilities/vtep-ctl.h"

LOG_MODULE(vtep_ctl);

static const struct command_class *const commands[] = { switch_commands, mac_commands, NULL };

static const struct record_name records[] = {
	{ "Global", "Global", NULL, NULL },
	{ "Manager", "Manager", "target", NULL },
	{ "Manager", "Global", NULL, "managers" },
	{ "Physical_Switch", "Physical_Switch", "name", NULL },
	{ "Physical_Port", "Physical_Port", "name", NULL },
	{ "Logical_Switch", "Logical_Switch", "name", NULL },
	{ "Logical_Router", "Logical_Router", "name", NULL },
	{ "ACL", "ACL", "acl_name", NULL },
	{ NULL },
};

static const struct shown shown[] = {
	{ "Global", NULL, { "managers", "switches" } },
	{ "Manager", "target", { "is_connected" } },
	{ "Physical_Switch", "name", { "management_ips", "tunnel_ips", "ports" } },
	{ "Physical_Port", "name", { "vlan_bindings" } },
	{ NULL },
};

static const struct db_ctl vtep = {
	.class = &vteprec_class,
	.purpose = "VTEP configuration utility",
	.log = &log_module_,
	.root = "Global",
	.managers = "managers",
	.commands = commands,
	.records = records,
	.shown = shown,
};

int main(int argc, char *argv[])
{
	return db_ctl_main(&vtep, argc, argv);
}
