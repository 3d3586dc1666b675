// SPDX-License-Identifier: Apache-2.0
// What the printer and the parser of datapath actions share.
#pragma once

#include "core/flow/dp-action.h"
#include "core/flow/text-private.h"

extern const struct flag_name slow_path_names[];
