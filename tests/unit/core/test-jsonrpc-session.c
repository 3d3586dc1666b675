// SPDX-License-Identifier: Apache-2.0
// Sessions that reconnect: remotes in turn, peers that are rejected, changes of remotes. Time stands still but for what a test says.
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/jsonrpc.h"
#include "tests/suite.h"

static char dir[] = "/tmp/test-session.XXXXXX";

struct peer {
	char *name; // "unix:..."
	struct listener *listener;
	unsigned int accepted;
	struct stream *stream; // the last one
};

static struct loop *loop;
static struct peer peers[2];
static struct jsonrpc_session *session;
static unsigned int connected, disconnected;

static void on_accept(void *p_, struct stream *s)
{
	struct peer *p = p_;

	p->accepted++;
	stream_close(p->stream);
	p->stream = s;
}

static void on_connected(void *aux)
{
	connected++;
}

static void on_disconnected(void *aux)
{
	disconnected++;
}

static void on_message(void *aux, const struct jsonrpc_message *m) {}

static const struct jsonrpc_session_events events = { on_connected, on_disconnected, on_message };

static void setup(void)
{
	struct error err = ERROR_INIT;

	clock_stop();
	loop = loop_create();
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		AUTO_FREE char *passive = xasprintf("punix:%s/%zu", dir, i);
		int rc = listener_open(loop, passive, 0, -1, on_accept, &peers[i],
				       &peers[i].listener, &err);

		ck_assert_msg(!rc, "%s", err.text);
		peers[i].name = xstrdup(passive + 1);
	}
}

static void teardown(void)
{
	jsonrpc_session_close(session);
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		stream_close(peers[i].stream);
		listener_close(peers[i].listener);
		free(peers[i].name);
	}
	loop_destroy(loop);
}

static void open_session(const char *remotes, bool retry)
{
	session = jsonrpc_session_open(loop, remotes, retry, &events, NULL);
}

// What is due now is done.
static void settle(void)
{
	for (int i = 0; i < 20; i++)
		loop_step(loop, 0);
}

static void await_connection(void)
{
	unsigned int before = connected;

	while (connected == before)
		loop_step(loop, -1);
	settle();
}

// Nothing is tried before that many milliseconds are over.
static void expect_back_off(int msec)
{
	unsigned int before = connected;

	settle();
	clock_advance(msec - 1);
	settle();
	ck_assert_uint_eq(connected, before);
	ck_assert_str_eq(jsonrpc_session_state(session), "BACKOFF");
	clock_advance(1);
	await_connection();
}

START_TEST(test_rejected_peers_are_asked_with_back_off)
{
	static const int waits[] = { 1000, 2000, 4000, 8000, 8000 };

	open_session(peers[0].name, true);
	await_connection();
	jsonrpc_session_reject(session, "will not do");
	ck_assert(!jsonrpc_session_is_connected(session));
	ck_assert_str_eq(jsonrpc_session_last_error(session), "will not do");
	ck_assert_uint_eq(disconnected, 1);
	await_connection(); // at once, the first time
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		jsonrpc_session_reject(session, "will not do");
		expect_back_off(waits[i]);
	}
	ck_assert_uint_eq(peers[0].accepted, 2 + ARRAY_SIZE(waits));
}
END_TEST

START_TEST(test_rejected_peer_makes_room_for_the_next)
{
	AUTO_FREE char *both = xasprintf("%s, %s", peers[0].name, peers[1].name);

	open_session(both, true);
	ck_assert_uint_eq(jsonrpc_session_n_remotes(session), 2);
	await_connection();
	ck_assert_str_eq(jsonrpc_session_name(session), peers[0].name);
	jsonrpc_session_reject(session, "no");
	await_connection();
	ck_assert_str_eq(jsonrpc_session_name(session), peers[1].name);
	ck_assert(peers[0].accepted == 1 && peers[1].accepted == 1);
}
END_TEST

