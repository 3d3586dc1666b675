// SPDX-License-Identifier: Apache-2.0
// Groups as text and on the wire: what is sent is what was said, errors name what is wrong, and damaged messages do no harm.
#include <check.h>

#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/group.h"
#include "tests/unit/core/flow-testing.h"

#define SELECTION \
	"selection_method=hash,selection_method_param=7,fields(ip_dst=255.255.255.0,tcp_src)"

// 'old': what versions without bucket ids and selection say of it.
static const struct {
	enum group_command command;
	const char *text, *printed, *old;
} good[] = {
	{ GROUP_ADD, "group_id=1,type=all", "group_id=1,type=all", "group_id=1,type=all" },
	{ GROUP_ADD, "group_id=0xffffff00 type=indirect bucket=output:1",
	  "group_id=4294967040,type=indirect,bucket=bucket_id:0,actions=output:1",
	  "group_id=4294967040,type=indirect,bucket=actions=output:1" },
	{ GROUP_MODIFY,
	  "group_id=1,type=select,bucket=weight:3,watch_port:2,output:10,bucket=actions=output:11",
	  "group_id=1,type=select,bucket=bucket_id:0,weight:3,watch_port:2,actions=output:10,"
	  "bucket=bucket_id:1,actions=output:11",
	  "group_id=1,type=select,bucket=weight:3,watch_port:2,actions=output:10,bucket=actions="
	  "output:11" },
	{ GROUP_ADD_OR_MODIFY,
	  "group_id=1,type=fast_failover,bucket=watch_group:7,bucket_id=9,resubmit(,3),output:1,"
	  "bucket=watch_port=1,drop",
	  "group_id=1,type=ff,bucket=bucket_id:9,watch_group:7,actions=resubmit(,3),output:1,"
	  "bucket=bucket_id:0,watch_port:1,actions=drop",
	  "group_id=1,type=ff,bucket=watch_group:7,actions=resubmit(,3),output:1,bucket=watch_port:"
	  "1,actions=drop" },
	{ GROUP_ADD, "group_id=1,type=select," SELECTION ",bucket=output:1",
	  "group_id=1,type=select," SELECTION ",bucket=bucket_id:0,actions=output:1",
	  "group_id=1,type=select,bucket=actions=output:1" },
	{ GROUP_ADD, "group_id=1,type=select,selection_method=dp_hash,bucket=output:1",
	  "group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:0,actions=output:1",
	  "group_id=1,type=select,bucket=actions=output:1" },
	// A field behind parentheses, and what comes after it.
	{ GROUP_ADD,
	  "group_id=1,type=all,bucket=check_pkt_larger(1500)->reg0[0],output:12,"
	  "actions(output:13),output:14",
	  "group_id=1,type=all,bucket=bucket_id:0,actions=check_pkt_larger(1500)->NXM_NX_REG0[0],"
	  "output:12,output:13,output:14",
	  "group_id=1,type=all,bucket=actions=check_pkt_larger(1500)->NXM_NX_REG0[0],output:12,"
	  "output:13,output:14" },
	{ GROUP_DELETE, "", "group_id=4294967292,type=all", "group_id=4294967292,type=all" },
	{ GROUP_DELETE, "group_id=5", "group_id=5,type=all", "group_id=5,type=all" },
	{ GROUP_INSERT_BUCKETS, "group_id=1,command_bucket_id=last,bucket=output:1",
	  "group_id=1,type=all,bucket=bucket_id:0,actions=output:1", NULL },
	{ GROUP_REMOVE_BUCKETS, "group_id=1,command_bucket_id=4", "group_id=1,type=all", NULL },
};

static void expect_same(const struct strbuf *a, const struct strbuf *b)
{
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_mem_eq(a->s, b->s, a->len);
}

static void encode(size_t i, uint8_t version, struct strbuf *b)
{
	struct error err = ERROR_INIT;
	struct group_mod gm;
	uint32_t formats;

	ck_assert_msg(!group_mod_parse(good[i].text, good[i].command, NULL, &gm, &formats, &err),
		      "%s: %s", good[i].text, err.text);
	ck_assert_int_eq(flow_formats_versions(formats) >> version & 1,
			 group_version_is_new(version) || good[i].old);
	group_mod_encode(&gm, version, 7, b);
	group_mod_uninit(&gm);
}

