// SPDX-License-Identifier: Apache-2.0
// Statistics: a thread of its own reads the kernel's flow table, and notices what is in it that should not be, or not
// in it that should.
#include <poll.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "datapath/kernel/kernel.h"

LOG_MODULE(dpif_netlink_stats);

#define PERIOD_MSEC 500
// However many flows there are, dumps take no more than a quarter of one processor.
#define PAUSES 3 // of the time on a processor that a dump took, between two
// A flow on its way in or out can be seen wrongly once.
#define SUSPICIOUS_DUMPS 2

// A flow in the kernel that nobody here knows.
struct stranger {
	struct hmap_node node;
	uint64_t round; // of the last dump that had it
	unsigned int dumps;
	size_t n;
	uint8_t id[]; // attribute, whole
};

struct dump {
	struct kernel_datapath *dp;
	int64_t now; // clock_msec()
	uint64_t kernel_now; // msec of the clock that 'used' is on
};

// ---- What is known ----

static void take_counts(const struct dump *d, struct kernel_flow *f, const struct flow_message *m)
{
	f->round = d->dp->round;
	f->missing = 0;
	if (!f->mf)
		return;
	f->seen.packets = m->packets;
	f->seen.bytes = m->bytes;
	f->seen.tcp_flags |= m->tcp_flags;
	if (m->used)
		f->seen.used = flow_message_used(m, d->now, d->kernel_now);
	kernel_flow_publish(f);
}

// ---- What is not ----

static void note_stranger(struct kernel_datapath *dp, const struct nlattr *id)
{
	uint64_t hash = hash_bytes(id, id->nla_len, 0);
	struct stranger *s;

	HMAP_FOR_EACH_WITH_HASH (s, node, hash, &dp->strangers)
		if (s->n == id->nla_len && !memcmp(s->id, id, s->n))
			break;
	if (!s) {
		s = xzalloc(sizeof(*s) + id->nla_len);
		s->n = id->nla_len;
		memcpy(s->id, id, s->n);
		hmap_insert(&dp->strangers, &s->node, hash);
	}
	s->round = dp->round;
	s->dumps++;
}

// Many at once: after a restart there may be as many as flows.
struct deletions {
	struct nl_request requests[64];
	size_t n;
};

static void delete_all(struct kernel_datapath *dp, struct deletions *d, struct nl_sock *sock)
{
	static struct log_limit limit = LOG_LIMIT_INIT(6, 1);
	struct nl_request *all[ARRAY_SIZE(d->requests)];
	size_t deleted = 0;

	for (size_t i = 0; i < d->n; i++)
		all[i] = &d->requests[i];
	nl_transact_many(sock, all, d->n);
	for (size_t i = 0; i < d->n; i++) {
		deleted += !d->requests[i].error;
		nl_request_uninit(&d->requests[i]);
	}
	d->n = 0;
	counter_add(COUNTER_FLOW_STRANGER, deleted);
	if (deleted)
		log_warn_limited(&limit, "%s: the kernel had %zu flows that are not ours; deleted",
				 dp->name, deleted);
}

static void delete_stranger(struct kernel_datapath *dp, const struct stranger *s,
			    struct deletions *d, struct nl_sock *sock)
{
	const struct nlattr *id = (const struct nlattr *)s->id;
	struct nl_request *r = &d->requests[d->n++];
	size_t m;

	*r = (struct nl_request){ .silent = true };
	m = kernel_begin(dp, &r->msg, &dp->families.flow, OVS_FLOW_CMD_DEL, 0);
	nl_put(&r->msg, id->nla_type, mnl_attr_get_payload(id), nl_len(id));
	nl_msg_end(&r->msg, m);
	if (d->n == ARRAY_SIZE(d->requests))
		delete_all(dp, d, sock);
}

