// SPDX-License-Identifier: Apache-2.0
// The datapath actions that put headers on packets and take them off.
#pragma once

#include "core/flow/dp-action.h"
#include "core/packet/packet.h"

// 'a' is one of push and pop of vlan, mpls, eth and nsh, and add_mpls. '*packet_type' as for packet_push_eth() and its like. False: it
// cannot be done with this packet.
bool packet_header_action(struct packet *p, const struct dp_action *a, be32 *packet_type);
