// SPDX-License-Identifier: Apache-2.0
// What runs, written back to the database. Equal values are dropped by the client library, so writing costs little.
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(status);

void status_write_mac(const struct ovsrec_interface *iface, struct eth_addr mac)
{
	char text[18];

	snprintf(text, sizeof(text), ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
	ovsrec_interface_set_mac_in_use(iface, text);
}

enum { N_OF_ALL = 8 }; // statistics that ports of any kind have

static void write_statistics(const struct ovsrec_interface *iface,
			     const struct datapath_port_info *i)
{
	// Those that only a Linux device keeps come last.
	static const char *const keys[] = {
		"rx_bytes",    "rx_dropped",	      "rx_errors",    "rx_packets",
		"tx_bytes",    "tx_dropped",	      "tx_errors",    "tx_packets",
		"collisions",  "rx_crc_err",	      "rx_frame_err", "rx_missed_errors",
		"rx_over_err", "rx_multicast_packets"
	};
	const int64_t values[] = { i->rx_bytes,	      i->rx_dropped,	  i->rx_errors,
				   i->rx_packets,     i->tx_bytes,	  i->tx_dropped,
				   i->tx_errors,      i->tx_packets,	  i->collisions,
				   i->rx_crc_errors,  i->rx_frame_errors, i->rx_missed_errors,
				   i->rx_over_errors, i->rx_multicast };

	ovsrec_interface_set_statistics(iface, keys, values,
					i->has_device_counters ? ARRAY_SIZE(keys) : N_OF_ALL);
}

// A port whose device went away stays configured, and says what it waits for.
static void write_absence(const struct ovsrec_interface *iface, bool is_gone)
{
	struct error err = ERROR_INIT;

	if (is_gone)
		port_error_no_device(&err, iface->name);
	ovsrec_interface_set_error(iface, is_gone ? err.text : NULL);
}

static void write_interface(struct vswitchd *vs, const struct ovsrec_interface *iface,
			    const struct bridge_port *bp, bool statistics)
{
	struct datapath_port_info info;

	if (bp->tunnel.type && bp->of) {
		bridge_tunnel_write(vs, iface, bp, statistics);
		return;
	}
	if (dp_port_equal(bp->dp_port, DP_PORT_NONE) ||
	    !datapath_port_info(bp->bridge->plane->dp, bp->dp_port, &info))
		return;
	int64_t mtu = info.mtu, speed = info.link_mbps * 1000000, resets = info.link_resets,
		ifindex;
	struct port_ref ref;

	status_write_mac(iface, info.mac);
	ovsrec_interface_set_mtu(iface, &mtu, 1);
	ovsrec_interface_set_admin_state(iface, info.admin_up ? "up" : "down");
	ovsrec_interface_set_link_state(iface, info.link_up ? "up" : "down");
	ovsrec_interface_set_duplex(iface, !info.link_mbps    ? NULL
					   : info.full_duplex ? "full"
							      : "half");
	ovsrec_interface_set_link_speed(iface, &speed, info.link_mbps ? 1 : 0);
	ovsrec_interface_set_link_resets(iface, &resets, 1);
	if (datapath_port_ref(bp->bridge->plane->dp, bp->dp_port, &ref)) {
		if (bp->device[0])
			smap_set(&info.status, "offload_device", bp->device);
		ifindex = ref.ifindex;
		ovsrec_interface_set_ifindex(iface, &ifindex, ref.ifindex ? 1 : 0);
		// A device may be made anew under the same name.
		if (bp->of)
			atomic_store(&bp->of->ifindex, ref.ifindex);
	}
	ovsrec_interface_set_status(iface, &info.status);
	if (statistics)
		write_statistics(iface, &info);
	smap_uninit(&info.status);
	if (bp->of) {
		write_absence(iface, info.is_gone);
		uint32_t state = info.link_up ? 0 : PORT_STATE_LINK_DOWN;

		switch_port_set_state(bp->bridge->sw, bp->of, atomic_load(&bp->of->config), state);
	}
}

static void write_pacing(const struct pacer_stats *s, const char *prefix, struct smap *status)
{
	const struct {
		const char *what;
		uint64_t n;
	} rows[] = { { "bypassed", s ? s->bypassed : 0 },
		     { "queued", s ? s->queued : 0 },
		     { "dropped", s ? s->dropped : 0 },
		     { "backlog", s ? s->backlog : 0 } };

	for (size_t i = 0; s && i < ARRAY_SIZE(rows); i++) {
		char key[40];

		snprintf(key, sizeof(key), "%s-%s", prefix, rows[i].what);
		smap_setf(status, key, "%" PRIu64, rows[i].n);
	}
}

static void write_controller(struct bridge *br, const struct ovsrec_controller *row)
{
	struct controller_status st;
	struct smap status;

	if (!control_get_status(br->control, row->target, &st))
		return;
	smap_init(&status);
	if (st.state)
		smap_set(&status, "state", st.state);
	if (st.sec_connected >= 0)
		smap_setf(&status, "sec_since_connect", "%lld", (long long)st.sec_connected);
	if (st.sec_disconnected >= 0)
		smap_setf(&status, "sec_since_disconnect", "%lld", (long long)st.sec_disconnected);
	if (st.last_error)
		smap_set(&status, "last_error", st.last_error);
	write_pacing(st.pacing[PACKET_OF_MISS], "packet-in-miss", &status);
	write_pacing(st.pacing[PACKET_OF_ACTION], "packet-in-action", &status);
	ovsrec_controller_set_is_connected(row, st.connected);
	ovsrec_controller_set_role(row, !st.connected	       ? NULL
					: st.is_primary_role   ? "master"
					: st.is_secondary_role ? "slave"
							       : "other");
	ovsrec_controller_set_status(row, &status);
	smap_uninit(&status);
}

static void for_each_interface(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg,
			       bool statistics,
			       void (*cb)(struct vswitchd *vs, const struct ovsrec_interface *iface,
					  const struct bridge_port *bp, bool statistics))
{
	for (size_t b = 0; b < cfg->n_bridges; b++) {
		const struct ovsrec_bridge *row = cfg->bridges[b];
		struct bridge *br = bridge_find(vs, row->name);

		for (size_t p = 0; br && p < row->n_ports; p++) {
			for (size_t i = 0; i < row->ports[p]->n_interfaces; i++) {
				const struct ovsrec_interface *iface = row->ports[p]->interfaces[i];
				struct bridge_port *bp = strmap_get(&br->ports, iface->name);

				if (bp)
					cb(vs, iface, bp, statistics);
			}
		}
	}
}

static void write_number(struct vswitchd *vs, const struct ovsrec_interface *iface,
			 const struct bridge_port *bp, bool statistics)
{
	int64_t number =
		bp->of ? (int64_t)(bp->of->number.n == OFPP_LOCAL ? 65534 : bp->of->number.n) : -1;

	ovsrec_interface_set_ofport(iface, &number, 1);
	ovsrec_interface_set_error(iface, bp->of ? NULL : bp->error);
}

static void write_bridge(struct vswitchd *vs, const struct ovsrec_bridge *row)
{
	struct bridge *br = bridge_find(vs, row->name);
	char id[17];

	if (!br)
		return;
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)switch_datapath_id(br->sw));
	ovsrec_bridge_set_datapath_id(row, id);
	ovsrec_bridge_set_datapath_version(
		row, strcmp(br->plane->type, "netdev") ? "<unknown>" : datapath_version());
}

