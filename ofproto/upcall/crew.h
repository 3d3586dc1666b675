// SPDX-License-Identifier: Apache-2.0
// Threads that share the work of a list with the thread that asks for it: the revalidator's (n-revalidator-threads).
//
// The main thread owns the flows and waits while the others work, so that what they do to one flow needs no lock. They are RCU
// readers; between two lists they rest.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CREW_MAX 64

struct crew;

// Of one: the thread that asks.
struct crew *crew_create(void);
void crew_destroy(struct crew *c);
// So many with the one that asks, 1 to CREW_MAX; fewer when there can be no more threads, which is logged.
void crew_resize(struct crew *c, unsigned int n);
unsigned int crew_size(const struct crew *c);
// Runs work(aux, i, member) once for each i below 'n' and returns when all is done; who has not come by then is not waited for. No two
// calls have the same 'member', which is below CREW_MAX, at a time. Returns how much more time of a processor (nsec) the list took
// than the calling thread spent on it: the member's who had most to do or, where processors are fewer than members, each one's in turn.
int64_t crew_run(struct crew *c, size_t n, void (*work)(void *aux, size_t i, unsigned int member),
		 void *aux);
