// SPDX-License-Identifier: Apache-2.0
// Meters as text and on the wire: what is sent is what was said, and errors name what is wrong.
#include <check.h>

#include "ofproto/openflow/msg.h"
#include "tests/unit/core/flow-testing.h"

static const struct {
	const char *text, *printed;
} good[] = {
	{ "meter=1,pktps,burst,stats,bands=type=drop,rate=1,burst_size=10",
	  "meter=1 pktps burst stats bands=\ntype=drop rate=1 burst_size=10\n" },
	{ "meter=0xffff0000 kbps bands=type=drop rate=1000",
	  "meter=4294901760 kbps bands=\ntype=drop rate=1000\n" },
	{ "meter=controller kbps bands=type=drop rate=1 type=dscp_remark rate=5 prec_level=2",
	  "meter=controller kbps bands=\ntype=drop rate=1\n"
	  "type=dscp_remark rate=5 prec_level=2\n" },
	{ "meter=slowpath kbps bands=type=drop rate=1",
	  "meter=slowpath kbps bands=\ntype=drop rate=1\n" },
};

START_TEST(what_is_said_is_sent)
{
	for (uint8_t v = OFP13; v <= OFP15; v++) {
		struct meter_mod mm = { .command = METER_MODIFY }, got;
		AUTO(strbuf) b = STRBUF_INIT, again = STRBUF_INIT, text = STRBUF_INIT;
		struct error err = ERROR_INIT;
		struct msg m;

		ck_assert_msg(!meter_parse(good[_i].text, &mm.id, &mm.config, &err), "%s: %s",
			      good[_i].text, err.text);
		meter_mod_encode(&mm, v, 7, &b);
		ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
		ck_assert_int_eq(meter_mod_decode(&m, &got), OFPERR_NONE);
		ck_assert_int_eq(got.command, METER_MODIFY);
		meter_config_format(got.id, &got.config, &text);
		ck_assert_str_eq(text.s, good[_i].printed);
		meter_mod_encode(&got, v, 7, &again);
		ck_assert_uint_eq(again.len, b.len);
		ck_assert_mem_eq(again.s, b.s, b.len);
	}
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{ "meter=4 kbps", "must specify bands" },
	{ "kbps bands=type=drop rate=1", "must specify 'meter'" },
	{ "meter=0 kbps bands=type=drop rate=1", "invalid value for meter" },
	{ "meter=4294901761 kbps bands=type=drop rate=1", "invalid value for meter" },
	{ "meter=x kbps bands=type=drop rate=1", "invalid numeric format x" },
	{ "meter=4 bands=type=drop rate=1", "meter must specify either 'kbps' or 'pktps'" },
	{ "meter=4 kbps foo bands=type=drop rate=1", "field foo missing value" },
	{ "meter=4 kbps bands=", "meter must have bands" },
	{ "meter=4 kbps bands=rate=1", "band must start with the 'type' keyword" },
	{ "meter=4 kbps bands=type=foo rate=1", "field type unknown value foo" },
	{ "meter=4 kbps bands=type=drop", "band must have 'rate'" },
	{ "meter=4 kbps bands=type=drop rate=x", "invalid numeric format x" },
	{ "meter=4 kbps bands=type=drop rate=4294967296",
	  "value 4294967296 is larger than 4294967295" },
	{ "meter=4 kbps bands=type=drop rate=1 blah=2", "unknown keyword blah" },
	{ "meter=4 kbps bands=type=drop rate=1 prec_level=1",
	  "Only 'dscp_remark' band may have 'prec_level'" },
	{ "meter=4 kbps burst bands=type=drop rate=1",
	  "band must have 'burst_size' when 'burst' flag is set" },
	{ "meter=4 kbps bands=type=drop rate=1 burst_size=4",
	  "band may have 'burst_size' only when 'burst' flag is set" },
};

START_TEST(what_is_wrong_is_named)
{
	struct error err = ERROR_INIT;
	struct meter_config c;
	uint32_t id;

	ck_assert_int_lt(meter_parse(bad[_i].text, &id, &c, &err), 0);
	ck_assert_str_eq(err.text, bad[_i].error);
}
END_TEST

