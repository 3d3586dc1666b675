// SPDX-License-Identifier: Apache-2.0
// Commands on the kernel's datapaths from outside: flows and actions.
#include "datapath/dpctl-text.h"
#include "datapath/kernel/dpctl-private.h"

// A datapath whose flows are talked about, with its ports for their names.
struct table {
	struct dpctl *d;
	struct admin_dp dp;
	struct admin_ports ports;
};

static bool load_ports(struct dpctl *d, struct table *t)
{
	struct error err = ERROR_INIT;
	int error = admin_port_list(d->admin, &t->dp, &t->ports, &err);

	t->d = d;
	if (error) {
		dpctl_fail(d, error, "listing ports of %s", t->dp.name);
		dpctl_explain(&err);
	}
	return !error;
}

static bool take_table(struct dpctl *d, int *argc, const char *const *argv[], int max,
		       struct table *t)
{
	return dpctl_take_dp(d, argc, argv, max, &t->dp) && load_ports(d, t);
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
	struct dpctl *d = t->d;

	dpctl_put_flow(&line, d->more, d->names ? dpctl_port_name : NULL, &t->ports, &d->out);
	strbuf_putc(&d->out, '\n');
	dpctl_drain(d);
}

static void print_counts(struct dpctl *d, const struct flow_counts *c)
{
	dpctl_put_counts(c, &d->out);
	strbuf_putc(&d->out, '\n');
}

// ---- dump-flows ----

struct dump {
	struct table t;
	const char *dp, *filter;
	bool nothing; // the flows that are wanted are no kernel's
	struct match match;
};

static bool dump_argument(struct dpctl *d, struct dump *dump, const char *arg)
{
	int64_t pmd;

	if (str_starts(arg, "type=")) {
		dpctl_fail(d, 0,
			   "Invalid argument 'type'. Use 'ovs-appctl dpctl/dump-flows' instead.");
		return false;
	}
	if (str_starts(arg, "pmd=")) {
		// The kernel has no such threads.
		if (!parse_i64(arg + 4, 10, &pmd)) {
			dpctl_fail(d, -EINVAL, "%s: bad number of a pmd thread", arg);
			return false;
		}
		dump->nothing = true;
		return true;
	}
	if (str_starts(arg, "filter=") && !dump->filter) {
		dump->filter = arg + 7;
		return true;
	}
	if (dump->dp || strchr(arg, '=')) {
		dpctl_fail(d, -EINVAL, "datapath not found");
		return false;
	}
	dump->dp = arg;
	return true;
}

static void dump_flow(const struct admin_flow *f, void *aux)
{
	struct dump *d = aux;

	if (!d->filter || dpctl_filter_matches(&d->match, &f->key, &f->mask))
		print_flow(&d->t, f);
}

static bool open_dump(struct dpctl *d, struct dump *dump)
{
	struct error err = ERROR_INIT;

	if (dump->dp && dpctl_find_dp(d, dump->dp, &dump->t.dp)) {
		dpctl_fail(d, -EINVAL, "datapath not found");
		return false;
	}
	if ((!dump->dp && !dpctl_only_dp(d, &dump->t.dp)) || !load_ports(d, &dump->t))
		return false;
	if (dump->filter && dpctl_parse_filter(dump->filter, dpctl_port_by_name, &dump->t.ports,
					       &dump->match, &err)) {
		dpctl_fail(d, 0, "%s", err.text);
		return false;
	}
	return true;
}

static void dump_flows(struct dpctl *d, int argc, const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct dump dump = { 0 };
	int error = 0;

	for (int i = 0; i < argc; i++)
		if (!dump_argument(d, &dump, argv[i]))
			return;
	if (open_dump(d, &dump) && !dump.nothing)
		error = admin_flow_list(d->admin, &dump.t.dp, dump_flow, &dump, &err);
	if (error) {
		dpctl_fail(d, error, "Failed to dump flows from datapath");
		dpctl_explain(&err);
	}
	table_uninit(&dump.t);
}

// ---- Changing ----

