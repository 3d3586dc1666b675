// SPDX-License-Identifier: Apache-2.0
#include "core/io/jsonrpc.h"

#include "core/base/clock.h"

#define DEFAULT_MAX_MESSAGE ((size_t)1 << 30)
#define READ_CHUNK 65536

struct jsonrpc {
	struct stream *stream;
	const struct jsonrpc_events *events;
	void *aux;
	struct strbuf in;
	size_t scanned; // bytes of 'in' that the framer has seen
	struct json_framer framer;
	size_t max_message, output_budget;
	bool paused, held;
	struct timer unheld;
	int64_t last_activity;
	bool *destroyed; // set while a callback runs, so that closing from inside it is noticed
};

static bool parse_message(struct json_reader *r, struct jsonrpc_message *m, bool *has)
{
	static const char *const names[] = { "method", "params", "id", "result", "error" };
	struct json_span spans[5] = { { 0 } };
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && !json_key_is(key, len, names[i]))
			i++;
		if (i == ARRAY_SIZE(names)) {
			json_fail(r, "unknown member \"%.*s\"", (int)MIN(len, (size_t)40), key);
			return false;
		}
		spans[i] = json_skip(r);
		has[i] = spans[i].n && !(spans[i].n == 4 && !memcmp(spans[i].p, "null", 4));
	}
	if (has[0]) {
		struct json_reader method;
		const char *s;

		json_reader_init_span(&method, spans[0]);
		s = json_string(&method, &len);
		if (json_failed(&method) || len >= sizeof(m->method))
			json_fail(r, "\"method\" must be a short string");
		else
			memcpy(m->method, s, len);
		json_reader_uninit(&method);
	}
	m->params = spans[1];
	m->id = spans[2];
	m->result = spans[3];
	m->error = spans[4];
	return !json_failed(r);
}

// NULL when the message is well formed, else what is wrong with it.
static const char *classify(struct jsonrpc_message *m, const bool *has)
{
	bool method = has[0], params = m->params.n > 0, id = has[2], result = m->result.n > 0,
	     error = has[4];

	if (method) {
		if (!params || m->params.p[0] != '[')
			return "request without an array of params";
		if (has[3] || error)
			return "request with a result or error";
		m->type = id ? JSONRPC_REQUEST : JSONRPC_NOTIFY;
		return NULL;
	}
	if (!id)
		return "reply without id";
	if (params)
		return "reply with params";
	if (!result && !error)
		return "neither method nor result nor error";
	m->type = error ? JSONRPC_ERROR : JSONRPC_REPLY;
	return NULL;
}

static void closed(struct jsonrpc *rpc, int err, const char *reason)
{
	rpc->events->closed(rpc->aux, err, reason);
}

// Handles the message of 'n' bytes at the front. False when 'rpc' is gone or broken.
static bool handle(struct jsonrpc *rpc, size_t n)
{
	struct jsonrpc_message m = { 0 };
	struct error err = ERROR_INIT;
	bool destroyed = false, has[5] = { false }, ok;
	struct json_reader r;
	const char *why = NULL;

	json_reader_init(&r, rpc->in.s, n);
	ok = parse_message(&r, &m, has);
	if (json_finish(&r, &err) < 0)
		ok = false;
	else if (ok)
		why = classify(&m, has);
	json_reader_uninit(&r);
	if (!ok || why) {
		closed(rpc, -EPROTO, ok ? why : err.text);
		return false;
	}
	rpc->destroyed = &destroyed;
	rpc->events->message(rpc->aux, &m);
	if (destroyed)
		return false;
	rpc->destroyed = NULL;
	return true;
}

static void drop_front(struct jsonrpc *rpc, size_t n)
{
	memmove(rpc->in.s, rpc->in.s + n, rpc->in.len - n);
	strbuf_truncate(&rpc->in, rpc->in.len - n);
	if (!rpc->in.len && rpc->in.cap > 1 << 20)
		strbuf_uninit(&rpc->in);
}

