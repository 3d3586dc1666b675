// SPDX-License-Identifier: Apache-2.0
// ovs-vswitchd: options, daemon duties, the loop.
#include <getopt.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/io/appctl.h"
#include "core/io/daemon.h"
#include "core/io/tls.h"
#include "ofproto/bridge/vswitchd.h"
#include "ofproto/openflow/act.h"
#ifdef HAVE_SIMNIC
#include "hw-tests/simnic/simnic.h"
#endif

LOG_MODULE(main);

enum { OPT_UNIXCTL = 0x100, OPT_ENABLE_DUMMY, OPT_MLOCKALL };

struct options {
	char *database, *unixctl;
	bool dummy, dummy_override;
};

static NORETURN void usage(void)
{
	printf("%s: Open eSwitch daemon\n"
	       "usage: %s [OPTIONS] [DATABASE]\n"
	       "where DATABASE is a socket on which ovsdb-server is listening\n"
	       "      (default: \"unix:%s/db.sock\").\n",
	       program_name, program_name, dir_run());
	tls_usage();
	daemon_usage();
	log_usage();
	printf("\nOther options:\n"
	       "  --unixctl=SOCKET        override default control socket name\n"
	       "  --enable-dummy[=override]\n"
	       "                          allow ports of type dummy (for tests);\n"
	       "                          override: system and internal ports are dummies too\n"
	       "  -h, --help              display this help message\n"
	       "  -V, --version           display version information\n");
	exit(EXIT_SUCCESS);
}

static void parse_options(int argc, char *argv[], struct options *o)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' },
					       { "unixctl", required_argument, NULL, OPT_UNIXCTL },
					       { "enable-dummy", optional_argument, NULL,
						 OPT_ENABLE_DUMMY },
					       DAEMON_LONG_OPTIONS,
					       LOG_LONG_OPTIONS,
					       TLS_LONG_OPTIONS{ NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "hVv::" TLS_SHORT_OPTIONS, longs, NULL)) != -1) {
		switch (c) {
		case 'h':
			usage();
		case 'V':
			print_version(NULL);
			exit(EXIT_SUCCESS);
		case OPT_UNIXCTL:
			o->unixctl = optarg;
			break;
		case OPT_ENABLE_DUMMY:
			o->dummy = true;
			if (optarg && strcmp(optarg, "override"))
				fatal(0, "--enable-dummy=%s: only \"override\" is known", optarg);
			o->dummy_override = optarg != NULL;
			break;
		case '?':
			exit(EXIT_FAILURE);
		default:
			if (!daemon_handle_option(c, optarg) && !log_handle_option(c, optarg) &&
			    !tls_handle_option(c, optarg))
				exit(EXIT_FAILURE);
		}
	}
	if (argc - optind > 1)
		fatal(0, "database socket is only non-option argument; use --help for usage");
	o->database =
		optind < argc ? xstrdup(argv[optind]) : xasprintf("unix:%s/db.sock", dir_run());
}

// "exit --cleanup" has been asked for.
static bool cleanup;

static void on_exit_command(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	if (argc > 1 && strcmp(argv[1], "--cleanup")) {
		appctl_reply_errorf(conn, "%s: unknown option (only --cleanup)", argv[1]);
		return;
	}
	cleanup = argc > 1;
	appctl_reply(conn, "");
	loop_stop(aux);
}

static void on_terminate(void *aux)
{
	log_info("terminating on signal");
	loop_stop(aux);
}

static void on_hangup(void *aux)
{
	log_reopen_file(NULL);
}

static const struct appctl_command commands[] = { { "exit", "[--cleanup]", 0, 1,
						    on_exit_command } };

int main(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct options o = { 0 };
	struct vswitchd *vs;
	struct loop *l;

	program_init(argv[0]);
#ifdef HAVE_SIMNIC
	simnic_link();
#endif
	parse_options(argc, argv, &o);
	daemon_start();
	l = loop_create();
	if (appctl_server_start(l, o.unixctl, &err) < 0)
		fatal(0, "%s", err.text);
	appctl_register(commands, ARRAY_SIZE(commands), l);
	daemon_on_signal(l, on_terminate, on_hangup, l);
	daemon_become_user(true);
	if (o.dummy)
		acts_allow_debug();
	vs = vswitchd_create(l, o.database, o.dummy, o.dummy_override);
	daemon_ready();
	log_info("%s (Open eSwitch) %s", program_name, PACKAGE_VERSION);
	loop_run(l);
	vswitchd_destroy(vs, cleanup);
	appctl_server_stop();
	// What is deferred may still want the loop.
	rcu_drain();
	loop_destroy(l);
	rcu_drain();
	free(o.database);
	return 0;
}
