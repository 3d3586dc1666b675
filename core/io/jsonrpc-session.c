// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "core/io/jsonrpc.h"

LOG_MODULE(jsonrpc);

#define OVSDB_PORT 6640
#define MIN_BACKOFF 1000
#define DEFAULT_MAX_BACKOFF 8000
#define DEFAULT_PROBE 5000
#define CONNECT_MSEC 10000

enum session_state {
	SESSION_VOID,
	SESSION_BACKOFF,
	SESSION_CONNECTING,
	SESSION_ACTIVE,
	SESSION_IDLE
};

struct jsonrpc_session {
	struct loop *loop;
	const struct jsonrpc_session_events *events;
	void *aux;
	VEC(char *) remotes;
	char *remote; // the one in use or to be tried next
	size_t next; // in 'remotes', the one after it; 0 when all have had their turn
	bool retry, rejected;
	enum session_state state;
	struct stream *stream; // while connecting
	struct listener *listener; // of a passive remote
	struct jsonrpc *rpc; // while active or idle
	struct timer timer; // what the state waits for
	int probe, backoff, max_backoff;
	int reject_backoff; // goes on where the last peer that could be reached was rejected
	size_t max_message; // 0: the default
	int dscp; // -1: the system's
	size_t output_budget;
	int64_t connected_at, disconnected_at; // -1: never
	char *last_error;
	bool *destroyed;
};

static void start_connecting(struct jsonrpc_session *s);

static void stop_listening(struct jsonrpc_session *s)
{
	if (s->listener)
		listener_close(s->listener);
	s->listener = NULL;
}

static void pick_remote(struct jsonrpc_session *s)
{
	const char *name = s->remotes.v[s->next];

	// Only peers of the remote in use may come.
	if (s->remote && strcmp(s->remote, name) != 0)
		stop_listening(s);
	free(s->remote);
	s->remote = xstrdup(name);
	s->next = (s->next + 1) % s->remotes.n;
}

static void clear_remotes(struct jsonrpc_session *s)
{
	char **name;

	VEC_FOR_EACH (name, &s->remotes)
		free(*name);
	VEC_CLEAR(&s->remotes);
}

static void split_remotes(struct jsonrpc_session *s, const char *remotes)
{
	const char *p = remotes;
	size_t n;

	clear_remotes(s);
	s->next = 0;
	for (;;) {
		p += strspn(p, " ");
		n = strcspn(p, ",");
		if (n || !s->remotes.n)
			VEC_PUSH(&s->remotes, xstrndup(p, n));
		if (!p[n])
			return;
		p += n + 1;
	}
}

static void back_off(struct jsonrpc_session *s)
{
	// One attempt is one with each remote, until one was connected.
	if (!s->retry && (!s->next || (s->connected_at >= 0 && !s->rejected))) {
		s->state = SESSION_VOID;
		timer_cancel(&s->timer);
		return;
	}
	s->state = SESSION_BACKOFF;
	// With several remotes the next one is tried at once until all have been.
	if (s->next) {
		pick_remote(s);
		timer_in(&s->timer, 0);
		return;
	}
	pick_remote(s);
	timer_in(&s->timer, s->backoff);
	s->backoff = MIN(s->backoff ? s->backoff * 2 : MIN_BACKOFF, s->max_backoff);
}

// True when there was a connection: then tell_disconnected() is to follow.
static bool close_connection(struct jsonrpc_session *s, const char *reason)
{
	bool was_connected = s->rpc != NULL;

	if (was_connected && !s->rejected)
		s->reject_backoff = 0;
	free(s->last_error);
	s->last_error = reason ? xstrdup(reason) : NULL;
	stream_close(s->stream);
	s->stream = NULL;
	jsonrpc_close(s->rpc);
	s->rpc = NULL;
	if (was_connected)
		s->disconnected_at = clock_msec();
	return was_connected;
}

static void tell_disconnected(struct jsonrpc_session *s)
{
	bool destroyed = false;

	if (!s->events->disconnected)
		return;
	s->destroyed = &destroyed;
	s->events->disconnected(s->aux);
	if (!destroyed)
		s->destroyed = NULL;
}

static void drop(struct jsonrpc_session *s, const char *reason)
{
	bool was_connected = close_connection(s, reason);

	back_off(s);
	if (was_connected)
		tell_disconnected(s);
}

static void arm_probe(struct jsonrpc_session *s)
{
	if (s->probe)
		timer_at(&s->timer, jsonrpc_last_activity(s->rpc) +
					    s->probe * (s->state == SESSION_IDLE ? 2 : 1));
	else
		timer_cancel(&s->timer);
}

// The largest id: no owner counts that far.
#define PROBE_ID UINT64_MAX

static void send_probe(struct jsonrpc_session *s)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_puts(&params, "[]");
	jsonrpc_send_request(s->rpc, "echo", &params, PROBE_ID);
}

static bool is_probe_reply(const struct jsonrpc_message *m)
{
	static const char id[] = "18446744073709551615";

	return (m->type == JSONRPC_REPLY || m->type == JSONRPC_ERROR) && m->id.n == strlen(id) &&
	       !memcmp(m->id.p, id, m->id.n);
}

