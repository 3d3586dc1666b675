// SPDX-License-Identifier: Apache-2.0
// The client side: one command, one answer.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/io/appctl.h"

struct call {
	bool done;
	int ret;
	char *text;
	char reason[128];
};

static char *span_text(struct json_span s)
{
	struct json_reader r;
	char *text;

	json_reader_init_span(&r, s);
	text = json_peek(&r) == JSON_STRING ? json_string_dup(&r) : xstrndup(s.p, s.n);
	json_reader_uninit(&r);
	return text;
}

static void on_message(void *aux, const struct jsonrpc_message *m)
{
	struct call *c = aux;

	if (c->done || (m->type != JSONRPC_REPLY && m->type != JSONRPC_ERROR))
		return;
	c->done = true;
	c->ret = m->type == JSONRPC_ERROR;
	c->text = span_text(c->ret ? m->error : m->result);
}

static void on_closed(void *aux, int err, const char *reason)
{
	struct call *c = aux;

	if (c->done)
		return;
	c->done = true;
	c->ret = err ? err : -ECONNRESET;
	snprintf(c->reason, sizeof(c->reason), "%s", reason);
}

static const struct jsonrpc_events callbacks = { on_message, on_closed };

static void stream_closed(void *aux, int err) {}

static void stream_readable(void *aux) {}

static void put_args(struct strbuf *out, int argc, const char *const argv[])
{
	struct json_writer w;

	json_writer_init(&w, out);
	jw_array_begin(&w);
	for (int i = 1; i < argc; i++)
		jw_string(&w, argv[i]);
	jw_array_end(&w);
}

// One request on an open connection. As appctl_call().
static int request(struct loop *l, struct jsonrpc *rpc, struct call *c, int argc,
		   const char *const argv[], int64_t end, struct error *err)
{
	AUTO(strbuf) params = STRBUF_INIT;

	c->done = false;
	put_args(&params, argc, argv);
	jsonrpc_send_request(rpc, argv[0], &params, 0);
	while (!c->done && clock_real_nsec() / 1000000 < end)
		loop_step(l, 50);
	if (!c->done)
		return error_set(err, -ETIMEDOUT, "no answer in time");
	if (c->ret < 0)
		return error_set(err, c->ret, "transaction error: %s", c->reason);
	return c->ret;
}

static int set_format(struct loop *l, struct jsonrpc *rpc, struct call *c, const char *format,
		      int64_t end, struct error *err)
{
	const char *const argv[] = { "set-options", "--format", format };
	int ret = request(l, rpc, c, ARRAY_SIZE(argv), argv, end, err);

	if (ret >= 0) {
		free(c->text);
		c->text = NULL;
	}
	return ret > 0 ? error_set(err, -EOPNOTSUPP, "the target knows no output formats") : ret;
}

int appctl_call(const char *path, const char *format, int argc, const char *const argv[],
		int timeout_msec, char **ret_text, struct error *err)
{
	static const struct stream_events idle = { .readable = stream_readable,
						   .closed = stream_closed };
	int64_t end = timeout_msec < 0 ? INT64_MAX : clock_real_nsec() / 1000000 + timeout_msec;
	struct loop *l = loop_create();
	AUTO_FREE char *name = xasprintf("unix:%s", path);
	struct call c = { 0 };
	struct jsonrpc *rpc;
	struct stream *s;
	int ret = stream_open_block(l, name, 0, timeout_msec, &idle, NULL, &s, err);

	if (ret < 0) {
		loop_destroy(l);
		return ret;
	}
	rpc = jsonrpc_create(s, 0, &callbacks, &c);
	if (format)
		ret = set_format(l, rpc, &c, format, end, err);
	if (ret >= 0)
		ret = request(l, rpc, &c, argc, argv, end, err);
	jsonrpc_close(rpc);
	loop_destroy(l);
	if (ret >= 0)
		*ret_text = c.text;
	return ret;
}

int appctl_target_path(const char *target, char **ret_path, struct error *err)
{
	char text[32] = "";
	uint32_t pid;

	if (target[0] == '/') {
		*ret_path = xstrdup(target);
		return 0;
	}
	AUTO_FREE char *pidfile = xasprintf("%s/%s.pid", dir_run(), target);
	int fd = open(pidfile, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "cannot read pidfile \"%s\" (%s)", pidfile,
				 strerror(errno));
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	if (n <= 0 || !parse_u32(text, 10, &pid))
		return error_set(err, -EINVAL, "pidfile \"%s\" does not hold a process id",
				 pidfile);
	if (kill(pid, 0) < 0 && errno == ESRCH)
		return error_set(err, -ESRCH,
				 "pidfile \"%s\" names process %u, which is not running", pidfile,
				 pid);
	*ret_path = xasprintf("%s/%s.%u.ctl", dir_run(), target, pid);
	return 0;
}
