// SPDX-License-Identifier: Apache-2.0
// Tracked connections: their text, which ones a command means, what the kernel says of them (recorded messages), and dumps that the
// table's changes spoil.
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/kernel/ct-message.h"
#include "datapath/kernel/kernel.h"
#include "tests/suite.h"

// ---- Text ----

static struct ct_entry an_entry(void)
{
	return (struct ct_entry){
		.orig = { .eth_type = htobe16(0x0800),
			  .proto = 6,
			  .src.b = { 10, 0, 0, 1 },
			  .dst.b = { 10, 0, 0, 2 },
			  .src_port = htobe16(1000),
			  .dst_port = htobe16(80) },
		.reply = { .eth_type = htobe16(0x0800),
			   .proto = 6,
			   .src.b = { 10, 0, 0, 2 },
			   .dst.b = { 10, 9, 9, 9 },
			   .src_port = htobe16(80),
			   .dst_port = htobe16(4000) },
		.orig_counts = { 3, 180 },
		.start_nsec = UINT64_C(1700000000123456789),
		.id = 77,
		.status = CT_STATUS_SEEN_REPLY | CT_STATUS_CONFIRMED | CT_STATUS_SRC_NAT |
			  CT_STATUS_OFFLOAD,
		.timeout = 60,
		.has_timeout = true,
		.mark = 5,
		.zone = 9,
		.label = { [14] = 1, [15] = 2 },
		.has_tcp = true,
		.tcp = { { CT_TCP_SYN_RECV, 7, 3 }, { CT_TCP_SYN_SENT, 0, 0 } },
		.parent = { .eth_type = htobe16(0x0800), .proto = 6 },
		.helper = "ftp",
	};
}

#define TUPLES(COUNTS) \
	"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80" COUNTS \
	"),reply=(src=10.0.0.2,dst=10.9.9.9,sport=80,dport=4000)"

static const struct {
	bool more, statistics;
	const char *text;
} texts[] = {
	{ false, false,
	  TUPLES("") ",zone=9,mark=5,labels=0x102,protoinfo=(state=ESTABLISHED),helper=ftp" },
	{ true, false,
	  TUPLES("") ",id=77,zone=9,status=SEEN_REPLY|CONFIRMED|SRC_NAT|OFFLOAD,mark=5,labels="
		     "0x102,"
		     "protoinfo=(state_orig=SYN_RECV,state_reply=SYN_SENT,wscale_orig=7,wscale_"
		     "reply=0,flags_orig=WINDOW_SCALE|SACK_PERM,flags_reply=0),helper=ftp,parent=("
		     "src=0.0.0.0,dst=0.0.0.0,sport=0,dport=0)" },
	{ false, true,
	  TUPLES(",packets=3,bytes=180") ",start=2023-11-14T22:13:20.123,zone=9,timeout=60,mark=5,"
					 "labels=0x102,protoinfo=(state=ESTABLISHED),helper=ftp" },
};

START_TEST(an_entry_prints_as_users_know_it)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct ct_entry e = an_entry();

	setenv("TZ", "UTC", 1);
	ct_entry_format(&e, texts[_i].more, texts[_i].statistics, &out);
	ck_assert_str_eq(out.s, texts[_i].text);
}
END_TEST

// ---- Which ones ----

