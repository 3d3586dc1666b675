// SPDX-License-Identifier: Apache-2.0
// Writing a database's file anew while it is served: a child process, which has the rows as they are at its start, writes them;
// what is committed meanwhile is put behind that.
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/server-private.h"

LOG_MODULE(ovsdb_compaction);

struct waiter {
	compaction_cb *cb;
	void *aux;
};

struct compaction {
	struct served_db *db;
	struct store_rewrite *rewrite;
	pid_t child;
	struct io_watch watch; // of the child
	VEC(struct waiter) waiters;
};

static void tell_waiters(struct compaction *c, const struct error *err)
{
	const struct waiter *w;

	VEC_FOR_EACH (w, &c->waiters)
		w->cb(w->aux, err);
}

static void compaction_free(struct compaction *c)
{
	io_watch_uninit(&c->watch);
	close(c->watch.fd);
	c->db->compaction = NULL;
	VEC_FREE(&c->waiters);
	free(c);
}

static void on_child(struct io_watch *watch, int events)
{
	struct compaction *c = CONTAINER_OF(watch, struct compaction, watch);
	struct served_db *d = c->db;
	struct error err = ERROR_INIT;
	int status, rc;

	if (waitpid(c->child, &status, WNOHANG) != c->child)
		return;
	rc = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	server_flush(d->server);
	rc = store_rewrite_end(d->store, c->rewrite, rc, &err);
	if (rc)
		log_warn("%s: compaction failed: %s", d->name, err.text);
	else
		log_info("%s: database file compacted", d->name);
	server_trim_memory(d->server);
	tell_waiters(c, rc ? &err : NULL);
	compaction_free(c);
}

void child_begin(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd >= 0 && dup2(fd, CHILD_FD) < 0)
		_exit(errno);
	if (close_range(fd >= 0 ? CHILD_FD + 1 : CHILD_FD, ~0U, 0) < 0)
		_exit(errno);
}

static void end_child(const struct compaction *c)
{
	kill(c->child, SIGKILL);
	waitpid(c->child, NULL, 0);
}

static void run_child(const struct store *store, const struct store_rewrite *rw)
{
	int rc;

	child_begin(-1);
	rc = store_rewrite_write(store, rw);
	_exit(rc < 0 ? -rc : 0);
}

static int start(struct server *s, struct served_db *d, struct error *err)
{
	struct compaction *c;
	int fd, rc;

	server_flush(s);
	c = xzalloc(sizeof(*c));
	c->db = d;
	rc = store_rewrite_begin(d->store, "compacting database online", &c->rewrite, err);
	if (rc) {
		free(c);
		return rc;
	}
	c->child = fork();
	if (!c->child)
		run_child(d->store, c->rewrite);
	fd = c->child < 0 ? -1 : (int)syscall(SYS_pidfd_open, c->child, 0);
	if (fd < 0) {
		rc = error_set(err, -errno, "%s: no process for compaction: %s", d->name,
			       strerror(errno));
		if (c->child > 0)
			end_child(c);
		store_rewrite_end(d->store, c->rewrite, rc, NULL);
		free(c);
		return rc;
	}
	io_watch_init(&c->watch, s->loop, fd, on_child);
	io_watch_set(&c->watch, IO_READ);
	d->compaction = c;
	return 0;
}

int server_compact(struct server *s, const char *name, compaction_cb *cb, void *aux,
		   struct error *err)
{
	struct served_db *d = server_find_db(s, name);
	int rc = 0;

	if (!d || d == s->server_db)
		return error_set(err, -ENOENT, "%s: no database by that name is open", name);
	// What is in memory only has no file that could grow.
	if (!d->store->log) {
		if (cb)
			cb(aux, NULL);
		return 0;
	}
	if (!d->compaction)
		rc = start(s, d, err);
	if (!rc && cb)
		VEC_PUSH(&d->compaction->waiters, ((struct waiter){ cb, aux }));
	return rc;
}

void compaction_cancel(struct served_db *d)
{
	struct compaction *c = d->compaction;
	struct error err = ERROR_INIT;

	if (!c)
		return;
	end_child(c);
	store_rewrite_end(d->store, c->rewrite, -ECANCELED, NULL);
	error_set(&err, -ECANCELED, "%s: the database is no longer served", d->name);
	tell_waiters(c, &err);
	compaction_free(c);
}

void server_compact_grown(struct server *s)
{
	struct strmap_node *node;
	struct error err = ERROR_INIT;

	STRMAP_FOR_EACH (node, &s->dbs) {
		struct served_db *d = node->data;

		if (!d->compaction && store_wants_compaction(d->store) &&
		    server_compact(s, d->name, NULL, NULL, &err))
			log_warn("%s", err.text);
	}
}
