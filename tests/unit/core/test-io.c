// SPDX-License-Identifier: Apache-2.0
// The loop, streams and JSON-RPC, on sockets in a directory of the test's own.
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "core/io/jsonrpc.h"
#include "core/io/stream.h"
#include "tests/suite.h"

static char dir[] = "/tmp/oes-test-io-XXXXXX";

struct fired {
	struct timer t;
	int order;
};

static int n_fired;

static void on_fire(struct timer *t)
{
	CONTAINER_OF(t, struct fired, t)->order = ++n_fired;
}

START_TEST(timers_fire_in_order_of_the_virtual_clock)
{
	struct loop *l = loop_create();
	struct fired a = { 0 }, b = { 0 }, c = { 0 };

	clock_stop();
	timer_init(&a.t, l, on_fire);
	timer_init(&b.t, l, on_fire);
	timer_init(&c.t, l, on_fire);
	timer_in(&a.t, 300);
	timer_in(&b.t, 100);
	timer_in(&c.t, 200);
	timer_cancel(&c.t);
	loop_step(l, 0);
	ck_assert_int_eq(n_fired, 0);
	clock_advance(1000);
	loop_step(l, 0);
	ck_assert_int_eq(b.order, 1);
	ck_assert_int_eq(a.order, 2);
	ck_assert_int_eq(c.order, 0);
	loop_destroy(l);
}
END_TEST

static void count_post(void *aux)
{
	++*(int *)aux;
}

START_TEST(posted_calls_run_once)
{
	struct loop *l = loop_create();
	int n = 0;

	loop_post(l, count_post, &n);
	loop_post(l, count_post, &n);
	loop_step(l, 0);
	loop_step(l, 0);
	ck_assert_int_eq(n, 2);
	loop_destroy(l);
}
END_TEST

static const struct {
	const char *name;
	int err;
} bad_names[] = {
	{ "tcp:", -EINVAL },
	{ "tcp:1.2.3.4", -EINVAL }, // no port and no default
	{ "tcp:1.2.3.4:99999", -EINVAL },
	{ "tcp:[::1:80", -EINVAL },
	{ "tcp:::1:80", -EINVAL },
	{ "ssl:1.2.3.4:80", -ENOPROTOOPT }, // no keys
	{ "ssl:1.2.3.4", -EINVAL },
	{ "bogus:1", -EAFNOSUPPORT },
	{ "unix:/nonexistent/socket", -ENOENT },
};

START_TEST(bad_stream_names_are_refused_by_name)
{
	static const struct stream_events none = { 0 };
	struct loop *l = loop_create();
	struct error err = ERROR_INIT;
	struct stream *s;

	ck_assert_int_eq(stream_open(l, bad_names[_i].name, 0, -1, &none, NULL, &s, &err),
			 bad_names[_i].err);
	ck_assert_msg(strstr(err.text, bad_names[_i].name) == err.text, "%s", err.text);
	loop_destroy(l);
}
END_TEST

struct end {
	struct jsonrpc *rpc;
	int messages;
	bool closed;
	char last[128], reason[128];
};

static void on_message(void *aux, const struct jsonrpc_message *m)
{
	struct end *e = aux;

	e->messages++;
	if (m->type == JSONRPC_REQUEST)
		jsonrpc_send_reply(e->rpc, m->params.p, m->params.n, m->id);
	else if (m->type == JSONRPC_REPLY)
		snprintf(e->last, sizeof(e->last), "%.*s", (int)m->result.n, m->result.p);
}

static void on_closed(void *aux, int err, const char *reason)
{
	struct end *e = aux;

	e->closed = true;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	jsonrpc_close(e->rpc);
	e->rpc = NULL;
}

static const struct jsonrpc_events rpc_events = { on_message, on_closed };

static void on_accept(void *aux, struct stream *s)
{
	struct end *e = aux;

	e->rpc = jsonrpc_create(s, 4096, &rpc_events, e);
}

static void ignore(void *aux) {}

static void ignore_closed(void *aux, int err) {}

// A listener and a plain stream connected to it.
static struct stream *connect_pair(struct loop *l, struct end *server,
				   struct listener **ret_listener)
{
	static const struct stream_events plain = { .readable = ignore, .closed = ignore_closed };
	AUTO_FREE char *passive = xasprintf("punix:%s/sock", dir),
		       *active = xasprintf("unix:%s/sock", dir);
	struct error err = ERROR_INIT;
	struct stream *s;

	ck_assert_int_eq(listener_open(l, passive, 0, -1, on_accept, server, ret_listener, &err),
			 0);
	ck_assert_int_eq(stream_open_block(l, active, 0, 5000, &plain, NULL, &s, &err), 0);
	while (!server->rpc)
		loop_step(l, 100);
	return s;
}

START_TEST(request_gets_its_reply)
{
	struct loop *l = loop_create();
	struct end server = { 0 }, client = { 0 };
	struct listener *ls;
	AUTO(strbuf) params = STRBUF_INIT;

	client.rpc = jsonrpc_create(connect_pair(l, &server, &ls), 0, &rpc_events, &client);
	strbuf_puts(&params, "[1,\"two\"]");
	jsonrpc_send_request(client.rpc, "anything", &params, 5);
	while (!client.messages)
		loop_step(l, 100);
	ck_assert_str_eq(client.last, "[1,\"two\"]");
	jsonrpc_close(client.rpc);
	while (!server.closed)
		loop_step(l, 100);
	listener_close(ls);
	loop_destroy(l);
}
END_TEST

