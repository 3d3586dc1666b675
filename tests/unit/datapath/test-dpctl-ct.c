// SPDX-License-Identifier: Apache-2.0
// Commands about connections on a datapath that has everything: what they ask of it, and what they answer. Texts are those of Open
// vSwitch's userspace datapath.
#include "datapath/conntrack.h"
#include "datapath/dpctl.h"
#include "datapath/provider.h"
#include "tests/suite.h"

// ---- A tracker ----

static uint64_t settings[CT_SETTING_MAX];
static struct ct_limits limits;
static size_t n_flushes;
static struct ct_match flushed;

static struct ct_entry connection(uint16_t src_port, uint8_t proto, uint16_t zone)
{
	return (struct ct_entry){ .orig = { .eth_type = htobe16(0x0800),
					    .proto = proto,
					    .src.b = { 10, 0, 0, 1 },
					    .dst.b = { 10, 0, 0, 2 },
					    .src_port = htobe16(src_port),
					    .dst_port = htobe16(80) },
				  .reply = { .eth_type = htobe16(0x0800),
					     .proto = proto,
					     .src.b = { 10, 0, 0, 2 },
					     .dst.b = { 10, 0, 0, 1 },
					     .src_port = htobe16(80),
					     .dst_port = htobe16(src_port) },
				  .zone = zone };
}

// Begins again once, as tables do that change meanwhile.
static int dump(struct datapath *dp, const uint16_t *zone, ct_entry_cb *cb, void *aux,
		struct error *err)
{
	struct ct_entry all[] = { connection(1, 17, 0), connection(2, 17, 5), connection(3, 132, 5),
				  connection(4, 99, 5) };

	cb(&all[0], aux);
	cb(NULL, aux);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!zone || *zone == all[i].zone)
			cb(&all[i], aux);
	return 0;
}

static int flush(struct datapath *dp, const struct ct_match *m, struct error *err)
{
	n_flushes++;
	flushed = *m;
	return 0;
}

static int get_limits(struct datapath *dp, const uint16_t zones[], size_t n, struct ct_limits *ret,
		      struct error *err)
{
	const struct ct_zone_limit *z;

	*ret = (struct ct_limits){ .has_default = true, .default_limit = limits.default_limit };
	VEC_FOR_EACH (z, &limits.zones)
		VEC_PUSH(&ret->zones, *z);
	return 0;
}

static int set_limits(struct datapath *dp, const struct ct_limits *l, struct error *err)
{
	const struct ct_zone_limit *z;

	if (l->has_default)
		limits.default_limit = l->default_limit;
	VEC_FOR_EACH (z, &l->zones)
		VEC_PUSH(&limits.zones, *z);
	return 0;
}

static int del_limits(struct datapath *dp, const uint16_t zones[], size_t n, struct error *err)
{
	VEC_CLEAR(&limits.zones);
	return 0;
}

static int get(struct datapath *dp, enum ct_setting s, uint64_t *ret, struct error *err)
{
	*ret = settings[s];
	return 0;
}

static int set(struct datapath *dp, enum ct_setting s, uint64_t value, struct error *err)
{
	if (s == CT_SETTING_FRAGMENTS_V4_MIN_SIZE && value < 400)
		return -EPERM;
	settings[s] = value;
	return 0;
}

static const struct ct_ops tracker = { .dump = dump,
				       .flush = flush,
				       .get_limits = get_limits,
				       .set_limits = set_limits,
				       .del_limits = del_limits,
				       .get = get,
				       .set = set };
static const struct datapath_ops ops = { .type = "netdev", .ct = &tracker };
static const struct datapath_ops bare_ops = { .type = "netdev" };
static struct datapath full = { &ops }, bare = { &bare_ops };

static struct datapath *find(struct dpctl *d, const char *name)
{
	if (name)
		return !strcmp(name, "full") ? &full : !strcmp(name, "bare") ? &bare : NULL;
	return &full;
}

// ---- Cases ----

