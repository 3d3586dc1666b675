// SPDX-License-Identifier: Apache-2.0
#include "ofproto/upcall/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/base/util.h"

LOG_MODULE(crew);

// Items that a member takes at once; with no more than that, waking others costs more than they do.
enum { SHARE = 8 };

struct member {
	struct crew *all;
	pthread_t thread;
	unsigned int index; // 0 is the thread that asks
	uint64_t seen; // lists that were given out before it took one
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct member *members[CREW_MAX]; // [0] is not used
	unsigned int n;
	unsigned int asked; // last number that was wished for
	unsigned int n_processors;

	uint64_t lists GUARDED_BY(lock); // that were given out
	bool is_open GUARDED_BY(lock); // the last one still is: who comes later finds nothing to do
	unsigned int busy GUARDED_BY(lock); // members that are at it
	int64_t longest GUARDED_BY(lock); // nsec of a processor: of the one who worked most
	int64_t sum GUARDED_BY(lock); // ... of all together
	unsigned int stop_at GUARDED_BY(lock); // members from here on end
	// The list at hand: read by those who are at it only, while it does not change.
	void (*run)(void *aux, size_t i, unsigned int member);
	void *aux;
	size_t n_items;
	_Atomic size_t next;
};

struct crew *crew_create(void)
{
	struct crew *c = xzalloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->done, NULL);
	c->n = c->asked = 1;
	c->n_processors = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
	c->stop_at = CREW_MAX;
	return c;
}

unsigned int crew_size(const struct crew *c)
{
	return c->n;
}

static void take_share(struct crew *c, unsigned int member)
{
	size_t i;

	while ((i = atomic_fetch_add(&c->next, SHARE)) < c->n_items)
		for (size_t end = MIN(i + SHARE, c->n_items); i < end; i++)
			c->run(c->aux, i, member);
}

// This and the next under the lock.
static void note_cost(struct crew *c, int64_t nsec)
{
	c->longest = MAX(c->longest, nsec);
	c->sum += nsec;
}

static void help(struct crew *c, unsigned int member)
{
	int64_t nsec;

	c->busy++;
	pthread_mutex_unlock(&c->lock);
	rcu_online();
	nsec = clock_thread_nsec();
	take_share(c, member);
	nsec = clock_thread_nsec() - nsec;
	rcu_offline();
	pthread_mutex_lock(&c->lock);
	note_cost(c, nsec);
	if (!--c->busy)
		pthread_cond_signal(&c->done);
}

static void *member_main(void *arg)
{
	struct member *me = arg;
	struct crew *c = me->all;
	char name[16];

	snprintf(name, sizeof(name), "revalidator%u", me->index % 100);
	log_set_thread_name(name);
	rcu_thread_begin();
	rcu_offline();
	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (c->lists == me->seen && me->index < c->stop_at)
			pthread_cond_wait(&c->work, &c->lock);
		if (me->index >= c->stop_at)
			break;
		me->seen = c->lists;
		if (c->is_open)
			help(c, me->index);
	}
	pthread_mutex_unlock(&c->lock);
	rcu_online();
	rcu_thread_end();
	return NULL;
}

static bool add_one(struct crew *c)
{
	struct member *m = xzalloc(sizeof(*m));
	int error;

	m->all = c;
	m->index = c->n;
	m->seen = c->lists;
	error = pthread_create(&m->thread, NULL, member_main, m);
	if (error) {
		log_warn("%u threads revalidate, not more: %s", c->n, strerror(error));
		free(m);
		return false;
	}
	c->members[c->n++] = m;
	return true;
}

static void remove_one(struct crew *c)
{
	struct member *m = c->members[--c->n];

	pthread_mutex_lock(&c->lock);
	c->stop_at = m->index;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	rcu_offline();
	pthread_join(m->thread, NULL);
	rcu_online();
	pthread_mutex_lock(&c->lock);
	c->stop_at = CREW_MAX;
	pthread_mutex_unlock(&c->lock);
	free(m);
}

void crew_resize(struct crew *c, unsigned int n)
{
	n = MAX(1u, MIN(n, (unsigned int)CREW_MAX));
	if (n == c->asked)
		return;
	c->asked = n;
	while (c->n > n)
		remove_one(c);
	while (c->n < n && add_one(c))
		;
}

void crew_destroy(struct crew *c)
{
	if (!c)
		return;
	crew_resize(c, 1);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int64_t crew_run(struct crew *c, size_t n, void (*work)(void *aux, size_t i, unsigned int member),
		 void *aux)
{
	int64_t mine, more;

	c->run = work;
	c->aux = aux;
	c->n_items = n;
	atomic_store(&c->next, 0);
	if (c->n == 1 || n <= SHARE) {
		take_share(c, 0);
		return 0;
	}
	pthread_mutex_lock(&c->lock);
	c->lists++;
	c->is_open = true;
	c->longest = c->sum = 0;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	mine = clock_thread_nsec();
	take_share(c, 0);
	mine = clock_thread_nsec() - mine;
	pthread_mutex_lock(&c->lock);
	c->is_open = false;
	while (c->busy)
		pthread_cond_wait(&c->done, &c->lock);
	note_cost(c, mine);
	more = MAX(c->longest, c->sum / c->n_processors) - mine;
	pthread_mutex_unlock(&c->lock);
	return more;
}
