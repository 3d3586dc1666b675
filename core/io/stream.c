// SPDX-License-Identifier: Apache-2.0
#include "core/io/stream-private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/io/tls.h"

#define FLUSH_MSEC 5000

bool stream_name_is_active(const char *name)
{
	return str_starts(name, "tcp:") || str_starts(name, "unix:") || str_starts(name, "ssl:");
}

bool stream_name_is_passive(const char *name)
{
	return str_starts(name, "ptcp:") || str_starts(name, "punix:") || str_starts(name, "pssl:");
}

bool stream_name_remote(const char *name, uint16_t default_port, char *host, size_t host_size,
			uint16_t *ret_port)
{
	return (str_starts(name, "tcp:") || str_starts(name, "ssl:")) &&
	       !stream_parse_address(name + 4, default_port, host, host_size, ret_port, NULL);
}

void stream_fail(struct stream *s, int err)
{
	if (s->state == STREAM_DEAD)
		return;
	s->state = STREAM_DEAD;
	s->error = err;
	io_watch_set(&s->watch, 0);
	timer_in(&s->deferred, 0);
}

// ---- Plain sockets ----

static ssize_t plain_recv(struct stream *s, void *buf, size_t n)
{
	ssize_t got;

	do {
		got = recv(s->watch.fd, buf, n, 0);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static ssize_t plain_send(struct stream *s, const void *buf, size_t n)
{
	ssize_t sent;

	do {
		sent = send(s->watch.fd, buf, n, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

static const struct stream_class plain = { .recv = plain_recv, .send = plain_send };

// ---- States and events ----

static void update_watch(struct stream *s)
{
	int want = 0;

	if (s->state == STREAM_CONNECTING)
		want = IO_WRITE;
	else if (s->state == STREAM_HANDSHAKE)
		want = s->read_on;
	else if (s->state == STREAM_OPEN)
		want = (s->eof_seen || (s->paused && !s->closing) ? 0 : s->read_on) |
		       (out_queue_len(&s->out) ? s->write_on : 0);
	io_watch_set(&s->watch, want);
}

// What the socket does not tell of comes from the loop, too.
static void announce_pending(struct stream *s)
{
	if (s->state == STREAM_OPEN && !s->closing && !s->paused && s->class->has_pending &&
	    s->class->has_pending(s))
		timer_in(&s->deferred, 0);
}

static void flush(struct stream *s)
{
	const char *p;
	size_t len;

	while ((len = out_queue_front(&s->out, &p))) {
		ssize_t n = s->class->send(s, p, len);

		if (n == -EAGAIN)
			break;
		if (n < 0) {
			stream_fail(s, n);
			return;
		}
		out_queue_drop(&s->out, n);
	}
	update_watch(s);
}

static void destroy(struct stream *s)
{
	int fd = s->watch.fd;

	if (s->class->close)
		s->class->close(s);
	io_watch_uninit(&s->watch);
	timer_cancel(&s->deferred);
	resolve_cancel(s->resolve);
	if (fd >= 0)
		close(fd);
	out_queue_uninit(&s->out);
	free(s->name);
	free(s);
}

static void on_deferred(struct timer *t)
{
	struct stream *s = CONTAINER_OF(t, struct stream, deferred);

	if (s->drained_due && !s->closing && s->state == STREAM_OPEN) {
		s->drained_due = false;
		announce_pending(s);
		if (s->events && s->events->drained && !out_queue_len(&s->out))
			s->events->drained(s->aux);
		return;
	}
	if (s->closing)
		destroy(s);
	else if (s->state == STREAM_DEAD && s->events)
		s->events->closed(s->aux, s->error);
	else if (s->state == STREAM_OPEN && s->events && !s->paused && s->class->has_pending &&
		 s->class->has_pending(s))
		s->events->readable(s->aux);
}

static void become_open(struct stream *s)
{
	s->state = STREAM_OPEN;
	flush(s);
	if (s->closing && !out_queue_len(&s->out))
		destroy(s);
	else if (s->state == STREAM_OPEN && s->events && s->events->connected)
		s->events->connected(s->aux);
}

static int begin_connect(struct stream *s);

static void connect_again(struct stream *s)
{
	int fd = s->watch.fd, ret;

	io_watch_uninit(&s->watch);
	close(fd);
	s->watch.fd = -1;
	ret = begin_connect(s);
	if (ret)
		stream_fail(s, ret);
}

static void shake_hands(struct stream *s)
{
	int ret = s->class->handshake(s);

	if (!ret)
		become_open(s);
	else if (ret == -EAGAIN)
		update_watch(s);
	else if (ret == -ERESTART)
		connect_again(s);
	else
		stream_fail(s, ret);
}

static void finish_connect(struct stream *s)
{
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		stream_fail(s, -err);
		return;
	}
	if (!s->class->handshake) {
		become_open(s);
		return;
	}
	s->state = STREAM_HANDSHAKE;
	shake_hands(s);
}

// Nobody wants what comes from a stream that only waits for its last bytes to go.
static void discard_input(struct stream *s)
{
	char sink[4096];
	ssize_t n = s->class->recv(s, sink, sizeof(sink));

	if (!n || (n < 0 && n != -EAGAIN))
		destroy(s);
}

static void on_io(struct io_watch *w, int events)
{
	struct stream *s = CONTAINER_OF(w, struct stream, watch);

	if (s->state == STREAM_CONNECTING) {
		finish_connect(s);
		return;
	}
	if (s->state == STREAM_HANDSHAKE) {
		shake_hands(s);
		return;
	}
	if (out_queue_len(&s->out) && (events & s->write_on)) {
		s->progress = clock_msec();
		flush(s);
		if (s->closing && !out_queue_len(&s->out)) {
			destroy(s);
			return;
		}
		if (s->state == STREAM_OPEN && !out_queue_len(&s->out) && s->events &&
		    s->events->drained) {
			// The callback may close the stream; what is readable then comes with the next round.
			s->events->drained(s->aux);
			return;
		}
	}
	if ((events & s->read_on) && s->state == STREAM_OPEN && !s->eof_seen &&
	    (!s->paused || s->closing)) {
		if (s->closing)
			discard_input(s);
		else if (s->events)
			s->events->readable(s->aux);
	}
}

static struct stream *create(struct loop *l, int fd, const char *name)
{
	struct stream *s = xzalloc(sizeof(*s));

	s->loop = l;
	s->class = &plain;
	s->name = xstrdup(name);
	s->dscp = -1;
	s->read_on = IO_READ;
	s->write_on = IO_WRITE;
	io_watch_init(&s->watch, l, fd, on_io);
	timer_init(&s->deferred, l, on_deferred);
	out_queue_init(&s->out);
	return s;
}

struct stream *stream_from_fd(struct loop *l, int fd, const char *name, bool tls)
{
	struct stream *s = create(l, fd, name);

	if (tls)
		stream_start_tls(s, true, NULL);
	s->state = tls ? STREAM_HANDSHAKE : STREAM_OPEN;
	return s;
}

void stream_set_dscp(int fd, int family, int dscp)
{
	int tos = dscp * 4;

	if (dscp < 0)
		return;
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	else if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

// Starts a non-blocking connect of s->watch.fd's new socket to s->address.
static int begin_connect(struct stream *s)
{
	int family = s->address.ss_family, one = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		stream_set_dscp(fd, family, s->dscp);
	}
	s->watch.fd = fd;
	s->state = STREAM_CONNECTING;
	if (connect(fd, (const struct sockaddr *)&s->address, s->address_len) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	update_watch(s);
	return 0;
}

static void on_resolved(void *aux, int err, const char *text,
			const struct sockaddr_storage *addresses, size_t n)
{
	struct stream *s = aux;
	struct sockaddr_storage *a = &s->address;

	s->resolve = NULL;
	if (err) {
		stream_fail(s, err);
		return;
	}
	*a = addresses[0];
	if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_port = htons(s->port);
	else
		((struct sockaddr_in *)a)->sin_port = htons(s->port);
	s->address_len =
		a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	err = begin_connect(s);
	if (err)
		stream_fail(s, err);
}

int stream_parse_address(const char *text, uint16_t default_port, char *host, size_t host_size,
			 uint16_t *ret_port, struct error *err)
{
	const char *colon, *end = text + strlen(text);
	uint32_t port = default_port;

	if (*text == '[') {
		const char *close = strchr(text, ']');

		if (!close || (close[1] && close[1] != ':'))
			return error_set(err, -EINVAL, "%s: bad bracketed address", text);
		colon = close[1] ? close + 1 : NULL;
		end = close;
		text++;
	} else {
		colon = strrchr(text, ':');
		if (colon && strchr(text, ':') != colon)
			return error_set(err, -EINVAL, "%s: IPv6 addresses must be in brackets",
					 text);
		if (colon)
			end = colon;
	}
	if (colon && colon[1] && (!parse_u32(colon + 1, 10, &port) || port > UINT16_MAX))
		return error_set(err, -EINVAL, "%s: bad port number", colon + 1);
	if (end == text || (size_t)(end - text) >= host_size)
		return error_set(err, -EINVAL, "%s: host name needed", text);
	memcpy(host, text, end - text);
	host[end - text] = '\0';
	*ret_port = port;
	return 0;
}

int stream_unix_address(const char *path, struct sockaddr_storage *ret, socklen_t *ret_len,
			int *ret_dirfd)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ret;
	const char *slash = strrchr(path, '/');

	memset(ret, 0, sizeof(*ret));
	un->sun_family = AF_UNIX;
	*ret_len = sizeof(*un);
	*ret_dirfd = -1;
	if (strlen(path) < sizeof(un->sun_path)) {
		strcpy(un->sun_path, path);
		return 0;
	}
	if (!slash)
		return -ENAMETOOLONG;
	AUTO_FREE char *dir = xstrndup(path, slash - path);
	*ret_dirfd = open(dir, O_DIRECTORY | O_PATH | O_CLOEXEC);
	if (*ret_dirfd < 0)
		return -errno;
	if (snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%s", *ret_dirfd,
		     slash + 1) >= (int)sizeof(un->sun_path)) {
		close(*ret_dirfd);
		return -ENAMETOOLONG;
	}
	return 0;
}

static int open_unix(struct stream *s, const char *path)
{
	int dirfd, ret = stream_unix_address(path, &s->address, &s->address_len, &dirfd);

	if (ret < 0)
		return ret;
	ret = begin_connect(s);
	if (dirfd >= 0)
		close(dirfd);
	return ret;
}

static int open_tcp(struct stream *s, const char *address, uint16_t default_port, bool tls,
		    struct error *err)
{
	char host[256];
	int ret = stream_parse_address(address, default_port, host, sizeof(host), &s->port, err);
	bool numeric;

	if (ret < 0)
		return ret;
	if (!s->port)
		return error_set(err, -EINVAL, "port number needed");
	if (tls) {
		ret = tls_check(err);
		if (ret < 0)
			return ret;
	}
	numeric = resolve_numeric(host, s->port, &s->address, &s->address_len);
	if (tls)
		stream_start_tls(s, false, numeric ? NULL : host);
	if (numeric) {
		ret = begin_connect(s);
	} else {
		s->state = STREAM_RESOLVING;
		s->resolve = resolve_start(s->loop, host, on_resolved, s);
		ret = s->resolve ? 0 : -ENOMEM;
	}
	return ret < 0 ? error_set(err, ret, "%s", strerror(-ret)) : 0;
}

int stream_open(struct loop *l, const char *name, uint16_t default_port, int dscp,
		const struct stream_events *events, void *aux, struct stream **ret_stream,
		struct error *err)
{
	struct stream *s = create(l, -1, name);
	int ret;

	counter_inc(COUNTER_STREAM_OPEN);
	s->events = events;
	s->aux = aux;
	s->dscp = dscp;
	if (str_starts(name, "unix:")) {
		ret = open_unix(s, name + 5);
		if (ret < 0)
			error_set(err, ret, "%s", strerror(-ret));
	} else if (str_starts(name, "tcp:")) {
		ret = open_tcp(s, name + 4, default_port, false, err);
	} else if (str_starts(name, "ssl:")) {
		ret = open_tcp(s, name + 4, default_port, true, err);
	} else {
		ret = error_set(err, -EAFNOSUPPORT,
				"unknown stream type (tcp:, ssl: and unix: are known)");
	}
	if (ret < 0) {
		destroy(s);
		return error_wrap(err, "%s", name);
	}
	*ret_stream = s;
	return 0;
}

// What stream_open_block() sees of the stream while it waits.
struct waiting {
	bool connected, closed;
	int err;
};

static void waiting_connected(void *aux)
{
	((struct waiting *)aux)->connected = true;
}

static void waiting_readable(void *aux) {}

static void waiting_closed(void *aux, int err)
{
	struct waiting *w = aux;

	w->closed = true;
	w->err = err;
}

int stream_open_block(struct loop *l, const char *name, uint16_t default_port, int timeout_msec,
		      const struct stream_events *events, void *aux, struct stream **ret_stream,
		      struct error *err)
{
	static const struct stream_events waiting_events = { waiting_connected, waiting_readable,
							     NULL, waiting_closed };
	int64_t end = timeout_msec < 0 ? INT64_MAX : clock_real_nsec() / 1000000 + timeout_msec;
	struct waiting w = { 0 };
	struct stream *s;
	int ret = stream_open(l, name, default_port, -1, &waiting_events, &w, &s, err);

	if (ret < 0)
		return ret;
	while (!w.connected && !w.closed && clock_real_nsec() / 1000000 < end)
		loop_step(l, 20);
	if (!w.connected) {
		ret = w.closed ? (w.err ? w.err : -ECONNRESET) : -ETIMEDOUT;
		stream_close(s);
		return error_set(err, ret, "%s: %s", name, strerror(-ret));
	}
	stream_set_events(s, events, aux);
	*ret_stream = s;
	return 0;
}

void stream_set_events(struct stream *s, const struct stream_events *events, void *aux)
{
	s->events = events;
	s->aux = aux;
	update_watch(s);
	announce_pending(s);
}

void stream_close(struct stream *s)
{
	if (s)
		destroy(s);
}

void stream_close_after_flush(struct stream *s)
{
	if (!s)
		return;
	if (s->state == STREAM_DEAD || !stream_backlog(s)) {
		destroy(s);
		return;
	}
	s->closing = true;
	s->events = NULL;
	timer_in(&s->deferred, FLUSH_MSEC);
	update_watch(s);
}

ssize_t stream_recv(struct stream *s, void *buf, size_t n)
{
	ssize_t got;

	if (s->state == STREAM_DEAD)
		return s->error ? s->error : 0;
	if (s->state != STREAM_OPEN)
		return -EAGAIN;
	got = s->class->recv(s, buf, n);
	if (!got)
		s->eof_seen = true;
	update_watch(s);
	if (got > 0)
		announce_pending(s);
	return got;
}

bool stream_may_hold_more(const struct stream *s)
{
	// TLS gives record by record.
	return s->state != STREAM_OPEN || s->class->has_pending;
}

// So much is worth asking the kernel again while something waits: the peer may have taken of it since.
#define MUCH (64 * 1024)

static void tell_drained_later(struct stream *s)
{
	s->drained_due = true;
	timer_in(&s->deferred, 0);
}

// Sends what the kernel takes of what was waiting before the loop's next round.
static void send_more(struct stream *s)
{
	size_t waiting = out_queue_len(&s->out);

	flush(s);
	if (s->state != STREAM_OPEN)
		return;
	if (out_queue_len(&s->out) < waiting)
		s->progress = clock_msec();
	if (!out_queue_len(&s->out))
		tell_drained_later(s);
}

// 'n' bytes have been put behind those that wait.
static void after_put(struct stream *s, size_t n)
{
	if (s->state != STREAM_OPEN || s->corked)
		return;
	if (out_queue_len(&s->out) == n)
		flush(s);
	else if (n >= MUCH)
		send_more(s);
}

void stream_send(struct stream *s, const void *buf, size_t n)
{
	if (s->state == STREAM_DEAD)
		return;
	out_queue_put(&s->out, buf, n);
	after_put(s, n);
}

void stream_send_shared(struct stream *s, struct shared_text *text)
{
	if (s->state == STREAM_DEAD || !text->text.len)
		return;
	out_queue_put_shared(&s->out, text);
	after_put(s, text->text.len);
}

void stream_set_reading(struct stream *s, bool on)
{
	if (s->paused != on)
		return;
	s->paused = !on;
	if (s->state != STREAM_OPEN)
		return;
	update_watch(s);
	announce_pending(s);
}

void stream_cork(struct stream *s, bool corked)
{
	s->corked = corked;
	if (corked || s->state != STREAM_OPEN || !out_queue_len(&s->out))
		return;
	flush(s);
	if (s->state == STREAM_OPEN && !out_queue_len(&s->out) && s->paused)
		tell_drained_later(s);
}

int64_t stream_progress(const struct stream *s)
{
	return s->progress;
}

size_t stream_backlog(const struct stream *s)
{
	return out_queue_len(&s->out);
}

struct loop *stream_loop(const struct stream *s)
{
	return s->loop;
}

bool stream_is_connected(const struct stream *s)
{
	return s->state == STREAM_OPEN;
}

const char *stream_name(const struct stream *s)
{
	return s->name;
}

const char *stream_peer_id(const struct stream *s)
{
	return s->class->peer_id ? s->class->peer_id(s) : NULL;
}
