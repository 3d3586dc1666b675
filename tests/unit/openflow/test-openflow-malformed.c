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
	  OFPERR_OFPBMC_BAD_LEN },
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
	  OFPERR_OFPBMC_BAD_MASK },
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
	{ "meter instruction", "040e000000000001" FM13("0000", "0000") ANY_MATCH "0006000800000001",
	  OFPERR_OFPBAC_BAD_TYPE },
	{ "bad action type", "010e000000000001" FM10_ALL FM10_REST "0077000800000000",
	  OFPERR_OFPBAC_BAD_TYPE },
	{ "action too short", "010e000000000001" FM10_ALL FM10_REST "0000000400000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "action runs over", "010e000000000001" FM10_ALL FM10_REST "0000001000000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "action of odd length", "010e000000000001" FM10_ALL FM10_REST "0000000900000000",
	  OFPERR_OFPBAC_BAD_LEN },
	{ "output to port 0", "010e000000000001" FM10_ALL FM10_REST "0000000800000000",
	  OFPERR_OFPBAC_BAD_OUT_PORT },
	{ "bad action vendor",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001012345678"
	  "0001000000000000",
	  OFPERR_OFPBAC_BAD_VENDOR },
	{ "bad action subtype",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "0fff000000000000",
	  OFPERR_OFPBAC_BAD_VENDOR_TYPE },
	{ "unsupported action",
	  "010e000000000001" FM10_ALL FM10_REST "ffff001000002320"
	  "0023000000000000",
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
