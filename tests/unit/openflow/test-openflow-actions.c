// SPDX-License-Identifier: Apache-2.0
// Every row of actions.def and raws.def there and back, in each version that has it; what is refused, in which words; and
// mutations of good bytes, which must do no harm.
#include <check.h>
#include <stdio.h>

#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/conn.h"
#include "tests/unit/core/flow-testing.h"

#define MAX_LENGTH 0xfff8

static const struct raw {
	const char *act, *kind;
	uint8_t first, last;
	uint16_t number, shortest, longest;
} raws[] = {
#define RAW(ACT, KIND, FIRST, LAST, NUMBER, SHORTEST, LONGEST) \
	{ #ACT, #KIND, FIRST, LAST, NUMBER, SHORTEST, LONGEST },
#include "ofproto/openflow/raws.def"
#undef RAW
};

// Good bytes for each row of raws.def, by kind, number and first version. A nat stands in the ct around it.
static const struct bytes {
	const char *kind;
	uint16_t number;
	uint8_t first;
	const char *hex;
} cases[] = {
	{ "OF", 0, 1, "0000000800020000" },
	{ "OF", 0, 2, "00000010000000020000000000000000" },
	{ "OF", 11, 1, "000b0010000100000000000000000005" },
	{ "NX", 15, 1, "ffff001800002320000f001f00010004ffff000000000000" },
	{ "NX", 32, 1, "ffff00180000232000200007ffffffff1608000023200000" },
	{ "NX", 20, 1, "ffff0010000023200014ffff00000100" },
	{ "NX", 37, 1,
	  "ffff00380000232000250000000000000000000800640000"
	  "000100080005000000020005000000000003000601020000"
	  "0004000400000000" },
	{ "NX", 39, 1, "ffff0010000023200027000100000064" },
	{ "NX", 40, 1, "ffff0010000023200028000000000001" },
	{ "OF", 22, 2, "0016000800000001" },
	{ "NX", 10, 1,
	  "ffff002000002320000a0000003200000000000000000000"
	  "0000001f00010004" },
	{ "NX", 12, 1,
	  "ffff003000002320000c00010002003c0000000200050000"
	  "000000000000000000020003000400050006000000000000" },
	{ "NX", 13, 1,
	  "ffff002800002320000d000000000032000000020001001f"
	  "00010004000000000001000000000000" },
	{ "OF", 1, 1, "0001000800050000" },
	{ "OF", 2, 1, "0002000805000000" },
	{ "OF", 3, 1, "0003000800000000" },
	{ "OF", 18, 2, "0012000800000000" },
	{ "OF", 17, 2, "0011000881000000" },
	{ "OF", 4, 1, "00040010000000000001000000000000" },
	{ "OF", 5, 1, "00050010000000000001000000000000" },
	{ "OF", 6, 1, "0006000801020304" },
	{ "OF", 7, 1, "0007000801010101" },
	{ "OF", 8, 1, "0008000804000000" },
	{ "OF", 9, 1, "0009000800500000" },
	{ "OF", 10, 1, "000a000800500000" },
	{ "OF", 3, 2, "00030010000000000001000000000000" },
	{ "OF", 4, 2, "00040010000000000001000000000000" },
	{ "OF", 5, 2, "0005000801020304" },
	{ "OF", 6, 2, "0006000801010101" },
	{ "OF", 7, 2, "0007000804000000" },
	{ "OF", 8, 2, "0008000802000000" },
	{ "OF", 9, 2, "0009000800500000" },
	{ "OF", 10, 2, "000a000800500000" },
	{ "OF", 23, 2, "0017000805000000" },
	{ "OF", 25, 3, "001900188000341000000000000000000000000000000001" },
	{ "NX", 7, 1, "ffff0018000023200007000f000000020000000000000000" },
	{ "NX", 33, 1, "ffff0018000023200021ffff0a05005ad650040000000000" },
	{ "NX", 6, 1, "ffff00180000232000060014000000008000440400010004" },
	{ "ONF", 3200, 4,
	  "ffff00204f4e46000c800000001000000008000000010004"
	  "0001020400000000" },
	{ "OF", 28, 6, "001c00180014000000000000800044040001000400000000" },
	{ "NX", 27, 1, "ffff001800002320001b0000000100040020000000000000" },
	{ "NX", 28, 1, "ffff001800002320001c0000000106040006000000000000" },
	{ "NX", 50, 1, "ffff00180000232000320001507c00000000000000000000" },
	{ "NX", 18, 1, "ffff0010000023200012000000000000" },
	{ "OF", 24, 2, "0018000800000000" },
	{ "NX", 21, 1, "ffff00180000232000150003000000000001000200030000" },
	{ "NX", 30, 1, "ffff001000002320001e000000000005" },
	{ "OF", 13, 2, "000d000800000005" },
	{ "NX", 31, 1, "ffff001000002320001f070000000000" },
	{ "OF", 14, 2, "000e000807000000" },
	{ "NX", 25, 1, "ffff0010000023200019000000000000" },
	{ "OF", 15, 2, "000f000800000000" },
	{ "NX", 26, 1, "ffff001000002320001a000000000000" },
	{ "OF", 16, 2, "0010000800000000" },
	{ "NX", 23, 1, "ffff0010000023200017884700000000" },
	{ "OF", 19, 2, "0013000888470000" },
	{ "NX", 24, 1, "ffff0010000023200018884700000000" },
	{ "OF", 20, 2, "0014000888470000" },
	{ "NX", 4, 1, "ffff0010000023200004000000000004" },
	{ "OF", 21, 2, "0015000800000005" },
	{ "NX", 5, 1, "ffff0010000023200005000000000000" },
	{ "NX", 2, 1, "ffff0010000023200002000000000005" },
	{ "NX", 9, 1, "ffff00180000232000090000000000000000000000000005" },
	{ "NX", 1, 1, "ffff0010000023200001000200000000" },
	{ "NX", 14, 1, "ffff001000002320000efff801000000" },
	{ "NX", 44, 1, "ffff001000002320002cfff805000000" },
	{ "NX", 8, 1, "ffff00180000232000080011223344556677880000000000" },
	{ "NX", 16, 1,
	  "ffff00480000232000100000000080000000000000000000"
	  "000001000000000020100800000006020000200800110000"
	  "0c0100000010000016020000000018020000000000000000" },
	{ "NX", 45, 1,
	  "ffff003000002320002d0000000080000000000000000000"
	  "000401000000000000000005000300000001000400000000" },
	{ "NX", 17, 1, "ffff0010000023200011000000000000" },
	{ "NX", 19, 1, "ffff0010000023200013000500000000" },
	{ "NX", 22, 1,
	  "ffff00200000232000160000000000000000000000000005"
	  "000000000000000f" },
	{ "NX", 34, 1, "ffff0010000023200022000300000005" },
	{ "NX", 42, 1,
	  "ffff004000002320002a000000000000"
	  "ffff001800002320001b0000000100040020000000000000"
	  "ffff001800002320001c0000000102040020000000000000" },
	{ "NX", 35, 1,
	  "ffff00300000232000230001000000000000ff0000000000"
	  "ffff00180000232000240000000100010a00000100000000" },
	{ "NX", 36, 1,
	  "ffff00300000232000230001000000000000ff0000000000"
	  "ffff00180000232000240000000100010a00000100000000" },
	{ "NX", 43, 1, "ffff001000002320002b000000000000" },
	{ "OF", 29, 6, "001d000800000005" },
	{ "NX", 29, 1, "ffff001800002320001d3039000000000000000000000000" },
	{ "NX", 38, 1,
	  "ffff0020000023200026ffffffffffffffffffffffffffff"
	  "ddd5000000000000" },
	{ "NX", 41, 1,
	  "ffff00200000232000290001000000000000000000000000"
	  "0001010000000000" },
	{ "NX", 51, 1,
	  "ffff002800002320003300050000000100010004001f0000"
	  "00000000000000070004010000000000" },
	{ "NX", 49, 1, "ffff00180000232000310064000000010004000000000000" },
	{ "NX", 46, 4,
	  "ffff003800002320002e00000001894f0004010502000000"
	  "0004021010000a0412345678000000000004021020001408"
	  "fedcba9876543210" },
	{ "NX", 47, 4, "ffff001000002320002f00000000fffe" },
	{ "NX", 48, 4, "ffff0010000023200030000000000000" },
	{ "NX", 254, 1, "ffff00100000232000fe000000000000" },
	{ "NX", 255, 1, "ffff00100000232000ff000000000000" },
	{ "INST", 1, 2, "0001000805000000" },
	{ "INST", 2, 2, "00020018000000000000000000000005000000000000000f" },
	{ "INST", 3, 2, "00030010000000000016000800000003" },
	{ "INST", 5, 2, "0005000800000000" },
	{ "INST", 6, 4, "0006000800000005" },
};

static const struct bytes *case_of(const struct raw *raw)
{
	for (const struct bytes *c = cases; c < &cases[ARRAY_SIZE(cases)]; c++)
		if (!strcmp(c->kind, raw->kind) && c->number == raw->number &&
		    c->first == raw->first)
			return c;
	ck_abort_msg("no bytes for %s, %s %u", raw->act, raw->kind, raw->number);
	return NULL;
}

static void put_hex(struct strbuf *out, const char *hex)
{
	for (; *hex; hex += 2)
		wr_u8(out, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
}

static bool is_instruction(const struct raw *raw)
{
	return !strcmp(raw->kind, "INST");
}

// As they would stand in a message of their own, so that a sanitizer sees who reads behind them.
static enum ofperr decode(const struct raw *raw, const struct strbuf *b, uint8_t version,
			  struct strbuf *acts)
{
	AUTO_FREE uint8_t *copy = xmemdup(b->len ? b->s : "", b->len);
	struct reader r = rd_init(copy, b->len);

	strbuf_clear(acts);
	return is_instruction(raw) ? acts_decode_instructions(&r, version, acts)
				   : acts_decode_actions(&r, version, acts);
}

static void encode(const struct raw *raw, const struct strbuf *acts, uint8_t version,
		   struct strbuf *out)
{
	strbuf_clear(out);
	if (is_instruction(raw))
		acts_encode_instructions(acts_of(acts), version, out);
	else
		acts_encode_actions(acts_of(acts), version, out);
}

static bool same(const struct strbuf *a, const struct strbuf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->s, b->s, a->len));
}

