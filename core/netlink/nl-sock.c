// SPDX-License-Identifier: Apache-2.0
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/counters.h"
#include "core/base/util.h"
#include "core/netlink/nl.h"

// Requests of one sendmsg: their acknowledgements must fit the receive buffer before any is read.
enum { MAX_BATCH = 64, MAX_BATCH_BYTES = 64 * 1024, RECV_BYTES = 64 * 1024, RCVBUF = 4 << 20 };
// Datagrams that are read in one system call: answers come in one each.
enum { SLOTS = 16 };

struct nl_sock {
	int fd;
	uint32_t pid, seq;
	uint8_t *buf; // SLOTS of RECV_BYTES; only what was received is ever touched
	size_t got[SLOTS]; // bytes in each
};

// ---- Life ----

struct nl_sock *nl_open_fd(int fd)
{
	struct nl_sock *s = xzalloc(sizeof(*s));

	s->fd = fd;
	s->buf = xmalloc(SLOTS * RECV_BYTES);
	return s;
}

static void set_flag(int fd, int option)
{
	int one = 1;

	// Older kernels lack it and work without.
	(void)setsockopt(fd, SOL_NETLINK, option, &one, sizeof(one));
}

int nl_open(int protocol, struct nl_sock **ret, struct error *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t n = sizeof(addr);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return error_set(err, -errno, "netlink protocol %d: %s", protocol, strerror(errno));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(fd, (struct sockaddr *)&addr, &n)) {
		error_set(err, -errno, "netlink protocol %d: bind: %s", protocol, strerror(errno));
		close(fd);
		return err ? err->code : -EIO;
	}
	set_flag(fd, NETLINK_EXT_ACK);
	set_flag(fd, NETLINK_CAP_ACK);
	*ret = nl_open_fd(fd);
	(*ret)->pid = addr.nl_pid;
	nl_set_rcvbuf(*ret, RCVBUF);
	return 0;
}

void nl_close(struct nl_sock *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s->buf);
	free(s);
}

int nl_fd(const struct nl_sock *s)
{
	return s->fd;
}

uint32_t nl_pid(const struct nl_sock *s)
{
	return s->pid;
}

int nl_join(struct nl_sock *s, unsigned int group, struct error *err)
{
	if (setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return error_set(err, -errno, "netlink group %u: %s", group, strerror(errno));
	return 0;
}

void nl_set_rcvbuf(struct nl_sock *s, size_t bytes)
{
	int n = bytes;

	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n)))
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
}

void nl_request_uninit(struct nl_request *r)
{
	strbuf_uninit(&r->msg);
	strbuf_uninit(&r->reply);
}

// ---- Datagrams ----

// Reads what is there into the slots; waits for the first one unless 'flags' say MSG_DONTWAIT. How many, or negative errno.
static int receive(struct nl_sock *s, int flags)
{
	struct mmsghdr m[SLOTS] = { 0 };
	struct iovec iov[SLOTS];
	int n;

	for (int i = 0; i < SLOTS; i++) {
		iov[i] = (struct iovec){ s->buf + i * RECV_BYTES, RECV_BYTES };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	do
		n = recvmmsg(s->fd, m, SLOTS, flags | MSG_WAITFORONE, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ENOBUFS)
		counter_inc(COUNTER_NETLINK_OVERFLOW);
	if (n < 0)
		return -errno;
	counter_add(COUNTER_NETLINK_RECEIVED, n);
	for (int i = 0; i < n; i++) {
		// The kernel sizes its datagrams by the buffers it sees; a larger one is not ours to understand.
		if (m[i].msg_hdr.msg_flags & MSG_TRUNC) {
			counter_inc(COUNTER_NETLINK_RECV_JUMBO);
			return -EMSGSIZE;
		}
		s->got[i] = m[i].msg_len;
		// The other end has closed (tests; the kernel does not).
		if (!s->got[i])
			return -ECONNRESET;
	}
	return n;
}

// Each message in the 'N' slots that receive() has filled.
#define FOR_EACH_MESSAGE(H, S, N) \
	for (int slot_ = 0, left_ = 0; slot_ < (N); slot_++) \
		for (H = (const struct nlmsghdr *)((S)->buf + slot_ * RECV_BYTES), \
		    left_ = (S)->got[slot_]; \
		     mnl_nlmsg_ok(H, left_); H = mnl_nlmsg_next(H, &left_))

static int send_all(struct nl_sock *s, struct iovec *iov, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };

	if (s->pid) {
		m.msg_name = &kernel;
		m.msg_namelen = sizeof(kernel);
	}
	while (sendmsg(s->fd, &m, 0) < 0)
		if (errno != EINTR)
			return -errno;
	counter_add(COUNTER_NETLINK_SENT, n);
	return 0;
}

