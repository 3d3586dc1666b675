// SPDX-License-Identifier: Apache-2.0
// NXT_CT_FLUSH: which tracked connections a controller wants forgotten.
#pragma once

#include "core/flow/ct-match.h"
#include "ofproto/openflow/msg.h"

// A property that is not known is refused (OFPBPC_BAD_TYPE): without it more connections would go than were meant.
enum ofperr ct_flush_decode(const struct msg *m, struct ct_match *ret);
// The message has one protocol for both directions: that of 'match->orig', or where it says none that of 'match->reply'.
void ct_flush_encode(const struct ct_match *match, uint8_t version, uint32_t xid,
		     struct strbuf *out);
