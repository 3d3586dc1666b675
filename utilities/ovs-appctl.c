// SPDX-License-Identifier: Apache-2.0
// ovs-appctl: sends one command to a running daemon and prints the answer.
#include <getopt.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/io/appctl.h"

struct options {
	const char *target, *format;
	int timeout_msec;
};

static NORETURN void usage(void)
{
	printf("%s, for querying and controlling Open eSwitch daemons\n"
	       "usage: %s [TARGET] COMMAND [ARG...]\n"
	       "Targets:\n"
	       "  -t, --target=TARGET  pidfile or socket to contact (default: ovs-vswitchd)\n"
	       "Common commands:\n"
	       "  list-commands        List commands supported by the target\n"
	       "  version              Print version of the target\n"
	       "  vlog/list            List current logging levels\n"
	       "  vlog/set [SPEC]      Set log levels as detailed in SPEC\n"
	       "Other options:\n"
	       "  -f, --format=FMT     output format: text (default) or json\n"
	       "  --timeout=SECS, -T SECS\n"
	       "                       wait at most SECS seconds for a response\n"
	       "  -o, --option         Print all options\n"
	       "  -h, --help           Print this helpful information\n"
	       "  -V, --version        Display version information\n",
	       program_name, program_name);
	exit(EXIT_SUCCESS);
}

static int parse_options(int argc, char *argv[], struct options *o)
{
	static const struct option longs[] = { { "target", required_argument, NULL, 't' },
					       { "timeout", required_argument, NULL, 'T' },
					       { "format", required_argument, NULL, 'f' },
					       { "option", no_argument, NULL, 'o' },
					       { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' },
					       LOG_LONG_OPTIONS,
					       { NULL, 0, NULL, 0 } };
	uint32_t seconds;
	int c;

	// '+': what follows the command belongs to it.
	while ((c = getopt_long(argc, argv, "+t:T:f:ohVv::", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			o->target = optarg;
			break;
		case 'T':
			if (!parse_u32(optarg, 10, &seconds) || !seconds ||
			    seconds > INT32_MAX / 1000)
				fatal(0, "value %s on -T or --timeout is invalid", optarg);
			o->timeout_msec = seconds * 1000;
			break;
		case 'f':
			if (strcmp(optarg, "json") && strcmp(optarg, "text"))
				fatal(0, "value %s on -f or --format is invalid", optarg);
			o->format = optarg;
			break;
		case 'o':
			print_options(longs);
			exit(EXIT_SUCCESS);
		case 'h':
			usage();
		case 'V':
			print_version(NULL);
			exit(EXIT_SUCCESS);
		case '?':
			exit(EXIT_FAILURE);
		default:
			log_handle_option(c, optarg);
		}
	}
	if (optind >= argc)
		fatal(0, "at least one non-option argument is required (use --help for help)");
	return optind;
}

int main(int argc, char *argv[])
{
	struct options o = { .target = "ovs-vswitchd", .timeout_msec = -1 };
	struct error err = ERROR_INIT;
	char *path, *text = NULL;
	int first, ret;

	program_init(argv[0]);
	log_set("console:warn", NULL);
	log_set("syslog:off", NULL);
	first = parse_options(argc, argv, &o);
	if (appctl_target_path(o.target, &path, &err) < 0)
		fatal(0, "%s", err.text);
	ret = appctl_call(path, o.format, argc - first, (const char *const *)argv + first,
			  o.timeout_msec, &text, &err);
	if (ret < 0)
		fatal(0, "cannot connect to \"%s\" (%s)", path, err.text);
	fputs(text, ret ? stderr : stdout);
	if (ret)
		fprintf(stderr, "%s: %s: server returned an error\n", program_name, o.target);
	free(text);
	free(path);
	return ret ? 2 : 0;
}
