// SPDX-License-Identifier: Apache-2.0
// What a new monitor is told at first. Few rows are written at once. Many are written by a child process, which has them as they are
// at its start, while the server goes on; the clients that asked for them are told of what has changed since afterwards. The text
// is kept for a while, for others that ask the same, and sent to all of them without a copy.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/server-private.h"

LOG_MODULE(ovsdb_contents);

// More rows than that take longer to write than others should wait.
#define MANY_ROWS 20000
// Processes at once.
#define MAX_JOBS 8
#define KEPT_MSEC 5000
#define CHUNK ((size_t)256 << 10)

struct asker {
	struct session *session;
	const struct monitor *monitor;
	char *id; // of the request
};

struct contents_job {
	struct list node; // in served_db.jobs
	struct served_db *db;
	pid_t child;
	struct io_watch pipe; // from it
	struct strbuf text;
	char *asks;
	struct uuid state; // of the database when it began
	VEC(struct asker) askers;
};

// ---- Kept texts ----

static void drop_kept(struct served_db *d)
{
	free(d->contents_asked);
	d->contents_asked = NULL;
	shared_text_unref(d->contents);
	d->contents = NULL;
	timer_cancel(&d->contents_timer);
}

static void on_kept_timer(struct timer *timer)
{
	drop_kept(CONTAINER_OF(timer, struct served_db, contents_timer));
}

// Takes a reference.
static void keep(struct served_db *d, const char *asks, struct shared_text *text)
{
	drop_kept(d);
	d->contents = shared_text_ref(text);
	d->contents_asked = xstrdup(asks);
	timer_in(&d->contents_timer, KEPT_MSEC);
}

void contents_changed(struct served_db *d)
{
	if (d->contents)
		drop_kept(d);
}

void contents_init_db(struct server *s, struct served_db *d)
{
	list_init(&d->jobs);
	timer_init(&d->contents_timer, s->loop, on_kept_timer);
}

// ---- Answers ----

static void reply(struct session *c, const struct monitor *m, struct json_span id,
		  const struct uuid *state, struct shared_text *text)
{
	bool with_state = monitor_version(m) == MONITOR_V3;
	char before[80] = "";

	if (with_state)
		snprintf(before, sizeof(before), "[false,\"" UUID_FMT "\",", UUID_ARGS(state));
	session_reply_shared(c, id, before, text, with_state ? "]" : "");
	c->contents = session_backlog(c);
}

static void release(struct asker *a)
{
	a->session->awaits = NULL;
	session_go_on(a->session);
}

static void job_free(struct contents_job *j)
{
	struct asker *a;

	VEC_FOR_EACH (a, &j->askers)
		free(a->id);
	VEC_FREE(&j->askers);
	list_remove(&j->node);
	io_watch_uninit(&j->pipe);
	close(j->pipe.fd);
	strbuf_uninit(&j->text);
	free(j->asks);
	free(j);
}

// The child's text is all there. What was committed since comes by publish_catch_up().
static void finish(struct contents_job *j)
{
	struct shared_text *text = shared_text_create(&j->text);
	struct asker *a;

	VEC_FOR_EACH (a, &j->askers) {
		reply(a->session, a->monitor, (struct json_span){ a->id, strlen(a->id) }, &j->state,
		      text);
		release(a);
	}
	if (uuid_equal(&j->state, history_last(j->db->history)))
		keep(j->db, j->asks, text);
	shared_text_unref(text);
	job_free(j);
}

static void give_up(struct contents_job *j, const char *why)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct asker *a;

	ovsdb_error_set(&err, "resources exhausted", "%s: %s", j->db->name, why);
	VEC_FOR_EACH (a, &j->askers) {
		session_forget_monitor(a->session, a->monitor);
		session_reply_error(a->session, (struct json_span){ a->id, strlen(a->id) }, &err);
		release(a);
	}
	job_free(j);
}