static const struct {
	const char *text, *error; // NULL: it is good
	bool holds; // of the entry above
	bool exact;
} tuples[] = {
	{ "", NULL, true, false },
	{ "ct_nw_src=10.0.0.1", NULL, true, false },
	{ "ct_nw_src=10.0.0.1 ct_nw_proto=6", NULL, true, false },
	{ "ct_tp_dst=80,ct_nw_proto=6", NULL, true, false },
	{ "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=6,ct_tp_src=1000,ct_tp_dst=80", NULL,
	  true, true },
	{ "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=6,ct_tp_src=1000", NULL, true, false },
	{ "ct_nw_src=10.0.0.2", NULL, false, false },
	{ "ct_nw_dst=10.0.0.1", NULL, false, false },
	{ "ct_ipv6_src=::", NULL, false, false },
	{ "ct_nw_proto=17", NULL, false, false },
	{ "ct_nw_proto=6,ct_tp_src=80", NULL, false, false },
	{ "ct_nw_proto=1,icmp_id=1000", NULL, false, false },
	{ "ct_nw_proto=0x6,ct_tp_src=0x3e8", NULL, true, false },
	{ "ct_ipv6_src=fe80::1,ct_ipv6_dst=fe80::2,ct_nw_proto=58,icmp_id=1,icmp_type=128,icmp_"
	  "code=0",
	  NULL, false, true },
	{ "x", "field x missing value", false, false },
	{ "ct_nw_src=", "field ct_nw_src missing value", false, false },
	{ "ct_nw_source=1.1.1.1", "invalid conntrack tuple field: ct_nw_source", false, false },
	{ "ct_nw_src=10.0.0.0/8", "failed to parse field ct_nw_src", false, false },
	{ "ct_nw_src=::1", "failed to parse field ct_nw_src", false, false },
	{ "ct_nw_src=1.1.1.1,ct_ipv6_dst=::1", "the L3 protocol does not match ::1", false, false },
	{ "ct_nw_src=1.1.1.1,ct_nw_src=1.1.1.1", "ct_nw_src is set multiple times", false, false },
	{ "ct_nw_proto=256", "failed to parse field ct_nw_proto", false, false },
	{ "ct_nw_proto=6,ct_tp_src=65536", "failed to parse field ct_tp_src", false, false },
	{ "ct_tp_src=1", "port is set without protocol", false, false },
	{ "icmp_id=1", "invalid L4 fields", false, false },
	{ "ct_nw_proto=6,icmp_id=1", "invalid L4 fields", false, false },
	{ "ct_nw_proto=58,ct_tp_src=1", "invalid L4 fields", false, false },
	{ "ct_nw_proto=1,icmp_type=256", "failed to parse field icmp_type", false, false },
};

START_TEST(a_tuple_means_the_connections_that_have_it)
{
	struct ct_match m = { .has_zone = false };
	struct ct_entry e = an_entry();
	struct error err = ERROR_INIT;
	int error = ct_tuple_match_parse(tuples[_i].text, &m.orig, &err);

	if (tuples[_i].error) {
		ck_assert_int_eq(error, -EINVAL);
		ck_assert_str_eq(err.text, tuples[_i].error);
		return;
	}
	ck_assert_msg(!error, "%s", err.text);
	ck_assert_int_eq(ct_match_holds(&m, &e), tuples[_i].holds);
	ck_assert_int_eq(ct_match_is_exact(&m), tuples[_i].exact);
	ck_assert_int_eq(ct_match_is_any(&m), !*tuples[_i].text);
}
END_TEST

static const struct {
	const char *name;
	struct ct_match m;
	bool holds;
} matches[] = {
	{ "zone", { .has_zone = true, .zone = 9 }, true },
	{ "other zone", { .has_zone = true, .zone = 0 }, false },
	{ "mark", { .mark = 0x15, .mark_mask = 0xf }, true },
	{ "other mark", { .mark = 0x15, .mark_mask = 0xff }, false },
	{ "label", { .label = { [15] = 3 }, .label_mask = { [15] = 0x2 } }, true },
	{ "other label", { .label = { [15] = 3 }, .label_mask = { [15] = 0x3 } }, false },
	{ "reply", { .reply = { .fields = CT_MATCH_PROTO, .tuple.proto = 6 } }, true },
	{ "other reply", { .reply = { .fields = CT_MATCH_PROTO, .tuple.proto = 17 } }, false },
};

START_TEST(zone_mark_and_label_narrow)
{
	struct ct_entry e = an_entry();

	ck_assert_msg(ct_match_holds(&matches[_i].m, &e) == matches[_i].holds, "%s",
		      matches[_i].name);
	ck_assert(!ct_match_is_any(&matches[_i].m));
	ck_assert(!ct_match_is_exact(&matches[_i].m));
}
END_TEST

START_TEST(timeouts_have_their_names)
{
	enum ct_timeout back;

	for (enum ct_timeout t = 0; t < CT_TIMEOUT_MAX; t++) {
		ck_assert(ct_timeout_by_name(ct_timeout_name(t), &back));
		ck_assert_int_eq(back, t);
	}
	ck_assert(!ct_timeout_by_name("tcp", &back));
}
END_TEST

// ---- What the kernel says ----

static void read_file(const char *name, struct strbuf *ret)
{
	const char *srcdir = getenv("srcdir");
	AUTO_FREE char *path =
		xasprintf("%s/tests/fuzz/corpus/ctnetlink/%s", srcdir ? srcdir : ".", name);
	FILE *f = fopen(path, "rb");
	uint8_t bytes[4096];

	ck_assert_msg(f != NULL, "%s", path);
	strbuf_put(ret, bytes, fread(bytes, 1, sizeof(bytes), f));
	fclose(f);
}

