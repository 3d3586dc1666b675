// SPDX-License-Identifier: Apache-2.0
// Interfaces that are tunnels: their options, the datapath's device that those of one kind (and UDP port) share, and what the
// database is told of them.
#include <stdio.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/netlink/rtnl.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(tunnel);

// A device of the datapath, as long as one Interface needs it.
struct tunnel_device {
	dp_port_t port;
	unsigned int n_users;
	bool gbp; // what its users agree on
	uint16_t payload;
	char first[64]; // the Interface that it was made for
	char device[64]; // the offload device that it belongs to, empty: none
	// To that device. Not before all ports are there: which one it is depends on them, and the rules that a process before
	// this one left must not go from one to another.
	bool is_offered, is_excluded, takes_bare;
};

static bool is_dummy(const struct plane *pl)
{
	return strcmp(pl->type, "system") && pl->vs->dummy;
}

static int failed(struct bridge_port *bp, const char *text)
{
	snprintf(bp->error, sizeof(bp->error), "%s", text);
	log_warn("%s: %s", bp->bridge->name, text);
	return -EINVAL;
}

static void log_lines(const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *save = NULL;

	for (char *s = strtok_r(copy, "\n", &save); s; s = strtok_r(NULL, "\n", &save))
		log_warn("%s", s);
}

// ---- Devices ----

static void put_device_options(const struct tunnel_config *c, struct smap *options)
{
	if (c->dst_port)
		smap_setf(options, "dst_port", "%u", c->dst_port);
	if (c->payload)
		smap_setf(options, "payload_type", "%u", c->payload);
	smap_set(options, "packet_type", tunnel_packets_name(c->packets));
	if (c->type == TUNNEL_VXLAN)
		smap_setf(options, "exts", "%s%s%s", c->gbp ? "gbp" : "",
			  c->gbp && c->gpe ? "," : "", c->gpe ? "gpe" : "");
}

static int make_device(struct plane *pl, const struct tunnel_config *c, const char *name,
		       struct tunnel_device *d, struct error *err)
{
	const char *type = is_dummy(pl) ? "dummy" : tunnel_type_name(c->type);
	AUTO(smap) options;

	smap_init(&options);
	put_device_options(c, &options);
	return datapath_port_add(pl->dp, name, type, &options, &d->port, err);
}

// Whether the device that another Interface has had made is one for this one, too.
static int share_device(struct plane *pl, const struct tunnel_device *d,
			const struct bridge_port *bp, struct error *err)
{
	const struct tunnel_config *c = &bp->tunnel;
	AUTO(smap) options;

	smap_init(&options);
	put_device_options(c, &options);
	if (d->gbp != c->gbp)
		return error_set(err, -EBUSY,
				 "%s: VXLAN-GBP, and non-VXLAN-GBP tunnels can't be configured on "
				 "the same dst_port",
				 bp->name);
	if (d->payload != c->payload)
		return error_set(err, -EBUSY,
				 "%s: payload_type must be that of %s, which has %s already",
				 bp->name, d->first, bp->tunnel_device);
	if (datapath_port_set_options(pl->dp, d->port, &options, err))
		return error_wrap(err, "%s: %s has %s already", bp->name, d->first,
				  bp->tunnel_device);
	return 0;
}

static int use_device(struct bridge_port *bp, struct error *err)
{
	struct plane *pl = bp->bridge->plane;
	struct tunnel_device *d;
	int error;

	tunnel_device_name(&bp->tunnel, bp->tunnel_device, sizeof(bp->tunnel_device));
	d = strmap_get(&pl->tunnel_devices, bp->tunnel_device);
	if (d && share_device(pl, d, bp, err)) {
		bp->tunnel_device[0] = '\0';
		return -EBUSY;
	}
	if (!d) {
		d = xzalloc(sizeof(*d));
		d->gbp = bp->tunnel.gbp;
		d->payload = bp->tunnel.payload;
		snprintf(d->first, sizeof(d->first), "%s", bp->name);
		error = make_device(pl, &bp->tunnel, bp->tunnel_device, d, err);
		if (error) {
			free(d);
			bp->tunnel_device[0] = '\0';
			return error;
		}
		strmap_add(&pl->tunnel_devices, bp->tunnel_device, d);
	}
	d->n_users++;
	bp->dp_port = d->port;
	return 0;
}