static void on_message(void *aux, const struct jsonrpc_message *m)
{
	struct jsonrpc_session *s = aux;

	if (s->state == SESSION_IDLE)
		s->state = SESSION_ACTIVE;
	s->backoff = 0;
	if (is_probe_reply(m))
		return;
	if (m->type == JSONRPC_REQUEST && !strcmp(m->method, "echo")) {
		jsonrpc_send_reply(s->rpc, m->params.p, m->params.n, m->id);
		return;
	}
	s->events->message(s->aux, m);
}

static void on_rpc_closed(void *aux, int err, const char *reason)
{
	struct jsonrpc_session *s = aux;

	// Clients that come, ask and go are nothing to tell.
	if (err || s->retry)
		log_info("%s: connection lost (%s)", s->remote, reason);
	else
		log_dbg("%s: connection closed by peer", s->remote);
	drop(s, reason);
}

static const struct jsonrpc_events rpc_callbacks = { on_message, on_rpc_closed };

static void on_connected(void *aux)
{
	struct jsonrpc_session *s = aux;
	struct stream *stream = s->stream;

	s->stream = NULL;
	s->rpc = jsonrpc_create(stream, s->max_message, &rpc_callbacks, s);
	jsonrpc_set_output_budget(s->rpc, s->output_budget);
	s->state = SESSION_ACTIVE;
	s->rejected = false;
	s->connected_at = clock_msec();
	log_info("%s: connected", s->remote);
	arm_probe(s);
	if (s->events->connected)
		s->events->connected(s->aux);
}

static void on_connect_failed(void *aux, int err)
{
	struct jsonrpc_session *s = aux;
	const char *reason = err ? strerror(-err) : "connection closed by peer";

	log_dbg("%s: connection attempt failed (%s)", s->remote, reason);
	drop(s, reason);
}

static void connecting_readable(void *aux) {}

static const struct stream_events connect_callbacks = {
	.connected = on_connected,
	.readable = connecting_readable,
	.closed = on_connect_failed,
};

// One peer at a time: others are turned away.
static void on_accepted(void *aux, struct stream *stream)
{
	struct jsonrpc_session *s = aux;

	if (s->state != SESSION_CONNECTING) {
		stream_close(stream);
		return;
	}
	s->stream = stream;
	on_connected(s);
}

// For as long as it takes.
static void start_listening(struct jsonrpc_session *s)
{
	struct error err = ERROR_INIT;

	timer_cancel(&s->timer);
	if (s->listener || !listener_open(s->loop, s->remote, OVSDB_PORT, s->dscp, on_accepted, s,
					  &s->listener, &err))
		return;
	s->listener = NULL;
	drop(s, err.text);
}

static void start_connecting(struct jsonrpc_session *s)
{
	struct error err = ERROR_INIT;

	s->state = SESSION_CONNECTING;
	if (stream_name_is_passive(s->remote)) {
		start_listening(s);
		return;
	}
	if (stream_open(s->loop, s->remote, OVSDB_PORT, s->dscp, &connect_callbacks, s, &s->stream,
			&err) < 0) {
		log_dbg("%s", err.text);
		s->stream = NULL;
		drop(s, err.text);
		return;
	}
	timer_in(&s->timer, CONNECT_MSEC);
}

static void on_timer(struct timer *t)
{
	struct jsonrpc_session *s = CONTAINER_OF(t, struct jsonrpc_session, timer);
	int64_t silence;

	switch (s->state) {
	case SESSION_VOID:
		return;
	case SESSION_BACKOFF:
		start_connecting(s);
		return;
	case SESSION_CONNECTING:
		drop(s, "connection attempt timed out");
		return;
	case SESSION_ACTIVE:
		silence = clock_msec() - jsonrpc_last_activity(s->rpc);
		if (s->probe && silence >= s->probe) {
			s->state = SESSION_IDLE;
			send_probe(s);
		}
		arm_probe(s);
		return;
	case SESSION_IDLE:
		silence = clock_msec() - jsonrpc_last_activity(s->rpc);
		if (silence < s->probe * 2) {
			arm_probe(s);
			return;
		}
		log_err("%s: no response to inactivity probe after %d ms, disconnecting", s->remote,
			s->probe);
		drop(s, "no response to inactivity probe");
	}
}

static struct jsonrpc_session *create(struct loop *l, const char *remotes, bool retry,
				      const struct jsonrpc_session_events *events, void *aux)
{
	struct jsonrpc_session *s = xzalloc(sizeof(*s));

	s->loop = l;
	split_remotes(s, remotes);
	s->retry = retry;
	s->events = events;
	s->aux = aux;
	s->dscp = -1;
	s->probe = DEFAULT_PROBE;
	s->max_backoff = DEFAULT_MAX_BACKOFF;
	s->connected_at = s->disconnected_at = -1;
	timer_init(&s->timer, l, on_timer);
	pick_remote(s);
	return s;
}

