// SPDX-License-Identifier: Apache-2.0
// The kernel datapath's own view of itself: what its files share.
//
// Threads: main (ports, changes, the loop's requests), handlers (upcalls, handler.c), one that reads statistics
// (stats.c). What more than one of them touches is behind 'flows_lock' or 'ports_lock'; a socket has one thread, the
// main one's is behind 'request_lock' because flows may be added from anywhere.
#pragma once

#include <linux/openvswitch.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "core/netlink/genl.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/message.h"
#include "datapath/provider.h"

struct kernel_families {
	struct genl_family dp, vport, flow, packet;
	struct genl_family meter; // where the datapath has features of meters
	struct genl_family ct_limit; // where 'has_ct_limit' says so
};

// 0, or negative errno; -ENOENT: the kernel has no openvswitch module.
int kernel_families_find(struct nl_sock *s, struct kernel_families *ret, struct error *err);

struct handler;
struct stranger;

// Connections of a zone have the timeouts of this policy (ct-timeout.c).
struct zone_policy {
	uint16_t zone;
	uint32_t policy;
};

// Rests of lists (resume.c).
struct resumption {
	uint32_t id; // 0: never taken
	uint64_t hash;
	struct strbuf list;
};

struct resumptions {
	pthread_mutex_t lock;
	struct resumption places[256] GUARDED_BY(lock);
	size_t next GUARDED_BY(lock);
};

struct kernel_datapath {
	struct datapath base;
	struct kernel_families families;
	char name[IFNAMSIZ];
	uint32_t ifindex; // of the datapath itself: in the fixed header of every message
	uint32_t user_features; // OVS_DP_F_*
	bool shares_recirc; // TC chains and recirculation are one number space
	bool taken_over; // an earlier process had made it
	// What it left goes on until the tables are filled: its flows are no strangers yet.
	_Atomic bool holding;
	bool waiting; // handlers have not been started; main thread
	_Atomic bool leaving; // for the next process: nothing in the kernel is touched any more
	const struct upcall_ops *upcalls;
	void *aux;

	pthread_mutex_t request_lock;
	struct nl_sock *sock GUARDED_BY(request_lock);

	struct handler *handlers;
	size_t n_handlers;
	_Atomic bool stopping;
	_Atomic uint64_t lost; // misses that could not be served

	pthread_mutex_t flows_lock;
	struct hmap flows GUARDED_BY(flows_lock); // struct kernel_flow by ufid

	_Atomic bool dumps_whole; // keys, masks and actions, too
	// Statistics: one dump at a time.
	pthread_mutex_t dump_lock;
	struct hmap strangers GUARDED_BY(dump_lock);
	uint64_t round GUARDED_BY(dump_lock);
	pthread_t stats_thread;
	bool has_stats_thread;
	int stop_fd; // eventfd, readable from the end on: all threads

	pthread_mutex_t ports_lock;
	struct hmap ports GUARDED_BY(ports_lock); // struct vport by number
	struct nl_sock *route; // main thread
	struct nl_sock *links; // main thread: notifications
	uint64_t change_seq;
	bool ports_doubtful; // vports_reconcile() is due
	struct strset left_tunnels; // devices of an earlier process that nobody has wanted yet

	struct nl_sock *netfilter; // main thread; NULL until it is needed
	bool has_ct_limit; // immutable once open
	pthread_rwlock_t zones_lock;
	VEC(struct zone_policy) zone_policies GUARDED_BY(zones_lock);

	struct {
		struct meter_features features; // immutable once open
		VEC(bool) taken; // numbers in use, from 1 on; main thread
	} meters;
	struct smap features; // immutable once open
	struct kernel_can can; // likewise
	struct resumptions resumptions;
};

static inline struct kernel_datapath *kernel_datapath(struct datapath *base)
{
	return CONTAINER_OF(base, struct kernel_datapath, base);
}

// Tests: as on kernels that know nothing of upcalls by CPU.
extern bool kernel_upcalls_by_port;

// ---- Requests ----

// A message of 'family' with the datapath's header; ended by nl_msg_end().
size_t kernel_begin(const struct kernel_datapath *dp, struct strbuf *b,
		    const struct genl_family *family, uint8_t cmd, uint16_t flags);
