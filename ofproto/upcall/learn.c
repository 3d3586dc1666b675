// SPDX-License-Identifier: Apache-2.0
// Rules that packets ask for reach the main thread, and those that a megaflow's traffic keeps alive are asked for again.
#include "ofproto/upcall/upcall-private.h"

static void learn_on_main(void *aux)
{
	struct upcall_engine *u = aux;

	atomic_store(&u->learn_posted, false);
	learn_apply();
}

void engine_learn_soon(struct upcall_engine *u)
{
	if (learn_is_waiting() && !atomic_exchange(&u->learn_posted, true))
		loop_post(u->loop, learn_on_main, u);
}

void engine_learn_if_due(struct upcall_engine *u, struct megaflow_deps *d)
{
	if (!d->learn_due)
		return;
	d->learn_due = false;
	xlate_learn_rules(&d->basis);
	engine_learn_soon(u);
}
