// SPDX-License-Identifier: Apache-2.0
// A tunnel as the Interface table's options describe it, and its text. Addresses are in IPv6 form, IPv4 ones mapped
// (::ffff:1.2.3.4); all zeros: none.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/base/strmap.h"
#include "core/types.h"

enum tunnel_type {
	TUNNEL_NONE, // the port is no tunnel
#define TUNNEL(ID, NAME, DEVICE, PORT, V6, CARRIES) TUNNEL_##ID,
#include "ofproto/pipeline/tunnel-types.def"
#undef TUNNEL
	TUNNEL_TYPE_MAX
};

// options:packet_type: what packets go through, and how the pipeline sees those without an Ethernet header.
enum tunnel_packets {
	TUNNEL_LEGACY_L2, // there are none
	TUNNEL_LEGACY_L3, // there are only such; the pipeline gives them a header without addresses
	TUNNEL_PTAP // there are both, and each is what it is
};

// Compared as bytes: made by tunnel_config_parse(), padding and all.
struct tunnel_config {
	uint8_t type; // enum tunnel_type
	bool remote_flow, local_flow, in_key_flow, out_key_flow;
	bool has_out_key; // packets leave with one (it may be 0 where it is of the flow)
	bool tos_inherit, ttl_inherit, dont_fragment, csum, gbp, gpe, set_mark;
	uint8_t packets; // enum tunnel_packets
	// The datapath's device carries Ethernet frames alone, whatever the kind can: no option, who asked the datapath sets it.
	bool ethernet_only;
	// Of ERSPAN: whether a number is the flow's. Version 0: not said.
	bool erspan_ver_flow, erspan_idx_flow, erspan_dir_flow, erspan_hwid_flow;
	uint8_t erspan_ver, erspan_dir, erspan_hwid;
	uint8_t tos, ttl;
	uint16_t dst_port; // UDP, 0: the kind has none
	uint16_t payload; // bareudp: Ethernet type of what it carries
	uint32_t erspan_idx, mark;
	uint64_t in_key, out_key;
	struct ipv6_addr remote, local;
};

// TUNNEL_NONE when the type is no tunnel.
enum tunnel_type tunnel_type_of(const char *name);
const char *tunnel_type_name(enum tunnel_type t);
const char *tunnel_packets_name(enum tunnel_packets p);
static inline bool tunnel_is_erspan(enum tunnel_type t)
{
	return t == TUNNEL_ERSPAN || t == TUNNEL_IP6ERSPAN;
}
// The device that the tunnel shares with its like: "vxlan_sys_4789".
void tunnel_device_name(const struct tunnel_config *c, char *ret, size_t size);

// Reads the options of Interface 'name'. -EINVAL: 'err' says what users of Open vSwitch read. What is odd, but not so bad, is
// appended to 'warnings', a line each.
int tunnel_config_parse(const char *name, enum tunnel_type type, const struct smap *options,
			struct tunnel_config *ret, struct strbuf *warnings, struct error *err);
// What tells tunnels of one datapath apart: "::->1.1.1.1, key=0x5, legacy_l2, dp port=4789".
void tunnel_config_format_id(const struct tunnel_config *c, dp_port_t dp_port, struct strbuf *out);
// A line of ofproto/list-tunnels, without its end.
void tunnel_config_format(const struct tunnel_config *c, const char *name, dp_port_t dp_port,
			  struct strbuf *out);
