// SPDX-License-Identifier: Apache-2.0
// ovs-dpctl: flows and actions.
#include <stdio.h>

#include "datapath/dpctl-text.h"
#include "utilities/ovs-dpctl.h"

// A datapath whose flows are talked about, with its ports for their names.
struct table {
	struct admin_dp dp;
	struct admin_ports ports;
};

static bool load_ports(struct table *t)
{
	struct error err = ERROR_INIT;
	int error = admin_port_list(dpctl.admin, &t->dp, &t->ports, &err);

	if (error) {
		dpctl_error(error, "listing ports of %s", t->dp.name);
		dpctl_explain(&err);
	}
	return !error;
}

static bool take_table(int *argc, char **argv[], int max, struct table *t)
{
	return dpctl_take_dp(argc, argv, max, &t->dp) && load_ports(t);
}

static void table_uninit(struct table *t)
{
	admin_ports_uninit(&t->ports);
}

static void print_flow(struct table *t, const struct admin_flow *f)
{
	struct dpctl_flow line = { .ufid = f->has_ufid ? &f->ufid : NULL,
				   .key = f->key,
				   .mask = f->mask,
				   .counts = f->counts,
				   .actions = dp_actions_of(&f->actions),
				   .is_kernels = true,
				   .layer = "ovs" };
	AUTO(strbuf) out = STRBUF_INIT;

	dpctl_put_flow(&line, dpctl.more, dpctl.names ? dpctl_port_name : NULL, &t->ports, &out);
	printf("%s\n", out.s);
}

static void print_counts(const struct flow_counts *c)
{
	AUTO(strbuf) out = STRBUF_INIT;

	dpctl_put_counts(c, &out);
	printf("%s\n", out.s);
}

// ---- dump-flows ----

struct dump {
	struct table t;
	const char *dp, *filter;
	bool nothing; // the flows that are wanted are no kernel's
	struct match match;
};

static bool dump_argument(struct dump *d, const char *arg)
{
	int64_t pmd;

	if (str_starts(arg, "type=")) {
		dpctl_error(0,
			    "Invalid argument 'type'. Use 'ovs-appctl dpctl/dump-flows' instead.");
		return false;
	}
	if (str_starts(arg, "pmd=")) {
		// The kernel has no such threads.
		if (!parse_i64(arg + 4, 10, &pmd)) {
			dpctl_error(-EINVAL, "%s: bad number of a pmd thread", arg);
			return false;
		}
		d->nothing = true;
		return true;
	}
	if (str_starts(arg, "filter=") && !d->filter) {
		d->filter = arg + 7;
		return true;
	}
	if (d->dp || strchr(arg, '=')) {
		dpctl_error(-EINVAL, "datapath not found");
		return false;
	}
	d->dp = arg;
	return true;
}

static void dump_flow(const struct admin_flow *f, void *aux)
{
	struct dump *d = aux;

	if (!d->filter || dpctl_filter_matches(&d->match, &f->key, &f->mask))
		print_flow(&d->t, f);
}

static bool open_dump(struct dump *d)
{
	struct error err = ERROR_INIT;

	if (d->dp && dpctl_find_dp(d->dp, &d->t.dp)) {
		dpctl_error(-EINVAL, "datapath not found");
		return false;
	}
	if ((!d->dp && !dpctl_only_dp(&d->t.dp)) || !load_ports(&d->t))
		return false;
	if (d->filter &&
	    dpctl_parse_filter(d->filter, dpctl_port_by_name, &d->t.ports, &d->match, &err)) {
		dpctl_error(0, "%s", err.text);
		return false;
	}
	return true;
}

static void dump_flows(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct dump d = { 0 };
	int error = 0;

	for (int i = 0; i < argc; i++)
		if (!dump_argument(&d, argv[i]))
			return;
	if (open_dump(&d) && !d.nothing)
		error = admin_flow_list(dpctl.admin, &d.t.dp, dump_flow, &d, &err);
	if (error) {
		dpctl_error(error, "Failed to dump flows from datapath");
		dpctl_explain(&err);
	}
	table_uninit(&d.t);
}

// ---- Changing ----

