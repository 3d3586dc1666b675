// SPDX-License-Identifier: Apache-2.0
// OpenFlow connections of one switch: the management socket, controllers it connects to, sockets it listens on; and what
// the switch answers. Main thread only.
#pragma once

#include "ofproto/control/pacer.h"
#include "ofproto/openflow/conn.h"
#include "ofproto/openflow/ct-flush.h"
#include "ofproto/openflow/ipfix.h"
#include "ofproto/pipeline/switch.h"
#include "ofproto/upcall/upcall.h"

struct of_control;

// What connections need of the world around the switch.
struct control_ops {
	// Counters of a port of the datapath; false when unknown.
	bool (*port_stats)(void *aux, const struct of_port *p, struct port_stats *ret);
	// Speeds and addresses for port descriptions.
	void (*port_desc)(void *aux, const struct of_port *p, struct port_desc *ret);
	// port_mod: administrative state.
	int (*port_admin)(void *aux, const struct of_port *p, bool up);
	// Runs 'cb' for every queue of a port, in the order of numbers.
	void (*port_queues)(void *aux, const struct of_port *p,
			    void (*cb)(const struct queue_stats *s, void *aux), void *cb_aux);
	// A primary controller is there: before anything that it says is carried out. May be NULL.
	void (*connected)(void *aux);
	// Forgets tracked connections of the datapath.
	int (*ct_flush)(void *aux, const struct ct_match *match);
	// Of the exporter that samples the whole bridge; false: there is none.
	bool (*ipfix_bridge)(void *aux, struct ipfix_stats *ret);
	// Runs 'cb' for every set of collectors that samples of flows go to, in the order of ids. False: there are none.
	bool (*ipfix_sets)(void *aux, void (*cb)(const struct ipfix_stats *s, void *aux),
			   void *cb_aux);
};

// Why a controller gets a packet, as rates are limited.
enum packet_cause { PACKET_OF_MISS, PACKET_OF_ACTION, N_PACERS };

struct controller_target {
	char target[256]; // "tcp:HOST:PORT", "unix:PATH", "ptcp:PORT:IP", "punix:PATH"
	int max_backoff, inactivity_probe; // milliseconds
	bool service; // asks for packets before it gets any
	bool quiet; // no asynchronous messages before it asks for some
	uint32_t rate, burst; // of packets: per second, 0: no limit; 0: a quarter of the rate
	uint32_t queue_size; // packets that may wait for it, 0: the switch's
};

struct controller_status {
	bool connected, is_primary_role, is_secondary_role;
	const char *state; // "ACTIVE", "BACKOFF"...; NULL of who is listened for
	int64_t sec_connected, sec_disconnected; // since it was so last; -1: never
	const char *last_error; // NULL: none
	const struct pacer_stats *pacing[N_PACERS]; // NULL: no limit is set; by enum packet_cause
};

struct of_control *control_create(struct loop *l, struct of_switch *sw, struct upcall_engine *u,
				  const struct control_ops *ops, void *aux);
void control_destroy(struct of_control *c);
// The controllers wanted; those already there stay connected. 'versions' is a bitmap of wire versions for all of them.
void control_set_targets(struct of_control *c, const struct controller_target *t, size_t n,
			 uint32_t versions);
// RUNDIR/NAME.mgmt.
int control_open_mgmt(struct of_control *c, struct error *err);
// RUNDIR/NAME.snoop.
int control_open_snoop(struct of_control *c, struct error *err);
// How long a bundle may wait for its next message.
void control_set_bundle_idle_timeout(struct of_control *c, int seconds);
// Packets that may wait for a connection that says nothing else, 1 to 512.
void control_set_queue_size(struct of_control *c, uint32_t n);
void control_set_desc(struct of_control *c, const struct switch_desc *d);
bool control_get_status(struct of_control *c, const char *target, struct controller_status *ret);
// Milliseconds since the last time any controller was connected, 0 while one is, INT64_MAX when none is wanted.
int64_t control_alone_for(const struct of_control *c);
// The longest of the controllers that are wanted, in milliseconds; 5000 where there is none.
int64_t control_probe_interval(const struct of_control *c);
void control_reconnect(struct of_control *c);
// Ends every connection; those to controllers begin anew.
void control_disconnect(struct of_control *c);

// From the upcall engine and the switch.
void control_packet_in(struct of_control *c, const struct packet_in_event *e);
// As the switch's events; 'settled' behind all those of a transaction.
void control_rule_added(struct of_control *c, const struct rule *r, const struct rule *old);
void control_rule_modified(struct of_control *c, const struct rule *r, struct acts before);
void control_rule_removed(struct of_control *c, const struct rule *r,
			  enum flow_removed_reason reason);
void control_rules_settled(struct of_control *c);
void control_table_status(struct of_control *c, uint8_t table, enum table_status_reason reason);
void control_port_status(struct of_control *c, const struct of_port *p, enum port_reason reason);
