// SPDX-License-Identifier: Apache-2.0
// A configuration change: the database's content is compared with what runs, the difference applied, the outcome written.
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/io/tls.h"
#include "core/netlink/nl.h"
#include "core/packet/packet.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(vswitchd);

#define STATUS_MSEC 1000

// As Open vSwitch: by the number of processors where nothing is asked for.
static unsigned int n_revalidators(const struct smap *oc)
{
	int64_t n = smap_get_int(oc, "n-revalidator-threads", 0);

	return n > 0 ? MIN(n, INT64_C(1000)) : sysconf(_SC_NPROCESSORS_ONLN) / 4 + 1;
}

// As Open vSwitch: one tag unless something else is asked for, as many as there can be where that is 0 or more.
static void configure_tag_limit(struct vswitchd *vs, const struct smap *oc)
{
	int64_t asked = smap_get_int(oc, "vlan-limit", 1);
	unsigned int n = asked > 0 && asked < FLOW_MAX_VLANS ? asked : FLOW_MAX_VLANS;
	struct plane *pl;

	if (n == packet_tag_limit())
		return;
	packet_set_tag_limit(n);
	PLANE_FOR_EACH(pl, vs)
	upcall_flush_tagged(pl->upcall);
}

static void configure_plane(struct plane *pl, const struct smap *oc)
{
	struct error err = ERROR_INIT;

	if (pl->dp)
		datapath_reconfigure(pl->dp, &pl->vs->dp_config);
	if (offload_set_policy(pl->offload, smap_get_def(oc, "tc-policy", "none"), &err) < 0)
		log_warn("other_config:%s", err.text);
	if (offload_set_threads(pl->offload, smap_get_int(oc, "n-offload-threads", 1), &err) < 0)
		log_warn("other_config:%s", err.text);
	offload_set_enabled(pl->offload, smap_get_bool(oc, "hw-offload", false));
	upcall_configure(pl->upcall, MAX(smap_get_int(oc, "max-idle", 10000), 500),
			 smap_get_int(oc, "max-revalidator", 500),
			 smap_get_int(oc, "flow-limit", 200000));
	upcall_set_revalidators(pl->upcall, n_revalidators(oc));
}

// The database's word is the last one; where it has none, the command line's is.
static void configure_tls(const struct ovsrec_ssl *ssl)
{
	bool bootstrap = ssl && ssl->bootstrap_ca_cert;

	tls_set(TLS_PRIVATE_KEY, ssl ? ssl->private_key : tls_option(TLS_PRIVATE_KEY));
	tls_set(TLS_CERTIFICATE, ssl ? ssl->certificate : tls_option(TLS_CERTIFICATE));
	tls_set(TLS_CA_CERT, !ssl ? tls_option(TLS_CA_CERT) : bootstrap ? NULL : ssl->ca_cert);
	tls_set(TLS_BOOTSTRAP_CA_CERT, !ssl	   ? tls_option(TLS_BOOTSTRAP_CA_CERT)
				       : bootstrap ? ssl->ca_cert
						   : NULL);
}

static void configure_global(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg)
{
	const struct smap *oc = &cfg->other_config;
	struct plane *pl = plane_userspace(vs);

	configure_tls(cfg->ssl);
	datapath_config_read(vs, oc);
	offload_providers_configure(vs, oc);
	configure_tag_limit(vs, oc);
	if (pl && vs->dpdk_init == DPDK_INIT_TRUE && !plane_open(pl))
		fatal(0, "other_config:dpdk-init is true and DPDK cannot be started: %s",
		      pl->error);
	PLANE_FOR_EACH(pl, vs)
	configure_plane(pl, oc);
}

// What goes does so before anything comes, in all bridges: the new may want the device of the old, or its place among the
// tunnels.
static void remove_others(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg)
{
	struct strmap_node *n;

	STRMAP_FOR_EACH (n, &vs->bridges)
		((struct bridge *)n->data)->keep = false;
	for (size_t i = 0; cfg && i < cfg->n_bridges; i++)
		bridge_keep(vs, cfg->bridges[i]);
	HMAP_FOR_EACH_SAFE (n, node, &vs->bridges.map)
		if (!((struct bridge *)n->data)->keep)
			bridge_destroy(n->data);
}

static void apply_bridge(struct vswitchd *vs, const struct ovsrec_bridge *row,
			 const struct ovsrec_open_vswitch *cfg)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	struct error err = ERROR_INIT;
	struct plane *pl = plane_for_bridge(vs, row->datapath_type, &err);

	if (!pl)
		log_err_limited(&limit, "%s: %s", row->name, err.text);
	else if (plane_open(pl))
		bridge_configure(pl, row, cfg);
}

