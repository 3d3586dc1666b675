// SPDX-License-Identifier: Apache-2.0
// Byte streams by name: "tcp:HOST:PORT", "ssl:HOST:PORT" (the same inside TLS, with the settings of core/io/tls.h),
// "unix:PATH", and their passive forms "ptcp:[PORT][:IP]", "pssl:[PORT][:IP]", "punix:PATH". IPv6 addresses stand
// in brackets. Everything runs on the loop's thread and never blocks.
#pragma once

#include "core/base/error.h"
#include "core/io/loop.h"
#include "core/io/out-queue.h"

struct stream;
struct listener;

// Called from the loop, never from within a stream_*() call. 'closed' comes at most once; 'err' is 0 for an orderly
// end, else a negative errno; the owner then calls stream_close(). Any callback may close the stream.
struct stream_events {
	void (*connected)(void *aux); // active streams only; of ssl: after the handshake
	void (*readable)(void *aux); // call stream_recv() until it says -EAGAIN
	void (*drained)(void *aux); // the backlog is empty again; may be NULL
	void (*closed)(void *aux, int err);
};

// True when 'name' begins like an active stream (tcp:, unix:, ssl:), or a passive one.
bool stream_name_is_active(const char *name);
bool stream_name_is_passive(const char *name);
// Where "tcp:HOST[:PORT]" or "ssl:..." leads. False: the name is another kind, or wrong.
bool stream_name_remote(const char *name, uint16_t default_port, char *host, size_t host_size,
			uint16_t *ret_port);

// Begins to connect. 'default_port' is for names without one (6640 OVSDB, 6653 OpenFlow); 'dscp' 0..63 or -1.
// Bad names, and failures known at once, return negative errno and fill 'err'.
int stream_open(struct loop *l, const char *name, uint16_t default_port, int dscp,
		const struct stream_events *events, void *aux, struct stream **ret_stream,
		struct error *err);
// Blocking form for command-line tools: waits until connected, 'timeout_msec' at most (-1: no limit).
int stream_open_block(struct loop *l, const char *name, uint16_t default_port, int timeout_msec,
		      const struct stream_events *events, void *aux, struct stream **ret_stream,
		      struct error *err);
void stream_set_events(struct stream *s, const struct stream_events *events, void *aux);
// Accepts NULL. Bytes not sent yet are lost; to send them first use stream_close_after_flush().
void stream_close(struct stream *s);
// Detaches the owner (no more callbacks), sends the backlog, closes; gives up after 5 s.
void stream_close_after_flush(struct stream *s);
// Bytes read (> 0), 0 at the end of the stream (of TLS: the peer has said that it is the end; else -ECONNRESET), -EAGAIN, or another negative errno.
ssize_t stream_recv(struct stream *s, void *buf, size_t n);
// After stream_recv() has returned less than it was asked for: may it have more at once? What comes later is told by 'readable'.
bool stream_may_hold_more(const struct stream *s);
// Queues all of 'n' bytes and sends what the kernel takes; where bytes wait already, much at a time (64 KiB) tries, too, so that
// the peer of a long answer works while it is made. Errors come through 'closed'.
void stream_send(struct stream *s, const void *buf, size_t n);
// The same without a copy: the text must not change while somebody has a reference.
void stream_send_shared(struct stream *s, struct shared_text *text);
// Without reading, 'readable' does not come; what the peer sends waits on its side.
void stream_set_reading(struct stream *s, bool on);
// Corked, stream_send() only gathers; uncorking sends it all.
void stream_cork(struct stream *s, bool corked);
// clock_msec() when the peer last took bytes that had been waiting for it, 0: never.
int64_t stream_progress(const struct stream *s);
size_t stream_backlog(const struct stream *s);
struct loop *stream_loop(const struct stream *s);
bool stream_is_connected(const struct stream *s);
// "tcp:127.0.0.1:6640", "unix:/path" for active ones; for accepted ones the peer ("unix#3", "tcp:[::1]:4711").
const char *stream_name(const struct stream *s);
// The common name in the certificate of a TLS peer, as soon as the stream is connected. NULL where nothing is proved: other
// streams, peers that are not verified (--ca-cert=none), and certificates with no common name, or several.
const char *stream_peer_id(const struct stream *s);

// Listens. accept_cb gets each new stream without events: set them there or close it; TLS streams when the handshake is
// done. 'default_port' as above.
// For punix: the socket is created with mode 0770 & ~umask and removed on close.
int listener_open(struct loop *l, const char *name, uint16_t default_port, int dscp,
		  void (*accept_cb)(void *aux, struct stream *s), void *aux,
		  struct listener **ret_listener, struct error *err);
void listener_close(struct listener *ls);
const char *listener_name(const struct listener *ls);
// The port in use (host order), for ptcp:0; 0 for unix sockets.
uint16_t listener_port(const struct listener *ls);