START_TEST(what_is_said_is_sent)
{
	for (uint8_t v = OFP10; v <= OFP15; v++) {
		AUTO(strbuf) b = STRBUF_INIT, again = STRBUF_INIT, text = STRBUF_INIT;
		struct group_mod got;
		struct msg m;

		if (!group_version_is_new(v) && !good[_i].old)
			continue;
		encode(_i, v, &b);
		ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
		ck_assert_int_eq(group_mod_decode(&m, &got), OFPERR_NONE);
		ck_assert_int_eq(got.command, good[_i].command);
		group_desc_format(&got.group, true, v, NULL, &text);
		ck_assert_str_eq(strbuf_cstr(&text),
				 group_version_is_new(v) ? good[_i].printed : good[_i].old);
		group_mod_encode(&got, v, 7, &again);
		expect_same(&b, &again);
		group_mod_uninit(&got);
	}
}
END_TEST

static const struct {
	enum group_command command;
	const char *text, *error;
} bad[] = {
	{ GROUP_ADD, "", "must specify a group_id" },
	{ GROUP_ADD, "type=all", "must specify a group_id" },
	{ GROUP_ADD, "group_id=1", "must specify a type" },
	{ GROUP_ADD, "group_id=all,type=all", "only a deletion can name all groups" },
	{ GROUP_ADD, "group_id=x,type=all", "invalid numeric format x" },
	{ GROUP_ADD, "group_id=4294967041,type=all", "invalid group id 4294967041" },
	{ GROUP_ADD, "group_id=1,type=foo", "invalid group type foo" },
	{ GROUP_ADD, "group_id=1,type=all,foo", "unknown keyword foo" },
	{ GROUP_ADD, "group_id=1,type=all,bucket=", "bucket must specify actions" },
	{ GROUP_ADD, "group_id=1,type=select,bucket=weight:2", "bucket must specify actions" },
	{ GROUP_ADD, "group_id=1,type=all,bucket=foo", "unknown action foo" },
	{ GROUP_ADD, "group_id=1,type=all,bucket=goto_table:1",
	  "goto_table instruction not allowed here" },
	{ GROUP_ADD, "group_id=1,type=all,bucket=weight:5,output:1",
	  "Only select groups can have bucket weights." },
	{ GROUP_ADD, "group_id=1,type=select,bucket=weight:70000,output:1",
	  "invalid weight \"70000\"" },
	{ GROUP_ADD, "group_id=1,type=select,bucket=bucket_id:4294967041,output:1",
	  "invalid bucket_id id 4294967041" },
	{ GROUP_ADD, "group_id=1,type=ff,bucket=watch_port:LOCAL,output:1",
	  "LOCAL: invalid watch_port" },
	{ GROUP_ADD, "group_id=1,type=ff,bucket=output:1",
	  "fast failover bucket requires watch_port or watch_group" },
	{ GROUP_ADD, "group_id=1,type=indirect,bucket=output:1,bucket=output:2",
	  "Indirect groups can have at most one bucket." },
	{ GROUP_ADD, "group_id=1,type=select,selection_method=aaaaaaaaaaaaaaaa",
	  "selection method is longer than 15 bytes long" },
	{ GROUP_ADD, "group_id=1,type=select,selection_method(i.02,",
	  "i.02,: invalid selection_method" },
	{ GROUP_ADD, "group_id=1,type=select,selection_method_param=1",
	  "selection_method_param is only allowed with \"selection_method\"" },
	{ GROUP_ADD, "group_id=1,type=select,selection_method=dp_hash,fields=eth_dst",
	  "fields may only be specified with \"selection_method=hash\"" },
	{ GROUP_ADD, "group_id=1,type=select,selection_method=hash,fields(eth_dst,eth_dst)",
	  "eth_dst: duplicate field" },
	{ GROUP_ADD, "group_id=1,type=select,selection_method=hash,fields(foo)",
	  "fields: unknown field foo" },
	{ GROUP_ADD,
	  "group_id=1,type=select,selection_method=hash,fields(ip_src=10.0.0.0/255.0.0.0)",
	  "10.0.0.0/255.0.0.0: wildcards not allowed here" },
	{ GROUP_ADD, "group_id=1,type=all,command_bucket_id=1", "command bucket id is not needed" },
	{ GROUP_DELETE, "group_id=1,bucket=output:1", "bucket is not needed" },
	{ GROUP_DELETE, "group_id=1,type=all", "type is not needed" },
	{ GROUP_INSERT_BUCKETS, "group_id=1,bucket=output:1", "must specify a command bucket id" },
	{ GROUP_INSERT_BUCKETS, "group_id=1,command_bucket_id=all,bucket=output:1",
	  "command_bucket_id=all is not permitted" },
	{ GROUP_INSERT_BUCKETS, "group_id=1,command_bucket_id=4294967041",
	  "invalid command bucket id 4294967041" },
	{ GROUP_REMOVE_BUCKETS, "group_id=1,command_bucket_id=1,bucket=output:1",
	  "bucket is not needed" },
};