// nl_transact() on the datapath's own socket. Any thread.
int kernel_request(struct kernel_datapath *dp, const struct strbuf *msg, struct strbuf *ret_reply,
		   struct error *err);

// ---- Handlers ----

// Requests that a round of upcalls has led to.
struct batch_item {
	struct nl_request request;
	struct kernel_flow *flow; // whose flow it makes; NULL: a packet
};

struct batch {
	struct kernel_datapath *dp;
	struct nl_sock *sock;
	VEC(struct batch_item) flows, packets;
};

// The batch of this thread for 'dp', NULL: it is no handler of it.
struct batch *kernel_batch(const struct kernel_datapath *dp);
// Takes over 'msg' (empty afterwards). 'flow' with a reference, or NULL.
void batch_put(struct batch *b, struct strbuf *msg, struct kernel_flow *flow);
// datapath_batch_begin(), _end(): the main thread has one, too.
void kernel_batch_begin(struct datapath *base);
void kernel_batch_end(struct datapath *base);
// Makes sockets, so that the port ids are known, then starts the threads.
int handlers_open(struct kernel_datapath *dp, struct error *err);
void handlers_start(struct kernel_datapath *dp);
void handlers_stop(struct kernel_datapath *dp);
// Where upcalls go: one number per CPU, or one per handler.
size_t handlers_pids_by_cpu(const struct kernel_datapath *dp, uint32_t **ret);
size_t handlers_pids(const struct kernel_datapath *dp, uint32_t **ret);
uint32_t handler_pid(const struct kernel_datapath *dp);

// ---- Flows ----

enum kernel_flow_state {
	FLOW_ADDING, // in a handler's batch
	FLOW_IN_KERNEL,
	FLOW_REFUSED, // the kernel will not have it; its packets go on missing
};

// What is known of a megaflow's place in the kernel; mf->dp. Members under flows_lock.
struct kernel_flow {
	struct hmap_node node;
	struct uuid ufid;
	struct megaflow *mf; // NULL: deleted while it was on its way
	enum kernel_flow_state state;
	unsigned int refs;
	bool changed; // its actions have, while it was on its way
	uint8_t missing; // dumps in a row that did not have it
	uint64_t round; // of the last dump that had it
	struct flow_counts base; // counted before the kernel's count began, and here
	struct flow_counts seen; // by the kernel
};

int kernel_flow_add(struct datapath *base, struct megaflow *mf);
int kernel_flow_update(struct datapath *base, struct megaflow *mf);
void kernel_flow_del(struct datapath *base, struct megaflow *mf);
size_t kernel_flow_count(struct datapath *base);
void kernel_flow_counts(struct datapath *base, const struct megaflow *mf, struct flow_counts *ret);

// With flows_lock.
struct kernel_flow *kernel_flow_find(const struct kernel_datapath *dp, const struct uuid *ufid);
void kernel_flow_publish(struct kernel_flow *f);
void kernel_flow_unref(struct kernel_flow *f);
// The answer to a batch's request. Takes the reference.
void kernel_flow_added(struct kernel_datapath *dp, struct kernel_flow *f, int error,
		       const char *text, struct nl_sock *sock);
// Installs again what is not there any more.
void kernel_flow_repair(struct kernel_datapath *dp, struct kernel_flow *f, struct nl_sock *sock);
// Counts what the kernel has not counted.
void kernel_flow_count_packet(struct kernel_datapath *dp, struct megaflow *mf, size_t bytes,
			      uint16_t tcp_flags);
// Whether it was put here for a flow that the kernel cannot carry out.
bool kernel_flow_is_slow(const struct dp_action *a);
// The actions of the flow that sent a packet here because the kernel cannot carry them out; false when it has gone, or
// is not for packets of 'key'. Under RCU.
bool kernel_flow_slow_actions(struct kernel_datapath *dp, const struct dp_action *a,
			      const struct flow_key *key, struct dp_actions *ret);
// When no thread runs any more.
void kernel_flows_free(struct kernel_datapath *dp);
int kernel_flow_flush(struct kernel_datapath *dp, struct error *err);

// ---- Statistics ----

// Takes a dump: brings every flow's counts up to date, deletes what is not ours.
void stats_refresh(struct kernel_datapath *dp, struct nl_sock *sock);
int stats_start(struct kernel_datapath *dp, struct error *err);
void stats_stop(struct kernel_datapath *dp);

