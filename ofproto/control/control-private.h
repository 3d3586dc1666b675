// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/hmap.h"
#include "ofproto/control/control.h"
#include "ofproto/openflow/async.h"
#include "ofproto/openflow/group.h"

// Bytes that may wait for a controller that does not read.
#define MAX_BACKLOG ((size_t)1 << 20)
#define ALL_VERSIONS \
	(1u << OFP10 | 1u << OFP11 | 1u << OFP12 | 1u << OFP13 | 1u << OFP14 | 1u << OFP15)

// One connection that speaks OpenFlow now.
struct peer {
	struct list node; // in of_control.peers
	struct of_control *control;
	struct of_conn *conn;
	struct controller *controller; // NULL: came through a socket we listen on
	const struct controller_target
		*target; // of whom that socket is, or the controller; NULL: the switch's own socket
	bool service, ready;
	enum controller_role role;
	enum packet_in_format packet_in_format;
	uint16_t controller_id, miss_send_len;
	struct async_masks async; // once it is ready
	struct pacer pacers[N_PACERS];
	bool gathers; // packets that follow each other leave together
	struct packets_under_way {
		uint64_t ends[512]; // where they end in what of_conn_send() was given
		unsigned int first, n;
	} under_way;
	struct list snoopers; // struct snooper
	struct features_request *features; // of which more is to come; NULL: none
	struct timer probe;
	struct hmap bundles; // bundle.c
	size_t bundle_bytes; // that wait in them
	// monitors.c
	struct list monitors;
	struct mp_writer updates;
	struct strbuf updates_out;
	bool updates_open, told_own, monitors_paused;
	struct hmap missed; // struct missed, while paused
	struct timer give_up;
	const char *give_up_why;
};

// A target that we keep connected, or listen on.
struct controller {
	struct list node;
	struct of_control *control;
	struct controller_target target;
	struct listener *listener; // passive ones
	struct stream *stream; // while connecting
	struct peer *peer; // active ones
	struct timer retry;
	int backoff;
	int64_t connected_at, disconnected_at; // clock_msec() of the last time, -1: never
	char *last_error;
};

struct of_control {
	struct loop *loop;
	struct of_switch *sw;
	struct upcall_engine *upcall;
	const struct control_ops *ops;
	void *aux;
	struct list peers, controllers;
	struct listener *mgmt, *snoop;
	uint32_t versions;
	struct switch_desc desc;
	uint32_t queue_size;
	int64_t alone_since; // clock_msec(), 0: a controller is connected
	int bundle_idle_timeout; // milliseconds, 0: they wait for ever
	uint64_t generation_id;
	bool generation_seen;
	const struct peer *speaking; // whose message is being carried out, NULL: nobody's
	uint32_t speaking_xid;
};

// Answers are appended to 'out'; an error is sent instead of them.
typedef enum ofperr request_fn(struct peer *p, const struct msg *m, struct strbuf *out);
// tables.c
request_fn on_table_stats, on_table_features, on_table_mod, on_table_desc;
void peer_discard_features(struct peer *p);
// Packets that no rule matches go to controllers of OpenFlow 1.2 or older, as long as there is one and no table_mod says otherwise.
void control_default_miss(struct of_control *c);
// queues.c
request_fn on_queue_stats, on_queue_get_config, on_queue_desc;
// bundle.c
request_fn on_bundle_control, on_bundle_add;
void peer_discard_bundles(struct peer *p);
// A secondary may not change the switch.
enum ofperr peer_may_write(const struct peer *p);
// As flow_mod_decode(), but for what no controller may add or change: the switch's own table, and matches on what it keeps for itself.
enum ofperr flow_mod_decode_for_switch(const struct msg *m, struct flow_mod *fm);
// A port_mod in two steps: whether it can be done, and doing it; a port that has gone meanwhile is passed over.
enum ofperr port_mod_find(const struct peer *p, const struct port_mod *pm, struct of_port **ret);
void port_mod_apply(struct peer *p, const struct port_mod *pm);
void peer_message(void *aux, const struct msg *m);
// 'ctl' NULL: somebody came through a socket, the target's or with that NULL the switch's own.
struct peer *peer_create(struct of_control *c, struct stream *s, struct controller *ctl,
			 const struct controller_target *target);
void peer_destroy(struct peer *p);
void peer_close_snoopers(struct peer *p);
// forward.c: what is forwarded of a change, group or meter. It is encoded before the change is made, which takes the group.
struct forward {
	struct peer *from;
	uint32_t xid; // of its request
	const struct group_mod *group; // NULL: a meter's
	const struct meter_mod *meter;
	struct strbuf messages[OFP15 + 1]; // by version
};
void forward_prepare(struct forward *f);
void forward_send(struct forward *f);
void forward_uninit(struct forward *f);
// monitors.c
request_fn on_flow_monitor, on_flow_monitor_cancel;
void peer_init_monitors(struct peer *p);
void peer_remove_monitors(struct peer *p);
// What waited for the connection has been sent.
void peer_monitors_drained(struct peer *p);
// Ends the connection soon, not within the call.
void peer_give_up(struct peer *p, const char *why);
// packets.c: packets on their way to a controller, which a target limits.
void peer_init_packets(struct peer *p);
void peer_target_changed(struct peer *p);
void peer_uninit_packets(struct peer *p);
void tell_flow_removed(struct of_control *c, const struct rule *r, enum flow_removed_reason reason);
// async.c
request_fn on_get_async, on_set_async;
// Whether messages of a kind, for a reason as the peer's version numbers it, are sent to it: its role and what it asked for.
bool peer_wants(const struct peer *p, enum async_kind kind, unsigned int reason);
// OpenFlow up to 1.2 has one bit in the switch's configuration for packets whose TTL ran out.
bool peer_wants_invalid_ttl(const struct peer *p);
void peer_set_invalid_ttl(struct peer *p, bool on);
void describe_port(struct of_control *c, const struct of_port *p, struct port_desc *pd);
