// SPDX-License-Identifier: Apache-2.0
// For compile steps: they take what they have matched off a copy of the mask; what is left cannot be expressed.
#pragma once

#include "offload/verdict.h"

// True when nothing is left; else 'v' names the field that owns what is.
bool leftover_refuse(const struct flow_mask *left, const struct flow_key *key, struct verdict *v);
