// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/util.h"
#include "core/netlink/genl.h"
#include "core/netlink/rtnl.h"
#include "tests/suite.h"

START_TEST(a_message_reads_back_as_built)
{
	static const struct nl_policy policy[5] = {
		[1] = { .type = MNL_TYPE_U32, .required = true },
		[2] = { .type = MNL_TYPE_NUL_STRING },
		[3] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)], *in[ARRAY_SIZE(policy)];
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err;
	size_t m = nl_msg_begin(&b, 77, NLM_F_ACK), nest;

	nl_put_header(&b, 6);
	nl_put_u32(&b, 1, 0x12345678);
	nl_put_str(&b, 2, "name");
	nest = nl_nest_begin(&b, 3);
	nl_put_u32(&b, 1, 5);
	ck_assert_int_eq(nl_nest_end(&b, nest), 0);
	nl_put_u64(&b, 40, 1); // beyond the policy: of a newer kernel
	nl_msg_end(&b, m);
	const struct nlmsghdr *h = (const struct nlmsghdr *)b.s;

	ck_assert_uint_eq(h->nlmsg_len, b.len);
	ck_assert_int_eq(nl_parse_msg(h, 6, policy, ARRAY_SIZE(policy), a, "test", &err), 0);
	ck_assert_uint_eq(nl_u32(a[1]), 0x12345678);
	ck_assert_str_eq(nl_str(a[2]), "name");
	ck_assert_int_eq(nl_parse_nested(a[3], policy, ARRAY_SIZE(policy), in, "test", &err), 0);
	ck_assert_uint_eq(nl_u32(in[1]), 5);
	ck_assert_ptr_null(a[4]);
	ck_assert_uint_eq(nl_u32(a[4]), 0);
}
END_TEST

START_TEST(a_nest_over_64k_is_taken_out_again)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint8_t block[40000] = { 0 };
	size_t nest = nl_nest_begin(&b, 1);

	nl_put(&b, 1, block, sizeof(block));
	nl_put(&b, 2, block, sizeof(block));
	ck_assert_int_eq(nl_nest_end(&b, nest), -EMSGSIZE);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

#define ATTR(LEN, TYPE) (LEN), 0, (TYPE), 0

static const struct {
	const char *name;
	uint8_t bytes[16];
	size_t n;
	const char *text;
} bad[] = {
	{ "length below the header",
	  { ATTR(3, 1) },
	  4,
	  "t: attribute 1 says 3 bytes, 4 are there" },
	{ "length beyond the end", { ATTR(9, 1) }, 8, "t: attribute 1 says 9 bytes, 8 are there" },
	{ "wrong size", { ATTR(6, 1), 1, 2, 0, 0 }, 8, "t: attribute 1 has 2 bytes" },
	{ "no NUL", { ATTR(6, 2), 'a', 'b', 0, 0 }, 8, "t: attribute 2 has 2 bytes" },
	{ "left over",
	  { ATTR(8, 1), 1, 2, 3, 4, 5, 6 },
	  10,
	  "t: 2 bytes after the last attribute" },
	{ "required one missing", { 0 }, 0, "t: attribute 1 is missing" },
};

START_TEST(what_is_malformed_is_named)
{
	static const struct nl_policy policy[3] = {
		[1] = { .type = MNL_TYPE_U32, .required = true },
		[2] = { .type = MNL_TYPE_NUL_STRING },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	struct error err = ERROR_INIT;

	ck_assert_int_eq(
		nl_parse(bad[_i].bytes, bad[_i].n, policy, ARRAY_SIZE(policy), a, "t", &err),
		-EPROTO);
	ck_assert_msg(!strcmp(err.text, bad[_i].text), "%s: %s", bad[_i].name, err.text);
}
END_TEST

// ---- A kernel of our own at the other end ----

struct fake {
	int fd;
	size_t n; // requests to answer
};

// Refuses every third request with a text; answers the others with a copy, then an acknowledgement.
static void answer(int fd, const struct nlmsghdr *h, size_t i)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct nlmsgerr e = { .error = i % 3 == 2 ? -EINVAL : 0, .msg = *h };

	if (!e.error)
		strbuf_put(&b, h, h->nlmsg_len);
	size_t m = nl_msg_begin(&b, NLMSG_ERROR, NLM_F_CAPPED | (e.error ? NLM_F_ACK_TLVS : 0));
	((struct nlmsghdr *)(b.s + m))->nlmsg_seq = h->nlmsg_seq;
	memcpy(nl_put_header(&b, sizeof(e)), &e, sizeof(e));
	if (e.error)
		nl_put_str(&b, NLMSGERR_ATTR_MSG, "not today");
	nl_msg_end(&b, m);
	ck_assert_int_eq(send(fd, b.s, b.len, 0), b.len);
}

