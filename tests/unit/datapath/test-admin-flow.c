// SPDX-License-Identifier: Apache-2.0
// Flows from outside: one that nobody can read hides no other.
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/kernel/admin-private.h"
#include "datapath/kernel/key.h"
#include "tests/suite.h"

enum { DP_IFINDEX = 7 };

static const struct genl_family family = { .id = 30, .version = 1 };

static void put_flow(struct strbuf *b, uint32_t in_port, bool whole, uint32_t seq)
{
	struct flow_key key = { .in_port = in_port };
	struct flow_mask mask = { 0 };
	size_t m = message_begin(b, &family, OVS_FLOW_CMD_NEW, NLM_F_MULTI, DP_IFINDEX), nest;

	nest = nl_nest_begin(b, OVS_FLOW_ATTR_KEY);
	kernel_put_key(b, &key, &mask);
	nl_nest_end(b, nest);
	if (whole)
		nl_nest_end(b, nl_nest_begin(b, OVS_FLOW_ATTR_ACTIONS));
	nl_msg_end(b, m);
	((struct nlmsghdr *)(b->s + m))->nlmsg_seq = seq;
}

// Four flows, of which the first and the third have no actions.
static void *play_kernel(void *fd_)
{
	struct nlmsghdr request[64], *done;
	AUTO(strbuf) out = STRBUF_INIT;
	int fd = *(int *)fd_;
	size_t m;

	ck_assert_int_gt(recv(fd, request, sizeof(request), 0), 0);
	for (uint32_t i = 1; i <= 4; i++)
		put_flow(&out, i, i % 2 == 0, request->nlmsg_seq);
	m = nl_msg_begin(&out, NLMSG_DONE, NLM_F_MULTI);
	nl_put_header(&out, sizeof(int));
	nl_msg_end(&out, m);
	done = (struct nlmsghdr *)(out.s + m);
	done->nlmsg_seq = request->nlmsg_seq;
	ck_assert_int_eq(send(fd, out.s, out.len, 0), out.len);
	return NULL;
}

static void note_port(const struct admin_flow *f, void *aux)
{
	strbuf_printf(aux, "%u ", f->key.in_port);
}

START_TEST(a_flow_that_cannot_be_read_hides_no_other)
{
	struct admin a = { .families.flow = family };
	struct admin_dp dp = { .ifindex = DP_IFINDEX };
	AUTO(strbuf) seen = STRBUF_INIT;
	struct error err = ERROR_INIT;
	pthread_t thread;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	a.sock = nl_open_fd(fds[0]);
	ck_assert_int_eq(pthread_create(&thread, NULL, play_kernel, &fds[1]), 0);
	ck_assert_int_eq(admin_flow_list(&a, &dp, note_port, &seen, &err), -EPROTO);
	pthread_join(thread, NULL);
	ck_assert_str_eq(seen.s, "2 4 ");
	ck_assert_str_eq(err.text, "2 flows could not be read: "
				   "flow: its key or its actions are missing");
	nl_close(a.sock);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/admin-flow");
	TCase *t = tcase_create("flows");

	tcase_add_test(t, a_flow_that_cannot_be_read_hides_no_other);
	suite_add_tcase(s, t);
	return suite_run(s);
}