START_TEST(what_is_wrong_is_named)
{
	struct error err = ERROR_INIT;
	struct group_mod gm;

	ck_assert_int_lt(group_mod_parse(bad[_i].text, bad[_i].command, NULL, &gm, NULL, &err), 0);
	ck_assert_str_eq(err.text, bad[_i].error);
}
END_TEST

START_TEST(a_line_may_begin_with_its_command)
{
	const char *line = " insert_buckets group_id=1", *plain = "group_id=1",
		   *wrong = "foo group_id=1";
	struct error err = ERROR_INIT;
	enum group_command c;

	ck_assert_int_eq(group_command_parse(&line, GROUP_ADD, &c, &err), 0);
	ck_assert_int_eq(c, GROUP_INSERT_BUCKETS);
	ck_assert_str_eq(line, " group_id=1");
	ck_assert_int_eq(group_command_parse(&plain, GROUP_ADD, &c, &err), 0);
	ck_assert_int_eq(c, GROUP_ADD);
	ck_assert_str_eq(plain, "group_id=1");
	ck_assert_int_lt(group_command_parse(&wrong, GROUP_ADD, &c, &err), 0);
	ck_assert_str_eq(err.text, "unknown keyword foo");
}
END_TEST

START_TEST(buckets_get_the_lowest_ids_that_are_free)
{
	static const char text[] =
		"group_id=1,type=all,bucket=output:1,bucket=bucket_id:1,output:1,"
		"bucket=output:1,bucket=bucket_id:0,output:1,bucket=bucket_id:3,"
		"output:1,bucket=output:1,bucket=bucket_id:4294967040,output:1";
	static const uint32_t want[] = { 2, 1, 4, 0, 3, 5, BUCKET_ID_MAX };
	struct error err = ERROR_INIT;
	struct group_mod gm;

	ck_assert_int_eq(group_mod_parse(text, GROUP_ADD, NULL, &gm, NULL, &err), 0);
	ck_assert_uint_eq(gm.group.buckets.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		ck_assert_uint_eq(gm.group.buckets.v[i].id, want[i]);
	group_mod_uninit(&gm);
}
END_TEST

static void put_request(enum msg_type type, uint8_t version, struct strbuf *b, struct msg *m)
{
	uint32_t id;

	group_request_encode(type, 5, version, 9, b);
	ck_assert_int_eq(msg_decode_header(b->s, b->len, m), OFPERR_NONE);
	ck_assert_int_eq(group_request_decode(m, &id), OFPERR_NONE);
	ck_assert_uint_eq(
		id, type == MSG_GROUP_REQUEST || group_version_is_new(version) ? 5 : GROUP_ID_ALL);
}

// Each description in a reply of its own version, read back and written again.
START_TEST(descriptions_come_back)
{
	for (uint8_t v = OFP10; v <= OFP15; v++) {
		AUTO(strbuf)
		b = STRBUF_INIT, request = STRBUF_INIT, reply = STRBUF_INIT, again = STRBUF_INIT;
		struct group_desc d;
		struct group_mod gm;
		struct mp_writer w;
		struct msg m, rq;

		if (good[_i].command == GROUP_INSERT_BUCKETS ||
		    good[_i].command == GROUP_REMOVE_BUCKETS)
			continue;
		encode(_i, v, &b);
		ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
		ck_assert_int_eq(group_mod_decode(&m, &gm), OFPERR_NONE);
		put_request(MSG_GROUP_DESC_REQUEST, v, &request, &rq);
		mp_begin(&w, &rq, &reply);
		mp_put_group_desc(&w, &gm.group);
		mp_end(&w);
		ck_assert_int_eq(msg_decode_header(reply.s, reply.len, &m), OFPERR_NONE);
		ck_assert_int_eq(group_desc_decode_next(&m, &d), 1);
		mp_begin(&w, &rq, &again);
		mp_put_group_desc(&w, &d);
		mp_end(&w);
		expect_same(&reply, &again);
		group_desc_uninit(&d);
		ck_assert_int_eq(group_desc_decode_next(&m, &d), 0);
		group_mod_uninit(&gm);
	}
}
END_TEST

START_TEST(statistics_come_back)
{
	for (uint8_t v = OFP10; v <= OFP15; v++) {
		AUTO(strbuf) request = STRBUF_INIT, reply = STRBUF_INIT;
		struct group_stats s = { .id = 5,
					 .ref_count = 2,
					 .packets = 3,
					 .bytes = UINT64_MAX,
					 .duration_sec = 8,
					 .duration_nsec = 9 },
				   got;
		struct mp_writer w;
		struct msg m, rq;

		VEC_PUSH(&s.buckets, ((struct bucket_stats){ 1, 2 }));
		VEC_PUSH(&s.buckets, ((struct bucket_stats){ 3, 4 }));
		put_request(MSG_GROUP_REQUEST, v, &request, &rq);
		mp_begin(&w, &rq, &reply);
		mp_put_group_stats(&w, &s);
		mp_end(&w);
		ck_assert_int_eq(msg_decode_header(reply.s, reply.len, &m), OFPERR_NONE);
		ck_assert_int_eq(group_stats_decode_next(&m, &got), 1);
		ck_assert_uint_eq(got.id, 5);
		ck_assert_uint_eq(got.ref_count, 2);
		ck_assert_uint_eq(got.packets, 3);
		ck_assert_uint_eq(got.bytes, UINT64_MAX);
		ck_assert_uint_eq(got.duration_sec, v == OFP11 || v == OFP12 ? UINT32_MAX : 8);
		ck_assert_uint_eq(got.buckets.n, 2);
		ck_assert_uint_eq(got.buckets.v[1].packets, 3);
		ck_assert_uint_eq(got.buckets.v[1].bytes, 4);
		group_stats_uninit(&got);
		group_stats_uninit(&s);
		ck_assert_int_eq(group_stats_decode_next(&m, &got), 0);
	}
}
END_TEST

START_TEST(features_come_back)
{
	const struct group_features f = { 0xf, 7, { 1, 2, 3, 4 }, { 5, 6, 7, 8 } };

	for (uint8_t v = OFP10; v <= OFP15; v++) {
		AUTO(strbuf) request = STRBUF_INIT, reply = STRBUF_INIT;
		struct group_features got;
		struct msg m;

		msg_put_plain(MSG_GROUP_FEATURES_REQUEST, v, 3, &request);
		ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
		group_features_encode(&f, &m, &reply);
		ck_assert_int_eq(msg_decode_header(reply.s, reply.len, &m), OFPERR_NONE);
		ck_assert_int_eq(group_features_decode(&m, &got), OFPERR_NONE);
		ck_assert_mem_eq(&got, &f, sizeof(f));
	}
}
END_TEST

#define GM15(COMMAND, TYPE, BUCKETS_LEN, BUCKET_ID) \
	"060f000000000007" COMMAND TYPE "00" \
	"00000001" BUCKETS_LEN "0000" BUCKET_ID
#define GM13(COMMAND, TYPE) \
	"040f000000000007" COMMAND TYPE "00" \
	"00000001"
#define OUT15 \
	"0000001000000001" \
	"0000000000000000"
#define HASH(VENDOR, NUMBER, METHOD) \
	"ffff0028" VENDOR NUMBER "00000000" METHOD "0000000000000000000000000000000000000000"

static const struct {
	const char *name, *hex; // the length is filled in
	enum ofperr want;
} malformed[] = {
	{ "no such command", GM13("0009", "00"), OFPERR_OFPGMFC_BAD_COMMAND },
	{ "insertion before 1.5", GM13("0003", "00"), OFPERR_OFPGMFC_BAD_COMMAND },
	{ "no such type", GM13("0000", "09"), OFPERR_OFPGMFC_BAD_TYPE },
	{ "bucket shorter than its header",
	  GM13("0000", "00") "0008000000000000"
			     "0000000000000000",
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "bucket runs over",
	  GM13("0000", "00") "00400000ffffffff"
			     "ffffffff00000000",
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "watches where there is nothing to choose",
	  GM13("0000", "00") "0010000000000001"
			     "ffffffff00000000",
	  OFPERR_OFPGMFC_WATCH_UNSUPPORTED },
	{ "failover that watches nothing",
	  GM13("0000", "03") "00100000ffffffff"
			     "ffffffff00000000",
	  OFPERR_OFPGMFC_INVALID_GROUP },
	{ "indirect without a bucket", GM13("0000", "02"), OFPERR_OFPGMFC_INVALID_GROUP },
	{ "reserved watch port",
	  GM13("0000", "03") "001000000000ff10"
			     "ffffffff00000000",
	  OFPERR_OFPGMFC_BAD_WATCH },
	{ "buckets run over", GM15("0000", "00", "0010", "ffffffff"), OFPERR_OFPBRC_BAD_LEN },
	{ "bucket's actions run over", GM15("0000", "00", "0008", "ffffffff") "0008001000000000",
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "an instruction among a bucket's actions",
	  GM15("0000", "00", "0028", "ffffffff") "0028002000000000"
						 "ffff002000002320"
						 "0016000000000000"
						 "0000000000000001"
						 "ffffffffffffffff",
	  OFPERR_OFPBIC_UNSUP_INST },
	{ "reserved bucket id", GM15("0000", "00", "0008", "ffffffff") "00080000ffffff01",
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "one bucket id twice",
	  GM15("0000", "00", "0010", "ffffffff") "0008000000000001"
						 "0008000000000001",
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "property of unknown type",
	  GM15("0000", "01", "0010", "ffffffff") "0010000000000000"
						 "0009000800000000",
	  OFPERR_OFPBPC_BAD_TYPE },
	{ "weight too long",
	  GM15("0000", "01", "0018", "ffffffff") "0018000000000000"
						 "0000000c00010000"
						 "0000000000000000",
	  OFPERR_OFPBPC_BAD_LEN },
	{ "insertion of all", GM15("0003", "00", "0000", "ffffffff"), OFPERR_OFPGMFC_BAD_BUCKET },
	{ "removal of a reserved bucket", GM15("0005", "00", "0000", "ffffff01"),
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "removal with a bucket", GM15("0005", "00", "0008", "00000001") "0008000000000000",
	  OFPERR_OFPGMFC_BAD_BUCKET },
	{ "selection by another vendor",
	  GM15("0000", "01", "0000", "ffffffff") HASH("00001234", "00000001", "68617368"),
	  OFPERR_OFPBPC_BAD_EXPERIMENTER },
	{ "property of another number",
	  GM15("0000", "01", "0000", "ffffffff") HASH("0000154d", "00000002", "68617368"),
	  OFPERR_OFPBPC_BAD_EXP_TYPE },
	{ "unknown selection",
	  GM15("0000", "01", "0000", "ffffffff") HASH("0000154d", "00000001", "68617300"),
	  OFPERR_OFPBPC_BAD_VALUE },
	{ "selection where all are taken",
	  GM15("0000", "00", "0000", "ffffffff") HASH("0000154d", "00000001", "68617368"),
	  OFPERR_OFPBPC_BAD_VALUE },
	{ "selection",
	  GM15("0000", "01", "0000", "ffffffff") HASH("0000154d", "00000001", "68617368"),
	  OFPERR_NONE },
};

static enum ofperr decode(const void *p, size_t n)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct group_mod gm;
	struct msg m;
	enum ofperr e = msg_decode_header(p, n, &m);

	msg_print(p, n, NULL, 2, &text);
	if (e || m.type != MSG_GROUP_MOD)
		return e;
	e = group_mod_decode(&m, &gm);
	group_mod_uninit(&gm);
	return e;
}

