// SPDX-License-Identifier: Apache-2.0
// What a peer asks of queues.
#include "ofproto/control/control-private.h"

struct queue_dump {
	struct of_control *c;
	struct mp_writer w;
	uint32_t only; // QUEUE_ALL: all
	size_t n;
	struct strbuf *out; // the reply up to 1.3, and where it begins
	size_t start;
	uint8_t version;
	bool too_many;
};

// Every port that is meant. False: there is none.
static bool for_each_port(struct queue_dump *d, of_port_t only,
			  void (*cb)(const struct queue_stats *s, void *aux))
{
	const struct of_control *c = d->c;

	if (only.n != OFPP_ANY && only.n != OFPP_ALL) {
		const struct of_port *port = switch_port_find(c->sw, only);

		if (port)
			c->ops->port_queues(c->aux, port, cb, d);
		return port;
	}
	for (struct of_port *const *ports = switch_ports(c->sw); *ports; ports++)
		c->ops->port_queues(c->aux, *ports, cb, d);
	return true;
}

// ---- Statistics ----

static void put_stats(const struct queue_stats *s, void *aux)
{
	struct queue_dump *d = aux;

	if (d->only != QUEUE_ALL && d->only != s->queue)
		return;
	mp_put_queue_stats(&d->w, s);
	d->n++;
}

enum ofperr on_queue_stats(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct queue_dump d = { .c = p->control };
	of_port_t port;
	enum ofperr e = queue_stats_request_decode(m, &port, &d.only);

	if (e)
		return e;
	mp_begin(&d.w, m, out);
	if (!for_each_port(&d, port, put_stats))
		e = OFPERR_OFPQOFC_BAD_PORT;
	else if (!d.n && d.only != QUEUE_ALL)
		e = OFPERR_OFPQOFC_BAD_QUEUE;
	mp_end(&d.w);
	return e;
}

// ---- Which there are ----

static struct queue_desc describe(const struct queue_stats *s)
{
	return (struct queue_desc){
		.port = s->port, .queue = s->queue, .min_rate = UINT16_MAX, .max_rate = UINT16_MAX
	};
}

static void put_config(const struct queue_stats *s, void *aux)
{
	struct queue_dump *d = aux;
	struct queue_desc q = describe(s);

	d->too_many |= !queue_config_put(d->out, d->start, d->version, &q);
}

enum ofperr on_queue_get_config(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct queue_dump d = { .c = p->control, .out = out, .version = m->version };
	of_port_t port;
	uint32_t ignored;
	enum ofperr e = queue_desc_request_decode(m, &port, &ignored);

	if (e)
		return e;
	d.start = queue_config_begin(port, m, out);
	if (!for_each_port(&d, port, put_config))
		e = OFPERR_OFPQOFC_BAD_PORT;
	// The reply is one message.
	else if (d.too_many)
		e = OFPERR_NXQOFC_QUEUE_ERROR;
	msg_end(out, d.start);
	return e;
}

static void put_desc(const struct queue_stats *s, void *aux)
{
	struct queue_dump *d = aux;
	struct queue_desc q = describe(s);

	if (d->only != QUEUE_ALL && d->only != s->queue)
		return;
	mp_put_queue_desc(&d->w, &q);
	d->n++;
}

enum ofperr on_queue_desc(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct queue_dump d = { .c = p->control };
	of_port_t port;
	enum ofperr e = queue_desc_request_decode(m, &port, &d.only);

	if (e)
		return e;
	mp_begin(&d.w, m, out);
	if (!for_each_port(&d, port, put_desc))
		e = OFPERR_OFPQOFC_BAD_PORT;
	else if (!d.n && d.only != QUEUE_ALL)
		e = port.n == OFPP_ANY ? OFPERR_OFPQOFC_BAD_QUEUE : OFPERR_NXQOFC_QUEUE_ERROR;
	mp_end(&d.w);
	return e;
}