static void allow_debug(void)
{
	acts_allow_debug();
}

// What is decoded encodes to what decodes as the same; in the version of the bytes nothing is lost on the way.
START_TEST(bytes_come_back)
{
	const struct raw *raw = &raws[_i];
	AUTO(strbuf) good = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) once = STRBUF_INIT;
	AUTO(strbuf) twice = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;

	put_hex(&good, case_of(raw)->hex);
	for (uint8_t v = raw->first; v <= raw->last; v++) {
		enum ofperr e = decode(raw, &good, v, &acts);

		ck_assert_msg(!e, "%s %u: %s", raw->act, raw->number, ofperr_name(e));
		strbuf_clear(&text);
		acts_format(acts_of(&acts), NULL, &text);
		ck_assert_uint_gt(text.len, 0);
		encode(raw, &acts, v, &once);
		ck_assert_uint_gt(once.len, 0);
		ck_assert_msg(!decode(raw, &once, v, &acts), "%s: %s", raw->act, text.s);
		encode(raw, &acts, v, &twice);
		ck_assert_msg(same(&once, &twice), "%s: %s", raw->act, text.s);
	}
}
END_TEST

// Two forms of the same: an action stays in the one it came in. Up to 1.4, where all are known.
static const struct {
	const char *name, *hex;
} forms[] = {
	{ "controller", "ffff0010000023200014ffff00050000" },
	{ "controller as properties", "ffff0010000023200025000000000000" },
	{ "controller as properties, with an id",
	  "ffff00180000232000250000000000000001000800050000" },
	{ "load of a whole field", "ffff0018000023200007001f00010e0400000000142ed5cd" },
	{ "the same as reg_load2", "ffff001800002320002100010e04142ed5cd000000000000" },
	{ "reg_load2 with a mask", "ffff00180000232000210001010800000001000000030000" },
};

