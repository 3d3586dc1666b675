// SPDX-License-Identifier: Apache-2.0
// Commands on the kernel's datapaths from outside: datapaths, their ports and caches.
#include <arpa/inet.h>

#include "core/base/log.h"
#include "core/netlink/rtnl.h"
#include "datapath/dpctl-text.h"
#include "datapath/kernel/dpctl-private.h"

LOG_MODULE(dpctl_datapath);

// ---- Which one ----

int dpctl_find_dp(struct dpctl *d, const char *text, struct admin_dp *ret)
{
	struct error err = ERROR_INIT;
	const char *at = strchr(text, '@');
	size_t n = at ? (size_t)(at - text) : 0;
	int error;

	// Datapaths of type "netdev" are inside ovs-vswitchd.
	if (at && n == 6 && !memcmp(text, "netdev", n))
		return -ENODEV;
	if (at && (n != 6 || memcmp(text, "system", n)))
		return -EAFNOSUPPORT;
	error = admin_dp_find(d->admin, at ? at + 1 : text, ret, &err);
	if (error && error != -ENODEV)
		dpctl_explain(&err);
	return error;
}

bool dpctl_only_dp(struct dpctl *d, struct admin_dp *ret)
{
	struct error err = ERROR_INIT;
	struct admin_dps dps;
	bool found = false;
	int error = admin_dp_list(d->admin, &dps, &err);

	if (error) {
		dpctl_fail(d, error, "listing datapaths");
		dpctl_explain(&err);
		return false;
	}
	if (dps.all.n == 1) {
		*ret = dps.all.v[0];
		found = true;
	} else {
		dpctl_fail_to_choose(d, dps.all.n);
	}
	admin_dps_uninit(&dps);
	return found;
}

bool dpctl_take_dp(struct dpctl *d, int *argc, const char *const *argv[], int max,
		   struct admin_dp *ret)
{
	if (*argc < max)
		return dpctl_only_dp(d, ret);
	if (dpctl_find_dp(d, (*argv)[0], ret)) {
		dpctl_fail(d, -EINVAL, "datapath not found");
		return false;
	}
	--*argc;
	++*argv;
	return true;
}

bool dpctl_port_by_name(const char *name, dp_port_t *ret, void *ports)
{
	const struct admin_port *p;
	uint32_t n;

	if (parse_u32(name, 10, &n)) {
		*ret = DP_PORT(n);
		return true;
	}
	p = ports ? admin_port_by_name(ports, name) : NULL;
	if (p)
		*ret = p->number;
	return p;
}

const char *dpctl_port_name(dp_port_t port, void *ports)
{
	const struct admin_port *p = admin_port_by_number(ports, port);

	return p ? p->name : NULL;
}

struct datapath *dpctl_find_tracker(struct dpctl *d, const char *name)
{
	struct admin_dp dp;

	if (name ? dpctl_find_dp(d, name, &dp) : !dpctl_only_dp(d, &dp))
		return NULL;
	return admin_dp_tracker(d->admin, &dp);
}

// ---- Showing ----

static void for_all_dps(struct dpctl *d, void (*cb)(struct dpctl *d, const struct admin_dp *dp))
{
	struct error err = ERROR_INIT;
	const struct admin_dp *dp;
	struct admin_dps dps;
	int error = admin_dp_list(d->admin, &dps, &err);

	if (error) {
		dpctl_fail(d, error, "datapath enumeration failed");
		dpctl_explain(&err);
		return;
	}
	VEC_FOR_EACH (dp, &dps.all)
		cb(d, dp);
	admin_dps_uninit(&dps);
}

static void print_name(struct dpctl *d, const struct admin_dp *dp)
{
	strbuf_printf(&d->out, "system@%s\n", dp->name);
}

static void dump_dps(struct dpctl *d, int argc, const char *const argv[])
{
	for_all_dps(d, print_name);
}