static void sweep_strangers(struct kernel_datapath *dp, struct nl_sock *sock)
{
	struct deletions d;
	struct stranger *s;

	d.n = 0;
	HMAP_FOR_EACH_SAFE (s, node, &dp->strangers) {
		bool is_there = s->round == dp->round;

		if (is_there && s->dumps < SUSPICIOUS_DUMPS)
			continue;
		if (is_there)
			delete_stranger(dp, s, &d, sock);
		hmap_remove(&dp->strangers, &s->node);
		free(s);
	}
	if (d.n)
		delete_all(dp, &d, sock);
}

static void look_for_lost(struct kernel_datapath *dp, uint64_t last_round, struct nl_sock *sock)
{
	struct kernel_flow *f;

	pthread_mutex_lock(&dp->flows_lock);
	HMAP_FOR_EACH (f, node, &dp->flows)
		if (f->state == FLOW_IN_KERNEL && f->round != last_round &&
		    ++f->missing >= SUSPICIOUS_DUMPS)
			kernel_flow_repair(dp, f, sock);
	pthread_mutex_unlock(&dp->flows_lock);
}

// ---- A dump ----

static int on_flow(const struct nlmsghdr *h, void *aux)
{
	struct dump *d = aux;
	struct kernel_flow *f = NULL;
	struct flow_message m;

	if (flow_message_decode(h, &m, NULL))
		return 0;
	pthread_mutex_lock(&d->dp->flows_lock);
	if (m.has_ufid)
		f = kernel_flow_find(d->dp, &m.ufid);
	if (f)
		take_counts(d, f, &m);
	pthread_mutex_unlock(&d->dp->flows_lock);
	if (!f)
		note_stranger(d->dp, m.id);
	return 0;
}

void stats_refresh(struct kernel_datapath *dp, struct nl_sock *sock)
{
	struct dump d = { .dp = dp, .now = clock_msec(), .kernel_now = kernel_msec() };
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.flow, OVS_FLOW_CMD_GET, 0);

	if (!atomic_load(&dp->dumps_whole))
		nl_put_u32(&msg, OVS_FLOW_ATTR_UFID_FLAGS,
			   OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK | OVS_UFID_F_OMIT_ACTIONS);
	nl_msg_end(&msg, m);
	pthread_mutex_lock(&dp->dump_lock);
	dp->round++;
	if (!nl_dump(sock, &msg, on_flow, &d, NULL) && !dp->leaving) {
		if (!dp->holding)
			sweep_strangers(dp, sock);
		look_for_lost(dp, dp->round, sock);
	}
	pthread_mutex_unlock(&dp->dump_lock);
}

// ---- The thread ----

static void *stats_main(void *dp_)
{
	struct kernel_datapath *dp = dp_;
	struct pollfd p = { .fd = dp->stop_fd, .events = POLLIN };
	struct nl_sock *sock;
	struct error err = ERROR_INIT;
	int64_t began, pause = PERIOD_MSEC;

	log_set_thread_name("flow-stats");
	rcu_thread_begin();
	if (nl_open(NETLINK_GENERIC, &sock, &err)) {
		log_err("%s: no statistics: %s", dp->name, err.text);
		rcu_thread_end();
		return NULL;
	}
	for (;;) {
		rcu_offline();
		poll(&p, 1, (int)pause);
		rcu_online();
		if (atomic_load(&dp->stopping))
			break;
		began = clock_thread_nsec();
		stats_refresh(dp, sock);
		pause = MAX((int64_t)PERIOD_MSEC, (clock_thread_nsec() - began) / 1000000 * PAUSES);
		rcu_quiesce();
	}
	nl_close(sock);
	rcu_thread_end();
	return NULL;
}

int stats_start(struct kernel_datapath *dp, struct error *err)
{
	int error = -pthread_create(&dp->stats_thread, NULL, stats_main, dp);

	dp->has_stats_thread = !error;
	return error ? error_set(err, error, "thread: %s", strerror(-error)) : 0;
}

void stats_stop(struct kernel_datapath *dp)
{
	struct stranger *s;

	if (dp->has_stats_thread)
		pthread_join(dp->stats_thread, NULL);
	dp->has_stats_thread = false;
	HMAP_FOR_EACH_SAFE (s, node, &dp->strangers) {
		hmap_remove(&dp->strangers, &s->node);
		free(s);
	}
}
