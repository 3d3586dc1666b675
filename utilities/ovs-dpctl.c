// SPDX-License-Identifier: Apache-2.0
// ovs-dpctl: datapaths of the kernel, without a switch. Options and the list of commands are here.
#include "utilities/ovs-dpctl.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/rcu.h"

LOG_MODULE(dpctl);

struct dpctl_options dpctl;

// ---- What the commands share ----

void dpctl_error(int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fflush(stdout);
	fprintf(stderr, "%s: ", program_name);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (error)
		fprintf(stderr, " (%s)", strerror(-error));
	fputc('\n', stderr);
	dpctl.errors++;
}

void dpctl_explain(const struct error *err)
{
	if (err->text[0])
		log_warn("%s", err->text);
}

int dpctl_find_dp(const char *text, struct admin_dp *ret)
{
	struct error err = ERROR_INIT;
	const char *at = strchr(text, '@');
	size_t n = at ? (size_t)(at - text) : 0;
	int error;

	// Datapaths of type "netdev" are inside ovs-vswitchd.
	if (at && n == 6 && !memcmp(text, "netdev", n))
		return -ENODEV;
	if (at && (n != 6 || memcmp(text, "system", n)))
		return -EAFNOSUPPORT;
	error = admin_dp_find(dpctl.admin, at ? at + 1 : text, ret, &err);
	if (error && error != -ENODEV)
		dpctl_explain(&err);
	return error;
}

bool dpctl_only_dp(struct admin_dp *ret)
{
	struct error err = ERROR_INIT;
	struct admin_dps dps;
	bool found = false;
	int error = admin_dp_list(dpctl.admin, &dps, &err);

	if (error) {
		dpctl_error(error, "listing datapaths");
		dpctl_explain(&err);
		return false;
	}
	if (dps.all.n == 1) {
		*ret = dps.all.v[0];
		found = true;
	} else {
		dpctl_error(0,
			    dps.all.n ? "multiple datapaths, specify one" : "no datapaths exist");
		dpctl_error(-EINVAL, "datapath not found");
	}
	admin_dps_uninit(&dps);
	return found;
}

bool dpctl_take_dp(int *argc, char **argv[], int max, struct admin_dp *ret)
{
	if (*argc < max)
		return dpctl_only_dp(ret);
	if (dpctl_find_dp((*argv)[0], ret)) {
		dpctl_error(-EINVAL, "datapath not found");
		return false;
	}
	--*argc;
	++*argv;
	return true;
}

bool dpctl_port_by_name(const char *name, dp_port_t *ret, void *ports)
{
	const struct admin_port *p;
	uint32_t n;

	if (parse_u32(name, 10, &n)) {
		*ret = DP_PORT(n);
		return true;
	}
	p = ports ? admin_port_by_name(ports, name) : NULL;
	if (p)
		*ret = p->number;
	return p;
}

const char *dpctl_port_name(dp_port_t port, void *ports)
{
	const struct admin_port *p = admin_port_by_number(ports, port);

	return p ? p->name : NULL;
}

// ---- Commands ----

static const struct dpctl_command *const tables[] = { dpctl_datapath_commands,
						      dpctl_flow_commands };

// Described, and refused by one clear error until they come.
static const char *const later[] = {
	"dump-conntrack",	  "flush-conntrack",	"ct-stats-show",    "ct-bkts",
	"ct-set-maxconns",	  "ct-get-maxconns",	"ct-get-nconns",    "ct-enable-tcp-seq-chk",
	"ct-disable-tcp-seq-chk", "ct-get-tcp-seq-chk", "ct-set-limits",    "ct-del-limits",
	"ct-get-limits",	  "ipf-set-enabled",	"ipf-set-disabled", "ipf-set-min-frag",
	"ipf-set-max-nfrags",	  "ipf-get-status",
};

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
	       "  -s, --statistics     show: of ports; mod-flow, del-flow: of the flow\n"
	       "  -m, --more           dump-flows, get-flow: print more\n"
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

static void list_commands(int argc, char *argv[])
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
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (!strcmp(later[i], name))
			fatal(0,
			      "%s is not supported yet; where ovs-vswitchd runs, "
			      "use ovs-appctl dpctl/%s",
			      name, name);
	fatal(0, "unknown command '%s'; use --help for help", name);
}

static void run_command(int argc, char *argv[])
{
	const struct dpctl_command *c = find_command(argv[0]);
	struct error err = ERROR_INIT;

	if (argc - 1 < c->min_args)
		fatal(0, "'%s' command requires at least %d arguments", c->name, c->min_args);
	if (argc - 1 > c->max_args)
		fatal(0, "'%s' command takes at most %d arguments", c->name, c->max_args);
	if (dpctl.read_only && c->flags & DPCTL_WRITES)
		fatal(0, "'%s' command does not work in read only mode", c->name);
	if (!(c->flags & DPCTL_NO_KERNEL) && admin_open(&dpctl.admin, &err))
		fatal(0, "%s", err.text);
	c->run(argc - 1, argv + 1);
	admin_close(dpctl.admin);
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

static void print_options(void)
{
	for (const struct option *o = longs; o->name; o++) {
		const char *arg = o->has_arg == required_argument   ? "ARG"
				  : o->has_arg == optional_argument ? "[ARG]"
								    : "";

		printf("--%s%s%s\n", o->name, *arg ? "=" : "", arg);
		if (o->val > ' ' && o->val < 0x7f)
			printf("-%c %s\n", o->val, arg);
	}
	exit(EXIT_SUCCESS);
}

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
		dpctl.read_only = true;
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
		if (c == 'o')
			print_options();
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
	run_command(argc - optind, argv + optind);
	fflush(stdout);
	if (ferror(stdout))
		fatal(errno, "standard output");
	return dpctl.errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
