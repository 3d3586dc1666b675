// SPDX-License-Identifier: Apache-2.0
// ovs-dpctl: datapaths, their ports and caches.
#include <stdio.h>

#include "core/netlink/rtnl.h"
#include "datapath/dpctl-text.h"
#include "utilities/ovs-dpctl.h"

// ---- Showing ----

static void for_all_dps(void (*cb)(const struct admin_dp *dp))
{
	struct error err = ERROR_INIT;
	const struct admin_dp *dp;
	struct admin_dps dps;
	int error = admin_dp_list(dpctl.admin, &dps, &err);

	if (error) {
		dpctl_error(error, "datapath enumeration failed");
		dpctl_explain(&err);
		return;
	}
	VEC_FOR_EACH (dp, &dps.all)
		cb(dp);
	admin_dps_uninit(&dps);
}

static void print_name(const struct admin_dp *dp)
{
	printf("system@%s\n", dp->name);
}

static void dump_dps(int argc, char *argv[])
{
	for_all_dps(print_name);
}

// Of the device: a port's own count has what went through the datapath only.
static void put_port_stats(struct nl_sock *route, const struct admin_port *p, struct strbuf *out)
{
	struct dpctl_port_stats s;
	struct rtnl_link l;

	memset(&s, 0xff, sizeof(s));
	if (!rtnl_link_by_name(route, p->name, &l, NULL))
		s = (struct dpctl_port_stats){ .rx_packets = l.rx_packets,
					       .tx_packets = l.tx_packets,
					       .rx_bytes = l.rx_bytes,
					       .tx_bytes = l.tx_bytes,
					       .rx_errors = l.rx_errors,
					       .tx_errors = l.tx_errors,
					       .rx_dropped = l.rx_dropped,
					       .tx_dropped = l.tx_dropped,
					       .rx_overruns = l.rx_overruns,
					       .rx_frame = l.rx_frame_errors,
					       .tx_aborted = l.tx_aborted,
					       .tx_carrier = l.tx_carrier_errors,
					       .collisions = l.collisions };
	dpctl_put_port_stats(&s, out);
}

static int put_ports(const struct admin_dp *dp, struct strbuf *out, struct error *err)
{
	const struct admin_port *p;
	struct admin_ports ports;
	struct nl_sock *route;
	int error = nl_open(NETLINK_ROUTE, &route, err);

	if (error)
		return error;
	error = admin_port_list(dpctl.admin, dp, &ports, err);
	if (error) {
		nl_close(route);
		return error;
	}
	VEC_FOR_EACH (p, &ports.all) {
		AUTO(smap) config;

		smap_init(&config);
		admin_port_config(p, &config);
		dpctl_put_port(p->number, p->name, p->type, &config, out);
		if (dpctl.statistics)
			put_port_stats(route, p, out);
	}
	admin_ports_uninit(&ports);
	nl_close(route);
	return 0;
}

static void show_dp(const struct admin_dp *dp)
{
	struct dpctl_stats s = { .hit = dp->stats.n_hit,
				 .missed = dp->stats.n_missed,
				 .lost = dp->stats.n_lost,
				 .flows = dp->stats.n_flows,
				 .has_masks = true,
				 .mask_hit = dp->megaflow_stats.n_mask_hit,
				 .masks = dp->megaflow_stats.n_masks,
				 .cache_hit = dp->megaflow_stats.n_cache_hit };
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	int error;

	strbuf_printf(&out, "system@%s:\n", dp->name);
	dpctl_put_stats(&s, &out);
	dpctl_put_masks_cache(dp->has_masks_cache, dp->masks_cache_size, &out);
	error = put_ports(dp, &out, &err);
	fputs(strbuf_cstr(&out), stdout);
	if (error) {
		dpctl_error(error, "listing ports of %s", dp->name);
		dpctl_explain(&err);
	}
}

static void show(int argc, char *argv[])
{
	struct admin_dp dp;

	if (!argc)
		for_all_dps(show_dp);
	for (int i = 0; i < argc; i++) {
		int error = dpctl_find_dp(argv[i], &dp);

		if (error)
			dpctl_error(error, "opening datapath %s failed", argv[i]);
		else
			show_dp(&dp);
	}
}

