// SPDX-License-Identifier: Apache-2.0
#include "ofproto/openflow/conn.h"

#include <strings.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "ofproto/openflow/wire-private.h"

// Read at a time. What a peer sends without a pause must not keep others waiting: the loop comes back for the rest.
#define CHUNK 16384

struct of_conn {
	struct stream *stream;
	struct of_conn_events events;
	void *aux;
	uint32_t versions;
	uint8_t version;
	bool hello_sent, table_id_ext, only_listens, held, deaf;
	void (*copy)(void *aux, const void *p, size_t n); // NULL: nobody looks on
	void *copy_aux;
	size_t backlog_limit; // bytes, 0: none
	uint64_t n_bytes; // given to the stream
	bool paused; // the peer is to take what waits for it first
	bool in_callback, dead; // closed within one of our callbacks: freed when that is over
	uint32_t next_xid;
	int64_t last_received;
	struct strbuf in;
	size_t in_start; // bytes of 'in' that are used up
};

static void transmit(struct of_conn *c, const void *p, size_t n)
{
	c->n_bytes += n;
	stream_send(c->stream, p, n);
}

// ---- Negotiation ----

static void send_hello(struct of_conn *c)
{
	AUTO(strbuf) b = STRBUF_INIT;

	if (c->hello_sent)
		return;
	c->hello_sent = true;
	hello_encode(c->versions, of_conn_next_xid(c), &b);
	transmit(c, b.s, b.len);
	counter_inc(COUNTER_VCONN_SENT);
}

static void fail(struct of_conn *c, int err, const char *reason)
{
	if (!c->dead && c->events.closed)
		c->events.closed(c->aux, err, reason);
}

// "version 0x01", "version 0x06 and earlier", "versions 0x01, 0x04".
static void put_versions(uint32_t versions, struct strbuf *out)
{
	const char *comma = "";

	if (versions && !(versions & (versions - 1))) {
		strbuf_printf(out, "version 0x%02x", (unsigned int)__builtin_ctz(versions));
		return;
	}
	if (versions >> OFP10 & 1 && !((versions >> OFP10) & ((versions >> OFP10) + 1))) {
		strbuf_printf(out, "version 0x%02x and earlier", 31u - __builtin_clz(versions));
		return;
	}
	strbuf_puts(out, "versions ");
	for (; versions; versions &= versions - 1, comma = ", ")
		strbuf_printf(out, "%s0x%02x", comma, (unsigned int)__builtin_ctz(versions));
}

static void fail_versions(struct of_conn *c, uint32_t theirs)
{
	AUTO(strbuf) reason = STRBUF_INIT;

	strbuf_puts(&reason, "version negotiation failed (we support ");
	put_versions(c->versions, &reason);
	strbuf_puts(&reason, ", peer supports ");
	put_versions(theirs, &reason);
	strbuf_puts(&reason, ")");
	fail(c, -EPROTO, reason.s);
}

static void on_hello(struct of_conn *c, const struct msg *m)
{
	uint32_t theirs = hello_decode(m), common = theirs & c->versions;
	AUTO(strbuf) b = STRBUF_INIT;

	if (c->version)
		return; // a second one changes nothing
	if (!common) {
		uint8_t version = MIN(MAX(m->version, OFP10), OFP15);

		ofperr_encode(OFPERR_OFPHFC_INCOMPATIBLE, version, m->whole, m->size, &b);
		transmit(c, b.s, b.len);
		fail_versions(c, theirs);
		return;
	}
	c->version = 31 - __builtin_clz(common);
	c->events.ready(c->aux);
}

// ---- Messages ----

static void remember_extension(struct of_conn *c, const struct msg *m)
{
	uint32_t on;

	if (m->type == MSG_FLOW_MOD_TABLE_ID && !nx_number_decode(m, &on))
		c->table_id_ext = on;
}

static void deliver(struct of_conn *c, struct msg *m)
{
	AUTO(strbuf) b = STRBUF_INIT;

	if (m->type == MSG_ECHO_REQUEST) {
		echo_reply_encode(m, &b);
		of_conn_send(c, b.s, b.len);
		return;
	}
	remember_extension(c, m);
	m->table_id_ext = c->table_id_ext;
	c->events.message(c->aux, m);
}