static bool is_over_budget(struct jsonrpc *rpc)
{
	if (rpc->output_budget && stream_backlog(rpc->stream) > rpc->output_budget &&
	    !rpc->paused) {
		rpc->paused = true;
		stream_set_reading(rpc->stream, false);
	}
	return rpc->paused || rpc->held;
}

// Delivers the whole messages that have come. Several small ones are cut out of the buffer together.
static bool deliver(struct jsonrpc *rpc)
{
	while (rpc->scanned < rpc->in.len && !is_over_budget(rpc)) {
		bool complete;
		ssize_t n = json_frame(&rpc->framer, rpc->in.s + rpc->scanned,
				       rpc->in.len - rpc->scanned, &complete);

		if (n < 0) {
			closed(rpc, -EPROTO, "input is not JSON-RPC");
			return false;
		}
		rpc->scanned += n;
		if (!complete) {
			if (rpc->in.len <= rpc->max_message)
				return true;
			closed(rpc, -EMSGSIZE, "message too large");
			return false;
		}
		n = rpc->scanned;
		if (!handle(rpc, n))
			return false;
		drop_front(rpc, n);
		rpc->scanned = 0;
	}
	return true;
}

static void on_readable(void *aux)
{
	struct jsonrpc *rpc = aux;

	// Some rounds only: other clients wait too; the loop calls again.
	for (int i = 0; i < 16; i++) {
		char *dst = strbuf_reserve(&rpc->in, READ_CHUNK);
		ssize_t n = stream_recv(rpc->stream, dst, READ_CHUNK);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			closed(rpc, n, n ? strerror(-n) : "connection closed by peer");
			return;
		}
		rpc->in.len += n;
		rpc->in.s[rpc->in.len] = '\0';
		rpc->last_activity = clock_msec();
		if (!deliver(rpc) || rpc->paused || rpc->held)
			return;
		if ((size_t)n < READ_CHUNK && !stream_may_hold_more(rpc->stream))
			return;
	}
}

// What has come and was not taken, then more.
static void go_on(struct jsonrpc *rpc)
{
	if (deliver(rpc) && !rpc->paused && !rpc->held)
		stream_set_reading(rpc->stream, true);
}

static void on_drained(void *aux)
{
	struct jsonrpc *rpc = aux;

	if (!rpc->paused)
		return;
	rpc->paused = false;
	go_on(rpc);
}

static void on_unheld(struct timer *t)
{
	go_on(CONTAINER_OF(t, struct jsonrpc, unheld));
}

void jsonrpc_hold(struct jsonrpc *rpc, bool held)
{
	rpc->held = held;
	rpc->last_activity = clock_msec();
	if (held)
		stream_set_reading(rpc->stream, false);
	else
		timer_in(&rpc->unheld, 0);
}

static void on_closed(void *aux, int err)
{
	closed(aux, err, err ? strerror(-err) : "connection closed by peer");
}

static const struct stream_events stream_callbacks = {
	.readable = on_readable,
	.drained = on_drained,
	.closed = on_closed,
};

struct jsonrpc *jsonrpc_create(struct stream *s, size_t max_message,
			       const struct jsonrpc_events *events, void *aux)
{
	struct jsonrpc *rpc = xzalloc(sizeof(*rpc));

	rpc->stream = s;
	rpc->events = events;
	rpc->aux = aux;
	rpc->max_message = max_message ? max_message : DEFAULT_MAX_MESSAGE;
	rpc->last_activity = clock_msec();
	timer_init(&rpc->unheld, stream_loop(s), on_unheld);
	stream_set_events(s, &stream_callbacks, rpc);
	return rpc;
}

void jsonrpc_set_max_message(struct jsonrpc *rpc, size_t max)
{
	rpc->max_message = max ? max : DEFAULT_MAX_MESSAGE;
}

static void destroy(struct jsonrpc *rpc)
{
	if (rpc->destroyed)
		*rpc->destroyed = true;
	timer_cancel(&rpc->unheld);
	strbuf_uninit(&rpc->in);
	free(rpc);
}

void jsonrpc_close(struct jsonrpc *rpc)
{
	if (!rpc)
		return;
	stream_close(rpc->stream);
	destroy(rpc);
}

