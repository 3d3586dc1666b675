// SPDX-License-Identifier: Apache-2.0
// dpctl/add-dp, del-dp, add-if, del-if, set-if: datapaths and ports by hand, behind the database's back. What of it touches the
// switch's own datapaths does not last (decision 26).
#include "datapath/dpctl-text.h"
#include "datapath/dpctl.h"
#include "ofproto/bridge/commands-private.h"

// ---- Datapaths ----

// Others than the switch's own, which bridges make.
static void add_dp(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	if (plane_by_name(vs, argv[1]))
		cmd_fail(conn, -EEXIST, "add_dp");
	else if (str_starts(argv[1], "netdev@"))
		cmd_fail(conn, -EOPNOTSUPP,
			 "add_dp: there is one userspace datapath, which bridges make");
	else if (strchr(argv[1], '@') && !str_starts(argv[1], "system@"))
		cmd_fail(conn, -EAFNOSUPPORT, "add_dp");
	else if (!cmd_run_on_kernel(conn, vs, argc, argv))
		cmd_fail(conn, -ENOENT, "add_dp");
}

static void del_dp(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	if (plane_by_name(vs, argv[1]))
		cmd_fail(conn, -EBUSY, "del_dp: bridges are on it");
	else if (!cmd_run_on_kernel(conn, vs, argc, argv))
		cmd_fail(conn, -ENOENT, "opening datapath");
}

// ---- Ports ----

// Of the userspace datapath. True when it is done, else 'd' has been told.
typedef bool port_fn(struct plane *pl, const struct dpctl_port *p, struct dpctl *d);

static void fail_port(struct dpctl *d, int error, const char *doing, const char *name,
		      const char *how, struct plane *pl)
{
	AUTO(strbuf) full = STRBUF_INIT;

	plane_put_name(pl, &full);
	dpctl_fail(d, error, "%s %s %s %s failed", doing, name, how, full.s);
}

// No bridge has it, and so it does not stay.
static bool add_port(struct plane *pl, const struct dpctl_port *p, struct dpctl *d)
{
	const char *type = bridge_port_type(pl->vs, p->type);
	struct error err = ERROR_INIT;
	struct port_ref other;
	dp_port_t number;
	int error;

	if (p->has_number && datapath_port_ref(pl->dp, p->number, &other)) {
		fail_port(d, -EBUSY, "adding", p->name, "to", pl);
		return false;
	}
	error = type ? datapath_port_add(pl->dp, p->name, type, &p->options, &number, &err)
		     : -EAFNOSUPPORT;
	if (error == -ENODEV || error == -EAFNOSUPPORT)
		dpctl_fail(d, error, "%s: failed to open network device", p->name);
	else if (error)
		fail_port(d, error, "adding", p->name, "to", pl);
	if (error)
		dpctl_explain(&err);
	else
		datapath_port_del(pl->dp, number);
	return !error;
}

// A bridge gets it back at its next configuration.
static bool del_port(struct plane *pl, const struct dpctl_port *p, struct dpctl *d)
{
	struct bridge_port *bp;
	struct port_ref ref;
	dp_port_t number;

	if (!cmd_port_by_name(p->name, &number, pl)) {
		dpctl_fail(d, 0, "no port named %s", p->name);
		return false;
	}
	bp = bridge_port_by_dp(pl, number);
	if (!bp) {
		fail_port(d, datapath_port_ref(pl->dp, number, &ref) ? -EINVAL : -ENODEV,
			  "deleting port", p->name, "from", pl);
		return false;
	}
	bridge_port_destroy(bp);
	return true;
}

static bool set_options(struct plane *pl, dp_port_t number, const struct dpctl_port *p,
			struct dpctl *d)
{
	struct bridge_port *bp = bridge_port_by_dp(pl, number);
	struct error err = ERROR_INIT;
	struct smap_node *n;
	AUTO(smap) all;
	int error;

	if (bp)
		smap_clone(&all, &bp->options);
	else
		smap_init(&all);
	if (!smap_count(&p->options))
		return true;
	SMAP_FOR_EACH (n, &p->options)
		if (*n->value)
			smap_set(&all, n->key, n->value);
		else
			smap_remove(&all, n->key);
	error = datapath_port_set_options(pl->dp, number, &all, &err);
	if (error)
		dpctl_fail(d, error, "%s: %s", p->name, err.text);
	return !error;
}

static bool set_port(struct plane *pl, const struct dpctl_port *p, struct dpctl *d)
{
	struct datapath_port_info i;
	const char *type;
	dp_port_t number;

	if (!datapath_port_by_name(pl->dp, p->name, &number) ||
	    !datapath_port_info(pl->dp, number, &i)) {
		AUTO(strbuf) full = STRBUF_INIT;

		plane_put_name(pl, &full);
		dpctl_fail(d, -ENODEV, "%s: failed to query port in %s", p->name, full.s);
		return false;
	}
	smap_uninit(&i.status);
	type = cmd_port_type(pl, i.type);
	if (*p->type && strcmp(p->type, type) && strcmp(p->type, i.type))
		dpctl_fail(d, 0, "%s: can't change type from %s to %s", p->name, type, p->type);
	else if (p->has_number && !dp_port_equal(p->number, number))
		dpctl_fail(d, 0, "%s: can't change port number from %u to %u", p->name, number.n,
			   p->number.n);
	else
		return set_options(pl, number, p, d);
	return false;
}

static void for_each_port(struct appctl_conn *conn, struct plane *pl, int argc,
			  const char *const argv[], port_fn *fn)
{
	struct dpctl d = { NULL };

	for (int i = 2; i < argc; i++) {
		struct error err = ERROR_INIT;
		struct dpctl_port p;

		if (dpctl_port_parse(argv[i], &p, &err)) {
			dpctl_fail(&d, 0, "%s", err.text);
			continue;
		}
		fn(pl, &p, &d);
		dpctl_port_uninit(&p);
	}
	cmd_reply(conn, &d);
	dpctl_uninit(&d);
}

// In the kernel's datapaths as ovs-dpctl does it. In the switch's own it makes right again what is not as its bridges want it.
static void change_ports(struct appctl_conn *conn, struct vswitchd *vs, int argc,
			 const char *const argv[], port_fn *fn)
{
	struct plane *pl = plane_by_name(vs, argv[1]);
	if (pl && strcmp(pl->type, "system"))
		for_each_port(conn, pl, argc, argv, fn);
	else if (!cmd_run_on_kernel(conn, vs, argc, argv))
		cmd_fail(conn, -ENOENT, "opening datapath");
	else if (pl)
		datapath_reconcile_ports(pl->dp);
}

static void add_if(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	change_ports(conn, vs, argc, argv, add_port);
}

static void del_if(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	change_ports(conn, vs, argc, argv, del_port);
}

static void set_if(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	change_ports(conn, vs, argc, argv, set_port);
}

const struct appctl_command dpctl_change_commands[] = {
	{ "dpctl/add-dp", "dp [iface...]", 1, -1, add_dp },
	{ "dpctl/del-dp", "dp", 1, 1, del_dp },
	{ "dpctl/add-if", "dp iface...", 2, -1, add_if },
	{ "dpctl/del-if", "dp iface...", 2, -1, del_if },
	{ "dpctl/set-if", "dp iface...", 2, -1, set_if },
};
const size_t n_dpctl_change_commands = ARRAY_SIZE(dpctl_change_commands);
