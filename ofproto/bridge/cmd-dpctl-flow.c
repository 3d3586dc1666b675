// SPDX-License-Identifier: Apache-2.0
// dpctl/*: flows one by one and by files, and their text.
#include <stdio.h>

#include "datapath/dpctl-text.h"
#include "datapath/dpctl.h"
#include "ofproto/bridge/commands-private.h"

// What went wrong, as ovs-dpctl names it.
#define UPDATING "updating flow table"
#define DELETING "deleting flow"

// ---- Arguments ----

struct args {
	int n;
	const char *v[3]; // what is no option
	struct dpctl d; // the options
};

static bool take_option(struct appctl_conn *conn, struct dpctl *d, const char *arg)
{
	bool ok = dpctl_take_option(d, arg);

	if (!ok)
		appctl_reply_errorf(conn, "Unrecognized option %s", arg);
	else if (d->clear)
		appctl_reply_error(
			conn,
			"--clear: a running switch counts its OpenFlow statistics from these");
	return ok && !d->clear;
}

// False after an answer. 'min' and 'max' as ever, without options.
static bool take_args(struct appctl_conn *conn, int argc, const char *const argv[], int min,
		      int max, struct args *a)
{
	*a = (struct args){ 0 };
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1]) {
			if (!take_option(conn, &a->d, argv[i]))
				return false;
		} else if (a->n == max) {
			appctl_reply_errorf(conn, "'%s' command takes at most %d arguments",
					    argv[0], max);
			return false;
		} else {
			a->v[a->n++] = argv[i];
		}
	}
	if (a->n < min) {
		appctl_reply_errorf(conn, "'%s' command requires at least %d arguments", argv[0],
				    min);
		return false;
	}
	return true;
}

// ---- One flow ----

static int parse_key(struct plane *pl, const char *text, struct match *ret, struct error *err)
{
	struct error why = ERROR_INIT;

	if (!dp_key_parse(text, cmd_port_by_name, pl, ret, &why))
		return 0;
	return error_set(err, -EINVAL, "parsing flow key (%s) (%s)", why.text, strerror(EINVAL));
}

static int parse_list(struct plane *pl, const char *text, struct strbuf *list, struct error *err)
{
	struct error why = ERROR_INIT;

	if (!dp_actions_parse(text, cmd_port_by_name, pl, list, &why))
		return 0;
	return error_set(err, -EINVAL, "parsing actions (%s) (%s)", why.text, strerror(EINVAL));
}

static int add_flow_to(struct plane *pl, const char *flow, const char *actions, struct error *err)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct match m;
	int error = parse_key(pl, flow, &m, err);

	if (!error)
		error = parse_list(pl, actions, &list, err);
	return error ? error : upcall_add_static(pl->upcall, &m, dp_actions_of(&list), err);
}

// [DP] FLOW ACTIONS
static void add_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct error err = ERROR_INIT;
	struct plane *pl;
	struct args a;

	if (cmd_run_outside(conn, aux, argc, argv))
		return;
	if (!take_args(conn, argc, argv, 2, 3, &a) ||
	    !(pl = cmd_plane(conn, aux, a.n > 2 ? a.v[0] : NULL)))
		return;
	if (add_flow_to(pl, a.v[a.n - 2], a.v[a.n - 1], &err))
		cmd_fail(conn, 0, "%s", err.text);
	else
		appctl_reply(conn, "");
}

struct key_search {
	const struct match *m;
	struct megaflow *found;
};

static bool match_one(struct megaflow *mf, void *aux)
{
	struct key_search *s = aux;
	struct flow_key key;

	miniflow_expand(mf->key, &key);
	if (!flow_key_equal(&key, &s->m->key))
		return true;
	s->found = mf;
	return false;
}

// -ENOENT: the text is a flow, and there is none of it.
static int find_in_plane(struct plane *pl, const char *text, const char *doing,
			 struct megaflow **ret, struct error *err)
{
	struct key_search s = { 0 };
	struct match m;
	struct uuid ufid;

	if (dpctl_parse_ufid(text, &ufid)) {
		s.found = upcall_find(pl->upcall, &ufid);
	} else if (str_starts(text, "ufid:")) {
		return error_set(err, -EINVAL, "parsing flow ufid (%s)", strerror(EINVAL));
	} else {
		int error = parse_key(pl, text, &m, err);

		if (error < 0)
			return error;
		flow_key_masked(&m.key, &m.key, &m.mask);
		s.m = &m;
		upcall_for_each(pl->upcall, match_one, &s);
	}
	if (!s.found)
		return error_set(err, -ENOENT, "%s (%s)", doing, strerror(ENOENT));
	*ret = s.found;
	return 0;
}

