// SPDX-License-Identifier: Apache-2.0
// offload/doctor: what keeps flows out of hardware before the first packet comes, and what to do about it.
#include <linux/devlink.h>
#include <stdio.h>

#include "core/base/log.h"
#include "offload/switchdev/mlx5.h"
#include "ofproto/bridge/commands-private.h"

// One line of the examination. A remedy is a command, or empty where there is none.
struct doctor {
	struct strbuf *text;
	struct json_writer *json; // NULL: text
	unsigned int n;
};

static void finding(struct doctor *d, const char *object, const char *what, const char *remedy)
{
	d->n++;
	if (d->json) {
		jw_object_begin(d->json);
		jw_member_string(d->json, "object", object);
		jw_member_string(d->json, "finding", what);
		jw_member_string(d->json, "remedy", remedy);
		jw_object_end(d->json);
		return;
	}
	strbuf_printf(d->text, "%s: %s\n", object, what);
	if (*remedy)
		strbuf_printf(d->text, "  remedy: %s\n", remedy);
}

static void examine_eswitch(struct vswitchd *vs, const char *handle, struct doctor *d)
{
	struct switchdev_eswitch e;

	if (!vs->eswitches.sd || !switchdev_eswitch_get(vs->eswitches.sd, handle, &e))
		return;
	if (e.mode == DEVLINK_ESWITCH_MODE_LEGACY) {
		AUTO_FREE char *remedy =
			xasprintf("devlink dev eswitch set %s mode switchdev", handle);

		finding(d, handle, "the eSwitch is in legacy mode: its representors do not exist",
			remedy);
	}
	if (e.encap_mode == DEVLINK_ESWITCH_ENCAP_MODE_NONE) {
		AUTO_FREE char *remedy =
			xasprintf("devlink dev eswitch set %s encap-mode basic", handle);

		finding(d, handle, "encapsulation is off: no tunnel is offloaded", remedy);
	}
}

static void examine_tunnel(const struct bridge_port *bp, struct doctor *d)
{
	const char *device = bridge_tunnel_offload_device(bp);

	if (!*device || !strcmp(device, SOFTWARE_DEVICE))
		finding(d, bp->name,
			"there is not one eSwitch that tunnels belong to: packets out of this one "
			"are taken in software",
			"have the ports of one eSwitch only in the datapath's bridges");
}

static void examine_port(struct bridge_port *bp, struct doctor *d)
{
	struct vswitchd *vs = bp->bridge->vs;
	struct switchdev_port p;
	struct port_ref ref;

	if (bp->error[0] && !bp->of)
		finding(d, bp->name, bp->error, "");
	if (dp_port_equal(bp->dp_port, DP_PORT_NONE) ||
	    !datapath_port_ref(bp->bridge->plane->dp, bp->dp_port, &ref) || ref.is_internal)
		return;
	if (strcmp(bp->bridge->plane->type, "system")) {
		if (!ref.device[0] && !strcmp(bp->type, "dpdk"))
			finding(d, bp->name, "the port is no representor of an eSwitch",
				"add the NIC's uplink and representors (options:dpdk-devargs)");
		return;
	}
	if (bp->tunnel.type) {
		examine_tunnel(bp, d);
		return;
	}
	if (!vs->eswitches.sd || !switchdev_port_get(vs->eswitches.sd, ref.ifindex, &p)) {
		finding(d, bp->name,
			"the device is no port of an eSwitch: its flows run in software",
			"attach representors of the NIC's functions instead");
		return;
	}
	if (p.hw_tc_offload == FEATURE_OFF) {
		AUTO_FREE char *remedy = xasprintf("ethtool -K %s hw-tc-offload on", p.name);

		finding(d, bp->name, "the driver is told not to offload traffic control", remedy);
	}
	examine_eswitch(vs, p.handle, d);
}

static void examine_plane(struct plane *pl, struct doctor *d)
{
	AUTO(smap) features;

	smap_init(&features);
	if (!pl->dp || strcmp(pl->type, "system"))
		return;
	datapath_features(pl->dp, &features);
	if (!strcmp(smap_get_def(&features, "tc_recirc_sharing", "true"), "false"))
		finding(d, "kernel",
			"it was built without NET_TC_SKB_EXT: what recirculates (connection "
			"tracking) is not offloaded",
			"run a kernel with CONFIG_NET_TC_SKB_EXT=y");
}

struct nic {
	struct doctor *d;
	const char *handle;
};

static void nic_finding(const char *what, const char *remedy, void *aux)
{
	const struct nic *nic = aux;

	finding(nic->d, nic->handle, what, remedy);
}

static void examine_nics(struct vswitchd *vs, struct doctor *d)
{
	const struct offload_device_status *dev;
	struct plane_devices devs;

	planes_list_devices(vs, &devs);
	PLANE_DEVICE_FOR_EACH(dev, &devs)
	mlx5_findings(&dev->capabilities, nic_finding, &(struct nic){ d, dev->handle });
	plane_devices_free(&devs);
}

static void examine_all(struct vswitchd *vs, struct doctor *d)
{
	struct strmap_node **bridges = strmap_sorted(&vs->bridges);
	struct error err = ERROR_INIT;
	struct plane *pl;

	if (!vs->n_planes || !offload_is_enabled(vs->planes[0].offload))
		finding(d, "switch", "hw-offload is not enabled",
			"ovs-vsctl set Open_vSwitch . other_config:hw-offload=true");
	if (datapath_probe("system", &err))
		finding(d, "kernel", err.text,
			"modprobe openvswitch (needed for datapath_type=system only)");
	PLANE_FOR_EACH(pl, vs)
	examine_plane(pl, d);
	examine_nics(vs, d);
	for (size_t i = 0; i < strmap_count(&vs->bridges); i++) {
		struct bridge *br = bridges[i]->data;
		struct strmap_node **ports = strmap_sorted(&br->ports);

		for (size_t k = 0; k < strmap_count(&br->ports); k++)
			examine_port(ports[k]->data, d);
		free(ports);
	}
	free(bridges);
}

static void doctor(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_writer w;
	struct doctor d = { &out, appctl_format(conn) == APPCTL_JSON ? &w : NULL, 0 };

	json_writer_init(&w, &out);
	if (d.json)
		jw_array_begin(&w);
	examine_all(aux, &d);
	if (d.json)
		jw_array_end(&w);
	else if (!d.n)
		strbuf_puts(&out, "nothing stands in the way of offload\n");
	appctl_reply(conn, out.s);
}

const struct appctl_command doctor_commands[] = {
	{ "offload/doctor", "", 0, 0, doctor },
};
const size_t n_doctor_commands = ARRAY_SIZE(doctor_commands);