// The kernel's words in an acknowledgement, cut to fit.
static void take_text(const struct nlmsghdr *h, char text[], size_t size)
{
	static const struct nl_policy policy[NLMSGERR_ATTR_MSG + 1] = {
		[NLMSGERR_ATTR_MSG] = { .type = MNL_TYPE_NUL_STRING },
	};
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	const struct nlattr *attrs[ARRAY_SIZE(policy)];
	size_t skip = sizeof(*e);

	text[0] = '\0';
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (!nl_parse_msg(h, skip, policy, ARRAY_SIZE(policy), attrs, "acknowledgement", NULL) &&
	    attrs[NLMSGERR_ATTR_MSG])
		snprintf(text, size, "%s", nl_str(attrs[NLMSGERR_ATTR_MSG]));
}

static bool has_error(const struct nlmsghdr *h)
{
	return h->nlmsg_type == NLMSG_ERROR &&
	       mnl_nlmsg_get_payload_len(h) >= sizeof(struct nlmsgerr);
}

static int error_of(const struct nlmsghdr *h)
{
	return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
}

// ---- Requests ----

static struct nl_request *find_request(struct nl_request *reqs[], size_t n, uint32_t seq)
{
	uint32_t i = n ? seq - reqs[0]->seq : 0;

	return i < n ? reqs[i] : NULL;
}

// True when the message ends its request.
static bool take_answer(struct nl_request *r, const struct nlmsghdr *h)
{
	if (r->done)
		return false;
	if (!has_error(h)) {
		strbuf_clear(&r->reply);
		strbuf_put(&r->reply, h, h->nlmsg_len);
		return false;
	}
	r->error = error_of(h);
	take_text(h, r->text, sizeof(r->text));
	r->done = true;
	return true;
}

// The kernel works one after another: those before an answered one that were to be silent, and were, have succeeded.
static size_t settle_silent(struct nl_request *reqs[], size_t n)
{
	size_t settled = 0;

	while (n && reqs[n - 1]->silent) {
		struct nl_request *r = reqs[--n];

		if (r->done)
			continue;
		r->done = true;
		r->error = 0;
		settled++;
	}
	return settled;
}

static int collect(struct nl_sock *s, struct nl_request *reqs[], size_t n)
{
	size_t open = n;

	while (open) {
		const struct nlmsghdr *h;
		int got = receive(s, 0);

		if (got < 0)
			return got;
		FOR_EACH_MESSAGE(h, s, got)
		{
			struct nl_request *r = find_request(reqs, n, h->nlmsg_seq);

			if (r && take_answer(r, h))
				open -= 1 + settle_silent(reqs, r->seq - reqs[0]->seq);
		}
	}
	return 0;
}

// Sends the first of 'reqs' that fit one call; returns how many, or negative errno.
static ssize_t send_some(struct nl_sock *s, struct nl_request *reqs[], size_t n)
{
	struct iovec iov[MAX_BATCH];
	size_t k = 0, bytes = 0;

	while (k < n && k < MAX_BATCH && (!k || bytes + reqs[k]->msg.len <= MAX_BATCH_BYTES)) {
		struct nl_request *r = reqs[k];
		struct nlmsghdr *h = (struct nlmsghdr *)r->msg.s;

		if (!r->silent)
			h->nlmsg_flags |= NLM_F_ACK;
		h->nlmsg_seq = r->seq = ++s->seq;
		h->nlmsg_pid = s->pid;
		iov[k].iov_base = r->msg.s;
		iov[k].iov_len = r->msg.len;
		bytes += r->msg.len;
		k++;
	}
	// The last one says that all before it are done.
	reqs[k - 1]->silent = false;
	((struct nlmsghdr *)reqs[k - 1]->msg.s)->nlmsg_flags |= NLM_F_ACK;
	int error = send_all(s, iov, k);

	return error ? error : (ssize_t)k;
}

