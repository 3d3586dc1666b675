// SPDX-License-Identifier: Apache-2.0
// Malformed messages get the error that the peer is told, and printing them does no harm.
#include <check.h>

#include "ofproto/openflow/conn.h"
#include "tests/unit/core/flow-testing.h"

#define FM13(TABLE_COMMAND, FLAGS) \
	"0000000000000000" \
	"0000000000000000" TABLE_COMMAND "00000000" \
	"0001" \
	"ffffffff" \
	"ffffffff" \
	"ffffffff" FLAGS "0000"
#define ANY_MATCH "0001000400000000"
#define FM10_ALL "003fffff000000000000000000000000000000000000000000000000000000000000000000000000"
#define FM10_REST \
	"0000000000000000" \
	"0000" \
	"0000" \
	"0000" \
	"0001" \
	"ffffffff" \
	"ffff" \
	"0000"

#define CT(FLAGS, ZONE_SRC, ZONE) \
	"ffff001800002320" \
	"0023" FLAGS ZONE_SRC ZONE "ff000000" \
	"0000"
// A ct that commits, and in it a nat with eight bytes of range.
#define NAT8(FLAGS, PRESENT, RANGE) \
	"ffff003000002320" \
	"0023000100000000" \
	"0000ff0000000000" \
	"ffff001800002320" \
	"00240000" FLAGS PRESENT RANGE
#define CHECK(OFS, DST, PAD) \
	"ffff001800002320" \
	"003105dc" OFS DST PAD "00000000"

