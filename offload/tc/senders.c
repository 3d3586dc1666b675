// SPDX-License-Identifier: Apache-2.0
#include "offload/tc/senders.h"

#include <pthread.h>

#include "core/base/log.h"
#include "core/base/util.h"
#include "offload/backend.h"

LOG_MODULE(tc_senders);

enum { MIN_SHARE = 8 };

struct sender {
	struct senders *all;
	pthread_t thread;
	struct nl_sock *sock;
	struct nl_request **reqs; // its share
	size_t n; // 0: nothing to do
	bool stop;
};

struct senders {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct sender *helpers[OFFLOAD_MAX_THREADS - 1];
	unsigned int n_helpers;
	unsigned int asked; // last number that was wished for
	unsigned int busy;
};

struct senders *senders_create(void)
{
	struct senders *s = xzalloc(sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->done, NULL);
	s->asked = 1;
	return s;
}

static void *run(void *arg)
{
	struct sender *me = arg;
	struct senders *s = me->all;

	log_set_thread_name("tc_sender");
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!me->n && !me->stop)
			pthread_cond_wait(&s->work, &s->lock);
		if (me->stop)
			break;
		pthread_mutex_unlock(&s->lock);
		// When the socket fails, those without an answer have -EIO.
		(void)nl_transact_many(me->sock, me->reqs, me->n);
		pthread_mutex_lock(&s->lock);
		me->n = 0;
		if (!--s->busy)
			pthread_cond_signal(&s->done);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static bool add_one(struct senders *s, const char *device)
{
	struct sender *h = xzalloc(sizeof(*h));
	struct error err = ERROR_INIT;
	int error = nl_open(NETLINK_ROUTE, &h->sock, &err);

	h->all = s;
	if (!error) {
		error = -pthread_create(&h->thread, NULL, run, h);
		if (error) {
			error_set(&err, error, "thread: %s", strerror(-error));
			nl_close(h->sock);
		}
	}
	if (error) {
		log_warn("%s: %u threads insert rules, not more: %s", device, s->n_helpers + 1,
			 err.text);
		free(h);
		return false;
	}
	s->helpers[s->n_helpers++] = h;
	return true;
}

static void remove_one(struct senders *s)
{
	struct sender *h = s->helpers[--s->n_helpers];

	pthread_mutex_lock(&s->lock);
	h->stop = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(h->thread, NULL);
	nl_close(h->sock);
	free(h);
}

void senders_resize(struct senders *s, unsigned int n, const char *device)
{
	if (n == s->asked)
		return;
	s->asked = n;
	n = MAX(1u, MIN(n, (unsigned int)OFFLOAD_MAX_THREADS));
	while (s->n_helpers + 1 > n)
		remove_one(s);
	while (s->n_helpers + 1 < n && add_one(s, device))
		;
}

void senders_destroy(struct senders *s)
{
	while (s->n_helpers)
		remove_one(s);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void senders_transact(struct senders *s, struct nl_sock *own, struct nl_request *reqs[], size_t n)
{
	size_t parts = MAX((size_t)1, MIN((size_t)s->n_helpers + 1, n / MIN_SHARE)),
	       share = (n + parts - 1) / parts, at = share;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i + 1 < parts && at < n; i++, at += share) {
		s->helpers[i]->reqs = reqs + at;
		s->helpers[i]->n = MIN(share, n - at);
		s->busy++;
	}
	if (s->busy)
		pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	(void)nl_transact_many(own, reqs, MIN(share, n));
	pthread_mutex_lock(&s->lock);
	while (s->busy)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
}