struct megaflow *cmd_find_flow(struct appctl_conn *conn, struct vswitchd *vs, const char *dp,
			       const char *text, const char *doing, struct plane **ret_plane)
{
	struct error err = ERROR_INIT;
	struct megaflow *mf;
	struct plane *pl;

	if (dp) {
		pl = cmd_plane(conn, vs, dp);
		if (!pl)
			return NULL;
		*ret_plane = pl;
		if (!find_in_plane(pl, text, doing, &mf, &err))
			return mf;
	} else {
		PLANE_FOR_EACH(pl, vs)
		{
			*ret_plane = pl;
			if (pl->dp && !find_in_plane(pl, text, doing, &mf, &err))
				return mf;
		}
	}
	cmd_fail(conn, 0, "%s", err.text);
	return NULL;
}

static int modify(struct plane *pl, struct megaflow *mf, const char *actions, struct error *err)
{
	AUTO(strbuf) list = STRBUF_INIT;
	int error = parse_list(pl, actions, &list, err);

	return error ? error : upcall_modify(pl->upcall, mf, dp_actions_of(&list), err);
}

static int modify_flow_in(struct plane *pl, const char *flow, const char *actions, bool may_create,
			  struct error *err)
{
	struct megaflow *mf;
	int error = find_in_plane(pl, flow, UPDATING, &mf, err);

	if (error == -ENOENT && may_create)
		return add_flow_to(pl, flow, actions, err);
	return error ? error : modify(pl, mf, actions, err);
}

static void put_counts(struct plane *pl, struct megaflow *mf, struct strbuf *out)
{
	struct flow_counts counts;

	upcall_flow_counts(pl->upcall, mf, &counts);
	dpctl_put_counts(&counts, out);
	strbuf_putc(out, '\n');
}

// [-s] [--may-create] [DP] FLOW ACTIONS
static void mod_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct megaflow *mf = NULL;
	struct plane *pl = NULL;
	struct args a;
	int error;

	if (cmd_run_outside(conn, aux, argc, argv))
		return;
	if (!take_args(conn, argc, argv, 2, 3, &a) || !cmd_need_datapath(conn, aux))
		return;
	if (a.d.may_create) {
		pl = cmd_plane(conn, aux, a.n > 2 ? a.v[0] : NULL);
		if (!pl)
			return;
		if (a.d.statistics && !find_in_plane(pl, a.v[a.n - 2], UPDATING, &mf, NULL))
			put_counts(pl, mf, &out);
		error = modify_flow_in(pl, a.v[a.n - 2], a.v[a.n - 1], true, &err);
	} else {
		mf = cmd_find_flow(conn, aux, a.n > 2 ? a.v[0] : NULL, a.v[a.n - 2], UPDATING, &pl);
		if (!mf)
			return;
		if (a.d.statistics)
			put_counts(pl, mf, &out);
		error = modify(pl, mf, a.v[a.n - 1], &err);
	}
	if (error)
		cmd_fail(conn, 0, "%s", err.text);
	else
		appctl_reply(conn, strbuf_cstr(&out));
}

// [-m] [--names | --no-names] [DP] UFID
static void get_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct megaflow *mf;
	struct plane *pl;
	struct args a;

	if (cmd_run_outside(conn, aux, argc, argv))
		return;
	if (!take_args(conn, argc, argv, 1, 2, &a) || !cmd_need_datapath(conn, aux) ||
	    !(mf = cmd_find_flow(conn, aux, a.n > 1 ? a.v[0] : NULL, a.v[a.n - 1], "getting flow",
				 &pl)))
		return;
	cmd_format_flow(pl, mf, true, a.d.names, &out);
	appctl_reply(conn, out.s);
}

// [-s] [DP] FLOW
static void del_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct megaflow *mf;
	struct plane *pl;
	struct args a;

	if (cmd_run_outside(conn, aux, argc, argv))
		return;
	if (!take_args(conn, argc, argv, 1, 2, &a) || !cmd_need_datapath(conn, aux) ||
	    !(mf = cmd_find_flow(conn, aux, a.n > 1 ? a.v[0] : NULL, a.v[a.n - 1], DELETING, &pl)))
		return;
	if (a.d.statistics)
		put_counts(pl, mf, &out);
	if (upcall_del(pl->upcall, &mf->ufid, &err) < 0)
		cmd_fail(conn, 0, "%s", err.text);
	else
		appctl_reply(conn, strbuf_cstr(&out));
}

// ---- Files ----

static int run_one(struct plane *pl, const struct dpctl_line *l, bool may_create, struct error *err)
{
	struct megaflow *mf;
	int error;

	if (l->verb == DPCTL_ADD)
		return add_flow_to(pl, l->flow, l->actions, err);
	if (l->verb == DPCTL_MODIFY)
		return modify_flow_in(pl, l->flow, l->actions, may_create, err);
	error = find_in_plane(pl, l->flow, DELETING, &mf, err);
	return error ? error : upcall_del(pl->upcall, &mf->ufid, err);
}

