// SPDX-License-Identifier: Apache-2.0
// Host names to addresses without blocking, through c-ares on the event loop.
#pragma once

#include <sys/socket.h>

#include "core/io/loop.h"

struct resolve;

// Calls cb(aux, err, addresses, n) once from the loop: err 0 and n > 0 addresses (port 0), or a negative errno with 'text'.
typedef void resolve_cb(void *aux, int err, const char *text,
			const struct sockaddr_storage *addresses, size_t n);
struct resolve *resolve_start(struct loop *l, const char *host, resolve_cb *cb, void *aux);
// Before the callback came; afterwards the request is gone by itself.
void resolve_cancel(struct resolve *r);
// Numeric "1.2.3.4" or "::1" (no brackets). False for anything else.
bool resolve_numeric(const char *host, uint16_t port, struct sockaddr_storage *ret,
		     socklen_t *ret_len);
