// SPDX-License-Identifier: Apache-2.0
// The packets of a megaflow as tables have seen them: which of their bits were known when they came to each, and with what values.
// A megaflow through many tables has a row of them, which is kept as what differs from one to the next.
#pragma once

#include "core/base/vec.h"
#include "core/flow/miniflow.h"

struct seen {
	struct flow_key key; // zero where nothing is known
	struct flow_mask mask;
};

// The row, packed.
typedef VEC(uint64_t) seen_row;

// What the pipeline itself has set, to zero, when a packet comes in. Adds these bits.
void seen_pipeline_state(struct flow_mask *known);
// Before the first table.
void seen_begin(struct seen *s);
// Appends the next of a row; 's' is the last one, and becomes this one: 'flow' as far as 'a' or 'b' know it. All three are, but for
// the words in 'touched', as they were then; NULL: any word may differ.
void seen_put(struct seen *s, const struct flow_key *flow, const struct flow_mask *a,
	      const struct flow_mask *b, const struct flowmap *touched, seen_row *row);
// Makes of 's' the next one, which is packed at 'p'; returns where the one behind it is.
const uint64_t *seen_take(struct seen *s, const uint64_t *p);
