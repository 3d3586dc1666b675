// SPDX-License-Identifier: Apache-2.0
// The switch as a whole: the database's wish, the bridges that run, and what they stand on. The only glue between OVSDB and
// switching. Main thread only.
#pragma once

#include "core/base/vec.h"
#include "datapath/datapath.h"
#include "offload/placement.h"
#include "offload/switchdev/switchdev.h"
#include "ofproto/control/control.h"
#include "ofproto/services/ipfix.h"
#include "ofproto/upcall/upcall.h"
#include "ovsdb/vswitch-idl.h"

struct vswitchd;
struct bridge;
struct ct_zones;

// A datapath with what works on it: the placement of its flows and its upcalls. There is one of each kind; the datapath is
// opened when a bridge needs it.
struct plane {
	struct vswitchd *vs;
	const char *type; // "netdev", "system"
	struct datapath *dp; // NULL: not open
	struct offload *offload;
	struct upcall_engine *upcall;
	struct strmap tunnel_devices; // struct tunnel_device by name
	uint64_t offload_seq; // what the database shows of offload
	uint64_t ports_seq; // of the datapath's ports, as eswitch.c knows them
	// Of an open datapath: what it can, and what it is taken to be able to (dpif/set-dp-features).
	struct smap features, run_features;
	struct ct_zones *ct_zones; // ct-zones.c; NULL: not configured yet
	char error[1024]; // why it could not be opened
};

#define MAX_PLANES 2

struct restore_rule;

// What a process before this one left in hardware, until it is adopted or swept.
struct restore {
	struct vswitchd *vs;
	VEC(struct restore_rule *) rules;
	struct timer grace;
	bool waiting; // other_config:flow-restore-wait
	bool done;
};

// The machine's eSwitches, followed while there are ports of a kernel datapath.
struct eswitches {
	struct vswitchd *vs;
	struct switchdev *sd; // NULL: not followed
	struct io_watch links, devlink;
	struct timer poll;
};

// What the firmware of NICs says about itself. Each is asked once.
struct nic_facts {
	struct strmap by_address; // struct smap, by PCI address
	struct mlx5 *mlx5; // NULL: its libraries are not there
	bool looked; // for them
};

// One interface of a bridge, as it runs.
struct bridge_port {
	struct bridge *bridge;
	char name[64], type[32];
	struct smap options;
	dp_port_t dp_port; // DP_PORT_NONE: patch port, or not there
	struct of_port *of; // NULL: it could not be made
	char error[256]; // why
	char device[64]; // the offload device behind it, empty: none
	int ifindex; // by which 'device' knows it, 0: none
	int members[PORT_MAX_MEMBERS]; // of a bond over ports of eSwitches
	unsigned int n_members;
	bool is_excluded; // from offload
	bool keep; // seen in the configuration that is being applied
	// Of the traffic control that was asked for: errors as last logged, and the device that it was asked for.
	char *qos_error, *policing_error;
	int qos_ifindex;
	char *vlan_warning; // as last logged
	// Tunnels; type TUNNEL_NONE: it is none.
	struct tunnel_config tunnel;
	char tunnel_device[32]; // what it shares with others in the datapath, empty: none
	struct eth_addr tunnel_mac;
};

// Who says what becomes of packets: the rules that are there; a NORMAL rule that anybody may change, where there are no controllers;
// one that stands above all, while those that there should be stay away.
enum fail_state { FAIL_NOT, FAIL_ALONE, FAIL_OPEN };

struct bridge {
	struct vswitchd *vs;
	struct plane *plane;
	char name[64];
	struct uuid uuid;
	struct of_switch *sw;
	struct of_control *control;
	struct strmap ports; // struct bridge_port by interface name
	struct eth_addr mac;
	char *hwaddr; // as other_config had it last
	be32 gateway; // that local_address_configure() has set; 0: none
	char *local_error; // of bringing up the local port, as it was told last; NULL: nothing yet
	bool fail_standalone, keep;
	enum fail_state fail_state;
	struct in_band *in_band; // NULL: no connection is in-band
	struct ipfix *ipfix;
	char *ipfix_errors; // as they were told last; NULL: nothing yet
	char *table_errors; // of rows of Flow_Table, as they were told last; NULL: nothing yet
};

// other_config:dpdk-init. The userspace datapath stands on DPDK, so that "false" only keeps "dpdk" ports out.
enum dpdk_init { DPDK_INIT_TRY, DPDK_INIT_TRUE, DPDK_INIT_FALSE };

struct vswitchd {
	struct loop *loop;
	struct idl *idl;
	struct idl_txn *txn; // on its way
	struct plane planes[MAX_PLANES];
	size_t n_planes;
	struct strmap bridges; // struct bridge by name
	struct eswitches eswitches;
	struct nic_facts nics;
	struct restore restore;
	struct datapath_config dp_config;
	char *offload_providers; // other_config:hw-offload-priority, NULL: all
	char *dp_args[6]; // storage of dp_config's strings
	bool dummy_override, dummy;
	bool reconfigure_again; // the database changed while a transaction was on its way
	struct timer status_timer, second_timer;
	int64_t next_stats;
	enum dpdk_init dpdk_init;
	char *dp_refused; // settings that have no effect, as last logged
	struct nl_sock *route_sock; // vswitchd_route_sock(), NULL: not open
};