static void apply(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg)
{
	struct plane *pl;

	if (cfg)
		configure_global(vs, cfg);
	remove_others(vs, cfg);
	if (cfg) {
		for (size_t i = 0; i < cfg->n_bridges; i++)
			apply_bridge(vs, cfg->bridges[i], cfg);
		PLANE_FOR_EACH(pl, vs)
		ct_zones_configure(pl, cfg);
	}
	PLANE_FOR_EACH(pl, vs)
	{
		bridge_tunnels_identify(pl);
		offload_wait_for_ports(pl->offload);
	}
	if (cfg)
		restore_configure(vs, &cfg->other_config);
}

static void finish_txn(struct vswitchd *vs, enum idl_status status)
{
	if (status == IDL_ERROR)
		log_err("status update failed: %s", idl_txn_error(vs->txn));
	idl_txn_destroy(vs->txn);
	vs->txn = NULL;
	if (vs->reconfigure_again || status == IDL_TRY_AGAIN) {
		vs->reconfigure_again = false;
		vswitchd_reconfigure(vs);
	}
}

static void on_committed(struct idl_txn *txn, void *aux)
{
	finish_txn(aux, idl_txn_status(txn));
}

static void commit(struct vswitchd *vs)
{
	enum idl_status status = idl_txn_commit(vs->txn, on_committed, vs);

	if (status != IDL_INCOMPLETE) {
		// Nothing was sent: there is nothing to wait for, and nothing to try again at once.
		idl_txn_destroy(vs->txn);
		vs->txn = NULL;
	}
}

void vswitchd_reconfigure(struct vswitchd *vs)
{
	const struct ovsrec_open_vswitch *cfg;

	if (vs->txn) {
		vs->reconfigure_again = true;
		return;
	}
	if (!idl_has_content(vs->idl))
		return;
	cfg = ovsrec_open_vswitch_first(vs->idl);
	counter_inc(COUNTER_BRIDGE_RECONFIGURE);
	apply(vs, cfg);
	if (!cfg)
		return;
	vs->txn = idl_txn_create(vs->idl);
	status_write_config(vs, cfg);
	status_write_live(vs, cfg, true);
	commit(vs);
}

static bool offload_has_news(struct vswitchd *vs)
{
	struct plane *pl;
	bool news = false;

	PLANE_FOR_EACH(pl, vs)
	{
		uint64_t seq = offload_change_seq(pl->offload);

		news |= seq != pl->offload_seq;
		pl->offload_seq = seq;
	}
	return news;
}

static void on_status(struct timer *t)
{
	struct vswitchd *vs = CONTAINER_OF(t, struct vswitchd, status_timer);
	const struct ovsrec_open_vswitch *cfg =
		idl_has_content(vs->idl) ? ovsrec_open_vswitch_first(vs->idl) : NULL;
	bool statistics = clock_msec() >= vs->next_stats;

	timer_in(t, STATUS_MSEC);
	if (!cfg || vs->txn || !idl_is_connected(vs->idl))
		return;
	if (bridge_qos_is_lost(vs)) {
		vswitchd_reconfigure(vs);
		return;
	}
	vs->txn = idl_txn_create(vs->idl);
	status_write_live(vs, cfg, statistics);
	if (offload_has_news(vs) || statistics)
		offload_record_write(vs, vs->txn);
	if (statistics)
		vs->next_stats =
			clock_msec() +
			MAX(smap_get_int(&cfg->other_config, "stats-update-interval", 5000), 5000);
	commit(vs);
}

struct nl_sock *vswitchd_route_sock(struct vswitchd *vs)
{
	if (!vs->route_sock && nl_open(NETLINK_ROUTE, &vs->route_sock, NULL))
		vs->route_sock = NULL;
	return vs->route_sock;
}

static void on_second(struct timer *t)
{
	struct vswitchd *vs = CONTAINER_OF(t, struct vswitchd, second_timer);
	struct strmap_node *n;
	struct plane *pl;

	STRMAP_FOR_EACH (n, &vs->bridges) {
		struct bridge *br = n->data;

		switch_expire(br->sw);
		in_band_run(br);
		fail_mode_run(br);
		ipfix_run(br->ipfix);
	}
	PLANE_FOR_EACH(pl, vs)
	{
		ct_zones_run(pl);
		eswitch_follow_ports(pl);
	}
	timer_in(t, 1000);
}

