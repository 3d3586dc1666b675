// SPDX-License-Identifier: Apache-2.0
// Flow keys and masks between our form and the attributes of the kernel's openvswitch module.
#pragma once

#include "core/flow/key.h"
#include "core/netlink/nl.h"

// Appends the attributes of 'key' (what goes into OVS_FLOW_ATTR_KEY). Members that the kernel does not have are left out.
// 'mask': that of the flow that the key is for; NULL: the key is a packet's.
void kernel_put_key(struct strbuf *b, const struct flow_key *key, const struct flow_mask *mask);
// Appends those of the mask (OVS_FLOW_ATTR_MASK) for a flow with this key.
void kernel_put_mask(struct strbuf *b, const struct flow_key *key, const struct flow_mask *mask);
// The first bits of the mask that the kernel cannot look at, as a field's name; NULL: it can look at all of them.
const char *kernel_mask_unsupported(const struct flow_key *key, const struct flow_mask *mask);

// Reads OVS_FLOW_ATTR_KEY or OVS_PACKET_ATTR_KEY. -EPROTO and 'err' when it is malformed. Attributes that are not known
// are left out.
int kernel_get_key(const struct nlattr *nest, struct flow_key *ret, struct error *err);
// Reads OVS_FLOW_ATTR_MASK of a flow with this key; NULL: exact.
int kernel_get_mask(const struct nlattr *nest, const struct flow_key *key, struct flow_mask *ret,
		    struct error *err);

// ---- The outer header ----

struct kernel_tunnel {
	const struct flow_tunnel *key; // of the packets
	const struct flow_tunnel *values; // to be written: the key's, or a mask's
	bool is_mask;
	bool looks_at_options; // a key whose mask does: that there are none is said, too
};

// Appends OVS_KEY_ATTR_TUNNEL; nothing when the packets have no outer header, or the mask does not look at it.
void kernel_put_tunnel(struct strbuf *b, const struct kernel_tunnel *k);
// Reads one. 'key' NULL: a key or action; else the mask of packets with that header.
int kernel_get_tunnel(const struct nlattr *nest, const struct flow_tunnel *key,
		      struct flow_tunnel *ret, struct error *err);

// Between our 128-bit number and the kernel's, whose first byte has the lowest bits.
void kernel_turn_label(const uint8_t from[16], uint8_t to[16]);
