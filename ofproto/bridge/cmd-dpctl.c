// SPDX-License-Identifier: Apache-2.0
// dpctl/*: the datapath as its users know it.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "ofproto/bridge/commands-private.h"

bool cmd_need_datapath(struct appctl_conn *conn, const struct vswitchd *vs)
{
	const struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		return true;
	appctl_reply_error(conn, "no datapath is open (no bridge is configured, or see the log)");
	return false;
}

struct plane *cmd_plane(struct appctl_conn *conn, struct vswitchd *vs, const char *name)
{
	struct plane *pl, *found = NULL;

	if (!cmd_need_datapath(conn, vs))
		return NULL;
	if (name) {
		found = plane_by_name(vs, name);
		if (!found)
			appctl_reply_errorf(conn, "opening datapath %s failed (No such device)",
					    name);
		return found;
	}
	PLANE_FOR_EACH(pl, vs)
	{
		if (!pl->dp)
			continue;
		if (found) {
			appctl_reply_error(
				conn, "multiple datapaths exist, specify one (dpctl/dump-dps)");
			return NULL;
		}
		found = pl;
	}
	return found;
}

const char *cmd_port_name(dp_port_t port, void *aux)
{
	struct plane *pl = aux;
	static char name[64];
	struct port_ref ref;

	if (!datapath_port_ref(pl->dp, port, &ref))
		return NULL;
	snprintf(name, sizeof(name), "%s", ref.name);
	return name;
}

bool cmd_port_by_name(const char *name, dp_port_t *ret, void *aux)
{
	struct plane *pl = aux;
	uint32_t n;

	if (parse_u32(name, 10, &n)) {
		*ret = DP_PORT(n);
		return true;
	}
	return datapath_port_by_name(pl->dp, name, ret);
}

static void dump_dps(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp) {
		plane_put_name(pl, &out);
		strbuf_putc(&out, '\n');
	}
	appctl_reply(conn, strbuf_cstr(&out));
}

// By bridges, as ovs-vswitchd names them.
static void dump_bridges(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node **sorted = strmap_sorted(&vs->bridges);
	AUTO(strbuf) out = STRBUF_INIT;

	for (size_t i = 0; i < strmap_count(&vs->bridges); i++)
		strbuf_printf(&out, "%s@%s\n", ((struct bridge *)sorted[i]->data)->plane->type,
			      sorted[i]->name);
	free(sorted);
	appctl_reply(conn, strbuf_cstr(&out));
}

void cmd_put_port_type(struct plane *pl, dp_port_t port, const char *type, const struct smap *more,
		       struct strbuf *out)
{
	AUTO(smap) config;
	struct smap_node **sorted;

	if (more)
		smap_clone(&config, more);
	else
		smap_init(&config);
	datapath_port_config(pl->dp, port, &config);
	sorted = smap_sorted(&config);
	strbuf_printf(out, " (%s",
		      !strcmp(type, "internal") && !strcmp(pl->type, "netdev") ? "tap" : type);
	for (size_t i = 0; i < smap_count(&config); i++)
		strbuf_printf(out, "%s%s=%s", i ? ", " : ": ", sorted[i]->key, sorted[i]->value);
	strbuf_putc(out, ')');
	free(sorted);
}

struct show {
	struct plane *pl;
	struct strbuf *out;
	bool statistics;
};

static void show_port(dp_port_t port, void *aux)
{
	struct show *s = aux;
	struct datapath_port_info i;
	struct port_ref ref;

	if (!datapath_port_ref(s->pl->dp, port, &ref) || !datapath_port_info(s->pl->dp, port, &i))
		return;
	strbuf_printf(s->out, "  port %u: %s", port.n, ref.name);
	if (strcmp(i.type, "system"))
		cmd_put_port_type(s->pl, port, i.type, NULL, s->out);
	strbuf_putc(s->out, '\n');
	if (s->statistics)
		strbuf_printf(s->out,
			      "    RX packets:%llu errors:%llu dropped:%llu overruns:? frame:?\n"
			      "    TX packets:%llu errors:%llu dropped:%llu aborted:? carrier:?\n"
			      "    collisions:?\n"
			      "    RX bytes:%llu  TX bytes:%llu\n",
			      (unsigned long long)i.rx_packets, (unsigned long long)i.rx_errors,
			      (unsigned long long)i.rx_dropped, (unsigned long long)i.tx_packets,
			      (unsigned long long)i.tx_errors, (unsigned long long)i.tx_dropped,
			      (unsigned long long)i.rx_bytes, (unsigned long long)i.tx_bytes);
	smap_uninit(&i.status);
}

