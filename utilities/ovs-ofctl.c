// SPDX-License-Identifier: Apache-2.0
// ovs-ofctl: talks OpenFlow to a switch. Options and the list of commands are here, the commands in ovs-ofctl-*.c.
#include "utilities/ovs-ofctl.h"

#include <getopt.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/io/daemon.h"
#include "core/io/tls.h"

struct ofctl_options ofctl = { .versions = 1u << OFP10, .plain = true, .packet_in_format = -1 };

static const struct ofctl_command *const tables[] = {
	ofctl_switch_commands, ofctl_flow_commands,  ofctl_packet_commands,  ofctl_meter_commands,
	ofctl_group_commands,  ofctl_queue_commands, ofctl_monitor_commands, ofctl_bundle_commands,
	ofctl_table_commands,  ofctl_local_commands, ofctl_parse_commands,   ofctl_encode_commands,
	ofctl_pcap_commands
};

#define FOR_EACH_COMMAND(C) \
	for (size_t i_ = 0; i_ < ARRAY_SIZE(tables); i_++) \
		for (const struct ofctl_command *C = tables[i_]; C->name; C++)

static void usage(void)
{
	printf("%s: OpenFlow switch management utility\nusage: %s [OPTIONS] COMMAND [ARG...]\n\n",
	       program_name, program_name);
	FOR_EACH_COMMAND(c)
	printf("  %-15s %s\n", c->name, c->usage);
	printf("\nSWITCH is a bridge, the path of a socket, tcp:HOST[:PORT], ssl:HOST[:PORT] or "
	       "unix:FILE.\n"
	       "Options:\n"
	       "  -O, --protocols=VERSIONS    OpenFlow versions to use (default OpenFlow10)\n"
	       "  -F, --flow-format=FORMAT    flow formats that are allowed\n"
	       "  --strict                    use strict match for flow commands\n"
	       "  --names, --no-names         show and accept port names, or numbers only\n"
	       "  --no-stats                  leave statistics out of dump-flows\n"
	       "  --sort[=FIELD], --rsort[=FIELD]\n"
	       "                              sort dump-flows by a field (priority by default)\n"
	       "  --color[=WHEN]              colors in flows: never, always or auto (default)\n"
	       "  --bundle                    send changes as one bundle: all or none\n"
	       "  --readd                     replace-flows: also flows that are there already\n"
	       "  -m, --more                  print more; repeat for more still\n"
	       "  -P, --packet-in-format=FMT  monitor: packets as standard, nxt_packet_in or\n"
	       "                              nxt_packet_in2\n"
	       "  --unixctl=SOCKET            monitor, snoop: control socket\n"
	       "  --timestamp                 monitor, snoop, ofp-parse-pcap: print when messages\n"
	       "                              came\n"
	       "  --read-only                 refuse commands that may change something\n"
	       "  --pcap, --raw               compose-packet: write a capture, or the bytes\n"
	       "  -t, --timeout=SECS          give up after SECS seconds\n"
	       "  -o, --option                list all options\n"
	       "  -h, --help                  this text\n"
	       "  -V, --version               version\n");
	daemon_usage();
	tls_usage();
}

void ofctl_help(int argc, char *argv[])
{
	usage();
}

void ofctl_list_commands(int argc, char *argv[])
{
	printf("The available commands are:\n");
	FOR_EACH_COMMAND(c)
	printf("  %-23s %.*s\n", c->name, (int)strcspn(c->usage, ":"), c->usage);
}

enum {
	OPT_STRICT = 0x6000,
	OPT_NAMES,
	OPT_NO_NAMES,
	OPT_STATS,
	OPT_NO_STATS,
	OPT_SORT,
	OPT_RSORT,
	OPT_READD,
	OPT_MAY_CREATE,
	OPT_TIMESTAMP,
	OPT_BUNDLE,
	OPT_COLOR,
	OPT_PCAP,
	OPT_RAW,
	OPT_READ_ONLY,
	OPT_UNIXCTL
};

static void add_sort_key(const char *field, bool reverse)
{
	if (ofctl.n_keys == ARRAY_SIZE(ofctl.keys))
		fatal(0, "at most %zu sort keys", ARRAY_SIZE(ofctl.keys));
	if (field && strcasecmp(field, "priority") && !field_by_name(field))
		fatal(0, "%s: unknown field name", field);
	ofctl.keys[ofctl.n_keys].field =
		field && strcasecmp(field, "priority") ? xstrdup(field) : NULL;
	ofctl.keys[ofctl.n_keys++].reverse = reverse;
	ofctl.sort = true;
	ofctl.plain = false;
}

