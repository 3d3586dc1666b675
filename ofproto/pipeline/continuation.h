// SPDX-License-Identifier: Apache-2.0
// Continuations: what the pipeline needs to go on with a packet that it paused for a controller, as bytes that the controller keeps
// and gives back (NXT_RESUME). They hold all, so that nothing is kept here for controllers that never answer, and a packet can go on
// after a restart. Registers, metadata and the tunnel are in the message's metadata, where the controller may change them.
//
// The form is this switch's own: a version, the datapath id, and lists in the wire form of OpenFlow 1.5. It is read as carefully
// as any message, since it comes from outside.
#pragma once

#include "ofproto/pipeline/recirc.h"

void continuation_encode(const struct recirc_state *s, struct strbuf *out);
// The state in which 'key' goes on (xlate_input.resume): its registers, metadata and tunnel are those of the message. For
// recirc_destroy(). NXR_STALE: a continuation of another switch, or of another form.
enum ofperr continuation_decode(struct of_switch *sw, const uint8_t *p, size_t n,
				const struct flow_key *key, struct recirc_state **ret_state);
