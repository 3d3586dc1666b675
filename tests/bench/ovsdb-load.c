// SPDX-License-Identifier: Apache-2.0
// Load for tests/bench/ovsdb, on one thread, with no more work of its own than it must:
//
//     ovsdb-load SOCKET WRITERS READERS TRANSACTIONS DATAPATH DURABLE
//
// connects WRITERS clients that insert rows into Port of the database Bench, each a transaction at a time, TRANSACTIONS in all,
// and READERS clients that monitor it. Ends when all are answered and told. Prints "began" once all are connected, waits for a line on
// its standard input, and prints the seconds that it took.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct client {
	int fd;
	bool reads;
	size_t rows; // that a reader has been told of
	char tail[8]; // of what came last: the mark may be cut in two
	size_t n_tail;
};

static const char *datapath;
static bool durable;
static size_t n_asked;

static void die(const char *what)
{
	fprintf(stderr, "ovsdb-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0)
			die("send");
		p += sent;
		n -= sent;
	}
}

static void ask(const struct client *c)
{
	char text[1024];
	size_t i = ++n_asked;
	int n = snprintf(
		text, sizeof(text),
		"{\"id\":%zu,\"method\":\"transact\",\"params\":[\"Bench\",{\"op\":\"insert\","
		"\"table\":"
		"\"Port\",\"row\":{\"logical_port\":\"lsp-%08zu\",\"tunnel_key\":%zu,\"mac\":"
		"\"0a:00:%02zx:%02zx:%02zx "
		"10.0.%zu.%zu\",\"up\":true,\"datapath\":[\"uuid\",\"%s\"],"
		"\"options\":[\"map\",[[\"requested-chassis\",\"node-%zu\"]]],\"external_ids\":["
		"\"map\",[["
		"\"name\",\"port %zu\"],[\"neutron:revision\",\"%zu\"]]]}}%s]}",
		i, i, i % 32000 + 1, i >> 16 & 255, i >> 8 & 255, i & 255, i >> 8 & 255, i & 255,
		datapath, i % 500, i, i % 7,
		durable ? ",{\"op\":\"commit\",\"durable\":true}" : "");

	send_all(c->fd, text, n);
}

static int connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	strcpy(un.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		die(path);
	return fd;
}

static void monitor(const struct client *c)
{
	static const char text[] = "{\"id\":0,\"method\":\"monitor_cond_since\",\"params\":["
				   "\"Bench\",\"m\",{\"Port\":{\"columns\":["
				   "\"logical_port\",\"options\",\"external_ids\",\"mac\"]}},"
				   "\"00000000-0000-0000-0000-000000000000\"]}";
	char answer[4096];

	send_all(c->fd, text, sizeof(text) - 1);
	if (recv(c->fd, answer, sizeof(answer), 0) <= 0)
		die("monitor");
}

static ssize_t receive(struct client *c, char *buf, size_t n)
{
	ssize_t got = recv(c->fd, buf, n, MSG_DONTWAIT);

	if (!got || (got < 0 && errno != EAGAIN))
		die("recv");
	return got < 0 ? 0 : got;
}

// Counts the rows in what has come.
static size_t take_updates(struct client *c)
{
	static const char mark[] = "\"insert\"";
	static char buf[1 << 20];
	size_t rows = 0, n;
	char *p = buf, *end;

	memcpy(buf, c->tail, c->n_tail);
	n = c->n_tail + receive(c, buf + c->n_tail, sizeof(buf) - c->n_tail);
	end = buf + n;
	while ((p = memmem(p, end - p, mark, sizeof(mark) - 1))) {
		rows++;
		p += sizeof(mark) - 1;
	}
	c->n_tail = n < sizeof(mark) - 2 ? n : sizeof(mark) - 2;
	memcpy(c->tail, end - c->n_tail, c->n_tail);
	return rows;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void take_answer(struct client *c)
{
	char buf[65536];
	ssize_t n = receive(c, buf, sizeof(buf) - 1);

	buf[n] = '\0';
	if (n && !strstr(buf, "\"uuid\"")) {
		fprintf(stderr, "ovsdb-load: %s\n", buf);
		exit(1);
	}
}

static void run(struct client *clients, size_t n_writers, size_t n_readers, size_t n_txns)
{
	size_t answered = 0, told = 0;
	int poll = epoll_create1(EPOLL_CLOEXEC);

	for (size_t i = 0; i < n_writers + n_readers; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &clients[i] };

		epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &e);
	}
	for (size_t i = 0; i < n_writers; i++)
		ask(&clients[i]);
	while (answered < n_txns || told < n_txns * n_readers) {
		struct epoll_event events[64];
		int n = epoll_wait(poll, events, 64, 20000);

		if (n <= 0)
			die("nothing comes any more");
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (c->reads) {
				told += take_updates(c);
				continue;
			}
			take_answer(c);
			answered++;
			if (n_asked < n_txns)
				ask(c);
		}
	}
	close(poll);
}

int main(int argc, char *argv[])
{
	size_t n_writers, n_readers, n_txns;
	struct client *clients;
	char line[16];
	double began;

	if (argc != 7) {
		fprintf(stderr,
			"usage: ovsdb-load SOCKET WRITERS READERS TRANSACTIONS DATAPATH DURABLE\n");
		return 2;
	}
	n_writers = atoi(argv[2]);
	n_readers = atoi(argv[3]);
	n_txns = atoi(argv[4]);
	datapath = argv[5];
	durable = atoi(argv[6]);
	clients = calloc(n_writers + n_readers, sizeof(*clients));
	if (!clients || !n_writers || n_txns < n_writers)
		return 2;
	for (size_t i = 0; i < n_writers + n_readers; i++) {
		clients[i].fd = connect_to(argv[1]);
		clients[i].reads = i >= n_writers;
		if (clients[i].reads)
			monitor(&clients[i]);
	}
	printf("began\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	began = now();
	run(clients, n_writers, n_readers, n_txns);
	printf("%f\n", now() - began);
	return 0;
}
