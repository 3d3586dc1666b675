// SPDX-License-Identifier: Apache-2.0
// Packets to controllers: who gets one, how fast, and how many may wait for who does not read.
#include "core/base/counters.h"
#include "ofproto/control/control-private.h"

// The oldest is under way no longer once all up to its end has left.
static void forget_sent(struct peer *p)
{
	struct packets_under_way *u = &p->under_way;
	uint64_t sent = of_conn_bytes(p->conn) - of_conn_backlog(p->conn);

	for (; u->n && u->ends[u->first] <= sent; u->n--)
		u->first = (u->first + 1) % ARRAY_SIZE(u->ends);
}

static size_t queue_size(const struct peer *p)
{
	size_t own = p->target ? p->target->queue_size : 0;

	return MIN(own ? own : p->control->queue_size, ARRAY_SIZE(p->under_way.ends));
}

static bool is_full(const struct peer *p)
{
	return p->under_way.n >= queue_size(p) || of_conn_backlog(p->conn) > MAX_BACKLOG;
}

static void gather(struct peer *p, bool on)
{
	if (p->gathers == on || (on && of_conn_backlog(p->conn)))
		return;
	p->gathers = on;
	of_conn_cork(p->conn, on);
}

static void send_packet(void *aux, const void *msg, size_t n)
{
	struct peer *p = aux;
	struct packets_under_way *u = &p->under_way;

	forget_sent(p);
	// What is only gathered does not wait for the controller.
	if (p->gathers && is_full(p)) {
		gather(p, false);
		forget_sent(p);
	}
	// A controller that does not read must not fill our memory.
	if (is_full(p)) {
		counter_inc(COUNTER_RCONN_OVERFLOW);
		return;
	}
	of_conn_send(p->conn, msg, n);
	counter_inc(COUNTER_PACKET_IN);
	u->ends[(u->first + u->n++) % ARRAY_SIZE(u->ends)] = of_conn_bytes(p->conn);
}

void peer_init_packets(struct peer *p)
{
	for (size_t i = 0; i < N_PACERS; i++)
		pacer_init(&p->pacers[i], p->control->loop, send_packet, p);
	if (p->target)
		peer_target_changed(p);
}

void peer_target_changed(struct peer *p)
{
	for (size_t i = 0; i < N_PACERS; i++)
		pacer_set(&p->pacers[i], p->target->rate, p->target->burst);
}

void peer_uninit_packets(struct peer *p)
{
	for (size_t i = 0; i < N_PACERS; i++)
		pacer_uninit(&p->pacers[i]);
}

// A packet of the table-miss rule is one of no match, also for versions whose messages call it an action.
static unsigned int mask_reason(uint8_t reason, uint8_t version)
{
	return reason == OFPR_EXPLICIT_MISS ? OFPR_NO_MATCH
					    : packet_in_known_reason(reason, version);
}

static enum packet_cause cause_of(uint8_t reason)
{
	return mask_reason(reason, OFP13) == OFPR_NO_MATCH ? PACKET_OF_MISS : PACKET_OF_ACTION;
}

void control_packet_in(struct of_control *c, const struct packet_in_event *e)
{
	struct packet_in pin = {
		.packet = e->packet,
		.total_len = e->len,
		.reason = e->reason,
		.table = e->table,
		.cookie = e->cookie,
		.metadata = e->metadata,
		.userdata = e->userdata,
		.n_userdata = e->n_userdata,
		.continuation = e->continuation,
		.n_continuation = e->n_continuation,
	};
	struct peer *p;

	LIST_FOR_EACH (p, node, &c->peers) {
		AUTO(strbuf) out = STRBUF_INIT;

		// Since 1.3 there is no miss but that of a rule.
		if (e->reason == OFPR_IMPLICIT_MISS && of_conn_version(p->conn) >= OFP13)
			continue;
		if (p->controller_id != e->controller_id ||
		    !peer_wants(p, ASYNC_PACKET_IN,
				mask_reason(e->reason, of_conn_version(p->conn))))
			continue;
		if (e->more)
			gather(p, true);
		pin.len = MIN(e->len, (size_t)e->max_len);
		if (!packet_in_encode(&pin, p->packet_in_format, of_conn_version(p->conn), &out)) {
			counter_inc(COUNTER_PACKET_IN_TOO_LONG);
			continue;
		}
		pacer_offer(&p->pacers[cause_of(e->reason)], e->metadata.key.in_port, &out);
	}
	if (e->more)
		return;
	LIST_FOR_EACH (p, node, &c->peers)
		gather(p, false);
}
