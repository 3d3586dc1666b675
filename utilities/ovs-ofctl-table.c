// SPDX-License-Identifier: Apache-2.0
// Commands about the configuration of tables.
#include <stdio.h>
#include <strings.h>

#include "core/base/vec.h"
#include "ofproto/openflow/table-features.h"
#include "utilities/ovs-ofctl.h"

#define ALL_TABLES 255

typedef VEC(struct table_features) features_vec;

struct features_reader {
	void (*cb)(const struct table_features *tf, void *aux);
	void *aux;
};

static void read_features(struct msg *part, void *aux)
{
	const struct features_reader *r = aux;
	struct table_features tf;
	enum ofperr e;
	bool more;

	while (!(e = table_features_decode_next(part, &tf, &more)) && more)
		r->cb(&tf, r->aux);
	if (e)
		fatal(0, "malformed reply to a request for table features (%s)", ofperr_name(e));
}

void ofctl_for_each_table_features(struct ofp_client *c,
				   void (*cb)(const struct table_features *tf, void *aux),
				   void *aux)
{
	struct features_reader r = { cb, aux };
	AUTO(strbuf) b = STRBUF_INIT;

	msg_put_plain(MSG_TABLE_FEATURES_REQUEST, ofp_client_version(c), ofp_client_xid(c), &b);
	ofp_client_multipart(c, &b, read_features, &r);
}

static void keep_features(const struct table_features *tf, void *aux)
{
	features_vec *all = aux;

	VEC_PUSH(all, *tf);
}

static void fetch_features(struct ofp_client *c, features_vec *all)
{
	ofctl_for_each_table_features(c, keep_features, all);
}

static void run_dump_table_desc(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);

	if (ofp_client_version(c) < OFP14)
		fatal(0, "dump-table-desc needs OpenFlow 1.4 or later ('-O OpenFlow14')");
	ofctl_print_plain_multipart(c, MSG_TABLE_DESC_REQUEST);
	ofp_client_close(c);
}

static void run_dump_table_features(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	struct table_features_printer printer;
	features_vec all = VEC_INIT;
	const struct table_features *tf;
	AUTO(strbuf) out = STRBUF_INIT;

	if (ofp_client_version(c) < OFP13)
		fatal(0, "dump-table-features needs OpenFlow 1.3 or later ('-O OpenFlow13')");
	fetch_features(c, &all);
	table_features_print_begin(&printer);
	VEC_FOR_EACH (tf, &all)
		table_features_print(&printer, tf, ofp_client_version(c), &out);
	table_features_print_end(&printer, &out);
	printf("%s\n", strbuf_cstr(&out));
	VEC_FREE(&all);
	ofp_client_close(c);
}

// ---- mod-table ----

// What is to become of tables.
struct setting {
	const char *text;
	enum { SET_MISS, SET_EVICTION, SET_VACANCY, SET_NAME } what;
	uint32_t versions; // bitmap of versions that can say it
	struct table_mod mod;
	const char *name;
};

static uint8_t parse_percent(const char *text, const char *which)
{
	uint32_t n;

	if (!text || !*text)
		fatal(0, "Vacancy %s value missing", which);
	if (!parse_u32(text, 0, &n) || n > 100)
		fatal(0, "Invalid vacancy %s value \"%s\"", which, text);
	return n;
}

// What is behind a second comma is nothing.
static void parse_vacancy(const char *text, struct table_desc *d)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *save = NULL;

	d->vacancy = true;
	d->vacancy_down = parse_percent(strtok_r(copy, ",", &save), "down");
	d->vacancy_up = parse_percent(strtok_r(NULL, ",", &save), "up");
	if (d->vacancy_up < d->vacancy_down)
		fatal(0, "Invalid vacancy range, vacancy up should be greater than vacancy down "
			 "(OFPBPC_BAD_VALUE)");
}

