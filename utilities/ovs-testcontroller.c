// SPDX-License-Identifier: Apache-2.0
// ovs-testcontroller: an OpenFlow controller for tests, under which any number of switches learn, or are hubs.
#include <getopt.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/io/appctl.h"
#include "core/io/daemon.h"
#include "core/io/tls.h"
#include "ofproto/openflow/conn.h"
#include "ofproto/openflow/formats.h"
#include "utilities/flow-file.h"
#include "utilities/learning-switch.h"

LOG_MODULE(controller);

#define OPENFLOW_PORT 6653
#define CONNECT_MSEC 10000
#define DEFAULT_WILDCARDS 0x3820f0

static struct controller {
	struct loop *loop;
	struct learning_config config;
	uint32_t versions;
	const char *unixctl;
	VEC(struct listener *) listeners;
	size_t n_switches;
} controller = {
	.config = { .max_idle = 60, .queue = LEARNING_NO_QUEUE, .formats = FORMATS_ANY },
	.versions = 0x7e,
};

// ---- Options ----

static void usage(void)
{
	printf("%s: OpenFlow controller\n"
	       "usage: %s [OPTIONS] METHOD [METHOD]...\n"
	       "where METHOD is tcp:HOST[:PORT], ssl:HOST[:PORT] or unix:FILE, or to wait for "
	       "switches\n"
	       "ptcp:[PORT][:IP], pssl:[PORT][:IP] or punix:FILE.\n"
	       "Options:\n"
	       "  -H, --hub               act as hub instead of learning switch\n"
	       "  -n, --noflow            pass traffic, but don't add flows\n"
	       "  --max-idle=SECS         how long new flows stay without a packet, or "
	       "\"permanent\"\n"
	       "  -N, --normal            leave it to the switch to find a port (NORMAL)\n"
	       "  -w, --wildcards[=MASK]  leave fields out of flows, as bits of OpenFlow 1.0\n"
	       "  --mute                  answer nothing that switches send\n"
	       "  -q, --queue=QUEUE       OpenFlow queue to use for output\n"
	       "  -Q, --port-queue=PORT-NAME:QUEUE\n"
	       "                          use another queue for packets from this port\n"
	       "  --with-flows FILE       send these flows to switches that connect\n"
	       "  -O, --protocols=VERSIONS\n"
	       "                          OpenFlow versions to use (all by default)\n"
	       "  --unixctl=SOCKET        control socket\n"
	       "  -h, --help              this text\n"
	       "  -V, --version           version\n",
	       program_name, program_name);
	daemon_usage();
	log_usage();
	tls_usage();
}

static void set_max_idle(const char *arg)
{
	uint32_t n = 0;

	if (strcmp(arg, "permanent") && (!parse_u32(arg, 10, &n) || !n || n > UINT16_MAX))
		fatal(0, "--max-idle argument must be between 1 and 65535 or the word 'permanent'");
	controller.config.max_idle = n;
}

static void set_wildcards(const char *arg)
{
	controller.config.wildcards = DEFAULT_WILDCARDS;
	if (arg && !parse_u32(arg, 16, &controller.config.wildcards))
		fatal(0, "%s: a mask of wildcards is a hexadecimal number", arg);
}

static uint32_t parse_queue(const char *arg)
{
	uint32_t n;

	if (!parse_u32(arg, 10, &n) || n == LEARNING_NO_QUEUE)
		fatal(0, "%s: not the number of a queue", arg);
	return n;
}

static void add_port_queue(const char *arg)
{
	struct learning_config *cfg = &controller.config;
	const char *colon = strrchr(arg, ':');
	struct learning_queue added, *q;

	if (!colon || colon == arg || !colon[1])
		fatal(0, "argument to -Q or --port-queue should take the form "
			 "\"<port-name>:<queue-id>\"");
	added.port = xstrndup(arg, colon - arg);
	added.queue = parse_queue(colon + 1);
	VEC_FOR_EACH (q, &cfg->port_queues)
		if (!strcmp(q->port, added.port))
			fatal(0, "<port-name> arguments for -Q or --port-queue must be unique");
	VEC_PUSH(&cfg->port_queues, added);
}

static void add_flow(char *line, const char *where, void *aux)
{
	struct flow_mod *fm = VEC_PUSH_UNINIT(&controller.config.flows);
	struct error err = ERROR_INIT;
	uint32_t formats;

	if (flow_mod_parse(line, FM_ADD, NULL, fm, &formats, &err))
		fatal(0, "%s%s", where, err.text);
	controller.config.formats &= formats;
}

static void add_flows(char *file)
{
	FILE *f = fopen(file, "r");

	if (!f)
		fatal(errno, "%s: open failed", file);
	flow_file_read(f, file, add_flow, NULL);
	fclose(f);
}

enum { OPT_MAX_IDLE = 0x6000, OPT_MUTE, OPT_WITH_FLOWS, OPT_UNIXCTL };