static void put_flow(struct table *t, enum admin_put how, const char *flow, const char *actions)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct flow_counts counts;
	struct match m;
	struct uuid ufid;
	bool named = str_starts(flow, "ufid:"),
	     wants_counts = how != ADMIN_CREATE && dpctl.statistics;
	struct admin_flow_put p = { .how = how,
				    .clear = how != ADMIN_CREATE && dpctl.clear,
				    .ufid = named ? &ufid : NULL,
				    .match = &m };
	int error;

	if (named && !dpctl_parse_ufid(flow, &ufid)) {
		dpctl_error(-EINVAL, "parsing flow ufid");
		return;
	}
	if (dp_key_parse(flow, dpctl_port_by_name, &t->ports, &m, &err)) {
		dpctl_error(-EINVAL, "parsing flow key (%s)", err.text);
		return;
	}
	if (*actions && dp_actions_parse(actions, dpctl_port_by_name, &t->ports, &list, &err)) {
		dpctl_error(-EINVAL, "parsing actions");
		dpctl_explain(&err);
		return;
	}
	p.actions = dp_actions_of(&list);
	error = admin_flow_put(dpctl.admin, &t->dp, &p, wants_counts ? &counts : NULL, &err);
	if (error) {
		dpctl_error(error, "updating flow table");
		dpctl_explain(&err);
	} else if (wants_counts) {
		print_counts(&counts);
	}
}

static void add_flow(int argc, char *argv[])
{
	struct table t;

	if (!take_table(&argc, &argv, 3, &t))
		return;
	put_flow(&t, ADMIN_CREATE, argv[0], argv[1]);
	table_uninit(&t);
}

static enum admin_put modify(void)
{
	return dpctl.may_create ? ADMIN_CREATE_OR_MODIFY : ADMIN_MODIFY;
}

static void mod_flow(int argc, char *argv[])
{
	struct table t;

	if (!take_table(&argc, &argv, 3, &t))
		return;
	put_flow(&t, modify(), argv[0], argv[1]);
	table_uninit(&t);
}

static void delete_flow(struct table *t, const char *flow)
{
	struct error err = ERROR_INIT;
	struct flow_counts counts;
	struct uuid ufid;
	struct match m;
	bool named = str_starts(flow, "ufid:");
	int error;

	if (named && !dpctl_parse_ufid(flow, &ufid)) {
		dpctl_error(-EINVAL, "parsing flow ufid");
		return;
	}
	if (!named && dp_key_parse(flow, dpctl_port_by_name, &t->ports, &m, &err)) {
		dpctl_error(-EINVAL, "%s", err.text);
		return;
	}
	error = admin_flow_del(dpctl.admin, &t->dp, named ? &ufid : NULL, &m.key,
			       dpctl.statistics ? &counts : NULL, &err);
	if (error) {
		dpctl_error(error, "deleting flow");
		if (error == -ENOENT && !named)
			printf("Perhaps you need to specify a UFID?\n");
		dpctl_explain(&err);
	} else if (dpctl.statistics) {
		print_counts(&counts);
	}
}

static void del_flow(int argc, char *argv[])
{
	struct table t;

	if (!take_table(&argc, &argv, 2, &t))
		return;
	delete_flow(&t, argv[0]);
	table_uninit(&t);
}

static void get_flow(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct admin_flow f;
	struct uuid ufid;
	struct table t;
	int error;

	if (!take_table(&argc, &argv, 2, &t))
		return;
	if (!str_starts(argv[0], "ufid:") || !dpctl_parse_ufid(argv[0], &ufid)) {
		dpctl_error(str_starts(argv[0], "ufid:") ? -EINVAL : 0, "parsing flow ufid");
		table_uninit(&t);
		return;
	}
	error = admin_flow_get(dpctl.admin, &t.dp, &ufid, NULL, &f, &err);
	if (error) {
		dpctl_error(error, "getting flow");
		dpctl_explain(&err);
	} else {
		print_flow(&t, &f);
		admin_flow_uninit(&f);
	}
	table_uninit(&t);
}

// ---- Files ----

static void run_line(struct table *t, char *text, size_t number, enum dpctl_verb verb)
{
	struct dpctl_line l = { .verb = verb };

	if (!dpctl_line_split(text, &l))
		return;
	if (!l.flow || (l.verb != DPCTL_DELETE && !l.actions))
		dpctl_error(0, "Failed parsing line number %zu, skipped!", number);
	else if (l.verb == DPCTL_DELETE)
		delete_flow(t, l.flow);
	else
		put_flow(t, l.verb == DPCTL_ADD ? ADMIN_CREATE : modify(), l.flow, l.actions);
}

