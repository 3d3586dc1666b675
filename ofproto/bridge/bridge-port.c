// SPDX-License-Identifier: Apache-2.0
// Ports of bridges: rows of Port and Interface into datapath ports, switch ports and offload ports.
#include <stdio.h>

#include "core/base/log.h"
#include "datapath/conntrack.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(bridge_port);

static bool is_patch(const char *type)
{
	return !strcmp(type, "patch");
}

static bool is_tunnel(const char *type)
{
	return tunnel_type_of(type) != TUNNEL_NONE;
}

const char *bridge_port_type(const struct vswitchd *vs, const char *type)
{
	static const char *const known[] = { "dpdk", "internal", "tap", "system" };
	static const char *const dummies[] = { "dummy", "dummy-internal", "dummy-pmd" };

	if (!*type)
		type = "system";
	if (vs->dummy_override && (!strcmp(type, "system") || !strcmp(type, "internal")))
		return "dummy";
	for (size_t i = 0; vs->dummy && i < ARRAY_SIZE(dummies); i++)
		if (!strcmp(type, dummies[i]))
			return dummies[i];
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(type, known[i]))
			return known[i];
	return NULL;
}

static void port_failed(struct bridge_port *bp, const char *text)
{
	snprintf(bp->error, sizeof(bp->error), "%s", text);
	log_warn("%s: %s", bp->bridge->name, text);
}

static of_port_t wanted_number(const struct bridge *br, const struct ovsrec_interface *iface)
{
	if (!strcmp(iface->name, br->name))
		return OF_PORT(OFPP_LOCAL);
	if (iface->n_ofport_request)
		return OF_PORT(iface->ofport_request[0]);
	// The number of before a restart, where it is free.
	if (iface->n_ofport && iface->ofport[0] > 0)
		return OF_PORT(iface->ofport[0]);
	return OF_PORT(0);
}

// All where none is named.
static void set_vlans(uint64_t *bits, const int64_t *vlans, size_t n)
{
	memset(bits, n ? 0 : 0xff, 4096 / 8);
	for (size_t i = 0; i < n; i++)
		bits[vlans[i] / 64] |= UINT64_C(1) << vlans[i] % 64;
}

// Words of the database; a list ends with a NULL.
struct named {
	const char *name;
	int value;
};

static const struct named *find_named(const struct named *names, const char *name)
{
	while (names->name && strcmp(names->name, name))
		names++;
	return names->name ? names : NULL;
}

static enum vlan_mode vlan_mode_of(const struct ovsrec_port *row)
{
	static const struct named modes[] = { { "access", VLAN_ACCESS },
					      { "trunk", VLAN_TRUNK },
					      { "native-tagged", VLAN_NATIVE_TAGGED },
					      { "native-untagged", VLAN_NATIVE_UNTAGGED },
					      { "dot1q-tunnel", VLAN_DOT1Q_TUNNEL },
					      { NULL, 0 } };
	const struct named *mode = row->vlan_mode ? find_named(modes, row->vlan_mode) : NULL;

	if (mode)
		return mode->value;
	return row->n_tag ? VLAN_ACCESS : VLAN_TRUNK;
}

// It was yes or no before there was "always".
static const struct named priority_tags[] = {
	{ "never", PRIORITY_TAGS_NEVER },     { "if-nonzero", PRIORITY_TAGS_IF_NONZERO },
	{ "always", PRIORITY_TAGS_ALWAYS },   { "false", PRIORITY_TAGS_NEVER },
	{ "true", PRIORITY_TAGS_IF_NONZERO }, { NULL, 0 },
};
static const struct named qinq_types[] = { { "802.1ad", 0x88a8 },
					   { "802.1q", 0x8100 },
					   { NULL, 0 } };

// What other_config says by one of these names; the first one where it says nothing, or what there is not: that is told.
static int take_named(const struct ovsrec_port *row, const char *key, const struct named *names,
		      struct strbuf *warning)
{
	const char *text = smap_get_def(&row->other_config, key, names->name);
	const struct named *found = find_named(names, text);

