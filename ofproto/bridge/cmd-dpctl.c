// SPDX-License-Identifier: Apache-2.0
// dpctl/*: the datapath as its users know it.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "datapath/dpctl-text.h"
#include "datapath/dpctl.h"
#include "ofproto/bridge/commands-private.h"

void cmd_fail(struct appctl_conn *conn, int error, const char *fmt, ...)
{
	AUTO(strbuf) text = STRBUF_INIT;
	va_list args;

	strbuf_printf(&text, "%s: ", program_name);
	va_start(args, fmt);
	strbuf_vprintf(&text, fmt, args);
	va_end(args);
	if (error)
		strbuf_printf(&text, " (%s)", strerror(-error));
	appctl_reply_error(conn, text.s);
}

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
	size_t n = 0;

	if (!cmd_need_datapath(conn, vs))
		return NULL;
	if (name) {
		found = plane_by_name(vs, name);
		if (!found)
			cmd_fail(conn, -EINVAL, "datapath not found");
		return found;
	}
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp) {
		found = pl;
		n++;
	}
	if (n > 1 || cmd_has_outside(vs)) {
		cmd_fail(conn, -EINVAL, "multiple datapaths, specify one\n%s: datapath not found",
			 program_name);
		return NULL;
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
	struct strset outside;
	struct strmap_node *n;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp) {
		plane_put_name(pl, &out);
		strbuf_putc(&out, '\n');
	}
	strset_init(&outside);
	cmd_list_outside(vs, &outside);
	STRSET_FOR_EACH (n, &outside)
		strbuf_printf(&out, "system@%s\n", n->name);
	strset_uninit(&outside);
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

const char *cmd_port_type(const struct plane *pl, const char *type)
{
	return !strcmp(type, "internal") && !strcmp(pl->type, "netdev") ? "tap" : type;
}

void cmd_put_port_type(struct plane *pl, dp_port_t port, const char *type, const struct smap *more,
		       struct strbuf *out)
{
	AUTO(smap) config;

	if (more)
		smap_clone(&config, more);
	else
		smap_init(&config);
	datapath_port_config(pl->dp, port, &config);
	dpctl_put_port_type(cmd_port_type(pl, type), &config, out);
}

struct show {
	struct plane *pl;
	struct strbuf *out;
	bool statistics;
};

static void put_port_stats(const struct datapath_port_info *i, struct strbuf *out)
{
	struct dpctl_port_stats st;

	memset(&st, 0xff, sizeof(st));
	st.rx_packets = i->rx_packets;
	st.tx_packets = i->tx_packets;
	st.rx_bytes = i->rx_bytes;
	st.tx_bytes = i->tx_bytes;
	st.rx_errors = i->rx_errors;
	st.tx_errors = i->tx_errors;
	st.rx_dropped = i->rx_dropped;
	st.tx_dropped = i->tx_dropped;
	dpctl_put_port_stats(&st, out);
}

static void show_port(dp_port_t port, void *aux)
{
	struct show *s = aux;
	struct datapath_port_info i;
	struct port_ref ref;
	struct smap config;

	if (!datapath_port_ref(s->pl->dp, port, &ref) || !datapath_port_info(s->pl->dp, port, &i))
		return;
	smap_init(&config);
	datapath_port_config(s->pl->dp, port, &config);
	dpctl_put_port(port, ref.name, cmd_port_type(s->pl, i.type), &config, s->out);
	smap_uninit(&config);
	if (s->statistics)
		put_port_stats(&i, s->out);
	smap_uninit(&i.status);
}

static void show_plane(struct show *s)
{
	struct datapath_stats st;

	datapath_stats(s->pl->dp, &st);
	plane_put_name(s->pl, s->out);
	strbuf_puts(s->out, ":\n");
	dpctl_put_stats(&(struct dpctl_stats){ .hit = st.hit,
					       .missed = st.missed,
					       .lost = st.lost,
					       .flows = st.flows,
					       .has_masks = st.has_mask_stats,
					       .mask_hit = st.mask_hit,
					       .masks = st.masks,
					       .cache_hit = st.cache_hit },
			s->out);
	dpctl_put_masks_cache(st.has_masks_cache, st.masks_cache_size, s->out);
	datapath_for_each_port(s->pl->dp, show_port, s);
}