// ---- Ports ----

// The datapath that a command changes must be named.
static bool open_dp(const char *name, struct admin_dp *ret)
{
	int error = dpctl_find_dp(name, ret);

	if (error)
		dpctl_error(error, "opening datapath");
	return !error;
}

// ... and its ports; the caller frees them.
static bool open_ports(const char *name, struct admin_dp *dp, struct admin_ports *ret)
{
	struct error err = ERROR_INIT;
	int error;

	if (!open_dp(name, dp))
		return false;
	error = admin_port_list(dpctl.admin, dp, ret, &err);
	if (error) {
		dpctl_error(error, "listing ports of %s", dp->name);
		dpctl_explain(&err);
	}
	return !error;
}

static bool parse_port(const char *text, struct dpctl_port *ret)
{
	struct error err = ERROR_INIT;

	if (!dpctl_port_parse(text, ret, &err))
		return true;
	dpctl_error(0, "%s", err.text);
	return false;
}

// These have no options of their own.
static bool is_plain(const char *type)
{
	return !*type || !strcmp(type, "system") || !strcmp(type, "internal") ||
	       !strcmp(type, "tap");
}

static void add_port(const struct admin_dp *dp, const char *text)
{
	struct error err = ERROR_INIT;
	struct dpctl_port p;
	int error;

	if (!parse_port(text, &p))
		return;
	if (smap_count(&p.options) && is_plain(p.type)) {
		dpctl_error(0, "%s: arguments provided to device that is not configurable", p.name);
		dpctl_port_uninit(&p);
		return;
	}
	error = admin_port_add(dpctl.admin, dp, p.name, *p.type ? p.type : "system",
			       p.has_number ? p.number : DP_PORT_NONE, &err);
	if (error == -ENODEV || error == -EAFNOSUPPORT)
		dpctl_error(error, "%s: failed to open network device", p.name);
	else if (error)
		dpctl_error(error, "adding %s to %s failed", p.name, dp->name);
	if (error)
		dpctl_explain(&err);
	dpctl_port_uninit(&p);
}

static void add_if(int argc, char *argv[])
{
	struct admin_dp dp;

	if (open_dp(argv[0], &dp))
		for (int i = 1; i < argc; i++)
			add_port(&dp, argv[i]);
}

static void add_dp(int argc, char *argv[])
{
	const char *at = strchr(argv[0], '@'), *name = at ? at + 1 : argv[0];
	struct error err = ERROR_INIT;
	int error = at && !str_starts(argv[0], "system@") ? -EAFNOSUPPORT
							  : admin_dp_add(dpctl.admin, name, &err);

	if (error) {
		dpctl_error(error, "add_dp");
		dpctl_explain(&err);
		return;
	}
	if (argc > 1)
		add_if(argc, argv);
}

static void del_dp(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct admin_dp dp;
	int error;

	if (!open_dp(argv[0], &dp))
		return;
	error = admin_dp_del(dpctl.admin, &dp, &err);
	if (error) {
		dpctl_error(error, "del_dp");
		dpctl_explain(&err);
	}
}

// What ports from here are can be said again, but not changed.
static void set_port(const struct admin_dp *dp, const struct admin_ports *ports,
		     const struct dpctl_port *wanted)
{
	const struct admin_port *p = admin_port_by_name(ports, wanted->name);
	struct smap_node *n;

	if (!p) {
		dpctl_error(-ENODEV, "%s: failed to query port in %s", wanted->name, dp->name);
		return;
	}
	if (*wanted->type && strcmp(wanted->type, p->type))
		dpctl_error(0, "%s: can't change type from %s to %s", p->name, p->type,
			    wanted->type);
	if (wanted->has_number && !dp_port_equal(wanted->number, p->number))
		dpctl_error(0, "%s: can't change port number from %u to %u", p->name, p->number.n,
			    wanted->number.n);
	SMAP_FOR_EACH (n, &wanted->options)
		if (*n->value) {
			dpctl_error(0, "%s: arguments provided to device that is not configurable",
				    p->name);
			break;
		}
}

