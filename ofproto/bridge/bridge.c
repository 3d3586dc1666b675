// SPDX-License-Identifier: Apache-2.0
// Bridges: rows of the Bridge table into running switches.
#include <inttypes.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "datapath/qos.h"
#include "ofproto/bridge/vswitchd.h"
#include "ofproto/pipeline/mac-table.h"

LOG_MODULE(bridge);

#define DEFAULT_PROBE 5000
#define DEFAULT_MAX_BACKOFF 8000

struct bridge *bridge_find(struct vswitchd *vs, const char *name)
{
	return strmap_get(&vs->bridges, name);
}

static void on_rule_added(void *aux, const struct rule *r, const struct rule *old)
{
	struct bridge *br = aux;

	if (br->control)
		control_rule_added(br->control, r, old);
}

static void on_rule_modified(void *aux, const struct rule *r, struct acts before)
{
	struct bridge *br = aux;

	if (br->control)
		control_rule_modified(br->control, r, before);
}

static void on_rule_removed(void *aux, const struct rule *r, enum flow_removed_reason reason)
{
	struct bridge *br = aux;

	if (br->control)
		control_rule_removed(br->control, r, reason);
}

static void on_port_status(void *aux, const struct of_port *p, enum port_reason reason)
{
	struct bridge *br = aux;

	if (br->control)
		control_port_status(br->control, p, reason);
}

static void on_table_status(void *aux, uint8_t table, enum table_status_reason reason)
{
	struct bridge *br = aux;

	if (br->control)
		control_table_status(br->control, table, reason);
}

static void on_changed(void *aux)
{
	struct bridge *br = aux;

	if (br->control)
		control_rules_settled(br->control);
	upcall_changed(br->plane->upcall);
}

static const struct switch_events switch_events = {
	.rule_added = on_rule_added,
	.rule_modified = on_rule_modified,
	.rule_removed = on_rule_removed,
	.port_status = on_port_status,
	.table_status = on_table_status,
	.changed = on_changed,
};

// What other threads have found due. Whose it was may be gone when the loop comes to it: all bridges are asked.
static void run_due(void *vs_)
{
	struct vswitchd *vs = vs_;
	struct strmap_node *n;

	STRMAP_FOR_EACH (n, &vs->bridges) {
		struct bridge *br = n->data;

		switch_tidy(br->sw);
		ipfix_run(br->ipfix);
	}
}

// On RCU's thread (graves to be cleared away), or on a packet's (records to be sent).
static void on_due(void *vs_)
{
	struct vswitchd *vs = vs_;

	loop_post(vs->loop, run_due, vs);
}

// A locally administered address that stays the same for as long as the row does.
static struct eth_addr default_mac(const struct uuid *uuid)
{
	struct eth_addr a = { { 0x02, uuid->parts[0] >> 24, uuid->parts[0] >> 16,
				uuid->parts[0] >> 8, uuid->parts[0], uuid->parts[1] >> 24 } };

	return a;
}

bool bridge_parse_mac(const char *s, struct eth_addr *ret)
{
	static const struct eth_addr zero;
	union field_value v, mask;

	if (strchr(s, '/') || field_parse(field_get(FIELD_ETH_SRC), s, &v, &mask, NULL) < 0 ||
	    eth_addr_is_multicast(v.eth) || eth_addr_equal(v.eth, zero))
		return false;
	*ret = v.eth;
	return true;
}

// The local port's, and the datapath id where nothing else is asked for.
static void read_address(struct bridge *br, const struct ovsrec_bridge *row)
{
	const char *text = smap_get_def(&row->other_config, "hwaddr", "");
	bool is_new = strcmp(text, br->hwaddr ? br->hwaddr : "");

	br->mac = default_mac(&br->uuid);
	if (text[0] && !bridge_parse_mac(text, &br->mac) && is_new)
		log_err("%s: other_config:hwaddr \"%s\" is no Ethernet address of a station: "
			"the bridge's own is used",
			br->name, text);
	free(br->hwaddr);
	br->hwaddr = xstrdup(text);
}

static bool name_timeout(void *aux, uint16_t zone, be16 eth_type, uint8_t nw_proto,
			 char ret[CT_TIMEOUT_NAME_LEN])
{
	const struct plane *pl = aux;

	return pl->dp && datapath_ct_timeout_name(pl->dp, zone, eth_type, nw_proto, ret);
}

