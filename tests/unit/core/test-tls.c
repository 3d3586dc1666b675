// SPDX-License-Identifier: Apache-2.0
// TLS streams between two ends of one process. Both use the settings of the process; where they are to differ, the settings
// change between the client's first step and the server's.
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/stream-private.h"
#include "core/io/tls.h"
#include "tests/suite.h"
#include "tests/unit/core/tls-certs.h"

static char dir[] = "/tmp/oes-test-tls-XXXXXX";
static struct identity ca, other_ca, peer, stranger, self, expired;

struct end {
	struct stream *stream;
	struct strbuf in;
	size_t once; // bytes asked for at a time; 0: much, until there is no more
	bool connected, closed;
	int err;
};

static struct {
	struct loop *loop;
	struct listener *listener;
	struct end server, client;
	unsigned int n_accepted;
	char name[64]; // for the client
} t;

// ---- Ends ----

static void on_connected(void *aux)
{
	((struct end *)aux)->connected = true;
}

static void over(struct end *e, int err)
{
	e->closed = true;
	e->err = err;
	stream_close(e->stream);
	e->stream = NULL;
}

static void on_readable(void *aux)
{
	struct end *e = aux;
	ssize_t n;

	do {
		size_t want = e->once ? e->once : 65536;

		n = stream_recv(e->stream, strbuf_reserve(&e->in, want), want);
		if (n > 0)
			e->in.len += n;
	} while (n > 0 && !e->once);
	if (n != -EAGAIN && n <= 0)
		over(e, n);
}

static void on_closed(void *aux, int err)
{
	over(aux, err);
}

static const struct stream_events events = { on_connected, on_readable, NULL, on_closed };

static void on_accept(void *aux, struct stream *s)
{
	t.n_accepted++;
	if (t.server.stream) {
		stream_close(s);
		return;
	}
	t.server.stream = s;
	t.server.connected = true;
	stream_set_events(s, &events, &t.server);
}

static char *file(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void set(enum tls_setting which, const char *name)
{
	AUTO_FREE char *path = file(name);

	tls_set(which, path);
}

static void use(const struct identity *id)
{
	AUTO_FREE char *key = file("key.pem"), *cert = file("cert.pem");

	identity_write_key(id, key);
	identity_write_cert(id, cert);
	tls_set(TLS_PRIVATE_KEY, key);
	tls_set(TLS_CERTIFICATE, cert);
}

static void setup(void)
{
	AUTO_FREE char *path = file("ca.pem");
	struct error err = ERROR_INIT;

	t.loop = loop_create();
	use(&peer);
	identity_write_cert(&ca, path);
	tls_set(TLS_CA_CERT, path);
	ck_assert_int_eq(listener_open(t.loop, "pssl:0:127.0.0.1", 0, -1, on_accept, NULL,
				       &t.listener, &err),
			 0);
	snprintf(t.name, sizeof(t.name), "ssl:127.0.0.1:%u", listener_port(t.listener));
}

static void teardown(void)
{
	static const char *const files[] = { "key.pem", "cert.pem", "ca.pem", "new.pem" };

	stream_close(t.client.stream);
	stream_close(t.server.stream);
	listener_close(t.listener);
	strbuf_uninit(&t.client.in);
	strbuf_uninit(&t.server.in);
	loop_destroy(t.loop);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = file(files[i]);

		unlink(path);
	}
}

static void open_client(void)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(
		!stream_open(t.loop, t.name, 0, -1, &events, &t.client, &t.client.stream, &err),
		"%s", err.text);
}

static void connect_pair(void)
{
	open_client();
	while (!t.client.connected || !t.server.connected) {
		loop_step(t.loop, 100);
		ck_assert(!t.client.closed);
	}
}

static void until(const bool *flag)
{
	while (!*flag)
		loop_step(t.loop, 100);
}

// ---- Data ----

