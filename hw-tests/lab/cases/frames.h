// SPDX-License-Identifier: Apache-2.0
// Flows and frames for cases that compare a kernel or a NIC with software: frames come in at port 1.
#pragma once

#include "core/flow/match.h"
#include "core/flow/megaflow.h"
#include "hw-tests/lab/cases/wire.h"

// Beginnings of flows, as dpctl writes them.
#define ETH "packet_type(ns=0,id=0),eth(src=02:00:00:00:00:11,dst=02:00:00:00:00:22),"
#define IP4 ETH "eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,"
#define IP6 ETH "eth_type(0x86dd),ipv6(src=2001:db8::1,dst=2001:db8::2,"

enum { FRAMES_IN = 1 };

// A flow, of port 1 unless it says another. Fails the test when it cannot be read.
void flow_from_text(const char *text, struct match *m);
// 'actions' are dpctl's, too. The caller frees it.
struct megaflow *megaflow_of(const struct match *m, const char *actions);
// Appends a frame that has what the flow matches, and zeros (or values that make sense) elsewhere.
void frame_for(const struct match *m, struct strbuf *frame);
// Flips one bit of 'key' that the flow looks at, and that a frame can have otherwise without becoming another kind. False:
// this time there was none.
bool flow_flip(const struct match *m, struct flow_key *key);

// A frame of a type of its own, for which each case has a way to all its ports: when it is there, everything that was sent
// before it is, too.
#define MARKER_TYPE 0x88b5
void marker_send(const struct wire *w);
bool is_marker(const struct strbuf *frame);