static void child_has_ended(struct contents_job *j)
{
	int status;

	while (waitpid(j->child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		finish(j);
		return;
	}
	log_warn("%s: the process that writes first contents has failed", j->db->name);
	give_up(j, "the contents could not be written");
}

static void on_text(struct io_watch *w, int events)
{
	struct contents_job *j = CONTAINER_OF(w, struct contents_job, pipe);
	ssize_t n = read(w->fd, strbuf_reserve(&j->text, CHUNK), CHUNK);

	if (n > 0)
		j->text.len += n;
	else if (!n)
		child_has_ended(j);
	else if (errno != EAGAIN && errno != EINTR)
		child_has_ended(j);
}

// ---- The child ----

static void run_child(const struct monitor *m, int fd)
{
	child_begin(fd, -1);
	_exit(monitor_write_initial_to(m, CHILD_FD) ? EIO : 0);
}

static struct contents_job *start(struct served_db *d, const struct monitor *m)
{
	struct contents_job *j;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return NULL;
	fcntl(fds[1], F_SETFL, 0);
	pid = fork();
	if (!pid)
		run_child(m, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return NULL;
	}
	j = xzalloc(sizeof(*j));
	j->db = d;
	j->child = pid;
	j->asks = xstrdup(monitor_asks(m));
	j->state = *history_last(d->history);
	strbuf_init(&j->text);
	list_push_back(&d->jobs, &j->node);
	io_watch_init(&j->pipe, d->server->loop, fds[0], on_text);
	io_watch_set(&j->pipe, IO_READ);
	return j;
}

static struct contents_job *find_job(struct served_db *d, const struct monitor *m)
{
	struct contents_job *j;

	LIST_FOR_EACH (j, node, &d->jobs)
		if (!strcmp(j->asks, monitor_asks(m)) &&
		    uuid_equal(&j->state, history_last(d->history)))
			return j;
	return NULL;
}

// One that writes them, or has begun to; NULL: they are to be written here and now.
static struct contents_job *job_for(struct served_db *d, const struct monitor *m)
{
	struct contents_job *j = NULL;

	if (monitor_n_rows(m) > MANY_ROWS) {
		j = find_job(d, m);
		if (!j && list_size(&d->jobs) < MAX_JOBS)
			j = start(d, m);
	}
	return j;
}

// ---- For sessions ----

static void write_now(struct served_db *d, const struct monitor *m)
{
	struct strbuf out = STRBUF_INIT;
	struct shared_text *text;

	monitor_write_initial(m, &out);
	text = shared_text_create(&out);
	keep(d, monitor_asks(m), text);
	shared_text_unref(text);
}

void contents_tell(struct session *c, struct json_span id, struct served_db *d,
		   const struct monitor *m)
{
	bool is_kept = d->contents && !strcmp(monitor_asks(m), d->contents_asked);
	struct contents_job *j = is_kept ? NULL : job_for(d, m);

	if (!j) {
		if (!is_kept)
			write_now(d, m);
		reply(c, m, id, history_last(d->history), d->contents);
		return;
	}
	VEC_PUSH(&j->askers, ((struct asker){ c, m, xstrndup(id.p, id.n) }));
	publish_fall_behind(c);
	c->awaits = j;
	jsonrpc_session_hold(c->js, true);
}

void contents_forget_session(struct session *c)
{
	struct contents_job *j = c->awaits;

	if (!j)
		return;
	c->awaits = NULL;
	for (size_t i = 0; i < j->askers.n; i++) {
		if (j->askers.v[i].session != c)
			continue;
		free(j->askers.v[i].id);
		j->askers.v[i] = j->askers.v[--j->askers.n];
		break;
	}
}

void contents_cancel(struct served_db *d)
{
	drop_kept(d);
	while (!list_is_empty(&d->jobs)) {
		struct contents_job *j = LIST_ENTRY(d->jobs.next, struct contents_job, node);

		kill(j->child, SIGKILL);
		waitpid(j->child, NULL, 0);
		give_up(j, "the database has changed");
	}
}
