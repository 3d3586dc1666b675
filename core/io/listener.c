// SPDX-License-Identifier: Apache-2.0
#include "core/io/stream-private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/io/tls.h"

LOG_MODULE(stream);

// Peers that are in their TLS handshake; with more, the one that has had the longest time goes.
#define MAX_PENDING 512
#define REST_MSEC 100

struct listener {
	struct io_watch watch;
	char *name;
	char *unlink_path; // of a Unix socket
	dev_t dev;
	ino_t ino; // of the socket we made: another one at the same path is not ours to remove
	uint16_t port;
	int dscp;
	unsigned int n_accepted;
	bool tls;
	struct list pending; // struct pending, the oldest first
	unsigned int n_pending;
	struct timer rest; // until it accepts again
	void (*accept_cb)(void *aux, struct stream *s);
	void *aux;
};

// A TLS stream whose handshake is not done: nobody but us knows of it yet.
struct pending {
	struct list node;
	struct listener *listener;
	struct stream *stream;
};

static struct stream *pending_end(struct pending *p)
{
	struct stream *s = p->stream;

	list_remove(&p->node);
	p->listener->n_pending--;
	free(p);
	return s;
}

static void on_pending_connected(void *aux)
{
	struct pending *p = aux;
	struct listener *ls = p->listener;
	struct stream *s = pending_end(p);

	stream_set_events(s, NULL, NULL);
	ls->accept_cb(ls->aux, s);
}

static void on_pending_readable(void *aux) {}

// The stream's class has said why.
static void on_pending_closed(void *aux, int err)
{
	stream_close(pending_end(aux));
}

static void pending_start(struct listener *ls, struct stream *s)
{
	static const struct stream_events events = {
		.connected = on_pending_connected,
		.readable = on_pending_readable,
		.closed = on_pending_closed,
	};
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	struct pending *p = xzalloc(sizeof(*p));

	p->listener = ls;
	p->stream = s;
	list_push_back(&ls->pending, &p->node);
	if (++ls->n_pending > MAX_PENDING) {
		struct pending *oldest = CONTAINER_OF(ls->pending.next, struct pending, node);

		log_warn_limited(&limit, "%s: %d TLS handshakes at once, %s is dropped", ls->name,
				 MAX_PENDING, stream_name(oldest->stream));
		stream_close(pending_end(oldest));
	}
	stream_set_events(s, &events, p);
}

static void peer_name(const struct listener *ls, const struct sockaddr_storage *a, char *out,
		      size_t n)
{
	const char *type = ls->tls ? "ssl" : "tcp";
	char ip[INET6_ADDRSTRLEN];

	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;

		snprintf(out, n, "%s:%s:%u", type,
			 inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip)), ntohs(v4->sin_port));
	} else if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

		snprintf(out, n, "%s:[%s]:%u", type,
			 inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip)), ntohs(v6->sin6_port));
	} else {
		snprintf(out, n, "unix#%u", ls->n_accepted);
	}
}

static void on_rested(struct timer *t)
{
	io_watch_set(&CONTAINER_OF(t, struct listener, rest)->watch, IO_READ);
}

static void on_accept(struct io_watch *w, int events)
{
	struct listener *ls = CONTAINER_OF(w, struct listener, watch);
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);

	// A bounded number, so that a flood of connections does not starve the loop.
	for (int i = 0; i < 16; i++) {
		struct sockaddr_storage a = { 0 };
		socklen_t len = sizeof(a);
		int one = 1,
		    fd = accept4(w->fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct stream *s;
		char name[128];

		if (fd < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
				return;
			log_warn_limited(&limit, "%s: accept failed (%s)", ls->name,
					 strerror(errno));
			// No descriptors, or no memory: asking at once again would be all we do.
			io_watch_set(&ls->watch, 0);
			timer_in(&ls->rest, REST_MSEC);
			return;
		}
		if (a.ss_family == AF_INET || a.ss_family == AF_INET6) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			stream_set_dscp(fd, a.ss_family, ls->dscp);
		}
		peer_name(ls, &a, name, sizeof(name));
		ls->n_accepted++;
		s = stream_from_fd(w->loop, fd, name, ls->tls);
		if (ls->tls)
			pending_start(ls, s);
		else
			ls->accept_cb(ls->aux, s);
	}
}

// Binds so that nobody ever meets the socket with wider permissions.
static int bind_unix(struct listener *ls, int fd, const char *path)
{
	struct sockaddr_storage addr;
	struct stat st;
	socklen_t len;
	int dirfd, ret = *path ? stream_unix_address(path, &addr, &len, &dirfd) : -EINVAL;

	if (ret < 0)
		return ret;
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	fchmod(fd, 0770);
	if (bind(fd, (struct sockaddr *)&addr, len) < 0)
		ret = -errno;
	if (dirfd >= 0)
		close(dirfd);
	if (!ret && !stat(path, &st)) {
		ls->unlink_path = xstrdup(path);
		ls->dev = st.st_dev;
		ls->ino = st.st_ino;
	}
	return ret;
}

