// SPDX-License-Identifier: Apache-2.0
// ofproto/*, fdb/*, bridge/*, dpif/*: the switches as their users know them.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "datapath/dpctl.h"
#include "ofproto/bridge/commands-private.h"
#include "ofproto/pipeline/mac-table.h"

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
	struct bridge *br = argc > 1 ? need_bridge(conn, aux, argv[1]) : NULL;
	struct vswitchd *vs = aux;
	struct strmap_node *n;

	if (argc > 1 && !br)
		return;
	STRMAP_FOR_EACH (n, &vs->bridges)
		if (!br || br == n->data)
			mac_table_stats_clear(switch_macs(((struct bridge *)n->data)->sw));
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
		appctl_reply_error(conn, "could not find static mac entry");
	else
		appctl_reply(conn, "");
	upcall_changed(br->plane->upcall);
}

struct rule_dump {
	struct strbuf out;
	bool offload_stats;
};

static bool put_rule(const struct rule *r, void *aux)
{
	struct rule_dump *d = aux;
	struct strbuf *out = &d->out;
	uint64_t hw_packets, hw_bytes;
	struct flow_stats fs;
	struct match m;
	size_t n;

	rule_fill_stats(r, &m, &fs);
	if (r->table)
		strbuf_printf(out, "table_id=%u, ", r->table);
	strbuf_printf(out, "duration=%us, n_packets=%llu, n_bytes=%llu, ", fs.duration_sec,
		      (unsigned long long)fs.n_packets, (unsigned long long)fs.n_bytes);
	rule_get_offloaded(r, &hw_packets, &hw_bytes);
	if (d->offload_stats)
		strbuf_printf(out, "n_offload_packets=%llu, n_offload_bytes=%llu, ",
			      (unsigned long long)hw_packets, (unsigned long long)hw_bytes);
	// Those of the switch's own are above what a message can say.
	if (r->cls.priority != 32768)
		strbuf_printf(out, "priority=%d,", r->cls.priority);
	n = out->len;
	match_format(&m, NULL, out);
	strbuf_puts(out, out->len > n ? ",actions=" : "actions=");
	acts_format(fs.acts, NULL, out);
	strbuf_putc(out, '\n');
	return true;
}

static void bridge_dump_flows(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *aux)
{
	struct vswitchd *vs = aux;
	struct bridge *br = bridge_find(vs, argv[argc - 1]);
	struct flow_stats_request rq = { .table = 255,
					 .out_port = OF_PORT(OFPP_ANY),
					 .out_group = OFPP_ANY };
	struct rule_dump d = { STRBUF_INIT, argc > 2 };

	if (!br) {
		appctl_reply_error(conn, "Unknown bridge");
		return;
	}
	if (argc > 2 && strcmp(argv[1], "--offload-stats")) {
		appctl_reply_errorf(conn, "Unrecognized option %s", argv[1]);
		return;
	}
	match_init_any(&rq.match);
	upcall_push_stats(br->plane->upcall);
	switch_for_each_own_rule(br->sw, put_rule, &d);
	switch_for_each_flow(br->sw, &rq, put_rule, &d);
	appctl_reply(conn, strbuf_cstr(&d.out));
	strbuf_uninit(&d.out);
}

static void bridge_reconnect(struct appctl_conn *conn, int argc, const char *const argv[],
			     void *aux)
{
	struct vswitchd *vs = aux;
	struct strmap_node *n;

	if (argc > 1 && !bridge_find(vs, argv[1])) {
		appctl_reply_error(conn, "Unknown bridge");
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

struct flow_dump {
	struct bridge *br;
	struct dpctl options;
	struct strbuf out;
};

static bool put_flow(struct megaflow *mf, void *aux)
{
	struct flow_dump *d = aux;
	struct plane *pl = d->br->plane;

	if (upcall_flow_switch(pl->upcall, mf) == d->br->sw) {
		cmd_format_flow_of_bridge(pl, mf, d->options.more, d->options.names, &d->out);
		strbuf_putc(&d->out, '\n');
	}
	return true;
}

// Megaflows of packets that come in at the bridge.
static void dpif_dump_flows(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct flow_dump d = { .br = need_bridge(conn, aux, argv[argc - 1]), .out = STRBUF_INIT };

	if (!d.br)
		return;
	for (int i = 1; i < argc - 1; i++) {
		// -m has no long name here.
		if (!strcmp(argv[i], "--more") || !dpctl_take_detail(&d.options, argv[i])) {
			appctl_reply_errorf(conn, "Unrecognized option %s", argv[i]);
			return;
		}
	}
	datapath_refresh(d.br->plane->dp);
	upcall_for_each(d.br->plane->upcall, put_flow, &d);
	appctl_reply(conn, strbuf_cstr(&d.out));
	strbuf_uninit(&d.out);
}

// How the kernel chooses the socket that a packet goes up by.
static void dispatch_mode(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp && !strcmp(pl->type, "system"))
		strbuf_printf(&out, "%s: %s dispatch mode\n", datapath_name(pl->dp),
			      datapath_upcalls_by_cpu(pl->dp) ? "per-cpu" : "per-vport");
	appctl_reply(conn, strbuf_cstr(&out));
}

static void list_tunnels(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;

	bridge_tunnels_list(aux, &out);
	appctl_reply(conn, strbuf_cstr(&out));
}

const struct appctl_command switch_commands[] = {
	{ "ofproto/list", "", 0, 0, list },
	{ "fdb/show", "bridge", 1, 1, fdb_show },
	{ "fdb/flush", "[bridge]", 0, 1, fdb_flush },
	{ "fdb/stats-show", "bridge", 1, 1, fdb_stats_show },
	{ "fdb/stats-clear", "[bridge]", 0, 1, fdb_stats_clear },
	{ "fdb/add", "bridge port vlan mac", 4, 4, fdb_add },
	{ "fdb/del", "bridge vlan mac", 3, 3, fdb_del },
	{ "bridge/dump-flows", "[--offload-stats] bridge", 1, 2, bridge_dump_flows },
	{ "bridge/reconnect", "[bridge]", 0, 1, bridge_reconnect },
	{ "dpif/show", "", 0, 0, dpif_show },
	{ "dpif/dump-flows", "[-m] [--names | --no-names] bridge", 1, -1, dpif_dump_flows },
	{ "dpif-netlink/dispatch-mode", "", 0, 0, dispatch_mode },
	{ "ofproto/list-tunnels", "", 0, 0, list_tunnels },
};
const size_t n_switch_commands = ARRAY_SIZE(switch_commands);

void vswitchd_register_commands(struct vswitchd *vs)
{
	const struct appctl_command *rows;
	size_t n_rows = cmd_dpctl_rows(&rows);

	appctl_register(dpctl_commands, n_dpctl_commands, vs);
	appctl_register(dpctl_change_commands, n_dpctl_change_commands, vs);
	appctl_register(dpctl_flow_commands, n_dpctl_flow_commands, vs);
	appctl_register(offload_commands, n_offload_commands, vs);
	appctl_register(switch_commands, n_switch_commands, vs);
	appctl_register(upcall_commands, n_upcall_commands, vs);
	appctl_register(trace_commands, n_trace_commands, vs);
	appctl_register(doctor_commands, n_doctor_commands, vs);
	appctl_register(feature_commands, n_feature_commands, vs);
	appctl_register(qos_commands, n_qos_commands, vs);
	appctl_register(rows, n_rows, vs);
	appctl_add_memory_report(cmd_memory_report, vs);
}
