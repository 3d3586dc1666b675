// SPDX-License-Identifier: Apache-2.0
// The specification: what software does to a frame by a list of datapath actions, to compare a kernel or a NIC with.
#pragma once

#include "core/flow/dp-action.h"

enum { MAX_FRAMES = 8 };

// Frames that came out, and where.
struct outcome {
	size_t n;
	struct {
		unsigned int port;
		struct strbuf frame;
	} frames[MAX_FRAMES];
};

void outcome_add(struct outcome *o, unsigned int port, const void *frame, size_t n);
void outcome_free(struct outcome *o);
// Runs 'list' on a frame that came in at port 1; 'after' is what follows recirc(). Fails the test for actions that it
// does not know.
void run_in_software(const struct strbuf *frame, struct dp_actions list, struct dp_actions after,
		     struct outcome *o);
// Fails the test unless the same frames came out at the same ports (in any order); 'what' is in its words.
void outcome_compare(const struct outcome *want, const struct outcome *have, const char *what);
