// SPDX-License-Identifier: Apache-2.0
// Messages about queues as text.
#include <inttypes.h>

#include "core/base/vec.h"
#include "ofproto/openflow/print-private.h"

static void put_id(struct print *p, uint32_t queue)
{
	if (queue == QUEUE_ALL)
		strbuf_puts(p->out, "ALL");
	else
		strbuf_printf(p->out, "%" PRIu32, queue);
}

enum ofperr print_queue_request(struct print *p, struct msg *m)
{
	bool is_stats = m->type == MSG_QUEUE_REQUEST;
	uint32_t queue;
	of_port_t port;
	enum ofperr e = is_stats ? queue_stats_request_decode(m, &port, &queue)
				 : queue_desc_request_decode(m, &port, &queue);

	if (e)
		return e;
	strbuf_puts(p->out, " port=");
	of_port_format(port, p->ports, p->out);
	if (is_stats || queue != QUEUE_ALL) {
		strbuf_puts(p->out, " queue=");
		put_id(p, queue);
	}
	return OFPERR_NONE;
}

// ---- Statistics ----

static void put_count(struct strbuf *out, const char *name, uint64_t n)
{
	if (n == UINT64_MAX)
		strbuf_printf(out, "%s=?, ", name);
	else
		strbuf_printf(out, "%s=%" PRIu64 ", ", name, n);
}

static void put_stats(struct print *p, const struct queue_stats *s)
{
	struct strbuf *out = p->out;

	strbuf_puts(out, "  port ");
	of_port_format(s->port, p->ports, out);
	strbuf_puts(out, " queue ");
	put_id(p, s->queue);
	strbuf_puts(out, ": ");
	put_count(out, "bytes", s->tx_bytes);
	put_count(out, "pkts", s->tx_packets);
	put_count(out, "errors", s->tx_errors);
	strbuf_puts(out, "duration=");
	if (s->duration_sec == UINT32_MAX)
		strbuf_putc(out, '?');
	else
		strbuf_put_duration(out, s->duration_sec, s->duration_nsec);
	strbuf_putc(out, '\n');
}

enum ofperr print_queue_stats(struct print *p, struct msg *m)
{
	struct msg counting = *m;
	struct queue_stats s;
	int got, n = 0;

	while (queue_stats_decode_next(&counting, &s) > 0)
		n++;
	strbuf_printf(p->out, " %d queues\n", n);
	while ((got = queue_stats_decode_next(m, &s)) > 0)
		put_stats(p, &s);
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

// ---- Which there are ----

static void put_rate(struct strbuf *out, const char *name, uint16_t rate)
{
	if (rate == UINT16_MAX)
		return;
	if (rate <= 1000)
		strbuf_printf(out, " %s:%u.%u%%", name, rate / 10, rate % 10);
	else
		strbuf_printf(out, " %s:(disabled)", name);
}

static int by_port_and_id(const void *a, const void *b)
{
	const struct queue_desc *x = a, *y = b;

	if (x->port.n != y->port.n)
		return x->port.n < y->port.n ? -1 : 1;
	return x->queue < y->queue ? -1 : x->queue > y->queue;
}

struct descs {
	VEC(struct queue_desc) list;
	of_port_t port; // of the whole reply, up to 1.3
};

static enum ofperr read_descs(struct msg *m, struct descs *d)
{
	struct queue_desc q;
	int got;

	if (m->version < OFP14 && queue_config_decode(m, &d->port))
		return OFPERR_OFPBRC_BAD_LEN;
	while ((got = queue_desc_decode_next(m, d->port, &q)) > 0) {
		// One port stands for the whole reply, even where it is "any".
		if (m->version < OFP14)
			q.port = d->port;
		VEC_PUSH(&d->list, q);
	}
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_queue_descs(struct print *p, struct msg *m)
{
	struct descs d = { .port = OF_PORT(OFPP_ANY) };
	const struct queue_desc *q;
	enum ofperr e = read_descs(m, &d);

	if (d.list.n)
		qsort(d.list.v, d.list.n, sizeof(*d.list.v), by_port_and_id);
	strbuf_puts(p->out, d.list.n ? " " : "\n");
	VEC_FOR_EACH (q, &d.list) {
		if (q == d.list.v || q[-1].port.n != q->port.n) {
			strbuf_puts(p->out, "port=");
			of_port_format(q->port, p->ports, p->out);
			strbuf_putc(p->out, '\n');
		}
		strbuf_printf(p->out, "queue %" PRIu32 ":", q->queue);
		put_rate(p->out, "min_rate", q->min_rate);
		put_rate(p->out, "max_rate", q->max_rate);
		strbuf_putc(p->out, '\n');
	}
	VEC_FREE(&d.list);
	return e;
}
