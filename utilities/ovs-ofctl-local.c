// SPDX-License-Identifier: Apache-2.0
// Commands that need no switch: printing messages, parsing flows. Others are in ovs-ofctl-parse.c, -encode.c and -pcap.c.
#include <limits.h>
#include <stdio.h>

#include "core/base/vec.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/group.h"
#include "utilities/ovs-ofctl-flow.h"

static void print_bytes(const void *p, size_t n, int verbosity)
{
	AUTO(strbuf) s = STRBUF_INIT;

	msg_print(p, n, NULL, verbosity, &s);
	fputs(s.s, stdout);
}

// The first line of the standard input.
static char *read_hex_line(void)
{
	char *line = NULL;
	size_t cap = 0;

	if (getline(&line, &cap, stdin) <= 0)
		fatal(0, "Failed to read stdin");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void run_ofp_print(int argc, char *argv[])
{
	AUTO_FREE char *line = strcmp(argv[1], "-") ? NULL : read_hex_line();
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t verbosity = 2;

	if (ofctl_parse_hex(line ? line : argv[1], &b))
		fatal(0, "trailing garbage following hex bytes");
	if (argc > 2 && !parse_u32(argv[2], 10, &verbosity))
		fatal(0, "%s: bad verbosity", argv[2]);
	print_bytes(strbuf_cstr(&b), b.len, verbosity);
}

// A file of messages one behind the other.
static void run_ofp_parse(int argc, char *argv[])
{
	FILE *f = strcmp(argv[1], "-") ? fopen(argv[1], "r") : stdin;
	AUTO(strbuf) b = STRBUF_INIT;
	size_t ofs = 0, n;

	if (!f)
		fatal(errno, "%s: open", argv[1]);
	while ((n = fread(strbuf_reserve(&b, 65536), 1, 65536, f)) > 0)
		b.len += n;
	if (f != stdin)
		fclose(f);
	while (ofs < b.len) {
		const uint8_t *p = (const uint8_t *)b.s + ofs;
		size_t left = b.len - ofs, length = left >= 8 ? (size_t)(p[2] << 8 | p[3]) : 0;

		if (length < 8 || length > left)
			fatal(0, "%s: message at offset %zu is cut short", argv[1], ofs);
		print_bytes(p, length, ofctl.verbosity + 1);
		ofs += length;
	}
}

// ---- Flows ----

// What is usable, and of that the first that is allowed.
static enum flow_format choose(uint32_t usable)
{
	AUTO(strbuf) s = STRBUF_INIT;

	flow_formats_format(usable, &s);
	printf("usable protocols: %s\n", strbuf_cstr(&s));
	if (usable & ofctl.formats)
		return __builtin_ctz(usable & ofctl.formats);
	fflush(stdout);
	fatal(0, "no usable protocol");
}

static void print_flow_mod(const struct flow_mod *fm, enum flow_format format, uint32_t xid,
			   const char *where)
{
	AUTO(strbuf) b = STRBUF_INIT;

	flow_mod_encode_as(fm, format, xid, &b);
	ofctl_check_length(&b, 0, where);
	print_bytes(b.s, b.len, ofctl.verbosity + 1);
}

static enum flow_format choose_for_flows(uint32_t usable)
{
	enum flow_format format = choose(usable);

	printf("chosen protocol: %s\n", flow_format_name(format));
	return format;
}

static void run_parse_flow(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t usable;

	if (flow_mod_parse(argv[1], FM_ADD, NULL, &fm, &usable, &err))
		fatal(0, "%s", err.text);
	print_flow_mod(&fm, choose_for_flows(usable), 1, "");
	flow_mod_uninit(&fm);
}

// All lines are in one format.
struct parsed_flow {
	struct flow_mod fm;
	char *where;
};

struct parsing {
	uint32_t usable;
	VEC(struct parsed_flow) flows;
};

static void parse_line(char *line, const char *where, void *aux)
{
	struct parsing *p = aux;
	struct parsed_flow *f = VEC_PUSH_UNINIT(&p->flows);
	struct error err = ERROR_INIT;
	uint32_t usable;

	f->where = xstrdup(where);
	if (flow_mod_parse(line, FM_ADD, NULL, &f->fm, &usable, &err))
		fatal(0, "%s%s", where, err.text);
	p->usable &= usable;
}

static void run_parse_flows(int argc, char *argv[])
{
	struct parsing p = { FORMATS_ANY, VEC_INIT };
	enum flow_format format;
	struct parsed_flow *f;
	uint32_t xid = 0;

	ofctl_read_flows(argv[1], parse_line, &p);
	format = choose_for_flows(p.usable);
	VEC_FOR_EACH (f, &p.flows) {
		print_flow_mod(&f->fm, format, ++xid, f->where);
		flow_mod_uninit(&f->fm);
		free(f->where);
	}
	VEC_FREE(&p.flows);
}

static void run_parse_group(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	struct group_mod gm;
	uint32_t usable;
	uint8_t version;

	if (group_mod_parse(argv[1], GROUP_ADD, NULL, &gm, &usable, &err))
		fatal(0, "%s", err.text);
	version = flow_format_version(choose(usable));
	printf("chosen version: %s\n", of_version_name(version));
	group_mod_encode(&gm, version, 1, &b);
	ofctl_check_length(&b, 0, "");
	print_bytes(b.s, b.len, ofctl.verbosity + 1);
	group_mod_uninit(&gm);
}

const struct ofctl_command ofctl_local_commands[] = {
	{ "ofp-print", "HEX|- [VERBOSITY]: print a message", 1, 2, run_ofp_print },
	{ "ofp-parse", "FILE: print the messages in a file", 1, 1, run_ofp_parse },
	{ "parse-flow", "FLOW: print the message a flow makes", 1, 1, run_parse_flow },
	{ "parse-flows", "FILE: the same for the lines of a file", 1, 1, run_parse_flows },
	{ "parse-group", "GROUP: print the message a group makes", 1, 1, run_parse_group },
	{ "help", ": what there is", 0, INT_MAX, ofctl_help, .reads = true },
	{ "list-commands", ": all commands", 0, 0, ofctl_list_commands, .reads = true },
	{ NULL, NULL, 0, 0, NULL },
};