static const struct {
	const char *file, *text;
} recorded[] = {
	{ "entry-sctp",
	  "sctp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=3003,dport=90),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=90,dport=3003),start=2026-11-28T17:14:24.115,id=621297246,"
	  "status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=999,protoinfo=(state=COOKIE_ECHOED,"
	  "vtag_orig=117440512,vtag_reply=134217728)" },
	{ "entry-tcp-syn-recv",
	  "tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1002,dport=80),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=80,dport=1002),start=2026-11-28T17:14:24.114,id=2444363212,"
	  "status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=999,protoinfo=(state_orig=SYN_RECV,"
	  "state_reply=SYN_RECV,flags_orig=0,flags_reply=0)" },
	{ "entry-label",
	  "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=2002,dport=53),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=53,dport=2002),start=2026-11-28T17:14:24.115,id=1332175051,"
	  "zone=65535,status=CONFIRMED,timeout=999,labels=0x1" },
	{ "entry-icmpv6",
	  "icmpv6,orig=(src=fd00::1,dst=fd00::2,id=77,type=128,code=0),reply=(src=fd00::2,"
	  "dst=fd00::1,id=77,type=129,code=0),start=2026-11-28T17:14:24.115,id=3747070134,"
	  "status=CONFIRMED,timeout=999" },
	{ "entry-gre", "47,orig=(src=10.0.0.1,dst=10.0.0.2,sport=0,dport=0),reply=(src=10.0.0.2,"
		       "dst=10.0.0.1,sport=0,dport=0),start=2026-11-28T17:14:24.115,id=289587457,"
		       "status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=999" },
	{ "entry-parent",
	  "tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=7001,dport=20),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=20,dport=7001),start=2026-11-28T17:14:24.116,id=1625781373,"
	  "zone=3,status=EXPECTED|SEEN_REPLY|ASSURED|CONFIRMED,timeout=1000,"
	  "protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,flags_orig=0,"
	  "flags_reply=0),parent=(src=10.0.0.1,dst=10.0.0.2,sport=7000,dport=21)" },
	{ "entry-helper",
	  "tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=7000,dport=21),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=21,dport=7000),start=2026-11-28T17:14:24.116,id=518025700,"
	  "zone=3,status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=1000,"
	  "protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,flags_orig=0,"
	  "flags_reply=0),helper=ftp" },
	{ "entry-esp", "50,orig=(src=10.0.0.1,dst=10.0.0.2,sport=0,dport=0),reply=(src=10.0.0.2,"
		       "dst=10.0.0.1,sport=0,dport=0),start=2026-11-28T17:14:24.116,id=3330694957,"
		       "status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=999" },
	{ "entry-udplite",
	  "udplite,orig=(src=10.0.0.1,dst=10.0.0.2,sport=5000,dport=90),"
	  "reply=(src=10.0.0.2,dst=10.0.0.1,sport=90,dport=5000),"
	  "start=2026-11-28T17:14:24.115,id=3386018521,status=SEEN_REPLY|ASSURED|CONFIRMED,"
	  "timeout=999" },
	{ "entry-udp",
	  "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=2003,dport=53),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=53,dport=2003),start=2026-11-28T17:14:24.115,id=143789055,"
	  "status=SEEN_REPLY|CONFIRMED,timeout=999" },
	{ "entry-tcp-flags",
	  "tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=2000,dport=80),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,sport=80,dport=2000),start=2026-11-28T17:14:24.115,id=346723332,"
	  "zone=5,status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=999,mark=4660,"
	  "protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=7,"
	  "wscale_reply=14,flags_orig=WINDOW_SCALE|SACK_PERM|CLOSE_INIT|BE_LIBERAL,"
	  "flags_reply=WINDOW_SCALE|SACK_PERM|CLOSE_INIT|BE_LIBERAL|DATA_UNACKNOWLEDGED|"
	  "MAXACK_SET)" },
	{ "entry-icmp",
	  "icmp,orig=(src=10.0.0.1,dst=10.0.0.2,id=77,type=8,code=0),reply=(src=10.0.0.2,"
	  "dst=10.0.0.1,id=77,type=0,code=0),start=2026-11-28T17:14:24.115,id=1209025976,"
	  "status=CONFIRMED,timeout=999" },
	{ "expected",
	  "tcp,orig=(src=10.0.0.2,dst=10.0.0.1,sport=0,dport=1025),timeout=300,helper=ftp,"
	  "parent=(src=10.0.0.1,dst=10.0.0.2,sport=7000,dport=21)" },
	{ "timeout-tcp4", "ovs_tp_3_tcp4: id=3 kind=tcp4 tcp_syn_sent=120 tcp_syn_recv=60 "
			  "tcp_established=33 tcp_fin_wait=120 tcp_close_wait=60 tcp_last_ack=30 "
			  "tcp_time_wait=120 tcp_close=10 tcp_syn_sent2=120 tcp_retransmit=300 "
			  "tcp_unack=300" },
	{ "timeout-udp6", "ovs_tp_3_udp6: id=3 kind=udp6 udp_single=5 udp_multiple=120" },
	{ "timeout-icmpv6", "ovs_tp_12_icmpv6: id=12 kind=icmpv6 icmp_first=30" },
	{ "timeout-other", "mine:" },
	{ "timeout-no-number", "ovs_tp_x_tcp4:" },
	{ "limits", "default=5 3=0/7 65535=0/9" },
};