START_TEST(malformed_messages_are_refused)
{
	AUTO(strbuf) b = STRBUF_INIT;

	for (const char *hex = malformed[_i].hex; *hex; hex += 2)
		wr_u8(&b, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	wr_patch_be16(&b, 2, b.len);
	ck_assert_msg(decode(b.s, b.len) == malformed[_i].want, "%s: %s instead of %s",
		      malformed[_i].name, ofperr_name(decode(b.s, b.len)),
		      ofperr_name(malformed[_i].want));
}
END_TEST

// Bytes of good messages are changed at random: whatever comes of it, nothing is read that is not there.
START_TEST(damaged_messages_do_no_harm)
{
	random_seed(_i + 1);
	for (int round = 0; round < 2000; round++) {
		uint8_t version = round % 2 ? OFP15 : round % 4 ? OFP10 : OFP13;
		AUTO(strbuf) b = STRBUF_INIT;

		if (!group_version_is_new(version) && !good[_i].old)
			continue;
		encode(_i, version, &b);
		for (int i = 0; i < 3; i++)
			b.s[8 + pick(b.len - 8)] = (char)pick(256);
		decode(b.s, b.len);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openflow-group");

	tcase_add_loop_test(t, what_is_said_is_sent, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(t, what_is_wrong_is_named, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, a_line_may_begin_with_its_command);
	tcase_add_test(t, buckets_get_the_lowest_ids_that_are_free);
	tcase_add_loop_test(t, descriptions_come_back, 0, ARRAY_SIZE(good));
	tcase_add_test(t, statistics_come_back);
	tcase_add_test(t, features_come_back);
	tcase_add_loop_test(t, malformed_messages_are_refused, 0, ARRAY_SIZE(malformed));
	tcase_add_loop_test(t, damaged_messages_do_no_harm, 0, ARRAY_SIZE(good));
	return run_case(t);
}