// Of the device: a port's own count has what went through the datapath only.
static void put_port_stats(struct dpctl *d, const struct admin_port *p)
{
	struct dpctl_port_stats s;
	struct rtnl_link l;

	memset(&s, 0xff, sizeof(s));
	if (!admin_port_link(d->admin, p, &l, NULL))
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
	dpctl_put_port_stats(&s, &d->out);
}

static int put_ports(struct dpctl *d, const struct admin_dp *dp, struct error *err)
{
	const struct admin_port *p;
	struct admin_ports ports;
	int error = admin_port_list(d->admin, dp, &ports, err);

	if (error)
		return error;
	VEC_FOR_EACH (p, &ports.all) {
		AUTO(smap) config;

		smap_init(&config);
		admin_port_config(p, &config);
		dpctl_put_port(p->number, p->name, p->type, &config, &d->out);
		if (d->statistics)
			put_port_stats(d, p);
	}
	admin_ports_uninit(&ports);
	return 0;
}

static void show_dp(struct dpctl *d, const struct admin_dp *dp)
{
	struct dpctl_stats s = { .hit = dp->stats.n_hit,
				 .missed = dp->stats.n_missed,
				 .lost = dp->stats.n_lost,
				 .flows = dp->stats.n_flows,
				 .has_masks = true,
				 .mask_hit = dp->megaflow_stats.n_mask_hit,
				 .masks = dp->megaflow_stats.n_masks,
				 .cache_hit = dp->megaflow_stats.n_cache_hit };
	struct error err = ERROR_INIT;
	int error;

	strbuf_printf(&d->out, "system@%s:\n", dp->name);
	dpctl_put_stats(&s, &d->out);
	dpctl_put_masks_cache(dp->has_masks_cache, dp->masks_cache_size, &d->out);
	error = put_ports(d, dp, &err);
	if (error) {
		dpctl_fail(d, error, "listing ports of %s", dp->name);
		dpctl_explain(&err);
	}
}

static void show(struct dpctl *d, int argc, const char *const argv[])
{
	struct admin_dp dp;

	if (!argc)
		for_all_dps(d, show_dp);
	for (int i = 0; i < argc; i++) {
		int error = dpctl_find_dp(d, argv[i], &dp);

		if (error)
			dpctl_fail(d, error, "opening datapath %s failed", argv[i]);
		else
			show_dp(d, &dp);
	}
}

// ---- Ports ----

// The datapath that a command changes must be named.
static bool open_dp(struct dpctl *d, const char *name, struct admin_dp *ret)
{
	int error = dpctl_find_dp(d, name, ret);

	if (error)
		dpctl_fail(d, error, "opening datapath");
	return !error;
}

// ... and its ports; the caller frees them.
static bool open_ports(struct dpctl *d, const char *name, struct admin_dp *dp,
		       struct admin_ports *ret)
{
	struct error err = ERROR_INIT;
	int error;

	if (!open_dp(d, name, dp))
		return false;
	error = admin_port_list(d->admin, dp, ret, &err);
	if (error) {
		dpctl_fail(d, error, "listing ports of %s", dp->name);
		dpctl_explain(&err);
	}
	return !error;
}

static bool parse_port(struct dpctl *d, const char *text, struct dpctl_port *ret)
{
	struct error err = ERROR_INIT;

	if (!dpctl_port_parse(text, ret, &err))
		return true;
	dpctl_fail(d, 0, "%s", err.text);
	return false;
}

// These have no options of their own.
static bool is_plain(const char *type)
{
	return !*type || !strcmp(type, "system") || !strcmp(type, "internal") ||
	       !strcmp(type, "tap");
}

// Whether the outer header's other end is told, which a port must be, though it is each flow's: false when it is not, as was told.
static bool check_remote(struct dpctl *d, const char *name, const char *type,
			 const struct smap *options)
{
	const char *remote = smap_get_def(options, "remote_ip", "");
	struct in6_addr any;

	if (!strcmp(remote, "flow") || inet_pton(AF_INET, remote, &any) == 1 ||
	    inet_pton(AF_INET6, remote, &any) == 1)
		return true;
	dpctl_fail(d, -EINVAL, "%s: %s type requires valid 'remote_ip' argument", name, type);
	return false;
}

