// SPDX-License-Identifier: Apache-2.0
// dpctl/*conntrack*, dpctl/ct-* and dpctl/ipf-*: tracked connections as their users know them.
#include <stdio.h>

#include "core/flow/fields.h"
#include "datapath/conntrack.h"
#include "ofproto/bridge/commands-private.h"

// ---- Arguments and answers ----

// What is left of a command's arguments.
struct args {
	struct appctl_conn *conn;
	struct vswitchd *vs;
	int n;
	const char *const *v;
	struct datapath *dp;
	bool more, statistics;
};

// Options, wherever they stand. False after an answer.
static bool is_option(struct args *a, const char *arg)
{
	if (!strcmp(arg, "-m") || !strcmp(arg, "--more"))
		a->more = true;
	else if (!strcmp(arg, "-s") || !strcmp(arg, "--statistics"))
		a->statistics = true;
	else
		return false;
	return true;
}

enum { MAX_ARGS = 64 };

// Takes the datapath, when it is named first, or the only one. False after an answer. 'rest' keeps what is no option.
static bool begin(struct args *a, struct appctl_conn *conn, int argc, const char *const argv[],
		  void *vs, const char *rest[MAX_ARGS])
{
	struct plane *pl = NULL;

	*a = (struct args){ .conn = conn, .vs = vs, .v = rest };
	for (int i = 1; i < argc; i++) {
		if (is_option(a, argv[i]))
			continue;
		if (argv[i][0] == '-' && argv[i][1]) {
			appctl_reply_errorf(conn, "Unrecognized option %s", argv[i]);
			return false;
		}
		if (a->n == MAX_ARGS) {
			appctl_reply_error(conn, "too many arguments");
			return false;
		}
		rest[a->n++] = argv[i];
	}
	if (!cmd_need_datapath(conn, vs))
		return false;
	if (a->n)
		pl = plane_by_name(vs, a->v[0]);
	if (pl) {
		a->v++;
		a->n--;
	} else {
		pl = cmd_plane(conn, vs, NULL);
	}
	a->dp = pl ? pl->dp : NULL;
	return pl;
}

static const char *next(struct args *a)
{
	a->n--;
	return *a->v++;
}

// False after an answer: 'a' has more than it should, of which the first was no datapath.
static bool done(struct args *a)
{
	if (a->n)
		cmd_fail(a->conn, -EINVAL, "datapath not found");
	return !a->n;
}

static bool parse_zone(const char *text, uint16_t *ret)
{
	uint32_t n;

	if (!parse_u32(text, 0, &n) || n > UINT16_MAX)
		return false;
	*ret = n;
	return true;
}

// "zone=N" when it is next: *ret points to 'zone', else it is NULL. False after an answer.
static bool take_zone(struct args *a, uint16_t *zone, const uint16_t **ret)
{
	*ret = NULL;
	if (!a->n || !str_starts(a->v[0], "zone="))
		return true;
	if (!parse_zone(next(a) + 5, zone)) {
		cmd_fail(a->conn, -EINVAL, "failed to parse zone");
		return false;
	}
	*ret = zone;
	return true;
}

// ---- The table ----

struct listing {
	struct strbuf out;
	bool more, statistics;
};

static void list_one(const struct ct_entry *e, void *aux)
{
	struct listing *l = aux;

	if (!e) {
		strbuf_clear(&l->out);
		return;
	}
	ct_entry_format(e, l->more, l->statistics, &l->out);
	strbuf_putc(&l->out, '\n');
}

static void dump_conntrack(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	const char *rest[MAX_ARGS];
	const uint16_t *zone;
	struct listing l = { STRBUF_INIT };
	struct args a;
	uint16_t n;
	int error;

	if (!begin(&a, conn, argc, argv, vs, rest) || !take_zone(&a, &n, &zone) || !done(&a))
		return;
	l.more = a.more;
	l.statistics = a.statistics;
	error = datapath_ct_dump(a.dp, zone, list_one, &l, NULL);
	if (error)
		cmd_fail(conn, error, "dumping conntrack entries failed");
	else
		appctl_reply(conn, strbuf_cstr(&l.out));
	strbuf_uninit(&l.out);
}

