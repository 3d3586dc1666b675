// SPDX-License-Identifier: Apache-2.0
// Commands about groups.
#include "ofproto/openflow/group.h"
#include "utilities/ovs-ofctl-flow.h"

struct group_sender {
	struct ofp_client *c;
	struct ofctl_ports *ports;
	struct strbuf buf;
	enum group_command command;
};

// Tries without names first: most groups have none, and asking the switch costs a round trip.
static int parse(struct group_sender *s, const char *line, enum group_command command,
		 struct group_mod *gm, uint32_t *usable, struct error *err)
{
	int error = group_mod_parse(line, command, ofctl_port_parser(s->ports), gm, usable, err);

	if (!error || s->ports)
		return error;
	s->ports = ofctl_ports_load(s->c);
	return group_mod_parse(line, command, ofctl_port_parser(s->ports), gm, usable, err);
}

static void run_one(struct group_sender *s, const char *line, enum group_command command,
		    const char *where)
{
	uint8_t version = ofp_client_version(s->c);
	struct error err = ERROR_INIT;
	size_t start = s->buf.len;
	struct group_mod gm;
	uint32_t usable;

	if (parse(s, line, command, &gm, &usable, &err))
		fatal(0, "%s%s", where, err.text);
	if ((command == GROUP_INSERT_BUCKETS || command == GROUP_REMOVE_BUCKETS) &&
	    !group_version_is_new(version))
		fatal(0, "%s%s-bucket needs OpenFlow 1.5 or later ('-O OpenFlow15')", where,
		      command == GROUP_INSERT_BUCKETS ? "insert" : "remove");
	ofctl_need_formats_of(usable, ofctl_formats_of(s->c));
	group_mod_encode(&gm, version, ofp_client_xid(s->c), &s->buf);
	ofctl_end_message(s->c, &s->buf, start, where);
	group_mod_uninit(&gm);
}

static void put_line(struct group_sender *s, const char *line, const char *where)
{
	struct error err = ERROR_INIT;
	enum group_command command;
	const char *rest = line;

	if (group_command_parse(&rest, s->command, &command, &err))
		fatal(0, "%s%s", where, err.text);
	run_one(s, rest, command, where);
}

static void run_line(char *line, const char *where, void *aux)
{
	put_line(aux, line, where);
}

void ofctl_put_group(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b, char *line,
		     const char *where)
{
	struct group_sender s = { .c = c, .ports = *ports, .buf = *b, .command = GROUP_ADD };

	put_line(&s, line, where);
	*ports = s.ports;
	*b = s.buf;
}

static void change(char *argv[], enum group_command command, bool file)
{
	struct group_sender s = { .c = ofctl_open(argv[1]),
				  .buf = STRBUF_INIT,
				  .command = command };

	if (file)
		ofctl_read_flows(argv[2], run_line, &s);
	else
		run_one(&s, argv[2] ? argv[2] : "", command, "");
	ofctl_send_and_wait(s.c, &s.buf);
	strbuf_uninit(&s.buf);
	ofctl_ports_free(s.ports);
	ofp_client_close(s.c);
}

static bool is_file(int argc, char *argv[])
{
	return argc > 2 && !strcmp(argv[2], "-");
}

static void run_add_group(int argc, char *argv[])
{
	change(argv, GROUP_ADD, is_file(argc, argv));
}

static void run_add_groups(int argc, char *argv[])
{
	change(argv, GROUP_ADD, true);
}

static void run_mod_group(int argc, char *argv[])
{
	change(argv, ofctl.may_create ? GROUP_ADD_OR_MODIFY : GROUP_MODIFY, is_file(argc, argv));
}

static void run_del_groups(int argc, char *argv[])
{
	change(argv, GROUP_DELETE, is_file(argc, argv));
}

static void run_insert_buckets(int argc, char *argv[])
{
	change(argv, GROUP_INSERT_BUCKETS, is_file(argc, argv));
}

static void run_remove_buckets(int argc, char *argv[])
{
	change(argv, GROUP_REMOVE_BUCKETS, is_file(argc, argv));
}

// ---- Asking ----

// "5", "group_id=5"; none, or "all": every one.
static uint32_t which(int argc, char *argv[])
{
	static const char prefix[] = "group_id=";
	struct error err = ERROR_INIT;
	const char *s = argc > 2 ? argv[2] : "all";
	uint32_t id;

	if (!strncmp(s, prefix, strlen(prefix)))
		s += strlen(prefix);
	if (group_id_parse(s, &id, &err))
		fatal(0, "%s", err.text);
	return id;
}

static void request(int argc, char *argv[], enum msg_type type)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct ofp_client *c;
	uint32_t id;

	// Statistics are of a group named in full.
	if (type == MSG_GROUP_REQUEST && argc > 2 && !strchr(argv[2], '='))
		fatal(0, "unknown keyword %s", argv[2]);
	id = which(argc, argv);
	c = ofctl_open(argv[1]);
	group_request_encode(type, id, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print_multipart(c, &b);
	ofp_client_close(c);
}

static void run_dump_groups(int argc, char *argv[])
{
	request(argc, argv, MSG_GROUP_DESC_REQUEST);
}

static void run_dump_group_stats(int argc, char *argv[])
{
	request(argc, argv, MSG_GROUP_REQUEST);
}

static void run_dump_group_features(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);

	ofctl_print_plain_multipart(c, MSG_GROUP_FEATURES_REQUEST);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_group_commands[] = {
	{ "add-group", "SWITCH GROUP: add a group", 1, 2, run_add_group, .bundles = true },
	{ "add-groups", "SWITCH FILE: add (change, delete) the groups of a file", 2, 2,
	  run_add_groups, .bundles = true },
	{ "mod-group", "SWITCH GROUP: change a group", 1, 2, run_mod_group, .bundles = true },
	{ "del-groups", "SWITCH [GROUP]: delete a group, or all", 1, 2, run_del_groups,
	  .bundles = true },
	{ "insert-buckets", "SWITCH GROUP: insert buckets", 1, 2, run_insert_buckets,
	  .bundles = true },
	{ "remove-buckets", "SWITCH GROUP: remove buckets", 1, 2, run_remove_buckets,
	  .bundles = true },
	{ "dump-groups", "SWITCH [GROUP]: descriptions of a group, or all", 1, 2, run_dump_groups,
	  .reads = true },
	{ "dump-group-stats", "SWITCH [GROUP]: statistics of a group, or all", 1, 2,
	  run_dump_group_stats, .reads = true },
	{ "dump-group-features", "SWITCH: what groups there can be", 1, 1, run_dump_group_features,
	  .reads = true },
	{ NULL, NULL, 0, 0, NULL },
};
