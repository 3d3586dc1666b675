// SPDX-License-Identifier: Apache-2.0
// Commands that need no switch: printing messages, parsing flows.
#include <ctype.h>
#include <stdio.h>

#include "ofproto/openflow/group.h"
#include "utilities/ovs-ofctl-flow.h"

static void print_bytes(const void *p, size_t n, int verbosity)
{
	AUTO(strbuf) s = STRBUF_INIT;

	msg_print(p, n, NULL, verbosity, &s);
	fputs(s.s, stdout);
}

static void run_ofp_print(int argc, char *argv[])
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t verbosity = 2;

	for (const char *s = argv[1]; *s;) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		if (lo < 0)
			fatal(0, "trailing garbage following hex bytes");
		wr_u8(&b, hi << 4 | lo);
		s += 2;
	}
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

static void print_versions(const char *what, uint32_t usable)
{
	uint32_t both = usable & ofctl.versions;
	AUTO(strbuf) s = STRBUF_INIT;

	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (usable >> v & 1)
			strbuf_printf(&s, "%s,", of_version_name(v));
	strbuf_chomp(&s, ',');
	if (!both)
		fatal(0, "this can be sent with %s only (use -O)", strbuf_cstr(&s));
	printf("usable protocols: %s\n", usable == 0x7e ? "any" : strbuf_cstr(&s));
	printf("chosen %s: %s\n", what, of_version_name(__builtin_ctz(both)));
}

static void print_flow_mod(const struct flow_mod *fm, uint32_t usable, uint32_t xid,
			   const char *where)
{
	AUTO(strbuf) b = STRBUF_INIT;

	flow_mod_encode(fm, __builtin_ctz(usable & ofctl.versions), xid, &b);
	ofctl_check_length(&b, 0, where);
	print_bytes(b.s, b.len, ofctl.verbosity + 1);
}

static void run_parse_flow(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t usable;

	if (flow_mod_parse(argv[1], FM_ADD, NULL, &fm, &usable, &err))
		fatal(0, "%s", err.text);
	print_versions("protocol", usable);
	print_flow_mod(&fm, usable, 1, "");
	flow_mod_uninit(&fm);
}

struct parsing {
	const char *name;
	uint32_t xid;
};

static void parse_line(char *line, unsigned int number, void *aux)
{
	struct parsing *p = aux;
	AUTO_FREE char *where = xasprintf("%s:%u: ", p->name, number);
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t usable;

	if (flow_mod_parse(line, FM_ADD, NULL, &fm, &usable, &err))
		fatal(0, "%s%s", where, err.text);
	if (!(usable & ofctl.versions))
		fatal(0, "%sthe flow cannot be sent with the versions allowed by -O", where);
	print_flow_mod(&fm, usable, ++p->xid, where);
	flow_mod_uninit(&fm);
}

static void run_parse_flows(int argc, char *argv[])
{
	struct parsing p = { argv[1], 0 };

	flow_file_read(argv[1], parse_line, &p);
}

static void run_parse_group(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	struct group_mod gm;
	uint32_t usable;

	if (group_mod_parse(argv[1], GROUP_ADD, NULL, &gm, &usable, &err))
		fatal(0, "%s", err.text);
	print_versions("version", usable);
	group_mod_encode(&gm, __builtin_ctz(usable & ofctl.versions), 1, &b);
	ofctl_check_length(&b, 0, "");
	print_bytes(b.s, b.len, ofctl.verbosity + 1);
	group_mod_uninit(&gm);
}

static void print_byte(const struct strbuf *b, size_t i)
{
	if (i < b->len)
		printf("%02x", (uint8_t)b->s[i]);
	else
		printf("(none)");
}

// Where the bytes differ from what we would have sent.
static void print_differences(const struct strbuf *got, const struct strbuf *ours)
{
	for (size_t i = 0; i < MAX(got->len, ours->len); i++) {
		if (i < got->len && i < ours->len && got->s[i] == ours->s[i])
			continue;
		printf("%2zu: ", i);
		print_byte(got, i);
		printf(" -> ");
		print_byte(ours, i);
		putchar('\n');
	}
}

static void print_actions(const char *line, const char *name, uint8_t version)
{
	AUTO(strbuf) bytes = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;
	struct reader r;
	enum ofperr e;

	for (const char *s = line; *s && *s != '#';) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0) {
			s++;
			continue;
		}
		wr_u8(&bytes, hi << 4 | lo);
		s += 2;
	}
	r = rd_init(strbuf_cstr(&bytes), bytes.len);
	e = acts_decode_actions(&r, version, &acts);
	if (e) {
		printf("bad %s actions: %s\n\n", name, ofperr_name(e));
		return;
	}
	acts_format(acts_of(&acts), NULL, &text);
	printf("actions=%s\n", text.s);
	acts_encode_actions(acts_of(&acts), version, &again);
	print_differences(&bytes, &again);
	putchar('\n');
}

// Hex bytes of actions on standard input, one list a line, in the version named.
static void run_parse_actions(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	uint32_t versions;
	char line[8192];

	if (of_versions_parse(argv[1], &versions, &err))
		fatal(0, "%s", err.text);
	while (fgets(line, sizeof(line), stdin))
		print_actions(line, argv[1], __builtin_ctz(versions));
}

static void run_print_error(int argc, char *argv[])
{
	for (enum ofperr e = 1; e < OFPERR_COUNT; e++) {
		if (strcmp(ofperr_name(e), argv[1]))
			continue;
		for (uint8_t v = OFP10; v <= OFP15; v++) {
			AUTO(strbuf) b = STRBUF_INIT;
			struct reader r;
			int type, code;
			uint32_t vendor = 0;

			ofperr_encode(e, v, "", 0, &b);
			if (ofperr_decode(b.s, b.len) != e) {
				printf("OpenFlow 1.%d: no code\n", v - 1);
				continue;
			}
			r = rd_init(b.s, b.len);
			rd_skip(&r, 8);
			type = rd_be16(&r);
			code = rd_be16(&r);
			if (type == 0xb0c2 && v < OFP12) {
				vendor = rd_be32(&r);
				type = rd_be16(&r);
				code = rd_be16(&r);
			} else if (type == 0xffff) {
				type = code;
				code = 0;
				vendor = rd_be32(&r);
			}
			printf("OpenFlow 1.%d: vendor %s%x, type %d, code %d\n", v - 1,
			       vendor ? "0x" : "", vendor, type, code);
		}
		return;
	}
	fatal(0, "unknown error \"%s\"", argv[1]);
}

const struct ofctl_command ofctl_local_commands[] = {
	{ "ofp-print", "HEX [VERBOSITY]: print a message", 1, 2, run_ofp_print },
	{ "ofp-parse", "FILE: print the messages in a file", 1, 1, run_ofp_parse },
	{ "parse-flow", "FLOW: print the message a flow makes", 1, 1, run_parse_flow },
	{ "parse-flows", "FILE: the same for the lines of a file", 1, 1, run_parse_flows },
	{ "parse-group", "GROUP: print the message a group makes", 1, 1, run_parse_group },
	{ "parse-actions", "VERSION: print actions given as hex on standard input", 1, 1,
	  run_parse_actions },
	{ "print-error", "NAME: an error's numbers", 1, 1, run_print_error },
	{ "list-commands", ": all commands", 0, 0, ofctl_list_commands },
	{ NULL, NULL, 0, 0, NULL },
};
