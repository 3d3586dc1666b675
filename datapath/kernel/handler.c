// SPDX-License-Identifier: Apache-2.0
// Handlers: threads that take packets which the kernel has no flow for, ask the pipeline, and send flows and packets back.
//
// A round is what has come so far, four reads of 16 upcalls at most; all that it leads to goes to the kernel together, flows first, so
// that the packets behind find them. A handler has two sockets: the kernel sends upcalls to one, answers to the other.
#include <linux/if_ether.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/flow/fields.h"
#include "core/packet/packet.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/kernel.h"
#include "datapath/kernel/key.h"

LOG_MODULE(dpif_netlink_handler);

enum { MAX_HANDLERS = 8, ROUND = 4, HEADROOM = 512, UPCALL_BUFFER = 8 << 20 };

struct handler {
	struct kernel_datapath *dp;
	pthread_t thread;
	bool runs;
	unsigned int index;
	struct nl_sock *upcalls, *requests;
	struct batch batch;
	struct strbuf bytes; // the packet at hand, with room before it
};

static __thread struct batch *my_batch;

struct batch *kernel_batch(const struct kernel_datapath *dp)
{
	return my_batch && my_batch->dp == dp ? my_batch : NULL;
}

// ---- Batches ----

void batch_put(struct batch *b, struct strbuf *msg, struct kernel_flow *flow)
{
	struct batch_item item = { .request = { .msg = *msg, .silent = true }, .flow = flow };

	strbuf_init(msg);
	if (flow)
		VEC_PUSH(&b->flows, item);
	else
		VEC_PUSH(&b->packets, item);
}

static void finish_item(struct batch *b, struct batch_item *i)
{
	if (i->flow)
		kernel_flow_added(b->dp, i->flow, i->request.error, i->request.text, b->sock);
	else if (i->request.error)
		counter_inc(COUNTER_DROP_EXECUTE);
	nl_request_uninit(&i->request);
}

static void flush(struct batch *b)
{
	size_t n = b->flows.n + b->packets.n, k = 0;
	struct nl_request **reqs;
	struct batch_item *i;

	if (!n)
		return;
	reqs = xcalloc(n, sizeof(*reqs));
	VEC_FOR_EACH (i, &b->flows)
		reqs[k++] = &i->request;
	VEC_FOR_EACH (i, &b->packets)
		reqs[k++] = &i->request;
	nl_transact_many(b->sock, reqs, n);
	VEC_FOR_EACH (i, &b->flows)
		finish_item(b, i);
	VEC_FOR_EACH (i, &b->packets)
		finish_item(b, i);
	VEC_CLEAR(&b->flows);
	VEC_CLEAR(&b->packets);
	free(reqs);
}

static void emit_to_batch(struct execution *x, struct strbuf *msg)
{
	batch_put(my_batch, msg, NULL);
}

void kernel_batch_begin(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct batch *b = xzalloc(sizeof(*b));

	b->dp = dp;
	// Without a socket they go one by one.
	if (my_batch || nl_open(NETLINK_GENERIC, &b->sock, NULL)) {
		free(b);
		return;
	}
	my_batch = b;
}

void kernel_batch_end(struct datapath *base)
{
	struct batch *b = kernel_batch(kernel_datapath(base));

	if (!b)
		return;
	flush(b);
	my_batch = NULL;
	nl_close(b->sock);
	VEC_FREE(&b->flows);
	VEC_FREE(&b->packets);
	free(b);
}

// ---- One upcall ----

static int take_packet(struct handler *h, const struct upcall_message *m, struct packet *p,
		       struct flow_key *key)
{
	struct packet_metadata md;
	struct flow_key there;
	int error = kernel_get_key(m->key, &there, NULL);