static void list_expected(const struct ct_expected *e, void *aux)
{
	struct strbuf *out = aux;

	ct_expected_format(e, out);
	strbuf_putc(out, '\n');
}

static void dump_expected(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	AUTO(strbuf) out = STRBUF_INIT;
	const char *rest[MAX_ARGS];
	const uint16_t *zone;
	struct args a;
	uint16_t n;
	int error;

	if (!begin(&a, conn, argc, argv, vs, rest) || !take_zone(&a, &n, &zone) || !done(&a))
		return;
	error = datapath_ct_dump_expected(a.dp, zone, list_expected, &out, NULL);
	if (error)
		cmd_fail(conn, error, "dumping conntrack expectations failed");
	else
		appctl_reply(conn, strbuf_cstr(&out));
}

// "mark=X[/M]" and "labels=Y[/N]" when they are next.
static int take_marks(struct args *a, struct ct_match *m, struct error *err)
{
	union field_value value, mask;
	int error;

	if (a->n && str_starts(a->v[0], "mark=")) {
		error = field_parse(field_get(FIELD_CT_MARK), next(a) + 5, &value, &mask, err);
		if (error)
			return error;
		m->mark = field_value_to_u64(field_get(FIELD_CT_MARK), &value);
		m->mark_mask = field_value_to_u64(field_get(FIELD_CT_MARK), &mask);
	}
	if (a->n && str_starts(a->v[0], "labels=")) {
		error = field_parse(field_get(FIELD_CT_LABEL), next(a) + 7, &value, &mask, err);
		if (error)
			return error;
		memcpy(m->label, value.b, sizeof(m->label));
		memcpy(m->label_mask, mask.b, sizeof(m->label_mask));
	}
	return 0;
}

// [DP] [zone=N] [mark=X[/M]] [labels=Y[/N]] [TUPLE [REPLY-TUPLE]]
static void flush_conntrack(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	struct ct_match m = { .has_zone = false };
	struct error err = ERROR_INIT;
	const char *rest[MAX_ARGS];
	const uint16_t *zone;
	struct args a;
	int error;

	if (!begin(&a, conn, argc, argv, vs, rest) || !take_zone(&a, &m.zone, &zone))
		return;
	m.has_zone = zone;
	error = take_marks(&a, &m, &err);
	if (!error && a.n)
		error = ct_tuple_match_parse(next(&a), &m.orig, &err);
	if (!error && a.n)
		error = ct_tuple_match_parse(next(&a), &m.reply, &err);
	if (error) {
		cmd_fail(conn, error, "%s", err.text);
		return;
	}
	if (!done(&a))
		return;
	error = datapath_ct_flush(a.dp, &m, NULL);
	if (error)
		cmd_fail(conn, error, "failed to flush conntrack");
	else
		appctl_reply(conn, "");
}

// ---- How many there are ----

static const struct {
	uint8_t number;
	const char *heading;
} protocols[] = {
#define PROTOCOL(NUMBER, NAME, HEADING) { NUMBER, HEADING },
#include "datapath/conntrack.def"
};

struct counting {
	uint64_t total, other, by_protocol[ARRAY_SIZE(protocols)], by_tcp_state[CT_TCP_MAX];
};

static void count_one(const struct ct_entry *e, void *aux)
{
	struct counting *c = aux;
	size_t i = 0;

	if (!e) {
		*c = (struct counting){ 0 };
		return;
	}
	c->total++;
	while (i < ARRAY_SIZE(protocols) && protocols[i].number != e->orig.proto)
		i++;
	if (i < ARRAY_SIZE(protocols))
		c->by_protocol[i]++;
	else
		c->other++;
	if (e->has_tcp)
		c->by_tcp_state[ct_tcp_state_short(MAX(e->tcp[0].state, e->tcp[1].state))]++;
}