static void show_plane(struct show *s)
{
	struct datapath_stats st;

	datapath_stats(s->pl->dp, &st);
	plane_put_name(s->pl, s->out);
	strbuf_printf(s->out, ":\n  lookups: hit:%llu missed:%llu lost:%llu\n  flows: %llu\n",
		      (unsigned long long)st.hit, (unsigned long long)st.missed,
		      (unsigned long long)st.lost, (unsigned long long)st.flows);
	datapath_for_each_port(s->pl->dp, show_port, s);
}

// Those that are named, or all.
static void show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct show s = { NULL, &out, false };
	bool wanted[MAX_PLANES] = { 0 }, any = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-s") || !strcmp(argv[i], "--statistics")) {
			s.statistics = true;
		} else if ((s.pl = plane_by_name(vs, argv[i]))) {
			wanted[s.pl - vs->planes] = any = true;
		} else {
			appctl_reply_errorf(conn, "opening datapath %s failed (No such device)",
					    argv[i]);
			return;
		}
	}
	PLANE_FOR_EACH(s.pl, vs)
	if (s.pl->dp && (!any || wanted[s.pl - vs->planes]))
		show_plane(&s);
	appctl_reply(conn, strbuf_cstr(&out));
}

// Which flows a dump shows: the names that type= takes.
enum flow_type {
	TYPE_OVS = 1,
	TYPE_TC = 2,
	TYPE_DPDK = 4,
	TYPE_OFFLOADED = 8,
	TYPE_NON_OFFLOADED = 16,
	TYPE_PARTIAL = 32
};

static int parse_types(const char *text, struct error *err)
{
	static const struct {
		const char *name;
		int bit;
	} names[] = { { "ovs", TYPE_OVS },
		      { "tc", TYPE_TC },
		      { "dpdk", TYPE_DPDK },
		      { "offloaded", TYPE_OFFLOADED },
		      { "non-offloaded", TYPE_NON_OFFLOADED },
		      { "partially-offloaded", TYPE_PARTIAL },
		      { "all", 63 } };
	AUTO_FREE char *copy = xstrdup(text);
	char *save;
	int types = 0;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && strcmp(names[i].name, w))
			i++;
		if (i == ARRAY_SIZE(names))
			return error_set(err, -EINVAL, "Failed to parse type (%s)", text);
		types |= names[i].bit;
	}
	return types;
}

struct dump {
	struct plane *pl;
	struct strbuf *out;
	int types; // 0: all
	bool verbose, names;
	struct json_writer *json;
};

static bool is_wanted(const struct dump *d, enum placement_state place)
{
	bool kernel = !strcmp(d->pl->type, "system");
	int is = place == PLACE_IN_HW		 ? TYPE_OFFLOADED | (kernel ? TYPE_TC : TYPE_DPDK)
		 : place == PLACE_IN_TC_SOFTWARE ? TYPE_NON_OFFLOADED | TYPE_TC
						 : TYPE_NON_OFFLOADED | TYPE_OVS;

	return !d->types || d->types & is;
}

void cmd_format_counts(const struct flow_counts *c, struct strbuf *out)
{
	strbuf_printf(out, "packets:%llu, bytes:%llu, used:", (unsigned long long)c->packets,
		      (unsigned long long)c->bytes);
	if (c->used)
		strbuf_printf(out, "%.3fs", (clock_msec() - c->used) / 1000.0);
	else
		strbuf_puts(out, "never");
	if (c->tcp_flags) {
		strbuf_puts(out, ", flags:");
		for (int i = 0; i < 12; i++)
			if (c->tcp_flags >> i & 1)
				strbuf_putc(out,
					    "FSRP.UECN???"[i] == '?' ? '?' : "FSRP.UECN???"[i]);
	}
}

// Who runs the flow: "tc", "dpdk" or "ovs".
static const char *layer_of(const struct plane *pl, enum placement_state place)
{
	if (place != PLACE_IN_HW && place != PLACE_IN_TC_SOFTWARE)
		return "ovs";
	return strcmp(pl->type, "system") ? "dpdk" : "tc";
}

void cmd_format_flow(struct plane *pl, struct megaflow *mf, bool verbose, bool names,
		     struct strbuf *out)
{
	enum placement_state place = atomic_load(&mf->placement);
	const char *(*port_name)(dp_port_t, void *) = names ? cmd_port_name : NULL;
	struct flow_counts counts;
	struct flow_mask mask;
	struct flow_key key;

