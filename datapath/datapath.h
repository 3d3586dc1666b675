// SPDX-License-Identifier: Apache-2.0
// The software datapath: ports, megaflows, packets. The userspace one (datapath/user) runs on DPDK.
//
// Ports and flows are changed by the main thread; packets are handled by PMD threads, which run their own misses to
// completion through the upcall they were given. Forwarding tables are read under RCU.
#pragma once

#include "core/base/error.h"
#include "core/base/strmap.h"
#include "core/flow/megaflow.h"
#include "core/flow/meter.h"
#include "core/packet/packet.h"
#include "core/port.h"

struct datapath;

// What a miss, or a userspace action, asks of the pipeline; called on the thread that has the packet.
struct upcall {
	struct packet *packet; // with offsets set; valid during the call
	const struct flow_key *key; // with in_port as dp_port_t
	const struct dp_action *userspace; // the action that asked, NULL: a miss
};

// Answer to a miss: 'actions' gets what to do with this packet now (struct dp_action list), and *ret_flow the megaflow to
// install for those that follow, NULL: none. The megaflow stays the upcall module's. Returns 0, or negative errno (the
// packet is dropped and counted).
struct upcall_ops {
	int (*miss)(void *aux, const struct upcall *u, struct strbuf *actions,
		    struct megaflow **ret_flow);
	// A userspace action: the packet goes to a controller or through the slow path. 'actions' as above for the latter.
	int (*userspace)(void *aux, const struct upcall *u, struct strbuf *actions);
};

struct datapath_config {
	const char *extra_eal_args; // dpdk-extra, NULL: none
	const char *lcore_mask; // dpdk-lcore-mask, NULL: one
	// With hugepages when one of these is not NULL.
	const char *socket_mem; // dpdk-socket-mem
	const char *alloc_mem; // dpdk-alloc-mem
	const char *socket_limit; // dpdk-socket-limit
	const char *hugepage_dir; // dpdk-hugepage-dir
	uint64_t
		pmd_cpu_mask; // 0: one core that the process may run on, not the main thread's where there are two
	uint64_t pmd_sleep_max_usec; // 0: never sleep (default for physical ports), else cap
	bool pmd_sleep_is_set;
	double emc_insert_inv_prob;
	// flow-restore-wait: the tables are being filled. What a process before this one left goes on meanwhile, and packets
	// that miss wait, until datapath_restored().
	bool restore_wait;
};

// The kinds of datapath: "netdev" (userspace, on DPDK) and "system" (the kernel's openvswitch module). Returns how many.
size_t datapath_types(const char *ret[], size_t max);
// 0 when this machine can have a datapath of 'type', else 'err' says why not.
int datapath_probe(const char *type, struct error *err);
// Makes a datapath of 'type'; "netdev" starts DPDK (once per process, irrevocably). Main thread.
int datapath_open(const char *type, const struct upcall_ops *upcalls, void *aux,
		  const struct datapath_config *config, struct datapath **ret, struct error *err);
// The tables are filled: flows and ports that a process before this one has left, and nobody has asked for, go. Main thread.
void datapath_restored(struct datapath *dp);
// ... and from here on packets that miss are served.
void datapath_serve(struct datapath *dp);
// The datapath stays as it is when it is closed, for the next process: whatever is deleted from now on is only forgotten. One
// that lives in this process cannot stay. Main thread.
void datapath_leave(struct datapath *dp);
const char *datapath_name(const struct datapath *dp); // "ovs-netdev", "ovs-system"
const char *datapath_type(const struct datapath *dp);
void datapath_close(struct datapath *dp);
// pmd-cpu-mask, sleep and cache settings may change while running.
void datapath_reconfigure(struct datapath *dp, const struct datapath_config *config);
const char *datapath_version(void); // of DPDK: "DPDK 22.11.11"

// Ports. 'type': "dpdk" (options: dpdk-devargs, n_rxq, n_rxq_desc...), "system" (a Linux netdev, through AF_XDP or AF_PACKET),
// "internal" and "tap" (a tap device made by us), "dummy" (tests). Patch ports never reach a datapath.
// Main thread; takes effect before it returns.
int datapath_port_add(struct datapath *dp, const char *name, const char *type,
		      const struct smap *options, dp_port_t *ret_port, struct error *err);
// Packets of a new port are taken from here on: a caller that has to make the port known elsewhere first does so before.
void datapath_port_start(struct datapath *dp, dp_port_t port);
void datapath_port_del(struct datapath *dp, dp_port_t port);
int datapath_port_set_options(struct datapath *dp, dp_port_t port, const struct smap *options,
			      struct error *err);
// False when there is no such port.
bool datapath_port_ref(struct datapath *dp, dp_port_t port, struct port_ref *ret);
bool datapath_port_by_name(struct datapath *dp, const char *name, dp_port_t *ret);

struct datapath_port_info {
	char name[64], type[32];
	struct eth_addr mac;
	uint32_t mtu;
	bool admin_up, link_up, full_duplex;
	bool is_gone; // its device was deleted; the port waits for another of the name
	uint64_t link_mbps; // 0: unknown
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped, rx_errors,
		tx_errors;
	bool has_device_counters; // those of the next line, which a Linux device keeps
	uint64_t collisions, rx_crc_errors, rx_frame_errors, rx_missed_errors, rx_over_errors,
		rx_multicast;
	uint64_t link_resets;
	struct smap status; // driver_name, if_type, ...; the caller frees
};