static bool is_status_column(const char *table, const char *column)
{
	static const struct {
		const char *table, *column;
	} ours[] = {
		{ "Open_vSwitch", "cur_cfg" },
		{ "Open_vSwitch", "ovs_version" },
		{ "Open_vSwitch", "db_version" },
		{ "Open_vSwitch", "statistics" },
		{ "Open_vSwitch", "datapath_types" },
		{ "Open_vSwitch", "iface_types" },
		{ "Open_vSwitch", "dpdk_initialized" },
		{ "Open_vSwitch", "dpdk_version" },
		{ "Bridge", "datapath_id" },
		{ "Bridge", "datapath_version" },
		{ "Bridge", "status" },
		{ "Port", "status" },
		{ "Port", "statistics" },
		{ "Interface", "mac_in_use" },
		{ "Interface", "ifindex" },
		{ "Interface", "ofport" },
		{ "Interface", "statistics" },
		{ "Interface", "status" },
		{ "Interface", "admin_state" },
		{ "Interface", "link_state" },
		{ "Interface", "link_resets" },
		{ "Interface", "link_speed" },
		{ "Interface", "duplex" },
		{ "Interface", "mtu" },
		{ "Interface", "error" },
		{ "Controller", "is_connected" },
		{ "Controller", "role" },
		{ "Controller", "status" },
		{ "Manager", "is_connected" },
		{ "Manager", "status" },
		{ "Datapath", "capabilities" },
	};

	if (!strcmp(table, "Offload_Device") || !strcmp(table, "Offload_Verdict"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcmp(table, ours[i].table) && !strcmp(column, ours[i].column))
			return true;
	return false;
}

// Our own writing must not wake us.
static void add_columns(struct idl *idl)
{
	for (size_t t = 0; t < ovsrec_class.n_tables; t++) {
		const struct idl_table_class *table = &ovsrec_class.tables[t];

		for (size_t c = 0; c < table->n_columns; c++)
			idl_add_column(idl, table->name, table->columns[c].name,
				       is_status_column(table->name, table->columns[c].name)
					       ? 0
					       : IDL_ALERT);
	}
}

static void on_change(void *aux)
{
	vswitchd_reconfigure(aux);
}

static void on_packet_in(void *aux, const struct packet_in_event *e)
{
	struct bridge *br = bridge_find(aux, switch_name(e->sw));

	if (br && br->sw == e->sw)
		control_packet_in(br->control, e);
}

struct vswitchd *vswitchd_create(struct loop *l, const char *database, bool dummy,
				 bool dummy_override)
{
	struct vswitchd *vs = xzalloc(sizeof(*vs));

	vs->loop = l;
	vs->dummy = dummy;
	vs->dummy_override = dummy_override;
	strmap_init(&vs->bridges);
	planes_create(vs, on_packet_in);
	restore_start(vs);
	vs->idl = idl_create(l, database, &ovsrec_class, true);
	add_columns(vs->idl);
	idl_set_lock(vs->idl, "ovs_vswitchd");
	idl_on_change(vs->idl, on_change, vs);
	idl_start(vs->idl);
	timer_init(&vs->status_timer, l, on_status);
	timer_in(&vs->status_timer, STATUS_MSEC);
	timer_init(&vs->second_timer, l, on_second);
	timer_in(&vs->second_timer, 1000);
	vswitchd_register_commands(vs);
	return vs;
}

void vswitchd_destroy(struct vswitchd *vs, bool cleanup)
{
	struct strmap_node *n;

	timer_cancel(&vs->status_timer);
	timer_cancel(&vs->second_timer);
	// First the wish, so that nothing is configured again while it is taken down.
	idl_txn_destroy(vs->txn);
	idl_destroy(vs->idl);
	if (!cleanup)
		planes_leave(vs);
	HMAP_FOR_EACH_SAFE (n, node, &vs->bridges.map)
		bridge_destroy(n->data);
	restore_stop(vs);
	planes_close(vs);
	// What the workers posted is done before its owners go.
	loop_step(vs->loop, 0);
	planes_destroy(vs);
	strmap_uninit(&vs->bridges);
	for (size_t i = 0; i < ARRAY_SIZE(vs->dp_args); i++)
		free(vs->dp_args[i]);
	free(vs->dp_refused);
	free(vs->offload_providers);
	nl_close(vs->route_sock);
	free(vs);
}
