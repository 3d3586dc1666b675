// SPDX-License-Identifier: Apache-2.0
// Commands about flows.
#include <stdio.h>
#include <strings.h>

#include "core/base/vec.h"
#include "ofproto/openflow/flow-print.h"
#include "ofproto/openflow/formats.h"
#include "utilities/ovs-ofctl-flow.h"

// ---- Changing flows ----

struct sender {
	struct ofp_client *c;
	struct ofctl_ports *ports;
	uint32_t formats; // that are allowed and that the switch takes
	uint32_t usable; // that can say every flow so far
	struct strbuf buf;
};

// Nothing is sent before all flows are known to be in order. Where there is no format for one, the program will end, but what is
// wrong in other lines is told before.
static void put_flow_mod(struct sender *s, const struct flow_mod *fm, uint32_t usable,
			 const char *where)
{
	size_t start = s->buf.len;
	unsigned int format;

	s->usable &= usable;
	if (!(s->usable & s->formats))
		return;
	format = __builtin_ctz(usable & s->formats);
	// An addition without a table is one to the first, which commands without a table mean, too.
	if (1u << format & FORMATS_TABLES && fm->command == FM_ADD && fm->table == 255)
		format--;
	flow_mod_encode_as(fm, format, ofp_client_xid(s->c), &s->buf);
	ofctl_end_message(s->c, &s->buf, start, where);
}

// Port names are asked for at the first flow that may need them.
static const struct port_names *names_for(struct sender *s, const char *line)
{
	if (!s->ports && strpbrk(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		s->ports = ofctl_ports_load(s->c);
	return ofctl_port_parser(s->ports);
}

// Tries without names first: asking the switch costs a round trip, and most lines have none.
static int parse(struct sender *s, const char *line, enum flow_mod_command command,
		 struct flow_mod *fm, uint32_t *usable, struct error *err)
{
	int error = flow_mod_parse(line, command, ofctl_port_parser(s->ports), fm, usable, err);

	if (!error || s->ports)
		return error;
	return flow_mod_parse(line, command, names_for(s, line), fm, usable, err);
}

static void run_one(struct sender *s, const char *line, enum flow_mod_command command,
		    const char *where)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t usable;

	if (parse(s, line, command, &fm, &usable, &err))
		fatal(0, "%s%s", where, err.text);
	put_flow_mod(s, &fm, usable, where);
	flow_mod_uninit(&fm);
}

// A line of a file may begin with what is to be done.
static const char *line_command(const char *line, enum flow_mod_command *command)
{
	static const struct {
		const char *name;
		enum flow_mod_command command;
	} words[] = {
		{ "add", FM_ADD },
		{ "modify", FM_MODIFY },
		{ "modify_strict", FM_MODIFY_STRICT },
		{ "delete", FM_DELETE },
		{ "delete_strict", FM_DELETE_STRICT },
	};
	size_t n = strcspn(line, " \t,=");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].name) == n && !strncmp(words[i].name, line, n) &&
		    line[n] != '=') {
			*command = words[i].command;
			return line + n;
		}
	return line;
}

void ofctl_read_flows(const char *name, flow_file_cb *cb, void *aux)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "r") : stdin;

	if (!f)
		fatal(errno, "%s: open", name);
	flow_file_read(f, name, cb, aux);
	if (f != stdin)
		fclose(f);
}

struct file_run {
	struct sender *s;
	enum flow_mod_command command;
};

static void run_line(char *line, const char *where, void *aux)
{
	struct file_run *r = aux;
	enum flow_mod_command command = r->command;
	const char *rest = r->command == FM_ADD ? line_command(line, &command) : line;

	run_one(r->s, rest, command, where);
}

void ofctl_put_flow(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b, char *line,
		    const char *where)
{
	struct sender s = { c, *ports, ofctl_formats_of(c), FORMATS_ANY, *b };
	enum flow_mod_command command = FM_ADD;
	const char *rest = line_command(line, &command);

	run_one(&s, rest, command, where);
	ofctl_need_formats_of(s.usable, s.formats);
	*ports = s.ports;
	*b = s.buf;
}

static void begin(struct sender *s, const char *target)
{
	*s = (struct sender){ .usable = FORMATS_ANY, .buf = STRBUF_INIT };
	s->c = ofctl_open_for_flows(target, &s->formats);
}