static const struct {
	const char *hex, *printed;
} messages[] = {
	{ "041d00200000000200020005000000020010000000000000",
	  "OFPT_METER_MOD (OF1.3) (xid=0x2): DEL meter=2 bands=\n" },
	{ "041d00200000000200000005000000010002001000000003000003e805000000",
	  "OFPT_METER_MOD (OF1.3) (xid=0x2): ADD meter=1 kbps burst bands=\n"
	  "type=dscp_remark rate=3 burst_size=1000 prec_level=5\n" },
	{ "041d002000000002000000f1000000010001001000000003000003e800000000",
	  "OFPT_METER_MOD (OF1.3) (xid=0x2): ADD meter=1 kbps flags:0xf0 bands=\n"
	  "type=drop rate=3\n" },
	{ "0412001800000002000a000000000000ffffffff00000000",
	  "OFPST_METER_CONFIG request (OF1.3) (xid=0x2): meter=all\n" },
	{ "04120018000000020009000000000000000000f100000000",
	  "OFPST_METER request (OF1.3) (xid=0x2): meter=241\n" },
	{ "0612001000000002000b000000000000", "OFPST_METER_FEATURES request (OF1.5) (xid=0x2):\n" },
	{ "0413002000000002000b00000000000000040000000000060000000f08020000",
	  "OFPST_METER_FEATURES reply (OF1.3) (xid=0x2):\nmax_meter:262144 max_bands:8 "
	  "max_color:2\n"
	  "band_types: drop dscp_remark\ncapabilities: kbps pktps burst stats\n" },
	{ "0413002000000002000a000000000000000800090000000500080009ffffffff",
	  "OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\nmeter=5 kbps stats bands=\n\n"
	  "meter=all kbps stats bands=\n" },
	{ "0413004800000002000900000000000000000001003800000000000000000002000000000000000300000000"
	  "00"
	  "000004000000050000000600000000000000070000000000000008",
	  "OFPST_METER reply (OF1.3) (xid=0x2):\nmeter:1 flow_count:2 packet_in_count:3 "
	  "byte_in_count:4 duration:5.000000006s bands:\n0: packet_count:7 byte_count:8\n" },
};

START_TEST(messages_are_printed)
{
	AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT;

	for (const char *hex = messages[_i].hex; *hex; hex += 2)
		wr_u8(&b, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	wr_patch_be16(&b, 2, b.len);
	msg_print(b.s, b.len, NULL, 1, &out);
	ck_assert_str_eq(out.s, messages[_i].printed);
}
END_TEST

static const char *const broken[] = {
	"0413002000000002000a000000000000000700090000000500080009ffffffff", // shorter than its header
	"0413001800000002000a0000000000000018000900000005", // runs over
	"0413001800000002000a00000000000000080009", // cut short
	"04130038000000020009000000000000000000010027000000000000000000020000000000000003"
	"00000000000000040000000500000006", // shorter than its header
	"04130038000000020009000000000000000000010038000000000000000000020000000000000003"
	"00000000000000040000000500000006", // a band that is not there
};

START_TEST(broken_replies_are_refused)
{
	AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT;

	for (const char *hex = broken[_i]; *hex; hex += 2)
		wr_u8(&b, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	wr_patch_be16(&b, 2, b.len);
	msg_print(b.s, b.len, NULL, 1, &out);
	ck_assert_ptr_nonnull(strstr(out.s, "***decode error: OFPBRC_BAD_LEN***"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openflow-meter");

	tcase_add_loop_test(t, what_is_said_is_sent, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(t, what_is_wrong_is_named, 0, ARRAY_SIZE(bad));
	tcase_add_loop_test(t, messages_are_printed, 0, ARRAY_SIZE(messages));
	tcase_add_loop_test(t, broken_replies_are_refused, 0, ARRAY_SIZE(broken));
	return run_case(t);
}
