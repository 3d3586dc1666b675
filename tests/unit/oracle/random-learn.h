// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ofproto/pipeline/xlate.h"

// Appends a learn or fin_timeout action, and a comma. Learned rules are in tables 1..3.
void random_learn_action(struct strbuf *out);
// Adds rules that learn from TCP packets in tables 0..2.
void random_learn_fill(struct of_switch *sw);
// Both ask for the same rules.
bool same_learned(const struct xlate_basis *a, const struct xlate_basis *b);