static void set_timeout(const char *arg)
{
	uint32_t n;

	if (!parse_u32(arg, 10, &n) || !n || n > 1000000)
		fatal(0, "value %s on -t or --timeout is invalid", arg);
	ofctl.timeout = n;
}

static void set_packet_in_format(const char *arg)
{
	static const struct {
		const char *name;
		enum packet_in_format format;
	} formats[] = {
		{ "standard", PIN_STANDARD },	{ "openflow10", PIN_STANDARD },
		{ "nxt_packet_in", PIN_NXT },	{ "nxm", PIN_NXT },
		{ "nxt_packet_in2", PIN_NXT2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, arg)) {
			ofctl.packet_in_format = formats[i].format;
			return;
		}
	fatal(0, "unknown packet-in format `%s'", arg);
}

static bool handle_option(int c)
{
	switch (c) {
	case 't':
		set_timeout(optarg);
		return true;
	case 'm':
		ofctl.verbosity++;
		return true;
	case OPT_STRICT:
		ofctl.strict = true;
		return true;
	case OPT_NAMES:
		ofctl.names = true;
		ofctl.no_names = false;
		return true;
	case OPT_NO_NAMES:
		ofctl.names = false;
		ofctl.no_names = true;
		return true;
	case OPT_STATS:
		ofctl.no_stats = false;
		return true;
	case OPT_NO_STATS:
		ofctl.no_stats = true;
		ofctl.plain = false;
		return true;
	case OPT_SORT:
	case OPT_RSORT:
		add_sort_key(optarg, c == OPT_RSORT);
		return true;
	case OPT_READD:
		ofctl.readd = true;
		return true;
	case OPT_MAY_CREATE:
		ofctl.may_create = true;
		return true;
	case OPT_PCAP:
		ofctl.pcap = true;
		return true;
	case OPT_RAW:
		ofctl.raw = true;
		return true;
	case OPT_READ_ONLY:
		ofctl.read_only = true;
		return true;
	case OPT_TIMESTAMP:
		ofctl.timestamp = true;
		return true;
	case 'P':
		set_packet_in_format(optarg);
		return true;
	case OPT_UNIXCTL:
		ofctl.unixctl = optarg;
		return true;
	case OPT_BUNDLE:
		ofctl.bundle = true;
		return true;
	case OPT_COLOR:
		ofctl_set_color(optarg);
		return true;
	default:
		return false;
	}
}

static void parse_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "protocols", required_argument, NULL, 'O' },
		{ "flow-format", required_argument, NULL, 'F' },
		{ "timeout", required_argument, NULL, 't' },
		{ "packet-in-format", required_argument, NULL, 'P' },
		{ "unixctl", required_argument, NULL, OPT_UNIXCTL },
		{ "strict", no_argument, NULL, OPT_STRICT },
		{ "names", no_argument, NULL, OPT_NAMES },
		{ "no-names", no_argument, NULL, OPT_NO_NAMES },
		{ "stats", no_argument, NULL, OPT_STATS },
		{ "no-stats", no_argument, NULL, OPT_NO_STATS },
		{ "sort", optional_argument, NULL, OPT_SORT },
		{ "rsort", optional_argument, NULL, OPT_RSORT },
		{ "readd", no_argument, NULL, OPT_READD },
		{ "may-create", no_argument, NULL, OPT_MAY_CREATE },
		{ "timestamp", no_argument, NULL, OPT_TIMESTAMP },
		{ "bundle", no_argument, NULL, OPT_BUNDLE },
		{ "color", optional_argument, NULL, OPT_COLOR },
		{ "pcap", no_argument, NULL, OPT_PCAP },
		{ "raw", no_argument, NULL, OPT_RAW },
		{ "read-only", no_argument, NULL, OPT_READ_ONLY },
		{ "more", no_argument, NULL, 'm' },
		{ "option", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		LOG_LONG_OPTIONS,
		DAEMON_LONG_OPTIONS,
		TLS_LONG_OPTIONS{ NULL, 0, NULL, 0 },
	};
	const char *formats = NULL;
	struct error err = ERROR_INIT;
	int c;

	while ((c = getopt_long(argc, argv, "O:F:P:t:mohVv::" TLS_SHORT_OPTIONS, longs, NULL)) !=
	       -1) {
		switch (c) {
		case 'O':
			if (of_versions_parse(optarg, &ofctl.versions, &err))
				fatal(0, "%s", err.text);
			break;
		case 'F':
			formats = optarg;
			break;
		case 'o':
			print_options(longs);
			exit(EXIT_SUCCESS);
		case 'h':
			usage();
			exit(EXIT_SUCCESS);
		case 'V':
			print_version(NULL);
			printf("OpenFlow versions 0x1:0x6\n");
			exit(EXIT_SUCCESS);
		case '?':
			exit(EXIT_FAILURE);
		default:
			if (!handle_option(c) && !tls_handle_option(c, optarg) &&
			    !daemon_handle_option(c, optarg))
				log_handle_option(c, optarg);
		}
	}
	if (ofctl.bundle)
		ofctl_allow_bundles();
	ofctl_allow_formats(formats);
	// People read names.
	if (!ofctl.no_names && isatty(STDOUT_FILENO))
		ofctl.names = true;
	if (ofctl.names)
		ofctl.plain = false;
}