	if (found)
		return found->value;
	strbuf_printf(warning, ": other_config:%s: \"%s\" is unknown, so %s", key, text,
		      names->name);
	return names->value;
}

// What a mode has no use for stays zero: who changes it changes nothing. 'warning' gets what of the row has no effect, or not the one
// that it seems to ask for.
static void set_vlan_settings(struct port_settings *s, const struct ovsrec_port *row,
			      struct strbuf *warning)
{
	s->vlan_mode = vlan_mode_of(row);
	if (s->vlan_mode != VLAN_TRUNK && row->n_tag)
		s->tag = row->tag[0];
	switch (s->vlan_mode) {
	case VLAN_ACCESS:
		if (row->n_trunks)
			strbuf_puts(warning, ": an access port ignores trunks");
		break;
	case VLAN_NATIVE_TAGGED:
	case VLAN_NATIVE_UNTAGGED:
		set_vlans(s->trunks, row->trunks, row->n_trunks);
		s->trunks[s->tag / 64] |= UINT64_C(1) << s->tag % 64;
		break;
	case VLAN_TRUNK:
		set_vlans(s->trunks, row->trunks, row->n_trunks);
		break;
	case VLAN_DOT1Q_TUNNEL:
		set_vlans(s->cvlans, row->cvlans, row->n_cvlans);
		break;
	}
	s->priority_tags = take_named(row, "priority-tags", priority_tags, warning);
	s->qinq_tpid = htobe16(take_named(row, "qinq-ethtype", qinq_types, warning));
}

static void make_settings(struct port_settings *s, struct bridge_port *bp,
			  const struct ovsrec_port *row, const struct ovsrec_interface *iface)
{
	AUTO(strbuf) warning = STRBUF_INIT;

	memset(s, 0, sizeof(*s));
	set_vlan_settings(s, row, &warning);
	if (str_replace(&bp->vlan_warning, strbuf_cstr(&warning)) && warning.len)
		log_warn("%s: port %s%s", bp->bridge->name, row->name, warning.s);
	s->protected = row->protected;
	if (is_patch(iface->type))
		snprintf(s->patch_peer, sizeof(s->patch_peer), "%s",
			 smap_get_def(&iface->options, "peer", ""));
	if (bp->tunnel.type)
		s->tunnel = bp->tunnel;
}

const struct backend_ops *port_backend(const struct plane *pl, struct port_ref *ref)
{
	if (!strcmp(pl->type, "system")) {
		eswitch_identify(pl->vs, ref);
		return ref->device[0] ? &backend_tc : NULL;
	}
#ifdef HAVE_DPDK
	if (ref->device[0])
		return &backend_rte_flow;
#endif
	return NULL;
}

void bridge_port_offer(struct bridge_port *bp, struct port_ref *ref)
{
	struct plane *pl = bp->bridge->plane;
	const struct backend_ops *backend = port_backend(pl, ref);
	struct error err = ERROR_INIT;

	snprintf(bp->device, sizeof(bp->device), "%s", ref->device);
	bp->ifindex = ref->ifindex;
	eswitch_note_members(bp, ref);
	ref->is_excluded = bp->is_excluded;
	if (offload_add_port(pl->offload, ref, bp->is_excluded ? NULL : backend, &err) < 0)
		log_warn("%s: port %s: no offload: %s", bp->bridge->name, bp->name, err.text);
}

// As other_config:hw-offload-priority has it now.
static void exclude(struct bridge_port *bp, const struct ovsrec_interface *iface)
{
	struct plane *pl = bp->bridge->plane;
	bool excluded = offload_port_is_excluded(pl, iface);
	struct port_ref ref;

	if (excluded == bp->is_excluded || bp->tunnel.type ||
	    !datapath_port_ref(pl->dp, bp->dp_port, &ref))
		return;
	bp->is_excluded = excluded;
	offload_flush(pl->offload);
	offload_remove_port(pl->offload, bp->dp_port);
	bridge_port_offer(bp, &ref);
	upcall_changed(pl->upcall);
}

