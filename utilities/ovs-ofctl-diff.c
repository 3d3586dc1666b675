// SPDX-License-Identifier: Apache-2.0
// replace-flows and diff-flows: two sets of flows, and what is different.
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/vec.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/of-match.h"
#include "utilities/ovs-ofctl-flow.h"

#define DEFAULT_PRIORITY 32768

// Flows by what identifies them: table, priority and match.
struct entry {
	struct match match;
	uint8_t table;
	uint16_t priority, idle_timeout, hard_timeout, flags, importance;
	uint64_t cookie;
	size_t number; // in the order they were read
	struct strbuf acts;
};

typedef VEC(struct entry) flow_set;

static int compare(const void *p, const void *q)
{
	const struct entry *a = p, *b = q;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return memcmp(&a->match, &b->match, sizeof(a->match));
}

static int compare_with_number(const void *p, const void *q)
{
	const struct entry *a = p, *b = q;
	int d = compare(a, b);

	return d ? d : a->number < b->number ? -1 : a->number > b->number;
}

// Of several with the same identity the last one counts, as in a switch.
static void put_in_order(flow_set *s)
{
	struct entry *e;
	size_t n = 0;

	VEC_FOR_EACH (e, s)
		e->number = e - s->v;
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare_with_number);
	VEC_FOR_EACH (e, s) {
		if (n && !compare(&s->v[n - 1], e))
			strbuf_uninit(&s->v[--n].acts);
		s->v[n++] = *e;
	}
	s->n = n;
}

// Also where one came in a form of the wire that the other did not: who reads them sees no difference.
static bool same_acts(const struct strbuf *a, const struct strbuf *b)
{
	AUTO(strbuf) x = STRBUF_INIT, y = STRBUF_INIT;

	if (acts_equal(acts_of(a), acts_of(b)))
		return true;
	acts_format(acts_of(a), NULL, &x);
	acts_format(acts_of(b), NULL, &y);
	return !strcmp(strbuf_cstr(&x), strbuf_cstr(&y));
}

// Flags that a dump does not tell in every version are left out.
static bool same(const struct entry *a, const struct entry *b)
{
	return a->cookie == b->cookie && a->idle_timeout == b->idle_timeout &&
	       a->hard_timeout == b->hard_timeout && a->importance == b->importance &&
	       same_acts(&a->acts, &b->acts);
}

static void set_free(flow_set *s)
{
	struct entry *e;

	VEC_FOR_EACH (e, s)
		strbuf_uninit(&e->acts);
	VEC_FREE(s);
}

// ---- Reading ----

struct file_read {
	flow_set *set;
	const struct port_names *names;
	uint32_t usable; // formats that can say every line
};

static void add_line(char *line, const char *where, void *aux)
{
	struct file_read *r = aux;
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	struct entry *e;
	uint32_t usable;

	if (flow_mod_parse(line, FM_ADD, r->names, &fm, &usable, &err))
		fatal(0, "%s%s", where, err.text);
	r->usable &= usable;
	e = VEC_PUSH_UNINIT(r->set);
	memset(e, 0, sizeof(*e));
	e->match = fm.match;
	e->table = fm.table == 255 ? 0 : fm.table;
	e->priority = fm.priority;
	e->idle_timeout = fm.idle_timeout;
	e->hard_timeout = fm.hard_timeout;
	e->importance = fm.importance;
	e->flags = fm.flags;
	e->cookie = fm.new_cookie;
	e->acts = fm.acts;
}

// What formats can say all of it.
static uint32_t read_file(const char *name, const struct port_names *names, flow_set *set)
{
	struct file_read r = { set, names, FORMATS_ANY };

	ofctl_read_flows(name, add_line, &r);
	put_in_order(set);
	return r.usable;
}

static void add_part(struct msg *part, void *aux)
{
	flow_set *set = aux;
	AUTO(strbuf) acts = STRBUF_INIT;
	struct flow_stats fs;

	while (flow_stats_decode_next(part, &fs, &acts) > 0) {
		struct entry *e = VEC_PUSH_UNINIT(set);

		memset(e, 0, sizeof(*e));
		e->match = *fs.match;
		e->table = fs.table;
		e->priority = fs.priority;
		e->idle_timeout = fs.idle_timeout;
		e->hard_timeout = fs.hard_timeout;
		e->importance = fs.importance;
		e->flags = fs.flags;
		e->cookie = fs.cookie;
		strbuf_put(&e->acts, strbuf_cstr(&acts), acts.len);
	}
}

static void read_switch(struct ofp_client *c, flow_set *set)
{
	struct flow_stats_request q = { .table = 255,
					.out_port = OF_PORT(OFPP_ANY),
					.out_group = UINT32_MAX };
	AUTO(strbuf) b = STRBUF_INIT;

	flow_request_encode(c, &q, FORMATS_ANY, &b);
	ofp_client_multipart(c, &b, add_part, set);
	put_in_order(set);
}

// ---- Walking both ----

typedef void pair_fn(const struct entry *old, const struct entry *now, void *aux);

