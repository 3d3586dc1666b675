// SPDX-License-Identifier: Apache-2.0
// What the files that make random tables share.
#pragma once

#include "core/flow/dp-action.h"
#include "tests/unit/oracle/random-tables.h"
#include "tests/unit/pipeline/switches.h"

#define PICK(A) ((A)[random_u32() % ARRAY_SIZE(A)])

bool chance(unsigned int percent);
// Text of actions, a comma behind each.
void put_uncommon_action(struct strbuf *b);
void put_label_match(struct strbuf *b);
// encap and decap, which the software oracle has no packets for.
void put_encap_action(struct strbuf *b);
void put_packet_type_match(struct strbuf *b);
void add_label_rules(struct of_switch *sw);
void add_encap_rules(struct of_switch *sw);
// From the Ethernet type on.
void random_labels(struct flow_key *k);
void random_nsh(struct flow_key *k);
// Addresses, tags and type.
void random_ethernet(struct flow_key *k);
// From the network header on, of the packet's Ethernet type.
void random_network(struct flow_key *k);
