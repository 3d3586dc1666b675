// SPDX-License-Identifier: Apache-2.0
// What the printer and the parser of datapath actions share.
#pragma once

#include "core/flow/dp-action.h"
#include "core/flow/dp-text-private.h"
#include "core/flow/text-private.h"

extern const struct flag_name slow_path_names[];
// By enum sample_direction, with the comma.
extern const char *const sample_directions[];

// ct: with its name; what follows "ct(", up to and with ')', into an element that is all zeros.
void dp_ct_format(const struct dp_ct *ct, struct strbuf *out);
int dp_ct_parse(struct dp_cursor *c, struct dp_ct *ct);
// push_nsh: with its name; what follows "push_nsh(", up to and with ')'.
void dp_nsh_format(const uint8_t *header, size_t n, struct strbuf *out);
int dp_nsh_parse(struct dp_cursor *c, struct dp_action *a);
