// SPDX-License-Identifier: Apache-2.0
// dump-conntrack, flush-conntrack, ct-* and ipf-*: tracked connections as their users know them.
#include "core/flow/fields.h"
#include "datapath/conntrack.h"
#include "datapath/dpctl.h"

// ---- Arguments ----

// What is left of a command's arguments.
struct args {
	struct dpctl *d;
	int n;
	const char *const *v;
	struct datapath *dp;
};

static const char *next(struct args *a)
{
	a->n--;
	return *a->v++;
}

// Takes the datapath, when it is named first, or the only one. False: there is none, as was told.
static bool begin(struct args *a, struct dpctl *d, int argc, const char *const argv[])
{
	*a = (struct args){ .d = d, .n = argc, .v = argv };
	a->dp = argc ? d->find(d, argv[0]) : NULL;
	if (a->dp)
		next(a);
	else if (argc && d->command->max_args == 1) // it can be nothing else
		dpctl_fail(d, -EINVAL, "datapath not found");
	else
		a->dp = d->find(d, NULL);
	return a->dp;
}

// False, and told: 'a' has more than it should, of which the first was no datapath.
static bool done(struct args *a)
{
	if (a->n)
		dpctl_fail(a->d, -EINVAL, "datapath not found");
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

// "zone=N" when it is next: *ret points to 'zone', else it is NULL. False when that was told.
static bool take_zone(struct args *a, uint16_t *zone, const uint16_t **ret)
{
	*ret = NULL;
	if (!a->n || !str_starts(a->v[0], "zone="))
		return true;
	if (!parse_zone(next(a) + 5, zone)) {
		dpctl_fail(a->d, -EINVAL, "failed to parse zone");
		return false;
	}
	*ret = zone;
	return true;
}

// ---- The table ----

static void list_one(const struct ct_entry *e, void *aux)
{
	struct dpctl *d = aux;

	if (!e) {
		strbuf_clear(&d->out);
		return;
	}
	ct_entry_format(e, d->more, d->statistics, &d->out);
	strbuf_putc(&d->out, '\n');
}

static void dump_conntrack(struct dpctl *d, int argc, const char *const argv[])
{
	const uint16_t *zone;
	struct args a;
	uint16_t n;
	int error;

	if (!begin(&a, d, argc, argv) || !take_zone(&a, &n, &zone) || !done(&a))
		return;
	error = datapath_ct_dump(a.dp, zone, list_one, d, NULL);
	if (error) {
		strbuf_clear(&d->out);
		dpctl_fail(d, error, "dumping conntrack entries failed");
	}
}

static void list_expected(const struct ct_expected *e, void *aux)
{
	struct strbuf *out = aux;

	ct_expected_format(e, out);
	strbuf_putc(out, '\n');
}

static void dump_expected(struct dpctl *d, int argc, const char *const argv[])
{
	const uint16_t *zone;
	struct args a;
	uint16_t n;
	int error;

	if (!begin(&a, d, argc, argv) || !take_zone(&a, &n, &zone) || !done(&a))
		return;
	error = datapath_ct_dump_expected(a.dp, zone, list_expected, &d->out, NULL);
	if (error)
		dpctl_fail(d, error, "dumping conntrack expectations failed");
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
static void flush_conntrack(struct dpctl *d, int argc, const char *const argv[])
{
	struct ct_match m = { .has_zone = false };
	struct error err = ERROR_INIT;
	const uint16_t *zone;
	struct args a;
	int error;

	if (!begin(&a, d, argc, argv)) {
		dpctl_fail(d, -EINVAL, "Cannot open dpif");
		return;
	}
	if (!take_zone(&a, &m.zone, &zone))
		return;
	m.has_zone = zone;
	error = take_marks(&a, &m, &err);
	if (!error && a.n)
		error = ct_tuple_match_parse(next(&a), &m.orig, &err);
	if (!error && a.n)
		error = ct_tuple_match_parse(next(&a), &m.reply, &err);
	if (error) {
		dpctl_fail(d, error, "%s", err.text);
		return;
	}
	if (!done(&a))
		return;
	error = datapath_ct_flush(a.dp, &m, NULL);
	if (error)
		dpctl_fail(d, error, "failed to flush conntrack");
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
static void stats_show(struct dpctl *d, int argc, const char *const argv[])
{
	struct counting c = { 0 };
	const uint16_t *zone;
	bool verbose = d->more;
	struct args a;
	uint16_t n;
	int error;

	if (!begin(&a, d, argc, argv) || !take_zone(&a, &n, &zone))
		return;
	if (a.n && !strcmp(a.v[0], "verbose")) {
		next(&a);
		verbose = true;
	}
	if (!done(&a))
		return;
	error = datapath_ct_dump(a.dp, zone, count_one, &c, NULL);
	if (error) {
		dpctl_fail(d, error, "dumping conntrack entries failed");
		return;
	}
	put_counts(&c, verbose, &d->out);
}

// No datapath here tells of its buckets.
static void buckets(struct dpctl *d, int argc, const char *const argv[])
{
	struct args a;
	uint32_t n;

	if (!begin(&a, d, argc, argv))
		return;
	if (a.n && str_starts(a.v[0], "gt=") && parse_u32(a.v[0] + 3, 10, &n))
		next(&a);
	if (done(&a))
		strbuf_puts(&d->out, "Command is available for UserSpace ConnTracker only.\n");
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

// The list when one is next. False when that was told.
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

		dpctl_fail(a->d, -EINVAL, "%s", what);
		return false;
	}
	if (!parse_zones(text + 5, ret)) {
		dpctl_fail(a->d, -EINVAL, "invalid zone");
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

static void get_limits(struct dpctl *d, int argc, const char *const argv[])
{
	struct ct_limits l = { 0 };
	zone_vec zones = VEC_INIT;
	struct args a;
	int error;

	if (begin(&a, d, argc, argv) && take_zones(&a, &zones)) {
		error = datapath_ct_get_limits(a.dp, zones.v, zones.n, &l, NULL);
		put_limits(&l, &d->out);
		if (error)
			dpctl_fail(d, error, "failed to get conntrack limit %s", strerror(-error));
	}
	ct_limits_uninit(&l);
	VEC_FREE(&zones);
}

static void del_limits(struct dpctl *d, int argc, const char *const argv[])
{
	zone_vec zones = VEC_INIT;
	struct args a;
	int error;

	if (begin(&a, d, argc, argv) && take_zones(&a, &zones)) {
		error = zones.n ? datapath_ct_del_limits(a.dp, zones.v, zones.n, NULL) : -EINVAL;
		if (error)
			dpctl_fail(d, error, "failed to delete conntrack limit");
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
static void set_limits(struct dpctl *d, int argc, const char *const argv[])
{
	struct error err = ERROR_INIT;
	struct ct_limits l = { 0 };
	struct args a;
	int error;

	if (!begin(&a, d, argc, argv))
		return;
	error = take_limits(&a, &l, &err);
	if (error) {
		dpctl_fail(d, error, "%s", err.text);
	} else {
		error = datapath_ct_set_limits(a.dp, &l, NULL);
		if (error)
			dpctl_fail(d, error, "failed to set conntrack limit");
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
	{ "ct-get-maxconns", CT_SETTING_MAXCONNS, "maxconns could not be retrieved", "%llu" },
	{ "ct-get-nconns", CT_SETTING_NCONNS, "nconns could not be retrieved", "%llu" },
	{ "ct-get-sweep-interval", CT_SETTING_SWEEP_MSEC, "sweep interval could not be retrieved",
	  "%llu ms" },
	{ "ct-get-tcp-seq-chk", CT_SETTING_TCP_SEQ_CHK, "TCP sequence checking query failed",
	  .words = { "TCP sequence checking: disabled", "TCP sequence checking: enabled" } },
};

static void get_setting(struct dpctl *d, int argc, const char *const argv[])
{
	const struct reading *r = readings;
	uint64_t value;
	struct args a;
	int error;

	while (strcmp(r->command, d->command->name))
		r++;
	if (!begin(&a, d, argc, argv) || !done(&a))
		return;
	error = datapath_ct_get(a.dp, r->setting, &value, NULL);
	if (error) {
		dpctl_fail(d, error, "%s", r->failed);
		return;
	}
	if (r->format)
		strbuf_printf(&d->out, r->format, (unsigned long long)value);
	else
		strbuf_puts(&d->out, r->words[value != 0]);
	strbuf_putc(&d->out, '\n');
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
	{ "ct-set-maxconns", CT_SETTING_MAXCONNS, 0, NO_FAMILY, NULL,
	  "maxconns missing or malformed", 0, "ct set maxconns failed",
	  "setting maxconns successful" },
	{ "ct-enable-tcp-seq-chk", CT_SETTING_TCP_SEQ_CHK, 0, NO_FAMILY, NULL, NULL, 1,
	  "enabling TCP sequence checking failed", "enabling TCP sequence checking successful" },
	{ "ct-disable-tcp-seq-chk", CT_SETTING_TCP_SEQ_CHK, 0, NO_FAMILY, NULL, NULL, 0,
	  "disabling TCP sequence checking failed", "disabling TCP sequence checking successful" },
	{ "ct-set-sweep-interval", CT_SETTING_SWEEP_MSEC, 0, NO_FAMILY, NULL,
	  "sweep interval missing or malformed", 0, "setting sweep interval failed",
	  "setting sweep interval successful" },
	{ "ipf-set-enabled", CT_SETTING_FRAGMENTS_V4_ENABLED, CT_SETTING_FRAGMENTS_V6_ENABLED,
	  OF_FAMILY, "parameter missing: 'v4' for IPv4 or 'v6' for IPv6", NULL, 1,
	  "enabling fragmentation reassembly failed",
	  "enabling fragmentation reassembly successful" },
	{ "ipf-set-disabled", CT_SETTING_FRAGMENTS_V4_ENABLED, CT_SETTING_FRAGMENTS_V6_ENABLED,
	  OF_FAMILY, "parameter missing: 'v4' for IPv4 or 'v6' for IPv6", NULL, 0,
	  "disabling fragmentation reassembly failed",
	  "disabling fragmentation reassembly successful" },
	{ "ipf-set-min-frag", CT_SETTING_FRAGMENTS_V4_MIN_SIZE, CT_SETTING_FRAGMENTS_V6_MIN_SIZE,
	  OF_FAMILY, "parameter missing: v4 for IPv4 or v6 for IPv6",
	  "parameter missing for minimum fragment size", 0,
	  "requested minimum fragment size too small; see documentation",
	  "setting minimum fragment size successful" },
	{ "ipf-set-max-nfrags", CT_SETTING_FRAGMENTS_MAX, 0, NO_FAMILY, NULL,
	  "parameter missing for maximum fragments", 0, "setting maximum fragments failed",
	  "setting maximum fragments successful" },
};

static bool take_family(struct args *a, bool *ret_v6)
{
	const char *text = a->n ? next(a) : "";

	*ret_v6 = !strcmp(text, "v6");
	return *ret_v6 || !strcmp(text, "v4");
}

static void set_setting(struct dpctl *d, int argc, const char *const argv[])
{
	const struct writing *w = writings;
	bool v6 = false;
	uint32_t n;
	struct args a;
	int error;

	while (strcmp(w->command, d->command->name))
		w++;
	if (!begin(&a, d, argc, argv))
		return;
	n = w->number;
	if (w->family == OF_FAMILY && !take_family(&a, &v6)) {
		dpctl_fail(d, -EINVAL, "%s", w->no_family);
		return;
	}
	if (w->no_number && (!a.n || !parse_u32(next(&a), 10, &n))) {
		dpctl_fail(d, -EINVAL, "%s", w->no_number);
		return;
	}
	if (!done(&a))
		return;
	error = datapath_ct_set(a.dp, v6 ? w->setting6 : w->setting, n, NULL);
	if (error)
		dpctl_fail(d, error, "%s", w->failed);
	else
		strbuf_printf(&d->out, "%s\n", w->succeeded);
}

static void ipf_status(struct dpctl *d, int argc, const char *const argv[])
{
	static const struct {
		enum ct_setting setting;
		const char *text;
	} rows[] = {
#define FRAGMENTS(ID, NAME) { CT_SETTING_FRAGMENTS_##ID, NAME },
#include "datapath/conntrack.def"
	};
	struct args a;

	if (!begin(&a, d, argc, argv) || !done(&a))
		return;
	strbuf_puts(&d->out,
		    "        Fragmentation Module Status\n        ---------------------------\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value;
		int error = datapath_ct_get(a.dp, rows[i].setting, &value, NULL);

		if (error) {
			strbuf_clear(&d->out);
			dpctl_fail(d, error, "ipf status could not be retrieved");
			return;
		}
		strbuf_printf(&d->out, "        %s: %llu\n", rows[i].text,
			      (unsigned long long)value);
	}
}

const struct dpctl_command dpctl_ct_commands[] = {
	{ "dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, 4, 0, dump_conntrack },
	{ "dump-conntrack-exp", "[dp] [zone=N]", 0, 2, 0, dump_expected },
	{ "flush-conntrack",
	  "[dp] [zone=N] [mark=X[/M]] [labels=Y[/N]] [ct-orig-tuple] [ct-reply-tuple]", 0, 6,
	  DPCTL_WRITES, flush_conntrack },
	{ "ct-stats-show", "[dp] [zone=N]", 0, 4, 0, stats_show },
	{ "ct-bkts", "[dp] [gt=N]", 0, 2, 0, buckets },
	{ "ct-set-maxconns", "[dp] maxconns", 1, 2, DPCTL_WRITES, set_setting },
	{ "ct-get-maxconns", "[dp]", 0, 1, 0, get_setting },
	{ "ct-get-nconns", "[dp]", 0, 1, 0, get_setting },
	{ "ct-enable-tcp-seq-chk", "[dp]", 0, 1, DPCTL_WRITES, set_setting },
	{ "ct-disable-tcp-seq-chk", "[dp]", 0, 1, DPCTL_WRITES, set_setting },
	{ "ct-get-tcp-seq-chk", "[dp]", 0, 1, 0, get_setting },
	{ "ct-set-limits", "[dp] [default=L] [zone=N,limit=L]...", 1, INT32_MAX, DPCTL_WRITES,
	  set_limits },
	{ "ct-del-limits", "[dp] zone=N1[,N2]...", 1, 2, DPCTL_WRITES, del_limits },
	{ "ct-get-limits", "[dp] [zone=N1[,N2]...]", 0, 2, 0, get_limits },
	{ "ct-get-sweep-interval", "[dp]", 0, 1, 0, get_setting },
	{ "ct-set-sweep-interval", "[dp] ms", 1, 2, DPCTL_WRITES, set_setting },
	{ "ipf-set-enabled", "[dp] v4|v6", 1, 2, DPCTL_WRITES, set_setting },
	{ "ipf-set-disabled", "[dp] v4|v6", 1, 2, DPCTL_WRITES, set_setting },
	{ "ipf-set-min-frag", "[dp] v4|v6 minfragment", 2, 3, DPCTL_WRITES, set_setting },
	{ "ipf-set-max-nfrags", "[dp] maxfrags", 1, 2, DPCTL_WRITES, set_setting },
	{ "ipf-get-status", "[dp]", 0, 1, 0, ipf_status },
	{ NULL, NULL, 0, 0, 0, NULL },
};