START_TEST(ten_megabytes_go_both_ways_at_once)
{
	size_t size = 10 << 20;
	char *data = xmalloc(size);

	for (size_t i = 0; i < size; i++)
		data[i] = i * 7 + (i >> 13);
	connect_pair();
	stream_send(t.client.stream, data, size);
	stream_send(t.server.stream, data, size);
	while (t.client.in.len < size || t.server.in.len < size) {
		loop_step(t.loop, 100);
		ck_assert(!t.client.closed && !t.server.closed);
	}
	ck_assert(!memcmp(t.client.in.s, data, size));
	ck_assert(!memcmp(t.server.in.s, data, size));
	ck_assert_uint_eq(stream_backlog(t.client.stream), 0);
	free(data);
}
END_TEST

START_TEST(what_the_library_has_read_ahead_is_announced)
{
	char data[5000];

	memset(data, 'x', sizeof(data));
	connect_pair();
	t.server.once = 7;
	stream_send(t.client.stream, data, sizeof(data));
	while (t.server.in.len < sizeof(data))
		loop_step(t.loop, 100);
	ck_assert_uint_eq(t.server.in.len, sizeof(data));
}
END_TEST

START_TEST(what_is_queued_before_the_handshake_is_sent_and_then_the_stream_ends)
{
	open_client();
	stream_send(t.client.stream, "early", 5);
	stream_close_after_flush(t.client.stream);
	t.client.stream = NULL;
	until(&t.server.closed);
	ck_assert_str_eq(strbuf_cstr(&t.server.in), "early");
	ck_assert_int_eq(t.server.err, 0);
}
END_TEST

START_TEST(an_end_that_was_said_is_orderly)
{
	connect_pair();
	stream_close(t.client.stream);
	t.client.stream = NULL;
	until(&t.server.closed);
	ck_assert_int_eq(t.server.err, 0);
}
END_TEST

START_TEST(an_end_that_was_not_said_is_an_error)
{
	connect_pair();
	shutdown(t.client.stream->watch.fd, SHUT_WR);
	until(&t.server.closed);
	ck_assert_int_eq(t.server.err, -ECONNRESET);
}
END_TEST

START_TEST(the_common_name_of_the_peer_is_known)
{
	connect_pair();
	ck_assert_str_eq(stream_peer_id(t.client.stream), "peer");
	ck_assert_str_eq(stream_peer_id(t.server.stream), "peer");
	ck_assert(!strncmp(stream_name(t.server.stream), "ssl:127.0.0.1:", 14));
}
END_TEST

START_TEST(who_has_no_name_or_several_has_none)
{
	static const char *const names[] = { "", "one|two" };
	struct identity id = identity_create(names[_i], &ca, 10);

	use(&id);
	connect_pair();
	ck_assert_ptr_null(stream_peer_id(t.server.stream));
	identity_destroy(&id);
}
END_TEST

START_TEST(a_peer_that_is_not_verified_has_no_name)
{
	tls_set(TLS_CA_CERT, "none");
	connect_pair();
	ck_assert_ptr_null(stream_peer_id(t.client.stream));
	ck_assert_ptr_null(stream_peer_id(t.server.stream));
}
END_TEST

// ---- Who is refused ----

static const struct {
	const char *name;
	const struct identity *identity;
	bool ok;
} peers[] = {
	{ "signed by the CA", &peer, true },
	{ "signed by another", &stranger, false },
	{ "by itself", &self, false },
	{ "expired", &expired, false },
};

START_TEST(only_peers_that_the_ca_certifies_are_let_in)
{
	use(peers[_i].identity);
	open_client();
	while (!t.client.closed && !t.server.connected)
		loop_step(t.loop, 100);
	ck_assert_msg(t.server.connected == peers[_i].ok, "%s", peers[_i].name);
	if (!peers[_i].ok)
		ck_assert_int_eq(t.client.err, -EPROTO);
}
END_TEST