static void prepare_bundle(const struct ofctl_command *c)
{
	if (!strcmp(c->name, "bundle")) {
		ofctl.bundle = true;
		ofctl_allow_bundles();
		ofctl_allow_formats(NULL);
	}
	if (ofctl.bundle && !c->bundles && !c->reads)
		fatal(0, "'%s' command cannot be carried out as a bundle", c->name);
	ofctl.bundle &= c->bundles;
}

static void run_command(int argc, char *argv[])
{
	FOR_EACH_COMMAND(c)
	{
		if (strcmp(c->name, argv[0]))
			continue;
		if (argc - 1 < c->min_args)
			fatal(0, "'%s' command requires at least %d arguments", c->name,
			      c->min_args);
		if (argc - 1 > c->max_args)
			fatal(0, "'%s' command takes at most %d arguments", c->name, c->max_args);
		if (ofctl.read_only && !c->reads)
			fatal(0, "'%s' command does not work in read only mode", c->name);
		prepare_bundle(c);
		c->run(argc, argv);
		return;
	}
	fatal(0, "unknown command '%s'; use --help for help", argv[0]);
}

struct ofp_client *ofctl_open(const char *target)
{
	return ofp_client_open(target, ofctl.versions, ofctl.timeout);
}

void ofctl_print(const struct msg *m)
{
	AUTO(strbuf) s = STRBUF_INIT;

	msg_print(m->whole, m->size, NULL, ofctl.verbosity + 1, &s);
	fputs(s.s, stdout);
}

static void print_part(struct msg *part, void *aux)
{
	ofctl_print(part);
}

void ofctl_print_multipart(struct ofp_client *c, const struct strbuf *request)
{
	ofp_client_multipart(c, request, print_part, NULL);
}

void ofctl_print_plain_multipart(struct ofp_client *c, enum msg_type type)
{
	AUTO(strbuf) b = STRBUF_INIT;

	msg_put_plain(type, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print_multipart(c, &b);
}

void ofctl_check_length(const struct strbuf *b, size_t start, const char *where)
{
	if (b->len - start > UINT16_MAX)
		fatal(0, "%smessage is too long: %zu bytes, at most %d can be sent", where,
		      b->len - start, UINT16_MAX);
}

void ofctl_end_message(struct ofp_client *c, struct strbuf *b, size_t start, const char *where)
{
	ofctl_bundle_message(c, b, start);
	ofctl_check_length(b, start, where);
	// It has no effect before the commit, which does not come if something is wrong with what is still to be read.
	if (ofctl.bundle)
		ofctl_send_ahead(c, b);
}

void ofctl_send_ahead(struct ofp_client *c, struct strbuf *messages)
{
	if (messages->len < 65536)
		return;
	ofp_client_send(c, messages);
	strbuf_clear(messages);
}

void ofctl_send_and_wait(struct ofp_client *c, const struct strbuf *messages)
{
	if (messages->len)
		ofp_client_send(c, messages);
	if (ofctl.bundle) {
		ofctl_bundle_commit(c);
		return;
	}
	if (!ofp_client_barrier(c))
		exit(EXIT_FAILURE);
}

int main(int argc, char *argv[])
{
	program_init(argv[0]);
	rcu_thread_begin();
	parse_options(argc, argv);
	if (optind >= argc)
		fatal(0, "missing command name; use --help for help");
	run_command(argc - optind, argv + optind);
	fflush(stdout);
	if (ferror(stdout))
		fatal(errno, "standard output");
	return EXIT_SUCCESS;
}