void jsonrpc_close_after_flush(struct jsonrpc *rpc)
{
	if (!rpc)
		return;
	stream_close_after_flush(rpc->stream);
	destroy(rpc);
}

static void send_text(struct jsonrpc *rpc, struct strbuf *b)
{
	stream_send(rpc->stream, b->s, b->len);
	strbuf_uninit(b);
}

static void put_call(struct strbuf *b, const char *method, const struct strbuf *params,
		     const char *id)
{
	strbuf_reserve(b, strlen(method) + params->len + 64);
	strbuf_puts(b, "{\"id\":");
	strbuf_puts(b, id);
	strbuf_puts(b, ",\"method\":");
	json_put_string(b, method, strlen(method));
	strbuf_puts(b, ",\"params\":");
	strbuf_put(b, params->s, params->len);
	strbuf_putc(b, '}');
}

void jsonrpc_send_request(struct jsonrpc *rpc, const char *method, const struct strbuf *params,
			  uint64_t id)
{
	struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *text = xasprintf("%llu", (unsigned long long)id);

	put_call(&b, method, params, text);
	send_text(rpc, &b);
}

void jsonrpc_format_notify(struct strbuf *text, const char *method, const struct strbuf *params)
{
	put_call(text, method, params, "null");
}

void jsonrpc_send_notify(struct jsonrpc *rpc, const char *method, const struct strbuf *params)
{
	struct strbuf b = STRBUF_INIT;

	jsonrpc_format_notify(&b, method, params);
	send_text(rpc, &b);
}

void jsonrpc_send_text(struct jsonrpc *rpc, const struct strbuf *text)
{
	stream_send(rpc->stream, text->s, text->len);
}

void jsonrpc_set_output_budget(struct jsonrpc *rpc, size_t bytes)
{
	rpc->output_budget = bytes;
}

void jsonrpc_cork(struct jsonrpc *rpc, bool corked)
{
	stream_cork(rpc->stream, corked);
}

static void send_answer(struct jsonrpc *rpc, const char *result, size_t n_result, const char *error,
			size_t n_error, struct json_span id)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_reserve(&b, id.n + n_result + n_error + 32);
	strbuf_puts(&b, "{\"id\":");
	strbuf_put(&b, id.p, id.n);
	strbuf_puts(&b, ",\"result\":");
	strbuf_put(&b, result, n_result);
	strbuf_puts(&b, ",\"error\":");
	strbuf_put(&b, error, n_error);
	strbuf_putc(&b, '}');
	send_text(rpc, &b);
}

void jsonrpc_send_reply_shared(struct jsonrpc *rpc, struct json_span id, const char *before,
			       struct shared_text *text, const char *after)
{
	struct strbuf head = STRBUF_INIT, tail = STRBUF_INIT;

	strbuf_puts(&head, "{\"id\":");
	strbuf_put(&head, id.p, id.n);
	strbuf_printf(&head, ",\"result\":%s", before);
	send_text(rpc, &head);
	stream_send_shared(rpc->stream, text);
	strbuf_printf(&tail, "%s,\"error\":null}", after);
	send_text(rpc, &tail);
}

void jsonrpc_send_reply(struct jsonrpc *rpc, const char *result, size_t n, struct json_span id)
{
	send_answer(rpc, result, n, "null", 4, id);
}

void jsonrpc_send_error(struct jsonrpc *rpc, const char *error, size_t n, struct json_span id)
{
	send_answer(rpc, "null", 4, error, n, id);
}

size_t jsonrpc_backlog(const struct jsonrpc *rpc)
{
	return stream_backlog(rpc->stream);
}

const char *jsonrpc_name(const struct jsonrpc *rpc)
{
	return stream_name(rpc->stream);
}

int64_t jsonrpc_last_activity(const struct jsonrpc *rpc)
{
	// Nobody listens to one that is held.
	return rpc->held ? clock_msec() : MAX(rpc->last_activity, stream_progress(rpc->stream));
}

const char *jsonrpc_peer_id(const struct jsonrpc *rpc)
{
	return stream_peer_id(rpc->stream);
}
