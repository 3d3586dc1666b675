// SPDX-License-Identifier: Apache-2.0
// RUNDIR/NAME.snoop: who connects there sees what the switch and one of its controllers say to each other.
#include "core/base/counters.h"
#include "core/io/appctl.h"
#include "ofproto/control/control-private.h"

struct snooper {
	struct list node; // in peer.snoopers
	struct of_conn *conn;
	bool ready;
};

static void snooper_destroy(struct snooper *s)
{
	list_remove(&s->node);
	of_conn_close(s->conn, true);
	free(s);
}

static void copy(void *aux, const void *p, size_t n)
{
	struct peer *peer = aux;
	struct snooper *s;

	LIST_FOR_EACH (s, node, &peer->snoopers) {
		if (!s->ready)
			continue;
		// One that does not read must not fill our memory.
		if (of_conn_backlog(s->conn) > MAX_BACKLOG)
			counter_inc(COUNTER_RCONN_OVERFLOW);
		else
			of_conn_send(s->conn, p, n);
	}
}

static void on_ready(void *aux)
{
	((struct snooper *)aux)->ready = true;
}

// Whoever looks on has no say.
static void on_message(void *aux, const struct msg *m) {}

static void on_closed(void *aux, int err, const char *reason)
{
	snooper_destroy(aux);
}

static const struct of_conn_events events = {
	.ready = on_ready,
	.message = on_message,
	.closed = on_closed,
};

// A primary, else an equal one, else a secondary; NULL: no controller is connected. The choice stays, whatever their roles become.
static struct peer *choose(const struct of_control *c)
{
	static const int rank[] = {
		[ROLE_NOCHANGE] = 0, [ROLE_SECONDARY] = 1, [ROLE_EQUAL] = 2, [ROLE_PRIMARY] = 3
	};
	struct peer *best = NULL;
	struct controller *ctl;

	LIST_FOR_EACH (ctl, node, &c->controllers)
		if (ctl->peer && ctl->peer->ready && !ctl->target.service &&
		    (!best || rank[ctl->peer->role] > rank[best->role]))
			best = ctl->peer;
	return best;
}

static void on_accept(void *aux, struct stream *stream)
{
	struct peer *p = choose(aux);
	struct snooper *s;

	if (!p) {
		stream_close(stream);
		return;
	}
	s = xzalloc(sizeof(*s));
	s->conn = of_conn_create(stream, ALL_VERSIONS, &events, s);
	of_conn_only_listen(s->conn);
	list_push_back(&p->snoopers, &s->node);
	of_conn_copy_to(p->conn, copy, p);
}

void peer_close_snoopers(struct peer *p)
{
	struct snooper *s, *next;

	LIST_FOR_EACH_SAFE (s, next, node, &p->snoopers)
		snooper_destroy(s);
}

int control_open_snoop(struct of_control *c, struct error *err)
{
	AUTO_FREE char *name = xasprintf("punix:%s/%s.snoop", dir_run(), switch_name(c->sw));

	return listener_open(c->loop, name, 0, -1, on_accept, c, &c->snoop, err);
}
