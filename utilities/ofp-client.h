// SPDX-License-Identifier: Apache-2.0
// A blocking OpenFlow client for command-line tools. Failures of the connection end the program with a message.
#pragma once

#include "ofproto/openflow/conn.h"

struct ofp_client;

// 'target': a bridge (its management socket), a socket's path, or a stream's name ("tcp:127.0.0.1:6653"). 'timeout' in
// seconds, 0: none; it holds for everything that is done with the client.
struct ofp_client *ofp_client_open(const char *target, uint32_t versions, unsigned int timeout);
// The same for one who looks on what the switch and a controller say to each other: a bridge means its snoop socket. Nothing may be
// sent, and what is received may be of any version, or no message that we know.
struct ofp_client *ofp_client_open_snoop(const char *target, uint32_t versions,
					 unsigned int timeout);
void ofp_client_close(struct ofp_client *c);
// The target, as it was given; and the name of the stream to the switch.
const char *ofp_client_target(const struct ofp_client *c);
const char *ofp_client_name(const struct ofp_client *c);
uint8_t ofp_client_version(const struct ofp_client *c);
uint32_t ofp_client_xid(struct ofp_client *c);
// Queues messages; the next receive sends them.
void ofp_client_send(struct ofp_client *c, const struct strbuf *messages);
// Waits for the next message; it is valid until the next call.
const struct msg *ofp_client_receive(struct ofp_client *c);
// What a program with other things to do besides runs: the client's loop for one step, after which there may be messages. The next one
// like that of ofp_client_receive(), NULL: none has come.
struct loop *ofp_client_loop(const struct ofp_client *c);
void ofp_client_wait(struct ofp_client *c);
const struct msg *ofp_client_next(struct ofp_client *c);
// On hold, nothing more is received.
void ofp_client_hold(struct ofp_client *c, bool on);
// Sends one request and waits for its answer. An error from the peer is printed and ends the program.
const struct msg *ofp_client_transact(struct ofp_client *c, const struct strbuf *request);
// The same for multipart requests: cb is called for every part of the reply.
void ofp_client_multipart(struct ofp_client *c, const struct strbuf *request,
			  void (*cb)(struct msg *part, void *aux), void *aux);
// Sends a request that has no answer but an error; false: it was refused. Nothing is printed.
bool ofp_client_try(struct ofp_client *c, const struct strbuf *request);
// Sends what is left and waits until the peer has carried it out; errors that came meanwhile are printed. False when
// there were some.
bool ofp_client_barrier(struct ofp_client *c);