START_TEST(a_form_stays_as_it_came)
{
	AUTO(strbuf) good = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;

	put_hex(&good, forms[_i].hex);
	for (uint8_t v = OFP10; v <= OFP14; v++) {
		struct reader r = rd_init(good.s, good.len);

		strbuf_clear(&acts);
		strbuf_clear(&again);
		ck_assert_msg(!acts_decode_actions(&r, v, &acts), "%s", forms[_i].name);
		acts_encode_actions(acts_of(&acts), v, &again);
		ck_assert_msg(same(&good, &again), "%s in version %u", forms[_i].name, v);
	}
}
END_TEST

START_TEST(lengths_are_checked)
{
	const struct raw *raw = &raws[_i];
	AUTO(strbuf) good = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	enum ofperr want = is_instruction(raw) ? OFPERR_OFPBIC_BAD_LEN : OFPERR_OFPBAC_BAD_LEN;

	put_hex(&good, case_of(raw)->hex);
	// It is not the first action of its bytes.
	if (!strcmp(raw->act, "NAT"))
		return;
	if (raw->shortest > (strcmp(raw->kind, "NX") ? 8 : 16)) {
		strbuf_put(&b, good.s, raw->shortest - 8u);
		b.s[2] = b.len >> 8;
		b.s[3] = b.len;
		ck_assert_int_eq(decode(raw, &b, raw->first, &acts), want);
	}
	if (raw->longest != MAX_LENGTH) {
		strbuf_clear(&b);
		strbuf_put(&b, good.s, good.len);
		strbuf_put_zeros(&b, raw->longest + 8u - b.len);
		b.s[2] = b.len >> 8;
		b.s[3] = b.len;
		ck_assert_int_eq(decode(raw, &b, raw->first, &acts), want);
	}
}
END_TEST

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

// Other bytes, or fewer, or more, with a length that says so or not.
static void mutate(struct strbuf *b, uint32_t *state)
{
	for (unsigned int n = next(state) % 4; n; n--)
		b->s[next(state) % b->len] = next(state) % 3 ? next(state) : (next(state) & 1) - 1;
	if (next(state) % 4 == 0)
		b->len -= next(state) % b->len;
	else if (next(state) % 4 == 0)
		strbuf_put_zeros(b, 8 * (next(state) % 4));
	if (b->len >= 4 && next(state) % 2) {
		b->s[2] = b->len >> 8;
		b->s[3] = b->len;
	}
}

START_TEST(mutations_do_no_harm)
{
	const struct raw *raw = &raws[_i];
	AUTO(strbuf) good = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	uint32_t state = 20061 + _i;
	struct match any;
	int n_refused = 0;

	match_init_any(&any);
	put_hex(&good, case_of(raw)->hex);
	for (int i = 0; i < 2000; i++) {
		uint8_t v = raw->first + i % (raw->last - raw->first + 1);

		strbuf_clear(&b);
		strbuf_put(&b, good.s, good.len);
		mutate(&b, &state);
		if (decode(raw, &b, v, &acts)) {
			n_refused++;
			continue;
		}
		acts_check(acts_of(&acts), &any, 0, 255, OF_PORT(OFPP_MAX), NULL);
		for (uint8_t to = OFP10; to <= OFP15; to++) {
			encode(raw, &acts, to, &out);
			ck_assert_uint_eq(out.len % 8, 0);
		}
		strbuf_clear(&out);
		acts_format(acts_of(&acts), NULL, &out);
	}
	ck_assert_int_gt(n_refused, 100);
}
END_TEST