static void put_tcp_states(const struct counting *c, struct strbuf *out)
{
	strbuf_puts(out, "    Conn per TCP states:\n");
	for (size_t s = 0; s < CT_TCP_MAX; s++)
		if (c->by_tcp_state[s])
			strbuf_printf(out, "\t  [%s]=%llu\n", ct_tcp_state_name(s),
				      (unsigned long long)c->by_tcp_state[s]);
}

static void put_counts(const struct counting *c, bool verbose, struct strbuf *out)
{
	strbuf_printf(out, "Connections Stats:\n    Total: %llu\n", (unsigned long long)c->total);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!c->by_protocol[i] || !protocols[i].heading)
			continue;
		strbuf_printf(out, "  %s: %llu\n", protocols[i].heading,
			      (unsigned long long)c->by_protocol[i]);
		if (verbose && protocols[i].number == 6)
			put_tcp_states(c, out);
	}
	if (c->other)
		strbuf_printf(out, "  Other: %llu\n", (unsigned long long)c->other);
}

// [DP] [zone=N] [verbose]
static void stats_show(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct counting c = { 0 };
	const char *rest[MAX_ARGS];
	const uint16_t *zone;
	struct args a;
	uint16_t n;
	int error;

	if (!begin(&a, conn, argc, argv, vs, rest) || !take_zone(&a, &n, &zone))
		return;
	if (a.n && !strcmp(a.v[0], "verbose")) {
		next(&a);
		a.more = true;
	}
	if (!done(&a))
		return;
	error = datapath_ct_dump(a.dp, zone, count_one, &c, NULL);
	if (error) {
		cmd_fail(conn, error, "dumping conntrack entries failed");
		return;
	}
	put_counts(&c, a.more, &out);
	appctl_reply(conn, out.s);
}

// No datapath here tells of its buckets.
static void buckets(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	const char *rest[MAX_ARGS];
	struct args a;
	uint32_t n;

	if (!begin(&a, conn, argc, argv, vs, rest))
		return;
	if (a.n && str_starts(a.v[0], "gt=") && parse_u32(a.v[0] + 3, 10, &n))
		next(&a);
	if (done(&a))
		appctl_reply(conn, "Command is available for UserSpace ConnTracker only.");
}

// ---- Limits ----

typedef VEC(uint16_t) zone_vec;

// "zone=N1[,N2]..."
static bool parse_zones(const char *list, zone_vec *ret)
{
	AUTO_FREE char *copy = xstrdup(list);
	char *save = NULL;
	uint16_t zone;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (!parse_zone(w, &zone))
			return false;
		VEC_PUSH(ret, zone);
	}
	return ret->n;
}

// The list when one is next. False after an answer.
static bool take_zones(struct args *a, zone_vec *ret)
{
	const char *text;

	if (!a->n)
		return true;
	text = next(a);
	// What stands before another argument should have been a datapath.
	if (!str_starts(text, "zone=")) {
		AUTO_FREE char *what = a->n ? xstrdup("datapath not found")
					    : xasprintf("invalid argument %s", text);

		cmd_fail(a->conn, -EINVAL, "%s", what);
		return false;
	}
	if (!parse_zones(text + 5, ret)) {
		cmd_fail(a->conn, -EINVAL, "invalid zone");
		return false;
	}
	return done(a);
}

static void put_limits(const struct ct_limits *l, struct strbuf *out)
{
	const struct ct_zone_limit *z;

	if (l->has_default)
		strbuf_printf(out, "default limit=%u\n", l->default_limit);
	VEC_FOR_EACH (z, &l->zones)
		strbuf_printf(out, "zone=%u,limit=%u,count=%u\n", z->zone, z->limit, z->count);
}

static void get_limits(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct ct_limits l = { 0 };
	const char *rest[MAX_ARGS];
	zone_vec zones = VEC_INIT;
	struct args a;
	int error;

	if (begin(&a, conn, argc, argv, vs, rest) && take_zones(&a, &zones)) {
		error = datapath_ct_get_limits(a.dp, zones.v, zones.n, &l, NULL);
		put_limits(&l, &out);
		if (error)
			appctl_reply_errorf(conn, "%s: failed to get conntrack limit %s (%s)",
					    program_name, strerror(-error), strerror(-error));
		else
			appctl_reply(conn, strbuf_cstr(&out));
	}
	ct_limits_uninit(&l);
	VEC_FREE(&zones);
}

