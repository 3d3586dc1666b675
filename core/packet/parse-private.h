// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/packet/packet.h"

// Fills 'k' from eth_dst on (that part is zero on entry) and sets the packet's offsets. 'bare': there is no Ethernet header. At most
// 'max_tags' tags are read. 0, or -EINVAL.
int packet_parse_bytes(struct packet *p, bool bare, unsigned int max_tags, struct flow_key *k);
// Sets the members of 'k' that metadata gives; the tunnel only where there is one.
void packet_metadata_to_key(const struct packet_metadata *md, struct flow_key *k);
// And those of the connection's tuple, which are among the packet's own; where there is one.
void packet_ct_tuple_to_key(const struct packet_metadata *md, struct flow_key *k);
