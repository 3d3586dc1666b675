// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ofproto/openflow/act.h"

// The next run of at most 64 consecutive bits that the action sets; 'sf' is the previous one, zeroed at first. False
// when there are no more.
bool set_field_next_run(const struct act *a, struct subfield *sf, uint64_t *ret_value);
