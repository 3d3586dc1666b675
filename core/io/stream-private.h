// SPDX-License-Identifier: Apache-2.0
// What a class of streams provides to stream.c.
#pragma once

#include <sys/socket.h>

#include "core/base/strbuf.h"
#include "core/io/resolve.h"
#include "core/io/stream.h"

enum stream_state { STREAM_RESOLVING, STREAM_CONNECTING, STREAM_OPEN, STREAM_DEAD };

struct stream {
	struct loop *loop;
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
	struct strbuf out;
	size_t out_sent; // bytes of 'out' that are gone
	int error;
	bool closing; // close once 'out' is empty
	bool eof_seen;
};

// "HOST", "HOST:PORT", "[V6]:PORT"; the host goes to 'host' without brackets. Port 0 is accepted only when 'passive'.
int stream_parse_address(const char *text, uint16_t default_port, char *host, size_t host_size,
			 uint16_t *ret_port, struct error *err);
// Sets DSCP on a socket; -1: leave it.
void stream_set_dscp(int fd, int family, int dscp);
// A connected socket as a stream; takes 'fd' over.
struct stream *stream_from_fd(struct loop *l, int fd, const char *name);
// Long Unix socket paths go through /proc/self/fd of their directory. 0, or negative errno.
int stream_unix_address(const char *path, struct sockaddr_storage *ret, socklen_t *ret_len,
			int *ret_dirfd);