static void *serve(void *aux)
{
	struct fake *f = aux;
	static uint8_t buf[1 << 17] __attribute__((aligned(8)));

	for (size_t i = 0; i < f->n;) {
		int left = recv(f->fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *h = (const struct nlmsghdr *)buf;

		ck_assert_int_gt(left, 0);
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			answer(f->fd, h, i++);
	}
	return NULL;
}

START_TEST(each_request_of_a_batch_gets_its_own_answer)
{
	enum { N = 200 };
	struct nl_request reqs[N] = { 0 }, *list[N];
	struct fake f = { .n = N };
	struct nl_sock *s;
	pthread_t thread;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	s = nl_open_fd(fd[0]);
	f.fd = fd[1];
	pthread_create(&thread, NULL, serve, &f);
	for (int i = 0; i < N; i++) {
		size_t m = nl_msg_begin(&reqs[i].msg, 100, 0);

		nl_put_u32(&reqs[i].msg, 1, i);
		nl_msg_end(&reqs[i].msg, m);
		list[i] = &reqs[i];
	}
	ck_assert_int_eq(nl_transact_many(s, list, N), 0);
	for (int i = 0; i < N; i++) {
		static const struct nl_policy policy[2] = { [1] = { .type = MNL_TYPE_U32 } };
		const struct nlattr *a[2];

		if (i % 3 == 2) {
			ck_assert_int_eq(reqs[i].error, -EINVAL);
			ck_assert_str_eq(reqs[i].text, "not today");
			ck_assert_ptr_null(nl_reply(&reqs[i]));
		} else {
			ck_assert_int_eq(reqs[i].error, 0);
			ck_assert_int_eq(
				nl_parse_msg(nl_reply(&reqs[i]), 0, policy, 2, a, "t", NULL), 0);
			ck_assert_uint_eq(nl_u32(a[1]), i);
		}
		nl_request_uninit(&reqs[i]);
	}
	pthread_join(thread, NULL);
	close(fd[1]);
	nl_close(s);
}
END_TEST

START_TEST(a_socket_that_dies_leaves_no_request_without_an_error)
{
	struct nl_request r = { 0 }, *list[1] = { &r };
	struct nl_sock *s;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	s = nl_open_fd(fd[0]);
	nl_msg_end(&r.msg, nl_msg_begin(&r.msg, 100, 0));
	shutdown(fd[1], SHUT_WR);
	ck_assert_int_eq(nl_transact_many(s, list, 1), -ECONNRESET);
	ck_assert_int_eq(r.error, -EIO);
	nl_request_uninit(&r);
	close(fd[1]);
	nl_close(s);
}
END_TEST

// ---- Dumps ----

enum { ENTRY = 100, N_ENTRIES = 2 };

// Answers so many dumps. All but the last are said to have changed meanwhile.
static void *serve_dumps(void *aux)
{
	struct fake *f = aux;
	uint8_t buf[1 << 10] __attribute__((aligned(8)));

	for (size_t i = 1; i <= f->n; i++) {
		const struct nlmsghdr *request = (const struct nlmsghdr *)buf;
		uint16_t flags = NLM_F_MULTI | (i < f->n ? NLM_F_DUMP_INTR : 0);
		AUTO(strbuf) b = STRBUF_INIT;

		ck_assert_int_gt(recv(f->fd, buf, sizeof(buf), 0), 0);
		ck_assert_int_eq(request->nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
		for (size_t k = 0; k <= N_ENTRIES; k++) {
			size_t m = nl_msg_begin(&b, k < N_ENTRIES ? ENTRY : NLMSG_DONE, flags);

			((struct nlmsghdr *)(b.s + m))->nlmsg_seq = request->nlmsg_seq;
			memset(nl_put_header(&b, sizeof(int)), 0, sizeof(int));
			nl_msg_end(&b, m);
		}
		ck_assert_int_eq(send(f->fd, b.s, b.len, 0), b.len);
	}
	return NULL;
}

struct dump_case {
	struct error *err;
	int n;
	bool refuses;
};

static int on_entry(const struct nlmsghdr *h, void *aux)
{
	struct dump_case *c = aux;

	ck_assert_uint_eq(h->nlmsg_type, ENTRY);
	c->n++;
	return c->refuses ? error_set(c->err, -EPROTO, "entry: it is odd") : 0;
}

static void forget_entries(void *aux)
{
	((struct dump_case *)aux)->n = 0;
}

static int dump_whole(size_t n_answers, struct dump_case *c)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct fake f = { .n = n_answers };
	struct nl_sock *s;
	pthread_t thread;
	int fd[2], error;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	s = nl_open_fd(fd[0]);
	f.fd = fd[1];
	pthread_create(&thread, NULL, serve_dumps, &f);
	nl_msg_end(&req, nl_msg_begin(&req, ENTRY, 0));
	error = nl_dump_whole(s, &req, on_entry, forget_entries, c, c->err);
	pthread_join(thread, NULL);
	close(fd[1]);
	nl_close(s);
	return error;
}

START_TEST(a_dump_whose_table_changed_is_made_again_and_leaves_no_error)
{
	struct error err = ERROR_INIT;
	struct dump_case c = { .err = &err };

	ck_assert_int_eq(dump_whole(3, &c), 0);
	ck_assert_int_eq(c.n, N_ENTRIES);
	ck_assert_int_eq(err.code, 0);
}
END_TEST

START_TEST(a_dump_keeps_the_words_of_who_refused_an_entry)
{
	struct error err = ERROR_INIT;
	struct dump_case c = { .err = &err, .refuses = true };

	ck_assert_int_eq(dump_whole(1, &c), -EPROTO);
	ck_assert_int_eq(c.n, 1);
	ck_assert_str_eq(err.text, "dump: entry: it is odd");
}
END_TEST

// ---- The real one ----

static void count_loopback(const struct rtnl_link *l, void *aux)
{
	if (!strcmp(l->name, "lo"))
		(*(int *)aux)++;
}

START_TEST(the_kernel_lists_its_links)
{
	struct error err = ERROR_INIT;
	struct nl_sock *s;
	struct rtnl_link l;
	int n = 0;

	ck_assert_int_eq(nl_open(NETLINK_ROUTE, &s, &err), 0);
	ck_assert_int_eq(rtnl_link_dump(s, count_loopback, &n, &err), 0);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(rtnl_link_by_name(s, "lo", &l, &err), 0);
	ck_assert(l.flags & IFF_LOOPBACK);
	ck_assert_uint_eq(l.ifindex, if_nametoindex("lo"));
	ck_assert_int_eq(rtnl_link_by_index(s, l.ifindex, &l, &err), 0);
	ck_assert_str_eq(l.name, "lo");
	ck_assert_int_eq(rtnl_link_by_name(s, "no-such-link", &l, &err), -ENODEV);
	ck_assert_str_eq(err.text, "no-such-link: No such device");
	ck_assert_int_eq(rtnl_link_by_name(s, "a-name-of-sixteen", &l, &err), -ENODEV);
	nl_close(s);
}
END_TEST

// ---- Addresses and routes, in a namespace of the test's own ----

struct addresses {
	int ifindex;
	size_t n;
	struct rtnl_address all[8];
};

static void take_address(const struct rtnl_address *a, void *aux)
{
	struct addresses *as = aux;

	// A device has one of its own accord in IPv6.
	if (a->ifindex == as->ifindex && !(a->address.b[0] == 0xfe && a->address.b[1] == 0x80)) {
		ck_assert_uint_lt(as->n, ARRAY_SIZE(as->all));
		as->all[as->n++] = *a;
	}
}

static struct addresses addresses_of(struct nl_sock *s, int ifindex)
{
	struct addresses as = { .ifindex = ifindex };
	struct error err = ERROR_INIT;

	ck_assert_msg(!rtnl_address_dump(s, take_address, &as, &err), "%s", err.text);
	return as;
}

static struct rtnl_address address(int ifindex, const char *text, uint8_t prefix_len)
{
	struct rtnl_address a = { .ifindex = ifindex, .prefix_len = prefix_len };
	AUTO_FREE char *mapped = strchr(text, ':') ? xstrdup(text) : xasprintf("::ffff:%s", text);

	ck_assert_int_eq(inet_pton(AF_INET6, mapped, &a.address), 1);
	return a;
}

// A device that is up, alone in a new namespace. NULL: there is no right to make one.
static struct nl_sock *lonely_device(int *ret_ifindex)
{
	struct error err = ERROR_INIT;
	struct rtnl_link l;
	struct nl_sock *s;

	if (unshare(CLONE_NEWNET)) {
		printf("no right to make a network namespace: skipped\n");
		return NULL;
	}
	ck_assert_int_eq(nl_open(NETLINK_ROUTE, &s, &err), 0);
	ck_assert_msg(!rtnl_link_add(s, "dev", "veth", NULL, &err), "%s", err.text);
	ck_assert_int_eq(rtnl_link_by_name(s, "dev", &l, &err), 0);
	ck_assert_int_eq(rtnl_link_set_up(s, l.ifindex, true, &err), 0);
	*ret_ifindex = l.ifindex;
	return s;
}

START_TEST(addresses_come_and_go)
{
	int dev;
	struct nl_sock *s = lonely_device(&dev);
	struct error err = ERROR_INIT;
	struct addresses as;

	if (!s)
		return;
	struct rtnl_address all[] = { address(dev, "10.1.1.5", 24), address(dev, "10.2.3.4", 32),
				      address(dev, "2001:db8::1", 64) };

	ck_assert_uint_eq(addresses_of(s, dev).n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		ck_assert_msg(!rtnl_address_add(s, &all[i], &err), "%s", err.text);
		ck_assert_int_eq(rtnl_address_add(s, &all[i], &err), -EEXIST);
	}
	as = addresses_of(s, dev);
	ck_assert_uint_eq(as.n, ARRAY_SIZE(all));
	ck_assert_mem_eq(as.all, all, sizeof(all));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		ck_assert_msg(!rtnl_address_del(s, &all[i], &err), "%s", err.text);
		ck_assert_int_eq(rtnl_address_del(s, &all[i], &err), -EADDRNOTAVAIL);
	}
	ck_assert_uint_eq(addresses_of(s, dev).n, 0);
	nl_close(s);
}
END_TEST