	if (error)
		return error;
	strbuf_clear(&h->bytes);
	strbuf_put_zeros(&h->bytes, HEADROOM);
	// What a bare packet gets here put_execute() leaves out.
	packet_put_with_place(m->packet, m->n, there.packet_type, &h->bytes);
	*p = (struct packet){ .data = (uint8_t *)h->bytes.s + HEADROOM,
			      .size = h->bytes.len - HEADROOM,
			      .headroom = HEADROOM };
	// What is beside the bytes, only the kernel's key has.
	md = packet_metadata_of(&there);
	return packet_parse(p, &md, key);
}

static void failed(struct handler *h)
{
	counter_inc(COUNTER_DROP_UPCALL);
	atomic_fetch_add(&h->dp->lost, 1);
}

static void run(struct handler *h, const struct upcall_message *m, struct packet *p,
		struct flow_key *key, struct dp_actions actions)
{
	struct execution x = { .dp = h->dp, .mru = m->mru, .hash = m->hash, .emit = emit_to_batch };

	if (actions.size)
		execution_run(&x, p, key, actions);
	else
		counter_inc(COUNTER_DROP_ACTION);
}

static void on_miss(struct handler *h, const struct upcall_message *m, struct packet *p,
		    struct flow_key *key)
{
	struct upcall u = { .packet = p, .key = key };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct megaflow *mf = NULL;

	if (h->dp->upcalls->miss(h->dp->aux, &u, &actions, &mf) < 0) {
		failed(h);
		return;
	}
	// The upcall may have installed it itself.
	if (mf && !mf->dp)
		kernel_flow_add(&h->dp->base, mf);
	if (mf)
		kernel_flow_count_packet(h->dp, mf, packet_length(p->size, key->packet_type),
					 be16toh(key->tcp_flags));
	run(h, m, p, key, dp_actions_of(&actions));
}

// A flow's actions, or its match, are more than the kernel can do.
static void on_slow_flow(struct handler *h, const struct upcall_message *m, struct packet *p,
			 struct flow_key *key, const struct dp_action *a)
{
	struct dp_actions list;

	if (kernel_flow_slow_actions(h->dp, a, key, &list))
		run(h, m, p, key, list);
	else
		on_miss(h, m, p, key);
}

// In the middle of its list.
static void on_resume(struct handler *h, const struct upcall_message *m, struct packet *p,
		      struct flow_key *key, const struct dp_action *a)
{
	AUTO(strbuf) rest = STRBUF_INIT;

	if (resume_get(h->dp, a, &rest))
		run(h, m, p, key, dp_actions_of(&rest));
	else
		failed(h);
}

static void on_action(struct handler *h, const struct upcall_message *m, struct packet *p,
		      struct flow_key *key)
{
	struct dp_action a = { .type = DP_ACTION_USERSPACE, .size = sizeof(a) };
	struct upcall u = { .packet = p, .key = key, .userspace = &a };
	AUTO(strbuf) actions = STRBUF_INIT;

	if (!m->userdata || kernel_get_userdata(m->userdata, &a, NULL)) {
		failed(h);
		return;
	}
	if (a.userspace.kind == USERSPACE_RESUME) {
		on_resume(h, m, p, key, &a);
		return;
	}
	if (kernel_flow_is_slow(&a)) {
		on_slow_flow(h, m, p, key, &a);
		return;
	}
	if (h->dp->upcalls->userspace(h->dp->aux, &u, &actions) < 0)
		failed(h);
	else if (actions.len)
		run(h, m, p, key, dp_actions_of(&actions));
}

static void on_upcall(const struct nlmsghdr *h_, void *aux)
{
	struct handler *h = aux;
	struct upcall_message m;
	struct flow_key key;
	struct packet p;

	// Errors of others' making and the like; not an upcall.
	if (h_->nlmsg_type != h->dp->families.packet.id)
		return;
	if (upcall_message_decode(h_, &m, NULL) || take_packet(h, &m, &p, &key)) {
		counter_inc(COUNTER_DROP_MALFORMED);
		return;
	}
	if (m.cmd == OVS_PACKET_CMD_MISS)
		on_miss(h, &m, &p, &key);
	else if (m.cmd == OVS_PACKET_CMD_ACTION)
		on_action(h, &m, &p, &key);
}

