// SPDX-License-Identifier: Apache-2.0
// What a worker owns, and its output buffers.
#include "datapath/user/worker.h"

#include "core/base/clock.h"

struct worker *worker_create(struct user_datapath *dp, unsigned int index, int core)
{
	struct worker *w = xzalloc_aligned(sizeof(*w));

	w->dp = dp;
	w->index = index;
	w->core = core;
	w->emc = emc_create();
	w->levels = xcalloc(MAX_RECIRCULATIONS + 1, sizeof(*w->levels));
	w->polls = xzalloc(sizeof(*w->polls));
	w->cleared = clock_wall_msec();
	return w;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	emc_destroy(w->emc);
	free(w->levels);
	free(w->tx);
	free(w->polls);
	free(w);
}

void worker_send(struct worker *w, struct tx_buffer *b)
{
	uint16_t n = b->n;

	b->n = 0;
	WORKER_ADD(w, tx_batches, 1);
	WORKER_ADD(w, tx_packets, port_send(b->port, w->index, b->pkts, n));
}

static uint32_t longest(const struct port *port)
{
	// The MTU is without Ethernet header and tags, of which there may be two.
	return __atomic_load_n(&port->mtu, __ATOMIC_RELAXED) + 14 + 8;
}

static struct tx_buffer *find_buffer(struct worker *w, dp_port_t number)
{
	struct port *port = dp_port(w->dp, number);
	uint16_t *place;

	if (!port)
		return NULL;
	place = &w->tx_of[number.n];
	if (!*place) {
		if (w->tx_in_use == w->n_tx)
			w->tx = xgrow(w->tx, &w->n_tx, w->tx_in_use + 1, sizeof(*w->tx));
		w->tx[w->tx_in_use].port = port;
		w->tx[w->tx_in_use].room = longest(port);
		w->tx[w->tx_in_use].n = 0;
		*place = ++w->tx_in_use;
	}
	return &w->tx[*place - 1];
}

struct tx_buffer *worker_buffer(struct worker *w, dp_port_t port)
{
	if (!w->tx_last || w->tx_last_port != port.n) {
		w->tx_last = find_buffer(w, port);
		w->tx_last_port = port.n;
	}
	return w->tx_last;
}

void worker_flush(struct worker *w)
{
	for (size_t i = 0; i < w->tx_in_use; i++) {
		struct tx_buffer *b = &w->tx[i];

		if (b->n)
			worker_send(w, b);
		w->tx_of[b->port->ref.number.n] = 0;
	}
	w->tx_in_use = 0;
	w->tx_last = NULL;
}
