// SPDX-License-Identifier: Apache-2.0
// dpctl/*: the commands that ovs-dpctl has, too, run in the switch.
#include "datapath/dpctl-text.h"
#include "datapath/dpctl.h"
#include "datapath/kernel/admin.h"
#include "ofproto/bridge/commands-private.h"

enum { MAX_ARGS = 64 };

// ---- Arguments and answers ----

// Options stand anywhere. False after an answer. 'rest' keeps what is no option.
static bool take_args(struct appctl_conn *conn, int argc, const char *const argv[], struct dpctl *d,
		      const char *rest[MAX_ARGS], int *ret_n)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (dpctl_take_option(d, argv[i]))
			continue;
		if (argv[i][0] == '-' && argv[i][1]) {
			appctl_reply_errorf(conn, "Unrecognized option %s", argv[i]);
			return false;
		}
		if (n == MAX_ARGS) {
			appctl_reply_error(conn, "too many arguments");
			return false;
		}
		rest[n++] = argv[i];
	}
	*ret_n = n;
	return true;
}

void cmd_reply(struct appctl_conn *conn, struct dpctl *d)
{
	if (d->n_errors) {
		strbuf_puts(&d->out, strbuf_cstr(&d->errors));
		appctl_reply_error(conn, d->out.s);
	} else {
		strbuf_puts(&d->out, strbuf_cstr(&d->errors));
		appctl_reply(conn, strbuf_cstr(&d->out));
	}
}

// ---- Datapaths of the kernel that are not the switch's ----

struct outside {
	struct admin *admin;
	struct admin_dps dps;
};

static bool is_ours(struct vswitchd *vs, const char *name)
{
	AUTO_FREE char *full = xasprintf("system@%s", name);

	return plane_by_name(vs, full);
}

// False: there is no kernel's datapath on this machine.
static bool outside_open(struct vswitchd *vs, struct outside *o)
{
	size_t n = 0;

	*o = (struct outside){ NULL };
	if (admin_open(&o->admin, NULL))
		return false;
	if (admin_dp_list(o->admin, &o->dps, NULL)) {
		admin_close(o->admin);
		return false;
	}
	for (size_t i = 0; i < o->dps.all.n; i++)
		if (!is_ours(vs, o->dps.all.v[i].name))
			o->dps.all.v[n++] = o->dps.all.v[i];
	o->dps.all.n = n;
	return true;
}

static void outside_close(struct outside *o)
{
	admin_dps_uninit(&o->dps);
	admin_close(o->admin);
}

static const struct admin_dp *outside_find(const struct outside *o, const char *name)
{
	const struct admin_dp *dp;

	if (str_starts(name, "system@"))
		name += strlen("system@");
	VEC_FOR_EACH (dp, &o->dps.all)
		if (!strcmp(dp->name, name))
			return dp;
	return NULL;
}

void cmd_list_outside(struct vswitchd *vs, struct strset *names)
{
	const struct admin_dp *dp;
	struct outside o;

	if (!outside_open(vs, &o))
		return;
	VEC_FOR_EACH (dp, &o.dps.all)
		strset_add(names, dp->name);
	outside_close(&o);
}

bool cmd_has_outside(struct vswitchd *vs)
{
	struct strset names;
	bool has;

	strset_init(&names);
	cmd_list_outside(vs, &names);
	has = strset_count(&names);
	strset_uninit(&names);
	return has;
}

static const struct dpctl_command *outside_command(const char *name)
{
	static const struct dpctl_command *const tables[] = { dpctl_outside_commands,
							      dpctl_outside_flow_commands };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct dpctl_command *c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	abort(); // each of them has one
}

