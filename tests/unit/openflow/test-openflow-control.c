// SPDX-License-Identifier: Apache-2.0
// What a controller's connection says about itself: printed as the golden file has it, back and forth on the wire, and damaged.
#include <check.h>
#include <stdio.h>

#include "ofproto/openflow/bundle.h"
#include "ofproto/openflow/async.h"
#include "ofproto/openflow/ct-flush.h"
#include "ofproto/openflow/flow-monitor.h"
#include "ofproto/openflow/ipfix.h"
#include "ofproto/openflow/table-features.h"
#include "tests/suite.h"
#include "tests/unit/core/flow-testing.h"

static void put_hex(struct strbuf *b, const char *hex)
{
	for (; hex_digit(*hex) >= 0; hex += 2)
		wr_u8(b, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
}

static const struct {
	const char *name;
	int least; // messages that it has
} golden_files[] = { { "openflow-control", 100 },
		     { "openflow-table-features", 100 },
		     { "openflow-statistics", 20 } };

// Calls 'f' with each message of a golden file and with what is to be printed of it.
static int for_each_golden(const char *name,
			   void (*f)(const struct strbuf *message, const char *printed))
{
	AUTO_FREE char *path = xasprintf("%s/tests/golden/%s.txt", test_srcdir(), name);
	AUTO(strbuf) message = STRBUF_INIT, printed = STRBUF_INIT;
	FILE *file = fopen(path, "r");
	static char line[32768];
	int n = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		if (*line != '>') {
			if (*line != '#')
				strbuf_puts(&printed, line);
			continue;
		}
		if (n++)
			f(&message, strbuf_cstr(&printed));
		strbuf_clear(&message);
		strbuf_clear(&printed);
		put_hex(&message, line + 2);
	}
	f(&message, strbuf_cstr(&printed));
	fclose(file);
	return n;
}

static void check_printed(const struct strbuf *message, const char *printed)
{
	AUTO(strbuf) out = STRBUF_INIT;

	msg_print(message->s, message->len, NULL, 1, &out);
	ck_assert_str_eq(strbuf_cstr(&out), printed);
}

START_TEST(messages_are_printed_as_the_golden_file_has_them)
{
	ck_assert_int_gt(for_each_golden(golden_files[_i].name, check_printed),
			 golden_files[_i].least);
}
END_TEST

// Some bytes are others, and sometimes it ends early; its length is right.
static void damage_one(const struct strbuf *message)
{
	AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT;
	size_t n = message->len;

	if (!pick(3))
		n = 8 + pick(n - 7);
	strbuf_put(&b, message->s, n);
	for (uint32_t i = pick(4); i > 0 && n > 8; i--)
		b.s[8 + pick(n - 8)] = (char)pick(256);
	wr_patch_be16(&b, 2, b.len);
	msg_print(b.s, b.len, NULL, 3, &out);
	ck_assert_uint_gt(out.len, 0);
}

static void damage_often(const struct strbuf *message, const char *printed)
{
	for (int i = 0; i < 2000; i++)
		damage_one(message);
}

START_TEST(damaged_messages_do_no_harm)
{
	random_seed(_i + 1);
	for_each_golden(golden_files[_i].name, damage_often);
}
END_TEST

// ---- Asynchronous configuration ----

static const struct {
	enum msg_type type;
	uint8_t version;
	int kinds; // that it has
} async_forms[] = {
	{ MSG_SET_ASYNC_CONFIG, OFP10, 3 },  { MSG_SET_ASYNC_CONFIG, OFP13, 3 },
	{ MSG_SET_ASYNC_CONFIG, OFP15, 3 },  { MSG_SET_ASYNC_CONFIG2, OFP10, 6 },
	{ MSG_SET_ASYNC_CONFIG2, OFP13, 6 }, { MSG_SET_ASYNC, OFP13, 3 },
	{ MSG_SET_ASYNC, OFP14, 6 },	     { MSG_SET_ASYNC, OFP15, 6 },
	{ MSG_GET_ASYNC_REPLY, OFP13, 3 },   { MSG_GET_ASYNC_REPLY, OFP15, 6 },
};

