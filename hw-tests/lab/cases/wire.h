// SPDX-License-Identifier: Apache-2.0
// The ends of virtual cables in a lab guest: make them, send and receive whole frames.
#pragma once

#include "core/base/strbuf.h"

struct wire {
	char name[16], far[16]; // the switch's end, and ours
	int ifindex; // of the switch's end
	int fd; // packet socket on ours
};

// A pair "<name>" and "<name>p", both up, without addresses of any protocol. Ends the program on failure.
void wire_create(struct wire *w, const char *name);
// The same with two devices that are there, and connected.
void wire_open(struct wire *w, const char *name, const char *far_name);
// Frames that the switch's end has received.
uint64_t wire_received(const struct wire *w);
void wire_send(const struct wire *w, const void *frame, size_t n);
// Waits for the next frame that came out of the switch's end; tags are where they were on the wire. False when none came
// in 'msec'.
bool wire_receive(const struct wire *w, struct strbuf *ret_frame, int msec);