// False: there is none of this name.
static bool show_named(struct vswitchd *vs, const char *name, struct show *s)
{
	size_t before = s->out->len;

	s->pl = plane_by_name(vs, name);
	if (s->pl)
		show_plane(s);
	else
		cmd_put_outside(vs, "show", name, s->statistics, s->out);
	return s->out->len > before;
}

// Those that are named, or all.
static void show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct show s = { NULL, &out, false };
	AUTO(strbuf) errors = STRBUF_INIT;
	bool any = false;

	for (int i = 1; i < argc; i++) {
		bool asks = !strcmp(argv[i], "-s") || !strcmp(argv[i], "--statistics");

		if (*argv[i] == '-' && !asks) {
			appctl_reply_errorf(conn, "Unrecognized option %s", argv[i]);
			return;
		}
		s.statistics |= asks;
	}
	for (int i = 1; i < argc; i++) {
		if (*argv[i] == '-')
			continue;
		if (!show_named(vs, argv[i], &s))
			strbuf_printf(&errors, "%s: opening datapath %s failed (%s)\n",
				      program_name, argv[i], strerror(ENODEV));
		any = true;
	}
	if (!any) {
		PLANE_FOR_EACH(s.pl, vs)
		if (s.pl->dp)
			show_plane(&s);
		cmd_put_outside(vs, "show", NULL, s.statistics, &out);
	}
	strbuf_puts(&out, strbuf_cstr(&errors));
	if (errors.len)
		appctl_reply_error(conn, out.s);
	else
		appctl_reply(conn, strbuf_cstr(&out));
}

struct dump {
	struct plane *pl;
	struct strbuf *out;
	const char *filter; // NULL: none
	struct match match; // of the filter
	int types; // 0: all
	struct dpctl options;
	bool by_pmd;
	struct json_writer *json;
};

static bool is_wanted(const struct dump *d, enum placement_state place)
{
	bool kernel = !strcmp(d->pl->type, "system");
	int is = place == PLACE_IN_HW ? DPCTL_OFFLOADED | (kernel ? DPCTL_TC : DPCTL_DPDK)
		 : place == PLACE_IN_TC_SOFTWARE ? DPCTL_NON_OFFLOADED | DPCTL_TC
						 : DPCTL_NON_OFFLOADED | DPCTL_OVS;

	return !d->types || d->types & is;
}

// Who runs the flow: "tc", "dpdk" or "ovs".
static const char *layer_of(const struct plane *pl, enum placement_state place)
{
	if (place != PLACE_IN_HW && place != PLACE_IN_TC_SOFTWARE)
		return "ovs";
	return strcmp(pl->type, "system") ? "dpdk" : "tc";
}

static void read_flow(struct plane *pl, struct megaflow *mf, struct dpctl_flow *ret)
{
	enum placement_state place = atomic_load(&mf->placement);

	*ret = (struct dpctl_flow){ .ufid = &mf->ufid,
				    .actions = megaflow_actions_get(mf),
				    .is_kernels = !strcmp(pl->type, "system"),
				    .layer = layer_of(pl, place),
				    .is_offloaded = place == PLACE_IN_HW };
	miniflow_expand(mf->key, &ret->key);
	miniflow_expand(mf->mask, &ret->mask.m);
	upcall_flow_counts(pl->upcall, mf, &ret->counts);
}

void cmd_format_flow(struct plane *pl, struct megaflow *mf, bool verbose, bool names,
		     struct strbuf *out)
{
	struct dpctl_flow f;

	read_flow(pl, mf, &f);
	dpctl_put_flow(&f, verbose, names ? cmd_port_name : NULL, pl, out);
}

void cmd_format_flow_of_bridge(struct plane *pl, struct megaflow *mf, bool verbose, bool names,
			       struct strbuf *out)
{
	struct dpctl_flow f;