#define PLANE_FOR_EACH(PL, VS) for (PL = (VS)->planes; PL < (VS)->planes + (VS)->n_planes; PL++)

struct vswitchd *vswitchd_create(struct loop *l, const char *database, bool dummy,
				 bool dummy_override);
// 'cleanup' false: what the kernel and NICs have been told goes on there, for the next process.
void vswitchd_destroy(struct vswitchd *vs, bool cleanup);
// Applies the database's content to what runs; called whenever it changed.
void vswitchd_reconfigure(struct vswitchd *vs);
void vswitchd_register_commands(struct vswitchd *vs);
// datapath-config.c
void datapath_config_read(struct vswitchd *vs, const struct smap *other_config);
// plane.c
void planes_create(struct vswitchd *vs, packet_in_cb *packet_in);
// What the kernel and NICs have been told stays there when the planes are closed.
void planes_leave(struct vswitchd *vs);
// First the datapaths, which still call into the rest; then that.
void planes_close(struct vswitchd *vs);
void planes_destroy(struct vswitchd *vs);
// The one that a bridge of this datapath_type runs on; NULL: there is no such type.
struct plane *plane_for_bridge(struct vswitchd *vs, const char *datapath_type, struct error *err);
// Opens the datapath unless it is open; false, logged once, when it cannot be.
bool plane_open(struct plane *pl);
struct plane *plane_userspace(struct vswitchd *vs); // NULL: built without DPDK
// "netdev@ovs-netdev", of an open one.
void plane_put_name(const struct plane *pl, struct strbuf *out);
// Takes a port away that no packet comes to a bridge from any more.
void plane_remove_port(struct plane *pl, dp_port_t port);
// An open one by "netdev@ovs-netdev" or "ovs-netdev"; NULL: none.
struct plane *plane_by_name(struct vswitchd *vs, const char *name);
// offload_list_devices() of all planes.
struct plane_devices {
	struct offload_device_status *of[MAX_PLANES];
	size_t n[MAX_PLANES];
};

#define PLANE_DEVICE_FOR_EACH(D, LISTS) \
	for (size_t p_ = 0; p_ < MAX_PLANES; p_++) \
		for (D = (LISTS)->of[p_]; D < (LISTS)->of[p_] + (LISTS)->n[p_]; D++)

void planes_list_devices(struct vswitchd *vs, struct plane_devices *ret);
void plane_devices_free(struct plane_devices *d);
// offload_list_verdicts() of all, in one array that is the caller's.
size_t planes_list_verdicts(struct vswitchd *vs, struct offload_verdict_count **ret);
// dp-features.c
// The datapath was opened.
void plane_learn_features(struct plane *pl);
// For switch_set_features().
uint32_t plane_switch_features(const struct plane *pl);
// bridge.c
struct bridge *bridge_find(struct vswitchd *vs, const char *name);
void bridge_destroy(struct bridge *br);
// Marks the bridge of the row as one that stays, and removes those of its ports that do not, or must be made anew.
void bridge_keep(struct vswitchd *vs, const struct ovsrec_bridge *row);
// Tables that no row speaks of are as they would be without any.
void bridge_configure_tables(struct bridge *br, const struct ovsrec_bridge *row);
// fail-mode.c: each second, and when controllers or fail_mode have changed.
void fail_mode_run(struct bridge *br);
// The address of one station; false: it is none, or has a mask.
bool bridge_parse_mac(const char *s, struct eth_addr *ret);
// local-address.c: local_ip and so on of the bridge's controllers.
void local_address_configure(struct bridge *br, const struct ovsrec_bridge *row);
// in-band.c: the bridge's connections that may come over itself, and those of the database. 'run' each second.
void in_band_configure(struct bridge *br, const struct ovsrec_bridge *row,
		       const struct ovsrec_open_vswitch *cfg);
void in_band_run(struct bridge *br);
void in_band_destroy(struct bridge *br);
// For routes and neighbours; NULL: the kernel gives none. Borrowed.
struct nl_sock *vswitchd_route_sock(struct vswitchd *vs);
// bridge-ipfix.c
void bridge_configure_ipfix(struct bridge *br, const struct ovsrec_bridge *row);
// For bridge_control_ops.
bool bridge_ipfix_stats(void *aux, struct ipfix_stats *ret);
bool bridge_ipfix_for_each(void *aux, void (*cb)(const struct ipfix_stats *s, void *aux),
			   void *cb_aux);