START_TEST(test_one_attempt_ends_when_all_were_rejected)
{
	AUTO_FREE char *both = xasprintf("%s,%s", peers[0].name, peers[1].name);

	open_session(both, false);
	await_connection();
	jsonrpc_session_reject(session, "first");
	ck_assert(!jsonrpc_session_is_dead(session));
	await_connection();
	jsonrpc_session_reject(session, "second");
	ck_assert(jsonrpc_session_is_dead(session));
	ck_assert_str_eq(jsonrpc_session_last_error(session), "second");
}
END_TEST

START_TEST(test_connection_stays_when_its_remote_does)
{
	AUTO_FREE char *both = xasprintf("%s,%s", peers[1].name, peers[0].name);

	open_session(peers[0].name, true);
	await_connection();
	jsonrpc_session_set_remotes(session, both);
	settle();
	ck_assert(connected == 1 && disconnected == 0);
	ck_assert(jsonrpc_session_is_connected(session));
}
END_TEST

START_TEST(test_connection_moves_when_its_remote_goes)
{
	open_session(peers[0].name, true);
	await_connection();
	jsonrpc_session_set_remotes(session, peers[1].name);
	ck_assert_uint_eq(disconnected, 1);
	await_connection();
	ck_assert_str_eq(jsonrpc_session_name(session), peers[1].name);
}
END_TEST

START_TEST(test_dead_session_lives_with_other_remotes)
{
	AUTO_FREE char *none = xasprintf("unix:%s/none", dir);

	open_session(none, false);
	settle();
	ck_assert(jsonrpc_session_is_dead(session));
	jsonrpc_session_set_remotes(session, peers[1].name);
	await_connection();
	ck_assert_uint_eq(peers[1].accepted, 1);
}
END_TEST

static bool came, closed;

static void client_connected(void *aux)
{
	came = true;
}

static void client_readable(void *aux) {}

static void client_closed(void *aux, int err)
{
	closed = true;
}

static const struct stream_events client_events = {
	.connected = client_connected,
	.readable = client_readable,
	.closed = client_closed,
};

// A peer of a passive remote.
static struct stream *open_client(const char *name)
{
	struct error err = ERROR_INIT;
	struct stream *s;

	came = closed = false;
	ck_assert_msg(!stream_open(loop, name, 0, -1, &client_events, NULL, &s, &err), "%s",
		      err.text);
	return s;
}

START_TEST(test_nobody_comes_to_a_passive_remote_that_had_its_turn)
{
	AUTO_FREE char *own = xasprintf("unix:%s/own", dir);
	AUTO_FREE char *both = xasprintf("p%s,%s", own, peers[0].name);
	struct error err = ERROR_INIT;
	struct stream *client;

	open_session(both, true);
	settle();
	client = open_client(own);
	await_connection();
	ck_assert(came);
	stream_close(client);
	await_connection();
	ck_assert_str_eq(jsonrpc_session_name(session), peers[0].name);
	ck_assert_int_lt(stream_open(loop, own, 0, -1, &client_events, NULL, &client, &err), 0);
	// Its turn comes again.
	stream_close(peers[0].stream);
	peers[0].stream = NULL;
	settle();
	client = open_client(own);
	await_connection();
	ck_assert(came && !closed);
	stream_close(client);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jsonrpc-session");
	TCase *t = tcase_create("session");
	int failed;

	program_init("test-jsonrpc-session");
	log_set("console:emer", NULL);
	if (!mkdtemp(dir))
		return 1;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_rejected_peers_are_asked_with_back_off);
	tcase_add_test(t, test_rejected_peer_makes_room_for_the_next);
	tcase_add_test(t, test_one_attempt_ends_when_all_were_rejected);
	tcase_add_test(t, test_connection_stays_when_its_remote_does);
	tcase_add_test(t, test_connection_moves_when_its_remote_goes);
	tcase_add_test(t, test_dead_session_lives_with_other_remotes);
	tcase_add_test(t, test_nobody_comes_to_a_passive_remote_that_had_its_turn);
	suite_add_tcase(s, t);
	failed = suite_run(s);
	rmdir(dir);
	return failed;
}