	read_flow(pl, mf, &f);
	dpctl_put_bridge_flow(&f, verbose, names ? cmd_port_name : NULL, pl, out);
}

static bool passes(const struct dump *d, const struct megaflow *mf)
{
	struct flow_mask mask;
	struct flow_key key;

	if (!d->filter)
		return true;
	miniflow_expand(mf->key, &key);
	miniflow_expand(mf->mask, &mask.m);
	return dpctl_filter_matches(&d->match, &key, &mask);
}

static bool dump_one(struct megaflow *mf, void *aux)
{
	struct dump *d = aux;
	AUTO(strbuf) line = STRBUF_INIT;

	if (!is_wanted(d, atomic_load(&mf->placement)) || !passes(d, mf))
		return true;
	cmd_format_flow(d->pl, mf, d->options.more, d->options.names, &line);
	if (d->json)
		jw_string_n(d->json, line.s, line.len);
	else
		strbuf_printf(d->out, "%s\n", line.s);
	return true;
}

// False after an answer.
static bool dump_argument(struct appctl_conn *conn, struct vswitchd *vs, const char *arg,
			  struct dump *d)
{
	struct error err = ERROR_INIT;
	int64_t pmd;

	if (dpctl_take_detail(&d->options, arg))
		return true;
	if (arg[0] == '-' && arg[1]) {
		appctl_reply_errorf(conn, "Unrecognized option %s", arg);
		return false;
	} else if (str_starts(arg, "type=")) {
		d->types = dpctl_parse_types(arg + 5, &err);
		if (d->types < 0) {
			cmd_fail(conn, -EINVAL, "%s", err.text);
			return false;
		}
	} else if (str_starts(arg, "filter=")) {
		d->filter = arg + 7;
	} else if (str_starts(arg, "pmd=")) {
		if (!parse_i64(arg + 4, 10, &pmd)) {
			cmd_fail(conn, -EINVAL, "%s: bad number of a pmd thread", arg);
			return false;
		}
		d->by_pmd = true;
	} else if (!(d->pl = plane_by_name(vs, arg))) {
		cmd_fail(conn, -EINVAL, "datapath not found");
		return false;
	}
	return true;
}

static int dump_plane(struct dump *d, struct error *err)
{
	int error;

	// The kernel has no such threads, and one table of flows serves all of ours.
	if (d->by_pmd && !strcmp(d->pl->type, "system"))
		return 0;
	if (d->by_pmd)
		return error_set(
			err, -EOPNOTSUPP,
			"pmd=: flows are the same for all threads and are not listed by one");
	error = d->filter ? dpctl_parse_filter(d->filter, cmd_port_by_name, d->pl, &d->match, err)
			  : 0;
	if (error)
		return error;
	offload_poll_stats(d->pl->offload);
	datapath_refresh(d->pl->dp);
	offload_flush(d->pl->offload);
	upcall_for_each(d->pl->upcall, dump_one, d);
	return 0;
}

// Of the datapath that is named, or of all. What only one of several has, a port or a thread, needs the name.
static void dump_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct dump d = { .out = &out };
	struct json_writer w;
	int error = 0;

	if (cmd_run_outside(conn, vs, argc, argv))
		return;
	for (int i = 1; i < argc; i++)
		if (!dump_argument(conn, vs, argv[i], &d))
			return;
	if (!d.pl && (d.filter || d.by_pmd)) {
		d.pl = cmd_plane(conn, vs, NULL);
		if (!d.pl)
			return;
	}
	if (appctl_format(conn) == APPCTL_JSON) {
		json_writer_init(&w, &out);
		jw_array_begin(&w);
		d.json = &w;
	}
	if (d.pl)
		error = dump_plane(&d, &err);
	else
		PLANE_FOR_EACH(d.pl, vs)
	if (d.pl->dp && !error)
		error = dump_plane(&d, &err);
	if (d.json)
		jw_array_end(&w);
	if (error)
		cmd_fail(conn, 0, "%s", err.text);
	else
		appctl_reply(conn, strbuf_cstr(&out));
}