START_TEST(debug_actions_are_for_those_who_asked)
{
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	struct reader r;

	put_hex(&b, "ffff00100000232000ff000000000000");
	r = rd_init(b.s, b.len);
	ck_assert_int_eq(acts_decode_actions(&r, OFP10, &acts), OFPERR_OFPBAC_BAD_VENDOR_TYPE);
	acts_allow_debug();
	r = rd_init(b.s, b.len);
	ck_assert_int_eq(acts_decode_actions(&r, OFP10, &acts), OFPERR_NONE);
}
END_TEST

// ---- Text ----

// At least one text for each row of actions.def, as it is printed.
static const char *const texts[ACT_MAX] = {
	[ACT_OUTPUT] = "output:1,LOCAL,CONTROLLER:100,NORMAL,IN_PORT,FLOOD,ALL",
	[ACT_OUTPUT_TRUNC] = "output(port=1,max_len=100)",
	[ACT_OUTPUT_REG] = "output:NXM_NX_REG0[0..15],output:NXOXM_ET_ERSPAN_IDX[0..7]",
	[ACT_ENQUEUE] = "enqueue:1:2",
	[ACT_CONTROLLER] = "controller(reason=no_match,max_len=5,id=3,userdata=01.02),"
			   "controller(pause),controller(id=5,meter_id=7)",
	[ACT_GROUP] = "group:0,group:4294967040",
	[ACT_BUNDLE] = "bundle(symmetric_l3,65535,active_backup,ofport,members:),"
		       "bundle(eth_src,0,hrw,ofport,members:1,LOCAL,ANY)",
	[ACT_BUNDLE_LOAD] = "bundle_load(nw_dst,5,hrw,ofport,NXM_NX_REG0[16..31],members:4,8,9)",
	[ACT_MULTIPATH] = "multipath(symmetric_l3l4+udp,50,iter_hash,12,4,NXM_NX_REG0[0..7]),"
			  "multipath(eth_src,65535,modulo_n,65536,0,NXM_NX_XXREG0[64..127])",
	[ACT_SET_VLAN_VID] = "mod_vlan_vid:5,set_vlan_vid:6",
	[ACT_SET_VLAN_PCP] = "mod_vlan_pcp:5,set_vlan_pcp:6",
	[ACT_STRIP_VLAN] = "strip_vlan,pop_vlan",
	[ACT_PUSH_VLAN] = "push_vlan:0x8100",
	[ACT_SET_FIELD] = "set_field:0x1/0xf->reg0,load:0x5->NXM_NX_REG1[3..7],"
			  "mod_dl_src:00:00:00:00:00:01,mod_nw_tos:4,set_field:5->mpls_label,"
			  "load:0x1->OXM_OF_MPLS_TC[0..1],set_field:3->nsh_si",
	[ACT_MOVE] = "move:NXM_NX_REG0[]->NXM_NX_REG1[]",
	[ACT_STACK_PUSH] = "push:NXM_NX_REG2[0..5],push:NXM_NX_TUN_METADATA3[],"
			   "push:NXOXM_ET_REG31[4]",
	[ACT_STACK_POP] = "pop:NXM_NX_XXREG1[],pop:OXM_OF_IN_PORT[]",
	[ACT_DELETE_FIELD] = "delete_field:tun_metadata0,delete_field:tun_metadata63",
	[ACT_DEC_TTL] = "dec_ttl,dec_ttl(1,2)",
	[ACT_PUSH_MPLS] = "push_mpls:0x8847,push_mpls:0x8848",
	[ACT_POP_MPLS] = "pop_mpls:0x0800",
	[ACT_SET_MPLS_LABEL] = "set_mpls_label(1048575)",
	[ACT_SET_MPLS_TC] = "set_mpls_tc(7)",
	[ACT_SET_MPLS_TTL] = "set_mpls_ttl(255)",
	[ACT_DEC_MPLS_TTL] = "dec_mpls_ttl",
	[ACT_SET_TUNNEL] = "set_tunnel:0x1,set_tunnel64:0x1,set_tunnel:0",
	[ACT_SET_QUEUE] = "set_queue:1",
	[ACT_POP_QUEUE] = "pop_queue",
	[ACT_RESUBMIT] = "resubmit:2,resubmit(,3),resubmit(2,3),resubmit(,3,ct),"
			 "resubmit(2,,ct)",
	[ACT_LEARN] = "learn(table=0),"
		      "learn(table=5,idle_timeout=10,hard_timeout=20,fin_idle_timeout=2,"
		      "fin_hard_timeout=4,priority=100,send_flow_rem,delete_learned,cookie=0x1234,"
		      "limit=5,result_dst=NXM_NX_REG0[3],eth_type=0x800,ip_src=1.2.3.4,"
		      "NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],"
		      "NXM_NX_REG0[0..7]=0x55,vlan_vid=4101,in_port=LOCAL,"
		      "load:0->NXM_NX_REG1[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],"
		      "load:0x123456789abcdef0123456789abcdef0->NXM_NX_XXREG0[],"
		      "output:OXM_OF_IN_PORT[])",
	[ACT_CONJUNCTION] = "conjunction(0,1/2),note:01.02.03.04.05.06,"
			    "conjunction(4294967295,64/64)",
	[ACT_EXIT] = "exit",
	[ACT_CLONE] = "clone(output:1,clone(output:2))",
	[ACT_NOTE] = "note:01.02.03.04.05.06",
	[ACT_FIN_TIMEOUT] = "fin_timeout(),fin_timeout(idle_timeout=5,hard_timeout=65535)",
	[ACT_CT] = "ct(commit,force,table=5,zone=NXM_NX_REG0[0..15],"
		   "exec(set_field:0x1->ct_mark,load:0x3->NXM_NX_CT_LABEL[3..5]),"
		   "alg=tftp),ct()",
	[ACT_NAT] = "ct(commit,nat(src=10.0.0.1-10.0.0.9:5-9,persistent,random),"
		    "exec(nat(dst=[fe80::1]:80,hash))),ct(nat)",
	[ACT_CT_CLEAR] = "ct_clear",
	[ACT_SAMPLE] =
		"sample(probability=1,collector_set_id=0,obs_domain_id=0,obs_point_id=0),"
		"sample(probability=65535,collector_set_id=4294967295,obs_domain_id=1,"
		"obs_point_id=2,sampling_port=LOCAL),"
		"sample(probability=5,collector_set_id=1,obs_domain_id=2,obs_point_id=3,egress),"
		"sample(probability=5,collector_set_id=1,obs_domain_id=NXM_NX_REG0[],"
		"obs_point_id=7,sampling_port=3,ingress),"
		"sample(probability=5,collector_set_id=1,obs_domain_id=7,"
		"obs_point_id=NXM_NX_REG3[0..15])",
	[ACT_CHECK_PKT_LARGER] = "check_pkt_larger(1500)->NXM_NX_REG0[31],output:1",
	[ACT_ENCAP] = "encap(ethernet),encap(mpls),encap(mpls_mc),encap(nsh),"
		      "encap(nsh(md_type=1)),"
		      "encap(nsh(md_type=2,tlv(0x1000,10,0x12345678),tlv(0x0001,255,0x01)))",
	[ACT_DECAP] = "decap(),decap(packet_type(ns=0,type=0)),decap(packet_type(ns=1,type=0x800))",
	[ACT_DEC_NSH_TTL] = "dec_nsh_ttl",
	[ACT_DEBUG_SLOW] = "debug_slow",
	[ACT_DEBUG_RECIRC] = "debug_recirc",
	[ACT_METER] = "meter:5,output:1",
	[ACT_CLEAR_ACTIONS] = "clear_actions",
	[ACT_WRITE_ACTIONS] = "write_actions(output:1,strip_vlan,group:3,pop_mpls:0x8847)",
	[ACT_WRITE_METADATA] = "write_metadata:0x1/0xff",
	[ACT_GOTO_TABLE] = "goto_table:5",
};

