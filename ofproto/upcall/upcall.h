// SPDX-License-Identifier: Apache-2.0
// Misses and megaflows: the bridge between one datapath and the switches on it. Owns every megaflow: makes it when a packet
// misses, offers it to hardware, checks it again when something it rests on changes, counts its traffic into OpenFlow rules,
// and lets it go when it is idle.
//
// Misses come on PMD threads. Everything else runs on the main thread, in slices.
#pragma once

#include "core/io/loop.h"
#include "datapath/datapath.h"
#include "offload/placement.h"
#include "ofproto/pipeline/switch.h"
#include "ofproto/pipeline/tunnel.h"

struct upcall_engine;

// A packet for controllers; called on the main thread. 'packet' is valid during the call.
struct packet_in_event {
	struct of_switch *sw;
	bool more; // another one of the same switch follows at once
	const uint8_t *packet;
	size_t len;
	struct match metadata;
	uint8_t reason, table;
	uint16_t max_len, controller_id;
	uint64_t cookie;
	const uint8_t *userdata;
	size_t n_userdata;
	const uint8_t *continuation; // NULL: the packet is not paused
	size_t n_continuation;
};

typedef void packet_in_cb(void *aux, const struct packet_in_event *e);

struct upcall_engine *upcall_create(struct loop *l, packet_in_cb *cb, void *aux);
void upcall_destroy(struct upcall_engine *u);
// What datapath_open() wants, with the engine as aux.
const struct upcall_ops *upcall_ops(void);
void upcall_set_datapath(struct upcall_engine *u, struct datapath *dp, struct offload *offload);

// A packet that was sampled elsewhere than in the datapath, for this userspace action: as upcall_ops.userspace takes one that was
// not. Any thread that is registered with RCU; bytes and action are borrowed. The datapath is open.
void upcall_sampled(struct upcall_engine *u, dp_port_t in_port, const struct dp_action *userspace,
		    const void *packet, size_t n);

// Tells which switch port a datapath port is. Main thread.
void upcall_map_port(struct upcall_engine *u, dp_port_t port, struct of_switch *sw,
		     of_port_t number);
void upcall_unmap_port(struct upcall_engine *u, dp_port_t port);
// Tunnels: many of them are at one datapath port, told apart by the outer header. -EEXIST: 'err' names the one that is there.
int upcall_map_tunnel(struct upcall_engine *u, dp_port_t port, const struct tunnel_config *c,
		      struct of_switch *sw, of_port_t number, const char *name, struct error *err);
void upcall_unmap_tunnel(struct upcall_engine *u, const struct of_switch *sw, of_port_t number);
// Who is there, for ofproto/list-tunnels.
struct tunnel_table *upcall_tunnels(struct upcall_engine *u);
// The switch and key that a packet of the datapath begins with; false: no port or tunnel is for it, as 'err' says.
bool upcall_entry(struct upcall_engine *u, const struct flow_key *dp_key, struct of_switch **ret_sw,
		  struct flow_key *ret_key, struct tunnel_lookup *ret_tunnel, struct error *err);
// Removes every megaflow that rests on 'sw' (NULL: all), before it goes: no packet goes on in it any more.
void upcall_flush(struct upcall_engine *u, struct of_switch *sw);
// Removes those of packets with tags, of which other many are looked at from now on.
void upcall_flush_tagged(struct upcall_engine *u);
// Something in a switch changed: look at the dependants soon.
void upcall_changed(struct upcall_engine *u);

// other_config: max-idle (ms), max-revalidator (ms), flow-limit. With more flows than a round of the revalidator can look at in
// a second, the limit falls below the configured one, and idle flows go after 100 ms.
void upcall_configure(struct upcall_engine *u, int max_idle_msec, int max_revalidator_msec,
		      size_t flow_limit);
// other_config:n-revalidator-threads: how many look at the dependencies of flows at once, the main thread among them.
void upcall_set_revalidators(struct upcall_engine *u, unsigned int n);
unsigned int upcall_n_revalidators(const struct upcall_engine *u);
// Adds the counters since the last time to rules, tables and ports at once (a statistics request waits for nothing).
void upcall_push_stats(struct upcall_engine *u);
// Looks at all megaflows now, to the end (revalidator/wait, tests).
void upcall_revalidate_now(struct upcall_engine *u);
size_t upcall_n_flows(struct upcall_engine *u);
// Appends the lines of upcall/show behind the datapath's name.
void upcall_show(struct upcall_engine *u, struct strbuf *out);
// Until a round of the revalidator finds another number.
void upcall_set_flow_limit(struct upcall_engine *u, size_t n);
// Without, new megaflows are for packets that are alike in every field. Those that are there go.
void upcall_set_wildcards(struct upcall_engine *u, bool enabled);
// Without, a kernel's dumps for statistics have whole flows.
void upcall_set_dump_tersely(struct upcall_engine *u, bool enabled);
// While paused no flow is looked at by itself: none ages, and changes wait.
void upcall_pause(struct upcall_engine *u);
void upcall_resume(struct upcall_engine *u);
bool upcall_is_paused(const struct upcall_engine *u);

