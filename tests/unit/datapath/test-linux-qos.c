// SPDX-License-Identifier: Apache-2.0
// Disciplines, queues and policers as values: what options say, what the kernel is told, and what it says (messages of a kernel, in
// the fuzzers' corpus).
#include <check.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/linux/police.h"
#include "datapath/linux/traffic-private.h"
#include "tests/unit/core/flow-testing.h"

static const struct traffic_link link_of_port = { .ifindex = 1, .name = "v0", .mtu = 1500 };

// "key=value key=value".
static void options_of(const char *text, struct smap *ret)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *save = NULL;

	smap_init(ret);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *value = strchr(w, '=');

		*value++ = '\0';
		smap_set(ret, w, value);
	}
}

static const struct {
	const char *type, *options;
	uint64_t values[QOS_MAX_VALUES];
} settings[] = {
	{ "linux-sfq", "", { 1500, 10 } },
	{ "linux-sfq", "quantum=0 perturb=7", { 1500, 7 } },
	{ "linux-codel", "", { 10240, 100000, 5000 } },
	{ "linux-codel", "limit=7 interval=90000 target=7000", { 7, 90000, 7000 } },
	{ "linux-fq_codel", "", { 10240, 1514, 1024, 1000000, 5000 } },
	{ "linux-netem", "", { 1000, 0, 0 } },
	{ "linux-netem", "limit=5 loss=7 latency=50", { 5, 7, 50 } },
	{ "linux-netem", "loss=100 latency=1", { 1000, 100, 1 } },
	{ "linux-htb", "", { 0x10001 } },
	{ "linux-hfsc", "", { 0x10001 } },
};

// Else what is so already would be set again and again.
START_TEST(what_the_kernel_is_told_reads_as_it_was_meant)
{
	const struct qos_kind_row *row = qos_kind_by_type(settings[_i].type);
	uint64_t wanted[QOS_MAX_VALUES] = { 0 }, got[QOS_MAX_VALUES] = { 0 };
	struct error err = ERROR_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(smap) options;

	options_of(settings[_i].options, &options);
	ck_assert_msg(!row->kind->read(&link_of_port, &options, wanted, &err), "%s", err.text);
	ck_assert_mem_eq(wanted, settings[_i].values, sizeof(wanted));
	row->kind->put(&b, wanted);
	ck_assert_msg(!row->kind->get((const struct nlattr *)b.s, got, &err), "%s", err.text);
	// Those two keep times in units of their own, and tell of them rounded: see plain.c.
	if (!strstr(row->type, "codel"))
		ck_assert_mem_eq(wanted, got, sizeof(wanted));
}
END_TEST

static const struct {
	const char *type, *root, *options;
	uint64_t min, max;
	uint32_t burst, ceil_burst, quantum, priority;
} queues[] = {
	{ "linux-htb", "max-rate=1000000", "", 1500, 125000, 16291666, 195500, 1500, 0 },
	{ "linux-htb", "max-rate=1000000", "min-rate=130000 priority=9", 16250, 125000, 1503846,
	  195500, 1625, 7 },
	{ "linux-htb", "", "max-rate=20000000000 burst=80000", 1500, 1250000000, 104166666, 125,
	  1500, 0 },
	{ "linux-htb", "max-rate=80000000000", "min-rate=40000000000", 5000000000, 10000000000, 4,
	  2, 200000, 0 },
	// More than there is time for: as much as the kernel can say.
	{ "linux-htb", "", "burst=100000000000", 1500, 1250000000, UINT32_MAX, 156250000, 1500, 0 },
	{ "linux-hfsc", "max-rate=1000000", "", 1, 125000, 0, 0, 0, 0 },
	{ "linux-hfsc", "max-rate=1000000", "min-rate=8000 max-rate=800", 1000, 1000, 0, 0, 0, 0 },
};