// ---- Packets ----

// A packet that goes back to the kernel, and how.
struct execution {
	struct kernel_datapath *dp;
	uint16_t mru; // from its upcall, 0: none
	uint64_t hash;
	// Takes over the message.
	void (*emit)(struct execution *x, struct strbuf *msg);
	int error; // of the first one that failed, when 'emit' waits for it
	struct error *err;
};

// Runs 'list' on the packet (whose bytes change): the kernel does all that it can. 'key' is as parsed.
void execution_run(struct execution *x, struct packet *p, struct flow_key *key,
		   struct dp_actions list);
int kernel_execute(struct datapath *base, const void *packet, size_t n, const struct flow_key *key,
		   struct dp_actions actions, struct error *err);

// What the kernel brings back in the middle of its list: with a userspace action of the kind RESUME.
// Appends the action that sends a packet back to 'list'; 'rest' (copied) is what then follows. Any thread, like the next.
void resume_put(struct kernel_datapath *dp, struct dp_actions rest, struct strbuf *list);
// Appends the rest that such an action stands for; false: it is not known any more.
bool resume_get(struct kernel_datapath *dp, const struct dp_action *a, struct strbuf *ret);
void resume_free(struct kernel_datapath *dp);

// ---- Ports ----

// How a tunnel's device is set up.
struct tunnel_params {
	uint16_t dst_port; // 0: the kind has none
	uint16_t payload; // Ethernet type that a bareudp device carries
	bool gbp, gpe; // extensions of VXLAN
	bool bare; // of GRE: packets without an Ethernet header, too
};

struct vport {
	struct hmap_node node; // by number
	dp_port_t number;
	char name[IFNAMSIZ];
	char type[16]; // as configured: "system", "internal", "tap", "vxlan"...
	bool is_tunnel; // then its device is ours
	struct tunnel_params tunnel;
	uint32_t kernel_type; // OVS_VPORT_TYPE_*
	int ifindex; // 0: its device has gone
	int tap_fd; // -1: none
	bool is_ours; // somebody has added it since this process began
	bool has_mac; // of an internal port: that was given to it
	struct eth_addr mac;
};

struct vport *vport_find(const struct kernel_datapath *dp, dp_port_t number);
// Reads what ports there are (an earlier process' among them).
int vports_load(struct kernel_datapath *dp, struct error *err);
// Lets go those devices that an earlier process had attached and nobody has asked for since.
void vports_let_go(struct kernel_datapath *dp);
// Removes the devices of tunnels among them.
void vports_sweep_tunnels(struct kernel_datapath *dp);
void vports_free(struct kernel_datapath *dp);
// The descriptor of a tap device, which goes with it unless it is or becomes a persistent one; or negative errno.
int kernel_tap_open(const char *name, struct error *err);
// Others may have changed what ports there are: takes out those that nobody here has added, and puts back those that are missing.
void vports_reconcile(struct kernel_datapath *dp);
// Puts a port back whose device has come again.
void vport_revive(struct kernel_datapath *dp, struct vport *v, int ifindex);
int kernel_port_add(struct datapath *base, const char *name, const char *type,
		    const struct smap *options, dp_port_t *ret_port, struct error *err);
void kernel_port_del(struct datapath *base, dp_port_t port);
int kernel_port_set_options(struct datapath *base, dp_port_t port, const struct smap *options,
			    struct error *err);
bool kernel_port_ref(struct datapath *base, dp_port_t port, struct port_ref *ret);
bool kernel_port_by_name(struct datapath *base, const char *name, dp_port_t *ret);
void kernel_for_each_port(struct datapath *base, void (*cb)(dp_port_t port, void *aux), void *aux);

void kernel_port_config(struct datapath *base, dp_port_t port, struct smap *config);
bool kernel_port_info(struct datapath *base, dp_port_t port, struct datapath_port_info *ret);
int kernel_port_set_mac(struct datapath *base, dp_port_t port, struct eth_addr mac,
			struct error *err);
