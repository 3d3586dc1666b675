// SPDX-License-Identifier: Apache-2.0
// Which messages a switch sends without being asked: a mask of reasons for each kind of message, one for a connection that is
// primary or equal and one for a secondary. Four messages carry them: Nicira's two and OpenFlow's two forms.
#pragma once

#include "ofproto/openflow/msg.h"

enum async_kind {
	ASYNC_PACKET_IN, // enum packet_in_reason
	ASYNC_PORT_STATUS, // enum port_reason
	ASYNC_FLOW_REMOVED, // enum flow_removed_reason
	ASYNC_ROLE_STATUS,
	ASYNC_TABLE_STATUS,
	ASYNC_REQUESTFORWARD,
	ASYNC_N
};

// Bit 1 << reason: such a message is sent.
struct async_masks {
	uint32_t primary[ASYNC_N], secondary[ASYNC_N];
};

// "PACKET_IN"; "no_match", NULL: there is no such reason.
const char *async_kind_name(enum async_kind kind);
const char *async_reason_name(enum async_kind kind, unsigned int reason);
// What a connection of this version is sent as long as it has not said what it wants.
void async_defaults(uint8_t version, struct async_masks *ret);
// GET_ASYNC_REPLY, SET_ASYNC, SET_ASYNC_CONFIG (NXT) or SET_ASYNC_CONFIG2 (NXT). Kinds that the message does not name keep the
// masks that 'a' has. An error leaves 'a' undefined. A request for a reason that there is not is refused where the form is a
// list of properties, and left out where it is not.
enum ofperr async_decode(const struct msg *m, struct async_masks *a);
// One of the same types that the version has.
void async_encode(enum msg_type type, const struct async_masks *a, uint8_t version, uint32_t xid,
		  struct strbuf *out);
