// SPDX-License-Identifier: Apache-2.0
// Packets that the kernel, or a NIC, samples for userspace actions: which group of psample is whose, and a thread that hears them.
//
// A group is there as long as a rule uses it; the thread, as long as there is a group: psample comes with the first rule that
// samples, and may go with the last. One process has one table: groups belong to the network namespace, not to a device.
#include <linux/psample.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/base/vec.h"
#include "core/netlink/genl.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_sample);

enum { LISTENER_BUFFER = 8 << 20 };

struct group {
	struct hmap_node node; // by sampled.group
	unsigned int n_rules;
	struct sampled sampled;
};

struct listener {
	struct nl_sock *sock;
	struct genl_family family;
	int stop_fd; // written to once: it frees itself
};

// Groups and listener, not held while a packet is handed on. Workers take it (also with placement's lock), and listeners.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hmap groups;
static struct listener *listener; // NULL: there is no group

// Devices, and to whom they hand on; held meanwhile. Listeners take it, and the main thread when a device comes or goes.
static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;
static VEC(struct tc_device *) devices;

__attribute__((constructor)) static void begin_table(void)
{
	hmap_init(&groups);
}

static struct group *find(uint32_t id)
{
	struct group *g;

	HMAP_FOR_EACH_WITH_HASH (g, node, hash_u64(id, 0), &groups)
		if (g->sampled.group == id)
			return g;
	return NULL;
}

// ---- The listener ----

// To the device whose port it came in at.
static bool hand_on(const struct dp_action *action, int ifindex, const struct strbuf *packet)
{
	struct tc_device **dev;
	bool taken = false;

	pthread_mutex_lock(&devices_lock);
	VEC_FOR_EACH (dev, &devices)
		if (!taken && (*dev)->sampled)
			taken = (*dev)->sampled((*dev)->sampled_aux, ifindex, action, packet->s,
						packet->len);
	pthread_mutex_unlock(&devices_lock);
	return taken;
}

// One that is to stop hears what its successor hears, too, and leaves it to that.
static void on_packet(const struct listener *l, const struct psample_message *m)
{
	AUTO(strbuf) packet = STRBUF_INIT;
	const struct group *g;
	struct sampled s;
	bool is_old;

	pthread_mutex_lock(&lock);
	is_old = l != listener;
	g = find(m->group);
	if (g)
		s = g->sampled;
	pthread_mutex_unlock(&lock);
	if (is_old)
		return;
	// Its rule has gone meanwhile, or belongs to another process.
	if (!g)
		counter_inc(COUNTER_DROP_SAMPLE);
	else if (tc_sample_restore(&s, m, &packet))
		counter_inc(COUNTER_DROP_MALFORMED);
	else if (!hand_on(&s.action, m->ifindex, &packet))
		counter_inc(COUNTER_DROP_SAMPLE);
}

static void on_message(const struct nlmsghdr *h, void *aux)
{
	const struct listener *l = aux;
	struct error err = ERROR_INIT;
	struct psample_message m;
	int error;

	if (h->nlmsg_type != l->family.id || !tc_psample_decode(h, &m, &error, &err))
		return;
	if (error) {
		static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

		counter_inc(COUNTER_DROP_MALFORMED);
		log_warn_limited(&limit, "%s", err.text);
	} else if (tc_sample_is_ours(m.group)) {
		on_packet(l, &m);
	}
}

// False: nothing more is there. How many packets a full socket, or one that is too long, has cost nobody tells.
static bool receive_some(struct listener *l)
{
	static struct log_limit limit = LOG_LIMIT_INIT(1, 5);
	int error = nl_receive(l->sock, on_message, l);

	if (error != -ENOBUFS && error != -EMSGSIZE)
		return !error;
	counter_inc(COUNTER_SAMPLE_LOST);
	log_warn_limited(&limit, "%s: sampled packets are lost",
			 error == -ENOBUFS ? "more than can be read"
					   : "more than 64 KiB in one message");
	return true;
}

static void free_listener(struct listener *l)
{
	if (l->stop_fd >= 0)
		close(l->stop_fd);
	nl_close(l->sock);
	free(l);
}

static void *listener_main(void *l_)
{
	struct listener *l = l_;
	struct pollfd fds[] = {
		{ .fd = nl_fd(l->sock), .events = POLLIN },
		{ .fd = l->stop_fd, .events = POLLIN },
	};

	log_set_thread_name("sampled");
	rcu_thread_begin();
	while (!fds[1].revents) {
		rcu_offline();
		poll(fds, ARRAY_SIZE(fds), -1);
		rcu_online();
		if (fds[0].revents && !receive_some(l) && fds[0].revents & ~POLLIN) {
			log_err("the socket of sampled packets is broken: none are heard any more");
			fds[0].fd = -1;
		}
		rcu_quiesce();
	}
	rcu_thread_end();
	free_listener(l);
	return NULL;
}