int kernel_port_set_mtu(struct datapath *base, dp_port_t port, uint32_t mtu, struct error *err);
int kernel_port_set_admin(struct datapath *base, dp_port_t port, bool up, struct error *err);
uint64_t kernel_port_change_seq(struct datapath *base);
// Speed, driver and firmware of a device.
void device_info(const char *name, struct datapath_port_info *info);

// ---- Tunnel devices (main thread) ----

bool tunnel_is_type(const char *type);
// NULL: no tunnel's device has such a name. 'ret' (may be NULL): what the name tells of how it is set up.
const char *tunnel_type_of_device(const char *name, struct tunnel_params *ret);
int tunnel_params_read(const char *type, const struct smap *options, struct tunnel_params *ret,
		       struct error *err);
// options:exts alone.
int tunnel_extensions_read(const char *exts, struct tunnel_params *p, struct error *err);
// What dpctl/show tells of such a port.
void tunnel_config_put(const char *type, const struct tunnel_params *p, struct smap *config);
// The name of the device that a tunnel of this type and UDP port has in a datapath.
void tunnel_device_name_of(const char *type, const struct tunnel_params *p, char ret[IFNAMSIZ]);
// Whether there is such a device, set up like this. -EEXIST: it is something else, or set up otherwise. -ENOENT: there is none.
int tunnel_device_check(struct nl_sock *s, const char *name, const char *type,
			const struct tunnel_params *p, struct error *err);
// Whether packets without an Ethernet header get through such a device; those of GRE and GPE take both, bareudp's such alone.
bool tunnel_takes_bare(const char *type, const struct tunnel_params *p);
// Whether devices of this type take the option.
bool tunnel_has_option(const char *type, const char *option);
// Sees that there is a device of this name and kind: taken over, or ('ret_made') made, or made anew. -EEXIST: the name is
// something else's. On failure no device of ours is left.
int tunnel_device_need(struct nl_sock *s, const char *name, const char *type,
		       const struct tunnel_params *p, int *ret_ifindex, bool *ret_made,
		       struct error *err);
// Whether a device that is there takes such packets, for it may be one that an earlier tunnel needed.
bool tunnel_device_is_bare(struct nl_sock *s, const char *name, const char *type);
void tunnel_device_remove(struct nl_sock *s, const char *name);
// By name and kind: a process before this one has made it.
bool tunnel_device_is_ours(struct nl_sock *s, const char *name);

// ---- Connections ----

extern const struct ct_ops kernel_ct;
// The socket of netfilter's subsystems, and dumps and requests on it. A dump that the table's changes spoil begins again after
// 'again' (may be NULL), a few times.
int netfilter_socket(struct kernel_datapath *dp, struct nl_sock **ret, struct error *err);
int netfilter_dump(struct kernel_datapath *dp, const struct strbuf *msg,
		   int (*cb)(const struct nlmsghdr *h, void *aux), void (*again)(void *aux),
		   void *aux, struct error *err);
int netfilter_request(struct kernel_datapath *dp, const struct strbuf *msg,
		      struct strbuf *ret_reply, struct error *err);
int kernel_ct_get_limits(struct datapath *base, const uint16_t zones[], size_t n,
			 struct ct_limits *ret, struct error *err);
int kernel_ct_set_limits(struct datapath *base, const struct ct_limits *limits, struct error *err);
int kernel_ct_del_limits(struct datapath *base, const uint16_t zones[], size_t n,
			 struct error *err);
int kernel_ct_set_timeouts(struct datapath *base, uint32_t id, const struct ct_timeouts *t,
			   struct error *err);
int kernel_ct_del_timeouts(struct datapath *base, uint32_t id, struct error *err);
int kernel_ct_dump_timeouts(struct datapath *base, void (*cb)(uint32_t id, void *aux), void *aux,
			    struct error *err);
int kernel_ct_zone_timeouts(struct datapath *base, uint16_t zone, const uint32_t *id,
			    struct error *err);
bool kernel_ct_timeout_name(struct datapath *base, uint16_t zone, be16 dl_type, uint8_t nw_proto,
			    char ret[DATAPATH_CT_TIMEOUT_LEN]);

// ---- Meters ----

extern const struct meter_ops kernel_meters;
// Reads what there is of them; false: none, or none that work.
bool kernel_can_meter(struct kernel_datapath *dp);

// ---- Features ----

void features_probe(struct kernel_datapath *dp);