static bool add_to_datapath(struct bridge_port *bp, struct eth_addr *ret_mac)
{
	struct bridge *br = bp->bridge;
	struct vswitchd *vs = br->vs;
	const char *type = bridge_port_type(vs, bp->type);
	struct datapath_port_info info;
	struct error err = ERROR_INIT;
	char device[sizeof(bp->name)];
	struct port_ref ref;

	if (!type) {
		AUTO_FREE char *text = xasprintf(
			"could not create port: type \"%s\" is not supported yet", bp->type);
		port_failed(bp, text);
		return false;
	}
	if (!strcmp(type, "dpdk") && !strcmp(br->plane->type, "system")) {
		port_failed(bp, "ports of type dpdk need a bridge with datapath_type=netdev");
		return false;
	}
	if (!strcmp(type, "dpdk") && vs->dpdk_init == DPDK_INIT_FALSE) {
		port_failed(bp, "other_config:dpdk-init is false: no ports of type dpdk");
		return false;
	}
	if (eswitch_find_device(bp, device, &err) ||
	    datapath_port_add(br->plane->dp, device, type, &bp->options, &bp->dp_port, &err) < 0) {
		port_failed(bp, err.text);
		bp->dp_port = DP_PORT_NONE;
		return false;
	}
	if (!strcmp(bp->name, bp->bridge->name))
		datapath_port_set_mac(br->plane->dp, bp->dp_port, bp->bridge->mac, NULL);
	datapath_port_info(br->plane->dp, bp->dp_port, &info);
	*ret_mac = info.mac;
	smap_uninit(&info.status);
	datapath_port_ref(br->plane->dp, bp->dp_port, &ref);
	bridge_port_offer(bp, &ref);
	return true;
}

// The address that a port is to have; false: its own. The local port's is the bridge's.
static bool wanted_mac(const struct bridge_port *bp, const struct ovsrec_interface *iface,
		       struct eth_addr *ret)
{
	*ret = bp->bridge->mac;
	return !strcmp(bp->name, bp->bridge->name) ||
	       (iface->mac && bridge_parse_mac(iface->mac, ret));
}

static void apply_interface(struct bridge_port *bp, const struct ovsrec_interface *iface)
{
	struct datapath *dp = bp->bridge->plane->dp;
	struct error err = ERROR_INIT;
	struct eth_addr mac;

	if (dp_port_equal(bp->dp_port, DP_PORT_NONE) || bp->tunnel.type)
		return;
	if (iface->n_mtu_request &&
	    datapath_port_set_mtu(dp, bp->dp_port, iface->mtu_request[0], &err) < 0)
		log_warn("%s: port %s: %s", bp->bridge->name, bp->name, err.text);
	if (!wanted_mac(bp, iface, &mac) || eth_addr_equal(mac, bp->of->mac))
		return;
	if (datapath_port_set_mac(dp, bp->dp_port, mac, &err) < 0)
		log_warn("%s: port %s: %s", bp->bridge->name, bp->name, err.text);
	else
		switch_port_set_mac(bp->bridge->sw, bp->of, mac);
}

// As a port of OpenFlow; false: no number is free.
static bool add_to_switch(struct bridge_port *bp, const struct ovsrec_interface *iface,
			  struct eth_addr mac, const struct port_settings *s)
{
	struct bridge *br = bp->bridge;
	struct port_ref ref;

	bp->of = switch_port_add(br->sw, bp->name, wanted_number(br, iface), bp->dp_port, mac, s);
	if (!bp->of)
		return false;
	if (!dp_port_equal(bp->dp_port, DP_PORT_NONE) && !bp->tunnel.type &&
	    datapath_port_ref(br->plane->dp, bp->dp_port, &ref))
		atomic_store(&bp->of->ifindex, ref.ifindex);
	return true;
}

