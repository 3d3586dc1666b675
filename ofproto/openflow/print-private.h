// SPDX-License-Identifier: Apache-2.0
// Printers of message bodies. They write behind "NAME (xid=0x..):" and return an error when the body cannot be read.
#pragma once

#include "ofproto/openflow/wire-private.h"

struct print {
	const struct port_names *ports;
	int verbosity;
	struct strbuf *out;
};

// Names of standard actions by their bits in this version, with a blank between.
void print_action_bits(uint32_t bitmap, uint8_t version, struct strbuf *out);

typedef enum ofperr print_fn(struct print *p, struct msg *m);
// By enum packet_in_reason; by the two bits of the configuration.
extern const char *const packet_in_reasons[], *const fragment_names[];
// By enum table_miss.
extern const char *const table_miss_names[];
// By enum flow_removed_reason.
extern const char *const flow_removed_reasons[];

print_fn print_table_mod, print_table_descs, print_table_status, print_table_features;
print_fn print_async, print_requestforward, print_ct_flush, print_ipfix_bridge, print_ipfix_flow;
print_fn print_bundle_control, print_bundle_add;
print_fn print_features, print_config, print_desc, print_tables;
print_fn print_packet_in, print_packet_out;
print_fn print_flow_mod, print_flow_removed, print_flow_request, print_flow_reply, print_aggregate;
print_fn print_flow_monitor_request, print_flow_monitor_reply, print_flow_monitor_cancel;
print_fn print_group_mod, print_group_request, print_group_descs, print_group_stats,
	print_group_features;
print_fn print_meter_mod, print_meter_request, print_meter_config, print_meter_stats,
	print_meter_features;
print_fn print_port_status, print_port_mod, print_port_request, print_port_stats, print_port_descs;
print_fn print_queue_request, print_queue_stats, print_queue_descs;
print_fn print_tlv_mod, print_tlv_reply;
