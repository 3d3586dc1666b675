// SPDX-License-Identifier: Apache-2.0
#include "core/base/rcu.h"

struct deferred {
	struct rcu_head head;
	void (*cb)(void *p);
	void *p;
};

const char rcu_grace;
static const char callbacks_done;
static __thread bool registered;

void rcu_thread_begin(void)
{
	if (!registered)
		rcu_register_thread();
	registered = true;
}

void rcu_thread_end(void)
{
	if (registered) {
		tsan_release(&rcu_grace);
		rcu_unregister_thread();
	}
	registered = false;
}

static void run(struct rcu_head *head)
{
	struct deferred *d = CONTAINER_OF(head, struct deferred, head);

	tsan_acquire(d);
	tsan_acquire(&rcu_grace);
	d->cb(d->p);
	free(d);
	tsan_release(&callbacks_done);
}

void rcu_defer(void (*cb)(void *p), void *p)
{
	struct deferred *d = xmalloc(sizeof(*d));

	d->cb = cb;
	d->p = p;
	tsan_release(d);
	call_rcu(&d->head, run);
}

void rcu_free(void *p)
{
	if (p)
		rcu_defer(free, p);
}

void rcu_synchronize(void)
{
	tsan_release(&rcu_grace);
	synchronize_rcu();
	tsan_acquire(&rcu_grace);
}

void rcu_drain(void)
{
	tsan_release(&rcu_grace);
	rcu_barrier();
	tsan_acquire(&callbacks_done);
}
