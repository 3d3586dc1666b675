// SPDX-License-Identifier: Apache-2.0
// Writing a database's file anew while it is served: a child process, which has the rows as they are at its start, writes them;
// what is committed meanwhile is put behind that.
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/server-private.h"

LOG_MODULE(ovsdb_compaction);

// ---- A file written by a child ----

static void writer_end(struct db_writer *w)
{
	io_watch_uninit(&w->watch);
	close(w->watch.fd);
	w->child = 0;
}

// It has written the file, or (without a word) has ended before.
static void on_word(struct io_watch *watch, int events)
{
	struct db_writer *w = CONTAINER_OF(watch, struct db_writer, watch);
	struct error err = ERROR_INIT;
	ssize_t n;
	int rc;

	n = recv(watch->fd, &rc, sizeof(rc), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(rc))
		rc = -EINTR;
	server_flush(w->db->server);
	rc = store_rewrite_end(w->db->store, w->rewrite, rc, &err);
	child_reap(w->db->server, w->child, w->pidfd);
	writer_end(w);
	w->done(w, rc ? &err : NULL);
}

static void run_child(const struct db *data, const struct store_rewrite *rw, int fd, int old_file)
{
	int rc;

	child_begin(fd, old_file);
	rc = store_rewrite_write(data, rw);
	// The server puts the file in place and closes the other end. Then this is the last that has the old file open, and giving back its
	// blocks, some 15 ms for 64 MB, is done when it ends.
	if (send(CHILD_FD, &rc, sizeof(rc), 0) == sizeof(rc))
		while (recv(CHILD_FD, &rc, sizeof(rc), 0) < 0 && errno == EINTR)
			;
	_exit(0);
}

static void end_child(const struct db_writer *w)
{
	kill(w->child, SIGKILL);
	waitpid(w->child, NULL, 0);
}

// Returns what connects them, or -errno.
static int start_child(struct db_writer *w, const struct db *data)
{
	int fds[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	w->child = fork();
	if (!w->child)
		run_child(data, w->rewrite, fds[1], store_fd(w->db->store));
	w->pidfd = w->child < 0 ? -1 : (int)syscall(SYS_pidfd_open, w->child, 0);
	rc = w->pidfd < 0 ? -errno : fds[0];
	close(fds[1]);
	if (rc >= 0)
		return rc;
	close(fds[0]);
	if (w->child > 0)
		end_child(w);
	w->child = 0;
	return rc;
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
	fd = start_child(w, data);
	if (fd < 0) {
		store_rewrite_end(d->store, w->rewrite, fd, NULL);
		return error_set(err, fd, "%s: no process that writes the file: %s", d->name,
				 strerror(-fd));
	}
	io_watch_init(&w->watch, d->server->loop, fd, on_word);
	io_watch_set(&w->watch, IO_READ);
	return 0;
}

void db_writer_cancel(struct db_writer *w)
{
	if (!w->child)
		return;
	end_child(w);
	close(w->pidfd);
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
