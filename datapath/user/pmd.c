// SPDX-License-Identifier: Apache-2.0
// PMD threads: poll the queues they were given, and rest when nothing comes.
#include <poll.h>
#include <sys/prctl.h>

#include <rte_cycles.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "datapath/user/eal.h"
#include "datapath/user/worker.h"

LOG_MODULE(dpif_netdev);

#define DEFAULT_SLEEP_USEC 500
#define MAX_WAKE_FDS 64
// Subtables are ranked, and resting threads look at the clock, about so often.
#define HOUSEKEEPING_MSEC 1000

static void poll_queue(struct worker *w, struct rxq *q, unsigned int *total)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t begin = rte_rdtsc(), spent;
	uint16_t n = q->port->class->rx(q->port, q->queue, pkts, BURST);

	if (!n)
		return;
	worker_receive(w, q->port, pkts, n);
	*total += n;
	spent = rte_rdtsc() - begin;
	__atomic_store_n(&q->usage.cycles, q->usage.cycles + spent, __ATOMIC_RELAXED);
}

// Asking a queue whose port has a descriptor costs a system call. While other queues keep the thread busy, one that was found
// empty is asked more and more rarely, at last once in MAX_SKIP rounds of some microseconds each.
#define MAX_SKIP 31

static void poll_costly_queue(struct worker *w, struct rxq *q, bool busy, unsigned int *total)
{
	unsigned int before = *total;

	if (busy && q->skip_rounds) {
		q->skip_rounds--;
		return;
	}
	poll_queue(w, q, total);
	q->empty_rounds = *total > before ? 0 : MIN(q->empty_rounds * 2 + 1, MAX_SKIP);
	q->skip_rounds = q->empty_rounds;
}

static unsigned int poll_all(struct worker *w, bool busy)
{
	const struct poll_list *l = RCU_GET(w->polls);
	uint64_t begin = rte_rdtsc(), spent;
	unsigned int n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->port->class->rx_fd)
			poll_costly_queue(w, l->v[i], busy, &n);
		else
			poll_queue(w, l->v[i], &n);
	spent = rte_rdtsc() - begin;
	WORKER_ADD(w, iterations, 1);
	if (n) {
		WORKER_ADD(w, busy_iterations, 1);
		WORKER_ADD(w, busy_cycles, spent);
	} else {
		WORKER_ADD(w, idle_cycles, spent);
	}
	__atomic_store_n(&w->usage.cycles, w->usage.cycles + spent, __ATOMIC_RELAXED);
	return n;
}

// ---- Resting ----

// Descriptors of ports that can wake the thread. The ports stay until the thread's next quiescent state only, so the
// descriptors are looked up anew for each rest; one closed meanwhile does no harm.
static nfds_t wake_fds(struct worker *w, struct pollfd fds[])
{
	const struct poll_list *l = RCU_GET(w->polls);
	nfds_t n = 0;

	for (size_t i = 0; i < l->n && n < MAX_WAKE_FDS; i++) {
		const struct rxq *q = l->v[i];
		int fd = q->port->class->rx_fd ? q->port->class->rx_fd(q->port, q->queue) : -1;

		if (fd >= 0)
			fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	return n;
}

static bool has_error(const struct pollfd fds[], nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL))
			return true;
	return false;
}

static void rest(struct worker *w, uint64_t usec)
{
	struct timespec t = { .tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000 };
	struct pollfd fds[MAX_WAKE_FDS];
	nfds_t n = wake_fds(w, fds);
	int64_t begin = clock_real_nsec();

	rcu_offline();
	// A descriptor in error would end every rest at once.
	if (ppoll(fds, n, &t, NULL) > 0 && has_error(fds, n))
		ppoll(NULL, 0, &t, NULL);
	rcu_online();
	WORKER_ADD(w, sleeps, 1);
	WORKER_ADD(w, sleep_nsec, clock_real_nsec() - begin);
}

// Each idle round rests a microsecond longer than the one before, a round with packets begins anew.
static uint64_t next_rest(const struct worker *w, uint64_t usec, unsigned int received)
{
	uint64_t max = __atomic_load_n(&w->sleep_max_usec, __ATOMIC_RELAXED);

	return received ? 0 : MIN(usec + 1, max);
}