static void put_plane_caches(struct plane *pl, struct strbuf *out)
{
	struct datapath_stats st;

	datapath_stats(pl->dp, &st);
	plane_put_name(pl, out);
	strbuf_puts(out, ":\n");
	dpctl_put_masks_cache(st.has_masks_cache, st.masks_cache_size, out);
}

// Of the datapath that is named, or of all.
static void cache_get_size(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct plane *pl, *only = argc > 1 ? plane_by_name(vs, argv[1]) : NULL;

	if (argc > 1 && !only && cmd_run_outside(conn, vs, argc, argv))
		return;
	if (argc > 1 && !only) {
		cmd_fail(conn, -ENODEV, "Opening datapath %s failed", argv[1]);
		return;
	}
	PLANE_FOR_EACH(pl, vs)
	if (pl->dp && (!only || pl == only))
		put_plane_caches(pl, &out);
	if (!only)
		cmd_put_outside(vs, "cache-get-size", NULL, false, &out);
	appctl_reply(conn, strbuf_cstr(&out));
}

static void cache_set_size(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct plane *pl = plane_by_name(aux, argv[1]);
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct datapath_stats st;
	uint32_t size;
	int error;

	if (!pl && cmd_run_outside(conn, aux, argc, argv))
		return;
	if (!parse_u32(argv[3], 10, &size)) {
		cmd_fail(conn, -EINVAL, "size is malformed");
		return;
	}
	if (!pl) {
		cmd_fail(conn, -ENODEV, "Opening datapath %s failed", argv[1]);
		return;
	}
	datapath_stats(pl->dp, &st);
	if (!st.has_masks_cache || strcmp(argv[2], "masks-cache")) {
		cmd_fail(conn, -EINVAL, "Cache name \"%s\" not found on dpif", argv[2]);
		return;
	}
	error = datapath_set_masks_cache(pl->dp, &size, &err);
	if (error) {
		cmd_fail(conn, 0, "Setting cache size failed (%s)", err.text);
		return;
	}
	strbuf_printf(&out, "Setting cache size successful, new size %u", size);
	appctl_reply(conn, out.s);
}

static void offload_stats_show(struct appctl_conn *conn, int argc, const char *const argv[],
			       void *aux)
{
	struct vswitchd *vs = aux;
	const struct offload_device_status *d;
	struct plane_devices devs;
	AUTO(strbuf) out = STRBUF_INIT;
	uint64_t queued = 0, inserted = 0;

	if (argc > 1 && cmd_run_outside(conn, vs, argc, argv))
		return;
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

static void put_commands(const struct appctl_command c[], size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].usage && str_starts(c[i].name, "dpctl/"))
			strbuf_printf(out, "  %-29s %s\n", c[i].name, c[i].usage);
}

static void list_commands(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	const struct appctl_command *rows;
	size_t n = cmd_dpctl_rows(&rows);

	strbuf_puts(&out, "The available commands are:\n");
	put_commands(dpctl_change_commands, n_dpctl_change_commands, &out);
	put_commands(dpctl_commands, n_dpctl_commands, &out);
	put_commands(dpctl_flow_commands, n_dpctl_flow_commands, &out);
	put_commands(rows, n, &out);
	appctl_reply(conn, out.s);
}

const struct appctl_command dpctl_commands[] = {
	{ "dpctl/list-commands", "", 0, 0, list_commands },
	{ "dpctl/dump-dps", "", 0, 0, dump_dps },
	{ "dpctl/show", "[-s] [dp...]", 0, -1, show },
	{ "dpctl/dump-flows", "[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]", 0, -1,
	  dump_flows },
	{ "dpctl/cache-get-size", "[dp]", 0, 1, cache_get_size },
	{ "dpctl/cache-set-size", "dp cache <size>", 3, 3, cache_set_size },
	{ "dpctl/offload-stats-show", "[dp]", 0, 1, offload_stats_show },
	{ "dpif/dump-dps", "", 0, 0, dump_bridges },
};
const size_t n_dpctl_commands = ARRAY_SIZE(dpctl_commands);