static struct bridge_port *port_create(struct bridge *br, const struct ovsrec_port *row,
				       const struct ovsrec_interface *iface)
{
	struct bridge_port *bp = xzalloc(sizeof(*bp));
	struct eth_addr mac = br->mac;
	struct port_settings s;

	bp->bridge = br;
	snprintf(bp->name, sizeof(bp->name), "%s", iface->name);
	snprintf(bp->type, sizeof(bp->type), "%s",
		 strcmp(iface->name, br->name) ? iface->type : "internal");
	smap_clone(&bp->options, &iface->options);
	bp->dp_port = DP_PORT_NONE;
	bp->is_excluded = offload_port_is_excluded(br->plane, iface);
	strmap_add(&br->ports, bp->name, bp);
	if (is_tunnel(bp->type) ? bridge_tunnel_open(bp, &mac)
				: !is_patch(bp->type) && !add_to_datapath(bp, &mac))
		return bp;
	make_settings(&s, bp, row, iface);
	if (!add_to_switch(bp, iface, mac, &s)) {
		port_failed(bp, "no OpenFlow port number is free");
		return bp;
	}
	if (bp->tunnel.type) {
		bridge_tunnel_start(bp);
	} else if (!is_patch(bp->type)) {
		upcall_map_port(br->plane->upcall, bp->dp_port, br->sw, bp->of->number);
		restore_look_at_port(br->plane, bp->dp_port);
		// Only now: a packet that came before would find no bridge.
		datapath_port_start(br->plane->dp, bp->dp_port);
	}
	if (smap_get(&iface->other_config, "pmd-rxq-affinity"))
		log_warn("%s: port %s: other_config:pmd-rxq-affinity is not supported yet and "
			 "without effect",
			 br->name, bp->name);
	log_info("%s: added interface %s on port %u", br->name, bp->name, bp->of->number.n);
	return bp;
}

void bridge_port_destroy(struct bridge_port *bp)
{
	of_port_t number = bp->of ? bp->of->number : OF_PORT(0);
	struct plane *pl = bp->bridge->plane;

	if (bp->of)
		switch_port_del(bp->bridge->sw, bp->of);
	if (bp->tunnel.type)
		bridge_tunnel_close(bp, number);
	if (!dp_port_equal(bp->dp_port, DP_PORT_NONE)) {
		upcall_unmap_port(pl->upcall, bp->dp_port);
		plane_remove_port(pl, bp->dp_port);
	}
	strmap_take(&bp->bridge->ports, bp->name);
	smap_uninit(&bp->options);
	free(bp->qos_error);
	free(bp->policing_error);
	free(bp->vlan_warning);
	free(bp);
}

// While the port stays; false: it must be made anew.
static bool change_options(struct bridge_port *bp, const struct smap *options)
{
	struct datapath *dp = bp->bridge->plane->dp;
	struct error err = ERROR_INIT;
	struct port_ref ref;

	if (bp->tunnel.type)
		return false;
	// A device that is stopped for the change would lose the flows that were offloaded to it.
	if (!datapath_port_ref(dp, bp->dp_port, &ref) || ref.device[0])
		return false;
	return !datapath_port_set_options(dp, bp->dp_port, options, &err);
}

// One that is free.
static bool asks_other_number(const struct bridge_port *bp, const struct ovsrec_interface *iface)
{
	of_port_t number = wanted_number(bp->bridge, iface);

	return iface->n_ofport_request && number.n != bp->of->number.n &&
	       !switch_port_find(bp->bridge->sw, number);
}

// To OpenFlow one port goes and another comes; the datapath's stays, with its device and its addresses.
static void renumber(struct bridge_port *bp, const struct ovsrec_interface *iface,
		     const struct port_settings *s)
{
	struct upcall_engine *upcall = bp->bridge->plane->upcall;
	struct of_switch *sw = bp->bridge->sw;
	struct eth_addr mac = bp->of->mac;

	switch_port_del(sw, bp->of);
	// There is a free number: one has just been given back.
	add_to_switch(bp, iface, mac, s);
	if (!is_patch(bp->type))
		upcall_map_port(upcall, bp->dp_port, sw, bp->of->number);
	upcall_changed(upcall);
	log_info("%s: interface %s is port %u now", bp->bridge->name, bp->name, bp->of->number.n);
}