static bool queue_priority(void *aux, uint32_t queue, uint32_t *ret)
{
	const struct plane *pl = aux;

	return pl->dp && datapath_queue_priority(pl->dp, queue, ret);
}

// ---- Meters of the plane's datapath ----

static void meter_features(void *aux, struct meter_features *ret)
{
	const struct plane *pl = aux;

	memset(ret, 0, sizeof(*ret));
	if (pl->dp)
		datapath_meter_features(pl->dp, ret);
}

static int meter_set(void *aux, const struct meter_config *config, uint32_t *id, struct error *err)
{
	const struct plane *pl = aux;
	int error = pl->dp ? datapath_meter_set(pl->dp, config, id, err)
			   : error_set(err, -ENODEV, "the datapath is not open");

	if (!error)
		offload_meter_set(pl->offload, *id, config);
	return error;
}

static int meter_get(void *aux, uint32_t id, struct meter_stats *ret, struct error *err)
{
	const struct plane *pl = aux;
	int error = pl->dp ? datapath_meter_get(pl->dp, id, ret, err)
			   : error_set(err, -ENODEV, "the datapath is not open");

	if (!error)
		offload_meter_add_counts(pl->offload, id, ret);
	return error;
}

static void meter_del(void *aux, uint32_t id)
{
	const struct plane *pl = aux;

	if (!pl->dp)
		return;
	// First: the number may be given again at once.
	offload_meter_del(pl->offload, id);
	datapath_meter_del(pl->dp, id);
}

static const struct switch_meter_ops meter_ops = { meter_features, meter_set, meter_get,
						   meter_del };

static struct bridge *bridge_create(struct plane *pl, const struct ovsrec_bridge *row)
{
	struct vswitchd *vs = pl->vs;
	struct bridge *br = xzalloc(sizeof(*br));
	struct error err = ERROR_INIT;

	br->vs = vs;
	br->plane = pl;
	br->uuid = row->row.uuid;
	snprintf(br->name, sizeof(br->name), "%s", row->name);
	strmap_init(&br->ports);
	read_address(br, row);
	br->sw = switch_create(row->name, eth_addr_to_u64(br->mac));
	switch_set_ct_timeouts(br->sw, name_timeout, pl);
	switch_set_queue_priority(br->sw, queue_priority, pl);
	switch_set_meter_ops(br->sw, &meter_ops, pl);
	switch_set_untidy(br->sw, on_due, vs);
	br->ipfix = ipfix_create(br->sw, on_due, vs);
	switch_set_events(br->sw, &switch_events, br);
	br->control = control_create(vs->loop, br->sw, br->plane->upcall, &bridge_control_ops, br);
	if (control_open_mgmt(br->control, &err) < 0 || control_open_snoop(br->control, &err) < 0)
		log_err("%s: %s", br->name, err.text);
	strmap_add(&vs->bridges, br->name, br);
	log_info("%s: bridge created", br->name);
	return br;
}

void bridge_destroy(struct bridge *br)
{
	struct strmap_node *n;
	struct vswitchd *vs = br->vs;

	control_destroy(br->control);
	br->control = NULL;
	in_band_destroy(br);
	HMAP_FOR_EACH_SAFE (n, node, &br->ports.map)
		bridge_port_destroy(n->data);
	// Megaflows point into the switch: they go first.
	if (br->plane->dp)
		upcall_flush(br->plane->upcall, br->sw);
	strmap_uninit(&br->ports);
	switch_destroy(br->sw);
	ipfix_destroy(br->ipfix);
	strmap_take(&vs->bridges, br->name);
	log_info("%s: bridge removed", br->name);
	free(br->hwaddr);
	free(br->local_error);
	free(br->table_errors);
	free(br->ipfix_errors);
	free(br);
}

static uint32_t wanted_versions(const struct ovsrec_bridge *row)
{
	uint32_t versions = 0, v;

	for (size_t i = 0; i < row->n_protocols; i++)
		if (!of_versions_parse(row->protocols[i], &v, NULL))
			versions |= v;
	return versions ? versions : 0x3f << OFP10;
}

