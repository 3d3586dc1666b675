// SPDX-License-Identifier: Apache-2.0
// Random OpenFlow tables and packets from a seed, for the oracles.
#pragma once

#include "ofproto/pipeline/xlate.h"

#define RANDOM_N_PORTS 5 // OpenFlow ports 1..5 are datapath ports 1..5

struct of_switch *random_switch_create(void);
// As NORMAL sees them: about half become trunks that take everything.
void random_ports(struct of_switch *sw);
// Replaces all rules by 'n' random ones, and the ports' settings. 'rich': actions that hardware has no word for, too.
void random_switch_fill(struct of_switch *sw, unsigned int n, bool rich);
// A frame with values that the rules know, appended to 'out'; its key, as of_port_t in_port, goes to *ret_key.
void random_packet(struct strbuf *out, struct flow_key *ret_key);
// The seed: ORACLE_SEED, or a fixed one for round 0 and a fresh one for round 1; printed.
uint64_t oracle_seed(int round);

// What a datapath's action makes of the headers that a key shows. True: of the rest nothing is known.
bool header_action(const struct dp_action *a, struct flow_key *key);
// The same, and the rest is random.
void random_header_action(const struct dp_action *a, struct flow_key *key);
// Takes off the Ethernet header.
void random_bare(struct flow_key *key);

// Tunnels, on OpenFlow ports behind the others; packets of theirs come in at these datapath ports.
#define RANDOM_N_TUNNELS 5
enum { RANDOM_VXLAN = 20, RANDOM_GENEVE };
// Adds them to the switch, with options as fields.
struct tunnel_table *random_tunnels_create(struct of_switch *sw);
// Puts the packet of 'key' into one of them: an outer header and the datapath's port.
void random_tunnel_header(struct flow_key *key);
// Gives the key what a packet has that comes back from connection tracking.
void random_connection(struct flow_key *k);