static void parse(const char *text, struct strbuf *acts)
{
	struct error err = ERROR_INIT;

	strbuf_clear(acts);
	ck_assert_msg(!acts_parse(text, NULL, acts, &err), "%s: %s", text, err.text);
}

static void print(const struct strbuf *acts, struct strbuf *text)
{
	strbuf_clear(text);
	acts_format(acts_of(acts), NULL, text);
}

// What a version makes of a list reads back as what makes the same bytes.
static void through_version(const char *text, const struct strbuf *list, uint8_t version)
{
	AUTO(strbuf) bytes = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) back = STRBUF_INIT;
	struct reader r;
	enum ofperr e;

	acts_encode_instructions(acts_of(list), version, &bytes);
	r = rd_init(bytes.s, bytes.len);
	e = acts_decode_instructions(&r, version, &acts);
	ck_assert_msg(!e, "%s in %s: %s", text, of_version_name(version), ofperr_name(e));
	print(&acts, &back);
	parse(back.s, &acts);
	acts_encode_instructions(acts_of(&acts), version, &again);
	ck_assert_msg(same(&bytes, &again), "%s in %s, back as %s", text, of_version_name(version),
		      back.s);
}

START_TEST(text_comes_back)
{
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	uint32_t versions;

	ck_assert_msg(texts[_i], "no text for %s", act_name(_i));
	ck_assert_ptr_nonnull(strstr(texts[_i], _i == ACT_OUTPUT_TRUNC || _i == ACT_OUTPUT_REG
							? "output"
						: _i == ACT_SET_VLAN_VID ? "vlan_vid"
						: _i == ACT_SET_VLAN_PCP ? "vlan_pcp"
									 : act_name(_i)));
	parse(texts[_i], &acts);
	print(&acts, &out);
	ck_assert_str_eq(out.s, texts[_i]);
	versions = flow_formats_versions(acts_formats(acts_of(&acts)));
	ck_assert_uint_ne(versions, 0);
	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (versions >> v & 1)
			through_version(texts[_i], &acts, v);
}
END_TEST

// What was on the stack before is in no padding.
static void __attribute__((noinline)) scribble(int byte)
{
	volatile uint8_t stack[16384];

	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = byte;
}

START_TEST(equal_lists_are_equal_bytes)
{
	AUTO(strbuf) once = STRBUF_INIT;
	AUTO(strbuf) twice = STRBUF_INIT;
	AUTO(strbuf) bytes = STRBUF_INIT;

	scribble(0x55);
	parse(texts[_i], &once);
	scribble(0xaa);
	parse(texts[_i], &twice);
	ck_assert_msg(acts_equal(acts_of(&once), acts_of(&twice)), "%s", texts[_i]);
	acts_encode_instructions(acts_of(&once), OFP15, &bytes);
	for (int i = 0; i < 2; i++) {
		struct strbuf *acts = i ? &twice : &once;
		struct reader r = rd_init(bytes.s, bytes.len);

		strbuf_clear(acts);
		scribble(i ? 0x55 : 0xaa);
		ck_assert(!acts_decode_instructions(&r, OFP15, acts));
	}
	ck_assert_msg(acts_equal(acts_of(&once), acts_of(&twice)), "%s decoded", texts[_i]);
}
END_TEST