static void *pmd_main(void *w_)
{
	struct worker *w = w_;
	char name[16];
	unsigned int n = 0;
	uint64_t usec = 0;
	int64_t now, next_rank = 0;

	snprintf(name, sizeof(name), "pmd-c%02d/id:%u", w->core, w->index);
	pthread_setname_np(pthread_self(), name);
	log_set_thread_name(name);
	prctl(PR_SET_TIMERSLACK, 1UL);
	rcu_thread_begin();
	eal_thread_begin(w->core);
	log_info("PMD thread on core %d started", w->core);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		n = poll_all(w, n != 0);
		rcu_quiesce();
		usec = next_rest(w, usec, n);
		if (usec)
			rest(w, usec);
		// A burst has just asked for the time.
		now = n ? w->now : clock_msec();
		if (now >= next_rank) {
			flow_table_rank(w->dp->flows);
			next_rank = now + HOUSEKEEPING_MSEC;
		}
	}
	eal_thread_end();
	rcu_thread_end();
	return NULL;
}

void pmd_start(struct worker *w)
{
	int ret = pthread_create(&w->thread, NULL, pmd_main, w);

	if (ret)
		fatal(ret, "a PMD thread cannot be started");
	w->started = true;
}

void pmd_stop(struct worker *w)
{
	if (!w->started)
		return;
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	// The thread may be waiting for a grace period.
	rcu_offline();
	pthread_join(w->thread, NULL);
	rcu_online();
	w->started = false;
}

// ---- Assignment ----

static uint64_t sleep_max_of(const struct user_datapath *dp, const struct poll_list *l)
{
	if (dp->sleep_is_set)
		return dp->sleep_max_usec;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->port->busy)
			return 0;
	return DEFAULT_SLEEP_USEC;
}

static void give(struct worker *w, struct poll_list *l)
{
	struct poll_list *old = w->polls;

	__atomic_store_n(&w->sleep_max_usec, sleep_max_of(w->dp, l), __ATOMIC_RELAXED);
	RCU_SET(w->polls, l);
	rcu_free(old);
}

typedef VEC(struct rxq *) rxq_vec;

static bool has_queue(const rxq_vec *v, const struct rxq *q)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i] == q)
			return true;
	return false;
}

static struct poll_list *list_create(size_t room)
{
	struct poll_list *l = xmalloc(sizeof(*l) + room * sizeof(l->v[0]));

	l->n = 0;
	return l;
}

// Leaves a thread the queues that are in 'next' too. True when it had others.
static bool take_away(struct worker *w, const rxq_vec *next)
{
	struct poll_list *l = list_create(w->polls->n);

	for (size_t i = 0; i < w->polls->n; i++)
		if (has_queue(next, w->polls->v[i]))
			l->v[l->n++] = w->polls->v[i];
	if (l->n == w->polls->n) {
		free(l);
		return false;
	}
	give(w, l);
	return true;
}

void pmd_assign_queues(struct user_datapath *dp)
{
	size_t n_pmds = dp->n_workers - 1, next = 0;
	rxq_vec *lists = xcalloc(dp->n_workers, sizeof(*lists));
	bool moves = false;

	for (unsigned int i = 0; i < MAX_PORTS && n_pmds; i++) {
		struct port *p = dp->ports[i];

		for (uint16_t q = 0; p && !p->held && !p->class->main_thread && q < p->n_rxq;
		     q++, next++)
			VEC_PUSH(&lists[1 + next % n_pmds], &p->rxqs[q]);
	}
	// A queue has one reader: who had it lets go before another gets it.
	for (size_t i = 1; i < dp->n_workers; i++)
		moves |= take_away(dp->workers[i], &lists[i]);
	if (moves)
		rcu_synchronize();
	for (size_t i = 1; i < dp->n_workers; i++) {
		struct poll_list *l = list_create(lists[i].n);

		for (; l->n < lists[i].n; l->n++)
			l->v[l->n] = lists[i].v[l->n];
		give(dp->workers[i], l);
		VEC_FREE(&lists[i]);
	}
	free(lists);
	rcu_synchronize();
}

static void turn(struct usage *u)
{
	uint64_t now = __atomic_load_n(&u->cycles, __ATOMIC_RELAXED);

	memmove(&u->past[1], &u->past[0], (USAGE_INTERVALS - 1) * sizeof(u->past[0]));
	u->past[0] = now - u->seen;
	u->seen = now;
}

void pmd_turn_interval(struct user_datapath *dp)
{
	for (unsigned int i = 0; i < MAX_PORTS; i++)
		for (uint16_t q = 0; dp->ports[i] && q < dp->ports[i]->n_rxq; q++)
			turn(&dp->ports[i]->rxqs[q].usage);
	for (size_t i = 1; i < dp->n_workers; i++)
		turn(&dp->workers[i]->usage);
}