static bool needs_new(struct bridge_port *bp, const struct ovsrec_interface *iface)
{
	const char *type = strcmp(iface->name, bp->bridge->name) ? iface->type : "internal";

	// What failed is tried again with every change.
	if (!bp->of || strcmp(bp->type, type) || eswitch_has_moved(bp))
		return true;
	if (bp->tunnel.type && asks_other_number(bp, iface))
		return true;
	return !is_patch(type) && !smap_equal(&bp->options, &iface->options) &&
	       !change_options(bp, &iface->options);
}

void bridge_remove_ports(struct bridge *br, const struct ovsrec_bridge *row)
{
	struct strmap_node *n;

	STRMAP_FOR_EACH (n, &br->ports)
		((struct bridge_port *)n->data)->keep = false;
	for (size_t i = 0; i < row->n_ports; i++) {
		const struct ovsrec_interface *iface;
		struct bridge_port *bp;

		if (row->ports[i]->n_interfaces != 1)
			continue;
		iface = row->ports[i]->interfaces[0];
		bp = strmap_get(&br->ports, iface->name);
		if (bp)
			bp->keep = !needs_new(bp, iface);
	}
	HMAP_FOR_EACH_SAFE (n, node, &br->ports.map)
		if (!((struct bridge_port *)n->data)->keep)
			bridge_port_destroy(n->data);
}

static void configure_port(struct bridge *br, const struct ovsrec_port *row)
{
	const struct ovsrec_interface *iface = row->interfaces[0];
	struct bridge_port *bp = strmap_get(&br->ports, iface->name);
	struct port_settings s;

	if (!bp)
		bp = port_create(br, row, iface);
	if (!bp->of)
		return;
	smap_uninit(&bp->options);
	smap_clone(&bp->options, &iface->options);
	make_settings(&s, bp, row, iface);
	if (asks_other_number(bp, iface))
		renumber(bp, iface, &s);
	switch_port_set(br->sw, bp->of, &s);
	apply_interface(bp, iface);
	exclude(bp, iface);
	bridge_qos_configure(bp, row, iface);
}

// Both ends of a patch name each other.
static void wire_patches(struct vswitchd *vs, struct bridge *br)
{
	struct strmap_node *n, *b;

	STRMAP_FOR_EACH (n, &br->ports) {
		struct bridge_port *bp = n->data, *other = NULL;
		const char *peer = smap_get_def(&bp->options, "peer", "");

		if (!bp->of || !is_patch(bp->type))
			continue;
		STRMAP_FOR_EACH (b, &vs->bridges) {
			struct bridge_port *p =
				strmap_get(&((struct bridge *)b->data)->ports, peer);

			if (p && p->of && is_patch(p->type) &&
			    !strcmp(smap_get_def(&p->options, "peer", ""), bp->name))
				other = p;
		}
		if (atomic_load(&bp->of->peer) == (other ? other->of : NULL))
			continue;
		atomic_store(&bp->of->peer, other ? other->of : NULL);
		if (other)
			atomic_store(&other->of->peer, bp->of);
		upcall_changed(br->plane->upcall);
	}
}

// A number that is asked for, or was a port's before, must not go to a port that takes any: lower ranks come first.
static int number_rank(const struct ovsrec_port *port)
{
	const struct ovsrec_interface *iface = port->n_interfaces ? port->interfaces[0] : NULL;

	if (!iface)
		return 2;
	if (iface->n_ofport_request)
		return 0;
	return iface->n_ofport && iface->ofport[0] > 0 ? 1 : 2;
}

static int port_order(const void *a_, const void *b_)
{
	const struct ovsrec_port *a = *(struct ovsrec_port *const *)a_,
				 *b = *(struct ovsrec_port *const *)b_;
	int diff = number_rank(a) - number_rank(b);

	return diff ? diff : strcmp(a->name, b->name);
}

void bridge_configure_ports(struct bridge *br, const struct ovsrec_bridge *row)
{
	// Among equals by name, so that numbers do not depend on how the database orders a set.
	struct ovsrec_port **sorted = xmemdup(row->ports, row->n_ports * sizeof(*sorted));
	qsort(sorted, row->n_ports, sizeof(*sorted), port_order);
	for (size_t i = 0; i < row->n_ports; i++) {
		const struct ovsrec_port *port = sorted[i];

		if (port->n_interfaces == 1)
			configure_port(br, port);
		else if (port->n_interfaces > 1)
			log_warn("%s: port %s: bonds are not supported yet", br->name, port->name);
	}
	free(sorted);
	wire_patches(br->vs, br);
}