int nl_transact_many(struct nl_sock *s, struct nl_request *reqs[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		reqs[i]->done = false;
		reqs[i]->error = -EIO;
		reqs[i]->text[0] = '\0';
		strbuf_clear(&reqs[i]->reply);
	}
	while (n) {
		ssize_t k = send_some(s, reqs, n);
		int error = k < 0 ? (int)k : collect(s, reqs, k);

		if (error)
			return error;
		reqs += k;
		n -= k;
	}
	return 0;
}

int nl_transact(struct nl_sock *s, const struct strbuf *msg, struct strbuf *ret_reply,
		struct error *err)
{
	struct nl_request r = { .msg = *msg }, *one = &r;
	int error = nl_transact_many(s, &one, 1);

	if (!error)
		error = r.error;
	if (error)
		error_set(err, error, "%s%s%s", strerror(-error), r.text[0] ? ": " : "", r.text);
	else if (ret_reply) {
		strbuf_uninit(ret_reply);
		*ret_reply = r.reply;
		strbuf_init(&r.reply);
	}
	strbuf_uninit(&r.reply);
	return error;
}

// ---- Dumps and notifications ----

struct dump {
	uint32_t seq;
	bool done, changed;
	bool refused; // by who is shown the messages
	int error;
	char text[128];
};

static void dump_end(struct dump *d, const struct nlmsghdr *h)
{
	d->done = true;
	if (d->error)
		return;
	if (h->nlmsg_type == NLMSG_ERROR) {
		d->error = has_error(h) ? error_of(h) : -EPROTO;
		if (has_error(h))
			take_text(h, d->text, sizeof(d->text));
	} else if (mnl_nlmsg_get_payload_len(h) >= sizeof(int)) {
		d->error = *(const int *)mnl_nlmsg_get_payload(h);
	}
}

// Some of a dump. What 'cb' has refused is not shown to it again, but the dump is read to its end, so that the
// socket is clean for the next request.
static void dump_some(struct nl_sock *s, struct dump *d, int got,
		      int (*cb)(const struct nlmsghdr *h, void *aux), void *aux)
{
	const struct nlmsghdr *h;

	FOR_EACH_MESSAGE(h, s, got)
	{
		if (d->done || h->nlmsg_seq != d->seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			d->changed = true;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			dump_end(d, h);
		else if (!d->error)
			d->refused = (d->error = cb(h, aux));
	}
}

int nl_dump(struct nl_sock *s, const struct strbuf *msg,
	    int (*cb)(const struct nlmsghdr *h, void *aux), void *aux, struct error *err)
{
	struct nlmsghdr *h = (struct nlmsghdr *)msg->s;
	struct iovec iov = { msg->s, msg->len };
	struct dump d = { .seq = ++s->seq };
	int error;

	h->nlmsg_flags |= NLM_F_DUMP;
	h->nlmsg_seq = d.seq;
	h->nlmsg_pid = s->pid;
	error = send_all(s, &iov, 1);
	while (!error && !d.done) {
		int got = receive(s, 0);

		if (got < 0)
			error = got;
		else
			dump_some(s, &d, got, cb, aux);
	}
	if (!error)
		error = d.error;
	if (error && d.refused && err && err->code == error)
		return error_wrap(err, "dump");
	if (error)
		return error_set(err, error, "dump: %s%s%s", strerror(-error),
				 d.text[0] ? ": " : "", d.text);
	return d.changed ? error_set(err, -EAGAIN, "dump: the table changed meanwhile") : 0;
}

int nl_dump_whole(struct nl_sock *s, const struct strbuf *msg,
		  int (*cb)(const struct nlmsghdr *h, void *aux), void (*again)(void *aux),
		  void *aux, struct error *err)
{
	enum { TRIES = 5 };
	int error = nl_dump(s, msg, cb, aux, err);

	for (int i = 1; error == -EAGAIN && i < TRIES; i++) {
		if (err)
			error_clear(err);
		if (again)
			again(aux);
		error = nl_dump(s, msg, cb, aux, err);
	}
	return error;
}

int nl_receive(struct nl_sock *s, void (*cb)(const struct nlmsghdr *h, void *aux), void *aux)
{
	const struct nlmsghdr *h;
	int got = receive(s, MSG_DONTWAIT);

	if (got < 0)
		return got;
	FOR_EACH_MESSAGE(h, s, got)
	cb(h, aux);
	return 0;
}