START_TEST(packets_go_by_the_default_route)
{
	int dev;
	struct nl_sock *s = lonely_device(&dev);
	struct error err = ERROR_INIT;
	struct rtnl_route route;

	if (!s)
		return;
	struct rtnl_address own = address(dev, "10.1.1.5", 24);
	struct ipv6_addr gateway = address(dev, "10.1.1.1", 32).address,
			 second = address(dev, "10.1.1.2", 32).address,
			 unreachable = address(dev, "10.9.9.9", 32).address,
			 far = address(dev, "192.0.2.1", 32).address;

	ck_assert_int_eq(rtnl_default_route_add(s, dev, &gateway, &err), -ENETUNREACH);
	ck_assert_int_eq(rtnl_address_add(s, &own, &err), 0);
	ck_assert_int_eq(rtnl_route_get(s, &far, 0, &route, &err), -ENETUNREACH);
	ck_assert_msg(!rtnl_default_route_add(s, dev, &gateway, &err), "%s", err.text);
	ck_assert_int_eq(rtnl_route_get(s, &far, 0, &route, &err), 0);
	ck_assert_int_eq(route.ifindex, dev);
	ck_assert_mem_eq(&route.next_hop, &gateway, sizeof(gateway));
	ck_assert_int_eq(rtnl_default_route_add(s, dev, &gateway, &err), -EEXIST);
	ck_assert_int_eq(rtnl_default_route_add(s, dev, &unreachable, &err), -ENETUNREACH);
	ck_assert_int_eq(rtnl_default_route_add(s, dev, &second, &err), 0);
	ck_assert_int_eq(rtnl_route_get(s, &far, 0, &route, &err), 0);
	ck_assert_mem_eq(&route.next_hop, &second, sizeof(second));
	nl_close(s);
}
END_TEST