// Calls cb for each flow of either set, with NULL where one does not have it.
static void walk(const flow_set *old, const flow_set *now, pair_fn *cb, void *aux)
{
	size_t i = 0, j = 0;

	while (i < old->n || j < now->n) {
		int d = i == old->n ? 1 : j == now->n ? -1 : compare(&old->v[i], &now->v[j]);

		cb(d <= 0 ? &old->v[i] : NULL, d >= 0 ? &now->v[j] : NULL, aux);
		i += d <= 0;
		j += d >= 0;
	}
}

// ---- replace-flows ----

struct replacing {
	struct ofp_client *c;
	uint32_t
		formats; // to choose from; what the switch has can be deleted in each of its formats
	struct strbuf buf;
};

static unsigned int format_for(const struct replacing *r, const struct flow_mod *fm)
{
	uint32_t formats = r->formats;

	// What has been read of the switch may be more than the formats of what it is to have can say.
	if (formats & FORMATS_OF10 && formats & FORMATS_NXM)
		formats &= match10_fits(&fm->match) ? FORMATS_OF10 : FORMATS_NXM;
	return __builtin_ctz(formats);
}

static void send_entry(struct replacing *r, const struct entry *e, enum flow_mod_command command)
{
	size_t start = r->buf.len;
	struct flow_mod fm;

	flow_mod_init(&fm);
	fm.match = e->match;
	fm.table = e->table;
	fm.priority = e->priority;
	fm.command = command;
	if (command == FM_ADD) {
		fm.idle_timeout = e->idle_timeout;
		fm.hard_timeout = e->hard_timeout;
		fm.importance = e->importance;
		fm.flags = e->flags;
		fm.new_cookie = e->cookie;
		fm.acts = e->acts; // borrowed
	}
	flow_mod_encode_as(&fm, format_for(r, &fm), ofp_client_xid(r->c), &r->buf);
	ofctl_end_message(r->c, &r->buf, start, "");
	ofctl_send_ahead(r->c, &r->buf);
}

static void replace_pair(const struct entry *old, const struct entry *now, void *aux)
{
	if (!now)
		send_entry(aux, old, FM_DELETE_STRICT);
	else if (!old || ofctl.readd || !same(old, now))
		send_entry(aux, now, FM_ADD);
}

void run_replace_flows(int argc, char *argv[])
{
	struct replacing r = { .buf = STRBUF_INIT };
	flow_set have = VEC_INIT, want = VEC_INIT;
	struct ofctl_ports *ports;

	r.c = ofctl_open_for_flows(argv[1], &r.formats);
	ports = ofctl_ports_load(r.c);
	ofctl_need_formats_of(read_file(argv[2], ofctl_port_parser(ports), &want), r.formats);
	read_switch(r.c, &have);
	walk(&have, &want, replace_pair, &r);
	ofctl_send_and_wait(r.c, &r.buf);
	strbuf_uninit(&r.buf);
	set_free(&have);
	set_free(&want);
	ofctl_ports_free(ports);
	ofp_client_close(r.c);
}

// ---- diff-flows ----

static void put_unless_zero(const char *name, unsigned int value, struct strbuf *out)
{
	if (value)
		strbuf_printf(out, " %s=%u", name, value);
}

static void put_in_color(const struct strbuf *text, struct strbuf *out)
{
	if (ofctl_has_color())
		ofctl_color_flow(strbuf_cstr(text), false, out);
	else
		strbuf_puts(out, strbuf_cstr(text));
}

// Colors are the match's and the actions'.
static void print_entry(char sign, const struct entry *e)
{
	AUTO(strbuf) match = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) s = STRBUF_INIT;

	if (e->table)
		strbuf_printf(&s, "table=%u ", e->table);
	if (e->priority != DEFAULT_PRIORITY)
		strbuf_printf(&match, "priority=%u,", e->priority);
	match_format(&e->match, NULL, &match);
	strbuf_chomp(&match, ',');
	put_in_color(&match, &s);
	if (e->cookie)
		strbuf_printf(&s, " cookie=0x%" PRIx64, e->cookie);
	put_unless_zero("idle_timeout", e->idle_timeout, &s);
	put_unless_zero("hard_timeout", e->hard_timeout, &s);
	put_unless_zero("importance", e->importance, &s);
	strbuf_puts(&acts, " actions=");
	acts_format(acts_of(&e->acts), NULL, &acts);
	put_in_color(&acts, &s);
	printf("%c%s\n", sign, strbuf_cstr(&s));
}

static void print_pair(const struct entry *old, const struct entry *now, void *aux)
{
	if (old && now && same(old, now))
		return;
	if (old)
		print_entry('-', old);
	if (now)
		print_entry('+', now);
	*(bool *)aux = true;
}

// A file, "-", or else a switch.
static void read_source(const char *name, flow_set *set)
{
	struct ofp_client *c;
	struct stat st;

	if (!strcmp(name, "-") || (!stat(name, &st) && S_ISREG(st.st_mode))) {
		read_file(name, NULL, set);
		return;
	}
	c = ofctl_open(name);
	read_switch(c, set);
	ofp_client_close(c);
}

void run_diff_flows(int argc, char *argv[])
{
	flow_set a = VEC_INIT, b = VEC_INIT;
	bool different = false;

	read_source(argv[1], &a);
	read_source(argv[2], &b);
	walk(&a, &b, print_pair, &different);
	set_free(&a);
	set_free(&b);
	if (different) {
		fflush(stdout);
		exit(2);
	}
}
