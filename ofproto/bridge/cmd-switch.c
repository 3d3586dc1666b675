// SPDX-License-Identifier: Apache-2.0
// ofproto/*, fdb/*, bridge/*, dpif/*, upcall/*, revalidator/*: the switches as their users know them.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "ofproto/bridge/commands-private.h"
#include "ofproto/pipeline/mac-table.h"
#include "ofproto/pipeline/recirc.h"

static struct bridge *need_bridge(struct appctl_conn *conn, struct vswitchd *vs, const char *name)
{
	struct bridge *br = bridge_find(vs, name);

	if (!br)
		appctl_reply_error(conn, "no such bridge");
	return br;
}

// Megaflows that rest on what has changed are looked at soon.
static void all_changed(struct vswitchd *vs)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	upcall_changed(pl->upcall);
}

static void list(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node **sorted = strmap_sorted(&vs->bridges);
	AUTO(strbuf) out = STRBUF_INIT;

	for (size_t i = 0; i < strmap_count(&vs->bridges); i++)
		strbuf_printf(&out, "%s\n", sorted[i]->name);
	free(sorted);
	appctl_reply(conn, strbuf_cstr(&out));
}

static void show_mac(const struct mac_entry_info *e, void *aux)
{
	struct strbuf *out = aux;
	AUTO_FREE char *port =
		e->port.n == OFPP_LOCAL ? xstrdup("LOCAL") : xasprintf("%u", e->port.n);

	strbuf_printf(out, "%5s  %4u  " ETH_ADDR_FMT "  ", port, e->vlan, ETH_ADDR_ARGS(e->mac));
	if (e->age < 0)
		strbuf_puts(out, "static\n");
	else
		strbuf_printf(out, "%3d\n", e->age);
}

static void fdb_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct bridge *br = need_bridge(conn, aux, argv[1]);
	AUTO(strbuf) out = STRBUF_INIT;

	if (!br)
		return;
	strbuf_puts(&out, " port  VLAN  MAC                Age\n");
	mac_table_for_each(switch_macs(br->sw), show_mac, &out);
	appctl_reply(conn, out.s);
}

static void fdb_flush(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node *n;

	if (argc > 1) {
		struct bridge *br = need_bridge(conn, vs, argv[1]);

		if (!br)
			return;
		mac_table_flush(switch_macs(br->sw));
	} else {
		STRMAP_FOR_EACH (n, &vs->bridges)
			mac_table_flush(switch_macs(((struct bridge *)n->data)->sw));
	}
	all_changed(vs);
	appctl_reply(conn, "table successfully flushed");
}

static void fdb_stats_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct bridge *br = need_bridge(conn, aux, argv[1]);
	AUTO(strbuf) out = STRBUF_INIT;

	if (!br)
		return;
	strbuf_printf(&out, "Statistics for bridge \"%s\":\n", br->name);
	mac_table_stats(switch_macs(br->sw), &out);
	appctl_reply(conn, out.s);
}

static void fdb_stats_clear(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct bridge *br = need_bridge(conn, aux, argv[1]);

	if (!br)
		return;
	mac_table_stats_clear(switch_macs(br->sw));
	appctl_reply(conn, "statistics successfully cleared");
}

static int parse_station(struct bridge *br, const char *const argv[], uint16_t *ret_vlan,
			 struct eth_addr *ret_mac, struct error *err)
{
	union field_value v, mask;
	uint32_t vlan;

	if (!parse_u32(argv[0], 10, &vlan) || vlan > 4095)
		return error_set(err, -EINVAL, "%s: bad VLAN", argv[0]);
	if (field_parse(field_get(FIELD_ETH_SRC), argv[1], &v, &mask, err) < 0)
		return -EINVAL;
	*ret_vlan = vlan;
	*ret_mac = v.eth;
	return 0;
}

