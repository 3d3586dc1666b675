// SPDX-License-Identifier: Apache-2.0
// Several sockets at once: each request has its own answer, whichever socket it went by.
#include <linux/rtnetlink.h>

#include "offload/tc/senders.h"
#include "tests/suite.h"

enum { N = 100 };

// Links are asked for in turn: the loopback device, which is there, and one that is not.
static void ask(struct nl_request *r, size_t i)
{
	size_t m = nl_msg_begin(&r->msg, RTM_GETLINK, 0);
	struct ifinfomsg *h = nl_put_header(&r->msg, sizeof(*h));

	h->ifi_index = i % 2 ? 0x7ffffffe : 1;
	nl_msg_end(&r->msg, m);
}

static void check_all(struct senders *s, struct nl_sock *own, size_t n)
{
	struct nl_request reqs[N] = { 0 }, *list[N];

	for (size_t i = 0; i < n; i++) {
		ask(&reqs[i], i);
		list[i] = &reqs[i];
	}
	senders_transact(s, own, list, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(reqs[i].error, i % 2 ? -ENODEV : 0);
		ck_assert_int_eq(!!nl_reply(&reqs[i]), i % 2 == 0);
		nl_request_uninit(&reqs[i]);
	}
}

START_TEST(each_request_has_its_answer)
{
	static const unsigned int sizes[] = { 1, 4, 10, 2, 1 };
	struct senders *s = senders_create();
	struct nl_sock *own;

	ck_assert(!nl_open(NETLINK_ROUTE, &own, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		senders_resize(s, sizes[i], "test");
		for (size_t n = 0; n <= N; n = n * 3 + 1)
			check_all(s, own, n);
		check_all(s, own, N);
	}
	nl_close(own);
	senders_destroy(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/tc/senders");
	TCase *t = tcase_create("senders");

	tcase_add_test(t, each_request_has_its_answer);
	suite_add_tcase(s, t);
	return suite_run(s);
}
