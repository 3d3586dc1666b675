// SPDX-License-Identifier: Apache-2.0
#include "core/base/rcu.h"

struct deferred {
	struct rcu_head head;
	void (*cb)(void *p);
	void *p;
};

static __thread bool registered;

void rcu_thread_begin(void)
{
	if (!registered)
		rcu_register_thread();
	registered = true;
}

void rcu_thread_end(void)
{
	if (registered)
		rcu_unregister_thread();
	registered = false;
}

static void run(struct rcu_head *head)
{
	struct deferred *d = CONTAINER_OF(head, struct deferred, head);

	d->cb(d->p);
	free(d);
}

void rcu_defer(void (*cb)(void *p), void *p)
{
	struct deferred *d = xmalloc(sizeof(*d));

	d->cb = cb;
	d->p = p;
	call_rcu(&d->head, run);
}

void rcu_free(void *p)
{
	if (p)
		rcu_defer(free, p);
}

void rcu_synchronize(void)
{
	synchronize_rcu();
}

void rcu_drain(void)
{
	rcu_barrier();
}
