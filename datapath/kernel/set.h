// SPDX-License-Identifier: Apache-2.0
// Sets of fields and the headers that the kernel sets: one attribute has the values and masks of a whole header.
#pragma once

#include "core/flow/dp-action.h"
#include "core/netlink/nl.h"

// Consecutive sets that are not written yet.
struct set_batch {
	struct flow_key value;
	struct flow_mask mask;
	bool any;
};

// -ENOTSUP: the flow does not say that its packets have the field.
int set_batch_add(struct set_batch *s, const struct dp_action *a, const struct flow_key *key,
		  struct error *err);
// Writes one OVS_ACTION_ATTR_SET_MASKED a header; empties the batch. -ENOTSUP names a field that the kernel cannot set.
int set_batch_flush(struct set_batch *s, const struct flow_key *key, struct strbuf *b,
		    struct error *err);
// Appends the sets in one SET or SET_MASKED attribute to 'out'.
int set_from_kernel(const struct nlattr *nest, bool masked, struct strbuf *out, struct error *err);
