// SPDX-License-Identifier: Apache-2.0
// A switch at the other end of an OpenFlow connection, which is taught what a learning switch, or a hub, does.
//
// What the switch has no rule for comes as a packet; the answer is a flow for packets like it, the packet itself sent on, or both.
// Everything runs on the loop's thread.
#pragma once

#include "core/base/vec.h"
#include "core/io/stream.h"
#include "ofproto/openflow/msg.h"

enum learning_mode {
	LEARNING_PORTS, // to the port where the station was last seen
	LEARNING_NORMAL, // the switch itself finds it
	LEARNING_HUB // to all ports
};

#define LEARNING_NO_QUEUE UINT32_MAX

struct learning_queue {
	char *port; // its name, which no other has
	uint32_t queue;
};

// The same for all switches; it must live as long as they do.
struct learning_config {
	enum learning_mode mode;
	bool no_flows; // every packet comes, for ever
	bool mute; // nothing that the switch sends is answered
	uint16_t max_idle; // seconds, 0: flows stay
	uint32_t wildcards; // in the bits of OpenFlow 1.0: what flows leave out
	uint32_t queue; // LEARNING_NO_QUEUE: none
	VEC(struct learning_queue) port_queues; // by the port that a packet comes from
	// To be sent when a switch connects, and the formats that can say all of them.
	VEC(struct flow_mod) flows;
	uint32_t formats;
};

struct learning_switch;

// Takes the stream. 'gone' is called, not from within this, when the connection has ended, and destroys the switch.
struct learning_switch *learning_switch_create(struct stream *stream, uint32_t versions,
					       const struct learning_config *config,
					       void (*gone)(struct learning_switch *sw, void *aux),
					       void *aux);
void learning_switch_destroy(struct learning_switch *sw);