// The outer header is the flow's: what else is said of it is without effect.
static void warn_of_options(const char *name, const char *type, const struct smap *options)
{
	struct smap_node *n;

	SMAP_FOR_EACH (n, options)
		if (strcmp(n->key, "remote_ip") && !admin_tunnel_has_option(type, n->key))
			log_warn("%s: '%s' is none of the settings of a datapath's %s port, and "
				 "without effect",
				 name, n->key, type);
}

static void add_port(struct dpctl *d, const struct admin_dp *dp, const char *text)
{
	struct error err = ERROR_INIT;
	struct dpctl_port p;
	int error;

	if (!parse_port(d, text, &p))
		return;
	if (smap_count(&p.options) && is_plain(p.type)) {
		dpctl_fail(d, 0, "%s: arguments provided to device that is not configurable",
			   p.name);
		dpctl_port_uninit(&p);
		return;
	}
	if (admin_type_is_tunnel(p.type)) {
		if (!check_remote(d, p.name, p.type, &p.options)) {
			dpctl_port_uninit(&p);
			return;
		}
		warn_of_options(p.name, p.type, &p.options);
	}
	error = admin_port_add(d->admin, dp, p.name, *p.type ? p.type : "system",
			       p.has_number ? p.number : DP_PORT_NONE, &p.options, &err);
	if (error == -ENODEV || error == -EAFNOSUPPORT)
		dpctl_fail(d, error, "%s: failed to open network device", p.name);
	else if (error)
		dpctl_fail(d, error, "adding %s to %s failed", p.name, dp->name);
	if (error)
		dpctl_explain(&err);
	dpctl_port_uninit(&p);
}

static void add_if(struct dpctl *d, int argc, const char *const argv[])
{
	struct admin_dp dp;

	if (open_dp(d, argv[0], &dp))
		for (int i = 1; i < argc; i++)
			add_port(d, &dp, argv[i]);
}

static void add_dp(struct dpctl *d, int argc, const char *const argv[])
{
	const char *at = strchr(argv[0], '@'), *name = at ? at + 1 : argv[0];
	struct error err = ERROR_INIT;
	int error = at && !str_starts(argv[0], "system@") ? -EAFNOSUPPORT
							  : admin_dp_add(d->admin, name, &err);

	if (error) {
		dpctl_fail(d, error, "add_dp");
		dpctl_explain(&err);
		return;
	}
	if (argc > 1)
		add_if(d, argc, argv);
}

static void del_dp(struct dpctl *d, int argc, const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct admin_dp dp;
	int error;

	if (!open_dp(d, argv[0], &dp))
		return;
	error = admin_dp_del(d->admin, &dp, &err);
	if (error) {
		dpctl_fail(d, error, "del_dp");
		dpctl_explain(&err);
	}
}

static void set_tunnel(struct dpctl *d, const struct admin_port *p, const struct smap *options)
{
	struct error err = ERROR_INIT;
	int error;

	if (!check_remote(d, p->name, p->type, options))
		return;
	warn_of_options(p->name, p->type, options);
	error = admin_port_compare(d->admin, p, options, &err);
	if (error)
		dpctl_fail(d, error, "%s: %s", p->name, err.text);
}

