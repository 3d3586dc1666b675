// SPDX-License-Identifier: Apache-2.0
#include "core/io/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>

#define POLL_MSEC 250
#define MAX_ADDRESSES 8

struct resolve {
	struct loop *loop;
	ares_channel channel;
	struct socket {
		struct io_watch watch;
		struct resolve *owner;
	} sockets[ARES_GETSOCK_MAXNUM];
	size_t n_sockets;
	struct timer timer; // c-ares has time-outs of its own: look once in a while
	resolve_cb *cb;
	void *aux;
	bool done; // the answer is there, and goes to the owner from the loop
	int status;
	struct sockaddr_storage addresses[MAX_ADDRESSES];
	size_t n_addresses;
};

bool resolve_numeric(const char *host, uint16_t port, struct sockaddr_storage *ret,
		     socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_len = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*ret_len = sizeof(*v6);
		return true;
	}
	return false;
}

static void drop_sockets(struct resolve *r)
{
	for (size_t i = 0; i < r->n_sockets; i++)
		io_watch_uninit(&r->sockets[i].watch);
	r->n_sockets = 0;
}

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	r->cb = NULL;
	drop_sockets(r);
	timer_cancel(&r->timer);
	ares_destroy(r->channel);
	free(r);
}

static void on_io(struct io_watch *w, int events);

// c-ares opens and closes sockets as it likes: ask again which ones it waits for.
static void watch_again(struct resolve *r)
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	// Readable ones in the lower half; the library's macros shift into the sign.
	unsigned int bits = ares_getsock(r->channel, fds, ARES_GETSOCK_MAXNUM);

	drop_sockets(r);
	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		int events = (bits >> i & 1 ? IO_READ : 0) |
			     (bits >> (i + ARES_GETSOCK_MAXNUM) & 1 ? IO_WRITE : 0);
		struct socket *s = &r->sockets[r->n_sockets];

		if (!events)
			continue;
		s->owner = r;
		io_watch_init(&s->watch, r->loop, fds[i], on_io);
		io_watch_set(&s->watch, events);
		r->n_sockets++;
	}
	timer_in(&r->timer, POLL_MSEC);
}

static void deliver(struct resolve *r)
{
	if (r->n_addresses)
		r->cb(r->aux, 0, NULL, r->addresses, r->n_addresses);
	else
		r->cb(r->aux, -EHOSTUNREACH, ares_strerror(r->status), NULL, 0);
}

static void process(struct resolve *r, ares_socket_t in, ares_socket_t out)
{
	ares_process_fd(r->channel, in, out);
	if (!r->done) {
		watch_again(r);
		return;
	}
	deliver(r);
	resolve_cancel(r);
}

static void on_io(struct io_watch *w, int events)
{
	struct socket *s = CONTAINER_OF(w, struct socket, watch);

	process(s->owner, events & IO_READ ? w->fd : ARES_SOCKET_BAD,
		events & IO_WRITE ? w->fd : ARES_SOCKET_BAD);
}

static void on_timer(struct timer *t)
{
	process(CONTAINER_OF(t, struct resolve, timer), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

// May come while the request is being made, from the hosts file: kept for the loop.
static void on_answer(void *aux, int status, int timeouts, struct ares_addrinfo *info)
{
	struct resolve *r = aux;

	r->done = true;
	r->status = status;
	if (!info)
		return;
	for (struct ares_addrinfo_node *a = info->nodes; a && r->n_addresses < MAX_ADDRESSES;
	     a = a->ai_next)
		memcpy(&r->addresses[r->n_addresses++], a->ai_addr, a->ai_addrlen);
	ares_freeaddrinfo(info);
}

struct resolve *resolve_start(struct loop *l, const char *host, resolve_cb *cb, void *aux)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
						   .ai_socktype = SOCK_STREAM };
	struct resolve *r = xzalloc(sizeof(*r));
	static bool library_ready;

	if (!library_ready && ares_library_init(ARES_LIB_INIT_ALL))
		abort();
	library_ready = true;
	r->loop = l;
	r->cb = cb;
	r->aux = aux;
	timer_init(&r->timer, l, on_timer);
	if (ares_init(&r->channel)) {
		free(r);
		return NULL;
	}
	ares_getaddrinfo(r->channel, host, NULL, &hints, on_answer, r);
	watch_again(r);
	if (r->done)
		timer_in(&r->timer, 0);
	return r;
}