bool datapath_port_info(struct datapath *dp, dp_port_t port, struct datapath_port_info *ret);
// Adds to 'config' how the port is set up, as dpctl/show prints it; nothing for most types.
void datapath_port_config(struct datapath *dp, dp_port_t port, struct smap *config);
int datapath_port_set_mac(struct datapath *dp, dp_port_t port, struct eth_addr mac,
			  struct error *err);
int datapath_port_set_mtu(struct datapath *dp, dp_port_t port, uint32_t mtu, struct error *err);
int datapath_port_set_admin(struct datapath *dp, dp_port_t port, bool up, struct error *err);
// Grows when a port's link state, MTU, MAC... changed.
uint64_t datapath_port_change_seq(struct datapath *dp);
// Where others can add and remove ports: removes theirs, and puts back those of this process. Main thread.
void datapath_reconcile_ports(struct datapath *dp);

// 0 when flows of this datapath can have these actions, else -ENOTSUP naming the first that it does not carry out. Any thread.
int datapath_actions_check(struct datapath *dp, struct dp_actions list, struct error *err);

// Flows. The megaflow stays the caller's; it must outlive datapath_flow_del() by a grace period.
// Any RCU thread (a PMD installs the flow of its own miss); -EEXIST when one with the same key and mask is there.
int datapath_flow_add(struct datapath *dp, struct megaflow *mf);
// The flow's actions have changed (megaflow_set_actions()). Main thread; 0 or negative errno, then the flow is as before.
int datapath_flow_update(struct datapath *dp, struct megaflow *mf);
void datapath_flow_del(struct datapath *dp, struct megaflow *mf);
// Flows that this thread adds from here on may be gathered until datapath_batch_end(): some thousands at a time cost much less
// together. One that the datapath refuses is then known as refused to it, not to the caller. Main thread.
void datapath_batch_begin(struct datapath *dp);
void datapath_batch_end(struct datapath *dp);
// Adds up the software counters of all threads.
void datapath_flow_counts(struct datapath *dp, const struct megaflow *mf, struct flow_counts *ret);
// Brings datapath_flow_counts() up to date where the datapath counts elsewhere; may wait for a dump. Main thread.
void datapath_refresh(struct datapath *dp);
// Whether such dumps have flows by identifier only (at first they have), or whole. Main thread.
void datapath_dump_tersely(struct datapath *dp, bool enabled);
size_t datapath_flow_count(struct datapath *dp);
// Packets that miss are handed over by the CPU that has them; false: by their input port, or there is no handing over.
bool datapath_upcalls_by_cpu(struct datapath *dp);

// Sends a packet that is not from a port through 'actions' (packet_out, flow_mod probes). Copies the bytes. Main thread.
int datapath_execute(struct datapath *dp, const void *packet, size_t n, const struct flow_key *key,
		     struct dp_actions actions, struct error *err);

struct datapath_stats {
	size_t handlers; // threads that serve misses
	uint64_t hit, missed, lost, flows, masks;
	bool has_mask_stats; // the two below are told
	uint64_t mask_hit, cache_hit; // masks tried; packets whose mask a cache knew
	bool has_masks_cache;
	uint32_t masks_cache_size; // entries
};

// *size is what the datapath made of it afterwards. -EOPNOTSUPP: it has no such cache. Main thread.
int datapath_set_masks_cache(struct datapath *dp, uint32_t *size, struct error *err);

void datapath_stats(struct datapath *dp, struct datapath_stats *ret);
// Runs 'cb' for every port, in the order of numbers.
void datapath_for_each_port(struct datapath *dp, void (*cb)(dp_port_t port, void *aux), void *aux);
// Name/value pairs: what the datapath can, as dpif/show-dp-features and the Datapath table tell. The caller owns 'out'.
void datapath_features(struct datapath *dp, struct smap *out);
// The lines of dpif/show-dp-features. False: this kind of datapath does not tell.
bool datapath_features_format(struct datapath *dp, struct strbuf *out);

// Meters (DP_ACTION_METER). Main thread. 'max_meters' is 0 where there are none.
void datapath_meter_features(struct datapath *dp, struct meter_features *ret);
// Makes a meter where *id is 0, and says its number, which is not 0; else changes the one of the number; its counts may begin again.
int datapath_meter_set(struct datapath *dp, const struct meter_config *config, uint32_t *id,
		       struct error *err);
// Fills in 'in' and the first 'n_bands' (which the caller sets) of 'bands'; on failure nothing.
int datapath_meter_get(struct datapath *dp, uint32_t id, struct meter_stats *ret,
		       struct error *err);
// The number may be given again. Packets of flows that still name it are not metered.
void datapath_meter_del(struct datapath *dp, uint32_t id);

// The name that a ct action has to give (dp_ct.timeout), so that a connection of this zone and kind gets the timeouts that the
// zone was configured with (datapath_ct_zone_timeouts()). False: the datapath's own go for it, and no name is given. Any thread.
// The flow must match the kind and the protocol: a name that is not for them, the kernel takes without a word and without effect.
// Flows that were translated before the zone's policy changed must be translated again.
#define DATAPATH_CT_TIMEOUT_LEN 32
bool datapath_ct_timeout_name(struct datapath *dp, uint16_t zone, be16 dl_type, uint8_t nw_proto,
			      char ret[DATAPATH_CT_TIMEOUT_LEN]);