static bool handle_option(int c)
{
	struct learning_config *cfg = &controller.config;

	switch (c) {
	case 'H':
		cfg->mode = LEARNING_HUB;
		return true;
	case 'N':
		cfg->mode = LEARNING_NORMAL;
		return true;
	case 'n':
		cfg->no_flows = true;
		return true;
	case 'w':
		set_wildcards(optarg);
		return true;
	case 'q':
		cfg->queue = parse_queue(optarg);
		return true;
	case 'Q':
		add_port_queue(optarg);
		return true;
	case OPT_MAX_IDLE:
		set_max_idle(optarg);
		return true;
	case OPT_MUTE:
		cfg->mute = true;
		return true;
	case OPT_WITH_FLOWS:
		add_flows(optarg);
		return true;
	case OPT_UNIXCTL:
		controller.unixctl = optarg;
		return true;
	default:
		return false;
	}
}

// Queues need a port to be queues of.
static void check_options(void)
{
	struct learning_config *cfg = &controller.config;

	if (cfg->queue == LEARNING_NO_QUEUE && !cfg->port_queues.n)
		return;
	if (cfg->mode == LEARNING_HUB)
		fprintf(stderr,
			"%s: queue IDs are incompatible with -H or --hub; not acting as hub\n",
			program_name);
	if (cfg->mode == LEARNING_NORMAL)
		fprintf(stderr,
			"%s: queue IDs are incompatible with -N or --normal; not using "
			"OFPP_NORMAL\n",
			program_name);
	cfg->mode = LEARNING_PORTS;
}

static void parse_options(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "hub", no_argument, NULL, 'H' },
		{ "noflow", no_argument, NULL, 'n' },
		{ "normal", no_argument, NULL, 'N' },
		{ "wildcards", optional_argument, NULL, 'w' },
		{ "max-idle", required_argument, NULL, OPT_MAX_IDLE },
		{ "mute", no_argument, NULL, OPT_MUTE },
		{ "queue", required_argument, NULL, 'q' },
		{ "port-queue", required_argument, NULL, 'Q' },
		{ "with-flows", required_argument, NULL, OPT_WITH_FLOWS },
		{ "protocols", required_argument, NULL, 'O' },
		{ "unixctl", required_argument, NULL, OPT_UNIXCTL },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		LOG_LONG_OPTIONS,
		DAEMON_LONG_OPTIONS,
		TLS_LONG_OPTIONS{ NULL, 0, NULL, 0 },
	};
	struct error err = ERROR_INIT;
	int c;

	while ((c = getopt_long(argc, argv, "HNnw::q:Q:O:hVv::" TLS_SHORT_OPTIONS, longs, NULL)) !=
	       -1) {
		switch (c) {
		case 'O':
			if (of_versions_parse(optarg, &controller.versions, &err))
				fatal(0, "%s", err.text);
			break;
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
	if (optind >= argc)
		fatal(0, "at least one vconn argument required; use --help for usage");
	check_options();
}

// ---- Switches ----

// Nobody is left, and nobody can come.
static void stop_when_alone(void)
{
	if (!controller.n_switches && !controller.listeners.n)
		loop_stop(controller.loop);
}

static void on_gone(struct learning_switch *sw, void *aux)
{
	learning_switch_destroy(sw);
	controller.n_switches--;
	stop_when_alone();
}

static void add_switch(struct stream *s)
{
	learning_switch_create(s, controller.versions, &controller.config, on_gone, NULL);
	controller.n_switches++;
}

static void on_accept(void *aux, struct stream *s)
{
	add_switch(s);
}

static void open_method(const char *name)
{
	struct error err = ERROR_INIT;
	struct listener *ls;
	struct stream *s;

	if (stream_name_is_passive(name)) {
		if (listener_open(controller.loop, name, OPENFLOW_PORT, -1, on_accept, NULL, &ls,
				  &err))
			log_err("%s", err.text);
		else
			VEC_PUSH(&controller.listeners, ls);
	} else if (stream_open_block(controller.loop, name, OPENFLOW_PORT, CONNECT_MSEC, NULL, NULL,
				     &s, &err)) {
		log_err("%s", err.text);
	} else {
		add_switch(s);
	}
}

static void on_exit_command(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	appctl_reply(conn, NULL);
	loop_stop(controller.loop);
}

static const struct appctl_command commands[] = { { "exit", "", 0, 0, on_exit_command } };

static void on_terminate(void *aux)
{
	loop_stop(controller.loop);
}

static void on_hangup(void *aux)
{
	log_reopen_file(NULL);
}

static void close_all(void)
{
	struct listener **ls;

	VEC_FOR_EACH (ls, &controller.listeners)
		listener_close(*ls);
	VEC_FREE(&controller.listeners);
}

int main(int argc, char *argv[])
{
	struct error err = ERROR_INIT;

	program_init(argv[0]);
	rcu_thread_begin();
	parse_options(argc, argv);
	daemon_start();
	controller.loop = loop_create();
	if (appctl_server_start(controller.loop, controller.unixctl, &err))
		fatal(0, "%s", err.text);
	appctl_register(commands, ARRAY_SIZE(commands), NULL);
	daemon_on_signal(controller.loop, on_terminate, on_hangup, NULL);
	daemon_become_user(false);
	for (int i = optind; i < argc; i++)
		open_method(argv[i]);
	if (!controller.n_switches && !controller.listeners.n)
		fatal(0, "no active or passive switch connections");
	daemon_ready();
	loop_run(controller.loop);
	close_all();
	appctl_server_stop();
	return EXIT_SUCCESS;
}