static struct setting parse_setting(const char *text)
{
	static const struct {
		const char *word;
		unsigned int what;
		enum table_miss miss;
		bool on;
		uint8_t first, last; // versions
	} words[] = {
		{ "controller", SET_MISS, TABLE_MISS_CONTROLLER, false, OFP11, OFP12 },
		{ "continue", SET_MISS, TABLE_MISS_CONTINUE, false, OFP11, OFP12 },
		{ "drop", SET_MISS, TABLE_MISS_DROP, false, OFP11, OFP12 },
		{ "evict", SET_EVICTION, 0, true, OFP14, OFP15 },
		{ "noevict", SET_EVICTION, 0, false, OFP14, OFP15 },
		{ "novacancy", SET_VACANCY, 0, false, OFP14, OFP15 },
		{ "vacancy", SET_VACANCY, 0, true, OFP14, OFP15 },
		{ "name", SET_NAME, 0, false, OFP13, OFP15 },
	};
	size_t n = strcspn(text, ":");
	struct setting s = { .text = text };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		bool has_value =
			words[i].what == SET_NAME || (words[i].what == SET_VACANCY && words[i].on);

		if (strlen(words[i].word) != n || strncmp(words[i].word, text, n) ||
		    (has_value ? words[i].what == SET_NAME && !text[n] : text[n]))
			continue;
		s.what = words[i].what;
		s.versions = (2u << words[i].last) - (1u << words[i].first);
		s.mod.miss = words[i].miss;
		s.mod.desc.eviction = words[i].on;
		s.name = text + n + (text[n] == ':');
		if (has_value && s.what == SET_VACANCY)
			parse_vacancy(s.name, &s.mod.desc);
		return s;
	}
	fatal(0, "invalid table_mod setting %s", text);
}

static void check_version(const struct setting *s, uint8_t version)
{
	AUTO(strbuf) names = STRBUF_INIT;

	if (s->versions >> version & 1)
		return;
	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (s->versions >> v & 1)
			strbuf_printf(&names, "%s%s", names.len ? ", " : "", of_version_name(v));
	fatal(0, "table_mod '%s' requires one of the OpenFlow versions %s", s->text,
	      strbuf_cstr(&names));
}