// What ports from here are can be said again, but not changed.
static void set_port(struct dpctl *d, const struct admin_dp *dp, const struct admin_ports *ports,
		     const struct dpctl_port *wanted)
{
	const struct admin_port *p = admin_port_by_name(ports, wanted->name);
	struct smap_node *n;

	if (!p) {
		dpctl_fail(d, -ENODEV, "%s: failed to query port in %s", wanted->name, dp->name);
		return;
	}
	if (*wanted->type && strcmp(wanted->type, p->type)) {
		dpctl_fail(d, 0, "%s: can't change type from %s to %s", p->name, p->type,
			   wanted->type);
		return;
	}
	if (wanted->has_number && !dp_port_equal(wanted->number, p->number)) {
		dpctl_fail(d, 0, "%s: can't change port number from %u to %u", p->name, p->number.n,
			   wanted->number.n);
		return;
	}
	if (admin_type_is_tunnel(p->type)) {
		set_tunnel(d, p, &wanted->options);
		return;
	}
	SMAP_FOR_EACH (n, &wanted->options)
		if (*n->value) {
			dpctl_fail(d, 0,
				   "%s: arguments provided to device that is not configurable",
				   p->name);
			break;
		}
}

static void set_if(struct dpctl *d, int argc, const char *const argv[])
{
	struct admin_ports ports;
	struct dpctl_port wanted;
	struct admin_dp dp;

	if (!open_ports(d, argv[0], &dp, &ports))
		return;
	for (int i = 1; i < argc; i++)
		if (parse_port(d, argv[i], &wanted)) {
			set_port(d, &dp, &ports, &wanted);
			dpctl_port_uninit(&wanted);
		}
	admin_ports_uninit(&ports);
}

static void del_port(struct dpctl *d, const struct admin_dp *dp, const struct admin_ports *ports,
		     const char *text)
{
	struct error err = ERROR_INIT;
	dp_port_t number;
	int error;

	if (!dpctl_port_by_name(text, &number, (void *)ports)) {
		dpctl_fail(d, 0, "no port named %s", text);
		return;
	}
	error = admin_port_del(d->admin, dp, number, &err);
	if (error) {
		dpctl_fail(d, error, "deleting port %s from %s failed", text, dp->name);
		dpctl_explain(&err);
	}
}

static void del_if(struct dpctl *d, int argc, const char *const argv[])
{
	struct admin_ports ports;
	struct admin_dp dp;

	if (!open_ports(d, argv[0], &dp, &ports))
		return;
	for (int i = 1; i < argc; i++)
		del_port(d, &dp, &ports, argv[i]);
	admin_ports_uninit(&ports);
}

// ---- Caches ----

static void print_caches(struct dpctl *d, const struct admin_dp *dp)
{
	strbuf_printf(&d->out, "system@%s:\n", dp->name);
	dpctl_put_masks_cache(dp->has_masks_cache, dp->masks_cache_size, &d->out);
}

static void cache_get_size(struct dpctl *d, int argc, const char *const argv[])
{
	struct admin_dp dp;
	int error = argc ? dpctl_find_dp(d, argv[0], &dp) : 0;

	if (!argc)
		for_all_dps(d, print_caches);
	else if (error)
		dpctl_fail(d, error, "Opening datapath %s failed", argv[0]);
	else
		print_caches(d, &dp);
}

static void cache_set_size(struct dpctl *d, int argc, const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct admin_dp dp;
	uint32_t size;
	int error;

	if (!parse_u32(argv[2], 10, &size)) {
		dpctl_fail(d, -EINVAL, "size is malformed");
		return;
	}
	error = dpctl_find_dp(d, argv[0], &dp);
	if (error) {
		dpctl_fail(d, error, "Opening datapath %s failed", argv[0]);
		return;
	}
	if (strcmp(argv[1], "masks-cache") || !dp.has_masks_cache) {
		dpctl_fail(d, -EINVAL, "Cache name \"%s\" not found on dpif", argv[1]);
		return;
	}
	error = admin_dp_set_masks_cache(d->admin, &dp, size, &err);
	if (error) {
		dpctl_fail(d, error, "Setting cache size failed");
		dpctl_explain(&err);
		return;
	}
	strbuf_printf(&d->out, "Setting cache size successful, new size %u\n", dp.masks_cache_size);
}

const struct dpctl_command dpctl_outside_commands[] = {
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
