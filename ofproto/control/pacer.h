// SPDX-License-Identifier: Apache-2.0
// Packets to one controller at no more than a rate, for one of the two reasons that are counted apart (no match; an action).
//
// Up to the rate they are sent at once. Above it they wait, for each port in its own queue, and ports take turns; when more
// than the burst wait, one of the longest queue is dropped. Main thread only.
#pragma once

#include "core/base/hmap.h"
#include "core/base/list.h"
#include "core/base/strbuf.h"
#include "core/io/loop.h"

struct pacer_stats {
	uint64_t bypassed, queued, dropped, backlog; // packets
};

struct pacer {
	void (*send)(void *aux, const void *msg, size_t n);
	void *aux;
	struct timer timer;
	uint32_t rate, burst; // packets per second, 0: no limit; packets
	int64_t credit, credited_at; // thousandths of a packet; clock_msec()
	struct hmap ports; // struct pacer_port, which have packets
	struct list turns; // the same, whose turn is next first
	struct pacer_stats stats;
};

// 'send' gets a message of those offered; it must not destroy the pacer.
void pacer_init(struct pacer *p, struct loop *l, void (*send)(void *aux, const void *msg, size_t n),
		void *aux);
// Drops what waits.
void pacer_uninit(struct pacer *p);
// 'burst' 0: a quarter of the rate. Packets that wait leave at the new rate, at once without one; the counters begin anew when a limit
// is set where none was.
void pacer_set(struct pacer *p, uint32_t rate, uint32_t burst);
// A message about a packet from 'port'; it is sent, kept or dropped. Takes the contents of 'msg', which is empty then.
void pacer_offer(struct pacer *p, uint32_t port, struct strbuf *msg);
