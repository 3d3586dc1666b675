// SPDX-License-Identifier: Apache-2.0
// upcall/*, revalidator/*, memory/show: misses and megaflows of all datapaths.
#include "ofproto/bridge/commands-private.h"
#include "ofproto/pipeline/recirc.h"

static void show_upcalls(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct plane *pl;

	if (!cmd_need_datapath(conn, vs))
		return;
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp) {
		plane_put_name(pl, &out);
		strbuf_puts(&out, ":\n");
		upcall_show(pl->upcall, &out);
	}
	appctl_reply(conn, strbuf_cstr(&out));
}

static void set_flow_limit(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct plane *pl;
	uint64_t n;

	if (!parse_u64(argv[1], 10, &n)) {
		appctl_reply_errorf(conn, "%s: a number of flows expected", argv[1]);
		return;
	}
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		upcall_set_flow_limit(pl->upcall, n);
	strbuf_printf(&out, "set flow_limit to %llu\n", (unsigned long long)n);
	appctl_reply(conn, out.s);
}

static bool is_paused(const struct vswitchd *vs)
{
	return vs->n_planes && upcall_is_paused(vs->planes[0].upcall);
}

static void revalidator_wait(struct appctl_conn *conn, int argc, const char *const argv[],
			     void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node *n;
	struct plane *pl;

	if (is_paused(vs)) {
		appctl_reply_error(conn, "the revalidators are paused (revalidator/resume)");
		return;
	}
	HMAP_FOR_EACH (n, node, &vs->bridges.map)
		switch_tidy_now(((struct bridge *)n->data)->sw);
	PLANE_FOR_EACH(pl, vs)
	upcall_revalidate_now(pl->upcall);
	appctl_reply(conn, "");
}

static void revalidator_purge(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		upcall_flush(pl->upcall, NULL);
	appctl_reply(conn, "");
}

static void pause_all(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	upcall_pause(pl->upcall);
	appctl_reply(conn, "");
}

static void resume_all(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	upcall_resume(pl->upcall);
	appctl_reply(conn, "");
}

// What is on or off for all datapaths.
static const struct knob {
	const char *command;
	void (*set)(struct upcall_engine *u, bool enabled);
	bool enabled;
	const char *answer;
} knobs[] = {
	{ "upcall/disable-megaflows", upcall_set_wildcards, false, "megaflows disabled" },
	{ "upcall/enable-megaflows", upcall_set_wildcards, true, "megaflows enabled" },
	{ "upcall/disable-ufid", upcall_set_dump_tersely, false,
	  "Datapath dumping tersely using UFID disabled" },
	{ "upcall/enable-ufid", upcall_set_dump_tersely, true,
	  "Datapath dumping tersely using UFID enabled for supported datapaths" },
};

static void turn(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	const struct knob *k = knobs;
	struct plane *pl;

	while (strcmp(k->command, argv[0]))
		k++;
	PLANE_FOR_EACH(pl, vs)
	k->set(pl->upcall, k->enabled);
	appctl_reply(conn, k->answer);
}

const struct appctl_command upcall_commands[] = {
	{ "upcall/show", "", 0, 0, show_upcalls },
	{ "upcall/set-flow-limit", "flow-limit-number", 1, 1, set_flow_limit },
	{ "upcall/disable-megaflows", "", 0, 0, turn },
	{ "upcall/enable-megaflows", "", 0, 0, turn },
	{ "upcall/disable-ufid", "", 0, 0, turn },
	{ "upcall/enable-ufid", "", 0, 0, turn },
	{ "revalidator/wait", "", 0, 0, revalidator_wait },
	{ "revalidator/purge", "", 0, 0, revalidator_purge },
	{ "revalidator/pause", NULL, 0, 0, pause_all },
	{ "revalidator/resume", NULL, 0, 0, resume_all },
};
const size_t n_upcall_commands = ARRAY_SIZE(upcall_commands);

// What there is none of is not told.
static void put_count(struct smap *usage, const char *name, size_t n)
{
	if (n)
		smap_setf(usage, name, "%zu", n);
}

void cmd_memory_report(struct smap *usage, void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node *n, *port;
	size_t rules = 0, ports = 0, keys = 0, handlers = 0, revalidators = 0;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	{
		struct datapath_stats st;

		if (!pl->dp)
			continue;
		keys += upcall_n_flows(pl->upcall);
		datapath_stats(pl->dp, &st);
		handlers += st.handlers;
		revalidators += upcall_n_revalidators(pl->upcall);
	}
	STRMAP_FOR_EACH (n, &vs->bridges) {
		struct bridge *br = n->data;

		rules += switch_n_rules(br->sw);
		STRMAP_FOR_EACH (port, &br->ports)
			ports += ((const struct bridge_port *)port->data)->of != NULL;
	}
	put_count(usage, "idl-cells-Open_vSwitch", idl_n_cells(vs->idl));
	put_count(usage, "handlers", handlers);
	put_count(usage, "revalidators", revalidators);
	put_count(usage, "rules", rules);
	put_count(usage, "ports", ports);
	put_count(usage, "udpif keys", keys);
	put_count(usage, "recirculation states", recirc_count());
}
