// SPDX-License-Identifier: Apache-2.0
#include "utilities/ofp-client.h"

#include <stdio.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/vec.h"
#include "core/io/appctl.h"

#define OPENFLOW_PORT 6653
// Messages in flight towards a slow peer before more are made.
#define BACKLOG_MAX (8u << 20)

struct queue {
	VEC(struct strbuf) list;
	size_t first; // those before it have been taken
};

struct ofp_client {
	struct loop *loop;
	struct of_conn *conn;
	const char *target;
	bool ready, only_listens;
	int64_t deadline; // real msec; 0: none
	struct queue in; // messages not taken yet
	struct queue errors; // that came while something else was waited for: they are taken first
	struct strbuf taken;
	struct msg msg;
	bool failed; // an error message has been printed
};

static void on_ready(void *aux)
{
	((struct ofp_client *)aux)->ready = true;
}

static bool queue_take(struct queue *q, struct strbuf *ret)
{
	if (q->first == q->list.n) {
		q->first = q->list.n = 0;
		return false;
	}
	*ret = q->list.v[q->first++];
	return true;
}

static void queue_free(struct queue *q)
{
	struct strbuf b;

	while (queue_take(q, &b))
		strbuf_uninit(&b);
	VEC_FREE(&q->list);
}

static void on_message(void *aux, const struct msg *m)
{
	struct ofp_client *c = aux;
	struct strbuf *b = VEC_PUSH_UNINIT(&c->in.list);

	strbuf_init(b);
	strbuf_put(b, m->whole, m->size);
}

static void on_closed(void *aux, int err, const char *reason)
{
	struct ofp_client *c = aux;

	fatal(0,
	      c->ready ? "OpenFlow packet receive failed: %s (%s)" : "%s: failed to connect (%s)",
	      c->ready ? c->target : c->target, reason);
}

static const struct of_conn_events events = {
	.ready = on_ready,
	.message = on_message,
	.closed = on_closed,
};

// Runs the loop until there is something, or time is out.
static void step(struct ofp_client *c)
{
	int wait = -1;

	if (c->deadline) {
		int64_t left = c->deadline - clock_real_nsec() / 1000000;

		if (left <= 0)
			fatal(0, "%s: timed out", c->target);
		wait = left;
	}
	loop_step(c->loop, wait);
}

// The name of the stream behind a target; of a bridge, its socket with this suffix.
static char *resolve(const char *target, const char *suffix)
{
	AUTO_FREE char *name = NULL, *path = NULL;
	struct stat st;

	if (stream_name_is_active(target))
		return xstrdup(target);
	if (!stat(target, &st) && S_ISSOCK(st.st_mode))
		return xasprintf("unix:%s", target);
	name = xasprintf("%s.%s", target, suffix);
	path = *target == '/' ? xstrdup(name) : xasprintf("%s/%s", dir_run(), name);
	if (stat(path, &st))
		fatal(0, "%s is not a bridge or a socket", target);
	return xasprintf("unix:%s", path);
}

static struct ofp_client *open_socket(const char *target, const char *suffix, bool only_listen,
				      uint32_t versions, unsigned int timeout)
{
	struct ofp_client *c = xzalloc(sizeof(*c));
	AUTO_FREE char *name = resolve(target, suffix);
	struct error err = ERROR_INIT;
	struct stream *s;

	c->loop = loop_create();
	c->target = target;
	if (timeout)
		c->deadline = clock_real_nsec() / 1000000 + timeout * 1000ll;
	if (stream_open_block(c->loop, name, OPENFLOW_PORT, timeout ? (int)timeout * 1000 : -1,
			      NULL, NULL, &s, &err))
		fatal(0, "%s: failed to connect (%s)", target, err.text);
	c->conn = of_conn_create(s, versions, &events, c);
	c->only_listens = only_listen;
	if (only_listen)
		of_conn_only_listen(c->conn);
	while (!c->ready)
		step(c);
	return c;
}

struct ofp_client *ofp_client_open(const char *target, uint32_t versions, unsigned int timeout)
{
	return open_socket(target, "mgmt", false, versions, timeout);
}

struct ofp_client *ofp_client_open_snoop(const char *target, uint32_t versions,
					 unsigned int timeout)
{
	return open_socket(target, "snoop", true, versions, timeout);
}