// After all rows have been through bridge_keep().
void bridge_configure(struct plane *pl, const struct ovsrec_bridge *row,
		      const struct ovsrec_open_vswitch *cfg);
// bridge-port.c
void bridge_remove_ports(struct bridge *br, const struct ovsrec_bridge *row);
void bridge_configure_ports(struct bridge *br, const struct ovsrec_bridge *row);
void bridge_port_destroy(struct bridge_port *bp);
// What the datapath calls a type of the Interface table; NULL when there is no such type (yet).
const char *bridge_port_type(const struct vswitchd *vs, const char *type);
// Who drives the hardware behind a port (fills in what 'ref' is for offload); NULL: there is none.
const struct backend_ops *port_backend(const struct plane *pl, struct port_ref *ref);
// Offers the port to the hardware behind it, unless it is excluded; 'ref' is the datapath's.
void bridge_port_offer(struct bridge_port *bp, struct port_ref *ref);
// offload-providers.c. Whether other_config:hw-offload-priority keeps the port's flows in software; 'iface' NULL: what goes for all.
bool offload_port_is_excluded(const struct plane *pl, const struct ovsrec_interface *iface);
void offload_providers_configure(struct vswitchd *vs, const struct smap *oc);
// bridge-qos.c
void bridge_qos_configure(struct bridge_port *bp, const struct ovsrec_port *row,
			  const struct ovsrec_interface *iface);
// For bridge_control_ops.
void bridge_port_queues(void *aux, const struct of_port *p,
			void (*cb)(const struct queue_stats *s, void *aux), void *cb_aux);
// A port's device is another than the one that was configured: what it is to have must be asked for again.
bool bridge_qos_is_lost(const struct vswitchd *vs);
// bridge-tunnel.c. Between open and start the port gets its place in the switch; -EINVAL: bp->error says why not.
int bridge_tunnel_open(struct bridge_port *bp, struct eth_addr *ret_mac);
void bridge_tunnel_start(struct bridge_port *bp);
// When the port has left the switch, where it had 'number' (0: it never came there).
void bridge_tunnel_close(struct bridge_port *bp, of_port_t number);
const char *bridge_tunnel_offload_device(const struct bridge_port *bp);
// Which eSwitch a datapath's tunnels belong to may have changed.
void bridge_tunnels_identify(struct plane *pl);
void bridge_tunnel_write(struct vswitchd *vs, const struct ovsrec_interface *iface,
			 const struct bridge_port *bp, bool statistics);
void bridge_tunnels_list(struct vswitchd *vs, struct strbuf *out);
struct bridge_port *bridge_port_by_dp(const struct plane *pl, dp_port_t port);
extern const struct control_ops bridge_control_ops;
// bridge-status.c
void status_write_config(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg);
void status_write_mac(const struct ovsrec_interface *iface, struct eth_addr mac);
void status_write_live(struct vswitchd *vs, const struct ovsrec_open_vswitch *cfg, bool statistics);
// restore.c
void restore_start(struct vswitchd *vs);
void restore_stop(struct vswitchd *vs);
// Other configuration has been read.
void restore_configure(struct vswitchd *vs, const struct smap *other_config);
// A port has been added and has no flow yet.
void restore_look_at_port(struct plane *pl, dp_port_t port);
// nic-facts.c
void nic_facts_init(struct nic_facts *f);
void nic_facts_uninit(struct nic_facts *f);
// Puts what is known of the NIC behind an offload device: "pci/0000:03:00.0", "0000:03:00.0". Nothing for other handles.
void nic_facts_put(struct nic_facts *f, const char *handle, struct smap *out);
// eswitch.c
void eswitch_start(struct vswitchd *vs);
void eswitch_stop(struct vswitchd *vs);
// Looks whether devices of ports are other ones now; once a second.
void eswitch_follow_ports(struct plane *pl);
// Fills in what 'ref', a port of a kernel datapath, is for offload: device, is_uplink, is_representor.
void eswitch_identify(const struct vswitchd *vs, struct port_ref *ref);
// The device that a port is to have: the one of its name, or the representor that options:representor-of names. Negative errno:
// there is none, or not one.
int eswitch_find_device(const struct bridge_port *bp, char ret[64], struct error *err);
// options:representor-of names another device now than the port has.
bool eswitch_has_moved(const struct bridge_port *bp);
// The members of the bond that a port is, as 'ref' has them.
void eswitch_note_members(struct bridge_port *bp, const struct port_ref *ref);
// ct-zones.c
void ct_zones_configure(struct plane *pl, const struct ovsrec_open_vswitch *cfg);
// Tries again what could not be deleted yet; once a second.
void ct_zones_run(struct plane *pl);
// Forgets what the datapath was told, and leaves it there.
void ct_zones_leave(struct plane *pl);
// Takes the policies away: the datapath has no flow any more, and is still open.
void ct_zones_destroy(struct plane *pl);
// offload-record.c
void offload_record_write(struct vswitchd *vs, struct idl_txn *txn);