static void fdb_add(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct bridge *br = need_bridge(conn, vs, argv[1]);
	struct error err = ERROR_INIT;
	struct of_port *p;
	struct eth_addr mac;
	uint16_t vlan;

	if (!br)
		return;
	p = switch_port_by_name(br->sw, argv[2]);
	if (!p)
		appctl_reply_errorf(conn, "%s: no such port", argv[2]);
	else if (parse_station(br, argv + 3, &vlan, &mac, &err) < 0)
		appctl_reply_error(conn, err.text);
	else if (mac_table_add_static(switch_macs(br->sw), mac, vlan, p->number) < 0)
		appctl_reply_error(conn, "the MAC table is full");
	else
		appctl_reply(conn, "");
	upcall_changed(br->plane->upcall);
}

static void fdb_del(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct bridge *br = need_bridge(conn, vs, argv[1]);
	struct error err = ERROR_INIT;
	struct eth_addr mac;
	uint16_t vlan;

	if (!br)
		return;
	if (parse_station(br, argv + 2, &vlan, &mac, &err) < 0)
		appctl_reply_error(conn, err.text);
	else if (!mac_table_del(switch_macs(br->sw), mac, vlan))
		appctl_reply_error(conn, "no such entry");
	else
		appctl_reply(conn, "");
	upcall_changed(br->plane->upcall);
}

static bool put_rule(const struct rule *r, void *aux)
{
	struct strbuf *out = aux;
	struct flow_stats fs;
	struct match m;

	rule_fill_stats(r, &m, &fs);
	if (r->table)
		strbuf_printf(out, "table_id=%u, ", r->table);
	strbuf_printf(out, "duration=%us, n_packets=%llu, n_bytes=%llu, ", fs.duration_sec,
		      (unsigned long long)fs.n_packets, (unsigned long long)fs.n_bytes);
	if (fs.priority != 32768)
		strbuf_printf(out, "priority=%u,", fs.priority);
	match_format(&m, NULL, out);
	strbuf_puts(out, ",actions=");
	acts_format(fs.acts, NULL, out);
	strbuf_putc(out, '\n');
	return true;
}

static void bridge_dump_flows(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *aux)
{
	struct vswitchd *vs = aux;
	struct bridge *br = bridge_find(vs, argv[1]);
	struct flow_stats_request rq = { .table = 255,
					 .out_port = OF_PORT(OFPP_ANY),
					 .out_group = OFPP_ANY };
	AUTO(strbuf) out = STRBUF_INIT;

	if (!br) {
		appctl_reply_error(conn, "Unknown bridge");
		return;
	}
	match_init_any(&rq.match);
	upcall_push_stats(br->plane->upcall);
	switch_for_each_flow(br->sw, &rq, put_rule, &out);
	appctl_reply(conn, strbuf_cstr(&out));
}

static void bridge_reconnect(struct appctl_conn *conn, int argc, const char *const argv[],
			     void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node *n;

	if (argc > 1 && !bridge_find(vs, argv[1])) {
		appctl_reply_error(conn, "unknown bridge");
		return;
	}
	STRMAP_FOR_EACH (n, &vs->bridges)
		if (argc == 1 || !strcmp(n->name, argv[1]))
			control_reconnect(((struct bridge *)n->data)->control);
	appctl_reply(conn, "");
}

static void show_bridge(struct bridge *br, struct strbuf *out)
{
	struct strmap_node **sorted = strmap_sorted(&br->ports);

	strbuf_printf(out, "  %s:\n", br->name);
	for (size_t i = 0; i < strmap_count(&br->ports); i++) {
		const struct bridge_port *bp = sorted[i]->data;

		if (!bp->of)
			continue;
		strbuf_printf(out, "    %s %u/", bp->name,
			      bp->of->number.n == OFPP_LOCAL ? 65534 : bp->of->number.n);
		if (dp_port_equal(bp->dp_port, DP_PORT_NONE))
			strbuf_puts(out, "none:");
		else
			strbuf_printf(out, "%u:", bp->dp_port.n);
		cmd_put_port_type(
			br->plane, bp->dp_port, bp->type[0] ? bp->type : "system",
			bp->tunnel.type || !strcmp(bp->type, "patch") ? &bp->options : NULL, out);
		strbuf_putc(out, '\n');
	}
	free(sorted);
}

