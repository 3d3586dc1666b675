// SPDX-License-Identifier: Apache-2.0
// The run functions of actions.def: apply 'a' to the packet of 'j'. False when the packet goes no further in this rule;
// j->jump then says whether it goes on in group j->group. The header an action needs may be absent at run time (an
// earlier group changed the packet): the action then does nothing.
#pragma once

#include "hw-tests/simnic/simnic-private.h"

#define ACTION(type, text, size, needs, fate, check, run) \
	bool run(struct journey *j, const struct simnic_action *a);
#include "hw-tests/simnic/actions.def"