START_TEST(a_queue_has_its_share)
{
	const struct class_ops *ops = qos_kind_by_type(queues[_i].type)->kind->classes;
	struct tc_class root = { 0 }, wanted = { 0 }, got = { 0 };
	struct error err = ERROR_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(smap) root_options, options;

	options_of(queues[_i].root, &root_options);
	options_of(queues[_i].options, &options);
	ck_assert_int_eq(ops->read(&link_of_port, &root_options, NULL, &root, &err), 0);
	ck_assert_int_eq(ops->read(&link_of_port, &options, &root, &wanted, &err), 0);
	ck_assert_uint_eq(wanted.min_rate, queues[_i].min);
	ck_assert_uint_eq(wanted.max_rate, queues[_i].max);
	ck_assert_uint_eq(wanted.burst, queues[_i].burst);
	ck_assert_uint_eq(wanted.ceil_burst, queues[_i].ceil_burst);
	ck_assert_uint_eq(wanted.quantum, queues[_i].quantum);
	ck_assert_uint_eq(wanted.priority, queues[_i].priority);
	ops->put(&b, &wanted);
	ck_assert_msg(!ops->get((const struct nlattr *)b.s, &got, &err), "%s", err.text);
	ck_assert(ops->equal(&wanted, &got));
	got.min_rate++;
	ck_assert(!ops->equal(&wanted, &got));
}
END_TEST

static const struct {
	const char *type, *options, *error;
	bool of_queue;
} bad[] = {
	{ "linux-htb", "max-rate=x", "other_config:max-rate: \"x\" is no number", false },
	{ "linux-htb", "min-rate=-5", "other_config:min-rate: \"-5\" is no number", true },
	{ "linux-htb", "priority=4294967296",
	  "other_config:priority: 4294967296 is over 4294967295", true },
	{ "linux-hfsc", "max-rate=40000000000",
	  "max-rate: linux-hfsc has no more than 34359738360 bit/s", false },
};

START_TEST(what_is_no_setting_is_named)
{
	const struct class_ops *ops = qos_kind_by_type(bad[_i].type)->kind->classes;
	struct tc_class root = { .max_rate = 1000 }, c;
	struct error err = ERROR_INIT;
	AUTO(smap) options;

	options_of(bad[_i].options, &options);
	ck_assert_int_lt(
		ops->read(&link_of_port, &options, bad[_i].of_queue ? &root : NULL, &c, &err), 0);
	ck_assert_str_eq(err.text, bad[_i].error);
}
END_TEST

// ---- What a kernel has said ----

static const struct nlmsghdr *load(const char *name, struct strbuf *b)
{
	AUTO_FREE char *path = xasprintf("%s/tests/fuzz/corpus/qos/%s", test_srcdir(), name);
	FILE *f = fopen(path, "rb");
	char bytes[4096];

	ck_assert_msg(f, "%s", path);
	strbuf_put(b, bytes, fread(bytes, 1, sizeof(bytes), f));
	fclose(f);
	return (const struct nlmsghdr *)b->s;
}

START_TEST(a_class_is_read)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct tc_class c;

	ck_assert_msg(!tc_class_decode(load("class-htb-1", &b), &qos_htb, &c, &err), "%s",
		      err.text);
	ck_assert_uint_eq(c.id, QOS_ROOT_CLASS);
	ck_assert_uint_eq(c.min_rate, 10000000000);
	ck_assert_uint_eq(c.max_rate, 10000000000);
	ck_assert_uint_eq(c.stats.tx_packets, 0);
	strbuf_clear(&b);
	ck_assert_msg(!tc_class_decode(load("class-hfsc-3", &b), &qos_hfsc, &c, &err), "%s",
		      err.text);
	ck_assert_uint_eq(c.id, 0x10002);
	ck_assert_uint_eq(c.min_rate, 125000);
	// A rate that changes is none of ours.
	ck_assert_uint_eq(c.max_rate, 0);
}
END_TEST

// It is told rounded by what it counts in.
START_TEST(times_are_read_as_they_were_set)
{
	static const struct {
		const char *name;
		const struct qos_kind *kind;
		uint64_t values[QOS_MAX_VALUES];
	} told[] = { { "qdisc-codel-1", &qos_codel, { 1000, 100000, 5000 } },
		     { "qdisc-fq_codel-1", &qos_fq_codel, { 10240, 1514, 1024, 100000, 5000 } },
		     { "qdisc-netem-1", &qos_netem, { 1000, 7, 5000 } } };

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		uint64_t values[QOS_MAX_VALUES] = { 0 };
		struct error err = ERROR_INIT;
		AUTO(strbuf) b = STRBUF_INIT;
		struct tc_qdisc q;

		ck_assert_int_eq(tc_qdisc_decode(load(told[i].name, &b), &q, &err), 0);
		ck_assert_uint_eq(q.handle, QOS_HANDLE);
		ck_assert_int_eq(told[i].kind->get(q.options, values, &err), 0);
		ck_assert_mem_eq(values, told[i].values, sizeof(values));
	}
}
END_TEST

