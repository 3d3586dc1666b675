// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/xlate.h"
#include "ofproto/upcall/crew.h"
#include "ofproto/upcall/upcall.h"

// What a megaflow's translation consulted and whom its traffic counts for. Replaced when it is translated again.
struct megaflow_deps {
	struct of_switch *sw; // where the packet came in; NULL for flows put in by hand
	struct xlate_basis basis;
	struct upcall_engine *engine;
	struct megaflow *mf;
	// Set when datapath and placement have the flow: until then it belongs to the thread that makes it, and the main
	// thread lets it be.
	_Atomic bool listed;
	// There was traffic since rules were learned from it last; main thread.
	bool learn_due;
	// Packets that rules were learned from when they missed; the datapath counts them too.
	unsigned int n_learned;
	// What of mf->pushed a NIC has handled.
	uint64_t hw_packets, hw_bytes;
	// Traffic that software sees of a flow believed in hardware: how often in a row, and up to which count.
	bool was_in_hw;
	uint64_t sw_packets;
	unsigned int sw_rounds;
	struct megaflow_deps *next_withdrawn;
};

struct port_map_entry {
	struct of_switch *sw;
	of_port_t number;
};

// RCU: readers take the whole table.
struct port_map {
	size_t n;
	struct port_map_entry entries[]; // by dp_port_t
};

// How many megaflows there may be (flow-limit.c). Main thread, but for 'now'.
struct flow_limit {
	size_t configured; // other_config:flow-limit
	_Atomic size_t now; // adapts to how long a round takes
	int64_t began, worked_nsec; // of the round that runs
	int64_t round_msec; // how long the last one took
	size_t n_begun, most, average; // flows at the beginning of rounds
};

void flow_limit_init(struct flow_limit *l, size_t configured);
void flow_limit_configure(struct flow_limit *l, size_t configured);
void flow_limit_round_begins(struct flow_limit *l, size_t n_flows);
void flow_limit_worked(struct flow_limit *l, int64_t nsec); // on the round
void flow_limit_round_ends(struct flow_limit *l);
// Milliseconds without traffic after which a flow goes: 'max_idle', less when there are too many.
int64_t flow_limit_idle(const struct flow_limit *l, size_t n_flows, int64_t max_idle);

struct upcall_engine {
	struct loop *loop;
	struct datapath *dp;
	struct offload *offload;
	struct port_map *ports; // RCU
	struct tunnel_table *tunnels;
	packet_in_cb *packet_in;
	void *packet_in_aux;

	pthread_mutex_t lock;
	struct hmap flows GUARDED_BY(lock); // by ufid
	VEC(struct megaflow *)
	list GUARDED_BY(
		lock); // the same, densely. Those that are 'listed' only the main thread takes out
	_Atomic size_t n_flows;
	struct list packet_ins GUARDED_BY(lock);
	size_t n_packet_ins GUARDED_BY(lock);

	_Atomic bool wildcards; // false: new flows are exact
	bool dump_tersely, paused;
	_Atomic bool change_posted; // a look because something changed is on its way
	_Atomic bool learn_posted; // the main thread is on its way to learn rules
	struct flow_limit limit;
	int max_idle, max_revalidator;
	struct timer round; // the periodic look at all flows
	struct timer soon; // a look because something changed
	size_t todo; // the first so many of 'list' are left of the round
	struct crew *crew; // looks at dependencies
	// Memory of its members for translations, cleared between two.
	struct xlate_result again[CREW_MAX];
	int64_t last_push;
	struct megaflow_deps *withdrawn
		GUARDED_BY(lock); // that no device has any more, for the main thread to finish
};

bool port_map_find(const struct upcall_engine *u, dp_port_t port, struct of_switch **ret_sw,
		   of_port_t *ret_number);
// A packet's way into a switch.
struct engine_entry {
	struct of_switch *sw; // by the packet's port, or where it stopped when it went round
	struct flow_key key; // the pipeline's: in_port as of_port_t, options as fields
	struct tunnel_lookup tunnel;
};

static inline const struct tunnel_lookup *engine_tunnel(const struct engine_entry *e)
{
	return e->tunnel.table ? &e->tunnel : NULL;
}

// False when the port belongs to no switch, or no tunnel asks for the packet.
bool engine_key(const struct upcall_engine *u, const struct flow_key *dp_key,
		struct engine_entry *ret);
// The pipeline's mask as the datapath has it, for a flow that began with this key there: nothing of the pipeline's own members.
void engine_datapath_mask(const struct of_switch *sw, const struct flow_key *dp_key,
			  struct flow_mask *m);
// The table of megaflows. Under the lock.
void engine_list(struct upcall_engine *u, struct megaflow *mf);
void engine_unlist(struct upcall_engine *u, struct megaflow *mf);
void engine_start_revalidator(struct upcall_engine *u);
void engine_stop_revalidator(struct upcall_engine *u);
// Takes a flow out of the table, datapath and device, credits what is left, frees. Main thread.
void engine_remove(struct upcall_engine *u, struct megaflow *mf);
// The latter part, for all that no device has any more. Main thread.
void engine_finish_removed(struct upcall_engine *u);
// The datapath port that packets from a port of the switch are said to come from.
dp_port_t upcall_way_back(const struct of_switch *sw, of_port_t in_port);
// One packet that no flow counts.
void engine_credit_packet(struct upcall_engine *u, const struct xlate_basis *basis, size_t bytes,
			  uint16_t tcp_flags);
// Carries out what a controller's packet came to; 'dp_key' as the datapath is to have it. Main thread.
void engine_send(struct upcall_engine *u, const void *packet, size_t n,
		 const struct flow_key *dp_key, const struct xlate_result *r);
// Counts a packet that cannot go round, by the error of its translation. Any thread.
void engine_count_lost(enum xlate_error e);
// Has the main thread carry out what packets ask of the tables, if there is something. Any thread.
void engine_learn_soon(struct upcall_engine *u);
// Asks for what a flow's traffic learns, when there was some. Not with an answer that is outdated: it may ask for what is no more.
void engine_learn_if_due(struct upcall_engine *u, struct megaflow_deps *d);
// Pushes the counters' growth to the credits. True when there was traffic.
bool engine_credit(struct upcall_engine *u, struct megaflow *mf);
