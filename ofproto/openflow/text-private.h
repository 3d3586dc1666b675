// SPDX-License-Identifier: Apache-2.0
// Lines of words, as flows and packets are written: "key,key=value ...,actions=...".
#pragma once

#include "core/base/error.h"

// Cuts the next "key" or "key=value" off '*s'; a value may have commas in parentheses. False at the end.
bool text_next_word(char **s, char **ret_key, char **ret_value);
// A key that means nothing here: -EINVAL.
int text_unknown_word(const char *key, const char *value, struct error *err);
// The actions stand behind the first "actions=" or "action=" that begins a word: cuts them off. NULL: there are none.
char *text_find_actions(char *line);
