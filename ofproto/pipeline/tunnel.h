// SPDX-License-Identifier: Apache-2.0
// Which OpenFlow port a packet from a tunnel comes in at: all tunnels of one datapath, whatever the switch, found by the
// datapath's port and the outer header.
//
// A tunnel asks for some of the key, the remote's and the local address, or takes any. The one that asks for more is found
// first: first those with a key of their own, among them those with a remote address of their own, among these those with a
// local one, then those that do not mind the local address, then those that leave it to the flow. Each asks for packets with an
// Ethernet header or for packets without; those that take any (packet_type=ptap) come behind others that ask for as much.
//
// The main thread is the only writer; readers are under RCU.
#pragma once

#include "core/base/rcu.h"
#include "core/flow/key.h"
#include "ofproto/pipeline/tunnel-config.h"

struct of_switch;
struct tunnel_table;

struct tunnel_table *tunnel_table_create(void);
void tunnel_table_destroy(struct tunnel_table *t);

// -EEXIST: another tunnel on this datapath port asks for the same; 'err' names it.
int tunnel_table_check(const struct tunnel_table *t, dp_port_t dp_port,
		       const struct tunnel_config *c, const char *name, struct error *err);
// As above, and puts it in.
int tunnel_table_add(struct tunnel_table *t, dp_port_t dp_port, const struct tunnel_config *c,
		     struct of_switch *sw, of_port_t number, const char *name, struct error *err);
void tunnel_table_remove(struct tunnel_table *t, const struct of_switch *sw, of_port_t number);
// Grows with every change.
uint64_t tunnel_table_version(const struct tunnel_table *t);

// What finding a port took.
struct tunnel_lookup {
	const struct tunnel_table *table; // NULL: the port was not found by a header
	uint64_t version;
	struct flow_tunnel mask; // bits of the header that were looked at
};

// True when datapath port 'dp_port' belongs to tunnels.
bool tunnel_table_has_port(const struct tunnel_table *t, dp_port_t dp_port);
// 'bare': the packet in it has no Ethernet header. False: no tunnel asks for such packets.
bool tunnel_table_find(const struct tunnel_table *t, dp_port_t dp_port,
		       const struct flow_tunnel *header, bool bare, struct of_switch **ret_sw,
		       of_port_t *ret_number, struct tunnel_lookup *ret);
// Shows all of them, in the order of looking. Main thread.
void tunnel_table_for_each(const struct tunnel_table *t,
			   void (*cb)(const char *name, dp_port_t dp_port,
				      const struct tunnel_config *c, void *aux),
			   void *aux);