static const struct {
	const char *text, *error;
} refused[] = {
	// Other bits would be sent, or none.
	{ "output:xxreg0[]", "output: xxreg0[] has 128 bits, more than the 64 that fit" },
	{ "output:dl_vlan[]", "dl_vlan is not a field of OpenFlow: use vlan_vid or vlan_pcp" },
	{ "group", "missing required numeric argument" },
	{ "group:x", "invalid numeric format x" },
	{ "push", ": unknown field `'" },
	{ "push:reg0[3..40]", "reg0[3..40]: ending bit 40 is not valid because field is only 32 "
			      "bits wide" },
	{ "push:reg0[5..3]", "reg0[5..3]: starting bit 5 is after ending bit 3" },
	{ "pop:reg0[0..5]x", "x: trailing garbage following push or pop" },
	{ "push:dl_vlan", "dl_vlan is not a field of OpenFlow: use vlan_vid or vlan_pcp" },
	{ "delete_field:foo", "unknown field `foo'" },
	{ "fin_timeout(foo=1)", "invalid key 'foo' in 'fin_timeout' argument" },
	{ "fin_timeout(idle_timeout=65536)", "invalid idle_timeout \"65536\"" },
	{ "conjunction(1)", "\"conjunction\" syntax is \"conjunction(id,i/n)\"" },
	{ "conjunction(1,1/1)", "conjunction must have at least 2 clauses" },
	{ "conjunction(1,1/65)", "conjunction must have at most 64 clauses" },
	{ "conjunction(1,0/2)", "clause index must be positive" },
	{ "conjunction(1,3/2)", "clause index must be less than or equal to number of clauses" },
	{ "conjunction(1,1/2),set_mpls_ttl:5",
	  "\"conjunction\" actions may be used along with \"note\" but not any other kind of "
	  "action (such as the \"set_mpls_ttl\" action used here)" },
	{ "push_mpls:x", "invalid push_mpls \"x\"" },
	{ "push_mpls:0x800", "0x800: not a valid MPLS ethertype" },
	{ "pop_mpls:65536", "invalid pop_mpls \"65536\"" },
	{ "set_mpls_label", "set_mpls_label: expected label." },
	{ "set_mpls_label:1048576", "1048576: not a valid MPLS label" },
	{ "set_mpls_tc:8", "8: not a valid MPLS TC" },
	{ "set_mpls_ttl:256", "invalid MPLS TTL \"256\"" },
	{ "learn(table=255)", "table=255: table id 255 not valid for `learn' action" },
	{ "learn(table=256)", "unknown table \"256\"" },
	{ "learn(priority=65536)", "invalid priority \"65536\"" },
	{ "learn(ip,udp_dst)", "ip,udp_dst: unknown keyword ip" },
	{ "learn(reg0=0x5/0xf)",
	  "reg0=0x5/0xf: reg0 value 0x5/0xf cannot be parsed as a subfield (0x5/0xf: unknown "
	  "field `0x5/0xf') or an immediate value (0x5/0xf: wildcards not allowed here)" },
	{ "learn(reg0[0..7]=0x155)",
	  "reg0[0..7]=0x155: reg0[0..7] value 0x155 cannot be parsed as a subfield (0x155: unknown "
	  "field `0x155') or an immediate value (reg0[0..7]=0x155: value 0x155 does not fit into 8 "
	  "bits)" },
	{ "learn(reg0[0..7]=reg1)",
	  "reg0[0..7]=reg1: bit widths of reg0[0..7] (8) and reg1 (32) differ" },
	{ "learn(tun_erspan_idx=5)",
	  "tun_erspan_idx=5: experimenter OXM field 'tun_erspan_idx' not supported" },
	{ "learn(load:5)", "load: missing `->' in `5'" },
	{ "learn(load:1.2.3.4->ip_dst)", "load: garbage before `->' in `1.2.3.4->ip_dst'" },
	{ "learn(load:0x1f->reg0[0..3])", "0x1f->reg0[0..3]: value does not fit into 4 bits" },
	{ "learn(load:reg1->reg0[0..7])",
	  "reg1->reg0[0..7]: source field is 32 bits wide but destination is 8 bits wide" },
	{ "learn(output:5)", "5: unknown field `5'" },
	{ "learn(result_dst=reg0)", "result_dst in 'learn' action must be a single bit" },
	{ "learn(result_dst=nw_proto[0])", "nw_proto[0] is read-only" },
	{ "multipath(eth_src,50,modulo_n,1,0)",
	  "eth_src,50,modulo_n,1,0: not enough arguments to multipath action" },
	{ "multipath(xyzzy,50,modulo_n,1,0,reg0)",
	  "xyzzy,50,modulo_n,1,0,reg0: unknown fields `xyzzy'" },
	{ "multipath(eth_src,50,fubar,1,0,reg0)",
	  "eth_src,50,fubar,1,0,reg0: unknown algorithm `fubar'" },
	{ "multipath(eth_src,50,modulo_n,0,0,reg0)",
	  "eth_src,50,modulo_n,0,0,reg0: n_links 0 is not in valid range 1 to 65536" },
	{ "multipath(eth_src,50,modulo_n,1024,0,reg0[0..7])",
	  "eth_src,50,modulo_n,1024,0,reg0[0..7]: 8-bit destination field has 256 possible values, "
	  "less than specified n_links 1024" },
	{ "multipath(eth_src,50,modulo_n,1,0,xxreg0)",
	  "eth_src,50,modulo_n,1,0,xxreg0: xxreg0 has 128 bits, more than the 64 that fit" },
	{ "bundle(eth_src,0,hrw,ofport)",
	  "eth_src,0,hrw,ofport: not enough arguments to bundle action" },
	{ "bundle(eth_src,0,hrw,fubar,members:1)",
	  "eth_src,0,hrw,fubar,members:1: unknown member_type `fubar'" },
	{ "bundle(eth_src,0,hrw,ofport,robots:1)",
	  "eth_src,0,hrw,ofport,robots:1: missing member delimiter, expected `members', got "
	  "`robots'" },
	{ "bundle(eth_src,0,hrw,ofport,members:xyzzy)", "xyzzy: bad port number" },
	{ "bundle_load(eth_src,0,hrw,ofport,reg0[0..14],members:1)",
	  "eth_src,0,hrw,ofport,reg0[0..14],members:1: a port number needs 16 bits, reg0[0..14] "
	  "has 15" },
	{ "sample(collector_set_id=1)", "non-zero \"probability\" must be specified on sample" },
	{ "sample(probability=0)", "invalid probability value \"0\"" },
	{ "sample(probability=5,foo=1)", "invalid key \"foo\" in \"sample\" argument" },
	{ "sample(probability=5,sampling_port=foo)", "foo: unknown port" },
	{ "sample(probability=5,obs_domain_id=xreg0)", "xreg0: an id has at most 32 bits, not 64" },
	{ "encap", "Missing encap hdr: " },
	{ "encap(foo)", "Encap hdr not supported: foo" },
	{ "encap(nsh(md_type=3))", "invalid md_type" },
	{ "encap(nsh(md_type=x))", "invalid md_type \"x\"" },
	{ "encap(nsh(tlv(1000,10,0x12)))", "Invalid NSH TLV header: 1000,10,0x12" },
	{ "encap(nsh(tlv(0x1000,10,0x123)))", "Invalid NSH TLV header: 0x1000,10,0x123" },
	{ "encap(ethernet(foo=1))", "Invalid property: foo" },
	{ "decap(foo)", "Invalid decap argument: foo" },
	{ "decap(packet_type(ns=70000,type=1))", "invalid ns \"70000\"" },
	{ "decap(packet_type(ns=5,type=1))", "Unsupported ns value: 5" },
	{ "decap(packet_type(type=1))", "Missing packet_type attribute ns" },
	{ "controller(meter_id=x)", "invalid numeric format x" },
	{ "clone(goto_table:5)", "goto_table instruction not allowed here" },
	{ "write_actions(push:reg0)", "push is not allowed in an action set" },
	{ "ct(commit,exec(learn(table=1)))", "ct action doesn't support nested action learn" },
	{ "ct(commit,exec(group:1))", "ct action doesn't support nested action group" },
};