// What the datapath can, where somebody has made a row for it.
static void write_capabilities(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	for (size_t i = 0; pl->dp && i < cfg->n_datapaths; i++)
		if (!strcmp(cfg->key_datapaths[i], pl->type))
			ovsrec_datapath_set_capabilities(cfg->value_datapaths[i], &pl->features);
}

static void write_iface_types(const struct ovsrec_open_vswitch *cfg)
{
	static const char *const others[] = {
		"dpdk", "dummy", "internal", "patch", "system", "tap",
	};
	const char *types[ARRAY_SIZE(others) + TUNNEL_TYPE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		types[n++] = others[i];
	for (enum tunnel_type t = TUNNEL_NONE + 1; t < TUNNEL_TYPE_MAX; t++)
		types[n++] = tunnel_type_name(t);
	ovsrec_open_vswitch_set_iface_types(cfg, types, n);
}

void status_write_config(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg)
{
	struct plane *user = plane_userspace(vs);
	const char *dp_types[MAX_PLANES];
	bool dpdk = user && user->dp;

	for_each_interface(vs, cfg, false, write_number);
	for (size_t b = 0; b < cfg->n_bridges; b++)
		write_bridge(vs, cfg->bridges[b]);
	write_capabilities(vs, cfg);
	ovsrec_open_vswitch_set_ovs_version(cfg, PACKAGE_VERSION);
	ovsrec_open_vswitch_set_datapath_types(cfg, dp_types, datapath_types(dp_types, MAX_PLANES));
	write_iface_types(cfg);
	ovsrec_open_vswitch_set_dpdk_initialized(cfg, dpdk);
	ovsrec_open_vswitch_set_dpdk_version(cfg, dpdk ? datapath_version() : NULL);
	ovsrec_open_vswitch_set_cur_cfg(cfg, cfg->next_cfg);
}

void status_write_live(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg, bool statistics)
{
	for_each_interface(vs, cfg, statistics, write_interface);
	for (size_t b = 0; b < cfg->n_bridges; b++) {
		const struct ovsrec_bridge *row = cfg->bridges[b];
		struct bridge *br = bridge_find(vs, row->name);

		for (size_t c = 0; br && c < row->n_controller; c++)
			write_controller(br, row->controller[c]);
	}
}