struct bridge_port *bridge_port_by_dp(const struct plane *pl, dp_port_t port)
{
	struct strmap_node *b, *n;

	STRMAP_FOR_EACH (b, &pl->vs->bridges) {
		if (((struct bridge *)b->data)->plane != pl)
			continue;
		STRMAP_FOR_EACH (n, &((struct bridge *)b->data)->ports) {
			struct bridge_port *bp = n->data;

			if (dp_port_equal(bp->dp_port, port) && !bp->tunnel.type)
				return bp;
		}
	}
	return NULL;
}

static bool port_stats(void *aux, const struct of_port *p, struct port_stats *ret)
{
	struct bridge *br = aux;
	struct datapath_port_info info;

	if (!datapath_port_info(br->plane->dp, p->dp_port, &info))
		return false;
	ret->rx_packets = info.rx_packets;
	ret->tx_packets = info.tx_packets;
	ret->rx_bytes = info.rx_bytes;
	ret->tx_bytes = info.tx_bytes;
	ret->rx_dropped = info.rx_dropped;
	ret->tx_dropped = info.tx_dropped;
	ret->rx_errors = info.rx_errors;
	ret->tx_errors = info.tx_errors;
	ret->rx_frame_err = ret->rx_over_err = ret->rx_crc_err = ret->collisions = UINT64_MAX;
	if (info.has_device_counters) {
		ret->rx_frame_err = info.rx_frame_errors;
		ret->rx_over_err = info.rx_over_errors;
		ret->rx_crc_err = info.rx_crc_errors;
		ret->collisions = info.collisions;
	}
	smap_uninit(&info.status);
	return true;
}

static void port_desc(void *aux, const struct of_port *p, struct port_desc *ret)
{
	struct bridge *br = aux;
	struct datapath_port_info info;

	if (dp_port_equal(p->dp_port, DP_PORT_NONE) || RCU_GET(p->settings)->tunnel.type ||
	    !br->plane->dp || !datapath_port_info(br->plane->dp, p->dp_port, &info))
		return;
	ret->hw_addr = info.mac;
	ret->current_kbps = MIN(info.link_mbps * 1000, (uint64_t)UINT32_MAX);
	// OFPPF_*: 10 Gb/s full duplex is bit 6, 1 Gb/s bit 5, 100 Mb/s bit 3.
	ret->current = info.link_mbps >= 10000	? 1 << 6
		       : info.link_mbps >= 1000 ? 1 << 5
		       : info.link_mbps		? 1 << 3
						: 0;
	smap_uninit(&info.status);
}

static int port_admin(void *aux, const struct of_port *p, bool up)
{
	struct bridge *br = aux;

	// A tunnel's device is others', too.
	if (dp_port_equal(p->dp_port, DP_PORT_NONE) || RCU_GET(p->settings)->tunnel.type)
		return 0;
	return datapath_port_set_admin(br->plane->dp, p->dp_port, up, NULL);
}

static int ct_flush(void *aux, const struct ct_match *match)
{
	struct bridge *br = aux;
	struct error err = ERROR_INIT;
	int error = br->plane->dp ? datapath_ct_flush(br->plane->dp, match, &err) : -ENODEV;

	if (error && error != -ENOENT && error != -EOPNOTSUPP)
		log_warn("%s: tracked connections are not flushed: %s", switch_name(br->sw),
			 err.code ? err.text : strerror(-error));
	return error;
}

static void connected(void *aux)
{
	fail_mode_run(aux);
}

const struct control_ops bridge_control_ops = {
	.connected = connected,
	.port_stats = port_stats,
	.port_desc = port_desc,
	.port_admin = port_admin,
	.port_queues = bridge_port_queues,
	.ct_flush = ct_flush,
	.ipfix_sets = bridge_ipfix_for_each,
	.ipfix_bridge = bridge_ipfix_stats,
};