static void end(struct sender *s)
{
	ofctl_need_formats_of(s->usable, s->formats);
	ofctl_send_and_wait(s->c, &s->buf);
	strbuf_uninit(&s->buf);
	ofctl_ports_free(s->ports);
	ofp_client_close(s->c);
}

static void change_flows(char *argv[], enum flow_mod_command command, bool file)
{
	struct sender s;

	// A flow that cannot be parsed is told before anything is sent, unless it may have port names.
	begin(&s, argv[1]);
	if (file) {
		struct file_run r = { &s, command };

		ofctl_read_flows(argv[2], run_line, &r);
	} else {
		run_one(&s, argv[2] ? argv[2] : "", command, "");
	}
	end(&s);
}

static void run_add_flow(int argc, char *argv[])
{
	// "-" reads flows like add-flows, and so does a file behind "@" nowhere: one way is enough.
	change_flows(argv, FM_ADD, !strcmp(argv[2], "-"));
}

static void run_add_flows(int argc, char *argv[])
{
	change_flows(argv, FM_ADD, true);
}

static void run_mod_flows(int argc, char *argv[])
{
	change_flows(argv, ofctl.strict ? FM_MODIFY_STRICT : FM_MODIFY, !strcmp(argv[2], "-"));
}

static void run_del_flows(int argc, char *argv[])
{
	change_flows(argv, ofctl.strict ? FM_DELETE_STRICT : FM_DELETE,
		     argc > 2 && !strcmp(argv[2], "-"));
}

// ---- Dumping flows ----

// Requests have had table ids from the start.
static void request_from_text(const char *text, bool aggregate, const struct port_names *names,
			      struct flow_stats_request *q, uint32_t *ret_usable)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t usable;

	if (flow_mod_parse(text, FM_DELETE, names, &fm, &usable, &err))
		fatal(0, "%s", err.text);
	*ret_usable = usable | (usable & FORMATS_TABLES) >> 1;
	*q = (struct flow_stats_request){
		.match = fm.match,
		.table = fm.table,
		.out_port = fm.out_port,
		.out_group = fm.out_group,
		.cookie = fm.cookie,
		.cookie_mask = fm.cookie_mask,
		.aggregate = aggregate,
	};
	flow_mod_uninit(&fm);
}

void flow_request_encode(struct ofp_client *c, const struct flow_stats_request *q, uint32_t usable,
			 struct strbuf *b)
{
	uint32_t formats = ofctl_formats_of(c);

	ofctl_need_formats_of(usable, formats);
	if (usable & formats & ~FORMATS_OF10)
		flow_stats_request_encode(q, ofp_client_version(c), ofp_client_xid(c), b);
	else
		flow_stats_request_encode_standard_10(q, ofp_client_xid(c), b);
}

typedef VEC(struct flow) flow_vec;

static void collect_part(struct msg *part, void *aux)
{
	flow_vec *list = aux;
	struct strbuf acts = STRBUF_INIT;
	struct flow_stats fs;

	while (flow_stats_decode_next(part, &fs, &acts) > 0) {
		struct flow *f = VEC_PUSH_UNINIT(list);

		f->fs = fs;
		f->acts = acts;
		acts = (struct strbuf)STRBUF_INIT;
	}
	strbuf_uninit(&acts);
}

// Pointers into the vector's elements hold only once it has its final size.
static void settle(flow_vec *list)
{
	struct flow *f;

	VEC_FOR_EACH (f, list) {
		f->fs.match = &f->fs.match_buf;
		f->fs.acts = acts_of(&f->acts);
	}
}

static int compare_field(const char *name, const struct flow *a, const struct flow *b)
{
	const struct field *f = field_by_name(name);
	union field_value x, y, mask;
	bool in_a, in_b;

	field_read(f, &a->fs.match->mask.m, &mask);
	in_a = !is_all_zeros(mask.b, f->n_bytes);
	field_read(f, &b->fs.match->mask.m, &mask);
	in_b = !is_all_zeros(mask.b, f->n_bytes);
	// Flows that do not match on the field come last.
	if (in_a != in_b)
		return in_a ? -2 : 2;
	field_read(f, &a->fs.match->key, &x);
	field_read(f, &b->fs.match->key, &y);
	return memcmp(x.b, y.b, f->n_bytes);
}