// ---- The thread ----

// False: nothing more is there.
static bool receive_one(struct handler *h)
{
	int error = nl_receive(h->upcalls, on_upcall, h);

	if (error == -ENOBUFS) {
		// How many, the kernel tells as lost packets of the datapath.
		counter_inc(COUNTER_UPCALL_LOST);
		return true;
	}
	return !error;
}

static void *handler_main(void *h_)
{
	struct handler *h = h_;
	struct pollfd fds[] = {
		{ .fd = nl_fd(h->upcalls), .events = POLLIN },
		{ .fd = h->dp->stop_fd, .events = POLLIN },
	};
	char name[16];

	snprintf(name, sizeof(name), "handler%u", h->index);
	log_set_thread_name(name);
	rcu_thread_begin();
	my_batch = &h->batch;
	while (!atomic_load(&h->dp->stopping)) {
		unsigned int n = 0;

		rcu_offline();
		poll(fds, ARRAY_SIZE(fds), -1);
		rcu_online();
		while (n < ROUND && receive_one(h))
			n++;
		flush(&h->batch);
		rcu_quiesce();
	}
	my_batch = NULL;
	rcu_thread_end();
	return NULL;
}

// ---- Life ----

int handlers_open(struct kernel_datapath *dp, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	dp->n_handlers = MAX(1, MIN(cpus, MAX_HANDLERS));
	dp->handlers = xcalloc(dp->n_handlers, sizeof(*dp->handlers));
	for (size_t i = 0; i < dp->n_handlers; i++) {
		struct handler *h = &dp->handlers[i];
		int error = nl_open(NETLINK_GENERIC, &h->upcalls, err);

		h->dp = dp;
		h->index = i + 1;
		if (!error)
			error = nl_open(NETLINK_GENERIC, &h->requests, err);
		if (error)
			return error;
		nl_set_rcvbuf(h->upcalls, UPCALL_BUFFER);
		h->batch.dp = dp;
		h->batch.sock = h->requests;
	}
	return 0;
}

void handlers_start(struct kernel_datapath *dp)
{
	for (size_t i = 0; i < dp->n_handlers; i++) {
		struct handler *h = &dp->handlers[i];
		int error = pthread_create(&h->thread, NULL, handler_main, h);

		h->runs = !error;
		if (error)
			log_err("%s: handler %u cannot run: %s", dp->name, h->index,
				strerror(error));
	}
}

void handlers_stop(struct kernel_datapath *dp)
{
	for (size_t i = 0; i < dp->n_handlers; i++) {
		struct handler *h = &dp->handlers[i];

		if (h->runs)
			pthread_join(h->thread, NULL);
		nl_close(h->upcalls);
		nl_close(h->requests);
		VEC_FREE(&h->batch.flows);
		VEC_FREE(&h->batch.packets);
		strbuf_uninit(&h->bytes);
	}
	free(dp->handlers);
	dp->handlers = NULL;
	dp->n_handlers = 0;
}

uint32_t handler_pid(const struct kernel_datapath *dp)
{
	return nl_pid(dp->handlers[0].upcalls);
}

size_t handlers_pids(const struct kernel_datapath *dp, uint32_t **ret)
{
	*ret = xcalloc(dp->n_handlers, sizeof(**ret));
	for (size_t i = 0; i < dp->n_handlers; i++)
		(*ret)[i] = nl_pid(dp->handlers[i].upcalls);
	return dp->n_handlers;
}

size_t handlers_pids_by_cpu(const struct kernel_datapath *dp, uint32_t **ret)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	size_t n = MAX(cpus, 1);

	*ret = xcalloc(n, sizeof(**ret));
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = nl_pid(dp->handlers[i % dp->n_handlers].upcalls);
	return n;
}