struct jsonrpc_session *jsonrpc_session_open(struct loop *l, const char *remotes, bool retry,
					     const struct jsonrpc_session_events *events, void *aux)
{
	struct jsonrpc_session *s = create(l, remotes, retry, events, aux);

	// From the loop, so that the owner holds the session before its first callback.
	s->state = SESSION_BACKOFF;
	timer_in(&s->timer, 0);
	return s;
}

struct jsonrpc_session *jsonrpc_session_accept(struct loop *l, struct stream *stream,
					       const struct jsonrpc_session_events *events,
					       void *aux)
{
	struct jsonrpc_session *s = create(l, stream_name(stream), false, events, aux);

	s->rpc = jsonrpc_create(stream, s->max_message, &rpc_callbacks, s);
	s->state = SESSION_ACTIVE;
	s->connected_at = clock_msec();
	arm_probe(s);
	return s;
}

void jsonrpc_session_close(struct jsonrpc_session *s)
{
	if (!s)
		return;
	if (s->destroyed)
		*s->destroyed = true;
	timer_cancel(&s->timer);
	stream_close(s->stream);
	stop_listening(s);
	jsonrpc_close(s->rpc);
	clear_remotes(s);
	VEC_FREE(&s->remotes);
	free(s->remote);
	free(s->last_error);
	free(s);
}

bool jsonrpc_session_is_connected(const struct jsonrpc_session *s)
{
	return s->rpc != NULL;
}

bool jsonrpc_session_is_dead(const struct jsonrpc_session *s)
{
	return s->state == SESSION_VOID;
}

struct jsonrpc *jsonrpc_session_rpc(struct jsonrpc_session *s)
{
	return s->rpc;
}

void jsonrpc_session_set_probe_interval(struct jsonrpc_session *s, int msec)
{
	s->probe = msec;
	if (s->rpc)
		arm_probe(s);
}

void jsonrpc_session_set_max_backoff(struct jsonrpc_session *s, int msec)
{
	s->max_backoff = MAX(msec, MIN_BACKOFF);
	s->backoff = MIN(s->backoff, s->max_backoff);
}

void jsonrpc_session_set_output_budget(struct jsonrpc_session *s, size_t bytes)
{
	s->output_budget = bytes;
	if (s->rpc)
		jsonrpc_set_output_budget(s->rpc, bytes);
}

void jsonrpc_session_hold(struct jsonrpc_session *s, bool held)
{
	if (s->rpc)
		jsonrpc_hold(s->rpc, held);
}

void jsonrpc_session_set_dscp(struct jsonrpc_session *s, int dscp)
{
	s->dscp = dscp;
}

void jsonrpc_session_set_max_message(struct jsonrpc_session *s, size_t max)
{
	s->max_message = max;
	if (s->rpc)
		jsonrpc_set_max_message(s->rpc, max);
}

void jsonrpc_session_force_reconnect(struct jsonrpc_session *s)
{
	if (s->rpc || s->stream)
		drop(s, "reconnect requested");
}

void jsonrpc_session_reject(struct jsonrpc_session *s, const char *reason)
{
	if (!s->rpc)
		return;
	log_info("%s: %s", s->remote, reason);
	s->rejected = true;
	s->backoff = MAX(s->backoff, s->reject_backoff);
	s->reject_backoff = s->backoff ? MIN(s->backoff * 2, s->max_backoff) : MIN_BACKOFF;
	drop(s, reason);
}

void jsonrpc_session_set_remotes(struct jsonrpc_session *s, const char *remotes)
{
	bool was_connected;

	split_remotes(s, remotes);
	for (size_t i = 0; i < s->remotes.n; i++)
		if (!strcmp(s->remotes.v[i], s->remote) && (s->rpc || s->stream || s->listener)) {
			s->next = (i + 1) % s->remotes.n;
			return;
		}
	was_connected = close_connection(s, "other remotes are to be used");
	s->backoff = s->reject_backoff = 0;
	s->state = SESSION_BACKOFF;
	pick_remote(s);
	timer_in(&s->timer, 0);
	if (was_connected)
		tell_disconnected(s);
}

size_t jsonrpc_session_n_remotes(const struct jsonrpc_session *s)
{
	return s->remotes.n;
}

const char *jsonrpc_session_state(const struct jsonrpc_session *s)
{
	static const char *const names[] = { "VOID", "BACKOFF", "CONNECTING", "ACTIVE", "IDLE" };

	return names[s->state];
}

static int64_t seconds_since(int64_t when)
{
	return when < 0 ? -1 : (clock_msec() - when) / 1000;
}

int64_t jsonrpc_session_sec_connected(const struct jsonrpc_session *s)
{
	return seconds_since(s->connected_at);
}

int64_t jsonrpc_session_sec_disconnected(const struct jsonrpc_session *s)
{
	return seconds_since(s->disconnected_at);
}

const char *jsonrpc_session_last_error(const struct jsonrpc_session *s)
{
	return s->last_error;
}

const char *jsonrpc_session_name(const struct jsonrpc_session *s)
{
	return s->remote;
}

const char *jsonrpc_session_peer_id(const struct jsonrpc_session *s)
{
	return s->rpc ? jsonrpc_peer_id(s->rpc) : NULL;
}