static const struct {
	const char *name, *hex; // the length is filled in
	enum ofperr want;
} malformed[] = {
	{ "bad version", "070e000000000001", OFPERR_OFPBRC_BAD_VERSION },
	{ "version 0", "000e000000000001", OFPERR_OFPBRC_BAD_VERSION },
	{ "bad type", "0463000000000001", OFPERR_OFPBRC_BAD_TYPE },
	{ "bad statistics type",
	  "0412000000000001"
	  "00ee000000000000",
	  OFPERR_OFPBRC_BAD_STAT },
	{ "multipart cut short",
	  "0412000000000001"
	  "0001",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "bad vendor",
	  "0104000000000001"
	  "0000123400000001",
	  OFPERR_OFPBRC_BAD_VENDOR },
	{ "bad subtype",
	  "0104000000000001"
	  "0000232000009999",
	  OFPERR_OFPBRC_BAD_SUBTYPE },
	{ "vendor cut short",
	  "0104000000000001"
	  "0000",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "barrier with a body",
	  "0414000000000001"
	  "00000000",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "config too short",
	  "0409000000000001"
	  "0000",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "config with bad flags",
	  "0409000000000001"
	  "80000000",
	  OFPERR_OFPSCFC_BAD_FLAGS },
	{ "flow_mod too short",
	  "040e000000000001"
	  "00",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "1.0 flow_mod too short", "010e000000000001" FM10_ALL, OFPERR_OFPBRC_BAD_LEN },
	{ "bad command", "040e000000000001" FM13("0009", "0000") ANY_MATCH,
	  OFPERR_OFPFMFC_BAD_COMMAND },
	{ "bad flags", "040e000000000001" FM13("0000", "8000") ANY_MATCH,
	  OFPERR_OFPFMFC_BAD_FLAGS },
	{ "bad match type", "040e000000000001" FM13("0000", "0000") "0009000400000000",
	  OFPERR_OFPBMC_BAD_TYPE },
	{ "match length below header", "040e000000000001" FM13("0000", "0000") "0001000200000000",
	  OFPERR_OFPBMC_BAD_LEN },
	{ "match runs over", "040e000000000001" FM13("0000", "0000") "0001004000000000",
	  OFPERR_OFPBMC_BAD_LEN },
	{ "unknown field", "040e000000000001" FM13("0000", "0000") "0001000980007f0100000000000000",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "unknown field, padded",
	  "040e000000000001" FM13("0000", "0000") "000100098000fe01"
						  "0500000000000000",
	  OFPERR_OFPBMC_BAD_FIELD },
	{ "field of wrong length",
	  "040e000000000001" FM13("0000", "0000") "0001000a80000a02"
						  "0800000000000000"
						  "",
	  OFPERR_NONE },
	{ "eth_type of one byte",
	  "040e000000000001" FM13("0000", "0000") "0001000980000a01"
						  "0800000000000000",
	  OFPERR_OFPBMC_BAD_FIELD },
	{ "missing prerequisite",
	  "040e000000000001" FM13("0000", "0000") "0001000a80001a02"
						  "0050000000000000",
	  OFPERR_OFPBMC_BAD_PREREQ },
	{ "field twice",
	  "040e000000000001" FM13("0000", "0000") "0001001480000004"
						  "0000000180000004"
						  "0000000200000000",
	  OFPERR_OFPBMC_DUP_FIELD },
	{ "mask where none may be",
	  "040e000000000001" FM13("0000", "0000") "0001000c80000b04"
						  "0800ff0000000000",
	  OFPERR_OFPBMC_BAD_MASK },
	{ "value outside its mask",
	  "040e000000000001" FM13("0000", "0000") "0001001880000510"
						  "00000000000000ff"
						  "0000000000000000",
	  OFPERR_OFPBMC_BAD_WILDCARDS },
	{ "value out of range",
	  "040e000000000001" FM13("0000", "0000") "0001000a80000c02"
						  "f000000000000000",
	  OFPERR_OFPBMC_BAD_VALUE },
	{ "unknown instruction",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH "0063000800000000",
	  OFPERR_OFPBIC_UNKNOWN_INST },
	{ "instruction too short",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH "0004000400000000",
	  OFPERR_OFPBIC_BAD_LEN },
	{ "instruction runs over",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH "0004004000000000",
	  OFPERR_OFPBIC_BAD_LEN },
	{ "instruction twice",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH "0001000801000000"
							    "0001000801000000",
	  OFPERR_OFPBIC_DUP_INST },
	{ "experimenter instruction",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH "ffff000800002320",
	  OFPERR_OFPBIC_BAD_EXPERIMENTER },
	{ "meter instruction cut short",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH "0006001000000001"
							    "0000000000000000",
	  OFPERR_OFPBIC_BAD_LEN },
	{ "meter instruction before 1.3",
	  "030e000000000001" FM13("0000", "0000") ANY_MATCH "0006000800000001",
	  OFPERR_OFPBIC_UNKNOWN_INST },
	{ "meter instruction in 1.5",
	  "060e000000000001" FM13("0000", "0000") ANY_MATCH "0006000800000001",
	  OFPERR_OFPBIC_UNKNOWN_INST },
	{ "meter action behind another",
	  "060e000000000001" FM13("0000", "0000") ANY_MATCH "0004002000000000"
							    "00000010000000010000000000000000"
							    "001d000800000001",
	  OFPERR_OFPBAC_UNSUPPORTED_ORDER },
	{ "meter action in an action set",
	  "060e000000000001" FM13("0000", "0000") ANY_MATCH "0003001000000000"
							    "001d000800000001",
	  OFPERR_OFPBAC_BAD_TYPE },
	{ "meter of no known command",
	  "041d00100000000200030001"
	  "00000001",
	  OFPERR_OFPMMFC_BAD_COMMAND },
	{ "meter by kbps and pktps",
	  "041d00200000000200000003"
	  "00000001"
	  "00010010000003e80000000000000000",
	  OFPERR_OFPMMFC_BAD_FLAGS },
	{ "meter band of odd length",
	  "041d00200000000200000001"
	  "00000001"
	  "0001000c000003e80000000000000000",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "meter band cut short",
	  "041d00180000000200000001"
	  "00000001"
	  "00010010000003e8",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "meter band of no known type",
	  "041d00200000000200000001"
	  "00000001"
	  "00070010000003e80000000000000000",
	  OFPERR_OFPMMFC_BAD_BAND },
	{ "meter_mod too short", "041d000c0000000200000001", OFPERR_OFPBRC_BAD_LEN },
	{ "bad action type", "010e000000000001" FM10_ALL FM10_REST "0077000800000000",
	  OFPERR_OFPBAC_BAD_TYPE },
	{ "action too short", "010e000000000001" FM10_ALL FM10_REST "0000000400000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "action runs over", "010e000000000001" FM10_ALL FM10_REST "0000001000000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "action of odd length", "010e000000000001" FM10_ALL FM10_REST "0000000900000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "output to no port", "010e000000000001" FM10_ALL FM10_REST "00000008ffff0000",
	  OFPERR_OFPBAC_BAD_OUT_PORT },
	{ "bad action vendor",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001012345678"
	  "0001000000000000",
	  OFPERR_OFPBAC_BAD_VENDOR },
	{ "bad action subtype",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "0fff000000000000",
	  OFPERR_OFPBAC_BAD_VENDOR_TYPE },
	{ "learn cut short",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "0010000000000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "ct cut short",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "0023000000000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "ct", "010e000000000001" FM10_ALL FM10_REST CT("0001", "00000000", "0000"), OFPERR_NONE },
	{ "ct with a flag that is none",
	  "010e000000000001" FM10_ALL FM10_REST CT("0004", "00000000", "0000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "ct with force alone",
	  "010e000000000001" FM10_ALL FM10_REST CT("0002", "00000000", "0000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "ct with an unknown zone field",
	  "010e000000000001" FM10_ALL FM10_REST CT("0001", "0001fe04", "000f"),
	  OFPERR_OFPBAC_BAD_SET_TYPE },
	{ "ct with a zone of 8 bits",
	  "010e000000000001" FM10_ALL FM10_REST CT("0001", "00010004", "0007"),
	  OFPERR_OFPBAC_BAD_SET_LEN },
	{ "ct with a zone outside its field",
	  "010e000000000001" FM10_ALL FM10_REST CT("0001", "00010004", "080f"),
	  OFPERR_OFPBAC_BAD_SET_LEN },
	{ "ct with an unknown helper",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001800002320"
	  "0023000100000000"
	  "0000ff0000000005",
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "ct with output in it",
	  "010e000000000001" FM10_ALL FM10_REST "ffff002000002320"
	  "0023000100000000"
	  "0000ff0000000000"
	  "0000000800010000",
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "ct that sets a register",
	  "010e000000000001" FM10_ALL FM10_REST "ffff003000002320"
	  "0023000100000000"
	  "0000ff0000000000"
	  "ffff001800002320"
	  "0007001f00010004"
	  "0000000000000001",
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "ct that sets a mark and does not commit",
	  "010e000000000001" FM10_ALL FM10_REST "ffff003000002320"
	  "0023000000000000"
	  "0000ff0000000000"
	  "ffff001800002320"
	  "0007001f0001d604"
	  "0000000000000001",
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "mark set outside of ct",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001800002320"
	  "0007001f0001d604"
	  "0000000000000001",
	  OFPERR_OFPBAC_BAD_SET_ARGUMENT },
	{ "nat outside of ct",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "0024000000000000",
	  OFPERR_OFPBAC_BAD_SET_ARGUMENT },
	{ "nat",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0001",
						     "01020304"
						     "00000000"),
	  OFPERR_NONE },
	{ "nat cut short",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0033",
						     "01020304"
						     "01020305"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat with bytes behind it",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0000",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_LEN },
	{ "nat of source and destination",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0003", "0001",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat with a flag that is none",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0021", "0001",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat by hash and at random",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0019", "0001",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat flags without a direction",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0004", "0000",
						     "00000000"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat to a port without an address",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0010",
						     "00500000"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat to port 0",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0011",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat of two families",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0005",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat to a last address alone",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0002",
						     "01020304"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat range backwards",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0003",
						     "01020304"
						     "01020303"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "nat to zeros",
	  "010e000000000001" FM10_ALL FM10_REST NAT8("0001", "0001",
						     "00000000"
						     "00000000"),
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "ct_clear too long",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001800002320"
	  "002b000000000000"
	  "0000000000000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "check_pkt_larger",
	  "010e000000000001" FM10_ALL FM10_REST CHECK("0000", "00010004", "0000"), OFPERR_NONE },
	{ "check_pkt_larger cut short",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "003105dc00000001",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "check_pkt_larger into bit 32 of 32",
	  "010e000000000001" FM10_ALL FM10_REST CHECK("0020", "00010004", "0000"),
	  OFPERR_OFPBAC_BAD_SET_LEN },
	{ "check_pkt_larger into a read-only field",
	  "010e000000000001" FM10_ALL FM10_REST CHECK("0000", "00000c01", "0000"),
	  OFPERR_OFPBAC_BAD_SET_ARGUMENT },
	{ "check_pkt_larger into an unknown field",
	  "010e000000000001" FM10_ALL FM10_REST CHECK("0000", "0001fe04", "0000"),
	  OFPERR_OFPBMC_BAD_FIELD },
	{ "check_pkt_larger with bytes behind it",
	  "010e000000000001" FM10_ALL FM10_REST CHECK("0000", "00010004", "0001"),
	  OFPERR_NXBRC_MUST_BE_ZERO },
	{ "check_pkt_larger in an action set",
	  "040e000000000001" FM13("0000", "0000") ANY_MATCH
	  "0003002000000000" CHECK("0000", "00010004", "0000"),
	  OFPERR_OFPBAC_BAD_TYPE },
	{ "VLAN id too large", "010e000000000001" FM10_ALL FM10_REST "00010008ffff0000",
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "load into a read-only field",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001800002320"
	  "0007000f00000602"
	  "0000000000000800",
	  OFPERR_OFPBAC_BAD_SET_TYPE },
	{ "load of too many bits",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001800002320"
	  "0007003f00010004"
	  "0000000000000800",
	  OFPERR_OFPBAC_BAD_ARGUMENT },
	{ "emergency flow",
	  "010e000000000001" FM10_ALL "0000000000000000"
	  "0000"
	  "0000"
	  "0000"
	  "0001"
	  "ffffffff"
	  "ffff"
	  "0004",
	  OFPERR_OFPFMFC_TABLE_FULL },
	{ "packet_out with actions that run over",
	  "010d000000000001"
	  "ffffffff"
	  "0001"
	  "0040",
	  OFPERR_OFPBRC_BAD_LEN },
	{ "packet_out from a bad port",
	  "040d000000000001"
	  "ffffffff"
	  "fffffffb"
	  "0000"
	  "000000000000",
	  OFPERR_OFPBRC_BAD_PORT },
	{ "role that is none",
	  "0418000000000001"
	  "00000009"
	  "00000000"
	  "0000000000000000",
	  OFPERR_OFPRRFC_BAD_ROLE },
};

static void from_hex(const char *hex, struct strbuf *out)
{
	for (; *hex; hex += 2)
		wr_u8(out, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	wr_patch_be16(out, 2, out->len);
}

static enum ofperr decode_any(struct msg *m)
{
	struct packet_out po = { 0 };
	struct switch_config cfg;
	struct role_request role;
	struct meter_mod meter;
	struct flow_mod fm;
	enum ofperr e = OFPERR_NONE;

	switch (m->type) {
	case MSG_FLOW_MOD:
		flow_mod_init(&fm);
		e = flow_mod_decode(m, &fm);
		flow_mod_uninit(&fm);
		break;
	case MSG_PACKET_OUT:
		e = packet_out_decode(m, &po);
		packet_out_uninit(&po);
		break;
	case MSG_SET_CONFIG:
		e = switch_config_decode(m, &cfg);
		break;
	case MSG_METER_MOD:
		e = meter_mod_decode(m, &meter);
		break;
	case MSG_ROLE_REQUEST:
		e = role_request_decode(m, &role);
		break;
	default:
		break;
	}
	return e;
}

START_TEST(malformed_messages)
{
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct msg m;
	enum ofperr e;

	from_hex(malformed[_i].hex, &b);
	e = msg_decode_header(b.s, b.len, &m);
	if (!e)
		e = decode_any(&m);
	ck_assert_msg(e == malformed[_i].want, "%s: %s, not %s", malformed[_i].name, ofperr_name(e),
		      ofperr_name(malformed[_i].want));
	msg_print(b.s, b.len, NULL, 2, &out);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openflow-malformed");

	tcase_add_loop_test(t, malformed_messages, 0, ARRAY_SIZE(malformed));
	return run_case(t);
}