START_TEST(bad_text_is_refused_in_words)
{
	AUTO(strbuf) acts = STRBUF_INIT;
	struct error err = ERROR_INIT;

	ck_assert_msg(acts_parse(refused[_i].text, NULL, &acts, &err), "%s is accepted",
		      refused[_i].text);
	ck_assert_str_eq(err.text, refused[_i].error);
}
END_TEST

// ---- Checks against the match ----

static const struct {
	const char *flow;
	uint32_t versions; // that can have it: any, 1.0 only
	const char *error; // NULL: none
} matched[] = {
	{ "ip,actions=push_mpls:0x8847,dec_ttl", 1 << OFP10, NULL },
	{ "ip,actions=push_mpls:0x8847,set_field:1.2.3.4->ip_src", 0, "MATCH_INCONSISTENT" },
	{ "ip,actions=mod_nw_src:1.2.3.4,push_mpls:0x8847", 0x7e, NULL },
	{ "mpls,actions=pop_mpls:0x0800,set_field:1.2.3.4->ip_src", 0x7e, NULL },
	{ "mpls,actions=pop_mpls:0x86dd,set_field:1.2.3.4->ip_src", 0, "MATCH_INCONSISTENT" },
	{ "mpls,actions=pop_mpls:0x8847,set_mpls_label:5", 0x7e, NULL },
	{ "mpls,actions=pop_mpls:0x0800,set_mpls_label:5", 1 << OFP10, NULL },
	{ "actions=pop_mpls:0x0800", 1 << OFP10, NULL },
	{ "actions=dec_mpls_ttl", 1 << OFP10, NULL },
	{ "actions=push_mpls:0x8847,dec_mpls_ttl", 0x7e, NULL },
	{ "dl_vlan=5,actions=push_mpls:0x8847,strip_vlan", 0x7e, NULL },
	{ "dl_vlan=5,actions=strip_vlan,strip_vlan", 1 << OFP10, NULL },
	{ "dl_vlan=5,actions=push_vlan:0x8100,pop_vlan,pop_vlan", 0x7c, NULL },
	{ "dl_vlan=5,actions=push_vlan:0x8100,push_vlan:0x8100", 0, "BAD_TAG" },
	{ "actions=load:1->NXM_OF_VLAN_TCI[12],strip_vlan", 0x7e, NULL },
	{ "dl_vlan=5,actions=load:0->NXM_OF_VLAN_TCI[],strip_vlan", 1 << OFP10, NULL },
	{ "tcp,actions=push_mpls:0x8847,pop_mpls:0x800,set_field:5->tcp_dst", 0,
	  "MATCH_INCONSISTENT" },
	{ "actions=clone(dec_ttl)", 1 << OFP10, NULL },
	{ "actions=write_actions(dec_ttl)", 0x7c, NULL },
	{ "udp,actions=fin_timeout(idle_timeout=5)", 1 << OFP10, NULL },
	{ "tcp,actions=fin_timeout(idle_timeout=5)", 0x7e, NULL },
	{ "actions=push:tcp_dst", 0, "MATCH_INCONSISTENT" },
	{ "ip,actions=pop:nw_proto", 0, "BAD_SET_ARGUMENT" },
	{ "actions=pop:nw_proto", 0, "MATCH_INCONSISTENT" },
	{ "actions=delete_field:reg0", 0, "BAD_ARGUMENT" },
	{ "actions=multipath(eth_src,50,modulo_n,1,0,tcp_src)", 0, "MATCH_INCONSISTENT" },
	{ "tcp,actions=multipath(eth_src,50,modulo_n,1,0,tcp_src)", 0x7e, NULL },
	{ "actions=bundle(eth_src,0,hrw,ofport,members:CONTROLLER)", 0, "BAD_OUT_PORT" },
	{ "actions=bundle(eth_src,0,hrw,ofport,members:NORMAL)", 0x7e, NULL },
	{ "actions=learn(eth_type=0x800,nw_proto=17,udp_dst=udp_src)", 0, "MATCH_INCONSISTENT" },
	{ "udp,actions=learn(eth_type=0x800,nw_proto=17,udp_dst=udp_src)", 0x7e, NULL },
	{ "udp,actions=learn(nw_proto=17,udp_dst=udp_src)", 0, "MATCH_INCONSISTENT" },
	{ "actions=learn(load:5->nw_proto)", 0, "MATCH_INCONSISTENT" },
	{ "actions=learn(eth_type=0x800,load:5->nw_proto)", 0, "BAD_SET_ARGUMENT" },
	{ "actions=sample(probability=1,obs_domain_id=ip_src)", 0, "MATCH_INCONSISTENT" },
	{ "ip,actions=encap(nsh(md_type=1)),set_field:5->nsh_spi,encap(ethernet),"
	  "set_field:00:00:00:00:00:05->eth_dst",
	  0x70, NULL },
	{ "ip,actions=encap(nsh),set_field:00:00:00:00:00:01->eth_src", 0, "MATCH_INCONSISTENT" },
	{ "actions=decap,set_field:00:00:00:00:00:01->eth_src", 0, "MATCH_INCONSISTENT" },
	{ "ip,actions=decap,set_field:1.1.1.1->ip_src", 0x70, NULL },
	{ "dl_type=0x894f,actions=decap,decap,dec_nsh_ttl", 0, "MATCH_INCONSISTENT" },
	{ "actions=dec_nsh_ttl", 0, "MATCH_INCONSISTENT" },
};