static void del_limits(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	const char *rest[MAX_ARGS];
	zone_vec zones = VEC_INIT;
	struct args a;
	int error;

	if (begin(&a, conn, argc, argv, vs, rest) && take_zones(&a, &zones)) {
		error = zones.n ? datapath_ct_del_limits(a.dp, zones.v, zones.n, NULL) : -EINVAL;
		if (error)
			cmd_fail(conn, error, "failed to delete conntrack limit");
		else
			appctl_reply(conn, "");
	}
	VEC_FREE(&zones);
}

// "zone=N,limit=L", in any order.
static int parse_zone_limit(const char *text, struct ct_zone_limit *ret, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	bool has_zone = false, has_limit = false;
	char *save = NULL;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *value = strchr(w, '=');
		bool ok;

		if (value)
			*value++ = '\0';
		if (!value || !*value)
			return error_set(err, -EINVAL, "field %s missing value", w);
		if (!strcmp(w, "zone"))
			ok = has_zone = parse_zone(value, &ret->zone);
		else if (!strcmp(w, "limit"))
			ok = has_limit = parse_u32(value, 0, &ret->limit);
		else
			return error_set(err, -EINVAL, "invalid zone limit field: %s", w);
		if (!ok)
			return error_set(err, -EINVAL, "failed to parse field %s", w);
	}
	return has_zone && has_limit ? 0 : error_set(err, -EINVAL, "failed to parse zone limit");
}

static int take_limits(struct args *a, struct ct_limits *l, struct error *err)
{
	int error = 0;

	if (a->n && str_starts(a->v[0], "default=")) {
		if (!parse_u32(next(a) + 8, 0, &l->default_limit))
			return error_set(err, -EINVAL, "invalid default limit");
		l->has_default = true;
	}
	while (!error && a->n) {
		struct ct_zone_limit z = { 0 };

		error = parse_zone_limit(next(a), &z, err);
		VEC_PUSH(&l->zones, z);
	}
	return error;
}

// [DP] [default=L] [zone=N,limit=L]...
static void set_limits(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	struct error err = ERROR_INIT;
	struct ct_limits l = { 0 };
	const char *rest[MAX_ARGS];
	struct args a;
	int error;

	if (!begin(&a, conn, argc, argv, vs, rest))
		return;
	error = take_limits(&a, &l, &err);
	if (error) {
		cmd_fail(conn, error, "%s", err.text);
	} else {
		error = datapath_ct_set_limits(a.dp, &l, NULL);
		if (error)
			cmd_fail(conn, error, "failed to set conntrack limit");
		else
			appctl_reply(conn, "");
	}
	ct_limits_uninit(&l);
}

// ---- Settings of trackers that are ours ----

static const struct reading {
	const char *command;
	enum ct_setting setting;
	const char *failed, *format; // of the number
	const char *words[2]; // or a word for 0 and 1
} readings[] = {
	{ "dpctl/ct-get-maxconns", CT_SETTING_MAXCONNS, "maxconns could not be retrieved", "%llu" },
	{ "dpctl/ct-get-nconns", CT_SETTING_NCONNS, "nconns could not be retrieved", "%llu" },
	{ "dpctl/ct-get-sweep-interval", CT_SETTING_SWEEP_MSEC,
	  "sweep interval could not be retrieved", "%llu ms" },
	{ "dpctl/ct-get-tcp-seq-chk", CT_SETTING_TCP_SEQ_CHK, "TCP sequence checking query failed",
	  .words = { "TCP sequence checking: disabled", "TCP sequence checking: enabled" } },
};

