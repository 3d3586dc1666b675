// SPDX-License-Identifier: Apache-2.0
// Bundles on the wire: messages that a switch keeps until it is told to carry them all out.
#pragma once

#include "ofproto/openflow/msg.h"

enum bundle_type {
	BUNDLE_OPEN_REQUEST,
	BUNDLE_OPEN_REPLY,
	BUNDLE_CLOSE_REQUEST,
	BUNDLE_CLOSE_REPLY,
	BUNDLE_COMMIT_REQUEST,
	BUNDLE_COMMIT_REPLY,
	BUNDLE_DISCARD_REQUEST,
	BUNDLE_DISCARD_REPLY,
};

enum { BUNDLE_ATOMIC = 1 << 0, BUNDLE_ORDERED = 1 << 1 };

// OpenFlow 1.4 on; 1.3 has them as an extension. Before that there are none.
struct bundle_control {
	uint32_t id;
	uint16_t type, flags; // enum bundle_type, but the wire may have others
};

struct bundle_add {
	uint32_t id;
	uint16_t flags;
	struct msg msg; // refers to the bytes of the message around it
};

// Properties, of which none is known, are skipped.
enum ofperr bundle_control_decode(const struct msg *m, struct bundle_control *ret);
void bundle_control_encode(const struct bundle_control *c, uint8_t version, uint32_t xid,
			   struct strbuf *out);
// An error too where the message is none that a bundle may hold.
enum ofperr bundle_add_decode(const struct msg *m, struct bundle_add *ret);
// 'message' is whole, of the same version, and is given the xid of the message around it.
void bundle_add_encode(uint32_t id, uint16_t flags, const void *message, size_t n, uint8_t version,
		       uint32_t xid, struct strbuf *out);
