// SPDX-License-Identifier: Apache-2.0
// Which of Geneve's options are tun_metadata0 to tun_metadata63 of a switch.
//
// In the datapath's keys options stand as on the wire; in the pipeline's each mapped one is a field of up to four bytes, and
// the others are not there: a packet's options that are not mapped are ignored, and not sent on.
#pragma once

#include "core/flow/key.h"
#include "ofproto/openflow/msg.h"

enum { TLV_MAX_OPTION = 4 };

// Immutable; a switch replaces its map whole (RCU). NULL: an empty one.
struct tlv_map {
	struct tlv_mapping field[TLV_FIELDS]; // length 0: not mapped
};

// Options to fields, at the pipeline's entry.
void tlv_to_pipeline(const struct tlv_map *map, struct flow_tunnel *t);
// Fields to options, as they are sent: in the order of fields.
void tlv_to_datapath(const struct tlv_map *map, struct flow_tunnel *t);
// The mask of a megaflow for packets whose header is 'header' in the datapath's form.
void tlv_mask_to_datapath(const struct tlv_map *map, const struct flow_tunnel *header,
			  struct flow_tunnel *mask);
// Applies a change; NULL and the error where it cannot be.
enum ofperr tlv_map_apply(const struct tlv_map *map, const struct tlv_table_mod *mod,
			  struct tlv_map **ret);