static void send_table_mod(struct ofp_client *c, const struct table_mod *tm)
{
	AUTO(strbuf) b = STRBUF_INIT;

	table_mod_encode(tm, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
}

static void read_descs(struct msg *part, void *aux)
{
	struct table_desc *descs = aux, d;
	enum ofperr e;
	bool more;

	while (!(e = table_desc_decode_next(part, &d, &more)) && more)
		descs[d.table] = d;
	if (e)
		fatal(0, "malformed reply to a request for descriptions of tables (%s)",
		      ofperr_name(e));
}

// A table_mod says all of a table's configuration at once: what the setting does not change stays as it is.
static void put_desc(struct ofp_client *c, const struct table_desc *now, const struct setting *s,
		     struct strbuf *b)
{
	struct table_mod tm = { .desc = *now };

	if (s->what == SET_EVICTION) {
		tm.desc.eviction = s->mod.desc.eviction;
		tm.desc.eviction_flags = EVICTION_DEFAULT;
	} else {
		tm.desc.vacancy = s->mod.desc.vacancy;
		tm.desc.vacancy_down = s->mod.desc.vacancy_down;
		tm.desc.vacancy_up = s->mod.desc.vacancy_up;
	}
	tm.desc.vacancy_now = 0;
	table_mod_encode(&tm, ofp_client_version(c), ofp_client_xid(c), b);
}

static void change_descs(struct ofp_client *c, unsigned int first, unsigned int n,
			 const struct setting *s)
{
	struct table_desc *descs = xcalloc(ALL_TABLES + 1, sizeof(*descs));
	AUTO(strbuf) request = STRBUF_INIT, b = STRBUF_INIT;

	for (unsigned int t = 0; t <= ALL_TABLES; t++)
		descs[t] = (struct table_desc){ .table = t, .eviction_flags = EVICTION_DEFAULT };
	msg_put_plain(MSG_TABLE_DESC_REQUEST, ofp_client_version(c), ofp_client_xid(c), &request);
	ofp_client_multipart(c, &request, read_descs, descs);
	for (unsigned int t = first; t < first + n; t++)
		put_desc(c, &descs[t], s, &b);
	ofctl_send_and_wait(c, &b);
	free(descs);
}

static void ignore_reply(struct msg *part, void *aux) {}

// Before 1.5, tables that are not said again are there no more.
static void put_all_features(struct ofp_client *c, const features_vec *all, struct strbuf *b)
{
	const struct table_features *tf;
	struct mp_writer w;

	mp_begin_type(&w, MSG_TABLE_FEATURES_REQUEST, ofp_client_version(c), ofp_client_xid(c), b);
	VEC_FOR_EACH (tf, all)
		mp_put_table_features(&w, tf);
	mp_end(&w);
}

static void change_name(struct ofp_client *c, uint8_t table, const char *name)
{
	features_vec all = VEC_INIT;
	struct table_features *tf, *found = NULL;
	AUTO(strbuf) b = STRBUF_INIT;

	fetch_features(c, &all);
	VEC_FOR_EACH (tf, &all)
		if (tf->table == table)
			found = tf;
	if (!found)
		fatal(0, "switch does not have table %u", table);
	snprintf(found->name, sizeof(found->name), "%s", name);
	if (ofp_client_version(c) >= OFP15) {
		found->command = TABLE_FEATURES_MODIFY;
		found->have_properties = false;
		table_features_request_encode(found, ofp_client_version(c), ofp_client_xid(c), &b);
	} else {
		put_all_features(c, &all, &b);
	}
	ofp_client_multipart(c, &b, ignore_reply, NULL);
	VEC_FREE(&all);
}

static uint8_t parse_table(const struct ofctl_ports *names, const char *text)
{
	const struct port_names *parser = ofctl_port_parser(names);
	uint8_t table;

	if (!strcasecmp(text, "all"))
		return ALL_TABLES;
	if (!of_table_parse(text, parser, &table))
		fatal(0, "unknown table \"%s\"", text);
	return table;
}

static uint8_t count_tables(struct ofp_client *c)
{
	AUTO(strbuf) b = STRBUF_INIT, ports = STRBUF_INIT;
	struct switch_features f;

	msg_put_plain(MSG_FEATURES_REQUEST, ofp_client_version(c), ofp_client_xid(c), &b);
	if (features_reply_decode(ofp_client_transact(c, &b), &f, &ports))
		fatal(0, "malformed reply to a request for features");
	return f.n_tables;
}

static void run_mod_table(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	struct ofctl_ports *names = ofctl_ports_for_tables(c);
	uint8_t table = parse_table(names, argv[2]);
	struct setting s = parse_setting(argv[3]);

	check_version(&s, ofp_client_version(c));
	s.mod.desc.table = table;
	if (s.what == SET_NAME && table == ALL_TABLES)
		fatal(0, "invalid table_mod setting %s", argv[3]);
	if (s.what == SET_NAME) {
		change_name(c, table, s.name);
	} else if (s.what == SET_MISS) {
		send_table_mod(c, &s.mod);
	} else if (table != ALL_TABLES) {
		change_descs(c, table, 1, &s);
	} else {
		change_descs(c, 0, count_tables(c), &s);
	}
	ofctl_ports_free(names);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_table_commands[] = {
	{ "dump-table-desc", "SWITCH: configuration of the tables (OpenFlow 1.4 and later)", 1, 1,
	  run_dump_table_desc, .reads = true },
	{ "dump-table-features", "SWITCH: what the tables can (OpenFlow 1.3 and later)", 1, 1,
	  run_dump_table_features, .reads = true },
	{ "mod-table", "SWITCH TABLE SETTING: configure a table, or all", 3, 3, run_mod_table },
	{ NULL, NULL, 0, 0, NULL },
};