const char *bridge_tunnel_offload_device(const struct bridge_port *bp)
{
	const struct tunnel_device *d =
		strmap_get(&bp->bridge->plane->tunnel_devices, bp->tunnel_device);

	return d ? d->device : "";
}

static void leave_device(struct bridge_port *bp)
{
	struct plane *pl = bp->bridge->plane;
	struct tunnel_device *d = strmap_get(&pl->tunnel_devices, bp->tunnel_device);

	if (--d->n_users) {
		// There may be thousands: their flows go with the next round.
		upcall_changed(pl->upcall);
		return;
	}
	plane_remove_port(pl, d->port);
	strmap_take(&pl->tunnel_devices, bp->tunnel_device);
	free(d);
}

// Looks which eSwitch the device belongs to, and offers its flows there.
static void identify(struct plane *pl, struct tunnel_device *d)
{
	struct error err = ERROR_INIT;
	const struct backend_ops *ops;
	struct port_ref ref;

	if (!datapath_port_ref(pl->dp, d->port, &ref))
		return;
	ops = port_backend(pl, &ref);
	// The device is several interfaces'.
	ref.is_excluded = offload_port_is_excluded(pl, NULL);
	if (ref.is_excluded)
		ops = NULL;
	if (d->is_offered && !strcmp(ref.device, d->device) && ref.is_excluded == d->is_excluded &&
	    ref.takes_bare == d->takes_bare)
		return;
	if (d->is_offered) {
		if (strcmp(ref.device, d->device))
			log_info("%s: its device is %s now (was %s)", ref.name,
				 ref.device[0] ? ref.device : "none",
				 d->device[0] ? d->device : "none");
		offload_flush(pl->offload);
		offload_remove_port(pl->offload, d->port);
	}
	snprintf(d->device, sizeof(d->device), "%s", ref.device);
	d->is_excluded = ref.is_excluded;
	d->takes_bare = ref.takes_bare;
	if (offload_add_port(pl->offload, &ref, ops, &err) < 0)
		log_warn("%s: no offload: %s", ref.name, err.text);
	if (!d->is_offered)
		restore_look_at_port(pl, d->port);
	d->is_offered = true;
	upcall_changed(pl->upcall);
}

void bridge_tunnels_identify(struct plane *pl)
{
	struct strmap_node *n;

	STRMAP_FOR_EACH (n, &pl->tunnel_devices)
		identify(pl, n->data);
}

// ---- Life ----

// A tunnel's own address is nobody's: it is there for OpenFlow's descriptions.
static struct eth_addr make_mac(void)
{
	uint64_t bits = (uint64_t)random_u32() << 16 ^ random_u32();

	return eth_addr_from_u64((bits & UINT64_C(0xfcffffffffff)) | UINT64_C(0x020000000000));
}

// What the device carries is the datapath's to say.
static void ask_device(struct bridge_port *bp)
{
	struct port_ref ref = { 0 };

	datapath_port_ref(bp->bridge->plane->dp, bp->dp_port, &ref);
	bp->tunnel.ethernet_only = ref.is_tunnel && !ref.takes_bare;
}