	miniflow_expand(mf->key, &key);
	miniflow_expand(mf->mask, &mask.m);
	if (verbose)
		strbuf_printf(out, "ufid:" UUID_FMT ", ", UUID_ARGS(&mf->ufid));
	dp_key_format(&key, &mask, port_name, pl, verbose, out);
	upcall_flow_counts(pl->upcall, mf, &counts);
	strbuf_puts(out, ", ");
	cmd_format_counts(&counts, out);
	if (verbose)
		strbuf_printf(out, "%s, dp:%s", place == PLACE_IN_HW ? ", offloaded:yes" : "",
			      layer_of(pl, place));
	strbuf_puts(out, ", actions:");
	dp_actions_format(megaflow_actions_get(mf), port_name, pl, out);
}

static bool dump_one(struct megaflow *mf, void *aux)
{
	struct dump *d = aux;
	AUTO(strbuf) line = STRBUF_INIT;

	if (!is_wanted(d, atomic_load(&mf->placement)))
		return true;
	cmd_format_flow(d->pl, mf, d->verbose, d->names, &line);
	if (d->json)
		jw_string_n(d->json, line.s, line.len);
	else
		strbuf_printf(d->out, "%s\n", line.s);
	return true;
}

static int parse_dump(struct vswitchd *vs, int argc, const char *const argv[], struct dump *d,
		      struct error *err)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-m") || !strcmp(argv[i], "--more")) {
			d->verbose = d->names = true;
		} else if (!strcmp(argv[i], "--names")) {
			d->names = true;
		} else if (!strcmp(argv[i], "--no-names")) {
			d->names = false;
		} else if (str_starts(argv[i], "type=")) {
			d->types = parse_types(argv[i] + 5, err);
			if (d->types < 0)
				return d->types;
		} else if (!(d->pl = plane_by_name(vs, argv[i]))) {
			return error_set(err, -EINVAL,
					 "%s: unknown option or datapath (filter= and pmd= are "
					 "not supported yet)",
					 argv[i]);
		}
	}
	return 0;
}

static void dump_plane(struct dump *d)
{
	offload_poll_stats(d->pl->offload);
	datapath_refresh(d->pl->dp);
	offload_flush(d->pl->offload);
	upcall_for_each(d->pl->upcall, dump_one, d);
}

// Of the datapath that is named, or of all.
static void dump_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct dump d = { NULL, &out, 0, false, false, NULL };
	struct json_writer w;

	if (parse_dump(vs, argc, argv, &d, &err) < 0) {
		appctl_reply_error(conn, err.text);
		return;
	}
	if (appctl_format(conn) == APPCTL_JSON) {
		json_writer_init(&w, &out);
		jw_array_begin(&w);
		d.json = &w;
	}
	if (d.pl)
		dump_plane(&d);
	else
		PLANE_FOR_EACH(d.pl, vs)
	if (d.pl->dp)
		dump_plane(&d);
	if (d.json)
		jw_array_end(&w);
	appctl_reply(conn, strbuf_cstr(&out));
}

// [DP] FLOW ACTIONS
static void add_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct plane *pl = cmd_plane(conn, aux, argc > 3 ? argv[1] : NULL);
	struct error err = ERROR_INIT;
	AUTO(strbuf) actions = STRBUF_INIT;
	struct match m;

	if (!pl)
		return;
	if (dp_key_parse(argv[argc - 2], cmd_port_by_name, pl, &m, &err) < 0 ||
	    dp_actions_parse(argv[argc - 1], cmd_port_by_name, pl, &actions, &err) < 0 ||
	    upcall_add_static(pl->upcall, &m, dp_actions_of(&actions), &err) < 0)
		appctl_reply_error(conn, err.text);
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
static int find_in_plane(struct plane *pl, const char *text, struct megaflow **ret,
			 struct error *err)
{
	struct key_search s = { 0 };
	struct match m;
	struct uuid ufid;

	if (uuid_parse(&ufid, str_starts(text, "ufid:") ? text + 5 : text)) {
		s.found = upcall_find(pl->upcall, &ufid);
	} else {
		int error = dp_key_parse(text, cmd_port_by_name, pl, &m, err);

		if (error < 0)
			return error;
		flow_key_masked(&m.key, &m.key, &m.mask);
		s.m = &m;
		upcall_for_each(pl->upcall, match_one, &s);
	}
	if (!s.found)
		return error_set(err, -ENOENT, "%s: no such flow", text);
	*ret = s.found;
	return 0;
}