// What is wrong with a line is told in the answer, and the others are done.
static void run_line(struct plane *pl, char *text, size_t number, enum dpctl_verb verb,
		     const struct args *a, struct strbuf *out)
{
	struct dpctl_line l = { .verb = verb };
	struct error err = ERROR_INIT;

	if (!dpctl_line_split(text, &l))
		return;
	if (!dpctl_line_is_whole(&l))
		strbuf_printf(out, "%s: Failed parsing line number %zu, skipped!\n", program_name,
			      number);
	else if (run_one(pl, &l, a->d.may_create, &err))
		strbuf_printf(out, "%s: line %zu: %s\n", program_name, number, err.text);
}

static void run_file(struct appctl_conn *conn, struct plane *pl, const char *name,
		     enum dpctl_verb verb, const struct args *a)
{
	AUTO(strbuf) out = STRBUF_INIT;
	AUTO_FREE char *line = NULL;
	FILE *f = fopen(name, "r");
	size_t cap = 0;

	if (!f) {
		cmd_fail(conn, -errno, "Opening file \"%s\" failed", name);
		return;
	}
	for (size_t number = 1; getline(&line, &cap, f) >= 0; number++)
		run_line(pl, line, number, verb, a, &out);
	if (ferror(f))
		strbuf_printf(&out, "%s: Reading file \"%s\" failed\n", program_name, name);
	fclose(f);
	appctl_reply(conn, strbuf_cstr(&out));
}

// [DP] FILE
static void change_flows(struct appctl_conn *conn, int argc, const char *const argv[],
			 struct vswitchd *vs, enum dpctl_verb verb)
{
	struct plane *pl;
	struct args a;

	if (cmd_run_outside(conn, vs, argc, argv))
		return;
	if (take_args(conn, argc, argv, 1, 2, &a) &&
	    (pl = cmd_plane(conn, vs, a.n > 1 ? a.v[0] : NULL)))
		run_file(conn, pl, a.v[a.n - 1], verb, &a);
}

static void add_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	change_flows(conn, argc, argv, aux, DPCTL_ADD);
}

static void mod_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	change_flows(conn, argc, argv, aux, DPCTL_MODIFY);
}

// [DP] [FILE]: all flows go where no file tells which. One argument alone is a datapath's name or a file's.
static void del_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl, *only = argc == 2 ? plane_by_name(vs, argv[1]) : NULL;

	if (!only && cmd_run_outside(conn, vs, argc, argv))
		return;
	if (argc > 2 || (argc == 2 && !only)) {
		change_flows(conn, argc, argv, vs, DPCTL_DELETE);
		return;
	}
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp && (!only || pl == only))
		upcall_flush(pl->upcall, NULL);
	appctl_reply(conn, "");
}

// ---- Text ----

static void parse_actions(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;

	for (int i = 1; i < argc; i++) {
		AUTO(strbuf) list = STRBUF_INIT;
		struct error err = ERROR_INIT;

		if (dp_actions_parse(argv[i], NULL, NULL, &list, &err)) {
			cmd_fail(conn, -EINVAL, "odp_actions_from_string (%s)", err.text);
			return;
		}
		dp_actions_format(dp_actions_of(&list), NULL, NULL, &out);
		strbuf_putc(&out, '\n');
	}
	appctl_reply(conn, out.s);
}

static void normalize_actions(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *aux)
{
	AUTO(strbuf) list = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;

	if (dp_key_parse(argv[1], NULL, NULL, &m, &err)) {
		cmd_fail(conn, -EINVAL, "odp_flow_key_from_string (%s)", err.text);
		return;
	}
	if (dp_actions_parse(argv[2], NULL, NULL, &list, &err)) {
		cmd_fail(conn, -EINVAL, "odp_actions_from_string (%s)", err.text);
		return;
	}
	strbuf_puts(&out, "input flow: ");
	dpctl_put_exact(&m, &out);
	strbuf_putc(&out, '\n');
	dpctl_put_normalized(&m, dp_actions_of(&list), &out);
	appctl_reply(conn, out.s);
}

const struct appctl_command dpctl_flow_commands[] = {
	{ "dpctl/add-flow", "[dp] flow actions", 2, 3, add_flow },
	{ "dpctl/mod-flow", "[-s] [--may-create] [dp] flow actions", 2, 5, mod_flow },
	{ "dpctl/get-flow", "[-m] [--names] [dp] ufid", 1, 4, get_flow },
	{ "dpctl/del-flow", "[-s] [dp] flow", 1, 3, del_flow },
	{ "dpctl/add-flows", "[dp] file", 1, 2, add_flows },
	{ "dpctl/mod-flows", "[--may-create] [dp] file", 1, 3, mod_flows },
	{ "dpctl/del-flows", "[dp] [file]", 0, 2, del_flows },
	{ "dpctl/parse-actions", "actions", 1, -1, parse_actions },
	{ "dpctl/normalize-actions", "flow actions", 2, 2, normalize_actions },
};
const size_t n_dpctl_flow_commands = ARRAY_SIZE(dpctl_flow_commands);