static void configure_controllers(struct bridge *br, const struct ovsrec_bridge *row)
{
	struct controller_target *t = xcalloc(row->n_controller, sizeof(*t));

	for (size_t i = 0; i < row->n_controller; i++) {
		const struct ovsrec_controller *c = row->controller[i];

		snprintf(t[i].target, sizeof(t[i].target), "%s", c->target);
		t[i].max_backoff = c->n_max_backoff ? c->max_backoff[0] : DEFAULT_MAX_BACKOFF;
		t[i].inactivity_probe =
			c->n_inactivity_probe ? c->inactivity_probe[0] : DEFAULT_PROBE;
		t[i].quiet = c->n_enable_async_messages && !c->enable_async_messages[0];
		t[i].rate = c->n_controller_rate_limit ? c->controller_rate_limit[0] : 0;
		t[i].burst = c->n_controller_burst_limit ? c->controller_burst_limit[0] : 0;
		t[i].queue_size = c->n_controller_queue_size ? c->controller_queue_size[0] : 0;
		t[i].service = c->type && !strcmp(c->type, "service");
	}
	control_set_targets(br->control, t, row->n_controller, wanted_versions(row));
	free(t);
}

static void configure_description(struct bridge *br, const struct ovsrec_bridge *row)
{
	struct switch_desc d = { 0 };

	snprintf(d.mfr, sizeof(d.mfr), "Nicira, Inc.");
	snprintf(d.hw, sizeof(d.hw), "Open vSwitch");
	snprintf(d.sw, sizeof(d.sw), "%s", PACKAGE_VERSION);
	snprintf(d.serial, sizeof(d.serial), "%s",
		 smap_get_def(&row->other_config, "dp-sn", "None"));
	snprintf(d.dp, sizeof(d.dp), "%s", smap_get_def(&row->other_config, "dp-desc", "None"));
	control_set_desc(br->control, &d);
}

static void configure_datapath_id(struct bridge *br, const struct ovsrec_bridge *row)
{
	const char *text = smap_get(&row->other_config, "datapath-id");
	uint64_t id = eth_addr_to_u64(br->mac);

	if (text && !(strlen(text) <= 18 && parse_u64(text, 16, &id) && id)) {
		log_warn("%s: other_config:datapath-id \"%s\" is not 16 hex digits", br->name,
			 text);
		id = eth_addr_to_u64(br->mac);
	}
	if (id == switch_datapath_id(br->sw))
		return;
	log_info("%s: datapath id %016" PRIx64, br->name, id);
	switch_set_datapath_id(br->sw, id);
	// Who is connected knows the switch by another id.
	control_disconnect(br->control);
}

void bridge_keep(struct vswitchd *vs, const struct ovsrec_bridge *row)
{
	struct bridge *br = bridge_find(vs, row->name);

	// Another row with the same name is another bridge, and so is one on another datapath.
	if (!br || !uuid_equal(&br->uuid, &row->row.uuid) ||
	    br->plane != plane_for_bridge(vs, row->datapath_type, NULL))
		return;
	br->keep = true;
	bridge_remove_ports(br, row);
}

void bridge_configure(struct plane *pl, const struct ovsrec_bridge *row,
		      const struct ovsrec_open_vswitch *cfg)
{
	struct bridge *br = bridge_find(pl->vs, row->name);

	if (br)
		read_address(br, row);
	else
		br = bridge_create(pl, row);
	switch_set_features(br->sw, plane_switch_features(pl));
	configure_datapath_id(br, row);
	configure_description(br, row);
	bridge_configure_tables(br, row);
	bridge_configure_ipfix(br, row);
	mac_table_configure(switch_macs(br->sw),
			    smap_get_int(&row->other_config, "mac-aging-time", 300),
			    smap_get_int(&row->other_config, "mac-table-size", 8192));
	bridge_configure_ports(br, row);
	control_set_bundle_idle_timeout(
		br->control, MAX(smap_get_int(&cfg->other_config, "bundle-idle-timeout", 10), 0));
	control_set_queue_size(
		br->control,
		MIN(MAX(smap_get_int(&row->other_config, "controller-queue-size", 100), 1), 512));
	local_address_configure(br, row);
	configure_controllers(br, row);
	br->fail_standalone = !row->fail_mode || strcmp(row->fail_mode, "secure");
	fail_mode_run(br);
	in_band_configure(br, row, cfg);
}