static void put_flow(struct table *t, enum admin_put how, const char *flow, const char *actions)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct flow_counts counts;
	struct dpctl *d = t->d;
	struct match m;
	struct uuid ufid;
	bool named = str_starts(flow, "ufid:"), wants_counts = how != ADMIN_CREATE && d->statistics;
	struct admin_flow_put p = { .how = how,
				    .clear = how != ADMIN_CREATE && d->clear,
				    .ufid = named ? &ufid : NULL,
				    .match = &m };
	int error;

	if (named && !dpctl_parse_ufid(flow, &ufid)) {
		dpctl_fail(d, -EINVAL, "parsing flow ufid");
		return;
	}
	if (dp_key_parse(flow, dpctl_port_by_name, &t->ports, &m, &err)) {
		dpctl_fail(d, -EINVAL, "parsing flow key (%s)", err.text);
		return;
	}
	if (*actions && dp_actions_parse(actions, dpctl_port_by_name, &t->ports, &list, &err)) {
		dpctl_fail(d, -EINVAL, "parsing actions");
		dpctl_explain(&err);
		return;
	}
	p.actions = dp_actions_of(&list);
	error = admin_flow_put(d->admin, &t->dp, &p, wants_counts ? &counts : NULL, &err);
	if (error) {
		dpctl_fail(d, error, "updating flow table");
		dpctl_explain(&err);
	} else if (wants_counts) {
		print_counts(d, &counts);
	}
}

static void add_flow(struct dpctl *d, int argc, const char *const argv[])
{
	struct table t;

	if (!take_table(d, &argc, &argv, 3, &t))
		return;
	put_flow(&t, ADMIN_CREATE, argv[0], argv[1]);
	table_uninit(&t);
}

static enum admin_put modify(const struct dpctl *d)
{
	return d->may_create ? ADMIN_CREATE_OR_MODIFY : ADMIN_MODIFY;
}

static void mod_flow(struct dpctl *d, int argc, const char *const argv[])
{
	struct table t;

	if (!take_table(d, &argc, &argv, 3, &t))
		return;
	put_flow(&t, modify(d), argv[0], argv[1]);
	table_uninit(&t);
}

static void delete_flow(struct table *t, const char *flow)
{
	struct error err = ERROR_INIT;
	struct flow_counts counts;
	struct dpctl *d = t->d;
	struct uuid ufid;
	struct match m;
	bool named = str_starts(flow, "ufid:");
	int error;

	if (named && !dpctl_parse_ufid(flow, &ufid)) {
		dpctl_fail(d, -EINVAL, "parsing flow ufid");
		return;
	}
	if (!named && dp_key_parse(flow, dpctl_port_by_name, &t->ports, &m, &err)) {
		dpctl_fail(d, -EINVAL, "%s", err.text);
		return;
	}
	error = admin_flow_del(d->admin, &t->dp, named ? &ufid : NULL, &m.key,
			       d->statistics ? &counts : NULL, &err);
	if (error) {
		dpctl_fail(d, error, "deleting flow");
		if (error == -ENOENT && !named)
			strbuf_puts(&d->out, "Perhaps you need to specify a UFID?\n");
		dpctl_explain(&err);
	} else if (d->statistics) {
		print_counts(d, &counts);
	}
}

static void del_flow(struct dpctl *d, int argc, const char *const argv[])
{
	struct table t;

	if (!take_table(d, &argc, &argv, 2, &t))
		return;
	delete_flow(&t, argv[0]);
	table_uninit(&t);
}

