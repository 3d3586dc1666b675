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

// ---- A file written by a child ----

void child_begin(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd >= 0 && dup2(fd, CHILD_FD) < 0)
		_exit(errno);
	if (close_range(fd >= 0 ? CHILD_FD + 1 : CHILD_FD, ~0U, 0) < 0)
		_exit(errno);
}

static void writer_end(struct db_writer *w)
{
	io_watch_uninit(&w->watch);
	close(w->watch.fd);
	w->child = 0;
}

static void on_child(struct io_watch *watch, int events)
{
	struct db_writer *w = CONTAINER_OF(watch, struct db_writer, watch);
	struct error err = ERROR_INIT;
	int status, rc;

	if (waitpid(w->child, &status, WNOHANG) != w->child)
		return;
	rc = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	writer_end(w);
	server_flush(w->db->server);
	rc = store_rewrite_end(w->db->store, w->rewrite, rc, &err);
	w->done(w, rc ? &err : NULL);
}

static void end_child(const struct db_writer *w)
{
	kill(w->child, SIGKILL);
	waitpid(w->child, NULL, 0);
}

static void run_child(const struct db *data, const struct store_rewrite *rw)
{
	int rc;

	child_begin(-1);
	rc = store_rewrite_write(data, rw);
	_exit(rc < 0 ? -rc : 0);
}

int db_writer_start(struct db_writer *w, struct served_db *d, const struct db *data,
		    const char *comment, struct error *err)
{
	int fd, rc;

	server_flush(d->server);
	rc = store_rewrite_begin(d->store, comment, &w->rewrite, err);
	if (rc)
		return rc;
	w->db = d;
	w->child = fork();
	if (!w->child)
		run_child(data, w->rewrite);
	fd = w->child < 0 ? -1 : (int)syscall(SYS_pidfd_open, w->child, 0);
	if (fd < 0) {
		rc = error_set(err, -errno, "%s: no process that writes the file: %s", d->name,
			       strerror(errno));
		if (w->child > 0)
			end_child(w);
		w->child = 0;
		store_rewrite_end(d->store, w->rewrite, rc, NULL);
		return rc;
	}
	io_watch_init(&w->watch, d->server->loop, fd, on_child);
	io_watch_set(&w->watch, IO_READ);
	return 0;
}

void db_writer_cancel(struct db_writer *w)
{
	if (!w->child)
		return;
	end_child(w);
	writer_end(w);
	store_rewrite_end(w->db->store, w->rewrite, -ECANCELED, NULL);
}

// ---- Compaction ----

struct waiter {
	compaction_cb *cb;
	void *aux;
};

struct compaction {
	struct served_db *db;
	struct db_writer writer;
	VEC(struct waiter) waiters;
};

static void finish(struct compaction *c, const struct error *err)
{
	const struct waiter *w;

	c->db->compaction = NULL;
	VEC_FOR_EACH (w, &c->waiters)
		w->cb(w->aux, err);
	VEC_FREE(&c->waiters);
	free(c);
}

static void on_written(struct db_writer *w, const struct error *err)
{
	struct compaction *c = CONTAINER_OF(w, struct compaction, writer);

	if (err)
		log_warn("%s: compaction failed: %s", c->db->name, err->text);
	else
		log_info("%s: database file compacted", c->db->name);
	server_trim_memory(c->db->server);
	finish(c, err);
}

static int start(struct server *s, struct served_db *d, struct error *err)
{
	struct compaction *c;
	int rc;

	if (d->conversion)
		return error_set(err, -EBUSY, "%s is being converted", d->name);
	c = xzalloc(sizeof(*c));
	c->db = d;
	c->writer.done = on_written;
	rc = db_writer_start(&c->writer, d, d->store->db, "compacting database online", err);
	if (rc) {
		free(c);
		return rc;
	}
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

void compaction_cancel(struct served_db *d, const char *why)
{
	struct error err = ERROR_INIT;

	if (!d->compaction)
		return;
	db_writer_cancel(&d->compaction->writer);
	error_set(&err, -ECANCELED, "%s: %s", d->name, why);
	finish(d->compaction, &err);
}

void server_compact_grown(struct server *s)
{
	struct strmap_node *node;
	struct error err = ERROR_INIT;

	STRMAP_FOR_EACH (node, &s->dbs) {
		struct served_db *d = node->data;

		if (!d->compaction && !d->conversion && store_wants_compaction(d->store) &&
		    server_compact(s, d->name, NULL, NULL, &err))
			log_warn("%s", err.text);
	}
}