static void show_plane(struct vswitchd *vs, struct plane *pl, struct strbuf *out)
{
	struct strmap_node **sorted = strmap_sorted(&vs->bridges);
	struct datapath_stats st;

	datapath_stats(pl->dp, &st);
	plane_put_name(pl, out);
	strbuf_printf(out, ": hit:%llu missed:%llu\n", (unsigned long long)st.hit,
		      (unsigned long long)st.missed);
	for (size_t i = 0; i < strmap_count(&vs->bridges); i++)
		if (((struct bridge *)sorted[i]->data)->plane == pl)
			show_bridge(sorted[i]->data, out);
	free(sorted);
}

static void dpif_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		show_plane(vs, pl, &out);
	appctl_reply(conn, strbuf_cstr(&out));
}

static void list_tunnels(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;

	bridge_tunnels_list(aux, &out);
	appctl_reply(conn, strbuf_cstr(&out));
}

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

static void revalidator_wait(struct appctl_conn *conn, int argc, const char *const argv[],
			     void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl;

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

const struct appctl_command switch_commands[] = {
	{ "ofproto/list", "", 0, 0, list },
	{ "fdb/show", "bridge", 1, 1, fdb_show },
	{ "fdb/flush", "[bridge]", 0, 1, fdb_flush },
	{ "fdb/stats-show", "bridge", 1, 1, fdb_stats_show },
	{ "fdb/stats-clear", "bridge", 1, 1, fdb_stats_clear },
	{ "fdb/add", "bridge port vlan mac", 4, 4, fdb_add },
	{ "fdb/del", "bridge vlan mac", 3, 3, fdb_del },
	{ "bridge/dump-flows", "bridge", 1, 1, bridge_dump_flows },
	{ "bridge/reconnect", "[bridge]", 0, 1, bridge_reconnect },
	{ "dpif/show", "", 0, 0, dpif_show },
	{ "ofproto/list-tunnels", "", 0, 0, list_tunnels },
	{ "upcall/show", "", 0, 0, show_upcalls },
	{ "upcall/set-flow-limit", "flow-limit-number", 1, 1, set_flow_limit },
	{ "revalidator/wait", "", 0, 0, revalidator_wait },
	{ "revalidator/purge", "", 0, 0, revalidator_purge },
};
const size_t n_switch_commands = ARRAY_SIZE(switch_commands);

static void memory_report(struct smap *usage, void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node *n;
	size_t rules = 0, ports = 0, keys = 0;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	keys += upcall_n_flows(pl->upcall);
	STRMAP_FOR_EACH (n, &vs->bridges) {
		struct bridge *br = n->data;

		rules += switch_n_rules(br->sw);
		ports += strmap_count(&br->ports);
	}
	smap_setf(usage, "rules", "%zu", rules);
	smap_setf(usage, "ports", "%zu", ports);
	smap_setf(usage, "udpif keys", "%zu", keys);
	smap_setf(usage, "recirculation states", "%zu", recirc_count());
}

void vswitchd_register_commands(struct vswitchd *vs)
{
	appctl_register(dpctl_commands, n_dpctl_commands, vs);
	appctl_register(dpctl_flow_commands, n_dpctl_flow_commands, vs);
	appctl_register(offload_commands, n_offload_commands, vs);
	appctl_register(switch_commands, n_switch_commands, vs);
	appctl_register(trace_commands, n_trace_commands, vs);
	appctl_register(doctor_commands, n_doctor_commands, vs);
	appctl_register(feature_commands, n_feature_commands, vs);
	appctl_register(ct_commands, n_ct_commands, vs);
	appctl_register(qos_commands, n_qos_commands, vs);
	appctl_add_memory_report(memory_report, vs);
}