static int compare_flows(const void *p, const void *q)
{
	const struct flow *a = p, *b = q;

	for (size_t i = 0; i < ofctl.n_keys; i++) {
		bool reverse = ofctl.keys[i].reverse;
		int d;

		if (ofctl.keys[i].field)
			d = compare_field(ofctl.keys[i].field, a, b);
		else
			d = (int)b->fs.priority - a->fs.priority;
		if (d)
			return reverse && d != 2 && d != -2 ? -d : d;
	}
	return 0;
}

// Ages are part of the standard's statistics since 1.5 only; before, this form of output goes without.
static void print_flow(const struct flow *f, uint8_t version, const struct port_names *names)
{
	AUTO(strbuf) s = STRBUF_INIT;
	struct flow_stats fs = f->fs;

	if (version < OFP15)
		fs.idle_age = fs.hard_age = -1;
	flow_stats_format(&fs, names, !ofctl.no_stats, &s);
	ofctl_print_flow_line(s.s);
}

static void print_sorted(struct ofp_client *c, const struct strbuf *request,
			 const struct port_names *names)
{
	flow_vec list = VEC_INIT;
	struct flow *f;

	ofp_client_multipart(c, request, collect_part, &list);
	settle(&list);
	if (ofctl.sort) {
		qsort(list.v, list.n, sizeof(*list.v), compare_flows);
		settle(&list);
	}
	VEC_FOR_EACH (f, &list) {
		print_flow(f, ofp_client_version(c), names);
		strbuf_uninit(&f->acts);
	}
	VEC_FREE(&list);
}

static void print_part_in_color(struct msg *part, void *aux)
{
	AUTO(strbuf) s = STRBUF_INIT;
	char *save = NULL;

	msg_print(part->whole, part->size, NULL, ofctl.verbosity + 1, &s);
	for (char *line = strtok_r(s.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		ofctl_print_flow_line(line);
}

static void dump(int argc, char *argv[], bool aggregate)
{
	struct ofp_client *c = ofctl_open(argv[1]);
	const char *text = argc > 2 ? argv[2] : "";
	struct ofctl_ports *ports = ofctl.names || *text ? ofctl_ports_load(c) : NULL;
	struct flow_stats_request q;
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t usable;

	request_from_text(text, aggregate, ofctl_port_parser(ports), &q, &usable);
	flow_request_encode(c, &q, usable, &b);
	if (!aggregate && ofctl.plain && ofctl_has_color())
		ofp_client_multipart(c, &b, print_part_in_color, NULL);
	else if (aggregate || ofctl.plain)
		ofctl_print_multipart(c, &b);
	else
		print_sorted(c, &b, ofctl_port_printer(ports));
	ofctl_ports_free(ports);
	ofp_client_close(c);
}

static void run_dump_flows(int argc, char *argv[])
{
	dump(argc, argv, false);
}

static void run_dump_aggregate(int argc, char *argv[])
{
	dump(argc, argv, true);
}

const struct ofctl_command ofctl_flow_commands[] = {
	{ "dump-flows", "SWITCH [FLOW]: matching flows", 1, 2, run_dump_flows, .reads = true },
	{ "dump-aggregate", "SWITCH [FLOW]: statistics of matching flows", 1, 2, run_dump_aggregate,
	  .reads = true },
	{ "add-flow", "SWITCH FLOW: add a flow", 2, 2, run_add_flow, .bundles = true },
	{ "add-flows", "SWITCH FILE: add the flows of a file (-: standard input)", 2, 2,
	  run_add_flows, .bundles = true },
	{ "mod-flows", "SWITCH FLOW: change the actions of matching flows", 2, 2, run_mod_flows,
	  .bundles = true },
	{ "del-flows", "SWITCH [FLOW]: delete matching flows", 1, 2, run_del_flows,
	  .bundles = true },
	{ "replace-flows", "SWITCH FILE: make the flows those of a file", 2, 2, run_replace_flows,
	  .bundles = true },
	{ "diff-flows", "SOURCE1 SOURCE2: compare flows of switches or files", 2, 2,
	  run_diff_flows },
	{ NULL, NULL, 0, 0, NULL },
};