static const char *const malformed[] = {
	"x",
	"]",
	"{\"a\":1}",
	"[]",
	"{}",
	"{\"method\":1,\"params\":[],\"id\":1}",
	"{\"method\":\"m\",\"id\":1}",
	"{\"method\":\"m\",\"params\":{},\"id\":1}",
	"{\"id\":null,\"result\":1,\"error\":null}",
	"{\"id\":1}",
	"{\"id\":1,\"result\":1,\"params\":[]}",
	"{\"method\":\"m\",\"params\":[],\"id\":1,\"error\":1}",
	"{\"method\":\"m\",\"params\":[},\"id\":1}",
	"{\"method\":\"m\",\"params\":[1,],\"id\":1}",
	"{\"method\":\"\xff\",\"params\":[],\"id\":1}",
	"{\"method\":\"m\" \"params\":[]}",
	"{'method':1}",
	"{\"a\"}",
	"{\"method\":\"m\",\"params\":[nul],\"id\":1}",
	"{\"method\":\"m\",\"params\":[01],\"id\":1}",
	"{\"method\":\"m\",\"params\":[\"\\x\"],\"id\":1}",
	"{\"method\":\"m\",\"params\":[\"\\ud800\"],\"id\":1}",
	"{\"method\":\"m\",\"params\":[--1],\"id\":1}",
	"{\"method\":\"m\",\"params\":[1e],\"id\":1}",
	"\"text\"",
	"5",
	"null",
	"{\"method\":\"m\",\"params\":[tru],\"id\":1}",
	"{,}",
	"{\"method\":\"m\",,\"id\":1}",
	"{\"method\":\"m\",\"params\":[\"\t\"],\"id\":1}",
};

START_TEST(malformed_rpc_closes_the_connection_with_a_reason)
{
	struct loop *l = loop_create();
	struct end server = { 0 };
	struct listener *ls;
	struct stream *s = connect_pair(l, &server, &ls);

	stream_send(s, malformed[_i], strlen(malformed[_i]));
	while (!server.closed)
		loop_step(l, 100);
	ck_assert_int_eq(server.messages, 0);
	ck_assert_uint_gt(strlen(server.reason), 5);
	stream_close(s);
	listener_close(ls);
	loop_destroy(l);
}
END_TEST

START_TEST(too_large_a_message_closes_the_connection)
{
	struct loop *l = loop_create();
	struct end server = { 0 };
	struct listener *ls;
	struct stream *s = connect_pair(l, &server, &ls);
	char chunk[1024];

	memset(chunk, ' ', sizeof(chunk));
	chunk[0] = '{';
	for (int i = 0; i < 8; i++) {
		stream_send(s, chunk, sizeof(chunk));
		chunk[0] = ' ';
	}
	while (!server.closed)
		loop_step(l, 100);
	ck_assert_str_eq(server.reason, "message too large");
	stream_close(s);
	listener_close(ls);
	loop_destroy(l);
}
END_TEST

static int n_drained;

static void count_drained(void *aux)
{
	n_drained++;
}

// A stream to a socket of which the test itself reads when it likes.
static struct stream *connect_to_socket(struct loop *l, int *ret_fd)
{
	static const struct stream_events events = { .readable = ignore,
						     .closed = ignore_closed,
						     .drained = count_drained };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct error err = ERROR_INIT;
	AUTO_FREE char *name = NULL;
	struct stream *s;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/much", dir);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	name = xasprintf("unix:%s", sun.sun_path);
	ck_assert_int_eq(stream_open_block(l, name, 0, 5000, &events, NULL, &s, &err), 0);
	*ret_fd = accept(fd, NULL, NULL);
	ck_assert_int_ge(*ret_fd, 0);
	close(fd);
	unlink(sun.sun_path);
	return s;
}

// All that the socket has now.
static size_t take(int fd)
{
	static char buf[1 << 16];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		total += n;
	return total;
}

START_TEST(a_peer_gets_of_a_long_answer_while_it_is_made)
{
	static char much[1 << 20], rest[64 * 1024];
	struct loop *l = loop_create();
	size_t sent, got;
	int fd;
	struct stream *s = connect_to_socket(l, &fd);

	n_drained = 0;
	while (!stream_backlog(s))
		stream_send(s, much, sizeof(much));
	got = take(fd);
	sent = got + stream_backlog(s);
	// No round of the loop comes in between.
	stream_send(s, rest, sizeof(rest));
	sent += sizeof(rest);
	ck_assert_uint_lt(stream_backlog(s), sent - got);
	while (stream_backlog(s)) {
		got += take(fd);
		stream_send(s, rest, sizeof(rest));
		sent += sizeof(rest);
	}
	ck_assert_int_eq(n_drained, 0);
	while (!n_drained)
		loop_step(l, 1000);
	ck_assert_uint_eq(got + take(fd), sent);
	close(fd);
	stream_close(s);
	loop_destroy(l);
}
END_TEST

static pid_t owner;

// The forks in which cases run must leave the directory to the others.
static void remove_dir(void)
{
	if (getpid() == owner)
		rmdir(dir);
}

int main(void)
{
	Suite *s = suite_create("core/io");
	TCase *t = tcase_create("io");

	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	owner = getpid();
	atexit(remove_dir);
	tcase_add_test(t, timers_fire_in_order_of_the_virtual_clock);
	tcase_add_test(t, posted_calls_run_once);
	tcase_add_loop_test(t, bad_stream_names_are_refused_by_name, 0, ARRAY_SIZE(bad_names));
	tcase_add_test(t, request_gets_its_reply);
	tcase_add_loop_test(t, malformed_rpc_closes_the_connection_with_a_reason, 0,
			    ARRAY_SIZE(malformed));
	tcase_add_test(t, too_large_a_message_closes_the_connection);
	tcase_add_test(t, a_peer_gets_of_a_long_answer_while_it_is_made);
	suite_add_tcase(s, t);
	return suite_run(s);
}
