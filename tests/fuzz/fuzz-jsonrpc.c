// SPDX-License-Identifier: Apache-2.0
// JSON-RPC messages from a peer, and the JSON reader on what is in them. The first byte says how many bytes come at a time.
// The stream is this file's own.
#include "core/io/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// ---- A stream that reads from memory ----

struct stream {
	const uint8_t *p;
	size_t n, chunk;
	const struct stream_events *events;
	void *aux;
};

void stream_set_events(struct stream *s, const struct stream_events *events, void *aux)
{
	s->events = events;
	s->aux = aux;
}

void stream_close(struct stream *s)
{
	s->events = NULL;
}

void stream_close_after_flush(struct stream *s)
{
	s->events = NULL;
}

ssize_t stream_recv(struct stream *s, void *buf, size_t n)
{
	n = MIN(MIN(n, s->n), s->chunk);
	if (!n)
		return -EAGAIN;
	memcpy(buf, s->p, n);
	s->p += n;
	s->n -= n;
	return n;
}

void stream_send(struct stream *s, const void *buf, size_t n) {}

size_t stream_backlog(const struct stream *s)
{
	return 0;
}

const char *stream_name(const struct stream *s)
{
	return "memory";
}

const char *stream_peer_id(const struct stream *s)
{
	return NULL;
}

bool stream_may_hold_more(const struct stream *s)
{
	return true;
}

void stream_send_shared(struct stream *s, struct shared_text *text) {}
void stream_set_reading(struct stream *s, bool on) {}
void stream_cork(struct stream *s, bool corked) {}

int64_t stream_progress(const struct stream *s)
{
	return 0;
}

struct loop *stream_loop(const struct stream *s)
{
	return NULL;
}

// ---- What is done with a message ----

static void read_value(struct json_reader *r, unsigned int depth);

static void read_members(struct json_reader *r, unsigned int depth)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len))
		read_value(r, depth + 1);
}

static void read_elements(struct json_reader *r, unsigned int depth)
{
	json_array(r);
	while (json_element(r))
		read_value(r, depth + 1);
}

static void read_value(struct json_reader *r, unsigned int depth)
{
	size_t len;

	switch (depth < 100 ? json_peek(r) : JSON_NULL) {
	case JSON_OBJECT:
		read_members(r, depth);
		break;
	case JSON_ARRAY:
		read_elements(r, depth);
		break;
	case JSON_STRING:
		json_string(r, &len);
		break;
	case JSON_NUMBER:
		if (json_next_is_integer(r))
			json_integer(r);
		else
			json_real(r);
		break;
	default:
		json_skip(r);
	}
}

// What the framer took for JSON equals itself, whichever way it is read.
static void check(struct json_span s)
{
	struct json_reader r;

	if (!s.n)
		return;
	json_reader_init_span(&r, s);
	read_value(&r, 0);
	if (!json_failed(&r))
		assert(json_equal(s, s));
	json_reader_uninit(&r);
	// The framer's callers have checked it.
	json_reader_init_checked(&r, s);
	assert(json_skip(&r).n == s.n && !json_failed(&r));
	json_reader_uninit(&r);
}

static bool is_closed;

static void on_message(void *rpc, const struct jsonrpc_message *m)
{
	check(m->params);
	check(m->result);
	check(m->error);
	check(m->id);
	if (m->type == JSONRPC_REQUEST)
		jsonrpc_send_reply(*(struct jsonrpc **)rpc, m->params.p, m->params.n, m->id);
}

static void on_closed(void *rpc, int err, const char *reason)
{
	assert(!is_closed && reason[0]);
	is_closed = true;
}

static const struct jsonrpc_events events = { on_message, on_closed };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = { data + 1, size - 1, size ? data[0] + 1u : 1, NULL, NULL };
	struct jsonrpc *rpc;

	if (!size)
		return 0;
	is_closed = false;
	rpc = jsonrpc_create(&s, 1 << 16, &events, &rpc);
	for (size_t before = 0; !is_closed && s.n && s.n != before;) {
		before = s.n;
		s.events->readable(s.aux);
	}
	jsonrpc_close(rpc);
	return 0;
}
