// SPDX-License-Identifier: Apache-2.0
// The NIC's own thread: waits for frames from the taps, forwards them. Sleeps while there are none.
#include "hw-tests/simnic/simnic-private.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TAP_BURST 64

struct service {
	struct esw *sw;
	pthread_t thread;
	int epoll, stop;
};

// False when the device is gone (its namespace was deleted).
static bool drain_tap(struct simnic_port *port)
{
	bool alive = true;
	uint8_t buf[SIMNIC_HEADROOM + SIMNIC_MAX_FRAME + 1], *data = buf + SIMNIC_HEADROOM;

	pthread_rwlock_rdlock(&port->sw->table_lock);
	for (int i = 0; i < TAP_BURST; i++) {
		ssize_t n = read(port->tap, data, SIMNIC_MAX_FRAME + 1);

		if (n < 0) {
			alive = errno == EAGAIN || errno == EINTR;
			break;
		}
		if (n > SIMNIC_MAX_FRAME)
			ESW_COUNT(port->sw, drop_long);
		else
			esw_forward(port, SIDE_FAR, data, n);
	}
	pthread_rwlock_unlock(&port->sw->table_lock);
	return alive;
}

// A dead descriptor would be ready for ever.
static void forget_tap(struct service *s, struct simnic_port *port)
{
	SIMNIC_LOG(WARNING, "%s: tap %s is gone: nothing more comes from there\n", s->sw->name,
		   port->tap_name);
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, port->tap, NULL);
}

static void *run(void *aux)
{
	struct service *s = aux;
	struct epoll_event events[16];

	for (;;) {
		int n = epoll_wait(s->epoll, events, ARRAY_SIZE(events), -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return NULL;
			if (!drain_tap(events[i].data.ptr))
				forget_tap(s, events[i].data.ptr);
		}
	}
}

static int watch(struct service *s, int fd, void *what, struct error *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return error_set(err, -errno, "epoll: %s", strerror(errno));
	return 0;
}

static int prepare(struct service *s, struct error *err)
{
	int ret;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->stop = eventfd(0, EFD_CLOEXEC);
	if (s->epoll < 0 || s->stop < 0)
		return error_set(err, -errno, "epoll: %s", strerror(errno));
	ret = watch(s, s->stop, NULL, err);
	for (unsigned i = 0; i < s->sw->n_ports && !ret; i++)
		ret = watch(s, s->sw->ports[i].tap, &s->sw->ports[i], err);
	return ret;
}

static void service_free(struct service *s)
{
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->stop >= 0)
		close(s->stop);
	free(s);
}

int service_start(struct esw *sw, struct error *err)
{
	struct service *s = xzalloc(sizeof(*s));
	int ret;

	s->sw = sw;
	ret = prepare(s, err);
	if (!ret) {
		ret = -pthread_create(&s->thread, NULL, run, s);
		if (ret)
			error_set(err, ret, "thread: %s", strerror(-ret));
	}
	if (ret) {
		service_free(s);
		return ret;
	}
	pthread_setname_np(s->thread, "simnic");
	sw->service = s;
	return 0;
}

void service_stop(struct esw *sw)
{
	uint64_t one = 1;

	if (!sw->service)
		return;
	if (write(sw->service->stop, &one, sizeof(one)) < 0)
		SIMNIC_LOG(ERR, "%s: stop: %s\n", sw->name, strerror(errno));
	pthread_join(sw->service->thread, NULL);
	service_free(sw->service);
	sw->service = NULL;
}