static void format_timeouts(const struct ct_timeout_message *m, struct strbuf *out)
{
	strbuf_printf(out, "%s:", m->name);
	if (m->kind)
		strbuf_printf(out, " id=%u kind=%s", m->id, m->kind->suffix);
	for (enum ct_timeout t = 0; t < CT_TIMEOUT_MAX; t++)
		if (m->timeouts.set >> t & 1)
			strbuf_printf(out, " %s=%u", ct_timeout_name(t), m->timeouts.seconds[t]);
}

static int format_limits(const struct nlmsghdr *h, struct strbuf *out, struct error *err)
{
	struct ct_limits l = { .has_default = false };
	const struct ct_zone_limit *z;
	int error = ct_limits_decode(h, &l, err);

	if (!error && l.has_default)
		strbuf_printf(out, "default=%u", l.default_limit);
	if (!error)
		VEC_FOR_EACH (z, &l.zones)
			strbuf_printf(out, " %u=%u/%u", z->zone, z->count, z->limit);
	ct_limits_uninit(&l);
	return error;
}

// Whatever the message is.
static int decode(const struct nlmsghdr *h, struct strbuf *out, struct error *err)
{
	struct ct_timeout_message t;
	struct ct_expected x;
	struct ct_entry e;
	int error;

	if (ct_entry_decode(h, &e, &error, err)) {
		if (!error)
			ct_entry_format(&e, true, true, out);
	} else if (ct_expected_decode(h, &x, &error, err)) {
		if (!error)
			ct_expected_format(&x, out);
	} else if (ct_timeout_decode(h, &t, &error, err)) {
		if (!error)
			format_timeouts(&t, out);
	} else {
		error = format_limits(h, out, err);
	}
	return error;
}

START_TEST(a_recorded_message_says_what_was_there)
{
	AUTO(strbuf) msg = STRBUF_INIT, out = STRBUF_INIT;
	struct error err = ERROR_INIT;

	setenv("TZ", "UTC", 1);
	read_file(recorded[_i].file, &msg);
	ck_assert_msg(!decode((const struct nlmsghdr *)msg.s, &out, &err), "%s", err.text);
	ck_assert_str_eq(out.s, recorded[_i].text);
}
END_TEST

// Cut anywhere: an error that says where, or what is whole.
START_TEST(a_message_cut_short_is_refused)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t errors = 0;

	read_file(recorded[_i].file, &msg);
	for (size_t n = sizeof(struct nlmsghdr); n < msg.len; n++) {
		struct nlmsghdr *h = xmemdup(msg.s, n);
		AUTO(strbuf) out = STRBUF_INIT;
		struct error err = ERROR_INIT;

		h->nlmsg_len = n;
		if (decode(h, &out, &err)) {
			ck_assert_int_eq(err.code, -EPROTO);
			ck_assert(err.text[0]);
			errors++;
		}
		free(h);
	}
	ck_assert_uint_ge(errors, msg.len / 2);
}
END_TEST