static int open_listener(struct listener *l, struct error *err)
{
	uint32_t number;
	int error = nl_open(NETLINK_GENERIC, &l->sock, err);

	if (error)
		return error;
	nl_set_rcvbuf(l->sock, LISTENER_BUFFER);
	error = genl_find(l->sock, PSAMPLE_GENL_NAME, &l->family, err);
	if (error)
		return error;
	number = genl_group(&l->family, PSAMPLE_NL_MCGRP_SAMPLE_NAME);
	if (!number)
		return error_set(err, -ENOENT, "psample has no group of packets");
	error = nl_join(l->sock, number, err);
	if (error)
		return error;
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	return l->stop_fd < 0 ? error_set(err, -errno, "eventfd: %s", strerror(errno)) : 0;
}

// Detached: nobody has to wait for it, who may have placement's lock.
static int start_thread(struct listener *l, struct error *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, listener_main, l);
	pthread_attr_destroy(&attr);
	return error ? error_set(err, -error, "no thread for sampled packets: %s", strerror(error))
		     : 0;
}

// With the lock.
static int start_listener(struct error *err)
{
	struct listener *l = xzalloc(sizeof(*l));
	int error;

	l->stop_fd = -1;
	error = open_listener(l, err);
	if (!error)
		error = start_thread(l, err);
	if (error)
		free_listener(l);
	else
		listener = l;
	return error;
}

// With the lock.
static void stop_listener(void)
{
	uint64_t one = 1;

	// An eventfd that nobody has written to takes a number.
	if (listener)
		(void)!write(listener->stop_fd, &one, sizeof(one));
	listener = NULL;
}

// ---- Groups of rules ----

static int need_one(const struct sampled *s, struct verdict *v)
{
	struct group *g = find(s->group);
	struct error err = ERROR_INIT;
	int error;

	// Errors that may pass, so that the like is not refused from now on.
	if (g && !tc_sample_is_same(&g->sampled, s)) {
		verdict_refuse(v, REASON_ACTION_UNSUPPORTED, "sample with another flow's group");
		return -EBUSY;
	}
	if (!listener) {
		error = start_listener(&err);
		if (error) {
			verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, error, err.text);
			snprintf(v->culprit, sizeof(v->culprit), "sample");
			return -EBUSY;
		}
	}
	if (!g) {
		g = xzalloc(sizeof(*g));
		g->sampled = *s;
		hmap_insert(&groups, &g->node, hash_u64(s->group, 0));
	}
	g->n_rules++;
	return 0;
}

static void let_go(const uint32_t ids[], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct group *g = find(ids[i]);

		if (!g || --g->n_rules)
			continue;
		hmap_remove(&groups, &g->node);
		free(g);
	}
	if (hmap_is_empty(&groups))
		stop_listener();
}

int tc_samples_need(const struct compiled_rule *rule, struct verdict *v)
{
	uint32_t taken[TC_RULE_SAMPLES];
	unsigned int n = 0;
	int error = 0;

	if (!rule->n_samples)
		return 0;
	pthread_mutex_lock(&lock);
	for (; n < rule->n_samples; n++) {
		error = need_one(&rule->samples[n], v);
		if (error)
			break;
		taken[n] = rule->samples[n].group;
	}
	if (error)
		let_go(taken, n);
	pthread_mutex_unlock(&lock);
	return error;
}

void tc_samples_let_go(const struct hw_rule *r)
{
	if (!r->n_samples)
		return;
	pthread_mutex_lock(&lock);
	let_go(r->samples, r->n_samples);
	pthread_mutex_unlock(&lock);
}

// ---- Devices ----

void tc_samples_open(struct tc_device *dev)
{
	pthread_mutex_lock(&devices_lock);
	VEC_PUSH(&devices, dev);
	pthread_mutex_unlock(&devices_lock);
}

void tc_samples_close(struct tc_device *dev)
{
	pthread_mutex_lock(&devices_lock);
	for (size_t i = 0; i < devices.n; i++)
		if (devices.v[i] == dev)
			devices.v[i--] = devices.v[--devices.n];
	if (!devices.n)
		VEC_FREE(&devices);
	pthread_mutex_unlock(&devices_lock);
}

void tc_set_sampled(void *priv, sampled_fn *fn, void *aux)
{
	struct tc_device *dev = priv;

	pthread_mutex_lock(&devices_lock);
	dev->sampled = fn;
	dev->sampled_aux = aux;
	pthread_mutex_unlock(&devices_lock);
}
