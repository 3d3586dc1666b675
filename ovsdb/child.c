// SPDX-License-Identifier: Apache-2.0
// Child processes that have what the server had in memory when they began.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ovsdb/server-private.h"

void child_begin(int fd, int other)
{
	// Out of each other's way.
	int a = fcntl(fd, F_DUPFD, CHILD_FD + 2);
	int b = other >= 0 ? fcntl(other, F_DUPFD, CHILD_FD + 2) : -1;
	int n = other >= 0 ? 2 : 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(a, CHILD_FD) < 0 || (n > 1 && dup2(b, CHILD_FD + 1) < 0) ||
	    close_range(CHILD_FD + n, ~0U, 0) < 0)
		_exit(errno);
}

// ---- Ends ----

// One that is about to end.
struct leaving_child {
	struct list node; // in server.leaving
	pid_t pid;
	struct io_watch watch;
};

static void leaving_free(struct leaving_child *c)
{
	list_remove(&c->node);
	io_watch_uninit(&c->watch);
	close(c->watch.fd);
	free(c);
}

static void on_end(struct io_watch *w, int events)
{
	struct leaving_child *c = CONTAINER_OF(w, struct leaving_child, watch);

	if (waitpid(c->pid, NULL, WNOHANG) == c->pid)
		leaving_free(c);
}

void child_reap(struct server *s, pid_t pid, int pidfd)
{
	struct leaving_child *c = xzalloc(sizeof(*c));

	c->pid = pid;
	list_push_back(&s->leaving, &c->node);
	io_watch_init(&c->watch, s->loop, pidfd, on_end);
	io_watch_set(&c->watch, IO_READ);
}

void child_reap_all(struct server *s)
{
	while (!list_is_empty(&s->leaving)) {
		struct leaving_child *c = LIST_ENTRY(s->leaving.next, struct leaving_child, node);

		waitpid(c->pid, NULL, 0);
		leaving_free(c);
	}
}
