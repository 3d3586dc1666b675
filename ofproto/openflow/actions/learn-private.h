// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/vec.h"
#include "ofproto/openflow/act-private.h"

typedef VEC(struct learn_spec) learn_spec_vec;

// Puts the specs behind the learn action at 'start'.
void learn_put_specs(struct strbuf *out, size_t start, const learn_spec_vec *specs);
// Whether the value has no more bits than what it is for.
bool learn_value_fits(const struct learn_spec *s);