START_TEST(masks_arrive_as_they_are_and_kinds_that_are_not_said_keep_theirs)
{
	const struct async_masks sent = { { 1, 2, 3, 4, 8, 1 }, { 2, 1, 5, 1, 16, 2 } };
	const struct async_masks before = { { 7, 7, 7, 7, 24, 3 }, { 5, 5, 5, 5, 24, 3 } };
	struct async_masks got = before;
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;

	async_encode(async_forms[_i].type, &sent, async_forms[_i].version, 7, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(m.type, async_forms[_i].type);
	ck_assert_int_eq(async_decode(&m, &got), OFPERR_NONE);
	for (int kind = 0; kind < ASYNC_N; kind++) {
		const struct async_masks *want = kind < async_forms[_i].kinds ? &sent : &before;

		ck_assert_uint_eq(got.primary[kind], want->primary[kind]);
		ck_assert_uint_eq(got.secondary[kind], want->secondary[kind]);
	}
}
END_TEST

// ---- Tables ----

START_TEST(descriptions_of_tables_arrive_as_they_are)
{
	const struct table_desc sent[] = { { 0, false, false, EVICTION_DEFAULT, 0, 0, 0 },
					   { 253, true, true, 5, 10, 90, 35 } };
	AUTO(strbuf) b = STRBUF_INIT, request = STRBUF_INIT;
	struct table_desc got;
	struct mp_writer w;
	struct msg m;
	bool more;

	msg_put_plain(MSG_TABLE_DESC_REQUEST, _i, 7, &request);
	ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
	mp_begin(&w, &m, &b);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		mp_put_table_desc(&w, &sent[i]);
	mp_end(&w);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		ck_assert_int_eq(table_desc_decode_next(&m, &got, &more), OFPERR_NONE);
		ck_assert(more);
		ck_assert_uint_eq(got.table, sent[i].table);
		ck_assert_int_eq(got.eviction, sent[i].eviction);
		ck_assert_int_eq(got.vacancy, sent[i].vacancy);
		ck_assert_uint_eq(got.eviction_flags, sent[i].eviction_flags);
		ck_assert_uint_eq(got.vacancy_down, sent[i].vacancy_down);
		ck_assert_uint_eq(got.vacancy_up, sent[i].vacancy_up);
		ck_assert_uint_eq(got.vacancy_now, sent[i].vacancy_now);
	}
	ck_assert_int_eq(table_desc_decode_next(&m, &got, &more), OFPERR_NONE);
	ck_assert(!more);
}
END_TEST