// A plain TCP connection to the listener.
static int connect_plain(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(listener_port(t.listener)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

// The other side has closed 'fd'.
static void wait_for_end(int fd)
{
	char sink[256];
	ssize_t n;

	do {
		loop_step(t.loop, 20);
		n = recv(fd, sink, sizeof(sink), 0);
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	close(fd);
}

static const struct {
	const char *text;
	size_t n;
} garbage[] = {
	{ "{\"method\":\"echo\",\"params\":[],\"id\":1}", 37 },
	{ "\x04\x00\x00\x08\x00\x00\x00\x01", 8 }, // OpenFlow
	{ "GET / HTTP/1.0\r\n\r\n", 18 },
	{ "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10 }, // a client hello that is none
	{ "\x16\x03\x01\xff\xff", 5 },
	{ "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12 },
};

START_TEST(a_peer_that_does_not_speak_tls_is_closed)
{
	int fd = connect_plain();

	ck_assert_int_eq(write(fd, garbage[_i].text, garbage[_i].n), garbage[_i].n);
	wait_for_end(fd);
	ck_assert_uint_eq(t.n_accepted, 0);
	connect_pair();
}
END_TEST

START_TEST(a_silent_peer_is_closed_in_time_and_keeps_nobody_waiting)
{
	int fd = connect_plain();
	char c;

	clock_stop();
	connect_pair();
	ck_assert_int_eq(recv(fd, &c, 1, 0), -1);
	ck_assert_int_eq(errno, EAGAIN);
	clock_advance(9000);
	loop_step(t.loop, 0);
	ck_assert_int_eq(recv(fd, &c, 1, 0), -1);
	ck_assert_int_eq(errno, EAGAIN);
	clock_advance(1001);
	wait_for_end(fd);
	ck_assert_uint_eq(t.n_accepted, 1);
	ck_assert(!t.client.closed);
}
END_TEST

START_TEST(so_many_silent_peers_at_once_and_the_oldest_goes)
{
	struct rlimit files;
	int fds[520];

	// Both ends are here.
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = MIN(files.rlim_max, 4096);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_plain();
		loop_step(t.loop, 0);
	}
	wait_for_end(fds[0]);
	connect_pair();
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}
END_TEST

// ---- Settings and files ----

static const struct {
	const char *protocols;
	bool ok;
} protocols[] = {
	{ "TLSv1.2", true },
	{ "TLSv1.3", true },
	{ "TLSv1.2,TLSv1.3", true },
	{ "TLSv1.3 TLSv1.2", true },
	{ "tlsv1.2", true },
	{ "TLSv1.2+", true },
	{ "TLSv1+", true },
	{ "TLSv1.3+", true },
	{ "TLSv1.2-TLSv1.3", true },
	{ "TLSv1.1-TLSv1.3", true },
	{ "TLSv1,TLSv1.1,TLSv1.2", true },
	{ "TLSv1.1", false },
	{ "TLSv1-TLSv1.1", false },
	{ "SSLv3", false },
	{ "TLSv1.2-", false },
	{ "TLSv1.2,TLSv1.3+", false },
	{ "TLSv1.2-TLSv1.3+", false },
	{ "+", false },
	{ ",", false },
};

START_TEST(protocols_are_a_list_or_a_range)
{
	struct error err = ERROR_INIT;

	tls_set(TLS_PROTOCOLS, protocols[_i].protocols);
	ck_assert_msg((tls_check(&err) == 0) == protocols[_i].ok, "\"%s\": %s",
		      protocols[_i].protocols, err.text);
	if (protocols[_i].ok)
		connect_pair();
}
END_TEST

static const struct {
	enum tls_setting which;
	const char *value, *text;
} bad_settings[] = {
	{ TLS_PRIVATE_KEY, NULL, "Private key must be configured to use SSL" },
	{ TLS_CERTIFICATE, NULL, "Certificate must be configured to use SSL" },
	{ TLS_CA_CERT, NULL, "CA certificate must be configured to use SSL" },
	{ TLS_PRIVATE_KEY, "/nonexistent/k", "/nonexistent/k: cannot read private key (No such" },
	{ TLS_CERTIFICATE, "/nonexistent/c", "/nonexistent/c: cannot read certificate (No such" },
	{ TLS_CA_CERT, "/nonexistent/a", "/nonexistent/a: cannot read CA certificate (No such" },
	{ TLS_PEER_CA_CERT, "/nonexistent/p", "/nonexistent/p: cannot read peer CA cert" },
	{ TLS_PRIVATE_KEY, "/", "/: cannot read private key (Is a directory)" },
	{ TLS_PRIVATE_KEY, "/dev/zero", "/dev/zero: cannot read private key (Invalid" },
	{ TLS_PRIVATE_KEY, "/etc/passwd", "/etc/passwd: cannot read private key (" },
	{ TLS_CA_CERT, "/etc/passwd", "/etc/passwd: cannot read CA certificate (" },
	{ TLS_CIPHERS, "nonsense", "--ssl-ciphers=nonsense: no cipher match" },
	{ TLS_CIPHERSUITES, "nonsense", "--ssl-ciphersuites=nonsense: no cipher match" },
};

START_TEST(what_is_missing_or_wrong_is_named)
{
	struct error err = ERROR_INIT;

	tls_set(bad_settings[_i].which, bad_settings[_i].value);
	ck_assert_int_eq(tls_check(&err), -ENOPROTOOPT);
	ck_assert_msg(str_starts(err.text, bad_settings[_i].text), "%s", err.text);
}
END_TEST

START_TEST(a_key_that_is_encrypted_is_refused_and_asks_nobody)
{
	AUTO_FREE char *path = file("new.pem");
	FILE *f = fopen(path, "w");
	struct error err = ERROR_INIT;

	tls_set(TLS_PRIVATE_KEY, path);
	fputs("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
	      f);
	fclose(f);
	ck_assert_int_eq(tls_check(&err), -ENOPROTOOPT);
	ck_assert_msg(strstr(err.text, "new.pem: cannot read private key"), "%s", err.text);
}
END_TEST

START_TEST(a_key_of_another_certificate_is_refused)
{
	AUTO_FREE char *path = file("new.pem");
	struct error err = ERROR_INIT;

	identity_write_key(&stranger, path);
	tls_set(TLS_PRIVATE_KEY, path);
	ck_assert_int_eq(tls_check(&err), -ENOPROTOOPT);
	ck_assert_msg(strstr(err.text, "does not match the certificate"), "%s", err.text);
}
END_TEST

START_TEST(new_files_serve_new_connections_and_old_ones_stay)
{
	AUTO_FREE char *path = file("ca.pem");
	struct stat before;
	struct timespec times[2];

	connect_pair();
	ck_assert_int_eq(stat(path, &before), 0);
	identity_write_cert(&other_ca, path);
	times[0] = times[1] = before.st_mtim;
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0); // content alone decides
	use(&stranger);
	stream_send(t.client.stream, "old", 3);
	while (!t.server.in.len)
		loop_step(t.loop, 100);
	ck_assert(!t.server.closed && !t.client.closed);
	stream_close(t.server.stream);
	t.server = (struct end){ .in = t.server.in };
	until(&t.client.closed);
	t.client = (struct end){ .in = t.client.in };
	connect_pair();
	ck_assert_str_eq(stream_peer_id(t.server.stream), "stranger");
}
END_TEST

START_TEST(files_that_are_half_replaced_leave_the_old_ones_in_use)
{
	AUTO_FREE char *path = file("key.pem");
	struct error err = ERROR_INIT;

	ck_assert_int_eq(tls_check(&err), 0);
	identity_write_key(&stranger, path);
	ck_assert_int_eq(tls_check(&err), 0);
	connect_pair();
	unlink(path);
	ck_assert_int_eq(tls_check(&err), 0);
}
END_TEST

START_TEST(a_setting_that_is_changed_to_what_is_not_there_is_not_what_it_was)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(tls_check(&err), 0);
	tls_set(TLS_CA_CERT, "/nonexistent/ca");
	ck_assert_int_eq(tls_check(&err), -ENOPROTOOPT);
	ck_assert_int_eq(tls_check(&err), -ENOPROTOOPT);
}
END_TEST

// Counts the lines of the log file that hold 'text'.
static int count_log(const char *text)
{
	AUTO_FREE char *path = file("log");
	FILE *f = fopen(path, "r");
	char line[1024];
	int n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

START_TEST(a_missing_file_is_told_once_for_each_change)
{
	AUTO_FREE char *log = file("log"), *path = file("new.pem");

	ck_assert_int_eq(log_set_file(log, NULL), 0);
	set(TLS_CA_CERT, "new.pem");
	for (int i = 0; i < 3; i++)
		ck_assert_int_ne(tls_check(NULL), 0);
	ck_assert_int_eq(count_log("new.pem: cannot read CA certificate"), 1);
	identity_write_cert(&ca, path);
	ck_assert_int_eq(tls_check(NULL), 0);
	unlink(path);
	ck_assert_int_eq(tls_check(NULL), 0);
	ck_assert_int_eq(tls_check(NULL), 0);
	ck_assert_int_eq(count_log("new.pem: cannot read CA certificate"), 2);
	log_close_file();
	unlink(log);
}
END_TEST

// ---- Bootstrap ----

START_TEST(the_ca_is_taken_from_the_first_peer_and_the_connection_made_again)
{
	AUTO_FREE char *path = file("new.pem");
	struct stat st;

	// The server, later: as it was. Its own chain is completed from its CA file.
	tls_set(TLS_CA_CERT, NULL);
	set(TLS_BOOTSTRAP_CA_CERT, "new.pem");
	set(TLS_PEER_CA_CERT, "ca.pem");
	open_client();
	while (!t.client.connected || !t.server.connected) {
		loop_step(t.loop, 100);
		if (t.client.closed) {
			// Both ends bootstrap: the server's end drops the first connection.
			t.client = (struct end){ .in = t.client.in };
			open_client();
		}
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_str_eq(stream_peer_id(t.client.stream), "peer");
	ck_assert_str_eq(stream_peer_id(t.server.stream), "peer");
}
END_TEST

START_TEST(a_ca_file_that_is_lost_is_not_taken_from_the_next_peer)
{
	AUTO_FREE char *path = file("new.pem"), *sent = file("ca.pem");
	struct stat st;

	identity_write_cert(&ca, path);
	tls_set(TLS_CA_CERT, NULL);
	set(TLS_BOOTSTRAP_CA_CERT, "new.pem");
	ck_assert_int_eq(tls_check(NULL), 0);
	unlink(path);
	identity_write_cert(&other_ca, sent);
	use(&stranger); // the same names: only what is in the files has changed
	open_client();
	until(&t.client.connected);
	ck_assert_str_eq(stream_peer_id(t.client.stream), "peer");
	ck_assert_int_lt(stat(path, &st), 0);
}
END_TEST

static const struct {
	const char *name;
	const struct identity *identity, *sent_ca;
} no_ca[] = {
	{ "self-signed", &self, NULL },
	{ "no CA is sent", &peer, NULL },
	{ "the CA of somebody else", &peer, &other_ca },
	{ "what is sent is no CA", &peer, &peer },
};

START_TEST(no_ca_is_taken_from_a_peer_that_sends_none_of_its_own)
{
	AUTO_FREE char *path = file("new.pem"), *sent = file("ca.pem");
	struct stat st;

	tls_set(TLS_CA_CERT, NULL);
	set(TLS_BOOTSTRAP_CA_CERT, "new.pem");
	use(no_ca[_i].identity);
	if (no_ca[_i].sent_ca) {
		identity_write_cert(no_ca[_i].sent_ca, sent);
		tls_set(TLS_PEER_CA_CERT, sent);
	}
	open_client();
	until(&t.client.closed);
	ck_assert_msg(t.client.err == -EPROTO && stat(path, &st) < 0, "%s: %d", no_ca[_i].name,
		      t.client.err);
}
END_TEST

static pid_t owner;

static void remove_dir(void)
{
	if (getpid() == owner)
		rmdir(dir);
}

static void make_identities(void)
{
	ca = identity_create("ca", NULL, 10);
	other_ca = identity_create("other ca", NULL, 10);
	peer = identity_create("peer", &ca, 10);
	stranger = identity_create("stranger", &other_ca, 10);
	self = identity_create("self", NULL, 10);
	expired = identity_create("expired", &ca, -1);
}

static void free_identities(void)
{
	identity_destroy(&ca);
	identity_destroy(&other_ca);
	identity_destroy(&peer);
	identity_destroy(&stranger);
	identity_destroy(&self);
	identity_destroy(&expired);
}

int main(void)
{
	Suite *s = suite_create("core/io TLS");
	TCase *tc = tcase_create("tls");
	int status;

	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	owner = getpid();
	atexit(remove_dir);
	log_set("console:off", NULL);
	make_identities();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, ten_megabytes_go_both_ways_at_once);
	tcase_add_test(tc, what_the_library_has_read_ahead_is_announced);
	tcase_add_test(tc, what_is_queued_before_the_handshake_is_sent_and_then_the_stream_ends);
	tcase_add_test(tc, an_end_that_was_said_is_orderly);
	tcase_add_test(tc, an_end_that_was_not_said_is_an_error);
	tcase_add_test(tc, the_common_name_of_the_peer_is_known);
	tcase_add_loop_test(tc, who_has_no_name_or_several_has_none, 0, 2);
	tcase_add_test(tc, a_peer_that_is_not_verified_has_no_name);
	tcase_add_loop_test(tc, only_peers_that_the_ca_certifies_are_let_in, 0, ARRAY_SIZE(peers));
	tcase_add_loop_test(tc, a_peer_that_does_not_speak_tls_is_closed, 0, ARRAY_SIZE(garbage));
	tcase_add_test(tc, a_silent_peer_is_closed_in_time_and_keeps_nobody_waiting);
	tcase_add_test(tc, so_many_silent_peers_at_once_and_the_oldest_goes);
	tcase_add_loop_test(tc, protocols_are_a_list_or_a_range, 0, ARRAY_SIZE(protocols));
	tcase_add_loop_test(tc, what_is_missing_or_wrong_is_named, 0, ARRAY_SIZE(bad_settings));
	tcase_add_test(tc, a_key_that_is_encrypted_is_refused_and_asks_nobody);
	tcase_add_test(tc, a_key_of_another_certificate_is_refused);
	tcase_add_test(tc, new_files_serve_new_connections_and_old_ones_stay);
	tcase_add_test(tc, files_that_are_half_replaced_leave_the_old_ones_in_use);
	tcase_add_test(tc, a_setting_that_is_changed_to_what_is_not_there_is_not_what_it_was);
	tcase_add_test(tc, a_missing_file_is_told_once_for_each_change);
	tcase_add_test(tc, the_ca_is_taken_from_the_first_peer_and_the_connection_made_again);
	tcase_add_test(tc, a_ca_file_that_is_lost_is_not_taken_from_the_next_peer);
	tcase_add_loop_test(tc, no_ca_is_taken_from_a_peer_that_sends_none_of_its_own, 0,
			    ARRAY_SIZE(no_ca));
	suite_add_tcase(s, tc);
	status = suite_run(s);
	free_identities();
	return status;
}