// What is wrong with a line is told, and does not change the exit status, as in Open vSwitch.
static void run_file(struct table *t, const char *name, enum dpctl_verb verb)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "r") : stdin;
	char *line = NULL;
	size_t cap = 0;
	int errors = dpctl.errors;

	if (!f) {
		dpctl_error(-errno, "Opening file \"%s\" failed", name);
		return;
	}
	for (size_t number = 1; getline(&line, &cap, f) >= 0; number++)
		run_line(t, line, number, verb);
	dpctl.errors = errors;
	if (ferror(f))
		dpctl_error(-errno, "Reading file \"%s\" failed", name);
	free(line);
	if (f != stdin)
		fclose(f);
}

static void change_flows(int argc, char *argv[], enum dpctl_verb verb)
{
	struct table t;

	if (!take_table(&argc, &argv, 2, &t))
		return;
	run_file(&t, argv[0], verb);
	table_uninit(&t);
}

static void add_flows(int argc, char *argv[])
{
	change_flows(argc, argv, DPCTL_ADD);
}

static void mod_flows(int argc, char *argv[])
{
	change_flows(argc, argv, DPCTL_MODIFY);
}

// All flows go where no file tells which. One argument alone is a datapath's name or a file's.
static void del_flows(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct admin_dp dp;
	int error;

	if (argc == 2 || (argc == 1 && dpctl_find_dp(argv[0], &dp))) {
		change_flows(argc, argv, DPCTL_DELETE);
		return;
	}
	if (!argc && !dpctl_only_dp(&dp))
		return;
	error = admin_flow_flush(dpctl.admin, &dp, &err);
	if (error) {
		dpctl_error(error, "deleting all flows");
		dpctl_explain(&err);
	}
}

// ---- Text ----

static void parse_actions(int argc, char *argv[])
{
	for (int i = 0; i < argc; i++) {
		AUTO(strbuf) list = STRBUF_INIT;
		AUTO(strbuf) out = STRBUF_INIT;
		struct error err = ERROR_INIT;

		if (dp_actions_parse(argv[i], NULL, NULL, &list, &err)) {
			dpctl_error(-EINVAL, "odp_actions_from_string");
			dpctl_explain(&err);
			return;
		}
		dp_actions_format(dp_actions_of(&list), NULL, NULL, &out);
		printf("%s\n", out.s);
	}
}

static void normalize_actions(int argc, char *argv[])
{
	AUTO(strbuf) list = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;

	if (dp_key_parse(argv[0], NULL, NULL, &m, &err)) {
		dpctl_error(-EINVAL, "odp_flow_key_from_string (%s)", err.text);
		return;
	}
	dpctl_put_exact(&m, &out);
	printf("input flow: %s\n", out.s);
	strbuf_clear(&out);
	if (dp_actions_parse(argv[1], NULL, NULL, &list, &err)) {
		dpctl_error(-EINVAL, "odp_actions_from_string");
		dpctl_explain(&err);
		return;
	}
	dpctl_put_normalized(&m, dp_actions_of(&list), &out);
	fputs(strbuf_cstr(&out), stdout);
}

static void offload_stats_show(int argc, char *argv[])
{
	struct admin_dp dp;

	// The kernel's datapath does not know of NICs: the switch does.
	if (dpctl_take_dp(&argc, &argv, 1, &dp))
		dpctl_error(-EOPNOTSUPP, "retrieving offload statistics");
}

const struct dpctl_command dpctl_flow_commands[] = {
	{ "dump-flows", "[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]", 0, 6, 0, dump_flows },
	{ "add-flow", "[dp] flow actions", 2, 3, DPCTL_WRITES, add_flow },
	{ "mod-flow", "[dp] flow actions", 2, 3, DPCTL_WRITES, mod_flow },
	{ "get-flow", "[dp] ufid", 1, 2, 0, get_flow },
	{ "del-flow", "[dp] flow", 1, 2, DPCTL_WRITES, del_flow },
	{ "add-flows", "[dp] file", 1, 2, DPCTL_WRITES, add_flows },
	{ "mod-flows", "[dp] file", 1, 2, DPCTL_WRITES, mod_flows },
	{ "del-flows", "[dp] [file]", 0, 2, DPCTL_WRITES, del_flows },
	{ "offload-stats-show", "[dp]", 0, 1, 0, offload_stats_show },
	{ "parse-actions", "actions", 1, INT32_MAX, DPCTL_NO_KERNEL, parse_actions },
	{ "normalize-actions", "actions", 2, 2, DPCTL_NO_KERNEL, normalize_actions },
	{ NULL, NULL, 0, 0, 0, NULL },
};
