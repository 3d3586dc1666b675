// SPDX-License-Identifier: Apache-2.0
// ovs-dpctl: datapaths of the kernel, without a switch. Options and the list of commands are here.
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/rcu.h"
#include "datapath/dpctl.h"
#include "datapath/kernel/admin.h"

static struct dpctl dpctl;
static bool read_only;

// ---- Commands ----

static const struct dpctl_command *const tables[] = { dpctl_outside_commands,
						      dpctl_outside_flow_commands,
						      dpctl_ct_commands };

#define FOR_EACH_COMMAND(C) \
	for (size_t table_ = 0; table_ < ARRAY_SIZE(tables); table_++) \
		for (const struct dpctl_command *C = tables[table_]; C->name; C++)

static NORETURN void usage(void)
{
	printf("%s: Open eSwitch datapath management utility\nusage: %s [OPTIONS] COMMAND "
	       "[ARG...]\n\n",
	       program_name, program_name);
	FOR_EACH_COMMAND(c)
	printf("  %-18s %s\n", c->name, c->usage);
	printf("\nEach IFACE may be followed by comma-separated options (ovs-dpctl(8)). DP may be "
	       "left out\n"
	       "where it is in brackets and there is only one datapath.\n"
	       "Options:\n"
	       "  -s, --statistics     show: of ports; mod-flow, del-flow: of the flow;\n"
	       "                       dump-conntrack: counts and times\n"
	       "  -m, --more           dump-flows, get-flow, dump-conntrack: print more\n"
	       "  --names, --no-names  print names of ports, or numbers\n"
	       "  --may-create         mod-flow: create the flow where it does not exist\n"
	       "  --clear              mod-flow: its statistics begin at zero\n"
	       "  --read-only          refuse commands that change something\n"
	       "  -t, --timeout=SECS   give up after SECS seconds\n"
	       "  -v, --verbose[=SPEC], --log-file[=FILE]\n"
	       "                       logging, see ovs-vswitchd(8)\n"
	       "  -o, --option         list all options\n"
	       "  -h, --help           this text\n"
	       "  -V, --version        version\n");
	exit(EXIT_SUCCESS);
}

static void list_commands(struct dpctl *d, int argc, const char *const argv[])
{
	printf("The available commands are:\n");
	FOR_EACH_COMMAND(c)
	printf("  %-23s %s\n", c->name, c->usage);
	printf("  %-23s \n  %-23s \n", "help", "list-commands");
}

static const struct dpctl_command *find_command(const char *name)
{
	static const struct dpctl_command list = { "list-commands", "",		  0, INT32_MAX,
						   DPCTL_NO_KERNEL, list_commands };

	FOR_EACH_COMMAND(c)
	if (!strcmp(c->name, name))
		return c;
	if (!strcmp(name, "help"))
		usage();
	if (!strcmp(name, list.name))
		return &list;
	fatal(0, "unknown command '%s'; use --help for help", name);
}

// What has been answered goes out before what went wrong.
static void print(struct dpctl *d)
{
	fputs(strbuf_cstr(&d->out), stdout);
	fflush(stdout);
	fputs(strbuf_cstr(&d->errors), stderr);
	strbuf_clear(&d->out);
	strbuf_clear(&d->errors);
}

static void run_command(int argc, const char *const argv[])
{
	const struct dpctl_command *c = find_command(argv[0]);
	struct error err = ERROR_INIT;

	if (argc - 1 < c->min_args)
		fatal(0, "'%s' command requires at least %d arguments", c->name, c->min_args);
	if (argc - 1 > c->max_args)
		fatal(0, "'%s' command takes at most %d arguments", c->name, c->max_args);
	if (read_only && c->flags & DPCTL_WRITES)
		fatal(0, "'%s' command does not work in read only mode", c->name);
	if (!(c->flags & DPCTL_NO_KERNEL) && admin_open(&dpctl.admin, &err))
		fatal(0, "%s", err.text);
	dpctl.command = c;
	dpctl.input = stdin;
	dpctl.find = dpctl_find_tracker;
	dpctl.drain = print;
	c->run(&dpctl, argc - 1, argv + 1);
	print(&dpctl);
	admin_close(dpctl.admin);
	dpctl_uninit(&dpctl);
}

// ---- Options ----

enum { OPT_NAMES = 0x6000, OPT_NO_NAMES, OPT_CLEAR, OPT_MAY_CREATE, OPT_READ_ONLY };

static const struct option longs[] = {
	{ "statistics", no_argument, NULL, 's' },
	{ "clear", no_argument, NULL, OPT_CLEAR },
	{ "may-create", no_argument, NULL, OPT_MAY_CREATE },
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ "more", no_argument, NULL, 'm' },
	{ "names", no_argument, NULL, OPT_NAMES },
	{ "no-names", no_argument, NULL, OPT_NO_NAMES },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "option", no_argument, NULL, 'o' },
	{ "version", no_argument, NULL, 'V' },
	LOG_LONG_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

static void set_timeout(const char *text)
{
	uint32_t n;

	if (!parse_u32(text, 10, &n) || !n || n > INT32_MAX)
		fatal(0, "value %s on -t or --timeout is invalid", text);
	alarm(n);
}

static void handle_option(int c)
{
	switch (c) {
	case 's':
		dpctl.statistics = true;
		break;
	case 'm':
		dpctl.more = true;
		break;
	case OPT_CLEAR:
		dpctl.clear = true;
		break;
	case OPT_MAY_CREATE:
		dpctl.may_create = true;
		break;
	case OPT_READ_ONLY:
		read_only = true;
		break;
	case OPT_NAMES:
	case OPT_NO_NAMES:
		dpctl.names_given = true;
		dpctl.names = c == OPT_NAMES;
		break;
	case 't':
		set_timeout(optarg);
		break;
	default:
		log_handle_option(c, optarg);
	}
}

static void parse_options(int argc, char *argv[])
{
	int c;

	while ((c = getopt_long(argc, argv, "smt:hoVv::", longs, NULL)) != -1) {
		if (c == 'h')
			usage();
		if (c == 'o') {
			print_options(longs);
			exit(EXIT_SUCCESS);
		}
		if (c == 'V') {
			print_version(NULL);
			exit(EXIT_SUCCESS);
		}
		if (c == '?')
			exit(EXIT_FAILURE);
		handle_option(c);
	}
	if (!dpctl.names_given)
		dpctl.names = dpctl.more;
}

int main(int argc, char *argv[])
{
	program_init(argv[0]);
	rcu_thread_begin();
	log_set("console:warn", NULL);
	parse_options(argc, argv);
	if (optind >= argc)
		fatal(0, "missing command name; use --help for help");
	run_command(argc - optind, (const char *const *)argv + optind);
	fflush(stdout);
	if (ferror(stdout))
		fatal(errno, "standard output");
	return dpctl.n_errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
