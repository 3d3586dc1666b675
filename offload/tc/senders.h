// SPDX-License-Identifier: Apache-2.0
// Several sockets to the kernel for one device, each with a thread of its own, so that its rules go in on several processors:
// the kernel takes filters of flower from different sockets at the same time.
//
// Belongs to the device's worker, which does a share itself and waits for the others.
#pragma once

#include "core/netlink/nl.h"

struct senders;

struct senders *senders_create(void);
void senders_destroy(struct senders *s);
// How many sockets from now on, the worker's included (1: it alone). Fewer when no more can be had, with a warning that names
// 'device'.
void senders_resize(struct senders *s, unsigned int n, const char *device);
// nl_transact_many() by all of them; 'own' is the worker's socket. Order is kept among requests of one share only.
void senders_transact(struct senders *s, struct nl_sock *own, struct nl_request *reqs[], size_t n);
