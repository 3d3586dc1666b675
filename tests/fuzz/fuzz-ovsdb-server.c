// SPDX-License-Identifier: Apache-2.0
// What a client sends to the database server, whole: any bytes on a connection, while another client watches all tables and holds a
// lock. What is answered must be JSON-RPC.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/io/stream-private.h"
#include "ovsdb/log.h"
#include "ovsdb/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema[] =
	"{\"name\":\"T\",\"version\":\"1.0.0\",\"tables\":{\"R\":{\"isRoot\":true,\"indexes\":[["
	"\"s\"]],\"columns\":{\"s\":{\"type\":\"string\"},\"i\":{\"type\":\"integer\"},"
	"\"v\":{\"type\":\"integer\",\"ephemeral\":true},"
	"\"m\":{\"type\":{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":"
	"\"unlimited\"}},"
	"\"c\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},\"min\":0,\"max\":"
	"\"unlimited\"}},"
	"\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\",\"refType\":\"weak\"},"
	"\"min\":0,\"max\":\"unlimited\"}}}},"
	"\"C\":{\"columns\":{\"n\":{\"type\":\"integer\"}}}}}";
static const char watcher_asks[] =
	"{\"id\":1,\"method\":\"set_db_change_aware\",\"params\":[true]}"
	"{\"id\":2,\"method\":\"monitor_cond\",\"params\":[\"T\",\"m\",{\"R\":{},\"C\":{}}]}"
	"{\"id\":3,\"method\":\"lock\",\"params\":[\"l\"]}"
	"{\"id\":4,\"method\":\"transact\",\"params\":[\"T\",{\"op\":\"insert\",\"table\":\"C\","
	"\"row\":{\"n\":1},\"uuid-name\":\"c\"},{\"op\":\"insert\",\"table\":\"R\",\"row\":{"
	"\"s\":\"a\",\"c\":[\"named-uuid\",\"c\"]}}]}";

static char directory[64];

static void remove_directory(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/t.db", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/.t.db.~lock~", directory);
	unlink(path);
	rmdir(directory);
}

// An empty database; returns its name, in memory of this function.
static const char *make_file(void)
{
	const char *base = getenv("TMPDIR");
	AUTO(strbuf) record = STRBUF_INIT;
	static char path[80];
	ssize_t n;
	int fd;

	if (!directory[0]) {
		snprintf(directory, sizeof(directory), "%s/fuzz-XXXXXX", base ? base : "/tmp");
		assert(mkdtemp(directory));
		atexit(remove_directory);
		log_set("ANY:ANY:off", NULL);
	}
	snprintf(path, sizeof(path), "%s/t.db", directory);
	ovsdb_log_format(&record, schema, sizeof(schema) - 1);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	n = write(fd, record.s, record.len);
	assert(n == (ssize_t)record.len);
	close(fd);
	return path;
}

// The client's end of a connection to the server.
static int join(struct server *s, struct session_group *g)
{
	int fds[2], rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);

	assert(!rc);
	server_accept(s, stream_from_fd(server_loop(s), fds[1], "fuzz", false), g);
	return fds[0];
}

// What the server has sent.
static void take(int fd, struct strbuf *in)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		strbuf_put(in, buf, n);
}

// Until the server has nothing to do and to say any more.
static void run(struct server *s, int client, struct strbuf *client_in, int watcher,
		struct strbuf *watcher_in)
{
	size_t before;
	int quiet = 0;

	while (quiet < 2) {
		before = client_in->len + watcher_in->len;
		loop_step(server_loop(s), 0);
		take(client, client_in);
		take(watcher, watcher_in);
		quiet = client_in->len + watcher_in->len == before ? quiet + 1 : 0;
	}
}

static void check_messages(const struct strbuf *in)
{
	struct json_framer f = { 0 };
	struct json_reader r;
	size_t done = 0;

	while (done < in->len) {
		struct json_span message;
		bool complete;
		ssize_t n = json_frame(&f, in->s + done, in->len - done, &complete);

		assert(n > 0);
		// The last one may have been cut off with the connection.
		if (!complete)
			return;
		json_reader_init(&r, in->s + done, n);
		message = json_skip(&r);
		assert(message.n == (size_t)n && *message.p == '{');
		json_reader_uninit(&r);
		done += n;
	}
}

static void send_all(struct server *s, int client, struct strbuf *client_in, int watcher,
		     struct strbuf *watcher_in, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = send(client, data, MIN(size, 4096u), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return;
		run(s, client, client_in, watcher, watcher_in);
		data += MAX(n, 0);
		size -= MAX(n, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf) client_in = STRBUF_INIT;
	AUTO(strbuf) watcher_in = STRBUF_INIT;
	const char *path = make_file();
	struct loop *l = loop_create();
	struct server *s = server_create(l, true);
	struct session_group group = { 0 };
	struct error err = ERROR_INIT;
	int watcher, client, rc;

	rc = server_add_db(s, path, &err);
	assert(!rc);
	watcher = join(s, &group);
	client = join(s, &group);
	send_all(s, watcher, &watcher_in, client, &client_in, (const uint8_t *)watcher_asks,
		 sizeof(watcher_asks) - 1);
	assert(!client_in.len);
	send_all(s, client, &client_in, watcher, &watcher_in, data, size);
	check_messages(&client_in);
	check_messages(&watcher_in);
	close(client);
	run(s, client, &client_in, watcher, &watcher_in);
	close(watcher);
	loop_step(l, 0);
	server_destroy(s);
	loop_destroy(l);
	return 0;
}
