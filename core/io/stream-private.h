// SPDX-License-Identifier: Apache-2.0
// What a class of streams provides to stream.c.
#pragma once

#include <sys/socket.h>

#include "core/io/out-queue.h"
#include "core/io/resolve.h"
#include "core/io/stream.h"

enum stream_state {
	STREAM_RESOLVING,
	STREAM_CONNECTING,
	STREAM_HANDSHAKE,
	STREAM_OPEN,
	STREAM_DEAD
};

// How bytes go over a connected socket: as they are, or inside TLS. What is NULL is not needed.
struct stream_class {
	// Called when the socket is connected, and again when it is ready for 'read_on', until it is over: 0, or a negative
	// errno; -EAGAIN: not yet; -ERESTART: connect again and start anew (active streams only).
	int (*handshake)(struct stream *s);
	// As recv() and send() with -errno; -EAGAIN sets 'read_on' or 'write_on'.
	ssize_t (*recv)(struct stream *s, void *buf, size_t n);
	ssize_t (*send)(struct stream *s, const void *buf, size_t n);
	// Is there something for recv() that the socket knows nothing of?
	bool (*has_pending)(const struct stream *s);
	const char *(*peer_id)(const struct stream *s);
	// Before the socket is closed: the farewell, and all of the class's own goes.
	void (*close)(struct stream *s);
};

struct stream {
	struct loop *loop;
	const struct stream_class *class;
	struct tls *tls; // of TLS streams
	const struct stream_events *events; // NULL: nobody listens yet
	void *aux;
	char *name;
	enum stream_state state;
	struct io_watch watch;
	struct timer
		deferred; // delivers a failure from the loop, or ends a flush that takes too long
	struct resolve *resolve;
	uint16_t port;
	int dscp;
	struct sockaddr_storage address; // of active streams, to connect again
	socklen_t address_len;
	int read_on,
		write_on; // IO_READ or IO_WRITE: what the socket must be ready for to receive, and to send
	struct out_queue out;
	int error;
	bool closing; // close once 'out' is empty
	bool eof_seen;
	bool paused; // the owner wants no input
	bool corked; // what is sent gathers
	bool drained_due; // all that waited was sent outside the loop's round
	int64_t progress; // clock_msec() when the peer last made room for what waited
};

// "HOST", "HOST:PORT", "[V6]:PORT"; the host goes to 'host' without brackets. Port 0 is accepted only when 'passive'.
int stream_parse_address(const char *text, uint16_t default_port, char *host, size_t host_size,
			 uint16_t *ret_port, struct error *err);
// Sets DSCP on a socket; -1: leave it.
void stream_set_dscp(int fd, int family, int dscp);
// A connected socket as a stream; takes 'fd' over. With 'tls' it is connected (in the sense of stream_is_connected(), and of
// its events) when the handshake is done.
struct stream *stream_from_fd(struct loop *l, int fd, const char *name, bool tls);
// Makes a stream that is not open yet one inside TLS. 'host': the name it goes to, NULL for addresses and servers.
void stream_start_tls(struct stream *s, bool server, const char *host);
// The stream is over: 'closed' comes from the loop.
void stream_fail(struct stream *s, int err);
// Long Unix socket paths go through /proc/self/fd of their directory. 0, or negative errno.
int stream_unix_address(const char *path, struct sockaddr_storage *ret, socklen_t *ret_len,
			int *ret_dirfd);