static void one_message(struct of_conn *c, const void *p, size_t n)
{
	struct msg m;
	enum ofperr e = msg_decode_header(p, n, &m);

	counter_inc(COUNTER_VCONN_RECEIVED);
	c->last_received = clock_msec();
	if (c->copy)
		c->copy(c->copy_aux, p, n);
	if (!e && m.type == MSG_HELLO) {
		on_hello(c, &m);
		return;
	}
	if (!c->version) {
		// An error in place of a hello tells why there will be none.
		fail(c, -EPROTO,
		     m.type == MSG_ERROR ? ofperr_text(ofperr_decode(p, n))
					 : "message before the versions are agreed");
		return;
	}
	if (c->only_listens) {
		c->events.message(c->aux, &m);
		return;
	}
	if (!e && m.version != c->version)
		e = OFPERR_OFPBRC_BAD_VERSION;
	if (!e) {
		deliver(c, &m);
		return;
	}
	// An error about an error would never end.
	if (((const uint8_t *)p)[1] != 1)
		of_conn_send_error(c, e, &m);
	if (c->events.bad)
		c->events.bad(c->aux, e);
}

static bool is_full(const struct of_conn *c)
{
	return c->backlog_limit && stream_backlog(c->stream) > c->backlog_limit;
}

static void take_messages(struct of_conn *c)
{
	while (!c->dead && !c->deaf && !is_full(c)) {
		const uint8_t *p = (const uint8_t *)c->in.s + c->in_start;
		size_t left = c->in.len - c->in_start, length;

		if (left < OF_HEADER_LEN)
			break;
		length = p[2] << 8 | p[3];
		if (length < OF_HEADER_LEN) {
			fail(c, -EPROTO, "message is shorter than its header");
			return;
		}
		if (left < length)
			break;
		c->in_start += length;
		one_message(c, p, length);
	}
	if (c->deaf)
		c->in_start = c->in.len;
	if (c->dead || !c->in_start)
		return;
	memmove(c->in.s, c->in.s + c->in_start, c->in.len - c->in_start);
	strbuf_truncate(&c->in, c->in.len - c->in_start);
	c->in_start = 0;
}

static void conn_free(struct of_conn *c)
{
	strbuf_uninit(&c->in);
	free(c);
}

static void leave(struct of_conn *c)
{
	c->in_callback = false;
	if (c->dead)
		conn_free(c);
}

// ---- The stream's events ----

static void on_connected(void *aux)
{
	send_hello(aux);
}

static void pause_if_full(struct of_conn *c)
{
	if (c->dead)
		return;
	c->paused = is_full(c);
	stream_set_reading(c->stream, !c->paused && !c->held);
}

static void on_readable(void *aux)
{
	struct of_conn *c = aux;
	ssize_t n;

	if (c->paused || c->held)
		return;
	c->in_callback = true;
	n = stream_recv(c->stream, strbuf_reserve(&c->in, CHUNK), CHUNK);
	if (n > 0) {
		c->in.len += n;
		take_messages(c);
		pause_if_full(c);
	} else if (n != -EAGAIN) {
		fail(c, n, n ? strerror(-n) : "connection closed by peer");
	}
	leave(c);
}

static void on_drained(void *aux)
{
	struct of_conn *c = aux;

	c->in_callback = true;
	if (c->events.drained)
		c->events.drained(c->aux);
	if (c->paused && !c->dead) {
		take_messages(c);
		pause_if_full(c);
	}
	leave(c);
}

static void on_closed(void *aux, int err)
{
	struct of_conn *c = aux;

	c->in_callback = true;
	fail(c, err, err ? strerror(-err) : "connection closed by peer");
	leave(c);
}

static const struct stream_events stream_events = {
	.connected = on_connected,
	.readable = on_readable,
	.drained = on_drained,
	.closed = on_closed,
};

// ---- The owner's side ----