static void get_setting(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	const struct reading *r = readings;
	AUTO(strbuf) out = STRBUF_INIT;
	const char *rest[MAX_ARGS];
	uint64_t value;
	struct args a;
	int error;

	while (strcmp(r->command, argv[0]))
		r++;
	if (!begin(&a, conn, argc, argv, vs, rest) || !done(&a))
		return;
	error = datapath_ct_get(a.dp, r->setting, &value, NULL);
	if (error) {
		cmd_fail(conn, error, "%s", r->failed);
		return;
	}
	if (r->format)
		strbuf_printf(&out, r->format, (unsigned long long)value);
	else
		strbuf_puts(&out, r->words[value != 0]);
	appctl_reply(conn, out.s);
}

enum family { NO_FAMILY, OF_FAMILY }; // "v4" or "v6" before the number

static const struct writing {
	const char *command;
	enum ct_setting setting; // of IPv4, where a family is given
	enum ct_setting setting6;
	enum family family;
	const char *no_family; // said when it is missing
	const char *no_number; // likewise; NULL: the command is the number
	uint32_t number;
	const char *failed, *succeeded;
} writings[] = {
	{ "dpctl/ct-set-maxconns", CT_SETTING_MAXCONNS, 0, NO_FAMILY, NULL,
	  "maxconns missing or malformed", 0, "ct set maxconns failed",
	  "setting maxconns successful" },
	{ "dpctl/ct-enable-tcp-seq-chk", CT_SETTING_TCP_SEQ_CHK, 0, NO_FAMILY, NULL, NULL, 1,
	  "enabling TCP sequence checking failed", "enabling TCP sequence checking successful" },
	{ "dpctl/ct-disable-tcp-seq-chk", CT_SETTING_TCP_SEQ_CHK, 0, NO_FAMILY, NULL, NULL, 0,
	  "disabling TCP sequence checking failed", "disabling TCP sequence checking successful" },
	{ "dpctl/ct-set-sweep-interval", CT_SETTING_SWEEP_MSEC, 0, NO_FAMILY, NULL,
	  "sweep interval missing or malformed", 0, "setting sweep interval failed",
	  "setting sweep interval successful" },
	{ "dpctl/ipf-set-enabled", CT_SETTING_FRAGMENTS_V4_ENABLED, CT_SETTING_FRAGMENTS_V6_ENABLED,
	  OF_FAMILY, "parameter missing: 'v4' for IPv4 or 'v6' for IPv6", NULL, 1,
	  "enabling fragmentation reassembly failed",
	  "enabling fragmentation reassembly successful" },
	{ "dpctl/ipf-set-disabled", CT_SETTING_FRAGMENTS_V4_ENABLED,
	  CT_SETTING_FRAGMENTS_V6_ENABLED, OF_FAMILY,
	  "parameter missing: 'v4' for IPv4 or 'v6' for IPv6", NULL, 0,
	  "disabling fragmentation reassembly failed",
	  "disabling fragmentation reassembly successful" },
	{ "dpctl/ipf-set-min-frag", CT_SETTING_FRAGMENTS_V4_MIN_SIZE,
	  CT_SETTING_FRAGMENTS_V6_MIN_SIZE, OF_FAMILY,
	  "parameter missing: v4 for IPv4 or v6 for IPv6",
	  "parameter missing for minimum fragment size", 0,
	  "requested minimum fragment size too small; see documentation",
	  "setting minimum fragment size successful" },
	{ "dpctl/ipf-set-max-nfrags", CT_SETTING_FRAGMENTS_MAX, 0, NO_FAMILY, NULL,
	  "parameter missing for maximum fragments", 0, "setting maximum fragments failed",
	  "setting maximum fragments successful" },
};

static bool take_family(struct args *a, bool *ret_v6)
{
	const char *text = a->n ? next(a) : "";

	*ret_v6 = !strcmp(text, "v6");
	return *ret_v6 || !strcmp(text, "v4");
}