START_TEST(a_policing_filter_is_read)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct tc_policing f;

	ck_assert_msg(!tc_policing_decode(load("filter-2", &b), &f, &err), "%s", err.text);
	ck_assert_uint_eq(f.priority, 1);
	ck_assert(f.is_police);
	ck_assert(f.is_ours);
	ck_assert_uint_eq(f.n_actions, 2);
	ck_assert_uint_eq(f.actions[0].rate, 10000000000);
	ck_assert_uint_eq(f.actions[1].packet_rate, 1000);
	ck_assert_uint_eq(f.actions[1].packet_burst, qos_ticks(1000, 100));
	strbuf_clear(&b);
	ck_assert_msg(!tc_policing_decode(load("filter-4", &b), &f, &err), "%s", err.text);
	ck_assert(!f.is_police && !f.is_ours);
}
END_TEST

START_TEST(queues_have_priorities)
{
	uint32_t priority;

	ck_assert(traffic_queue_priority(0, &priority));
	ck_assert_uint_eq(priority, 0x10001);
	ck_assert(traffic_queue_priority(61439, &priority));
	ck_assert_uint_eq(priority, 0x1f000);
	ck_assert(!traffic_queue_priority(61440, &priority));
	ck_assert(!traffic_queue_priority(UINT32_MAX, &priority));
}
END_TEST

// ---- A kernel of our own at the other end ----

struct fake {
	int fd;
	bool has_filter; // one that cannot be read: it has no kind
	bool asked_to_remove; // the qdisc
};

static void *serve(void *aux)
{
	struct fake *f = aux;
	uint8_t buf[1 << 10] __attribute__((aligned(8)));

	while (recv(f->fd, buf, sizeof(buf), 0) > 0) {
		const struct nlmsghdr *request = (const struct nlmsghdr *)buf;
		bool is_dump = request->nlmsg_type == RTM_GETTFILTER;
		AUTO(strbuf) b = STRBUF_INIT;
		size_t m;

		f->asked_to_remove |= request->nlmsg_type == RTM_DELQDISC;
		if (is_dump && f->has_filter)
			nl_msg_end(&b, tc_begin(&b, RTM_NEWTFILTER, NLM_F_MULTI, 1, 0, 1, 0));
		if (b.len)
			((struct nlmsghdr *)b.s)->nlmsg_seq = request->nlmsg_seq;
		m = nl_msg_begin(&b, is_dump ? NLMSG_DONE : NLMSG_ERROR, 0);
		((struct nlmsghdr *)(b.s + m))->nlmsg_seq = request->nlmsg_seq;
		memset(nl_put_header(&b, sizeof(struct nlmsgerr)), 0, sizeof(struct nlmsgerr));
		nl_msg_end(&b, m);
		ck_assert_int_eq(send(f->fd, b.s, b.len, 0), b.len);
	}
	return NULL;
}

START_TEST(a_qdisc_with_a_filter_that_cannot_be_read_stays)
{
	struct traffic_device d = { .made_hook = true };
	struct fake f = { .has_filter = _i };
	struct nl_sock *s;
	pthread_t thread;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	s = nl_open_fd(fd[0]);
	f.fd = fd[1];
	pthread_create(&thread, NULL, serve, &f);
	police_drop_hook(s, &d, &link_of_port);
	nl_close(s);
	pthread_join(thread, NULL);
	close(fd[1]);
	ck_assert_int_eq(f.asked_to_remove, !f.has_filter);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/linux-qos");
	TCase *t = tcase_create("qos");

	tcase_add_loop_test(t, what_the_kernel_is_told_reads_as_it_was_meant, 0,
			    ARRAY_SIZE(settings));
	tcase_add_loop_test(t, a_queue_has_its_share, 0, ARRAY_SIZE(queues));
	tcase_add_loop_test(t, what_is_no_setting_is_named, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, a_class_is_read);
	tcase_add_test(t, times_are_read_as_they_were_set);
	tcase_add_test(t, a_policing_filter_is_read);
	tcase_add_loop_test(t, a_qdisc_with_a_filter_that_cannot_be_read_stays, 0, 2);
	tcase_add_test(t, queues_have_priorities);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
