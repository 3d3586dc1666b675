// SPDX-License-Identifier: Apache-2.0
// dpctl/*: the commands that ovs-dpctl has, too, run in the switch.
#include "datapath/dpctl.h"
#include "ofproto/bridge/commands-private.h"

enum { MAX_ARGS = 64 };

// ---- Arguments and answers ----

// False: it is no option.
static bool take_option(struct dpctl *d, const char *arg)
{
	if (!strcmp(arg, "-m") || !strcmp(arg, "--more"))
		d->more = true;
	else if (!strcmp(arg, "-s") || !strcmp(arg, "--statistics"))
		d->statistics = true;
	else
		return false;
	return true;
}

// Options stand anywhere. False after an answer. 'rest' keeps what is no option.
static bool take_args(struct appctl_conn *conn, int argc, const char *const argv[], struct dpctl *d,
		      const char *rest[MAX_ARGS], int *ret_n)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (take_option(d, argv[i]))
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

static void reply(struct appctl_conn *conn, struct dpctl *d)
{
	if (d->n_errors) {
		strbuf_puts(&d->out, strbuf_cstr(&d->errors));
		appctl_reply_error(conn, d->out.s);
	} else {
		appctl_reply(conn, strbuf_cstr(&d->out));
	}
}

// ---- Connections ----

static struct datapath *find(struct dpctl *d, const char *name)
{
	struct vswitchd *vs = d->aux;
	struct plane *pl, *found = NULL;

	if (name) {
		pl = plane_by_name(vs, name);
		return pl ? pl->dp : NULL;
	}
	PLANE_FOR_EACH(pl, vs)
	{
		if (!pl->dp)
			continue;
		if (found) {
			dpctl_fail_to_choose(d, true);
			return NULL;
		}
		found = pl;
	}
	if (!found)
		dpctl_fail_to_choose(d, false);
	return found ? found->dp : NULL;
}

static void run_ct(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	struct dpctl d = { .command = dpctl_ct_commands, .find = find, .aux = vs };
	const char *rest[MAX_ARGS];
	int n;

	while (strcmp(d.command->name, argv[0] + strlen("dpctl/")))
		d.command++;
	if (take_args(conn, argc, argv, &d, rest, &n)) {
		d.command->run(&d, n, rest);
		reply(conn, &d);
	}
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