START_TEST(policies_are_named_as_others_name_them)
{
	char name[DATAPATH_CT_TIMEOUT_LEN];
	const struct ct_timeout_kind *kind;
	uint32_t id;

	for (size_t i = 0; i < CT_TIMEOUT_KINDS; i++) {
		ct_timeout_kind_name(UINT32_MAX, &ct_timeout_kinds[i], name);
		ck_assert(ct_timeout_kind_parse(name, &id, &kind));
		ck_assert_uint_eq(id, UINT32_MAX);
		ck_assert_ptr_eq(kind, &ct_timeout_kinds[i]);
	}
	ct_timeout_kind_name(7, &ct_timeout_kinds[0], name);
	ck_assert_str_eq(name, "ovs_tp_7_tcp4");
	ck_assert(!ct_timeout_kind_parse("ovs_tp_7_sctp4", &id, &kind));
	ck_assert(!ct_timeout_kind_parse("ovs_tp_x_tcp4", &id, &kind));
	ck_assert(!ct_timeout_kind_parse("ovs_tp_7", &id, &kind));
	ck_assert(!ct_timeout_kind_parse("mine", &id, &kind));
}
END_TEST

// ---- A dump under a table that changes ----

struct kernel {
	int fd;
	int spoiled; // dumps whose end says that the table changed
	const struct strbuf *entry;
};

static void answer(int fd, const struct nlmsghdr *request, const struct kernel *k, bool spoiled)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct nlmsghdr *h;
	size_t m;

	strbuf_put(&out, k->entry->s, k->entry->len);
	strbuf_put_zeros(&out, MNL_ALIGN(out.len) - out.len);
	h = (struct nlmsghdr *)out.s;
	h->nlmsg_seq = request->nlmsg_seq;
	h->nlmsg_flags = NLM_F_MULTI | (spoiled ? NLM_F_DUMP_INTR : 0);
	m = nl_msg_begin(&out, NLMSG_DONE, NLM_F_MULTI);
	nl_put_header(&out, sizeof(int));
	nl_msg_end(&out, m);
	((struct nlmsghdr *)(out.s + m))->nlmsg_seq = request->nlmsg_seq;
	ck_assert_int_eq(send(fd, out.s, out.len, 0), out.len);
}

static void *play_kernel(void *k_)
{
	struct kernel *k = k_;
	uint8_t request[1024];

	while (recv(k->fd, request, sizeof(request), 0) > 0)
		answer(k->fd, (const struct nlmsghdr *)request, k, k->spoiled-- > 0);
	return NULL;
}

struct tally {
	unsigned int entries, again;
};

static void count(const struct ct_entry *e, void *aux)
{
	struct tally *t = aux;

	if (e) {
		t->entries++;
	} else {
		t->entries = 0;
		t->again++;
	}
}

START_TEST(a_spoiled_dump_begins_again)
{
	static const int spoiled[] = { 0, 1, 3, 100 };
	AUTO(strbuf) msg = STRBUF_INIT;
	struct kernel_datapath *dp = xzalloc(sizeof(*dp));
	struct tally tally = { 0, 0 };
	pthread_t thread;
	struct kernel k;
	int fds[2], error;

	read_file("entry-sctp", &msg);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	k = (struct kernel){ fds[1], spoiled[_i], &msg };
	dp->netfilter = nl_open_fd(fds[0]);
	ck_assert_int_eq(pthread_create(&thread, NULL, play_kernel, &k), 0);
	error = kernel_ct.dump(&dp->base, NULL, count, &tally, NULL);
	nl_close(dp->netfilter);
	pthread_join(thread, NULL);
	close(fds[1]);
	free(dp);
	// Not for ever.
	ck_assert_int_eq(error, spoiled[_i] < 5 ? 0 : -EAGAIN);
	ck_assert_uint_eq(tally.again, MIN(spoiled[_i], 4));
	ck_assert_uint_eq(tally.entries, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/conntrack");
	TCase *t = tcase_create("conntrack");

	tcase_add_loop_test(t, an_entry_prints_as_users_know_it, 0, ARRAY_SIZE(texts));
	tcase_add_loop_test(t, a_tuple_means_the_connections_that_have_it, 0, ARRAY_SIZE(tuples));
	tcase_add_loop_test(t, zone_mark_and_label_narrow, 0, ARRAY_SIZE(matches));
	tcase_add_test(t, timeouts_have_their_names);
	tcase_add_loop_test(t, a_recorded_message_says_what_was_there, 0, ARRAY_SIZE(recorded));
	tcase_add_loop_test(t, a_message_cut_short_is_refused, 0, ARRAY_SIZE(recorded));
	tcase_add_test(t, policies_are_named_as_others_name_them);
	tcase_add_loop_test(t, a_spoiled_dump_begins_again, 0, 4);
	suite_add_tcase(s, t);
	return suite_run(s);
}