static const struct {
	const char *words, *out, *errors; // errors without the program's name
} cases[] = {
	{ "ct-set-maxconns full 1000", "setting maxconns successful\n", "" },
	{ "ct-get-maxconns", "1000\n", "" },
	{ "ct-get-nconns full", "0\n", "" },
	{ "ct-enable-tcp-seq-chk", "enabling TCP sequence checking successful\n", "" },
	{ "ct-get-tcp-seq-chk", "TCP sequence checking: enabled\n", "" },
	{ "ct-disable-tcp-seq-chk", "disabling TCP sequence checking successful\n", "" },
	{ "ct-get-tcp-seq-chk full", "TCP sequence checking: disabled\n", "" },
	{ "ct-set-sweep-interval 250", "setting sweep interval successful\n", "" },
	{ "ct-get-sweep-interval", "250 ms\n", "" },
	{ "ipf-set-enabled v4", "enabling fragmentation reassembly successful\n", "" },
	{ "ipf-set-disabled full v6", "disabling fragmentation reassembly successful\n", "" },
	{ "ipf-set-min-frag v4 1000", "setting minimum fragment size successful\n", "" },
	{ "ipf-set-min-frag v4 1", "",
	  "requested minimum fragment size too small; see documentation (Operation not "
	  "permitted)\n" },
	{ "ipf-set-min-frag v6 1280", "setting minimum fragment size successful\n", "" },
	{ "ipf-set-max-nfrags 100", "setting maximum fragments successful\n", "" },
	{ "ipf-get-status",
	  "        Fragmentation Module Status\n        ---------------------------\n"
	  "        v4 enabled: 1\n        v6 enabled: 0\n        max num frags (v4/v6): 100\n"
	  "        num frag: 0\n        min v4 frag size: 1000\n        v4 frags accepted: 0\n"
	  "        v4 frags completed: 0\n        v4 frags expired: 0\n"
	  "        v4 frags too small: 0\n        v4 frags overlapped: 0\n"
	  "        v4 frags purged: 0\n        min v6 frag size: 1280\n"
	  "        v6 frags accepted: 0\n        v6 frags completed: 0\n"
	  "        v6 frags expired: 0\n        v6 frags too small: 0\n"
	  "        v6 frags overlapped: 0\n        v6 frags purged: 0\n",
	  "" },
	{ "dump-conntrack full zone=0",
	  "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,"
	  "sport=80,dport=1)\n",
	  "" },
	{ "ct-stats-show zone=5",
	  "Connections Stats:\n    Total: 3\n  UDP: 1\n  SCTP: 1\n  Other: 1\n", "" },
	{ "ct-set-limits default=3 zone=4,limit=5", "", "" },
	{ "ct-get-limits", "default limit=3\nzone=4,limit=5,count=0\n", "" },
	{ "ct-del-limits zone=4", "", "" },
	{ "ct-get-limits full", "default limit=3\n", "" },
	{ "ct-get-maxconns bare", "",
	  "maxconns could not be retrieved (Operation not supported)\n" },
	{ "dump-conntrack bare", "",
	  "dumping conntrack entries failed (Operation not supported)\n" },
	{ "dump-conntrack nosuch", "", "datapath not found (Invalid argument)\n" },
	{ "dump-conntrack zone=70000", "", "failed to parse zone (Invalid argument)\n" },
	{ "ct-set-maxconns x", "", "maxconns missing or malformed (Invalid argument)\n" },
	{ "ipf-set-enabled v5", "",
	  "parameter missing: 'v4' for IPv4 or 'v6' for IPv6 (Invalid argument)\n" },
};

static void run(struct dpctl *d, const char *words)
{
	AUTO_FREE char *copy = xstrdup(words);
	const char *argv[8];
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	*d = (struct dpctl){ .command = dpctl_ct_commands, .find = find };
	while (strcmp(d->command->name, argv[0]))
		d->command++;
	ck_assert_int_ge(n - 1, d->command->min_args);
	ck_assert_int_le(n - 1, d->command->max_args);
	d->command->run(d, n - 1, argv + 1);
}

START_TEST(answers)
{
	size_t skip = strlen("test-dpctl-ct: ");
	struct dpctl d;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *errors;

		run(&d, cases[i].words);
		errors = strbuf_cstr(&d.errors);
		ck_assert_msg(!strcmp(strbuf_cstr(&d.out), cases[i].out), "%s: %s", cases[i].words,
			      d.out.s);
		ck_assert_msg(!strcmp(*errors ? errors + skip : errors, cases[i].errors), "%s: %s",
			      cases[i].words, errors);
		ck_assert_int_eq(d.n_errors, *cases[i].errors ? 1 : 0);
		dpctl_uninit(&d);
	}
	ct_limits_uninit(&limits);
}
END_TEST

START_TEST(flush_says_which)
{
	struct dpctl d;

	run(&d, "flush-conntrack full zone=5 mark=1/3 ct_nw_proto=6,ct_tp_dst=80");
	ck_assert_int_eq(d.n_errors, 0);
	ck_assert_uint_eq(n_flushes, 1);
	ck_assert(flushed.has_zone && flushed.zone == 5);
	ck_assert_uint_eq(flushed.mark, 1);
	ck_assert_uint_eq(flushed.mark_mask, 3);
	ck_assert_uint_eq(flushed.orig.fields, CT_MATCH_PROTO | CT_MATCH_DST_PORT);
	dpctl_uninit(&d);
	run(&d, "flush-conntrack frob=1");
	ck_assert_int_eq(d.n_errors, 1);
	ck_assert_uint_eq(n_flushes, 1);
	dpctl_uninit(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dpctl-ct");
	TCase *t = tcase_create("dpctl-ct");

	program_init("test-dpctl-ct");
	tcase_add_test(t, answers);
	tcase_add_test(t, flush_says_which);
	suite_add_tcase(s, t);
	return suite_run(s);
}