START_TEST(requests_that_are_to_be_silent_have_their_errors_too)
{
	enum { N = 150 };
	struct nl_request reqs[N] = { 0 }, *list[N];
	struct nl_sock *s;

	ck_assert_int_eq(nl_open(NETLINK_ROUTE, &s, NULL), 0);
	for (int i = 0; i < N; i++) {
		size_t m = nl_msg_begin(&reqs[i].msg, RTM_GETLINK, 0);
		struct ifinfomsg *h = nl_put_header(&reqs[i].msg, sizeof(*h));

		// Every fifth asks for a device that is not there; every seventh wants to be told.
		h->ifi_index = i % 5 ? 1 : 0x7ffffffe;
		nl_msg_end(&reqs[i].msg, m);
		reqs[i].silent = i % 7 != 0;
		list[i] = &reqs[i];
	}
	ck_assert_int_eq(nl_transact_many(s, list, N), 0);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(reqs[i].error, i % 5 ? 0 : -ENODEV);
		ck_assert_int_eq(!!nl_reply(&reqs[i]), i % 5 != 0);
		nl_request_uninit(&reqs[i]);
	}
	nl_close(s);
}
END_TEST

START_TEST(generic_families_are_found_by_name)
{
	struct error err = ERROR_INIT;
	struct genl_family f;
	struct nl_sock *s;

	ck_assert_int_eq(nl_open(NETLINK_GENERIC, &s, &err), 0);
	ck_assert_int_eq(genl_find(s, "nlctrl", &f, &err), 0);
	ck_assert_uint_eq(f.id, GENL_ID_CTRL);
	ck_assert_uint_ne(genl_group(&f, "notify"), 0);
	ck_assert_uint_eq(genl_group(&f, "nobody"), 0);
	ck_assert_int_eq(genl_find(s, "no_such_family", &f, &err), -ENOENT);
	ck_assert_str_eq(err.text, "the kernel has no generic netlink family no_such_family");
	nl_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core/netlink");
	TCase *t = tcase_create("netlink");

	tcase_add_test(t, a_message_reads_back_as_built);
	tcase_add_test(t, a_nest_over_64k_is_taken_out_again);
	tcase_add_loop_test(t, what_is_malformed_is_named, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, each_request_of_a_batch_gets_its_own_answer);
	tcase_add_test(t, a_socket_that_dies_leaves_no_request_without_an_error);
	tcase_add_test(t, a_dump_whose_table_changed_is_made_again_and_leaves_no_error);
	tcase_add_test(t, a_dump_keeps_the_words_of_who_refused_an_entry);
	tcase_add_test(t, the_kernel_lists_its_links);
	tcase_add_test(t, addresses_come_and_go);
	tcase_add_test(t, packets_go_by_the_default_route);
	tcase_add_test(t, requests_that_are_to_be_silent_have_their_errors_too);
	tcase_add_test(t, generic_families_are_found_by_name);
	suite_add_tcase(s, t);
	return suite_run(s);
}
