// SPDX-License-Identifier: Apache-2.0
#include "core/base/thread-memory.h"

#include <pthread.h>

#include "core/base/util.h"

struct owned {
	struct owned *next;
	void (*release)(void *p);
	void *p;
};

static __thread struct owned *last; // that this thread has got
static pthread_key_t key; // tells of its end
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release_all(void *first)
{
	for (struct owned *o = first, *next; o; o = next) {
		next = o->next;
		o->release(o->p);
		free(o);
	}
}

static void create_key(void)
{
	if (pthread_key_create(&key, release_all))
		abort();
}

void *thread_memory(size_t size, void (*release)(void *p))
{
	struct owned *o = xmalloc(sizeof(*o));

	pthread_once(&once, create_key);
	*o = (struct owned){ last, release, xzalloc(size) };
	last = o;
	pthread_setspecific(key, o);
	return o->p;
}