static void get_flow(struct dpctl *d, int argc, const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct admin_flow f;
	struct uuid ufid;
	struct table t;
	int error;

	if (!take_table(d, &argc, &argv, 2, &t))
		return;
	if (!str_starts(argv[0], "ufid:") || !dpctl_parse_ufid(argv[0], &ufid)) {
		dpctl_fail(d, str_starts(argv[0], "ufid:") ? -EINVAL : 0, "parsing flow ufid");
		table_uninit(&t);
		return;
	}
	error = admin_flow_get(d->admin, &t.dp, &ufid, NULL, &f, &err);
	if (error) {
		dpctl_fail(d, error, "getting flow");
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
	if (!dpctl_line_is_whole(&l))
		dpctl_fail(t->d, 0, "Failed parsing line number %zu, skipped!", number);
	else if (l.verb == DPCTL_DELETE)
		delete_flow(t, l.flow);
	else
		put_flow(t, l.verb == DPCTL_ADD ? ADMIN_CREATE : modify(t->d), l.flow, l.actions);
}

// What is wrong with a line is told, and does not change the exit status, as in Open vSwitch.
static void run_file(struct table *t, const char *name, enum dpctl_verb verb)
{
	struct dpctl *d = t->d;
	FILE *f = d->input && !strcmp(name, "-") ? d->input : fopen(name, "r");
	int errors = d->n_errors;
	char *line = NULL;
	size_t cap = 0;

	if (!f) {
		dpctl_fail(d, -errno, "Opening file \"%s\" failed", name);
		return;
	}
	for (size_t number = 1; getline(&line, &cap, f) >= 0; number++)
		run_line(t, line, number, verb);
	d->n_errors = errors;
	if (ferror(f))
		dpctl_fail(d, -errno, "Reading file \"%s\" failed", name);
	free(line);
	if (f != d->input)
		fclose(f);
}

static void change_flows(struct dpctl *d, int argc, const char *const argv[], enum dpctl_verb verb)
{
	struct table t;

	if (!take_table(d, &argc, &argv, 2, &t))
		return;
	run_file(&t, argv[0], verb);
	table_uninit(&t);
}

static void add_flows(struct dpctl *d, int argc, const char *const argv[])
{
	change_flows(d, argc, argv, DPCTL_ADD);
}

static void mod_flows(struct dpctl *d, int argc, const char *const argv[])
{
	change_flows(d, argc, argv, DPCTL_MODIFY);
}

// All flows go where no file tells which. One argument alone is a datapath's name or a file's.
static void del_flows(struct dpctl *d, int argc, const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct admin_dp dp;
	int error;

	if (argc == 2 || (argc == 1 && dpctl_find_dp(d, argv[0], &dp))) {
		change_flows(d, argc, argv, DPCTL_DELETE);
		return;
	}
	if (!argc && !dpctl_only_dp(d, &dp))
		return;
	error = admin_flow_flush(d->admin, &dp, &err);
	if (error) {
		dpctl_fail(d, error, "deleting all flows");
		dpctl_explain(&err);
	}
}

// ---- Text ----

static void parse_actions(struct dpctl *d, int argc, const char *const argv[])
{
	for (int i = 0; i < argc; i++) {
		AUTO(strbuf) list = STRBUF_INIT;
		struct error err = ERROR_INIT;

		if (dp_actions_parse(argv[i], NULL, NULL, &list, &err)) {
			dpctl_fail(d, -EINVAL, "odp_actions_from_string");
			dpctl_explain(&err);
			return;
		}
		dp_actions_format(dp_actions_of(&list), NULL, NULL, &d->out);
		strbuf_putc(&d->out, '\n');
	}
}

static void normalize_actions(struct dpctl *d, int argc, const char *const argv[])
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;

	if (dp_key_parse(argv[0], NULL, NULL, &m, &err)) {
		dpctl_fail(d, -EINVAL, "odp_flow_key_from_string (%s)", err.text);
		return;
	}
	strbuf_puts(&d->out, "input flow: ");
	dpctl_put_exact(&m, &d->out);
	strbuf_putc(&d->out, '\n');
	if (dp_actions_parse(argv[1], NULL, NULL, &list, &err)) {
		dpctl_fail(d, -EINVAL, "odp_actions_from_string");
		dpctl_explain(&err);
		return;
	}
	dpctl_put_normalized(&m, dp_actions_of(&list), &d->out);
}

static void offload_stats_show(struct dpctl *d, int argc, const char *const argv[])
{
	struct admin_dp dp;

	// The kernel's datapath does not know of NICs: the switch does.
	if (dpctl_take_dp(d, &argc, &argv, 1, &dp))
		dpctl_fail(d, -EOPNOTSUPP, "retrieving offload statistics");
}

const struct dpctl_command dpctl_outside_flow_commands[] = {
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