static int listen_unix(struct listener *ls, const char *path, struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	ls->watch.fd = fd;
	ret = bind_unix(ls, fd, path);
	if (!ret && listen(fd, SOMAXCONN) < 0)
		ret = -errno;
	return ret < 0 ? error_set(err, ret, "%s", strerror(-ret)) : 0;
}

// "[PORT][:HOST]".
static int parse_tcp(const char *text, uint16_t default_port, struct sockaddr_storage *addr,
		     socklen_t *len, struct error *err)
{
	const char *colon = strchr(text, ':');
	char digits[8] = "", host[128] = "0.0.0.0";
	uint32_t port = default_port;
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	if (n >= sizeof(digits))
		return error_set(err, -EINVAL, "%s: bad port number", text);
	memcpy(digits, text, n);
	if (n && (!parse_u32(digits, 10, &port) || port > UINT16_MAX))
		return error_set(err, -EINVAL, "%s: bad port number", text);
	if (colon && colon[1]) {
		snprintf(host, sizeof(host), "%s", colon + 1);
		if (host[0] == '[') {
			memmove(host, host + 1, strlen(host));
			if (strchr(host, ']'))
				*strchr(host, ']') = '\0';
		}
	}
	if (!resolve_numeric(host, port, addr, len))
		return error_set(err, -EINVAL, "%s: bad IP address", host);
	return 0;
}

static int listen_tcp(struct listener *ls, const char *text, uint16_t default_port,
		      struct error *err)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int one = 1, fd, ret = parse_tcp(text, default_port, &addr, &len, err);

	if (ret < 0)
		return ret;
	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	ls->watch.fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	stream_set_dscp(fd, addr.ss_family, ls->dscp);
	if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, SOMAXCONN) < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	len = sizeof(addr);
	getsockname(fd, (struct sockaddr *)&addr, &len);
	ls->port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
						    : ((struct sockaddr_in *)&addr)->sin_port);
	if (*text == '0' && (!text[1] || text[1] == ':'))
		log_info("%s: listening on port %u", text, ls->port);
	return 0;
}

int listener_open(struct loop *l, const char *name, uint16_t default_port, int dscp,
		  void (*accept_cb)(void *aux, struct stream *s), void *aux,
		  struct listener **ret_listener, struct error *err)
{
	struct listener *ls = xzalloc(sizeof(*ls));
	int ret;

	counter_inc(COUNTER_PSTREAM_OPEN);
	ls->name = xstrdup(name);
	ls->accept_cb = accept_cb;
	ls->aux = aux;
	ls->dscp = dscp;
	ls->tls = str_starts(name, "pssl:");
	list_init(&ls->pending);
	io_watch_init(&ls->watch, l, -1, on_accept);
	timer_init(&ls->rest, l, on_rested);
	if (str_starts(name, "punix:"))
		ret = listen_unix(ls, name + 6, err);
	else if (str_starts(name, "ptcp:"))
		ret = listen_tcp(ls, name + 5, default_port, err);
	else if (ls->tls)
		ret = listen_tcp(ls, name + 5, default_port, err);
	else
		ret = error_set(err, -EAFNOSUPPORT,
				"unknown passive stream type (ptcp:, pssl: and punix: are known)");
	if (ret < 0) {
		listener_close(ls);
		return error_wrap(err, "%s", name);
	}
	io_watch_set(&ls->watch, IO_READ);
	// Keys may come later, for instance from a database; until then the log tells what is missing.
	if (ls->tls)
		tls_check(NULL);
	*ret_listener = ls;
	return 0;
}

void listener_close(struct listener *ls)
{
	struct stat st;

	if (!ls)
		return;
	while (!list_is_empty(&ls->pending))
		stream_close(pending_end(CONTAINER_OF(ls->pending.next, struct pending, node)));
	timer_cancel(&ls->rest);
	io_watch_uninit(&ls->watch);
	if (ls->watch.fd >= 0)
		close(ls->watch.fd);
	if (ls->unlink_path && !stat(ls->unlink_path, &st) && st.st_dev == ls->dev &&
	    st.st_ino == ls->ino)
		unlink(ls->unlink_path);
	free(ls->unlink_path);
	free(ls->name);
	free(ls);
}

const char *listener_name(const struct listener *ls)
{
	return ls->name;
}

uint16_t listener_port(const struct listener *ls)
{
	return ls->port;
}
