// SPDX-License-Identifier: Apache-2.0
// Commands about meters.
#include "ofproto/openflow/formats.h"
#include "utilities/ovs-ofctl.h"

// Meters came with OpenFlow 1.3.
static struct ofp_client *open_for_meters(const char *target)
{
	ofctl_need_formats(FORMATS_OXM13_UP);
	ofctl.versions = flow_formats_versions(ofctl.formats & FORMATS_OXM13_UP);
	return ofctl_open(target);
}

static void send_meter_mod(const char *target, const struct meter_mod *mm)
{
	struct ofp_client *c = open_for_meters(target);
	AUTO(strbuf) b = STRBUF_INIT;

	meter_mod_encode(mm, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
	ofp_client_close(c);
}

static void change(char *argv[], enum meter_command command)
{
	struct meter_mod mm = { .command = command };
	struct error err = ERROR_INIT;

	if (meter_parse(argv[2], &mm.id, &mm.config, &err))
		fatal(0, "%s", err.text);
	send_meter_mod(argv[1], &mm);
}

static void run_add(int argc, char *argv[])
{
	change(argv, METER_ADD);
}

static void run_modify(int argc, char *argv[])
{
	change(argv, METER_MODIFY);
}

// The meter named behind the switch, else all of them.
static uint32_t which(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	uint32_t id = METER_ID_ALL;

	if (argc > 2 && meter_parse(argv[2], &id, NULL, &err))
		fatal(0, "%s", err.text);
	return id;
}

static void run_delete(int argc, char *argv[])
{
	struct meter_mod mm = { .command = METER_DELETE, .id = which(argc, argv) };

	send_meter_mod(argv[1], &mm);
}

static void request(int argc, char *argv[], enum msg_type type)
{
	uint32_t id = which(argc, argv);
	struct ofp_client *c = open_for_meters(argv[1]);
	AUTO(strbuf) b = STRBUF_INIT;

	meter_request_encode(type, id, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print_multipart(c, &b);
	ofp_client_close(c);
}

static void run_dump(int argc, char *argv[])
{
	request(argc, argv, MSG_METER_CONFIG_REQUEST);
}

static void run_stats(int argc, char *argv[])
{
	request(argc, argv, MSG_METER_REQUEST);
}

static void run_features(int argc, char *argv[])
{
	struct ofp_client *c = open_for_meters(argv[1]);

	ofctl_print_plain_multipart(c, MSG_METER_FEATURES_REQUEST);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_meter_commands[] = {
	{ "add-meter", "SWITCH METER: add a meter", 2, 2, run_add },
	{ "mod-meter", "SWITCH METER: change a meter", 2, 2, run_modify },
	{ "del-meter", "SWITCH [meter=ID]: delete a meter, or all", 1, 2, run_delete },
	{ "del-meters", "SWITCH [meter=ID]: delete a meter, or all", 1, 2, run_delete },
	{ "dump-meter", "SWITCH [meter=ID]: a meter's configuration, or all", 1, 2, run_dump,
	  .reads = true },
	{ "dump-meters", "SWITCH [meter=ID]: a meter's configuration, or all", 1, 2, run_dump,
	  .reads = true },
	{ "meter-stats", "SWITCH [meter=ID]: a meter's statistics, or all", 1, 2, run_stats,
	  .reads = true },
	{ "meter-features", "SWITCH: what meters there can be", 1, 1, run_features, .reads = true },
	{ NULL, NULL, 0, 0, NULL },
};