static void set_if(int argc, char *argv[])
{
	struct admin_ports ports;
	struct dpctl_port wanted;
	struct admin_dp dp;

	if (!open_ports(argv[0], &dp, &ports))
		return;
	for (int i = 1; i < argc; i++)
		if (parse_port(argv[i], &wanted)) {
			set_port(&dp, &ports, &wanted);
			dpctl_port_uninit(&wanted);
		}
	admin_ports_uninit(&ports);
}

static void del_port(const struct admin_dp *dp, const struct admin_ports *ports, const char *text)
{
	struct error err = ERROR_INIT;
	dp_port_t number;
	int error;

	if (!dpctl_port_by_name(text, &number, (void *)ports)) {
		dpctl_error(0, "no port named %s", text);
		return;
	}
	error = admin_port_del(dpctl.admin, dp, number, &err);
	if (error) {
		dpctl_error(error, "deleting port %s from %s failed", text, dp->name);
		dpctl_explain(&err);
	}
}

static void del_if(int argc, char *argv[])
{
	struct admin_ports ports;
	struct admin_dp dp;

	if (!open_ports(argv[0], &dp, &ports))
		return;
	for (int i = 1; i < argc; i++)
		del_port(&dp, &ports, argv[i]);
	admin_ports_uninit(&ports);
}

// ---- Caches ----

static void print_caches(const struct admin_dp *dp)
{
	AUTO(strbuf) out = STRBUF_INIT;

	strbuf_printf(&out, "system@%s:\n", dp->name);
	dpctl_put_masks_cache(dp->has_masks_cache, dp->masks_cache_size, &out);
	fputs(out.s, stdout);
}

static void cache_get_size(int argc, char *argv[])
{
	struct admin_dp dp;
	int error = argc ? dpctl_find_dp(argv[0], &dp) : 0;

	if (!argc)
		for_all_dps(print_caches);
	else if (error)
		dpctl_error(error, "Opening datapath %s failed", argv[0]);
	else
		print_caches(&dp);
}

static void cache_set_size(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct admin_dp dp;
	uint32_t size;
	int error;

	if (!parse_u32(argv[2], 10, &size)) {
		dpctl_error(-EINVAL, "size is malformed");
		return;
	}
	error = dpctl_find_dp(argv[0], &dp);
	if (error) {
		dpctl_error(error, "Opening datapath %s failed", argv[0]);
		return;
	}
	if (strcmp(argv[1], "masks-cache") || !dp.has_masks_cache) {
		dpctl_error(-EINVAL, "Cache name \"%s\" not found on dpif", argv[1]);
		return;
	}
	error = admin_dp_set_masks_cache(dpctl.admin, &dp, size, &err);
	if (error) {
		dpctl_error(error, "Setting cache size failed");
		dpctl_explain(&err);
		return;
	}
	printf("Setting cache size successful, new size %u\n", dp.masks_cache_size);
}

const struct dpctl_command dpctl_datapath_commands[] = {
	{ "add-dp", "dp [iface...]", 1, INT32_MAX, DPCTL_WRITES, add_dp },
	{ "del-dp", "dp", 1, 1, DPCTL_WRITES, del_dp },
	{ "add-if", "dp iface...", 2, INT32_MAX, DPCTL_WRITES, add_if },
	{ "del-if", "dp iface...", 2, INT32_MAX, DPCTL_WRITES, del_if },
	{ "set-if", "dp iface...", 2, INT32_MAX, DPCTL_WRITES, set_if },
	{ "dump-dps", "", 0, 0, 0, dump_dps },
	{ "show", "[-s] [dp...]", 0, INT32_MAX, 0, show },
	{ "cache-get-size", "[dp]", 0, 1, 0, cache_get_size },
	{ "cache-set-size", "dp cache <size>", 3, 3, DPCTL_WRITES, cache_set_size },
	{ NULL, NULL, 0, 0, 0, NULL },
};