void ofp_client_close(struct ofp_client *c)
{
	of_conn_close(c->conn, false);
	queue_free(&c->in);
	queue_free(&c->errors);
	strbuf_uninit(&c->taken);
	loop_destroy(c->loop);
	free(c);
}

const char *ofp_client_name(const struct ofp_client *c)
{
	return of_conn_name(c->conn);
}

const char *ofp_client_target(const struct ofp_client *c)
{
	return c->target;
}

uint8_t ofp_client_version(const struct ofp_client *c)
{
	return of_conn_version(c->conn);
}

uint32_t ofp_client_xid(struct ofp_client *c)
{
	return of_conn_next_xid(c->conn);
}

void ofp_client_send(struct ofp_client *c, const struct strbuf *messages)
{
	of_conn_send(c->conn, messages->s, messages->len);
	while (of_conn_backlog(c->conn) > BACKLOG_MAX)
		step(c);
}

struct loop *ofp_client_loop(const struct ofp_client *c)
{
	return c->loop;
}

void ofp_client_wait(struct ofp_client *c)
{
	step(c);
}

void ofp_client_hold(struct ofp_client *c, bool on)
{
	of_conn_hold(c->conn, on);
}

const struct msg *ofp_client_next(struct ofp_client *c)
{
	struct strbuf next;

	if (!queue_take(&c->errors, &next) && !queue_take(&c->in, &next))
		return NULL;
	strbuf_uninit(&c->taken);
	c->taken = next;
	if (msg_decode_header(c->taken.s, c->taken.len, &c->msg) && !c->only_listens)
		fatal(0, "%s: malformed message", c->target);
	return &c->msg;
}

const struct msg *ofp_client_receive(struct ofp_client *c)
{
	const struct msg *m;

	while (!(m = ofp_client_next(c)))
		step(c);
	return m;
}

static void print_to_stderr(const struct msg *m)
{
	AUTO(strbuf) s = STRBUF_INIT;

	msg_print(m->whole, m->size, NULL, 1, &s);
	fputs(s.s, stderr);
}

// Errors about what else has been sent stay for those who ask how that went.
static const struct msg *receive_answer(struct ofp_client *c, uint32_t xid)
{
	struct queue others = { .list = VEC_INIT };
	const struct msg *m;

	while ((m = ofp_client_receive(c))->xid != xid)
		if (m->type == MSG_ERROR) {
			VEC_PUSH(&others.list, c->taken);
			c->taken = (struct strbuf)STRBUF_INIT;
		}
	queue_free(&c->errors);
	c->errors = others;
	if (m->type == MSG_ERROR) {
		print_to_stderr(m);
		exit(EXIT_FAILURE);
	}
	return m;
}

static uint32_t xid_of(const struct strbuf *message)
{
	struct reader r = rd_init(message->s, message->len);

	rd_skip(&r, 4);
	return rd_be32(&r);
}

const struct msg *ofp_client_transact(struct ofp_client *c, const struct strbuf *request)
{
	ofp_client_send(c, request);
	return receive_answer(c, xid_of(request));
}

void ofp_client_multipart(struct ofp_client *c, const struct strbuf *request,
			  void (*cb)(struct msg *part, void *aux), void *aux)
{
	bool more = true;

	ofp_client_send(c, request);
	while (more) {
		struct msg m = *receive_answer(c, xid_of(request));

		more = m.mp_flags & 1;
		cb(&m, aux);
	}
}

bool ofp_client_try(struct ofp_client *c, const struct strbuf *request)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t xid = ofp_client_xid(c);
	bool refused = false;
	const struct msg *m;

	msg_put_plain(MSG_BARRIER_REQUEST, ofp_client_version(c), xid, &b);
	ofp_client_send(c, request);
	ofp_client_send(c, &b);
	do {
		m = ofp_client_receive(c);
		refused |= m->type == MSG_ERROR && m->xid == xid_of(request);
	} while (m->type != MSG_BARRIER_REPLY || m->xid != xid);
	return !refused;
}

bool ofp_client_barrier(struct ofp_client *c)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t xid = ofp_client_xid(c);
	const struct msg *m;

	msg_put_plain(MSG_BARRIER_REQUEST, ofp_client_version(c), xid, &b);
	ofp_client_send(c, &b);
	do {
		m = ofp_client_receive(c);
		if (m->type == MSG_ERROR) {
			print_to_stderr(m);
			c->failed = true;
		}
	} while (m->type != MSG_BARRIER_REPLY || m->xid != xid);
	return !c->failed;
}