static void set_setting(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	const struct writing *w = writings;
	const char *rest[MAX_ARGS];
	bool v6 = false;
	uint32_t n;
	struct args a;
	int error;

	while (strcmp(w->command, argv[0]))
		w++;
	if (!begin(&a, conn, argc, argv, vs, rest))
		return;
	n = w->number;
	if (w->family == OF_FAMILY && !take_family(&a, &v6)) {
		cmd_fail(conn, -EINVAL, "%s", w->no_family);
		return;
	}
	if (w->no_number && (!a.n || !parse_u32(next(&a), 10, &n))) {
		cmd_fail(conn, -EINVAL, "%s", w->no_number);
		return;
	}
	if (!done(&a))
		return;
	error = datapath_ct_set(a.dp, v6 ? w->setting6 : w->setting, n, NULL);
	if (error)
		cmd_fail(conn, error, "%s", w->failed);
	else
		appctl_reply(conn, w->succeeded);
}

static void ipf_status(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	static const struct {
		enum ct_setting setting;
		const char *text;
	} rows[] = {
#define FRAGMENTS(ID, NAME) { CT_SETTING_FRAGMENTS_##ID, NAME },
#include "datapath/conntrack.def"
	};
	AUTO(strbuf) out = STRBUF_INIT;
	const char *rest[MAX_ARGS];
	struct args a;

	if (!begin(&a, conn, argc, argv, vs, rest) || !done(&a))
		return;
	strbuf_puts(&out,
		    "        Fragmentation Module Status\n        ---------------------------\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value;
		int error = datapath_ct_get(a.dp, rows[i].setting, &value, NULL);

		if (error) {
			cmd_fail(conn, error, "ipf status could not be retrieved");
			return;
		}
		strbuf_printf(&out, "        %s: %llu\n", rows[i].text, (unsigned long long)value);
	}
	appctl_reply(conn, out.s);
}

const struct appctl_command ct_commands[] = {
	{ "dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, 4, dump_conntrack },
	{ "dpctl/dump-conntrack-exp", "[dp] [zone=N]", 0, 2, dump_expected },
	{ "dpctl/flush-conntrack",
	  "[dp] [zone=N] [mark=X[/M]] [labels=Y[/N]] [ct-orig-tuple] [ct-reply-tuple]", 0, 6,
	  flush_conntrack },
	{ "dpctl/ct-stats-show", "[dp] [zone=N]", 0, 4, stats_show },
	{ "dpctl/ct-bkts", "[dp] [gt=N]", 0, 2, buckets },
	{ "dpctl/ct-get-limits", "[dp] [zone=N1[,N2]...]", 0, 2, get_limits },
	{ "dpctl/ct-set-limits", "[dp] [default=L] [zone=N,limit=L]...", 1, -1, set_limits },
	{ "dpctl/ct-del-limits", "[dp] zone=N1[,N2]...", 1, 2, del_limits },
	{ "dpctl/ct-get-maxconns", "[dp]", 0, 1, get_setting },
	{ "dpctl/ct-get-nconns", "[dp]", 0, 1, get_setting },
	{ "dpctl/ct-get-sweep-interval", "[dp]", 0, 1, get_setting },
	{ "dpctl/ct-get-tcp-seq-chk", "[dp]", 0, 1, get_setting },
	{ "dpctl/ct-set-maxconns", "[dp] maxconns", 1, 2, set_setting },
	{ "dpctl/ct-set-sweep-interval", "[dp] ms", 1, 2, set_setting },
	{ "dpctl/ct-enable-tcp-seq-chk", "[dp]", 0, 1, set_setting },
	{ "dpctl/ct-disable-tcp-seq-chk", "[dp]", 0, 1, set_setting },
	{ "dpctl/ipf-set-enabled", "[dp] v4|v6", 1, 2, set_setting },
	{ "dpctl/ipf-set-disabled", "[dp] v4|v6", 1, 2, set_setting },
	{ "dpctl/ipf-set-min-frag", "[dp] v4|v6 minfragment", 2, 3, set_setting },
	{ "dpctl/ipf-set-max-nfrags", "[dp] maxfrags", 1, 2, set_setting },
	{ "dpctl/ipf-get-status", "[dp]", 0, 2, ipf_status },
};
const size_t n_ct_commands = ARRAY_SIZE(ct_commands);
