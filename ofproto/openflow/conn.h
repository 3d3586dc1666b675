// SPDX-License-Identifier: Apache-2.0
// An OpenFlow connection over a stream: framing and version negotiation. The switch and ovs-ofctl both use it.
//
// It owns the stream. Both sides send a hello when the stream is connected; messages reach the owner only after the
// versions have been agreed. Hello and echo requests are dealt with inside; everything else, echo replies included,
// is the owner's. Runs on the loop's thread and never blocks.
#pragma once

#include "core/io/stream.h"
#include "ofproto/openflow/msg.h"

struct of_conn;

// Called from the loop, never from within an of_conn_*() call. Any of them may close the connection.
struct of_conn_events {
	// Versions are agreed: of_conn_version() is valid, messages may be sent.
	void (*ready)(void *aux);
	// One whole message with a checked header. It stays valid until the call returns.
	void (*message)(void *aux, const struct msg *m);
	// Something that is no message we know: the peer has been sent the error already. May be NULL.
	void (*bad)(void *aux, enum ofperr error);
	// At most once: orderly end (0), or a negative errno; -EPROTO after failed negotiation or broken framing, with the
	// reason in 'reason'. The owner then calls of_conn_close().
	void (*closed)(void *aux, int err, const char *reason);
	void (*drained)(void *aux); // the send backlog is empty again; may be NULL
};

// Takes 'stream' (connected or connecting). 'versions' is a bitmap: bit V for wire version V (1 ... 6).
struct of_conn *of_conn_create(struct stream *stream, uint32_t versions,
			       const struct of_conn_events *events, void *aux);
// Accepts NULL. What is not sent yet is still sent when 'flush'.
void of_conn_close(struct of_conn *c, bool flush);
// The agreed version, 0 before.
uint8_t of_conn_version(const struct of_conn *c);
const char *of_conn_name(const struct of_conn *c);
// A fresh transaction id.
uint32_t of_conn_next_xid(struct of_conn *c);
// Queues whole messages (one or more, as the encode functions append them).
void of_conn_send(struct of_conn *c, const void *p, size_t n);
void of_conn_send_error(struct of_conn *c, enum ofperr e, const struct msg *request);
// Bytes given to send since the beginning; those that of_conn_backlog() counts have not left yet.
uint64_t of_conn_bytes(const struct of_conn *c);
size_t of_conn_backlog(const struct of_conn *c);
// Corked, what is sent only gathers; uncorking sends it. Where a backlog waits already nothing is gained by it, and nothing is to be corked.
void of_conn_cork(struct of_conn *c, bool corked);
// For one who looks on: every message is given to the owner as it is, of any version, and none is answered. Before the connection is ready.
void of_conn_only_listen(struct of_conn *c);
// On hold, nothing is read: what the peer sends waits on its side.
void of_conn_hold(struct of_conn *c, bool on);
// From now on nothing that the peer sends is looked at, and nothing is answered; its end is told.
void of_conn_stop_listening(struct of_conn *c);
// Calls 'copy' with each message that is received, and with what is sent (one or more whole messages); NULL: no longer. It must
// not close the connection.
void of_conn_copy_to(struct of_conn *c, void (*copy)(void *aux, const void *p, size_t n),
		     void *aux);
// For a side that answers: while more than 'n' bytes wait for the peer, its messages wait, too. A side that asks must not wait so: both
// would. 0, as it begins: no limit.
void of_conn_limit_backlog(struct of_conn *c, size_t n);
// When the last message came (msec of the loop's clock): for inactivity probes.
int64_t of_conn_last_received(const struct of_conn *c);

// "OpenFlow13,OpenFlow15" (commas or spaces; names as in the Bridge table's protocols column) as a bitmap.
int of_versions_parse(const char *text, uint32_t *ret_versions, struct error *err);
// "OpenFlow13" for 4; NULL when unknown.
const char *of_version_name(uint8_t version);