int bridge_tunnel_open(struct bridge_port *bp, struct eth_addr *ret_mac)
{
	AUTO(strbuf) warnings = STRBUF_INIT;
	struct plane *pl = bp->bridge->plane;
	struct error err = ERROR_INIT;

	if (strcmp(pl->type, "system") && !is_dummy(pl)) {
		AUTO_FREE char *text =
			xasprintf("could not create port: type \"%s\" needs a bridge "
				  "with datapath_type=system so far",
				  bp->type);
		return failed(bp, text);
	}
	if (tunnel_config_parse(bp->name, tunnel_type_of(bp->type), &bp->options, &bp->tunnel,
				&warnings, &err))
		return failed(bp, err.text);
	if (warnings.len)
		log_lines(warnings.s);
	if (use_device(bp, &err))
		return failed(bp, err.text);
	ask_device(bp);
	if (tunnel_table_check(upcall_tunnels(pl->upcall), bp->dp_port, &bp->tunnel, bp->name,
			       &err)) {
		AUTO_FREE char *text = xasprintf("could not add network device %s to ofproto (File "
						 "exists): %s",
						 bp->name, err.text);

		bridge_tunnel_close(bp, OF_PORT(0));
		return failed(bp, text);
	}
	*ret_mac = bp->tunnel_mac = make_mac();
	return 0;
}

void bridge_tunnel_start(struct bridge_port *bp)
{
	// It has been asked before whether there is another like it.
	upcall_map_tunnel(bp->bridge->plane->upcall, bp->dp_port, &bp->tunnel, bp->bridge->sw,
			  bp->of->number, bp->name, NULL);
}

void bridge_tunnel_close(struct bridge_port *bp, of_port_t number)
{
	if (number.n)
		upcall_unmap_tunnel(bp->bridge->plane->upcall, bp->bridge->sw, number);
	if (bp->tunnel_device[0])
		leave_device(bp);
	bp->tunnel_device[0] = '\0';
	bp->dp_port = DP_PORT_NONE;
}

// ---- Telling ----

// Where packets to the remote leave this machine.
static void put_egress(struct vswitchd *vs, const struct tunnel_config *c, struct smap *status)
{
	struct nl_sock *s = vswitchd_route_sock(vs);
	struct rtnl_route route;
	struct rtnl_link link;

	if (c->remote_flow || !s)
		return;
	if (rtnl_route_get(s, &c->remote, c->set_mark ? c->mark : 0, &route, NULL) ||
	    rtnl_link_by_index(s, route.ifindex, &link, NULL))
		return;
	smap_set(status, "tunnel_egress_iface", link.name);
	smap_set(status, "tunnel_egress_iface_carrier", link.flags & IFF_RUNNING ? "up" : "down");
}

void bridge_tunnel_write(struct vswitchd *vs, const struct ovsrec_interface *iface,
			 const struct bridge_port *bp, bool statistics)
{
	static const char *const keys[] = { "rx_bytes", "rx_packets", "tx_bytes", "tx_packets" };
	const struct of_port *p = bp->of;
	struct port_ref ref = { 0 };
	AUTO(smap) status;
	int64_t ifindex;

	smap_init(&status);
	// Routes are asked for in the rhythm of statistics.
	if (statistics) {
		put_egress(vs, &bp->tunnel, &status);
		if (*bridge_tunnel_offload_device(bp))
			smap_set(&status, "offload_device", bridge_tunnel_offload_device(bp));
		ovsrec_interface_set_status(iface, &status);
	}
	status_write_mac(iface, bp->tunnel_mac);
	ovsrec_interface_set_admin_state(iface, "up");
	ovsrec_interface_set_link_state(iface, "up");
	datapath_port_ref(bp->bridge->plane->dp, bp->dp_port, &ref);
	ifindex = ref.ifindex;
	ovsrec_interface_set_ifindex(iface, &ifindex, ref.ifindex ? 1 : 0);
	if (!statistics)
		return;
	int64_t values[] = { atomic_load(&p->rx_bytes), atomic_load(&p->rx_packets),
			     atomic_load(&p->tx_bytes), atomic_load(&p->tx_packets) };
	ovsrec_interface_set_statistics(iface, keys, values, ARRAY_SIZE(keys));
}

static void list_one(const char *name, dp_port_t dp_port, const struct tunnel_config *c, void *aux)
{
	struct strbuf *out = aux;

	tunnel_config_format(c, name, dp_port, out);
	strbuf_putc(out, '\n');
}

void bridge_tunnels_list(struct vswitchd *vs, struct strbuf *out)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		tunnel_table_for_each(upcall_tunnels(pl->upcall), list_one, out);
}
