// SPDX-License-Identifier: Apache-2.0
#include "ofproto/control/pacer.h"

#include "core/base/clock.h"
#include "core/base/hash.h"

#define PACKET 1000 // of credit

struct waiting {
	struct list node;
	struct strbuf msg;
};

struct pacer_port {
	struct hmap_node node;
	struct list turn;
	struct list waiting; // struct waiting, oldest first
	uint32_t port;
	size_t n;
};

static uint64_t hash_port(uint32_t port)
{
	return hash_u64(port, 0);
}

static struct pacer_port *find_port(struct pacer *p, uint32_t port)
{
	struct pacer_port *q;

	HMAP_FOR_EACH_WITH_HASH (q, node, hash_port(port), &p->ports)
		if (q->port == port)
			return q;
	q = xzalloc(sizeof(*q));
	q->port = port;
	list_init(&q->waiting);
	hmap_insert(&p->ports, &q->node, hash_port(port));
	list_push_back(&p->turns, &q->turn);
	return q;
}

static void waiting_free(struct waiting *w)
{
	strbuf_uninit(&w->msg);
	free(w);
}

// Takes one packet of 'q', which goes with its last.
static struct waiting *take(struct pacer *p, struct pacer_port *q, struct list *which)
{
	struct waiting *w = CONTAINER_OF(which, struct waiting, node);

	list_remove(&w->node);
	p->stats.backlog--;
	if (!--q->n) {
		list_remove(&q->turn);
		hmap_remove(&p->ports, &q->node);
		free(q);
	}
	return w;
}

static void send_next(struct pacer *p)
{
	struct pacer_port *q = CONTAINER_OF(p->turns.next, struct pacer_port, turn);
	struct waiting *w;

	list_remove(&q->turn);
	list_push_back(&p->turns, &q->turn);
	w = take(p, q, q->waiting.next);
	p->send(p->aux, w->msg.s, w->msg.len);
	waiting_free(w);
}

static void drop_of_longest(struct pacer *p)
{
	struct pacer_port *q, *longest = NULL;

	LIST_FOR_EACH (q, turn, &p->turns)
		if (!longest || q->n > longest->n)
			longest = q;
	waiting_free(take(p, longest, longest->waiting.prev));
	p->stats.dropped++;
}

static void credit(struct pacer *p)
{
	int64_t now = clock_msec(), full = (int64_t)p->burst * PACKET;
	int64_t since = MIN(now - p->credited_at, full); // a packet a second fills it in that time

	p->credit = MIN(p->credit + since * p->rate, full);
	p->credited_at = now;
}

static void arm(struct pacer *p)
{
	int64_t missing = PACKET - p->credit;

	if (p->stats.backlog && !timer_is_armed(&p->timer))
		timer_in(&p->timer, MAX((missing + p->rate - 1) / p->rate, (int64_t)1));
}

static void on_credit(struct timer *t)
{
	struct pacer *p = CONTAINER_OF(t, struct pacer, timer);

	credit(p);
	for (; p->stats.backlog && p->credit >= PACKET; p->credit -= PACKET)
		send_next(p);
	arm(p);
}

void pacer_init(struct pacer *p, struct loop *l, void (*send)(void *aux, const void *msg, size_t n),
		void *aux)
{
	memset(p, 0, sizeof(*p));
	p->send = send;
	p->aux = aux;
	timer_init(&p->timer, l, on_credit);
	hmap_init(&p->ports);
	list_init(&p->turns);
}

void pacer_uninit(struct pacer *p)
{
	timer_cancel(&p->timer);
	while (p->stats.backlog)
		drop_of_longest(p);
	hmap_uninit(&p->ports);
}

void pacer_set(struct pacer *p, uint32_t rate, uint32_t burst)
{
	if (rate && !burst)
		burst = MAX(rate / 4, 1u);
	if (rate == p->rate && burst == p->burst)
		return;
	if (rate && !p->rate) {
		memset(&p->stats, 0, sizeof(p->stats));
		p->credit = (int64_t)burst * PACKET;
		p->credited_at = clock_msec();
	}
	p->rate = rate;
	p->burst = burst;
	timer_cancel(&p->timer);
	while (p->stats.backlog && !rate)
		send_next(p);
	while (p->stats.backlog > burst)
		drop_of_longest(p);
	if (rate)
		arm(p);
}

void pacer_offer(struct pacer *p, uint32_t port, struct strbuf *msg)
{
	struct pacer_port *q;
	struct waiting *w;

	if (p->rate)
		credit(p);
	if (!p->rate || (!p->stats.backlog && p->credit >= PACKET)) {
		p->credit -= p->rate ? PACKET : 0;
		p->stats.bypassed++;
		p->send(p->aux, msg->s, msg->len);
		strbuf_uninit(msg);
		*msg = (struct strbuf)STRBUF_INIT;
		return;
	}
	q = find_port(p, port);
	w = xzalloc(sizeof(*w));
	w->msg = *msg;
	*msg = (struct strbuf)STRBUF_INIT;
	list_push_back(&q->waiting, &w->node);
	q->n++;
	p->stats.queued++;
	if (++p->stats.backlog > p->burst)
		drop_of_longest(p);
	arm(p);
}