struct megaflow *cmd_find_flow(struct appctl_conn *conn, struct vswitchd *vs, const char *dp,
			       const char *text, struct plane **ret_plane)
{
	struct error err = ERROR_INIT;
	struct megaflow *mf;
	struct plane *pl;

	if (dp) {
		pl = cmd_plane(conn, vs, dp);
		if (!pl)
			return NULL;
		*ret_plane = pl;
		if (!find_in_plane(pl, text, &mf, &err))
			return mf;
	} else {
		PLANE_FOR_EACH(pl, vs)
		{
			*ret_plane = pl;
			if (pl->dp && !find_in_plane(pl, text, &mf, &err))
				return mf;
		}
	}
	appctl_reply_error(conn, err.text);
	return NULL;
}

// [DP] FLOW ACTIONS
static void mod_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) actions = STRBUF_INIT;
	struct megaflow *mf;
	struct plane *pl;

	if (!cmd_need_datapath(conn, aux) ||
	    !(mf = cmd_find_flow(conn, aux, argc > 3 ? argv[1] : NULL, argv[argc - 2], &pl)))
		return;
	if (dp_actions_parse(argv[argc - 1], cmd_port_by_name, pl, &actions, &err) < 0 ||
	    upcall_modify(pl->upcall, mf, dp_actions_of(&actions), &err) < 0)
		appctl_reply_error(conn, err.text);
	else
		appctl_reply(conn, "");
}

static void get_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct megaflow *mf;
	struct plane *pl;

	if (!cmd_need_datapath(conn, aux) ||
	    !(mf = cmd_find_flow(conn, aux, argc > 2 ? argv[1] : NULL, argv[argc - 1], &pl)))
		return;
	cmd_format_flow(pl, mf, true, false, &out);
	appctl_reply(conn, out.s);
}

static void del_flow(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct error err = ERROR_INIT;
	struct megaflow *mf;
	struct plane *pl;

	if (!cmd_need_datapath(conn, aux) ||
	    !(mf = cmd_find_flow(conn, aux, argc > 2 ? argv[1] : NULL, argv[argc - 1], &pl)))
		return;
	if (upcall_del(pl->upcall, &mf->ufid, &err) < 0)
		appctl_reply_error(conn, err.text);
	else
		appctl_reply(conn, "");
}

static void del_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl, *only = argc > 1 ? cmd_plane(conn, vs, argv[1]) : NULL;

	if (argc > 1 && !only)
		return;
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp && (!only || pl == only))
		upcall_flush(pl->upcall, NULL);
	appctl_reply(conn, "");
}

static void offload_stats_show(struct appctl_conn *conn, int argc, const char *const argv[],
			       void *aux)
{
	struct vswitchd *vs = aux;
	const struct offload_device_status *d;
	struct plane_devices devs;
	AUTO(strbuf) out = STRBUF_INIT;
	uint64_t queued = 0, inserted = 0;

	if (!vs->n_planes || !offload_is_enabled(vs->planes[0].offload)) {
		appctl_reply(conn, "HW Offload stats: hw-offload is not enabled");
		return;
	}
	planes_list_devices(vs, &devs);
	PLANE_DEVICE_FOR_EACH(d, &devs)
	{
		queued += d->queued;
		inserted += d->rules;
	}
	plane_devices_free(&devs);
	strbuf_printf(&out,
		      "HW Offload stats:\n   Total                  Enqueued offloads: %8llu\n",
		      (unsigned long long)queued);
	strbuf_printf(&out, "   Total                  Inserted offloads: %8llu\n",
		      (unsigned long long)inserted);
	appctl_reply(conn, out.s);
}

const struct appctl_command dpctl_commands[] = {
	{ "dpctl/dump-dps", "", 0, 0, dump_dps },
	{ "dpctl/show", "[-s] [dp...]", 0, -1, show },
	{ "dpctl/dump-flows", "[-m] [--names | --no-names] [dp] [type=TYPE]", 0, -1, dump_flows },
	{ "dpctl/add-flow", "[dp] flow actions", 2, 3, add_flow },
	{ "dpctl/mod-flow", "[dp] flow actions", 2, 3, mod_flow },
	{ "dpctl/get-flow", "[dp] ufid", 1, 2, get_flow },
	{ "dpctl/del-flow", "[dp] flow", 1, 2, del_flow },
	{ "dpctl/del-flows", "[dp]", 0, 1, del_flows },
	{ "dpctl/offload-stats-show", "[dp]", 0, 1, offload_stats_show },
	{ "dpif/dump-dps", "", 0, 0, dump_bridges },
};
const size_t n_dpctl_commands = ARRAY_SIZE(dpctl_commands);