START_TEST(modifications_of_tables_arrive_as_they_are)
{
	const struct table_mod sent[] = {
		{ { .table = 3, .eviction_flags = EVICTION_DEFAULT }, TABLE_MISS_CONTROLLER },
		{ { .table = 255, .eviction_flags = EVICTION_DEFAULT }, TABLE_MISS_DROP },
		{ { 4, true, true, EVICTION_DEFAULT, 10, 90, 0 }, TABLE_MISS_CONTINUE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		AUTO(strbuf) b = STRBUF_INIT;
		struct table_mod got;
		struct msg m;

		table_mod_encode(&sent[i], _i, 7, &b);
		ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
		ck_assert_int_eq(table_mod_decode(&m, &got), OFPERR_NONE);
		ck_assert_uint_eq(got.desc.table, sent[i].desc.table);
		ck_assert_int_eq(got.miss, _i < OFP13 ? sent[i].miss : 0);
		ck_assert_int_eq(got.desc.eviction, _i >= OFP14 && sent[i].desc.eviction);
		ck_assert_int_eq(got.desc.vacancy, _i >= OFP14 && sent[i].desc.vacancy);
		ck_assert_uint_eq(got.desc.vacancy_down,
				  _i >= OFP14 ? sent[i].desc.vacancy_down : 0);
		ck_assert_uint_eq(got.desc.vacancy_up, _i >= OFP14 ? sent[i].desc.vacancy_up : 0);
	}
}
END_TEST

START_TEST(the_vacancy_of_a_table_arrives_as_it_is)
{
	const struct table_desc sent = { 9, true, true, 6, 20, 30, 19 };
	AUTO(strbuf) b = STRBUF_INIT;
	struct table_desc got;
	uint8_t reason;
	struct msg m;

	table_status_encode(TABLE_VACANCY_DOWN, &sent, _i, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(table_status_decode(&m, &reason, &got), OFPERR_NONE);
	ck_assert_int_eq(reason, TABLE_VACANCY_DOWN);
	ck_assert_uint_eq(got.table, 9);
	ck_assert_uint_eq(got.eviction_flags, 6);
	ck_assert_uint_eq(got.vacancy_down, 20);
	ck_assert_uint_eq(got.vacancy_up, 30);
	ck_assert_uint_eq(got.vacancy_now, 19);
}
END_TEST

START_TEST(features_of_tables_arrive_as_they_are)
{
	AUTO(strbuf) b = STRBUF_INIT, request = STRBUF_INIT;
	struct table_features sent[2], got;
	struct mp_writer w;
	struct msg m;
	bool more;

	memset(sent, 0, sizeof(sent));
	table_features_init(&sent[0], 3, 253, _i);
	table_features_init(&sent[1], 253, 253, _i);
	strcpy(sent[0].name, "thirty-one bytes are the longest");
	sent[0].name[31] = '\0';
	sent[0].max_entries = 17;
	sent[1].evicts = sent[1].tells_vacancy = _i >= OFP14;
	sent[1].miss.next[1] = 5;
	sent[1].miss.write.actions = 1;
	msg_put_plain(MSG_TABLE_FEATURES_REQUEST, _i, 7, &request);
	ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
	mp_begin(&w, &m, &b);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		mp_put_table_features(&w, &sent[i]);
	mp_end(&w);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		ck_assert_int_eq(table_features_decode_next(&m, &got, &more), OFPERR_NONE);
		ck_assert(more);
		// What a version has no number for is not sent.
		sent[i].others.write.actions &= 0x3ff8001;
		sent[i].others.apply.actions &= 0x3ff8001;
		sent[i].miss.write.actions &= 0x3ff8001;
		sent[i].miss.apply.actions &= 0x3ff8001;
		ck_assert_mem_eq(&got, &sent[i], sizeof(got));
	}
	ck_assert_int_eq(table_features_decode_next(&m, &got, &more), OFPERR_NONE);
	ck_assert(!more);
}
END_TEST

START_TEST(a_request_for_features_may_go_without_properties)
{
	struct table_features sent = { .table = 8,
				       .command = TABLE_FEATURES_MODIFY,
				       .features = 5,
				       .name = "name" },
			      got;
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;
	bool more;

	table_features_request_encode(&sent, OFP15, 7, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(table_features_decode_next(&m, &got, &more), OFPERR_NONE);
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	strbuf_clear(&b);
	table_features_request_encode(&sent, OFP14, 7, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(table_features_decode_next(&m, &got, &more), OFPERR_OFPTFFC_BAD_FEATURES);
}
END_TEST

static void put_table_stats(const struct table_stats *ts, uint8_t version, struct strbuf *out)
{
	AUTO(strbuf) request = STRBUF_INIT;
	struct mp_writer w;
	struct msg m;

	msg_put_plain(MSG_TABLE_REQUEST, version, 7, &request);
	ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
	mp_begin(&w, &m, out);
	mp_put_table_stats(&w, ts);
	mp_end(&w);
}

START_TEST(statistics_of_tables_arrive_as_they_are)
{
	AUTO(strbuf) b = STRBUF_INIT, again = STRBUF_INIT;
	struct table_stats sent = { .active = 1, .lookup = 2, .matched = UINT64_MAX }, got;
	struct msg m;

	table_features_init(&sent.can, 3, 253, _i);
	strcpy(sent.can.name, "three");
	sent.can.max_entries = 17;
	sent.can.on_miss = TABLE_MISS_DROP;
	sent.can.wildcard.words[FIELD_ETH_TYPE / 64] &= ~(1ULL << FIELD_ETH_TYPE % 64);
	put_table_stats(&sent, _i, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(table_stats_decode_next(&m, &got), 1);
	ck_assert_uint_eq(got.can.table, 3);
	ck_assert_uint_eq(got.active, 1);
	ck_assert_uint_eq(got.lookup, 2);
	ck_assert_uint_eq(got.matched, UINT64_MAX);
	ck_assert_str_eq(got.can.name, _i < OFP13 ? "three" : "");
	ck_assert_uint_eq(got.can.max_entries, _i < OFP13 ? 17 : 0);
	ck_assert_uint_eq(got.can.on_miss, _i == OFP11 || _i == OFP12 ? TABLE_MISS_DROP : 0);
	ck_assert_int_eq(field_set_has(&got.can.match, FIELD_ETH_TYPE), _i == OFP11 || _i == OFP12);
	ck_assert(!field_set_has(&got.can.wildcard, FIELD_ETH_TYPE));
	ck_assert_int_eq(field_set_has(&got.can.wildcard, FIELD_IP_SRC), _i < OFP13);
	ck_assert_int_eq(field_set_has(&got.can.others.apply.set_fields, FIELD_IPV6_SRC),
			 _i == OFP12);
	ck_assert_int_eq(table_stats_decode_next(&m, &got), 0);
}
END_TEST

START_TEST(statistics_of_tables_say_what_tables_can_as_they_have_heard_it)
{
	// Only what 1.2 has: this is all that comes back.
	struct table_stats sent = { .can = { .others = { .instructions = 0x2a,
							 .write = { 0x1, { { 0 } } },
							 .apply = { 0x8000, { { 0 } } } },
					     .metadata_match = 5,
					     .metadata_write = 6,
					     .on_miss = TABLE_MISS_CONTINUE } },
			   got;
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;

	field_set_add(&sent.can.match, FIELD_ETH_SRC);
	field_set_add(&sent.can.match, FIELD_MPLS_TC);
	field_set_add(&sent.can.wildcard, FIELD_ETH_SRC);
	field_set_add(&sent.can.others.write.set_fields, FIELD_ETH_DST);
	field_set_add(&sent.can.others.apply.set_fields, FIELD_IPV6_SRC);
	sent.can.miss = sent.can.others;
	put_table_stats(&sent, OFP12, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(table_stats_decode_next(&m, &got), 1);
	ck_assert_mem_eq(&got, &sent, sizeof(got));
}
END_TEST

// ---- Tracked connections, IPFIX ----

static const struct {
	const char *orig, *reply;
	int zone; // -1: none
	uint32_t mark, mark_mask;
	uint8_t label, label_mask; // the lowest byte
} flushes[] = {
	{ "", "", -1, 0, 0, 0, 0 },
	{ "", "", 65535, 0, 0, 0, 0 },
	{ "ct_nw_proto=6", "", 0, 0, 0, 0, 0 },
	{ "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=17,ct_tp_src=5,ct_tp_dst=6", "", 3, 0,
	  0, 0, 0 },
	{ "ct_ipv6_src=fc00::1,ct_nw_proto=58,icmp_id=5,icmp_type=128,icmp_code=1", "", 0, 0, 0, 0,
	  0 },
	{ "", "ct_nw_dst=1.2.3.4", 0, 0, 0, 0, 0 },
	{ "ct_nw_src=1.2.3.4,ct_nw_proto=6", "ct_nw_proto=6,ct_tp_dst=8", 7, 0, 0, 0, 0 },
	{ "", "", -1, 5, 0xff, 0, 0 },
	{ "", "", 9, 0, 0, 0x40, 0xf0 },
};

START_TEST(connections_to_be_flushed_arrive_as_they_are)
{
	struct ct_match sent = { .has_zone = flushes[_i].zone >= 0, .zone = flushes[_i].zone }, got;
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;

	ck_assert_int_eq(ct_tuple_match_parse(flushes[_i].orig, &sent.orig, NULL), 0);
	ck_assert_int_eq(ct_tuple_match_parse(flushes[_i].reply, &sent.reply, NULL), 0);
	if (flushes[_i].zone < 0)
		sent.zone = 0;
	sent.mark = flushes[_i].mark;
	sent.mark_mask = flushes[_i].mark_mask;
	sent.label[15] = flushes[_i].label;
	sent.label_mask[15] = flushes[_i].label_mask;
	ct_flush_encode(&sent, OFP13, 1, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(ct_flush_decode(&m, &got), OFPERR_NONE);
	ck_assert_mem_eq(&got, &sent, sizeof(got));
}
END_TEST

// Without it more would be flushed than was meant.
START_TEST(a_property_that_is_not_known_is_no_flush)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct ct_match match;
	struct msg m;

	put_hex(&b, "04040020000000020000232000000020"
		    "0000000000000000"
		    "0009000800050000");
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(ct_flush_decode(&m, &match), OFPERR_OFPBPC_BAD_TYPE);
}
END_TEST

START_TEST(statistics_of_ipfix_arrive_as_they_are)
{
	static const struct ipfix_stats sent = { 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, UINT64_MAX };
	AUTO(strbuf) b = STRBUF_INIT, request = STRBUF_INIT;
	struct ipfix_stats got;
	struct mp_writer w;
	struct msg m;

	memset(&got, 0, sizeof(got)); // between its members, too
	msg_put_plain(MSG_IPFIX_FLOW_REQUEST, _i, 7, &request);
	ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
	mp_begin(&w, &m, &b);
	mp_put_ipfix_stats(&w, &sent);
	mp_end(&w);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(ipfix_stats_decode_next(&m, &got), 1);
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	ck_assert_int_eq(ipfix_stats_decode_next(&m, &got), 0);
}
END_TEST

// ---- Flow monitors ----

static const struct {
	const char *text;
	uint8_t first; // version that can say it
} watches[] = {
	{ "", OFP10 },
	{ "!initial,!own,table=3,out_port=2,ip,nw_src=10.0.0.0/8", OFP10 },
	{ "!add,!delete,!actions,tcp,tp_dst=80", OFP10 },
	{ "!initial,!add,!delete,reg1=5/0xf", OFP12 },
	{ "out_group=7,out_port=LOCAL", OFP14 },
};

static void check_watch(const char *text, uint8_t version)
{
	struct flow_monitor_request sent, got;
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t versions;
	struct msg m;
	bool more;

	ck_assert_int_eq(flow_monitor_parse(text, NULL, &sent, &versions, NULL), 0);
	if (!(versions >> version & 1))
		return;
	sent.id = 0x12345678;
	flow_monitor_request_encode(&sent, version, 1, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(flow_monitor_request_decode_next(&m, &got, &more), OFPERR_NONE);
	ck_assert(more);
	ck_assert_uint_eq(got.id, sent.id);
	ck_assert_uint_eq(got.flags, sent.flags);
	ck_assert_uint_eq(got.table, sent.table);
	ck_assert_uint_eq(got.out_port.n, sent.out_port.n);
	ck_assert_uint_eq(got.out_group, sent.out_group);
	ck_assert_mem_eq(&got.match, &sent.match, sizeof(got.match));
	ck_assert_int_eq(flow_monitor_request_decode_next(&m, &got, &more), OFPERR_NONE);
	ck_assert(!more);
}

START_TEST(requests_for_a_flow_monitor_arrive_as_they_are)
{
	for (uint8_t version = watches[_i].first; version <= OFP15; version++)
		check_watch(watches[_i].text, version);
}
END_TEST

static enum flow_event event_in(enum flow_event event, uint8_t version)
{
	return version < OFP14 && event == FLOW_EVENT_INITIAL ? FLOW_EVENT_ADDED : event;
}

START_TEST(updates_of_a_flow_monitor_arrive_as_they_are)
{
	enum flow_event last = _i < OFP14 ? FLOW_EVENT_ABBREV : FLOW_EVENT_RESUMED;
	struct flow_update sent = { .xid = 0x77,
				    .reason = REMOVED_HARD,
				    .priority = 5,
				    .idle_timeout = 6,
				    .hard_timeout = 7,
				    .table = 8,
				    .cookie = 9 };
	AUTO(strbuf) b = STRBUF_INIT, acts = STRBUF_INIT, got_acts = STRBUF_INIT;
	struct flow_update got;
	struct match match;
	struct mp_writer w;
	struct msg m;
	bool more;

	match_init_any(&match);
	ck_assert_int_eq(match_parse_word(&match, "udp", NULL, NULL, NULL), 0);
	ck_assert_int_eq(acts_parse("output:5", NULL, &acts, NULL), 0);
	sent.match = &match;
	sent.acts = acts_of(&acts);
	flow_updates_begin(&w, _i, 3, &b);
	for (sent.event = FLOW_EVENT_INITIAL; sent.event <= last; sent.event++)
		mp_put_flow_update(&w, &sent);
	mp_end(&w);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	for (enum flow_event e = FLOW_EVENT_INITIAL; e <= last; e++) {
		ck_assert_int_eq(flow_update_decode_next(&m, &got, &got_acts, &more), OFPERR_NONE);
		ck_assert(more);
		ck_assert_int_eq(got.event, event_in(e, _i));
		if (e == FLOW_EVENT_ABBREV)
			ck_assert_uint_eq(got.xid, 0x77);
		if (e >= FLOW_EVENT_ABBREV)
			continue;
		ck_assert_uint_eq(got.reason, e == FLOW_EVENT_DELETED ? REMOVED_HARD : 0);
		ck_assert_uint_eq(got.priority, 5);
		ck_assert_uint_eq(got.idle_timeout, 6);
		ck_assert_uint_eq(got.hard_timeout, 7);
		ck_assert_uint_eq(got.table, 8);
		ck_assert_uint_eq(got.cookie, 9);
		ck_assert_mem_eq(got.match, &match, sizeof(match));
		ck_assert_uint_eq(got.acts.size, acts.len);
	}
	ck_assert_int_eq(flow_update_decode_next(&m, &got, &got_acts, &more), OFPERR_NONE);
	ck_assert(!more);
}
END_TEST

START_TEST(bundles_arrive_as_they_are)
{
	const struct bundle_control sent = { 0x80000007, BUNDLE_COMMIT_REQUEST, 0x8003 };
	const uint8_t version = _i;
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(strbuf) inner = STRBUF_INIT;
	AUTO(strbuf) whole = STRBUF_INIT;
	struct bundle_control got;
	struct bundle_add add;
	struct flow_mod fm, back;
	struct msg m;

	bundle_control_encode(&sent, version, 7, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	ck_assert_int_eq(m.type, MSG_BUNDLE_CONTROL);
	ck_assert_int_eq(bundle_control_decode(&m, &got), OFPERR_NONE);
	ck_assert_uint_eq(got.id, sent.id);
	ck_assert_uint_eq(got.type, sent.type);
	ck_assert_uint_eq(got.flags, sent.flags);
	flow_mod_init(&fm);
	match_init_any(&fm.match);
	fm.new_cookie = 5;
	flow_mod_encode(&fm, version, 3, &inner);
	bundle_add_encode(9, BUNDLE_ORDERED, inner.s, inner.len, version, 8, &whole);
	ck_assert_int_eq(msg_decode_header(whole.s, whole.len, &m), OFPERR_NONE);
	ck_assert_int_eq(bundle_add_decode(&m, &add), OFPERR_NONE);
	ck_assert_uint_eq(add.id, 9);
	ck_assert_uint_eq(add.flags, BUNDLE_ORDERED);
	ck_assert_uint_eq(add.msg.xid, 8);
	flow_mod_init(&back);
	ck_assert_int_eq(flow_mod_decode(&add.msg, &back), OFPERR_NONE);
	ck_assert_uint_eq(back.new_cookie, 5);
	flow_mod_uninit(&fm);
	flow_mod_uninit(&back);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("openflow/control");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, messages_are_printed_as_the_golden_file_has_them, 0,
			    ARRAY_SIZE(golden_files));
	tcase_add_loop_test(t, damaged_messages_do_no_harm, 0, ARRAY_SIZE(golden_files));
	tcase_add_loop_test(t, masks_arrive_as_they_are_and_kinds_that_are_not_said_keep_theirs, 0,
			    ARRAY_SIZE(async_forms));
	tcase_add_loop_test(t, descriptions_of_tables_arrive_as_they_are, OFP14, OFP15 + 1);
	tcase_add_loop_test(t, modifications_of_tables_arrive_as_they_are, OFP11, OFP15 + 1);
	tcase_add_loop_test(t, the_vacancy_of_a_table_arrives_as_it_is, OFP14, OFP15 + 1);
	tcase_add_loop_test(t, features_of_tables_arrive_as_they_are, OFP13, OFP15 + 1);
	tcase_add_test(t, a_request_for_features_may_go_without_properties);
	tcase_add_loop_test(t, statistics_of_tables_arrive_as_they_are, OFP10, OFP15 + 1);
	tcase_add_test(t, statistics_of_tables_say_what_tables_can_as_they_have_heard_it);
	tcase_add_loop_test(t, connections_to_be_flushed_arrive_as_they_are, 0,
			    ARRAY_SIZE(flushes));
	tcase_add_test(t, a_property_that_is_not_known_is_no_flush);
	tcase_add_loop_test(t, statistics_of_ipfix_arrive_as_they_are, OFP10, OFP15 + 1);
	tcase_add_loop_test(t, requests_for_a_flow_monitor_arrive_as_they_are, 0,
			    ARRAY_SIZE(watches));
	tcase_add_loop_test(t, updates_of_a_flow_monitor_arrive_as_they_are, OFP10, OFP15 + 1);
	tcase_add_loop_test(t, bundles_arrive_as_they_are, OFP13, OFP15 + 1);
	suite_add_tcase(s, t);
	return suite_run(s);
}
