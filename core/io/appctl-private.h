// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/io/appctl.h"

// vlog/*, coverage/*, memory/show, time/*: what every daemon has.
void appctl_register_builtin(struct loop *l);