START_TEST(matches_decide)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t formats, versions;
	int error = flow_mod_parse(matched[_i].flow, FM_ADD, NULL, &fm, &formats, &err);

	if (matched[_i].error) {
		ck_assert_msg(error && strstr(err.text, matched[_i].error), "%s: %s",
			      matched[_i].flow, error ? err.text : "accepted");
		return;
	}
	ck_assert_msg(!error, "%s: %s", matched[_i].flow, err.text);
	versions = flow_formats_versions(formats);
	ck_assert_msg(versions == matched[_i].versions, "%s: %#x", matched[_i].flow, versions);
	flow_mod_uninit(&fm);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("openflow-actions");
	TCase *t = tcase_create("bytes");

	tcase_add_test(t, debug_actions_are_for_those_who_asked);
	suite_add_tcase(s, t);
	t = tcase_create("rows");
	tcase_add_checked_fixture(t, allow_debug, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, bytes_come_back, 0, ARRAY_SIZE(raws));
	tcase_add_loop_test(t, a_form_stays_as_it_came, 0, ARRAY_SIZE(forms));
	tcase_add_loop_test(t, lengths_are_checked, 0, ARRAY_SIZE(raws));
	tcase_add_loop_test(t, mutations_do_no_harm, 0, ARRAY_SIZE(raws));
	tcase_add_loop_test(t, text_comes_back, 0, ACT_MAX);
	tcase_add_loop_test(t, equal_lists_are_equal_bytes, 0, ACT_MAX);
	suite_add_tcase(s, t);
	t = tcase_create("refusals");
	tcase_add_loop_test(t, bad_text_is_refused_in_words, 0, ARRAY_SIZE(refused));
	tcase_add_loop_test(t, matches_decide, 0, ARRAY_SIZE(matched));
	suite_add_tcase(s, t);
	return suite_run(s);
}