struct of_conn *of_conn_create(struct stream *stream, uint32_t versions,
			       const struct of_conn_events *events, void *aux)
{
	struct of_conn *c = xzalloc(sizeof(*c));

	assert(versions);
	c->stream = stream;
	c->versions = versions;
	c->events = *events;
	c->aux = aux;
	c->last_received = clock_msec();
	stream_set_events(stream, &stream_events, c);
	if (stream_is_connected(stream))
		send_hello(c);
	return c;
}

void of_conn_close(struct of_conn *c, bool flush)
{
	if (!c)
		return;
	if (flush)
		stream_close_after_flush(c->stream);
	else
		stream_close(c->stream);
	c->dead = true;
	if (!c->in_callback)
		conn_free(c);
}

uint8_t of_conn_version(const struct of_conn *c)
{
	return c->version;
}

const char *of_conn_name(const struct of_conn *c)
{
	return stream_name(c->stream);
}

uint32_t of_conn_next_xid(struct of_conn *c)
{
	return ++c->next_xid;
}

void of_conn_send(struct of_conn *c, const void *p, size_t n)
{
	counter_inc(COUNTER_VCONN_SENT);
	// The stream takes everything: what is queued is sent.
	counter_inc(COUNTER_RCONN_QUEUED);
	counter_inc(COUNTER_RCONN_SENT);
	transmit(c, p, n);
	if (c->copy)
		c->copy(c->copy_aux, p, n);
}

void of_conn_only_listen(struct of_conn *c)
{
	c->only_listens = true;
}

void of_conn_hold(struct of_conn *c, bool on)
{
	c->held = on;
	stream_set_reading(c->stream, !c->paused && !c->held);
}

void of_conn_stop_listening(struct of_conn *c)
{
	c->deaf = true;
}

void of_conn_copy_to(struct of_conn *c, void (*copy)(void *aux, const void *p, size_t n), void *aux)
{
	c->copy = copy;
	c->copy_aux = aux;
}

void of_conn_send_error(struct of_conn *c, enum ofperr e, const struct msg *request)
{
	uint8_t version = c->version ? c->version : request->version;
	AUTO(strbuf) b = STRBUF_INIT;

	ofperr_encode(e, version, request->whole, request->size, &b);
	of_conn_send(c, b.s, b.len);
}

void of_conn_limit_backlog(struct of_conn *c, size_t n)
{
	c->backlog_limit = n;
}

uint64_t of_conn_bytes(const struct of_conn *c)
{
	return c->n_bytes;
}

void of_conn_cork(struct of_conn *c, bool corked)
{
	stream_cork(c->stream, corked);
}

size_t of_conn_backlog(const struct of_conn *c)
{
	return stream_backlog(c->stream);
}

int64_t of_conn_last_received(const struct of_conn *c)
{
	// While it is not listened to, that it takes what waits for it is the sign of its life.
	return c->paused ? MAX(c->last_received, stream_progress(c->stream)) : c->last_received;
}

// ---- Names of versions ----

static const char *const version_names[] = {
	[OFP10] = "OpenFlow10", [OFP11] = "OpenFlow11", [OFP12] = "OpenFlow12",
	[OFP13] = "OpenFlow13", [OFP14] = "OpenFlow14", [OFP15] = "OpenFlow15",
};

const char *of_version_name(uint8_t version)
{
	return version >= OFP10 && version <= OFP15 ? version_names[version] : NULL;
}

int of_versions_parse(const char *text, uint32_t *ret_versions, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *save = NULL;
	uint32_t versions = 0;

	for (char *s = strtok_r(copy, " ,+", &save); s; s = strtok_r(NULL, " ,+", &save)) {
		uint8_t v = OFP10;

		while (v <= OFP15 && strcasecmp(version_names[v], s))
			v++;
		if (v > OFP15)
			return error_set(err, -EINVAL, "Unknown OpenFlow version: \"%s\"", s);
		versions |= 1u << v;
	}
	if (!versions)
		return error_set(err, -EINVAL, "no OpenFlow version named");
	*ret_versions = versions;
	return 0;
}