// Answers.
static void run_outside(struct appctl_conn *conn, struct admin *admin, int argc,
			const char *const argv[])
{
	const struct dpctl_command *c = outside_command(argv[0] + strlen("dpctl/"));
	struct dpctl d = { .command = c, .admin = admin };
	const char *rest[MAX_ARGS];
	int n;

	if (take_args(conn, argc, argv, &d, rest, &n)) {
		if (n < c->min_args) {
			appctl_reply_errorf(conn, "'%s' command requires at least %d arguments",
					    argv[0], c->min_args);
		} else if (n > c->max_args) {
			appctl_reply_errorf(conn, "'%s' command takes at most %d arguments",
					    argv[0], c->max_args);
		} else {
			c->run(&d, n, rest);
			cmd_reply(conn, &d);
		}
	}
	dpctl_uninit(&d);
}

// What may be a datapath's name: the first that is no option.
static const char *first_word(int argc, const char *const argv[])
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			return argv[i];
	return NULL;
}

static bool any_open(const struct vswitchd *vs)
{
	const struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		return true;
	return false;
}

bool cmd_run_outside(struct appctl_conn *conn, struct vswitchd *vs, int argc,
		     const char *const argv[])
{
	const char *name = first_word(argc, argv);
	struct outside o;
	bool is;

	if ((name && plane_by_name(vs, name)) || !outside_open(vs, &o))
		return false;
	is = (name && outside_find(&o, name)) || !any_open(vs);
	if (is)
		run_outside(conn, o.admin, argc, argv);
	outside_close(&o);
	return is;
}

bool cmd_run_on_kernel(struct appctl_conn *conn, struct vswitchd *vs, int argc,
		       const char *const argv[])
{
	struct outside o;

	if (!outside_open(vs, &o))
		return false;
	run_outside(conn, o.admin, argc, argv);
	outside_close(&o);
	return true;
}

void cmd_put_outside(struct vswitchd *vs, const char *command, const char *name, bool statistics,
		     struct strbuf *out)
{
	struct dpctl d = { .command = outside_command(command), .statistics = statistics };
	const struct admin_dp *dp;
	struct outside o;

	if (!outside_open(vs, &o))
		return;
	d.admin = o.admin;
	VEC_FOR_EACH (dp, &o.dps.all)
		if (!name || dp == outside_find(&o, name)) {
			const char *const args[] = { dp->name };

			d.command->run(&d, 1, args);
		}
	strbuf_puts(out, strbuf_cstr(&d.out));
	outside_close(&o);
	dpctl_uninit(&d);
}

// ---- Connections ----

// The first word is a datapath's, or it is the only one.
static struct datapath *find(struct dpctl *d, const char *name)
{
	struct vswitchd *vs = d->aux;
	struct plane *pl, *found = NULL;
	size_t n = 0;

	if (name) {
		pl = plane_by_name(vs, name);
		return pl ? pl->dp : d->admin ? dpctl_find_tracker(d, name) : NULL;
	}
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp) {
		found = pl;
		n++;
	}
	if (!n && d->admin)
		return dpctl_find_tracker(d, NULL);
	n += cmd_has_outside(vs);
	if (n != 1)
		dpctl_fail_to_choose(d, n);
	return n == 1 ? found->dp : NULL;
}

static void run_ct(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	struct dpctl d = { .command = dpctl_ct_commands, .find = find, .aux = vs };
	const char *rest[MAX_ARGS];
	int n;

	while (strcmp(d.command->name, argv[0] + strlen("dpctl/")))
		d.command++;
	if (admin_open(&d.admin, NULL))
		d.admin = NULL;
	if (take_args(conn, argc, argv, &d, rest, &n)) {
		d.command->run(&d, n, rest);
		cmd_reply(conn, &d);
	}
	admin_close(d.admin);
	dpctl_uninit(&d);
}

// ---- Rows ----

static VEC(struct appctl_command) rows;

size_t cmd_dpctl_rows(const struct appctl_command **ret)
{
	if (!rows.n)
		for (const struct dpctl_command *c = dpctl_ct_commands; c->name; c++)
			VEC_PUSH(&rows,
				 ((struct appctl_command){
					 xasprintf("dpctl/%s", c->name), c->usage, c->min_args,
					 c->max_args == INT32_MAX ? -1 : c->max_args, run_ct }));
	*ret = rows.v;
	return rows.n;
}