// Whether a packet of this key can be sent through the actions. 'consistent': as of switch_check_acts().
enum ofperr upcall_check_acts(const struct of_switch *sw, const struct flow_key *key,
			      bool consistent, struct acts list);
// A packet of a controller that meets the tables as a transaction has them (struct xlate_input), to be sent once that is committed,
// or freed without. On error *ret is untouched.
struct packet_out_run;
enum ofperr upcall_packet_out_prepare(struct upcall_engine *u, struct of_switch *sw,
				      const struct packet_out *po, uint64_t version,
				      struct packet_out_run **ret);
void upcall_packet_out_send(struct packet_out_run *run);
void upcall_packet_out_free(struct packet_out_run *run); // NULL too
// Runs a packet of a controller through actions and the pipeline.
// A packet that was paused for a controller goes on. Main thread.
enum ofperr upcall_packet_resume(struct upcall_engine *u, struct of_switch *sw,
				 const struct packet_in *p);
enum ofperr upcall_packet_out(struct upcall_engine *u, struct of_switch *sw,
			      const struct packet_out *po);

// After a restart: translates the packets of a flow that a process before this one had in hardware. 'keep' false: only for what
// is learned from them. True: makes the megaflow; a rule that does the same already is adopted. Main thread.
enum upcall_restored {
	RESTORED_NOT, // no flow was made
	RESTORED, // the flow was made, or (without 'keep') the packet translated
	RESTORED_LATER, // no translation has named this recirculation id yet
};

enum upcall_restored upcall_restore(struct upcall_engine *u, const struct flow_key *dp_key,
				    bool keep);

// For dpctl and offload/why: megaflows by ufid or in no order; valid during the call. Main thread.
struct megaflow *upcall_find(struct upcall_engine *u, const struct uuid *ufid);
void upcall_for_each(struct upcall_engine *u, bool (*cb)(struct megaflow *mf, void *aux),
		     void *aux);
// Where its packets come in; NULL: put in by hand, and its input port belongs to no switch.
struct of_switch *upcall_flow_switch(struct upcall_engine *u, const struct megaflow *mf);
// Software and hardware counters together.
void upcall_flow_counts(struct upcall_engine *u, struct megaflow *mf, struct flow_counts *ret);
// Flows put in by hand (dpctl/add-flow); they stay until deleted.
int upcall_add_static(struct upcall_engine *u, const struct match *m, struct dp_actions actions,
		      struct error *err);
int upcall_del(struct upcall_engine *u, const struct uuid *ufid, struct error *err);
// Gives a flow other actions, in software and in hardware. One that the pipeline made keeps them until it is translated again.
int upcall_modify(struct upcall_engine *u, struct megaflow *mf, struct dp_actions actions,
		  struct error *err);
struct upcall_trace_options {
	bool use_names; // ports by name, not by number
	bool apply; // what the translation has learned takes effect
	// What connection tracking is to say of the packets that go through it, in turn (ct_state); behind the last: new|trk.
	const uint8_t *ct_next;
	size_t n_ct_next;
	const struct tunnel_lookup *tunnel; // how the input port was found, NULL: otherwise
	const struct acts *acts; // what is done with the packet, NULL: what the tables say
};

// What ofproto/trace shows for a packet's key (in_port as of_port_t). Appends the whole text.
void upcall_trace(struct upcall_engine *u, struct of_switch *sw, const struct flow_key *key,
		  const struct upcall_trace_options *options, struct strbuf *out);
// The soundness check of tests: translates 'key' and again with bits outside the mask flipped; 0 when all agree, else -EINVAL
// and what differed. 'flips' is how many were tried.
int upcall_check_soundness(struct upcall_engine *u, struct of_switch *sw,
			   const struct flow_key *key, const struct tunnel_lookup *tunnel,
			   size_t flips, struct error *err);
